//! One session of a client over a socket.

use core::mem;
use core::time::Duration;
use std::io::{self, IoSlice, Read, Write};
use std::sync::Arc;
use std::time::Instant;

use smtp_proto::client::{
    Client, Config, Error, Event, Introduction, Misuse, Pace, Pipelining, Wants,
};
use smtp_proto::delivery::{self, Delivery};
use smtp_proto::{Countdown, Inbox, Timer, TlsInfo, server};

use crate::session::{LEAST, within};
#[cfg(feature = "rustls")]
use crate::tls::{Handshake, fault};
use crate::{Socket, Stream};

/// What may leave before replies are read: one thread cannot read and write at once, and this much every connection takes without
/// waiting (RFC 2920 3.1).
const IN_FLIGHT: usize = 4096;
/// A write that waits for the server is interrupted so often, to see whether the server says why it waits.
const SLICE: Duration = Duration::from_millis(250);
/// After a write has failed, what the server still has to say comes within this time.
const LAST_WORDS: Duration = server::Wants::LINGER;

/// The sending machine on a socket: [`ready`](Self::ready) does the I/O, [`next`](Self::next) hands out what came.
///
/// For whole letters there is [`Client`](super::Client).
///
/// ```
/// use std::net::{TcpListener, TcpStream};
/// use std::sync::Arc;
/// # use std::io::{BufRead, BufReader, Write};
///
/// use smtp_proto::client::Event;
/// use smtp_proto::{Host, Verb};
/// use smtp_proto_blocking::client::Session;
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let listener = TcpListener::bind("127.0.0.1:0")?;
/// # let stream = TcpStream::connect(listener.local_addr()?)?;
/// # let (server, _) = listener.accept()?;
/// # std::thread::spawn(move || {
/// #     (&server).write_all(b"220 mx.test\r\n").unwrap();
/// #     for _ in BufReader::new(&server).lines().zip(0..2) {
/// #         (&server).write_all(b"250 mx.test\r\n").unwrap();
/// #     }
/// # });
/// let mut session = Session::new(stream, Arc::default());
/// session.client().hello(Host::parse(b"client.test")?)?;
/// while session.ready()? {
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
    socket: Stream<S>,
    client: Client,
    inbox: Inbox,
    countdown: Countdown,
    /// Why nothing more can be written, and how long it is listened on: a "552 too big" is not a connection reset.
    broken: Option<(io::Error, Instant)>,
    closed: bool,
    pace: Pace,
    #[cfg(feature = "rustls")]
    handshake: Option<Handshake>,
    /// The handshake comes in front of the greeting.
    #[cfg(feature = "rustls")]
    tls_first: bool,
}

impl<S: Socket> Session<S> {
    /// A session that begins now, in front of its greeting.
    ///
    /// [`Pipelining::Offered`] is taken as 4096 octets [in flight](Pipelining::InFlight): two ends that both wait for the other to read
    /// would wait for ever.
    #[must_use]
    pub fn new(socket: S, config: Arc<Config>) -> Self {
        let config = in_flight(config);
        let inbox = config.inbox();
        Self::from_parts(socket.into(), Client::new(config), inbox)
    }

    /// A session that goes on, or begins on a connection that is encrypted already: `inbox` holds what was read and not taken yet.
    #[must_use]
    pub fn from_parts(stream: Stream<S>, client: Client, inbox: Inbox) -> Self {
        Self {
            socket: stream,
            client,
            inbox,
            countdown: Countdown::new(),
            broken: None,
            closed: false,
            pace: Pace::new(),
            #[cfg(feature = "rustls")]
            handshake: None,
            #[cfg(feature = "rustls")]
            tls_first: false,
        }
    }

    /// What to do when STARTTLS is accepted.
    #[cfg(feature = "rustls")]
    #[must_use]
    pub fn with_tls(mut self, handshake: Handshake) -> Self {
        self.handshake = Some(handshake);
        self
    }

    /// A session that is encrypted from the first octet (RFC 8314): the first [`ready`](Self::ready) shakes hands.
    #[cfg(feature = "rustls")]
    #[must_use]
    pub fn implicit_tls(socket: S, handshake: Handshake, config: Arc<Config>) -> Self {
        let config = in_flight(config);
        let inbox = config.inbox();
        let session = Self::from_parts(socket.into(), Client::implicit_tls(config), inbox);
        Self { tls_first: true, ..session.with_tls(handshake) }
    }

