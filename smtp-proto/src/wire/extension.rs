//! The extensions of a session, to and from an EHLO reply.
//!
//! ```abnf
//! ehlo-line    = ehlo-keyword *( SP ehlo-param )                    ; RFC 5321 4.1.1.1
//! ehlo-keyword = ( ALPHA / DIGIT ) *( ALPHA / DIGIT / "-" )
//! ehlo-param   = 1*( %d33-126 )
//! ```

use alloc::string::String;
use core::fmt;

use super::{Reply, chars};

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
    /// RFC 5321 3.5: the keyword; the verb is known without it.
    Vrfy,
    /// RFC 5321 3.5.
    Expn,
    /// RFC 5321 4.1.1.8: the keyword; the verb is known without it.
    Help,
}

impl Extension {
    const ALL: [(Self, &'static str); 11] = [
        (Self::Pipelining, "PIPELINING"),
        (Self::Size, "SIZE"),
        (Self::EightBitMime, "8BITMIME"),
        (Self::SmtpUtf8, "SMTPUTF8"),
        (Self::EnhancedStatusCodes, "ENHANCEDSTATUSCODES"),
        (Self::Dsn, "DSN"),
        (Self::Chunking, "CHUNKING"),
        (Self::BinaryMime, "BINARYMIME"),
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
const GROWTH: [(Extension, usize, usize); 5] = [
    (Extension::Size, 26, 0),         // RFC 1870 3
    (Extension::EightBitMime, 14, 0), // RFC 6152 names none; " BODY=8BITMIME" has 14
    (Extension::BinaryMime, 16, 0),   // RFC 3030 3
    (Extension::SmtpUtf8, 10, 0),     // RFC 6531 3.1
    (Extension::Dsn, 116, 530),       // RFC 3461 5.4
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
    /// Lines of keywords that are not known here, LF between them.
    others: String,
}

impl Extensions {
    /// No extensions: what a HELO session has.
    #[must_use]
    pub const fn none() -> Self {
        Self { set: Set(0), size: None, others: String::new() }
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
        Self { set: self.set.and(limit.set), size, others: String::new() }
    }

    pub(crate) const fn set(&self) -> Set {
        self.set
    }

    /// The lines of an EHLO reply from the second on, each behind an LF: the text of a [`Reply`].
    pub(crate) fn write_lines(&self, out: &mut impl fmt::Write) -> fmt::Result {
        for (extension, keyword) in
            Extension::ALL.into_iter().filter(|(extension, _)| self.contains(*extension))
        {
            write!(out, "\n{keyword}")?;
            if let (Extension::Size, Some(size)) = (extension, self.size) {
                write!(out, " {size}")?;
            }
        }
        self.others().try_for_each(|line| write!(out, "\n{line}"))
    }
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
        all.push_other("X-NEW a b");
        let mut text = String::from("mx.test");
        all.write_lines(&mut text).unwrap();
        let mut wire = alloc::vec::Vec::new();
        Reply::new(crate::Code::OK, None, &text).encode(&mut wire);
        assert_eq!(Extensions::from_reply(&Reply::parse(&wire).unwrap()), all);
    }
}
