//! Every limit of a server one below, at it and one beyond: a field of `Limits` that has no row here does not compile.

use super::*;
use crate::Countdown;
use crate::Mechanisms;
use crate::server::{Limits, StartTls};

/// What happens at a limit: of `amount` of what it counts, under a configuration with that limit alone.
struct Row {
    name: &'static str,
    /// Of the field as a test wants it, in octets, times or seconds.
    limit: u64,
    tried: fn(Server, u64) -> String,
    /// One below, at the limit, one beyond.
    expected: [&'static str; 3],
}

const fn row(
    name: &'static str,
    limit: u64,
    tried: fn(Server, u64) -> String,
    expected: [&'static str; 3],
) -> Row {
    Row { name, limit, tried, expected }
}

/// Each limit as small as a test wants it, the others out of the way.
fn small() -> Limits {
    let seconds = Duration::from_secs;
    Limits {
        command_line: 600,
        auth_line: 102,
        auth_attempts: 2,
        message: 10,
        recipients: 3,
        answers_owed: 2,
        replies: 40,
        errors: 2,
        idle_commands: 3,
        command_wait: seconds(10),
        handshake_wait: seconds(20),
        flush_wait: seconds(30),
        answer_wait: seconds(40),
        message_wait: seconds(50),
        window: seconds(60),
        window_octets: 5,
    }
}

fn rows() -> [Row; 16] {
    let Limits {
        command_line,
        auth_line,
        auth_attempts,
        message,
        recipients,
        answers_owed,
        replies,
        errors,
        idle_commands,
        command_wait,
        handshake_wait,
        flush_wait,
        answer_wait,
        message_wait,
        window,
        window_octets,
    } = small();
    let late = "421 4.4.2 Too slow, closing";
    let over = ["421 4.7.0 Too many errors", "421 4.7.0 Too many commands without a message"];
    let [ok, no] = ["250 2.0.0 OK", "500 5.5.2 Command not recognised"];
    [
        row("command_line", command_line as u64, line, [ok, ok, "500 5.5.2 Line too long"]),
        row(
            "auth_line",
            auth_line as u64,
            response,
            [
                "501 5.5.2 Base64 expected",
                "454 4.7.0 Not available now",
                "500 5.5.6 Response too long",
            ],
        ),
        row(
            "auth_attempts",
            auth_attempts.into(),
            attempts,
            ["535 5.0.0 no", "535 5.0.0 no", "421 4.7.0 Too many failed attempts"],
        ),
        row(
            "message",
            message,
            content,
            [
                "250 2.0.0 Message accepted",
                "250 2.0.0 Message accepted",
                "552 5.3.4 Message too big",
            ],
        ),
        row(
            "recipients",
            recipients.into(),
            to_many,
            [
                "250 2.1.5 Recipient accepted",
                "250 2.1.5 Recipient accepted",
                "452 4.5.3 Too many recipients",
            ],
        ),
        row("answers_owed", answers_owed as u64, owed, ["1", "2", "2"]),
        row("replies", replies as u64, unread, ["taken", "kept", "kept"]),
        row(
            "errors",
            errors.into(),
            |server, times| often(server, "XYZZY\r\n", times),
            [no, no, over[0]],
        ),
        row(
            "idle_commands",
            idle_commands.into(),
            |server, times| often(server, "NOOP\r\n", times),
            [ok, ok, over[1]],
        ),
        row("command_wait", command_wait.as_secs(), silent, ["", late, late]),
        row("handshake_wait", handshake_wait.as_secs(), shaking_hands, ["", "over", "over"]),
        row("flush_wait", flush_wait.as_secs(), not_reading, ["", "over", "over"]),
        row(
            "answer_wait",
            answer_wait.as_secs(),
            undecided,
            ["", "451 4.3.0 Local error in processing", "451 4.3.0 Local error in processing"],
        ),
        row(
            "message_wait",
            message_wait.as_secs(),
            unjudged,
            ["", "451 4.3.0 Local error in processing", "451 4.3.0 Local error in processing"],
        ),
        row("window", window.as_secs(), slow, ["", late, late]),
        row("window_octets", window_octets, trickling, [late, "", ""]),
    ]
}

#[test]
fn every_limit_holds_one_below_at_it_and_one_beyond() {
    for Row { name, limit, tried, expected } in rows() {
        for (amount, expected) in [limit - 1, limit, limit + 1].into_iter().zip(expected) {
            assert_eq!(tried(server_of(name), amount), expected, "{name} of {limit}: {amount}");
        }
    }
}

/// A server behind EHLO whose limit of this name is small. All that is there is offered, but for what makes lines longer.
fn server_of(name: &str) -> Server {
    let (small, mut config) = (small(), Config::new("mx.test").unwrap());
    config.starttls = StartTls::Offered;
    config.auth.in_clear = Mechanisms::of(["PLAIN", "LOGIN"]);
    let limits = &mut config.limits;
    match name {
        // The waits are told apart by their length.
        "command_line" => {
            limits.command_line = small.command_line;
            config.auth.in_clear = Mechanisms::NONE;
            config.offer = Extensions::none().with(Extension::EnhancedStatusCodes);
        }
        "auth_line" => limits.auth_line = small.auth_line,
        "auth_attempts" => limits.auth_attempts = small.auth_attempts,
        "message" => limits.message = small.message,
        "recipients" => limits.recipients = small.recipients,
        "answers_owed" => limits.answers_owed = small.answers_owed,
        "replies" => limits.replies = small.replies,
        "errors" => limits.errors = small.errors,
        "idle_commands" => limits.idle_commands = small.idle_commands,
        _ => *limits = Limits { replies: limits.replies, message: limits.message, ..small },
    }
    let mut server = Server::new(Arc::new(config));
    say(&mut server, "");
    say(&mut server, "EHLO c.test\r\n");
    server
}

fn last(replies: &str) -> String {
    replies.lines().last().unwrap_or_default().to_string()
}

fn often(mut server: Server, line: &str, times: u64) -> String {
    (0..times).map(|_| last(&say(&mut server, line))).last().unwrap_or_default()
}

/// A line of so many octets with its CRLF.
fn line(mut server: Server, octets: u64) -> String {
    let text = "x".repeat(octets as usize - "NOOP \r\n".len());
    say(&mut server, &["NOOP ", &text, "\r\n"].concat()).trim_end().into()
}

fn response(mut server: Server, octets: u64) -> String {
    let Some(Event::Auth { pending, .. }) = server.next(&mut &b"AUTH LOGIN\r\n"[..]) else {
        panic!()
    };
    server.challenge(pending, b"").unwrap();
    replies(&mut server);
    say(&mut server, &["A".repeat(octets as usize - 2), "\r\n".into()].concat()).trim_end().into()
}

fn attempts(mut server: Server, times: u64) -> String {
    let mut said = String::new();
    for _ in 0..times {
        match server.next(&mut &b"AUTH PLAIN AGEAYg==\r\n"[..]) {
            Some(Event::Auth { pending, .. }) => {
                let no = Reply::new(Code::CREDENTIALS_INVALID, None, "no");
                server.reply(pending, &no).unwrap();
            }
            other => assert!(matches!(other, Some(Event::Refused(_))), "{other:?}"),
        }
        said = last(&say(&mut server, ""));
    }
    said
}

fn letter(server: &mut Server) {
    say(server, "MAIL FROM:<a@x.test>\r\nRCPT TO:<b@y.test>\r\n");
}

fn content(mut server: Server, octets: u64) -> String {
    letter(&mut server);
    let text = "x".repeat(octets as usize);
    last(&say(&mut server, &alloc::format!("BDAT {octets} LAST\r\n{text}")))
}

fn to_many(mut server: Server, recipients: u64) -> String {
    say(&mut server, "MAIL FROM:<a@x.test>\r\n");
    often(server, "RCPT TO:<b@y.test>\r\n", recipients)
}

/// How many of so many recipients are asked for before the first is answered.
fn owed(mut server: Server, recipients: u64) -> String {
    say(&mut server, "MAIL FROM:<a@x.test>\r\n");
    let lines = "RCPT TO:<b@y.test>\r\n".repeat(recipients as usize);
    let mut input = lines.as_bytes();
    while server.next(&mut input).is_some() {}
    server.owed().to_string()
}

/// Whether a command is taken while so many octets of replies wait.
fn unread(mut server: Server, octets: u64) -> String {
    while server.next(&mut &b"NOOP\r\n"[..]).is_some() || server.outgoing().len() < 40 {}
    let waiting = server.outgoing().len();
    server.sent(waiting - octets as usize);
    let mut input = &b"NOOP\r\n"[..];
    while server.next(&mut input).is_some() {}
    if input.is_empty() { "taken".into() } else { "kept".into() }
}

/// What is said once a wait of so many seconds is over, if it is the end of what the server waits for.
fn waits(mut server: Server, seconds: u64) -> String {
    while server.next(&mut &b""[..]).is_some() {}
    let timer = server.wants().timer().unwrap();
    let mut countdown = Countdown::new();
    assert!(!countdown.left(timer).is_zero());
    countdown.waited(Duration::from_secs(seconds));
    if countdown.left(timer).is_zero() {
        server.timed_out(timer.id);
    }
    let mut over = false;
    while let Some(event) = server.next(&mut &b""[..]) {
        over |= matches!(event, Event::Closed { .. });
    }
    let said = last(&replies(&mut server));
    if over && said.is_empty() { "over".into() } else { said }
}

fn silent(server: Server, seconds: u64) -> String {
    waits(server, seconds)
}

fn shaking_hands(mut server: Server, seconds: u64) -> String {
    let Some(Event::StartTls(pending)) = server.next(&mut &b"STARTTLS\r\n"[..]) else { panic!() };
    server.accept_tls(pending, &mut &b""[..]).unwrap();
    replies(&mut server);
    waits(server, seconds)
}

fn not_reading(mut server: Server, seconds: u64) -> String {
    assert!(server.next(&mut &b"NOOP\r\n"[..]).is_none());
    let said = waits(server, seconds);
    if said == "250 2.0.0 OK" { String::new() } else { said }
}

fn undecided(mut server: Server, seconds: u64) -> String {
    say(&mut server, "MAIL FROM:<a@x.test>\r\n");
    drop(rcpt(&mut server, "RCPT TO:<b@y.test>\r\n"));
    waits(server, seconds)
}

fn unjudged(mut server: Server, seconds: u64) -> String {
    letter(&mut server);
    let mut input = &b"BDAT 0 LAST\r\n"[..];
    while let Some(event) = server.next(&mut input) {
        match event {
            Event::Data { pending, .. } => server.accept(pending).unwrap(),
            // It is never answered.
            other => assert!(matches!(other, Event::Message { .. }), "{other:?}"),
        }
    }
    waits(server, seconds)
}

fn slow(mut server: Server, seconds: u64) -> String {
    letter(&mut server);
    say(&mut server, "DATA\r\n");
    waits(server, seconds)
}

/// So many octets of content in one window.
fn trickling(mut server: Server, octets: u64) -> String {
    letter(&mut server);
    say(&mut server, "DATA\r\n");
    say(&mut server, &"x".repeat(octets as usize));
    waits(server, 60)
}
