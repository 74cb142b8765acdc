//! What this server says to each event.

use core::net::IpAddr;
use core::time::Duration;
use std::collections::VecDeque;
use std::fmt;
use std::sync::Arc;

use smtp_proto::sasl::{self, Credentials};
use smtp_proto::server::{
    Acceptable, Event, Kind, Login, Pending, ReplyError, Server, Summary, Transfer, kind,
};
use smtp_proto::{Code, Condition, Mail, Rcpt, Reply, Verb, stock};
use tokio::time::Instant;
use tracing::{debug, info, warn};

use crate::envelope::{Envelope, Way};
use crate::moment::Moment;
use crate::sink::{Sink, negative};
use crate::store::Letter;

const ENOUGH: Reply<'static> =
    negative(Code::UNAVAILABLE, Condition::SYSTEM_NOT_ACCEPTING_MESSAGES, "Enough letters");
const FULL: Reply<'static> =
    negative(Code::INSUFFICIENT_STORAGE, Condition::MAIL_SYSTEM_FULL, "Cannot store the letter");

/// One client's side of things.
pub(crate) struct Dialogue {
    sink: Arc<Sink>,
    client: Option<IpAddr>,
    helo: String,
    login: Login,
    user: Option<String>,
    envelope: Envelope,
    letter: Letter,
    held: VecDeque<Held>,
    pause: Option<Duration>,
    hangs_up: bool,
}

/// An answer that waits for its time.
struct Held {
    due: Instant,
    moment: Moment,
    give: Box<Answer>,
}

type Answer = dyn FnOnce(&mut Dialogue, &mut Server) -> Result<(), ReplyError> + Send;

impl Dialogue {
    pub(crate) fn new(sink: Arc<Sink>, client: Option<IpAddr>) -> Self {
        Self {
            sink,
            client,
            helo: String::new(),
            login: Login::new(),
            user: None,
            envelope: Envelope::default(),
            letter: Letter::default(),
            held: VecDeque::new(),
            pause: None,
            hangs_up: false,
        }
    }

    pub(crate) fn take(&mut self, event: Event<'_>, server: &mut Server) {
        match event {
            Event::Connect(pending) => self.accept(Moment::Connect, pending, server),
            Event::Hello { verb, name, pending } => {
                if self.sink.store.is_some() {
                    self.helo = name.to_string();
                }
                self.accept(Moment::Verb(verb), pending, server);
            }
            Event::Mail { mail, pending } => self.mail(&mail, pending, server),
            Event::Rcpt { rcpt, pending } => self.rcpt(&rcpt, pending, server),
            // In front of chunks: the reply is that to the first of them.
            Event::Data { how: Transfer::Bdat, pending } => self.give_now(pending, server),
            Event::Data { pending, .. } => self.accept(Moment::Verb(Verb::Data), pending, server),
            Event::Body(run) => {
                if let Some(store) = &self.sink.store {
                    self.letter.write(store, run);
                }
            }
            Event::Message { content, pending } => self.message(content, pending, server),
            // The same verdict for all who are left.
            Event::Messages { content, pending } => self.message(content, pending, server),
            Event::Chunk(pending) => self.accept(Moment::Verb(Verb::Bdat), pending, server),
            Event::Auth { mechanism, initial, pending } => {
                let asked = self.login.begin(sasl::exchange(mechanism), initial, pending, server);
                self.check(asked, server);
            }
            Event::AuthLine { data, pending } => {
                let asked = self.login.go_on(data, pending, server);
                self.check(asked, server);
            }
            Event::AuthCancelled => self.login.cancel(),
            Event::Aborted(why) => {
                debug!(client = %name(self.client), %why, "letter is void");
                self.letter = Letter::default();
            }
            Event::Refused(refusal) => {
                self.sink.totals.refused();
                let verb = refusal.line.split(|octet| *octet == b' ').next().and_then(Verb::parse);
                if let Some(verb) = verb {
                    self.answered_already(Moment::Verb(verb));
                }
            }
            Event::Reset => self.answered_already(Moment::Verb(Verb::Rset)),
            Event::Quit => self.answered_already(Moment::Verb(Verb::Quit)),
            Event::Closed { why, .. } => {
                debug!(client = %name(self.client), %why, "session is over")
            }
            other => server.decline(other),
        }
    }

    fn mail(&mut self, mail: &Mail<'_>, pending: Pending<kind::Mail>, server: &mut Server) {
        if self.sink.store.is_some() {
            self.envelope = Envelope::new(mail);
        }
        self.accept(Moment::Verb(Verb::Mail), pending, server);
    }

    fn rcpt(&mut self, rcpt: &Rcpt<'_>, pending: Pending<kind::Rcpt>, server: &mut Server) {
        if let Some(refusal) = self.sink.refusal(&rcpt.to) {
            return self.refuse(Moment::Verb(Verb::Rcpt), pending, refusal, server);
        }
        if self.sink.store.is_some() {
            self.envelope.add(rcpt);
        }
        self.accept(Moment::Verb(Verb::Rcpt), pending, server);
    }

