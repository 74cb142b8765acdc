//! The dialogue as it passes by: for the transcript, and to know which step a reply was to.

use core::mem;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use smtp_proto::{Code, Escaped, Reply, TlsInfo};
use smtp_proto_blocking::Witness;
use tracing::{debug, trace};

/// What is kept of a reply: the client takes no longer ones.
const REPLY: usize = 64 * 1024;
/// What ends a content, the line end in front of it included.
const END: &[u8] = b"\r\n.\r\n";
/// What is shown of a secret.
const REDACTED: &str = "<redacted>";

/// What was said, and what was not answered yet.
#[derive(Debug)]
pub(crate) struct Dialogue {
    shown: bool,
    /// The steps that have no reply yet.
    open: VecDeque<String>,
    /// The step that was replied to last.
    answered: Option<String>,
    /// The replies that refused something, with their steps.
    refusals: Vec<(String, String)>,
    /// What was written of a line.
    command: Vec<u8>,
    /// What was read of a reply.
    reply: Vec<u8>,
    content: Option<Content>,
    /// Recipients that were accepted, where each has a reply to the content (RFC 2033 4.2).
    judged: Option<usize>,
    /// The next line answers a challenge of AUTH.
    secret: bool,
}

/// A content that is being written.
#[derive(Debug)]
enum Content {
    /// By DATA: so many octets, and the last of them.
    Data(u64, Vec<u8>),
    /// By BDAT: so many of all these.
    Chunk(u64, u64),
}

impl Content {
    /// Takes the front of what was written, up to the end; whether that was the end.
    fn take(&mut self, octets: &mut &[u8]) -> bool {
        match self {
            Self::Data(count, tail) => {
                *count += octets.len() as u64;
                tail.extend_from_slice(&octets[octets.len().saturating_sub(END.len())..]);
                tail.drain(..tail.len().saturating_sub(END.len()));
                // Nothing is written behind the end before its reply.
                *octets = &[];
                tail == END
            }
            Self::Chunk(count, all) => {
                let left = usize::try_from(*all - *count).unwrap_or(usize::MAX);
                let (now, later) = octets.split_at(octets.len().min(left));
                *count += now.len() as u64;
                *octets = later;
                count == all
            }
        }
    }
}

impl Dialogue {
    pub(crate) fn new(shown: bool, lmtp: bool) -> Self {
        Self {
            shown,
            open: VecDeque::from(["the greeting".to_owned()]),
            answered: None,
            refusals: Vec::new(),
            command: Vec::new(),
            reply: Vec::new(),
            content: None,
            judged: lmtp.then_some(0),
            secret: false,
        }
    }

    /// The step whose reply is the next.
    pub(crate) fn waits_for(&self) -> Option<&str> {
        self.open.front().map(String::as_str)
    }

    /// The step whose reply was the last, be it no whole one.
    pub(crate) fn heard_of(&self) -> Option<&str> {
        if self.reply.is_empty() { self.answered.as_deref() } else { self.waits_for() }
    }

    /// The step that got this reply, where it was a refusal.
    pub(crate) fn refused_by(&self, reply: &str) -> Option<&str> {
        let found = self.refusals.iter().find(|(_, refusal)| refusal == reply);
        found.map(|(step, _)| step.as_str())
    }

    fn show(&self, line: &str) {
        if self.shown {
            eprintln!("{line}");
        }
        trace!("{line}");
    }

    fn wrote(&mut self, mut octets: &[u8]) {
        while !octets.is_empty() {
            if let Some(content) = &mut self.content {
                if content.take(&mut octets) {
                    self.content_ended();
                }
                continue;
            }
            let end = octets.iter().position(|octet| *octet == b'\n').map(|at| at + 1);
            let (part, rest) = octets.split_at(end.unwrap_or(octets.len()));
            self.command.extend_from_slice(part);
            octets = rest;
            if end.is_some() {
                let line = Escaped(self.command.trim_ascii_end()).to_string();
                self.command.fill(0);
                self.command.clear();
                self.said(&line);
            }
        }
    }

