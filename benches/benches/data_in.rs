//! Content on its way in, through the server machine, beside a plain copy of the same octets.

#![allow(missing_docs, reason = "criterion_group! writes a public function")]

mod session;

use core::hint::black_box;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use session::Session;

const OCTETS: usize = 64 * 1024;

/// What reads bring: a packet of Ethernet, and a full buffer.
const PIECES: [usize; 2] = [1460, OCTETS];

fn inputs() -> [(&'static str, Vec<u8>); 4] {
    [
        ("76 columns", lines(&[b'x'; 76])),
        ("76 dots", lines(&[b'.'; 76])),
        ("..", lines(b"..")),
        ("endless line", vec![b'x'; OCTETS]),
    ]
}

/// The line and its end again and again, up to the last whole one that has room.
fn lines(line: &[u8]) -> Vec<u8> {
    let line = [line, b"\r\n"].concat();
    line.repeat(OCTETS / line.len())
}

fn data_in(criterion: &mut Criterion) {
    for (name, input) in inputs() {
        let mut group = criterion.benchmark_group(format!("data in, {name}"));
        group.throughput(Throughput::Bytes(input.len() as u64));
        for piece in PIECES {
            let mut session = letter_begun();
            group.bench_function(BenchmarkId::new("serve", piece), |bencher| {
                bencher.iter(|| serve(&mut session, black_box(&input), piece));
            });
        }
        let mut copy = input.clone();
        group.bench_function("memcpy", |bencher| {
            bencher.iter(|| black_box(&mut copy).copy_from_slice(black_box(&input)));
        });
        group.finish();
    }
}

/// The letter that the benchmark never ends.
fn letter_begun() -> Session {
    let mut session = Session::new(u64::MAX / 4);
    session.serve(
        b"MAIL FROM:<alice@client.example>\r\nRCPT TO:<bob@server.example>\r\nDATA\r\n",
        |_| (),
    );
    session
}

fn serve(session: &mut Session, input: &[u8], piece: usize) -> usize {
    let mut octets = 0;
    for piece in input.chunks(piece) {
        session.serve(piece, |run| octets += black_box(run).len());
    }
    octets
}

criterion_group!(benches, data_in);
criterion_main!(benches);
