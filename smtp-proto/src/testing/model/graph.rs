//! The positions that sequences of inputs come to: those that come to the same are one from there on.

use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec::Vec;

use super::search::Disagreement;

/// The positions that were found, and the inputs between them.
#[derive(Debug, Default)]
pub(super) struct Graph {
    /// By what the machine and its reference go by.
    found: BTreeMap<(String, String), usize>,
    /// Of each position the first sequence of inputs that came to it.
    paths: Vec<Vec<usize>>,
    arrows: BTreeMap<(usize, usize), Arrow>,
}

#[derive(Clone, Copy, Debug)]
enum Arrow {
    Impossible,
    To(usize),
    Over,
}

/// Where an input leads.
#[derive(Debug)]
pub(super) enum Reached {
    /// It cannot happen there.
    Impossible,
    /// The session is over.
    Over,
    /// To this position of the machine and its reference.
    Position(String, String),
}

impl Graph {
    pub(super) const fn positions(&self) -> usize {
        self.paths.len()
    }

    /// Covers every sequence of up to `length` of so many inputs from a position on, to which `path` comes: how many there are. `arrow`
    /// says where an input leads behind a path.
    pub(super) fn explore(
        &mut self,
        (start, path): ((String, String), Vec<usize>),
        inputs: usize,
        length: usize,
        mut arrow: impl FnMut(&[usize], usize) -> Result<Reached, Disagreement>,
    ) -> Result<u128, Disagreement> {
        let mut sequences = 0;
        let mut level: BTreeMap<usize, u128> = [(self.place(start, path), 1)].into();
        for _ in 0..length {
            let mut next: BTreeMap<usize, u128> = BTreeMap::new();
            for (node, count) in level {
                for input in 0..inputs {
                    match self.arrow(node, input, &mut arrow)? {
                        Arrow::Impossible => {}
                        Arrow::Over => sequences += count,
                        Arrow::To(to) => {
                            sequences += count;
                            *next.entry(to).or_default() += count;
                        }
                    }
                }
            }
            level = next;
        }
        Ok(sequences)
    }

    fn arrow(
        &mut self,
        node: usize,
        input: usize,
        arrow: &mut impl FnMut(&[usize], usize) -> Result<Reached, Disagreement>,
    ) -> Result<Arrow, Disagreement> {
        if let Some(&known) = self.arrows.get(&(node, input)) {
            return Ok(known);
        }
        let path = self.paths[node].clone();
        let found = match arrow(&path, input)? {
            Reached::Impossible => Arrow::Impossible,
            Reached::Over => Arrow::Over,
            Reached::Position(machine, reference) => {
                let path = path.into_iter().chain([input]).collect();
                Arrow::To(self.place((machine, reference), path))
            }
        };
        self.arrows.insert((node, input), found);
        Ok(found)
    }

    fn place(&mut self, position: (String, String), path: Vec<usize>) -> usize {
        let new = self.paths.len();
        let node = *self.found.entry(position).or_insert(new);
        if node == new {
            self.paths.push(path);
        }
        node
    }
}
