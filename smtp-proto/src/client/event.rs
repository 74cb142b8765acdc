//! What the client machine tells its driver.

use crate::data::ContentFault;
use crate::line::ReplyFault;
use crate::{Base64, ParseError, Reply, Timer, TlsFault, Verb};

/// One command of a session: what it was, and the how-manieth.
///
/// ```
/// use smtp_proto::Verb;
/// use smtp_proto::client::{Event, Sent};
///
/// fn refused(event: &Event<'_>) -> Option<Sent> {
///     match event {
///         Event::Reply { to, reply } if !reply.class().is_positive() && to.verb == Verb::Rcpt => Some(*to),
///         _ => None,
///     }
/// }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Sent {
    /// What was sent. A DATA that could not succeed was sent as RSET, an EHLO that was refused as HELO.
    pub verb: Verb,
    /// Its number in the session, from 0.
    pub n: u32,
}

/// What the server said.
///
/// ```
/// use smtp_proto::client::Event;
///
/// fn log(event: &Event<'_>) {
///     match event {
///         Event::Reply { to, reply } => println!("{}: {reply}", to.verb),
///         other => println!("{other:?}"),
///     }
/// }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event<'b> {
    /// The greeting. One of 4yz or 5yz refuses the session: QUIT is sent by itself, and nothing else may be.
    Greeting(Reply<'b>),
    /// The reply to a command that left: exactly one for each, in their order. For DATA it judges the message, before or after its
    /// content.
    Reply {
        /// The command.
        to: Sent,
        /// Its reply.
        reply: Reply<'b>,
    },
    /// 354: the content is wanted now, for this many recipients.
    SendBody {
        /// Recipients that were accepted, at least one.
        accepted: u32,
    },
    /// 334: the server waits for [`auth_response`](super::Client::auth_response) or [`auth_cancel`](super::Client::auth_cancel).
    Challenge(Base64<'b>),
    /// 421 that answers no command: the session is over (RFC 5321 3.8).
    Unavailable(Reply<'b>),
}

/// Why a session cannot go on: what the server or the network did. It stays once it happened.
///
/// ```
/// use std::sync::Arc;
/// use smtp_proto::client::{Client, Config, Error};
///
/// let mut client = Client::new(Arc::new(Config::default()));
/// client.eof();
/// assert_eq!(client.next(&mut &b""[..]), Err(Error::Eof));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// What came is no reply.
    #[error("the server sent a malformed reply ({0})")]
    Malformed(ParseError),
    /// A reply, or one of its lines, is over its cap.
    #[error("the server sent a reply that is too long")]
    TooLong,
    /// A reply that cannot answer its command, such as 250 to DATA.
    #[error("the server's reply to {0} cannot answer it")]
    Unexpected(Verb),
    /// A reply to nothing that was sent.
    #[error("the server sent a reply that nothing asked for")]
    Unsolicited,
    /// The connection ended.
    #[error("the connection was closed")]
    Eof,
    /// The server was too slow.
    #[error("the server took too long")]
    TimedOut,
    /// So many octets stood in the clear behind the 220 to STARTTLS: whoever put them there is no part of the encrypted session.
    #[error("octets in the clear came behind the go-ahead for TLS")]
    PlaintextAfterStartTls(usize),
    /// TLS is required, and the server does not offer or refused it.
    #[error("TLS is required, and cannot be had")]
    TlsRequired,
    /// The handshake failed, or the server is not who it should be.
    #[error(transparent)]
    Tls(TlsFault),
}

impl From<ReplyFault> for Error {
    fn from(fault: ReplyFault) -> Self {
        match fault {
            ReplyFault::Malformed(error) => Self::Malformed(error),
            ReplyFault::TooLong => Self::TooLong,
        }
    }
}

/// What may not be done now, or not at all: a fault of the caller. Nothing was queued.
///
/// ```
/// use std::sync::Arc;
/// use smtp_proto::client::{Client, Config, Misuse};
///
/// let mut client = Client::new(Arc::new(Config::default()));
/// assert_eq!(client.noop(), Err(Misuse::NotYet));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Misuse {
    /// EHLO was not answered yet, and only `hello` may be called; or STARTTLS, AUTH or the last chunk was said, and what belongs to it
    /// comes first.
    #[error("the server has to answer first")]
    NotYet,
    /// The session requires TLS and does not have it, or this must not be said without.
    #[error("this needs TLS")]
    NeedsTls,
    /// REQUIRETLS to a server that is not [known](super::Client::tls_verified) by its certificate.
    #[error("this needs a server that is known by its certificate")]
    Unverified,
    /// This may not come in a transaction, or only in one, or not a second time.
    #[error("this may not come now")]
    Order,
    /// A command while the content of a message is due, or content while none is.
    #[error("this may not come between DATA and the end of the content, or only there")]
    Content,
    /// The server did not offer the extension that this needs.
    #[error("the server did not offer what this needs")]
    NotOffered,
    /// The address or parameter needs a transaction with SMTPUTF8.
    #[error("this needs a transaction with SMTPUTF8")]
    Utf8,
    /// The command holds control octets, or its line is too long.
    #[error("this makes no command line")]
    Invalid,
    /// As much is queued as may be: let replies come first.
    #[error("too much is queued")]
    Full,
    /// `outgoing` is not empty, and what was to be written would pass it.
    #[error("what is queued was not sent yet")]
    NotFlushed,
    /// The content holds what DATA cannot carry. No end of data will be sent.
    #[error("{0}")]
    Stray(ContentFault),
    /// The session is over.
    #[error("the session is over")]
    Over,
}

