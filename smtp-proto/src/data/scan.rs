//! Looks how far content goes as it lies there: one pass for all that may stop it.

/// Octets that are looked at one by one before blocks are: nothing is won by a block on a short line.
const FIRST: usize = 8;
/// Octets that are looked at one by one behind the blocks: in them stands what stopped the last block.
const LAST: usize = 18;

/// The longest run at the front of some octets that can be handed on as it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Scan {
    /// Octets of the run.
    pub(crate) len: usize,
    pub(crate) stop: Stop,
    /// An octet over 127 was seen, here or before.
    pub(crate) eight_bit: bool,
}

/// What stands behind a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stop {
    /// Nothing, or a CR whose follower is not there yet.
    End,
    /// A dot behind CRLF.
    Dot,
    /// A CR without its LF, an LF without its CR, or NUL.
    Stray,
}

/// The run at the front of `octets`, which no CR stands in front of. `eight_bit`: an octet over 127 was seen before.
#[inline(always)]
pub(crate) fn scan(octets: &[u8], mut eight_bit: bool) -> Scan {
    let (mut at, mut until) = (0usize, FIRST);
    loop {
        while at < until {
            let stop = match octets.get(at..).unwrap_or_default() {
                [octet, ..] if *octet > b'\r' => {
                    eight_bit |= !octet.is_ascii();
                    at = at.saturating_add(1);
                    continue;
                }
                [b'\r', b'\n', b'.', ..] => {
                    at = at.saturating_add(2);
                    Stop::Dot
                }
                [b'\r', b'\n', ..] => {
                    at = at.saturating_add(2);
                    continue;
                }
                [] | [b'\r'] => Stop::End,
                [0 | b'\r' | b'\n', ..] => Stop::Stray,
                _ => {
                    at = at.saturating_add(1);
                    continue;
                }
            };
            return Scan { len: at, stop, eight_bit };
        }
        // The last octet that was looked at is no CR.
        let clean = clean_by::<64>(octets, at.saturating_sub(1), eight_bit);
        let clean = clean_by::<16>(octets, clean, eight_bit);
        // Of a CRLF at the edge the LF was looked at.
        at = clean.saturating_add(usize::from(octets.get(clean) == Some(&b'\n')));
        until = at.saturating_add(LAST);
    }
}

/// The place up to which nothing stops a run, found by blocks of `N` octets; what stands at `from` was looked at. The octet at the place
/// itself was looked at too, but for a CR.
fn clean_by<const N: usize>(octets: &[u8], from: usize, eight_bit: bool) -> usize {
    let mut at = from;
    while let Some((one, two, three)) = windows::<N>(octets, at) {
        // Octets over 127 stop the search until one is found, which costs nothing: they are negative, as NUL is not positive.
        let stops = if eight_bit {
            stops(one, two, three, |octet| octet == 0)
        } else {
            stops(one, two, three, |octet| octet.cast_signed() < 1)
        };
        if stops {
            break;
        }
        at = at.saturating_add(N);
    }
    at
}

/// `N` octets from `at` on, those from the next on, and those from the next but one.
fn windows<const N: usize>(octets: &[u8], at: usize) -> Option<(&[u8; N], &[u8; N], &[u8; N])> {
    let rest = octets.get(at..at.saturating_add(N).saturating_add(2))?;
    let (one, two, three) = (rest.get(..N)?, rest.get(1..N.saturating_add(1))?, rest.get(2..)?);
    Some((one.try_into().ok()?, two.try_into().ok()?, three.try_into().ok()?))
}

/// Whether anything here may stop a run. It looks at all octets, so that the compiler makes vectors of them.
#[inline]
fn stops<const N: usize>(
    one: &[u8; N],
    two: &[u8; N],
    three: &[u8; N],
    ends: impl Fn(u8) -> bool,
) -> bool {
    one.iter().zip(two).zip(three).fold(false, |stops, ((&one, &two), &three)| {
        let lf = two == b'\n';
        stops | ((one == b'\r') ^ lf) | ends(two) | (lf & (three == b'.'))
    })
}

#[cfg(test)]
mod tests {
    use alloc::vec;
    use alloc::vec::Vec;

    use proptest::prelude::*;

    use super::*;

    /// The same by the definition.
    fn naive(octets: &[u8], seen: bool) -> Scan {
        let mut at = 0;
        let stop = loop {
            match &octets[at..] {
                [] | [b'\r'] => break Stop::End,
                [b'\r', b'\n', b'.', ..] => {
                    at += 2;
                    break Stop::Dot;
                }
                [b'\r', b'\n', ..] => at += 2,
                [b'\r' | b'\n' | 0, ..] => break Stop::Stray,
                _ => at += 1,
            }
        };
        Scan { len: at, stop, eight_bit: seen || !octets[..at].is_ascii() }
    }

    #[test]
    fn whatever_stops_a_run_is_found_at_every_place_of_a_block() {
        let stops: [&[u8]; 15] = [
            b"",
            b"\r\n.",
            b"\r\n",
            b"\r",
            b"\rx",
            b"\n",
            b"\0",
            b"\xff",
            b"\r\n\xff\r\n..",
            // Where two reasons to stop meet.
            b"\n.",
            b"\r\0",
            b"\0\n",
            b"\r\xff",
            // More than a block of them.
            &[0xff; 100],
            &[0; 100],
        ];
        for before in 0..200 {
            for behind in [0, 1, 2, 3, 70] {
                for stop in stops {
                    let octets = [&b"x".repeat(before)[..], stop, &b"x".repeat(behind)].concat();
                    for seen in [false, true] {
                        assert_eq!(scan(&octets, seen), naive(&octets, seen), "{before} {stop:?}");
                    }
                }
            }
        }
    }

    proptest! {
        #[test]
        fn any_octets_are_scanned_as_the_definition_says(
            words in prop::collection::vec(prop::sample::select(vec![
                &b"\r\n"[..], b"\r\n.", b"a", b"abcdefgh", b".", b"\xe9", b"\r", b"\n", b"\0",
                b"\r\n", b"0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
            ]), 0..60),
            seen: bool,
        ) {
            let octets: Vec<u8> = words.concat();
            prop_assert_eq!(scan(&octets, seen), naive(&octets, seen));
        }
    }
}
