//! `Handler`: what each call is for, and what becomes of a session whose handler fails.

mod clerk;

use core::time::Duration;
use std::sync::Arc;

use clerk::{Clerk, Client, TAKEN, Trip, config, hush};
use smtp_proto::server::{Config, Opening, Summary, Verdict};
use smtp_proto::{Code, Extension, ReplyBuf, stock};
use smtp_proto_tokio::{Handler, Session, serve};
use tokio::io::{DuplexStream, duplex};
use tokio::task::JoinHandle;
use tokio::time::Instant;

type Served = JoinHandle<std::io::Result<()>>;

fn start(handler: impl Handler, config: Config) -> (Client<DuplexStream>, Served) {
    let (client, stream) = duplex(4096);
    let session = Session::new(stream, Arc::new(config));
    (Client(client), tokio::spawn(serve(session, handler)))
}

/// Most of what an idle connection costs is this future.
#[test]
fn a_session_is_held_once() {
    let session = Session::new(duplex(64).0, Arc::new(config()));
    let alone = size_of_val(&session);
    let served = size_of_val(&serve(session, Clerk::default()));
    // What a handler is asked, and its answers, take the most of it.
    assert!(alone <= 768 && served <= 3072, "{served} octets for a session of {alone}");
}

/// A session with a letter; the first reply is the greeting.
const SESSION: [&str; 10] = [
    "",
    "EHLO c.test\r\n",
    "MAIL FROM:<alice@c.test>\r\n",
    "RCPT TO:<bob@mx.test>\r\n",
    "DATA\r\n",
    "hello\r\n.\r\n",
    "MAIL FROM:<>\r\n",
    "RSET\r\n",
    "VRFY bob\r\n",
    "QUIT\r\n",
];

