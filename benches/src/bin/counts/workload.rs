//! What is counted.

use core::hint::black_box;

use smtp_proto::data::{LineEnds, Writer};
use smtp_proto::line::{Replies, ReplyLimits};
use smtp_proto::{Code, Command, Condition, Extensions, Reply};
use smtp_proto_benches::client::Letter;
use smtp_proto_benches::input::{Content, EHLO_REPLY, LINES, Parameters, REPLY, group};
use smtp_proto_benches::server::{Session, config};

/// One job, which can be done again and again.
pub(crate) struct Workload {
    pub(crate) job: &'static str,
    /// What it is counted for, and how many of them a run has.
    pub(crate) unit: &'static str,
    pub(crate) units: u64,
    pub(crate) run: Box<dyn FnMut()>,
}

fn work(
    job: &'static str,
    unit: &'static str,
    units: usize,
    run: impl FnMut() + 'static,
) -> Workload {
    Workload { job, unit, units: units as u64, run: Box::new(run) }
}

pub(crate) fn named(job: &str) -> Option<Workload> {
    all().into_iter().find(|work| work.job == job)
}

pub(crate) fn all() -> Vec<Workload> {
    let mut all: Vec<Workload> = LINES.into_iter().map(|(name, line)| parse(name, line)).collect();
    all.extend([
        serve("group of 102, served", Parameters::None),
        serve("group of 102 with parameters, served", Parameters::All),
        work("reply of one line, written", "reply", 100, write_reply()),
        work("reply of one line, read", "reply", 100, || hundred(|| reply(REPLY))),
        work("reply to EHLO of 14 lines, read", "reply", 100, || {
            hundred(|| Extensions::from_reply(&reply(EHLO_REPLY)));
        }),
        read("content in, 76 columns, pieces of 64 KiB", Content::Text, 65_536),
        read("content in, 76 columns, pieces of 1460", Content::Text, 1460),
        read("content in, 76 dots, pieces of 64 KiB", Content::Dots, 65_536),
        read("content in, .., pieces of 64 KiB", Content::TwoDots, 65_536),
        pieces("content out, 76 columns, pieces", Content::Text),
        copied("content out, 76 columns, copied", Content::Text),
        copied("content out, 76 dots, copied", Content::Dots),
        session("session of a 4 KiB letter, both machines"),
    ]);
    all
}

fn hundred<T>(mut run: impl FnMut() -> T) {
    (0..100).for_each(|_| {
        black_box(run());
    });
}

fn parse(name: &'static str, line: &'static [u8]) -> Workload {
    work(name, "command", 100, move || {
        hundred(|| Command::parse(black_box(line)));
    })
}

/// The lone dot that ends the empty letter is counted with the commands.
fn serve(job: &'static str, parameters: Parameters) -> Workload {
    let commands = group(parameters);
    let mut session = Session::greeted(&config(1 << 20));
    work(job, "command", 102, move || {
        black_box(session.serve(black_box(&commands)));
        black_box(session.serve(b".\r\n"));
    })
}

fn write_reply() -> impl FnMut() {
    let mut out = bytes::BytesMut::with_capacity(4096);
    let enhanced = Some(Condition::DESTINATION_ADDRESS_VALID.success());
    move || {
        out.clear();
        hundred(|| {
            black_box(Reply::new(Code::OK, enhanced, "Recipient accepted")).encode(&mut out);
        });
    }
}

fn reply(input: &'static [u8]) -> Reply<'static> {
    let mut rest = black_box(input);
    let reply = Replies::new().next(&mut rest, &ReplyLimits::default());
    reply.expect("it is a reply").expect("it is whole")
}

fn read(job: &'static str, content: Content, piece: usize) -> Workload {
    let content = content.octets(65_536);
    let mut session = Session::in_letter();
    work(job, "octet", content.len(), move || {
        black_box(session.read(black_box(&content), piece));
    })
}

fn pieces(job: &'static str, content: Content) -> Workload {
    let content = content.octets(65_536);
    work(job, "octet", content.len(), move || {
        let (mut writer, mut rest) = (Writer::new(LineEnds::Refuse), &content[..]);
        while !rest.is_empty() {
            let mut pieces = [&b""[..]; 64];
            let (taken, filled) = writer.pieces(rest, &mut pieces).expect("it is sound");
            black_box(&pieces[..filled]);
            rest = &rest[taken..];
        }
    })
}

fn copied(job: &'static str, content: Content) -> Workload {
    let content = content.octets(65_536);
    let mut out = Vec::with_capacity(2 * content.len());
    work(job, "octet", content.len(), move || {
        out.clear();
        let mut writer = Writer::new(LineEnds::Refuse);
        writer.write(black_box(&content), &mut out).expect("it is sound");
    })
}

fn session(job: &'static str) -> Workload {
    let letter = Letter::new(Content::Text.octets(4096));
    let config = config(1 << 20);
    work(job, "letter", 1, move || {
        black_box(letter.deliver(&mut Session::new(&config)));
    })
}
