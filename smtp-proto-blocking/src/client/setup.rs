//! How a session of a client begins.

use std::sync::Arc;

use smtp_proto::client::{Config, Introduction};
use smtp_proto::sasl::Credentials;
use smtp_proto::{Host, Mechanism};

use super::{Client, Error, Session};
#[cfg(feature = "rustls")]
use crate::tls::Handshake;
use crate::{Socket, Witness};

/// Whether and how a session is encrypted.
///
/// ```
/// # #[cfg(feature = "rustls")] {
/// use smtp_proto_blocking::client::Security;
/// use smtp_proto_blocking::tls::{Connector, Error};
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
/// use std::net::TcpStream;
///
/// use smtp_proto::Host;
/// use smtp_proto::sasl::Credentials;
/// use smtp_proto_blocking::client::{Security, Setup};
/// use smtp_proto_blocking::tls::Connector;
///
/// # fn submit() -> Result<(), Box<dyn std::error::Error>> {
/// let stream = TcpStream::connect("mail.example.org:587")?;
/// let server = Connector::trusting(&std::fs::read("ca.pem")?)?.to("mail.example.org")?;
/// let client = Setup::new(Host::parse(b"client.example.org")?)
///     .with_security(Security::Required(server))
///     .with_credentials(&Credentials::plain("me", "secret"))
///     .connect(stream)?;
/// # Ok(())
/// # }
/// # }
/// ```
#[derive(Debug)]
#[must_use = "nothing is said before `connect`"]
pub struct Setup<'a> {
    introduction: Introduction<'a>,
    config: Arc<Config>,
    security: Security,
    witness: Option<Box<dyn Witness>>,
}

impl<'a> Setup<'a> {
    /// EHLO with this name, in the clear, and no AUTH.
    pub fn new(name: Host<'a>) -> Self {
        Self {
            introduction: Introduction::new(name),
            config: Arc::default(),
            security: Security::None,
            witness: None,
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
        Self { introduction: self.introduction.with_credentials(credentials), ..self }
    }

    /// AUTH by this mechanism alone.
    pub fn with_mechanism(self, mechanism: Mechanism<'a>) -> Self {
        Self { introduction: self.introduction.with_mechanism(mechanism), ..self }
    }

    /// AUTH also where the server was not verified, and where everyone on the way can read it.
    pub fn with_auth_in_clear(self) -> Self {
        Self { introduction: self.introduction.with_auth_in_clear(), ..self }
    }

    /// Shows all that is said, the secrets too, to `witness`.
    pub fn with_witness(self, witness: Box<dyn Witness>) -> Self {
        Self { witness: Some(witness), ..self }
    }

    /// Waits for the greeting, and says EHLO, STARTTLS and AUTH as it was set up.
    ///
    /// Over TCP the `TCP_NODELAY` of the socket should be set: the end of a long content is a write of its own.
    ///
    /// # Errors
    ///
    /// [`Error::Introduction`]: the two do not come together; where the session was still good, the server was told QUIT.
    /// [`Error::Connection`]: the connection broke.
    pub fn connect<S: Socket>(mut self, socket: S) -> Result<Client<S>, Error> {
        let mut introduction = self.introduction;
        self.config = introduction.config(self.config);
        let mut session = match self.security {
            Security::None => Session::new(socket, self.config),
            #[cfg(feature = "rustls")]
            Security::Opportunistic(handshake) => {
                introduction = introduction.with_start_tls();
                Session::new(socket, self.config).with_tls(handshake)
            }
            #[cfg(feature = "rustls")]
            Security::Required(handshake) => {
                Arc::make_mut(&mut self.config).tls = smtp_proto::client::Tls::Required;
                Session::new(socket, self.config).with_tls(handshake)
            }
            #[cfg(feature = "rustls")]
            Security::Implicit(handshake) => Session::implicit_tls(socket, handshake, self.config),
        };
        if let Some(witness) = self.witness {
            session.stream().watch(witness);
        }
        let introduced = session.introduce(&mut introduction);
        let client = Client::over(session);
        match introduced {
            Ok(()) => Ok(client),
            Err(error) => {
                // What it says to that changes nothing.
                let _ = client.quit();
                Err(error)
            }
        }
    }
}
