//! Mailboxes on the disk, in the form of Maildir: a letter is a file, whole or absent, and no reader needs a lock.
//!
//! ```text
//! ROOT/mailboxes/<address>/tmp/   letters that are coming in, of no interest to a reader
//!                         /new/   letters that nobody has looked at
//!                         /cur/   for the reader, who moves letters here
//! ROOT/sorting/<letter>/          a letter for several mailboxes on its way from tmp to each new
//! ```
//!
//! A letter is on the disk, and its name too, before anyone is told that it was delivered. What stands in `tmp` when the office opens was
//! left by one that was killed, and is removed.

use core::sync::atomic::{AtomicU64, Ordering::Relaxed};
use core::time::Duration;
use std::collections::BTreeSet;
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::process;
use std::time::SystemTime;

use smtp_proto::HostBuf;
use tracing::warn;

use crate::address::Address;

#[derive(Debug)]
pub(crate) struct Mailboxes {
    folder: PathBuf,
    sorting: PathBuf,
    /// What the names of letters end with: by it a file says where it was delivered.
    host: String,
    letters: AtomicU64,
}

/// The name of a letter: when it came, and what is unique about it.
#[derive(Clone, Debug)]
pub(crate) struct Name {
    since_1970: Duration,
    unique: String,
}

/// A letter that is being written. Dropped, it leaves nothing in `tmp`.
#[derive(Debug, Default)]
pub(crate) struct Draft {
    path: PathBuf,
    /// What is on the disk so far; `None` also when that has moved.
    file: Option<File>,
    /// What comes behind it.
    pub(crate) octets: Vec<u8>,
}

impl Mailboxes {
    /// Opens the mailboxes below `root`, and makes those that are missing.
    pub(crate) fn open<'a>(
        root: &Path,
        hostname: &HostBuf,
        addresses: impl IntoIterator<Item = &'a Address>,
    ) -> io::Result<Self> {
        let mailboxes = Self {
            folder: root.join("mailboxes"),
            sorting: root.join("sorting"),
            // Maildir keeps both characters for itself.
            host: hostname.to_string().replace('/', "\\057").replace(':', "\\072"),
            letters: AtomicU64::new(0),
        };
        make(&mailboxes.sorting)?;
        for address in addresses {
            mailboxes.make(&address.folder())?;
        }
        mailboxes.sort_the_rest()?;
        mailboxes.sweep()?;
        Ok(mailboxes)
    }

    pub(crate) fn name(&self) -> Name {
        let since_1970 = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
        let since_1970 = since_1970.unwrap_or_default();
        let (pid, letter) = (process::id(), self.letters.fetch_add(1, Relaxed));
        Name { since_1970, unique: format!("M{:06}P{pid}Q{letter}", since_1970.subsec_micros()) }
    }

    /// A letter for these mailboxes, nothing of which is written yet.
    pub(crate) fn draft(&self, name: &Name, to: &BTreeSet<Address>) -> Draft {
        let folder = to.first().map(Address::folder).unwrap_or_default();
        let path = self.place(&folder, "tmp").join(name.file(&self.host));
        Draft { path, file: None, octets: Vec::new() }
    }

    /// Delivers a letter: when it returns, the letter is in each mailbox and on the disk. After an error it is in none.
    pub(crate) fn deliver(
        &self,
        mut draft: Draft,
        name: &Name,
        to: &BTreeSet<Address>,
    ) -> io::Result<()> {
        draft.spill()?.sync_all()?;
        let folders: Vec<String> = to.iter().map(Address::folder).collect();
        let file = name.file(&self.host);
        match folders.as_slice() {
            [folder] => {
                let new = self.place(folder, "new");
                fs::rename(&draft.path, new.join(&file))?;
                draft.file = None;
                sync(&new).inspect_err(|_| drop(fs::remove_file(new.join(&file))))
            }
            _ => self.deliver_to_several(&draft, &file, &folders),
        }
    }

    /// One letter under several names, which appear together even if the office is killed in between: they are made aside, in a folder of
    /// the letter's own. By the renaming of that folder the letter is delivered, since from then on the next office would go on.
    fn deliver_to_several(&self, draft: &Draft, file: &str, folders: &[String]) -> io::Result<()> {
        let aside = Aside(self.sorting.join(format!(".{file}")));
        let sorting = self.sorting.join(file);
        fs::create_dir(&aside.0)?;
        for folder in folders {
            fs::hard_link(&draft.path, aside.0.join(folder))?;
        }
        sync(&aside.0)?;
        fs::rename(&aside.0, &sorting)?;
        let sorted = sync(&self.sorting).and_then(|()| self.sort(&sorting, file));
        sorted.inspect_err(|_| {
            for folder in folders {
                let _ = fs::rename(self.place(folder, "new").join(file), sorting.join(folder));
            }
            let _ = fs::rename(&sorting, &aside.0);
        })
    }

    /// Moves each name of a letter into its mailbox.
    fn sort(&self, sorting: &Path, file: &str) -> io::Result<()> {
        for folder in names(sorting)? {
            let new = self.place(&folder, "new");
            fs::rename(sorting.join(&folder), new.join(file))?;
            // Where both names are there, as after a power failure, the renaming leaves them both.
            let _ = fs::remove_file(sorting.join(&folder));
            sync(&new)?;
        }
        fs::remove_dir(sorting)
    }

    /// Goes on with the letters that another office was about to deliver.
    fn sort_the_rest(&self) -> io::Result<()> {
        for file in names(&self.sorting)? {
            let sorting = self.sorting.join(&file);
            if file.starts_with('.') {
                fs::remove_dir_all(sorting)?;
                continue;
            }
            for folder in names(&sorting)? {
                // It may be there no more that this mailbox was for.
                self.make(&folder)?;
            }
            self.sort(&sorting, &file)?;
        }
        Ok(())
    }

    /// Nobody but the office writes to `tmp`, and this office is alone.
    fn sweep(&self) -> io::Result<()> {
        for folder in names(&self.folder)? {
            let tmp = self.place(&folder, "tmp");
            for stale in names(&tmp).unwrap_or_default() {
                if let Err(error) = fs::remove_file(tmp.join(&stale)) {
                    warn!(%error, folder, stale, "cannot remove what was left in tmp");
                }
            }
        }
        Ok(())
    }

    fn make(&self, folder: &str) -> io::Result<()> {
        ["tmp", "new", "cur"].iter().try_for_each(|part| make(&self.place(folder, part)))
    }

    fn place(&self, folder: &str, part: &str) -> PathBuf {
        self.folder.join(folder).join(part)
    }
}

