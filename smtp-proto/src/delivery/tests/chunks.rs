//! Content by BDAT, gathered into chunks.

use super::*;
use crate::client::{Pipelining, Queue};
use crate::data::LineEnds;

/// How content is given.
#[derive(Clone, Copy, Debug)]
enum By {
    Octets(usize),
    Pieces(usize),
}

/// Delivers `content` to one recipient of a server that takes all. What was written behind the envelope, and how it went.
fn sent(config: Config, content: Content, octets: &[u8], by: By) -> (Vec<u8>, Vec<String>) {
    let mut client = client_with(config, "PIPELINING, CHUNKING, 8BITMIME, BINARYMIME");
    let envelope = to(&["b@y.test"]);
    let plan = Delivery::plan(client.extensions().unwrap(), &envelope, content).unwrap();
    let mut delivery = Delivery::new(plan.in_chunks(), envelope);
    let mut at = None;
    let (mut written, mut log) = (Vec::new(), Vec::new());
    let mut replies = Vec::new();
    for _ in 0..100_000 {
        let mut input = &replies[..];
        while let Some(event) = delivery.next(&mut client, &mut input).unwrap() {
            match event {
                Event::Content => (at, written) = (Some(0), Vec::new()),
                Event::Settled { outcome, .. } => log.push(alloc::format!("{:?}", outcome.fate)),
                Event::Done { reusable } => {
                    log.push(alloc::format!("done {reusable}"));
                    return (written, log);
                }
            }
        }
        replies = input.to_vec();
        match (client.wants(), at) {
            (Wants::Flush(_), _) => {
                let outgoing = client.outgoing().to_vec();
                written.extend_from_slice(&outgoing);
                client.sent(outgoing.len());
            }
            // Each line that is no content has a reply: one at a time is enough here.
            (Wants::Read(_), _) => replies.extend_from_slice(b"250 ok\r\n"),
            (Wants::Body, Some(from)) => {
                let (By::Octets(most) | By::Pieces(most)) = by;
                let now = &octets[from..octets.len().min(from + most)];
                let fed = match by {
                    _ if now.is_empty() => {
                        at = None;
                        delivery.finish(&mut client).map(|()| 0)
                    }
                    By::Octets(_) => delivery.body(&mut client, now),
                    By::Pieces(_) => {
                        let mut pieces = [&b""[..]; 3];
                        delivery.body_pieces(&mut client, now, &mut pieces).map(
                            |(taken, filled)| {
                                pieces[..filled]
                                    .iter()
                                    .for_each(|piece| written.extend_from_slice(piece));
                                taken
                            },
                        )
                    }
                };
                match fed {
                    Ok(taken) => at = at.map(|from| from + taken),
                    Err(misuse) => {
                        log.push(misuse.to_string());
                        at = None;
                    }
                }
            }
            other => panic!("{other:?} after {log:?}"),
        }
    }
    panic!("it never ends: {log:?}");
}

/// What a server gets of chunks, and how many there were.
fn received(mut wire: &[u8]) -> (Vec<u8>, usize) {
    let (mut content, mut chunks) = (Vec::new(), 0);
    loop {
        let end = wire.windows(2).position(|two| two == b"\r\n").expect("a command");
        let (line, rest) = (core::str::from_utf8(&wire[..end]).unwrap(), &wire[end + 2..]);
        let size = line.strip_prefix("BDAT ").expect(line);
        let octets: usize = size.trim_end_matches(" LAST").parse().unwrap();
        content.extend_from_slice(&rest[..octets]);
        (wire, chunks) = (&rest[octets..], chunks + 1);
        if size.ends_with(" LAST") {
            assert_eq!(wire, b"");
            return (content, chunks);
        }
    }
}

fn config(pipelining: Pipelining, line_ends: LineEnds, room: usize) -> Config {
    let queue = Queue { content: room, ..Queue::default() };
    Config { pipelining, line_ends, queue, ..Config::default() }
}

#[test]
fn a_short_letter_is_one_chunk() {
    let (wire, log) = sent(Config::default(), Content::seven_bit(), b".\r\nhi\r\n", By::Octets(2));
    assert_eq!(wire, b"BDAT 7 LAST\r\n.\r\nhi\r\n");
    assert_eq!(log, ["Delivered", "done true"]);
}

