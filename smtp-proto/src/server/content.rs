//! Content: by DATA up to its one end, by BDAT in counted chunks (RFC 3030).

use super::state::{Chunk, ChunkRefusal, Content};
use super::stock::{self, Stock};
use super::{
    Early, Event, Flavour, Limit, Notice, Refusal, Server, Summary, Traffic, Transfer, Why,
};
use crate::data::Piece;
use crate::{Code, Last, Reply};

impl Server {
    /// The next piece of content: `None` when more octets are needed, or a notice tells what happened.
    #[inline(never)]
    pub(super) fn content<'b>(&mut self, input: &mut &'b [u8]) -> Option<Event<'b>> {
        let limit = self.message_limit();
        while let Some(content) = self.state.content() {
            // Draining is bounded: 552 and not 421, so that the sender does not try for days.
            if content.void.is_some() && content.summary.octets > limit.saturating_mul(2) {
                return self.drained_too_long();
            }
            let before = input.len();
            let piece = content.reader.next(input);
            let taken = before.saturating_sub(input.len());
            if taken > 0 {
                self.taken =
                    if content.void.is_some() { Traffic::Ignored } else { Traffic::Content };
            }
            content.window = content.window.saturating_add(taken as u64);
            match piece? {
                Piece::Run(run) => {
                    let room = limit.saturating_sub(content.summary.octets);
                    content.summary.octets =
                        content.summary.octets.saturating_add(run.len() as u64);
                    let over = content.summary.octets > limit;
                    if content.void.is_none() {
                        let kept = usize::try_from(room)
                            .ok()
                            .and_then(|room| run.get(..room))
                            .unwrap_or(run);
                        if over {
                            content.reader.drain();
                            self.void_content(stock::MESSAGE_TOO_BIG);
                        }
                        if !kept.is_empty() {
                            return Some(Event::Body(kept));
                        }
                        return None;
                    }
                }
                Piece::Stray => {
                    self.void_content(stock::STRAY_NEWLINE);
                    return None;
                }
                Piece::End => return self.end_of_data(),
            }
        }
        None
    }

    /// The maximum of a message: what was offered gates what follows.
    pub(super) fn message_limit(&self) -> u64 {
        self.config.limits.message.min(self.state.offered_size())
    }

    /// The letter is void: its content is read on to its end and refused there. The first fault gives the code.
    fn void_content(&mut self, fault: &'static Stock) {
        if let Some(content) = self.state.content().filter(|content| content.void.is_none()) {
            content.void = Some(fault);
            self.notices.push_back(Notice::Aborted(fault.why));
        }
    }

    fn drained_too_long<'b>(&mut self) -> Option<Event<'b>> {
        self.repeat_refusal(stock::MESSAGE_TOO_BIG);
        self.end_with(stock::MESSAGE_TOO_BIG);
        Some(Event::Refused(Refusal {
            line: &[],
            reply: stock::MESSAGE_TOO_BIG.reply,
            why: Why::Limit(Limit::Message),
        }))
    }

    fn end_of_data<'b>(&mut self) -> Option<Event<'b>> {
        self.timers.read = self.timers.fresh();
        // RFC 2033 4.2: what the machine refuses is refused for each recipient.
        let replies = self.replies_to_content();
        let Content { void, mut summary, reader, .. } = self.state.content_ended()?;
        if let Some(refusal) = void {
            return Some(self.refuse_content(refusal, replies));
        }
        summary.repaired = reader.repairs();
        summary.eight_bit = reader.eight_bit();
        Some(self.message(summary))
    }

    /// The content is whole: the application judges it, in LMTP for each recipient (RFC 2033 4.2).
    fn message<'b>(&mut self, content: Summary) -> Event<'b> {
        match self.config.flavour {
            Flavour::Lmtp => Event::Messages { content, pending: self.owed.ask() },
            Flavour::Smtp | Flavour::Submission => {
                Event::Message { content, pending: self.owed.ask() }
            }
        }
    }

    /// How many replies end a content: in LMTP one for each accepted recipient of the transaction, so none for none (RFC 2033 4.2, 4.3).
    fn replies_to_content(&self) -> u32 {
        match self.config.flavour {
            Flavour::Lmtp if self.state.in_transaction() => self.state.accepted(),
            Flavour::Lmtp | Flavour::Smtp | Flavour::Submission => 1,
        }
    }

    fn refuse_content<'b>(&mut self, &Stock { reply, why }: &Stock, replies: u32) -> Event<'b> {
        for _ in 0..replies {
            self.auto(&reply, None);
        }
        self.shut_down_when_done();
        self.reconfigure_when_done();
        Event::Refused(Refusal { line: &[], reply, why })
    }

    // BDAT.

    /// BDAT. Where it is refused its octets are read first, as long as that is bounded (RFC 3030 2).
    #[inline(never)]
    pub(super) fn bdat<'b>(
        &mut self,
        line: &'b [u8],
        octets: u64,
        last: Last,
    ) -> Option<Event<'b>> {
        let limit = self.message_limit();
        let after = self.state.chunked_octets().saturating_add(octets);
        let refusal = match self.state.may_bdat(self.config.flavour) {
            Ok(()) if after > limit => Some(stock::MESSAGE_TOO_BIG),
            Ok(()) => None,
            Err(refusal) => Some(refusal),
        };
        if let Some(refusal) = refusal {
            return self.refuse_bdat(line, octets, last, refusal);
        }
        if octets == 0
            && last == Last::No
            && let Err(limit) = self.state.count_idle_one(self.config.limits.idle_commands)
        {
            return Some(self.refuse_and_close(line, limit));
        }
        if self.state.chunk_asked(octets, last) {
            return Some(Event::Data { how: Transfer::Bdat, pending: self.owed.ask() });
        }
        None
    }

    /// The octets are read before the refusal is sent, as long as that is bounded.
    pub(super) fn refuse_bdat<'b>(
        &mut self,
        line: &'b [u8],
        octets: u64,
        last: Last,
        refusal: &'static Stock,
    ) -> Option<Event<'b>> {
        let after = self.state.chunked_octets().saturating_add(octets);
        if after > self.message_limit().saturating_mul(2) {
            if last == Last::Yes {
                self.repeat_refusal(refusal);
            }
            return Some(self.refuse_and_close(line, refusal));
        }
        let too_big = matches!(refusal.why, Why::Limit(Limit::Message));
        if self.state.chunk_refused(octets, last, refusal, too_big) {
            self.notices.push_back(Notice::Aborted(refusal.why));
        }
        None
    }

    /// RFC 2033 4.2, 4.3: a content is refused for each recipient, in front of a refusal that closes too.
    fn repeat_refusal(&mut self, refusal: &Stock) {
        (1..self.replies_to_content()).for_each(|_| self.auto(&refusal.reply, None));
    }

    /// Content by BDAT was accepted or refused, in front of its first chunk. The reply leaves behind the chunk.
    pub(super) fn chunks_decided(&mut self, reply: &Reply<'_>) {
        self.owed.pop();
        self.stirred = true;
        self.timers.read = self.timers.fresh();
        if reply.class().is_positive() {
            self.state.chunks_accepted(self.config.newlines_in_chunks);
        } else {
            self.state.chunks_refused(reply.to_owned());
        }
        self.shut_down_when_done();
    }

    /// The next piece of a chunk: `None` when more octets are needed, or a notice tells what happened.
    #[inline(never)]
    pub(super) fn chunk<'b>(&mut self, input: &mut &'b [u8]) -> Option<Event<'b>> {
        let (chunk, content) = self.state.chunk()?;
        let before = input.len();
        let Some(content) = content else {
            skip(input, chunk);
            if before != input.len() {
                self.taken = Traffic::Ignored;
            }
            return if chunk.left == 0 { self.swallowed(!input.is_empty()) } else { None };
        };
        let piece = if chunk.left == 0 && chunk.last == Last::Yes {
            content.reader.finish()
        } else {
            content.reader.next(input, &mut chunk.left)
        };
        let taken = before.saturating_sub(input.len());
        chunk.window = chunk.window.saturating_add(taken as u64);
        if taken > 0 {
            self.taken = Traffic::Content;
        }
        let is_over = chunk.left == 0;
        let fault = match piece {
            Some(Piece::Run(run)) => {
                content.summary.octets = content.summary.octets.saturating_add(run.len() as u64);
                content.summary.eight_bit |= !run.is_ascii();
                // Repairs make it longer.
                if content.summary.octets <= self.message_limit() {
                    return Some(Event::Body(run));
                }
                stock::MESSAGE_TOO_BIG
            }
            Some(Piece::Stray | Piece::End) => stock::STRAY_NEWLINE,
            None if is_over => return self.chunk_over(!input.is_empty()),
            None => return None,
        };
        self.fail_chunk(fault);
        None
    }

    /// The letter is void: what is left of the chunk is read, then comes the refusal.
    fn fail_chunk(&mut self, fault: &'static Stock) {
        self.state.chunk_faulty(fault);
        self.notices.push_back(Notice::Aborted(fault.why));
    }

    fn chunk_over<'b>(&mut self, behind: bool) -> Option<Event<'b>> {
        self.timers.read = self.timers.fresh();
        let message = self.state.chunk_over();
        if self.is_early(behind) {
            return Some(self.refuse_and_close(&[], stock::EARLY));
        }
        Some(match message {
            Some(summary) => self.message(summary),
            None => Event::Chunk(self.owed.ask()),
        })
    }

    /// The octets of a chunk that was refused were read: now it is answered.
    fn swallowed<'b>(&mut self, behind: bool) -> Option<Event<'b>> {
        self.timers.read = self.timers.fresh();
        let replies = self.replies_to_content();
        let (refusal, last) = self.state.swallowed()?;
        if self.is_early(behind) {
            return Some(self.refuse_and_close(&[], stock::EARLY));
        }
        let replies = if last == Last::Yes { replies } else { 1 };
        let event = self.refuse_chunk(refusal, replies);
        self.shut_down_when_done();
        self.reconfigure_when_done();
        event
    }

    fn refuse_chunk<'b>(&mut self, refusal: ChunkRefusal, replies: u32) -> Option<Event<'b>> {
        match refusal {
            ChunkRefusal::Machine(refusal) if replies > 0 => {
                let event = self.refuse(&[], refusal);
                // RFC 5321 3.8: nothing follows the 421 of one error too many.
                if !self.state.is_over() {
                    (1..replies).for_each(|_| self.auto(&refusal.reply, None));
                }
                Some(event)
            }
            // RFC 3030 2: the client could not know yet, so it is no error. But no letter comes of it either.
            ChunkRefusal::Idle(&Stock { reply, why }) => {
                if let Err(limit) = self.state.count_idle_one(self.config.limits.idle_commands) {
                    return Some(self.refuse_and_close(&[], limit));
                }
                (0..replies).for_each(|_| self.auto(&reply, None));
                Some(Event::Refused(Refusal { line: &[], reply, why }))
            }
            // It has no reply, and counts like any other.
            ChunkRefusal::Machine(refusal) => {
                let limit = self.count(refusal).err()?;
                Some(self.refuse_and_close(&[], limit))
            }
            ChunkRefusal::Application(reply) => {
                let reply = reply.as_ref();
                for _ in 0..replies {
                    self.auto(&reply, (reply.code() == Code::UNAVAILABLE).then_some(Why::Hangup));
                }
                None
            }
        }
    }

    /// A client that was not told that it need not wait waits behind each command and each chunk (RFC 2920 3.1).
    pub(super) fn is_early(&self, behind: bool) -> bool {
        behind && self.state.in_lockstep() && self.config.early == Early::Close
    }
}

fn skip(input: &mut &[u8], chunk: &mut Chunk) {
    let here = usize::try_from(chunk.left).unwrap_or(usize::MAX).min(input.len());
    *input = input.get(here..).unwrap_or_default();
    chunk.left = chunk.left.saturating_sub(here as u64);
    chunk.window = chunk.window.saturating_add(here as u64);
}
