//! What the server says to a letter, and whom it settles.

use super::{Cause, Delivery, Event, Fate, Of, Outcome, Stage, State};
use crate::client::{self, Client, Sent};
use crate::steps::took;
use crate::{Class, Code, Condition, EnhancedCode, Reply, Verb};

impl Delivery<'_> {
    pub(super) fn hear<'b>(
        &mut self,
        event: client::Event<'b>,
        client: &Client,
    ) -> Option<Event<'b>> {
        match event {
            client::Event::Reply { to, reply } => self.reply(to, reply, client),
            client::Event::SendBody { .. } => {
                self.begin_content();
                Some(Event::Content)
            }
            client::Event::Unavailable(reply) => Some(self.put_off(reply)),
            // The session was greeted, and nobody asks for a password, before the letter came.
            client::Event::Greeting(_) | client::Event::Challenge(_) => None,
        }
    }

    fn put_off<'b>(&mut self, reply: Reply<'b>) -> Event<'b> {
        let fate = Fate::Transient;
        self.settled(Of::Rest, Outcome { fate, reply: Some(reply), cause: Cause::Session })
    }

    fn reply<'b>(&mut self, to: Sent, reply: Reply<'b>, client: &Client) -> Option<Event<'b>> {
        let ours = to.n >= self.mail && self.stage != Stage::Mail;
        // RFC 5321 3.8: everything that is open is put off; content that was ended has its verdict in it.
        let verdict = matches!(to.verb, Verb::Data | Verb::Bdat) || self.stage == Stage::Ended;
        let over = reply.code() == Code::UNAVAILABLE && !(ours && verdict);
        if over || !ours {
            return (over && self.open > 0).then(|| self.put_off(reply));
        }
        let ends = matches!(self.stage, Stage::Ending | Stage::Ended);
        match to.verb {
            Verb::Mail if !reply.class().is_positive() => {
                self.judge();
                Some(self.by_reply(Of::Rest, reply, Cause::Mail))
            }
            // What comes before the end of the content is about all of it, and nothing follows.
            Verb::Rcpt if ends && client.is_over() && !client.is_verdict_owed() => {
                self.verdict(reply, Cause::Content)
            }
            // RFC 2033 4.2: each recipient has a verdict of its own.
            Verb::Rcpt if ends => self.verdict_of_one(reply),
            Verb::Rcpt => self.recipient(reply),
            Verb::Data if self.stage == Stage::Asked => self.verdict(reply, Cause::Data),
            Verb::Data => self.verdict(reply, Cause::Content),
            Verb::Bdat => self.chunk(to, reply),
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
            _ => Some(self.by_reply(Of::One(index), reply, Cause::Rcpt)),
        }
    }

    /// The reply to DATA, or to the content.
    fn verdict<'b>(&mut self, reply: Reply<'b>, cause: Cause) -> Option<Event<'b>> {
        self.judge();
        (self.accepted > 0).then(|| self.by_reply(Of::Accepted, reply, cause))
    }

    /// What is left of the transaction decides nothing.
    pub(super) const fn judge(&mut self) {
        self.stage = Stage::Judged;
    }

    fn verdict_of_one<'b>(&mut self, reply: Reply<'b>) -> Option<Event<'b>> {
        let index = self.next_judged()?;
        self.verdicts = self.verdicts.saturating_add(1);
        if self.verdicts == self.accepted {
            self.judge();
        }
        Some(self.by_reply(Of::One(index), reply, Cause::Content))
    }

    /// The first of the accepted who has no verdict.
    fn next_judged(&mut self) -> Option<usize> {
        loop {
            let index = *self.order.get(self.judged)?;
            self.judged = self.judged.saturating_add(1);
            took(1);
            if self.states.get(index) == Some(&State::Accepted) {
                return Some(index);
            }
        }
    }

    /// RFC 3030 2: a chunk that fails is the verdict on the whole; those behind it are answered, and mean nothing.
    fn chunk<'b>(&mut self, to: Sent, reply: Reply<'b>) -> Option<Event<'b>> {
        let decides = !reply.class().is_positive() || self.chunks.is_last(to);
        (decides && self.stage != Stage::Judged)
            .then(|| self.verdict(reply, Cause::Content))
            .flatten()
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
