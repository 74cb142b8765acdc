//! Finds one CRLF line at the front of the input, bounded, and remembers how far it looked; and the same for replies of several lines.
//!
//! Only CRLF ends a line (RFC 5321 2.3.8): a bare CR or LF is an octet of the line like any other, and whoever reads the line refuses it.

use memchr::memchr;

use crate::wire::{ReplyLine, line_break, printable};
use crate::{Code, ParseError, ParseErrorKind, Reply, steps};

/// An over-long line is skipped up to here, with its CRLF; beyond, the peer is no SMTP client.
const SKIP_LIMIT: usize = 64 * 1024;

/// What [`Lines::next`] found.
///
/// ```
/// use smtp_proto::line::{Line, Lines};
///
/// let mut input = &b"NOOP\r\nQUIT\r\n"[..];
/// assert_eq!(Lines::new().next(&mut input, 512), Some(Line::Whole(b"NOOP")));
/// assert_eq!(input, b"QUIT\r\n");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "a line is one of these")]
pub enum Line<'b> {
    /// A line within the limit, without its CRLF.
    Whole(&'b [u8]),
    /// A line over the limit was skipped, its CRLF included.
    TooLong,
    /// A line passed 64 KiB without a CRLF: the frame is lost.
    Endless,
}

/// Finds lines in an input that grows at its end. One of these belongs to one stream.
///
/// Work is linear in the octets, however they are cut: what was searched is not searched again.
///
/// ```
/// use smtp_proto::line::{Line, Lines};
///
/// let mut lines = Lines::new();
/// let mut input = &b"NO"[..];
/// assert_eq!(lines.next(&mut input, 512), None);
/// input = b"NOOP\r\n";
/// assert_eq!(lines.next(&mut input, 512), Some(Line::Whole(b"NOOP")));
/// ```
#[derive(Clone, Debug, Default)]
pub struct Lines {
    /// Octets at the front of the input in which no line ends.
    searched: usize,
    /// Octets of an over-long line that are gone already; 0 outside one.
    skipped: usize,
    /// Whether the last of them was a CR.
    skipped_cr: bool,
}

impl Lines {
    /// A finder at the start of a line.
    #[must_use]
    pub const fn new() -> Self {
        Self { searched: 0, skipped: 0, skipped_cr: false }
    }

    /// Takes the line at the front of `input`; `None` when its end is not there yet. `limit` counts octets with the CRLF.
    ///
    /// Of a line within the limit nothing is taken before it is whole; of one that is over, everything is taken as it comes.
    #[inline]
    pub fn next<'b>(&mut self, input: &mut &'b [u8], limit: usize) -> Option<Line<'b>> {
        if self.skipped > 0 {
            return self.skip(input);
        }
        let whole = *input;
        let window = whole.get(..limit).unwrap_or(whole);
        if let Some(end) = line_end(window, self.searched, false) {
            let (line, rest) = whole.split_at_checked(end)?;
            *input = rest;
            self.searched = 0;
            return line.strip_suffix(b"\r\n").map(Line::Whole);
        }
        if whole.len() < limit {
            self.searched = whole.len();
            return None;
        }
        self.searched = 0;
        self.skip(input)
    }

    /// Whether the front of the input is the middle of an over-long line.
    #[must_use]
    pub const fn is_skipping(&self) -> bool {
        self.skipped > 0
    }

    #[inline(never)]
    fn skip<'b>(&mut self, input: &mut &'b [u8]) -> Option<Line<'b>> {
        let whole = *input;
        let allowance = SKIP_LIMIT.saturating_sub(self.skipped);
        let window = whole.get(..allowance).unwrap_or(whole);
        if let Some(end) = line_end(window, 0, self.skipped_cr) {
            *input = whole.get(end..).unwrap_or_default();
            *self = Self::new();
            return Some(Line::TooLong);
        }
        *input = &[];
        if whole.len() >= allowance {
            *self = Self::new();
            return Some(Line::Endless);
        }
        self.skipped = self.skipped.saturating_add(whole.len());
        self.skipped_cr = whole.last().map_or(self.skipped_cr, |&last| last == b'\r');
        None
    }
}

