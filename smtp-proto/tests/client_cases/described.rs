//! The rows that are told in words: each is put into practice here, under its id.

use crate::session::{LETTER, Outcome, Session};
use crate::state::opened;
use crate::verdict::of_word;
use smtp_proto::client::{Event, Wants};
use smtp_proto::data::{LineEnds, Newlines, Piece, Reader, Writer};
use smtp_proto::testing::cases::{Case, Pre};
use smtp_proto::{Command, MailboxBuf, ParseError, Reply, TlsFault};

/// Whether a row in words holds; one that nobody has put into practice does not.
pub(crate) fn judge(case: &Case<'_>) -> Result<(), String> {
    match case.id {
        "SS-19" => stuffing_is_undone_and_the_end_is_unique(),
        "CI-18" => nothing_is_shown_raw(),
        "TC-12" => inside_tls(case),
        "TC-13" => negotiation_fails(case, TlsFault::UnknownIssuer),
        "TC-14" => negotiation_fails(case, TlsFault::Incompatible),
        "TC-15" => negotiation_fails(case, TlsFault::WrongName),
        "RL-07" => lost_behind_the_dot(case),
        "RL-08" => put_off_behind_the_dot(case),
        "RL-09" => each_by_itself(case),
        _ => Err("told in words, and not put into practice".to_owned()),
    }
}

/// RFC 3207 4.2: EHLO comes first, and nothing in front of it.
fn inside_tls(case: &Case<'_>) -> Result<(), String> {
    let mut session = opened(case)?;
    session.hello();
    expect(case, &session.take_outcome())
}

/// Nothing is said in the clear any more on this connection, whatever the policy.
fn negotiation_fails(case: &Case<'_>, fault: TlsFault) -> Result<(), String> {
    let mut session = opened(case)?;
    session.hear(b"220 go\r\n");
    if !matches!(session.client.wants(), Wants::Tls(_)) {
        return Err(format!("no handshake: {:?}", session.client));
    }
    session.take_outcome();
    session.client.tls_failed(fault);
    session.settle();
    let outcome = session.take_outcome();
    match outcome.closed && outcome.written.is_empty() {
        true => expect(case, &outcome),
        false => Err(format!("{outcome:?}")),
    }
}

/// Every body of lines up to eight octets, in every chunking.
fn stuffing_is_undone_and_the_end_is_unique() -> Result<(), String> {
    for body in bodies(8) {
        let whole = stuffed(&body, 0);
        for chunking in 1..1_u32 << body.len().saturating_sub(1) {
            if stuffed(&body, chunking) != whole {
                return Err(format!("\"{}\" in the chunks {chunking:b}", body.escape_ascii()));
            }
        }
        let (unstuffed, end) =
            unstuff(&whole).ok_or_else(|| format!("no end of \"{}\"", body.escape_ascii()))?;
        let ended = if body.is_empty() || body.ends_with(b"\r\n") {
            body.clone()
        } else {
            [&body[..], b"\r\n"].concat()
        };
        if unstuffed != ended || end != whole.len() {
            return Err(format!(
                "\"{}\" becomes \"{}\"",
                body.escape_ascii(),
                whole.escape_ascii()
            ));
        }
        // What our own server makes of it.
        if read(&whole) != Some(ended) {
            return Err(format!("\"{}\" is read otherwise", body.escape_ascii()));
        }
    }
    Ok(())
}

/// All that is made of CRLF, dots and letters.
fn bodies(most: usize) -> Vec<Vec<u8>> {
    let mut all: Vec<Vec<u8>> = vec![Vec::new()];
    let mut from = 0;
    while from < all.len() {
        for unit in [&b"\r\n"[..], b".", b"x"] {
            let longer = [&all[from], unit].concat();
            if longer.len() <= most {
                all.push(longer);
            }
        }
        from += 1;
    }
    all
}

/// The body on the wire, a chunk ending behind each octet whose bit is set.
fn stuffed(body: &[u8], chunking: u32) -> Vec<u8> {
    let (mut writer, mut wire, mut from) = (Writer::new(LineEnds::Refuse), Vec::new(), 0);
    for end in 1..=body.len() {
        if end == body.len() || chunking >> (end - 1) & 1 == 1 {
            writer.write(&body[from..end], &mut wire).expect("it is made of lines");
            from = end;
        }
    }
    wire.extend_from_slice(writer.finish().expect("it is made of lines"));
    wire
}

