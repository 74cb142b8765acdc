//! Mailboxes: local part, domain, address literal.
//!
//! ```abnf
//! Mailbox         = Local-part "@" ( Domain / address-literal )          ; RFC 5321 4.1.2
//! Local-part      = Dot-string / Quoted-string
//! Dot-string      = Atom *( "." Atom )
//! Quoted-string   = DQUOTE *( qtextSMTP / quoted-pairSMTP ) DQUOTE
//! Domain          = sub-domain *( "." sub-domain )
//! sub-domain      = Let-dig [ Ldh-str ]                                  ; at most 63 octets
//! address-literal = "[" ( IPv4 / "IPv6:" IPv6-addr ) "]"                 ; 4.1.3; no other tag is registered
//! ```
//!
//! RFC 6531 3.3 adds UTF8-non-ascii to local parts and domains. Nothing is decoded, folded or normalised.
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
use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use core::str::FromStr;

use bytes::{BufMut, Bytes};
use nom::branch::alt;
use nom::bytes::{tag, tag_no_case, take_while_m_n, take_while1};
use nom::combinator::{cut, fail, map_opt, not, peek, recognize, value};
use nom::multi::many0_count;
use nom::sequence::{delimited, preceded};
use nom::{IResult, Parser};

use super::chars;
use super::error::{Failure, expect, whole};
use super::escaped::EscapedText;
use super::{ParseError, ParseErrorKind, Syntax};
use crate::steps;

/// In lower case.
const POSTMASTER: [u8; 10] = *b"postmaster";

/// Octets of a local part (RFC 5321 4.5.3.1.1).
const LOCAL_PART_LIMIT: usize = 64;
/// Octets of a domain (RFC 5321 4.5.3.1.2).
const DOMAIN_LIMIT: usize = 255;
/// Octets of a label (RFC 1035 2.3.4).
const LABEL_LIMIT: usize = 63;

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
        let spec = whole(|input| spec(input, syntax), octets, ParseErrorKind::Domain)?;
        if octets.len() > super::path::PATH_LIMIT.saturating_sub(2) {
            return Err(ParseError::new(0, ParseErrorKind::PathTooLong));
        }
        Self::from_spec(spec, syntax).map_err(|fault| ParseError::new(fault.at, fault.kind))
    }

    /// Checks what the grammar does not say: UTF-8 and lengths. The place is counted from the first octet of the mailbox.
    #[inline]
    pub(crate) fn from_spec(
        Spec { octets, at }: Spec<'a>,
        syntax: Syntax,
    ) -> Result<Self, ParseError> {
        if at > LOCAL_PART_LIMIT && !syntax.contains(Syntax::LONG_LOCAL_PART) {
            return Err(ParseError::new(LOCAL_PART_LIMIT, ParseErrorKind::LocalPartTooLong));
        }
        if octets.len().saturating_sub(at).saturating_sub(1) > DOMAIN_LIMIT {
            return Err(ParseError::new(at, ParseErrorKind::DomainTooLong));
        }
        let text = core::str::from_utf8(octets)
            .map_err(|error| ParseError::new(error.valid_up_to(), ParseErrorKind::Utf8))?;
        let at = u8::try_from(at).map_err(|_| ParseError::new(0, ParseErrorKind::PathTooLong))?;
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

/// `( Domain / address-literal )`: what stands behind the `@` of a mailbox, and what EHLO names.
///
/// ```
/// use smtp_proto::Host;
///
/// assert!(matches!(Host::parse(b"mx.example.test")?, Host::Domain(_)));
/// assert_eq!(Host::parse(b"[IPv6:0:0:0:0:0:0:0:1]")?.to_string(), "[IPv6:::1]");
/// # Ok::<(), smtp_proto::ParseError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(clippy::exhaustive_enums, reason = "RFC 5321 4.1.2 has these two")]
pub enum Host<'a> {
    /// A name.
    Domain(Domain<'a>),
    /// An address.
    Literal(AddressLiteral),
}

impl<'a> Host<'a> {
    /// Reads a domain or address literal that is all of `octets`, without tolerances.
    ///
    /// # Errors
    ///
    /// The place of the first octet that does not belong to either.
    pub fn parse(octets: &'a [u8]) -> Result<Self, ParseError> {
        Self::parse_with(octets, Syntax::STRICT)
    }

    pub(crate) fn parse_with(octets: &'a [u8], syntax: Syntax) -> Result<Self, ParseError> {
        let host = whole(|input| host(input, syntax), octets, ParseErrorKind::Domain)?;
        if host.len() > DOMAIN_LIMIT {
            return Err(ParseError::new(DOMAIN_LIMIT, ParseErrorKind::DomainTooLong));
        }
        let text = core::str::from_utf8(host)
            .map_err(|error| ParseError::new(error.valid_up_to(), ParseErrorKind::Utf8))?;
        Ok(Self::of(text))
    }

    /// `text` was read by [`host`].
    fn of(text: &'a str) -> Self {
        match text
            .strip_prefix('[')
            .and_then(|inner| AddressLiteral::of(inner.strip_suffix(']')?.as_bytes()))
        {
            Some(literal) => Self::Literal(literal),
            None => Self::Domain(Domain(text)),
        }
    }

    /// Appends the wire form.
    pub fn encode(&self, out: &mut impl BufMut) {
        match self {
            Self::Domain(domain) => out.put_slice(domain.0.as_bytes()),
            Self::Literal(literal) => literal.encode(out),
        }
    }

    /// A copy that owns its text.
    #[must_use]
    pub fn to_owned(&self) -> HostBuf {
        HostBuf(match self {
            Self::Domain(domain) => HostOf::Domain(Text::from_str(domain.0)),
            Self::Literal(literal) => HostOf::Literal(*literal),
        })
    }
}

/// The wire form, control characters escaped.
impl fmt::Display for Host<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Domain(domain) => domain.fmt(f),
            Self::Literal(literal) => literal.fmt(f),
        }
    }
}

