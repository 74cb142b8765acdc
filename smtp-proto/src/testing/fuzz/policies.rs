//! How the server of a fuzzed session is set up.

use alloc::sync::Arc;

use crate::Mechanisms;
use crate::data::{ChunkNewlines, Newlines};
use crate::server::{Config, Early, Server, StartTls};

/// How the server is set up and what its application is like, a bit each.
#[derive(Clone, Copy, Debug)]
pub(super) struct Policies(pub(super) [u8; 2]);

impl Policies {
    const NORMALISE: u16 = 1;
    pub(super) const ALLOW_EARLY: u16 = 2;
    const SMALL_LIMITS: u16 = 4;
    const DEFER_ANSWERS: u16 = 8;
    pub(super) const REFUSE_CONNECTION: u16 = 16;
    pub(super) const REFUSE_DATA: u16 = 32;
    const REFUSE_IN_CHUNKS: u16 = 64;
    const KEEP_IN_CHUNKS: u16 = 128;
    const SUBMISSION: u16 = 1 << 8;
    const LMTP: u16 = 2 << 8;
    const TLS: u16 = 4 << 8;
    const TLS_REQUIRED: u16 = 8 << 8;
    const AUTH: u16 = 16 << 8;
    const AUTH_REQUIRED: u16 = 32 << 8;
    pub(super) const REFUSE_TLS: u16 = 64 << 8;
    const IMPLICIT_TLS: u16 = 128 << 8;

    pub(super) const fn has(self, policy: u16) -> bool {
        u16::from_le_bytes(self.0) & policy != 0
    }

    fn config(self) -> Config {
        let config = match (self.has(Self::SUBMISSION), self.has(Self::LMTP)) {
            (true, _) => Config::submission("server.example"),
            (_, true) => Config::lmtp("server.example"),
            _ => Config::new("server.example"),
        };
        let mut config = config.expect("it is a domain");
        if self.has(Self::NORMALISE) {
            config.newlines = Newlines::Normalise;
        }
        if self.has(Self::REFUSE_IN_CHUNKS) {
            config.newlines_in_chunks = ChunkNewlines::Refuse;
        }
        if self.has(Self::KEEP_IN_CHUNKS) {
            config.newlines_in_chunks = ChunkNewlines::Keep;
        }
        if self.has(Self::ALLOW_EARLY) {
            config.early = Early::Allow;
        }
        if self.has(Self::SMALL_LIMITS) {
            config.limits.message = 100;
            config.limits.recipients = 3;
        }
        if self.has(Self::TLS) {
            config.starttls = StartTls::Offered;
        }
        if self.has(Self::TLS_REQUIRED) {
            config.starttls = StartTls::Required;
        }
        if self.has(Self::AUTH) {
            config.auth.in_clear = Mechanisms::of(["PLAIN"]);
        }
        config.auth.in_tls = Mechanisms::of(["PLAIN", "LOGIN"]);
        config.auth.required = self.has(Self::AUTH_REQUIRED);
        config
    }

    pub(super) fn server(self) -> Server {
        let config = Arc::new(self.config());
        match self.has(Self::IMPLICIT_TLS) {
            true => Server::implicit_tls(config),
            false => Server::new(config),
        }
    }

    /// The recipient limit counts answers that are owed, so that it sees when an answer comes.
    pub(super) const fn defers(self) -> bool {
        self.has(Self::DEFER_ANSWERS) && !self.has(Self::SMALL_LIMITS)
    }
}
