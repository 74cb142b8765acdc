//! smtp-proto over std sockets and threads.
//!
//! A [`Session`] is one SMTP session of a server over a [`Socket`]. It does all the reading, writing and waiting, and leaves every
//! decision to its caller:
//!
//! ```no_run
//! use std::error::Error;
//! use std::net::TcpListener;
//! use std::sync::Arc;
//!
//! use smtp_proto::server::{Config, Event};
//! use smtp_proto_blocking::Session;
//!
//! # fn main() -> Result<(), Box<dyn Error>> {
//! let config = Arc::new(Config::new("mx.example.org")?);
//! let (stream, _) = TcpListener::bind("127.0.0.1:2525")?.accept()?;
//! let mut session = Session::new(stream, config);
//! while session.ready()? {
//!     while let Some((event, server)) = session.next() {
//!         match event {
//!             Event::Rcpt { rcpt, pending } if rcpt.to.to_string() == "bob@example.org" => server.accept(pending)?,
//!             Event::Body(octets) => print!("{}", octets.escape_ascii()),
//!             Event::Message { pending, .. } => server.accept(pending)?,
//!             other => server.decline(other),
//!         }
//!     }
//! }
//! # Ok(())
//! # }
//! ```
//!
//! A [`Handler`] is the shorter way: it is asked to decide, and sees no protocol; [`serve`] runs one over a socket. With the feature
//! `testing` there is a `Letterbox`, a server for tests of programs that send mail.
//!
//! Letters are sent by what is in [`client`].
#![forbid(unsafe_code)]

pub mod client;
mod dialogue;
mod handler;
#[cfg(feature = "testing")]
mod letterbox;
mod linger;
mod serve;
mod session;
mod socket;
mod stream;
#[cfg(feature = "rustls")]
pub mod tls;

pub use handler::Handler;
#[cfg(feature = "testing")]
pub use letterbox::{Letter, Letterbox};
pub use serve::serve;
pub use session::Session;
pub use smtp_proto::server::Verdict;
pub use smtp_proto::stock;
pub use socket::Socket;
pub use stream::{Stream, Witness};

/// The examples of the README compile.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
