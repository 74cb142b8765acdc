//! What a content is like, before it is sent: its length for SIZE, and what it asks of a server.

use super::Content;
use crate::data::{ContentFault, LineEnds, Scan, Stray, scan};

/// Counts a content that passes by in pieces.
///
/// ```
/// use smtp_proto::data::LineEnds;
/// use smtp_proto::delivery::{Content, Survey};
///
/// let mut survey = Survey::new(LineEnds::Normalise);
/// survey.take(b"Subject: hi\n\n.\n");
/// assert_eq!(survey.content(), Content::seven_bit().with_octets(18));
/// ```
#[derive(Clone, Debug)]
pub struct Survey {
    line_ends: LineEnds,
    content: Content,
    octets: u64,
    /// Octets that were taken.
    at: u64,
    cr: bool,
    /// The line so far has octets.
    in_line: bool,
    in_header: bool,
    utf8: Utf8,
    fault: Option<ContentFault>,
}

impl Survey {
    /// A survey in front of the first octet, for a client that treats newlines so.
    #[must_use]
    pub const fn new(line_ends: LineEnds) -> Self {
        Self {
            line_ends,
            content: Content::seven_bit(),
            octets: 0,
            at: 0,
            cr: false,
            in_line: false,
            in_header: true,
            utf8: Utf8 { octets: [0; 4], filled: 0, seen: false, sound: true },
            fault: None,
        }
    }

    /// Takes the next octets.
    pub fn take(&mut self, octets: &[u8]) {
        let mut rest = octets;
        while let Some((&octet, behind)) = rest.split_first() {
            match self.run(rest) {
                0 => {
                    self.one(octet);
                    rest = behind;
                }
                taken => rest = rest.get(taken..).unwrap_or_default(),
            }
        }
    }

    /// Takes what the body has of whole lines and text at the front, and returns how much that was. The header is looked at octet by octet.
    fn run(&mut self, octets: &[u8]) -> usize {
        if self.in_header || self.cr {
            return 0;
        }
        let Scan { len, eight_bit, .. } = scan(octets, self.content.eight_bit);
        if let Some(run @ [_, ..]) = octets.get(..len) {
            self.content.eight_bit = eight_bit;
            self.octets = self.octets.saturating_add(run.len() as u64);
            self.at = self.at.saturating_add(run.len() as u64);
            self.in_line = !run.ends_with(b"\r\n");
        }
        len
    }

    fn one(&mut self, octet: u8) {
        let behind_cr = core::mem::take(&mut self.cr);
        if behind_cr && octet != b'\n' {
            self.stray(self.at.saturating_sub(1), Stray::Cr);
        }
        match octet {
            b'\r' => self.cr = true,
            b'\n' if behind_cr => self.end_line(),
            b'\n' => self.stray(self.at, Stray::Lf),
            _ => {
                if octet == 0 {
                    self.content.binary = true;
                    self.content.eight_bit = true;
                    self.fault(self.at, Stray::Nul);
                }
                self.content.eight_bit |= !octet.is_ascii();
                if self.in_header {
                    self.utf8.take(octet);
                }
                self.octets = self.octets.saturating_add(1);
                self.in_line = true;
            }
        }
        self.at = self.at.saturating_add(1);
    }

    fn end_line(&mut self) {
        self.octets = self.octets.saturating_add(2);
        self.in_header &= core::mem::take(&mut self.in_line);
    }

    /// A CR or LF by itself: a line end, where that is normalised.
    fn stray(&mut self, at: u64, stray: Stray) {
        match self.line_ends {
            LineEnds::Normalise => self.end_line(),
            LineEnds::Refuse => {
                self.octets = self.octets.saturating_add(1);
                self.fault(at, stray);
            }
        }
    }

    const fn fault(&mut self, at: u64, stray: Stray) {
        if self.fault.is_none() {
            self.fault = Some(ContentFault { at, stray });
        }
    }

    /// The first octet that DATA cannot carry. A CR at the very end is one by itself.
    #[must_use]
    pub const fn first_fault(&self) -> Option<ContentFault> {
        match (self.fault, self.line_ends) {
            (None, LineEnds::Refuse) if self.cr => {
                Some(ContentFault { at: self.at.saturating_sub(1), stray: Stray::Cr })
            }
            (fault, _) => fault,
        }
    }

    /// What the octets are so far, if nothing follows: RFC 1870 5 counts CRLFs, that behind the last line included, and no doubled dots.
    #[must_use]
    pub const fn content(&self) -> Content {
        let end = match (self.line_ends, self.cr, self.in_line) {
            (LineEnds::Normalise, true, _) => 2,
            (LineEnds::Refuse, true, _) => 3,
            (_, false, in_line) => {
                if in_line {
                    2
                } else {
                    0
                }
            }
        };
        let utf8 = self.utf8.seen && self.utf8.sound && self.utf8.filled == 0;
        Content { octets: Some(self.octets.saturating_add(end)), utf8, ..self.content }
    }
}

/// Whether octets are UTF-8 (RFC 3629).
#[derive(Clone, Copy, Debug)]
struct Utf8 {
    /// The beginning of a character.
    octets: [u8; 4],
    filled: usize,
    seen: bool,
    sound: bool,
}

impl Utf8 {
    fn take(&mut self, octet: u8) {
        if self.filled == 0 && octet.is_ascii() {
            return;
        }
        self.seen = true;
        if let Some(place) = self.octets.get_mut(self.filled) {
            *place = octet;
            self.filled = self.filled.saturating_add(1);
        }
        match core::str::from_utf8(self.octets.get(..self.filled).unwrap_or_default()) {
            Ok(_) => self.filled = 0,
            Err(error) if error.error_len().is_none() => {}
            Err(_) => (self.sound, self.filled) = (false, 0),
        }
    }
}