/// The octets up to the first CRLF, it included, whose LF stands at `from` or behind. `cr`: a CR stands in front of `octets`.
#[inline]
fn line_end(octets: &[u8], mut from: usize, cr: bool) -> Option<usize> {
    loop {
        let tail = octets.get(from..)?;
        let found = memchr(b'\n', tail);
        steps::took(found.unwrap_or(tail.len()));
        let lf = from.saturating_add(found?);
        from = lf.saturating_add(1);
        let before = lf.checked_sub(1).and_then(|before| octets.get(before));
        if before.map_or(cr, |&before| before == b'\r') {
            return Some(from);
        }
    }
}

/// Why octets are no reply.
///
/// ```
/// use smtp_proto::line::{Replies, ReplyLimits};
///
/// let fault = Replies::new().next(&mut &b"25 ok\r\n"[..], &ReplyLimits::default()).unwrap_err();
/// assert_eq!(fault.to_string(), "malformed reply: octet 0: expected a reply code");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[expect(clippy::exhaustive_enums, reason = "a reply is malformed or too long")]
pub enum ReplyFault {
    /// The place is counted from the first octet of the reply.
    #[error("malformed reply: {0}")]
    Malformed(ParseError),
    /// A line, the number of lines or the whole is over its cap.
    #[error("the reply is too long")]
    TooLong,
}

/// What a reply may be at most. RFC 5321 4.5.3.1.5 has 512 octets a line; real servers send more.
///
/// ```
/// assert_eq!(smtp_proto::line::ReplyLimits::default().lines, 128);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ReplyLimits {
    /// Octets of a line with its CRLF, 4096.
    pub line: usize,
    /// Lines, 128.
    pub lines: usize,
    /// Octets of all lines, 64 KiB.
    pub total: usize,
}

impl Default for ReplyLimits {
    fn default() -> Self {
        Self { line: 4096, lines: 128, total: 64 * 1024 }
    }
}

/// Finds whole replies in an input that grows at its end. A reply that drips in octet by octet costs linear time.
///
/// ```
/// use smtp_proto::line::{Replies, ReplyLimits};
///
/// let mut replies = Replies::new();
/// let limits = ReplyLimits::default();
/// let mut input = &b"250-mx.test\r\n250 SI"[..];
/// assert_eq!(replies.next(&mut input, &limits)?, None);
/// input = b"250-mx.test\r\n250 SIZE\r\n";
/// let reply = replies.next(&mut input, &limits)?.expect("it is whole now");
/// assert_eq!(reply.lines().count(), 2);
/// # Ok::<(), smtp_proto::line::ReplyFault>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct Replies {
    /// Octets of the lines that were read, all but the last line of a reply.
    read: usize,
    /// Octets behind them in which no line ends.
    searched: usize,
    lines: usize,
}

impl Replies {
    /// A finder at the start of a reply.
    #[must_use]
    pub const fn new() -> Self {
        Self { read: 0, searched: 0, lines: 0 }
    }

    /// Whether the front of the input is the beginning of a reply that is not whole.
    #[must_use]
    pub const fn is_partial(&self) -> bool {
        self.read > 0 || self.searched > 0
    }

