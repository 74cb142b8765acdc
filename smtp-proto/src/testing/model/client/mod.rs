//! The client over every short sequence of calls and replies, beside its reference.

mod alphabet;
mod real;
mod reference;
mod table;

use alloc::collections::BTreeSet;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::sync::Arc;
use alloc::vec::Vec;

use self::alphabet::{CALLS, Input, REPLIES};
use self::real::Real;
use self::reference::{Reference, Seen, Visit};
use super::graph::{Graph, Reached};
use super::search::{Disagreement, Report};
use crate::Mechanisms;
use crate::client::{Config, Flavour};

/// A kind of client that is checked against its tables.
///
/// ```
/// use smtp_proto::testing::model::Client;
///
/// let report = Client::smtp().merged(2)?;
/// assert!(report.sequences > 1_000);
/// # Ok::<(), smtp_proto::testing::model::Disagreement>(())
/// ```
#[derive(Debug)]
pub struct Client {
    config: Arc<Config>,
    inputs: Vec<Input>,
}

impl Client {
    /// A client of transfer and submission.
    #[must_use]
    pub fn smtp() -> Self {
        Self::new(Flavour::Smtp)
    }

    /// A client that delivers into a mail store (RFC 2033).
    #[must_use]
    pub fn lmtp() -> Self {
        Self::new(Flavour::Lmtp)
    }

    fn new(flavour: Flavour) -> Self {
        let auth_in_clear = Mechanisms::of(["PLAIN", "LOGIN"]);
        let config = Config { flavour, auth_in_clear, ..Config::default() };
        Self { config: Arc::new(config), inputs: alphabet::inputs() }
    }

    fn is_lmtp(&self) -> bool {
        self.config.flavour == Flavour::Lmtp
    }

    /// How many inputs there are.
    #[must_use]
    pub const fn inputs(&self) -> usize {
        self.inputs.len()
    }

    /// Covers every sequence of up to `length` inputs, from the connection on and behind some longer beginnings: those that come to the
    /// same position are one.
    ///
    /// # Errors
    ///
    /// The first sequence that tells the machine from its reference.
    pub fn merged(&self, length: usize) -> Result<Report, Disagreement> {
        let (mut graph, mut visits) = (Graph::default(), BTreeSet::new());
        let mut report = Report::default();
        for start in alphabet::starts() {
            let path: Vec<usize> = start
                .iter()
                .map(|input| self.inputs.iter().position(|other| other == input))
                .collect::<Option<_>>()
                .expect("it is made of inputs");
            let (mut real, mut reference) = self.open();
            for (at, input) in start.iter().enumerate() {
                step(&mut real, &mut reference, *input, &start[..at])?;
            }
            let position = (real.position(), reference.position());
            report.sequences +=
                graph.explore((position, path), self.inputs.len(), length, |path, input| {
                    self.arrow(path, input, &mut visits, &mut report.steps)
                })?;
        }
        report.positions = graph.positions();
        report.visited = visits.len();
        report.missing = self.missing(&visits);
        Ok(report)
    }

    fn open(&self) -> (Real, Reference) {
        (Real::open(&self.config), Reference::new(self.is_lmtp()))
    }

    fn arrow(
        &self,
        path: &[usize],
        input: usize,
        visits: &mut BTreeSet<Visit>,
        steps: &mut u64,
    ) -> Result<Reached, Disagreement> {
        let (mut real, mut reference) = self.open();
        let before: Vec<Input> = path.iter().map(|&at| self.inputs[at]).collect();
        for input in &before {
            real.take(*input);
            reference.take(*input);
        }
        *steps += path.len() as u64 + 1;
        step(&mut real, &mut reference, self.inputs[input], &before)?;
        let over = reference.is_over();
        if over {
            // Behind the end nothing is done any more.
            let before = [&before[..], &[self.inputs[input]]].concat();
            for input in &self.inputs {
                step(&mut real, &mut reference, *input, &before)?;
            }
        }
        visits.append(&mut reference.visits);
        Ok(match over {
            true => Reached::Over,
            false => Reached::Position(real.position(), reference.position()),
        })
    }

    /// Cells that can be visited, and were not.
    fn missing(&self, visits: &BTreeSet<Visit>) -> Vec<String> {
        let calls = CALLS.iter().map(|call| format!("{call:?}"));
        let calls = calls.flat_map(|call| {
            let states = table::STATES.iter().enumerate();
            let cells = states.map(move |(column, state)| {
                (table::cell(table::CALLS, &call, column), call.clone(), (*state).to_string())
            });
            cells.collect::<Vec<_>>()
        });
        // RFC 2033 4.1, 4.2: in LMTP there is one hello, and no content for nobody.
        let others = if self.is_lmtp() { &["EHLO", "HELO", "dot"][..] } else { &["LHLO"] };
        let rows = table::rows(table::ANSWERS).filter(|row| !others.contains(row));
        let answers = rows.flat_map(|row| {
            let replies = REPLIES.iter().enumerate();
            replies.map(move |(column, reply)| {
                let word = table::cell(table::ANSWERS, row, column);
                (word, row.to_string(), reply[..3].to_string())
            })
        });
        let cells = calls.chain(answers).flat_map(|(words, row, column)| {
            words.split('/').map(move |word| (row.clone(), column.clone(), word.to_string()))
        });
        let unvisited = cells.filter(|cell| !visits.contains(cell));
        unvisited.map(|(row, column, word)| format!("{row} in {column}: {word}")).collect()
    }
}

fn step(
    real: &mut Real,
    reference: &mut Reference,
    input: Input,
    before: &[Input],
) -> Result<(), Disagreement> {
    let (machine, expected) = (real.take(input), reference.take(input));
    if machine == expected && real.is_over() == reference.is_over() {
        return Ok(());
    }
    let inputs = before.iter().chain([&input]).map(|input| format!("{input:?}"));
    Err(Disagreement {
        inputs: inputs.collect::<Vec<_>>().join(", "),
        machine: shown(&machine),
        reference: shown(&expected),
    })
}

fn shown(seen: &[Seen]) -> String {
    seen.iter().map(|seen| format!("{seen:?}")).collect::<Vec<_>>().join(" ")
}
