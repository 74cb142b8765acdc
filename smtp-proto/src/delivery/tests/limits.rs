//! LIMITS (RFC 9422): what a server takes in one session, and in one transaction.

use super::*;

/// What was settled for which cause, and what was written.
fn play(keywords: &str, recipients: &[&'static str], turns: &[&str]) -> (Vec<String>, String) {
    let mut client = client(keywords);
    let envelope = to(recipients);
    let mut delivery = delivery(&client, &envelope);
    let (mut log, mut written) = (Vec::new(), String::new());
    for turn in [""].iter().chain(turns) {
        let mut input = turn.as_bytes();
        for round in 0.. {
            assert!(round < 1000, "no end: {log:?}");
            let event = delivery.next(&mut client, &mut input).unwrap();
            written.push_str(core::str::from_utf8(client.outgoing()).unwrap());
            let length = client.outgoing().len();
            client.sent(length);
            match event {
                Some(Event::Settled { of, outcome }) => {
                    let who: Vec<usize> = delivery.recipients(of).collect();
                    log.push(alloc::format!("{who:?} {:?} {:?}", outcome.fate, outcome.cause));
                }
                Some(Event::Content) => delivery.finish(&mut client).unwrap(),
                Some(Event::Done { reusable }) => {
                    log.push(alloc::format!("done {reusable}"));
                    return (log, written);
                }
                None if length == 0 => break,
                None => {}
            }
        }
    }
    (log, written)
}

#[test]
fn a_transaction_has_no_more_recipients_than_the_server_takes() {
    let one = "250 ok\r\n250 ok\r\n250 ok\r\n354 go\r\n";
    let (log, written) = play(
        "PIPELINING, LIMITS RCPTMAX=2",
        &["b@y.test", "c@y.test", "d@y.test"],
        &[one, "250 ok\r\n", "250 ok\r\n550 no\r\n554 nobody\r\n"],
    );
    assert_eq!(log, ["[0, 1] Delivered Content", "[2] Permanent Rcpt", "done true"]);
    assert_eq!(written.matches("MAIL FROM").count(), 2);
    assert!(written.contains("RCPT TO:<c@y.test>\r\nDATA\r\n.\r\nMAIL"), "{written}");
}

#[test]
fn a_session_has_no_more_letters_than_the_server_takes() {
    let (log, written) = play(
        "PIPELINING, LIMITS RCPTMAX=1 MAILMAX=1",
        &["b@y.test", "c@y.test"],
        &["250 ok\r\n250 ok\r\n354 go\r\n", "250 ok\r\n"],
    );
    assert_eq!(log, ["[0] Delivered Content", "[1] Transient Limit", "done false"]);
    assert_eq!(written.matches("MAIL FROM").count(), 1);
}

#[test]
fn a_session_has_no_more_domains_than_the_server_takes() {
    let (log, written) = play(
        "PIPELINING, LIMITS RCPTDOMAINMAX=1",
        &["b@y.test", "b@z.test", "c@Y.TEST"],
        &["250 ok\r\n250 ok\r\n250 ok\r\n354 go\r\n", "250 ok\r\n"],
    );
    assert_eq!(log, ["[1] Transient Limit", "[0, 2] Delivered Content", "done true"]);
    assert!(!written.contains("z.test"));
}

#[test]
fn where_the_limits_let_nobody_through_no_content_is_asked_for() {
    let mut client = client("PIPELINING, LIMITS RCPTDOMAINMAX=1");
    let first = to(&["b@y.test"]);
    let mut delivery = delivery(&client, &first);
    step(&mut delivery, &mut client, "");
    step(&mut delivery, &mut client, "250 ok\r\n250 ok\r\n354 go\r\n250 ok\r\n");
    let second = to(&["b@z.test", "c@z.test"]);
    let mut delivery = self::delivery(&client, &second);
    for index in [0, 1] {
        let outcome = Outcome::without_reply(Fate::Transient, Cause::Limit);
        let settled = Event::Settled { of: Of::One(index), outcome };
        assert_eq!(delivery.next(&mut client, &mut &b""[..]), Ok(Some(settled)));
    }
    assert_eq!(delivery.next(&mut client, &mut &b""[..]), Ok(None));
    assert_eq!(client.outgoing(), b"MAIL FROM:<a@x.test>\r\n");
    assert_eq!(step(&mut delivery, &mut client, "250 ok\r\n"), ["done true"]);
    assert!(client.in_transaction() && client.outgoing().is_empty());
}

#[test]
fn the_cause_says_what_was_replied_to() {
    for (turns, log) in [
        (&["550 no\r\n503 x\r\n503 x\r\n"][..], "[0] Permanent Mail"),
        (&["250 ok\r\n450 no\r\n554 x\r\n"], "[0] Transient Rcpt"),
        (&["250 ok\r\n250 ok\r\n451 x\r\n"], "[0] Transient Data"),
        (&["250 ok\r\n250 ok\r\n354 go\r\n", "554 x\r\n"], "[0] Permanent Content"),
        (&["250 ok\r\n421 bye\r\n"], "[0] Transient Session"),
    ] {
        assert_eq!(play("PIPELINING", &["b@y.test"], turns).0[0], log);
    }
    let (log, _) = play("PIPELINING", &["\u{e4}@y.test"], &[]);
    assert_eq!(log, ["[0] Permanent Unsendable(Utf8Address)", "done true"]);
}
