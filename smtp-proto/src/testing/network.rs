//! A connection in memory under virtual time: each direction is a queue of segments, with delays, cuts and an end of its own.

use alloc::collections::VecDeque;
use core::time::Duration;

use super::End;
use super::faults::{Ending, Weather};
use super::rng::Rng;

/// What became of a write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Write {
    /// So many octets are on their way.
    Took(usize),
    /// Nothing now: the other end does not read.
    Full,
    /// Nothing ever again.
    Broken,
}

/// What became of a read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Read {
    Got(usize),
    /// Nothing now.
    Nothing,
    /// Nothing ever again: the other end closed, or the connection broke.
    End,
}

pub(super) struct Network {
    from_client: Pipe,
    from_server: Pipe,
    weather: Weather,
    rng: Rng,
    /// The connection was reset.
    broken: bool,
}

/// One direction.
#[derive(Default)]
struct Pipe {
    segments: VecDeque<Segment>,
    in_flight: usize,
    /// Octets that were ever taken.
    wrote: usize,
    /// When what was written last arrives: nothing overtakes it.
    last: Duration,
    /// The writer says no more.
    ended: bool,
    /// The reader is gone.
    closed: bool,
}

struct Segment {
    arrives: Duration,
    octets: VecDeque<u8>,
}

impl Network {
    pub(super) fn new(weather: Weather, rng: Rng) -> Self {
        let mut network = Self {
            from_client: Pipe::default(),
            from_server: Pipe::default(),
            weather,
            rng,
            broken: false,
        };
        network.end_where_it_is_due();
        network
    }

    const fn pipe(&mut self, by: End) -> &mut Pipe {
        match by {
            End::Client => &mut self.from_client,
            End::Server => &mut self.from_server,
        }
    }

    /// `by` writes: as much as there is room for, and as the weather lets through at once.
    pub(super) fn write(&mut self, by: End, octets: &[u8], now: Duration) -> Write {
        let (window, short) = (self.weather.window, self.weather.segment);
        let until_end = self.weather.ending.filter(|ending| ending.by() == by).map(Ending::at);
        let most = short.map_or(usize::MAX, |most| self.rng.up_to(most));
        let broken = self.broken;
        let pipe = self.pipe(by);
        if broken || pipe.ended || pipe.closed {
            return Write::Broken;
        }
        let room = window.saturating_sub(pipe.in_flight);
        let left = until_end.map_or(usize::MAX, |at| at.saturating_sub(pipe.wrote));
        let count = octets.len().min(room).min(most).min(left);
        if count == 0 {
            return Write::Full;
        }
        self.send(by, &octets[..count], now);
        self.end_where_it_is_due();
        Write::Took(count)
    }

    /// Puts octets on their way, in segments that end where the weather cuts.
    fn send(&mut self, by: End, mut octets: &[u8], now: Duration) {
        while !octets.is_empty() {
            let wrote = self.pipe(by).wrote;
            let cut = self.weather.next_cut(by, wrote).map_or(usize::MAX, |cut| cut - wrote);
            let (segment, behind) = octets.split_at(octets.len().min(cut));
            let delay = self.delay();
            let pipe = self.pipe(by);
            pipe.last = pipe.last.max(now + delay);
            pipe.wrote += segment.len();
            pipe.in_flight += segment.len();
            let octets_of_it = segment.iter().copied().collect();
            pipe.segments.push_back(Segment { arrives: pipe.last, octets: octets_of_it });
            octets = behind;
        }
    }

    fn delay(&mut self) -> Duration {
        if !self.weather.delays {
            return Duration::ZERO;
        }
        match self.rng.below(1_000) {
            0 => Duration::from_secs(self.rng.below(700)),
            1..50 => Duration::from_millis(self.rng.below(3_000)),
            _ => Duration::from_micros(self.rng.below(500)),
        }
    }

    /// The end that is planned comes behind an octet that was written.
    fn end_where_it_is_due(&mut self) {
        let Some(ending) = self.weather.ending else { return };
        if self.pipe(ending.by()).wrote < ending.at() {
            return;
        }
        match ending {
            Ending::HalfClose { by, .. } => self.pipe(by).ended = true,
            Ending::Reset { .. } => self.broken = true,
            Ending::Loss { .. } => {
                self.broken = true;
                for pipe in [&mut self.from_client, &mut self.from_server] {
                    (pipe.in_flight, pipe.segments) = (0, VecDeque::new());
                }
            }
        }
        self.weather.ending = None;
    }

    /// `by` reads what has arrived: one segment, and by chance what stands behind it.
    pub(super) fn read(&mut self, by: End, space: &mut [u8], now: Duration) -> Read {
        let joins = self.weather.segment.is_some();
        let Self { from_client, from_server, rng, broken, .. } = self;
        let pipe = match by {
            End::Client => from_server,
            End::Server => from_client,
        };
        let mut got = 0;
        while let Some(segment) = pipe.segments.front_mut() {
            if segment.arrives > now || got == space.len() {
                break;
            }
            let count = segment.octets.len().min(space.len() - got);
            for place in &mut space[got..got + count] {
                *place = segment.octets.pop_front().unwrap_or_default();
            }
            got += count;
            if segment.octets.is_empty() {
                pipe.segments.pop_front();
            }
            if !joins || rng.once_in(2) {
                break;
            }
        }
        pipe.in_flight -= got;
        let ended = pipe.segments.is_empty() && (pipe.ended && pipe.last <= now || *broken);
        match got {
            0 if ended => Read::End,
            0 => Read::Nothing,
            _ => Read::Got(got),
        }
    }

