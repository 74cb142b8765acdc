//! What a parser says when octets are not what the grammar wants.

use super::{Code, Condition, EnhancedCode, Reply, Verb};
use crate::steps;

/// Where a value stops being well-formed, and what was expected there.
///
/// ```
/// use smtp_proto::{MailboxBuf, ParseErrorKind};
///
/// let error = "postmaster".parse::<MailboxBuf>().unwrap_err();
/// assert_eq!((error.at, error.kind), (10, ParseErrorKind::At));
/// assert_eq!(error.to_string(), "octet 10: expected \"@\" and a domain");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[error("octet {at}: {kind}")]
#[non_exhaustive]
pub struct ParseError {
    /// Octets in front of the place, counted from the first octet that was given to the parser.
    pub at: usize,
    /// What was expected there.
    pub kind: ParseErrorKind,
}

impl ParseError {
    pub(crate) const fn new(at: usize, kind: ParseErrorKind) -> Self {
        Self { at, kind }
    }

    /// The reply that a server gives to a command with this fault. `verb` is the command's; `None` where it has none that is known.
    ///
    /// Source: RFC 5321 4.2.4 and 4.3.2, enhanced codes by the registry of RFC 5248.
    #[must_use]
    pub const fn reply(self, verb: Option<Verb>) -> Reply<'static> {
        use ParseErrorKind as Kind;
        match self.kind {
            Kind::Verb => Reply::new(Code::SYNTAX_ERROR, Some(SYNTAX), "Command not recognised"),
            Kind::ForeignProtocol => {
                Reply::new(Code::SYNTAX_ERROR, Some(SYNTAX), "This is an SMTP server")
            }
            Kind::Text => {
                Reply::new(Code::SYNTAX_ERROR, Some(SYNTAX), "Printable US-ASCII expected")
            }
            Kind::Base64 => Reply::new(Code::BAD_ARGUMENTS, Some(SYNTAX), "Base64 expected"),
            Kind::Duplicate => {
                Reply::new(Code::BAD_ARGUMENTS, Some(ARGUMENTS), "Parameter given twice")
            }
            _ if self.kind.is_path() => match verb {
                Some(Verb::Mail) => {
                    Reply::new(Code::BAD_ARGUMENTS, Some(SENDER), "Bad sender address syntax")
                }
                _ => {
                    Reply::new(Code::BAD_ARGUMENTS, Some(RECIPIENT), "Bad recipient address syntax")
                }
            },
            _ => Reply::new(
                Code::BAD_ARGUMENTS,
                Some(ARGUMENTS),
                "Syntax error in parameters or arguments",
            ),
        }
    }
}

const SYNTAX: EnhancedCode = Condition::SYNTAX_ERROR.permanent();
const ARGUMENTS: EnhancedCode = Condition::INVALID_COMMAND_ARGUMENTS.permanent();
const SENDER: EnhancedCode = Condition::BAD_SENDER_MAILBOX_SYNTAX.permanent();
const RECIPIENT: EnhancedCode = Condition::BAD_DESTINATION_MAILBOX_SYNTAX.permanent();

