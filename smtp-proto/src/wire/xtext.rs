//! xtext: octets written so that they can stand in a parameter.
//!
//! ```abnf
//! xtext   = *( xchar / hexchar )                                  ; RFC 3461 4
//! xchar   = %d33-42 / %d44-60 / %d62-126
//! hexchar = "+" 2( DIGIT / "A"-"F" )                              ; upper case only
//! ```

use alloc::string::String;
use core::fmt;

use super::chars;

/// A checked view of xtext, which decodes on demand and cannot fail any more.
///
/// ```
/// use smtp_proto::Xtext;
///
/// let text = Xtext::parse("e+3Dmc2").unwrap();
/// assert_eq!(text.decode().collect::<Vec<u8>>(), b"e=mc2");
/// assert_eq!(Xtext::encode(b"e=mc2"), "e+3Dmc2");
/// assert_eq!(Xtext::parse("e+3dmc2"), None);
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Xtext<'a>(&'a str);

impl<'a> Xtext<'a> {
    /// The view of `text`; `None` where it is no xtext.
    #[must_use]
    pub fn parse(text: &'a str) -> Option<Self> {
        Self::parse_where(text, |_| true)
    }

    /// The view of `text`; `None` where it is no xtext, or an octet that is meant is not `allowed`.
    pub(crate) fn parse_where(text: &'a str, allowed: impl Fn(u8) -> bool) -> Option<Self> {
        let mut octets = text.bytes();
        while let Some(octet) = octets.next() {
            let meant = match octet {
                b'+' => hex_pair(&mut octets)?,
                _ if chars::is_xchar(octet) => octet,
                _ => return None,
            };
            if !allowed(meant) {
                return None;
            }
        }
        Some(Self(text))
    }

    /// The encoded form.
    #[must_use]
    pub const fn as_str(&self) -> &'a str {
        self.0
    }

    /// The octets that are meant.
    pub fn decode(&self) -> impl Iterator<Item = u8> + use<'a> {
        let mut octets = self.0.bytes();
        core::iter::from_fn(move || match octets.next()? {
            b'+' => hex_pair(&mut octets),
            octet => Some(octet),
        })
    }

    /// Any octets as xtext.
    #[must_use]
    pub fn encode(octets: &[u8]) -> String {
        let mut text = String::with_capacity(octets.len());
        for &octet in octets {
            if chars::is_xchar(octet) {
                text.push(char::from(octet));
            } else {
                text.push('+');
                text.extend([octet.wrapping_shr(4), octet & 0x0f].map(digit));
            }
        }
        text
    }
}

/// The encoded form.
impl fmt::Display for Xtext<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

impl fmt::Debug for Xtext<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Xtext({self})")
    }
}

/// The value of an upper-case hexadecimal digit.
/// The octet that two digits stand for.
fn hex_pair(digits: &mut impl Iterator<Item = u8>) -> Option<u8> {
    Some(digits.next().and_then(hex)?.wrapping_shl(4) | digits.next().and_then(hex)?)
}

pub(crate) const fn hex(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit & 0x0f),
        b'A'..=b'F' => Some(digit.wrapping_sub(b'A').wrapping_add(10)),
        _ => None,
    }
}

fn digit(value: u8) -> char {
    char::from_digit(u32::from(value), 16).unwrap_or('0').to_ascii_uppercase()
}

#[cfg(test)]
mod tests {
    use alloc::vec::Vec;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn broken_hexchars_are_refused() {
        for text in ["a+", "a+2", "a+2g", "a+2gb", "++", "+0d", "a=b", "a b", "a\tb", "é"] {
            assert_eq!(Xtext::parse(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn any_octets_round_trip(octets in proptest::collection::vec(any::<u8>(), 0..40)) {
            let text = Xtext::encode(&octets);
            prop_assert_eq!(Xtext::parse(&text).unwrap().decode().collect::<Vec<u8>>(), octets);
        }
    }
}
