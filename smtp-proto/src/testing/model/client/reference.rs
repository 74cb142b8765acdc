//! The client in the simplest words: a list of what was asked and not answered, and two tables.

mod hearing;

use alloc::collections::{BTreeSet, VecDeque};
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use super::alphabet::{Call, Input, MALFORMED};
use super::table::{CALLS, STATES, cell};

/// What can be seen of a session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Seen {
    /// What came of a call.
    Called(String),
    /// The server reads this line.
    Wrote(String),
    Greeted(u16),
    /// A reply to the how-manieth command, of this verb.
    Heard(&'static str, u32, u16),
    SendBody(usize),
    Challenge,
    Unavailable,
    /// The session cannot go on.
    Failed(&'static str),
    /// What the driver is to do.
    Wants(&'static str),
}

/// A cell that was visited: row, column, and what came of it.
pub(super) type Visit = (String, String, String);

#[derive(Clone, Debug)]
pub(super) struct Reference {
    lmtp: bool,
    state: State,
    seen: Vec<Seen>,
    pub(super) visits: BTreeSet<Visit>,
}

/// All that decides what comes next, and numbers.
#[derive(Clone, Debug)]
struct State {
    stage: Stage,
    queue: VecDeque<Asked>,
    offered: Option<Offered>,
    transaction: Transaction,
    broken: bool,
    secure: bool,
    known: bool,
    /// The last chunk waits for those in front of it.
    last_waits: bool,
    /// The number of the next command.
    next: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    New,
    Hello,
    Commands,
    Data,
    Content(u32),
    Chunk { last: bool },
    Chunks,
    TlsAsked,
    Handshake,
    AuthAsked,
    Challenged(u32),
    Failed,
    Quitting,
    Over,
}

/// What was asked and not answered.
#[derive(Clone, Debug)]
struct Asked {
    /// The row of the second table.
    row: &'static str,
    /// The verb that its reply names.
    verb: &'static str,
    n: u32,
    line: &'static str,
    sent: bool,
    /// All octets of a chunk were given.
    whole: bool,
    /// Of the transaction that goes on.
    ours: bool,
}

#[derive(Clone, Copy, Debug, Default)]
struct Offered {
    pipelining: bool,
    chunking: bool,
    tls_and_auth: bool,
}

#[derive(Clone, Debug, Default)]
struct Transaction {
    open: bool,
    mail: Option<bool>,
    /// The numbers of the recipients who were accepted.
    accepted: Vec<u32>,
    asked: usize,
}

impl Reference {
    pub(super) fn new(lmtp: bool) -> Self {
        let greeting = Asked {
            row: "greeting",
            verb: "",
            n: 0,
            line: "",
            sent: true,
            whole: true,
            ours: false,
        };
        let state = State {
            stage: Stage::New,
            queue: [greeting].into(),
            offered: None,
            transaction: Transaction::default(),
            broken: false,
            secure: false,
            known: false,
            last_waits: false,
            next: 0,
        };
        Self { lmtp, state, seen: Vec::new(), visits: BTreeSet::new() }
    }

    /// All that decides what comes next: numbers do not.
    pub(super) fn position(&self) -> String {
        let mut state = self.state.clone();
        state.next = 0;
        state.queue.iter_mut().for_each(|asked| asked.n = 0);
        state.transaction.accepted.fill(0);
        match &mut state.stage {
            Stage::Content(n) | Stage::Challenged(n) => *n = 0,
            _ => {}
        }
        format!("{state:?}")
    }

    pub(super) const fn is_over(&self) -> bool {
        matches!(self.state.stage, Stage::Over | Stage::Failed)
    }

    /// What is seen of one input.
    pub(super) fn take(&mut self, input: Input) -> Vec<Seen> {
        match input {
            Input::Call(call) => self.call(call),
            _ if self.is_over() => {}
            Input::Says(MALFORMED) if self.state.stage != Stage::Handshake => {
                self.fail("Malformed");
            }
            Input::Says(lines) => self.hear(lines),
            Input::TimeOut if ["read", "tls"].contains(&self.wants()) => self.fail("TimedOut"),
            Input::TimeOut => {}
            Input::End => self.fail("Eof"),
        }
        self.release();
        let wants = self.wants();
        self.seen.push(Seen::Wants(wants));
        core::mem::take(&mut self.seen)
    }

    fn wants(&self) -> &'static str {
        match self.state.stage {
            Stage::Over | Stage::Failed => "close",
            Stage::Content(_) | Stage::Chunk { .. } => "body",
            Stage::Chunks if self.takes_chunk() => "body",
            Stage::Handshake => "tls",
            _ if self.state.queue.is_empty() => "command",
            _ => "read",
        }
    }

    fn fail(&mut self, why: &'static str) {
        self.seen.push(Seen::Failed(why));
        self.state.stage = Stage::Over;
    }

    fn column(&self) -> &'static str {
        let Transaction { open, mail, .. } = self.state.transaction;
        match self.state.stage {
            Stage::New => "N",
            Stage::Hello => "H",
            Stage::Commands if self.state.broken => "X",
            Stage::Commands if self.is_last_chunk_open() => "V",
            Stage::Commands if open && mail == Some(false) => "F",
            Stage::Commands if open => "M",
            Stage::Commands => "C",
            Stage::Data => "D",
            Stage::Content(_) => "B",
            Stage::Chunk { .. } => "K",
            Stage::Chunks => "L",
            Stage::TlsAsked => "T",
            Stage::Handshake => "S",
            Stage::AuthAsked => "A",
            Stage::Challenged(_) => "P",
            Stage::Failed => "W",
            Stage::Quitting => "Q",
            Stage::Over => "O",
        }
    }

    /// RFC 3030 2: whether it failed, and RSET is due, its reply says.
    fn is_last_chunk_open(&self) -> bool {
        self.state.queue.back().is_some_and(|asked| asked.row == "BDAT-last")
    }

    // What the application asks.

    fn call(&mut self, call: Call) {
        let (row, column) = (format!("{call:?}"), self.column());
        let place = STATES.iter().position(|state| *state == column).expect("a state");
        let word = match cell(CALLS, &row, place) {
            word if word.contains('/') => self.depends(call),
            word => word,
        };
        self.visits.insert((row, column.to_string(), word.to_string()));
        if !matches!(call, Call::AbandonBody | Call::TlsEstablished | Call::TlsFailed) {
            self.seen.push(Seen::Called(word.to_string()));
        }
        match word {
            "ok" => self.obey(call),
            "Stray" => self.state.stage = Stage::Failed,
            _ => {}
        }
    }

    /// What was offered, and what was answered, decides.
    fn depends(&mut self, call: Call) -> &'static str {
        let offered = self.state.offered.unwrap_or_default();
        let idle = self.state.queue.is_empty();
        let last = matches!(call, Call::LastChunk | Call::EmptyLastChunk);
        match call {
            // RFC 3207 4.2: not inside TLS.
            Call::StartTls if self.state.secure => "Order",
            // RFC 4954 4: no second time, and no TLS behind it.
            _ if call < Call::Chunk && self.state.known => "Order",
            _ if call < Call::Chunk => if_offered(offered.tls_and_auth),
            _ if self.state.stage == Stage::Chunks => {
                // RFC 2033 4.3.
                self.state.last_waits = self.lmtp && last && !idle;
                if self.takes_chunk() { "ok" } else { "Full" }
            }
            _ if !offered.chunking => "NotOffered",
            // RFC 3030 2: once the replies to MAIL and to all RCPT are there.
            _ if !idle => "NotYet",
            _ if self.state.transaction.mail != Some(true) => "Order",
            _ if self.state.transaction.accepted.is_empty() => "Order",
            _ => "ok",
        }
    }

    fn takes_chunk(&self) -> bool {
        let pipelining = self.state.offered.unwrap_or_default().pipelining;
        self.state.queue.is_empty() || pipelining && !self.state.last_waits
    }

    fn obey(&mut self, call: Call) {
        match call {
            Call::Hello => {
                let (row, line) = match self.lmtp {
                    true => ("LHLO", "LHLO c.test"),
                    false => ("EHLO", "EHLO c.test"),
                };
                self.ask(row, line);
                self.state.stage = Stage::Hello;
            }
            Call::Mail => {
                self.begin(Transaction { open: true, ..Transaction::default() });
                self.ask("MAIL", "MAIL FROM:<a@x.test>");
            }
            Call::Rcpt => {
                self.ask("RCPT", "RCPT TO:<b@y.test>");
                self.state.transaction.asked += 1;
            }
            Call::Data => {
                self.ask("DATA", "DATA");
                self.state.stage = Stage::Data;
            }
            Call::Body => self.body(),
            Call::Finish => self.finish(),
            Call::AbandonBody => self.state.stage = Stage::Failed,
            Call::Reset => {
                self.ask("RSET", "RSET");
                self.begin(Transaction::default());
                self.forget_chunks();
                self.state.broken = false;
                self.state.stage = Stage::Commands;
            }
            Call::Noop => self.ask("NOOP", "NOOP"),
            Call::Quit => {
                self.ask("QUIT", "QUIT");
                self.state.stage = Stage::Quitting;
            }
            Call::StartTls => {
                self.ask("STARTTLS", "STARTTLS");
                self.state.stage = Stage::TlsAsked;
            }
            Call::TlsEstablished => {
                // RFC 3207 4.2: as if nothing had been said.
                self.state.secure = true;
                self.state.offered = None;
                self.state.transaction = Transaction::default();
                self.state.stage = Stage::New;
            }
            Call::TlsFailed => self.fail("Tls"),
            Call::AuthPlain => self.authenticate("AUTH PLAIN AHUAcA=="),
            Call::AuthLogin => self.authenticate("AUTH LOGIN"),
            Call::AuthResponse => self.respond("AUTH", "dQ=="),
            Call::AuthCancel => self.respond("cancel", "*"),
            Call::Chunk => self.chunk("BDAT", "BDAT 4"),
            Call::LastChunk => self.chunk("BDAT-last", "BDAT 4 LAST"),
            Call::EmptyLastChunk => {
                self.chunk("BDAT-last", "BDAT 0 LAST");
                self.chunk_is_whole(true);
            }
            Call::Stray => {}
        }
    }

    fn ask(&mut self, row: &'static str, line: &'static str) {
        let verb = row.split('-').next().unwrap_or_default();
        let n = self.state.next;
        self.state.next += 1;
        self.push(row, verb, n, line);
    }

    fn push(&mut self, row: &'static str, verb: &'static str, n: u32, line: &'static str) {
        self.state.queue.push_back(Asked {
            row,
            verb,
            n,
            line,
            sent: false,
            whole: true,
            ours: true,
        });
    }

    /// Another transaction: replies to what was asked before are none of it.
    fn begin(&mut self, transaction: Transaction) {
        for asked in &mut self.state.queue {
            asked.ours &= asked.row.starts_with("BDAT");
        }
        self.state.transaction = transaction;
    }

    /// RFC 3030 2: RSET leads out of chunks that fail.
    fn forget_chunks(&mut self) {
        for asked in &mut self.state.queue {
            asked.ours &= !asked.row.starts_with("BDAT");
        }
    }

    fn authenticate(&mut self, line: &'static str) {
        self.ask("AUTH", line);
        self.state.stage = Stage::AuthAsked;
    }

    fn respond(&mut self, row: &'static str, line: &'static str) {
        let Stage::Challenged(n) = self.state.stage else { return };
        self.push(row, "AUTH", n, line);
        self.state.stage = Stage::AuthAsked;
    }

    fn body(&mut self) {
        self.seen_in_content("hi");
        if let Stage::Chunk { last } = self.state.stage {
            self.chunk_is_whole(last);
        }
    }

    fn seen_in_content(&mut self, line: &str) {
        self.seen.push(Seen::Wrote(line.to_string()));
    }

    /// RFC 2033 4.2: in LMTP each recipient who was accepted has a reply.
    fn finish(&mut self) {
        let Stage::Content(n) = self.state.stage else { return };
        let accepted = core::mem::take(&mut self.state.transaction.accepted);
        match self.lmtp {
            true => {
                for (at, n) in accepted.into_iter().enumerate() {
                    self.push("content", "RCPT", n, if at == 0 { "." } else { "" });
                }
            }
            false => self.push("content", "DATA", n, "."),
        }
        self.begin(Transaction::default());
        self.state.stage = Stage::Commands;
    }

    fn chunk(&mut self, row: &'static str, line: &'static str) {
        let last = row == "BDAT-last";
        self.ask(row, line);
        if last && self.lmtp {
            self.state.queue.pop_back();
            for (at, n) in self.state.transaction.accepted.clone().into_iter().enumerate() {
                self.push(row, "RCPT", n, if at == 0 { line } else { "" });
            }
        }
        let of_it = |asked: &&mut Asked| asked.row == row && !asked.sent;
        self.state.queue.iter_mut().filter(of_it).for_each(|asked| asked.whole = false);
        self.state.stage = Stage::Chunk { last };
    }

    fn chunk_is_whole(&mut self, last: bool) {
        self.state.queue.iter_mut().for_each(|asked| asked.whole = true);
        if last {
            self.state.transaction = Transaction::default();
        }
        self.state.stage = if last { Stage::Commands } else { Stage::Chunks };
    }

    /// RFC 2920 3.1: RSET, MAIL, RCPT, chunks that are not the last and content may stand in front of others; all else is waited for.
    fn release(&mut self) {
        if self.is_over() {
            return;
        }
        self.give_data_up();
        let pipelining = self.state.offered.unwrap_or_default().pipelining;
        for at in 0..self.state.queue.len() {
            let row = self.state.queue[at].row;
            let may = at.checked_sub(1).is_none_or(|ahead| {
                let ahead = self.state.queue[ahead].row;
                // In LMTP one chunk has many replies.
                pipelining && goes_on(ahead) || ahead == "BDAT-last" && row == ahead
            });
            let asked = &mut self.state.queue[at];
            if !asked.sent && !may {
                return;
            }
            if !core::mem::replace(&mut asked.sent, true) && !asked.line.is_empty() {
                self.seen.push(Seen::Wrote(asked.line.to_string()));
            }
        }
    }

    /// RFC 2920 3.1: nobody is left to send to, and DATA has not left.
    fn give_data_up(&mut self) {
        let Transaction { mail, accepted, asked, .. } = &self.state.transaction;
        let nobody =
            *mail == Some(false) || *mail == Some(true) && accepted.is_empty() && *asked == 0;
        let held = self.state.queue.iter().filter(|asked| !asked.sent).count() == 1;
        if self.state.stage == Stage::Data && nobody && held {
            let data = self.state.queue.back_mut().expect("DATA is held");
            (data.row, data.verb, data.line) = ("RSET", "RSET", "RSET");
            self.begin(Transaction::default());
            self.state.stage = Stage::Commands;
        }
    }
}

fn if_offered(offered: bool) -> &'static str {
    if offered { "ok" } else { "NotOffered" }
}

fn goes_on(row: &str) -> bool {
    ["RSET", "MAIL", "RCPT", "BDAT", "content", "dot"].contains(&row)
}
