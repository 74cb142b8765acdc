//! A session of the client machine with a server that answers as octets choose.

use alloc::collections::BTreeSet;
use alloc::format;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;

use super::input::Choices;
use super::respondent::{Respondent, Tally};
use super::sending::Letter;
use crate::client::{
    Client, Config, Error, Event, Fallback, Flavour, Misuse, Pipelining, Tls, Wants,
};
use crate::data::LineEnds;
use crate::{Command, Host, Last, Mechanism, Mechanisms, TlsFault, Verb};

/// A session makes no more turns than this: there are at most so many octets, actions and replies.
const TURNS: usize = 100_000;

/// A session of the client, alone or with deliveries, with a server that answers as `data` chooses.
///
/// Where the octets of the replies are cut changes nothing that the client writes or tells. The client never writes where it has to
/// wait for a reply; its commands are commands; a reply is told once, in the order of the commands; an error stays; every recipient of
/// every letter is settled once, as delivered only where the server took a content, as unknown only where a final dot had left.
///
/// ```
/// smtp_proto::testing::fuzz::client_session(b"\0\0\0\x02\0\0");
/// ```
///
/// # Panics
///
/// When one of these does not hold.
pub fn client_session(data: &[u8]) {
    let mut choices = Choices::new(data);
    let piece = 1 + choices.below(40);
    let config = Arc::new(config(&mut choices));
    let length = choices.below(64);
    let actions = choices.take(length);
    let play = |piece| Play::new(&config, actions, choices, piece).run();
    let whole = play(usize::MAX);
    for piece in [1, piece] {
        assert_eq!(play(piece), whole, "in pieces of {piece}");
    }
}

fn config(choices: &mut Choices<'_>) -> Config {
    let mut config = Config::default();
    let policies = choices.octet();
    config.pipelining = match policies & 3 {
        0 | 1 => Pipelining::Offered,
        2 => Pipelining::InFlight(60),
        _ => Pipelining::Never,
    };
    if policies & 4 != 0 {
        config.fallback = Fallback::Never;
    }
    if policies & 8 != 0 {
        config.line_ends = LineEnds::Normalise;
    }
    if policies & 16 != 0 {
        (config.queue.commands, config.queue.content) = (80, 5);
    }
    if policies & 32 != 0 {
        (config.replies.line, config.replies.lines, config.replies.total) = (30, 3, 70);
    }
    if policies & 64 != 0 {
        config.tls = Tls::Required;
    }
    if choices.once_in(4) {
        config.flavour = Flavour::Lmtp;
    }
    if choices.once_in(2) {
        config.auth_in_clear = Mechanisms::of(["PLAIN", "LOGIN"]);
    }
    config
}

/// What can be seen of a session.
#[derive(Debug, Default, PartialEq, Eq)]
struct Seen {
    wrote: Vec<u8>,
    events: Vec<String>,
    error: Option<Error>,
    tally: Tally,
}

/// A session in progress.
struct Play<'d> {
    client: Client,
    server: Respondent<'d>,
    /// What arrived and was not taken.
    input: Vec<u8>,
    piece: usize,
    actions: Choices<'d>,
    letter: Option<Letter<'d>>,
    /// The number of the command that was answered last.
    answered: Option<u32>,
    /// Recipients that had their verdict on a content, in LMTP.
    verdicts: BTreeSet<u32>,
    challenged: bool,
    seen: Seen,
}

impl<'d> Play<'d> {
    fn new(config: &Arc<Config>, actions: &'d [u8], replies: Choices<'d>, piece: usize) -> Self {
        Self {
            client: Client::new(Arc::clone(config)),
            server: Respondent::new(replies, config.flavour == Flavour::Lmtp),
            input: Vec::new(),
            piece,
            actions: Choices::new(actions),
            letter: None,
            answered: None,
            verdicts: BTreeSet::new(),
            challenged: false,
            seen: Seen::default(),
        }
    }

    fn run(mut self) -> Seen {
        assert_eq!(call_hello(&mut self.client), Ok(()));
        for _ in 0..TURNS {
            self.listen();
            match self.client.wants() {
                Wants::Next => panic!("next was asked until it said nothing"),
                Wants::Flush(_) => {
                    let octets = self.client.outgoing().len().min(self.piece);
                    self.seen.wrote.extend_from_slice(&self.client.outgoing()[..octets]);
                    self.server.hear(&self.client.outgoing()[..octets]);
                    self.client.sent(octets);
                }
                Wants::Tls(_) => self.handshake(),
                Wants::Close => return self.end(),
                _ if !self.server.is_silent() => {
                    self.input.extend_from_slice(self.server.arrives(self.piece));
                }
                Wants::Read(_) => self.client.eof(),
                Wants::Body => self.body(),
                Wants::Command => self.command(),
            }
        }
        let last = self.seen.events.len().saturating_sub(8);
        panic!("the session does not end: {:?}, {:?}", self.client, &self.seen.events[last..]);
    }

    /// Takes every event.
    fn listen(&mut self) {
        let input = core::mem::take(&mut self.input);
        let mut input = &input[..];
        while let Some(event) = self.next(&mut input) {
            self.seen.events.push(event);
        }
        self.input = input.to_vec();
    }

