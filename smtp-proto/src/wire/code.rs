//! The three digits of a reply.
//!
//! ```abnf
//! Reply-code = %x32-35 %x30-35 %x30-39    ; RFC 5321 4.2; a reader takes any second digit
//! ```

use core::fmt;
use core::num::NonZeroU16;

/// The first digit of a [`Code`], by which a client decides (RFC 5321 4.2.1).
///
/// ```
/// use smtp_proto::{Class, Code};
///
/// assert_eq!(Code::MAILBOX_UNAVAILABLE.class(), Class::Permanent);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[expect(clippy::exhaustive_enums, reason = "RFC 5321 4.2.1 has these four and no other")]
pub enum Class {
    /// 2yz: done.
    Completion,
    /// 3yz: go on.
    Intermediate,
    /// 4yz: not now.
    Transient,
    /// 5yz: no.
    Permanent,
}

impl Class {
    /// The digit: 2, 3, 4 or 5.
    #[must_use]
    pub const fn digit(self) -> u8 {
        match self {
            Self::Completion => 2,
            Self::Intermediate => 3,
            Self::Transient => 4,
            Self::Permanent => 5,
        }
    }

    /// Whether the command succeeded, or goes on.
    #[must_use]
    pub const fn is_positive(self) -> bool {
        matches!(self, Self::Completion | Self::Intermediate)
    }
}

/// A reply code: 200 to 599.
///
/// ```
/// use smtp_proto::Code;
///
/// assert_eq!(Code::new(250), Some(Code::OK));
/// assert_eq!(Code::new(199), None);
/// assert_eq!(Code::OK.to_string(), "250");
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Code(NonZeroU16);

impl Code {
    /// The code of this number; `None` outside 200 to 599.
    #[must_use]
    pub const fn new(number: u16) -> Option<Self> {
        match NonZeroU16::new(number) {
            Some(number) if number.get() >= 200 && number.get() <= 599 => Some(Self(number)),
            _ => None,
        }
    }

    /// Reads three ASCII digits (RFC 5321 4.2; other digits of Unicode are none).
    #[must_use]
    pub fn parse(digits: [u8; 3]) -> Option<Self> {
        let mut number = 0u16;
        for digit in digits {
            if !digit.is_ascii_digit() {
                return None;
            }
            number = number.saturating_mul(10).saturating_add(u16::from(digit & 0x0f));
        }
        Self::new(number)
    }

    /// The number, 200 to 599.
    #[must_use]
    pub const fn get(self) -> u16 {
        self.0.get()
    }

    /// The first digit.
    #[must_use]
    pub const fn class(self) -> Class {
        match self.get() {
            200..=299 => Class::Completion,
            300..=399 => Class::Intermediate,
            400..=499 => Class::Transient,
            _ => Class::Permanent,
        }
    }

    /// The three digits.
    #[must_use]
    pub const fn digits(self) -> [u8; 3] {
        let number = self.get();
        [digit(number / 100), digit(number / 10), digit(number)]
    }
}

