//! Replaying the octets of a row, cut in one way or another.

use crate::session::{Outcome, Session};
use smtp_proto::testing::cases::{Step, Steps};

/// The most that is put together before it is written, in octets.
const PIPE: usize = 65_536;
/// A row of so many octets is cut in every way that there is.
const TINY: u64 = 14;
/// A row of more octets is cut at [`SEEDED`] places, not at all.
const SHORT: u64 = 4096;
const SEEDED: u64 = 500;
/// What one segment of TCP holds over Ethernet.
const SEGMENT: u64 = 1460;

/// Where writes end, beside the marks of the row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cuts {
    /// Nowhere else.
    None,
    /// Behind so many octets, again and again.
    Every(u64),
    /// Once, in front of this octet of the row.
    At(u64),
    /// In front of each octet whose bit is set.
    Set(u64),
}

impl Cuts {
    /// How many octets may still be written together at this place.
    pub(crate) fn room(self, at: u64) -> u64 {
        match self {
            Self::Every(octets) => octets - at % octets,
            Self::At(place) if at < place => place - at,
            Self::Set(places) if at < 63 && places >> (at + 1) != 0 => {
                1 + u64::from((places >> (at + 1)).trailing_zeros())
            }
            Self::None | Self::At(_) | Self::Set(_) => u64::MAX,
        }
    }

    /// All ways to cut so many octets that are tried: none where `SMTP_QUICK` is set, as for the rows of the server.
    pub(crate) fn all(octets: u64) -> Vec<Self> {
        if std::env::var_os("SMTP_QUICK").is_some() {
            return Vec::new();
        }
        if (1..=TINY).contains(&octets) {
            return (1..1 << (octets - 1)).map(|places| Self::Set(places << 1)).collect();
        }
        if octets <= SHORT {
            return [Self::Every(1), Self::Every(2)]
                .into_iter()
                .chain((1..octets).map(Self::At))
                .collect();
        }
        // Spread over the row, at no multiple of anything.
        let spread = (1..=SEEDED).map(|n| Self::At(1 + n * (octets - 2) / SEEDED));
        [Self::Every(SEGMENT), Self::Every(4095)].into_iter().chain(spread).collect()
    }
}

/// The server says the octets of a row; returns what came of it.
pub(crate) fn hear(mut session: Session, steps: &Steps, cuts: Cuts) -> Result<Outcome, String> {
    play(&mut session, steps, cuts)?;
    Ok(session.take_outcome())
}

/// The server says the octets of a row.
pub(crate) fn play(session: &mut Session, steps: &Steps, cuts: Cuts) -> Result<(), String> {
    let (mut pipe, mut at) = (Vec::new(), 0);
    for step in steps.iter() {
        if session.outcome.closed {
            break;
        }
        if let Step::Octets(octets) = step {
            at = put(session, &mut pipe, at, cuts, octets);
            continue;
        }
        session.hear(&core::mem::take(&mut pipe));
        match step {
            Step::Cut | Step::Wait => {}
            Step::Eof => session.end(),
            Step::Pause(time) => session.pass(time),
            other => return Err(format!("{other:?} is not built")),
        }
    }
    session.hear(&pipe);
    Ok(())
}

fn put(
    session: &mut Session,
    pipe: &mut Vec<u8>,
    mut at: u64,
    cuts: Cuts,
    mut octets: &[u8],
) -> u64 {
    while !octets.is_empty() && !session.outcome.closed {
        let room = usize::try_from(cuts.room(at)).unwrap_or(usize::MAX).min(PIPE - pipe.len());
        let (now, later) = octets.split_at(octets.len().min(room));
        pipe.extend_from_slice(now);
        at += now.len() as u64;
        octets = later;
        if now.len() == room {
            session.hear(&core::mem::take(pipe));
        }
    }
    at
}
