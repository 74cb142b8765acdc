//! One letter, many recipients, on top of a [`Client`]: what every MTA writes again.
//!
//! [`plan`](Delivery::plan) says how a letter can go to this server, or why it cannot. [`Delivery`] then sends it, and settles the fate of
//! every recipient exactly once.
//!
//! ```
//! use smtp_proto::Extensions;
//! use smtp_proto::delivery::{Content, Delivery, Envelope, Unsendable};
//!
//! let envelope = Envelope::new("me@x.test", ["you@y.test"])?;
//! let content = Content::eight_bit().with_octets(1000);
//! let small = Extensions::none().with_size(500);
//! assert_eq!(Delivery::plan(&small, &envelope, content).unwrap_err(), Unsendable::EightBit);
//! # Ok::<(), smtp_proto::ParseError>(())
//! ```
//!
//! The client is lent to each call and outlives the letter, so that many letters go over one session.

mod envelope;
mod plan;

use alloc::vec::Vec;

pub use envelope::Envelope;
pub use plan::{Content, Plan, Unsendable};

use crate::client::{self, Client, Error, Misuse, Sent};
use crate::{Class, Code, Condition, EnhancedCode, Extensions, Mail, Rcpt, Reply, Verb};

/// What became of a letter for one recipient.
///
/// ```
/// use smtp_proto::delivery::Fate;
///
/// /// Whether a queue keeps the recipient.
/// fn try_again(fate: Fate) -> bool {
///     matches!(fate, Fate::Transient | Fate::Unknown)
/// }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(clippy::exhaustive_enums, reason = "every sender has to tell these apart")]
pub enum Fate {
    /// The server took responsibility.
    Delivered,
    /// Not now: try again later.
    Transient,
    /// No: tell the sender.
    Permanent,
    /// The connection was lost behind the final dot: the server may have it (RFC 1047).
    Unknown,
}

impl Fate {
    const fn of(class: Class) -> Self {
        match class {
            Class::Completion | Class::Intermediate => Self::Delivered,
            Class::Transient => Self::Transient,
            Class::Permanent => Self::Permanent,
        }
    }
}

/// Of whom a [`Settled`](Event::Settled) speaks: one reply may settle many.
///
/// ```
/// use smtp_proto::delivery::{Delivery, Of};
///
/// fn how_many(delivery: &Delivery<'_>, of: Of) -> usize {
///     delivery.recipients(of).count()
/// }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(
    clippy::exhaustive_enums,
    reason = "a reply is to one recipient, to the accepted or to all"
)]
pub enum Of {
    /// This recipient.
    One(usize),
    /// Everyone whom the server accepted in this transaction.
    Accepted,
    /// Everyone who is not settled yet.
    Rest,
}

/// What became of the recipients, and by which reply.
///
/// ```
/// use smtp_proto::delivery::Outcome;
///
/// fn show(outcome: &Outcome<'_>) -> String {
///     match outcome.reply {
///         Some(reply) => format!("{:?}: {reply}", outcome.fate),
///         None => format!("{:?}", outcome.fate),
///     }
/// }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "an outcome has these two parts")]
pub struct Outcome<'b> {
    /// What became of them.
    pub fate: Fate,
    /// The reply that decided; `None` where none did.
    pub reply: Option<Reply<'b>>,
}

/// How a delivery goes on.
///
/// ```
/// use smtp_proto::delivery::{Delivery, Event};
///
/// fn log(delivery: &Delivery<'_>, event: &Event<'_>) {
///     if let Event::Settled { of, outcome } = event {
///         for index in delivery.recipients(*of) {
///             println!("recipient {index}: {:?}", outcome.fate);
///         }
///     }
/// }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event<'b> {
    /// Recipients are settled; [`Delivery::recipients`] says which.
    Settled {
        /// Of whom it speaks.
        of: Of,
        /// What became of them.
        outcome: Outcome<'b>,
    },
    /// Feed the content now, by [`Delivery::body`] and [`Delivery::finish`], from its first octet: it may be asked for again where the
    /// server takes no more recipients in one transaction.
    Content,
    /// Every recipient is settled.
    Done {
        /// Whether the session can carry another letter.
        reusable: bool,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Not sent in this transaction, or told to come again.
    Waiting,
    /// RCPT is sent.
    Asked,
    Accepted,
    /// Settled by the event that is being raised.
    Settling,
    Settled,
}

/// Why a command was not queued.
enum Unqueued {
    /// There is no room, or nothing is to be queued now.
    Later,
    /// It cannot go to this server.
    Never(Of),
}

impl Unqueued {
    const fn of(misuse: Misuse, of: Of) -> Self {
        match misuse {
            Misuse::Full | Misuse::NotYet | Misuse::Over => Self::Later,
            _ => Self::Never(of),
        }
    }
}

