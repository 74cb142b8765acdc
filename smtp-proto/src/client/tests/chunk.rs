//! Content by BDAT.

use super::*;
use crate::Last;
use crate::data::Stray;

/// A transaction with one accepted recipient.
fn accepted(keywords: &str) -> Client {
    let mut client = ready(keywords);
    mail(&mut client, "a@x.test", "").unwrap();
    rcpt(&mut client, "b@y.test").unwrap();
    while !client.is_idle() {
        leaves(&mut client);
        hear(&mut client, "250 ok\r\n");
    }
    client
}

fn chunk(client: &mut Client, octets: &str, last: Last) -> Result<Sent, Misuse> {
    let sent = client.chunk(octets.len() as u64, last)?;
    if !octets.is_empty() {
        assert_eq!(client.body(octets.as_bytes()), Ok(octets.len()));
    }
    Ok(sent)
}

/// The same with all that chunks profit from.
fn pipelined() -> Client {
    let mut client = client_of(Config::default());
    hear(&mut client, "220 mx\r\n");
    leaves(&mut client);
    hear(&mut client, "250-mx\r\n250-PIPELINING\r\n250-CHUNKING\r\n250 BINARYMIME\r\n");
    group_of(&mut client, "");
    client
}

fn group_of(client: &mut Client, params: &str) {
    mail(client, "a@x.test", params).unwrap();
    rcpt(client, "b@y.test").unwrap();
    leaves(client);
    hear(client, "250 ok\r\n250 ok\r\n");
}

#[test]
fn octets_follow_their_number_as_they_are() {
    let mut client = pipelined();
    chunk(&mut client, ".\r\n.", Last::No).unwrap();
    assert_eq!(client.wants(), Wants::Next);
    assert_eq!(leaves(&mut client), "BDAT 4\r\n.\r\n.");
    hear(&mut client, "");
    assert_eq!(client.wants(), Wants::Body, "another chunk may follow at once");
    chunk(&mut client, "\r\n", Last::Yes).unwrap();
    assert_eq!(leaves(&mut client), "BDAT 2 LAST\r\n\r\n");
    assert!(client.is_verdict_owed());
    assert_eq!(hear(&mut client, "250 4\r\n250 6\r\n"), ["BDAT 250 4", "BDAT 250 6"]);
    assert!(client.is_reusable() && !client.in_transaction() && !client.is_verdict_owed());
}

#[test]
fn the_last_chunk_may_be_empty_and_nothing_follows_before_its_reply() {
    let mut client = pipelined();
    chunk(&mut client, "a\r\n", Last::No).unwrap();
    chunk(&mut client, "", Last::Yes).unwrap();
    client.quit().unwrap();
    assert_eq!(leaves(&mut client), "BDAT 3\r\na\r\nBDAT 0 LAST\r\n");
    hear(&mut client, "250 ok\r\n");
    assert_eq!(leaves(&mut client), "");
    hear(&mut client, "250 ok\r\n");
    assert_eq!(leaves(&mut client), "QUIT\r\n");
}

#[test]
fn without_pipelining_each_chunk_waits_for_its_reply() {
    let mut client = accepted("CHUNKING");
    chunk(&mut client, "a\r\n", Last::No).unwrap();
    leaves(&mut client);
    hear(&mut client, "");
    assert!(matches!(client.wants(), Wants::Read(_)));
    assert_eq!(client.chunk(0, Last::Yes), Err(Misuse::Full));
    hear(&mut client, "250 ok\r\n");
    assert_eq!(client.wants(), Wants::Body);
    chunk(&mut client, "", Last::Yes).unwrap();
    assert_eq!(leaves(&mut client), "BDAT 0 LAST\r\n");
}

