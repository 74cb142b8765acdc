//! TLS by rustls: STARTTLS (RFC 3207) and TLS from the first octet (RFC 8314).
//!
//! A server has an [`Acceptor`], made of its certificate and key; a client has a [`Connector`], made of the certificates that it trusts.
//! The name in a server's certificate is always checked, except by [`Connector::unverified`], which checks nothing at all.
//!
//! ```no_run
//! use std::fs;
//!
//! use smtp_proto_blocking::tls::{Acceptor, Connector};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let acceptor = Acceptor::from_pem(&fs::read("cert.pem")?, &fs::read("key.pem")?)?;
//! let handshake = Connector::trusting(&fs::read("ca.pem")?)?.to("mx.example.org")?;
//! assert!(handshake.verifies());
//! # Ok(())
//! # }
//! ```
//!
//! Whoever needs more, the roots of the system or certificates of clients, configures rustls, which is here as [`rustls`].

mod acceptor;
mod connector;
mod error;
mod fault;
mod layer;
mod verifier;

pub use acceptor::Acceptor;
pub use connector::{Connector, Handshake};
pub use error::Error;
pub use fault::fault;
pub use rustls;

pub(crate) use layer::Layer;

use std::sync::Arc;

use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;

/// The one provider: what the process has installed for others changes nothing here.
fn provider() -> Arc<CryptoProvider> {
    Arc::new(ring::default_provider())
}

/// The certificates of a PEM file, at least one.
fn certificates(pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, Error> {
    let certificates = CertificateDer::pem_slice_iter(pem).collect::<Result<Vec<_>, _>>();
    let certificates = certificates.map_err(|_| Error::Pem)?;
    if certificates.is_empty() { Err(Error::NoCertificate) } else { Ok(certificates) }
}
