//! A server machine at the end of a network in memory, driven as a driver drives it, under a clock that only the case turns.

use crate::application::{Application, Greeting, Keeps};
use crate::outcome::Outcome;
use core::time::Duration;
use smtp_proto::server::{Config, Event, Server, Wants};
use smtp_proto::{Countdown, Inbox, Timer};
use std::sync::Arc;

/// More rounds than this without a new octet are a machine that never comes to rest.
const ROUNDS: usize = 100_000;

/// One session.
pub(crate) struct Connection {
    server: Server,
    inbox: Inbox,
    countdown: Countdown,
    application: Application,
    keeps: Keeps,
    /// Sent by the peer and not yet read.
    unread: Vec<u8>,
    pub(crate) outcome: Outcome,
}

impl Connection {
    pub(crate) fn open(config: Arc<Config>, greeting: Greeting, keeps: Keeps) -> Self {
        let inbox = config.inbox();
        let mut connection = Self {
            server: Server::new(config),
            inbox,
            countdown: Countdown::new(),
            application: Application::new(greeting, keeps),
            keeps,
            unread: Vec::new(),
            outcome: Outcome::default(),
        };
        connection.settle();
        connection
    }

    /// The peer writes; what it writes is read as it comes.
    pub(crate) fn write(&mut self, octets: &[u8]) {
        if self.outcome.closed {
            return;
        }
        self.unread.extend_from_slice(octets);
        let mut unread = core::mem::take(&mut self.unread);
        let mut rest = unread.as_slice();
        while !rest.is_empty() && !self.outcome.closed && self.reads() {
            let Some(space) = self.inbox.space() else {
                let wants = self.server.wants();
                assert!(
                    matches!(wants, Wants::Answer(_)),
                    "a full inbox, and the machine wants {wants:?}"
                );
                break;
            };
            let (now, later) = rest.split_at(rest.len().min(space.len()));
            space[..now.len()].copy_from_slice(now);
            self.inbox.filled(now.len());
            rest = later;
            self.settle();
            if self.application.greet(&mut self.server) {
                self.settle();
            }
        }
        let read = unread.len() - rest.len();
        unread.drain(..read);
        self.unread = unread;
    }

    /// The peer closes its side.
    pub(crate) fn end(&mut self) {
        if !self.outcome.closed {
            self.inbox.filled(0);
            self.server.eof();
            self.settle();
        }
    }

    /// The peer begins TLS, and the handshake succeeds.
    pub(crate) fn handshake(&mut self) -> Result<(), String> {
        match self.server.wants() {
            Wants::Tls(_) => assert!(self.server.tls_established()),
            other => return Err(format!("{other:?} for a handshake")),
        }
        self.settle();
        Ok(())
    }

    /// So much time passes.
    pub(crate) fn pass(&mut self, mut time: Duration) {
        while let Some(timer) = self.timer() {
            let left = self.countdown.left(timer);
            self.countdown.waited(left.min(time));
            let Some(later) = time.checked_sub(left).filter(|_| left <= time) else {
                return;
            };
            time = later;
            self.server.timed_out(timer.id);
            self.settle();
        }
    }

    /// All that the server owes is read by the peer.
    pub(crate) fn wait(&mut self) {
        self.outcome.at_waits.push(self.outcome.written.len());
    }

    /// The record so far is put aside, and a new one begins.
    pub(crate) fn take_outcome(&mut self) -> Outcome {
        self.application.end_run(&mut self.outcome);
        let closed = self.outcome.closed;
        core::mem::replace(&mut self.outcome, Outcome { closed, ..Outcome::default() })
    }

    /// How many octets the peer has sent that the server did not read.
    pub(crate) fn unread(&self) -> usize {
        self.unread.len()
    }

    /// The machine alone, for a driver of another kind.
    pub(crate) fn into_server(self) -> Server {
        self.server
    }

    fn reads(&self) -> bool {
        matches!(self.server.wants(), Wants::Read(_) | Wants::Answer(_) | Wants::Tls(_))
    }

    fn timer(&self) -> Option<Timer> {
        self.server.wants().timer()
    }

    /// Calls `next` until it says nothing, does what `wants` says, and again, until only the peer or the clock can go on.
    fn settle(&mut self) {
        for _ in 0..ROUNDS {
            let Self { server, inbox, application, outcome, .. } = self;
            inbox.feed(|input| {
                while let Some(event) = server.next(input) {
                    match event {
                        // Only here is known what stands behind the command.
                        Event::StartTls(pending) => {
                            let _injected = server.accept_tls(pending, input);
                        }
                        event => application.answer(event, server, outcome),
                    }
                }
            });
            match self.server.wants() {
                Wants::Next => {}
                Wants::Flush(_) => self.flush(),
                Wants::Read(_) | Wants::Answer(_) | Wants::Tls(_) => return,
                Wants::Close => {
                    self.flush();
                    self.outcome.closed = true;
                    return;
                }
            }
        }
        panic!("the machine never comes to rest: {:?}", self.server.wants());
    }

    fn flush(&mut self) {
        let outgoing = self.server.outgoing();
        let octets = outgoing.len();
        if self.keeps == Keeps::Everything {
            self.outcome.written.extend_from_slice(outgoing);
        }
        self.server.sent(octets);
    }
}