#[test]
fn of_a_chunk_no_more_is_taken_than_was_announced() {
    let mut client = pipelined();
    client.chunk(3, Last::Yes).unwrap();
    assert_eq!((client.noop(), client.finish()), (Err(Misuse::Content), Err(Misuse::Content)));
    assert_eq!(client.body(b"a"), Ok(1));
    assert_eq!(client.body(b"\r\nQUIT"), Ok(2));
    assert_eq!(client.body(b"QUIT"), Err(Misuse::Content));
    assert_eq!(leaves(&mut client), "BDAT 3 LAST\r\na\r\n");
}

#[test]
fn pieces_of_a_chunk_are_written_by_the_caller() {
    let mut client = pipelined();
    client.chunk(8, Last::Yes).unwrap();
    let mut pieces = [&b""[..]; 2];
    assert_eq!(client.body_pieces(b"one\r\n", &mut pieces), Err(Misuse::NotFlushed));
    leaves(&mut client);
    assert_eq!(client.body_pieces(b"one\r", &mut pieces), Ok((4, 1)));
    assert_eq!(client.body_pieces(b"\n.\r\n.\r\n", &mut pieces), Ok((4, 1)));
    assert_eq!(pieces[0], b"\n.\r\n");
    assert_eq!(hear(&mut client, "250 ok\r\n"), ["BDAT 250 ok"]);
}

#[test]
fn chunks_come_once_everybody_is_answered_for_and_somebody_accepted() {
    let mut client = ready("CHUNKING");
    assert_eq!(client.chunk(1, Last::Yes), Err(Misuse::Order));
    mail(&mut client, "a@x.test", "").unwrap();
    assert_eq!(client.chunk(1, Last::Yes), Err(Misuse::NotYet));
    leaves(&mut client);
    hear(&mut client, "250 ok\r\n");
    rcpt(&mut client, "b@y.test").unwrap();
    leaves(&mut client);
    hear(&mut client, "550 no\r\n");
    assert_eq!(client.chunk(1, Last::Yes), Err(Misuse::Order));
    assert_eq!(accepted("8BITMIME").chunk(1, Last::Yes), Err(Misuse::NotOffered));
}

#[test]
fn behind_a_chunk_that_failed_only_a_reset_comes() {
    let mut client = pipelined();
    chunk(&mut client, "a\r\n", Last::No).unwrap();
    leaves(&mut client);
    assert_eq!(hear(&mut client, "452 4.3.1 full\r\n"), ["BDAT 452 4.3.1 full"]);
    assert!(client.in_transaction());
    assert_eq!(
        [client.chunk(1, Last::Yes), client.data(), mail(&mut client, "", ""), client.noop()],
        [Err(Misuse::Order); 4]
    );
    client.reset().unwrap();
    mail(&mut client, "", "").unwrap();
    assert_eq!(leaves(&mut client), "RSET\r\nMAIL FROM:<>\r\n");
    let mut client = pipelined();
    chunk(&mut client, "a\r\n", Last::No).unwrap();
    leaves(&mut client);
    hear(&mut client, "452 full\r\n");
    assert!(client.hello(Host::parse(b"c.test").unwrap()).is_ok());
}

#[test]
fn a_failure_with_the_last_chunk_in_flight_leaves_a_reset_due() {
    let mut client = pipelined();
    chunk(&mut client, "a\r\n", Last::No).unwrap();
    chunk(&mut client, "", Last::Yes).unwrap();
    leaves(&mut client);
    assert_eq!(hear(&mut client, "552 big\r\n503 no\r\n"), ["BDAT 552 big", "BDAT 503 no"]);
    assert!(client.in_transaction());
    assert_eq!(mail(&mut client, "", ""), Err(Misuse::Order));
    assert!(client.reset().is_ok());
}

