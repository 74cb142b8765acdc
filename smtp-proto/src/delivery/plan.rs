//! How a letter can go to a server, or why it cannot: pure, from what the server offers.

use alloc::borrow::Cow;
use alloc::string::ToString;
use alloc::vec::Vec;

use super::{Envelope, Survey};
use crate::data::LineEnds;
use crate::{Body, Condition, EnhancedCode, Extension, Extensions, MailParams, MailParamsBuf};
use crate::{OriginalRecipient, Param, RcptParams, RcptParamsBuf};

/// What a letter's content is like.
///
/// ```
/// use smtp_proto::delivery::Content;
///
/// let content = Content::seven_bit().with_octets(1234);
/// assert_eq!(content.octets(), Some(1234));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Content {
    pub(super) octets: Option<u64>,
    pub(super) eight_bit: bool,
    pub(super) utf8: bool,
    pub(super) binary: bool,
}

impl Content {
    /// US-ASCII.
    #[must_use]
    pub const fn seven_bit() -> Self {
        Self { octets: None, eight_bit: false, utf8: false, binary: false }
    }

    /// Octets over 127 in its bodies.
    #[must_use]
    pub const fn eight_bit() -> Self {
        Self { eight_bit: true, ..Self::seven_bit() }
    }

    /// UTF-8 in its header fields too (RFC 6532).
    #[must_use]
    pub const fn utf8() -> Self {
        Self { utf8: true, ..Self::eight_bit() }
    }

    /// Any octets, not made of lines (RFC 3030 3).
    #[must_use]
    pub const fn binary() -> Self {
        Self { binary: true, ..Self::eight_bit() }
    }

    /// What these octets are, their length included; with NUL they are binary.
    #[must_use]
    pub fn of(octets: &[u8]) -> Self {
        let mut survey = Survey::new(LineEnds::Refuse);
        survey.take(octets);
        survey.content()
    }

    /// The same, of a length that is known, as RFC 1870 5 counts it: with CRLFs, without doubled dots.
    #[must_use]
    pub const fn with_octets(self, octets: u64) -> Self {
        Self { octets: Some(octets), ..self }
    }

    /// The same, of a length that is not told.
    #[must_use]
    pub const fn without_octets(self) -> Self {
        Self { octets: None, ..self }
    }

    /// Its length, where it is known.
    #[must_use]
    pub const fn octets(&self) -> Option<u64> {
        self.octets
    }
}

/// Why a letter, or a recipient, cannot go to this server.
///
/// ```
/// use smtp_proto::delivery::Unsendable;
///
/// assert_eq!(Unsendable::TooBig.enhanced().to_string(), "5.3.4");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum Unsendable {
    /// 8-bit content, and no 8BITMIME: a conversion to quoted-printable or base64 would help (RFC 6152 3).
    #[error("the content is 8-bit and the server does not offer 8BITMIME")]
    EightBit,
    /// UTF-8 in header fields, and no SMTPUTF8 (RFC 6531 3.2).
    #[error("the letter needs SMTPUTF8 and the server does not offer it")]
    Utf8Content,
    /// Binary content, and no BINARYMIME or no CHUNKING: base64 would help (RFC 3030 3).
    #[error("the content is binary and the server does not offer BINARYMIME")]
    Binary,
    /// The letter has REQUIRETLS, and the server does not offer it (RFC 8689 4.2.1).
    #[error("the letter requires TLS all the way and the server does not offer REQUIRETLS")]
    RequireTls,
    /// The letter has REQUIRETLS, and the server may be another than it should be (RFC 8689 4.2.1). It is found when the letter is sent.
    #[error("the letter requires TLS all the way and the server is not known by its certificate")]
    Unverified,
    /// A UTF-8 address, and no SMTPUTF8 (RFC 6531 3.2).
    #[error("the address is UTF-8 and the server does not offer SMTPUTF8")]
    Utf8Address,
    /// Larger than the server's SIZE (RFC 1870 6.1).
    #[error("the message is larger than the server takes")]
    TooBig,
}

