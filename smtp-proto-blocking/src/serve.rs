//! One session with one handler.

use core::panic::AssertUnwindSafe;
use core::time::Duration;
use std::io;
use std::panic::catch_unwind;
use std::time::Instant;

use smtp_proto::server::{Event, When};
use smtp_proto::stock;

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
/// use smtp_proto_blocking::{Handler, Session, serve};
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
///     thread::spawn(move || serve(Session::new(stream, config), Nobody));
/// }
/// # Ok(())
/// # }
/// ```
///
/// # Errors
///
/// What the socket reports. The handler is told that the session is [`closed`](Handler::closed) nevertheless.
pub fn serve<S: Socket, H: Handler>(mut session: Session<S>, handler: H) -> io::Result<()> {
    let mut dialogue = Some(Dialogue::new(handler));
    let result = run(&mut session, &mut dialogue);
    if let (Err(_), Some(dialogue)) = (&result, &mut dialogue) {
        dialogue.lost(session.why_lost());
    }
    result
}

fn run<S: Socket, H: Handler>(
    session: &mut Session<S>,
    dialogue: &mut Option<Dialogue<H>>,
) -> io::Result<()> {
    let (has_tls, mut in_tls) = (session.has_tls(), false);
    while session.ready()? {
        if let (Some(info), false) = (session.tls(), in_tls) {
            in_tls = true;
            let told = dialogue.as_mut().map_or(Ok(()), |speaker| speaker.tls(info));
            if told.is_err() {
                session.server().shut_down(&stock::BROKEN.as_ref(), When::Now);
                let _ = catch_unwind(AssertUnwindSafe(|| *dialogue = None));
            }
        }
        let mut held = None;
        while let Some((event, server)) = session.next() {
            let event = match event {
                Event::StartTls(pending) if has_tls => {
                    // Whoever put octets behind it has been told so.
                    let _ = session.accept_tls(pending);
                    continue;
                }
                event => event,
            };
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
