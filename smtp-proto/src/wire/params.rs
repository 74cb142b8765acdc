//! Parameters of MAIL and RCPT.
//!
//! ```abnf
//! Mail-parameters = esmtp-param *( SP esmtp-param )                    ; RFC 5321 4.1.2
//! esmtp-param     = esmtp-keyword [ "=" esmtp-value ]
//! esmtp-keyword   = ( ALPHA / DIGIT ) *( ALPHA / DIGIT / "-" )
//! esmtp-value     = 1*( %d33-60 / %d62-126 )                           ; never empty
//! SIZE            = 1*20DIGIT                                          ; RFC 1870 3
//! BODY            = "7BIT" / "8BITMIME" / "BINARYMIME"                 ; RFC 6152, RFC 3030
//! AUTH            = xtext                      ; of a mailbox or "<>"      ; RFC 4954 5
//! REQUIRETLS, SMTPUTF8 have no value                                   ; RFC 8689, RFC 6531
//! RET, ENVID, NOTIFY, ORCPT                                            ; RFC 3461, see `dsn`
//! ```
//!
//! ```
//! use smtp_proto::{Body, Command};
//!
//! let Command::Mail(mail) = Command::parse(b"MAIL FROM:<a@x.test> SIZE=1000 BODY=8BITMIME X-MINE=1")? else { unreachable!() };
//! assert_eq!(mail.params.size(), Some(1000));
//! assert_eq!(mail.params.body(), Some(Body::EightBitMime));
//! assert_eq!(mail.params.iter().last().unwrap().keyword, "X-MINE");
//! # Ok::<(), smtp_proto::ParseError>(())
//! ```

use alloc::string::String;
use core::fmt;
use core::str::FromStr;

use bytes::BufMut;
use nom::Parser;
use nom::bytes::{tag, take_while, take_while_m_n, take_while1};
use nom::combinator::{cut, opt, recognize};
use nom::sequence::preceded;

use super::address::Text;
use super::chars;
use super::dsn::{self, Notify, OriginalRecipient, Ret};
use super::error::{Failure, expect, prefix, whole};
use super::escaped::EscapedText;
use super::extension::{Extension, Set};
use super::{Mailbox, ParseError, ParseErrorKind, Syntax, Xtext};
use crate::steps;

/// Parameters of one command. No client sends more than the registry has, 18 for MAIL; a bound keeps the search for duplicates short.
const PARAMETERS_LIMIT: usize = 32;

/// The longest mailbox: a local part of 64 octets, an at sign, a domain of 255.
const MAILBOX_LIMIT: usize = 320;

/// One parameter as it stood on the wire.
///
/// ```
/// let params: smtp_proto::RcptParamsBuf = "X-FOO=bar".parse()?;
/// let param = params.as_ref().iter().next().unwrap();
/// assert_eq!((param.keyword, param.value), ("X-FOO", Some("bar")));
/// # Ok::<(), smtp_proto::ParseError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "the grammar has these two parts")]
pub struct Param<'a> {
    /// `esmtp-keyword`, in the case it came in.
    pub keyword: &'a str,
    /// `esmtp-value`, without the `=`; never empty.
    pub value: Option<&'a str>,
}

/// The content of a message as BODY declares it (RFC 6152, RFC 3030).
///
/// ```
/// assert_eq!(smtp_proto::Body::EightBitMime.name(), "8BITMIME");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Body {
    /// `7BIT`: US-ASCII in lines.
    SevenBit,
    /// `8BITMIME`: any octet but CR, LF and NUL, in lines.
    EightBitMime,
    /// `BINARYMIME`: any octets.
    BinaryMime,
}

impl Body {
    pub(crate) const ALL: [Self; 3] = [Self::SevenBit, Self::EightBitMime, Self::BinaryMime];

    /// The value on the wire.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::SevenBit => "7BIT",
            Self::EightBitMime => "8BITMIME",
            Self::BinaryMime => "BINARYMIME",
        }
    }

    fn parse(value: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|body| value.eq_ignore_ascii_case(body.name()))
    }
}

/// What the parameters of a command say, decoded as they were read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Facts {
    /// One bit a row of the table: which parameters were given.
    seen: u16,
    /// The extensions that the parameters need.
    needs: Set,
    /// There is a parameter that no row defines.
    unknown: bool,
    size: Option<u64>,
    body: Option<Body>,
}

