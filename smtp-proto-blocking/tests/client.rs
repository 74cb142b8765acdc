//! `client` over TCP and Unix sockets, against our server and against servers that do not behave.

use core::net::{IpAddr, Ipv4Addr};
use core::sync::atomic::{AtomicUsize, Ordering};
use core::time::Duration;
use std::io::{self, BufRead, BufReader, Cursor, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Instant;

use smtp_proto::client::{self, Pipelining, Waits};
use smtp_proto::data::LineEnds;
use smtp_proto::delivery::{Content, Envelope, Fate, Outcome, Unsendable};
use smtp_proto::server::{self, Event, Why};
use smtp_proto::{AddressLiteral, Extension, Host, stock};
use smtp_proto_blocking::Socket;
use smtp_proto_blocking::client::{Client, Error, Once, Reader, Source};

const NAME: Host<'static> = Host::Literal(AddressLiteral::new(IpAddr::V4(Ipv4Addr::LOCALHOST)));
const TAKEN: &str = "250 2.0.0 Message accepted";
const SHORT: Duration = Duration::from_millis(400);

/// What a server has to tell after a session.
#[derive(Debug, Default)]
struct Received {
    letters: Vec<Vec<u8>>,
    closed: Option<(Why, bool)>,
}

/// Takes every letter, but for recipients whose name begins with `no` (550).
fn serve(socket: impl Socket, config: server::Config) -> io::Result<Received> {
    let mut session = smtp_proto_blocking::Session::new(socket, Arc::new(config));
    let (mut received, mut letter) = (Received::default(), Vec::new());
    while session.ready()? {
        while let Some((event, server)) = session.next() {
            match event {
                Event::Rcpt { rcpt, pending } if !rcpt.to.to_string().starts_with("no") => {
                    server.accept(pending).expect("in time");
                }
                Event::Rcpt { pending, .. } => {
                    server.reply(pending, &stock::NO_SUCH_MAILBOX.as_ref()).expect("in time")
                }
                Event::Data { .. } => {
                    letter.clear();
                    server.decline(event);
                }
                Event::Body(run) => letter.extend_from_slice(run),
                Event::Message { pending, .. } => {
                    received.letters.push(core::mem::take(&mut letter));
                    server.accept(pending).expect("in time");
                }
                Event::Closed { why, mid_message } => received.closed = Some((why, mid_message)),
                other => server.decline(other),
            }
        }
    }
    Ok(received)
}

fn config() -> server::Config {
    server::Config::new("mx.test").expect("a domain")
}

fn tcp() -> (TcpStream, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let client =
        TcpStream::connect(listener.local_addr().expect("it is bound")).expect("it listens");
    (client, listener.accept().expect("it is connected").0)
}

type Served = JoinHandle<io::Result<Received>>;

fn client(config: server::Config) -> (Client<TcpStream>, Served) {
    let (stream, other) = tcp();
    let served = thread::spawn(move || serve(other, config));
    (Client::connect(stream, NAME, Arc::default()).expect("it greets"), served)
}

fn received(served: Served) -> Received {
    served.join().expect("no panic").expect("no error")
}

/// What `each` was told, in order.
type Fates = Vec<(usize, Fate, String)>;

fn deliver<S: Socket>(
    client: &mut Client<S>,
    to: &[&str],
    content: Content,
    source: impl Source,
) -> (Fates, Result<(), Error>) {
    let envelope = Envelope::new("me@x.test", to.iter().copied()).expect("addresses");
    let mut fates = Fates::new();
    let each = |index, outcome: Outcome<'_>| {
        let reply = outcome.reply.map(|reply| reply.to_string()).unwrap_or_default();
        fates.push((index, outcome.fate, reply));
    };
    let done = client.deliver(envelope, content, source, each);
    (fates, done)
}

fn fate(index: usize, fate: Fate, reply: &str) -> (usize, Fate, String) {
    (index, fate, reply.to_owned())
}

