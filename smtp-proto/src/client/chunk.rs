//! Sends content by BDAT: a line that says how many octets follow, then these octets as they are (RFC 3030 2).

use super::{Client, Flavour, Misuse, Sent, Stage};
use crate::data::{ContentFault, Stray, first_stray};
use crate::{Extension, Last, Reply};

/// A chunk that was announced.
#[derive(Clone, Copy, Debug)]
pub(super) struct Chunk {
    /// Its octets that are still due.
    left: u64,
    last: Last,
    lines: Lines,
}

/// Checks that content is made of lines, which chunks may cut anywhere: only BINARYMIME may be anything else (RFC 3030 2).
#[derive(Clone, Copy, Debug)]
pub(super) struct Lines {
    binary: bool,
    /// The last octet was a CR.
    cr: bool,
    taken: u64,
}

impl Lines {
    fn take(&mut self, octets: &[u8]) -> Result<(), ContentFault> {
        let fault = |at: u64, stray| Err(ContentFault { at, stray });
        if self.binary || octets.is_empty() {
            return Ok(());
        }
        let rest = match octets.strip_prefix(b"\n") {
            Some(rest) if self.cr => rest,
            _ if self.cr => return fault(self.taken.saturating_sub(1), Stray::Cr),
            _ => octets,
        };
        if let Some((at, stray)) = first_stray(rest) {
            let before = octets.len().saturating_sub(rest.len()).saturating_add(at);
            return fault(self.taken.saturating_add(before as u64), stray);
        }
        self.cr = rest.ends_with(b"\r");
        self.taken = self.taken.saturating_add(octets.len() as u64);
        Ok(())
    }

    const fn finish(self) -> Result<(), ContentFault> {
        match self.cr {
            true => Err(ContentFault { at: self.taken.saturating_sub(1), stray: Stray::Cr }),
            false => Ok(()),
        }
    }
}

impl Client {
    /// BDAT: exactly `octets` octets of content follow, by [`body`](Self::body) or [`body_pieces`](Self::body_pieces). Each chunk has its
    /// reply. Behind one that fails, and behind the last one until it is answered, only [`reset`](Self::reset), [`hello`](Self::hello) and
    /// [`quit`](Self::quit) may come; a failure while the octets of the next one are due ends the session.
    ///
    /// Newlines are checked, never normalised: the number of octets is a promise. In a transaction with BODY=BINARYMIME any octets go.
    ///
    /// ```
    /// # use std::sync::Arc;
    /// # use smtp_proto::{Host, Last, Mail, MailParams, Rcpt, RcptParams, ReversePath, ForwardPath};
    /// # use smtp_proto::client::{Client, Config};
    /// # let mut client = Client::new(Arc::new(Config::default()));
    /// # client.hello(Host::parse(b"c.test")?)?;
    /// # let mut hear = |client: &mut Client, mut said: &[u8]| {
    /// #     while client.next(&mut said).unwrap().is_some() {}
    /// #     client.sent(client.outgoing().len());
    /// # };
    /// # hear(&mut client, b"220 mx\r\n");
    /// # hear(&mut client, b"250-mx\r\n250-PIPELINING\r\n250 CHUNKING\r\n");
    /// # client.mail(&Mail { from: ReversePath::Null, params: MailParams::default() })?;
    /// # client.rcpt(&Rcpt { to: ForwardPath::Postmaster, params: RcptParams::default() })?;
    /// # client.sent(client.outgoing().len());
    /// # hear(&mut client, b"250 ok\r\n250 ok\r\n");
    /// // The sender and a recipient are accepted.
    /// client.chunk(7, Last::Yes)?;
    /// assert_eq!(client.body(b"Hello\r\n"), Ok(7));
    /// assert_eq!(client.outgoing(), b"BDAT 7 LAST\r\nHello\r\n");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`Misuse::NotOffered`]; [`Misuse::NotYet`]: a command in front is not answered; [`Misuse::Order`]: nobody was accepted, or a chunk
    /// failed; [`Misuse::Full`]: the replies to chunks in front come first, or what they left to be written. The rest as every command.
    pub fn chunk(&mut self, octets: u64, last: Last) -> Result<Sent, Misuse> {
        let lines = match self.stage {
            Stage::Chunks(lines) => lines,
            _ => self.first_chunk()?,
        };
        // RFC 2033 4.3: where a chunk failed, each recipient would still have its reply to the last one.
        let lmtp = self.config.flavour == Flavour::Lmtp;
        if lmtp && last == Last::Yes && !self.pipeline.is_idle() {
            self.last_waits = true;
            return Err(Misuse::Full);
        }
        self.last_waits = false;
        let (room, depth) = (self.config.queue.commands, self.depth());
        let sent = self.pipeline.push_chunk(octets, last, room, depth)?;
        match last {
            Last::Yes if lmtp => self.pipeline.judge(&self.transaction.judged),
            Last::Yes => self.pipeline.hold(),
            Last::No => {}
        }
        self.go_on(Chunk { left: octets, last, lines })?;
        Ok(sent)
    }

