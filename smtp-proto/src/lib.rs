//! A sans-IO SMTP core.
#![no_std]
#![forbid(unsafe_code)]
#![warn(clippy::indexing_slicing, clippy::arithmetic_side_effects)]
#![cfg_attr(test, allow(clippy::indexing_slicing, clippy::arithmetic_side_effects))]

extern crate alloc;
#[cfg(any(feature = "std", test))]
extern crate std;

pub mod client;
mod countdown;
pub mod data;
pub mod delivery;
mod inbox;
pub mod line;
pub mod server;
#[cfg(feature = "testing")]
pub mod testing;
pub mod wire;

pub use countdown::{Countdown, Timer, TimerId};
pub use inbox::Inbox;
pub use wire::*;
