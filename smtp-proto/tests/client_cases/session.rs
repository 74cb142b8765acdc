//! A client machine with its caller, driven as a driver drives it, under a clock that only the case turns.

use core::time::Duration;
use smtp_proto::client::{Client, Config, Error, Event, Wants};
use smtp_proto::delivery::{self, Content, Delivery, Envelope, Fate, Plan};
use smtp_proto::sasl::{self, Credentials, Initiator};
use smtp_proto::{
    Class, Countdown, Host, Inbox, Mail, MailParams, Mechanism, Rcpt, RcptParams, ReplyBuf,
    ReversePath,
};
use smtp_proto::{ForwardPath, Mailbox};
use std::sync::Arc;

/// What every letter of the cases says.
pub(crate) const LETTER: &[u8] = b"Message-ID: <1@c.test>\r\n\r\nx\r\n";
/// More rounds than this without a new octet are a machine that never comes to rest.
const ROUNDS: usize = 100_000;

/// One session.
pub(crate) struct Session {
    pub(crate) client: Client,
    inbox: Inbox,
    countdown: Countdown,
    caller: Caller,
    /// Answers challenges.
    initiator: Option<Box<dyn Initiator>>,
    /// What of a content is produced before its producer fails, where it does.
    fails_behind: Option<Vec<u8>>,
    pub(crate) outcome: Outcome,
}

/// Who calls.
enum Caller {
    /// The test itself: replies are only recorded, and [`LETTER`] is sent where content is due.
    Test,
    /// The same, but for the content, which the test sends by itself.
    Producer,
    /// A letter on top.
    Letter(Box<Delivery<'static>>),
    /// The letter is done, or the session failed.
    Nobody,
}

/// Everything that can be seen of a session.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Outcome {
    /// The events, as they show themselves.
    pub(crate) events: Vec<String>,
    pub(crate) replies: Vec<ReplyBuf>,
    pub(crate) written: Vec<u8>,
    pub(crate) error: Option<Error>,
    pub(crate) fates: Vec<Option<Fate>>,
    /// The greeting refused the session.
    pub(crate) refused: bool,
    pub(crate) closed: bool,
    /// Octets that were read until then.
    pub(crate) read: u64,
}

impl Session {
    /// Connected, and the greeting is waited for.
    pub(crate) fn open(config: Config) -> Self {
        let inbox = config.inbox();
        let mut session = Self {
            client: Client::new(Arc::new(config)),
            inbox,
            countdown: Countdown::new(),
            caller: Caller::Test,
            initiator: None,
            fails_behind: None,
            outcome: Outcome::default(),
        };
        session.hello();
        session
    }

    /// EHLO.
    pub(crate) fn hello(&mut self) {
        let name = Host::parse(b"c.test").expect("a domain");
        self.client.hello(name).expect("hello comes first");
        self.settle();
    }

    /// AUTH; by LOGIN nobody answers the challenges.
    pub(crate) fn authenticate(&mut self, mechanism: Mechanism<'_>) {
        let credentials = Credentials::bearer("user@example.com", "token");
        self.initiator = sasl::initiator(mechanism, &credentials).ok();
        let initial = self.initiator.as_mut().and_then(|initiator| initiator.initial());
        let initial = initial.as_ref().map(|secret| secret.as_bytes());
        self.client.auth(mechanism, initial).expect("AUTH may come");
        self.settle();
    }

