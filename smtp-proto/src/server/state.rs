//! Every transition of the server machine, and nothing else. What may come where is in `state/may.rs`, what is the
//! case in `state/case.rs`.
//!
//! | | before hello | hello | MAIL accepted | RCPT tried | content |
//! |---|---|---|---|---|---|
//! | EHLO HELO | hello | hello | hello | hello | |
//! | MAIL | 503 | transaction | 503 | 503 | |
//! | RCPT | 503 | 503 | recipient | recipient | |
//! | DATA | 503 | 503 | 503 | content, or 554 where all were refused | |
//! | STARTTLS | 503 | handshake, then before hello | 503 | 503 | |
//! | AUTH | 503 | exchange, then hello | 503 | 503 | |
//! | BDAT | 503 | 503 | 503 | chunk, or 554 where all were refused | |
//! | RSET | 250 | 250 | hello | hello | |
//! | end of data, last chunk | | | | | hello |
//!
//! RFC 5321 4.1.4: what is refused changes nothing. The transaction is replaced whole at every end, never cleared field by field.

mod case;
mod content;
mod may;

use alloc::boxed::Box;

use self::content::Chunks;
use super::stock::{self, May, Stock};
use super::{Channel, Summary, Why};
use crate::data::{ChunkNewlines, ChunkReader, Reader};
use crate::wire::extension::Set;
use crate::{Body, Code, Declared, Extensions, Last, Mail, Mechanisms, ReplyBuf, Verb};

pub(super) use self::content::{Chunk, ChunkRefusal, Chunked, Content};

/// Where a session stands.
#[derive(Debug)]
pub(super) struct State {
    phase: Phase,
    /// `None` before the first hello.
    hello: Option<Hello>,
    /// What is declared of the extensions that it offered.
    declared: Declared,
    /// The mechanisms of AUTH that it offered; apart, since most sessions have none.
    mechanisms: Option<Box<Mechanisms>>,
    /// The verb of the hello that is being decided.
    hello_asked: Verb,
    transaction: Transaction,
    channel: Channel,
    authenticated: bool,
    errors: u32,
    idle: u32,
    /// AUTH commands that failed.
    auth_failures: u32,
    /// The credentials of the exchange that goes on were refused by a challenge.
    auth_refused: bool,
    /// The query that is being decided may be answered in UTF-8.
    utf8_query: bool,
    /// The last command was AUTH: what is no command may be a password that came late.
    behind_auth: bool,
}

#[derive(Debug)]
enum Phase {
    /// The greeting is owed.
    Greeting(Early),
    /// The greeting was 554 or 521: only QUIT is served (RFC 5321 3.1).
    NoService(Code),
    Commands,
    /// In the exchange of AUTH: a line is a response, not a command (RFC 4954 4).
    Auth,
    /// 220 to STARTTLS is given: nothing is read in the clear any more (RFC 3207 4).
    Handshake,
    Content(Content),
    /// Octets of a chunk are read (RFC 3030 2).
    Chunk(Chunk),
    /// The session is over; `Event::Closed` was not raised yet.
    Over {
        why: Why,
        mid_message: bool,
    },
    Closed,
}

/// What the octets at the front of the input are.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Due {
    Commands,
    /// The response of an exchange of AUTH.
    Response,
    Content,
    Chunk,
    /// Nothing: the greeting is owed.
    Greeting,
    /// Nothing in the clear.
    Handshake,
    /// Nothing any more.
    End,
}

/// Whether octets came while the greeting was owed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Early {
    No,
    Yes,
    /// And the application was told.
    Told,
}

#[derive(Clone, Copy, Debug)]
struct Hello {
    verb: Verb,
    offered: Set,
    /// The maximum of a message in octets.
    size: u64,
}

/// How an exchange of AUTH ended.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum AuthOutcome {
    Accepted,
    /// A failed attempt.
    Refused,
    /// Neither: no one was asked, or the answer is not known now.
    Undecided,
}

/// One mail transaction (RFC 5321 3.3). `Default` is none.
#[derive(Debug, Default)]
struct Transaction {
    open: bool,
    smtputf8: bool,
    binary: bool,
    accepted: u32,
    /// Recipients that are accepted or whose decision is owed.
    claimed: u32,
    tried: bool,
    /// Octets stand behind the DATA that is being decided.
    early_content: bool,
    /// The first chunk, while it is being decided.
    first_chunk: Option<(u64, Last)>,
    /// LMTP: someone has got the letter.
    delivered: bool,
    chunks: Chunks,
}

