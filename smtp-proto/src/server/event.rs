//! What the server machine tells its driver.

use core::time::Duration;

use super::{Pending, kind};
use crate::data::Repairs;
use crate::{Base64, Escaped, FreeText, Host, Mail, Mechanism, Rcpt, Reply, Timer, Verb};

/// What came off the front of the input, or happened to the session. An event with a [`Pending`] waits for an answer.
///
/// ```
/// use smtp_proto::server::{Event, Server};
///
/// /// Takes everything for bob, and nothing else.
/// fn decide(server: &mut Server, event: Event<'_>) {
///     let answered = match event {
///         Event::Rcpt { rcpt, pending } if rcpt.to.to_string() == "bob@x.test" => server.accept(pending),
///         other => Ok(server.decline(other)),
///     };
///     answered.expect("an answer that is given at once is in time");
/// }
/// ```
#[derive(Debug)]
#[non_exhaustive]
pub enum Event<'b> {
    /// A peer connected; the answer is the greeting.
    Connect(Pending<kind::Connect>),
    /// Octets came while the greeting was still owed. Once; what a delayed greeting is for.
    EarlyTalker,
    /// EHLO or HELO.
    Hello {
        /// Which of them.
        verb: Verb,
        /// What the client calls itself.
        name: Host<'b>,
        /// The answer owed.
        pending: Pending<kind::Hello>,
    },
    /// MAIL: a transaction begins if it is accepted.
    Mail {
        /// Its sender and parameters.
        mail: Mail<'b>,
        /// The answer owed.
        pending: Pending<kind::Mail>,
    },
    /// RCPT, once a recipient.
    Rcpt {
        /// The recipient and its parameters.
        rcpt: Rcpt<'b>,
        /// The answer owed.
        pending: Pending<kind::Rcpt>,
    },
    /// The client wants to send the content: the place for the letter is opened here. Once a letter, in front of its first chunk, too;
    /// where it is refused the chunks are read and answered so.
    Data {
        /// How it will come.
        how: Transfer,
        /// The answer owed.
        pending: Pending<kind::Data>,
    },
    /// Octets of the content, dots undone. Runs may be three octets long: gather them (`data::Gather`) before doing I/O.
    Body(&'b [u8]),
    /// A chunk that is not the last was taken (RFC 3030 2).
    Chunk(Pending<kind::Chunk>),
    /// The content is whole. A positive answer takes responsibility for it: first make it safe (RFC 5321 6.1).
    Message {
        /// What the content was like.
        content: Summary,
        /// The answer owed.
        pending: Pending<kind::Message>,
    },
    /// LMTP: the content is whole, and each accepted recipient is judged by itself, in their order (RFC 2033 4.2).
    Messages {
        /// What the content was like.
        content: Summary,
        /// The answers owed.
        pending: Pending<kind::Verdicts>,
    },
    /// STARTTLS: accepted by [`accept_tls`](super::Server::accept_tls) alone, refused by 454 4.7.0.
    StartTls(Pending<kind::StartTls>),
    /// AUTH: answered by a [`challenge`](super::Server::challenge), by [`authenticated`](super::Server::authenticated), or by a refusal
    /// such as 535 5.7.8.
    Auth {
        /// One of those that were offered.
        mechanism: Mechanism<'b>,
        /// What the client says at once; `None` is not the same as nothing (RFC 4954 4).
        initial: Option<Base64<'b>>,
        /// The answer owed.
        pending: Pending<kind::Auth>,
    },
    /// The response to a challenge.
    AuthLine {
        /// What the client says.
        data: Base64<'b>,
        /// The answer owed.
        pending: Pending<kind::Auth>,
    },
    /// The exchange of AUTH is over without an answer from here: the client cancelled it, or its line was no response.
    AuthCancelled,
    /// VRFY or EXPN, where `Config` offers it.
    Query {
        /// Which of them.
        verb: Verb,
        /// What is asked for.
        text: FreeText<'b>,
        /// The text is UTF-8, and the reply may be (RFC 6531 3.7.4.2).
        smtputf8: bool,
        /// The answer owed.
        pending: Pending<kind::Query>,
    },
    /// A verb that [`Config::declared`](super::Config::declared) has, where its keyword was offered.
    Extension {
        /// The verb, in the case it came in.
        verb: &'b str,
        /// What stands behind it and its space.
        text: FreeText<'b>,
        /// The answer owed.
        pending: Pending<kind::Extension>,
    },
    /// RSET, or an accepted EHLO or HELO in a transaction: sender and recipients are void.
    Reset,
    /// The machine refused something by itself.
    Refused(Refusal<'b>),
    /// The letter whose content is being received is void: throw away what came of it.
    Aborted(Why),
    /// QUIT, which was answered.
    Quit,
    /// The session is over; nothing more will come.
    Closed {
        /// What ended it.
        why: Why,
        /// Whether it ended in the middle of a message.
        mid_message: bool,
    },
}

/// How content is transferred.
///
/// ```
/// use smtp_proto::server::{Event, Transfer};
///
/// fn is_by_data(event: &Event<'_>) -> bool {
///     matches!(event, Event::Data { how: Transfer::Data, .. })
/// }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Transfer {
    /// By DATA, up to a line of one dot.
    Data,
    /// By BDAT, in chunks whose octets are counted (RFC 3030).
    Bdat,
}

