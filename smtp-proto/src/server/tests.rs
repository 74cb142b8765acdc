//! The machine alone: tokens, time, shut-down. The wire cases and the cuts are in `tests/`.

use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::mem::size_of;

use super::*;

mod chunks;
mod counting;
mod extensions;
mod greeting;
mod limits;
mod offered;

fn server() -> Server {
    Server::new(Arc::new(Config::new("mx.test").unwrap()))
}

/// Says `line` to a server whose application accepts everything; what it answers.
fn say(server: &mut Server, octets: &str) -> String {
    let mut input = octets.as_bytes();
    while let Some(event) = server.next(&mut input) {
        match event {
            Event::Rcpt { pending, .. } => server.accept(pending).unwrap(),
            Event::Message { pending, .. } => server.accept(pending).unwrap(),
            other => server.decline(other),
        }
    }
    assert_eq!(input, b"", "all of it is taken");
    replies(server)
}

/// What is to be sent, sent.
fn replies(server: &mut Server) -> String {
    let text = String::from_utf8(server.outgoing().to_vec()).unwrap();
    server.sent(text.len());
    text
}

/// A server in front of RCPT.
fn with_mail() -> Server {
    let mut server = server();
    say(&mut server, "");
    say(&mut server, "EHLO c.test\r\n");
    assert_eq!(say(&mut server, "MAIL FROM:<a@x.test>\r\n"), "250 2.1.0 Sender accepted\r\n");
    server
}

fn rcpt(server: &mut Server, line: &str) -> Pending<kind::Rcpt> {
    match server.next(&mut line.as_bytes()) {
        Some(Event::Rcpt { pending, .. }) => pending,
        other => panic!("{other:?}"),
    }
}

const NO: Reply<'static> = Reply::new(Code::MAILBOX_UNAVAILABLE, None, "no");

#[test]
fn a_session_reads_like_the_rfc() {
    let mut server = server();
    assert_eq!(say(&mut server, ""), "220 mx.test ESMTP\r\n");
    let ehlo = say(&mut server, "EHLO c.test\r\n");
    assert_eq!(
        ehlo,
        "250-mx.test\r\n250-PIPELINING\r\n250-SIZE 52428800\r\n250-8BITMIME\r\n250-SMTPUTF8\r\n250-ENHANCEDSTATUSCODES\r\n250-DSN\r\n250-CHUNKING\r\n250-BINARYMIME\r\n250 HELP\r\n"
    );
    assert_eq!(server.protocol(), "ESMTP");
    assert_eq!(
        say(&mut server, "MAIL FROM:<a@x.test>\r\nRCPT TO:<b@y.test>\r\nDATA\r\n"),
        "250 2.1.0 Sender accepted\r\n250 2.1.5 Recipient accepted\r\n354 Start mail input; end with <CRLF>.<CRLF>\r\n"
    );
    assert_eq!(say(&mut server, "Subject: t\r\n\r\n..\r\n.\r\n"), "250 2.0.0 Message accepted\r\n");
    assert_eq!(say(&mut server, "QUIT\r\n"), "221 2.0.0 Closing\r\n");
    assert_eq!(server.wants(), Wants::Close);
}

#[test]
fn tokens_are_eight_octets_and_the_machine_is_small() {
    assert_eq!(size_of::<Pending<kind::Rcpt>>(), 8);
    assert!(size_of::<Server>() <= 512, "{}", size_of::<Server>());
    assert!(size_of::<Event<'_>>() <= 96, "{}", size_of::<Event<'_>>());
    const fn is_send_sync<T: Send + Sync>() {}
    is_send_sync::<Pending<kind::Rcpt>>();
    is_send_sync::<Server>();
}

