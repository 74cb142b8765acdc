//! What a session may do without a message, at the limit and one beyond.

use super::*;
use crate::server::Limits;

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
