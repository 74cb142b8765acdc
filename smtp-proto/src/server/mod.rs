//! The receiving machine: octets in, events out; decisions in, replies out.
//!
//! ```
//! use std::sync::Arc;
//! use smtp_proto::server::{Config, Event, Server, Wants};
//!
//! let mut server = Server::new(Arc::new(Config::new("mx.test")?));
//! let mut input = &b""[..];
//! let Some(Event::Connect(pending)) = server.next(&mut input) else { panic!() };
//! server.accept(pending)?;
//! assert_eq!(server.outgoing(), b"220 mx.test ESMTP\r\n");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Driving it
//!
//! Call [`next`](Server::next) until it says `None`, then do the one thing that [`wants`](Server::wants) says, then again. The octets
//! that `next` did not take are presented again in front of what came since.
//!
//! # Answering
//!
//! An event that needs a decision carries a [`Pending`], which is moved into [`accept`](Server::accept) or [`reply`](Server::reply).
//! Everything that a program does not know goes to [`decline`](Server::decline). Nothing that is done with a token leaves a session stuck.

mod answer;
mod auth;
mod command;
mod config;
mod content;
mod event;
mod incoming;
mod limits;
mod login;
mod pending;
#[cfg(feature = "testing")]
mod position;
mod state;
mod stock;
mod take;
mod tls;
mod verdicts;

use alloc::collections::VecDeque;
use alloc::sync::Arc;
use core::fmt;
use core::sync::atomic::{AtomicU32, Ordering};
use core::time::Duration;

use bytes::{Buf, BytesMut};

pub use config::{AuthPolicy, Channel, Config, Early, Flavour, StartTls};
pub use event::{Event, Limit, Refusal, Summary, Traffic, Transfer, Wants, When, Why};
pub use incoming::{Incoming, Opening, Verdict};
pub use limits::Limits;
pub use login::Login;
pub use pending::{Acceptable, Kind, Pending, ReplyError, kind};

use self::pending::{Owed, Question};
use self::state::State;
use self::stock::Stock;
use crate::line::Lines;
use crate::{
    Code, Condition, Extension, Extensions, ParseErrorKind, Reply, ReplyBuf, Timer, TimerId, Verb,
};

pub use crate::data::{ChunkNewlines, Newlines};

/// What a program may say behind the host name, in octets: with a name of 255 it fits a line of 512 (RFC 5321 4.5.3.1.5).
const GREET_LIMIT: usize = 240;

/// What is kept of the outgoing buffer when it is empty, in octets: an idle session holds next to nothing.
const OUTGOING_KEPT: usize = 1024;

/// One session of a server.
///
/// See the [module](self) for how it is driven.
pub struct Server {
    config: Arc<Config>,
    /// The longest command line that it takes.
    command_line: usize,
    /// The configuration that takes effect once no transaction is open.
    later_config: Option<Arc<Config>>,
    state: State,
    lines: Lines,
    /// The verb of the over-long command line that is being skipped.
    long_line: Option<Result<Verb, ParseErrorKind>>,
    owed: Owed,
    outgoing: BytesMut,
    notices: VecDeque<Notice>,
    timers: Timers,
    /// The reply of a shut-down that waits for the end of a transaction.
    shut_down: Option<ReplyBuf>,
    taken: Traffic,
    /// `next` may have something to say.
    stirred: bool,
    connect_raised: bool,
    eof: bool,
}

/// An event that a call made, to be raised by `next`.
#[derive(Debug)]
enum Notice {
    Reset,
    Aborted(Why),
    Refused(Stock),
}

impl From<Notice> for Event<'_> {
    fn from(notice: Notice) -> Self {
        match notice {
            Notice::Reset => Self::Reset,
            Notice::Aborted(why) => Self::Aborted(why),
            Notice::Refused(Stock { reply, why }) => {
                Self::Refused(Refusal { line: &[], reply, why })
            }
        }
    }
}

/// The ids of the waits; one for each wait, never used again.
struct Timers {
    last: u32,
    /// A command line, or a window of content.
    read: TimerId,
    flush: TimerId,
    answer: TimerId,
    /// The oldest answer that was owed when `answer` began.
    answer_front: Option<u32>,
}

impl Timers {
    const fn new() -> Self {
        Self {
            last: 2,
            read: TimerId(0),
            flush: TimerId(1),
            answer: TimerId(2),
            answer_front: None,
        }
    }