#[test]
fn a_stock_reply_is_written_as_its_parts_say() {
    let questions = [
        Question::Mail,
        Question::Rcpt,
        Question::Data,
        Question::Message,
        Question::Chunk,
        Question::Verdicts,
        Question::Connect,
        Question::StartTls,
        Question::Auth,
    ];
    let stock = [stock::OK, stock::CLOSING, stock::HELP, stock::CANNOT_VERIFY];
    for ready in questions.map(Question::stock).into_iter().chain(stock) {
        let text = String::from_utf8(ready.lines().next().unwrap().to_vec()).unwrap();
        for ready in [ready, ready.plain()] {
            let made = Reply::new(ready.code(), ready.enhanced(), &text);
            let (mut one, mut other) = (Vec::new(), Vec::new());
            ready.encode(&mut one);
            made.encode(&mut other);
            assert_eq!(String::from_utf8(one), String::from_utf8(other));
            assert_eq!((ready, ready.to_owned().as_ref()), (made, made));
        }
        let other = ready.with_code(Code::UNAVAILABLE, None);
        assert_eq!(other, Reply::new(Code::UNAVAILABLE, None, &text));
    }
}

#[test]
fn rcpt_may_overtake_rcpt_and_replies_keep_their_order() {
    let mut server = with_mail();
    let mut input = &b"RCPT TO:<a@y.test>\r\nRCPT TO:<b y>\r\nRCPT TO:<c@y.test>\r\nDATA\r\n"[..];
    let Some(Event::Rcpt { pending: first, .. }) = server.next(&mut input) else { panic!() };
    let Some(Event::Refused(_)) = server.next(&mut input) else { panic!() };
    let Some(Event::Rcpt { pending: third, .. }) = server.next(&mut input) else { panic!() };
    assert!(server.next(&mut input).is_none());
    assert_eq!(input, b"DATA\r\n", "only RCPT may overtake");
    assert!(matches!(server.wants(), Wants::Answer(_)));
    server.accept(third).unwrap();
    assert_eq!(server.outgoing(), b"");
    server.reply(first, &NO).unwrap();
    assert_eq!(
        replies(&mut server),
        "550 5.0.0 no\r\n501 5.1.3 Bad recipient address syntax\r\n250 2.1.5 Recipient accepted\r\n"
    );
    assert_eq!((server.accepted(), server.owed()), (1, 0));
    assert!(matches!(server.next(&mut input), Some(Event::Data { .. })));
}

#[test]
fn a_foreign_token_changes_nothing() {
    let (mut one, mut other) = (with_mail(), with_mail());
    let pending = rcpt(&mut one, "RCPT TO:<a@y.test>\r\n");
    let own = rcpt(&mut other, "RCPT TO:<a@y.test>\r\n");
    assert_eq!(other.accept(pending), Err(ReplyError::Foreign));
    assert_eq!(other.outgoing(), b"");
    assert_eq!(other.accept(own), Ok(()));
    assert_eq!(replies(&mut other), "250 2.1.5 Recipient accepted\r\n");
}

#[test]
fn an_unsuitable_reply_becomes_451_and_the_session_goes_on() {
    let mut server = with_mail();
    let pending = rcpt(&mut server, "RCPT TO:<a@y.test>\r\n");
    let reply = Reply::new(Code::START_MAIL_INPUT, None, "go on");
    assert_eq!(server.reply(pending, &reply), Err(ReplyError::Unsuitable));
    assert_eq!(replies(&mut server), "451 4.3.0 Local error in processing\r\n");
    assert_eq!(say(&mut server, "RCPT TO:<a@y.test>\r\n"), "250 2.1.5 Recipient accepted\r\n");
}

#[test]
fn a_dropped_token_is_answered_when_its_time_is_over() {
    let mut server = with_mail();
    drop(rcpt(&mut server, "RCPT TO:<a@y.test>\r\n"));
    assert!(server.next(&mut &b""[..]).is_none());
    let Wants::Answer(timer) = server.wants() else { panic!("{:?}", server.wants()) };
    assert_eq!(timer.after, Duration::from_secs(300));
    server.timed_out(TimerId(timer.id.0.wrapping_sub(1)));
    assert_eq!(server.outgoing(), b"", "a stale id does nothing");
    server.timed_out(timer.id);
    assert_eq!(replies(&mut server), "451 4.3.0 Local error in processing\r\n");
    let Some(Event::Refused(refusal)) = server.next(&mut &b""[..]) else { panic!() };
    assert_eq!(refusal.why, Why::Unanswered);
    assert_eq!(say(&mut server, "RSET\r\n"), "250 2.0.0 OK\r\n");
}

