//! How a row is judged at a server that is not ours.
//!
//! Such a server chooses its codes, its texts and its policies. What must hold is the framing: as many replies as in the row, each with
//! the same first digit, and the connection open or closed. Before a row is asked, [`Case::obstacle`] says whether it can be; what came
//! of it is judged by [`Case::judge`]:
//!
//! * It passes as another row does that has the same octets: under another policy, or as if the peer had waited where it must.
//! * Where the row asks more than an RFC, the RFC decides.
//! * How many commands, errors, recipients or octets are too many is left to every server.
//!
//! ```
//! use smtp_proto::testing::cases::{Case, Obstacle, Verdict, cases};
//!
//! let table: Vec<Case<'_>> = cases().collect();
//! let row = |id| table.iter().find(|case| case.id == id).expect("a row of the table");
//! assert_eq!(row("BD-12").obstacle(|_| false), Some(Obstacle::Lacks("CHUNKING")));
//! // One reply where the content is repaired: framed alike. Two, and a message was smuggled.
//! assert_eq!(row("SM-02").judge(&table, &[250], false), Verdict::PassAs("SM-02n"));
//! assert!(matches!(row("SM-02").judge(&table, &[250, 250, 250, 354, 250], false), Verdict::Fail(_)));
//! ```

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use super::{Bytes, Case, Policy, Pre, Step, Steps, Then};

/// Of longer rows no more is searched for what they ask, and none is compared with another row.
const SEARCHED: u64 = 1 << 16;
/// RFC 5321 4.5.3.1.6: every server takes lines of so many octets, CRLF not counted, and a dot that is undone.
const LINE: usize = 999;
/// No server ends a session for fewer refusals or idle commands.
const FEW: usize = 3;
/// What a row holds (in upper case), and the extension that it then needs.
const ASKS: [(&str, &str); 16] = [
    ("BDAT", "CHUNKING"),
    ("BODY=BINARYMIME", "BINARYMIME"),
    (" BODY=", "8BITMIME"),
    (" SIZE=", "SIZE"),
    (" SMTPUTF8", "SMTPUTF8"),
    (" ENVID=", "DSN"),
    (" RET=", "DSN"),
    (" NOTIFY=", "DSN"),
    (" ORCPT=", "DSN"),
    ("STARTTLS", "STARTTLS"),
    ("{TLS}", "STARTTLS"),
    ("AUTH ", "AUTH"),
    ("AUTH PLAIN", "AUTH PLAIN"),
    ("AUTH LOGIN", "AUTH LOGIN"),
    ("AUTH CRAM-MD5", "AUTH CRAM-MD5"),
    (" AUTH=", "AUTH"),
];

