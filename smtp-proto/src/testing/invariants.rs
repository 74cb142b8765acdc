//! What holds in every run of a pair, whatever went wrong.

use alloc::borrow::ToOwned;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use super::End;
use super::dialogue::{Dialogue, Exchange};
use super::pair::{Letter, Pair};
use super::story::Story;
use crate::client::Tls;
use crate::delivery::Fate;
use crate::server::{Channel, StartTls};
use crate::{Extension, TlsFault, client};

/// Octets of a reply line, and of a reply to EHLO as our server gives it (RFC 5321 4.5.3.1.5).
const LINE_LIMIT: usize = 512;

impl Pair {
    /// What does not hold in a run of this pair, if anything.
    ///
    /// Both ends come to their end, in a bounded number of steps and with bounded buffers. Every recipient of a letter that was begun is
    /// settled once. What was stored is what was sent, to the recipients that it was sent to; whoever was told that it was delivered has
    /// it stored once, whoever was told that it was not has it not, and unknown is only what was ended and not answered. Every command
    /// got one reply, or the connection ended; behind a chunk that failed comes RSET. So much holds where all letters have different senders, and their lines end in CRLF.
    ///
    /// ```
    /// use smtp_proto::testing::{Faults, Letter, Pair};
    ///
    /// let pair = Pair::new(1047).letter(Letter::new("a@x.test", ["b@y.test"], "hi\r\n")?).faults(Faults::all());
    /// let story = pair.run();
    /// assert_eq!(pair.check(&story), Ok(()), "{story}");
    /// # Ok::<(), smtp_proto::ParseError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// What does not hold, in words; [`Story`] shows the run.
    pub fn check(&self, story: &Story) -> Result<(), String> {
        both_ends_end_in_bounded_steps(story, self.letters())?;
        self.buffers_are_bounded(story)?;
        every_recipient_is_settled_once(story, self.letters())?;
        self.what_is_stored_was_sent(story)?;
        delivered_is_stored_and_stored_is_not_lost(story, self.letters())?;
        self.fates_are_those_of_the_wire(story)?;
        self.every_command_has_one_reply(story)?;
        self.a_reset_follows_a_failed_chunk(story)?;
        self.what_needs_tls_and_auth_has_them(story)
    }

    /// A server takes no more commands once so much waits, and then answers what is owed. A client queues so much, and dots are doubled.
    fn buffers_are_bounded(&self, story: &Story) -> Result<(), String> {
        let limits = &self.server_config().limits;
        let queue = &self.client_config().queue;
        for (seen, most) in [
            (&story.server, limits.replies + (limits.answers_owed + 1) * LINE_LIMIT),
            (&story.client, queue.commands + 2 * queue.content.max(LINE_LIMIT)),
        ] {
            hold(seen.waiting <= most, || format!("{} octets wait, over {most}", seen.waiting))?;
        }
        Ok(())
    }

    /// Unknown is only what was ended and not answered, and so on.
    fn fates_are_those_of_the_wire(&self, story: &Story) -> Result<(), String> {
        let dialogue = self.dialogue(&story.client.wrote, &story.client.read);
        for (n, letter) in self.letters().iter().enumerate() {
            let told = (0..letter.to().len())
                .map(|recipient| story.fate(n, recipient))
                .collect::<Option<Vec<_>>>();
            if let Some(fates) = dialogue.fates(letter.from(), letter.to()) {
                hold(told.as_ref() == Some(&fates), || {
                    format!("letter {n} is {told:?}, by what was on the wire {fates:?}")
                })?;
            } else {
                let fate =
                    if self.is_unsendable(letter) { Fate::Permanent } else { Fate::Transient };
                hold(told.iter().flatten().all(|told| *told == fate), || {
                    format!("letter {n} is {told:?}, and nothing of it was on the wire")
                })?;
            }
        }
        Ok(())
    }

    fn dialogue(&self, commands: &[u8], replies: &[u8]) -> Dialogue {
        Dialogue::read(self.client_config().flavour, commands, replies)
    }

    fn what_is_stored_was_sent(&self, story: &Story) -> Result<(), String> {
        for stored in &story.stored {
            let letter = self.letters().iter().find(|letter| letter.from() == stored.from);
            let letter = letter.ok_or_else(|| format!("stored from {}", stored.from))?;
            hold(stored.content == self.content_of(letter), || {
                format!(
                    "stored \"{}\" for \"{}\"",
                    stored.content.escape_ascii(),
                    letter.content().escape_ascii()
                )
            })?;
            let mut left = letter.to().iter();
            let ordered = stored.to.iter().all(|to| left.any(|other| other == to));
            hold(ordered, || format!("stored for {:?}", stored.to))?;
        }
        Ok(())
    }

