//! The options of `sink`, and what it leaves behind.

mod support;

use core::time::Duration;
use std::env;
use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};
use std::thread;
use std::time::Instant;

use serde_json::json;
use support::{Peer, Scratch, Sink, code};

/// The numbers of the last line, without the seconds.
fn numbers(line: &str) -> &str {
    line.split(" seconds=").next().unwrap_or(line).trim_end()
}

/// The program itself, which a running [`Sink`] has built.
fn program() -> PathBuf {
    drop(Sink::start(&[]));
    let test = env::current_exe().expect("a test is a file");
    let profile = test.ancestors().nth(2).expect("a target folder");
    profile.join("examples/sink")
}

fn run(options: &[&str]) -> Output {
    Command::new(program()).args(options).output().expect("it starts")
}

fn deliver(peer: &mut Peer, content: &str) -> String {
    peer.begin_letter();
    peer.say(&format!("{content}\r\n."))
}

#[test]
fn envelope_tells_how_the_letter_came() {
    let sink = Sink::start(&["--hostname", "mx.test"]);
    let mut peer = Peer::connect(sink.address());
    assert_eq!(peer.reply(), "220 mx.test ESMTP");
    peer.say("EHLO client.example");
    peer.say("MAIL FROM:<\"a b\"@client.example> size=7 BODY=8BITMIME SMTPUTF8");
    peer.say(
        "RCPT TO:<@relay.example:bob@mx.test> notify=SUCCESS,FAILURE ORCPT=rfc822;bob@mx.test",
    );
    peer.say("RCPT TO:<POSTMASTER>");
    peer.say("DATA");
    assert_eq!(peer.say("..hello\r\n."), "250 2.0.0 Message accepted");
    assert_eq!(sink.newest().content, b".hello\r\n");
    let envelope = json!({
        "client": "127.0.0.1", "helo": "client.example", "tls": false, "user": null, "protocol": "UTF8SMTP",
        "from": "\"a b\"@client.example", "to": ["bob@mx.test", "postmaster"], "octets": 8,
        "params": {"SIZE": "7", "BODY": "8BITMIME", "SMTPUTF8": true},
        "rcpt_params": [{"NOTIFY": "SUCCESS,FAILURE", "ORCPT": "rfc822;bob@mx.test"}, {}],
    });
    assert_eq!(sink.newest().envelope, envelope);
    assert_eq!(numbers(&sink.stop()), "messages=1 octets=8 connections=1 refused=0");
}

#[test]
fn null_sender_is_the_empty_string() {
    let sink = Sink::start(&[]);
    let mut peer = Peer::connect(sink.address());
    peer.reply();
    peer.say("HELO [127.0.0.1]");
    peer.say("MAIL FROM:<>");
    peer.say("RCPT TO:<bob@localhost>");
    peer.say("DATA");
    peer.say(".");
    let stored = sink.newest();
    assert_eq!(stored.content, b"");
    assert_eq!(stored.envelope["from"], "");
    assert_eq!(stored.envelope["helo"], "[127.0.0.1]");
    assert_eq!(stored.envelope["protocol"], "SMTP");
}

#[test]
fn recipients_are_rejected_and_deferred() {
    let sink =
        Sink::start(&["--reject", "eve@localhost", "--reject", "postmaster", "--defer", "*"]);
    let mut peer = Peer::connect(sink.address());
    peer.hello();
    peer.say("MAIL FROM:<>");
    assert_eq!(peer.say("RCPT TO:<eve@LOCALHOST>"), "550 5.1.1 No such mailbox here");
    assert_eq!(peer.say("RCPT TO:<Postmaster>"), "550 5.1.1 No such mailbox here");
    assert_eq!(peer.say("RCPT TO:<Eve@localhost>"), "451 4.2.1 This mailbox takes no letters now");
    assert_eq!(code(&peer.say("DATA")), "554");
    assert_eq!(numbers(&sink.stop()), "messages=0 octets=0 connections=1 refused=4");
}

