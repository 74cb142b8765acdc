//! The end of a pair that sends: a client that delivers letters, driven as a driver drives it.

use alloc::boxed::Box;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::time::Duration;

use super::End;
use super::alarm::Alarm;
use super::faults::Weather;
use super::handshake::{Handshake, Step};
use super::network::{Network, Read, Write};
use super::pair::Letter;
use super::rng::Rng;
use super::story::Story;
use crate::client::{Client, Config, Error, Introduction, IntroductionError, Wants};
use crate::delivery::{Delivery, Event, Fate};
use crate::sasl::Credentials;
use crate::{Host, Inbox, Timer, TlsFault};

/// What somebody on the way says behind STARTTLS.
const INJECTED: &[u8] =
    b"EHLO evil.test\r\nMAIL FROM:<evil@x.test>\r\nRCPT TO:<b@y.test>\r\nBDAT 4 LAST\r\nevil";

pub(super) struct Sender<'l> {
    client: Client,
    inbox: Inbox,
    alarm: Alarm,
    letters: &'l [Letter],
    /// Letters that were begun.
    begun: usize,
    task: Task<'l>,
    weather: Weather,
    rng: Rng,
    /// Pieces of content that are to be written before anything else.
    pieces: Vec<u8>,
    /// The network takes nothing more: what the server still says is read.
    mute: bool,
    handshake: Handshake,
}

