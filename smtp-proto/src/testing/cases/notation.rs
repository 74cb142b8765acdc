//! The notation of octets, marks and repetitions.
//!
//! ```abnf
//! octets = *(escape / brace / %x20-5B / %x5D-7A / %x7C / %x7E)
//! escape = "\" ("r" / "n" / "t" / "0" / "\" / "x" 2HEXDIG)      ; hex in lower case
//! brace  = "{" (mark / number / number "*" octets / "smug" / "smugtext") "}"
//! mark   = "cut" / "wait" / "eof" / "tls" / "tlsend" / "fail" / "pause " 1*DIGIT
//! number = 1*DIGIT / "max" [("+" / "-") 1*DIGIT]
//! ```
//!
//! A hundred million octets are a handful in memory: a repetition is kept as one block and how often it stands.

use alloc::boxed::Box;
use alloc::format;
use alloc::vec::Vec;
use core::time::Duration;

const SMUG_TEXT: &str = "MAIL FROM:<smuggled@x.test>\r\nRCPT TO:<rcpt@t.test>\r\nDATA\r\nSubject: smuggled\r\n\r\nx\r\n";
/// A repetition is handed out in blocks of about this many octets.
const BLOCK: usize = 65_536;

/// What is wrong with a row, and where.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NotationError {
    /// A row has not ten columns but so many.
    #[error("a row of {0} columns, not of 10")]
    Columns(usize),
    /// A column holds something that it cannot hold.
    #[error("the column `{0}` cannot be read")]
    Column(&'static str),
    /// An unknown escape at this octet.
    #[error("unknown escape at octet {0}")]
    Escape(usize),
    /// A brace at this octet that stands alone, or holds neither a mark, nor a number, nor a repetition.
    #[error("a brace that means nothing at octet {0}")]
    Brace(usize),
}

/// One step of a replay. Octets that follow octets belong to the same write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Step<'a> {
    /// These octets are sent.
    Octets(&'a [u8]),
    /// `{cut}`: a new write begins, without waiting for anything.
    Cut,
    /// `{wait}`: all that the other side owes is read first.
    Wait,
    /// `{eof}`: the peer closes its side.
    Eof,
    /// `{tls}`: the handshake.
    Tls,
    /// `{tlsend}`: close_notify; what follows is in the clear.
    TlsEnd,
    /// `{pause S}`: so much virtual time passes.
    Pause(Duration),
    /// `{fail}`: the producer of a body fails.
    Fail,
}