#[test]
fn letter_refused_after_its_content_is_not_stored() {
    let sink = Sink::start(&["--reject-after-data"]);
    let mut peer = Peer::connect(sink.address());
    peer.hello();
    let long = "x\r\n".repeat(20_000);
    assert_eq!(deliver(&mut peer, &long), "550 5.7.1 This server takes no letters");
    assert_eq!(sink.files(), 0);
    assert_eq!(numbers(&sink.stop()), "messages=0 octets=0 connections=1 refused=1");
}

#[test]
fn letter_that_breaks_off_leaves_nothing() {
    let sink = Sink::start(&[]);
    let mut peer = Peer::connect(sink.address());
    peer.hello();
    peer.begin_letter();
    peer.write("x\r\n".repeat(20_000).as_bytes()).unwrap();
    drop(peer);
    let mut peer = Peer::connect(sink.address());
    peer.hello();
    deliver(&mut peer, "whole");
    let start = Instant::now();
    while sink.files() > 2 && start.elapsed() < Duration::from_secs(10) {
        thread::sleep(Duration::from_millis(10));
    }
    assert_eq!(sink.files(), 2);
    assert_eq!(numbers(&sink.stop()), "messages=1 octets=7 connections=2 refused=0");
}

#[test]
fn replies_are_held() {
    let sink =
        Sink::start(&["--delay", "CONNECT=300", "--delay", "rcpt=300", "--delay", "QUIT=300"]);
    let mut peer = Peer::connect(sink.address());
    let mut last = Instant::now();
    let mut held = |what: &str| {
        let time = last.elapsed().as_millis();
        last = Instant::now();
        assert!((300..3000).contains(&time), "{what}: {time} ms");
    };
    peer.hello();
    held("the greeting");
    // Recipients wait at the same time.
    peer.write(
        b"MAIL FROM:<>\r\nRCPT TO:<a@x.test>\r\nRCPT TO:<b@x.test>\r\nRCPT TO:<c@x.test>\r\n",
    )
    .unwrap();
    for _ in 0..4 {
        assert_eq!(code(&peer.reply()), "250");
    }
    held("recipients");
    assert_eq!(code(&peer.say("QUIT")), "221");
    held("the end");
}

#[test]
fn early_talker_is_noticed_while_the_greeting_is_held() {
    let sink = Sink::start(&["--delay", "CONNECT=300"]);
    let mut peer = Peer::connect(sink.address());
    peer.write(b"EHLO client.example\r\n").unwrap();
    assert_eq!(code(&peer.reply()), "554");
    assert!(peer.is_closed());

    let sink = Sink::start(&["--delay", "CONNECT=300", "--early", "allow"]);
    let mut peer = Peer::connect(sink.address());
    peer.write(b"EHLO client.example\r\n").unwrap();
    assert_eq!(code(&peer.reply()), "220");
    assert_eq!(code(&peer.reply()), "250");
}

#[test]
fn connection_is_dropped_after_a_reply() {
    for verb in ["CONNECT", "EHLO", "MAIL", "RCPT", "DATA", "BODY", "RSET"] {
        let sink = Sink::start(&["--close-after", verb]);
        let mut peer = Peer::connect(sink.address());
        let dialogue = [
            ("EHLO", "EHLO client.example"),
            ("RSET", "RSET"),
            ("MAIL", "MAIL FROM:<>"),
            ("RCPT", "RCPT TO:<bob@localhost>"),
            ("DATA", "DATA"),
            ("BODY", "."),
        ];
        let mut said = "CONNECT";
        assert_eq!(code(&peer.reply()), "220");
        for (name, line) in
            dialogue.into_iter().filter(|(name, _)| *name != "RSET" || verb == "RSET")
        {
            if said == verb {
                break;
            }
            said = name;
            let expected = if name == "DATA" { "354" } else { "250" };
            assert_eq!(code(&peer.say(line)), expected, "{name}");
        }
        assert_eq!(said, verb);
        assert!(peer.is_closed(), "after {verb}");
        assert_eq!(sink.stored().len(), usize::from(verb == "BODY"));
    }
}

