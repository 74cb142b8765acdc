//! An address that clients come in at.

use core::net::IpAddr;
use std::fs;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use smtp_proto_tokio::Session;
use tokio::net::{TcpListener, UnixListener};

use crate::serve::serve;
use crate::sink::Sink;

/// What is spoken there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Smtp,
    /// In TLS from the first octet.
    Smtps,
    Lmtp,
}

impl Kind {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Smtp => "smtp",
            Self::Smtps => "smtps",
            Self::Lmtp => "lmtp",
        }
    }
}

#[derive(Debug)]
pub(crate) enum Door {
    Tcp(TcpListener),
    Unix(UnixListener, PathBuf),
}

/// A client at the door.
pub(crate) enum Guest {
    Tcp(tokio::net::TcpStream, IpAddr),
    Unix(tokio::net::UnixStream),
}

impl Door {
    /// Listens on `host:port`, or on the path of a Unix socket, which holds a slash.
    pub(crate) async fn open(address: &str) -> io::Result<Self> {
        if !address.contains('/') {
            return TcpListener::bind(address).await.map(Self::Tcp);
        }
        let path = PathBuf::from(address);
        Ok(Self::Unix(smtp_proto_tokio::bind_unix(&path)?, path))
    }

    /// Where it is.
    pub(crate) fn address(&self) -> io::Result<String> {
        match self {
            Self::Tcp(listener) => listener.local_addr().map(|address| address.to_string()),
            Self::Unix(_, path) => Ok(path.display().to_string()),
        }
    }

    pub(crate) async fn accept(&self) -> io::Result<Guest> {
        match self {
            Self::Tcp(listener) => {
                let (stream, peer) = listener.accept().await?;
                // A reply is one write, and the client waits for it.
                stream.set_nodelay(true)?;
                Ok(Guest::Tcp(stream, peer.ip()))
            }
            Self::Unix(listener, _) => Ok(Guest::Unix(listener.accept().await?.0)),
        }
    }
}

impl Drop for Door {
    fn drop(&mut self) {
        if let Self::Unix(_, path) = self {
            // Someone may have removed it already.
            let _ = fs::remove_file(path);
        }
    }
}

impl Guest {
    pub(crate) async fn serve(self, kind: Kind, sink: &Arc<Sink>) -> io::Result<()> {
        match self {
            Self::Tcp(stream, ip) => serve(session(stream, kind, sink), Some(ip), sink).await,
            Self::Unix(stream) => serve(session(stream, kind, sink), None, sink).await,
        }
    }
}

fn session<S>(stream: S, kind: Kind, sink: &Sink) -> Session<S>
where
    S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin,
{
    let config = Arc::clone(if kind == Kind::Lmtp { &sink.lmtp } else { &sink.config });
    match &sink.acceptor {
        Some(acceptor) if kind == Kind::Smtps => {
            Session::implicit_tls(stream, acceptor.clone(), config)
        }
        Some(acceptor) => Session::new(stream, config).with_tls(acceptor.clone()),
        None => Session::new(stream, config),
    }
}
