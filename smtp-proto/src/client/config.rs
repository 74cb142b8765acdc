//! What a client is like: its waits, its caps, its policy.

use core::time::Duration;

use crate::data::LineEnds;
use crate::line::ReplyLimits;
use crate::{Declared, Inbox, Mechanisms};

/// The configuration of client sessions, shared by them all.
///
/// ```
/// use std::sync::Arc;
/// use std::time::Duration;
/// use smtp_proto::client::{Client, Config};
///
/// let mut config = Config::default();
/// config.waits.greeting = Duration::from_secs(30);
/// let client = Client::new(Arc::new(config));
/// assert!(client.extensions().is_none());
/// ```
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Config {
    /// Which protocol is spoken.
    pub flavour: Flavour,
    /// How long each reply may take.
    pub waits: Waits,
    /// Caps on a reply.
    pub replies: ReplyLimits,
    /// Bare CR and bare LF in the content.
    pub line_ends: LineEnds,
    /// What a refused EHLO leads to.
    pub fallback: Fallback,
    /// Whether a letter may go in the clear.
    pub tls: Tls,
    /// The mechanisms that may be used in the clear, none by default: whoever listens reads the password of most of them.
    pub auth_in_clear: Mechanisms,
    /// Whether commands are sent in groups where the server allows it (RFC 2920).
    pub pipelining: Pipelining,
    /// Extensions that this crate has never heard of: their parameters are sent where the server offers their keyword.
    pub declared: Declared,
    /// What may wait to be sent.
    pub queue: Queue,
}

impl Config {
    /// An inbox that holds the longest reply a session reads.
    #[must_use]
    pub fn inbox(&self) -> Inbox {
        Inbox::new(self.replies.total.saturating_add(self.replies.line))
    }
}

/// SMTP, or its sister for delivery to mailboxes.
///
/// ```
/// use smtp_proto::client::{Config, Flavour};
///
/// let mut config = Config::default();
/// config.flavour = Flavour::Lmtp;
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[expect(clippy::exhaustive_enums, reason = "a client speaks one or the other")]
pub enum Flavour {
    /// EHLO, and one reply to the content.
    #[default]
    Smtp,
    /// LHLO, and a reply to the content for each recipient that was accepted (RFC 2033 4.2).
    Lmtp,
}

/// What a client does when the server does not know EHLO (RFC 5321 3.2).
///
/// ```
/// use smtp_proto::client::{Config, Fallback};
///
/// let mut config = Config::default();
/// config.fallback = Fallback::Never;
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[expect(clippy::exhaustive_enums, reason = "there is HELO or nothing")]
pub enum Fallback {
    /// HELO on the same connection.
    #[default]
    Helo,
    /// The refusal stands: what the session is for needs an extension.
    Never,
}

/// Whether the session has to be encrypted before anything but the way there is said.
///
/// ```
/// use smtp_proto::client::{Config, Tls};
///
/// let mut config = Config::default();
/// config.tls = Tls::Required;
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[expect(clippy::exhaustive_enums, reason = "it is required or it is not")]
pub enum Tls {
    /// Commands may go in the clear. Whoever says STARTTLS decides what its refusal means.
    #[default]
    Optional,
    /// In the clear only EHLO, STARTTLS, NOOP and QUIT are said. A server that does not offer or refuses STARTTLS ends the session, and
    /// EHLO is not followed by HELO.
    Required,
}

/// Whether commands may be sent before the replies to those in front of them.
///
/// ```
/// use smtp_proto::client::{Config, Pipelining};
///
/// let mut config = Config::default();
/// config.pipelining = Pipelining::InFlight(4096); // one thread cannot read and write at once
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Pipelining {
    /// Where the server offers it, without bound.
    #[default]
    Offered,
    /// Where the server offers it, with at most this many octets of commands unanswered: for a driver that cannot read and write at
    /// once, since replies to a long group can fill both windows (RFC 2920 3.1).
    InFlight(usize),
    /// Never.
    Never,
}

/// What may wait in `outgoing`.
///
/// ```
/// assert_eq!(smtp_proto::client::Queue::default().commands, 64 * 1024);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Queue {
    /// Octets of commands, 64 KiB.
    pub commands: usize,
    /// Octets of content, 64 KiB.
    pub content: usize,
}

impl Default for Queue {
    fn default() -> Self {
        Self { commands: 64 * 1024, content: 64 * 1024 }
    }
}

/// How long the client waits for each reply: at least what RFC 5321 4.5.3.2 says.
///
/// ```
/// use std::time::Duration;
/// use smtp_proto::client::Waits;
///
/// assert_eq!(Waits::default().content, Duration::from_secs(600));
/// assert_eq!(Waits::all(Duration::from_secs(1)).greeting, Duration::from_secs(1));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Waits {
    /// The greeting, 5 minutes (4.5.3.2.1).
    pub greeting: Duration,
    /// MAIL, RCPT and every command that is not named here, 5 minutes (4.5.3.2.2, 4.5.3.2.3).
    pub command: Duration,
    /// The reply to DATA, 2 minutes (4.5.3.2.4).
    pub data: Duration,
    /// Until what waits to be sent is sent, 3 minutes (4.5.3.2.5).
    pub block: Duration,
    /// The reply to the content, 10 minutes (4.5.3.2.6).
    pub content: Duration,
    /// The reply to QUIT, 10 seconds: nothing depends on it.
    pub quit: Duration,
    /// Until TLS is negotiated, 1 minute.
    pub handshake: Duration,
}

impl Waits {
    /// The same wait for everything, for tests.
    #[must_use]
    pub const fn all(wait: Duration) -> Self {
        Self {
            greeting: wait,
            command: wait,
            data: wait,
            block: wait,
            content: wait,
            quit: wait,
            handshake: wait,
        }
    }
}

impl Default for Waits {
    fn default() -> Self {
        let minutes = |minutes: u64| Duration::from_secs(minutes.saturating_mul(60));
        Self {
            greeting: minutes(5),
            command: minutes(5),
            data: minutes(2),
            block: minutes(3),
            content: minutes(10),
            quit: Duration::from_secs(10),
            handshake: minutes(1),
        }
    }
}
