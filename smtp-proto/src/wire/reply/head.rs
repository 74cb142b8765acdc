//! What each line of a reply begins with, and how a line is written.

use bytes::BufMut;

use crate::{Code, EnhancedCode};

/// The longest reply line that is sent, with its CRLF (RFC 5321 4.5.3.1.5).
const LINE_LIMIT: usize = 512;

/// `250-2.1.5 `, at most 16 octets, the same in each line of a reply but for the separator.
pub(super) struct Head {
    octets: [u8; 16],
    /// Octets without the space behind an enhanced code.
    len: usize,
}

impl Head {
    pub(super) fn new(code: Code, enhanced: Option<EnhancedCode>) -> Self {
        let [c0, c1, c2] = code.digits();
        let mut head = Self { octets: [b' '; 16], len: 4 };
        let [o0, o1, o2, _, class, dot, subject, other, detail, ..] = &mut head.octets;
        (*o0, *o1, *o2) = (c0, c1, c2);
        if let Some(enhanced) = enhanced {
            (*class, *dot, *other) = (b'0' | enhanced.class().digit(), b'.', b'.');
            let condition = enhanced.condition();
            if let (Some(short), Some(digit)) =
                (digit(condition.subject()), digit(condition.detail()))
            {
                (*subject, *detail) = (short, digit);
                head.len = 9;
            } else {
                head.len = 6;
                head.push_number(condition.subject());
                head.push(b'.');
                head.push_number(condition.detail());
            }
        }
        head
    }

    /// Octets of text that a line has room for.
    pub(super) const fn room(&self) -> usize {
        // Behind an enhanced code stands a space, which a code has already.
        let space: usize = if self.len > 4 { 1 } else { 0 };
        LINE_LIMIT.saturating_sub(self.len).saturating_sub(space).saturating_sub(2)
    }

    fn push(&mut self, octet: u8) {
        if let Some(room) = self.octets.get_mut(self.len) {
            *room = octet;
            self.len = self.len.saturating_add(1);
        }
    }

    /// `number` is below 1000.
    fn push_number(&mut self, number: u16) {
        let digits = [number / 100, number / 10 % 10, number % 10].map(|digit| b'0' | digit as u8);
        let zeros = digits.iter().take(2).take_while(|&&digit| digit == b'0').count();
        digits.iter().skip(zeros).for_each(|&digit| self.push(digit));
    }

    pub(super) fn put_line(&self, out: &mut impl BufMut, separator: u8, text: &[u8]) {
        self.begin(out, separator, text);
        if is_all_text(text) {
            out.put_slice(text);
        } else {
            text.iter().for_each(|&octet| out.put_u8(if is_text(octet) { octet } else { b'?' }));
        }
        out.put_slice(b"\r\n");
    }

    /// A line that is known to be UTF-8 (RFC 6531 3.7.4.2).
    pub(super) fn put_utf8_line(&self, out: &mut impl BufMut, separator: u8, text: &[u8]) {
        self.begin(out, separator, text);
        out.put_slice(text);
        out.put_slice(b"\r\n");
    }

    #[inline]
    fn begin(&self, out: &mut impl BufMut, separator: u8, text: &[u8]) {
        let mut octets = self.octets;
        let [_, _, _, place, ..] = &mut octets;
        *place = separator;
        let space = usize::from(self.len > 4 && !text.is_empty());
        out.put_slice(octets.get(..self.len.saturating_add(space)).unwrap_or(&octets));
    }
}

/// The digit of a number below ten.
const fn digit(number: u16) -> Option<u8> {
    if number < 10 { Some(b'0' | number as u8) } else { None }
}

/// An octet of `textstring`.
const fn is_text(octet: u8) -> bool {
    matches!(octet, b' '..=b'~' | b'\t')
}

/// Looks at every octet, so that the compiler makes vectors of it.
fn is_all_text(text: &[u8]) -> bool {
    text.iter().fold(true, |sound, &octet| sound & is_text(octet))
}
