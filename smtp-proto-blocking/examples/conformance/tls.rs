//! TLS below a session, without a socket: records in and out.

use std::io::{self, Read, Write};
use std::sync::Arc;

use smtp_proto_blocking::tls::Handshake;
use smtp_proto_blocking::tls::rustls::{ClientConnection, Error};

/// This end of an encrypted connection.
#[derive(Debug)]
pub(crate) struct Layer {
    connection: ClientConnection,
    ended: bool,
}

impl Layer {
    pub(crate) fn new(handshake: &Handshake) -> Result<Self, Error> {
        let connection =
            ClientConnection::new(Arc::clone(handshake.config()), handshake.name().clone())?;
        Ok(Self { connection, ended: false })
    }

    pub(crate) const fn has_ended(&self) -> bool {
        self.ended
    }

    pub(crate) fn is_handshaking(&self) -> bool {
        self.connection.is_handshaking()
    }

    /// Takes what was read, and gives what it says, and whether that was all.
    pub(crate) fn read(&mut self, mut records: &[u8]) -> (Vec<u8>, bool) {
        let mut said = Vec::new();
        while !records.is_empty() {
            match self.take(&mut records, &mut said) {
                Ok(false) => {}
                Ok(true) | Err(_) => return (said, true),
            }
        }
        (said, false)
    }

    fn take(&mut self, records: &mut &[u8], said: &mut Vec<u8>) -> io::Result<bool> {
        self.connection.read_tls(records)?;
        let state = self.connection.process_new_packets().map_err(io::Error::other)?;
        let octets = state.plaintext_bytes_to_read() as u64;
        self.connection.reader().take(octets).read_to_end(said)?;
        Ok(state.peer_has_closed())
    }

    /// Takes what is to be said.
    pub(crate) fn write(&mut self, octets: &[u8]) -> io::Result<()> {
        self.connection.writer().write_all(octets)
    }

    /// Says that nothing more is said.
    pub(crate) fn end(&mut self) {
        self.connection.send_close_notify();
        self.ended = true;
    }

    /// The records that are to be written now.
    pub(crate) fn records(&mut self) -> io::Result<Vec<u8>> {
        let mut records = Vec::new();
        while self.connection.wants_write() {
            self.connection.write_tls(&mut records)?;
        }
        Ok(records)
    }
}
