//! Answers that are owed: the tokens that stand for them, and the queue that keeps replies in the order of the commands.

use alloc::collections::VecDeque;
use core::fmt;
use core::marker::PhantomData;

use super::Why;
use crate::wire::ready;
use crate::{Class, Code, Condition, Reply, ReplyBuf};

/// A decision that the application owes: moved into the answer, so that nothing is answered twice.
///
/// `K` says what is to be decided, so that a RCPT cannot be answered as if it were a message. The token borrows nothing and may cross
/// threads and awaits. One that is dropped is answered 451 4.3.0 when the time for the answer is over.
///
/// ```compile_fail
/// # use smtp_proto::server::{Pending, Server, kind};
/// fn twice(server: &mut Server, pending: Pending<kind::Rcpt>) {
///     server.accept(pending);
///     server.accept(pending); // it was moved
/// }
/// ```
#[must_use = "an answer is owed: the peer waits for it"]
pub struct Pending<K> {
    pub(super) serial: u32,
    pub(super) session: u32,
    kind: PhantomData<fn() -> K>,
}

impl<K> Pending<K> {
    pub(super) const fn new(serial: u32, session: u32) -> Self {
        Self { serial, session, kind: PhantomData }
    }
}

impl<K> fmt::Debug for Pending<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Pending({}:{})", self.session, self.serial)
    }
}

/// What can be decided: the type in a [`Pending`].
pub mod kind {
    macro_rules! kinds {
        ($($name:ident $meaning:literal)*) => {
            $(
                #[doc = $meaning]
                #[derive(Debug)]
                #[expect(clippy::exhaustive_enums, reason = "a name for the compiler; it has no value")]
                pub enum $name {}

                impl super::sealed::Sealed for $name {}

                impl super::Kind for $name {
                    const QUESTION: super::Question = super::Question::$name;
                }
            )*
        };
    }

    kinds! {
        Connect "Whether to serve this peer at all: 220, or 421, 521 or 554."
        Hello "What to answer to EHLO and HELO: 250, or 4yz or 5yz."
        Mail "Whether to take messages from this sender."
        Rcpt "Whether to take the message for this recipient."
        Data "Whether to read the content now: 354, or 4yz or 5yz."
        Message "Whether the message was taken: 2yz only when it is safe."
        Chunk "Whether a chunk that is not the last was taken."
        Verdicts "LMTP: whether the message was taken, for each accepted recipient."
        StartTls "Whether to begin TLS now: by `accept_tls`, or 454 4.7.0."
        Auth "What to say in the exchange of AUTH: a challenge, 235, or 4yz or 5yz."
        Query "What to answer to VRFY and EXPN."
        Extension "What to answer to a declared verb."
    }
}

/// What is asked, as a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[doc(hidden)]
#[non_exhaustive]
#[expect(unnameable_types, reason = "part of a sealed trait")]
pub enum Question {
    Connect,
    Hello,
    Mail,
    Rcpt,
    Data,
    Message,
    Chunk,
    Verdicts,
    StartTls,
    Auth,
    Query,
    Extension,
}

/// A question that can be answered by a reply; the types of [`kind`] are all there are.
pub trait Kind: sealed::Sealed {
    #[doc(hidden)]
    const QUESTION: Question;
}

/// A question that has a stock positive reply: all but a query.
pub trait Acceptable: Kind {}

impl Acceptable for kind::Connect {}
impl Acceptable for kind::Hello {}
impl Acceptable for kind::Mail {}
impl Acceptable for kind::Rcpt {}
impl Acceptable for kind::Data {}
impl Acceptable for kind::Message {}
impl Acceptable for kind::Chunk {}
impl Acceptable for kind::Verdicts {}

mod sealed {
    #[expect(unnameable_types, reason = "what cannot be named cannot be implemented elsewhere")]
    pub trait Sealed {}
}

