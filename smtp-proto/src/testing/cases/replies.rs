//! The notation of replies.
//!
//! ```abnf
//! replies  = "none" / *1(item *(" " item))
//! item     = [1*DIGIT "*"] (reply / "(" replies ")")
//! reply    = 3DIGIT ["/" enhanced / "=" text]
//! enhanced = DIGIT "." 1*3DIGIT "." 1*3DIGIT
//! ```

use super::notation::{NotationError, digits};
use alloc::vec::Vec;

const UNREADABLE: NotationError = NotationError::Column("replies");

/// A reply that must come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct ExpectedReply<'a> {
    /// The code, such as 250.
    pub code: u16,
    /// The enhanced code, such as `2.1.0`; `None`: the reply has none.
    pub enhanced: Option<&'a str>,
    /// The whole text, for a challenge (334); `None` where it is not asked.
    pub text: Option<&'a str>,
}

/// Reads a list of replies, repetitions written out.
///
/// ```
/// use smtp_proto::testing::cases::replies;
///
/// let all = replies("2*(250/2.1.0 354) 334=dXNl")?;
/// assert_eq!(all.iter().map(|reply| reply.code).collect::<Vec<_>>(), [250, 354, 250, 354, 334]);
/// assert_eq!(all[0].enhanced, Some("2.1.0"));
/// assert_eq!(all[4].text, Some("dXNl"));
/// # Ok::<(), smtp_proto::testing::cases::NotationError>(())
/// ```
///
/// # Errors
/// [`NotationError::Column`] where something is neither a reply nor a repetition.
pub fn replies(text: &str) -> Result<Vec<ExpectedReply<'_>>, NotationError> {
    let mut all = Vec::new();
    if text == "none" {
        return Ok(all);
    }
    let mut rest = text;
    while !rest.is_empty() {
        let (times, item) = match rest.split_once('*') {
            Some((number, item)) if !number.contains([' ', '(']) => {
                (digits(number).ok_or(UNREADABLE)?, item)
            }
            _ => (1, rest),
        };
        let (group, after) = match item.strip_prefix('(') {
            Some(inner) => {
                let (inner, after) = inner.split_at(closing(inner).ok_or(UNREADABLE)?);
                (replies(inner)?, &after[1..])
            }
            None => {
                let end = item.find(' ').unwrap_or(item.len());
                (Vec::from([ExpectedReply::parse(&item[..end])?]), &item[end..])
            }
        };
        (0..times).for_each(|_| all.extend_from_slice(&group));
        rest = match after.strip_prefix(' ') {
            Some(next) if !next.is_empty() => next,
            None if after.is_empty() => after,
            _ => return Err(UNREADABLE),
        };
    }
    Ok(all)
}

impl<'a> ExpectedReply<'a> {
    pub(super) fn parse(text: &'a str) -> Result<Self, NotationError> {
        let (code, rest) = text.split_at_checked(3).ok_or(UNREADABLE)?;
        let code = digits(code).and_then(|code| u16::try_from(code).ok()).ok_or(UNREADABLE)?;
        match rest.split_at_checked(1) {
            None => Ok(Self { code, enhanced: None, text: None }),
            Some(("=", text)) => Ok(Self { code, enhanced: None, text: Some(text) }),
            Some(("/", enhanced)) if is_enhanced(enhanced) => {
                Ok(Self { code, enhanced: Some(enhanced), text: None })
            }
            Some(_) => Err(UNREADABLE),
        }
    }
}

/// Where the parenthesis closes that stands in front of `text`.
fn closing(text: &str) -> Option<usize> {
    let mut depth = 1_u32;
    for (at, letter) in text.char_indices() {
        match letter {
            '(' => depth += 1,
            ')' if depth == 1 => return Some(at),
            ')' => depth -= 1,
            _ => {}
        }
    }
    None
}

fn is_enhanced(text: &str) -> bool {
    let short = |part: &str| part.len() <= 3 && digits(part).is_some();
    let parts: Vec<&str> = text.split('.').collect();
    matches!(parts.as_slice(), [class, subject, detail] if class.len() == 1 && short(class) && short(subject) && short(detail))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_and_repetitions_are_written_out() {
        let plain = |code| ExpectedReply { code, enhanced: None, text: None };
        let full = |code, enhanced| ExpectedReply { code, enhanced: Some(enhanced), text: None };
        let text = |text| ExpectedReply { code: 334, enhanced: None, text: Some(text) };
        for (notation, expected) in [
            ("none", Vec::new()),
            ("", Vec::new()),
            ("250", Vec::from([plain(250)])),
            ("250/2.1.0 354", Vec::from([full(250, "2.1.0"), plain(354)])),
            ("334= 334=dXNl 235/2.7.0", Vec::from([text(""), text("dXNl"), full(235, "2.7.0")])),
            ("2*250/2.0.0 354", Vec::from([full(250, "2.0.0"), full(250, "2.0.0"), plain(354)])),
            (
                "2*(250 354) 421",
                Vec::from([plain(250), plain(354), plain(250), plain(354), plain(421)]),
            ),
            (
                "2*(2*(250) 354)",
                Vec::from([plain(250), plain(250), plain(354), plain(250), plain(250), plain(354)]),
            ),
            ("0*250 354", Vec::from([plain(354)])),
        ] {
            assert_eq!(replies(notation), Ok(expected), "{notation}");
        }
    }

    #[test]
    fn what_is_no_reply_is_an_error() {
        for notation in [
            "25",
            "25x",
            "250-",
            "250/2.1",
            "250/2.1.0.0",
            "250/22.1.0",
            "250/2.1.1000",
            "x*250",
            "2*(250",
            "2*(250)x",
            "250 ",
            "*250",
            " 250",
        ] {
            assert_eq!(replies(notation), Err(UNREADABLE), "{notation}");
        }
    }
}
