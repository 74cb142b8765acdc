//! LMTP and BDAT of a handler: a verdict for each recipient, an answer for each chunk.

mod clerk;

use std::sync::Arc;

use clerk::{Clerk, Client, TAKEN, Trip, config, hush};
use smtp_proto::server::{Config, Flavour};
use smtp_proto::{Extension, stock};
use smtp_proto_tokio::{Listener, Session, serve};
use tokio::io::{DuplexStream, duplex};
use tokio::net::UnixStream;

const CHUNK: &str = "250 2.0.0 Chunk accepted\r\n";
const FULL: &str = "452 4.2.2 Mailbox full\r\n";
const FAULT: &str = "451 4.3.0 Local error in processing\r\n";

fn with_lmtp() -> Config {
    let mut config = with_chunking();
    config.flavour = Flavour::Lmtp;
    config
}

fn with_chunking() -> Config {
    let mut config = config();
    config.offer = config.offer.with(Extension::Chunking);
    config
}

/// A client whose letter to three was announced.
async fn start(clerk: Clerk, config: Config) -> Client<DuplexStream> {
    let (client, stream) = duplex(4096);
    let hello = if config.flavour == Flavour::Lmtp { "LHLO c.test" } else { "EHLO c.test" };
    tokio::spawn(serve(Session::new(stream, Arc::new(config)), clerk));
    let mut client = Client(client);
    client.reply().await;
    for line in [hello, "MAIL FROM:<>"] {
        client.say(line).await;
    }
    for name in ["alice", "bob", "carol"] {
        client.say(&format!("RCPT TO:<{name}@mx.test>")).await;
    }
    client
}

async fn replies(client: &mut Client<DuplexStream>, count: usize) -> Vec<String> {
    let mut replies = Vec::new();
    for _ in 0..count {
        replies.push(client.reply().await);
    }
    replies
}

#[tokio::test]
async fn each_recipient_of_lmtp_has_a_verdict_of_its_own() {
    let clerk = Clerk::that("second", Trip::Refuse(stock::MAILBOX_FULL));
    let log = clerk.log.clone();
    let mut client = start(clerk, with_lmtp()).await;
    client.say("DATA").await;
    client.write("hello\r\n.\r\n").await;
    assert_eq!(replies(&mut client, 3).await, [TAKEN, FULL, TAKEN]);
    let calls =
        ["begin by LMTP to 3", "write 7", "commit 7", "recipient 0", "recipient 1", "recipient 2"];
    assert_eq!(log.lines()[6..], calls);
}

#[tokio::test]
async fn letter_that_is_not_kept_is_refused_for_every_recipient() {
    for (at, asked) in [("write", 0), ("commit", 0), ("begin", 0)] {
        let clerk = Clerk::that(at, Trip::Refuse(stock::MAILBOX_FULL));
        let log = clerk.log.clone();
        let mut client = start(clerk, with_lmtp()).await;
        client.write("BDAT 7 LAST\r\nhello\r\n").await;
        assert_eq!(replies(&mut client, 3).await, [FULL, FULL, FULL], "{at}");
        let lines = log.lines();
        assert_eq!(lines.iter().filter(|line| line.starts_with("recipient")).count(), asked);
    }
}

#[tokio::test(start_paused = true)]
async fn handler_that_fails_for_one_recipient_leaves_no_one_without_an_answer() {
    hush();
    let mut client = start(Clerk::that("second", Trip::Stall), with_lmtp()).await;
    client.write("BDAT 7 LAST\r\nhello\r\n").await;
    assert_eq!(replies(&mut client, 3).await, [TAKEN, FAULT, FAULT]);
    let mut client = start(Clerk::that("second", Trip::Panic), with_lmtp()).await;
    client.write("BDAT 7 LAST\r\nhello\r\n").await;
    assert_eq!(replies(&mut client, 2).await, [TAKEN, "421 4.3.0 Local error, closing\r\n"]);
}

#[tokio::test]
async fn letter_in_chunks_is_one_letter() {
    let clerk = Clerk::default();
    let log = clerk.log.clone();
    let mut client = start(clerk, with_chunking()).await;
    client.write("BDAT 4\r\nhel\nBDAT 3\r\nlo\nBDAT 0 LAST\r\n").await;
    assert_eq!(replies(&mut client, 3).await, [CHUNK, CHUNK, TAKEN]);
    // Bare newlines were made whole.
    assert_eq!(log.lines()[6..], ["begin by ESMTP to 3", "write 9", "commit 9"]);
}

#[tokio::test]
async fn chunk_of_a_letter_that_cannot_be_kept_is_refused_itself() {
    let clerk = Clerk::that("write", Trip::Refuse(stock::NO_SPACE));
    let mut client = start(clerk, with_chunking()).await;
    let chunk = format!("BDAT 20000\r\n{}", "x".repeat(20_000));
    client.write(&chunk).await;
    assert_eq!(client.reply().await, "452 4.3.1 No space for the message\r\n");
    client.write("BDAT 1 LAST\r\nx").await;
    assert_eq!(client.reply().await, "503 5.5.1 A chunk failed, say RSET\r\n");
}

#[tokio::test]
async fn reset_between_chunks_throws_the_letter_away() {
    let clerk = Clerk::default();
    let log = clerk.log.clone();
    let mut client = start(clerk, with_chunking()).await;
    client.write("BDAT 7\r\nhello\r\nRSET\r\n").await;
    assert_eq!(replies(&mut client, 2).await, [CHUNK, "250 2.0.0 OK\r\n"]);
    assert_eq!(log.lines()[6..], ["begin by ESMTP to 3", "thrown away", "reset"]);
}

#[tokio::test]
async fn lmtp_is_spoken_over_a_unix_socket() {
    let path = std::env::temp_dir().join(format!("smtp-proto-lmtp-{}.socket", std::process::id()));
    let listener = Listener::bind([path.to_str().unwrap()]).await.unwrap();
    let handle = listener.handle();
    let clerk = Clerk::that("first", Trip::Refuse(stock::MAILBOX_FULL));
    let serving = tokio::spawn(listener.serve(Arc::new(with_lmtp()), move |_| clerk.clone()));
    let mut client = Client(UnixStream::connect(&path).await.unwrap());
    client.reply().await;
    assert!(client.say("EHLO c.test").await.starts_with("500 "));
    for line in ["LHLO c.test", "MAIL FROM:<>", "RCPT TO:<bob@mx.test>", "DATA"] {
        client.say(line).await;
    }
    assert_eq!(client.say("hello\r\n.").await, FULL);
    client.say("QUIT").await;
    drop(client);
    handle.shut_down(core::time::Duration::ZERO);
    serving.await.unwrap();
}
