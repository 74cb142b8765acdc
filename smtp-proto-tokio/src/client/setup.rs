//! How a session of a client begins.

use std::sync::Arc;

use smtp_proto::client::{Config, Introduction};
use smtp_proto::sasl::Credentials;
use smtp_proto::{Host, Mechanism, Mechanisms};
use tokio::io::{AsyncRead, AsyncWrite};

use super::{Client, Error, Session};
#[cfg(feature = "rustls")]
use crate::tls::Handshake;

/// Whether and how a session is encrypted.
///
/// ```
/// # #[cfg(feature = "rustls")] {
/// use smtp_proto_tokio::client::Security;
/// use smtp_proto_tokio::tls::{Connector, Error};
///
/// /// To the MX of a domain, whose certificate nobody can check without DANE or MTA-STS.
/// fn relaying(mx: &str) -> Result<Security, Error> {
///     Ok(Security::Opportunistic(Connector::unverified().to(mx)?))
/// }
/// # assert!(relaying("mx.example.org").is_ok());
/// # }
/// ```
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub enum Security {
    /// In the clear.
    #[default]
    None,
    /// STARTTLS where it is offered, and in the clear where it is not, or refused. A handshake that fails ends the session.
    #[cfg(feature = "rustls")]
    Opportunistic(Handshake),
    /// STARTTLS, or nothing: neither a letter nor credentials go in the clear (RFC 3207).
    #[cfg(feature = "rustls")]
    Required(Handshake),
    /// From the first octet (RFC 8314 3.3), on a port that is for that: 465 for submission.
    #[cfg(feature = "rustls")]
    Implicit(Handshake),
}

/// What a client says and demands in front of the first letter.
///
/// ```no_run
/// # #[cfg(feature = "rustls")] {
/// use smtp_proto::Host;
/// use smtp_proto::sasl::Credentials;
/// use smtp_proto_tokio::client::{Security, Setup};
/// use smtp_proto_tokio::tls::Connector;
/// use tokio::net::TcpStream;
///
/// # async fn submit() -> Result<(), Box<dyn std::error::Error>> {
/// let stream = TcpStream::connect("mail.example.org:587").await?;
/// let server = Connector::trusting(&std::fs::read("ca.pem")?)?.to("mail.example.org")?;
/// let client = Setup::new(Host::parse(b"client.example.org")?)
///     .with_security(Security::Required(server))
///     .with_credentials(&Credentials::plain("me", "secret"))
///     .connect(stream)
///     .await?;
/// # Ok(())
/// # }
/// # }
/// ```
#[derive(Debug)]
#[must_use = "nothing is said before `connect`"]
pub struct Setup<'a> {
    name: Host<'a>,
    config: Arc<Config>,
    security: Security,
    credentials: Option<&'a Credentials>,
    mechanism: Option<Mechanism<'a>>,
    auth_in_clear: bool,
}

impl<'a> Setup<'a> {
    /// EHLO with this name, in the clear, and no AUTH.
    pub fn new(name: Host<'a>) -> Self {
        Self {
            name,
            config: Arc::default(),
            security: Security::None,
            credentials: None,
            mechanism: None,
            auth_in_clear: false,
        }
    }

    /// With other waits, limits and policies than the usual.
    pub fn with_config(self, config: Arc<Config>) -> Self {
        Self { config, ..self }
    }

    /// Encrypted, in one way or another.
    pub fn with_security(self, security: Security) -> Self {
        Self { security, ..self }
    }

    /// AUTH with these, by the strongest mechanism that both know. They go only to a server whose certificate was verified.
    pub fn with_credentials(self, credentials: &'a Credentials) -> Self {
        Self { credentials: Some(credentials), ..self }
    }

    /// AUTH by this mechanism alone.
    pub fn with_mechanism(self, mechanism: Mechanism<'a>) -> Self {
        Self { mechanism: Some(mechanism), ..self }
    }

    /// AUTH also where the server was not verified, and where everyone on the way can read it.
    pub fn with_auth_in_clear(self) -> Self {
        Self { auth_in_clear: true, ..self }
    }

    /// Waits for the greeting, and says EHLO, STARTTLS and AUTH as it was set up.
    ///
    /// Over TCP the `TCP_NODELAY` of the stream should be set: the end of a long content is a write of its own.
    ///
    /// # Errors
    ///
    /// [`Error::Introduction`]: the two do not come together; where the session was still good, the server was told QUIT.
    /// [`Error::Connection`]: the connection broke.
    pub async fn connect<S>(mut self, stream: S) -> Result<Client<S>, Error>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        let mut introduction = self.introduction();
        if self.auth_in_clear {
            Arc::make_mut(&mut self.config).auth_in_clear = self.mechanisms();
        }
        let mut session = match self.security {
            Security::None => Session::new(stream, self.config),
            #[cfg(feature = "rustls")]
            Security::Opportunistic(handshake) => {
                introduction = introduction.with_start_tls();
                Session::new(stream, self.config).with_tls(handshake)
            }
            #[cfg(feature = "rustls")]
            Security::Required(handshake) => {
                Arc::make_mut(&mut self.config).tls = smtp_proto::client::Tls::Required;
                Session::new(stream, self.config).with_tls(handshake)
            }
            #[cfg(feature = "rustls")]
            Security::Implicit(handshake) => Session::implicit_tls(stream, handshake, self.config),
        };
        let introduced = session.introduce(&mut introduction).await;
        let client = Client::over(session);
        match introduced {
            Ok(()) => Ok(client),
            Err(error) => {
                // What it says to that changes nothing.
                let _ = client.quit().await;
                Err(error)
            }
        }
    }

    fn introduction(&self) -> Introduction<'a> {
        let mut introduction = Introduction::new(self.name);
        if let Some(credentials) = self.credentials {
            introduction = introduction.with_credentials(credentials);
        }
        if let Some(mechanism) = self.mechanism {
            introduction = introduction.with_mechanism(mechanism);
        }
        if self.auth_in_clear {
            introduction = introduction.with_auth_in_clear();
        }
        introduction
    }

    /// All that are known here, and the one that was asked for.
    fn mechanisms(&self) -> Mechanisms {
        let asked = self.mechanism.as_ref().map(Mechanism::as_str);
        Mechanisms::of(BUILT_IN.into_iter().chain(asked))
    }
}

const BUILT_IN: [&str; 6] = ["PLAIN", "LOGIN", "OAUTHBEARER", "XOAUTH2", "EXTERNAL", "ANONYMOUS"];
