//! The sending side: [`Client`] delivers letters, [`Session`] is the machine on a stream.
//!
//! ```no_run
//! use std::sync::Arc;
//!
//! use smtp_proto::Host;
//! use smtp_proto::delivery::{Content, Envelope};
//! use smtp_proto_tokio::client::Client;
//! use tokio::net::TcpStream;
//!
//! # async fn send() -> Result<(), Box<dyn std::error::Error>> {
//! let stream = TcpStream::connect("mx.example.org:25").await?;
//! let mut client = Client::connect(stream, Host::parse(b"client.example.org")?, Arc::default()).await?;
//! let envelope = Envelope::new("me@example.org", ["you@example.org"])?;
//! let letter = "Subject: hi\r\n\r\nHello\r\n";
//! client
//!     .deliver(envelope, Content::seven_bit(), letter, |index, outcome| println!("{index}: {outcome:?}"))
//!     .await?;
//! client.quit().await?;
//! # Ok(())
//! # }
//! ```

mod carry;
mod link;
mod session;
mod setup;
mod source;

use std::sync::Arc;

use smtp_proto::client::{Config, Misuse};
use smtp_proto::delivery::{Content, Delivery, Envelope, Failure, Fate, Outcome, Plan};
use smtp_proto::{Extensions, Host, TlsInfo};
use tokio::io::{AsyncRead, AsyncWrite};

pub use session::Session;
pub use setup::{Security, Setup};
pub use source::{Once, Reader, Source};

use self::carry::Carry;

/// What went wrong in a session of a client.
pub type Error = Failure<std::io::Error>;

/// A client that delivers letters, one after the other, over one session.
///
/// Dropping it closes the connection without a word; [`quit`](Self::quit) says goodbye.
///
/// ```
/// use std::sync::Arc;
///
/// use smtp_proto::Host;
/// use smtp_proto::delivery::{Content, Envelope, Fate};
/// use smtp_proto::server::{Config, Event};
/// use smtp_proto_tokio::Session;
/// use smtp_proto_tokio::client::Client;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let (stream, other) = tokio::io::duplex(1024);
/// let mut session = Session::new(other, Arc::new(Config::new("mx.test")?));
/// let server = async {
///     while session.ready().await? {
///         while let Some((event, server)) = session.next() {
///             server.decline(event); // nobody lives here
///         }
///     }
///     Ok::<_, Box<dyn std::error::Error>>(())
/// };
/// let client = async {
///     let mut client = Client::connect(stream, Host::parse(b"c.test")?, Arc::default()).await?;
///     let envelope = Envelope::new("a@c.test", ["b@mx.test"])?;
///     let mut fates = Vec::new();
///     client.deliver(envelope, Content::seven_bit(), "Hello\r\n", |_, outcome| fates.push(outcome.fate)).await?;
///     assert_eq!(fates, [Fate::Permanent]);
///     client.quit().await?;
///     Ok(())
/// };
/// tokio::try_join!(server, client)?;
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Client<S> {
    session: Session<S>,
    /// A letter was begun and not carried to its end: what is left of the session is good for nothing.
    failed: bool,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Client<S> {
    /// Waits for the greeting, and says EHLO with `name`, or HELO where the server does not know EHLO. In the clear: [`Setup`] has TLS and
    /// AUTH.
    ///
    /// # Errors
    ///
    /// As [`Setup::connect`].
    pub async fn connect(stream: S, name: Host<'_>, config: Arc<Config>) -> Result<Self, Error> {
        Setup::new(name).with_config(config).connect(stream).await
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
    pub const fn tls(&self) -> Option<&TlsInfo> {
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
    /// A source that takes its time is waited for without limit; a server that speaks meanwhile is heard. When the future is dropped,
    /// the fate of those who were not told is not known, and the session is of no use.
    ///
    /// # Errors
    ///
    /// Why the letter, or a part of its recipients, has no reply that decided. Refusals are no errors.
    pub async fn deliver(
        &mut self,
        envelope: Envelope<'_>,
        content: Content,
        source: impl Source,
        each: impl FnMut(usize, Outcome<'_>),
    ) -> Result<(), Error> {
        match self.plan(&envelope, content) {
            Ok(plan) => self.deliver_by(plan, envelope, source, each).await,
            Err(error) => Err(refuse(&envelope, error, each)),
        }
    }

    /// As [`deliver`](Self::deliver), by a plan that was made for this server and this envelope: in chunks, say.
    ///
    /// # Errors
    ///
    /// As [`deliver`](Self::deliver).
    pub async fn deliver_by(
        &mut self,
        plan: Plan,
        envelope: Envelope<'_>,
        mut source: impl Source,
        mut each: impl FnMut(usize, Outcome<'_>),
    ) -> Result<(), Error> {
        if !self.is_reusable() {
            return Err(refuse(&envelope, Misuse::Over.into(), each));
        }
        // Until the letter is through, and where this future is dropped, the session is of no use for another.
        self.failed = true;
        let mut carry = Carry::new(&mut self.session, Delivery::new(plan, envelope), &mut each);
        match carry.run(&mut source).await {
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
    pub async fn quit(mut self) -> Result<(), Error> {
        if self.session.client().quit().is_err() {
            self.session.client().abandon_body();
        }
        while self.session.ready().await.map_err(Error::Connection)? {
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
