//! Mailboxes: a local part and a host.
//!
//! ```abnf
//! Mailbox         = Local-part "@" ( Domain / address-literal )          ; RFC 5321 4.1.2, see `host`
//! Local-part      = Dot-string / Quoted-string
//! Dot-string      = Atom *( "." Atom )
//! Quoted-string   = DQUOTE *( qtextSMTP / quoted-pairSMTP ) DQUOTE
//! ```
//!
//! RFC 6531 3.3 adds UTF8-non-ascii to local parts. Nothing is decoded, folded or normalised.
//!
//! ```
//! use smtp_proto::Mailbox;
//!
//! let mailbox = Mailbox::parse(b"\"Joe,Smith\"@Example.test")?;
//! assert_eq!(mailbox.local_part().as_str(), "\"Joe,Smith\"");
//! assert_eq!(mailbox, Mailbox::parse(b"\"Joe\\,Smith\"@example.TEST")?);
//! # Ok::<(), smtp_proto::ParseError>(())
//! ```

use core::fmt;
use core::hash::{Hash, Hasher};
use core::str::FromStr;

use nom::Parser;
use nom::branch::alt;
use nom::bytes::{tag, take_while_m_n, take_while1};
use nom::combinator::{recognize, value};
use nom::multi::many0_count;

use super::chars::{self, Class};
use super::error::{Failure, expect};
use super::escaped::EscapedText;
use super::host::{behind_dot, host};
use super::input::Input;
use super::text::Text;
use super::{Host, ParseError, ParseErrorKind, Syntax};
use crate::steps;

/// In lower case.
const POSTMASTER: [u8; 10] = *b"postmaster";

/// Octets of a local part (RFC 5321 4.5.3.1.1).
const LOCAL_PART_LIMIT: usize = 64;

/// A mailbox as it stood on the wire: `Local-part "@" ( Domain / address-literal )`, at most 254 octets.
///
/// Two mailboxes are equal when their local parts are the same octets once unquoted (their case counts: RFC 5321 2.4), and their
/// domains are the same but for the case of US-ASCII.
#[derive(Clone, Copy)]
pub struct Mailbox<'a> {
    text: &'a str,
    at: u8,
}

impl<'a> Mailbox<'a> {
    /// Reads a mailbox that is all of `octets`, by the grammar of RFC 5321 and 6531 without tolerances.
    ///
    /// # Errors
    ///
    /// The place of the first octet that does not belong to a mailbox, or the limit that is passed.
    pub fn parse(octets: &'a [u8]) -> Result<Self, ParseError> {
        Self::parse_with(octets, Syntax::STRICT)
    }

    /// Reads a mailbox with the tolerances of `syntax`.
    ///
    /// # Errors
    ///
    /// As [`parse`](Self::parse).
    pub fn parse_with(octets: &'a [u8], syntax: Syntax) -> Result<Self, ParseError> {
        let input = Input::new(octets);
        let places = Places::of(&input, 0, syntax)?;
        input.end(places.behind, ParseErrorKind::Domain)?;
        if octets.len() > super::path::INNER_LIMIT {
            return Err(ParseError::new(0, ParseErrorKind::PathTooLong));
        }
        Self::at(&input, places, syntax)
    }

    /// Checks what the grammar does not say: UTF-8 and the length of the local part. Whoever calls has seen to the whole, which leaves a
    /// domain no room to be too long.
    #[inline(always)]
    pub(crate) fn at(
        input: &Input<'a>,
        Places { start, at, end, .. }: Places,
        syntax: Syntax,
    ) -> Result<Self, ParseError> {
        let local = at.wrapping_sub(start);
        if local > LOCAL_PART_LIMIT && !syntax.contains(Syntax::LONG_LOCAL_PART) {
            let place = start.saturating_add(LOCAL_PART_LIMIT);
            return Err(ParseError::new(place, ParseErrorKind::LocalPartTooLong));
        }
        let text = input.text(start, end, ParseErrorKind::Utf8)?;
        let at =
            u8::try_from(local).map_err(|_| ParseError::new(start, ParseErrorKind::PathTooLong))?;
        Ok(Self { text, at })
    }

    /// What stands in front of the `@`, quoted or not.
    #[must_use]
    pub fn local_part(&self) -> LocalPart<'a> {
        LocalPart(self.text.get(..usize::from(self.at)).unwrap_or(self.text))
    }

    /// What stands behind the `@`.
    #[must_use]
    pub fn domain(&self) -> Host<'a> {
        Host::of(self.text.get(usize::from(self.at).saturating_add(1)..).unwrap_or_default())
    }

    /// The wire form.
    #[must_use]
    pub const fn as_str(&self) -> &'a str {
        self.text
    }

    /// Whether it can be sent without SMTPUTF8 (RFC 6531 3.2).
    #[must_use]
    pub const fn is_ascii(&self) -> bool {
        self.text.is_ascii()
    }

    /// A copy that owns its text.
    #[must_use]
    pub fn to_owned(&self) -> MailboxBuf {
        MailboxBuf { text: Text::from_str(self.text), at: self.at }
    }
}

impl PartialEq for Mailbox<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
            || (self.local_part() == other.local_part() && self.domain() == other.domain())
    }
}

impl Eq for Mailbox<'_> {}

