//! The rows that are told in words: each is put into practice here, under its id.

use crate::allocations::peak;
use crate::application::{Greeting, Keeps};
use crate::connection::Connection;
use crate::replay::opened;
use crate::settings::config;
use core::time::Duration;
use smtp_proto::Base64;
use smtp_proto::sasl::Credentials;
use smtp_proto::server::{Event, Server, Wants};
use smtp_proto::testing::cases::{Bytes, Case, MESSAGE_MAX, Step, Steps, cases};

/// The most that one session may hold on the heap, in octets: what is read ahead, replies that wait, answers owed.
const HEAP: usize = 65_536;

/// RFC 5321 4.5.3.1.5.
const LONGEST_REPLY_LINE: usize = 512;

/// Whether a row in words holds; one that nobody has put into practice does not.
pub(crate) fn judge(case: &Case<'_>) -> Result<(), String> {
    match case.id {
        "ST-40" => content_needs_hello_mail_and_rcpt(case),
        "LM-15" => peer_that_never_reads(case),
        "AU-44" => no_secret_is_shown(case),
        "LM-20" => heap_of_a_session(),
        _ => Err("told in words, and not put into practice".to_owned()),
    }
}

/// Neither an event nor a credential nor a report of a refusal shows what is in an AUTH line.
fn no_secret_is_shown(case: &Case<'_>) -> Result<(), String> {
    let secret = Base64::encode(b"\0u\0p");
    let mut server = opened(case, &[])?.into_server();
    let mut shown = String::new();
    let lines = [
        format!("AUTH PLAIN {secret}\r\n"),
        format!("AUTH PLAIN {secret}!\r\n"),
        format!("{secret}\r\n"),
        "AUTH LOGIN\r\n".to_owned(),
        format!("{secret}\r\n"),
    ];
    for line in lines {
        let mut input = line.as_bytes();
        while let Some(event) = server.next(&mut input) {
            shown.push_str(&format!("{event:?} {:?}\n", server.last_taken()));
            match event {
                Event::Auth { mechanism, pending, .. } if mechanism.is("LOGIN") => {
                    server.challenge(pending, b"Username:").map_err(|error| error.to_string())?;
                }
                event => server.decline(event),
            }
        }
        server.sent(usize::MAX);
    }
    let credentials = Credentials::plain("u", "hunter2");
    shown.push_str(&format!("{credentials:?}"));
    match shown.contains(&secret) || shown.contains("hunter2") {
        true => Err(shown),
        false if shown.matches("AuthSecret").count() < 5 => Err(format!("not wiped: {shown}")),
        false => Ok(()),
    }
}

/// Every sequence of five commands (three where `SMTP_QUICK` is set), at the start of a session and behind a message: 354 comes only where hello, MAIL and RCPT of one transaction were accepted.
fn content_needs_hello_mail_and_rcpt(case: &Case<'_>) -> Result<(), String> {
    let commands = [
        "EHLO c.test",
        "HELO c.test",
        "MAIL FROM:<a@x.test>",
        "RCPT TO:<r@t.test>",
        "RCPT TO:<no@t.test>",
        "DATA",
        "RSET",
        "text\r\n.",
    ];
    let message =
        ["EHLO c.test", "MAIL FROM:<a@x.test>", "RCPT TO:<r@t.test>", "DATA", "text\r\n."];
    let length = if std::env::var_os("SMTP_QUICK").is_some() { 3 } else { 5 };
    for number in 0..commands.len().pow(length) {
        let sequence =
            (0..length).map(|place| commands[number / commands.len().pow(place) % commands.len()]);
        let sequence: Vec<&str> = sequence.collect();
        Reference::default().follow(case, &sequence)?;
        Reference::default().follow(case, &[&message[..], &sequence].concat())?;
    }
    Ok(())
}

/// What a server must have accepted so far, in the simplest words.
#[derive(Debug, Default)]
struct Reference {
    hello: bool,
    mail: bool,
    rcpt: bool,
    content: bool,
}

