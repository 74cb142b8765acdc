//! The manual: how the parts are meant to be used together. It holds no code.
//!
//! # Where does my feature go?
//!
//! The machines speak SMTP and decide nothing. Whatever a mail system adds goes into one of five places:
//!
//! | feature | place |
//! |---|---|
//! | [queue id in the reply](#a-queue-id-in-the-reply) | the answer to `Message` |
//! | [greylisting, tarpit, a look-up that takes time](#greylisting-and-a-tarpit) | a token that is held |
//! | [SPF](#spf-dkim-arc-and-milters) | `Mail` and `Rcpt`, with the peer's address, which the driver knows |
//! | [DKIM, ARC, milters, virus scan](#spf-dkim-arc-and-milters) | `Body`, and the answer to `Message` |
//! | [limits for one user or peer](#limits-for-one-user) | `reconfigure` |
//! | [PROXY protocol, a block list](#in-front-of-the-session) | in front of `Server::new` |
//! | [DANE, MTA-STS](#dane-and-mta-sts) | the TLS library's verifier, one for each connection |
//! | a keyword, verb or parameter of your own | [`Declaration`](crate::Declaration) |
//!
//! ## A queue id in the reply
//!
//! The reply to a message is any reply. It is given after the message is safe (RFC 5321 6.1).
//!
//! ```
//! use smtp_proto::server::{Pending, ReplyError, Server, kind};
//! use smtp_proto::{Code, Condition, Reply};
//!
//! fn queued(server: &mut Server, pending: Pending<kind::Message>, id: u64) -> Result<(), ReplyError> {
//!     let text = format!("queued as {id:X}");
//!     let condition = Condition::OTHER_UNDEFINED_STATUS.success();
//!     server.reply(pending, &Reply::new(Code::OK, Some(condition), &text))
//! }
//! ```
//!
//! ## Greylisting and a tarpit
//!
//! A [`Pending`](crate::server::Pending) borrows nothing: keep it, ask a database, answer when the answer is there. Replies stay in the
//! order of the commands, and recipients that come meanwhile are asked of, too. Who says nothing in `Limits::answer_wait` is answered
//! 451 4.3.0. A delay is a token that is held for a while.
//!
//! ```
//! use std::collections::VecDeque;
//! use std::time::{Duration, Instant};
//!
//! use smtp_proto::server::{Event, Pending, Server, kind};
//! use smtp_proto::stock;
//!
//! /// Recipients that are put off, each until its time.
//! #[derive(Default)]
//! struct Greylist {
//!     held: VecDeque<(Instant, Pending<kind::Rcpt>)>,
//! }
//!
//! impl Greylist {
//!     fn take(&mut self, server: &mut Server, event: Event<'_>) {
//!         match event {
//!             Event::Rcpt { pending, .. } => self.held.push_back((Instant::now() + Duration::from_secs(2), pending)),
//!             other => server.decline(other),
//!         }
//!     }
//!
//!     /// To be called at each turn of the driver's loop.
//!     fn answer_due(&mut self, server: &mut Server) {
//!         let due = self.held.iter().take_while(|(due, _)| *due <= Instant::now()).count();
//!         for (_, pending) in self.held.drain(..due) {
//!             // A session that is over takes no answer, and needs none.
//!             let _ = server.reply(pending, &stock::NOT_YET.as_ref());
//!         }
//!     }
//! }
//! ```
//!
//! ## SPF, DKIM, ARC and milters
//!
//! SPF is decided at `Mail` or `Rcpt`, by the name of `Hello`, the reverse-path and the address of the peer. What looks into the letter
//! gets every octet of it as [`Body`](crate::server::Event::Body) runs, dots undone, before the message is answered; a milter is a peer
//! that is fed the same events in the same order. Header fields end at the first empty line, and a run may end anywhere:
//!
//! ```
//! /// Cuts the header section off the front of runs of content.
//! #[derive(Default)]
//! struct Splitter {
//!     header: Vec<u8>,
//!     whole: bool,
//! }
//!
//! impl Splitter {
//!     /// Takes a run; what of it belongs to the body.
//!     fn push<'b>(&mut self, run: &'b [u8]) -> &'b [u8] {
//!         if self.whole {
//!             return run;
//!         }
//!         let before = self.header.len();
//!         self.header.extend_from_slice(run);
//!         let from = before.saturating_sub(3);
//!         let blank = self.header[from..].windows(4).position(|four| four == b"\r\n\r\n").map(|at| from + at + 4);
//!         // No header field at all (RFC 5322 2.1).
//!         let empty = self.header.starts_with(b"\r\n").then_some(2);
//!         let Some(end) = empty.or(blank) else { return &[] };
//!         self.header.truncate(end);
//!         self.whole = true;
//!         &run[end - before..]
//!     }
//! }
//!
//! let mut splitter = Splitter::default();
//! let body: Vec<&[u8]> = ["To: b\r", "\n\r\nHel", "lo\r\n"].iter().map(|run| splitter.push(run.as_bytes())).collect();
//! assert_eq!((splitter.header.as_slice(), body.concat()), (&b"To: b\r\n\r\n"[..], b"Hello\r\n".to_vec()));
//! let mut bare = Splitter::default();
//! assert_eq!((bare.push(b"\r\nHello\r\n\r\n"), bare.header.as_slice()), (&b"Hello\r\n\r\n"[..], &b"\r\n"[..]));
//! ```
//!
//! Bound the header that you keep: what is over a limit of yours is refused in the answer to `Message`.
//!
//! ## Limits for one user
//!
//! A session takes another [`Config`](crate::server::Config) whenever it is known who is there, at once or when the transaction is over:
//!
//! ```
//! use std::sync::Arc;
//! use smtp_proto::server::{Config, Server};
//!
//! let everyone = Arc::new(Config::new("mail.test")?);
//! let mut server = Server::new(Arc::clone(&everyone));
//! // Behind AUTH, say:
//! let mut config = Config::clone(&everyone);
//! config.limits.message = 200 * 1024 * 1024;
//! server.reconfigure(Arc::new(config));
//! assert_eq!(server.config().limits.message, 200 * 1024 * 1024);
//! # Ok::<(), smtp_proto::ParseError>(())
//! ```
//!
//! What EHLO offered stays in force until the next EHLO or STARTTLS, no less and no more: a verb or parameter that it offered is served,
//! and a larger message is taken only once SIZE has said so. Stricter limits hold at once, under the codes that tell of them.
//!
//! ## In front of the session
//!
//! The header of the PROXY protocol comes before the greeting and is no SMTP: read it off the stream, take the address of the client from
//! it, and give the stream to a session then. A block list is asked there, too, or answered to `Connect`: 554, and the peer can only QUIT.
//!
//! ## DANE and MTA-STS
//!
//! A [`Client`](crate::client::Client) says *when* TLS begins and never goes on in the clear where TLS is required. *Whom* to trust is the
//! TLS library's business: make a verifier for each connection, from the TLSA records or the policy of the domain that the letter goes to,
//! and hand it to the adapter's connector.