impl State {
    pub(super) fn new(channel: Channel) -> Self {
        Self {
            phase: Phase::Greeting(Early::No),
            hello: None,
            declared: Declared::NONE,
            mechanisms: None,
            hello_asked: Verb::Ehlo,
            transaction: Transaction::default(),
            channel,
            authenticated: false,
            errors: 0,
            idle: 0,
            auth_failures: 0,
            auth_refused: false,
            utf8_query: false,
            behind_auth: false,
        }
    }

    // Counters: the one over the limit ends the session.

    /// Counts an error; the one over the limit ends the session.
    pub(super) const fn count_error(&mut self, limit: u32) -> May {
        self.errors = self.errors.saturating_add(1);
        if self.errors > limit { Err(stock::TOO_MANY_ERRORS) } else { Ok(()) }
    }

    /// Counts an idle command; the one over the limit ends the session. The first hello is free, and so is a RSET with something to reset.
    pub(super) fn count_idle(&mut self, verb: Verb, limit: u32) -> May {
        let free = match verb {
            Verb::Ehlo | Verb::Helo | Verb::Lhlo => self.hello.is_none(),
            Verb::Rset => self.transaction.open,
            _ => !verb.is_idle(),
        };
        if !free {
            self.idle = self.idle.saturating_add(1);
        }
        if self.idle > limit { Err(stock::TOO_MANY_IDLE) } else { Ok(()) }
    }

    /// Counts what does nothing for any letter: an empty chunk that is not the last, one behind a chunk that failed, a declared verb.
    pub(super) const fn count_idle_one(&mut self, limit: u32) -> May {
        self.idle = self.idle.saturating_add(1);
        if self.idle > limit { Err(stock::TOO_MANY_IDLE) } else { Ok(()) }
    }

    // Transitions.

    /// Octets came before the greeting.
    pub(super) fn talk_early(&mut self) {
        if matches!(self.phase, Phase::Greeting(Early::No)) {
            self.phase = Phase::Greeting(Early::Yes);
        }
    }

    /// Whether the application has to be told of it: once.
    pub(super) fn tell_early(&mut self) -> bool {
        let tell = matches!(self.phase, Phase::Greeting(Early::Yes));
        if tell {
            self.phase = Phase::Greeting(Early::Told);
        }
        tell
    }

    pub(super) const fn was_early(&self) -> bool {
        matches!(self.phase, Phase::Greeting(Early::Yes | Early::Told))
            || self.transaction.early_content
    }

    pub(super) fn greeted(&mut self, code: Code) {
        self.phase = match code.class().is_positive() {
            true => Phase::Commands,
            false => Phase::NoService(code),
        };
    }

    pub(super) const fn query_asked(&mut self, smtputf8: bool) {
        self.utf8_query = smtputf8;
    }

    pub(super) const fn query_answered(&mut self) {
        self.utf8_query = false;
    }

    /// Whether a reply of this code may be UTF-8 (RFC 6531 3.7.4): to a query that says so, and where it names another mailbox.
    pub(super) fn takes_utf8(&self, code: Code) -> bool {
        self.utf8_query
            || self.transaction.smtputf8
                && matches!(code, Code::WILL_FORWARD | Code::USER_NOT_LOCAL)
    }

    pub(super) const fn hello_asked(&mut self, verb: Verb) {
        self.hello_asked = verb;
    }

    /// RFC 5321 4.1.4: an accepted hello resets. Whether it ended a transaction.
    pub(super) fn hello_accepted(&mut self, offer: &Extensions, declared: Declared) -> bool {
        // RFC 1870 3: a maximum of 0 is none.
        let size = offer.size().filter(|&octets| octets != 0).unwrap_or(u64::MAX);
        self.declared = declared;
        let mechanisms = offer.mechanisms();
        self.mechanisms = (!mechanisms.is_empty()).then(|| Box::new(mechanisms.clone()));
        self.hello = Some(Hello { verb: self.hello_asked, offered: offer.set(), size });
        self.reset()
    }

    /// RFC 3207 4.2: what was said in the clear is forgotten at the end of the handshake.
    pub(super) fn tls_accepted(&mut self) {
        self.phase = Phase::Handshake;
    }

    pub(super) fn tls_established(&mut self) {
        let Self { errors, idle, auth_failures, .. } = *self;
        *self =
            Self { phase: Phase::Commands, errors, idle, auth_failures, ..Self::new(Channel::Tls) };
    }

    pub(super) fn challenged(&mut self) {
        self.phase = Phase::Auth;
    }

