//! The machine alone. The wire cases, the pair and the scripted servers are in `tests/`.

use alloc::string::{String, ToString};
use alloc::vec;
use alloc::vec::Vec;
use core::mem::size_of;

use super::*;
use crate::{
    ForwardPathBuf, Host, Mail, MailParamsBuf, Mechanism, Mechanisms, Rcpt, RcptParamsBuf,
    ReversePathBuf,
};

mod auth;
mod chunk;
mod introduction;
mod limits;
mod lmtp;
mod queue;
mod tls;

fn client_of(config: Config) -> Client {
    let mut client = Client::new(Arc::new(config));
    client.hello(Host::parse(b"c.test").unwrap()).unwrap();
    client
}

/// What the server says in, what of it becomes of events out.
fn hear(client: &mut Client, replies: &str) -> Vec<String> {
    let (mut input, mut events) = (replies.as_bytes(), Vec::new());
    loop {
        match client.next(&mut input) {
            Ok(Some(Event::Reply { to, reply })) => {
                events.push(alloc::format!("{} {reply}", to.verb))
            }
            Ok(Some(Event::Greeting(reply))) => events.push(alloc::format!("greeting {reply}")),
            Ok(Some(Event::SendBody { accepted })) => {
                events.push(alloc::format!("send to {accepted}"))
            }
            Ok(Some(Event::Challenge(challenge))) => {
                events.push(alloc::format!("challenge {}", challenge.as_str()))
            }
            Ok(Some(Event::Unavailable(reply))) => {
                events.push(alloc::format!("unavailable {reply}"))
            }
            Ok(None) => return events,
            Err(error) => {
                events.push(error.to_string());
                return events;
            }
        }
    }
}

/// What leaves now.
fn leaves(client: &mut Client) -> String {
    let text = String::from_utf8(client.outgoing().to_vec()).unwrap();
    client.sent(text.len());
    text
}

fn ready_with(config: Config, keywords: &str) -> Client {
    let mut client = client_of(config);
    assert_eq!(hear(&mut client, "220 mx\r\n"), ["greeting 220 mx"]);
    assert_eq!(leaves(&mut client), "EHLO c.test\r\n");
    hear(&mut client, &alloc::format!("250-mx\r\n250 {keywords}\r\n"));
    client
}

fn ready(keywords: &str) -> Client {
    ready_with(Config::default(), keywords)
}

fn mail(client: &mut Client, from: &str, params: &str) -> Result<Sent, Misuse> {
    let (from, params): (ReversePathBuf, MailParamsBuf) =
        (from.parse().unwrap(), params.parse().unwrap());
    client.mail(&Mail { from: from.as_ref(), params: params.as_ref() })
}

fn rcpt(client: &mut Client, to: &str) -> Result<Sent, Misuse> {
    let (to, params): (ForwardPathBuf, RcptParamsBuf) = (to.parse().unwrap(), RcptParamsBuf::new());
    client.rcpt(&Rcpt { to: to.as_ref(), params: params.as_ref() })
}

/// MAIL, a RCPT for each, DATA.
fn group(client: &mut Client, recipients: &[&str]) {
    mail(client, "a@x.test", "").unwrap();
    recipients.iter().for_each(|to| assert!(rcpt(client, to).is_ok()));
    client.data().unwrap();
}

