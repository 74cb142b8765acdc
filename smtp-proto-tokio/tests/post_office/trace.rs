//! What the office puts on top of a letter, and what it reads there.

use std::os::unix::net::UnixStream;

use crate::support::office::{Office, root};
use crate::support::{Peer, code};

/// The fields on top, unfolded, the ones that differ each time replaced.
fn trace(office: &Office, mailbox: &str) -> String {
    let letters = office.letters(mailbox);
    let (trace, _) = letters.last().expect("a letter").split();
    let trace = trace.replace("\r\n    ", " ");
    let (fields, date) = trace.trim_end().rsplit_once("; ").expect("a date");
    assert!(date.ends_with(" +0000") && date.len() == 31, "{date}");
    let id = letters.last().expect("a letter").file.replacen('.', "-", 1);
    let id = id.strip_suffix(".localhost").expect("the host is in the file's name").to_owned();
    fields.replace(&format!(" id {id}"), " id ID")
}

#[test]
fn return_path_and_received_stand_on_top() {
    let root = root();
    let office = Office::open(root.path(), &[]);
    office.post("\"al ice\"@client.example", &["bob@localhost"], "Subject: x\r\n\r\nhello\r\n");
    assert_eq!(
        trace(&office, "bob@localhost"),
        "Return-Path: <\"al ice\"@client.example>\r\n\
         Received: from client.example ([127.0.0.1]) by localhost with ESMTP id ID for <bob@localhost>"
    );
    assert_eq!(office.letter("bob@localhost"), "Subject: x\r\n\r\nhello\r\n");
}

#[test]
fn the_null_path_is_kept_and_recipients_that_are_not_alone_are_not_named() {
    let root = root();
    let office = Office::open(root.path(), &[]);
    office.post("", &["bob@localhost", "alice@localhost"], "hello\r\n");
    assert_eq!(
        trace(&office, "bob@localhost"),
        "Return-Path: <>\r\nReceived: from client.example ([127.0.0.1]) by localhost with ESMTP id ID"
    );
    // Two addresses of one mailbox are two recipients.
    office.post("", &["bob@localhost", "bob+x@localhost"], "hello\r\n");
    assert!(!trace(&office, "bob@localhost").contains(" for "));
}

#[test]
fn the_protocol_is_named() {
    let root = root();
    let office = Office::open(root.path(), &[]);
    for (hello, params, with) in
        [("HELO", "", "SMTP"), ("EHLO", "", "ESMTP"), ("EHLO", " SMTPUTF8", "UTF8SMTP")]
    {
        let mut client = Peer::connect(office.address());
        client.reply();
        client.say(&format!("{hello} [192.0.2.1]"));
        client.say(&format!("MAIL FROM:<>{params}"));
        client.say("RCPT TO:<bob@localhost>");
        client.say("DATA");
        client.say("hello\r\n.");
        let expected = format!(
            "Return-Path: <>\r\nReceived: from [192.0.2.1] ([127.0.0.1]) by localhost with {with} id ID for <bob@localhost>"
        );
        assert_eq!(trace(&office, "bob@localhost"), expected);
    }
}

/// RFC 5321 4.4: the address is that of the TCP connection, and there is none.
#[test]
fn no_address_is_named_over_a_unix_socket() {
    let root = root();
    let path = root.path().join("lmtp");
    let office = Office::open(root.path(), &["--lmtp", path.to_str().expect("text")]);
    let mut client = Peer::over(UnixStream::connect(path).expect("it listens"));
    assert_eq!(code(&client.reply()), "220");
    for line in ["LHLO client.example", "MAIL FROM:<a@client.example>", "RCPT TO:<bob@localhost>"] {
        assert_eq!(code(&client.say(line)), "250", "{line}");
    }
    assert_eq!(client.say("RCPT TO:<postmaster@[127.0.0.1]>"), "550 5.7.1 Relaying denied");
    client.say("DATA");
    assert_eq!(code(&client.say("hello\r\n.")), "250");
    assert_eq!(
        trace(&office, "bob@localhost"),
        "Return-Path: <a@client.example>\r\n\
         Received: from client.example by localhost with LMTP id ID for <bob@localhost>"
    );
}

#[test]
fn older_trace_fields_stay_untouched() {
    let root = root();
    let office = Office::open(root.path(), &[]);
    let content = "Return-Path: <forged@x.test>\r\nReceived: from a by b; c\r\n\r\nhello\r\n";
    office.post("", &["bob@localhost"], content);
    assert_eq!(office.letter("bob@localhost"), content);
}

#[test]
fn a_hundred_hops_are_accepted_and_one_more_is_a_loop() {
    let root = root();
    let office = Office::open(root.path(), &[]);
    let content =
        |hops| format!("{}\r\nhello\r\n", "Received: from a\r\n by b; c\r\n".repeat(hops));
    assert_eq!(code(&office.post("", &["bob@localhost"], &content(100))), "250");
    let reply = office.post("a@x.test", &["bob@localhost", "alice@localhost"], &content(101));
    assert_eq!(reply, "554 5.4.6 Too many hops");
    assert_eq!(office.letter("bob@localhost"), content(100));
    assert_eq!(office.letters("alice@localhost"), []);
}

#[test]
fn received_is_counted_in_the_header_section_in_any_case_and_once_when_folded() {
    let root = root();
    let office = Office::open(root.path(), &[]);
    for (field, hops, accepted) in [
        ("RECEIVED: from a\r\n by b; c\r\n", 100, true),
        ("rEcEiVeD : from a\r\n", 101, false),
        ("X-Received: from a\r\n", 200, true),
        ("\r\nReceived: from a\r\n", 200, true),
        (" Received: from a\r\n", 200, true),
    ] {
        let content = format!("Subject: x\r\n{}\r\nhello\r\n", field.repeat(hops));
        let reply = office.post("", &["bob@localhost"], &content);
        assert_eq!(code(&reply), if accepted { "250" } else { "554" }, "{field}");
    }
}

#[test]
fn a_loop_of_any_size_is_noticed() {
    let root = root();
    let office = Office::open(root.path(), &[]);
    let content = format!("{}\r\n{}", "Received: x\r\n".repeat(101), "hello\r\n".repeat(100_000));
    assert_eq!(office.post("", &["bob@localhost"], &content), "554 5.4.6 Too many hops");
    assert_eq!(office.letters("bob@localhost"), []);
}
