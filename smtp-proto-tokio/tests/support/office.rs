//! The `post-office` example as a process of its own.

use core::net::SocketAddr;
use core::time::Duration;
use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, ExitStatus, Output, Stdio};
use std::sync::OnceLock;
use std::time::Instant;

use super::{Peer, Scratch, build_example, code, others, port_of, terminate, wait};

/// A running `post-office` that listens on a free port of 127.0.0.1.
pub(crate) struct Office {
    process: Child,
    stdout: BufReader<ChildStdout>,
    address: SocketAddr,
    others: Vec<String>,
    root: PathBuf,
}

/// One letter as it lies in a mailbox.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Delivered {
    pub(crate) file: String,
    pub(crate) octets: Vec<u8>,
}

impl Office {
    pub(crate) fn open(root: &Path, options: &[&str]) -> Self {
        Self::open_by(Command::new(office_program()), root, options)
    }

    /// An office that may have so many descriptors.
    pub(crate) fn open_with_descriptors(root: &Path, descriptors: u32) -> Self {
        let mut command = Command::new("sh");
        command.args(["-c", &format!("ulimit -n {descriptors}; exec \"$@\""), "sh"]);
        command.arg(office_program());
        Self::open_by(command, root, &[])
    }

    fn open_by(mut command: Command, root: &Path, options: &[&str]) -> Self {
        let mut process = command
            .args(["--listen", "127.0.0.1:0", "--root"])
            .arg(root)
            .args(options)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .expect("post-office starts");
        let mut stdout = BufReader::new(process.stdout.take().expect("its stdout is piped"));
        let mut line = String::new();
        stdout.read_line(&mut line).expect("post-office prints text");
        let address = line
            .trim_end()
            .strip_prefix("listening on smtp ")
            .and_then(|address| address.parse().ok());
        let address = address.unwrap_or_else(|| panic!("the first line is {line:?}"));
        let others = others(&mut stdout, options);
        Self { process, stdout, address, others, root: root.to_owned() }
    }

    /// The port of another listener.
    pub(crate) fn port(&self, kind: &str) -> u16 {
        port_of(&self.others, kind)
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    pub(crate) fn id(&self) -> u32 {
        self.process.id()
    }

    /// The memory that the process has now and the most that it had, in octets.
    pub(crate) fn memory(&self) -> (u64, u64) {
        let status = fs::read_to_string(format!("/proc/{}/status", self.process.id()));
        let status = status.expect("post-office runs");
        let number = |name| {
            let line = status.lines().find_map(|line| line.strip_prefix(name));
            let kib = line.expect("Linux counts it").trim().trim_end_matches(" kB").parse::<u64>();
            kib.expect("it is a number") * 1024
        };
        (number("VmRSS:"), number("VmHWM:"))
    }

    /// A client that has said EHLO.
    pub(crate) fn client(&self) -> Peer {
        let mut peer = Peer::connect(self.address);
        peer.hello();
        peer
    }

    /// Delivers a letter from `from` to `to`; the reply to its content, or the first refusal.
    pub(crate) fn post(&self, from: &str, to: &[&str], content: &str) -> String {
        self.post_with(
            &format!("<{from}>"),
            &to.iter().map(|to| format!("<{to}>")).collect::<Vec<_>>(),
            content,
        )
    }

    /// As `post`, with paths in brackets and parameters behind them.
    pub(crate) fn post_with(&self, from: &str, to: &[String], content: &str) -> String {
        let mut client = self.client();
        let mut commands = vec![format!("MAIL FROM:{from}")];
        commands.extend(to.iter().map(|to| format!("RCPT TO:{to}")));
        for command in commands {
            let reply = client.say(&command);
            if code(&reply) != "250" {
                return reply;
            }
        }
        assert_eq!(code(&client.say("DATA")), "354");
        client.say(&format!("{}.", stuffed(content)))
    }

    /// The letters in `new` of a mailbox, oldest first.
    pub(crate) fn letters(&self, mailbox: &str) -> Vec<Delivered> {
        letters(&self.root, mailbox)
    }

    /// The only letter in a mailbox, as text without its trace fields.
    pub(crate) fn letter(&self, mailbox: &str) -> String {
        let letters = self.letters(mailbox);
        let [letter] = letters.as_slice() else {
            panic!("{} letters are in {mailbox}", letters.len())
        };
        letter.below_trace().to_owned()
    }

    /// Ends it as a power cut would end the process.
    pub(crate) fn kill(mut self) {
        self.process.kill().expect("it runs");
        self.process.wait().expect("it can be waited for");
    }

    /// Ends it by SIGTERM.
    pub(crate) fn terminate(&self) {
        terminate(&self.process);
    }

    /// Waits until it has ended; what else it printed, and how long that took.
    pub(crate) fn ended(mut self) -> (ExitStatus, String, Duration) {
        let start = Instant::now();
        let status = wait(&mut self.process, Duration::from_secs(10));
        let took = start.elapsed();
        let mut rest = String::new();
        self.stdout.read_to_string(&mut rest).expect("post-office prints text");
        (status, rest, took)
    }
}

impl Drop for Office {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl Delivered {
    pub(crate) fn text(&self) -> &str {
        str::from_utf8(&self.octets).expect("the tests send UTF-8")
    }