#[test]
fn a_group_leaves_at_once_and_each_reply_is_counted() {
    let mut client = ready("PIPELINING");
    group(&mut client, &["b@y.test", "c@y.test"]);
    assert_eq!(
        leaves(&mut client),
        "MAIL FROM:<a@x.test>\r\nRCPT TO:<b@y.test>\r\nRCPT TO:<c@y.test>\r\nDATA\r\n"
    );
    assert_eq!(
        hear(&mut client, "250 a\r\n250 b\r\n550 c\r\n354 d\r\n"),
        ["MAIL 250 a", "RCPT 250 b", "RCPT 550 c", "send to 1"]
    );
    assert_eq!(client.wants(), Wants::Body);
    assert_eq!(client.body(b"hi\r\n.\r\n"), Ok(7));
    client.finish().unwrap();
    mail(&mut client, "", "").unwrap();
    assert_eq!(
        leaves(&mut client),
        "hi\r\n..\r\n.\r\nMAIL FROM:<>\r\n",
        "content may open a group"
    );
    assert_eq!(
        hear(&mut client, "250 2.0.0 ok\r\n250 ok\r\n"),
        ["DATA 250 2.0.0 ok", "MAIL 250 ok"]
    );
}

#[test]
fn without_pipelining_each_command_waits_for_the_reply_before() {
    let mut client = ready("8BITMIME");
    group(&mut client, &["b@y.test"]);
    assert_eq!(leaves(&mut client), "MAIL FROM:<a@x.test>\r\n");
    hear(&mut client, "250 ok\r\n");
    assert_eq!(leaves(&mut client), "RCPT TO:<b@y.test>\r\n");
    hear(&mut client, "250 ok\r\n");
    assert_eq!(leaves(&mut client), "DATA\r\n");
    assert_eq!(hear(&mut client, "354 go\r\n"), ["send to 1"]);
}

#[test]
fn at_most_so_many_octets_are_in_flight() {
    let mut client = ready_with(
        Config { pipelining: Pipelining::InFlight(45), ..Config::default() },
        "PIPELINING",
    );
    group(&mut client, &["b@y.test", "c@y.test"]);
    assert_eq!(leaves(&mut client), "MAIL FROM:<a@x.test>\r\nRCPT TO:<b@y.test>\r\n");
    hear(&mut client, "250 a\r\n");
    assert_eq!(leaves(&mut client), "RCPT TO:<c@y.test>\r\n");
    hear(&mut client, "250 b\r\n250 c\r\n");
    assert_eq!(leaves(&mut client), "DATA\r\n");
}

#[test]
fn a_data_that_did_not_leave_becomes_rset_when_nobody_is_left() {
    let mut client = ready("8BITMIME");
    group(&mut client, &["b@y.test"]);
    leaves(&mut client);
    hear(&mut client, "250 ok\r\n");
    leaves(&mut client);
    assert_eq!(hear(&mut client, "550 no\r\n"), ["RCPT 550 no"]);
    assert_eq!(leaves(&mut client), "RSET\r\n");
    assert_eq!(hear(&mut client, "250 ok\r\n"), ["RSET 250 ok"]);
    assert!(client.is_reusable() && !client.in_transaction());
}

#[test]
fn a_354_for_nobody_gets_the_lone_dot() {
    let mut client = ready("PIPELINING");
    group(&mut client, &["b@y.test"]);
    leaves(&mut client);
    assert_eq!(hear(&mut client, "250 a\r\n550 b\r\n354 c\r\n"), ["MAIL 250 a", "RCPT 550 b"]);
    assert_eq!(leaves(&mut client), ".\r\n");
    assert_eq!(hear(&mut client, "250 ok\r\n"), ["DATA 250 ok"]);
    assert_eq!(client.body(b"x"), Err(Misuse::Content));
}

#[test]
fn a_server_without_ehlo_gets_helo_and_no_extensions() {
    let mut client = client_of(Config::default());
    hear(&mut client, "220 mx\r\n");
    leaves(&mut client);
    assert_eq!(hear(&mut client, "502 what\r\n"), [""; 0]);
    assert_eq!(leaves(&mut client), "HELO c.test\r\n");
    assert_eq!(hear(&mut client, "250 mx\r\n"), ["HELO 250 mx"]);
    assert_eq!(mail(&mut client, "a@x.test", "SIZE=1"), Err(Misuse::NotOffered));
    assert!(mail(&mut client, "a@x.test", "").is_ok());

    let mut strict = client_of(Config { fallback: Fallback::Never, ..Config::default() });
    hear(&mut strict, "220 mx\r\n");
    leaves(&mut strict);
    assert_eq!(hear(&mut strict, "502 what\r\n"), ["EHLO 502 what"]);
    assert_eq!((leaves(&mut strict).as_str(), strict.noop()), ("", Err(Misuse::NotYet)));
}

