//! What `blast` sends, and what it says of it.

mod support;

use std::process::{Command, Output};

use support::{Sink, build_example};

/// The output of a run against this sink.
fn blast(sink: &Sink, options: &[&str]) -> Output {
    let mut command = Command::new(build_example("blast"));
    command.args(["--server", &sink.address().to_string()]).args(options);
    command.output().expect("it starts")
}

/// The value of a word in the line that it ends with.
fn word(output: &Output, name: &str) -> String {
    let line = String::from_utf8(output.stdout.clone()).expect("it is text");
    let values = line.split_whitespace().filter_map(|word| word.split_once('='));
    let value = values.filter(|(word, _)| *word == name).map(|(_, value)| value).next();
    value.unwrap_or_else(|| panic!("no {name} in {line:?}")).to_owned()
}

#[test]
fn every_letter_arrives_once_with_all_its_octets() {
    let sink = Sink::start(&[]);
    let options = "--messages 30 --sessions 4 --octets 3000 --recipients 3 --per-connection 5";
    let output = blast(&sink, &options.split(' ').collect::<Vec<_>>());
    assert!(output.status.success());
    assert_eq!((word(&output, "messages"), word(&output, "failed")), ("30".into(), "0".into()));
    let stored = sink.stored();
    assert_eq!(stored.len(), 30);
    for letter in stored {
        assert_eq!(letter.content.len(), 3000);
        assert_eq!(letter.envelope["to"].as_array().map(Vec::len), Some(3));
    }
}

/// The answers of LMTP are one a recipient; the chunks show where sink drops the connection behind the first.
#[test]
fn letters_go_by_lmtp_and_in_chunks() {
    let sink = Sink::start(&["--lmtp", "127.0.0.1:0"]);
    let lmtp = format!("127.0.0.1:{}", sink.port("lmtp"));
    let options = ["--lmtp", "--bdat", "--messages", "6", "--recipients", "2", "--octets", "50000"];
    let output = Command::new(build_example("blast"))
        .args(["--server", &lmtp])
        .args(options)
        .output()
        .expect("it starts");
    assert!(output.status.success(), "{output:?}");
    let stored = sink.stored();
    assert_eq!(stored.len(), 6);
    for letter in stored {
        assert_eq!(letter.content.len(), 50_000);
        assert_eq!(letter.envelope["protocol"], "LMTP");
    }
    let one = ["--messages", "1", "--sessions", "1", "--octets", "1000000"];
    for (options, failed) in [(&["--bdat"][..], "1"), (&[], "0")] {
        let sink = Sink::start(&["--close-after", "BDAT"]);
        let output = blast(&sink, &[&one, options].concat());
        assert_eq!(word(&output, "failed"), failed, "{options:?}");
    }
}

#[test]
fn refused_letters_are_counted_and_tell_in_the_exit_code() {
    let sink = Sink::start(&["--reject", "recipient1@localhost"]);
    let output = blast(&sink, &["--messages", "4", "--recipients", "2", "--no-pipelining"]);
    assert_eq!(output.status.code(), Some(1));
    assert_eq!((word(&output, "messages"), word(&output, "failed")), ("0".into(), "4".into()));
}

#[test]
fn letters_that_find_no_server_have_failed() {
    let sink = Sink::start(&[]);
    let address = sink.address().to_string();
    drop(sink);
    let output = Command::new(build_example("blast"))
        .args(["--server", &address, "--messages", "3"])
        .output()
        .expect("it starts");
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(word(&output, "failed"), "3");
    let told = format!("blast: cannot connect to {address}: ");
    assert!(String::from_utf8_lossy(&output.stderr).starts_with(&told));
}

#[test]
fn a_wrong_command_line_is_told_before_anything_is_sent() {
    for wrong in [&["--server", "127.0.0.1"][..], &["--server", "127.0.0.1:1", "--sessions", "0"]] {
        let output = Command::new(build_example("blast")).args(wrong).output().expect("it starts");
        assert_eq!((output.status.code(), output.stdout.len()), (Some(2), 0), "{wrong:?}");
    }
}

#[test]
fn lmtp_is_not_spoken_on_port_25() {
    let output = Command::new(build_example("blast"))
        .args(["--lmtp", "--server", "127.0.0.1:25"])
        .output()
        .expect("it starts");
    assert_eq!((output.status.code(), output.stdout.len()), (Some(2), 0));
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(told, "blast: LMTP may not be spoken on port 25.\n");
}
