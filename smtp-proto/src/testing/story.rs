//! What happened in a run of a pair: what was stored, what became of whom, and what each side saw.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;
use core::time::Duration;

use super::End;
use crate::Escaped;
use crate::delivery::Fate;

/// What happened in a run of a [`Pair`](super::Pair).
///
/// Shown, it is the whole run: what each end wrote, and what became of it.
///
/// ```
/// use smtp_proto::testing::{Letter, Pair, Stored};
///
/// let story = Pair::new(7).letter(Letter::new("a@x.test", ["b@y.test"], "hi")?).run();
/// let stored = Stored { from: "a@x.test".into(), to: vec!["b@y.test".into()], content: b"hi\r\n".into() };
/// assert_eq!(story.stored, [stored]);
/// assert!(story.client.wrote.ends_with(b"hi\r\n.\r\nQUIT\r\n"));
/// assert_eq!(story.server.ended.as_deref(), Some("QUIT"));
/// println!("{story}");
/// # Ok::<(), smtp_proto::ParseError>(())
/// ```
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Story {
    /// What makes this run happen again.
    pub seed: u64,
    /// For each letter its recipients' fates, in the order in which they were settled. Empty for a letter that was not begun.
    pub settled: Vec<Vec<(usize, Fate)>>,
    /// The messages that the receiving application took.
    pub stored: Vec<Stored>,
    /// What the client saw.
    pub client: Seen,
    /// What the server saw.
    pub server: Seen,
    /// How many steps the two ends made.
    pub steps: usize,
    /// How much time passed.
    pub took: Duration,
    /// Somebody put octets in the clear behind those of this end, where TLS was to begin.
    pub injected: Option<End>,
    log: Vec<Entry>,
}

/// Something that happened.
#[derive(Clone, PartialEq, Eq)]
struct Entry {
    time: Duration,
    by: End,
    what: What,
}

#[derive(Clone, PartialEq, Eq)]
enum What {
    Wrote(Vec<u8>),
    Note(String),
}

/// A message as the receiving application got it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "a message has an envelope and a content")]
pub struct Stored {
    /// The reverse-path; empty for the null one.
    pub from: String,
    /// The recipients who were accepted, in the order in which they were asked for.
    pub to: Vec<String>,
    /// The content, dots undone.
    pub content: Vec<u8>,
}

/// What one end saw.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Seen {
    /// All octets that it wrote.
    pub wrote: Vec<u8>,
    /// All octets that it read.
    pub read: Vec<u8>,
    /// The network took nothing more from it, though it had more to say.
    pub silenced: bool,
    /// The most octets that waited to be written at once.
    pub waiting: usize,
    /// Why it ended; `None` where it did not.
    pub ended: Option<String>,
}

impl Story {
    pub(super) fn new(seed: u64, letters: usize) -> Self {
        Self {
            seed,
            settled: alloc::vec![Vec::new(); letters],
            stored: Vec::new(),
            client: Seen::default(),
            server: Seen::default(),
            steps: 0,
            took: Duration::ZERO,
            injected: None,
            log: Vec::new(),
        }
    }

    /// What became of a letter for one of its recipients, both counted from 0; `None` where it was never settled.
    #[must_use]
    pub fn fate(&self, letter: usize, recipient: usize) -> Option<Fate> {
        let settled = self.settled.get(letter)?;
        settled.iter().find(|(of, _)| *of == recipient).map(|(_, fate)| *fate)
    }

    pub(super) const fn seen(&mut self, by: End) -> &mut Seen {
        match by {
            End::Client => &mut self.client,
            End::Server => &mut self.server,
        }
    }

    pub(super) fn wrote(&mut self, by: End, octets: &[u8]) {
        self.seen(by).wrote.extend_from_slice(octets);
        match self.log.last_mut() {
            Some(Entry { by: end, what: What::Wrote(before), .. }) if *end == by => {
                before.extend_from_slice(octets);
            }
            _ => self.push(by, What::Wrote(octets.to_vec())),
        }
    }

    pub(super) fn read(&mut self, by: End, octets: &[u8]) {
        self.seen(by).read.extend_from_slice(octets);
    }

    pub(super) fn waits(&mut self, by: End, octets: usize) {
        let seen = self.seen(by);
        seen.waiting = seen.waiting.max(octets);
    }

    /// The first reason counts.
    pub(super) fn ended(&mut self, by: End, why: String) {
        if self.seen(by).ended.is_none() {
            self.note(by, &format!("ended: {why}"));
            self.seen(by).ended = Some(why);
        }
    }

    pub(super) fn silenced(&mut self, by: End) {
        self.note(by, "cannot write any more");
        self.seen(by).silenced = true;
    }

    pub(super) fn note(&mut self, by: End, what: &str) {
        self.push(by, What::Note(String::from(what)));
    }

    fn push(&mut self, by: End, what: What) {
        self.log.push(Entry { time: self.took, by, what });
    }
}

impl fmt::Display for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let side = match self.by {
            End::Client => 'C',
            End::Server => 'S',
        };
        write!(f, "{:10.6} {side}", self.time.as_secs_f64())?;
        match &self.what {
            What::Wrote(octets) => write!(f, ": {}", Escaped(octets)),
            What::Note(text) => write!(f, "  -- {text}"),
        }
    }
}

impl fmt::Display for Story {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "seed {}, {} steps", self.seed, self.steps)?;
        self.log.iter().try_for_each(|line| writeln!(f, "{line}"))?;
        self.settled
            .iter()
            .enumerate()
            .try_for_each(|(n, fates)| writeln!(f, "letter {n}: {fates:?}"))?;
        self.stored.iter().try_for_each(|stored| {
            let Stored { from, to, content } = stored;
            writeln!(f, "stored: from <{from}> to {to:?}: {}", Escaped(content))
        })
    }
}

impl fmt::Debug for Story {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}
