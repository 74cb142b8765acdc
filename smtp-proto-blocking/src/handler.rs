//! What a server decides, as calls: the API for programs that receive mail and do not want to see the protocol.

use smtp_proto::sasl::{self, Credentials, Exchange};
use smtp_proto::server::{Opening, Refusal, Summary, Verdict, Why};
use smtp_proto::{Host, Mail, Mechanism, Rcpt, ReplyBuf, TlsInfo, Verb, stock};

/// The decisions of one session, which [`serve`](crate::serve) runs.
///
/// The calls come one at a time and in the order of the commands, from the thread of the session. A thread cannot be interrupted: a call
/// that takes longer than a client waits (5 minutes, 10 for [`commit`](Self::commit), RFC 5321 4.5.3.2) loses the client. A panic costs
/// this session a 421, and nothing else.
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
/// connection is lost, a write failed - its `Letter` is dropped: so let dropping it throw away what came.
///
/// ```
/// use std::sync::mpsc::Sender;
///
/// use smtp_proto::server::{Opening, Summary, Verdict};
/// use smtp_proto::{Rcpt, ReplyBuf, stock};
/// use smtp_proto_blocking::Handler;
///
/// /// Hands all letters to example.org to another thread.
/// struct Office(Sender<Vec<u8>>);
///
/// impl Handler for Office {
///     type Letter = Vec<u8>;
///
///     fn rcpt(&mut self, rcpt: &Rcpt<'_>) -> Verdict {
///         match rcpt.to.mailbox() {
///             Some(mailbox) if mailbox.domain().to_string() != "example.org" => Err(stock::RELAYING_DENIED),
///             _ => Ok(None),
///         }
///     }
///
///     fn begin(&mut self, _: Opening) -> Result<Vec<u8>, ReplyBuf> {
///         Ok(Vec::new())
///     }
///
///     fn write(&mut self, letter: &mut Vec<u8>, octets: &[u8]) -> Result<(), ReplyBuf> {
///         letter.extend_from_slice(octets);
///         Ok(())
///     }
///
///     fn commit(&mut self, letter: Vec<u8>, _: Summary) -> Verdict {
///         self.0.send(letter).map_err(|_| stock::LOCAL_ERROR)?;
///         Ok(None)
///     }
/// }
/// ```
pub trait Handler {
    /// What [`begin`](Self::begin) opened: a file, a pipe, a transaction with the next server. Dropping it throws the letter away.
    type Letter;

    /// Whether to serve this peer: 220, or 421, 521 or 554.
    fn connect(&mut self) -> Verdict {
        Ok(None)
    }

    /// The session is encrypted from here on. What was said before is void; with TLS from the first octet this is the first call.
    fn tls(&mut self, info: &TlsInfo) {
        let _ = info;
    }

    /// EHLO or HELO. Of a positive reply the first line is said behind the host name.
    fn hello(&mut self, verb: Verb, name: Host<'_>) -> Verdict {
        let _ = (verb, name);
        Ok(None)
    }

    /// The server's side of a mechanism of AUTH that `Config::auth` offers: by default those that need no cryptography; others plug in here.
    /// An exchange that ends in [`Step::Authenticated`](smtp_proto::sasl::Step) has proved who is there, and `authenticate` is not asked.
    fn exchange(&mut self, mechanism: Mechanism<'_>) -> Option<Box<dyn Exchange>> {
        sasl::exchange(mechanism)
    }

    /// Whether the client is who it claims to be: 235, or 535. By default nobody is. What it may do then is decided in the other calls.
    fn authenticate(&mut self, credentials: &Credentials) -> Verdict {
        let _ = credentials;
        Err(stock::BAD_CREDENTIALS)
    }

    /// Whether to take letters from this sender. A transaction begins: what is known of one before is void.
    fn mail(&mut self, mail: &Mail<'_>) -> Verdict {
        let _ = mail;
        Ok(None)
    }

    /// Whether to take the letter for this recipient. By default nobody is known here.
    fn rcpt(&mut self, rcpt: &Rcpt<'_>) -> Verdict {
        let _ = rcpt;
        Err(stock::NO_SUCH_MAILBOX)
    }

    /// Opens a place for the content. The recipients are those that were accepted; `Err` refuses the content before it is sent.
    ///
    /// # Errors
    ///
    /// The reply.
    fn begin(&mut self, opening: Opening) -> Result<Self::Letter, ReplyBuf>;

    /// Adds octets, dots undone.
    ///
    /// # Errors
    ///
    /// The letter is dropped, the rest of it is drained, and this is the reply at its end.
    fn write(&mut self, letter: &mut Self::Letter, octets: &[u8]) -> Result<(), ReplyBuf>;

    /// The content is whole. `Ok` takes responsibility for the letter: first make it safe.
    fn commit(&mut self, letter: Self::Letter, content: Summary) -> Verdict;

    /// LMTP, behind a [`commit`](Self::commit) that took the letter: whether it is delivered to this recipient, the `nth` of those that
    /// were accepted, from 0. `Ok(None)` repeats what `commit` said (RFC 2033 4.2).
    fn recipient(&mut self, nth: u32) -> Verdict {
        let _ = nth;
        Ok(None)
    }

    /// VRFY or EXPN, where the configuration offers it. By default 252, which tells nothing.
    fn verify(&mut self, verb: Verb, text: &str) -> Verdict {
        let _ = (verb, text);
        Ok(None)
    }

    /// Sender and recipients are void: RSET, a new hello, or a letter that came to nothing otherwise than by [`commit`](Self::commit).
    fn reset(&mut self) {}

    /// The machine refused something by itself: for logs and statistics.
    fn refused(&mut self, refusal: &Refusal<'_>) {
        let _ = refusal;
    }

    /// The session is over; the last call.
    fn closed(&mut self, why: Why) {
        let _ = why;
    }
}
