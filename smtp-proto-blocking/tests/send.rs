//! The `send` example against servers that do what a script says, and against our own.

mod support;

use core::time::Duration;
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex, OnceLock};
use std::{env, fs, io, thread};

use serde_json::{Value, json};
use smtp_proto::server::{self, Event};
use smtp_proto_blocking::Session;

use support::certificates::Certificates;
use support::scenarios::Scenario;
use support::scripted::Scripted;
use support::{Ended, send};

/// No session with a scripted server lasts longer.
const PATIENCE: Duration = Duration::from_secs(15);
/// Sessions at a time: most of them wait.
const AT_A_TIME: usize = 6;

#[test]
fn send_tells_the_truth_whatever_the_server_does() {
    let table = Scenario::table();
    assert!(table.len() >= 40, "{} rows", table.len());
    let (open, failures) = (Mutex::new(table.into_iter()), Mutex::new(Vec::new()));
    thread::scope(|scope| {
        for _ in 0..AT_A_TIME {
            scope.spawn(|| {
                loop {
                    let next = open.lock().expect("no panic").next();
                    let Some(scenario) = next else { return };
                    let played = play(&scenario);
                    let failure = match (scenario.has("waiting"), played) {
                        (true, Ok(())) => format!("{} holds now, and waits no more", scenario.name),
                        (false, Err(failure)) => failure,
                        _ => continue,
                    };
                    failures.lock().expect("no panic").push(failure);
                }
            });
        }
    });
    let failures = failures.into_inner().expect("no panic");
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

fn play(scenario: &Scenario) -> Result<(), String> {
    let server = Scripted::start(scenario.script.clone());
    let address = server.address.to_string();
    let files = Files::get();
    let mut arguments = vec!["--server", &address, "--from", "a@x.test"];
    arguments.extend(["--to", "b@y.test", "--to", "c@y.test"]);
    arguments.extend(scenario.options().map(|option| files.named(option)));
    arguments.extend(["--timeout", if scenario.has("little time") { "0.5" } else { "10" }]);
    let ended = send(&arguments, letter(scenario), PATIENCE);
    let played = server.end();
    let told = scenario.is_told_by(&ended.stdout);
    let complains = !ended.stderr.is_empty();
    if told
        && ended.code == Some(scenario.code)
        && complains == (scenario.code != 0)
        && played.is_ok()
    {
        return Ok(());
    }
    let Scenario { name, outcome, code, .. } = scenario;
    let Ended { code: got, stdout, stderr, took } = ended;
    Err(format!(
        "{name}: expected {code} and {outcome:?}, got {got:?} after {took:?}; the script: {played:?}\n{stdout}{stderr}"
    ))
}

/// The certificates that `send` trusts, in files.
struct Files {
    ca: String,
    own: String,
}

impl Files {
    fn get() -> &'static Self {
        static WRITTEN: OnceLock<Files> = OnceLock::new();
        WRITTEN.get_or_init(|| {
            let Certificates { ca, own, .. } = Certificates::get();
            let write = |name: &str, pem: &str| {
                let file = env::temp_dir().join(format!("send-test-{name}-{}", std::process::id()));
                fs::write(&file, pem).expect("a folder that can be written");
                file.to_str().expect("text").to_owned()
            };
            Self { ca: write("ca", ca), own: write("own", &own.chain) }
        })
    }

    /// What the table means by an option.
    fn named<'a>(&'a self, option: &'a str) -> &'a str {
        match option {
            "CA" => &self.ca,
            "OWN" => &self.own,
            option => option,
        }
    }
}

fn letter(scenario: &Scenario) -> Vec<u8> {
    if scenario.has("much content") {
        b"much\r\n".repeat(3 << 20)
    } else if scenario.has("8-bit content") {
        "Subject: hi\n\nGr\u{fc}\u{df}e\n".into()
    } else if scenario.has("UTF-8 header") {
        "Subject: Gr\u{fc}\u{df}e\n\nHello\n".into()
    } else {
        b"Subject: hi\n\nHello\n".to_vec()
    }
}

/// A letter as our server got it.
#[derive(Debug, Default)]
struct Letter {
    mail: String,
    rcpts: Vec<String>,
    content: Vec<u8>,
}

/// Runs `send` with a server that takes one session, and every letter; what it got, and how it ended.
fn to_our_server(options: &[&str], stdin: &[u8]) -> (Vec<Letter>, Ended) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("it is bound").to_string();
    let served = thread::spawn(move || serve(listener.accept().expect("a client").0));
    let arguments = [&["--server", &address, "--from", "a@x.test"], options].concat();
    let ended = send(&arguments, stdin.to_vec(), PATIENCE);
    (served.join().expect("no panic").expect("no error"), ended)
}

