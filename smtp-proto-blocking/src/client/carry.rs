//! One letter on its way: the content is fed as the server takes it, and every recipient's fate is told.

use std::io::{self, IoSlice};

use smtp_proto::client::{self, Misuse, Wants};
use smtp_proto::data::LineEnds;
use smtp_proto::delivery::{Delivery, Event, Outcome};

use super::{Error, Session, Source};
use crate::Socket;

/// Pieces that are written at once.
const PIECES: usize = 64;
/// Octets that are copied sooner than written by themselves.
const SMALL: usize = 16 * 1024;

pub(super) struct Carry<'c, 'e, S, F> {
    session: &'c mut Session<S>,
    delivery: Delivery<'e>,
    each: F,
    /// What is fed is copied: its pieces are short.
    copies: bool,
}

impl<'c, 'e, S, F> Carry<'c, 'e, S, F>
where
    S: Socket,
    F: FnMut(usize, Outcome<'_>),
{
    pub(super) const fn new(session: &'c mut Session<S>, delivery: Delivery<'e>, each: F) -> Self {
        Self { session, delivery, each, copies: false }
    }

    /// Carries the letter until every recipient is settled.
    pub(super) fn run(&mut self, source: &mut impl Source) -> Result<(), Error> {
        self.session.look().map_err(Error::Connection)?;
        loop {
            self.listen()?;
            if self.delivery.is_done() {
                return Ok(());
            }
            match (self.delivery.due(), self.session.machine().wants()) {
                (Some(at), Wants::Body) => self.feed(at, source)?,
                _ => {
                    if !self.session.ready().map_err(Error::Connection)? {
                        return Err(Error::Misuse(Misuse::Over));
                    }
                }
            }
        }
    }

    /// Everyone who is not settled is given up.
    pub(super) fn give_up(self, error: &Error) {
        let Self { session, delivery, mut each, .. } = self;
        for (index, fate) in delivery.give_up(session.machine()) {
            each(index, error.outcome(fate));
        }
    }

    /// Takes what the server said.
    fn listen(&mut self) -> Result<(), client::Error> {
        let Self { session, delivery, each, .. } = self;
        while let Some((event, _)) = session.next_of(delivery)? {
            match event {
                Event::Settled { of, outcome } => {
                    delivery.recipients(of).for_each(|index| each(index, outcome));
                }
                // What is said behind that is not about this letter.
                Event::Done { .. } => return Ok(()),
                _ => {}
            }
        }
        Ok(())
    }

    /// Hands over a piece of the content, or its end. A server that has spoken meanwhile is heard first.
    fn feed(&mut self, at: u64, source: &mut impl Source) -> Result<(), Error> {
        if self.session.look().map_err(Error::Connection)? {
            return Ok(());
        }
        let octets = source.octets(at).map_err(Error::Source)?;
        if octets.is_empty() {
            return Ok(self.delivery.finish(self.session.client())?);
        }
        let config = self.session.machine().config();
        let whole = config.line_ends == LineEnds::Refuse && self.session.writes_vectored();
        if whole && !self.copies && octets.len() > SMALL {
            return self.write(octets);
        }
        let taken = self.delivery.body(self.session.client(), octets)?;
        let at = at.saturating_add(taken as u64);
        // Where it was the last of it, the end leaves with it: most letters are one write.
        let ended = source.octets(at).map_err(Error::Source)?.is_empty();
        if ended {
            self.delivery.finish(self.session.client())?;
        }
        Ok(())
    }

    /// Writes the front of `octets` without copying it.
    fn write(&mut self, octets: &[u8]) -> Result<(), Error> {
        let mut pieces = [&b""[..]; PIECES];
        let (taken, filled) =
            self.delivery.body_pieces(self.session.client(), octets, &mut pieces)?;
        // Each doubled dot makes two pieces: lines that begin with dots would be a write for every few of them.
        self.copies |= filled + 2 > PIECES && taken < SMALL;
        let mut slices = pieces.map(IoSlice::new);
        let mut slices = slices.get_mut(..filled).unwrap_or_default();
        while !slices.is_empty() && !self.session.machine().is_over() {
            if self.session.write(&mut slices).map_err(lost)? {
                self.listen()?;
            }
        }
        Ok(())
    }
}

/// Of a write of content.
fn lost(error: io::Error) -> Error {
    match error.kind() {
        io::ErrorKind::TimedOut => Error::Session(client::Error::TimedOut),
        _ => Error::Connection(error),
    }
}