    fn next(&mut self, input: &mut &[u8]) -> Option<String> {
        let Self { client, server, letter, .. } = self;
        let event = match letter {
            Some(letter) => letter.next(client, input, &server.tally).map(|event| match event {
                Some(None) => Some("done".into()),
                event => event.flatten(),
            }),
            None => match client.next(input) {
                Ok(Some(event)) => Ok(Some(self.heard(event))),
                Ok(None) => Ok(None),
                Err(error) => Err(error),
            },
        };
        match event {
            Ok(Some(event)) => {
                if event == "done" {
                    self.letter = None;
                }
                Some(event)
            }
            Ok(None) => None,
            Err(error) => {
                assert_eq!(*self.seen.error.get_or_insert(error), error, "an error stays");
                self.give_up();
                None
            }
        }
    }

    /// A reply is told once, in the order of the commands; in LMTP the verdicts on a content are to its recipients.
    fn heard(&mut self, event: Event<'_>) -> String {
        self.challenged = matches!(event, Event::Challenge(_));
        if let Event::Reply { to, .. } = event {
            let lmtp = self.client.config().flavour == Flavour::Lmtp;
            if lmtp && to.verb == Verb::Rcpt && self.answered >= Some(to.n) {
                assert!(self.verdicts.insert(to.n), "{event:?} a second time");
            } else {
                assert!(self.answered < Some(to.n), "{event:?} behind {:?}", self.answered);
                self.answered = Some(to.n);
            }
        }
        match event {
            Event::Challenge(data) => format!("Challenge({:?})", data.decode()),
            event => format!("{event:?}"),
        }
    }

    fn give_up(&mut self) {
        if let Some(letter) = self.letter.take() {
            let fates = letter.give_up(&self.client, &self.server.tally);
            self.seen.events.push(format!("given up: {fates:?}"));
        }
    }

    fn end(mut self) -> Seen {
        self.give_up();
        self.seen.tally = self.server.tally;
        self.seen
    }

    fn handshake(&mut self) {
        match self.actions.below(8) {
            0 => self.client.tls_failed(TlsFault::Certificate),
            1 => self.client.tls_failed(TlsFault::Protocol),
            _ => {
                self.client.tls_established();
                self.server.tls_established();
            }
        }
    }

    fn body(&mut self) {
        let Self { client, actions, letter, .. } = self;
        let fed = match letter {
            Some(letter) => letter.feed(client),
            None => match actions.below(4) {
                // A chunk is not ended, it is whole or not.
                0 => client.finish().map(drop).inspect_err(|_| {
                    if actions.is_empty() {
                        client.abandon_body();
                    }
                }),
                1 => {
                    client.abandon_body();
                    Ok(())
                }
                _ => client.body(actions.run(20)).map(drop),
            },
        };
        self.misused(fed);
    }

    fn command(&mut self) {
        if core::mem::take(&mut self.challenged) {
            let answered = match self.actions.below(4) {
                0 => self.client.auth_cancel(),
                _ => self.client.auth_response(self.actions.run(12)),
            };
            return self.misused(answered.map(drop));
        }
        if self.actions.is_empty() {
            if self.client.quit().is_err() {
                self.client.eof();
            }
            return;
        }
        if self.client.extensions().is_none() && call_hello(&mut self.client).is_ok() {
            return;
        }
        if self.actions.once_in(2) {
            self.letter = Letter::new(&mut self.actions, &self.client, &self.server.tally);
            return;
        }
        // Some at once, so that there are groups.
        for _ in 0..=self.actions.below(5) {
            let called = call(&mut self.client, &mut self.actions);
            self.misused(called);
        }
    }

    fn misused(&mut self, result: Result<(), Misuse>) {
        if let Err(misuse) = result {
            self.seen.events.push(format!("refused: {misuse}"));
        }
    }
}

fn call_hello(client: &mut Client) -> Result<(), Misuse> {
    client.hello(Host::parse(b"c.test").expect("a domain")).map(drop)
}

/// One call, as the octets choose.
pub(super) fn call(client: &mut Client, choices: &mut Choices<'_>) -> Result<(), Misuse> {
    let line = match choices.below(18) {
        0 => return client.noop().map(drop),
        1 => return client.reset().map(drop),
        2 => return client.data().map(drop),
        3 => return client.quit().map(drop),
        12 => return client.start_tls().map(drop),
        13 => {
            let name = choices.pick(&["PLAIN", "LOGIN"]);
            let initial = choices.once_in(2).then(|| choices.run(12));
            let mechanism = Mechanism::new(name).expect("a name");
            return client.auth(mechanism, initial).map(drop);
        }
        14 | 15 => {
            let last = choices.pick(&[Last::No, Last::Yes]);
            return client.chunk(choices.below(20) as u64, last).map(drop);
        }
        16 => "MAIL FROM:<> BODY=BINARYMIME",
        17.. => return client.auth_response(choices.run(5)).map(drop),
        4 => "MAIL FROM:<a@x.test>",
        5 => "MAIL FROM:<\u{e9}@x.test> SMTPUTF8",
        6 => "MAIL FROM:<> SIZE=10 BODY=8BITMIME RET=HDRS",
        7 => "RCPT TO:<b@y.test>",
        8 => "RCPT TO:<postmaster> NOTIFY=NEVER",
        9 => return call_hello(client),
        query @ (10 | 11) => {
            let text = core::str::from_utf8(choices.run(12)).unwrap_or_default();
            return match (query, choices.below(3)) {
                (10, 0) => client.verify(text),
                (10, 1) => client.expand(text),
                (10, _) => client.help(text),
                _ => client.custom(text),
            }
            .map(drop);
        }
    };
    match Command::parse(line.as_bytes()) {
        Ok(Command::Mail(mail)) => client.mail(&mail),
        Ok(Command::Rcpt(rcpt)) => client.rcpt(&rcpt),
        other => panic!("{line}: {other:?}"),
    }
    .map(drop)
}
