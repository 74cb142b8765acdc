//! What the tests of the example programs share.

pub(crate) mod certificates;
pub(crate) mod program;
pub(crate) mod scenarios;
pub(crate) mod scripted;

use core::time::Duration;
use std::io::{Read, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Instant;

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
    let mut process = limited(program::example("send"))
        .args(arguments)
        .env("PASSWORD", "tanstaaf")
        .env("NO_PASSWORD", "")
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
