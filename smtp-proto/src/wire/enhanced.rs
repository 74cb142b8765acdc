//! Enhanced status codes: what `250 2.1.5` says behind the 250.
//!
//! ```abnf
//! status-code = class "." subject "." detail      ; RFC 3463 2
//! class       = "2" / "4" / "5"
//! subject     = 1*3DIGIT
//! detail      = 1*3DIGIT                          ; no leading zeros
//! ```
//!
//! The registry names a *condition* (X.2.2, mailbox full); the class says whether it is a success, may pass or stays.
//!
//! ```
//! use smtp_proto::Condition;
//!
//! let full = Condition::MAILBOX_FULL.transient();
//! assert_eq!(full.to_string(), "4.2.2");
//! assert_eq!(full.condition().text(), Some("Mailbox full"));
//! ```

use core::fmt;

use super::Class;

/// An enhanced status code: a class and a [`Condition`] (RFC 3463, RFC 2034).
///
/// ```
/// use smtp_proto::EnhancedCode;
///
/// assert_eq!(EnhancedCode::parse(b"5.1.1").unwrap().to_string(), "5.1.1");
/// assert_eq!(EnhancedCode::parse(b"5.01.1"), None);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct EnhancedCode {
    class: Class,
    condition: Condition,
}

impl EnhancedCode {
    /// The code of `class` and `condition`; `None` for [`Class::Intermediate`], which has none (RFC 2034 4).
    #[must_use]
    pub const fn new(class: Class, condition: Condition) -> Option<Self> {
        match class {
            Class::Intermediate => None,
            _ => Some(Self { class, condition }),
        }
    }

    /// Reads a code that is all of `octets`. Leading zeros and numbers over three digits are no code (RFC 3463 2).
    #[must_use]
    pub fn parse(octets: &[u8]) -> Option<Self> {
        let (code, rest) = Self::split_from(octets)?;
        rest.is_empty().then_some(code)
    }

    /// Reads the code at the front of `octets`; what stands behind it is returned too.
    pub(crate) fn split_from(octets: &[u8]) -> Option<(Self, &[u8])> {
        let (&class, rest) = octets.split_first()?;
        let class = match class {
            b'2' => Class::Completion,
            b'4' => Class::Transient,
            b'5' => Class::Permanent,
            _ => return None,
        };
        let (subject, rest) = number(rest.strip_prefix(b".")?)?;
        let (detail, rest) = number(rest.strip_prefix(b".")?)?;
        Some((Self { class, condition: Condition { subject, detail } }, rest))
    }

    /// 2 success, 4 persistent transient failure, 5 permanent failure.
    #[must_use]
    pub const fn class(self) -> Class {
        self.class
    }

    /// Subject and detail, without the class.
    #[must_use]
    pub const fn condition(self) -> Condition {
        self.condition
    }
}

/// One to three digits without a leading zero.
#[inline]
fn number(octets: &[u8]) -> Option<(u16, &[u8])> {
    let (first, mut rest) = octets.split_first()?;
    let mut value = digit(*first)?;
    for _ in 1..3 {
        let Some((next, behind)) = rest.split_first() else { break };
        let Some(next) = digit(*next) else { break };
        if value == 0 {
            return None;
        }
        (value, rest) = (value.saturating_mul(10).saturating_add(next), behind);
    }
    // A fourth digit, or one behind a zero.
    if rest.first().is_some_and(u8::is_ascii_digit) { None } else { Some((value, rest)) }
}

#[inline]
fn digit(octet: u8) -> Option<u16> {
    octet.is_ascii_digit().then(|| u16::from(octet & 0x0f))
}

/// The wire form.
impl fmt::Display for EnhancedCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Condition { subject, detail } = self.condition;
        write!(f, "{}.{subject}.{detail}", self.class.digit())
    }
}

/// Subject and detail of an enhanced status code: what happened, whichever class it is given.
///
/// The constants are the whole registry (RFC 5248); codes that are not in it can be built all the same.
///
/// ```
/// use smtp_proto::{Class, Condition};
///
/// assert_eq!(Condition::BAD_DESTINATION_MAILBOX_ADDRESS.permanent().to_string(), "5.1.1");
/// assert_eq!(Condition::MAILBOX_DISABLED.classes(), &[Class::Transient, Class::Permanent]);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Condition {
    subject: u16,
    detail: u16,
}

impl Condition {
    /// The condition of these two numbers; `None` when one is over 999.
    #[must_use]
    pub const fn new(subject: u16, detail: u16) -> Option<Self> {
        if subject > 999 || detail > 999 { None } else { Some(Self { subject, detail }) }
    }

    /// The second number of the code.
    #[must_use]
    pub const fn subject(self) -> u16 {
        self.subject
    }

