//! The wire cases: what a peer may send, and what must come of it.
//!
//! Each row brings a session into a state, sends octets and says which replies follow, whether the connection stays open and what was
//! stored. The rows hold every known way to smuggle a message past the end of data, to inject commands, to exhaust a server or to write
//! an address that is read otherwise than it was meant. They say nothing of how to replay them: [`Steps`] gives the octets and the
//! marks between them, and the replay decides where else to cut.
//!
//! ```abnf
//! row     = id TAB pre TAB bytes TAB replies TAB then TAB stored TAB sync TAB policy TAB expected TAB reason
//! then    = "open" / "close" / "-"
//! stored  = 1*DIGIT ["=" octets] / "-"
//! sync    = "y" / "-"
//! policy  = setting *("," setting) / "-"
//! setting = "newlines=" ("refuse" / "normalise") / "chunks=" ("normalise" / "refuse" / "keep") / "early=" ("close" / "allow")
//!         / "syntax=" ("+" / "-") name / "offer=-" keyword / "tls=" ("off" / "required" / "opportunistic") / "auth=clear"
//! ```
//!
//! ```
//! use smtp_proto::testing::cases::{Bytes, Pre, Then, cases};
//!
//! let case = cases().find(|case| case.id == "SM-04").ok_or("no such row")?;
//! assert_eq!(case.pre, Pre::P5);
//! assert_eq!(case.then, Some(Then::Open));
//! assert_eq!(case.replies.as_deref().and_then(|all| all.first()).map(|reply| reply.code), Some(550));
//! let Bytes::Steps(steps) = &case.bytes else { return Err("only a description") };
//! assert!(steps.to_vec().starts_with(b"Subject: t\r\n\r\nbody\r\n.\n"));
//! # Ok::<(), &str>(())
//! ```

#![expect(
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    reason = "reads tables of the project, and nothing that a peer sends"
)]

mod judge;
mod notation;
mod replies;
mod state;
mod words;

pub use judge::{Obstacle, Verdict};
pub use notation::{NotationError, Step, Steps};
pub use replies::{ExpectedReply, replies};
pub use state::Pre;
pub use words::{Expected, Word};

use alloc::vec::Vec;

/// The message maximum that the rows are written for, in octets: small, so that twice of it is still a small row.
pub const MESSAGE_MAX: u64 = 131_072;

/// One row of the table.
///
/// ```
/// use smtp_proto::testing::cases::{Case, MESSAGE_MAX, Policy};
///
/// let row = "X-1\tP2\tNOOP\\r\\n\t250/2.0.0\topen\t-\t-\tearly=allow\t-\tan example";
/// let case = Case::parse(row, MESSAGE_MAX)?;
/// assert_eq!(case.policies, [Policy::AllowEarly]);
/// assert_eq!(case.reason, "an example");
/// # Ok::<(), smtp_proto::testing::cases::NotationError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Case<'a> {
    /// Class and number, such as `SM-02n`.
    pub id: &'a str,
    /// Where the session stands before the octets come.
    pub pre: Pre,
    /// What the peer sends.
    pub bytes: Bytes<'a>,
    /// What the server replies to it, exactly; `None` where the row is not about replies.
    pub replies: Option<Vec<ExpectedReply<'a>>>,
    /// Whether the connection stays; `None` where it is not asked.
    pub then: Option<Then>,
    /// What the application got; `None` where it is not asked.
    pub stored: Option<Stored>,
    /// Octets stand behind a synchronisation point, so that the result depends on where a write ends.
    pub sync: bool,
    /// What differs from the default policies.
    pub policies: Vec<Policy<'a>>,
    /// What else must hold.
    pub expected: Expected<'a>,
    /// Why, with the section that asks for it or the attack that it stops.
    pub reason: &'a str,
}

/// What the peer sends: octets and marks, or words that a test of its own has to put into practice.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Bytes<'a> {
    /// Octets to replay.
    Steps(Steps),
    /// A description, without its parentheses.
    Description(&'a str),
}

/// What becomes of the connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Then {
    /// It stays, and the next command is served.
    Open,
    /// The replies are said, then it is closed.
    Close,
}

/// What the application got.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stored {
    /// How many messages.
    pub messages: usize,
    /// Exactly this content; `None` where only the number is asked.
    pub content: Option<Steps>,
}

