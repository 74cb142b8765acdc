//! The command line, the demo, and the end of the program.

use core::time::Duration;
use std::fs;
use std::net::TcpListener;
use std::process::{Command, Output};
use std::time::Instant;

use crate::support::office::{Office, files_below, office_program, root, run_office};
use crate::support::{Peer, Scratch, code};

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn the_demo_shows_a_letter_on_its_way_and_leaves_nothing_behind() {
    let (here, temporary) = (root(), root());
    let start = Instant::now();
    let output = Command::new(office_program())
        .arg("--demo")
        .current_dir(here.path())
        .env("TMPDIR", temporary.path())
        .output()
        .expect("it starts");
    assert!(start.elapsed() < Duration::from_secs(10));
    assert!(output.status.success(), "{}", stderr(&output));
    let shown = String::from_utf8(output.stdout).expect("it prints text");
    let wide: Vec<&str> = shown.lines().filter(|line| line.chars().count() > 80).collect();
    assert_eq!(wide, [""; 0]);
    let mut rest = shown.as_str();
    for step in [
        "listening on smtp 127.0.0.1:",
        "S: 220 localhost",
        "C: EHLO ",
        "C: MAIL FROM:<alice@localhost>",
        "C: RCPT TO:<bob@localhost> NOTIFY=SUCCESS",
        "C: DATA",
        "S: 354",
        "C: Subject: ",
        "C: .",
        "S: 250 2.0.0",
        "C: QUIT",
        "S: 221",
        "mailboxes/bob@localhost/new/",
        "Return-Path: <alice@localhost>",
        "Received: from ",
        "mailboxes/alice@localhost/new/",
        "Return-Path: <>",
        "Content-Type: multipart/report",
        "Action: delivered",
    ] {
        let at = rest.find(step).unwrap_or_else(|| panic!("no {step:?} in\n{rest}"));
        rest = &rest[at + step.len()..];
    }
    assert_eq!(files_below(here.path()).len() + files_below(temporary.path()).len(), 0);
    assert_eq!(fs::read_dir(temporary.path()).expect("it is there").count(), 0);
}

#[test]
fn help_names_the_folder_of_outgoing_reports() {
    let output = run_office(&["--help"]);
    assert!(output.status.success());
    let help = String::from_utf8(output.stdout).expect("it prints text");
    assert!(help.contains("Examples:") && help.contains("ROOT/outgoing"), "{help}");
}

#[test]
fn a_wrong_command_line_is_exit_code_2() {
    for options in [
        &["--mailbox", "nobody"][..],
        &["--hostname", "-"],
        &["--alias", "a@localhost"],
        &["--alias", "a@localhost=carol@localhost"],
        &["--alias", "a@localhost=b@localhost", "--alias", "b@localhost=a@localhost"],
        &["--newlines", "keep"],
        &["--max-size", "many"],
        &["--demo", "--mailbox", "carol@localhost"],
        // Not built yet.
        &["--submission", "127.0.0.1:0"],
        &["--user", "alice:secret"],
        &["--route", "example.org=127.0.0.1:2526"],
    ] {
        let output = run_office(options);
        assert_eq!(output.status.code(), Some(2), "{options:?}");
        assert!(stderr(&output).starts_with("error: "), "{options:?}");
    }
}

