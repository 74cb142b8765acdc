//! The commands that an application queues, each checked before an octet of it is written.

use bytes::{BufMut, BytesMut};

use super::{Client, Flavour, Misuse, Sent, Stage, Transaction};
use crate::{Body, Command, Extension, Extensions, FreeText, Host, Mail, Rcpt, Verb};

impl Client {
    /// EHLO, in LMTP LHLO; HELO by itself where the server does not know EHLO, unless the configuration forbids it.
    ///
    /// # Errors
    ///
    /// [`Misuse::Invalid`]: UTF-8 in the name. [`Misuse::NotYet`]: the last hello was not answered. [`Misuse::Content`], [`Misuse::Over`].
    pub fn hello(&mut self, name: Host<'_>) -> Result<Sent, Misuse> {
        if !matches!(self.stage, Stage::Hello | Stage::Commands) || self.name.is_some() {
            return Err(self.misplaced());
        }
        if matches!(name, Host::Domain(domain) if !domain.as_str().is_ascii()) {
            return Err(Misuse::Invalid);
        }
        let verb = match self.config.flavour {
            Flavour::Smtp => Verb::Ehlo,
            Flavour::Lmtp => Verb::Lhlo,
        };
        let sent = self.queue(Command::Hello { verb, name })?;
        self.name = Some(name.to_owned());
        self.stage = Stage::Hello;
        Ok(sent)
    }

    /// MAIL.
    ///
    /// # Errors
    ///
    /// [`Misuse::NotOffered`]: a parameter, or UTF-8 in the sender, that the server did not offer to take. [`Misuse::Utf8`]: UTF-8
    /// without the parameter. [`Misuse::Order`]: the last transaction did not end, and wants RSET. [`Misuse::NeedsTls`]: the session requires TLS, or the message does.
    /// [`Misuse::Unverified`]: the message has REQUIRETLS. The rest as for every command: [`Misuse::NotYet`], [`Misuse::Content`], [`Misuse::Full`], [`Misuse::Over`].
    pub fn mail(&mut self, mail: &Mail<'_>) -> Result<Sent, Misuse> {
        let offered = self.may_command()?;
        // RFC 5321 4.1.4: not while a transaction is open.
        if self.transaction.is_open() {
            return Err(Misuse::Order);
        }
        let declared = || self.config.declared.offered_in(offered);
        if !mail.params.within(offered.set(), declared) {
            return Err(Misuse::NotOffered);
        }
        // RFC 8689 2, 4.2.1: an offer in the clear is none, nor is that of a server that may be another.
        if mail.params.requiretls() && !self.verified {
            return Err(if self.secure { Misuse::Unverified } else { Misuse::NeedsTls });
        }
        // RFC 3030 3: it goes by BDAT alone.
        let binary = mail.params.body() == Some(Body::BinaryMime);
        if binary && !offered.contains(Extension::Chunking) {
            return Err(Misuse::NotOffered);
        }
        let ascii = mail.from.is_ascii() && mail.params.is_ascii();
        may_be_utf8(ascii, mail.params.smtputf8(), offered)?;
        let sent = self.queue(Command::Mail(*mail))?;
        self.used.mail();
        let smtputf8 = mail.params.smtputf8();
        self.transaction =
            Transaction { begun: sent.n, open: true, smtputf8, binary, ..Transaction::default() };
        Ok(sent)
    }

    /// RCPT.
    ///
    /// # Errors
    ///
    /// As [`mail`](Self::mail); [`Misuse::Order`]: it comes behind MAIL.
    pub fn rcpt(&mut self, rcpt: &Rcpt<'_>) -> Result<Sent, Misuse> {
        let offered = self.may_command()?;
        // RFC 5321 3.3.
        if !self.transaction.open {
            return Err(Misuse::Order);
        }
        let declared = || self.config.declared.offered_in(offered);
        if !rcpt.params.within(offered.set(), declared) {
            return Err(Misuse::NotOffered);
        }
        let ascii = rcpt.to.is_ascii() && rcpt.params.is_ascii();
        may_be_utf8(ascii, self.transaction.smtputf8, offered)?;
        let sent = self.queue(Command::Rcpt(*rcpt))?;
        self.used.rcpt(rcpt.to, self.limits());
        self.transaction.rcpts = self.transaction.rcpts.saturating_add(1);
        Ok(sent)
    }

