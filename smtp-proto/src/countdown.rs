//! Time without a clock: how long a driver may still wait.

use core::time::Duration;

/// The name of one wait. Ids are never used again in a session, so a late timer does no harm.
///
/// ```
/// use std::sync::Arc;
/// use smtp_proto::server::{Config, Server, Wants};
///
/// /// Tells a machine that the wait it named is over.
/// fn too_late(server: &mut Server) {
///     if let Some(timer) = server.wants().timer() {
///         server.timed_out(timer.id);
///     }
/// }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct TimerId(pub(crate) u32);

/// One wait for the peer, or for the application: at most `after`, and then `timed_out(id)`.
///
/// Only the time spent in the state that named the timer counts; [`Countdown`] keeps the sum of the timer that was named last.
///
/// ```
/// let timer: Option<smtp_proto::Timer> = smtp_proto::server::Wants::Close.timer();
/// assert_eq!(timer, None);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "a wait has these two parts")]
pub struct Timer {
    /// The whole of the wait, from when the id first appeared.
    pub after: Duration,
    /// What to say to `timed_out` when it is over.
    pub id: TimerId,
}

/// Turns a [`Timer`] into "how long may I still wait", from durations alone.
///
/// ```
/// use std::sync::Arc;
/// use std::time::Duration;
/// use smtp_proto::Countdown;
/// use smtp_proto::server::{Config, Server, Wants};
///
/// # let mut server = Server::new(Arc::new(Config::new("mx.test")?));
/// # let smtp_proto::server::Event::Connect(pending) = server.next(&mut &b""[..]).unwrap() else { panic!() };
/// # server.accept(pending).unwrap();
/// # server.next(&mut &b""[..]);
/// let Wants::Flush(timer) = server.wants() else { panic!("the greeting is to be sent") };
/// let mut countdown = Countdown::new();
/// let whole = countdown.left(timer);
/// countdown.waited(Duration::from_secs(2));
/// assert_eq!(countdown.left(timer), whole - Duration::from_secs(2));
/// # Ok::<(), smtp_proto::ParseError>(())
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct Countdown {
    current: Option<TimerId>,
    left: Duration,
}

impl Countdown {
    /// A countdown that knows no timer yet.
    #[must_use]
    pub const fn new() -> Self {
        Self { current: None, left: Duration::ZERO }
    }

    /// What is left of this timer; an id that is new starts anew.
    #[must_use]
    pub fn left(&mut self, timer: Timer) -> Duration {
        if self.current != Some(timer.id) {
            (self.current, self.left) = (Some(timer.id), timer.after);
        }
        self.left
    }

    /// Says that this much time was spent waiting for the timer that [`left`](Self::left) saw last.
    pub fn waited(&mut self, time: Duration) {
        self.left = self.left.saturating_sub(time);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_id_starts_anew_and_an_old_one_goes_on() {
        let timer = |id| Timer { after: Duration::from_secs(10), id: TimerId(id) };
        let mut countdown = Countdown::new();
        assert_eq!(countdown.left(timer(1)), Duration::from_secs(10));
        countdown.waited(Duration::from_secs(4));
        assert_eq!(countdown.left(timer(1)), Duration::from_secs(6));
        countdown.waited(Duration::from_secs(60));
        assert_eq!(countdown.left(timer(1)), Duration::ZERO);
        assert_eq!(countdown.left(timer(2)), Duration::from_secs(10));
    }
}
