//! Every sequence of replies from a small alphabet, and what must become of two recipients: a second opinion in the simplest words.

use crate::session::Session;
use smtp_proto::client::Config;
use smtp_proto::delivery::Fate;

/// What a server may say to a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Say {
    Yes,
    Go,
    Later,
    Full,
    No,
    Unavailable,
    Closing,
    Garbage,
}

use Say::{Closing, Full, Garbage, Go, Later, No, Unavailable, Yes};

const ALL: [Say; 8] = [Yes, Go, Later, Full, No, Unavailable, Closing, Garbage];

impl Say {
    const fn line(self) -> &'static [u8] {
        match self {
            Yes => b"250 yes\r\n",
            Go => b"354 go on\r\n",
            Later => b"450 4.2.1 later\r\n",
            Full => b"452 4.5.3 too many\r\n",
            No => b"550 5.1.1 no\r\n",
            Unavailable => b"421 4.3.2 bye\r\n",
            Closing => b"221 bye\r\n",
            Garbage => b"garbage\r\n",
        }
    }

    /// What a refusal settles.
    const fn fate(self) -> Option<Fate> {
        match self {
            Later | Full => Some(Fate::Transient),
            No => Some(Fate::Permanent),
            Yes | Go | Unavailable | Closing | Garbage => None,
        }
    }
}

/// What the letter waits for when nothing more can come of it: the session is over.
struct Over;

struct Model<'s> {
    says: core::slice::Iter<'s, Say>,
    fates: [Option<Fate>; 2],
}

impl Model<'_> {
    /// The fates once the server has said all this and closed.
    fn of(says: &[Say]) -> [Fate; 2] {
        let mut model = Model { says: says.iter(), fates: [None; 2] };
        while model.fates.contains(&None) {
            if let Err(Over) = model.transaction() {
                break;
            }
        }
        model.fates.map(|fate| fate.unwrap_or(Fate::Transient))
    }

    /// The reply to a command: `Ok(None)` is the positive one, `Ok(Some(_))` a refusal.
    fn reply(&mut self, positive: Say) -> Result<Option<Say>, Over> {
        match self.says.next() {
            Some(say) if *say == positive => Ok(None),
            Some(say) if say.fate().is_some() => Ok(Some(*say)),
            _ => Err(Over),
        }
    }

    fn transaction(&mut self) -> Result<(), Over> {
        let asked: Vec<usize> =
            (0..2).filter(|&recipient| self.fates[recipient].is_none()).collect();
        if let Some(refusal) = self.reply(Yes)? {
            asked.iter().for_each(|&recipient| self.fates[recipient] = refusal.fate());
            return Err(Over);
        }
        let mut accepted = Vec::new();
        for recipient in asked {
            match self.reply(Yes)? {
                None => accepted.push(recipient),
                // RFC 5321 4.5.3.1.10: in another transaction.
                Some(Full) if !accepted.is_empty() => {}
                Some(refusal) => self.fates[recipient] = refusal.fate(),
            }
        }
        if accepted.is_empty() {
            return Err(Over);
        }
        if let Some(refusal) = self.reply(Go)? {
            accepted.iter().for_each(|&recipient| self.fates[recipient] = refusal.fate());
            // The transaction is still open at the server: RSET comes first, if there is another.
            let again = self.fates.contains(&None);
            return if again {
                self.reply(Yes).map_err(|_| Over)?.map_or(Ok(()), |_| Err(Over))
            } else {
                Ok(())
            };
        }
        let fate = match self.says.next() {
            Some(Yes) => Fate::Delivered,
            Some(Later | Full | Unavailable) => Fate::Transient,
            Some(No) => Fate::Permanent,
            // RFC 1047: the dot has left, and what came is no verdict.
            Some(Go | Closing | Garbage) | None => Fate::Unknown,
        };
        accepted.iter().for_each(|&recipient| self.fates[recipient] = Some(fate));
        Ok(())
    }
}

fn played(hello: &[u8], says: &[Say]) -> Vec<Option<Fate>> {
    let mut session = Session::open(Config::default());
    session.hear(b"220 mx.test\r\n");
    session.hear(hello);
    session.deliver(&["b@y.test", "c@y.test"]);
    says.iter().for_each(|say| session.hear(say.line()));
    session.end();
    assert!(session.outcome.closed, "{says:?}");
    session.outcome.fates
}

/// All sequences of so many replies behind these.
fn every(before: &[Say], length: u32) {
    let both = [&b"250-mx.test\r\n250 PIPELINING\r\n"[..], b"250 mx.test\r\n"];
    for number in 0..ALL.len().pow(length) {
        let behind = (0..length).map(|place| ALL[number / ALL.len().pow(place) % ALL.len()]);
        let says: Vec<Say> = before.iter().copied().chain(behind).collect();
        let fates = Model::of(&says).map(Some);
        for hello in both {
            assert_eq!(played(hello, &says), fates, "{says:?} behind {}", hello.escape_ascii());
        }
    }
}

#[test]
fn every_sequence_of_five_replies_settles_everyone_as_it_should() {
    (0..=5).for_each(|length| every(&[], length));
}

#[test]
fn so_does_every_sequence_behind_a_transaction_that_was_too_small() {
    (0..=4).for_each(|length| every(&[Yes, Yes, Full, Go, Yes], length));
    (0..=4).for_each(|length| every(&[Yes, Yes, Full, Later], length));
}
