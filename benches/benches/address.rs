//! Mailboxes: read, compared, and copied into a value that owns them.

#![allow(missing_docs, reason = "criterion_group! writes a public function")]

use core::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use smtp_proto::Mailbox;

const MAILBOXES: [(&str, &str); 5] = [
    ("short", "bob@x.example"),
    ("usual", "bob.brown+lists@mail.server.example"),
    ("quoted", "\"bob \\\"the\\\" brown\"@server.example"),
    ("literal", "bob@[IPv6:2001:db8::1]"),
    ("UTF-8", "b\u{f6}b@s\u{e9}rveur.example"),
];

fn read(criterion: &mut Criterion) {
    let mut benches = criterion.benchmark_group("address, read");
    for (name, mailbox) in MAILBOXES {
        benches.bench_function(name, |bencher| {
            bencher.iter(|| Mailbox::parse(black_box(mailbox.as_bytes())));
        });
    }
    benches.finish();
}

fn keep(criterion: &mut Criterion) {
    let mailbox = Mailbox::parse(b"bob.brown+lists@mail.server.example").expect("it is a mailbox");
    let other = Mailbox::parse(b"bob.brown+lists@MAIL.server.example").expect("it is a mailbox");
    let mut benches = criterion.benchmark_group("address");
    benches.bench_function("compare", |bencher| {
        bencher.iter(|| black_box(mailbox) == black_box(other));
    });
    benches.bench_function("own", |bencher| bencher.iter(|| black_box(mailbox).to_owned()));
    benches.finish();
}

criterion_group!(address, read, keep);
criterion_main!(address);
