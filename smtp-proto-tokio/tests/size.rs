//! Letters of every size go through `sink` at flat memory, and its limit costs a letter, not the session.

#![cfg(target_os = "linux")]

mod support;

use support::{Peer, Sink, code};

const MIB: usize = 1024 * 1024;

/// One line of content, with a dot in front that is doubled on the wire.
const LINE: &[u8; 80] =
    b". seventy-eight octets and a line end, and a dot in front of it all for the ..\r\n";

#[test]
fn letters_up_to_64_mib_pass_at_flat_memory() {
    letters_pass_at_flat_memory(64 * MIB);
}

#[test]
#[ignore = "writes a quarter of a gigabyte to the disk"]
fn letters_up_to_200_mib_pass_at_flat_memory() {
    letters_pass_at_flat_memory(200 * MIB);
}

#[test]
fn letter_over_the_limit_is_drained_and_the_session_goes_on() {
    const LIMIT: usize = 100_000;
    let sink = Sink::start(&["--max-size", &LIMIT.to_string()]);
    let mut peer = Peer::connect(sink.address());
    peer.hello();
    for octets in [LIMIT + 1, 2 * LIMIT] {
        assert_eq!(enhanced(&send_letter(&mut peer, octets)), "552 5.3.4");
    }
    assert_eq!(enhanced(&send_letter(&mut peer, LIMIT)), "250 2.0.0");
    assert_eq!(code(&peer.say("QUIT")), "221");

    let stored = sink.stored();
    assert_eq!(stored.len(), 1);
    assert!(stored[0].content == content(LIMIT));
    assert_eq!(sink.files(), 2, "of refused letters nothing is left");
}

#[test]
fn letter_over_twice_the_limit_is_refused_and_the_session_closed() {
    const LIMIT: usize = 100_000;
    let sink = Sink::start(&["--max-size", &LIMIT.to_string()]);
    let mut peer = Peer::connect(sink.address());
    peer.hello();
    peer.begin_letter();
    peer.write(&on_the_wire(&content(2 * LIMIT + 80))).expect("sink drains");
    assert_eq!(enhanced(&peer.reply()), "552 5.3.4");
    assert!(peer.is_closed());
    assert_eq!(sink.files(), 0);
}

/// All of them in one session, from the smallest letter up to `largest` octets.
fn letters_pass_at_flat_memory(largest: usize) {
    /// What the process may take on top of what a letter of 64 KiB made it take.
    const SLACK: u64 = 2 * MIB as u64;
    let sink = Sink::start(&["--max-size", &(largest + MIB).to_string()]);
    let mut peer = Peer::connect(sink.address());
    peer.hello();
    let mut flat = 0;
    let sizes = [0, 3, 64, 1000, 65_536, MIB, 16 * MIB, largest];
    for (number, octets) in sizes.into_iter().enumerate() {
        assert_eq!(enhanced(&send_letter(&mut peer, octets)), "250 2.0.0");
        let stored = sink.newest();
        assert_eq!(stored.envelope["octets"], octets);
        assert!(stored.content == content(octets), "{octets} octets differ from what was sent");
        assert_eq!(sink.files(), 2 * (number + 1));
        if octets <= 65_536 {
            flat = sink.peak_memory();
        }
    }
    let grown = sink.peak_memory() - flat;
    println!("{largest} octets made the memory grow by {grown} from {flat}");
    assert!(grown <= SLACK);
}

fn send_letter(peer: &mut Peer, octets: usize) -> String {
    peer.begin_letter();
    peer.write(&on_the_wire(&content(octets))).expect("sink takes or drains it");
    peer.write(b".\r\n").expect("sink takes or drains it");
    peer.reply()
}

/// Exactly so many octets, in whole lines: none, or at least the two of a line end.
fn content(octets: usize) -> Vec<u8> {
    let lines = octets.saturating_sub(2) / LINE.len();
    let mut content = LINE.repeat(lines);
    if octets > 0 {
        content.resize(octets - 2, b'x');
        content.extend(b"\r\n");
    }
    content
}

/// RFC 5321 4.5.2: a dot in front of each line that begins with one.
fn on_the_wire(content: &[u8]) -> Vec<u8> {
    let mut wire = Vec::with_capacity(content.len() + content.len() / 64);
    for line in content.split_inclusive(|octet| *octet == b'\n') {
        wire.extend_from_slice(if line.starts_with(b".") { b"." } else { b"" });
        wire.extend_from_slice(line);
    }
    wire
}

/// The code and the enhanced code of a reply.
fn enhanced(reply: &str) -> &str {
    reply.get(..9).unwrap_or(reply)
}
