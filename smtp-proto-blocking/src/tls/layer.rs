//! TLS over a socket: records in and out, with the time-outs of the socket below.

use core::fmt;
use core::mem;
use core::time::Duration;
use std::io::{self, Read};
use std::sync::Arc;
use std::time::Instant;

use rustls::{ClientConnection, Connection, HandshakeKind, ServerConnection, Writer};
use smtp_proto::TlsInfo;

use super::{Acceptor, Handshake};
use crate::Socket;

/// Octets of records that wait to be written: what a write takes at once.
const OUTGOING: usize = 32 * 1024;
/// Reads that bring a part of a record, or one that is not for the session, before the session goes on without.
const GLANCES: usize = 64;

/// One end of an encrypted connection, without its socket.
pub(crate) struct Layer {
    connection: Connection,
    info: TlsInfo,
    /// The handshake went well.
    established: bool,
    /// Octets that were taken, and whose records have not left: what the next write has to report, as it takes the same octets again.
    taken: usize,
    /// How long a read and a write may take.
    limits: [Option<Duration>; 2],
}

impl Layer {
    pub(crate) fn server(acceptor: &Acceptor) -> io::Result<Self> {
        let connection = ServerConnection::new(Arc::clone(acceptor.config()));
        Ok(Self::new(connection.map_err(io::Error::other)?.into()))
    }

    pub(crate) fn client(handshake: &Handshake) -> io::Result<Self> {
        let connection =
            ClientConnection::new(Arc::clone(handshake.config()), handshake.name().clone());
        let mut layer = Self::new(connection.map_err(io::Error::other)?.into());
        layer.info.verified = handshake.verifies();
        layer.info.server_name = Some(handshake.name().to_str().into_owned());
        Ok(layer)
    }

    fn new(mut connection: Connection) -> Self {
        connection.set_buffer_limit(Some(OUTGOING));
        let info = TlsInfo::new("", "");
        Self { connection, info, established: false, taken: 0, limits: [None; 2] }
    }

    /// What there is to tell of it; `None` before the handshake went well.
    pub(crate) fn info(&self) -> Option<&TlsInfo> {
        self.established.then_some(&self.info)
    }

    /// Shakes hands, within `limit` altogether.
    pub(crate) fn shake_hands(
        &mut self,
        socket: &mut impl Socket,
        limit: Duration,
    ) -> io::Result<()> {
        let deadline = Deadline::new(Some(limit));
        while self.connection.is_handshaking() || self.connection.wants_write() {
            let step = if self.connection.wants_write() {
                self.push(socket, &deadline)
            } else {
                self.pull(socket, &deadline)
            };
            match step {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
                step => drop(step?),
            }
        }
        self.describe();
        Ok(())
    }

    fn describe(&mut self) {
        let Self { connection, info, established, .. } = self;
        *established = true;
        info.version = match connection.protocol_version() {
            Some(rustls::ProtocolVersion::TLSv1_2) => "TLSv1.2",
            _ => "TLSv1.3",
        };
        let suite = connection.negotiated_cipher_suite().and_then(|suite| suite.suite().as_str());
        // Here the suites of TLS 1.3 have names of their own.
        info.cipher = suite.unwrap_or_default().replacen("TLS13_", "TLS_", 1);
        let certificate = connection.peer_certificates().and_then(<[_]>::first);
        info.resumed = connection.handshake_kind() == Some(HandshakeKind::Resumed);
        info.certificate = certificate.map(|certificate| certificate.to_vec());
        if let Connection::Server(server) = connection {
            info.server_name = server.server_name().map(str::to_owned);
            // A certificate that is not good would have ended the handshake.
            info.verified = info.certificate.is_some();
        }
    }

    pub(crate) const fn limit_reads(&mut self, limit: Duration) {
        self.limits[0] = Some(limit);
    }

    pub(crate) const fn limit_writes(&mut self, limit: Duration) {
        self.limits[1] = Some(limit);
    }

