//! The server in the simplest words: a table of replies, a list of answers owed, and lines that nobody has looked at yet.

mod content;
mod secured;

pub(super) use secured::{BEFORE_AUTH, BEFORE_TLS, FAILURES};

use secured::SECURING;

use alloc::collections::{BTreeSet, VecDeque};
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use super::alphabet::{Answer, Input, Which};
use super::table::{Cell, Table};

/// Recipients of one transaction; more are 452.
pub(super) const RECIPIENTS: usize = 2;

/// Answers that may be owed at once.
pub(super) const OWED: usize = 3;
/// Tokens that the application keeps at once.
const KEPT: usize = 2;
/// The row that may stand behind a line that waits.
const BEHIND: &str = "NOOP";

/// What can be seen of a session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Seen {
    /// The peer reads a reply of this code.
    Reply(u16),
    /// The application is asked.
    Asked(Question),
    /// The application's answer was taken; as it was, as a 451, or not at all.
    Answered(Taken),
    /// The session is over.
    Closed,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Taken {
    AsItWas,
    As451,
    Late,
    /// Octets stood behind STARTTLS.
    Injected,
}

/// What the application may be asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum Question {
    Connect,
    Hello,
    Mail,
    Rcpt,
    Data,
    Chunk,
    Message,
    StartTls,
    Auth,
}

/// A cell that was visited: state, row, and what came of it.
pub(super) type Visit = (&'static str, &'static str, String);

#[derive(Clone, Debug)]
pub(super) struct Reference<'t> {
    table: &'t Table,
    /// Behind a content each accepted recipient has a reply (RFC 2033 4.2).
    lmtp: bool,
    /// TLS and AUTH come first (RFC 3207 4, RFC 4954 6).
    required: bool,
    state: State,
    pub(super) seen: Vec<Seen>,
    pub(super) visits: BTreeSet<Visit>,
}

