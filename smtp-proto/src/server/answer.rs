//! Decisions come in, replies go out in the order of the commands.

use super::pending::Question;
use super::{
    Acceptable, Early, Event, Flavour, Kind, Notice, Pending, ReplyError, Server, Why, hello_text,
    kind, stock,
};
use crate::data::Reader;
use crate::{Class, Code, Condition, EnhancedCode, Extension, Extensions, Reply, Verb};

impl Server {
    /// Gives the stock positive reply.
    ///
    /// # Errors
    ///
    /// [`ReplyError::Foreign`] or [`ReplyError::Late`]: the token is not, or no longer, of this session.
    pub fn accept<K: Acceptable>(&mut self, pending: Pending<K>) -> Result<(), ReplyError> {
        let index = self.owed.find(&pending)?;
        self.settle_here(index, K::QUESTION, &K::QUESTION.stock());
        Ok(())
    }

    /// Gives this reply; its class says what becomes of the session. 421 closes it.
    ///
    /// The enhanced code is added where it is missing and the session has them, and left out where it may not stand. A positive reply to
    /// EHLO or HELO gives the host name and the extensions itself, and the first line of `reply` behind the name.
    ///
    /// # Errors
    ///
    /// [`ReplyError::Unsuitable`]: it cannot answer this command, and 451 4.3.0 was sent instead. [`ReplyError::Foreign`] and
    /// [`ReplyError::Late`] as for [`accept`](Self::accept).
    pub fn reply<K: Kind>(
        &mut self,
        pending: Pending<K>,
        reply: &Reply<'_>,
    ) -> Result<(), ReplyError> {
        let index = self.owed.find(&pending)?;
        self.answer(index, K::QUESTION, reply)
    }

    /// Accepts EHLO, and offers `offer` as far as the configuration has it: only that may be used in what follows. To HELO nothing is
    /// offered.
    ///
    /// A verb whose extension is not offered is 502 until the next EHLO, a mechanism of AUTH 504; BDAT closes, since nobody knows what its
    /// octets are. VRFY is a command of RFC 5321 itself: where it is not offered it is 252, and nobody is asked (3.5.3, 7.3). Before any
    /// EHLO and behind HELO the configuration decides alone. BINARYMIME without CHUNKING and SMTPUTF8 without 8BITMIME are not offered.
    ///
    /// # Errors
    ///
    /// As [`accept`](Self::accept).
    pub fn accept_hello(
        &mut self,
        pending: Pending<kind::Hello>,
        offer: &Extensions,
    ) -> Result<(), ReplyError> {
        let index = self.owed.find(&pending)?;
        self.accept_hello_at(index, "", offer);
        Ok(())
    }

    /// Gives any event the safe stock answer, and does nothing where none is owed: the last arm of every server.
    ///
    /// Connections, hellos and senders are accepted, and the content is read; recipients are refused (550 5.1.1), messages put off
    /// (451 4.3.0), STARTTLS and AUTH 454 4.7.0, VRFY and EXPN are 252, and the rest 502. So nobody gets mail that nobody keeps.
    pub fn decline(&mut self, event: Event<'_>) {
        // A token that is late has no answer any more, which is all that can go wrong.
        let _answered = match event {
            Event::Connect(pending) => self.accept(pending),
            Event::Hello { pending, .. } => self.accept(pending),
            Event::Mail { pending, .. } => self.accept(pending),
            Event::Rcpt { pending, .. } => self.reply(pending, &stock::NO_SUCH_MAILBOX),
            Event::Data { pending, .. } => self.accept(pending),
            Event::Chunk(pending) => self.accept(pending),
            Event::Message { pending, .. } => self.reply(pending, &stock::UNANSWERED.reply),
            Event::Messages { pending, .. } => self.reply(pending, &stock::UNANSWERED.reply),
            Event::StartTls(pending) => {
                self.reply(pending, &crate::stock::NO_SECURITY_NOW.as_ref())
            }
            Event::Auth { pending, .. } | Event::AuthLine { pending, .. } => {
                self.reply(pending, &crate::stock::NO_SECURITY_NOW.as_ref())
            }
            // RFC 5321 4.2.4, 7.3: what is offered is never 502.
            Event::Query { verb: Verb::Vrfy | Verb::Expn, pending, .. } => {
                self.reply(pending, &stock::CANNOT_VERIFY)
            }
            Event::Query { pending, .. } => self.reply(pending, &stock::NOT_IMPLEMENTED.reply),
            Event::Extension { pending, .. } => self.reply(pending, &stock::NOT_IMPLEMENTED.reply),
            _ => Ok(()),
        };
    }

