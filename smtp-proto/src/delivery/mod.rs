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
mod failure;
mod feed;
mod hear;
mod outcome;
mod plan;
mod relay;
mod survey;

use alloc::vec::Vec;
use core::ops::Range;

pub use envelope::Envelope;
pub use failure::Failure;
pub use outcome::{Cause, Event, Fate, Of, Outcome};
pub use plan::{Content, Plan, Unsendable};
pub use relay::{Hop, report_due};
pub use survey::Survey;

use self::feed::Chunks;
use crate::client::{Client, Error, Misuse};
use crate::steps::took;
use crate::{Extensions, Mail, Rcpt, Reply};

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
    /// It cannot go in this session (RFC 9422 4).
    Limit(Of),
    /// It goes to no server that is not known by its certificate.
    Unverified,
}

impl Unqueued {
    const fn of(misuse: Misuse, of: Of) -> Self {
        match misuse {
            Misuse::Full | Misuse::NotYet | Misuse::Over => Self::Later,
            Misuse::Unverified => Self::Unverified,
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
    /// Of the content that goes by BDAT the last chunks are to be queued.
    Ending,
    /// The final dot, or the last chunk, was queued.
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
    /// LMTP: verdicts that came in this transaction, and how far in `order` they went.
    verdicts: usize,
    judged: usize,
    /// Everyone in front of this one is settled.
    first_open: usize,
    /// Recipients who are not settled.
    open: usize,
    /// How many of the plan's unsendable recipients are settled.
    refused: usize,
    /// Whom the event that was raised last settled.
    settling: Option<Of>,
    /// Octets of the content that were taken, while it is due.
    due: Option<u64>,
    /// The content on its way, where it goes by BDAT.
    chunks: Chunks,
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
            verdicts: 0,
            judged: 0,
            first_open: 0,
            open,
            refused: 0,
            settling: None,
            due: None,
            chunks: Chunks::default(),
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
        if let Some((index, why)) = unsendable {
            self.refused = self.refused.saturating_add(1);
            let outcome = Outcome::without_reply(Fate::Permanent, Cause::Unsendable(why));
            return Ok(Some(self.settled(Of::One(index), outcome)));
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
                    if let Some(event) = self.hear(event, client) {
                        return Ok(Some(event));
                    }
                }
                None if client.is_over() && self.stage != Stage::Done => {
                    return Ok(Some(self.cut_off(client)));
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

    /// The session ended in good order, but not everyone is settled: what is left may go later. In LMTP some may be without their verdict.
    fn cut_off<'b>(&mut self, client: &Client) -> Event<'b> {
        if self.open == 0 {
            self.stage = Stage::Done;
            return Event::Done { reusable: false };
        }
        let unknown = self.is_unknown(client) && self.states.contains(&State::Accepted);
        let (of, fate) =
            if unknown { (Of::Accepted, Fate::Unknown) } else { (Of::Rest, Fate::Transient) };
        self.settled(of, Outcome::without_reply(fate, Cause::Session))
    }

    /// Whether the content has left to its end, and a verdict on it is missing (RFC 1047).
    fn is_unknown(&self, client: &Client) -> bool {
        self.stage == Stage::Ended && client.is_verdict_owed()
    }

    // What is sent.

    /// Queues as much of the transaction as the client takes; what there is no room for is queued later. What it refuses for another
    /// reason, since the plan was made for another session, is settled: nobody waits for ever.
    fn queue<'b>(&mut self, client: &mut Client) -> Option<Event<'b>> {
        loop {
            let (of, fate, cause) = match self.queue_one(client) {
                Ok(Stage::Content) => {
                    self.begin_content();
                    return Some(Event::Content);
                }
                Ok(stage) => {
                    self.stage = stage;
                    continue;
                }
                Err(Unqueued::Later) => return None,
                Err(Unqueued::Never(of @ Of::One(_))) => (of, Fate::Permanent, Cause::Session),
                Err(Unqueued::Never(of)) => (of, Fate::Transient, Cause::Session),
                Err(Unqueued::Limit(of)) => (of, Fate::Transient, Cause::Limit),
                Err(Unqueued::Unverified) => {
                    (Of::Rest, Fate::Permanent, Cause::Unsendable(Unsendable::Unverified))
                }
            };
            return Some(self.settled(of, Outcome::without_reply(fate, cause)));
        }
    }

    fn queue_one(&mut self, client: &mut Client) -> Result<Stage, Unqueued> {
        match self.stage {
            Stage::Mail if self.open == 0 || client.is_over() => Err(Unqueued::Later),
            // Where commands go one by one, what is behind one that was refused is not sent.
            Stage::Rcpt(_) | Stage::Data if client.is_lockstep() && !client.is_idle() => {
                Err(Unqueued::Later)
            }
            Stage::Mail if client.in_transaction() => {
                client.reset().map(|_| Stage::Mail).map_err(|misuse| Unqueued::of(misuse, Of::Rest))
            }
            Stage::Mail if !client.takes_mail() => Err(Unqueued::Limit(Of::Rest)),
            Stage::Mail => {
                let mail = Mail { from: self.envelope.from(), params: self.plan.mail() };
                self.mail = client.mail(&mail).map_err(|misuse| Unqueued::of(misuse, Of::Rest))?.n;
                self.order.clear();
                (self.answered, self.accepted, self.verdicts, self.judged) = (0, 0, 0, 0);
                Ok(Stage::Rcpt(self.first_open()))
            }
            Stage::Rcpt(index) => self.queue_recipients(client, index),
            // Nobody was let through by the limits.
            Stage::Data if self.order.is_empty() => Ok(Stage::Judged),
            Stage::Data if self.plan.uses_chunks() => self.begin_chunks(client),
            Stage::Data => {
                client.data().map(|_| Stage::Asked).map_err(|misuse| Unqueued::of(misuse, Of::Rest))
            }
            Stage::Ending => self.end_chunks(client),
            Stage::Content => {
                // What goes by DATA is the client's at once; what cannot be sent was refused when it was fed.
                let _ = self.hand_over(client);
                Err(Unqueued::Later)
            }
            Stage::Asked | Stage::Ended | Stage::Judged | Stage::Done => Err(Unqueued::Later),
        }
    }

    /// The first who is not settled: a transaction has no need to look at those in front of him.
    fn first_open(&mut self) -> usize {
        while self.states.get(self.first_open) == Some(&State::Settled) {
            took(1);
            self.first_open = self.first_open.saturating_add(1);
        }
        self.first_open
    }

    fn queue_recipients(&mut self, client: &mut Client, index: usize) -> Result<Stage, Unqueued> {
        let next = Ok(Stage::Rcpt(index.saturating_add(1)));
        took(1);
        match self.states.get(index) {
            None => Ok(Stage::Data),
            // RFC 9422 4.2: the others go in another transaction.
            Some(State::Waiting) if self.order.len() >= client.most_recipients() => Ok(Stage::Data),
            Some(State::Waiting) => {
                self.queue_recipient(client, index)?;
                next
            }
            Some(_) => next,
        }
    }

    fn queue_recipient(&mut self, client: &mut Client, index: usize) -> Result<(), Unqueued> {
        let Some(rcpt) = self.envelope.recipients().nth(index) else { return Ok(()) };
        if !client.takes_domain(rcpt.to) {
            return Err(Unqueued::Limit(Of::One(index)));
        }
        let params = self.plan.recipient(rcpt.params);
        client
            .rcpt(&Rcpt { to: rcpt.to, params: params.as_ref() })
            .map_err(|misuse| Unqueued::of(misuse, Of::One(index)))?;
        self.put(index, State::Asked);
        self.order.push(index);
        Ok(())
    }

    // What became of whom.

    /// Whether everyone is settled, and [`Done`](Event::Done) was told.
    #[must_use]
    pub fn is_done(&self) -> bool {
        self.stage == Stage::Done
    }

    /// Whom the [`Settled`](Event::Settled) that was raised last speaks of, as places in the envelope.
    pub fn recipients(&self, of: Of) -> impl Iterator<Item = usize> + '_ {
        let (these, all) = self.named(of);
        these.iter().copied().chain(all).filter(move |&index| {
            took(1);
            match of {
                Of::One(_) => index < self.states.len(),
                Of::Accepted | Of::Rest => self.states.get(index) == Some(&State::Settling),
            }
        })
    }

    /// Among whom those of an event are: some of the transaction, or a range. A transaction of few costs no look at all.
    fn named(&self, of: Of) -> (&[usize], Range<usize>) {
        match of {
            Of::One(index) => (&[], index..index.saturating_add(1)),
            Of::Accepted => (&self.order, 0..0),
            Of::Rest => (&[], self.first_open..self.states.len()),
        }
    }

    /// What became of those who are not settled, after an error: they may be tried again, but where the final dot had left nobody knows.
    pub fn give_up(mut self, client: &Client) -> impl Iterator<Item = (usize, Fate)> + use<> {
        self.settle();
        let unknown = self.is_unknown(client);
        self.states.into_iter().enumerate().filter_map(move |(index, state)| match state {
            State::Settled | State::Settling => None,
            State::Accepted if unknown => Some((index, Fate::Unknown)),
            State::Waiting | State::Asked | State::Accepted => Some((index, Fate::Transient)),
        })
    }

    fn by_reply<'b>(&mut self, of: Of, reply: Reply<'b>, cause: Cause) -> Event<'b> {
        let fate = Fate::of(reply.class());
        self.settled(of, Outcome { fate, reply: Some(reply), cause })
    }

