//! The `sink` example as a process of its own, a plain SMTP peer to talk to it, and the programs that deliver to it.

#![allow(dead_code, reason = "each test file uses a part of it")]

pub(crate) mod office;
pub(crate) mod sender;
pub(crate) mod servers;

use core::net::SocketAddr;
use core::sync::atomic::{AtomicU32, Ordering};
use core::time::Duration;
use std::env;
use std::ffi::OsStr;
use std::fs;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::OnceLock;
use std::thread;
use std::time::Instant;

use serde_json::Value;

/// No step of a test lasts longer than this.
const PATIENCE: Duration = Duration::from_secs(120);

/// A running `sink` that listens on a free port of 127.0.0.1 and stores what it gets in a folder of its own.
pub(crate) struct Sink {
    process: Child,
    stdout: BufReader<ChildStdout>,
    address: SocketAddr,
    /// What else it listens on: `smtps 127.0.0.1:40123`.
    others: Vec<String>,
    store: Scratch,
}

/// One letter as `sink` stored it.
#[derive(Debug)]
pub(crate) struct Stored {
    pub(crate) content: Vec<u8>,
    pub(crate) envelope: Value,
}

impl Sink {
    pub(crate) fn start(options: &[&str]) -> Self {
        let store = Scratch::new("sink");
        let mut process = Command::new(sink_program())
            .args(["--listen", "127.0.0.1:0", "--store"])
            .arg(store.path())
            .args(options)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .expect("sink starts");
        let mut stdout = BufReader::new(process.stdout.take().expect("its stdout is piped"));
        let mut line = String::new();
        stdout.read_line(&mut line).expect("sink prints text");
        let address = line
            .trim_end()
            .strip_prefix("listening on smtp ")
            .and_then(|address| address.parse().ok());
        let address = address.unwrap_or_else(|| panic!("sink's first line is {line:?}"));
        let others = others(&mut stdout, options);
        Self { process, stdout, address, others, store }
    }

    /// The port of another listener.
    pub(crate) fn port(&self, kind: &str) -> u16 {
        port_of(&self.others, kind)
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// The letters stored so far, oldest first.
    pub(crate) fn stored(&self) -> Vec<Stored> {
        self.letters().iter().map(|path| Stored::read(path)).collect()
    }

    /// The letter stored last.
    pub(crate) fn newest(&self) -> Stored {
        let letters = self.letters();
        Stored::read(letters.last().expect("a letter is stored"))
    }

    /// How many files are in the store, whatever they are.
    pub(crate) fn files(&self) -> usize {
        self.store.files().len()
    }

    fn letters(&self) -> Vec<PathBuf> {
        let mut files = self.store.files();
        files.retain(|path| path.extension() == Some(OsStr::new("eml")));
        files.sort();
        files
    }

    /// The most memory that the process has had so far, in octets.
    pub(crate) fn peak_memory(&self) -> u64 {
        let status =
            fs::read_to_string(format!("/proc/{}/status", self.process.id())).expect("sink runs");
        let line =
            status.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("Linux counts it");
        line.trim().trim_end_matches(" kB").parse::<u64>().expect("it is a number") * 1024
    }

    /// Asks it to end, by SIGTERM.
    pub(crate) fn terminate(&self) {
        terminate(&self.process);
    }

    /// Ends it by SIGTERM; the line that it prints then.
    pub(crate) fn stop(mut self) -> String {
        self.terminate();
        let status = wait(&mut self.process, Duration::from_secs(10));
        assert!(status.success(), "sink ended with {status}");
        let mut rest = String::new();
        self.stdout.read_to_string(&mut rest).expect("sink prints text");
        rest
    }
}

impl Drop for Sink {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl Stored {
    fn read(content: &Path) -> Self {
        let envelope = fs::read(content.with_extension("json")).expect("the pair appears complete");
        Self {
            content: fs::read(content).expect("it can be read"),
            envelope: serde_json::from_slice(&envelope).expect("the envelope is JSON"),
        }
    }
}

/// What is listened on besides, as the program says it.
fn others(stdout: &mut BufReader<ChildStdout>, options: &[&str]) -> Vec<String> {
    let more = ["--listen-tls", "--lmtp", "--submission"];
    let asked = options.iter().filter(|option| more.contains(option));
    let mut line = |_| {
        let mut line = String::new();
        stdout.read_line(&mut line).expect("it prints text");
        let said = line.trim_end().strip_prefix("listening on ").map(str::to_owned);
        said.unwrap_or_else(|| panic!("the line is {line:?}"))
    };
    asked.map(&mut line).collect()
}

fn port_of(others: &[String], kind: &str) -> u16 {
    let address = others.iter().find_map(|other| other.strip_prefix(&format!("{kind} ")));
    let address = address.unwrap_or_else(|| panic!("nothing of {kind} in {others:?}"));
    address.parse::<SocketAddr>().expect("it is of IP").port()
}

/// A folder that is removed when the test ends.
pub(crate) struct Scratch(PathBuf);

impl Scratch {
    pub(crate) fn new(name: &str) -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let name =
            format!("{name}-{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
        fs::create_dir_all(&path).expect("the target folder can be written");
        Self(path)
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }

    pub(crate) fn files(&self) -> Vec<PathBuf> {
        let files = fs::read_dir(&self.0).expect("it is a folder");
        files.map(|file| file.expect("it can be listed").path()).collect()
    }

