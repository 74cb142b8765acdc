//! Writes the content that follows DATA: checks or normalises its newlines, then doubles the dots, then ends it.

use bytes::BufMut;
use memchr::memchr3;

use super::scan::{Scan, Stop, scan};

/// What a sender does with bare CR and bare LF in its content. NUL is refused always: DATA cannot carry it (RFC 5321 2.3.8).
///
/// ```
/// use smtp_proto::data::{LineEnds, Writer};
///
/// let mut wire = Vec::new();
/// let mut writer = Writer::new(LineEnds::Normalise);
/// writer.write(b"one\n.\n", &mut wire)?;
/// assert_eq!(wire, b"one\r\n..\r\n");
/// # Ok::<(), smtp_proto::data::ContentFault>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[expect(clippy::exhaustive_enums, reason = "content is either sent as it is meant or not at all")]
pub enum LineEnds {
    /// The content is not sent.
    #[default]
    Refuse,
    /// A bare CR or LF becomes CRLF, before dots are doubled.
    Normalise,
}

/// What cannot be sent by DATA, and where.
///
/// ```
/// use smtp_proto::data::{LineEnds, Writer};
///
/// let fault = Writer::new(LineEnds::Refuse).write(b"one\n", &mut Vec::new()).unwrap_err();
/// assert_eq!(fault.to_string(), "octet 3 of the content: bare LF");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[error("octet {at} of the content: {stray}")]
#[non_exhaustive]
pub struct ContentFault {
    /// Octets of the content in front of it, from the first octet that was given.
    pub at: u64,
    /// What stands there.
    pub stray: Stray,
}

/// An octet that has no place in content sent by DATA.
///
/// ```
/// assert_eq!(smtp_proto::data::Stray::Cr.to_string(), "bare CR");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[expect(clippy::exhaustive_enums, reason = "RFC 5321 2.3.8 has these")]
pub enum Stray {
    /// CR without LF behind.
    #[error("bare CR")]
    Cr,
    /// LF without CR in front.
    #[error("bare LF")]
    Lf,
    /// NUL.
    #[error("NUL")]
    Nul,
}

impl Stray {
    /// What an octet is that has no place where it stands.
    const fn of(octet: Option<&u8>) -> Self {
        match octet {
            Some(b'\r') => Self::Cr,
            Some(b'\n') => Self::Lf,
            _ => Self::Nul,
        }
    }
}

/// The first octet that has no place in lines, where no CR stands in front of them. A CR at their end has.
pub(crate) fn first_stray(octets: &[u8]) -> Option<(usize, Stray)> {
    let mut at = 0usize;
    loop {
        let Scan { len, stop, .. } = scan(octets.get(at..)?, true);
        at = at.saturating_add(len);
        match stop {
            Stop::Dot => {}
            Stop::Stray => return Some((at, Stray::of(octets.get(at)))),
            Stop::End => return None,
        }
    }
}

/// Writes the content of one message after a 354. Its state goes over chunks, however they are cut.
///
/// ```
/// use smtp_proto::data::{LineEnds, Writer};
///
/// let mut writer = Writer::new(LineEnds::Refuse);
/// let mut wire = Vec::new();
/// writer.write(b"one\r\n.two\r", &mut wire)?;
/// writer.write(b"\nthree", &mut wire)?;
/// wire.extend_from_slice(writer.finish()?);
/// assert_eq!(wire, b"one\r\n..two\r\nthree\r\n.\r\n");
/// # Ok::<(), smtp_proto::data::ContentFault>(())
/// ```
#[derive(Clone, Debug)]
pub struct Writer {
    line_ends: LineEnds,
    /// Whether dots are doubled, and the end of data is written: DATA, not BDAT.
    dots: bool,
    /// Behind CRLF, or in front of the first octet (RFC 5321 4.5.2).
    line_start: bool,
    /// A CR was taken and is written with what follows it.
    cr: bool,
    /// Octets taken.
    taken: u64,
}

impl Writer {
    /// A writer in front of the first octet.
    #[must_use]
    pub const fn new(line_ends: LineEnds) -> Self {
        Self { line_ends, dots: true, line_start: true, cr: false, taken: 0 }
    }

    /// A writer for content of BDAT: its newlines alone are seen to.
    pub(crate) const fn of_lines(line_ends: LineEnds) -> Self {
        Self { dots: false, ..Self::new(line_ends) }
    }

    /// Whether what was written holds all that was taken.
    pub(crate) const fn is_whole(&self) -> bool {
        !self.cr
    }

    /// Octets of whole lines went another way.
    pub(crate) const fn passed(&mut self, octets: usize) {
        self.taken = self.taken.saturating_add(octets as u64);
    }

    /// Takes the front of `chunk` as pieces that are to be written one behind the other, borrowed from `chunk` as far as can be. Returns
    /// how many octets were taken and how many pieces filled. A doubled dot takes two places: with fewer left, it ends.
    ///
    /// # Errors
    ///
    /// An octet that cannot be sent. Pieces of the same call are void, and no end of data may follow.
    pub fn pieces<'c>(
        &mut self,
        chunk: &'c [u8],
        pieces: &mut [&'c [u8]],
    ) -> Result<(usize, usize), ContentFault> {
        let (mut rest, mut filled) = (chunk, 0usize);
        while !rest.is_empty() {
            // A dot needs two places: its double, and the run that it begins.
            let Some([one, other, ..]) = pieces.get_mut(filled..) else { break };
            if self.cr {
                if let Some(piece) = self.behind_cr(&mut rest)? {
                    *one = piece;
                    filled = filled.saturating_add(1);
                }
            } else if self.dots && self.line_start && rest.starts_with(b".") {
                (*one, *other) = (b".", self.run(&mut rest)?);
                filled = filled.saturating_add(2);
            } else if let Some(piece) = self.newline(&mut rest) {
                *one = piece;
                filled = filled.saturating_add(1);
            } else {
                let run = self.run(&mut rest)?;
                filled = filled.saturating_add(usize::from(!run.is_empty()));
                *one = run;
            }
        }
        Ok((chunk.len().saturating_sub(rest.len()), filled))
    }

