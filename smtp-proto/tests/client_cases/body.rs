//! What our side writes of a content.

use crate::replay::Cuts;
use crate::state::opened;
use crate::verdict::fates_are;
use smtp_proto::client::Misuse;
use smtp_proto::data::{Newlines, Piece, Reader};
use smtp_proto::delivery::{Content, Delivery, Envelope, Unsendable};
use smtp_proto::testing::cases::{Case, Policy, Pre, Step, Steps, Then, Word};
use smtp_proto::{Mail, MailParamsBuf, ReversePath};

/// How the client is given the content.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum By {
    /// As octets that it queues.
    Octets,
    /// As pieces for `writev`, so many at a time.
    Pieces(usize),
}

/// What came of a content.
#[derive(Debug, PartialEq, Eq)]
struct Sent {
    written: Vec<u8>,
    misuse: Option<Misuse>,
    closed: bool,
}

/// A row of the class SS that is not told in words.
pub(crate) fn judge(case: &Case<'_>, steps: &Steps) -> Result<(), String> {
    if case.expected.words.contains(&Word::Misuse("NotOffered")) {
        return not_offered(case);
    }
    if case.expected.words.iter().any(|word| matches!(word, Word::Value(_))) {
        return counted(case, steps);
    }
    if case.expected.words.iter().any(|word| matches!(word, Word::Outcome(_))) {
        given_up(case, steps)?;
    }
    // NUL travels by no policy.
    let mut normalised = case.clone();
    normalised.policies = vec![Policy::NormaliseNewlines];
    let also = case.expected.prose.contains("also under newlines=normalise").then_some(&normalised);
    for case in [case].into_iter().chain(also) {
        let whole = send(case, steps, Cuts::None, By::Octets)?;
        of_row(case, &whole)?;
        for cuts in Cuts::all(steps.octets()).into_iter().chain([Cuts::None]) {
            for by in [By::Octets, By::Pieces(2), By::Pieces(3), By::Pieces(64)] {
                let cut = send(case, steps, cuts, by)?;
                // How much of a content that fails is written before it fails is up to how it is given.
                if cut != whole && (cut.misuse.is_none() || cut.misuse != whole.misuse) {
                    return Err(format!("{cuts:?} {by:?}: {cut:?}\nfor {whole:?}"));
                }
                of_row(case, &cut)?;
            }
        }
    }
    Ok(())
}

/// RFC 1870 5.
fn counted(case: &Case<'_>, steps: &Steps) -> Result<(), String> {
    let octets = Content::of(&steps.to_vec()).octets().map(|octets| octets.to_string());
    let holds = |word: &Word<'_>| match (word, &octets) {
        (Word::Value(value), Some(octets)) => value.to_vec() == octets.as_bytes(),
        _ => false,
    };
    let all = case.expected.words.iter().all(holds);
    if all { Ok(()) } else { Err(format!("counted as {octets:?}")) }
}

fn of_row(case: &Case<'_>, sent: &Sent) -> Result<(), String> {
    if case.then.is_some_and(|then| (then == Then::Close) != sent.closed) {
        return Err(format!("not {:?}: {sent:?}", case.then));
    }
    if case.expected.prose.starts_with("no final dot") && (ends(&sent.written) || !sent.closed) {
        return Err(format!("ended: {sent:?}"));
    }
    case.expected.words.iter().try_for_each(|word| {
        let holds = match word {
            Word::Written(steps) => sent.written == steps.to_vec() && sent.misuse.is_none(),
            Word::Misuse("Content") => {
                matches!(sent.misuse, Some(Misuse::Stray(_))) && !ends(&sent.written)
            }
            Word::Outcome(_) => sent.misuse.is_none(),
            other => return Err(format!("{other:?} is not built")),
        };
        if holds { Ok(()) } else { Err(format!("{word:?} does not hold: {sent:?}")) }
    })
}

/// Whether a server finds an end of data in it.
fn ends(written: &[u8]) -> bool {
    let (mut reader, mut input) = (Reader::new(Newlines::Refuse), written);
    while let Some(piece) = reader.next(&mut input) {
        if piece == Piece::End {
            return true;
        }
    }
    false
}

