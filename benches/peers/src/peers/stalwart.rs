//! smtp-proto 0.2 of Stalwart: a receiver of requests, of content and of replies.

use std::hint::black_box;

use stalwart::EXT_PIPELINING;
use stalwart::EhloResponse;
use stalwart::request::receiver::{DataReceiver, RequestReceiver};
use stalwart::response::parser::ResponseReceiver;

use crate::job::{Job, Peer, Task, Work};

pub(crate) struct Stalwart;

impl Peer for Stalwart {
    fn name(&self) -> &'static str {
        "smtp-proto (Stalwart)"
    }

    fn work(&self, job: &Job) -> Option<Work> {
        match job.task {
            Task::Parse => {
                let mut receiver = RequestReceiver::default();
                Work::new("domains, UTF-8, lengths, ORCPT and ENVID unchecked", move |input, _| {
                    let (mut rest, mut commands) = (input.iter(), 0);
                    while !rest.as_slice().is_empty() {
                        commands += usize::from(black_box(receiver.ingest(&mut rest)).is_ok());
                    }
                    commands
                })
            }
            Task::EhloReply => Work::new("", |input, _| {
                let reply = EhloResponse::parse(&mut input.iter()).expect("it is a reply");
                usize::from(black_box(reply).has_capability(EXT_PIPELINING))
            }),
            Task::Reply => Work::new("", |input, _| {
                let reply = ResponseReceiver::default().parse(&mut input.iter());
                usize::from(black_box(reply.expect("it is a reply")).code())
            }),
            Task::BodyIn(piece) => {
                let mut receiver = DataReceiver::new();
                // It does not undo the dot of a first line.
                receiver.ingest(&mut b"\r\n".iter(), &mut Vec::new());
                Work::new("stray CR, LF and NUL pass; no limits", move |input, sink| {
                    for piece in input.chunks(piece) {
                        receiver.ingest(&mut piece.iter(), sink);
                    }
                    sink.len()
                })
            }
            Task::Serve | Task::BodyOut => None,
        }
    }
}
