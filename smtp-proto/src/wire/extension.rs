//! The extensions of a session, to and from an EHLO reply.
//!
//! ```abnf
//! ehlo-line    = ehlo-keyword *( SP ehlo-param )                    ; RFC 5321 4.1.1.1
//! ehlo-keyword = ( ALPHA / DIGIT ) *( ALPHA / DIGIT / "-" )
//! ehlo-param   = 1*( %d33-126 )
//! ```

use alloc::string::String;
use core::fmt::{self, Write};

use super::{Mechanisms, Reply, chars};

/// A service extension that is known by name.
///
/// ```
/// use smtp_proto::Extension;
///
/// assert_eq!(Extension::EightBitMime.keyword(), "8BITMIME");
/// assert_eq!(Extension::parse("pipelining"), Some(Extension::Pipelining));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
#[repr(u8)]
pub enum Extension {
    /// RFC 2920.
    Pipelining,
    /// RFC 1870.
    Size,
    /// RFC 6152.
    EightBitMime,
    /// RFC 6531.
    SmtpUtf8,
    /// RFC 2034.
    EnhancedStatusCodes,
    /// RFC 3461.
    Dsn,
    /// RFC 3030.
    Chunking,
    /// RFC 3030.
    BinaryMime,
    /// RFC 3207.
    StartTls,
    /// RFC 4954.
    Auth,
    /// RFC 8689.
    RequireTls,
    /// RFC 9422.
    Limits,
    /// RFC 5321 3.5: the keyword; the verb is known without it.
    Vrfy,
    /// RFC 5321 3.5.
    Expn,
    /// RFC 5321 4.1.1.8: the keyword; the verb is known without it.
    Help,
}

impl Extension {
    const ALL: [(Self, &'static str); 15] = [
        (Self::Pipelining, "PIPELINING"),
        (Self::Size, "SIZE"),
        (Self::EightBitMime, "8BITMIME"),
        (Self::SmtpUtf8, "SMTPUTF8"),
        (Self::EnhancedStatusCodes, "ENHANCEDSTATUSCODES"),
        (Self::Dsn, "DSN"),
        (Self::Chunking, "CHUNKING"),
        (Self::BinaryMime, "BINARYMIME"),
        (Self::StartTls, "STARTTLS"),
        (Self::Auth, "AUTH"),
        (Self::RequireTls, "REQUIRETLS"),
        (Self::Limits, "LIMITS"),
        (Self::Vrfy, "VRFY"),
        (Self::Expn, "EXPN"),
        (Self::Help, "HELP"),
    ];

    /// Every extension known by name.
    pub fn all() -> impl Iterator<Item = Self> {
        Self::ALL.into_iter().map(|(extension, _)| extension)
    }

    /// The EHLO keyword.
    #[must_use]
    pub fn keyword(self) -> &'static str {
        Self::ALL
            .iter()
            .find(|(extension, _)| *extension == self)
            .map_or("", |(_, keyword)| keyword)
    }

    /// The extension of this keyword, in any case.
    #[must_use]
    pub fn parse(keyword: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|(_, name)| keyword.eq_ignore_ascii_case(name))
            .map(|(extension, _)| extension)
    }

    const fn bit(self) -> u32 {
        1u32.wrapping_shl(self as u32)
    }
}

/// A set of extensions, one bit each.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Set(u32);

impl Set {
    pub(crate) const fn contains(self, extension: Extension) -> bool {
        self.0 & extension.bit() != 0
    }

