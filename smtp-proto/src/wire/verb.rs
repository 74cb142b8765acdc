//! The verbs, in one table that drives both machines.

use core::fmt;

use super::ParseErrorKind;

/// What a command begins with.
///
/// ```
/// use smtp_proto::Verb;
///
/// assert_eq!(Verb::parse(b"rcpt"), Some(Verb::Rcpt));
/// assert_eq!(Verb::Rcpt.name(), "RCPT");
/// assert!(Verb::Data.ends_group());
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
#[repr(u8)]
#[allow(missing_docs, reason = "the verbs document themselves; the table below has their sources")]
pub enum Verb {
    Ehlo,
    Helo,
    Lhlo,
    Mail,
    Rcpt,
    Data,
    Bdat,
    Rset,
    Noop,
    Quit,
    Vrfy,
    Expn,
    Help,
    StartTls,
    Auth,
    Etrn,
    Atrn,
    Burl,
    Turn,
    Send,
    Soml,
    Saml,
    Xclient,
    Xforward,
    /// A verb that is not known by name.
    Other,
}

struct Row {
    verb: Verb,
    name: &'static str,
    /// The first four letters in one number.
    head: u32,
    /// RFC 2920 3.1: must be the last command of a group.
    ends_group: bool,
    /// Does nothing for any letter, so that a session of nothing else is idle.
    idle: bool,
}

const fn row(verb: Verb, name: &'static str, ends_group: bool, idle: bool) -> Row {
    let head = match name.as_bytes().first_chunk() {
        Some(head) => u32::from_be_bytes(*head),
        // No four letters are this number.
        None => u32::MAX,
    };
    Row { verb, name, head, ends_group, idle }
}

/// One row a verb, in the order of the enum.
static TABLE: [Row; 25] = [
    row(Verb::Ehlo, "EHLO", true, true),
    row(Verb::Helo, "HELO", true, true),
    row(Verb::Lhlo, "LHLO", true, true),
    row(Verb::Mail, "MAIL", false, false),
    row(Verb::Rcpt, "RCPT", false, false),
    row(Verb::Data, "DATA", true, false),
    row(Verb::Bdat, "BDAT", false, false),
    row(Verb::Rset, "RSET", false, true),
    row(Verb::Noop, "NOOP", true, true),
    row(Verb::Quit, "QUIT", true, false),
    row(Verb::Vrfy, "VRFY", true, true),
    row(Verb::Expn, "EXPN", true, true),
    row(Verb::Help, "HELP", true, true),
    row(Verb::StartTls, "STARTTLS", true, false),
    row(Verb::Auth, "AUTH", true, false),
    row(Verb::Etrn, "ETRN", true, false),
    row(Verb::Atrn, "ATRN", true, false),
    row(Verb::Burl, "BURL", false, false),
    row(Verb::Turn, "TURN", true, false),
    row(Verb::Send, "SEND", false, false),
    row(Verb::Soml, "SOML", false, false),
    row(Verb::Saml, "SAML", false, false),
    row(Verb::Xclient, "XCLIENT", true, false),
    row(Verb::Xforward, "XFORWARD", true, false),
    row(Verb::Other, "", true, false),
];

impl Verb {
    /// The verb that is all of `word`, in any case of US-ASCII.
    #[must_use]
    #[inline]
    pub fn parse(word: &[u8]) -> Option<Self> {
        // The bit that tells the cases of a letter apart is cleared; only a letter becomes one of these letters so.
        let (head, tail) = word.split_first_chunk::<4>()?;
        let head = u32::from_be_bytes(*head) & 0xdfdf_dfdf;
        let row = TABLE.iter().find(|row| row.head == head)?;
        let rest = row.name.as_bytes().get(4..)?;
        tail.eq_ignore_ascii_case(rest).then_some(row.verb)
    }

    /// The verb at the front of a command line, with what stands behind it, the separating white space included.
    #[inline]
    pub(crate) fn split_from(line: &[u8]) -> Result<(Self, &[u8]), ParseErrorKind> {
        // Nearly every command has a verb of four letters and a space.
        if let [_, _, _, _, b' ', ..] = line
            && let Some((word, rest)) = line.split_at_checked(4)
            && let Some(verb) = Self::parse(word)
        {
            return Ok((verb, rest));
        }
        let end = line.iter().position(|octet| matches!(octet, b' ' | b'\t')).unwrap_or(line.len());
        let (word, rest) = line.split_at_checked(end).unwrap_or((line, &[]));
        Self::parse(word).map(|verb| (verb, rest)).ok_or_else(|| stranger(word))
    }

