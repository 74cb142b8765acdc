//! The server under test: where it is, and what it offers.

use core::net::SocketAddr;
use core::time::Duration;
use std::io;
use std::net::{TcpStream, ToSocketAddrs};
use std::thread;
use std::time::Instant;

use smtp_proto::testing::cases::{MESSAGE_MAX, Steps};
use smtp_proto::{Base64, Escaped, Extensions, ReplyBuf};
use smtp_proto_blocking::tls::{Connector, Error, Handshake};

use crate::options::Options;
use crate::peer::{Manner, Peer};
use crate::shown;

/// On the same machine nothing takes longer on its way; behind a network it does.
const QUIET: Duration = Duration::from_millis(50);
/// A server that takes no connection now may take one later.
const LATER: Duration = Duration::from_millis(500);
/// Larger messages are not sent.
const LARGEST: u64 = 64 * 1024 * 1024;
/// Whom the rows write to, but for `no@t.test`.
const RECIPIENTS: [&[u8]; 5] =
    [b"<r@t.test>", b"<rcpt@t.test>", b"<s@t.test>", b"<c@t.test>", b"<v@t.test>"];

/// The credentials of the rows, and what is said with them.
const PLAIN: &[u8] = b"AHUAcA==";
const LOGIN_USER: &[u8] = b"dXNlcg==";
const LOGIN_PASSWORD: &[u8] = b"cGFzcw==";

#[derive(Debug)]
pub(crate) struct Target {
    address: SocketAddr,
    manner: Manner,
    rcpt: Vec<u8>,
    /// The lines of its reply to EHLO, but for the first; inside TLS where that was asked for.
    pub(crate) offers: Vec<String>,
    /// The same in clear.
    in_clear: Vec<String>,
    /// The maximum that it names.
    size: Option<u64>,
    /// What stands in the place of the credentials of the rows.
    credentials: Vec<(&'static [u8], Vec<u8>)>,
}

impl Target {
    /// Connects once, to see what is offered; a second time, to see what is offered inside TLS.
    pub(crate) fn probe(
        options: &Options,
        credentials: Option<(String, String)>,
    ) -> Result<Self, String> {
        let address = reach(options)
            .map_err(|error| format!("cannot connect to {}: {error}", options.server))?;
        let host = options.server.rsplit_once(':').map_or("", |(host, _)| host);
        let host = host.trim_matches(['[', ']']);
        let tls = options.tls.then(|| shake_hands_with(host)).transpose();
        let tls = tls.map_err(|error| format!("cannot shake hands with {host}: {error}"))?;
        let credentials = credentials.map(|(user, password)| said(&user, &password));
        let credentials: Vec<_> = credentials.into_iter().flatten().collect();
        let secrets = credentials.iter().map(|(_, secret)| secret.clone()).collect();
        let manner = Manner { patience: options.timeout, quiet: QUIET, tls, secrets };
        let rcpt = format!("<{}>", options.rcpt.to_string().trim_matches(['<', '>'])).into_bytes();
        let offers = Vec::new();
        let mut target =
            Self { address, manner, rcpt, offers, in_clear: Vec::new(), size: None, credentials };
        let (hello, took) = target.hello("{wait}")?;
        target.size = Extensions::from_reply(&hello.as_ref()).size().filter(|size| *size > 0);
        target.manner.quiet = QUIET.max(took * 4);
        target.in_clear = lines(&hello);
        target.offers = target.in_clear.clone();
        if options.tls && target.offers("STARTTLS") {
            let (hello, _) = target.hello(r"{wait}EHLO c.test\r\n{wait}STARTTLS\r\n{wait}{tls}")?;
            target.offers = lines(&hello);
        }
        Ok(target)
    }

