//! The receiving application of a pair: it takes everything but what the addresses and the content themselves ask it to refuse.

use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::mem::take;
use core::time::Duration;

use super::rng::Rng;
use super::story::Stored;
use crate::sasl::{self, Credentials};
use crate::server::{Event, Login, Pending, ReplyError, Server, kind};
use crate::{Code, Condition, Reply, stock};

const DELIVERED: Reply<'static> =
    Reply::new(Code::OK, Some(Condition::OTHER_ADDRESS_STATUS.success()), "Delivered");

/// What is to be decided.
enum Question {
    Connect(Pending<kind::Connect>),
    Hello(Pending<kind::Hello>),
    Mail(Pending<kind::Mail>, String),
    /// The how-manieth of its transaction.
    Rcpt(Pending<kind::Rcpt>, usize, String),
    Data(Pending<kind::Data>),
    Chunk(Pending<kind::Chunk>),
    Message(Pending<kind::Message>, Draft),
    /// For the how-manieth of the recipients.
    Verdict(Pending<kind::Verdicts>, Draft, usize),
    StartTls(Pending<kind::StartTls>),
    /// Whether the password is right.
    Auth(Pending<kind::Auth>, bool),
}

/// A decision that is put off.
struct Owed {
    due: Duration,
    question: Question,
}

/// A letter that is coming in.
#[derive(Default)]
struct Draft {
    from: String,
    asked: usize,
    to: Vec<(usize, String)>,
    content: Vec<u8>,
    /// Where it is kept, once somebody got it.
    stored: Option<usize>,
}

pub(super) struct Desk {
    owed: Vec<Owed>,
    draft: Draft,
    login: Login,
    pub(super) stored: Vec<Stored>,
    rng: Rng,
    /// Decisions take their time.
    slow: bool,
}

impl Desk {
    pub(super) fn new(slow: bool, rng: Rng) -> Self {
        let (draft, login) = (Draft::default(), Login::new());
        Self { owed: Vec::new(), draft, login, stored: Vec::new(), rng, slow }
    }

    /// Answers an event, or puts the answer off. `input` is what stands behind it.
    pub(super) fn answer(
        &mut self,
        event: Event<'_>,
        server: &mut Server,
        input: &mut &[u8],
        now: Duration,
    ) {
        let question = match event {
            Event::Connect(pending) => Question::Connect(pending),
            Event::Hello { pending, .. } => Question::Hello(pending),
            Event::Mail { mail, pending } => Question::Mail(pending, mail.from.to_string()),
            Event::Rcpt { rcpt, pending } => {
                self.draft.asked += 1;
                Question::Rcpt(pending, self.draft.asked, rcpt.to.to_string())
            }
            Event::Data { pending, .. } => Question::Data(pending),
            Event::Chunk(pending) => Question::Chunk(pending),
            Event::Body(octets) => return self.draft.content.extend_from_slice(octets),
            Event::Message { pending, .. } => Question::Message(pending, take(&mut self.draft)),
            Event::Messages { pending, .. } => {
                self.draft.to.sort_unstable();
                Question::Verdict(pending, take(&mut self.draft), 0)
            }
            Event::StartTls(pending) => Question::StartTls(pending),
            Event::Auth { mechanism, initial, pending } => {
                let exchange = sasl::exchange(mechanism);
                match self.login.begin(exchange, initial, pending, server) {
                    Some((credentials, pending)) => Question::Auth(pending, knows(&credentials)),
                    None => return,
                }
            }
            Event::AuthLine { data, pending } => match self.login.go_on(data, pending, server) {
                Some((credentials, pending)) => Question::Auth(pending, knows(&credentials)),
                None => return,
            },
            Event::AuthCancelled => return self.login.cancel(),
            Event::Aborted(_) | Event::Reset | Event::Closed { .. } => {
                self.draft = Draft::default();
                return;
            }
            other => return server.decline(other),
        };
        self.take(question, server, input, now);
    }

    fn take(&mut self, question: Question, server: &mut Server, input: &mut &[u8], now: Duration) {
        match self.delay() {
            Some(Duration::ZERO) => self.decide(question, server, input, now),
            Some(delay) => self.owed.push(Owed { due: now + delay, question }),
            // Forgotten: the token is dropped.
            None => {}
        }
    }

    /// How long a decision takes; `None` where it is never made.
    fn delay(&mut self) -> Option<Duration> {
        if !self.slow {
            return Some(Duration::ZERO);
        }
        match self.rng.below(200) {
            0 => None,
            1..5 => Some(Duration::from_secs(self.rng.below(700))),
            5..90 => Some(Duration::from_millis(self.rng.below(4_000))),
            _ => Some(Duration::ZERO),
        }
    }

    /// Makes one decision that is due, if there is one.
    pub(super) fn decide_one(
        &mut self,
        server: &mut Server,
        input: &mut &[u8],
        now: Duration,
    ) -> bool {
        let due: Vec<usize> = (0..self.owed.len()).filter(|&at| self.owed[at].due <= now).collect();
        if due.is_empty() {
            return false;
        }
        let owed = self.owed.swap_remove(self.rng.pick(&due));
        self.decide(owed.question, server, input, now);
        true
    }

