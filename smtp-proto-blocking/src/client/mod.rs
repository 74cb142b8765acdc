//! The sending side: [`Client`] delivers letters, [`Session`] is the machine on a socket.
//!
//! ```no_run
//! use std::net::TcpStream;
//! use std::sync::Arc;
//!
//! use smtp_proto::Host;
//! use smtp_proto::delivery::{Content, Envelope};
//! use smtp_proto_blocking::client::Client;
//!
//! # fn send() -> Result<(), Box<dyn std::error::Error>> {
//! let stream = TcpStream::connect("mx.example.org:25")?;
//! let mut client = Client::connect(stream, Host::parse(b"client.example.org")?, Arc::default())?;
//! let envelope = Envelope::new("me@example.org", ["you@example.org"])?;
//! let letter = "Subject: hi\r\n\r\nHello\r\n";
//! client.deliver(envelope, Content::seven_bit(), letter, |index, outcome| println!("{index}: {outcome:?}"))?;
//! client.quit()?;
//! # Ok(())
//! # }
//! ```

mod carry;
mod session;
mod setup;
mod source;

use std::sync::Arc;

use smtp_proto::client::{Config, Misuse};
use smtp_proto::delivery::{Content, Delivery, Envelope, Failure, Fate, Outcome, Plan};
use smtp_proto::{Extensions, Host, TlsInfo};

pub use session::Session;
pub use setup::{Security, Setup};
pub use source::{Once, Reader, Source};

use self::carry::Carry;
use crate::Socket;

/// What went wrong in a session of a client.
pub type Error = Failure<std::io::Error>;

/// A client that delivers letters, one after the other, over one session.
///
/// Dropping it closes the connection without a word; [`quit`](Self::quit) says goodbye.
///
/// ```
/// use std::net::{TcpListener, TcpStream};
/// use std::sync::Arc;
///
/// use smtp_proto::Host;
/// use smtp_proto::delivery::{Content, Envelope, Fate};
/// use smtp_proto::server::{Config, Event};
/// use smtp_proto_blocking::Session;
/// use smtp_proto_blocking::client::Client;
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let listener = TcpListener::bind("127.0.0.1:0")?;
/// let stream = TcpStream::connect(listener.local_addr()?)?;
/// let mut session = Session::new(listener.accept()?.0, Arc::new(Config::new("mx.test")?));
/// let server = std::thread::spawn(move || {
///     while session.ready()? {
///         while let Some((event, server)) = session.next() {
///             server.decline(event); // nobody lives here
///         }
///     }
///     Ok::<_, std::io::Error>(())
/// });
/// let mut client = Client::connect(stream, Host::parse(b"c.test")?, Arc::default())?;
/// let envelope = Envelope::new("a@c.test", ["b@mx.test"])?;
/// let mut fates = Vec::new();
/// client.deliver(envelope, Content::seven_bit(), "Hello\r\n", |_, outcome| fates.push(outcome.fate))?;
/// assert_eq!(fates, [Fate::Permanent]);
/// client.quit()?;
/// server.join().unwrap()?;
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Client<S> {
    session: Session<S>,
    /// A letter was begun and not carried to its end: what is left of the session is good for nothing.
    failed: bool,
}

impl<S: Socket> Client<S> {
    /// Waits for the greeting, and says EHLO with `name`, or HELO where the server does not know EHLO. In the clear: [`Setup`] has TLS and
    /// AUTH.
    ///
    /// # Errors
    ///
    /// As [`Setup::connect`].
    pub fn connect(socket: S, name: Host<'_>, config: Arc<Config>) -> Result<Self, Error> {
        Setup::new(name).with_config(config).connect(socket)
    }

    /// A client over a session whose EHLO is answered.
    #[must_use]
    pub const fn over(session: Session<S>) -> Self {
        Self { session, failed: false }
    }

    /// The session, to go on with it in another way.
    #[must_use]
    pub fn into_session(self) -> Session<S> {
        self.session
    }

    /// What the server offers.
    #[must_use]
    pub fn extensions(&self) -> Option<&Extensions> {
        self.session.machine().extensions()
    }

    /// How the session is encrypted; `None` in clear.
    #[must_use]
    pub fn tls(&self) -> Option<&TlsInfo> {
        self.session.tls()
    }

    /// Whether another letter can be delivered over this session.
    #[must_use]
    pub fn is_reusable(&self) -> bool {
        !self.failed && self.session.machine().is_reusable()
    }

    /// Delivers a letter. `each` is told every recipient's fate once, by its place in the envelope, also where this fails.
    ///
    /// `content` says what `source` holds, as far as it is known. Whether the letter can go to this server at all is decided before
    /// anything is sent; [`Delivery::plan`] tells the same beforehand, and which recipients alone cannot.
    ///
    /// A source that takes its time is waited for without limit; a server that has spoken meanwhile is heard behind each of its blocks.
    ///
    /// # Errors
    ///
    /// Why the letter, or a part of its recipients, has no reply that decided. Refusals are no errors.
    pub fn deliver(
        &mut self,
        envelope: Envelope<'_>,
        content: Content,
        source: impl Source,
        each: impl FnMut(usize, Outcome<'_>),
    ) -> Result<(), Error> {
        match self.plan(&envelope, content) {
            Ok(plan) => self.deliver_by(plan, envelope, source, each),
            Err(error) => Err(refuse(&envelope, error, each)),
        }
    }

    /// As [`deliver`](Self::deliver), by a plan that was made for this server and this envelope: in chunks, say.
    ///
    /// # Errors
    ///
    /// As [`deliver`](Self::deliver).
    pub fn deliver_by(
        &mut self,
        plan: Plan,
        envelope: Envelope<'_>,
        mut source: impl Source,
        mut each: impl FnMut(usize, Outcome<'_>),
    ) -> Result<(), Error> {
        if !self.is_reusable() {
            return Err(refuse(&envelope, Misuse::Over.into(), each));
        }
        // Until the letter is through, the session is of no use for another.
        self.failed = true;
        let mut carry = Carry::new(&mut self.session, Delivery::new(plan, envelope), &mut each);
        match carry.run(&mut source) {
            Ok(()) => {
                self.failed = false;
                Ok(())
            }
            Err(error) => {
                carry.give_up(&error);
                // RFC 5321 4.1.1.10: what is not whole is never ended.
                self.session.client().abandon_body();
                Err(error)
            }
        }
    }

    fn plan(&self, envelope: &Envelope<'_>, content: Content) -> Result<Plan, Error> {
        let offered = self.extensions().ok_or(Misuse::NotYet)?;
        Ok(Delivery::plan(offered, envelope, content)?)
    }

    /// Says QUIT, waits for the reply and closes.
    ///
    /// # Errors
    ///
    /// That did not go well. Nothing depends on it.
    pub fn quit(mut self) -> Result<(), Error> {
        if self.session.client().quit().is_err() {
            self.session.client().abandon_body();
        }
        while self.session.ready().map_err(Error::Connection)? {
            while self.session.next()?.is_some() {}
        }
        Ok(())
    }
}

/// The letter is not even begun.
fn refuse(
    envelope: &Envelope<'_>,
    error: Error,
    mut each: impl FnMut(usize, Outcome<'_>),
) -> Error {
    for (index, _) in envelope.recipients().enumerate() {
        each(index, error.outcome(Fate::Transient));
    }
    error
}
