//! Reads replies, counts each against its command, and moves the session as its class says.

use super::auth::limits;
use super::pipeline::{Asked, Entry};
use super::{Client, Error, Event, Fallback, Flavour, Sent, Stage, Transaction};
use crate::data::Writer;
use crate::{Class, Code, Command, Extensions, Reply, Verb};

impl Client {
    /// Takes the next reply off the front of `input`, and moves the slice behind it.
    ///
    /// # Errors
    ///
    /// The session cannot go on. The error stays: every later call gives it again.
    pub fn next<'b>(&mut self, input: &mut &'b [u8]) -> Result<Option<Event<'b>>, Error> {
        let event = self.step(input);
        self.stirred = matches!(event, Ok(Some(_)));
        event
    }

    fn step<'b>(&mut self, input: &mut &'b [u8]) -> Result<Option<Event<'b>>, Error> {
        if let Some(error) = self.error {
            return Err(error);
        }
        while !self.is_over() {
            if matches!(self.stage, Stage::Handshake) {
                return self.in_handshake(input.len());
            }
            let reply = match self.replies.next(input, &limits(&self.stage, &self.config.replies)) {
                Ok(Some(reply)) => reply,
                Ok(None) if self.eof => return Err(self.fail(Error::Eof)),
                Ok(None) => break,
                Err(fault) => return Err(self.fail(fault.into())),
            };
            if let Some(event) = self.reply(reply)? {
                return Ok(Some(event));
            }
        }
        Ok(None)
    }

    fn reply<'b>(&mut self, reply: Reply<'b>) -> Result<Option<Event<'b>>, Error> {
        if let Stage::Content(sent, _) = self.stage {
            return self.verdict_in_content(sent, reply).map(Some);
        }
        // One that began to come in before the end of the content left is a verdict on what was sent of it.
        if let Some(sent) = self.pipeline.held_end_of_content() {
            return self.verdict_in_content(sent, reply).map(Some);
        }
        let unavailable = reply.code() == Code::UNAVAILABLE;
        let Some(&entry) = self.pipeline.oldest() else {
            return if unavailable {
                Ok(Some(self.unavailable(reply)))
            } else {
                Err(self.fail(Error::Unsolicited))
            };
        };
        // A command that did not leave whole has no reply: it would be one to something else. Content may be judged before its end.
        let early_verdict =
            matches!(entry.asked, Asked::Content | Asked::Chunk(_)) && !reply.class().is_positive();
        if !self.pipeline.is_written(&entry) && !early_verdict && !unavailable {
            return Err(self.fail(Error::Unsolicited));
        }
        // What cannot answer the final dot leaves its verdict owed (RFC 1047).
        if !suits(entry.asked, entry.sent.verb, reply) || self.is_content_for_nobody(entry, reply) {
            return Err(self.fail(Error::Unexpected(entry.sent.verb)));
        }
        let cut_off = early_verdict && !self.pipeline.is_written(&entry);
        self.pipeline.pop();
        let event = self.answered(entry.asked, entry.sent, reply);
        // RFC 5321 3.8: nothing follows a 421. What was not sent whole of a content is never ended.
        if unavailable || cut_off {
            self.finish_session();
        } else if !self.is_over() {
            self.release();
        }
        Ok(event)
    }

    /// RFC 2033 4.2: LMTP has no reply to content for nobody, and refuses DATA in its place.
    fn is_content_for_nobody(&self, entry: Entry, reply: Reply<'_>) -> bool {
        reply.code() == Code::START_MAIL_INPUT
            && entry.sent.verb == Verb::Data
            && self.config.flavour == Flavour::Lmtp
            && self.transaction.judged.is_empty()
    }

    fn unavailable<'b>(&mut self, reply: Reply<'b>) -> Event<'b> {
        self.finish_session();
        Event::Unavailable(reply)
    }

    /// A reply while content is due judges the message: no end of data is sent, and the frame is lost (RFC 5321 4.2.5).
    fn verdict_in_content<'b>(&mut self, to: Sent, reply: Reply<'b>) -> Result<Event<'b>, Error> {
        if reply.class().is_positive() {
            return Err(self.fail(Error::Unsolicited));
        }
        self.finish_session();
        Ok(Event::Reply { to, reply })
    }

    fn answered<'b>(&mut self, asked: Asked, to: Sent, reply: Reply<'b>) -> Option<Event<'b>> {
        match asked {
            Asked::Greeting => return Some(self.greeted(reply)),
            Asked::Command if to.verb == Verb::Auth => return self.auth_answered(to, reply),
            Asked::AuthCancel => self.stage = Stage::Commands,
            Asked::Command => {}
            Asked::Chunk(_) => {
                self.chunk_answered(to, reply);
                return Some(Event::Reply { to, reply });
            }
            Asked::Content | Asked::LoneDot => return Some(Event::Reply { to, reply }),
        }
        let accepted = reply.class() == Class::Completion;
        match to.verb {
            Verb::Ehlo if self.falls_back(reply) => return None,
            Verb::Ehlo | Verb::Helo | Verb::Lhlo => self.hello_answered(to.verb, reply, accepted),
            Verb::Mail if to.n == self.transaction.begun => self.transaction.mail = Some(accepted),
            Verb::Rcpt if to.n > self.transaction.begun => {
                self.transaction.rcpts = self.transaction.rcpts.saturating_sub(1);
                self.transaction.accepted =
                    self.transaction.accepted.saturating_add(u32::from(accepted));
                if accepted && self.config.flavour == Flavour::Lmtp {
                    self.transaction.judged.push(to);
                }
            }
            Verb::StartTls => self.tls_answered(accepted),
            Verb::Data => return self.data_answered(to, reply),
            // A server that cannot reset is in a state that nobody knows.
            Verb::Rset if !accepted => self.finish_session(),
            Verb::Quit => self.finish_session(),
            _ => {}
        }
        Some(Event::Reply { to, reply })
    }

    /// RFC 5321 3.1: a greeting of 4yz or 5yz refuses the session; the client says QUIT.
    fn greeted<'b>(&mut self, reply: Reply<'b>) -> Event<'b> {
        if !reply.class().is_positive() {
            self.pipeline.quit();
            self.stage = Stage::Quitting;
        }
        Event::Greeting(reply)
    }

    /// RFC 5321 3.2: a server that does not know EHLO is asked by HELO on the same connection.
    fn falls_back(&mut self, reply: Reply<'_>) -> bool {
        // It would give up TLS.
        if self.needs_tls() {
            return false;
        }
        // It stays: another hello is too early until HELO is answered.
        let Some(name) = self
            .name
            .as_ref()
            .filter(|_| is_unknown(reply) && self.config.fallback == Fallback::Helo)
        else {
            return false;
        };
        self.pipeline.push_front_helo(|text| {
            Command::Hello { verb: Verb::Helo, name: name.as_ref() }.encode(text)
        });
        true
    }

    /// RFC 5321 4.1.4: the list of the last EHLO holds; a hello that is refused changes nothing.
    fn hello_answered(&mut self, verb: Verb, reply: Reply<'_>, accepted: bool) {
        if accepted {
            let offered = match verb {
                Verb::Helo => Extensions::none(),
                _ => Extensions::from_reply(&reply),
            };
            self.pipeline.grow_line(self.growth(&offered));
            self.extensions = Some(offered);
            self.transaction = Transaction::default();
            self.broken = false;
        }
        self.name = None;
        if matches!(self.stage, Stage::Hello) && self.extensions.is_some() {
            self.stage = Stage::Commands;
        }
        self.insist_on_tls(reply);
    }

    /// RFC 5321 4.5.3.1.4.
    fn growth(&self, offered: &Extensions) -> usize {
        let declared = self.config.declared.offered_in(offered);
        offered.set().growth().saturating_add(declared.growth())
    }

    fn data_answered<'b>(&mut self, to: Sent, reply: Reply<'b>) -> Option<Event<'b>> {
        if reply.code() != Code::START_MAIL_INPUT {
            self.stage = Stage::Commands;
            return Some(Event::Reply { to, reply });
        }
        let Transaction { accepted, mail, judged, .. } = core::mem::take(&mut self.transaction);
        self.transaction.judged = judged;
        if accepted == 0 || mail == Some(false) {
            // RFC 2920 3.1: an empty message to nobody; a 250 then delivers nothing.
            self.pipeline.push_content(to, Asked::LoneDot, b".\r\n");
            self.stage = Stage::Commands;
            return None;
        }
        self.stage = Stage::Content(to, Writer::new(self.config.line_ends));
        Some(Event::SendBody { accepted })
    }
}

