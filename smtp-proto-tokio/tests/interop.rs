//! Programs that other people wrote deliver to `sink` over a socket; what is stored is what was sent.
//!
//! A program that is not installed is skipped, in one plain line; with `CI=true` it is a failure.
//! `SMTP_SOURCE_MESSAGES=5000 cargo test -p smtp-proto-tokio --test interop smtp_source` is the long run.

mod support;

use core::net::SocketAddr;
use std::collections::HashSet;
use std::env;
use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};
use support::servers::program;
use support::{Scratch, Sink, Stored, run};

const SENDER: &str = "alice@client.example";
const RECIPIENT: &str = "bob@localhost";

#[test]
fn letter_by_smtplib_is_stored_octet_for_octet() {
    const SCRIPT: &str = r#"
import smtplib, sys
_, host, port, sender, recipient, path = sys.argv
with smtplib.SMTP(host, int(port), "client.example") as client, open(path, "rb") as letter:
    client.sendmail(sender, [recipient], letter.read(), ["BODY=8BITMIME"])
"#;
    let Some(python) = program("python3") else {
        return;
    };
    let envelope = deliver(&without_last_line_end(letter()), |sink, file| {
        let to = format!("{} {} {SENDER} {RECIPIENT}", sink.ip(), sink.port());
        let mut command = Command::new(python);
        command.args(["-c", SCRIPT]).args(to.split(' ')).arg(file);
        command
    });
    assert_eq!(envelope["helo"], "client.example");
    assert_eq!(envelope["params"]["BODY"], "8BITMIME");
}

#[test]
fn letter_by_swaks_is_stored_octet_for_octet() {
    swaks("--from alice@client.example");
}

#[test]
fn pipelined_letter_by_swaks_is_stored_octet_for_octet() {
    swaks("--from alice@client.example --pipeline");
}

#[test]
fn letter_by_curl_is_stored_octet_for_octet() {
    let Some(curl) = program("curl") else {
        return;
    };
    let letter = without_last_line_end(letter());
    let envelope = deliver(&letter, |sink, file| {
        let to = format!("--url smtp://{sink}/client.example --mail-rcpt {RECIPIENT}");
        let mut command = Command::new(curl);
        command.args(["--silent", "--show-error", "--mail-from", SENDER]);
        command.args(to.split(' ')).arg("--upload-file").arg(file);
        command
    });
    assert_eq!(envelope["helo"], "client.example");
    assert_eq!(envelope["params"], json!({"SIZE": letter.len().to_string()}));
}

#[test]
fn letter_by_msmtp_is_stored_octet_for_octet() {
    let Some(msmtp) = program("msmtp") else {
        return;
    };
    let envelope = deliver(&without_last_line_end(lf(&letter())), |sink, _| {
        let to = format!("--host={} --port={} -- {RECIPIENT}", sink.ip(), sink.port());
        let mut command = Command::new(msmtp);
        command.args(["--file=/dev/null", "--tls=off", "--auth=off"]);
        command.args(["--domain=client.example", "--from", SENDER]);
        command.args(to.split(' '));
        command
    });
    assert_eq!(envelope["helo"], "client.example");
}

#[test]
fn letter_by_smtp_source_is_stored_octet_for_octet() {
    let Some(smtp_source) = program("smtp-source") else {
        return;
    };
    // It ends a file by a line of its own.
    let expected = [letter(), b"\r\n".to_vec()].concat();
    deliver_and_store(&lf(&letter()), &expected, |sink, file| {
        let mut command = Command::new(smtp_source);
        command.args(["-M", "client.example", "-f", SENDER, "-t", RECIPIENT, "-F"]).arg(file);
        command.arg(sink.to_string());
        command
    });
}

#[test]
fn smtp_source_delivers_over_twenty_sessions() {
    smtp_source(&[], 1);
}

#[test]
fn smtp_source_delivers_many_letters_a_session() {
    smtp_source(&["-d"], 1);
}

#[test]
fn smtp_source_delivers_to_a_hundred_recipients_a_letter() {
    smtp_source(&["-r", "100"], 100);
}

/// Hands `file` to the program on its standard input and as a path, and returns the envelope stored with the letter.
fn deliver(file: &[u8], command: impl FnOnce(SocketAddr, &Path) -> Command) -> Value {
    deliver_and_store(file, &letter(), command)
}

fn deliver_and_store(
    file: &[u8],
    expected: &[u8],
    command: impl FnOnce(SocketAddr, &Path) -> Command,
) -> Value {
    let sink = Sink::start(&[]);
    let scratch = Scratch::new("letter");
    let path = scratch.file("letter.eml", file);
    let said = run(command(sink.address(), &path), file);
    let stored = sink.stored();
    let [Stored { content, envelope }] = stored.as_slice() else {
        panic!("{} letters are stored; the program said:\n{said}", stored.len())
    };
    assert_same_lines(content, expected);
    assert_eq!(envelope["from"], SENDER);
    assert_eq!(envelope["to"], json!([RECIPIENT]));
    assert_eq!(envelope["octets"], content.len());
    assert!(sink.stop().starts_with("messages=1 "));
    envelope.clone()
}