    /// The attempt has failed, however the exchange ends.
    pub(super) const fn auth_refused(&mut self) {
        self.auth_refused = true;
    }

    /// The exchange ended, by an answer or by the client.
    pub(super) fn auth_ended(&mut self, outcome: AuthOutcome) {
        if matches!(self.phase, Phase::Auth) {
            self.phase = Phase::Commands;
        }
        self.authenticated = outcome == AuthOutcome::Accepted;
        let refused = core::mem::take(&mut self.auth_refused);
        if refused || outcome == AuthOutcome::Refused {
            self.auth_failures = self.auth_failures.saturating_add(1);
        }
    }

    /// Whether a line may hold a secret: AUTH, and what is no command between it and the next command, such as a password that came late.
    pub(super) fn may_be_secret(&mut self, verb: Option<Verb>) -> bool {
        if let Some(verb) = verb {
            self.behind_auth = verb == Verb::Auth;
        }
        self.behind_auth
    }

    pub(super) fn mail_asked(&mut self, mail: &Mail<'_>) {
        let binary = mail.params.body() == Some(Body::BinaryMime);
        self.transaction =
            Transaction { smtputf8: mail.params.smtputf8(), binary, ..Transaction::default() };
    }

    pub(super) fn mail_answered(&mut self, accepted: bool) {
        if accepted {
            self.transaction.open = true;
        } else {
            self.transaction = Transaction::default();
        }
    }

    pub(super) const fn rcpt_asked(&mut self) {
        self.transaction.claimed = self.transaction.claimed.saturating_add(1);
    }

    pub(super) const fn rcpt_answered(&mut self, accepted: bool) {
        if accepted {
            self.transaction.accepted = self.transaction.accepted.saturating_add(1);
        } else {
            self.transaction.claimed = self.transaction.claimed.saturating_sub(1);
        }
    }

    /// RFC 2920 3.2: DATA is refused otherwise where every RCPT failed than where there was none. A malformed one counts.
    pub(super) const fn rcpt_tried(&mut self) {
        if self.transaction.open {
            self.transaction.tried = true;
        }
    }

    pub(super) const fn data_asked(&mut self, early: bool) {
        self.transaction.early_content = early;
    }

    /// Octets came behind what is being decided: where that is DATA and not BDAT, too early.
    pub(super) const fn content_came(&mut self) {
        self.transaction.early_content |= !self.is_chunk_asked();
    }

    /// RFC 3030 2: what is behind a DATA in the middle of chunks, nobody knows. Whether a letter became void.
    pub(super) fn data_refused(&mut self) -> bool {
        self.transaction.early_content = false;
        let void = self.has_chunks();
        if void {
            self.transaction.chunks = Chunks::Failed;
        }
        void
    }

    /// BDAT is served. Whether it is the first, on which the application decides.
    pub(super) fn chunk_asked(&mut self, octets: u64, last: Last) -> bool {
        let first = !self.has_chunks();
        if first {
            self.transaction.first_chunk = Some((octets, last));
        } else {
            self.phase = Phase::Chunk(Chunk::new(octets, last));
        }
        first
    }

    pub(super) const fn is_chunk_asked(&self) -> bool {
        self.transaction.first_chunk.is_some()
    }

    /// The application takes the content.
    pub(super) fn chunks_accepted(&mut self, newlines: ChunkNewlines) {
        if let Some((octets, last)) = self.transaction.first_chunk.take() {
            // RFC 3030 3: every octet is kept.
            let newlines = if self.transaction.binary { ChunkNewlines::Keep } else { newlines };
            let (reader, summary) = (ChunkReader::new(newlines), Summary::default());
            self.transaction.chunks = Chunks::Open(Chunked { reader, summary });
            self.phase = Phase::Chunk(Chunk::new(octets, last));
        }
    }

    /// The application refuses the content; its first chunk is skipped.
    pub(super) fn chunks_refused(&mut self, reply: ReplyBuf) {
        if let Some((octets, last)) = self.transaction.first_chunk.take() {
            self.transaction.chunks = Chunks::Failed;
            let refusal = Some(ChunkRefusal::Application(reply));
            self.phase = Phase::Chunk(Chunk { refusal, fails: true, ..Chunk::new(octets, last) });
        }
    }