#[test]
fn an_answer_after_the_deadline_is_late() {
    let mut server = with_mail();
    let pending = rcpt(&mut server, "RCPT TO:<a@y.test>\r\n");
    server.abandon();
    assert_eq!(server.accept(pending), Err(ReplyError::Late));
    assert_eq!(replies(&mut server), "451 4.3.0 Local error in processing\r\n");
}

#[test]
fn abandoning_answers_everything_owed_in_order() {
    let mut server = with_mail();
    let first = rcpt(&mut server, "RCPT TO:<a@y.test>\r\n");
    let second = rcpt(&mut server, "RCPT TO:<b@y.test>\r\n");
    server.accept(second).unwrap();
    server.abandon();
    drop(first);
    assert_eq!(
        replies(&mut server),
        "451 4.3.0 Local error in processing\r\n250 2.1.5 Recipient accepted\r\n"
    );
}

#[test]
fn a_421_of_the_application_closes_behind_it() {
    let mut server = with_mail();
    let first = rcpt(&mut server, "RCPT TO:<a@y.test>\r\n");
    let second = rcpt(&mut server, "RCPT TO:<b@y.test>\r\n");
    server.reply(second, &Reply::new(Code::UNAVAILABLE, None, "bye")).unwrap();
    assert!(server.next(&mut &b"NOOP\r\n"[..]).is_none());
    server.accept(first).unwrap();
    assert_eq!(replies(&mut server), "250 2.1.5 Recipient accepted\r\n421 4.0.0 bye\r\n");
    assert!(matches!(
        server.next(&mut &b"NOOP\r\n"[..]),
        Some(Event::Closed { why: Why::Hangup, mid_message: false })
    ));
    assert!(server.next(&mut &b""[..]).is_none());
    assert_eq!(server.wants(), Wants::Close);
}

#[test]
fn a_refusing_greeting_leaves_quit_alone() {
    for (code, other) in [
        (Code::TRANSACTION_FAILED, "503 5.5.1 No SMTP service here\r\n"),
        (Code::NEVER_ACCEPTS_MAIL, "521 5.3.2 This host accepts no mail\r\n"),
    ] {
        let mut server = server();
        let Some(Event::Connect(pending)) = server.next(&mut &b""[..]) else { panic!() };
        server.reply(pending, &Reply::new(code, None, "no mail here")).unwrap();
        assert_eq!(replies(&mut server), alloc::format!("{code} 5.0.0 no mail here\r\n"));
        assert_eq!(say(&mut server, "EHLO c.test\r\n"), other);
        assert_eq!(say(&mut server, "QUIT\r\n"), "221 2.0.0 Closing\r\n");
    }
}

#[test]
fn an_early_talker_is_told_once_and_refused_in_place_of_the_greeting() {
    let mut server = server();
    let Some(Event::Connect(pending)) = server.next(&mut &b""[..]) else { panic!() };
    let mut input = &b"EHLO c.test\r\n"[..];
    assert!(matches!(server.next(&mut input), Some(Event::EarlyTalker)));
    assert!(server.next(&mut input).is_none());
    server.accept(pending).unwrap();
    assert_eq!(replies(&mut server), "554 5.5.0 Octets came before their time\r\n");
    assert!(matches!(
        server.next(&mut input),
        Some(Event::Refused(Refusal { why: Why::Early, .. }))
    ));
    assert!(matches!(server.next(&mut input), Some(Event::Closed { why: Why::Early, .. })));
}