    /// `by` says no more, and goes on reading.
    pub(super) fn shut_down(&mut self, by: End, now: Duration) {
        let delay = self.delay();
        let pipe = self.pipe(by);
        if !pipe.ended {
            pipe.ended = true;
            pipe.last = pipe.last.max(now + delay);
        }
    }

    /// `by` is gone.
    pub(super) fn close(&mut self, by: End, now: Duration) {
        self.shut_down(by, now);
        let pipe = self.pipe(by.other());
        pipe.closed = true;
        (pipe.in_flight, pipe.segments) = (0, VecDeque::new());
    }

    /// Somebody on the way puts octets behind those that `by` wrote last.
    pub(super) fn inject(&mut self, by: End, octets: &[u8], now: Duration) {
        let joins = self.rng.once_in(2);
        let broken = self.broken;
        let pipe = self.pipe(by);
        if broken || pipe.ended || pipe.closed {
            return;
        }
        match self.pipe(by).segments.back_mut().filter(|_| joins) {
            Some(last) => {
                last.octets.extend(octets);
                self.pipe(by).in_flight += octets.len();
            }
            None => self.send(by, octets, now),
        }
    }

    /// When something arrives next that is not there yet.
    pub(super) fn next_arrival(&self, now: Duration) -> Option<Duration> {
        let arrivals = [&self.from_client, &self.from_server].into_iter().filter_map(|pipe| {
            let end = pipe.ended.then_some(pipe.last);
            pipe.segments.front().map(|segment| segment.arrives).or(end)
        });
        arrivals.filter(|&arrival| arrival > now).min()
    }
}

#[cfg(test)]
mod tests {
    use alloc::vec::Vec;

    use super::*;

    const NOW: Duration = Duration::ZERO;

    fn network(weather: Weather) -> Network {
        Network::new(weather, Rng::new(0))
    }

    fn read(network: &mut Network, by: End) -> Vec<u8> {
        let mut space = [0; 64];
        match network.read(by, &mut space, NOW) {
            Read::Got(count) => space[..count].to_vec(),
            Read::Nothing => b"nothing".to_vec(),
            Read::End => b"end".to_vec(),
        }
    }

    #[test]
    fn octets_arrive_in_order_in_segments_that_end_where_they_are_cut() {
        let cuts = Vec::from([(End::Client, 2), (End::Client, 3), (End::Server, 1)]);
        let mut network = network(Weather { cuts, ..Weather::fair() });
        assert_eq!(network.write(End::Client, b"abcdef", NOW), Write::Took(6));
        let segments: Vec<_> = (0..4).map(|_| read(&mut network, End::Server)).collect();
        assert_eq!(segments, [&b"ab"[..], b"c", b"def", b"nothing"]);
    }

    #[test]
    fn a_window_that_is_full_takes_nothing() {
        let mut network = network(Weather { window: 3, ..Weather::fair() });
        assert_eq!(network.write(End::Server, b"abcd", NOW), Write::Took(3));
        assert_eq!(network.write(End::Server, b"d", NOW), Write::Full);
        assert_eq!(read(&mut network, End::Client), b"abc");
        assert_eq!(network.write(End::Server, b"d", NOW), Write::Took(1));
    }

    #[test]
    fn a_half_close_ends_one_direction_behind_its_octet() {
        let ending = Some(Ending::HalfClose { by: End::Client, at: 2 });
        let mut network = network(Weather { ending, ..Weather::fair() });
        assert_eq!(network.write(End::Client, b"abc", NOW), Write::Took(2));
        assert_eq!(network.write(End::Client, b"c", NOW), Write::Broken);
        assert_eq!(
            (read(&mut network, End::Server), read(&mut network, End::Server)),
            (b"ab".into(), b"end".into())
        );
        assert_eq!(network.write(End::Server, b"x", NOW), Write::Took(1));
        assert_eq!(read(&mut network, End::Client), b"x");
    }

    #[test]
    fn a_reset_ends_both_and_may_lose_what_was_not_read() {
        let (by, at) = (End::Client, 2);
        for (ending, arrives) in
            [(Ending::Reset { by, at }, &b"ab"[..]), (Ending::Loss { by, at }, b"end")]
        {
            let mut network = network(Weather { ending: Some(ending), ..Weather::fair() });
            network.write(End::Server, b"x", NOW);
            assert_eq!(network.write(End::Client, b"abc", NOW), Write::Took(2));
            assert_eq!(network.write(End::Server, b"y", NOW), Write::Broken);
            assert_eq!(read(&mut network, End::Server), arrives);
            assert_eq!(read(&mut network, End::Server), b"end");
        }
    }

    #[test]
    fn who_writes_to_an_end_that_is_gone_learns_it() {
        let mut network = network(Weather::fair());
        network.close(End::Server, NOW);
        assert_eq!(network.write(End::Client, b"a", NOW), Write::Broken);
        assert_eq!(read(&mut network, End::Client), b"end");
    }
}
