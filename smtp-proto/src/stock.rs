//! Replies that servers give again and again, ready made: they allocate nothing.
//!
//! | reply | says |
//! |---|---|
//! | 550 5.1.1 [`NO_SUCH_MAILBOX`] | the recipient is not known here |
//! | 550 5.2.1 [`MAILBOX_DISABLED`], 452 4.2.2 [`MAILBOX_FULL`] | it is known, and takes nothing, or nothing now |
//! | 550 5.7.1 [`RELAYING_DENIED`], [`NOT_AUTHORISED`] | this client may not do that |
//! | 451 4.7.1 [`NOT_YET`] | it may later |
//! | 451 4.3.0 [`LOCAL_ERROR`], 452 4.3.1 [`NO_SPACE`], 451 4.4.3 [`DIRECTORY_FAILURE`] | a fault of this server, which will pass |
//! | 552 5.3.4 [`MESSAGE_TOO_BIG`], 554 5.6.0 [`CONTENT_REFUSED`], 554 5.4.6 [`LOOP`] | the letter itself is refused |
//! | 535 5.7.8 [`BAD_CREDENTIALS`], 454 4.7.0 [`NO_SECURITY_NOW`] | AUTH failed, or cannot be had now |
//! | 501 5.7.0 [`NO_INITIAL_RESPONSE`], 504 5.5.4 [`UNKNOWN_MECHANISM`] | AUTH cannot begin so |
//! | 421 [`SHUTTING_DOWN`], [`TOO_MANY_CONNECTIONS`], [`TOO_MANY_FROM_PEER`], [`BROKEN`] | the session is over |
//! | 252 [`CANNOT_VERIFY`] | VRFY tells nothing |
//!
//! ```
//! use smtp_proto::server::Verdict;
//! use smtp_proto::{ForwardPath, stock};
//!
//! fn verdict(to: ForwardPath<'_>) -> Verdict {
//!     match to {
//!         ForwardPath::Postmaster => Ok(None),
//!         ForwardPath::Mailbox(_) => Err(stock::NO_SUCH_MAILBOX),
//!     }
//! }
//! assert_eq!(verdict("bob@example.test".parse::<smtp_proto::ForwardPathBuf>()?.as_ref()), Err(stock::NO_SUCH_MAILBOX));
//! assert_eq!(stock::NO_SUCH_MAILBOX.to_string(), "550 5.1.1 No such mailbox here");
//! # Ok::<(), smtp_proto::ParseError>(())
//! ```

use crate::{Code, Condition, ReplyBuf};

