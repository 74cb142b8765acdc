//! The server under test: where it is, and what it offers.

use core::net::SocketAddr;
use core::time::Duration;
use std::io;
use std::net::{TcpStream, ToSocketAddrs};
use std::thread;
use std::time::Instant;

use smtp_proto::testing::cases::{MESSAGE_MAX, Steps};
use smtp_proto::{Escaped, Extensions, ReplyBuf};

use crate::options::Options;
use crate::peer::{Patience, Peer};

/// On the same machine nothing takes longer on its way; behind a network it does.
const QUIET: Duration = Duration::from_millis(50);
/// A server that takes no connection now may take one later.
const LATER: Duration = Duration::from_millis(500);
/// Larger messages are not sent.
const LARGEST: u64 = 64 * 1024 * 1024;
/// Whom the rows write to, but for `no@t.test`.
const RECIPIENTS: [&[u8]; 5] =
    [b"<r@t.test>", b"<rcpt@t.test>", b"<s@t.test>", b"<c@t.test>", b"<v@t.test>"];

#[derive(Debug)]
pub(crate) struct Target {
    address: SocketAddr,
    patience: Patience,
    rcpt: Vec<u8>,
    /// The lines of its reply to EHLO, but for the first.
    pub(crate) offers: Vec<String>,
    /// The maximum that it names.
    size: Option<u64>,
}

impl Target {
    /// Connects once, to see what is offered.
    pub(crate) fn probe(options: &Options) -> Result<Self, String> {
        let (address, stream) = reach(options)
            .map_err(|error| format!("cannot connect to {}: {error}", options.server))?;
        let patience = Patience { reply: options.timeout, quiet: QUIET };
        let mut peer = Peer::new(stream, patience).map_err(|error| error.to_string())?;
        let steps = |text| Steps::parse(text, MESSAGE_MAX).map_err(|error| error.to_string());
        peer.play(&steps("{wait}")?);
        let asked = Instant::now();
        peer.play(&steps(r"EHLO c.test\r\n{wait}")?);
        let took = asked.elapsed();
        let (replies, fault) = peer.replies();
        let step = if replies.len() < 2 { "the greeting" } else { "EHLO" };
        let hello = match (replies.as_slice(), fault) {
            ([_, hello, ..], _) if hello.as_ref().class().digit() == 2 => hello,
            (_, Some(fault)) => return Err(format!("{step}: {fault}")),
            ([.., last], None) if last.as_ref().class().digit() != 2 => {
                return Err(format!("{step} was refused: {}", last.as_ref()));
            }
            _ => return Err(format!("no reply came to {step}")),
        };
        let offers = hello.as_ref().lines().skip(1).map(|line| Escaped(line).to_string()).collect();
        let size = Extensions::from_reply(&hello.as_ref()).size().filter(|size| *size > 0);
        let patience = Patience { quiet: QUIET.max(took * 4), ..patience };
        let rcpt = format!("<{}>", options.rcpt.to_string().trim_matches(['<', '>'])).into_bytes();
        Ok(Self { address, patience, rcpt, offers, size })
    }

    pub(crate) fn offers(&self, keyword: &str) -> bool {
        let first = |line: &String| line.split(' ').next().map(str::to_owned);
        self.offers.iter().filter_map(first).any(|word| word.eq_ignore_ascii_case(keyword))
    }

    /// The message maximum for which the rows are written.
    pub(crate) fn maximum(&self) -> u64 {
        self.size.unwrap_or(MESSAGE_MAX)
    }

    /// Why a row is not asked that depends on the message maximum.
    pub(crate) fn withholds_maximum(&self) -> Option<Withheld> {
        match self.size {
            None => Some(Withheld::Unknown),
            Some(size) if size > LARGEST => Some(Withheld::TooLarge),
            Some(_) => None,
        }
    }

    pub(crate) fn connect(&self) -> io::Result<Peer> {
        let connect = || TcpStream::connect_timeout(&self.address, self.patience.reply);
        let stream = connect().or_else(|_| {
            thread::sleep(LATER);
            connect()
        })?;
        Peer::new(stream, self.patience)
    }

    /// The same steps, to the recipient that this server takes.
    pub(crate) fn readdress(&self, steps: &Steps) -> Steps {
        RECIPIENTS.iter().fold(steps.clone(), |steps, old| steps.with(old, &self.rcpt))
    }
}

/// Why there is no message maximum that can be gone beyond.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Withheld {
    Unknown,
    TooLarge,
}

fn reach(options: &Options) -> io::Result<(SocketAddr, TcpStream)> {
    let mut last = io::Error::from(io::ErrorKind::NotFound);
    for address in options.server.to_socket_addrs()? {
        match TcpStream::connect_timeout(&address, options.timeout) {
            Ok(stream) => return Ok((address, stream)),
            Err(error) => last = error,
        }
    }
    Err(last)
}

/// The codes of replies.
pub(crate) fn codes(replies: &[ReplyBuf]) -> Vec<u16> {
    replies.iter().map(|reply| reply.as_ref().code().get()).collect()
}
