//! What the fuzz targets check; each target in `fuzz_targets/` calls one function of this crate.

use std::collections::HashSet;
use std::mem;
use std::sync::Arc;

use smtp_proto::data::Newlines;
use smtp_proto::server::{Acceptable, Config, Early, Event, Pending, Server, Traffic, Wants, When};
use smtp_proto::{Code, Reply, Verb};

/// Cut invariance: what the server machine does depends on the octets and the synchronisation points alone.
///
/// A session that waits at each of them is answered alike however its octets come together. One that does not wait at
/// one is told `554 5.5.0` there, in place of the reply, and that is its end. The first octets of `data` say how the
/// server is set up, how the session ends and where it is cut; the rest is what the client sends.
///
/// # Panics
///
/// When anything else is seen, or when the machine panics.
pub fn server_session(data: &[u8]) {
    let Some((&[policies, ending, ref cuts @ ..], octets)) = data.split_first_chunk::<10>() else {
        return;
    };
    let scene = Scene { policies: Policies(policies), ending };
    let waiting = scene.play(octets.chunks(1));
    for pieces in [vec![octets], pieces(octets, cuts)] {
        let seen = scene.play(pieces.iter().copied());
        match scene.breach(&waiting, &pieces) {
            Some(point) => {
                assert!(seen.ends_early(&waiting, point), "{seen:#?}\nat {point:?} of {waiting:#?}")
            }
            None => assert_eq!(seen.shown(), waiting.shown(), "cut as {}", shown(&pieces)),
        }
    }
}

/// The pieces as a person reads them.
fn shown(pieces: &[&[u8]]) -> String {
    let pieces: Vec<String> = pieces.iter().map(|piece| piece.escape_ascii().to_string()).collect();
    pieces.join(" | ")
}

/// Cuts as these octets say, again from the first when they run out: up to 15 behind so many lines and one, the others
/// behind so many octets.
fn pieces<'o>(mut octets: &'o [u8], cuts: &[u8]) -> Vec<&'o [u8]> {
    let mut pieces = Vec::new();
    for cut in cuts.iter().cycle() {
        let length = match usize::from(*cut) {
            lines @ ..16 => octets
                .split_inclusive(|octet| *octet == b'\n')
                .take(lines + 1)
                .map(<[u8]>::len)
                .sum(),
            octets => octets - 15,
        };
        let piece;
        (piece, octets) = octets.split_at(length.min(octets.len()));
        if piece.is_empty() {
            break;
        }
        pieces.push(piece);
    }
    pieces
}

/// How the server is set up and what its application is like, a bit each.
#[derive(Clone, Copy)]
struct Policies(u8);

impl Policies {
    const NORMALISE: u8 = 1;
    const ALLOW_EARLY: u8 = 2;
    const SMALL_LIMITS: u8 = 4;
    const DEFER_ANSWERS: u8 = 8;
    const REFUSE_CONNECTION: u8 = 16;
    const REFUSE_DATA: u8 = 32;

    const fn has(self, policy: u8) -> bool {
        self.0 & policy != 0
    }

    fn config(self) -> Config {
        let mut config = Config::new("server.example").expect("it is a domain");
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
        config
    }

    /// The recipient limit counts answers that are owed, so that it sees when an answer comes.
    const fn defers(self) -> bool {
        self.has(Self::DEFER_ANSWERS) && !self.has(Self::SMALL_LIMITS)
    }
}

/// One session but for its cuts.
#[derive(Clone, Copy)]
struct Scene {
    policies: Policies,
    ending: u8,
}

impl Scene {
    fn play<'o>(self, pieces: impl IntoIterator<Item = &'o [u8]>) -> Outcome {
        let mut stage = Stage {
            policies: self.policies,
            server: Server::new(Arc::new(self.policies.config())),
            input: Vec::new(),
            presented: 0,
            owed: Vec::new(),
            lockstep: false,
            outcome: Outcome::default(),
        };
        stage.drive();
        for piece in pieces {
            stage.input.extend_from_slice(piece);
            stage.presented += piece.len();
            stage.drive();
        }
        stage.end(self.ending);
        stage.outcome
    }

    /// The first synchronisation point at which a session that is cut into these pieces does not wait, where that ends it.
    fn breach(self, waiting: &Outcome, pieces: &[&[u8]]) -> Option<Point> {
        let mut ends = HashSet::new();
        let length = pieces.iter().fold(0, |end, piece| {
            ends.insert(end + piece.len());
            end + piece.len()
        });
        let mut points = waiting.points.iter().copied().filter(|point| point.offset < length);
        points.find(|point| {
            let refused_data =
                point.is_data && !waiting.replies[point.replies..].starts_with("354 ");
            !ends.contains(&point.offset)
                && (!self.policies.has(Policies::ALLOW_EARLY) || refused_data)
        })
    }
}

/// A place where the client has to wait (RFC 2920 3.1).
#[derive(Clone, Copy, Debug)]
struct Point {
    /// Octets up to the end of the command.
    offset: usize,
    /// Octets of replies in front of its own.
    replies: usize,
    /// Events in front of its own.
    events: usize,
    is_data: bool,
}

/// What can be seen from outside: the replies, the events with the runs of a body joined, and whether the end came.
#[derive(Debug, Default)]
struct Outcome {
    replies: String,
    events: Vec<String>,
    closed: bool,
    points: Vec<Point>,
}

