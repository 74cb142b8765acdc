//! smtp-proto: this project.

use std::hint::black_box;
use std::sync::Arc;

use smtp_proto::data::{LineEnds, Writer};
use smtp_proto::line::{Line, Lines, Replies, ReplyLimits};
use smtp_proto::server::{Config, Event, Server};
use smtp_proto::{Command, Extension, Extensions};

use super::OURS;
use crate::job::{Job, Peer, Task, Work};

pub(crate) const COPYING: &str = "smtp-proto, copying";

pub(crate) struct Ours;

impl Peer for Ours {
    fn name(&self) -> &'static str {
        OURS
    }

    fn work(&self, job: &Job) -> Option<Work> {
        match job.task {
            Task::Parse => Work::new("", |input, _| parse(input)),
            Task::Serve => serving(),
            Task::EhloReply => Work::new("", |input, _| ehlo_reply(input)),
            Task::Reply => Work::new("", |input, _| reply(input)),
            Task::BodyIn(piece) => body_in(piece, |_, run| {
                black_box(run);
            }),
            Task::BodyOut => body_out(),
        }
    }
}

/// The same, with each run of content copied into the sink, as peers do that have no other way.
pub(crate) struct Copying;

impl Peer for Copying {
    fn name(&self) -> &'static str {
        COPYING
    }

    fn work(&self, job: &Job) -> Option<Work> {
        match job.task {
            Task::BodyIn(piece) => body_in(piece, |sink, run| sink.extend_from_slice(run)),
            Task::BodyOut => Work::new("", move |content, sink| {
                let mut writer = Writer::new(LineEnds::Refuse);
                writer.write(content, sink).expect("it can be sent");
                let octets = sink.len();
                sink.extend_from_slice(writer.finish().expect("it has no bare CR"));
                octets
            }),
            _ => None,
        }
    }
}

fn parse(mut input: &[u8]) -> usize {
    let (mut lines, mut commands) = (Lines::new(), 0);
    while let Some(Line::Whole(line)) = lines.next(&mut input, 2048) {
        commands += usize::from(black_box(Command::parse(line)).is_ok());
    }
    commands
}

/// A session behind its EHLO.
fn session(largest: u64) -> Server {
    let mut config = Config::new("server.example").expect("it is a domain");
    config.limits.message = largest;
    let mut server = Server::new(Arc::new(config));
    serve(&mut server, b"", |_| ());
    serve(&mut server, b"EHLO client.example\r\n", |_| ());
    let octets = server.outgoing().len();
    server.sent(octets);
    server
}

/// Accepts everything, and returns how many commands there were.
fn serve(server: &mut Server, mut input: &[u8], mut body: impl FnMut(&[u8])) -> usize {
    let mut commands = 0;
    while let Some(event) = server.next(&mut input) {
        let answered = match event {
            Event::Body(run) => {
                body(run);
                continue;
            }
            Event::Rcpt { pending, .. } => server.accept(pending),
            Event::Mail { pending, .. } => server.accept(pending),
            Event::Data { pending, .. } => server.accept(pending),
            Event::Connect(pending) => server.accept(pending),
            Event::Hello { pending, .. } => server.accept(pending),
            Event::Message { pending, .. } => server.accept(pending),
            other => panic!("no {other:?} is expected"),
        };
        answered.expect("it can be accepted");
        commands += 1;
    }
    commands
}

fn serving() -> Option<Work> {
    let mut server = session(1 << 20);
    Work::new("", move |input, sink| {
        let commands = serve(&mut server, input, |_| ());
        sink.extend_from_slice(server.outgoing());
        let octets = server.outgoing().len();
        server.sent(octets);
        serve(&mut server, b".\r\n", |_| ());
        let octets = server.outgoing().len();
        server.sent(octets);
        commands
    })
}

fn ehlo_reply(mut input: &[u8]) -> usize {
    let reply = Replies::new().next(&mut input, &ReplyLimits::default());
    let extensions = Extensions::from_reply(&reply.expect("it is a reply").expect("it is whole"));
    usize::from(black_box(&extensions).contains(Extension::Pipelining))
}

fn reply(mut input: &[u8]) -> usize {
    let reply = Replies::new().next(&mut input, &ReplyLimits::default());
    let reply = reply.expect("it is a reply").expect("it is whole");
    usize::from(black_box(reply).code().get())
}

fn body_in(piece: usize, take: fn(&mut Vec<u8>, &[u8])) -> Option<Work> {
    let mut server = session(u64::MAX / 4);
    let begin = b"MAIL FROM:<a@client.example>\r\nRCPT TO:<b@server.example>\r\nDATA\r\n";
    serve(&mut server, begin, |_| ());
    let octets = server.outgoing().len();
    server.sent(octets);
    // What a piece leaves for want of what follows it is presented again in front of the next, as a read buffer has it.
    Work::new("", move |input, sink| {
        let (mut octets, mut start, mut end) = (0, 0, 0);
        while end < input.len() {
            end = (end + piece).min(input.len());
            let mut rest = &input[start..end];
            while let Some(event) = server.next(&mut rest) {
                let Event::Body(run) = event else { panic!("no {event:?} is expected") };
                octets += run.len();
                take(sink, run);
            }
            start = end - rest.len();
        }
        octets
    })
}

fn body_out() -> Option<Work> {
    Work::new("", move |content, _| {
        let mut writer = Writer::new(LineEnds::Refuse);
        let (mut rest, mut octets) = (content, 0);
        while !rest.is_empty() {
            let mut pieces = [&b""[..]; 64];
            let (taken, filled) = writer.pieces(rest, &mut pieces).expect("it can be sent");
            rest = &rest[taken..];
            octets += black_box(&pieces[..filled]).iter().map(|piece| piece.len()).sum::<usize>();
        }
        black_box(writer.finish().expect("it has no bare CR"));
        octets
    })
}
