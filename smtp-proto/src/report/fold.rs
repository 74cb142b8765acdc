//! Lines of fields and of text, broken at white space.
//!
//! ```abnf
//! FWS = [ *WSP CRLF ] 1*WSP        ; RFC 5322 3.2.2; no line of WSP alone
//! ```
//!
//! Everything that the reports and trace fields write goes through [`Line`], so that what a peer said cannot leave its line: this is the
//! one place where characters are replaced and lengths are kept.

use alloc::format;

use bytes::BufMut;

/// Octets to which lines are broken where there is white space to break at (RFC 5322 2.1.1).
const WIDTH: usize = 78;
/// Octets that no line may pass, without its CRLF (RFC 5322 2.1.1, RFC 5321 4.5.3.1.6).
const LIMIT: usize = 998;

/// What may stand in a line beside printable US-ASCII.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Charset {
    /// Nothing.
    Ascii,
    /// UTF-8 (RFC 6532).
    Utf8,
}

impl Charset {
    /// The character, or what is written in its place.
    fn shown(self, c: char) -> char {
        match c {
            ' '..='~' | '\t' => c,
            // Some readers take these, and the controls of C1, for ends of lines.
            '\u{2028}' | '\u{2029}' => '?',
            _ if matches!(self, Self::Utf8) && !c.is_control() => c,
            _ => '?',
        }
    }

    fn length(self, word: &str) -> usize {
        word.chars().fold(0, |sum: usize, c| sum.saturating_add(self.shown(c).len_utf8()))
    }
}

/// A line that is being written, with the lines that continue it.
#[derive(Debug)]
pub(super) struct Line<'o, B> {
    out: &'o mut B,
    charset: Charset,
    /// What each further line begins with.
    indent: &'static str,
    column: usize,
    /// Nothing stands behind the name or the indent yet.
    fresh: bool,
}

impl<'o, B: BufMut> Line<'o, B> {
    /// Begins the field `name`, of which more lines begin with `indent`.
    pub(super) fn field(
        out: &'o mut B,
        name: &str,
        charset: Charset,
        indent: &'static str,
    ) -> Self {
        let mut line = Self { out, charset, indent, column: 0, fresh: true };
        name.chars().for_each(|c| line.put(c));
        line.put(':');
        line.put(' ');
        line
    }

    /// Begins a line of text, it and its further lines indented alike.
    pub(super) fn text(out: &'o mut B, charset: Charset, indent: &'static str) -> Self {
        let mut line = Self { out, charset, indent, column: 0, fresh: true };
        line.indent();
        line
    }

    /// Adds a word behind a space, or at the start of a further line where it does not fit. The word itself is broken only where it
    /// would pass the limit; one with white space in it must not be that long.
    pub(super) fn word(&mut self, word: &str) {
        if !self.fresh {
            if self.fits(self.charset.length(word)) { self.put(' ') } else { self.fold() }
        }
        word.chars().for_each(|c| self.put(c));
        self.fresh = false;
    }

    /// Adds words, on one line if a line can hold them.
    pub(super) fn phrase(&mut self, words: &[&str]) {
        let length = words.iter().fold(0, |sum: usize, word| {
            sum.saturating_add(self.charset.length(word)).saturating_add(1)
        });
        let length = length.saturating_sub(1);
        let alone = self.indent.len().saturating_add(length) <= WIDTH;
        if !self.fresh && alone && !self.fits(length) {
            self.fold();
        }
        words.iter().for_each(|word| self.word(word));
    }

    /// Adds every word of `text`, which white space parts.
    pub(super) fn words(&mut self, text: &str) {
        text.split([' ', '\t']).filter(|word| !word.is_empty()).for_each(|word| self.word(word));
    }

    /// Goes to a further line.
    pub(super) fn fold(&mut self) {
        self.out.put_slice(b"\r\n");
        self.column = 0;
        self.indent();
        self.fresh = true;
    }

    /// Ends the line.
    pub(super) fn end(self) {
        self.out.put_slice(b"\r\n");
    }

    fn fits(&self, length: usize) -> bool {
        self.column.saturating_add(1).saturating_add(length) <= WIDTH
    }

    fn indent(&mut self) {
        self.out.put_slice(self.indent.as_bytes());
        self.column = self.indent.len();
    }

    fn put(&mut self, c: char) {
        let c = self.charset.shown(c);
        if self.column.saturating_add(c.len_utf8()) > LIMIT {
            self.fold();
        }
        let mut octets = [0; 4];
        self.out.put_slice(c.encode_utf8(&mut octets).as_bytes());
        self.column = self.column.saturating_add(c.len_utf8());
    }
}