#[test]
fn lmtp_is_not_served_on_port_25() {
    let output = run_office(&["--lmtp", "127.0.0.1:25"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(stderr(&output).starts_with("error: LMTP may not be spoken on port 25\n"));
}

#[test]
fn an_office_that_cannot_work_says_why_in_one_sentence() {
    let root = root();
    let busy = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = busy.local_addr().expect("it is bound").to_string();
    let (path, free) = (root.path().to_str().expect("text"), "127.0.0.1:0");
    let file = root.file("file", b"");
    let open = Office::open(&root.path().join("open"), &[]);
    let taken = open.root().to_str().expect("text");
    let (file, unread) = (file.to_str().expect("text"), "cannot use /nowhere: ".to_owned());
    let cert = ["--tls-cert", "/nowhere", "--tls-key", "/nowhere"];
    let users = [&cert[..], &["--users", "/nowhere"]].concat();
    for (address, root, more, sentence) in [
        (address.as_str(), path, &[][..], format!("cannot listen on {address}")),
        ("127.0.0.1", path, &[], "cannot listen on 127.0.0.1".to_owned()),
        (free, file, &[], format!("cannot keep letters in {file}")),
        (
            free,
            taken,
            &[],
            format!("cannot keep letters in {taken}: another post-office is open there"),
        ),
        (free, path, &cert, unread.clone()),
        (free, path, &users, unread),
    ] {
        let output = run_office(&[&["--listen", address, "--root", root], more].concat());
        let said = stderr(&output);
        assert_eq!(output.status.code(), Some(1), "{said}");
        assert!(said.starts_with(&format!("post-office: {sentence}")), "{said}");
        assert_eq!((said.lines().count(), said.ends_with(".\n")), (1, true), "{said}");
    }
}

#[test]
fn letters_are_kept_in_the_folder_post_office_unless_told_otherwise() {
    let here = Scratch::new("here");
    let mut process = Command::new(office_program());
    process.args(["--listen", "127.0.0.1:0"]).current_dir(here.path());
    let mut process = process.stdout(std::process::Stdio::piped()).spawn().expect("it starts");
    let mut line = String::new();
    let mut stdout = std::io::BufReader::new(process.stdout.take().expect("it is piped"));
    std::io::BufRead::read_line(&mut stdout, &mut line).expect("it prints text");
    process.kill().expect("it runs");
    process.wait().expect("it can be waited for");
    let mut folders: Vec<_> = fs::read_dir(here.path().join("post-office/mailboxes"))
        .expect("it is there")
        .map(|folder| folder.expect("it can be listed").file_name())
        .collect();
    folders.sort();
    assert_eq!(folders, ["alice@localhost", "bob@localhost", "postmaster@localhost"]);
}

#[test]
fn several_addresses_are_listened_on() {
    let root = root();
    let mut process = Command::new(office_program());
    process.args(["--listen", "127.0.0.1:0", "--listen", "[::1]:0", "--root"]).arg(root.path());
    let mut process = process.stdout(std::process::Stdio::piped()).spawn().expect("it starts");
    let stdout = std::io::BufReader::new(process.stdout.take().expect("it is piped"));
    for line in std::io::BufRead::lines(stdout).take(2) {
        let line = line.expect("it prints text");
        let address = line.strip_prefix("listening on smtp ").expect("an address");
        let mut peer = Peer::connect(address.parse().expect("an address"));
        assert_eq!(peer.reply(), "220 localhost ESMTP");
    }
    process.kill().expect("it runs");
    process.wait().expect("it can be waited for");
}

#[test]
fn the_idle_hear_421_and_a_letter_that_is_coming_in_is_finished() {
    let root = root();
    let office = Office::open(root.path(), &[]);
    let mut idle = office.client();
    let mut busy = office.client();
    busy.begin_letter();
    busy.write(b"hello\r\n").expect("it reads");
    // So that the office has heard it before the signal.
    std::thread::sleep(Duration::from_millis(100));
    office.terminate();
    assert_eq!(idle.reply(), "421 4.3.2 Shutting down");
    assert!(idle.is_closed());
    assert_eq!(code(&busy.say("world\r\n.")), "250");
    assert_eq!(busy.reply(), "421 4.3.2 Shutting down");
    assert_eq!(office.letter("bob@localhost"), "hello\r\nworld\r\n");
    let (status, _, took) = office.ended();
    assert!(status.success() && took < Duration::from_secs(5), "{status} after {took:?}");
}

#[test]
fn a_letter_that_does_not_end_in_time_is_not_delivered() {
    let root = root();
    let office = Office::open(root.path(), &[]);
    let mut slow = office.client();
    slow.begin_letter();
    slow.write(b"hello\r\n").expect("it reads");
    office.terminate();
    assert_eq!(slow.reply(), "421 4.3.2 Shutting down");
    let (status, _, took) = office.ended();
    assert!(status.success() && took < Duration::from_secs(5), "{status} after {took:?}");
    assert_eq!(files_below(root.path()), [""; 0].map(std::path::PathBuf::from));
}