    /// What an exchange of AUTH has come to.
    fn check(&mut self, asked: Option<(Credentials, Pending<kind::Auth>)>, server: &mut Server) {
        if let Some((credentials, pending)) = asked {
            self.user = self.sink.users.check(&credentials);
            let verdict = if self.user.is_some() {
                Ok(None)
            } else {
                self.sink.totals.refused();
                Err(stock::BAD_CREDENTIALS)
            };
            if let Err(error) = self.login.decide(verdict, pending, server) {
                debug!(client = %name(self.client), %error, "answer is of no use");
            }
        }
        self.answered_already(Moment::Verb(Verb::Auth));
    }

    fn message<K: Acceptable + 'static>(
        &mut self,
        content: Summary,
        pending: Pending<K>,
        server: &mut Server,
    ) {
        self.answer(Moment::Body, server, move |dialogue, server| {
            dialogue.conclude(content.octets, pending, server)
        });
    }

    /// Keeps the letter, unless the session was ended while its reply was held: then its client has heard 421, and sends it again.
    fn conclude<K: Acceptable>(
        &mut self,
        octets: u64,
        pending: Pending<K>,
        server: &mut Server,
    ) -> Result<(), ReplyError> {
        if server.owed() == 0 {
            self.letter = Letter::default();
            return server.accept(pending);
        }
        match self.keep(octets, server) {
            Ok(()) => server.accept(pending),
            Err(refusal) => {
                self.sink.totals.refused();
                server.reply(pending, &refusal)
            }
        }
    }

    /// Takes responsibility for the letter.
    fn keep(&mut self, octets: u64, server: &Server) -> Result<(), Reply<'static>> {
        let letter = core::mem::take(&mut self.letter);
        if let Some(refusal) = self.sink.letter_refusal() {
            return Err(refusal);
        }
        if !self.sink.admit() {
            return Err(ENOUGH);
        }
        if let Some(store) = &self.sink.store {
            let way = Way {
                client: self.client,
                helo: &self.helo,
                tls: server.is_tls(),
                user: self.user.as_deref(),
                protocol: server.protocol(),
            };
            match letter.keep(store, &self.envelope.json(way, octets)) {
                Ok(number) => info!(client = %name(self.client), number, octets, "letter stored"),
                Err(error) => {
                    warn!(%error, "cannot store a letter");
                    self.sink.lost();
                    return Err(FULL);
                }
            }
        }
        self.sink.took(octets);
        Ok(())
    }

    fn accept<K: Acceptable + 'static>(
        &mut self,
        moment: Moment,
        pending: Pending<K>,
        server: &mut Server,
    ) {
        self.answer(moment, server, move |_, server| server.accept(pending));
    }

    fn refuse<K: Kind + 'static>(
        &mut self,
        moment: Moment,
        pending: Pending<K>,
        reply: Reply<'static>,
        server: &mut Server,
    ) {
        self.sink.totals.refused();
        self.answer(moment, server, move |_, server| server.reply(pending, &reply));
    }

    /// Accepts what has no moment of its own.
    fn give_now<K: Acceptable>(&self, pending: Pending<K>, server: &mut Server) {
        if let Err(error) = server.accept(pending) {
            debug!(client = %name(self.client), %error, "answer is of no use");
        }
    }

    /// Gives an answer now, or when its time has come.
    fn answer(
        &mut self,
        moment: Moment,
        server: &mut Server,
        give: impl FnOnce(&mut Self, &mut Server) -> Result<(), ReplyError> + Send + 'static,
    ) {
        match self.sink.delay(moment) {
            None => self.give(moment, server, give),
            Some(delay) => {
                self.held.push_back(Held {
                    due: Instant::now() + delay,
                    moment,
                    give: Box::new(give),
                });
            }
        }
    }

    fn give(
        &mut self,
        moment: Moment,
        server: &mut Server,
        give: impl FnOnce(&mut Self, &mut Server) -> Result<(), ReplyError>,
    ) {
        if let Err(error) = give(self, server) {
            debug!(client = %name(self.client), %error, "answer is of no use");
        }
        self.hangs_up |= self.sink.closes_after(moment);
    }

    /// The machine answers by itself: its reply leaves when the session goes on.
    pub(crate) fn answered_already(&mut self, moment: Moment) {
        self.pause = self.pause.max(self.sink.delay(moment));
        self.hangs_up |= self.sink.closes_after(moment);
    }

    /// When the next answer that is held has to be given.
    pub(crate) fn due(&self) -> Option<Instant> {
        self.held.front().map(|held| held.due)
    }

    /// Gives the answers whose time has come.
    pub(crate) fn answer_due(&mut self, server: &mut Server) {
        while self.due().is_some_and(|due| due <= Instant::now()) {
            if let Some(Held { moment, give, .. }) = self.held.pop_front() {
                self.give(moment, server, give);
            }
        }
    }

    /// How long the session has to wait before it goes on.
    pub(crate) fn pause(&mut self) -> Option<Duration> {
        self.pause.take()
    }

    /// Whether the connection is dropped once all replies have left.
    pub(crate) const fn hangs_up(&self) -> bool {
        self.hangs_up
    }
}

impl fmt::Debug for Dialogue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Dialogue").field("client", &self.client).finish_non_exhaustive()
    }
}

/// What a client is called in the log.
pub(crate) fn name(client: Option<IpAddr>) -> String {
    client.map_or_else(|| "a local process".to_owned(), |ip| ip.to_string())
}
