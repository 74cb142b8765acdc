//! Reads the content that follows DATA: finds its end, undoes the dots, and treats stray CR, LF and NUL as the policy says.

use memchr::{memchr, memchr2};

use super::scan::{Stop, scan};
use crate::steps;

/// What happens to bare CR, bare LF and NUL in content. The end of data depends on neither.
///
/// ```
/// use smtp_proto::data::Newlines;
///
/// assert_eq!(Newlines::default(), Newlines::Refuse);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[expect(clippy::exhaustive_enums, reason = "content is either taken as it is meant or not at all")]
pub enum Newlines {
    /// The message is read to its true end and refused there.
    #[default]
    Refuse,
    /// A bare LF becomes CRLF, a bare CR a space, NUL passes; the counts are kept.
    Normalise,
}

/// How much a content had to be repaired, or would have to be.
///
/// ```
/// use smtp_proto::data::{Newlines, Reader};
///
/// let mut reader = Reader::new(Newlines::Normalise);
/// let mut input = &b"one\ntwo\n"[..];
/// while reader.next(&mut input).is_some() {}
/// assert_eq!(reader.repairs().bare_lf, 2);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Repairs {
    /// LF without CR in front: each became CRLF.
    pub bare_lf: u64,
    /// CR without LF behind: each became a space.
    pub bare_cr: u64,
    /// NUL: left as it is.
    pub nul: u64,
}

impl Repairs {
    /// Whether anything was amiss.
    #[must_use]
    pub const fn any(&self) -> bool {
        self.bare_lf != 0 || self.bare_cr != 0 || self.nul != 0
    }
}

/// What [`Reader::next`] took.
///
/// ```
/// use smtp_proto::data::{Newlines, Piece, Reader};
///
/// let mut input = &b".\r\n"[..];
/// assert_eq!(Reader::new(Newlines::Refuse).next(&mut input), Some(Piece::End));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "content is made of these")]
pub enum Piece<'b> {
    /// Octets of the content, dots undone.
    Run(&'b [u8]),
    /// A stray CR, LF or NUL where the policy is to refuse. It comes once; from here on the runs are only to be thrown away.
    Stray,
    /// CRLF "." CRLF was taken.
    End,
}

/// Where the front of the input stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum At {
    /// Behind CRLF, or in front of the first octet: here a dot may end the data.
    LineStart,
    /// Behind a bare LF: here a leading dot is undone, but ends nothing.
    SoftLineStart,
    /// Anywhere else.
    Text,
}

/// Reads the content of one message after DATA.
///
/// At most three octets are left in the input for want of what follows them (a CR, or the start of what may be the end of data); the
/// rest is taken. How the input is cut changes nothing but where the runs end.
///
/// ```
/// use smtp_proto::data::{Newlines, Piece, Reader};
///
/// let mut reader = Reader::new(Newlines::Refuse);
/// let mut input = &b"..x\r\n.\r\nQUIT\r\n"[..];
/// assert_eq!(reader.next(&mut input), Some(Piece::Run(b".x\r\n")));
/// assert_eq!(reader.next(&mut input), Some(Piece::End));
/// assert_eq!(input, b"QUIT\r\n");
/// ```
#[derive(Clone, Debug)]
pub struct Reader {
    at: At,
    newlines: Newlines,
    repairs: Repairs,
    eight_bit: bool,
    /// Whether a dot at the start of a line means anything.
    dots: bool,
}

impl Reader {
    /// A reader in front of the first octet, where a line begins (RFC 5321 4.1.1.4).
    #[must_use]
    pub const fn new(newlines: Newlines) -> Self {
        let repairs = Repairs { bare_lf: 0, bare_cr: 0, nul: 0 };
        Self { at: At::LineStart, newlines, repairs, eight_bit: false, dots: true }
    }

    /// A reader of counted octets, in which a dot is an octet like any other (RFC 3030 2).
    pub(super) const fn of_chunks(newlines: Newlines) -> Self {
        Self { dots: false, ..Self::new(newlines) }
    }

    /// What a CR comes to that has no LF behind it.
    pub(super) fn bare_cr<'b>(&mut self) -> Piece<'b> {
        match self.newlines {
            Newlines::Refuse => self.stray(),
            Newlines::Normalise => {
                self.repairs.bare_cr = self.repairs.bare_cr.saturating_add(1);
                Piece::Run(b" ")
            }
        }
    }

    /// What was repaired so far.
    #[must_use]
    pub const fn repairs(&self) -> Repairs {
        self.repairs
    }

    /// Whether an octet over 127 was taken.
    #[must_use]
    pub const fn eight_bit(&self) -> bool {
        self.eight_bit
    }