    /// The third number of the code.
    #[must_use]
    pub const fn detail(self) -> u16 {
        self.detail
    }

    /// `2.subject.detail`.
    #[must_use]
    pub const fn success(self) -> EnhancedCode {
        EnhancedCode { class: Class::Completion, condition: self }
    }

    /// `4.subject.detail`.
    #[must_use]
    pub const fn transient(self) -> EnhancedCode {
        EnhancedCode { class: Class::Transient, condition: self }
    }

    /// `5.subject.detail`.
    #[must_use]
    pub const fn permanent(self) -> EnhancedCode {
        EnhancedCode { class: Class::Permanent, condition: self }
    }

    /// The registered sample text.
    #[must_use]
    pub fn text(self) -> Option<&'static str> {
        self.registered().map(|entry| entry.text)
    }

    /// The classes that the defining text gives this condition; none where it is not registered.
    #[must_use]
    pub fn classes(self) -> &'static [Class] {
        self.registered().map_or(&[], |entry| entry.classes)
    }

    fn registered(self) -> Option<&'static Registered> {
        REGISTRY.iter().find(|entry| entry.condition == self)
    }

    /// Every registered condition, in the order of the registry.
    pub fn all() -> impl Iterator<Item = Self> {
        REGISTRY.iter().map(|entry| entry.condition)
    }
}

struct Registered {
    condition: Condition,
    classes: &'static [Class],
    text: &'static str,
}

macro_rules! classes {
    ("") => {
        &[]
    };
    ("2") => {
        &[Class::Completion]
    };
    ("4") => {
        &[Class::Transient]
    };
    ("5") => {
        &[Class::Permanent]
    };
    ("25") => {
        &[Class::Completion, Class::Permanent]
    };
    ("45") => {
        &[Class::Transient, Class::Permanent]
    };
    ("245") => {
        &[Class::Completion, Class::Transient, Class::Permanent]
    };
}

macro_rules! registry {
    ($(($subject:literal, $detail:literal, $name:ident, $classes:tt, $text:literal, $reference:literal),)*) => {
        impl Condition {
            $(
                #[doc = concat!("X.", $subject, ".", $detail, ": ", $text, " (", $reference, ").")]
                pub const $name: Self = Self { subject: $subject, detail: $detail };
            )*
        }

        const REGISTRY: &[Registered] = &[
            $(Registered { condition: Condition::$name, classes: classes!($classes), text: $text },)*
        ];
    };
}

