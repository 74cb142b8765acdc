//! The read buffer that every driver needs: bounded, wiped on demand, given back when idle.

use core::{fmt, mem};

use bytes::BytesMut;

/// The least room that is made for a read, in octets.
const ROOM: usize = 4096;

/// Octets that were read and not taken yet, and the room for the next read.
///
/// ```
/// use smtp_proto::Inbox;
///
/// let mut inbox = Inbox::new(1024);
/// let room = inbox.space().expect("it is empty");
/// room[..6].copy_from_slice(b"NOOP\r\n");
/// inbox.filled(6);
/// inbox.feed(|input| {
///     assert_eq!(*input, b"NOOP\r\n");
///     *input = &input[6..];
/// });
/// assert!(inbox.is_empty());
/// ```
#[derive(Default)]
pub struct Inbox {
    octets: BytesMut,
    /// What was read and not taken: `octets[start..end]`.
    start: usize,
    end: usize,
    limit: usize,
    ended: bool,
}

impl Inbox {
    /// An inbox that keeps at most `limit` octets; it allocates nothing before the first read.
    #[must_use]
    pub fn new(limit: usize) -> Self {
        Self { octets: BytesMut::new(), start: 0, end: 0, limit, ended: false }
    }

    /// Room for the next read, never empty. `None` when the inbox is full or the end was read: then do not read, since a read into
    /// nothing looks like the end.
    pub fn space(&mut self) -> Option<&mut [u8]> {
        let kept = self.end.saturating_sub(self.start);
        if self.ended || kept >= self.limit {
            return None;
        }
        if self.octets.len().saturating_sub(self.end) < ROOM.min(self.limit.saturating_sub(kept)) {
            let length = kept.saturating_add(ROOM).max(self.octets.len()).min(self.limit);
            self.move_to_front();
            self.grow(length);
        }
        self.octets.get_mut(self.end..)
    }

    /// Says that a read put `octets` octets into [`space`](Self::space); 0 is the end of the input.
    pub fn filled(&mut self, octets: usize) {
        self.ended |= octets == 0;
        self.end = self.end.saturating_add(octets).min(self.octets.len());
        // A buffer that a read filled is too small for this peer.
        if self.end == self.octets.len() && self.octets.len() < self.limit {
            self.grow(self.octets.len().saturating_mul(2).min(self.limit));
        }
    }

    fn move_to_front(&mut self) {
        let kept = self.end.saturating_sub(self.start);
        self.octets.copy_within(self.start..self.end, 0);
        (self.start, self.end) = (0, kept);
    }

    /// Makes the buffer this long. Where that takes another block the old one is overwritten first: there may be a password in it.
    fn grow(&mut self, length: usize) {
        if length > self.octets.capacity() {
            let mut larger = BytesMut::zeroed(length);
            if let Some(room) = larger.get_mut(..self.octets.len()) {
                room.copy_from_slice(&self.octets);
            }
            let mut old = mem::replace(&mut self.octets, larger);
            overwrite(&mut old);
        }
        self.octets.resize(length, 0);
    }

    /// Puts octets that were read elsewhere behind those that are kept; what exceeds the limit is left out. Returns how many were taken.
    pub fn push(&mut self, octets: &[u8]) -> usize {
        let mut left = octets;
        while let Some(room) = self.space().filter(|_| !left.is_empty()) {
            let count = room.len().min(left.len());
            let (Some(room), Some((now, later))) =
                (room.get_mut(..count), left.split_at_checked(count))
            else {
                break;
            };
            room.copy_from_slice(now);
            self.filled(count);
            left = later;
        }
        octets.len().saturating_sub(left.len())
    }

    /// Lends what is kept to `take`, which moves the front of the slice past what it takes.
    pub fn feed<'a, R>(&'a mut self, take: impl FnOnce(&mut &'a [u8]) -> R) -> R {
        let Self { octets, start, end, .. } = self;
        let mut input: &'a [u8] = octets.get(*start..*end).unwrap_or_default();
        let result = take(&mut input);
        *start = end.saturating_sub(input.len());
        result
    }

    /// What is kept.
    #[must_use]
    pub fn kept(&self) -> &[u8] {
        self.octets.get(self.start..self.end).unwrap_or_default()
    }

