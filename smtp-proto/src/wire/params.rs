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

use super::chars::{self, Class};
use super::dsn::{Notify, OriginalRecipient, Ret};
use super::escaped::EscapedText;
use super::extension::{Carrier, Extension, Known, Set};
use super::input::Input;
use super::text::Text;
use super::word::{Front, Word};
use super::{Declared, Mailbox, ParseError, ParseErrorKind, Syntax, Xtext, xtext};
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
    pub(crate) const WORDS: [(Word, Self); 3] = [
        (Word::new(Self::SevenBit.name()), Self::SevenBit),
        (Word::new(Self::EightBitMime.name()), Self::EightBitMime),
        (Word::new(Self::BinaryMime.name()), Self::BinaryMime),
    ];

    /// The value on the wire.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::SevenBit => "7BIT",
            Self::EightBitMime => "8BITMIME",
            Self::BinaryMime => "BINARYMIME",
        }
    }

    /// The value at the front, and how many octets it has.
    #[inline]
    fn take(octets: &[u8]) -> Option<(Self, usize)> {
        Front::of(octets).one_of(&Self::WORDS)
    }
}

/// What the parameters of a command say, decoded as they were read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Facts {
    /// One bit a known parameter: which were given.
    seen: u16,
    /// The extensions that the parameters need.
    needs: Set,
    /// There is a parameter that is not known.
    unknown: bool,
    size: Option<u64>,
    body: Option<Body>,
}

/// Reads the value of a known parameter, with which the octets begin; `None` where there is no `=`. Says how many octets it has, `None` where it
/// is no value of this parameter.
pub(super) type Read = fn(&mut Facts, Option<&[u8]>) -> Option<usize>;

/// RFC 1870 3: 20 digits are legal and may exceed 64 bits; a size beyond is as good as the largest.
pub(super) fn read_size(facts: &mut Facts, value: Option<&[u8]>) -> Option<usize> {
    let octets = value?;
    let (mut size, mut length) = (0u64, 0usize);
    while let Some(digit @ b'0'..=b'9') = octets.get(length) {
        size = size.saturating_mul(10).saturating_add(u64::from(digit & 0x0f));
        length = length.wrapping_add(1);
    }
    facts.size = Some(size);
    (1..=20).contains(&length).then_some(length)
}

pub(super) fn read_body(facts: &mut Facts, value: Option<&[u8]>) -> Option<usize> {
    let (body, length) = Body::take(value?)?;
    facts.body = Some(body);
    if body == Body::BinaryMime {
        // RFC 3030 3: this value belongs to an extension of its own, which may be offered without the other.
        facts.needs.remove(Extension::EightBitMime);
        facts.needs.insert(Extension::BinaryMime);
    }
    Some(length)
}

/// A parameter that has no value.
pub(super) fn read_nothing(_: &mut Facts, value: Option<&[u8]>) -> Option<usize> {
    value.is_none().then_some(0)
}

/// How many octets at the front are a value of AUTH. RFC 4954 5: xtext of a mailbox, or of `<>`.
pub(super) fn authenticated(octets: &[u8]) -> Option<usize> {
    let length = xtext::run(octets, |_| true)?;
    let mut mailbox = [0; MAILBOX_LIMIT];
    let mut meant = xtext::decode(octets.get(..length)?);
    let filled = mailbox.iter_mut().zip(&mut meant).map(|(place, octet)| *place = octet).count();
    let mailbox = mailbox.get(..filled).filter(|_| meant.next().is_none())?;
    (mailbox == b"<>" || Mailbox::parse(mailbox).is_ok()).then_some(length)
}

impl Facts {
    /// Reads every parameter from `start` to the end of the line.
    fn read(
        &mut self,
        input: &Input<'_>,
        start: usize,
        syntax: Syntax,
        table: &'static [Known],
    ) -> Result<(), ParseError> {
        let spaces = Spaces::of(syntax);
        let (mut place, mut count) = (start, 0usize);
        while place < input.len() {
            let behind = self.take(input, place, spaces, table, start)?;
            count = count.wrapping_add(1);
            if count > PARAMETERS_LIMIT {
                return Err(ParseError::new(place, ParseErrorKind::TooManyParameters));
            }
            place = behind;
        }
        Ok(())
    }