impl Unsendable {
    /// The enhanced code for a report.
    #[must_use]
    pub const fn enhanced(self) -> EnhancedCode {
        match self {
            Self::RequireTls => Condition::REQUIRE_TLS_SUPPORT_REQUIRED.permanent(),
            // RFC 8689 4.2.1.
            Self::Unverified => Condition::ENCRYPTION_NEEDED.permanent(),
            Self::EightBit | Self::Binary => {
                Condition::CONVERSION_REQUIRED_NOT_SUPPORTED.permanent()
            }
            Self::Utf8Content => Condition::UTF8_MESSAGE_CANNOT_BE_TRANSFERRED.permanent(),
            Self::Utf8Address => Condition::NON_ASCII_ADDRESS_NOT_PERMITTED.permanent(),
            Self::TooBig => Condition::MESSAGE_TOO_BIG_FOR_SYSTEM.permanent(),
        }
    }
}

/// How a letter goes to one server.
///
/// ```
/// use smtp_proto::Extensions;
/// use smtp_proto::delivery::{Content, Delivery, Envelope};
///
/// let envelope = Envelope::new("me@x.test", ["you@y.test"])?;
/// let plan = Delivery::plan(&Extensions::none().with_size(0), &envelope, Content::seven_bit().with_octets(7))?;
/// assert_eq!(plan.mail().to_string(), "SIZE=7");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct Plan {
    mail: MailParamsBuf,
    keeps_dsn: bool,
    drops_dsn: bool,
    /// The server offers CHUNKING.
    chunking: bool,
    chunks: bool,
    binary: bool,
    unsendable: Vec<(usize, Unsendable)>,
}

impl Plan {
    /// The parameters that MAIL will have.
    #[must_use]
    pub fn mail(&self) -> MailParams<'_> {
        self.mail.as_ref()
    }

    /// The parameters that RCPT will have, of those that came with the letter: of DSN alone. An ORCPT in UTF-8 is sent in its 7-bit form
    /// where the transaction has no SMTPUTF8 (RFC 6533 3); where that is over 500 octets it cannot go on, and alone is left out.
    #[must_use]
    pub fn recipient(&self, params: RcptParams<'_>) -> RcptParamsBuf {
        let mut sent = RcptParamsBuf::new();
        if !self.keeps_dsn {
            return sent;
        }
        let mut add = |keyword: &str, value: &str| {
            // A value that was read is well-formed, and comes once.
            if let Ok(more) = sent.with(keyword, Some(value)) {
                sent = more;
            }
        };
        if let Some(notify) = params.notify() {
            add("NOTIFY", &notify.to_string());
        }
        if let Some(orcpt) = params.orcpt().and_then(|it| orcpt(it, self.mail().smtputf8())) {
            add("ORCPT", &orcpt);
        }
        sent
    }

    /// The same by BDAT, where the server offers CHUNKING; without this only content that is binary goes so.
    #[must_use]
    pub fn in_chunks(self) -> Self {
        Self { chunks: self.chunking, ..self }
    }

    /// Whether the content goes by BDAT.
    #[must_use]
    pub const fn uses_chunks(&self) -> bool {
        self.chunks
    }

    pub(super) const fn is_binary(&self) -> bool {
        self.binary
    }

    /// Whether the DSN parameters of the recipients are sent.
    #[must_use]
    pub const fn keeps_dsn(&self) -> bool {
        self.keeps_dsn
    }

    /// Whether the letter came with DSN parameters that do not go on: this server takes none (RFC 3461 5.2.2), or not this ORCPT.
    #[must_use]
    pub const fn drops_dsn(&self) -> bool {
        self.drops_dsn
    }

    /// The recipients who cannot go to this server, as places in the envelope.
    pub fn unsendable(&self) -> impl Iterator<Item = (usize, Unsendable)> + '_ {
        self.unsendable.iter().copied()
    }
}

