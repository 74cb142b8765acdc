//! The folder of letters: NNNNNN.eml and NNNNNN.json appear together or not at all.

use core::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process;

use smtp_proto::data::Gather;

#[derive(Debug)]
pub(crate) struct Store {
    folder: PathBuf,
    /// The number of the last letter.
    last: AtomicU64,
    /// The number of the last file that was written aside.
    aside: AtomicU64,
}

impl Store {
    /// Opens a folder, which is made where it is missing. Numbers go on behind those that are there.
    pub(crate) fn open(folder: &Path) -> io::Result<Self> {
        fs::create_dir_all(folder)?;
        let (mut letters, mut envelopes) = (BTreeSet::new(), BTreeSet::new());
        for entry in fs::read_dir(folder)? {
            let name = entry?.file_name();
            match name.to_str().and_then(|name| name.split_once('.')) {
                Some((number, "eml")) => letters.extend(number.parse::<u64>()),
                Some((number, "json")) => envelopes.extend(number.parse::<u64>()),
                _ => continue,
            };
        }
        let last = letters.union(&envelopes).last().copied().unwrap_or_default();
        let store = Self { folder: folder.to_owned(), last: last.into(), aside: 0.into() };
        // Left by a process that was killed between the two.
        for orphan in envelopes.difference(&letters) {
            fs::remove_file(store.path(*orphan, "json"))?;
        }
        Ok(store)
    }

    fn path(&self, number: u64, kind: &str) -> PathBuf {
        self.folder.join(format!("{number:06}.{kind}"))
    }

    /// A file that nobody takes for a letter.
    fn aside(&self) -> io::Result<Aside> {
        let number = self.aside.fetch_add(1, Relaxed);
        let path = self.folder.join(format!(".{}-{number}.part", process::id()));
        Ok(Aside { file: File::create(&path)?, path })
    }
}

/// A letter that is coming in. Dropped before it is kept, it leaves nothing behind.
///
/// Its files are written where the session runs, and not by a pool of threads: the blocks are small and go to the page cache, which
/// takes less time than handing them over. Nothing is synced to the disk: this is for tests.
#[derive(Debug, Default)]
pub(crate) struct Letter {
    gather: Gather,
    aside: Option<Aside>,
    fault: Option<io::Error>,
}

impl Letter {
    /// Takes a run of the content. A fault is reported at the end, since the client can hear of it only then.
    pub(crate) fn write(&mut self, store: &Store, run: &[u8]) {
        if self.fault.is_none() {
            let Self { gather, aside, .. } = self;
            self.fault = gather
                .push(run)
                .into_iter()
                .try_for_each(|block| append(aside, store, block))
                .err();
        }
    }

    /// Keeps the letter with its envelope; returns its number.
    pub(crate) fn keep(mut self, store: &Store, envelope: &str) -> io::Result<u64> {
        if let Some(fault) = self.fault {
            return Err(fault);
        }
        append(&mut self.aside, store, self.gather.rest())?;
        let content = self.aside.take().map_or_else(|| store.aside(), Ok)?;
        let mut json = store.aside()?;
        json.file.write_all(envelope.as_bytes())?;
        json.file.write_all(b"\n")?;
        let number = store.last.fetch_add(1, Relaxed) + 1;
        let (eml_path, json_path) = (store.path(number, "eml"), store.path(number, "json"));
        json.rename(&json_path)?;
        // The letter is there from here on; who sees the .eml sees the .json.
        content.rename(&eml_path).inspect_err(|_| drop(fs::remove_file(json_path)))?;
        Ok(number)
    }
}

fn append(aside: &mut Option<Aside>, store: &Store, block: &[u8]) -> io::Result<()> {
    if block.is_empty() {
        return Ok(());
    }
    let aside = match aside {
        Some(aside) => aside,
        None => aside.insert(store.aside()?),
    };
    aside.file.write_all(block)
}

/// A file under a name of its own, removed unless it is renamed.
#[derive(Debug)]
struct Aside {
    file: File,
    path: PathBuf,
}

impl Aside {
    fn rename(mut self, path: &Path) -> io::Result<()> {
        fs::rename(&self.path, path)?;
        self.path.clear();
        Ok(())
    }
}

impl Drop for Aside {
    fn drop(&mut self) {
        if !self.path.as_os_str().is_empty() {
            let _ = fs::remove_file(&self.path);
        }
    }
}