/// Where the transaction stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// A RSET may be due, then MAIL.
    Mail,
    /// Recipients are queued, from this one on.
    Rcpt(usize),
    /// DATA is to be queued.
    Data,
    /// Its reply is waited for.
    Asked,
    /// The content is fed.
    Content,
    /// The final dot was queued.
    Ended,
    /// MAIL, DATA or the content was judged; replies that are left are read.
    Judged,
    Done,
}

/// One letter on its way.
///
/// See the [module](self).
///
/// ```
/// use std::sync::Arc;
/// use smtp_proto::Host;
/// use smtp_proto::client::{Client, Config};
/// use smtp_proto::delivery::{Content, Delivery, Envelope, Event};
///
/// let mut client = Client::new(Arc::new(Config::default()));
/// client.hello(Host::parse(b"c.test")?)?;
/// let mut greeted = &b"220 mx\r\n"[..];
/// while client.next(&mut greeted)?.is_some() {}
/// client.sent(client.outgoing().len());
/// let mut input = &b"250 mx\r\n"[..];
/// while client.next(&mut input)?.is_some() {}
///
/// let envelope = Envelope::new("me@x.test", ["you@y.test"])?;
/// let plan = Delivery::plan(client.extensions().unwrap(), &envelope, Content::seven_bit())?;
/// let mut delivery = Delivery::new(plan, envelope);
/// assert_eq!(delivery.next(&mut client, &mut input)?, None);
/// assert_eq!(client.outgoing(), b"MAIL FROM:<me@x.test>\r\n");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Delivery<'e> {
    plan: Plan,
    envelope: Envelope<'e>,
    states: Vec<State>,
    stage: Stage,
    /// The number of the transaction's MAIL.
    mail: u32,
    /// The recipients in the order of the transaction's RCPTs, the first `answered` of which are answered.
    order: Vec<usize>,
    answered: usize,
    /// Recipients whom the server accepted in this transaction.
    accepted: usize,
    /// Recipients who are not settled.
    open: usize,
    /// How many of the plan's unsendable recipients are settled.
    refused: usize,
    /// The event that was raised last settled somebody.
    settling: bool,
}

impl<'e> Delivery<'e> {
    /// How the letter can go to a server that offers `offered`: pure, so that a queue can ask before it connects.
    ///
    /// # Errors
    ///
    /// Why it cannot go there at all. Recipients who alone cannot are in the [`Plan`], and are settled first.
    pub fn plan(
        offered: &Extensions,
        envelope: &Envelope<'e>,
        content: Content,
    ) -> Result<Plan, Unsendable> {
        plan::plan(offered, envelope, content)
    }

    /// A letter that has not begun.
    #[must_use]
    pub fn new(plan: Plan, envelope: Envelope<'e>) -> Self {
        let states: Vec<State> = envelope.recipients().map(|_| State::Waiting).collect();
        let open = states.len();
        Self {
            plan,
            envelope,
            states,
            stage: Stage::Mail,
            mail: 0,
            order: Vec::new(),
            answered: 0,
            accepted: 0,
            open,
            refused: 0,
            settling: false,
        }
    }

