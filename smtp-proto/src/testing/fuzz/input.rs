//! Choices read from the octets of a fuzzer: structure where raw octets do not reach.

use alloc::vec::Vec;

/// Reads choices off the front of octets. When they run out every choice is 0, so that any prefix of an input is an input.
#[derive(Clone, Copy, Debug)]
pub(super) struct Choices<'d>(&'d [u8]);

impl<'d> Choices<'d> {
    pub(super) const fn new(octets: &'d [u8]) -> Self {
        Self(octets)
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn octet(&mut self) -> u8 {
        let Some((&first, rest)) = self.0.split_first() else { return 0 };
        self.0 = rest;
        first
    }

    /// A number below `end`, which is at most 256.
    pub(super) fn below(&mut self, end: usize) -> usize {
        usize::from(self.octet()) % end.max(1)
    }

    /// A number of 16 bits.
    pub(super) fn number(&mut self) -> usize {
        usize::from(self.octet()) << 8 | usize::from(self.octet())
    }

    pub(super) fn pick<T: Copy>(&mut self, of: &[T]) -> T {
        of[self.below(of.len())]
    }

    /// Whether a thing happens that happens once in `times`; it does not where nothing is left.
    pub(super) fn once_in(&mut self, times: usize) -> bool {
        self.below(times) == times - 1
    }

    /// At most `most` octets, as many as the first of them says.
    pub(super) fn run(&mut self, most: usize) -> &'d [u8] {
        let length = self.below(most + 1);
        self.take(length)
    }

    pub(super) fn take(&mut self, octets: usize) -> &'d [u8] {
        let (taken, rest) = self.0.split_at(octets.min(self.0.len()));
        self.0 = rest;
        taken
    }

    pub(super) const fn rest(self) -> &'d [u8] {
        self.0
    }
}

/// Cuts as these octets say, again from the first when they run out: up to 15 behind so many lines and one, the others behind so many
/// octets.
pub(super) fn pieces<'o>(mut octets: &'o [u8], cuts: &[u8]) -> Vec<&'o [u8]> {
    let mut pieces = Vec::new();
    for cut in cuts.iter().cycle() {
        let length = match usize::from(*cut) {
            lines @ ..16 => octets
                .split_inclusive(|octet| *octet == b'\n')
                .take(lines + 1)
                .map(<[u8]>::len)
                .sum(),
            octets => octets - 15,
        };
        let piece;
        (piece, octets) = octets.split_at(length.min(octets.len()));
        if piece.is_empty() {
            break;
        }
        pieces.push(piece);
    }
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_are_the_octets_and_end_where_the_cuts_say() {
        let octets = b"one\ntwo\nthree\nfour\nrest";
        let cut = pieces(octets, &[0, 17, 1]);
        assert_eq!(cut, [&b"one\n"[..], b"tw", b"o\nthree\n", b"four\n", b"re", b"st"]);
        assert_eq!(cut.concat(), octets);
        assert_eq!(pieces(b"", &[0]), [b""; 0]);
    }

    #[test]
    fn what_ran_out_chooses_the_first() {
        let mut choices = Choices::new(&[2, b'a', b'b', b'c']);
        assert_eq!((choices.run(9), choices.octet()), (&b"ab"[..], b'c'));
        assert_eq!((choices.pick(&[7, 8]), choices.once_in(3), choices.number()), (7, false, 0));
    }
}
