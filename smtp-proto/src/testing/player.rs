//! A machine at one end of a [`Script`](super::Script), driven as a driver drives it, under a clock that only the script turns.

use alloc::format;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::mem::take;
use core::time::Duration;

use super::End;
use super::script::{CLOSES, Direction, Line, NEGOTIATES};
use crate::client::{self, Client, Misuse};
use crate::server::{self, Server};
use crate::{Base64, Command, Countdown, Inbox, Timer, Verb};

/// More rounds than this without a new octet are a machine that never comes to rest.
const ROUNDS: usize = 100_000;

/// One end of a dialogue.
pub(super) trait Player {
    const END: End;

    /// Serves what was read, and writes; `said` gets what is written.
    fn settle(&mut self, said: &mut Vec<Line>);

    /// Reads octets. Returns how many there was room for.
    fn read(&mut self, octets: &[u8]) -> usize;

    /// The other end says no more.
    fn ended(&mut self);

    /// Time passes.
    fn pass(&mut self, time: Duration, said: &mut Vec<Line>);

    /// The other end completes the TLS handshake.
    fn negotiated(&mut self);

    fn is_closed(&self) -> bool;

    /// Is asked to say these lines of its own side, all that stand next to each other.
    fn speak(&mut self, run: &[Line], said: &mut Vec<Line>);

    /// Plays lines that stand next to each other on one side; `said` gets what is read of them, and what is said to them.
    fn play(&mut self, run: &[Line], piece: usize, said: &mut Vec<Line>) {
        if run.first().is_some_and(|line| line.end == Self::END) {
            return self.speak(run, said);
        }
        let (mut run, mut answers) = (run, Vec::new());
        while !run.is_empty() && !self.is_closed() {
            let (octets, behind) = spoken(run);
            said.extend_from_slice(&run[..run.len() - behind.len()]);
            self.hear(&octets, piece, &mut answers);
            run = behind;
            if let Some((line, behind)) = run.split_first().filter(|_| !self.is_closed()) {
                run = behind;
                said.extend((line.direction() != Some(Direction::Opens)).then(|| line.clone()));
                match line.direction() {
                    Some(Direction::Waits(time)) => self.pass(time, &mut answers),
                    Some(Direction::Closes) => {
                        self.ended();
                        self.settle(&mut answers);
                    }
                    Some(Direction::Negotiates) => {
                        self.negotiated();
                        self.settle(&mut answers);
                    }
                    Some(Direction::Opens) | None => {}
                }
            }
        }
        said.append(&mut answers);
    }

    fn hear(&mut self, mut octets: &[u8], piece: usize, said: &mut Vec<Line>) {
        while !octets.is_empty() && !self.is_closed() {
            let read = self.read(octets.get(..piece).unwrap_or(octets));
            octets = &octets[read..];
            self.settle(said);
            if read == 0 {
                // The machine waits for an answer that its application owes, and has no room meanwhile.
                return;
            }
        }
    }
}

/// Octets that an end wrote, as lines.
struct Spoken {
    end: End,
    partial: Vec<u8>,
    closed: bool,
}

impl Spoken {
    const fn new(end: End) -> Self {
        Self { end, partial: Vec::new(), closed: false }
    }

    /// Returns how many lines became whole.
    fn wrote(&mut self, octets: &[u8], said: &mut Vec<Line>) -> usize {
        self.partial.extend_from_slice(octets);
        let before = said.len();
        while let Some(end) = self.partial.windows(2).position(|two| two == b"\r\n") {
            let behind = self.partial.split_off(end + 2);
            self.partial.truncate(end);
            let text = core::mem::replace(&mut self.partial, behind);
            said.push(Line { end: self.end, text });
        }
        said.len() - before
    }

    fn closes(&mut self, said: &mut Vec<Line>) {
        if !core::mem::replace(&mut self.closed, true) {
            // What is left of a line that is never ended.
            let text = take(&mut self.partial);
            said.extend((!text.is_empty()).then_some(Line { end: self.end, text }));
            said.push(Line { end: self.end, text: CLOSES.into() });
        }
    }
}

/// The octets of lines up to the next direction, and what stands behind them.
fn spoken(run: &[Line]) -> (Vec<u8>, &[Line]) {
    let end = run.iter().position(|line| line.direction().is_some()).unwrap_or(run.len());
    let (lines, behind) = run.split_at(end);
    let octets = lines.iter().flat_map(|line| line.text.iter().chain(b"\r\n")).copied().collect();
    (octets, behind)
}

/// Lets `time` pass; at the end of each wait `timed_out` is called, and says what is waited for next.
fn pass(
    countdown: &mut Countdown,
    mut timer: Option<Timer>,
    mut time: Duration,
    mut timed_out: impl FnMut(Timer) -> Option<Timer>,
) {
    while let Some(now) = timer {
        let left = countdown.left(now);
        countdown.waited(left.min(time));
        let Some(later) = time.checked_sub(left) else { return };
        time = later;
        timer = timed_out(now);
    }
}

