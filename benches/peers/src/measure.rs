//! Rounds in which every peer has its turn, and their medians.

use std::hint::black_box;
use std::time::{Duration, Instant};

use crate::alloc;
use crate::job::{Job, Peer, Task, Work};

#[derive(Clone, Copy)]
pub(crate) struct Effort {
    rounds: usize,
    turn: Duration,
}

impl Effort {
    pub(crate) const FULL: Self = Self { rounds: 101, turn: Duration::from_micros(500) };
    pub(crate) const SMOKE: Self = Self { rounds: 1, turn: Duration::from_micros(1) };
}

/// What one peer took for one job.
#[derive(Clone)]
pub(crate) struct Row {
    pub(crate) name: &'static str,
    pub(crate) nanoseconds: f64,
    pub(crate) allocations: usize,
    pub(crate) less: &'static str,
}

struct Turn {
    name: &'static str,
    work: Work,
    repeat: usize,
    samples: Vec<f64>,
}

/// The rows of a job, the fastest first.
pub(crate) fn rows(job: &Job, peers: &[Box<dyn Peer>], effort: Effort) -> Vec<Row> {
    let mut sink = Vec::with_capacity(1 << 20);
    let mut turns: Vec<Turn> = peers
        .iter()
        .filter_map(|peer| peer.work(job).map(|work| (peer.name(), work)))
        .map(|(name, mut work)| {
            check(job, name, &mut work, &mut sink);
            let repeat = repeats(job, &mut work, &mut sink, effort.turn);
            Turn { name, work, repeat, samples: Vec::with_capacity(effort.rounds) }
        })
        .collect();
    for round in 0..effort.rounds {
        for index in 0..turns.len() {
            // Nobody stands always behind the same other.
            let at = (index + round) % turns.len();
            let turn = &mut turns[at];
            let took = time(job, &mut turn.work, &mut sink, turn.repeat);
            turn.samples.push(took.as_nanos() as f64 / turn.repeat as f64);
        }
    }
    let mut rows: Vec<Row> = turns.into_iter().map(|turn| row(job, turn, &mut sink)).collect();
    rows.sort_by(|one, other| one.nanoseconds.total_cmp(&other.nanoseconds));
    rows
}

/// What does not do the job is not measured.
fn check(job: &Job, name: &str, work: &mut Work, sink: &mut Vec<u8>) {
    for _ in 0..2 {
        sink.clear();
        let result = (work.run)(job.input.octets(), sink);
        assert_eq!(result, job.result, "{name}: {}", job.name);
        if job.task == Task::Serve {
            assert!(sink.starts_with(b"250 "), "{name} replies: {}", sink.escape_ascii());
            assert_eq!(sink.iter().filter(|&&octet| octet == b'\n').count(), 102, "{name}");
        }
    }
}

fn repeats(job: &Job, work: &mut Work, sink: &mut Vec<u8>, turn: Duration) -> usize {
    let mut repeat = 1;
    while repeat < 1 << 20 && time(job, work, sink, repeat) < turn {
        repeat *= 2;
    }
    repeat
}

fn time(job: &Job, work: &mut Work, sink: &mut Vec<u8>, repeat: usize) -> Duration {
    let start = Instant::now();
    for _ in 0..repeat {
        sink.clear();
        black_box((work.run)(black_box(job.input.octets()), black_box(sink)));
    }
    start.elapsed()
}

fn row(job: &Job, mut turn: Turn, sink: &mut Vec<u8>) -> Row {
    let before = alloc::count();
    sink.clear();
    (turn.work.run)(job.input.octets(), sink);
    let allocations = alloc::count() - before;
    turn.samples.sort_by(f64::total_cmp);
    let nanoseconds = turn.samples[turn.samples.len() / 2];
    Row { name: turn.name, nanoseconds, allocations, less: turn.work.less }
}
