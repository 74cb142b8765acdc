//! How far a long message has got, for who watches.

use core::time::Duration;
use std::io::{self, IsTerminal, Write};
use std::time::Instant;

use smtp_proto_blocking::client::Source;

/// Shorter messages are gone before one has read anything.
const LONG: u64 = 1024 * 1024;
const PAUSE: Duration = Duration::from_millis(200);

pub(crate) struct Progress<S> {
    source: S,
    octets: u64,
    shown: bool,
    last: Instant,
}

impl<S> Progress<S> {
    pub(crate) fn new(source: S, octets: u64, wanted: bool) -> Self {
        let shown = wanted && octets > LONG && io::stderr().is_terminal();
        Self { source, octets, shown, last: Instant::now() }
    }

    fn show(&mut self, at: u64) {
        if self.shown && self.last.elapsed() > PAUSE {
            self.last = Instant::now();
            // Line ends that are added may make it more than there is.
            let percent = (at * 100 / self.octets).min(100);
            let _ = write!(io::stderr(), "\r{percent:3} % of {} octets", self.octets);
        }
    }
}

impl<S: Source> Source for Progress<S> {
    fn octets(&mut self, at: u64) -> io::Result<&[u8]> {
        self.show(at);
        self.source.octets(at)
    }
}

impl<S> Drop for Progress<S> {
    fn drop(&mut self) {
        if self.shown {
            let _ = write!(io::stderr(), "\r\x1b[K");
        }
    }
}