/// What was expected where a parser stopped.
///
/// ```
/// use smtp_proto::{Command, ParseErrorKind};
///
/// let error = Command::parse(b"MAIL FROM:<a@>").unwrap_err();
/// assert_eq!(error.kind, ParseErrorKind::Domain);
/// assert!(error.kind.is_path());
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum ParseErrorKind {
    /// No verb that is known.
    #[error("expected a verb")]
    Verb,
    /// An HTTP method, a header line or a TLS hello stands where a command should.
    #[error("this is another protocol or a line of a message, not a command")]
    ForeignProtocol,
    /// Free text holds an octet that is not printable US-ASCII.
    #[error("expected printable US-ASCII")]
    Text,
    /// The command takes no argument.
    #[error("expected the end of the command")]
    End,
    /// The command wants an argument, behind one space.
    #[error("expected a space and an argument")]
    Argument,
    /// MAIL without `FROM:`.
    #[error("expected \"FROM:\"")]
    From,
    /// RCPT without `TO:`.
    #[error("expected \"TO:\"")]
    To,
    /// The argument of EHLO, HELO or LHLO.
    #[error("expected a domain or an address literal")]
    HelloName,
    /// `1*DIGIT`, which fits 64 bits, as the size of a chunk.
    #[error("expected the number of octets of the chunk")]
    ChunkSize,
    /// `LAST` or nothing behind the size of a chunk.
    #[error("expected \"LAST\" or the end behind the size of the chunk")]
    Last,
    /// `sasl-mech`, at most 20 letters, digits, hyphens and underscores.
    #[error("expected the name of a mechanism")]
    Mechanism,
    /// Base64 with its padding, or `=` for an empty initial response.
    #[error("expected base64")]
    Base64,
    /// Something stands directly behind the path.
    #[error("expected a space or the end behind the path")]
    PathFollow,

    /// A path begins with `<`.
    #[error("expected \"<\"")]
    PathStart,
    /// A path ends with `>`.
    #[error("expected \">\"")]
    PathEnd,
    /// The null path is a reverse-path only.
    #[error("expected a mailbox: the null path is no forward-path")]
    NullPath,
    /// `Dot-string / Quoted-string`.
    #[error("expected a local part")]
    LocalPart,
    /// A mailbox needs a domain.
    #[error("expected \"@\" and a domain")]
    At,
    /// `sub-domain *( "." sub-domain )`, each of at most 63 octets.
    #[error("expected a domain")]
    Domain,
    /// `"[" ( IPv4 / "IPv6:" IPv6-addr ) "]"`.
    #[error("expected an IPv4 or IPv6 address literal")]
    AddressLiteral,
    /// A general address literal: no tag is registered for one (RFC 5321 4.1.3).
    #[error("this address literal has a tag that is not registered")]
    UnregisteredLiteral,
    /// Malformed UTF-8 (RFC 3629 4).
    #[error("expected well-formed UTF-8")]
    Utf8,
    /// Over 64 octets (RFC 5321 4.5.3.1.1).
    #[error("the local part is longer than 64 octets")]
    LocalPartTooLong,
    /// Over 255 octets (RFC 5321 4.5.3.1.2).
    #[error("the domain is longer than 255 octets")]
    DomainTooLong,
    /// Over 256 octets with its brackets (RFC 5321 4.5.3.1.3).
    #[error("the path is longer than 256 octets")]
    PathTooLong,

    /// `esmtp-keyword`, behind one space.
    #[error("expected a parameter keyword")]
    Keyword,
    /// `esmtp-value`: never empty, no `=`.
    #[error("expected a parameter value")]
    Value,
    /// The parameter takes no value.
    #[error("this parameter takes no value")]
    NoValue,
    /// The parameter was given before.
    #[error("this parameter was given before")]
    Duplicate,
    /// The name has a meaning here, and cannot be given another.
    #[error("this name is known here already")]
    Known,
    /// The line is longer than a reply may be (RFC 5321 4.5.3.1.5).
    #[error("the line is too long")]
    LineTooLong,
    /// More than 32 parameters.
    #[error("too many parameters")]
    TooManyParameters,
    /// `SIZE=1*20DIGIT`.
    #[error("expected a size of 1 to 20 digits")]
    Size,
    /// `BODY=` one of three words.
    #[error("expected 7BIT, 8BITMIME or BINARYMIME")]
    Body,
    /// `RET=` one of two words.
    #[error("expected FULL or HDRS")]
    Ret,
    /// `ENVID=` xtext of at most 100 octets that decodes to printable US-ASCII.
    #[error("expected xtext of at most 100 octets, of printable US-ASCII")]
    Envid,
    /// `AUTH=` a mailbox or `<>`, as xtext.
    #[error("expected a mailbox or \"<>\", as xtext")]
    AuthParameter,
    /// `NOTIFY=` NEVER, or a list of the other words.
    #[error("expected NEVER alone, or a list of SUCCESS, FAILURE and DELAY")]
    Notify,
    /// `ORCPT=` an address type, a semicolon and an encoded address.
    #[error("expected an address type, a semicolon and an encoded address of at most 500 octets")]
    Orcpt,

    /// Three digits, the first of them 2 to 5.
    #[error("expected a reply code")]
    ReplyCode,
    /// A space, a hyphen or the end behind the code.
    #[error("expected a space or a hyphen behind the reply code")]
    ReplySeparator,
    /// All lines of a reply carry one code (RFC 5321 4.2.1).
    #[error("the lines of the reply have different codes")]
    MixedCodes,
    /// A reply ends with CRLF, and neither CR nor LF stands anywhere else.
    #[error("expected the line to end in CRLF and to hold no other CR or LF")]
    LineEnd,
}

