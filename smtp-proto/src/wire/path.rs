//! Paths: what MAIL and RCPT name, in angle brackets.
//!
//! ```abnf
//! Reverse-path = Path / "<>"                                ; RFC 5321 4.1.2
//! Forward-path = Path / "<Postmaster>"
//! Path         = "<" [ A-d-l ":" ] Mailbox ">"              ; at most 256 octets
//! A-d-l        = At-domain *( "," At-domain )
//! At-domain    = "@" Domain
//! ```
//!
//! A source route (A-d-l) is read and dropped (RFC 5321 4.1.1.3).
//!
//! What reads a path is always inlined into the two functions that read MAIL and RCPT: otherwise its results, each of several words, go
//! through memory at every level, and a plain RCPT takes a quarter longer.

use core::fmt;
use core::str::FromStr;

use bytes::BufMut;

use super::address::Places;
use super::host::domain;
use super::input::Input;
use super::word::{Front, Word};
use super::{Mailbox, MailboxBuf, ParseError, ParseErrorKind, Syntax};

/// Octets of a path without its brackets; with them there are 256 (RFC 5321 4.5.3.1.3).
pub(crate) const INNER_LIMIT: usize = 254;

const NULL: &[u8] = b"<>";
const POSTMASTER: Word = Word::new("POSTMASTER");

/// The sender of a message on the wire: a mailbox, or the null path of reports (RFC 5321 4.5.5).
///
/// ```
/// use smtp_proto::ReversePathBuf;
///
/// let null: ReversePathBuf = "".parse()?;
/// assert_eq!(null.as_ref(), smtp_proto::ReversePath::Null);
/// # Ok::<(), smtp_proto::ParseError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(clippy::exhaustive_enums, reason = "RFC 5321 4.1.2 has these two")]
pub enum ReversePath<'a> {
    /// `<>`.
    Null,
    /// A mailbox.
    Mailbox(Mailbox<'a>),
}

impl<'a> ReversePath<'a> {
    /// The mailbox; `None` for the null path.
    #[must_use]
    pub const fn mailbox(&self) -> Option<Mailbox<'a>> {
        match self {
            Self::Null => None,
            Self::Mailbox(mailbox) => Some(*mailbox),
        }
    }

    /// Whether it can be sent without SMTPUTF8 (RFC 6531 3.2).
    #[must_use]
    pub const fn is_ascii(&self) -> bool {
        match self {
            Self::Null => true,
            Self::Mailbox(mailbox) => mailbox.is_ascii(),
        }
    }

    /// Appends the wire form, brackets included.
    pub fn encode(&self, out: &mut impl BufMut) {
        put_path(out, self.mailbox().map_or("", |mailbox| mailbox.as_str()));
    }

    /// A copy that owns its text.
    #[must_use]
    pub fn to_owned(&self) -> ReversePathBuf {
        ReversePathBuf(self.mailbox().map(|mailbox| mailbox.to_owned()))
    }

    /// Reads the path at `start`, and finds the place behind it.
    #[inline(always)]
    pub(crate) fn at(
        input: &Input<'a>,
        start: usize,
        syntax: Syntax,
    ) -> Result<(Self, usize), ParseError> {
        if input.from(start).starts_with(NULL) {
            return Ok((Self::Null, start.wrapping_add(NULL.len())));
        }
        let (mailbox, behind) = mailbox_path(input, start, syntax)?;
        Ok((Self::Mailbox(mailbox), behind))
    }
}

/// Without brackets, empty for the null path.
impl fmt::Display for ReversePath<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.mailbox().map_or(Ok(()), |mailbox| mailbox.fmt(f))
    }
}

/// A recipient on the wire: a mailbox, or the postmaster of the server itself (RFC 5321 4.1.1.3).
///
/// ```
/// use smtp_proto::ForwardPathBuf;
///
/// let path: ForwardPathBuf = "Postmaster".parse()?;
/// assert_eq!(path.as_ref(), smtp_proto::ForwardPath::Postmaster);
/// # Ok::<(), smtp_proto::ParseError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(clippy::exhaustive_enums, reason = "RFC 5321 4.1.1.3 has these two")]
pub enum ForwardPath<'a> {
    /// `<Postmaster>`, in any case.
    Postmaster,
    /// A mailbox.
    Mailbox(Mailbox<'a>),
}

impl<'a> ForwardPath<'a> {
    /// The mailbox; `None` for the postmaster.
    #[must_use]
    pub const fn mailbox(&self) -> Option<Mailbox<'a>> {
        match self {
            Self::Postmaster => None,
            Self::Mailbox(mailbox) => Some(*mailbox),
        }
    }

    /// Whether it can be sent without SMTPUTF8 (RFC 6531 3.2).
    #[must_use]
    pub const fn is_ascii(&self) -> bool {
        match self {
            Self::Postmaster => true,
            Self::Mailbox(mailbox) => mailbox.is_ascii(),
        }
    }

    /// Appends the wire form, brackets included.
    pub fn encode(&self, out: &mut impl BufMut) {
        put_path(out, self.mailbox().map_or("postmaster", |mailbox| mailbox.as_str()));
    }

    /// A copy that owns its text.
    #[must_use]
    pub fn to_owned(&self) -> ForwardPathBuf {
        ForwardPathBuf(self.mailbox().map(|mailbox| mailbox.to_owned()))
    }

    /// Reads the path at `start`, and finds the place behind it.
    #[inline(always)]
    pub(crate) fn at(
        input: &Input<'a>,
        start: usize,
        syntax: Syntax,
    ) -> Result<(Self, usize), ParseError> {
        let rest = input.from(start);
        if rest.starts_with(NULL) {
            return Err(ParseError::new(start, ParseErrorKind::NullPath));
        }
        if let Some(length) = postmaster(rest, syntax) {
            return Ok((Self::Postmaster, start.wrapping_add(length)));
        }
        let (mailbox, behind) = mailbox_path(input, start, syntax)?;
        Ok((Self::Mailbox(mailbox), behind))
    }
}

