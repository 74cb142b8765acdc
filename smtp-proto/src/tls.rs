//! What an application hears of an encrypted connection.

use alloc::string::String;
use alloc::vec::Vec;

/// An encrypted connection: how it is protected, and who is at the other end.
///
/// The machines know only whether a session is encrypted; this is what a driver tells its application of it. No TLS library is needed for it.
///
/// ```
/// use smtp_proto::TlsInfo;
///
/// let mut info = TlsInfo::new("TLSv1.3", "TLS_AES_128_GCM_SHA256");
/// info.server_name = Some("mx.example.org".to_owned());
/// assert!(!info.verified && info.certificate.is_none());
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct TlsInfo {
    /// The protocol, `TLSv1.3`.
    pub version: &'static str,
    /// The name of the cipher suite in IANA's registry, as the `tls` clause of a Received field has it (RFC 8314 4.3).
    pub cipher: String,
    /// The name that the client asked for (RFC 6066 3).
    pub server_name: Option<String>,
    /// The certificate of the other end, in DER.
    pub certificate: Option<Vec<u8>>,
    /// Whether that certificate, and the name in it where this end is the client, was checked and is good.
    pub verified: bool,
    /// The keys are those of an earlier session that both ends remembered (RFC 8446 2.2).
    pub resumed: bool,
}

impl TlsInfo {
    /// An encrypted connection with a peer of whom nothing is known.
    #[must_use]
    pub fn new(version: &'static str, cipher: impl Into<String>) -> Self {
        let cipher = cipher.into();
        let (server_name, certificate) = (None, None);
        Self { version, cipher, server_name, certificate, verified: false, resumed: false }
    }
}

/// Why there is no TLS although it was begun.
///
/// ```
/// use smtp_proto::TlsFault;
///
/// /// Whether the server is not the one that was asked for, as far as its certificate tells.
/// fn is_somebody_else(fault: TlsFault) -> bool {
///     matches!(fault, TlsFault::UnknownIssuer | TlsFault::WrongName)
/// }
/// # assert!(is_somebody_else(TlsFault::WrongName));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum TlsFault {
    /// Nobody who is trusted has signed the certificate.
    #[error("no trusted authority has signed the certificate")]
    UnknownIssuer,
    /// The certificate is that of another host.
    #[error("the certificate is not for this host")]
    WrongName,
    /// The certificate is too old.
    #[error("the certificate has expired")]
    Expired,
    /// The certificate is of the future.
    #[error("the certificate is not valid yet")]
    NotValidYet,
    /// The certificate was revoked.
    #[error("the certificate was revoked")]
    Revoked,
    /// The certificate is that of an authority, and no server's: `openssl req -x509` makes such ones unless it is told
    /// `basicConstraints=CA:FALSE`.
    #[error("the certificate is that of an authority (CA:TRUE), not one for a server")]
    Authority,
    /// The certificate is not good for another reason.
    #[error("the certificate is not valid")]
    Certificate,
    /// The other end sent an alert: it trusts this end not, or wants another version or cipher.
    #[error("the other end refused the handshake")]
    Refused,
    /// No version or cipher that both ends know.
    #[error("the other end has no version or cipher of TLS that this one has")]
    Incompatible,
    /// What came is not TLS, or a broken one: octets in the clear, say, that someone put in front of the handshake.
    #[error("what the other end sent in the handshake is not TLS")]
    Protocol,
    /// The connection ended in the handshake.
    #[error("the connection was closed in the handshake")]
    Eof,
    /// The handshake took too long.
    #[error("the handshake took too long")]
    TimedOut,
}
