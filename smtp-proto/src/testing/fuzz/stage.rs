//! A server on the stage of a fuzzer: its driver, its application, and what can be seen from outside.

use alloc::boxed::Box;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::mem;

use crate::data::Newlines;
use crate::server::{
    Acceptable, Config, Early, Event, Pending, Server, StartTls, Traffic, Wants, When, kind,
};
use crate::{Auth, Code, Command, Mechanisms, Reply, Syntax, Verb, stock};

/// How the server is set up and what its application is like, a bit each.
#[derive(Clone, Copy, Debug)]
pub(super) struct Policies(pub(super) [u8; 2]);

impl Policies {
    const NORMALISE: u16 = 1;
    pub(super) const ALLOW_EARLY: u16 = 2;
    const SMALL_LIMITS: u16 = 4;
    const DEFER_ANSWERS: u16 = 8;
    const REFUSE_CONNECTION: u16 = 16;
    const REFUSE_DATA: u16 = 32;
    const SUBMISSION: u16 = 1 << 8;
    const LMTP: u16 = 2 << 8;
    const TLS: u16 = 4 << 8;
    const TLS_REQUIRED: u16 = 8 << 8;
    const AUTH: u16 = 16 << 8;
    const AUTH_REQUIRED: u16 = 32 << 8;
    const REFUSE_TLS: u16 = 64 << 8;
    const IMPLICIT_TLS: u16 = 128 << 8;

    pub(super) const fn has(self, policy: u16) -> bool {
        u16::from_le_bytes(self.0) & policy != 0
    }

    fn config(self) -> Config {
        let config = match (self.has(Self::SUBMISSION), self.has(Self::LMTP)) {
            (true, _) => Config::submission("server.example"),
            (_, true) => Config::lmtp("server.example"),
            _ => Config::new("server.example"),
        };
        let mut config = config.expect("it is a domain");
        if self.has(Self::NORMALISE) {
            config.newlines = Newlines::Normalise;
        }
        if self.has(Self::ALLOW_EARLY) {
            config.early = Early::Allow;
        }
        if self.has(Self::SMALL_LIMITS) {
            config.limits.message = 100;
            config.limits.recipients = 3;
        }
        if self.has(Self::TLS) {
            config.starttls = StartTls::Offered;
        }
        if self.has(Self::TLS_REQUIRED) {
            config.starttls = StartTls::Required;
        }
        if self.has(Self::AUTH) {
            config.auth.in_clear = Mechanisms::of(["PLAIN"]);
        }
        config.auth.in_tls = Mechanisms::of(["PLAIN", "LOGIN"]);
        config.auth.required = self.has(Self::AUTH_REQUIRED);
        config
    }

    fn server(self) -> Server {
        let config = Arc::new(self.config());
        match self.has(Self::IMPLICIT_TLS) {
            true => Server::implicit_tls(config),
            false => Server::new(config),
        }
    }

    /// The recipient limit counts answers that are owed, so that it sees when an answer comes.
    const fn defers(self) -> bool {
        self.has(Self::DEFER_ANSWERS) && !self.has(Self::SMALL_LIMITS)
    }
}

/// A place where the client has to wait (RFC 2920 3.1).
#[derive(Clone, Copy, Debug)]
pub(super) struct Point {
    /// Octets up to the end of the command.
    pub(super) offset: usize,
    /// Octets of replies in front of its own.
    pub(super) replies: usize,
    /// Events in front of its own.
    events: usize,
    pub(super) waits: Waits,
}

/// What ends the session of a client that does not wait.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Waits {
    /// The policy.
    Policy,
    /// The policy, and a refused DATA under any.
    Data,
    /// Any policy (RFC 3207 4.2).
    Tls,
}

/// What can be seen from outside: the replies, the events with the runs of a body joined, and whether the end came.
#[derive(Debug, Default)]
pub(super) struct Outcome {
    pub(super) replies: String,
    events: Vec<String>,
    closed: bool,
    pub(super) points: Vec<Point>,
}

impl Outcome {
    pub(super) fn shown(&self) -> (&str, &[String], bool) {
        (&self.replies, &self.events, self.closed)
    }

    /// The same up to `point`, then 554 in place of the reply, and nothing but the end.
    pub(super) fn ends_early(&self, waiting: &Self, point: Point) -> bool {
        let (before, last) = self.replies.split_at_checked(point.replies).unwrap_or_default();
        let (same, new) = self.events.split_at_checked(point.events).unwrap_or_default();
        self.closed
            && before == &waiting.replies[..point.replies]
            && last.starts_with("554 5.5.0 ")
            && last.find("\r\n") == Some(last.len() - 2)
            && same == &waiting.events[..point.events]
            && new.iter().all(|event| {
                ["Refused", "Closed", "Data", "StartTls"].iter().any(|end| event.starts_with(end))
            })
    }
}

/// RFC 4954 4: only a mechanism that speaks at once may stand inside a group.
fn is_without_initial_response(line: &[u8]) -> bool {
    matches!(
        Command::parse_with(line, Syntax::default()),
        Ok(Command::Auth(Auth { initial: None, .. }))
    )
}

/// What the application does in the end; the octets are those that were not taken yet.
type Answer = Box<dyn FnOnce(&mut Server, &mut &[u8])>;

