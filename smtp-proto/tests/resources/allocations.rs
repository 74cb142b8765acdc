//! A counting allocator: how often one thread asked for heap, how much it holds, and held at most.

use core::alloc::{GlobalAlloc, Layout};
use core::cell::Cell;
use std::alloc::System;

#[global_allocator]
static COUNTING: Counting = Counting;

thread_local! {
    static ASKED: Cell<usize> = const { Cell::new(0) };
    static HELD: Cell<isize> = const { Cell::new(0) };
    static PEAK: Cell<isize> = const { Cell::new(0) };
    static SECRET: Cell<&'static [u8]> = const { Cell::new(b"") };
    static SPILT: Cell<usize> = const { Cell::new(0) };
}

struct Counting;

// SAFETY: every call is handed on to the system's allocator as it came; counting allocates nothing.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let _ = ASKED.try_with(|asked| asked.set(asked.get() + 1));
        count(layout.size().cast_signed());
        // SAFETY: the caller's promise, handed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        count(-layout.size().cast_signed());
        let sought = SECRET.try_with(Cell::get).unwrap_or_default();
        // SAFETY: the block is the caller's up to here. What was never written is read too, octet by octet, and only compared.
        if !sought.is_empty() && unsafe { holds(block, layout.size(), sought) } {
            let _ = SPILT.try_with(|spilt| spilt.set(spilt.get() + 1));
        }
        // SAFETY: the caller's promise, handed on.
        unsafe { System.dealloc(block, layout) }
    }
}

/// A thread that ends has no counters any more.
fn count(octets: isize) {
    let _ = HELD.try_with(|held| {
        held.set(held.get() + octets);
        let _ = PEAK.try_with(|peak| peak.set(peak.get().max(held.get())));
    });
}

/// What `work` did to the heap.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Heap {
    /// How often it asked for a block.
    pub(crate) asked: usize,
    /// Octets that are held still.
    pub(crate) held: isize,
    /// Octets that were held at most.
    pub(crate) peak: isize,
}

pub(crate) fn heap<T>(work: impl FnOnce() -> T) -> (T, Heap) {
    let (asked, held) = (ASKED.get(), HELD.get());
    PEAK.set(held);
    let result = work();
    let heap =
        Heap { asked: ASKED.get() - asked, held: HELD.get() - held, peak: PEAK.get() - held };
    (result, heap)
}

/// How many blocks `work` gave back with `secret` in them.
pub(crate) fn spilt(secret: &'static [u8], work: impl FnOnce()) -> usize {
    SPILT.set(0);
    SECRET.set(secret);
    work();
    SECRET.set(b"");
    SPILT.get()
}

/// # Safety
///
/// `block` has `octets` octets.
unsafe fn holds(block: *const u8, octets: usize, sought: &[u8]) -> bool {
    // SAFETY: `at` is below `octets`.
    let octet = |at: usize| unsafe { block.add(at).read_volatile() };
    (0..=octets.saturating_sub(sought.len()))
        .take_while(|_| octets >= sought.len())
        .any(|start| sought.iter().zip(start..).all(|(&sought, at)| octet(at) == sought))
}
