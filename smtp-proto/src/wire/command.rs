//! Commands: one line each, from the client.
//!
//! ```abnf
//! ehlo = "EHLO" SP ( Domain / address-literal ) CRLF               ; RFC 5321 4.1.1.1
//! helo = "HELO" SP Domain CRLF
//! mail = "MAIL FROM:" Reverse-path [ SP Mail-parameters ] CRLF     ; 4.1.1.2
//! rcpt = "RCPT TO:" Forward-path [ SP Rcpt-parameters ] CRLF       ; 4.1.1.3
//! data = "DATA" CRLF   rset = "RSET" CRLF   quit = "QUIT" CRLF
//! vrfy = "VRFY" SP String [ SP "SMTPUTF8" ] CRLF                   ; RFC 6531 3.7.4.2, EXPN the same
//! bdat = "BDAT" SP 1*DIGIT [ SP "LAST" ] CRLF n*OCTET              ; RFC 3030 2
//! starttls = "STARTTLS" CRLF                                       ; RFC 3207 4
//! noop = "NOOP" [ SP String ] CRLF   help = "HELP" [ SP String ] CRLF   ; real clients send any text
//! ```

use core::fmt::Write;

use bytes::BufMut;

use super::fixed::Fixed;
use super::input::Input;
use super::word::{Front, Word};
use super::{
    Auth, Host, MailParams, MailParamsBuf, ParseError, ParseErrorKind, RcptParams, RcptParamsBuf,
};
use super::{ForwardPath, ForwardPathBuf, ReversePath, ReversePathBuf, Syntax, Verb, chars};

/// A command line, read.
///
/// ```
/// use smtp_proto::{Command, ParseErrorKind};
///
/// assert!(matches!(Command::parse(b"rcpt to:<bob@example.test>")?, Command::Rcpt(_)));
///
/// let error = Command::parse(b"RCPT TO:<bob@exa mple.test>").unwrap_err();
/// assert_eq!((error.at, error.kind), (16, ParseErrorKind::PathEnd));
/// # Ok::<(), smtp_proto::ParseError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Command<'a> {
    /// EHLO, HELO or LHLO, and whom the client says it is.
    Hello {
        /// One of the three.
        verb: Verb,
        /// What it calls itself.
        name: Host<'a>,
    },
    /// MAIL.
    Mail(Mail<'a>),
    /// RCPT.
    Rcpt(Rcpt<'a>),
    /// DATA.
    Data,
    /// RSET.
    Rset,
    /// NOOP and its text, which means nothing.
    Noop(FreeText<'a>),
    /// QUIT.
    Quit,
    /// VRFY, EXPN or HELP and its text, for HELP also empty.
    Query {
        /// One of the three.
        verb: Verb,
        /// What is asked for.
        text: FreeText<'a>,
        /// The text and the reply may be UTF-8 (RFC 6531 3.7.4.2); never for HELP.
        smtputf8: bool,
    },
    /// STARTTLS.
    StartTls,
    /// AUTH.
    Auth(Auth<'a>),
    /// BDAT: so many octets of content stand directly behind the line.
    Bdat {
        /// The octets of the chunk; nothing may be allocated from this number.
        octets: u64,
        /// Whether it is the last one.
        last: Last,
    },
    /// A verb that is known by name, and whose arguments are not read here.
    Unsupported(Verb),
}

/// Whether a chunk ends the message (RFC 3030 2).
///
/// ```
/// use smtp_proto::{Command, Last};
///
/// let last = Command::parse(b"BDAT 0 LAST")?;
/// assert_eq!(last, Command::Bdat { octets: 0, last: Last::Yes });
/// # Ok::<(), smtp_proto::ParseError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(clippy::exhaustive_enums, reason = "a chunk is the last or it is not")]
pub enum Last {
    /// More chunks follow.
    No,
    /// The message is whole.
    Yes,
}

/// The text of NOOP, VRFY, EXPN and HELP: printable US-ASCII in one line, or nothing (RFC 5321 2.4).
///
/// ```
/// use smtp_proto::FreeText;
///
/// assert_eq!(FreeText::new("Joe Smith").map(|text| text.as_str()), Some("Joe Smith"));
/// assert_eq!(FreeText::new("x\r\nQUIT"), None);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct FreeText<'a>(&'a str);

impl<'a> FreeText<'a> {
    /// The text; `None` where it holds anything but printable US-ASCII.
    #[must_use]
    pub fn new(text: &'a str) -> Option<Self> {
        text.bytes().all(chars::is_printable).then_some(Self(text))
    }

    /// Text that may be UTF-8, for VRFY and EXPN with SMTPUTF8; `None` where it holds a control character.
    #[must_use]
    pub fn utf8(text: &'a str) -> Option<Self> {
        text.bytes().all(is_utf8_text).then_some(Self(text))
    }

    /// The text.
    #[must_use]
    pub const fn as_str(&self) -> &'a str {
        self.0
    }
}

/// MAIL: who sends the message, and how it is to be treated.
///
/// ```
/// use smtp_proto::{Command, ReversePath};
///
/// let Command::Mail(mail) = Command::parse(b"MAIL FROM:<> SIZE=100")? else { unreachable!() };
/// assert_eq!((mail.from, mail.params.size()), (ReversePath::Null, Some(100)));
/// # Ok::<(), smtp_proto::ParseError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(clippy::exhaustive_structs, reason = "the command has these two parts")]
pub struct Mail<'a> {
    /// The reverse-path.
    pub from: ReversePath<'a>,
    /// Its parameters.
    pub params: MailParams<'a>,
}

/// RCPT: one recipient, and what its sender wants to hear of it.
///
/// ```
/// use smtp_proto::Command;
///
/// let Command::Rcpt(rcpt) = Command::parse(b"RCPT TO:<bob@x.test>")? else { unreachable!() };
/// assert_eq!(rcpt.to.to_string(), "bob@x.test");
/// # Ok::<(), smtp_proto::ParseError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(clippy::exhaustive_structs, reason = "the command has these two parts")]
pub struct Rcpt<'a> {
    /// The forward-path.
    pub to: ForwardPath<'a>,
    /// Its parameters.
    pub params: RcptParams<'a>,
}