/// A parameter that is known by name.
struct Row {
    keyword: &'static str,
    extension: Extension,
    read: fn(&mut Facts, Option<&str>) -> Result<(), ParseErrorKind>,
}

const fn row(
    keyword: &'static str,
    extension: Extension,
    read: fn(&mut Facts, Option<&str>) -> Result<(), ParseErrorKind>,
) -> Row {
    Row { keyword, extension, read }
}

static MAIL: [Row; 7] = [
    row("SIZE", Extension::Size, |facts, value| {
        size(value).map(|octets| facts.size = Some(octets))
    }),
    row("BODY", Extension::EightBitMime, body),
    row("SMTPUTF8", Extension::SmtpUtf8, |_, value| no_value(value)),
    row("RET", Extension::Dsn, |_, value| check(value.and_then(Ret::parse), ParseErrorKind::Ret)),
    row("ENVID", Extension::Dsn, |_, value| {
        check(value.and_then(dsn::envid), ParseErrorKind::Envid)
    }),
    row("AUTH", Extension::Auth, |_, value| {
        check(value.and_then(authenticated), ParseErrorKind::AuthParameter)
    }),
    row("REQUIRETLS", Extension::RequireTls, |_, value| no_value(value)),
];

static RCPT: [Row; 2] = [
    row("NOTIFY", Extension::Dsn, |_, value| {
        check(value.and_then(Notify::parse), ParseErrorKind::Notify)
    }),
    row("ORCPT", Extension::Dsn, |_, value| {
        check(value.and_then(OriginalRecipient::parse), ParseErrorKind::Orcpt)
    }),
];

/// The parameters that are known by name.
#[cfg(feature = "testing")]
pub(crate) fn parameter_keywords() -> impl Iterator<Item = &'static str> {
    MAIL.iter().chain(&RCPT).map(|row| row.keyword)
}

/// RFC 1870 3: 20 digits are legal and may exceed 64 bits; a size beyond is as good as the largest.
fn size(value: Option<&str>) -> Result<u64, ParseErrorKind> {
    let digits = value
        .filter(|value| value.len() <= 20 && value.bytes().all(|octet| octet.is_ascii_digit()))
        .ok_or(ParseErrorKind::Size)?;
    Ok(digits
        .bytes()
        .fold(0u64, |size, digit| size.saturating_mul(10).saturating_add(u64::from(digit & 0x0f))))
}

fn body(facts: &mut Facts, value: Option<&str>) -> Result<(), ParseErrorKind> {
    facts.body = Some(value.and_then(Body::parse).ok_or(ParseErrorKind::Body)?);
    Ok(())
}

/// RFC 4954 5: xtext of a mailbox, or of `<>`.
fn authenticated(value: &str) -> Option<Xtext<'_>> {
    let text = Xtext::parse(value)?;
    let mut mailbox = [0; MAILBOX_LIMIT];
    let mut octets = text.decode();
    let filled = mailbox.iter_mut().zip(&mut octets).map(|(place, octet)| *place = octet).count();
    let mailbox = mailbox.get(..filled).filter(|_| octets.next().is_none())?;
    (mailbox == b"<>" || Mailbox::parse(mailbox).is_ok()).then_some(text)
}

fn no_value(value: Option<&str>) -> Result<(), ParseErrorKind> {
    value.map_or(Ok(()), |_| Err(ParseErrorKind::NoValue))
}

fn check<T>(value: Option<T>, kind: ParseErrorKind) -> Result<(), ParseErrorKind> {
    value.map(drop).ok_or(kind)
}

