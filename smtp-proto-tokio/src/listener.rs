//! Lets clients in, as many as may be, and out again when the server stops.

use core::future::poll_fn;
use core::panic::AssertUnwindSafe;
use core::task::Poll;
use core::time::Duration;
use std::io;
use std::panic::catch_unwind;
use std::sync::Arc;

use smtp_proto::server::{Config, When};
use smtp_proto::{ReplyBuf, stock};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::{Semaphore, watch};
use tokio::task::{JoinError, JoinSet};
use tokio::time::{Instant, sleep_until, timeout};
use tracing::{Instrument, debug, error, info_span, warn};

use crate::census::Census;
use crate::door::{Connection, Door};
use crate::serve::serve_until;
use crate::stop::Stop;
#[cfg(feature = "rustls")]
use crate::tls::Acceptor;
use crate::{Address, Handle, Handler, Peer, Session};

/// Sessions in all. With a file for the letter of each they stay below the 1,024 descriptors that most systems allow a process.
const LIMIT: usize = 500;
/// Sessions of one peer: half of what Postfix has for all (`default_process_limit`), its `smtpd_client_connection_count_limit`.
const LIMIT_PER_PEER: usize = 50;
/// Connections that are turned away at once with a reply; more are dropped without one.
const TURNED_AWAY: usize = 64;
/// The last reply has so long to arrive: behind the deadline of a shut-down, and where a connection is turned away.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// A server: it listens on several addresses, and serves each connection with a handler of its own.
///
/// ```no_run
/// use core::time::Duration;
/// use std::sync::Arc;
///
/// use smtp_proto::server::{Config, Opening, Summary, Verdict};
/// use smtp_proto::{Rcpt, ReplyBuf};
/// use smtp_proto_tokio::{Handler, Listener, Peer};
///
/// /// Takes all letters, and counts their octets.
/// struct Scales(Peer);
///
/// impl Handler for Scales {
///     type Letter = usize;
///
///     async fn rcpt(&mut self, _: &Rcpt<'_>) -> Verdict {
///         Ok(None)
///     }
///
///     async fn begin(&mut self, _: Opening) -> Result<usize, ReplyBuf> {
///         Ok(0)
///     }
///
///     async fn write(&mut self, letter: &mut usize, octets: &[u8]) -> Result<(), ReplyBuf> {
///         *letter += octets.len();
///         Ok(())
///     }
///
///     async fn commit(&mut self, letter: usize, _: Summary) -> Verdict {
///         println!("{letter} octets from {}", self.0.remote);
///         Ok(None)
///     }
/// }
///
/// # async fn run() -> Result<(), Box<dyn std::error::Error>> {
/// let config = Arc::new(Config::new("mx.example.org")?);
/// let listener = Listener::bind(["127.0.0.1:2525", "[::1]:2525"]).await?;
/// let handle = listener.handle();
/// tokio::spawn(async move {
///     let _ = tokio::signal::ctrl_c().await;
///     handle.shut_down(Duration::from_secs(30));
/// });
/// listener.serve(config, |peer| Scales(peer.clone())).await;
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
#[must_use = "it accepts nothing before `serve`"]
pub struct Listener {
    doors: Vec<Door>,
    addresses: Vec<Address>,
    limit: usize,
    limit_per_peer: usize,
    handle: Handle,
    #[cfg(feature = "rustls")]
    tls: Tls,
}

/// What of a session is encrypted.
#[cfg(feature = "rustls")]
#[derive(Debug)]
enum Tls {
    Nothing,
    /// What comes behind STARTTLS.
    Upgrade(Acceptor),
    /// Everything.
    Implicit(Acceptor),
}

impl Listener {
    /// Listens on each of these addresses: `host:port`, where port 0 is any that is free, or the path of a Unix socket, which has to hold
    /// a slash. An IPv6 address takes no IPv4 connections: `0.0.0.0:25` and `[::]:25` are two addresses.
    ///
    /// # Errors
    ///
    /// One that cannot be listened on, which is named.
    pub async fn bind(addresses: impl IntoIterator<Item = impl AsRef<str>>) -> io::Result<Self> {
        let (mut doors, mut bound) = (Vec::new(), Vec::new());
        for address in addresses {
            let address = address.as_ref();
            let named = |error: io::Error| {
                io::Error::new(error.kind(), format!("cannot listen on {address}: {error}"))
            };
            let door = Door::bind(address).await.map_err(named)?;
            bound.push(door.address().map_err(named)?);
            doors.push(door);
        }
        Ok(Self {
            doors,
            addresses: bound,
            limit: LIMIT,
            limit_per_peer: LIMIT_PER_PEER,
            handle: Handle::new(),
            #[cfg(feature = "rustls")]
            tls: Tls::Nothing,
        })
    }

