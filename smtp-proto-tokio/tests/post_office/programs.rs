//! Programs that other people wrote hand in letters, and read them.

use core::net::SocketAddr;
use std::collections::HashSet;
use std::env;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use smtp_proto::Host;
use smtp_proto::delivery::{Content, Envelope, Fate, Outcome};
use smtp_proto_tokio::client::Client;
use tokio::net::TcpStream;

use crate::support::office::{Delivered, Office, root};
use crate::support::servers::program;
use crate::support::{Scratch, run};

const LETTER: &str = "From: <alice@localhost>\r\nTo: <bob@localhost>\r\nDate: Wed, 25 Nov 2026 12:00:00 +0000\r\n\
    Message-ID: <1@client.example>\r\nSubject: dots\r\n\r\n.\r\n..\r\n.one\r\n \r\n\r\n.\t\r\nQUIT\r\n8 bits: gr\u{fc}\u{df}e\r\nthe end\r\n";

/// Python's `mailbox.Maildir` on one mailbox: prints each letter in hexadecimal, and moves it to `cur` as a reader does.
const MAILDIR: &str = r#"
import mailbox, sys
box = mailbox.Maildir(sys.argv[1], create=False)
for key, letter in list(box.items()):
    print(box.get_bytes(key).hex())
    assert letter["subject"] == "dots" and letter.get_subdir() == "new", letter
    letter.set_subdir("cur"), letter.add_flag("S")
    box[key] = letter
"#;

const SMTPLIB: &str = r#"
import smtplib, sys
_, host, port, path = sys.argv
with smtplib.SMTP(host, int(port), "client.example") as client, open(path, "rb") as letter:
    client.sendmail("alice@localhost", ["Bob+x@localhost"], letter.read(), ["BODY=8BITMIME"])
"#;

/// The letters that Python reads from bob's mailbox, below what the office put on top.
fn read_by_maildir(office: &Office) -> Option<Vec<String>> {
    let mut command = Command::new(program("python3")?);
    command.args(["-c", MAILDIR]).arg(office.root().join("mailboxes/bob@localhost"));
    let printed = run(command, b"");
    let letters = printed.lines().map(|line| {
        let octets = (0..line.len()).step_by(2).map(|at| u8::from_str_radix(&line[at..at + 2], 16));
        let octets = octets.collect::<Result<Vec<u8>, _>>().expect("it is hexadecimal");
        let text = String::from_utf8(octets).expect("it is UTF-8");
        let (trace, sent) = text.split_at(text.find("From: ").expect("a letter"));
        assert!(trace.starts_with("Return-Path: <alice@localhost>\r\nReceived: from "), "{trace}");
        sent.to_owned()
    });
    Some(letters.collect())
}

fn deliver(command: impl FnOnce(SocketAddr, &Path) -> Option<Command>, ends: &str) {
    let root = root();
    let office = Office::open(root.path(), &[]);
    let scratch = Scratch::new("letter");
    let file = scratch.file("letter.eml", LETTER.trim_end().as_bytes());
    let Some(command) = command(office.address(), &file) else {
        return;
    };
    run(command, LETTER.trim_end().replace("\r\n", "\n").as_bytes());
    if let Some(letters) = read_by_maildir(&office) {
        assert_eq!(letters, [format!("{}{ends}", LETTER.trim_end())]);
        assert_eq!(office.letters("bob@localhost"), []);
    }
}

#[test]
fn a_letter_by_smtplib_is_read_back_by_maildir() {
    let command = |office: SocketAddr, file: &Path| {
        let mut command = Command::new(program("python3")?);
        let (host, port) = (office.ip().to_string(), office.port().to_string());
        command.args(["-c", SMTPLIB, &host, &port]).arg(file);
        Some(command)
    };
    deliver(command, "\r\n");
}

#[test]
fn a_letter_by_swaks_is_read_back_by_maildir() {
    let command = |office: SocketAddr, file: &Path| {
        let mut command = Command::new(program("swaks")?);
        command.args([
            "--helo",
            "client.example",
            "--from",
            "alice@localhost",
            "--to",
            "bob@localhost",
        ]);
        command.args(["--server", &office.ip().to_string(), "--port", &office.port().to_string()]);
        command.arg("--data").arg(format!("@{}", file.display()));
        Some(command)
    };
    deliver(command, "\r\n");
}