    /// Takes the next event: commands are queued on `client` as it has room, replies read off the front of `input`. `None`: drive the
    /// client as it [`wants`](Client::wants), then call again.
    ///
    /// # Errors
    ///
    /// The session cannot go on: [`give_up`](Self::give_up) says what became of those who are not settled.
    pub fn next<'b>(
        &mut self,
        client: &mut Client,
        input: &mut &'b [u8],
    ) -> Result<Option<Event<'b>>, Error> {
        self.settle();
        let unsendable = self.plan.unsendable().nth(self.refused);
        if let Some((index, _)) = unsendable {
            self.refused = self.refused.saturating_add(1);
            return Ok(Some(self.settled(Of::One(index), Fate::Permanent, None)));
        }
        loop {
            if let Some(event) = self.queue(client) {
                return Ok(Some(event));
            }
            if self.is_between_transactions(client) {
                if self.open == 0 {
                    self.stage = Stage::Done;
                    return Ok(Some(Event::Done { reusable: client.is_reusable() }));
                }
                // Recipients are left for another transaction.
                self.stage = Stage::Mail;
                continue;
            }
            match client.next(input)? {
                Some(event) => {
                    if let Some(event) = self.hear(event) {
                        return Ok(Some(event));
                    }
                }
                None if client.is_over() && self.stage != Stage::Done => {
                    return Ok(Some(self.cut_off()));
                }
                None => return Ok(None),
            }
        }
    }

    fn is_between_transactions(&self, client: &Client) -> bool {
        match self.stage {
            Stage::Judged => client.is_idle() && !client.is_over(),
            Stage::Mail => self.open == 0,
            _ => false,
        }
    }

    /// The session ended in good order, but not everyone is settled: what is left may go later.
    fn cut_off<'b>(&mut self) -> Event<'b> {
        if self.open == 0 {
            self.stage = Stage::Done;
            return Event::Done { reusable: false };
        }
        self.settled(Of::Rest, Fate::Transient, None)
    }

    // What is sent.

    /// Queues as much of the transaction as the client takes; what there is no room for is queued later. What it refuses for another
    /// reason, since the plan was made for another session, is settled: nobody waits for ever.
    fn queue<'b>(&mut self, client: &mut Client) -> Option<Event<'b>> {
        loop {
            match self.queue_one(client) {
                Ok(stage) => self.stage = stage,
                Err(Unqueued::Later) => return None,
                Err(Unqueued::Never(of)) => {
                    let fate =
                        if matches!(of, Of::One(_)) { Fate::Permanent } else { Fate::Transient };
                    return Some(self.settled(of, fate, None));
                }
            }
        }
    }

    fn queue_one(&mut self, client: &mut Client) -> Result<Stage, Unqueued> {
        match self.stage {
            Stage::Mail if self.open == 0 || client.is_over() => Err(Unqueued::Later),
            Stage::Mail if client.in_transaction() => {
                client.reset().map(|_| Stage::Mail).map_err(|misuse| Unqueued::of(misuse, Of::Rest))
            }
            Stage::Mail => {
                let mail = Mail { from: self.envelope.from(), params: self.plan.mail() };
                self.mail = client.mail(&mail).map_err(|misuse| Unqueued::of(misuse, Of::Rest))?.n;
                self.order.clear();
                (self.answered, self.accepted) = (0, 0);
                Ok(Stage::Rcpt(0))
            }
            Stage::Rcpt(index) => match self.states.get(index) {
                None => Ok(Stage::Data),
                Some(State::Waiting) => {
                    let sent = self.queue_recipient(client, index);
                    sent.map_err(|misuse| Unqueued::of(misuse, Of::One(index)))?;
                    Ok(Stage::Rcpt(index.saturating_add(1)))
                }
                Some(_) => Ok(Stage::Rcpt(index.saturating_add(1))),
            },
            Stage::Data => {
                client.data().map(|_| Stage::Asked).map_err(|misuse| Unqueued::of(misuse, Of::Rest))
            }
            Stage::Asked | Stage::Content | Stage::Ended | Stage::Judged | Stage::Done => {
                Err(Unqueued::Later)
            }
        }
    }

    fn queue_recipient(&mut self, client: &mut Client, index: usize) -> Result<(), Misuse> {
        let Some(rcpt) = self.envelope.recipients().nth(index) else { return Ok(()) };
        let params = self.plan.recipient(rcpt.params);
        client.rcpt(&Rcpt { to: rcpt.to, params: params.as_ref() })?;
        self.put(index, State::Asked);
        self.order.push(index);
        Ok(())
    }

    /// Feeds content after [`Event::Content`]. Returns how many octets were taken; 0: flush first.
    ///
    /// # Errors
    ///
    /// As [`Client::body`].
    pub fn body(&mut self, client: &mut Client, octets: &[u8]) -> Result<usize, Misuse> {
        client.body(octets)
    }

    /// Ends the content.
    ///
    /// # Errors
    ///
    /// As [`Client::finish`].
    pub fn finish(&mut self, client: &mut Client) -> Result<(), Misuse> {
        client.finish()?;
        self.stage = Stage::Ended;
        Ok(())
    }

    // What is heard.

    fn hear<'b>(&mut self, event: client::Event<'b>) -> Option<Event<'b>> {
        match event {
            client::Event::Reply { to, reply } => self.reply(to, reply),
            client::Event::SendBody { .. } => {
                self.stage = Stage::Content;
                Some(Event::Content)
            }
            client::Event::Unavailable(reply) => {
                Some(self.settled(Of::Rest, Fate::Transient, Some(reply)))
            }
            // The session was greeted, and nobody asks for a password, before the letter came.
            client::Event::Greeting(_) | client::Event::Challenge(_) => None,
        }
    }

    fn reply<'b>(&mut self, to: Sent, reply: Reply<'b>) -> Option<Event<'b>> {
        let ours = to.n >= self.mail && self.stage != Stage::Mail;
        // RFC 5321 3.8: everything that is open is put off; content that was ended has its verdict in it.
        let over = reply.code() == Code::UNAVAILABLE && to.verb != Verb::Data;
        if over || !ours {
            return (over && self.open > 0)
                .then(|| self.settled(Of::Rest, Fate::Transient, Some(reply)));
        }
        match to.verb {
            Verb::Mail if !reply.class().is_positive() => {
                self.judge();
                Some(self.settled(Of::Rest, Fate::of(reply.class()), Some(reply)))
            }
            Verb::Rcpt => self.recipient(reply),
            Verb::Data => self.verdict(reply),
            // DATA did not leave: nobody was accepted.
            Verb::Rset => {
                self.judge();
                None
            }
            _ => None,
        }
    }

    fn recipient<'b>(&mut self, reply: Reply<'b>) -> Option<Event<'b>> {
        let index = *self.order.get(self.answered)?;
        self.answered = self.answered.saturating_add(1);
        if self.states.get(index) != Some(&State::Asked) {
            return None;
        }
        match reply.class() {
            Class::Completion | Class::Intermediate => {
                self.put(index, State::Accepted);
                self.accepted = self.accepted.saturating_add(1);
                None
            }
            _ if self.accepted > 0 && is_full(&reply) => {
                // RFC 5321 4.5.3.1.10: those who found no room go in another transaction.
                self.put(index, State::Waiting);
                None
            }
            Class::Transient => Some(self.settled(Of::One(index), Fate::Transient, Some(reply))),
            Class::Permanent => Some(self.settled(Of::One(index), Fate::Permanent, Some(reply))),
        }
    }

    /// The reply to DATA, or to the content.
    fn verdict<'b>(&mut self, reply: Reply<'b>) -> Option<Event<'b>> {
        self.judge();
        (self.accepted > 0)
            .then(|| self.settled(Of::Accepted, Fate::of(reply.class()), Some(reply)))
    }

    const fn judge(&mut self) {
        self.stage = Stage::Judged;
    }

    // What became of whom.

    /// Whom the [`Settled`](Event::Settled) that was raised last speaks of, as places in the envelope.
    pub fn recipients(&self, of: Of) -> impl Iterator<Item = usize> + '_ {
        self.states.iter().enumerate().filter_map(move |(index, state)| {
            let named = match of {
                Of::One(one) => index == one,
                Of::Accepted | Of::Rest => *state == State::Settling,
            };
            named.then_some(index)
        })
    }

    /// What became of those who are not settled, after an error: they may be tried again, but where the final dot had left nobody knows.
    pub fn give_up(mut self, client: &Client) -> impl Iterator<Item = (usize, Fate)> + use<> {
        self.settle();
        let unknown = self.stage == Stage::Ended && client.is_verdict_owed();
        self.states.into_iter().enumerate().filter_map(move |(index, state)| match state {
            State::Settled | State::Settling => None,
            State::Accepted if unknown => Some((index, Fate::Unknown)),
            State::Waiting | State::Asked | State::Accepted => Some((index, Fate::Transient)),
        })
    }

    fn settled<'b>(&mut self, of: Of, fate: Fate, reply: Option<Reply<'b>>) -> Event<'b> {
        match of {
            Of::One(index) => self.put(index, State::Settling),
            Of::Accepted => self.settle_all(|state| state == State::Accepted),
            Of::Rest => {
                self.settle_all(|state| state != State::Settled);
                self.judge();
            }
        }
        self.settling = true;
        Event::Settled { of, outcome: Outcome { fate, reply } }
    }

    fn settle_all(&mut self, named: impl Fn(State) -> bool) {
        for state in self.states.iter_mut().filter(|state| named(**state)) {
            *state = State::Settling;
        }
    }

    /// The event that settled them was seen.
    fn settle(&mut self) {
        if core::mem::take(&mut self.settling) {
            for state in self.states.iter_mut().filter(|state| **state == State::Settling) {
                *state = State::Settled;
                self.open = self.open.saturating_sub(1);
            }
        }
    }

    fn put(&mut self, index: usize, new: State) {
        if let Some(state) = self.states.get_mut(index) {
            *state = new;
        }
    }
}

/// Too many recipients for one transaction: 452 where no enhanced code says something else, and 552 of old servers unless it speaks of a
/// size or a mailbox (RFC 5321 4.5.3.1.10).
fn is_full(reply: &Reply<'_>) -> bool {
    let condition = reply.enhanced().map(EnhancedCode::condition);
    match reply.code() {
        Code::INSUFFICIENT_STORAGE => {
            condition.is_none_or(|condition| condition == Condition::TOO_MANY_RECIPIENTS)
        }
        Code::EXCEEDED_STORAGE => condition.is_none_or(|condition| {
            condition != Condition::MESSAGE_TOO_BIG_FOR_SYSTEM
                && condition.subject() != Condition::OTHER_MAILBOX_STATUS.subject()
        }),
        _ => false,
    }
}

#[cfg(test)]
mod tests;
