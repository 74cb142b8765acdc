//! Reads content that comes in counted chunks by BDAT (RFC 3030 2): no end of data, no dots, and stray newlines as the policy says.

use super::reader::{Newlines, Piece, Reader, Repairs};

/// What happens to bare CR, bare LF and NUL in content that comes by BDAT without BODY=BINARYMIME. The octets are counted, so nothing can
/// be smuggled by them, and large senders send bare LFs.
///
/// ```
/// use smtp_proto::data::ChunkNewlines;
///
/// assert_eq!(ChunkNewlines::default(), ChunkNewlines::Normalise);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[expect(clippy::exhaustive_enums, reason = "content is repaired, refused or kept")]
pub enum ChunkNewlines {
    /// A bare LF becomes CRLF, a bare CR a space, NUL passes; the counts are kept.
    #[default]
    Normalise,
    /// The chunk is read to its end and refused there.
    Refuse,
    /// Every octet is kept, as with BODY=BINARYMIME.
    Keep,
}

/// Reads the content of one message over all its chunks.
///
/// ```
/// use smtp_proto::data::{ChunkNewlines, ChunkReader, Piece};
///
/// let mut reader = ChunkReader::new(ChunkNewlines::Normalise);
/// let (mut input, mut left) = (&b".\r\nBDAT 0 LAST\r\n"[..], 2);
/// assert_eq!(reader.next(&mut input, &mut left), Some(Piece::Run(b".")));
/// assert_eq!(reader.next(&mut input, &mut left), None); // the CR waits for what the next chunk begins with
/// assert_eq!((input, left), (&b"\nBDAT 0 LAST\r\n"[..], 0));
/// assert_eq!(reader.finish(), Some(Piece::Run(b" ")));
/// assert_eq!(reader.finish(), None);
/// ```
#[derive(Clone, Debug)]
pub struct ChunkReader {
    reader: Reader,
    keep: bool,
    /// A chunk ended in a CR: whether it is bare shows in the next one.
    held_cr: bool,
}

impl ChunkReader {
    /// A reader in front of the first chunk.
    #[must_use]
    pub const fn new(newlines: ChunkNewlines) -> Self {
        let reader = match newlines {
            ChunkNewlines::Refuse => Reader::of_chunks(Newlines::Refuse),
            ChunkNewlines::Normalise | ChunkNewlines::Keep => {
                Reader::of_chunks(Newlines::Normalise)
            }
        };
        Self { reader, keep: matches!(newlines, ChunkNewlines::Keep), held_cr: false }
    }

    /// What was repaired so far.
    #[must_use]
    pub const fn repairs(&self) -> Repairs {
        self.reader.repairs()
    }

    /// Takes the next piece of a chunk off the front of `input`, never more than the `left` octets of the chunk. `None` when more octets
    /// are needed, or the chunk is over; [`Piece::End`] never.
    pub fn next<'b>(&mut self, input: &mut &'b [u8], left: &mut u64) -> Option<Piece<'b>> {
        let whole = *input;
        let here = usize::try_from(*left).unwrap_or(usize::MAX).min(whole.len());
        let (mut chunk, _) = whole.split_at_checked(here)?;
        let is_whole = here as u64 == *left;
        let piece = self.piece(&mut chunk, is_whole);
        let taken = here.saturating_sub(chunk.len());
        *input = whole.get(taken..).unwrap_or_default();
        *left = left.saturating_sub(taken as u64);
        piece
    }

    fn piece<'b>(&mut self, chunk: &mut &'b [u8], is_whole: bool) -> Option<Piece<'b>> {
        if self.keep {
            let run = core::mem::take(chunk);
            return (!run.is_empty()).then_some(Piece::Run(run));
        }
        if self.held_cr && !chunk.is_empty() {
            if let Some(rest) = chunk.strip_prefix(b"\n") {
                (*chunk, self.held_cr) = (rest, false);
                return Some(Piece::Run(b"\r\n"));
            }
            return self.finish();
        }
        let piece = self.reader.next(chunk);
        if piece.is_none() && is_whole && *chunk == b"\r" {
            (*chunk, self.held_cr) = (&[], true);
        }
        piece
    }

    /// The last chunk is over: what is left of the content, if anything.
    pub fn finish<'b>(&mut self) -> Option<Piece<'b>> {
        core::mem::take(&mut self.held_cr).then(|| self.reader.bare_cr())
    }
}

#[cfg(test)]
mod tests {
    use alloc::vec::Vec;

    use super::*;

    /// What chunks read as, each cut into pieces of `piece` octets: the content, and whether a stray octet was met.
    fn read(chunks: &[&[u8]], newlines: ChunkNewlines, piece: usize) -> (Vec<u8>, bool) {
        let mut reader = ChunkReader::new(newlines);
        let (mut content, mut stray) = (Vec::new(), false);
        let mut take = |piece: Piece<'_>| match piece {
            Piece::Run(run) => content.extend_from_slice(run),
            Piece::Stray => stray = true,
            Piece::End => panic!("a chunk has no end of data"),
        };
        for chunk in chunks {
            let (mut left, mut kept) = (chunk.len() as u64, Vec::new());
            for piece in chunk.chunks(piece) {
                kept.extend_from_slice(piece);
                let mut input = &kept[..];
                while let Some(piece) = reader.next(&mut input, &mut left) {
                    take(piece);
                }
                kept = input.to_vec();
            }
            assert_eq!((left, kept.len()), (0, 0), "a chunk is taken whole");
        }
        while let Some(piece) = reader.finish() {
            take(piece);
        }
        (content, stray)
    }

    /// Chunks, the policy, what they come to, and whether a stray octet was told of.
    type Row<'a> = (&'a [&'a [u8]], ChunkNewlines, &'a [u8], bool);

    #[test]
    fn chunks_are_read_as_one_content_however_they_are_cut() {
        use ChunkNewlines::{Keep, Normalise, Refuse};
        let table: &[Row<'_>] = &[
            (&[b".\r\n.\r", b"\n"], Refuse, b".\r\n.\r\n", false),
            (&[b"..\r\n", b".\r\n"], Normalise, b"..\r\n.\r\n", false),
            (&[b"a\nb\rc\0", b"\n"], Normalise, b"a\r\nb c\0\r\n", false),
            (&[b"a\r", b"", b"b"], Normalise, b"a b", false),
            (&[b"a\r", b"\r", b"\n"], Normalise, b"a \r\n", false),
            (&[b"a\r"], Normalise, b"a ", false),
            (&[b"a\nb\rc\0", b"\r"], Keep, b"a\nb\rc\0\r", false),
            (&[b"a\r\n\r\n.\r\nb"], Refuse, b"a\r\n\r\n.\r\nb", false),
        ];
        for &(chunks, newlines, content, stray) in table {
            for piece in [1, 2, 3, 100] {
                assert_eq!(read(chunks, newlines, piece), (content.to_vec(), stray), "{chunks:?}");
            }
        }
    }

    #[test]
    fn a_stray_octet_is_told_of_once_where_it_is_refused() {
        for chunks in [&[&b"a\nb"[..]][..], &[b"a\r", b"b"], &[b"a\r"], &[b"\0"], &[b"\r", b"\r"]] {
            for piece in [1, 2, 100] {
                assert!(read(chunks, ChunkNewlines::Refuse, piece).1, "{chunks:?}");
            }
        }
    }
}
