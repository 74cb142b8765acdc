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
//! RFC 6531 3.3 adds UTF8-non-ascii to atext, qtextSMTP, sub-domain and esmtp-value: these classes let octets of 128 and
//! more pass, and whoever uses them checks the UTF-8 of the whole run.

/// A set of classes; an octet belongs to it that is in one of them.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Class(u16);

impl Class {
    /// `atext`, with UTF8-non-ascii.
    pub(crate) const ATEXT: Self = Self(1);
    /// `qtextSMTP`, with UTF8-non-ascii.
    pub(crate) const QTEXT: Self = Self(2);
    /// A letter, a digit or a hyphen, with UTF8-non-ascii.
    pub(crate) const LDH: Self = Self(4);
    /// The underscore, which is tolerated in some domains.
    pub(crate) const UNDERSCORE: Self = Self(8);
    /// An octet of `esmtp-value`, with UTF8-non-ascii.
    pub(crate) const VALUE: Self = Self(16);
    /// A letter, a digit or a hyphen of US-ASCII.
    pub(crate) const WORD: Self = Self(32);
    /// `xchar`: what stands for itself in xtext.
    pub(crate) const XCHAR: Self = Self(64);
    /// Printable US-ASCII with the space, `%d32-126`.
    pub(crate) const PRINTABLE: Self = Self(128);
    /// `atext` of US-ASCII without the equals sign, which stands in no value.
    pub(crate) const ADDRESS_TYPE: Self = Self(256);

    /// Both.
    pub(crate) const fn or(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    #[inline]
    #[expect(clippy::indexing_slicing, reason = "an octet is always below 256")]
    pub(crate) const fn has(self, octet: u8) -> bool {
        TABLE[octet as usize] & self.0 != 0
    }

    /// Whether all four are of one of these classes.
    #[inline]
    #[expect(clippy::indexing_slicing, reason = "an octet is always below 256")]
    const fn has_all(self, [a, b, c, d]: [u8; 4]) -> bool {
        let common = TABLE[a as usize] & TABLE[b as usize] & TABLE[c as usize] & TABLE[d as usize];
        common & self.0 != 0
    }

    const fn when(self, holds: bool) -> u16 {
        if holds { self.0 } else { 0 }
    }
}

#[expect(clippy::indexing_slicing, reason = "evaluated by the compiler; the index stays below 256")]
static TABLE: [u16; 256] = {
    let mut table = [0; 256];
    let mut octet: usize = 0;
    while octet < 256 {
        table[octet] = classes(octet as u8);
        octet = octet.saturating_add(1);
    }
    table
};

const fn classes(octet: u8) -> u16 {
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
    let word = letter_or_digit || octet == b'-';
    let non_ascii = octet >= 0x80;
    Class::ATEXT.when(letter_or_digit || symbol || non_ascii)
        | Class::QTEXT.when(matches!(octet, 32..=33 | 35..=91 | 93..=126) || non_ascii)
        | Class::LDH.when(word || non_ascii)
        | Class::UNDERSCORE.when(octet == b'_')
        | Class::VALUE.when(matches!(octet, 33..=60 | 62..=126) || non_ascii)
        | Class::WORD.when(word)
        | Class::XCHAR.when(matches!(octet, 33..=42 | 44..=60 | 62..=126))
        | Class::PRINTABLE.when(matches!(octet, 32..=126))
        | Class::ADDRESS_TYPE.when((letter_or_digit || symbol) && octet != b'=')
}

/// Whether it is of the class [`ATEXT`](Class::ATEXT).
#[inline]
pub(crate) const fn is_atext(octet: u8) -> bool {
    Class::ATEXT.has(octet)
}

/// Whether it is of the class [`PRINTABLE`](Class::PRINTABLE).
#[inline]
pub(crate) const fn is_printable(octet: u8) -> bool {
    Class::PRINTABLE.has(octet)
}

/// The place behind the octets of this class that begin at `start`.
#[inline]
pub(crate) fn run(octets: &[u8], start: usize, class: Class) -> usize {
    let mut end = start;
    while let Some(&octet) = octets.get(end)
        && class.has(octet)
    {
        end = end.wrapping_add(1);
    }
    end
}

/// The same, four octets at once: for what is long as a rule.
#[inline]
pub(crate) fn long_run(octets: &[u8], start: usize, class: Class) -> usize {
    let (fours, _) = octets.get(start..).unwrap_or_default().as_chunks();
    let whole = fours.iter().take_while(|four| class.has_all(**four)).count();
    run(octets, start.wrapping_add(whole.wrapping_mul(4)), class)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn members(class: Class) -> usize {
        (0..=127).filter(|&octet| class.has(octet)).count()
    }

    #[test]
    fn classes_have_as_many_ascii_members_as_the_grammar_says() {
        assert_eq!(members(Class::ATEXT), 62 + 19);
        assert_eq!(members(Class::QTEXT), 95 - 2);
        assert_eq!(members(Class::LDH), 63);
        assert_eq!(members(Class::UNDERSCORE), 1);
        assert_eq!(members(Class::VALUE), 94 - 1);
        assert_eq!(members(Class::WORD), 63);
        assert_eq!(members(Class::XCHAR), 94 - 2);
        assert_eq!(members(Class::PRINTABLE), 95);
        assert_eq!(members(Class::ADDRESS_TYPE), 62 + 18);
    }

    #[test]
    fn specials_are_no_atext() {
        for octet in *b"()<>[]:;@\\,.\" \x7f\0\r\n" {
            assert!(!is_atext(octet), "{octet}");
        }
    }

    /// What a class has of UTF8-non-ascii is all of it or nothing: a run never ends within a character.
    #[test]
    fn a_class_has_all_octets_of_utf8_or_none() {
        for bit in 0..16 {
            let class = Class(1 << bit);
            assert!(matches!((128..=255).filter(|&octet| class.has(octet)).count(), 0 | 128));
        }
    }
}
