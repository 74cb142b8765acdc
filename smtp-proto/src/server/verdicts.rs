//! LMTP (RFC 2033 4.2): behind the content there is one reply for each accepted recipient.

use super::pending::Question;
use super::{Pending, ReplyError, Server, kind, stock};
use crate::{Code, Reply};

impl Server {
    /// Judges the message for one recipient, the first of those that are accepted and not judged. Gives the token back while others are
    /// left. [`reply`](Self::reply) and [`accept`](Self::accept) judge it for all who are left.
    ///
    /// # Errors
    ///
    /// [`ReplyError::Unsuitable`]: this cannot be a verdict; all who are left got 451 4.3.0. [`ReplyError::Foreign`] and
    /// [`ReplyError::Late`] as for [`accept`](Self::accept).
    pub fn verdict(
        &mut self,
        pending: Pending<kind::Verdicts>,
        reply: &Reply<'_>,
    ) -> Result<Option<Pending<kind::Verdicts>>, ReplyError> {
        let index = self.owed.find(&pending)?;
        if !Question::Verdicts.suits(reply.code()) {
            self.settle(index, Question::Verdicts, &stock::UNANSWERED.reply);
            return Err(ReplyError::Unsuitable);
        }
        // RFC 5321 3.8: nothing follows a 421.
        let last = self.state.accepted() <= 1 || reply.code() == Code::UNAVAILABLE;
        if last {
            self.settle(index, Question::Verdicts, reply);
            return Ok(None);
        }
        self.state.recipient_judged(reply.class().is_positive());
        let reply = self.finished(Question::Verdicts, reply);
        self.write(&reply);
        self.timers.answer = self.timers.fresh();
        self.stirred = true;
        Ok(Some(pending))
    }

    pub(super) fn judge_all(&mut self, reply: &Reply<'_>) {
        let reply = self.finished(Question::Verdicts, reply);
        let accepted = reply.class().is_positive();
        while self.state.recipient_judged(accepted) && reply.code() != Code::UNAVAILABLE {
            self.write(&reply);
        }
        let delivered = self.state.any_delivered();
        self.state.message_answered(delivered);
        self.place(0, &reply);
    }
}
