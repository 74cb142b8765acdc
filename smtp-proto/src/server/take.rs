//! Takes commands and content off the input, and raises what they are.

use super::stock::{self, Stock};
use super::{Early, Event, Flavour, Notice, Refusal, Server, StartTls, Traffic, Transfer, Why};
use crate::line::Line;
use crate::{
    Auth, Code, Command, Extension, FreeText, Host, Mail, ParseError, ParseErrorKind, Rcpt, Verb,
};

/// The first octets of a TLS record with a hello in it: it holds no line end to wait for.
const TLS_HELLO: [u8; 2] = [0x16, 0x03];

/// The room that is kept when there is nothing to tell.
const NOTICES_KEPT: usize = 8;

impl Server {
    /// The next event, or nothing to say.
    pub(super) fn step<'b>(&mut self, input: &mut &'b [u8]) -> Option<Event<'b>> {
        loop {
            if let Some(notice) = self.notices.pop_front() {
                return Some(notice.into());
            }
            if self.notices.capacity() > NOTICES_KEPT {
                self.notices = alloc::collections::VecDeque::new();
            }
            if self.state.is_over() {
                return self.over(input);
            }
            if self.state.greeting_owed() {
                return self.before_greeting(input);
            }
            if self.state.in_handshake() {
                self.in_handshake(input);
                if self.state.in_handshake() {
                    return None;
                }
                continue;
            }
            if self.state.in_content() {
                let event = match self.state.in_chunk() {
                    true => self.chunk(input),
                    false => self.content(input),
                };
                match event {
                    Some(event) => return Some(event),
                    None if self.notices.is_empty() && self.state.in_content() => {
                        return self.starved();
                    }
                    None => continue,
                }
            }
            if self.is_blocked() || !self.may_take(input) {
                self.answers_owed();
                return None;
            }
            match self.line(input) {
                Some(Some(event)) => return Some(event),
                Some(None) => {}
                None => return self.starved(),
            }
        }
    }

    /// What stands behind the end is dropped.
    fn over<'b>(&mut self, input: &mut &'b [u8]) -> Option<Event<'b>> {
        if !input.is_empty() {
            *input = &[];
            self.taken = Traffic::Ignored;
        }
        self.state.closed().map(|(why, mid_message)| Event::Closed { why, mid_message })
    }

    /// RFC 5321 4.3.1: the client waits for the greeting.
    fn before_greeting<'b>(&mut self, input: &[u8]) -> Option<Event<'b>> {
        if !input.is_empty() {
            self.state.talk_early();
        }
        if !core::mem::replace(&mut self.connect_raised, true) {
            let pending = self.owed.ask();
            self.answers_owed();
            return Some(Event::Connect(pending));
        }
        self.state.tell_early().then_some(Event::EarlyTalker)
    }

    /// Whether a command may be taken: with decisions owed only a RCPT that other RCPTs wait in front of.
    fn may_take(&self, input: &[u8]) -> bool {
        if self.owed.is_empty() {
            return true;
        }
        let rcpt = input
            .split_first_chunk::<4>()
            .is_some_and(|(word, _)| Verb::parse(word) == Some(Verb::Rcpt));
        rcpt && !self.owed.closes()
            && self.owed.len() < self.config.limits.answers_owed
            && self.owed.only_rcpt()
    }

    /// The answer timer runs for the oldest answer.
    fn answers_owed(&mut self) {
        let front = (!self.owed.is_empty()).then(|| self.owed.front());
        if front != self.timers.answer_front {
            self.timers.answer_front = front;
            self.timers.answer = self.timers.fresh();
        }
    }

    /// No whole unit is left in the input. After the end none will come.
    fn starved<'b>(&mut self) -> Option<Event<'b>> {
        self.answers_owed();
        if self.eof && self.owed.is_empty() {
            self.end(Why::Eof);
            return match self.notices.pop_front() {
                Some(notice) => Some(notice.into()),
                None => self.over(&mut &[][..]),
            };
        }
        None
    }

    // Commands.

    /// Takes one line. `None`: it is not whole yet; `Some(None)`: it was served and there is nothing to tell.
    fn line<'b>(&mut self, input: &mut &'b [u8]) -> Option<Option<Event<'b>>> {
        if input.starts_with(&TLS_HELLO) && !self.lines.is_skipping() {
            *input = &[];
            self.taken = Traffic::Ignored;
            return Some(Some(self.refuse_and_close(&[], stock::TLS_HELLO)));
        }
        if self.state.in_exchange() {
            return self.response_line(input).map(Some);
        }
        let before = input.len();
        let line = self.lines.next(input, self.config.command_line());
        if before != input.len() {
            self.taken = match line {
                Some(Line::Whole(_)) => Traffic::Command,
                // A line over its limit may be of AUTH, too.
                _ if self.config.has_auth() => Traffic::AuthSecret,
                _ => Traffic::Ignored,
            };
        }
        let line = line?;
        self.timers.read = self.timers.fresh();
        Some(match line {
            Line::Whole(line) => self.command(line, !input.is_empty()),
            Line::TooLong => Some(self.refuse(&[], stock::LINE_TOO_LONG)),
            Line::Endless => Some(self.refuse_and_close(&[], stock::LINE_TOO_LONG)),
        })
    }

    /// A line in the exchange of AUTH: all of it may be a secret.
    fn response_line<'b>(&mut self, input: &mut &'b [u8]) -> Option<Event<'b>> {
        let before = input.len();
        let line = self.lines.next(input, self.config.auth_line());
        if before != input.len() {
            self.taken = Traffic::AuthSecret;
        }
        let line = line?;
        self.timers.read = self.timers.fresh();
        Some(self.response(line))
    }

    /// Serves a command line. `behind`: octets stand behind it.
    fn command<'b>(&mut self, line: &'b [u8], behind: bool) -> Option<Event<'b>> {
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
        let line = self.shown(line, verb);
        if let Err(early) = self.waited(verb, &command, behind) {
            return Some(self.refuse_and_close(line, early));
        }
        // Content that comes behind a DATA which is refused would run as commands, whatever the policy.
        let early_content = behind && verb == Some(Verb::Data);
        let refused = self.state.may_serve(verb, &self.config);
        if early_content && (command.is_err() || refused.is_err()) {
            return Some(self.refuse_and_close(line, stock::EARLY));
        }
        if let Err(refusal) = refused.and_then(|()| self.is_served(verb)) {
            // Octets behind a BDAT that is not served cannot be told from commands.
            return Some(match verb {
                Some(Verb::Bdat) => self.refuse_and_close(line, refusal),
                _ => self.refuse(line, refusal),
            });
        }
        if let Some(declared) = declared {
            return Some(self.declared(line, declared));
        }
        match command {
            Ok(command) => self.serve(line, command, behind),
            Err(error) => Some(self.malformed(line, verb, error)),
        }
    }

    /// The line as it may be shown: AUTH holds a secret, and what is no command right behind an exchange may be one that came late.
    fn shown<'b>(&mut self, line: &'b [u8], verb: Option<Verb>) -> &'b [u8] {
        if self.state.may_be_secret(verb) {
            self.taken = Traffic::AuthSecret;
            return &[];
        }
        line
    }

    /// A verb that is known and whose extension this server does not have is refused before its arguments are looked at.
    fn is_served(&self, verb: Option<Verb>) -> Result<(), Stock> {
        let lmtp = self.config.flavour == Flavour::Lmtp;
        let served = match verb {
            Some(Verb::StartTls) => self.config.starttls != StartTls::Off || self.is_tls(),
            Some(Verb::Auth) => self.config.has_auth(),
            Some(Verb::Bdat) => self.config.set().contains(Extension::Chunking),
            // RFC 2033 4.1: the mix-up is to be found out.
            Some(Verb::Lhlo) if !lmtp => return Err(stock::OTHER_PROTOCOL),
            Some(Verb::Ehlo | Verb::Helo) if lmtp => return Err(stock::LMTP_ONLY),
            _ => true,
        };
        if served { Ok(()) } else { Err(stock::NOT_IMPLEMENTED) }
    }

    /// The check of a synchronisation point: the client waits behind these commands, and behind each where it was not told that it need
    /// not (RFC 2920 3.1). What stands behind QUIT is dropped.
    fn waited(
        &self,
        verb: Option<Verb>,
        command: &Result<Command<'_>, ParseError>,
        behind: bool,
    ) -> Result<(), Stock> {
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
                self.refuse_and_close(line, Stock { reply, why: Why::ForeignProtocol })
            }
            // RFC 3030 2: nobody knows how many octets follow.
            _ if verb == Some(Verb::Bdat) => {
                self.refuse_and_close(line, Stock { reply, why: Why::Syntax })
            }
            _ => self.refuse(line, Stock { reply, why: Why::Syntax }),
        }
    }

    fn serve<'b>(
        &mut self,
        line: &'b [u8],
        command: Command<'b>,
        behind: bool,
    ) -> Option<Event<'b>> {
        let verb = command.verb();
        let result = match command {
            Command::Mail(mail) => self.mail(mail),
            Command::Rcpt(rcpt) => self.rcpt(rcpt),
            Command::Data => self.data(behind),
            Command::Bdat { octets, last } => return self.bdat(line, octets, last),
            Command::StartTls => {
                self.state.may_start_tls().map(|()| Event::StartTls(self.owed.ask()))
            }
            Command::Auth(auth) => self.auth(auth),
            Command::Unsupported(_) => Err(stock::NOT_IMPLEMENTED),
            Command::Query { verb: Verb::Expn, .. }
                if !self.config.set().contains(Extension::Expn) =>
            {
                Err(stock::NOT_IMPLEMENTED)
            }
            // RFC 6531 3.7.4.2: the parameter comes with the extension.
            Command::Query { smtputf8: true, .. }
                if !self.state.offered().contains(Extension::SmtpUtf8) =>
            {
                Err(stock::UNKNOWN_PARAMETER)
            }
            Command::Quit => {
                self.auto(&stock::CLOSING, Some(Why::Quit));
                return Some(Event::Quit);
            }
            _ => match self.state.count_idle(verb, self.config.limits.idle_commands) {
                Err(limit) => return Some(self.refuse_and_close(line, limit)),
                Ok(()) => return self.idle(command),
            },
        };
        match result {
            Ok(event) => Some(event),
            Err(refusal) if refusal.reply.code() == Code::UNAVAILABLE => {
                Some(self.refuse_and_close(line, refusal))
            }
            Err(_) if behind && verb == Verb::Data => {
                Some(self.refuse_and_close(line, stock::EARLY))
            }
            Err(refusal) => {
                if verb == Verb::Data && self.state.data_refused() {
                    self.notices.push_back(Notice::Aborted(refusal.why));
                }
                Some(self.refuse(line, refusal))
            }
        }
    }

    /// A verb that the application declared.
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

    fn mail<'b>(&mut self, mail: Mail<'b>) -> Result<Event<'b>, Stock> {
        self.state.may_mail()?;
        if !mail.params.within(self.state.offered(), || self.state.declared()) {
            return Err(stock::UNKNOWN_PARAMETER);
        }
        // RFC 6531 3.3, 3.5: UTF-8 only in a transaction that has SMTPUTF8.
        if !mail.params.smtputf8() {
            if !mail.from.is_ascii() {
                return Err(stock::UTF8_SENDER);
            }
            if !mail.params.is_ascii() {
                return Err(stock::UTF8_PARAMETER);
            }
        }
        // RFC 1870 6.1.
        if mail.params.size().is_some_and(|octets| octets > self.message_limit()) {
            return Err(stock::MESSAGE_TOO_BIG);
        }
        self.state.mail_asked(&mail);
        Ok(Event::Mail { mail, pending: self.owed.ask() })
    }

    fn rcpt<'b>(&mut self, rcpt: Rcpt<'b>) -> Result<Event<'b>, Stock> {
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
        self.state.may_add_recipient(self.config.limits.recipients)?;
        self.state.rcpt_asked();
        Ok(Event::Rcpt { rcpt, pending: self.owed.ask() })
    }

    fn data<'b>(&mut self, behind: bool) -> Result<Event<'b>, Stock> {
        self.state.may_data(self.config.flavour)?;
        self.state.data_asked(behind);
        Ok(Event::Data { how: Transfer::Data, pending: self.owed.ask() })
    }

    /// Commands that do nothing for any letter.
    fn idle<'b>(&mut self, command: Command<'b>) -> Option<Event<'b>> {
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
            Command::Query { verb: Verb::Vrfy, .. }
                if !self.config.set().contains(Extension::Vrfy) =>
            {
                self.auto(&stock::CANNOT_VERIFY, None);
                None
            }
            Command::Query { verb, text, smtputf8 } => {
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

    // Refusals.

    pub(super) fn refuse<'b>(&mut self, line: &'b [u8], refusal: Stock) -> Event<'b> {
        if is_error(refusal.reply.code())
            && let Err(limit) = self.state.count_error(self.config.limits.errors)
        {
            return self.refuse_and_close(line, limit);
        }
        self.auto(&refusal.reply, None);
        Event::Refused(Refusal { line, reply: refusal.reply, why: refusal.why })
    }

    pub(super) fn refuse_and_close<'b>(&mut self, line: &'b [u8], refusal: Stock) -> Event<'b> {
        self.auto(&refusal.reply, Some(refusal.why));
        Event::Refused(Refusal { line, reply: refusal.reply, why: refusal.why })
    }
}

/// The codes that only a client at fault gets from the machine.
fn is_error(code: Code) -> bool {
    matches!(code.get(), 500..=504 | 521 | 555)
}
