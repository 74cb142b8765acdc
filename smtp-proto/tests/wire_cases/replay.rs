//! Replaying the octets of a row, cut in one way or another.

use crate::application::{Greeting, Keeps};
use crate::connection::Connection;
use crate::outcome::Outcome;
use crate::replies::compare;
use crate::settings::config;
use smtp_proto::testing::cases::{self, Case, MESSAGE_MAX, Policy, Pre, Step, Steps};

/// The most that is put together before it is written, in octets: more than a driver reads at once.
const PIPE: usize = 65_536;

/// Where writes end, beside the marks of the row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cuts {
    /// Nowhere else.
    None,
    /// Behind so many octets, again and again, counted from the last mark.
    Every(u64),
    /// Once, in front of this octet of the row.
    At(u64),
    /// In front of each octet whose bit is set.
    Set(u64),
}

impl Cuts {
    /// How many octets may still be written together at this place.
    fn room(self, at: u64, since_mark: u64) -> u64 {
        match self {
            Self::Every(octets) => octets - since_mark % octets,
            Self::At(place) if at < place => place - at,
            Self::Set(places) if at < 63 && places >> (at + 1) != 0 => {
                1 + u64::from((places >> (at + 1)).trailing_zeros())
            }
            Self::None | Self::At(_) | Self::Set(_) => u64::MAX,
        }
    }
}

/// One replay: what came of it, and how many octets of the row were read.
#[derive(Debug)]
pub(crate) struct Replay {
    pub(crate) outcome: Outcome,
    pub(crate) read: u64,
}

/// Replays a row from its state on, with more policies than it names.
pub(crate) fn replay(
    case: &Case<'_>,
    steps: &Steps,
    cuts: Cuts,
    more: &[Policy<'_>],
) -> Result<Replay, String> {
    let mut connection = opened(case, more)?;
    let mut peer = Peer::new(&mut connection, cuts);
    peer.play(steps)?;
    let read = peer.sent - peer.connection.unread() as u64;
    Ok(Replay { outcome: connection.take_outcome(), read })
}

/// A session in the state of a row.
pub(crate) fn opened(case: &Case<'_>, more: &[Policy<'_>]) -> Result<Connection, String> {
    let config = config(case, more)?;
    let greeting = if case.pre == Pre::P0 { Greeting::Delayed } else { Greeting::AtOnce };
    let mut connection = Connection::open(config, greeting, Keeps::Everything);
    let (steps, said) = case.pre.opening().ok_or("no state of a server")?;
    let steps = Steps::parse(steps, MESSAGE_MAX).expect("a unit test parses every opening");
    let said = cases::replies(said).expect("a unit test parses every opening");
    Peer::new(&mut connection, Cuts::None).play(&steps)?;
    let opening = connection.take_outcome();
    compare(&opening.replies()?, &said)
        .map_err(|error| format!("{} is not reached: {error}", case.pre.code()))?;
    Ok(connection)
}

/// The other side of a connection.
struct Peer<'c> {
    connection: &'c mut Connection,
    /// Put together for one write.
    pipe: Vec<u8>,
    cuts: Cuts,
    sent: u64,
    since_mark: u64,
}

impl<'c> Peer<'c> {
    fn new(connection: &'c mut Connection, cuts: Cuts) -> Self {
        Self { connection, pipe: Vec::new(), cuts, sent: 0, since_mark: 0 }
    }

    fn play(&mut self, steps: &Steps) -> Result<(), String> {
        for step in steps.iter() {
            if let Step::Octets(octets) = step {
                self.send(octets);
                continue;
            }
            self.write();
            self.since_mark = 0;
            if self.connection.outcome.closed {
                break;
            }
            match step {
                Step::Cut => {}
                Step::Wait => self.connection.wait(),
                // The end of TLS is the end of the connection: what follows in the clear is not read.
                Step::Eof | Step::TlsEnd => self.connection.end(),
                Step::Tls => self.connection.handshake()?,
                Step::Pause(time) => self.connection.pass(time),
                other => return Err(format!("{other:?} is not built")),
            }
        }
        self.write();
        Ok(())
    }

    fn send(&mut self, mut octets: &[u8]) {
        while !octets.is_empty() && !self.connection.outcome.closed {
            let room = self.cuts.room(self.sent, self.since_mark);
            let most = usize::try_from(room).unwrap_or(usize::MAX).min(PIPE - self.pipe.len());
            let (now, later) = octets.split_at(octets.len().min(most));
            self.pipe.extend_from_slice(now);
            self.sent += now.len() as u64;
            self.since_mark += now.len() as u64;
            octets = later;
            if now.len() == most {
                self.write();
            }
        }
    }

    fn write(&mut self) {
        if !self.pipe.is_empty() {
            self.connection.write(&self.pipe);
            self.pipe.clear();
        }
    }
}
