//! Takes commands and content off the input, and raises what they are.

use super::command::may_be_chunk;
use super::pending::Question;
use super::state::Due;
use super::stock::{self, May, Stock};
use super::{Event, Notice, Refusal, Server, Traffic, Why};
use crate::line::Line;
use crate::{Code, ParseError, ParseErrorKind, Verb};

/// The first octets of a TLS record with a hello in it: it holds no line end to wait for.
const TLS_HELLO: [u8; 2] = [0x16, 0x03];

/// The room that is kept when there is nothing to tell.
const NOTICES_KEPT: usize = 8;

impl Server {
    /// The next event, or nothing to say.
    pub(super) fn step<'b>(&mut self, input: &mut &'b [u8]) -> Option<Event<'b>> {
        loop {
            if let Some(notice) = self.notice() {
                return Some(notice.into());
            }
            let due = self.state.due();
            let event = match due {
                Due::Commands | Due::Response => {
                    if self.is_blocked() || !self.may_take(input) {
                        self.kept_waiting(input);
                        return None;
                    }
                    if input.starts_with(&TLS_HELLO) && !self.lines.is_skipping() {
                        return Some(self.tls_hello(input));
                    }
                    let Some(line) = self.line(due, input) else {
                        return self.starved();
                    };
                    match (due, line) {
                        (Due::Response, line) => Some(self.response(line)),
                        (_, Line::Whole(line)) => self.command(line, !input.is_empty()),
                        (_, Line::TooLong) => Some(self.too_long(!input.is_empty())),
                        (_, Line::Endless) => {
                            Some(self.refuse_and_close(&[], stock::LINE_TOO_LONG))
                        }
                    }
                }
                Due::Content | Due::Chunk => {
                    let event = match due {
                        Due::Chunk => self.chunk(input),
                        _ => self.content(input),
                    };
                    if event.is_none() && self.notices.is_empty() && self.state.in_content() {
                        return self.starved();
                    }
                    event
                }
                Due::Greeting => return self.before_greeting(input),
                Due::Handshake => {
                    self.in_handshake(input);
                    if self.state.in_handshake() {
                        return None;
                    }
                    None
                }
                Due::End => return self.over(input),
            };
            if event.is_some() {
                return event;
            }
        }
    }

    /// What happened, where it was not told yet.
    fn notice(&mut self) -> Option<Notice> {
        if self.notices.is_empty() && self.notices.capacity() > NOTICES_KEPT {
            self.notices = alloc::collections::VecDeque::new();
        }
        self.notices.pop_front()
    }

    /// What stands behind the end is dropped.
    #[inline(never)]
    fn over<'b>(&mut self, input: &mut &'b [u8]) -> Option<Event<'b>> {
        if !input.is_empty() {
            *input = &[];
            self.taken = Traffic::Ignored;
        }
        self.state.closed().map(|(why, mid_message)| Event::Closed { why, mid_message })
    }

    /// RFC 5321 4.3.1: the client waits for the greeting.
    #[inline(never)]
    fn before_greeting<'b>(&mut self, input: &[u8]) -> Option<Event<'b>> {
        if !input.is_empty() {
            self.state.talk_early();
        }
        if !core::mem::replace(&mut self.connect_raised, true) {
            let pending = self.owed.ask();
            self.answers_owed();
            return Some(Event::Connect(pending));
        }
        self.state.tell_early().then_some(Event::EarlyTalker)
    }

    /// Whether a command may be taken: with decisions owed only a RCPT that other RCPTs wait in front of.
    fn may_take(&self, input: &[u8]) -> bool {
        if self.owed.is_empty() {
            return true;
        }
        let rcpt = input
            .split_first_chunk::<4>()
            .is_some_and(|(word, _)| Verb::parse(word) == Some(Verb::Rcpt));
        rcpt && !self.owed.closes()
            && self.owed.len() < self.config.limits.answers_owed
            && self.owed.only_rcpt()
    }

    /// Nothing more is taken for now. What comes behind a DATA that is being decided is content.
    #[inline(never)]
    fn kept_waiting(&mut self, input: &[u8]) {
        if !input.is_empty() && self.owed.question() == Some(Question::Data) {
            self.state.content_came();
        }
        self.answers_owed();
    }

    /// The answer timer runs for the oldest answer.
    #[inline(never)]
    fn answers_owed(&mut self) {
        let front = (!self.owed.is_empty()).then(|| self.owed.front());
        if front != self.timers.answer_front {
            self.timers.answer_front = front;
            self.timers.answer = self.timers.fresh();
        }
    }

    /// No whole unit is left in the input. After the end none will come.
    #[inline(never)]
    fn starved<'b>(&mut self) -> Option<Event<'b>> {
        self.answers_owed();
        if self.eof && self.owed.is_empty() {
            self.end(Why::Eof);
            return match self.notices.pop_front() {
                Some(notice) => Some(notice.into()),
                None => self.over(&mut &[][..]),
            };
        }
        None
    }

    /// Takes one line, where it is whole: a command, or in the exchange of AUTH a response, all of which may be a secret.
    fn line<'b>(&mut self, due: Due, input: &mut &'b [u8]) -> Option<Line<'b>> {
        let whole = *input;
        let line = match due {
            Due::Response => self.lines.next(input, self.config.auth_line()),
            _ => self.lines.next(input, self.command_line),
        };
        if whole.len() != input.len() {
            self.taken = match (due, line) {
                (Due::Commands, Some(Line::Whole(_))) => Traffic::Command,
                _ => self.other_line(due, whole),
            };
        }
        if line.is_some() {
            self.timers.read = self.timers.fresh();
        }
        line
    }

    /// A response, or a piece of a line over its limit: what a long command begins with is remembered until its end is there.
    #[inline(never)]
    fn other_line(&mut self, due: Due, octets: &[u8]) -> Traffic {
        if due == Due::Commands && self.long_line.is_none() {
            let head = octets.get(..self.command_line).unwrap_or(octets);
            self.long_line = Some(verb_of_long(head));
        }
        // A line over its limit may be of AUTH, too.
        match due == Due::Response || self.has_auth() {
            true => Traffic::AuthSecret,
            false => Traffic::Ignored,
        }
    }

    /// A command line over its limit: it is a command like any other, and refused as a malformed one.
    #[inline(never)]
    fn too_long<'b>(&mut self, behind: bool) -> Event<'b> {
        let head = self.long_line.take().unwrap_or(Err(ParseErrorKind::Verb));
        let verb = head.ok();
        let error = Err(ParseError::new(0, ParseErrorKind::Text));
        let early_content = behind && verb == Some(Verb::Data);
        if early_content || self.waited(verb, &error, behind).is_err() {
            return self.refuse_and_close(&[], stock::EARLY);
        }
        match head {
            // RFC 3030 2: nobody knows how many octets follow.
            Ok(Verb::Bdat) | Err(ParseErrorKind::ChunkSize | ParseErrorKind::ForeignProtocol) => {
                self.refuse_and_close(&[], stock::LINE_TOO_LONG)
            }
            _ => self.refuse(&[], stock::LINE_TOO_LONG),
        }
    }

    /// A TLS hello where TLS did not begin: it has no line end.
    #[inline(never)]
    fn tls_hello<'b>(&mut self, input: &mut &'b [u8]) -> Event<'b> {
        *input = &[];
        self.taken = Traffic::Ignored;
        self.refuse_and_close(&[], stock::TLS_HELLO)
    }

    #[inline(never)]
    pub(super) fn refuse<'b>(&mut self, line: &'b [u8], refusal: &Stock) -> Event<'b> {
        if let Err(limit) = self.count(refusal) {
            return self.refuse_and_close(line, limit);
        }
        self.auto(&refusal.reply, None);
        Event::Refused(Refusal { line, reply: refusal.reply, why: refusal.why })
    }

    /// Counts a refusal that only a client at fault gets.
    pub(super) fn count(&mut self, refusal: &Stock) -> May {
        if is_error(refusal.reply.code()) {
            self.state.count_error(self.config.limits.errors)
        } else {
            Ok(())
        }
    }

    #[inline(never)]
    pub(super) fn refuse_and_close<'b>(&mut self, line: &'b [u8], refusal: &Stock) -> Event<'b> {
        self.auto(&refusal.reply, Some(refusal.why));
        Event::Refused(Refusal { line, reply: refusal.reply, why: refusal.why })
    }
}

/// The verb of a line of which this is the beginning. One that is not seen behind so many blanks may be BDAT.
fn verb_of_long(head: &[u8]) -> Result<Verb, ParseErrorKind> {
    match Verb::split_from(head) {
        Err(ParseErrorKind::Verb) if may_be_chunk(head) => Err(ParseErrorKind::ChunkSize),
        split => split.map(|(verb, _)| verb),
    }
}

/// The codes that only a client at fault gets from the machine.
fn is_error(code: Code) -> bool {
    matches!(code.get(), 500..=504 | 521 | 555)
}
