//! Feeds the content of a message, from the 354 to its end.

use super::pipeline::Asked;
use super::{Client, Misuse, Sent, Stage};
use crate::data::ContentFault;

impl Client {
    /// Queues content, as much as may wait: dots are doubled, newlines checked; of a [`chunk`](Self::chunk) no more than was announced. Returns how many octets were taken; 0: flush first.
    ///
    /// # Errors
    ///
    /// [`Misuse::Content`]: no content is due. [`Misuse::Stray`]: it cannot be sent; the message will not be ended, and the session is
    /// over. [`Misuse::Over`].
    pub fn body(&mut self, chunk: &[u8]) -> Result<usize, Misuse> {
        let room = self.config.queue.content.max(1).saturating_sub(self.pipeline.waiting());
        if let Stage::Chunk(_) = self.stage {
            return self.chunk_body(chunk.get(..room).unwrap_or(chunk));
        }
        let Stage::Content(_, writer) = &mut self.stage else { return Err(self.misplaced()) };
        // Doubled dots may go over the bound, by as much again at the most.
        let now = chunk.get(..room).unwrap_or(chunk);
        let mut result = Ok(());
        self.pipeline.write_content(|text| result = writer.write(now, text));
        if let Err(fault) = result {
            return Err(self.stray(fault));
        }
        self.retime();
        Ok(now.len())
    }

    /// Turns content into pieces that are to be written one behind the other, borrowed from `chunk` as far as can be: for `writev`. The
    /// caller writes all of them before anything else. Returns how many octets were taken and how many pieces filled. There is room for
    /// at least two pieces in `pieces`, else nothing is taken.
    ///
    /// # Errors
    ///
    /// [`Misuse::NotFlushed`] unless [`outgoing`](Self::outgoing) is empty; the rest as [`body`](Self::body).
    pub fn body_pieces<'c>(
        &mut self,
        chunk: &'c [u8],
        pieces: &mut [&'c [u8]],
    ) -> Result<(usize, usize), Misuse> {
        let flushed = self.pipeline.waiting() == 0;
        let due = matches!(self.stage, Stage::Content(..) | Stage::Chunk(_));
        if due && !flushed {
            return Err(Misuse::NotFlushed);
        }
        if let Stage::Chunk(_) = self.stage {
            return self.chunk_pieces(chunk, pieces);
        }
        let Stage::Content(_, writer) = &mut self.stage else { return Err(self.misplaced()) };
        match writer.pieces(chunk, pieces) {
            Ok((taken, filled)) => {
                let octets = pieces
                    .iter()
                    .take(filled)
                    .map(|piece| piece.len())
                    .fold(0, usize::saturating_add);
                self.pipeline.passed(octets);
                Ok((taken, filled))
            }
            Err(fault) => Err(self.stray(fault)),
        }
    }

    pub(super) fn stray(&mut self, fault: ContentFault) -> Misuse {
        self.abandon_body();
        Misuse::Stray(fault)
    }

    /// Ends the content that follows DATA. Its reply is `to` the DATA, in LMTP one `to` each RCPT that was accepted; commands may follow
    /// at once.
    ///
    /// # Errors
    ///
    /// As [`body`](Self::body).
    pub fn finish(&mut self) -> Result<Sent, Misuse> {
        let Stage::Content(sent, writer) = &mut self.stage else { return Err(self.misplaced()) };
        let sent = *sent;
        match writer.finish() {
            Ok(end) => {
                let judged = core::mem::take(&mut self.transaction).judged;
                let (first, others) = judged.split_first().unwrap_or((&sent, &[]));
                self.pipeline.push_content(*first, Asked::Content, end);
                for rcpt in others {
                    self.pipeline.push_content(*rcpt, Asked::Content, b"");
                }
                self.stage = Stage::Commands;
                self.release();
                Ok(sent)
            }
            Err(fault) => Err(self.stray(fault)),
        }
    }

    /// The producer of the content failed: the message is never ended, and the connection is closed (RFC 5321 4.1.1.10).
    pub fn abandon_body(&mut self) {
        if matches!(
            self.stage,
            Stage::DataAsked | Stage::Content(..) | Stage::Chunk(_) | Stage::Chunks(_)
        ) {
            self.stage = Stage::ContentFailed;
            self.pipeline.silence();
            self.stirred = true;
        }
    }
}
