//! What all sessions share: settings, the store and the totals.

use core::fmt;
use core::sync::atomic::{AtomicU64, Ordering::Relaxed};
use core::time::Duration;
use std::sync::{Arc, OnceLock};
use std::time::Instant;

use smtp_proto::server::{Config, Flavour};
use smtp_proto::{Code, Condition, EnhancedCode, ForwardPath, Reply};
use smtp_proto_tokio::tls::Acceptor;
use tokio::sync::watch;

use crate::moment::Moment;
use crate::options::Options;
use crate::store::Store;
use crate::users::Users;

/// Whether sessions are to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stop {
    No,
    /// Now, but for those that have a letter in hand.
    AfterLetter,
    Now,
}

#[derive(Debug)]
pub(crate) struct Sink {
    pub(crate) config: Arc<Config>,
    /// The same for listeners of LMTP.
    pub(crate) lmtp: Arc<Config>,
    pub(crate) acceptor: Option<Acceptor>,
    pub(crate) users: Users,
    pub(crate) store: Option<Store>,
    pub(crate) totals: Totals,
    options: Options,
    full: watch::Sender<bool>,
    stop: watch::Sender<Stop>,
}

impl Sink {
    pub(crate) fn new(options: Options) -> Result<Self, String> {
        let store = options.store.as_ref().map(|folder| {
            Store::open(folder)
                .map_err(|error| format!("cannot store letters in {}: {error}", folder.display()))
        });
        let config = options.config();
        let mut lmtp = config.clone();
        lmtp.flavour = Flavour::Lmtp;
        Ok(Self {
            lmtp: Arc::new(lmtp),
            config: Arc::new(config),
            acceptor: options.acceptor()?,
            users: Users::new(&options.user, options.users.as_deref())?,
            store: store.transpose()?,
            totals: Totals::default(),
            options,
            full: watch::Sender::new(false),
            stop: watch::Sender::new(Stop::No),
        })
    }

    /// The reply to a recipient that is not accepted.
    pub(crate) fn refusal(&self, recipient: &ForwardPath<'_>) -> Option<Reply<'static>> {
        let Options { reject, defer, .. } = &self.options;
        if reject.iter().any(|whom| whom.includes(recipient)) {
            Some(negative(
                Code::MAILBOX_UNAVAILABLE,
                Condition::BAD_DESTINATION_MAILBOX_ADDRESS,
                "No such mailbox here",
            ))
        } else if defer.iter().any(|whom| whom.includes(recipient)) {
            Some(negative(
                Code::LOCAL_ERROR,
                Condition::MAILBOX_DISABLED,
                "This mailbox takes no letters now",
            ))
        } else {
            None
        }
    }

    /// The reply to every letter, where none is accepted.
    pub(crate) fn letter_refusal(&self) -> Option<Reply<'static>> {
        let reply = negative(
            Code::MAILBOX_UNAVAILABLE,
            Condition::DELIVERY_NOT_AUTHORIZED,
            "This server takes no letters",
        );
        self.options.reject_after_data.then_some(reply)
    }

    /// How long the reply of this moment is held.
    pub(crate) fn delay(&self, moment: Moment) -> Option<Duration> {
        self.options
            .delay
            .iter()
            .rev()
            .find(|(delayed, _)| *delayed == moment)
            .map(|(_, delay)| *delay)
    }

    /// Whether the connection is dropped after this reply.
    pub(crate) fn closes_after(&self, moment: Moment) -> bool {
        self.options.close_after == Some(moment)
    }

    /// Whether one more letter may be taken; it counts then.
    pub(crate) fn admit(&self) -> bool {
        let limit = self.options.quit_after.unwrap_or(u64::MAX);
        let more = |messages| (messages < limit).then_some(messages + 1);
        self.totals.messages.fetch_update(Relaxed, Relaxed, more).is_ok()
    }

    /// Says that the letter that was admitted could not be kept.
    pub(crate) fn lost(&self) {
        self.totals.messages.fetch_sub(1, Relaxed);
    }

    /// Says that the letter that was admitted is safe.
    pub(crate) fn took(&self, octets: u64) {
        self.totals.octets.fetch_add(octets, Relaxed);
        if self.options.quit_after == Some(self.totals.messages.load(Relaxed)) {
            self.full.send_replace(true);
        }
    }

    /// Turns true after the last letter of `--quit-after`.
    pub(crate) fn full(&self) -> watch::Receiver<bool> {
        self.full.subscribe()
    }

    /// Waits until sessions are to end in another way than `seen`.
    pub(crate) fn stopping(&self, seen: Stop) -> impl Future<Output = Stop> + Send + use<> {
        let mut stop = self.stop.subscribe();
        async move { stop.wait_for(|stop| *stop != seen).await.map_or(Stop::Now, |stop| *stop) }
    }

    /// Ends all sessions.
    pub(crate) fn stop(&self, stop: Stop) {
        self.stop.send_replace(stop);
    }
}

pub(crate) const fn negative(
    code: Code,
    condition: Condition,
    text: &'static str,
) -> Reply<'static> {
    Reply::new(code, EnhancedCode::new(code.class(), condition), text)
}

/// The numbers of the last line.
#[derive(Debug, Default)]
pub(crate) struct Totals {
    messages: AtomicU64,
    octets: AtomicU64,
    connections: AtomicU64,
    refused: AtomicU64,
    start: OnceLock<Instant>,
    /// From the start to the end of the last session, in microseconds.
    lasted: AtomicU64,
}

impl Totals {
    pub(crate) fn connection(&self) {
        self.start.get_or_init(Instant::now);
        self.connections.fetch_add(1, Relaxed);
    }

    pub(crate) fn refused(&self) {
        self.refused.fetch_add(1, Relaxed);
    }

    pub(crate) fn session_over(&self) {
        let lasted = self.start.get().map_or(Duration::ZERO, Instant::elapsed).as_micros();
        self.lasted.fetch_max(u64::try_from(lasted).unwrap_or(u64::MAX), Relaxed);
    }
}

impl fmt::Display for Totals {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [messages, octets, connections, refused] =
            [&self.messages, &self.octets, &self.connections, &self.refused]
                .map(|total| total.load(Relaxed));
        let seconds = Duration::from_micros(self.lasted.load(Relaxed)).as_secs_f64();
        write!(
            f,
            "messages={messages} octets={octets} connections={connections} refused={refused} seconds={seconds:.3}"
        )
    }
}
