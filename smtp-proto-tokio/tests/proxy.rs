//! The `proxy` example between programs that send mail and servers that take it, or do not.

mod support;

use core::net::SocketAddr;
use core::sync::atomic::{AtomicUsize, Ordering};
use core::time::Duration;
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::{Arc, OnceLock};
use std::thread::{self, JoinHandle};
use std::time::Instant;

use support::servers::program;
use support::{Peer, Scratch, Sink, build_example, code, run, wait};

const PATIENCE: Duration = Duration::from_secs(30);

/// A running `proxy` on a free port of 127.0.0.1.
struct Proxy {
    process: Child,
    address: SocketAddr,
    _stdout: BufReader<ChildStdout>,
}

impl Proxy {
    fn to(upstream: SocketAddr) -> Self {
        static BUILT: OnceLock<PathBuf> = OnceLock::new();
        let mut process = Command::new(BUILT.get_or_init(|| build_example("proxy")))
            .args(["--listen", "127.0.0.1:0", "--upstream", &upstream.to_string()])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .expect("proxy starts");
        let mut stdout = BufReader::new(process.stdout.take().expect("its stdout is piped"));
        let mut line = String::new();
        stdout.read_line(&mut line).expect("proxy prints text");
        let address = line.trim_end().strip_prefix("listening on smtp ");
        let address = address.and_then(|address| address.parse().ok());
        let address = address.unwrap_or_else(|| panic!("proxy's first line is {line:?}"));
        Self { process, address, _stdout: stdout }
    }

    fn memory(&self) -> u64 {
        let path = format!("/proc/{}/status", self.process.id());
        let status = fs::read_to_string(path).expect("proxy runs");
        let line =
            status.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("Linux counts it");
        line.trim().trim_end_matches(" kB").parse::<u64>().expect("it is a number") * 1024
    }

