//! The way out of a session, while an event of it is held: the machine and the stream, without the inbox from which the event borrows.

use core::panic::AssertUnwindSafe;
use core::pin::{Pin, pin};
use core::task::{Context, Poll, ready};
use core::time::Duration;
use std::io;
use std::panic::catch_unwind;

use smtp_proto::server::Server;
use tokio::io::{AsyncRead, AsyncWrite};
use tracing::Span;

use crate::wait::at_most;
use crate::{Stream, stream};

pub(crate) struct Outlet<'a, S> {
    pub(crate) stream: &'a mut Stream<S>,
    pub(crate) server: &'a mut Server,
    /// Something was written that the stream may still hold back.
    pub(crate) unflushed: &'a mut bool,
}

/// Why a future of the handler gave no result.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// It took too long.
    Late,
    /// It panicked.
    Panicked,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Outlet<'_, S> {
    /// Polls a future of the handler for at most `limit`. Meanwhile the replies that are due leave: the client would count the time of
    /// each decision of a group against the first of them.
    pub(crate) async fn ask<T>(
        &mut self,
        limit: Duration,
        span: &Span,
        future: impl Future<Output = T>,
    ) -> Result<T, Fault> {
        let mut future = pin!(future);
        let poll = |cx: &mut Context<'_>| {
            match catch_unwind(AssertUnwindSafe(|| span.in_scope(|| future.as_mut().poll(cx)))) {
                Ok(Poll::Ready(result)) => Poll::Ready(Ok(result)),
                Ok(Poll::Pending) => {
                    // A stream that fails is noticed by the next `ready`.
                    let _ = self.poll_empty(cx);
                    Poll::Pending
                }
                Err(_) => Poll::Ready(Err(Fault::Panicked)),
            }
        };
        at_most(limit, |_| {}, poll).await.unwrap_or(Err(Fault::Late))
    }

    fn poll_empty(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while !self.server.outgoing().is_empty() {
            ready!(self.poll_write(cx))?;
        }
        self.poll_flush(cx)
    }

    /// Writes once.
    pub(crate) fn poll_write(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let written = ready!(stream::poll_write(self.stream, self.server.outgoing(), cx))?;
        self.server.sent(written);
        *self.unflushed = true;
        Poll::Ready(Ok(()))
    }

    pub(crate) fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if *self.unflushed {
            ready!(Pin::new(&mut *self.stream).poll_flush(cx))?;
            *self.unflushed = false;
        }
        Poll::Ready(Ok(()))
    }
}
