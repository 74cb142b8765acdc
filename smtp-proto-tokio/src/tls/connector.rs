//! The client's side of a handshake.

use core::fmt;
use std::sync::Arc;

use rustls::ClientConfig;
use rustls::pki_types::ServerName;

use super::verifier::{Anything, Trusted};
use super::{Error, certificates, provider};

/// Whom a client trusts. A clone shares it.
///
/// ```no_run
/// use smtp_proto_tokio::tls::Connector;
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let checked = Connector::trusting(&std::fs::read("ca.pem")?)?.to("mx.example.org")?;
/// let unchecked = Connector::unverified().to("mx.example.org")?;
/// assert!(checked.verifies() && !unchecked.verifies());
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Connector {
    config: Arc<ClientConfig>,
    verifies: bool,
}

impl Connector {
    /// Trusts the certificates in this PEM file, and those that they vouch for, and nobody else.
    ///
    /// # Errors
    ///
    /// There is no certificate in it, or one that cannot be read.
    pub fn trusting(pem: &[u8]) -> Result<Self, Error> {
        let verifier = Trusted::new(certificates(pem)?)?;
        let config = ClientConfig::builder_with_provider(provider())
            .with_safe_default_protocol_versions()?
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(verifier))
            .with_no_client_auth();
        Ok(Self { config: Arc::new(config), verifies: true })
    }

    /// Checks nothing: for opportunistic TLS (RFC 7435), which keeps out who only listens, and where the other choice is no TLS.
    #[must_use]
    pub fn unverified() -> Self {
        let config = ClientConfig::builder_with_provider(provider())
            .with_safe_default_protocol_versions()
            .expect("ring has suites for them")
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(Anything::new()))
            .with_no_client_auth();
        Self { config: Arc::new(config), verifies: false }
    }

    /// Says that the configuration checks the certificate and the name in it, as every configuration of rustls does that is not told
    /// otherwise: by the roots of the system, say, by DANE or by MTA-STS. Credentials and REQUIRETLS go to no server that is not checked.
    #[must_use]
    pub fn verifying(self) -> Self {
        Self { verifies: true, ..self }
    }

    /// The handshake with the server of this name, a domain or an IP address.
    ///
    /// # Errors
    ///
    /// It is neither.
    pub fn to(&self, name: &str) -> Result<Handshake, Error> {
        let name = ServerName::try_from(name.to_owned()).map_err(|_| Error::Name)?;
        Ok(Handshake { config: Arc::clone(&self.config), name, verifies: self.verifies })
    }
}

/// For the roots of the system, or a certificate of one's own. Whether it checks anything cannot be seen, so it counts as
/// [unverified](Connector::unverified) until it is said to be [verifying](Connector::verifying).
impl From<Arc<ClientConfig>> for Connector {
    fn from(config: Arc<ClientConfig>) -> Self {
        Self { config, verifies: false }
    }
}

impl fmt::Debug for Connector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connector").field("verifies", &self.verifies).finish_non_exhaustive()
    }
}

/// A handshake with a server of which the name is known.
///
/// ```
/// use smtp_proto_tokio::tls::Connector;
///
/// let handshake = Connector::unverified().to("192.0.2.1")?;
/// assert!(!handshake.verifies());
/// # Ok::<(), smtp_proto_tokio::tls::Error>(())
/// ```
#[derive(Clone)]
pub struct Handshake {
    config: Arc<ClientConfig>,
    name: ServerName<'static>,
    verifies: bool,
}

impl Handshake {
    /// Whether it fails where the certificate is not good, or is another server's.
    #[must_use]
    pub const fn verifies(&self) -> bool {
        self.verifies
    }

    /// The configuration of rustls, for who shakes hands in another way.
    #[must_use]
    pub const fn config(&self) -> &Arc<ClientConfig> {
        &self.config
    }

    /// The name of the server, for the same.
    #[must_use]
    pub const fn name(&self) -> &ServerName<'static> {
        &self.name
    }
}

impl fmt::Debug for Handshake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Handshake")
            .field("name", &self.name)
            .field("verifies", &self.verifies)
            .finish_non_exhaustive()
    }
}
