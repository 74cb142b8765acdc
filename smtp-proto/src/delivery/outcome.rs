//! What a delivery tells: the fate of every recipient, and when content is due.

use super::Unsendable;
use crate::{Class, Reply};

/// What became of a letter for one recipient.
///
/// ```
/// use smtp_proto::delivery::Fate;
///
/// /// Whether a queue keeps the recipient.
/// fn try_again(fate: Fate) -> bool {
///     matches!(fate, Fate::Transient | Fate::Unknown)
/// }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(clippy::exhaustive_enums, reason = "every sender has to tell these apart")]
pub enum Fate {
    /// The server took responsibility.
    Delivered,
    /// Not now: try again later.
    Transient,
    /// No: tell the sender.
    Permanent,
    /// The connection was lost behind the final dot: the server may have it (RFC 1047).
    Unknown,
}

impl Fate {
    pub(super) const fn of(class: Class) -> Self {
        match class {
            Class::Completion | Class::Intermediate => Self::Delivered,
            Class::Transient => Self::Transient,
            Class::Permanent => Self::Permanent,
        }
    }
}

/// Of whom a [`Settled`](Event::Settled) speaks: one reply may settle many.
///
/// ```
/// use smtp_proto::delivery::{Delivery, Of};
///
/// fn how_many(delivery: &Delivery<'_>, of: Of) -> usize {
///     delivery.recipients(of).count()
/// }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(
    clippy::exhaustive_enums,
    reason = "a reply is to one recipient, to the accepted or to all"
)]
pub enum Of {
    /// This recipient.
    One(usize),
    /// Everyone whom the server accepted in this transaction.
    Accepted,
    /// Everyone who is not settled yet.
    Rest,
}

/// What became of the recipients, and by which reply.
///
/// ```
/// use smtp_proto::delivery::Outcome;
///
/// fn show(outcome: &Outcome<'_>) -> String {
///     match outcome.reply {
///         Some(reply) => format!("{:?}: {reply}", outcome.fate),
///         None => format!("{:?}", outcome.fate),
///     }
/// }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "an outcome has these three parts")]
pub struct Outcome<'b> {
    /// What became of them.
    pub fate: Fate,
    /// The reply that decided; `None` where none did.
    pub reply: Option<Reply<'b>>,
    /// What that was a reply to, or what decided without one.
    pub cause: Cause,
}

impl Outcome<'_> {
    /// Where no reply decided.
    #[must_use]
    pub const fn without_reply(fate: Fate, cause: Cause) -> Self {
        Self { fate, reply: None, cause }
    }
}

/// What decided the fate of a recipient.
///
/// ```
/// use smtp_proto::delivery::{Cause, Outcome};
///
/// /// Whether the recipient's own address is at fault.
/// fn is_of_the_address(outcome: &Outcome<'_>) -> bool {
///     outcome.cause == Cause::Rcpt
/// }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Cause {
    /// The reply to MAIL.
    Mail,
    /// The reply to RCPT.
    Rcpt,
    /// The reply to DATA.
    Data,
    /// The reply to the content, or to a part of it.
    Content,
    /// The session ended, or is another one than the letter was planned for; the reply is a 421 to something else, where there is one.
    Session,
    /// The server takes no more letters, or domains, in one session (RFC 9422 4): another one may carry the letter.
    Limit,
    /// The letter, or this recipient, cannot go to this server. Nothing was sent.
    Unsendable(Unsendable),
}

/// How a delivery goes on.
///
/// ```
/// use smtp_proto::delivery::{Delivery, Event};
///
/// fn log(delivery: &Delivery<'_>, event: &Event<'_>) {
///     if let Event::Settled { of, outcome } = event {
///         for index in delivery.recipients(*of) {
///             println!("recipient {index}: {:?}", outcome.fate);
///         }
///     }
/// }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event<'b> {
    /// Recipients are settled; [`Delivery::recipients`](super::Delivery::recipients) says which.
    Settled {
        /// Of whom it speaks.
        of: Of,
        /// What became of them.
        outcome: Outcome<'b>,
    },
    /// Feed the content now, by [`Delivery::body`](super::Delivery::body) and [`Delivery::finish`](super::Delivery::finish), from its first octet: it may be asked for again where the
    /// server takes no more recipients in one transaction.
    Content,
    /// Every recipient is settled.
    Done {
        /// Whether the session can carry another letter.
        reusable: bool,
    },
}
