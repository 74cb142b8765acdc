//! Rule 8 for sessions that a seed makes: where octets are cut changes nothing, and what ended leaves nothing behind.
//!
//! A seed that fails is printed; `SESSION_SEED=4711` tries it alone, and `SESSIONS=1000000` more than the usual ones.

mod generator;

use generator::{Group, Random, groups, hello, transaction};
use smtp_proto::server::{Config, Event, Server, Wants};
use smtp_proto::testing::fuzz;
use smtp_proto::{Code, Reply};
use std::sync::Arc;

const SESSIONS: u64 = 10_000;
const REFUSED: Reply<'static> = Reply::new(Code::TRANSACTION_FAILED, None, "no");

/// What is seen of a session.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Seen {
    replies: String,
    /// The events without their tokens, the runs of a content joined.
    events: Vec<String>,
    closed: bool,
}

struct Session {
    server: Server,
    unread: Vec<u8>,
    content: Vec<u8>,
    seen: Seen,
}

impl Session {
    fn open() -> Self {
        let mut config = Config::new("mx.test").expect("a domain");
        (config.limits.errors, config.limits.idle_commands) = (u32::MAX, u32::MAX);
        let server = Server::new(Arc::new(config));
        let (unread, content, seen) = (Vec::new(), Vec::new(), Seen::default());
        let mut session = Self { server, unread, content, seen };
        session.drive();
        session
    }

    fn write(&mut self, octets: &[u8]) {
        self.unread.extend_from_slice(octets);
        self.drive();
    }

    fn drive(&mut self) {
        let unread = core::mem::take(&mut self.unread);
        let mut input = &unread[..];
        while let Some(event) = self.server.next(&mut input) {
            self.hear(event);
        }
        self.unread = input.to_vec();
        self.seen.replies.push_str(core::str::from_utf8(self.server.outgoing()).expect("US-ASCII"));
        self.server.sent(usize::MAX);
        self.seen.closed |= self.server.wants() == Wants::Close;
    }

    fn hear(&mut self, event: Event<'_>) {
        if let Event::Body(run) = event {
            return self.content.extend_from_slice(run);
        }
        let text = match &event {
            Event::Mail { mail, .. } => format!("{mail:?}"),
            Event::Rcpt { rcpt, .. } => format!("{rcpt:?}"),
            Event::Message { content, .. } => format!("{content:?} {:?}", self.content),
            other => name(other),
        };
        self.seen.events.push(text);
        let refused = self.content.starts_with(b"Verdict: 554\r\n");
        let done = match event {
            Event::Rcpt { rcpt, pending } if rcpt.to.to_string() == "no@y.test" => {
                self.server.reply(pending, &REFUSED)
            }
            Event::Rcpt { pending, .. } => self.server.accept(pending),
            Event::Data { pending, .. } => {
                self.content.clear();
                self.server.accept(pending)
            }
            Event::Chunk(pending) if refused => self.server.reply(pending, &REFUSED),
            Event::Chunk(pending) => self.server.accept(pending),
            Event::Message { pending, .. } if refused => self.server.reply(pending, &REFUSED),
            Event::Message { pending, .. } => self.server.accept(pending),
            other => {
                self.server.decline(other);
                Ok(())
            }
        };
        done.expect("an answer that can be given");
    }

    /// How many replies these groups have, if nothing ends the session.
    fn play(&mut self, groups: &[Group], cut: &mut impl FnMut(usize) -> usize) -> usize {
        let mut replies = 0;
        for group in groups {
            let octets = match group {
                Group::Commands { octets, replies: these } => {
                    replies += these;
                    octets
                }
                Group::Content(_) if !last_line(&self.seen.replies).starts_with("354") => continue,
                Group::Content(octets) => {
                    replies += 1;
                    octets
                }
            };
            let mut rest = &octets[..];
            while !rest.is_empty() {
                let (now, behind) = rest.split_at(cut(rest.len()).min(rest.len()));
                self.write(now);
                rest = behind;
            }
        }
        replies
    }
}