/// What a content was like.
///
/// ```
/// use smtp_proto::server::Summary;
///
/// assert!(!Summary::default().repaired.any());
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Summary {
    /// Its length as the application got it, dots undone, over all chunks.
    pub octets: u64,
    /// What had to be repaired; nothing under `Newlines::Refuse`.
    pub repaired: Repairs,
    /// Whether it holds octets over 127.
    pub eight_bit: bool,
}

/// A refusal that the machine made itself.
///
/// ```
/// use smtp_proto::server::{Event, Refusal};
///
/// /// A line for the log: what was refused, with which reply, and why.
/// fn log(event: &Event<'_>) {
///     if let Event::Refused(Refusal { line, reply, why, .. }) = event {
///         println!("{why}: {} got {reply}", smtp_proto::Escaped(line));
///     }
/// }
/// ```
#[derive(Clone, Copy)]
#[non_exhaustive]
pub struct Refusal<'b> {
    /// The command line that was refused, without its CRLF. Empty where there is none to show: for one that is over its limit
    /// ([`Why::TooLong`]), for one that may hold a secret, for content and chunks, and where the application's answer was refused or did not
    /// come ([`Why::Unanswered`]). `reply` and `why` are what there is to tell of those.
    pub line: &'b [u8],
    /// What the peer was told.
    pub reply: Reply<'static>,
    /// Why.
    pub why: Why,
}

impl core::fmt::Debug for Refusal<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "Refusal({} to \"{}\": {})", self.reply, Escaped(self.line), self.why)
    }
}

/// Why something was refused or ended: the labels of logs and metrics.
///
/// ```
/// use smtp_proto::server::{Limit, Why};
///
/// assert_eq!(Why::Limit(Limit::Recipients).to_string(), "limit on recipients");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum Why {
    /// It does not parse.
    #[error("syntax")]
    Syntax,
    /// Another protocol, or a line of a message, came as a command.
    #[error("another protocol")]
    ForeignProtocol,
    /// It may not come now.
    #[error("order")]
    Order,
    /// It was not offered.
    #[error("not offered")]
    NotOffered,
    /// TLS has to come first.
    #[error("TLS required")]
    TlsRequired,
    /// AUTH has to come first.
    #[error("authentication required")]
    AuthRequired,
    /// RSET or a new hello in the middle of a letter.
    #[error("reset")]
    Reset,
    /// The exchange of AUTH was cancelled by the client.
    #[error("authentication cancelled")]
    Cancelled,
    /// The TLS handshake failed, or octets in the clear came in its place.
    #[error("TLS handshake")]
    Handshake,
    /// An address needs SMTPUTF8, which the transaction does not have.
    #[error("UTF-8 address without SMTPUTF8")]
    Utf8,
    /// All recipients were refused.
    #[error("no valid recipients")]
    NoRecipients,
    /// The line is too long.
    #[error("line too long")]
    TooLong,
    /// A limit was reached.
    #[error("limit on {0}")]
    Limit(Limit),
    /// The client did not wait where it has to.
    #[error("octets before their time")]
    Early,
    /// Stray CR, LF or NUL in the content.
    #[error("stray CR, LF or NUL")]
    Newline,
    /// The application owed an answer and gave none.
    #[error("no answer from the application")]
    Unanswered,
    /// The peer was too slow.
    #[error("time-out")]
    TimedOut,
    /// The peer closed.
    #[error("closed by the peer")]
    Eof,
    /// QUIT.
    #[error("QUIT")]
    Quit,
    /// The application answered 421.
    #[error("421 from the application")]
    Hangup,
    /// The server is shutting down.
    #[error("shut-down")]
    ShutDown,
}