    const fn fresh(&mut self) -> TimerId {
        self.last = self.last.wrapping_add(1);
        TimerId(self.last)
    }
}

/// The `with` keywords of RFC 3848 and RFC 6531 4.3: plain, authenticated, in TLS, both.
type With = (&'static str, &'static str, &'static str, &'static str);
const ESMTP: With = ("ESMTP", "ESMTPA", "ESMTPS", "ESMTPSA");
const LMTP: With = ("LMTP", "LMTPA", "LMTPS", "LMTPSA");
const UTF8_SMTP: With = ("UTF8SMTP", "UTF8SMTPA", "UTF8SMTPS", "UTF8SMTPSA");
const UTF8_LMTP: With = ("UTF8LMTP", "UTF8LMTPA", "UTF8LMTPS", "UTF8LMTPSA");

/// Tells sessions apart, so that a token of one is not taken by another.
static SESSIONS: AtomicU32 = AtomicU32::new(0);

impl Server {
    /// A session in front of its greeting, in the clear.
    #[must_use]
    pub fn new(config: Arc<Config>) -> Self {
        Self::on(Channel::Clear, config)
    }

    /// A session in front of its greeting, on a connection whose TLS handshake is over (RFC 8314 3.3).
    #[must_use]
    pub fn implicit_tls(config: Arc<Config>) -> Self {
        Self::on(Channel::Tls, config)
    }

    fn on(channel: Channel, config: Arc<Config>) -> Self {
        Self {
            command_line: config.command_line(),
            config,
            later_config: None,
            state: State::new(channel),
            lines: Lines::new(),
            long_line: None,
            owed: Owed::new(SESSIONS.fetch_add(1, Ordering::Relaxed)),
            outgoing: BytesMut::new(),
            notices: VecDeque::new(),
            timers: Timers::new(),
            shut_down: None,
            taken: Traffic::Nothing,
            stirred: true,
            connect_raised: false,
            eof: false,
        }
    }

