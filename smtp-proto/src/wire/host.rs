//! Hosts: what stands behind the `@` of a mailbox, and what EHLO names.
//!
//! ```abnf
//! Domain          = sub-domain *( "." sub-domain )                       ; RFC 5321 4.1.2
//! sub-domain      = Let-dig [ Ldh-str ]                                  ; at most 63 octets
//! address-literal = "[" ( IPv4 / "IPv6:" IPv6-addr ) "]"                 ; 4.1.3; no other tag is registered
//! ```
//!
//! RFC 6531 3.3 adds UTF8-non-ascii to domains. Nothing is decoded, folded or normalised.

use core::fmt;
use core::hash::{Hash, Hasher};
use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use core::str::FromStr;

use bytes::BufMut;
use nom::Parser;
use nom::branch::alt;
use nom::bytes::{tag, tag_no_case, take_while1};
use nom::combinator::{cut, fail, map_opt, not, peek, value};
use nom::sequence::preceded;

use super::chars::Class;
use super::error::{Failure, expect};
use super::escaped::EscapedText;
use super::input::Input;
use super::text::Text;
use super::{ParseError, ParseErrorKind, Syntax};
use crate::steps;

/// Octets of a domain (RFC 5321 4.5.3.1.2).
const DOMAIN_LIMIT: usize = 255;
/// Octets of a label (RFC 1035 2.3.4).
const LABEL_LIMIT: usize = 63;

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
        let input = Input::new(octets);
        let end = host(&input, 0, syntax)?;
        input.end(behind_dot(&input, 0, end, syntax), ParseErrorKind::Domain)?;
        if end > DOMAIN_LIMIT {
            return Err(ParseError::new(DOMAIN_LIMIT, ParseErrorKind::DomainTooLong));
        }
        let text = input.text(0, end, ParseErrorKind::Utf8)?;
        Ok(Self::of(text))
    }

    /// `text` was read by [`host`].
    pub(super) fn of(text: &'a str) -> Self {
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

/// `Domain / address-literal`.
#[inline]
pub(crate) fn host(input: &Input<'_>, start: usize, syntax: Syntax) -> Result<usize, ParseError> {
    if input.at(start) == Some(b'[') {
        return input.parse(start, address_literal());
    }
    domain(input, start, syntax)
}

/// The place behind the dot that is tolerated behind a domain from `start` to `end`, and is no part of it.
#[inline]
pub(crate) fn behind_dot(input: &Input<'_>, start: usize, end: usize, syntax: Syntax) -> usize {
    let dot = syntax.contains(Syntax::TRAILING_DOT)
        && input.at(end) == Some(b'.')
        && input.at(start) != Some(b'[');
    end.wrapping_add(usize::from(dot))
}

/// `Domain`.
#[inline]
pub(crate) fn domain(input: &Input<'_>, start: usize, syntax: Syntax) -> Result<usize, ParseError> {
    let underscore = syntax.contains(Syntax::UNDERSCORE);
    let class = if underscore { Class::LDH.or(Class::UNDERSCORE) } else { Class::LDH };
    match input.dotted(start, |place| sub_domain(input, place, class)) {
        end if end > start => Ok(end),
        _ => Err(ParseError::new(start, ParseErrorKind::Domain)),
    }
}

/// The place behind a `sub-domain`, which has at most 63 octets as the DNS has it; `start` where there is none.
#[inline]
fn sub_domain(input: &Input<'_>, start: usize, class: Class) -> usize {
    steps::took(1);
    let end = input.run(start, class).min(start.saturating_add(LABEL_LIMIT));
    let hyphen = input.at(start) == Some(b'-') || input.at(end.wrapping_sub(1)) == Some(b'-');
    if hyphen { start } else { end }
}

/// `address-literal`. Behind the bracket nothing else can stand, so the fault is in the literal.
fn address_literal<'a>() -> impl Parser<&'a [u8], Output = (), Error = Failure> {
    let inner = take_while1(|octet| matches!(octet, 33..=90 | 94..=126));
    let address = value((), map_opt(inner, AddressLiteral::of));
    // A malformed IPv6 address is not a literal of another tag.
    let tag_of_other = take_while1(|octet| Class::LDH.has(octet));
    let other = (not(tag_no_case("IPv6:")), tag_of_other, tag(":"));
    let general = preceded(peek(other), cut(expect(ParseErrorKind::UnregisteredLiteral, fail())));
    let rest = expect(ParseErrorKind::AddressLiteral, (alt((general, address)), tag("]")));
    value((), (tag("["), cut(rest)))
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

super::owned_traits!(HostBuf);