    /// Takes the reply at the front of `input`; `None` when its end is not there yet, and then nothing is taken.
    ///
    /// # Errors
    ///
    /// What stands there is no reply. The error stays: ask no more.
    pub fn next<'b>(
        &mut self,
        input: &mut &'b [u8],
        limits: &ReplyLimits,
    ) -> Result<Option<Reply<'b>>, ReplyFault> {
        let whole = *input;
        if !self.is_partial()
            && let Some((code, behind)) = whole_reply(whole, limits)
        {
            let octets = whole.get(..whole.len().wrapping_sub(behind.len())).unwrap_or_default();
            *input = behind;
            return Ok(Some(Reply::of_lines(code, octets)));
        }
        self.look_closer(input, limits)
    }

    fn look_closer<'b>(
        &mut self,
        input: &mut &'b [u8],
        limits: &ReplyLimits,
    ) -> Result<Option<Reply<'b>>, ReplyFault> {
        let whole = *input;
        let mut rest = whole.get(self.read..).unwrap_or_default();
        // The last octet may be a CR that waited for what follows it.
        let mut from = self.searched.saturating_sub(1);
        loop {
            self.read = whole.len().wrapping_sub(rest.len());
            // What is over a limit is not looked at: it may come later.
            let room = limits.line.min(limits.total.saturating_sub(self.read));
            let window = rest.get(..room).unwrap_or(rest);
            let tail = window.get(from..).unwrap_or_default();
            let at = line_break(tail).map_or(window.len(), |at| from.wrapping_add(at));
            steps::took(at.saturating_sub(from));
            let (line, behind) = window.split_at_checked(at).unwrap_or((window, &[]));
            if matches!(behind, [] | [b'\r']) {
                self.searched = window.len();
                return if window.len() >= room { Err(ReplyFault::TooLong) } else { Ok(None) };
            }
            let last = self.line(whole, line).map_err(ReplyFault::Malformed)?;
            if !behind.starts_with(b"\r\n") {
                let fault = self.fault(at, ParseErrorKind::LineEnd);
                return Err(ReplyFault::Malformed(fault));
            }
            (rest, from) = (rest.get(at.wrapping_add(2)..).unwrap_or_default(), 0);
            self.lines = self.lines.wrapping_add(1);
            if self.lines > limits.lines {
                return Err(ReplyFault::TooLong);
            }
            if last {
                let read = whole.len().wrapping_sub(rest.len());
                let octets = whole.get(..read).unwrap_or_default();
                let code = octets.first_chunk().and_then(|&digits| Code::parse(digits));
                let fault = ParseError::new(0, ParseErrorKind::ReplyCode);
                let code = code.ok_or(ReplyFault::Malformed(fault))?;
                *self = Self::new();
                *input = rest;
                return Ok(Some(Reply::of_lines(code, octets)));
            }
        }
    }

    /// Whether `line`, which stands behind the lines that were read, is the last of the reply.
    #[inline]
    fn line(&self, whole: &[u8], line: &[u8]) -> Result<bool, ParseError> {
        // Behind `250-` stands mostly another `250-`.
        if self.read > 0 && line.first_chunk::<4>() == whole.first_chunk::<4>() {
            return Ok(false);
        }
        let read = ReplyLine::parse(line).map_err(|error| self.fault(error.at, error.kind))?;
        // RFC 5321 4.2.1: the code is the same in each line.
        if whole.get(..3) != line.get(..3) {
            return Err(self.fault(0, ParseErrorKind::MixedCodes));
        }
        Ok(read.last)
    }

    const fn fault(&self, at: usize, kind: ParseErrorKind) -> ParseError {
        ParseError::new(self.read.saturating_add(at), kind)
    }
}

/// A reply that came whole, within its limits and with lines of printable text, which is nearly every one: its code, and what stands
/// behind it. Anything else is looked at closer.
#[inline]
fn whole_reply<'b>(octets: &'b [u8], limits: &ReplyLimits) -> Option<(Code, &'b [u8])> {
    let &[one, two, three, mut separator] = octets.first_chunk()?;
    let code = Code::parse([one, two, three])?;
    let mut rest = octets;
    for _ in 0..limits.lines {
        let at = printable(rest);
        steps::took(at);
        let [b'\r', b'\n', behind @ ..] = rest.get(at..)? else { return None };
        if at.wrapping_add(2) > limits.line {
            return None;
        }
        if separator == b' ' {
            let within = octets.len().wrapping_sub(behind.len()) <= limits.total;
            return within.then_some((code, behind));
        }
        if separator != b'-' {
            return None;
        }
        rest = behind;
        let &[first, second, third, next] = rest.first_chunk()?;
        if [first, second, third] != [one, two, three] {
            return None;
        }
        separator = next;
    }
    None
}