    /// Takes the next event off the front of `input`, and moves the slice behind what was taken.
    ///
    /// Total: no input makes it fail. `None` means that nothing can be said until something changes; [`wants`](Self::wants) says what.
    pub fn next<'b>(&mut self, input: &mut &'b [u8]) -> Option<Event<'b>> {
        self.taken = Traffic::Nothing;
        let event = self.step(input);
        self.stirred = event.is_some();
        event
    }

    /// What the driver is to do. After `next` said `None` it is never [`Wants::Next`].
    #[must_use]
    pub fn wants(&self) -> Wants {
        let limits = &self.config.limits;
        if self.stirred {
            Wants::Next
        } else if !self.outgoing.is_empty() {
            Wants::Flush(Timer { after: limits.flush_wait, id: self.timers.flush })
        } else if self.state.is_closed() {
            Wants::Close
        } else if self.state.in_handshake() {
            Wants::Tls(Timer { after: limits.handshake_wait, id: self.timers.read })
        } else if !self.owed.is_empty() {
            Wants::Answer(Timer { after: self.answer_wait(), id: self.timers.answer })
        } else {
            Wants::Read(Timer { after: self.read_wait(), id: self.timers.read })
        }
    }

    fn answer_wait(&self) -> Duration {
        match self.owed.question() {
            Some(Question::Message | Question::Verdicts) => self.config.limits.message_wait,
            _ => self.config.limits.answer_wait,
        }
    }

    fn read_wait(&self) -> Duration {
        if self.state.in_content() {
            self.config.limits.window
        } else {
            self.config.limits.command_wait
        }
    }

    /// The octets that are to be written, in this order and nothing between them.
    #[must_use]
    pub fn outgoing(&self) -> &[u8] {
        &self.outgoing
    }

    /// Says that `octets` octets of [`outgoing`](Self::outgoing) were written.
    pub fn sent(&mut self, octets: usize) {
        self.stirred |= self.is_blocked();
        self.outgoing.advance(octets.min(self.outgoing.len()));
        self.emptied();
    }

    /// Everything that is to be written, for I/O that owns its buffers; it counts as sent. `spare`, emptied, takes its place.
    #[must_use]
    pub fn take_outgoing(&mut self, mut spare: BytesMut) -> BytesMut {
        self.stirred |= self.is_blocked();
        spare.clear();
        core::mem::replace(&mut self.outgoing, spare)
    }

    fn emptied(&mut self) {
        if self.outgoing.is_empty() {
            self.outgoing.clear();
            if self.outgoing.capacity() > OUTGOING_KEPT {
                self.outgoing = BytesMut::new();
            }
        }
    }

    /// Whether so many replies wait that no more commands are taken.
    fn is_blocked(&self) -> bool {
        self.outgoing.len() >= self.config.limits.replies.max(1)
    }

    /// Says that the input ended. What was presented is still served, and answers that are owed are still waited for.
    pub fn eof(&mut self) {
        self.eof = true;
        self.stirred = true;
    }

    /// Says that the wait of this id is over. An id that is not that of [`wants`](Self::wants) does nothing.
    pub fn timed_out(&mut self, id: TimerId) {
        match self.wants() {
            Wants::Flush(timer) if timer.id == id => {
                // The peer reads nothing: no reply can tell it more.
                self.outgoing.clear();
                self.owed.clear();
                self.end(Why::TimedOut);
            }
            Wants::Read(timer) if timer.id == id => self.read_timed_out(),
            Wants::Answer(timer) if timer.id == id => self.abandon(),
            // In the clear nothing more is said.
            Wants::Tls(timer) if timer.id == id => self.end(Why::TimedOut),
            _ => {}
        }
    }

    fn read_timed_out(&mut self) {
        let least = self.config.limits.window_octets;
        if let Some(window) = self.state.window().filter(|window| **window >= least) {
            *window = 0;
            self.timers.read = self.timers.fresh();
        } else {
            // RFC 5321 4.5.3.2.7, 3.8: say so before closing.
            self.end_with(stock::TIMED_OUT);
        }
    }

    /// Answers everything that is owed, 451 4.3.0: the handler panicked, or its task is gone.
    pub fn abandon(&mut self) {
        if self.state.greeting_owed() && !self.owed.is_empty() {
            // RFC 5321 3.1: a greeting is 220, 554 or 421.
            self.notices.push_back(Notice::Refused(*stock::NO_GREETING));
            return self.end_with(stock::NO_GREETING);
        }
        while let Some((index, question)) = self.owed.first_open() {
            self.settle(index, question, &stock::UNANSWERED.reply);
            if self.state.is_over() {
                break;
            }
            self.notices.push_back(Notice::Refused(*stock::UNANSWERED));
        }
        self.stirred = true;
    }

    /// Ends the session with `reply`, which should be a 421 (RFC 5321 3.8); anything else is sent as 421 4.3.2.
    pub fn shut_down(&mut self, reply: &Reply<'_>, when: When) {
        let reply = match reply.code() {
            Code::UNAVAILABLE => *reply,
            _ => reply.with_code(
                Code::UNAVAILABLE,
                Some(Condition::SYSTEM_NOT_ACCEPTING_MESSAGES.transient()),
            ),
        };
        self.stirred = true;
        match when {
            When::Now => self.hang_up(&reply, Why::ShutDown),
            When::AfterMessage => {
                self.shut_down = Some(reply.to_owned());
                self.shut_down_when_done();
            }
        }
    }

    /// A shut-down waits for an open transaction, and for answers that are owed; a greeting that is owed it takes the place of.
    #[inline]
    fn shut_down_when_done(&mut self) {
        if self.shut_down.is_some() {
            self.shut_down_if_done();
        }
    }

    fn shut_down_if_done(&mut self) {
        let busy = self.state.in_transaction() || self.state.in_content() || !self.owed.is_empty();
        if busy && !self.state.greeting_owed() {
            return;
        }
        if let Some(reply) = self.shut_down.take() {
            self.hang_up(&reply.as_ref(), Why::ShutDown);
        }
    }

    /// Takes another configuration: at once, or when the transaction that is open is over and no answer is owed.
    ///
    /// What EHLO offered holds until the next EHLO or STARTTLS, whatever the configuration offers now: it is served, and what was not
    /// offered is not. Limits and policies are those of the new configuration at once, where they are stricter too, under the codes that
    /// tell of them: 552 5.3.4, 452 4.5.3, 530 5.7.0. A message may never be larger than SIZE said.
    pub fn reconfigure(&mut self, config: Arc<Config>) {
        self.later_config = Some(config);
        self.reconfigure_when_done();
    }

    #[inline]
    fn reconfigure_when_done(&mut self) {
        if self.later_config.is_some() {
            self.reconfigure_if_done();
        }
    }

    fn reconfigure_if_done(&mut self) {
        let done = !self.state.in_transaction() && !self.state.in_content() && self.owed.is_empty();
        if done && let Some(config) = self.later_config.take() {
            // What was offered makes lines longer until the next EHLO.
            let offered = self.state.offered().growth();
            let growth = offered.saturating_add(self.state.declared().growth());
            self.command_line = config.command_line_for(growth);
            self.config = config;
        }
    }

    // How a session ends.

    /// 421 in place of everything that is owed, and the end.
    fn hang_up(&mut self, reply: &Reply<'_>, why: Why) {
        // RFC 3207 4: behind the 220 nothing is said in the clear.
        if self.state.in_handshake() {
            return self.end(why);
        }
        if !self.state.is_over() {
            self.owed.clear();
            self.write(&self.finished(Question::Query, reply));
            self.end(why);
        }
    }

    fn end_with(&mut self, &Stock { reply, why }: &Stock) {
        self.hang_up(&reply, why);
    }

    fn end(&mut self, why: Why) {
        if self.state.ended(why) {
            self.notices.push_back(Notice::Aborted(why));
        }
        self.stirred = true;
    }

    // What the application may ask.

    /// The `with` keyword of a Received field for this session (RFC 3848, RFC 6531 4.3).
    #[must_use]
    pub fn protocol(&self) -> &'static str {
        let names = match self.state.hello_verb() {
            None | Some(Verb::Helo) => return "SMTP",
            Some(Verb::Lhlo) if self.state.smtputf8() => &UTF8_LMTP,
            Some(Verb::Lhlo) => &LMTP,
            _ if self.state.smtputf8() => &UTF8_SMTP,
            _ => &ESMTP,
        };
        match (self.is_tls(), self.is_authenticated()) {
            (false, false) => names.0,
            (false, true) => names.1,
            (true, false) => names.2,
            (true, true) => names.3,
        }
    }

    /// What kind of service it is.
    #[must_use]
    pub fn flavour(&self) -> Flavour {
        self.config.flavour
    }

    /// Whether the session is encrypted.
    #[must_use]
    pub fn is_tls(&self) -> bool {
        self.state.channel() == Channel::Tls
    }

    /// Whether AUTH succeeded.
    #[must_use]
    pub const fn is_authenticated(&self) -> bool {
        self.state.is_authenticated()
    }

    /// Whether MAIL was accepted and the transaction is not over.
    #[must_use]
    pub const fn in_transaction(&self) -> bool {
        self.state.in_transaction()
    }

    /// Recipients that were accepted in this transaction.
    #[must_use]
    pub const fn accepted(&self) -> u32 {
        self.state.accepted()
    }

    /// Decisions that the application owes; not to be mixed up with what a client waits for, which its peer owes.
    #[must_use]
    pub fn owed(&self) -> usize {
        self.owed.open()
    }

    /// Whether the client may use this extension: it was offered in the reply to its last EHLO.
    #[must_use]
    pub fn offered(&self, extension: Extension) -> bool {
        self.state.offered().contains(extension)
    }

    /// The configuration in effect.
    #[must_use]
    pub const fn config(&self) -> &Arc<Config> {
        &self.config
    }

    /// What the last call of [`next`](Self::next) took.
    #[must_use]
    pub const fn last_taken(&self) -> Traffic {
        self.taken
    }
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server")
            .field("protocol", &self.protocol())
            .field("in_transaction", &self.in_transaction())
            .field("owed", &self.owed())
            .field("wants", &self.wants())
            .finish_non_exhaustive()
    }
}

/// The host name, what a program says behind it, and what EHLO is told: nothing after HELO. The first line is cut where it would be
/// folded, since a second line is a keyword.
fn hello_text(config: &Config, greet: &str, offer: Option<&Extensions>) -> alloc::string::String {
    use fmt::Write;
    let mut text = alloc::string::String::new();
    let greet = greet.get(..greet.len().min(GREET_LIMIT)).unwrap_or_default();
    let written =
        write!(text, "{}{}{greet}", config.name(), if greet.is_empty() { "" } else { " " })
            .and_then(|()| offer.map_or(Ok(()), |offer| offer.write_lines(&mut text)));
    debug_assert!(written.is_ok(), "a String takes any text");
    text
}

#[cfg(test)]
mod tests;
