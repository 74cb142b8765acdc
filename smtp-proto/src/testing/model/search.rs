//! The searches, and what they report.

use alloc::collections::BTreeSet;
use alloc::format;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;

use super::alphabet::{self, Answer, Input};
use super::coverage;
use super::graph::{Graph, Reached};
use super::real::Real;
use super::reference::{FAILURES, OWED, RECIPIENTS, Reference, Seen, Visit};
use super::table::{LMTP, SECURED, SMTP, Table};
use crate::Mechanisms;
use crate::server::{Config, Flavour, StartTls};

/// A kind of server that is checked against its table.
#[derive(Debug)]
pub struct Server {
    table: Table,
    config: Arc<Config>,
    inputs: Vec<Input>,
    /// Sequences behind which all are tried.
    starts: Vec<Vec<Input>>,
}

/// What a search did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Report {
    /// Sequences that were covered, each to its full length or to the end of the session; of the merged search those of every length.
    pub sequences: u128,
    /// Inputs that were given to the machine.
    pub steps: u64,
    /// Positions of the machine that were told apart; 0 where none were merged.
    pub positions: usize,
    /// Cells of state, verb and outcome that were visited.
    pub visited: usize,
    /// Cells that were not, by name.
    pub missing: Vec<String>,
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { sequences, steps, positions, visited, missing } = self;
        write!(
            f,
            "{sequences} sequences by {steps} steps, {positions} positions, {visited} cells visited"
        )?;
        if missing.is_empty() {
            Ok(())
        } else {
            write!(f, ", {} not: {}", missing.len(), missing.join(", "))
        }
    }
}

/// The machine and its reference part ways.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("behind {inputs}\n  machine:   {machine}\n  reference: {reference}")]
#[non_exhaustive]
pub struct Disagreement {
    /// The inputs, the last of which tells the two apart.
    pub inputs: String,
    /// What is seen of the machine.
    pub machine: String,
    /// What the reference says.
    pub reference: String,
}

impl Server {
    /// A transfer server with everything that it offers by default.
    ///
    /// # Panics
    ///
    /// Never: its name is one.
    #[must_use]
    pub fn smtp() -> Self {
        Self::new(SMTP, Config::new("mx.test").expect("a name"), alphabet::server())
    }

    fn new(table: &'static str, mut config: Config, inputs: Vec<Input>) -> Self {
        config.limits.recipients = RECIPIENTS as u32;
        config.limits.answers_owed = OWED;
        let (table, config) = (Table::read(table), Arc::new(config));
        Self { table, config, inputs, starts: [Vec::new()].into() }
    }

    /// A server that delivers into a mail store (RFC 2033).
    ///
    /// # Panics
    ///
    /// Never: its name is one.
    #[must_use]
    pub fn lmtp() -> Self {
        Self::new(LMTP, Config::lmtp("mx.test").expect("a name"), alphabet::server())
    }

    /// A transfer server that offers STARTTLS, and AUTH in the clear and in TLS.
    ///
    /// # Panics
    ///
    /// Never: its name is one.
    #[must_use]
    pub fn secured() -> Self {
        Self::with_tls_and_auth(Config::new("mx.test").expect("a name"), StartTls::Offered)
    }

    /// A submission server: TLS comes first, and AUTH in it (RFC 6409).
    ///
    /// # Panics
    ///
    /// Never: its name is one.
    #[must_use]
    pub fn submission() -> Self {
        Self::with_tls_and_auth(Config::submission("mx.test").expect("a name"), StartTls::Required)
    }

    fn with_tls_and_auth(mut config: Config, starttls: StartTls) -> Self {
        config.starttls = starttls;
        config.limits.auth_attempts = FAILURES as u32;
        config.auth.in_tls = Mechanisms::of(["PLAIN", "LOGIN"]);
        if starttls == StartTls::Offered {
            config.auth.in_clear = config.auth.in_tls.clone();
        }
        let server = Self::new(SMTP, config, alphabet::secured());
        Self { table: server.table.with(SECURED), starts: alphabet::secured_starts(), ..server }
    }

    fn open(&self) -> (Real, Reference<'_>) {
        let reference = Reference::new(&self.table, self.is_lmtp());
        let reference = if self.requires() { reference.requiring() } else { reference };
        (Real::open(&self.config), reference)
    }

    fn requires(&self) -> bool {
        self.config.starttls == StartTls::Required
    }

    fn is_lmtp(&self) -> bool {
        self.config.flavour == Flavour::Lmtp
    }

    /// How many inputs there are.
    #[must_use]
    pub const fn inputs(&self) -> usize {
        self.inputs.len()
    }

    /// Runs every sequence of up to `length` of the most important inputs behind the greeting, each by itself.
    ///
    /// # Errors
    ///
    /// The first sequence that tells the machine from its reference.
    pub fn plain(&self, length: usize) -> Result<Report, Disagreement> {
        self.every(&alphabet::plain(), length)
    }

    /// Runs every sequence of up to `length` good commands behind the greeting, each by itself.
    ///
    /// # Errors
    ///
    /// As [`plain`](Self::plain).
    pub fn commands(&self, length: usize) -> Result<Report, Disagreement> {
        self.every(&alphabet::commands(), length)
    }

