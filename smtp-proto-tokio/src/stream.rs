//! A connection that can be encrypted on its way, and what can be done with a stream without waiting.

use core::fmt;
use core::pin::Pin;
use core::task::{Context, Poll, ready};
use std::io::{self, IoSlice};

use smtp_proto::{Inbox, TlsInfo};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

#[cfg(feature = "rustls")]
use crate::tls::{Encrypted, Hands};

/// A connection in clear, or encrypted: the same socket before and after STARTTLS.
///
/// ```
/// use smtp_proto_tokio::Stream;
/// use tokio::net::{TcpListener, TcpStream};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> std::io::Result<()> {
/// let listener = TcpListener::bind("127.0.0.1:0").await?;
/// let stream = Stream::from(TcpStream::connect(listener.local_addr()?).await?);
/// assert!(stream.tls().is_none());
/// assert_eq!(stream.socket().unwrap().peer_addr()?, listener.local_addr()?);
/// # Ok(())
/// # }
/// ```
pub struct Stream<S>(State<S>);

enum State<S> {
    Clear(S),
    /// In the handshake. What is read or written here fails.
    #[cfg(feature = "rustls")]
    Shaking(Hands<S>),
    #[cfg(feature = "rustls")]
    Encrypted(Box<Encrypted<S>>),
    /// The handshake came to nothing: nothing is said any more in the clear (RFC 3207 4), and what comes is thrown away.
    #[cfg(feature = "rustls")]
    Failed(S),
    /// Between two of the others; nobody sees it.
    #[cfg(feature = "rustls")]
    Nothing,
}

impl<S> From<S> for Stream<S> {
    fn from(socket: S) -> Self {
        Self(State::Clear(socket))
    }
}

impl<S> Stream<S> {
    /// The socket; `None` in a handshake. What is read from it, or written to it, passes by the encryption.
    #[must_use]
    pub fn socket(&self) -> Option<&S> {
        match &self.0 {
            State::Clear(socket) => Some(socket),
            #[cfg(feature = "rustls")]
            State::Encrypted(encrypted) => Some(encrypted.socket()),
            #[cfg(feature = "rustls")]
            State::Failed(socket) => Some(socket),
            #[cfg(feature = "rustls")]
            State::Shaking(_) | State::Nothing => None,
        }
    }

    /// How it is encrypted; `None` in clear.
    #[must_use]
    pub const fn tls(&self) -> Option<&TlsInfo> {
        match &self.0 {
            #[cfg(feature = "rustls")]
            State::Encrypted(encrypted) => Some(&encrypted.info),
            _ => None,
        }
    }

    pub(crate) const fn is_shaking(&self) -> bool {
        match self.0 {
            #[cfg(feature = "rustls")]
            State::Shaking(_) => true,
            _ => false,
        }
    }

    /// Whether a handshake came to nothing.
    pub(crate) const fn has_failed(&self) -> bool {
        match self.0 {
            #[cfg(feature = "rustls")]
            State::Failed(_) => true,
            _ => false,
        }
    }
}

#[cfg(feature = "rustls")]
impl<S: AsyncRead + AsyncWrite + Unpin> Stream<S> {
    /// Shakes hands as the server. From then on all is encrypted. Cancel-safe.
    ///
    /// # Errors
    ///
    /// What the socket reports, and what [`fault`](crate::tls::fault) tells of. The connection is of no use then.
    pub async fn accept_tls(&mut self, acceptor: &crate::tls::Acceptor) -> io::Result<()> {
        self.begin_tls(|socket| Hands::accept(acceptor, socket));
        core::future::poll_fn(|cx| self.poll_tls(cx)).await
    }

    /// Shakes hands as the client. From then on all is encrypted. Cancel-safe.
    ///
    /// # Errors
    ///
    /// As [`accept_tls`](Self::accept_tls): what is wrong with the certificate, say.
    pub async fn connect_tls(&mut self, handshake: &crate::tls::Handshake) -> io::Result<()> {
        self.begin_tls(|socket| Hands::connect(handshake, socket));
        core::future::poll_fn(|cx| self.poll_tls(cx)).await
    }