#[test]
fn a_second_hello_is_too_early_until_helo_is_answered() {
    let mut client = client_of(Config::default());
    hear(&mut client, "220 mx\r\n");
    leaves(&mut client);
    hear(&mut client, "500 what?\r\n");
    assert_eq!(leaves(&mut client), "HELO c.test\r\n");
    let name = Host::parse(b"c.test").unwrap();
    assert_eq!(client.hello(name), Err(Misuse::NotYet));
    assert_eq!(hear(&mut client, "550 no\r\n"), ["HELO 550 no"]);
    assert!(client.hello(name).is_ok());
}

#[test]
fn a_refusing_greeting_is_answered_by_quit_alone() {
    let mut client = client_of(Config::default());
    assert_eq!(hear(&mut client, "554 no\r\n"), ["greeting 554 no"]);
    assert_eq!(leaves(&mut client), "QUIT\r\n");
    assert_eq!(client.hello(Host::parse(b"c.test").unwrap()), Err(Misuse::Over));
    assert_eq!(hear(&mut client, "221 bye\r\n"), ["QUIT 221 bye"]);
    assert_eq!(client.wants(), Wants::Close);
}

#[test]
fn a_reply_that_nothing_asked_for_ends_the_session_and_the_error_stays() {
    let mut client = client_of(Config::default());
    assert_eq!(
        hear(&mut client, "220 x\r\n220 early go ahead\r\n"),
        ["greeting 220 x", "the server sent a reply that nothing asked for"]
    );
    assert_eq!(client.next(&mut &b"250 ok\r\n"[..]), Err(Error::Unsolicited));
    assert_eq!((client.wants(), client.outgoing()), (Wants::Close, &b""[..]));
}

#[test]
fn a_reply_that_cannot_answer_its_command_ends_the_session() {
    for (reply, verb) in
        [("354 x\r\n", Verb::Mail), ("334 x\r\n", Verb::Mail), ("221 x\r\n", Verb::Mail)]
    {
        let mut client = ready("PIPELINING");
        mail(&mut client, "a@x.test", "").unwrap();
        leaves(&mut client);
        assert_eq!(client.next(&mut reply.as_bytes()), Err(Error::Unexpected(verb)), "{reply}");
    }
    for reply in ["250 x\r\n", "334 x\r\n"] {
        let mut client = ready("PIPELINING");
        group(&mut client, &["b@y.test"]);
        leaves(&mut client);
        hear(&mut client, "250 a\r\n250 b\r\n");
        assert_eq!(
            client.next(&mut reply.as_bytes()),
            Err(Error::Unexpected(Verb::Data)),
            "{reply}"
        );
    }
}

#[test]
fn a_221_never_answers_the_dot() {
    let mut client = ready("PIPELINING");
    group(&mut client, &["b@y.test"]);
    leaves(&mut client);
    hear(&mut client, "250 a\r\n250 b\r\n354 c\r\n");
    client.finish().unwrap();
    client.quit().unwrap();
    assert_eq!(leaves(&mut client), ".\r\nQUIT\r\n");
    assert_eq!(client.next(&mut &b"221 bye\r\n"[..]), Err(Error::Unexpected(Verb::Data)));
}

