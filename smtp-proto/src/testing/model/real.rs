//! The machine under test, its peer and its application, and what is seen of them.

use alloc::collections::VecDeque;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;

use super::alphabet::{Answer, Input, Which};
use super::reference::{Question, Seen, Taken};
use crate::server::{Config, Event, Kind, Pending, ReplyError, Server, Wants, kind};
use crate::{Code, Reply, TimerId};

/// A token that the application kept.
#[derive(Debug)]
enum Token {
    Connect(Pending<kind::Connect>),
    Hello(Pending<kind::Hello>),
    Mail(Pending<kind::Mail>),
    Rcpt(Pending<kind::Rcpt>),
    Data(Pending<kind::Data>),
    Chunk(Pending<kind::Chunk>),
    Verdicts(Pending<kind::Verdicts>),
    Message(Pending<kind::Message>),
    StartTls(Pending<kind::StartTls>),
    Auth(Pending<kind::Auth>),
}

/// A session with its peer and its application.
#[derive(Debug)]
pub(super) struct Real {
    server: Server,
    /// What the machine did not take.
    input: Vec<u8>,
    /// For each line in the input its octets and the answer to what is asked about it.
    lines: VecDeque<(usize, Answer)>,
    answer: Answer,
    kept: Vec<Token>,
    seen: Vec<Seen>,
    /// The wait of the step before.
    stale: Option<TimerId>,
    over: bool,
}

impl Real {
    /// A session that has asked about its connection.
    pub(super) fn open(config: &Arc<Config>) -> Self {
        let mut real = Self {
            server: Server::new(Arc::clone(config)),
            input: Vec::new(),
            lines: VecDeque::new(),
            answer: Answer::Keep,
            kept: Vec::new(),
            seen: Vec::new(),
            stale: None,
            over: false,
        };
        real.pump();
        real
    }

    /// What is seen of one input.
    pub(super) fn take(&mut self, input: &Input) -> Vec<Seen> {
        self.stale_timer();
        match input {
            Input::Line { text, answer, .. } => {
                self.input.extend_from_slice(text.as_bytes());
                self.input.extend_from_slice(b"\r\n");
                self.lines.push_back((text.len() + 2, *answer));
            }
            Input::Answer(which, answer) => {
                let at = match which {
                    Which::Oldest => 0,
                    Which::Newest => self.kept.len() - 1,
                };
                let token = self.kept.remove(at);
                let input = core::mem::take(&mut self.input);
                let mut rest = &input[..];
                self.decide(token, *answer, &mut rest);
                self.input = rest.to_vec();
            }
            Input::Secured => {
                self.server.tls_established();
            }
            Input::TimeOut => {
                if let Some(timer) = self.server.wants().timer() {
                    self.server.timed_out(timer.id);
                }
            }
            Input::End => self.server.eof(),
        }
        self.pump();
        core::mem::take(&mut self.seen)
    }

    /// The id of a wait that is over does nothing.
    fn stale_timer(&mut self) {
        let now = self.server.wants().timer().map(|timer| timer.id);
        if let Some(stale) = core::mem::replace(&mut self.stale, now).filter(|id| Some(*id) != now)
        {
            let before = self.server.position();
            self.server.timed_out(stale);
            assert_eq!(self.server.position(), before, "a stale timer moved the session");
        }
    }

    /// Drives the machine until only its peer, its application or the clock can go on.
    fn pump(&mut self) {
        loop {
            let input = core::mem::take(&mut self.input);
            let mut rest = &input[..];
            let event = self.server.next(&mut rest);
            self.took(input.len() - rest.len());
            let more = event.is_some();
            if let Some(event) = event {
                self.hear(event, &mut rest);
            }
            self.input = rest.to_vec();
            self.flush();
            if !more && self.server.wants() != Wants::Next {
                return;
            }
        }
    }

    /// The application answers about a line as that line has it.
    fn took(&mut self, mut octets: usize) {
        while octets > 0 {
            let Some((left, answer)) = self.lines.front_mut() else { return };
            self.answer = *answer;
            let taken = octets.min(*left);
            *left -= taken;
            octets -= taken;
            if *left == 0 {
                self.lines.pop_front();
            }
        }
    }