/// Octets and marks in their order.
///
/// ```
/// use smtp_proto::testing::cases::{Step, Steps};
///
/// let steps = Steps::parse("{2*NOOP\\r\\n}{wait}SIZE={max+1}", 1000)?;
/// let all: Vec<Step<'_>> = steps.iter().collect();
/// assert_eq!(all, [Step::Octets(b"NOOP\r\nNOOP\r\n"), Step::Wait, Step::Octets(b"SIZE=1001")]);
/// # Ok::<(), smtp_proto::testing::cases::NotationError>(())
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Steps {
    nodes: Vec<Node>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Node {
    Octets(Vec<u8>),
    /// `unit` octets, `times` over; `block` holds as many of them as it has room for.
    Run {
        block: Vec<u8>,
        unit: usize,
        times: u64,
    },
    Group {
        inner: Steps,
        times: u64,
    },
    Mark(Step<'static>),
}

impl Steps {
    /// Reads the notation; `max` is what `{max}` stands for.
    ///
    /// # Errors
    /// [`NotationError::Escape`] or [`NotationError::Brace`], with the octet where it stands.
    pub fn parse(text: &str, max: u64) -> Result<Self, NotationError> {
        let mut parser = Parser { text, at: 0, max };
        let steps = parser.steps()?;
        if parser.at < text.len() { Err(NotationError::Brace(parser.at)) } else { Ok(steps) }
    }

    /// The steps one by one, repetitions written out.
    pub fn iter(&self) -> impl Iterator<Item = Step<'_>> {
        self.boxed()
    }

    /// How many octets they send together.
    pub fn octets(&self) -> u64 {
        let each = |node: &Node| match node {
            Node::Octets(octets) => octets.len() as u64,
            Node::Run { unit, times, .. } => times.saturating_mul(*unit as u64),
            Node::Group { inner, times } => times.saturating_mul(inner.octets()),
            Node::Mark(_) => 0,
        };
        self.nodes.iter().map(each).fold(0, u64::saturating_add)
    }

    /// All octets, joined, without the marks.
    pub fn to_vec(&self) -> Vec<u8> {
        let mut all = Vec::new();
        for step in self.iter() {
            if let Step::Octets(octets) = step {
                all.extend_from_slice(octets);
            }
        }
        all
    }

    /// The same steps with other octets in every place where these stand, as far as they stand within one repetition.
    ///
    /// ```
    /// use smtp_proto::testing::cases::Steps;
    ///
    /// let steps = Steps::parse("{2*RCPT TO:<r@t.test>\\r\\n}", 1)?.with(b"<r@t.test>", b"<me@x.test>");
    /// assert_eq!(steps.to_vec(), b"RCPT TO:<me@x.test>\r\n".repeat(2));
    /// # Ok::<(), smtp_proto::testing::cases::NotationError>(())
    /// ```
    #[must_use]
    pub fn with(&self, old: &[u8], new: &[u8]) -> Self {
        let each = |node: &Node| match node {
            Node::Octets(octets) => Node::Octets(replaced(octets, old, new)),
            Node::Run { block, unit, times } => {
                let unit = replaced(&block[..*unit], old, new);
                Self { nodes: Vec::from([Node::Octets(unit)]) }.repeat(*times)
            }
            Node::Group { inner, times } => {
                Node::Group { inner: inner.with(old, new), times: *times }
            }
            Node::Mark(step) => Node::Mark(*step),
        };
        Self { nodes: self.nodes.iter().map(each).collect() }
    }

    fn boxed(&self) -> Box<dyn Iterator<Item = Step<'_>> + '_> {
        Box::new(self.nodes.iter().flat_map(Node::steps))
    }

    fn push_octets(&mut self, octets: &[u8]) {
        match self.nodes.last_mut() {
            Some(Node::Octets(last)) => last.extend_from_slice(octets),
            _ => self.nodes.push(Node::Octets(octets.to_vec())),
        }
    }

    fn repeat(self, times: u64) -> Node {
        let unit = match self.nodes.as_slice() {
            [] => &[][..],
            [Node::Octets(unit)] => unit,
            _ => return Node::Group { inner: self, times },
        };
        let room = (BLOCK / unit.len().max(1)).max(1);
        let held = usize::try_from(times).map_or(room, |times| times.min(room));
        Node::Run { block: unit.repeat(held), unit: unit.len(), times }
    }
}

impl Node {
    fn steps(&self) -> Box<dyn Iterator<Item = Step<'_>> + '_> {
        match self {
            Self::Octets(octets) => Box::new(core::iter::once(Step::Octets(octets))),
            Self::Mark(step) => Box::new(core::iter::once(*step)),
            Self::Group { inner, times } => Box::new((0..*times).flat_map(|_| inner.boxed())),
            Self::Run { block, unit, times } => {
                let held = (block.len() / (*unit).max(1)).max(1) as u64;
                let rest = usize::try_from(times % held).map_or(0, |rest| rest * unit);
                let whole = (0..times / held).map(|_| Step::Octets(block));
                let rest = (rest > 0).then(|| Step::Octets(&block[..rest]));
                Box::new(whole.chain(rest).filter(|step| *step != Step::Octets(b"")))
            }
        }
    }
}

fn replaced(mut octets: &[u8], old: &[u8], new: &[u8]) -> Vec<u8> {
    let mut all = Vec::new();
    while let Some((first, rest)) = octets.split_first() {
        match octets.strip_prefix(old) {
            Some(behind) if !old.is_empty() => {
                all.extend_from_slice(new);
                octets = behind;
            }
            _ => {
                all.push(*first);
                octets = rest;
            }
        }
    }
    all
}

struct Parser<'a> {
    text: &'a str,
    at: usize,
    max: u64,
}