fn serve(socket: TcpStream) -> io::Result<Vec<Letter>> {
    let mut config = server::Config::new("mx.test").expect("a domain");
    config.limits.message = 1 << 30;
    let mut session = Session::new(socket, Arc::new(config));
    let (mut letters, mut letter) = (Vec::new(), Letter::default());
    while session.ready()? {
        while let Some((event, server)) = session.next() {
            match event {
                Event::Mail { mail, .. } => {
                    letter = Letter { mail: mail.params.to_string(), ..Letter::default() };
                    server.decline(event);
                }
                Event::Rcpt { rcpt, pending } => {
                    letter.rcpts.push(format!("{} {}", rcpt.to, rcpt.params));
                    server.accept(pending).expect("in time");
                }
                Event::Body(run) => letter.content.extend_from_slice(run),
                Event::Message { pending, .. } => {
                    letters.push(core::mem::take(&mut letter));
                    server.accept(pending).expect("in time");
                }
                other => server.decline(other),
            }
        }
    }
    Ok(letters)
}

#[test]
fn a_letter_arrives_with_all_that_was_asked_for() {
    let mut options = vec!["--to", "b@y.test", "--to", "Postmaster", "--hostname", "c.test"];
    options.extend(["--notify", "success,delay", "--ret", "hdrs", "--envid", "a b", "--smtputf8"]);
    options.extend(["--no-pipelining", "--transcript", "-"]);
    let letter = b"Subject: hi\n\n.\n..dots\rno line end";
    let (letters, ended) = to_our_server(&options, letter);
    let taken = "250 2.0.0 Message accepted";
    assert_eq!(ended.stdout, format!("delivered b@y.test {taken}\ndelivered Postmaster {taken}\n"));
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    let transcript: Vec<&str> =
        ended.stderr.lines().filter(|line| line.starts_with("C:")).collect();
    let params = "SIZE=39 BODY=8BITMIME SMTPUTF8 RET=HDRS ENVID=a+20b";
    let mail = format!("C: MAIL FROM:<a@x.test> {params}");
    let expected = [
        "C: EHLO c.test",
        &mail,
        "C: RCPT TO:<b@y.test> NOTIFY=SUCCESS,DELAY",
        "C: RCPT TO:<postmaster> NOTIFY=SUCCESS,DELAY",
        "C: DATA",
        "C: (41 octets)",
        "C: .",
        "C: QUIT",
    ];
    assert_eq!(transcript, expected);
    let [letter] = letters.as_slice() else { panic!("{} letters", letters.len()) };
    let content = letter.content.escape_ascii().to_string();
    assert_eq!(content, r"Subject: hi\r\n\r\n.\r\n..dots\r\nno line end\r\n");
    assert_eq!(letter.mail, params);
    assert_eq!(letter.rcpts, ["b@y.test NOTIFY=SUCCESS,DELAY", "postmaster NOTIFY=SUCCESS,DELAY"]);
}

#[test]
fn what_is_announced_is_what_arrives() {
    let long = "a line of a letter\n".repeat(10_000);
    let table: [(&str, &str, &[u8]); 10] = [
        ("", "", b""),
        ("x", "", b"x\r\n"),
        ("x\r\n", "", b"x\r\n"),
        ("\n", "", b"\r\n"),
        ("\r", "", b"\r\n"),
        ("\r\r\n\n", "", b"\r\n\r\n\r\n"),
        (".\n..", "", b".\r\n..\r\n"),
        ("A: b\n\n\u{fc}\n", " BODY=8BITMIME", b"A: b\r\n\r\n\xc3\xbc\r\n"),
        ("A: \u{fc}\n\n", " BODY=8BITMIME SMTPUTF8", b"A: \xc3\xbc\r\n\r\n"),
        (&long, "", &long.replace('\n', "\r\n").into_bytes()),
    ];
    for (text, params, expected) in table {
        let file = env::temp_dir().join(format!("send-test-{}", std::process::id()));
        fs::write(&file, text).expect("a folder that can be written");
        for name in ["-", file.to_str().expect("text")] {
            let (letters, ended) = to_our_server(&["--to", "b@y.test", name], text.as_bytes());
            assert_eq!(ended.code, Some(0), "{}", ended.stderr);
            assert!(letters[0].content == expected, "{}", letters[0].content.escape_ascii());
            assert_eq!(letters[0].mail, format!("SIZE={}{params}", expected.len()));
        }
        fs::remove_file(file).expect("it was there");
    }
}