impl Facts {
    /// Reads every parameter of `rest`, the last part of `whole` octets.
    fn read<'a>(
        rest: &'a [u8],
        whole: usize,
        syntax: Syntax,
        table: &[Row],
    ) -> Result<(&'a str, Self), ParseError> {
        let mut facts = Self::default();
        if rest.is_empty() {
            return Ok(("", facts));
        }
        let start = whole.saturating_sub(rest.len());
        let run = core::str::from_utf8(rest).map_err(|error| {
            ParseError::new(start.saturating_add(error.valid_up_to()), ParseErrorKind::Value)
        })?;
        let (mut left, mut count) = (run, 0usize);
        while !left.is_empty() {
            let at = whole.saturating_sub(left.len());
            let (param, behind) = split_param(left, whole, syntax)?;
            let earlier =
                Params(run.get(..run.len().saturating_sub(left.len())).unwrap_or_default());
            facts.take(param, table, earlier).map_err(|kind| ParseError::new(at, kind))?;
            count = count.saturating_add(1);
            if count > PARAMETERS_LIMIT {
                return Err(ParseError::new(at, ParseErrorKind::TooManyParameters));
            }
            left = behind;
        }
        Ok((run, facts))
    }

    /// RFC 1870 6, RFC 6152 2, RFC 3461 5.1: each parameter at most once.
    fn take(
        &mut self,
        param: Param<'_>,
        table: &[Row],
        mut earlier: Params<'_>,
    ) -> Result<(), ParseErrorKind> {
        let same = |keyword: &str| param.keyword.eq_ignore_ascii_case(keyword);
        let Some((index, row)) = table.iter().enumerate().find(|(_, row)| same(row.keyword)) else {
            self.unknown = true;
            return if earlier.any(|earlier| same(earlier.keyword)) {
                Err(ParseErrorKind::Duplicate)
            } else {
                Ok(())
            };
        };
        let bit = 1u16.checked_shl(u32::try_from(index).unwrap_or(0)).unwrap_or(0);
        (row.read)(self, param.value)?;
        if self.seen & bit != 0 {
            return Err(ParseErrorKind::Duplicate);
        }
        self.seen |= bit;
        // RFC 3030 3: one value of BODY belongs to an extension of its own, which may be offered without the other.
        let binary =
            row.extension == Extension::EightBitMime && self.body == Some(Body::BinaryMime);
        self.needs.insert(if binary { Extension::BinaryMime } else { row.extension });
        Ok(())
    }
}

/// `SP esmtp-param` at the front of `left`, the last part of `whole` octets.
fn split_param(left: &str, whole: usize, syntax: Syntax) -> Result<(Param<'_>, &str), ParseError> {
    steps::took(1);
    let (rest, (keyword, value)) = prefix(&mut param(syntax), left.as_bytes(), whole)?;
    // The pieces end where US-ASCII ends, so each of them is text again.
    let text = |octets| core::str::from_utf8(octets).unwrap_or_default();
    let behind = left.get(left.len().saturating_sub(rest.len())..).unwrap_or_default();
    Ok((Param { keyword: text(keyword), value: value.map(text) }, behind))
}

fn param<'a>(
    syntax: Syntax,
) -> impl Parser<&'a [u8], Output = (&'a [u8], Option<&'a [u8]>), Error = Failure> {
    let spaces = if syntax.contains(Syntax::TWO_SPACES) { usize::MAX } else { 1 };
    let value =
        opt(preceded(tag("="), cut(expect(ParseErrorKind::Value, take_while1(chars::is_value)))));
    preceded(
        expect(ParseErrorKind::Keyword, take_while_m_n(1, spaces, |octet| octet == b' ')),
        (esmtp_keyword(), value),
    )
}

/// `esmtp-keyword`.
fn esmtp_keyword<'a>() -> impl Parser<&'a [u8], Output = &'a [u8], Error = Failure> {
    let first = take_while_m_n(1, 1, |octet: u8| octet.is_ascii_alphanumeric());
    let others = take_while(|octet: u8| octet.is_ascii_alphanumeric() || octet == b'-');
    expect(ParseErrorKind::Keyword, recognize((first, others)))
}

/// The parameters of a run that was checked; each is read again as it is asked for.
///
/// ```
/// let params: smtp_proto::MailParamsBuf = "SIZE=5 FOO".parse()?;
/// let keywords: Vec<&str> = params.as_ref().iter().map(|param| param.keyword).collect();
/// assert_eq!(keywords, ["SIZE", "FOO"]);
/// # Ok::<(), smtp_proto::ParseError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Params<'a>(&'a str);

impl<'a> Iterator for Params<'a> {
    type Item = Param<'a>;

    fn next(&mut self) -> Option<Param<'a>> {
        let (param, rest) =
            split_param(self.0, self.0.len(), Syntax::STRICT.with(Syntax::TWO_SPACES)).ok()?;
        self.0 = rest;
        Some(param)
    }
}

