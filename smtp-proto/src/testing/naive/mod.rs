//! A second parser for each production, written to be obviously right and not to be fast.
//!
//! Nothing of the parsers that the machines use is called here: text is split at every place where it could be split, character classes
//! are strings to look a character up in, and values are owned. Whoever changes a parser, or fuzzes it, has something to compare with:
//! [`Production::compare`] reads the same octets twice and says where the two disagree. They agree on whether octets are well-formed, on
//! what they mean, and on nothing else: which fault of several is named, and at which octet, is the parser's own affair.
//!
//! ```
//! use smtp_proto::Syntax;
//! use smtp_proto::testing::naive::{self, Production};
//!
//! let mailbox = naive::mailbox(br#""Joe\,Smith"@example.test"#, Syntax::STRICT).unwrap();
//! assert_eq!(mailbox.unquoted, "Joe,Smith");
//!
//! for production in Production::ALL {
//!     production.compare(b"MAIL FROM:<alice@x.test> SIZE=5", Syntax::default())?;
//! }
//! # Ok::<(), naive::Difference>(())
//! ```

mod address;
mod command;
mod compare;
mod encoding;
mod params;
mod reply;

pub use address::{Host, Mailbox, Path, forward_path, host, mailbox, reverse_path};
pub use command::{Command, Fault, command};
pub use compare::{Difference, Production};
pub use encoding::{base64, xtext};
pub use params::{Meaning, Param, mail_params, rcpt_params};
pub use reply::{Reply, ehlo, reply};

const DIGITS: &str = "0123456789";
const HEX: &str = "0123456789ABCDEF";
const LETTERS: &str = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";

/// Whether `text` has only characters of these sets, or outside US-ASCII where `more` says so.
fn only(text: &str, sets: &[&str], more: NonAscii) -> bool {
    text.chars().all(|c| {
        sets.iter().any(|set| set.contains(c)) || (more == NonAscii::Too && u32::from(c) > 127)
    })
}

/// Whether RFC 6531 3.3 adds UTF8-non-ascii to a class.
#[derive(Clone, Copy, PartialEq, Eq)]
enum NonAscii {
    Too,
    Not,
}

/// `%d32-126`.
fn is_printable(c: char) -> bool {
    (32..=126).contains(&u32::from(c))
}
