//! Tokens of any kind, and answers of any kind to them.

use super::input::Choices;
use crate::server::{Event, Pending, ReplyError, Server, kind};
use crate::{Class, Code, Condition, EnhancedCode, Reply};

const TEXTS: [&str; 5] = ["ok", "", "two\nlines", "\u{e9}\r\n\0 x", "mx.test ESMTP"];

const TAKEN: Reply<'static> = Reply::new(Code::OK, None, "Taken");

/// A token that somebody keeps.
#[derive(Debug)]
pub(super) enum Token {
    Connect(Pending<kind::Connect>),
    Hello(Pending<kind::Hello>),
    Mail(Pending<kind::Mail>),
    Rcpt(Pending<kind::Rcpt>),
    Data(Pending<kind::Data>),
    Message(Pending<kind::Message>),
    Query(Pending<kind::Query>),
    StartTls(Pending<kind::StartTls>),
    Auth(Pending<kind::Auth>),
    Chunk(Pending<kind::Chunk>),
    Verdicts(Pending<kind::Verdicts>),
}

impl Token {
    /// The token of an event, or the event that has none.
    pub(super) fn of(event: Event<'_>) -> Result<Self, Event<'_>> {
        Ok(match event {
            Event::Connect(pending) => Self::Connect(pending),
            Event::Hello { pending, .. } => Self::Hello(pending),
            Event::Mail { pending, .. } => Self::Mail(pending),
            Event::Rcpt { pending, .. } => Self::Rcpt(pending),
            Event::Data { pending, .. } => Self::Data(pending),
            Event::Message { pending, .. } => Self::Message(pending),
            Event::Query { pending, .. } => Self::Query(pending),
            Event::StartTls(pending) => Self::StartTls(pending),
            Event::Auth { pending, .. } | Event::AuthLine { pending, .. } => Self::Auth(pending),
            Event::Chunk(pending) => Self::Chunk(pending),
            Event::Messages { pending, .. } => Self::Verdicts(pending),
            other => return Err(other),
        })
    }

    /// Accepts; `input` is what was presented and not taken.
    pub(super) fn accept(self, server: &mut Server, input: &mut &[u8]) -> Result<(), ReplyError> {
        match self {
            Self::Connect(pending) => server.accept(pending),
            Self::Hello(pending) => server.accept(pending),
            Self::Mail(pending) => server.accept(pending),
            Self::Rcpt(pending) => server.accept(pending),
            Self::Data(pending) => server.accept(pending),
            Self::Message(pending) => server.accept(pending),
            Self::Query(pending) => server.reply(pending, &Reply::new(Code::OK, None, "someone")),
            Self::StartTls(pending) => server.accept_tls(pending, input),
            Self::Auth(pending) => server.authenticated(pending),
            Self::Chunk(pending) => server.accept(pending),
            Self::Verdicts(pending) => server.reply(pending, &TAKEN),
        }
    }

    /// Goes on with an exchange, or with the verdicts; accepts all else.
    pub(super) fn challenge(
        self,
        server: &mut Server,
        input: &mut &[u8],
        data: &[u8],
    ) -> Result<(), ReplyError> {
        match self {
            Self::Auth(pending) => server.challenge(pending, data),
            // The token of the recipients who are left is dropped.
            Self::Verdicts(pending) => server.verdict(pending, &TAKEN).map(drop),
            other => other.accept(server, input),
        }
    }

    pub(super) fn reply(self, server: &mut Server, reply: &Reply<'_>) -> Result<(), ReplyError> {
        match self {
            Self::Connect(pending) => server.reply(pending, reply),
            Self::Hello(pending) => server.reply(pending, reply),
            Self::Mail(pending) => server.reply(pending, reply),
            Self::Rcpt(pending) => server.reply(pending, reply),
            Self::Data(pending) => server.reply(pending, reply),
            Self::Message(pending) => server.reply(pending, reply),
            Self::Query(pending) => server.reply(pending, reply),
            Self::StartTls(pending) => server.reply(pending, reply),
            Self::Auth(pending) => server.reply(pending, reply),
            Self::Chunk(pending) => server.reply(pending, reply),
            Self::Verdicts(pending) => server.reply(pending, reply),
        }
    }
}

/// Any reply: any code, an enhanced code or none, a text that may not stand so on the wire.
pub(super) fn any_reply(choices: &mut Choices<'_>) -> Reply<'static> {
    let codes =
        [200, 211, 214, 220, 221, 235, 250, 251, 252, 334, 354, 421, 450, 451, 521, 550, 554];
    let number = match choices.below(codes.len() + 3) {
        known if known < codes.len() => codes[known],
        _ => u16::try_from(200 + choices.number() % 400).unwrap_or(250),
    };
    let code = Code::new(number).unwrap_or(Code::OK);
    let class = choices.pick(&[Class::Completion, Class::Transient, Class::Permanent]);
    let enhanced = match choices.below(3) {
        0 => None,
        1 => EnhancedCode::new(code.class(), Condition::OTHER_UNDEFINED_STATUS),
        _ => EnhancedCode::new(class, Condition::DELIVERY_NOT_AUTHORIZED),
    };
    Reply::new(code, enhanced, choices.pick(&TEXTS))
}
