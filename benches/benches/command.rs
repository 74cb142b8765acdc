//! Command lines: read one by one, and served as a pipelined group with their replies.

#![allow(missing_docs, reason = "criterion_group! writes a public function")]

mod session;

use core::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use session::Session;
use smtp_proto::Command;

const LINES: [(&str, &[u8]); 4] = [
    ("EHLO", b"EHLO mail.client.example"),
    ("MAIL", b"MAIL FROM:<alice@client.example>"),
    ("MAIL SIZE BODY", b"MAIL FROM:<alice@client.example> SIZE=4096 BODY=8BITMIME"),
    ("RCPT", b"RCPT TO:<bob.brown@server.example>"),
];

fn parse(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("parse");
    for (name, line) in LINES {
        group.bench_function(name, |bencher| bencher.iter(|| Command::parse(black_box(line))));
    }
    group.finish();
}

/// 1 MAIL, 100 RCPT and DATA in one read; the lone dot that ends the empty letter is timed with them.
fn serve(criterion: &mut Criterion) {
    let rcpt = (0..100).map(|number| format!("RCPT TO:<recipient{number}@server.example>\r\n"));
    let commands =
        format!("MAIL FROM:<alice@client.example>\r\n{}DATA\r\n", rcpt.collect::<String>());
    let mut session = Session::new(1 << 20);
    let replies = session.serve(commands.as_bytes(), |_| ());
    assert!(replies > 102 * b"250 2.0.0 \r\n".len(), "each command is answered");
    session.serve(b".\r\n", |_| ());

    let mut group = criterion.benchmark_group("serve");
    group.throughput(Throughput::Elements(102));
    group.bench_function("group of 102", |bencher| {
        bencher.iter(|| {
            session.serve(black_box(commands.as_bytes()), |_| ()) + session.serve(b".\r\n", |_| ())
        });
    });
    group.finish();
}

criterion_group!(command, parse, serve);
criterion_main!(command);
