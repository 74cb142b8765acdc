//! What `post-office` does with letters, and what it leaves on the disk.

#[path = "../support/mod.rs"]
mod support;

mod delivery;
mod matching;
mod programs;
mod reports;
mod running;
mod trace;
