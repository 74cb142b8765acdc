//! Base64, in which the exchange of AUTH is written.
//!
//! ```abnf
//! base64          = base64-terminal / ( 1*( 4base64-char ) [ base64-terminal ] )   ; RFC 4954 8
//! base64-char     = ALPHA / DIGIT / "+" / "/"
//! base64-terminal = ( 2base64-char "==" ) / ( 3base64-char "=" )
//! ```
//!
//! Strict: no other octet, padding only at the end and there required, no stray trailing bits (RFC 4648 3.5), so that one value has one text.

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use super::{ParseError, ParseErrorKind};

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
/// What is no `base64-char`.
const NONE: u8 = 0xff;

#[expect(clippy::indexing_slicing, reason = "evaluated by the compiler; an octet is below 256")]
const VALUES: [u8; 256] = {
    let mut values = [NONE; 256];
    let mut value = 0;
    while value < 64 {
        values[ALPHABET[value] as usize] = value as u8;
        value = value.saturating_add(1);
    }
    values
};

/// A checked view of base64, which decodes on demand and cannot fail any more. It may hold a secret: `Debug` does not show it.
///
/// ```
/// use smtp_proto::Base64;
///
/// let text = Base64::parse(b"AHUAcA==")?;
/// assert_eq!(text.decode(), b"\0u\0p");
/// assert_eq!(format!("{text:?}"), "Base64(<redacted>)");
/// assert_eq!(Base64::encode(b"\0u\0p"), "AHUAcA==");
/// assert_eq!(Base64::parse(b"AHUAcB==").unwrap_err().at, 5);
/// # Ok::<(), smtp_proto::ParseError>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Base64<'a>(&'a str);

impl<'a> Base64<'a> {
    /// No octets.
    pub const EMPTY: Self = Self("");

    /// The view of `text`; the empty text is legal.
    ///
    /// # Errors
    ///
    /// It is not base64, and where.
    pub fn parse(text: &'a [u8]) -> Result<Self, ParseError> {
        let fault = |at: usize| ParseError::new(at, ParseErrorKind::Base64);
        let body = match text {
            [body @ .., b'=', b'='] | [body @ .., b'='] => body,
            body => body,
        };
        if let Some(at) = body.iter().position(|&octet| value(octet) == NONE) {
            return Err(fault(at));
        }
        // What stands in the last group decides which bits of its last letter mean nothing.
        let stray = match body.len() % 4 {
            0 => 0,
            2 => 0b1111,
            3 => 0b11,
            _ => return Err(fault(body.len())),
        };
        if body.len().is_multiple_of(4) && body.len() != text.len() {
            return Err(fault(body.len()));
        }
        if !text.len().is_multiple_of(4) {
            return Err(fault(text.len()));
        }
        match body.last() {
            Some(&last) if value(last) & stray != 0 => Err(fault(body.len().saturating_sub(1))),
            _ => core::str::from_utf8(text).map(Self).map_err(|error| fault(error.valid_up_to())),
        }
    }

    /// The encoded form: do not show it, it may hold a secret.
    #[must_use]
    pub const fn as_str(&self) -> &'a str {
        self.0
    }

    /// The octets that are meant. The caller wipes them where they are a secret.
    #[must_use]
    pub fn decode(&self) -> Vec<u8> {
        let mut octets = Vec::with_capacity(self.decoded_len());
        for group in self.0.as_bytes().chunks(4) {
            let letters = group.iter().take_while(|&&letter| letter != b'=');
            let (count, bits) = letters.fold((0u32, 0u32), |(count, bits), &letter| {
                (count.saturating_add(1), bits.wrapping_shl(6) | u32::from(value(letter)))
            });
            let bits = bits.wrapping_shl(24u32.saturating_sub(count.saturating_mul(6)));
            let [_, group @ ..] = bits.to_be_bytes();
            octets.extend(group.iter().take(count.saturating_sub(1) as usize));
        }
        octets
    }

    /// How many octets are meant.
    #[must_use]
    pub fn decoded_len(&self) -> usize {
        let padding = self.0.bytes().rev().take(2).filter(|&octet| octet == b'=').count();
        (self.0.len() / 4).saturating_mul(3).saturating_sub(padding)
    }

    /// Any octets as base64.
    #[must_use]
    pub fn encode(octets: &[u8]) -> String {
        let mut text = String::with_capacity(octets.len().div_ceil(3).saturating_mul(4));
        for group in octets.chunks(3) {
            let bits = group
                .iter()
                .chain(core::iter::repeat(&0))
                .take(3)
                .fold(0u32, |bits, &octet| bits.wrapping_shl(8) | u32::from(octet));
            for index in 0u32..4 {
                let six = bits.wrapping_shr(18u32.saturating_sub(index.saturating_mul(6))) & 0x3f;
                let letter = ALPHABET.get(six as usize).copied().unwrap_or(b'=');
                text.push(if index as usize > group.len() { '=' } else { char::from(letter) });
            }
        }
        text
    }
}

impl fmt::Debug for Base64<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Base64(<redacted>)")
    }
}

#[inline]
#[expect(clippy::indexing_slicing, reason = "an octet is always below 256")]
const fn value(octet: u8) -> u8 {
    VALUES[octet as usize]
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_examples_of_rfc_4648_10_round_trip() {
        let table = [
            ("", ""),
            ("f", "Zg=="),
            ("fo", "Zm8="),
            ("foo", "Zm9v"),
            ("foob", "Zm9vYg=="),
            ("fooba", "Zm9vYmE="),
            ("foobar", "Zm9vYmFy"),
        ];
        for (octets, text) in table {
            assert_eq!(Base64::encode(octets.as_bytes()), text);
            assert_eq!(Base64::parse(text.as_bytes()).unwrap().decode(), octets.as_bytes());
        }
    }

    #[test]
    fn what_is_no_base64_is_refused_where_it_stops() {
        let table = [
            ("A", 1),
            ("AH", 2),
            ("AHU", 3),
            ("AHUAcA", 6),
            ("AHUAcA=", 7),
            ("AHUAcA===", 6),
            ("AHU AcA==", 3),
            ("AHUAc_A=", 5),
            ("AHUAcB==", 5),
            ("AHUAcAB=", 6),
            ("=", 0),
            ("==", 0),
            ("====", 0),
            ("AHUA=", 4),
            ("AHUA====", 4),
            ("A=HU", 1),
            ("AHUAcA==AHUAcA==", 6),
            ("*", 0),
            ("AHU\u{e9}", 3),
        ];
        for (text, at) in table {
            let fault = Base64::parse(text.as_bytes()).unwrap_err();
            assert_eq!(fault, ParseError::new(at, ParseErrorKind::Base64), "{text}");
        }
    }

    proptest! {
        #[test]
        fn any_octets_round_trip(octets in proptest::collection::vec(any::<u8>(), 0..80)) {
            let text = Base64::encode(&octets);
            let view = Base64::parse(text.as_bytes()).unwrap();
            prop_assert_eq!(view.decoded_len(), octets.len());
            prop_assert_eq!(view.decode(), octets);
        }

        #[test]
        fn one_value_has_one_text(text in "[A-Za-z0-9+/=]{0,12}") {
            if let Ok(view) = Base64::parse(text.as_bytes()) {
                prop_assert_eq!(Base64::encode(&view.decode()), text);
            }
        }
    }
}
