//! What became of all rows: for people, and for programs.

use core::fmt::Write;
use core::time::Duration;
use std::env;

use serde_json::{Value, json};
use smtp_proto::testing::cases::Then;

use crate::options::Options;
use crate::row::{Kind, Row};
use crate::shown;
use crate::target::Target;

/// Columns of a terminal that does not say how many it has.
const WIDTH: usize = 100;
/// Characters of octets that are shown where a row fails, and in JSON.
const LONG: usize = 400;
const LONGEST: usize = 4096;
/// Replies that are shown where a row fails.
const REPLIES: usize = 8;

/// Each class of rows: what it is about, and what the RFCs say of it.
const CLASSES: [(&str, &str, &str); 9] = [
    (
        "SM",
        "the end of data",
        "only CRLF . CRLF ends it; a bare CR or LF ends no line (RFC 5321 2.3.8, 4.1.1.4, 4.5.2)",
    ),
    (
        "BD",
        "BDAT",
        "so many octets follow, whatever they are, and they are read before any refusal (RFC 3030 2)",
    ),
    (
        "TL",
        "STARTTLS",
        "nothing that was read or known before the handshake is used behind it (RFC 3207 4, 4.2)",
    ),
    (
        "ST",
        "order and state",
        "commands have an order, each has one reply, and an error changes nothing (RFC 5321 4.1.4)",
    ),
    (
        "PL",
        "pipelining",
        "replies come in order, and no command of a group is lost (RFC 2920 3.1, 3.2)",
    ),
    ("LM", "limits", "what a server takes at least, and how it refuses more (RFC 5321 4.5.3)"),
    ("AU", "AUTH", "an exchange ends with one reply, and a refusal lets nobody in (RFC 4954 4)"),
    (
        "PR",
        "parameters",
        "unknown ones and bad values are refused, never ignored (RFC 5321 4.1.1.11)",
    ),
    ("AD", "addresses", "the grammar of paths and mailboxes (RFC 5321 4.1.2, 4.1.3)"),
];

/// The classes without which nothing is said of a server.
const NEEDED: [&str; 2] = ["SM", "ST"];

#[derive(Debug)]
pub(crate) struct Report<'a> {
    pub(crate) rows: Vec<Row<'a>>,
    pub(crate) took: Duration,
}

impl Report<'_> {
    fn count(&self, class: Option<&str>, kind: Kind) -> usize {
        let of_class = |row: &&Row<'_>| class.is_none_or(|class| row.case.class() == class);
        self.rows.iter().filter(of_class).filter(|row| row.kind == kind).count()
    }

    /// What keeps the server from being called conformant.
    pub(crate) fn complaint(&self) -> Option<String> {
        match self.count(None, Kind::Fail) {
            0 => {}
            1 => return Some("one row does not hold".to_owned()),
            failed => return Some(format!("{failed} rows do not hold")),
        }
        let ran = |class: Option<&str>| self.count(class, Kind::Pass) > 0;
        for class in NEEDED {
            let mut selected = self.rows.iter().filter(|row| row.case.class() == class);
            if !ran(Some(class))
                && let Some(first) = selected.next()
            {
                return Some(format!("no row of the class {class} ran: {}", first.note));
            }
        }
        (!ran(None)).then(|| "no row ran".to_owned())
    }

    pub(crate) fn text(&self, options: &Options, target: &Target) -> String {
        let columns = env::var("COLUMNS").ok().and_then(|columns| columns.parse().ok());
        let width = columns.unwrap_or(WIDTH).clamp(60, 400);
        let mut text = format!("{} offers {}\n", options.server, target.offers.join(", "));
        for (class, about, rule) in CLASSES {
            let mut rows = self.rows.iter().filter(|row| row.case.class() == class).peekable();
            if rows.peek().is_some() {
                let _ = writeln!(text, "\n{class}  {about}: {rule}");
                rows.for_each(|row| line(&mut text, row, width));
            }
        }
        self.summarise(&mut text);
        text
    }

    fn summarise(&self, text: &mut String) {
        let _ =
            writeln!(text, "\n{:<22}{:>9}{:>9}{:>9}{:>9}", "", "pass", "fail", "skipped", "n/a");
        let mut counts = |name: String, class: Option<&str>| {
            let [pass, fail, skipped, not] = Kind::ALL.map(|kind| self.count(class, kind));
            let _ = writeln!(text, "{name:<22}{pass:>9}{fail:>9}{skipped:>9}{not:>9}");
        };
        for (class, about, _) in CLASSES {
            if self.rows.iter().any(|row| row.case.class() == class) {
                counts(format!("{class}  {about}"), Some(class));
            }
        }
        let _ = writeln!(text, "\n{}", self.totals());
    }

    fn totals(&self) -> String {
        let counts = Kind::ALL.map(|kind| format!("{}={}", kind.word(), self.count(None, kind)));
        format!("{} seconds={:.1}", counts.join(" "), self.took.as_secs_f64())
    }

    pub(crate) fn json(&self, options: &Options, target: &Target) -> String {
        let count = |kind: Kind| (kind.word().to_owned(), Value::from(self.count(None, kind)));
        let value = json!({
            "server": options.server,
            "offers": target.offers,
            "rows": self.rows.iter().map(json).collect::<Vec<_>>(),
            "summary": Kind::ALL.into_iter().map(count).collect::<serde_json::Map<_, _>>(),
            "seconds": self.took.as_secs_f64(),
            "error": self.complaint(),
        });
        format!("{value}\n")
    }
}