impl Name {
    /// Unlike that of the file, an atom.
    pub(crate) fn id(&self) -> String {
        format!("{}-{}", self.since_1970.as_secs(), self.unique)
    }

    /// Seconds since the start of 1970.
    pub(crate) fn unix(&self) -> u64 {
        self.since_1970.as_secs()
    }

    fn file(&self, host: &str) -> String {
        format!("{}.{}.{host}", self.since_1970.as_secs(), self.unique)
    }
}

impl Draft {
    /// Writes what is in memory.
    pub(crate) fn spill(&mut self) -> io::Result<&File> {
        let file = match self.file.take() {
            Some(file) => file,
            None => create(&self.path)?,
        };
        let file = self.file.insert(file);
        file.write_all(&self.octets)?;
        self.octets.clear();
        Ok(file)
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        if self.file.is_some() {
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// A folder that is removed unless it was renamed.
struct Aside(PathBuf);

impl Drop for Aside {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// Makes a folder that only its owner can read, and what is missing above it.
pub(crate) fn make(folder: &Path) -> io::Result<()> {
    if folder.is_dir() {
        return Ok(());
    }
    let above = folder.parent().filter(|above| !above.as_os_str().is_empty());
    let above = above.unwrap_or_else(|| Path::new("."));
    make(above)?;
    DirBuilder::new().mode(0o700).create(folder)?;
    sync(above)
}

/// Makes a file that only its owner can read.
pub(crate) fn create(path: &Path) -> io::Result<File> {
    OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)
}

/// Makes the names in a folder as durable as the files.
pub(crate) fn sync(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

/// What is in a folder. A name that is not UTF-8 is none of ours.
pub(crate) fn names(folder: &Path) -> io::Result<Vec<String>> {
    let names = fs::read_dir(folder)?.map(|entry| Ok(entry?.file_name().into_string().ok()));
    names.filter_map(Result::transpose).collect()
}
