//! Writes what fuzzers begin with, seeds and a dictionary, and shows what they found as rows of a table.
//!
//!     cargo run -p smtp-proto --features testing --example fuzz_seeds -- fuzz
//!     cargo run -p smtp-proto --features testing --example fuzz_seeds -- --row data a-name fuzz/artifacts/data/crash-1234
//!
//! The first writes `fuzz/seeds/TARGET/NAME` and `fuzz/smtp.dict`; the second prints a row for `src/testing/fuzz/found.tsv`.

use core::error::Error;
use std::fs;
use std::path::Path;

use smtp_proto::testing::fuzz::{TARGETS, dictionary, row};

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["--row", target, name, file] => println!("{}", row(target, name, &fs::read(file)?)),
        [folder] if !folder.starts_with('-') => write(Path::new(folder))?,
        _ => return Err("usage: fuzz_seeds FOLDER | fuzz_seeds --row TARGET NAME FILE".into()),
    }
    Ok(())
}

fn write(folder: &Path) -> Result<(), Box<dyn Error>> {
    for target in TARGETS {
        let seeds = folder.join("seeds").join(target.name);
        fs::create_dir_all(&seeds)?;
        for (name, octets) in target.seeds() {
            fs::write(seeds.join(name), octets)?;
        }
    }
    fs::write(folder.join("smtp.dict"), dictionary())?;
    Ok(())
}