impl Parser<'_> {
    /// Reads up to the end, or to the brace that closes what the caller opened.
    fn steps(&mut self) -> Result<Steps, NotationError> {
        let mut steps = Steps::default();
        while let Some(&octet) = self.text.as_bytes().get(self.at) {
            match octet {
                b'}' => break,
                b'{' => self.brace(&mut steps)?,
                b'\\' => {
                    let octet = self.escape()?;
                    steps.push_octets(&[octet]);
                }
                _ => {
                    self.at += 1;
                    steps.push_octets(&[octet]);
                }
            }
        }
        Ok(steps)
    }

    fn escape(&mut self) -> Result<u8, NotationError> {
        let error = NotationError::Escape(self.at);
        let (octet, length) = match self.text.as_bytes().get(self.at + 1).ok_or(error)? {
            b'r' => (b'\r', 2),
            b'n' => (b'\n', 2),
            b't' => (b'\t', 2),
            b'0' => (0, 2),
            b'\\' => (b'\\', 2),
            b'x' => {
                let hex = self.text.get(self.at + 2..self.at + 4).ok_or(error)?;
                if !hex.bytes().all(|digit| matches!(digit, b'0'..=b'9' | b'a'..=b'f')) {
                    return Err(error);
                }
                (u8::from_str_radix(hex, 16).map_err(|_| error)?, 4)
            }
            _ => return Err(error),
        };
        self.at += length;
        Ok(octet)
    }

    fn brace(&mut self, steps: &mut Steps) -> Result<(), NotationError> {
        let error = NotationError::Brace(self.at);
        let inside = &self.text[self.at + 1..];
        let word = &inside[..inside.find(['}', '*', '{']).ok_or(error)?];
        self.at += 1 + word.len();
        if self.text.as_bytes().get(self.at) == Some(&b'*') {
            let times = self.number(word).ok_or(error)?;
            self.at += 1;
            let inner = self.steps()?;
            steps.nodes.push(inner.repeat(times));
        } else if let Some(mark) = mark(word) {
            steps.nodes.push(Node::Mark(mark));
        } else if word == "smug" {
            steps.push_octets(format!("{SMUG_TEXT}.\r\n").as_bytes());
        } else if word == "smugtext" {
            steps.push_octets(SMUG_TEXT.as_bytes());
        } else {
            let number = self.number(word).ok_or(error)?;
            steps.push_octets(format!("{number}").as_bytes());
        }
        if self.text.as_bytes().get(self.at) != Some(&b'}') {
            return Err(error);
        }
        self.at += 1;
        Ok(())
    }

    fn number(&self, word: &str) -> Option<u64> {
        let Some(rest) = word.strip_prefix("max") else {
            return digits(word);
        };
        match rest.split_at_checked(1) {
            None => Some(self.max),
            Some(("+", more)) => self.max.checked_add(digits(more)?),
            Some(("-", less)) => self.max.checked_sub(digits(less)?),
            Some(_) => None,
        }
    }
}

fn mark(word: &str) -> Option<Step<'static>> {
    let step = match word {
        "cut" => Step::Cut,
        "wait" => Step::Wait,
        "eof" => Step::Eof,
        "tls" => Step::Tls,
        "tlsend" => Step::TlsEnd,
        "fail" => Step::Fail,
        _ => Step::Pause(Duration::from_secs(digits(word.strip_prefix("pause ")?)?)),
    };
    Some(step)
}