impl Reference {
    fn follow(&mut self, case: &Case<'_>, sequence: &[&str]) -> Result<(), String> {
        let mut connection =
            Connection::open(config(case, &[])?, Greeting::AtOnce, Keeps::Everything);
        connection.take_outcome();
        for command in sequence {
            connection.write(format!("{command}\r\n").as_bytes());
            let outcome = connection.take_outcome();
            let stored = outcome.stored.len();
            for reply in outcome.replies()? {
                let wrong = reply.code == 354 && !(self.hello && self.mail && self.rcpt);
                if wrong || stored > 0 && !self.content {
                    return Err(format!("{} to {command} in {sequence:?}", reply.shown()));
                }
                self.take(command, reply.code);
            }
        }
        Ok(())
    }

    fn take(&mut self, command: &str, code: u16) {
        let accepted = (200..300).contains(&code);
        match &command[..4] {
            _ if self.content => *self = Self { hello: true, ..Self::default() },
            "DATA" => self.content = code == 354,
            "EHLO" | "HELO" if accepted => *self = Self { hello: true, ..Self::default() },
            "RSET" if accepted => *self = Self { hello: self.hello, ..Self::default() },
            "MAIL" if accepted => self.mail = true,
            "RCPT" if accepted => self.rcpt = true,
            _ => {}
        }
    }
}

/// The peer sends commands and reads no reply: the replies that wait are bounded, the machine names a deadline, and ends the session
/// when it has passed.
fn peer_that_never_reads(case: &Case<'_>) -> Result<(), String> {
    let mut server = opened(case, &[])?.into_server();
    let flood = format!("MAIL FROM:<a@x.test>\r\n{}", "RCPT TO:<r@t.test>\r\n".repeat(10_000));
    let mut input = flood.as_bytes();
    take_all(&mut server, &mut input);
    let bound = server.config().limits.replies + LONGEST_REPLY_LINE;
    if input.is_empty() || server.outgoing().len() > bound {
        return Err(format!("{} octets of replies wait", server.outgoing().len()));
    }
    let Wants::Flush(timer) = server.wants() else {
        return Err(format!("{:?} for a flush", server.wants()));
    };
    if timer.after > Duration::from_secs(300) {
        return Err(format!("a flush may take {:?}", timer.after));
    }
    server.timed_out(timer.id);
    take_all(&mut server, &mut input);
    if matches!(server.wants(), Wants::Close) {
        Ok(())
    } else {
        Err(format!("{:?} for a close", server.wants()))
    }
}

fn take_all(server: &mut Server, input: &mut &[u8]) {
    while let Some(event) = server.next(input) {
        server.decline(event);
    }
}

/// No row makes a session hold more than a bounded heap, however much it sends or announces.
fn heap_of_a_session() -> Result<(), String> {
    for case in cases() {
        let Bytes::Steps(steps) = &case.bytes else {
            continue;
        };
        let Some((opening, _)) = case.pre.opening().filter(|_| opened(&case, &[]).is_ok()) else {
            continue;
        };
        let opening = Steps::parse(opening, MESSAGE_MAX).expect("a unit test parses every opening");
        let config = config(&case, &[])?;
        let ((), octets) = peak(|| {
            let mut connection = Connection::open(config, Greeting::AtOnce, Keeps::Nothing);
            for step in opening.iter().chain(steps.iter()) {
                frugal(&mut connection, step);
            }
        });
        if octets > HEAP {
            return Err(format!("{} octets of heap in {}", octets, case.id));
        }
    }
    Ok(())
}

fn frugal(connection: &mut Connection, step: Step<'_>) {
    match step {
        Step::Octets(octets) => octets.chunks(4096).for_each(|piece| connection.write(piece)),
        Step::Pause(time) => connection.pass(time),
        Step::Eof => connection.end(),
        _ => {}
    }
}
