//! What a session may do without a message, at the limit and one beyond.

use super::*;
use crate::Mechanisms;
use crate::server::{Limits, StartTls};

/// How often `lines` are served behind `before`, of ten times, until a 421 comes in their place.
fn served(set: impl FnOnce(&mut Limits), before: &str, lines: &str) -> (usize, String) {
    let mut config = Config::new("mx.test").unwrap();
    set(&mut config.limits);
    let mut server = Server::new(Arc::new(config));
    for octets in ["", "EHLO c.test\r\n", before] {
        say(&mut server, octets);
    }
    for times in 0..10 {
        let replies = say(&mut server, lines);
        if let Some(at) = replies.find("421 ") {
            assert_eq!(server.wants(), Wants::Close);
            return (times, replies[at..].into());
        }
    }
    (10, String::new())
}

#[test]
fn the_error_over_the_limit_ends_the_session() {
    let refused = "421 4.7.0 Too many errors\r\n";
    for limit in [1, 2] {
        let (times, reply) = served(|limits| limits.errors = limit, "", "XYZZY\r\n");
        assert_eq!((times, &*reply), (limit as usize, refused));
    }
}

#[test]
fn the_idle_command_over_the_limit_ends_the_session() {
    let refused = "421 4.7.0 Too many commands without a message\r\n";
    let letter = "MAIL FROM:<a@x.test>\r\nRCPT TO:<b@y.test>\r\n";
    let cases = [
        ("", "NOOP\r\n"),
        // The first hello is free.
        ("", "EHLO c.test\r\n"),
        ("", "RSET\r\n"),
        // RFC 3030 2: an empty chunk is legal, and does nothing.
        (letter, "BDAT 0\r\n"),
    ];
    for (before, line) in cases {
        for limit in [1, 2] {
            let (times, reply) = served(|limits| limits.idle_commands = limit, before, line);
            assert_eq!((times, &*reply), (limit as usize, refused), "{line}");
        }
    }
}

#[test]
fn a_reset_of_an_open_transaction_costs_nothing() {
    let lines = "MAIL FROM:<a@x.test>\r\nRSET\r\n";
    assert_eq!(served(|limits| limits.idle_commands = 1, "", lines).0, 10);
}

/// An LMTP session behind its hello, which may have so many errors, and idle commands.
fn lmtp(errors: u32, idle_commands: u32) -> Server {
    let mut config = Config::lmtp("mx.test").unwrap();
    (config.limits.errors, config.limits.idle_commands) = (errors, idle_commands);
    let mut server = Server::new(Arc::new(config));
    say(&mut server, "");
    say(&mut server, "LHLO c.test\r\n");
    server
}

#[test]
fn nothing_follows_the_421_in_place_of_verdicts() {
    let mut server = lmtp(1, 0);
    let rcpts = "RCPT TO:<b@y.test>\r\nRCPT TO:<c@y.test>\r\n";
    say(&mut server, &["MAIL FROM:<a@x.test>\r\n", rcpts, "BDAT 1\r\nx"].concat());
    assert_eq!(say(&mut server, "DATA\r\n"), "503 5.5.1 Chunks are coming\r\n");
    let refused = "421 4.7.0 Too many commands without a message\r\n";
    assert_eq!(say(&mut server, "BDAT 1 LAST\r\ny"), refused);
}

#[test]
fn a_last_chunk_for_nobody_is_counted_though_it_has_no_reply() {
    let mut server = lmtp(2, 100);
    assert_eq!(say(&mut server, "MAIL FROM:<a@x.test>\r\n"), "250 2.1.0 Sender accepted\r\n");
    for _ in 0..2 {
        assert_eq!(say(&mut server, "BDAT 0 LAST\r\n"), "");
    }
    assert_eq!(say(&mut server, "BDAT 0 LAST\r\n"), "421 4.7.0 Too many errors\r\n");
}

