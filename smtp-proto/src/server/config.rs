//! What a server is like: its name, what it offers, its policies and limits.

use core::fmt;
use core::time::Duration;

use super::Limits;
use crate::Syntax;
use crate::data::{ChunkNewlines, Newlines};
use crate::wire::extension::{Served, Set};
use crate::{
    Declared, Extension, Extensions, Host, HostBuf, Inbox, Mechanisms, ParseError, SessionLimits,
};

/// The room of an [`Inbox`]: one read takes a group of commands, and no command line is longer.
const INBOX: usize = 16 * 1024;
/// The longest wait for an answer of a submission server (RFC 6409 5.3: "within 2 minutes").
const SUBMISSION_WAIT: Duration = Duration::from_secs(100);
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

/// What kind of service it is.
///
/// ```
/// use smtp_proto::server::{Config, Flavour};
///
/// let config = Config::submission("mail.test")?;
/// assert_eq!(config.flavour, Flavour::Submission);
/// assert!(config.auth.required);
/// # Ok::<(), smtp_proto::ParseError>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Flavour {
    /// Transfer between servers (RFC 5321).
    #[default]
    Smtp,
    /// Submission by users (RFC 6409).
    Submission,
    /// Delivery into a mail store: LHLO, and a reply for each recipient behind the content (RFC 2033).
    Lmtp,
}

/// Whether a session in the clear can, or must, be upgraded by STARTTLS (RFC 3207). In TLS it is never offered again.
///
/// ```
/// use smtp_proto::server::{Config, StartTls};
///
/// let mut config = Config::new("mx.test")?;
/// config.starttls = StartTls::Required; // never for the MX of a domain (RFC 3207 4)
/// # Ok::<(), smtp_proto::ParseError>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum StartTls {
    /// There is no certificate: 502.
    #[default]
    Off,
    /// Who wants to may.
    Offered,
    /// In the clear no command is served but NOOP, EHLO, STARTTLS and QUIT: 530 5.7.0 (RFC 3207 4). What is no command at all stays 500.
    Required,
}

/// Which mechanisms AUTH has, and whether it has to come first (RFC 4954). Without mechanisms there is no AUTH.
///
/// ```
/// use smtp_proto::Mechanisms;
/// use smtp_proto::server::Config;
///
/// let mut config = Config::new("mail.test")?;
/// config.auth.in_tls = Mechanisms::of(["PLAIN", "LOGIN"]);
/// # Ok::<(), smtp_proto::ParseError>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct AuthPolicy {
    /// Offered inside TLS.
    pub in_tls: Mechanisms,
    /// Offered in the clear: none that shows a password (RFC 4954 4).
    pub in_clear: Mechanisms,
    /// Before AUTH nothing is served but EHLO, HELO, NOOP, RSET, STARTTLS and QUIT: 530 5.7.0 (RFC 4954 6).
    pub required: bool,
}

