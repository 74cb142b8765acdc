//! What else a row asks: words that a program can check, and prose for people.
//!
//! ```abnf
//! expected = [words] [" -- " prose] / prose
//! words    = word *(" " word)
//! word     = ("ok:" reply) / (("error:" / "misuse:" / "host:" / "offers:" / "lacks:" / "size:" / "auth:" / "picks:") name)
//!          / ("outcome:" name *("," name)) / ("value:" / "starts:" / "written:") octets
//! ```
//!
//! `written:` stands last, because its octets may hold spaces.

use super::notation::{NotationError, Steps};
use super::replies::ExpectedReply;
use alloc::vec::Vec;

/// What else must hold.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Expected<'a> {
    /// What a program can check.
    pub words: Vec<Word<'a>>,
    /// The rest.
    pub prose: &'a str,
}

/// One thing that a program can check.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Word<'a> {
    /// The reply is read as this.
    Ok(ExpectedReply<'a>),
    /// Our client ends with this kind of error: `Malformed`, `Unsolicited`, `TimedOut` ..
    Error(&'a str),
    /// The call is refused and nothing is written: `Invalid`, `NotOffered`, `NeedsTls`, `Content`.
    Misuse(&'a str),
    /// What becomes of the recipients, one for each or one for all: `Delivered`, `Transient`, `Permanent`, `Unknown`.
    Outcome(Vec<&'a str>),
    /// What becomes of the whole host: `Refused`.
    Host(&'a str),
    /// This keyword or mechanism is offered.
    Offers(&'a str),
    /// This keyword or mechanism is not offered.
    Lacks(&'a str),
    /// What SIZE says: a number, `unlimited` or `unknown`.
    Size(&'a str),
    /// The mechanisms, in their order.
    Auth(&'a str),
    /// This mechanism is chosen.
    Picks(&'a str),
    /// These are the decoded octets.
    Value(Steps),
    /// The decoded octets begin so.
    Starts(Steps),
    /// Our side writes exactly this.
    Written(Steps),
}

impl<'a> Expected<'a> {
    pub(super) fn parse(text: &'a str, max: u64) -> Result<Self, NotationError> {
        let (mut rest, prose) = text.split_once(" -- ").unwrap_or((text, ""));
        let mut words = Vec::new();
        while !rest.is_empty() {
            let whole = rest.starts_with("written:");
            let end = if whole { rest.len() } else { rest.find(' ').unwrap_or(rest.len()) };
            match Word::parse(&rest[..end], max)? {
                Some(word) => words.push(word),
                None if words.is_empty() && prose.is_empty() => {
                    return Ok(Self { words, prose: text });
                }
                None => return Err(NotationError::Column("expected")),
            }
            rest = rest[end..].trim_start_matches(' ');
        }
        Ok(Self { words, prose })
    }
}

impl<'a> Word<'a> {
    /// `None` where it is prose.
    fn parse(text: &'a str, max: u64) -> Result<Option<Self>, NotationError> {
        let Some((name, value)) = text.split_once(':') else {
            return Ok(None);
        };
        let word = match name {
            "ok" => Self::Ok(ExpectedReply::parse(value)?),
            "error" => Self::Error(value),
            "misuse" => Self::Misuse(value),
            "outcome" => Self::Outcome(value.split(',').collect()),
            "host" => Self::Host(value),
            "offers" => Self::Offers(value),
            "lacks" => Self::Lacks(value),
            "size" => Self::Size(value),
            "auth" => Self::Auth(value),
            "picks" => Self::Picks(value),
            "value" => Self::Value(Steps::parse(value, max)?),
            "starts" => Self::Starts(Steps::parse(value, max)?),
            "written" => Self::Written(Steps::parse(value, max)?),
            _ => return Ok(None),
        };
        Ok(Some(word))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn octets(text: &str) -> Steps {
        Steps::parse(text, 1).expect(text)
    }

    #[test]
    fn words_come_first_and_prose_behind_them() {
        let size = ExpectedReply::parse("250/2.1.0").expect("a reply");
        for (text, words, prose) in [
            ("", Vec::new(), ""),
            ("two messages", Vec::new(), "two messages"),
            ("content line \".\"", Vec::new(), "content line \".\""),
            ("ok:250/2.1.0 size:unknown", Vec::from([Word::Ok(size), Word::Size("unknown")]), ""),
            ("error:TlsRequired -- no HELO", Vec::from([Word::Error("TlsRequired")]), "no HELO"),
            (
                "outcome:Delivered,Unknown",
                Vec::from([Word::Outcome(Vec::from(["Delivered", "Unknown"]))]),
                "",
            ),
            (
                "host:Refused written:QUIT a\\r\\n",
                Vec::from([Word::Host("Refused"), Word::Written(octets("QUIT a\\r\\n"))]),
                "",
            ),
            ("starts:n,a=a=2Cb=3Dc,", Vec::from([Word::Starts(octets("n,a=a=2Cb=3Dc,"))]), ""),
            (
                "value:7 -- SIZE=7: CRLF counted",
                Vec::from([Word::Value(octets("7"))]),
                "SIZE=7: CRLF counted",
            ),
        ] {
            assert_eq!(Expected::parse(text, 1), Ok(Expected { words, prose }), "{text}");
        }
    }

    #[test]
    fn prose_between_words_is_an_error() {
        assert_eq!(
            Expected::parse("lacks:AUTH and more", 1),
            Err(NotationError::Column("expected"))
        );
    }
}
