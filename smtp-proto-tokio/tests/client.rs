//! `client` over streams of every kind, against our server and against servers that do not behave.

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

#[tokio::test]
async fn letters_of_every_size_and_source_arrive_as_they_were() {
    let (mut client, served) = tcp(config()).await;
    let sizes = [0, 1, 2, 3, 63, 64, 65, 511, 4096, 65_535, 65_536, 65_537, 1 << 20, 5_000_001];
    let mut sent = Vec::new();
    for size in sizes {
        let letter = content(size);
        for way in 0..4 {
            let (fates, done) = match way {
                0 => deliver(&mut client, &["you@y.test"], letter.as_slice()).await,
                1 => deliver(&mut client, &["you@y.test"], Bytes::from(letter.clone())).await,
                2 => {
                    let reader = Reader::new(Cursor::new(letter.clone()));
                    deliver(&mut client, &["you@y.test"], reader).await
                }
                _ => deliver(&mut client, &["you@y.test"], Once::new(letter.as_slice())).await,
            };
            done.expect("nothing fails");
            assert_eq!(fates, [fate(0, Fate::Delivered, TAKEN)]);
            sent.push(ended(letter.clone()));
        }
    }
    client.quit().await.expect("a goodbye");
    let received = served.await.expect("no panic").expect("no error");
    assert_eq!(received.closed, Some((Why::Quit, false)));
    let stored: Vec<Vec<u8>> = received.letters.into_iter().map(|letter| letter.content).collect();
    assert!(stored == sent, "what was stored is not what was sent");
}

#[tokio::test]
async fn a_stream_of_a_few_octets_is_enough() {
    for octets in [1, 7, 100] {
        let (mut client, served) = in_memory(octets, config()).await;
        let letter = content(3000);
        let (fates, done) =
            deliver(&mut client, &["a@y.test", "no@y.test"], letter.as_slice()).await;
        done.expect("nothing fails");
        assert_eq!(fates.len(), 2);
        client.quit().await.expect("a goodbye");
        let received = served.await.expect("no panic").expect("no error");
        assert_eq!(received.letters[0].content, ended(letter));
    }
}

#[tokio::test]
async fn each_recipient_hears_its_fate_once() {
    let (mut client, served) = tcp(config()).await;
    let to = ["a@y.test", "no@y.test", "b@y.test", "later@y.test", "c@y.test"];
    let (fates, done) = deliver(&mut client, &to, "Hello\r\n").await;
    done.expect("nothing fails");
    let expected = [
        fate(1, Fate::Permanent, "550 5.1.1 No such mailbox here"),
        fate(3, Fate::Transient, "451 4.7.1 Try again later"),
        fate(0, Fate::Delivered, TAKEN),
        fate(2, Fate::Delivered, TAKEN),
        fate(4, Fate::Delivered, TAKEN),
    ];
    assert_eq!(fates, expected);
    assert!(client.is_reusable());
    client.quit().await.expect("a goodbye");
    let received = served.await.expect("no panic").expect("no error");
    assert_eq!(received.letters[0].to, ["a@y.test", "b@y.test", "c@y.test"]);
}

#[tokio::test]
async fn a_letter_that_nobody_wants_leaves_a_session_for_the_next() {
    let (mut client, served) = in_memory(1000, config()).await;
    for _ in 0..3 {
        let (fates, done) = deliver(&mut client, &["no@y.test"], "Hello\r\n").await;
        done.expect("nothing fails");
        assert_eq!(fates, [fate(0, Fate::Permanent, "550 5.1.1 No such mailbox here")]);
    }
    let (fates, done) = deliver(&mut client, &["a@y.test"], "Hello\r\n").await;
    done.expect("nothing fails");
    assert_eq!(fates, [fate(0, Fate::Delivered, TAKEN)]);
    client.quit().await.expect("a goodbye");
    assert_eq!(served.await.expect("no panic").expect("no error").letters.len(), 1);
}

