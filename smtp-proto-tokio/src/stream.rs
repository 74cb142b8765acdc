//! What can be done with a stream without waiting.

use core::pin::Pin;
use core::task::{Context, Poll, ready};
use std::io;

use smtp_proto::Inbox;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// Writes the front of `octets`, never nothing.
pub(crate) fn poll_write(
    stream: &mut (impl AsyncWrite + Unpin),
    octets: &[u8],
    cx: &mut Context<'_>,
) -> Poll<io::Result<usize>> {
    let written = ready!(Pin::new(stream).poll_write(cx, octets))?;
    Poll::Ready(not_nothing(written))
}

/// A stream that takes nothing, and says neither why nor when it will, would be asked for ever.
pub(crate) fn not_nothing(written: usize) -> io::Result<usize> {
    if written == 0 { Err(io::ErrorKind::WriteZero.into()) } else { Ok(written) }
}

/// Reads into the inbox; pending while it has no room. 0 is the end.
pub(crate) fn poll_read(
    stream: &mut (impl AsyncRead + Unpin),
    inbox: &mut Inbox,
    cx: &mut Context<'_>,
) -> Poll<io::Result<usize>> {
    let Some(space) = inbox.space() else { return Poll::Pending };
    let mut buffer = ReadBuf::new(space);
    ready!(Pin::new(stream).poll_read(cx, &mut buffer))?;
    let octets = buffer.filled().len();
    inbox.filled(octets);
    Poll::Ready(Ok(octets))
}
