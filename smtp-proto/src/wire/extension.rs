//! The extensions that are known by name, in one table: a row each. What is read, what is offered, how long a command line may be and what
//! the README says of them follows from it.
//!
//! To add one, add its variant and its row here, and its types in a file of their own; `tests/extensions` does not compile until it has
//! a row for it, too.

use core::fmt::{self, Write};

use super::dsn::{self, Notify, OriginalRecipient, Ret};
use super::keyword::Keywords;
use super::params::{self, Read};
use super::word::{Front, Word};
use super::{Extensions, ParseErrorKind as Kind, SessionLimits, Verb};

/// A service extension that is known by name.
///
/// ```
/// use smtp_proto::Extension;
///
/// assert_eq!(Extension::EightBitMime.keyword(), "8BITMIME");
/// assert_eq!(Extension::EightBitMime.rfc(), "6152");
/// assert_eq!(Extension::parse("pipelining"), Some(Extension::Pipelining));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
#[repr(u8)]
#[allow(
    missing_docs,
    reason = "they are named after their keywords; the table below has their sources"
)]
pub enum Extension {
    Pipelining,
    Size,
    EightBitMime,
    SmtpUtf8,
    EnhancedStatusCodes,
    Dsn,
    Chunking,
    BinaryMime,
    StartTls,
    Auth,
    RequireTls,
    Limits,
    Vrfy,
    Expn,
    Help,
}

/// One row of the table.
struct Row {
    extension: Extension,
    keyword: &'static str,
    rfc: &'static str,
    /// What stands behind the keyword in the reply to EHLO.
    offer: Offer,
    /// The verbs that it adds.
    verbs: &'static [Verb],
    /// The parameters that it adds to MAIL.
    mail: &'static [Parameter],
    /// The parameters that it adds to RCPT.
    rcpt: &'static [Parameter],
    /// What it adds to the longest MAIL and RCPT, in octets (RFC 5321 4.5.3.1.4).
    growth: Growth,
    /// When a server offers it. A client uses it wherever it is offered.
    served: Served,
}

/// When a server offers an extension.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Served {
    /// Unless its configuration leaves it out.
    ByDefault,
    /// Where its configuration has it in `offer`: the application has to do its part.
    OnDemand,
    /// By a setting of its own.
    BySetting,
}

/// A keyword that stands alone, and adds nothing yet.
const fn row(extension: Extension, keyword: &'static str, rfc: &'static str) -> Row {
    Row {
        extension,
        keyword,
        rfc,
        offer: Offer::ALONE,
        verbs: &[],
        mail: &[],
        rcpt: &[],
        growth: Growth { mail: 0, rcpt: 0 },
        served: Served::ByDefault,
    }
}

static TABLE: [Row; Extension::COUNT] = [
    row(Extension::Pipelining, "PIPELINING", "2920"),
    Row {
        offer: Offer { read: Extensions::read_size, write: Extensions::write_size },
        mail: &[Parameter("SIZE", Kind::Size, params::read_size)],
        growth: Growth { mail: 26, rcpt: 0 }, // RFC 1870 3
        ..row(Extension::Size, "SIZE", "1870")
    },
    Row {
        mail: &[Parameter("BODY", Kind::Body, params::read_body)],
        growth: Growth { mail: 14, rcpt: 0 }, // RFC 6152 names none; " BODY=8BITMIME" has 14
        ..row(Extension::EightBitMime, "8BITMIME", "6152")
    },
    Row {
        mail: &[Parameter("SMTPUTF8", Kind::NoValue, params::read_nothing)],
        growth: Growth { mail: 10, rcpt: 0 }, // RFC 6531 3.1
        ..row(Extension::SmtpUtf8, "SMTPUTF8", "6531")
    },
    row(Extension::EnhancedStatusCodes, "ENHANCEDSTATUSCODES", "2034"),
    Row {
        mail: &[
            Parameter("RET", Kind::Ret, |_, value| length(Ret::take(value?))),
            Parameter("ENVID", Kind::Envid, |_, value| dsn::envid(value?)),
        ],
        rcpt: &[
            Parameter("NOTIFY", Kind::Notify, |_, value| length(Notify::take(value?))),
            Parameter("ORCPT", Kind::Orcpt, |_, value| length(OriginalRecipient::places(value?))),
        ],
        growth: Growth { mail: 116, rcpt: 530 }, // RFC 3461 5.4
        ..row(Extension::Dsn, "DSN", "3461, 6533")
    },
    Row { verbs: &[Verb::Bdat], ..row(Extension::Chunking, "CHUNKING", "3030") },
    Row {
        // The parameter is BODY, of 8BITMIME.
        growth: Growth { mail: 16, rcpt: 0 }, // RFC 3030 3
        ..row(Extension::BinaryMime, "BINARYMIME", "3030")
    },
    Row {
        verbs: &[Verb::StartTls],
        served: Served::BySetting,
        ..row(Extension::StartTls, "STARTTLS", "3207")
    },
    Row {
        offer: Offer { read: Extensions::read_mechanisms, write: Extensions::write_mechanisms },
        verbs: &[Verb::Auth],
        mail: &[Parameter("AUTH", Kind::AuthParameter, |_, value| params::authenticated(value?))],
        growth: Growth { mail: 500, rcpt: 0 }, // RFC 4954 3
        served: Served::BySetting,
        ..row(Extension::Auth, "AUTH", "4954")
    },
    Row {
        mail: &[Parameter("REQUIRETLS", Kind::NoValue, params::read_nothing)],
        growth: Growth { mail: 11, rcpt: 0 }, // RFC 8689 3
        served: Served::OnDemand,
        ..row(Extension::RequireTls, "REQUIRETLS", "8689")
    },
    Row {
        offer: Offer {
            read: |offered, params| {
                offered.limits = offered.limits.and(SessionLimits::parse(params))
            },
            write: |offered, out| write!(out, "{}", offered.limits),
        },
        served: Served::OnDemand,
        ..row(Extension::Limits, "LIMITS", "9422")
    },
    Row { verbs: &[Verb::Vrfy], served: Served::OnDemand, ..row(Extension::Vrfy, "VRFY", "5321") },
    Row { verbs: &[Verb::Expn], served: Served::OnDemand, ..row(Extension::Expn, "EXPN", "5321") },
    Row { verbs: &[Verb::Help], ..row(Extension::Help, "HELP", "5321") },
];

