//! Whether a row holds: what it asks of one replay, and what all its replays have in common.

use crate::described;
use crate::outcome::Outcome;
use crate::replay::{Cuts, Replay, replay};
use crate::replies::{Reply, compare};
use smtp_proto::testing::cases::{Bytes, Case, Policy, Steps, Then, Word};

/// A row of so many octets is cut in every way that there is: SM-30 has so many.
const TINY: u64 = 17;
/// A row of more octets is cut at [`SEEDED`] places, not at all.
const SHORT: u64 = 4096;
const SEEDED: usize = 1000;
/// What one segment of TCP holds over Ethernet.
const SEGMENT: u64 = 1460;

/// Replays a row in every way, and says what does not hold.
pub(crate) fn judge(case: &Case<'_>) -> Result<(), String> {
    let Bytes::Steps(steps) = &case.bytes else {
        return described::judge(case);
    };
    let whole = replay(case, steps, Cuts::None, &[])?;
    of_row(case, &whole.outcome)?;
    if case.sync {
        every_cut_early(case, steps, &whole.outcome)
    } else {
        every_cut_alike(case, steps, &whole)
    }
}

/// What the row says itself.
fn of_row(case: &Case<'_>, outcome: &Outcome) -> Result<(), String> {
    let replies = outcome.replies()?;
    if let Some(expected) = &case.replies {
        compare(&replies, expected)?;
    }
    if case.then.is_some_and(|then| (then == Then::Close) != outcome.closed) {
        return Err(format!("not {:?}: {}", case.then, outcome.shown()));
    }
    if let Some(stored) = &case.stored {
        if stored.messages != outcome.stored.len() {
            return Err(format!("{} messages asked: {}", stored.messages, outcome.shown()));
        }
        if let Some(content) = &stored.content {
            let (got, asked) = (&outcome.stored[0], content.to_vec());
            if *got != asked {
                return Err(format!(
                    "stored \"{}\" for \"{}\"",
                    got.escape_ascii(),
                    asked.escape_ascii()
                ));
            }
        }
    }
    if case.expected.prose.contains("the repair is reported") && !outcome.repaired {
        return Err("the repair is not reported".to_owned());
    }
    case.expected.words.iter().try_for_each(|word| of_word(word, &replies, outcome))
}

fn of_word(word: &Word<'_>, replies: &[Reply], outcome: &Outcome) -> Result<(), String> {
    let says = |name: &str| {
        let listed = replies
            .iter()
            .filter(|reply| reply.code == 250)
            .flat_map(|reply| reply.lines.iter().skip(1));
        listed.flat_map(|line| line.split(' ')).any(|word| word.eq_ignore_ascii_case(name))
    };
    match word {
        Word::Lacks(name) if says(name) => Err(format!("{name} is offered")),
        Word::Offers(name) if !says(name) => Err(format!("{name} is not offered")),
        Word::Lacks(_) | Word::Offers(_) => Ok(()),
        Word::Value(octets) if outcome.auth == Some(octets.to_vec()) => Ok(()),
        other => Err(format!("{other:?} is not checked")),
    }
}

/// RFC 5321 says nothing of reads: a peer that waits where it must gets the same answers however its octets come.
fn every_cut_alike(case: &Case<'_>, steps: &Steps, whole: &Replay) -> Result<(), String> {
    for cuts in plans(case, whole.read) {
        let cut = replay(case, steps, cuts, &[])?.outcome;
        if cut != whole.outcome {
            return Err(format!("{cuts:?}: {}", difference(&cut, &whole.outcome)));
        }
    }
    Ok(())
}

