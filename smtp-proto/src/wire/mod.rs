//! The values of the wire and their grammar: commands, replies, addresses, parameters.
//!
//! Borrowed, stateless and lossless: a value is read once, at the edge, into a type that cannot be invalid, and whatever was read can be
//! written again. Each borrowed value has an owned twin (`MailboxBuf` for `Mailbox`) for queues and other tasks.

mod address;
mod auth;
mod base64;
pub(crate) mod chars;
mod code;
mod command;
mod declared;
mod dsn;
mod enhanced;
mod error;
mod escaped;
pub(crate) mod extension;
mod extensions;
mod fixed;
mod host;
pub(crate) mod input;
mod keyword;
mod params;
mod path;
mod reply;
mod session_limits;
mod short;
mod syntax;
mod text;
mod verb;
mod word;
mod xtext;

pub use address::{LocalPart, Mailbox, MailboxBuf};
pub use auth::{Auth, Mechanism, Mechanisms};
pub use base64::Base64;
pub use code::{Class, Code};
pub use command::{Command, FreeText, Last, Mail, MailBuf, Rcpt, RcptBuf};
pub use declared::{Declaration, Declared};
pub use dsn::{Notify, OriginalRecipient, Ret};
pub use enhanced::{Condition, EnhancedCode};
pub use error::{ParseError, ParseErrorKind};
pub use escaped::Escaped;
pub use extension::Extension;
#[cfg(feature = "testing")]
pub(crate) use extension::parameter_keywords;
pub use extensions::Extensions;
pub use host::{AddressLiteral, Domain, Host, HostBuf};
pub use params::{Body, MailParams, MailParamsBuf, Param, Params, RcptParams, RcptParamsBuf};
pub use path::{ForwardPath, ForwardPathBuf, ReversePath, ReversePathBuf};
pub use reply::{Lines, Reply, ReplyBuf};
pub(crate) use reply::{Ready, ReplyLine, line_break, printable, ready};
pub use session_limits::SessionLimits;
pub use syntax::Syntax;
pub use verb::Verb;
pub use xtext::Xtext;

/// An owned value is compared, hashed and shown as its borrowed form.
macro_rules! owned_traits {
    ($($owned:ident),*) => {
        $(
            impl PartialEq for $owned {
                fn eq(&self, other: &Self) -> bool {
                    self.as_ref() == other.as_ref()
                }
            }

            impl Eq for $owned {}

            impl core::hash::Hash for $owned {
                fn hash<H: core::hash::Hasher>(&self, state: &mut H) {
                    self.as_ref().hash(state);
                }
            }

            impl core::fmt::Display for $owned {
                fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
                    self.as_ref().fmt(f)
                }
            }

            impl core::fmt::Debug for $owned {
                fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
                    core::fmt::Debug::fmt(&self.as_ref(), f)
                }
            }
        )*
    };
}
use owned_traits;
