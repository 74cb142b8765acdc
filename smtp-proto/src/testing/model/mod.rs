//! Bounded model checking: every short sequence of inputs, over the real machine and over a reference in the simplest words.
//!
//! An input is a line of the peer with what the application answers about it, an answer that comes later, a time-out, or the end. The
//! reference is a table of state and verb, written from RFC 5321 4.1.4 and 4.3.2, and shares no code with the machine. Both are given
//! the same inputs, and after each the same must be seen: which questions are asked, which replies leave and in which order, whether an
//! answer was taken, and whether the session is over. For a [`Client`] an input is a call of its application or a line of the server.
//!
//! There are two searches. [`plain`](Server::plain) runs every sequence by itself. [`merged`](Server::merged) takes two sequences for
//! one where they bring the machine to the same position: then no input can tell them apart any more, since the position is all that
//! the machine goes by. So it reaches much deeper, and what it skips is counted.
//!
//! ```
//! use smtp_proto::testing::model::Server;
//!
//! let report = Server::smtp().merged(2)?;
//! assert!(report.sequences > 1_000);
//! # Ok::<(), smtp_proto::testing::model::Disagreement>(())
//! ```

mod alphabet;
mod client;
mod coverage;
mod graph;
mod real;
mod reference;
mod search;
mod table;

pub use client::Client;
pub use search::{Disagreement, Report, Server};