    /// DATA. Where nobody is left to send to before it leaves, RSET is sent in its place; where a 354 comes all the same, the lone dot.
    ///
    /// # Errors
    ///
    /// [`Misuse::Order`]: there was no MAIL, or its content is BINARYMIME and goes by [`chunk`](Self::chunk). The rest as every command.
    pub fn data(&mut self) -> Result<Sent, Misuse> {
        self.may_command()?;
        // RFC 5321 3.3, RFC 3030 3.
        if !self.transaction.open || self.transaction.binary {
            return Err(Misuse::Order);
        }
        // The stage is what tells whether it may leave.
        self.stage = Stage::DataAsked;
        let sent = self.queue(Command::Data);
        if sent.is_err() && matches!(self.stage, Stage::DataAsked) {
            self.stage = Stage::Commands;
        }
        sent
    }

    /// RSET. Between chunks it drops those that were sent.
    ///
    /// # Errors
    ///
    /// As every command.
    pub fn reset(&mut self) -> Result<Sent, Misuse> {
        if !matches!(self.stage, Stage::Chunks(_)) {
            self.not_in_the_clear()?;
        }
        let sent = self.queue(Command::Rset)?;
        (self.reset, self.broken) = (sent.n, false);
        self.stage = Stage::Commands;
        self.transaction = Transaction { begun: sent.n, ..Transaction::default() };
        Ok(sent)
    }

    /// NOOP.
    ///
    /// # Errors
    ///
    /// As every command.
    pub fn noop(&mut self) -> Result<Sent, Misuse> {
        self.offered()?;
        self.chunks_are_over()?;
        self.queue(Command::Noop(FreeText::default()))
    }

    /// VRFY.
    ///
    /// # Errors
    ///
    /// As [`custom`](Self::custom).
    pub fn verify(&mut self, text: &str) -> Result<Sent, Misuse> {
        self.query(Verb::Vrfy, text)
    }

    /// VRFY with SMTPUTF8: the text may be UTF-8, and so may the reply be (RFC 6531 3.7.4.2).
    ///
    /// # Errors
    ///
    /// [`Misuse::NotOffered`]; the rest as [`custom`](Self::custom).
    pub fn verify_utf8(&mut self, text: &str) -> Result<Sent, Misuse> {
        self.query_utf8(Verb::Vrfy, text)
    }

    /// EXPN.
    ///
    /// # Errors
    ///
    /// As [`custom`](Self::custom).
    pub fn expand(&mut self, text: &str) -> Result<Sent, Misuse> {
        self.query(Verb::Expn, text)
    }

    /// EXPN with SMTPUTF8, as [`verify_utf8`](Self::verify_utf8).
    ///
    /// # Errors
    ///
    /// As [`verify_utf8`](Self::verify_utf8).
    pub fn expand_utf8(&mut self, text: &str) -> Result<Sent, Misuse> {
        self.query_utf8(Verb::Expn, text)
    }

    /// HELP; `text` may be empty.
    ///
    /// # Errors
    ///
    /// As [`custom`](Self::custom).
    pub fn help(&mut self, text: &str) -> Result<Sent, Misuse> {
        self.query(Verb::Help, text)
    }

    /// A command that has no call of its own: `line` without its CRLF. It ends a group.
    ///
    /// # Errors
    ///
    /// [`Misuse::Invalid`]: the line holds an octet that is not printable US-ASCII, is too long, or changes what comes after it, as BDAT,
    /// STARTTLS and AUTH do.
    /// The rest as every command.
    pub fn custom(&mut self, line: &str) -> Result<Sent, Misuse> {
        self.may_command()?;
        match Command::parse(line.as_bytes()) {
            Ok(Command::Unsupported(verb)) if verb.is_plain() => self.line(verb, line),
            Err(error) if error.kind == crate::ParseErrorKind::Verb && has_verb(line) => {
                self.line(Verb::Other, line)
            }
            _ => Err(Misuse::Invalid),
        }
    }

    fn query(&mut self, verb: Verb, text: &str) -> Result<Sent, Misuse> {
        self.may_command()?;
        let text = FreeText::new(text).ok_or(Misuse::Invalid)?;
        if verb == Verb::Help {
            return self.queue(Command::Query { verb, text, smtputf8: false });
        }
        // RFC 6531 3.7.4.2: as its last word it is the parameter, which `query_utf8` gives.
        let is_parameter = text
            .as_str()
            .rsplit_once(' ')
            .is_some_and(|(_, last)| last.eq_ignore_ascii_case(Extension::SmtpUtf8.keyword()));
        if text.as_str().is_empty() || is_parameter {
            return Err(Misuse::Invalid);
        }
        self.queue(Command::Query { verb, text, smtputf8: false })
    }

