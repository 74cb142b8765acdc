//! The content of a letter on its way to the client: by DATA as it comes, by BDAT gathered into chunks.

use alloc::vec::Vec;

use super::{Delivery, Of, Stage, Unqueued};
use crate::Last;
use crate::client::{Client, Misuse, Sent};
use crate::data::{ContentFault, LineEnds, Writer};

/// Content that goes by BDAT.
#[derive(Debug, Default)]
pub(super) struct Chunks {
    /// Octets that were fed and have not left, and how many of them the client has.
    gathered: Vec<u8>,
    handed: usize,
    /// They are announced.
    announced: bool,
    /// Octets of a chunk that are announced, and come as pieces.
    pieces: usize,
    /// What is missing at the end of the last line.
    end: &'static [u8],
    /// Sees to the newlines; BINARYMIME has none.
    writer: Option<Writer>,
    last: Option<Sent>,
}

impl Chunks {
    pub(super) fn is_last(&self, sent: Sent) -> bool {
        self.last == Some(sent)
    }

    /// Announces what is gathered, and gives it to the client as far as there is room. Whether nothing is left.
    fn hand_over(&mut self, client: &mut Client, last: Last) -> Result<bool, Misuse> {
        if !self.announced {
            let sent = match client.chunk(self.gathered.len() as u64, last) {
                // Replies, or octets that wait to be sent, come first.
                Err(Misuse::Full) => return Ok(false),
                sent => sent?,
            };
            self.announced = true;
            self.last = Some(sent).filter(|_| last == Last::Yes);
        }
        while let Some(rest @ [_, ..]) = self.gathered.get(self.handed..) {
            match client.body(rest)? {
                0 => return Ok(false),
                taken => self.handed = self.handed.saturating_add(taken),
            }
        }
        self.gathered.clear();
        (self.handed, self.announced) = (0, false);
        Ok(true)
    }

    /// Gathers octets, their newlines seen to.
    fn gather(&mut self, octets: &[u8]) -> Result<(), ContentFault> {
        match &mut self.writer {
            Some(writer) => writer.write(octets, &mut self.gathered),
            None => {
                self.gathered.extend_from_slice(octets);
                Ok(())
            }
        }
    }

    fn passed(&mut self, octets: usize) {
        self.pieces = self.pieces.saturating_sub(octets);
        if let Some(writer) = &mut self.writer {
            writer.passed(octets);
        }
    }
}

