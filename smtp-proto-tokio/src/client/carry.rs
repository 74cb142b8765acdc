//! One letter on its way: the content is fed as the server takes it, and every recipient's fate is told.

use core::future::ready;
use std::io::{self, IoSlice};

use smtp_proto::client::{self, Misuse, Wants};
use smtp_proto::data::LineEnds;
use smtp_proto::delivery::{Delivery, Event, Outcome};
use tokio::io::{AsyncRead, AsyncWrite};

use super::{Error, Session, Source};
use crate::link::Progress;

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
    S: AsyncRead + AsyncWrite + Unpin,
    F: FnMut(usize, Outcome<'_>),
{
    pub(super) const fn new(session: &'c mut Session<S>, delivery: Delivery<'e>, each: F) -> Self {
        Self { session, delivery, each, copies: false }
    }

    /// Carries the letter until every recipient is settled.
    pub(super) async fn run(&mut self, source: &mut impl Source) -> Result<(), Error> {
        self.session.look().await.map_err(Error::Connection)?;
        loop {
            self.listen()?;
            if self.delivery.is_done() {
                return Ok(());
            }
            match (self.delivery.due(), self.session.machine().wants()) {
                (Some(at), Wants::Body) => self.feed(at, source).await?,
                _ => {
                    if !self.session.ready().await.map_err(Error::Connection)? {
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

    /// Hands over a piece of the content, or its end. A server that speaks meanwhile is heard first.
    async fn feed(&mut self, at: u64, source: &mut impl Source) -> Result<(), Error> {
        let octets = tokio::select! {
            biased;
            heard = self.session.ready() => return heard.map(drop).map_err(Error::Connection),
            octets = source.octets(at) => octets.map_err(Error::Source)?,
        };
        if octets.is_empty() {
            return Ok(self.delivery.finish(self.session.client())?);
        }
        let config = self.session.machine().config();
        let whole = config.line_ends == LineEnds::Refuse && self.session.is_write_vectored();
        if whole && !self.copies && octets.len() > SMALL {
            return self.write(octets).await;
        }
        let taken = self.delivery.body(self.session.client(), octets)?;
        let at = at.saturating_add(taken as u64);
        // Where the end is at hand it leaves with it: most letters are one write.
        let ended = tokio::select! {
            biased;
            octets = source.octets(at) => octets.map_err(Error::Source)?.is_empty(),
            () = ready(()) => false,
        };
        if ended {
            self.delivery.finish(self.session.client())?;
        }
        Ok(())
    }

    /// Writes the front of `octets` without copying it.
    async fn write(&mut self, octets: &[u8]) -> Result<(), Error> {
        let mut pieces = [&b""[..]; PIECES];
        let (taken, filled) =
            self.delivery.body_pieces(self.session.client(), octets, &mut pieces)?;
        // Each doubled dot makes two pieces: lines that begin with dots would be a write for every few of them.
        self.copies |= filled + 2 > PIECES && taken < SMALL;
        let mut slices = pieces.map(IoSlice::new);
        let mut slices = slices.get_mut(..filled).unwrap_or_default();
        while !slices.is_empty() && !self.session.machine().is_over() {
            let progress = self.session.write(&mut slices).await.map_err(lost)?;
            if progress == Progress::Read {
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
