//! The counter, where letters are taken in: one [`Counter`] serves one client.

use core::net::IpAddr;
use std::collections::BTreeSet;
use std::io;
use std::sync::Arc;

use smtp_proto::report::{Date, HOP_LIMIT, Hops, Received, ReturnPath};
use smtp_proto::sasl::Credentials;
use smtp_proto::server::{Opening, Summary, Verdict};
use smtp_proto::{Host, HostBuf, Mail, MailBuf, Rcpt, RcptBuf, ReplyBuf, Verb, stock};
use smtp_proto_tokio::{Handler, Peer};
use tracing::{error, info};

use crate::address::Address;
use crate::letter::{Letter, on_disk};
use crate::notice::Notice;
use crate::office::Office;
use crate::sorter::Miss;

pub(crate) struct Counter {
    office: Arc<Office>,
    /// Where the client is, and the address that it connected to; none over a Unix socket.
    peer: Option<IpAddr>,
    here: Option<IpAddr>,
    /// What the client calls itself.
    hello: HostBuf,
    transaction: Option<Transaction>,
}

/// What is said of a letter before it comes.
struct Transaction {
    mail: MailBuf,
    recipients: Vec<RcptBuf>,
    mailboxes: BTreeSet<Address>,
}

/// A letter that is coming in.
pub(crate) struct Intake {
    letter: Letter,
    hops: Hops,
    notice: Option<Notice>,
}

impl Counter {
    pub(crate) fn new(office: &Arc<Office>, peer: &Peer) -> Self {
        Self {
            office: Arc::clone(office),
            peer: peer.ip(),
            here: peer.local.socket().map(|address| address.ip()),
            hello: office.hostname.clone(),
            transaction: None,
        }
    }
}

impl Handler for Counter {
    type Letter = Intake;

    async fn authenticate(&mut self, credentials: &Credentials) -> Verdict {
        let user = self.office.users.check(credentials).ok_or(stock::BAD_CREDENTIALS)?;
        info!(user, "authenticated");
        Ok(None)
    }

    async fn hello(&mut self, _: Verb, name: Host<'_>) -> Verdict {
        self.hello = name.to_owned();
        Ok(None)
    }

    async fn mail(&mut self, mail: &Mail<'_>) -> Verdict {
        let (recipients, mailboxes) = (Vec::new(), BTreeSet::new());
        self.transaction = Some(Transaction { mail: mail.to_owned(), recipients, mailboxes });
        Ok(None)
    }

    async fn rcpt(&mut self, rcpt: &Rcpt<'_>) -> Verdict {
        let transaction = self.transaction.as_mut().ok_or(stock::LOCAL_ERROR)?;
        match self.office.sorter.recipient(rcpt.to, self.here) {
            Ok(mailboxes) => transaction.mailboxes.extend(mailboxes.iter().cloned()),
            Err(Miss::Stranger) => return Err(stock::NO_SUCH_MAILBOX),
            Err(Miss::Elsewhere) => return Err(stock::RELAYING_DENIED),
        }
        transaction.recipients.push(rcpt.to_owned());
        Ok(None)
    }

    async fn begin(&mut self, opening: Opening) -> Result<Intake, ReplyBuf> {
        let Transaction { mail, recipients, mailboxes } =
            self.transaction.take().ok_or(stock::LOCAL_ERROR)?;
        let name = self.office.mailboxes.name();
        let (id, date) = (name.id(), Date::utc(name.unix()));
        let mut letter = Letter::new(&self.office.mailboxes, name, mailboxes);
        ReturnPath::new(mail.as_ref().from).encode(letter.octets());
        let hostname = self.office.hostname.as_ref();
        let received = Received::new(self.hello.as_ref(), hostname, opening.protocol, date);
        let received = self.peer.map_or(received, |ip| received.peer(ip, None));
        received
            .id(&id)
            .recipients(recipients.iter().map(|rcpt| rcpt.as_ref().to))
            .encode(letter.octets());
        let client = (self.hello.clone(), self.peer);
        let notice = Notice::asked_for(&mail, &recipients, client, date);
        Ok(Intake { letter, hops: Hops::new(), notice })
    }

    async fn write(&mut self, intake: &mut Intake, octets: &[u8]) -> Result<(), ReplyBuf> {
        let Intake { letter, hops, notice } = intake;
        if !hops.is_over() {
            if let Some(notice) = notice {
                notice.header(octets);
            }
            hops.push(octets);
        }
        // RFC 5321 6.3: more than a hundred hops are a loop.
        if hops.count() > HOP_LIMIT {
            return Err(stock::LOOP);
        }
        letter.write(octets).await.map_err(|error| fault(&error))
    }

    async fn commit(&mut self, intake: Intake, content: Summary) -> Verdict {
        let Intake { letter, notice, .. } = intake;
        let id = letter.id();
        let office = Arc::clone(&self.office);
        // To the end even where the client no longer waits for it.
        let delivered = on_disk(move || {
            letter.deliver()?;
            let told = notice.map_or(Ok(()), |notice| notice.write(&office, content.eight_bit));
            // The letter is delivered all the same.
            told.unwrap_or_else(|error| error!(%error, "cannot report a delivery"));
            Ok(())
        });
        delivered.await.map_err(|error| fault(&error))?;
        info!(id, octets = content.octets, "delivered");
        Ok(None)
    }
}

/// What the client is told of a fault here.
fn fault(error: &io::Error) -> ReplyBuf {
    error!(%error, "cannot deliver a letter");
    match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => stock::NO_SPACE,
        _ => stock::LOCAL_ERROR,
    }
}
