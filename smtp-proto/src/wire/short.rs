//! Text that is kept in place as long as it is short: what one server says of itself mostly is.

use alloc::string::String;
use core::fmt;
use core::hash::{Hash, Hasher};

/// Octets that are kept in place.
const ROOM: usize = 38;

/// Text that grows at its end.
#[derive(Clone)]
pub(super) enum Short {
    Here { octets: [u8; ROOM], len: u8 },
    Heap(String),
}

impl Short {
    pub(super) const NONE: Self = Self::Here { octets: [0; ROOM], len: 0 };

    pub(super) fn as_str(&self) -> &str {
        match self {
            Self::Here { .. } => core::str::from_utf8(self.as_bytes()).unwrap_or_default(),
            Self::Heap(text) => text,
        }
    }

    pub(super) fn as_bytes(&self) -> &[u8] {
        match self {
            Self::Here { octets, len } => octets.get(..usize::from(*len)).unwrap_or_default(),
            Self::Heap(text) => text.as_bytes(),
        }
    }

    pub(super) const fn len(&self) -> usize {
        match self {
            Self::Here { len, .. } => *len as usize,
            Self::Heap(text) => text.len(),
        }
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.len() == 0
    }

    #[inline]
    pub(super) fn push_str(&mut self, text: &str) {
        if let Self::Here { octets, len } = self {
            let start = usize::from(*len);
            if let Some(room) = octets.get_mut(start..).and_then(|room| room.get_mut(..text.len()))
            {
                room.copy_from_slice(text.as_bytes());
                *len = len.wrapping_add(text.len() as u8);
                return;
            }
        }
        self.push_heap(text);
    }

    fn push_heap(&mut self, text: &str) {
        if let Self::Here { .. } = self {
            let mut heap = String::with_capacity(self.len().saturating_add(text.len()));
            heap.push_str(self.as_str());
            *self = Self::Heap(heap);
        }
        if let Self::Heap(heap) = self {
            heap.push_str(text);
        }
    }

    /// The same, letters of US-ASCII in upper case.
    pub(super) fn push_upper(&mut self, text: &str) {
        let from = self.len();
        self.push_str(text);
        match self {
            Self::Here { octets, len } => {
                let text = octets.get_mut(from..usize::from(*len)).unwrap_or_default();
                text.make_ascii_uppercase();
            }
            Self::Heap(text) => {
                if let Some(text) = text.get_mut(from..) {
                    text.make_ascii_uppercase();
                }
            }
        }
    }
}

impl Default for Short {
    fn default() -> Self {
        Self::NONE
    }
}

impl PartialEq for Short {
    fn eq(&self, other: &Self) -> bool {
        self.as_str() == other.as_str()
    }
}

impl Eq for Short {}

impl Hash for Short {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.as_str().hash(state);
    }
}

impl fmt::Debug for Short {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.as_str().fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_the_same_in_place_and_on_the_heap() {
        let (mut short, mut text) = (Short::NONE, String::new());
        for word in
            ["", "plain", " scram-sha-256", " \u{e9}", " login", " more, up to", " the heap"]
        {
            short.push_upper(word);
            text.push_str(&word.to_ascii_uppercase());
            assert_eq!((short.as_str(), short.len()), (&text[..], text.len()));
            assert_eq!(matches!(short, Short::Heap(_)), text.len() > ROOM);
        }
        assert_eq!(short, short.clone());
    }
}
