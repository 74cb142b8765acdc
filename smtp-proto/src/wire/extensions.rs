//! What a server offers in one session, to and from its reply to EHLO.
//!
//! ```abnf
//! ehlo-line    = ehlo-keyword *( SP ehlo-param )                    ; RFC 5321 4.1.1.1
//! ehlo-keyword = ( ALPHA / DIGIT ) *( ALPHA / DIGIT / "-" )
//! ehlo-param   = 1*( %d33-126 )
//! ```

use core::fmt::{self, Write};

use super::extension::Set;
use super::short::Short;
use super::{
    Declared, Extension, Mechanisms, ParseError, ParseErrorKind, Reply, SessionLimits, line_break,
    printable,
};

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
    pub(super) limits: SessionLimits,
    /// Lines of keywords that are not known here, LF between them.
    others: Short,
}

impl Extensions {
    /// No extensions: what a HELO session has.
    #[must_use]
    pub const fn none() -> Self {
        Self {
            set: Set::NONE,
            size: None,
            mechanisms: Mechanisms::NONE,
            limits: SessionLimits::NONE,
            others: Short::NONE,
        }
    }

    /// Reads the reply to EHLO: a keyword a line, from line two on (RFC 5321 4.1.1.1).
    ///
    /// A line that does not begin with a keyword is skipped, a number that does not parse is ignored (RFC 1870 3). Of two lines with one
    /// keyword the smaller SIZE and the smaller limits hold, and the mechanisms of both.
    #[must_use]
    pub fn from_reply(reply: &Reply<'_>) -> Self {
        let mut offered = Self::none();
        let Some(mut rest) = reply.rest_of_wire() else {
            reply.lines().skip(1).for_each(|line| offered.read(line));
            return offered;
        };
        while let Some(text) = rest.get(4..) {
            let behind = offered.read_front(text).unwrap_or_else(|| {
                let end = line_break(text).unwrap_or(text.len());
                let (line, behind) = text.split_at_checked(end).unwrap_or((text, &[]));
                offered.read(line);
                behind
            });
            rest = behind.get(2..).unwrap_or_default();
        }
        offered
    }

    /// The line at the front of `text`, where its keyword is known and the line printable: what stands behind it.
    #[inline]
    fn read_front<'t>(&mut self, text: &'t [u8]) -> Option<&'t [u8]> {
        let (extension, length) = Extension::at_front(text)?;
        let (params, behind) = match text.get(length..)? {
            behind @ [b'\r', ..] => ("", behind),
            [b' ', params @ ..] => {
                let (params, behind) = params.split_at_checked(printable(params))?;
                (core::str::from_utf8(params).ok()?, behind)
            }
            _ => return None,
        };
        if behind.first() != Some(&b'\r') || params.ends_with(' ') {
            return None;
        }
        self.read_offer(extension, params);
        Some(behind)
    }

    /// A line as it came; white space behind it is left out.
    fn read(&mut self, mut line: &[u8]) {
        while let [text @ .., b' ' | b'\t'] = line {
            line = text;
        }
        let Some(text) = checked(line) else { return };
        match Extension::at_front(line) {
            Some((extension, length)) => {
                let params = text.get(length.saturating_add(1)..).unwrap_or_default();
                self.read_offer(extension, params);
            }
            None => self.push_other(text),
        }
    }

    fn read_offer(&mut self, extension: Extension, params: &str) {
        self.set.insert(extension);
        extension.read_offer(self, params);
    }

    /// RFC 1870 3: `1*20DIGIT`; what is none says nothing. Of two lines, which no server should send, the stricter holds.
    pub(super) fn read_size(&mut self, params: &str) {
        self.size = match (self.size, size(params)) {
            (Some(one @ 1..), Some(other @ 1..)) => Some(one.min(other)),
            (None | Some(0), Some(other)) => Some(other),
            (one, _) => one,
        };
    }

    pub(super) fn write_size(&self, out: &mut dyn Write) -> fmt::Result {
        self.size.map_or(Ok(()), |size| write!(out, " {size}"))
    }

    pub(super) fn read_mechanisms(&mut self, params: &str) {
        params.split_ascii_whitespace().for_each(|name| self.mechanisms.push(name));
    }

    pub(super) fn write_mechanisms(&self, out: &mut dyn Write) -> fmt::Result {
        self.mechanisms.iter().try_for_each(|mechanism| write!(out, " {mechanism}"))
    }

    fn push_other(&mut self, line: &str) {
        if !self.others.is_empty() {
            self.others.push_str("\n");
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
        self.others.as_str().split('\n').filter(|line| !line.is_empty())
    }

    /// The line of an extension that is not known here, by its keyword in any case.
    ///
    /// ```
    /// let offered = smtp_proto::Extensions::none().with_line("X-FOO a b")?;
    /// assert_eq!(offered.other("x-foo"), Some("X-FOO a b"));
    /// assert_eq!(offered.other("X-FO"), None);
    /// # Ok::<(), smtp_proto::ParseError>(())
    /// ```
    #[must_use]
    pub fn other(&self, keyword: &str) -> Option<&str> {
        self.others().find(|line| keyword_of(line).eq_ignore_ascii_case(keyword))
    }

    /// The same set with what a line of the reply to EHLO says, of an extension that is known here or not.
    ///
    /// ```
    /// use smtp_proto::{Extension, Extensions};
    ///
    /// let offered = Extensions::none().with_line("SIZE 1000")?.with_line("X-FOO")?;
    /// assert_eq!((offered.size(), offered.others().count()), (Some(1000), 1));
    /// assert!(offered.with_line("X-FOO: bar").is_err());
    /// # Ok::<(), smtp_proto::ParseError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// It is no `ehlo-line`, or its extension is there already.
    pub fn with_line(mut self, line: &str) -> Result<Self, ParseError> {
        ehlo_line(line)?;
        let keyword = keyword_of(line);
        if self.other(keyword).is_some()
            || Extension::parse(keyword).is_some_and(|known| self.contains(known))
        {
            return Err(ParseError::new(0, ParseErrorKind::Duplicate));
        }
        self.read(line.as_bytes());
        Ok(self)
    }

    /// The same set with the lines of what an application declares.
    pub(crate) fn with_declared(mut self, declared: &Declared) -> Self {
        declared.iter().for_each(|declaration| self.push_other(declaration.line()));
        self
    }

    /// Of this set what `limit` has too, and the smaller maximum; of lines that are not known here those whose keyword is there.
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
        for line in self.others().filter(|line| limit.other(keyword_of(line)).is_some()) {
            restricted.push_other(line);
        }
        if restricted.mechanisms.is_empty() {
            restricted.set.remove(Extension::Auth);
        }
        restricted
    }

    /// The same set without what may not be offered alone: BINARYMIME needs CHUNKING (RFC 3030 3), SMTPUTF8 needs 8BITMIME (RFC 6531 3.1),
    /// LIMITS a limit (RFC 9422 3).
    pub(crate) fn sound(mut self) -> Self {
        self.limits = self.limits.sayable();
        for (extension, stands) in [
            (Extension::BinaryMime, self.contains(Extension::Chunking)),
            (Extension::SmtpUtf8, self.contains(Extension::EightBitMime)),
            (Extension::Limits, self.limits != SessionLimits::NONE),
        ] {
            if !stands {
                self.set.remove(extension);
            }
        }
        self
    }

    pub(crate) const fn set(&self) -> Set {
        self.set
    }

    /// The lines of an EHLO reply from the second on, each behind an LF: the text of a [`Reply`].
    pub(crate) fn write_lines(&self, out: &mut impl Write) -> fmt::Result {
        for extension in Extension::all().filter(|&extension| self.contains(extension)) {
            write!(out, "\n{}", extension.keyword())?;
            extension.write_offer(self, out)?;
        }
        self.others().try_for_each(|line| write!(out, "\n{line}"))
    }
}

