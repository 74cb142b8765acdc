//! xtext: octets written so that they can stand in a parameter.
//!
//! ```abnf
//! xtext   = *( xchar / hexchar )                                  ; RFC 3461 4
//! xchar   = %d33-42 / %d44-60 / %d62-126
//! hexchar = "+" 2( DIGIT / "A"-"F" )                              ; upper case only
//! ```

use alloc::string::String;
use core::fmt;

use super::chars::{self, Class};

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
        (run(text.as_bytes(), |_| true)? == text.len()).then_some(Self(text))
    }

    /// The encoded form.
    #[must_use]
    pub const fn as_str(&self) -> &'a str {
        self.0
    }

    /// The octets that are meant.
    pub fn decode(&self) -> impl Iterator<Item = u8> + use<'a> {
        decode(self.0.as_bytes())
    }

    /// Any octets as xtext.
    #[must_use]
    pub fn encode(octets: &[u8]) -> String {
        let mut text = String::with_capacity(octets.len());
        for &octet in octets {
            if Class::XCHAR.has(octet) {
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

/// How many octets at the front are xtext; `None` where a hexchar is broken, or what one stands for is not `allowed`. An xchar is printable
/// US-ASCII, of which there is nothing to ask.
#[inline]
pub(crate) fn run(octets: &[u8], allowed: impl Fn(u8) -> bool) -> Option<usize> {
    let mut end = chars::long_run(octets, 0, Class::XCHAR);
    while let Some([b'+', rest @ ..]) = octets.get(end..) {
        let [high, low, ..] = rest else { return None };
        hex_pair(&mut [*high, *low].into_iter()).filter(|&octet| allowed(octet))?;
        end = chars::long_run(octets, end.wrapping_add(3), Class::XCHAR);
    }
    Some(end)
}

/// The octets that xtext means.
pub(crate) fn decode(text: &[u8]) -> impl Iterator<Item = u8> {
    let mut octets = text.iter().copied();
    core::iter::from_fn(move || match octets.next()? {
        b'+' => hex_pair(&mut octets),
        octet => Some(octet),
    })
}

/// The octet that two digits stand for.
fn hex_pair(digits: &mut impl Iterator<Item = u8>) -> Option<u8> {
    Some(digits.next().and_then(hex)?.wrapping_shl(4) | digits.next().and_then(hex)?)
}

/// The value of an upper-case hexadecimal digit.
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