/// One thing that differs from the defaults.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Policy<'a> {
    /// `newlines=normalise`: stray CR and LF in content are repaired, not refused.
    NormaliseNewlines,
    /// `chunks=refuse`: stray CR and LF in a chunk are refused, not repaired.
    RefuseInChunks,
    /// `chunks=keep`: stray CR and LF in a chunk are stored as they came.
    KeepInChunks,
    /// `early=allow`: octets behind a synchronisation point are served, not answered by a close.
    AllowEarly,
    /// `syntax=+name`: this tolerance is on.
    Tolerate(&'a str),
    /// `syntax=-name`: this tolerance is off.
    Insist(&'a str),
    /// `offer=-KEYWORD`: this extension is not offered.
    Without(&'a str),
    /// `tls=off`: STARTTLS is not offered.
    TlsOff,
    /// `tls=required`: nothing is done in the clear.
    TlsRequired,
    /// `tls=opportunistic`: TLS where it can be had.
    TlsOpportunistic,
    /// `auth=clear`: AUTH is offered in the clear.
    AuthInClear,
}

/// All rows, for a server whose message maximum is [`MESSAGE_MAX`].
///
/// # Panics
/// Never: every row of the table is parsed by a test.
pub fn cases() -> impl Iterator<Item = Case<'static>> {
    cases_for(MESSAGE_MAX)
}

/// All rows, for a server with this message maximum in octets.
///
/// ```
/// use smtp_proto::testing::cases::{Bytes, cases_for};
///
/// let case = cases_for(1000).find(|case| case.id == "BD-32").ok_or("no such row")?;
/// let Bytes::Steps(steps) = case.bytes else { return Err("only a description") };
/// assert_eq!(steps.to_vec(), b"BDAT 1000 LAST\r\n");
/// # Ok::<(), &str>(())
/// ```
///
/// # Panics
/// Never, as [`cases`].
pub fn cases_for(max: u64) -> impl Iterator<Item = Case<'static>> {
    let rows = include_str!("cases.tsv").lines().skip(1);
    rows.map(move |row| Case::parse(row, max).expect("a test parses every row"))
}

/// Rows beside the vectors that other programs share: every verb in every state, and every limit at its last octet, the one in front of
/// it and the one behind.
///
/// ```
/// use smtp_proto::testing::cases::more;
///
/// assert!(more().any(|case| case.id == "LM-local-part-over"));
/// ```
///
/// # Panics
/// Never, as [`cases`].
pub fn more() -> impl Iterator<Item = Case<'static>> {
    let rows = include_str!("cases/more.tsv").lines().skip(1);
    rows.map(|row| Case::parse(row, MESSAGE_MAX).expect("a test parses every row"))
}

impl<'a> Case<'a> {
    /// Reads one row; `max` is what `{max}` stands for.
    ///
    /// # Errors
    /// [`NotationError`], with the column that cannot be read.
    pub fn parse(row: &'a str, max: u64) -> Result<Self, NotationError> {
        let columns: Vec<&str> = row.split('\t').collect();
        let &[id, pre, bytes, said, then, stored, sync, policy, expected, reason] =
            columns.as_slice()
        else {
            return Err(NotationError::Columns(columns.len()));
        };
        Ok(Self {
            id,
            pre: Pre::from_code(pre).ok_or(NotationError::Column("pre"))?,
            bytes: Bytes::parse(bytes, max)?,
            replies: dashed(said).map(replies).transpose()?,
            then: dashed(then).map(Then::parse).transpose()?,
            stored: dashed(stored).map(|text| Stored::parse(text, max)).transpose()?,
            sync: dashed(sync).map_or(Ok(false), |y| {
                if y == "y" { Ok(true) } else { Err(NotationError::Column("sync")) }
            })?,
            policies: dashed(policy)
                .map_or(Ok(Vec::new()), |text| text.split(',').map(Policy::parse).collect())?,
            expected: Expected::parse(dashed(expected).unwrap_or(""), max)?,
            reason: dashed(reason).unwrap_or(""),
        })
    }

    /// Whether our client is tried in this row, or an application that sends; in all others a server is.
    pub fn is_client(&self) -> bool {
        let sends =
            matches!(self.bytes, Bytes::Description(words) if words.starts_with("client: "));
        self.pre.is_client() || self.pre == Pre::App && sends
    }

    /// The two letters in front of the number, such as `SM`.
    pub fn class(&self) -> &'a str {
        self.id.split('-').next().unwrap_or(self.id)
    }
}

impl<'a> Bytes<'a> {
    fn parse(text: &'a str, max: u64) -> Result<Self, NotationError> {
        match text.strip_prefix('(').and_then(|rest| rest.strip_suffix(')')) {
            Some(words) => Ok(Self::Description(words)),
            None => Steps::parse(text, max).map(Self::Steps),
        }
    }
}

impl Then {
    fn parse(text: &str) -> Result<Self, NotationError> {
        match text {
            "open" => Ok(Self::Open),
            "close" => Ok(Self::Close),
            _ => Err(NotationError::Column("then")),
        }
    }
}

