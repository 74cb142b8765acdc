//! What a test of a mail program needs from the protocol's side: the wire cases, dialogues, and both machines over a bad network.
//!
//! This is the feature `testing`. Nothing of it is part of a server or a client; it is public so that whoever drives the machines in
//! their own way can replay the same cases over their own sockets.
//!
//! * [`cases`]: what a peer may send and what must come of it, as data.
//! * [`Script`]: a dialogue that reads like those of the RFCs, played against a server or a client.
//! * [`model`]: every short sequence of inputs, against a reference in the simplest words.
//! * [`naive`]: a second parser for each production, to compare the parsers with.
//! * [`steps`]: what a piece of work costs, counted and not timed.
//! * [`Pair`]: our client against our server, over a network that a seed makes as bad as networks are.
//!
//! ```
//! use smtp_proto::testing::cases::{cases, Then};
//!
//! let rows = cases().filter(|case| case.then == Some(Then::Close)).count();
//! assert!(rows > 50);
//! ```

#![expect(
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    reason = "what tests are made of: a panic is a test that fails"
)]

mod alarm;
pub mod cases;
mod desk;
mod dialogue;
mod end;
mod faults;
pub mod fuzz;
mod handshake;
mod invariants;
pub mod model;
pub mod naive;
mod network;
mod pair;
mod player;
mod receiver;
mod rng;
mod script;
mod sender;
mod story;

pub use crate::steps::steps;
pub use end::End;
pub use faults::{Ending, Faults};
pub use pair::{Letter, Pair};
pub use script::{Script, accept};
pub use story::{Seen, Stored, Story};