#[test]
fn shut_down_says_421_to_the_idle_and_waits_for_a_letter() {
    let bye = Reply::new(
        Code::UNAVAILABLE,
        Some(Condition::SYSTEM_NOT_ACCEPTING_MESSAGES.transient()),
        "Going down",
    );
    let mut idle = server();
    say(&mut idle, "");
    idle.shut_down(&bye, When::AfterMessage);
    assert_eq!(replies(&mut idle), "421 4.3.2 Going down\r\n");

    let mut busy = with_mail();
    say(&mut busy, "RCPT TO:<b@y.test>\r\nDATA\r\n");
    busy.shut_down(&bye, When::AfterMessage);
    assert_eq!(
        say(&mut busy, "x\r\n.\r\n"),
        "250 2.0.0 Message accepted\r\n421 4.3.2 Going down\r\n"
    );

    let mut cut_off = with_mail();
    say(&mut cut_off, "RCPT TO:<b@y.test>\r\nDATA\r\n");
    cut_off.shut_down(&bye, When::Now);
    assert!(matches!(cut_off.next(&mut &b"x"[..]), Some(Event::Aborted(Why::ShutDown))));
    assert!(matches!(
        cut_off.next(&mut &b"x"[..]),
        Some(Event::Closed { why: Why::ShutDown, mid_message: true })
    ));
    assert_eq!(replies(&mut cut_off), "421 4.3.2 Going down\r\n");
}

#[test]
fn a_configuration_takes_effect_outside_a_transaction() {
    let mut server = with_mail();
    let mut small = Config::new("mx.test").unwrap();
    small.limits.message = 10;
    server.reconfigure(Arc::new(small));
    assert_eq!(server.config().limits.message, 50 * 1024 * 1024);
    say(&mut server, "RSET\r\n");
    assert_eq!(server.config().limits.message, 10);
    assert_eq!(
        say(&mut server, "MAIL FROM:<a@x.test> SIZE=11\r\n"),
        "552 5.3.4 Message too big\r\n"
    );
}

#[test]
fn an_ehlo_offers_and_gates_no_more_than_was_accepted() {
    let mut server = server();
    say(&mut server, "");
    let Some(Event::Hello { pending, .. }) = server.next(&mut &b"EHLO c.test\r\n"[..]) else {
        panic!()
    };
    let offer = Extensions::none().with_size(100).with(Extension::Pipelining).with(Extension::Expn);
    server.accept_hello(pending, &offer).unwrap();
    assert_eq!(replies(&mut server), "250-mx.test\r\n250-PIPELINING\r\n250 SIZE 100\r\n");
    assert_eq!(
        say(&mut server, "MAIL FROM:<a@x.test> BODY=8BITMIME\r\n"),
        "555 Parameter not recognised\r\n"
    );
}

#[test]
fn replies_that_wait_stop_the_taking_of_commands() {
    let mut server = server();
    say(&mut server, "");
    let flood = "HELP\r\n".repeat(100_000);
    let mut input = flood.as_bytes();
    let mut config = Config::new("mx.test").unwrap();
    config.limits.idle_commands = u32::MAX;
    server.reconfigure(Arc::new(config));
    assert!(server.next(&mut input).is_none());
    let Wants::Flush(timer) = server.wants() else { panic!() };
    assert!(server.outgoing().len() < 16 * 1024 + 64);
    server.sent(100);
    assert!(matches!(server.wants(), Wants::Next));
    assert!(server.next(&mut input).is_none());
    server.timed_out(timer.id);
    assert!(matches!(server.next(&mut input), Some(Event::Closed { why: Why::TimedOut, .. })));
    assert!(server.next(&mut &b""[..]).is_none());
    assert_eq!(server.wants(), Wants::Close);
}

#[test]
fn the_end_of_input_is_served_out_and_then_closed() {
    let mut server = with_mail();
    let pending = rcpt(&mut server, "RCPT TO:<a@y.test>\r\n");
    server.eof();
    assert!(server.next(&mut &b""[..]).is_none());
    assert!(matches!(server.wants(), Wants::Answer(_)), "an answer that is owed is waited for");
    server.accept(pending).unwrap();
    assert!(matches!(
        server.next(&mut &b"NOO"[..]),
        Some(Event::Closed { why: Why::Eof, mid_message: false })
    ));
    assert!(server.next(&mut &b""[..]).is_none());
    assert_eq!(replies(&mut server), "250 2.1.5 Recipient accepted\r\n");
    assert_eq!(server.wants(), Wants::Close);
}