    /// When the next decision is due.
    pub(super) fn wake(&self) -> Option<Duration> {
        self.owed.iter().map(|owed| owed.due).min()
    }

    fn decide(
        &mut self,
        question: Question,
        server: &mut Server,
        input: &mut &[u8],
        now: Duration,
    ) {
        let result = match question {
            Question::Connect(pending) => server.accept(pending),
            Question::Hello(pending) => server.accept(pending),
            Question::Data(pending) => server.accept(pending),
            Question::Chunk(pending) => server.accept(pending),
            Question::Mail(pending, from) => {
                server.accept(pending).inspect(|()| self.draft = Draft { from, ..Draft::default() })
            }
            Question::Rcpt(pending, nth, to) => match refusal_of(&to) {
                Some(reply) => server.reply(pending, &reply),
                // One that is answered too late is not accepted.
                None => server.accept(pending).inspect(|()| self.draft.to.push((nth, to))),
            },
            Question::Message(pending, draft) => self.judge(pending, draft, server),
            Question::Verdict(pending, mut draft, nth) => {
                match self.judge_one(pending, &mut draft, nth, server) {
                    Ok(Some(pending)) => {
                        let next = Question::Verdict(pending, draft, nth + 1);
                        return self.take(next, server, input, now);
                    }
                    result => result.map(drop),
                }
            }
            Question::StartTls(pending) => server.accept_tls(pending, input),
            Question::Auth(pending, right) => {
                let verdict = if right { Ok(None) } else { Err(stock::BAD_CREDENTIALS) };
                self.login.decide(verdict, pending, server)
            }
        };
        let expected = matches!(result, Ok(()) | Err(ReplyError::Late | ReplyError::Injected(1..)));
        debug_assert!(expected, "{result:?}");
    }

    /// A message is kept where its positive answer was taken, and only there.
    fn judge(
        &mut self,
        pending: Pending<kind::Message>,
        draft: Draft,
        server: &mut Server,
    ) -> Result<(), ReplyError> {
        let Draft { from, mut to, content, .. } = draft;
        if let Some(reply) = verdict_on(&content) {
            return server.reply(pending, &reply);
        }
        server.accept(pending)?;
        to.sort_unstable();
        let to = to.into_iter().map(|(_, address)| address).collect();
        self.stored.push(Stored { from, to, content });
        Ok(())
    }

    /// The same for one recipient.
    fn judge_one(
        &mut self,
        pending: Pending<kind::Verdicts>,
        draft: &mut Draft,
        nth: usize,
        server: &mut Server,
    ) -> Result<Option<Pending<kind::Verdicts>>, ReplyError> {
        let to = draft.to[nth].1.clone();
        if let Some(reply) = refusal_behind(&to, &draft.content) {
            return server.verdict(pending, &reply);
        }
        let left = server.verdict(pending, &DELIVERED)?;
        let at = *draft.stored.get_or_insert_with(|| {
            let Draft { from, content, .. } = draft;
            self.stored.push(Stored { from: from.clone(), to: Vec::new(), content: take(content) });
            self.stored.len() - 1
        });
        self.stored[at].to.push(to);
        Ok(left)
    }
}

/// Whose password is right.
pub(super) fn knows(credentials: &Credentials) -> bool {
    *credentials == Credentials::plain("tim", "tanstaaf")
}

/// Behind the content the recipient `full` is refused in LMTP.
fn refusal_behind(to: &str, content: &[u8]) -> Option<Reply<'static>> {
    let full = to.starts_with("full@").then(|| {
        let condition = Some(Condition::MAILBOX_FULL.transient());
        Reply::new(Code::INSUFFICIENT_STORAGE, condition, "Full")
    });
    verdict_on(content).or(full)
}

/// The recipients `no` and `later` are refused, each in its own way.
fn refusal_of(to: &str) -> Option<Reply<'static>> {
    match to.split('@').next()? {
        "no" => Some(Reply::new(
            Code::MAILBOX_UNAVAILABLE,
            Some(Condition::BAD_DESTINATION_MAILBOX_ADDRESS.permanent()),
            "No such mailbox",
        )),
        "later" => Some(Reply::new(
            Code::MAILBOX_BUSY,
            Some(Condition::MAILBOX_DISABLED.transient()),
            "Not today",
        )),
        _ => None,
    }
}

/// A content whose first line is `Verdict: 554` or `Verdict: 451` is refused so.
fn verdict_on(content: &[u8]) -> Option<Reply<'static>> {
    let condition = Condition::DELIVERY_NOT_AUTHORIZED;
    if content.starts_with(b"Verdict: 554\r\n") {
        Some(Reply::new(Code::TRANSACTION_FAILED, Some(condition.permanent()), "Refused"))
    } else if content.starts_with(b"Verdict: 451\r\n") {
        Some(Reply::new(Code::LOCAL_ERROR, Some(condition.transient()), "Put off"))
    } else {
        None
    }
}