#[cfg(test)]
mod tests {
    use alloc::string::{String, ToString};
    use alloc::vec;
    use alloc::vec::Vec;

    use super::*;

    /// Every line of `octets`, presented in pieces as a driver would.
    fn lines(octets: &[u8], limit: usize, piece: usize) -> Vec<Line<'static>> {
        let (mut finder, mut found, mut kept) = (Lines::new(), Vec::new(), Vec::new());
        for piece in octets.chunks(piece) {
            kept.extend_from_slice(piece);
            let mut input = &kept[..];
            while let Some(line) = finder.next(&mut input, limit) {
                found.push(match line {
                    Line::Whole(line) => Line::Whole(line.to_vec().leak()),
                    Line::TooLong => Line::TooLong,
                    Line::Endless => return [&found[..], &[Line::Endless]].concat(),
                });
            }
            kept = input.to_vec();
            assert!(kept.len() < limit, "no more than a line is kept");
        }
        found
    }

    fn every_cut(octets: &[u8], limit: usize) -> Vec<Line<'static>> {
        let whole = lines(octets, limit, octets.len());
        for piece in [1, 2, 3, 5, 7, 1460] {
            assert_eq!(lines(octets, limit, piece), whole, "pieces of {piece}");
        }
        whole
    }

    #[test]
    fn bare_cr_and_bare_lf_end_no_line() {
        assert_eq!(
            every_cut(b"a\nb\rc\r\r\n\n\r\n\r\n", 64),
            [Line::Whole(b"a\nb\rc\r"), Line::Whole(b"\n"), Line::Whole(b"")]
        );
    }

    #[test]
    fn the_limit_counts_the_crlf() {
        assert_eq!(
            every_cut(b"abc\r\nabcd\r\nab\r\n", 5),
            [Line::Whole(b"abc"), Line::TooLong, Line::Whole(b"ab")]
        );
        assert_eq!(every_cut(b"abcd\r\r\nx\r\n", 5), [Line::TooLong, Line::Whole(b"x")]);
        assert_eq!(every_cut(b"abcdefgh\nij\r\nx\r\n", 5), [Line::TooLong, Line::Whole(b"x")]);
    }

    #[test]
    fn a_line_is_skipped_up_to_64_kib_and_no_further() {
        let line = |length: usize| [&vec![b'a'; length - 2][..], b"\r\nx\r\n"].concat();
        assert_eq!(every_cut(&line(SKIP_LIMIT), 512), [Line::TooLong, Line::Whole(b"x")]);
        assert_eq!(every_cut(&line(SKIP_LIMIT + 1), 512), [Line::Endless]);
        assert_eq!(every_cut(&vec![b'a'; 3 * SKIP_LIMIT], 512), [Line::Endless]);
    }

    #[test]
    fn the_middle_of_an_over_long_line_is_known() {
        let mut lines = Lines::new();
        let mut skips = |mut input: &'static [u8]| (lines.next(&mut input, 5), lines.is_skipping());
        assert_eq!(skips(b"abc"), (None, false));
        assert_eq!(skips(b"abcdef"), (None, true));
        assert_eq!(skips(b"gh\r"), (None, true));
        assert_eq!(skips(b"\nab\r\n"), (Some(Line::TooLong), false));
    }

    /// Every reply of `octets`, shown, and the fault that ends them.
    fn replies(octets: &[u8], piece: usize) -> (Vec<String>, Option<ReplyFault>) {
        let (mut finder, mut found, mut kept) = (Replies::new(), Vec::new(), Vec::new());
        for piece in octets.chunks(piece) {
            kept.extend_from_slice(piece);
            let mut input = &kept[..];
            loop {
                match finder.next(&mut input, &ReplyLimits::default()) {
                    Ok(Some(reply)) => found.push(reply.to_string()),
                    Ok(None) => break,
                    Err(fault) => return (found, Some(fault)),
                }
            }
            kept = input.to_vec();
        }
        (found, None)
    }

    fn every_piece(octets: &[u8]) -> (Vec<String>, Option<ReplyFault>) {
        let whole = replies(octets, octets.len());
        for piece in [1, 2, 3, 5, 1460] {
            assert_eq!(replies(octets, piece), whole, "pieces of {piece}");
        }
        whole
    }

    #[test]
    fn replies_are_found_one_by_one() {
        let (found, fault) = every_piece(b"250-2.1.0 a\r\n250 2.1.0 b\r\n354\r\n250-\r\n250\r\n22");
        assert_eq!(
            (found, fault),
            (vec!["250 2.1.0 a b".into(), "354".into(), "250".into()], None)
        );
    }

    #[test]
    fn a_reply_of_just_the_limit_in_all_is_taken() {
        let octets = b"250-a\r\n250 bc\r\n";
        let within = |total| {
            let limits = ReplyLimits { total, ..ReplyLimits::default() };
            Replies::new().next(&mut &octets[..], &limits).map(|reply| reply.is_some())
        };
        assert_eq!(within(octets.len() + 1), Ok(true));
        assert_eq!(within(octets.len()), Ok(true));
        assert_eq!(within(octets.len() - 1), Err(ReplyFault::TooLong));
    }

    #[test]
    fn what_is_over_the_limit_in_all_is_too_long_though_it_is_malformed() {
        let octets = b"250-a\r\nxyz\r\n";
        let limits = ReplyLimits { total: octets.len() - 1, ..ReplyLimits::default() };
        for piece in 1..=octets.len() {
            let mut replies = Replies::new();
            let mut read = |end| replies.next(&mut &octets[..end], &limits);
            let mut ends = (piece..octets.len()).step_by(piece).chain([octets.len()]);
            let fault = ends.find_map(|end| read(end).err());
            assert_eq!(fault, Some(ReplyFault::TooLong), "pieces of {piece}");
        }
    }

    #[test]
    fn the_beginning_of_a_reply_is_known() {
        let mut replies = Replies::new();
        let mut begun = |mut input: &[u8]| {
            let reply = replies.next(&mut input, &ReplyLimits::default()).unwrap();
            (reply.is_some(), replies.is_partial())
        };
        assert_eq!(begun(b""), (false, false));
        assert_eq!(begun(b"25"), (false, true));
        assert_eq!(begun(b"250-a\r\n"), (false, true));
        assert_eq!(begun(b"250-a\r\n250 b"), (false, true));
        assert_eq!(begun(b"250-a\r\n250 b\r\n25"), (true, false));
    }

    #[test]
    fn what_is_no_reply_is_found_at_the_same_place_however_it_is_cut() {
        use ParseErrorKind as Kind;
        let table: &[(&[u8], usize, Kind)] = &[
            (b"250-a\r\nhello\r\n250 b\r\n", 7, Kind::ReplyCode),
            (b"\r\n250 ok\r\n", 0, Kind::ReplyCode),
            (b"250-a\r\n251 b\r\n", 7, Kind::MixedCodes),
            (b"250 a\rb\r\n", 5, Kind::LineEnd),
            (b"250 a\n250 b\r\n", 5, Kind::LineEnd),
        ];
        for &(octets, at, kind) in table {
            let expected = ReplyFault::Malformed(ParseError::new(at, kind));
            assert_eq!(every_piece(octets), (vec![], Some(expected)));
        }
    }

    #[test]
    fn replies_are_capped_by_line_by_lines_and_in_all() {
        let too_long = (vec![], Some(ReplyFault::TooLong));
        assert_eq!(every_piece(&[&b"250 "[..], &[b'a'; 4090], b"\r\n"].concat()).0.len(), 1);
        assert_eq!(every_piece(&[&b"250 "[..], &[b'a'; 4091], b"\r\n"].concat()), too_long);
        assert_eq!(
            every_piece(&[b"250-\r\n".repeat(127), b"250\r\n".to_vec()].concat()).0.len(),
            1
        );
        assert_eq!(every_piece(&b"250-\r\n".repeat(200)), too_long);
        assert_eq!(
            every_piece(&[&b"250-"[..], &[b'a'; 4000], b"\r\n"].concat().repeat(17)),
            too_long
        );
    }
}
