//! What went over the wire, read again in the simplest way: a second opinion on what each machine made of it.

use alloc::borrow::ToOwned;
use alloc::format;
use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;

use crate::client::Flavour;
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
    /// The line; `.` for a content by DATA.
    pub(super) command: String,
    /// Whom the reply is about, where content has one for each recipient.
    to: Option<String>,
    /// Its end was read, or written, with all octets of a chunk.
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

    pub(super) fn is_positive(&self) -> bool {
        self.code < 400
    }
}

impl Dialogue {
    pub(super) fn read(flavour: Flavour, commands: &[u8], replies: &[u8]) -> Self {
        let mut replies = read_replies(replies).into_iter();
        let greeting = replies.next();
        let mut reader = Reader { replies, exchanges: Vec::new(), flavour, accepted: Vec::new() };
        reader.read(commands);
        let Reader { replies, exchanges, .. } = reader;
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
        let place =
            |address: &str| to.iter().position(|to| to == address).expect("one of the recipients");
        for Exchange { command, to: exchange_to, whole, reply } in &self.exchanges {
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
                    let at = place(address_of(line));
                    let others = recipients.iter().any(|recipient| recipient.accepted);
                    recipients[at].hear(reply, others);
                }
                // RFC 3030 2: a chunk that fails is the verdict, one that does not is none.
                (line, _) if line.starts_with("BDAT ") && !line.ends_with(" LAST") => {
                    if let Some(reply) = refused {
                        judge(&mut recipients, None, Some(reply), true);
                    }
                }
                (line, _) if line == "." || line.starts_with("BDAT ") => {
                    let one = exchange_to.as_ref().filter(|_| *whole).map(|address| place(address));
                    judge(&mut recipients, one, reply.as_ref(), *whole);
                }
                ("DATA", Some(reply)) if refused.is_some() => {
                    judge(&mut recipients, None, Some(reply), true);
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

/// What is left to be read, and what was.
struct Reader {
    replies: vec::IntoIter<Reply>,
    exchanges: Vec<Exchange>,
    flavour: Flavour,
    /// The recipients of the transaction who were accepted.
    accepted: Vec<String>,
}

impl Reader {
    fn read(&mut self, mut octets: &[u8]) {
        let mut in_content = false;
        while !octets.is_empty() {
            let end = octets.windows(2).position(|two| two == b"\r\n");
            let (line, behind) = octets.split_at(end.map_or(octets.len(), |end| end + 2));
            let (line, whole) = (line.strip_suffix(b"\r\n").unwrap_or(line), end.is_some());
            octets = behind;
            if in_content && line != b"." || !in_content && !whole {
                continue;
            }
            let command = String::from_utf8_lossy(line);
            if let Some((chunk, last)) = chunk(&command) {
                let taken = chunk.min(octets.len());
                octets = &octets[taken..];
                self.content(&command, taken == chunk, last);
            } else if in_content {
                in_content = false;
                self.content(&command, whole, true);
            } else {
                in_content = self.command(&command);
            }
        }
        if in_content {
            // The content is judged before its end, or not at all.
            self.content(".", false, true);
        }
    }

    /// Whether content follows.
    fn command(&mut self, line: &str) -> bool {
        let reply = self.replies.next();
        let code = reply.as_ref().map_or(0, |reply| reply.code);
        if line.starts_with("MAIL ") {
            self.accepted.clear();
        } else if line.starts_with("RCPT ") && code == 250 {
            self.accepted.push(address_of(line).to_owned());
        }
        let command = line.to_owned();
        self.exchanges.push(Exchange { command, to: None, whole: true, reply });
        line == "DATA" && code == 354
    }

    /// RFC 2033 4.2: behind the content there is a reply for each recipient who was accepted. One that comes before its end is for all, and
    /// may be said for each.
    fn content(&mut self, command: &str, whole: bool, last: bool) {
        let each = self.flavour == Flavour::Lmtp && last && whole;
        let accepted = self.accepted.len();
        let to = if each { self.accepted.drain(..).map(Some).collect() } else { vec![None] };
        for to in to {
            let (command, reply) = (command.to_owned(), self.replies.next());
            self.exchanges.push(Exchange { command, to, whole, reply });
        }
        if self.flavour == Flavour::Lmtp && last && !whole {
            let said = self.exchanges.last().and_then(|exchange| exchange.reply.clone());
            let same =
                self.replies.as_slice().iter().take_while(|&reply| Some(reply) == said.as_ref());
            let same = same.count().min(accepted.saturating_sub(1));
            self.replies.by_ref().take(same).for_each(drop);
        }
    }
}

/// How many octets follow a BDAT, and whether they are the last.
fn chunk(line: &str) -> Option<(usize, bool)> {
    let octets = line.strip_prefix("BDAT ")?;
    let last = octets.strip_suffix(" LAST");
    Some((last.unwrap_or(octets).parse().ok()?, last.is_some()))
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

fn address_of(line: &str) -> &str {
    line.trim_start_matches("RCPT TO:<").split('>').next().expect("an address")
}

/// RFC 1047: a content that was ended and not judged is in nobody's hands. It is judged for one recipient, or for all who were accepted.
fn judge(recipients: &mut [Recipient], one: Option<usize>, reply: Option<&Reply>, whole: bool) {
    let fate = match reply {
        Some(reply) => reply.fate(),
        None if whole => Fate::Unknown,
        None => Fate::Transient,
    };
    for (at, recipient) in recipients.iter_mut().enumerate() {
        if recipient.accepted && one.is_none_or(|one| one == at) {
            recipient.fate.get_or_insert(fate);
        }
    }
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
