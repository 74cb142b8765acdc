//! Extensions that this crate has never heard of, as an application declares them.

use alloc::string::{String, ToString};
use alloc::sync::Arc;
use alloc::vec::Vec;

use super::extension::Carrier;
use super::{Extension, Extensions, FreeText, ParseError, ParseErrorKind};
use super::{extensions, params, verb};

/// One such extension: the line of the reply to EHLO that offers it, and the verbs and parameters that come with it.
///
/// Their values reach the application raw but checked: a parameter through [`MailParams::get`](super::MailParams::get), a verb as an
/// event. A client sends them where the server offers the keyword.
///
/// ```
/// use smtp_proto::Declaration;
///
/// let declaration = Declaration::new("X-FOO a b")?
///     .with_verb("XFOO")?
///     .with_mail("X-FOO")?
///     .with_growth(20); // " X-FOO=" and 13 octets
/// assert_eq!(declaration.keyword(), "X-FOO");
/// assert!(Declaration::new("SIZE 5").is_err(), "this one is known");
/// # Ok::<(), smtp_proto::ParseError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Declaration {
    line: String,
    verbs: Vec<String>,
    mail: Vec<String>,
    rcpt: Vec<String>,
    growth: usize,
}

impl Declaration {
    /// An extension that is offered by this line, its keyword first.
    ///
    /// # Errors
    ///
    /// It is no `ehlo-line` (RFC 5321 4.1.1.1), or the keyword is known here.
    pub fn new(line: &str) -> Result<Self, ParseError> {
        extensions::ehlo_line(line)?;
        let declaration = Self {
            line: line.to_string(),
            verbs: Vec::new(),
            mail: Vec::new(),
            rcpt: Vec::new(),
            growth: 0,
        };
        unknown(Extension::parse(declaration.keyword()).is_none())?;
        Ok(declaration)
    }

    /// The line.
    #[must_use]
    pub fn line(&self) -> &str {
        &self.line
    }

    /// The keyword.
    #[must_use]
    pub fn keyword(&self) -> &str {
        extensions::keyword_of(&self.line)
    }

    /// The same extension with a verb. It ends a pipelined group, and means nothing to the machines but that it is to be answered.
    ///
    /// # Errors
    ///
    /// It is no word of letters, digits and hyphens, or a verb that has a meaning here.
    pub fn with_verb(mut self, verb: &str) -> Result<Self, ParseError> {
        keyword(verb)?;
        unknown(verb::is_free(verb.as_bytes()))?;
        self.verbs.push(verb.to_string());
        Ok(self)
    }

    /// The same extension with a parameter of MAIL.
    ///
    /// # Errors
    ///
    /// It is no `esmtp-keyword`, or a parameter that is known here.
    pub fn with_mail(mut self, parameter: &str) -> Result<Self, ParseError> {
        keyword(parameter)?;
        unknown(!Carrier::Mail.knows(parameter))?;
        self.mail.push(parameter.to_string());
        Ok(self)
    }

    /// The same extension with a parameter of RCPT.
    ///
    /// # Errors
    ///
    /// As [`with_mail`](Self::with_mail).
    pub fn with_rcpt(mut self, parameter: &str) -> Result<Self, ParseError> {
        keyword(parameter)?;
        unknown(!Carrier::Rcpt.knows(parameter))?;
        self.rcpt.push(parameter.to_string());
        Ok(self)
    }

    /// The same extension, which makes the longest command line longer by so many octets (RFC 5321 4.5.3.1.4).
    #[must_use]
    pub const fn with_growth(mut self, octets: usize) -> Self {
        self.growth = octets;
        self
    }

    fn has_parameter(&self, carrier: Carrier, parameter: &str) -> bool {
        let parameters = match carrier {
            Carrier::Mail => &self.mail,
            Carrier::Rcpt => &self.rcpt,
        };
        parameters.iter().any(|declared| declared.eq_ignore_ascii_case(parameter))
    }
}

fn keyword(word: &str) -> Result<(), ParseError> {
    params::keyword(word)
}

fn unknown(unknown: bool) -> Result<(), ParseError> {
    if unknown { Ok(()) } else { Err(ParseError::new(0, ParseErrorKind::Known)) }
}

/// All extensions that an application declares. A copy is cheap.
///
/// ```
/// use smtp_proto::server::{Channel, Config};
/// use smtp_proto::{Declaration, Declared};
///
/// let mut config = Config::new("mx.test")?;
/// config.declared = Declared::of([Declaration::new("X-FOO")?.with_rcpt("X-BAR")?]);
/// assert_eq!(config.offered(Channel::Clear).other("X-FOO"), Some("X-FOO"));
/// # Ok::<(), smtp_proto::ParseError>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Declared(Option<Arc<[Declaration]>>);

impl Declared {
    /// None.
    pub const NONE: Self = Self(None);

    /// These; of two with one keyword the first.
    #[must_use]
    pub fn of(declarations: impl IntoIterator<Item = Declaration>) -> Self {
        let mut all: Vec<Declaration> = Vec::new();
        for declaration in declarations {
            let same =
                |other: &Declaration| other.keyword().eq_ignore_ascii_case(declaration.keyword());
            if !all.iter().any(same) {
                all.push(declaration);
            }
        }
        Self((!all.is_empty()).then(|| all.into()))
    }

    /// Each of them.
    pub fn iter(&self) -> impl Iterator<Item = &Declaration> {
        self.0.iter().flat_map(|all| all.iter())
    }

    /// Whether there is none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.0.is_none()
    }

    /// Those whose keyword is offered.
    #[must_use]
    pub fn offered_in(&self, offered: &Extensions) -> Self {
        let is_offered =
            |declaration: &&Declaration| offered.other(declaration.keyword()).is_some();
        if self.iter().all(|declaration| is_offered(&declaration)) {
            return self.clone();
        }
        Self::of(self.iter().filter(is_offered).cloned())
    }

    /// What they add to the longest command line, in octets.
    pub(crate) fn growth(&self) -> usize {
        self.iter().map(|declaration| declaration.growth).fold(0, usize::saturating_add)
    }

    pub(super) fn has_parameter(&self, carrier: Carrier, parameter: &str) -> bool {
        self.iter().any(|declaration| declaration.has_parameter(carrier, parameter))
    }

    /// The declared verb at the front of a command line without its CRLF, as it came, and the text behind it; `None` where there is no such
    /// verb.
    ///
    /// # Errors
    ///
    /// The text is not printable US-ASCII.
    pub fn split_verb<'b>(
        &self,
        line: &'b [u8],
    ) -> Option<Result<(&'b str, FreeText<'b>), ParseError>> {
        let end = line.iter().position(|&octet| octet == b' ').unwrap_or(line.len());
        let (word, rest) = line.split_at_checked(end)?;
        let word = core::str::from_utf8(word).ok()?;
        let mut verbs = self.iter().flat_map(|declaration| &declaration.verbs);
        verbs.find(|verb| verb.eq_ignore_ascii_case(word))?;
        let text = rest.strip_prefix(b" ").unwrap_or_default();
        let start = line.len().saturating_sub(text.len());
        let stop = text.iter().position(|&octet| !super::chars::is_printable(octet));
        let fault = |at: usize| ParseError::new(start.saturating_add(at), ParseErrorKind::Text);
        let text = core::str::from_utf8(text).ok().and_then(FreeText::new);
        Some(text.map(|text| (word, text)).ok_or_else(|| fault(stop.unwrap_or_default())))
    }
}

#[cfg(test)]
mod tests;
