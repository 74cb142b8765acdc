//! `Handler` and `serve`: what each call is for, and what becomes of a session whose handler fails.

use core::mem;
use core::time::Duration;
use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::Instant;
use std::{io, panic};

use smtp_proto::server::{Config, Early, Opening, Refusal, Summary, Verdict, Why};
use smtp_proto::{Extension, Extensions, Host, Mail, Rcpt, ReplyBuf, Verb, stock};
use smtp_proto_blocking::{Handler, Session, serve};

/// What a handler was asked, in order.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<String>>>);

impl Log {
    fn note(&self, line: impl Into<String>) {
        self.0.lock().expect("no test panics with it").push(line.into());
    }

    fn lines(&self) -> Vec<String> {
        mem::take(&mut self.0.lock().expect("no test panics with it"))
    }
}

enum Trip {
    Panic,
    Sleep(Duration),
    Refuse(ReplyBuf),
}

/// Accepts all, but for the call where it trips.
#[derive(Default)]
struct Clerk {
    log: Log,
    trip: Option<(&'static str, Trip)>,
}

impl Clerk {
    fn that(at: &'static str, trip: Trip) -> Self {
        Self { trip: Some((at, trip)), ..Self::default() }
    }

    fn step(&self, at: &str, line: impl Into<String>) -> Verdict {
        self.log.note(line);
        match self.trip.as_ref().filter(|(trip, _)| *trip == at) {
            None => Ok(None),
            Some((_, Trip::Panic)) => panic!("the clerk trips at {at}"),
            Some((_, Trip::Sleep(time))) => {
                thread::sleep(*time);
                Ok(None)
            }
            Some((_, Trip::Refuse(reply))) => Err(reply.clone()),
        }
    }
}

/// Tells when it is thrown away.
struct Letter(Option<Log>);

impl Drop for Letter {
    fn drop(&mut self) {
        if let Some(log) = &self.0 {
            log.note("thrown away");
        }
    }
}

impl Handler for Clerk {
    type Letter = Letter;

    fn connect(&mut self) -> Verdict {
        self.step("connect", "connect")
    }

    fn hello(&mut self, verb: Verb, name: Host<'_>) -> Verdict {
        self.step("hello", format!("{} {name}", verb.name()))
    }

    fn mail(&mut self, mail: &Mail<'_>) -> Verdict {
        self.step("mail", format!("from {}", mail.from))
    }

    fn rcpt(&mut self, rcpt: &Rcpt<'_>) -> Verdict {
        self.step("rcpt", format!("to {}", rcpt.to))
    }

    fn begin(&mut self, opening: Opening) -> Result<Letter, ReplyBuf> {
        self.step("begin", format!("begin by {} to {}", opening.protocol, opening.recipients))?;
        Ok(Letter(Some(self.log.clone())))
    }

    fn write(&mut self, _: &mut Letter, octets: &[u8]) -> Result<(), ReplyBuf> {
        self.step("write", format!("write {}", octets.len())).map(drop)
    }

    fn commit(&mut self, mut letter: Letter, content: Summary) -> Verdict {
        let verdict = self.step("commit", format!("commit {}", content.octets))?;
        letter.0 = None;
        Ok(verdict)
    }

    fn verify(&mut self, verb: Verb, text: &str) -> Verdict {
        self.step("verify", format!("{} {text}", verb.name()))
    }

    fn reset(&mut self) {
        let _ = self.step("reset", "reset");
    }

    fn refused(&mut self, refusal: &Refusal<'_>) {
        self.log.note(format!("refused: {}", refusal.why));
    }

