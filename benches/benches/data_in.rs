//! Content on its way in, through the server's machine, beside a copy of the same octets and a search in them.

#![allow(missing_docs, reason = "criterion_group! writes a public function")]

use core::hint::black_box;
use core::time::Duration;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use smtp_proto_benches::input::Content;
use smtp_proto_benches::server::Session;

const KIB: usize = 1024;
const LETTERS: [(usize, &str); 3] =
    [(KIB, "1 KiB"), (64 * KIB, "64 KiB"), (10 * KIB * KIB, "10 MiB")];

/// What reads bring: a packet of Ethernet, and a full buffer.
const PIECES: [usize; 2] = [1460, 64 * KIB];

fn data_in(criterion: &mut Criterion) {
    for (content, kind) in Content::ALL {
        for (octets, size) in LETTERS {
            let input = content.octets(octets);
            let mut benches = criterion.benchmark_group(format!("data in, {kind}, {size}"));
            benches.throughput(Throughput::Bytes(input.len() as u64));
            for piece in PIECES.into_iter().filter(|&piece| piece <= octets || octets == KIB) {
                let mut session = Session::in_letter();
                benches.bench_function(BenchmarkId::new("serve", piece), |bencher| {
                    bencher.iter(|| session.read(black_box(&input), piece));
                });
            }
            let mut copy = input.clone();
            benches.bench_function("memcpy", |bencher| {
                bencher.iter(|| black_box(&mut copy).copy_from_slice(black_box(&input)));
            });
            benches.bench_function("memchr", |bencher| {
                bencher.iter(|| memchr::memchr(0, black_box(&input)));
            });
            benches.finish();
        }
    }
}

criterion_group! {
    name = benches;
    config = Criterion::default()
        .sample_size(20)
        .warm_up_time(Duration::from_millis(200))
        .measurement_time(Duration::from_secs(1));
    targets = data_in
}
criterion_main!(benches);
