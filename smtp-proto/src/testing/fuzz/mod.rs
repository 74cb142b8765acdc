//! What a fuzzer drives: functions that take any octets, and panic where something does not hold.
//!
//! Each is a fuzz target of `fuzz/`, and can be driven by any other fuzzer, or by a test that replays what one found. They hold
//! equalities, not only that nothing panics: what is read and written and read again is the same, where octets are cut changes nothing,
//! every question is answered once.
//!
//! ```
//! use smtp_proto::testing::fuzz::{TARGETS, command};
//!
//! command(b"MAIL FROM:<a@x.test> SIZE=10");
//! for target in TARGETS {
//!     (target.run)(b"any octets at all");
//! }
//! ```

mod caller;
mod calling;
mod chunks;
mod client;
mod content;
mod input;
mod lines;
mod pair;
mod policies;
mod reply;
mod report;
mod respondent;
mod seeds;
mod sending;
mod serving;
mod session;
mod stage;
mod tokens;

pub use caller::caller;
pub use client::client_session;
pub use content::data;
pub use lines::{address, command, differential, encodings, params};
pub use pair::pair;
pub use reply::reply;
pub use report::report;
pub use seeds::{OCTETS, dictionary, row};
pub use session::server_session;

/// A function that a fuzzer drives.
///
/// ```
/// use smtp_proto::testing::fuzz::TARGETS;
///
/// let target = TARGETS.iter().find(|target| target.name == "data").ok_or("no such target")?;
/// (target.run)(b"\x10\x11\x12\x13one\r\n.\r\n");
/// # Ok::<(), &str>(())
/// ```
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Target {
    /// Its name.
    pub name: &'static str,
    /// Panics where something does not hold for these octets.
    pub run: fn(&[u8]),
}

/// All targets.
pub const TARGETS: [Target; 12] = [
    Target { name: "command", run: command },
    Target { name: "reply", run: reply },
    Target { name: "address", run: address },
    Target { name: "params", run: params },
    Target { name: "encodings", run: encodings },
    Target { name: "data", run: data },
    Target { name: "server_session", run: server_session },
    Target { name: "client_session", run: client_session },
    Target { name: "pair", run: pair },
    Target { name: "caller", run: caller },
    Target { name: "report", run: report },
    Target { name: "differential", run: differential },
];
