//! smtp-codec: parsers of commands and of replies.

use std::hint::black_box;

use smtp_codec::parse::command::command;
use smtp_codec::parse::response::ehlo_ok_rsp;
use smtp_codec::types::{Capability, Response};

use crate::job::{Job, Peer, Task, Work};

pub(crate) struct SmtpCodec;

impl Peer for SmtpCodec {
    fn name(&self) -> &'static str {
        "smtp-codec"
    }

    fn work(&self, job: &Job) -> Option<Work> {
        match job.task {
            Task::Parse => Work::new("values and lengths unchecked", |mut input, _| {
                let mut commands = 0;
                while let Ok((rest, read)) = command(input) {
                    black_box(read);
                    input = rest;
                    commands += 1;
                }
                commands
            }),
            Task::EhloReply => Work::new("", |input, _| {
                let (_, reply) = ehlo_ok_rsp(input).expect("it is a reply");
                let Response::Ehlo { capabilities, .. } = black_box(reply) else { return 0 };
                usize::from(capabilities.contains(&Capability::Pipelining))
            }),
            _ => None,
        }
    }
}