/// RFC 3030 2: what a failed BDAT leaves behind is indeterminate, be it the last or not.
#[test]
fn behind_a_refusal_of_the_last_chunk_only_a_reset_comes() {
    let mut client = pipelined();
    chunk(&mut client, "a\r\n", Last::Yes).unwrap();
    leaves(&mut client);
    hear(&mut client, "554 no\r\n");
    assert!(client.in_transaction() && client.is_reusable());
    assert_eq!([mail(&mut client, "", ""), client.noop()], [Err(Misuse::Order); 2]);
    client.reset().unwrap();
    mail(&mut client, "", "").unwrap();
    assert_eq!(leaves(&mut client), "RSET\r\nMAIL FROM:<>\r\n");
}

/// What is queued would leave behind a refusal without RSET.
#[test]
fn until_the_last_chunk_is_answered_only_a_reset_is_queued_behind_it() {
    let mut client = pipelined();
    chunk(&mut client, "a\r\n", Last::Yes).unwrap();
    assert_eq!(
        [mail(&mut client, "", ""), client.noop(), client.start_tls(), client.chunk(0, Last::Yes)],
        [Err(Misuse::NotYet); 4]
    );
    client.reset().unwrap();
    mail(&mut client, "", "").unwrap();
    assert_eq!(leaves(&mut client), "BDAT 3 LAST\r\na\r\n");
    assert_eq!(hear(&mut client, "554 no\r\n"), ["BDAT 554 no"]);
    assert_eq!(leaves(&mut client), "RSET\r\nMAIL FROM:<>\r\n");
    assert!(rcpt(&mut client, "b@y.test").is_ok());
}

/// A hello that is refused changes nothing (RFC 5321 4.1.4).
#[test]
fn a_refused_hello_leaves_the_reset_due() {
    for (reply, due) in [("550 no", true), ("250 mx", false)] {
        let mut client = pipelined();
        chunk(&mut client, "a\r\n", Last::Yes).unwrap();
        client.hello(Host::parse(b"c.test").unwrap()).unwrap();
        leaves(&mut client);
        hear(&mut client, "554 no\r\n");
        leaves(&mut client);
        hear(&mut client, &alloc::format!("{reply}\r\n"));
        assert_eq!(client.in_transaction(), due, "{reply}");
    }
}

#[test]
fn a_reset_between_chunks_drops_them() {
    let mut client = pipelined();
    chunk(&mut client, "a\r\n", Last::No).unwrap();
    assert_eq!(
        (client.noop(), rcpt(&mut client, "c@y.test")),
        (Err(Misuse::Content), Err(Misuse::Content))
    );
    client.reset().unwrap();
    assert_eq!(leaves(&mut client), "BDAT 3\r\na\r\nRSET\r\n");
    assert_eq!(hear(&mut client, "452 full\r\n250 ok\r\n"), ["BDAT 452 full", "RSET 250 ok"]);
    assert!(!client.in_transaction());
    group_of(&mut client, "");
    assert!(client.data().is_ok());
}

#[test]
fn a_failure_in_the_middle_of_the_next_chunk_ends_the_session() {
    let mut client = pipelined();
    chunk(&mut client, "a\r\n", Last::No).unwrap();
    client.chunk(100, Last::Yes).unwrap();
    client.body(b"some").unwrap();
    leaves(&mut client);
    assert_eq!(hear(&mut client, "452 full\r\n"), ["BDAT 452 full"]);
    assert_eq!((client.wants(), client.body(b"more")), (Wants::Close, Err(Misuse::Over)));
}

#[test]
fn a_chunk_is_judged_once_it_has_left() {
    let mut client = pipelined();
    client.chunk(100, Last::Yes).unwrap();
    client.body(b"some").unwrap();
    leaves(&mut client);
    assert_eq!(hear(&mut client, "552 too big\r\n"), ["BDAT 552 too big"]);
    assert_eq!(client.wants(), Wants::Close);
    let mut client = pipelined();
    client.chunk(100, Last::Yes).unwrap();
    client.body(b"some").unwrap();
    leaves(&mut client);
    assert_eq!(client.next(&mut &b"250 ok\r\n"[..]), Err(Error::Unsolicited));
    assert!(!client.is_verdict_owed());
}