/// Why a row cannot be asked of a server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Obstacle<'a> {
    /// It is told in words.
    #[error("it is told in words")]
    Words,
    /// It speaks LMTP.
    #[error("it asks for LMTP")]
    Lmtp,
    /// It asks for a policy or a setting.
    #[error("it asks for a setting")]
    Setting,
    /// It asks for virtual time.
    #[error("it asks for virtual time")]
    Time,
    /// It asks for an answer of the application.
    #[error("it asks for an answer of the application")]
    Application,
    /// The server does not offer what it needs.
    #[error("{0} is not offered")]
    Lacks(&'static str),
    /// The server offers what must be missing.
    #[error("{0} is offered")]
    Offers(&'a str),
}

/// What a row says of a server.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Verdict<'a> {
    /// It does what the row says.
    Pass,
    /// It does what the row with this id says, which has the same octets.
    PassAs(&'a str),
    /// It does something else, which the RFC allows.
    Allowed(&'static str),
    /// It shows a limit or a policy of its own, and no more can be said.
    NotApplicable(&'static str),
    /// It does something else: this.
    Fail(String),
}

/// What may come of a row.
struct Outcome<'a> {
    id: &'a str,
    codes: Vec<u16>,
    then: Option<Then>,
}

impl<'a> Case<'a> {
    /// Why the row cannot be asked of a server; `offers` says whether it offers a keyword, and `AUTH PLAIN` a mechanism.
    pub fn obstacle(&self, offers: impl Fn(&str) -> bool) -> Option<Obstacle<'a>> {
        let Bytes::Steps(steps) = &self.bytes else {
            return Some(Obstacle::Words);
        };
        if self.pre.is_lmtp() {
            return Some(Obstacle::Lmtp);
        }
        for policy in &self.policies {
            match *policy {
                Policy::Without(keyword) if offers(keyword) => {
                    return Some(Obstacle::Offers(keyword));
                }
                Policy::TlsOff if offers("STARTTLS") => return Some(Obstacle::Offers("STARTTLS")),
                Policy::Without(_) | Policy::TlsOff => {}
                _ => return Some(Obstacle::Setting),
            }
        }
        if steps.iter().take(1000).any(|step| matches!(step, Step::Pause(_))) {
            return Some(Obstacle::Time);
        }
        let text = String::from_utf8_lossy(&steps.start()).to_ascii_uppercase();
        if text.contains("VERDICT:") {
            return Some(Obstacle::Application);
        }
        let lacking = self.needs(&text).into_iter().find(|keyword| {
            let unwanted = match keyword {
                &"STARTTLS" => self.policies.contains(&Policy::TlsOff),
                keyword => self.policies.contains(&Policy::Without(keyword)),
            };
            !unwanted && !offers(keyword)
        });
        lacking.map(Obstacle::Lacks)
    }

    /// The extensions that the row asks for; `text` is what it sends, in upper case.
    fn needs(&self, text: &str) -> Vec<&'static str> {
        let opening = self.pre.opening().map_or("", |(steps, _)| steps).to_ascii_uppercase();
        let asked = |word: &str| opening.contains(word) || text.contains(word);
        let mut needs: Vec<_> =
            ASKS.iter().filter(|(word, _)| asked(word)).map(|(_, keyword)| *keyword).collect();
        if self.is_pipelined() {
            needs.push("PIPELINING");
        }
        needs
    }

    /// Whether several commands are sent without waiting for the replies.
    fn is_pipelined(&self) -> bool {
        let Bytes::Steps(steps) = &self.bytes else {
            return false;
        };
        let waits = steps.iter().take(1000).filter(|step| *step == Step::Wait).count();
        self.replies.as_ref().is_some_and(|replies| replies.len() > waits + 1)
    }

    /// What the row says of a server that gave these reply codes, and closed the connection or did not. `table` holds all rows.
    pub fn judge(&self, table: &[Self], codes: &[u16], closed: bool) -> Verdict<'a> {
        let outcomes = self.outcomes(table);
        if let Some(outcome) = outcomes.iter().find(|outcome| outcome.is(codes, closed)) {
            return if outcome.id == self.id { Verdict::Pass } else { Verdict::PassAs(outcome.id) };
        }
        let holds_line =
            matches!(&self.bytes, Bytes::Steps(steps) if steps.start().contains(&b'\n'));
        if self.sync && closed && outcomes.iter().any(|outcome| outcome.is_early(codes)) {
            return Verdict::Allowed("554 where the peer does not wait (RFC 2920 3.1)");
        }
        outcomes
            .iter()
            .find_map(|outcome| outcome.allows(codes, closed, holds_line))
            .or_else(|| self.own_limit(codes, closed))
            .or_else(|| self.own_policy(codes, closed))
            .unwrap_or_else(|| Verdict::Fail(self.outcome().difference(codes, closed)))
    }

    fn outcome(&self) -> Outcome<'a> {
        let codes = self.replies.iter().flatten().map(|reply| reply.code).collect();
        Outcome { id: self.id, codes, then: self.then }
    }

    /// All that may come of the octets of this row.
    fn outcomes(&self, table: &[Self]) -> Vec<Outcome<'a>> {
        let mut outcomes = Vec::from([self.outcome()]);
        let twins = table.iter().filter(|twin| twin.id != self.id && twin.has_octets_of(self));
        for twin in twins {
            let mut outcome = twin.outcome();
            if self.pre == Pre::P0 && twin.pre == Pre::P1 {
                outcome.codes.insert(0, 220);
            } else if self.pre != twin.pre {
                continue;
            }
            outcomes.push(outcome);
        }
        // Octets behind STARTTLS that came in another read are a broken handshake.
        if let Some((&554, before)) = self.outcome().codes.split_last()
            && self.class() == "TL"
            && self.sync
        {
            let codes = [before, &[220]].concat();
            outcomes.push(Outcome { id: self.id, codes, then: Some(Then::Close) });
        }
        outcomes
    }

    /// Whether both send the same octets, however cut, and `self` differs at most in what a server may choose.
    fn has_octets_of(&self, other: &Self) -> bool {
        let chosen = self.policies.iter().all(|policy| {
            !matches!(policy, Policy::Without(_) | Policy::TlsOff | Policy::TlsRequired)
        });
        let (Bytes::Steps(one), Bytes::Steps(two)) = (&self.bytes, &other.bytes) else {
            return false;
        };
        chosen
            && one.octets() == two.octets()
            && (one == two || one.octets() < SEARCHED && one.to_vec() == two.to_vec())
    }

    /// How many are too many is left to every server: RFC 5321 7.8, 4.5.3.1.
    fn own_limit(&self, codes: &[u16], closed: bool) -> Option<Verdict<'a>> {
        const OWN: Verdict<'_> =
            Verdict::NotApplicable("the server has a limit of its own (RFC 5321 4.5.3.1, 7.8)");
        let asked = self.outcome().codes;
        let counts = self.replies.iter().flatten().any(|reply| {
            matches!((reply.code, reply.enhanced), (421, Some("4.7.0")) | (452, Some("4.5.3")))
        });
        let classes_alike = codes.iter().all(|code| asked.iter().any(|other| alike(*code, *other)));
        if counts && classes_alike {
            return Some(OWN);
        }
        let longest = match &self.bytes {
            Bytes::Steps(steps) => steps.longest_line(),
            Bytes::Description(_) => 0,
        };
        if longest > LINE && asked == [250] && matches!(codes, [500..=599]) {
            return Some(OWN);
        }
        if longest > LINE && asked.first() == Some(&500) && self.takes_longer_lines(codes, closed) {
            return Some(OWN);
        }
        // It ends the session sooner, and says so.
        let (last, before) = codes.split_last()?;
        let sooner = closed
            && (*last == 421 || *last >= 500 && before.len() >= FEW)
            && before.len() < asked.len();
        (sooner && prefix_of(before, &asked)).then_some(OWN)
    }

    /// RFC 5321 4.5.3.1: every limit is one that may be exceeded.
    fn takes_longer_lines(&self, codes: &[u16], closed: bool) -> bool {
        let asked = self.outcome().codes;
        let rest = asked.get(1..).unwrap_or_default();
        let (Some((200..=299, behind)), false) = (codes.split_first(), closed) else {
            return false;
        };
        behind.len() == rest.len() && prefix_of(behind, rest)
    }

    /// Whom a server takes mail from, and for whom, is left to it.
    fn own_policy(&self, codes: &[u16], closed: bool) -> Option<Verdict<'a>> {
        let (&[code, ..], false, Bytes::Steps(steps)) = (codes, closed, &self.bytes) else {
            return None;
        };
        let text = String::from_utf8_lossy(&steps.start()).to_ascii_uppercase();
        let unknown =
            text.starts_with("RCPT TO:<NO@T.TEST>") && self.outcome().codes.first() == Some(&550);
        if unknown && alike(code, 250) {
            return Some(Verdict::NotApplicable("the server takes mail for no@t.test"));
        }
        if codes.len() != 1 {
            return None;
        }
        let rcpt = text.starts_with("RCPT");
        let refused = matches!(code, 450..=452 | 550 | 551 | 554) || rcpt && code == 553;
        let asked =
            matches!(self.outcome().codes.as_slice(), [250]) && (rcpt || text.starts_with("MAIL"));
        // RFC 5321 4.5.1: to postmaster everybody may write.
        let excused = refused && asked && !text.contains("<POSTMASTER>");
        excused.then_some(Verdict::NotApplicable("the server refuses this mailbox"))
    }
}

