//! The letter in hand, for drivers that serve a program by calls instead of handing it events.

use super::{Acceptable, Kind, Pending, ReplyError, Server, Transfer, kind};
use crate::ReplyBuf;
use crate::data::Gather;

/// What a program decided.
///
/// `Ok(None)` is the stock positive reply, `Ok(Some(_))` another one: 251, or `250 2.0.0 queued as 4711`. `Err` refuses. The replies of
/// [`stock`](crate::stock) allocate nothing.
///
/// ```
/// use smtp_proto::server::Verdict;
/// use smtp_proto::stock;
///
/// fn room_left(octets: u64) -> Verdict {
///     if octets > 0 { Ok(None) } else { Err(stock::MAILBOX_FULL) }
/// }
/// assert!(room_left(0).is_err());
/// ```
pub type Verdict = Result<Option<ReplyBuf>, ReplyBuf>;

/// What is known of a letter where its content begins.
///
/// ```
/// use std::sync::Arc;
///
/// use smtp_proto::server::{Config, Server, Transfer};
///
/// let server = Server::new(Arc::new(Config::new("mx.test")?));
/// let opening = server.opening(Transfer::Data);
/// assert_eq!((opening.protocol, opening.recipients), ("SMTP", 0));
/// # Ok::<(), smtp_proto::ParseError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Opening {
    /// How the content will come.
    pub how: Transfer,
    /// The `with` keyword of the Received field: see [`Server::protocol`].
    pub protocol: &'static str,
    /// Recipients that were accepted.
    pub recipients: u32,
}

impl Server {
    /// Gives the answer that a verdict stands for.
    ///
    /// # Errors
    ///
    /// As [`reply`](Self::reply). [`ReplyError::Unsuitable`] also where the class of the reply contradicts the verdict: an `Err` never
    /// accepts anything, and an `Ok` that refuses was not meant.
    pub fn decide<K: Acceptable>(
        &mut self,
        pending: Pending<K>,
        verdict: Verdict,
    ) -> Result<(), ReplyError> {
        match verdict {
            Ok(None) => self.accept(pending),
            Ok(Some(reply)) => self.decide_by(pending, Ok(reply)),
            Err(reply) => self.decide_by(pending, Err(reply)),
        }
    }

    /// Gives the answer that a verdict stands for to the first recipient of a content who is not judged yet, in LMTP. Gives the token back
    /// while others are left.
    ///
    /// # Errors
    ///
    /// As [`decide`](Self::decide); whoever is left got 451 4.3.0.
    pub fn judge(
        &mut self,
        pending: Pending<kind::Verdicts>,
        verdict: Verdict,
    ) -> Result<Option<Pending<kind::Verdicts>>, ReplyError> {
        let positive = verdict.is_ok();
        let stock = kind::Verdicts::QUESTION.stock();
        let reply = match &verdict {
            Ok(None) => stock,
            Ok(Some(reply)) | Err(reply) => reply.as_ref(),
        };
        if reply.class().is_positive() == positive {
            return self.verdict(pending, &reply);
        }
        self.reply(pending, &crate::stock::LOCAL_ERROR.as_ref())?;
        Err(ReplyError::Unsuitable)
    }

    /// Gives a reply whose class has to be that of the verdict.
    pub(super) fn decide_by<K: Kind>(
        &mut self,
        pending: Pending<K>,
        verdict: Result<ReplyBuf, ReplyBuf>,
    ) -> Result<(), ReplyError> {
        let positive = verdict.is_ok();
        let (Ok(reply) | Err(reply)) = verdict;
        if reply.as_ref().class().is_positive() == positive {
            return self.reply(pending, &reply.as_ref());
        }
        self.reply(pending, &crate::stock::LOCAL_ERROR.as_ref())?;
        Err(ReplyError::Unsuitable)
    }

    /// What is known where a content begins, for [`Event::Data`](super::Event::Data).
    #[must_use]
    pub fn opening(&self, how: Transfer) -> Opening {
        Opening { how, protocol: self.protocol(), recipients: self.accepted() }
    }
}

