//! The wire cases over real sockets: each row that `sink` can be brought to, in writes as the row has them, over TCP, in TLS, and those
//! of LMTP over Unix sockets too.
//!
//! Where a session does not wait although it must, what comes of it depends on how the network delivers; then both right outcomes
//! are accepted. Rows that ask for virtual time, for a special answer of the application or for a setting that `sink` has no option
//! for are counted and left out, as are those that wait for an issue.
#![cfg(feature = "rustls")]

#[path = "../support/certificates.rs"]
#[allow(dead_code, reason = "each test file uses a part of it")]
mod certificates;
#[path = "../../../smtp-proto/tests/wire_cases/replies.rs"]
mod replies;
#[path = "../support/mod.rs"]
mod support;
#[path = "../../../smtp-proto/tests/wire_cases/waiting.rs"]
mod waiting;

mod peer;
mod tunnel;

use core::net::SocketAddr;
use peer::{Heard, Peer};
use replies::{Reply, compare};
use serde_json::Value;
use smtp_proto::testing::cases::{
    self, Bytes, Case, MESSAGE_MAX, Policy, Pre, Step, Steps, Then, cases,
};
use smtp_proto_tokio::tls::{Connector, Handshake};
use std::collections::BTreeMap;
use std::process::Command;
use std::sync::Mutex;
use std::thread;
use support::{Scratch, Sink};
use tokio::runtime::{Handle, Runtime};
use tunnel::Far;

/// What every row expects of its server.
const SINK: [&str; 6] = ["--hostname", "mx.test", "--max-size", "131072", "--reject", "no@t.test"];
const ANY_PORT: &str = "127.0.0.1:0";
/// As many sinks serve the rows of one configuration at a time.
const SINKS: usize = 4;

#[test]
fn every_row_that_sink_can_be_brought_to_holds_over_tcp() {
    assert!(hold(Way::Tcp, |_| true) > 200);
}

#[test]
fn every_row_that_sink_can_be_brought_to_holds_in_tls() {
    let (runtime, identity) = (runtime(), Identity::new());
    // What comes before the greeting does not come in TLS.
    let rows = hold(Way::Tls(&identity, runtime.handle()), |case| case.pre != Pre::P0);
    assert!(rows > 200);
}

#[test]
fn every_row_of_lmtp_holds_over_unix_sockets() {
    let runtime = runtime();
    assert!(hold(Way::Unix(runtime.handle()), |case| case.pre.is_lmtp()) > 5);
}

/// The rows that shake hands, or stand behind a handshake: `conformance` asks them, which has TLS and a user.
#[test]
fn every_row_of_tls_and_auth_that_can_be_asked_holds() {
    let identity = Identity::new();
    let users = ["--user", "u:p", "--user", "user:pass"];
    let sink = Sink::start(&[&SINK[..], &identity.options(), &users].concat());
    let rows: Vec<Case<'_>> = cases().filter(shakes_hands).collect();
    let only = rows.iter().flat_map(|case| ["--only", case.id]);
    let output = Command::new(support::build_example("conformance"))
        .args(["--server", &sink.address().to_string(), "--tls", "--json", "--parallel", "8"])
        .args(["--rcpt", "r@t.test", "--user", "u", "--password-env", "SECRET"])
        .args(only)
        .env("SECRET", "p")
        .output()
        .expect("it starts");
    let report: Value = serde_json::from_slice(&output.stdout).expect("a report");
    println!("{}", report["summary"]);
    let failed = report["rows"].as_array().expect("rows").iter();
    let failed: Vec<_> = failed.filter(|row| row["verdict"] == "fail").collect();
    assert!(failed.is_empty(), "{failed:#?}");
    assert!(report["summary"]["pass"].as_u64() > Some(40), "{report}");
}

/// How a peer comes to its server.
#[derive(Clone, Copy)]
enum Way<'a> {
    Tcp,
    Unix(&'a Handle),
    Tls(&'a Identity, &'a Handle),
}

/// Who the server is, and how a client knows.
struct Identity {
    _folder: Scratch,
    cert: String,
    key: String,
    handshake: Handshake,
}

impl Identity {
    fn new() -> Self {
        let (folder, authority) = (Scratch::new("wire"), certificates::Authority::new());
        let certificate = authority.issue(&["mx.test", "127.0.0.1"], certificates::NOW);
        let connector = Connector::trusting(authority.pem.as_bytes()).expect("an authority");
        let file = |name, text: &str| folder.file(name, text.as_bytes()).display().to_string();
        Self {
            cert: file("cert.pem", &certificate.chain),
            key: file("key.pem", &certificate.key),
            handshake: connector.to("mx.test").expect("a name"),
            _folder: folder,
        }
    }

