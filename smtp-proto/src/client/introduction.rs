//! What a client says in front of its first letter: EHLO, STARTTLS and EHLO again, AUTH.
//!
//! ```
//! use std::sync::Arc;
//! use smtp_proto::Host;
//! use smtp_proto::client::{Client, Introduction};
//!
//! let mut client = Client::new(Arc::default());
//! let mut introduction = Introduction::new(Host::parse(b"c.test")?);
//! let mut said = Vec::new();
//! for replies in ["", "220 mx\r\n", "250 mx\r\n"] {
//!     let introduced = introduction.next(&mut client, &mut replies.as_bytes())?;
//!     assert_eq!(introduced, replies.starts_with("250"));
//!     said.extend_from_slice(client.outgoing());
//!     client.sent(client.outgoing().len());
//! }
//! assert_eq!(said, b"EHLO c.test\r\n");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

use alloc::boxed::Box;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;

use super::{Client, Config, Error, Event, Misuse, Tls};
use crate::sasl::{self, Credentials, Initiator, SaslError, Strength};
use crate::{Base64, Extension, Extensions, Host, Mechanism, Mechanisms, ReplyBuf, Verb};

/// EHLO, STARTTLS and AUTH, on top of a [`Client`].
///
/// Call [`next`](Self::next) until it says `true`, and between the calls drive the client as it [wants](Client::wants): the handshake too
/// is the driver's.
pub struct Introduction<'a> {
    name: Host<'a>,
    start_tls: bool,
    credentials: Option<&'a Credentials>,
    mechanism: Option<Mechanism<'a>>,
    auth_in_clear: bool,
    stage: Stage,
}

enum Stage {
    Start,
    Hello,
    /// STARTTLS was said.
    Tls,
    Auth(Box<dyn Initiator>),
    /// The server's challenge was not understood: the exchange is given up.
    Cancelled(SaslError),
    Done,
}

