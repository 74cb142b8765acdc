//! What a session may use up. Every limit is enforced by the machine.

use core::time::Duration;

/// The limits of one session. The defaults are those of the RFCs, or generous.
///
/// ```
/// let limits = smtp_proto::server::Limits::default();
/// assert_eq!(limits.message, 50 * 1024 * 1024);
/// assert_eq!(limits.recipients, 1000);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// Octets of a command line with its CRLF, 2048. Never less than 512 and what the offered extensions add (RFC 5321 4.5.3.1.4), nor
    /// more than 16 KiB.
    pub command_line: usize,
    /// Octets of a response in the exchange of AUTH with its CRLF, 12,288 (RFC 4954 4); at most 16 KiB.
    pub auth_line: usize,
    /// AUTH commands that may fail before 421 4.7.0, 3 (RFC 4954 9); never begins anew.
    pub auth_attempts: u32,
    /// Octets of a message as RFC 1870 5 counts them, 50 MiB, announced by SIZE; more is read up to twice this, then
    /// refused by 552. `u64::MAX` is no limit.
    pub message: u64,
    /// Recipients of one transaction, 1000 (RFC 5321 4.5.3.1.8 asks for 100); more get 452 4.5.3.
    pub recipients: u32,
    /// Decisions that may be owed at once, 128.
    pub answers_owed: usize,
    /// Octets of replies that wait to be sent before no more commands are taken, 16 KiB.
    pub replies: usize,
    /// Refusals that the machine makes itself (500 to 504, 555) before 421 4.7.0, 20; begins anew at an accepted message. Chunks behind one
    /// that failed are none: they were in the pipeline (RFC 3030 2).
    pub errors: u32,
    /// Commands that do nothing for any letter before 421 4.7.0, 100; begins anew at an accepted message. Chunks behind one that failed are
    /// among them, and those in front of TLS or AUTH that has to come first.
    pub idle_commands: u32,
    /// The wait for a whole command line, 5 minutes (RFC 5321 4.5.3.2.7).
    pub command_wait: Duration,
    /// The wait for the TLS handshake behind STARTTLS, 60 s.
    pub handshake_wait: Duration,
    /// The wait until everything that stands in `outgoing` is sent, 5 minutes.
    pub flush_wait: Duration,
    /// How long the application has for a decision, 5 minutes.
    pub answer_wait: Duration,
    /// How long the application has for a message, 9 minutes: the client waits 10 (RFC 5321 4.5.3.2.6).
    pub message_wait: Duration,
    /// A window of content, 60 s, in which at least [`window_octets`](Self::window_octets) come.
    pub window: Duration,
    /// Octets of content in a window, 30,000: 500 a second.
    pub window_octets: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            command_line: 2048,
            auth_line: 12_288,
            auth_attempts: 3,
            message: 50 * 1024 * 1024,
            recipients: 1000,
            answers_owed: 128,
            replies: 16 * 1024,
            errors: 20,
            idle_commands: 100,
            command_wait: Duration::from_secs(300),
            handshake_wait: Duration::from_secs(60),
            flush_wait: Duration::from_secs(300),
            answer_wait: Duration::from_secs(300),
            message_wait: Duration::from_secs(540),
            window: Duration::from_secs(60),
            window_octets: 30_000,
        }
    }
}