/// Without brackets.
impl fmt::Display for ForwardPath<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Postmaster => f.write_str("postmaster"),
            Self::Mailbox(mailbox) => mailbox.fmt(f),
        }
    }
}

fn put_path(out: &mut impl BufMut, inner: &str) {
    out.put_u8(b'<');
    out.put_slice(inner.as_bytes());
    out.put_u8(b'>');
}

/// The octets of `<Postmaster>`, in any case, at the front.
#[inline]
fn postmaster(rest: &[u8], syntax: Syntax) -> Option<usize> {
    let bracket = rest.first() == Some(&b'<');
    let bare = !bracket && syntax.contains(Syntax::NO_BRACKETS);
    let word = rest.get(usize::from(bracket)..)?;
    match Front::of(word).behind(&POSTMASTER)? {
        [b'>', ..] if bracket => Some(POSTMASTER.len().wrapping_add(2)),
        [] | [b' ', ..] if bare => Some(POSTMASTER.len()),
        _ => None,
    }
}

/// `Path`, and the place behind it.
#[inline(always)]
fn mailbox_path<'a>(
    input: &Input<'a>,
    start: usize,
    syntax: Syntax,
) -> Result<(Mailbox<'a>, usize), ParseError> {
    let bracket = input.at(start) == Some(b'<');
    if !bracket && !syntax.contains(Syntax::NO_BRACKETS) {
        return Err(ParseError::new(start, ParseErrorKind::PathStart));
    }
    let inner = start.wrapping_add(usize::from(bracket));
    let routed = input.at(inner) == Some(b'@');
    let from = if routed { behind_route(input, inner, syntax)? } else { inner };
    let places = Places::of(input, from, syntax)?;
    if bracket && input.at(places.behind) != Some(b'>') {
        return Err(ParseError::new(places.behind, ParseErrorKind::PathEnd));
    }
    if places.behind.wrapping_sub(inner) > INNER_LIMIT {
        return Err(ParseError::new(start, ParseErrorKind::PathTooLong));
    }
    let mailbox = Mailbox::at(input, places, syntax)?;
    Ok((mailbox, places.behind.wrapping_add(usize::from(bracket))))
}

/// Behind `A-d-l ":"`: RFC 5321 4.1.1.3 and appendix C. The route is dropped, but it is UTF-8 like the rest of the line (RFC 6531 3.3).
#[cold]
fn behind_route(input: &Input<'_>, start: usize, syntax: Syntax) -> Result<usize, ParseError> {
    let behind = |place: usize, octet: u8| match input.at(place) {
        Some(other) if other == octet => Ok(place.wrapping_add(1)),
        _ => Err(ParseError::new(place, ParseErrorKind::Domain)),
    };
    let mut end = domain(input, behind(start, b'@')?, syntax)?;
    while let Ok(next) = behind(end, b',') {
        end = domain(input, behind(next, b'@')?, syntax)?;
    }
    let end = behind(end, b':')?;
    input.text(start, end, ParseErrorKind::Utf8).map(|_| end)
}

/// The owned twin of [`ReversePath`]; an empty text reads as the null path.
///
/// ```
/// let path: smtp_proto::ReversePathBuf = "alice@example.test".parse()?;
/// assert_eq!(path.to_string(), "alice@example.test");
/// # Ok::<(), smtp_proto::ParseError>(())
/// ```
#[derive(Clone)]
pub struct ReversePathBuf(Option<MailboxBuf>);

impl ReversePathBuf {
    /// The borrowed form.
    #[must_use]
    pub fn as_ref(&self) -> ReversePath<'_> {
        self.0.as_ref().map_or(ReversePath::Null, |mailbox| ReversePath::Mailbox(mailbox.as_ref()))
    }
}

impl FromStr for ReversePathBuf {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        if text.is_empty() {
            Ok(Self(None))
        } else {
            text.parse().map(|mailbox| Self(Some(mailbox)))
        }
    }
}

impl From<MailboxBuf> for ReversePathBuf {
    fn from(mailbox: MailboxBuf) -> Self {
        Self(Some(mailbox))
    }
}

/// The owned twin of [`ForwardPath`].
///
/// ```
/// let path: smtp_proto::ForwardPathBuf = "bob@example.test".parse()?;
/// assert_eq!(path.to_string(), "bob@example.test");
/// # Ok::<(), smtp_proto::ParseError>(())
/// ```
#[derive(Clone)]
pub struct ForwardPathBuf(Option<MailboxBuf>);

impl ForwardPathBuf {
    /// The borrowed form.
    #[must_use]
    pub fn as_ref(&self) -> ForwardPath<'_> {
        self.0
            .as_ref()
            .map_or(ForwardPath::Postmaster, |mailbox| ForwardPath::Mailbox(mailbox.as_ref()))
    }
}

impl FromStr for ForwardPathBuf {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        if text.eq_ignore_ascii_case("postmaster") {
            Ok(Self(None))
        } else {
            text.parse().map(|mailbox| Self(Some(mailbox)))
        }
    }
}

impl From<MailboxBuf> for ForwardPathBuf {
    fn from(mailbox: MailboxBuf) -> Self {
        Self(Some(mailbox))
    }
}

super::owned_traits!(ReversePathBuf, ForwardPathBuf);
