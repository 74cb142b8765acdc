//! The content that is coming in: by DATA, or by BDAT in chunks.

use crate::data::{ChunkReader, Reader};
use crate::server::Summary;
use crate::server::stock::Stock;
use crate::{Code, Last, ReplyBuf};

/// What came of the content by BDAT.
#[derive(Debug, Default)]
pub(super) enum Chunks {
    #[default]
    None,
    Open(Chunked),
    /// A chunk failed: only RSET, EHLO and QUIT lead out (RFC 3030 2).
    Failed,
}

/// The content of the chunks that were taken.
#[derive(Debug)]
pub(in crate::server) struct Chunked {
    pub(in crate::server) reader: ChunkReader,
    pub(in crate::server) summary: Summary,
}

/// The chunk whose octets are being read.
#[derive(Debug)]
pub(in crate::server) struct Chunk {
    pub(in crate::server) left: u64,
    pub(in crate::server) last: Last,
    /// Octets taken in this window.
    pub(in crate::server) window: u64,
    /// Why they are only skipped, where they are.
    pub(super) refusal: Option<ChunkRefusal>,
    /// The refusal voids the transaction, too.
    pub(super) fails: bool,
    /// The greeting that refused, where nothing but QUIT is served.
    pub(super) no_service: Option<Code>,
}

impl Chunk {
    pub(super) const fn new(octets: u64, last: Last) -> Self {
        Self { left: octets, last, window: 0, refusal: None, fails: false, no_service: None }
    }
}

/// Who refused a chunk.
#[derive(Debug)]
pub(in crate::server) enum ChunkRefusal {
    Machine(&'static Stock),
    /// No error of the client, but nothing comes of it: it was in the pipeline behind one that failed, or TLS or AUTH comes first.
    Idle(&'static Stock),
    Application(ReplyBuf),
}

/// The content that is being received.
#[derive(Debug)]
pub(in crate::server) struct Content {
    pub(in crate::server) reader: Reader,
    pub(in crate::server) summary: Summary,
    /// Why it is only drained, where it is.
    pub(in crate::server) void: Option<&'static Stock>,
    /// Octets taken in this window.
    pub(in crate::server) window: u64,
}