    /// Upgrades sessions in place where they ask for it by STARTTLS. That it is offered is said in `Config::starttls`.
    #[cfg(feature = "rustls")]
    pub fn with_tls(mut self, acceptor: Acceptor) -> Self {
        self.tls = Tls::Upgrade(acceptor);
        self
    }

    /// Encrypts sessions from the first octet (RFC 8314 3.3).
    #[cfg(feature = "rustls")]
    pub fn implicit_tls(mut self, acceptor: Acceptor) -> Self {
        self.tls = Tls::Implicit(acceptor);
        self
    }

    /// What it listens on, in the order of [`bind`](Self::bind), with the ports that were free.
    #[must_use]
    pub fn local_addrs(&self) -> &[Address] {
        &self.addresses
    }

    /// Sessions at once, 500. One more is told 421 4.3.2.
    pub fn limit(mut self, sessions: usize) -> Self {
        self.limit = sessions;
        self
    }

    /// Sessions of one IPv4 address, or one IPv6 network of 64 bits, at once, 50. One more is told 421 4.7.0.
    pub fn limit_per_peer(mut self, sessions: usize) -> Self {
        self.limit_per_peer = sessions;
        self
    }

    /// What shuts it down.
    #[must_use]
    pub fn handle(&self) -> Handle {
        self.handle.clone()
    }

    /// Serves until [`Handle::shut_down`], and until the last session is over. `handler` is called for each connection, and has to be
    /// quick: what may take time belongs in [`Handler::connect`].
    ///
    /// When descriptors run out it accepts nothing for a while. Dropping the future ends all sessions where they are, and what came of
    /// their letters is dropped.
    pub async fn serve<H: Handler>(self, config: Arc<Config>, mut handler: impl FnMut(&Peer) -> H) {
        let Self { doors, limit, limit_per_peer, handle, .. } = self;
        let mut deadline = handle.deadline();
        let mut sessions = Sessions::new(config, Census::new(limit, limit_per_peer));
        #[cfg(feature = "rustls")]
        {
            sessions.tls = self.tls;
        }
        let (mut pause, mut resume, mut next) = (Pause::default(), None, 0);
        loop {
            tokio::select! {
                biased;
                _ = deadline.wait_for(Option::is_some) => break,
                Some(ended) = sessions.tasks.join_next() => {
                    note(&ended);
                    // A descriptor may be free now.
                    resume = None;
                }
                () = until(resume), if resume.is_some() => resume = None,
                accepted = accept(&doors, &mut next), if resume.is_none() => match accepted {
                    Ok((connection, peer)) => {
                        pause.ended();
                        sessions.begin(connection, peer, &mut handler);
                    }
                    Err(error) => resume = pause.after(&error).map(|pause| Instant::now() + pause),
                },
            }
        }
        drop(doors);
        sessions.end(deadline).await;
    }
}

/// The next connection of any door; the one behind the last that was used is looked at first.
async fn accept(doors: &[Door], next: &mut usize) -> io::Result<(Connection, Peer)> {
    poll_fn(|cx| {
        for _ in doors {
            *next = (*next + 1) % doors.len();
            if let Poll::Ready(accepted) = doors[*next].poll_accept(cx) {
                return Poll::Ready(accepted);
            }
        }
        Poll::Pending
    })
    .await
}

async fn until(moment: Option<Instant>) {
    if let Some(moment) = moment {
        sleep_until(moment).await;
    }
}

/// How long nothing is accepted after an accept failed.
#[derive(Debug, Default)]
struct Pause {
    last: Option<Duration>,
}

impl Pause {
    const FIRST: Duration = Duration::from_millis(10);
    const LONGEST: Duration = Duration::from_secs(1);

    /// `None`: the fault is that of one connection, and the next may be accepted at once.
    fn after(&mut self, error: &io::Error) -> Option<Duration> {
        use io::ErrorKind::{ConnectionAborted, ConnectionReset, Interrupted, NotConnected};
        if matches!(error.kind(), ConnectionAborted | ConnectionReset | Interrupted | NotConnected)
        {
            debug!(%error, "a connection was lost before it was accepted");
            return None;
        }
        // Out of descriptors or memory: that passes when a session ends.
        if self.last.is_none() {
            warn!(%error, "cannot accept connections");
        }
        let pause = self.last.map_or(Self::FIRST, |last| (last * 2).min(Self::LONGEST));
        self.last = Some(pause);
        Some(pause)
    }

    const fn ended(&mut self) {
        self.last = None;
    }
}

struct Sessions {
    config: Arc<Config>,
    census: Arc<Census>,
    turned_away: Arc<Semaphore>,
    stage: watch::Sender<Option<When>>,
    tasks: JoinSet<()>,
    #[cfg(feature = "rustls")]
    tls: Tls,
}

