//! One session with one handler.

use core::panic::AssertUnwindSafe;
use std::io;
use std::panic::catch_unwind;

use smtp_proto::server::Event;
use smtp_proto::stock;
use tokio::io::{AsyncRead, AsyncWrite};

use crate::dialogue::Dialogue;
use crate::stop::Stop;
use crate::{Handler, Session};

/// Runs a session by what its handler decides, to its end.
///
/// This is what a [`Listener`](crate::Listener) does with each connection; here the stream may be any, and the caller accepts it.
///
/// ```
/// use std::sync::Arc;
///
/// use smtp_proto::server::{Config, Opening, Summary, Verdict};
/// use smtp_proto::{ReplyBuf, stock};
/// use smtp_proto_tokio::{Handler, Session, serve};
/// use tokio::io::{AsyncReadExt, AsyncWriteExt};
///
/// /// Implements only what it must.
/// struct Nobody;
///
/// impl Handler for Nobody {
///     type Letter = ();
///
///     async fn begin(&mut self, _: Opening) -> Result<(), ReplyBuf> {
///         Err(stock::LOCAL_ERROR)
///     }
///
///     async fn write(&mut self, (): &mut (), _: &[u8]) -> Result<(), ReplyBuf> {
///         Err(stock::LOCAL_ERROR)
///     }
///
///     async fn commit(&mut self, (): (), _: Summary) -> Verdict {
///         Err(stock::LOCAL_ERROR)
///     }
/// }
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let (mut client, stream) = tokio::io::duplex(1024);
/// let session = Session::new(stream, Arc::new(Config::new("mx.test")?));
/// let server = tokio::spawn(serve(session, Nobody));
/// client.write_all(b"HELO client.test\r\n").await?;
/// // After HELO each reply has to be waited for (RFC 2920 3.1).
/// let mut replies = vec![0; 32];
/// client.read_exact(&mut replies).await?;
/// for (command, reply) in [
///     ("MAIL FROM:<>\r\n", "250 2.1.0 Sender accepted\r\n"),
///     ("RCPT TO:<bob@mx.test>\r\n", "550 5.1.1 No such mailbox here\r\n"),
///     ("QUIT\r\n", "221 2.0.0 Closing\r\n"),
/// ] {
///     client.write_all(command.as_bytes()).await?;
///     replies.resize(reply.len(), 0);
///     client.read_exact(&mut replies).await?;
///     assert_eq!(String::from_utf8_lossy(&replies), reply);
/// }
/// drop(client);
/// server.await??;
/// # Ok(())
/// # }
/// ```
///
/// # Errors
///
/// What the stream reports. The handler is told that the session is [`closed`](Handler::closed) nevertheless.
pub fn serve<S, H>(session: Session<S>, handler: H) -> impl Future<Output = io::Result<()>>
where
    S: AsyncRead + AsyncWrite + Unpin,
    H: Handler,
{
    serve_until(session, handler, Stop::never())
}

/// An `async fn` would hold the session twice, as an argument and as what it serves.
pub(crate) fn serve_until<S, H>(
    mut session: Session<S>,
    handler: H,
    mut stop: Stop,
) -> impl Future<Output = io::Result<()>>
where
    S: AsyncRead + AsyncWrite + Unpin,
    H: Handler,
{
    let mut dialogue = Some(Dialogue::new(handler));
    async move {
        loop {
            if let Some(when) = stop.news() {
                session.server().shut_down(&stock::SHUTTING_DOWN.as_ref(), when);
            }
            #[cfg(feature = "rustls")]
            if session.is_newly_encrypted() {
                let info = session.tls().cloned();
                if let (Some(speaker), Some(info)) = (&mut dialogue, info)
                    && speaker.tls(&info, session.link().outlet()).await.is_break()
                {
                    end(&mut dialogue);
                }
            }
            let has_tls = session.has_tls();
            let Some((event, outlet)) = session.link().next() else {
                let more = tokio::select! {
                    biased;
                    more = session.ready() => more,
                    () = stop.changed() => Ok(true),
                };
                match (&more, &mut dialogue) {
                    (Ok(true), _) => continue,
                    (Err(_), Some(dialogue)) => {
                        let why = session.lost_by();
                        dialogue.lost(why, session.link().outlet()).await;
                    }
                    _ => {}
                }
                return more.map(drop);
            };
            let event = match event {
                Event::StartTls(pending) if has_tls => {
                    // What came of it the machine says, in a refusal or by the handshake.
                    let _ = session.accept_tls(pending);
                    continue;
                }
                other => other,
            };
            let Some(speaker) = &mut dialogue else {
                outlet.server.decline(event);
                continue;
            };
            let last = tokio::select! {
                biased;
                flow = speaker.take(event, outlet) => flow.is_break(),
                // What the handler was asked is of no use any more.
                () = stop.now() => false,
            };
            if last {
                end(&mut dialogue);
            }
        }
    }
}

/// What a panic left behind may panic again.
fn end<H: Handler>(dialogue: &mut Option<Dialogue<H>>) {
    let _ = catch_unwind(AssertUnwindSafe(|| *dialogue = None));
}
