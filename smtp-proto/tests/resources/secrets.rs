//! Passwords are overwritten before the memory that held them is given back.

use crate::allocations::spilt;
use smtp_proto::client::{Client, Config, Event, Misuse};
use smtp_proto::{Base64, Host, Inbox, Mechanism};
use std::sync::Arc;

/// Of a response in base64 the middle, and the octets that it stands for.
const SECRET: &[u8] = b"c2VjcmV0c2VjcmV0c2VjcmV0";
const PLAIN: &[u8] = b"\0time\0secretsecretsecret";

#[test]
fn a_test_sees_what_is_spilt() {
    assert_eq!(Base64::encode(PLAIN).as_bytes()[8..32], *SECRET);
    assert_eq!(spilt(SECRET, || drop(SECRET.to_vec())), 1);
    assert_eq!(spilt(SECRET, || drop(SECRET[1..].to_vec())), 0);
}

#[test]
fn an_inbox_that_grows_leaves_no_secret_behind() {
    let line = [b"AUTH PLAIN ", SECRET, b"\r\n", &[b'x'; 5000]].concat();
    let spilt = spilt(SECRET, || {
        for piece in [10, 100, 4096, 5037] {
            let mut inbox = Inbox::new(16 * 1024);
            for piece in line.chunks(piece) {
                assert_eq!(inbox.push(piece), piece.len());
            }
            inbox.feed(|input| *input = &input[SECRET.len() + 13..]);
            inbox.wipe();
            assert_eq!(inbox.push(&[b'y'; 9000]), 9000);
        }
    });
    assert_eq!(spilt, 0);
}

#[test]
fn a_lent_buffer_that_grows_leaves_no_secret_behind() {
    let lines = [b"NOOP\r\n", SECRET].concat();
    let spilt = spilt(SECRET, || {
        let mut inbox = Inbox::new(16 * 1024);
        assert_eq!(inbox.push(&lines), lines.len());
        for _ in 0..3 {
            let mut buffer = inbox.lend().unwrap();
            buffer.resize(buffer.capacity(), b'x');
            inbox.give(buffer);
            inbox.feed(|input| *input = &input[1..]);
        }
        inbox.feed(|input| *input = &[]);
        inbox.wipe();
    });
    assert_eq!(spilt, 0);
}

/// A client behind EHLO, in the clear.
fn client() -> Client {
    let mut config = Config::default();
    config.auth_in_clear = smtp_proto::Mechanisms::of(["PLAIN"]);
    let mut client = Client::new(Arc::new(config));
    client.hello(Host::parse(b"c.test").unwrap()).unwrap();
    hear(&mut client, b"220 mx.test\r\n");
    hear(&mut client, b"250-mx.test\r\n250-PIPELINING\r\n250 AUTH PLAIN\r\n");
    client
}

fn hear(client: &mut Client, mut octets: &[u8]) {
    client.sent(usize::MAX);
    while client.next(&mut octets).unwrap().is_some() {}
}

#[test]
fn a_client_gives_no_block_back_with_a_secret_in_it() {
    let plain = Mechanism::new("PLAIN").unwrap();
    let spilt = spilt(SECRET, || {
        // Sent whole, sent in part, and never sent.
        for octets in [usize::MAX, 20, 0] {
            let mut client = client();
            client.auth(plain, Some(PLAIN)).unwrap();
            client.sent(octets);
        }
        // Behind a challenge.
        let mut client = client();
        client.auth(plain, None).unwrap();
        client.sent(usize::MAX);
        assert!(matches!(client.next(&mut &b"334 \r\n"[..]), Ok(Some(Event::Challenge(_)))));
        client.auth_response(PLAIN).unwrap();
        hear(&mut client, b"235 2.7.0 welcome\r\n");
    });
    assert_eq!(spilt, 0);
}

#[test]
fn a_line_that_is_built_piece_by_piece_leaves_no_secret_behind() {
    let plain = Mechanism::new("PLAIN").unwrap();
    let spilt = spilt(SECRET, || {
        for octets in (PLAIN.len()..370).step_by(3) {
            let mut response = PLAIN.to_vec();
            response.resize(octets, b'x');
            client().auth(plain, Some(&response)).unwrap();
        }
        // Behind a command that leaves first.
        let mut client = client();
        client.noop().unwrap();
        client.auth(plain, Some(PLAIN)).unwrap();
        assert_eq!(client.take_outgoing(bytes::BytesMut::new()), b"NOOP\r\n"[..]);
    });
    assert_eq!(spilt, 0);
}

#[test]
fn an_auth_that_has_no_room_leaves_no_secret_behind() {
    let spilt = spilt(SECRET, || {
        let mut config = Config::default();
        config.auth_in_clear = smtp_proto::Mechanisms::of(["PLAIN"]);
        config.queue.commands = 45;
        let mut client = Client::new(Arc::new(config));
        client.hello(Host::parse(b"c.test").unwrap()).unwrap();
        hear(&mut client, b"220 mx.test\r\n");
        hear(&mut client, b"250-mx.test\r\n250-PIPELINING\r\n250 AUTH PLAIN\r\n");
        let plain = Mechanism::new("PLAIN").unwrap();
        client.noop().unwrap();
        assert_eq!(client.auth(plain, Some(PLAIN)), Err(Misuse::Full));
    });
    assert_eq!(spilt, 0);
}