    /// The parts, to go on with them in another way.
    #[must_use]
    pub fn into_parts(self) -> (Stream<S>, Client, Inbox) {
        (self.socket, self.client, self.inbox)
    }

    /// How the session is encrypted; `None` in clear.
    #[must_use]
    pub fn tls(&self) -> Option<&TlsInfo> {
        self.socket.tls()
    }

    /// The connection.
    #[must_use]
    pub const fn stream(&mut self) -> &mut Stream<S> {
        &mut self.socket
    }

    /// The machine, to queue commands and content.
    #[must_use]
    pub fn client(&mut self) -> &mut Client {
        &mut self.client
    }

    /// The next event, with the machine to go on. `None`: nothing more before [`ready`](Self::ready).
    ///
    /// # Errors
    ///
    /// The session cannot go on. The error stays.
    #[expect(clippy::should_implement_trait, reason = "an event borrows from the session")]
    pub fn next(&mut self) -> Result<Option<(Event<'_>, &mut Client)>, Error> {
        let Self { client, inbox, .. } = self;
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
        let Self { client, inbox, .. } = self;
        let event = inbox.feed(|input| delivery.next(client, input))?;
        Ok(event.map(|event| (event, client)))
    }

    /// Says what stands in front of the first letter.
    ///
    /// # Errors
    ///
    /// What came to nothing.
    pub fn introduce(&mut self, introduction: &mut Introduction<'_>) -> Result<(), super::Error> {
        loop {
            let Self { client, inbox, .. } = self;
            if inbox.feed(|input| introduction.next(client, input))? {
                return Ok(());
            }
            if !self.ready().map_err(super::Error::Connection)? {
                return Err(Misuse::Over.into());
            }
        }
    }

    /// Reads, writes and waits until it is the caller's turn: `true`. Then [`next`](Self::next) has something to say, or all that was
    /// queued has left and the machine [wants](Client::wants) content or a command; what has come by then is read. `false` at the end of
    /// the session; writing is shut down by then, and the socket can be dropped. `false` as well where the machine wants a handshake and
    /// the session was given none: take the [parts](Self::into_parts), and do it.
    ///
    /// A server that is too slow is an error of `next`, and so is a handshake that fails.
    ///
    /// # Errors
    ///
    /// What the socket reports, once all that the server said before is read. The session is of no use then.
    pub fn ready(&mut self) -> io::Result<bool> {
        #[cfg(feature = "rustls")]
        if mem::take(&mut self.tls_first) {
            self.shake_hands(self.client.config().waits.handshake);
        }
        loop {
            match self.client.wants() {
                Wants::Next => return Ok(true),
                #[cfg(feature = "rustls")]
                Wants::Tls(timer) if self.handshake.is_some() => self.shake_hands(timer.after),
                Wants::Tls(_) => return Ok(false),
                Wants::Close => {
                    if !mem::replace(&mut self.closed, true) {
                        let _ = self.socket.limit_writes(LAST_WORDS);
                        let _ = self.socket.end_writing();
                    }
                    return Ok(false);
                }
                _ if self.broken.is_some() => return self.last_words().map(|()| true),
                Wants::Flush(timer) => {
                    if self.flush(timer)? {
                        return Ok(true);
                    }
                }
                Wants::Read(timer) => return self.read(timer).map(|()| true),
                Wants::Body | Wants::Command => return self.look().map(|_| true),
            }
        }
    }

    /// Reads what has come, without waiting, and says whether there was something.
    pub(super) fn look(&mut self) -> io::Result<bool> {
        let Self { socket, client, inbox, .. } = self;
        let Some(space) = inbox.space() else { return Ok(false) };
        match socket.read_at_once(space) {
            Err(error) if has_to_wait(&error) => Ok(false),
            read => {
                heard(read?, client, inbox);
                Ok(true)
            }
        }
    }

    pub(super) const fn machine(&self) -> &Client {
        &self.client
    }

    /// Whether octets that lie apart can be written at once.
    pub(super) fn writes_vectored(&self) -> bool {
        self.socket.writes_vectored()
    }

