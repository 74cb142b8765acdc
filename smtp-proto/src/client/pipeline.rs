//! The commands of a session with their two places: what was sent, and what was answered.
//!
//! RFC 2920 3.1: RSET, MAIL and RCPT may stand anywhere in a group, all others only last, behind which nothing is sent before the reply.
//! Every reply is counted against its command, never matched by its code or text.

#[cfg(feature = "testing")]
mod position;

use alloc::collections::VecDeque;

use bytes::{Buf, BytesMut};

use super::{Misuse, Sent};
use crate::inbox::overwrite;
use crate::{Command, Last, Verb};

/// The longest command line, with its CRLF, where no extension adds to it (RFC 5321 4.5.3.1.4).
pub(super) const COMMAND_LINE: usize = 512;

/// The longest BDAT line.
const CHUNK_LINE: usize = "BDAT 18446744073709551615 LAST\r\n".len();

/// Chunks whose replies are waited for, at the most: behind one that fails each of them is an error (RFC 3030 2), and servers hang up after
/// some.
const CHUNKS_IN_FLIGHT: usize = 8;

/// What waits for a reply.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Asked {
    Greeting,
    Command,
    /// The content behind a 354.
    Content,
    /// The lone dot that answers a 354 for nobody.
    LoneDot,
    /// A chunk of content.
    Chunk(Last),
    /// The line that cancels an exchange of AUTH.
    AuthCancel,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Entry {
    pub(super) sent: Sent,
    pub(super) asked: Asked,
    /// Octets of its line.
    octets: usize,
    /// Where its line ends in all that is ever written.
    end: u64,
    /// Nothing may be written behind it before its reply.
    barrier: bool,
}

/// How much may be in flight.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Depth {
    /// One command at a time.
    Lockstep,
    /// Groups, of at most so many octets.
    Groups(usize),
}

#[derive(Debug)]
pub(super) struct Pipeline {
    /// Octets to be written, the first `released` of them now.
    text: BytesMut,
    released: usize,
    /// What waits for a reply: the first `in_flight` are released.
    entries: VecDeque<Entry>,
    in_flight: usize,
    /// Octets of the entries in flight.
    unanswered: usize,
    /// Octets ever queued, and ever written.
    queued: u64,
    written: u64,
    last: u32,
    /// The number of the command that was answered last.
    answered: u32,
    /// There are secrets in the text.
    secret: bool,
    /// The longest command line.
    line: usize,
}

impl Pipeline {
    /// Only the greeting is waited for.
    pub(super) fn new() -> Self {
        let greeting = Entry {
            sent: Sent { verb: Verb::Noop, n: 0 },
            asked: Asked::Greeting,
            octets: 0,
            end: 0,
            barrier: true,
        };
        Self {
            text: BytesMut::new(),
            released: 0,
            entries: VecDeque::from([greeting]),
            in_flight: 1,
            unanswered: 0,
            queued: 0,
            written: 0,
            last: 0,
            answered: 0,
            secret: false,
            line: COMMAND_LINE,
        }
    }

    /// What is offered makes the longest command line longer by so many octets.
    pub(super) const fn grow_line(&mut self, octets: usize) {
        self.line = COMMAND_LINE.saturating_add(octets);
    }

    /// Queues a command whose line `write` appends, as long as no more than `room` octets wait then.
    ///
    /// The last check of every command: it is one line, whatever it was built from. If it fails nothing at all is written.
    pub(super) fn push(
        &mut self,
        verb: Verb,
        room: usize,
        write: impl FnOnce(&mut BytesMut),
    ) -> Result<Sent, Misuse> {
        let before = self.text.len();
        // Nothing is to be moved that has a secret in it; behind it nothing is queued before it is answered.
        if verb == Verb::Auth {
            self.make_room(COMMAND_LINE);
        }
        write(&mut self.text);
        let line = self.text.get(before..).unwrap_or_default();
        let octets = line.len();
        let sound = line
            .strip_suffix(b"\r\n")
            .is_some_and(|line| line.iter().all(|&octet| octet >= b' ' && octet != 0x7f));
        // A line for which there is never room would wait for ever.
        let fault = if !sound || octets > self.line.min(room) {
            Some(Misuse::Invalid)
        } else {
            (self.text.len() > room).then_some(Misuse::Full)
        };
        if let Some(fault) = fault {
            self.cut(before);
            return Err(fault);
        }
        let sent = Sent { verb, n: self.last };
        self.last = self.last.wrapping_add(1);
        self.enter(sent, Asked::Command, octets, verb.ends_group());
        Ok(sent)
    }

    /// Whether a chunk could leave at once. Nothing but chunks is in flight then.
    pub(super) fn takes_chunk(&self, depth: Depth) -> bool {
        self.in_flight == self.entries.len()
            && self.in_flight < CHUNKS_IN_FLIGHT
            && match depth {
                Depth::Lockstep => self.in_flight == 0,
                Depth::Groups(most) => {
                    self.in_flight == 0 || self.unanswered.saturating_add(CHUNK_LINE) <= most
                }
            }
    }