/// What both kinds of parameters have: the borrowed and the owned type, and all that does not depend on the table.
macro_rules! params {
    ($table:ident, $borrowed:ident, $owned:ident, $verb:literal, $example:literal) => {
        #[doc = concat!("The parameters of ", $verb, ": a checked run, decoded as far as is cheap.")]
        ///
        /// ```
        #[doc = concat!("let params: smtp_proto::", stringify!($owned), " = \"", $example, "\".parse()?;")]
        #[doc = concat!("assert_eq!(params.as_ref().to_string(), \"", $example, "\");")]
        /// # Ok::<(), smtp_proto::ParseError>(())
        /// ```
        #[derive(Clone, Copy, Default)]
        pub struct $borrowed<'a> {
            run: &'a str,
            facts: Facts,
        }

        impl<'a> $borrowed<'a> {
            /// Reads parameters that are all of `rest`, the last part of `whole` octets. Each has its space in front.
            pub(crate) fn parse(rest: &'a [u8], whole: usize, syntax: Syntax) -> Result<Self, ParseError> {
                Facts::read(rest, whole, syntax, &$table).map(|(run, facts)| Self { run, facts })
            }

            /// Every parameter in the order it came in, known or not.
            #[must_use]
            pub const fn iter(&self) -> Params<'a> {
                Params(self.run)
            }

            /// The value of a parameter, by its keyword in any case; `Some(None)` where it has no value.
            #[must_use]
            pub fn get(&self, keyword: &str) -> Option<Option<&'a str>> {
                self.iter().find(|param| param.keyword.eq_ignore_ascii_case(keyword)).map(|param| param.value)
            }

            /// Whether there is none.
            #[must_use]
            pub const fn is_empty(&self) -> bool {
                self.run.is_empty()
            }

            /// Whether every value can be sent without SMTPUTF8 (RFC 6531 3.3).
            #[must_use]
            pub const fn is_ascii(&self) -> bool {
                self.run.is_ascii()
            }

            /// Whether a session that offered `offered` may carry all of them (RFC 5321 4.1.1.11).
            pub(crate) fn within(&self, offered: Set) -> bool {
                !self.facts.unknown && offered.contains_all(self.facts.needs)
            }

            /// Appends the wire form, each parameter with a space in front.
            pub fn encode(&self, out: &mut impl BufMut) {
                for Param { keyword, value } in self.iter() {
                    out.put_u8(b' ');
                    out.put_slice(keyword.as_bytes());
                    if let Some(value) = value {
                        out.put_u8(b'=');
                        out.put_slice(value.as_bytes());
                    }
                }
            }

            /// A copy that owns its text.
            #[must_use]
            pub fn to_owned(&self) -> $owned {
                $owned { run: Text::from_str(self.run), facts: self.facts }
            }
        }

        impl PartialEq for $borrowed<'_> {
            fn eq(&self, other: &Self) -> bool {
                self.iter().eq(other.iter())
            }
        }

        impl Eq for $borrowed<'_> {}

        impl core::hash::Hash for $borrowed<'_> {
            fn hash<H: core::hash::Hasher>(&self, state: &mut H) {
                for Param { keyword, value } in self.iter() {
                    (keyword, value).hash(state);
                }
            }
        }

        /// The wire form without the first space, control characters escaped.
        impl fmt::Display for $borrowed<'_> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                for (index, Param { keyword, value }) in self.iter().enumerate() {
                    f.write_str(if index == 0 { "" } else { " " })?;
                    f.write_str(keyword)?;
                    value.map_or(Ok(()), |value| write!(f, "={}", EscapedText(value)))?;
                }
                Ok(())
            }
        }

        impl fmt::Debug for $borrowed<'_> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($borrowed), "({})"), self)
            }
        }

        #[doc = concat!("The owned twin of [`", stringify!($borrowed), "`]; read from text, or built parameter by parameter.")]
        ///
        /// ```
        #[doc = concat!("let params: smtp_proto::", stringify!($owned), " = \"", $example, "\".parse()?;")]
        /// assert!(params.with("BAD KEYWORD", None).is_err());
        /// # Ok::<(), smtp_proto::ParseError>(())
        /// ```
        #[derive(Clone)]
        pub struct $owned {
            run: Text,
            facts: Facts,
        }

        impl $owned {
            /// No parameters.
            #[must_use]
            pub fn new() -> Self {
                Self { run: Text::from_str(""), facts: Facts::default() }
            }

            /// The borrowed form.
            #[must_use]
            pub fn as_ref(&self) -> $borrowed<'_> {
                $borrowed { run: self.run.as_str(), facts: self.facts }
            }

            /// The same parameters and one more behind them, of an extension that may not be known here.
            ///
            /// # Errors
            ///
            /// The keyword or the value is malformed, or was given before. The place counts from the keyword, or from the space in
            /// front of the first parameter where it was given before.
            pub fn with(&self, keyword: &str, value: Option<&str>) -> Result<Self, ParseError> {
                whole(esmtp_keyword(), keyword.as_bytes(), ParseErrorKind::Keyword)?;
                if let Some(at) = value.and_then(|value| value.bytes().position(|octet| !chars::is_value(octet))) {
                    return Err(ParseError::new(keyword.len().saturating_add(at).saturating_add(1), ParseErrorKind::Value));
                }
                let equals = if value.is_some() { "=" } else { "" };
                let run = [self.run.as_str(), " ", keyword, equals, value.unwrap_or_default()].concat();
                $borrowed::parse(run.as_bytes(), run.len(), Syntax::STRICT).map(|params| params.to_owned())
            }
        }

        impl Default for $owned {
            fn default() -> Self {
                Self::new()
            }
        }

        /// Reads parameters with single spaces between them; the empty text is none.
        impl FromStr for $owned {
            type Err = ParseError;

            fn from_str(text: &str) -> Result<Self, ParseError> {
                let run = if text.is_empty() { String::new() } else { [" ", text].concat() };
                $borrowed::parse(run.as_bytes(), text.len(), Syntax::STRICT).map(|params| params.to_owned())
            }
        }

        super::owned_traits!($owned);
    };
}