enum Task<'l> {
    /// Until the session can carry letters.
    Introduction(Introduction<'l>),
    /// Between letters, and after QUIT.
    Alone,
    Letter(Box<Delivery<'l>>, Producer),
    Over,
}

/// Where a content comes from.
#[derive(Default)]
struct Producer {
    /// The octets that were produced, once content is due.
    at: Option<usize>,
    fails_at: Option<usize>,
    pauses_until: Duration,
}

impl<'l> Sender<'l> {
    pub(super) fn new(
        config: Arc<Config>,
        letters: &'l [Letter],
        credentials: Option<&'l Credentials>,
        weather: Weather,
        mut rng: Rng,
    ) -> Self {
        let alarm = Alarm::new(weather.timers, rng.split());
        let inbox = config.inbox();
        let introduction = introduction(&config, credentials);
        Self {
            client: Client::new(config),
            inbox,
            alarm,
            letters,
            begun: 0,
            task: Task::Introduction(introduction),
            weather,
            rng,
            pieces: Vec::new(),
            mute: false,
            handshake: Handshake::default(),
        }
    }

    /// Does one thing. Whether there was one to do.
    pub(super) fn step(&mut self, network: &mut Network, story: &mut Story) -> bool {
        if self.is_over() {
            return false;
        }
        if let Some(id) = self.alarm.again() {
            self.client.timed_out(id);
        }
        if self.listen(story) {
            return true;
        }
        if !self.pieces.is_empty() && !self.client.is_over() {
            return self.write(network, story) || self.read(network, story);
        }
        match self.client.wants() {
            Wants::Next => true,
            Wants::Flush(timer) => {
                self.write(network, story) || self.read(network, story) || self.expire(timer)
            }
            Wants::Read(timer) => self.read(network, story) || self.expire(timer),
            Wants::Body if self.rng.once_in(2) => self.read(network, story) || self.feed(story),
            Wants::Body => self.feed(story) || self.read(network, story),
            Wants::Tls(timer) => self.shake_hands(network, story) || self.expire(timer),
            Wants::Command => self.command(story) || self.read(network, story),
            Wants::Close => {
                network.close(End::Client, story.took);
                story.ended(End::Client, "closed".to_string());
                self.task = Task::Over;
                true
            }
        }
    }

    /// Takes one event.
    fn listen(&mut self, story: &mut Story) -> bool {
        let Self { client, inbox, task, begun, .. } = self;
        let letter = begun.saturating_sub(1);
        let error = match task {
            Task::Letter(delivery, producer) => {
                match inbox.feed(|input| delivery.next(client, input)) {
                    Ok(Some(event)) => {
                        hear(event, delivery, producer, letter, story);
                        if let Event::Done { .. } = event {
                            self.task = Task::Alone;
                        }
                        return true;
                    }
                    Ok(None) => return false,
                    Err(error) => error,
                }
            }
            Task::Introduction(introduction) => {
                match inbox.feed(|input| introduction.next(client, input)) {
                    Ok(false) => return false,
                    Ok(true) => {
                        self.task = Task::Alone;
                        return true;
                    }
                    Err(IntroductionError::Session(error)) => error,
                    Err(refused) => return self.introduce_in_vain(&refused, story),
                }
            }
            Task::Alone => match inbox.feed(|input| client.next(input)) {
                Ok(event) => return event.is_some(),
                Err(error) => error,
            },
            Task::Over => return false,
        };
        self.fail(error, story)
    }

    /// No letter goes: QUIT is all that is left to say.
    fn introduce_in_vain(&mut self, why: &IntroductionError, story: &mut Story) -> bool {
        story.note(End::Client, &why.to_string());
        self.begun = self.letters.len();
        self.task = Task::Alone;
        true
    }

    fn shake_hands(&mut self, network: &mut Network, story: &Story) -> bool {
        match self.handshake.step(End::Client, network, story.took) {
            Step::Moved => {}
            Step::Nothing => return false,
            Step::Done => assert!(
                self.client.tls_established() && self.client.tls_verified(),
                "a handshake was wanted"
            ),
            Step::Garbage => self.client.tls_failed(TlsFault::Protocol),
            Step::End => self.client.tls_failed(TlsFault::Eof),
        }
        true
    }

    fn fail(&mut self, error: Error, story: &mut Story) -> bool {
        let first = story.client.ended.is_none();
        story.ended(End::Client, error.to_string());
        if let Task::Letter(delivery, _) = core::mem::replace(&mut self.task, Task::Alone) {
            for (recipient, fate) in delivery.give_up(&self.client) {
                settle(self.begun - 1, recipient, fate, story);
            }
        }
        first
    }

    /// The next letter, or QUIT.
    fn command(&mut self, story: &mut Story) -> bool {
        if !matches!(self.task, Task::Alone) {
            return false;
        }
        let letter = self.letters.get(self.begun).filter(|_| self.client.is_reusable());
        match (letter, self.client.extensions()) {
            (Some(letter), Some(offered)) => {
                self.begun += 1;
                match Delivery::plan(offered, &letter.envelope(), letter.declared()) {
                    Ok(plan) => {
                        let producer = self.producer(letter);
                        let plan = if letter.is_in_chunks() { plan.in_chunks() } else { plan };
                        let delivery = Delivery::new(plan, letter.envelope());
                        self.task = Task::Letter(Box::new(delivery), producer);
                    }
                    Err(_) => (0..letter.recipients()).for_each(|recipient| {
                        settle(self.begun - 1, recipient, Fate::Permanent, story)
                    }),
                }
                true
            }
            _ => self.client.quit().is_ok(),
        }
    }

    fn producer(&mut self, letter: &Letter) -> Producer {
        let octets = letter.content().len();
        let fails = self.weather.fails && self.rng.once_in(2);
        let fails_at = fails.then(|| self.rng.up_to(octets + 1) - 1);
        Producer { fails_at, ..Producer::default() }
    }

    /// Hands on a piece of the content, or its end.
    fn feed(&mut self, story: &mut Story) -> bool {
        let Task::Letter(delivery, producer) = &mut self.task else { return false };
        let Some(at) = producer.at.filter(|_| producer.pauses_until <= story.took) else {
            return false;
        };
        let content = self.letters[self.begun - 1].content();
        let most = self.weather.segment.map_or(usize::MAX, |most| self.rng.up_to(most));
        let end = producer.fails_at.unwrap_or(usize::MAX).min(content.len());
        let piece = &content[at..end.min(at.saturating_add(most))];
        let fed = if producer.fails_at == Some(at) {
            story.note(End::Client, "the producer of the content failed");
            self.client.abandon_body();
            Ok(())
        } else if piece.is_empty() {
            let quits = self.weather.quits_early && self.begun == self.letters.len();
            let ended = delivery.finish(&mut self.client);
            if quits && ended.is_ok() {
                let _queued = self.client.quit();
            }
            ended
        } else {
            let taken = match self.weather.pieces && self.client.outgoing().is_empty() {
                true => {
                    let mut room = [&b""[..]; 4];
                    delivery.body_pieces(&mut self.client, piece, &mut room).map(
                        |(taken, filled)| {
                            room[..filled]
                                .iter()
                                .for_each(|piece| self.pieces.extend_from_slice(piece));
                            taken
                        },
                    )
                }
                false => delivery.body(&mut self.client, piece),
            };
            taken.map(|taken| producer.at = Some(at + taken))
        };
        if let Err(misuse) = fed {
            story.note(End::Client, &format!("refused: {misuse}"));
        }
        if self.weather.pauses && self.rng.once_in(4) {
            producer.pauses_until = story.took + Duration::from_secs(self.rng.below(200));
        }
        true
    }

    fn write(&mut self, network: &mut Network, story: &mut Story) -> bool {
        if self.mute {
            return false;
        }
        let pieces = !self.pieces.is_empty();
        let outgoing = if pieces { &self.pieces } else { self.client.outgoing() };
        story.waits(End::Client, self.client.outgoing().len());
        match network.write(End::Client, outgoing, story.took) {
            Write::Took(count) => {
                story.wrote(End::Client, &outgoing[..count]);
                match pieces {
                    true => drop(self.pieces.drain(..count)),
                    false => self.client.sent(count),
                }
                if self.weather.injected == Some(End::Client)
                    && story.client.wrote.ends_with(b"STARTTLS\r\n")
                {
                    network.inject(End::Client, INJECTED, story.took);
                    story.injected = Some(End::Client);
                }
                true
            }
            Write::Full => false,
            Write::Broken => {
                story.silenced(End::Client);
                self.mute = true;
                true
            }
        }
    }

    fn read(&mut self, network: &mut Network, story: &mut Story) -> bool {
        let Some(space) = self.inbox.space() else { return false };
        match network.read(End::Client, space, story.took) {
            Read::Got(count) => {
                story.read(End::Client, &space[..count]);
                self.inbox.filled(count);
            }
            Read::Nothing => return false,
            Read::End => {
                story.note(End::Client, "read the end");
                self.inbox.filled(0);
                self.client.eof();
            }
        }
        true
    }

    fn expire(&mut self, timer: Timer) -> bool {
        let expired = self.alarm.expired(timer);
        expired.into_iter().for_each(|id| self.client.timed_out(id));
        expired.is_some()
    }

    /// When it has to be looked at again though nothing arrives.
    pub(super) fn wake(&mut self, now: Duration) -> Option<Duration> {
        if self.is_over() {
            return None;
        }
        let timer = self.client.wants().timer().map(|timer| now + self.alarm.left(timer));
        let pause = match &self.task {
            Task::Letter(_, producer) => Some(producer.pauses_until).filter(|&until| until > now),
            Task::Introduction(_) | Task::Alone | Task::Over => None,
        };
        timer.into_iter().chain(pause).min()
    }

    /// So much time passed, in which there was nothing to do.
    pub(super) fn pass(&mut self, time: Duration) {
        if let Some(timer) = self.client.wants().timer() {
            self.alarm.pass(timer, time);
        }
    }

    pub(super) const fn is_over(&self) -> bool {
        matches!(self.task, Task::Over)
    }
}

/// STARTTLS where it is offered, and AUTH where there are credentials.
fn introduction<'l>(config: &Config, credentials: Option<&'l Credentials>) -> Introduction<'l> {
    let name = Host::parse(b"c.test").expect("a domain");
    let mut introduction = Introduction::new(name).with_start_tls();
    if let Some(credentials) = credentials {
        introduction = introduction.with_credentials(credentials);
    }
    if config.auth_in_clear.is_empty() { introduction } else { introduction.with_auth_in_clear() }
}

fn hear(
    event: Event<'_>,
    delivery: &Delivery<'_>,
    producer: &mut Producer,
    letter: usize,
    story: &mut Story,
) {
    match event {
        Event::Settled { of, outcome } => {
            let who: Vec<usize> = delivery.recipients(of).collect();
            let why = outcome.reply.map_or_else(String::new, |reply| reply.to_string());
            story.note(End::Client, &format!("settled {who:?} {:?} {why}", outcome.fate));
            who.into_iter().for_each(|recipient| settle(letter, recipient, outcome.fate, story));
        }
        Event::Content => {
            story.note(End::Client, "content is due");
            producer.at = Some(0);
        }
        Event::Done { reusable } => story.note(End::Client, &format!("done, reusable: {reusable}")),
    }
}

fn settle(letter: usize, recipient: usize, fate: Fate, story: &mut Story) {
    if let Some(settled) = story.settled.get_mut(letter) {
        settled.push((recipient, fate));
    }
}
