//! What waits for a reply, as text without the numbers that only ever grow.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use super::{Entry, Pipeline};

impl Pipeline {
    /// `compared` is what the number of a command is compared with.
    pub(in crate::client) fn position<T: fmt::Debug>(&self, compared: impl Fn(u32) -> T) -> String {
        let Self {
            text,
            released,
            entries,
            in_flight,
            unanswered,
            queued,
            written,
            last: _,
            answered: _,
            secret,
            line: _,
        } = self;
        let waits = |entry: &Entry| {
            let Entry { sent, asked, octets, end, barrier } = entry;
            let missing = end.saturating_sub(*written);
            let compared = compared(sent.n);
            format!("{} {asked:?} {octets} {missing} {barrier} {compared:?}", sent.verb)
        };
        let entries: Vec<String> = entries.iter().map(waits).collect();
        let waiting = queued.saturating_sub(*written);
        format!("{text:?} {released} {entries:?} {in_flight} {unanswered} {waiting} {secret}")
    }
}