/// Sends the content of a row, whose marks and `cuts` end its chunks.
fn send(case: &Case<'_>, steps: &Steps, cuts: Cuts, by: By) -> Result<Sent, String> {
    let mut session = opened(case)?;
    let mut chunks = Chunks { session: &mut session, by, misuse: None };
    let (mut at, mut fails) = (0, false);
    for step in steps.iter() {
        match step {
            Step::Octets(mut octets) => {
                while !octets.is_empty() {
                    let room = usize::try_from(cuts.room(at)).unwrap_or(usize::MAX);
                    let (now, later) = octets.split_at(octets.len().min(room));
                    chunks.give(now);
                    at += now.len() as u64;
                    octets = later;
                }
            }
            // Two cuts with nothing between are an empty chunk.
            Step::Cut => chunks.give(b""),
            Step::Fail => fails = true,
            other => return Err(format!("{other:?} is not built")),
        }
    }
    match fails {
        true => chunks.session.client.abandon_body(),
        false => chunks.finish(),
    }
    let misuse = chunks.misuse;
    session.settle();
    let outcome = session.take_outcome();
    Ok(Sent { written: outcome.written, misuse, closed: outcome.closed })
}

struct Chunks<'s> {
    session: &'s mut crate::session::Session,
    by: By,
    misuse: Option<Misuse>,
}

impl Chunks<'_> {
    fn give(&mut self, mut chunk: &[u8]) {
        while self.misuse.is_none() {
            let taken = match self.by {
                By::Octets => self.session.client.body(chunk),
                By::Pieces(room) => {
                    let mut pieces = vec![&b""[..]; room];
                    self.session.client.body_pieces(chunk, &mut pieces).map(|(taken, filled)| {
                        let written = &mut self.session.outcome.written;
                        pieces[..filled].iter().for_each(|piece| written.extend_from_slice(piece));
                        taken
                    })
                }
            };
            match taken {
                Ok(taken) => chunk = &chunk[taken..],
                Err(misuse) => self.misuse = Some(misuse),
            }
            if chunk.is_empty() {
                return self.session.settle();
            }
        }
    }

    fn finish(&mut self) {
        if self.misuse.is_none() {
            self.misuse = self.session.client.finish().err();
        }
    }
}

/// A letter whose producer fails: its recipients are settled, and nothing is ended.
fn given_up(case: &Case<'_>, steps: &Steps) -> Result<(), String> {
    let mut group = case.clone();
    group.pre = Pre::CGroup;
    let mut session = opened(&group)?;
    session.fail_behind(steps.to_vec());
    session.hear(b"250 a\r\n250 b\r\n250 c\r\n354 d\r\n");
    let outcome = session.take_outcome();
    let holds = |word: &Word<'_>| match word {
        Word::Outcome(names) => fates_are(names, &outcome),
        _ => true,
    };
    let ended = steps.to_vec().starts_with(&outcome.written) && outcome.closed;
    if ended && case.expected.words.iter().all(holds) {
        Ok(())
    } else {
        Err(format!("{outcome:?}"))
    }
}

/// RFC 6152 3: 8-bit content is declared, and refused before MAIL.
fn not_offered(case: &Case<'_>) -> Result<(), String> {
    let mut idle = case.clone();
    idle.pre = Pre::CApi;
    let mut session = opened(&idle)?;
    let offered = session.client.extensions().cloned().unwrap_or_default();
    let envelope = Envelope::new("a@x.test", ["r@t.test"]).map_err(|error| error.to_string())?;
    let plan = Delivery::plan(&offered, &envelope, Content::eight_bit()).map(drop);
    let params: MailParamsBuf =
        "BODY=8BITMIME".parse().map_err(|_| "BODY is no parameter".to_owned())?;
    let mail = session.client.mail(&Mail { from: ReversePath::Null, params: params.as_ref() });
    session.settle();
    let refused = (plan, mail, session.outcome.written.len());
    if refused == (Err(Unsendable::EightBit), Err(Misuse::NotOffered), 0) {
        Ok(())
    } else {
        Err(format!("{refused:?}"))
    }
}
