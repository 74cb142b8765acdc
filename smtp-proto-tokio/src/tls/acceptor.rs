//! The server's side of a handshake.

use core::fmt;
use std::sync::Arc;

use rustls::ServerConfig;
use rustls::pki_types::PrivateKeyDer;
use rustls::pki_types::pem::PemObject;
use rustls::server::ServerSessionMemoryCache;

use super::{Error, certificates, provider};

/// How many sessions are remembered, as rustls has it.
const SESSIONS: usize = 256;

/// What a server shows of itself: its certificate, and the key to it. A clone shares them.
///
/// ```no_run
/// use std::fs;
/// use std::sync::Arc;
///
/// use smtp_proto::server::Config;
/// use smtp_proto_tokio::{Session, tls::Acceptor};
/// use tokio::net::TcpStream;
///
/// # fn serve(stream: TcpStream, config: Arc<Config>) -> Result<(), Box<dyn std::error::Error>> {
/// let acceptor = Acceptor::from_pem(&fs::read("cert.pem")?, &fs::read("key.pem")?)?;
/// let session = Session::new(stream, config).with_tls(acceptor);
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Acceptor(Arc<ServerConfig>);

impl Acceptor {
    /// Of the certificate of this server, those that vouch for it behind it, and its private key, in PEM.
    ///
    /// # Errors
    ///
    /// One of them is missing, or they do not go together.
    pub fn from_pem(chain: &[u8], key: &[u8]) -> Result<Self, Error> {
        let key = PrivateKeyDer::from_pem_slice(key).map_err(|_| Error::NoKey)?;
        let config = ServerConfig::builder_with_provider(provider())
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_single_cert(certificates(chain)?, key)?;
        Ok(Self(Arc::new(config)))
    }

    /// The same certificate with a memory of its own: for each listener one, so that what a client got at one resumes nothing at another.
    /// A ticketer in a configuration of rustls that was handed in is shared all the same.
    #[must_use]
    pub fn apart(&self) -> Self {
        let mut config = ServerConfig::clone(&self.0);
        config.session_storage = ServerSessionMemoryCache::new(SESSIONS);
        Self(Arc::new(config))
    }

    pub(super) const fn config(&self) -> &Arc<ServerConfig> {
        &self.0
    }
}

/// To ask clients for certificates, or to choose a certificate by the name that is asked for.
impl From<Arc<ServerConfig>> for Acceptor {
    fn from(config: Arc<ServerConfig>) -> Self {
        Self(config)
    }
}

/// Nothing of the key is shown.
impl fmt::Debug for Acceptor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Acceptor").finish_non_exhaustive()
    }
}
