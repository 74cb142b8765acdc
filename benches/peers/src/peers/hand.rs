//! A mark: what a parser of MAIL and RCPT takes that is written for these two commands alone, by hand, with every check that smtp-proto
//! makes by default, and no place of an error.

use std::hint::black_box;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::str;

use memchr::memchr;

use crate::job::{Job, Peer, Task, Work};

pub(crate) const NAME: &str = "written by hand";

pub(crate) struct Hand;

impl Peer for Hand {
    fn name(&self) -> &'static str {
        NAME
    }

    fn work(&self, job: &Job) -> Option<Work> {
        match job.task {
            Task::Parse => Work::new("knows MAIL, RCPT and DATA alone", |mut input, _| {
                let mut commands = 0;
                while let Some(end) = memchr(b'\n', input) {
                    let (line, rest) = input.split_at(end + 1);
                    let Some(line) = line.strip_suffix(b"\r\n") else { break };
                    commands += usize::from(black_box(command(line)).is_some());
                    input = rest;
                }
                commands
            }),
            _ => None,
        }
    }
}

/// What a line says; the mailbox is `None` for `<>` and `<Postmaster>`.
#[derive(Debug, PartialEq)]
enum Command<'a> {
    Mail(Option<Mailbox<'a>>, Params<'a>),
    Rcpt(Option<Mailbox<'a>>, Params<'a>),
    Data,
}

#[derive(Debug, PartialEq)]
struct Mailbox<'a> {
    text: &'a str,
    at: usize,
}

#[derive(Debug, Default, PartialEq)]
struct Params<'a> {
    run: &'a [u8],
    seen: u8,
    unknown: bool,
    size: u64,
}

const ATEXT: u8 = 1;
const QTEXT: u8 = 2;
const LDH: u8 = 4;
const VALUE: u8 = 8;
const KEYWORD: u8 = 16;
const XCHAR: u8 = 32;

static CLASSES: [u8; 256] = {
    let mut classes = [0; 256];
    let mut octet = 0;
    while octet < 256 {
        let c = octet as u8;
        let alphanumeric = c.is_ascii_alphanumeric();
        let other = c >= 0x80;
        let mut class = 0;
        if alphanumeric
            || other
            || matches!(c, b'!' | b'#'..=b'\'' | b'*' | b'+' | b'-' | b'/' | b'=' | b'?' | b'^'..=b'`' | b'{'..=b'~')
        {
            class |= ATEXT;
        }
        if other || matches!(c, 32..=33 | 35..=91 | 93..=126) {
            class |= QTEXT;
        }
        if alphanumeric || other || c == b'-' {
            class |= LDH;
        }
        if other || matches!(c, 33..=60 | 62..=126) {
            class |= VALUE;
        }
        if alphanumeric || c == b'-' {
            class |= KEYWORD;
        }
        if matches!(c, 33..=42 | 44..=60 | 62..=126) {
            class |= XCHAR;
        }
        classes[octet] = class;
        octet += 1;
    }
    classes
};

fn is(octet: u8, class: u8) -> bool {
    CLASSES[usize::from(octet)] & class != 0
}

/// Where the run of this class ends that begins at `from`.
fn run(octets: &[u8], from: usize, class: u8) -> usize {
    let mut at = from;
    while at < octets.len() && is(octets[at], class) {
        at += 1;
    }
    at
}

fn command(line: &[u8]) -> Option<Command<'_>> {
    if let Some(rest) = after(line, b"RCPT TO:") {
        if let Some(rest) = after(rest, b"<postmaster>") {
            return Some(Command::Rcpt(None, params(rest, rcpt_param)?));
        }
        let (mailbox, rest) = path(rest)?;
        return Some(Command::Rcpt(Some(mailbox), params(rest, rcpt_param)?));
    }
    if let Some(rest) = after(line, b"MAIL FROM:") {
        if let Some(rest) = rest.strip_prefix(b"<>") {
            return Some(Command::Mail(None, params(rest, mail_param)?));
        }
        let (mailbox, rest) = path(rest)?;
        return Some(Command::Mail(Some(mailbox), params(rest, mail_param)?));
    }
    line.eq_ignore_ascii_case(b"DATA").then_some(Command::Data)
}

