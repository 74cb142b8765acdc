//! An address that is listened on.

use core::net::SocketAddr;
use core::task::{Context, Poll, ready};
use std::io;
#[cfg(unix)]
use std::{
    fs,
    path::{Path, PathBuf},
};

#[cfg(unix)]
use socket2::SockAddr;
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
            let path = PathBuf::from(address);
            return bind_unix(&path).map(|listener| Self::Unix(listener, path));
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

impl Drop for Door {
    fn drop(&mut self) {
        #[cfg(unix)]
        if let Self::Unix(_, path) = self {
            // Someone may have removed it already.
            let _ = fs::remove_file(path);
        }
    }
}

/// Listens on the path of a Unix socket. A socket that a process left there when it was killed gives way; nothing else does, whatever it is.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> std::io::Result<()> {
/// let path = std::env::temp_dir().join(format!("lmtp-{}", std::process::id()));
/// drop(smtp_proto_tokio::bind_unix(&path)?);
/// assert!(path.exists(), "a listener that is dropped leaves its socket behind");
///
/// let listener = smtp_proto_tokio::bind_unix(&path)?;
/// assert!(smtp_proto_tokio::bind_unix(&path).is_err(), "somebody listens there now");
/// # drop(listener);
/// # std::fs::remove_file(path)
/// # }
/// ```
///
/// # Errors
///
/// The path is too long, or it is taken ([`AddrInUse`](io::ErrorKind::AddrInUse)), or what the system says.
#[cfg(unix)]
pub fn bind_unix(path: &Path) -> io::Result<UnixListener> {
    match UnixListener::bind(path) {
        Err(error) if error.kind() == io::ErrorKind::AddrInUse && is_left(path) => {
            fs::remove_file(path)?;
            UnixListener::bind(path)
        }
        Err(error) if error.kind() == io::ErrorKind::InvalidInput => {
            let octets = path.as_os_str().len();
            let text =
                format!("the path has {octets} octets, and a Unix socket can have about a hundred");
            Err(io::Error::new(io::ErrorKind::InvalidInput, text))
        }
        result => result,
    }
}

/// Whether a socket stands there and nobody listens on it. A listener whose queue is full would be waited for, so this does not wait.
#[cfg(unix)]
fn is_left(path: &Path) -> bool {
    use std::os::unix::fs::FileTypeExt;

    let connect = || {
        let socket = Socket::new(Domain::UNIX, Type::STREAM, None)?;
        socket.set_nonblocking(true)?;
        socket.connect(&SockAddr::unix(path)?)
    };
    fs::symlink_metadata(path).is_ok_and(|entry| entry.file_type().is_socket())
        && connect().is_err_and(|error| error.kind() == io::ErrorKind::ConnectionRefused)
}
