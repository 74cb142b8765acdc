//! A letter that a fuzzer sends, and what became of it.

use alloc::boxed::Box;
use alloc::format;
use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;

use super::content::with_line_ends;
use super::input::Choices;
use super::respondent::Tally;
use crate::client::{Client, Error, Misuse};
use crate::delivery::{Content, Delivery, Envelope, Event, Fate};

const SENDERS: [&str; 3] = ["a@x.test", "", "\u{e9}@x.test"];
const RECIPIENTS: [&str; 4] = ["b@y.test", "postmaster", "\"c d\"@[192.0.2.1]", "\u{e9}@y.test"];

pub(super) struct Letter<'d> {
    delivery: Box<Delivery<'static>>,
    /// Octets of the content that were handed on.
    at: usize,
    /// The producer of the content fails there.
    fails_at: Option<usize>,
    told: Told<'d>,
}

/// What the sender is told.
struct Told<'d> {
    content: &'d [u8],
    fates: Vec<Option<Fate>>,
    /// What the server had seen when the letter was begun.
    ended: usize,
    taken: usize,
}

impl<'d> Letter<'d> {
    /// A letter as the octets choose; `None` where it cannot go to this server.
    pub(super) fn new(choices: &mut Choices<'d>, client: &Client, tally: &Tally) -> Option<Self> {
        let from = choices.pick(&SENDERS);
        let recipients = choices.below(6);
        let to: Vec<&str> = (0..recipients).map(|_| choices.pick(&RECIPIENTS)).collect();
        let fails_at = choices.once_in(8).then(|| choices.below(10));
        let content = choices.run(60);
        let envelope = Envelope::new(from, to).expect("the addresses parse");
        let declared = match content.is_ascii() {
            true => Content::seven_bit(),
            false => Content::eight_bit(),
        };
        let declared = declared.with_octets(content.len() as u64);
        let plan = Delivery::plan(client.extensions()?, &envelope, declared).ok()?;
        Some(Self {
            delivery: Box::new(Delivery::new(plan, envelope)),
            at: 0,
            fails_at,
            told: Told {
                content,
                fates: vec![None; recipients],
                ended: tally.ended,
                taken: tally.taken.len(),
            },
        })
    }

    /// Takes an event. `Ok(None)` where there is none; an event of `None` is the end of the letter.
    pub(super) fn next(
        &mut self,
        client: &mut Client,
        input: &mut &[u8],
        tally: &Tally,
    ) -> Result<Option<Option<String>>, Error> {
        let Some(event) = self.delivery.next(client, input)? else { return Ok(None) };
        match event {
            Event::Settled { of, outcome } => {
                let who: Vec<usize> = self.delivery.recipients(of).collect();
                who.iter().for_each(|recipient| self.told.settle(*recipient, outcome.fate, tally));
                return Ok(Some(Some(format!("settled {who:?}: {outcome:?}"))));
            }
            Event::Content => self.at = 0,
            Event::Done { .. } => {
                self.told.is_whole();
                return Ok(Some(None));
            }
        }
        Ok(Some(Some(format!("{event:?}"))))
    }

    /// Hands on some of the content, or ends it.
    pub(super) fn feed(&mut self, client: &mut Client) -> Result<(), Misuse> {
        let left = &self.told.content[self.at..];
        if self.fails_at.is_some_and(|at| at <= self.at) {
            client.abandon_body();
            return Ok(());
        }
        if left.is_empty() {
            return self.delivery.finish(client);
        }
        self.at += self.delivery.body(client, left)?;
        Ok(())
    }

    /// The session cannot go on.
    pub(super) fn give_up(self, client: &Client, tally: &Tally) -> Vec<(usize, Fate)> {
        let Self { delivery, mut told, .. } = self;
        let fates: Vec<(usize, Fate)> = delivery.give_up(client).collect();
        fates.iter().for_each(|(recipient, fate)| told.settle(*recipient, *fate, tally));
        told.is_whole();
        fates
    }
}

impl Told<'_> {
    fn settle(&mut self, recipient: usize, fate: Fate, tally: &Tally) {
        assert_eq!(self.fates[recipient].replace(fate), None, "recipient {recipient} twice");
        match fate {
            Fate::Delivered => {
                let sent = with_line_ends(self.content);
                let taken = tally.taken[self.taken..].last();
                assert_eq!(taken, Some(&sent), "delivered, and the server did not take it");
            }
            Fate::Unknown => assert!(tally.ended > self.ended, "unknown without a final dot"),
            Fate::Transient | Fate::Permanent => {}
        }
    }

    fn is_whole(&self) {
        assert!(self.fates.iter().all(Option::is_some), "{:?} at the end", self.fates);
    }
}
