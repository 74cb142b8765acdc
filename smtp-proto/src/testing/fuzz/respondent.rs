//! A server for the client machine: it counts its commands, and answers them as octets choose.

use alloc::vec::Vec;

use super::content::unstuffed;
use super::input::Choices;
use crate::{Command, Last};

/// Replies to choose from.
const REPLIES: [&[u8]; 24] = [
    b"250 2.0.0 ok\r\n",
    b"250-one\r\n250-two\r\n250 three\r\n",
    b"251 2.1.5 forwarded\r\n",
    b"252 2.0.0 perhaps\r\n",
    b"354 go on\r\n",
    b"421 4.3.2 going down\r\n",
    b"450 4.2.1 later\r\n",
    b"451 4.3.0 trouble\r\n",
    b"452 4.5.3 too many\r\n",
    b"452 4.3.1 no room\r\n",
    b"500 5.5.2 what\r\n",
    b"502 5.5.1 no\r\n",
    b"503 5.5.1 order\r\n",
    b"550-5.1.1 no\r\n550 5.1.1 such\r\n",
    b"552 too many\r\n",
    b"552 5.3.4 too big\r\n",
    b"554 5.0.0 no\r\n",
    b"221 2.0.0 bye\r\n",
    b"235 2.7.0 known\r\n",
    b"334 PDE+\r\n",
    b"220 again\r\n",
    b"250-a\r\n251 b\r\n",
    b"no reply at all\r\n",
    b"250",
];

/// Lines of a reply to EHLO to choose from.
const OFFERS: [&str; 12] = [
    "PIPELINING",
    "SIZE",
    "SIZE 60",
    "8BITMIME",
    "SMTPUTF8",
    "DSN",
    "ENHANCEDSTATUSCODES",
    "CHUNKING",
    "BINARYMIME",
    "STARTTLS",
    "AUTH PLAIN LOGIN",
    "X-OTHER a b",
];

/// What the client is in the middle of, as far as a server can tell.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Hears {
    Commands,
    Content,
    /// A chunk, of which so many octets are left.
    Chunk {
        left: usize,
        last: bool,
    },
    /// A response of AUTH.
    Response,
}

/// The server of a session, and the octets that it wrote.
pub(super) struct Respondent<'d> {
    choices: Choices<'d>,
    hears: Hears,
    heard: Vec<u8>,
    content: Vec<u8>,
    wrote: Vec<u8>,
    /// Of what it wrote so much has arrived.
    arrived: usize,
    /// Until so much has arrived the client has to wait.
    waits_until: usize,
    pipelining: bool,
    /// Each recipient has its verdict on the content (RFC 2033 4.2).
    lmtp: bool,
    /// Recipients that were accepted.
    accepted: usize,
    pub(super) tally: Tally,
}

/// What a server saw, for what must be so at the end.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Tally {
    /// Contents whose final dot came.
    pub(super) ended: usize,
    /// Contents that were taken, dots undone.
    pub(super) taken: Vec<Vec<u8>>,
}

impl<'d> Respondent<'d> {
    /// A server that has said its greeting.
    pub(super) fn new(choices: Choices<'d>, lmtp: bool) -> Self {
        let mut server = Self {
            choices,
            hears: Hears::Commands,
            heard: Vec::new(),
            content: Vec::new(),
            wrote: Vec::new(),
            arrived: 0,
            waits_until: 0,
            pipelining: false,
            lmtp,
            accepted: 0,
            tally: Tally::default(),
        };
        server.reply(b"220 s.test ready\r\n");
        server.wait();
        server
    }

    /// The next octets on their way to the client, at most so many.
    pub(super) fn arrives(&mut self, most: usize) -> &[u8] {
        let from = self.arrived;
        self.arrived = self.wrote.len().min(from.saturating_add(most));
        &self.wrote[from..self.arrived]
    }

    pub(super) fn is_silent(&self) -> bool {
        self.arrived == self.wrote.len()
    }

    /// RFC 3207 4.2: nothing that was said in the clear holds.
    pub(super) const fn tls_established(&mut self) {
        self.pipelining = false;
    }

    /// The client wrote this.
    ///
    /// # Panics
    ///
    /// When it wrote where it has to wait, or what is no command.
    pub(super) fn hear(&mut self, octets: &[u8]) {
        assert!(self.arrived >= self.waits_until, "the client does not wait: {octets:?}");
        self.heard.extend_from_slice(octets);
        while let Some(waits) = self.unit() {
            if waits {
                assert!(self.heard.is_empty(), "{:?} stands where nothing may", self.heard);
                self.wait();
            }
        }
    }

    /// Takes a line or a chunk, if it is whole: whether the client has to wait behind it.
    fn unit(&mut self) -> Option<bool> {
        if let Hears::Chunk { left, last } = self.hears {
            let rest = self.heard.split_off(left.min(self.heard.len()));
            let left = left - self.heard.len();
            self.content.append(&mut self.heard);
            self.heard = rest;
            self.hears = Hears::Chunk { left, last };
            return (left == 0).then(|| self.chunk_ended(last));
        }
        let end = self.heard.windows(2).position(|two| two == b"\r\n")?;
        let rest = self.heard.split_off(end + 2);
        let line = core::mem::replace(&mut self.heard, rest);
        Some(self.line(&line[..end]))
    }

