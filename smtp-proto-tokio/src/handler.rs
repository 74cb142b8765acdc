//! What a server decides, as calls: the API for programs that receive mail and do not want to see the protocol.

use core::future::Future;

use smtp_proto::sasl::{self, Credentials, Exchange};
use smtp_proto::server::{Opening, Refusal, Summary, Verdict, Why};
use smtp_proto::{Host, Mail, Mechanism, Rcpt, ReplyBuf, TlsInfo, Verb, stock};

/// The decisions of one session; a [`Listener`](crate::Listener) makes one for each, [`serve`](crate::serve) runs it.
///
/// The calls come one at a time and in the order of the commands. Each may take its time: `Limits::answer_wait`, for
/// [`commit`](Self::commit) `Limits::message_wait`; replies that are due leave meanwhile. When that time is over the future is dropped,
/// and the client is told 451 4.3.0. A panic costs this session a 421, and nothing else.
///
/// An `Err` of 421 closes the session behind it, any other refuses what was asked. An `Err` that accepts and an `Ok` that refuses were
/// not meant: the client is told 451 4.3.0.
///
/// Defaults fail closed: a handler that implements only what it must serves, and takes no letter.
///
/// # A letter
///
/// [`begin`](Self::begin) opens a place for the content, [`write`](Self::write) fills it with blocks of about 16 KiB, and
/// [`commit`](Self::commit) makes it safe; 250 leaves after that (RFC 5321 6.1). Whatever else becomes of a letter - it is too big, the
/// connection is lost, a call took too long - its `Letter` is dropped: so let dropping it throw away what came.
///
/// ```
/// use std::sync::{Arc, Mutex};
///
/// use smtp_proto::server::{Opening, Summary, Verdict};
/// use smtp_proto::{Mail, Rcpt, ReplyBuf, stock};
/// use smtp_proto_tokio::Handler;
///
/// /// Keeps all letters to example.org in memory.
/// struct Office {
///     letters: Arc<Mutex<Vec<Vec<u8>>>>,
/// }
///
/// impl Handler for Office {
///     type Letter = Vec<u8>;
///
///     async fn rcpt(&mut self, rcpt: &Rcpt<'_>) -> Verdict {
///         match rcpt.to.mailbox() {
///             Some(mailbox) if mailbox.domain().to_string() != "example.org" => Err(stock::RELAYING_DENIED),
///             _ => Ok(None),
///         }
///     }
///
///     async fn begin(&mut self, _: Opening) -> Result<Vec<u8>, ReplyBuf> {
///         Ok(Vec::new())
///     }
///
///     async fn write(&mut self, letter: &mut Vec<u8>, octets: &[u8]) -> Result<(), ReplyBuf> {
///         letter.extend_from_slice(octets);
///         Ok(())
///     }
///
///     async fn commit(&mut self, letter: Vec<u8>, _: Summary) -> Verdict {
///         self.letters.lock().map_err(|_| stock::LOCAL_ERROR)?.push(letter);
///         Ok(None)
///     }
/// }
/// ```
pub trait Handler: Send + 'static {
    /// What [`begin`](Self::begin) opened: a file, a pipe, a transaction with the next server. Dropping it throws the letter away.
    type Letter: Send;

    /// Whether to serve this peer: 220, or 421, 521 or 554.
    fn connect(&mut self) -> impl Future<Output = Verdict> + Send {
        async { Ok(None) }
    }

    /// The session is encrypted from here on. What was said before is void; with TLS from the first octet this is the first call.
    fn tls(&mut self, info: &TlsInfo) -> impl Future<Output = ()> + Send {
        let _ = info;
        async {}
    }

    /// EHLO or HELO. Of a positive reply the first line is said behind the host name.
    fn hello(&mut self, verb: Verb, name: Host<'_>) -> impl Future<Output = Verdict> + Send {
        let _ = (verb, name);
        async { Ok(None) }
    }

    /// The server's side of a mechanism of AUTH that `Config::auth` offers: by default those that need no cryptography; others plug in here.
    /// An exchange that ends in [`Step::Authenticated`](smtp_proto::sasl::Step) has proved who is there, and `authenticate` is not asked.
    fn exchange(&mut self, mechanism: Mechanism<'_>) -> Option<Box<dyn Exchange>> {
        sasl::exchange(mechanism)
    }

    /// Whether the client is who it claims to be: 235, or 535. By default nobody is. What it may do then is decided in the other calls.
    fn authenticate(&mut self, credentials: &Credentials) -> impl Future<Output = Verdict> + Send {
        let _ = credentials;
        async { Err(stock::BAD_CREDENTIALS) }
    }

    /// Whether to take letters from this sender. A transaction begins: what is known of one before is void.
    fn mail(&mut self, mail: &Mail<'_>) -> impl Future<Output = Verdict> + Send {
        let _ = mail;
        async { Ok(None) }
    }

    /// Whether to take the letter for this recipient. By default nobody is known here.
    fn rcpt(&mut self, rcpt: &Rcpt<'_>) -> impl Future<Output = Verdict> + Send {
        let _ = rcpt;
        async { Err(stock::NO_SUCH_MAILBOX) }
    }

    /// Opens a place for the content. The recipients are those that were accepted; `Err` refuses the content before it is sent.
    fn begin(
        &mut self,
        opening: Opening,
    ) -> impl Future<Output = Result<Self::Letter, ReplyBuf>> + Send;

    /// Adds octets, dots undone. After `Err` the letter is dropped, the rest of it is drained, and this is the reply at its end.
    fn write(
        &mut self,
        letter: &mut Self::Letter,
        octets: &[u8],
    ) -> impl Future<Output = Result<(), ReplyBuf>> + Send;

    /// The content is whole. `Ok` takes responsibility for the letter: first make it safe.
    fn commit(
        &mut self,
        letter: Self::Letter,
        content: Summary,
    ) -> impl Future<Output = Verdict> + Send;

    /// LMTP: after [`commit`](Self::commit) said yes, what became of the letter for each accepted recipient, in their order, from 0.
    fn recipient(&mut self, nth: u32) -> impl Future<Output = Verdict> + Send {
        let _ = nth;
        async { Ok(None) }
    }

    /// VRFY or EXPN, where the configuration offers it. By default 252, which tells nothing.
    fn verify(&mut self, verb: Verb, text: &str) -> impl Future<Output = Verdict> + Send {
        let _ = (verb, text);
        async { Ok(None) }
    }

    /// Sender and recipients are void: RSET, a new hello, or a letter that came to nothing otherwise than by [`commit`](Self::commit).
    fn reset(&mut self) -> impl Future<Output = ()> + Send {
        async {}
    }

    /// The machine refused something by itself: for logs and statistics.
    fn refused(&mut self, refusal: &Refusal<'_>) -> impl Future<Output = ()> + Send {
        let _ = refusal;
        async {}
    }

    /// The session is over; the last call.
    fn closed(&mut self, why: Why) -> impl Future<Output = ()> + Send {
        let _ = why;
        async {}
    }
}
