//! One row: asked of the server, and judged.

use smtp_proto::testing::cases::{
    self, Bytes, Case, ExpectedReply, Obstacle, Step, Steps, Then, Verdict,
};
use smtp_proto::{Code, ReplyBuf};

use crate::shown;
use crate::target::{Target, Withheld, codes};

/// Marks stand at the start of a row.
const MARKS: usize = 1000;

/// What became of a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    Pass,
    Fail,
    Skipped,
    NotApplicable,
}

impl Kind {
    pub(crate) const ALL: [Self; 4] = [Self::Pass, Self::Fail, Self::Skipped, Self::NotApplicable];

    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::Fail => "fail",
            Self::Skipped => "skipped",
            Self::NotApplicable => "n/a",
        }
    }
}

/// A row, with what came of it.
#[derive(Debug)]
pub(crate) struct Row<'a> {
    pub(crate) case: &'a Case<'static>,
    pub(crate) kind: Kind,
    /// Why it is not a plain pass.
    pub(crate) note: String,
    /// The octets as they were sent; none where it was not asked.
    pub(crate) sent: Option<Steps>,
    pub(crate) replies: Vec<ReplyBuf>,
    pub(crate) closed: bool,
}

/// The rows in their order.
#[derive(Debug)]
pub(crate) struct Table {
    pub(crate) cases: Vec<Case<'static>>,
    /// The ids of those that go beyond the message maximum.
    large: Vec<&'static str>,
}

impl Table {
    pub(crate) fn for_maximum(octets: u64) -> Self {
        let pairs = cases::cases_for(1000).zip(cases::cases_for(2000));
        let large = pairs.filter(|(one, two)| one.bytes != two.bytes).map(|(case, _)| case.id);
        let cases = cases::cases_for(octets).filter(|case| case.pre.opening().is_some());
        Self { large: large.collect(), cases: cases.collect() }
    }

    /// Asks the server, where it can be asked.
    pub(crate) fn run<'a>(&self, case: &'a Case<'static>, target: &Target) -> Row<'a> {
        let row = |kind, note: String| Row {
            case,
            kind,
            note,
            sent: None,
            replies: Vec::new(),
            closed: false,
        };
        match case.obstacle(|keyword| target.offers(keyword)) {
            Some(Obstacle::Setting) => {
                let twin = self.cases.iter().find(|twin| {
                    twin.policies.is_empty() && twin.pre == case.pre && twin.bytes == case.bytes
                });
                let told = twin.map(|twin| format!("another outcome of {}", twin.id));
                return row(
                    Kind::NotApplicable,
                    told.unwrap_or_else(|| Obstacle::Setting.to_string()),
                );
            }
            Some(Obstacle::Lacks(keyword))
                if is_in_tls(case) && keyword != "STARTTLS" && !target.shakes_hands() =>
            {
                return row(Kind::Skipped, "it needs --tls".to_owned());
            }
            Some(obstacle) => return row(Kind::NotApplicable, obstacle.to_string()),
            None if is_in_tls(case) && !target.shakes_hands() => {
                return row(Kind::Skipped, "it needs --tls".to_owned());
            }
            None if authenticates(case) && !target.has_user() => {
                return row(Kind::Skipped, "it needs --user".to_owned());
            }
            None => {}
        }
        match target.withholds_maximum().filter(|_| self.large.contains(&case.id)) {
            Some(Withheld::Unknown) => {
                return row(Kind::NotApplicable, "no message maximum is announced".to_owned());
            }
            Some(Withheld::TooLarge) => {
                return row(Kind::Skipped, "so large messages are not sent".to_owned());
            }
            None => {}
        }
        self.ask(case, target).unwrap_or_else(|(kind, note)| row(kind, note))
    }