/// Whether a session is encrypted.
///
/// ```
/// use smtp_proto::Extension;
/// use smtp_proto::server::{Channel, Config, StartTls};
///
/// let mut config = Config::new("mx.test")?;
/// config.starttls = StartTls::Offered;
/// assert!(config.offered(Channel::Clear).contains(Extension::StartTls));
/// assert!(!config.offered(Channel::Tls).contains(Extension::StartTls));
/// # Ok::<(), smtp_proto::ParseError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(clippy::exhaustive_enums, reason = "a session is encrypted or it is not")]
pub enum Channel {
    /// Everyone on the way can read it.
    Clear,
    /// TLS.
    Tls,
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
    /// What kind of service it is.
    pub flavour: Flavour,
    /// The way into TLS.
    pub starttls: StartTls,
    /// AUTH.
    pub auth: AuthPolicy,
    /// What EHLO offers beside STARTTLS and AUTH; [`offered`](Self::offered) is what of it comes into effect.
    pub offer: Extensions,
    /// Stray CR, LF and NUL in content that comes by DATA.
    pub newlines: Newlines,
    /// The same in content that comes by BDAT and is not BINARYMIME.
    pub newlines_in_chunks: ChunkNewlines,
    /// Octets behind a synchronisation point.
    pub early: Early,
    /// Deviations from the grammar that are read past.
    pub syntax: Syntax,
    /// Extensions that this crate has never heard of: EHLO offers them all.
    pub declared: Declared,
    /// What a session may use up.
    pub limits: Limits,
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
            flavour: Flavour::default(),
            starttls: StartTls::default(),
            auth: AuthPolicy::default(),
            offer: Extension::all()
                .filter(|extension| extension.served() == Served::ByDefault)
                .fold(Extensions::none(), Extensions::with),
            newlines: Newlines::default(),
            newlines_in_chunks: ChunkNewlines::default(),
            early: Early::default(),
            syntax: Syntax::default(),
            declared: Declared::NONE,
            limits: Limits::default(),
        })
    }

    /// The defaults of a submission server: AUTH comes first, and answers within 100 seconds (RFC 6409 4.3, 5.3). It still wants its
    /// mechanisms, and TLS.
    ///
    /// # Errors
    ///
    /// As [`new`](Self::new).
    pub fn submission(hostname: &str) -> Result<Self, ParseError> {
        let mut config = Self::new(hostname)?;
        config.flavour = Flavour::Submission;
        config.auth.required = true;
        config.limits.answer_wait = SUBMISSION_WAIT;
        config.limits.message_wait = SUBMISSION_WAIT;
        Ok(config)
    }

    /// The defaults of an LMTP server.
    ///
    /// # Errors
    ///
    /// As [`new`](Self::new).
    pub fn lmtp(hostname: &str) -> Result<Self, ParseError> {
        Ok(Self { flavour: Flavour::Lmtp, ..Self::new(hostname)? })
    }

    /// What EHLO offers in effect, in the clear or in TLS: STARTTLS, AUTH, and of `offer` what this crate serves, with the message limit at
    /// SIZE. SMTPUTF8 needs 8BITMIME (RFC 6531 3.1), BINARYMIME needs CHUNKING (RFC 3030 3), LIMITS a limit that six digits can say (RFC
    /// 9422 3).
    #[must_use]
    pub fn offered(&self, channel: Channel) -> Extensions {
        self.offerable(channel).sound()
    }

    /// What may be offered, each for itself.
    pub(super) fn offerable(&self, channel: Channel) -> Extensions {
        let mut offered = Extensions::none().with_mechanisms(self.mechanisms(channel).clone());
        // RFC 3207 4.2: not offered inside TLS.
        if channel == Channel::Clear && self.starttls != StartTls::Off {
            offered = offered.with(Extension::StartTls);
        }
        // RFC 2033 4.4, 5.
        if self.flavour == Flavour::Lmtp {
            offered = offered.with(Extension::Pipelining).with(Extension::EnhancedStatusCodes);
        }
        let asked = |extension: &Extension| {
            extension.served() != Served::BySetting && self.offer.contains(*extension)
        };
        for extension in Extension::all().filter(asked) {
            offered = match extension {
                // RFC 1870 3: a maximum of 0 is none.
                Extension::Size if self.limits.message == u64::MAX => offered.with_size(0),
                Extension::Size => offered.with_size(self.limits.message),
                // RFC 8689 4: inside TLS only.
                Extension::RequireTls if channel == Channel::Clear => offered,
                Extension::Limits => offered.with_limits(self.session_limits()),
                _ => offered.with(extension),
            };
        }
        offered.with_declared(&self.declared)
    }

    /// The mechanisms of AUTH in the clear or in TLS.
    pub(super) const fn mechanisms(&self, channel: Channel) -> &Mechanisms {
        match channel {
            Channel::Clear => &self.auth.in_clear,
            Channel::Tls => &self.auth.in_tls,
        }
    }

    pub(super) const fn has_auth(&self) -> bool {
        !(self.auth.in_tls.is_empty() && self.auth.in_clear.is_empty())
    }

    pub(super) const fn has_auth_in_tls_only(&self) -> bool {
        self.auth.in_clear.is_empty() && !self.auth.in_tls.is_empty()
    }

    /// RFC 4954 4. An inbox holds the line.
    pub(super) fn auth_line(&self) -> usize {
        self.limits.auth_line.min(INBOX)
    }

    const fn session_limits(&self) -> SessionLimits {
        SessionLimits { recipients: Some(self.limits.recipients), ..SessionLimits::NONE }
    }

    /// An inbox that holds the longest unit a session reads.
    #[must_use]
    pub fn inbox(&self) -> Inbox {
        Inbox::new(INBOX)
    }

    /// RFC 5321 4.5.3.1.4: the limit grows with what is offered.
    pub(super) fn command_line(&self) -> usize {
        self.command_line_for(0)
    }

    /// The same where what another configuration offered adds this many octets.
    pub(super) fn command_line_for(&self, offered: usize) -> usize {
        let mut set = self.set();
        if self.has_auth() {
            set.insert(Extension::Auth);
        }
        let growth = set.growth().saturating_add(self.declared.growth());
        let least = COMMAND_LINE.saturating_add(growth.max(offered));
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
        let Self {
            hostname,
            flavour,
            starttls,
            auth,
            offer,
            newlines,
            newlines_in_chunks,
            early,
            syntax,
            declared,
            limits,
        } = self;
        f.debug_struct("Config")
            .field("hostname", hostname)
            .field("flavour", flavour)
            .field("starttls", starttls)
            .field("auth", auth)
            .field("offer", offer)
            .field("newlines", newlines)
            .field("newlines_in_chunks", newlines_in_chunks)
            .field("early", early)
            .field("syntax", syntax)
            .field("declared", declared)
            .field("limits", limits)
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn smtputf8_is_not_offered_without_8bitmime() {
        let mut config = Config::new("mx.test").unwrap();
        assert!(config.offered(Channel::Clear).contains(Extension::SmtpUtf8));
        config.offer = config.offer.without(Extension::EightBitMime);
        assert!(!config.offered(Channel::Clear).contains(Extension::SmtpUtf8));
    }

    #[test]
    fn what_is_not_served_is_not_offered() {
        let mut config = Config::new("mx.test").unwrap();
        config.offer = config.offer.with(Extension::StartTls).with(Extension::Expn);
        assert!(!config.offered(Channel::Clear).contains(Extension::StartTls));
        assert!(config.offered(Channel::Clear).contains(Extension::Expn));
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
