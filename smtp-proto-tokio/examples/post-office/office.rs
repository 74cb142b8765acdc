//! What all sessions share.

use std::fs::File;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::SystemTime;

use rustix::fs::{FlockOperation, flock};
use rustix::io::Errno;
use smtp_proto::HostBuf;

use crate::mailbox::{Mailboxes, make};
use crate::outgoing::Outgoing;
use crate::sorter::Sorter;
use crate::users::Users;

#[derive(Debug)]
pub(crate) struct Office {
    pub(crate) hostname: HostBuf,
    pub(crate) sorter: Sorter,
    pub(crate) users: Users,
    pub(crate) mailboxes: Arc<Mailboxes>,
    pub(crate) outgoing: Outgoing,
    /// Locked as long as the office is open: two would sweep up each other's letters.
    _root: File,
}

impl Office {
    pub(crate) fn open(
        root: &Path,
        hostname: HostBuf,
        sorter: Sorter,
        users: Users,
    ) -> io::Result<Self> {
        make(root)?;
        let locked = File::open(root)?;
        flock(&locked, FlockOperation::NonBlockingLockExclusive).map_err(|error| match error {
            Errno::WOULDBLOCK => io::Error::other("another post-office is open there"),
            error => error.into(),
        })?;
        let mailboxes = Mailboxes::open(root, &hostname, sorter.mailboxes())?;
        let outgoing = Outgoing::open(root)?;
        Ok(Self {
            hostname,
            sorter,
            users,
            mailboxes: Arc::new(mailboxes),
            outgoing,
            _root: locked,
        })
    }
}

/// Seconds since the start of 1970.
pub(crate) fn now() -> u64 {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    now.unwrap_or_default().as_secs()
}
