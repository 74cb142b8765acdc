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

mod config;
mod content;
mod event;
mod pace;
mod pipeline;
mod replies;

use alloc::sync::Arc;
use core::fmt;
use core::time::Duration;

use bytes::{BufMut, BytesMut};

pub use config::{Config, Fallback, Pipelining, Queue, Waits};
pub use event::{Error, Event, Misuse, Sent, Wants};
pub use pace::Pace;

use self::pipeline::{Asked, Depth, Pipeline};
use crate::data::Writer;
use crate::line::Replies;
use crate::{
    Command, Extension, Extensions, FreeText, Host, HostBuf, Mail, Rcpt, Timer, TimerId, Verb,
};

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
    error: Option<Error>,
    stirred: bool,
    eof: bool,
    timer: TimerId,
    /// What the timer runs for.
    timed: Timed,
}

/// Where a session stands, as far as commands are concerned.
#[derive(Debug)]
enum Stage {
    /// The greeting or the reply to a hello is waited for.
    Hello,
    Commands,
    /// DATA is queued: its reply decides what comes next.
    DataAsked,
    /// 354 came: content is due for the message of this command.
    Content(Sent, Writer),
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
    /// A MAIL was queued with SMTPUTF8.
    smtputf8: bool,
    mail: Option<bool>,
    accepted: u32,
    /// RCPTs that are queued and not answered.
    rcpts: u32,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Timed {
    Nothing,
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
            error: None,
            stirred: true,
            eof: false,
            timer: TimerId(0),
            timed: Timed::Nothing,
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
            (Stage::Content(..), _) => Wants::Body,
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
            (Asked::Content | Asked::LoneDot, _) => waits.content,
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

    // Commands.

    /// EHLO; HELO by itself where the server does not know it, unless the configuration forbids it.
    ///
    /// # Errors
    ///
    /// [`Misuse::Invalid`]: UTF-8 in the name. [`Misuse::NotYet`]: the last hello was not answered. [`Misuse::Content`], [`Misuse::Over`].
    pub fn hello(&mut self, name: Host<'_>) -> Result<Sent, Misuse> {
        if !matches!(self.stage, Stage::Hello | Stage::Commands) || self.name.is_some() {
            return Err(self.misplaced());
        }
        if matches!(name, Host::Domain(domain) if !domain.as_str().is_ascii()) {
            return Err(Misuse::Invalid);
        }
        let sent = self.queue(Command::Hello { verb: Verb::Ehlo, name })?;
        self.name = Some(name.to_owned());
        self.stage = Stage::Hello;
        Ok(sent)
    }

    /// MAIL.
    ///
    /// # Errors
    ///
    /// [`Misuse::NotOffered`]: a parameter, or UTF-8 in the sender, that the server did not offer to take. [`Misuse::Utf8`]: UTF-8
    /// without the parameter. The rest as for every command: [`Misuse::NotYet`], [`Misuse::Content`], [`Misuse::Full`], [`Misuse::Over`].
    pub fn mail(&mut self, mail: &Mail<'_>) -> Result<Sent, Misuse> {
        let offered = self.may_command()?;
        if !mail.params.within(offered.set()) {
            return Err(Misuse::NotOffered);
        }
        let ascii = mail.from.is_ascii() && mail.params.is_ascii();
        may_be_utf8(ascii, mail.params.smtputf8(), offered)?;
        let sent = self.queue(Command::Mail(*mail))?;
        let smtputf8 = mail.params.smtputf8();
        self.transaction = Transaction { begun: sent.n, smtputf8, ..Transaction::default() };
        Ok(sent)
    }

    /// RCPT.
    ///
    /// # Errors
    ///
    /// As [`mail`](Self::mail).
    pub fn rcpt(&mut self, rcpt: &Rcpt<'_>) -> Result<Sent, Misuse> {
        let offered = self.may_command()?;
        if !rcpt.params.within(offered.set()) {
            return Err(Misuse::NotOffered);
        }
        let ascii = rcpt.to.is_ascii() && rcpt.params.is_ascii();
        may_be_utf8(ascii, self.transaction.smtputf8, offered)?;
        let sent = self.queue(Command::Rcpt(*rcpt))?;
        self.transaction.rcpts = self.transaction.rcpts.saturating_add(1);
        Ok(sent)
    }

    /// DATA. Where nobody is left to send to before it leaves, RSET is sent in its place; where a 354 comes all the same, the lone dot.
    ///
    /// # Errors
    ///
    /// As every command.
    pub fn data(&mut self) -> Result<Sent, Misuse> {
        self.may_command()?;
        // The stage is what tells whether it may leave.
        self.stage = Stage::DataAsked;
        let sent = self.queue(Command::Data);
        if sent.is_err() && matches!(self.stage, Stage::DataAsked) {
            self.stage = Stage::Commands;
        }
        sent
    }

    /// RSET.
    ///
    /// # Errors
    ///
    /// As every command.
    pub fn reset(&mut self) -> Result<Sent, Misuse> {
        self.may_command()?;
        let sent = self.queue(Command::Rset)?;
        self.transaction = Transaction { begun: sent.n, ..Transaction::default() };
        Ok(sent)
    }

    /// NOOP.
    ///
    /// # Errors
    ///
    /// As every command.
    pub fn noop(&mut self) -> Result<Sent, Misuse> {
        self.may_command()?;
        self.queue(Command::Noop(FreeText::default()))
    }

    /// VRFY.
    ///
    /// # Errors
    ///
    /// As [`custom`](Self::custom).
    pub fn verify(&mut self, text: &str) -> Result<Sent, Misuse> {
        self.query(Verb::Vrfy, text)
    }

    /// EXPN.
    ///
    /// # Errors
    ///
    /// As [`custom`](Self::custom).
    pub fn expand(&mut self, text: &str) -> Result<Sent, Misuse> {
        self.query(Verb::Expn, text)
    }

    /// HELP; `text` may be empty.
    ///
    /// # Errors
    ///
    /// As [`custom`](Self::custom).
    pub fn help(&mut self, text: &str) -> Result<Sent, Misuse> {
        self.query(Verb::Help, text)
    }

    /// A command that has no call of its own: `line` without its CRLF. It ends a group.
    ///
    /// # Errors
    ///
    /// [`Misuse::Invalid`]: the line holds an octet that is not printable US-ASCII, is too long, or changes what comes after it, as BDAT,
    /// STARTTLS and AUTH do.
    /// The rest as every command.
    pub fn custom(&mut self, line: &str) -> Result<Sent, Misuse> {
        self.may_command()?;
        match Command::parse(line.as_bytes()) {
            Ok(Command::Unsupported(verb)) if verb.is_plain() => self.line(verb, line),
            Err(error) if error.kind == crate::ParseErrorKind::Verb && has_verb(line) => {
                self.line(Verb::Other, line)
            }
            _ => Err(Misuse::Invalid),
        }
    }

    fn query(&mut self, verb: Verb, text: &str) -> Result<Sent, Misuse> {
        self.may_command()?;
        let text = FreeText::new(text).ok_or(Misuse::Invalid)?;
        if text.as_str().is_empty() && verb != Verb::Help {
            return Err(Misuse::Invalid);
        }
        self.queue(Command::Query { verb, text, smtputf8: false })
    }

    /// QUIT. Nothing may follow; its reply ends the session.
    ///
    /// # Errors
    ///
    /// [`Misuse::Content`] while content is due, [`Misuse::Over`].
    pub fn quit(&mut self) -> Result<Sent, Misuse> {
        if !matches!(self.stage, Stage::Hello | Stage::Commands) {
            return Err(self.misplaced());
        }
        let sent = self.queue(Command::Quit)?;
        self.stage = Stage::Quitting;
        Ok(sent)
    }

    /// What is wrong with a call in this stage.
    const fn misplaced(&self) -> Misuse {
        match self.stage {
            Stage::Hello => Misuse::NotYet,
            Stage::Commands | Stage::DataAsked | Stage::Content(..) => Misuse::Content,
            Stage::ContentFailed | Stage::Quitting | Stage::Over => Misuse::Over,
        }
    }

    fn may_command(&self) -> Result<&Extensions, Misuse> {
        match (&self.stage, &self.extensions) {
            (Stage::Commands, Some(offered)) => Ok(offered),
            _ => Err(self.misplaced()),
        }
    }

    fn queue(&mut self, command: Command<'_>) -> Result<Sent, Misuse> {
        self.push(command.verb(), |text| command.encode(text))
    }

    fn line(&mut self, verb: Verb, line: &str) -> Result<Sent, Misuse> {
        if !line.is_ascii() {
            return Err(Misuse::Invalid);
        }
        self.push(verb, |text| {
            text.put_slice(line.as_bytes());
            text.put_slice(b"\r\n");
        })
    }

    fn push(&mut self, verb: Verb, write: impl FnOnce(&mut BytesMut)) -> Result<Sent, Misuse> {
        let sent = self.pipeline.push(verb, self.config.queue.commands, write)?;
        self.release();
        Ok(sent)
    }

    fn release(&mut self) {
        let offered =
            self.extensions.as_ref().is_some_and(|offered| offered.contains(Extension::Pipelining));
        let depth = match self.config.pipelining {
            Pipelining::Offered if offered => Depth::Groups(usize::MAX),
            Pipelining::InFlight(most) if offered => Depth::Groups(most),
            _ => Depth::Lockstep,
        };
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
        matches!(self.transaction.mail, Some(true))
    }

    /// Whether a final dot has left and its reply has not come: what becomes of that message, nobody knows yet (RFC 1047).
    #[must_use]
    pub fn is_verdict_owed(&self) -> bool {
        self.pipeline
            .oldest()
            .is_some_and(|entry| entry.asked == Asked::Content && self.pipeline.is_written(entry))
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
            && !self.eof
    }

    /// The configuration.
    #[must_use]
    pub const fn config(&self) -> &Arc<Config> {
        &self.config
    }
}

fn has_verb(line: &str) -> bool {
    line.bytes().next().is_some_and(|octet| octet.is_ascii_alphabetic())
}

/// RFC 6531 3.2: UTF-8 only to a server that offered SMTPUTF8, in a transaction that has it.
const fn may_be_utf8(ascii: bool, smtputf8: bool, offered: &Extensions) -> Result<(), Misuse> {
    if ascii || smtputf8 {
        Ok(())
    } else if offered.contains(Extension::SmtpUtf8) {
        Err(Misuse::Utf8)
    } else {
        Err(Misuse::NotOffered)
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
