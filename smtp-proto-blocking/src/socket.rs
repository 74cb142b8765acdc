//! What a session needs of a socket beyond reading and writing.

use core::time::Duration;
use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpStream};
#[cfg(unix)]
use std::os::unix::net::UnixStream;

/// A connection with time-outs and a half-close.
///
/// ```
/// use std::io;
/// use std::net::TcpStream;
/// use std::time::Duration;
///
/// use smtp_proto_blocking::Socket;
///
/// fn impatient(socket: &mut impl Socket) -> io::Result<usize> {
///     socket.limit_reads(Duration::from_millis(100))?;
///     socket.read(&mut [0; 16])
/// }
/// # let listener = std::net::TcpListener::bind("127.0.0.1:0")?;
/// # let mut stream = TcpStream::connect(listener.local_addr()?)?;
/// assert!(impatient(&mut stream).is_err());
/// # Ok::<(), io::Error>(())
/// ```
pub trait Socket: Read + Write {
    /// From now on a read fails when nothing came for so long, with [`WouldBlock`](io::ErrorKind::WouldBlock) or
    /// [`TimedOut`](io::ErrorKind::TimedOut). `limit` is never zero.
    ///
    /// # Errors
    ///
    /// What the system reports.
    fn limit_reads(&mut self, limit: Duration) -> io::Result<()>;

    /// From now on a write fails when nothing left for so long, as [`limit_reads`](Self::limit_reads).
    ///
    /// # Errors
    ///
    /// What the system reports.
    fn limit_writes(&mut self, limit: Duration) -> io::Result<()>;

    /// Tells the peer that nothing more comes; reading goes on.
    ///
    /// # Errors
    ///
    /// What the system reports.
    fn end_writing(&mut self) -> io::Result<()>;

    /// As [`read`](Read::read), but does not wait: fails with [`WouldBlock`](io::ErrorKind::WouldBlock) where nothing has come.
    ///
    /// # Errors
    ///
    /// What the system reports.
    fn read_at_once(&mut self, buffer: &mut [u8]) -> io::Result<usize>;

    /// Whether [`write_vectored`](Write::write_vectored) writes octets that lie apart at once.
    fn writes_vectored(&self) -> bool {
        false
    }
}

macro_rules! std_sockets {
    ($($(#[$attribute:meta])? $socket:ty),*) => {
        $(
            $(#[$attribute])?
            impl Socket for $socket {
                fn limit_reads(&mut self, limit: Duration) -> io::Result<()> {
                    self.set_read_timeout(Some(limit))
                }

                fn limit_writes(&mut self, limit: Duration) -> io::Result<()> {
                    self.set_write_timeout(Some(limit))
                }

                fn end_writing(&mut self) -> io::Result<()> {
                    self.shutdown(Shutdown::Write)
                }

                fn read_at_once(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
                    self.set_nonblocking(true)?;
                    let read = self.read(buffer);
                    self.set_nonblocking(false)?;
                    read
                }

                fn writes_vectored(&self) -> bool {
                    true
                }
            }
        )*
    };
}

std_sockets!(
    TcpStream,
    &TcpStream,
    #[cfg(unix)]
    UnixStream,
    #[cfg(unix)]
    &UnixStream
);

impl<S: Socket + ?Sized> Socket for Box<S> {
    fn limit_reads(&mut self, limit: Duration) -> io::Result<()> {
        (**self).limit_reads(limit)
    }

    fn limit_writes(&mut self, limit: Duration) -> io::Result<()> {
        (**self).limit_writes(limit)
    }

    fn end_writing(&mut self) -> io::Result<()> {
        (**self).end_writing()
    }

    fn read_at_once(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        (**self).read_at_once(buffer)
    }

    fn writes_vectored(&self) -> bool {
        (**self).writes_vectored()
    }
}