#[test]
fn a_refusal_during_the_content_is_its_verdict_and_no_dot_follows() {
    let mut client = ready("PIPELINING");
    group(&mut client, &["b@y.test"]);
    leaves(&mut client);
    hear(&mut client, "250 a\r\n250 b\r\n354 c\r\n");
    client.body(b"some").unwrap();
    assert_eq!(hear(&mut client, "552 5.3.4 too big\r\n"), ["DATA 552 5.3.4 too big"]);
    assert_eq!((client.outgoing(), client.wants()), (&b""[..], Wants::Close));
    assert_eq!((client.body(b"x"), client.finish()), (Err(Misuse::Over), Err(Misuse::Over)));
}

/// RFC 5321 4.2.5. The other way round a positive reply would be to nothing: it began before the dot had left.
#[test]
fn a_reply_that_is_half_in_when_the_content_ends_judges_it_and_holds_the_dot() {
    for (whole, told) in [
        ("552 5.3.4 too big\r\n", "DATA 552 5.3.4 too big"),
        ("250 2.0.0 early\r\n", "the server sent a reply that nothing asked for"),
    ] {
        let mut client = ready("PIPELINING");
        group(&mut client, &["b@y.test"]);
        leaves(&mut client);
        hear(&mut client, "250 a\r\n250 b\r\n354 c\r\n");
        client.body(b"some").unwrap();
        assert_eq!(hear(&mut client, &whole[..9]), [""; 0]);
        client.finish().unwrap();
        assert_eq!(leaves(&mut client), "some");
        assert_eq!((hear(&mut client, whole), client.outgoing()), (vec![told.into()], &b""[..]));
    }
}

#[test]
fn content_that_cannot_be_sent_is_never_ended() {
    let mut client = ready("PIPELINING");
    group(&mut client, &["b@y.test"]);
    leaves(&mut client);
    hear(&mut client, "250 a\r\n250 b\r\n354 c\r\n");
    assert!(matches!(client.body(b"a\nb"), Err(Misuse::Stray(_))));
    assert_eq!(client.finish(), Err(Misuse::Over));
    assert_eq!(
        (hear(&mut client, "").len(), client.outgoing(), client.wants()),
        (0, &b""[..], Wants::Close)
    );
}

#[test]
fn a_421_ends_the_session_wherever_it_comes() {
    let mut client = ready("PIPELINING");
    group(&mut client, &["b@y.test"]);
    leaves(&mut client);
    assert_eq!(
        hear(&mut client, "250 a\r\n421 4.3.2 bye\r\n250 ignored\r\n"),
        ["MAIL 250 a", "RCPT 421 4.3.2 bye"]
    );
    assert_eq!(client.wants(), Wants::Close);
    let mut idle = ready("PIPELINING");
    assert_eq!(hear(&mut idle, "421 4.4.2 idle\r\n"), ["unavailable 421 4.4.2 idle"]);
    assert_eq!(idle.noop(), Err(Misuse::Over));
}

#[test]
fn the_end_of_input_is_an_error_but_behind_quit() {
    let mut client = ready("PIPELINING");
    client.noop().unwrap();
    client.eof();
    assert_eq!(client.next(&mut &b"25"[..]), Err(Error::Eof));
    let mut quitting = ready("PIPELINING");
    quitting.quit().unwrap();
    leaves(&mut quitting);
    quitting.eof();
    assert_eq!(hear(&mut quitting, "221 bye\r\n"), ["QUIT 221 bye"]);
}

#[test]
fn one_wait_covers_a_whole_reply_and_each_reply_has_its_own() {
    let mut client = client_of(Config::default());
    assert_eq!(hear(&mut client, "220-a\r\n"), [""; 0]);
    let Wants::Read(greeting) = client.wants() else { panic!() };
    assert_eq!(greeting.after, Duration::from_secs(300));
    hear(&mut client, "220-a\r\n220-b\r\n");
    assert_eq!(client.wants(), Wants::Read(greeting), "a line more forgives nothing");
    client.timed_out(greeting.id);
    assert_eq!(client.next(&mut &b""[..]), Err(Error::TimedOut));
}