pub(super) fn keyword_of(line: &str) -> &str {
    line.split(' ').next().unwrap_or_default()
}

/// The longest line of a reply, without its code, the hyphen and the CRLF (RFC 5321 4.5.3.1.5).
const LINE_LIMIT: usize = 512 - 6;

/// `ehlo-line`, to be sent.
pub(super) fn ehlo_line(line: &str) -> Result<(), ParseError> {
    let keyword = keyword_of(line);
    let sound =
        |(at, octet): (usize, u8)| octet.is_ascii_alphanumeric() || (at > 0 && octet == b'-');
    let stop = keyword.bytes().enumerate().position(|letter| !sound(letter));
    if let Some(at) = if keyword.is_empty() { Some(0) } else { stop } {
        return Err(ParseError::new(at, ParseErrorKind::Keyword));
    }
    let octets = line.as_bytes();
    let is_param = |at: usize, octet: u8| match octet {
        b' ' => octets.get(at.saturating_add(1)).is_some_and(u8::is_ascii_graphic),
        _ => octet.is_ascii_graphic(),
    };
    let mut params = line.bytes().enumerate().skip(keyword.len());
    match params.find(|&(at, octet)| !is_param(at, octet)) {
        Some((at, _)) => Err(ParseError::new(at, ParseErrorKind::Text)),
        None if line.len() > LINE_LIMIT => {
            Err(ParseError::new(LINE_LIMIT, ParseErrorKind::LineTooLong))
        }
        None => Ok(()),
    }
}

/// `ehlo-line` as it came.
fn checked(line: &[u8]) -> Option<&str> {
    let is_keyword = |octet: u8| octet.is_ascii_alphanumeric() || octet == b'-';
    let end = line.iter().position(|&octet| !is_keyword(octet)).unwrap_or(line.len());
    let sound = line.first()?.is_ascii_alphanumeric()
        && line.get(end).is_none_or(|&octet| octet == b' ')
        && printable(line) == line.len();
    if sound { core::str::from_utf8(line).ok() } else { None }
}