#[test]
fn a_letter_by_curl_is_read_back_by_maildir() {
    let command = |office: SocketAddr, file: &Path| {
        let mut command = Command::new(program("curl")?);
        command.args([
            "--silent",
            "--show-error",
            "--url",
            &format!("smtp://{office}/client.example"),
        ]);
        command.args(["--mail-from", "alice@localhost", "--mail-rcpt", "bob@localhost"]);
        command.arg("--upload-file").arg(file);
        Some(command)
    };
    deliver(command, "\r\n");
}

#[test]
fn a_letter_by_msmtp_is_read_back_by_maildir() {
    let command = |office: SocketAddr, _: &Path| {
        let mut command = Command::new(program("msmtp")?);
        command.args(["--file=/dev/null", "--tls=off", "--auth=off", "--domain=client.example"]);
        command.args(["--from", "alice@localhost", &format!("--host={}", office.ip())]);
        command.args([&format!("--port={}", office.port()), "--", "bob@localhost"]);
        Some(command)
    };
    deliver(command, "\r\n");
}

/// `SMTP_SOURCE_MESSAGES=5000 cargo test -p smtp-proto-tokio --test post_office smtp_source` is the long run.
#[test]
fn smtp_source_delivers_over_twenty_sessions() {
    let Some(smtp_source) = program("smtp-source") else {
        return;
    };
    let messages: usize =
        env::var("SMTP_SOURCE_MESSAGES").map_or(500, |count| count.parse().expect("a number"));
    let root = root();
    let office = Office::open(root.path(), &[]);
    let mut command = Command::new(smtp_source);
    command.args(["-s", "20", "-m", &messages.to_string(), "-l", "4096", "-M", "client.example"]);
    command
        .args(["-f", "alice@localhost", "-t", "bob@localhost"])
        .arg(office.address().to_string());
    run(command, b"");
    let letters = office.letters("bob@localhost");
    let lengths: HashSet<usize> = letters.iter().map(|letter| letter.octets.len() / 100).collect();
    let ids: HashSet<&str> = letters
        .iter()
        .filter_map(|letter| letter.text().split("Message-Id: ").nth(1)?.lines().next())
        .collect();
    assert_eq!((letters.len(), ids.len()), (messages, messages));
    assert!(lengths.iter().all(|length| (43..48).contains(length)), "{lengths:?}");
    assert_eq!(
        fs::read_dir(office.root().join("mailboxes/bob@localhost/tmp"))
            .expect("it is there")
            .count(),
        0
    );
}

#[tokio::test]
async fn big_letters_by_the_client_of_this_crate_are_delivered_octet_for_octet() {
    let root = root();
    let office = Office::open(root.path(), &[]);
    let stream = TcpStream::connect(office.address()).await.expect("it listens");
    let name = Host::parse(b"client.example").expect("a domain");
    let mut client = Client::connect(stream, name, Arc::default()).await.expect("it greets");
    let letters =
        [1, 3_000_000, 65_536].map(|octets| format!("{LETTER}{}\r\n", "x".repeat(octets)));
    let mut fates = Vec::new();
    for letter in &letters {
        let to = ["bob@localhost", "carol@localhost", "alice@localhost"];
        let envelope = Envelope::new("alice@localhost", to).expect("they are addresses");
        let told = |_, outcome: Outcome<'_>| fates.push(outcome.fate);
        client.deliver(envelope, Content::eight_bit(), letter, told).await.expect("it is taken");
    }
    client.quit().await.expect("it says goodbye");
    fates.sort_by_key(|fate| format!("{fate:?}"));
    assert_eq!(
        fates,
        [[Fate::Delivered; 3].as_slice(), &[Fate::Delivered; 3], &[Fate::Permanent; 3]].concat()
    );
    for mailbox in ["alice@localhost", "bob@localhost"] {
        let delivered = office.letters(mailbox);
        let delivered: Vec<_> = delivered.iter().map(Delivered::below_trace).collect();
        assert!(delivered == letters);
    }
}