#[test]
fn nothing_is_written_of_a_command_that_fails_the_last_check() {
    let mut client = ready("SMTPUTF8");
    for line in
        ["X-FOO\r\nRSET", "X-FOO \u{7f}", "X-FOO é", "MAIL FROM:<a@b>", "GET / HTTP/1.1", ""]
    {
        assert_eq!(client.custom(line), Err(Misuse::Invalid), "{line:?}");
    }
    assert_eq!(client.custom(&["X", &"a".repeat(2046)].concat()), Err(Misuse::Invalid));
    assert_eq!(
        (client.verify("a\nb"), client.expand(""), client.help("\r")),
        (Err(Misuse::Invalid), Err(Misuse::Invalid), Err(Misuse::Invalid))
    );
    assert_eq!(mail(&mut client, "ä@x.test", ""), Err(Misuse::Utf8));
    assert_eq!(client.outgoing(), b"");
    client.custom("X-FOO bar").unwrap();
    assert_eq!(leaves(&mut client), "X-FOO bar\r\n");
}

#[test]
fn utf_8_needs_the_extension_and_the_transaction() {
    let mut client = ready("8BITMIME");
    assert_eq!(mail(&mut client, "ä@x.test", ""), Err(Misuse::NotOffered));
    let mut client = ready("SMTPUTF8");
    mail(&mut client, "a@x.test", "SMTPUTF8").unwrap();
    rcpt(&mut client, "a\u{10d}\u{10a}@b.test").unwrap();
    leaves(&mut client);
    hear(&mut client, "250 ok\r\n");
    assert_eq!(leaves(&mut client).as_bytes(), b"RCPT TO:<a\xc4\x8d\xc4\x8a@b.test>\r\n");
}

#[test]
fn pieces_are_written_by_the_caller_and_nothing_passes_what_is_queued() {
    let mut client = ready("PIPELINING");
    group(&mut client, &["b@y.test"]);
    leaves(&mut client);
    hear(&mut client, "250 a\r\n250 b\r\n354 c\r\n");
    client.body(b"first\r\n").unwrap();
    let mut pieces = [&b""[..]; 8];
    assert_eq!(client.body_pieces(b"x", &mut pieces), Err(Misuse::NotFlushed));
    leaves(&mut client);
    assert_eq!(client.body_pieces(b".x\r\n", &mut pieces), Ok((4, 2)));
    assert_eq!(pieces[..2], [&b"."[..], b".x\r\n"]);
    client.finish().unwrap();
    assert_eq!(leaves(&mut client), ".\r\n");
    assert_eq!(hear(&mut client, "250 ok\r\n"), ["DATA 250 ok"]);
}

#[test]
fn what_cannot_answer_the_dot_leaves_its_verdict_owed() {
    for reply in ["221 bye\r\n", "354 more\r\n"] {
        let mut client = ready("PIPELINING");
        group(&mut client, &["b@y.test"]);
        leaves(&mut client);
        hear(&mut client, "250 a\r\n250 b\r\n354 c\r\n");
        client.finish().unwrap();
        leaves(&mut client);
        assert_eq!(client.next(&mut reply.as_bytes()), Err(Error::Unexpected(Verb::Data)));
        assert!(client.is_verdict_owed());
    }
}

#[test]
fn a_354_behind_a_refused_mail_is_for_nobody() {
    let mut client = ready("PIPELINING");
    group(&mut client, &["b@y.test"]);
    leaves(&mut client);
    assert_eq!(hear(&mut client, "550 no\r\n250 ok\r\n354 go\r\n"), ["MAIL 550 no", "RCPT 250 ok"]);
    assert_eq!(leaves(&mut client), ".\r\n");
}

#[test]
fn a_data_that_is_queued_when_nobody_is_left_is_a_rset() {
    let mut client = ready("PIPELINING");
    mail(&mut client, "a@x.test", "").unwrap();
    rcpt(&mut client, "b@y.test").unwrap();
    leaves(&mut client);
    hear(&mut client, "250 ok\r\n550 no\r\n");
    client.data().unwrap();
    assert_eq!(leaves(&mut client), "RSET\r\n");
}

