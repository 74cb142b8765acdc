//! Trace fields and delivery reports, as pure formatting of typed values.
//!
//! What a server puts on top of a content that it takes ([`Received`]; at final delivery also [`ReturnPath`]), what it reads there to
//! notice a loop ([`Hops`]), what a submission server completes ([`Completion`]), and the report by which a sender learns what became of a message ([`Report`]). There is no clock and no
//! randomness here: the caller gives dates and ids.
//!
//! Whatever a peer said, it stays in its field: control characters are written as `?`, and no line passes 998 octets.
//!
//! ```
//! use smtp_proto::report::{Date, Received, ReturnPath};
//! use smtp_proto::{Host, ReversePath};
//!
//! let now = Date::local(1_751_356_800, 120).unwrap();
//! let mut delivered = Vec::new();
//! ReturnPath::new(ReversePath::Null).encode(&mut delivered);
//! Received::new(Host::parse(b"client.test")?, Host::parse(b"mx.test")?, "ESMTP", now).encode(&mut delivered);
//! delivered.extend_from_slice(b"Subject: hello\r\n\r\nHi!\r\n");
//! assert_eq!(
//!     String::from_utf8(delivered).unwrap(),
//!     "Return-Path: <>\r\n\
//!      Received: from client.test by mx.test with ESMTP;\r\n    \
//!          Tue, 01 Jul 2025 10:00:00 +0200\r\n\
//!      Subject: hello\r\n\r\nHi!\r\n"
//! );
//! # Ok::<(), smtp_proto::ParseError>(())
//! ```

mod completion;
mod date;
mod dsn;
mod fold;
mod header;
mod id;
mod recipient;
mod text;
mod trace;

use alloc::string::{String, ToString};

pub use completion::Completion;
pub use date::Date;
pub use dsn::{Report, ReportError};
pub use header::{HOP_LIMIT, Hops, count_received, header_section};
pub use id::Id;
pub use recipient::{Action, Recipient};
pub use trace::{Received, ReturnPath};

use crate::Host;

/// The wire form of a host, unlike its `Display` without escapes: what must not stand in a line is replaced there.
fn wire_form(host: Host<'_>) -> String {
    match host {
        Host::Domain(domain) => domain.as_str().to_string(),
        Host::Literal(literal) => literal.to_string(),
    }
}
