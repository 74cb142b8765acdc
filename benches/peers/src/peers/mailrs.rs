//! mailrs-smtp-proto: a parser of lines and a session.

use std::hint::black_box;

use mailrs_smtp_proto::{Event, Response, Session, SessionConfig, parse_command, unstuff_data};

use super::lines;
use crate::job::{Job, Peer, Task, Work};

pub(crate) struct Mailrs;

impl Peer for Mailrs {
    fn name(&self) -> &'static str {
        "mailrs-smtp-proto"
    }

    fn work(&self, job: &Job) -> Option<Work> {
        match job.task {
            Task::Parse => {
                Work::new("lines are found for it; values unchecked, any address", |input, _| {
                    lines(input).filter(|line| black_box(parse_command(text(line))).is_ok()).count()
                })
            }
            Task::Serve => {
                let config = SessionConfig { max_recipients: 1000, ..SessionConfig::default() };
                let mut session = Session::new("server.example", config);
                let _ = session.handle_command(
                    &parse_command("EHLO client.example").expect("it is a command"),
                );
                Work::new(
                    "lines are found for it; values unchecked, any address",
                    move |input, sink| {
                        lines(input).map(|line| serve(&mut session, text(line), sink)).count()
                    },
                )
            }
            // It wants the whole message, and finds no end in a piece of it.
            Task::BodyIn(piece) if piece >= job.input.octets().len() => Work::new(
                "stray CR, LF and NUL pass; no limits; the end is found for it",
                |input, _| black_box(unstuff_data(input)).len(),
            ),
            _ => None,
        }
    }
}

fn text(line: &[u8]) -> &str {
    let line = line.strip_suffix(b"\r\n").expect("it is a line");
    std::str::from_utf8(line).expect("it is US-ASCII")
}

fn serve(session: &mut Session, line: &str, sink: &mut Vec<u8>) {
    let command = parse_command(line).expect("it is a command");
    let reply = match session.handle_command(&command) {
        Event::Reply(reply) => reply,
        Event::NeedData { .. } => Response::data_start(),
        _ => panic!("it is answered"),
    };
    sink.extend_from_slice(reply.format().as_bytes());
}
