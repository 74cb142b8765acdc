//! What a server is like: its name, what it offers, its policies and limits.

use core::fmt;

use super::Limits;
use crate::data::{Finder, Newlines};
use crate::wire::extension::Set;
use crate::{Extension, Extensions, Host, HostBuf, Inbox, ParseError, Syntax};

/// The room of an [`Inbox`]: one read takes a group of commands, and no command line is longer.
const INBOX: usize = 16 * 1024;
/// A command line without parameters, with its CRLF (RFC 5321 4.5.3.1.4).
const COMMAND_LINE: usize = 512;

/// What happens when octets stand behind a synchronisation point, where the client has to wait (RFC 2920 3.1, RFC 5321 4.3.1).
///
/// ```
/// use smtp_proto::server::{Config, Early};
///
/// let mut config = Config::new("mx.test")?;
/// config.early = Early::Allow; // for senders that do not wait
/// # Ok::<(), smtp_proto::ParseError>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[expect(clippy::exhaustive_enums, reason = "octets are either read on or not")]
pub enum Early {
    /// 554 5.5.0 in place of the reply, and the session is over.
    #[default]
    Close,
    /// They are read as if the client had waited; behind a DATA that is refused never.
    Allow,
}

/// The configuration of sessions, shared by them all.
///
/// ```
/// use std::sync::Arc;
/// use smtp_proto::data::Newlines;
/// use smtp_proto::server::{Config, Server};
///
/// let mut config = Config::new("mx.example.test")?;
/// config.newlines = Newlines::Normalise;
/// config.limits.message = 10 * 1024 * 1024;
/// let server = Server::new(Arc::new(config));
/// assert_eq!(server.protocol(), "SMTP");
/// # Ok::<(), smtp_proto::ParseError>(())
/// ```
#[derive(Clone)]
#[non_exhaustive]
pub struct Config {
    /// What the server calls itself in its greeting and to EHLO.
    pub hostname: HostBuf,
    /// What EHLO offers; [`offered`](Self::offered) is what of it comes into effect.
    pub offer: Extensions,
    /// Stray CR, LF and NUL in content that comes by DATA.
    pub newlines: Newlines,
    /// Octets behind a synchronisation point.
    pub early: Early,
    /// Deviations from the grammar that are read past.
    pub syntax: Syntax,
    /// What a session may use up.
    pub limits: Limits,
    pub(super) finder: Finder,
}

impl Config {
    /// The defaults of a server of this name, which is a domain or an address literal.
    ///
    /// # Errors
    ///
    /// The name is neither.
    pub fn new(hostname: &str) -> Result<Self, ParseError> {
        Ok(Self {
            hostname: hostname.parse()?,
            offer: SERVED
                .iter()
                .fold(Extensions::none(), |offer, &extension| offer.with(extension)),
            newlines: Newlines::default(),
            early: Early::default(),
            syntax: Syntax::default(),
            limits: Limits::default(),
            finder: Finder::new(),
        })
    }

    /// What EHLO offers in effect: of `offer` what this crate serves, with the message limit at SIZE. SMTPUTF8 needs 8BITMIME (RFC 6531 3.1).
    #[must_use]
    pub fn offered(&self) -> Extensions {
        let mut offered = Extensions::none();
        for &extension in
            SERVED.iter().chain(&QUERIES).filter(|extension| self.offer.contains(**extension))
        {
            offered = match extension {
                // RFC 1870 3: a maximum of 0 is none.
                Extension::Size if self.limits.message == u64::MAX => offered.with_size(0),
                Extension::Size => offered.with_size(self.limits.message),
                Extension::SmtpUtf8 if !self.offer.contains(Extension::EightBitMime) => offered,
                _ => offered.with(extension),
            };
        }
        offered
    }

    /// An inbox that holds the longest unit a session reads.
    #[must_use]
    pub fn inbox(&self) -> Inbox {
        Inbox::new(INBOX)
    }

    /// RFC 5321 4.5.3.1.4: the limit grows with what is offered.
    pub(super) fn command_line(&self) -> usize {
        let least = COMMAND_LINE.saturating_add(self.offer.set().growth());
        self.limits.command_line.max(least).min(INBOX)
    }

    pub(super) fn name(&self) -> Host<'_> {
        self.hostname.as_ref()
    }

    pub(super) const fn set(&self) -> Set {
        self.offer.set()
    }
}

impl fmt::Debug for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { hostname, offer, newlines, early, syntax, limits, finder: _ } = self;
        f.debug_struct("Config")
            .field("hostname", hostname)
            .field("offer", offer)
            .field("newlines", newlines)
            .field("early", early)
            .field("syntax", syntax)
            .field("limits", limits)
            .finish()
    }
}

/// What the machine serves, and offers by default.
const SERVED: [Extension; 7] = [
    Extension::Pipelining,
    Extension::Size,
    Extension::EightBitMime,
    Extension::SmtpUtf8,
    Extension::EnhancedStatusCodes,
    Extension::Dsn,
    Extension::Help,
];

/// Verbs that the application may take upon itself by offering them: they then reach it as `Event::Query`.
const QUERIES: [Extension; 2] = [Extension::Vrfy, Extension::Expn];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn smtputf8_is_not_offered_without_8bitmime() {
        let mut config = Config::new("mx.test").unwrap();
        assert!(config.offered().contains(Extension::SmtpUtf8));
        config.offer = config.offer.without(Extension::EightBitMime);
        assert!(!config.offered().contains(Extension::SmtpUtf8));
    }

    #[test]
    fn what_is_not_served_is_not_offered() {
        let mut config = Config::new("mx.test").unwrap();
        config.offer = config.offer.with(Extension::Chunking).with(Extension::Expn);
        assert!(!config.offered().contains(Extension::Chunking));
        assert!(config.offered().contains(Extension::Expn));
    }

    #[test]
    fn the_command_line_grows_with_the_offer() {
        let mut config = Config::new("mx.test").unwrap();
        assert_eq!(config.command_line(), 2048);
        config.limits.command_line = 0;
        assert_eq!(config.command_line(), 512 + 530);
        config.offer = Extensions::none();
        assert_eq!(config.command_line(), 512);
    }
}