/// Why a server and a client do not come together.
///
/// ```
/// use smtp_proto::Class;
/// use smtp_proto::client::IntroductionError;
///
/// /// Whether somebody has to look at the password.
/// fn is_wrong(error: &IntroductionError) -> bool {
///     matches!(error, IntroductionError::Auth(reply) if reply.as_ref().class() == Class::Permanent)
/// }
/// # assert!(!is_wrong(&IntroductionError::AuthNotOffered));
/// ```
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum IntroductionError {
    /// The server greets with a refusal (RFC 5321 3.1).
    #[error("the server refused the session: {0}")]
    Greeting(ReplyBuf),
    /// EHLO, and HELO where it was tried, is refused.
    #[error("the server refused the hello: {0}")]
    Hello(ReplyBuf),
    /// There are credentials, and the server offers no AUTH.
    #[error("the server does not offer AUTH")]
    AuthNotOffered,
    /// The server offers none of the mechanisms that go with the credentials.
    #[error("the server offers no mechanism of AUTH that can be used")]
    NoMechanism,
    /// There are credentials, and it is not certain who would get them. They were not sent.
    #[error("credentials are not sent where the server is not known by its certificate")]
    Unprotected,
    /// The server does not take the credentials.
    #[error("the server refused the credentials: {0}")]
    Auth(ReplyBuf),
    /// The exchange made no sense.
    #[error("AUTH came to nothing: {0}")]
    Sasl(SaslError),
    /// The session cannot go on.
    #[error(transparent)]
    Session(#[from] Error),
    /// The session was not at its beginning.
    #[error(transparent)]
    Misuse(#[from] Misuse),
}

impl<'a> Introduction<'a> {
    /// EHLO with this name. Where [`Tls`] is required STARTTLS follows, and EHLO again.
    #[must_use]
    pub const fn new(name: Host<'a>) -> Self {
        Self {
            name,
            start_tls: false,
            credentials: None,
            mechanism: None,
            auth_in_clear: false,
            stage: Stage::Start,
        }
    }

    /// STARTTLS where it is offered. Where it is refused the session goes on in the clear, if TLS is not required.
    #[must_use]
    pub fn with_start_tls(self) -> Self {
        Self { start_tls: true, ..self }
    }

    /// AUTH with these credentials. They go only to a server that is [known](Client::tls_verified) by its certificate.
    #[must_use]
    pub fn with_credentials(self, credentials: &'a Credentials) -> Self {
        Self { credentials: Some(credentials), ..self }
    }

    /// AUTH by this mechanism, and no stronger one.
    #[must_use]
    pub fn with_mechanism(self, mechanism: Mechanism<'a>) -> Self {
        Self { mechanism: Some(mechanism), ..self }
    }

    /// AUTH also where the server is not known by its certificate, or where there is no TLS and
    /// [`Config::auth_in_clear`](super::Config::auth_in_clear) has the mechanism: for tests, and for networks that nobody else is in.
    #[must_use]
    pub fn with_auth_in_clear(self) -> Self {
        Self { auth_in_clear: true, ..self }
    }

    /// The configuration with which a client may say all that: the mechanisms that are known here, and the one that was asked for, are
    /// allowed in the clear where AUTH is.
    #[must_use]
    pub fn config(&self, mut config: Arc<Config>) -> Arc<Config> {
        if self.auth_in_clear {
            let mut all: Vec<&str> = sasl::built_in().collect();
            all.extend(self.mechanism.as_ref().map(Mechanism::as_str));
            Arc::make_mut(&mut config).auth_in_clear = Mechanisms::of(all);
        }
        config
    }

    /// Takes the replies off the front of `input`, and queues what comes next on `client`. `true`: the server knows who is there, and
    /// letters can follow.
    ///
    /// # Errors
    ///
    /// It came to nothing. Unless the session itself is at its end, QUIT is what is left to say.
    pub fn next(
        &mut self,
        client: &mut Client,
        input: &mut &[u8],
    ) -> Result<bool, IntroductionError> {
        match self.stage {
            // RFC 3207 4.2: EHLO again, in TLS.
            Stage::Start => self.hello(client)?,
            Stage::Tls if client.is_tls() => self.hello(client)?,
            _ => {}
        }
        while !matches!(self.stage, Stage::Done) {
            let Some(event) = client.next(input)? else { return Ok(false) };
            self.hear(client, event)?;
        }
        Ok(true)
    }

    fn hello(&mut self, client: &mut Client) -> Result<(), Misuse> {
        client.hello(self.name)?;
        self.stage = Stage::Hello;
        Ok(())
    }

    fn hear(&mut self, client: &mut Client, event: Event<'_>) -> Result<(), IntroductionError> {
        use IntroductionError::{Auth, Greeting, Hello};
        match event {
            Event::Greeting(reply) if !reply.class().is_positive() => {
                Err(Greeting(reply.to_owned()))
            }
            Event::Unavailable(reply) => Err(Hello(reply.to_owned())),
            Event::Challenge(challenge) => self.challenge(client, challenge),
            Event::Reply { to, reply } => match (to.verb, reply.class().is_positive()) {
                (Verb::Ehlo | Verb::Helo | Verb::Lhlo, true) => self.hello_accepted(client),
                (Verb::Ehlo | Verb::Helo | Verb::Lhlo, false) => Err(Hello(reply.to_owned())),
                // Where TLS is required the client's next word is that the session is over.
                (Verb::StartTls, false) if client.is_over() => Ok(()),
                (Verb::StartTls, false) => self.authenticate(client),
                (Verb::Auth, true) => self.auth_accepted(),
                (Verb::Auth, false) => Err(match self.stage {
                    Stage::Cancelled(error) => IntroductionError::Sasl(error),
                    _ => Auth(reply.to_owned()),
                }),
                _ => Ok(()),
            },
            _ => Ok(()),
        }
    }

    fn hello_accepted(&mut self, client: &mut Client) -> Result<(), IntroductionError> {
        let required = client.config().tls == Tls::Required;
        let offers = |offered: &Extensions| offered.contains(Extension::StartTls);
        if client.is_tls() || !(required || self.start_tls) {
            self.authenticate(client)
        } else if client.extensions().is_some_and(offers) {
            client.start_tls()?;
            self.stage = Stage::Tls;
            Ok(())
        } else if required {
            // The client's next word is that the session is over.
            Ok(())
        } else {
            self.authenticate(client)
        }
    }

    fn authenticate(&mut self, client: &mut Client) -> Result<(), IntroductionError> {
        let Some(credentials) = self.credentials else {
            self.stage = Stage::Done;
            return Ok(());
        };
        if !(self.auth_in_clear || client.is_verified()) {
            return Err(IntroductionError::Unprotected);
        }
        let mut initiator = self.initiator(client, credentials)?;
        let initial = initiator.initial();
        let initial = initial.as_ref().map(|secret| secret.as_bytes());
        match client.auth(initiator.mechanism(), initial) {
            Err(Misuse::NeedsTls) => Err(IntroductionError::Unprotected),
            sent => {
                sent?;
                self.stage = Stage::Auth(initiator);
                Ok(())
            }
        }
    }

    fn initiator(
        &self,
        client: &Client,
        credentials: &Credentials,
    ) -> Result<Box<dyn Initiator>, IntroductionError> {
        let offered = client.extensions().map(Extensions::mechanisms).ok_or(Misuse::NotYet)?;
        if offered.is_empty() {
            return Err(IntroductionError::AuthNotOffered);
        }
        match self.mechanism {
            Some(mechanism) if offered.contains(mechanism.as_str()) => {
                sasl::initiator(mechanism, credentials).map_err(IntroductionError::Sasl)
            }
            Some(_) => Err(IntroductionError::NoMechanism),
            None => sasl::choose(offered, credentials, Strength::Unproved)
                .ok_or(IntroductionError::NoMechanism),
        }
    }

    fn challenge(
        &mut self,
        client: &mut Client,
        challenge: Base64<'_>,
    ) -> Result<(), IntroductionError> {
        let Stage::Auth(initiator) = &mut self.stage else { return Ok(()) };
        match initiator.respond(&challenge.decode()) {
            Ok(response) => drop(client.auth_response(response.as_bytes())?),
            Err(error) => {
                client.auth_cancel()?;
                self.stage = Stage::Cancelled(error);
            }
        }
        Ok(())
    }

    fn auth_accepted(&mut self) -> Result<(), IntroductionError> {
        match core::mem::replace(&mut self.stage, Stage::Done) {
            // RFC 5802 3: a server that did not prove itself may be any.
            Stage::Auth(initiator) if !initiator.is_satisfied() => {
                Err(IntroductionError::Sasl(SaslError::Server))
            }
            Stage::Cancelled(error) => Err(IntroductionError::Sasl(error)),
            _ => Ok(()),
        }
    }
}

impl fmt::Debug for Introduction<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Introduction")
            .field("name", &self.name)
            .field("start_tls", &self.start_tls)
            .field("credentials", &self.credentials)
            .field("mechanism", &self.mechanism)
            .finish_non_exhaustive()
    }
}