#[test]
fn every_octet_arrives_however_it_is_given() {
    let text = b"Subject: x\r\n\r\n.\r\n..a\r\nlast line without an end".repeat(5);
    let binary: Vec<u8> = (0..=255).collect();
    for pipelining in [Pipelining::Offered, Pipelining::InFlight(90), Pipelining::Never] {
        for room in [1, 7, 100, 1000] {
            for most in [1, 2, 3, 50, 5000] {
                for by in [By::Octets(most), By::Pieces(most)] {
                    let config = config(pipelining, LineEnds::Refuse, room);
                    let (wire, log) = sent(config.clone(), Content::seven_bit(), &text, by);
                    assert_eq!(received(&wire).0, text, "{pipelining:?} {room} {by:?}");
                    assert_eq!(log, ["Delivered", "done true"]);
                    let (wire, _) = sent(config, Content::binary(), &binary, by);
                    assert_eq!(received(&wire).0, binary, "{pipelining:?} {room} {by:?}");
                }
            }
        }
    }
}

/// The source may have nothing more for now.
#[test]
fn what_was_taken_of_a_chunk_leaves_without_another_call() {
    let config = config(Pipelining::Offered, LineEnds::Refuse, 8);
    let mut client = client_with(config, "PIPELINING, CHUNKING");
    let envelope = to(&["b@y.test"]);
    let mut delivery = in_chunks(&client, &envelope);
    step(&mut delivery, &mut client, "");
    let mut replies = &b"250 ok\r\n250 ok\r\n"[..];
    assert_eq!(delivery.next(&mut client, &mut replies), Ok(Some(Event::Content)));
    assert_eq!(delivery.body(&mut client, b"123456\r\n789"), Ok(8));
    for leaves in [&b"BDAT 8\r\n"[..], b"123456\r\n", b""] {
        assert_eq!(client.outgoing(), leaves);
        client.sent(leaves.len());
        assert_eq!(delivery.next(&mut client, &mut replies), Ok(None));
    }
    assert_eq!(client.wants(), Wants::Body);
}

#[test]
fn newlines_are_seen_to_before_they_are_counted() {
    for room in [1, 2, 3, 10] {
        for most in 1..8 {
            for by in [By::Octets(most), By::Pieces(most)] {
                let config = config(Pipelining::Offered, LineEnds::Normalise, room);
                let (wire, _) = sent(config, Content::seven_bit(), b"a\nb\rc\r\n.\nd\r", by);
                assert_eq!(received(&wire).0, b"a\r\nb\r\nc\r\n.\r\nd\r\n", "{room} {by:?}");
            }
        }
    }
}

#[test]
fn what_is_no_line_is_refused_and_never_ended() {
    for by in [By::Octets(3), By::Octets(100), By::Pieces(3), By::Pieces(100)] {
        let (wire, log) = sent(Config::default(), Content::seven_bit(), b"abcd\nefgh", by);
        assert!(!wire.windows(4).any(|four| four == b"LAST"), "{by:?}");
        assert_eq!(log, ["octet 4 of the content: bare LF", "Transient", "done false"], "{by:?}");
    }
}

#[test]
fn large_content_goes_in_chunks_of_what_may_wait() {
    let text = b"0123456789abcdef\r\n".repeat(8192);
    let (wire, _) = sent(Config::default(), Content::seven_bit(), &text, By::Octets(10_000));
    assert_eq!(received(&wire), (text.clone(), 3));
    let (wire, _) = sent(Config::default(), Content::seven_bit(), &text, By::Pieces(80_000));
    assert_eq!(received(&wire), (text, 3));
}

#[test]
fn a_chunk_that_fails_is_the_verdict_and_a_reset_is_due() {
    let config = config(Pipelining::Offered, LineEnds::Refuse, 4);
    let mut client = client_with(config, "PIPELINING, CHUNKING");
    let envelope = to(&["b@y.test"]);
    let mut delivery = in_chunks(&client, &envelope);
    step(&mut delivery, &mut client, "");
    let log = step(&mut delivery, &mut client, "250 ok\r\n250 ok\r\n");
    assert_eq!(log, ["content"]);
    let log = step(&mut delivery, &mut client, "452 4.3.1 full\r\n503 no\r\n");
    assert_eq!(log, ["[0] Transient 452 4.3.1 full", "done true"]);
    let mut next = self::delivery(&client, &envelope);
    assert_eq!(next.next(&mut client, &mut &b""[..]), Ok(None));
    assert!(client.outgoing().starts_with(b"RSET\r\nMAIL"));
}