/// RFC 5321 4.5.2 in the simplest words: the content, and where its end of data ends.
fn unstuff(wire: &[u8]) -> Option<(Vec<u8>, usize)> {
    let (mut content, mut at) = (Vec::new(), 0);
    loop {
        let line = &wire[at..at + wire[at..].windows(2).position(|two| two == b"\r\n")?];
        at += line.len() + 2;
        if line == b"." {
            return Some((content, at));
        }
        content.extend_from_slice(line.strip_prefix(b".").unwrap_or(line));
        content.extend_from_slice(b"\r\n");
    }
}

fn read(wire: &[u8]) -> Option<Vec<u8>> {
    let (mut reader, mut input, mut content) = (Reader::new(Newlines::Refuse), wire, Vec::new());
    loop {
        match reader.next(&mut input)? {
            Piece::Run(run) => content.extend_from_slice(run),
            Piece::End => return input.is_empty().then_some(content),
            Piece::Stray => return None,
        }
    }
}

/// Whatever a peer or a user says is text in a log, and no command to a terminal.
fn nothing_is_shown_raw() -> Result<(), String> {
    let mut shown = Vec::new();
    for octet in 0..=255_u8 {
        let reply = [b"250 x", &[octet][..], b"\x1b[2Jx\r\n"].concat();
        if let Ok(reply) = Reply::parse(&reply) {
            let owned = reply.to_owned();
            shown.extend([format!(
                "{reply} {reply:?} {owned} {owned:?} {:?}",
                Event::Unavailable(reply)
            )]);
        }
        let line = [b"NOOP ", &[octet][..], b"\x1b"].concat();
        let command = Command::parse(&line).map(|command| format!("{command:?}"));
        shown.push(command.unwrap_or_else(|error: ParseError| format!("{error} {error:?}")));
    }
    for address in ["\u{9b}31m@x.test", "\"\u{85}\"@x.test", "a@\u{9d}.test"] {
        if let Ok(mailbox) = address.parse::<MailboxBuf>() {
            shown.push(format!("{mailbox} {mailbox:?} {:?}", mailbox.as_ref().local_part()));
        }
    }
    let raw = shown.iter().find(|text| text.chars().any(char::is_control));
    raw.map_or(Ok(()), |text| Err(format!("shown as {text:?}")))
}

/// A letter in this state.
fn letter(case: &Case<'_>, pre: Pre) -> Result<Session, String> {
    let mut at = case.clone();
    at.pre = pre;
    opened(&at)
}

fn expect(case: &Case<'_>, outcome: &Outcome) -> Result<(), String> {
    case.expected.words.iter().try_for_each(|word| of_word(word, outcome))
}

/// The connection ends in front of each octet of the reply to the content, or is only silent.
fn lost_behind_the_dot(case: &Case<'_>) -> Result<(), String> {
    let reply = b"250 2.0.0 OK\r\n";
    for heard in 0..reply.len() {
        let mut session = letter(case, Pre::CDot)?;
        session.hear(&reply[..heard]);
        match heard % 2 {
            0 => session.end(),
            _ => session.pass(core::time::Duration::from_secs(600)),
        }
        expect(case, &session.take_outcome())?;
    }
    // It is tried again as it was: nothing of it is made anew.
    let mut again = letter(case, Pre::CGroup)?;
    again.hear(b"250 a\r\n250 b\r\n250 c\r\n354 d\r\n");
    let written = again.take_outcome().written;
    if written == [LETTER, b".\r\n"].concat() {
        Ok(())
    } else {
        Err(format!("tried again as \"{}\"", written.escape_ascii()))
    }
}

fn put_off_behind_the_dot(case: &Case<'_>) -> Result<(), String> {
    for code in 400..500 {
        let reply = format!("{code} 4.3.0 Not now\r\n");
        for cut in 0..reply.len() {
            let mut session = letter(case, Pre::CDot)?;
            session.hear(&reply.as_bytes()[..cut]);
            session.hear(&reply.as_bytes()[cut..]);
            expect(case, &session.take_outcome())?;
        }
    }
    Ok(())
}

fn each_by_itself(case: &Case<'_>) -> Result<(), String> {
    let (replies, verdict) = (b"250 a\r\n250 b\r\n550 c\r\n354 d\r\n", b"250 e\r\n");
    for cut in 0..replies.len() {
        let mut session = letter(case, Pre::CGroup)?;
        session.hear(&replies[..cut]);
        session.hear(&replies[cut..]);
        session.hear(verdict);
        expect(case, &session.take_outcome())?;
    }
    Ok(())
}
