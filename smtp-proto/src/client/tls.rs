//! The way into TLS: STARTTLS, the handshake that the driver does, and a new session inside.
//!
//! RFC 3207 4.2: what was learned in the clear is forgotten, and EHLO is said again. Nothing that stood behind the go-ahead in the clear
//! is ever read as part of the encrypted session.

use alloc::sync::Arc;

use super::replies::is_unknown;
use super::used::Used;
use super::{Client, Config, Error, Event, Misuse, Sent, Stage, Tls, Transaction};
use crate::line::Replies;
use crate::{Command, Extension, Reply, TlsFault};

impl Client {
    /// A session over a connection that is encrypted already (RFC 8314 3), in front of its greeting.
    #[must_use]
    pub fn implicit_tls(config: Arc<Config>) -> Self {
        Self { secure: true, ..Self::new(config) }
    }

    /// STARTTLS. Once it is accepted the machine wants a handshake, and behind that [`hello`](Self::hello) again.
    ///
    /// # Errors
    ///
    /// [`Misuse::NotOffered`]; [`Misuse::Order`]: the session is encrypted, authenticated, or in a transaction. The rest as every command.
    pub fn start_tls(&mut self) -> Result<Sent, Misuse> {
        let offered = self.offered()?.contains(Extension::StartTls);
        self.chunks_are_over()?;
        // RFC 3207 4.2: not inside TLS.
        if self.secure || self.authenticated || self.transaction.is_open() {
            return Err(Misuse::Order);
        }
        if !offered {
            return Err(Misuse::NotOffered);
        }
        let sent = self.queue(Command::StartTls)?;
        self.stage = Stage::TlsAsked;
        Ok(sent)
    }

    /// Says that TLS is negotiated. Everything that the server said in the clear is forgotten; only [`hello`](Self::hello) may come next.
    /// `false`, and nothing is done, where no handshake is [wanted](super::Wants::Tls).
    pub fn tls_established(&mut self) -> bool {
        let wanted = matches!(self.stage, Stage::Handshake);
        if wanted {
            self.secure = true;
            self.extensions = None;
            self.transaction = Transaction::default();
            self.used = Used::default();
            self.replies = Replies::new();
            self.stage = Stage::Hello;
            self.retime();
            self.stirred = true;
        }
        wanted
    }

    /// Says that the server is who it should be: its certificate is good, and the name in it is the one that was asked for, by the roots
    /// of the user, by DANE or by MTA-STS. REQUIRETLS and the credentials of an [`Introduction`](super::Introduction) go to no other
    /// (RFC 8689 4.2.1, RFC 4954 14). `false`, and nothing is done, in the clear.
    pub fn tls_verified(&mut self) -> bool {
        self.verified = self.secure;
        self.verified
    }

    /// Says that it is not. The session is over: nothing is said in the clear on this connection any more.
    ///
    /// ```
    /// use std::sync::Arc;
    /// use smtp_proto::TlsFault;
    /// use smtp_proto::client::{Client, Config, Error, Wants};
    ///
    /// let mut client = Client::implicit_tls(Arc::new(Config::default()));
    /// client.tls_failed(TlsFault::WrongName);
    /// assert_eq!(client.next(&mut &b"220 mx\r\n"[..]), Err(Error::Tls(TlsFault::WrongName)));
    /// assert_eq!(client.wants(), Wants::Close);
    /// ```
    pub fn tls_failed(&mut self, fault: TlsFault) {
        if !self.is_over() {
            self.fail(Error::Tls(fault));
        }
    }

    /// Whether TLS is required and missing.
    pub(super) fn needs_tls(&self) -> bool {
        self.config.tls == Tls::Required && !self.secure
    }

    pub(super) fn tls_answered(&mut self, accepted: bool) {
        self.stage = if accepted { Stage::Handshake } else { Stage::Commands };
        if !accepted && self.needs_tls() {
            self.fail(Error::TlsRequired);
        }
    }

    /// Octets that come now are none of a server that waits for a handshake (CVE-2021-22947).
    pub(super) fn in_handshake<'b>(&mut self, octets: usize) -> Result<Option<Event<'b>>, Error> {
        match octets {
            0 if self.eof => Err(self.fail(Error::Eof)),
            0 => Ok(None),
            octets => Err(self.fail(Error::PlaintextAfterStartTls(octets))),
        }
    }

    /// A server that does not know EHLO, or does not offer STARTTLS, leads nowhere where TLS is required: somebody may have cut the offer
    /// out (RFC 3207 6).
    pub(super) fn insist_on_tls(&mut self, reply: Reply<'_>) {
        let hopeless = match reply.class().is_positive() {
            true => !self
                .extensions
                .as_ref()
                .is_some_and(|offered| offered.contains(Extension::StartTls)),
            false => is_unknown(reply),
        };
        if hopeless && self.needs_tls() {
            self.fail(Error::TlsRequired);
        }
    }
}
