//! AUTH: an exchange of opaque challenges and responses (RFC 4954 4). What they hold is the affair of a mechanism.

use alloc::borrow::Cow;

use super::pipeline::{Asked, COMMAND_LINE};
use super::{Client, Event, Misuse, Sent, Stage};
use crate::line::ReplyLimits;
use crate::sasl::Secret;
use crate::wire::Auth;
use crate::{Base64, Class, Command, Mechanism, Reply};

/// The longest line of an exchange, with its CRLF (RFC 4954 4).
const LINE: usize = 12_288;

/// `octets` as base64.
fn encoded(octets: &[u8]) -> Secret {
    Base64::encode(octets).into()
}

impl Client {
    /// AUTH by a mechanism, with its initial response where it has one; empty and absent are not the same. What comes of it is an
    /// [`Event::Challenge`] or the reply to this command.
    ///
    /// # Errors
    ///
    /// [`Misuse::NeedsTls`]: in the clear only the mechanisms of [`Config::auth_in_clear`](super::Config::auth_in_clear) are used.
    /// [`Misuse::NotOffered`]; [`Misuse::Order`]: the session is authenticated, or in a transaction; [`Misuse::Invalid`]: the response is
    /// longer than 12288 octets in base64. The rest as every command.
    pub fn auth(
        &mut self,
        mechanism: Mechanism<'_>,
        initial: Option<&[u8]>,
    ) -> Result<Sent, Misuse> {
        let offered = self.may_command()?.mechanisms().contains(mechanism.as_str());
        if !self.secure && !self.config.auth_in_clear.contains(mechanism.as_str()) {
            return Err(Misuse::NeedsTls);
        }
        // RFC 4954 4: once a session, and not in a transaction.
        if self.authenticated || self.transaction.is_open() {
            return Err(Misuse::Order);
        }
        if !offered {
            return Err(Misuse::NotOffered);
        }
        let response = initial.map(encoded);
        if response.as_ref().is_some_and(|response| is_too_long(response.as_bytes())) {
            return Err(Misuse::Invalid);
        }
        // RFC 4954 4: what has no room in the line is sent behind the first challenge.
        let around = "AUTH  \r\n".len().saturating_add(mechanism.as_str().len());
        let at_once = response
            .as_ref()
            .filter(|response| response.as_bytes().len().saturating_add(around) <= COMMAND_LINE)
            .and_then(|response| Base64::parse(response.as_bytes()).ok());
        let sent = self.queue(Command::Auth(Auth { mechanism, initial: at_once }))?;
        self.pipeline.keep_secret();
        self.held_response = if at_once.is_some() { None } else { response };
        self.stage = Stage::AuthAsked;
        Ok(sent)
    }

    /// Answers a challenge; no octets are an empty line.
    ///
    /// # Errors
    ///
    /// [`Misuse::Order`]: no challenge waits for an answer. [`Misuse::Invalid`]: longer than 12288 octets in base64. [`Misuse::Over`].
    pub fn auth_response(&mut self, octets: &[u8]) -> Result<Sent, Misuse> {
        let sent = self.challenged()?;
        let response = encoded(octets);
        if is_too_long(response.as_bytes()) {
            return Err(Misuse::Invalid);
        }
        self.respond(sent, Asked::Command, response.as_bytes());
        Ok(sent)
    }

    /// Gives the exchange up: the reply to the AUTH command is the next thing that comes (RFC 4954 4).
    ///
    /// # Errors
    ///
    /// As [`auth_response`](Self::auth_response).
    pub fn auth_cancel(&mut self) -> Result<Sent, Misuse> {
        let sent = self.challenged()?;
        self.respond(sent, Asked::AuthCancel, b"*");
        Ok(sent)
    }

    const fn challenged(&self) -> Result<Sent, Misuse> {
        match self.stage {
            Stage::Challenged(sent) => Ok(sent),
            _ if self.is_over() => Err(Misuse::Over),
            _ => Err(Misuse::Order),
        }
    }

    fn respond(&mut self, sent: Sent, asked: Asked, line: &[u8]) {
        self.pipeline.push_response(sent, asked, line);
        self.stage = Stage::AuthAsked;
        self.release();
    }

    pub(super) fn auth_answered<'b>(&mut self, to: Sent, reply: Reply<'b>) -> Option<Event<'b>> {
        let held = self.held_response.take();
        if reply.class() != Class::Intermediate {
            self.authenticated = reply.class() == Class::Completion;
            self.stage = Stage::Commands;
            return Some(Event::Reply { to, reply });
        }
        match (challenge(&reply), held) {
            (Some(challenge), None) => {
                self.stage = Stage::Challenged(to);
                return Some(Event::Challenge(challenge));
            }
            (Some(Base64::EMPTY), Some(response)) => {
                self.respond(to, Asked::Command, response.as_bytes());
            }
            // RFC 4954 4: what cannot be decoded is given up. So is a challenge where the response that is held was to come first.
            _ => self.respond(to, Asked::AuthCancel, b"*"),
        }
        None
    }
}

/// What a reply may be at most: a challenge may be longer than any other line.
pub(super) fn limits<'c>(stage: &Stage, limits: &'c ReplyLimits) -> Cow<'c, ReplyLimits> {
    if matches!(stage, Stage::AuthAsked) && limits.line < LINE {
        let total = limits.total.max(LINE);
        return Cow::Owned(ReplyLimits { line: LINE, total, ..limits.clone() });
    }
    Cow::Borrowed(limits)
}

fn is_too_long(response: &[u8]) -> bool {
    response.len().saturating_add(2) > LINE
}

/// `"334" SP [ base64 ] CRLF`, in one line.
fn challenge<'b>(reply: &Reply<'b>) -> Option<Base64<'b>> {
    let mut lines = reply.lines();
    let line = lines.next()?;
    if lines.next().is_some() { None } else { Base64::parse(line).ok() }
}