/// A peer that does not wait has two outcomes at each place where it should have: as if it had, or 554 5.5.0 and the end.
fn every_cut_early(case: &Case<'_>, steps: &Steps, whole: &Outcome) -> Result<(), String> {
    let octets = steps.to_vec();
    // No policy lets octets stand behind STARTTLS or a malformed DATA: whoever waits there writes again behind the reply.
    let waited = match end_of_lockstep(&octets) {
        Some(end) => replay(case, steps, Cuts::At(end), &[])?.outcome,
        None => replay(case, steps, Cuts::None, &[Policy::AllowEarly])?.outcome,
    };
    for cuts in plans(case, steps.octets()) {
        let cut = replay(case, steps, cuts, &[])?.outcome;
        let in_a_line =
            matches!(cuts, Cuts::At(place) if octets[..place as usize].last() != Some(&b'\n'));
        if cut == *whole || !in_a_line && (cut == waited || is_early(&cut, &waited)?) {
            continue;
        }
        return Err(format!("{cuts:?}: a third outcome: {}", cut.shown()));
    }
    Ok(())
}

/// Where the last line of STARTTLS, or of DATA with something behind the verb, ends.
fn end_of_lockstep(octets: &[u8]) -> Option<u64> {
    let mut end = 0;
    let ends = octets.split_inclusive(|&octet| octet == b'\n').map(|line| {
        end += line.len() as u64;
        (line, end)
    });
    let waits = |line: &[u8]| line.starts_with(b"STARTTLS") || line.starts_with(b"DATA ");
    ends.filter(|(line, _)| waits(line)).last().map(|(_, end)| end)
}

/// Whether a session went as if the peer had waited, and then ended with 554 5.5.0 at a place where it did not.
fn is_early(cut: &Outcome, waited: &Outcome) -> Result<bool, String> {
    let (replies, as_waited) = (cut.replies()?, waited.replies()?);
    let Some((last, before)) = replies.split_last() else {
        return Ok(false);
    };
    let early = last.code == 554 && last.enhanced.as_deref() == Some("5.5.0") && cut.closed;
    Ok(early
        && before.len() < as_waited.len()
        && as_waited.starts_with(before)
        && waited.stored.starts_with(&cut.stored))
}

/// All ways to cut a row of which so many octets are read. None where `SMTP_QUICK` is set: for the runs that change the code a thousand
/// times, and see whether the rows notice.
fn plans(case: &Case<'_>, read: u64) -> Vec<Cuts> {
    if std::env::var_os("SMTP_QUICK").is_some() {
        return Vec::new();
    }
    if (1..=TINY).contains(&read) {
        return (1..1 << (read - 1)).map(|places| Cuts::Set(places << 1)).collect();
    }
    if read <= SHORT {
        return [Cuts::Every(1)].into_iter().chain((1..read).map(Cuts::At)).collect();
    }
    let mut random = Random::seeded(case.id);
    let seeded = (0..SEEDED).map(|_| Cuts::At(1 + random.below(read - 1)));
    [Cuts::Every(SEGMENT)].into_iter().chain(seeded).collect()
}

/// Where two replays first differ.
fn difference(cut: &Outcome, whole: &Outcome) -> String {
    if cut.written != whole.written
        || cut.closed != whole.closed
        || cut.stored.len() != whole.stored.len()
    {
        return format!("{} for {}", cut.shown(), whole.shown());
    }
    if cut.at_waits != whole.at_waits {
        return format!("replies at waits {:?} for {:?}", cut.at_waits, whole.at_waits);
    }
    let mut lines = cut.events.lines().zip(whole.events.lines());
    match lines.find(|(one, other)| one != other) {
        Some((one, other)) => format!("event {one} for {other}"),
        None => format!(
            "{} events and {} octets of body for {} and {}",
            cut.events.lines().count(),
            cut.bodies.len(),
            whole.events.lines().count(),
            whole.bodies.len()
        ),
    }
}

/// SplitMix64: the same cuts in every run.
struct Random(u64);

impl Random {
    fn seeded(id: &str) -> Self {
        Self(id.bytes().fold(0, |seed, octet| (seed << 8) ^ (seed >> 56) ^ u64::from(octet)))
    }

    fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % end
    }
}