    pub(crate) const fn contains_all(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    pub(crate) const fn insert(&mut self, extension: Extension) {
        self.0 |= extension.bit();
    }

    pub(crate) const fn remove(&mut self, extension: Extension) {
        self.0 &= !extension.bit();
    }

    pub(crate) const fn and(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    /// Octets that these extensions add to the longest command line (RFC 5321 4.5.3.1.4): the larger of MAIL's and RCPT's.
    pub(crate) fn growth(self) -> usize {
        let sum = |column: fn(&(Extension, usize, usize)) -> usize| {
            GROWTH
                .iter()
                .filter(|(extension, ..)| self.contains(*extension))
                .map(column)
                .fold(0, usize::saturating_add)
        };
        sum(|row| row.1).max(sum(|row| row.2))
    }
}

/// What an extension adds to MAIL and to RCPT, in octets.
const GROWTH: [(Extension, usize, usize); 7] = [
    (Extension::Size, 26, 0),         // RFC 1870 3
    (Extension::EightBitMime, 14, 0), // RFC 6152 names none; " BODY=8BITMIME" has 14
    (Extension::BinaryMime, 16, 0),   // RFC 3030 3
    (Extension::SmtpUtf8, 10, 0),     // RFC 6531 3.1
    (Extension::Dsn, 116, 530),       // RFC 3461 5.4
    (Extension::Auth, 500, 0),        // RFC 4954 3
    (Extension::RequireTls, 11, 0),   // RFC 8689 3
];

/// What a server offers: the typed part of an EHLO reply, and every line that is not known here as it came.
///
/// ```
/// use smtp_proto::{Extension, Extensions, Reply};
///
/// let reply = Reply::parse(b"250-mx.test\r\n250-SIZE 1000\r\n250-X-NEW a b\r\n250 PIPELINING\r\n")?;
/// let offered = Extensions::from_reply(&reply);
/// assert!(offered.contains(Extension::Pipelining));
/// assert_eq!(offered.size(), Some(1000));
/// assert_eq!(offered.others().collect::<Vec<_>>(), ["X-NEW a b"]);
/// # Ok::<(), smtp_proto::ParseError>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Extensions {
    set: Set,
    size: Option<u64>,
    mechanisms: Mechanisms,
    limits: SessionLimits,
    /// Lines of keywords that are not known here, LF between them.
    others: String,
}

impl Extensions {
    /// No extensions: what a HELO session has.
    #[must_use]
    pub const fn none() -> Self {
        Self {
            set: Set(0),
            size: None,
            mechanisms: Mechanisms::NONE,
            limits: SessionLimits::NONE,
            others: String::new(),
        }
    }

    /// Reads the reply to EHLO: a keyword a line, from line two on (RFC 5321 4.1.1.1).
    ///
    /// A line that does not begin with a keyword is skipped, a number that does not parse is ignored (RFC 1870 3).
    #[must_use]
    pub fn from_reply(reply: &Reply<'_>) -> Self {
        let mut offered = Self::none();
        for line in reply.lines().skip(1) {
            if let Some(line) = checked(line) {
                offered.read(line);
            }
        }
        offered
    }

    fn read(&mut self, line: &str) {
        let (keyword, params) = line.split_once(' ').unwrap_or((line, ""));
        match Extension::parse(keyword) {
            Some(Extension::Size) => {
                self.set.insert(Extension::Size);
                self.size = size(params);
            }
            Some(Extension::Auth) => {
                self.set.insert(Extension::Auth);
                params.split(' ').for_each(|name| self.mechanisms.push(name));
            }
            Some(Extension::Limits) => {
                self.set.insert(Extension::Limits);
                self.limits = SessionLimits::parse(params);
            }
            Some(extension) => self.set.insert(extension),
            None => self.push_other(line),
        }
    }

    fn push_other(&mut self, line: &str) {
        if !self.others.is_empty() {
            self.others.push('\n');
        }
        self.others.push_str(line);
    }

    /// Whether `extension` is offered.
    #[must_use]
    pub const fn contains(&self, extension: Extension) -> bool {
        self.set.contains(extension)
    }

    /// The same set with `extension` too.
    #[must_use]
    pub const fn with(mut self, extension: Extension) -> Self {
        self.set.insert(extension);
        self
    }

    /// The same set without `extension`.
    #[must_use]
    pub const fn without(mut self, extension: Extension) -> Self {
        self.set.remove(extension);
        self
    }

    /// The largest message in octets, where SIZE gives it; `Some(0)` says that there is no fixed maximum (RFC 1870 3).
    #[must_use]
    pub const fn size(&self) -> Option<u64> {
        self.size
    }

    /// The same set with SIZE and this maximum in octets.
    #[must_use]
    pub const fn with_size(mut self, octets: u64) -> Self {
        self.size = Some(octets);
        self.with(Extension::Size)
    }

    /// The mechanisms of AUTH, in the order of the server (RFC 4954 3).
    #[must_use]
    pub const fn mechanisms(&self) -> &Mechanisms {
        &self.mechanisms
    }

    /// The same set with AUTH and these mechanisms; without AUTH where there is none.
    #[must_use]
    pub fn with_mechanisms(mut self, mechanisms: Mechanisms) -> Self {
        self.mechanisms = mechanisms;
        if self.mechanisms.is_empty() {
            self.set.remove(Extension::Auth);
        } else {
            self.set.insert(Extension::Auth);
        }
        self
    }

    /// What LIMITS says; nothing where it is not offered.
    #[must_use]
    pub const fn limits(&self) -> SessionLimits {
        self.limits
    }

    /// The same set with LIMITS.
    #[must_use]
    pub const fn with_limits(mut self, limits: SessionLimits) -> Self {
        self.limits = limits;
        self.with(Extension::Limits)
    }

