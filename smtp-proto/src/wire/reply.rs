//! Replies: one type, received and sent, so that a proxy can relay them.
//!
//! ```abnf
//! Reply-line = *( Reply-code "-" [ textstring ] CRLF ) Reply-code [ SP textstring ] CRLF   ; RFC 5321 4.2
//! textstring = 1*( %d09 / %d32-126 )
//! enhanced   = class "." subject "." detail SP         ; at the start of the text, RFC 2034 4
//! ```
//!
//! ```
//! use smtp_proto::{Code, Reply};
//!
//! let reply = Reply::parse(b"550-5.1.1 No such user\r\n550 5.1.1 here\r\n")?;
//! assert_eq!(reply.code(), Code::MAILBOX_UNAVAILABLE);
//! assert_eq!(reply.to_string(), "550 5.1.1 No such user here");
//! assert_eq!(reply.lines().next(), Some(&b"No such user"[..]));
//! # Ok::<(), smtp_proto::ParseError>(())
//! ```

mod breaks;
mod head;

use core::fmt;

use bytes::{BufMut, Bytes, BytesMut};
use memchr::memchr;
use nom::Parser;
use nom::branch::alt;
use nom::bytes::{tag, take};
use nom::combinator::{eof, map_opt, value};

pub(crate) use self::breaks::{line_break, printable};
use self::head::Head;
use super::error::{Failure, expect, prefix};
use super::{Class, Code, Condition, EnhancedCode, Escaped, ParseError, ParseErrorKind};

/// A reply: code, enhanced code and text of one or more lines.
///
/// ```
/// use smtp_proto::{Code, Condition, Reply};
///
/// let reply = Reply::new(Code::OK, Some(Condition::OTHER_UNDEFINED_STATUS.success()), "queued as 4711");
/// let mut wire = Vec::new();
/// reply.encode(&mut wire);
/// assert_eq!(wire, b"250 2.0.0 queued as 4711\r\n");
/// ```
#[derive(Clone, Copy)]
pub struct Reply<'a> {
    code: Code,
    enhanced: Option<EnhancedCode>,
    text: Text<'a>,
}

