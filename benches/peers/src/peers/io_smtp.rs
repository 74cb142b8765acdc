//! io-smtp of Pimalaya: a client of coroutines.

use std::hint::black_box;

use io_smtp::coroutine::{SmtpCoroutine, SmtpCoroutineState, SmtpYield};
use io_smtp::rfc5321::data::SmtpData;
use io_smtp::rfc5321::{SmtpEhloResponse, SmtpResponse};

use crate::job::{Job, Peer, Task, Work};

pub(crate) struct IoSmtp;

impl Peer for IoSmtp {
    fn name(&self) -> &'static str {
        "io-smtp"
    }

    fn work(&self, job: &Job) -> Option<Work> {
        match job.task {
            Task::EhloReply => Work::new("keywords are left as text", |input, _| {
                let reply = SmtpEhloResponse::parse(input).expect("it is a reply");
                usize::from(black_box(reply).has_capability("PIPELINING"))
            }),
            Task::Reply => Work::new("no enhanced code", |input, _| {
                let reply = SmtpResponse::parse(input).expect("it is a reply");
                usize::from(black_box(reply).code.code())
            }),
            Task::BodyOut => Work::new(
                "stray CR, LF and NUL pass; the message is copied in first",
                |content, _| {
                    let mut data = SmtpData::new(content.to_vec());
                    let mut reply = None;
                    loop {
                        match data.resume(reply.take()) {
                            SmtpCoroutineState::Yielded(SmtpYield::WantsWrite(octets))
                                if octets == b"DATA\r\n" => {}
                            SmtpCoroutineState::Yielded(SmtpYield::WantsWrite(octets)) => {
                                return black_box(octets).len() - b".\r\n".len();
                            }
                            SmtpCoroutineState::Yielded(_) => reply = Some(&b"354 go on\r\n"[..]),
                            SmtpCoroutineState::Complete(_) => panic!("it was not sent"),
                        }
                    }
                },
            ),
            _ => None,
        }
    }
}
