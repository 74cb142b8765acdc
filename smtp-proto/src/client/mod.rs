//! The sending machine: commands in, replies out, each counted against its command.
//!
//! ```
//! use std::sync::Arc;
//! use smtp_proto::Host;
//! use smtp_proto::client::{Client, Config, Event, Wants};
//!
//! let mut client = Client::new(Arc::new(Config::default()));
//! client.hello(Host::parse(b"c.test")?)?;
//! let mut input = &b"220 mx.test ESMTP\r\n"[..];
//! assert!(matches!(client.next(&mut input)?, Some(Event::Greeting(_))));
//! assert_eq!(client.outgoing(), b"EHLO c.test\r\n");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Driving it
//!
//! Call [`next`](Client::next) until it says `None`, then do the one thing that [`wants`](Client::wants) says, then again.
//!
//! Commands queue freely once EHLO is answered, and leave in groups as RFC 2920 allows: [`outgoing`](Client::outgoing) ends at the first
//! place where a reply must come first. For whole letters with many recipients there is [`Delivery`](crate::delivery::Delivery).

mod auth;
mod chunk;
mod commands;
mod config;
mod content;
mod event;
mod introduction;
mod pace;
mod pipeline;
#[cfg(feature = "testing")]
mod position;
mod replies;
mod tls;
mod used;

use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;
use core::time::Duration;

use bytes::BytesMut;

pub use config::{Config, Fallback, Flavour, Pipelining, Queue, Tls, Waits};
pub use event::{Error, Event, Misuse, Sent, Wants};
pub use introduction::{Introduction, IntroductionError};
pub use pace::Pace;

use self::chunk::{Chunk, Lines};
use self::pipeline::{Asked, Depth, Pipeline};
use self::used::Used;
use crate::data::Writer;
use crate::line::Replies;
use crate::sasl::Secret;
use crate::{Command, Extension, Extensions, HostBuf, Timer, TimerId, Verb};

/// One session of a client.
///
/// See the [module](self) for how it is driven.
pub struct Client {
    config: Arc<Config>,
    pipeline: Pipeline,
    replies: Replies,
    stage: Stage,
    extensions: Option<Extensions>,
    /// What EHLO said, for HELO.
    name: Option<HostBuf>,
    transaction: Transaction,
    /// The octets travel inside TLS.
    secure: bool,
    /// The server is known by its certificate.
    verified: bool,
    authenticated: bool,
    /// The initial response that had no room in the AUTH line.
    held_response: Option<Secret>,
    error: Option<Error>,
    stirred: bool,
    eof: bool,
    timer: TimerId,
    /// What the timer runs for.
    timed: Timed,
    used: Used,
    /// A chunk failed: RSET comes first (RFC 3030 2).
    broken: bool,
    /// The number of the RSET that was queued last.
    reset: u32,
    /// LMTP: the last chunk waits for the replies to those in front of it.
    last_waits: bool,
}

/// Where a session stands, as far as commands are concerned.
#[derive(Debug)]
enum Stage {
    /// The greeting or the reply to a hello is waited for.
    Hello,
    Commands,
    /// STARTTLS is queued.
    TlsAsked,
    /// The driver negotiates TLS.
    Handshake,
    /// AUTH or a response to its challenge is queued.
    AuthAsked,
    /// A challenge came in the exchange of this command.
    Challenged(Sent),
    /// DATA is queued: its reply decides what comes next.
    DataAsked,
    /// 354 came: content is due for the message of this command.
    Content(Sent, Writer),
    /// The octets of a chunk are due.
    Chunk(Chunk),
    /// Another chunk is due.
    Chunks(Lines),
    /// The content failed: it will not be ended.
    ContentFailed,
    /// QUIT is queued.
    Quitting,
    /// Nothing more is sent or read.
    Over,
}

/// What was answered of the transaction that was begun last.
#[derive(Debug, Default)]
struct Transaction {
    /// The number of its MAIL: replies to commands in front of it are of another.
    begun: u32,
    /// A MAIL was queued, and nothing that ends the transaction.
    open: bool,
    /// That MAIL has SMTPUTF8.
    smtputf8: bool,
    /// It has BODY=BINARYMIME.
    binary: bool,
    mail: Option<bool>,
    accepted: u32,
    /// In LMTP, the RCPTs that were accepted: each has its own verdict.
    judged: Vec<Sent>,
    /// RCPTs that are queued and not answered.
    rcpts: u32,
}

