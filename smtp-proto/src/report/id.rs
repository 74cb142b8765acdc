//! The name of a report.
//!
//! ```abnf
//! id         = part *( "." part )                    ; at most 60 octets
//! part       = 1*( ALPHA / DIGIT / "-" / "_" )
//! Message-ID = "<" id "@" mta-name ">"               ; RFC 5322 3.6.4
//! boundary   = "=_" id                               ; at most 70 octets: RFC 2046 5.1.1
//! ```

use alloc::format;
use core::fmt;

use memchr::memmem;

/// Octets of an id.
const LIMIT: usize = 60;

/// The name of one report, from which its Message-ID and the boundary between its parts are made.
///
/// It has to be unique, and nobody may guess it before: the report returns what a stranger wrote, and if that held the boundary, it
/// could add parts of its own. A random part of 64 bits does. Without a source of randomness, [`occurs_in`](Self::occurs_in) tells
/// whether another id is needed.
///
/// ```
/// use smtp_proto::report::Id;
///
/// let id = Id::new("1751356800.9f86d081884c7d65").unwrap();
/// assert!(!id.occurs_in(b"Subject: hello\r\n\r\nHi!\r\n"));
/// assert!(id.occurs_in(b"\r\n--=_1751356800.9f86d081884c7d65\r\nContent-Type: text/html\r\n"));
/// assert_eq!(Id::new("4711\r\nBcc: eve@example.test"), None);
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Id<'a>(&'a str);

impl<'a> Id<'a> {
    /// The id of this text; `None` unless it is 1 to 60 letters, digits, `-` and `_` of US-ASCII, in parts with a dot between them.
    #[must_use]
    pub fn new(text: &'a str) -> Option<Self> {
        let sound = |part: &str| {
            !part.is_empty()
                && part
                    .bytes()
                    .all(|octet| octet.is_ascii_alphanumeric() || octet == b'-' || octet == b'_')
        };
        (text.len() <= LIMIT && text.split('.').all(sound)).then_some(Self(text))
    }

    /// The text.
    #[must_use]
    pub const fn as_str(&self) -> &'a str {
        self.0
    }

    /// Whether the delimiter of the report stands anywhere in `content`, which must then not be returned under this id.
    #[must_use]
    pub fn occurs_in(&self, content: &[u8]) -> bool {
        memmem::find(content, format!("--=_{}", self.0).as_bytes()).is_some()
    }
}

/// The text.
impl fmt::Display for Id<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

impl fmt::Debug for Id<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Id({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_can_stand_in_a_message_id_and_a_boundary() {
        for text in ["a", "4711", "a-b_c.D.9", &"a".repeat(60)] {
            assert!(Id::new(text).is_some(), "{text}");
        }
        for text in [
            "",
            ".",
            ".a",
            "a.",
            "a..b",
            "a b",
            "a@b",
            "a\"b",
            "a>b",
            "é",
            "a\r\nb",
            &"a".repeat(61),
        ] {
            assert_eq!(Id::new(text), None, "{text}");
        }
    }

    #[test]
    fn a_delimiter_is_found_wherever_it_stands() {
        let id = Id::new("x").unwrap();
        assert!(
            id.occurs_in(b"--=_x") && id.occurs_in(b"a--=_x--") && id.occurs_in(b"\r\n--=_xyz")
        );
        assert!(!id.occurs_in(b"") && !id.occurs_in(b"=_x") && !id.occurs_in(b"--=_X"));
    }
}