    /// Releases BDAT, behind which `octets` octets of content stand.
    pub(super) fn push_chunk(
        &mut self,
        octets: u64,
        last: Last,
        room: usize,
        depth: Depth,
    ) -> Result<Sent, Misuse> {
        if !self.takes_chunk(depth) {
            return Err(Misuse::Full);
        }
        let command = Command::Bdat { octets, last };
        let sent = self.push(Verb::Bdat, room, |text| command.encode(text))?;
        if let Some(entry) = self.entries.back_mut() {
            entry.asked = Asked::Chunk(last);
            entry.end = entry.end.saturating_add(octets);
        }
        self.release(depth);
        Ok(sent)
    }

    /// The chunk that was queued last is judged once for each of these recipients (RFC 2033 4.2), and nothing follows it before that.
    pub(super) fn judge(&mut self, rcpts: &[Sent]) {
        let Some(&mut Entry { asked, end, .. }) = self.entries.back_mut() else { return };
        for (index, &sent) in rcpts.iter().enumerate() {
            match self.entries.back_mut() {
                Some(entry) if index == 0 => entry.sent = sent,
                _ => self.entries.push_back(Entry { sent, asked, octets: 0, end, barrier: false }),
            }
        }
        self.hold();
    }

    /// Nothing is written behind what was queued last before its reply.
    pub(super) fn hold(&mut self) {
        if let Some(entry) = self.entries.back_mut() {
            entry.barrier = true;
        }
    }

    /// Whether content has left to its end and was not judged.
    pub(super) fn is_verdict_owed(&self) -> bool {
        self.entries.iter().any(|entry| {
            matches!(entry.asked, Asked::Content | Asked::Chunk(Last::Yes))
                && self.is_written(entry)
        })
    }

    /// Whether nothing is queued behind a last chunk that is not answered.
    pub(super) fn ends_in_last_chunk(&self) -> bool {
        self.entries.back().is_some_and(|entry| entry.asked == Asked::Chunk(Last::Yes))
    }

    /// Queues a line of an exchange of AUTH, whose command is `sent`. Its octets are wiped once they are written.
    pub(super) fn push_response(&mut self, sent: Sent, asked: Asked, text: &[u8]) {
        self.make_room(text.len().saturating_add(2));
        self.text.extend_from_slice(text);
        self.text.extend_from_slice(b"\r\n");
        self.secret = true;
        self.enter(sent, asked, text.len().saturating_add(2), true);
    }

    /// What was queued last holds a secret.
    pub(super) const fn keep_secret(&mut self) {
        self.secret = true;
    }

    pub(super) const fn is_secret(&self) -> bool {
        self.secret
    }

    /// Drops what is not released, and queues QUIT.
    pub(super) fn quit(&mut self) {
        self.drop_held();
        Command::Quit.encode(&mut self.text);
        let octets = self.text.len().saturating_sub(self.released);
        self.enter(Sent { verb: Verb::Quit, n: self.last }, Asked::Command, octets, true);
    }

    /// Queues what ends the content of the message of `sent`, or all of it.
    pub(super) fn push_content(&mut self, sent: Sent, asked: Asked, end: &[u8]) {
        self.text.extend_from_slice(end);
        self.enter(sent, asked, end.len(), false);
    }

    fn enter(&mut self, sent: Sent, asked: Asked, octets: usize, barrier: bool) {
        self.queued = self.queued.saturating_add(octets as u64);
        self.entries.push_back(Entry { sent, asked, octets, end: self.queued, barrier });
    }

    /// Appends content, which is released at once: nothing is queued while content is due.
    pub(super) fn write_content(&mut self, write: impl FnOnce(&mut BytesMut)) {
        let before = self.text.len();
        write(&mut self.text);
        let octets = self.text.len().saturating_sub(before);
        self.queued = self.queued.saturating_add(octets as u64);
        self.released = self.released.saturating_add(octets);
    }

    /// Content that the caller writes by itself.
    pub(super) const fn passed(&mut self, octets: usize) {
        self.queued = self.queued.saturating_add(octets as u64);
        self.written = self.written.saturating_add(octets as u64);
    }

    /// Releases what may be sent now.
    pub(super) fn release(&mut self, depth: Depth) {
        while let Some(entry) = self.entries.get(self.in_flight) {
            let behind_barrier = self.in_flight > 0
                && self
                    .entries
                    .get(self.in_flight.saturating_sub(1))
                    .is_some_and(|entry| entry.barrier);
            let room = match depth {
                // Content may be followed at once by what comes next, but only where groups are allowed.
                Depth::Lockstep => self.in_flight == 0,
                Depth::Groups(most) => {
                    self.in_flight == 0 || self.unanswered.saturating_add(entry.octets) <= most
                }
            };
            if behind_barrier || !room {
                return;
            }
            self.released = self.released.saturating_add(entry.octets);
            self.unanswered = self.unanswered.saturating_add(entry.octets);
            self.in_flight = self.in_flight.saturating_add(1);
        }
    }

    pub(super) fn outgoing(&self) -> &[u8] {
        self.text.get(..self.released).unwrap_or(&self.text)
    }

