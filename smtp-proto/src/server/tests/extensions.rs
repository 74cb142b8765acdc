//! STARTTLS, BDAT and LMTP as an application sees them. What is on the wire is in the wire cases.

use alloc::format;

use super::*;
use crate::server::{ChunkNewlines, Flavour, StartTls, Transfer};
use crate::{Declaration, Declared, Mechanisms};

/// What a session raises for `octets` behind an accepted RCPT; whatever can be accepted is.
fn events(server: &mut Server, octets: &str) -> Vec<String> {
    let (mut input, mut events) = (octets.as_bytes(), Vec::new());
    while let Some(event) = server.next(&mut input) {
        let shown = format!("{event:?}");
        events.push(shown.split(" pending").next().unwrap_or_default().to_string());
        match event {
            Event::Rcpt { pending, .. } => server.accept(pending).unwrap(),
            Event::Message { pending, .. } => server.accept(pending).unwrap(),
            other => server.decline(other),
        }
    }
    assert_eq!(input, b"");
    events
}

fn with_rcpt(config: Config) -> Server {
    let mut server = Server::new(Arc::new(config));
    let hello = if server.flavour() == Flavour::Lmtp { "LHLO" } else { "EHLO" };
    say(&mut server, "");
    say(&mut server, &format!("{hello} c.test\r\n"));
    say(&mut server, "MAIL FROM:<a@x.test>\r\nRCPT TO:<b@y.test>\r\n");
    assert_eq!(server.accepted(), 1);
    server
}

fn config() -> Config {
    Config::new("mx.test").unwrap()
}

#[test]
fn the_place_for_a_letter_is_opened_once_for_all_its_chunks() {
    let mut server = with_rcpt(config());
    let got = events(&mut server, "BDAT 3\r\na\r\nBDAT 0\r\nBDAT 1 LAST\r\nb");
    let summary = "Message { content: Summary { octets: 4, repaired: Repairs { bare_lf: 0, bare_cr: 0, nul: 0 }, eight_bit: false },";
    let session = got[2].trim_start_matches("Chunk(Pending(").split(':').next().unwrap();
    let chunk = |serial: u32| format!("Chunk(Pending({session}:{serial}))");
    assert_eq!(
        got,
        ["Data { how: Bdat,", "Body([97, 13, 10])", &chunk(5), &chunk(6), "Body([98])", summary]
    );
    assert_eq!(
        replies(&mut server),
        "250 2.0.0 Chunk accepted\r\n250 2.0.0 Chunk accepted\r\n250 2.0.0 Message accepted\r\n"
    );
}

#[test]
fn a_letter_in_chunks_is_void_at_rset_and_at_a_new_hello_and_at_quit_and_at_data() {
    for (line, expected) in [
        ("RSET\r\n", &["Aborted(Reset)", "Reset"][..]),
        ("EHLO c.test\r\n", &["Hello", "Aborted(Reset)", "Reset"]),
        ("QUIT\r\n", &["Quit", "Aborted(Quit)", "Closed"]),
        ("DATA\r\n", &["Refused(Refusal(503", "Aborted(Order)"]),
    ] {
        let mut server = with_rcpt(config());
        events(&mut server, "BDAT 3\r\nabc");
        let mut got = events(&mut server, line);
        got.iter_mut().for_each(|event| event.truncate(event.find(' ').unwrap_or(event.len())));
        assert_eq!(got, expected, "{line}");
    }
}

#[test]
fn content_that_is_refused_before_it_comes_is_read_and_refused_behind_its_chunk() {
    let mut server = with_rcpt(config());
    let Some(Event::Data { how: Transfer::Bdat, pending }) = server.next(&mut &b"BDAT 6\r\n"[..])
    else {
        panic!()
    };
    server.reply(pending, &NO).unwrap();
    assert_eq!(replies(&mut server), "");
    assert_eq!(events(&mut server, "NOOP\r\n"), [""; 0]);
    assert_eq!(replies(&mut server), "550 5.0.0 no\r\n");
    assert_eq!(say(&mut server, "BDAT 2 LAST\r\nab"), "503 5.5.1 A chunk failed, say RSET\r\n");
    assert_eq!(say(&mut server, "RSET\r\n"), "250 2.0.0 OK\r\n");
}

#[test]
fn an_application_that_refuses_a_chunk_voids_the_letter() {
    let mut server = with_rcpt(config());
    let mut input = &b"BDAT 1\r\na"[..];
    let chunk = loop {
        match server.next(&mut input).unwrap() {
            Event::Chunk(pending) => break pending,
            other => server.decline(other),
        }
    };
    server.reply(chunk, &NO).unwrap();
    assert_eq!(replies(&mut server), "550 5.0.0 no\r\n");
    assert_eq!(say(&mut server, "BDAT 1 LAST\r\na"), "503 5.5.1 A chunk failed, say RSET\r\n");
}

