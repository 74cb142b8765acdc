//! mail-send of Stalwart: a client over a stream, here one in memory.

use std::time::Duration;

use mail_send::SmtpClient;
use stalwart::EXT_PIPELINING;

use super::stream::{Stream, finish};
use crate::job::{Job, Peer, Task, Work};

pub(crate) struct MailSend;

fn client(stream: Stream<'_>) -> SmtpClient<Stream<'_>> {
    SmtpClient { stream, timeout: Duration::from_secs(300) }
}

impl Peer for MailSend {
    fn name(&self) -> &'static str {
        "mail-send"
    }

    fn work(&self, job: &Job) -> Option<Work> {
        match job.task {
            Task::EhloReply => Work::new("", |input, sink| {
                let reply = finish(client(Stream::reading(input, sink)).read_ehlo());
                usize::from(reply.expect("it is a reply").has_capability(EXT_PIPELINING))
            }),
            Task::Reply => Work::new("", |input, sink| {
                let reply = finish(client(Stream::reading(input, sink)).read());
                reply.expect("it is a reply").code().into()
            }),
            Task::BodyOut => Work::new("stray CR, LF and NUL pass", |content, sink| {
                finish(client(Stream::new(sink)).write_message(content)).expect("a Vec takes it");
                sink.len() - b"\r\n.\r\n".len()
            }),
            _ => None,
        }
    }
}