impl Delivery<'_> {
    /// Feeds content after [`Event::Content`](super::Event::Content). Returns how many octets were taken; 0: flush first.
    ///
    /// # Errors
    ///
    /// As [`Client::body`].
    pub fn body(&mut self, client: &mut Client, octets: &[u8]) -> Result<usize, Misuse> {
        let taken = self.feed(client, octets)?;
        self.took(taken);
        Ok(taken)
    }

    /// Where in the content its source is to go on, while it is due: from [`Event::Content`](super::Event::Content) to
    /// [`finish`](Self::finish), whenever the client [wants](crate::client::Wants::Body) a body.
    #[must_use]
    pub const fn due(&self) -> Option<u64> {
        self.due
    }

    fn took(&mut self, octets: usize) {
        self.due = self.due.map(|at| at.saturating_add(octets as u64));
    }

    fn feed(&mut self, client: &mut Client, octets: &[u8]) -> Result<usize, Misuse> {
        if !self.plan.uses_chunks() {
            return client.body(octets);
        }
        self.is_fed(client)?;
        if self.chunks.pieces > 0 {
            let taken = client.body(octets)?;
            self.chunks.passed(taken);
            return Ok(taken);
        }
        self.hand_over(client)?;
        let most = client.config().queue.content.max(1);
        let room = most.saturating_sub(self.chunks.gathered.len());
        if room == 0 || self.chunks.announced {
            return Ok(0);
        }
        let now = octets.get(..room).unwrap_or(octets);
        self.chunks.gather(now).map_err(|fault| {
            client.abandon_body();
            Misuse::Stray(fault)
        })?;
        self.hand_over(client)?;
        Ok(now.len())
    }

    /// As [`body`](Self::body), with pieces that the caller writes, as those of [`Client::body_pieces`]. No octet taken: do as the client
    /// [wants](Client::wants), and ask again with the same octets.
    ///
    /// # Errors
    ///
    /// As [`Client::body_pieces`].
    pub fn body_pieces<'c>(
        &mut self,
        client: &mut Client,
        octets: &'c [u8],
        pieces: &mut [&'c [u8]],
    ) -> Result<(usize, usize), Misuse> {
        let (taken, filled) = self.feed_pieces(client, octets, pieces)?;
        self.took(taken);
        Ok((taken, filled))
    }

    fn feed_pieces<'c>(
        &mut self,
        client: &mut Client,
        octets: &'c [u8],
        pieces: &mut [&'c [u8]],
    ) -> Result<(usize, usize), Misuse> {
        if !self.plan.uses_chunks() {
            return client.body_pieces(octets, pieces);
        }
        self.is_fed(client)?;
        if self.chunks.pieces > 0 {
            let now = octets.get(..self.chunks.pieces).unwrap_or(octets);
            let (taken, filled) = client.body_pieces(now, pieces)?;
            self.chunks.passed(taken);
            return Ok((taken, filled));
        }
        // A chunk of these octets alone: as many as they are, whatever their newlines.
        let writer = self.chunks.writer.as_ref();
        let lines = match writer {
            Some(writer) if writer.is_whole() => octets.strip_suffix(b"\r").unwrap_or(octets),
            Some(_) => &[],
            None => octets,
        };
        let counted = writer.is_none() || client.config().line_ends == LineEnds::Refuse;
        if lines.is_empty() || !counted {
            return self.feed(client, octets).map(|taken| (taken, 0));
        }
        if !self.chunks.gathered.is_empty() {
            self.chunks.hand_over(client, Last::No)?;
            return Ok((0, 0));
        }
        match client.chunk(lines.len() as u64, Last::No) {
            Ok(_) => self.chunks.pieces = lines.len(),
            Err(Misuse::Full) => {}
            Err(misuse) => return Err(misuse),
        }
        Ok((0, 0))
    }

    /// Ends the content.
    ///
    /// # Errors
    ///
    /// As [`Client::finish`]. [`Misuse::Content`]: octets are missing that [`body_pieces`](Self::body_pieces) was shown.
    pub fn finish(&mut self, client: &mut Client) -> Result<(), Misuse> {
        self.due = None;
        if !self.plan.uses_chunks() {
            client.finish()?;
            self.stage = Stage::Ended;
            return Ok(());
        }
        self.is_fed(client)?;
        if self.chunks.pieces > 0 {
            return Err(Misuse::Content);
        }
        let end = self.chunks.writer.as_mut().map_or(Ok(&b""[..]), Writer::finish);
        self.chunks.end = end.map_err(|fault| {
            client.abandon_body();
            Misuse::Stray(fault)
        })?;
        self.stage = Stage::Ending;
        self.end(client)
    }

    /// Whether content is due; a verdict may have come meanwhile.
    fn is_fed(&self, client: &Client) -> Result<(), Misuse> {
        match self.stage {
            Stage::Content => Ok(()),
            _ if client.is_over() => Err(Misuse::Over),
            _ => Err(Misuse::Content),
        }
    }

    pub(super) fn begin_content(&mut self) {
        (self.stage, self.due) = (Stage::Content, Some(0));
    }

    /// RFC 3030 2: once every RCPT is answered, and somebody accepted.
    pub(super) fn begin_chunks(&mut self, client: &mut Client) -> Result<Stage, Unqueued> {
        if !client.is_idle() {
            return Err(Unqueued::Later);
        }
        if self.accepted == 0 {
            return Ok(Stage::Judged);
        }
        client.begin_chunks().map_err(|misuse| Unqueued::of(misuse, Of::Rest))?;
        let lines = Writer::of_lines(client.config().line_ends);
        let writer = (!self.plan.is_binary()).then_some(lines);
        self.chunks = Chunks { writer, ..Chunks::default() };
        Ok(Stage::Content)
    }

    /// Hands over what is gathered where it makes a chunk.
    pub(super) fn hand_over(&mut self, client: &mut Client) -> Result<(), Misuse> {
        let most = client.config().queue.content.max(1);
        if self.chunks.announced || self.chunks.gathered.len() >= most {
            self.chunks.hand_over(client, Last::No)?;
        }
        Ok(())
    }

    /// The last chunks.
    fn end(&mut self, client: &mut Client) -> Result<(), Misuse> {
        if self.chunks.last.is_none() {
            if self.chunks.announced && !self.chunks.hand_over(client, Last::No)? {
                return Ok(());
            }
            let end = core::mem::take(&mut self.chunks.end);
            self.chunks.gathered.extend_from_slice(end);
        }
        if self.chunks.hand_over(client, Last::Yes)? {
            self.stage = Stage::Ended;
        }
        Ok(())
    }

    pub(super) fn end_chunks(&mut self, client: &mut Client) -> Result<Stage, Unqueued> {
        // What cannot be sent was refused when it was fed.
        let _ = self.end(client);
        if self.stage == Stage::Ended { Ok(Stage::Ended) } else { Err(Unqueued::Later) }
    }
}
