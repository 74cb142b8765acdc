//! The other end of a connection: it writes what a row says, and hears all the time.

use crate::replies::{Reply, read};
use core::net::SocketAddr;
use core::time::Duration;
use smtp_proto::testing::cases::{Step, Steps};
use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{Shutdown, TcpStream};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::thread::{self, JoinHandle};
use std::time::Instant;

/// Between two writes that must not come together.
const GAP: Duration = Duration::from_millis(20);
/// Behind the reply to a single line.
const BREATH: Duration = Duration::from_millis(5);
/// Behind the last reply: what has not come by then does not come.
const QUIET: Duration = Duration::from_millis(40);
/// A server on the same machine that takes longer does not answer at all.
const PATIENCE: Duration = Duration::from_secs(10);

/// What has been heard so far.
#[derive(Debug, Clone, Default)]
pub(crate) struct Heard {
    octets: Vec<u8>,
    pub(crate) closed: bool,
}

/// A client with a thread that listens.
#[derive(Debug)]
pub(crate) struct Peer {
    stream: TcpStream,
    shared: Arc<Shared>,
    listener: JoinHandle<()>,
    /// Replies that were heard at the last wait.
    waited: usize,
    /// Lines that were written since.
    lines: usize,
}

#[derive(Debug, Default)]
struct Shared {
    heard: Mutex<Heard>,
    news: Condvar,
}

impl Heard {
    pub(crate) fn replies(&self) -> Result<Vec<Reply>, String> {
        read(&self.octets)
    }

    /// How many replies are complete: lines without a hyphen behind the code.
    fn count(&self) -> usize {
        self.octets
            .split_inclusive(|octet| *octet == b'\n')
            .filter(|line| line.ends_with(b"\n") && line.get(3) != Some(&b'-'))
            .count()
    }
}

impl Peer {
    pub(crate) fn connect(address: SocketAddr) -> Result<Self, String> {
        let stream = TcpStream::connect(address).map_err(|error| error.to_string())?;
        stream.set_nodelay(true).map_err(|error| error.to_string())?;
        let shared = Arc::new(Shared::default());
        let mut ear = stream.try_clone().map_err(|error| error.to_string())?;
        let listener = thread::spawn({
            let shared = Arc::clone(&shared);
            move || shared.listen(&mut ear)
        });
        Ok(Self { stream, shared, listener, waited: 0, lines: 0 })
    }

    pub(crate) fn play(&mut self, steps: &Steps) -> Result<(), String> {
        let mut pipe = Vec::new();
        for step in steps.iter() {
            if let Step::Octets(octets) = step {
                pipe.extend_from_slice(octets);
                if pipe.len() < 65_536 {
                    continue;
                }
            }
            self.write(&mut pipe)?;
            match step {
                Step::Octets(_) => {}
                Step::Cut => thread::sleep(GAP),
                Step::Wait => self.wait(),
                Step::Eof => self.close_writing(),
                other => return Err(format!("{other:?} is not built")),
            }
            if self.shared.heard().closed {
                return Ok(());
            }
        }
        self.write(&mut pipe)
    }

    /// What was heard, once so many replies have come and nothing comes behind them.
    pub(crate) fn heard(&self, replies: usize) -> Heard {
        self.heard_until_quiet(replies, QUIET)
    }

    fn heard_until_quiet(&self, replies: usize, quiet: Duration) -> Heard {
        self.shared.until(PATIENCE, |heard| heard.closed || heard.count() >= replies);
        let before = self.shared.heard().octets.len();
        self.shared.until(quiet, |heard| heard.closed || heard.octets.len() > before);
        self.heard_so_far()
    }

    /// What was heard until now.
    pub(crate) fn heard_so_far(&self) -> Heard {
        self.shared.heard().clone()
    }

    /// What was heard when the server closed, or when patience was lost.
    pub(crate) fn heard_to_the_end(&self) -> Heard {
        self.shared.until(PATIENCE, |heard| heard.closed);
        self.heard_so_far()
    }

    /// Closes this side; a half-closed peer still gets its replies.
    pub(crate) fn finish(self) -> Heard {
        self.close_writing();
        let heard = self.heard_to_the_end();
        let _ = self.stream.shutdown(Shutdown::Both);
        let _ = self.listener.join();
        heard
    }

    /// At least one reply has come since the last wait, and nothing comes behind it.
    fn wait(&mut self) {
        let quiet = if self.lines > 1 { QUIET } else { BREATH };
        self.waited = self.heard_until_quiet(self.waited + 1, quiet).count();
        self.lines = 0;
    }

    fn close_writing(&self) {
        let _ = self.stream.shutdown(Shutdown::Write);
    }

    /// A server that has closed cannot be written to: what it said before says why.
    fn write(&mut self, pipe: &mut Vec<u8>) -> Result<(), String> {
        let result = self.stream.write_all(pipe);
        self.lines += pipe.iter().filter(|octet| **octet == b'\n').count();
        pipe.clear();
        match result {
            Err(error)
                if !matches!(error.kind(), ErrorKind::BrokenPipe | ErrorKind::ConnectionReset) =>
            {
                Err(error.to_string())
            }
            _ => Ok(()),
        }
    }
}

impl Shared {
    fn listen(&self, ear: &mut TcpStream) {
        let mut buffer = [0; 16_384];
        loop {
            let read = ear.read(&mut buffer);
            let mut heard = self.heard();
            match read {
                Ok(octets) if octets > 0 => heard.octets.extend_from_slice(&buffer[..octets]),
                _ => heard.closed = true,
            }
            self.news.notify_all();
            if heard.closed {
                return;
            }
        }
    }

    fn heard(&self) -> MutexGuard<'_, Heard> {
        self.heard.lock().expect("no holder panics")
    }

    fn until(&self, patience: Duration, mut enough: impl FnMut(&Heard) -> bool) {
        let end = Instant::now() + patience;
        let mut heard = self.heard();
        while !enough(&heard) {
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return;
            }
            heard = self.news.wait_timeout(heard, left).expect("no holder panics").0;
        }
    }
}
