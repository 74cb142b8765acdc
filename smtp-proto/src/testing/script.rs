//! Dialogues that read like those of the RFCs, played against either machine.
//!
//! ```abnf
//! script    = *( *WSP [ line ] LF )
//! line      = ( "C:" / "S:" ) [ SP ( direction / octets ) ]
//! direction = "<closes>" / "<starts TLS negotiation>" / "<waits " 1*DIGIT " s>" / "<open connection to server>" / "<wait for open connection>"
//! octets    = *( "\x" 2HEXDIG / %x20-7E / UTF8-non-ascii )      ; without the CRLF
//! ```

use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;
use core::time::Duration;

use super::End;
use super::player::{Calling, Player, Serving};
use crate::server::{self, Event, Server};
use crate::{Escaped, client};

/// What an end says, or does.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Line {
    pub(super) end: End,
    /// Octets without the CRLF, or a direction.
    pub(super) text: Vec<u8>,
}

/// What stands in the place of octets.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Direction {
    /// The end says no more.
    Closes,
    /// So much time passes.
    Waits(Duration),
    /// RFC 3207 5: TLS is negotiated. The client's line; it says so by itself where its machine wants to.
    Negotiates,
    /// RFC 2920 5 has the connection in its dialogues: nothing is said.
    Opens,
}

pub(super) const CLOSES: &str = "<closes>";
pub(super) const NEGOTIATES: &str = "<starts TLS negotiation>";

impl Line {
    pub(super) fn direction(&self) -> Option<Direction> {
        let text = core::str::from_utf8(&self.text).ok()?;
        match text {
            CLOSES => Some(Direction::Closes),
            NEGOTIATES => Some(Direction::Negotiates),
            "<open connection to server>" | "<wait for open connection>" => Some(Direction::Opens),
            _ => {
                let seconds = text.strip_prefix("<waits ")?.strip_suffix(" s>")?;
                seconds.parse().ok().map(Duration::from_secs).map(Direction::Waits)
            }
        }
    }

    fn closes(&self) -> bool {
        self.direction() == Some(Direction::Closes)
    }

    /// One line of a script; `None` where it is empty.
    fn parse(line: &str) -> Option<Self> {
        let line = line.trim_start().trim_end_matches('\r');
        let (end, text) = match line.split_at_checked(2) {
            Some(("C:", text)) => (End::Client, text),
            Some(("S:", text)) => (End::Server, text),
            _ => {
                assert!(line.is_empty(), "neither `C:` nor `S:` in front of: {line}");
                return None;
            }
        };
        Some(Self { end, text: unescape(text.strip_prefix(' ').unwrap_or(text)) })
    }
}

/// The two lines are one behind the other in the rules of RFC 5321 appendix D.
impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let side = match self.end {
            End::Client => "C:",
            End::Server => "S:",
        };
        let space = if self.text.is_empty() { "" } else { " " };
        write!(f, "{side}{space}{}", Escaped(&self.text))
    }
}

/// A dialogue: what each end says, line by line, as the RFCs write it down.
///
/// It is played against one machine, and what comes of it is a dialogue again: that of what was really said. What stands next to each
/// other on one side is one write; what the other side says must follow in these octets, in this place.
///
/// ```
/// use std::sync::Arc;
/// use smtp_proto::client;
/// use smtp_proto::server::Config;
/// use smtp_proto::testing::{Script, accept};
///
/// let script = Script::new(
///     "
///     S: 220 mx.test ESMTP
///     C: NOOP
///     S: 250 2.0.0 OK
///     C: QUIT
///     S: 221 2.0.0 Closing
///     ",
/// );
/// script.assert_server(Arc::new(Config::new("mx.test")?), accept);
///
/// let refused = Script::new("S: 554 No service\nC: QUIT\nS: 221 Bye\nC: <closes>");
/// refused.assert_client(Arc::new(client::Config::default()));
/// # Ok::<(), smtp_proto::ParseError>(())
/// ```
///
/// Besides octets a line may hold `<closes>`, where that end says no more, `C: <starts TLS negotiation>`, which always succeeds, and `<waits 300 s>`, where so much time passes; the
/// `<open connection to server>` and `<wait for open connection>` of RFC 2920 say nothing. `\xhh` is an octet that cannot be written
/// otherwise. A line has no CRLF. A close at the very end of a dialogue need not be written.
#[derive(Clone, PartialEq, Eq)]
pub struct Script {
    lines: Vec<Line>,
    piece: usize,
}

impl Script {
    /// Reads a dialogue. Empty lines and white space in front of a line are skipped.
    ///
    /// # Panics
    ///
    /// A line begins with neither `C:` nor `S:`.
    #[must_use]
    pub fn new(text: &str) -> Self {
        Self { lines: text.lines().filter_map(Line::parse).collect(), piece: usize::MAX }
    }