    fn closed(&mut self, why: Why) {
        self.log.note(format!("closed: {why}"));
    }
}

/// Nobody has to wait, so that a whole session can be said at once.
fn config() -> Config {
    let mut config = Config::new("mx.test").expect("a domain");
    config.early = Early::Allow;
    config.offer = Extensions::none().with(Extension::EnhancedStatusCodes).with(Extension::Vrfy);
    config
}

fn start(
    handler: impl Handler + Send + 'static,
    config: Config,
) -> (TcpStream, JoinHandle<io::Result<()>>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let client =
        TcpStream::connect(listener.local_addr().expect("it is bound")).expect("it listens");
    let (socket, _) = listener.accept().expect("it is connected");
    (client, thread::spawn(move || serve(Session::new(socket, Arc::new(config)), handler)))
}

/// The replies to all that is said, and the calls.
fn said(clerk: Clerk, config: Config, commands: &[u8]) -> (String, Vec<String>) {
    let log = clerk.log.clone();
    let (mut client, served) = start(clerk, config);
    client.write_all(commands).expect("it is read");
    client.shutdown(Shutdown::Write).expect("it is connected");
    let mut replies = String::new();
    client.read_to_string(&mut replies).expect("an end, no reset");
    drop(client);
    served.join().expect("it ends by itself").expect("no error");
    (replies, log.lines())
}

const SESSION: &str = "EHLO c.test\r\nMAIL FROM:<alice@c.test>\r\nRCPT TO:<bob@mx.test>\r\nDATA\r\n\
    hello\r\n.\r\nMAIL FROM:<>\r\nRSET\r\nVRFY bob\r\nQUIT\r\n";
const REPLIES: [&str; 12] = [
    "220 mx.test ESMTP\r\n",
    "250-mx.test\r\n",
    "250-ENHANCEDSTATUSCODES\r\n",
    "250 VRFY\r\n",
    "250 2.1.0 Sender accepted\r\n",
    "250 2.1.5 Recipient accepted\r\n",
    "354 Start mail input; end with <CRLF>.<CRLF>\r\n",
    "250 2.0.0 Message accepted\r\n",
    "250 2.1.0 Sender accepted\r\n",
    "250 2.0.0 OK\r\n",
    "252 2.0.0 Cannot verify, but will take a message\r\n",
    "221 2.0.0 Closing\r\n",
];
const CALLS: [&str; 11] = [
    "connect",
    "EHLO c.test",
    "from alice@c.test",
    "to bob@mx.test",
    "begin by ESMTP to 1",
    "write 7",
    "commit 7",
    "from ",
    "reset",
    "VRFY bob",
    "closed: QUIT",
];

#[test]
fn calls_come_in_the_order_of_the_commands() {
    let (replies, calls) = said(Clerk::default(), config(), SESSION.as_bytes());
    assert_eq!(replies, REPLIES.concat());
    assert_eq!(calls, CALLS);
}

#[test]
fn panic_costs_its_session_a_421_and_nothing_else() {
    let hook = panic::take_hook();
    panic::set_hook(Box::new(move |info| {
        if !info.to_string().contains("trips") {
            hook(info);
        }
    }));
    for (place, lines, calls) in [
        ("connect", 0, 1),
        ("hello", 1, 2),
        ("mail", 4, 3),
        ("rcpt", 5, 4),
        ("begin", 6, 5),
        ("write", 7, 6),
        ("commit", 7, 7),
        ("reset", 10, 9),
        ("verify", 10, 10),
    ] {
        let clerk = Clerk::that(place, Trip::Panic);
        let (replies, made) = said(clerk, config(), SESSION.as_bytes());
        let expected = [REPLIES[..lines].concat(), "421 4.3.0 Local error, closing\r\n".into()];
        assert_eq!(replies, expected.concat(), "{place}");
        let mut expected = CALLS[..calls].to_vec();
        expected.extend(matches!(place, "write" | "commit").then_some("thrown away"));
        assert_eq!(made, expected, "{place}");
    }
}

#[test]
fn verdicts_are_the_replies() {
    for (place, reply, line) in [
        ("connect", stock::NOT_AUTHORISED, "550 5.7.1 Refused by policy\r\n"),
        ("mail", stock::NO_SPACE, "452 4.3.1 No space for the message\r\n"),
        ("rcpt", stock::RELAYING_DENIED, "550 5.7.1 Relaying denied\r\n"),
        ("write", stock::NO_SPACE, "452 4.3.1 No space for the message\r\n"),
        ("commit", stock::LOOP, "554 5.4.6 Too many hops\r\n"),
        ("commit", stock::CANNOT_VERIFY, "451 4.3.0 Local error in processing\r\n"),
        ("verify", stock::NO_SUCH_MAILBOX, "550 5.1.1 No such mailbox here\r\n"),
    ] {
        let (replies, _) =
            said(Clerk::that(place, Trip::Refuse(reply)), config(), SESSION.as_bytes());
        assert!(replies.contains(line), "{place}: {replies}");
    }
}

#[test]
fn letter_that_comes_to_nothing_is_dropped() {
    let mut small = config();
    small.limits.message = 10;
    let (end, quit) = (SESSION.find("hello").expect("the content"), "QUIT\r\n");
    let begin = &SESSION[..end];
    for (clerk, config, content, calls) in [
        (
            Clerk::default(),
            config(),
            "hello\r\n".to_owned(),
            &["thrown away", "reset", "closed: closed by the peer"][..],
        ),
        (
            Clerk::default(),
            small,
            format!("hello\r\nhello\r\n.\r\n{quit}"),
            &["thrown away", "reset", "refused: limit on message octets", "closed: QUIT"],
        ),
        (
            Clerk::that("write", Trip::Refuse(stock::NO_SPACE)),
            config(),
            format!("hello\r\n.\r\n{quit}"),
            &["write 7", "thrown away", "reset", "closed: QUIT"],
        ),
    ] {
        let (_, made) = said(clerk, config, format!("{begin}{content}").as_bytes());
        assert_eq!(made[5..], *calls);
    }
}

#[test]
fn body_is_gathered_to_blocks_of_16_kib() {
    const LINE: &str = "..dots divide a body into short runs\r\n";
    let begin = &SESSION[..SESSION.find("hello").expect("the content")];
    let commands = format!("{begin}{}.\r\n", LINE.repeat(5000));
    let (_, calls) = said(Clerk::default(), config(), commands.as_bytes());
    let octets = 5000 * (LINE.len() - 1);
    let writes: Vec<usize> =
        calls.iter().filter_map(|call| call.strip_prefix("write ")?.parse().ok()).collect();
    assert_eq!(writes.iter().sum::<usize>(), octets);
    assert!(writes.len() <= 2 * octets / (16 * 1024) + 1, "{writes:?}");
}

#[test]
fn a_mebibyte_of_dots_is_handed_on_in_at_most_seventy_writes() {
    let begin = &SESSION[..SESSION.find("hello").expect("the content")];
    let commands = format!("{begin}{}.\r\n", "..\r\n".repeat((1 << 20) / 4));
    let (_, calls) = said(Clerk::default(), config(), commands.as_bytes());
    let writes = calls.iter().filter(|call| call.starts_with("write ")).count();
    println!("{writes} writes");
    assert!(writes <= 70, "{writes}");
    assert!(calls.contains(&format!("commit {}", (1 << 20) / 4 * 3)));
}

#[test]
fn replies_do_not_wait_for_a_whole_group_of_decisions() {
    let slow = Clerk::that("rcpt", Trip::Sleep(Duration::from_millis(600)));
    let (mut client, served) = start(slow, config());
    let group = "RCPT TO:<bob@mx.test>\r\n".repeat(4);
    let start = Instant::now();
    client.write_all(format!("EHLO c.test\r\nMAIL FROM:<>\r\n{group}QUIT\r\n").as_bytes()).unwrap();
    let mut first = vec![0; REPLIES[..6].concat().len()];
    client.read_exact(&mut first).unwrap();
    assert!(start.elapsed() < Duration::from_millis(2000), "{:?}", start.elapsed());
    client.read_to_end(&mut Vec::new()).unwrap();
    assert!(start.elapsed() >= Duration::from_millis(2400), "{:?}", start.elapsed());
    drop(client);
    served.join().unwrap().unwrap();
}

#[test]
fn connection_that_is_lost_closes_the_handler() {
    let clerk = Clerk::default();
    let log = clerk.log.clone();
    let (mut client, served) = start(clerk, config());
    let begin = &SESSION[..SESSION.find("hello").expect("the content")];
    client.write_all(begin.as_bytes()).unwrap();
    let mut calls = Vec::new();
    while !calls.iter().any(|call: &String| call.starts_with("begin")) {
        calls.extend(log.lines());
    }
    // With replies that were not read, the end of a connection is a reset.
    client.peek(&mut [0; 1]).unwrap();
    drop(client);
    served.join().unwrap().unwrap_err();
    calls.extend(log.lines());
    assert_eq!(calls[5..], ["thrown away", "closed: closed by the peer"]);
}
