//! LMTP: a verdict for each recipient.

use super::*;
use crate::Last;

/// LHLO is answered, with these keywords.
fn lmtp(keywords: &str) -> Client {
    let mut client = client_of(Config { flavour: Flavour::Lmtp, ..Config::default() });
    hear(&mut client, "220 store LMTP\r\n");
    assert_eq!(leaves(&mut client), "LHLO c.test\r\n");
    hear(
        &mut client,
        &alloc::format!(
            "250-store\r\n250-ENHANCEDSTATUSCODES\r\n250-CHUNKING\r\n250 {keywords}\r\n"
        ),
    );
    client
}

/// Each event with the number of its command.
fn judged(client: &mut Client, replies: &str) -> Vec<(Verb, u32)> {
    let (mut input, mut judged) = (replies.as_bytes(), Vec::new());
    while let Ok(Some(event)) = client.next(&mut input) {
        if let Event::Reply { to, .. } = event {
            judged.push((to.verb, to.n));
        }
    }
    judged
}

#[test]
fn each_accepted_recipient_has_its_verdict_in_order() {
    for keywords in ["PIPELINING", "8BITMIME"] {
        let mut client = lmtp(keywords);
        group(&mut client, &["a@y.test", "b@y.test", "c@y.test"]);
        for reply in ["250 ok", "250 ok", "550 no", "250 ok", "354 go"] {
            leaves(&mut client);
            hear(&mut client, &alloc::format!("{reply}\r\n"));
        }
        client.body(b"hi\r\n").unwrap();
        client.finish().unwrap();
        assert_eq!(leaves(&mut client), "hi\r\n.\r\n");
        assert_eq!(judged(&mut client, "250-a\r\n250 a\r\n"), [(Verb::Rcpt, 2)]);
        assert!(client.is_verdict_owed() && !client.is_idle());
        assert_eq!(judged(&mut client, "452 c\r\n"), [(Verb::Rcpt, 4)]);
        assert!(client.is_reusable() && !client.is_verdict_owed());
        assert_eq!(client.next(&mut &b"250 d\r\n"[..]), Err(Error::Unsolicited));
    }
}

#[test]
fn the_last_chunk_has_a_verdict_for_each_and_waits_for_those_in_front() {
    let mut client = lmtp("PIPELINING");
    mail(&mut client, "", "").unwrap();
    ["a@y.test", "b@y.test"].iter().for_each(|to| assert!(rcpt(&mut client, to).is_ok()));
    leaves(&mut client);
    hear(&mut client, "250 ok\r\n250 ok\r\n250 ok\r\n");
    client.chunk(4, Last::No).unwrap();
    client.body(b"hi\r\n").unwrap();
    leaves(&mut client);
    assert_eq!(client.chunk(0, Last::Yes), Err(Misuse::Full), "RFC 2033 4.3");
    hear(&mut client, "250 ok\r\n");
    client.chunk(4, Last::Yes).unwrap();
    client.body(b"ho\r\n").unwrap();
    client.quit().unwrap();
    assert_eq!(leaves(&mut client), "BDAT 4 LAST\r\nho\r\n");
    assert_eq!(judged(&mut client, "250 a\r\n550 b\r\n"), [(Verb::Rcpt, 2), (Verb::Rcpt, 3)]);
    assert_eq!(leaves(&mut client), "QUIT\r\n");
}

/// RFC 3030 2: for some of the recipients the command failed, and RSET harms nobody.
#[test]
fn a_reset_is_due_where_the_last_chunk_failed_for_anybody() {
    for (verdicts, due) in [
        ("250 a\r\n250 b\r\n", false),
        ("250 a\r\n452 b\r\n", true),
        ("550 a\r\n250 b\r\n", true),
        ("550 a\r\n550 b\r\n", true),
    ] {
        let mut client = lmtp("PIPELINING");
        mail(&mut client, "", "").unwrap();
        ["a@y.test", "b@y.test"].iter().for_each(|to| assert!(rcpt(&mut client, to).is_ok()));
        leaves(&mut client);
        hear(&mut client, "250 ok\r\n250 ok\r\n250 ok\r\n");
        client.chunk(0, Last::Yes).unwrap();
        leaves(&mut client);
        hear(&mut client, verdicts);
        assert_eq!(client.in_transaction(), due, "{verdicts}");
        assert_eq!(mail(&mut client, "", "").is_err(), due, "{verdicts}");
    }
}

#[test]
fn content_for_nobody_is_never_asked_for() {
    let mut client = lmtp("PIPELINING");
    group(&mut client, &["a@y.test"]);
    leaves(&mut client);
    hear(&mut client, "250 ok\r\n550 no\r\n");
    assert_eq!(client.next(&mut &b"354 go\r\n"[..]), Err(Error::Unexpected(Verb::Data)));
}

#[test]
fn there_is_no_helo_in_lmtp() {
    let mut client = client_of(Config { flavour: Flavour::Lmtp, ..Config::default() });
    hear(&mut client, "220 store\r\n");
    leaves(&mut client);
    assert_eq!(hear(&mut client, "500 5.5.1 what\r\n"), ["LHLO 500 5.5.1 what"]);
    assert_eq!(leaves(&mut client), "");
}

#[test]
fn a_421_among_the_verdicts_leaves_the_others_owed() {
    let mut client = lmtp("PIPELINING");
    group(&mut client, &["a@y.test", "b@y.test"]);
    leaves(&mut client);
    hear(&mut client, "250 ok\r\n250 ok\r\n250 ok\r\n354 go\r\n");
    client.finish().unwrap();
    leaves(&mut client);
    assert_eq!(judged(&mut client, "421 4.3.2 bye\r\n"), [(Verb::Rcpt, 2)]);
    assert!(client.is_over() && client.is_verdict_owed());
}
