//! Octets that nobody may see.

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use crate::Base64;

/// A password, a token, or a message that holds one: overwritten when it is dropped, and never shown.
///
/// ```
/// use smtp_proto::sasl::Secret;
///
/// let password = Secret::from("tanstaaf");
/// assert_eq!(format!("{password:?}"), "Secret(<redacted>)");
/// assert!(password.matches(b"tanstaaf"));
/// assert_eq!(password.as_bytes(), b"tanstaaf");
/// ```
#[derive(Clone, Default)]
pub struct Secret(Vec<u8>);

impl Secret {
    /// No octets, with room for as many as are said: a secret that grows leaves copies behind.
    pub(super) fn with_capacity(octets: usize) -> Self {
        Self(Vec::with_capacity(octets))
    }

    /// The pieces behind each other.
    pub(super) fn concat(pieces: &[&[u8]]) -> Self {
        let octets = pieces.iter().map(|piece| piece.len()).fold(0, usize::saturating_add);
        let mut secret = Self::with_capacity(octets);
        pieces.iter().for_each(|piece| secret.0.extend_from_slice(piece));
        secret
    }

    /// The octets.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// Whether there are no octets.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether these are the octets, found out in a time that tells nothing but their number.
    #[must_use]
    pub fn matches(&self, octets: &[u8]) -> bool {
        let differing = self.0.iter().zip(octets).fold(0, |all, (one, other)| all | (one ^ other));
        core::hint::black_box(differing) == 0 && self.0.len() == octets.len()
    }
}

impl Drop for Secret {
    fn drop(&mut self) {
        let room = self.0.capacity();
        self.0.clear();
        self.0.resize(room, 0);
        // What is read afterwards has to be written: the compiler cannot leave the zeros out.
        core::hint::black_box(self.0.as_slice());
    }
}

impl From<Vec<u8>> for Secret {
    fn from(octets: Vec<u8>) -> Self {
        Self(octets)
    }
}

impl From<String> for Secret {
    fn from(text: String) -> Self {
        Self(text.into_bytes())
    }
}

impl From<&str> for Secret {
    fn from(text: &str) -> Self {
        Self(text.into())
    }
}

/// The octets that are meant.
impl From<Base64<'_>> for Secret {
    fn from(text: Base64<'_>) -> Self {
        Self(text.decode())
    }
}

impl PartialEq for Secret {
    fn eq(&self, other: &Self) -> bool {
        self.matches(&other.0)
    }
}

impl Eq for Secret {}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(<redacted>)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_matches_itself_alone() {
        let secret = Secret::from("abc");
        for other in ["", "ab", "abd", "abcd", "abca"] {
            assert!(!secret.matches(other.as_bytes()), "{other}");
        }
        assert!(secret.matches(b"abc") && Secret::default().matches(b""));
    }
}