/// All that decides what comes next.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct State {
    phase: Phase,
    hello: Option<Hello>,
    asked_hello: Hello,
    transaction: Option<Transaction>,
    owed: VecDeque<Owed>,
    /// Tokens that the application kept, oldest first.
    kept: Vec<Kept>,
    /// Lines that were not taken yet.
    lines: VecDeque<Line>,
    early: bool,
    ended: bool,
    /// What the application said in front of the first chunk, where it refused.
    refused_chunk: Option<u16>,
    tls: bool,
    known: bool,
    /// AUTH commands that failed.
    failures: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Phase {
    Greeting,
    Commands,
    /// The greeting was this refusal.
    NoService(u16),
    /// The reply at the end, where the content is void.
    Content(Option<u16>),
    /// The octets of a chunk are due, and whether they end the content.
    Chunk {
        last: bool,
    },
    /// 220 to STARTTLS was said.
    Handshake,
    /// A line is a response.
    Exchange,
    Over,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Hello {
    Ehlo,
    Helo,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
struct Transaction {
    tried: bool,
    accepted: usize,
    undecided: usize,
    chunks: Chunks,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
enum Chunks {
    #[default]
    None,
    Open,
    Failed,
}

/// A reply that is not written yet.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Owed {
    /// `None` where the reply is the server's own.
    question: Option<Question>,
    reply: Option<u16>,
    /// The cell of the command.
    state: &'static str,
    row: &'static str,
    /// Lines stood behind it.
    behind: bool,
    /// How many replies there will be: in LMTP as many as recipients.
    times: usize,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Kept {
    question: Question,
    /// Where it stands among those owed; `None` where it is answered already.
    place: Option<usize>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Line {
    row: &'static str,
    text: String,
    /// CRLF, but for the octets of a chunk of none.
    end: &'static str,
    answer: Answer,
}

impl<'t> Reference<'t> {
    /// A connection: whether it is served at all is the first question, and its token is kept.
    pub(super) fn new(table: &'t Table, lmtp: bool) -> Self {
        let state = State {
            phase: Phase::Greeting,
            hello: None,
            asked_hello: Hello::Ehlo,
            transaction: None,
            owed: VecDeque::new(),
            kept: Vec::new(),
            lines: VecDeque::new(),
            early: false,
            ended: false,
            refused_chunk: None,
            tls: false,
            known: false,
            failures: 0,
        };
        let required = false;
        let mut reference =
            Self { table, lmtp, required, state, seen: Vec::new(), visits: BTreeSet::new() };
        reference.ask(Question::Connect, Answer::Keep, ("G", "connect"), false);
        reference
    }

    /// All that decides what comes next.
    pub(super) fn position(&self) -> String {
        alloc::format!("{:?}", self.state)
    }

    /// The octets that were not taken, and which questions the application kept.
    pub(super) fn around(&self) -> (String, Vec<Question>) {
        let lines = self.state.lines.iter().flat_map(|line| [&*line.text, line.end]);
        (lines.collect(), self.state.kept.iter().map(|kept| kept.question).collect())
    }

    pub(super) fn is_over(&self) -> bool {
        self.state.phase == Phase::Over
    }

    /// Whether this can happen now: a peer that ended its side sends nothing more, and an answer needs a token.
    ///
    /// The search is kept finite here: one line waits in front of an answer that is owed, and one more of one kind, so that something
    /// stands behind the first; and so many tokens are kept at once.
    pub(super) fn may(&self, input: &Input) -> bool {
        match input {
            Input::Line { answer: Answer::Keep, .. } if self.state.kept.len() >= KEPT => false,
            Input::Line { row, .. } => {
                let room = match self.state.lines.len() {
                    0 => true,
                    1 => *row == BEHIND,
                    _ => false,
                };
                room && !self.state.ended
            }
            Input::End => !self.state.ended,
            Input::Answer(Which::Newest, _) => self.state.kept.len() > 1,
            Input::Answer(..) => !self.state.kept.is_empty(),
            Input::Secured | Input::TimeOut => true,
        }
    }

    /// What is seen of one input.
    pub(super) fn take(&mut self, input: &Input) -> Vec<Seen> {
        match input {
            Input::Line { row, text, answer } => {
                let line = Line { row, text: text.clone(), end: "\r\n", answer: *answer };
                self.state.lines.push_back(line);
            }
            Input::End => self.state.ended = true,
            Input::Answer(which, answer) => self.answer_kept(*which, *answer),
            Input::Secured => self.secured(),
            Input::TimeOut => self.time_out(),
        }
        self.serve();
        core::mem::take(&mut self.seen)
    }

    fn serve(&mut self) {
        loop {
            match self.state.phase {
                Phase::Over => {
                    self.state.lines.clear();
                    return;
                }
                Phase::Greeting => {
                    self.state.early |= !self.state.lines.is_empty();
                    return;
                }
                Phase::Content(void) => match self.state.lines.pop_front() {
                    Some(line) => self.content(&line, void),
                    None => return self.starved(),
                },
                Phase::Chunk { last } => match self.state.lines.pop_front() {
                    Some(line) => self.chunk(&line, last),
                    None => return self.starved(),
                },
                Phase::Handshake if self.state.ended || !self.state.lines.is_empty() => {
                    self.break_handshake();
                }
                Phase::Handshake => return,
                Phase::Commands | Phase::NoService(_) | Phase::Exchange => {
                    if !self.may_take() {
                        return;
                    }
                    match self.state.lines.pop_front() {
                        Some(line) if self.state.phase == Phase::Exchange => self.response(&line),
                        Some(line) => self.command(&line),
                        None => return self.starved(),
                    }
                }
            }
        }
    }

    /// RFC 2920 3.2: replies in the order of the commands. Only RCPT overtakes, and only RCPT.
    fn may_take(&self) -> bool {
        let rcpt = self.state.lines.front().is_some_and(|line| line.row.starts_with("RCPT"));
        let only_rcpt =
            self.state.owed.iter().all(|owed| matches!(owed.question, None | Some(Question::Rcpt)));
        let ends = self.state.owed.iter().any(|owed| owed.reply == Some(421));
        let room = self.state.owed.len() < OWED;
        self.state.owed.is_empty() || (rcpt && only_rcpt && !ends && room)
    }

    fn starved(&mut self) {
        if self.state.ended && self.state.owed.is_empty() {
            self.close();
        }
    }

    fn close(&mut self) {
        self.state.phase = Phase::Over;
        self.state.transaction = None;
        self.state.owed.clear();
        self.state.kept.iter_mut().for_each(|kept| kept.place = None);
        self.seen.push(Seen::Closed);
    }

    fn reply_and_close(&mut self, code: u16) {
        self.seen.push(Seen::Reply(code));
        self.close();
    }

    /// The column of the table.
    fn column(&self) -> &'static str {
        match (self.state.phase, self.state.hello, self.state.transaction) {
            (Phase::NoService(521), ..) => "N5",
            (Phase::NoService(_), ..) => "N",
            (.., Some(Transaction { chunks: Chunks::Open, .. })) => "B",
            (.., Some(Transaction { chunks: Chunks::Failed, .. })) => "X",
            (_, None, _) => "G",
            (.., None) => "H",
            (.., Some(Transaction { accepted: 1.., .. })) => "R",
            (.., Some(Transaction { tried: true, .. })) => "T",
            _ => "M",
        }
    }

    fn command(&mut self, line: &Line) {
        let behind = !self.state.lines.is_empty();
        let verb = line.row.split('-').next().unwrap_or_default();
        // RFC 2920 3.1, RFC 5321 4.3.1: behind these the client waits, and behind each where PIPELINING was not offered.
        let waits = match verb {
            "EHLO" | "HELO" | "LHLO" | "DATA" | "STARTTLS" => true,
            // RFC 4954 4: where the server speaks first.
            "AUTH" if ["AUTH-first", "AUTH-odd"].contains(&line.row) => true,
            "QUIT" | "BDAT" => false,
            _ => self.state.hello == Some(Hello::Helo),
        };
        if behind && waits {
            return self.reply_and_close(554);
        }
        let (column, row) = (self.column(), line.row);
        if self.is_gated(line) {
            return;
        }
        if verb == "BDAT" && row != "BDAT-bad" {
            return self.bdat(line, column);
        }
        let counts = row == "RCPT-bad" || !matches!(column, "B" | "X");
        if row.starts_with("RCPT") && counts {
            self.state.transaction.iter_mut().for_each(|transaction| transaction.tried = true);
        }
        match self.table.cell(row, column) {
            Cell::Ask if row == "RCPT" && self.is_full() => self.own(452, column, row),
            _ if column == "H" && SECURING.contains(&row) && self.secures() => {
                self.secure(line, column, behind);
            }
            Cell::Ask => {
                let question = match row {
                    "EHLO" | "HELO" | "LHLO" => Question::Hello,
                    "MAIL" => Question::Mail,
                    "RCPT" => Question::Rcpt,
                    _ => Question::Data,
                };
                self.asked(question, row);
                self.ask(question, line.answer, (column, row), behind);
            }
            Cell::Reply(code) => {
                if row == "RSET" && code == 250 {
                    self.state.transaction = None;
                }
                // RFC 3030 2: DATA in the middle of chunks.
                if row == "DATA" && column == "B" {
                    self.fail_chunks();
                }
                self.own(code, column, row);
            }
            Cell::Last(code) => {
                self.visit(column, row, &code.to_string());
                self.reply_and_close(code);
            }
        }
    }

    /// How many replies end a content.
    fn replies(&self) -> usize {
        match self.state.transaction {
            Some(transaction) if self.lmtp => transaction.accepted,
            _ => 1,
        }
    }

    /// RFC 5321 4.5.3.1.10.
    fn is_full(&self) -> bool {
        self.state
            .transaction
            .is_some_and(|transaction| transaction.accepted + transaction.undecided >= RECIPIENTS)
    }

    fn asked(&mut self, question: Question, row: &str) {
        match question {
            Question::Hello => {
                self.state.asked_hello = if row == "HELO" { Hello::Helo } else { Hello::Ehlo };
            }
            Question::Rcpt => {
                self.state.transaction.iter_mut().for_each(|open| open.undecided += 1);
            }
            _ => {}
        }
    }

    /// A reply that the server gives itself, at its command's place.
    fn own(&mut self, code: u16, state: &'static str, row: &'static str) {
        self.visit(state, row, &code.to_string());
        self.state.owed.push_back(Owed {
            question: None,
            reply: Some(code),
            state,
            row,
            behind: false,
            times: 1,
        });
        self.write();
    }

    fn ask(
        &mut self,
        question: Question,
        answer: Answer,
        (state, row): (&'static str, &'static str),
        behind: bool,
    ) {
        self.seen.push(Seen::Asked(question));
        let place = self.state.owed.len();
        self.state.owed.push_back(Owed {
            question: Some(question),
            reply: None,
            state,
            row,
            behind,
            times: if question == Question::Message { self.replies() } else { 1 },
        });
        match answer {
            Answer::Keep => {
                self.visit(state, row, "Keep");
                self.state.kept.push(Kept { question, place: Some(place) });
            }
            Answer::Drop => self.visit(state, row, "Drop"),
            _ => self.answer(place, question, answer),
        }
    }

    fn answer_kept(&mut self, which: Which, answer: Answer) {
        let at = match which {
            Which::Oldest => 0,
            Which::Newest => self.state.kept.len() - 1,
        };
        let Kept { question, place } = self.state.kept.remove(at);
        match place {
            Some(place) => self.answer(place, question, answer),
            None => self.seen.push(Seen::Answered(Taken::Late)),
        }
    }

    fn answer(&mut self, place: usize, question: Question, answer: Answer) {
        let Owed { state, row, .. } = self.state.owed[place];
        self.visit(state, row, &alloc::format!("{answer:?}"));
        let code = code(question, answer);
        let taken = match code {
            451 => Taken::As451,
            220 if question == Question::StartTls && !self.state.lines.is_empty() => {
                Taken::Injected
            }
            _ => Taken::AsItWas,
        };
        self.seen.push(Seen::Answered(taken));
        self.decide(place, question, code);
    }

    /// The wait for the application ends in 451 for all that is owed, every other in 421.
    fn time_out(&mut self) {
        match self.state.phase {
            Phase::Over => return,
            // RFC 5321 3.1: 451 is no greeting.
            Phase::Greeting => return self.reply_and_close(421),
            // RFC 3207 4: nothing more is said in the clear.
            Phase::Handshake => return self.close(),
            _ if self.state.owed.is_empty() => return self.reply_and_close(421),
            _ => {}
        }
        while let Some(place) = self.state.owed.iter().position(|owed| owed.reply.is_none()) {
            let question = self.state.owed[place].question;
            self.decide(place, question.expect("only a question has no reply"), 451);
            if self.is_over() {
                return;
            }
        }
    }

    fn decide(&mut self, place: usize, question: Question, code: u16) {
        let yes = code < 400;
        match question {
            // RFC 3207 4.2: what stands behind would be read inside TLS.
            Question::StartTls if yes && !self.state.lines.is_empty() => {
                return self.reply_and_close(554);
            }
            Question::StartTls if yes => self.state.phase = Phase::Handshake,
            Question::StartTls => {}
            Question::Auth => self.authenticated(code),
            Question::Connect => {
                self.state.phase = if yes { Phase::Commands } else { Phase::NoService(code) };
                // RFC 5321 4.3.1: the client waits for the greeting.
                if self.state.early && yes {
                    return self.reply_and_close(554);
                }
                if self.state.early && code != 421 {
                    return self.reply_and_close(code);
                }
            }
            Question::Hello if yes => {
                self.state.hello = Some(self.state.asked_hello);
                self.state.transaction = None;
            }
            Question::Mail if yes => self.state.transaction = Some(Transaction::default()),
            Question::Rcpt => {
                let open = self.state.transaction.as_mut().expect("RCPT is in a transaction");
                open.undecided -= 1;
                open.accepted += usize::from(yes);
            }
            Question::Data if self.state.owed[place].row.starts_with("BDAT") => {
                let last = self.state.owed[place].row == "BDAT-last";
                self.state.owed.clear();
                self.state.kept.iter_mut().for_each(|kept| kept.place = None);
                self.state.phase = Phase::Chunk { last };
                if !yes {
                    self.state.refused_chunk = Some(code);
                    self.fail_chunks();
                }
                return;
            }
            Question::Data if yes => self.state.phase = Phase::Content(None),
            // What stands behind would be read as commands.
            Question::Data if self.state.owed[place].behind => return self.reply_and_close(554),
            Question::Chunk if !yes => self.fail_chunks(),
            Question::Message => self.state.transaction = None,
            Question::Chunk | Question::Hello | Question::Mail | Question::Data => {}
        }
        self.state.owed[place].reply = Some(code);
        for kept in &mut self.state.kept {
            if kept.place == Some(place) {
                kept.place = None;
            }
        }
        self.write();
    }

    /// Replies leave in order; nothing follows a 421.
    fn write(&mut self) {
        while let Some(code) = self.state.owed.front().and_then(|owed| owed.reply) {
            let times = self.state.owed.pop_front().map_or(1, |owed| owed.times);
            for kept in &mut self.state.kept {
                kept.place = kept.place.map(|place| place - 1);
            }
            if code == 421 {
                return self.reply_and_close(421);
            }
            self.seen.extend(core::iter::repeat_n(Seen::Reply(code), times));
        }
    }

    fn visit(&mut self, state: &'static str, row: &'static str, outcome: &str) {
        self.visits.insert((state, row, outcome.to_string()));
    }
}

/// What the peer reads.
fn code(question: Question, answer: Answer) -> u16 {
    match (answer, question) {
        (Answer::Yes, Question::Connect) => 220,
        (Answer::Yes, Question::Data) => 354,
        (Answer::Yes, Question::StartTls) => 220,
        (Answer::Yes, Question::Auth) => 235,
        (Answer::Challenge, Question::Auth) => 334,
        (Answer::Yes, _) => 250,
        (Answer::No, Question::Connect) => 554,
        (Answer::No, _) => 550,
        (Answer::Never, _) => 521,
        (Answer::Later, _) => 450,
        (Answer::Hangup, _) => 421,
        // RFC 5321 4.2.1: it is for the server to say that something went wrong here.
        (Answer::Unsuitable | Answer::Challenge, _) => 451,
        (Answer::Drop | Answer::Keep, _) => unreachable!("no answer was given"),
    }
}