#[test]
fn repairs_that_pass_the_maximum_are_refused() {
    let mut config = config();
    config.limits.message = 4;
    let mut server = with_rcpt(config.clone());
    assert_eq!(say(&mut server, "BDAT 3 LAST\r\n\n\n\n"), "552 5.3.4 Message too big\r\n");
    assert_eq!(say(&mut server, "MAIL FROM:<>\r\n"), "250 2.1.0 Sender accepted\r\n");
    config.newlines_in_chunks = ChunkNewlines::Keep;
    let mut server = with_rcpt(config);
    assert_eq!(say(&mut server, "BDAT 3 LAST\r\n\n\n\n"), "250 2.0.0 Message accepted\r\n");
}

/// An LMTP session whose content for three recipients is whole.
fn judged() -> (Server, Pending<kind::Verdicts>) {
    let mut server = with_rcpt(Config::lmtp("mx.test").unwrap());
    say(&mut server, "RCPT TO:<c@y.test>\r\nRCPT TO:<b@y.test>\r\nDATA\r\n");
    let mut input = &b"text\r\n.\r\n"[..];
    assert!(matches!(server.next(&mut input), Some(Event::Body(b"text\r\n"))));
    match server.next(&mut input) {
        Some(Event::Messages { pending, .. }) => (server, pending),
        other => panic!("{other:?}"),
    }
}

#[test]
fn every_accepted_recipient_is_judged_by_itself_in_order() {
    let (mut server, pending) = judged();
    let pending = server.verdict(pending, &Reply::new(Code::OK, None, "one")).unwrap().unwrap();
    assert_eq!(replies(&mut server), "250 2.0.0 one\r\n");
    let pending = server.verdict(pending, &NO).unwrap().unwrap();
    assert!(server.verdict(pending, &Reply::new(Code::OK, None, "three")).unwrap().is_none());
    assert_eq!(replies(&mut server), "550 5.0.0 no\r\n250 2.0.0 three\r\n");
    assert_eq!(say(&mut server, "MAIL FROM:<>\r\n"), "250 2.1.0 Sender accepted\r\n");
}

#[test]
fn verdicts_that_are_no_verdict_or_are_forgotten_are_451_for_all_who_are_left() {
    let local = "451 4.3.0 Local error in processing\r\n";
    let (mut server, pending) = judged();
    let pending = server.verdict(pending, &NO).unwrap().unwrap();
    let unsuitable = Reply::new(Code::START_MAIL_INPUT, None, "");
    assert!(matches!(server.verdict(pending, &unsuitable), Err(ReplyError::Unsuitable)));
    assert_eq!(replies(&mut server), ["550 5.0.0 no\r\n", local, local].concat());

    let (mut server, _pending) = judged();
    server.abandon();
    assert_eq!(replies(&mut server), local.repeat(3));

    let (mut server, pending) = judged();
    let bye = Reply::new(Code::UNAVAILABLE, None, "bye");
    assert!(server.verdict(pending, &bye).unwrap().is_none());
    assert_eq!(replies(&mut server), "421 4.0.0 bye\r\n");
}

#[test]
fn behind_the_220_to_starttls_nothing_is_said_in_the_clear() {
    for end in ["shut-down", "time-out", "end", "octets"] {
        let mut config = config();
        config.starttls = StartTls::Offered;
        let mut server = Server::new(Arc::new(config));
        say(&mut server, "");
        say(&mut server, "EHLO c.test\r\n");
        let mut input = &b"STARTTLS\r\n"[..];
        let Some(Event::StartTls(pending)) = server.next(&mut input) else { panic!() };
        server.accept_tls(pending, &mut input).unwrap();
        assert_eq!(replies(&mut server), "220 2.0.0 Ready to start TLS\r\n");
        assert!(server.next(&mut input).is_none());
        let Wants::Tls(timer) = server.wants() else { panic!("{:?}", server.wants()) };
        match end {
            "shut-down" => server.shut_down(&NO, When::AfterMessage),
            "time-out" => server.timed_out(timer.id),
            "end" => server.eof(),
            _ => input = b"EHLO c.test\r\n",
        }
        assert!(matches!(server.next(&mut input), Some(Event::Closed { mid_message: false, .. })));
        assert_eq!((server.next(&mut input).is_none(), replies(&mut server)), (true, "".into()));
        assert_eq!(server.wants(), Wants::Close, "{end}");
        assert!(!server.tls_established() && !server.is_tls());
    }
}