    /// Reads `SP esmtp-param`, and finds the place behind it. The first parameter of the command stands at `first`.
    #[inline]
    fn take(
        &mut self,
        input: &Input<'_>,
        start: usize,
        spaces: Spaces,
        table: &'static [Known],
        first: usize,
    ) -> Result<usize, ParseError> {
        steps::took(1);
        let at = spaces.behind(input, start)?;
        let Some((known, rest)) = Known::find(table, input.from(at)) else {
            return self.take_stranger(input, at, [first, start]);
        };
        let value = value(input, rest)?;
        match self.take_known(known, value) {
            Ok(length) => Ok(behind(input, rest, value, length)),
            Err(kind) => Err(ParseError::new(start, kind)),
        }
    }

    /// Reads the value of a known parameter. How many octets it has.
    #[inline]
    fn take_known(&mut self, known: &Known, value: Option<&[u8]>) -> Result<usize, ParseErrorKind> {
        self.needs.insert_all(known.needs);
        let length = (known.read)(self, value).ok_or(known.fault)?;
        if value.is_some_and(|value| value.get(length).is_some_and(is_value)) {
            return Err(known.fault);
        }
        // RFC 1870 6, RFC 6152 2, RFC 3461 5.1: each parameter at most once.
        if self.seen & known.bit != 0 {
            return Err(ParseErrorKind::Duplicate);
        }
        self.seen |= known.bit;
        Ok(length)
    }

    /// Reads a parameter that is not known, and finds the place behind it. The earlier ones stand between two places.
    #[cold]
    fn take_stranger(
        &mut self,
        input: &Input<'_>,
        at: usize,
        [first, start]: [usize; 2],
    ) -> Result<usize, ParseError> {
        self.unknown = true;
        let end = input.run(at, Class::WORD);
        let keyword = input.text(at, end, ParseErrorKind::Keyword)?;
        self::keyword(keyword).map_err(|error| ParseError::new(at, error.kind))?;
        let rest = input.from(end);
        let value = value(input, rest)?;
        let mut earlier = Params(input.text(first, start, ParseErrorKind::Keyword)?);
        if earlier.any(|earlier| earlier.keyword.eq_ignore_ascii_case(keyword)) {
            return Err(ParseError::new(start, ParseErrorKind::Duplicate));
        }
        let length = value.map_or(0, |value| chars::run(value, 0, Class::VALUE));
        Ok(behind(input, rest, value, length))
    }
}

/// What stands behind the `=` with which the end of the line begins that is behind a keyword; `None` where there is no `=`.
#[inline]
fn value<'a>(input: &Input<'_>, rest: &'a [u8]) -> Result<Option<&'a [u8]>, ParseError> {
    match rest {
        [b'=', value @ ..] if value.first().is_some_and(is_value) => Ok(Some(value)),
        [b'=', value @ ..] => {
            Err(ParseError::new(input.len().wrapping_sub(value.len()), ParseErrorKind::Value))
        }
        _ => Ok(None),
    }
}

/// The place behind a parameter whose value has so many octets.
#[inline]
fn behind(input: &Input<'_>, rest: &[u8], value: Option<&[u8]>, length: usize) -> usize {
    input.len().wrapping_sub(value.unwrap_or(rest).len()).wrapping_add(length)
}

/// An octet of `esmtp-value`.
#[inline]
const fn is_value(octet: &u8) -> bool {
    Class::VALUE.has(*octet)
}

/// How many spaces may stand in front of a parameter.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Spaces {
    One,
    Many,
}

impl Spaces {
    const fn of(syntax: Syntax) -> Self {
        if syntax.contains(Syntax::TWO_SPACES) { Self::Many } else { Self::One }
    }

    /// The place behind the spaces in front of a parameter.
    #[inline]
    fn behind(self, input: &Input<'_>, start: usize) -> Result<usize, ParseError> {
        if input.at(start) != Some(b' ') {
            return Err(ParseError::new(start, ParseErrorKind::Keyword));
        }
        let mut place = start.wrapping_add(1);
        while self == Self::Many && input.at(place) == Some(b' ') {
            place = place.wrapping_add(1);
        }
        Ok(place)
    }
}

/// `esmtp-keyword`, all of it.
pub(super) fn keyword(word: &str) -> Result<(), ParseError> {
    let end = chars::run(word.as_bytes(), 0, Class::WORD);
    let at = if word.starts_with('-') { 0 } else { end };
    if at > 0 && at == word.len() {
        Ok(())
    } else {
        Err(ParseError::new(at, ParseErrorKind::Keyword))
    }
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
        steps::took(1);
        let text = self.0.trim_start_matches(' ');
        let (param, rest) = text.split_at_checked(text.find(' ').unwrap_or(text.len()))?;
        self.0 = rest;
        let (keyword, value) = match param.split_once('=') {
            Some((keyword, value)) => (keyword, Some(value)),
            None => (param, None),
        };
        (!keyword.is_empty()).then_some(Param { keyword, value })
    }
}