    /// The lines of extensions that are not known here, as they came.
    pub fn others(&self) -> impl Iterator<Item = &str> {
        self.others.split('\n').filter(|line| !line.is_empty())
    }

    /// Of this set what `limit` has too, and the smaller maximum; lines that are not known here are left out.
    #[must_use]
    pub fn restricted_to(&self, limit: &Self) -> Self {
        let known = |size: Option<u64>| size.filter(|&octets| octets != 0);
        let size = match (known(self.size), known(limit.size)) {
            (Some(one), Some(other)) => Some(one.min(other)),
            (one, other) => one.or(other),
        };
        let mut restricted = Self {
            set: self.set.and(limit.set),
            size,
            mechanisms: self.mechanisms.and(&limit.mechanisms),
            limits: self.limits.and(limit.limits),
            ..Self::none()
        };
        if restricted.mechanisms.is_empty() {
            restricted.set.remove(Extension::Auth);
        }
        restricted
    }

    pub(crate) const fn set(&self) -> Set {
        self.set
    }

    /// The lines of an EHLO reply from the second on, each behind an LF: the text of a [`Reply`].
    pub(crate) fn write_lines(&self, out: &mut impl Write) -> fmt::Result {
        for (extension, keyword) in
            Extension::ALL.into_iter().filter(|(extension, _)| self.contains(*extension))
        {
            write!(out, "\n{keyword}")?;
            match (extension, self.size) {
                (Extension::Size, Some(size)) => write!(out, " {size}")?,
                (Extension::Auth, _) => write!(out, " {}", self.mechanisms)?,
                (Extension::Limits, _) => write!(out, "{}", self.limits)?,
                _ => {}
            }
        }
        self.others().try_for_each(|line| write!(out, "\n{line}"))
    }
}

/// What a server takes in one session, as LIMITS says (RFC 9422 4). Failed commands count.
///
/// ```
/// use smtp_proto::{Extensions, Reply};
///
/// let reply = Reply::parse(b"250-mx.test\r\n250 LIMITS RCPTMAX=20 MAILMAX=5\r\n")?;
/// assert_eq!(Extensions::from_reply(&reply).limits().recipients, Some(20));
/// # Ok::<(), smtp_proto::ParseError>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct SessionLimits {
    /// MAILMAX: MAIL commands in a session.
    pub mails: Option<u32>,
    /// RCPTMAX: RCPT commands in a transaction.
    pub recipients: Option<u32>,
    /// RCPTDOMAINMAX: different domains of recipients in a session.
    pub domains: Option<u32>,
}

impl SessionLimits {
    /// No limits.
    pub const NONE: Self = Self { mails: None, recipients: None, domains: None };

    /// `limit *( SP limit )`. Names that are not known and bad values are ignored one by one, bad syntax voids all (RFC 9422 3.2).
    fn parse(params: &str) -> Self {
        let name = |octet: u8| octet.is_ascii_alphanumeric() || matches!(octet, b'-' | b'_');
        let mut limits = Self::NONE;
        for param in params.split(' ') {
            let (keyword, value) = match param.split_once('=') {
                Some((keyword, value)) => (keyword, Some(value)),
                None => (param, None),
            };
            let sound = !keyword.is_empty()
                && keyword.bytes().all(name)
                && value.is_none_or(|value| !value.is_empty() && !value.contains(';'));
            if !sound {
                return Self::NONE;
            }
            let place = match keyword {
                _ if keyword.eq_ignore_ascii_case("MAILMAX") => &mut limits.mails,
                _ if keyword.eq_ignore_ascii_case("RCPTMAX") => &mut limits.recipients,
                _ if keyword.eq_ignore_ascii_case("RCPTDOMAINMAX") => &mut limits.domains,
                _ => continue,
            };
            *place = value.and_then(limit).or(*place);
        }
        limits
    }

    /// The smaller of both.
    fn and(self, other: Self) -> Self {
        let smaller = |one: Option<u32>, other: Option<u32>| match (one, other) {
            (Some(one), Some(other)) => Some(one.min(other)),
            (one, other) => one.or(other),
        };
        Self {
            mails: smaller(self.mails, other.mails),
            recipients: smaller(self.recipients, other.recipients),
            domains: smaller(self.domains, other.domains),
        }
    }
}

/// The parameters of the EHLO line, each behind a space.
impl fmt::Display for SessionLimits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        [("MAILMAX", self.mails), ("RCPTMAX", self.recipients), ("RCPTDOMAINMAX", self.domains)]
            .into_iter()
            .filter_map(|(name, value)| value.map(|value| (name, value)))
            .try_for_each(|(name, value)| write!(f, " {name}={value}"))
    }
}