    fn terminate(&self) {
        let kill = format!("kill {}", self.process.id());
        let killed = Command::new("sh").args(["-c", &kill]).status().expect("a shell");
        assert!(killed.success());
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// A server that a test plays, for one session.
struct Played(BufReader<TcpStream>);

impl Played {
    /// Plays in a thread; where the proxy finds it.
    fn start<T: Send + 'static>(
        play: impl FnOnce(&mut Self) -> T + Send + 'static,
    ) -> (SocketAddr, JoinHandle<T>) {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("it is bound");
        let played = thread::spawn(move || {
            let (stream, _) = listener.accept().expect("the proxy connects");
            stream.set_read_timeout(Some(PATIENCE)).expect("not zero");
            play(&mut Self(BufReader::new(stream)))
        });
        (address, played)
    }

    fn say(&mut self, reply: &str) {
        self.0.get_mut().write_all(format!("{reply}\r\n").as_bytes()).expect("the proxy reads");
    }

    /// The next line, without its end; empty at the end.
    fn hear(&mut self) -> String {
        let mut line = String::new();
        let _reset = self.0.read_line(&mut line);
        line.trim_end().to_owned()
    }

    /// Hears these commands, and says these replies.
    fn talk(&mut self, dialogue: &[(&str, &str)]) {
        for (command, reply) in dialogue {
            if !command.is_empty() {
                assert_eq!(self.hear(), *command);
            }
            self.say(reply);
        }
    }

    /// Up to the 354.
    fn go(&mut self) {
        self.talk(&[
            ("", "220 upstream.test ESMTP"),
            (
                "EHLO client.example",
                "250-upstream.test\r\n250-PIPELINING\r\n250 ENHANCEDSTATUSCODES",
            ),
            ("MAIL FROM:<alice@client.example>", "250 ok"),
            ("RCPT TO:<bob@localhost>", "250 ok"),
            ("DATA", "354 go"),
        ]);
    }
}

/// Lines that begin with dots now and then, `octets` in all and a little more.
fn content(octets: usize) -> Vec<u8> {
    let mut content = Vec::with_capacity(octets + 200);
    for number in 0_usize.. {
        if content.len() >= octets {
            break;
        }
        content.extend(b".".repeat(number % 4));
        content.extend(format!("{number} ").bytes().chain(b"x".repeat(number % 71)));
        content.extend(b"\r\n");
    }
    content
}

/// As it is sent: dots doubled, and the end.
fn stuffed(content: &[u8]) -> Vec<u8> {
    let mut wire = Vec::with_capacity(content.len() * 2);
    for line in content.split_inclusive(|octet| *octet == b'\n') {
        wire.extend(line.starts_with(b".").then_some(b'.'));
        wire.extend(line);
    }
    wire.extend(b".\r\n");
    wire
}

#[test]
fn letter_by_swaks_goes_through_octet_for_octet() {
    let Some(swaks) = program("swaks") else { return };
    let sink = Sink::start(&[]);
    let proxy = Proxy::to(sink.address());
    let scratch = Scratch::new("proxy");
    let letter = [b"From: <a@x.test>\r\nSubject: dots\r\n\r\n".to_vec(), content(100_000)].concat();
    // It ends the file by a line end of its own.
    let file = scratch.file("letter.eml", letter.trim_ascii_end());
    for option in ["--", "--pipeline"] {
        let mut command = Command::new(&swaks);
        command.args(["--helo", "client.example", "--from", "a@x.test", "--to", "b@y.test"]);
        command.args(["--server", "127.0.0.1", "--port", &proxy.address.port().to_string()]);
        command.args((option != "--").then_some(option));
        command.arg("--data").arg(format!("@{}", file.display()));
        run(command, b"");
        let stored = sink.newest();
        assert!(stored.content == letter, "what is stored is not what was sent");
        assert_eq!(stored.envelope["helo"], "client.example");
        assert_eq!(stored.envelope["from"], "a@x.test");
    }
}

#[test]
fn letters_by_smtp_source_go_through_twenty_sessions() {
    const LETTERS: usize = 400;
    let Some(smtp_source) = program("smtp-source") else { return };
    let sink = Sink::start(&[]);
    let proxy = Proxy::to(sink.address());
    for options in [&["-r", "7"][..], &["-d"]] {
        let mut command = Command::new(&smtp_source);
        command.args(["-s", "20", "-m", &LETTERS.to_string(), "-l", "20010"]).args(options);
        command.args(["-M", "client.example", "-f", "a@x.test", "-t", "b@y.test"]);
        command.arg(proxy.address.to_string());
        run(command, b"");
    }
    let stored = sink.stored();
    assert_eq!(stored.len(), LETTERS * 2);
    let body = smtp_source_body(20_010);
    for (number, letter) in stored.iter().enumerate() {
        assert!(letter.content.ends_with(&body), "letter {number} is not whole");
        let recipients = letter.envelope["to"].as_array().expect("a list").len();
        assert_eq!(recipients, if number < LETTERS { 7 } else { 1 });
    }
    assert!(proxy.memory() < 64 << 20, "{}", proxy.memory());
}

#[test]
fn letters_go_through_to_smtp_sink() {
    const LETTERS: usize = 200;
    let (Some(smtp_source), Some(smtp_sink)) = (program("smtp-source"), program("smtp-sink"))
    else {
        return;
    };
    let scratch = Scratch::new("smtp-sink");
    let port = free_port();
    let mut sink = Command::new(smtp_sink)
        // The user it becomes, which it wants to know where it was started by root.
        .args(["-u", "root", "-d", &format!("{}/%M.", scratch.path().display())])
        .args([&format!("127.0.0.1:{port}"), "100"])
        .spawn()
        .expect("smtp-sink starts");
    let upstream = SocketAddr::from(([127, 0, 0, 1], port));
    await_listener(upstream);
    let proxy = Proxy::to(upstream);
    let mut command = Command::new(smtp_source);
    command.args(["-s", "10", "-m", &LETTERS.to_string(), "-l", "5000"]);
    command.args(["-f", "a@x.test", "-t", "b@y.test", &proxy.address.to_string()]);
    run(command, b"");
    sink.kill().expect("it can be ended");
    sink.wait().expect("it is ended");
    let body = smtp_source_body(5000);
    let body: Vec<u8> = body.into_iter().filter(|octet| *octet != b'\r').collect();
    let whole = |path: &PathBuf| {
        fs::read(path).expect("a letter").windows(body.len()).any(|part| part == body)
    };
    let files = scratch.files();
    assert_eq!(files.iter().filter(|path| whole(path)).count(), LETTERS);
}

/// What `-l` makes: lines of 78 octets that begin with a digit, and a CRLF behind the last one.
fn smtp_source_body(octets: usize) -> Vec<u8> {
    let mut body = vec![b'X'; octets];
    for (line, digit) in body.chunks_exact_mut(80).zip(b"1234567890".iter().cycle()) {
        line[0] = *digit;
        line[78..].copy_from_slice(b"\r\n");
    }
    body.extend(b"\r\n");
    body
}

fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    listener.local_addr().expect("it is bound").port()
}

