//! A client in the hands of a hostile caller.

use alloc::sync::Arc;
use alloc::vec;
use alloc::vec::Vec;

use bytes::BytesMut;

use super::client::call;
use super::input::Choices;
use crate::client::{Client, Config, Error, Wants};
use crate::delivery::{Content, Delivery, Envelope, Event, Fate};
use crate::{Host, TimerId, TlsFault};

/// A client, perhaps with a delivery, and what it was given and wrote.
pub(super) struct Calling {
    client: Client,
    delivery: Option<Delivery<'static>>,
    fates: Vec<Option<Fate>>,
    kept: Vec<u8>,
    wrote: Vec<u8>,
    timers: Vec<TimerId>,
    error: Option<Error>,
}

impl Calling {
    pub(super) fn new(policies: u8) -> Self {
        let mut config = Config::default();
        if policies & 1 != 0 {
            (config.queue.commands, config.queue.content) = (100, 3);
        }
        Self {
            client: Client::new(Arc::new(config)),
            delivery: None,
            fates: Vec::new(),
            kept: Vec::new(),
            wrote: Vec::new(),
            timers: Vec::new(),
            error: None,
        }
    }

    pub(super) fn call(&mut self, choices: &mut Choices<'_>) {
        self.timers.extend(self.client.wants().timer().map(|timer| timer.id));
        match choices.below(22) {
            0..=4 => {
                self.kept.extend_from_slice(choices.run(80));
                self.next();
            }
            5 => {
                self.kept = choices.run(80).to_vec();
                self.next();
            }
            6 => {
                let _refused = self.client.hello(Host::parse(b"c.test").expect("a domain")).err();
            }
            7..=9 => drop(call(&mut self.client, choices)),
            10 => drop(self.client.body(choices.run(40))),
            11 => self.pieces(choices),
            12 => drop(self.client.finish()),
            13 => self.client.abandon_body(),
            14 => {
                let octets = choices.number();
                self.sent(octets);
            }
            15 => {
                let taken = self.client.take_outgoing(BytesMut::from(choices.run(3)));
                self.wrote.extend_from_slice(&taken);
            }
            16 if !self.timers.is_empty() => {
                let id = choices.pick(&self.timers);
                self.client.timed_out(id);
            }
            17 if choices.once_in(4) => self.client.eof(),
            18 => self.deliver(choices),
            20 => {
                self.client.tls_established();
            }
            21 if choices.once_in(4) => self.client.tls_failed(TlsFault::Protocol),
            _ => self.sent(usize::MAX),
        }
    }

    fn pieces(&mut self, choices: &mut Choices<'_>) {
        let mut room = vec![&b""[..]; choices.below(6)];
        if let Ok((_, filled)) = self.client.body_pieces(choices.run(40), &mut room) {
            room[..filled].iter().for_each(|piece| self.wrote.extend_from_slice(piece));
        }
    }

    /// Begins a letter, or goes on with it, whatever it is that the client waits for.
    fn deliver(&mut self, choices: &mut Choices<'_>) {
        let Some(delivery) = &mut self.delivery else {
            let to = ["b@y.test", "c@y.test", "postmaster"];
            let to = &to[..choices.below(4)];
            let envelope = Envelope::new("a@x.test", to.iter().copied()).expect("addresses");
            let offered = self.client.extensions().cloned().unwrap_or_default();
            if let Ok(plan) = Delivery::plan(&offered, &envelope, Content::seven_bit()) {
                self.fates = vec![None; to.len()];
                self.delivery = Some(Delivery::new(plan, envelope));
            }
            return;
        };
        match choices.below(4) {
            0 => drop(delivery.body(&mut self.client, choices.run(40))),
            1 => drop(delivery.finish(&mut self.client)),
            2 => self.give_up(),
            _ => self.next(),
        }
    }

    fn give_up(&mut self) {
        let Some(delivery) = self.delivery.take() else { return };
        for (recipient, fate) in delivery.give_up(&self.client) {
            settle(&mut self.fates, recipient, fate);
        }
        assert!(self.fates.iter().all(Option::is_some), "{:?} at the end", self.fates);
    }

    fn next(&mut self) {
        let kept = core::mem::take(&mut self.kept);
        let mut input = &kept[..];
        while self.take_one(&mut input) {}
        self.kept = input.to_vec();
        assert_ne!(self.client.wants(), Wants::Next, "next said None");
    }

    fn take_one(&mut self, input: &mut &[u8]) -> bool {
        let Self { client, delivery, fates, .. } = self;
        let event = match delivery {
            None => client.next(input).map(|event| event.is_some()),
            Some(letter) => match letter.next(client, input) {
                Ok(Some(Event::Settled { of, outcome })) => {
                    letter.recipients(of).for_each(|one| settle(fates, one, outcome.fate));
                    Ok(true)
                }
                Ok(Some(Event::Done { .. })) => {
                    *delivery = None;
                    assert!(fates.iter().all(Option::is_some), "{fates:?} at the end");
                    Ok(true)
                }
                Ok(event) => Ok(event.is_some()),
                Err(error) => Err(error),
            },
        };
        event.unwrap_or_else(|error| {
            assert_eq!(*self.error.get_or_insert(error), error, "an error stays");
            self.give_up();
            false
        })
    }

    fn sent(&mut self, octets: usize) {
        let outgoing = self.client.outgoing();
        self.wrote.extend_from_slice(&outgoing[..octets.min(outgoing.len())]);
        self.client.sent(octets);
    }

    pub(super) fn end(mut self) {
        self.client.eof();
        self.next();
        self.next();
        assert_eq!(self.client.wants(), Wants::Close, "after the end of its input");
        self.give_up();
        assert!(!self.wrote.contains(&0), "NUL was written");
    }
}

fn settle(fates: &mut [Option<Fate>], recipient: usize, fate: Fate) {
    assert_eq!(fates[recipient].replace(fate), None, "recipient {recipient} twice");
}
