//! The stream of a session with the machine and the inbox: what can be done without waiting.

use core::mem;
use core::task::{Context, Poll, ready};
use std::io;

use smtp_proto::Inbox;
use smtp_proto::server::{Event, Server, Traffic};
use tokio::io::{AsyncRead, AsyncWrite};

use crate::outlet::Outlet;
use crate::{Stream, stream};

/// Whether a wait of the machine is for the peer to take what is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Writing {
    Yes,
    No,
}

/// What was done for the machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Progress {
    /// Octets came, or their end.
    Read,
    /// Octets left.
    Wrote,
}

#[derive(Debug)]
pub(crate) struct Link<S> {
    pub(crate) stream: Stream<S>,
    pub(crate) server: Server,
    pub(crate) inbox: Inbox,
    /// Something was written that the stream may still hold back.
    pub(crate) unflushed: bool,
    /// What was taken of the inbox may hold a secret.
    pub(crate) secret: bool,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Link<S> {
    /// Writes, and where that has to wait reads meanwhile: two ends that both wait for the other to read would wait for ever (RFC 2920 3.1).
    pub(crate) fn poll(
        &mut self,
        writing: Writing,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<Progress>> {
        if writing == Writing::Yes {
            if let Poll::Ready(written) = self.poll_write(cx) {
                return Poll::Ready(written.map(|()| Progress::Wrote));
            }
        } else if let Poll::Ready(Err(error)) = self.outlet().poll_flush(cx) {
            return Poll::Ready(Err(error));
        }
        self.poll_read(cx).map_ok(|()| Progress::Read)
    }

    fn poll_write(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut outlet = self.outlet();
        ready!(outlet.poll_write(cx))?;
        // What a stream holds back goes on leaving while the answer is read.
        if outlet.server.outgoing().is_empty()
            && let Poll::Ready(Err(error)) = outlet.poll_flush(cx)
        {
            return Poll::Ready(Err(error));
        }
        Poll::Ready(Ok(()))
    }

    pub(crate) fn outlet(&mut self) -> Outlet<'_, S> {
        let Self { stream, server, unflushed, .. } = self;
        Outlet { stream, server, unflushed }
    }

    /// The next event, with what can be done while it is held. None in a handshake.
    pub(crate) fn next(&mut self) -> Option<(Event<'_>, Outlet<'_, S>)> {
        if self.stream.is_shaking() {
            return None;
        }
        let Self { stream, server, inbox, unflushed, secret } = self;
        let event = inbox.feed(|input| server.next(input));
        *secret |= server.last_taken() == Traffic::AuthSecret;
        Some((event?, Outlet { stream, server, unflushed }))
    }

    fn poll_read(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if mem::take(&mut self.secret) {
            self.inbox.wipe();
        }
        let read = stream::poll_read(&mut self.stream, &mut self.inbox, cx)?;
        match read {
            Poll::Pending => {
                // Between letters a session may be idle for long, and there are many of them.
                if !self.server.in_transaction() {
                    self.inbox.release();
                }
                Poll::Pending
            }
            Poll::Ready(octets) => {
                if octets == 0 {
                    self.server.eof();
                }
                Poll::Ready(Ok(()))
            }
        }
    }
}
