//! What may go wrong between two ends, and what of it the seed of a run chooses.

use alloc::vec::Vec;
use core::time::Duration;

use super::End;
use super::rng::Rng;
use crate::server::When;

/// How a connection ends before its time.
///
/// ```
/// use smtp_proto::testing::{End, Ending, Faults, Letter, Pair};
///
/// // The server hears nothing behind the greeting of the client.
/// let silence = Faults::none().ending(Ending::HalfClose { by: End::Client, at: b"EHLO c.test\r\n".len() });
/// let story = Pair::new(0).letter(Letter::new("a@x.test", ["b@y.test"], "hi")?).faults(silence).run();
/// assert_eq!((story.stored.len(), story.fate(0, 0)), (0, Some(smtp_proto::delivery::Fate::Transient)));
/// # Ok::<(), smtp_proto::ParseError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Ending {
    /// Behind so many octets of one end its direction ends; the other direction goes on.
    HalfClose {
        /// Whose direction.
        by: End,
        /// Octets that it still gets through.
        at: usize,
    },
    /// Once one end wrote so many octets the connection is gone. What was written until then can be read.
    Reset {
        /// Whose octets count.
        by: End,
        /// How many.
        at: usize,
    },
    /// The same, and what was not read until then is lost.
    Loss {
        /// Whose octets count.
        by: End,
        /// How many.
        at: usize,
    },
}

impl Ending {
    pub(super) const fn by(self) -> End {
        let (Self::HalfClose { by, .. } | Self::Reset { by, .. } | Self::Loss { by, .. }) = self;
        by
    }

    pub(super) const fn at(self) -> usize {
        let (Self::HalfClose { at, .. } | Self::Reset { at, .. } | Self::Loss { at, .. }) = self;
        at
    }
}

/// What may go wrong in a [`Pair`](super::Pair).
///
/// The first kind of fault is left to the seed: it says which happen, when and how badly. The second is named exactly, for campaigns
/// that try every place.
///
/// ```
/// use smtp_proto::testing::{End, Ending, Faults};
///
/// let left_to_the_seed = Faults::none().segments().answers();
/// let exact = Faults::none().cut(End::Server, 17).ending(Ending::Reset { by: End::Client, at: 100 });
/// assert_ne!(left_to_the_seed, exact);
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Faults {
    segments: bool,
    delays: bool,
    answers: bool,
    producer: bool,
    endings: bool,
    shut_downs: bool,
    timers: bool,
    injections: bool,
    cuts: Vec<(End, usize)>,
    piece: Option<usize>,
    ending: Option<Ending>,
}

impl Faults {
    /// Everything arrives whole, at once, and is answered at once.
    #[must_use]
    pub fn none() -> Self {
        Self::default()
    }

    /// Everything that is left to the seed.
    #[must_use]
    pub fn all() -> Self {
        let all = Self::none().segments().delays().answers().producer().endings();
        all.shut_downs().timers().injections()
    }

    /// Writes are short, windows small, and what was written together arrives in pieces or with what came before.
    #[must_use]
    pub const fn segments(mut self) -> Self {
        self.segments = true;
        self
    }

    /// Octets take their time, rarely minutes.
    #[must_use]
    pub const fn delays(mut self) -> Self {
        self.delays = true;
        self
    }

    /// The receiving application takes its time for decisions, gives those about recipients in any order, and forgets some.
    #[must_use]
    pub const fn answers(mut self) -> Self {
        self.answers = true;
        self
    }

    /// The producer of a content pauses, or fails in the middle.
    #[must_use]
    pub const fn producer(mut self) -> Self {
        self.producer = true;
        self
    }

    /// The connection ends before its time, in some runs.
    #[must_use]
    pub const fn endings(mut self) -> Self {
        self.endings = true;
        self
    }

    /// The server is shut down, in some runs.
    #[must_use]
    pub const fn shut_downs(mut self) -> Self {
        self.shut_downs = true;
        self
    }

    /// Timers are late, by minutes, and told once more when they do not run any more.
    #[must_use]
    pub const fn timers(mut self) -> Self {
        self.timers = true;
        self
    }