impl<'a> Command<'a> {
    /// Reads a line, which comes without its CRLF, by the grammar of the RFCs.
    ///
    /// # Errors
    ///
    /// What was expected, and where. [`ParseError::reply`] is the answer that a server gives.
    pub fn parse(line: &'a [u8]) -> Result<Self, ParseError> {
        Self::parse_with(line, Syntax::STRICT)
    }

    /// Reads a line with the tolerances of `syntax`.
    ///
    /// # Errors
    ///
    /// As [`parse`](Self::parse).
    pub fn parse_with(line: &'a [u8], syntax: Syntax) -> Result<Self, ParseError> {
        let line = if syntax.contains(Syntax::TRAILING_SPACE) { trim_end(line) } else { line };
        let (verb, rest) = Verb::split_from(line).map_err(|kind| ParseError::new(0, kind))?;
        let arguments = Arguments { line, rest, syntax };
        match verb {
            Verb::Mail => arguments.mail(),
            Verb::Rcpt => arguments.rcpt(),
            Verb::Data => arguments.none(Self::Data),
            Verb::Rset => arguments.none(Self::Rset),
            Verb::Quit => arguments.none(Self::Quit),
            Verb::Ehlo | Verb::Helo | Verb::Lhlo => arguments.hello(verb),
            Verb::Noop => arguments.text().map(Self::Noop),
            Verb::Help => arguments.text().map(|text| Self::Query { verb, text, smtputf8: false }),
            Verb::Vrfy | Verb::Expn => arguments.query(verb),
            Verb::StartTls => arguments.none(Self::StartTls),
            Verb::Auth => Auth::parse(arguments.argument()?, line.len()).map(Self::Auth),
            Verb::Bdat => arguments.chunk(),
            _ => Ok(Self::Unsupported(verb)),
        }
    }

