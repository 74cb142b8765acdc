//! Whether a row holds: what it asks of one replay, and what all its replays have in common.

use crate::replay::{Cuts, hear, play};
use crate::session::Outcome;
use crate::state::opened;
use crate::{api, body, described};
use smtp_proto::client::{Error, Misuse};
use smtp_proto::sasl::{self, Credentials, Initiator, SaslError, Secret, Strength};
use smtp_proto::testing::cases::{Bytes, Case, ExpectedReply, Pre, Steps, Then, Word};
use smtp_proto::{
    Extension, Extensions, Mail, MailParamsBuf, Mechanism, ReplyBuf, ReversePath, TlsFault,
};

/// Replays a row in every way, and says what does not hold.
pub(crate) fn judge(case: &Case<'_>) -> Result<(), String> {
    match (&case.bytes, case.pre) {
        (Bytes::Description(_), _) => described::judge(case),
        (Bytes::Steps(steps), Pre::CApi) => api::judge(case, steps),
        (Bytes::Steps(steps), Pre::CBody) => body::judge(case, steps),
        (Bytes::Steps(steps), _) if case.expected.words.iter().any(is_misuse) => {
            refused(case, steps)
        }
        (Bytes::Steps(steps), _) => replies(case, steps),
        _ => Err("a kind of row that is not known here".to_owned()),
    }
}

/// Our client reads what a server says.
fn replies(case: &Case<'_>, steps: &Steps) -> Result<(), String> {
    let whole = hear(opened(case)?, steps, Cuts::None)?;
    of_row(case, &whole)?;
    // Octets that stand behind a place where the server should have waited are read as if it had, or not at all.
    let waited = if case.sync { hear_line_by_line(case, steps)? } else { whole.clone() };
    for cuts in Cuts::all(whole.read.max(1)) {
        let cut = hear(opened(case)?, steps, cuts)?;
        if !alike(&cut, &whole) && !alike(&cut, &waited) {
            return Err(format!("{cuts:?}: {cut:?}\nfor {whole:?}"));
        }
    }
    Ok(())
}

/// How much is read of what nobody wants is up to the driver, and how much of what nobody may say.
fn alike(one: &Outcome, other: &Outcome) -> bool {
    let told = |outcome: &Outcome| {
        let error = outcome.error.map(|error| match error {
            Error::PlaintextAfterStartTls(_) => Error::PlaintextAfterStartTls(0),
            other => other,
        });
        Outcome { read: 0, error, ..outcome.clone() }
    };
    told(one) == told(other)
}

const fn is_misuse(word: &Word<'_>) -> bool {
    matches!(word, Word::Misuse(_))
}

/// What the server said makes a call wrong: nothing is written, and no reply is waited for.
fn refused(case: &Case<'_>, steps: &Steps) -> Result<(), String> {
    let cuts = Cuts::all(steps.octets());
    for cuts in [Cuts::None].into_iter().chain(cuts) {
        let mut session = opened(case)?;
        play(&mut session, steps, cuts)?;
        let client = &mut session.client;
        let called = match case.id {
            "TC-16" => {
                let params: MailParamsBuf = "REQUIRETLS".parse().expect("a parameter");
                client.mail(&Mail { from: ReversePath::Null, params: params.as_ref() })
            }
            "AU-40" => {
                let plain = Mechanism::new("PLAIN").expect("a name");
                client.auth(plain, Some(b"\0u\0p"))
            }
            other => return Err(format!("{other} is not put into practice")),
        };
        session.settle();
        let expected = case.expected.words.iter().find_map(|word| match word {
            Word::Misuse("NotOffered") => Some(Misuse::NotOffered),
            Word::Misuse("NeedsTls") => Some(Misuse::NeedsTls),
            _ => None,
        });
        let untouched = session.client.is_idle() && session.outcome.written.is_empty();
        if called.err() != expected || !untouched {
            return Err(format!("{called:?} at {cuts:?}: {:?}", session.outcome));
        }
    }
    Ok(())
}

fn hear_line_by_line(case: &Case<'_>, steps: &Steps) -> Result<Outcome, String> {
    let mut session = opened(case)?;
    steps.to_vec().split_inclusive(|octet| *octet == b'\n').for_each(|line| session.hear(line));
    Ok(session.take_outcome())
}

