//! EXTERNAL and ANONYMOUS: no secret is said.
//!
//! ```abnf
//! external  = *( UTF8-char-no-nul )          ; an authzid or nothing         ; RFC 4422 A.1
//! anonymous = [ email / token ]              ; token = 1*255TCHAR, no "@"    ; RFC 4505 2
//! ```

use alloc::boxed::Box;
use alloc::string::ToString;

use super::credentials::{is_name, optional_name};
use super::single::{Read, Say};
use super::{Credentials, Row, Secret};
use crate::Mailbox;

/// RFC 4505 2: the longest token, in characters.
const TRACE_LIMIT: usize = 255;

/// To be offered only where a client's certificate was verified: the layers below have to know who it is.
pub(super) const EXTERNAL: Row = Row {
    name: "EXTERNAL",
    exchange: || {
        Box::new(Read(|message| {
            optional_name(message).map(|authzid| Credentials::External { authzid })
        }))
    },
    initiator: |credentials| {
        let Credentials::External { authzid } = credentials else { return None };
        let sound = authzid.as_deref().is_none_or(is_name);
        let message = Secret::from(authzid.as_deref().unwrap_or_default());
        sound.then(|| Say::boxed("EXTERNAL", message, None))
    },
};

pub(super) const ANONYMOUS: Row = Row {
    name: "ANONYMOUS",
    exchange: || {
        Box::new(Read(|message| {
            let trace = core::str::from_utf8(message).ok().filter(|trace| is_trace(trace))?;
            Some(Credentials::Anonymous { trace: trace.to_string() })
        }))
    },
    initiator: |credentials| {
        let Credentials::Anonymous { trace } = credentials else { return None };
        is_trace(trace).then(|| Say::boxed("ANONYMOUS", Secret::from(trace.as_str()), None))
    },
};

/// Nothing, a mailbox, or a token. RFC 4505 3: control characters are in none of them.
fn is_trace(trace: &str) -> bool {
    let mailbox = !trace.contains('@') || Mailbox::parse(trace.as_bytes()).is_ok();
    trace.is_empty()
        || (is_name(trace)
            && mailbox
            && trace.chars().take(TRACE_LIMIT.saturating_add(1)).count() <= TRACE_LIMIT)
}
