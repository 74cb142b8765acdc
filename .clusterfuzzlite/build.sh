#!/bin/bash -eu
# Builds every target into $OUT, each with its seeds, the dictionary and its options.
cd "$SRC/smtp-proto"
cargo fuzz build -O
inputs=$(mktemp -d)
# Not a target: it is built without what the targets are instrumented with.
env -u RUSTFLAGS cargo run -p smtp-proto --features testing --example fuzz_seeds -- "$inputs"
for target in $(cargo fuzz list); do
    cp "fuzz/target/x86_64-unknown-linux-gnu/release/$target" "$OUT/"
    (cd "$inputs/seeds/$target" && zip -q -r "$OUT/${target}_seed_corpus.zip" .)
    cp "$inputs/smtp.dict" "$OUT/$target.dict"
    printf '[libfuzzer]\nmax_len = 4096\ndict = %s.dict\n' "$target" >"$OUT/$target.options"
done
