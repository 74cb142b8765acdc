//! A letter on its way to its mailboxes.

use core::mem;
use std::collections::BTreeSet;
use std::io;
use std::sync::Arc;

use tokio::task::spawn_blocking;
use tracing::Span;

use crate::address::Address;
use crate::mailbox::{Draft, Mailboxes, Name};

/// So many octets are kept in memory: most letters are handed to the disk once and whole.
const IN_MEMORY: usize = 64 * 1024;

/// What came of a letter so far. Dropped before it is delivered, it leaves nothing behind.
#[derive(Debug)]
pub(crate) struct Letter {
    mailboxes: Arc<Mailboxes>,
    name: Name,
    to: BTreeSet<Address>,
    draft: Draft,
}

impl Letter {
    pub(crate) fn new(mailboxes: &Arc<Mailboxes>, name: Name, to: BTreeSet<Address>) -> Self {
        let draft = mailboxes.draft(&name, &to);
        Self { mailboxes: Arc::clone(mailboxes), name, to, draft }
    }

    pub(crate) fn id(&self) -> String {
        self.name.id()
    }

    /// Where fields are put on top, and small letters written.
    pub(crate) fn octets(&mut self) -> &mut Vec<u8> {
        &mut self.draft.octets
    }

    /// Takes a run of the content.
    pub(crate) async fn write(&mut self, run: &[u8]) -> io::Result<()> {
        self.draft.octets.extend_from_slice(run);
        if self.draft.octets.len() >= IN_MEMORY {
            let mut draft = mem::take(&mut self.draft);
            self.draft = on_disk(move || draft.spill().map(drop).map(|()| draft)).await?;
        }
        Ok(())
    }

    /// Delivers it: when it returns, the letter is safe. It waits for the disk.
    pub(crate) fn deliver(self) -> io::Result<()> {
        self.mailboxes.deliver(self.draft, &self.name, &self.to)
    }
}

/// Waits for the disk where nobody else has to wait too.
pub(crate) async fn on_disk<T: Send + 'static>(
    work: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> io::Result<T> {
    let span = Span::current();
    spawn_blocking(move || span.in_scope(work)).await.map_err(io::Error::other)?
}
