//! One session with one handler.

use core::panic::AssertUnwindSafe;
use core::time::Duration;
use std::io;
use std::panic::catch_unwind;
use std::sync::Arc;
use std::time::Instant;

use smtp_proto::server::Config;

use crate::dialogue::Dialogue;
use crate::{Handler, Session, Socket};

/// A reply does not wait longer than this for the decisions behind it, of which there may be hundreds in a group (RFC 2920), each with a
/// look-up of its own.
const HELD: Duration = Duration::from_secs(1);

/// Runs a session by what its handler decides, to its end. It blocks: give it a thread.
///
/// ```no_run
/// use std::net::TcpListener;
/// use std::sync::Arc;
/// use std::thread;
///
/// use smtp_proto::server::{Config, Opening, Summary, Verdict};
/// use smtp_proto::{ReplyBuf, stock};
/// use smtp_proto_blocking::{Handler, serve};
///
/// /// Implements only what it must.
/// struct Nobody;
///
/// impl Handler for Nobody {
///     type Letter = ();
///
///     fn begin(&mut self, _: Opening) -> Result<(), ReplyBuf> {
///         Err(stock::LOCAL_ERROR)
///     }
///
///     fn write(&mut self, (): &mut (), _: &[u8]) -> Result<(), ReplyBuf> {
///         Err(stock::LOCAL_ERROR)
///     }
///
///     fn commit(&mut self, (): (), _: Summary) -> Verdict {
///         Err(stock::LOCAL_ERROR)
///     }
/// }
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let config = Arc::new(Config::new("mx.example.org")?);
/// for stream in TcpListener::bind("127.0.0.1:2525")?.incoming() {
///     let (stream, config) = (stream?, Arc::clone(&config));
///     thread::spawn(move || serve(stream, config, Nobody));
/// }
/// # Ok(())
/// # }
/// ```
///
/// # Errors
///
/// What the socket reports. The handler is told that the session is [`closed`](Handler::closed) nevertheless.
pub fn serve<S: Socket, H: Handler>(socket: S, config: Arc<Config>, handler: H) -> io::Result<()> {
    let mut session = Session::new(socket, config);
    let mut dialogue = Some(Dialogue::new(handler));
    let result = run(&mut session, &mut dialogue);
    if let (Err(_), Some(dialogue)) = (&result, &mut dialogue) {
        dialogue.lost();
    }
    result
}

fn run<S: Socket, H: Handler>(
    session: &mut Session<S>,
    dialogue: &mut Option<Dialogue<H>>,
) -> io::Result<()> {
    while session.ready()? {
        let mut held = None;
        while let Some((event, server)) = session.next() {
            match dialogue {
                Some(speaker) => {
                    if speaker.take(event, server).is_break() {
                        // What a panic left behind may panic again.
                        let _ = catch_unwind(AssertUnwindSafe(|| *dialogue = None));
                    }
                }
                None => server.decline(event),
            }
            if server.outgoing().is_empty() {
                held = None;
            } else if held.get_or_insert_with(Instant::now).elapsed() >= HELD {
                session.write_replies()?;
                held = None;
            }
        }
    }
    Ok(())
}
