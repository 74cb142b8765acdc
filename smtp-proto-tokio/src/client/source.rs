//! Where the content of a letter comes from.

use core::ops::Range;
use std::io::{self, SeekFrom};

use tokio::io::{AsyncRead, AsyncReadExt, AsyncSeek, AsyncSeekExt};

/// Octets that are asked for at once.
const BLOCK: usize = 64 * 1024;

/// The content of a letter, without doubled dots.
///
/// Everything that is octets in memory is a source: `&str`, `&[u8]`, `Vec<u8>`, `Bytes`. It is sent as it lies there, not copied, where
/// the stream can (`writev`). For files there is [`Reader`], for what can be read only once [`Once`].
///
/// ```
/// use smtp_proto_tokio::client::Source;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> std::io::Result<()> {
/// let mut content = "Subject: hi\r\n\r\nHello\r\n";
/// assert_eq!(content.octets(15).await?, b"Hello\r\n");
/// assert_eq!(content.octets(22).await?, b"");
/// # Ok(())
/// # }
/// ```
pub trait Source {
    /// The octets from `at` on, as many as are at hand; none at the end.
    ///
    /// `at` moves forwards, and back to 0 where the letter is sent again: to recipients for whom the first transaction had no room. The
    /// future may be dropped, and the same `at` be asked for again.
    ///
    /// # Errors
    ///
    /// They cannot be had: the letter is given up.
    fn octets(&mut self, at: u64) -> impl Future<Output = io::Result<&[u8]>> + Send;
}

impl<T: AsRef<[u8]> + Send> Source for T {
    async fn octets(&mut self, at: u64) -> io::Result<&[u8]> {
        let at = usize::try_from(at).unwrap_or(usize::MAX);
        Ok(T::as_ref(self).get(at..).unwrap_or_default())
    }
}

/// The content is what a reader gives from where it stands now: a file, say. Not more than 64 KiB of it are in memory at a time.
///
/// ```
/// use std::io::Cursor;
///
/// use smtp_proto_tokio::client::{Reader, Source};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> std::io::Result<()> {
/// let mut content = Reader::new(Cursor::new("Hello\r\n"));
/// assert_eq!(content.octets(0).await?, b"Hello\r\n");
/// assert_eq!(content.octets(7).await?, b"");
/// assert_eq!(content.octets(0).await?, b"Hello\r\n");
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Reader<R> {
    reader: R,
    block: Block,
    /// Where the content begins in the reader, once that is known.
    start: Option<u64>,
}

impl<R: AsyncRead + AsyncSeek + Unpin + Send> Reader<R> {
    /// A source that begins where `reader` stands.
    #[must_use]
    pub fn new(reader: R) -> Self {
        Self { reader, block: Block::default(), start: None }
    }
}

impl<R: AsyncRead + AsyncSeek + Unpin + Send> Source for Reader<R> {
    async fn octets(&mut self, at: u64) -> io::Result<&[u8]> {
        let Self { reader, block, start } = self;
        if start.is_none() {
            *start = Some(reader.stream_position().await?);
        }
        if at < block.at {
            reader.seek(SeekFrom::Start(start.unwrap_or_default())).await?;
            *block = Block::default();
        }
        block.from(at, reader).await
    }
}

/// The content is what comes out of a stream, once: a pipe, say. Where a server takes not all recipients in one transaction, the second
/// one fails.
///
/// ```
/// use smtp_proto_tokio::client::{Once, Source};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> std::io::Result<()> {
/// let mut content = Once::new(&b"Hello\r\n"[..]);
/// assert_eq!(content.octets(0).await?, b"Hello\r\n");
/// assert_eq!(content.octets(7).await?, b"");
/// assert!(content.octets(0).await.is_err());
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Once<R> {
    reader: R,
    block: Block,
}

impl<R: AsyncRead + Unpin + Send> Once<R> {
    /// A source that is used up by one transaction.
    #[must_use]
    pub fn new(reader: R) -> Self {
        Self { reader, block: Block::default() }
    }
}

impl<R: AsyncRead + Unpin + Send> Source for Once<R> {
    async fn octets(&mut self, at: u64) -> io::Result<&[u8]> {
        let Self { reader, block } = self;
        if at < block.at {
            return Err(io::Error::new(io::ErrorKind::Unsupported, "it can be read only once"));
        }
        block.from(at, reader).await
    }
}

/// What was read last.
#[derive(Debug, Default)]
struct Block {
    octets: Vec<u8>,
    /// Its first octet is this one of the content.
    at: u64,
    filled: usize,
}

impl Block {
    async fn from(&mut self, at: u64, reader: &mut (impl AsyncRead + Unpin)) -> io::Result<&[u8]> {
        if self.kept(at).is_empty() {
            self.octets.resize(BLOCK, 0);
            (self.at, self.filled) = (at, 0);
            self.filled = reader.read(&mut self.octets).await?;
        }
        Ok(self.octets.get(self.kept(at)).unwrap_or_default())
    }

    /// Where the octets from `at` on are.
    fn kept(&self, at: u64) -> Range<usize> {
        let skip = usize::try_from(at.saturating_sub(self.at)).unwrap_or(usize::MAX);
        skip.min(self.filled)..self.filled
    }
}
