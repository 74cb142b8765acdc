//! The dialogue in the log: `C:` and `S:` lines at level `trace`.

use core::net::IpAddr;

use smtp_proto::server::{Event, Transfer};
use smtp_proto::{Command, Escaped};
use tracing::{Level, enabled, trace};

use crate::dialogue::name;

#[derive(Clone, Copy, Debug)]
pub(crate) struct Transcript {
    on: bool,
    client: Option<IpAddr>,
}

impl Transcript {
    pub(crate) fn new(client: Option<IpAddr>) -> Self {
        Self { on: enabled!(Level::TRACE), client }
    }

    pub(crate) fn heard(self, event: &Event<'_>) {
        if self.on
            && let Some(line) = line(event)
        {
            trace!(client = %name(self.client), "C: {line}");
        }
    }

    pub(crate) fn said(self, replies: &[u8]) {
        if self.on {
            for line in replies.split_inclusive(|octet| *octet == b'\n') {
                trace!(client = %name(self.client), "S: {}", Escaped(line.trim_ascii_end()));
            }
        }
    }
}

/// What the client said, as far as an event tells it.
fn line(event: &Event<'_>) -> Option<String> {
    let command = match event {
        Event::Hello { verb, name, .. } => Command::Hello { verb: *verb, name: *name },
        Event::Mail { mail, .. } => Command::Mail(*mail),
        Event::Rcpt { rcpt, .. } => Command::Rcpt(*rcpt),
        Event::Data { how: Transfer::Bdat, .. } => return Some("BDAT".to_owned()),
        Event::Data { .. } => Command::Data,
        Event::StartTls(_) => Command::StartTls,
        Event::Auth { mechanism, initial, .. } => {
            let initial = initial.map_or("", |_| " <redacted>");
            return Some(format!("AUTH {}{initial}", mechanism.as_str()));
        }
        Event::AuthLine { .. } => return Some("<redacted>".to_owned()),
        Event::Query { verb, text, smtputf8, .. } => {
            Command::Query { verb: *verb, text: *text, smtputf8: *smtputf8 }
        }
        Event::Reset => Command::Rset,
        Event::Quit => Command::Quit,
        Event::Body(run) => return Some(format!("({} octets of the letter)", run.len())),
        Event::Chunk(_) => return Some("(the end of a chunk)".to_owned()),
        Event::Message { .. } | Event::Messages { .. } => return Some(".".to_owned()),
        Event::Refused(refusal) if !refusal.line.is_empty() => {
            return Some(Escaped(refusal.line).to_string());
        }
        _ => return None,
    };
    let mut wire = Vec::new();
    command.encode(&mut wire);
    Some(Escaped(wire.trim_ascii_end()).to_string())
}