    const fn wait(&mut self) {
        self.waits_until = self.wrote.len();
    }

    /// Whether the client has to wait behind this line.
    fn line(&mut self, line: &[u8]) -> bool {
        match self.hears {
            Hears::Content => {
                self.content.extend_from_slice(line);
                self.content.extend_from_slice(b"\r\n");
                if line != b"." {
                    return false;
                }
                let wire = core::mem::take(&mut self.content);
                self.judged(unstuffed(&wire[..wire.len() - 3]));
                !self.pipelining
            }
            Hears::Response => {
                let cancelled = line == b"*";
                let suitable: &[u8] =
                    if cancelled { b"501 5.7.0 so be it\r\n" } else { b"235 2.7.0 known\r\n" };
                self.authenticate(suitable);
                true
            }
            Hears::Commands | Hears::Chunk { .. } => self.command(line),
        }
    }

    fn authenticate(&mut self, suitable: &'static [u8]) {
        let challenge = self.reply(suitable).starts_with(b"334 ");
        self.hears = if challenge { Hears::Response } else { Hears::Commands };
    }

    /// The content is whole.
    fn judged(&mut self, content: Vec<u8>) {
        self.hears = Hears::Commands;
        self.tally.ended += 1;
        let verdicts = if self.lmtp { core::mem::take(&mut self.accepted) } else { 1 };
        let mut taken = false;
        for _ in 0..verdicts {
            taken |= self.reply(b"250 2.0.0 queued\r\n").starts_with(b"2");
        }
        if taken {
            self.tally.taken.push(content);
        }
    }

    fn chunk_ended(&mut self, last: bool) -> bool {
        self.hears = Hears::Commands;
        if last {
            let content = core::mem::take(&mut self.content);
            self.judged(content);
        } else {
            self.reply(b"250 2.0.0 more\r\n");
        }
        last || !self.pipelining
    }

    fn command(&mut self, line: &[u8]) -> bool {
        assert!(line.iter().all(|octet| *octet >= b' ' && *octet != 127), "{line:?}");
        let verb = line.split(|octet| *octet == b' ').next().unwrap_or_default();
        match verb {
            b"EHLO" | b"LHLO" => self.offer(),
            b"HELO" => {
                let accepted = self.reply(b"250 s.test\r\n").starts_with(b"250");
                self.pipelining &= !accepted;
            }
            b"MAIL" | b"RSET" => {
                self.accepted = 0;
                self.content.clear();
                self.reply(b"250 2.1.0 ok\r\n");
            }
            b"RCPT" => {
                let accepted = self.reply(b"250 2.1.5 ok\r\n").starts_with(b"2");
                self.accepted += usize::from(accepted);
            }
            b"DATA" if self.reply(b"354 go on\r\n").starts_with(b"354") => {
                self.hears = Hears::Content;
            }
            b"DATA" => {}
            b"BDAT" => {
                self.hears = chunk(line);
                return false;
            }
            b"AUTH" => self.authenticate(b"235 2.7.0 known\r\n"),
            b"STARTTLS" => drop(self.reply(b"220 2.0.0 go on\r\n")),
            b"QUIT" => drop(self.reply(b"221 2.0.0 bye\r\n")),
            _ => drop(self.reply(b"250 2.0.0 ok\r\n")),
        }
        // RFC 2920 3.1.
        !self.pipelining || ![&b"MAIL"[..], b"RCPT", b"RSET"].contains(&verb)
    }

    fn offer(&mut self) {
        if self.choices.once_in(4) {
            self.reply(b"502 5.5.1 what\r\n");
            return;
        }
        let offers = self.choices.number();
        self.pipelining = offers & 1 == 1;
        let offers = OFFERS.iter().enumerate().filter(|(n, _)| offers >> n & 1 == 1);
        for (_, offer) in offers {
            self.wrote.extend_from_slice(&[b"250-", offer.as_bytes(), b"\r\n"].concat());
        }
        self.wrote.extend_from_slice(b"250 HELP\r\n");
    }

    /// Says what the octets choose, or what suits: one reply at the most, so that the client decides what is in flight.
    fn reply(&mut self, suitable: &'static [u8]) -> &'d [u8] {
        let choice = usize::from(self.choices.octet());
        let reply = match choice {
            0..128 => suitable,
            128..240 => REPLIES[choice % REPLIES.len()],
            _ => self
                .choices
                .run(60)
                .split_inclusive(|octet| *octet == b'\n')
                .next()
                .unwrap_or_default(),
        };
        self.wrote.extend_from_slice(reply);
        reply
    }
}

/// What a BDAT announces.
fn chunk(line: &[u8]) -> Hears {
    match Command::parse(line) {
        Ok(Command::Bdat { octets, last }) => {
            let left = usize::try_from(octets).expect("a chunk that fits");
            Hears::Chunk { left, last: last == Last::Yes }
        }
        other => panic!("{} is {other:?}", line.escape_ascii()),
    }
}
