//! What went over the wire, read again in the simplest way: a second opinion on what each machine made of it.

use alloc::borrow::ToOwned;
use alloc::format;
use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;

use crate::delivery::Fate;

/// Commands and replies, matched by their order alone.
#[derive(Debug)]
pub(super) struct Dialogue {
    pub(super) greeting: Option<Reply>,
    pub(super) exchanges: Vec<Exchange>,
    /// Replies that stand behind those to all commands.
    pub(super) surplus: Vec<Reply>,
}

#[derive(Debug)]
pub(super) struct Exchange {
    /// The line; `.` for a content.
    pub(super) command: String,
    /// Its end was read, or written.
    pub(super) whole: bool,
    pub(super) reply: Option<Reply>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Reply {
    pub(super) code: u16,
    /// The text of the last line.
    pub(super) text: String,
}

impl Reply {
    fn fate(&self) -> Fate {
        match self.code {
            200..300 => Fate::Delivered,
            400..500 => Fate::Transient,
            500..600 => Fate::Permanent,
            code => panic!("{code} settles nothing"),
        }
    }

    /// RFC 5321 4.5.3.1.10: too many recipients for one transaction, by its enhanced code where it has one.
    fn is_full(&self) -> bool {
        self.code == 452 && (self.text.starts_with("4.5.3 ") || !self.text.starts_with("4."))
    }

    fn is_positive(&self) -> bool {
        self.code < 400
    }
}

impl Dialogue {
    pub(super) fn read(commands: &[u8], replies: &[u8]) -> Self {
        let mut replies = read_replies(replies).into_iter();
        let greeting = replies.next();
        let (mut exchanges, mut in_content) = (Vec::new(), false);
        let text = String::from_utf8_lossy(commands);
        for line in text.split_inclusive("\r\n") {
            let (line, whole) = match line.strip_suffix("\r\n") {
                Some(line) => (line, true),
                None => (line, false),
            };
            if in_content && line != "." || !in_content && !whole {
                continue;
            }
            let reply = replies.next();
            in_content = line == "DATA" && reply.as_ref().is_some_and(|reply| reply.code == 354);
            exchanges.push(Exchange { command: line.to_owned(), whole, reply });
        }
        if in_content {
            // The content is judged before its end, or not at all.
            exchanges.push(Exchange {
                command: ".".to_owned(),
                whole: false,
                reply: replies.next(),
            });
        }
        Self { greeting, exchanges, surplus: replies.collect() }
    }

    /// How many commands had their reply.
    pub(super) fn answered(&self) -> usize {
        self.exchanges.iter().filter(|exchange| exchange.reply.is_some()).count()
    }

    /// What must have become of the recipients of the letter from this sender; the addresses of the letters are all different.
    pub(super) fn fates(&self, from: &str, to: &[String]) -> Option<Vec<Fate>> {
        let mail = format!("MAIL FROM:<{from}>");
        let mut recipients = vec![Recipient::default(); to.len()];
        let (mut ours, mut begun) = (false, false);
        for Exchange { command, whole, reply } in &self.exchanges {
            if command.starts_with("MAIL ") {
                ours = command.starts_with(&mail);
                begun |= ours;
                recipients.iter_mut().for_each(|recipient| recipient.accepted = false);
            }
            if !ours {
                continue;
            }
            let refused = reply.as_ref().filter(|reply| !reply.is_positive());
            match (command.as_str(), reply) {
                (line, Some(reply)) if line.starts_with("RCPT ") => {
                    let address =
                        line.trim_start_matches("RCPT TO:<").split('>').next().expect("an address");
                    let at = to.iter().position(|to| to == address).expect("one of the recipients");
                    let others = recipients.iter().any(|recipient| recipient.accepted);
                    recipients[at].hear(reply, others);
                }
                (".", _) => judge(&mut recipients, reply.as_ref(), *whole),
                ("DATA", Some(reply)) if refused.is_some() => {
                    judge(&mut recipients, Some(reply), true)
                }
                (_, Some(reply)) if command.starts_with("MAIL ") && refused.is_some() => {
                    let open = recipients.iter_mut().filter(|recipient| recipient.fate.is_none());
                    open.for_each(|recipient| recipient.fate = Some(reply.fate()));
                }
                _ => {}
            }
        }
        // Whoever is left was not decided: later.
        let fate = |recipient: &Recipient| recipient.fate.unwrap_or(Fate::Transient);
        begun.then(|| recipients.iter().map(fate).collect())
    }
}

#[derive(Clone, Default)]
struct Recipient {
    accepted: bool,
    fate: Option<Fate>,
}

impl Recipient {
    fn hear(&mut self, reply: &Reply, others_accepted: bool) {
        if reply.is_positive() {
            self.accepted = true;
        } else if !(reply.is_full() && others_accepted) {
            self.fate.get_or_insert_with(|| reply.fate());
        }
    }
}

/// RFC 1047: a content that was ended and not judged is in nobody's hands.
fn judge(recipients: &mut [Recipient], reply: Option<&Reply>, whole: bool) {
    let fate = match reply {
        Some(reply) => reply.fate(),
        None if whole => Fate::Unknown,
        None => Fate::Transient,
    };
    let accepted = recipients.iter_mut().filter(|recipient| recipient.accepted);
    accepted.for_each(|recipient| {
        recipient.fate.get_or_insert(fate);
    });
}

fn read_replies(octets: &[u8]) -> Vec<Reply> {
    let text = String::from_utf8(octets.to_vec()).expect("our server replies in US-ASCII");
    let whole = text.split_inclusive("\r\n").filter_map(|line| line.strip_suffix("\r\n"));
    let last = whole.filter(|line| line.as_bytes().get(3) != Some(&b'-'));
    last.map(|line| Reply {
        code: line[..3].parse().expect("a code"),
        text: line.get(4..).unwrap_or_default().to_owned(),
    })
    .collect()
}