params!(MAIL, MailParams, MailParamsBuf, "MAIL", "SIZE=1000 BODY=8BITMIME");
params!(RCPT, RcptParams, RcptParamsBuf, "RCPT", "NOTIFY=SUCCESS,FAILURE");

impl<'a> MailParams<'a> {
    /// SIZE in octets, as RFC 1870 5 counts them; a number that does not fit is the largest.
    #[must_use]
    pub const fn size(&self) -> Option<u64> {
        self.facts.size
    }

    /// BODY.
    #[must_use]
    pub const fn body(&self) -> Option<Body> {
        self.facts.body
    }

    /// Whether SMTPUTF8 was given (RFC 6531 3.4).
    #[must_use]
    pub const fn smtputf8(&self) -> bool {
        self.facts.needs.contains(Extension::SmtpUtf8)
    }

    /// AUTH: who submitted the message, a mailbox or `<>` where that is not known; as good as `<>` where the client is not trusted to say
    /// so (RFC 4954 5).
    #[must_use]
    pub fn auth(&self) -> Option<Xtext<'a>> {
        self.get("AUTH").flatten().and_then(authenticated)
    }

    /// Whether REQUIRETLS was given: the message may go over TLS with a verified certificate alone (RFC 8689 2).
    #[must_use]
    pub const fn requiretls(&self) -> bool {
        self.facts.needs.contains(Extension::RequireTls)
    }

    /// RET: what a failed delivery report returns (RFC 3461 4.3).
    #[must_use]
    pub fn ret(&self) -> Option<Ret> {
        self.get("RET").flatten().and_then(Ret::parse)
    }

    /// ENVID: the sender's name for this envelope (RFC 3461 4.4).
    #[must_use]
    pub fn envid(&self) -> Option<Xtext<'a>> {
        self.get("ENVID").flatten().and_then(dsn::envid)
    }
}

impl<'a> RcptParams<'a> {
    /// NOTIFY: when a delivery report is wanted (RFC 3461 4.1).
    #[must_use]
    pub fn notify(&self) -> Option<Notify> {
        self.get("NOTIFY").flatten().and_then(Notify::parse)
    }

    /// ORCPT: the recipient as the sender named it (RFC 3461 4.2).
    #[must_use]
    pub fn orcpt(&self) -> Option<OriginalRecipient<'a>> {
        self.get("ORCPT").flatten().and_then(OriginalRecipient::parse)
    }
}

#[cfg(test)]
mod tests;