#[tokio::test]
async fn who_found_no_room_gets_the_letter_from_its_start_in_a_second_transaction() {
    let mut limited = config();
    limited.limits.recipients = 2;
    let to = ["a@y.test", "b@y.test", "c@y.test", "d@y.test", "e@y.test"];
    let letter = content(200_000);

    let (mut client, served) = in_memory(5000, limited.clone()).await;
    let mut reader = Cursor::new([b"an envelope", letter.as_slice()].concat());
    reader.set_position(11);
    let (fates, done) = deliver(&mut client, &to, Reader::new(reader)).await;
    done.expect("nothing fails");
    assert_eq!(fates, [0, 1, 2, 3, 4].map(|index| fate(index, Fate::Delivered, TAKEN)));
    client.quit().await.expect("a goodbye");
    let received = served.await.expect("no panic").expect("no error");
    assert!(received.letters.iter().all(|stored| stored.content == ended(letter.clone())));
    let stored: Vec<usize> = received.letters.iter().map(|letter| letter.to.len()).collect();
    assert_eq!(stored, [2, 2, 1]);

    let (mut client, served) = in_memory(5000, limited).await;
    let (fates, done) = deliver(&mut client, &to, Once::new(letter.as_slice())).await;
    assert!(matches!(done, Err(Error::Source(_))), "{done:?}");
    let mut expected = vec![fate(0, Fate::Delivered, TAKEN), fate(1, Fate::Delivered, TAKEN)];
    expected.extend([2, 3, 4].map(|index| fate(index, Fate::Transient, "")));
    assert_eq!(fates, expected);
    assert!(!client.is_reusable());
    drop(client);
    let received = served.await.expect("no panic").expect("no error");
    assert_eq!((received.letters.len(), received.closed), (1, Some((Why::Eof, true))));
}

#[tokio::test]
async fn bare_newlines_are_refused_for_good_or_normalised() {
    let (mut client, served) = in_memory(1000, config()).await;
    let (fates, done) = deliver(&mut client, &["a@y.test"], "one\r\ntwo\nthree\r\n").await;
    let error = done.expect_err("it cannot be sent").to_string();
    assert_eq!(error, "the content cannot be sent: octet 8 of the content: bare LF");
    assert_eq!(fates, [fate(0, Fate::Permanent, "")]);
    client.quit().await.expect("it closes");
    let received = served.await.expect("no panic").expect("no error");
    assert_eq!((received.letters.len(), received.closed), (0, Some((Why::Eof, true))));

    let (stream, other) = duplex(1000);
    let served = tokio::spawn(serve(other, config()));
    let mut tolerant = client::Config::default();
    tolerant.line_ends = LineEnds::Normalise;
    let mut client = Client::connect(stream, NAME, Arc::new(tolerant)).await.expect("it greets");
    let (fates, done) = deliver(&mut client, &["a@y.test"], "one\n.two\n").await;
    done.expect("nothing fails");
    assert_eq!(fates, [fate(0, Fate::Delivered, TAKEN)]);
    drop(client);
    let received = served.await.expect("no panic").expect("no error");
    assert_eq!(received.letters[0].content, b"one\r\n.two\r\n");
}

#[tokio::test]
async fn what_cannot_go_there_is_refused_before_anything_is_sent() {
    let mut poor = config();
    poor.offer = poor.offer.without(Extension::EightBitMime).without(Extension::SmtpUtf8);
    poor.limits.message = 100;
    let (mut client, served) = in_memory(1000, poor).await;
    let (fates, done) = deliver(&mut client, &["a@y.test", "b@y.test"], "Hello\r\n").await;
    assert!(matches!(done, Err(Error::Unsendable(Unsendable::EightBit))), "{done:?}");
    assert_eq!(fates, [0, 1].map(|index| fate(index, Fate::Permanent, "")));
    let big = Content::seven_bit().with_octets(101);
    let (_, done) = deliver_as(&mut client, &["a@y.test"], big, content(101)).await;
    assert!(matches!(done, Err(Error::Unsendable(Unsendable::TooBig))), "{done:?}");
    let to = ["ä@y.test", "b@y.test"];
    let (fates, done) = deliver_as(&mut client, &to, Content::seven_bit(), "Hello\r\n").await;
    done.expect("the other gets it");
    assert_eq!(fates, [fate(0, Fate::Permanent, ""), fate(1, Fate::Delivered, TAKEN)]);
    client.quit().await.expect("a goodbye");
    assert_eq!(served.await.expect("no panic").expect("no error").letters.len(), 1);
}