#[derive(Clone, Copy)]
enum Text<'a> {
    /// Lines with LF between them.
    Lines(&'a [u8]),
    /// The whole reply as it came, codes and CRLFs included; checked.
    Wire(&'a [u8]),
    /// One line, whose wire form is at hand.
    Ready(&'static Ready),
}

/// A line that is sent again and again, and the whole of the reply that has it.
pub(crate) struct Ready {
    pub(crate) text: &'static str,
    /// With its enhanced code.
    pub(crate) enhanced: &'static str,
    /// Without one.
    pub(crate) plain: &'static str,
}

/// A positive reply whose wire form the compiler makes: its code, subject and detail of its enhanced code where it has one, its text.
macro_rules! ready {
    ($code:ident $number:literal, $text:literal) => {{
        const PLAIN: &str = concat!($number, " ", $text, "\r\n");
        $crate::Reply::ready(
            $crate::Code::$code,
            None,
            &$crate::wire::Ready { text: $text, enhanced: PLAIN, plain: PLAIN },
        )
    }};
    ($code:ident $number:literal, $subject:literal $detail:literal, $text:literal) => {
        $crate::Reply::ready(
            $crate::Code::$code,
            $crate::Condition::new($subject, $detail),
            &$crate::wire::Ready {
                text: $text,
                enhanced: concat!($number, " 2.", $subject, ".", $detail, " ", $text, "\r\n"),
                plain: concat!($number, " ", $text, "\r\n"),
            },
        )
    };
}
pub(crate) use ready;

impl<'a> Reply<'a> {
    /// A reply to be sent. `text` holds one line, or several with LF between them.
    ///
    /// Whatever is in `text`, one well-formed reply leaves: [`encode`](Self::encode) replaces octets outside textstring by `?` and
    /// folds lines over 512 octets. An enhanced code whose class is not that of `code` is dropped (RFC 2034 4).
    #[must_use]
    pub const fn new(code: Code, enhanced: Option<EnhancedCode>, text: &'a str) -> Self {
        Self { code, enhanced: of_class(enhanced, code), text: Text::Lines(text.as_bytes()) }
    }

    /// What `ready!` makes.
    pub(crate) const fn ready(
        code: Code,
        condition: Option<Condition>,
        ready: &'static Ready,
    ) -> Self {
        let enhanced = match condition {
            Some(condition) => Some(condition.success()),
            None => None,
        };
        Self { code, enhanced, text: Text::Ready(ready) }
    }

    /// Reads a whole reply, the CRLF of its last line included and nothing behind it.
    ///
    /// Lines without text are legal (RFC 5321 4.2), and text may be any octets but CR and LF. An enhanced code is read from the first
    /// line; one that does not fit the code, or is malformed, is text.
    ///
    /// # Errors
    ///
    /// The place of the first octet that is not part of one reply.
    pub fn parse(octets: &'a [u8]) -> Result<Self, ParseError> {
        let mut rest = octets;
        let mut first: Option<ReplyLine> = None;
        loop {
            let at = octets.len().saturating_sub(rest.len());
            let end = line_break(rest).unwrap_or(rest.len());
            let (line, behind) = rest.split_at_checked(end).unwrap_or((rest, &[]));
            let line = ReplyLine::parse(line)
                .map_err(|error| ParseError::new(at.saturating_add(error.at), error.kind))?;
            let Some(behind) = behind.strip_prefix(b"\r\n") else {
                return Err(ParseError::new(at.saturating_add(end), ParseErrorKind::LineEnd));
            };
            rest = behind;
            let head = first.get_or_insert(line);
            // RFC 5321 4.2.1: the code is the same in each line.
            if head.code != line.code {
                return Err(ParseError::new(at, ParseErrorKind::MixedCodes));
            }
            if line.last {
                return match rest {
                    [] => Ok(Self::of_lines(head.code, octets)),
                    _ => Err(ParseError::new(
                        octets.len().saturating_sub(rest.len()),
                        ParseErrorKind::End,
                    )),
                };
            }
        }
    }

    /// The reply code.
    #[must_use]
    pub const fn code(&self) -> Code {
        self.code
    }

    /// The enhanced code, where there is one.
    #[must_use]
    pub const fn enhanced(&self) -> Option<EnhancedCode> {
        self.enhanced
    }

    /// The class of the code.
    #[must_use]
    pub const fn class(&self) -> Class {
        self.code.class()
    }

    /// The same reply with another code and enhanced code.
    #[must_use]
    pub const fn with_code(self, code: Code, enhanced: Option<EnhancedCode>) -> Self {
        let text = match self.text {
            Text::Ready(ready) => Text::Lines(ready.text.as_bytes()),
            text => text,
        };
        Self { code, enhanced: of_class(enhanced, code), text }
    }

    /// The same reply without its enhanced code.
    pub(crate) const fn plain(self) -> Self {
        Self { enhanced: None, ..self }
    }

    /// The reply as a relay passes it on. A 421 speaks of the connection that it came over (RFC 5321 3.8): it becomes a 451.
    #[must_use]
    pub const fn relayed(self) -> Self {
        match self.code {
            Code::UNAVAILABLE => self.with_code(Code::LOCAL_ERROR, self.enhanced),
            _ => self,
        }
    }

    /// The text, line by line, without codes; there is at least one line. A received line may hold any octets but CR and LF.
    #[must_use]
    pub fn lines(&self) -> Lines<'a> {
        Lines { text: Some(self.text), enhanced: self.enhanced }
    }

    /// Whether the reply has more than one line.
    #[must_use]
    pub fn is_multiline(&self) -> bool {
        self.lines().nth(1).is_some()
    }

    /// Appends the wire form, every line with its CRLF.
    #[inline]
    pub fn encode(&self, out: &mut impl BufMut) {
        if let Text::Ready(Ready { enhanced, plain, .. }) = self.text {
            let whole = if self.enhanced.is_some() { enhanced } else { plain };
            return out.put_slice(whole.as_bytes());
        }
        self.encode_lines(out);
    }

    /// Whether the text is US-ASCII.
    pub(crate) fn is_ascii(&self) -> bool {
        self.lines().all(<[u8]>::is_ascii)
    }

    /// As [`encode`](Self::encode), with a text that may be UTF-8: `uReply-line` of RFC 6531 3.7.4.2. What is none, and a line that is
    /// too long, is written as by `encode`.
    #[inline(never)]
    pub(crate) fn encode_utf8(&self, out: &mut impl BufMut) {
        let head = Head::new(self.code, self.enhanced);
        let printable = |text: &str| text.chars().all(|char| char == '\t' || !char.is_control());
        let sound = |line: &[u8]| {
            head.room() >= line.len() && core::str::from_utf8(line).is_ok_and(printable)
        };
        if !self.lines().all(sound) {
            return self.encode(out);
        }
        let mut lines = self.lines().peekable();
        while let Some(line) = lines.next() {
            head.put_utf8_line(out, if lines.peek().is_some() { b'-' } else { b' ' }, line);
        }
    }

    #[inline(never)]
    fn encode_lines(&self, out: &mut impl BufMut) {
        let head = Head::new(self.code, self.enhanced);
        let limit = head.room();
        // Nearly every reply has one line.
        if let Text::Lines(line) = self.text
            && line.len() <= limit
            && memchr(b'\n', line).is_none()
        {
            return head.put_line(out, b' ', line);
        }
        let mut lines = self.lines().peekable();
        while let Some(mut line) = lines.next() {
            // RFC 5321 4.5.3.1.5: a longer line is sent as several.
            while let Some((part, tail)) =
                line.split_at_checked(limit).filter(|(_, tail)| !tail.is_empty())
            {
                head.put_line(out, b'-', part);
                line = tail;
            }
            head.put_line(out, if lines.peek().is_some() { b'-' } else { b' ' }, line);
        }
    }

    /// The reply of lines that were read one by one and have this code; `octets` is all of them.
    pub(crate) fn of_lines(code: Code, octets: &'a [u8]) -> Self {
        let text = octets.get(4..).unwrap_or_default();
        let enhanced = EnhancedCode::split_from(text).filter(ends_code).map(|(code, _)| code);
        Self { code, enhanced: of_class(enhanced, code), text: Text::Wire(octets) }
    }

    /// The lines behind the first as they came, where no enhanced code is to be taken out of them.
    pub(crate) fn rest_of_wire(&self) -> Option<&'a [u8]> {
        let Text::Wire(wire) = self.text else { return None };
        if self.enhanced.is_some() {
            return None;
        }
        wire.get(line_break(wire)?.saturating_add(2)..)
    }

    /// A copy that owns its text.
    #[must_use]
    pub fn to_owned(&self) -> ReplyBuf {
        let text = match self.text {
            Text::Lines(text) => Bytes::copy_from_slice(text),
            Text::Ready(ready) => Bytes::from_static(ready.text.as_bytes()),
            Text::Wire(wire) => {
                let mut text = BytesMut::with_capacity(wire.len());
                for line in self.lines() {
                    text.put_slice(line);
                    text.put_u8(b'\n');
                }
                text.truncate(text.len().saturating_sub(1));
                text.freeze()
            }
        };
        ReplyBuf { code: self.code, enhanced: self.enhanced, text }
    }
}