    /// Begins a handshake, unless there is one already.
    pub(crate) fn begin_tls(&mut self, begin: impl FnOnce(S) -> Hands<S>) {
        self.0 = match core::mem::replace(&mut self.0, State::Nothing) {
            State::Clear(socket) => State::Shaking(begin(socket)),
            other => other,
        };
    }

    /// Goes on with a handshake.
    pub(crate) fn poll_tls(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let State::Shaking(hands) = &mut self.0 else {
            return Poll::Ready(match self.0 {
                State::Encrypted(_) => Ok(()),
                _ => Err(io::ErrorKind::NotConnected.into()),
            });
        };
        let (state, result) = match ready!(hands.poll(cx)) {
            Ok(encrypted) => (State::Encrypted(Box::new(encrypted)), Ok(())),
            Err((error, socket)) => (State::Failed(socket), Err(error)),
        };
        self.0 = state;
        Poll::Ready(result)
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncRead for Stream<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match &mut self.0 {
            State::Clear(socket) => Pin::new(socket).poll_read(cx, buffer),
            #[cfg(feature = "rustls")]
            State::Encrypted(encrypted) => encrypted.poll_read(cx, buffer),
            #[cfg(feature = "rustls")]
            State::Failed(socket) => Pin::new(socket).poll_read(cx, buffer),
            #[cfg(feature = "rustls")]
            State::Shaking(_) | State::Nothing => not_now(),
        }
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Stream<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        octets: &[u8],
    ) -> Poll<io::Result<usize>> {
        match &mut self.0 {
            State::Clear(socket) => Pin::new(socket).poll_write(cx, octets),
            #[cfg(feature = "rustls")]
            State::Encrypted(encrypted) => Pin::new(&mut encrypted.stream).poll_write(cx, octets),
            #[cfg(feature = "rustls")]
            _ => not_now(),
        }
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        pieces: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match &mut self.0 {
            State::Clear(socket) => Pin::new(socket).poll_write_vectored(cx, pieces),
            #[cfg(feature = "rustls")]
            State::Encrypted(encrypted) => {
                Pin::new(&mut encrypted.stream).poll_write_vectored(cx, pieces)
            }
            #[cfg(feature = "rustls")]
            _ => not_now(),
        }
    }

    fn is_write_vectored(&self) -> bool {
        match &self.0 {
            State::Clear(socket) => socket.is_write_vectored(),
            #[cfg(feature = "rustls")]
            State::Encrypted(encrypted) => encrypted.stream.is_write_vectored(),
            #[cfg(feature = "rustls")]
            _ => false,
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.0 {
            State::Clear(socket) => Pin::new(socket).poll_flush(cx),
            #[cfg(feature = "rustls")]
            State::Encrypted(encrypted) => Pin::new(&mut encrypted.stream).poll_flush(cx),
            #[cfg(feature = "rustls")]
            _ => Poll::Ready(Ok(())),
        }
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.0 {
            State::Clear(socket) => Pin::new(socket).poll_shutdown(cx),
            #[cfg(feature = "rustls")]
            State::Encrypted(encrypted) => Pin::new(&mut encrypted.stream).poll_shutdown(cx),
            #[cfg(feature = "rustls")]
            State::Failed(socket) => Pin::new(socket).poll_shutdown(cx),
            #[cfg(feature = "rustls")]
            State::Shaking(_) | State::Nothing => not_now(),
        }
    }
}

#[cfg(feature = "rustls")]
fn not_now<T>() -> Poll<io::Result<T>> {
    Poll::Ready(Err(io::ErrorKind::NotConnected.into()))
}

impl<S: fmt::Debug> fmt::Debug for Stream<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Stream").field("socket", &self.socket()).field("tls", &self.tls()).finish()
    }
}

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
