//! Command lines: read one by one, in a pipelined group, and served with their replies.

#![allow(missing_docs, reason = "criterion_group! writes a public function")]

use core::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use smtp_proto::Command;
use smtp_proto::line::{Line, Lines};
use smtp_proto_benches::input::{LINES, Parameters, group};
use smtp_proto_benches::server::{Session, config};

const GROUPS: [(&str, Parameters); 2] =
    [("plain", Parameters::None), ("with parameters", Parameters::All)];

fn parse(criterion: &mut Criterion) {
    let mut benches = criterion.benchmark_group("command");
    for (name, line) in LINES {
        benches.bench_function(name, |bencher| bencher.iter(|| Command::parse(black_box(line))));
    }
    benches.finish();
}

/// 1 MAIL, 100 RCPT and DATA in one read; the lone dot that ends the empty letter is timed with those that are served.
fn groups(criterion: &mut Criterion) {
    for (name, parameters) in GROUPS {
        let commands = group(parameters);
        let mut benches = criterion.benchmark_group(format!("command, group of 102, {name}"));
        benches.throughput(Throughput::Elements(102));
        benches.bench_function("parse", |bencher| bencher.iter(|| read(black_box(&commands))));
        let mut session = Session::greeted(&config(1 << 20));
        benches.bench_function("serve", |bencher| {
            bencher.iter(|| session.serve(black_box(&commands)) + session.serve(b".\r\n"));
        });
        benches.bench_function("memchr", |bencher| {
            bencher.iter(|| memchr::memchr(0, black_box(&commands)));
        });
        benches.finish();
    }
}

fn read(mut input: &[u8]) -> usize {
    let (mut lines, mut commands) = (Lines::new(), 0);
    while let Some(Line::Whole(line)) = lines.next(&mut input, 2048) {
        commands += usize::from(black_box(Command::parse(line)).is_ok());
    }
    commands
}

criterion_group!(command, parse, groups);
criterion_main!(command);
