//! The application of a fuzzed session: what it says depends on what was sent alone.

use alloc::boxed::Box;
use alloc::format;
use alloc::string::ToString;
use alloc::vec::Vec;

use super::{Policies, Stage};
use crate::server::{Acceptable, Event, Pending, Server, kind};
use crate::{Code, Reply, Verb, stock};

impl Stage {
    /// The application: it knows nobody of the local part `no`, and takes letters of an even number of octets.
    pub(super) fn see(&mut self, event: Event<'_>, input: &mut &[u8]) {
        let policies = self.policies;
        match event {
            Event::Connect(pending) => {
                self.saw("Connect");
                let refused = policies.has(Policies::REFUSE_CONNECTION);
                self.decide(pending, refused.then_some(Code::TRANSACTION_FAILED), input);
            }
            Event::Hello { verb, name, pending } => {
                self.saw(format!("Hello {verb:?} {name}"));
                self.lockstep = verb == Verb::Helo;
                self.decide(pending, None, input);
            }
            Event::Mail { mail, pending } => {
                self.saw(format!("{mail:?}"));
                self.decide(pending, None, input);
            }
            Event::Rcpt { rcpt, pending } => {
                self.saw(format!("{rcpt:?}"));
                let refused = rcpt.to.to_string().starts_with("no@");
                self.decide(pending, refused.then_some(Code::MAILBOX_UNAVAILABLE), input);
            }
            Event::Data { how, pending } => {
                self.saw(format!("{how:?}"));
                self.content = 0;
                let refused = policies.has(Policies::REFUSE_DATA);
                self.decide(pending, refused.then_some(Code::LOCAL_ERROR), input);
            }
            Event::Body(run) => {
                self.content += run.len();
                self.saw_body(run);
            }
            Event::Message { content, pending } => {
                self.saw(format!("{content:?}"));
                let refused = content.octets % 2 == 1;
                self.decide(pending, refused.then_some(Code::MAILBOX_UNAVAILABLE), input);
            }
            Event::Messages { content, pending } => {
                self.saw(format!("each {content:?}"));
                self.judge_each(content.octets, pending, input);
            }
            Event::Chunk(pending) => {
                self.saw("Chunk");
                let refused = self.content % 5 == 4;
                self.decide(pending, refused.then_some(Code::LOCAL_ERROR), input);
            }
            Event::StartTls(pending) => {
                self.saw("StartTls");
                self.start_tls(pending, input);
            }
            Event::Auth { mechanism, initial, pending } => {
                let initial = initial.map(|response| response.decode());
                self.saw(format!("Auth {mechanism} {initial:?}"));
                self.authenticate(initial, pending, input);
            }
            Event::AuthLine { data, pending } => {
                let response = data.decode();
                self.saw(format!("AuthLine {response:?}"));
                self.authenticate(Some(response), pending, input);
            }
            Event::AuthCancelled => {
                self.saw("AuthCancelled");
                self.exchange = false;
            }
            Event::EarlyTalker
            | Event::Reset
            | Event::Refused(_)
            | Event::Aborted(_)
            | Event::Quit
            | Event::Closed { .. } => self.saw(format!("{event:?}")),
            // Its Debug may show a token, which differs from session to session.
            other => self.server.decline(other),
        }
    }

    fn decide<K: Acceptable + 'static>(
        &mut self,
        pending: Pending<K>,
        refusal: Option<Code>,
        input: &mut &[u8],
    ) {
        self.answer(input, move |server, _| {
            let given = match refusal {
                Some(code) => server.reply(pending, &Reply::new(code, None, "Refused")),
                None => server.accept(pending),
            };
            // An answer may find the session over.
            let _ = given;
        });
    }

    fn answer(
        &mut self,
        input: &mut &[u8],
        answer: impl FnOnce(&mut Server, &mut &[u8]) + 'static,
    ) {
        if self.policies.defers() {
            self.owed.push(Box::new(answer));
        } else {
            answer(&mut self.server, input);
        }
    }

    /// Who says a multiple of three octets is let in; two more, and there is another question.
    fn authenticate(
        &mut self,
        response: Option<Vec<u8>>,
        pending: Pending<kind::Auth>,
        input: &mut &[u8],
    ) {
        let step = response.map_or(2, |response| response.len() % 3);
        self.exchange = step == 2;
        self.answer(input, move |server, _| {
            let given = match step {
                0 => server.authenticated(pending),
                1 => server.reply(pending, &stock::BAD_CREDENTIALS.as_ref()),
                _ => server.challenge(pending, b"more"),
            };
            let _ = given;
        });
    }

    /// Every other recipient has no room.
    fn judge_each(&mut self, octets: u64, pending: Pending<kind::Verdicts>, input: &mut &[u8]) {
        self.answer(input, move |server, _| {
            let (mut pending, mut nth) = (Some(pending), octets);
            while let Some(token) = pending.take() {
                let reply = match nth % 2 {
                    0 => Reply::new(Code::OK, None, "Taken"),
                    _ => Reply::new(Code::INSUFFICIENT_STORAGE, None, "Full"),
                };
                pending = server.verdict(token, &reply).ok().flatten();
                nth += 1;
            }
        });
    }

    fn start_tls(&mut self, pending: Pending<kind::StartTls>, input: &mut &[u8]) {
        let refused = self.policies.has(Policies::REFUSE_TLS);
        self.answer(input, move |server, input| {
            let given = match refused {
                true => server.reply(pending, &stock::NO_SECURITY_NOW.as_ref()),
                false => server.accept_tls(pending, input),
            };
            let _ = given;
        });
    }
}