    /// The verb.
    #[must_use]
    pub const fn verb(&self) -> Verb {
        match self {
            Self::Hello { verb, .. } | Self::Query { verb, .. } | Self::Unsupported(verb) => *verb,
            Self::Mail(_) => Verb::Mail,
            Self::Rcpt(_) => Verb::Rcpt,
            Self::Data => Verb::Data,
            Self::Rset => Verb::Rset,
            Self::Noop(_) => Verb::Noop,
            Self::Quit => Verb::Quit,
            Self::StartTls => Verb::StartTls,
            Self::Auth(_) => Verb::Auth,
            Self::Bdat { .. } => Verb::Bdat,
        }
    }

    /// Appends the wire form, CRLF included.
    pub fn encode(&self, out: &mut impl BufMut) {
        out.put_slice(self.verb().name().as_bytes());
        match self {
            Self::Hello { name, .. } => {
                out.put_u8(b' ');
                name.encode(out);
            }
            Self::Mail(Mail { from, params }) => {
                out.put_slice(b" FROM:");
                from.encode(out);
                params.encode(out);
            }
            Self::Rcpt(Rcpt { to, params }) => {
                out.put_slice(b" TO:");
                to.encode(out);
                params.encode(out);
            }
            Self::Noop(text) if !text.0.is_empty() => put_word(out, text.0),
            Self::Query { text, smtputf8, .. } => {
                if !text.0.is_empty() {
                    put_word(out, text.0);
                }
                if *smtputf8 {
                    put_word(out, SMTPUTF8);
                }
            }
            Self::Auth(Auth { mechanism, initial }) => {
                put_word(out, mechanism.as_str());
                match initial {
                    Some(initial) if initial.as_str().is_empty() => put_word(out, "="),
                    Some(initial) => put_word(out, initial.as_str()),
                    None => {}
                }
            }
            Self::Bdat { octets, last } => {
                let mut number = Fixed::<20>::default();
                // A number of 64 bits has 20 digits at most.
                let _ = write!(number, "{octets}");
                out.put_u8(b' ');
                out.put_slice(number.as_bytes());
                if *last == Last::Yes {
                    put_word(out, LAST);
                }
            }
            _ => {}
        }
        out.put_slice(b"\r\n");
    }
}

const FROM: Word = Word::new("FROM:");
const TO: Word = Word::new("TO:");
/// The word behind the text of VRFY and EXPN.
const SMTPUTF8: &str = "SMTPUTF8";
/// The word behind the size of the last chunk.
const LAST: &str = "LAST";

fn put_word(out: &mut impl BufMut, word: &str) {
    out.put_u8(b' ');
    out.put_slice(word.as_bytes());
}

/// RFC 5321 4.1.1: white space in front of the CRLF is tolerated.
fn trim_end(mut line: &[u8]) -> &[u8] {
    while let [rest @ .., b' ' | b'\t'] = line {
        line = rest;
    }
    line
}

/// What stands behind the verb, the last part of the line.
#[derive(Clone, Copy)]
struct Arguments<'a> {
    line: &'a [u8],
    rest: &'a [u8],
    syntax: Syntax,
}

impl<'a> Arguments<'a> {
    fn error(&self, rest: &[u8], kind: ParseErrorKind) -> ParseError {
        ParseError::new(self.line.len().saturating_sub(rest.len()), kind)
    }

    fn none(&self, command: Command<'a>) -> Result<Command<'a>, ParseError> {
        if self.rest.is_empty() {
            Ok(command)
        } else {
            Err(self.error(self.rest, ParseErrorKind::End))
        }
    }

    /// What stands behind the one space that separates the verb from its argument.
    fn argument(&self) -> Result<&'a [u8], ParseError> {
        let argument = self
            .rest
            .strip_prefix(b" ")
            .ok_or_else(|| self.error(self.rest, ParseErrorKind::Argument))?;
        Ok(self.spaces(argument))
    }