/// A domain name as it stood on the wire; at most 255 octets. Compared without regard to the case of US-ASCII.
///
/// ```
/// use smtp_proto::Mailbox;
///
/// let mailbox = Mailbox::parse(b"bob@Example.Test")?;
/// assert_eq!(mailbox.domain(), Mailbox::parse(b"alice@example.test")?.domain());
/// # Ok::<(), smtp_proto::ParseError>(())
/// ```
#[derive(Clone, Copy)]
pub struct Domain<'a>(&'a str);

impl<'a> Domain<'a> {
    /// The wire form.
    #[must_use]
    pub const fn as_str(&self) -> &'a str {
        self.0
    }
}

impl PartialEq for Domain<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.0.eq_ignore_ascii_case(other.0)
    }
}

impl Eq for Domain<'_> {}

impl Hash for Domain<'_> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.bytes().for_each(|octet| state.write_u8(octet.to_ascii_lowercase()));
        state.write_u8(0);
    }
}

/// The wire form, control characters escaped.
impl fmt::Display for Domain<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        EscapedText(self.0).fmt(f)
    }
}

impl fmt::Debug for Domain<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Domain({self})")
    }
}

/// An address in brackets. The general form is refused: no tag is registered for it (RFC 5321 4.1.3).
///
/// ```
/// use smtp_proto::AddressLiteral;
///
/// let literal = AddressLiteral::new("127.0.0.1".parse().unwrap());
/// assert_eq!(literal.to_string(), "[127.0.0.1]");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct AddressLiteral(IpAddr);

impl AddressLiteral {
    /// The literal of an address.
    #[must_use]
    pub const fn new(address: IpAddr) -> Self {
        Self(address)
    }

    /// The address.
    #[must_use]
    pub const fn address(self) -> IpAddr {
        self.0
    }

    /// Reads what stands between the brackets.
    fn of(inner: &[u8]) -> Option<Self> {
        let address = match inner.split_at_checked(5) {
            Some((tag, address)) if tag.eq_ignore_ascii_case(b"IPv6:") => {
                Ipv6Addr::from_str(core::str::from_utf8(address).ok()?).ok()?.into()
            }
            _ => Ipv4Addr::from_str(core::str::from_utf8(inner).ok()?).ok()?.into(),
        };
        Some(Self(address))
    }

    fn encode(self, out: &mut impl BufMut) {
        // At most "[IPv6:" and 45 octets and "]": `Display` of an address never fails.
        let mut text = crate::wire::fixed::Fixed::<64>::default();
        if fmt::Write::write_fmt(&mut text, format_args!("{self}")).is_ok() {
            out.put_slice(text.as_bytes());
        }
    }
}

/// The wire form.
impl fmt::Display for AddressLiteral {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            IpAddr::V4(address) => write!(f, "[{address}]"),
            IpAddr::V6(address) => write!(f, "[IPv6:{address}]"),
        }
    }
}

/// A mailbox by the grammar alone: all its octets, and where the `@` is.
#[derive(Clone, Copy)]
pub(crate) struct Spec<'a> {
    octets: &'a [u8],
    at: usize,
}

impl Spec<'_> {
    pub(crate) const fn len(&self) -> usize {
        self.octets.len()
    }
}

/// `Mailbox` at the front of `input`, and what stands behind it.
#[inline]
pub(crate) fn spec(input: &[u8], syntax: Syntax) -> IResult<&[u8], Spec<'_>, Failure> {
    let (rest, local) = local_part(input)?;
    let Some((b'@', rest)) = rest.split_first() else {
        return Err(Failure::error(rest, ParseErrorKind::At));
    };
    let (rest, host) = host(rest, syntax)?;
    // A trailing dot was read, but is not part of the host.
    let length = local.len().saturating_add(1).saturating_add(host.len());
    let octets = input.get(..length).unwrap_or(input);
    Ok((rest, Spec { octets, at: local.len() }))
}

/// `Local-part`.
#[inline]
fn local_part(input: &[u8]) -> IResult<&[u8], &[u8], Failure> {
    steps::took(1);
    match dotted(input, |octets| chars::run(octets, usize::MAX, chars::is_atext)) {
        0 => expect(ParseErrorKind::LocalPart, quoted_string()).parse_complete(input),
        length => split(input, length),
    }
}

