//! A connection that can be encrypted on its way.

use core::fmt;
use core::time::Duration;
use std::io::{self, IoSlice, Read, Write};

use smtp_proto::TlsInfo;

use crate::Socket;
#[cfg(feature = "rustls")]
use crate::tls::{Acceptor, Handshake, Layer};

/// A connection in clear, or encrypted: the same socket before and after STARTTLS.
///
/// ```
/// use std::net::{TcpListener, TcpStream};
///
/// use smtp_proto_blocking::Stream;
///
/// let listener = TcpListener::bind("127.0.0.1:0")?;
/// let stream = Stream::from(TcpStream::connect(listener.local_addr()?)?);
/// assert_eq!(stream.socket().peer_addr()?, listener.local_addr()?);
/// assert!(stream.tls().is_none());
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug)]
pub struct Stream<S> {
    socket: S,
    #[cfg(feature = "rustls")]
    layer: Option<Box<Layer>>,
    witness: Option<Box<dyn Witness>>,
}

/// Sees what passes over a [`Stream`], as it was before the encryption: for transcripts. Secrets pass as well.
///
/// ```
/// use smtp_proto_blocking::Witness;
///
/// #[derive(Debug, Default)]
/// struct Counter(usize);
///
/// impl Witness for Counter {
///     fn wrote(&mut self, octets: &[u8]) {
///         self.0 += octets.len();
///     }
///
///     fn read(&mut self, octets: &[u8]) {
///         self.0 += octets.len();
///     }
/// }
/// ```
pub trait Witness: fmt::Debug + Send {
    /// This end said these octets.
    fn wrote(&mut self, octets: &[u8]);

    /// The other end said these octets.
    fn read(&mut self, octets: &[u8]);

    /// All that follows is encrypted.
    fn encrypted(&mut self, info: &TlsInfo) {
        let _ = info;
    }
}

impl<S> From<S> for Stream<S> {
    fn from(socket: S) -> Self {
        Self {
            socket,
            #[cfg(feature = "rustls")]
            layer: None,
            witness: None,
        }
    }
}

impl<S> Stream<S> {
    /// The socket. What is read from it, or written to it, passes by the encryption.
    #[must_use]
    pub const fn socket(&self) -> &S {
        &self.socket
    }

    /// From now on `witness` sees what passes.
    pub fn watch(&mut self, witness: Box<dyn Witness>) {
        self.witness = Some(witness);
    }

    /// How it is encrypted; `None` in clear.
    #[must_use]
    pub fn tls(&self) -> Option<&TlsInfo> {
        #[cfg(feature = "rustls")]
        if let Some(layer) = &self.layer {
            return layer.info();
        }
        None
    }
}

#[cfg(feature = "rustls")]
impl<S: Socket> Stream<S> {
    /// Shakes hands as the server, within `limit`. From then on all is encrypted.
    ///
    /// # Errors
    ///
    /// What the socket reports; [`TimedOut`](io::ErrorKind::TimedOut) or [`WouldBlock`](io::ErrorKind::WouldBlock) at the limit;
    /// [`InvalidData`](io::ErrorKind::InvalidData) with an error of rustls in it where the client says what it may not, or does not take
    /// the certificate. The connection is of no use then.
    pub fn accept_tls(&mut self, acceptor: &Acceptor, limit: Duration) -> io::Result<()> {
        self.encrypt(Layer::server(acceptor)?, limit)
    }

    /// Shakes hands as the client, within `limit`. From then on all is encrypted.
    ///
    /// # Errors
    ///
    /// As [`accept_tls`](Self::accept_tls); the error of rustls says what is wrong with the certificate.
    pub fn connect_tls(&mut self, handshake: &Handshake, limit: Duration) -> io::Result<()> {
        self.encrypt(Layer::client(handshake)?, limit)
    }

    fn encrypt(&mut self, layer: Layer, limit: Duration) -> io::Result<()> {
        if self.layer.is_some() {
            return Err(io::Error::other("it is encrypted already"));
        }
        let Self { socket, layer: place, witness } = self;
        // From here on nothing leaves in clear, whatever becomes of the handshake.
        let layer = place.insert(Box::new(layer));
        layer.shake_hands(socket, limit)?;
        if let (Some(witness), Some(info)) = (witness, layer.info()) {
            witness.encrypted(info);
        }
        Ok(())
    }
}

/// Calls the layer where there is one, and else the socket.
macro_rules! through {
    ($self:ident, |$layer:ident, $socket:ident| $encrypted:expr, $clear:expr) => {{
        let Self { socket: $socket, .. } = $self;
        #[cfg(feature = "rustls")]
        match &mut $self.layer {
            Some($layer) => $encrypted,
            None => $clear,
        }
        #[cfg(not(feature = "rustls"))]
        $clear
    }};
}

impl<S: Socket> Stream<S> {
    /// Tells the witness of a read.
    fn heard(&mut self, read: io::Result<usize>, buffer: &[u8]) -> io::Result<usize> {
        if let (Ok(octets), Some(witness)) = (&read, &mut self.witness) {
            witness.read(buffer.get(..*octets).unwrap_or_default());
        }
        read
    }
}

impl<S: Socket> Read for Stream<S> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = through!(self, |layer, socket| layer.read(socket, buffer), socket.read(buffer));
        self.heard(read, buffer)
    }
}

/// Where an encrypted write has to wait and fails, it is tried again with the same octets, or with the same and more behind them.
impl<S: Socket> Write for Stream<S> {
    fn write(&mut self, octets: &[u8]) -> io::Result<usize> {
        self.write_vectored(&[IoSlice::new(octets)])
    }

    fn write_vectored(&mut self, pieces: &[IoSlice<'_>]) -> io::Result<usize> {
        let written = through!(
            self,
            |layer, socket| layer.write(socket, |to| to.write_vectored(pieces)),
            socket.write_vectored(pieces)
        )?;
        if let Some(witness) = &mut self.witness {
            let mut left = written;
            for piece in pieces {
                let octets = piece.get(..left.min(piece.len())).unwrap_or_default();
                witness.wrote(octets);
                left -= octets.len();
            }
        }
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        // Of an encrypted write nothing is held back.
        self.socket.flush()
    }
}

impl<S: Socket> Socket for Stream<S> {
    fn limit_reads(&mut self, limit: Duration) -> io::Result<()> {
        through!(self, |layer, _socket| layer.limit_reads(limit), _socket.limit_reads(limit)?);
        Ok(())
    }

    fn limit_writes(&mut self, limit: Duration) -> io::Result<()> {
        through!(self, |layer, _socket| layer.limit_writes(limit), _socket.limit_writes(limit)?);
        Ok(())
    }

    fn end_writing(&mut self) -> io::Result<()> {
        through!(
            self,
            |layer, socket| {
                let closed = layer.close(socket);
                socket.end_writing().and(closed)
            },
            socket.end_writing()
        )
    }

    fn read_at_once(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = through!(
            self,
            |layer, socket| layer.read_at_once(socket, buffer),
            socket.read_at_once(buffer)
        );
        self.heard(read, buffer)
    }

    fn writes_vectored(&self) -> bool {
        #[cfg(feature = "rustls")]
        if self.layer.is_some() {
            return true;
        }
        self.socket.writes_vectored()
    }
}
