//! A client that may fail, many at a time, and letters by which a loss shows.

use core::net::SocketAddr;
use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::Path;

use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;

use super::code;
use super::office::letters;

/// The client's side of one session.
pub(crate) struct Sender {
    pub(crate) stream: BufReader<TcpStream>,
}

impl Sender {
    /// A client that has said EHLO.
    pub(crate) async fn connect(address: SocketAddr) -> io::Result<Self> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        let mut sender = Self { stream: BufReader::with_capacity(512, stream) };
        expect("220", sender.reply().await?)?;
        expect("250", sender.say("EHLO client.example").await?)?;
        Ok(sender)
    }

    /// One whole reply without its last CRLF.
    pub(crate) async fn reply(&mut self) -> io::Result<String> {
        let mut reply = String::new();
        loop {
            let start = reply.len();
            if self.stream.read_line(&mut reply).await? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            if reply.as_bytes().get(start + 3) != Some(&b'-') {
                return Ok(reply.trim_end().to_owned());
            }
        }
    }

    pub(crate) async fn write(&mut self, octets: &[u8]) -> io::Result<()> {
        self.stream.get_mut().write_all(octets).await
    }

    pub(crate) async fn say(&mut self, line: &str) -> io::Result<String> {
        self.write(format!("{line}\r\n").as_bytes()).await?;
        self.reply().await
    }

    /// From MAIL up to the 354.
    pub(crate) async fn begin(&mut self, to: &[&str]) -> io::Result<()> {
        let recipients: String = to.iter().map(|to| format!("RCPT TO:<{to}>\r\n")).collect();
        let group = format!("MAIL FROM:<carol@client.example>\r\n{recipients}DATA\r\n");
        self.write(group.as_bytes()).await?;
        for _ in 0..=to.len() {
            expect("250", self.reply().await?)?;
        }
        expect("354", self.reply().await?)
    }

    /// Hands in a letter; it is delivered when this is `Ok`.
    pub(crate) async fn post(&mut self, to: &[&str], content: &str) -> io::Result<()> {
        self.begin(to).await?;
        self.write(content.as_bytes()).await?;
        expect("250", self.say(".").await?)
    }
}

fn expect(expected: &str, reply: String) -> io::Result<()> {
    if code(&reply) == expected { Ok(()) } else { Err(io::Error::other(reply)) }
}

/// A letter of about so many octets that says what has to be in it.
pub(crate) fn content(id: &str, octets: usize) -> String {
    let line = format!("a line of {id}\r\n");
    let lines = octets / line.len();
    format!("Subject: {id}\r\nX-Octets: {octets}\r\n\r\n{}the end of {id}\r\n", line.repeat(lines))
}

/// The ids of the letters in a mailbox; panics where one is not whole, or there twice.
pub(crate) fn delivered(root: &Path, mailbox: &str) -> BTreeSet<String> {
    let mut ids = BTreeMap::new();
    for letter in letters(root, mailbox) {
        let sent = letter.below_trace();
        let field = |name: &str| {
            let line = sent.lines().find_map(|line| line.strip_prefix(name));
            line.unwrap_or_else(|| panic!("{} is cut off:\n{}", letter.file, letter.text()))
        };
        let (id, octets) = (field("Subject: "), field("X-Octets: "));
        let expected = content(id, octets.parse().expect("a number"));
        assert!(sent == expected, "{} in {mailbox} is not what was sent", letter.file);
        assert_eq!(ids.insert(id.to_owned(), letter.file.clone()), None, "{id} is there twice");
    }
    ids.into_keys().collect()
}
