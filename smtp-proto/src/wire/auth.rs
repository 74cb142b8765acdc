//! The argument of AUTH.
//!
//! ```abnf
//! auth-command     = "AUTH" SP sasl-mech [ SP initial-response ] CRLF    ; RFC 4954 8
//! initial-response = base64 / "="                                        ; "=": present and empty
//! sasl-mech        = 1*20( UPPER-ALPHA / DIGIT / "-" / "_" )             ; RFC 4422 3.1
//! ```

use core::fmt;

use super::short::Short;
use super::{Base64, ParseError, ParseErrorKind};
use crate::steps;

/// The longest mechanism name (RFC 4422 3.1).
const MECHANISM_LIMIT: usize = 20;
/// Octets of a list of mechanisms beyond which no more are taken: with one name more, and AUTH in front, it stands in one line of a reply
/// (RFC 5321 4.5.3.1.5). The registry has some 40, and no server offers half of them.
const MECHANISMS_LIMIT: usize = 480;

/// The name of a SASL mechanism. Names are compared without regard to case.
///
/// ```
/// use smtp_proto::Mechanism;
///
/// assert_eq!(Mechanism::new("plain"), Mechanism::new("PLAIN"));
/// assert_eq!(Mechanism::new("PLAIN LOGIN"), None);
/// ```
#[derive(Clone, Copy)]
pub struct Mechanism<'a>(&'a str);

impl<'a> Mechanism<'a> {
    /// The name; `None` where it is none.
    #[must_use]
    pub fn new(name: &'a str) -> Option<Self> {
        steps::took(1);
        let letter = |octet: u8| octet.is_ascii_alphanumeric() || matches!(octet, b'-' | b'_');
        let sound = (1..=MECHANISM_LIMIT).contains(&name.len()) && name.bytes().all(letter);
        sound.then_some(Self(name))
    }

    /// A name that is known to be one.
    pub(crate) const fn known(name: &'static str) -> Self {
        Self(name)
    }

    /// The name in the case it came in.
    #[must_use]
    pub const fn as_str(&self) -> &'a str {
        self.0
    }

    /// Whether it is the mechanism of this name.
    #[must_use]
    pub fn is(&self, name: &str) -> bool {
        self.0.eq_ignore_ascii_case(name)
    }
}

impl PartialEq for Mechanism<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.is(other.0)
    }
}

impl Eq for Mechanism<'_> {}

/// The name in upper case.
impl fmt::Display for Mechanism<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.chars().try_for_each(|letter| write!(f, "{}", letter.to_ascii_uppercase()))
    }
}

impl fmt::Debug for Mechanism<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Mechanism({self})")
    }
}

/// The names of mechanisms, each once and in upper case, in the order in which they are preferred.
///
/// ```
/// use smtp_proto::{Mechanism, Mechanisms};
///
/// let offered = Mechanisms::of(["plain", "LOGIN", "PLAIN", "two words"]);
/// assert_eq!(offered.to_string(), "PLAIN LOGIN");
/// assert!(offered.contains("Login"));
/// assert_eq!(offered.iter().next(), Mechanism::new("PLAIN"));
/// assert!(Mechanisms::NONE.is_empty());
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Mechanisms(Short);

impl Mechanisms {
    /// No mechanism.
    pub const NONE: Self = Self(Short::NONE);

    /// The mechanisms of these names; what is no name is left out.
    #[must_use]
    pub fn of<'m>(names: impl IntoIterator<Item = &'m str>) -> Self {
        let mut mechanisms = Self::NONE;
        names.into_iter().for_each(|name| mechanisms.push(name));
        mechanisms
    }

    pub(super) fn push(&mut self, name: &str) {
        // Each name is looked for among those in front of it: a list that is long beyond reason would take its square.
        let room = self.0.len() < MECHANISMS_LIMIT;
        let new = Mechanism::new(name).filter(|_| room && !self.contains(name));
        if let Some(Mechanism(name)) = new {
            if !self.is_empty() {
                self.0.push_str(" ");
            }
            self.0.push_upper(name);
        }
    }

    /// Each mechanism, the first one first.
    pub fn iter(&self) -> impl Iterator<Item = Mechanism<'_>> {
        self.0.as_str().split(' ').filter(|name| !name.is_empty()).map(Mechanism)
    }

    /// Whether the mechanism of this name is one of them, the name in any case.
    #[must_use]
    pub fn contains(&self, name: &str) -> bool {
        let mut names = self.0.as_bytes().split(|&octet| octet == b' ');
        names.any(|known| known.eq_ignore_ascii_case(name.as_bytes()) && !known.is_empty())
    }

    /// Whether there is none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Those that `other` has too, in the order of this list.
    #[must_use]
    pub fn and(&self, other: &Self) -> Self {
        Self::of(self.iter().map(|mechanism| mechanism.0).filter(|name| other.contains(name)))
    }
}

/// The names, a space between them: the parameters of the EHLO keyword.
impl fmt::Display for Mechanisms {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.as_str())
    }
}

/// AUTH: the mechanism, and what the client says at once.
///
/// ```
/// use smtp_proto::Command;
///
/// let Command::Auth(auth) = Command::parse(b"AUTH PLAIN AHUAcA==")? else { unreachable!() };
/// assert!(auth.mechanism.is("PLAIN"));
/// assert_eq!(auth.initial.unwrap().decode(), b"\0u\0p");
/// # Ok::<(), smtp_proto::ParseError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "the command has these two parts")]
pub struct Auth<'a> {
    /// The mechanism.
    pub mechanism: Mechanism<'a>,
    /// The initial response; empty and absent are not the same (RFC 4954 4).
    pub initial: Option<Base64<'a>>,
}

impl<'a> Auth<'a> {
    /// Reads the argument, the last part of a line of `whole` octets.
    pub(super) fn parse(argument: &'a [u8], whole: usize) -> Result<Self, ParseError> {
        let start = whole.saturating_sub(argument.len());
        let space = argument.iter().position(|&octet| octet == b' ').unwrap_or(argument.len());
        let (name, rest) = argument.split_at_checked(space).unwrap_or((argument, &[]));
        let mechanism = core::str::from_utf8(name)
            .ok()
            .and_then(Mechanism::new)
            .ok_or_else(|| ParseError::new(start, ParseErrorKind::Mechanism))?;
        let initial = match rest.strip_prefix(b" ") {
            None => None,
            Some(b"=") => Some(Base64::EMPTY),
            // An initial response that is empty is written "=".
            Some([]) => return Err(ParseError::new(whole, ParseErrorKind::Base64)),
            Some(text) => Some(Base64::parse(text).map_err(|error| {
                let start = whole.saturating_sub(text.len());
                ParseError::new(start.saturating_add(error.at), error.kind)
            })?),
        };
        Ok(Self { mechanism, initial })
    }
}