#[test]
fn events_are_shown_without_what_a_terminal_obeys() {
    let mut server = server();
    say(&mut server, "");
    let Some(Event::Refused(refusal)) = server.next(&mut &b"\x1b[2J\r\n"[..]) else { panic!() };
    assert_eq!(
        alloc::format!("{refusal:?}"),
        r#"Refusal(500 5.5.2 Command not recognised to "\x1b[2J": syntax)"#
    );
    let shown: Vec<String> =
        [Why::Limit(Limit::Idle), Why::Early].iter().map(ToString::to_string).collect();
    assert_eq!(shown, ["limit on idle commands", "octets before their time"]);
}

#[test]
fn content_behind_a_data_that_is_refused_ends_the_session_under_every_policy() {
    let allow = || {
        let mut config = Config::new("mx.test").unwrap();
        config.early = Early::Allow;
        Server::new(Arc::new(config))
    };
    let early = "554 5.5.0 Octets came before their time\r\n";
    for line in ["DATA x\r\nNOOP\r\n", "DATA\r\nNOOP\r\n"] {
        let mut server = allow();
        say(&mut server, "");
        assert_eq!(say(&mut server, line), early, "{line:?}");
    }
    let mut server = allow();
    let Some(Event::Connect(pending)) = server.next(&mut &b""[..]) else { panic!() };
    server.reply(pending, &Reply::new(Code::TRANSACTION_FAILED, None, "no")).unwrap();
    replies(&mut server);
    assert_eq!(say(&mut server, "DATA\r\nNOOP\r\n"), early);
}

#[test]
fn so_does_content_that_comes_while_the_refusal_is_thought_over() {
    for (then, expected) in
        [("RSET\r\n", "554 5.5.0 Octets came before their time\r\n"), ("", "550 5.0.0 no\r\n")]
    {
        let mut server = with_mail();
        say(&mut server, "RCPT TO:<b@y.test>\r\n");
        let Some(Event::Data { pending, .. }) = server.next(&mut &b"DATA\r\n"[..]) else {
            panic!()
        };
        assert!(server.next(&mut then.as_bytes()).is_none());
        server.reply(pending, &NO).unwrap();
        assert_eq!(replies(&mut server), expected);
        while server.next(&mut &b""[..]).is_some() {}
        assert_eq!(server.wants() == Wants::Close, !then.is_empty());
    }
}

#[test]
fn draining_ends_at_twice_the_limit_however_it_is_cut() {
    for piece in [1, 50, 201, 300] {
        let mut config = Config::new("mx.test").unwrap();
        config.limits.message = 100;
        let mut server = Server::new(Arc::new(config));
        for line in ["", "EHLO c.test\r\n", "MAIL FROM:<>\r\nRCPT TO:<b@y.test>\r\nDATA\r\n"] {
            say(&mut server, line);
        }
        let heard: String = "a"
            .repeat(201)
            .as_bytes()
            .chunks(piece)
            .map(|piece| say(&mut server, core::str::from_utf8(piece).unwrap()))
            .collect();
        assert_eq!(heard, "552 5.3.4 Message too big\r\n", "pieces of {piece}");
        assert_eq!(server.wants(), Wants::Close);
    }
}

#[test]
fn an_early_talker_is_told_of_where_octets_were_there_from_the_start() {
    let mut server = server();
    let mut input = &b"EHLO c.test\r\n"[..];
    assert!(matches!(server.next(&mut input), Some(Event::Connect(_))));
    assert!(matches!(server.next(&mut input), Some(Event::EarlyTalker)));
    assert!(server.next(&mut input).is_none());
}