impl Question {
    /// Whether a reply of this code can answer the question (RFC 5321 4.3.2).
    pub(super) fn suits(self, code: Code) -> bool {
        match code.class() {
            Class::Transient | Class::Permanent => true,
            Class::Intermediate => self == Self::Data && code == Code::START_MAIL_INPUT,
            Class::Completion => match self {
                Self::Connect => code == Code::READY,
                Self::Hello => code == Code::OK,
                // TLS begins by `accept_tls` alone.
                Self::Data | Self::StartTls => false,
                Self::Auth => code == Code::AUTHENTICATED,
                Self::Mail
                | Self::Rcpt
                | Self::Message
                | Self::Chunk
                | Self::Verdicts
                | Self::Query
                | Self::Extension => {
                    !matches!(code, Code::READY | Code::CLOSING | Code::AUTHENTICATED)
                }
            },
        }
    }

    /// The condition of a positive reply that names none.
    pub(super) const fn condition(self) -> Condition {
        match self {
            Self::Mail => Condition::OTHER_ADDRESS_STATUS,
            Self::Rcpt => Condition::DESTINATION_ADDRESS_VALID,
            Self::Auth => Condition::OTHER_SECURITY_STATUS,
            _ => Condition::OTHER_UNDEFINED_STATUS,
        }
    }

    /// Whether its positive reply carries an enhanced code: the 220 and the 250 to EHLO begin with the host name (RFC 2034 4).
    pub(super) const fn has_enhanced(self, class: Class) -> bool {
        !matches!((self, class), (Self::Connect | Self::Hello, Class::Completion))
    }

    /// The stock positive reply; to that of `Connect` and `Hello` the host name is added, to `Connect` what is spoken, too.
    pub(super) const fn stock(self) -> Reply<'static> {
        match self {
            Self::Mail => ready!(OK 250, 1 0, "Sender accepted"),
            Self::Rcpt => ready!(OK 250, 1 5, "Recipient accepted"),
            Self::Data => ready!(START_MAIL_INPUT 354, "Start mail input; end with <CRLF>.<CRLF>"),
            Self::Message | Self::Verdicts => ready!(OK 250, 0 0, "Message accepted"),
            Self::Chunk => ready!(OK 250, 0 0, "Chunk accepted"),
            Self::Connect => Reply::new(Code::READY, None, ""),
            Self::StartTls => ready!(READY 220, 0 0, "Ready to start TLS"),
            Self::Auth => ready!(AUTHENTICATED 235, 7 0, "Authentication succeeded"),
            Self::Hello | Self::Query | Self::Extension => Reply::new(Code::OK, None, ""),
        }
    }
}

/// Why an answer was not taken. The session goes on in each case.
///
/// ```
/// use std::sync::Arc;
/// use smtp_proto::server::{Config, Event, ReplyError, Server};
///
/// let config = Arc::new(Config::new("mx.test")?);
/// let (mut one, mut other) = (Server::new(config.clone()), Server::new(config));
/// let Some(Event::Connect(pending)) = one.next(&mut &b""[..]) else { panic!() };
/// assert_eq!(other.accept(pending), Err(ReplyError::Foreign));
/// # Ok::<(), smtp_proto::ParseError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum ReplyError {
    /// The reply cannot answer this command, such as 354 to RCPT: 451 4.3.0 was sent in its place.
    #[error("this reply cannot answer this command; the peer was told 451")]
    Unsuitable,
    /// This many octets stood behind STARTTLS when it was accepted: 554 5.5.0 was sent in its place, and the session is over (RFC 3207 4.2).
    #[error("{0} octets came behind STARTTLS before TLS began")]
    Injected(usize),
    /// The token is of another session.
    #[error("the token belongs to another session")]
    Foreign,
    /// The time for the answer was over, or the session is.
    #[error("the answer came too late")]
    Late,
}

#[cfg(feature = "std")]
impl From<ReplyError> for std::io::Error {
    fn from(error: ReplyError) -> Self {
        Self::other(error)
    }
}

/// A command whose reply is not written yet.
#[derive(Debug)]
struct Slot {
    /// `None` for an automatic reply that stands behind a decision.
    question: Option<Question>,
    reply: Option<ReplyBuf>,
    /// The session ends behind this reply.
    closes: Option<Why>,
}

/// The room that is kept when nothing is owed: an idle session holds next to nothing.
const SLOTS_KEPT: usize = 8;

/// The commands that wait for their replies, oldest first. Their serial numbers are consecutive.
pub(super) struct Owed {
    slots: VecDeque<Slot>,
    /// The serial number of the oldest.
    front: u32,
    session: u32,
}

