//! Content on its way out: as pieces borrowed for `writev`, and copied into one buffer.

#![allow(missing_docs, reason = "criterion_group! writes a public function")]

use core::hint::black_box;
use core::time::Duration;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use smtp_proto::data::{LineEnds, Writer};
use smtp_proto_benches::input::Content;

const KIB: usize = 1024;

fn data_out(criterion: &mut Criterion) {
    for (content, kind) in Content::ALL {
        for (octets, size) in [(KIB, "1 KiB"), (64 * KIB, "64 KiB"), (10 * KIB * KIB, "10 MiB")] {
            let input = content.octets(octets);
            let mut out = Vec::with_capacity(2 * input.len());
            let mut benches = criterion.benchmark_group(format!("data out, {kind}, {size}"));
            benches.throughput(Throughput::Bytes(input.len() as u64));
            benches.bench_function("pieces", |bencher| {
                bencher.iter(|| pieces(black_box(&input)));
            });
            benches.bench_function("copy", |bencher| {
                bencher.iter(|| {
                    out.clear();
                    let mut writer = Writer::new(LineEnds::Refuse);
                    writer.write(black_box(&input), &mut out).expect("it can be sent");
                    out.len()
                });
            });
            benches.bench_function("memcpy", |bencher| {
                bencher.iter(|| {
                    out.clear();
                    out.extend_from_slice(black_box(&input));
                    out.len()
                });
            });
            benches.bench_function("memchr", |bencher| {
                bencher.iter(|| memchr::memchr(0, black_box(&input)));
            });
            benches.finish();
        }
    }
}

fn pieces(mut content: &[u8]) -> usize {
    let (mut writer, mut octets) = (Writer::new(LineEnds::Refuse), 0);
    while !content.is_empty() {
        let mut pieces = [&b""[..]; 64];
        let (taken, filled) = writer.pieces(content, &mut pieces).expect("it can be sent");
        octets += black_box(&pieces[..filled]).len();
        content = &content[taken..];
    }
    octets
}

criterion_group! {
    name = benches;
    config = Criterion::default()
        .sample_size(20)
        .warm_up_time(Duration::from_millis(200))
        .measurement_time(Duration::from_secs(1));
    targets = data_out
}
criterion_main!(benches);