/// What both kinds of parameters have: the borrowed and the owned type, and all that does not depend on the table.
macro_rules! params {
    ($carrier:expr, $borrowed:ident, $owned:ident, $verb:literal, $example:literal) => {
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
            /// Reads the parameters behind a path, to the end of the line. Each has its space in front.
            #[inline]
            pub(crate) fn behind(input: &Input<'a>, start: usize, syntax: Syntax) -> Result<Self, ParseError> {
                match input.at(start) {
                    None => Ok(Self::default()),
                    Some(b' ') => Self::at(input, start, syntax),
                    Some(_) => Err(ParseError::new(start, ParseErrorKind::PathFollow)),
                }
            }

            fn at(input: &Input<'a>, start: usize, syntax: Syntax) -> Result<Self, ParseError> {
                let run = input.text(start, input.len(), ParseErrorKind::Value)?;
                let mut facts = Facts::default();
                facts.read(input, start, syntax, $carrier.parameters())?;
                Ok(Self { run, facts })
            }

            /// Reads parameters that are all of `octets`.
            pub(crate) fn parse(octets: &'a [u8], syntax: Syntax) -> Result<Self, ParseError> {
                Self::at(&Input::new(octets), 0, syntax)
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

            /// Whether a session that offered `offered`, and of what is declared this, may carry all of them (RFC 5321 4.1.1.11).
            pub(crate) fn within(&self, offered: Set, declared: impl FnOnce() -> Declared) -> bool {
                if !self.facts.unknown {
                    return offered.contains_all(self.facts.needs);
                }
                let declared = declared();
                let carried = |param: Param<'_>| {
                    $carrier.knows(param.keyword) || declared.has_parameter($carrier, param.keyword)
                };
                offered.contains_all(self.facts.needs) && self.iter().all(carried)
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
                self::keyword(keyword)?;
                if let Some(at) = value.and_then(|value| value.bytes().position(|octet| !Class::VALUE.has(octet))) {
                    return Err(ParseError::new(keyword.len().saturating_add(at).saturating_add(1), ParseErrorKind::Value));
                }
                let equals = if value.is_some() { "=" } else { "" };
                let run = [self.run.as_str(), " ", keyword, equals, value.unwrap_or_default()].concat();
                $borrowed::parse(run.as_bytes(), Syntax::STRICT).map(|params| params.to_owned())
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
                // The place counts without the space that was put in front.
                $borrowed::parse(run.as_bytes(), Syntax::STRICT)
                    .map(|params| params.to_owned())
                    .map_err(|error| ParseError::new(error.at.saturating_sub(1), error.kind))
            }
        }

        super::owned_traits!($owned);
    };
}

params!(Carrier::Mail, MailParams, MailParamsBuf, "MAIL", "SIZE=1000 BODY=8BITMIME");
params!(Carrier::Rcpt, RcptParams, RcptParamsBuf, "RCPT", "NOTIFY=SUCCESS,FAILURE");

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
        self.get("AUTH").flatten().and_then(Xtext::parse)
    }

    /// Whether the mailbox that AUTH means is one without SMTPUTF8, too: xtext hides octets over 127 (RFC 4954 5).
    pub(crate) fn auth_is_ascii(&self) -> bool {
        !self.facts.needs.contains(Extension::Auth)
            || self.auth().is_none_or(|value| value.decode().all(|octet| octet.is_ascii()))
    }

    /// Whether REQUIRETLS was given: the message may go over TLS with a verified certificate alone (RFC 8689 2).
    #[must_use]
    pub const fn requiretls(&self) -> bool {
        self.facts.needs.contains(Extension::RequireTls)
    }

    /// RET: what a failed delivery report returns (RFC 3461 4.3).
    #[must_use]
    pub fn ret(&self) -> Option<Ret> {
        self.get("RET").flatten().and_then(|value| Ret::take(value.as_bytes())).map(|(ret, _)| ret)
    }

    /// ENVID: the sender's name for this envelope (RFC 3461 4.4).
    #[must_use]
    pub fn envid(&self) -> Option<Xtext<'a>> {
        self.get("ENVID").flatten().and_then(Xtext::parse)
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
