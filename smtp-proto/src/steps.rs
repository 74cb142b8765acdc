//! Counts the steps of what reads a peer's octets, so that tests can say that work is linear without a clock.
//!
//! A step is an octet that is looked at by a search, a production that is tried, or a recipient of a delivery that is looked at. Without the feature `testing` nothing is counted.

#[cfg(feature = "testing")]
std::thread_local! {
    static STEPS: core::cell::Cell<u64> = const { core::cell::Cell::new(0) };
}

/// So many steps were taken.
#[inline]
pub(crate) fn took(steps: usize) {
    #[cfg(feature = "testing")]
    STEPS.set(STEPS.get().saturating_add(steps as u64));
    #[cfg(not(feature = "testing"))]
    let _ = steps;
}

/// Runs `work`, and says how many steps this thread took for it.
///
/// ```
/// use smtp_proto::Command;
/// use smtp_proto::testing::steps;
///
/// let (command, steps) = steps(|| Command::parse(b"RCPT TO:<bob@x.test>"));
/// assert!(command.is_ok() && steps < 20);
/// ```
#[cfg(feature = "testing")]
pub fn steps<T>(work: impl FnOnce() -> T) -> (T, u64) {
    let before = STEPS.get();
    let result = work();
    (result, STEPS.get().saturating_sub(before))
}