fn await_listener(address: SocketAddr) {
    let start = Instant::now();
    while TcpStream::connect(address).is_err() {
        assert!(start.elapsed() < PATIENCE, "nobody listens");
        thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn ehlo_offers_what_both_have() {
    let (upstream, played) = Played::start(|server| {
        server.talk(&[
            ("", "220 upstream.test ESMTP"),
            (
                "EHLO client.example",
                "250-upstream.test\r\n250-SIZE 1000\r\n250-X-NEW\r\n250-CHUNKING\r\n250 8BITMIME",
            ),
        ]);
        assert_eq!(server.hear(), "QUIT");
    });
    let proxy = Proxy::to(upstream);
    let mut peer = Peer::connect(proxy.address);
    assert_eq!(peer.reply(), "220 localhost ESMTP");
    let offered = peer.say("EHLO client.example");
    assert_eq!(offered, "250-localhost\r\n250-SIZE 1000\r\n250 8BITMIME");
    assert_eq!(code(&peer.say("QUIT")), "221");
    played.join().expect("the proxy says what it should");
}

#[test]
fn every_decision_is_that_of_the_other_server() {
    let sink =
        Sink::start(&["--reject", "no@x.test", "--defer", "later@x.test", "--delay", "RCPT=50"]);
    let proxy = Proxy::to(sink.address());
    let mut peer = Peer::connect(proxy.address);
    peer.hello();
    // A whole group in one write: its replies come in order.
    peer.write(
        b"MAIL FROM:<a@x.test>\r\nRCPT TO:<b@x.test>\r\nRCPT TO:<no@x.test>\r\nRCPT TO:<x\r\n\
        RCPT TO:<later@x.test>\r\nDATA\r\n",
    )
    .expect("the proxy reads");
    let replies: Vec<String> = (0..6).map(|_| peer.reply()).collect();
    assert_eq!(
        replies.iter().map(|reply| &reply[..9]).collect::<Vec<_>>(),
        ["250 2.1.0", "250 2.1.5", "550 5.1.1", "501 5.1.3", "451 4.2.1", "354 Start"]
    );
    peer.write(b"Hello\r\n.\r\n").expect("the proxy reads");
    assert_eq!(&peer.reply()[..9], "250 2.0.0");
    // A transaction that is given up, and one behind it.
    assert_eq!(code(&peer.say("MAIL FROM:<a@x.test>")), "250");
    assert_eq!(code(&peer.say("RCPT TO:<b@x.test>")), "250");
    assert_eq!(code(&peer.say("RSET")), "250");
    peer.begin_letter();
    peer.write(b"Again\r\n.\r\n").expect("the proxy reads");
    assert_eq!(code(&peer.reply()), "250");
    assert_eq!(code(&peer.say("QUIT")), "221");
    let stored: Vec<Vec<u8>> = sink.stored().into_iter().map(|letter| letter.content).collect();
    assert_eq!(stored, [b"Hello\r\n", b"Again\r\n"]);
}

#[test]
fn replies_are_written_anew() {
    let (upstream, played) = Played::start(|server| {
        server.talk(&[
            ("", "220 upstream.test ESMTP"),
            ("EHLO client.example", "250-upstream.test\r\n250 ENHANCEDSTATUSCODES"),
            ("MAIL FROM:<alice@client.example>", "250 \u{fc}b\u{7}"),
            ("RCPT TO:<bob@localhost>", "421 4.3.2 Going down"),
        ]);
    });
    let proxy = Proxy::to(upstream);
    let mut peer = Peer::connect(proxy.address);
    peer.hello();
    assert_eq!(peer.say("MAIL FROM:<alice@client.example>"), "250 2.1.0 ??b?");
    assert_eq!(peer.say("RCPT TO:<bob@localhost>"), "451 4.3.2 Going down");
    played.join().expect("the proxy says what it should");
    // The other server is gone, and so is the session behind the transaction.
    assert_eq!(code(&peer.say("RSET")), "250");
    assert_eq!(code(&peer.reply()), "421");
    assert!(peer.is_closed());
}

#[test]
fn a_slow_server_slows_the_sender_down_and_fills_no_memory() {
    let (upstream, played) = Played::start(|server| {
        server.go();
        thread::sleep(Duration::from_secs(2));
        let mut octets = Vec::new();
        while !octets.ends_with(b"\r\n.\r\n") {
            let mut block = [0; 65_536];
            let read = server.0.read(&mut block).expect("content");
            assert!(read > 0, "an end without a dot");
            octets.extend_from_slice(&block[..read]);
        }
        server.say("250 taken");
        octets
    });
    let wire = stuffed(&content(200 << 20));
    let proxy = Proxy::to(upstream);
    let mut peer = Peer::connect(proxy.address);
    peer.hello();
    peer.begin_letter();
    let written = Arc::new(AtomicUsize::new(0));
    let (sent, expected) = (Arc::clone(&written), wire.clone());
    let sender = thread::spawn(move || {
        for block in wire.chunks(65_536) {
            peer.write(block).expect("the proxy reads");
            sent.fetch_add(block.len(), Ordering::Relaxed);
        }
        peer
    });
    thread::sleep(Duration::from_secs(1));
    // What the kernel holds on both sides, and no more.
    let held = written.load(Ordering::Relaxed);
    assert!(held < 32 << 20, "{held} octets were taken while nothing was read");
    let mut peer = sender.join().expect("it is taken at last");
    assert_eq!(peer.reply(), "250 2.0.0 taken");
    assert!(played.join().expect("it is taken") == expected, "what came is not what was sent");
    assert!(proxy.memory() < 32 << 20, "{} octets of memory", proxy.memory());
}

#[test]
fn a_verdict_in_the_middle_of_a_content_is_told_at_its_end() {
    let (upstream, played) = Played::start(|server| {
        server.go();
        server.0.read_exact(&mut [0; 50_000]).expect("content");
        server.say("552 5.3.4 Too big");
    });
    let proxy = Proxy::to(upstream);
    let mut peer = Peer::connect(proxy.address);
    peer.hello();
    peer.begin_letter();
    peer.write(&stuffed(&content(5 << 20))).expect("the proxy reads on");
    assert_eq!(peer.reply(), "552 5.3.4 Too big");
    played.join().expect("it is played");
    assert_eq!(code(&peer.reply()), "421");
    assert!(peer.is_closed());
}

#[test]
fn a_server_that_is_lost_within_a_content_puts_the_letter_off() {
    let (upstream, played) = Played::start(|server| {
        server.go();
        server.0.read_exact(&mut [0; 50_000]).expect("content");
    });
    let proxy = Proxy::to(upstream);
    let mut peer = Peer::connect(proxy.address);
    peer.hello();
    peer.begin_letter();
    peer.write(&stuffed(&content(5 << 20))).expect("the proxy reads on");
    assert_eq!(code(&peer.reply()), "451");
    played.join().expect("it is played");
    assert_eq!(code(&peer.reply()), "421");
}

#[test]
fn a_letter_that_is_void_is_never_ended() {
    for void in [&b"bare\nnewline\r\n.\r\n"[..], b"and then nothing"] {
        let (upstream, played) = Played::start(|server| {
            server.go();
            let mut rest = Vec::new();
            let _reset = server.0.read_to_end(&mut rest);
            rest
        });
        let proxy = Proxy::to(upstream);
        let mut peer = Peer::connect(proxy.address);
        peer.hello();
        peer.begin_letter();
        peer.write(b"Hello\r\n").expect("the proxy reads");
        peer.write(void).expect("the proxy reads");
        if void.ends_with(b".\r\n") {
            assert_eq!(code(&peer.reply()), "550");
        } else {
            drop(peer);
        }
        let rest = played.join().expect("it is played");
        assert!(!rest.ends_with(b".\r\n"), "{}", rest.escape_ascii());
    }
}

#[test]
fn without_the_other_server_there_is_no_service() {
    let proxy = Proxy::to(SocketAddr::from(([127, 0, 0, 1], 1)));
    let mut peer = Peer::connect(proxy.address);
    assert_eq!(code(&peer.reply()), "421");
    assert!(peer.is_closed());

    let (upstream, _played) = Played::start(|server| {
        server.say("554 5.3.2 No mail here");
        server.hear();
    });
    let proxy = Proxy::to(upstream);
    let mut peer = Peer::connect(proxy.address);
    assert_eq!(peer.reply(), "554 5.3.2 No mail here");
}

#[test]
fn at_the_end_the_idle_are_told_and_letters_in_progress_finish() {
    let sink = Sink::start(&[]);
    let mut proxy = Proxy::to(sink.address());
    let (mut idle, mut busy) = (Peer::connect(proxy.address), Peer::connect(proxy.address));
    idle.hello();
    busy.hello();
    busy.begin_letter();
    let start = Instant::now();
    proxy.terminate();
    assert_eq!(idle.reply(), "421 4.3.2 Shutting down");
    busy.write(b"Hello\r\n.\r\n").expect("the proxy reads");
    assert_eq!(code(&busy.reply()), "250");
    assert_eq!(code(&busy.reply()), "421");
    let status = wait(&mut proxy.process, Duration::from_secs(5));
    assert!(status.success() && start.elapsed() < Duration::from_secs(5), "{status}");
    assert_eq!(sink.stored().len(), 1);
}