#[test]
fn what_was_skipped_of_an_over_long_auth_is_a_secret() {
    let line = "AUTH PLAIN ".to_string() + &"A".repeat(20_000);
    for (mechanisms, taken) in [("PLAIN", Traffic::AuthSecret), ("", Traffic::Ignored)] {
        let mut config = config();
        config.auth.in_clear = Mechanisms::of([mechanisms]);
        let mut server = Server::new(Arc::new(config));
        say(&mut server, "");
        say(&mut server, "EHLO c.test\r\n");
        let mut input = line.as_bytes();
        assert!(server.next(&mut input).is_none() && input.is_empty());
        assert_eq!(server.last_taken(), taken);
    }
}

#[test]
fn a_shut_down_does_not_wait_behind_a_last_chunk_that_was_refused() {
    let mut server = with_rcpt(config());
    let Some(Event::Data { pending, .. }) = server.next(&mut &b"BDAT 3 LAST\r\n"[..]) else {
        panic!()
    };
    server.shut_down(&NO, When::AfterMessage);
    server.reply(pending, &NO).unwrap();
    assert_eq!(say(&mut server, "abc"), "550 5.0.0 no\r\n421 4.3.2 no\r\n");
}

#[test]
fn a_shut_down_does_not_wait_behind_an_exchange_that_was_cancelled() {
    let mut config = config();
    config.auth.in_clear = Mechanisms::of(["LOGIN"]);
    let mut server = Server::new(Arc::new(config));
    say(&mut server, "");
    say(&mut server, "EHLO c.test\r\n");
    let Some(Event::Auth { pending, .. }) = server.next(&mut &b"AUTH LOGIN\r\n"[..]) else {
        panic!()
    };
    server.shut_down(&NO, When::AfterMessage);
    server.challenge(pending, b"").unwrap();
    assert_eq!(replies(&mut server), "334 \r\n");
    assert_eq!(say(&mut server, "*\r\n"), "501 5.7.0 Authentication cancelled\r\n421 4.3.2 no\r\n");
}

#[test]
fn vrfy_with_smtputf8_needs_the_extension() {
    let mut server = with_rcpt(config());
    assert_eq!(
        say(&mut server, "VRFY b\u{fc}cher SMTPUTF8\r\n"),
        "252 2.0.0 Cannot verify, but will take a message\r\n"
    );
    let mut bare = config();
    bare.offer = bare.offer.without(Extension::SmtpUtf8);
    let mut server = with_rcpt(bare);
    assert_eq!(
        say(&mut server, "VRFY b\u{fc}cher SMTPUTF8\r\n"),
        "555 5.5.4 Parameter not recognised\r\n"
    );
}

#[test]
fn what_is_declared_reaches_the_application_raw_but_checked() {
    let mut config = config();
    let declaration = Declaration::new("X-FOO a b").unwrap().with_verb("XFOO").unwrap();
    config.declared = Declared::of([declaration.with_mail("X-BAR").unwrap()]);
    let mut server = Server::new(Arc::new(config));
    say(&mut server, "");
    assert_eq!(say(&mut server, "XFOO 1\r\n"), "500 5.5.2 Command not recognised\r\n");
    assert!(say(&mut server, "EHLO c.test\r\n").ends_with("250 X-FOO a b\r\n"));
    let mut input = &b"xfoo  one\r\n"[..];
    let Some(Event::Extension { verb: "xfoo", text, pending }) = server.next(&mut input) else {
        panic!()
    };
    assert_eq!(text.as_str(), " one");
    server.reply(pending, &Reply::new(Code::OK, None, "done")).unwrap();
    assert_eq!(replies(&mut server), "250 2.0.0 done\r\n");
    assert_eq!(say(&mut server, "XFOO\r\n"), "502 5.5.1 Command not implemented\r\n");
    assert_eq!(say(&mut server, "XFOO \x07\r\n"), "500 5.5.2 Printable US-ASCII expected\r\n");
    let mut input = &b"MAIL FROM:<> X-BAR=a=b\r\n"[..];
    assert!(matches!(server.next(&mut input), Some(Event::Refused(_))));
    let mut input = &b"MAIL FROM:<> X-BAR=ab\r\n"[..];
    let Some(Event::Mail { mail, .. }) = server.next(&mut input) else { panic!() };
    assert_eq!(mail.params.get("x-bar"), Some(Some("ab")));
}