    /// Takes all of `chunk` and appends what is to be written.
    ///
    /// # Errors
    ///
    /// As [`pieces`](Self::pieces).
    pub fn write(&mut self, chunk: &[u8], out: &mut impl BufMut) -> Result<(), ContentFault> {
        let mut rest = chunk;
        while !rest.is_empty() {
            let mut pieces = [&b""[..]; 16];
            let (taken, filled) = self.pieces(rest, &mut pieces)?;
            pieces.iter().take(filled).for_each(|piece| out.put_slice(piece));
            rest = rest.get(taken..).unwrap_or_default();
        }
        Ok(())
    }

    /// What ends the data: the CRLF of the last line where it has none, and the dot (RFC 5321 4.1.1.4).
    ///
    /// # Errors
    ///
    /// The last octet was a bare CR.
    pub fn finish(&mut self) -> Result<&'static [u8], ContentFault> {
        if self.cr && self.line_ends == LineEnds::Refuse {
            return Err(self.fault_at(self.taken.saturating_sub(1), Stray::Cr));
        }
        let new = Self { dots: self.dots, ..Self::new(self.line_ends) };
        let Self { line_start, cr, .. } = core::mem::replace(self, new);
        if !self.dots {
            return Ok(if cr { b"\r\n" } else { b"" });
        }
        Ok(if line_start && !cr { b".\r\n" } else { b"\r\n.\r\n" })
    }

    const fn fault_at(&self, at: u64, stray: Stray) -> ContentFault {
        ContentFault { at, stray }
    }

    /// What follows a CR: its LF, or under `Normalise` anything.
    fn behind_cr<'c>(&mut self, rest: &mut &'c [u8]) -> Result<Option<&'c [u8]>, ContentFault> {
        if let Some(behind) = rest.strip_prefix(b"\n") {
            self.taken = self.taken.saturating_add(1);
            *rest = behind;
        } else if self.line_ends == LineEnds::Refuse {
            return Err(self.fault_at(self.taken.saturating_sub(1), Stray::Cr));
        }
        (self.cr, self.line_start) = (false, true);
        Ok(Some(b"\r\n"))
    }

    /// Under `Normalise`, a bare LF or the CR of a CRLF that is not whole.
    fn newline<'c>(&mut self, rest: &mut &'c [u8]) -> Option<&'c [u8]> {
        let behind = rest.strip_prefix(b"\n").filter(|_| self.line_ends == LineEnds::Normalise)?;
        self.taken = self.taken.saturating_add(1);
        self.line_start = true;
        *rest = behind;
        Some(b"\r\n")
    }

    /// The longest run that is written as it is: up to a dot at the start of a line, a stray octet, or the end. A CR at its end is kept
    /// back. It may be empty where only a CR was taken.
    fn run<'c>(&mut self, rest: &mut &'c [u8]) -> Result<&'c [u8], ContentFault> {
        let whole = *rest;
        let length = match self.line_ends {
            LineEnds::Refuse => self.strict_run(whole)?,
            LineEnds::Normalise => self.tolerant_run(whole)?,
        };
        let (run, behind) = whole.split_at_checked(length).unwrap_or((whole, &[]));
        self.cr = behind.first() == Some(&b'\r');
        *rest = behind.get(usize::from(self.cr)..).unwrap_or_default();
        self.taken = self.taken.saturating_add(whole.len().saturating_sub(rest.len()) as u64);
        if !run.is_empty() {
            self.line_start = run.ends_with(b"\r\n");
        }
        Ok(run)
    }

    fn strict_run(&self, whole: &[u8]) -> Result<usize, ContentFault> {
        // Octets over 127 make no difference here.
        let Scan { len, stop, .. } = scan(whole, true);
        match stop {
            Stop::Stray => {
                let at = self.taken.saturating_add(len as u64);
                Err(self.fault_at(at, Stray::of(whole.get(len))))
            }
            Stop::End | Stop::Dot => Ok(len),
        }
    }

    /// Up to a bare LF, a CR that is no part of a CRLF, or a dot at the start of a line.
    fn tolerant_run(&self, whole: &[u8]) -> Result<usize, ContentFault> {
        let mut length = 0usize;
        loop {
            let tail = whole.get(length..).unwrap_or_default();
            let Some(found) = memchr3(b'\r', b'\n', 0, tail) else { return Ok(whole.len()) };
            let at = length.saturating_add(found);
            length = match whole.get(at..) {
                Some([0, ..]) => {
                    return Err(self.fault_at(self.taken.saturating_add(at as u64), Stray::Nul));
                }
                Some([b'\r', b'\n', b'.', ..]) => return Ok(at.saturating_add(2)),
                Some([b'\r', b'\n', ..]) => at.saturating_add(2),
                _ => return Ok(at),
            };
        }
    }
}

#[cfg(test)]
mod tests;
