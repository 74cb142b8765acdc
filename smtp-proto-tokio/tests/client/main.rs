//! `client` over streams of every kind, against our server and against servers that do not behave.

mod letters;
mod sessions;
mod verdicts;
mod waits;
mod writes;

use core::time::Duration;
use std::io::{self, Cursor};
use std::sync::Arc;

use bytes::Bytes;
use smtp_proto::client::{self, Fallback, IntroductionError, Waits};
use smtp_proto::data::LineEnds;
use smtp_proto::delivery::{Content, Envelope, Fate, Unsendable};
use smtp_proto::server::{self, Event, Why};
use smtp_proto::{Extension, Host, Verb, stock};
use smtp_proto_tokio::client::{Client, Error, Once, Reader, Session, Source};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, DuplexStream, duplex};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, timeout};

const NAME: Host<'static> = Host::Literal(smtp_proto::AddressLiteral::new(core::net::IpAddr::V4(
    core::net::Ipv4Addr::LOCALHOST,
)));

/// A letter as the server got it.
#[derive(Debug, Default, PartialEq, Eq)]
struct Letter {
    from: String,
    to: Vec<String>,
    content: Vec<u8>,
}

/// What a server has to tell after a session.
#[derive(Debug, Default)]
struct Received {
    letters: Vec<Letter>,
    closed: Option<(Why, bool)>,
}

/// Takes every letter, but for recipients whose name begins with `no` (550) or `later` (450).
async fn serve(
    stream: impl AsyncRead + AsyncWrite + Unpin,
    config: server::Config,
) -> io::Result<Received> {
    let mut session = smtp_proto_tokio::Session::new(stream, Arc::new(config));
    let (mut received, mut letter) = (Received::default(), Letter::default());
    while session.ready().await? {
        while let Some((event, server)) = session.next() {
            let answered = match event {
                Event::Mail { mail, pending } => {
                    letter = Letter { from: mail.from.to_string(), ..Letter::default() };
                    server.accept(pending)
                }
                Event::Rcpt { rcpt, pending } => match rcpt.to.to_string() {
                    to if to.starts_with("no") => {
                        server.reply(pending, &stock::NO_SUCH_MAILBOX.as_ref())
                    }
                    to if to.starts_with("later") => {
                        server.reply(pending, &stock::NOT_YET.as_ref())
                    }
                    to => {
                        letter.to.push(to);
                        server.accept(pending)
                    }
                },
                Event::Body(run) => {
                    letter.content.extend_from_slice(run);
                    Ok(())
                }
                Event::Message { pending, .. } => {
                    received.letters.push(core::mem::take(&mut letter));
                    server.accept(pending)
                }
                Event::Closed { why, mid_message } => {
                    received.closed = Some((why, mid_message));
                    Ok(())
                }
                other => {
                    server.decline(other);
                    Ok(())
                }
            };
            answered.expect("answers are in time");
        }
    }
    Ok(received)
}

fn config() -> server::Config {
    server::Config::new("mx.test").expect("a domain")
}

type Served = JoinHandle<io::Result<Received>>;

/// A client over TCP, with the server at the other end.
async fn tcp(config: server::Config) -> (Client<TcpStream>, Served) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("it is bound");
    let served = tokio::spawn(async move { serve(listener.accept().await?.0, config).await });
    let stream = TcpStream::connect(address).await.expect("it listens");
    let client = Client::connect(stream, NAME, Arc::default()).await.expect("it greets");
    (client, served)
}

/// A client over a stream that holds so many octets.
async fn in_memory(octets: usize, config: server::Config) -> (Client<DuplexStream>, Served) {
    let (stream, other) = duplex(octets);
    let served = tokio::spawn(serve(other, config));
    let client = Client::connect(stream, NAME, Arc::default()).await.expect("it greets");
    (client, served)
}

/// What `each` was told, in order.
type Fates = Vec<(usize, Fate, String)>;

async fn deliver<S: AsyncRead + AsyncWrite + Unpin>(
    client: &mut Client<S>,
    to: &[&str],
    source: impl Source,
) -> (Fates, Result<(), Error>) {
    deliver_as(client, to, Content::eight_bit(), source).await
}

