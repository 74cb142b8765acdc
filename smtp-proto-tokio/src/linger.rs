//! The end of a connection: the last reply has to arrive before the kernel forgets it.
//!
//! A socket that is closed while octets from the peer lie unread is reset, and the reset makes the peer's kernel throw away replies that
//! have arrived (RFC 1122 4.2.2.13). So writing is shut down first, and what still comes is read and dropped for a while.

use core::pin::Pin;
use core::task::{Context, Poll, ready};
use core::time::Duration;
use std::io;

use smtp_proto::server::Wants;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::wait::at_most;

/// What is left of the end of one connection.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Linger {
    shut_down: bool,
    octets: usize,
    left: Duration,
}

impl Default for Linger {
    fn default() -> Self {
        Self { shut_down: false, octets: Wants::LINGER_OCTETS, left: Wants::LINGER }
    }
}

impl Linger {
    /// Ends it. Nothing that fails here matters any more: the session is over.
    pub(crate) async fn run(&mut self, stream: &mut (impl AsyncRead + AsyncWrite + Unpin)) {
        let Self { shut_down, octets, left } = self;
        let limit = *left;
        let waited = |time: Duration| *left = left.saturating_sub(time);
        let _ = at_most(limit, waited, |cx| poll_end(stream, shut_down, octets, cx)).await;
        (*octets, *left) = (0, Duration::ZERO);
    }
}

fn poll_end(
    stream: &mut (impl AsyncRead + AsyncWrite + Unpin),
    shut_down: &mut bool,
    octets: &mut usize,
    cx: &mut Context<'_>,
) -> Poll<io::Result<()>> {
    if !*shut_down {
        ready!(Pin::new(&mut *stream).poll_shutdown(cx))?;
        *shut_down = true;
    }
    while *octets > 0 {
        let mut scrap = [0; 4096];
        let mut buffer = ReadBuf::new(&mut scrap);
        ready!(Pin::new(&mut *stream).poll_read(cx, &mut buffer))?;
        match buffer.filled().len() {
            0 => break,
            read => *octets = octets.saturating_sub(read),
        }
    }
    Poll::Ready(Ok(()))
}
