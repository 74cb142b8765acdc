//! The message: read once to know what it is like, and once more to be sent.

use core::mem;
use std::env;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Seek, Write};
use std::process;
use std::time::SystemTime;

use smtp_proto::data::LineEnds;
use smtp_proto::delivery::Survey;
use smtp_proto_blocking::client::{Reader, Source};

/// What comes from a pipe is kept in memory up to so many octets.
const IN_MEMORY: u64 = 64 * 1024;

pub(crate) struct Letter {
    body: Body,
    /// What it is like.
    pub(crate) survey: Survey,
}

enum Body {
    Memory(Vec<u8>),
    File(Reader<File>),
}

impl Letter {
    /// Opens and reads it: a regular file stays where it is, all else is copied.
    pub(crate) fn open(name: &str, line_ends: LineEnds) -> io::Result<Self> {
        let mut file = match name {
            "-" => return Self::copy(io::stdin().lock(), line_ends),
            _ => File::open(name)?,
        };
        if !file.metadata()?.is_file() {
            return Self::copy(file, line_ends);
        }
        let survey = survey(&mut file, line_ends)?;
        file.rewind()?;
        Ok(Self { body: Body::File(Reader::new(file)), survey })
    }

    fn copy(mut input: impl Read, line_ends: LineEnds) -> io::Result<Self> {
        let mut start = Vec::new();
        input.by_ref().take(IN_MEMORY + 1).read_to_end(&mut start)?;
        if start.len() as u64 <= IN_MEMORY {
            let survey = survey(&mut start.as_slice(), line_ends)?;
            return Ok(Self { body: Body::Memory(start), survey });
        }
        let mut file = temporary_file()?;
        file.write_all(&mem::take(&mut start))?;
        io::copy(&mut input, &mut file)?;
        file.rewind()?;
        let survey = survey(&mut file, line_ends)?;
        file.rewind()?;
        Ok(Self { body: Body::File(Reader::new(file)), survey })
    }
}

impl Source for Letter {
    fn octets(&mut self, at: u64) -> io::Result<&[u8]> {
        match &mut self.body {
            Body::Memory(octets) => octets.octets(at),
            Body::File(file) => file.octets(at),
        }
    }
}

fn survey(input: &mut impl Read, line_ends: LineEnds) -> io::Result<Survey> {
    let (mut survey, mut block) = (Survey::new(line_ends), vec![0; 64 * 1024]);
    loop {
        match input.read(&mut block) {
            Ok(0) => return Ok(survey),
            Ok(octets) => survey.take(block.get(..octets).unwrap_or_default()),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

/// A file that is gone when the program is.
fn temporary_file() -> io::Result<File> {
    let now = SystemTime::UNIX_EPOCH.elapsed().unwrap_or_default().as_nanos();
    let path = env::temp_dir().join(format!("send-{}-{now}", process::id()));
    let mut options = OpenOptions::new();
    options.read(true).write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let file = options.open(&path)?;
    // Where a file that is open cannot be removed, the system's own housekeeping does it.
    let _ = fs::remove_file(path);
    Ok(file)
}
