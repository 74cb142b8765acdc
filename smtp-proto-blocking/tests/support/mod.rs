//! What the tests of the example programs share.

pub(crate) mod scenarios;
pub(crate) mod scripted;

use core::time::Duration;
use std::env;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::thread;
use std::time::Instant;

use serde_json::Value;

/// How a program ended.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
    pub(crate) took: Duration,
}

/// Runs the `send` example with these arguments and this standard input. It is ended after `patience`, and its memory is limited.
pub(crate) fn send(arguments: &[&str], stdin: Vec<u8>, patience: Duration) -> Ended {
    let start = Instant::now();
    let mut process = limited(send_program())
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("send starts");
    let mut input = process.stdin.take().expect("it is piped");
    // A program that reads nothing may close its end.
    let writer = thread::spawn(move || drop(input.write_all(&stdin)));
    let stdout = reader(process.stdout.take().expect("it is piped"));
    let stderr = reader(process.stderr.take().expect("it is piped"));
    let code = wait(&mut process, patience);
    let took = start.elapsed();
    writer.join().expect("writing does not panic");
    let [stdout, stderr] =
        [stdout, stderr].map(|text| text.join().expect("reading does not panic"));
    Ended { code, stdout, stderr, took }
}

/// The program with at most 100 MiB of address space, where the shell can limit it.
fn limited(program: &Path) -> Command {
    if cfg!(target_os = "linux") {
        let mut command = Command::new("sh");
        command.args(["-c", "ulimit -v 102400; exec \"$@\"", "sh"]).arg(program);
        command
    } else {
        Command::new(program)
    }
}

fn reader(mut pipe: impl Read + Send + 'static) -> thread::JoinHandle<String> {
    thread::spawn(move || {
        let mut text = String::new();
        pipe.read_to_string(&mut text).expect("text");
        text
    })
}

fn wait(process: &mut Child, patience: Duration) -> Option<i32> {
    let start = Instant::now();
    while start.elapsed() < patience {
        if let Some(status) = process.try_wait().expect("it can be waited for") {
            return status.code();
        }
        thread::sleep(Duration::from_millis(2));
    }
    process.kill().expect("it can be ended");
    process.wait().expect("it is ended");
    None
}

/// The `send` example, built like the tests themselves.
fn send_program() -> &'static Path {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    BUILT.get_or_init(|| {
        let test = env::current_exe().expect("a test is a file");
        let released = test.components().any(|part| part.as_os_str() == "release");
        // The features of the whole workspace, as in its test command: then nothing is left to compile here.
        let built = Command::new(env!("CARGO"))
            .args(["build", "--quiet", "--workspace", "--all-features", "--example", "send"])
            .args(["--profile", if released { "release" } else { "test" }])
            .arg("--message-format=json")
            .current_dir(env!("CARGO_MANIFEST_DIR"))
            .stderr(Stdio::inherit())
            .output()
            .expect("cargo runs");
        assert!(built.status.success(), "send does not compile");
        let messages = String::from_utf8(built.stdout).expect("JSON is UTF-8");
        let messages = messages.lines().map(|line| serde_json::from_str(line).expect("it is JSON"));
        messages
            .filter(|message: &Value| message["target"]["name"] == "send")
            .find_map(|message| message["executable"].as_str().map(PathBuf::from))
            .expect("cargo names the program")
    })
}
