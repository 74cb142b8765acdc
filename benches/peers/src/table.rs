//! The results as Markdown.

use std::fmt::Write;

use crate::Row;
use crate::job::{Job, Task};
use crate::peers::{OURS, is_mark};

pub(crate) fn of_jobs(jobs: &[(Job, Vec<Row>)], only: &str) -> String {
    let mut text = String::from(
        "# The same jobs by smtp-proto and by other crates\n\n\
         Written by `cargo run --release --manifest-path benches/peers/Cargo.toml -- --write benches/peers`: medians of interleaved rounds\n\
         in one process. Ratios are to smtp-proto; nanoseconds vary by half from run to run, ratios by much less. A mark is no peer: it does\n\
         less than the job and shows where the limit is.\n\n",
    );
    if !only.is_empty() {
        let _ = writeln!(text, "Only the jobs with `{only}` in their name were measured.\n");
    }
    for (job, rows) in jobs {
        text.push_str(&of_job(job, rows));
        text.push('\n');
    }
    text
}

pub(crate) fn of_job(job: &Job, rows: &[Row]) -> String {
    let rate = matches!(job.task, Task::BodyIn(_) | Task::BodyOut);
    let (unit, line) = if rate { ("GB/s | ", "---:|") } else { ("", "") };
    let mut text = format!(
        "### {}\n\n| | time | {unit}ratio | allocations | computes less |\n|---|---:|{line}---:|---:|---|\n",
        job.name
    );
    let ours = ours(rows);
    for row in rows {
        let speed = match rate {
            true => format!("{:.2} | ", job.input.octets().len() as f64 / row.nanoseconds),
            false => String::new(),
        };
        let name = match row.name {
            OURS => format!("**{OURS}**"),
            mark if is_mark(mark) => format!("*{mark}*"),
            name => name.into(),
        };
        let _ = writeln!(
            text,
            "| {name} | {} | {speed}{:.2} | {} | {} |",
            time(row.nanoseconds),
            row.nanoseconds / ours,
            row.allocations,
            row.less
        );
    }
    text
}

/// The time of smtp-proto, to which all others are set in proportion.
pub(crate) fn ours(rows: &[Row]) -> f64 {
    rows.iter().find(|row| row.name == OURS).map_or(f64::NAN, |row| row.nanoseconds)
}

pub(crate) fn time(nanoseconds: f64) -> String {
    if nanoseconds < 1000.0 {
        format!("{nanoseconds:.0} ns")
    } else {
        format!("{:.1} us", nanoseconds / 1000.0)
    }
}
