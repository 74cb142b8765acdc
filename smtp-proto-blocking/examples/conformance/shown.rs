//! Octets and replies, shown on one line, in the notation of the table.

use core::fmt::Write;
use core::iter;
use core::mem;

use smtp_proto::testing::cases::{Case, ExpectedReply, Step, Steps, Then};
use smtp_proto::{Escaped, Reply, ReplyBuf};

/// A run of more equal octets than this is told by its length.
const RUN: u64 = 16;

/// The octets that were sent and the marks between them; of more than `limit` characters the beginning, and how many octets there are.
pub(crate) fn steps(steps: &Steps, limit: usize) -> String {
    let (mut text, mut run) = (String::new(), Run::default());
    for step in steps.iter() {
        if let Step::Octets(octets) = step {
            octets.iter().for_each(|octet| run.take(&mut text, *octet));
        } else {
            run.end(&mut text);
        }
        match step {
            Step::Octets(_) => {}
            Step::Cut => text.push_str("{cut}"),
            Step::Wait => text.push_str("{wait}"),
            Step::Eof => text.push_str("{eof}"),
            Step::Tls => text.push_str("{tls}"),
            Step::TlsEnd => text.push_str("{tlsend}"),
            other => text.push_str(&format!("{other:?}")),
        }
        if text.len() > limit {
            break;
        }
    }
    run.end(&mut text);
    if text.len() > limit {
        text.truncate(limit);
        let _ = write!(text, ".. ({} octets)", steps.octets());
    }
    text
}

/// Equal octets; many of them are shown as the table writes them.
#[derive(Default)]
struct Run {
    octet: u8,
    times: u64,
}

impl Run {
    fn take(&mut self, text: &mut String, octet: u8) {
        if self.octet != octet {
            self.end(text);
            self.octet = octet;
        }
        self.times += 1;
    }

    fn end(&mut self, text: &mut String) {
        let Self { octet, times } = mem::take(self);
        if times > RUN {
            let _ = write!(text, "{{{times}*");
            push(text, octet);
            text.push('}');
        } else {
            (0..times).for_each(|_| push(text, octet));
        }
    }
}

fn push(text: &mut String, octet: u8) {
    match octet {
        b'\r' => text.push_str("\\r"),
        b'\n' => text.push_str("\\n"),
        b'\t' => text.push_str("\\t"),
        b'\\' => text.push_str("\\\\"),
        b' '..=b'~' => text.push(char::from(octet)),
        _ => {
            let _ = write!(text, "\\x{octet:02x}");
        }
    }
}

/// The commands that bring a session into the state of this row.
pub(crate) fn state(case: &Case<'_>) -> String {
    let (opening, _) = case.pre.opening().unwrap_or_default();
    let commands = opening.replace("{wait}", "").replace("{tls}", "TLS, ");
    let commands: Vec<&str> = commands.split("\\r\\n").filter(|line| !line.is_empty()).collect();
    match (commands.as_slice(), opening) {
        ([], "") => "the greeting is not waited for".to_owned(),
        ([], _) => "behind the greeting".to_owned(),
        _ => format!("behind {}", commands.join(", ")),
    }
}

/// A reply on one line.
pub(crate) fn reply(reply: &Reply<'_>) -> String {
    let code = iter::once(reply.code().get().to_string());
    let enhanced = reply.enhanced().map(|enhanced| enhanced.to_string());
    let lines = reply.lines().map(|line| Escaped(line).to_string()).filter(|line| !line.is_empty());
    code.chain(enhanced).chain(lines).collect::<Vec<_>>().join(" ")
}

/// What came: the whole of one reply, of several the codes.
pub(crate) fn got(replies: &[ReplyBuf], closed: bool) -> String {
    let text = match replies {
        [] => "no reply".to_owned(),
        [one] => reply(&one.as_ref()),
        many => list(many.iter().map(|reply| reply.as_ref().code().get().to_string())),
    };
    if closed { format!("{text}, closed") } else { text }
}

/// What the row asks for.
pub(crate) fn asked(case: &Case<'_>) -> String {
    let replies = list(case.replies.iter().flatten().map(expected));
    let replies = if replies.is_empty() { "no reply".to_owned() } else { replies };
    match case.then {
        Some(Then::Close) => format!("{replies}, closed"),
        _ => replies,
    }
}

pub(crate) fn expected(reply: &ExpectedReply<'_>) -> String {
    let ExpectedReply { code, enhanced, .. } = reply;
    enhanced.map_or_else(|| code.to_string(), |enhanced| format!("{code}/{enhanced}"))
}

/// Items with spaces between them; of many equal ones in a row only the number.
fn list(items: impl Iterator<Item = String>) -> String {
    let (mut items, mut words) = (items.peekable(), Vec::new());
    while let Some(item) = items.next() {
        let times = 1 + iter::from_fn(|| items.next_if_eq(&item)).count();
        words.push(if times > 1 { format!("{times}*{item}") } else { item });
    }
    words.join(" ")
}
