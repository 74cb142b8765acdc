//! Octets of a peer, shown so that they can do nothing to a terminal or a log.

use core::fmt;

/// Shows printable US-ASCII as it is and every other octet as `\xhh`; a backslash stays.
///
/// ```
/// use smtp_proto::Escaped;
///
/// assert_eq!(Escaped(b"NOOP \x1b[2J\xff\r\n").to_string(), r"NOOP \x1b[2J\xff\x0d\x0a");
/// ```
#[derive(Clone, Copy, Debug)]
#[expect(clippy::exhaustive_structs, reason = "a view of octets and nothing more")]
pub struct Escaped<'a>(pub &'a [u8]);

impl fmt::Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|&octet| match octet {
            b' '..=b'~' => fmt::Write::write_char(f, char::from(octet)),
            _ => write!(f, "\\x{octet:02x}"),
        })
    }
}

/// Shows text with its control characters escaped, those of C1 included.
pub(crate) struct EscapedText<'a>(pub(crate) &'a str);

impl fmt::Display for EscapedText<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.chars().try_for_each(|c| {
            if c.is_control() {
                write!(f, "{}", c.escape_unicode())
            } else {
                fmt::Write::write_char(f, c)
            }
        })
    }
}