macro_rules! stock {
    ($($(#[$doc:meta])* $name:ident $code:ident $condition:ident $class:ident $text:literal;)*) => {
        $(
            $(#[$doc])*
            pub const $name: ReplyBuf =
                ReplyBuf::from_static(Code::$code, Condition::$condition.$class(), $text);
        )*

        #[cfg(test)]
        fn all() -> alloc::vec::Vec<(&'static str, ReplyBuf)> {
            alloc::vec![$((stringify!($name), $name)),*]
        }
    };
}

stock! {
    /// 550 5.1.1: the recipient is not known here (RFC 5321 3.6.2).
    NO_SUCH_MAILBOX MAILBOX_UNAVAILABLE BAD_DESTINATION_MAILBOX_ADDRESS permanent "No such mailbox here";
    /// 550 5.2.1: the mailbox takes no letters any more.
    MAILBOX_DISABLED MAILBOX_UNAVAILABLE MAILBOX_DISABLED permanent "This mailbox takes no letters";
    /// 452 4.2.2: the mailbox is full for now.
    MAILBOX_FULL INSUFFICIENT_STORAGE MAILBOX_FULL transient "Mailbox full";
    /// 550 5.7.1: the recipient is elsewhere, and this client's letters are not carried on (RFC 5321 3.6.2).
    RELAYING_DENIED MAILBOX_UNAVAILABLE DELIVERY_NOT_AUTHORIZED permanent "Relaying denied";
    /// 550 5.7.1: policy is against it (RFC 5321 7.8).
    NOT_AUTHORISED MAILBOX_UNAVAILABLE DELIVERY_NOT_AUTHORIZED permanent "Refused by policy";
    /// 451 4.7.1: policy is against it for now, as in greylisting (RFC 6647 2).
    NOT_YET LOCAL_ERROR DELIVERY_NOT_AUTHORIZED transient "Try again later";
    /// 451 4.3.0: something is wrong here, and will be mended.
    LOCAL_ERROR LOCAL_ERROR OTHER_MAIL_SYSTEM_STATUS transient "Local error in processing";
    /// 452 4.3.1: no room to keep the letter.
    NO_SPACE INSUFFICIENT_STORAGE MAIL_SYSTEM_FULL transient "No space for the message";
    /// 451 4.4.3: a look-up failed, so that nothing can be said of the address now.
    DIRECTORY_FAILURE LOCAL_ERROR DIRECTORY_SERVER_FAILURE transient "Cannot look that up now";
    /// 552 5.3.4: the letter is too big (RFC 1870 6.1).
    MESSAGE_TOO_BIG EXCEEDED_STORAGE MESSAGE_TOO_BIG_FOR_SYSTEM permanent "Message too big";
    /// 554 5.6.0: what is in the letter is not wanted.
    CONTENT_REFUSED TRANSACTION_FAILED OTHER_MEDIA_ERROR permanent "Content refused";
    /// 554 5.4.6: the letter goes round in circles (RFC 5321 6.3).
    LOOP TRANSACTION_FAILED ROUTING_LOOP_DETECTED permanent "Too many hops";
    /// 535 5.7.8: to AUTH, the same for a user that is not known and a wrong password (RFC 4954 6).
    BAD_CREDENTIALS CREDENTIALS_INVALID AUTH_CREDENTIALS_INVALID permanent "Authentication failed";
    /// 454 4.7.0: to AUTH and STARTTLS, where what is behind them does not work now (RFC 4954 6, RFC 3207 4).
    NO_SECURITY_NOW TEMPORARY_SECURITY_FAILURE OTHER_SECURITY_STATUS transient "Not available now";
    /// 501 5.7.0: an initial response to a mechanism in which the server speaks first (RFC 4954 4).
    NO_INITIAL_RESPONSE BAD_ARGUMENTS OTHER_SECURITY_STATUS permanent "This mechanism has no initial response";
    /// 504 5.5.4: a mechanism that is not known here (RFC 4954 4).
    UNKNOWN_MECHANISM PARAMETER_NOT_IMPLEMENTED INVALID_COMMAND_ARGUMENTS permanent "Unknown mechanism";
    /// 421 4.3.2: the server stops (RFC 5321 3.8).
    SHUTTING_DOWN UNAVAILABLE SYSTEM_NOT_ACCEPTING_MESSAGES transient "Shutting down";
    /// 421 4.3.2: the server is at its limit.
    TOO_MANY_CONNECTIONS UNAVAILABLE SYSTEM_NOT_ACCEPTING_MESSAGES transient "Too many connections";
    /// 421 4.7.0: this peer is at its limit.
    TOO_MANY_FROM_PEER UNAVAILABLE OTHER_SECURITY_STATUS transient "Too many connections from your address";
    /// 421 4.3.0: the session cannot go on, because of a fault here.
    BROKEN UNAVAILABLE OTHER_MAIL_SYSTEM_STATUS transient "Local error, closing";
    /// 252 2.0.0: to VRFY, where nothing is to be told (RFC 5321 3.5.3, 7.3).
    CANNOT_VERIFY CANNOT_VERIFY OTHER_UNDEFINED_STATUS success "Cannot verify, but will take a message";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reply_has_an_enhanced_code_of_its_class() {
        for (name, reply) in all() {
            let reply = reply.as_ref();
            assert_eq!(reply.enhanced().map(|code| code.class()), Some(reply.class()), "{name}");
        }
    }
}
