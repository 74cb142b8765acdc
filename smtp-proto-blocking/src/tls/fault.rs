//! Which of the ways it was in which TLS comes to nothing.

use std::io;

use rustls::{CertificateError, Error, OtherError};
use smtp_proto::TlsFault;

/// Why a handshake failed, of the error that it gave.
///
/// ```
/// use std::io;
///
/// use smtp_proto::TlsFault;
/// use smtp_proto_blocking::tls::{fault, rustls};
///
/// let error = rustls::Error::InvalidCertificate(rustls::CertificateError::Expired);
/// assert_eq!(fault(&io::Error::other(error)), TlsFault::Expired);
/// ```
#[must_use]
pub fn fault(error: &io::Error) -> TlsFault {
    match error.kind() {
        io::ErrorKind::TimedOut | io::ErrorKind::WouldBlock => return TlsFault::TimedOut,
        _ => {}
    }
    match error.get_ref().and_then(|error| error.downcast_ref::<Error>()) {
        Some(Error::InvalidCertificate(error)) => of_certificate(error),
        Some(Error::NoCertificatesPresented) => TlsFault::Certificate,
        Some(Error::AlertReceived(_)) => TlsFault::Refused,
        Some(Error::PeerIncompatible(_)) => TlsFault::Incompatible,
        Some(_) => TlsFault::Protocol,
        None => TlsFault::Eof,
    }
}

fn of_certificate(error: &CertificateError) -> TlsFault {
    match error {
        // A CA of the same name with another key.
        CertificateError::UnknownIssuer | CertificateError::BadSignature => TlsFault::UnknownIssuer,
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            TlsFault::WrongName
        }
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => TlsFault::Expired,
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
            TlsFault::NotValidYet
        }
        CertificateError::Revoked => TlsFault::Revoked,
        CertificateError::Other(OtherError(error))
            if matches!(error.downcast_ref(), Some(webpki::Error::CaUsedAsEndEntity)) =>
        {
            TlsFault::Authority
        }
        _ => TlsFault::Certificate,
    }
}
