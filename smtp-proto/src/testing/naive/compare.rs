//! Both parsers over the same octets.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt::Debug;
use core::net::IpAddr;

use super::command::mechanism;
use super::{Command, Fault, Host, Mailbox, Meaning, Param, Path, Reply};
use crate::wire::input::Input;
use crate::{
    Body, Escaped, Extension, Extensions, ForwardPath, Last, MailParams, ParseErrorKind,
    RcptParams, ReversePath, SessionLimits, Syntax, Xtext,
};

/// A production of the grammar that has two parsers.
///
/// ```
/// use smtp_proto::Syntax;
/// use smtp_proto::testing::naive::Production;
///
/// assert_eq!(Production::Xtext.compare(b"a+2Bb", Syntax::STRICT), Ok(true));
/// assert_eq!(Production::Xtext.compare(b"a+2bb", Syntax::STRICT), Ok(false));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Production {
    /// A command line without its CRLF.
    Command,
    /// The path of MAIL, brackets included.
    ReversePath,
    /// The path of RCPT, brackets included.
    ForwardPath,
    /// A mailbox.
    Mailbox,
    /// A domain or an address literal.
    Host,
    /// The parameters of MAIL, the space in front of the first included.
    MailParams,
    /// The parameters of RCPT, the space in front of the first included.
    RcptParams,
    /// xtext.
    Xtext,
    /// base64.
    Base64,
    /// A whole reply with its CRLFs.
    Reply,
    /// A reply to EHLO, read for what it offers.
    Ehlo,
}

/// The two parsers of a production read the same octets differently.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{production:?} under {syntax:?} of {shown}\n  ours:  {ours}\n  naive: {naive}")]
#[non_exhaustive]
pub struct Difference {
    /// Of what.
    pub production: Production,
    /// The tolerances that were on.
    pub syntax: Syntax,
    /// The octets, escaped.
    pub shown: String,
    /// What the crate's parser said.
    pub ours: String,
    /// What the naive one said.
    pub naive: String,
}

impl Production {
    /// Every production.
    pub const ALL: [Self; 11] = [
        Self::Command,
        Self::ReversePath,
        Self::ForwardPath,
        Self::Mailbox,
        Self::Host,
        Self::MailParams,
        Self::RcptParams,
        Self::Xtext,
        Self::Base64,
        Self::Reply,
        Self::Ehlo,
    ];

    /// Reads `octets` twice. `Ok` says whether they are well-formed.
    ///
    /// # Errors
    ///
    /// The parsers disagree on whether they are, or on what they mean.
    pub fn compare(self, octets: &[u8], syntax: Syntax) -> Result<bool, Difference> {
        let both = Both { production: self, octets, syntax };
        let text = core::str::from_utf8(octets);
        match self {
            Self::Command => both.command(),
            Self::ReversePath => {
                both.agree(reverse_path(octets, syntax), super::reverse_path(octets, syntax))
            }
            Self::ForwardPath => {
                both.agree(forward_path(octets, syntax), super::forward_path(octets, syntax))
            }
            Self::Mailbox => {
                let ours = crate::Mailbox::parse_with(octets, syntax).ok();
                both.agree(ours.map(|ours| mailbox(&ours)), super::mailbox(octets, syntax))
            }
            Self::Host => {
                let ours = crate::Host::parse_with(octets, syntax).ok();
                both.agree(ours.map(|ours| host(&ours)), super::host(octets, syntax))
            }
            Self::MailParams => {
                let ours = MailParams::parse(octets, syntax).ok();
                both.agree(ours.map(|ours| mail_params(&ours)), super::mail_params(octets, syntax))
            }
            Self::RcptParams => {
                let ours = RcptParams::parse(octets, syntax).ok();
                both.agree(ours.map(|ours| rcpt_params(&ours)), super::rcpt_params(octets, syntax))
            }
            Self::Xtext => {
                let ours = text.ok().and_then(Xtext::parse);
                let ours = ours.map(|ours| ours.decode().collect::<Vec<u8>>());
                both.agree(ours, text.ok().and_then(super::xtext))
            }
            Self::Base64 => {
                let ours = crate::Base64::parse(octets).ok();
                both.agree(ours.map(|ours| ours.decode()), text.ok().and_then(super::base64))
            }
            Self::Reply => {
                let ours = crate::Reply::parse(octets).ok();
                both.agree(ours.map(|ours| reply(&ours)), super::reply(octets))
            }
            Self::Ehlo => {
                let ours = crate::Reply::parse(octets).ok();
                let ours = ours.map(|ours| Offer::of(&Extensions::from_reply(&ours)));
                both.agree(ours, super::ehlo(octets).map(|lines| Offer::named(&lines)))
            }
        }
    }
}

struct Both<'a> {
    production: Production,
    octets: &'a [u8],
    syntax: Syntax,
}

