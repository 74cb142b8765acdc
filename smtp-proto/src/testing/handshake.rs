//! A handshake for tests: each end says a word where TLS would begin. What comes behind goes on in the clear.

use core::time::Duration;

use super::End;
use super::network::{Network, Read, Write};

const WORD: &[u8; 9] = b"\x16a hello.";

/// How far one end has come.
#[derive(Default)]
pub(super) struct Handshake {
    said: usize,
    heard: usize,
}

/// What came of one step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    Moved,
    /// Nothing now.
    Nothing,
    Done,
    /// What came is no handshake.
    Garbage,
    /// The connection is at its end.
    End,
}

impl Handshake {
    /// The client speaks first.
    pub(super) fn step(&mut self, by: End, network: &mut Network, now: Duration) -> Step {
        let speaks = by == End::Client || self.heard == WORD.len();
        let said = match &WORD[self.said..] {
            left @ [_, ..] if speaks => network.write(by, left, now),
            _ => Write::Full,
        };
        if let Write::Took(count) = said {
            self.said += count;
            return self.moved();
        }
        let mut octets = [0; WORD.len()];
        let space = &mut octets[self.heard..];
        if space.is_empty() {
            return if said == Write::Broken { Step::End } else { Step::Nothing };
        }
        match network.read(by, space, now) {
            Read::Got(count) if space[..count] != WORD[self.heard..self.heard + count] => {
                Step::Garbage
            }
            Read::Got(count) => {
                self.heard += count;
                self.moved()
            }
            Read::Nothing => Step::Nothing,
            Read::End => Step::End,
        }
    }

    const fn moved(&self) -> Step {
        if self.said == WORD.len() && self.heard == WORD.len() { Step::Done } else { Step::Moved }
    }
}
