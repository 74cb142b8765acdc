//! Keywords, found at the front of a text without regard to the case of their letters: their first eight octets are one number.

/// A keyword that is known by name. One of more than eight octets is compared by its first, its next and its last eight, which overlap.
#[derive(Clone, Copy)]
struct Keyword {
    length: usize,
    first: Eight,
    next: Eight,
    last: Eight,
}

/// Eight octets, zeros behind those of a shorter keyword.
#[derive(Clone, Copy)]
struct Eight {
    /// Where they stand.
    at: usize,
    /// Letters in lower case.
    octets: u64,
    /// The bit that tells the cases apart, where a letter stands.
    letters: u64,
}

/// The bit that tells the cases of a letter apart, in each octet.
const CASE: u64 = 0x2020_2020_2020_2020;
/// The octet behind the space, eight times.
const EXCLAMATION: u64 = 0x2121_2121_2121_2121;
/// The top bit of each octet.
const TOP: u64 = 0x8080_8080_8080_8080;

/// The places of a table: a power of two with room to spare.
const SLOTS: usize = 64;

/// All keywords of one kind, each at a place of its own.
pub(super) struct Keywords<const N: usize> {
    all: [Keyword; N],
    /// Where the keyword stands that this number falls to.
    slots: [u8; SLOTS],
    factor: u64,
}

impl Keyword {
    /// `name` has 24 octets at the most.
    const fn new(name: &str) -> Self {
        let last = name.len().saturating_sub(8);
        let next = if last < 8 { last } else { 8 };
        let (first, next, last) =
            (Eight::of(name, 0), Eight::of(name, next), Eight::of(name, last));
        Self { length: name.len(), first, next, last }
    }
}

impl Eight {
    #[expect(clippy::indexing_slicing, reason = "evaluated by the compiler")]
    const fn of(name: &str, at: usize) -> Self {
        let (mut octets, mut letters) = ([0; 8], [0; 8]);
        let mut index = 0usize;
        while index < 8 && at.saturating_add(index) < name.len() {
            let octet = name.as_bytes()[at.saturating_add(index)];
            octets[index] = octet.to_ascii_lowercase();
            letters[index] = if octet.is_ascii_alphabetic() { 0x20 } else { 0 };
            index = index.saturating_add(1);
        }
        Self { at, octets: u64::from_le_bytes(octets), letters: u64::from_le_bytes(letters) }
    }

    #[inline]
    fn stands_in(&self, text: &[u8]) -> bool {
        let here = text.get(self.at..).and_then(<[u8]>::first_chunk);
        here.is_some_and(|here| self.is(u64::from_le_bytes(*here)))
    }

    #[inline]
    const fn is(&self, octets: u64) -> bool {
        octets | self.letters == self.octets
    }
}

impl<const N: usize> Keywords<N> {
    /// The names differ in their first eight octets.
    #[expect(clippy::indexing_slicing, reason = "evaluated by the compiler")]
    pub(super) const fn new(names: [&'static str; N]) -> Self {
        let mut all = [Keyword::new(""); N];
        let mut index = 0usize;
        while index < N {
            all[index] = Keyword::new(names[index]);
            index = index.saturating_add(1);
        }
        // One odd number after another, as those of Knuth's MMIX follow each other, up to the first that keeps them apart.
        let mut factor = 1u64;
        loop {
            if let Some(slots) = slots(&all, factor) {
                return Self { all, slots, factor };
            }
            factor = factor.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(2);
        }
    }

    /// The keyword at the front of `text`, behind which only a space or a control octet may stand: its place, and its octets.
    #[inline]
    pub(super) fn find(&self, text: &[u8]) -> Option<(usize, usize)> {
        let head = head(text);
        let index = usize::from(*self.slots.get(slot(head | CASE, self.factor))?);
        let Keyword { length, first, next, last } = self.all.get(index)?;
        let found = first.is(head)
            && (*length <= 8 || (next.stands_in(text) && last.stands_in(text)))
            && text.get(*length).is_none_or(|&octet| octet <= b' ');
        found.then_some((index, *length))
    }
}

/// The octets of a text up to the first space or control octet, eight at the most, in one number.
#[inline]
fn head(text: &[u8]) -> u64 {
    let head = text.first_chunk::<8>().map_or_else(
        || text.iter().rev().fold(0, |head, &octet| head << 8 | u64::from(octet)),
        |head| u64::from_le_bytes(*head),
    );
    // The top bit of the first octet that ends it, and of some behind that.
    let ends = head.wrapping_sub(EXCLAMATION) & !head & TOP;
    if ends == 0 {
        return head;
    }
    // The bits below that octet.
    let below = (ends & ends.wrapping_neg()).wrapping_sub(1) >> 7;
    head & below
}

/// Where a number falls to.
#[inline]
const fn slot(head: u64, factor: u64) -> usize {
    const BITS: u32 = SLOTS.trailing_zeros();
    head.wrapping_mul(factor).rotate_left(BITS) as usize % SLOTS
}

/// Each keyword at its place, where no two fall to the same.
#[expect(clippy::indexing_slicing, reason = "evaluated by the compiler")]
const fn slots<const N: usize>(all: &[Keyword; N], factor: u64) -> Option<[u8; SLOTS]> {
    let mut slots = [u8::MAX; SLOTS];
    let mut index = 0usize;
    while index < N {
        let place = &mut slots[slot(all[index].first.octets | CASE, factor)];
        if *place != u8::MAX {
            return None;
        }
        *place = index as u8;
        index = index.saturating_add(1);
    }
    Some(slots)
}

#[cfg(test)]
mod tests {
    use alloc::vec::Vec;

    use super::*;

    const NAMES: [&str; 5] =
        ["8BITMIME", "SIZE", "X-MORE-THAN-8", "X_24_OCTETS_AND_NO_MORE_", "DSN"];
    static ALL: Keywords<5> = Keywords::new(NAMES);

    #[test]
    fn a_keyword_is_found_in_any_case_and_nothing_else_is() {
        for (index, name) in NAMES.iter().enumerate() {
            for at in 0..name.len() {
                for other in 0..=u8::MAX {
                    let mut word = name.as_bytes().to_vec();
                    word[at] = other;
                    let same = word.eq_ignore_ascii_case(name.as_bytes());
                    let expected = same.then_some((index, name.len()));
                    assert_eq!(ALL.find(&word), expected, "{word:?}");
                    word.extend_from_slice(b"\r\n250-DSN\r\n");
                    assert_eq!(ALL.find(&word), expected, "{word:?}");
                }
            }
        }
        assert_eq!(ALL.find(b""), None);
    }

    #[test]
    fn a_keyword_ends_in_front_of_a_space_or_a_control_octet() {
        for (index, name) in NAMES.iter().enumerate() {
            for octet in 0..=u8::MAX {
                let text: Vec<u8> = [name.as_bytes(), &[octet], b"12345678"].concat();
                let expected = (octet <= b' ').then_some((index, name.len()));
                assert_eq!(ALL.find(&text), expected, "{text:?}");
            }
        }
    }
}
