//! A handshake, and what comes of it.

use core::pin::Pin;
use core::task::{Context, Poll};
use std::io;
use std::sync::Arc;

use rustls::{CommonState, HandshakeKind, ProtocolVersion};
use smtp_proto::TlsInfo;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_rustls::{FallibleAccept, FallibleConnect, TlsAcceptor, TlsConnector, TlsStream};

use super::{Acceptor, Handshake};

/// Two ends on their way to each other. Dropped in between it takes the socket with it.
pub(crate) enum Hands<S> {
    Accept(Box<FallibleAccept<S>>),
    Connect(Box<FallibleConnect<S>>, Handshake),
}

impl<S: AsyncRead + AsyncWrite + Unpin> Hands<S> {
    pub(crate) fn accept(acceptor: &Acceptor, socket: S) -> Self {
        let acceptor = TlsAcceptor::from(Arc::clone(acceptor.config()));
        Self::Accept(Box::new(acceptor.accept(socket).into_fallible()))
    }

    pub(crate) fn connect(handshake: &Handshake, socket: S) -> Self {
        let connector = TlsConnector::from(Arc::clone(handshake.config()));
        let hands = connector.connect(handshake.name().clone(), socket).into_fallible();
        Self::Connect(Box::new(hands), handshake.clone())
    }

    /// The socket comes back with the error, so that the other end still hears the alert.
    pub(crate) fn poll(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Result<Encrypted<S>, (io::Error, S)>> {
        match self {
            Self::Accept(hands) => Pin::new(hands).poll(cx).map_ok(Encrypted::by_server),
            Self::Connect(hands, handshake) => {
                Pin::new(hands).poll(cx).map_ok(|stream| Encrypted::by_client(stream, handshake))
            }
        }
    }
}

/// A socket with its encryption.
pub(crate) struct Encrypted<S> {
    pub(crate) stream: TlsStream<S>,
    pub(crate) info: TlsInfo,
}

impl<S> Encrypted<S> {
    fn by_server(stream: tokio_rustls::server::TlsStream<S>) -> Self {
        let connection = stream.get_ref().1;
        let mut info = info(connection);
        info.server_name = connection.server_name().map(str::to_owned);
        // One that is not good would have ended the handshake.
        info.verified = info.certificate.is_some();
        Self { stream: stream.into(), info }
    }

    fn by_client(stream: tokio_rustls::client::TlsStream<S>, handshake: &Handshake) -> Self {
        let mut info = info(stream.get_ref().1);
        info.server_name = Some(handshake.name().to_str().into_owned());
        info.verified = handshake.verifies();
        Self { stream: stream.into(), info }
    }

    pub(crate) fn socket(&self) -> &S {
        self.stream.get_ref().0
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Encrypted<S> {
    pub(crate) fn poll_read(
        &mut self,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match Pin::new(&mut self.stream).poll_read(cx, buffer) {
            // Many close without a word of TLS. Nothing is lost by it: every command, reply and content has an end of its own.
            Poll::Ready(Err(error)) if error.kind() == io::ErrorKind::UnexpectedEof => {
                Poll::Ready(Ok(()))
            }
            read => read,
        }
    }
}

fn info(connection: &CommonState) -> TlsInfo {
    let version = match connection.protocol_version() {
        Some(ProtocolVersion::TLSv1_2) => "TLSv1.2",
        _ => "TLSv1.3",
    };
    let suite = connection.negotiated_cipher_suite().and_then(|suite| suite.suite().as_str());
    // Here the suites of TLS 1.3 have names of their own.
    let mut info = TlsInfo::new(version, suite.unwrap_or_default().replacen("TLS13_", "TLS_", 1));
    let certificate = connection.peer_certificates().and_then(<[_]>::first);
    info.resumed = connection.handshake_kind() == Some(HandshakeKind::Resumed);
    info.certificate = certificate.map(|certificate| certificate.to_vec());
    info
}
