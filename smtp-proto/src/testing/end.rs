//! The two ends of a connection.

/// One end of a connection.
///
/// ```
/// use smtp_proto::testing::End;
///
/// assert_eq!(End::Client.other(), End::Server);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(clippy::exhaustive_enums, reason = "a connection has two ends")]
pub enum End {
    /// The end that sends mail.
    Client,
    /// The end that receives it.
    Server,
}

impl End {
    /// The other one.
    #[must_use]
    pub const fn other(self) -> Self {
        match self {
            Self::Client => Self::Server,
            Self::Server => Self::Client,
        }
    }
}