    fn row(self) -> &'static Row {
        let [first, ..] = &TABLE;
        TABLE.get(usize::from(self as u8)).unwrap_or(first)
    }

    /// The verb in upper case; empty for [`Other`](Self::Other).
    #[must_use]
    pub fn name(self) -> &'static str {
        self.row().name
    }

    /// Whether it must be the last command of a pipelined group (RFC 2920 3.1).
    #[must_use]
    pub fn ends_group(self) -> bool {
        self.row().ends_group
    }

    /// Whether it is a command without a call of its own that ends a group and leaves the octets behind it what they are.
    pub(crate) const fn is_plain(self) -> bool {
        matches!(self, Self::Etrn | Self::Turn | Self::Xclient | Self::Xforward)
    }

    /// Whether it is served before TLS where TLS has to come first (RFC 3207 4).
    pub(crate) const fn is_before_tls(self) -> bool {
        matches!(self, Self::Noop | Self::Ehlo | Self::Lhlo | Self::StartTls | Self::Quit)
    }

    /// Whether it is served before AUTH where AUTH has to come first (RFC 4954 6).
    pub(crate) const fn is_before_auth(self) -> bool {
        self.is_before_tls() || matches!(self, Self::Auth | Self::Helo | Self::Rset)
    }

    /// Whether it counts as idle: it does nothing for any letter.
    #[must_use]
    pub fn is_idle(self) -> bool {
        self.row().idle
    }

    /// Every verb that is known by name.
    pub fn all() -> impl Iterator<Item = Self> {
        TABLE.iter().map(|row| row.verb).filter(|&verb| verb != Self::Other)
    }
}

impl fmt::Display for Verb {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Whether an application may declare this verb: it has no meaning here, and is no word of another protocol.
pub(super) fn is_free(word: &[u8]) -> bool {
    match Verb::parse(word) {
        Some(verb) => verb.is_plain(),
        None => stranger(word) == ParseErrorKind::Verb,
    }
}

/// What a word that is no verb tells of its sender: an HTTP method or a header line is another protocol, reaching here by mistake or by an attack.
fn stranger(word: &[u8]) -> ParseErrorKind {
    const HTTP: [&[u8]; 9] =
        [b"GET", b"HEAD", b"POST", b"PUT", b"DELETE", b"CONNECT", b"OPTIONS", b"TRACE", b"PATCH"];
    let foreign =
        word.ends_with(b":") || HTTP.iter().any(|method| word.eq_ignore_ascii_case(method));
    if foreign { ParseErrorKind::ForeignProtocol } else { ParseErrorKind::Verb }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_stands_at_its_verb_and_reads_back() {
        for (row, verb) in TABLE.iter().zip(Verb::all()) {
            assert_eq!(verb.name(), row.name);
            assert_eq!(Verb::parse(row.name.as_bytes()), Some(verb));
            assert_eq!(Verb::parse(row.name.to_ascii_lowercase().as_bytes()), Some(verb));
        }
    }

    #[test]
    fn case_is_folded_for_a_to_z_only() {
        for word in ["MA\u{130}L", "\u{d}AIL", "mai", "MAILX", "xSTARTTLS", "", "STARTTLSX"] {
            assert_eq!(Verb::parse(word.as_bytes()), None, "{word:?}");
        }
        assert_eq!(Verb::parse(&[b'M' ^ 0x40, b'A', b'I', b'L']), None);
    }

    #[test]
    fn another_protocol_is_told_from_an_unknown_verb() {
        let kind = |line: &'static str| Verb::split_from(line.as_bytes()).unwrap_err();
        assert_eq!(kind("GET / HTTP/1.1"), ParseErrorKind::ForeignProtocol);
        assert_eq!(kind("Subject: x"), ParseErrorKind::ForeignProtocol);
        // The fifth octet is a space, the word is shorter.
        assert_eq!(kind("GET  / HTTP/1.1"), ParseErrorKind::ForeignProtocol);
        assert_eq!(kind("To:  bob"), ParseErrorKind::ForeignProtocol);
        assert_eq!(kind("PROXY TCP4 1.1.1.1"), ParseErrorKind::Verb);
        assert_eq!(kind(" MAIL FROM:<a@x>"), ParseErrorKind::Verb);
        assert_eq!(kind("RSET\rQUIT"), ParseErrorKind::Verb);
        assert_eq!(kind(""), ParseErrorKind::Verb);
    }
}
