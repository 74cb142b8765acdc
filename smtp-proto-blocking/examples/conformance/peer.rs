//! The other end of a connection: it writes what a row says, and hears all the time.

use core::mem;
use core::ops::RangeInclusive;
use core::time::Duration;
use std::io::{self, ErrorKind, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Instant;

use smtp_proto::line::{Replies, ReplyLimits};
use smtp_proto::testing::cases::{Step, Steps};
use smtp_proto::{Escaped, ReplyBuf};
use smtp_proto_blocking::tls::Handshake;
use tracing::trace;

use crate::tls::Layer;

/// What is written at once, at most.
const PIPE: usize = 64 * 1024;
/// Between two writes that should not come together.
const GAP: Duration = Duration::from_millis(20);
/// A server that has replied closes within this time, or stays open.
const CLOSING: Duration = Duration::from_secs(1);
/// Behind the end of what this side says, a server has said all within this time.
const LATE: Duration = Duration::from_secs(2);
/// A row takes so many times the patience for one reply, at most.
const ROW: u32 = 6;
/// The first octet of a record of TLS: behind its end such a record says nothing, and anything else was said in clear.
const RECORDS: RangeInclusive<u8> = 20..=24;
/// What is shown of octets that are no reply.
const FAULTY: usize = 200;

/// How to speak with the server.
#[derive(Clone, Debug)]
pub(crate) struct Manner {
    /// How long a reply is waited for.
    pub(crate) patience: Duration,
    /// What has not come by then, behind the last reply, does not come.
    pub(crate) quiet: Duration,
    /// None where it is to be in clear.
    pub(crate) tls: Option<Handshake>,
    /// What is never shown.
    pub(crate) secrets: Vec<Vec<u8>>,
}

/// A client with a thread that listens. It ends with its value.
#[derive(Debug)]
pub(crate) struct Peer {
    stream: TcpStream,
    shared: Arc<Shared>,
    listener: Option<JoinHandle<()>>,
    manner: Manner,
    end: Instant,
    /// Replies that were heard at the last wait.
    waited: usize,
    /// Line ends that were written since.
    lines: usize,
}

#[derive(Debug, Default)]
struct Shared {
    heard: Mutex<Heard>,
    news: Condvar,
}

#[derive(Debug, Default)]
struct Heard {
    octets: Vec<u8>,
    closed: bool,
    tls: Option<Layer>,
    replies: usize,
    /// Octets of the line that is being heard, and whether a hyphen stands behind its code.
    line: usize,
    hyphen: bool,
}

impl Heard {
    /// Takes what was read; gives what is to be written at once, in a handshake.
    fn take(&mut self, octets: &[u8]) -> Vec<u8> {
        let Some(tls) = self.tls.as_mut().filter(|tls| !tls.has_ended()) else {
            let is_record =
                self.tls.is_some() && octets.first().is_some_and(|octet| RECORDS.contains(octet));
            if !is_record {
                self.said(octets);
            }
            return Vec::new();
        };
        let (said, ended) = tls.read(octets);
        let records = tls.records().unwrap_or_default();
        self.said(&said);
        self.closed |= ended;
        records
    }

    fn is_handshaking(&self) -> bool {
        self.tls.as_ref().is_some_and(Layer::is_handshaking)
    }

    fn said(&mut self, octets: &[u8]) {
        if !octets.is_empty() {
            trace!("S: {}", Escaped(octets));
        }
        self.octets.extend_from_slice(octets);
        for octet in octets {
            self.hyphen |= self.line == 3 && *octet == b'-';
            self.line += 1;
            if *octet == b'\n' {
                self.replies += usize::from(!mem::take(&mut self.hyphen));
                self.line = 0;
            }
        }
    }
}

impl Peer {
    pub(crate) fn new(stream: TcpStream, manner: Manner) -> io::Result<Self> {
        // Each write of a row is a segment of its own.
        stream.set_nodelay(true)?;
        stream.set_write_timeout(Some(manner.patience))?;
        let shared = Arc::new(Shared::default());
        let mut ear = stream.try_clone()?;
        let listener = thread::Builder::new().spawn({
            let shared = Arc::clone(&shared);
            move || shared.listen(&mut ear)
        })?;
        let end = Instant::now() + manner.patience * ROW;
        let listener = Some(listener);
        Ok(Self { stream, shared, listener, manner, end, waited: 0, lines: 0 })
    }

    /// Writes the octets and heeds the marks, as long as the server hears and the time lasts.
    pub(crate) fn play(&mut self, steps: &Steps) {
        let mut pipe = Vec::new();
        for step in steps.iter() {
            if let Step::Octets(octets) = step {
                pipe.extend_from_slice(octets);
                if pipe.len() < PIPE {
                    continue;
                }
            }
            let told = self.write(&mut pipe);
            match step {
                Step::Cut => thread::sleep(GAP),
                Step::Wait => self.wait(),
                Step::Eof => drop(self.stream.shutdown(Shutdown::Write)),
                Step::Tls => self.shake_hands(),
                Step::TlsEnd => self.end_tls(),
                _ => {}
            }
            if !told || self.shared.heard().closed || Instant::now() > self.end {
                return;
            }
        }
        self.write(&mut pipe);
    }

    /// Waits for so many replies in all, and what comes right behind them: octets, or the end where it is expected.
    pub(crate) fn hear(&self, replies: usize, closing: bool) {
        self.shared.until(self.manner.patience, |heard| heard.closed || heard.replies >= replies);
        let before = self.shared.heard().octets.len();
        let wait = if closing { CLOSING.max(self.manner.quiet) } else { self.manner.quiet };
        self.shared.until(wait, |heard| heard.closed || !closing && heard.octets.len() > before);
        // One reply more than expected is not always the last.
        if self.shared.heard().octets.len() > before {
            self.shared.until(self.manner.quiet, |heard| heard.closed);
        }
    }

    /// Says no more. A server that was slow has still to answer what it read: it does so before it notices the end.
    pub(crate) fn end(&self) {
        let _ = self.stream.shutdown(Shutdown::Write);
        self.shared.until(self.manner.patience.min(LATE), |heard| heard.closed);
    }

    /// The replies so far, up to what is none.
    pub(crate) fn replies(&self) -> (Vec<ReplyBuf>, Option<String>) {
        let heard = self.shared.heard();
        let (mut finder, mut input, mut all) =
            (Replies::new(), heard.octets.as_slice(), Vec::new());
        loop {
            match finder.next(&mut input, &ReplyLimits::default()) {
                Ok(Some(reply)) => all.push(reply.to_owned()),
                Ok(None) if input.is_empty() => return (all, None),
                Ok(None) => return (all, Some(format!("half a reply: {}", Escaped(input)))),
                Err(fault) => {
                    let octets = input.get(..FAULTY).unwrap_or(input);
                    return (all, Some(format!("{fault}: {}", Escaped(octets))));
                }
            }
        }
    }

    /// Whether what is heard is encrypted.
    pub(crate) fn is_tls(&self) -> bool {
        let heard = self.shared.heard();
        heard.tls.is_some() && !heard.is_handshaking()
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.shared.heard().closed
    }

    /// All that was written since the last wait is answered, a line each, or nothing more comes.
    fn wait(&mut self) {
        let (first, all) = (self.waited + 1, self.waited + self.lines.max(1));
        self.shared.until(self.manner.patience, |heard| heard.closed || heard.replies >= first);
        loop {
            let now = self.shared.heard().replies;
            if now >= all || self.is_closed() {
                break;
            }
            self.shared.until(self.manner.quiet, |heard| heard.closed || heard.replies > now);
            if self.shared.heard().replies == now {
                break;
            }
        }
        self.waited = self.shared.heard().replies;
        self.lines = 0;
    }

    /// Whether it was written: a server that has closed, or reads no more, cannot be written to.
    fn write(&mut self, pipe: &mut Vec<u8>) -> bool {
        if pipe.is_empty() {
            return true;
        }
        trace!("C: {}", self.shown(pipe));
        self.lines += pipe.windows(2).filter(|two| *two == b"\r\n").count();
        let records = match &mut self.shared.heard().tls {
            Some(tls) if !tls.has_ended() => tls.write(pipe).and_then(|()| tls.records()),
            _ => Ok(mem::take(pipe)),
        };
        pipe.clear();
        records.and_then(|records| self.stream.write_all(&records)).is_ok()
    }

    fn shake_hands(&mut self) {
        let layer = self.manner.tls.as_ref().map(Layer::new);
        let Some(Ok(mut layer)) = layer else { return };
        let hello = layer.records();
        self.shared.heard().tls = Some(layer);
        if hello.and_then(|hello| self.stream.write_all(&hello)).is_ok() {
            self.shared
                .until(self.manner.patience, |heard| heard.closed || !heard.is_handshaking());
        }
    }

    /// Whatever is written from now on is in clear.
    fn end_tls(&mut self) {
        let records = self.shared.heard().tls.as_mut().map(|tls| {
            tls.end();
            tls.records()
        });
        if let Some(Ok(records)) = records {
            let _ = self.stream.write_all(&records);
        }
    }

    fn shown(&self, octets: &[u8]) -> String {
        let shown = Escaped(octets).to_string();
        self.manner
            .secrets
            .iter()
            .fold(shown, |shown, secret| shown.replace(&Escaped(secret).to_string(), "<redacted>"))
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        let _ = self.stream.shutdown(Shutdown::Both);
        if let Some(listener) = self.listener.take() {
            let _ = listener.join();
        }
    }
}

impl Shared {
    fn listen(&self, ear: &mut TcpStream) {
        let mut buffer = [0; 16_384];
        loop {
            let read = match ear.read(&mut buffer) {
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                read => read,
            };
            let mut heard = self.heard();
            match read {
                Ok(octets) if octets > 0 => {
                    let records = heard.take(&buffer[..octets]);
                    heard.closed |= ear.write_all(&records).is_err();
                }
                _ => heard.closed = true,
            }
            self.news.notify_all();
            if heard.closed {
                return;
            }
        }
    }

    fn heard(&self) -> MutexGuard<'_, Heard> {
        self.heard.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn until(&self, patience: Duration, mut enough: impl FnMut(&Heard) -> bool) {
        let heard = self.heard();
        let waits = |heard: &mut Heard| !enough(heard);
        drop(self.news.wait_timeout_while(heard, patience, waits));
    }
}
