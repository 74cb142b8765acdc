//! The session that the benchmarks share.

use std::sync::Arc;

use smtp_proto::server::{Config, Event, Server};

/// A server's session in which the client has said EHLO, and an application that accepts whatever it is asked.
pub(crate) struct Session {
    server: Server,
}

impl Session {
    /// Takes letters of up to `largest` octets.
    pub(crate) fn new(largest: u64) -> Self {
        let mut config = Config::new("server.example").expect("it is a domain");
        config.limits.message = largest;
        let mut session = Self { server: Server::new(Arc::new(config)) };
        session.serve(b"", |_| ());
        session.serve(b"EHLO client.example\r\n", |_| ());
        session
    }

    /// Presents `input` as one read, hands the runs of content to `body`, and returns the octets of the replies.
    pub(crate) fn serve(&mut self, mut input: &[u8], mut body: impl FnMut(&[u8])) -> usize {
        while let Some(event) = self.server.next(&mut input) {
            match event {
                Event::Body(run) => body(run),
                event => self.accept(event),
            }
        }
        debug_assert!(input.is_empty(), "it is made of whole lines");
        let replies = self.server.outgoing().len();
        self.server.sent(replies);
        replies
    }

    fn accept(&mut self, event: Event<'_>) {
        let answered = match event {
            Event::Connect(pending) => self.server.accept(pending),
            Event::Hello { pending, .. } => self.server.accept(pending),
            Event::Mail { pending, .. } => self.server.accept(pending),
            Event::Rcpt { pending, .. } => self.server.accept(pending),
            Event::Data { pending, .. } => self.server.accept(pending),
            Event::Message { pending, .. } => self.server.accept(pending),
            other => panic!("a benchmark has no {other:?}"),
        };
        answered.expect("it can be accepted");
    }
}
