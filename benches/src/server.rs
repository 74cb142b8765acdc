//! A server that accepts everything.

use core::hint::black_box;
use std::sync::Arc;

use smtp_proto::server::{Config, Event, Server};

/// A server's session, and an application that accepts whatever it is asked.
#[derive(Debug)]
pub struct Session {
    server: Server,
}

/// The configuration of a server that takes letters of up to `largest` octets.
///
/// # Panics
///
/// Never.
#[must_use]
pub fn config(largest: u64) -> Arc<Config> {
    let mut config = Config::new("server.example").expect("it is a domain");
    config.limits.message = largest;
    Arc::new(config)
}

impl Session {
    /// A session in front of its greeting.
    #[must_use]
    pub fn new(config: &Arc<Config>) -> Self {
        Self { server: Server::new(Arc::clone(config)) }
    }

    /// A session in which the client has said EHLO.
    #[must_use]
    pub fn greeted(config: &Arc<Config>) -> Self {
        let mut session = Self::new(config);
        session.serve(b"");
        session.serve(b"EHLO client.example\r\n");
        session
    }

    /// A session in the middle of a letter that never ends.
    #[must_use]
    pub fn in_letter() -> Self {
        let mut session = Self::greeted(&config(u64::MAX / 4));
        session
            .serve(b"MAIL FROM:<alice@client.example>\r\nRCPT TO:<bob@server.example>\r\nDATA\r\n");
        session
    }

    /// Presents `input` as one read, and returns the octets of the replies, which are sent.
    pub fn serve(&mut self, mut input: &[u8]) -> usize {
        self.take(&mut input, |_| ());
        debug_assert!(input.is_empty(), "it is made of whole lines");
        let replies = self.server.outgoing().len();
        self.server.sent(replies);
        replies
    }

    /// Presents content in pieces of so many octets, and returns how many octets came out. What a piece leaves for want of what follows it
    /// is presented again in front of the next.
    pub fn read(&mut self, content: &[u8], piece: usize) -> usize {
        let (mut octets, mut start, mut end) = (0, 0, 0);
        while end < content.len() {
            end = content.len().min(end + piece);
            let mut rest = &content[start..end];
            self.take(&mut rest, |run| octets += black_box(run).len());
            start = end - rest.len();
        }
        octets
    }

    /// Takes all events that the input has, and hands the runs of content to `body`.
    pub fn take(&mut self, input: &mut &[u8], mut body: impl FnMut(&[u8])) {
        while let Some(event) = self.server.next(input) {
            match event {
                Event::Body(run) => body(run),
                event => self.accept(event),
            }
        }
    }

    /// The machine.
    #[must_use]
    pub const fn machine(&mut self) -> &mut Server {
        &mut self.server
    }

    fn accept(&mut self, event: Event<'_>) {
        let answered = match event {
            Event::Connect(pending) => self.server.accept(pending),
            Event::Hello { pending, .. } => self.server.accept(pending),
            Event::Mail { pending, .. } => self.server.accept(pending),
            Event::Rcpt { pending, .. } => self.server.accept(pending),
            Event::Data { pending, .. } => self.server.accept(pending),
            Event::Message { pending, .. } => self.server.accept(pending),
            Event::Quit | Event::Closed { .. } => Ok(()),
            other => panic!("a benchmark has no {other:?}"),
        };
        answered.expect("it can be accepted");
    }
}
