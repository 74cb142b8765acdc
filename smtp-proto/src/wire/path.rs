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

use core::fmt;
use core::str::FromStr;

use bytes::BufMut;
use nom::Parser;
use nom::bytes::tag;
use nom::combinator::recognize;
use nom::multi::many0_count;
use nom::sequence::{preceded, terminated};

use super::address::{domain, spec};
use super::error::{Failure, expect, prefix};
use super::{Mailbox, MailboxBuf, ParseError, ParseErrorKind, Syntax};

/// Octets of a path with its brackets (RFC 5321 4.5.3.1.3).
pub(crate) const PATH_LIMIT: usize = 256;

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

    /// Reads the path at the front of `rest`, the last part of `whole` octets.
    #[inline]
    pub(crate) fn split_from(
        rest: &'a [u8],
        whole: usize,
        syntax: Syntax,
    ) -> Result<(Self, &'a [u8]), ParseError> {
        match rest.strip_prefix(b"<>") {
            Some(rest) => Ok((Self::Null, rest)),
            None => mailbox_path(rest, whole, syntax)
                .map(|(mailbox, rest)| (Self::Mailbox(mailbox), rest)),
        }
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

    /// Reads the path at the front of `rest`, the last part of `whole` octets.
    #[inline]
    pub(crate) fn split_from(
        rest: &'a [u8],
        whole: usize,
        syntax: Syntax,
    ) -> Result<(Self, &'a [u8]), ParseError> {
        if rest.starts_with(b"<>") {
            return Err(ParseError::new(
                whole.saturating_sub(rest.len()),
                ParseErrorKind::NullPath,
            ));
        }
        match postmaster(rest, syntax) {
            Some(rest) => Ok((Self::Postmaster, rest)),
            None => mailbox_path(rest, whole, syntax)
                .map(|(mailbox, rest)| (Self::Mailbox(mailbox), rest)),
        }
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

/// What is left behind `<Postmaster>`.
#[inline]
fn postmaster(rest: &[u8], syntax: Syntax) -> Option<&[u8]> {
    const WORD: &[u8] = b"postmaster";
    let bare = syntax.contains(Syntax::NO_BRACKETS) && !rest.starts_with(b"<");
    let inner = if bare { rest } else { rest.strip_prefix(b"<")? };
    let (word, rest) = inner.split_at_checked(WORD.len())?;
    if !word.eq_ignore_ascii_case(WORD) {
        return None;
    }
    if bare {
        matches!(rest.first(), None | Some(b' ')).then_some(rest)
    } else {
        rest.strip_prefix(b">")
    }
}

/// `Path`.
#[inline]
fn mailbox_path(
    input: &[u8],
    whole: usize,
    syntax: Syntax,
) -> Result<(Mailbox<'_>, &[u8]), ParseError> {
    let place = |rest: &[u8]| whole.saturating_sub(rest.len());
    let bare = syntax.contains(Syntax::NO_BRACKETS) && !input.starts_with(b"<");
    let inner = if bare {
        input
    } else {
        input
            .strip_prefix(b"<")
            .ok_or_else(|| ParseError::new(place(input), ParseErrorKind::PathStart))?
    };
    let start = if inner.starts_with(b"@") { behind_route(inner, whole, syntax)? } else { inner };
    let (rest, spec) = prefix(&mut |input| spec(input, syntax), start, whole)?;
    let behind = if bare {
        rest
    } else {
        rest.strip_prefix(b">")
            .ok_or_else(|| ParseError::new(place(rest), ParseErrorKind::PathEnd))?
    };
    let length = inner.len().saturating_sub(rest.len()).saturating_add(2);
    if length > PATH_LIMIT || spec.len() > PATH_LIMIT {
        return Err(ParseError::new(place(input), ParseErrorKind::PathTooLong));
    }
    let mailbox = Mailbox::from_spec(spec, syntax)
        .map_err(|fault| ParseError::new(place(start).saturating_add(fault.at), fault.kind))?;
    Ok((mailbox, behind))
}

/// What stands behind `A-d-l ":"`. The route is dropped, but it is UTF-8 like the rest of the line (RFC 6531 3.3).
fn behind_route(inner: &[u8], whole: usize, syntax: Syntax) -> Result<&[u8], ParseError> {
    let (rest, route) = prefix(&mut recognize(source_route(syntax)), inner, whole)?;
    match core::str::from_utf8(route) {
        Ok(_) => Ok(rest),
        Err(error) => {
            let at = whole.saturating_sub(inner.len()).saturating_add(error.valid_up_to());
            Err(ParseError::new(at, ParseErrorKind::Utf8))
        }
    }
}

/// `A-d-l ":"`: RFC 5321 4.1.1.3 and appendix C.
fn source_route<'a>(syntax: Syntax) -> impl Parser<&'a [u8], Output = usize, Error = Failure> {
    let at_domain =
        || preceded(expect(ParseErrorKind::Domain, tag("@")), move |input| domain(input, syntax));
    terminated(
        preceded(at_domain(), many0_count(preceded(tag(","), at_domain()))),
        expect(ParseErrorKind::Domain, tag(":")),
    )
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
