//! One session of a server over a stream.

#[cfg(feature = "rustls")]
use core::pin::Pin;
#[cfg(feature = "rustls")]
use core::task::{Context, ready};
use core::time::Duration;
use std::io;
use std::sync::Arc;

use smtp_proto::server::{Config, Event, Pending, ReplyError, Server, Wants, Why, kind};
use smtp_proto::{Countdown, Inbox, Timer, TlsInfo};
use tokio::io::{AsyncRead, AsyncWrite};

use crate::Stream;
use crate::linger::Linger;
use crate::link::{Link, Progress, Writing};
#[cfg(feature = "rustls")]
use crate::tls::{Acceptor, Hands};
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
    #[cfg(feature = "rustls")]
    acceptor: Option<Acceptor>,
    #[cfg(feature = "rustls")]
    handshake: Handshake,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Session<S> {
    /// A session that begins now, on a stream that is not encrypted.
    #[must_use]
    pub fn new(stream: S, config: Arc<Config>) -> Self {
        let inbox = config.inbox();
        Self::from_parts(stream.into(), Server::new(config), inbox)
    }

    /// A session that goes on, or begins on a stream that another library encrypts (`Server::implicit_tls`): `inbox` holds what was read
    /// and not taken yet.
    #[must_use]
    pub fn from_parts(stream: Stream<S>, server: Server, inbox: Inbox) -> Self {
        // Octets of a session before may still be held back by the stream.
        let link = Link { stream, server, inbox, unflushed: true, secret: false };
        Self {
            link,
            countdown: Countdown::new(),
            linger: Linger::default(),
            #[cfg(feature = "rustls")]
            acceptor: None,
            #[cfg(feature = "rustls")]
            handshake: Handshake::default(),
        }
    }

    /// The parts, to go on with them in another way.
    #[must_use]
    pub fn into_parts(self) -> (Stream<S>, Server, Inbox) {
        (self.link.stream, self.link.server, self.link.inbox)
    }

    /// How the session is encrypted; `None` in clear, and where another library encrypts it.
    #[must_use]
    pub const fn tls(&self) -> Option<&TlsInfo> {
        self.link.stream.tls()
    }

    /// The machine, for answers that come from elsewhere: a channel, say, in a `select!` with [`ready`](Self::ready).
    #[must_use]
    pub fn server(&mut self) -> &mut Server {
        &mut self.link.server
    }

    /// Accepts STARTTLS, unless octets stand behind it, which someone put there (RFC 3207 6).
    ///
    /// # Errors
    ///
    /// As [`Server::accept_tls`].
    pub fn accept_tls(&mut self, pending: Pending<kind::StartTls>) -> Result<(), ReplyError> {
        let Link { server, inbox, .. } = &mut self.link;
        inbox.feed(|input| server.accept_tls(pending, input))
    }

    /// Whether STARTTLS can be accepted.
    pub(crate) const fn has_tls(&self) -> bool {
        #[cfg(feature = "rustls")]
        return self.acceptor.is_some();
        #[cfg(not(feature = "rustls"))]
        false
    }

    /// What the session ended by where the stream failed.
    pub(crate) const fn lost_by(&self) -> Why {
        let stream = &self.link.stream;
        if stream.is_shaking() || stream.has_failed() { Why::Handshake } else { Why::Eof }
    }

    pub(crate) fn link(&mut self) -> &mut Link<S> {
        &mut self.link
    }

    /// The next event, with the machine to answer it. `None`: nothing more before [`ready`](Self::ready).
    #[expect(clippy::should_implement_trait, reason = "an event borrows from the session")]
    pub fn next(&mut self) -> Option<(Event<'_>, &mut Server)> {
        let (event, outlet) = self.link.next()?;
        Some((event, outlet.server))
    }

    /// Reads, writes and waits until [`next`](Self::next) has to be asked again: `true`. `false` at the end of the session; writing is
    /// shut down by then, and the stream can be dropped.
    ///
    /// It reads while it waits for the peer to take a reply, and while answers are owed, up to what the inbox holds. A peer that is too
    /// slow is no error: the machine tells it so, and says `Closed`.
    ///
    /// Cancel-safe: when the future is dropped, no octet is lost, the handshake goes on next time, and the time that it waited still counts
    /// against the peer.
    ///
    /// # Errors
    ///
    /// What the stream reports, and why a handshake failed. The session is of no use then; a letter that is not complete is to be dropped.
    pub async fn ready(&mut self) -> io::Result<bool> {
        #[cfg(feature = "rustls")]
        if self.link.stream.is_shaking() || self.link.stream.has_failed() {
            return self.shake_hands().await;
        }
        loop {
            let progress = match self.link.server.wants() {
                Wants::Next => return Ok(true),
                Wants::Flush(timer) => self.wait(timer, Writing::Yes).await?,
                Wants::Read(timer) | Wants::Answer(timer) => self.wait(timer, Writing::No).await?,
                #[cfg(feature = "rustls")]
                Wants::Tls(_) if self.acceptor.is_some() => return self.shake_hands().await,
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

#[cfg(feature = "rustls")]
impl<S: AsyncRead + AsyncWrite + Unpin> Session<S> {
    /// A session that is encrypted from the first octet (RFC 8314 3.3): [`ready`](Self::ready) shakes hands before anything else, within
    /// `Limits::handshake_wait`.
    #[must_use]
    pub fn implicit_tls(stream: S, acceptor: Acceptor, config: Arc<Config>) -> Self {
        let (inbox, wait) = (config.inbox(), config.limits.handshake_wait);
        let mut stream = Stream::from(stream);
        stream.begin_tls(|socket| Hands::accept(&acceptor, socket));
        let mut session = Self::from_parts(stream, Server::implicit_tls(config), inbox);
        session.handshake.left = Some(wait);
        session
    }

    /// Upgrades the session in place where STARTTLS is accepted. That it is offered is said in `Config::starttls`.
    #[must_use]
    pub fn with_tls(mut self, acceptor: Acceptor) -> Self {
        self.acceptor = Some(acceptor);
        self
    }

    /// Whether it came to be encrypted since this was asked last.
    pub(crate) const fn is_newly_encrypted(&mut self) -> bool {
        core::mem::replace(&mut self.handshake.news, false)
    }

    async fn shake_hands(&mut self) -> io::Result<bool> {
        let Self { link, acceptor, handshake, linger, .. } = self;
        let Link { stream, server, inbox, unflushed, .. } = link;
        let failed = stream.has_failed();
        let mut shake = |cx: &mut Context<'_>| {
            // The client waits for the 220 that the stream may hold back.
            if *unflushed && !stream.is_shaking() {
                ready!(Pin::new(&mut *stream).poll_flush(cx))?;
                *unflushed = false;
            }
            if let Some(acceptor) = acceptor {
                stream.begin_tls(|socket| Hands::accept(acceptor, socket));
            }
            stream.poll_tls(cx)
        };
        if !failed {
            let left = *handshake.left.get_or_insert(server.config().limits.handshake_wait);
            let waited = |time| handshake.left = Some(left.saturating_sub(time));
            match at_most(left, waited, &mut shake).await {
                Some(Ok(())) => {
                    // Octets that were read before it are none of the session inside (RFC 3207 4.2).
                    *inbox = server.config().inbox();
                    server.tls_established();
                    *handshake = Handshake { news: true, ..Handshake::default() };
                    return Ok(true);
                }
                Some(Err(error)) => handshake.error = Some(error),
                None => return Err(io::ErrorKind::TimedOut.into()),
            }
        }
        // The alert has to arrive as the last reply of a session has.
        linger.run(stream).await;
        Err(handshake.error.take().unwrap_or_else(|| io::ErrorKind::NotConnected.into()))
    }
}

/// What is known of a handshake.
#[cfg(feature = "rustls")]
#[derive(Debug, Default)]
struct Handshake {
    /// How long it may still take, once it has begun.
    left: Option<Duration>,
    /// Why it failed.
    error: Option<io::Error>,
    /// It is over, and nobody was told.
    news: bool,
}
