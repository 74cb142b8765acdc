//! One wait of a bounded length, which counts although its future is dropped.

use core::future::poll_fn;
use core::pin::pin;
use core::task::{Context, Poll};
use core::time::Duration;

use tokio::time::{Instant, Sleep};

/// Polls `work` for at most `left`; `None` when that time is over.
///
/// `waited` is told how long the wait took, also when the future is dropped before it ends: a caller that cancels it again and again
/// must not forgive a slow peer. Work that is done at once costs no look at the clock.
pub(crate) async fn at_most<T>(
    left: Duration,
    waited: impl FnMut(Duration),
    mut work: impl FnMut(&mut Context<'_>) -> Poll<T>,
) -> Option<T> {
    let mut elapsed = Elapsed { since: None, waited };
    let mut sleep = pin!(None::<Sleep>);
    poll_fn(|cx| {
        if let Poll::Ready(done) = work(cx) {
            return Poll::Ready(Some(done));
        }
        if sleep.is_none() {
            elapsed.since = Some(Instant::now());
            // Not `sleep_until`: a wait without end would pass the end of time.
            sleep.set(Some(tokio::time::sleep(left)));
        }
        match sleep.as_mut().as_pin_mut() {
            Some(sleep) => sleep.poll(cx).map(|()| None),
            None => Poll::Pending,
        }
    })
    .await
}

/// Reports the time since a wait began, when the wait ends in whatever way.
struct Elapsed<F: FnMut(Duration)> {
    since: Option<Instant>,
    waited: F,
}

impl<F: FnMut(Duration)> Drop for Elapsed<F> {
    fn drop(&mut self) {
        if let Some(since) = self.since {
            (self.waited)(since.elapsed());
        }
    }
}