impl Transaction {
    /// Whether the server is in a transaction, or will be where it accepts a MAIL.
    fn is_open(&self) -> bool {
        self.open && self.mail != Some(false)
    }
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Timed {
    Nothing,
    Handshake,
    /// The how-manieth block of those that may wait.
    Flush(u64),
    Reply(u32, Asked),
}

impl Client {
    /// A session that waits for the greeting.
    #[must_use]
    pub fn new(config: Arc<Config>) -> Self {
        Self {
            config,
            pipeline: Pipeline::new(),
            replies: Replies::new(),
            stage: Stage::Hello,
            extensions: None,
            name: None,
            transaction: Transaction::default(),
            secure: false,
            verified: false,
            authenticated: false,
            held_response: None,
            error: None,
            stirred: true,
            eof: false,
            timer: TimerId(0),
            timed: Timed::Nothing,
            used: Used::default(),
            broken: false,
            reset: 0,
            last_waits: false,
        }
    }

    /// What the driver is to do. After `next` said `None` it is never [`Wants::Next`].
    #[must_use]
    pub fn wants(&self) -> Wants {
        if self.stirred {
            return Wants::Next;
        }
        if self.is_over() {
            return Wants::Close;
        }
        if !self.outgoing().is_empty() {
            return Wants::Flush(Timer { after: self.config.waits.block, id: self.timer });
        }
        match (&self.stage, self.pipeline.oldest()) {
            (Stage::Content(..) | Stage::Chunk(_), _) => Wants::Body,
            (Stage::Chunks(_), _) if self.takes_chunk() => Wants::Body,
            (Stage::Handshake, _) => {
                Wants::Tls(Timer { after: self.config.waits.handshake, id: self.timer })
            }
            (_, Some(entry)) => Wants::Read(Timer {
                after: self.wait(entry.asked, entry.sent.verb),
                id: self.timer,
            }),
            (_, None) if self.pipeline.is_idle() => Wants::Command,
            (_, None) => Wants::Read(Timer { after: self.config.waits.command, id: self.timer }),
        }
    }

    fn wait(&self, asked: Asked, verb: Verb) -> Duration {
        let waits = &self.config.waits;
        match (asked, verb) {
            (Asked::Greeting, _) => waits.greeting,
            (Asked::Content | Asked::LoneDot | Asked::Chunk(_), _) => waits.content,
            (_, Verb::Data) => waits.data,
            (_, Verb::Quit) => waits.quit,
            _ => waits.command,
        }
    }

    /// Each reply that is waited for, and each block that is written, has its own wait (RFC 5321 4.5.3.2.5): a server that takes an octet
    /// now and then gains nothing by it.
    fn retime(&mut self) {
        let block = self.config.queue.content.max(1) as u64;
        let timed = match self.pipeline.oldest() {
            _ if !self.outgoing().is_empty() => {
                Timed::Flush(self.pipeline.written().checked_div(block).unwrap_or(0))
            }
            Some(entry) => Timed::Reply(entry.sent.n, entry.asked),
            None if matches!(self.stage, Stage::Handshake) => Timed::Handshake,
            None => Timed::Nothing,
        };
        if timed != self.timed {
            self.timed = timed;
            self.timer = TimerId(self.timer.0.wrapping_add(1));
        }
    }

    /// The octets that are to be written, in this order and nothing between them: only what may leave before the next reply.
    #[must_use]
    pub fn outgoing(&self) -> &[u8] {
        self.pipeline.outgoing()
    }

    /// Says that `octets` octets of [`outgoing`](Self::outgoing) were written.
    pub fn sent(&mut self, octets: usize) {
        self.pipeline.sent(octets);
        self.retime();
    }

    /// Everything that is to be written now, for I/O that owns its buffers; it counts as sent. `spare` comes back where that is nothing.
    #[must_use]
    pub fn take_outgoing(&mut self, mut spare: BytesMut) -> BytesMut {
        let taken = self.pipeline.take_outgoing();
        self.retime();
        if taken.is_empty() {
            spare.clear();
            return spare;
        }
        taken
    }

    /// Says that the input ended. Replies that were presented are still read.
    pub fn eof(&mut self) {
        self.eof = true;
        self.stirred = true;
    }

    /// Says that the wait of this id is over. An id that is not that of [`wants`](Self::wants) does nothing.
    pub fn timed_out(&mut self, id: TimerId) {
        if self.wants().timer().is_some_and(|timer| timer.id == id) {
            self.fail(Error::TimedOut);
        }
    }