impl<'a> Outcome<'a> {
    fn is(&self, codes: &[u16], closed: bool) -> bool {
        self.has_codes(codes) && self.then.is_none_or(|then| (then == Then::Close) == closed)
    }

    fn has_codes(&self, codes: &[u16]) -> bool {
        codes.len() == self.codes.len() && prefix_of(codes, &self.codes)
    }

    /// Whether the server stops at a place where the peer should have waited.
    fn is_early(&self, codes: &[u16]) -> bool {
        matches!(codes.split_last(), Some((554, before)) if before.len() < self.codes.len() && prefix_of(before, &self.codes))
    }

    /// Where the row closes the connection, an RFC may see it otherwise.
    fn allows(&self, codes: &[u16], closed: bool, holds_line: bool) -> Option<Verdict<'a>> {
        if self.then != Some(Then::Close) {
            return None;
        }
        if closed {
            let before = codes.strip_suffix(&[421])?;
            let told = "it says 421 before it closes (RFC 5321 3.8)";
            return self.has_codes(before).then_some(Verdict::Allowed(told));
        }
        let (&last, before) = self.codes.split_last()?;
        let (first, rest) = codes.split_at_checked(before.len())?;
        let refused = rest.iter().all(|code| code / 100 == 5);
        if !prefix_of(first, before) {
            return None;
        }
        match last {
            // What is not understood is refused, line by line.
            500 | 502 if refused && (!rest.is_empty() || !holds_line) => {
                Some(Verdict::Allowed("it stays open (RFC 5321 3.8)"))
            }
            552 if refused && rest.len() <= 1 => {
                Some(Verdict::NotApplicable("how far the server reads on is left to it"))
            }
            220 if self.has_codes(codes) => {
                Some(Verdict::Allowed("what stands behind STARTTLS is dropped (RFC 3207 4.2)"))
            }
            _ => None,
        }
    }

    fn difference(&self, codes: &[u16], closed: bool) -> String {
        let pairs = codes.iter().zip(&self.codes).enumerate();
        for (index, (code, asked)) in pairs {
            if !alike(*code, *asked) {
                return format!("reply {} is {code}, not {}yz", index + 1, asked / 100);
            }
        }
        if codes.len() != self.codes.len() {
            return format!("replies: {} for {}", codes.len(), self.codes.len());
        }
        let state = if closed { "is closed" } else { "stays open" };
        format!("the connection {state}")
    }
}

