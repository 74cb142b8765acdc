//! One session of a server over a socket.

use core::mem;
use core::time::Duration;
use std::io::{self, Read, Write};
use std::sync::Arc;
use std::time::Instant;

use smtp_proto::server::{Config, Event, Pending, ReplyError, Server, Traffic, Wants, Why, kind};
use smtp_proto::{Countdown, Inbox, Timer, TlsInfo};

use crate::linger::linger;
#[cfg(feature = "rustls")]
use crate::tls::Acceptor;
use crate::{Socket, Stream};

/// The least wait that every system takes for a time-out.
pub(crate) const LEAST: Duration = Duration::from_millis(1);

/// The receiving machine on a socket: [`ready`](Self::ready) does the I/O, [`next`](Self::next) hands out what came.
///
/// ```
/// use std::io::{Read, Write};
/// use std::net::{TcpListener, TcpStream};
/// use std::sync::Arc;
///
/// use smtp_proto::server::Config;
/// use smtp_proto_blocking::Session;
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let listener = TcpListener::bind("127.0.0.1:0")?;
/// let mut client = TcpStream::connect(listener.local_addr()?)?;
/// let mut session = Session::new(listener.accept()?.0, Arc::new(Config::new("mx.test")?));
/// let server = std::thread::spawn(move || {
///     while session.ready()? {
///         while let Some((event, server)) = session.next() {
///             server.decline(event);
///         }
///     }
///     Ok::<_, std::io::Error>(())
/// });
/// let mut greeting = [0; 3];
/// client.read_exact(&mut greeting)?;
/// assert_eq!(&greeting, b"220");
/// client.write_all(b"QUIT\r\n")?;
/// client.read_to_end(&mut Vec::new())?;
/// drop(client);
/// server.join().unwrap()?;
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Session<S> {
    socket: Stream<S>,
    server: Server,
    inbox: Inbox,
    countdown: Countdown,
    over: bool,
    /// A secret was handed out, and may still be in the inbox.
    secret: bool,
    /// The handshake came to nothing.
    failed: Option<io::Error>,
    #[cfg(feature = "rustls")]
    acceptor: Option<Acceptor>,
    /// The handshake comes in front of the greeting.
    #[cfg(feature = "rustls")]
    tls_first: bool,
}

impl<S: Socket> Session<S> {
    /// A session that begins now, on a socket that is not encrypted.
    #[must_use]
    pub fn new(socket: S, config: Arc<Config>) -> Self {
        let inbox = config.inbox();
        Self::from_parts(socket.into(), Server::new(config), inbox)
    }

    /// A session that goes on, or begins on a connection that is encrypted already: `inbox` holds what was read and not taken yet.
    #[must_use]
    pub fn from_parts(stream: Stream<S>, server: Server, inbox: Inbox) -> Self {
        Self {
            socket: stream,
            server,
            inbox,
            countdown: Countdown::new(),
            over: false,
            secret: false,
            failed: None,
            #[cfg(feature = "rustls")]
            acceptor: None,
            #[cfg(feature = "rustls")]
            tls_first: false,
        }
    }

    /// What to show to clients who say STARTTLS.
    #[cfg(feature = "rustls")]
    #[must_use]
    pub fn with_tls(mut self, acceptor: Acceptor) -> Self {
        self.acceptor = Some(acceptor);
        self
    }

    /// A session that is encrypted from the first octet (RFC 8314): the first [`ready`](Self::ready) shakes hands.
    #[cfg(feature = "rustls")]
    #[must_use]
    pub fn implicit_tls(socket: S, acceptor: Acceptor, config: Arc<Config>) -> Self {
        let inbox = config.inbox();
        let session = Self::from_parts(socket.into(), Server::implicit_tls(config), inbox);
        Self { tls_first: true, ..session.with_tls(acceptor) }
    }

    /// The parts, to go on with them in another way.
    #[must_use]
    pub fn into_parts(self) -> (Stream<S>, Server, Inbox) {
        (self.socket, self.server, self.inbox)
    }

    /// The connection.
    #[must_use]
    pub const fn stream(&mut self) -> &mut Stream<S> {
        &mut self.socket
    }

    /// How the session is encrypted; `None` in clear.
    #[must_use]
    pub fn tls(&self) -> Option<&TlsInfo> {
        self.socket.tls()
    }

    /// The machine, for answers that come from elsewhere: another thread, say, when [`next`](Self::next) has said `None`.
    #[must_use]
    pub fn server(&mut self) -> &mut Server {
        &mut self.server
    }

    /// The next event, with the machine to answer it. `None`: nothing more before [`ready`](Self::ready).
    #[expect(clippy::should_implement_trait, reason = "an event borrows from the session")]
    pub fn next(&mut self) -> Option<(Event<'_>, &mut Server)> {
        let Self { server, inbox, secret, .. } = self;
        let event = inbox.feed(|input| server.next(input));
        *secret |= server.last_taken() == Traffic::AuthSecret;
        Some((event?, server))
    }

    /// Accepts STARTTLS; the next [`ready`](Self::ready) shakes hands.
    ///
    /// # Errors
    ///
    /// As [`Server::accept_tls`].
    pub fn accept_tls(&mut self, pending: Pending<kind::StartTls>) -> Result<(), ReplyError> {
        let Self { server, inbox, .. } = self;
        inbox.feed(|input| server.accept_tls(pending, input))
    }