fn after<'a>(line: &'a [u8], word: &[u8]) -> Option<&'a [u8]> {
    let (head, rest) = line.split_at_checked(word.len())?;
    head.eq_ignore_ascii_case(word).then_some(rest)
}

/// `"<" [ A-d-l ":" ] Mailbox ">"`
fn path(line: &[u8]) -> Option<(Mailbox<'_>, &[u8])> {
    let inner = line.strip_prefix(b"<")?;
    let mut start = 0;
    if inner.first() == Some(&b'@') {
        loop {
            start = domain(inner, start + 1)?;
            match inner.get(start)? {
                b',' if inner.get(start + 1) == Some(&b'@') => start += 1,
                b':' => break start += 1,
                _ => return None,
            }
        }
    }
    let at = local_part(inner, start)?;
    if inner.get(at) != Some(&b'@') {
        return None;
    }
    let end = if inner.get(at + 1) == Some(&b'[') {
        literal(inner, at + 1)?
    } else {
        domain(inner, at + 1)?
    };
    if inner.get(end) != Some(&b'>') || end + 2 > 256 || at - start > 64 || end - at - 1 > 255 {
        return None;
    }
    let text = str::from_utf8(&inner[start..end]).ok()?;
    Some((Mailbox { text, at: at - start }, &inner[end + 1..]))
}

fn local_part(octets: &[u8], from: usize) -> Option<usize> {
    if octets.get(from) == Some(&b'"') {
        let mut at = from + 1;
        loop {
            at = run(octets, at, QTEXT);
            match octets.get(at)? {
                b'"' => return Some(at + 1),
                b'\\' if matches!(octets.get(at + 1)?, 32..=126) => at += 2,
                _ => return None,
            }
        }
    }
    let mut start = from;
    loop {
        let end = run(octets, start, ATEXT);
        if end == start {
            return None;
        }
        if octets.get(end) != Some(&b'.') {
            return Some(end);
        }
        start = end + 1;
    }
}

fn domain(octets: &[u8], from: usize) -> Option<usize> {
    let mut start = from;
    loop {
        let end = run(octets, start, LDH);
        if end == start || end - start > 63 || octets[start] == b'-' || octets[end - 1] == b'-' {
            return None;
        }
        if octets.get(end) != Some(&b'.') {
            return Some(end);
        }
        start = end + 1;
    }
}

fn literal(octets: &[u8], from: usize) -> Option<usize> {
    let end = from + memchr(b']', &octets[from..])?;
    let inner = str::from_utf8(&octets[from + 1..end]).ok()?;
    match inner.get(..5).is_some_and(|tag| tag.eq_ignore_ascii_case("IPv6:")) {
        true => inner[5..].parse::<Ipv6Addr>().map(drop).ok()?,
        false => inner.parse::<Ipv4Addr>().map(drop).ok()?,
    }
    Some(end + 1)
}

/// One parameter: the bit of its name, 0 where it has none here.
type Read = fn(&[u8], Option<&[u8]>, &mut u64) -> Option<u8>;

fn params(line: &[u8], read: Read) -> Option<Params<'_>> {
    let mut params = Params { run: line, ..Params::default() };
    if line.is_empty() {
        return Some(params);
    }
    str::from_utf8(line).ok()?;
    let (mut at, mut count) = (0, 0);
    while at < line.len() {
        let start = at;
        let end = run(line, at + 1, KEYWORD);
        if line[at] != b' ' || end == at + 1 || line[at + 1] == b'-' {
            return None;
        }
        let keyword = &line[at + 1..end];
        at = end;
        let mut value = None;
        if line.get(end) == Some(&b'=') {
            at = run(line, end + 1, VALUE);
            value = Some(&line[end + 1..at]).filter(|value| !value.is_empty());
            value?;
        }
        let bit = read(keyword, value, &mut params.size)?;
        if bit == 0 {
            params.unknown = true;
            if given(&line[..start], keyword) {
                return None;
            }
        }
        count += 1;
        if params.seen & bit != 0 || count > 32 {
            return None;
        }
        params.seen |= bit;
    }
    Some(params)
}

