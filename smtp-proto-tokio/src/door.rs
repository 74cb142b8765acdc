//! An address that is listened on.

use core::net::SocketAddr;
use core::task::{Context, Poll, ready};
use std::io;
#[cfg(unix)]
use std::{fs, path::PathBuf};

use socket2::{Domain, Socket, Type};
use tokio::net::{TcpListener, TcpStream, lookup_host};
#[cfg(unix)]
use tokio::net::{UnixListener, UnixStream};

use crate::{Address, Peer};

/// Connections that may wait to be accepted; systems cut it down to what they allow.
const BACKLOG: i32 = 1024;

#[derive(Debug)]
pub(crate) enum Door {
    Tcp(TcpListener),
    #[cfg(unix)]
    Unix(UnixListener, PathBuf),
}

#[derive(Debug)]
pub(crate) enum Connection {
    Tcp(TcpStream),
    #[cfg(unix)]
    Unix(UnixStream),
}

impl Door {
    /// Listens on `host:port`, or on the path of a Unix socket, which holds a slash.
    pub(crate) async fn bind(address: &str) -> io::Result<Self> {
        #[cfg(unix)]
        if address.contains('/') {
            return bind_path(address.into());
        }
        let mut failure = io::Error::new(io::ErrorKind::InvalidInput, "the host has no address");
        for address in lookup_host(address).await? {
            match bind_socket(address) {
                Ok(listener) => return Ok(Self::Tcp(listener)),
                Err(error) => failure = error,
            }
        }
        Err(failure)
    }

    pub(crate) fn address(&self) -> io::Result<Address> {
        match self {
            Self::Tcp(listener) => listener.local_addr().map(Address::Ip),
            #[cfg(unix)]
            Self::Unix(_, path) => Ok(Address::Unix(Some(path.clone()))),
        }
    }

    pub(crate) fn poll_accept(&self, cx: &mut Context<'_>) -> Poll<io::Result<(Connection, Peer)>> {
        Poll::Ready(match self {
            Self::Tcp(listener) => {
                let (stream, remote) = ready!(listener.poll_accept(cx))?;
                // A reply is one write, and the client waits for it.
                stream.set_nodelay(true)?;
                let local = stream.local_addr()?;
                Ok((Connection::Tcp(stream), Peer::new(Address::Ip(remote), Address::Ip(local))))
            }
            #[cfg(unix)]
            Self::Unix(listener, path) => {
                let (stream, _) = ready!(listener.poll_accept(cx))?;
                let local = Address::Unix(Some(path.clone()));
                Ok((Connection::Unix(stream), Peer::new(Address::Unix(None), local)))
            }
        })
    }
}

/// IPv4 does not come in over IPv6, whatever the system's default: so both can be bound to one port, and a peer has one address.
fn bind_socket(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, None)?;
    if address.is_ipv6() {
        socket.set_only_v6(true)?;
    }
    // Elsewhere it would let another program take the port over.
    #[cfg(unix)]
    socket.set_reuse_address(true)?;
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    TcpListener::from_std(socket.into())
}

#[cfg(unix)]
fn bind_path(path: PathBuf) -> io::Result<Door> {
    use std::os::unix::net::UnixStream;

    let listener = match UnixListener::bind(&path) {
        // Left by a process that was killed.
        Err(error)
            if error.kind() == io::ErrorKind::AddrInUse
                && UnixStream::connect(&path)
                    .is_err_and(|error| error.kind() == io::ErrorKind::ConnectionRefused) =>
        {
            fs::remove_file(&path)?;
            UnixListener::bind(&path)
        }
        result => result,
    }?;
    Ok(Door::Unix(listener, path))
}

impl Drop for Door {
    fn drop(&mut self) {
        #[cfg(unix)]
        if let Self::Unix(_, path) = self {
            // Someone may have removed it already.
            let _ = fs::remove_file(path);
        }
    }
}