impl Outcome {
    fn shown(&self) -> (&str, &[String], bool) {
        (&self.replies, &self.events, self.closed)
    }

    /// The same up to `point`, then 554 in place of the reply, and nothing but the end.
    fn ends_early(&self, waiting: &Self, point: Point) -> bool {
        let (before, last) = self.replies.split_at_checked(point.replies).unwrap_or_default();
        let (same, new) = self.events.split_at_checked(point.events).unwrap_or_default();
        self.closed
            && before == &waiting.replies[..point.replies]
            && last.starts_with("554 5.5.0 ")
            && last.find("\r\n") == Some(last.len() - 2)
            && same == &waiting.events[..point.events]
            && new
                .iter()
                .all(|event| ["Refused", "Closed", "Data"].iter().any(|end| event.starts_with(end)))
    }
}

type Answer = Box<dyn FnOnce(&mut Server)>;

/// A session in progress: the driver and the application.
struct Stage {
    policies: Policies,
    server: Server,
    input: Vec<u8>,
    /// Octets of the session that were presented, and taken or are in `input`.
    presented: usize,
    owed: Vec<Answer>,
    /// After HELO a client has to wait for each reply.
    lockstep: bool,
    outcome: Outcome,
}

impl Stage {
    /// The one loop that drives everything.
    fn drive(&mut self) {
        while !self.outcome.closed {
            self.take_events();
            match self.server.wants() {
                Wants::Flush(_) => self.flush(),
                Wants::Read(_) | Wants::Answer(_) if !self.owed.is_empty() => self.answer_owed(),
                Wants::Read(_) => return,
                Wants::Close => {
                    self.flush();
                    self.outcome.closed = true;
                }
                other => panic!("the machine wants {other:?}"),
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
            let lockstep = self.lockstep;
            let event = self.server.next(&mut input);
            if self.server.last_taken() == Traffic::Command {
                let line = &before[..before.len() - input.len()];
                self.see_command(
                    line,
                    lockstep,
                    Point { offset: self.presented - input.len(), replies, events, is_data: false },
                );
            }
            let Some(event) = event else {
                break;
            };
            self.see(event);
        }
        self.input = input.to_vec();
    }

    /// Of use where commands come one by one: then no other command is in `line`, and no reply is owed.
    fn see_command(&mut self, line: &[u8], lockstep: bool, point: Point) {
        let line = line.strip_suffix(b"\r\n").unwrap_or(line);
        let word = line.split(|octet| b" \t".contains(octet)).next().unwrap_or_default();
        let word = word.to_ascii_uppercase();
        let waits = [&b"EHLO"[..], b"HELO", b"LHLO", b"DATA"].contains(&word.as_slice());
        if waits || (lockstep && word != b"QUIT") {
            self.outcome.points.push(Point { is_data: word == b"DATA", ..point });
        }
    }

    fn flush(&mut self) {
        let replies = self.server.outgoing();
        self.outcome.replies.push_str(std::str::from_utf8(replies).expect("replies are text"));
        self.server.sent(replies.len());
    }

    /// The last question is answered first.
    fn answer_owed(&mut self) {
        while let Some(answer) = self.owed.pop() {
            answer(&mut self.server);
        }
    }

    /// The application: it knows nobody of the local part `no`, and takes letters of an even number of octets.
    fn see(&mut self, event: Event<'_>) {
        let policies = self.policies;
        match event {
            Event::Connect(pending) => {
                self.saw("Connect");
                let refused = policies.has(Policies::REFUSE_CONNECTION);
                self.decide(pending, refused.then_some(Code::TRANSACTION_FAILED));
            }
            Event::Hello { verb, name, pending } => {
                self.saw(format!("Hello {verb:?} {name}"));
                self.lockstep = verb == Verb::Helo;
                self.decide(pending, None);
            }
            Event::Mail { mail, pending } => {
                self.saw(format!("{mail:?}"));
                self.decide(pending, None);
            }
            Event::Rcpt { rcpt, pending } => {
                self.saw(format!("{rcpt:?}"));
                let refused = rcpt.to.to_string().starts_with("no@");
                self.decide(pending, refused.then_some(Code::MAILBOX_UNAVAILABLE));
            }
            Event::Data { how, pending } => {
                self.saw(format!("{how:?}"));
                let refused = policies.has(Policies::REFUSE_DATA);
                self.decide(pending, refused.then_some(Code::LOCAL_ERROR));
            }
            Event::Body(run) => self.saw_body(run),
            Event::Message { content, pending } => {
                self.saw(format!("{content:?}"));
                let refused = content.octets % 2 == 1;
                self.decide(pending, refused.then_some(Code::MAILBOX_UNAVAILABLE));
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

    fn decide<K: Acceptable + 'static>(&mut self, pending: Pending<K>, refusal: Option<Code>) {
        let answer = move |server: &mut Server| {
            let given = match refusal {
                Some(code) => server.reply(pending, &Reply::new(code, None, "Refused")),
                None => server.accept(pending),
            };
            // An answer may find the session over.
            let _ = given;
        };
        if self.policies.defers() {
            self.owed.push(Box::new(answer));
        } else {
            answer(&mut self.server);
        }
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
    fn end(&mut self, ending: u8) {
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
    }
}