/// The event without its token, and without what a command says.
fn name(event: &Event<'_>) -> String {
    let text = format!("{event:?}");
    match event {
        Event::Refused(_) | Event::Aborted(_) | Event::Closed { .. } => text,
        _ => text.split([' ', '(']).next().unwrap_or_default().to_owned(),
    }
}

fn last_line(replies: &str) -> &str {
    replies.lines().last().unwrap_or_default()
}

/// How many replies are whole.
fn count(replies: &str) -> usize {
    replies.lines().filter(|line| line.as_bytes().get(3) != Some(&b'-')).count()
}

fn seeds() -> impl Iterator<Item = u64> {
    let number = |name: &str| std::env::var(name).ok().and_then(|number| number.parse().ok());
    match number("SESSION_SEED") {
        Some(seed) => seed..=seed,
        None => 0..=number("SESSIONS").unwrap_or(SESSIONS) - 1,
    }
}

fn played(groups: &[Group], mut cut: impl FnMut(usize) -> usize) -> Seen {
    let mut session = Session::open();
    session.play(groups, &mut cut);
    session.seen
}

#[test]
fn a_session_that_waits_is_the_same_however_it_is_cut() {
    for seed in seeds() {
        let mut random = Random(seed);
        let session = [vec![hello()], groups(&mut random)].concat();
        let whole = played(&session, |left| left);
        assert_eq!(played(&session, |_| 1), whole, "seed {seed}, octet by octet: {session:?}");
        for most in [2, 5, 40] {
            let cut = played(&session, |_| 1 + random.below(most));
            assert_eq!(cut, whole, "seed {seed}, at most {most} at once: {session:?}");
        }
    }
}

/// Octets where a client has to wait: as if it had waited, or 554 and the end, under every policy, ending and cut.
#[test]
fn a_session_that_does_not_wait_has_two_outcomes_and_no_third() {
    for seed in seeds() {
        let mut random = Random(seed);
        let mut data: Vec<u8> = (0..11).map(|_| random.octet()).collect();
        for group in [vec![hello()], groups(&mut random)].concat() {
            let (Group::Commands { octets, .. } | Group::Content(octets)) = group;
            data.extend_from_slice(&octets);
        }
        fuzz::server_session(&data);
    }
}

/// Each command has one reply, and so has each content; the greeting is the first of all.
#[test]
fn there_are_as_many_replies_as_commands_and_the_greeting() {
    let mut to_the_end = 0;
    for seed in seeds() {
        let mut random = Random(seed);
        let session = [vec![hello()], groups(&mut random)].concat();
        let mut real = Session::open();
        let expected = 1 + real.play(&session, &mut |left| left);
        let replies = count(&real.seen.replies);
        let right = if real.seen.closed { replies <= expected } else { replies == expected };
        assert!(right, "seed {seed}, {replies} for {expected}: {session:?}\n{}", real.seen.replies);
        to_the_end += u64::from(!real.seen.closed);
    }
    assert!(std::env::var("SESSION_SEED").is_ok() || to_the_end > SESSIONS / 4, "{to_the_end}");
}

/// RFC 5321 4.1.4, 4.1.1.5: whatever ended a transaction, what comes behind is answered as behind the first EHLO.
#[test]
fn behind_the_end_of_a_transaction_a_session_is_as_good_as_new() {
    for seed in seeds() {
        let mut random = Random(seed);
        let before = [vec![hello()], transaction(&mut random), transaction(&mut random)].concat();
        let tail = groups(&mut random);
        let mut used = Session::open();
        used.play(&before, &mut |left| left);
        assert!(!used.seen.closed && used.unread.is_empty(), "seed {seed}: {before:?}");
        let mut fresh = Session::open();
        fresh.play(&[hello()], &mut |left| left);
        used.seen = Seen::default();
        fresh.seen = Seen::default();
        used.content.clear();
        let replies = [&mut used, &mut fresh].map(|session| session.play(&tail, &mut |left| left));
        assert_eq!(used.seen, fresh.seen, "seed {seed}, {replies:?}: {before:?}, then {tail:?}");
    }
}
