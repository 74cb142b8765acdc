//! One session of a client over a stream.

use core::future::poll_fn;
use core::mem;
use core::pin::Pin;
use core::task::Context;
use core::time::Duration;
use std::io::{self, IoSlice};
use std::sync::Arc;

use smtp_proto::client::{Client, Config, Error, Event, Introduction, Misuse, Wants};
use smtp_proto::delivery::{self, Delivery};
use smtp_proto::{Countdown, Inbox, Timer, TlsInfo};
use tokio::io::{AsyncRead, AsyncWrite};

use super::link::{LAST_WORDS, Link};
use crate::Stream;
use crate::link::{Progress, Writing};
#[cfg(feature = "rustls")]
use crate::tls::{Hands, Handshake, fault};
use crate::wait::at_most;

/// The sending machine on a stream: [`ready`](Self::ready) does the I/O, [`next`](Self::next) hands out what came.
///
/// For whole letters there is [`Client`](super::Client).
///
/// ```
/// use std::sync::Arc;
///
/// use smtp_proto::client::Event;
/// use smtp_proto::{Host, Verb};
/// use smtp_proto_tokio::client::Session;
/// # use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufStream};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let (stream, server) = tokio::io::duplex(1024);
/// # tokio::spawn(async move {
/// #     let (mut server, mut line) = (BufStream::new(server), String::new());
/// #     for reply in ["220 mx.test\r\n", "250 mx.test\r\n", "221 Bye\r\n"] {
/// #         server.write_all(reply.as_bytes()).await.unwrap();
/// #         server.flush().await.unwrap();
/// #         server.read_line(&mut line).await.unwrap();
/// #     }
/// # });
/// let mut session = Session::new(stream, Arc::default());
/// session.client().hello(Host::parse(b"client.test")?)?;
/// while session.ready().await? {
///     while let Some((event, client)) = session.next()? {
///         match event {
///             Event::Greeting(reply) => println!("{reply}"),
///             Event::Reply { to, reply } if to.verb == Verb::Ehlo => {
///                 println!("{reply}");
///                 client.quit()?;
///             }
///             other => println!("{other:?}"),
///         }
///     }
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Session<S> {
    link: Link<S>,
    countdown: Countdown,
    closed: bool,
    #[cfg(feature = "rustls")]
    handshake: Option<Handshake>,
    /// What is left of the time for a handshake in front of the greeting, while it is not over.
    #[cfg(feature = "rustls")]
    tls_first: Option<Duration>,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Session<S> {
    /// A session that begins now, in front of its greeting.
    #[must_use]
    pub fn new(stream: S, config: Arc<Config>) -> Self {
        let inbox = config.inbox();
        Self::from_parts(stream.into(), Client::new(config), inbox)
    }

    /// A session that goes on, or begins on a stream that another library encrypts (`Client::implicit_tls`): `inbox` holds what was read
    /// and not taken yet.
    #[must_use]
    pub fn from_parts(stream: Stream<S>, client: Client, inbox: Inbox) -> Self {
        Self {
            link: Link::new(stream, client, inbox),
            countdown: Countdown::new(),
            closed: false,
            #[cfg(feature = "rustls")]
            handshake: None,
            #[cfg(feature = "rustls")]
            tls_first: None,
        }
    }

    /// The parts, to go on with them in another way.
    #[must_use]
    pub fn into_parts(self) -> (Stream<S>, Client, Inbox) {
        (self.link.stream, self.link.client, self.link.inbox)
    }

    /// How the session is encrypted; `None` in clear, and where another library encrypts it.
    #[must_use]
    pub const fn tls(&self) -> Option<&TlsInfo> {
        self.link.stream.tls()
    }

    /// The machine, to queue commands and content.
    #[must_use]
    pub fn client(&mut self) -> &mut Client {
        &mut self.link.client
    }

    /// The next event, with the machine to go on. `None`: nothing more before [`ready`](Self::ready).
    ///
    /// # Errors
    ///
    /// The session cannot go on. The error stays.
    #[expect(clippy::should_implement_trait, reason = "an event borrows from the session")]
    pub fn next(&mut self) -> Result<Option<(Event<'_>, &mut Client)>, Error> {
        let Link { client, inbox, .. } = &mut self.link;
        let event = inbox.feed(|input| client.next(input))?;
        Ok(event.map(|event| (event, client)))
    }

    /// As [`next`](Self::next), for a letter that is on its way.
    ///
    /// # Errors
    ///
    /// The session cannot go on: [`Delivery::give_up`] says what became of the letter.
    pub fn next_of<'s>(
        &'s mut self,
        delivery: &mut Delivery<'_>,
    ) -> Result<Option<(delivery::Event<'s>, &'s mut Client)>, Error> {
        let Link { client, inbox, .. } = &mut self.link;
        let event = inbox.feed(|input| delivery.next(client, input))?;
        Ok(event.map(|event| (event, client)))
    }

    /// Says what stands in front of the first letter.
    ///
    /// # Errors
    ///
    /// What came to nothing.
    pub async fn introduce(
        &mut self,
        introduction: &mut Introduction<'_>,
    ) -> Result<(), super::Error> {
        loop {
            let Link { client, inbox, .. } = &mut self.link;
            if inbox.feed(|input| introduction.next(client, input))? {
                return Ok(());
            }
            if !self.ready().await.map_err(super::Error::Connection)? {
                return Err(Misuse::Over.into());
            }
        }
    }

    /// Reads, writes and waits until it is the caller's turn: `true`. Then [`next`](Self::next) has something to say, or all that was
    /// queued has left and the machine [wants](Client::wants) content or a command. `false` at the end of the session; writing is shut
    /// down by then, and the stream can be dropped. `false` as well where the machine wants a handshake and the session was given none: take
    /// the [parts](Self::into_parts), and do it.
    ///
    /// Where there was nothing to write, it waits for the server to say something: a verdict in the middle of a content, a 421, the end.
    /// So it can stand in a `select!` while the caller waits for something else. A server that is too slow is an error of
    /// `next`, and so is a handshake that fails.
    ///
    /// Cancel-safe: when the future is dropped, no octet is lost, the handshake goes on next time, and the time that it waited still counts
    /// against the server.
    ///
    /// # Errors
    ///
    /// What the stream reports, once all that the server said before is read. The session is of no use then.
    pub async fn ready(&mut self) -> io::Result<bool> {
        #[cfg(feature = "rustls")]
        if let Some(left) = self.tls_first {
            let Self { tls_first, .. } = self;
            let waited = |time| *tls_first = Some(left.saturating_sub(time));
            let shaken = at_most(left, waited, |cx| self.link.stream.poll_tls(cx)).await;
            self.tls_first = None;
            self.shaken(shaken);
        }
        let mut wrote = false;
        loop {
            let progress = match self.link.client.wants() {
                Wants::Next => return Ok(true),
                Wants::Flush(timer) => self.wait(Some(timer), Writing::Yes).await?,
                Wants::Read(timer) => self.wait(Some(timer), Writing::No).await?,
                Wants::Body | Wants::Command if wrote && !self.link.is_broken() => return Ok(true),
                Wants::Body | Wants::Command => self.wait(None, Writing::No).await?,
                #[cfg(feature = "rustls")]
                Wants::Tls(timer) if self.handshake.is_some() => {
                    self.shake_hands(timer).await;
                    return Ok(true);
                }
                Wants::Tls(_) => return Ok(false),
                Wants::Close => {
                    self.close().await;
                    return Ok(false);
                }
            };
            match progress {
                Progress::Read => return Ok(true),
                Progress::Wrote => wrote = true,
            }
        }
    }

    async fn wait(&mut self, timer: Option<Timer>, writing: Writing) -> io::Result<Progress> {
        let Self { link, countdown, .. } = self;
        let limit = link.last_words().or_else(|| timer.map(|timer| countdown.left(timer)));
        let Some(limit) = limit else {
            return poll_fn(|cx| link.poll(writing, cx)).await;
        };
        match at_most(limit, |time| countdown.waited(time), |cx| link.poll(writing, cx)).await {
            Some(progress) => progress,
            None => {
                link.fail()?;
                if let Some(timer) = timer {
                    link.client.timed_out(timer.id);
                }
                Ok(Progress::Wrote)
            }
        }
    }

    /// Nothing that fails here matters any more: the session is over.
    async fn close(&mut self) {
        if !mem::replace(&mut self.closed, true) {
            let stream = &mut self.link.stream;
            let _ =
                at_most(LAST_WORDS, |_| {}, |cx| Pin::new(&mut *stream).poll_shutdown(cx)).await;
        }
    }

    /// Reads what has come, without waiting: before a session is used again, what nothing asked for has to be seen.
    pub(super) async fn look(&mut self) -> io::Result<()> {
        poll_fn(|cx| self.link.poll_look(cx)).await
    }

    pub(super) const fn machine(&self) -> &Client {
        &self.link.client
    }

    /// Whether octets that lie apart can be written at once.
    pub(super) fn is_write_vectored(&self) -> bool {
        self.link.stream.is_write_vectored()
    }

    /// Writes of these pieces of content, and moves `pieces` past what was written. Returns when something was written, or something came,
    /// which has to be looked at before more is written.
    pub(super) async fn write(&mut self, pieces: &mut &mut [IoSlice<'_>]) -> io::Result<Progress> {
        let Self { link, .. } = self;
        if link.is_broken() {
            return self.wait(None, Writing::No).await;
        }
        let (left, mut time) = (link.pace.left(link.client.config()), Duration::ZERO);
        let poll = |cx: &mut Context<'_>| link.poll_pieces(pieces, cx);
        let written = at_most(left, |waited| time += waited, poll).await;
        link.pace.waited(time);
        written.unwrap_or_else(|| Err(io::ErrorKind::TimedOut.into()))
    }
}

#[cfg(feature = "rustls")]
impl<S: AsyncRead + AsyncWrite + Unpin> Session<S> {
    /// What to do when STARTTLS is accepted.
    #[must_use]
    pub fn with_tls(mut self, handshake: Handshake) -> Self {
        self.handshake = Some(handshake);
        self
    }

    /// A session that is encrypted from the first octet (RFC 8314 3.3): [`ready`](Self::ready) shakes hands before anything else.
    #[must_use]
    pub fn implicit_tls(stream: S, handshake: Handshake, config: Arc<Config>) -> Self {
        let (inbox, wait) = (config.inbox(), config.waits.handshake);
        let mut stream = Stream::from(stream);
        stream.begin_tls(|socket| Hands::connect(&handshake, socket));
        let mut session = Self::from_parts(stream, Client::implicit_tls(config), inbox);
        session.tls_first = Some(wait);
        session
    }

    async fn shake_hands(&mut self, timer: Timer) {
        let Self { link, countdown, handshake, .. } = self;
        if let Some(handshake) = handshake {
            link.stream.begin_tls(|socket| Hands::connect(handshake, socket));
        }
        let left = countdown.left(timer);
        let waited = |time| countdown.waited(time);
        let shaken = at_most(left, waited, |cx| link.stream.poll_tls(cx)).await;
        self.shaken(shaken);
    }

    /// What came of a handshake; `None` where it took too long.
    fn shaken(&mut self, result: Option<io::Result<()>>) {
        let Link { stream, client, inbox, .. } = &mut self.link;
        match result.unwrap_or_else(|| Err(io::ErrorKind::TimedOut.into())) {
            Ok(()) => {
                // Octets that were read before it are none of the session inside (RFC 3207 4.2).
                *inbox = client.config().inbox();
                client.tls_established();
                if stream.tls().is_some_and(|tls| tls.verified) {
                    client.tls_verified();
                }
            }
            Err(error) => client.tls_failed(fault(&error)),
        }
    }
}