impl ParseErrorKind {
    /// Whether the fault lies in a path or mailbox.
    #[must_use]
    pub const fn is_path(self) -> bool {
        matches!(
            self,
            Self::PathStart
                | Self::PathEnd
                | Self::NullPath
                | Self::LocalPart
                | Self::At
                | Self::Domain
                | Self::AddressLiteral
                | Self::UnregisteredLiteral
                | Self::Utf8
                | Self::LocalPartTooLong
                | Self::DomainTooLong
                | Self::PathTooLong
        )
    }
}

/// How nom's parsers report here: what was left of the input, from which the place follows by subtraction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Failure {
    pub(crate) left: usize,
    pub(crate) kind: ParseErrorKind,
}

impl Failure {
    /// The error of a parser that was given `whole` octets.
    pub(crate) const fn within(self, whole: usize) -> ParseError {
        ParseError::new(whole.saturating_sub(self.left), self.kind)
    }
}

/// A leaf of the grammar fails without a kind of its own; [`expect`] names it.
impl<'a> nom::error::ParseError<&'a [u8]> for Failure {
    #[inline]
    fn from_error_kind(input: &'a [u8], _: nom::error::ErrorKind) -> Self {
        Self { left: input.len(), kind: ParseErrorKind::Text }
    }

    #[inline]
    fn append(_: &'a [u8], _: nom::error::ErrorKind, other: Self) -> Self {
        other
    }
}

/// Names what `parser` expects: `kind` replaces whatever its leaves said, the place stays theirs.
#[inline]
pub(crate) fn expect<'a, P>(
    kind: ParseErrorKind,
    parser: P,
) -> impl nom::Parser<&'a [u8], Output = P::Output, Error = Failure>
where
    P: nom::Parser<&'a [u8], Error = Failure>,
{
    Named { parser, kind }
}

struct Named<P> {
    parser: P,
    kind: ParseErrorKind,
}

impl<'a, P: nom::Parser<&'a [u8], Error = Failure>> nom::Parser<&'a [u8]> for Named<P> {
    type Output = P::Output;
    type Error = Failure;

    #[inline]
    fn process<M: nom::OutputMode>(
        &mut self,
        input: &'a [u8],
    ) -> nom::PResult<M, &'a [u8], Self::Output, Failure> {
        use nom::Mode;
        steps::took(1);
        let kind = self.kind;
        self.parser.process::<M>(input).map_err(|error| match error {
            nom::Err::Error(failure) => {
                nom::Err::Error(M::Error::map(failure, |failure| Failure { kind, ..failure }))
            }
            nom::Err::Failure(failure) => nom::Err::Failure(failure),
            nom::Err::Incomplete(needed) => nom::Err::Incomplete(needed),
        })
    }
}

/// Runs `parser` over the front of `input`, the last part of `whole` octets.
#[inline]
pub(crate) fn prefix<'a, P>(
    parser: &mut P,
    input: &'a [u8],
    whole: usize,
) -> Result<(&'a [u8], P::Output), ParseError>
where
    P: nom::Parser<&'a [u8], Error = Failure>,
{
    parser.parse_complete(input).map_err(|error| match error {
        nom::Err::Error(failure) | nom::Err::Failure(failure) => failure.within(whole),
        // Parsers run complete here: they never ask for more.
        nom::Err::Incomplete(_) => ParseError::new(whole, ParseErrorKind::End),
    })
}