#[test]
fn the_with_keyword_tells_lmtp_tls_and_authentication() {
    assert_eq!(with_rcpt(Config::lmtp("mx.test").unwrap()).protocol(), "LMTP");
    let mut server = Server::implicit_tls(Arc::new(Config::new("mx.test").unwrap()));
    say(&mut server, "");
    say(&mut server, "EHLO c.test\r\n");
    assert_eq!((server.protocol(), server.is_tls()), ("ESMTPS", true));
}

/// RFC 2920 3.1: a line that is too long is a command, behind which a client waits that was not told otherwise.
#[test]
fn octets_behind_a_line_that_is_too_long_come_before_their_time() {
    let long = "NOOP ".to_string() + &"a".repeat(3000) + "\r\n";
    for (hello, early) in [("HELO", true), ("EHLO", false)] {
        let mut server = Server::new(Arc::new(config()));
        say(&mut server, "");
        say(&mut server, &format!("{hello} c.test\r\n"));
        let expected = match early {
            true => "554 5.5.0 Octets came before their time\r\n",
            false => "500 5.5.2 Line too long\r\n250 2.0.0 OK\r\n",
        };
        assert_eq!(say(&mut server, &format!("{long}NOOP\r\n")), expected, "{hello}");
        assert_eq!(server.wants() == Wants::Close, early);
    }
}

#[test]
fn what_was_repaired_in_chunks_is_told_of() {
    let mut server = with_rcpt(config());
    let events = events(&mut server, "BDAT 4\r\na\nb\rBDAT 1 LAST\r\n\n");
    let told = events.iter().find(|event| event.starts_with("Message"));
    assert!(told.is_some_and(|told| told.contains("bare_lf: 1")), "{events:?}");
}

#[test]
fn the_limit_of_a_message_counts_all_its_chunks() {
    let mut config = config();
    config.limits.message = 10;
    let mut server = with_rcpt(config);
    events(&mut server, "BDAT 6\r\nabcdef");
    assert_eq!(replies(&mut server), "250 2.0.0 Chunk accepted\r\n");
    let got = events(&mut server, "BDAT 5\r\nghijk");
    assert!(got.iter().all(|event| !event.starts_with("Body")), "{got:?}");
    assert_eq!(replies(&mut server), "552 5.3.4 Message too big\r\n");
    events(&mut server, "RSET\r\nMAIL FROM:<a@x.test>\r\nRCPT TO:<b@y.test>\r\n");
    replies(&mut server);
    events(&mut server, "BDAT 6\r\nabcdefBDAT 4 LAST\r\nghij");
    assert_eq!(replies(&mut server), "250 2.0.0 Chunk accepted\r\n250 2.0.0 Message accepted\r\n");
}

#[test]
fn chunks_that_are_in_sum_twice_the_limit_end_the_session() {
    for (octets, closes) in [(14, false), (15, true)] {
        let mut config = config();
        config.limits.message = 10;
        let mut server = with_rcpt(config);
        events(&mut server, "BDAT 6\r\nabcdef");
        replies(&mut server);
        let got = events(&mut server, &format!("BDAT {octets}\r\n"));
        assert_eq!(got.iter().any(|event| event.starts_with("Closed")), closes, "{got:?}");
    }
}

#[test]
fn a_chunk_has_the_time_that_content_has() {
    let mut config = config();
    config.limits.window_octets = 8;
    let mut server = with_rcpt(config);
    let time_is_over = |server: &mut Server| {
        let Wants::Read(timer) = server.wants() else { panic!("{:?}", server.wants()) };
        server.timed_out(timer.id);
    };
    events(&mut server, "BDAT 100\r\nabcdefgh");
    time_is_over(&mut server);
    assert_eq!(replies(&mut server), "", "eight octets came in time");
    events(&mut server, "ijklmno");
    time_is_over(&mut server);
    assert_eq!(replies(&mut server), "421 4.4.2 Too slow, closing\r\n");
}

#[test]
fn who_is_let_in_is_told_of_in_the_name_of_the_protocol() {
    let mut config = config();
    config.auth.in_clear = Mechanisms::of(["PLAIN"]);
    let mut server = Server::new(Arc::new(config));
    say(&mut server, "");
    say(&mut server, "EHLO c.test\r\n");
    assert_eq!((server.is_authenticated(), server.protocol()), (false, "ESMTP"));
    let mut input = &b"AUTH PLAIN AHUAcA==\r\n"[..];
    let Some(Event::Auth { pending, .. }) = server.next(&mut input) else { panic!() };
    server.authenticated(pending).unwrap();
    assert_eq!(replies(&mut server), "235 2.7.0 Authentication succeeded\r\n");
    assert_eq!((server.is_authenticated(), server.protocol()), (true, "ESMTPA"));
}