/// The letter whose content is coming in, its runs gathered to blocks that are worth a write.
///
/// `L` is what a program opened for it: a file, say. It is dropped as soon as the letter comes to nothing, so that dropping it is the way
/// to throw it away.
///
/// ```
/// use smtp_proto::server::Incoming;
/// use smtp_proto::stock;
///
/// let mut incoming = Incoming::new();
/// incoming.open(Vec::new());
/// for run in [&b"hel"[..], b"lo\r\n"] {
///     if let Some((file, blocks)) = incoming.push(run) {
///         blocks.iter().for_each(|block| file.extend_from_slice(block));
///     }
/// }
/// if let Some((file, block)) = incoming.rest() {
///     file.extend_from_slice(block);
/// }
/// assert_eq!(incoming.close(), Ok(b"hello\r\n".to_vec()));
///
/// incoming.open(Vec::new());
/// incoming.fail(stock::NO_SPACE);
/// assert_eq!(incoming.refusal(), Some(&stock::NO_SPACE));
/// assert!(incoming.push(b"hello\r\n").is_none());
/// assert_eq!(incoming.close(), Err(stock::NO_SPACE));
/// ```
#[derive(Debug)]
pub struct Incoming<L> {
    letter: Option<L>,
    gather: Gather,
    /// The reply at the end of a letter that came to nothing.
    refusal: Option<ReplyBuf>,
}

impl<L> Default for Incoming<L> {
    fn default() -> Self {
        Self::new()
    }
}

impl<L> Incoming<L> {
    /// No letter; nothing allocated.
    #[must_use]
    pub const fn new() -> Self {
        Self { letter: None, gather: Gather::new(), refusal: None }
    }

    /// A content begins.
    pub fn open(&mut self, letter: L) {
        *self = Self { letter: Some(letter), ..Self::new() };
    }

    /// Adds a run: what is to be written now, in this order; both slices may be empty. `None` where it is only drained.
    #[must_use]
    pub fn push<'a>(&'a mut self, run: &'a [u8]) -> Option<(&'a mut L, [&'a [u8]; 2])> {
        let letter = self.letter.as_mut()?;
        Some((letter, self.gather.push(run)))
    }

    /// The content is whole: what is left to be written, which may be empty. `None` where it was only drained.
    #[must_use]
    pub fn rest(&mut self) -> Option<(&mut L, &[u8])> {
        let letter = self.letter.as_mut()?;
        Some((letter, self.gather.rest()))
    }

    /// The reply at the end of a letter that came to nothing: each chunk that still comes is answered so, too.
    #[must_use]
    pub const fn refusal(&self) -> Option<&ReplyBuf> {
        self.refusal.as_ref()
    }

    /// The letter cannot be kept: it is dropped, the rest of it is drained, and `refusal` is the reply at its end. The first one counts.
    pub fn fail(&mut self, refusal: ReplyBuf) {
        let first = self.refusal.take();
        *self = Self { refusal: first.or(Some(refusal)), ..Self::new() };
    }

    /// The content is whole and written. `Err` says with which reply it is refused: 451 4.3.0 where none is known.
    ///
    /// # Errors
    ///
    /// The letter came to nothing.
    pub fn close(&mut self) -> Result<L, ReplyBuf> {
        let Self { letter, refusal, .. } = core::mem::take(self);
        letter.ok_or_else(|| refusal.unwrap_or(crate::stock::LOCAL_ERROR))
    }

    /// The letter is void: it is dropped.
    pub fn discard(&mut self) {
        *self = Self::new();
    }
}

#[cfg(test)]
mod tests {
    use alloc::rc::Rc;
    use alloc::string::String;
    use alloc::sync::Arc;
    use alloc::vec;
    use alloc::vec::Vec;

    use super::*;
    use crate::server::{Config, Event};
    use crate::{Code, stock};

    #[test]
    fn runs_are_gathered_to_16_kib() {
        let mut incoming = Incoming::new();
        incoming.open(Vec::new());
        for _ in 0..10_000 {
            let (writes, blocks) = incoming.push(b"seven\r\n").unwrap();
            writes.extend(blocks.iter().map(|block| block.len()).filter(|&octets| octets > 0));
        }
        let (writes, rest) = incoming.rest().unwrap();
        writes.push(rest.len());
        let writes = incoming.close().unwrap();
        assert_eq!(writes.iter().sum::<usize>(), 70_000);
        assert!(writes.len() <= 9, "{writes:?}");
    }