#[test]
fn a_letter_is_never_held_in_memory() {
    let line =
        "a line of seventy-nine octets or so, which is repeated again and again and again\r\n";
    let letter = line.repeat(150 * 1024 * 1024 / line.len());
    for newlines in ["normalise", "refuse"] {
        let options = ["--to", "b@y.test", "--newlines", newlines];
        let (letters, ended) = to_our_server(&options, letter.as_bytes());
        assert_eq!(ended.code, Some(0), "{}", ended.stderr);
        assert!(letters[0].content == letter.as_bytes());
    }
}

#[test]
fn outcomes_are_told_in_json_too() {
    let script = vec!["hello", "mail", "S: 250 ok", "S: 550-5.1.1 No such", "S: 550 5.1.1 user"];
    let script = [script, vec!["S: 250 ok", "S: 354 go", "content"]].concat();
    let server = Scripted::start(script);
    let address = server.address.to_string();
    let mut arguments = vec!["--server", &address, "--from", "a@x.test", "--json"];
    arguments.extend(["--to", "b@y.test", "--to", "c@y.test"]);
    let ended = send(&arguments, b"Hello\n".to_vec(), PATIENCE);
    assert_eq!((ended.code, server.end()), (Some(4), Ok(())));
    let told: Value = serde_json::from_str(&ended.stdout).expect("it is JSON");
    let lost = "the connection was closed (in the content)";
    let expected = json!({
        "outcomes": [
            {"to": "b@y.test", "outcome": "refused", "code": 550, "enhanced": "5.1.1", "text": "No such user"},
            {"to": "c@y.test", "outcome": "unknown", "code": null, "enhanced": null, "text": lost},
        ],
        "error": lost,
    });
    assert_eq!(told, expected);
    assert_eq!(ended.stderr, format!("send: {lost}.\n"));
}

#[test]
fn what_cannot_be_sent_at_all_is_known_before_anything_is() {
    // Nobody listens there.
    let start = ["--server", "127.0.0.1:1", "--from", "a@x.test", "--to", "b@y.test"];
    let wrong: [(&[&str], &str); 11] = [
        (&["--to", "b y.test"], "--to"),
        (&["--to", ""], "--to"),
        (&["--notify", "never,success"], "--notify"),
        (&["--envid", "\u{fc}"], "--envid"),
        (&["--timeout", "0"], "--timeout"),
        (&["--hostname", "a b"], "--hostname"),
        (&["--bdat", "--data"], "--data"),
        (&["/nowhere/at/all"], "/nowhere/at/all"),
        (&["--tls", "none", "--ca", "/nowhere/ca"], "/nowhere/ca"),
        (&["--ca", "/nowhere/ca"], "/nowhere/ca"),
        (&["--user", "u", "--password-env", "NO_PASSWORD"], "the password is empty"),
    ];
    for (more, named) in wrong {
        let ended = send(&[&start, more].concat(), b"Hello\n".to_vec(), PATIENCE);
        assert_eq!((ended.code, ended.stdout.as_str()), (Some(2), ""), "{more:?}");
        assert!(ended.stderr.contains(named), "{more:?}: {}", ended.stderr);
    }
    let long = format!("/{}", "a".repeat(200));
    for (server, named) in [("127.0.0.1", "expected HOST:PORT"), (&long, "about a hundred octets")]
    {
        let start = ["--server", server, "--from", "a@x.test", "--to", "b@y.test"];
        let ended = send(&start, b"Hello\n".to_vec(), PATIENCE);
        assert_eq!((ended.code, ended.stdout.as_str()), (Some(2), ""));
        assert!(ended.stderr.contains(named), "{}", ended.stderr);
    }
    let refused: [(&[&str], &[u8], &str); 3] = [
        (&["--newlines", "refuse"], b"Hello\r\nyou\n", "octet 10 of the message: bare LF"),
        (&["--newlines", "refuse"], b"Hello\rworld\r\n", "octet 5 of the message: bare CR"),
        (&[], b"\0", "octet 0 of the message: NUL"),
    ];
    for (more, letter, why) in refused {
        let ended = send(&[&start, more].concat(), letter.to_vec(), PATIENCE);
        let line = format!("refused b@y.test - 5.6.0 {why}\n");
        assert_eq!((ended.code, ended.stdout), (Some(4), line), "{more:?}");
    }
    let ended = send(&start, b"Hello\n".to_vec(), PATIENCE);
    let why = "deferred b@y.test - cannot connect to 127.0.0.1:1: ";
    assert!(ended.code == Some(1) && ended.stdout.starts_with(why), "{ended:?}");
}

#[test]
fn lmtp_is_not_spoken_on_port_25() {
    let start = ["--server", "127.0.0.1:25", "--lmtp", "--from", "a@x.test", "--to", "b@y.test"];
    let ended = send(&start, b"Hello\n".to_vec(), PATIENCE);
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(2), ""));
    assert_eq!(ended.stderr, "send: LMTP may not be spoken on port 25.\n");
}