    fn options(&self) -> [&str; 4] {
        ["--tls-cert", &self.cert, "--tls-key", &self.key]
    }
}

fn runtime() -> Runtime {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .expect("a thread")
}

/// A sink, and where it is reached.
struct Server {
    sink: Sink,
    address: SocketAddr,
    /// Whether its letters come encrypted.
    tls: bool,
    _folder: Option<Scratch>,
}

impl Server {
    fn start(options: &[&str], way: Way<'_>) -> Self {
        let is_lmtp = options.contains(&"--lmtp");
        let reached = |sink: Sink| {
            let mut address = sink.address();
            if is_lmtp {
                address.set_port(sink.port("lmtp"));
            }
            Self { sink, address, tls: false, _folder: None }
        };
        match way {
            Way::Tcp => reached(Sink::start(options)),
            Way::Tls(identity, runtime) => {
                let server = reached(Sink::start(&[options, &identity.options()].concat()));
                let verb = if is_lmtp { "LHLO" } else { "EHLO" };
                let far = Far::Tls(server.address, verb, identity.handshake.clone());
                Self { address: tunnel::open(far, runtime), tls: true, ..server }
            }
            Way::Unix(runtime) => {
                let folder = Scratch::new("wire");
                let path = folder.path().join("lmtp");
                let there = path.to_str().expect("text");
                let options = options.iter().map(|option| match *option {
                    ANY_PORT => there,
                    option => option,
                });
                let sink = Sink::start(&options.collect::<Vec<_>>());
                let address = tunnel::open(Far::Unix(path), runtime);
                Self { sink, address, tls: false, _folder: Some(folder) }
            }
        }
    }
}

/// Replays the rows that `sink` has the options for; gives how many there are.
fn hold(way: Way<'_>, wanted: impl Fn(&Case<'_>) -> bool) -> usize {
    let mut groups = BTreeMap::<Vec<&str>, Vec<Case<'static>>>::new();
    let (mut waiting, mut left_out) = (0, 0);
    let listed = waiting::rows();
    for case in cases().filter(|case| !case.pre.is_client() && wanted(case)) {
        match options(&case) {
            _ if listed.contains_key(case.id) => waiting += 1,
            None => left_out += 1,
            Some(options) => groups.entry(options).or_default().push(case),
        }
    }
    let replayed: usize = groups.values().map(Vec::len).sum();
    let failures: Vec<String> =
        groups.iter().flat_map(|(options, rows)| replay_all(options, rows, way)).collect();
    println!("{replayed} rows replayed, {left_out} left out, {waiting} wait");
    assert!(
        failures.is_empty(),
        "{} of {replayed} rows do not hold:\n{}",
        failures.len(),
        failures.join("\n")
    );
    replayed
}

/// The options of `sink` that a row asks for; `None` where it has none for it.
fn options<'a>(case: &Case<'a>) -> Option<Vec<&'a str>> {
    let Bytes::Steps(steps) = &case.bytes else {
        return None;
    };
    let virtual_time = steps.iter().take(10_000).any(|step| matches!(step, Step::Pause(_)));
    if virtual_time
        || steps.octets() < MESSAGE_MAX
            && steps.to_vec().windows(8).any(|eight| eight == b"Verdict:")
    {
        return None;
    }
    case.pre.opening()?;
    if shakes_hands(case) {
        return None;
    }
    let mut options = Vec::from(SINK);
    if case.pre.is_lmtp() {
        options.extend(["--lmtp", ANY_PORT]);
    }
    if case.pre == Pre::P0 {
        // The greeting comes late enough for octets to be early.
        options.extend(["--delay", "CONNECT=300"]);
    }
    for policy in &case.policies {
        match policy {
            Policy::NormaliseNewlines => options.extend(["--newlines", "normalise"]),
            Policy::AllowEarly => options.extend(["--early", "allow"]),
            Policy::Tolerate(_) => options.push("--lenient-syntax"),
            Policy::Without(keyword) => options.extend(["--no", keyword]),
            Policy::TlsOff => {}
            _ => return None,
        }
    }
    Some(options)
}

