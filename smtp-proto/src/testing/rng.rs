//! SplitMix64: numbers from a seed, the same in every run and on every machine.

use alloc::vec::Vec;

/// A stream of numbers.
#[derive(Clone, Debug)]
pub(super) struct Rng {
    state: u64,
    /// Octets that are read, from the last on, before the seed has its say.
    choices: Vec<u8>,
}

impl Rng {
    pub(super) const fn new(seed: u64) -> Self {
        Self { state: seed, choices: Vec::new() }
    }

    /// A stream whose first numbers are these octets.
    pub(super) fn reading(self, choices: Vec<u8>) -> Self {
        Self { choices, ..self }
    }

    fn next(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.state ^ (self.state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below `end`; 0 for an end of 0.
    pub(super) fn below(&mut self, end: u64) -> u64 {
        self.chosen(end).unwrap_or_else(|| self.next()).checked_rem(end).unwrap_or(0)
    }

    /// A number of as many octets as one below `end` has.
    fn chosen(&mut self, end: u64) -> Option<u64> {
        let mut number = u64::from(self.choices.pop()?);
        let mut most = 255;
        while most < end.saturating_sub(1) {
            number = number << 8 | u64::from(self.choices.pop().unwrap_or(0));
            most = most << 8 | 255;
        }
        Some(number)
    }

    /// A number from 1 to `most`.
    pub(super) fn up_to(&mut self, most: usize) -> usize {
        1 + usize::try_from(self.below(most.max(1) as u64)).unwrap_or(0)
    }

    /// Whether a thing happens that happens once in `times`.
    pub(super) fn once_in(&mut self, times: u64) -> bool {
        self.below(times) == 0
    }

    /// One of `choices`.
    pub(super) fn pick<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[self.up_to(choices.len()) - 1]
    }

    /// Another stream, that goes on by itself, with half of the octets.
    pub(super) fn split(&mut self) -> Self {
        let choices = self.choices.split_off(self.choices.len() / 2);
        Self { state: self.next(), choices }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_gives_the_same_numbers_for_ever() {
        // The first outputs of the reference implementation for the seed 1234567.
        let mut rng = Rng::new(1_234_567);
        let numbers = [rng.next(), rng.next(), rng.next()];
        assert_eq!(
            numbers,
            [6_457_827_717_110_365_317, 3_203_168_211_198_807_973, 9_817_491_932_198_370_423]
        );
    }

    #[test]
    fn numbers_stay_within_their_bounds() {
        let mut rng = Rng::new(0);
        for most in 1..100 {
            assert!((1..=most).contains(&rng.up_to(most)) && rng.below(most as u64) < most as u64);
        }
        assert_eq!((rng.below(0), rng.up_to(0)), (0, 1));
    }
}