/// Whether the server does not know the command.
pub(super) const fn is_unknown(reply: Reply<'_>) -> bool {
    matches!(
        reply.code(),
        Code::SYNTAX_ERROR | Code::NOT_IMPLEMENTED | Code::PARAMETER_NOT_IMPLEMENTED
    )
}

/// Whether a reply can answer this: by its first digit, and the codes that belong to one command alone (RFC 5321 4.2.1, 4.3.2).
fn suits(asked: Asked, verb: Verb, reply: Reply<'_>) -> bool {
    let completed = match reply.class() {
        Class::Transient | Class::Permanent => return true,
        Class::Completion => reply.code() != Code::CLOSING,
        Class::Intermediate => false,
    };
    // RFC 5321 4.2: of a code that nobody named only the first digit counts.
    let unknown = !reply.code().is_named();
    match (asked, verb) {
        (Asked::Greeting, _) => reply.code() == Code::READY || completed && unknown,
        // Neither 3yz nor 221 answers the final dot.
        (Asked::Content | Asked::LoneDot | Asked::Chunk(_), _) => completed,
        // RFC 4954 4: an exchange that was given up ends by a refusal.
        (Asked::AuthCancel, _) => false,
        (Asked::Command, Verb::Quit) => true,
        (Asked::Command, Verb::Data) => reply.code() == Code::START_MAIL_INPUT,
        (Asked::Command, Verb::StartTls) => reply.code() == Code::READY,
        // RFC 4954 4, 6.
        (Asked::Command, Verb::Auth) => {
            matches!(reply.code(), Code::AUTHENTICATED | Code::CHALLENGE) || completed && unknown
        }
        (Asked::Command, Verb::Ehlo | Verb::Helo | Verb::Lhlo) => {
            reply.code() == Code::OK || completed && unknown
        }
        (Asked::Command, _) => completed,
    }
}
