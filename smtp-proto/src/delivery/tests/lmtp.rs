//! LMTP: every recipient has a verdict of its own.

use super::*;
use crate::client::Queue;

fn lmtp(recipients: &[&'static str]) -> (Client, Delivery<'static>) {
    let config = Config { flavour: Flavour::Lmtp, ..Config::default() };
    let client = client_with(config, "PIPELINING, CHUNKING");
    let delivery = delivery(&client, &to(recipients));
    (client, delivery)
}

const THREE: [&str; 3] = ["b@y.test", "c@y.test", "d@y.test"];
const ACCEPTED: &str = "250 ok\r\n250 ok\r\n550 no\r\n250 ok\r\n354 go\r\n";

#[test]
fn each_verdict_settles_its_recipient() {
    let (mut client, mut delivery) = lmtp(&THREE);
    step(&mut delivery, &mut client, "");
    let log = step(&mut delivery, &mut client, ACCEPTED);
    assert_eq!(log, ["[1] Permanent 550 no", "content"]);
    let log = step(&mut delivery, &mut client, "250 2.0.0 b\r\n452 4.2.2 d is full\r\n");
    assert_eq!(
        log,
        ["[0] Delivered 250 2.0.0 b", "[2] Transient 452 4.2.2 d is full", "done true"]
    );
}

#[test]
fn a_verdict_that_does_not_come_is_unknown_and_those_that_came_count() {
    let (mut client, mut delivery) = lmtp(&THREE);
    step(&mut delivery, &mut client, "");
    step(&mut delivery, &mut client, ACCEPTED);
    assert_eq!(step(&mut delivery, &mut client, "250 ok\r\n"), ["[0] Delivered 250 ok"]);
    client.eof();
    assert_eq!(delivery.next(&mut client, &mut &b""[..]), Err(Error::Eof));
    assert_eq!(delivery.give_up(&client).collect::<Vec<_>>(), [(2, Fate::Unknown)]);
}

#[test]
fn a_421_among_the_verdicts_leaves_the_others_unknown() {
    let (mut client, mut delivery) = lmtp(&["b@y.test", "c@y.test"]);
    step(&mut delivery, &mut client, "");
    step(&mut delivery, &mut client, "250 ok\r\n250 ok\r\n250 ok\r\n354 go\r\n");
    let log = step(&mut delivery, &mut client, "421 4.3.2 bye\r\n");
    assert_eq!(log, ["[0] Transient 421 4.3.2 bye", "[1] Unknown ", "done false"]);
}

#[test]
fn the_last_chunk_has_as_many_verdicts() {
    let (mut client, _) = lmtp(&[]);
    let envelope = to(&THREE);
    let mut delivery = in_chunks(&client, &envelope);
    step(&mut delivery, &mut client, "");
    let log = step(&mut delivery, &mut client, "250 ok\r\n250 ok\r\n550 no\r\n250 ok\r\n");
    assert_eq!(log, ["[1] Permanent 550 no", "content"]);
    let log = step(&mut delivery, &mut client, "250 b\r\n552 d\r\n");
    assert_eq!(log, ["[0] Delivered 250 b", "[2] Permanent 552 d", "done true"]);
}

#[test]
fn the_last_chunk_waits_for_a_reply_and_not_for_the_application() {
    let queue = Queue { content: 8, ..Queue::default() };
    let config = Config { flavour: Flavour::Lmtp, queue, ..Config::default() };
    let mut client = client_with(config, "PIPELINING, CHUNKING");
    let envelope = to(&["b@y.test"]);
    let mut delivery = in_chunks(&client, &envelope);
    step(&mut delivery, &mut client, "");
    let mut replies = &b"250 ok\r\n250 ok\r\n"[..];
    assert_eq!(delivery.next(&mut client, &mut replies), Ok(Some(Event::Content)));
    assert_eq!(delivery.body(&mut client, b"123456\r\n"), Ok(8));
    delivery.finish(&mut client).unwrap();
    for leaves in [&b"BDAT 8\r\n"[..], b"123456\r\n", b""] {
        assert_eq!(client.outgoing(), leaves);
        client.sent(leaves.len());
        assert_eq!(delivery.next(&mut client, &mut replies), Ok(None));
    }
    assert!(matches!(client.wants(), Wants::Read(_)), "{:?}", client.wants());
    assert_eq!(delivery.next(&mut client, &mut &b"250 ok\r\n"[..]), Ok(None));
    assert_eq!(client.outgoing(), b"BDAT 0 LAST\r\n");
}

/// Were it for the first alone, the others would be tried again in vain.
#[test]
fn a_refusal_in_the_middle_of_the_last_chunk_is_for_all_of_them() {
    let (mut client, _) = lmtp(&[]);
    let envelope = to(&THREE);
    let mut delivery = in_chunks(&client, &envelope);
    step(&mut delivery, &mut client, "");
    let mut accepted = &b"250 ok\r\n250 ok\r\n550 no\r\n250 ok\r\n"[..];
    let mut next = || delivery.next(&mut client, &mut accepted);
    assert!((0..9).any(|_| matches!(next(), Ok(Some(Event::Content)))));
    assert_eq!(delivery.body(&mut client, b"hi\r\n"), Ok(4));
    assert_eq!(delivery.finish(&mut client), Ok(()));
    client.sent("BDAT 4 LAST\r\nh".len());
    let mut input = &b"552 5.3.4 too big\r\n"[..];
    let Ok(Some(Event::Settled { of, outcome })) = delivery.next(&mut client, &mut input) else {
        panic!("nobody is settled");
    };
    assert_eq!(
        (delivery.recipients(of).collect::<Vec<_>>(), outcome.fate),
        ([0, 2].into(), Fate::Permanent)
    );
    assert_eq!(delivery.next(&mut client, &mut input), Ok(Some(Event::Done { reusable: false })));
}
