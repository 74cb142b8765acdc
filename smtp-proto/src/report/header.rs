//! What a server may want to know of the header section of a content: where it ends, and how often it was received.
//!
//! ```abnf
//! message  = *( field CRLF ) [ CRLF body ]
//! received = "Received" *WSP ":"              ; in any case; RFC 5322 3.6.7, with the white space of its obsolete form
//! ```

use memchr::memchr;

/// The number of Received fields over which a message goes in a loop: "at least 100" (RFC 5321 6.3).
pub const HOP_LIMIT: u32 = 100;

const NAME: &[u8] = b"received";

/// Counts the Received fields of a content that comes in pieces, whatever the pieces are.
///
/// A field is counted once, however it is folded; nothing behind the first empty line is looked at. A bare LF ends a line here, so that
/// a content that was let in with such lines is counted too.
///
/// ```
/// use smtp_proto::report::{HOP_LIMIT, Hops};
///
/// let mut hops = Hops::new();
/// for run in [&b"RECEIVED: from a\r\n by b; .."[..], b"\r\nSubject: x\r", b"\n\r\nReceived: no\r\n"] {
///     hops.push(run);
/// }
/// assert_eq!(hops.count(), 1);
/// assert!(hops.count() <= HOP_LIMIT, "else the reply is 554 5.4.6");
/// ```
#[derive(Clone, Debug, Default)]
pub struct Hops {
    count: u32,
    place: Place,
}

#[derive(Clone, Copy, Debug)]
enum Place {
    /// In a line of which so many octets, all of them so far, are the name.
    Name(u8),
    /// Behind a line that begins with CR.
    Cr,
    /// In the rest of a line.
    Rest,
    /// Behind the empty line.
    Over,
}

impl Default for Place {
    fn default() -> Self {
        Self::Name(0)
    }
}

impl Hops {
    /// In front of the content.
    #[must_use]
    pub const fn new() -> Self {
        Self { count: 0, place: Place::Name(0) }
    }

    /// Looks at the next octets of the content.
    pub fn push(&mut self, mut run: &[u8]) {
        while let Some((&octet, behind)) = run.split_first() {
            run = behind;
            self.place = match self.place {
                Place::Over => return,
                Place::Rest if octet != b'\n' => {
                    let end = memchr(b'\n', run).unwrap_or(run.len());
                    run = run.get(end..).unwrap_or_default();
                    Place::Rest
                }
                Place::Rest => Place::Name(0),
                Place::Name(0) | Place::Cr if octet == b'\n' => Place::Over,
                Place::Name(0) if octet == b'\r' => Place::Cr,
                Place::Cr => Place::Rest,
                Place::Name(matched) => self.name(matched, octet),
            };
        }
    }

    /// How many Received fields there were so far.
    #[must_use]
    pub const fn count(&self) -> u32 {
        self.count
    }

    /// Whether the header section is over, and `count` final.
    #[must_use]
    pub const fn is_over(&self) -> bool {
        matches!(self.place, Place::Over)
    }

    fn name(&mut self, matched: u8, octet: u8) -> Place {
        match (octet, NAME.get(usize::from(matched))) {
            (b'\n', _) => Place::Name(0),
            (_, Some(expected)) if octet.to_ascii_lowercase() == *expected => {
                Place::Name(matched.saturating_add(1))
            }
            (b' ' | b'\t', None) => Place::Name(matched),
            (b':', None) => {
                self.count = self.count.saturating_add(1);
                Place::Rest
            }
            _ => Place::Rest,
        }
    }
}

/// How many Received fields the header section at the front of `content` has; as [`Hops`], for a content in one piece.
///
/// ```
/// let content = b"Received: from a\r\n by b\r\nreceived : c\r\nX-Received: d\r\n\r\nReceived: e\r\n";
/// assert_eq!(smtp_proto::report::count_received(content), 2);
/// ```
#[must_use]
pub fn count_received(content: &[u8]) -> u32 {
    let mut hops = Hops::new();
    hops.push(content);
    hops.count()
}

