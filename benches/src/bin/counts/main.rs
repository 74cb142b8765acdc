//! Counts the instructions and allocations of a fixed workload, and compares them with the accepted figures in benches/counts.tsv.
//!
//! Counts do not depend on noise: two runs of one binary give the same, whatever else the machine does. `.ci/counts` runs it.

mod accepted;
mod allocations;
mod workload;

use core::error::Error;
use std::env;
use std::fs;
use std::path::PathBuf;
use std::process::{Command, ExitCode};

use accepted::{Accepted, Figure};
use workload::Workload;

/// The shorter and the longer run: their difference is free of what happens once.
const RUNS: [u32; 2] = [4, 24];

const USAGE: &str = "usage: counts [--accept]
    compares the workload with the accepted figures, and exits 1 where a job takes over 10 % more instructions or allocates more
    --accept   writes what was counted into benches/counts.tsv";

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let done = match arguments[..] {
        [] => compare(),
        ["--accept"] => accept(),
        ["run", job, runs] => run(job, runs),
        _ => Err(USAGE.into()),
    };
    done.unwrap_or_else(|error| {
        eprintln!("counts: {error}");
        ExitCode::from(2)
    })
}

/// The part that valgrind counts.
fn run(job: &str, runs: &str) -> Result<ExitCode, Box<dyn Error>> {
    let mut work = workload::named(job).ok_or("no such job")?;
    (0..runs.parse()?).for_each(|_| (work.run)());
    Ok(ExitCode::SUCCESS)
}

fn accept() -> Result<ExitCode, Box<dyn Error>> {
    let counted = Accepted { made_by: machine()?, figures: count()? };
    fs::write(file(), counted.to_string())?;
    println!("wrote {}", file().display());
    Ok(ExitCode::SUCCESS)
}

fn compare() -> Result<ExitCode, Box<dyn Error>> {
    let accepted = Accepted::parse(&fs::read_to_string(file())?)?;
    let machine = machine()?;
    if accepted.made_by != machine {
        println!(
            "The accepted figures are of {}; this is {machine}: instructions are not compared. Accept new figures by .ci/counts --accept",
            accepted.made_by
        );
        return compare_allocations(&accepted);
    }
    let mut worse = 0;
    println!("{:44} {:>12} {:>12} {:>7} {:>6}", "job", "accepted", "counted", "", "allocs");
    for figure in count()? {
        let old = accepted.figure(figure.job);
        let change =
            figure.instructions as f64 / old.map_or(f64::NAN, |old| old.instructions as f64);
        let fault = match old {
            None => "  NEW: has no accepted figure",
            Some(old) if figure.allocations > old.allocations => "  ALLOCATES MORE",
            Some(_) if change > 1.1 => "  TAKES OVER 10 % MORE",
            Some(_) if change < 0.9 => "  (better: accept it)",
            Some(_) => "",
        };
        println!(
            "{:44} {:>12} {:>12} {:>+6.1}% {:>6}{fault}",
            figure.job,
            old.map_or(0, |old| old.instructions),
            figure.instructions,
            (change - 1.0) * 100.0,
            figure.allocations,
        );
        worse += u32::from(fault.chars().any(|c| c.is_uppercase()));
    }
    Ok(verdict(worse))
}

fn compare_allocations(accepted: &Accepted) -> Result<ExitCode, Box<dyn Error>> {
    let mut worse = 0;
    for work in workload::all() {
        let (job, allocations) = (work.job, allocations::of(work));
        let old = accepted.figure(job).map_or(0, |old| old.allocations);
        if allocations > old {
            println!("{job}: {allocations} allocations, {old} are accepted");
            worse += 1;
        }
    }
    Ok(verdict(worse))
}

fn verdict(worse: u32) -> ExitCode {
    if worse == 0 {
        println!("No job is worse than what was accepted.");
        return ExitCode::SUCCESS;
    }
    println!(
        "{worse} jobs are worse than what was accepted. If that is meant, run .ci/counts --accept, commit benches/counts.tsv, and say why \
         in the commit."
    );
    ExitCode::FAILURE
}

fn count() -> Result<Vec<Figure>, Box<dyn Error>> {
    let mut figures = Vec::new();
    for work in workload::all() {
        let Workload { job, unit, units, .. } = work;
        let [short, long] = RUNS;
        let difference = instructions(job, long)?.saturating_sub(instructions(job, short)?);
        let total = u64::from(long - short) * units;
        // In thousandths for an octet, else whole.
        let scale = if unit == "octet" { 1000 } else { 1 };
        figures.push(Figure {
            job,
            unit,
            instructions: difference * scale / total,
            allocations: allocations::of(work),
        });
    }
    Ok(figures)
}

/// What valgrind counts for so many runs of a job, the start of the program included.
fn instructions(job: &str, runs: u32) -> Result<u64, Box<dyn Error>> {
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
        .arg(env::current_exe()?)
        .args(["run", job, &runs.to_string()])
        .output()
        .map_err(|error| format!("valgrind does not start: {error}"))?;
    let told = String::from_utf8_lossy(&output.stderr);
    let line = told.lines().find_map(|line| line.split_once("Collected : "));
    let (_, count) = line.ok_or_else(|| format!("valgrind counted nothing: {told}"))?;
    Ok(count.trim().parse()?)
}

/// What the counts depend on besides the source.
fn machine() -> Result<String, Box<dyn Error>> {
    let rustc = env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let version = String::from_utf8(Command::new(rustc).arg("--version").output()?.stdout)?;
    #[cfg(target_arch = "x86_64")]
    let vectors = if std::is_x86_feature_detected!("avx2") { "avx2" } else { "sse2" };
    #[cfg(not(target_arch = "x86_64"))]
    let vectors = "its vectors";
    Ok(format!("{} on {} with {vectors}", version.trim(), env::consts::ARCH))
}

fn file() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("counts.tsv")
}
