//! Command lines: RFC 5321 4.1.1.

use alloc::string::String;
use alloc::vec::Vec;

use super::{
    Host, Param, Path, forward_path, host, is_printable, mail_params, rcpt_params, reverse_path,
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
    /// DATA, RSET or QUIT.
    Plain(String),
    /// NOOP, HELP, VRFY or EXPN, and what stands behind.
    Text(String, String),
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

const UNREAD: [&str; 11] =
    ["BDAT", "STARTTLS", "AUTH", "ETRN", "ATRN", "BURL", "TURN", "SEND", "SOML", "SAML", "XCLIENT"];
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
    if UNREAD.contains(&&*word) || word == "XFORWARD" {
        return Ok(Command::Unread(word));
    }
    arguments(word, &line[end..], syntax).ok_or(Fault::Malformed)
}

fn arguments(verb: String, rest: &[u8], syntax: Syntax) -> Option<Command> {
    if matches!(&*verb, "DATA" | "RSET" | "QUIT") {
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
        "NOOP" | "HELP" | "VRFY" | "EXPN" => {
            let missing = text.is_empty() && matches!(&*verb, "VRFY" | "EXPN");
            let sound = !missing && text.chars().all(is_printable);
            sound.then(|| Command::Text(verb, text.into()))
        }
        "MAIL" => envelope(text, "FROM:", syntax, reverse_path, mail_params)
            .map(|(path, params)| Command::Mail(path, params)),
        "RCPT" => envelope(text, "TO:", syntax, forward_path, rcpt_params)
            .map(|(path, params)| Command::Rcpt(path, params)),
        _ => None,
    }
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
