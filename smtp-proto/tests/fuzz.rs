//! What fuzzers found stays mended: every seed of every target, by the same functions that they drive.
//!
//! This needs no nightly toolchain. Under Miri, which is slow, a share of the seeds is enough:
//!
//!     FUZZ_SHARE=50 cargo +nightly miri test -p smtp-proto --features testing --test fuzz

use smtp_proto::testing::fuzz::TARGETS;

#[test]
fn every_seed_holds() {
    let share = std::env::var("FUZZ_SHARE").ok().and_then(|share| share.parse().ok()).unwrap_or(1);
    for target in TARGETS {
        for (name, octets) in target.seeds().into_iter().step_by(share) {
            println!("{} {name}", target.name);
            (target.run)(&octets);
        }
    }
}

/// Where a fuzzer stops is nothing that it chose: every beginning of a seed is an input too.
#[test]
fn every_beginning_of_a_short_seed_holds() {
    for target in TARGETS {
        let seeds = target.seeds().into_iter().filter(|(_, octets)| octets.len() <= 64);
        for (_, octets) in seeds.take(200) {
            (0..octets.len()).for_each(|end| (target.run)(&octets[..end]));
        }
    }
}
