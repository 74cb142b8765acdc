//! Sessions by seed: groups of commands, good and bad, and contents, each up to a place where the client waits.

use core::fmt;

/// What a client sends before it waits.
#[derive(Clone)]
pub(crate) enum Group {
    /// Commands, and how many replies they have.
    Commands { octets: Vec<u8>, replies: usize },
    /// Content with its end, which is sent where the last reply is 354.
    Content(Vec<u8>),
}

impl fmt::Debug for Group {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (Self::Commands { octets, .. } | Self::Content(octets)) = self;
        write!(f, "\"{}\"", octets.escape_ascii())
    }
}

const GOOD: [&str; 9] = [
    "MAIL FROM:<a@x.test>",
    "MAIL FROM:<> SIZE=10 BODY=8BITMIME",
    "RCPT TO:<b@y.test>",
    "RCPT TO:<no@y.test>",
    "RCPT TO:<c@y.test> NOTIFY=NEVER",
    "RSET",
    "NOOP x",
    "VRFY b",
    "HELP",
];

const BAD: [&str; 14] = [
    "",
    " ",
    "MAIL",
    "MAIL FROM:a@x.test",
    "MAIL FROM:<a@x.test> X=1",
    "RCPT TO:<b y>",
    "RCPT TO:<b@y.test> X=1",
    "RSET x",
    "text",
    "TURN",
    "AUTH PLAIN AHUAcA==",
    "EXPN x",
    "a\0b",
    "a\rb\nc",
];

/// Lines, and what is nearly an end of the content.
const PIECES: [&[u8]; 14] = [
    b"\r\n",
    b".\r\n.",
    b"..\r\n",
    b".x\r\n",
    b"\r\n..",
    b"\n.\r",
    b"\r.\r",
    b"\r\n.\n",
    b"\r\r\n",
    b"\0",
    b"text",
    b"\xc3\xa9\r\n",
    b"Verdict: 554\r\n",
    b"a line of text, longer than any of the others, and more of it\r\n",
];

/// SplitMix64.
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((mixed ^ (mixed >> 31)) % end as u64) as usize
    }

    fn pick<T: Copy>(&mut self, of: &[T]) -> T {
        of[self.below(of.len())]
    }

    pub(crate) fn octet(&mut self) -> u8 {
        self.below(256) as u8
    }

    /// Lines, and what is nearly an end.
    fn content(&mut self) -> Vec<u8> {
        (0..self.below(8)).flat_map(|_| self.pick(&PIECES).to_vec()).collect()
    }

    /// The same up to its end, which may come early.
    fn ended(&mut self) -> Vec<u8> {
        let octets = [b"\r\n", &self.content()[..], b"\r\n.\r\n"].concat();
        let end = octets.windows(5).position(|five| five == b"\r\n.\r\n");
        octets[2..end.expect("it stands there") + 5].to_vec()
    }
}

pub(crate) fn hello() -> Group {
    commands(["EHLO c.test"])
}

pub(crate) fn commands<'l>(lines: impl IntoIterator<Item = &'l str>) -> Group {
    let lines: Vec<&str> = lines.into_iter().collect();
    let octets = lines.iter().flat_map(|line| [line.as_bytes(), b"\r\n"].concat()).collect();
    Group::Commands { octets, replies: lines.len() }
}

/// A group of any commands; a client waits behind some.
fn any(random: &mut Random) -> Group {
    let mut lines: Vec<&str> = (0..random.below(6)).map(|_| line(random)).collect();
    lines.push(random.pick(&["EHLO c.test", "EHLO a b", "DATA x", "NOOP", "RSET"]));
    commands(lines)
}

fn line(random: &mut Random) -> &'static str {
    if random.below(3) == 0 { random.pick(&BAD) } else { random.pick(&GOOD) }
}

/// MAIL and some RCPT.
fn envelope(random: &mut Random) -> Vec<&'static str> {
    let mut lines = vec![GOOD[random.below(2)]];
    lines.extend((0..=random.below(3)).map(|_| GOOD[2 + random.below(3)]));
    lines
}

/// A transaction from its MAIL to its end, in one of the ways in which it can end.
pub(crate) fn transaction(random: &mut Random) -> Vec<Group> {
    let mut lines = envelope(random);
    match random.below(5) {
        0 => {
            lines.push("RSET");
            vec![commands(lines)]
        }
        1 => {
            lines.push("EHLO c.test");
            vec![commands(lines)]
        }
        2 => vec![commands(lines), chunks(random, true), commands(["RSET"])],
        _ => {
            lines.push("DATA");
            // Where nobody was accepted, RSET is what ends it.
            vec![commands(lines), Group::Content(random.ended()), commands(["RSET"])]
        }
    }
}

fn chunks(random: &mut Random, ends: bool) -> Group {
    let count = 1 + random.below(3);
    let mut octets = Vec::new();
    for number in 1..=count {
        let chunk = random.content();
        let last = if ends && number == count { " LAST" } else { "" };
        octets.extend_from_slice(format!("BDAT {}{last}\r\n", chunk.len()).as_bytes());
        octets.extend_from_slice(&chunk);
    }
    Group::Commands { octets, replies: count }
}

/// Anything that may come behind EHLO.
pub(crate) fn groups(random: &mut Random) -> Vec<Group> {
    let mut groups = Vec::new();
    for _ in 0..1 + random.below(4) {
        match random.below(4) {
            0 => groups.push(any(random)),
            1 => groups.push(chunks(random, false)),
            2 => groups.push(Group::Commands { octets: b"BDAT x\r\n".to_vec(), replies: 1 }),
            _ => groups.extend(transaction(random)),
        }
        if random.below(8) != 0 {
            // An end is rare, so that there is something behind it.
            groups.retain(
                |group| !matches!(group, Group::Commands { octets, .. } if octets == b"BDAT x\r\n"),
            );
        }
    }
    if random.below(4) == 0 {
        groups.push(commands(["QUIT"]));
    }
    groups
}