/// Each row stands at its variant, and there is one for every bit of a set.
#[expect(clippy::indexing_slicing, reason = "evaluated by the compiler")]
const _: () = {
    let mut index: usize = 0;
    while index < TABLE.len() {
        assert!(TABLE[index].extension as usize == index);
        index = index.saturating_add(1);
    }
    assert!(TABLE.len() <= u32::BITS as usize);
};

/// The keyword of each row.
#[expect(clippy::indexing_slicing, reason = "evaluated by the compiler")]
static KEYWORDS: Keywords<{ TABLE.len() }> = {
    let mut names = [""; TABLE.len()];
    let mut index: usize = 0;
    while index < TABLE.len() {
        names[index] = TABLE[index].keyword;
        index = index.saturating_add(1);
    }
    Keywords::new(names)
};

/// How the parameters of a line of the reply to EHLO are read into what is offered, and written.
struct Offer {
    read: fn(&mut Extensions, &str),
    write: fn(&Extensions, &mut dyn Write) -> fmt::Result,
}

impl Offer {
    const ALONE: Self = Self { read: |_, _| (), write: |_, _| Ok(()) };
}

struct Growth {
    mail: usize,
    rcpt: usize,
}

/// A parameter of MAIL or RCPT, what is said of a value that is not its own, and how the value is read.
struct Parameter(&'static str, Kind, Read);

fn length<T>(value: Option<(T, usize)>) -> Option<usize> {
    value.map(|(_, length)| length)
}

impl Extension {
    /// How many are known by name.
    pub const COUNT: usize = 15;

    /// Every extension known by name.
    pub fn all() -> impl Iterator<Item = Self> {
        TABLE.iter().map(|row| row.extension)
    }

    fn row(self) -> &'static Row {
        let [first, ..] = &TABLE;
        TABLE.get(usize::from(self as u8)).unwrap_or(first)
    }

    /// The EHLO keyword.
    #[must_use]
    pub fn keyword(self) -> &'static str {
        self.row().keyword
    }

    /// The numbers of the RFCs that define it.
    #[must_use]
    pub fn rfc(self) -> &'static str {
        self.row().rfc
    }

    /// When a server offers it.
    pub(crate) fn served(self) -> Served {
        self.row().served
    }

    /// The verbs that come with it.
    #[must_use]
    pub fn verbs(self) -> &'static [Verb] {
        self.row().verbs
    }

    /// The keywords of the parameters that come with it, of MAIL or of RCPT; other verbs have none.
    ///
    /// ```
    /// use smtp_proto::{Extension, Verb};
    ///
    /// assert!(Extension::Dsn.parameters(Verb::Rcpt).eq(["NOTIFY", "ORCPT"]));
    /// ```
    pub fn parameters(self, verb: Verb) -> impl Iterator<Item = &'static str> {
        let parameters = match verb {
            Verb::Mail => self.row().mail,
            Verb::Rcpt => self.row().rcpt,
            _ => &[],
        };
        parameters.iter().map(|Parameter(keyword, ..)| *keyword)
    }

    /// The extension of this keyword, in any case.
    #[must_use]
    pub fn parse(keyword: &str) -> Option<Self> {
        let (extension, length) = Self::at_front(keyword.as_bytes())?;
        (length == keyword.len()).then_some(extension)
    }

    /// The extension whose keyword stands at the front of `text`, with nothing or a space or a control octet behind it; and its octets.
    #[inline]
    pub(super) fn at_front(text: &[u8]) -> Option<(Self, usize)> {
        let (row, length) = KEYWORDS.find(text)?;
        TABLE.get(row).map(|row| (row.extension, length))
    }

    /// Reads the parameters of its line in the reply to EHLO.
    pub(super) fn read_offer(self, offered: &mut Extensions, params: &str) {
        (self.row().offer.read)(offered, params);
    }

    /// Writes the parameters of its line in the reply to EHLO, a space in front of each.
    pub(super) fn write_offer(self, offered: &Extensions, out: &mut dyn Write) -> fmt::Result {
        (self.row().offer.write)(offered, out)
    }

    const fn bit(self) -> u32 {
        1u32.wrapping_shl(self as u32)
    }
}