/// A session in progress: the driver and the application.
pub(super) struct Stage {
    policies: Policies,
    server: Server,
    input: Vec<u8>,
    /// Octets of the session that were presented, and taken or are in `input`.
    presented: usize,
    owed: Vec<Answer>,
    /// After HELO a client has to wait for each reply.
    lockstep: bool,
    /// The next line is a response of AUTH.
    exchange: bool,
    outcome: Outcome,
}

impl Stage {
    pub(super) fn new(policies: Policies) -> Self {
        let mut stage = Self {
            policies,
            server: policies.server(),
            input: Vec::new(),
            presented: 0,
            owed: Vec::new(),
            lockstep: false,
            exchange: false,
            outcome: Outcome::default(),
        };
        stage.drive();
        stage
    }

    /// Octets arrive.
    pub(super) fn present(&mut self, octets: &[u8]) {
        self.input.extend_from_slice(octets);
        self.presented += octets.len();
        self.drive();
    }

    /// The one loop that drives everything.
    fn drive(&mut self) {
        while !self.outcome.closed {
            self.take_events();
            match self.server.wants() {
                Wants::Flush(_) => self.flush(),
                Wants::Read(_) | Wants::Answer(_) if !self.owed.is_empty() => self.answer_owed(),
                Wants::Read(_) => return,
                Wants::Answer(_) => panic!("an answer is owed that nobody was asked for"),
                Wants::Close => {
                    self.flush();
                    self.outcome.closed = true;
                }
                Wants::Tls(_) => {
                    self.lockstep = false;
                    self.server.tls_established();
                }
                Wants::Next => panic!("next was asked until it said nothing"),
            }
        }
    }

    fn take_events(&mut self) {
        let octets = mem::take(&mut self.input);
        let mut input = octets.as_slice();
        loop {
            let before = input;
            let Outcome { replies, events, .. } = &self.outcome;
            let (replies, events) = (replies.len(), events.len());
            let (lockstep, exchange) = (self.lockstep, self.exchange);
            let event = self.server.next(&mut input);
            let taken = self.server.last_taken();
            if matches!(taken, Traffic::Command | Traffic::AuthSecret) && !exchange {
                let line = &before[..before.len() - input.len()];
                self.see_command(
                    line,
                    lockstep,
                    Point {
                        offset: self.presented - input.len(),
                        replies,
                        events,
                        waits: Waits::Policy,
                    },
                );
            }
            let Some(event) = event else {
                break;
            };
            self.see(event, &mut input);
        }
        self.input = input.to_vec();
    }

    /// Of use where commands come one by one: then no other command is in `line`, and no reply is owed.
    fn see_command(&mut self, line: &[u8], lockstep: bool, point: Point) {
        let line = line.strip_suffix(b"\r\n").unwrap_or(line);
        let word = line.split(|octet| b" \t".contains(octet)).next().unwrap_or_default();
        let word = word.to_ascii_uppercase();
        let waits = match word.as_slice() {
            b"EHLO" | b"HELO" | b"LHLO" => Waits::Policy,
            b"DATA" => Waits::Data,
            b"STARTTLS" => Waits::Tls,
            b"AUTH" if lockstep || is_without_initial_response(line) => Waits::Policy,
            b"QUIT" => return,
            _ if lockstep => Waits::Policy,
            _ => return,
        };
        self.outcome.points.push(Point { waits, ..point });
    }

    fn flush(&mut self) {
        let replies = self.server.outgoing();
        self.outcome.replies.push_str(core::str::from_utf8(replies).expect("replies are text"));
        self.server.sent(replies.len());
    }

    /// The last question is answered first.
    fn answer_owed(&mut self) {
        let octets = mem::take(&mut self.input);
        let mut input = octets.as_slice();
        while let Some(answer) = self.owed.pop() {
            answer(&mut self.server, &mut input);
        }
        self.input = input.to_vec();
    }

    /// The application: it knows nobody of the local part `no`, and takes letters of an even number of octets.
    fn see(&mut self, event: Event<'_>, input: &mut &[u8]) {
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
                let refused = policies.has(Policies::REFUSE_DATA);
                self.decide(pending, refused.then_some(Code::LOCAL_ERROR), input);
            }
            Event::Body(run) => self.saw_body(run),
            Event::Message { content, pending } => {
                self.saw(format!("{content:?}"));
                let refused = content.octets % 2 == 1;
                self.decide(pending, refused.then_some(Code::MAILBOX_UNAVAILABLE), input);
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

    fn saw(&mut self, event: impl Into<String>) {
        self.outcome.events.push(event.into());
    }

    /// Runs depend on the cuts, what they are together does not.
    fn saw_body(&mut self, run: &[u8]) {
        assert!(!run.is_empty(), "an event without an octet");
        let run = run.escape_ascii().to_string();
        match self.outcome.events.last_mut() {
            Some(event) if event.starts_with("Body ") => event.push_str(&run),
            _ => self.saw(format!("Body {run}")),
        }
    }

    /// What ends the session where the client does not.
    pub(super) fn end(mut self, ending: u8) -> Outcome {
        match ending % 5 {
            0 => {}
            1 => self.server.eof(),
            2 => {
                if let Some(timer) = self.server.wants().timer() {
                    self.server.timed_out(timer.id);
                }
            }
            ending => {
                let when = if ending == 3 { When::AfterMessage } else { When::Now };
                let reply = Reply::new(Code::UNAVAILABLE, None, "Shutting down");
                self.server.shut_down(&reply, when);
            }
        }
        self.drive();
        self.outcome
    }
}