/// A session that offers STARTTLS behind EHLO and `lines`, and inside TLS.
fn upgraded(set: impl FnOnce(&mut Config), lines: impl FnOnce(&mut Server)) -> Server {
    let mut config = Config::new("mx.test").unwrap();
    config.starttls = StartTls::Offered;
    set(&mut config);
    let mut server = Server::new(Arc::new(config));
    say(&mut server, "");
    say(&mut server, "EHLO c.test\r\n");
    lines(&mut server);
    let Some(Event::StartTls(pending)) = server.next(&mut &b"STARTTLS\r\n"[..]) else { panic!() };
    server.accept_tls(pending, &mut &b""[..]).unwrap();
    assert_eq!(replies(&mut server), "220 2.0.0 Ready to start TLS\r\n");
    assert!(server.tls_established());
    server
}

/// RFC 3207 4.2 has the session begin anew, but who asks for it has not earned new tries.
#[test]
fn what_was_counted_is_not_forgotten_inside_tls() {
    for line in ["XYZZY\r\n", "NOOP\r\n"] {
        let limits = |config: &mut Config| {
            (config.limits.errors, config.limits.idle_commands) = (2, 2);
        };
        let mut server = upgraded(limits, |server| drop(say(server, line)));
        assert!(!say(&mut server, line).starts_with("421"));
        assert!(say(&mut server, line).starts_with("421 4.7.0 Too many "), "{line}");
    }
}

#[test]
fn failed_attempts_are_not_forgotten_inside_tls() {
    fn fail(server: &mut Server) -> String {
        let Some(Event::Auth { pending, .. }) = server.next(&mut &b"AUTH PLAIN AGEAYg==\r\n"[..])
        else {
            panic!()
        };
        server.reply(pending, &Reply::new(Code::new(535).unwrap(), None, "no")).unwrap();
        say(server, "")
    }
    let policy = |config: &mut Config| {
        config.limits.auth_attempts = 2;
        config.auth.in_clear = Mechanisms::of(["PLAIN"]);
        config.auth.in_tls = Mechanisms::of(["PLAIN"]);
    };
    let mut server = upgraded(policy, |server| assert_eq!(fail(server), "535 5.0.0 no\r\n"));
    say(&mut server, "EHLO c.test\r\n");
    assert_eq!(fail(&mut server), "535 5.0.0 no\r\n");
    let third = say(&mut server, "AUTH PLAIN AGEAYg==\r\n");
    assert_eq!(third, "421 4.7.0 Too many failed attempts\r\n");
}

/// RFC 3030 2: what a client had in the pipeline behind a chunk that failed is no error of its own, and yet not endless.
#[test]
fn chunks_behind_one_that_failed_are_no_errors() {
    let session = |errors, idle_commands| {
        let mut config = Config::new("mx.test").unwrap();
        config.limits.message = 10;
        (config.limits.errors, config.limits.idle_commands) = (errors, idle_commands);
        let mut server = Server::new(Arc::new(config));
        for octets in ["", "EHLO c.test\r\n", "MAIL FROM:<a@x.test>\r\nRCPT TO:<b@y.test>\r\n"] {
            say(&mut server, octets);
        }
        let big = "552 5.3.4 Message too big\r\n";
        assert_eq!(say(&mut server, &["BDAT 11\r\n", &"x".repeat(11)].concat()), big);
        server
    };
    let refused = "503 5.5.1 A chunk failed, say RSET\r\n";
    let idle = "421 4.7.0 Too many commands without a message\r\n";
    let behind = |times| "BDAT 3\r\nx\r\n".repeat(times);
    let mut server = session(0, 100);
    assert_eq!(say(&mut server, &behind(100)), refused.repeat(100));
    assert_eq!(say(&mut server, "RSET\r\n"), "250 2.0.0 OK\r\n");
    let mut server = session(0, 3);
    assert_eq!(say(&mut server, &behind(3)), refused.repeat(3));
    assert_eq!(say(&mut server, &behind(1)), idle);
    // A recipient behind it was not in the pipeline.
    let mut server = session(0, 100);
    assert_eq!(say(&mut server, "RCPT TO:<b@y.test>\r\n"), "421 4.7.0 Too many errors\r\n");
}