    /// Somebody on the way puts octets in the clear behind STARTTLS, or behind the 220 to it, in some runs.
    #[must_use]
    pub const fn injections(mut self) -> Self {
        self.injections = true;
        self
    }

    /// What `by` writes is cut behind this octet of all that it writes.
    #[must_use]
    pub fn cut(mut self, by: End, octets: usize) -> Self {
        self.cuts.push((by, octets));
        self
    }

    /// What either writes arrives in pieces of so many octets, at least 1.
    #[must_use]
    pub const fn in_pieces_of(mut self, octets: usize) -> Self {
        self.piece = Some(if octets == 0 { 1 } else { octets });
        self
    }

    /// The connection ends so.
    #[must_use]
    pub const fn ending(mut self, ending: Ending) -> Self {
        self.ending = Some(ending);
        self
    }

    /// What happens in a run of about so many octets from each end.
    pub(super) fn weather(&self, rng: &mut Rng, octets: impl Fn(End) -> usize) -> Weather {
        let mut weather = Weather { cuts: self.cuts.clone(), piece: self.piece, ..Weather::fair() };
        if self.segments {
            weather.segment = rng.pick(&[None, Some(1), Some(3), Some(40), Some(2000)]);
            weather.window = rng.pick(&[usize::MAX, 4096, 300, 7, 1]);
            weather.quits_early = rng.once_in(4);
            weather.pieces = rng.once_in(3);
        }
        weather.delays = self.delays && !rng.once_in(4);
        weather.answers = self.answers && !rng.once_in(4);
        weather.timers = self.timers && rng.once_in(2);
        weather.pauses = self.producer && rng.once_in(8);
        weather.fails = self.producer && rng.once_in(8);
        if self.shut_downs && rng.once_in(8) {
            let when = rng.pick(&[When::AfterMessage, When::Now]);
            let time = rng.pick(&[10, 5_000, 500_000]);
            weather.shut_down = Some((Duration::from_millis(rng.below(time)), when));
        }
        if self.injections && rng.once_in(8) {
            weather.injected = Some(rng.pick(&[End::Client, End::Server]));
        }
        weather.ending = self.ending;
        if self.endings && !rng.once_in(4) {
            let by = rng.pick(&[End::Client, End::Server]);
            let at = usize::try_from(rng.below(octets(by) as u64)).unwrap_or(0);
            let endings =
                [Ending::HalfClose { by, at }, Ending::Reset { by, at }, Ending::Loss { by, at }];
            weather.ending = Some(rng.pick(&endings));
        }
        weather
    }
}

/// What happens in one run.
#[derive(Clone, Debug)]
pub(super) struct Weather {
    /// The longest write that is taken at once, where there is one.
    pub(super) segment: Option<usize>,
    /// Octets that a direction holds.
    pub(super) window: usize,
    pub(super) cuts: Vec<(End, usize)>,
    pub(super) piece: Option<usize>,
    pub(super) delays: bool,
    pub(super) answers: bool,
    pub(super) timers: bool,
    pub(super) pauses: bool,
    pub(super) fails: bool,
    pub(super) ending: Option<Ending>,
    pub(super) shut_down: Option<(Duration, When)>,
    /// Behind whose octets somebody puts others where TLS is to begin.
    pub(super) injected: Option<End>,
    /// The client says QUIT together with its last letter (RFC 2920 5).
    pub(super) quits_early: bool,
    /// Content is written as pieces.
    pub(super) pieces: bool,
}

impl Weather {
    pub(super) const fn fair() -> Self {
        Self {
            segment: None,
            window: usize::MAX,
            cuts: Vec::new(),
            piece: None,
            delays: false,
            answers: false,
            timers: false,
            pauses: false,
            fails: false,
            ending: None,
            shut_down: None,
            injected: None,
            quits_early: false,
            pieces: false,
        }
    }

    /// Where what `by` writes is cut next, behind this octet of all that it writes.
    pub(super) fn next_cut(&self, by: End, octet: usize) -> Option<usize> {
        let cuts = self.cuts.iter().filter(|(end, _)| *end == by).map(|(_, cut)| *cut);
        let piece = self.piece.map(|piece| (octet / piece + 1) * piece);
        cuts.chain(piece).filter(|&cut| cut > octet).min()
    }
}
