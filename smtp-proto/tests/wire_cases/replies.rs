//! Replies, as a second, naive reader reads them: it shares nothing with the core.

use core::fmt::Write as _;
use smtp_proto::testing::cases::ExpectedReply;

/// A reply as a peer reads it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Reply {
    pub(crate) code: u16,
    pub(crate) enhanced: Option<String>,
    /// The text of each line, without codes.
    pub(crate) lines: Vec<String>,
}

/// All replies that stand in these octets, one behind the other.
pub(crate) fn read(written: &[u8]) -> Result<Vec<Reply>, String> {
    let text =
        core::str::from_utf8(written).map_err(|error| format!("replies are not ASCII: {error}"))?;
    let mut replies = Vec::new();
    let mut lines = Vec::new();
    for line in text.split_inclusive('\n') {
        let line = line.strip_suffix("\r\n").ok_or_else(|| format!("no CRLF behind {line:?}"))?;
        let (code, rest) =
            line.split_at_checked(3).ok_or_else(|| format!("no code in {line:?}"))?;
        lines.push((code, rest.get(1..).unwrap_or("")));
        match rest.chars().next() {
            Some('-') => {}
            Some(' ') => replies.push(Reply::from_lines(&core::mem::take(&mut lines))?),
            _ => return Err(format!("no separator in {line:?}")),
        }
    }
    if lines.is_empty() { Ok(replies) } else { Err(format!("half a reply: {lines:?}")) }
}

/// Whether these are the replies that must come.
pub(crate) fn compare(replies: &[Reply], expected: &[ExpectedReply<'_>]) -> Result<(), String> {
    let alike = replies.len() == expected.len()
        && replies.iter().zip(expected).all(|(reply, expected)| reply.is(expected));
    if alike {
        return Ok(());
    }
    let said = list(replies.iter().map(Reply::shown));
    Err(format!("{said} for {}", list(expected.iter().map(shown))))
}

fn shown(reply: &ExpectedReply<'_>) -> String {
    match (reply.enhanced, reply.text) {
        (Some(enhanced), _) => format!("{}/{enhanced}", reply.code),
        (None, Some(text)) => format!("{}={text}", reply.code),
        (None, None) => reply.code.to_string(),
    }
}

impl Reply {
    fn from_lines(lines: &[(&str, &str)]) -> Result<Self, String> {
        let code = lines[0].0;
        if lines.iter().any(|(other, _)| *other != code) {
            return Err(format!("several codes in one reply: {lines:?}"));
        }
        let enhanced = enhanced(lines[0].1);
        if lines.iter().any(|(_, text)| self::enhanced(text) != enhanced) {
            return Err(format!("several enhanced codes in one reply: {lines:?}"));
        }
        let text = |text: &str| {
            enhanced.map_or(text, |code| text[code.len()..].trim_start_matches(' ')).to_owned()
        };
        Ok(Self {
            code: code.parse().map_err(|_| format!("no code in {lines:?}"))?,
            enhanced: enhanced.map(str::to_owned),
            lines: lines.iter().map(|(_, line)| text(line)).collect(),
        })
    }

    pub(crate) fn is(&self, expected: &ExpectedReply<'_>) -> bool {
        let text = expected.text.is_none_or(|text| self.lines == [text]);
        self.code == expected.code && self.enhanced.as_deref() == expected.enhanced && text
    }

    pub(crate) fn shown(&self) -> String {
        match &self.enhanced {
            Some(enhanced) => format!("{}/{enhanced}", self.code),
            None => self.code.to_string(),
        }
    }
}

/// The enhanced code at the start of a text.
fn enhanced(text: &str) -> Option<&str> {
    let word = text.split(' ').next()?;
    let parts: Vec<&str> = word.split('.').collect();
    let number = |part: &&str| {
        (1..=3).contains(&part.len()) && part.bytes().all(|octet| octet.is_ascii_digit())
    };
    let three = parts.len() == 3 && matches!(parts[0], "2" | "4" | "5") && parts.iter().all(number);
    three.then_some(word)
}

/// Items with spaces between them; of many equal ones in a row only the number.
pub(crate) fn list(items: impl Iterator<Item = String>) -> String {
    let mut text = String::new();
    let mut items = items.peekable();
    while let Some(item) = items.next() {
        let mut times = 1;
        while items.next_if_eq(&item).is_some() {
            times += 1;
        }
        let space = if text.is_empty() { "" } else { " " };
        let _ = if times > 1 {
            write!(text, "{space}{times}*{item}")
        } else {
            write!(text, "{space}{item}")
        };
    }
    if text.is_empty() { "none".to_owned() } else { text }
}
