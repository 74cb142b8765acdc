//! A runtime of one's own: one thread, std alone, any number of sessions.
//!
//!     cargo run -p smtp-proto --example own_runtime
//!
//! listens on 127.0.0.1:2525 and prints the letters that it gets. Everything that a driver has to do stands in `Connection`: a loop
//! around `wants`, time-outs included. Put your event loop where this one sleeps a millisecond.

use core::error::Error;
use core::time::Duration;
use std::io::{self, ErrorKind, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::Arc;
use std::thread::sleep;
use std::time::Instant;

use smtp_proto::server::{Config, Event, Server, Wants};
use smtp_proto::{Countdown, Inbox};

fn main() -> Result<(), Box<dyn Error>> {
    let config = Arc::new(Config::new("localhost")?);
    let listener = TcpListener::bind("127.0.0.1:2525")?;
    println!("listening on smtp {}", listener.local_addr()?);
    serve(&listener, &config, print)?;
    Ok(())
}

/// Serves every connection, each a turn at a time, until the listener fails.
pub(crate) fn serve(
    listener: &TcpListener,
    config: &Arc<Config>,
    mut handle: impl FnMut(Event<'_>, &mut Server),
) -> io::Result<()> {
    listener.set_nonblocking(true)?;
    let mut connections = Vec::new();
    loop {
        match listener.accept() {
            Ok((stream, _)) => connections.push(Connection::new(stream, config)?),
            Err(error) if error.kind() == ErrorKind::WouldBlock => sleep(Duration::from_millis(1)),
            Err(error) => return Err(error),
        }
        connections.retain_mut(|connection| connection.turn(&mut handle).unwrap_or(false));
    }
}

/// Accepts every letter and prints it.
fn print(event: Event<'_>, server: &mut Server) {
    let answered = match event {
        Event::Rcpt { pending, .. } => server.accept(pending),
        Event::Message { pending, .. } => server.accept(pending),
        Event::Body(octets) => {
            print!("{}", String::from_utf8_lossy(octets));
            Ok(())
        }
        other => {
            server.decline(other);
            Ok(())
        }
    };
    answered.expect("an answer that is given at once is in time");
}

/// One session on a socket that never blocks.
struct Connection {
    stream: TcpStream,
    server: Server,
    inbox: Inbox,
    countdown: Countdown,
    /// When the last turn ended.
    since: Instant,
    /// Since when, and how many octets more, it is read on after the end.
    closing: Option<(Instant, usize)>,
}

impl Connection {
    fn new(stream: TcpStream, config: &Arc<Config>) -> io::Result<Self> {
        stream.set_nonblocking(true)?;
        let (server, inbox) = (Server::new(Arc::clone(config)), config.inbox());
        let (countdown, since) = (Countdown::new(), Instant::now());
        Ok(Self { stream, server, inbox, countdown, since, closing: None })
    }

    /// Does what can be done now. Whether the session goes on.
    fn turn(&mut self, mut handle: impl FnMut(Event<'_>, &mut Server)) -> io::Result<bool> {
        self.countdown.waited(self.since.elapsed());
        loop {
            while let Some(event) = self.inbox.feed(|input| self.server.next(input)) {
                handle(event, &mut self.server);
            }
            let wants = self.server.wants();
            let progress = match wants {
                Wants::Next => true,
                Wants::Flush(_) => self.write()? || self.read()?,
                Wants::Read(_) | Wants::Answer(_) => self.read()?,
                // This server has no TLS, and offers none.
                Wants::Tls(_) => return Ok(false),
                Wants::Close => return self.close(),
            };
            match wants.timer() {
                _ if progress => {}
                Some(timer) if self.countdown.left(timer).is_zero() => {
                    self.server.timed_out(timer.id)
                }
                _ => {
                    self.since = Instant::now();
                    return Ok(true);
                }
            }
        }
    }

    fn write(&mut self) -> io::Result<bool> {
        let octets = now(self.stream.write(self.server.outgoing()))?;
        self.server.sent(octets.unwrap_or(0));
        Ok(octets.is_some())
    }

    fn read(&mut self) -> io::Result<bool> {
        let Some(space) = self.inbox.space() else {
            return Ok(false);
        };
        let Some(octets) = now(self.stream.read(space))? else {
            return Ok(false);
        };
        self.inbox.filled(octets);
        if octets == 0 {
            self.server.eof();
        }
        Ok(true)
    }

    /// A socket that is closed over unread octets is reset, and the last reply is lost.
    fn close(&mut self) -> io::Result<bool> {
        if self.closing.is_none() {
            self.stream.shutdown(Shutdown::Write)?;
        }
        let (since, left) =
            self.closing.get_or_insert_with(|| (Instant::now(), Wants::LINGER_OCTETS));
        let octets = now(self.stream.read(&mut [0; 4096]))?;
        *left = left.saturating_sub(octets.unwrap_or(0));
        Ok(octets != Some(0) && *left > 0 && since.elapsed() < Wants::LINGER)
    }
}

/// What a socket did; `None` when it can do nothing now.
fn now(result: io::Result<usize>) -> io::Result<Option<usize>> {
    match result {
        Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => {
            Ok(None)
        }
        result => result.map(Some),
    }
}
