//! What a message is like, octet by octet.

use core::mem;
use core::str;

use smtp_proto::data::{LineEnds, Stray};

/// A header section beyond this is not looked at for UTF-8.
const HEADER: usize = 256 * 1024;

/// What is known of a message that was read whole.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Facts {
    /// Its length as it will be sent, as RFC 1870 5 counts: with a CRLF behind each line, without doubled dots.
    pub(crate) octets: u64,
    pub(crate) eight_bit: bool,
    /// The header section holds UTF-8 (RFC 6532).
    pub(crate) utf8_header: bool,
    /// The first octet that cannot be sent, and where.
    pub(crate) fault: Option<(u64, Stray)>,
}

#[derive(Debug)]
pub(crate) struct Scan {
    line_ends: LineEnds,
    facts: Facts,
    at: u64,
    cr: bool,
    /// Octets of the line so far, line end aside.
    line: u64,
    /// The header section, up to the first empty line.
    header: Vec<u8>,
    in_header: bool,
}

impl Scan {
    pub(crate) const fn new(line_ends: LineEnds) -> Self {
        let facts = Facts { octets: 0, eight_bit: false, utf8_header: false, fault: None };
        Self { line_ends, facts, at: 0, cr: false, line: 0, header: Vec::new(), in_header: true }
    }

    pub(crate) fn take(&mut self, octet: u8) {
        let behind_cr = mem::take(&mut self.cr);
        if behind_cr && octet != b'\n' {
            self.stray(self.at - 1, Stray::Cr);
        }
        match octet {
            b'\r' => self.cr = true,
            b'\n' if behind_cr => self.end_line(),
            b'\n' => self.stray(self.at, Stray::Lf),
            _ => {
                if octet == 0 {
                    self.fault(self.at, Stray::Nul);
                }
                self.facts.eight_bit |= !octet.is_ascii();
                self.facts.octets += 1;
                self.line += 1;
                if self.in_header && self.header.len() < HEADER {
                    self.header.push(octet);
                }
            }
        }
        self.at += 1;
    }

    pub(crate) fn facts(mut self) -> Facts {
        if self.cr {
            self.stray(self.at - 1, Stray::Cr);
        }
        if self.line > 0 {
            self.end_line();
        }
        let cut = |error: str::Utf8Error| error.error_len().is_none();
        let is_utf8 = str::from_utf8(&self.header).map_or_else(cut, |_| true);
        self.facts.utf8_header = is_utf8 && !self.header.is_ascii();
        self.facts
    }

    fn end_line(&mut self) {
        self.facts.octets += 2;
        self.in_header &= mem::take(&mut self.line) > 0;
    }

    /// A CR or LF by itself: a line end, where that is normalised.
    fn stray(&mut self, at: u64, stray: Stray) {
        match self.line_ends {
            LineEnds::Normalise => self.end_line(),
            LineEnds::Refuse => {
                self.fault(at, stray);
                self.facts.octets += 1;
            }
        }
    }

    fn fault(&mut self, at: u64, stray: Stray) {
        self.facts.fault.get_or_insert((at, stray));
    }
}