#[test]
fn the_size_that_was_offered_is_the_limit() {
    let mut server = server();
    say(&mut server, "");
    let Some(Event::Hello { pending, .. }) = server.next(&mut &b"EHLO c.test\r\n"[..]) else {
        panic!()
    };
    let offer = Extensions::none()
        .with_size(100)
        .with(Extension::Pipelining)
        .with(Extension::EnhancedStatusCodes);
    server.accept_hello(pending, &offer).unwrap();
    replies(&mut server);
    assert_eq!(say(&mut server, "MAIL FROM:<> SIZE=101\r\n"), "552 5.3.4 Message too big\r\n");
    say(&mut server, "MAIL FROM:<>\r\nRCPT TO:<b@y.test>\r\nDATA\r\n");
    assert_eq!(
        say(&mut server, &["a".repeat(99), "\r\n.\r\n".into()].concat()),
        "552 5.3.4 Message too big\r\n"
    );
}

#[test]
fn enhanced_codes_are_left_out_everywhere_or_nowhere() {
    let mut config = Config::new("mx.test").unwrap();
    config.offer = config.offer.without(Extension::EnhancedStatusCodes);
    let mut server = Server::new(Arc::new(config));
    say(&mut server, "");
    assert_eq!(say(&mut server, "FOO\r\n"), "500 Command not recognised\r\n");
    let Wants::Read(timer) = server.wants() else { panic!() };
    server.timed_out(timer.id);
    assert_eq!(replies(&mut server), "421 Too slow, closing\r\n");
}

#[test]
fn what_a_program_says_behind_the_host_name_is_no_keyword() {
    let mut server = server();
    say(&mut server, "");
    let Some(Event::Hello { pending, .. }) = server.next(&mut &b"EHLO c.test\r\n"[..]) else {
        panic!()
    };
    let text = [&"x".repeat(496)[..], "X-TEXT"].concat();
    server.reply(pending, &Reply::new(Code::OK, None, &text)).unwrap();
    assert!(!replies(&mut server).contains("X-TEXT"));
}

#[test]
fn nothing_is_taken_behind_a_421_that_is_held() {
    let mut server = with_mail();
    let first = rcpt(&mut server, "RCPT TO:<a@y.test>\r\n");
    let second = rcpt(&mut server, "RCPT TO:<b@y.test>\r\n");
    server.reply(second, &Reply::new(Code::UNAVAILABLE, None, "bye")).unwrap();
    let mut input = &b"RCPT TO:<c@y.test>\r\n"[..];
    assert!(server.next(&mut input).is_none());
    server.accept(first).unwrap();
    assert_eq!(replies(&mut server), "250 2.1.5 Recipient accepted\r\n421 4.0.0 bye\r\n");
}

#[test]
fn a_mistyped_auth_is_not_shown() {
    for line in [" AUTH PLAIN AHUAcA==", "auth:PLAIN AHUAcA==", "AUTHPLAIN AHUAcA=="] {
        let mut server = server();
        say(&mut server, "");
        say(&mut server, "EHLO c.test\r\n");
        let command = alloc::format!("{line}\r\n");
        let Some(Event::Refused(refusal)) = server.next(&mut command.as_bytes()) else { panic!() };
        assert_eq!((refusal.line, server.last_taken()), (&b""[..], Traffic::AuthSecret), "{line}");
    }
}

#[test]
fn what_a_sender_declared_holds_for_its_transaction() {
    let mut server = with_mail();
    assert!(say(&mut server, "RCPT TO:<b\u{fc}b@y.test>\r\n").starts_with("553 5.6.7 "));
    say(&mut server, "RSET\r\nMAIL FROM:<a@x.test> SMTPUTF8\r\n");
    assert!(say(&mut server, "RCPT TO:<b\u{fc}b@y.test>\r\n").starts_with("250 "));
    // RFC 3030 3: BINARYMIME goes by BDAT alone.
    say(&mut server, "RSET\r\nMAIL FROM:<a@x.test> BODY=BINARYMIME\r\nRCPT TO:<b@y.test>\r\n");
    assert!(say(&mut server, "DATA\r\n").starts_with("503 "));
}