/// The commands alone: their numbers say nothing of what comes next.
impl fmt::Debug for Owed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.slots.fmt(f)
    }
}

impl Owed {
    pub(super) const fn new(session: u32) -> Self {
        Self { slots: VecDeque::new(), front: 0, session }
    }

    #[inline]
    pub(super) fn is_empty(&self) -> bool {
        self.slots.is_empty()
    }

    pub(super) fn len(&self) -> usize {
        self.slots.len()
    }

    /// Decisions that are not made.
    pub(super) fn open(&self) -> usize {
        self.slots.iter().filter(|slot| slot.reply.is_none()).count()
    }

    /// What the oldest decision is about.
    pub(super) fn question(&self) -> Option<Question> {
        self.slots.front().and_then(|slot| slot.question)
    }

    /// The number of the oldest: it changes when that one is answered.
    pub(super) const fn front(&self) -> u32 {
        self.front
    }

    /// Whether a RCPT may overtake what is owed: everything in front of it is a RCPT, or answered.
    pub(super) fn only_rcpt(&self) -> bool {
        self.slots.iter().all(|slot| matches!(slot.question, None | Some(Question::Rcpt)))
    }

    #[inline]
    pub(super) fn ask<K: Kind>(&mut self) -> Pending<K> {
        let serial = self.front.wrapping_add(u32::try_from(self.slots.len()).unwrap_or(u32::MAX));
        self.slots.push_back(Slot { question: Some(K::QUESTION), reply: None, closes: None });
        Pending::new(serial, self.session)
    }

    /// Keeps an automatic reply at its command's place.
    pub(super) fn hold(&mut self, reply: ReplyBuf, closes: Option<Why>) {
        self.slots.push_back(Slot { question: None, reply: Some(reply), closes });
    }

    /// Whether the session ends once everything here is answered.
    pub(super) fn closes(&self) -> bool {
        let ends = |slot: &Slot| {
            let unavailable = |reply: &ReplyBuf| reply.as_ref().code() == Code::UNAVAILABLE;
            slot.closes.is_some() || slot.reply.as_ref().is_some_and(unavailable)
        };
        self.slots.iter().any(ends)
    }

    /// Where the decision of this token stands.
    #[inline]
    pub(super) fn find<K: Kind>(&self, pending: &Pending<K>) -> Result<usize, ReplyError> {
        if pending.session != self.session {
            return Err(ReplyError::Foreign);
        }
        let index = usize::try_from(pending.serial.wrapping_sub(self.front))
            .map_err(|_| ReplyError::Late)?;
        let open = self
            .slots
            .get(index)
            .is_some_and(|slot| slot.reply.is_none() && slot.question == Some(K::QUESTION));
        if open { Ok(index) } else { Err(ReplyError::Late) }
    }

    /// Puts the reply of a decision behind others in its place.
    pub(super) fn put(&mut self, index: usize, reply: ReplyBuf) {
        if let Some(slot) = self.slots.get_mut(index) {
            slot.reply = Some(reply);
        }
    }

    /// Drops the oldest, which was answered.
    #[inline]
    pub(super) fn pop(&mut self) {
        if self.slots.pop_front().is_some() {
            self.front = self.front.wrapping_add(1);
        }
        if self.slots.is_empty() && self.slots.capacity() > SLOTS_KEPT {
            self.slots = VecDeque::new();
        }
    }

    /// The reply of the oldest, where it is known, and why the session ends behind it; it is dropped.
    pub(super) fn pop_ready(&mut self) -> Option<(ReplyBuf, Option<Why>)> {
        let slot = self.slots.front_mut()?;
        let (reply, closes) = (slot.reply.take()?, slot.closes);
        self.pop();
        Some((reply, closes))
    }

    /// The oldest decision that is not made.
    pub(super) fn first_open(&self) -> Option<(usize, Question)> {
        self.slots.iter().enumerate().find_map(|(index, slot)| {
            slot.question.filter(|_| slot.reply.is_none()).map(|question| (index, question))
        })
    }

    /// Nothing is owed any more: tokens that are out are late.
    pub(super) fn clear(&mut self) {
        while !self.is_empty() {
            self.pop();
        }
    }
}
