//! One session from its greeting to its end.

use core::net::IpAddr;
use core::pin::pin;
use std::io;
use std::sync::Arc;

use smtp_proto::server::{Event, When};
use smtp_proto::{Code, Condition, Reply, Verb};
use smtp_proto_tokio::Session;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};
use tokio::time::{Instant, sleep, sleep_until};

use crate::dialogue::Dialogue;
use crate::moment::Moment;
use crate::sink::{Sink, Stop, negative};
use crate::transcript::Transcript;

const SHUTTING_DOWN: Reply<'static> =
    negative(Code::UNAVAILABLE, Condition::SYSTEM_NOT_ACCEPTING_MESSAGES, "Shutting down");

/// What woke a session.
enum Wake {
    /// There is something to take, or an end.
    Ready(bool),
    /// A reply was held long enough.
    Due,
    /// The program ends.
    Stop(Stop),
}

#[expect(
    clippy::manual_async_fn,
    reason = "it would hold the session twice, as an argument and as what it serves"
)]
pub(crate) fn serve<S>(
    mut session: Session<S>,
    client: Option<IpAddr>,
    sink: &Arc<Sink>,
) -> impl Future<Output = io::Result<()>>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    async move {
        let mut stop = Stop::No;
        let mut stopping = pin!(sink.stopping(stop));
        let mut dialogue = Dialogue::new(Arc::clone(sink), client);
        let transcript = Transcript::new(client);
        while !dialogue.hangs_up() {
            let due = dialogue.due();
            let wake = tokio::select! {
                biased;
                more = session.ready() => Wake::Ready(more?),
                () = wait_until(due), if due.is_some() => Wake::Due,
                stop = &mut stopping, if stop != Stop::Now => Wake::Stop(stop),
            };
            let shown = session.server().outgoing().len();
            match wake {
                Wake::Ready(true) => {}
                Wake::Ready(false) => return Ok(()),
                Wake::Due => dialogue.answer_due(session.server()),
                Wake::Stop(when) => {
                    stop = when;
                    stopping.set(sink.stopping(stop));
                    let when = if stop == Stop::Now { When::Now } else { When::AfterMessage };
                    session.server().shut_down(&SHUTTING_DOWN, when);
                }
            }
            while let Some((event, server)) = session.next() {
                transcript.heard(&event);
                match event {
                    Event::StartTls(pending) => {
                        // What is behind it ends the session, and the machine says so.
                        let _ = session.accept_tls(pending);
                        dialogue.answered_already(Moment::Verb(Verb::StartTls));
                    }
                    event => dialogue.take(event, server),
                }
                if dialogue.hangs_up() {
                    break;
                }
            }
            transcript.said(session.server().outgoing().get(shown..).unwrap_or_default());
            if let Some(pause) = dialogue.pause() {
                sleep(pause).await;
            }
        }
        Box::pin(hang_up(session)).await
    }
}

/// What is to be said leaves, and then nothing is waited for.
async fn hang_up<S: AsyncRead + AsyncWrite + Unpin>(session: Session<S>) -> io::Result<()> {
    let (mut stream, server, _) = session.into_parts();
    stream.write_all(server.outgoing()).await?;
    stream.flush().await
}

async fn wait_until(due: Option<Instant>) {
    if let Some(due) = due {
        sleep_until(due).await;
    }
}
