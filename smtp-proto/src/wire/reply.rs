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

use core::fmt;

use bytes::{BufMut, Bytes, BytesMut};
use memchr::{memchr, memchr2};
use nom::Parser;
use nom::branch::alt;
use nom::bytes::{tag, take};
use nom::combinator::{eof, map_opt, value};

use super::error::{Failure, expect, prefix};
use super::{Class, Code, EnhancedCode, Escaped, ParseError, ParseErrorKind};

/// The longest reply line that is sent, with its CRLF (RFC 5321 4.5.3.1.5).
const LINE_LIMIT: usize = 512;
/// Octets of text that make a short line.
const SHORT_LIMIT: usize = 100;

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
}

impl<'a> Reply<'a> {
    /// A reply to be sent. `text` holds one line, or several with LF between them.
    ///
    /// Whatever is in `text`, one well-formed reply leaves: [`encode`](Self::encode) replaces octets outside textstring by `?` and
    /// folds lines over 512 octets. An enhanced code whose class is not that of `code` is dropped (RFC 2034 4).
    #[must_use]
    pub const fn new(code: Code, enhanced: Option<EnhancedCode>, text: &'a str) -> Self {
        Self { code, enhanced: of_class(enhanced, code), text: Text::Lines(text.as_bytes()) }
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
        let mut first: Option<ReplyLine<'a>> = None;
        loop {
            let at = octets.len().saturating_sub(rest.len());
            let end = memchr2(b'\r', b'\n', rest).unwrap_or(rest.len());
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
                    [] => Ok(Self::of_lines(*head, octets)),
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
        Self { code, enhanced: of_class(enhanced, code), ..self }
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
    pub fn encode(&self, out: &mut impl BufMut) {
        let mut code = Prefix::new();
        code.push(&self.code.digits());
        code.push(b"-");
        if let Some(enhanced) = self.enhanced {
            code.push_enhanced(enhanced);
        }
        let limit = LINE_LIMIT.saturating_sub(code.len).saturating_sub(3);
        // Nearly every reply that is sent is one short line: it is put together aside and appended at once.
        if let Text::Lines(line) = self.text
            && line.len() <= SHORT_LIMIT
            && is_all_text(line)
        {
            return out.put_slice(code.line(line));
        }
        let mut lines = self.lines().peekable();
        while let Some(mut line) = lines.next() {
            // RFC 5321 4.5.3.1.5: a longer line is sent as several.
            while let Some((head, tail)) =
                line.split_at_checked(limit).filter(|(_, tail)| !tail.is_empty())
            {
                put_line(out, &mut code, head, false);
                line = tail;
            }
            put_line(out, &mut code, line, lines.peek().is_none());
        }
    }

    /// The reply of lines that were read one by one, the first of them `head`; `octets` is all of them.
    pub(crate) fn of_lines(head: ReplyLine<'_>, octets: &'a [u8]) -> Self {
        let enhanced = EnhancedCode::split_from(head.text).filter(ends_code).map(|(code, _)| code);
        Self { code: head.code, enhanced: of_class(enhanced, head.code), text: Text::Wire(octets) }
    }

    /// A copy that owns its text.
    #[must_use]
    pub fn to_owned(&self) -> ReplyBuf {
        let text = match self.text {
            Text::Lines(text) => Bytes::copy_from_slice(text),
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

fn ends_code((_, rest): &(EnhancedCode, &[u8])) -> bool {
    matches!(rest.first(), None | Some(b' '))
}

/// `250-2.1.5 `, at most 16 octets, written once a reply; and room for a short line behind it.
struct Prefix {
    octets: [u8; 16 + SHORT_LIMIT + 3],
    len: usize,
}

impl Prefix {
    const fn new() -> Self {
        Self { octets: [0; 16 + SHORT_LIMIT + 3], len: 0 }
    }

    /// The whole of a reply of one short line.
    fn line(&mut self, text: &[u8]) -> &[u8] {
        self.separate(b' ');
        if self.len > 4 && !text.is_empty() {
            self.push(b" ");
        }
        self.push(text);
        self.push(b"\r\n");
        self.octets.get(..self.len).unwrap_or_default()
    }

    const fn separate(&mut self, by: u8) {
        let [_, _, _, separator, ..] = &mut self.octets;
        *separator = by;
    }

    #[inline]
    fn push(&mut self, octets: &[u8]) {
        let end = self.len.saturating_add(octets.len());
        if let Some(room) = self.octets.get_mut(self.len..end) {
            room.copy_from_slice(octets);
            self.len = end;
        }
    }

    fn push_enhanced(&mut self, enhanced: EnhancedCode) {
        self.push_number(u16::from(enhanced.class().digit()));
        self.push(b".");
        self.push_number(enhanced.condition().subject());
        self.push(b".");
        self.push_number(enhanced.condition().detail());
    }

    /// `number` is below 1000.
    fn push_number(&mut self, number: u16) {
        if number < 10 {
            return self.push(&[b'0' | number as u8]);
        }
        let digits = [number / 100, number / 10 % 10, number % 10].map(|digit| b'0' | digit as u8);
        let zeros = digits.iter().take(2).take_while(|&&digit| digit == b'0').count();
        self.push(digits.get(zeros..).unwrap_or_default());
    }
}

fn put_line(out: &mut impl BufMut, prefix: &mut Prefix, text: &[u8], last: bool) {
    prefix.separate(if last { b' ' } else { b'-' });
    let (prefix, _) = prefix.octets.split_at_checked(prefix.len).unwrap_or_default();
    out.put_slice(prefix);
    if prefix.len() > 4 && !text.is_empty() {
        out.put_u8(b' ');
    }
    if is_all_text(text) {
        out.put_slice(text);
    } else {
        text.iter().for_each(|&octet| out.put_u8(if is_text(octet) { octet } else { b'?' }));
    }
    out.put_slice(b"\r\n");
}

/// An octet of `textstring`.
const fn is_text(octet: u8) -> bool {
    matches!(octet, b' '..=b'~' | b'\t')
}

/// Looks at every octet, so that the compiler makes vectors of it.
fn is_all_text(text: &[u8]) -> bool {
    text.iter().fold(true, |sound, &octet| sound & is_text(octet))
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
            Text::Wire(wire) => {
                let end = memchr(b'\r', wire).unwrap_or(wire.len());
                let (line, rest) = wire.split_at_checked(end)?;
                let rest = rest.strip_prefix(b"\r\n").unwrap_or_default();
                self.text = (!rest.is_empty()).then_some(Text::Wire(rest));
                let text = line.get(4..).unwrap_or_default();
                Some(match EnhancedCode::split_from(text).filter(ends_code) {
                    Some((enhanced, text)) if Some(enhanced) == self.enhanced => {
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
pub(crate) struct ReplyLine<'a> {
    pub(crate) code: Code,
    pub(crate) last: bool,
    pub(crate) text: &'a [u8],
}

impl<'a> ReplyLine<'a> {
    pub(crate) fn parse(line: &'a [u8]) -> Result<Self, ParseError> {
        let (text, (code, last)) = prefix(&mut (code(), separator()), line, line.len())?;
        Ok(Self { code, last, text })
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
        let (Self::Lines(octets) | Self::Wire(octets)) = self;
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
mod tests {
    use alloc::string::{String, ToString};
    use alloc::vec::Vec;

    use proptest::prelude::*;

    use super::*;
    use crate::Condition;

    fn wire(reply: &Reply<'_>) -> Vec<u8> {
        let mut out = Vec::new();
        reply.encode(&mut out);
        out
    }

    #[test]
    fn replies_read_as_the_table_says() {
        type Row = (&'static [u8], &'static str, &'static [&'static [u8]]);
        let table: &[Row] = &[
            (b"250\r\n", "250", &[b""]),
            (b"250 \r\n", "250", &[b""]),
            (b"250-\r\n250\r\n", "250", &[b"", b""]),
            (b"250-a\r\n250 b\r\n", "250 a b", &[b"a", b"b"]),
            (b"260 x\r\n", "260 x", &[b"x"]),
            (b"250 2.1.0 5.7.1 x\r\n", "250 2.1.0 5.7.1 x", &[b"5.7.1 x"]),
            (b"250-2.1.0 a\r\n250 2.1.5 b\r\n", "250 2.1.0 a 2.1.5 b", &[b"a", b"2.1.5 b"]),
            (b"250 2.1234.0 x\r\n", "250 2.1234.0 x", &[b"2.1234.0 x"]),
            (b"250 5.1.1 x\r\n", "250 5.1.1 x", &[b"5.1.1 x"]),
            (b"250 2.0.0\r\n", "250 2.0.0", &[b""]),
            (b"250 a\0b\r\n", "250 a\\x00b", &[b"a\0b"]),
            (b"250 \x1b[31m\xff\r\n", "250 \\x1b[31m\\xff", &[b"\x1b[31m\xff"]),
        ];
        for (octets, shown, lines) in table {
            let reply = Reply::parse(octets).unwrap();
            assert_eq!(reply.to_string(), *shown);
            assert!(reply.lines().eq(lines.iter().copied()), "{shown}");
            assert_eq!(reply.to_owned().as_ref(), reply);
        }
    }

    #[test]
    fn what_is_no_reply_is_refused_where_it_stops() {
        let table: &[(&[u8], usize, ParseErrorKind)] = &[
            (b"", 0, ParseErrorKind::ReplyCode),
            (b"\r\n", 0, ParseErrorKind::ReplyCode),
            (b"25 ok\r\n", 0, ParseErrorKind::ReplyCode),
            (b"2500 ok\r\n", 3, ParseErrorKind::ReplySeparator),
            (b"250ok\r\n", 3, ParseErrorKind::ReplySeparator),
            (b"\xff50 ok\r\n", 0, ParseErrorKind::ReplyCode),
            ("٢٥٠ ok\r\n".as_bytes(), 0, ParseErrorKind::ReplyCode),
            (b"150 x\r\n", 0, ParseErrorKind::ReplyCode),
            (b"650 x\r\n", 0, ParseErrorKind::ReplyCode),
            (b"250-a\r\nhello\r\n250 b\r\n", 7, ParseErrorKind::ReplyCode),
            (b"250-a\r\n251 b\r\n", 7, ParseErrorKind::MixedCodes),
            (b"250 a\rb\r\n", 5, ParseErrorKind::LineEnd),
            (b"250 a\n", 5, ParseErrorKind::LineEnd),
            (b"250 a", 5, ParseErrorKind::LineEnd),
            (b"250-a\r\n", 7, ParseErrorKind::ReplyCode),
            (b"250 a\r\n250 b\r\n", 7, ParseErrorKind::End),
        ];
        for &(octets, at, kind) in table {
            assert_eq!(Reply::parse(octets), Err(ParseError::new(at, kind)), "{}", Escaped(octets));
        }
    }

    #[test]
    fn whatever_the_text_one_reply_leaves() {
        let enhanced = Some(Condition::SYNTAX_ERROR.permanent());
        let reply = Reply::new(Code::SYNTAX_ERROR, enhanced, "a\r\n250 injected\u{1b}é");
        assert_eq!(wire(&reply), b"500-5.5.2 a?\r\n500 5.5.2 250 injected???\r\n");
        assert_eq!(wire(&Reply::new(Code::OK, None, "")), b"250 \r\n");
        assert_eq!(
            wire(&Reply::new(Code::OK, Some(Condition::OTHER_UNDEFINED_STATUS.success()), "")),
            b"250 2.0.0\r\n"
        );
    }

    #[test]
    fn an_enhanced_code_of_another_class_is_not_sent() {
        assert_eq!(
            wire(&Reply::new(Code::OK, Some(Condition::MAILBOX_FULL.transient()), "x")),
            b"250 x\r\n"
        );
        assert_eq!(
            wire(&Reply::new(Code::START_MAIL_INPUT, Some(Condition::MAILBOX_FULL.success()), "x")),
            b"354 x\r\n"
        );
    }

    #[test]
    fn a_421_is_relayed_as_a_451() {
        let relayed = |wire| Reply::parse(wire).unwrap().relayed().to_string();
        assert_eq!(relayed(b"421 4.3.2 bye\r\n"), "451 4.3.2 bye");
        assert_eq!(relayed(b"550 5.1.1 no\r\n"), "550 5.1.1 no");
    }

    #[test]
    fn no_line_is_sent_longer_than_512_octets() {
        let long = "x".repeat(1200);
        let wire =
            wire(&Reply::new(Code::OK, Some(Condition::OTHER_UNDEFINED_STATUS.success()), &long));
        let lines: Vec<&[u8]> = wire.split_inclusive(|&octet| octet == b'\n').collect();
        assert_eq!(lines.iter().map(|line| line.len()).collect::<Vec<_>>(), [512, 512, 224 - 12]);
        let text: Vec<u8> = Reply::parse(&wire).unwrap().lines().flatten().copied().collect();
        assert_eq!(text, long.as_bytes());
    }

    proptest! {
        #[test]
        fn replies_round_trip(number in 200u16..600, subject in 0u16..1000, detail in 0u16..1000, text in "[ -~\t]{0,60}(\n[ -~\t]{0,60}){0,4}") {
            let code = Code::new(number).unwrap();
            let enhanced = EnhancedCode::new(code.class(), Condition::new(subject, detail).unwrap());
            let reply = Reply::new(code, enhanced, &text);
            let wire = wire(&reply);
            if enhanced.is_some() {
                prop_assert_eq!(Reply::parse(&wire).unwrap(), reply);
            } else {
                prop_assert_eq!(Reply::parse(&wire).unwrap().code(), code);
            }
        }

        #[test]
        fn any_octets_that_parse_encode_to_the_same_code_and_lines(octets in proptest::collection::vec(any::<u8>(), 0..40)) {
            let mut whole = b"250-".to_vec();
            whole.extend(octets.iter().filter(|&&octet| octet != b'\r' && octet != b'\n'));
            whole.extend_from_slice(b"\r\n250 end\r\n");
            let reply = Reply::parse(&whole).unwrap();
            let again = wire(&reply);
            prop_assert_eq!(Reply::parse(&again).unwrap().lines().count(), reply.lines().count());
            let shown: String = reply.to_string();
            prop_assert!(shown.bytes().all(|octet| (32..127).contains(&octet)));
        }
    }
}