    /// The stock positive reply to a question that nothing else is owed in front of.
    pub(super) fn accept_first<K: Kind>(&mut self, _: &Pending<K>) {
        self.settle(0, K::QUESTION, &K::QUESTION.stock());
    }

    fn answer(
        &mut self,
        index: usize,
        question: Question,
        reply: &Reply<'_>,
    ) -> Result<(), ReplyError> {
        if question.suits(reply.code()) {
            self.settle(index, question, reply);
            Ok(())
        } else {
            self.settle(index, question, &stock::UNANSWERED.reply);
            Err(ReplyError::Unsuitable)
        }
    }

    /// The decision at `index` is made: the state moves, the reply is written or waits for those in front of it.
    pub(super) fn settle(&mut self, index: usize, question: Question, reply: &Reply<'_>) {
        self.settle_here(index, question, reply);
    }

    /// The same in the midst of the caller: of a stock reply to a question that the compiler knows, hardly more is left than a copy.
    #[inline(always)]
    fn settle_here(&mut self, index: usize, question: Question, reply: &Reply<'_>) {
        let accepted = reply.class().is_positive();
        match question {
            Question::Connect => return self.greet(reply),
            Question::Hello if accepted => {
                let offer = self.config.offered(self.state.channel());
                return self.accept_hello_at(index, first_line(reply), &offer);
            }
            Question::Hello | Question::Query | Question::Extension | Question::StartTls => {}
            Question::Auth => self.state.auth_ended(Self::auth_outcome(reply.code())),
            Question::Mail => self.state.mail_answered(accepted),
            Question::Rcpt => self.state.rcpt_answered(accepted),
            Question::Data if self.state.is_chunk_asked() => return self.chunks_decided(reply),
            Question::Data if accepted => {
                self.state.data_accepted(Reader::new(self.config.newlines));
                self.timers.read = self.timers.fresh();
            }
            Question::Data if self.state.was_early() => {
                // Content that came without waiting for a 354 would run as commands.
                self.owed.pop();
                self.notices.push_back(Notice::Refused(*stock::EARLY));
                return self.end_with(stock::EARLY);
            }
            Question::Data => {
                self.state.data_refused();
            }
            Question::Chunk => self.state.chunk_answered(accepted),
            Question::Verdicts => return self.judge_all(reply),
            Question::Message => self.state.message_answered(accepted),
        }
        let reply = self.finished(question, &self.speakable(question, *reply));
        self.place(index, &reply);
        if question == Question::Query {
            self.state.query_answered();
        }
    }