const REPLIES: [&str; 10] = [
    "220 mx.test ESMTP\r\n",
    "250-mx.test\r\n250-PIPELINING\r\n250-ENHANCEDSTATUSCODES\r\n250 VRFY\r\n",
    "250 2.1.0 Sender accepted\r\n",
    "250 2.1.5 Recipient accepted\r\n",
    "354 Start mail input; end with <CRLF>.<CRLF>\r\n",
    TAKEN,
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

/// Says [`SESSION`] up to a reply of 421, and returns the replies.
async fn session(client: &mut Client<DuplexStream>) -> Vec<String> {
    let mut replies = Vec::new();
    for line in SESSION {
        client.write(line).await;
        let reply = client.reply().await;
        let over = reply.starts_with("421");
        replies.push(reply);
        if over {
            break;
        }
    }
    replies
}

fn with_vrfy() -> Config {
    let mut config = config();
    config.offer = config.offer.with(Extension::Vrfy);
    config
}

#[tokio::test(start_paused = true)]
async fn calls_come_in_the_order_of_the_commands() {
    let clerk = Clerk::default();
    let log = clerk.log.clone();
    let (mut client, served) = start(clerk, with_vrfy());
    assert_eq!(session(&mut client).await, REPLIES);
    drop(client);
    served.await.unwrap().unwrap();
    assert_eq!(log.lines(), CALLS);
}

/// Implements only what it must.
struct Nobody;

impl Handler for Nobody {
    type Letter = ();

    async fn begin(&mut self, _: Opening) -> Result<(), ReplyBuf> {
        panic!("there is no recipient");
    }

    async fn write(&mut self, (): &mut (), _: &[u8]) -> Result<(), ReplyBuf> {
        panic!("there is no letter");
    }

    async fn commit(&mut self, (): (), _: Summary) -> Verdict {
        panic!("there is no letter");
    }
}

#[tokio::test(start_paused = true)]
async fn defaults_take_no_letter() {
    let mut config = with_vrfy();
    config.offer = config.offer.with(Extension::Expn);
    let (mut client, _served) = start(Nobody, config);
    client.reply().await;
    client.say("EHLO c.test").await;
    for (line, reply) in [
        ("MAIL FROM:<>", "250 2.1.0 Sender accepted\r\n"),
        ("RCPT TO:<bob@mx.test>", "550 5.1.1 No such mailbox here\r\n"),
        ("RCPT TO:<postmaster>", "550 5.1.1 No such mailbox here\r\n"),
        ("DATA", "554 5.5.1 No valid recipients\r\n"),
        ("VRFY bob", "252 2.0.0 Cannot verify, but will take a message\r\n"),
        ("EXPN staff", "252 2.0.0 Cannot verify, but will take a message\r\n"),
    ] {
        assert_eq!(client.say(line).await, reply, "{line}");
    }
}

/// Where a handler can trip, how many replies leave as ever, and how many calls are made with the one that trips.
const PLACES: [(&str, usize, usize); 9] = [
    ("connect", 0, 1),
    ("hello", 1, 2),
    ("mail", 2, 3),
    ("rcpt", 3, 4),
    ("begin", 4, 5),
    ("write", 5, 6),
    ("commit", 5, 7),
    // RSET is answered by the machine.
    ("reset", 8, 9),
    ("verify", 8, 10),
];

#[tokio::test(start_paused = true)]
async fn panic_costs_its_session_a_421_and_nothing_else() {
    hush();
    let (mut other, _other) = start(Clerk::default(), config());
    other.begin().await;
    for (place, replies, calls) in PLACES {
        let clerk = Clerk::that(place, Trip::Panic);
        let log = clerk.log.clone();
        let (mut client, served) = start(clerk, with_vrfy());
        let mut expected: Vec<&str> = REPLIES[..replies].to_vec();
        expected.push("421 4.3.0 Local error, closing\r\n");
        assert_eq!(session(&mut client).await, expected, "{place}");
        assert_eq!(client.rest().await, "");
        drop(client);
        served.await.expect("it ends by itself").unwrap();
        let mut expected: Vec<&str> = CALLS[..calls].to_vec();
        expected.extend(matches!(place, "write" | "commit").then_some("thrown away"));
        assert_eq!(log.lines(), expected, "{place}: not called again, and the letter is dropped");
    }
    assert_eq!(other.say("hello\r\n.").await, TAKEN);
}

#[tokio::test(start_paused = true)]
async fn what_a_handler_does_not_answer_in_time_is_answered_for_it() {
    for (place, replies, _) in PLACES {
        let (mut client, _served) = start(Clerk::that(place, Trip::Stall), with_vrfy());
        let mut heard = Vec::new();
        let (mut late, mut waited) = (0, Duration::ZERO);
        for line in SESSION {
            let start = Instant::now();
            client.write(line).await;
            heard.push(client.reply().await);
            if start.elapsed() > Duration::ZERO {
                (late, waited) = (heard.len() - 1, start.elapsed());
            }
            if heard.last().is_some_and(|reply| reply.starts_with('4') || reply.starts_with("503"))
            {
                break;
            }
        }
        // The 451 to VRFY behind a RSET comes late, and is not for it.
        let (reply, limit) = match place {
            "connect" => ("421 4.3.0 Not now, closing\r\n", 300),
            "commit" => ("451 4.3.0 Local error in processing\r\n", 540),
            "reset" => (REPLIES[8], 300),
            _ => ("451 4.3.0 Local error in processing\r\n", 300),
        };
        assert_eq!((late, waited), (replies, Duration::from_secs(limit)), "{place}");
        assert_eq!(heard[replies], reply, "{place}");
        assert_eq!(heard[..replies], REPLIES[..replies], "{place}");
    }
}

#[tokio::test(start_paused = true)]
async fn waits_may_be_without_end() {
    let mut config = with_vrfy();
    let limits = &mut config.limits;
    limits.answer_wait = Duration::MAX;
    limits.message_wait = Duration::MAX;
    limits.command_wait = Duration::MAX;
    limits.flush_wait = Duration::MAX;
    let (mut client, _served) = start(Clerk::that("mail", Trip::Stall), config);
    assert_eq!(client.reply().await, REPLIES[0]);
    tokio::time::sleep(Duration::from_secs(100_000)).await;
    assert_eq!(client.say("EHLO c.test").await, REPLIES[1]);
    client.write("MAIL FROM:<>\r\n").await;
    let heard = tokio::time::timeout(Duration::from_secs(900), client.reply()).await;
    assert!(heard.is_err(), "{heard:?}");
}

#[tokio::test(start_paused = true)]
async fn session_goes_on_after_a_call_that_took_too_long() {
    for place in ["mail", "rcpt", "begin", "write", "commit"] {
        let clerk = Clerk::that(place, Trip::Stall);
        let log = clerk.log.clone();
        let (mut client, served) = start(clerk, config());
        client.begin().await;
        client.write("NOOP\r\n.\r\nRSET\r\nQUIT\r\n").await;
        let replies = client.rest().await;
        assert!(replies.ends_with("250 2.0.0 OK\r\n221 2.0.0 Closing\r\n"), "{place}: {replies}");
        drop(client);
        served.await.unwrap().unwrap();
        let calls = log.lines();
        assert_eq!(calls.last().map(String::as_str), Some("closed: QUIT"), "{place}: {calls:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn verdicts_are_the_replies() {
    let queued = ReplyBuf::from_static(
        Code::OK,
        smtp_proto::Condition::OTHER_UNDEFINED_STATUS.success(),
        "queued as 4711",
    );
    for (place, trip, at, reply) in [
        ("connect", Trip::Refuse(stock::NOT_AUTHORISED), 0, "550 5.7.1 Refused by policy\r\n"),
        ("mail", Trip::Refuse(stock::NO_SPACE), 2, "452 4.3.1 No space for the message\r\n"),
        ("rcpt", Trip::Refuse(stock::RELAYING_DENIED), 3, "550 5.7.1 Relaying denied\r\n"),
        (
            "rcpt",
            Trip::Say(stock::CANNOT_VERIFY),
            3,
            "252 2.0.0 Cannot verify, but will take a message\r\n",
        ),
        ("begin", Trip::Refuse(stock::NO_SPACE), 4, "452 4.3.1 No space for the message\r\n"),
        ("write", Trip::Refuse(stock::NO_SPACE), 5, "452 4.3.1 No space for the message\r\n"),
        ("commit", Trip::Refuse(stock::LOOP), 5, "554 5.4.6 Too many hops\r\n"),
        ("commit", Trip::Say(queued), 5, "250 2.0.0 queued as 4711\r\n"),
        // An `Err` never accepts, and an `Ok` never refuses.
        (
            "commit",
            Trip::Refuse(stock::CANNOT_VERIFY),
            5,
            "451 4.3.0 Local error in processing\r\n",
        ),
        ("rcpt", Trip::Say(stock::LOOP), 3, "451 4.3.0 Local error in processing\r\n"),
        ("verify", Trip::Refuse(stock::NO_SUCH_MAILBOX), 8, "550 5.1.1 No such mailbox here\r\n"),
    ] {
        let (mut client, _served) = start(Clerk::that(place, trip), with_vrfy());
        assert_eq!(session(&mut client).await[at], reply, "{place}");
    }
}

/// The calls from `begin` on, for what is said behind the 354.
async fn letter(clerk: Clerk, config: Config, content: &[u8]) -> Vec<String> {
    let log = clerk.log.clone();
    let (mut client, served) = start(clerk, config);
    client.begin().await;
    log.lines();
    client.write(content).await;
    drop(client);
    let _ = served.await.unwrap();
    log.lines()
}

#[tokio::test(start_paused = true)]
async fn letter_that_comes_to_nothing_is_dropped() {
    let mut small = config();
    small.limits.message = 10;
    let refuses = Clerk::that("write", Trip::Refuse(stock::NO_SPACE));
    for (name, clerk, config, content, calls) in [
        (
            "the end in the middle",
            Clerk::default(),
            config(),
            "hello\r\n",
            &["thrown away", "reset", "closed: closed by the peer"][..],
        ),
        (
            "too big",
            Clerk::default(),
            small,
            "hello\r\nhello\r\n.\r\nQUIT\r\n",
            &["thrown away", "reset", "refused: limit on message octets", "closed: QUIT"],
        ),
        (
            "stray newlines",
            Clerk::default(),
            config(),
            "hello\nworld\r\n.\r\nQUIT\r\n",
            &["thrown away", "reset", "refused: stray CR, LF or NUL", "closed: QUIT"],
        ),
        (
            "a write that fails",
            refuses,
            config(),
            "hello\r\n.\r\nQUIT\r\n",
            &["write 7", "thrown away", "reset", "closed: QUIT"],
        ),
        (
            "a commit that fails",
            Clerk::that("commit", Trip::Refuse(stock::LOCAL_ERROR)),
            config(),
            "hello\r\n.\r\nQUIT\r\n",
            &["write 7", "commit 7", "thrown away", "closed: QUIT"],
        ),
    ] {
        assert_eq!(letter(clerk, config, content.as_bytes()).await, calls, "{name}");
    }
}

#[tokio::test(start_paused = true)]
async fn letter_of_a_dropped_session_is_dropped() {
    let clerk = Clerk::default();
    let log = clerk.log.clone();
    let (mut client, served) = start(clerk, config());
    client.begin().await;
    log.lines();
    served.abort();
    assert!(served.await.unwrap_err().is_cancelled());
    assert_eq!(log.lines(), ["thrown away"]);
}

#[tokio::test(start_paused = true)]
async fn rest_of_a_letter_that_cannot_be_written_is_drained() {
    let clerk = Clerk::that("write", Trip::Refuse(stock::NO_SPACE));
    let log = clerk.log.clone();
    let (mut client, _served) = start(clerk, config());
    client.begin().await;
    log.lines();
    let line = [b"x".repeat(1000), b"\r\n".to_vec()].concat();
    client.write(line.repeat(200)).await;
    assert_eq!(client.say(".").await, "452 4.3.1 No space for the message\r\n");
    assert_eq!(client.say("MAIL FROM:<>").await, "250 2.1.0 Sender accepted\r\n");
    let calls = log.lines();
    assert_eq!(calls[1..], ["thrown away", "reset", "from "]);
}

#[tokio::test(start_paused = true)]
async fn body_is_gathered_to_blocks_of_16_kib() {
    const LINE: &[u8] = b"..dots divide a body into short runs\r\n";
    let content = [LINE.repeat(5000), b".\r\n".to_vec()].concat();
    let calls = letter(Clerk::default(), config(), &content).await;
    let octets = 5000 * (LINE.len() - 1);
    let writes: Vec<usize> =
        calls.iter().filter_map(|call| call.strip_prefix("write ")?.parse().ok()).collect();
    assert_eq!(writes.iter().sum::<usize>(), octets);
    assert!(writes.len() <= 2 * octets / (16 * 1024) + 1, "{writes:?}");
    let commit = format!("commit {octets}");
    assert_eq!(calls[writes.len()..], [&commit, "closed: closed by the peer"]);
}

#[tokio::test(start_paused = true)]
async fn a_mebibyte_of_dots_is_handed_on_in_at_most_seventy_writes() {
    let content = [b"..\r\n".repeat((1 << 20) / 4), b".\r\n".to_vec()].concat();
    let calls = letter(Clerk::default(), config(), &content).await;
    let writes = calls.iter().filter(|call| call.starts_with("write ")).count();
    println!("{writes} writes");
    assert!(writes <= 70, "{writes}");
    assert!(calls.contains(&format!("commit {}", (1 << 20) / 4 * 3)));
}

#[tokio::test(start_paused = true)]
async fn replies_leave_while_the_handler_decides() {
    let (mut client, _served) = start(Clerk::that("rcpt", Trip::Stall), config());
    client.reply().await;
    client.say("EHLO c.test").await;
    let start = Instant::now();
    client.write("MAIL FROM:<>\r\nRCPT TO:<bob@mx.test>\r\n").await;
    assert_eq!(client.reply().await, "250 2.1.0 Sender accepted\r\n");
    assert_eq!(start.elapsed(), Duration::ZERO);
    assert_eq!(client.reply().await, "451 4.3.0 Local error in processing\r\n");
    assert_eq!(start.elapsed(), Duration::from_secs(300));
}