    /// The same dialogue, in which each write arrives in pieces of so many octets, at least 1.
    #[must_use]
    pub fn in_pieces_of(mut self, octets: usize) -> Self {
        self.piece = octets.max(1);
        self
    }

    /// Says the client's lines to a server, whose events `application` answers, and returns what was said.
    ///
    /// # Panics
    ///
    /// The machine never comes to rest.
    #[must_use]
    pub fn against_server(
        &self,
        config: Arc<server::Config>,
        application: impl FnMut(Event<'_>, &mut Server),
    ) -> Self {
        self.played(Serving::new(config, application))
    }

    /// Says the server's lines to a client, which is told to send the client's lines: each by the call that makes it, unless the client
    /// sent it by itself. Returns what was said. A call that is refused is a line `C: <refused: ..>`, an error of the session a line
    /// `C: <fails: ..>`.
    ///
    /// # Panics
    ///
    /// The machine never comes to rest.
    #[must_use]
    pub fn against_client(&self, config: Arc<client::Config>) -> Self {
        self.played(Calling::new(config))
    }

    fn played(&self, mut player: impl Player) -> Self {
        let mut lines = Vec::new();
        player.settle(&mut lines);
        for run in self.lines.chunk_by(|one, next| one.end == next.end) {
            player.play(run, self.piece, &mut lines);
        }
        // A close that the script does not speak of is not compared.
        if !self.lines.last().is_some_and(Line::closes) {
            lines
                .truncate(lines.iter().rposition(|line| !line.closes()).map_or(0, |last| last + 1));
        }
        Self { lines, piece: self.piece }
    }

    /// Asserts that a server says the server's lines, and nothing else.
    ///
    /// # Panics
    ///
    /// It does not; the message shows where the dialogues part.
    #[track_caller]
    pub fn assert_server(
        &self,
        config: Arc<server::Config>,
        application: impl FnMut(Event<'_>, &mut Server),
    ) {
        self.assert_was(&self.against_server(config, application));
    }

    /// Asserts that a client says the client's lines, and nothing else.
    ///
    /// # Panics
    ///
    /// As [`assert_server`](Self::assert_server).
    #[track_caller]
    pub fn assert_client(&self, config: Arc<client::Config>) {
        self.assert_was(&self.against_client(config));
    }

    #[track_caller]
    fn assert_was(&self, played: &Self) {
        if let Some(difference) = self.difference(played) {
            panic!("the dialogue went another way (- expected, + said):\n{difference}");
        }
    }

    /// Both dialogues in one: `-` is in front of lines that only this one has, `+` of those that only `played` has. `None` where they
    /// are the same.
    #[must_use]
    pub fn difference(&self, played: &Self) -> Option<String> {
        use fmt::Write;
        let spoken: Vec<&Line> =
            self.lines.iter().filter(|line| line.direction() != Some(Direction::Opens)).collect();
        let played: Vec<&Line> = played.lines.iter().collect();
        let mut text = String::new();
        for (mark, line) in merged(&spoken, &played) {
            let _ = writeln!(text, "{mark} {line}");
        }
        (spoken != played).then_some(text)
    }
}

impl fmt::Display for Script {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.lines.iter().try_for_each(|line| writeln!(f, "{line}"))
    }
}

impl fmt::Debug for Script {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

/// The application that takes everything: connections, senders, recipients, messages. Queries are declined.
pub fn accept(event: Event<'_>, server: &mut Server) {
    // A token that is late has no answer any more, which is all that can go wrong.
    let _answered = match event {
        Event::Rcpt { pending, .. } => server.accept(pending),
        Event::Message { pending, .. } => server.accept(pending),
        other => {
            server.decline(other);
            Ok(())
        }
    };
}

/// Both lists in one, with as many lines in common as can be.
fn merged<'l>(expected: &[&'l Line], said: &[&'l Line]) -> Vec<(char, &'l Line)> {
    let width = said.len() + 1;
    // How many lines the rests have in common, from each pair of places on.
    let mut common = alloc::vec![0_usize; (expected.len() + 1) * width];
    for one in (0..expected.len()).rev() {
        for other in (0..said.len()).rev() {
            let at = one * width + other;
            common[at] = match expected[one] == said[other] {
                true => common[at + width + 1] + 1,
                false => common[at + width].max(common[at + 1]),
            };
        }
    }
    let (mut one, mut other, mut lines) = (0, 0, Vec::new());
    while one < expected.len() || other < said.len() {
        let at = one * width + other;
        let (mark, line) = match (expected.get(one), said.get(other)) {
            (Some(line), Some(same)) if line == same => (' ', line),
            (Some(line), None) => ('-', line),
            (Some(line), Some(_)) if common[at + width] >= common[at + 1] => ('-', line),
            (_, Some(line)) => ('+', line),
            (None, None) => break,
        };
        one += usize::from(mark != '+');
        other += usize::from(mark != '-');
        lines.push((mark, *line));
    }
    lines
}

/// `\xhh` is the octet; a backslash in front of anything else is one.
fn unescape(text: &str) -> Vec<u8> {
    let (mut rest, mut octets) = (text.as_bytes(), Vec::new());
    while let Some((&octet, behind)) = rest.split_first() {
        let escaped = rest
            .strip_prefix(b"\\x")
            .and_then(|hex| hex.split_at_checked(2))
            .filter(|(hex, _)| hex.iter().all(u8::is_ascii_hexdigit))
            .and_then(|(hex, behind)| Some((core::str::from_utf8(hex).ok()?, behind)))
            .and_then(|(hex, behind)| Some((u8::from_str_radix(hex, 16).ok()?, behind)));
        let (octet, behind) = escaped.unwrap_or((octet, behind));
        octets.push(octet);
        rest = behind;
    }
    octets
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;

    fn server() -> Arc<server::Config> {
        Arc::new(server::Config::new("mx.test").expect("a domain"))
    }

    fn client() -> Arc<client::Config> {
        Arc::new(client::Config::default())
    }

    #[test]
    fn a_script_is_shown_as_it_is_written() {
        let text = "S: 250-a\nS: 250 \\x1b\\xff\nC:\nC:  two spaces\nC: \\y \\x4\nS: <closes>\n";
        assert_eq!(Script::new(text).to_string(), text);
        assert_eq!(Script::new("\n  C: a\\x62\r\n\tS: b\n"), Script::new("C: ab\nS: b"));
    }

    #[test]
    #[should_panic(expected = "neither `C:` nor `S:` in front of: D: x")]
    fn a_line_of_nobody_is_no_script() {
        let _ = Script::new("C: x\nD: x");
    }

    #[test]
    fn the_difference_shows_where_dialogues_part() {
        let script = Script::new(
            "S: 220 mx.test ESMTP\nC: NOOP\nS: 250 OK\nC: HELP\nS: 250 more\nC: QUIT\nS: 221 2.0.0 Closing",
        );
        let difference = script.difference(&script.against_server(server(), accept));
        let expected = "  S: 220 mx.test ESMTP\n  C: NOOP\n- S: 250 OK\n+ S: 250 2.0.0 OK\n  C: HELP\n- S: 250 more\n+ S: 214 2.0.0 See RFC 5321\n  C: QUIT\n  S: 221 2.0.0 Closing\n";
        assert_eq!(difference.as_deref(), Some(expected));
        assert_eq!(script.difference(&script), None);
    }

    #[test]
    fn what_an_end_says_too_much_or_not_at_all_is_a_difference() {
        let early = Script::new("S: 220 mx.test ESMTP\nS: 250 2.0.0 OK\nC: NOOP\nC: QUIT\nC: NOOP");
        assert_eq!(
            early.against_server(server(), accept).to_string(),
            "S: 220 mx.test ESMTP\nC: NOOP\nC: QUIT\nC: NOOP\nS: 250 2.0.0 OK\nS: 221 2.0.0 Closing\n"
        );
        let silent = Script::new("C: EHLO c.test\nS: 220 a\nC: NOOP");
        assert_eq!(
            silent.against_client(client()).to_string(),
            "S: 220 a\nC: EHLO c.test\nC: <refused: the server has to answer first>\n"
        );
    }

    #[test]
    fn time_passes_where_an_end_waits() {
        let idle = "S: 220 mx.test ESMTP\nC: <waits 299 s>\nC: NOOP\nS: 250 2.0.0 OK\nC: <waits 300 s>\nS: 421 4.4.2 Too slow, closing\nS: <closes>";
        Script::new(idle).assert_server(server(), accept);
        let slow = "S: <waits 299 s>\nS: 220-a\nS: <waits 1 s>\nC: <fails: the server took too long>\nC: <closes>";
        Script::new(slow).assert_client(client());
    }

    #[test]
    fn an_end_that_closes_is_served_out() {
        let client_closes =
            "S: 220 mx.test ESMTP\nC: NOOP\nC: <closes>\nS: 250 2.0.0 OK\nS: <closes>";
        Script::new(client_closes).assert_server(server(), accept);
        let server_closes = "S: 220 mx.test\nC: EHLO c.test\nS: <closes>\nC: <fails: the connection was closed>\nC: <closes>";
        Script::new(server_closes).assert_client(client());
    }

    #[test]
    fn an_application_may_answer_in_its_own_way() {
        let script = "S: 220 mx.test ESMTP\nC: EHLO c.test\nS: 550 5.7.1 Not you\nC: QUIT\nS: 221 2.0.0 Closing";
        Script::new(script).in_pieces_of(3).assert_server(server(), |event, server| match event {
            Event::Hello { pending, .. } => {
                let reply = crate::Reply::new(
                    crate::Code::MAILBOX_UNAVAILABLE,
                    crate::EnhancedCode::parse(b"5.7.1"),
                    "Not you",
                );
                server.reply(pending, &reply).expect("a refusal suits a hello");
            }
            other => accept(other, server),
        });
    }
}
