//! What a test of a mail program needs from the protocol's side: for now the wire cases, as data.
//!
//! This is the feature `testing`. Nothing of it is part of a server or a client; it is public so that whoever drives the machines in
//! their own way can replay the same cases over their own sockets.
//!
//! ```
//! use smtp_proto::testing::cases::{cases, Then};
//!
//! let rows = cases().filter(|case| case.then == Some(Then::Close)).count();
//! assert!(rows > 50);
//! ```

pub mod cases;