    fn hello(&self, verb: Verb) -> Result<Command<'a>, ParseError> {
        let argument = self.argument()?;
        let fault = |at: usize| {
            ParseError::new(
                self.line.len().saturating_sub(argument.len()).saturating_add(at),
                ParseErrorKind::HelloName,
            )
        };
        let name = Host::parse_with(argument, self.syntax).map_err(|error| fault(error.at))?;
        // RFC 5321 4.1.1.1: HELO takes a domain alone. RFC 6531 3.3 leaves the domain of EHLO in US-ASCII.
        let strict_helo = verb == Verb::Helo && !self.syntax.contains(Syntax::LITERAL_IN_HELO);
        if !argument.is_ascii() || (strict_helo && matches!(name, Host::Literal(_))) {
            return Err(fault(0));
        }
        Ok(Command::Hello { verb, name })
    }

    // Apart from the other commands, because all that reads a path is inlined here: see `path`.
    #[inline(never)]
    fn mail(&self) -> Result<Command<'a>, ParseError> {
        let start = self.path(&FROM, ParseErrorKind::From)?;
        let input = Input::new(self.line);
        let (from, behind) = ReversePath::at(&input, start, self.mailbox_syntax())?;
        let params = MailParams::behind(&input, behind, self.syntax)?;
        Ok(Command::Mail(Mail { from, params }))
    }

    #[inline(never)]
    fn rcpt(&self) -> Result<Command<'a>, ParseError> {
        let start = self.path(&TO, ParseErrorKind::To)?;
        let input = Input::new(self.line);
        let (to, behind) = ForwardPath::at(&input, start, self.mailbox_syntax())?;
        let params = RcptParams::behind(&input, behind, self.syntax)?;
        Ok(Command::Rcpt(Rcpt { to, params }))
    }

    /// The underscore is tolerated in a hello only.
    const fn mailbox_syntax(&self) -> Syntax {
        self.syntax.without(Syntax::UNDERSCORE)
    }

    /// Where the path stands behind `FROM:` or `TO:`.
    #[inline]
    fn path(&self, word: &Word, kind: ParseErrorKind) -> Result<usize, ParseError> {
        let argument = self.argument()?;
        let path = Front::of(argument).behind(word).ok_or_else(|| self.error(argument, kind))?;
        // RFC 5321 3.3: no space on either side of the colon.
        let tolerated = self.syntax.contains(Syntax::SPACE_AFTER_COLON);
        let path = if tolerated { skip_spaces(path) } else { path };
        Ok(self.line.len().wrapping_sub(path.len()))
    }

    /// Free text, or none.
    fn text(&self) -> Result<FreeText<'a>, ParseError> {
        if self.rest.is_empty() { Ok(FreeText("")) } else { self.printable(self.argument()?) }
    }

    /// RFC 6531 3.7.4.2: the text may be UTF-8 where SMTPUTF8 stands behind it.
    fn query(&self, verb: Verb) -> Result<Command<'a>, ParseError> {
        let argument = self.argument()?;
        if argument.is_empty() {
            return Err(self.error(argument, ParseErrorKind::Argument));
        }
        let end = argument.len().saturating_sub(SMTPUTF8.len()).saturating_sub(1);
        match argument.split_at_checked(end) {
            Some((text, [b' ', word @ ..]))
                if end > 0 && word.eq_ignore_ascii_case(SMTPUTF8.as_bytes()) =>
            {
                let text = match core::str::from_utf8(text) {
                    Ok(text) if text.bytes().all(is_utf8_text) => FreeText(text),
                    _ => return Err(self.error(argument, ParseErrorKind::Text)),
                };
                Ok(Command::Query { verb, text, smtputf8: true })
            }
            _ => {
                let text = self.printable(argument)?;
                Ok(Command::Query { verb, text, smtputf8: false })
            }
        }
    }

    /// RFC 3030 2. Digits only, and the number fits: else nobody knows where the chunk ends.
    fn chunk(&self) -> Result<Command<'a>, ParseError> {
        let argument = self.argument()?;
        let digits = argument.iter().take_while(|octet| octet.is_ascii_digit()).count();
        let (number, rest) = argument.split_at_checked(digits).unwrap_or((argument, &[]));
        let add = |size: u64, digit: &u8| {
            size.checked_mul(10)?.checked_add(u64::from(digit.wrapping_sub(b'0')))
        };
        let octets = number
            .iter()
            .try_fold(0u64, add)
            .filter(|_| !number.is_empty())
            .ok_or_else(|| self.error(argument, ParseErrorKind::ChunkSize))?;
        let last = match rest.strip_prefix(b" ") {
            None if rest.is_empty() => Last::No,
            Some(word) if self.spaces(word).eq_ignore_ascii_case(LAST.as_bytes()) => Last::Yes,
            _ => return Err(self.error(rest, ParseErrorKind::Last)),
        };
        Ok(Command::Bdat { octets, last })
    }

    /// What stands behind more spaces than one, where they are tolerated.
    fn spaces(&self, text: &'a [u8]) -> &'a [u8] {
        if self.syntax.contains(Syntax::TWO_SPACES) { skip_spaces(text) } else { text }
    }

    /// RFC 5321 2.4: commands are US-ASCII.
    fn printable(&self, text: &'a [u8]) -> Result<FreeText<'a>, ParseError> {
        let at = text.iter().position(|&octet| !chars::is_printable(octet)).unwrap_or(text.len());
        match core::str::from_utf8(text) {
            Ok(text) if at == text.len() => Ok(FreeText(text)),
            _ => Err(self.error(text.get(at..).unwrap_or_default(), ParseErrorKind::Text)),
        }
    }
}

/// An octet of text that may be UTF-8.
const fn is_utf8_text(octet: u8) -> bool {
    chars::is_printable(octet) || octet >= 0x80
}

fn skip_spaces(mut text: &[u8]) -> &[u8] {
    while let [b' ', rest @ ..] = text {
        text = rest;
    }
    text
}

impl Mail<'_> {
    /// A copy that owns its text.
    #[must_use]
    pub fn to_owned(&self) -> MailBuf {
        MailBuf { from: self.from.to_owned(), params: self.params.to_owned() }
    }
}

