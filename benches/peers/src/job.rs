//! The jobs, and what a peer is.

use crate::input::{self, Input};

/// One thing to do, the same for every peer.
#[derive(Clone)]
pub(crate) struct Job {
    pub(crate) name: String,
    pub(crate) task: Task,
    pub(crate) input: Input,
    /// What the work returns when it did all of it.
    pub(crate) result: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Task {
    /// Find the lines and read the commands. The result is their number.
    Parse,
    /// The same by a server's machine that accepts each; the replies go into the sink.
    Serve,
    /// Read the reply to EHLO. The result is 1 if PIPELINING was understood.
    EhloReply,
    /// Read a reply of one line. The result is its code.
    Reply,
    /// Read content that came in pieces of so many octets, dots undone. The result is its octets.
    BodyIn(usize),
    /// Double the dots of content and end it. The result is its octets without the end.
    BodyOut,
}

/// A crate that is measured.
pub(crate) trait Peer {
    fn name(&self) -> &'static str;

    /// How it does a job; `None` where it has no API for it.
    fn work(&self, job: &Job) -> Option<Work>;
}

type Run = dyn FnMut(&[u8], &mut Vec<u8>) -> usize;

/// A job, ready to be done again and again: takes the input and the shared sink, and returns the result of the [`Task`].
pub(crate) struct Work {
    pub(crate) run: Box<Run>,
    /// What others do and this does not.
    pub(crate) less: &'static str,
}

impl Work {
    pub(crate) fn new(
        less: &'static str,
        run: impl FnMut(&[u8], &mut Vec<u8>) -> usize + 'static,
    ) -> Option<Self> {
        Some(Self { run: Box::new(run), less })
    }
}

const KIB_64: usize = 64 * 1024;
/// What a read brings over Ethernet.
const PACKET: usize = 1460;

impl Job {
    pub(crate) fn all() -> Vec<Self> {
        let job = |name: &str, task, octets: &[u8], result| Self {
            name: name.into(),
            task,
            input: Input::new(octets),
            result,
        };
        let plain = input::group("", "");
        let full = input::group(
            " SIZE=1000 BODY=8BITMIME RET=HDRS ENVID=QQ314159",
            " NOTIFY=SUCCESS,FAILURE ORCPT=rfc822;#@server.example",
        );
        let mut jobs = vec![
            job("MAIL with four parameters, parsed", Task::Parse, input::MAIL.as_bytes(), 1),
            job("group of 102, parsed", Task::Parse, plain.as_bytes(), 102),
            job("group of 102 with parameters, parsed", Task::Parse, full.as_bytes(), 102),
            job("group of 102, served", Task::Serve, plain.as_bytes(), 102),
            job("group of 102 with parameters, served", Task::Serve, full.as_bytes(), 102),
            job("EHLO reply of 14 lines", Task::EhloReply, input::EHLO_REPLY.as_bytes(), 1),
            job("reply of one line", Task::Reply, input::REPLY.as_bytes(), 250),
        ];
        for (kind, content, undone) in contents() {
            for piece in [KIB_64, PACKET] {
                let name = format!("body in, {kind}, pieces of {piece}");
                jobs.push(job(&name, Task::BodyIn(piece), &content, undone));
            }
        }
        for (kind, content, _) in contents().into_iter().take(2) {
            let result = content.len();
            jobs.push(job(&format!("body out, {kind}"), Task::BodyOut, &content, result));
        }
        jobs
    }
}

/// What the content is like, its octets, and how many they are with the dots undone.
fn contents() -> Vec<(&'static str, Vec<u8>, usize)> {
    const WORDS: &[u8] = b"etaoin shrdlu etaoin shrdlu ETAOIN, 0123456789.";
    const BASE64: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let whole = |kind, content: Vec<u8>| {
        let octets = content.len();
        (kind, content, octets)
    };
    // No line of the text begins with a dot, as nearly none does in mail.
    let text = String::from_utf8(input::text(WORDS, KIB_64)).expect("it is US-ASCII");
    let text = text.replace("\r\n.", "\r\nx").into_bytes();
    let (dots, two) = (input::lines(&[b'.'; 76], KIB_64), input::lines(b"..", KIB_64));
    let (undone_dots, undone_two) = (dots.len() / 78 * 77, two.len() / 4 * 3);
    vec![
        whole("76 columns", text),
        whole("base64", input::text(BASE64, KIB_64)),
        ("lines of 76 dots", dots, undone_dots),
        ("lines ..", two, undone_two),
        whole("one endless line", vec![b'x'; KIB_64]),
        whole("all CRLF", input::lines(b"", KIB_64)),
    ]
}