async fn deliver_as<S: AsyncRead + AsyncWrite + Unpin>(
    client: &mut Client<S>,
    to: &[&str],
    content: Content,
    source: impl Source,
) -> (Fates, Result<(), Error>) {
    let envelope = Envelope::new("me@x.test", to.iter().copied()).expect("addresses");
    let mut fates = Fates::new();
    let each = |index, outcome: smtp_proto::delivery::Outcome<'_>| {
        let reply = outcome.reply.map(|reply| reply.to_string()).unwrap_or_default();
        fates.push((index, outcome.fate, reply));
    };
    let done = client.deliver(envelope, content, source, each);
    let done = timeout(Duration::from_secs(3600), done).await.expect("an end in time");
    (fates, done)
}

fn fate(index: usize, fate: Fate, reply: &str) -> (usize, Fate, String) {
    (index, fate, reply.to_owned())
}

const TAKEN: &str = "250 2.0.0 Message accepted";

/// Lines of every length that begin with dots now and then, `octets` in all, the last without a line end where that is what comes out.
fn content(octets: usize) -> Vec<u8> {
    let mut content = Vec::with_capacity(octets + 100);
    let mut number = 0_usize;
    while content.len() < octets {
        content.extend(b".".repeat(number % 3));
        content.extend((0..number % 97).map(|at| b' ' + (at % 90) as u8));
        content.extend(b"\r\n");
        number += 1;
    }
    content.truncate(octets);
    content.pop_if(|last| *last == b'\r');
    content
}

/// What arrives of a content: with a line end at its end.
fn ended(mut content: Vec<u8>) -> Vec<u8> {
    if !content.is_empty() && !content.ends_with(b"\r\n") {
        content.extend(b"\r\n");
    }
    content
}

/// A server that does what a test says, one step at a time.
struct Scripted<S>(S);

impl<S: AsyncRead + AsyncWrite + Unpin> Scripted<S> {
    async fn say(&mut self, octets: &str) {
        self.0.write_all(octets.as_bytes()).await.expect("the client reads");
    }

    /// The next line.
    async fn hear(&mut self) -> String {
        let mut line = Vec::new();
        while !line.ends_with(b"\r\n") {
            match self.0.read_u8().await {
                Ok(octet) => line.push(octet),
                Err(_) => break,
            }
        }
        String::from_utf8(line).expect("text").trim_end().to_owned()
    }

    /// Everything up to the 354.
    async fn greet_and_go(&mut self, recipients: usize) {
        self.say("220 mx\r\n").await;
        assert_eq!(self.hear().await, "EHLO [127.0.0.1]");
        self.say("250-mx\r\n250-8BITMIME\r\n250 PIPELINING\r\n").await;
        self.go(recipients).await;
    }

    async fn go(&mut self, recipients: usize) {
        assert_eq!(self.hear().await, "MAIL FROM:<me@x.test> BODY=8BITMIME");
        for _ in 0..recipients {
            assert!(self.hear().await.starts_with("RCPT TO:<"));
        }
        assert_eq!(self.hear().await, "DATA");
        self.say("250 ok\r\n").await;
        self.say(&"250 ok\r\n".repeat(recipients)).await;
        self.say("354 go\r\n").await;
    }

    /// Reads a content up to its end.
    async fn content(&mut self) {
        let mut tail = Vec::from(*b"\r\n");
        while !tail.ends_with(b"\r\n.\r\n") {
            tail.push(self.0.read_u8().await.expect("a content with an end"));
        }
    }
}

fn scripted(octets: usize) -> (DuplexStream, Scripted<DuplexStream>) {
    let (stream, other) = duplex(octets);
    (stream, Scripted(other))
}

async fn scripted_tcp() -> (TcpStream, Scripted<TcpStream>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("it is bound");
    let stream = TcpStream::connect(address).await.expect("it listens");
    (stream, Scripted(listener.accept().await.expect("a client").0))
}

/// Connects and delivers while the server plays its part; how it went, and how long it took.
async fn with_server<S: AsyncRead + AsyncWrite + Unpin>(
    stream: S,
    to: &[&str],
    source: impl Source,
    server: impl Future<Output = impl Sized>,
) -> (Fates, Result<(), Error>, Duration) {
    let start = Instant::now();
    let client = async {
        match Client::connect(stream, NAME, Arc::default()).await {
            Ok(mut client) => {
                let (fates, done) = deliver(&mut client, to, source).await;
                (fates, done, start.elapsed())
            }
            Err(error) => (Fates::new(), Err(error), start.elapsed()),
        }
    };
    // What the server keeps open stays open until the client is done.
    let (outcome, _kept) = tokio::join!(client, server);
    outcome
}
