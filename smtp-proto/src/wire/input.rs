//! What a parser reads: the octets of a line, and how far they are UTF-8.
//!
//! A parser is given a place and returns the place behind what it read. Places count from the first octet, as errors have them. Whether a
//! line is UTF-8 is found once, and each text that is taken out of it is a part of it.

use super::chars::{self, Class};
use super::error::{Failure, prefix};
use super::{ParseError, ParseErrorKind};

#[derive(Clone, Copy, Debug)]
pub(crate) struct Input<'a> {
    octets: &'a [u8],
    /// As much of the front as is UTF-8.
    text: &'a str,
}

impl<'a> Input<'a> {
    #[inline]
    pub(crate) fn new(octets: &'a [u8]) -> Self {
        match core::str::from_utf8(octets) {
            Ok(text) => Self { octets, text },
            Err(error) => Self { octets, text: sound(octets, error.valid_up_to()) },
        }
    }

    #[inline]
    pub(crate) const fn len(&self) -> usize {
        self.octets.len()
    }

    #[inline]
    pub(crate) fn at(&self, place: usize) -> Option<u8> {
        self.octets.get(place).copied()
    }

    /// All that stands behind the place.
    #[inline]
    pub(crate) fn from(&self, place: usize) -> &'a [u8] {
        self.octets.get(place..).unwrap_or_default()
    }

    /// The place behind the octets of this class.
    #[inline]
    pub(crate) fn run(&self, start: usize, class: Class) -> usize {
        chars::run(self.octets, start, class)
    }

    /// The place behind `part *( "." part )`, or `start` where there is no part. `part` is given a place and says the place behind, the same one
    /// where it does not stand there. A dot that no part follows is left.
    #[inline]
    pub(crate) fn dotted(&self, start: usize, part: impl Fn(usize) -> usize) -> usize {
        let (mut place, mut end) = (start, start);
        loop {
            match part(place) {
                behind if behind > place => end = behind,
                _ => return end,
            }
            if self.at(end) != Some(b'.') {
                return end;
            }
            place = end.wrapping_add(1);
        }
    }

    /// What a parser of nom takes.
    #[cold]
    pub(crate) fn parse<P>(&self, start: usize, mut parser: P) -> Result<usize, ParseError>
    where
        P: nom::Parser<&'a [u8], Error = Failure>,
    {
        let (rest, _) = prefix(&mut parser, self.from(start), self.len())?;
        Ok(self.len().saturating_sub(rest.len()))
    }

    /// The text between two places.
    ///
    /// # Errors
    ///
    /// The first place where it is not UTF-8, as `kind`.
    #[inline]
    pub(crate) fn text(
        &self,
        start: usize,
        end: usize,
        kind: ParseErrorKind,
    ) -> Result<&'a str, ParseError> {
        self.text.get(start..end).ok_or_else(|| self.not_utf8(start, end, kind))
    }

    #[cold]
    fn not_utf8(&self, start: usize, end: usize, kind: ParseErrorKind) -> ParseError {
        let octets = self.octets.get(start..end).unwrap_or_default();
        let sound = core::str::from_utf8(octets).map_or_else(|error| error.valid_up_to(), str::len);
        ParseError::new(start.saturating_add(sound), kind)
    }

    /// Nothing stands behind the place, or `kind` was expected there.
    pub(crate) fn end(&self, place: usize, kind: ParseErrorKind) -> Result<(), ParseError> {
        if place >= self.len() { Ok(()) } else { Err(ParseError::new(place, kind)) }
    }
}

/// The front of so many octets, which is UTF-8.
#[cold]
fn sound(octets: &[u8], length: usize) -> &str {
    core::str::from_utf8(octets.get(..length).unwrap_or_default()).unwrap_or_default()
}