/// Whether the row asks for a handshake or a user itself.
fn shakes_hands(case: &Case<'_>) -> bool {
    matches!(case.pre, Pre::PT | Pre::PT3 | Pre::PT4 | Pre::PA | Pre::PC)
        || ["TL", "AU"].contains(&case.class())
}

/// Replays rows of one configuration, over a few sinks at once; gives those that do not hold.
fn replay_all(options: &[&str], rows: &[Case<'_>], way: Way<'_>) -> Vec<String> {
    let failures = Mutex::new(Vec::new());
    let sinks = rows.len().div_ceil(8).min(SINKS);
    thread::scope(|scope| {
        for share in rows.chunks(rows.len().div_ceil(sinks)) {
            let failures = &failures;
            scope.spawn(move || {
                let server = Server::start(options, way);
                for case in share {
                    if let Err(failure) = judge(case, &server, options, way) {
                        failures
                            .lock()
                            .expect("no holder panics")
                            .push(format!("{} ({}): {failure}", case.id, case.reason));
                    }
                }
            });
        }
    });
    failures.into_inner().expect("no holder panics")
}

fn judge(case: &Case<'_>, server: &Server, options: &[&str], way: Way<'_>) -> Result<(), String> {
    let outcome = replay(case, server)?;
    match of_row(case, &outcome) {
        Err(failure) if case.sync => {
            let patient = [options, &["--early", "allow"]].concat();
            let waited = replay(case, &Server::start(&patient, way))?;
            if outcome.is_early_or(&waited) {
                Ok(())
            } else {
                Err(format!("a third outcome: {failure}"))
            }
        }
        result => result,
    }
}

/// What came of a row.
#[derive(Debug, PartialEq, Eq)]
struct Outcome {
    replies: Vec<Reply>,
    closed: bool,
    stored: Vec<Vec<u8>>,
}

impl Outcome {
    /// Whether this is what comes of a peer that waits, or the same up to a 554 and a close.
    fn is_early_or(&self, waited: &Self) -> bool {
        let early =
            self.replies.last().is_some_and(|last| last.shown() == "554/5.5.0" && self.closed);
        let before = &self.replies[..self.replies.len().saturating_sub(1)];
        self == waited
            || early
                && waited.replies.starts_with(before)
                && waited.stored.starts_with(&self.stored)
    }
}

fn replay(case: &Case<'_>, server: &Server) -> Result<Outcome, String> {
    let Server { sink, address, tls, .. } = server;
    let Bytes::Steps(steps) = &case.bytes else {
        return Err("told in words".to_owned());
    };
    let (opening, said) = case.pre.opening().ok_or("no state of a server")?;
    let opening = Steps::parse(opening, MESSAGE_MAX).expect("a unit test parses every opening");
    let said = cases::replies(said).expect("a unit test parses every opening");
    let before = sink.stored().len();
    let mut peer = Peer::connect(*address)?;
    if !said.is_empty() {
        peer.play(&opening)?;
        let replies = peer.heard_so_far().replies()?;
        compare(&replies, &said)
            .map_err(|error| format!("{} is not reached: {error}", case.pre.code()))?;
    }
    peer.play(steps)?;
    let asked = case.replies.as_ref().map_or(0, Vec::len);
    let Heard { closed, .. } = if case.then == Some(Then::Close) {
        peer.heard_to_the_end()
    } else {
        peer.heard(said.len() + asked)
    };
    let replies = peer.finish().replies()?.split_off(said.len());
    let letters = sink.stored().split_off(before);
    if letters.iter().any(|letter| letter.envelope["tls"] != *tls) {
        return Err("a letter came another way".to_owned());
    }
    let stored = letters.into_iter().map(|letter| letter.content).collect();
    Ok(Outcome { replies, closed, stored })
}

fn of_row(case: &Case<'_>, outcome: &Outcome) -> Result<(), String> {
    if let Some(expected) = &case.replies {
        compare(&outcome.replies, expected)?;
    }
    if case.then.is_some_and(|then| (then == Then::Close) != outcome.closed) {
        return Err(format!("not {:?}", case.then));
    }
    let Some(stored) = &case.stored else {
        return Ok(());
    };
    if stored.messages != outcome.stored.len() {
        return Err(format!("{} messages for {}", outcome.stored.len(), stored.messages));
    }
    match &stored.content {
        Some(content) if outcome.stored[0] != content.to_vec() => {
            Err(format!("stored \"{}\"", outcome.stored[0].escape_ascii()))
        }
        _ => Ok(()),
    }
}