/// `Quoted-string`, which may be empty.
fn quoted_string<'a>() -> impl Parser<&'a [u8], Output = &'a [u8], Error = Failure> {
    let quoted_pair = (tag("\\"), take_while_m_n(1, 1, chars::is_printable));
    recognize(delimited(
        tag("\""),
        many0_count(alt((take_while1(chars::is_qtext), recognize(quoted_pair)))),
        tag("\""),
    ))
}

/// `Domain / address-literal`. A trailing dot, where it is tolerated, is read and left out.
#[inline]
pub(crate) fn host(input: &[u8], syntax: Syntax) -> IResult<&[u8], &[u8], Failure> {
    if input.starts_with(b"[") {
        return address_literal().parse_complete(input);
    }
    let (rest, domain) = domain(input, syntax)?;
    let dot = syntax.contains(Syntax::TRAILING_DOT);
    Ok((rest.strip_prefix(b".").filter(|_| dot).unwrap_or(rest), domain))
}

/// `Domain`.
#[inline]
pub(crate) fn domain(input: &[u8], syntax: Syntax) -> IResult<&[u8], &[u8], Failure> {
    let length = if syntax.contains(Syntax::UNDERSCORE) {
        dotted(input, |octets| sub_domain(octets, |octet| octet == b'_'))
    } else {
        dotted(input, |octets| sub_domain(octets, |_| false))
    };
    match length {
        0 => Err(Failure::error(input, ParseErrorKind::Domain)),
        length => split(input, length),
    }
}

/// `length` octets at the front, of which there are as many.
#[inline]
fn split(input: &[u8], length: usize) -> IResult<&[u8], &[u8], Failure> {
    let (taken, rest) = input.split_at_checked(length).unwrap_or((input, &[]));
    Ok((rest, taken))
}

/// The octets of a `sub-domain` at the front, at most 63 as the DNS has it; 0 where there is none. `other` may stand anywhere in it.
#[inline]
fn sub_domain(octets: &[u8], other: impl Fn(u8) -> bool) -> usize {
    steps::took(1);
    let length = chars::run(octets, LABEL_LIMIT, |octet| chars::is_ldh(octet) || other(octet));
    let edge =
        |octet: Option<&u8>| octet.is_some_and(|&octet| chars::is_let_dig(octet) || other(octet));
    let label = octets.get(..length).unwrap_or_default();
    if edge(label.first()) && edge(label.last()) { length } else { 0 }
}

/// The octets of `part *( "." part )` at the front; a dot that no part follows is left.
#[inline]
fn dotted(octets: &[u8], part: impl Fn(&[u8]) -> usize) -> usize {
    let mut length = part(octets);
    while length > 0
        && let Some([b'.', rest @ ..]) = octets.get(length..)
        && let next @ 1.. = part(rest)
    {
        length = length.saturating_add(1).saturating_add(next);
    }
    length
}

/// `address-literal`. Behind the bracket nothing else can stand, so the fault is in the literal.
fn address_literal<'a>() -> impl Parser<&'a [u8], Output = &'a [u8], Error = Failure> {
    let inner = take_while1(|octet| matches!(octet, 33..=90 | 94..=126));
    let address = value((), map_opt(inner, AddressLiteral::of));
    // A malformed IPv6 address is not a literal of another tag.
    let other_tag = (not(tag_no_case("IPv6:")), take_while1(chars::is_ldh), tag(":"));
    let general =
        preceded(peek(other_tag), cut(expect(ParseErrorKind::UnregisteredLiteral, fail())));
    let rest = expect(ParseErrorKind::AddressLiteral, (alt((general, address)), tag("]")));
    recognize((tag("["), cut(rest)))
}

/// Text that was checked as UTF-8 and is shared.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Text(Bytes);

impl Text {
    pub(crate) fn from_str(text: &str) -> Self {
        Self(Bytes::copy_from_slice(text.as_bytes()))
    }

    /// The text; only checked UTF-8 is ever put in.
    pub(crate) fn as_str(&self) -> &str {
        core::str::from_utf8(&self.0).unwrap_or_default()
    }
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

/// The owned twin of [`Host`].
///
/// ```
/// use smtp_proto::HostBuf;
///
/// let host: HostBuf = "mx.example.test".parse()?;
/// assert_eq!(host.to_string(), "mx.example.test");
/// # Ok::<(), smtp_proto::ParseError>(())
/// ```
#[derive(Clone)]
pub struct HostBuf(HostOf);

#[derive(Clone)]
enum HostOf {
    Domain(Text),
    Literal(AddressLiteral),
}

impl HostBuf {
    /// The borrowed form.
    #[must_use]
    pub fn as_ref(&self) -> Host<'_> {
        match &self.0 {
            HostOf::Domain(text) => Host::Domain(Domain(text.as_str())),
            HostOf::Literal(literal) => Host::Literal(*literal),
        }
    }
}

impl FromStr for HostBuf {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        Host::parse(text.as_bytes()).map(|host| host.to_owned())
    }
}

super::owned_traits!(MailboxBuf, HostBuf);

#[cfg(test)]
mod tests;
