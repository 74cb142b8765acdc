//! Character classes of the wire, one bit a class in one table of 256 octets.
//!
//! ```abnf
//! atext       = ALPHA / DIGIT / "!" / "#" / "$" / "%" / "&" / "'" / "*" / "+" / "-" /
//!               "/" / "=" / "?" / "^" / "_" / "`" / "{" / "|" / "}" / "~"   ; RFC 5321 4.1.2
//! qtextSMTP   = %d32-33 / %d35-91 / %d93-126
//! Ldh-str     = *( ALPHA / DIGIT / "-" ) Let-dig
//! esmtp-value = 1*( %d33-60 / %d62-126 )
//! xchar       = %d33-42 / %d44-60 / %d62-126                               ; RFC 3461 4
//! ```
//!
//! RFC 6531 3.3 adds UTF8-non-ascii to atext, qtextSMTP, sub-domain and esmtp-value: the predicates let octets of 128 and
//! more pass, and whoever uses them checks the UTF-8 of the whole run.

const ATEXT: u8 = 1;
const QTEXT: u8 = 2;
const LDH: u8 = 4;
const VALUE: u8 = 8;
const LET_DIG: u8 = 16;
const XCHAR: u8 = 32;
const PRINTABLE: u8 = 64;

#[expect(clippy::indexing_slicing, reason = "evaluated by the compiler; the index stays below 256")]
const TABLE: [u8; 256] = {
    let mut table = [0; 256];
    let mut octet: usize = 0;
    while octet < 256 {
        table[octet] = classes(octet as u8);
        octet = octet.saturating_add(1);
    }
    table
};

const fn classes(octet: u8) -> u8 {
    let letter_or_digit = octet.is_ascii_alphanumeric();
    let symbol = matches!(
        octet,
        b'!' | b'#'
            | b'$'
            | b'%'
            | b'&'
            | b'\''
            | b'*'
            | b'+'
            | b'-'
            | b'/'
            | b'='
            | b'?'
            | b'^'
            | b'_'
            | b'`'
            | b'{'
            | b'|'
            | b'}'
            | b'~'
    );
    let non_ascii = octet >= 0x80;
    class(ATEXT, letter_or_digit || symbol || non_ascii)
        | class(QTEXT, matches!(octet, 32..=33 | 35..=91 | 93..=126) || non_ascii)
        | class(LDH, letter_or_digit || octet == b'-' || non_ascii)
        | class(VALUE, matches!(octet, 33..=60 | 62..=126) || non_ascii)
        | class(LET_DIG, letter_or_digit || non_ascii)
        | class(XCHAR, matches!(octet, 33..=42 | 44..=60 | 62..=126))
        | class(PRINTABLE, matches!(octet, 32..=126))
}

const fn class(bit: u8, holds: bool) -> u8 {
    if holds { bit } else { 0 }
}

#[inline]
#[expect(clippy::indexing_slicing, reason = "an octet is always below 256")]
const fn is(octet: u8, class: u8) -> bool {
    TABLE[octet as usize] & class != 0
}

/// `atext`, with UTF8-non-ascii.
#[inline]
pub(crate) const fn is_atext(octet: u8) -> bool {
    is(octet, ATEXT)
}

/// `qtextSMTP`, with UTF8-non-ascii.
#[inline]
pub(crate) const fn is_qtext(octet: u8) -> bool {
    is(octet, QTEXT)
}

/// A letter, a digit or a hyphen, with UTF8-non-ascii.
#[inline]
pub(crate) const fn is_ldh(octet: u8) -> bool {
    is(octet, LDH)
}

/// `Let-dig`, with UTF8-non-ascii.
#[inline]
pub(crate) const fn is_let_dig(octet: u8) -> bool {
    is(octet, LET_DIG)
}

/// An octet of `esmtp-value`, with UTF8-non-ascii.
#[inline]
pub(crate) const fn is_value(octet: u8) -> bool {
    is(octet, VALUE)
}

/// `xchar`: what stands for itself in xtext.
#[inline]
pub(crate) const fn is_xchar(octet: u8) -> bool {
    is(octet, XCHAR)
}

/// Printable US-ASCII with the space, `%d32-126`.
#[inline]
pub(crate) const fn is_printable(octet: u8) -> bool {
    is(octet, PRINTABLE)
}

/// Whether `octets` are this word of upper-case letters, digits and hyphens, in any case. They hold no control octets.
#[inline]
pub(crate) fn is_word(octets: &[u8], word: &str) -> bool {
    // A letter and its other case differ in one bit, by which a digit or a hyphen would be a control octet.
    octets.len() == word.len()
        && octets.iter().zip(word.bytes()).all(|(&octet, letter)| (octet ^ letter) & 0xdf == 0)
}

/// How many octets at the front are of this class, `most` at the most.
#[inline]
pub(crate) fn run(octets: &[u8], most: usize, class: impl Fn(u8) -> bool) -> usize {
    let window = octets.get(..most).unwrap_or(octets);
    window.iter().position(|&octet| !class(octet)).unwrap_or(window.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn members(class: fn(u8) -> bool) -> usize {
        (0..=127).filter(|&octet| class(octet)).count()
    }

    #[test]
    fn classes_have_as_many_ascii_members_as_the_grammar_says() {
        assert_eq!(members(is_atext), 62 + 19);
        assert_eq!(members(is_qtext), 95 - 2);
        assert_eq!(members(is_ldh), 63);
        assert_eq!(members(is_let_dig), 62);
        assert_eq!(members(is_value), 94 - 1);
        assert_eq!(members(is_xchar), 94 - 2);
        assert_eq!(members(is_printable), 95);
    }

    #[test]
    fn specials_are_no_atext() {
        for octet in *b"()<>[]:;@\\,.\" \x7f\0\r\n" {
            assert!(!is_atext(octet), "{octet}");
        }
    }
}