impl Steps {
    /// The octets, or the beginning of a long row.
    fn start(&self) -> Vec<u8> {
        let mut start = Vec::new();
        for step in self.iter() {
            if let Step::Octets(octets) = step {
                start.extend_from_slice(octets);
            }
            if start.len() as u64 >= SEARCHED {
                break;
            }
        }
        start
    }

    /// The octets of the longest line at its start, without CRLF.
    fn longest_line(&self) -> usize {
        let start = self.start();
        let lines = start.split(|octet| *octet == b'\n');
        lines.map(|line| line.strip_suffix(b"\r").unwrap_or(line).len()).max().unwrap_or(0)
    }
}

/// Whether these codes are alike as far as they go.
fn prefix_of(codes: &[u16], all: &[u16]) -> bool {
    codes.iter().zip(all).all(|(one, other)| alike(*one, *other))
}

/// RFC 5321 4.2.1: the first digit says what to do.
const fn alike(one: u16, other: u16) -> bool {
    one / 100 == other / 100
}

#[cfg(test)]
mod tests {
    use alloc::string::ToString;

    use super::super::cases;
    use super::*;

    fn obstacle(id: &str, offered: &[&str]) -> Option<String> {
        let case = cases().find(|case| case.id == id).expect(id);
        case.obstacle(|keyword| offered.contains(&keyword)).map(|obstacle| obstacle.to_string())
    }

    #[test]
    fn a_row_is_asked_where_all_that_it_needs_is_offered() {
        for (id, offered, obstacle_) in [
            ("SM-02", &[][..], None),
            ("SM-02n", &["PIPELINING"], Some("it asks for a setting")),
            ("SM-16", &[], Some("PIPELINING is not offered")),
            ("SM-16", &["PIPELINING"], None),
            ("SM-44b", &[], Some("it asks for virtual time")),
            ("ST-09", &["PIPELINING"], Some("it asks for an answer of the application")),
            ("ST-39", &[], Some("it asks for LMTP")),
            ("ST-40", &[], Some("it is told in words")),
            ("BD-30", &[], None),
            ("BD-30", &["CHUNKING"], Some("CHUNKING is offered")),
            ("BD-31", &["BINARYMIME"], Some("8BITMIME is not offered")),
            ("BD-31", &["BINARYMIME", "8BITMIME"], None),
            ("TL-10", &[], Some("STARTTLS is not offered")),
            ("TL-20b", &[], None),
            ("TL-20b", &["STARTTLS"], Some("STARTTLS is offered")),
            ("AU-42", &["STARTTLS"], Some("AUTH is not offered")),
            ("AU-14", &["STARTTLS", "AUTH"], Some("AUTH LOGIN is not offered")),
            ("AU-18", &["STARTTLS", "AUTH"], None),
            ("PR-09", &[], Some("8BITMIME is not offered")),
            ("PR-22", &[], Some("DSN is not offered")),
        ] {
            assert_eq!(obstacle(id, offered).as_deref(), obstacle_, "{id} {offered:?}");
        }
    }