    /// Takes the next piece off the front of `input`; `None` when more octets are needed.
    #[inline(always)]
    pub fn next<'b>(&mut self, input: &mut &'b [u8]) -> Option<Piece<'b>> {
        if self.dots
            && self.at != At::Text
            && input.first() == Some(&b'.')
            && let Some(piece) = self.dot(input)?
        {
            return Some(piece);
        }
        match self.newlines {
            Newlines::Refuse => self.strict(input),
            Newlines::Normalise => self.tolerant(input),
        }
    }

    /// A dot at the start of a line. `None`: what follows it is not there yet; `Some(None)`: it was undone, or a fault stands behind it.
    #[inline(always)]
    fn dot<'b>(&mut self, input: &mut &'b [u8]) -> Option<Option<Piece<'b>>> {
        let whole = *input;
        match *whole {
            [_] | [_, b'\r'] => return None,
            // RFC 5321 4.1.1.4: the only end of data.
            [_, b'\r', b'\n', ..] if self.at == At::LineStart => {
                return Some(self.take(input, 3, At::LineStart).map(|_| Piece::End));
            }
            // A line of one dot that may not end the data keeps its dot: there is nothing behind it (4.5.2).
            [_, b'\r', b'\n', ..] => {
                return Some(self.take(input, 3, At::LineStart).map(Piece::Run));
            }
            [_, b'\n', ..] if self.newlines == Newlines::Normalise => {
                self.repairs.bare_lf = self.repairs.bare_lf.saturating_add(1);
                return Some(self.take(input, 2, At::SoftLineStart).map(|_| Piece::Run(b".\r\n")));
            }
            _ => {}
        }
        // RFC 5321 4.5.2: the first dot of a line with more behind it is removed. A bare LF behind it is a fault of the text.
        self.take(input, 1, At::Text)?;
        Some(None)
    }

    fn take<'b>(&mut self, input: &mut &'b [u8], octets: usize, at: At) -> Option<&'b [u8]> {
        let (taken, rest) = input.split_at_checked(octets)?;
        *input = rest;
        self.at = at;
        Some(taken)
    }

    /// The fault of strict reading. What follows is read as if it were repaired, which frames it alike.
    fn stray<'b>(&mut self) -> Piece<'b> {
        self.newlines = Newlines::Normalise;
        Piece::Stray
    }

    /// From here on the content is only drained: the same frame, no fault.
    pub fn drain(&mut self) {
        self.newlines = Newlines::Normalise;
    }

    /// The longest run in front of a stuffed dot or a stray octet.
    #[inline(always)]
    fn strict<'b>(&mut self, input: &mut &'b [u8]) -> Option<Piece<'b>> {
        let found = scan(input, self.eight_bit);
        self.eight_bit = found.eight_bit;
        steps::took(found.len);
        match (found.len, found.stop) {
            (0, Stop::Stray) => Some(self.stray()),
            (0, _) => None,
            (len, _) => {
                let run = self.take(input, len, At::Text)?;
                self.at = after(run);
                Some(Piece::Run(run))
            }
        }
    }

    /// The longest run in front of a stuffed dot or a stray CR or LF, or the repair of one.
    fn tolerant<'b>(&mut self, input: &mut &'b [u8]) -> Option<Piece<'b>> {
        let whole = *input;
        let mut length = 0usize;
        loop {
            let tail = whole.get(length..)?;
            let found = memchr2(b'\r', b'\n', tail);
            steps::took(found.unwrap_or(tail.len()));
            let Some(found) = found else {
                length = whole.len();
                break;
            };
            let at = length.saturating_add(found);
            match whole.get(at..)? {
                [b'\r', b'\n', b'.', ..] => {
                    length = at.saturating_add(2);
                    break;
                }
                [b'\r', b'\n', ..] => length = at.saturating_add(2),
                _ => {
                    length = at;
                    break;
                }
            }
        }
        if length > 0 {
            let run = whole.get(..length)?;
            self.repairs.nul = self.repairs.nul.saturating_add(count_nul(run));
            self.eight_bit |= !run.is_ascii();
            return self.take(input, length, after(run)).map(Piece::Run);
        }
        match whole {
            [b'\n', ..] => {
                self.repairs.bare_lf = self.repairs.bare_lf.saturating_add(1);
                self.take(input, 1, At::SoftLineStart).map(|_| Piece::Run(b"\r\n"))
            }
            [b'\r', _, ..] => {
                self.repairs.bare_cr = self.repairs.bare_cr.saturating_add(1);
                self.take(input, 1, At::Text).map(|_| Piece::Run(b" "))
            }
            _ => None,
        }
    }
}

/// Where the input stands behind this run.
fn after(run: &[u8]) -> At {
    if run.ends_with(b"\r\n") { At::LineStart } else { At::Text }
}

fn count_nul(run: &[u8]) -> u64 {
    if memchr(0, run).is_none() {
        return 0;
    }
    run.iter().map(|&octet| u64::from(octet == 0)).fold(0, u64::saturating_add)
}

#[cfg(test)]
mod tests;
