//! Where a session stands, for tests that ask whether two sessions can still differ.

use alloc::format;
use alloc::string::String;

use super::{Client, Sent, Stage, Transaction};
use crate::SessionLimits;

impl Client {
    /// All that decides what this session will do, as text: sessions of one configuration and one position have the same future.
    ///
    /// Left out are the numbers that only ever grow, of timers, commands and octets; what they are compared with stands in their place.
    pub(crate) fn position(&self) -> String {
        let Self {
            config: _,
            pipeline,
            replies,
            stage,
            extensions,
            name,
            transaction,
            secure,
            verified,
            authenticated,
            held_response,
            error,
            stirred,
            eof,
            timer: _,
            timed: _,
            used,
            broken,
            reset,
            last_waits,
        } = self;
        let Transaction { begun, open, smtputf8, binary, mail, accepted, judged, rcpts } =
            transaction;
        let pipeline = pipeline.position(|n| (n == *begun, n > *begun, n > *reset));
        let stage = match stage {
            Stage::Content(Sent { verb, .. }, writer) => format!("Content({verb} {writer:?})"),
            Stage::Challenged(_) => String::from("Challenged"),
            stage => format!("{stage:?}"),
        };
        let held = held_response.as_ref().map(|response| response.as_bytes().len());
        let used = (self.limits() != SessionLimits::NONE).then_some(used);
        let judged = judged.len();
        format!(
            "{pipeline} {replies:?} {stage} {extensions:?} {name:?} {open} {smtputf8} {binary} {mail:?} {accepted} {judged} {rcpts} {secure} {verified} {authenticated} {held:?} {error:?} {stirred} {eof} {used:?} {broken} {last_waits}"
        )
    }
}
