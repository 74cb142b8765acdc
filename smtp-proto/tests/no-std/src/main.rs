//! The core without std, in a program that has its own panic handler and its own allocator.
//!
//! Whatever brings std in brings a second panic handler, and two of them do not compile. The program serves one
//! session and ends with 0 where each reply was the right one.

#![no_std]
#![no_main]

extern crate alloc;

use alloc::sync::Arc;
use core::alloc::{GlobalAlloc, Layout};
use core::ffi::c_int;
use core::panic::PanicInfo;

use smtp_proto::Command;
use smtp_proto::server::{Config, Event, Server};

#[link(name = "c")]
unsafe extern "C" {
    fn abort() -> !;
    fn aligned_alloc(alignment: usize, octets: usize) -> *mut u8;
    fn free(memory: *mut u8);
}

struct Heap;

// SAFETY: C17 7.22.3.1: the size is a multiple of the alignment, which is a power of two.
unsafe impl GlobalAlloc for Heap {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        unsafe { aligned_alloc(layout.align(), layout.pad_to_align().size()) }
    }

    unsafe fn dealloc(&self, memory: *mut u8, _: Layout) {
        unsafe { free(memory) }
    }
}

#[global_allocator]
static HEAP: Heap = Heap;

#[panic_handler]
fn panic(_: &PanicInfo<'_>) -> ! {
    unsafe { abort() }
}

/// What unwinding would call: the prebuilt alloc refers to it, though nothing here unwinds.
#[unsafe(no_mangle)]
extern "C" fn rust_eh_personality() {}

#[unsafe(no_mangle)]
extern "C" fn main() -> c_int {
    let parsed =
        matches!(Command::parse(b"MAIL FROM:<alice@client.example>"), Ok(Command::Mail(_)));
    c_int::from(!(parsed && serves_a_session()))
}

fn serves_a_session() -> bool {
    let Ok(config) = Config::new("server.example") else {
        return false;
    };
    let mut server = Server::new(Arc::new(config));
    let mut input: &[u8] = b"";
    while let Some(event) = server.next(&mut input) {
        answer(&mut server, event);
    }
    server.outgoing().starts_with(b"220 ")
}

fn answer(server: &mut Server, event: Event<'_>) {
    server.decline(event);
}
