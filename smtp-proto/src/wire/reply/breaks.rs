//! Finds where the text of a reply breaks.

use memchr::memchr2;

/// The first CR or LF.
#[inline]
pub(crate) fn line_break(octets: &[u8]) -> Option<usize> {
    let at = printable(octets);
    match octets.get(at)? {
        // Nearly every line is printable up to its end.
        b'\r' | b'\n' => Some(at),
        _ => memchr2(b'\r', b'\n', octets),
    }
}

/// How many octets at the front are printable US-ASCII. Lines of replies are too short for vectors: eight octets are looked at in one
/// number.
#[inline]
pub(crate) fn printable(octets: &[u8]) -> usize {
    let mut rest = octets;
    while let Some((block, behind)) = rest.split_first_chunk::<8>() {
        let stops = stops(u64::from_le_bytes(*block));
        if stops != 0 {
            let before = octets.len().wrapping_sub(rest.len());
            return before.wrapping_add(stops.trailing_zeros() as usize / 8);
        }
        rest = behind;
    }
    let stop = rest.iter().position(|octet| !matches!(octet, b' '..=b'~')).unwrap_or(rest.len());
    octets.len().wrapping_sub(rest.len()).wrapping_add(stop)
}

/// The top bit of the first octet that is not printable is set, and none below it.
#[inline]
const fn stops(octets: u64) -> u64 {
    const ONES: u64 = 0x0101_0101_0101_0101;
    const SPACES: u64 = 0x2020_2020_2020_2020;
    const TOP: u64 = 0x8080_8080_8080_8080;
    // What is borrowed or carried reaches octets behind the first one that stops, no other.
    let controls = octets.wrapping_sub(SPACES) & !octets;
    let others = octets | octets.wrapping_add(ONES);
    (controls | others) & TOP
}

#[cfg(test)]
mod tests {
    use alloc::vec::Vec;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn each_octet_stops_or_not_at_each_place() {
        for octet in 0..=u8::MAX {
            for at in 0..20 {
                let mut text = [b'~'; 24];
                text[at] = octet;
                let expected = if (b' '..=b'~').contains(&octet) { 24 } else { at };
                assert_eq!(printable(&text), expected, "{octet} at {at}");
            }
        }
    }

    proptest! {
        #[test]
        fn a_break_is_the_first_cr_or_lf(octets in prop::collection::vec(any::<u8>(), 0..40), text in "[ -~]{0,40}") {
            let octets: Vec<u8> = [text.as_bytes(), &octets, b"\r\n"].concat();
            let first = octets.iter().position(|octet| b"\r\n".contains(octet));
            prop_assert_eq!(line_break(&octets), first);
            let sound = octets.iter().position(|octet| !(b' '..=b'~').contains(octet));
            prop_assert_eq!(printable(&octets), sound.unwrap());
        }
    }
}