    fn hear(&mut self, event: Event<'_>, rest: &mut &[u8]) {
        let (question, token) = match event {
            Event::Connect(pending) => (Question::Connect, Token::Connect(pending)),
            Event::Hello { pending, .. } => (Question::Hello, Token::Hello(pending)),
            Event::Mail { pending, .. } => (Question::Mail, Token::Mail(pending)),
            Event::Rcpt { pending, .. } => (Question::Rcpt, Token::Rcpt(pending)),
            Event::Data { pending, .. } => (Question::Data, Token::Data(pending)),
            Event::Chunk(pending) => (Question::Chunk, Token::Chunk(pending)),
            Event::Messages { pending, .. } => (Question::Message, Token::Verdicts(pending)),
            Event::Message { pending, .. } => (Question::Message, Token::Message(pending)),
            Event::StartTls(pending) => (Question::StartTls, Token::StartTls(pending)),
            Event::Auth { pending, .. } | Event::AuthLine { pending, .. } => {
                (Question::Auth, Token::Auth(pending))
            }
            Event::Closed { .. } => {
                self.flush();
                self.over = true;
                return self.seen.push(Seen::Closed);
            }
            _ => return,
        };
        // What the machine said before it asked was written before.
        self.flush();
        self.seen.push(Seen::Asked(question));
        match self.answer {
            Answer::Keep => self.kept.push(token),
            Answer::Drop => {}
            answer => self.decide(token, answer, rest),
        }
    }

    fn decide(&mut self, token: Token, answer: Answer, rest: &mut &[u8]) {
        let taken = match token {
            Token::Connect(pending) => self.reply(pending, 220, 250, answer),
            Token::Hello(pending) => self.reply(pending, 250, 354, answer),
            Token::Mail(pending) => self.reply(pending, 250, 354, answer),
            Token::Rcpt(pending) => self.reply(pending, 250, 354, answer),
            Token::Data(pending) => self.reply(pending, 354, 250, answer),
            Token::Chunk(pending) => self.reply(pending, 250, 354, answer),
            Token::Verdicts(pending) => self.reply(pending, 250, 354, answer),
            Token::Message(pending) => self.reply(pending, 250, 354, answer),
            Token::StartTls(pending) if answer == Answer::Yes => {
                self.server.accept_tls(pending, rest)
            }
            Token::StartTls(pending) => self.reply(pending, 354, 220, answer),
            Token::Auth(pending) if answer == Answer::Challenge => {
                self.server.challenge(pending, b"")
            }
            Token::Auth(pending) => self.reply(pending, 235, 250, answer),
        };
        self.seen.push(Seen::Answered(match taken {
            Ok(()) => Taken::AsItWas,
            Err(ReplyError::Late) => Taken::Late,
            Err(ReplyError::Injected(_)) => Taken::Injected,
            Err(_) => Taken::As451,
        }));
    }

    fn reply<K: Kind>(
        &mut self,
        pending: Pending<K>,
        yes: u16,
        unsuitable: u16,
        answer: Answer,
    ) -> Result<(), ReplyError> {
        let code = match answer {
            Answer::Yes => yes,
            Answer::No if yes == 220 => 554,
            Answer::No => 550,
            Answer::Never => 521,
            Answer::Later => 450,
            Answer::Hangup => 421,
            _ => unsuitable,
        };
        let code = Code::new(code).expect("a code");
        self.server.reply(pending, &Reply::new(code, None, "said the application"))
    }

    /// The peer reads what was written.
    fn flush(&mut self) {
        for line in self.server.outgoing().split_inclusive(|&octet| octet == b'\n') {
            let digits = core::str::from_utf8(&line[..3]).expect("digits");
            if line[3] == b' ' {
                self.seen.push(Seen::Reply(digits.parse().expect("digits")));
            }
        }
        self.server.sent(usize::MAX);
    }

    pub(super) const fn is_over(&self) -> bool {
        self.over
    }

    /// All that decides what the machine does next.
    pub(super) fn position(&self) -> String {
        self.server.position()
    }

    /// The octets that were not taken, and which questions the application kept.
    pub(super) fn around(&self) -> (String, Vec<Question>) {
        let kept = self.kept.iter().map(Token::question).collect();
        (String::from_utf8_lossy(&self.input).into_owned(), kept)
    }
}

impl Token {
    const fn question(&self) -> Question {
        match self {
            Self::Connect(_) => Question::Connect,
            Self::Hello(_) => Question::Hello,
            Self::Mail(_) => Question::Mail,
            Self::Rcpt(_) => Question::Rcpt,
            Self::Data(_) => Question::Data,
            Self::Chunk(_) => Question::Chunk,
            Self::Message(_) | Self::Verdicts(_) => Question::Message,
            Self::StartTls(_) => Question::StartTls,
            Self::Auth(_) => Question::Auth,
        }
    }
}
