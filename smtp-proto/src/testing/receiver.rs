//! The end of a pair that receives: a server with its application, driven as a driver drives it.

use alloc::format;
use alloc::string::ToString;
use core::time::Duration;

use super::End;
use super::alarm::Alarm;
use super::desk::Desk;
use super::faults::Weather;
use super::handshake::{Handshake, Step};
use super::network::{Network, Read, Write};
use super::rng::Rng;
use super::story::Story;
use crate::server::{Config, Event, Server, Wants, When};
use crate::{Code, Condition, Inbox, Reply, Timer};
use alloc::sync::Arc;

const GOING_DOWN: Reply<'static> = Reply::new(
    Code::UNAVAILABLE,
    Some(Condition::SYSTEM_NOT_ACCEPTING_MESSAGES.transient()),
    "Going down",
);

/// What somebody on the way says behind the 220 to STARTTLS.
const INJECTED: &[u8] = b"250-evil.test\r\n250 AUTH PLAIN\r\n235 2.7.0 Welcome\r\n";

pub(super) struct Receiver {
    server: Server,
    desk: Desk,
    inbox: Inbox,
    alarm: Alarm,
    shut_down: Option<(Duration, When)>,
    /// What is written goes nowhere.
    mute: bool,
    handshake: Handshake,
    injected: Option<End>,
    /// Until when, and how many octets more, it is read on after the end.
    closing: Option<(Duration, usize)>,
    over: bool,
}

impl Receiver {
    pub(super) fn new(config: Arc<Config>, weather: &Weather, mut rng: Rng) -> Self {
        let alarm = Alarm::new(weather.timers, rng.split());
        let inbox = config.inbox();
        Self {
            server: Server::new(config),
            desk: Desk::new(weather.answers, rng),
            inbox,
            alarm,
            shut_down: weather.shut_down,
            mute: false,
            handshake: Handshake::default(),
            injected: weather.injected,
            closing: None,
            over: false,
        }
    }

    /// Does one thing. Whether there was one to do.
    pub(super) fn step(&mut self, network: &mut Network, story: &mut Story) -> bool {
        let now = story.took;
        if let Some(id) = self.alarm.again() {
            self.server.timed_out(id);
        }
        // A decision may come when the session is long over.
        let Self { desk, server, inbox, .. } = self;
        if inbox.feed(|input| desk.decide_one(server, input, now)) {
            return true;
        }
        if self.over {
            return false;
        }
        if let Some((until, left)) = self.closing {
            return self.close(network, story, until, left);
        }
        if let Some((_, when)) = self.shut_down.take_if(|(at, _)| *at <= now) {
            self.server.shut_down(&GOING_DOWN, when);
            return true;
        }
        if self.listen(story) {
            return true;
        }
        match self.server.wants() {
            Wants::Next => true,
            Wants::Flush(timer) => {
                let moved = self.write(network, story) || self.read(network, story);
                if !moved && self.expire(timer) {
                    story.silenced(End::Server);
                    return true;
                }
                moved
            }
            Wants::Read(timer) | Wants::Answer(timer) => {
                self.read(network, story) || self.expire(timer)
            }
            Wants::Tls(timer) => self.shake_hands(network, now) || self.expire(timer),
            Wants::Close => {
                network.shut_down(End::Server, now);
                self.closing = Some((now + Wants::LINGER, Wants::LINGER_OCTETS));
                true
            }
        }
    }

    /// Takes one event.
    fn listen(&mut self, story: &mut Story) -> bool {
        let Self { server, desk, inbox, .. } = self;
        inbox.feed(|input| {
            let Some(event) = server.next(input) else { return false };
            // Tokens hold the number of the session, which differs from run to run.
            match &event {
                Event::Reset | Event::Refused(_) | Event::Aborted(_) | Event::Quit => {
                    story.note(End::Server, &format!("{event:?}"));
                }
                Event::Closed { why, .. } => story.ended(End::Server, why.to_string()),
                _ => {}
            }
            desk.answer(event, server, input, story.took);
            true
        })
    }

    fn write(&mut self, network: &mut Network, story: &mut Story) -> bool {
        let outgoing = self.server.outgoing();
        story.waits(End::Server, outgoing.len());
        let count = match network.write(End::Server, outgoing, story.took) {
            Write::Took(count) => {
                story.wrote(End::Server, &outgoing[..count]);
                count
            }
            Write::Full => return false,
            Write::Broken => {
                if !core::mem::replace(&mut self.mute, true) {
                    story.silenced(End::Server);
                    self.server.eof();
                }
                self.server.outgoing().len()
            }
        };
        self.server.sent(count);
        if self.injected == Some(End::Server) && story.server.wrote.ends_with(b"start TLS\r\n") {
            network.inject(End::Server, INJECTED, story.took);
            story.injected = Some(End::Server);
        }
        true
    }

    fn shake_hands(&mut self, network: &mut Network, now: Duration) -> bool {
        match self.handshake.step(End::Server, network, now) {
            Step::Moved => {}
            Step::Nothing => return false,
            Step::Done => assert!(self.server.tls_established(), "a handshake was wanted"),
            Step::Garbage | Step::End => self.server.eof(),
        }
        true
    }

    fn read(&mut self, network: &mut Network, story: &mut Story) -> bool {
        let Some(space) = self.inbox.space().filter(|_| !self.mute) else { return false };
        match network.read(End::Server, space, story.took) {
            Read::Got(count) => {
                story.read(End::Server, &space[..count]);
                self.inbox.filled(count);
            }
            Read::Nothing => return false,
            Read::End => {
                story.note(End::Server, "read the end");
                self.inbox.filled(0);
                self.server.eof();
            }
        }
        true
    }

    fn expire(&mut self, timer: Timer) -> bool {
        let expired = self.alarm.expired(timer);
        expired.into_iter().for_each(|id| self.server.timed_out(id));
        expired.is_some()
    }

    /// A socket that is closed over unread octets is reset, and the last reply is lost.
    fn close(
        &mut self,
        network: &mut Network,
        story: &Story,
        until: Duration,
        left: usize,
    ) -> bool {
        let read = network.read(End::Server, &mut [0; 4096], story.took);
        let left = match read {
            Read::Got(count) => left.saturating_sub(count),
            Read::Nothing if story.took < until => return false,
            Read::Nothing | Read::End => 0,
        };
        self.closing = Some((until, left));
        if left == 0 || story.took >= until {
            network.close(End::Server, story.took);
            self.over = true;
        }
        true
    }

    /// When it has to be looked at again though nothing arrives.
    pub(super) fn wake(&mut self, now: Duration) -> Option<Duration> {
        if self.over {
            return self.desk.wake();
        }
        let timer = self.server.wants().timer().map(|timer| now + self.alarm.left(timer));
        let closing = self.closing.map(|(until, _)| until);
        let shut_down = self.shut_down.map(|(at, _)| at);
        [timer, closing, shut_down, self.desk.wake()].into_iter().flatten().min()
    }

    /// So much time passed, in which there was nothing to do.
    pub(super) fn pass(&mut self, time: Duration) {
        if let Some(timer) = self.server.wants().timer() {
            self.alarm.pass(timer, time);
        }
    }

    pub(super) fn is_over(&self) -> bool {
        self.over && self.desk.wake().is_none()
    }

    pub(super) fn finish(self, story: &mut Story) {
        story.stored = self.desk.stored;
    }
}