    pub(super) fn sent(&mut self, octets: usize) {
        let octets = octets.min(self.released);
        if self.secret {
            overwrite(self.text.get_mut(..octets).unwrap_or_default());
        }
        self.text.advance(octets);
        self.released = self.released.saturating_sub(octets);
        self.written = self.written.saturating_add(octets as u64);
        if self.text.is_empty() {
            self.text.clear();
            self.secret = false;
        }
    }

    pub(super) fn take_outgoing(&mut self) -> BytesMut {
        let taken = self.text.split_to(self.released);
        self.released = 0;
        self.written = self.written.saturating_add(taken.len() as u64);
        if self.text.is_empty() {
            self.secret = false;
        }
        taken
    }

    /// What the next reply answers, if any of it is sent.
    pub(super) fn oldest(&self) -> Option<&Entry> {
        self.entries.front().filter(|_| self.in_flight > 0)
    }

    /// Whether the line of the oldest is written whole.
    pub(super) fn is_written(&self, entry: &Entry) -> bool {
        entry.end <= self.written
    }

    /// The oldest was answered.
    pub(super) fn pop(&mut self) {
        if let Some(entry) = self.entries.pop_front() {
            self.in_flight = self.in_flight.saturating_sub(1);
            self.answered = entry.sent.n;
            self.unanswered = self.unanswered.saturating_sub(entry.octets);
        }
    }

    /// HELO in the place of the EHLO that was answered; nothing else is queued behind a hello but a QUIT.
    pub(super) fn push_front_helo(&mut self, write: impl FnOnce(&mut BytesMut)) {
        let mut line = BytesMut::new();
        write(&mut line);
        let octets = line.len();
        line.extend_from_slice(&self.text);
        self.text = line;
        self.queued = self.queued.saturating_add(octets as u64);
        let sent = Sent { verb: Verb::Helo, n: self.answered };
        for entry in &mut self.entries {
            entry.end = entry.end.saturating_add(octets as u64);
        }
        let end = self.written.saturating_add(octets as u64);
        self.entries.push_front(Entry { sent, asked: Asked::Command, octets, end, barrier: true });
    }

    /// Replaces a command that is not released yet, and is the only such.
    pub(super) fn replace_held(&mut self, verb: Verb, write: impl FnOnce(&mut BytesMut)) {
        let Some(entry) = self.entries.get_mut(self.in_flight) else { return };
        self.text.truncate(self.released);
        self.queued = self.queued.saturating_sub(entry.octets as u64);
        let before = self.text.len();
        write(&mut self.text);
        entry.octets = self.text.len().saturating_sub(before);
        self.queued = self.queued.saturating_add(entry.octets as u64);
        (entry.end, entry.barrier) = (self.queued, verb.ends_group());
        entry.sent.verb = verb;
    }

    /// The only command that is not released yet.
    pub(super) fn only_held(&self) -> Option<Verb> {
        let mut held = self.entries.iter().skip(self.in_flight);
        match (held.next(), held.next()) {
            (Some(entry), None) => Some(entry.sent.verb),
            _ => None,
        }
    }

    /// The message whose content is over, where what ends it is not released yet.
    pub(super) fn held_end_of_content(&self) -> Option<Sent> {
        let first = self.entries.front().filter(|_| self.in_flight == 0)?;
        (first.asked == Asked::Content).then_some(first.sent)
    }

    /// Drops every command that is not released yet.
    fn drop_held(&mut self) {
        let dropped: usize = self
            .entries
            .iter()
            .skip(self.in_flight)
            .map(|entry| entry.octets)
            .fold(0, usize::saturating_add);
        self.entries.truncate(self.in_flight);
        self.cut(self.released);
        self.queued = self.queued.saturating_sub(dropped as u64);
    }

    /// Nothing is to be written any more.
    pub(super) fn silence(&mut self) {
        self.wipe();
        self.text.clear();
        self.released = 0;
    }

    /// Room for so many octets more. Where secrets would be moved for it their old place is overwritten.
    fn make_room(&mut self, octets: usize) {
        let room = self.text.capacity().saturating_sub(self.text.len());
        if room >= octets {
            return;
        }
        let mut larger = BytesMut::with_capacity(self.text.len().saturating_add(octets));
        larger.extend_from_slice(&self.text);
        overwrite(&mut core::mem::replace(&mut self.text, larger));
    }

    /// Drops what is behind `length` octets; there may be a secret in it.
    fn cut(&mut self, length: usize) {
        overwrite(self.text.get_mut(length..).unwrap_or_default());
        self.text.truncate(length);
    }

    fn wipe(&mut self) {
        if self.secret {
            overwrite(&mut self.text);
            self.secret = false;
        }
    }

    /// Octets that were ever written.
    pub(super) const fn written(&self) -> u64 {
        self.written
    }

    /// Octets that are queued and not written.
    pub(super) fn waiting(&self) -> usize {
        self.text.len()
    }

    /// Whether every command is answered.
    pub(super) fn is_idle(&self) -> bool {
        self.entries.is_empty()
    }
}

impl Drop for Pipeline {
    fn drop(&mut self) {
        self.wipe();
    }
}