impl Both<'_> {
    fn agree<T: PartialEq + Debug + Read>(&self, ours: T, naive: T) -> Result<bool, Difference> {
        if ours == naive {
            return Ok(ours.is_value());
        }
        Err(Difference {
            production: self.production,
            syntax: self.syntax,
            shown: Escaped(self.octets).to_string(),
            ours: format!("{ours:?}"),
            naive: format!("{naive:?}"),
        })
    }

    fn command(&self) -> Result<bool, Difference> {
        let ours = crate::Command::parse_with(self.octets, self.syntax);
        let naive = super::command(self.octets, self.syntax);
        if matches!(naive, Ok(Command::Unread(_))) {
            return Ok(ours.is_ok());
        }
        let ours = ours.map_err(|error| match error.kind {
            ParseErrorKind::ForeignProtocol => Fault::Foreign,
            _ => Fault::Malformed,
        });
        self.agree(ours.map(|ours| command(&ours)), naive)
    }
}

/// What a parser returns.
trait Read {
    fn is_value(&self) -> bool;
}

impl<T> Read for Option<T> {
    fn is_value(&self) -> bool {
        self.is_some()
    }
}

impl<T, E> Read for Result<T, E> {
    fn is_value(&self) -> bool {
        self.is_ok()
    }
}

// What the crate's values are in naive terms.

fn command(command: &crate::Command<'_>) -> Command {
    let verb = command.verb().name().to_string();
    match command {
        crate::Command::Hello { name, .. } => Command::Hello(verb, host(name)),
        crate::Command::Mail(mail) => {
            Command::Mail(path_of_reverse(&mail.from), mail_params(&mail.params))
        }
        crate::Command::Rcpt(rcpt) => {
            Command::Rcpt(path_of_forward(&rcpt.to), rcpt_params(&rcpt.params))
        }
        crate::Command::Query { text, smtputf8: true, .. } => {
            Command::Utf8Text(verb, text.as_str().into())
        }
        crate::Command::Noop(text) | crate::Command::Query { text, .. } => {
            Command::Text(verb, text.as_str().into())
        }
        crate::Command::Auth(auth) => Command::Auth(
            auth.mechanism.to_string(),
            auth.initial.map(|response| response.decode()),
        ),
        crate::Command::Bdat { octets, last: Last::Yes } => Command::Bdat(*octets, "LAST"),
        crate::Command::Bdat { octets, last: Last::No } => Command::Bdat(*octets, ""),
        crate::Command::Unsupported(_) => Command::Unread(verb),
        _ => Command::Plain(verb),
    }
}

fn reverse_path(octets: &[u8], syntax: Syntax) -> Option<Path> {
    let (path, behind) = ReversePath::at(&Input::new(octets), 0, syntax).ok()?;
    (behind == octets.len()).then(|| path_of_reverse(&path))
}

fn forward_path(octets: &[u8], syntax: Syntax) -> Option<Path> {
    let (path, behind) = ForwardPath::at(&Input::new(octets), 0, syntax).ok()?;
    (behind == octets.len()).then(|| path_of_forward(&path))
}

fn path_of_reverse(path: &ReversePath<'_>) -> Path {
    path.mailbox().map_or(Path::Null, |ours| Path::Mailbox(mailbox(&ours)))
}

fn path_of_forward(path: &ForwardPath<'_>) -> Path {
    path.mailbox().map_or(Path::Postmaster, |ours| Path::Mailbox(mailbox(&ours)))
}

fn mailbox(mailbox: &crate::Mailbox<'_>) -> Mailbox {
    let unquoted: Vec<u8> = mailbox.local_part().unquoted().collect();
    Mailbox {
        local_part: mailbox.local_part().as_str().into(),
        unquoted: String::from_utf8_lossy(&unquoted).into_owned(),
        host: host(&mailbox.domain()),
    }
}

fn host(host: &crate::Host<'_>) -> Host {
    match host {
        crate::Host::Domain(domain) => Host::Domain(domain.as_str().into()),
        crate::Host::Literal(literal) => match literal.address() {
            IpAddr::V4(address) => Host::V4(address.octets().map(u16::from).to_vec()),
            IpAddr::V6(address) => Host::V6(address.segments().to_vec()),
        },
    }
}

fn mail_params(params: &MailParams<'_>) -> Vec<Param> {
    let meaning = |keyword: &str| match keyword {
        "SIZE" => params.size().map(Meaning::Number),
        "BODY" => params.body().map(Body::name).map(word),
        "RET" => params.ret().map(|ret| word(ret.name())),
        "ENVID" => params.envid().map(|envid| Meaning::Octets(envid.decode().collect())),
        "AUTH" => params.auth().map(|auth| Meaning::Octets(auth.decode().collect())),
        "REQUIRETLS" => params.requiretls().then_some(Meaning::Raw),
        "SMTPUTF8" => params.smtputf8().then_some(Meaning::Raw),
        _ => Some(Meaning::Raw),
    };
    params.iter().map(|param| named(param, meaning)).collect()
}

