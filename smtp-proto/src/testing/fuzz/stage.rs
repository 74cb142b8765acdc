//! A server on the stage of a fuzzer: its driver, its application, and what can be seen from outside.

mod application;

use alloc::boxed::Box;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::mem;

use super::policies::Policies;
use crate::server::{Event, Server, Traffic, Wants, When};
use crate::{Auth, Code, Command, Reply, Syntax};

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
                ["Refused", "Aborted", "Closed", "Data", "StartTls"]
                    .iter()
                    .any(|end| event.starts_with(end))
            })
    }
}

/// No line under it is over-long, and what is taken of a line that is, is no shorter.
const LEAST_LONG: usize = 510;

/// The first word of a line, in upper case.
fn word(line: &[u8]) -> Vec<u8> {
    line.split(|octet| b" \t".contains(octet)).next().unwrap_or_default().to_ascii_uppercase()
}

/// RFC 4954 4: only a mechanism that speaks at once may stand inside a group.
fn is_without_initial_response(line: &[u8]) -> bool {
    matches!(
        Command::parse_with(line, Syntax::default()),
        Ok(Command::Auth(Auth { initial: None, .. }))
    ) && line.len() < LEAST_LONG
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
    /// The octets of a BDAT are read that will be refused, and behind them the client waits.
    chunk: bool,
    /// What the over-long line begins with of which a part was taken.
    long: Vec<u8>,
    /// Octets of the content that came.
    content: usize,
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
            chunk: false,
            long: Vec::new(),
            content: 0,
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
            let line = &before[..before.len() - input.len()];
            // Nothing is told of the front of an over-long line, which is taken as it comes.
            let whole = event.is_some() || line.ends_with(b"\r\n");
            if !whole && line.len() > 1 {
                self.long = line.to_vec();
            }
            let long = if event.is_some() { mem::take(&mut self.long) } else { Vec::new() };
            let is_command = matches!(taken, Traffic::Command | Traffic::AuthSecret);
            let offset = self.presented - input.len();
            let point = Point { offset, replies, events, waits: Waits::Policy };
            if mem::take(&mut self.chunk) {
                match event {
                    Some(Event::Refused(_)) => self.outcome.points.push(point),
                    Some(_) => {}
                    None => self.chunk = true,
                }
            } else if (is_command || !long.is_empty()) && !exchange && whole {
                // A chunk that is refused at once ends the session.
                self.chunk = lockstep && event.is_none() && word(line) == b"BDAT";
                self.see_command(if long.is_empty() { line } else { &long }, lockstep, point);
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
        let waits = match word(line).as_slice() {
            b"EHLO" | b"HELO" | b"LHLO" => Waits::Policy,
            b"DATA" => Waits::Data,
            b"STARTTLS" => Waits::Tls,
            b"AUTH" if lockstep || is_without_initial_response(line) => Waits::Policy,
            b"QUIT" | b"BDAT" => return,
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