/// `NZDIGIT 0*5DIGIT`.
fn limit(value: &str) -> Option<u32> {
    let sound = (1..=6).contains(&value.len())
        && value.bytes().all(|octet| octet.is_ascii_digit())
        && !value.starts_with('0');
    if sound { value.parse().ok() } else { None }
}

/// `ehlo-line`, as text.
fn checked(line: &[u8]) -> Option<&str> {
    let text = core::str::from_utf8(line).ok()?.trim_end_matches([' ', '\t']);
    let keyword = text.split(' ').next()?;
    let sound = keyword.bytes().next()?.is_ascii_alphanumeric()
        && keyword.bytes().all(|octet| octet.is_ascii_alphanumeric() || octet == b'-');
    (sound && text.bytes().all(chars::is_printable)).then_some(text)
}

/// The one parameter of SIZE: 1*20DIGIT.
fn size(params: &str) -> Option<u64> {
    let digits =
        (1..=20).contains(&params.len()) && params.bytes().all(|octet| octet.is_ascii_digit());
    digits.then(|| {
        params.bytes().fold(0u64, |size, digit| {
            size.saturating_mul(10).saturating_add(u64::from(digit & 0x0f))
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn offered(reply: &str) -> Extensions {
        Extensions::from_reply(&Reply::parse(reply.as_bytes()).unwrap())
    }

    #[test]
    fn numbers_that_do_not_parse_are_ignored() {
        let table = [
            ("SIZE 1000", Some(1000)),
            ("size 0", Some(0)),
            ("SIZE 99999999999999999999", Some(u64::MAX)),
            ("SIZE 999999999999999999999", None),
            ("SIZE", None),
            ("SIZE +5", None),
            ("SIZE 0x10", None),
            ("SIZE 5 6", None),
        ];
        for (line, size) in table {
            let offered = offered(&alloc::format!("250-x\r\n250 {line}\r\n"));
            assert!(offered.contains(Extension::Size));
            assert_eq!(offered.size(), size, "{line}");
        }
    }

    #[test]
    fn limits_are_read_by_name_and_bad_syntax_voids_all() {
        let limits = |mails, recipients, domains| SessionLimits { mails, recipients, domains };
        let table = [
            ("MAILMAX=5 RCPTMAX=20 RCPTDOMAINMAX=2", limits(Some(5), Some(20), Some(2))),
            ("rcptmax=999999", limits(None, Some(999_999), None)),
            ("RCPTMAX=0 MAILMAX=07 RCPTDOMAINMAX=1000000", SessionLimits::NONE),
            ("NEW=1 FLAG RCPTMAX=3", limits(None, Some(3), None)),
            ("RCPTMAX=3  MAILMAX=2", SessionLimits::NONE),
            ("RCPTMAX=3 A;B=2", SessionLimits::NONE),
            ("RCPTMAX=3 A=b=c", limits(None, Some(3), None)),
            ("RCPTMAX=", SessionLimits::NONE),
            ("RCPTMAX", SessionLimits::NONE),
            ("", SessionLimits::NONE),
        ];
        for (line, expected) in table {
            let read = offered(&alloc::format!("250-x\r\n250 LIMITS {line}\r\n"));
            assert!(read.contains(Extension::Limits));
            assert_eq!(read.limits(), expected, "{line}");
        }
    }

    #[test]
    fn keywords_are_whole_tokens_and_never_on_line_one() {
        let offered = offered(
            "250-x DSN PIPELINING\r\n250-\r\n250- SIZE 5\r\n250-\tSIZE\r\n250-SIZES 5\r\n250-AUTH=LOGIN\r\n250 8BITMIME \r\n",
        );
        assert_eq!(
            offered,
            Extensions {
                others: "SIZES 5".into(),
                ..Extensions::none().with(Extension::EightBitMime)
            }
        );
    }

    #[test]
    fn what_is_offered_reads_back() {
        let mut all = Extensions::none().with_size(52_428_800);
        Extension::all().for_each(|extension| all.set.insert(extension));
        all = all.with_mechanisms(Mechanisms::of(["PLAIN", "scram-sha-256"]));
        all.limits = SessionLimits { recipients: Some(100), ..SessionLimits::NONE };
        all.push_other("X-NEW a b");
        let mut text = String::from("mx.test");
        all.write_lines(&mut text).unwrap();
        let mut wire = alloc::vec::Vec::new();
        Reply::new(crate::Code::OK, None, &text).encode(&mut wire);
        assert_eq!(Extensions::from_reply(&Reply::parse(&wire).unwrap()), all);
    }
}
