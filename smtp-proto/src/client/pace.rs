//! The time that a block of content may take where it does not pass through the machine's buffer.

use core::time::Duration;

use super::Config;

/// How long a driver may still wait for the server to take a block of content that it writes itself, as pieces of
/// [`body_pieces`](super::Client::body_pieces).
///
/// RFC 5321 4.5.3.2.5: each block has its own time. A block is [`Queue::content`](super::Queue::content) octets, so a server that takes an
/// octet now and then gains nothing by it.
///
/// ```
/// use std::time::Duration;
/// use smtp_proto::client::{Config, Pace};
///
/// let (config, mut pace) = (Config::default(), Pace::new());
/// pace.waited(Duration::from_secs(100));
/// pace.wrote(1, &config);
/// assert_eq!(pace.left(&config), Duration::from_secs(80));
/// pace.wrote(64 * 1024, &config);
/// assert_eq!(pace.left(&config), Duration::from_secs(180));
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct Pace {
    /// Octets of this block that were written.
    octets: usize,
    waited: Duration,
}

impl Pace {
    /// The beginning of a block.
    #[must_use]
    pub const fn new() -> Self {
        Self { octets: 0, waited: Duration::ZERO }
    }

    /// What is left of the time of this block.
    #[must_use]
    pub const fn left(&self, config: &Config) -> Duration {
        config.waits.block.saturating_sub(self.waited)
    }

    /// Says that this much time was spent waiting for the server to take octets.
    pub const fn waited(&mut self, time: Duration) {
        self.waited = self.waited.saturating_add(time);
    }

    /// Says that the server took this many octets.
    pub fn wrote(&mut self, octets: usize, config: &Config) {
        self.octets = self.octets.saturating_add(octets);
        if self.octets >= config.queue.content {
            *self = Self::new();
        }
    }
}