/// Lines of every length that begin with dots now and then.
fn content(octets: usize) -> Vec<u8> {
    let mut content = Vec::with_capacity(octets + 100);
    let mut number = 0_usize;
    while content.len() < octets {
        content.extend(b".".repeat(number % 3));
        content.extend(b"x".repeat(number % 97));
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

#[test]
fn letters_of_every_size_and_source_arrive_as_they_were() {
    let (mut client, served) = client(config());
    let mut sent = Vec::new();
    for size in [0, 1, 2, 3, 64, 511, 4096, 65_535, 65_536, 65_537, 1 << 20, 5_000_001] {
        let letter = content(size);
        let eight = Content::eight_bit;
        for way in 0..3 {
            let (fates, done) = match way {
                0 => deliver(&mut client, &["you@y.test"], eight(), letter.as_slice()),
                1 => {
                    let reader = Reader::new(Cursor::new(&letter));
                    deliver(&mut client, &["you@y.test"], eight(), reader)
                }
                _ => deliver(&mut client, &["you@y.test"], eight(), Once::new(letter.as_slice())),
            };
            done.expect("nothing fails");
            assert_eq!(fates, [fate(0, Fate::Delivered, TAKEN)]);
            sent.push(ended(letter.clone()));
        }
    }
    client.quit().expect("a goodbye");
    let received = received(served);
    assert_eq!(received.closed, Some((Why::Quit, false)));
    assert!(received.letters == sent, "what was stored is not what was sent");
}

#[cfg(unix)]
#[test]
fn a_unix_socket_will_do_and_so_will_one_in_a_box() {
    let (stream, other) = std::os::unix::net::UnixStream::pair().expect("two sockets");
    let served = thread::spawn(move || serve(other, config()));
    let boxed: Box<dyn Socket> = Box::new(stream);
    let mut client = Client::connect(boxed, NAME, Arc::default()).expect("it greets");
    let letter = content(300_000);
    let (fates, done) =
        deliver(&mut client, &["no@y.test", "a@y.test"], Content::seven_bit(), letter.as_slice());
    done.expect("nothing fails");
    let refused = fate(0, Fate::Permanent, "550 5.1.1 No such mailbox here");
    assert_eq!(fates, [refused, fate(1, Fate::Delivered, TAKEN)]);
    client.quit().expect("a goodbye");
    assert!(received(served).letters == [ended(letter)]);
}

#[test]
fn who_found_no_room_gets_the_letter_from_its_start_in_a_second_transaction() {
    let mut limited = config();
    limited.limits.recipients = 2;
    let to = ["a@y.test", "b@y.test", "c@y.test"];
    let letter = content(200_000);
    let (mut first, served) = client(limited.clone());
    let reader = Reader::new(Cursor::new(&letter));
    let (fates, done) = deliver(&mut first, &to, Content::seven_bit(), reader);
    done.expect("nothing fails");
    assert_eq!(fates, [0, 1, 2].map(|index| fate(index, Fate::Delivered, TAKEN)));
    drop(first);
    assert!(received(served).letters == [ended(letter.clone()), ended(letter.clone())]);

    let (mut second, served) = client(limited);
    let once = Once::new(letter.as_slice());
    let (fates, done) = deliver(&mut second, &to, Content::seven_bit(), once);
    assert!(matches!(done, Err(Error::Source(_))), "{done:?}");
    assert_eq!(fates[2], fate(2, Fate::Transient, ""));
    drop(second);
    assert_eq!(received(served).closed, Some((Why::Eof, true)));
}

#[test]
fn what_cannot_be_sent_is_refused_for_good() {
    let mut poor = config();
    poor.offer = poor.offer.without(Extension::EightBitMime);
    let (mut first, served) = client(poor);
    let (fates, done) = deliver(&mut first, &["a@y.test"], Content::eight_bit(), "\u{e4}\r\n");
    assert!(matches!(done, Err(Error::Unsendable(Unsendable::EightBit))), "{done:?}");
    assert_eq!(fates, [fate(0, Fate::Permanent, "")]);
    let (fates, done) = deliver(&mut first, &["a@y.test"], Content::seven_bit(), "bare\n");
    assert!(matches!(done, Err(Error::Content(_))), "{done:?}");
    assert_eq!(fates, [fate(0, Fate::Permanent, "")]);
    first.quit().expect("it closes");
    assert_eq!(received(served).closed, Some((Why::Eof, true)));
}

#[test]
fn bare_newlines_are_normalised_where_that_is_asked_for() {
    let (stream, other) = tcp();
    let served = thread::spawn(move || serve(other, config()));
    let mut tolerant = client::Config::default();
    tolerant.line_ends = LineEnds::Normalise;
    let mut client = Client::connect(stream, NAME, Arc::new(tolerant)).expect("it greets");
    let lines = "one\n.two\n".repeat(50_000);
    let (_, done) = deliver(&mut client, &["a@y.test"], Content::seven_bit(), lines);
    done.expect("nothing fails");
    drop(client);
    assert!(received(served).letters == ["one\r\n.two\r\n".repeat(50_000).into_bytes()]);
}

/// A server that does what a test says, one step at a time.
struct Scripted(BufReader<TcpStream>);

impl Scripted {
    fn say(&mut self, octets: &str) {
        self.0.get_mut().write_all(octets.as_bytes()).expect("the client reads");
    }

    /// The next line; empty at the end.
    fn hear(&mut self) -> String {
        let mut line = String::new();
        let _reset = self.0.read_line(&mut line);
        line.trim_end().to_owned()
    }

    /// Everything up to the 354.
    fn greet_and_go(&mut self) {
        self.say("220 mx\r\n");
        assert_eq!(self.hear(), "EHLO [127.0.0.1]");
        self.say("250-mx\r\n250-8BITMIME\r\n250 PIPELINING\r\n");
        self.go();
    }

    fn go(&mut self) {
        assert_eq!(self.hear(), "MAIL FROM:<me@x.test>");
        assert_eq!(self.hear(), "RCPT TO:<a@y.test>");
        assert_eq!(self.hear(), "DATA");
        self.say("250 ok\r\n250 ok\r\n354 go\r\n");
    }

    /// Reads a content up to its end.
    fn content(&mut self) {
        let mut line = Vec::new();
        while line != b".\r\n" {
            line.clear();
            let read = self.0.read_until(b'\n', &mut line).expect("the client writes");
            assert!(read > 0, "a content without an end");
        }
    }
}

/// Connects and delivers while the server plays its part; how it went, and how long it took.
fn with_server(
    source: impl Source,
    server: impl FnOnce(&mut Scripted) + Send + 'static,
) -> (Fates, Result<(), Error>, Duration) {
    let (stream, other) = tcp();
    let played = thread::spawn(move || {
        let mut scripted = Scripted(BufReader::new(other));
        server(&mut scripted);
        scripted
    });
    let mut config = client::Config::default();
    config.waits = Waits::all(SHORT);
    let start = Instant::now();
    let (fates, done) = match Client::connect(stream, NAME, Arc::new(config)) {
        Ok(mut client) => deliver(&mut client, &["a@y.test"], Content::seven_bit(), source),
        Err(error) => (Fates::new(), Err(error)),
    };
    let took = start.elapsed();
    // What the server keeps open is open until now.
    drop(played.join().expect("it is played"));
    (fates, done, took)
}

#[test]
fn a_verdict_in_the_middle_of_a_content_is_heard_while_the_server_reads_nothing() {
    let (fates, done, took) = with_server(vec![b'x'; 50 << 20], |server| {
        server.greet_and_go();
        thread::sleep(Duration::from_millis(100));
        server.say("552 5.3.4 Too big\r\n");
    });
    done.expect("it is a reply");
    assert_eq!(fates, [fate(0, Fate::Permanent, "552 5.3.4 Too big")]);
    assert!(took < Duration::from_secs(2), "{took:?}");
}

#[test]
fn a_verdict_in_front_of_a_reset_is_not_a_reset() {
    for _ in 0..20 {
        let (fates, done, _) = with_server(vec![b'x'; 5 << 20], |server| {
            server.greet_and_go();
            server.0.read_exact(&mut vec![0; 100_000]).expect("content");
            server.say("552 5.3.4 Too big\r\n");
            // With octets that are not read, this is a reset.
            server.0 = BufReader::new(tcp().0);
        });
        done.expect("it is a reply");
        assert_eq!(fates, [fate(0, Fate::Permanent, "552 5.3.4 Too big")]);
    }
}

#[test]
fn a_verdict_interrupts_a_source_that_takes_its_time() {
    struct Slow;
    impl Source for Slow {
        fn octets(&mut self, _: u64) -> io::Result<&[u8]> {
            thread::sleep(Duration::from_millis(10));
            Ok(b"a line\r\n")
        }
    }
    let (fates, done, _) = with_server(Slow, |server| {
        server.greet_and_go();
        server.hear();
        server.say("421 4.3.2 Going down\r\n");
    });
    done.expect("it is a reply");
    assert_eq!(fates, [fate(0, Fate::Transient, "421 4.3.2 Going down")]);
}

#[test]
fn only_behind_the_final_dot_a_lost_connection_leaves_a_fate_unknown() {
    let (fates, done, _) = with_server(content(5 << 20), |server| {
        server.greet_and_go();
        server.0.read_exact(&mut [0; 1000]).expect("content");
        server.0 = BufReader::new(tcp().0);
    });
    assert!(matches!(done, Err(Error::Session(client::Error::Eof) | Error::Connection(_))));
    assert_eq!(fates, [fate(0, Fate::Transient, "")]);

    let (fates, done, _) = with_server(content(1000), |server| {
        server.greet_and_go();
        server.content();
        server.0 = BufReader::new(tcp().0);
    });
    assert!(matches!(done, Err(Error::Session(client::Error::Eof))), "{done:?}");
    assert_eq!(fates, [fate(0, Fate::Unknown, "")]);
}

#[test]
fn every_wait_has_its_end() {
    type Script = fn(&mut Scripted);
    let table: [(&str, usize, Script, Option<Fate>); 5] = [
        ("greeting", 10, |_| {}, None),
        ("EHLO", 10, |server| server.say("220 mx\r\n"), None),
        (
            "MAIL",
            10,
            |server| {
                server.say("220 mx\r\n");
                server.hear();
                server.say("250 mx\r\n");
            },
            Some(Fate::Transient),
        ),
        (
            "content",
            10,
            |server| {
                server.greet_and_go();
                server.content();
            },
            Some(Fate::Unknown),
        ),
        ("block", 50 << 20, Scripted::greet_and_go, Some(Fate::Transient)),
    ];
    for (at, octets, script, expected) in table {
        let (fates, done, took) = with_server(content(octets), script);
        assert!(matches!(done, Err(Error::Session(client::Error::TimedOut))), "{at}: {done:?}");
        assert!((SHORT..SHORT * 5).contains(&took), "{at}: {took:?}");
        let expected: Fates = expected.into_iter().map(|what| fate(0, what, "")).collect();
        assert_eq!(fates, expected, "{at}");
    }
}

#[test]
fn what_nothing_asked_for_is_seen_before_a_session_is_used_again() {
    let rows = [
        ("250 what\r\n", "", false),
        ("421 4.3.2 Idle for too long\r\n", "421 4.3.2 Idle for too long", true),
    ];
    for (said, reply, is_reply) in rows {
        let (stream, other) = tcp();
        let mut server = Scripted(BufReader::new(other));
        let played = thread::spawn(move || {
            server.greet_and_go();
            server.content();
            server.say("250 taken\r\n");
            server
        });
        let mut client = Client::connect(stream, NAME, Arc::default()).expect("it greets");
        let (fates, _) = deliver(&mut client, &["a@y.test"], Content::seven_bit(), "Hello\r\n");
        assert_eq!(fates, [fate(0, Fate::Delivered, "250 taken")]);
        assert!(client.is_reusable());
        let mut server = played.join().expect("it is played");
        server.say(said);
        thread::sleep(Duration::from_millis(50));
        let (fates, done) = deliver(&mut client, &["a@y.test"], Content::seven_bit(), "Hello\r\n");
        assert_eq!(done.is_ok(), is_reply, "{done:?}");
        assert_eq!(fates, [fate(0, Fate::Transient, reply)]);
        assert!(!client.is_reusable());
        drop(client);
        assert_eq!(server.hear(), "", "nothing is sent any more");
    }
}

#[test]
fn no_more_than_four_kibibytes_of_commands_are_in_flight() {
    const RECIPIENTS: usize = 3000;
    let (stream, other) = tcp();
    // Each reply is as long as may be, and no command is read before its reply has left.
    let played = thread::spawn(move || {
        let mut server = Scripted(BufReader::new(other));
        server.say("220 mx\r\n");
        server.hear();
        server.say("250-mx\r\n250 PIPELINING\r\n");
        let long = format!("250 {}\r\n", "x".repeat(500));
        let mut most = 0;
        for _ in 0..=RECIPIENTS {
            server.hear();
            most = most.max(server.0.buffer().len());
            server.say(&long);
        }
        server.hear();
        server.say("354 go\r\n");
        server.content();
        server.say("250 taken\r\n");
        most
    });
    let to: Vec<String> = (0..RECIPIENTS).map(|number| format!("{number}@y.test")).collect();
    let to: Vec<&str> = to.iter().map(String::as_str).collect();
    let mut client = Client::connect(stream, NAME, Arc::default()).expect("it greets");
    let (fates, done) = deliver(&mut client, &to, Content::seven_bit(), "Hello\r\n");
    done.expect("nothing fails");
    assert_eq!(fates.len(), RECIPIENTS);
    let most = played.join().expect("it is played");
    assert!((100..=4096).contains(&most), "{most}");
}

#[test]
fn a_client_may_be_told_never_to_pipeline() {
    let (stream, other) = tcp();
    let played = thread::spawn(move || {
        let mut server = Scripted(BufReader::new(other));
        server.say("220 mx\r\n");
        server.hear();
        server.say("250-mx\r\n250 PIPELINING\r\n");
        for reply in ["250 ok\r\n", "250 ok\r\n", "354 go\r\n"] {
            server.hear();
            thread::sleep(Duration::from_millis(30));
            assert_eq!(server.0.buffer(), b"");
            server.say(reply);
        }
        server.content();
        server.say("250 taken\r\n");
    });
    let mut config = client::Config::default();
    config.pipelining = Pipelining::Never;
    let mut client = Client::connect(stream, NAME, Arc::new(config)).expect("it greets");
    let (fates, _) = deliver(&mut client, &["a@y.test"], Content::seven_bit(), "Hello\r\n");
    assert_eq!(fates, [fate(0, Fate::Delivered, "250 taken")]);
    played.join().expect("it is played");
}

#[test]
fn refusals_of_the_session_are_told_and_answered_by_quit() {
    let (_, done, _) = with_server("", |server| {
        server.say("554 5.3.2 No mail here\r\n");
        assert_eq!(server.hear(), "QUIT");
        server.say("221 Bye\r\n");
    });
    let error = done.expect_err("it is refused").to_string();
    assert_eq!(error, "the server refused the session: 554 5.3.2 No mail here");

    let (_, done, _) = with_server("", |server| {
        server.say("220 mx\r\n");
        server.hear();
        server.say("550 5.7.1 Not you\r\n");
        assert_eq!(server.hear(), "QUIT");
    });
    let error = done.expect_err("it is refused").to_string();
    assert_eq!(error, "the server refused the hello: 550 5.7.1 Not you");
}

/// A socket that counts how often it is written to.
struct Counting(TcpStream, Arc<AtomicUsize>);

impl Read for Counting {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.read(buffer)
    }
}

impl Write for Counting {
    fn write(&mut self, octets: &[u8]) -> io::Result<usize> {
        self.1.fetch_add(1, Ordering::Relaxed);
        self.0.write(octets)
    }

    fn write_vectored(&mut self, pieces: &[io::IoSlice<'_>]) -> io::Result<usize> {
        self.1.fetch_add(1, Ordering::Relaxed);
        self.0.write_vectored(pieces)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

impl Socket for Counting {
    fn limit_reads(&mut self, limit: Duration) -> io::Result<()> {
        self.0.limit_reads(limit)
    }

    fn limit_writes(&mut self, limit: Duration) -> io::Result<()> {
        self.0.limit_writes(limit)
    }

    fn end_writing(&mut self) -> io::Result<()> {
        self.0.end_writing()
    }

    fn read_at_once(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.read_at_once(buffer)
    }

    fn writes_vectored(&self) -> bool {
        true
    }
}

#[test]
fn a_mebibyte_of_dots_is_at_most_seventy_writes() {
    let (stream, other) = tcp();
    let served = thread::spawn(move || serve(other, config()));
    let writes = Arc::new(AtomicUsize::new(0));
    let stream = Counting(stream, Arc::clone(&writes));
    let mut client = Client::connect(stream, NAME, Arc::default()).expect("it greets");
    let content = b"..\r\n".repeat((1 << 20) / 4);
    let (_, done) = deliver(&mut client, &["b@y.test"], Content::seven_bit(), &content[..]);
    done.expect("nothing fails");
    let writes = writes.load(Ordering::Relaxed);
    println!("{writes} writes");
    assert!(writes <= 70, "{writes}");
    drop(client);
    assert_eq!(received(served).letters, [content]);
}