/// A server with its application.
pub(super) struct Serving<A> {
    server: Server,
    application: A,
    inbox: Inbox,
    countdown: Countdown,
    spoken: Spoken,
}

impl<A: FnMut(server::Event<'_>, &mut Server)> Serving<A> {
    pub(super) fn new(config: Arc<server::Config>, application: A) -> Self {
        let inbox = config.inbox();
        Self {
            server: Server::new(config),
            application,
            inbox,
            countdown: Countdown::new(),
            spoken: Spoken::new(End::Server),
        }
    }
}

impl<A: FnMut(server::Event<'_>, &mut Server)> Player for Serving<A> {
    const END: End = End::Server;

    fn settle(&mut self, said: &mut Vec<Line>) {
        for _ in 0..ROUNDS {
            let Self { server, application, inbox, .. } = self;
            inbox.feed(|input| {
                while let Some(event) = server.next(input) {
                    match event {
                        // Only here is what stands behind the command known. A refusal shows on the wire.
                        server::Event::StartTls(pending) => {
                            let _ = server.accept_tls(pending, input);
                        }
                        event => application(event, server),
                    }
                }
            });
            match server.wants() {
                server::Wants::Next => {}
                server::Wants::Flush(_) => {
                    let octets = server.outgoing().len();
                    self.spoken.wrote(server.outgoing(), said);
                    server.sent(octets);
                }
                server::Wants::Read(_) | server::Wants::Answer(_) | server::Wants::Tls(_) => return,
                server::Wants::Close => return self.spoken.closes(said),
            }
        }
        panic!("the server never comes to rest: {:?}", self.server.wants());
    }

    fn read(&mut self, octets: &[u8]) -> usize {
        self.inbox.push(octets)
    }

    fn ended(&mut self) {
        self.inbox.filled(0);
        self.server.eof();
    }

    fn pass(&mut self, time: Duration, said: &mut Vec<Line>) {
        let mut countdown = self.countdown;
        pass(&mut countdown, self.server.wants().timer(), time, |timer| {
            self.server.timed_out(timer.id);
            self.settle(said);
            self.server.wants().timer()
        });
        self.countdown = countdown;
    }

    fn is_closed(&self) -> bool {
        self.spoken.closed
    }

    fn negotiated(&mut self) {
        self.server.tls_established();
    }

    /// What a server says follows from what it hears.
    fn speak(&mut self, _run: &[Line], _said: &mut Vec<Line>) {}
}

/// A client whose caller wants to say what the script says.
pub(super) struct Calling {
    client: Client,
    inbox: Inbox,
    countdown: Countdown,
    spoken: Spoken,
    /// Content is due: lines are those of a letter.
    content: bool,
    /// Octets of a chunk that are due: lines are those of a letter as they are.
    chunk: u64,
    /// A challenge came: the next line is a response.
    challenged: bool,
    /// Lines that were written and did not come up in the script yet.
    ahead: usize,
    /// Lines that came up in the script and are not written yet: the client holds them back.
    held: usize,
    failed: bool,
}

impl Calling {
    pub(super) fn new(config: Arc<client::Config>) -> Self {
        let inbox = config.inbox();
        Self {
            client: Client::new(config),
            inbox,
            countdown: Countdown::new(),
            spoken: Spoken::new(End::Client),
            content: false,
            chunk: 0,
            challenged: false,
            ahead: 0,
            held: 0,
            failed: false,
        }
    }

    /// Takes all events. Whether the session failed just now, and why.
    fn listen(&mut self) -> Option<client::Error> {
        let Self { client, inbox, content, challenged, .. } = self;
        inbox.feed(|input| {
            loop {
                match client.next(input) {
                    Ok(Some(client::Event::SendBody { .. })) => *content = true,
                    Ok(Some(client::Event::Challenge(_))) => *challenged = true,
                    Ok(Some(_)) => {}
                    Ok(None) => return None,
                    Err(error) => return Some(error),
                }
            }
        })
    }

    /// The call that makes this line.
    fn call(&mut self, line: &[u8], said: &mut Vec<Line>) {
        let done = match self.content {
            true => self.content(line, said),
            false if self.chunk > 0 => self.chunk(line, said),
            false if take(&mut self.challenged) => self.response(line),
            false => self.command(line),
        };
        if let Err(misuse) = done {
            self.say(format!("<refused: {misuse}>"), said);
        }
    }

    fn say(&mut self, text: alloc::string::String, said: &mut Vec<Line>) {
        said.push(Line { end: End::Client, text: text.into_bytes() });
        self.ahead += 1;
    }

