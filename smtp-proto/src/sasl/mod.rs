//! SASL: what stands in the exchange of AUTH, for both sides; no cryptography.
//!
//! The machines carry challenges and responses and look into none. What a mechanism says in them is an [`Exchange`] on the server's side
//! and an [`Initiator`] on the client's: here are those of PLAIN, LOGIN, OAUTHBEARER, XOAUTH2, EXTERNAL and ANONYMOUS; SCRAM and the rest
//! plug in by the same traits.
//!
//! ```
//! use smtp_proto::Mechanisms;
//! use smtp_proto::sasl::{self, Credentials, Step, Strength};
//!
//! let credentials = Credentials::plain("tim", "tanstaaf");
//! let offered = Mechanisms::of(["LOGIN", "PLAIN"]);
//! let mut client = sasl::choose(&offered, &credentials, Strength::Shown).unwrap();
//! assert!(client.mechanism().is("PLAIN"));
//!
//! let mut server = sasl::exchange(client.mechanism()).unwrap();
//! let response = client.initial().unwrap();
//! assert_eq!(server.step(Some(response.as_bytes())), Step::Check(credentials));
//! ```

mod bearer;
mod choose;
mod credentials;
mod identity;
mod password;
mod secret;
mod single;

use alloc::boxed::Box;
use alloc::vec::Vec;

use crate::Mechanism;
pub use choose::{Strength, choose, strongest};
pub use credentials::Credentials;
pub use secret::Secret;

/// The server's side of one exchange.
///
/// It is asked once for each response; the initial one is absent where the client sent none, which is not the same as an empty one
/// (RFC 4954 4). After [`Step::Check`] the application either takes the credentials, and that is the end, or calls [`refuse`](Self::refuse).
///
/// ```
/// use smtp_proto::Mechanism;
/// use smtp_proto::sasl::{self, Credentials, Step};
///
/// let mut login = sasl::exchange(Mechanism::new("LOGIN").unwrap()).unwrap();
/// assert_eq!(login.step(None), Step::Challenge(b"Username:".to_vec()));
/// assert_eq!(login.step(Some(b"tim")), Step::Challenge(b"Password:".to_vec()));
/// assert_eq!(login.step(Some(b"tanstaaf")), Step::Check(Credentials::plain("tim", "tanstaaf")));
/// assert_eq!(login.refuse(), Step::Refused);
/// ```
pub trait Exchange: Send {
    /// Takes a response.
    fn step(&mut self, response: Option<&[u8]>) -> Step;

    /// The credentials were not right. Some mechanisms say so by a last challenge, whose answer is refused (RFC 7628 3.2.3).
    fn refuse(&mut self) -> Step {
        Step::Refused
    }
}

/// What a server does next in an exchange.
///
/// ```
/// use smtp_proto::Mechanism;
/// use smtp_proto::sasl::{self, Step};
///
/// let mut plain = sasl::exchange(Mechanism::new("PLAIN").unwrap()).unwrap();
/// assert_eq!(plain.step(Some(b"no NUL in it")), Step::Refused);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "a driver is one match")]
pub enum Step {
    /// 334 with this challenge, which may be empty.
    Challenge(Vec<u8>),
    /// The application decides.
    Check(Credentials),
    /// 235: the mechanism has proved it, and who plugged it in knows whom.
    Authenticated,
    /// 535 5.7.8, the same for whatever is wrong: the backend is not asked.
    Refused,
    /// 501 5.7.0: an initial response to a mechanism in which the server speaks first (RFC 4954 4).
    Malformed,
}