    /// RFC 3207 4, RFC 4954 4: what is required is not done without, and nothing of what was put into the clear counts.
    fn what_needs_tls_and_auth_has_them(&self, story: &Story) -> Result<(), String> {
        let dialogue = self.dialogue(&story.client.wrote, &story.client.read);
        let said = |exchange: &Exchange, code| {
            exchange.reply.as_ref().is_some_and(|reply| reply.code == code)
        };
        let tls = dialogue
            .exchanges
            .iter()
            .position(|exchange| exchange.command == "STARTTLS" && said(exchange, 220));
        let clear = &dialogue.exchanges[..tls.map_or(dialogue.exchanges.len(), |at| at + 1)];
        let client = self.client_config();
        for Exchange { command, .. } in clear {
            let verb = command.split(' ').next().unwrap_or_default();
            let harmless = ["EHLO", "LHLO", "STARTTLS", "NOOP", "QUIT"].contains(&verb);
            hold(harmless || client.tls == Tls::Optional, || format!("{verb} is in the clear"))?;
            hold(verb != "AUTH" || !client.auth_in_clear.is_empty(), || {
                "a password is in the clear".to_owned()
            })?;
        }
        for exchange in &dialogue.exchanges {
            let told =
                [(235, true), (535, false)].into_iter().find(|(code, _)| said(exchange, *code));
            hold(told.is_none_or(|(_, known)| known == self.is_known()), || {
                format!("{exchange:?}, and the password is right: {}", self.is_known())
            })?;
        }
        let server = self.server_config();
        let may = (tls.is_some() || server.starttls != StartTls::Required)
            && (self.is_known() || !server.auth.required)
            && story.injected.is_none();
        hold(may || story.stored.is_empty(), || "stored without TLS or AUTH".to_owned())
    }

    /// What is stored of a letter: by DATA its last line is ended (RFC 5321 4.1.1.4), chunks are what they are (RFC 3030 2).
    fn content_of(&self, letter: &Letter) -> Vec<u8> {
        let content = letter.content();
        let chunks = self.server_config().offered(Channel::Clear).contains(Extension::Chunking);
        let whole = content.is_empty() || content.ends_with(b"\r\n");
        let as_it_is = whole || letter.is_in_chunks() && chunks;
        [content, if as_it_is { b"" } else { b"\r\n" }].concat()
    }

    fn every_command_has_one_reply(&self, story: &Story) -> Result<(), String> {
        for (seen, commands, replies) in [
            ("client", &story.client.wrote, &story.client.read),
            ("server", &story.server.read, &story.server.wrote),
        ] {
            let dialogue = self.dialogue(commands, replies);
            let surplus = &dialogue.surplus;
            // What somebody else says is no reply, and what he asks has one.
            let ours = seen != "client" || story.injected.is_none();
            let only_421 =
                !ours || surplus.iter().all(|reply| reply.code == 421) && surplus.len() <= 1;
            hold(only_421, || {
                format!("the {seen} saw replies that nothing asked for: {surplus:?}")
            })?;
            let answered = dialogue.answered();
            let gap =
                dialogue.exchanges.iter().take(answered).any(|exchange| exchange.reply.is_none());
            hold(!gap, || {
                format!("the {seen} saw a command without a reply: {:?}", dialogue.exchanges)
            })?;
        }
        // A server that served its session to the end and could say everything has answered every command that it read.
        let served =
            ["QUIT", "closed by the peer"].map(Some).contains(&story.server.ended.as_deref());
        if served && !story.server.silenced {
            let dialogue = self.dialogue(&story.server.read, &story.server.wrote);
            let open = dialogue
                .exchanges
                .iter()
                .find(|exchange| exchange.whole && exchange.reply.is_none());
            hold(open.is_none() && dialogue.greeting.is_some(), || {
                format!("the server did not answer {open:?}")
            })?;
        }
        Ok(())
    }