    fn command(&mut self, line: &[u8]) -> Result<(), Misuse> {
        let client = &mut self.client;
        match Command::parse(line) {
            // The client says HELO by itself where EHLO is not known, and has no call for it.
            Ok(Command::Hello { verb: Verb::Helo, .. }) => return Ok(()),
            Ok(Command::Hello { name, .. }) => client.hello(name),
            Ok(Command::Mail(mail)) => client.mail(&mail),
            Ok(Command::Rcpt(rcpt)) => client.rcpt(&rcpt),
            Ok(Command::Data) => client.data(),
            Ok(Command::Bdat { octets, last }) => {
                client.chunk(octets, last).inspect(|_| self.chunk = octets)
            }
            Ok(Command::Rset) => client.reset(),
            Ok(Command::Noop(text)) if text.as_str().is_empty() => client.noop(),
            Ok(Command::Quit) => client.quit(),
            Ok(Command::StartTls) => client.start_tls(),
            Ok(Command::Auth(auth)) => {
                let initial = auth.initial.map(|initial| initial.decode());
                client.auth(auth.mechanism, initial.as_deref())
            }
            Ok(Command::Query { verb: Verb::Vrfy, text, smtputf8: true }) => {
                client.verify_utf8(text.as_str())
            }
            Ok(Command::Query { verb: Verb::Expn, text, smtputf8: true }) => {
                client.expand_utf8(text.as_str())
            }
            Ok(Command::Query { verb: Verb::Vrfy, text, .. }) => client.verify(text.as_str()),
            Ok(Command::Query { verb: Verb::Expn, text, .. }) => client.expand(text.as_str()),
            Ok(Command::Query { verb: Verb::Help, text, .. }) => client.help(text.as_str()),
            _ => core::str::from_utf8(line)
                .map_err(|_| Misuse::Invalid)
                .and_then(|line| client.custom(line)),
        }
        .map(drop)
    }

    fn response(&mut self, line: &[u8]) -> Result<(), Misuse> {
        match Base64::parse(line) {
            Ok(response) => self.client.auth_response(&response.decode()),
            Err(_) if line == b"*" => self.client.auth_cancel(),
            Err(_) => Err(Misuse::Invalid),
        }
        .map(drop)
    }

    /// A line of the letter, as it is on the wire: its dot is doubled again by the client.
    fn content(&mut self, line: &[u8], said: &mut Vec<Line>) -> Result<(), Misuse> {
        if line == b"." {
            self.content = false;
            return self.client.finish().map(drop);
        }
        self.body(&[line.strip_prefix(b".").unwrap_or(line), b"\r\n"].concat(), said)
    }

    /// A line of a chunk.
    fn chunk(&mut self, line: &[u8], said: &mut Vec<Line>) -> Result<(), Misuse> {
        let line = [line, b"\r\n"].concat();
        self.chunk = self.chunk.saturating_sub(line.len() as u64);
        self.body(&line, said)
    }

    fn body(&mut self, mut octets: &[u8], said: &mut Vec<Line>) -> Result<(), Misuse> {
        while !octets.is_empty() {
            let taken = self.client.body(octets)?;
            octets = &octets[taken..];
            self.settle(said);
        }
        Ok(())
    }
}

impl Player for Calling {
    const END: End = End::Client;

    fn settle(&mut self, said: &mut Vec<Line>) {
        for _ in 0..ROUNDS {
            if let Some(error) = self.listen().filter(|_| !self.failed) {
                self.failed = true;
                self.say(format!("<fails: {error}>"), said);
            }
            match self.client.wants() {
                client::Wants::Next => {}
                client::Wants::Flush(_) => {
                    let octets = self.client.outgoing().len();
                    let lines = self.spoken.wrote(self.client.outgoing(), said);
                    self.ahead += lines.saturating_sub(self.held);
                    self.held = self.held.saturating_sub(lines);
                    self.client.sent(octets);
                }
                client::Wants::Read(_) | client::Wants::Body | client::Wants::Command => return,
                client::Wants::Tls(_) => {
                    self.say(NEGOTIATES.into(), said);
                    self.client.tls_established();
                    self.client.tls_verified();
                }
                client::Wants::Close => return self.spoken.closes(said),
            }
        }
        panic!("the client never comes to rest: {:?}", self.client.wants());
    }

    fn read(&mut self, octets: &[u8]) -> usize {
        self.inbox.push(octets)
    }

    fn ended(&mut self) {
        self.inbox.filled(0);
        self.client.eof();
    }

    /// The client says it itself.
    fn negotiated(&mut self) {}

    fn pass(&mut self, time: Duration, said: &mut Vec<Line>) {
        let mut countdown = self.countdown;
        pass(&mut countdown, self.client.wants().timer(), time, |timer| {
            self.client.timed_out(timer.id);
            self.settle(said);
            self.client.wants().timer()
        });
        self.countdown = countdown;
    }

    fn is_closed(&self) -> bool {
        self.spoken.closed
    }

    /// Each line is called for, unless the client wrote it by itself.
    fn speak(&mut self, run: &[Line], said: &mut Vec<Line>) {
        for line in run {
            match line.direction() {
                Some(Direction::Opens | Direction::Closes) => continue,
                Some(Direction::Waits(time)) => {
                    said.push(line.clone());
                    self.pass(time, said);
                    continue;
                }
                Some(Direction::Negotiates) | None => {}
            }
            if self.ahead == 0 && !self.spoken.closed {
                self.call(&line.text, said);
                self.settle(said);
            }
            match self.ahead {
                0 => self.held += 1,
                _ => self.ahead -= 1,
            }
        }
    }
}