/// A set of extensions, one bit each.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Set(u32);

impl Set {
    pub(crate) const NONE: Self = Self(0);

    pub(crate) const fn contains(self, extension: Extension) -> bool {
        self.0 & extension.bit() != 0
    }

    pub(crate) const fn contains_all(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    pub(crate) const fn insert(&mut self, extension: Extension) {
        self.0 |= extension.bit();
    }

    pub(crate) const fn insert_all(&mut self, other: Self) {
        self.0 |= other.0;
    }

    pub(crate) const fn remove(&mut self, extension: Extension) {
        self.0 &= !extension.bit();
    }

    pub(crate) const fn and(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    /// Octets that these extensions add to the longest command line (RFC 5321 4.5.3.1.4): the larger of MAIL's and RCPT's.
    pub(crate) fn growth(self) -> usize {
        let (mut mail, mut rcpt) = (0usize, 0usize);
        for row in TABLE.iter().filter(|row| self.contains(row.extension)) {
            mail = mail.saturating_add(row.growth.mail);
            rcpt = rcpt.saturating_add(row.growth.rcpt);
        }
        mail.max(rcpt)
    }
}

/// A parameter as a command's reader looks it up.
#[derive(Clone, Copy)]
pub(super) struct Known {
    pub(super) word: Word,
    pub(super) needs: Set,
    /// The bit that tells it from the others of its command.
    pub(super) bit: u16,
    pub(super) fault: Kind,
    pub(super) read: Read,
}

static MAIL: [Known; count(Carrier::Mail)] = known(Carrier::Mail);
static RCPT: [Known; count(Carrier::Rcpt)] = known(Carrier::Rcpt);

/// The command that carries a parameter.
#[derive(Clone, Copy, Debug)]
pub(super) enum Carrier {
    Mail,
    Rcpt,
}

impl Carrier {
    /// Its parameters, those of all rows.
    pub(super) fn parameters(self) -> &'static [Known] {
        match self {
            Self::Mail => &MAIL,
            Self::Rcpt => &RCPT,
        }
    }

    /// Whether it has a parameter of this keyword.
    pub(super) fn knows(self, keyword: &str) -> bool {
        Known::find(self.parameters(), keyword.as_bytes()).is_some_and(|(_, rest)| rest.is_empty())
    }
}

impl Row {
    const fn parameters(&self, carrier: Carrier) -> &'static [Parameter] {
        match carrier {
            Carrier::Mail => self.mail,
            Carrier::Rcpt => self.rcpt,
        }
    }
}

#[expect(clippy::indexing_slicing, reason = "evaluated by the compiler")]
const fn count(carrier: Carrier) -> usize {
    let (mut count, mut index) = (0usize, 0usize);
    while index < TABLE.len() {
        count = count.saturating_add(TABLE[index].parameters(carrier).len());
        index = index.saturating_add(1);
    }
    count
}

#[expect(clippy::indexing_slicing, reason = "evaluated by the compiler")]
const fn known<const N: usize>(carrier: Carrier) -> [Known; N] {
    let nobody = Known {
        word: Word::new(""),
        needs: Set::NONE,
        bit: 0,
        fault: Kind::Value,
        read: |_, _| None,
    };
    let mut all = [nobody; N];
    let (mut filled, mut index) = (0usize, 0usize);
    while index < TABLE.len() {
        let row = &TABLE[index];
        let parameters = row.parameters(carrier);
        let mut nth = 0usize;
        while nth < parameters.len() {
            let Parameter(keyword, fault, read) = parameters[nth];
            let mut needs = Set::NONE;
            needs.insert(row.extension);
            let bit = 1u16 << filled;
            all[filled] = Known { word: Word::new(keyword), needs, bit, fault, read };
            filled = filled.saturating_add(1);
            nth = nth.saturating_add(1);
        }
        index = index.saturating_add(1);
    }
    all
}

/// The parameters that are known by name.
#[cfg(feature = "testing")]
pub(crate) fn parameter_keywords() -> impl Iterator<Item = &'static str> {
    let parameters = TABLE.iter().flat_map(|row| row.mail.iter().chain(row.rcpt));
    parameters.map(|Parameter(keyword, ..)| *keyword)
}

impl Known {
    /// The parameter with whose keyword the octets begin, in any case, and what stands behind it.
    #[inline]
    pub(super) fn find<'a>(
        table: &'static [Self],
        octets: &'a [u8],
    ) -> Option<(&'static Self, &'a [u8])> {
        let front = Front::of(octets);
        table.iter().find_map(|known| Some((known, front.behind_whole(&known.word)?)))
    }
}

#[cfg(test)]
mod tests;