    /// Writes a file into it.
    pub(crate) fn file(&self, name: &str, content: &[u8]) -> PathBuf {
        let path = self.0.join(name);
        fs::write(&path, content).expect("the target folder can be written");
        path
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// The client's side of one session over a socket, one step at a time.
pub(crate) struct Peer<S = TcpStream> {
    stream: BufReader<S>,
}

impl Peer {
    pub(crate) fn connect(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).expect("sink listens");
        stream.set_read_timeout(Some(PATIENCE)).expect("not zero");
        stream.set_write_timeout(Some(PATIENCE)).expect("not zero");
        stream.set_nodelay(true).expect("a TCP option");
        Self::over(stream)
    }
}

impl<S: Read + Write> Peer<S> {
    pub(crate) fn over(stream: S) -> Self {
        Self { stream: BufReader::new(stream) }
    }

    pub(crate) fn write(&mut self, octets: &[u8]) -> io::Result<()> {
        self.stream.get_mut().write_all(octets)
    }

    /// One whole reply without its last CRLF; empty at the end of the session.
    pub(crate) fn reply(&mut self) -> String {
        let mut reply = String::new();
        loop {
            let start = reply.len();
            let read = self.stream.read_line(&mut reply).expect("a reply in time");
            let more = reply.as_bytes().get(start + 3) == Some(&b'-');
            if read == 0 || !more {
                return reply.trim_end().to_owned();
            }
        }
    }

    /// One command line and the reply to it.
    pub(crate) fn say(&mut self, command: &str) -> String {
        self.write(format!("{command}\r\n").as_bytes()).expect("sink reads");
        self.reply()
    }

    /// Reads the greeting and says EHLO.
    pub(crate) fn hello(&mut self) {
        assert_eq!(code(&self.reply()), "220");
        assert_eq!(code(&self.say("EHLO client.example")), "250");
    }

    /// From MAIL up to the 354.
    pub(crate) fn begin_letter(&mut self) {
        assert_eq!(code(&self.say("MAIL FROM:<alice@client.example>")), "250");
        assert_eq!(code(&self.say("RCPT TO:<bob@localhost>")), "250");
        assert_eq!(code(&self.say("DATA")), "354");
    }

    /// Waits for the server's end of the session; false when it says something more.
    pub(crate) fn is_closed(&mut self) -> bool {
        self.stream.read(&mut [0]).expect("an end in time") == 0
    }
}

/// The three digits of a reply.
pub(crate) fn code(reply: &str) -> &str {
    reply.get(..3).unwrap_or(reply)
}

/// Runs a command to its end and returns what it printed; panics unless it succeeds.
pub(crate) fn run(mut command: Command, stdin: &[u8]) -> String {
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut process = command.spawn().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let mut input = process.stdin.take().expect("it is piped");
    let input_octets = stdin.to_owned();
    // A program that reads nothing may close its end.
    let writer = thread::spawn(move || drop(input.write_all(&input_octets)));
    let output = process.wait_with_output().expect("it can be waited for");
    writer.join().expect("writing does not panic");
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8_lossy(&said).into_owned();
    assert!(output.status.success(), "{command:?} ended with {}:\n{said}", output.status);
    said
}

/// The `sink` example, built like the tests themselves.
fn sink_program() -> &'static Path {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    BUILT.get_or_init(|| build_example("sink"))
}

pub(crate) fn build_example(name: &str) -> PathBuf {
    let test = env::current_exe().expect("a test is a file");
    let released = test.components().any(|part| part.as_os_str() == "release");
    // The features of the whole workspace, as in its test command: then nothing is left to compile here.
    let mut cargo = Command::new(env!("CARGO"));
    // What cargo says of this package to its tests makes build scripts run anew that look at it: that of ring does, at every test.
    for (name, _) in env::vars_os() {
        if name.to_str().is_some_and(|name| {
            name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_")
        }) {
            cargo.env_remove(name);
        }
    }
    let built = cargo
        .args(["build", "--quiet", "--workspace", "--all-features", "--example", name])
        .args(["--profile", if released { "release" } else { "test" }])
        .arg("--message-format=json")
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .stderr(Stdio::inherit())
        .output()
        .expect("cargo runs");
    assert!(built.status.success(), "{name} does not compile");
    let messages = String::from_utf8(built.stdout).expect("JSON is UTF-8");
    let messages = messages.lines().map(|line| serde_json::from_str(line).expect("it is JSON"));
    messages
        .filter(|message: &Value| message["target"]["name"] == name)
        .find_map(|message| message["executable"].as_str().map(PathBuf::from))
        .expect("cargo names the program")
}

/// Sends SIGTERM, by the shell, which has it built in.
pub(crate) fn terminate(process: &Child) {
    let kill = format!("kill {}", process.id());
    assert!(Command::new("sh").args(["-c", &kill]).status().expect("a shell").success());
}

pub(crate) fn wait(process: &mut Child, patience: Duration) -> std::process::ExitStatus {
    let start = Instant::now();
    loop {
        if let Some(status) = process.try_wait().expect("it can be waited for") {
            return status;
        }
        assert!(start.elapsed() < patience, "it does not end");
        thread::sleep(Duration::from_millis(10));
    }
}