    fn content_ended(&mut self) {
        match self.content.take() {
            Some(Content::Data(count, _)) => {
                self.show(&format!("C: ({} octets)", count - 3));
                self.show("C: .");
            }
            Some(Content::Chunk(count, _)) => self.show(&format!("C: ({count} octets)")),
            None => {}
        }
    }

    fn said(&mut self, line: &str) {
        if mem::take(&mut self.secret) {
            // The reply is to AUTH.
            return self.show(&format!("C: {}", if line == "*" { line } else { REDACTED }));
        }
        let mut words = line.split(' ');
        let verb = words.next().unwrap_or_default();
        match (verb, words.next(), words.next()) {
            ("AUTH", Some(mechanism), Some(_)) => {
                self.show(&format!("C: AUTH {mechanism} {REDACTED}"));
            }
            ("BDAT", Some(octets), _) => {
                let octets = octets.parse().unwrap_or_default();
                self.content = (octets > 0).then_some(Content::Chunk(0, octets));
                self.show(&format!("C: {line}"));
            }
            _ => self.show(&format!("C: {line}")),
        }
        let replies = if line.starts_with("BDAT ") && line.ends_with(" LAST") {
            self.judged.unwrap_or(1)
        } else {
            1
        };
        self.open.extend((0..replies).map(|_| verb.to_owned()));
        if let (Some(judged), "MAIL") = (&mut self.judged, verb) {
            *judged = 0;
        }
    }

    fn heard(&mut self, octets: &[u8]) {
        for part in octets.split_inclusive(|octet| *octet == b'\n') {
            if self.reply.len() < REPLY {
                self.reply.extend_from_slice(part);
            }
            if self.reply.ends_with(b"\r\n") {
                let line = self.reply.trim_ascii_end().rsplit(|octet| *octet == b'\n').next();
                let line = line.unwrap_or_default();
                let goes_on = line.get(3) == Some(&b'-');
                self.show(&format!("S: {}", Escaped(line)));
                if !goes_on {
                    self.replied();
                }
            }
        }
    }

    fn replied(&mut self) {
        let octets = mem::take(&mut self.reply);
        self.answered = self.open.pop_front();
        let (Ok(reply), Some(step)) = (Reply::parse(&octets), self.answered.clone()) else {
            return;
        };
        if reply.code() == Code::START_MAIL_INPUT && step == "DATA" {
            for _ in 0..self.judged.unwrap_or(1) {
                self.open.push_front("the content".to_owned());
            }
            self.content = Some(Content::Data(0, b"\r\n".to_vec()));
        } else if reply.code() == Code::CHALLENGE && step == "AUTH" {
            self.open.push_front(step);
            self.secret = true;
        } else if reply.class().is_positive() {
            if let (Some(judged), "RCPT") = (&mut self.judged, step.as_str()) {
                *judged += 1;
            }
        } else {
            self.refusals.push((step, reply.to_string()));
        }
    }
}

/// The dialogue, which the socket shows what passes.
#[derive(Clone, Debug)]
pub(crate) struct Shared(Arc<Mutex<Dialogue>>);

impl Shared {
    pub(crate) fn new(dialogue: Dialogue) -> Self {
        Self(Arc::new(Mutex::new(dialogue)))
    }

    pub(crate) fn get(&self) -> MutexGuard<'_, Dialogue> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Witness for Shared {
    fn wrote(&mut self, octets: &[u8]) {
        self.get().wrote(octets);
    }

    fn read(&mut self, octets: &[u8]) {
        self.get().heard(octets);
    }

    fn encrypted(&mut self, info: &TlsInfo) {
        debug!(version = info.version, cipher = info.cipher, verified = info.verified, "TLS");
    }
}
