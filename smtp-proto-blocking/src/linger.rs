//! The end of a connection: the last reply has to arrive before the kernel forgets it.
//!
//! A socket that is closed while octets from the peer lie unread is reset, and the reset makes the peer's kernel throw away replies that
//! have arrived (RFC 1122 4.2.2.13). So writing is shut down first, and what still comes is read and dropped for a while.

use std::io;
use std::time::Instant;

use smtp_proto::server::Wants;

use crate::Socket;

/// Ends a connection. What fails here is of no interest any more: the session is over.
pub(crate) fn linger(socket: &mut impl Socket) -> io::Result<()> {
    let (start, mut octets) = (Instant::now(), 0);
    // The end of TLS is a word of its own, which the peer may not take.
    socket.limit_writes(Wants::LINGER)?;
    socket.end_writing()?;
    while octets < Wants::LINGER_OCTETS {
        let left = Wants::LINGER.saturating_sub(start.elapsed());
        if left.is_zero() {
            break;
        }
        socket.limit_reads(left)?;
        match socket.read(&mut [0; 4096]) {
            Ok(0) => break,
            Ok(read) => octets += read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}