    /// A letter to these recipients is begun.
    pub(crate) fn deliver(&mut self, to: &[&'static str]) {
        self.deliver_by(to, |plan| plan);
    }

    pub(crate) fn deliver_by(&mut self, to: &[&'static str], by: impl FnOnce(Plan) -> Plan) {
        let envelope =
            Envelope::new("a@x.test", to.iter().copied()).expect("well-formed addresses");
        let offered = self.client.extensions().expect("EHLO was answered");
        let plan =
            Delivery::plan(offered, &envelope, Content::seven_bit()).expect("nothing is asked for");
        self.outcome.fates = vec![None; to.len()];
        self.caller = Caller::Letter(Box::new(Delivery::new(by(plan), envelope)));
        self.settle();
    }

    /// The producer of the next letter's content fails behind these octets.
    pub(crate) fn fail_behind(&mut self, octets: Vec<u8>) {
        self.fails_behind = Some(octets);
    }

    /// From here on the test sends the content.
    pub(crate) fn produce(&mut self) {
        self.caller = Caller::Producer;
    }

    pub(crate) fn mail(&mut self, params: MailParams<'_>) {
        let from = ReversePath::Mailbox(Mailbox::parse(b"a@x.test").expect("a mailbox"));
        self.client.mail(&Mail { from, params }).expect("MAIL may come");
        self.settle();
    }

    pub(crate) fn rcpt(&mut self, to: &str) {
        let to = ForwardPath::Mailbox(Mailbox::parse(to.as_bytes()).expect("a mailbox"));
        self.client.rcpt(&Rcpt { to, params: RcptParams::default() }).expect("RCPT may come");
        self.settle();
    }

    /// The server says this, in one write.
    pub(crate) fn hear(&mut self, mut octets: &[u8]) {
        while !octets.is_empty() && !self.outcome.closed {
            let read = self.inbox.push(octets);
            assert!(read > 0, "the inbox is full, and the client wants {:?}", self.client.wants());
            self.outcome.read += read as u64;
            octets = &octets[read..];
            self.settle();
        }
    }

    /// The server closes.
    pub(crate) fn end(&mut self) {
        if !self.outcome.closed {
            self.inbox.filled(0);
            self.client.eof();
            self.settle();
        }
    }

    /// So much time passes.
    pub(crate) fn pass(&mut self, mut time: Duration) {
        while let Some(timer) = self.client.wants().timer() {
            let left = self.countdown.left(timer);
            self.countdown.waited(left.min(time));
            let Some(later) = time.checked_sub(left) else { return };
            time = later;
            self.client.timed_out(timer.id);
            self.settle();
        }
    }

    /// The record so far is put aside, and a new one begins.
    pub(crate) fn take_outcome(&mut self) -> Outcome {
        let fates = self.outcome.fates.clone();
        core::mem::replace(&mut self.outcome, Outcome { fates, ..Outcome::default() })
    }

    /// Calls `next` until it says nothing, does what `wants` says, and again, until only the server or the clock can go on.
    pub(crate) fn settle(&mut self) {
        for _ in 0..ROUNDS {
            while self.listen() {}
            match self.client.wants() {
                Wants::Next => {}
                Wants::Flush(_) => {
                    let octets = self.client.outgoing().len();
                    self.outcome.written.extend_from_slice(self.client.outgoing());
                    self.client.sent(octets);
                }
                Wants::Read(_) | Wants::Command | Wants::Body | Wants::Tls(_) => return,
                Wants::Close => {
                    self.outcome.closed = true;
                    return;
                }
            }
        }
        panic!("the client never comes to rest: {:?}", self.client.wants());
    }

    /// Takes one event.
    fn listen(&mut self) -> bool {
        let Self { client, inbox, caller, outcome, fails_behind, initiator, .. } = self;
        let result = match caller {
            Caller::Letter(delivery) => inbox
                .feed(|input| deliver(delivery, client, input, outcome, fails_behind.as_deref())),
            Caller::Test => {
                inbox.feed(|input| record(client, input, outcome, Some(LETTER), initiator))
            }
            Caller::Producer | Caller::Nobody => {
                inbox.feed(|input| record(client, input, outcome, None, &mut None))
            }
        };
        match result {
            Ok(Heard::Something) => true,
            Ok(Heard::Nothing) => false,
            Ok(Heard::Done) => {
                self.caller = Caller::Nobody;
                true
            }
            Err(error) => self.fail(error),
        }
    }

    fn fail(&mut self, error: Error) -> bool {
        if self.outcome.error.replace(error).is_some() {
            return false;
        }
        if let Caller::Letter(delivery) = core::mem::replace(&mut self.caller, Caller::Nobody) {
            for (recipient, fate) in delivery.give_up(&self.client) {
                settle(&mut self.outcome, recipient, fate);
            }
        }
        true
    }
}

enum Heard {
    Something,
    Nothing,
    Done,
}

fn record(
    client: &mut Client,
    input: &mut &[u8],
    outcome: &mut Outcome,
    letter: Option<&[u8]>,
    initiator: &mut Option<Box<dyn Initiator>>,
) -> Result<Heard, Error> {
    let Some(event) = client.next(input)? else { return Ok(Heard::Nothing) };
    outcome.events.push(format!("{event:?}"));
    match event {
        Event::Greeting(reply) => {
            outcome.refused = matches!(reply.class(), Class::Transient | Class::Permanent);
            outcome.replies.push(reply.to_owned());
        }
        Event::Reply { reply, .. } | Event::Unavailable(reply) => {
            outcome.replies.push(reply.to_owned())
        }
        Event::Challenge(challenge) => {
            if let Some(initiator) = initiator {
                let response = initiator.respond(&challenge.decode()).expect("a challenge of it");
                client.auth_response(response.as_bytes()).expect("it was asked for");
            }
        }
        Event::SendBody { .. } => {
            if let Some(letter) = letter {
                assert_eq!(client.body(letter), Ok(letter.len()));
                client.finish().expect("the content is whole");
            }
        }
        other => panic!("{other:?} is new"),
    }
    Ok(Heard::Something)
}

fn deliver(
    delivery: &mut Delivery<'static>,
    client: &mut Client,
    input: &mut &[u8],
    outcome: &mut Outcome,
    fails_behind: Option<&[u8]>,
) -> Result<Heard, Error> {
    let Some(event) = delivery.next(client, input)? else { return Ok(Heard::Nothing) };
    outcome.events.push(format!("{event:?}"));
    match event {
        delivery::Event::Settled { of, outcome: delivery::Outcome { fate, reply, .. } } => {
            outcome.replies.extend(reply.map(|reply| reply.to_owned()));
            delivery.recipients(of).for_each(|recipient| settle(outcome, recipient, fate));
            Ok(Heard::Something)
        }
        delivery::Event::Content => {
            let content = fails_behind.unwrap_or(LETTER);
            assert_eq!(delivery.body(client, content), Ok(content.len()));
            match fails_behind {
                Some(_) => client.abandon_body(),
                None => delivery.finish(client).expect("the content is whole"),
            }
            Ok(Heard::Something)
        }
        delivery::Event::Done { .. } => Ok(Heard::Done),
        other => panic!("{other:?} is new"),
    }
}

fn settle(outcome: &mut Outcome, recipient: usize, fate: Fate) {
    let before = outcome.fates[recipient].replace(fate);
    assert_eq!(before, None, "recipient {recipient} is settled twice");
}
