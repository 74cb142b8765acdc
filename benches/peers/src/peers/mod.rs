//! One file a peer, and the marks that show where the limit is.

mod hand;
mod io_smtp;
mod lettre;
mod mail_send;
mod mailin;
mod mailrs;
mod memory;
mod ours;
mod rustyknife;
mod smtp_codec;
mod smtp_message;
mod stalwart;
mod stream;

use crate::job::Peer;

/// The row to which all others are set in proportion.
pub(crate) const OURS: &str = "smtp-proto";

/// Whether this row is no peer.
pub(crate) fn is_mark(name: &str) -> bool {
    [hand::NAME, memory::COPY, memory::SEARCH, ours::COPYING].contains(&name)
}

pub(crate) fn all() -> Vec<Box<dyn Peer>> {
    vec![
        Box::new(ours::Ours),
        Box::new(ours::Copying),
        Box::new(hand::Hand),
        Box::new(memory::Copy),
        Box::new(memory::Search),
        Box::new(stalwart::Stalwart),
        Box::new(mailrs::Mailrs),
        Box::new(mailin::Mailin),
        Box::new(smtp_codec::SmtpCodec),
        Box::new(smtp_message::SmtpMessage),
        Box::new(rustyknife::Rustyknife),
        Box::new(io_smtp::IoSmtp),
        Box::new(lettre::Lettre),
        Box::new(mail_send::MailSend),
    ]
}

/// The lines at the front of `input`, each with its CRLF, for peers that leave finding them to their caller.
fn lines(mut input: &[u8]) -> impl Iterator<Item = &[u8]> {
    std::iter::from_fn(move || {
        let end = memchr::memchr(b'\n', input)? + 1;
        let (line, rest) = input.split_at(end);
        input = rest;
        Some(line)
    })
}
