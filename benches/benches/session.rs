//! One letter of 4 KiB, from the greeting to QUIT, in memory: by the server's machine alone, by the client's alone, and by both.

#![allow(missing_docs, reason = "criterion_group! writes a public function")]

use core::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use smtp_proto_benches::client::Letter;
use smtp_proto_benches::input::Content;
use smtp_proto_benches::server::{Session, config};

fn session(criterion: &mut Criterion) {
    let content = Content::Text.octets(4096);
    let config = config(1 << 20);
    let mail: &[u8] = b"MAIL FROM:<alice@client.example> SIZE=4096 BODY=8BITMIME\r\nRCPT TO:<bob@server.example>\r\nDATA\r\n";
    let end = [&content[..], b".\r\nQUIT\r\n"].concat();
    let input: [&[u8]; 4] = [b"", b"EHLO client.example\r\n", mail, &end];
    let mut out = Vec::with_capacity(2 * content.len());
    let octets = Throughput::Bytes(content.len() as u64);
    let mut benches = criterion.benchmark_group("session of a 4 KiB letter");
    benches.throughput(octets);
    benches.bench_function("server", |bencher| {
        bencher.iter(|| {
            let mut session = Session::new(&config);
            input.map(|octets| session.serve(black_box(octets)))
        });
    });
    let letter = Letter::new(content);
    benches.bench_function("client", |bencher| bencher.iter(|| letter.send()));
    benches.bench_function("pair", |bencher| {
        bencher.iter(|| letter.deliver(&mut Session::new(&config)));
    });
    benches.bench_function("memcpy", |bencher| {
        bencher.iter(|| {
            out.clear();
            input.iter().for_each(|octets| out.extend_from_slice(black_box(octets)));
            out.len()
        });
    });
    benches.bench_function("memchr", |bencher| {
        bencher.iter(|| memchr::memchr(0, black_box(&end)));
    });
    benches.finish();
}

criterion_group!(benches, session);
criterion_main!(benches);