    /// Whether it can shake hands.
    pub(crate) const fn has_tls(&self) -> bool {
        #[cfg(feature = "rustls")]
        return self.acceptor.is_some();
        #[cfg(not(feature = "rustls"))]
        false
    }

    /// What became of a session whose machine knows of nothing.
    pub(crate) fn why_lost(&self) -> Why {
        if self.has_tls() && self.tls().is_none() && self.server.is_tls() {
            Why::Handshake
        } else {
            Why::Eof
        }
    }

    /// Reads, writes and waits until [`next`](Self::next) has to be asked again: `true`. `false` at the end of the session; writing is
    /// shut down by then, and the socket can be dropped. `false` as well where the machine wants a handshake and the session has no
    /// certificate: take the [parts](Self::into_parts), and do it.
    ///
    /// An answer that is still owed was forgotten, since this thread does nothing else meanwhile: the machine [abandons](Server::abandon)
    /// it. Who collects answers from other threads gives them before the call, as long as [`Server::owed`] counts some. A peer that is too
    /// slow is no error: the machine tells it so, and says `Closed`.
    ///
    /// # Errors
    ///
    /// What the socket reports, and why a handshake failed. The session is of no use then; a letter that is not complete is to be
    /// dropped.
    pub fn ready(&mut self) -> io::Result<bool> {
        #[cfg(feature = "rustls")]
        if mem::take(&mut self.tls_first) {
            let limit = self.server.config().limits.handshake_wait;
            self.shake_hands(limit).inspect_err(|_| drop(linger(&mut self.socket)))?;
        }
        loop {
            match self.server.wants() {
                Wants::Next => return Ok(true),
                Wants::Flush(timer) => self.write(timer)?,
                Wants::Read(timer) => return self.read(timer).map(|()| true),
                Wants::Answer(_) => self.server.abandon(),
                #[cfg(feature = "rustls")]
                Wants::Tls(timer) if self.acceptor.is_some() => self.upgrade(timer),
                Wants::Tls(_) => return Ok(false),
                Wants::Close => {
                    if !mem::replace(&mut self.over, true) {
                        let _ = linger(&mut self.socket);
                    }
                    return self.failed.take().map_or(Ok(false), Err);
                }
            }
        }
    }

    #[cfg(feature = "rustls")]
    fn shake_hands(&mut self, limit: Duration) -> io::Result<()> {
        match &self.acceptor {
            Some(acceptor) => self.socket.accept_tls(acceptor, limit),
            None => Ok(()),
        }
    }

    /// What was read in clear never reaches the machine behind it.
    #[cfg(feature = "rustls")]
    fn upgrade(&mut self, timer: Timer) {
        match self.shake_hands(timer.after) {
            Ok(()) => {
                self.inbox = self.server.config().inbox();
                self.server.tls_established();
            }
            Err(error) if has_to_wait(&error) => self.server.timed_out(timer.id),
            Err(error) => {
                self.failed = Some(error);
                self.server.eof();
            }
        }
    }

    /// Writes the replies that are due, although [`next`](Self::next) has more to say.
    pub(crate) fn write_replies(&mut self) -> io::Result<()> {
        let Self { socket, server, .. } = self;
        socket.limit_writes(server.config().limits.flush_wait)?;
        socket.write_all(server.outgoing())?;
        server.sent(server.outgoing().len());
        socket.flush()
    }

    fn write(&mut self, timer: Timer) -> io::Result<()> {
        let Self { socket, server, countdown, .. } = self;
        let written = within(timer, countdown, |left| {
            socket.limit_writes(left)?;
            socket.write(server.outgoing())
        })?;
        match written {
            Some(0) => return Err(io::ErrorKind::WriteZero.into()),
            Some(octets) => server.sent(octets),
            None => server.timed_out(timer.id),
        }
        // A stream that encrypts may hold octets back.
        if server.outgoing().is_empty() { socket.flush() } else { Ok(()) }
    }

    fn read(&mut self, timer: Timer) -> io::Result<()> {
        if mem::take(&mut self.secret) {
            self.inbox.wipe();
        }
        let Self { socket, server, inbox, countdown, .. } = self;
        let space = inbox.space().ok_or(io::ErrorKind::InvalidInput)?;
        let read = within(timer, countdown, |left| {
            socket.limit_reads(left)?;
            socket.read(space)
        })?;
        match read {
            Some(octets) => {
                inbox.filled(octets);
                if octets == 0 {
                    server.eof();
                }
            }
            None => server.timed_out(timer.id),
        }
        Ok(())
    }
}

/// Does one read or write, and counts the time that it took. `None` when the time of `timer` is over.
pub(crate) fn within(
    timer: Timer,
    countdown: &mut Countdown,
    mut work: impl FnMut(Duration) -> io::Result<usize>,
) -> io::Result<Option<usize>> {
    loop {
        let left = countdown.left(timer);
        let start = Instant::now();
        let result = work(left.max(LEAST));
        countdown.waited(start.elapsed());
        match result {
            // A signal came.
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) if has_to_wait(&error) => return Ok(None),
            result => return result.map(Some),
        }
    }
}

/// Nothing is wrong, but the time is over.
fn has_to_wait(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut)
}
