//! A stream that shows the dialogue as it passes.

use core::pin::Pin;
use core::task::{Context, Poll};
use std::io;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::demo::show;

/// The client's end of a session: what is written is shown behind `C:`, what is read behind `S:`.
#[derive(Debug)]
pub(crate) struct Recording<S> {
    stream: S,
    written: Vec<u8>,
    read: Vec<u8>,
}

impl<S> Recording<S> {
    pub(crate) fn new(stream: S) -> Self {
        Self { stream, written: Vec::new(), read: Vec::new() }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Recording<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let result = Pin::new(&mut self.stream).poll_read(cx, buffer);
        lines("S: ", &mut self.read, &buffer.filled()[before..])?;
        result
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Recording<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        octets: &[u8],
    ) -> Poll<io::Result<usize>> {
        let result = Pin::new(&mut self.stream).poll_write(cx, octets);
        if let Poll::Ready(Ok(written)) = result {
            lines("C: ", &mut self.written, &octets[..written])?;
        }
        result
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

/// Shows the lines that are whole now.
fn lines(who: &str, begun: &mut Vec<u8>, octets: &[u8]) -> io::Result<()> {
    begun.extend_from_slice(octets);
    let whole = begun.iter().rposition(|octet| *octet == b'\n').map_or(0, |end| end + 1);
    for line in String::from_utf8_lossy(&begun[..whole]).lines() {
        show(who, line)?;
    }
    begun.drain(..whole);
    Ok(())
}
