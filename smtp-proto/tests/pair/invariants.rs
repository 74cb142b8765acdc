//! What holds in every run, whatever went wrong.

use crate::dialogue::Dialogue;
use smtp_proto::delivery::Fate;
use smtp_proto::testing::{Letter, Story};

/// A letter as the campaigns write it, with what must be stored of it.
#[derive(Debug, Clone)]
pub(crate) struct Sent {
    pub(crate) from: String,
    pub(crate) to: Vec<String>,
    pub(crate) content: Vec<u8>,
    /// The server announces a maximum that is smaller (RFC 1870 6.1).
    pub(crate) too_big: bool,
}

impl Sent {
    pub(crate) fn letter(&self) -> Letter {
        let to = self.to.iter().map(String::as_str);
        Letter::new(&self.from, to, self.content.clone()).expect("well-formed addresses")
    }

    /// RFC 5321 4.1.1.4: the last line is ended.
    fn stored(&self) -> Vec<u8> {
        let end: &[u8] =
            if self.content.is_empty() || self.content.ends_with(b"\r\n") { b"" } else { b"\r\n" };
        [&self.content, end].concat()
    }
}

/// What does not hold, if anything.
pub(crate) fn check(story: &Story, letters: &[Sent]) -> Result<(), String> {
    both_sides_end_in_bounded_steps(story)?;
    every_recipient_is_settled_once(story, letters)?;
    what_is_stored_was_sent(story, letters)?;
    delivered_is_stored_and_stored_is_not_lost(story, letters)?;
    fates_are_those_of_the_wire(story, letters)?;
    every_command_has_one_reply(story)
}

fn hold(holds: bool, what: impl FnOnce() -> String) -> Result<(), String> {
    if holds { Ok(()) } else { Err(what()) }
}

fn both_sides_end_in_bounded_steps(story: &Story) -> Result<(), String> {
    let ended = story.client.ended.is_some() && story.server.ended.is_some();
    hold(ended, || "a side does not end".to_owned())?;
    let known = ["closed", "the connection was closed", "the server took too long"];
    let end = story.client.ended.as_deref().unwrap_or_default();
    hold(known.contains(&end), || format!("our client cannot bear with our server: {end}"))?;
    // Each step moves an octet at least, takes an event, or is a change of hands.
    let octets = [&story.client, &story.server].map(|seen| seen.wrote.len() + seen.read.len());
    let most = 1000 + 4 * octets.iter().sum::<usize>();
    hold(story.steps <= most, || format!("{} steps, and {most} were enough", story.steps))
}

fn every_recipient_is_settled_once(story: &Story, letters: &[Sent]) -> Result<(), String> {
    for (n, letter) in letters.iter().enumerate() {
        let mut settled: Vec<usize> =
            story.settled[n].iter().map(|(recipient, _)| *recipient).collect();
        settled.sort_unstable();
        let whole = settled.iter().copied().eq(0..letter.to.len());
        hold(whole || settled.is_empty(), || format!("letter {n} is settled for {settled:?}"))?;
        let mail = format!("MAIL FROM:<{}>", letter.from);
        let begun = story.client.wrote.windows(mail.len()).any(|octets| octets == mail.as_bytes());
        hold(whole || !begun, || format!("letter {n} was begun, and nobody is settled"))?;
    }
    Ok(())
}

fn what_is_stored_was_sent(story: &Story, letters: &[Sent]) -> Result<(), String> {
    for stored in &story.stored {
        let letter = letters.iter().find(|letter| letter.from == stored.from);
        let letter = letter.ok_or_else(|| format!("stored from {}", stored.from))?;
        hold(stored.content == letter.stored(), || {
            format!(
                "stored \"{}\" for \"{}\"",
                stored.content.escape_ascii(),
                letter.content.escape_ascii()
            )
        })?;
        let mut left = letter.to.iter();
        let ordered = stored.to.iter().all(|to| left.any(|other| other == to));
        hold(ordered, || format!("stored for {:?}", stored.to))?;
    }
    Ok(())
}

fn delivered_is_stored_and_stored_is_not_lost(
    story: &Story,
    letters: &[Sent],
) -> Result<(), String> {
    for (n, letter) in letters.iter().enumerate() {
        for (recipient, address) in letter.to.iter().enumerate() {
            let of = story.stored.iter().filter(|stored| stored.from == letter.from);
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

/// Unknown is only what was ended and not answered, and so on.
fn fates_are_those_of_the_wire(story: &Story, letters: &[Sent]) -> Result<(), String> {
    let dialogue = Dialogue::read(&story.client.wrote, &story.client.read);
    for (n, letter) in letters.iter().enumerate() {
        let told = (0..letter.to.len())
            .map(|recipient| story.fate(n, recipient))
            .collect::<Option<Vec<_>>>();
        if let Some(fates) = dialogue.fates(&letter.from, &letter.to) {
            hold(told.as_ref() == Some(&fates), || {
                format!("letter {n} is {told:?}, by what was on the wire {fates:?}")
            })?;
        } else {
            let fate = if letter.too_big { Fate::Permanent } else { Fate::Transient };
            hold(told.iter().flatten().all(|told| *told == fate), || {
                format!("letter {n} is {told:?}, and nothing of it was on the wire")
            })?;
        }
    }
    Ok(())
}

fn every_command_has_one_reply(story: &Story) -> Result<(), String> {
    for (seen, commands, replies) in [
        ("client", &story.client.wrote, &story.client.read),
        ("server", &story.server.read, &story.server.wrote),
    ] {
        let dialogue = Dialogue::read(commands, replies);
        let surplus = &dialogue.surplus;
        let only_421 = surplus.iter().all(|reply| reply.code == 421) && surplus.len() <= 1;
        hold(only_421, || format!("the {seen} saw replies that nothing asked for: {surplus:?}"))?;
        let answered = dialogue.answered();
        let gap = dialogue.exchanges.iter().take(answered).any(|exchange| exchange.reply.is_none());
        hold(!gap, || {
            format!("the {seen} saw a command without a reply: {:?}", dialogue.exchanges)
        })?;
    }
    // A server that served its session to the end and could say everything has answered every command that it read.
    let served = ["QUIT", "closed by the peer"].map(Some).contains(&story.server.ended.as_deref());
    if served && !story.server.silenced {
        let dialogue = Dialogue::read(&story.server.read, &story.server.wrote);
        let open =
            dialogue.exchanges.iter().find(|exchange| exchange.whole && exchange.reply.is_none());
        hold(open.is_none() && dialogue.greeting.is_some(), || {
            format!("the server did not answer {open:?}")
        })?;
    }
    Ok(())
}
