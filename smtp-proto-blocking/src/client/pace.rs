//! The time that a block of content may take, where it does not pass through the machine's buffer.

use core::time::Duration;

use smtp_proto::client::Config;

/// RFC 5321 4.5.3.2.5: each block has its own time. A server that takes an octet now and then gains nothing by it.
#[derive(Debug)]
pub(super) struct Pace {
    /// Octets of this block that were written.
    octets: usize,
    waited: Duration,
}

impl Pace {
    pub(super) const fn new() -> Self {
        Self { octets: 0, waited: Duration::ZERO }
    }

    pub(super) fn left(&self, config: &Config) -> Duration {
        config.waits.block.saturating_sub(self.waited)
    }

    pub(super) fn waited(&mut self, time: Duration) {
        self.waited += time;
    }

    pub(super) fn wrote(&mut self, octets: usize, config: &Config) {
        self.octets += octets;
        if self.octets >= config.queue.content {
            *self = Self::new();
        }
    }
}