fn given(earlier: &[u8], keyword: &[u8]) -> bool {
    earlier.split(|&octet| octet == b' ').any(|param| {
        let end = memchr(b'=', param).unwrap_or(param.len());
        param[..end].eq_ignore_ascii_case(keyword)
    })
}

fn mail_param(keyword: &[u8], value: Option<&[u8]>, size: &mut u64) -> Option<u8> {
    if keyword.eq_ignore_ascii_case(b"SIZE") {
        let digits = value.filter(|digits| digits.len() <= 20)?;
        for digit in digits {
            *size = size
                .saturating_mul(10)
                .saturating_add(u64::from(digit.checked_sub(b'0').filter(|digit| *digit < 10)?));
        }
        return Some(1);
    }
    if keyword.eq_ignore_ascii_case(b"BODY") {
        let words: [&[u8]; 3] = [b"7BIT", b"8BITMIME", b"BINARYMIME"];
        return words
            .iter()
            .any(|word| value.is_some_and(|value| value.eq_ignore_ascii_case(word)))
            .then_some(2);
    }
    if keyword.eq_ignore_ascii_case(b"RET") {
        let value = value?;
        return (value.eq_ignore_ascii_case(b"FULL") || value.eq_ignore_ascii_case(b"HDRS"))
            .then_some(4);
    }
    if keyword.eq_ignore_ascii_case(b"ENVID") {
        return value.is_some_and(|value| value.len() <= 100 && xtext(value)).then_some(8);
    }
    if keyword.eq_ignore_ascii_case(b"SMTPUTF8") {
        return value.is_none().then_some(16);
    }
    Some(0)
}

fn rcpt_param(keyword: &[u8], value: Option<&[u8]>, _: &mut u64) -> Option<u8> {
    if keyword.eq_ignore_ascii_case(b"NOTIFY") {
        return notify(value?).then_some(1);
    }
    if keyword.eq_ignore_ascii_case(b"ORCPT") {
        let value = value.filter(|value| value.len() <= 500)?;
        let semicolon = memchr(b';', value)?;
        let (kind, address) = (&value[..semicolon], &value[semicolon + 1..]);
        let sound = semicolon > 0
            && kind.is_ascii()
            && run(kind, 0, ATEXT) == semicolon
            && !address.is_empty()
            // The forms of `utf-8` are left to the ones that are no marks.
            && !kind.eq_ignore_ascii_case(b"utf-8")
            && xtext(address);
        return sound.then_some(2);
    }
    Some(0)
}

fn notify(value: &[u8]) -> bool {
    if value.eq_ignore_ascii_case(b"NEVER") {
        return true;
    }
    let mut seen = 0;
    value.split(|&octet| octet == b',').all(|word| {
        let words: [&[u8]; 3] = [b"SUCCESS", b"FAILURE", b"DELAY"];
        words.iter().position(|known| word.eq_ignore_ascii_case(known)).is_some_and(|bit| {
            let new = seen & (1 << bit) == 0;
            seen |= 1 << bit;
            new
        })
    })
}

/// Xtext that decodes to printable US-ASCII.
fn xtext(value: &[u8]) -> bool {
    let hex = |digit: u8| match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'A'..=b'F' => Some(digit - b'A' + 10),
        _ => None,
    };
    let mut at = 0;
    while let Some(&octet) = value.get(at) {
        if octet == b'+' {
            let Some((high, low)) = value
                .get(at + 1)
                .copied()
                .and_then(hex)
                .zip(value.get(at + 2).copied().and_then(hex))
            else {
                return false;
            };
            if !matches!(high << 4 | low, b'\t' | 32..=126) {
                return false;
            }
            at += 3;
        } else if is(octet, XCHAR) {
            at += 1;
        } else {
            return false;
        }
    }
    true
}