#[test]
fn a_refused_last_chunk_leaves_a_reset_due() {
    let mut client = client("PIPELINING, CHUNKING, BINARYMIME");
    let envelope = to(&["b@y.test"]);
    let plan = Delivery::plan(client.extensions().unwrap(), &envelope, Content::binary()).unwrap();
    let mut delivery = Delivery::new(plan.clone(), envelope.clone());
    step(&mut delivery, &mut client, "");
    assert_eq!(step(&mut delivery, &mut client, "250 ok\r\n250 ok\r\n"), ["content"]);
    let log = step(&mut delivery, &mut client, "550 5.6.0 no\r\n");
    assert_eq!(log, ["[0] Permanent 550 5.6.0 no", "done true"]);
    let mut next = Delivery::new(plan, envelope);
    assert_eq!(next.next(&mut client, &mut &b""[..]), Ok(None));
    assert!(client.outgoing().starts_with(b"RSET\r\nMAIL"));
}

#[test]
fn a_fault_behind_octets_that_were_lent_is_told_at_its_place() {
    let mut client = client("PIPELINING, CHUNKING");
    let envelope = to(&["b@y.test"]);
    let mut delivery = in_chunks(&client, &envelope);
    assert_eq!(delivery.next(&mut client, &mut &b""[..]), Ok(None));
    client.sent(usize::MAX);
    let mut input = &b"250 ok\r\n250 ok\r\n"[..];
    assert!((0..9).any(|_| delivery.next(&mut client, &mut input) == Ok(Some(Event::Content))));
    let (mut lent, mut content) = (Vec::new(), &b"one\r\n"[..]);
    for _ in 0..9 {
        client.sent(usize::MAX);
        let mut pieces = [&b""[..]; 3];
        let (taken, filled) = delivery.body_pieces(&mut client, content, &mut pieces).unwrap();
        pieces[..filled].iter().for_each(|piece| lent.extend_from_slice(piece));
        content = &content[taken..];
    }
    assert_eq!((&lent[..], content), (&b"one\r\n"[..], &b""[..]), "the octets themselves");
    let Err(Misuse::Stray(fault)) = delivery.body(&mut client, b"two\nx") else { panic!() };
    assert_eq!(fault.to_string(), "octet 8 of the content: bare LF");
}

#[test]
fn where_nobody_is_accepted_no_chunk_is_sent() {
    let mut client = client("PIPELINING, CHUNKING");
    let envelope = to(&["b@y.test"]);
    let mut delivery = in_chunks(&client, &envelope);
    step(&mut delivery, &mut client, "");
    let log = step(&mut delivery, &mut client, "250 ok\r\n550 no\r\n");
    assert_eq!(log, ["[0] Permanent 550 no", "done true"]);
    assert!(client.in_transaction() && client.outgoing().is_empty());
}

#[test]
fn chunks_go_where_they_are_offered_and_binary_content_only_so() {
    let plan = |keywords: &str, content| {
        let envelope = to(&["b@y.test"]);
        Delivery::plan(client(keywords).extensions().unwrap(), &envelope, content).map(|plan| {
            (plan.mail().to_string(), plan.uses_chunks(), plan.in_chunks().uses_chunks())
        })
    };
    let seven = |keywords| plan(keywords, Content::seven_bit());
    assert_eq!(seven("8BITMIME"), Ok((String::new(), false, false)));
    assert_eq!(seven("CHUNKING"), Ok((String::new(), false, true)));
    let binary = |keywords| plan(keywords, Content::binary());
    assert_eq!(binary("CHUNKING, BINARYMIME"), Ok(("BODY=BINARYMIME".to_string(), true, true)));
    for keywords in ["8BITMIME", "CHUNKING", "BINARYMIME"] {
        assert_eq!(binary(keywords), Err(Unsendable::Binary));
    }
}

#[test]
fn a_letter_that_requires_tls_goes_only_where_that_is_offered() {
    let mail = MailBuf { from: "a@x.test".parse().unwrap(), params: "REQUIRETLS".parse().unwrap() };
    let envelope = Envelope::of(&mail, &[]);
    let plan = |keywords: &str| {
        Delivery::plan(client(keywords).extensions().unwrap(), &envelope, Content::seven_bit())
            .map(|plan| plan.mail().to_string())
    };
    assert_eq!(plan("REQUIRETLS").as_deref(), Ok("REQUIRETLS"));
    assert_eq!(plan("STARTTLS"), Err(Unsendable::RequireTls));
    assert_eq!(Unsendable::RequireTls.enhanced().to_string(), "5.7.30");
}