/// The header section at the front of `content`: every line in front of the first empty one, or all of it.
///
/// It is what a report returns for [`Ret::Headers`](crate::Ret::Headers).
///
/// ```
/// use smtp_proto::report::header_section;
///
/// assert_eq!(header_section(b"Subject: x\r\n\r\nHi!\r\n"), b"Subject: x\r\n");
/// assert_eq!(header_section(b"\r\nHi!\r\n"), b"");
/// ```
#[must_use]
pub fn header_section(content: &[u8]) -> &[u8] {
    let mut rest = content;
    while !rest.is_empty() && !rest.starts_with(b"\r\n") && !rest.starts_with(b"\n") {
        let end = memchr(b'\n', rest).map_or(rest.len(), |end| end.saturating_add(1));
        rest = rest.get(end..).unwrap_or_default();
    }
    content.get(..content.len().saturating_sub(rest.len())).unwrap_or(content)
}

#[cfg(test)]
mod tests {
    use alloc::string::String;

    use proptest::prelude::*;

    use super::*;

    const TABLE: &[(&[u8], u32, usize)] = &[
        (b"", 0, 0),
        (b"\r\nReceived: x\r\n", 0, 0),
        (b"\nReceived: x\r\n", 0, 0),
        (b"Received: x\r\n", 1, 13),
        (b"Received: x", 1, 11),
        (b"Received:\r\n\r\n", 1, 11),
        (b"Received", 0, 8),
        (b"Received\r\n: x\r\n", 0, 15),
        (b"rEcEiVeD\t : x\r\n", 1, 15),
        (b"Received: x\r\n Received: y\r\n\tReceived: z\r\n", 1, 41),
        (b"Received: x\r\nReceived: y\r\n\r\nReceived: z\r\n", 2, 26),
        (b"Received: x\nReceived: y\n\nReceived: z\n", 2, 24),
        (b"Received: x\r\n\nReceived: z\r\n", 1, 13),
        (b"Received-SPF: x\r\nX-Received: y\r\nReceivedd: z\r\n", 0, 46),
        (b"Subject: Received: x\r\nReceived: y\r\n", 1, 35),
        (b"R\r\nReceived: x\r\n", 1, 16),
        // A bare CR begins no line and ends no header section.
        (b"\rReceived: x\r\nReceived: y\r\n", 1, 27),
        (b"\r\r\nReceived: y\r\n", 1, 16),
    ];

    #[test]
    fn fields_are_counted_by_name_once_and_in_the_header_section_only() {
        for &(content, count, section) in TABLE {
            let shown = String::from_utf8_lossy(content);
            assert_eq!(count_received(content), count, "{shown}");
            assert_eq!(header_section(content).len(), section, "{shown}");
        }
    }

    #[test]
    fn the_count_does_not_depend_on_the_cuts() {
        for &(content, count, _) in TABLE {
            for cut in 0..=content.len() {
                let mut hops = Hops::new();
                hops.push(&content[..cut]);
                hops.push(&[]);
                hops.push(&content[cut..]);
                assert_eq!(hops.count(), count, "{} at {cut}", String::from_utf8_lossy(content));
            }
            let mut hops = Hops::new();
            content.chunks(1).for_each(|octet| hops.push(octet));
            assert_eq!(hops.count(), count);
        }
    }

    #[test]
    fn the_end_of_the_section_is_seen() {
        let mut hops = Hops::new();
        hops.push(b"Subject: x\r\n\r");
        assert!(!hops.is_over());
        hops.push(b"\n");
        assert!(hops.is_over());
    }

    proptest! {
        #[test]
        fn any_content_is_counted_as_its_unfolded_lines_say(content in "([Rr]eceived|X|[ \t]|:|\r\n|\n|\r|a){0,60}") {
            let section = header_section(content.as_bytes());
            let expected = section.split(|&octet| octet == b'\n').filter(|line| {
                let colon = line.iter().position(|&octet| octet == b':');
                let name = colon.and_then(|colon| line.get(..colon)).unwrap_or_default();
                let length = name.iter().rposition(|octet| !matches!(octet, b' ' | b'\t'));
                length.is_some_and(|last| name[..=last].eq_ignore_ascii_case(NAME))
            });
            prop_assert_eq!(count_received(content.as_bytes()) as usize, expected.count());
            prop_assert_eq!(count_received(section), count_received(content.as_bytes()));
        }
    }
}
