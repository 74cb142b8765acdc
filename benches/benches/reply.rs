//! Replies: read by a client, written by a server.

#![allow(missing_docs, reason = "criterion_group! writes a public function")]

use core::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use smtp_proto::line::{Replies, ReplyLimits};
use smtp_proto::{Code, Condition, Extensions, Reply};
use smtp_proto_benches::input::{EHLO_REPLY, REPLY};

fn read(criterion: &mut Criterion) {
    let limits = ReplyLimits::default();
    let next = |mut input: &'static [u8]| {
        Replies::new().next(&mut input, &limits).expect("it is a reply").expect("it is whole")
    };
    let mut benches = criterion.benchmark_group("reply, read");
    benches.bench_function("one line", |bencher| bencher.iter(|| next(black_box(REPLY))));
    benches.bench_function("14 lines of EHLO", |bencher| {
        bencher.iter(|| Extensions::from_reply(&next(black_box(EHLO_REPLY))));
    });
    benches.bench_function("memchr", |bencher| {
        bencher.iter(|| memchr::memchr(0, black_box(EHLO_REPLY)))
    });
    benches.finish();
}

fn write(criterion: &mut Criterion) {
    let enhanced = Some(Condition::DESTINATION_ADDRESS_VALID.success());
    let one = Reply::new(Code::OK, enhanced, "Recipient accepted");
    let lines = Reply::new(Code::HELP, None, "one line\nanother line\nand the last line of them");
    let mut out = Vec::with_capacity(4096);
    let mut benches = criterion.benchmark_group("reply, write");
    for (name, reply) in [("one line", one), ("three lines", lines)] {
        benches.bench_function(name, |bencher| {
            bencher.iter(|| {
                out.clear();
                black_box(&reply).encode(&mut out);
                out.len()
            });
        });
    }
    benches.throughput(Throughput::Bytes(REPLY.len() as u64));
    benches.bench_function("memcpy of one line", |bencher| {
        bencher.iter(|| {
            out.clear();
            out.extend_from_slice(black_box(REPLY));
            out.len()
        });
    });
    benches.finish();
}

criterion_group!(reply, read, write);
criterion_main!(reply);