fn line(text: &mut String, row: &Row<'_>, width: usize) {
    let half = (width - 18) / 2;
    let sent = row.sent.as_ref().map(|sent| clipped(shown::steps(sent, 2 * half), half));
    let got = match (row.sent.is_some(), row.note.as_str()) {
        (false, note) => note.to_owned(),
        (true, "") => shown::got(&row.replies, row.closed),
        (true, note) => format!("{} ({note})", shown::got(&row.replies, row.closed)),
    };
    let (kind, id, sent) = (row.kind.word(), row.case.id, sent.unwrap_or_default());
    let got = clipped(got, if sent.is_empty() { 2 * half } else { half });
    let space = if sent.is_empty() { 0 } else { half };
    let _ = writeln!(text, "{kind:<7} {id:<8} {sent:<space$} {got}");
    if let (Kind::Fail, Some(octets)) = (row.kind, &row.sent) {
        let mut detail = |name: &str, value: &str| {
            let _ = writeln!(text, "        {name:<8} {value}");
        };
        detail("fault", &row.note);
        detail("state", &shown::state(row.case));
        detail("sent", &shown::steps(octets, LONG));
        for reply in row.replies.iter().take(REPLIES) {
            detail("got", &clipped(shown::reply(&reply.as_ref()), LONG));
        }
        match row.replies.len().saturating_sub(REPLIES) {
            0 => {}
            more => detail("got", &format!("{more} more")),
        }
        detail("then", if row.closed { "closed" } else { "open" });
        detail("asked", &shown::asked(row.case));
        let reasons = [row.case.expected.prose, row.case.reason];
        let reasons = reasons.into_iter().filter(|reason| !reason.is_empty());
        detail("because", &reasons.collect::<Vec<_>>().join("; "));
    }
}

fn clipped(text: String, width: usize) -> String {
    match text.char_indices().nth(width) {
        Some(_) => text.chars().take(width.saturating_sub(2)).chain("..".chars()).collect(),
        None => text,
    }
}

fn json(row: &Row<'_>) -> Value {
    let case = row.case;
    let rule = CLASSES.iter().find(|(class, ..)| *class == case.class());
    json!({
        "id": case.id,
        "class": case.class(),
        "rule": rule.map(|(_, _, rule)| rule),
        "because": case.reason,
        "expected": case.expected.prose,
        "state": shown::state(case),
        "asked": case.replies.iter().flatten().map(shown::expected).collect::<Vec<_>>(),
        "asked_then": match case.then {
            Some(Then::Open) => Some("open"),
            Some(Then::Close) => Some("closed"),
            _ => None,
        },
        "verdict": row.kind.word(),
        "note": row.note,
        "sent": row.sent.as_ref().map(|sent| shown::steps(sent, LONGEST)),
        "octets": row.sent.as_ref().map(|sent| sent.octets()),
        "got": row.replies.iter().take(1000).map(|reply| shown::reply(&reply.as_ref())).collect::<Vec<_>>(),
        "got_replies": row.replies.len(),
        "got_then": row.sent.as_ref().map(|_| if row.closed { "closed" } else { "open" }),
    })
}