/// RFC 2034 4: the class of the enhanced code is the first digit, and 3yz has none.
const fn of_class(enhanced: Option<EnhancedCode>, code: Code) -> Option<EnhancedCode> {
    match enhanced {
        Some(enhanced) if enhanced.class().digit() == code.class().digit() => Some(enhanced),
        _ => None,
    }
}

/// Whether an enhanced code is followed by text or by the end of its line.
fn ends_code((_, rest): &(EnhancedCode, &[u8])) -> bool {
    matches!(rest.first(), None | Some(b' ' | b'\r'))
}

/// The lines of a reply's text; made by [`Reply::lines`].
///
/// ```
/// use smtp_proto::{Code, Reply};
///
/// let reply = Reply::new(Code::HELP, None, "one\ntwo");
/// assert!(reply.lines().eq([&b"one"[..], b"two"]));
/// ```
#[derive(Clone, Debug)]
pub struct Lines<'a> {
    text: Option<Text<'a>>,
    enhanced: Option<EnhancedCode>,
}

impl<'a> Iterator for Lines<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        match self.text? {
            Text::Lines(text) => {
                let end = memchr(b'\n', text);
                let (line, rest) =
                    end.and_then(|end| text.split_at_checked(end)).unwrap_or((text, &[]));
                self.text = end.map(|_| Text::Lines(rest.strip_prefix(b"\n").unwrap_or_default()));
                Some(line)
            }
            Text::Ready(ready) => {
                self.text = None;
                Some(ready.text.as_bytes())
            }
            Text::Wire(wire) => {
                let end = line_break(wire).unwrap_or(wire.len());
                let (line, rest) = wire.split_at_checked(end)?;
                let rest = rest.get(2..).unwrap_or_default();
                self.text = (!rest.is_empty()).then_some(Text::Wire(rest));
                let text = line.get(4..).unwrap_or_default();
                let Some(enhanced) = self.enhanced else { return Some(text) };
                Some(match EnhancedCode::split_from(text).filter(ends_code) {
                    Some((same, text)) if same == enhanced => {
                        text.strip_prefix(b" ").unwrap_or(text)
                    }
                    _ => text,
                })
            }
        }
    }
}