const fn digit(number: u16) -> u8 {
    b'0' | (number % 10) as u8
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl fmt::Debug for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

macro_rules! codes {
    ($($number:literal $name:ident $meaning:literal $source:literal)*) => {
        impl Code {
            $(
                #[doc = concat!($number, ": ", $meaning, " (", $source, ").")]
                pub const $name: Self = Self(NonZeroU16::new($number).unwrap());
            )*

            /// Whether it has a meaning of its own here; of any other only the first digit counts (RFC 5321 4.2).
            pub(crate) const fn is_named(self) -> bool {
                matches!(self.get(), $($number)|*)
            }
        }

        #[cfg(test)]
        const ALL: &[Code] = &[$(Code::$name),*];
    };
}

codes! {
    211 SYSTEM_STATUS "system status or help text" "RFC 5321 4.2.2"
    214 HELP "help message" "RFC 5321 4.2.2"
    220 READY "service ready, also for TLS" "RFC 5321 4.2.2, RFC 3207 4"
    221 CLOSING "closing the channel" "RFC 5321 4.2.2"
    235 AUTHENTICATED "authentication succeeded" "RFC 4954 6"
    250 OK "action completed" "RFC 5321 4.2.2"
    251 WILL_FORWARD "user not local, will forward" "RFC 5321 3.4"
    252 CANNOT_VERIFY "cannot verify, will try" "RFC 5321 3.5.3"
    253 NODE_STARTED "pending messages for the node started" "RFC 1985 5.1"
    334 CHALLENGE "server challenge" "RFC 4954 4"
    353 RECIPIENT_REPLIES "replies for each recipient follow" "draft-hall-prdr"
    354 START_MAIL_INPUT "start mail input" "RFC 5321 4.3.2"
    421 UNAVAILABLE "service not available, closing" "RFC 5321 3.8"
    432 PASSWORD_TRANSITION "password transition needed" "RFC 4954 6"
    450 MAILBOX_BUSY "mailbox unavailable for now" "RFC 5321 4.2.2"
    451 LOCAL_ERROR "local error in processing" "RFC 5321 4.2.2"
    452 INSUFFICIENT_STORAGE "insufficient storage, or too many recipients" "RFC 5321 4.5.3.1.10"
    453 NO_MAIL "no mail for you" "RFC 2645 5.2.1"
    454 TEMPORARY_SECURITY_FAILURE "TLS not available, or temporary authentication failure" "RFC 3207 4, RFC 4954 6"
    455 CANNOT_ACCOMMODATE_PARAMETERS "unable to accommodate parameters" "RFC 5321 4.1.1.11"
    458 CANNOT_QUEUE "unable to queue messages for the node" "RFC 1985 5.1"
    459 NODE_NOT_ALLOWED "node not allowed" "RFC 1985 5.1"
    500 SYNTAX_ERROR "syntax error, command unknown, line too long" "RFC 5321 4.2.2"
    501 BAD_ARGUMENTS "syntax error in parameters or arguments" "RFC 5321 4.2.2"
    502 NOT_IMPLEMENTED "command not implemented" "RFC 5321 4.2.4"
    503 BAD_SEQUENCE "bad sequence of commands" "RFC 5321 4.1.4"
    504 PARAMETER_NOT_IMPLEMENTED "parameter or mechanism not implemented" "RFC 5321 4.2.2, RFC 4954 4"
    521 NEVER_ACCEPTS_MAIL "host never accepts mail" "RFC 7504 3"
    523 ENCRYPTION_NEEDED "encryption needed" "RFC 5248"
    525 ACCOUNT_DISABLED "user account disabled" "RFC 5248"
    530 SECURITY_REQUIRED "TLS or authentication required first" "RFC 3207 4, RFC 4954 6"
    534 MECHANISM_TOO_WEAK "mechanism too weak" "RFC 4954 6"
    535 CREDENTIALS_INVALID "credentials invalid" "RFC 4954 6"
    538 MECHANISM_NEEDS_ENCRYPTION "encryption required for this mechanism" "RFC 4954 6"
    550 MAILBOX_UNAVAILABLE "mailbox unavailable, or refused by policy" "RFC 5321 4.2.2"
    551 USER_NOT_LOCAL "user not local, try another path" "RFC 5321 3.4"
    552 EXCEEDED_STORAGE "storage or size limit exceeded" "RFC 5321 4.2.2, RFC 1870 6.1"
    553 NAME_NOT_ALLOWED "mailbox name not allowed" "RFC 5321 4.2.2"
    554 TRANSACTION_FAILED "transaction failed, or no service here" "RFC 5321 4.2.2, 3.1"
    555 PARAMETERS_NOT_RECOGNISED "MAIL or RCPT parameters not recognised" "RFC 5321 4.1.1.11"
    556 DOMAIN_ACCEPTS_NO_MAIL "domain does not accept mail" "RFC 7504 4"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_named_code_reads_back_from_its_digits() {
        assert_eq!(ALL.len(), 41);
        for &code in ALL {
            assert_eq!(Code::parse(code.digits()), Some(code));
        }
    }

    #[test]
    fn first_digits_outside_2_to_5_are_no_reply() {
        for digits in [*b"199", *b"600", *b"000", *b"999", *b"25x", *b" 25"] {
            assert_eq!(Code::parse(digits), None);
        }
        assert_eq!(Code::parse(*b"260").map(Code::get), Some(260));
    }
}
