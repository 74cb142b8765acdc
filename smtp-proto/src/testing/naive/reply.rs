//! Replies (RFC 5321 4.2, RFC 2034 4), and what a reply to EHLO offers (RFC 5321 4.1.1.1).

use alloc::string::String;
use alloc::vec::Vec;

use super::{DIGITS, LETTERS, NonAscii, is_printable, only};

/// A reply.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "RFC 5321 4.2 and RFC 2034 have these parts")]
pub struct Reply {
    /// The code.
    pub code: u16,
    /// The enhanced code, where its class is that of the code.
    pub enhanced: Option<[u16; 3]>,
    /// The text of each line, without the enhanced code where it is that of the reply.
    pub lines: Vec<Vec<u8>>,
}

/// Reads a reply that is all of `octets`.
#[must_use]
pub fn reply(octets: &[u8]) -> Option<Reply> {
    let lines = split_lines(octets)?;
    let mut read = Vec::new();
    for (index, line) in lines.iter().enumerate() {
        let digits = core::str::from_utf8(line.get(..3)?).ok()?;
        let sound = only(digits, &[DIGITS], NonAscii::Not) && "2345".contains(&digits[..1]);
        let code: u16 = digits.parse().ok().filter(|_| sound)?;
        let last = match line.get(3) {
            None | Some(b' ') => true,
            Some(b'-') => false,
            Some(_) => return None,
        };
        if last != (index + 1 == lines.len()) {
            return None;
        }
        read.push((code, line.get(4..).unwrap_or_default().to_vec()));
    }
    let code = read.first()?.0;
    if read.iter().any(|line| line.0 != code) {
        return None;
    }
    let enhanced = split_enhanced(&read[0].1)
        .map(|(enhanced, _)| enhanced)
        .filter(|enhanced| enhanced[0] == code / 100);
    let lines = read.into_iter().map(|(_, text)| match split_enhanced(&text) {
        Some((own, rest)) if Some(own) == enhanced => rest,
        _ => text,
    });
    Some(Reply { code, enhanced, lines: lines.collect() })
}

/// The lines of `octets`, each of which ends in CRLF and holds no other CR or LF.
fn split_lines(octets: &[u8]) -> Option<Vec<Vec<u8>>> {
    let mut lines = Vec::new();
    let mut line = Vec::new();
    for &octet in octets {
        line.push(octet);
        if line.ends_with(b"\r\n") {
            line.truncate(line.len() - 2);
            lines.push(core::mem::take(&mut line));
        }
    }
    let stray = lines.iter().flatten().any(|octet| b"\r\n".contains(octet));
    (line.is_empty() && !stray).then_some(lines)
}

/// `class "." subject "." detail`, and what stands behind its space.
fn split_enhanced(text: &[u8]) -> Option<([u16; 3], Vec<u8>)> {
    let end = text.iter().position(|&octet| octet == b' ').unwrap_or(text.len());
    let word = core::str::from_utf8(&text[..end]).ok()?;
    let numbers: Vec<u16> = word.split('.').map(number).collect::<Option<_>>()?;
    let &[class, subject, detail] = &numbers[..] else { return None };
    let rest = text.get(end + 1..).unwrap_or_default().to_vec();
    matches!(word.get(..2), Some("2." | "4." | "5.")).then_some(([class, subject, detail], rest))
}

/// Up to three digits without a leading zero.
fn number(text: &str) -> Option<u16> {
    let sound = (1..=3).contains(&text.len())
        && only(text, &[DIGITS], NonAscii::Not)
        && (text == "0" || !text.starts_with('0'));
    text.parse().ok().filter(|_| sound)
}

/// What the reply to EHLO that is all of `octets` offers: keywords in upper case, each with what stands behind its space.
#[must_use]
pub fn ehlo(octets: &[u8]) -> Option<Vec<(String, String)>> {
    let mut offered = Vec::new();
    for line in reply(octets)?.lines.iter().skip(1) {
        let Ok(line) = core::str::from_utf8(line) else { continue };
        let line = line.trim_end_matches([' ', '\t']);
        let (keyword, params) = line.split_once(' ').unwrap_or((line, ""));
        let sound = !keyword.is_empty()
            && !keyword.starts_with('-')
            && only(keyword, &[LETTERS, DIGITS, "-"], NonAscii::Not)
            && params.chars().all(is_printable);
        if sound {
            offered.push((keyword.to_ascii_uppercase(), params.into()));
        }
    }
    Some(offered)
}
