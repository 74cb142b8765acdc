//! Gathers the runs of a body into blocks that are worth a write.

use alloc::vec::Vec;

/// A block, in octets.
const BLOCK: usize = 16 * 1024;
/// A run that is not worth a write of its own, in octets.
const SHORT: usize = BLOCK / 4;

/// Collects runs, which may be three octets long, into blocks of about 16 KiB. A run that is a block by itself is never copied.
///
/// ```
/// use smtp_proto::data::Gather;
///
/// let (mut gather, mut file) = (Gather::new(), Vec::new());
/// for run in [&b"Subject: t\r\n"[..], b"\r\n", b"hello\r\n"] {
///     for block in gather.push(run) {
///         file.extend_from_slice(block);
///     }
/// }
/// file.extend_from_slice(gather.rest());
/// assert_eq!(file, b"Subject: t\r\n\r\nhello\r\n");
/// ```
#[derive(Debug, Default)]
pub struct Gather {
    octets: Vec<u8>,
    /// The octets were handed out; the next run takes their place.
    written: bool,
}

impl Gather {
    /// Nothing gathered, nothing allocated.
    #[must_use]
    pub const fn new() -> Self {
        Self { octets: Vec::new(), written: false }
    }

    /// Adds a run, and returns what is to be written now, in this order; both slices may be empty.
    #[must_use]
    pub fn push<'a>(&'a mut self, run: &'a [u8]) -> [&'a [u8]; 2] {
        self.forget_written();
        let whole = self.octets.len().saturating_add(run.len()) >= BLOCK;
        self.written = whole;
        if whole && run.len() >= SHORT {
            return [&self.octets, run];
        }
        self.octets.extend_from_slice(run);
        [if whole { &self.octets } else { &[] }, &[]]
    }

    /// What is left at the end; it counts as written then.
    #[must_use]
    pub fn rest(&mut self) -> &[u8] {
        self.forget_written();
        self.written = true;
        &self.octets
    }

    fn forget_written(&mut self) {
        if core::mem::take(&mut self.written) {
            self.octets.clear();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_octet_comes_out_once_and_in_order() {
        let body: Vec<u8> = (0..100_000u32).map(|number| number as u8).collect();
        let (mut gather, mut out, mut writes, mut from, mut length) =
            (Gather::new(), Vec::new(), 0, 0, 1);
        while from < body.len() {
            let run = &body[from..(from + length).min(body.len())];
            for block in gather.push(run) {
                writes += usize::from(!block.is_empty());
                out.extend_from_slice(block);
            }
            from += run.len();
            length = length % 700 + 3;
        }
        out.extend_from_slice(gather.rest());
        assert_eq!(out, body);
        assert!(writes <= 7, "{writes} writes");
        assert_eq!(gather.push(b"x"), [b"", b""] as [&[u8]; 2]);
        assert_eq!(gather.rest(), b"x");
    }

    #[test]
    fn a_full_block_is_written_at_once() {
        let (mut gather, block) = (Gather::new(), [b'a'; BLOCK]);
        assert_eq!(gather.push(&block[..BLOCK - 1]), [b"", b""] as [&[u8]; 2]);
        assert_eq!(gather.push(b"a"), [&block[..], b""]);
    }

    #[test]
    fn a_run_is_written_by_itself_where_that_saves_a_copy_worth_a_write() {
        let (mut gather, block) = (Gather::new(), [b'a'; BLOCK]);
        let gathered = BLOCK - SHORT;
        for (run, written) in
            [(SHORT, [gathered, SHORT]), (BLOCK, [gathered, BLOCK]), (SHORT - 1, [0, 0])]
        {
            gather = Gather::new();
            assert_eq!(gather.push(&block[..gathered]), [b"", b""] as [&[u8]; 2]);
            assert_eq!(gather.push(&block[..run]).map(<[u8]>::len), written);
        }
        assert_eq!(gather.push(b"a").map(<[u8]>::len), [BLOCK, 0]);
    }
}
