//! The replies that the machine gives by itself, each with its reason.

use super::{Limit, Why};
use crate::wire::ready;
use crate::{Code, Condition, EnhancedCode, Reply};

/// A refusal: what the peer is told, and why.
#[derive(Clone, Copy, Debug)]
pub(super) struct Stock {
    pub(super) reply: Reply<'static>,
    pub(super) why: Why,
}

/// Whether something may be done; the error is the refusal.
pub(super) type May = Result<(), &'static Stock>;

const fn stock(code: Code, condition: Condition, text: &'static str, why: Why) -> Stock {
    Stock { reply: Reply::new(code, EnhancedCode::new(code.class(), condition), text), why }
}

const fn order(text: &'static str) -> Stock {
    stock(Code::BAD_SEQUENCE, Condition::INVALID_COMMAND, text, Why::Order)
}

pub(super) const NOT_IMPLEMENTED: &Stock = &stock(
    Code::NOT_IMPLEMENTED,
    Condition::INVALID_COMMAND,
    "Command not implemented",
    Why::NotOffered,
);
pub(super) const OTHER_PROTOCOL: &Stock =
    &stock(Code::SYNTAX_ERROR, Condition::INVALID_COMMAND, "This is SMTP, not LMTP", Why::Order);
pub(super) const LMTP_ONLY: &Stock =
    &stock(Code::SYNTAX_ERROR, Condition::INVALID_COMMAND, "This is LMTP, not SMTP", Why::Order);
pub(super) const TLS_HELLO: &Stock = &stock(
    Code::SYNTAX_ERROR,
    Condition::SYNTAX_ERROR,
    "This port does not begin with TLS",
    Why::ForeignProtocol,
);
pub(super) const LINE_TOO_LONG: &Stock =
    &stock(Code::SYNTAX_ERROR, Condition::SYNTAX_ERROR, "Line too long", Why::TooLong);