    /// The reply to EHLO, said behind this opening, and how long it took.
    fn hello(&self, opening: &str) -> Result<(ReplyBuf, Duration), String> {
        let steps = |text| Steps::parse(text, MESSAGE_MAX).map_err(|error| error.to_string());
        let mut peer = self.connect().map_err(|error| format!("cannot connect: {error}"))?;
        peer.play(&steps(opening)?);
        let (before, _) = peer.replies();
        if opening.contains("{tls}") && !peer.is_tls() {
            return Err("the handshake of TLS failed".to_owned());
        }
        let asked = Instant::now();
        peer.play(&steps(r"EHLO c.test\r\n{wait}")?);
        let took = asked.elapsed();
        let (mut replies, fault) = peer.replies();
        let positive = |reply: &ReplyBuf| reply.as_ref().class().digit() == 2;
        let step = if before.is_empty() { "the greeting" } else { "EHLO" };
        match (replies.pop(), fault) {
            (Some(last), _)
                if positive(&last) && replies.len() == before.len() && !before.is_empty() =>
            {
                Ok((last, took))
            }
            (_, Some(fault)) => Err(format!("{step}: {fault}")),
            (Some(last), None) if !positive(&last) => {
                let step = if replies.is_empty() { "the greeting" } else { step };
                Err(format!("{step} was refused: {}", shown::reply(&last.as_ref())))
            }
            _ => Err(format!("no reply came to {step}")),
        }
    }

    /// Whether it offers this keyword, and with it this parameter.
    pub(crate) fn offers(&self, keyword: &str) -> bool {
        let (keyword, param) = keyword.split_once(' ').unwrap_or((keyword, ""));
        self.offers.iter().chain(&self.in_clear).any(|line| {
            let (first, params) = line.split_once(' ').unwrap_or((line, ""));
            let mut params = params.split(' ');
            first.eq_ignore_ascii_case(keyword)
                && (param.is_empty() || params.any(|other| other.eq_ignore_ascii_case(param)))
        })
    }

    pub(crate) const fn shakes_hands(&self) -> bool {
        self.manner.tls.is_some()
    }

    pub(crate) const fn has_user(&self) -> bool {
        !self.credentials.is_empty()
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
        let connect = || TcpStream::connect_timeout(&self.address, self.manner.patience);
        let stream = connect().or_else(|_| {
            thread::sleep(LATER);
            connect()
        })?;
        Peer::new(stream, self.manner.clone())
    }

    /// The same steps, to the recipient that this server takes.
    pub(crate) fn readdress(&self, steps: &Steps) -> Steps {
        RECIPIENTS.iter().fold(steps.clone(), |steps, old| steps.with(old, &self.rcpt))
    }

    /// The same steps, said by the user that this server knows.
    pub(crate) fn authenticate(&self, steps: &Steps) -> Steps {
        self.credentials.iter().fold(steps.clone(), |steps, (old, new)| steps.with(old, new))
    }
}

/// Why there is no message maximum that can be gone beyond.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Withheld {
    Unknown,
    TooLarge,
}

/// Certificates are not checked: the rows are about the protocol.
fn shake_hands_with(host: &str) -> Result<Handshake, Error> {
    Connector::unverified().to(host)
}

/// The first address where somebody listens.
fn reach(options: &Options) -> io::Result<SocketAddr> {
    let mut last = io::Error::from(io::ErrorKind::NotFound);
    for address in options.server.to_socket_addrs()? {
        match TcpStream::connect_timeout(&address, options.timeout) {
            Ok(_) => return Ok(address),
            Err(error) => last = error,
        }
    }
    Err(last)
}

fn lines(hello: &ReplyBuf) -> Vec<String> {
    hello.as_ref().lines().skip(1).map(|line| Escaped(line).to_string()).collect()
}

/// What stands in the place of each of the credentials of the rows.
fn said(user: &str, password: &str) -> [(&'static [u8], Vec<u8>); 3] {
    let encoded = |text: &str| Base64::encode(text.as_bytes()).into_bytes();
    [
        (PLAIN, encoded(&format!("\0{user}\0{password}"))),
        (LOGIN_USER, encoded(user)),
        (LOGIN_PASSWORD, encoded(password)),
    ]
}

/// The codes of replies.
pub(crate) fn codes(replies: &[ReplyBuf]) -> Vec<u16> {
    replies.iter().map(|reply| reply.as_ref().code().get()).collect()
}