registry! {
    (0, 0, OTHER_UNDEFINED_STATUS, "245", "Other undefined Status", "RFC 3463"),
    (1, 0, OTHER_ADDRESS_STATUS, "245", "Other address status", "RFC 3463"),
    (1, 1, BAD_DESTINATION_MAILBOX_ADDRESS, "5", "Bad destination mailbox address", "RFC 3463"),
    (1, 2, BAD_DESTINATION_SYSTEM_ADDRESS, "5", "Bad destination system address", "RFC 3463"),
    (1, 3, BAD_DESTINATION_MAILBOX_SYNTAX, "5", "Bad destination mailbox address syntax", "RFC 3463"),
    (1, 4, DESTINATION_MAILBOX_AMBIGUOUS, "45", "Destination mailbox address ambiguous", "RFC 3463"),
    (1, 5, DESTINATION_ADDRESS_VALID, "2", "Destination address valid", "RFC 3463"),
    (1, 6, DESTINATION_MAILBOX_MOVED, "5", "Destination mailbox has moved, No forwarding address", "RFC 3463"),
    (1, 7, BAD_SENDER_MAILBOX_SYNTAX, "45", "Bad sender's mailbox address syntax", "RFC 3463"),
    (1, 8, BAD_SENDER_SYSTEM_ADDRESS, "45", "Bad sender's system address", "RFC 3463"),
    (1, 9, RELAYED_TO_NON_COMPLIANT_MAILER, "2", "Message relayed to non-compliant mailer", "RFC 3886"),
    (1, 10, RECIPIENT_NULL_MX, "5", "Recipient address has null MX", "RFC 7505, RFC 7504"),
    (2, 0, OTHER_MAILBOX_STATUS, "245", "Other or undefined mailbox status", "RFC 3463"),
    (2, 1, MAILBOX_DISABLED, "45", "Mailbox disabled, not accepting messages", "RFC 3463"),
    (2, 2, MAILBOX_FULL, "4", "Mailbox full", "RFC 3463"),
    (2, 3, MESSAGE_LENGTH_EXCEEDS_ADMIN_LIMIT, "5", "Message length exceeds administrative limit", "RFC 3463"),
    (2, 4, MAILING_LIST_EXPANSION_PROBLEM, "45", "Mailing list expansion problem", "RFC 3463"),
    (3, 0, OTHER_MAIL_SYSTEM_STATUS, "245", "Other or undefined mail system status", "RFC 3463"),
    (3, 1, MAIL_SYSTEM_FULL, "4", "Mail system full", "RFC 3463"),
    (3, 2, SYSTEM_NOT_ACCEPTING_MESSAGES, "45", "System not accepting network messages", "RFC 3463, RFC 7504"),
    (3, 3, SYSTEM_NOT_CAPABLE_OF_FEATURES, "45", "System not capable of selected features", "RFC 3463"),
    (3, 4, MESSAGE_TOO_BIG_FOR_SYSTEM, "5", "Message too big for system", "RFC 3463"),
    (3, 5, SYSTEM_INCORRECTLY_CONFIGURED, "45", "System incorrectly configured", "RFC 3463"),
    (3, 6, REQUESTED_PRIORITY_CHANGED, "2", "Requested priority was changed", "RFC 6710"),
    (4, 0, OTHER_NETWORK_STATUS, "45", "Other or undefined network or routing status", "RFC 3463"),
    (4, 1, NO_ANSWER_FROM_HOST, "4", "No answer from host", "RFC 3463"),
    (4, 2, BAD_CONNECTION, "4", "Bad connection", "RFC 3463"),
    (4, 3, DIRECTORY_SERVER_FAILURE, "4", "Directory server failure", "RFC 3463"),
    (4, 4, UNABLE_TO_ROUTE, "45", "Unable to route", "RFC 3463"),
    (4, 5, MAIL_SYSTEM_CONGESTION, "4", "Mail system congestion", "RFC 3463"),
    (4, 6, ROUTING_LOOP_DETECTED, "4", "Routing loop detected", "RFC 3463"),
    (4, 7, DELIVERY_TIME_EXPIRED, "45", "Delivery time expired", "RFC 3463"),
    (5, 0, OTHER_PROTOCOL_STATUS, "245", "Other or undefined protocol status", "RFC 3463"),
    (5, 1, INVALID_COMMAND, "5", "Invalid command", "RFC 3463"),
    (5, 2, SYNTAX_ERROR, "5", "Syntax error", "RFC 3463"),
    (5, 3, TOO_MANY_RECIPIENTS, "45", "Too many recipients", "RFC 3463"),
    (5, 4, INVALID_COMMAND_ARGUMENTS, "5", "Invalid command arguments", "RFC 3463"),
    (5, 5, WRONG_PROTOCOL_VERSION, "45", "Wrong protocol version", "RFC 3463"),
    (5, 6, AUTH_EXCHANGE_LINE_TOO_LONG, "45", "Authentication Exchange line is too long", "RFC 4954"),
    (6, 0, OTHER_MEDIA_ERROR, "245", "Other or undefined media error", "RFC 3463"),
    (6, 1, MEDIA_NOT_SUPPORTED, "5", "Media not supported", "RFC 3463"),
    (6, 2, CONVERSION_REQUIRED_AND_PROHIBITED, "45", "Conversion required and prohibited", "RFC 3463"),
    (6, 3, CONVERSION_REQUIRED_NOT_SUPPORTED, "45", "Conversion required but not supported", "RFC 3463"),
    (6, 4, CONVERSION_WITH_LOSS_PERFORMED, "25", "Conversion with loss performed", "RFC 3463"),
    (6, 5, CONVERSION_FAILED, "45", "Conversion Failed", "RFC 3463"),
    (6, 6, MESSAGE_CONTENT_NOT_AVAILABLE, "45", "Message content not available", "RFC 4468"),
    (6, 7, NON_ASCII_ADDRESS_NOT_PERMITTED, "5", "Non-ASCII addresses not permitted for that sender/recipient", "RFC 6531"),
    (6, 8, UTF8_REPLY_REQUIRED, "25", "UTF-8 string reply is required, but not permitted by the SMTP client", "RFC 6531"),
    (6, 9, UTF8_MESSAGE_CANNOT_BE_TRANSFERRED, "5", "UTF-8 header message cannot be transferred to one or more recipients, so the message must be rejected", "RFC 6531"),
    (6, 10, DEPRECATED_UTF8_REPLY_REQUIRED, "", "Deprecated duplicate of X.6.8", "RFC 6531"),
    (7, 0, OTHER_SECURITY_STATUS, "245", "Other or undefined security status", "RFC 3463"),
    (7, 1, DELIVERY_NOT_AUTHORIZED, "5", "Delivery not authorized, message refused", "RFC 3463"),
    (7, 2, MAILING_LIST_EXPANSION_PROHIBITED, "5", "Mailing list expansion prohibited", "RFC 3463"),
    (7, 3, SECURITY_CONVERSION_NOT_POSSIBLE, "5", "Security conversion required but not possible", "RFC 3463"),
    (7, 4, SECURITY_FEATURES_NOT_SUPPORTED, "5", "Security features not supported", "RFC 3463"),
    (7, 5, CRYPTOGRAPHIC_FAILURE, "45", "Cryptographic failure", "RFC 3463"),
    (7, 6, CRYPTOGRAPHIC_ALGORITHM_NOT_SUPPORTED, "45", "Cryptographic algorithm not supported", "RFC 3463"),
    (7, 7, MESSAGE_INTEGRITY_FAILURE, "245", "Message integrity failure", "RFC 3463"),
    (7, 8, AUTH_CREDENTIALS_INVALID, "5", "Authentication credentials invalid", "RFC 4954"),
    (7, 9, AUTH_MECHANISM_TOO_WEAK, "5", "Authentication mechanism is too weak", "RFC 4954"),
    (7, 10, ENCRYPTION_NEEDED, "5", "Encryption Needed", "RFC 5248"),
    (7, 11, ENCRYPTION_REQUIRED_FOR_MECHANISM, "5", "Encryption required for requested authentication mechanism", "RFC 4954"),
    (7, 12, PASSWORD_TRANSITION_NEEDED, "4", "A password transition is needed", "RFC 4954"),
    (7, 13, USER_ACCOUNT_DISABLED, "5", "User Account Disabled", "RFC 5248"),
    (7, 14, TRUST_RELATIONSHIP_REQUIRED, "5", "Trust relationship required", "RFC 5248"),
    (7, 15, PRIORITY_TOO_LOW, "45", "Priority Level is too low", "RFC 6710"),
    (7, 16, MESSAGE_TOO_BIG_FOR_PRIORITY, "45", "Message is too big for the specified priority", "RFC 6710"),
    (7, 17, MAILBOX_OWNER_CHANGED, "5", "Mailbox owner has changed", "RFC 7293"),
    (7, 18, DOMAIN_OWNER_CHANGED, "5", "Domain owner has changed", "RFC 7293"),
    (7, 19, RRVS_TEST_CANNOT_COMPLETE, "5", "RRVS test cannot be completed", "RFC 7293"),
    (7, 20, NO_PASSING_DKIM_SIGNATURE, "5", "No passing DKIM signature found", "RFC 7372, RFC 6376"),
    (7, 21, NO_ACCEPTABLE_DKIM_SIGNATURE, "5", "No acceptable DKIM signature found", "RFC 7372, RFC 6376"),
    (7, 22, NO_AUTHOR_MATCHED_DKIM_SIGNATURE, "5", "No valid author-matched DKIM signature found", "RFC 7372, RFC 6376"),
    (7, 23, SPF_VALIDATION_FAILED, "5", "SPF validation failed", "RFC 7372, RFC 7208"),
    (7, 24, SPF_VALIDATION_ERROR, "45", "SPF validation error", "RFC 7372, RFC 7208"),
    (7, 25, REVERSE_DNS_VALIDATION_FAILED, "5", "Reverse DNS validation failed", "RFC 7372"),
    (7, 26, MULTIPLE_AUTH_CHECKS_FAILED, "5", "Multiple authentication checks failed", "RFC 7372"),
    (7, 27, SENDER_NULL_MX, "5", "Sender address has null MX", "RFC 7505"),
    (7, 28, MAIL_FLOOD_DETECTED, "45", "Mail flood detected", "draft-levine-mailbomb-header-00"),
    (7, 29, ARC_VALIDATION_FAILURE, "5", "ARC validation failure", "RFC 8617"),
    (7, 30, REQUIRE_TLS_SUPPORT_REQUIRED, "5", "REQUIRETLS support required", "RFC 8689"),
}

#[cfg(test)]
mod tests {
    use alloc::string::ToString;

    use super::*;

    #[test]
    fn the_registry_is_whole_and_every_code_reads_back() {
        assert_eq!(Condition::all().count(), 81);
        for condition in Condition::all() {
            for code in [condition.success(), condition.transient(), condition.permanent()] {
                assert_eq!(EnhancedCode::parse(code.to_string().as_bytes()), Some(code));
            }
        }
    }

    #[test]
    fn only_well_formed_codes_are_read() {
        for bad in [
            "", "2", "2.1", "2.1.", "3.1.1", "1.1.1", "2.1.1234", "2.01.1", "2.1.00", "2..1",
            "2.1.1 ", "2.1.a",
        ] {
            assert_eq!(EnhancedCode::parse(bad.as_bytes()), None, "{bad}");
        }
        assert_eq!(
            EnhancedCode::parse(b"5.0.999"),
            Condition::new(0, 999).map(Condition::permanent)
        );
    }

    #[test]
    fn there_is_no_enhanced_code_of_class_three() {
        assert_eq!(EnhancedCode::new(Class::Intermediate, Condition::SYNTAX_ERROR), None);
    }
}
