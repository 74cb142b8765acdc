//! The file of accepted figures.

use core::error::Error;
use core::fmt;

use crate::workload;

/// What a job took.
#[derive(Debug)]
pub(crate) struct Figure {
    pub(crate) job: &'static str,
    pub(crate) unit: &'static str,
    /// For one unit; for an octet, for a thousand of them.
    pub(crate) instructions: u64,
    /// In one run, of all its units.
    pub(crate) allocations: u64,
}

/// Every figure, and what compiler and machine they are of.
#[derive(Debug)]
pub(crate) struct Accepted {
    pub(crate) made_by: String,
    pub(crate) figures: Vec<Figure>,
}

const HEAD: &str = "job\tinstructions\tfor one\tallocations in a run\n";

impl Accepted {
    pub(crate) fn parse(text: &str) -> Result<Self, Box<dyn Error>> {
        let (made_by, rest) = text.split_once('\n').ok_or("counts.tsv is empty")?;
        let made_by = made_by.trim_start_matches("# ").to_owned();
        let rows = rest.strip_prefix(HEAD).ok_or("counts.tsv has another head")?;
        let mut figures = Vec::new();
        for row in rows.lines() {
            let [job, instructions, _, allocations] = row.split('\t').collect::<Vec<_>>()[..]
            else {
                return Err(format!("counts.tsv: {row}").into());
            };
            // A job that is no more is left out.
            if let Some(work) = workload::all().into_iter().find(|work| work.job == job) {
                let (instructions, allocations) = (instructions.parse()?, allocations.parse()?);
                figures.push(Figure { job: work.job, unit: work.unit, instructions, allocations });
            }
        }
        Ok(Self { made_by, figures })
    }

    pub(crate) fn figure(&self, job: &str) -> Option<&Figure> {
        self.figures.iter().find(|figure| figure.job == job)
    }
}

impl fmt::Display for Accepted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "# {}\n{HEAD}", self.made_by)?;
        self.figures.iter().try_for_each(|Figure { job, unit, instructions, allocations }| {
            let unit = if *unit == "octet" { "thousand octets" } else { unit };
            writeln!(f, "{job}\t{instructions}\t{unit}\t{allocations}")
        })
    }
}
