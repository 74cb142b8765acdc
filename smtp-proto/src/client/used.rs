//! What a session has used up of what the server allows (RFC 9422 4).

use alloc::boxed::Box;
use alloc::vec::Vec;

use super::Client;
use crate::{ForwardPath, Host, SessionLimits};

/// Commands that were queued, whatever became of them: RFC 9422 3.6 counts those that failed too.
#[derive(Debug, Default)]
pub(super) struct Used {
    mails: u32,
    /// The domains of recipients, counted where the server does.
    domains: Vec<Box<str>>,
}

impl Used {
    pub(super) const fn mail(&mut self) {
        self.mails = self.mails.saturating_add(1);
    }

    pub(super) fn rcpt(&mut self, to: ForwardPath<'_>, limits: SessionLimits) {
        if let Some(domain) = domain(to).filter(|_| limits.domains.is_some())
            && !self.knows(domain)
        {
            self.domains.push(domain.into());
        }
    }

    fn knows(&self, domain: &str) -> bool {
        self.domains.iter().any(|known| known.eq_ignore_ascii_case(domain))
    }
}

fn domain(to: ForwardPath<'_>) -> Option<&str> {
    match to {
        ForwardPath::Mailbox(mailbox) => match mailbox.domain() {
            Host::Domain(domain) => Some(domain.as_str()),
            Host::Literal(_) => None,
        },
        ForwardPath::Postmaster => None,
    }
}

impl Client {
    pub(super) fn limits(&self) -> SessionLimits {
        self.extensions.as_ref().map_or(SessionLimits::NONE, |offered| offered.limits())
    }

    /// Whether the session may carry another MAIL.
    pub(crate) fn takes_mail(&self) -> bool {
        self.limits().mails.is_none_or(|most| self.used.mails < most)
    }

    /// Whether a recipient's domain may still come in this session.
    pub(crate) fn takes_domain(&self, to: ForwardPath<'_>) -> bool {
        let most = self.limits().domains.map_or(usize::MAX, |most| most as usize);
        self.used.domains.len() < most || domain(to).is_none_or(|domain| self.used.knows(domain))
    }

    /// How many RCPT a transaction may have.
    pub(crate) fn most_recipients(&self) -> usize {
        self.limits().recipients.map_or(usize::MAX, |most| most as usize)
    }
}
