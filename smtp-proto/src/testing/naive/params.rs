//! Parameters of MAIL and RCPT (RFC 5321 4.1.2), and what those that are known by name mean.

use alloc::string::{String, ToString};
use alloc::vec::Vec;

use super::{DIGITS, HEX, LETTERS, NonAscii, is_printable, mailbox, only, xtext};
use crate::Syntax;

/// One parameter.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "RFC 5321 4.1.2 has these parts")]
pub struct Param {
    /// The keyword as it stood there.
    pub keyword: String,
    /// The value, where there is one.
    pub value: Option<String>,
    /// What the value says.
    pub meaning: Meaning,
}

/// What the value of a parameter says.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Meaning {
    /// Nothing that is known here.
    Raw,
    /// A number; one that does not fit is the largest.
    Number(u64),
    /// Words in upper case, sorted.
    Words(Vec<String>),
    /// Octets that were encoded.
    Octets(Vec<u8>),
    /// An address type in lower case, and the address.
    Address(String, String),
}

type Read = fn(Option<&str>) -> Option<Meaning>;

/// Keyword, and the reader of its value.
const MAIL: [(&str, Read); 7] = [
    ("SIZE", size),
    ("BODY", body),
    ("SMTPUTF8", nothing),
    ("RET", ret),
    ("ENVID", envid),
    ("AUTH", auth),
    ("REQUIRETLS", nothing),
];
const RCPT: [(&str, Read); 2] = [("NOTIFY", notify), ("ORCPT", orcpt)];

/// Reads the parameters of MAIL that are all of `octets`, the space in front of the first included.
#[must_use]
pub fn mail_params(octets: &[u8], syntax: Syntax) -> Option<Vec<Param>> {
    params(octets, syntax, &MAIL)
}

/// Reads the parameters of RCPT that are all of `octets`, the space in front of the first included.
#[must_use]
pub fn rcpt_params(octets: &[u8], syntax: Syntax) -> Option<Vec<Param>> {
    params(octets, syntax, &RCPT)
}

fn params(octets: &[u8], syntax: Syntax, table: &[(&str, Read)]) -> Option<Vec<Param>> {
    let text = core::str::from_utf8(octets).ok()?;
    if text.is_empty() {
        return Some(Vec::new());
    }
    let mut words: Vec<&str> = text.split(' ').collect();
    if !words.remove(0).is_empty() || words.last().is_none_or(|last| last.is_empty()) {
        return None;
    }
    if syntax.contains(Syntax::TWO_SPACES) {
        words.retain(|word| !word.is_empty());
    }
    let params: Vec<Param> = words.iter().map(|word| param(word, table)).collect::<Option<_>>()?;
    let mut keywords: Vec<String> =
        params.iter().map(|param| param.keyword.to_ascii_uppercase()).collect();
    keywords.sort();
    keywords.dedup();
    (keywords.len() == params.len() && params.len() <= 32).then_some(params)
}

fn param(word: &str, table: &[(&str, Read)]) -> Option<Param> {
    let (keyword, value) = match word.split_once('=') {
        Some((keyword, value)) => (keyword, Some(value)),
        None => (word, None),
    };
    let sound_keyword = !keyword.is_empty()
        && !keyword.starts_with('-')
        && only(keyword, &[LETTERS, DIGITS, "-"], NonAscii::Not);
    let sound_value = value.is_none_or(|value| {
        let sound = |c: char| (is_printable(c) && c != ' ' && c != '=') || !c.is_ascii();
        !value.is_empty() && value.chars().all(sound)
    });
    if !sound_keyword || !sound_value {
        return None;
    }
    let upper = keyword.to_ascii_uppercase();
    let meaning = match table.iter().find(|(name, _)| *name == upper) {
        Some((_, read)) => read(value)?,
        None => Meaning::Raw,
    };
    Some(Param { keyword: keyword.into(), value: value.map(Into::into), meaning })
}

fn nothing(value: Option<&str>) -> Option<Meaning> {
    value.is_none().then_some(Meaning::Raw)
}