#[tokio::test]
async fn a_producer_that_fails_never_gets_a_dot() {
    struct Failing;
    impl Source for Failing {
        async fn octets(&mut self, at: u64) -> io::Result<&[u8]> {
            if at < 10 { Ok(b"some lines\r\n") } else { Err(io::Error::other("gone")) }
        }
    }
    let (mut client, served) = in_memory(1000, config()).await;
    let (fates, done) = deliver(&mut client, &["a@y.test"], Failing).await;
    assert_eq!(done.expect_err("it fails").to_string(), "the content cannot be read: gone");
    assert_eq!(fates, [fate(0, Fate::Transient, "")]);
    let (fates, done) = deliver(&mut client, &["a@y.test"], "Hello\r\n").await;
    assert!(matches!(done, Err(Error::Misuse(_))), "{done:?}");
    assert_eq!(fates, [fate(0, Fate::Transient, "")]);
    drop(client);
    let received = served.await.expect("no panic").expect("no error");
    assert_eq!((received.letters.len(), received.closed), (0, Some((Why::Eof, true))));
}

#[tokio::test]
async fn a_delivery_that_was_dropped_ends_the_use_of_its_session() {
    let (mut client, served) = in_memory(1000, config()).await;
    let envelope = Envelope::new("me@x.test", ["a@y.test"]).expect("addresses");
    let letter = content(100_000);
    let endless = Once::new(letter.as_slice().chain(tokio::io::repeat(b'x')));
    let delivery = client.deliver(envelope, Content::seven_bit(), endless, |_, _| {});
    assert!(timeout(Duration::from_millis(100), delivery).await.is_err());
    assert!(!client.is_reusable());
    let (_, done) = deliver(&mut client, &["a@y.test"], "Hello\r\n").await;
    assert!(matches!(done, Err(Error::Misuse(_))), "{done:?}");
    client.quit().await.expect("it closes");
    let received = served.await.expect("no panic").expect("no error");
    assert_eq!((received.letters.len(), received.closed), (0, Some((Why::Eof, true))));
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

#[tokio::test]
async fn a_verdict_in_the_middle_of_a_content_is_heard_while_the_server_reads_nothing() {
    let (stream, mut server) = scripted_tcp().await;
    let (fates, done, took) = with_server(stream, &["a@y.test"], vec![b'x'; 50 << 20], async {
        server.greet_and_go(1).await;
        server.say("552 5.3.4 Too big\r\n").await;
        server
    })
    .await;
    done.expect("it is a reply");
    assert_eq!(fates, [fate(0, Fate::Permanent, "552 5.3.4 Too big")]);
    assert!(took < Duration::from_secs(5), "{took:?}");
}

#[tokio::test]
async fn a_verdict_in_front_of_a_reset_is_not_a_reset() {
    for _ in 0..20 {
        let (stream, mut server) = scripted_tcp().await;
        let (fates, done, _) = with_server(stream, &["a@y.test"], vec![b'x'; 5 << 20], async {
            server.greet_and_go(1).await;
            server.0.read_exact(&mut vec![0; 100_000]).await.expect("content");
            server.say("552 5.3.4 Too big\r\n").await;
            // With octets that are not read, this is a reset.
            drop(server);
        })
        .await;
        done.expect("it is a reply");
        assert_eq!(fates, [fate(0, Fate::Permanent, "552 5.3.4 Too big")]);
    }
}

#[tokio::test]
async fn a_verdict_interrupts_a_source_that_takes_its_time() {
    let (stream, mut server) = scripted(1000);
    let (producer, slow) = duplex(10);
    let (fates, done, _) = with_server(stream, &["a@y.test"], Once::new(slow), async {
        server.greet_and_go(1).await;
        server.say("421 4.3.2 Going down\r\n").await;
        server
    })
    .await;
    done.expect("it is a reply");
    assert_eq!(fates, [fate(0, Fate::Transient, "421 4.3.2 Going down")]);
    drop(producer);
}

#[tokio::test]
async fn a_delivery_can_be_a_task() {
    let (mut client, served) = tcp(config()).await;
    let task = tokio::spawn(async move {
        let envelope = Envelope::new("", ["a@y.test"]).expect("addresses");
        let reader = Reader::new(Cursor::new("Hello\r\n"));
        client.deliver(envelope, Content::seven_bit(), reader, |_, _| {}).await?;
        client.quit().await
    });
    task.await.expect("no panic").expect("nothing fails");
    assert_eq!(served.await.expect("no panic").expect("no error").letters.len(), 1);
}

#[tokio::test]
async fn a_short_letter_is_one_write() {
    let (stream, mut server) = scripted(1000);
    let (_, done, _) = with_server(stream, &["a@y.test"], "Hello\r\n.\r\n", async {
        server.greet_and_go(1).await;
        let mut octets = [0; 100];
        let read = server.0.read(&mut octets).await.expect("a letter");
        assert_eq!(octets[..read].escape_ascii().to_string(), r"Hello\r\n..\r\n.\r\n");
        server.say("250 taken\r\n").await;
    })
    .await;
    done.expect("nothing fails");
}

#[tokio::test]
async fn only_behind_the_final_dot_a_lost_connection_leaves_a_fate_unknown() {
    let to = ["a@y.test", "b@y.test"];
    for (reads_all, expected) in [(false, Fate::Transient), (true, Fate::Unknown)] {
        let (stream, mut server) = scripted_tcp().await;
        let letter = content(if reads_all { 1000 } else { 5 << 20 });
        let (fates, done, _) = with_server(stream, &to, letter, async {
            server.greet_and_go(2).await;
            if reads_all {
                server.content().await;
            } else {
                server.0.read_exact(&mut [0; 1000]).await.expect("content");
            }
            drop(server);
        })
        .await;
        assert!(matches!(done, Err(Error::Session(client::Error::Eof) | Error::Connection(_))));
        assert_eq!(fates, [fate(0, expected, ""), fate(1, expected, "")]);
    }
}

#[tokio::test(start_paused = true)]
async fn every_wait_has_its_end() {
    let table: [(&str, u64, Fate); 5] = [
        ("greeting", 300, Fate::Transient),
        ("EHLO", 300, Fate::Transient),
        ("MAIL", 300, Fate::Transient),
        ("content", 600, Fate::Unknown),
        ("block", 180, Fate::Transient),
    ];
    for (at, seconds, expected) in table {
        let (stream, mut server) = scripted(1000);
        let letter = content(if at == "block" { 100_000 } else { 10 });
        let (fates, done, took) = with_server(stream, &["a@y.test"], letter, async {
            match at {
                "greeting" => {}
                "EHLO" => server.say("220 mx\r\n").await,
                "MAIL" => {
                    server.say("220 mx\r\n").await;
                    server.hear().await;
                    server.say("250-mx\r\n250 8BITMIME\r\n").await;
                }
                "content" => {
                    server.greet_and_go(1).await;
                    server.content().await;
                }
                _ => server.greet_and_go(1).await,
            }
            server
        })
        .await;
        assert!(matches!(done, Err(Error::Session(client::Error::TimedOut))), "{at}: {done:?}");
        assert_eq!(took.as_secs(), seconds, "{at}");
        let begun = !matches!(at, "greeting" | "EHLO");
        assert_eq!(fates, if begun { vec![fate(0, expected, "")] } else { vec![] }, "{at}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_server_that_takes_an_octet_now_and_then_gains_no_time() {
    for size in [200_000, 60_000] {
        let (stream, mut server) = scripted(1000);
        let (fates, done, took) = with_server(stream, &["a@y.test"], content(size), async {
            server.greet_and_go(1).await;
            while server.0.read_u8().await.is_ok() {
                sleep(Duration::from_secs(50)).await;
            }
        })
        .await;
        assert!(matches!(done, Err(Error::Session(client::Error::TimedOut))), "{done:?}");
        assert_eq!(fates, [fate(0, Fate::Transient, "")]);
        assert_eq!(took.as_secs(), 180);
    }
}

#[tokio::test(start_paused = true)]
async fn a_slow_server_is_waited_for_and_time_counts_although_a_wait_is_cancelled() {
    let (stream, mut server) = scripted(1000);
    let mut config = client::Config::default();
    config.waits = Waits::all(Duration::from_secs(10));
    let mut session = Session::new(stream, Arc::new(config));
    session.client().hello(NAME).expect("a client says hello");
    let start = Instant::now();
    server.say("220 mx\r\n").await;
    let error = loop {
        tokio::select! {
            ready = session.ready() => assert!(ready.expect("no I/O error")),
            () = sleep(Duration::from_millis(700)) => {}
        }
        match session.next() {
            Ok(_) => {}
            Err(error) => break error,
        }
    };
    assert_eq!((error, start.elapsed().as_secs()), (client::Error::TimedOut, 10));
    assert!(!session.ready().await.expect("no I/O error"));
}

#[tokio::test]
async fn what_nothing_asked_for_is_seen_before_a_session_is_used_again() {
    let rows: [(&str, &str, bool); 3] = [
        ("250 what\r\n", "", false),
        ("421 4.3.2 Idle for too long\r\n", "421 4.3.2 Idle for too long", true),
        ("", "", false),
    ];
    for (said, reply, is_reply) in rows {
        let (stream, mut server) = scripted(1000);
        let mut client = {
            let (client, ()) = tokio::join!(Client::connect(stream, NAME, Arc::default()), async {
                server.say("220 mx\r\n").await;
                server.hear().await;
                server.say("250-mx\r\n250-8BITMIME\r\n250 PIPELINING\r\n").await;
            });
            client.expect("it greets")
        };
        let ((fates, done), ()) =
            tokio::join!(deliver(&mut client, &["a@y.test"], "Hello\r\n"), async {
                server.go(1).await;
                server.content().await;
                server.say("250 taken\r\n").await;
            });
        done.expect("nothing fails");
        assert_eq!(fates, [fate(0, Fate::Delivered, "250 taken")]);
        assert!(client.is_reusable());

        server.say(said).await;
        let rest = if said.is_empty() {
            drop(server);
            None
        } else {
            Some(server)
        };
        let (fates, done) = deliver(&mut client, &["a@y.test"], "Hello\r\n").await;
        assert_eq!(done.is_ok(), is_reply, "{done:?}");
        assert_eq!(fates, [fate(0, Fate::Transient, reply)]);
        assert!(!client.is_reusable());
        drop(client);
        if let Some(mut server) = rest {
            assert_eq!(server.hear().await, "", "nothing is sent any more");
        }
    }
}

#[tokio::test]
async fn replies_are_read_while_a_long_group_is_written() {
    const RECIPIENTS: usize = 2000;
    let (stream, mut server) = scripted(300);
    let to: Vec<String> = (0..RECIPIENTS).map(|number| format!("{number}@y.test")).collect();
    let to: Vec<&str> = to.iter().map(String::as_str).collect();
    let long = format!("250 {}\r\n", "x".repeat(500));
    let (fates, done, _) = with_server(stream, &to, "Hello\r\n", async {
        server.say("220 mx\r\n").await;
        server.hear().await;
        server.say("250-mx\r\n250-8BITMIME\r\n250 PIPELINING\r\n").await;
        // It reads nothing before its reply has left.
        for _ in 0..=RECIPIENTS {
            server.hear().await;
            server.say(&long).await;
        }
        assert_eq!(server.hear().await, "DATA");
        server.say("354 go\r\n").await;
        server.content().await;
        server.say("250 taken\r\n").await;
    })
    .await;
    done.expect("nothing fails");
    let taken = |(index, is, reply): &(usize, Fate, String)| {
        *is == Fate::Delivered && reply == "250 taken" && *index < RECIPIENTS
    };
    assert!(fates.len() == RECIPIENTS && fates.iter().all(taken));
}

#[tokio::test]
async fn refusals_of_the_session_are_told_and_answered_by_quit() {
    let (stream, mut server) = scripted(1000);
    let (_, done, _) = with_server(stream, &["a@y.test"], "", async {
        server.say("554 5.3.2 No mail here\r\n").await;
        assert_eq!(server.hear().await, "QUIT");
        server.say("221 Bye\r\n").await;
        assert_eq!(server.hear().await, "");
    })
    .await;
    assert!(
        matches!(&done, Err(Error::Introduction(IntroductionError::Greeting(reply))) if reply.to_string() == "554 5.3.2 No mail here")
    );

    let (stream, mut server) = scripted(1000);
    let (_, done, _) = with_server(stream, &["a@y.test"], "", async {
        server.say("220 mx\r\n").await;
        server.hear().await;
        server.say("550 5.7.1 Not you\r\n").await;
        assert_eq!(server.hear().await, "QUIT");
        drop(server);
    })
    .await;
    assert!(
        matches!(&done, Err(Error::Introduction(IntroductionError::Hello(reply))) if reply.to_string() == "550 5.7.1 Not you")
    );
}

#[tokio::test]
async fn a_server_that_knows_no_ehlo_is_asked_by_helo_unless_forbidden() {
    for fallback in [Fallback::Helo, Fallback::Never] {
        let (stream, mut server) = scripted(1000);
        let mut config = client::Config::default();
        config.fallback = fallback;
        let server = async {
            server.say("220 mx\r\n").await;
            server.hear().await;
            server.say("502 5.5.1 What?\r\n").await;
            let next = server.hear().await;
            server.say("250 mx\r\n").await;
            next
        };
        let (client, next) = tokio::join!(Client::connect(stream, NAME, Arc::new(config)), server);
        match fallback {
            Fallback::Helo => {
                assert_eq!(next, "HELO [127.0.0.1]");
                let offered = client.expect("it greets").extensions().cloned();
                assert_eq!(offered, Some(smtp_proto::Extensions::none()));
            }
            Fallback::Never => {
                assert_eq!(next, "QUIT");
                assert!(matches!(client, Err(Error::Introduction(IntroductionError::Hello(_)))));
            }
        }
    }
}

#[tokio::test]
async fn a_session_takes_commands_one_by_one() {
    let (stream, mut server) = scripted(1000);
    let mut session = Session::new(stream, Arc::default());
    session.client().hello(NAME).expect("a client says hello");
    let mut said = Vec::new();
    let client = async {
        while session.ready().await.expect("no I/O error") {
            while let Some((event, client)) = session.next().expect("no error") {
                said.push(match event {
                    client::Event::Reply { to, reply } => format!("{}: {reply}", to.verb),
                    client::Event::Greeting(reply) => reply.to_string(),
                    other => format!("{other:?}"),
                });
                let last = said.len() == 4;
                if let client::Event::Reply { to, .. } = event {
                    match to.verb {
                        Verb::Ehlo => client.noop().and_then(|_| client.verify("bob")).map(drop),
                        Verb::Vrfy if last => client.quit().map(drop),
                        _ => Ok(()),
                    }
                    .expect("it may");
                }
            }
        }
    };
    let server = async {
        server.say("220 mx\r\n").await;
        for reply in ["250 mx\r\n", "250 ok\r\n", "252 maybe\r\n", "221 bye\r\n"] {
            server.hear().await;
            server.say(reply).await;
        }
    };
    tokio::join!(client, server);
    assert_eq!(
        said,
        ["220 mx", "EHLO: 250 mx", "NOOP: 250 ok", "VRFY: 252 maybe", "QUIT: 221 bye"]
    );
}
