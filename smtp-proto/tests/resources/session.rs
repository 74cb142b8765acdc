//! Sessions of both machines, driven without a buffer of the test's own.

use smtp_proto::server::{Config, Event, Pending, Server, kind};
use std::sync::Arc;

/// A server behind EHLO, all of it sent.
pub(crate) fn greeted(config: Config) -> Server {
    let mut server = Server::new(Arc::new(config));
    say(&mut server, b"");
    say(&mut server, b"EHLO c.test\r\n");
    server
}

pub(crate) fn config() -> Config {
    Config::new("mx.test").expect("a domain")
}

/// Takes all of `octets`; the application accepts everything, and the peer reads everything.
pub(crate) fn say(server: &mut Server, octets: &[u8]) {
    let mut input = octets;
    while let Some(event) = server.next(&mut input) {
        accept(server, event);
        server.sent(usize::MAX);
    }
    assert!(input.is_empty(), "all of it is taken");
    server.sent(usize::MAX);
}

fn accept(server: &mut Server, event: Event<'_>) {
    let result = match event {
        Event::Rcpt { pending, .. } => server.accept(pending),
        Event::Message { pending, .. } => server.accept(pending),
        other => {
            server.decline(other);
            Ok(())
        }
    };
    result.expect("every question can be accepted");
}

/// The token of the RCPT that comes next.
pub(crate) fn rcpt(server: &mut Server, line: &[u8]) -> Pending<kind::Rcpt> {
    match server.next(&mut &*line) {
        Some(Event::Rcpt { pending, .. }) => pending,
        other => panic!("{other:?}"),
    }
}