/// One of `words`.
fn word(value: Option<&str>, words: &[&str]) -> Option<Meaning> {
    let upper = value?.to_ascii_uppercase();
    words.contains(&&*upper).then(|| Meaning::Words([upper].into()))
}

/// RFC 1870 3.
fn size(value: Option<&str>) -> Option<Meaning> {
    let digits = value?;
    let sound = digits.len() <= 20 && only(digits, &[DIGITS], NonAscii::Not);
    sound.then(|| Meaning::Number(digits.parse().unwrap_or(u64::MAX)))
}

/// RFC 6152 2, RFC 3030 3.
fn body(value: Option<&str>) -> Option<Meaning> {
    word(value, &["7BIT", "8BITMIME", "BINARYMIME"])
}

/// RFC 3461 4.3.
fn ret(value: Option<&str>) -> Option<Meaning> {
    word(value, &["FULL", "HDRS"])
}

/// RFC 3461 4.4.
fn envid(value: Option<&str>) -> Option<Meaning> {
    let octets = xtext(value?).filter(|_| value.is_some_and(|value| value.len() <= 100))?;
    let sound = octets.iter().all(|octet| (32..=126).contains(octet) || *octet == 9);
    sound.then_some(Meaning::Octets(octets))
}

/// RFC 4954 5.
fn auth(value: Option<&str>) -> Option<Meaning> {
    let octets = xtext(value?)?;
    let sound = octets == b"<>" || mailbox(&octets, Syntax::STRICT).is_some();
    sound.then_some(Meaning::Octets(octets))
}

/// RFC 3461 4.1.
fn notify(value: Option<&str>) -> Option<Meaning> {
    let mut words: Vec<String> = value?.split(',').map(|word| word.to_ascii_uppercase()).collect();
    let given = words.len();
    words.sort();
    words.dedup();
    let known = words.iter().all(|word| matches!(&**word, "SUCCESS" | "FAILURE" | "DELAY"));
    (given == words.len() && (known || words == ["NEVER"])).then_some(Meaning::Words(words))
}

/// RFC 3461 4.2, RFC 6533 3.
fn orcpt(value: Option<&str>) -> Option<Meaning> {
    let value = value.filter(|value| value.len() <= 500)?;
    let (kind, text) = value.split_once(';')?;
    let atext = "!#$%&'*+-/=?^_`{|}~";
    if kind.is_empty() || text.is_empty() || !only(kind, &[LETTERS, DIGITS, atext], NonAscii::Not) {
        return None;
    }
    let kind = kind.to_ascii_lowercase();
    let address = if kind == "utf-8" {
        let characters = utf8_address(text)?;
        (!characters.chars().any(char::is_control)).then_some(characters)?
    } else {
        let octets = xtext(text)?;
        if octets.iter().any(|octet| *octet < 32 || *octet == 127) {
            return None;
        }
        String::from_utf8_lossy(&octets).to_string()
    };
    Some(Meaning::Address(kind, address))
}

fn utf8_address(text: &str) -> Option<String> {
    let mut pieces = text.split('\\');
    let mut address = String::from(pieces.next()?);
    let qchar = |c: char| !c.is_ascii() || (is_printable(c) && !" +=\\".contains(c));
    if !address.chars().all(qchar) {
        return None;
    }
    for piece in pieces {
        let (digits, rest) = piece.strip_prefix("x{")?.split_once('}')?;
        let sound = (2..=6).contains(&digits.len())
            && only(digits, &[HEX], NonAscii::Not)
            && (digits.len() == 2 || !digits.starts_with('0'));
        let value = u32::from_str_radix(digits, 16).ok().filter(|_| sound)?;
        let c = char::from_u32(value)?;
        // RFC 6533 3: what stands for itself is not encoded.
        if c.is_ascii_graphic() && !"\\+=".contains(c) {
            return None;
        }
        address.push(c);
        rest.chars().all(qchar).then(|| address.push_str(rest))?;
    }
    Some(address)
}
