//! What is wrong with a certificate, a key or a name, before there is a connection.

/// Why there can be no TLS of this.
///
/// ```
/// use smtp_proto_blocking::tls::{Connector, Error};
///
/// assert!(matches!(Connector::trusting(b"no PEM"), Err(Error::NoCertificate)));
/// assert!(matches!(Connector::unverified().to("a b"), Err(Error::Name)));
/// ```
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The file is damaged PEM.
    #[error("this is no PEM")]
    Pem,
    /// The file holds no certificate.
    #[error("there is no certificate in it")]
    NoCertificate,
    /// The file holds no private key.
    #[error("there is no private key in it")]
    NoKey,
    /// It is neither a domain nor an IP address.
    #[error("no server can have this name")]
    Name,
    /// The certificate and the key do not go together, or one of them cannot be used.
    #[error(transparent)]
    Unusable(#[from] rustls::Error),
}
