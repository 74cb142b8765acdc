//! The envelope of a letter: from whom, and to whom.

use alloc::vec::Vec;

use crate::wire::{ForwardPath, Mailbox, ReversePath};
use crate::{Mail, MailBuf, MailParams, ParseError, Rcpt, RcptBuf};

/// From whom a letter is and to whom it goes, with what the sender wants to hear of it.
///
/// ```
/// use smtp_proto::delivery::Envelope;
///
/// let envelope = Envelope::new("me@x.test", ["you@y.test", "postmaster"])?;
/// assert_eq!(envelope.recipients().count(), 2);
/// # Ok::<(), smtp_proto::ParseError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Envelope<'e> {
    mail: Mail<'e>,
    rcpts: Vec<Rcpt<'e>>,
    trusts_auth: bool,
}

impl<'e> Envelope<'e> {
    /// The envelope of these addresses, without angle brackets; an empty `from` is the null sender.
    ///
    /// # Errors
    ///
    /// The first address that does not parse, and where.
    pub fn new(from: &'e str, to: impl IntoIterator<Item = &'e str>) -> Result<Self, ParseError> {
        let from = match from {
            "" => ReversePath::Null,
            _ => ReversePath::Mailbox(Mailbox::parse(from.as_bytes())?),
        };
        let rcpt = |to: &'e str| {
            let to = match to.eq_ignore_ascii_case("postmaster") {
                true => ForwardPath::Postmaster,
                false => ForwardPath::Mailbox(Mailbox::parse(to.as_bytes())?),
            };
            Ok(Rcpt { to, params: Default::default() })
        };
        let rcpts = to.into_iter().map(rcpt).collect::<Result<_, ParseError>>()?;
        let mail = Mail { from, params: MailParams::default() };
        Ok(Self { mail, rcpts, trusts_auth: false })
    }

    /// The envelope that a queue kept: parameters that are neither of DSN nor AUTH are made anew for each server.
    #[must_use]
    pub fn of(mail: &'e MailBuf, rcpts: &'e [RcptBuf]) -> Self {
        let rcpts = rcpts.iter().map(RcptBuf::as_ref).collect();
        Self { mail: mail.as_ref(), rcpts, trusts_auth: false }
    }

    /// Whoever handed the letter in is trusted to say who submitted it: AUTH= is passed on as it came, and not as `AUTH=<>` (RFC 4954 5).
    #[must_use]
    pub fn with_trusted_auth(self) -> Self {
        Self { trusts_auth: true, ..self }
    }

    /// Who submitted the letter, for a server that offers AUTH; `None` where it came without a word of it.
    pub(super) fn auth(&self) -> Option<&'e str> {
        let auth = self.mail.params.auth()?;
        Some(if self.trusts_auth { auth.as_str() } else { "<>" })
    }

    /// The sender.
    #[must_use]
    pub const fn from(&self) -> ReversePath<'e> {
        self.mail.from
    }

    /// The parameters of MAIL that came with the letter.
    #[must_use]
    pub const fn params(&self) -> MailParams<'e> {
        self.mail.params
    }

    /// The recipients, in order.
    pub fn recipients(&self) -> impl Iterator<Item = Rcpt<'e>> + '_ {
        self.rcpts.iter().copied()
    }
}
