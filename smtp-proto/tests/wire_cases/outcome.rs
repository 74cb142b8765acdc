//! What a session said and did, and how it is read.

use crate::replies::{Reply, list, read};

/// Everything that can be seen of a session from outside and by its application.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Outcome {
    /// All octets that the server wrote.
    pub(crate) written: Vec<u8>,
    /// How many of them there were at each wait: an answer must not come later than where it is waited for.
    pub(crate) at_waits: Vec<usize>,
    /// The events, one a line, a body as the number of its octets.
    pub(crate) events: String,
    /// All runs of all bodies, joined.
    pub(crate) bodies: Vec<u8>,
    /// The messages that were accepted.
    pub(crate) stored: Vec<Vec<u8>>,
    /// What the last AUTH= of a MAIL decodes to.
    pub(crate) auth: Option<Vec<u8>>,
    /// Whether stray octets were reported of the last message.
    pub(crate) repaired: bool,
    /// Whether the server closed the connection.
    pub(crate) closed: bool,
}

impl Outcome {
    /// The replies among what was written.
    pub(crate) fn replies(&self) -> Result<Vec<Reply>, String> {
        read(&self.written)
    }

    /// One line, for a report.
    pub(crate) fn shown(&self) -> String {
        let replies = self
            .replies()
            .map_or_else(|error| error, |replies| list(replies.iter().map(Reply::shown)));
        let then = if self.closed { "close" } else { "open" };
        format!("{replies}, {then}, {} stored", self.stored.len())
    }
}
