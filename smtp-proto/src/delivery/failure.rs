//! Why a letter did not get through, where no reply to the letter says it.

use super::{Cause, Fate, Outcome, Unsendable};
use crate::client::{self, IntroductionError, Misuse};
use crate::data::ContentFault;

/// What went wrong in a session of a client, over a transport whose errors are `E`.
///
/// ```
/// use smtp_proto::delivery::Failure;
///
/// /// Whether the same server may take the letter later.
/// fn try_again<E>(failure: &Failure<E>) -> bool {
///     !matches!(failure, Failure::Unsendable(_) | Failure::Content(_) | Failure::Misuse(_))
/// }
/// # assert!(try_again(&Failure::<std::io::Error>::Session(smtp_proto::client::Error::Eof)));
/// ```
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Failure<E> {
    /// It did not come so far that a letter could be sent. Where the session was still good the server was told QUIT.
    #[error(transparent)]
    Introduction(IntroductionError),
    /// The session cannot go on: the server said what it may not, nothing in time, or nothing more.
    #[error(transparent)]
    Session(#[from] client::Error),
    /// The connection broke.
    #[error("the connection was lost: {0}")]
    Connection(#[source] E),
    /// The letter cannot go to this server. Nothing of it was sent.
    #[error(transparent)]
    Unsendable(#[from] Unsendable),
    /// The source of the content failed. The letter was not ended, and the session is over.
    #[error("the content cannot be read: {0}")]
    Source(#[source] E),
    /// The content holds what DATA cannot carry. The letter was not ended, and the session is over.
    #[error("the content cannot be sent: {0}")]
    Content(ContentFault),
    /// The call may not be made now.
    #[error(transparent)]
    Misuse(Misuse),
}

/// What is wrong with the session as such is not of the introduction alone.
impl<E> From<IntroductionError> for Failure<E> {
    fn from(error: IntroductionError) -> Self {
        match error {
            IntroductionError::Session(error) => Self::Session(error),
            IntroductionError::Misuse(misuse) => Self::Misuse(misuse),
            refused => Self::Introduction(refused),
        }
    }
}

impl<E> From<Misuse> for Failure<E> {
    fn from(misuse: Misuse) -> Self {
        match misuse {
            Misuse::Stray(fault) => Self::Content(fault),
            other => Self::Misuse(other),
        }
    }
}

impl<E> Failure<E> {
    /// What becomes of a recipient whom this error leaves at `fate`: what cannot go as it is will not go later.
    #[must_use]
    pub const fn outcome(&self, fate: Fate) -> Outcome<'static> {
        match self {
            Self::Unsendable(why) => {
                Outcome::without_reply(Fate::Permanent, Cause::Unsendable(*why))
            }
            Self::Content(_) => Outcome::without_reply(Fate::Permanent, Cause::Content),
            _ => Outcome::without_reply(fate, Cause::Session),
        }
    }
}
