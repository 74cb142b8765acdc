//! Replies: found in an input that grows, read, and written anew.

use alloc::string::{String, ToString};
use alloc::vec::Vec;

use super::input::{Choices, pieces};
use super::tokens::any_reply;
use crate::line::{Replies, ReplyFault, ReplyLimits};
use crate::{Code, Extensions, Reply};

/// Octets of a reply line that is sent, its CRLF included (RFC 5321 4.5.3.1.5).
const LINE: usize = 512;

/// Replies of a server: where the octets are cut changes neither the replies that are found nor the fault behind them, and a reply that is
/// written anew is well-formed, whatever came. The first octets of `data` say where it is cut and what is built, the rest is the input.
///
/// ```
/// smtp_proto::testing::fuzz::reply(b"\0\x03\x11\x28250-a\r\n250 b\r\n");
/// ```
///
/// # Panics
///
/// When this does not hold.
pub fn reply(data: &[u8]) {
    let Some((&[how, ref cuts @ ..], octets)) = data.split_first_chunk::<4>() else { return };
    let mut limits = ReplyLimits::default();
    if how & 1 == 1 {
        (limits.line, limits.lines, limits.total) = (30, 3, 70);
    }
    let whole = found(&[octets], &limits);
    for pieces in [octets.chunks(1).collect(), pieces(octets, cuts)] {
        assert_eq!(found(&pieces, &limits), whole, "{pieces:?}");
    }
    let mut choices = Choices::new(octets);
    let built = any_reply(&mut choices);
    written(&built);
    if let Ok(text) = core::str::from_utf8(choices.rest()) {
        written(&Reply::new(built.code(), built.enhanced(), text));
    }
}

/// Every reply, as it is written anew, and the fault behind them.
fn found(pieces: &[&[u8]], limits: &ReplyLimits) -> (Vec<(String, Vec<u8>)>, Option<ReplyFault>) {
    let (mut finder, mut replies, mut kept) = (Replies::new(), Vec::new(), Vec::new());
    for piece in pieces {
        kept.extend_from_slice(piece);
        let mut input = &kept[..];
        loop {
            let before = input;
            match finder.next(&mut input, limits) {
                Ok(Some(reply)) => {
                    let octets = &before[..before.len() - input.len()];
                    assert_eq!(Reply::parse(octets), Ok(reply));
                    replies.push((reply.to_string(), written(&reply)));
                }
                Ok(None) => break,
                Err(fault) => return (replies, Some(fault)),
            }
        }
        assert!(input.len() < limits.total + limits.line, "{} octets are kept", input.len());
        kept = input.to_vec();
    }
    (replies, None)
}

/// The reply as it is sent: one reply of the same code, in lines that are short and printable, and the same however often it is sent on.
fn written(reply: &Reply<'_>) -> Vec<u8> {
    let mut wire = Vec::new();
    reply.encode(&mut wire);
    let read =
        Reply::parse(&wire).unwrap_or_else(|error| panic!("{error}: {}", wire.escape_ascii()));
    assert_eq!(read.code(), reply.code());
    let lines = wire.split_inclusive(|octet| *octet == b'\n');
    for line in lines {
        let text = line.strip_suffix(b"\r\n").unwrap_or_else(|| panic!("{}", wire.escape_ascii()));
        assert!(line.len() <= LINE, "{} octets", line.len());
        assert!(text.iter().all(|octet| (b' '..=b'~').contains(octet) || *octet == b'\t'));
    }
    let again = anew(&wire);
    assert_eq!(anew(&again).escape_ascii().to_string(), again.escape_ascii().to_string());
    offered_again(&read);
    wire
}

/// What is read and written again. An enhanced code that stood in a text is one from then on, and stands in every line.
fn anew(wire: &[u8]) -> Vec<u8> {
    let mut again = Vec::new();
    let read =
        Reply::parse(wire).unwrap_or_else(|error| panic!("{error}: {}", wire.escape_ascii()));
    read.encode(&mut again);
    again
}

/// What a reply to EHLO offers is what is read again where it is offered.
fn offered_again(reply: &Reply<'_>) {
    let offered = Extensions::from_reply(reply);
    let mut text = String::from("x.test");
    offered.write_lines(&mut text).expect("a String takes any text");
    if text.lines().all(|line| line.len() < LINE - 6) {
        let mut wire = Vec::new();
        Reply::new(Code::OK, None, &text).encode(&mut wire);
        assert_eq!(Reply::parse(&wire).map(|read| Extensions::from_reply(&read)), Ok(offered));
    }
}
