//! What may come where a session stands. An error is the refusal; nothing changes here.

use super::{Chunks, Phase, State, Transaction};
use crate::server::stock::{self, May, Stock};
use crate::server::{Channel, Config, Flavour, StartTls};
use crate::{Code, Extension, Mechanism, Verb};

impl State {
    /// RFC 5321 3.1: after a refusing greeting only QUIT. Where TLS or AUTH has to come first, only what leads there. `verb` is `None` for
    /// what is no command.
    pub(in crate::server) fn may_serve(&self, verb: Option<Verb>, config: &Config) -> May {
        match self.phase {
            Phase::NoService(Code::NEVER_ACCEPTS_MAIL) if verb != Some(Verb::Quit) => {
                Err(stock::NEVER_MAIL)
            }
            Phase::NoService(_) if verb != Some(Verb::Quit) => Err(stock::NO_SERVICE),
            _ => verb.map_or(Ok(()), |verb| self.is_secure_enough(verb, config)),
        }
    }

    fn is_secure_enough(&self, verb: Verb, config: &Config) -> May {
        // RFC 3207 4.
        let tls_first = self.channel == Channel::Clear && config.starttls == StartTls::Required;
        if tls_first && !verb.is_before_tls() {
            return Err(stock::TLS_FIRST);
        }
        // RFC 4954 6.
        let auth_first = config.auth.required && !self.authenticated;
        if auth_first && !verb.is_before_auth() { Err(stock::AUTH_FIRST) } else { Ok(()) }
    }

    /// What STARTTLS and AUTH have in common: they follow EHLO, come outside a transaction and before AUTH.
    fn may_secure(&self, after_auth: &'static Stock) -> May {
        match self.hello_verb() {
            None => Err(stock::HELLO_FIRST),
            Some(Verb::Helo) => Err(stock::EHLO_FIRST),
            _ if self.authenticated => Err(after_auth),
            _ if self.transaction.open => Err(stock::IN_TRANSACTION),
            _ => Ok(()),
        }
    }

    /// RFC 3207 4.2.
    pub(in crate::server) fn may_start_tls(&self) -> May {
        match self.channel {
            Channel::Tls => Err(stock::TLS_BEGUN),
            Channel::Clear => self.may_secure(stock::TLS_AFTER_AUTH),
        }
    }

    /// RFC 4954 4, 9. The attempt over the limit ends the session.
    pub(in crate::server) fn may_auth(&self, mechanism: Mechanism<'_>, config: &Config) -> May {
        self.may_secure(stock::AUTH_TWICE)?;
        if self.auth_failures >= config.limits.auth_attempts {
            return Err(stock::TOO_MANY_ATTEMPTS);
        }
        let name = mechanism.as_str();
        let auth = &config.auth;
        let in_tls_only = auth.in_tls.contains(name) && !auth.in_clear.contains(name);
        if self.mechanisms.as_ref().is_some_and(|offered| offered.contains(name)) {
            Ok(())
        } else if self.channel == Channel::Clear && in_tls_only {
            Err(stock::TLS_FOR_MECHANISM)
        } else {
            Err(stock::UNKNOWN_MECHANISM)
        }
    }

    pub(in crate::server) const fn may_mail(&self) -> May {
        if self.hello.is_none() {
            return Err(stock::HELLO_FIRST);
        }
        // RFC 5321 4.1.4: a second MAIL loses nothing of the first.
        if self.transaction.open { Err(stock::MAIL_TWICE) } else { Ok(()) }
    }

    pub(in crate::server) const fn may_rcpt(&self) -> May {
        if self.hello.is_none() {
            return Err(stock::HELLO_FIRST);
        }
        match self.transaction {
            Transaction { open: false, .. } => Err(stock::MAIL_FIRST),
            Transaction { chunks: Chunks::None, .. } => Ok(()),
            // RFC 3030 2: behind the first chunk there are no more recipients, and no DATA.
            Transaction { chunks: Chunks::Open(_), .. } => Err(stock::IN_CHUNKS),
            Transaction { chunks: Chunks::Failed, .. } => Err(stock::RSET_FIRST),
        }
    }

    /// What DATA and BDAT have in common. RFC 2033 4.2: LMTP has 503 where nobody was accepted.
    fn may_send(&self, flavour: Flavour) -> May {
        match self.transaction {
            Transaction { tried: false, .. } => Err(stock::RCPT_FIRST),
            Transaction { accepted: 0, .. } if flavour == Flavour::Lmtp => Err(stock::RCPT_FIRST),
            Transaction { accepted: 0, .. } => Err(stock::NO_RECIPIENTS),
            _ => Ok(()),
        }
    }

    pub(in crate::server) fn may_data(&self, flavour: Flavour) -> May {
        self.may_rcpt()?;
        self.may_send(flavour)?;
        // RFC 3030 3.
        if self.transaction.binary { Err(stock::BDAT_NEEDED) } else { Ok(()) }
    }

    /// RFC 3030 2. After HELO nothing was offered.
    pub(in crate::server) fn may_bdat(&self, flavour: Flavour) -> May {
        match self.may_rcpt() {
            _ if self.has_chunks() => return Ok(()),
            result => result?,
        }
        if !self.offered().contains(Extension::Chunking) {
            return Err(stock::EHLO_FIRST);
        }
        self.may_send(flavour)
    }

    /// RFC 5321 4.5.3.1.10: the limit counts what is accepted and what is still to be decided.
    pub(in crate::server) const fn may_add_recipient(&self, limit: u32) -> May {
        if self.transaction.claimed >= limit { Err(stock::TOO_MANY_RECIPIENTS) } else { Ok(()) }
    }
}