/// The one parameter of SIZE: 1*20DIGIT.
fn size(params: &str) -> Option<u64> {
    if !(1..=20).contains(&params.len()) {
        return None;
    }
    params.bytes().try_fold(0u64, |size, digit| {
        let next = digit.is_ascii_digit().then_some(u64::from(digit & 0x0f));
        next.map(|next| size.saturating_mul(10).saturating_add(next))
    })
}

#[cfg(test)]
mod tests {
    use alloc::string::String;

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

    /// No RFC has a keyword twice. The stricter holds, and what says nothing takes nothing back.
    #[test]
    fn of_two_lines_with_one_keyword_the_stricter_holds() {
        let sizes = [("5", "10", 5), ("10", "5", 5), ("5", "0", 5), ("0", "5", 5), ("0", "0", 0)];
        for (one, other, size) in sizes {
            let reply = alloc::format!("250-x\r\n250-SIZE {one}\r\n250 SIZE {other}\r\n");
            assert_eq!(offered(&reply).size(), Some(size), "{one} {other}");
        }
        for nothing in ["SIZE", "SIZE abc", "SIZE 999999999999999999999"] {
            let first = alloc::format!("250-x\r\n250-SIZE 5\r\n250 {nothing}\r\n");
            let last = alloc::format!("250-x\r\n250-{nothing}\r\n250 SIZE 5\r\n");
            assert_eq!((offered(&first).size(), offered(&last).size()), (Some(5), Some(5)));
        }
        let limits = |lines: &str| offered(&alloc::format!("250-x\r\n{lines}\r\n")).limits();
        let both = SessionLimits { mails: Some(2), recipients: Some(5), domains: None };
        assert_eq!(limits("250-LIMITS RCPTMAX=5\r\n250 LIMITS MAILMAX=2"), both);
        assert_eq!(
            limits("250-LIMITS RCPTMAX=5 MAILMAX=2\r\n250 LIMITS RCPTMAX=9 MAILMAX=3"),
            both
        );
        assert_eq!(
            limits("250-LIMITS RCPTMAX=9 MAILMAX=2\r\n250 LIMITS RCPTMAX=5 MAILMAX=9"),
            both
        );
        assert_eq!(limits("250-LIMITS RCPTMAX=5 MAILMAX=2\r\n250 LIMITS A;B RCPTMAX=1"), both);
        assert_eq!(limits("250-LIMITS\r\n250 LIMITS RCPTMAX=5 MAILMAX=2"), both);
    }

    #[test]
    fn keywords_are_whole_tokens_and_never_on_line_one() {
        let offered = offered(
            "250-x DSN PIPELINING\r\n250-\r\n250- SIZE 5\r\n250-\tSIZE\r\n250-SIZES 5\r\n250-AUTH=LOGIN\r\n250 8BITMIME \r\n",
        );
        assert_eq!(
            offered,
            Extensions::none().with(Extension::EightBitMime).with_line("SIZES 5").unwrap()
        );
    }

    #[test]
    fn a_line_is_offered_once_and_only_where_it_is_one() {
        use ParseErrorKind as Kind;
        let longest = alloc::format!("X {}", "a".repeat(504));
        let longer = [&longest, "a"].concat();
        let table = [
            ("X-FOO", Ok(())),
            ("X-FOO a=b ;", Ok(())),
            (&longest, Ok(())),
            ("", Err((0, Kind::Keyword))),
            (" X", Err((0, Kind::Keyword))),
            ("-X", Err((0, Kind::Keyword))),
            ("X_FOO", Err((1, Kind::Keyword))),
            ("X\r\nY", Err((1, Kind::Keyword))),
            ("X a\r\n250-Y", Err((3, Kind::Text))),
            ("X  a", Err((1, Kind::Text))),
            ("X ", Err((1, Kind::Text))),
            ("X \u{e9}", Err((1, Kind::Text))),
            (&longer, Err((506, Kind::LineTooLong))),
            ("size 6", Err((0, Kind::Duplicate))),
            ("y-FOO", Err((0, Kind::Duplicate))),
        ];
        let offered = Extensions::none().with_size(5).with_line("Y-FOO a").unwrap();
        for (line, expected) in table {
            let added = offered.clone().with_line(line);
            let expected = expected.map_err(|(at, kind)| ParseError::new(at, kind));
            assert_eq!(added.map(|added| assert_eq!(added.others().last(), Some(line))), expected);
        }
    }

    #[test]
    fn what_is_offered_reads_back() {
        let mut all = Extensions::none().with_size(52_428_800);
        Extension::all().for_each(|extension| all.set.insert(extension));
        all = all.with_mechanisms(Mechanisms::of(["PLAIN", "scram-sha-256"]));
        all.limits = SessionLimits { recipients: Some(100), ..SessionLimits::NONE };
        all.push_other("X-NEW a b");
        assert_eq!(all.restricted_to(&all), all);
        let mut text = String::from("mx.test");
        all.write_lines(&mut text).unwrap();
        let mut wire = alloc::vec::Vec::new();
        Reply::new(crate::Code::OK, None, &text).encode(&mut wire);
        assert_eq!(Extensions::from_reply(&Reply::parse(&wire).unwrap()), all);
    }
}