    /// The machine refuses a chunk in front of its octets, which are skipped. Whether a letter became void.
    pub(super) fn chunk_refused(
        &mut self,
        octets: u64,
        last: Last,
        refusal: &'static Stock,
        fails: bool,
    ) -> bool {
        let free = matches!(self.transaction.chunks, Chunks::Failed)
            || refusal.reply.code() == Code::SECURITY_REQUIRED;
        let void = fails && self.has_chunks();
        if fails {
            self.transaction.chunks = Chunks::Failed;
        }
        let refusal = Some(match free {
            true => ChunkRefusal::Idle(refusal),
            false => ChunkRefusal::Machine(refusal),
        });
        let no_service = match self.phase {
            Phase::NoService(code) => Some(code),
            _ => None,
        };
        let chunk = Chunk { refusal, fails, no_service, ..Chunk::new(octets, last) };
        self.phase = Phase::Chunk(chunk);
        void
    }

    /// A fault in the octets of a chunk: the rest of them is skipped.
    pub(super) fn chunk_faulty(&mut self, fault: &'static Stock) {
        self.transaction.chunks = Chunks::Failed;
        if let Phase::Chunk(chunk) = &mut self.phase {
            chunk.refusal = Some(ChunkRefusal::Machine(fault));
            chunk.fails = true;
        }
    }

    /// A chunk was taken. What the content was like, if it was the last.
    pub(super) fn chunk_over(&mut self) -> Option<Summary> {
        let Phase::Chunk(Chunk { last, .. }) = core::mem::replace(&mut self.phase, Phase::Commands)
        else {
            return None;
        };
        if last == Last::No {
            return None;
        }
        match core::mem::take(&mut self.transaction.chunks) {
            Chunks::Open(Chunked { reader, summary }) => {
                Some(Summary { repaired: reader.repairs(), ..summary })
            }
            Chunks::None | Chunks::Failed => None,
        }
    }

    /// A chunk was skipped. One that failed as the last ends the transaction; else the client owes a RSET.
    pub(super) fn swallowed(&mut self) -> Option<(ChunkRefusal, Last)> {
        let Phase::Chunk(chunk) = core::mem::replace(&mut self.phase, Phase::Commands) else {
            return None;
        };
        if let Some(code) = chunk.no_service {
            self.phase = Phase::NoService(code);
        }
        if chunk.fails && chunk.last == Last::Yes {
            self.reset();
        }
        chunk.refusal.map(|refusal| (refusal, chunk.last))
    }

    /// The application refuses a chunk that was taken.
    pub(super) fn chunk_answered(&mut self, accepted: bool) {
        if !accepted {
            self.transaction.chunks = Chunks::Failed;
        }
    }

    /// LMTP: one recipient was judged. Whether others are left.
    pub(super) fn recipient_judged(&mut self, accepted: bool) -> bool {
        self.transaction.delivered |= accepted;
        self.transaction.accepted = self.transaction.accepted.saturating_sub(1);
        self.transaction.accepted > 0
    }

    pub(super) const fn any_delivered(&self) -> bool {
        self.transaction.delivered
    }

    pub(super) fn data_accepted(&mut self, reader: Reader) {
        self.transaction.early_content = false;
        self.phase =
            Phase::Content(Content { reader, summary: Summary::default(), void: None, window: 0 });
    }

    /// The end of data was taken. A content that is void ends the transaction here, else the answer does.
    pub(super) fn content_ended(&mut self) -> Option<Content> {
        match core::mem::replace(&mut self.phase, Phase::Commands) {
            Phase::Content(content) => {
                if content.void.is_some() {
                    self.reset();
                }
                Some(content)
            }
            other => {
                self.phase = other;
                None
            }
        }
    }

    pub(super) fn message_answered(&mut self, accepted: bool) {
        self.reset();
        if accepted {
            (self.errors, self.idle) = (0, 0);
        }
    }

    /// Whether there was a transaction to reset.
    pub(super) fn reset(&mut self) -> bool {
        core::mem::take(&mut self.transaction).open
    }

    /// Nothing more is taken. Whether the content of a letter that is not void yet was being received.
    pub(super) fn ended(&mut self, why: Why) -> bool {
        let (mid_message, alive) = match &self.phase {
            Phase::Content(content) => (true, content.void.is_none()),
            Phase::Over { .. } | Phase::Closed => return false,
            phase => (matches!(phase, Phase::Chunk(_)) || self.has_chunks(), self.has_chunks()),
        };
        self.reset();
        self.phase = Phase::Over { why, mid_message };
        alive
    }

    /// The end, to be told once.
    pub(super) fn closed(&mut self) -> Option<(Why, bool)> {
        match self.phase {
            Phase::Over { why, mid_message } => {
                self.phase = Phase::Closed;
                Some((why, mid_message))
            }
            _ => None,
        }
    }
}