/// What the driver is to do once `next` says `None`.
///
/// ```
/// use std::io::{Read, Write};
/// use smtp_proto::Inbox;
/// use smtp_proto::client::{Client, Wants};
///
/// /// One turn of a driver that knows no time-outs; whether the I/O goes on by itself.
/// fn turn(stream: &mut (impl Read + Write), client: &mut Client, inbox: &mut Inbox) -> std::io::Result<bool> {
///     match client.wants() {
///         Wants::Next => {}
///         Wants::Flush(_) => {
///             let octets = stream.write(client.outgoing())?;
///             client.sent(octets);
///         }
///         Wants::Read(_) => {
///             if let Some(space) = inbox.space() {
///                 let octets = stream.read(space)?;
///                 inbox.filled(octets);
///                 if octets == 0 {
///                     client.eof();
///                 }
///             }
///         }
///         Wants::Body | Wants::Command | Wants::Tls(_) | Wants::Close => return Ok(false),
///     }
///     Ok(true)
/// }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "a driver is one match over them")]
pub enum Wants {
    /// Call `next`: something changed since it last said `None`.
    Next,
    /// Write `outgoing` and say `sent`, reading meanwhile: replies can fill both windows (RFC 2920 3.1).
    Flush(Timer),
    /// Read, and call `next` with what came behind what was kept.
    Read(Timer),
    /// The application's turn: content. Whoever can, reads meanwhile: an early verdict, a 421, the end.
    Body,
    /// The application's turn: a command. Whoever can, reads meanwhile.
    Command,
    /// Negotiate TLS, and say [`tls_established`](super::Client::tls_established) or [`tls_failed`](super::Client::tls_failed). What was
    /// read before is empty, and a reader of the clear connection is not used again. Whoever cannot negotiate closes.
    Tls(Timer),
    /// Shut down and close.
    Close,
}

impl Wants {
    /// The timer that runs in this state.
    #[must_use]
    pub const fn timer(&self) -> Option<Timer> {
        match self {
            Self::Flush(timer) | Self::Read(timer) | Self::Tls(timer) => Some(*timer),
            Self::Next | Self::Body | Self::Command | Self::Close => None,
        }
    }
}