    fn every(&self, inputs: &[Input], length: usize) -> Result<Report, Disagreement> {
        let mut report = Report::default();
        let mut visits = BTreeSet::new();
        let mut places = alloc::vec![0; length];
        loop {
            let sequence: Vec<&Input> = places.iter().map(|&place| &inputs[place]).collect();
            let (steps, whole) = self.run(&sequence, &mut visits)?;
            report.steps += steps as u64;
            report.sequences += u128::from(whole);
            // What ended the session, or could not happen, is not continued.
            let last = if whole { steps.max(1) - 1 } else { steps };
            let Some(at) = (0..=last).rev().find(|&at| places[at] + 1 < inputs.len()) else {
                break;
            };
            places[at] += 1;
            places[at + 1..].fill(0);
        }
        report.visited = visits.len();
        Ok(report)
    }

    /// Runs a sequence behind the greeting: how many of its inputs there were, and whether none of them was impossible.
    fn run(
        &self,
        sequence: &[&Input],
        visits: &mut BTreeSet<Visit>,
    ) -> Result<(usize, bool), Disagreement> {
        let greet = Input::Answer(alphabet::Which::Oldest, Answer::Yes);
        let (mut real, mut reference) = self.open();
        self.step(&mut real, &mut reference, &greet, &[])?;
        let mut steps = 0;
        for (index, input) in sequence.iter().enumerate() {
            if !reference.may(input) {
                return Ok((steps, false));
            }
            self.step(&mut real, &mut reference, input, &sequence[..index])?;
            steps += 1;
            if reference.is_over() {
                break;
            }
        }
        visits.append(&mut reference.visits);
        Ok((steps, true))
    }

    fn step(
        &self,
        real: &mut Real,
        reference: &mut Reference<'_>,
        input: &Input,
        before: &[&Input],
    ) -> Result<(), Disagreement> {
        let (machine, expected) = (real.take(input), reference.take(input));
        let around = (real.around(), reference.around());
        let over = (real.is_over(), reference.is_over());
        if machine == expected && around.0 == around.1 && over.0 == over.1 {
            return Ok(());
        }
        let inputs = before.iter().copied().chain([input]).map(Input::name);
        Err(Disagreement {
            inputs: inputs.collect::<Vec<_>>().join(", "),
            machine: format!("{}, over: {}, {:?}", shown(&machine), over.0, around.0),
            reference: format!("{}, over: {}, {:?}", shown(&expected), over.1, around.1),
        })
    }

    /// Covers every sequence of up to `length` inputs from the connection on: those that come to the same position are one.
    ///
    /// # Errors
    ///
    /// As [`plain`](Self::plain).
    pub fn merged(&self, length: usize) -> Result<Report, Disagreement> {
        let mut graph = Graph::default();
        let mut visits = BTreeSet::new();
        let mut report = Report::default();
        for start in &self.starts {
            let (mut real, mut reference) = self.open();
            for (at, input) in start.iter().enumerate() {
                let before: Vec<&Input> = start[..at].iter().collect();
                self.step(&mut real, &mut reference, input, &before)?;
            }
            let place = |input| self.inputs.iter().position(|other| other == input);
            let path = start.iter().map(place).collect::<Option<_>>().expect("they are inputs");
            let start = ((real.position(), reference.position()), path);
            report.sequences +=
                graph.explore(start, self.inputs.len(), length, |path, input| {
                    self.arrow(path, input, &mut visits, &mut report.steps)
                })?;
        }
        report.positions = graph.positions();
        report.visited = visits.len();
        report.missing = self.missing(&visits);
        Ok(report)
    }

    /// Where one input leads from a position that some sequence comes to.
    fn arrow(
        &self,
        path: &[usize],
        input: usize,
        visits: &mut BTreeSet<Visit>,
        steps: &mut u64,
    ) -> Result<Reached, Disagreement> {
        let (mut real, mut reference) = self.open();
        for &before in path {
            real.take(&self.inputs[before]);
            reference.take(&self.inputs[before]);
        }
        *steps += path.len() as u64 + 1;
        let input = &self.inputs[input];
        if !reference.may(input) {
            return Ok(Reached::Impossible);
        }
        let before: Vec<&Input> = path.iter().map(|&at| &self.inputs[at]).collect();
        self.step(&mut real, &mut reference, input, &before)?;
        visits.append(&mut reference.visits);
        if reference.is_over() {
            self.stays_over(&mut real, &mut reference, &before, input)?;
            return Ok(Reached::Over);
        }
        Ok(Reached::Position(real.position(), reference.position()))
    }

    /// Behind the end every input changes nothing, but for an answer that is late.
    fn stays_over(
        &self,
        real: &mut Real,
        reference: &mut Reference<'_>,
        before: &[&Input],
        last: &Input,
    ) -> Result<(), Disagreement> {
        let before: Vec<&Input> = before.iter().copied().chain([last]).collect();
        for input in &self.inputs {
            if reference.may(input) {
                self.step(real, reference, input, &before)?;
            }
        }
        Ok(())
    }

    /// Cells that can be visited, and were not.
    fn missing(&self, visits: &BTreeSet<Visit>) -> Vec<String> {
        let cells = match self.config.starttls {
            StartTls::Off => coverage::cells(&self.table),
            _ => coverage::secured(&self.table, self.requires()),
        };
        let unvisited = cells.into_iter().filter(|cell| !visits.contains(cell));
        unvisited.map(|(state, row, outcome)| format!("{row} in {state}: {outcome}")).collect()
    }
}

fn shown(seen: &[Seen]) -> String {
    seen.iter().map(|seen| format!("{seen:?}")).collect::<Vec<_>>().join(" ")
}