    /// RFC 3030 2: behind a chunk that failed come those that were in flight, and RSET before anything else.
    fn a_reset_follows_a_failed_chunk(&self, story: &Story) -> Result<(), String> {
        let mut failed = false;
        for exchange in self.dialogue(&story.client.wrote, &story.client.read).exchanges {
            let chunk = exchange.command.starts_with("BDAT ");
            let may = chunk || ["RSET", "QUIT"].contains(&exchange.command.as_str());
            hold(may || !failed, || format!("{exchange:?} comes behind a chunk that failed"))?;
            failed = chunk && (failed || exchange.reply.is_some_and(|reply| !reply.is_positive()));
        }
        Ok(())
    }

    /// RFC 1870 6.1: the server announces a maximum that is smaller. RFC 6152 3: it takes no 8-bit content.
    fn is_unsendable(&self, letter: &Letter) -> bool {
        let offered = self.server_config().offered(Channel::Clear);
        let most = offered.size().filter(|octets| *octets != 0);
        most.is_some_and(|most| letter.content().len() as u64 > most)
            || !letter.content().is_ascii() && !offered.contains(Extension::EightBitMime)
    }
}

fn hold(holds: bool, what: impl FnOnce() -> String) -> Result<(), String> {
    if holds { Ok(()) } else { Err(what()) }
}

fn both_ends_end_in_bounded_steps(story: &Story, letters: &[Letter]) -> Result<(), String> {
    let ended = story.client.ended.is_some() && story.server.ended.is_some();
    hold(ended, || "an end does not end".to_owned())?;
    let end = story.client.ended.as_deref().unwrap_or_default();
    hold(is_known_end(end, story), || format!("our client cannot bear with our server: {end}"))?;
    // Each step moves an octet at least, takes an event, or is a change of hands. Chunks are gathered before they are written.
    let octets = [&story.client, &story.server].map(|seen| seen.wrote.len() + seen.read.len());
    let fed: usize = letters.iter().map(|letter| letter.content().len()).sum();
    let most = 1000 + fed + 4 * octets.iter().sum::<usize>();
    hold(story.steps <= most, || format!("{} steps, and {most} were enough", story.steps))
}

/// Besides the network's ends those of TLS: that it cannot be had, and that somebody said something in the clear in its place.
fn is_known_end(end: &str, story: &Story) -> bool {
    let tls = client::Error::Tls;
    let injected = match story.injected {
        Some(End::Server) => {
            &[tls(TlsFault::Protocol), client::Error::PlaintextAfterStartTls(0)][..]
        }
        // Where STARTTLS is refused, what was put behind it has replies.
        Some(End::Client) => &[client::Error::Unsolicited],
        None => &[],
    };
    let known = [
        client::Error::Eof,
        client::Error::TimedOut,
        client::Error::TlsRequired,
        tls(TlsFault::Eof),
    ];
    end == "closed" || known.iter().chain(injected).any(|error| error.to_string() == end)
}

fn every_recipient_is_settled_once(story: &Story, letters: &[Letter]) -> Result<(), String> {
    for (n, letter) in letters.iter().enumerate() {
        let mut settled: Vec<usize> =
            story.settled[n].iter().map(|(recipient, _)| *recipient).collect();
        settled.sort_unstable();
        let whole = settled.iter().copied().eq(0..letter.to().len());
        hold(whole || settled.is_empty(), || format!("letter {n} is settled for {settled:?}"))?;
        let mail = format!("MAIL FROM:<{}>", letter.from());
        let begun = story.client.wrote.windows(mail.len()).any(|octets| octets == mail.as_bytes());
        hold(whole || !begun, || format!("letter {n} was begun, and nobody is settled"))?;
    }
    Ok(())
}

fn delivered_is_stored_and_stored_is_not_lost(
    story: &Story,
    letters: &[Letter],
) -> Result<(), String> {
    for (n, letter) in letters.iter().enumerate() {
        for (recipient, address) in letter.to().iter().enumerate() {
            let of = story.stored.iter().filter(|stored| stored.from == letter.from());
            let stored = of.filter(|stored| stored.to.contains(address)).count();
            let fate = story.fate(n, recipient);
            let holds = match fate {
                Some(Fate::Delivered) => stored == 1,
                Some(Fate::Unknown) => stored <= 1,
                Some(Fate::Transient | Fate::Permanent) | None => stored == 0,
            };
            hold(holds, || format!("letter {n} is stored {stored} times for {address}: {fate:?}"))?;
        }
    }
    Ok(())
}
