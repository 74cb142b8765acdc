//! How a listener and its sessions are told to stop.

use core::future::pending;
use core::mem;
use core::time::Duration;
use std::sync::Arc;

use smtp_proto::server::When;
use tokio::sync::watch;
use tokio::time::Instant;

/// Shuts a [`Listener`](crate::Listener) down, from anywhere.
///
/// ```no_run
/// # use core::time::Duration;
/// # use smtp_proto_tokio::Listener;
/// # async fn run() -> std::io::Result<()> {
/// let listener = Listener::bind(["127.0.0.1:2525"]).await?;
/// let handle = listener.handle();
/// tokio::spawn(async move {
///     let _ = tokio::signal::ctrl_c().await;
///     handle.shut_down(Duration::from_secs(30));
/// });
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Handle {
    deadline: Arc<watch::Sender<Option<Instant>>>,
}

impl Handle {
    pub(crate) fn new() -> Self {
        Self { deadline: Arc::new(watch::Sender::new(None)) }
    }

    /// No more connections are accepted; sessions without a transaction get 421 now, the others when it is over, or after `grace`.
    ///
    /// Called again, the last `grace` counts.
    pub fn shut_down(&self, grace: Duration) {
        // A grace of centuries is one that never ends.
        let century = Duration::from_secs(100 * 365 * 24 * 3600);
        self.deadline.send_replace(Some(Instant::now() + grace.min(century)));
    }

    pub(crate) fn deadline(&self) -> watch::Receiver<Option<Instant>> {
        self.deadline.subscribe()
    }
}

/// What a session hears of it.
#[derive(Debug)]
pub(crate) struct Stop {
    stage: Option<watch::Receiver<Option<When>>>,
    /// The stage was looked at since `news` was asked, so that it counts as seen.
    looked: bool,
    told: Option<When>,
}

impl Stop {
    pub(crate) const fn never() -> Self {
        Self { stage: None, looked: false, told: None }
    }

    /// What `stage` says; a session that begins later hears what is the case.
    pub(crate) fn at(stage: &watch::Sender<Option<When>>) -> Self {
        Self { stage: Some(stage.subscribe()), looked: true, told: None }
    }

    /// How to shut down, where that is news.
    pub(crate) fn news(&mut self) -> Option<When> {
        let stage = self.stage.as_mut()?;
        // Asked at every event: without a lock that all sessions share.
        if !mem::take(&mut self.looked) && !stage.has_changed().unwrap_or(false) {
            return None;
        }
        let stage = *stage.borrow_and_update();
        (mem::replace(&mut self.told, stage) != stage).then_some(stage).flatten()
    }

    /// Waits until there is news. Cancel-safe.
    pub(crate) async fn changed(&mut self) {
        self.wait_for(|stage, told| stage != told).await;
    }

    /// Waits until it is news that nothing more is waited for. Cancel-safe.
    pub(crate) async fn now(&mut self) {
        self.wait_for(|stage, told| stage != told && stage == Some(When::Now)).await;
    }

    async fn wait_for(&mut self, that: impl Fn(Option<When>, Option<When>) -> bool) {
        let Self { stage, looked, told } = self;
        let Some(stage) = stage else {
            return pending().await;
        };
        let seen = |stage: &Option<When>| {
            *looked = true;
            that(*stage, *told)
        };
        if stage.wait_for(seen).await.is_err() {
            pending().await
        }
    }
}
