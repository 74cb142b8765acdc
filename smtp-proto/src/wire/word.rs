//! The fixed words of the grammar, compared in any case and eight octets at a time.

use super::chars::Class;

/// A word, in upper case where it has letters.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Word {
    text: &'static str,
    /// The first eight octets in one number, letters in lower case; zeros behind a shorter word.
    head: u64,
    /// The bit that tells the cases apart, of every letter in `head`.
    case: u64,
    /// Every bit of the octets that are in `head`.
    mask: u64,
}

impl Word {
    pub(crate) const fn new(text: &'static str) -> Self {
        let octets = text.as_bytes();
        let (mut head, mut case, mut mask) = (0u64, 0u64, 0u64);
        let (mut left, mut shift) = (octets, u64::BITS);
        while let [octet, rest @ ..] = left
            && let Some(place) = shift.checked_sub(8)
        {
            head |= (octet.to_ascii_lowercase() as u64).wrapping_shl(place);
            case |= (if octet.is_ascii_alphabetic() { 0x20 } else { 0u64 }).wrapping_shl(place);
            mask |= 0xffu64.wrapping_shl(place);
            (left, shift) = (rest, place);
        }
        Self { text, head, case, mask }
    }

    pub(crate) const fn text(&self) -> &'static str {
        self.text
    }

    /// Whether it is all of these octets, in any case.
    #[cold]
    fn is(&self, octets: &[u8]) -> bool {
        octets.eq_ignore_ascii_case(self.text.as_bytes())
    }

    #[inline]
    pub(crate) const fn len(&self) -> usize {
        self.text.len()
    }
}

/// Octets, and the first eight of them in one number.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Front<'a> {
    octets: &'a [u8],
    head: u64,
}

impl<'a> Front<'a> {
    #[inline]
    pub(crate) fn of(octets: &'a [u8]) -> Self {
        let head = match octets.first_chunk() {
            Some(head) => u64::from_be_bytes(*head),
            None => padded(octets),
        };
        Self { octets, head }
    }

    /// What stands behind the word with which the octets begin, in any case.
    #[inline]
    pub(crate) fn behind(&self, word: &Word) -> Option<&'a [u8]> {
        if (self.head | word.case) & word.mask != word.head {
            return None;
        }
        let (front, rest) = self.octets.split_at_checked(word.len())?;
        (front.len() <= 8 || word.is(front)).then_some(rest)
    }

    /// The same for a word of letters, digits and hyphens, where none of these stands behind it.
    #[inline]
    pub(crate) fn behind_whole(&self, word: &Word) -> Option<&'a [u8]> {
        self.behind(word).filter(|rest| !rest.first().is_some_and(|&octet| Class::WORD.has(octet)))
    }

    /// The value of the one of these words with which the octets begin, and the octets it has.
    #[inline]
    pub(crate) fn one_of<T: Copy>(&self, words: &[(Word, T)]) -> Option<(T, usize)> {
        words
            .iter()
            .find(|(word, _)| self.behind_whole(word).is_some())
            .map(|(word, value)| (*value, word.len()))
    }
}

/// Fewer than eight octets and zeros behind them.
#[cold]
fn padded(octets: &[u8]) -> u64 {
    let mut head = [0; 8];
    head.iter_mut().zip(octets).for_each(|(place, octet)| *place = *octet);
    u64::from_be_bytes(head)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn begins(octets: &[u8], word: &'static str) -> bool {
        Front::of(octets).behind(&Word::new(word)).is_some()
    }

    #[test]
    fn a_word_is_told_from_every_other_but_not_its_case() {
        for word in ["SIZE", "sIzE", "SIZE=1000000", "SIZEX"] {
            assert!(begins(word.as_bytes(), "SIZE"), "{word}");
        }
        for other in ["", "S", "SIZ", "-SIZE", "SI\u{1a}E", "SIZ\u{5}", "SI\0E=1000", "SIZ\0"] {
            assert!(!begins(other.as_bytes(), "SIZE"), "{other:?}");
        }
    }

    #[test]
    fn case_is_folded_in_letters_only() {
        assert!(begins(b"8bitMime", "8BITMIME") && begins(b"to:", "TO:"));
        assert!(!begins(b"\x18BITMIME", "8BITMIME") && !begins(b"TO\x1a<a@x.test>", "TO:"));
        assert!(!begins(b"\xd3IZE=100", "SIZE"));
    }

    #[test]
    fn a_word_of_over_eight_octets_is_compared_to_its_end() {
        for word in ["REQUIRETLS", "requireTLS", "REQUIRETLSX"] {
            assert!(begins(word.as_bytes(), "REQUIRETLS"), "{word}");
        }
        for other in ["REQUIRET", "REQUIRETL", "REQUIRETL5", "REQUIRET LS"] {
            assert!(!begins(other.as_bytes(), "REQUIRETLS"), "{other:?}");
        }
    }

    #[test]
    fn a_whole_word_has_no_letter_digit_or_hyphen_behind_it() {
        let whole = |octets| Front::of(octets).behind_whole(&Word::new("RET")).map(<[u8]>::len);
        assert_eq!(
            (whole(b"RET"), whole(b"ret=FULL"), whole(b"RET,x")),
            (Some(0), Some(5), Some(2))
        );
        assert_eq!((whole(b"RETX"), whole(b"RET-"), whole(b"RET0=1234")), (None, None, None));
    }
}
