//! lettre: a client; of its core only the replies are public.

use std::hint::black_box;

use lettre::transport::smtp::extension::ServerInfo;
use lettre::transport::smtp::response::Response;

use crate::job::{Job, Peer, Task, Work};

pub(crate) struct Lettre;

impl Peer for Lettre {
    fn name(&self) -> &'static str {
        "lettre"
    }

    fn work(&self, job: &Job) -> Option<Work> {
        match job.task {
            Task::EhloReply => {
                Work::new("knows four keywords, PIPELINING not among them", |input, _| {
                    let server =
                        ServerInfo::from_response(&response(input)).expect("it is a reply");
                    black_box(server);
                    1
                })
            }
            Task::Reply => Work::new("no enhanced code", |input, _| {
                u16::from(black_box(response(input)).code()).into()
            }),
            _ => None,
        }
    }
}

fn response(input: &[u8]) -> Response {
    std::str::from_utf8(input).expect("it is US-ASCII").parse().expect("it is a reply")
}