    /// What was sent: Return-Path and the first Received are those of the office.
    pub(crate) fn below_trace(&self) -> &str {
        let (trace, rest) = self.split();
        assert!(
            trace.starts_with("Return-Path: <") && trace.contains("\r\nReceived: from "),
            "{trace}"
        );
        rest
    }

    /// What the office put on top, and what was sent.
    pub(crate) fn split(&self) -> (&str, &str) {
        let text = self.text();
        let mut fields = 0;
        let mut at = 0;
        for line in text.split_inclusive('\n') {
            fields += u32::from(!line.starts_with(' '));
            if fields > 2 {
                break;
            }
            at += line.len();
        }
        text.split_at(at)
    }
}

/// The letters in `new` of a mailbox below `root`, oldest first.
pub(crate) fn letters(root: &Path, mailbox: &str) -> Vec<Delivered> {
    let folder = root.join("mailboxes").join(mailbox).join("new");
    let files =
        fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let files = files.map(|file| file.expect("it can be listed"));
    let mut letters: Vec<_> = files
        .map(|file| Delivered {
            file: file.file_name().into_string().expect("its name is text"),
            octets: fs::read(file.path()).expect("it can be read"),
        })
        .collect();
    letters.sort_by(|a, b| a.file.cmp(&b.file));
    letters
}

/// Everything below a folder but folders, as paths relative to it.
pub(crate) fn files_below(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    let mut open = vec![folder.to_owned()];
    while let Some(folder) = open.pop() {
        for entry in fs::read_dir(folder).expect("it can be listed") {
            let path = entry.expect("it can be listed").path();
            if path.is_dir() { open.push(path) } else { files.push(path) }
        }
    }
    files.retain(|file| file.exists());
    files
        .iter_mut()
        .for_each(|file| *file = file.strip_prefix(folder).expect("below it").to_owned());
    files.sort();
    files
}

/// A root that is removed when the test ends.
pub(crate) fn root() -> Scratch {
    Scratch::new("office")
}

/// Runs it to its end.
pub(crate) fn run_office(options: &[&str]) -> Output {
    Command::new(office_program()).args(options).output().expect("it starts")
}

/// The example, built like the tests themselves.
pub(crate) fn office_program() -> &'static Path {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    BUILT.get_or_init(|| build_example("post-office"))
}

/// Dots doubled at the start of lines.
pub(crate) fn stuffed(content: &str) -> String {
    content
        .split_inclusive('\n')
        .map(|line| if line.starts_with('.') { format!(".{line}") } else { line.to_owned() })
        .collect()
}