    fn settled<'b>(&mut self, of: Of, outcome: Outcome<'b>) -> Event<'b> {
        let named = |state| match of {
            Of::One(_) => true,
            Of::Accepted => state == State::Accepted,
            Of::Rest => state != State::Settled,
        };
        self.turn(of, named, State::Settling);
        if of == Of::Rest {
            self.judge();
        }
        self.settling = Some(of);
        Event::Settled { of, outcome }
    }

    /// The event that settled them was seen.
    fn settle(&mut self) {
        if let Some(of) = self.settling.take() {
            let settled = self.turn(of, |state| state == State::Settling, State::Settled);
            self.open = self.open.saturating_sub(settled);
        }
    }

    /// Of those among whom the recipients of an event are, the ones in such a state pass into another. How many they were.
    fn turn(&mut self, of: Of, from: impl Fn(State) -> bool, to: State) -> usize {
        let (order, states) = (&self.order, &mut self.states);
        let mut turned = 0usize;
        let mut turn = |state: &mut State| {
            took(1);
            if from(*state) {
                *state = to;
                turned = turned.saturating_add(1);
            }
        };
        match of {
            Of::One(index) => states.get_mut(index).into_iter().for_each(turn),
            Of::Accepted => order.iter().for_each(|&index| {
                states.get_mut(index).into_iter().for_each(&mut turn);
            }),
            Of::Rest => states.iter_mut().skip(self.first_open).for_each(turn),
        }
        turned
    }

    fn put(&mut self, index: usize, new: State) {
        if let Some(state) = self.states.get_mut(index) {
            *state = new;
        }
    }
}

#[cfg(test)]
mod tests;