#[test]
fn octets_that_nothing_asked_for_are_read_to_their_end_before_a_command_leaves() {
    for (rest, end) in
        [("0 stray\r\n", "the server sent a reply that nothing asked for"), ("1", "")]
    {
        let mut client = ready("PIPELINING");
        assert_eq!(client.next(&mut &b"25"[..]), Ok(None));
        assert!(!client.is_reusable());
        mail(&mut client, "a@x.test", "").unwrap();
        assert_eq!(client.outgoing(), b"");
        assert_eq!(client.next(&mut &b"25"[..]), Ok(None));
        assert!(matches!(client.wants(), Wants::Read(_)));
        assert_eq!(hear(&mut client, &["25", rest].concat()).concat(), end);
    }
    let mut client = ready("PIPELINING");
    assert_eq!(client.next(&mut &b"421 4.3."[..]), Ok(None));
    mail(&mut client, "a@x.test", "").unwrap();
    assert_eq!(hear(&mut client, "421 4.3.2 bye\r\n"), ["unavailable 421 4.3.2 bye"]);
}

#[test]
fn an_octet_now_and_then_gains_no_time() {
    let mut client = ready("PIPELINING");
    group(&mut client, &["b@y.test"]);
    hear(&mut client, "");
    let Wants::Flush(timer) = client.wants() else { panic!() };
    client.sent(1);
    assert_eq!(client.wants(), Wants::Flush(timer));
}

#[test]
fn names_and_texts_of_commands_are_ascii() {
    let mut client = Client::new(Arc::new(Config::default()));
    assert_eq!(client.hello(Host::parse("mü.test".as_bytes()).unwrap()), Err(Misuse::Invalid));
    let mut client = ready("PIPELINING");
    assert_eq!(
        (client.verify("béb"), client.help("é")),
        (Err(Misuse::Invalid), Err(Misuse::Invalid))
    );
}

/// RFC 6531 3.7.4.2.
#[test]
fn a_query_in_utf_8_says_so_and_needs_the_offer() {
    let mut client = ready("SMTPUTF8");
    client.verify_utf8("b\u{e9}b").unwrap();
    assert_eq!(leaves(&mut client), "VRFY b\u{e9}b SMTPUTF8\r\n");
    hear(&mut client, "252 2.6.8 who knows\r\n");
    client.expand_utf8("list").unwrap();
    assert_eq!(leaves(&mut client), "EXPN list SMTPUTF8\r\n");
    for text in ["", "a\r\nRSET", "\u{7f}"] {
        assert_eq!(client.verify_utf8(text), Err(Misuse::Invalid), "{text:?}");
    }
    assert_eq!(ready("8BITMIME").verify_utf8("b"), Err(Misuse::NotOffered));
    // It would say the parameter by the text.
    assert_eq!(ready("SMTPUTF8").verify("b smtputf8"), Err(Misuse::Invalid));
    assert!(ready("SMTPUTF8").verify("smtputf8").is_ok());
}

#[test]
fn one_hello_at_a_time() {
    let mut client = client_of(Config::default());
    assert_eq!(client.hello(Host::parse(b"d.test").unwrap()), Err(Misuse::NotYet));
}

#[test]
fn commands_that_change_what_follows_are_not_custom() {
    let mut client = ready("PIPELINING");
    for line in ["BDAT 5", "STARTTLS", "AUTH PLAIN AAA=", "BURL x", "SEND FROM:<a@b>"] {
        assert_eq!(client.custom(line), Err(Misuse::Invalid), "{line}");
    }
    assert!(client.custom("ETRN x.test").is_ok());
}

#[test]
fn the_machine_is_small() {
    assert!(size_of::<Client>() <= 512, "{}", size_of::<Client>());
}