pub(super) const HELLO_FIRST: &Stock = &order("Say EHLO first");
pub(super) const NO_SERVICE: &Stock = &order("No SMTP service here");
pub(super) const MAIL_TWICE: &Stock = &order("A sender was already given");
pub(super) const MAIL_FIRST: &Stock = &order("Say MAIL first");
pub(super) const RCPT_FIRST: &Stock = &order("Say RCPT first");
pub(super) const BDAT_NEEDED: &Stock = &order("BINARYMIME comes by BDAT only");
// RFC 3030 2.
pub(super) const IN_CHUNKS: &Stock = &order("Chunks are coming");
pub(super) const RSET_FIRST: &Stock = &order("A chunk failed, say RSET");
// RFC 7504 3: a host that never accepts mail may say so again.
pub(super) const NEVER_MAIL: &Stock = &stock(
    Code::NEVER_ACCEPTS_MAIL,
    Condition::SYSTEM_NOT_ACCEPTING_MESSAGES,
    "This host accepts no mail",
    Why::Order,
);
// RFC 2920 3.2: the failure of all recipients is told at DATA.
pub(super) const NO_RECIPIENTS: &Stock = &stock(
    Code::TRANSACTION_FAILED,
    Condition::INVALID_COMMAND,
    "No valid recipients",
    Why::NoRecipients,
);
pub(super) const TLS_FIRST: &Stock = &stock(
    // RFC 3207 4.
    Code::SECURITY_REQUIRED,
    Condition::OTHER_SECURITY_STATUS,
    "Say STARTTLS first",
    Why::TlsRequired,
);
pub(super) const AUTH_FIRST: &Stock = &stock(
    // RFC 4954 6.
    Code::SECURITY_REQUIRED,
    Condition::OTHER_SECURITY_STATUS,
    "Authentication required",
    Why::AuthRequired,
);
pub(super) const TLS_BEGUN: &Stock = &order("TLS is there already");
pub(super) const TLS_AFTER_AUTH: &Stock = &order("Not after AUTH");
pub(super) const IN_TRANSACTION: &Stock = &order("Not inside a transaction");
pub(super) const AUTH_TWICE: &Stock = &order("Already authenticated");
// RFC 2034 4 and RFC 4954 6: only EHLO tells the mechanisms.
pub(super) const EHLO_FIRST: &Stock = &order("Say EHLO first");
// RFC 4954 6, RFC 5248 2.4.
pub(super) const TLS_FOR_MECHANISM: &Stock = &stock(
    Code::MECHANISM_NEEDS_ENCRYPTION,
    Condition::ENCRYPTION_REQUIRED_FOR_MECHANISM,
    "This needs TLS",
    Why::TlsRequired,
);
pub(super) const UNKNOWN_MECHANISM: &Stock = &stock(
    Code::PARAMETER_NOT_IMPLEMENTED,
    Condition::INVALID_COMMAND_ARGUMENTS,
    "Unknown mechanism",
    Why::NotOffered,
);
// RFC 4954 4.
pub(super) const AUTH_CANCELLED: &Stock = &stock(
    Code::BAD_ARGUMENTS,
    Condition::OTHER_SECURITY_STATUS,
    "Authentication cancelled",
    Why::Cancelled,
);
pub(super) const AUTH_LINE_TOO_LONG: &Stock = &stock(
    Code::SYNTAX_ERROR,
    Condition::AUTH_EXCHANGE_LINE_TOO_LONG,
    "Response too long",
    Why::TooLong,
);
pub(super) const TOO_MANY_ATTEMPTS: &Stock = &stock(
    Code::UNAVAILABLE,
    Condition::OTHER_SECURITY_STATUS,
    "Too many failed attempts",
    Why::Limit(Limit::Auth),
);
// RFC 5321 4.1.1.11.
pub(super) const UNKNOWN_PARAMETER: &Stock = &stock(
    Code::PARAMETERS_NOT_RECOGNISED,
    Condition::INVALID_COMMAND_ARGUMENTS,
    "Parameter not recognised",
    Why::NotOffered,
);
pub(super) const UTF8_PARAMETER: &Stock = &stock(
    Code::BAD_ARGUMENTS,
    Condition::INVALID_COMMAND_ARGUMENTS,
    "This value needs SMTPUTF8",
    Why::Utf8,
);
// RFC 6531 3.5.
pub(super) const UTF8_SENDER: &Stock = &stock(
    Code::MAILBOX_UNAVAILABLE,
    Condition::NON_ASCII_ADDRESS_NOT_PERMITTED,
    "This address needs SMTPUTF8",
    Why::Utf8,
);
pub(super) const UTF8_RECIPIENT: &Stock = &stock(
    Code::NAME_NOT_ALLOWED,
    Condition::NON_ASCII_ADDRESS_NOT_PERMITTED,
    "This address needs SMTPUTF8",
    Why::Utf8,
);
// RFC 1870 6.1.
pub(super) const MESSAGE_TOO_BIG: &Stock = &stock(
    Code::EXCEEDED_STORAGE,
    Condition::MESSAGE_TOO_BIG_FOR_SYSTEM,
    "Message too big",
    Why::Limit(Limit::Message),
);
// RFC 5321 4.5.3.1.10: 452, not 552.
pub(super) const TOO_MANY_RECIPIENTS: &Stock = &stock(
    Code::INSUFFICIENT_STORAGE,
    Condition::TOO_MANY_RECIPIENTS,
    "Too many recipients",
    Why::Limit(Limit::Recipients),
);
pub(super) const STRAY_NEWLINE: &Stock = &stock(
    Code::MAILBOX_UNAVAILABLE,
    Condition::SYNTAX_ERROR,
    "Bare CR, bare LF or NUL in the message",
    Why::Newline,
);
pub(super) const EARLY: &Stock = &stock(
    Code::TRANSACTION_FAILED,
    Condition::OTHER_PROTOCOL_STATUS,
    "Octets came before their time",
    Why::Early,
);
pub(super) const TOO_MANY_ERRORS: &Stock = &stock(
    Code::UNAVAILABLE,
    Condition::OTHER_SECURITY_STATUS,
    "Too many errors",
    Why::Limit(Limit::Errors),
);
pub(super) const TOO_MANY_IDLE: &Stock = &stock(
    Code::UNAVAILABLE,
    Condition::OTHER_SECURITY_STATUS,
    "Too many commands without a message",
    Why::Limit(Limit::Idle),
);
pub(super) const TIMED_OUT: &Stock =
    &stock(Code::UNAVAILABLE, Condition::BAD_CONNECTION, "Too slow, closing", Why::TimedOut);
pub(super) const NO_GREETING: &Stock = &stock(
    Code::UNAVAILABLE,
    Condition::OTHER_MAIL_SYSTEM_STATUS,
    "Not now, closing",
    Why::Unanswered,
);
pub(super) const UNANSWERED: &Stock = &stock(
    Code::LOCAL_ERROR,
    Condition::OTHER_MAIL_SYSTEM_STATUS,
    "Local error in processing",
    Why::Unanswered,
);

pub(super) const OK: Reply<'static> = ready!(OK 250, 0 0, "OK");
pub(super) const CLOSING: Reply<'static> = ready!(CLOSING 221, 0 0, "Closing");
pub(super) const HELP: Reply<'static> = ready!(HELP 214, 0 0, "See RFC 5321");
// RFC 5321 3.5.3, 7.3: never 250 for what was not verified.
pub(super) const CANNOT_VERIFY: Reply<'static> =
    ready!(CANNOT_VERIFY 252, 0 0, "Cannot verify, but will take a message");
/// RFC 5321 4.3.2: what [`decline`](super::Server::decline) says to a RCPT.
pub(super) const NO_SUCH_MAILBOX: Reply<'static> = Reply::new(
    Code::MAILBOX_UNAVAILABLE,
    Some(Condition::BAD_DESTINATION_MAILBOX_ADDRESS.permanent()),
    "No such mailbox here",
);