    fn query_utf8(&mut self, verb: Verb, text: &str) -> Result<Sent, Misuse> {
        if !self.may_command()?.contains(Extension::SmtpUtf8) {
            return Err(Misuse::NotOffered);
        }
        let text = FreeText::utf8(text).filter(|text| !text.as_str().is_empty());
        self.queue(Command::Query { verb, text: text.ok_or(Misuse::Invalid)?, smtputf8: true })
    }

    /// QUIT. Nothing may follow; its reply ends the session.
    ///
    /// # Errors
    ///
    /// [`Misuse::Content`] while content is due, [`Misuse::Over`].
    pub fn quit(&mut self) -> Result<Sent, Misuse> {
        if !matches!(self.stage, Stage::Hello | Stage::Commands | Stage::Chunks(_)) {
            return Err(self.misplaced());
        }
        let sent = self.queue(Command::Quit)?;
        self.stage = Stage::Quitting;
        Ok(sent)
    }

    /// What is wrong with a call in this stage.
    pub(super) const fn misplaced(&self) -> Misuse {
        match self.stage {
            Stage::Hello
            | Stage::TlsAsked
            | Stage::Handshake
            | Stage::AuthAsked
            | Stage::Challenged(_) => Misuse::NotYet,
            Stage::Commands
            | Stage::DataAsked
            | Stage::Content(..)
            | Stage::Chunk(_)
            | Stage::Chunks(_) => Misuse::Content,
            Stage::ContentFailed | Stage::Quitting | Stage::Over => Misuse::Over,
        }
    }

    /// What the server offered, where a command may come.
    pub(super) fn offered(&self) -> Result<&Extensions, Misuse> {
        match (&self.stage, &self.extensions) {
            (Stage::Commands, Some(offered)) => Ok(offered),
            _ => Err(self.misplaced()),
        }
    }

    /// The same for commands that a session which requires TLS does not say in the clear: all but EHLO, STARTTLS, NOOP and QUIT, which
    /// are those that RFC 3207 4 lets through.
    fn not_in_the_clear(&self) -> Result<&Extensions, Misuse> {
        match self.offered() {
            Ok(_) if self.needs_tls() => Err(Misuse::NeedsTls),
            offered => offered,
        }
    }

    /// The same for commands that do not end what a failed chunk left behind.
    pub(super) fn may_command(&self) -> Result<&Extensions, Misuse> {
        let offered = self.not_in_the_clear()?;
        self.chunks_are_over()?;
        Ok(offered)
    }

    /// RFC 3030 2: behind a chunk that failed RSET comes first, and whether the last one fails its reply says.
    pub(super) fn chunks_are_over(&self) -> Result<(), Misuse> {
        match self.pipeline.ends_in_last_chunk() {
            _ if self.broken => Err(Misuse::Order),
            true => Err(Misuse::NotYet),
            false => Ok(()),
        }
    }

    pub(super) fn queue(&mut self, command: Command<'_>) -> Result<Sent, Misuse> {
        self.push(command.verb(), |text| command.encode(text))
    }

    fn line(&mut self, verb: Verb, line: &str) -> Result<Sent, Misuse> {
        if !line.is_ascii() {
            return Err(Misuse::Invalid);
        }
        self.push(verb, |text| {
            text.put_slice(line.as_bytes());
            text.put_slice(b"\r\n");
        })
    }

    fn push(&mut self, verb: Verb, write: impl FnOnce(&mut BytesMut)) -> Result<Sent, Misuse> {
        let sent = self.pipeline.push(verb, self.config.queue.commands, write)?;
        self.release();
        Ok(sent)
    }
}

fn has_verb(line: &str) -> bool {
    line.bytes().next().is_some_and(|octet| octet.is_ascii_alphabetic())
}

/// RFC 6531 3.2: UTF-8 only to a server that offered SMTPUTF8, in a transaction that has it.
const fn may_be_utf8(ascii: bool, smtputf8: bool, offered: &Extensions) -> Result<(), Misuse> {
    if ascii || smtputf8 {
        Ok(())
    } else if offered.contains(Extension::SmtpUtf8) {
        Err(Misuse::Utf8)
    } else {
        Err(Misuse::NotOffered)
    }
}
