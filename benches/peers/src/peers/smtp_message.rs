//! smtp-message of kannader: parsers, and streams that undo and double dots.

use std::hint::black_box;
use std::pin::Pin;
use std::task::Poll;

use futures_io::AsyncWrite;
use smtp_message::{Command, DataUnescaper, EscapingDataWriter, Reply};

use super::stream::{Stream, finish};
use crate::job::{Job, Peer, Task, Work};

pub(crate) struct SmtpMessage;

impl Peer for SmtpMessage {
    fn name(&self) -> &'static str {
        "smtp-message"
    }

    fn work(&self, job: &Job) -> Option<Work> {
        match job.task {
            Task::Parse => Work::new("parameter values and lengths unchecked", |mut input, _| {
                let mut commands = 0;
                while let Ok((rest, read)) = Command::<&str>::parse(input) {
                    black_box(read);
                    input = rest;
                    commands += 1;
                }
                commands
            }),
            Task::EhloReply => Work::new("keywords are left as text", |input, _| {
                let (_, reply) = Reply::<&str>::parse(input).expect("it is a reply");
                usize::from(black_box(reply).text.len() == 14)
            }),
            Task::Reply => Work::new("", |input, _| {
                let (_, reply) = Reply::<&str>::parse(input).expect("it is a reply");
                usize::from(black_box(reply).code.code())
            }),
            // It undoes the dots in place, so the input has to be copied first; what it leaves of a piece, its caller puts in front of
            // the next, which is not done here.
            Task::BodyIn(piece) if piece >= job.input.octets().len() => Work::new(
                "stray CR, LF and NUL pass; no limits; the end is found for it",
                |input, sink| {
                    sink.extend_from_slice(input);
                    let undone = DataUnescaper::new(true).unescape(sink);
                    black_box(&sink[..undone.written]);
                    undone.written + (input.len() - undone.unhandled_idx)
                },
            ),
            Task::BodyOut => Work::new("stray CR, LF and NUL pass", |content, sink| {
                let mut writer = EscapingDataWriter::new(Stream::new(sink));
                let mut rest = content;
                finish(std::future::poll_fn(|context| {
                    while !rest.is_empty() {
                        match Pin::new(&mut writer).poll_write(context, rest) {
                            Poll::Ready(Ok(octets)) => rest = &rest[octets..],
                            _ => panic!("a Vec takes it"),
                        }
                    }
                    Poll::Ready(())
                }));
                finish(writer.finish()).expect("a Vec takes it");
                sink.len() - b".\r\n".len()
            }),
            Task::Serve | Task::BodyIn(_) => None,
        }
    }
}
