//! LMTP: every recipient has a verdict of its own.

use super::*;

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
    let plan = Delivery::plan(client.extensions().unwrap(), &envelope, Content::seven_bit());
    let mut delivery = Delivery::new(plan.unwrap().in_chunks(), envelope);
    step(&mut delivery, &mut client, "");
    let log = step(&mut delivery, &mut client, "250 ok\r\n250 ok\r\n550 no\r\n250 ok\r\n");
    assert_eq!(log, ["[1] Permanent 550 no", "content"]);
    let log = step(&mut delivery, &mut client, "250 b\r\n552 d\r\n");
    assert_eq!(log, ["[0] Delivered 250 b", "[2] Permanent 552 d", "done true"]);
}
