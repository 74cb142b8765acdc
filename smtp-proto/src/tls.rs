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
}

impl TlsInfo {
    /// An encrypted connection with a peer of whom nothing is known.
    #[must_use]
    pub fn new(version: &'static str, cipher: impl Into<String>) -> Self {
        let cipher = cipher.into();
        Self { version, cipher, server_name: None, certificate: None, verified: false }
    }
}