/// As `assert_eq!`, but shows the first line that differs and not the whole letters.
fn assert_same_lines(stored: &[u8], sent: &[u8]) {
    let lines = stored.split_inclusive(|octet| *octet == b'\n');
    for (stored, sent) in lines.zip(sent.split_inclusive(|octet| *octet == b'\n')) {
        assert_eq!(stored.escape_ascii().to_string(), sent.escape_ascii().to_string());
    }
    assert_eq!(stored.len(), sent.len());
}

/// A letter of all that a sender has to be careful with, in the form in which it has to arrive.
fn letter() -> Vec<u8> {
    let mut letter = format!(
        "From: <{SENDER}>\r\nTo: <{RECIPIENT}>\r\nDate: Wed, 25 Nov 2026 12:00:00 +0000\r\n\
         Message-ID: <1@client.example>\r\nSubject: dots\r\n\r\n\
         .\r\n..\r\n.one\r\n..two\r\n \r\n\r\n\r\n.\t\r\nQUIT\r\nin .the middle.\r\n"
    )
    .into_bytes();
    let unusual = (1..=255).filter(|octet| !b"\r\n".contains(octet));
    letter.extend(unusual.flat_map(|octet| [octet, b'.']));
    letter.extend(b"\r\n");
    // RFC 5321 4.5.3.1.6 lets a sender go up to 998 octets a line; the core measures no lines.
    for length in (0..=1000).step_by(7).chain([998, 20_000]) {
        letter.extend(b".".repeat(length % 5).into_iter().chain(b"x".repeat(length)));
        letter.extend(b"\r\n");
    }
    letter.extend(b"no line end after this\r\n");
    letter
}

/// Options of one word each, before the server and the letter are added to them.
fn swaks(options: &str) {
    let Some(swaks) = program("swaks") else {
        return;
    };
    let envelope = deliver(&without_last_line_end(letter()), |sink, file| {
        let to = format!("--server {} --port {} --to {RECIPIENT}", sink.ip(), sink.port());
        let mut command = Command::new(swaks);
        command.args(["--helo", "client.example"]).args(options.split(' ')).args(to.split(' '));
        command.arg("--data").arg(format!("@{}", file.display()));
        command
    });
    assert_eq!(envelope["helo"], "client.example");
    assert_eq!(envelope["params"], json!({}));
}

fn lf(letter: &[u8]) -> Vec<u8> {
    letter.iter().copied().filter(|octet| *octet != b'\r').collect()
}

fn without_last_line_end(mut file: Vec<u8>) -> Vec<u8> {
    while file.pop_if(|octet| b"\r\n".contains(octet)).is_some() {}
    file
}

/// Twenty parallel sessions of smtp-source; every letter has to arrive once and whole.
fn smtp_source(options: &[&str], recipients: usize) {
    const OCTETS: usize = 4096;
    let Some(smtp_source) = program("smtp-source") else {
        return;
    };
    let messages =
        env::var("SMTP_SOURCE_MESSAGES").map_or(500, |count| count.parse().expect("a number"));
    let sink = Sink::start(&[]);
    let mut command = Command::new(smtp_source);
    command.args(["-s", "20", "-m", &messages.to_string(), "-l", &OCTETS.to_string()]);
    command.args(["-M", "client.example", "-f", SENDER, "-t", RECIPIENT]).args(options);
    command.arg(sink.address().to_string());
    run(command, b"");

    let stored = sink.stored();
    let expected = smtp_source_recipients(recipients);
    let mut ids = HashSet::new();
    for Stored { content, envelope } in &stored {
        let text = content.escape_ascii().to_string();
        let (head, body) = text.split_once(r"\r\n\r\n").expect("a header and a body");
        let head: Vec<&str> = head.split(r"\r\n").collect();
        let [from, to, _date, id] = head.as_slice() else { panic!("a header of {head:?}") };
        assert_eq!(*from, format!("From: <{SENDER}>"));
        assert_eq!(*to, format!("To: <{RECIPIENT}>"));
        assert!(ids.insert((*id).to_owned()), "{id} is stored twice");
        assert_eq!(body, smtp_source_body(OCTETS));
        assert_eq!(envelope["from"], SENDER);
        assert_eq!(envelope["to"], json!(expected));
    }
    assert_eq!(stored.len(), messages);
    assert!(sink.stop().starts_with(&format!("messages={messages} ")));
}

/// It numbers its recipients downwards, all but the last.
fn smtp_source_recipients(count: usize) -> Vec<String> {
    let numbered = (2..=count).rev().map(|number| format!("{number}{RECIPIENT}"));
    numbered.chain([RECIPIENT.to_owned()]).collect()
}

/// What `-l` makes: lines of 78 octets that begin with a digit, and a CRLF behind the last one.
fn smtp_source_body(octets: usize) -> String {
    let mut body = vec![b'X'; octets];
    for (number, line) in (1_u8..).zip(body.chunks_exact_mut(80)) {
        line[0] = b'0' + number % 10;
        line[78..].copy_from_slice(b"\r\n");
    }
    body.extend(b"\r\n");
    body.escape_ascii().to_string()
}
