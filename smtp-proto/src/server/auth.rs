//! AUTH (RFC 4954): an exchange of opaque challenges and responses.

use bytes::BufMut;

use super::pending::Question;
use super::state::AuthOutcome;
use super::stock::{self, Stock};
use super::{Event, Notice, Pending, Refusal, ReplyError, Server, Why, kind};
use crate::line::Line;
use crate::{Base64, Code};

/// The longest challenge in octets: encoded it is as long as the longest response (RFC 4954 4).
const CHALLENGE_LIMIT: usize = 9 * 1024;

impl Server {
    /// Goes on with the exchange: 334 and `data`, which may be empty.
    ///
    /// # Errors
    ///
    /// [`ReplyError::Unsuitable`]: `data` is over 9 KiB, and 451 4.3.0 was sent instead. [`ReplyError::Foreign`] and
    /// [`ReplyError::Late`] as for [`accept`](Self::accept).
    pub fn challenge(
        &mut self,
        pending: Pending<kind::Auth>,
        data: &[u8],
    ) -> Result<(), ReplyError> {
        let index = self.owed.find(&pending)?;
        if data.len() > CHALLENGE_LIMIT {
            self.settle(index, Question::Auth, &stock::UNANSWERED.reply);
            return Err(ReplyError::Unsuitable);
        }
        self.owed.pop();
        self.state.challenged();
        self.flush_begins();
        // RFC 4954 4: the space stands there even where nothing follows. A challenge is one line, however long.
        self.outgoing.put_slice(b"334 ");
        self.outgoing.put_slice(Base64::encode(data).as_bytes());
        self.outgoing.put_slice(b"\r\n");
        self.timers.read = self.timers.fresh();
        self.stirred = true;
        Ok(())
    }

    /// A challenge that tells of a refusal, as some mechanisms have it (RFC 7628 3.2.3): the refusal itself answers the response to it. A
    /// client that cancels in its place has used up its attempt all the same. [`Login`](super::Login) does so by itself.
    ///
    /// # Errors
    ///
    /// As [`challenge`](Self::challenge).
    pub fn refuse_by_challenge(
        &mut self,
        pending: Pending<kind::Auth>,
        data: &[u8],
    ) -> Result<(), ReplyError> {
        self.owed.find(&pending)?;
        self.state.auth_refused();
        self.challenge(pending, data)
    }

    /// The exchange succeeded: 235 2.7.0.
    ///
    /// # Errors
    ///
    /// As [`accept`](Self::accept).
    pub fn authenticated(&mut self, pending: Pending<kind::Auth>) -> Result<(), ReplyError> {
        self.owed.find(&pending)?;
        self.accept_first(&pending);
        Ok(())
    }

    /// How an answer ends the exchange: 4yz says nothing of the password.
    pub(super) const fn auth_outcome(code: Code) -> AuthOutcome {
        match code.get() {
            235 => AuthOutcome::Accepted,
            500..=599 => AuthOutcome::Refused,
            _ => AuthOutcome::Undecided,
        }
    }

    /// A line of the exchange (RFC 4954 4). No command is read here.
    #[inline(never)]
    pub(super) fn response<'b>(&mut self, line: Line<'b>) -> Event<'b> {
        let line = match line {
            Line::Whole(line) => line,
            Line::TooLong => return self.no_response(stock::AUTH_LINE_TOO_LONG),
            Line::Endless => {
                self.state.auth_ended(AuthOutcome::Undecided);
                return self.refuse_and_close(&[], stock::AUTH_LINE_TOO_LONG);
            }
        };
        if line == b"*" {
            return self.no_response(stock::AUTH_CANCELLED);
        }
        match Base64::parse(line) {
            Ok(data) => Event::AuthLine { data, pending: self.owed.ask() },
            Err(error) => self.no_response(&Stock { reply: error.reply(None), why: Why::Syntax }),
        }
    }

    /// What ends the exchange without an answer of the application.
    fn no_response<'b>(&mut self, refusal: &Stock) -> Event<'b> {
        self.state.auth_ended(AuthOutcome::Undecided);
        let refused = self.refuse(&[], refusal);
        self.shut_down_when_done();
        self.reconfigure_when_done();
        match refused {
            Event::Refused(Refusal { reply, why, .. }) => {
                self.notices.push_back(Notice::Refused(Stock { reply, why }));
                Event::AuthCancelled
            }
            other => other,
        }
    }
}
