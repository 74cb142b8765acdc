//! Command lines: RFC 5321 4.1.1.

use alloc::string::String;
use alloc::vec::Vec;

use super::{
    DIGITS, Host, LETTERS, NonAscii, Param, Path, base64, forward_path, host, is_printable,
    mail_params, only, rcpt_params, reverse_path,
};
use crate::Syntax;

/// A command line that is well-formed.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Command {
    /// EHLO, HELO or LHLO.
    Hello(String, Host),
    /// MAIL.
    Mail(Path, Vec<Param>),
    /// RCPT.
    Rcpt(Path, Vec<Param>),
    /// DATA, RSET, QUIT or STARTTLS.
    Plain(String),
    /// NOOP, HELP, VRFY or EXPN, and what stands behind.
    Text(String, String),
    /// VRFY or EXPN with SMTPUTF8, and what stands between.
    Utf8Text(String, String),
    /// AUTH: the mechanism in upper case, and the octets of the initial response.
    Auth(String, Option<Vec<u8>>),
    /// BDAT: the octets of the chunk, and what stands behind: nothing, or `LAST`.
    Bdat(u64, &'static str),
    /// A verb that exists, whose arguments are not read here.
    Unread(String),
}

/// What is wrong with a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Fault {
    /// It is a command of another protocol, or a header field.
    Foreign,
    /// It is malformed.
    Malformed,
}

const UNREAD: [&str; 9] =
    ["ETRN", "ATRN", "BURL", "TURN", "SEND", "SOML", "SAML", "XCLIENT", "XFORWARD"];
const HTTP: [&str; 9] =
    ["GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH"];

/// Reads a line without its CRLF.
///
/// # Errors
///
/// It is no command.
pub fn command(line: &[u8], syntax: Syntax) -> Result<Command, Fault> {
    let mut line = line.to_vec();
    while syntax.contains(Syntax::TRAILING_SPACE) && matches!(line.last(), Some(b' ' | b'\t')) {
        line.pop();
    }
    let end = line.iter().position(|octet| b" \t".contains(octet)).unwrap_or(line.len());
    let word = String::from_utf8_lossy(&line[..end]).to_ascii_uppercase();
    if HTTP.contains(&&*word) || word.ends_with(':') {
        return Err(Fault::Foreign);
    }
    if UNREAD.contains(&&*word) {
        return Ok(Command::Unread(word));
    }
    arguments(word, &line[end..], syntax).ok_or(Fault::Malformed)
}

fn arguments(verb: String, rest: &[u8], syntax: Syntax) -> Option<Command> {
    if matches!(&*verb, "DATA" | "RSET" | "QUIT" | "STARTTLS") {
        return rest.is_empty().then_some(Command::Plain(verb));
    }
    if rest.is_empty() {
        return matches!(&*verb, "NOOP" | "HELP").then(|| Command::Text(verb, String::new()));
    }
    let text = core::str::from_utf8(rest).ok()?.strip_prefix(' ')?;
    let text =
        if syntax.contains(Syntax::TWO_SPACES) { text.trim_start_matches(' ') } else { text };
    match &*verb {
        "EHLO" | "HELO" | "LHLO" => {
            let literal = text.starts_with('[');
            let refused = literal && verb == "HELO" && !syntax.contains(Syntax::LITERAL_IN_HELO);
            let name = host(text.as_bytes(), syntax).filter(|_| text.is_ascii() && !refused)?;
            Some(Command::Hello(verb, name))
        }
        "NOOP" | "HELP" => text.chars().all(is_printable).then(|| Command::Text(verb, text.into())),
        "VRFY" | "EXPN" => query(verb, text),
        "AUTH" => auth(text),
        "BDAT" => chunk(text, syntax),
        "MAIL" => envelope(text, "FROM:", syntax, reverse_path, mail_params)
            .map(|(path, params)| Command::Mail(path, params)),
        "RCPT" => envelope(text, "TO:", syntax, forward_path, rcpt_params)
            .map(|(path, params)| Command::Rcpt(path, params)),
        _ => None,
    }
}

/// RFC 6531 3.7.4.2.
fn query(verb: String, text: &str) -> Option<Command> {
    match text.rsplit_once(' ') {
        Some((text, word)) if !text.is_empty() && word.eq_ignore_ascii_case("SMTPUTF8") => {
            let sound = text.chars().all(|c| is_printable(c) || !c.is_ascii());
            sound.then(|| Command::Utf8Text(verb, text.into()))
        }
        _ => {
            let sound = !text.is_empty() && text.chars().all(is_printable);
            sound.then(|| Command::Text(verb, text.into()))
        }
    }
}

/// RFC 4954 8.
fn auth(text: &str) -> Option<Command> {
    let (name, response) = match text.split_once(' ') {
        Some((name, response)) => (name, Some(response)),
        None => (text, None),
    };
    let mechanism = mechanism(name)?;
    let response = match response {
        None => None,
        Some("") => return None,
        Some("=") => Some(Vec::new()),
        Some(text) => Some(base64(text)?),
    };
    Some(Command::Auth(mechanism, response))
}

/// RFC 4422 3.1: the name in upper case.
pub(super) fn mechanism(name: &str) -> Option<String> {
    let sound =
        (1..=20).contains(&name.len()) && only(name, &[LETTERS, DIGITS, "-_"], NonAscii::Not);
    sound.then(|| name.to_ascii_uppercase())
}

/// RFC 3030 2.
fn chunk(text: &str, syntax: Syntax) -> Option<Command> {
    let (digits, word) = text.split_once(' ').unwrap_or((text, "LAST"));
    let word =
        if syntax.contains(Syntax::TWO_SPACES) { word.trim_start_matches(' ') } else { word };
    let sound = only(digits, &[DIGITS], NonAscii::Not) && word.eq_ignore_ascii_case("LAST");
    let octets = digits.parse().ok().filter(|_| sound)?;
    Some(Command::Bdat(octets, if text.contains(' ') { "LAST" } else { "" }))
}

/// The path may end at the end of the line, and in front of every space.
fn envelope(
    text: &str,
    word: &str,
    syntax: Syntax,
    path: fn(&[u8], Syntax) -> Option<Path>,
    params: fn(&[u8], Syntax) -> Option<Vec<Param>>,
) -> Option<(Path, Vec<Param>)> {
    let (head, behind) = text.split_at_checked(word.len())?;
    if !head.eq_ignore_ascii_case(word) {
        return None;
    }
    let mut behind = behind.as_bytes();
    while syntax.contains(Syntax::SPACE_AFTER_COLON) && behind.first() == Some(&b' ') {
        behind = &behind[1..];
    }
    // An underscore is tolerated in a hello alone.
    let syntax = syntax.without(Syntax::UNDERSCORE);
    let ends = (0..=behind.len()).filter(|&end| matches!(behind.get(end), None | Some(b' ')));
    ends.filter_map(|end| Some((path(&behind[..end], syntax)?, params(&behind[end..], syntax)?)))
        .next()
}
