//! The stream of a client's session with the machine and the inbox: what can be done without waiting.

use core::pin::Pin;
use core::task::{Context, Poll, ready};
use core::time::Duration;
use std::io::{self, IoSlice};

use smtp_proto::Inbox;
use smtp_proto::client::{Client, Pace};
use smtp_proto::server::Wants;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::Instant;

use crate::Stream;
use crate::link::{Progress, Writing};
use crate::stream::{self, not_nothing};

/// After a write has failed, what the server still has to say comes within this time.
pub(super) const LAST_WORDS: Duration = Wants::LINGER;

#[derive(Debug)]
pub(super) struct Link<S> {
    pub(super) stream: Stream<S>,
    pub(super) client: Client,
    pub(super) inbox: Inbox,
    /// Something was written that the stream may still hold back.
    unflushed: bool,
    /// Why nothing more can be written, and how long it is listened on: a "552 too big" is not a connection reset.
    broken: Option<(io::Error, Instant)>,
    pub(super) pace: Pace,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Link<S> {
    pub(super) const fn new(stream: Stream<S>, client: Client, inbox: Inbox) -> Self {
        // Octets of a session before may still be held back by the stream.
        let pace = Pace::new();
        Self { stream, client, inbox, unflushed: true, broken: None, pace }
    }

    pub(super) const fn is_broken(&self) -> bool {
        self.broken.is_some()
    }

    /// How long the server may still say something after a write has failed.
    pub(super) fn last_words(&self) -> Option<Duration> {
        self.broken.as_ref().map(|(_, until)| until.saturating_duration_since(Instant::now()))
    }

    /// The error of a write that failed.
    pub(super) fn fail(&mut self) -> io::Result<()> {
        self.broken.take().map_or(Ok(()), |(error, _)| Err(error))
    }

    fn break_off(&mut self, error: io::Error) {
        self.broken = Some((error, Instant::now() + LAST_WORDS));
    }

    /// Writes, and where that has to wait reads meanwhile: two ends that both wait for the other to read would wait for ever (RFC 2920 3.1).
    pub(super) fn poll(
        &mut self,
        writing: Writing,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<Progress>> {
        let written = match writing {
            _ if self.is_broken() => Poll::Pending,
            Writing::Yes => self.poll_write(cx),
            Writing::No => self.poll_flush(cx),
        };
        match written {
            Poll::Ready(()) => Poll::Ready(Ok(Progress::Wrote)),
            Poll::Pending => self.poll_read(cx).map_ok(|()| Progress::Read),
        }
    }

    /// As [`poll`](Self::poll), for content that does not pass through the machine's buffer.
    pub(super) fn poll_pieces(
        &mut self,
        pieces: &mut &mut [IoSlice<'_>],
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<Progress>> {
        match Pin::new(&mut self.stream).poll_write_vectored(cx, pieces) {
            Poll::Ready(written) => {
                match written.and_then(not_nothing) {
                    Ok(octets) => {
                        IoSlice::advance_slices(pieces, octets);
                        self.pace.wrote(octets, self.client.config());
                    }
                    Err(error) => self.break_off(error),
                }
                self.unflushed = true;
                Poll::Ready(Ok(Progress::Wrote))
            }
            Poll::Pending => self.poll_read(cx).map_ok(|()| Progress::Read),
        }
    }

    /// Reads what has come; never pending.
    pub(super) fn poll_look(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.poll_read(cx) {
            Poll::Pending => Poll::Ready(Ok(())),
            read => read,
        }
    }

    fn poll_write(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        match ready!(stream::poll_write(&mut self.stream, self.client.outgoing(), cx)) {
            Ok(octets) => {
                self.client.sent(octets);
                self.unflushed = true;
                // What a stream holds back goes on leaving while the reply is read.
                if self.client.outgoing().is_empty() {
                    let _ = self.poll_flush(cx);
                }
            }
            Err(error) => self.break_off(error),
        }
        Poll::Ready(())
    }

    /// Ready only where it fails.
    fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if self.unflushed {
            match ready!(Pin::new(&mut self.stream).poll_flush(cx)) {
                Ok(()) => self.unflushed = false,
                Err(error) => {
                    self.break_off(error);
                    return Poll::Ready(());
                }
            }
        }
        Poll::Pending
    }

    fn poll_read(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match stream::poll_read(&mut self.stream, &mut self.inbox, cx) {
            Poll::Pending => {
                if self.client.is_idle() {
                    self.inbox.release();
                }
                Poll::Pending
            }
            Poll::Ready(Ok(0)) => {
                self.client.eof();
                Poll::Ready(self.fail())
            }
            Poll::Ready(Ok(_)) => Poll::Ready(Ok(())),
            Poll::Ready(Err(error)) => Poll::Ready(self.fail().and(Err(error))),
        }
    }
}