impl Hash for Mailbox<'_> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.local_part().hash(state);
        self.domain().hash(state);
    }
}

/// The wire form, control characters escaped.
impl fmt::Display for Mailbox<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        EscapedText(self.text).fmt(f)
    }
}

impl fmt::Debug for Mailbox<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Mailbox({self})")
    }
}

/// A local part as it stood on the wire, quoted or not; at most 64 octets.
///
/// ```
/// use smtp_proto::Mailbox;
///
/// let local = Mailbox::parse(br#""a\"b"@x.test"#)?.local_part();
/// assert_eq!(local.unquoted().collect::<Vec<u8>>(), b"a\"b");
/// # Ok::<(), smtp_proto::ParseError>(())
/// ```
#[derive(Clone, Copy)]
pub struct LocalPart<'a>(&'a str);

impl<'a> LocalPart<'a> {
    /// The wire form.
    #[must_use]
    pub const fn as_str(&self) -> &'a str {
        self.0
    }

    /// Whether it names the mailbox that every domain has, in any case (RFC 5321 4.1.1.3, 4.5.1).
    ///
    /// ```
    /// use smtp_proto::Mailbox;
    ///
    /// assert!(Mailbox::parse(b"PostMaster@x.test")?.local_part().is_postmaster());
    /// # Ok::<(), smtp_proto::ParseError>(())
    /// ```
    pub fn is_postmaster(&self) -> bool {
        self.unquoted().map(|octet| octet.to_ascii_lowercase()).eq(POSTMASTER)
    }

    /// The octets that are meant, without quotes and backslashes (RFC 5321 4.1.2).
    pub fn unquoted(&self) -> impl Iterator<Item = u8> + use<'a> {
        let quoted = self.0.strip_prefix('"').and_then(|inner| inner.strip_suffix('"'));
        let mut octets = quoted.unwrap_or(self.0).bytes();
        core::iter::from_fn(move || match octets.next() {
            Some(b'\\') => octets.next(),
            octet => octet,
        })
    }
}

/// What they mean decides, not how it is quoted (RFC 5321 4.1.2); case counts, but for the postmaster.
impl PartialEq for LocalPart<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.0 == other.0
            || self.unquoted().eq(other.unquoted())
            || self.is_postmaster() && other.is_postmaster()
    }
}

impl Eq for LocalPart<'_> {}

impl Hash for LocalPart<'_> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        if self.is_postmaster() {
            POSTMASTER.iter().for_each(|octet| state.write_u8(*octet));
        } else {
            self.unquoted().for_each(|octet| state.write_u8(octet));
        }
        state.write_u8(0);
    }
}

/// The wire form, control characters escaped.
impl fmt::Display for LocalPart<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        EscapedText(self.0).fmt(f)
    }
}

impl fmt::Debug for LocalPart<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "LocalPart({self})")
    }
}

/// A mailbox by the grammar alone.
#[derive(Clone, Copy)]
pub(crate) struct Places {
    start: usize,
    /// Where the `@` is.
    at: usize,
    end: usize,
    /// Behind the end and a dot that is tolerated there.
    pub(crate) behind: usize,
}

impl Places {
    /// `Mailbox`.
    #[inline(always)]
    pub(crate) fn of(input: &Input<'_>, start: usize, syntax: Syntax) -> Result<Self, ParseError> {
        let at = local_part(input, start)?;
        if input.at(at) != Some(b'@') {
            return Err(ParseError::new(at, ParseErrorKind::At));
        }
        let host_start = at.wrapping_add(1);
        let end = host(input, host_start, syntax)?;
        Ok(Self { start, at, end, behind: behind_dot(input, host_start, end, syntax) })
    }
}

/// `Local-part`.
#[inline]
fn local_part(input: &Input<'_>, start: usize) -> Result<usize, ParseError> {
    steps::took(1);
    match input.dotted(start, |place| input.run(place, Class::ATEXT)) {
        end if end > start => Ok(end),
        _ => input.parse(start, expect(ParseErrorKind::LocalPart, quoted_string())),
    }
}

/// `Quoted-string`, which may be empty.
fn quoted_string<'a>() -> impl Parser<&'a [u8], Output = (), Error = Failure> {
    let quoted_pair = (tag("\\"), take_while_m_n(1, 1, chars::is_printable));
    let qtext = take_while1(|octet| Class::QTEXT.has(octet));
    value((), (tag("\""), many0_count(alt((qtext, recognize(quoted_pair)))), tag("\"")))
}

/// The owned twin of [`Mailbox`].
///
/// ```
/// use smtp_proto::MailboxBuf;
///
/// let bob: MailboxBuf = "bob@example.test".parse()?;
/// assert_eq!(bob.as_ref().local_part().as_str(), "bob");
/// # Ok::<(), smtp_proto::ParseError>(())
/// ```
#[derive(Clone)]
pub struct MailboxBuf {
    text: Text,
    at: u8,
}

impl MailboxBuf {
    /// The borrowed form.
    #[must_use]
    pub fn as_ref(&self) -> Mailbox<'_> {
        Mailbox { text: self.text.as_str(), at: self.at }
    }
}

impl FromStr for MailboxBuf {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        Mailbox::parse(text.as_bytes()).map(|mailbox| mailbox.to_owned())
    }
}

super::owned_traits!(MailboxBuf);

#[cfg(test)]
mod tests;
