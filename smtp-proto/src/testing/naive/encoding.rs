//! Octets that are written as text: xtext (RFC 3461 4) and base64 (RFC 4648 4, RFC 4954 8).

use alloc::string::String;
use alloc::vec::Vec;

use super::{DIGITS, HEX, LETTERS};

/// Decodes xtext.
#[must_use]
pub fn xtext(text: &str) -> Option<Vec<u8>> {
    let mut octets = Vec::new();
    let mut characters = text.chars();
    while let Some(c) = characters.next() {
        match c {
            '+' => {
                let digits: String = characters.by_ref().take(2).collect();
                let sound = digits.len() == 2 && digits.chars().all(|digit| HEX.contains(digit));
                octets.push(u8::from_str_radix(&digits, 16).ok().filter(|_| sound)?);
            }
            '=' | ' ' => return None,
            _ if super::is_printable(c) => octets.push(u8::try_from(c).ok()?),
            _ => return None,
        }
    }
    Some(octets)
}

/// Decodes base64: groups of four, padding at the end alone, and no bit set that means nothing.
#[must_use]
pub fn base64(text: &str) -> Option<Vec<u8>> {
    let bare = text.trim_end_matches('=');
    let padding = text.len() - bare.len();
    if !text.len().is_multiple_of(4) || padding > 2 {
        return None;
    }
    let mut bits = String::new();
    for c in bare.chars() {
        bits.push_str(&alloc::format!("{:06b}", sextet(c)?));
    }
    let kept = bits.len() / 8 * 8;
    if bits[kept..].contains('1') {
        return None;
    }
    let octets = bits.as_bytes()[..kept].chunks(8);
    octets.map(|octet| u8::from_str_radix(core::str::from_utf8(octet).ok()?, 2).ok()).collect()
}

fn sextet(c: char) -> Option<usize> {
    let (small, large) = LETTERS.split_at(26);
    [large, small, DIGITS, "+/"].concat().find(c)
}
