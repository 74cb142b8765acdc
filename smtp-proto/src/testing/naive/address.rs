//! Paths, mailboxes and hosts: RFC 5321 4.1.2 and 4.1.3, with the limits of 4.5.3.1.

use alloc::string::String;
use alloc::vec::Vec;

use super::{DIGITS, HEX, LETTERS, NonAscii, is_printable, only};
use crate::Syntax;

const ATEXT: &str = "!#$%&'*+-/=?^_`{|}~";

/// `( Domain / address-literal )`.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "RFC 5321 4.1.2 has these")]
pub enum Host {
    /// A name as it stood there.
    Domain(String),
    /// An IPv4 address, its four numbers.
    V4(Vec<u16>),
    /// An IPv6 address, its eight groups.
    V6(Vec<u16>),
}

/// A mailbox.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "RFC 5321 4.1.2 has these parts")]
pub struct Mailbox {
    /// The local part as it stood there.
    pub local_part: String,
    /// The local part that is meant, without quotes.
    pub unquoted: String,
    /// What stands behind the `@`.
    pub host: Host,
}

/// What stands in the brackets of MAIL or RCPT.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "RFC 5321 4.1.2 has these")]
pub enum Path {
    /// `<>`, of MAIL alone.
    Null,
    /// `<Postmaster>`, of RCPT alone.
    Postmaster,
    /// A mailbox; the source route in front of it is dropped.
    Mailbox(Mailbox),
}

/// Reads a reverse-path that is all of `octets`.
#[must_use]
pub fn reverse_path(octets: &[u8], syntax: Syntax) -> Option<Path> {
    if octets == b"<>" {
        return Some(Path::Null);
    }
    path(core::str::from_utf8(octets).ok()?, syntax).map(Path::Mailbox)
}

/// Reads a forward-path that is all of `octets`.
#[must_use]
pub fn forward_path(octets: &[u8], syntax: Syntax) -> Option<Path> {
    let text = core::str::from_utf8(octets).ok()?;
    let word = text.to_ascii_lowercase();
    let bare = syntax.contains(Syntax::NO_BRACKETS) && word == "postmaster";
    if word == "<postmaster>" || bare {
        return Some(Path::Postmaster);
    }
    path(text, syntax).map(Path::Mailbox)
}

fn path(text: &str, syntax: Syntax) -> Option<Mailbox> {
    let inner = match text.strip_prefix('<') {
        Some(rest) => rest.strip_suffix('>')?,
        None if syntax.contains(Syntax::NO_BRACKETS) => text,
        None => return None,
    };
    if inner.len() > 254 {
        return None;
    }
    let Some(routed) = inner.strip_prefix('@') else {
        return whole_mailbox(inner, syntax);
    };
    let (route, rest) = routed.split_once(':')?;
    let sound = route.split(",@").all(|name| is_domain(name, syntax));
    sound.then(|| whole_mailbox(rest, syntax)).flatten()
}

/// Reads a mailbox that is all of `octets`.
#[must_use]
pub fn mailbox(octets: &[u8], syntax: Syntax) -> Option<Mailbox> {
    let text = core::str::from_utf8(octets).ok()?;
    if text.len() > 254 {
        return None;
    }
    whole_mailbox(text, syntax)
}

/// Every `@` may be the one between the local part and the domain.
fn whole_mailbox(text: &str, syntax: Syntax) -> Option<Mailbox> {
    text.match_indices('@').find_map(|(at, _)| {
        let local_part = &text[..at];
        let unquoted = unquoted(local_part)?;
        let host = whole_host(&text[at + 1..], syntax)?;
        let long = local_part.len() > 64 && !syntax.contains(Syntax::LONG_LOCAL_PART);
        (!long).then(|| Mailbox { local_part: local_part.into(), unquoted, host })
    })
}

