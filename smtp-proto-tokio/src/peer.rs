//! Who is connected to what.

use core::fmt;
use core::net::{IpAddr, SocketAddr};
use std::path::PathBuf;

/// The other end of a connection, and this one.
///
/// ```
/// use smtp_proto_tokio::{Address, Peer};
///
/// let peer = Peer::new(Address::Ip("192.0.2.7:40123".parse()?), Address::Ip("198.51.100.1:25".parse()?));
/// assert_eq!(peer.ip(), Some("192.0.2.7".parse()?));
/// # Ok::<(), std::net::AddrParseError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Peer {
    /// Where the peer is.
    pub remote: Address,
    /// The address of this end.
    pub local: Address,
}

impl Peer {
    /// A peer at `remote`, connected to `local`.
    #[must_use]
    pub const fn new(remote: Address, local: Address) -> Self {
        Self { remote, local }
    }

    /// The IP address of the peer; `None` over a Unix socket.
    #[must_use]
    pub fn ip(&self) -> Option<IpAddr> {
        self.remote.socket().map(|address| address.ip())
    }
}

/// One end of a connection.
///
/// ```
/// use smtp_proto_tokio::Address;
///
/// assert_eq!(Address::Ip("[::1]:25".parse()?).to_string(), "[::1]:25");
/// # Ok::<(), std::net::AddrParseError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Address {
    /// Of IP.
    Ip(SocketAddr),
    /// A Unix socket; the end that connects has no path.
    Unix(Option<PathBuf>),
}

impl Address {
    /// The address and port; `None` for a Unix socket.
    #[must_use]
    pub const fn socket(&self) -> Option<SocketAddr> {
        match self {
            Self::Ip(address) => Some(*address),
            Self::Unix(_) => None,
        }
    }
}

/// `192.0.2.7:25`, or the path.
impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ip(address) => address.fmt(f),
            Self::Unix(Some(path)) => path.display().fmt(f),
            Self::Unix(None) => f.write_str("a local process"),
        }
    }
}
