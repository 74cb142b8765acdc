//! A server that does what its script says, well or badly, once.
//!
//! | line of a script | what the server does |
//! |---|---|
//! | `S: TEXT` | says TEXT and CRLF |
//! | `C: TEXT` | takes one line, which has to begin with TEXT |
//! | `content` | takes lines up to the dot |
//! | `take N` | takes N octets |
//! | `raw TEXT` | says TEXT, in which `\r`, `\n`, `\0` and `\xff` are octets |
//! | `drip TEXT` | says TEXT and CRLF, octet by octet |
//! | `trickle` | says the start of a record of TLS, and an octet of it now and then, until the client closes |
//! | `flood TEXT` | says TEXT as `raw` does, again and again, until the client closes or 256 MiB are said |
//! | `wait N` | does nothing for N milliseconds |
//! | `end` | the client has to close, and to say nothing before |
//! | `tls NAME` | shakes hands as the server, with the certificate of that NAME: `good`, `other name`, `expired`, `unknown` or `own` |
//! | `no tls NAME` | the same, and the client has to refuse |
//! | `hold` | keeps the connection open, and does nothing, until the client is gone |
//! | `hello`, `mail`, `go` | `S: 220 mx`, `C: EHLO`, a reply that offers PIPELINING; then the group from MAIL to DATA for two recipients; then the replies up to 354 |
//!
//! Behind the last line it closes.

use core::net::SocketAddr;
use core::time::Duration;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::{self, JoinHandle};

use smtp_proto_blocking::tls::Acceptor;
use smtp_proto_blocking::{Socket, Stream};

use super::certificates::{Certificate, Certificates};

/// No step of a script takes longer.
const PATIENCE: Duration = Duration::from_secs(20);
const FLOOD: usize = 256 * 1024 * 1024;

const HELLO: [&str; 4] = ["S: 220 mx", "C: EHLO [127.0.0.1]", "S: 250-mx", "S: 250 PIPELINING"];
const MAIL: [&str; 4] =
    ["C: MAIL FROM:<a@x.test>", "C: RCPT TO:<b@y.test>", "C: RCPT TO:<c@y.test>", "C: DATA"];
const GO: [&str; 4] = ["S: 250 ok", "S: 250 ok", "S: 250 ok", "S: 354 go"];

/// A server that waits for its one client.
pub(crate) struct Scripted {
    pub(crate) address: SocketAddr,
    gone: Sender<()>,
    played: JoinHandle<Result<(), String>>,
}

impl Scripted {
    pub(crate) fn start(script: Vec<&'static str>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("it is bound");
        let (gone, told) = channel();
        let played = thread::spawn(move || {
            let (stream, _) = listener.accept().expect("a client");
            stream.set_nodelay(true).expect("a TCP option");
            let mut play = Play { stream: BufReader::new(stream.into()), gone: told };
            play.limit();
            play.run(script)
        });
        Self { address, gone, played }
    }

    /// The client is gone: whether it did what the script wanted of it.
    pub(crate) fn end(self) -> Result<(), String> {
        // A script that has ended hears nothing any more.
        let _ = self.gone.send(());
        self.played.join().expect("a script that can be played")
    }
}

struct Play {
    stream: BufReader<Stream<TcpStream>>,
    gone: Receiver<()>,
}

impl Play {
    fn run(&mut self, script: Vec<&'static str>) -> Result<(), String> {
        for line in script {
            let lines = match line {
                "hello" => HELLO.to_vec(),
                "mail" => MAIL.to_vec(),
                "go" => [&HELLO[..], &MAIL, &GO].concat(),
                _ => vec![line],
            };
            for line in lines {
                self.step(line).map_err(|error| format!("at {line:?}: {error}"))?;
            }
        }
        Ok(())
    }

    fn step(&mut self, line: &str) -> io::Result<()> {
        let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
        match word {
            "S:" => self.write(format!("{rest}\r\n").as_bytes()),
            "C:" => self.hear(rest),
            "content" => loop {
                if matches!(self.line()?.as_slice(), b".\r\n" | b"") {
                    return Ok(());
                }
            },
            "take" => self.stream.read_exact(&mut vec![0; rest.parse().expect("a number")]),
            "raw" => self.write(&octets(rest)),
            "drip" => format!("{rest}\r\n").bytes().try_for_each(|octet| {
                thread::sleep(Duration::from_millis(2));
                self.write(&[octet])
            }),
            "trickle" => {
                let record = [&[22, 3, 3, 0x40, 0][..], &[0; 1000]].concat();
                let _closed = record.into_iter().try_for_each(|octet| {
                    thread::sleep(Duration::from_millis(20));
                    self.write(&[octet])
                });
                Ok(())
            }
            "flood" => {
                let block = octets(rest).repeat(65_536 / octets(rest).len());
                // The client may close at any time.
                let _closed = (0..FLOOD / block.len()).try_for_each(|_| self.write(&block));
                Ok(())
            }
            "wait" => {
                thread::sleep(Duration::from_millis(rest.parse().expect("a number")));
                Ok(())
            }
            "end" => match self.line() {
                Ok(line) if !line.is_empty() => {
                    Err(io::Error::other(format!("the client said {}", line.escape_ascii())))
                }
                _ => Ok(()),
            },
            "tls" => self.tls(rest).map_err(io::Error::other),
            "no" => match self.tls(rest.strip_prefix("tls ").expect("a certificate")) {
                Ok(()) => Err(io::Error::other("the client took the certificate")),
                Err(_) => Ok(()),
            },
            "hold" => {
                let _patience = self.gone.recv_timeout(PATIENCE);
                Ok(())
            }
            other => panic!("no script has {other:?}"),
        }
    }

    fn tls(&mut self, certificate: &str) -> io::Result<()> {
        let Certificate { chain, key } = Certificates::get().named(certificate);
        let acceptor = Acceptor::from_pem(chain.as_bytes(), key.as_bytes()).expect("it is good");
        self.stream.get_mut().accept_tls(&acceptor, PATIENCE)?;
        self.limit();
        Ok(())
    }

    fn limit(&mut self) {
        let stream = self.stream.get_mut();
        stream
            .limit_reads(PATIENCE)
            .and_then(|()| stream.limit_writes(PATIENCE))
            .expect("not zero");
    }

    fn write(&mut self, octets: &[u8]) -> io::Result<()> {
        self.stream.get_mut().write_all(octets)
    }

    /// The next line, empty at the end.
    fn line(&mut self) -> io::Result<Vec<u8>> {
        let mut line = Vec::new();
        self.stream.read_until(b'\n', &mut line)?;
        Ok(line)
    }

    fn hear(&mut self, start: &str) -> io::Result<()> {
        let line = self.line()?;
        if line.starts_with(start.as_bytes()) && line.ends_with(b"\r\n") {
            Ok(())
        } else {
            Err(io::Error::other(format!("the client said \"{}\"", line.escape_ascii())))
        }
    }
}

fn octets(text: &str) -> Vec<u8> {
    let escapes = [(r"\r", &b"\r"[..]), (r"\n", b"\n"), (r"\0", b"\0"), (r"\xff", b"\xff")];
    let (mut octets, mut rest) = (Vec::new(), text);
    while let Some(first) = rest.chars().next() {
        match escapes.iter().find(|(escape, _)| rest.starts_with(escape)) {
            Some((escape, octet)) => {
                octets.extend_from_slice(octet);
                rest = &rest[escape.len()..];
            }
            None => {
                octets.push(u8::try_from(first).expect("scripts are US-ASCII"));
                rest = &rest[1..];
            }
        }
    }
    octets
}