    fn fail(&mut self, error: Error) -> Error {
        self.finish_session();
        self.error = Some(error);
        error
    }

    fn finish_session(&mut self) {
        self.stage = Stage::Over;
        self.pipeline.silence();
        self.stirred = true;
    }

    /// Whether nothing more is sent or read.
    #[must_use]
    pub const fn is_over(&self) -> bool {
        matches!(self.stage, Stage::Over | Stage::ContentFailed)
    }

    /// Whether one command is sent at a time.
    pub(crate) fn is_lockstep(&self) -> bool {
        self.depth() == Depth::Lockstep
    }

    fn depth(&self) -> Depth {
        let offered =
            self.extensions.as_ref().is_some_and(|offered| offered.contains(Extension::Pipelining));
        match self.config.pipelining {
            Pipelining::Offered if offered => Depth::Groups(usize::MAX),
            Pipelining::InFlight(most) if offered => Depth::Groups(most),
            _ => Depth::Lockstep,
        }
    }

    fn release(&mut self) {
        let depth = self.depth();
        self.abandon_hopeless_data();
        // Octets that nothing asked for would shift the replies: they are first read to their end, which is a 421 or an error.
        if self.pipeline.oldest().is_some() || !self.replies.is_partial() {
            self.pipeline.release(depth);
        }
        self.retime();
        self.stirred = true;
    }

    /// RFC 2920 3.1: a DATA that did not leave is not sent once nobody is left to send to; RSET ends the transaction in its place.
    fn abandon_hopeless_data(&mut self) {
        let Transaction { begun, mail, accepted, rcpts, .. } = self.transaction;
        let hopeless = mail == Some(false) || (mail == Some(true) && accepted == 0 && rcpts == 0);
        if hopeless
            && matches!(self.stage, Stage::DataAsked)
            && self.pipeline.only_held() == Some(Verb::Data)
        {
            self.pipeline.replace_held(Verb::Rset, |text| Command::Rset.encode(text));
            self.transaction = Transaction { begun, ..Transaction::default() };
            self.stage = Stage::Commands;
        }
    }

    // What the application may ask.

    /// What the server offered in its last reply to EHLO; nothing after HELO. `None` before.
    #[must_use]
    pub const fn extensions(&self) -> Option<&Extensions> {
        self.extensions.as_ref()
    }

    /// Whether a transaction was begun and did not end: RSET must come before the next MAIL.
    #[must_use]
    pub const fn in_transaction(&self) -> bool {
        self.broken || matches!(self.transaction.mail, Some(true))
    }

    /// Whether a final dot or the last chunk has left and its reply has not come: what becomes of that message, nobody knows yet (RFC
    /// 1047). In LMTP, whether one of its replies has not come.
    #[must_use]
    pub fn is_verdict_owed(&self) -> bool {
        self.pipeline.is_verdict_owed()
    }

    /// Whether every command is answered.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        self.pipeline.is_idle()
    }

    /// Whether the session waits for nothing and can carry another letter.
    #[must_use]
    pub fn is_reusable(&self) -> bool {
        matches!(self.stage, Stage::Commands)
            && self.pipeline.is_idle()
            && !self.replies.is_partial()
            && self.extensions.is_some()
            && !self.needs_tls()
            && self.takes_mail()
            && !self.eof
    }

    /// Whether the octets travel inside TLS.
    #[must_use]
    pub const fn is_tls(&self) -> bool {
        self.secure
    }

    /// Whether the driver said that the server is [known](Self::tls_verified) by its certificate.
    #[must_use]
    pub const fn is_verified(&self) -> bool {
        self.verified
    }

    /// Whether AUTH succeeded.
    #[must_use]
    pub const fn is_authenticated(&self) -> bool {
        self.authenticated
    }

    /// Whether there are secrets in [`outgoing`](Self::outgoing), which belong into no log. The machine wipes them once they are
    /// [`sent`](Self::sent); whoever [takes](Self::take_outgoing) them does so himself.
    #[must_use]
    pub const fn is_outgoing_secret(&self) -> bool {
        self.pipeline.is_secret()
    }

    /// The configuration.
    #[must_use]
    pub const fn config(&self) -> &Arc<Config> {
        &self.config
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client")
            .field("extensions", &self.extensions)
            .field("error", &self.error)
            .field("wants", &self.wants())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