#[test]
fn chunks_hold_lines_however_they_are_cut() {
    let content = "a\r\nb\r\n";
    for cut in 0..=content.len() {
        let mut client = pipelined();
        let (head, tail) = content.split_at(cut);
        chunk(&mut client, head, Last::No).unwrap();
        chunk(&mut client, tail, Last::Yes).unwrap();
    }
    for (chunks, at, stray) in [
        (&["a\nb"][..], 1, Stray::Lf),
        (&["a\rb"], 1, Stray::Cr),
        (&["ab\r", "b"], 2, Stray::Cr),
        (&["ab\r", "\nc\n"], 5, Stray::Lf),
        (&["a\0"], 1, Stray::Nul),
        (&["a\r\r", "\n"], 1, Stray::Cr),
    ] {
        let mut client = pipelined();
        let fault = chunks.iter().find_map(|octets| {
            client.chunk(octets.len() as u64, Last::No).unwrap();
            client.body(octets.as_bytes()).err()
        });
        assert_eq!(
            fault,
            Some(Misuse::Stray(crate::data::ContentFault { at, stray })),
            "{chunks:?}"
        );
        assert_eq!(client.next(&mut &b""[..]), Ok(None));
        assert_eq!((client.outgoing(), client.wants()), (&b""[..], Wants::Close));
    }
    let mut client = pipelined();
    client.chunk(2, Last::Yes).unwrap();
    assert!(matches!(client.body(b"a\r"), Err(Misuse::Stray(_))));
}

#[test]
fn binary_content_goes_by_chunks_alone() {
    let mut client = pipelined();
    client.reset().unwrap();
    leaves(&mut client);
    hear(&mut client, "250 ok\r\n");
    group_of(&mut client, "BODY=BINARYMIME");
    assert_eq!(client.data(), Err(Misuse::Order));
    chunk(&mut client, "\0\n\r.", Last::Yes).unwrap();
    assert_eq!(leaves(&mut client), "BDAT 4 LAST\r\n\0\n\r.");
    let mut client = ready("BINARYMIME");
    assert_eq!(mail(&mut client, "", "BODY=BINARYMIME"), Err(Misuse::NotOffered));
}

#[test]
fn no_more_lines_of_chunks_are_in_flight_than_may_be() {
    let config = Config { pipelining: Pipelining::InFlight(67), ..Config::default() };
    let mut client = client_of(config);
    hear(&mut client, "220 mx\r\n");
    leaves(&mut client);
    hear(&mut client, "250-mx\r\n250-PIPELINING\r\n250 CHUNKING\r\n");
    group_of(&mut client, "");
    let sent = (0..100).take_while(|_| chunk(&mut client, "a\r\n", Last::No).is_ok()).count();
    assert_eq!((sent, client.chunk(3, Last::No)), (5, Err(Misuse::Full)));
    leaves(&mut client);
    hear(&mut client, "");
    assert!(matches!(client.wants(), Wants::Read(_)));
    hear(&mut client, "250 ok\r\n");
    assert_eq!(client.wants(), Wants::Body);
}

/// Each of them costs the session an error at a server where the first one fails; servers allow twenty, and fewer.
#[test]
fn no_more_than_eight_chunks_are_in_flight() {
    let mut client = pipelined();
    let sent = (0..100).take_while(|_| chunk(&mut client, "a\r\n", Last::No).is_ok()).count();
    assert_eq!((sent, client.chunk(3, Last::Yes)), (8, Err(Misuse::Full)));
    assert_eq!(leaves(&mut client), "BDAT 3\r\na\r\n".repeat(8));
    hear(&mut client, "");
    assert!(matches!(client.wants(), Wants::Read(_)));
    hear(&mut client, "250 ok\r\n");
    assert_eq!(client.wants(), Wants::Body);
    chunk(&mut client, "a\r\n", Last::Yes).unwrap();
}
