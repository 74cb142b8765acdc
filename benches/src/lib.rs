//! What the benchmarks of `smtp-proto` share: their inputs, a server that accepts everything, and a client with one letter.
//!
//! `cargo bench -p smtp-proto-benches` runs all of them; `-- FILTER` those whose name holds FILTER. For counts that do not depend on noise
//! there is `.ci/counts`.

pub mod client;
pub mod input;
pub mod server;