    /// From here on content is due, chunk by chunk.
    pub(crate) fn begin_chunks(&mut self) -> Result<(), Misuse> {
        self.stage = Stage::Chunks(self.first_chunk()?);
        self.retime();
        Ok(())
    }

    /// Whether the next chunk can be announced.
    pub(super) fn takes_chunk(&self) -> bool {
        (!self.last_waits || self.pipeline.is_idle()) && self.pipeline.takes_chunk(self.depth())
    }

    /// RFC 3030 2: once the replies to MAIL and to all RCPT are there.
    fn first_chunk(&self) -> Result<Lines, Misuse> {
        if !self.may_command()?.contains(Extension::Chunking) {
            return Err(Misuse::NotOffered);
        }
        if !self.pipeline.is_idle() || self.replies.is_partial() {
            return Err(Misuse::NotYet);
        }
        if self.transaction.mail != Some(true) || self.transaction.accepted == 0 {
            return Err(Misuse::Order);
        }
        Ok(Lines { binary: self.transaction.binary, cr: false, taken: 0 })
    }

    /// Where all octets of a chunk were taken, the next thing is due.
    fn go_on(&mut self, chunk: Chunk) -> Result<(), Misuse> {
        self.stage = match chunk {
            Chunk { left: 0, last: Last::No, lines } => Stage::Chunks(lines),
            Chunk { left: 0, last: Last::Yes, lines } => {
                lines.finish().map_err(|fault| self.stray(fault))?;
                self.transaction = Default::default();
                Stage::Commands
            }
            _ => Stage::Chunk(chunk),
        };
        self.release();
        Ok(())
    }

    /// What of `octets` belongs to the chunk.
    fn of_chunk<'c>(&mut self, octets: &'c [u8]) -> Result<(&'c [u8], Chunk), Misuse> {
        let Stage::Chunk(mut chunk) = self.stage else { return Err(self.misplaced()) };
        let left = usize::try_from(chunk.left).unwrap_or(usize::MAX);
        let octets = octets.get(..left).unwrap_or(octets);
        chunk.lines.take(octets).map_err(|fault| self.stray(fault))?;
        chunk.left = chunk.left.saturating_sub(octets.len() as u64);
        Ok((octets, chunk))
    }

    pub(super) fn chunk_body(&mut self, octets: &[u8]) -> Result<usize, Misuse> {
        let (octets, chunk) = self.of_chunk(octets)?;
        self.pipeline.write_content(|text| text.extend_from_slice(octets));
        self.go_on(chunk)?;
        Ok(octets.len())
    }

    pub(super) fn chunk_pieces<'c>(
        &mut self,
        octets: &'c [u8],
        pieces: &mut [&'c [u8]],
    ) -> Result<(usize, usize), Misuse> {
        let Some(piece) = pieces.first_mut().filter(|_| !octets.is_empty()) else {
            return Ok((0, 0));
        };
        let (octets, chunk) = self.of_chunk(octets)?;
        *piece = octets;
        self.pipeline.passed(octets.len());
        self.go_on(chunk)?;
        Ok((octets.len(), 1))
    }

    /// RFC 3030 2: behind a chunk that failed no other is sent, and RSET is due; in LMTP where the last one failed for anybody.
    pub(super) fn chunk_answered(&mut self, to: Sent, reply: Reply<'_>) {
        if reply.class().is_positive() {
            return;
        }
        self.broken |= to.n > self.reset;
        match self.stage {
            Stage::Chunks(_) => self.stage = Stage::Commands,
            // The octets that were announced are nobody's any more.
            Stage::Chunk(_) => self.finish_session(),
            _ => {}
        }
    }
}
