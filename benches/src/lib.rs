//! Benchmarks of the hot path of `smtp-proto`; see the files in `benches/`.
