//! smtp-proto over tokio.
//!
//! A [`Session`] is one SMTP session of a server over any stream. It does all the reading, writing and waiting, and leaves every
//! decision to its caller:
//!
//! ```no_run
//! use std::error::Error;
//! use std::sync::Arc;
//!
//! use smtp_proto::server::{Config, Event};
//! use smtp_proto_tokio::Session;
//! use tokio::net::TcpListener;
//!
//! # async fn serve() -> Result<(), Box<dyn Error>> {
//! let config = Arc::new(Config::new("mx.example.org")?);
//! let (stream, _) = TcpListener::bind("127.0.0.1:2525").await?.accept().await?;
//! let mut session = Session::new(stream, config);
//! while session.ready().await? {
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
//! A [`Handler`] is the shorter way: it is asked to decide, and sees no protocol. A [`Listener`] makes one for each connection, counts
//! and limits them, and shuts down gracefully; [`serve`] runs one over any stream.
//!
//! Letters are sent by what is in [`client`].
#![forbid(unsafe_code)]

mod census;
pub mod client;
mod dialogue;
mod door;
mod handler;
mod linger;
mod link;
mod listener;
mod outlet;
mod peer;
mod serve;
mod session;
mod stop;
mod stream;
#[cfg(feature = "rustls")]
pub mod tls;
mod wait;

#[cfg(unix)]
pub use door::bind_unix;
pub use handler::Handler;
pub use listener::Listener;
pub use peer::{Address, Peer};
pub use serve::serve;
pub use session::Session;
pub use smtp_proto::server::Verdict;
pub use smtp_proto::stock;
pub use stop::Handle;
pub use stream::Stream;

/// The examples of the README compile.
#[cfg(all(doctest, feature = "rustls"))]
#[doc = include_str!("../README.md")]
struct Readme;

/// So do those of the workspace's.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
struct WorkspaceReadme;
