//! Why a letter did not get through, where no reply to the letter says it.

use std::io;

use smtp_proto::client::{self, IntroductionError, Misuse};
use smtp_proto::data::ContentFault;
use smtp_proto::delivery::{Cause, Fate, Outcome, Unsendable};

/// What went wrong in a session of a client.
///
/// ```
/// use smtp_proto_tokio::client::Error;
///
/// /// Whether the same server may take the letter later.
/// fn try_again(error: &Error) -> bool {
///     !matches!(error, Error::Unsendable(_) | Error::Content(_) | Error::Misuse(_))
/// }
/// # assert!(try_again(&Error::Session(smtp_proto::client::Error::Eof)));
/// ```
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// It did not come so far that a letter could be sent. Where the session was still good the server was told QUIT.
    #[error(transparent)]
    Introduction(IntroductionError),
    /// The session cannot go on: the server said what it may not, nothing in time, or nothing more.
    #[error(transparent)]
    Session(#[from] client::Error),
    /// The connection broke.
    #[error("the connection was lost: {0}")]
    Connection(#[source] io::Error),
    /// The letter cannot go to this server. Nothing of it was sent.
    #[error(transparent)]
    Unsendable(#[from] Unsendable),
    /// The source of the content failed. The letter was not ended, and the session is over.
    #[error("the content cannot be read: {0}")]
    Source(#[source] io::Error),
    /// The content holds what DATA cannot carry. The letter was not ended, and the session is over.
    #[error("the content cannot be sent: {0}")]
    Content(ContentFault),
    /// The call may not be made now.
    #[error(transparent)]
    Misuse(Misuse),
}

/// What is wrong with the session as such is not of the introduction alone.
impl From<IntroductionError> for Error {
    fn from(error: IntroductionError) -> Self {
        match error {
            IntroductionError::Session(error) => Self::Session(error),
            IntroductionError::Misuse(misuse) => Self::Misuse(misuse),
            refused => Self::Introduction(refused),
        }
    }
}

impl From<Misuse> for Error {
    fn from(misuse: Misuse) -> Self {
        match misuse {
            Misuse::Stray(fault) => Self::Content(fault),
            other => Self::Misuse(other),
        }
    }
}

impl Error {
    /// What becomes of a recipient whom this error leaves at `fate`: what cannot go as it is will not go later.
    pub(super) const fn outcome(&self, fate: Fate) -> Outcome<'static> {
        match self {
            Self::Unsendable(why) => {
                Outcome::without_reply(Fate::Permanent, Cause::Unsendable(*why))
            }
            Self::Content(_) => Outcome::without_reply(Fate::Permanent, Cause::Content),
            _ => Outcome::without_reply(fate, Cause::Session),
        }
    }

    /// Of a write of content.
    pub(super) fn write(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::TimedOut => Self::Session(client::Error::TimedOut),
            _ => Self::Connection(error),
        }
    }
}
