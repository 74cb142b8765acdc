//! Does the same jobs by smtp-proto and by other published crates, in interleaved rounds of one process, and writes the medians as a
//! table (Markdown) and a chart (SVG).
//!
//! ```console
//! cargo run --release --manifest-path benches/peers/Cargo.toml -- --write benches/peers
//! ```

mod alloc;
mod chart;
mod input;
mod job;
mod measure;
mod peers;
mod table;

use std::error::Error;
use std::path::PathBuf;
use std::{env, fs};

use clap::Parser;

use job::Job;
use measure::{Effort, Row};

/// glibc copies long blocks by `rep movsb`, which is several times slower for some placements of source and destination.
const TUNABLES: &str = "glibc.cpu.x86_rep_movsb_threshold=0x40000000:glibc.cpu.hwcaps=-ERMS,-FSRM";

/// Compares smtp-proto with other crates that do the same.
#[derive(Parser)]
#[command(after_help = "Examples:
  smtp-proto-peers                     prints the table
  smtp-proto-peers --write DIR         writes DIR/results.md and DIR/results.svg too
  smtp-proto-peers --only 'body in'    measures the jobs whose name has this in it
  smtp-proto-peers --smoke             runs every job once, to see that it runs")]
struct Options {
    /// Writes results.md and results.svg into this folder.
    #[arg(long, value_name = "DIR")]
    write: Option<PathBuf>,
    /// Measures the jobs whose name contains this.
    #[arg(long, value_name = "TEXT", default_value = "")]
    only: String,
    /// One short round of each.
    #[arg(long)]
    smoke: bool,
}

fn main() -> Result<(), Box<dyn Error>> {
    let options = Options::parse();
    settle_block_copies()?;
    let effort = if options.smoke { Effort::SMOKE } else { Effort::FULL };
    let mut jobs = Vec::new();
    for job in Job::all().iter().filter(|job| job.name.contains(&options.only)) {
        let rows = measure::rows(job, &peers::all(), effort);
        println!("{}", table::of_job(job, &rows));
        jobs.push((job.clone(), rows));
    }
    if let Some(folder) = options.write {
        fs::create_dir_all(&folder)?;
        fs::write(folder.join("results.md"), table::of_jobs(&jobs, &options.only))?;
        fs::write(folder.join("results.svg"), chart::draw(&jobs))?;
    }
    Ok(())
}

/// Starts this program again with the copies of glibc that do not depend on the placement, unless it runs with them.
fn settle_block_copies() -> Result<(), Box<dyn Error>> {
    use std::os::unix::process::CommandExt;
    if env::var_os("GLIBC_TUNABLES").is_some() {
        return Ok(());
    }
    let mut again = std::process::Command::new(env::current_exe()?);
    Err(again.args(env::args_os().skip(1)).env("GLIBC_TUNABLES", TUNABLES).exec().into())
}