/// What the row says itself.
fn of_row(case: &Case<'_>, outcome: &Outcome) -> Result<(), String> {
    if case.then.is_some_and(|then| (then == Then::Close) != outcome.closed) {
        return Err(format!("not {:?}: {outcome:?}", case.then));
    }
    let prose = case.expected.prose;
    if prose.starts_with("two ")
        && outcome.replies.first().is_none_or(|reply| reply.as_ref().lines().count() != 2)
    {
        return Err(format!("not {prose}: {outcome:?}"));
    }
    if let Some(shown) =
        outcome.events.iter().find(|shown| !shown.bytes().all(|octet| matches!(octet, b' '..=b'~')))
    {
        return Err(format!("an event is shown as {shown:?}"));
    }
    if outcome.error.is_some()
        && !case.expected.words.iter().any(|word| matches!(word, Word::Error(_) | Word::Outcome(_)))
    {
        return Err(format!("an error that was not asked for: {outcome:?}"));
    }
    case.expected.words.iter().try_for_each(|word| of_word(word, outcome))
}

pub(crate) fn of_word(word: &Word<'_>, outcome: &Outcome) -> Result<(), String> {
    let offered = outcome.replies.first().map(|reply| Extensions::from_reply(&reply.as_ref()));
    let offered = offered.unwrap_or_default();
    let holds = match word {
        Word::Ok(expected) => outcome.replies.first().is_some_and(|reply| is(reply, expected)),
        Word::Error(name) => outcome.error.is_some_and(|error| kind(error) == *name),
        Word::Outcome(names) => fates_are(names, outcome),
        Word::Host(name) => *name == "Refused" && outcome.refused,
        Word::Lacks(name) => !offers(&offered, name),
        Word::Offers(name) => offers(&offered, name),
        Word::Size(size) => of_size(&offered) == *size,
        // RFC 4954 3: the strongest that both have.
        Word::Picks(name) => strongest(&offered).as_deref() == Some(name),
        Word::Written(steps) => outcome.written == steps.to_vec(),
        other => return Err(format!("{other:?} is not built")),
    };
    if holds { Ok(()) } else { Err(format!("{word:?} does not hold: {outcome:?}")) }
}

/// What is chosen where the client has SCRAM too, which is plugged in.
fn strongest(offered: &Extensions) -> Option<String> {
    let plugged = Plugged(Mechanism::new("SCRAM-SHA-256")?);
    let credentials = Credentials::plain("user", "pass");
    let built_in = ["LOGIN", "PLAIN"].into_iter().filter_map(Mechanism::new);
    let built_in = built_in.filter_map(|name| sasl::initiator(name, &credentials).ok());
    let candidates = built_in.chain([Box::new(plugged) as Box<dyn Initiator>]);
    let chosen = sasl::strongest(offered.mechanisms(), candidates, Strength::Shown)?;
    Some(chosen.mechanism().to_string())
}

/// A mechanism by its name alone.
struct Plugged(Mechanism<'static>);

impl Initiator for Plugged {
    fn mechanism(&self) -> Mechanism<'_> {
        self.0
    }

    fn initial(&mut self) -> Option<Secret> {
        None
    }

    fn respond(&mut self, _challenge: &[u8]) -> Result<Secret, SaslError> {
        Err(SaslError::Challenge)
    }
}

fn is(reply: &ReplyBuf, expected: &ExpectedReply<'_>) -> bool {
    let reply = reply.as_ref();
    reply.code().get() == expected.code
        && reply.enhanced().map(|code| code.to_string()).as_deref() == expected.enhanced
}

/// The kind of an error, without what else it says.
fn kind(error: Error) -> String {
    if let Error::Tls(TlsFault::UnknownIssuer | TlsFault::WrongName) = error {
        return "Certificate".to_owned();
    }
    let shown = format!("{error:?}");
    shown.split('(').next().unwrap_or_default().to_owned()
}

/// One fate for each recipient, or one for all.
pub(crate) fn fates_are(names: &[&str], outcome: &Outcome) -> bool {
    let fates: Vec<String> = outcome
        .fates
        .iter()
        .map(|fate| fate.map_or_else(String::new, |fate| format!("{fate:?}")))
        .collect();
    match names {
        [all] => !fates.is_empty() && fates.iter().all(|fate| fate == all),
        each => fates == each,
    }
}

fn offers(offered: &Extensions, name: &str) -> bool {
    let known = Extension::parse(name).is_some_and(|extension| offered.contains(extension));
    known
        || offered
            .others()
            .any(|line| line.split(' ').next().is_some_and(|word| word.eq_ignore_ascii_case(name)))
}

fn of_size(offered: &Extensions) -> String {
    match offered.size() {
        None => "unknown".to_owned(),
        Some(0) => "unlimited".to_owned(),
        Some(octets) => octets.to_string(),
    }
}