/// Which limit.
///
/// ```
/// assert_eq!(smtp_proto::server::Limit::Idle.to_string(), "idle commands");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum Limit {
    /// `Limits::message`.
    #[error("message octets")]
    Message,
    /// `Limits::recipients`.
    #[error("recipients")]
    Recipients,
    /// `Limits::auth_attempts`.
    #[error("authentication attempts")]
    Auth,
    /// `Limits::errors`.
    #[error("errors")]
    Errors,
    /// `Limits::idle_commands`.
    #[error("idle commands")]
    Idle,
}

/// What the driver is to do once `next` says `None`.
///
/// ```
/// use std::io::{Read, Write};
/// use smtp_proto::Inbox;
/// use smtp_proto::server::{Server, Wants};
///
/// /// One turn of a driver that knows no time-outs; whether the session goes on.
/// fn turn(stream: &mut (impl Read + Write), server: &mut Server, inbox: &mut Inbox) -> std::io::Result<bool> {
///     match server.wants() {
///         Wants::Next => {}
///         Wants::Flush(_) => {
///             let octets = stream.write(server.outgoing())?;
///             server.sent(octets);
///         }
///         Wants::Read(_) | Wants::Answer(_) => {
///             if let Some(space) = inbox.space() {
///                 let octets = stream.read(space)?;
///                 inbox.filled(octets);
///                 if octets == 0 {
///                     server.eof();
///                 }
///             }
///         }
///         Wants::Tls(_) | Wants::Close => return Ok(false),
///     }
///     Ok(true)
/// }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "a driver is one match over them")]
pub enum Wants {
    /// Call `next`: something changed since it last said `None`.
    Next,
    /// Write `outgoing` and say `sent`. Reading meanwhile is allowed.
    Flush(Timer),
    /// Read, and call `next` with what came behind what was kept.
    Read(Timer),
    /// Wait for the application: answers are owed. Reading (bounded) notices the end, and brings recipients that may be decided meanwhile.
    Answer(Timer),
    /// Do the TLS handshake, with a new reader in which nothing is that came before it, then say `tls_established`. Where it fails, or
    /// cannot be done, close: nothing more may be said in the clear (RFC 3207 4).
    Tls(Timer),
    /// Shut down writing, read and drop at most 64 KiB or 2 seconds (else the kernel's reset eats the last reply), close.
    Close,
}

impl Wants {
    /// The timer that runs in this state.
    #[must_use]
    pub const fn timer(&self) -> Option<Timer> {
        match self {
            Self::Flush(timer) | Self::Read(timer) | Self::Answer(timer) | Self::Tls(timer) => {
                Some(*timer)
            }
            Self::Next | Self::Close => None,
        }
    }

    /// How long a driver reads and drops before it closes.
    pub const LINGER: Duration = Duration::from_secs(2);
    /// How many octets a driver reads and drops before it closes.
    pub const LINGER_OCTETS: usize = 64 * 1024;
}

/// What the last call of `next` took off the input: for transcripts, logs and metrics.
///
/// ```
/// use std::sync::Arc;
/// use smtp_proto::server::{Config, Server, Traffic};
///
/// let server = Server::new(Arc::new(Config::new("mx.test")?));
/// assert_eq!(server.last_taken(), Traffic::Nothing);
/// # Ok::<(), smtp_proto::ParseError>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Traffic {
    /// Nothing.
    #[default]
    Nothing,
    /// A command line.
    Command,
    /// A line of AUTH or of its exchange, or an over-long one where there is AUTH, which may hold a secret: overwrite it (`Inbox::wipe`), and show it nowhere.
    AuthSecret,
    /// Content of a message.
    Content,
    /// Octets that were skipped: of an over-long line, of a message that was refused, behind the end.
    Ignored,
}

/// When a shut-down takes effect.
///
/// ```
/// use smtp_proto::server::{Server, When};
/// use smtp_proto::{Code, Reply};
///
/// fn going_down(server: &mut Server) {
///     server.shut_down(&Reply::new(Code::UNAVAILABLE, None, "Going down, try again"), When::AfterMessage);
/// }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(clippy::exhaustive_enums, reason = "a letter in progress is either finished or not")]
pub enum When {
    /// A transaction that is open goes on to its end; all else ends now.
    AfterMessage,
    /// At once: an open transaction is void.
    Now,
}
