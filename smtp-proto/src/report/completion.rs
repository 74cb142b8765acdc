//! What a submission server may complete in a message that a user hands in (RFC 6409 8.2, 8.3): a Date and a Message-ID.
//!
//! ```abnf
//! orig-date  = "Date:" date-time CRLF          ; RFC 5322 3.6.1
//! message-id = "Message-ID:" msg-id CRLF       ; RFC 5322 3.6.4
//! ```
//!
//! ```
//! use smtp_proto::Host;
//! use smtp_proto::report::{Completion, Date, Id};
//!
//! let mut completion = Completion::new();
//! for run in [&b"From: me@x.test\r\nSub"[..], b"ject: hello\r\n\r\nDate: in the body\r\n"] {
//!     completion.push(run);
//! }
//! assert!(completion.is_over(), "the header section is whole");
//! let mut missing = Vec::new();
//! let id = Id::new("4711.9f86d081").unwrap();
//! completion.encode(Date::utc(1_751_356_800), id, Host::parse(b"mail.x.test")?, &mut missing);
//! assert_eq!(
//!     String::from_utf8(missing).unwrap(),
//!     "Date: Tue, 01 Jul 2025 08:00:00 +0000\r\nMessage-ID: <4711.9f86d081@mail.x.test>\r\n"
//! );
//! # Ok::<(), smtp_proto::ParseError>(())
//! ```

use bytes::BufMut;

use super::{Date, Id, wire_form};
use crate::Host;

/// The longest name that is looked for, and one octet more.
const NAME_LIMIT: usize = 11;

/// Notices which fields a header section has, in runs cut anywhere, and writes those that are missing.
///
/// What is there is never changed: a wrong Date is the user's (RFC 6409 8).
#[derive(Clone, Debug, Default)]
pub struct Completion {
    /// The front of the line, in lower case.
    name: [u8; NAME_LIMIT],
    /// Octets of the line, as far as it may be a field that is looked for.
    length: usize,
    /// The rest of the line is of no interest.
    skips: bool,
    date: bool,
    message_id: bool,
    over: bool,
}

impl Completion {
    /// In front of the first octet.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            name: [0; NAME_LIMIT],
            length: 0,
            skips: false,
            date: false,
            message_id: false,
            over: false,
        }
    }

    /// Takes a run of the content; what stands behind the header section is passed over.
    pub fn push(&mut self, run: &[u8]) {
        for &octet in run {
            if self.over {
                return;
            }
            self.take(octet);
        }
    }

    fn take(&mut self, octet: u8) {
        match octet {
            b'\n' => {
                // The empty line, with its CR or, repaired, without.
                self.over = !self.skips && self.length == 0;
                (self.length, self.skips) = (0, false);
            }
            b'\r' => {}
            _ if self.skips => {}
            b':' => {
                match self.name.get(..self.length) {
                    Some(b"date") => self.date = true,
                    Some(b"message-id") => self.message_id = true,
                    _ => {}
                }
                self.skips = true;
            }
            // RFC 5322 4.5: white space in front of the colon is obsolete, and read. In front of the name it folds a line.
            b' ' | b'\t' if self.length > 0 => {}
            _ => match self.name.get_mut(self.length) {
                Some(place) if !matches!(octet, b' ' | b'\t') => {
                    *place = octet.to_ascii_lowercase();
                    self.length = self.length.saturating_add(1);
                }
                _ => self.skips = true,
            },
        }
    }

    /// Whether the header section is over, so that nothing more can change.
    #[must_use]
    pub const fn is_over(&self) -> bool {
        self.over
    }

    /// Whether a Date field is there.
    #[must_use]
    pub const fn has_date(&self) -> bool {
        self.date
    }

    /// Whether a Message-ID field is there.
    #[must_use]
    pub const fn has_message_id(&self) -> bool {
        self.message_id
    }

    /// Appends the fields that are missing, each with its CRLF; they go in front of the content. `id` has to be unique at `host`.
    pub fn encode(&self, now: Date, id: Id<'_>, host: Host<'_>, out: &mut impl BufMut) {
        let mut field = |text: &str| out.put_slice(text.as_bytes());
        if !self.date {
            field(&alloc::format!("Date: {now}\r\n"));
        }
        if !self.message_id {
            field(&alloc::format!("Message-ID: <{}@{}>\r\n", id.as_str(), wire_form(host)));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whether Date and Message-ID are seen, and whether the header section is over, however the content is cut.
    fn seen(content: &[u8]) -> (bool, bool, bool) {
        let run = |piece: usize| {
            let mut completion = Completion::new();
            content.chunks(piece).for_each(|run| completion.push(run));
            (completion.has_date(), completion.has_message_id(), completion.is_over())
        };
        let whole = run(content.len());
        for piece in 1..content.len() {
            assert_eq!(run(piece), whole, "pieces of {piece}");
        }
        whole
    }

    #[test]
    fn fields_are_noticed_in_any_case_and_in_the_header_section_only() {
        let table: [(&[u8], _); 8] = [
            (b"DATE: x\r\nmessage-id : <a@b>\r\n\r\n", (true, true, true)),
            (b"Subject: Date: x\r\n\r\nDate: y\r\n", (false, false, true)),
            (b"Resent-Date: x\r\nX-Message-ID: y\r\n\r\n", (false, false, true)),
            (b"Subject: a\r\n Date: folded\r\n\tMessage-ID: folded\r\n\r\n", (false, false, true)),
            (b"Dates: x\r\nDat: e\r\nMessage-IDs: y\r\n\r\n", (false, false, true)),
            (b"\r\nDate: x\r\n", (false, false, true)),
            (b"Date: x\n\nMessage-ID: y\n", (true, false, true)),
            (b"Date: x\r\n", (true, false, false)),
        ];
        for (content, expected) in table {
            assert_eq!(seen(content), expected, "{}", crate::Escaped(content));
        }
    }

    #[test]
    fn only_what_is_missing_is_written() {
        let (now, id) = (Date::utc(1_751_356_800), Id::new("1").unwrap());
        let host = Host::parse(b"[192.0.2.1]").unwrap();
        let written = |content: &[u8]| {
            let (mut completion, mut out) = (Completion::new(), alloc::vec::Vec::new());
            completion.push(content);
            completion.encode(now, id, host, &mut out);
            alloc::string::String::from_utf8(out).unwrap()
        };
        assert_eq!(written(b"Date: x\r\nMessage-ID: y\r\n\r\n"), "");
        assert_eq!(written(b"Date: x\r\n\r\n"), "Message-ID: <1@[192.0.2.1]>\r\n");
    }
}
