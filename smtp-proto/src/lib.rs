//! A sans-IO SMTP core: the parsers, the serialisers and the client and server state machines, without a socket, a clock or a thread.
//!
//! Octets go in as slices, events come out and borrow from them; decisions go in, octets to be sent come out. Whoever has a socket drives
//! a machine by one loop: *call `next` until it says `None`, then do the one thing that `wants` says, then again.*
//!
//! ```
//! use std::sync::Arc;
//! use smtp_proto::server::{Config, Event, Server, Wants};
//!
//! let mut server = Server::new(Arc::new(Config::new("mx.example.test")?));
//! let mut sent = Vec::new();
//! // What a client that waits for each reply would send.
//! for part in ["", "EHLO c.test\r\n", "MAIL FROM:<a@x.test>\r\nRCPT TO:<bob@y.test>\r\nDATA\r\n", "Hello\r\n.\r\n", "QUIT\r\n"] {
//!     let mut input = part.as_bytes();
//!     while let Some(event) = server.next(&mut input) {
//!         match event {
//!             Event::Rcpt { rcpt, pending } if rcpt.to.to_string().starts_with("bob@") => server.accept(pending)?,
//!             Event::Body(octets) => assert_eq!(octets, b"Hello\r\n"),
//!             Event::Message { pending, .. } => server.accept(pending)?, // it is safe now
//!             other => server.decline(other),
//!         }
//!     }
//!     sent.extend_from_slice(server.outgoing());
//!     server.sent(server.outgoing().len());
//! }
//! assert!(String::from_utf8(sent)?.ends_with("250 2.0.0 Message accepted\r\n221 2.0.0 Closing\r\n"));
//! assert_eq!(server.wants(), Wants::Close);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Where things are
//!
//! | module | what |
//! |---|---|
//! | [`wire`] | values and their grammar: commands, replies, addresses, parameters. All of it is also here at the root |
//! | [`mod@line`] | finds lines and replies in an input that grows |
//! | [`data`] | the content of a message: its one end, dots, stray newlines |
//! | [`server`] | the receiving machine |
//! | [`client`] | the sending machine |
//! | [`delivery`] | one letter to many recipients over a client: the fate of each, exactly once |
//! | [`sasl`] | what is said in the exchange of AUTH, for both sides |
//! | [`report`] | trace fields and delivery reports as text |
//! | [`stock`] | replies that a server gives often |
//! | [`manual`] | where a feature of yours goes |
//!
//! [`Inbox`] is the read buffer that every driver needs, [`Countdown`] its time without a clock.
//!
//! # Features
//!
//! `std` (default) adds run-time AVX2 to the search for line ends. `testing` adds what tests are made of. Without `std` the crate needs
//! `alloc` and atomics. No feature changes behaviour.
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
pub mod manual;
pub mod report;
pub mod sasl;
pub mod server;
mod steps;
pub mod stock;
#[cfg(feature = "testing")]
pub mod testing;
mod tls;
pub mod wire;

pub use countdown::{Countdown, Timer, TimerId};
pub use inbox::Inbox;
pub use tls::{TlsFault, TlsInfo};
pub use wire::*;