#[test]
fn it_ends_after_so_many_letters() {
    let store = Scratch::new("quit-after");
    let mut process = Command::new(program())
        .args(["--listen", "127.0.0.1:0", "--quit-after", "2", "--workers", "1", "--store"])
        .arg(store.path())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdout = BufReader::new(process.stdout.take().unwrap());
    let mut line = String::new();
    stdout.read_line(&mut line).unwrap();
    let mut peer =
        Peer::connect(line.trim_end().strip_prefix("listening on smtp ").unwrap().parse().unwrap());
    peer.hello();
    deliver(&mut peer, "one");
    let start = Instant::now();
    deliver(&mut peer, "two");
    assert_eq!(code(&peer.say("QUIT")), "221");
    drop(peer);
    assert_eq!(process.wait().unwrap().code(), Some(0));
    assert!(start.elapsed() < Duration::from_secs(5));
    line.clear();
    stdout.read_to_string(&mut line).unwrap();
    assert_eq!(numbers(&line), "messages=2 octets=10 connections=1 refused=0");
}

#[test]
fn signal_ends_the_idle_at_once_and_lets_a_letter_finish() {
    let sink = Sink::start(&[]);
    let (mut idle, mut busy, mut stuck) = (
        Peer::connect(sink.address()),
        Peer::connect(sink.address()),
        Peer::connect(sink.address()),
    );
    idle.hello();
    for peer in [&mut busy, &mut stuck] {
        peer.hello();
        peer.begin_letter();
    }
    let start = Instant::now();
    let ended = thread::spawn(move || (numbers(&sink.stop()).to_owned(), start.elapsed()));
    assert_eq!(idle.reply(), "421 4.3.2 Shutting down");
    assert!(idle.is_closed());
    assert!(start.elapsed() < Duration::from_secs(1));
    assert_eq!(busy.say("hello\r\n."), "250 2.0.0 Message accepted");
    assert_eq!(busy.reply(), "421 4.3.2 Shutting down");
    assert_eq!(stuck.reply(), "421 4.3.2 Shutting down");
    let (line, time) = ended.join().unwrap();
    assert_eq!(line, "messages=1 octets=7 connections=3 refused=0");
    assert!(time < Duration::from_secs(5), "{time:?}");
}

/// It is neither stored nor counted: its client sends it again.
#[test]
fn letter_whose_reply_became_421_was_not_taken() {
    let sink = Sink::start(&["--delay", "BODY=60000"]);
    let mut peer = Peer::connect(sink.address());
    peer.hello();
    peer.begin_letter();
    peer.write(b"hello\r\n.\r\nNOOP\r\n").unwrap();
    sink.terminate();
    assert_eq!(peer.reply(), "421 4.3.2 Shutting down");
    assert!(peer.is_closed());
    assert_eq!(sink.files(), 0);
    assert_eq!(numbers(&sink.stop()), "messages=0 octets=0 connections=1 refused=0");
}