    /// Writes of these pieces of content, and moves `pieces` past what was written. Returns when something was written; `true`: something
    /// came, which has to be looked at before more is written.
    pub(super) fn write(&mut self, pieces: &mut &mut [IoSlice<'_>]) -> io::Result<bool> {
        if self.broken.is_some() {
            return self.last_words().map(|()| true);
        }
        loop {
            let config = self.client.config();
            let left = self.pace.left(config);
            if left.is_zero() {
                return Err(io::ErrorKind::TimedOut.into());
            }
            self.socket.limit_writes(left.clamp(LEAST, SLICE))?;
            let start = Instant::now();
            let written = self.socket.write_vectored(pieces);
            self.pace.waited(start.elapsed());
            match written {
                Ok(octets) if octets > 0 => {
                    IoSlice::advance_slices(pieces, octets);
                    self.pace.wrote(octets, config);
                    return Ok(false);
                }
                Err(error) if has_to_wait(&error) => {
                    if self.look()? {
                        return Ok(true);
                    }
                }
                failed => {
                    self.fail(failed);
                    return Ok(false);
                }
            }
        }
    }

    /// Writes what is queued. `true`: something came meanwhile.
    fn flush(&mut self, timer: Timer) -> io::Result<bool> {
        let Self { socket, client, countdown, .. } = self;
        let written = within(timer, countdown, |left| {
            socket.limit_writes(left.min(SLICE))?;
            socket.write(client.outgoing())
        });
        match written {
            Ok(Some(octets)) if octets > 0 => {
                client.sent(octets);
                // A stream that encrypts may hold octets back.
                if client.outgoing().is_empty() {
                    let flushed = socket.flush();
                    self.fail(flushed.map(|()| 1));
                }
                Ok(false)
            }
            Ok(None) => {
                let heard = self.look()?;
                if !heard && self.countdown.left(timer).is_zero() {
                    self.client.timed_out(timer.id);
                }
                Ok(heard)
            }
            failed => {
                self.fail(failed.map(Option::unwrap_or_default));
                Ok(false)
            }
        }
    }

    /// What was read in clear never reaches the machine behind it.
    #[cfg(feature = "rustls")]
    fn shake_hands(&mut self, limit: Duration) {
        let Self { socket, client, inbox, handshake, .. } = self;
        let Some(handshake) = handshake else { return };
        match socket.connect_tls(handshake, limit) {
            Ok(()) => {
                *inbox = client.config().inbox();
                client.tls_established();
                if handshake.verifies() {
                    client.tls_verified();
                }
            }
            Err(error) => client.tls_failed(fault(&error)),
        }
    }

    fn read(&mut self, timer: Timer) -> io::Result<()> {
        let Self { socket, client, inbox, countdown, .. } = self;
        let space = inbox.space().ok_or(io::ErrorKind::InvalidInput)?;
        let read = within(timer, countdown, |left| {
            socket.limit_reads(left)?;
            socket.read(space)
        })?;
        match read {
            Some(octets) => heard(octets, client, inbox),
            None => client.timed_out(timer.id),
        }
        Ok(())
    }

    /// Keeps why a write failed.
    fn fail(&mut self, written: io::Result<usize>) {
        let error = match written {
            Ok(0) => io::ErrorKind::WriteZero.into(),
            Ok(_) => return,
            Err(error) => error,
        };
        self.broken = Some((error, Instant::now() + LAST_WORDS));
    }

    /// Reads what the server still says after a write has failed; the error of that write once there is nothing.
    fn last_words(&mut self) -> io::Result<()> {
        let Self { socket, client, inbox, broken, .. } = self;
        let Some((error, until)) = broken.take() else { return Ok(()) };
        let left = until.saturating_duration_since(Instant::now());
        let octets = match inbox.space() {
            Some(space) if !left.is_zero() => {
                socket.limit_reads(left.max(LEAST)).and_then(|()| socket.read(space)).unwrap_or(0)
            }
            _ => 0,
        };
        if octets == 0 {
            return Err(error);
        }
        heard(octets, client, inbox);
        *broken = Some((error, until));
        Ok(())
    }
}

/// What one thread can do.
fn in_flight(mut config: Arc<Config>) -> Arc<Config> {
    if config.pipelining == Pipelining::Offered {
        Arc::make_mut(&mut config).pipelining = Pipelining::InFlight(IN_FLIGHT);
    }
    config
}

fn heard(octets: usize, client: &mut Client, inbox: &mut Inbox) {
    inbox.filled(octets);
    if octets == 0 {
        client.eof();
    }
}

/// Nothing is wrong, but there is nothing to be had now.
fn has_to_wait(error: &io::Error) -> bool {
    use io::ErrorKind::{Interrupted, TimedOut, WouldBlock};
    matches!(error.kind(), Interrupted | TimedOut | WouldBlock)
}