    fn ask<'a>(&self, case: &'a Case<'static>, target: &Target) -> Result<Row<'a>, (Kind, String)> {
        let not_applicable = |note: &str| (Kind::NotApplicable, note.to_owned());
        let Bytes::Steps(steps) = &case.bytes else {
            return Err(not_applicable("it is told in words"));
        };
        let (opening, said) =
            case.pre.opening().ok_or_else(|| not_applicable("it asks no server"))?;
        let unreadable = |error: cases::NotationError| (Kind::Skipped, error.to_string());
        let opening = Steps::parse(opening, target.maximum()).map_err(unreadable)?;
        let said = cases::replies(said).map_err(unreadable)?;
        let mut peer = target
            .connect()
            .map_err(|error| (Kind::Skipped, format!("cannot connect: {error}")))?;
        if !said.is_empty() {
            peer.play(&target.authenticate(&target.readdress(&opening)));
            let (replies, fault) = peer.replies();
            reached(&replies, &said).map_err(|(kind, reply)| {
                let reply = reply.map(|reply| shown::reply(&reply.as_ref())).or(fault);
                let reply = reply.unwrap_or_else(|| "no reply".to_owned());
                (kind, format!("its state is not reached: {reply}"))
            })?;
        }
        let sent = target.readdress(steps);
        peer.play(&target.authenticate(&sent));
        let expected = case.replies.as_ref().map_or(0, Vec::len);
        peer.hear(said.len() + expected, case.then == Some(Then::Close));
        let (closed, heard) = (peer.is_closed(), peer.replies().0.len());
        peer.end();
        let (mut replies, fault) = peer.replies();
        // A goodbye to a client that is gone answers nothing.
        let is_goodbye = |reply: &ReplyBuf| reply.as_ref().code() == Code::UNAVAILABLE;
        while replies.len() > heard && replies.last().is_some_and(is_goodbye) {
            replies.pop();
        }
        let replies = replies.split_off(said.len().min(replies.len()));
        let (kind, note) = self.verdict(case, &codes(&replies), closed, fault);
        Ok(Row { case, kind, note, sent: Some(sent), replies, closed })
    }

    fn verdict(
        &self,
        case: &Case<'static>,
        codes: &[u16],
        closed: bool,
        fault: Option<String>,
    ) -> (Kind, String) {
        // Behind STARTTLS what a server writes is TLS: an alert, for one.
        let in_tls = codes.last() == Some(&220);
        if let Some(fault) = fault.filter(|_| !in_tls) {
            return (Kind::Fail, fault);
        }
        match case.judge(&self.cases, codes, closed) {
            Verdict::Pass => (Kind::Pass, String::new()),
            Verdict::PassAs(id) => (Kind::Pass, format!("as {id}")),
            Verdict::Allowed(why) => (Kind::Pass, why.to_owned()),
            Verdict::NotApplicable(why) => (Kind::NotApplicable, why.to_owned()),
            Verdict::Fail(why) => (Kind::Fail, why),
            _ => (Kind::Skipped, "a verdict that this program does not know".to_owned()),
        }
    }
}

/// Whether the row shakes hands, or stands behind a handshake.
fn is_in_tls(case: &Case<'_>) -> bool {
    let opening = case.pre.opening().map_or("", |(steps, _)| steps);
    let marked = |steps: &Steps| steps.iter().take(MARKS).any(|step| step == Step::Tls);
    opening.contains("{tls}") || matches!(&case.bytes, Bytes::Steps(steps) if marked(steps))
}

/// Whether somebody is let in.
fn authenticates(case: &Case<'_>) -> bool {
    let said = case.pre.opening().map_or("", |(_, said)| said);
    said.contains("235") || case.replies.iter().flatten().any(|reply| reply.code == 235)
}

/// Whether the session stands where the row asks it to; an error says which reply is to blame.
fn reached<'r>(
    replies: &'r [ReplyBuf],
    said: &[ExpectedReply<'_>],
) -> Result<(), (Kind, Option<&'r ReplyBuf>)> {
    let alike = |reply: &ReplyBuf, said: &ExpectedReply<'_>| {
        u16::from(reply.as_ref().class().digit()) == said.code / 100
    };
    let pairs = replies.iter().zip(said);
    let other = pairs.into_iter().find(|(reply, said)| !alike(reply, said)).map(|(reply, _)| reply);
    match other {
        None if replies.len() == said.len() => Ok(()),
        None => Err((Kind::Skipped, None)),
        // The server wants a rest.
        Some(reply) if reply.as_ref().code() == Code::UNAVAILABLE => Err((Kind::Skipped, other)),
        Some(_) => Err((Kind::NotApplicable, other)),
    }
}
