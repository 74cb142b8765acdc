//! How many rows have been asked, for who watches.

use core::time::Duration;
use std::io::{self, IsTerminal, Write};
use std::time::Instant;

use crate::row::Kind;

const PAUSE: Duration = Duration::from_millis(100);

#[derive(Debug)]
pub(crate) struct Progress {
    rows: usize,
    done: usize,
    failed: usize,
    shown: bool,
    last: Instant,
}

impl Progress {
    pub(crate) fn new(rows: usize) -> Self {
        let shown = io::stderr().is_terminal();
        Self { rows, done: 0, failed: 0, shown, last: Instant::now() }
    }

    pub(crate) fn done(&mut self, id: &str, kind: Kind) {
        self.done += 1;
        self.failed += usize::from(kind == Kind::Fail);
        if self.shown && (self.last.elapsed() > PAUSE || kind == Kind::Fail) {
            self.last = Instant::now();
            let Self { rows, done, failed, .. } = self;
            let _ = write!(io::stderr(), "\r\x1b[K{done} of {rows} rows, {failed} failed: {id}");
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if self.shown {
            let _ = write!(io::stderr(), "\r\x1b[K");
        }
    }
}