    #[test]
    fn a_letter_that_comes_to_nothing_is_dropped_at_once() {
        let alive = Rc::new(());
        let mut incoming = Incoming::new();
        incoming.open(Rc::clone(&alive));
        incoming.fail(stock::NO_SPACE);
        incoming.fail(stock::LOCAL_ERROR);
        assert_eq!(Rc::strong_count(&alive), 1);
        assert_eq!(incoming.close(), Err(stock::NO_SPACE));
        incoming.open(Rc::clone(&alive));
        incoming.discard();
        assert_eq!(Rc::strong_count(&alive), 1);
        assert_eq!(incoming.close(), Err(stock::LOCAL_ERROR));
    }

    #[test]
    fn a_verdict_that_contradicts_its_reply_is_451() {
        let ok = stock::CANNOT_VERIFY;
        for (verdict, result, reply) in [
            (Ok(None), Ok(()), "250 2.1.5 Recipient accepted\r\n"),
            (Ok(Some(ok.clone())), Ok(()), "252 2.0.0 Cannot verify, but will take a message\r\n"),
            (Err(stock::RELAYING_DENIED), Ok(()), "550 5.7.1 Relaying denied\r\n"),
            (Err(ok), Err(ReplyError::Unsuitable), "451 4.3.0 Local error in processing\r\n"),
            (
                Ok(Some(stock::RELAYING_DENIED)),
                Err(ReplyError::Unsuitable),
                "451 4.3.0 Local error in processing\r\n",
            ),
        ] {
            let mut server = Server::new(Arc::new(Config::new("mx.test").unwrap()));
            for mut line in ["", "EHLO c.test\r\n", "MAIL FROM:<>\r\n"].map(str::as_bytes) {
                let event = server.next(&mut line).unwrap();
                server.decline(event);
                while server.next(&mut line).is_some() {}
            }
            server.sent(usize::MAX);
            let mut line = &b"RCPT TO:<a@b.test>\r\n"[..];
            let Some(Event::Rcpt { pending, .. }) = server.next(&mut line) else { panic!() };
            assert_eq!(server.decide(pending, verdict), result);
            assert_eq!(String::from_utf8_lossy(server.outgoing()), reply);
            assert_ne!(server.accepted() == 1, result.is_err() || reply.starts_with("55"));
        }
        assert_eq!(stock::LOCAL_ERROR.as_ref().code(), Code::LOCAL_ERROR);
    }

    #[test]
    fn each_recipient_of_lmtp_is_judged_by_itself() {
        let decided = |verdicts: Vec<Verdict>| {
            let mut server = Server::new(Arc::new(Config::lmtp("mx.test").unwrap()));
            let mut pending = None;
            for line in [
                "",
                "LHLO c.test\r\n",
                "MAIL FROM:<>\r\nRCPT TO:<a@b.test>\r\nRCPT TO:<b@b.test>\r\nDATA\r\n",
                "x\r\n.\r\n",
            ] {
                server.sent(usize::MAX);
                let mut line = line.as_bytes();
                while let Some(event) = server.next(&mut line) {
                    match event {
                        Event::Rcpt { pending, .. } => server.accept(pending).unwrap(),
                        Event::Messages { pending: owed, .. } => pending = Some(owed),
                        other => server.decline(other),
                    }
                }
            }
            let mut results = Vec::new();
            for verdict in verdicts {
                if let Some(owed) = pending.take() {
                    let result = server.judge(owed, verdict);
                    results.push(result.as_ref().map(Option::is_some).map_err(|error| *error));
                    pending = result.ok().flatten();
                }
            }
            (results, String::from_utf8_lossy(server.outgoing()).into_owned())
        };
        let (results, said) = decided(vec![Ok(None), Err(stock::MAILBOX_FULL)]);
        assert_eq!(results, [Ok(true), Ok(false)]);
        assert_eq!(said, "250 2.0.0 Message accepted\r\n452 4.2.2 Mailbox full\r\n");
        let (results, said) = decided(vec![Ok(Some(stock::MAILBOX_FULL)), Ok(None)]);
        assert_eq!(results, [Err(ReplyError::Unsuitable)]);
        assert_eq!(said, "451 4.3.0 Local error in processing\r\n".repeat(2));
    }
}