/// The client's side of one exchange.
///
/// ```
/// use smtp_proto::Mechanism;
/// use smtp_proto::sasl::{self, Credentials, SaslError};
///
/// let mechanism = Mechanism::new("PLAIN").unwrap();
/// let mut plain = sasl::initiator(mechanism, &Credentials::plain("tim", "tanstaaf"))?;
/// assert_eq!(plain.initial().unwrap().as_bytes(), b"\0tim\0tanstaaf");
/// assert_eq!(plain.respond(b"what?"), Err(SaslError::Challenge));
/// # Ok::<(), SaslError>(())
/// ```
pub trait Initiator: Send {
    /// The mechanism.
    fn mechanism(&self) -> Mechanism<'_>;

    /// What goes with AUTH; `None` where the server speaks first.
    fn initial(&mut self) -> Option<Secret>;

    /// The response to a challenge.
    ///
    /// # Errors
    ///
    /// The challenge is none of this mechanism, or the server could not prove itself: the client cancels the exchange.
    fn respond(&mut self, challenge: &[u8]) -> Result<Secret, SaslError>;

    /// Whether 235 may be believed now: a mechanism in which the server proves itself says no until it has (RFC 5802 3).
    fn is_satisfied(&self) -> bool {
        true
    }
}

/// What is wrong in an exchange, on the client's side. It holds nothing of the credentials or the challenge.
///
/// ```
/// use smtp_proto::sasl::SaslError;
///
/// assert_eq!(SaslError::Server.to_string(), "the server did not prove itself");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum SaslError {
    /// The mechanism cannot carry these credentials: others are needed, a field is empty, or a control character is in one.
    #[error("the credentials do not suit the mechanism")]
    Credentials,
    /// Nobody has plugged this mechanism in.
    #[error("this mechanism is not known here")]
    Mechanism,
    /// The mechanism has no such challenge, or not here.
    #[error("the server's challenge is none of this mechanism")]
    Challenge,
    /// The server has not proved that it knows the secret.
    #[error("the server did not prove itself")]
    Server,
}

/// The server's side of a mechanism that is built in.
///
/// ```
/// use smtp_proto::{Mechanism, sasl};
///
/// assert!(sasl::exchange(Mechanism::new("xoauth2").unwrap()).is_some());
/// assert!(sasl::exchange(Mechanism::new("SCRAM-SHA-256").unwrap()).is_none());
/// ```
#[must_use]
pub fn exchange(mechanism: Mechanism<'_>) -> Option<Box<dyn Exchange>> {
    BUILT_IN.iter().find(|row| mechanism.is(row.name)).map(|row| (row.exchange)())
}

/// The client's side of a mechanism that is built in.
///
/// ```
/// use smtp_proto::Mechanism;
/// use smtp_proto::sasl::{self, Credentials, SaslError};
///
/// let plain = Mechanism::new("PLAIN").unwrap();
/// assert_eq!(
///     sasl::initiator(plain, &Credentials::plain("t\0m", "x")).err(),
///     Some(SaslError::Credentials)
/// );
/// ```
///
/// # Errors
///
/// The mechanism is not built in, or the credentials do not suit it.
pub fn initiator(
    mechanism: Mechanism<'_>,
    credentials: &Credentials,
) -> Result<Box<dyn Initiator>, SaslError> {
    let row = BUILT_IN.iter().find(|row| mechanism.is(row.name)).ok_or(SaslError::Mechanism)?;
    (row.initiator)(credentials).ok_or(SaslError::Credentials)
}

/// A mechanism that needs no cryptography.
struct Row {
    name: &'static str,
    exchange: fn() -> Box<dyn Exchange>,
    initiator: fn(&Credentials) -> Option<Box<dyn Initiator>>,
}

const BUILT_IN: [Row; 6] = [
    password::PLAIN,
    password::LOGIN,
    bearer::OAUTHBEARER,
    bearer::XOAUTH2,
    identity::EXTERNAL,
    identity::ANONYMOUS,
];

/// The names of the mechanisms that are built in.
pub(crate) fn built_in() -> impl Iterator<Item = &'static str> {
    BUILT_IN.iter().map(|row| row.name)
}

#[cfg(test)]
mod tests;