/// One line of a reply, without its CRLF.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ReplyLine {
    pub(crate) code: Code,
    pub(crate) last: bool,
}

impl ReplyLine {
    #[inline]
    pub(crate) fn parse(line: &[u8]) -> Result<Self, ParseError> {
        // Nearly every line has text.
        if let &[one, two, three, separator @ (b' ' | b'-'), ..] = line
            && let Some(code) = Code::parse([one, two, three])
        {
            return Ok(Self { code, last: separator == b' ' });
        }
        let (_, (code, last)) = prefix(&mut (code(), separator()), line, line.len())?;
        Ok(Self { code, last })
    }
}

/// `Reply-code`, with any second digit.
fn code<'a>() -> impl Parser<&'a [u8], Output = Code, Error = Failure> {
    expect(
        ParseErrorKind::ReplyCode,
        map_opt(take(3usize), |digits: &[u8]| Code::parse(digits.try_into().ok()?)),
    )
}

/// Whether this is the last line. A bare code is a last line without text (RFC 5321 4.2).
fn separator<'a>() -> impl Parser<&'a [u8], Output = bool, Error = Failure> {
    expect(
        ParseErrorKind::ReplySeparator,
        alt((value(true, tag(" ")), value(false, tag("-")), value(true, eof))),
    )
}

/// Code, enhanced code and text of the same lines.
impl PartialEq for Reply<'_> {
    fn eq(&self, other: &Self) -> bool {
        (self.code, self.enhanced) == (other.code, other.enhanced) && self.lines().eq(other.lines())
    }
}

impl Eq for Reply<'_> {}

/// One line, safe to show: the lines joined by spaces, octets that are not printable US-ASCII escaped.
impl fmt::Display for Reply<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.code)?;
        if let Some(enhanced) = self.enhanced {
            write!(f, " {enhanced}")?;
        }
        for line in self.lines().filter(|line| !line.is_empty()) {
            write!(f, " {}", Escaped(line))?;
        }
        Ok(())
    }
}

impl fmt::Debug for Reply<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Reply({self})")
    }
}

impl fmt::Debug for Text<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let octets = match self {
            Self::Lines(octets) | Self::Wire(octets) => octets,
            Self::Ready(ready) => ready.text.as_bytes(),
        };
        write!(f, "{}", Escaped(octets))
    }
}

/// The owned twin of [`Reply`].
///
/// ```
/// use smtp_proto::{Code, Condition, ReplyBuf};
///
/// const FULL: ReplyBuf = ReplyBuf::from_static(Code::INSUFFICIENT_STORAGE, Condition::MAILBOX_FULL.transient(), "Mailbox full");
/// assert_eq!(FULL.as_ref().to_string(), "452 4.2.2 Mailbox full");
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct ReplyBuf {
    code: Code,
    enhanced: Option<EnhancedCode>,
    text: Bytes,
}

impl ReplyBuf {
    /// A reply whose text is known to the compiler: it allocates nothing. Otherwise as [`Reply::new`].
    #[must_use]
    pub const fn from_static(code: Code, enhanced: EnhancedCode, text: &'static str) -> Self {
        Self {
            code,
            enhanced: of_class(Some(enhanced), code),
            text: Bytes::from_static(text.as_bytes()),
        }
    }

    /// The borrowed form.
    #[must_use]
    pub fn as_ref(&self) -> Reply<'_> {
        Reply { code: self.code, enhanced: self.enhanced, text: Text::Lines(&self.text) }
    }
}

impl fmt::Debug for ReplyBuf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.as_ref().fmt(f)
    }
}

impl fmt::Display for ReplyBuf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.as_ref().fmt(f)
    }
}

impl From<Reply<'_>> for ReplyBuf {
    fn from(reply: Reply<'_>) -> Self {
        reply.to_owned()
    }
}

#[cfg(test)]
mod tests;