/// What a local part means; `None` where it is none.
fn unquoted(text: &str) -> Option<String> {
    let atom =
        |atom: &str| !atom.is_empty() && only(atom, &[LETTERS, DIGITS, ATEXT], NonAscii::Too);
    if text.split('.').all(atom) {
        return Some(text.into());
    }
    let inner = text.strip_prefix('"')?;
    let mut meant = String::new();
    let mut characters = inner.chars();
    loop {
        match characters.next()? {
            '"' => return characters.next().is_none().then_some(meant),
            '\\' => meant.push(characters.next().filter(|&c| is_printable(c))?),
            c if is_printable(c) || !c.is_ascii() => meant.push(c),
            _ => return None,
        }
    }
}

/// Reads a domain or address literal that is all of `octets`.
#[must_use]
pub fn host(octets: &[u8], syntax: Syntax) -> Option<Host> {
    whole_host(core::str::from_utf8(octets).ok()?, syntax)
}

fn whole_host(text: &str, syntax: Syntax) -> Option<Host> {
    if let Some(inner) = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')) {
        let tagged = inner.get(..5).is_some_and(|tag| tag.eq_ignore_ascii_case("IPv6:"));
        return if tagged { v6(&inner[5..]).map(Host::V6) } else { v4(inner).map(Host::V4) };
    }
    let name = match text.strip_suffix('.') {
        Some(name) if syntax.contains(Syntax::TRAILING_DOT) => name,
        _ => text,
    };
    (is_domain(name, syntax) && name.len() <= 255).then(|| Host::Domain(name.into()))
}

fn is_domain(text: &str, syntax: Syntax) -> bool {
    let underscore = if syntax.contains(Syntax::UNDERSCORE) { "_" } else { "" };
    text.split('.').all(|label| {
        let edge = label.starts_with('-') || label.ends_with('-');
        (1..=63).contains(&label.len())
            && !edge
            && only(label, &[LETTERS, DIGITS, "-", underscore], NonAscii::Too)
    })
}

/// Four numbers without leading zeros.
fn v4(text: &str) -> Option<Vec<u16>> {
    let numbers: Option<Vec<u16>> = text.split('.').map(snum).collect();
    numbers.filter(|numbers| numbers.len() == 4)
}

fn snum(text: &str) -> Option<u16> {
    let sound = (1..=3).contains(&text.len()) && only(text, &[DIGITS], NonAscii::Not);
    let value: u16 = sound.then(|| text.parse().ok()).flatten()?;
    (value <= 255 && (value == 0) == (text == "0") && (text == "0" || !text.starts_with('0')))
        .then_some(value)
}

/// Eight groups, of which one `::` stands for one or more zeros; the last two may be written as an IPv4 address.
fn v6(text: &str) -> Option<Vec<u16>> {
    let Some((head, tail)) = text.split_once("::") else {
        return groups(text, Quad::Last).filter(|groups| groups.len() == 8);
    };
    let (head, tail) = (groups(head, Quad::Nowhere)?, groups(tail, Quad::Last)?);
    let given = head.len() + tail.len();
    if given > 7 {
        return None;
    }
    let zeros = core::iter::repeat_n(0, 8 - given);
    Some(head.into_iter().chain(zeros).chain(tail).collect())
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Quad {
    Last,
    Nowhere,
}

fn groups(text: &str, quad: Quad) -> Option<Vec<u16>> {
    let mut groups = Vec::new();
    if text.is_empty() {
        return Some(groups);
    }
    let words: Vec<&str> = text.split(':').collect();
    for (index, word) in words.iter().enumerate() {
        let upper = word.to_ascii_uppercase();
        if (1..=4).contains(&word.len()) && only(&upper, &[HEX], NonAscii::Not) {
            groups.push(u16::from_str_radix(word, 16).ok()?);
        } else if quad == Quad::Last && index + 1 == words.len() {
            let numbers = v4(word)?;
            groups.push(numbers[0] * 256 + numbers[1]);
            groups.push(numbers[2] * 256 + numbers[3]);
        } else {
            return None;
        }
    }
    Some(groups)
}
