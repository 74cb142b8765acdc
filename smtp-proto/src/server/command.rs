//! Serves commands: each is raised as an event, answered or refused by the machine itself.

use super::stock::{self, May, Stock};
use super::{Early, Event, Flavour, Notice, Server, StartTls, Traffic, Transfer, Why};
use crate::{
    Auth, Code, Command, Extension, FreeText, Host, Mail, ParseError, ParseErrorKind, Rcpt, Verb,
};

impl Server {
    /// Serves a command line. `behind`: octets stand behind it.
    pub(super) fn command<'b>(&mut self, line: &'b [u8], behind: bool) -> Option<Event<'b>> {
        let command = Command::parse_with(line, self.config.syntax);
        let verb = match &command {
            Ok(command) => Some(command.verb()),
            Err(_) => Verb::split_from(line).ok().map(|(verb, _)| verb),
        };
        let declared = match command {
            Err(_) if verb.is_none() => self.state.declared().split_verb(line),
            Ok(Command::Unsupported(_)) => self.state.declared().split_verb(line),
            _ => None,
        };
        let verb = if declared.is_some() { Some(Verb::Other) } else { verb };
        let shown = self.shown(line, verb);
        if let Err(early) = self.waited(verb, &command, behind) {
            return Some(self.refuse_and_close(shown, early));
        }
        let verb = verb.or_else(|| looks_like(line, b"BDAT").then_some(Verb::Bdat));
        let line = shown;
        // Content that comes behind a DATA which is refused would run as commands, whatever the policy.
        let early_content = behind && verb == Some(Verb::Data);
        let refused = self.state.may_serve(verb, &self.config);
        if early_content && (command.is_err() || refused.is_err()) {
            return Some(self.refuse_and_close(line, stock::EARLY));
        }
        if let Err(refusal) = refused.and_then(|()| self.is_served(verb)) {
            return match (verb, command) {
                // RFC 3030 2: the octets are read before the reply.
                (Some(Verb::Bdat), Ok(Command::Bdat { octets, last }))
                    if self.is_served(verb).is_ok() =>
                {
                    self.refuse_bdat(line, octets, last, refusal)
                }
                // Octets behind a BDAT that is not served cannot be told from commands.
                (Some(Verb::Bdat), _) => Some(self.refuse_and_close(line, refusal)),
                _ => Some(self.refuse(line, refusal)),
            };
        }
        if let Some(declared) = declared {
            return Some(self.declared(line, declared));
        }
        match command {
            Ok(command) => self.serve(line, command, behind),
            Err(error) => Some(self.malformed(line, verb, error)),
        }
    }

    /// The line as it may be shown: AUTH holds a secret, mistyped or not, and what is no command right behind an exchange may be one that
    /// came late.
    fn shown<'b>(&mut self, line: &'b [u8], verb: Option<Verb>) -> &'b [u8] {
        let is_known = verb.is_some_and(|verb| verb != Verb::Other);
        if self.state.may_be_secret(verb) || !is_known && looks_like(line, b"AUTH") {
            self.taken = Traffic::AuthSecret;
            return &[];
        }
        line
    }

    /// A verb that is known and whose extension this server does not have is refused before its arguments are looked at.
    fn is_served(&self, verb: Option<Verb>) -> May {
        let lmtp = self.config.flavour == Flavour::Lmtp;
        let offered =
            |extension, configured| self.state.ehlo_offered(extension).unwrap_or(configured);
        let served = match verb {
            Some(Verb::StartTls) => {
                let configured = self.config.starttls != StartTls::Off;
                self.is_tls() || offered(Extension::StartTls, configured)
            }
            // RFC 4954 4: what TLS would lead to is told of, though it is not offered.
            Some(Verb::Auth) => {
                offered(Extension::Auth, self.has_auth())
                    || !self.is_tls() && self.config.has_auth_in_tls_only()
            }
            Some(Verb::Bdat) => {
                offered(Extension::Chunking, self.config.set().contains(Extension::Chunking))
            }
            // RFC 2033 4.1: the mix-up is to be found out.
            Some(Verb::Lhlo) if !lmtp => return Err(stock::OTHER_PROTOCOL),
            Some(Verb::Ehlo | Verb::Helo) if lmtp => return Err(stock::LMTP_ONLY),
            _ => true,
        };
        if served { Ok(()) } else { Err(stock::NOT_IMPLEMENTED) }
    }

    /// Whether a query goes to the application. It may come before any EHLO (RFC 5321 4.1.4).
    fn serves(&self, extension: Extension) -> bool {
        self.state.in_force(self.config.set()).contains(extension)
    }

    /// Whether AUTH is configured, or was offered before a reconfiguration.
    pub(super) fn has_auth(&self) -> bool {
        self.config.has_auth() || self.state.offered().contains(Extension::Auth)
    }

    /// The check of a synchronisation point: the client waits behind these commands, and behind each where it was not told that it need
    /// not (RFC 2920 3.1). What stands behind QUIT is dropped.
    pub(super) fn waited(
        &self,
        verb: Option<Verb>,
        command: &Result<Command<'_>, ParseError>,
        behind: bool,
    ) -> May {
        let waits = match verb {
            // RFC 3207 4.2: under every policy, since what stands behind is not protected.
            Some(Verb::StartTls) => return if behind { Err(stock::EARLY) } else { Ok(()) },
            // RFC 4954 4: only a mechanism of one round with an initial response may stand inside a group.
            Some(Verb::Auth) => {
                matches!(command, Ok(Command::Auth(Auth { initial: None, .. })))
                    || self.state.in_lockstep()
            }
            Some(Verb::Ehlo | Verb::Helo | Verb::Lhlo | Verb::Data) => true,
            // Its octets stand behind it.
            Some(Verb::Quit | Verb::Bdat) => false,
            _ => self.state.in_lockstep(),
        };
        if behind && waits && self.config.early == Early::Close {
            Err(stock::EARLY)
        } else {
            Ok(())
        }
    }

    #[inline(never)]
    fn malformed<'b>(
        &mut self,
        line: &'b [u8],
        verb: Option<Verb>,
        error: ParseError,
    ) -> Event<'b> {
        if verb == Some(Verb::Rcpt) {
            self.state.rcpt_tried();
        }
        let reply = error.reply(verb);
        match error.kind {
            ParseErrorKind::ForeignProtocol => {
                self.refuse_and_close(line, &Stock { reply, why: Why::ForeignProtocol })
            }
            // RFC 3030 2: nobody knows how many octets follow.
            _ if verb == Some(Verb::Bdat) => {
                self.refuse_and_close(line, &Stock { reply, why: Why::Syntax })
            }
            _ => self.refuse(line, &Stock { reply, why: Why::Syntax }),
        }
    }

    fn serve<'b>(
        &mut self,
        line: &'b [u8],
        command: Command<'b>,
        behind: bool,
    ) -> Option<Event<'b>> {
        let admitted = match &command {
            Command::Mail(mail) => self.admit_mail(mail),
            Command::Rcpt(rcpt) => self.admit_rcpt(rcpt),
            Command::Data => self.state.may_data(self.config.flavour),
            Command::StartTls => self.state.may_start_tls(),
            Command::Auth(auth) => self.state.may_auth(auth.mechanism, &self.config),
            Command::Unsupported(_) => Err(stock::NOT_IMPLEMENTED),
            Command::Query { verb: Verb::Expn, .. } if !self.serves(Extension::Expn) => {
                Err(stock::NOT_IMPLEMENTED)
            }
            // RFC 6531 3.7.4.2: the parameter comes with the extension.
            Command::Query { smtputf8: true, .. }
                if !self.state.offered().contains(Extension::SmtpUtf8) =>
            {
                Err(stock::UNKNOWN_PARAMETER)
            }
            _ => Ok(()),
        };
        match admitted {
            Ok(()) => self.admitted(line, command, behind),
            Err(refusal) => Some(self.not_admitted(line, command.verb(), behind, refusal)),
        }
    }

    /// A command that may come here.
    #[inline]
    fn admitted<'b>(
        &mut self,
        line: &'b [u8],
        command: Command<'b>,
        behind: bool,
    ) -> Option<Event<'b>> {
        Some(match command {
            Command::Rcpt(rcpt) => {
                self.state.rcpt_asked();
                Event::Rcpt { rcpt, pending: self.owed.ask() }
            }
            Command::Mail(mail) => {
                self.state.mail_asked(&mail);
                Event::Mail { mail, pending: self.owed.ask() }
            }
            Command::Data => {
                self.state.data_asked(behind);
                Event::Data { how: Transfer::Data, pending: self.owed.ask() }
            }
            Command::Bdat { octets, last } => return self.bdat(line, octets, last),
            Command::StartTls => Event::StartTls(self.owed.ask()),
            Command::Auth(Auth { mechanism, initial }) => {
                Event::Auth { mechanism, initial, pending: self.owed.ask() }
            }
            Command::Quit => {
                self.auto(&stock::CLOSING, Some(Why::Quit));
                Event::Quit
            }
            _ => return self.idle(line, command),
        })
    }

    #[inline(never)]
    fn not_admitted<'b>(
        &mut self,
        line: &'b [u8],
        verb: Verb,
        behind: bool,
        refusal: &'static Stock,
    ) -> Event<'b> {
        if refusal.reply.code() == Code::UNAVAILABLE {
            return self.refuse_and_close(line, refusal);
        }
        if verb == Verb::Data {
            if behind {
                return self.refuse_and_close(line, stock::EARLY);
            }
            if self.state.data_refused() {
                self.notices.push_back(Notice::Aborted(refusal.why));
            }
        }
        self.refuse(line, refusal)
    }

    /// A verb that the application declared.
    #[inline(never)]
    fn declared<'b>(
        &mut self,
        line: &'b [u8],
        declared: Result<(&'b str, FreeText<'b>), ParseError>,
    ) -> Event<'b> {
        match (declared, self.state.count_idle_one(self.config.limits.idle_commands)) {
            (Err(error), _) => self.malformed(line, Some(Verb::Other), error),
            (_, Err(limit)) => self.refuse_and_close(line, limit),
            (Ok((verb, text)), Ok(())) => Event::Extension { verb, text, pending: self.owed.ask() },
        }
    }

    fn admit_mail(&self, mail: &Mail<'_>) -> May {
        self.state.may_mail()?;
        if !mail.params.within(self.state.offered(), || self.state.declared()) {
            return Err(stock::UNKNOWN_PARAMETER);
        }
        // RFC 6531 3.3, 3.5: UTF-8 only in a transaction that has SMTPUTF8.
        if !mail.params.smtputf8() {
            if !mail.from.is_ascii() {
                return Err(stock::UTF8_SENDER);
            }
            if !mail.params.is_ascii() || !mail.params.auth_is_ascii() {
                return Err(stock::UTF8_PARAMETER);
            }
        }
        // RFC 1870 6.1.
        if mail.params.size().is_some_and(|octets| octets > self.message_limit()) {
            return Err(stock::MESSAGE_TOO_BIG);
        }
        Ok(())
    }

    #[inline]
    fn admit_rcpt(&mut self, rcpt: &Rcpt<'_>) -> May {
        self.state.may_rcpt()?;
        self.state.rcpt_tried();
        if !rcpt.params.within(self.state.offered(), || self.state.declared()) {
            return Err(stock::UNKNOWN_PARAMETER);
        }
        if !self.state.smtputf8() {
            if !rcpt.to.is_ascii() {
                return Err(stock::UTF8_RECIPIENT);
            }
            if !rcpt.params.is_ascii() {
                return Err(stock::UTF8_PARAMETER);
            }
        }
        self.state.may_add_recipient(self.config.limits.recipients)
    }

    /// Commands that do nothing for any letter.
    #[inline(never)]
    fn idle<'b>(&mut self, line: &'b [u8], command: Command<'b>) -> Option<Event<'b>> {
        if let Err(limit) = self.state.count_idle(command.verb(), self.config.limits.idle_commands)
        {
            return Some(self.refuse_and_close(line, limit));
        }
        match command {
            Command::Hello { verb, name } => Some(self.hello(verb, name)),
            Command::Rset => {
                let void = self.state.has_chunks();
                self.state.reset();
                self.auto(&stock::OK, None);
                self.shut_down_when_done();
                self.reconfigure_when_done();
                if void {
                    self.notices.push_back(Notice::Reset);
                    return Some(Event::Aborted(Why::Reset));
                }
                Some(Event::Reset)
            }
            Command::Query { verb: Verb::Help, .. } => {
                self.auto(&stock::HELP, None);
                None
            }
            Command::Query { verb: Verb::Vrfy, .. } if !self.serves(Extension::Vrfy) => {
                self.auto(&stock::CANNOT_VERIFY, None);
                None
            }
            Command::Query { verb, text, smtputf8 } => {
                self.state.query_asked(smtputf8);
                Some(Event::Query { verb, text, smtputf8, pending: self.owed.ask() })
            }
            _ => {
                self.auto(&stock::OK, None);
                None
            }
        }
    }

    fn hello<'b>(&mut self, verb: Verb, name: Host<'b>) -> Event<'b> {
        self.state.hello_asked(verb);
        Event::Hello { verb, name, pending: self.owed.ask() }
    }
}

/// Whether a line that is no command may be meant for one of `verb`: ` BDAT 9 LAST` and `BDAT9 LAST`, whose sender sends octets behind it,
/// or `AUTH:PLAIN ...`, which holds a secret.
fn looks_like(line: &[u8], verb: &[u8; 4]) -> bool {
    without_blanks(line).get(..4).is_some_and(|word| word.eq_ignore_ascii_case(verb))
}

/// Whether a line that begins so may be BDAT to a lenient reader.
pub(super) fn may_be_chunk(head: &[u8]) -> bool {
    without_blanks(head)
        .iter()
        .zip(b"BDAT")
        .all(|(octet, letter)| octet.eq_ignore_ascii_case(letter))
}

fn without_blanks(line: &[u8]) -> &[u8] {
    let blanks = line.iter().take_while(|&&octet| octet <= b' ').count();
    line.get(blanks..).unwrap_or_default()
}