    /// Whether nothing is kept.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.start == self.end
    }

    /// Whether the end of the input was read.
    #[must_use]
    pub const fn ended(&self) -> bool {
        self.ended
    }

    /// Overwrites what was taken, after a secret passed through.
    pub fn wipe(&mut self) {
        overwrite(self.octets.get_mut(..self.start).unwrap_or_default());
        overwrite(self.octets.get_mut(self.end..).unwrap_or_default());
    }

    /// Gives the memory back where nothing is kept: what an idle connection does before it waits.
    pub fn release(&mut self) {
        if self.is_empty() {
            self.octets = BytesMut::new();
            (self.start, self.end) = (0, 0);
        }
    }

    /// For I/O that owns its buffers: what is kept, with room behind it for a read. `None` as [`space`](Self::space) says it. The inbox
    /// is empty until [`give`](Self::give).
    pub fn lend(&mut self) -> Option<BytesMut> {
        let kept = self.end.saturating_sub(self.start);
        if self.ended || kept >= self.limit {
            return None;
        }
        self.move_to_front();
        overwrite(self.octets.get_mut(kept..).unwrap_or_default());
        self.grow(kept.saturating_add(ROOM).max(self.octets.len()).min(self.limit));
        let mut buffer = mem::take(&mut self.octets);
        buffer.truncate(kept);
        (self.start, self.end) = (0, 0);
        Some(buffer)
    }

    /// Takes the buffer of [`lend`](Self::lend) back; what is in it is kept, up to the limit. Of a read that brought nothing tell
    /// [`filled`](Self::filled) too: it is the end.
    pub fn give(&mut self, mut buffer: BytesMut) {
        buffer.truncate(self.limit);
        (self.start, self.end) = (0, buffer.len());
        self.octets = buffer;
    }
}

/// Puts zeros in the place of what may be a secret, in so far as safe code can.
pub(crate) fn overwrite(octets: &mut [u8]) {
    octets.fill(0);
    // That nobody reads them is no reason to leave it out.
    core::hint::black_box(octets);
}

/// How much is in it, and nothing of what: there may be a password.
impl fmt::Debug for Inbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Inbox")
            .field("kept", &self.kept().len())
            .field("limit", &self.limit)
            .field("ended", &self.ended)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn space_is_never_empty_and_ends_at_the_limit() {
        let mut inbox = Inbox::new(10_000);
        let mut read = 0;
        while let Some(room) = inbox.space() {
            assert!(!room.is_empty());
            let count = room.len().min(999);
            inbox.filled(count);
            read += count;
        }
        assert_eq!((read, inbox.kept().len()), (10_000, 10_000));
    }

    #[test]
    fn after_the_end_there_is_no_space() {
        let mut inbox = Inbox::new(100);
        assert!(inbox.space().is_some());
        inbox.filled(0);
        assert!(inbox.ended() && inbox.space().is_none());
    }

    #[test]
    fn what_is_not_taken_is_presented_again_in_front() {
        let mut inbox = Inbox::new(100);
        assert_eq!(inbox.push(b"abcdef"), 6);
        inbox.feed(|input| *input = &input[4..]);
        assert_eq!(inbox.push(b"gh"), 2);
        assert_eq!(inbox.kept(), b"efgh");
        assert_eq!(inbox.push(&[0; 200]), 96);
    }

    #[test]
    fn release_and_wipe_leave_what_is_kept() {
        let mut inbox = Inbox::new(100);
        inbox.push(b"secret kept");
        inbox.feed(|input| *input = &input[7..]);
        inbox.wipe();
        inbox.release();
        assert_eq!((inbox.kept(), &inbox.octets[..7]), (&b"kept"[..], &[0; 7][..]));
        inbox.feed(|input| *input = &[]);
        inbox.release();
        assert_eq!(inbox.octets.capacity(), 0);
    }

    #[test]
    fn a_password_is_not_shown() {
        let mut inbox = Inbox::new(100);
        inbox.push(b"AUTH PLAIN AHRpbQB0YW5zdGFhZg==");
        let shown = alloc::format!("{inbox:?}");
        assert_eq!(shown, "Inbox { kept: 31, limit: 100, ended: false, .. }");
    }

    #[test]
    fn a_lent_buffer_comes_back_whole() {
        let mut inbox = Inbox::new(100);
        inbox.push(b"NO");
        let mut buffer = inbox.lend().unwrap();
        assert!(buffer.capacity() > buffer.len());
        buffer.extend_from_slice(b"OP\r\n");
        inbox.give(buffer);
        assert_eq!(inbox.kept(), b"NOOP\r\n");
        inbox.feed(|input| *input = &input[4..]);
        inbox.push(b"x");
        assert_eq!(inbox.kept(), b"\r\nx");
    }
}
