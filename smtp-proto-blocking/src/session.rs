//! One session of a server over a socket.

use core::mem;
use core::time::Duration;
use std::io;
use std::sync::Arc;
use std::time::Instant;

use smtp_proto::server::{Config, Event, Server, Wants};
use smtp_proto::{Countdown, Inbox, Timer};

use crate::Socket;
use crate::linger::linger;

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
    socket: S,
    server: Server,
    inbox: Inbox,
    countdown: Countdown,
    over: bool,
}

impl<S: Socket> Session<S> {
    /// A session that begins now, on a socket that is not encrypted.
    #[must_use]
    pub fn new(socket: S, config: Arc<Config>) -> Self {
        let inbox = config.inbox();
        Self::from_parts(socket, Server::new(config), inbox)
    }

    /// A session that goes on, or begins on an encrypted socket: `inbox` holds what was read and not taken yet.
    #[must_use]
    pub fn from_parts(socket: S, server: Server, inbox: Inbox) -> Self {
        Self { socket, server, inbox, countdown: Countdown::new(), over: false }
    }

    /// The parts, to go on with them in another way.
    #[must_use]
    pub fn into_parts(self) -> (S, Server, Inbox) {
        (self.socket, self.server, self.inbox)
    }

    /// The machine, for answers that come from elsewhere: another thread, say, when [`next`](Self::next) has said `None`.
    #[must_use]
    pub fn server(&mut self) -> &mut Server {
        &mut self.server
    }

    /// The next event, with the machine to answer it. `None`: nothing more before [`ready`](Self::ready).
    #[expect(clippy::should_implement_trait, reason = "an event borrows from the session")]
    pub fn next(&mut self) -> Option<(Event<'_>, &mut Server)> {
        let Self { server, inbox, .. } = self;
        let event = inbox.feed(|input| server.next(input))?;
        Some((event, server))
    }

    /// Reads, writes and waits until [`next`](Self::next) has to be asked again: `true`. `false` at the end of the session; writing is
    /// shut down by then, and the socket can be dropped.
    ///
    /// An answer that is still owed was forgotten, since this thread does nothing else meanwhile: the machine [abandons](Server::abandon)
    /// it. Who collects answers from other threads gives them before the call, as long as [`Server::owed`] counts some. A peer that is too
    /// slow is no error: the machine tells it so, and says `Closed`.
    ///
    /// # Errors
    ///
    /// What the socket reports. The session is of no use then; a letter that is not complete is to be dropped.
    pub fn ready(&mut self) -> io::Result<bool> {
        loop {
            match self.server.wants() {
                Wants::Next => return Ok(true),
                Wants::Flush(timer) => self.write(timer)?,
                Wants::Read(timer) => return self.read(timer).map(|()| true),
                Wants::Answer(_) => self.server.abandon(),
                Wants::Tls(_) => return Ok(false),
                Wants::Close => {
                    if !mem::replace(&mut self.over, true) {
                        let _ = linger(&mut self.socket);
                    }
                    return Ok(false);
                }
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
            Err(error)
                if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut) =>
            {
                return Ok(None);
            }
            result => return result.map(Some),
        }
    }
}