impl Sessions {
    fn new(config: Arc<Config>, census: Arc<Census>) -> Self {
        Self {
            config,
            census,
            turned_away: Arc::new(Semaphore::new(TURNED_AWAY)),
            stage: watch::Sender::new(None),
            tasks: JoinSet::new(),
            #[cfg(feature = "rustls")]
            tls: Tls::Nothing,
        }
    }

    fn open<S: AsyncRead + AsyncWrite + Unpin>(&self, stream: S) -> Session<S> {
        let config = Arc::clone(&self.config);
        #[cfg(feature = "rustls")]
        return match &self.tls {
            Tls::Nothing => Session::new(stream, config),
            Tls::Upgrade(acceptor) => Session::new(stream, config).with_tls(acceptor.clone()),
            Tls::Implicit(acceptor) => Session::implicit_tls(stream, acceptor.clone(), config),
        };
        #[cfg(not(feature = "rustls"))]
        Session::new(stream, config)
    }

    fn begin<H: Handler>(
        &mut self,
        connection: Connection,
        peer: Peer,
        handler: impl FnMut(&Peer) -> H,
    ) {
        match connection {
            Connection::Tcp(stream) => self.begin_on(stream, peer, handler),
            #[cfg(unix)]
            Connection::Unix(stream) => self.begin_on(stream, peer, handler),
        }
    }

    fn begin_on<S, H>(&mut self, stream: S, peer: Peer, mut handler: impl FnMut(&Peer) -> H)
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
        H: Handler,
    {
        let session = self.open(stream);
        let admission = match self.census.admit(&peer) {
            Ok(admission) => admission,
            Err(full) => {
                debug!(peer = %peer.remote, "{full}");
                return self.turn_away(session, full.reply());
            }
        };
        let Ok(handler) = catch_unwind(AssertUnwindSafe(|| handler(&peer))) else {
            error!(peer = %peer.remote, "the handler panicked");
            return self.turn_away(session, stock::BROKEN);
        };
        let span = info_span!("session", peer = %peer.remote);
        let served = Box::pin(serve_until(session, handler, Stop::at(&self.stage)));
        let task = async move {
            let _admission = admission;
            debug!(local = %peer.local, "connected");
            if let Err(error) = served.await {
                debug!(%error, "connection lost");
            }
        };
        self.tasks.spawn(task.instrument(span));
    }

    /// Says why, and leaves; the peer is not waited for longer than at the end of any session.
    fn turn_away<S>(&mut self, mut session: Session<S>, reply: ReplyBuf)
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let Ok(permit) = Arc::clone(&self.turned_away).try_acquire_owned() else {
            return;
        };
        self.tasks.spawn(async move {
            let _permit = permit;
            session.server().shut_down(&reply.as_ref(), When::Now);
            let farewell = async {
                while session.ready().await? {
                    while session.next().is_some() {}
                }
                io::Result::Ok(())
            };
            // It is of no interest whether the peer heard it.
            let _ = timeout(LAST_WORDS, farewell).await;
        });
    }

    /// Ends them all: when they are done with their letters, and at the deadline in any case.
    async fn end(mut self, mut deadline: watch::Receiver<Option<Instant>>) {
        self.stage.send_replace(Some(When::AfterMessage));
        loop {
            let moment = *deadline.borrow_and_update();
            tokio::select! {
                ended = self.tasks.join_next() => match ended {
                    Some(ended) => note(&ended),
                    None => return,
                },
                () = until(moment) => break,
                Ok(()) = deadline.changed() => {}
            }
        }
        self.stage.send_replace(Some(When::Now));
        let over = async {
            while let Some(ended) = self.tasks.join_next().await {
                note(&ended);
            }
        };
        if timeout(LAST_WORDS, over).await.is_err() {
            warn!(sessions = self.tasks.len(), "cut off");
            self.tasks.shutdown().await;
        }
    }
}

fn note(ended: &Result<(), JoinError>) {
    if let Err(error) = ended {
        error!(%error, "a session failed");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_to_a_second_and_begin_anew() {
        let mut pause = Pause::default();
        let emfile = io::Error::from_raw_os_error(24);
        let mut pauses = Vec::new();
        for _ in 0..9 {
            pauses.push(pause.after(&emfile).unwrap().as_millis());
        }
        assert_eq!(pauses, [10, 20, 40, 80, 160, 320, 640, 1000, 1000]);
        assert_eq!(pause.after(&io::ErrorKind::ConnectionAborted.into()), None);
        pause.ended();
        assert_eq!(pause.after(&emfile), Some(Pause::FIRST));
    }
}