    pub(crate) fn read(
        &mut self,
        socket: &mut impl Socket,
        buffer: &mut [u8],
    ) -> io::Result<usize> {
        let deadline = Deadline::new(self.limits[0]);
        loop {
            if let Some(octets) = self.decrypted(buffer)? {
                return Ok(octets);
            }
            self.pull(socket, &deadline)?;
        }
    }

    pub(crate) fn read_at_once(
        &mut self,
        socket: &mut impl Socket,
        buffer: &mut [u8],
    ) -> io::Result<usize> {
        for _ in 0..GLANCES {
            if let Some(octets) = self.decrypted(buffer)? {
                return Ok(octets);
            }
            self.connection.read_tls(&mut AtOnce(socket))?;
            self.process(socket)?;
        }
        Err(io::ErrorKind::WouldBlock.into())
    }

    /// What was decrypted; 0 is the end.
    fn decrypted(&mut self, buffer: &mut [u8]) -> io::Result<Option<usize>> {
        match self.connection.reader().read(buffer) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(None),
            // Many close without a word of TLS. Nothing is lost by it: every command, reply and content has an end of its own.
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(Some(0)),
            read => read.map(Some),
        }
    }

    /// Takes octets by `take`, and writes their records. Where that has to wait it fails, and is to be tried again with the same octets.
    pub(crate) fn write(
        &mut self,
        socket: &mut impl Socket,
        take: impl FnOnce(&mut Writer<'_>) -> io::Result<usize>,
    ) -> io::Result<usize> {
        let deadline = Deadline::new(self.limits[1]);
        if self.taken == 0 {
            self.flush(socket, &deadline)?;
            self.taken = take(&mut self.connection.writer())?;
        }
        self.flush(socket, &deadline)?;
        Ok(mem::take(&mut self.taken))
    }

    /// Says that nothing more comes.
    pub(crate) fn close(&mut self, socket: &mut impl Socket) -> io::Result<()> {
        self.connection.send_close_notify();
        self.flush(socket, &Deadline::new(self.limits[1]))
    }

    fn flush(&mut self, socket: &mut impl Socket, deadline: &Deadline) -> io::Result<()> {
        while self.connection.wants_write() {
            if self.push(socket, deadline)? == 0 {
                return Err(io::ErrorKind::WriteZero.into());
            }
        }
        Ok(())
    }

    fn push(&mut self, socket: &mut impl Socket, deadline: &Deadline) -> io::Result<usize> {
        if let Some(left) = deadline.left()? {
            socket.limit_writes(left)?;
        }
        self.connection.write_tls(socket)
    }

    fn pull(&mut self, socket: &mut impl Socket, deadline: &Deadline) -> io::Result<usize> {
        if let Some(left) = deadline.left()? {
            socket.limit_reads(left)?;
        }
        let octets = self.connection.read_tls(socket)?;
        self.process(socket)?;
        Ok(octets)
    }

    fn process(&mut self, socket: &mut impl Socket) -> io::Result<()> {
        self.connection.process_new_packets().map(drop).map_err(|error| {
            // The peer is told why, if it still listens.
            let _ = self.connection.write_tls(socket);
            io::Error::new(io::ErrorKind::InvalidData, error)
        })
    }
}

impl fmt::Debug for Layer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.info.fmt(f)
    }
}

/// When an operation that takes many reads or writes has to be done.
struct Deadline(Option<(Instant, Duration)>);

impl Deadline {
    fn new(limit: Option<Duration>) -> Self {
        Self(limit.map(|limit| (Instant::now(), limit)))
    }

    /// What is left; `None` without a limit.
    fn left(&self) -> io::Result<Option<Duration>> {
        let Some((start, limit)) = self.0 else { return Ok(None) };
        match limit.saturating_sub(start.elapsed()) {
            Duration::ZERO => Err(io::ErrorKind::TimedOut.into()),
            left => Ok(Some(left)),
        }
    }
}

/// Reads what has come, and does not wait.
struct AtOnce<'s, S>(&'s mut S);

impl<S: Socket> Read for AtOnce<'_, S> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.read_at_once(buffer)
    }
}