#[cfg(test)]
mod tests {
    use smtp_proto::{Command as Ours, Verb};

    use super::*;

    /// The mark takes what smtp-proto takes, else it would mark nothing.
    #[test]
    fn the_mark_reads_what_smtp_proto_reads() {
        let long = "a".repeat(64);
        let lines = [
            "MAIL FROM:<>",
            "mail from:<alice@client.example> size=1000 BODY=8BITMIME RET=HDRS ENVID=QQ314159",
            "MAIL FROM:<alice@client.example> SIZE=99999999999999999999999",
            "MAIL FROM:<alice@client.example> SIZE=10 SIZE=10",
            "MAIL FROM:<alice@client.example> X-A=1 X-B X-a=2",
            "MAIL FROM:<alice@client.example> X-A=1 X-B",
            "MAIL FROM:<alice@client.example> BODY=9BIT",
            "MAIL FROM:<alice@client.example> RET=",
            "MAIL FROM:<alice@client.example> ENVID=a+0D",
            "MAIL FROM:<alice@client.example> ENVID=a+2Bb",
            "MAIL FROM:<alice@client.example>  SIZE=1",
            "MAIL FROM:<alice@client.example> SMTPUTF8=1",
            "MAIL FROM:<alice@-client.example>",
            "MAIL FROM:<alice@client..example>",
            "MAIL FROM:<.alice@client.example>",
            "MAIL FROM:<\"a\\\"b c\"@client.example>",
            "MAIL FROM:<\"a\\\u{e9}\"@client.example>",
            "MAIL FROM:<\u{e9}@\u{e9}.example>",
            "MAIL FROM:<@a.example,@b.example:alice@client.example>",
            "MAIL FROM:<alice@[127.0.0.1]>",
            "MAIL FROM:<alice@[IPv6:::1]>",
            "MAIL FROM:<alice@[127.0.0.256]>",
            "MAIL FROM:<alice>",
            "MAIL FROM: <alice@client.example>",
            &format!("MAIL FROM:<{long}@client.example>"),
            &format!("MAIL FROM:<a{long}@client.example>"),
            &format!("MAIL FROM:<a@{long}.example>"),
            "RCPT TO:<postmaster>",
            "RCPT TO:<>",
            "RCPT TO:<bob@server.example> NOTIFY=SUCCESS,FAILURE ORCPT=rfc822;bob@server.example",
            "RCPT TO:<bob@server.example> NOTIFY=NEVER,DELAY",
            "RCPT TO:<bob@server.example> NOTIFY=DELAY,DELAY",
            "RCPT TO:<bob@server.example> ORCPT=;bob",
            "RCPT TO:<bob@server.example> ORCPT=rfc822;",
            "RCPT TO:<bob@server.example> SIZE=1",
            "RCPT TO:<bob@server.example>x",
            "DATA",
            "DATA x",
        ];
        for line in lines {
            let ours = Ours::parse(line.as_bytes());
            assert_eq!(command(line.as_bytes()).is_some(), ours.is_ok(), "{line}: {ours:?}");
            match (command(line.as_bytes()), ours) {
                (Some(Command::Mail(Some(mailbox), params)), Ok(Ours::Mail(mail))) => {
                    let read = mail.from.mailbox().expect("it has one");
                    assert_eq!(
                        (mailbox.text, mailbox.at),
                        (read.as_str(), read.local_part().as_str().len())
                    );
                    assert_eq!(params.size, mail.params.size().unwrap_or(0));
                }
                (Some(Command::Rcpt(Some(mailbox), _)), Ok(Ours::Rcpt(rcpt))) => {
                    assert_eq!(mailbox.text, rcpt.to.mailbox().expect("it has one").as_str());
                }
                (Some(_), Ok(ours)) => {
                    assert!(matches!(ours.verb(), Verb::Mail | Verb::Rcpt | Verb::Data))
                }
                _ => {}
            }
        }
    }
}