pub(super) fn plan(
    offered: &Extensions,
    envelope: &Envelope<'_>,
    content: Content,
) -> Result<Plan, Unsendable> {
    let smtputf8 = offered.contains(Extension::SmtpUtf8);
    if content.utf8 && !smtputf8 {
        return Err(Unsendable::Utf8Content);
    }
    if !envelope.from().is_ascii() && !smtputf8 {
        return Err(Unsendable::Utf8Address);
    }
    let chunking = offered.contains(Extension::Chunking);
    if content.binary {
        if !chunking || !offered.contains(Extension::BinaryMime) {
            return Err(Unsendable::Binary);
        }
    } else if content.eight_bit && !offered.contains(Extension::EightBitMime) {
        return Err(Unsendable::EightBit);
    }
    if envelope.params().requiretls() && !offered.contains(Extension::RequireTls) {
        return Err(Unsendable::RequireTls);
    }
    // RFC 1870 3: a maximum of 0 is none.
    let most = offered.size().filter(|&octets| octets != 0).unwrap_or(u64::MAX);
    if content.octets.is_some_and(|octets| octets > most) {
        return Err(Unsendable::TooBig);
    }
    let utf8_rcpt =
        |(index, rcpt): (usize, crate::Rcpt<'_>)| (!rcpt.to.is_ascii()).then_some(index);
    let utf8_rcpts: Vec<usize> = envelope.recipients().enumerate().filter_map(utf8_rcpt).collect();
    let needs_utf8 = content.utf8 || !envelope.from().is_ascii() || !utf8_rcpts.is_empty();
    let keeps_dsn = offered.contains(Extension::Dsn);
    let asks_dsn =
        dsn(envelope).next().is_some() || envelope.recipients().any(|rcpt| !rcpt.params.is_empty());
    let sends_utf8 = needs_utf8 && smtputf8;
    let mut orcpts = envelope.recipients().filter_map(|rcpt| rcpt.params.orcpt());
    let drops_orcpt = orcpts.any(|it| orcpt(it, sends_utf8).is_none());
    Ok(Plan {
        mail: parameters(offered, envelope, content, sends_utf8),
        keeps_dsn,
        drops_dsn: asks_dsn && !keeps_dsn || drops_orcpt,
        chunking,
        chunks: content.binary,
        binary: content.binary,
        unsendable: match smtputf8 {
            true => Vec::new(),
            false => utf8_rcpts.into_iter().map(|index| (index, Unsendable::Utf8Address)).collect(),
        },
    })
}

/// The ORCPT that is sent, in UTF-8 where that may be; `None` where its 7-bit form is longer than one may be (RFC 3461 4.2, RFC 6533 3).
fn orcpt(orcpt: OriginalRecipient<'_>, utf8: bool) -> Option<Cow<'_, str>> {
    if utf8 || orcpt.as_str().is_ascii() {
        return Some(orcpt.as_str().into());
    }
    let encoded = OriginalRecipient::encode(&orcpt.address());
    OriginalRecipient::parse(&encoded).is_some().then(|| encoded.into())
}

/// The DSN parameters that came with the letter.
fn dsn<'e>(envelope: &Envelope<'e>) -> impl Iterator<Item = Param<'e>> {
    let is = |param: &Param<'e>| {
        ["RET", "ENVID"].iter().any(|name| param.keyword.eq_ignore_ascii_case(name))
    };
    envelope.params().iter().filter(is)
}

/// Only what is offered, each once.
fn parameters(
    offered: &Extensions,
    envelope: &Envelope<'_>,
    content: Content,
    smtputf8: bool,
) -> MailParamsBuf {
    let mut params = MailParamsBuf::new();
    let mut add = |keyword: &str, value: Option<&str>| {
        // Values of these types are well-formed, and no keyword comes twice.
        if let Ok(more) = params.with(keyword, value) {
            params = more;
        }
    };
    if let Some(octets) = content.octets.filter(|_| offered.contains(Extension::Size)) {
        add("SIZE", Some(&octets.to_string()));
    }
    if content.eight_bit {
        let body = if content.binary { Body::BinaryMime } else { Body::EightBitMime };
        add("BODY", Some(body.name()));
    }
    if envelope.params().requiretls() {
        add("REQUIRETLS", None);
    }
    // RFC 4954 5: a submitter who cannot be named is not known.
    if let Some(auth) = envelope.auth().filter(|_| offered.contains(Extension::Auth)) {
        let sayable = smtputf8 || envelope.params().auth_is_ascii();
        add("AUTH", Some(if sayable { auth } else { "<>" }));
    }
    if smtputf8 {
        add("SMTPUTF8", None);
    }
    for Param { keyword, value } in dsn(envelope).filter(|_| offered.contains(Extension::Dsn)) {
        add(keyword, value);
    }
    params
}