/// `str::parse` would also take a sign.
pub(super) fn digits(text: &str) -> Option<u64> {
    let digits = !text.is_empty() && text.bytes().all(|octet| octet.is_ascii_digit());
    if digits { text.parse().ok() } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn steps(text: &str) -> Steps {
        Steps::parse(text, 10).expect(text)
    }

    fn all(steps: &Steps) -> Vec<Step<'_>> {
        steps.iter().collect()
    }

    #[test]
    fn octets_and_escapes_are_one_run() {
        for (text, octets) in [
            ("", &b""[..]),
            ("a b", b"a b"),
            (r"\r\n\t\0\\", b"\r\n\t\0\\"),
            (r"\x00\x7f\xff\x7b\x7d", b"\x00\x7f\xff{}"),
            ("{max}", b"10"),
            ("{max+1} {max-3} {7}", b"11 7 7"),
            ("{3*ab}", b"ababab"),
            ("{0*a}", b""),
            ("x{max+1*a}y", b"xaaaaaaaaaaay"),
            ("{2*a{2*b}}", b"abbabb"),
            ("{2*}", b""),
        ] {
            assert_eq!(steps(text).to_vec(), octets, "{text}");
            assert_eq!(steps(text).octets(), octets.len() as u64, "{text}");
        }
    }

    #[test]
    fn smug_is_smugtext_and_an_end_of_data() {
        let text = steps("{smugtext}").to_vec();
        let smug = steps("{smug}").to_vec();
        assert!(
            text.starts_with(b"MAIL FROM:<smuggled@x.test>\r\n")
                && text.ends_with(b"\r\n\r\nx\r\n")
        );
        assert_eq!(smug.strip_suffix(b".\r\n"), Some(text.as_slice()));
    }

    #[test]
    fn every_mark_is_a_step() {
        let minute = Step::Pause(Duration::from_secs(60));
        let expected =
            [Step::Cut, Step::Wait, Step::Eof, Step::Tls, Step::TlsEnd, Step::Fail, minute];
        assert_eq!(all(&steps("{cut}{wait}{eof}{tls}{tlsend}{fail}{pause 60}")), expected);
    }

    #[test]
    fn a_repetition_may_hold_marks() {
        let once = [Step::Octets(b"a"), Step::Wait];
        assert_eq!(all(&steps("{3*a{wait}}")), once.repeat(3));
        assert_eq!(steps("{3*a{wait}}").octets(), 3);
    }

    #[test]
    fn a_large_repetition_is_small_in_memory() {
        let steps = steps("{100000000*abc}");
        assert_eq!(steps.octets(), 300_000_000);
        let mut octets = 0;
        for step in steps.iter() {
            let Step::Octets(block) = step else { panic!("{step:?}") };
            assert!(
                block.len() <= BLOCK && block.starts_with(b"abc") && block.ends_with(b"abc"),
                "{}",
                block.len()
            );
            octets += block.len() as u64;
        }
        assert_eq!(octets, 300_000_000);
    }

    #[test]
    fn what_means_nothing_is_an_error_at_its_octet() {
        for (text, error) in [
            ("ab\\", NotationError::Escape(2)),
            ("a\\q", NotationError::Escape(1)),
            ("\\xFF", NotationError::Escape(0)),
            ("\\x+1", NotationError::Escape(0)),
            ("\\x1", NotationError::Escape(0)),
            ("a}", NotationError::Brace(1)),
            ("a{", NotationError::Brace(1)),
            ("{}", NotationError::Brace(0)),
            ("{pause}", NotationError::Brace(0)),
            ("{pause +1}", NotationError::Brace(0)),
            ("{+3*a}", NotationError::Brace(0)),
            ("{max*2}x}", NotationError::Brace(8)),
            ("{3*a", NotationError::Brace(0)),
            ("{max-11}", NotationError::Brace(0)),
        ] {
            assert_eq!(Steps::parse(text, 10), Err(error), "{text}");
        }
    }
}