/// A field whose value is `kind ";" value`, the form of most fields of a delivery report (RFC 3464 2.1.2).
pub(super) fn typed_field(
    out: &mut impl BufMut,
    name: &str,
    charset: Charset,
    kind: &str,
    value: &str,
) {
    let mut field = Line::field(out, name, charset, " ");
    if value.contains([' ', '\t']) {
        // A line could be left with nothing but the white space of the value.
        field.word(&format!("{kind}; {value}"));
    } else {
        field.word(&format!("{kind};"));
        field.word(value);
    }
    field.end();
}

/// A field whose value is written as it is.
pub(super) fn field(out: &mut impl BufMut, name: &str, charset: Charset, value: &str) {
    let mut field = Line::field(out, name, charset, " ");
    field.word(value);
    field.end();
}

#[cfg(test)]
mod tests {
    use alloc::string::String;
    use alloc::vec::Vec;

    use proptest::prelude::*;

    use super::*;

    fn folded(charset: Charset, words: &[&str]) -> String {
        let mut out = Vec::new();
        let mut line = Line::field(&mut out, "X", charset, " ");
        words.iter().for_each(|word| line.word(word));
        line.end();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn a_line_is_broken_before_the_word_that_passes_78() {
        let (a, b) = ("a".repeat(40), "b".repeat(34));
        assert_eq!(folded(Charset::Ascii, &[&a, &b]), format!("X: {a} {b}\r\n"));
        let b = "b".repeat(35);
        assert_eq!(folded(Charset::Ascii, &[&a, &b]), format!("X: {a}\r\n {b}\r\n"));
    }

    #[test]
    fn a_word_is_broken_only_at_998() {
        let (fits, more) = ("a".repeat(995), "a".repeat(996));
        assert_eq!(folded(Charset::Ascii, &[&fits]), format!("X: {fits}\r\n"));
        assert_eq!(folded(Charset::Ascii, &[&more]), format!("X: {fits}\r\n a\r\n"));
        let utf8 = "é".repeat(500);
        assert_eq!(
            folded(Charset::Utf8, &[&utf8]),
            format!("X: {}\r\n é{}\r\n", "é".repeat(497), "é".repeat(2))
        );
    }

    #[test]
    fn a_phrase_stays_on_one_line_where_it_can() {
        let mut out = Vec::new();
        let mut line = Line::field(&mut out, "X", Charset::Ascii, "    ");
        line.phrase(&[&"a".repeat(60)]);
        line.phrase(&["with", "some", "words"]);
        line.phrase(&["and", &"b".repeat(80)]);
        line.end();
        let expected = format!(
            "X: {}\r\n    with some words and\r\n    {}\r\n",
            "a".repeat(60),
            "b".repeat(80)
        );
        assert_eq!(String::from_utf8(out).unwrap(), expected);
    }

    #[test]
    fn what_ends_a_line_somewhere_is_replaced() {
        let hostile = "a\r\nb\0c\x0b\x0c\x1b\x7f\u{85}\u{2028}\u{2029}é";
        assert_eq!(folded(Charset::Ascii, &[hostile]), "X: a??b?c????????\r\n");
        assert_eq!(folded(Charset::Utf8, &[hostile]), "X: a??b?c???????é\r\n");
    }

    #[test]
    fn a_value_of_white_space_does_not_get_a_line_of_its_own() {
        let mut out = Vec::new();
        typed_field(&mut out, "X", Charset::Ascii, "rfc822", &" ".repeat(100));
        let expected = format!("X: rfc822; {}\r\n", " ".repeat(100));
        assert_eq!(String::from_utf8(out).unwrap(), expected);
    }

    proptest! {
        #[test]
        fn any_words_unfold_to_themselves(words in proptest::collection::vec("[!-~]{1,200}|\\PC{1,300}|[a-z]{1200}", 1..12)) {
            let words: Vec<String> = words.iter().map(|word| word.replace(char::is_whitespace, "_")).collect();
            let wire = folded(Charset::Utf8, &words.iter().map(String::as_str).collect::<Vec<_>>());
            for line in wire.split("\r\n") {
                prop_assert!(line.len() <= LIMIT && !line.contains(['\r', '\n']));
            }
            if words.iter().all(|word| word.len() < 900) {
                prop_assert_eq!(wire.replace("\r\n", ""), format!("X: {}", words.join(" ")));
            }
        }
    }
}
