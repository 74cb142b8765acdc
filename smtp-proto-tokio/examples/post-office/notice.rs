//! What a sender is told who asked for it: that his letter was delivered.

use core::hash::BuildHasher;
use core::net::IpAddr;
use std::collections::BTreeSet;
use std::hash::RandomState;
use std::io;

use smtp_proto::report::{Date, Id, Recipient, Report, ReturnPath, header_section};
use smtp_proto::{HostBuf, MailBuf, Notify, RcptBuf, Ret, ReversePath};
use tracing::info;

use crate::address::Address;
use crate::letter::Letter;
use crate::office::{Office, now};
use crate::sorter::Miss;

/// So much of a letter's header section is returned.
const HEADER_LIMIT: usize = 64 * 1024;

/// The report on one letter, before it is written.
#[derive(Debug)]
pub(crate) struct Notice {
    mail: MailBuf,
    /// Those of whom the sender wants to hear.
    recipients: Vec<RcptBuf>,
    client: (HostBuf, Option<IpAddr>),
    arrived: Date,
    header: Vec<u8>,
}

impl Notice {
    /// `None` where nobody is to be told: the sender asked for nothing, or is null (RFC 3461 5.2.3, RFC 5321 4.5.5).
    pub(crate) fn asked_for<'a>(
        mail: &MailBuf,
        recipients: impl IntoIterator<Item = &'a RcptBuf>,
        client: (HostBuf, Option<IpAddr>),
        arrived: Date,
    ) -> Option<Self> {
        let asked = |rcpt: &&RcptBuf| {
            rcpt.as_ref().params.notify().is_some_and(|notify| notify.contains(Notify::SUCCESS))
        };
        let recipients: Vec<RcptBuf> = recipients.into_iter().filter(asked).cloned().collect();
        let told = mail.as_ref().from != ReversePath::Null && !recipients.is_empty();
        told.then(|| Self { mail: mail.clone(), recipients, client, arrived, header: Vec::new() })
    }

    /// Takes a run of the header section of the letter.
    pub(crate) fn header(&mut self, run: &[u8]) {
        let room = HEADER_LIMIT.saturating_sub(self.header.len());
        self.header.extend(run.iter().take(room));
    }

    /// Writes the report, and puts it where its reader will find it.
    pub(crate) fn write(self, office: &Office, eight_bit: bool) -> io::Result<()> {
        let id = self.id(now());
        let Some(id) = Id::new(&id) else { return Err(io::ErrorKind::InvalidInput.into()) };
        let mail = self.mail.as_ref();
        let recipients: Vec<Recipient<'_>> =
            self.recipients.iter().map(|rcpt| Recipient::delivered(&rcpt.as_ref())).collect();
        let by = office.hostname.as_ref();
        let (name, address) = &self.client;
        let report = Report::new(&mail, by, id, Date::utc(now()), &recipients)
            .map_err(io::Error::other)?
            .arrived(self.arrived)
            .received_from(name.as_ref(), *address)
            .returning(Ret::Headers);
        let report = if eight_bit { report.eight_bit() } else { report };
        let content = self.content(&report);
        match office.sorter.sender(mail.from) {
            Some(Ok(sender)) => put(office, sender, &content),
            Some(Err(Miss::Elsewhere)) => office.outgoing.keep(id.as_str(), &report, &content),
            Some(Err(Miss::Stranger)) | None => {
                info!(sender = %mail.from, "nobody to tell that a letter was delivered");
                Ok(())
            }
        }
    }

    fn content(&self, report: &Report<'_>) -> Vec<u8> {
        let mut content = Vec::new();
        if report.write_head(&mut content).is_some() {
            // A line that was cut off is no field.
            let section = header_section(&self.header);
            let end = section.iter().rposition(|octet| *octet == b'\n').map_or(0, |at| at + 1);
            content.extend_from_slice(&section[..end]);
        }
        report.write_tail(&mut content);
        content
    }

    /// It separates the parts of the report, so a sender who could guess it could add some of his own.
    fn id(&self, now: u64) -> String {
        let random = RandomState::new();
        let ids = (0_u32..).map(|count| format!("{now}.{:016x}", random.hash_one(count)));
        let fits = |id: &String| Id::new(id).is_some_and(|id| !id.occurs_in(&self.header));
        ids.into_iter().find(fits).unwrap_or_default()
    }
}

/// Delivers the report to a sender who has a mailbox here.
fn put(office: &Office, sender: &BTreeSet<Address>, content: &[u8]) -> io::Result<()> {
    let mailboxes = &office.mailboxes;
    let mut letter = Letter::new(mailboxes, mailboxes.name(), sender.clone());
    ReturnPath::new(ReversePath::Null).encode(letter.octets());
    letter.octets().extend_from_slice(content);
    letter.deliver()
}