impl Stored {
    fn parse(text: &str, max: u64) -> Result<Self, NotationError> {
        let (messages, content) = match text.split_once('=') {
            Some((messages, content)) => (messages, Some(Steps::parse(content, max)?)),
            None => (text, None),
        };
        let messages = messages.parse().map_err(|_| NotationError::Column("stored"))?;
        Ok(Self { messages, content })
    }
}

impl<'a> Policy<'a> {
    fn parse(text: &'a str) -> Result<Self, NotationError> {
        let (key, value) = text.split_once('=').ok_or(NotationError::Column("policy"))?;
        let policy = match (key, value) {
            ("newlines", "normalise") => Self::NormaliseNewlines,
            ("chunks", "refuse") => Self::RefuseInChunks,
            ("chunks", "keep") => Self::KeepInChunks,
            ("early", "allow") => Self::AllowEarly,
            ("tls", "off") => Self::TlsOff,
            ("tls", "required") => Self::TlsRequired,
            ("tls", "opportunistic") => Self::TlsOpportunistic,
            ("auth", "clear") => Self::AuthInClear,
            ("syntax", name) if name.starts_with('+') => {
                Self::Tolerate(name.trim_start_matches('+'))
            }
            ("syntax", name) if name.starts_with('-') => Self::Insist(name.trim_start_matches('-')),
            ("offer", keyword) if keyword.starts_with('-') => {
                Self::Without(keyword.trim_start_matches('-'))
            }
            _ => return Err(NotationError::Column("policy")),
        };
        Ok(policy)
    }
}

fn dashed(column: &str) -> Option<&str> {
    (column != "-").then_some(column)
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::collections::BTreeSet;

    #[test]
    fn every_row_is_read_and_every_id_stands_once() {
        let rows: Vec<&str> = include_str!("cases.tsv").lines().skip(1).collect();
        for row in &rows {
            assert_eq!(Case::parse(row, MESSAGE_MAX).err(), None, "{row}");
        }
        let ids: BTreeSet<&str> = cases().chain(more()).map(|case| case.id).collect();
        assert_eq!((rows.len(), more().count(), ids.len()), (501, 461, 962));
    }

    #[test]
    fn a_row_is_read_column_by_column() {
        let row = "SM-33\tP5\ta\\r\\n{wait}\t250/2.0.0\tclose\t1=a\\r\\n\ty\tnewlines=normalise,offer=-SIZE\tlacks:SIZE -- prose\twhy";
        let steps = Steps::parse("a\\r\\n{wait}", 1).expect("octets and a mark");
        let content = Steps::parse("a\\r\\n", 1).expect("octets");
        let expected = Case {
            id: "SM-33",
            pre: Pre::P5,
            bytes: Bytes::Steps(steps),
            replies: Some(replies("250/2.0.0").expect("a reply")),
            then: Some(Then::Close),
            stored: Some(Stored { messages: 1, content: Some(content) }),
            sync: true,
            policies: Vec::from([Policy::NormaliseNewlines, Policy::Without("SIZE")]),
            expected: Expected { words: Vec::from([Word::Lacks("SIZE")]), prose: "prose" },
            reason: "why",
        };
        assert_eq!(Case::parse(row, 1), Ok(expected));
    }

    #[test]
    fn a_dash_is_a_column_that_asks_nothing() {
        let row = "X-1\tC-body\t(words)\t-\t-\t-\t-\t-\t-\t-";
        let expected = Case {
            id: "X-1",
            pre: Pre::CBody,
            bytes: Bytes::Description("words"),
            replies: None,
            then: None,
            stored: None,
            sync: false,
            policies: Vec::new(),
            expected: Expected { words: Vec::new(), prose: "" },
            reason: "",
        };
        assert_eq!(Case::parse(row, 1), Ok(expected));
    }

    #[test]
    fn a_column_that_cannot_be_read_is_named() {
        for (row, error) in [
            ("X-1\tP9\t\t-\t-\t-\t-\t-\t-\t-", NotationError::Column("pre")),
            ("X-1\tP1\t\t-\tshut\t-\t-\t-\t-\t-", NotationError::Column("then")),
            ("X-1\tP1\t\t-\t-\tmany\t-\t-\t-\t-", NotationError::Column("stored")),
            ("X-1\tP1\t\t-\t-\t-\tyes\t-\t-\t-", NotationError::Column("sync")),
            ("X-1\tP1\t\t-\t-\t-\t-\tearly\t-\t-", NotationError::Column("policy")),
            ("X-1\tP1\t\t25\t-\t-\t-\t-\t-\t-", NotationError::Column("replies")),
            ("X-1\tP1\t{nowhere}\t-\t-\t-\t-\t-\t-\t-", NotationError::Brace(0)),
            ("X-1\tP1", NotationError::Columns(2)),
        ] {
            assert_eq!(Case::parse(row, 1), Err(error), "{row}");
        }
    }
}