    #[test]
    fn what_comes_of_a_row_is_judged_by_its_framing() {
        use Verdict::{Fail, Pass, PassAs};
        let fail = |why: &str| Fail(why.to_string());
        let open = Verdict::Allowed("it stays open (RFC 5321 3.8)");
        let told = Verdict::Allowed("it says 421 before it closes (RFC 5321 3.8)");
        let dropped = Verdict::Allowed("what stands behind STARTTLS is dropped (RFC 3207 4.2)");
        let limit =
            Verdict::NotApplicable("the server has a limit of its own (RFC 5321 4.5.3.1, 7.8)");
        let early = Verdict::Allowed("554 where the peer does not wait (RFC 2920 3.1)");
        let mailbox = Verdict::NotApplicable("the server refuses this mailbox");
        let taken = Verdict::NotApplicable("the server takes mail for no@t.test");
        let reads_on = Verdict::NotApplicable("how far the server reads on is left to it");
        let table: Vec<Case<'_>> = cases().collect();
        for (id, codes, closed, verdict) in [
            ("SM-02", &[554][..], false, Pass),
            ("SM-02", &[250], false, PassAs("SM-02n")),
            ("SM-02", &[554], true, fail("the connection is closed")),
            ("SM-02", &[250, 250, 250, 354, 250], false, fail("reply 1 is 250, not 5yz")),
            ("SM-18", &[250, 250], false, fail("replies: 2 for 1")),
            ("SM-01", &[250, 250, 250, 354, 250], false, PassAs("SM-01w")),
            ("SM-34", &[], false, reads_on),
            ("PL-01", &[220, 250], false, PassAs("PL-01w")),
            ("PL-09a", &[220, 500], true, PassAs("PL-09b")),
            ("PL-09b", &[500, 500, 500], false, open.clone()),
            ("PL-09a", &[220, 500, 500, 500], false, open.clone()),
            ("PL-09b", &[], false, fail("replies: 0 for 1")),
            ("PL-10", &[250], false, fail("reply 1 is 250, not 5yz")),
            ("LM-03", &[], false, open),
            ("LM-06", &[500; 21], false, limit.clone()),
            ("LM-06", &[250; 21], false, fail("reply 1 is 250, not 5yz")),
            ("SM-37", &[500], false, fail("reply 1 is 500, not 2yz")),
            ("SM-38", &[500], false, limit.clone()),
            ("SM-38", &[500, 500], false, fail("reply 1 is 500, not 2yz")),
            ("ST-15", &[500, 500, 500, 500], true, limit.clone()),
            ("ST-15", &[500, 500], true, fail("replies: 2 for 4")),
            ("PL-03", &[250, 554], true, early),
            ("PL-03", &[250, 250], true, fail("reply 1 is 250, not 5yz")),
            ("LM-02", &[250, 250], false, limit.clone()),
            ("LM-04", &[250, 250], false, fail("reply 1 is 250, not 5yz")),
            ("ST-15", &[502, 502, 421], true, limit),
            ("ST-13", &[421], true, told),
            ("ST-47", &[250, 354], false, taken),
            ("ST-47", &[550, 354], false, fail("reply 2 is 354, not 5yz")),
            ("TL-01", &[220], true, PassAs("TL-02")),
            ("TL-01", &[220], false, dropped),
            ("TL-01", &[220, 250], false, fail("reply 1 is 220, not 5yz")),
            ("TL-03", &[220], true, Pass),
            ("AD-078", &[550], false, mailbox),
            ("AD-078", &[501], false, fail("reply 1 is 501, not 2yz")),
            ("AD-003", &[550], false, fail("reply 1 is 550, not 2yz")),
        ] {
            let case = table.iter().find(|case| case.id == id).expect(id);
            assert_eq!(case.judge(&table, codes, closed), verdict, "{id} {codes:?} {closed}");
        }
    }

    #[test]
    fn every_row_of_a_server_passes_by_its_own_outcome() {
        let table: Vec<Case<'_>> = cases().collect();
        for case in table.iter().filter(|case| case.replies.is_some() && !case.is_client()) {
            let outcome = case.outcome();
            let closed = outcome.then == Some(Then::Close);
            assert_eq!(case.judge(&table, &outcome.codes, closed), Verdict::Pass, "{}", case.id);
        }
    }
}
