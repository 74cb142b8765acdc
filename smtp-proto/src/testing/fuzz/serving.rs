//! A server in the hands of a hostile caller.

use alloc::sync::Arc;
use alloc::vec::Vec;

use bytes::BytesMut;

use super::input::Choices;
use super::tokens::{Token, any_reply};
use crate::TimerId;
use crate::server::{Config, Event, ReplyError, Server, Wants, When};

/// How many calls are enough to end any session that is only asked to.
const LAST_CALLS: usize = 10_000;

/// A server, what it was given and what it wrote.
pub(super) struct Serving {
    server: Server,
    config: Arc<Config>,
    kept: Vec<u8>,
    wrote: Vec<u8>,
    timers: Vec<TimerId>,
    closed: usize,
}

impl Serving {
    pub(super) fn new(config: &Arc<Config>) -> Self {
        Self {
            server: Server::new(Arc::clone(config)),
            config: Arc::clone(config),
            kept: Vec::new(),
            wrote: Vec::new(),
            timers: Vec::new(),
            closed: 0,
        }
    }

    pub(super) fn call(
        &mut self,
        number: usize,
        choices: &mut Choices<'_>,
        tokens: &mut Vec<(usize, Token)>,
    ) {
        self.timers.extend(self.server.wants().timer().map(|timer| timer.id));
        match choices.below(21) {
            0..=6 => {
                self.kept.extend_from_slice(choices.run(80));
                self.next(number, tokens);
            }
            7 => {
                self.kept = choices.run(80).to_vec();
                self.next(number, tokens);
            }
            8..=11 => self.answer(number, choices, tokens),
            12 => {
                let octets = choices.number();
                self.sent(octets);
            }
            13 => {
                let spare = BytesMut::from(choices.run(3));
                let taken = self.server.take_outgoing(spare);
                self.wrote.extend_from_slice(&taken);
            }
            14 if !self.timers.is_empty() => {
                let id = choices.pick(&self.timers);
                self.server.timed_out(id);
            }
            15 => self.server.eof(),
            16 => self.server.abandon(),
            17 => {
                let when = choices.pick(&[When::AfterMessage, When::Now]);
                self.server.shut_down(&any_reply(choices), when);
            }
            19 => {
                self.server.tls_established();
            }
            18 => self.server.reconfigure(Arc::clone(&self.config)),
            _ => self.sent(usize::MAX),
        }
    }

    /// Takes all events; `tokens` gets theirs.
    fn next(&mut self, number: usize, tokens: &mut Vec<(usize, Token)>) {
        let mut input = &self.kept[..];
        while let Some(event) = self.server.next(&mut input) {
            match Token::of(event) {
                Ok(token) => tokens.push((number, token)),
                Err(Event::Closed { .. }) => self.closed += 1,
                Err(Event::Body(run)) => assert!(!run.is_empty(), "a run without an octet"),
                Err(other) => self.server.decline(other),
            }
        }
        self.kept = input.to_vec();
        assert_ne!(self.server.wants(), Wants::Next, "next said None");
        assert!(self.closed <= 1, "closed twice");
    }

    fn answer(
        &mut self,
        number: usize,
        choices: &mut Choices<'_>,
        tokens: &mut Vec<(usize, Token)>,
    ) {
        if tokens.is_empty() {
            return;
        }
        let (of, token) = tokens.swap_remove(choices.number() % tokens.len());
        if choices.once_in(4) {
            // It is dropped.
            return;
        }
        let before = self.server.owed();
        let kept = core::mem::take(&mut self.kept);
        let mut input = &kept[..];
        let given = match choices.below(4) {
            1 => token.reply(&mut self.server, &any_reply(choices)),
            2 => token.challenge(&mut self.server, &mut input, choices.run(9)),
            _ => token.accept(&mut self.server, &mut input),
        };
        self.kept = input.to_vec();
        match given {
            Err(ReplyError::Foreign) => assert_ne!(of, number, "its own token is foreign"),
            _ => assert_eq!(of, number, "{given:?} for a token of another session"),
        }
        if matches!(given, Err(ReplyError::Foreign | ReplyError::Late)) {
            assert_eq!(self.server.owed(), before, "{given:?} answers nothing");
        }
    }

    fn sent(&mut self, octets: usize) {
        let outgoing = self.server.outgoing();
        self.wrote.extend_from_slice(&outgoing[..octets.min(outgoing.len())]);
        self.server.sent(octets);
    }

    pub(super) fn end(mut self, number: usize, tokens: &mut Vec<(usize, Token)>) {
        self.server.eof();
        for _ in 0..LAST_CALLS {
            self.next(number, tokens);
            match self.server.wants() {
                Wants::Flush(_) => self.sent(usize::MAX),
                Wants::Answer(_) => self.server.abandon(),
                Wants::Close => {
                    assert_eq!(self.closed, 1, "the end is told once");
                    return are_replies(&self.wrote);
                }
                other => panic!("after the end of its input the server wants {other:?}"),
            }
        }
        panic!("the server does not end: {:?}", self.server);
    }
}

/// Every line that is whole is a line of a reply.
fn are_replies(wrote: &[u8]) {
    let whole = wrote.len() - wrote.iter().rev().take_while(|octet| **octet != b'\n').count();
    for line in wrote[..whole].split_inclusive(|octet| *octet == b'\n') {
        let text = line.strip_suffix(b"\r\n").unwrap_or_else(|| panic!("{line:?}"));
        let (code, text) = text.split_at(3);
        assert!(code.iter().all(u8::is_ascii_digit), "{line:?}");
        assert!(matches!(text.first(), None | Some(b' ' | b'-')), "{line:?}");
        assert!(
            text.iter().all(|octet| (b' '..=b'~').contains(octet) || *octet == b'\t'),
            "{line:?}"
        );
    }
}
