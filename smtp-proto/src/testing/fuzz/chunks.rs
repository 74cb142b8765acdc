//! Content that comes in counted chunks, beside a reading of it that is as plain as can be.

use alloc::vec;
use alloc::vec::Vec;

use super::content::repairs;
use super::input::pieces;
use crate::data::{ChunkNewlines, ChunkReader, Piece, Repairs};

/// Neither where a chunk ends nor where a read ends changes what is read.
pub(super) fn chunks(octets: &[u8], cuts: &[u8]) {
    for newlines in [ChunkNewlines::Normalise, ChunkNewlines::Refuse, ChunkNewlines::Keep] {
        let seen = read(&[octets], usize::MAX, newlines);
        for chunks in [vec![octets], octets.chunks(1).collect(), pieces(octets, cuts)] {
            for piece in [1, 3, usize::MAX] {
                assert_eq!(read(&chunks, piece, newlines), seen, "{newlines:?} of {chunks:?}");
            }
        }
        let (content, stray, counted) = seen;
        let found = repairs(octets);
        assert_eq!(stray, newlines == ChunkNewlines::Refuse && found.any());
        match newlines {
            ChunkNewlines::Normalise => assert_eq!((content, counted), (repaired(octets), found)),
            ChunkNewlines::Keep => assert_eq!(content, octets),
            ChunkNewlines::Refuse => assert!(stray || content == octets),
        }
    }
}

/// The content, whether a fault was met, and what was repaired.
fn read(chunks: &[&[u8]], piece: usize, newlines: ChunkNewlines) -> (Vec<u8>, bool, Repairs) {
    let mut reader = ChunkReader::new(newlines);
    let (mut content, mut stray) = (Vec::new(), false);
    let mut take = |piece: Piece<'_>| match piece {
        // What stands behind a fault is thrown away.
        Piece::Run(_) if stray => {}
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
    if let Some(piece) = reader.finish() {
        take(piece);
    }
    let repairs = if stray { Repairs::default() } else { reader.repairs() };
    (content, stray, repairs)
}

/// A bare LF is CRLF, a bare CR a space.
fn repaired(octets: &[u8]) -> Vec<u8> {
    let mut content = Vec::new();
    for (at, &octet) in octets.iter().enumerate() {
        match octet {
            b'\n' if at == 0 || octets[at - 1] != b'\r' => content.extend_from_slice(b"\r\n"),
            b'\r' if octets.get(at + 1) != Some(&b'\n') => content.push(b' '),
            _ => content.push(octet),
        }
    }
    content
}