#[test]
fn numbers_go_on_behind_those_that_are_there() {
    let store = Scratch::new("numbers");
    store.file("000041.eml", b"x");
    store.file("000041.json", b"{}");
    store.file("000042.json", b"{}");
    store.file("notes.txt", b"x");
    let mut process = Command::new(program())
        .args(["--listen", "127.0.0.1:0", "--quit-after", "1", "--store"])
        .arg(store.path())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(process.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
    let mut peer =
        Peer::connect(line.trim_end().strip_prefix("listening on smtp ").unwrap().parse().unwrap());
    peer.hello();
    deliver(&mut peer, "new");
    drop(peer);
    assert_eq!(process.wait().unwrap().code(), Some(0));
    let mut names: Vec<_> =
        fs::read_dir(store.path()).unwrap().map(|file| file.unwrap().file_name()).collect();
    names.sort();
    // An envelope without a letter is what a killed process left.
    assert_eq!(names, ["000041.eml", "000041.json", "000043.eml", "000043.json", "notes.txt"]);
}

#[test]
fn dialogue_is_in_the_log_at_trace() {
    let mut process = Command::new(program())
        .args(["--listen", "127.0.0.1:0", "--quit-after", "1"])
        .env("RUST_LOG", "trace")
        .env("NO_COLOR", "1")
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(process.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
    let mut peer =
        Peer::connect(line.trim_end().strip_prefix("listening on smtp ").unwrap().parse().unwrap());
    peer.hello();
    deliver(&mut peer, "hello");
    peer.say("QUIT");
    drop(peer);
    let log = String::from_utf8(process.wait_with_output().unwrap().stderr).unwrap();
    let dialogue: Vec<&str> = log
        .lines()
        .filter_map(|line| line.find("S: ").or_else(|| line.find("C: ")).map(|at| &line[at..]))
        .filter(|line| !line.starts_with("S: 250-"))
        .map(|line| line.split(" client=").next().unwrap_or(line))
        .collect();
    assert_eq!(
        dialogue,
        [
            "S: 220 localhost ESMTP",
            "C: EHLO client.example",
            "S: 250 HELP",
            "C: MAIL FROM:<alice@client.example>",
            "S: 250 2.1.0 Sender accepted",
            "C: RCPT TO:<bob@localhost>",
            "S: 250 2.1.5 Recipient accepted",
            "C: DATA",
            "S: 354 Start mail input; end with <CRLF>.<CRLF>",
            "C: (7 octets of the letter)",
            "C: .",
            "S: 250 2.0.0 Message accepted",
            "C: QUIT",
            "S: 221 2.0.0 Closing",
        ],
        "{log}"
    );
}

#[test]
fn what_cannot_work_is_one_sentence_and_exit_1() {
    let output = run(&["--listen", "192.0.2.1:25"]);
    assert_eq!(output.status.code(), Some(1));
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(
        said.starts_with("sink: cannot listen on 192.0.2.1:25: ") && said.lines().count() == 1,
        "{said}"
    );

    let output = run(&["--listen", "127.0.0.1:0", "--store", "/dev/null/letters"]);
    assert_eq!(output.status.code(), Some(1));
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.starts_with("sink: cannot store letters in /dev/null/letters: "), "{said}");

    let readable = concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml");
    for options in [
        &["--tls-cert", "/nowhere", "--tls-key", readable][..],
        &["--tls-cert", readable, "--tls-key", "/nowhere"],
        &["--users", "/nowhere", "--auth-in-clear"],
    ] {
        let output = run(&[&["--listen", "127.0.0.1:0"], options].concat());
        assert_eq!((output.status.code(), output.stdout.as_slice()), (Some(1), &b""[..]));
        let said = String::from_utf8(output.stderr).unwrap();
        let sentence = "sink: cannot use /nowhere: No such file or directory (os error 2).\n";
        assert_eq!(said, sentence);
    }
    let output = run(&["--listen", "127.0.0.1:0", "--users", "/dev/null", "--auth-in-clear"]);
    assert_eq!((output.status.code(), output.stdout.as_slice()), (Some(1), &b""[..]));
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(said, "sink: cannot use /dev/null: there is no user in it.\n");
}

#[test]
fn wrong_command_line_is_exit_2_and_help_0() {
    for options in [
        &["--require-tls"][..],
        &["--hostname", "a b"],
        &["--workers", "0"],
        &["--no", "NONSENSE"],
        &["--reject", "<eve@x>"],
        &["--delay", "RCPT"],
        &["--delay", "TURN=1"],
        &["--newlines", "keep"],
        &["--require-auth", "--user", "a:b", "--auth-in-clear", "--no", "AUTH"],
        &["--require-tls", "--tls-cert", "c", "--tls-key", "k", "--no", "STARTTLS"],
    ] {
        assert_eq!(run(options).status.code(), Some(2), "{options:?}");
    }
    let help = run(&["--help"]);
    assert_eq!(help.status.code(), Some(0));
    assert!(String::from_utf8(help.stdout).unwrap().contains("Examples:"));
}

#[test]
fn lmtp_is_not_served_on_port_25() {
    let output = run(&["--lmtp", "127.0.0.1:25"]);
    assert_eq!(output.status.code(), Some(2));
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.starts_with("error: LMTP may not be spoken on port 25\n"), "{said}");
}
