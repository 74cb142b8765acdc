//! Replies that an option speaks of.

use core::str::FromStr;

use smtp_proto::Verb;

/// Which reply.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Moment {
    /// The greeting.
    Connect,
    /// The reply to a command.
    Verb(Verb),
    /// The reply to the content.
    Body,
}

/// Those of which the core tells the application: NOOP, HELP and VRFY it answers in silence.
const VERBS: [Verb; 12] = [
    Verb::Ehlo,
    Verb::Helo,
    Verb::Lhlo,
    Verb::StartTls,
    Verb::Auth,
    Verb::Mail,
    Verb::Rcpt,
    Verb::Data,
    Verb::Bdat,
    Verb::Rset,
    Verb::Quit,
    Verb::Expn,
];

impl FromStr for Moment {
    type Err = String;

    fn from_str(word: &str) -> Result<Self, String> {
        match word.to_ascii_uppercase().as_str() {
            "CONNECT" => Ok(Self::Connect),
            "BODY" => Ok(Self::Body),
            word => Verb::parse(word.as_bytes())
                .filter(|verb| VERBS.contains(verb))
                .map(Self::Verb)
                .ok_or_else(|| {
                    format!("expected CONNECT, BODY or one of {}", VERBS.map(Verb::name).join(", "))
                }),
        }
    }
}
