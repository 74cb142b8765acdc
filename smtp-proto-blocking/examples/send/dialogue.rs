//! The dialogue as it passes by: for the transcript, and to know which step a reply was to.

use core::cell::RefCell;
use core::mem;
use core::time::Duration;
use std::collections::VecDeque;
use std::io::{self, IoSlice, Read, Write};
use std::rc::Rc;

use smtp_proto::{Code, Escaped, Reply};
use smtp_proto_blocking::Socket;
use tracing::trace;

/// What is kept of a reply: the client takes no longer ones.
const REPLY: usize = 64 * 1024;
/// What ends a content, the line end in front of it included.
const END: &[u8] = b"\r\n.\r\n";

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
}

/// A content that is being written.
#[derive(Debug)]
struct Content {
    octets: u64,
    /// The last of them.
    tail: Vec<u8>,
}

impl Content {
    /// Takes what was written; whether that was the end.
    fn ends_with(&mut self, octets: &[u8]) -> bool {
        self.octets += octets.len() as u64;
        self.tail.extend_from_slice(&octets[octets.len().saturating_sub(END.len())..]);
        self.tail.drain(..self.tail.len().saturating_sub(END.len()));
        self.tail == END
    }
}

impl Dialogue {
    pub(crate) fn new(shown: bool) -> Self {
        Self {
            shown,
            open: VecDeque::from(["the greeting".to_owned()]),
            answered: None,
            refusals: Vec::new(),
            command: Vec::new(),
            reply: Vec::new(),
            content: None,
        }
    }

    /// The step whose reply is the next.
    pub(crate) fn waits_for(&self) -> Option<&str> {
        self.open.front().map(String::as_str)
    }

    /// The step whose reply was the last.
    pub(crate) fn heard_of(&self) -> Option<&str> {
        self.answered.as_deref()
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

    fn wrote(&mut self, octets: &[u8]) {
        if let Some(content) = &mut self.content {
            // Nothing is written behind the end before its reply.
            if content.ends_with(octets) {
                let lines = format!("C: ({} octets)", content.octets - 3);
                self.content = None;
                self.show(&lines);
                self.show("C: .");
            }
            return;
        }
        for part in octets.split_inclusive(|octet| *octet == b'\n') {
            self.command.extend_from_slice(part);
            if part.ends_with(b"\n") {
                let line = Escaped(self.command.trim_ascii_end()).to_string();
                self.command.clear();
                self.show(&format!("C: {line}"));
                let verb = line.split(' ').next().unwrap_or_default();
                self.open.push_back(verb.to_owned());
            }
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
        if step == "DATA" && reply.code() == Code::START_MAIL_INPUT {
            self.open.push_front("the content".to_owned());
            self.content = Some(Content { octets: 0, tail: b"\r\n".to_vec() });
        } else if !reply.class().is_positive() {
            self.refusals.push((step, reply.to_string()));
        }
    }
}

/// A socket whose dialogue is followed.
#[derive(Debug)]
pub(crate) struct Followed<S> {
    socket: S,
    dialogue: Rc<RefCell<Dialogue>>,
}

impl<S> Followed<S> {
    pub(crate) const fn new(socket: S, dialogue: Rc<RefCell<Dialogue>>) -> Self {
        Self { socket, dialogue }
    }
}

impl<S: Socket> Read for Followed<S> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let octets = self.socket.read(buffer)?;
        self.dialogue.borrow_mut().heard(&buffer[..octets]);
        Ok(octets)
    }
}

impl<S: Socket> Write for Followed<S> {
    fn write(&mut self, octets: &[u8]) -> io::Result<usize> {
        let written = self.socket.write(octets)?;
        self.dialogue.borrow_mut().wrote(&octets[..written]);
        Ok(written)
    }

    fn write_vectored(&mut self, pieces: &[IoSlice<'_>]) -> io::Result<usize> {
        let written = self.socket.write_vectored(pieces)?;
        let (mut dialogue, mut left) = (self.dialogue.borrow_mut(), written);
        for piece in pieces {
            let octets = left.min(piece.len());
            dialogue.wrote(&piece[..octets]);
            left -= octets;
        }
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.socket.flush()
    }
}

impl<S: Socket> Socket for Followed<S> {
    fn limit_reads(&mut self, limit: Duration) -> io::Result<()> {
        self.socket.limit_reads(limit)
    }

    fn limit_writes(&mut self, limit: Duration) -> io::Result<()> {
        self.socket.limit_writes(limit)
    }

    fn end_writing(&mut self) -> io::Result<()> {
        self.socket.end_writing()
    }

    fn read_at_once(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let octets = self.socket.read_at_once(buffer)?;
        self.dialogue.borrow_mut().heard(&buffer[..octets]);
        Ok(octets)
    }

    fn writes_vectored(&self) -> bool {
        self.socket.writes_vectored()
    }
}
