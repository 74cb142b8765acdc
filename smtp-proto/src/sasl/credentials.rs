//! Who somebody claims to be, and by what it is proved.

use alloc::string::{String, ToString};

use super::Secret;

/// What a client proves itself with, and what a server is given to check. The secret in it is not shown.
///
/// ```
/// use smtp_proto::sasl::Credentials;
///
/// let credentials = Credentials::plain("tim", "tanstaaf");
/// assert_eq!(
///     format!("{credentials:?}"),
///     r#"Plain { authzid: None, authcid: "tim", password: Secret(<redacted>) }"#
/// );
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Credentials {
    /// A name and a password: PLAIN and LOGIN.
    Plain {
        /// Whom to act as, where that is another: the right to do so has to be checked too (RFC 4616 2).
        authzid: Option<String>,
        /// Whose password it is.
        authcid: String,
        /// The password; in UTF-8, but with LOGIN it may be any octets.
        password: Secret,
    },
    /// An access token: OAUTHBEARER and XOAUTH2.
    Bearer {
        /// Whose mail it is about; XOAUTH2 needs it.
        authzid: Option<String>,
        /// The token (RFC 6750 2.1).
        token: Secret,
        /// The host that the client means to speak to: a server that knows its own compares (RFC 7628 3.2).
        host: Option<String>,
        /// The port, likewise.
        port: Option<u16>,
    },
    /// What the layers below have proved, a certificate in TLS: EXTERNAL.
    External {
        /// Whom to act as, where it is not the one that the certificate names.
        authzid: Option<String>,
    },
    /// Nobody: ANONYMOUS.
    Anonymous {
        /// What the client says of itself, a mailbox or any word; it proves nothing (RFC 4505 2).
        trace: String,
    },
}

impl Credentials {
    /// A name and its password.
    #[must_use]
    pub fn plain(authcid: &str, password: impl Into<Secret>) -> Self {
        Self::Plain { authzid: None, authcid: authcid.to_string(), password: password.into() }
    }

    /// A mailbox and an access token to it.
    #[must_use]
    pub fn bearer(user: &str, token: impl Into<Secret>) -> Self {
        Self::Bearer {
            authzid: Some(user.to_string()),
            token: token.into(),
            host: None,
            port: None,
        }
    }
}

/// A name as it may reach an application: nothing in it ends a line, a field or a log entry.
pub(super) fn is_name(text: &str) -> bool {
    !text.is_empty() && !text.chars().any(char::is_control)
}

/// A password: RFC 4013 2.3, which RFC 4616 2 applies, knows no control characters in one.
pub(super) fn is_password(octets: &[u8]) -> bool {
    !octets.is_empty() && !octets.iter().any(u8::is_ascii_control)
}

/// A name on the wire.
pub(super) fn name(octets: &[u8]) -> Option<String> {
    core::str::from_utf8(octets).ok().filter(|text| is_name(text)).map(ToString::to_string)
}

/// A name that may be left out, and then is empty.
pub(super) fn optional_name(octets: &[u8]) -> Option<Option<String>> {
    if octets.is_empty() { Some(None) } else { name(octets).map(Some) }
}
