//! What a server takes in one session, as LIMITS says.
//!
//! ```abnf
//! limits      = limit-name [ "=" limit-value ] *( SP limit-name [ "=" limit-value ] )   ; RFC 9422 3
//! limit-name  = 1*( UPALPHA / DIGIT / "-" / "_" )
//! limit-value = 1*6DIGIT       ; of MAILMAX, RCPTMAX and RCPTDOMAINMAX, without a leading zero   ; RFC 9422 4
//! ```

use core::fmt;

/// What a server takes in one session, as LIMITS says (RFC 9422 4). Failed commands count.
///
/// ```
/// use smtp_proto::{Extensions, Reply};
///
/// let reply = Reply::parse(b"250-mx.test\r\n250 LIMITS RCPTMAX=20 MAILMAX=5\r\n")?;
/// assert_eq!(Extensions::from_reply(&reply).limits().recipients, Some(20));
/// # Ok::<(), smtp_proto::ParseError>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct SessionLimits {
    /// MAILMAX: MAIL commands in a session.
    pub mails: Option<u32>,
    /// RCPTMAX: RCPT commands in a transaction.
    pub recipients: Option<u32>,
    /// RCPTDOMAINMAX: different domains of recipients in a session.
    pub domains: Option<u32>,
}

impl SessionLimits {
    /// No limits.
    pub const NONE: Self = Self { mails: None, recipients: None, domains: None };

    /// `limit *( SP limit )`. Names that are not known and bad values are ignored one by one, bad syntax voids all (RFC 9422 3.2). Of a name
    /// that comes twice the smaller value holds.
    pub(super) fn parse(params: &str) -> Self {
        let name = |octet: u8| octet.is_ascii_alphanumeric() || matches!(octet, b'-' | b'_');
        let mut limits = Self::NONE;
        for param in params.split(' ') {
            let (keyword, value) = match param.split_once('=') {
                Some((keyword, value)) => (keyword, Some(value)),
                None => (param, None),
            };
            let sound = !keyword.is_empty()
                && keyword.bytes().all(name)
                && value.is_none_or(|value| !value.is_empty() && !value.contains(';'));
            if !sound {
                return Self::NONE;
            }
            let place = match keyword {
                _ if keyword.eq_ignore_ascii_case("MAILMAX") => &mut limits.mails,
                _ if keyword.eq_ignore_ascii_case("RCPTMAX") => &mut limits.recipients,
                _ if keyword.eq_ignore_ascii_case("RCPTDOMAINMAX") => &mut limits.domains,
                _ => continue,
            };
            *place = smaller(*place, value.and_then(limit));
        }
        limits
    }

    /// Those that can be said: six digits at the most, and never 0 (RFC 9422 4).
    pub(super) fn sayable(self) -> Self {
        let sayable = |limit: Option<u32>| limit.filter(|most| (1..=999_999).contains(most));
        Self {
            mails: sayable(self.mails),
            recipients: sayable(self.recipients),
            domains: sayable(self.domains),
        }
    }

    /// The smaller of both.
    pub(super) fn and(self, other: Self) -> Self {
        Self {
            mails: smaller(self.mails, other.mails),
            recipients: smaller(self.recipients, other.recipients),
            domains: smaller(self.domains, other.domains),
        }
    }
}

/// The parameters of the EHLO line, each behind a space.
impl fmt::Display for SessionLimits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        [("MAILMAX", self.mails), ("RCPTMAX", self.recipients), ("RCPTDOMAINMAX", self.domains)]
            .into_iter()
            .filter_map(|(name, value)| value.map(|value| (name, value)))
            .try_for_each(|(name, value)| write!(f, " {name}={value}"))
    }
}

fn smaller(one: Option<u32>, other: Option<u32>) -> Option<u32> {
    match (one, other) {
        (Some(one), Some(other)) => Some(one.min(other)),
        (one, other) => one.or(other),
    }
}

/// `NZDIGIT 0*5DIGIT`.
fn limit(value: &str) -> Option<u32> {
    let sound = (1..=6).contains(&value.len())
        && value.bytes().all(|octet| octet.is_ascii_digit())
        && !value.starts_with('0');
    if sound { value.parse().ok() } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_are_read_by_name_and_bad_syntax_voids_all() {
        let limits = |mails, recipients, domains| SessionLimits { mails, recipients, domains };
        let table = [
            ("MAILMAX=5 RCPTMAX=20 RCPTDOMAINMAX=2", limits(Some(5), Some(20), Some(2))),
            ("rcptmax=999999", limits(None, Some(999_999), None)),
            ("RCPTMAX=0 MAILMAX=07 RCPTDOMAINMAX=1000000", SessionLimits::NONE),
            ("NEW=1 FLAG RCPTMAX=3", limits(None, Some(3), None)),
            ("RCPTMAX=3  MAILMAX=2", SessionLimits::NONE),
            ("RCPTMAX=3 A;B=2", SessionLimits::NONE),
            ("RCPTMAX=3 A=b=c", limits(None, Some(3), None)),
            ("RCPTMAX=3 RCPTMAX=5", limits(None, Some(3), None)),
            ("RCPTMAX=5 RCPTMAX=3 RCPTMAX=0", limits(None, Some(3), None)),
            ("RCPTMAX=", SessionLimits::NONE),
            ("RCPTMAX", SessionLimits::NONE),
            ("", SessionLimits::NONE),
        ];
        for (line, expected) in table {
            assert_eq!(SessionLimits::parse(line), expected, "{line}");
        }
    }
}
