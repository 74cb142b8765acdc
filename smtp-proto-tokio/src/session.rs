//! One session of a server over a stream.

use core::time::Duration;
use std::io;
use std::sync::Arc;

use smtp_proto::server::{Config, Event, Server, Wants};
use smtp_proto::{Countdown, Inbox, Timer};
use tokio::io::{AsyncRead, AsyncWrite};

use crate::linger::Linger;
use crate::link::{Link, Progress, Writing};
use crate::wait::at_most;

/// The receiving machine on a stream: [`ready`](Self::ready) does the I/O, [`next`](Self::next) hands out what came.
///
/// ```
/// use std::sync::Arc;
///
/// use smtp_proto::server::Config;
/// use smtp_proto_tokio::Session;
/// use tokio::io::{AsyncReadExt, AsyncWriteExt};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let (mut client, stream) = tokio::io::duplex(1024);
/// let mut session = Session::new(stream, Arc::new(Config::new("mx.test")?));
/// let server = async {
///     while session.ready().await? {
///         while let Some((event, server)) = session.next() {
///             server.decline(event);
///         }
///     }
///     Ok::<_, std::io::Error>(())
/// };
/// let client = async {
///     let mut greeting = [0; 3];
///     client.read_exact(&mut greeting).await?;
///     assert_eq!(&greeting, b"220");
///     client.write_all(b"QUIT\r\n").await?;
///     client.shutdown().await?;
///     client.read_to_end(&mut Vec::new()).await
/// };
/// tokio::try_join!(server, client)?;
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Session<S> {
    link: Link<S>,
    countdown: Countdown,
    linger: Linger,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Session<S> {
    /// A session that begins now, on a stream that is not encrypted.
    #[must_use]
    pub fn new(stream: S, config: Arc<Config>) -> Self {
        let inbox = config.inbox();
        Self::from_parts(stream, Server::new(config), inbox)
    }

    /// A session that goes on, or begins on an encrypted stream: `inbox` holds what was read and not taken yet.
    #[must_use]
    pub fn from_parts(stream: S, server: Server, inbox: Inbox) -> Self {
        // Octets of a session before may still be held back by the stream.
        let link = Link { stream, server, inbox, unflushed: true };
        Self { link, countdown: Countdown::new(), linger: Linger::default() }
    }

    /// The parts, to go on with them in another way.
    #[must_use]
    pub fn into_parts(self) -> (S, Server, Inbox) {
        (self.link.stream, self.link.server, self.link.inbox)
    }

    /// The machine, for answers that come from elsewhere: a channel, say, in a `select!` with [`ready`](Self::ready).
    #[must_use]
    pub fn server(&mut self) -> &mut Server {
        &mut self.link.server
    }

    pub(crate) fn link(&mut self) -> &mut Link<S> {
        &mut self.link
    }

    /// The next event, with the machine to answer it. `None`: nothing more before [`ready`](Self::ready).
    #[expect(clippy::should_implement_trait, reason = "an event borrows from the session")]
    pub fn next(&mut self) -> Option<(Event<'_>, &mut Server)> {
        let Link { server, inbox, .. } = &mut self.link;
        let event = inbox.feed(|input| server.next(input))?;
        Some((event, server))
    }

    /// Reads, writes and waits until [`next`](Self::next) has to be asked again: `true`. `false` at the end of the session; writing is
    /// shut down by then, and the stream can be dropped.
    ///
    /// It reads while it waits for the peer to take a reply, and while answers are owed, up to what the inbox holds. A peer that is too
    /// slow is no error: the machine tells it so, and says `Closed`.
    ///
    /// Cancel-safe: when the future is dropped, no octet is lost, and the time that it waited still counts against the peer.
    ///
    /// # Errors
    ///
    /// What the stream reports. The session is of no use then; a letter that is not complete is to be dropped.
    pub async fn ready(&mut self) -> io::Result<bool> {
        loop {
            let progress = match self.link.server.wants() {
                Wants::Next => return Ok(true),
                Wants::Flush(timer) => self.wait(timer, Writing::Yes).await?,
                Wants::Read(timer) | Wants::Answer(timer) => self.wait(timer, Writing::No).await?,
                Wants::Tls(_) => return Ok(false),
                Wants::Close => {
                    self.linger.run(&mut self.link.stream).await;
                    return Ok(false);
                }
            };
            if progress == Progress::Read {
                return Ok(true);
            }
        }
    }

    async fn wait(&mut self, timer: Timer, writing: Writing) -> io::Result<Progress> {
        let Self { link, countdown, .. } = self;
        let left = countdown.left(timer);
        let waited = |time: Duration| countdown.waited(time);
        match at_most(left, waited, |cx| link.poll(writing, cx)).await {
            Some(progress) => progress,
            None => {
                link.server.timed_out(timer.id);
                Ok(Progress::Wrote)
            }
        }
    }
}