impl Rcpt<'_> {
    /// A copy that owns its text.
    #[must_use]
    pub fn to_owned(&self) -> RcptBuf {
        RcptBuf { to: self.to.to_owned(), params: self.params.to_owned() }
    }
}

/// The owned twin of [`Mail`].
///
/// ```
/// use smtp_proto::{MailBuf, MailParamsBuf};
///
/// let mail = MailBuf { from: "alice@x.test".parse()?, params: MailParamsBuf::new() };
/// assert_eq!(mail.as_ref().from.to_string(), "alice@x.test");
/// # Ok::<(), smtp_proto::ParseError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[expect(clippy::exhaustive_structs, reason = "the command has these two parts")]
pub struct MailBuf {
    /// The reverse-path.
    pub from: ReversePathBuf,
    /// Its parameters.
    pub params: MailParamsBuf,
}

impl MailBuf {
    /// The borrowed form.
    #[must_use]
    pub fn as_ref(&self) -> Mail<'_> {
        Mail { from: self.from.as_ref(), params: self.params.as_ref() }
    }
}

/// The owned twin of [`Rcpt`].
///
/// ```
/// use smtp_proto::{RcptBuf, RcptParamsBuf};
///
/// let rcpt = RcptBuf { to: "bob@x.test".parse()?, params: "NOTIFY=NEVER".parse()? };
/// assert_eq!(rcpt.as_ref().params.notify(), Some(smtp_proto::Notify::NEVER));
/// # Ok::<(), smtp_proto::ParseError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[expect(clippy::exhaustive_structs, reason = "the command has these two parts")]
pub struct RcptBuf {
    /// The forward-path.
    pub to: ForwardPathBuf,
    /// Its parameters.
    pub params: RcptParamsBuf,
}

impl RcptBuf {
    /// The borrowed form.
    #[must_use]
    pub fn as_ref(&self) -> Rcpt<'_> {
        Rcpt { to: self.to.as_ref(), params: self.params.as_ref() }
    }
}

#[cfg(test)]
mod tests;