fn rcpt_params(params: &RcptParams<'_>) -> Vec<Param> {
    let meaning = |keyword: &str| match keyword {
        "NOTIFY" => params.notify().map(|notify| {
            let shown = notify.to_string();
            let mut words: Vec<String> = shown.split(',').map(Into::into).collect();
            words.sort();
            Meaning::Words(words)
        }),
        "ORCPT" => params.orcpt().map(|orcpt| {
            Meaning::Address(orcpt.address_type().to_ascii_lowercase(), orcpt.address())
        }),
        _ => Some(Meaning::Raw),
    };
    params.iter().map(|param| named(param, meaning)).collect()
}

fn word(word: &str) -> Meaning {
    Meaning::Words([word.into()].into())
}

/// A parameter whose accessor says nothing has no words.
fn named(param: crate::Param<'_>, meaning: impl Fn(&str) -> Option<Meaning>) -> Param {
    let upper = param.keyword.to_ascii_uppercase();
    Param {
        keyword: param.keyword.into(),
        value: param.value.map(Into::into),
        meaning: meaning(&upper).unwrap_or(Meaning::Words(Vec::new())),
    }
}

fn reply(reply: &crate::Reply<'_>) -> Reply {
    let enhanced = reply.enhanced().map(|enhanced| {
        let condition = enhanced.condition();
        [u16::from(enhanced.class().digit()), condition.subject(), condition.detail()]
    });
    Reply { code: reply.code().get(), enhanced, lines: reply.lines().map(<[u8]>::to_vec).collect() }
}

/// What both sides can say of an EHLO reply.
#[derive(Debug, PartialEq, Eq)]
struct Offer {
    known: Vec<&'static str>,
    size: Option<u64>,
    mechanisms: Vec<String>,
    /// MAILMAX, RCPTMAX and RCPTDOMAINMAX.
    limits: [Option<u32>; 3],
    others: Vec<String>,
}

impl Offer {
    fn of(offered: &Extensions) -> Self {
        let known = Extension::all().filter(|extension| offered.contains(*extension));
        let SessionLimits { mails, recipients, domains } = offered.limits();
        Self {
            known: known.map(Extension::keyword).collect(),
            size: offered.size(),
            mechanisms: offered
                .mechanisms()
                .iter()
                .map(|mechanism| mechanism.to_string())
                .collect(),
            limits: [mails, recipients, domains],
            others: offered.others().map(upper_keyword).collect(),
        }
    }

    /// Of two lines with one keyword the stricter holds, and all of AUTH.
    fn named(lines: &[(String, String)]) -> Self {
        let all = |name| lines.iter().filter(move |line| line.0 == name).map(|line| &*line.1);
        let mut mechanisms: Vec<String> = Vec::new();
        for name in all("AUTH").flat_map(|names| names.split(' ')).filter_map(mechanism) {
            if !mechanisms.contains(&name) {
                mechanisms.push(name);
            }
        }
        let sizes: Vec<u64> = all("SIZE").filter_map(|number| number_of(number, 20)).collect();
        let limits: Vec<_> = all("LIMITS").filter_map(limits).collect();
        let unknown = |keyword: &str| Extension::all().all(|known| known.keyword() != keyword);
        let others = lines.iter().filter(|(keyword, _)| unknown(keyword));
        Self {
            known: Extension::all()
                .map(Extension::keyword)
                .filter(|name| all(name).next().is_some())
                .collect(),
            size: sizes
                .iter()
                .filter(|&&octets| octets > 0)
                .min()
                .or_else(|| sizes.first())
                .copied(),
            mechanisms,
            limits: [0, 1, 2].map(|at| limits.iter().filter_map(|limits| limits[at]).min()),
            others: others
                .map(|(keyword, params)| upper_keyword(&[keyword, " ", params].concat()))
                .collect(),
        }
    }
}

/// Digits, at most so many; what does not fit is the largest.
fn number_of(text: &str, most: usize) -> Option<u64> {
    let sound = (1..=most).contains(&text.len()) && text.chars().all(|c| super::DIGITS.contains(c));
    sound.then(|| text.parse().unwrap_or(u64::MAX))
}

/// RFC 9422 3: a value that is none is ignored, syntax that is none voids all.
fn limits(params: &str) -> Option<[Option<u32>; 3]> {
    let mut limits = [None; 3];
    for param in params.split(' ') {
        let (name, value) = param.split_once('=').unwrap_or((param, "-"));
        let named =
            !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || "-_".contains(c));
        if !named || value.is_empty() || value.contains(';') {
            return None;
        }
        let index = ["MAILMAX", "RCPTMAX", "RCPTDOMAINMAX"]
            .iter()
            .position(|known| name.eq_ignore_ascii_case(known));
        let number = number_of(value, 6).filter(|_| !value.starts_with('0'));
        if let (Some(index), Some(number)) = (index, number) {
            let number = u32::try_from(number).ok();
            limits[index] = [limits[index], number].into_iter().flatten().min();
        }
    }
    Some(limits)
}

fn upper_keyword(line: &str) -> String {
    let (keyword, params) = line.split_once(' ').unwrap_or((line, ""));
    [&keyword.to_ascii_uppercase(), " ", params].concat()
}