    /// RFC 6531 3.7.4: where the client did not say that it takes UTF-8, a mailbox in it is not said, and the code tells of that.
    #[inline]
    fn speakable<'r>(&self, question: Question, reply: Reply<'r>) -> Reply<'r> {
        let names_mailbox = question == Question::Query
            || matches!(reply.code(), Code::WILL_FORWARD | Code::USER_NOT_LOCAL);
        if names_mailbox { self.spoken(question, reply) } else { reply }
    }

    fn spoken<'r>(&self, question: Question, reply: Reply<'r>) -> Reply<'r> {
        if self.state.takes_utf8(reply.code()) || reply.is_ascii() {
            return reply;
        }
        let unspeakable = EnhancedCode::new(reply.class(), Condition::UTF8_REPLY_REQUIRED);
        match (question, reply.class()) {
            (Question::Query, Class::Completion) => {
                reply.with_code(Code::CANNOT_VERIFY, unspeakable)
            }
            (Question::Query, Class::Permanent) => {
                reply.with_code(Code::MAILBOX_UNAVAILABLE, unspeakable)
            }
            (_, Class::Completion) => reply.with_code(Code::OK, reply.enhanced()),
            (_, Class::Permanent) => reply.with_code(Code::MAILBOX_UNAVAILABLE, reply.enhanced()),
            _ => reply,
        }
    }

    /// The greeting (RFC 5321 4.3.1): 220 begins with the host name.
    fn greet(&mut self, reply: &Reply<'_>) {
        let early = self.state.was_early() && self.config.early == Early::Close;
        self.timers.read = self.timers.fresh();
        if reply.class().is_positive() {
            if early {
                self.owed.pop();
                self.notices.push_back(Notice::Refused(*stock::EARLY));
                return self.end_with(stock::EARLY);
            }
            self.state.greeted(Code::READY);
            let greet = match (first_line(reply), self.config.flavour) {
                ("", Flavour::Lmtp) => "LMTP",
                ("", Flavour::Smtp | Flavour::Submission) => "ESMTP",
                (text, _) => text,
            };
            let text = hello_text(&self.config, greet, None);
            return self.place(0, &Reply::new(Code::READY, None, &text));
        }
        self.state.greeted(reply.code());
        let reply = self.finished(Question::Connect, reply);
        self.place(0, &reply);
        if early {
            self.end(Why::Early);
        }
    }

    /// RFC 5321 4.1.1.1: the host name, then a keyword a line. What is offered gates what follows.
    fn accept_hello_at(&mut self, index: usize, greet: &str, offer: &Extensions) {
        let offer = match self.state.hello_verb_asked() {
            Verb::Helo => Extensions::none(),
            _ => offer.restricted_to(&self.config.offerable(self.state.channel())).sound(),
        };
        let text = hello_text(&self.config, greet, Some(&offer));
        if self.state.has_chunks() {
            self.notices.push_back(Notice::Aborted(Why::Reset));
        }
        let declared = self.config.declared.offered_in(&offer);
        if self.state.hello_accepted(&offer, declared) {
            self.notices.push_back(Notice::Reset);
        }
        self.command_line = self.config.command_line();
        self.place(index, &Reply::new(Code::OK, None, &text));
    }

    /// The reply as it leaves: with an enhanced code where the session has them (RFC 2034 4), without one where none may stand.
    #[inline]
    pub(super) fn finished<'r>(&self, question: Question, reply: &Reply<'r>) -> Reply<'r> {
        let offered = self.state.in_force(self.config.set());
        let has = offered.contains(Extension::EnhancedStatusCodes)
            && question.has_enhanced(reply.class());
        if !has {
            return reply.plain();
        }
        if reply.enhanced().is_some() {
            return *reply;
        }
        let condition = match reply.class() {
            Class::Completion => question.condition(),
            _ => Condition::OTHER_UNDEFINED_STATUS,
        };
        reply.with_code(reply.code(), EnhancedCode::new(reply.class(), condition))
    }

    /// Writes the reply that stands at `index`, or keeps it until those in front of it are written.
    #[inline(always)]
    pub(super) fn place(&mut self, index: usize, reply: &Reply<'_>) {
        self.stirred = true;
        if index > 0 {
            return self.owed.put(index, reply.to_owned());
        }
        self.owed.pop();
        let closes = hangs_up(reply);
        self.send(reply, closes);
        if closes.is_none() && !self.owed.is_empty() {
            self.place_ready();
        }
        self.shut_down_when_done();
        self.reconfigure_when_done();
    }

    /// Writes the replies that waited for the one in front of them.
    fn place_ready(&mut self) {
        while let Some((reply, ends)) = self.owed.pop_ready() {
            let reply = reply.as_ref();
            let closes = ends.or_else(|| hangs_up(&reply));
            self.send(&reply, closes);
            if closes.is_some() {
                return;
            }
        }
    }

    #[inline]
    fn send(&mut self, reply: &Reply<'_>, closes: Option<Why>) {
        match closes {
            Some(why) => self.hang_up(reply, why),
            None => self.write(reply),
        }
    }

    /// An automatic reply at its command's place; the session ends behind it where `closes` says why.
    pub(super) fn auto(&mut self, reply: &Reply<'_>, closes: Option<Why>) {
        let reply = self.finished(Question::Query, reply);
        if self.owed.is_empty() {
            self.send(&reply, closes);
        } else {
            self.owed.hold(reply.to_owned(), closes);
        }
    }

    #[inline]
    pub(super) fn flush_begins(&mut self) {
        if self.outgoing.is_empty() {
            self.timers.flush = self.timers.fresh();
        }
    }

    #[inline(always)]
    pub(super) fn write(&mut self, reply: &Reply<'_>) {
        self.flush_begins();
        if self.state.takes_utf8(reply.code()) {
            return reply.encode_utf8(&mut self.outgoing);
        }
        reply.encode(&mut self.outgoing);
    }
}

/// RFC 5321 3.8: nothing follows a 421.
#[inline]
fn hangs_up(reply: &Reply<'_>) -> Option<Why> {
    (reply.code() == Code::UNAVAILABLE).then_some(Why::Hangup)
}

/// What a program wants to say behind the host name.
fn first_line<'r>(reply: &Reply<'r>) -> &'r str {
    reply.lines().next().and_then(|line| core::str::from_utf8(line).ok()).unwrap_or_default()
}
