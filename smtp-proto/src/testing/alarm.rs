//! The timers of one end: on time, or late, or told twice.

use core::time::Duration;

use super::rng::Rng;
use crate::{Countdown, Timer, TimerId};

pub(super) struct Alarm {
    countdown: Countdown,
    /// Timers are late, and told twice.
    amiss: bool,
    rng: Rng,
    /// The timer that runs, and how late it is.
    late: Option<(TimerId, Duration)>,
    /// The timer that was told last.
    told: Option<TimerId>,
}

impl Alarm {
    pub(super) const fn new(amiss: bool, rng: Rng) -> Self {
        Self { countdown: Countdown::new(), amiss, rng, late: None, told: None }
    }

    /// How long may still be waited.
    pub(super) fn left(&mut self, timer: Timer) -> Duration {
        let late = match self.late {
            Some((id, late)) if id == timer.id => late,
            _ => {
                let late = self.lateness();
                self.late = Some((timer.id, late));
                late
            }
        };
        self.countdown.left(Timer { after: timer.after + late, id: timer.id })
    }

    fn lateness(&mut self) -> Duration {
        if self.amiss && self.rng.once_in(3) {
            Duration::from_secs(self.rng.below(400))
        } else {
            Duration::ZERO
        }
    }

    /// So much time passed while this timer ran.
    pub(super) fn pass(&mut self, timer: Timer, time: Duration) {
        let _left = self.left(timer);
        self.countdown.waited(time);
    }

    /// The id of this timer, if it ran out.
    pub(super) fn expired(&mut self, timer: Timer) -> Option<TimerId> {
        let over = self.left(timer).is_zero();
        if over && self.amiss {
            self.told = Some(timer.id);
        }
        over.then_some(timer.id)
    }

    /// The id of a timer that was told before, to be told once more.
    pub(super) fn again(&mut self) -> Option<TimerId> {
        self.told.take_if(|_| self.rng.once_in(4))
    }
}
