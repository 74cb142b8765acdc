//! Runs the wire cases against a server, and says which rows hold. `conformance --help` tells all.

mod options;
mod peer;
mod progress;
mod report;
mod row;
mod shown;
mod target;
mod tls;

use core::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::io::{self, Write};
use std::process::ExitCode;
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::Instant;

use clap::{CommandFactory, Parser, error::ErrorKind};
use smtp_proto::testing::cases::Case;
use tracing::level_filters::LevelFilter;
use tracing_subscriber::EnvFilter;

use options::Options;
use progress::Progress;
use report::Report;
use row::{Row, Table};
use target::Target;

fn main() -> ExitCode {
    let options = Options::parse();
    let filter =
        EnvFilter::builder().with_default_directive(LevelFilter::WARN.into()).from_env_lossy();
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(io::stderr).init();
    if !Table::for_maximum(1).cases.iter().any(|case| options.selects(case.id)) {
        let error = Options::command()
            .error(ErrorKind::InvalidValue, "no row begins with what --only says");
        error.exit();
    }
    let credentials = match options.credentials() {
        Ok(credentials) => credentials,
        Err(error) => Options::command().error(ErrorKind::InvalidValue, error).exit(),
    };
    let target = match Target::probe(&options, credentials) {
        Ok(target) => target,
        Err(error) => {
            eprintln!("conformance: {error}.");
            return ExitCode::FAILURE;
        }
    };
    if options.tls && !target.offers("STARTTLS") {
        eprintln!("conformance: the server offers no STARTTLS: no row is asked inside TLS.");
    }
    let table = Table::for_maximum(target.maximum());
    let report = run(&options, &target, &table);
    let text =
        if options.json { report.json(&options, &target) } else { report.text(&options, &target) };
    // Who does not want to know closes the pipe.
    let _ = io::stdout().write_all(text.as_bytes());
    match report.complaint() {
        None => ExitCode::SUCCESS,
        Some(complaint) => {
            eprintln!("conformance: {complaint}.");
            ExitCode::FAILURE
        }
    }
}

/// Asks all rows that are selected, several at a time.
fn run<'a>(options: &Options, target: &Target, table: &'a Table) -> Report<'a> {
    let started = Instant::now();
    let cases: Vec<&Case<'_>> =
        table.cases.iter().filter(|case| options.selects(case.id)).collect();
    let (next, rows) = (AtomicUsize::new(0), Mutex::new(Vec::<(usize, Row<'_>)>::new()));
    let progress = Mutex::new(Progress::new(cases.len()));
    thread::scope(|scope| {
        for _ in 0..options.parallel {
            scope.spawn(|| {
                loop {
                    let index = next.fetch_add(1, Relaxed);
                    let Some(case) = cases.get(index) else { return };
                    let row = table.run(case, target);
                    progress.lock().unwrap_or_else(PoisonError::into_inner).done(case.id, row.kind);
                    rows.lock().unwrap_or_else(PoisonError::into_inner).push((index, row));
                }
            });
        }
    });
    let mut rows = rows.into_inner().unwrap_or_else(PoisonError::into_inner);
    rows.sort_by_key(|(index, _)| *index);
    Report { rows: rows.into_iter().map(|(_, row)| row).collect(), took: started.elapsed() }
}
