//! The application of the rows: it takes everything, but for recipients named `no` and for what the first line of the content says.

use crate::outcome::Outcome;
use core::fmt::Write as _;
use smtp_proto::sasl::{self, Credentials, Exchange, Step};
use smtp_proto::server::{Event, Pending, ReplyError, Server, kind};
use smtp_proto::{Base64, Code, Condition, ForwardPath, Reply, stock};

/// A mechanism in which the server speaks first, and no one succeeds.
struct ServerFirst;

impl Exchange for ServerFirst {
    fn step(&mut self, response: Option<&[u8]>) -> Step {
        match response {
            None => Step::Challenge(b"<1896.697170952@postoffice.reston.mci.net>".to_vec()),
            Some(_) => Step::Malformed,
        }
    }
}

/// The users of the table, each with its password.
const USERS: [(&str, &str); 2] = [("u", "p"), ("user", "pass")];

/// What the application remembers of a session.
pub(crate) struct Application {
    greeting: Greeting,
    keeps: Keeps,
    letter: Vec<u8>,
    /// Octets of body since the last event of another kind.
    run: usize,
    connect: Option<Pending<kind::Connect>>,
    unanswered: Option<Pending<kind::Message>>,
    exchange: Option<Box<dyn Exchange>>,
}

/// When the greeting is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Greeting {
    AtOnce,
    /// Only when octets have come.
    Delayed,
}

/// What is recorded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Keeps {
    Everything,
    /// No event and no content, so that what is on the heap belongs to the machine.
    Nothing,
}

impl Application {
    pub(crate) fn new(greeting: Greeting, keeps: Keeps) -> Self {
        Self {
            greeting,
            keeps,
            letter: Vec::new(),
            run: 0,
            connect: None,
            unanswered: None,
            exchange: None,
        }
    }

    /// Answers one event, and records it.
    pub(crate) fn answer(&mut self, event: Event<'_>, server: &mut Server, outcome: &mut Outcome) {
        if self.keeps == Keeps::Everything {
            self.record(&event, outcome);
        }
        let result = match event {
            Event::Connect(pending) if self.greeting == Greeting::Delayed => {
                self.connect = Some(pending);
                Ok(())
            }
            Event::Connect(pending) => server.accept(pending),
            Event::Hello { pending, .. } => server.accept(pending),
            Event::Mail { mail, pending } => {
                outcome.auth = mail.params.auth().map(|sender| sender.decode().collect());
                server.accept(pending)
            }
            Event::Rcpt { rcpt, pending } => match rcpt.to {
                ForwardPath::Mailbox(mailbox) if mailbox.local_part().as_str() == "no" => {
                    let status = Condition::BAD_DESTINATION_MAILBOX_ADDRESS.permanent();
                    server.reply(
                        pending,
                        &Reply::new(Code::MAILBOX_UNAVAILABLE, Some(status), "No such mailbox"),
                    )
                }
                _ => server.accept(pending),
            },
            Event::Data { pending, .. } => server.accept(pending),
            Event::Auth { mechanism, initial, pending } => {
                self.exchange = match mechanism.is("CRAM-MD5") {
                    true => Some(Box::new(ServerFirst)),
                    false => sasl::exchange(mechanism),
                };
                self.step(initial, pending, server)
            }
            Event::AuthLine { data, pending } => self.step(Some(data), pending, server),
            Event::AuthCancelled => {
                self.exchange = None;
                Ok(())
            }
            Event::Aborted(_) => {
                self.letter.clear();
                Ok(())
            }
            Event::Message { content, pending } => {
                outcome.repaired = content.repaired.any();
                self.judge(pending, server, outcome);
                Ok(())
            }
            Event::Messages { content, pending } => {
                outcome.repaired = content.repaired.any();
                outcome.stored.push(core::mem::take(&mut self.letter));
                server.accept(pending)
            }
            other => {
                server.decline(other);
                Ok(())
            }
        };
        result.expect("every reply of this application suits its event");
    }

    /// One step of AUTH, for the users of the table.
    fn step(
        &mut self,
        response: Option<Base64<'_>>,
        pending: Pending<kind::Auth>,
        server: &mut Server,
    ) -> Result<(), ReplyError> {
        let Some(exchange) = &mut self.exchange else {
            return server.reply(pending, &stock::UNKNOWN_MECHANISM.as_ref());
        };
        let octets = response.map(|response| response.decode());
        match exchange.step(octets.as_deref()) {
            Step::Challenge(data) => server.challenge(pending, &data),
            Step::Check(Credentials::Plain { authzid, authcid, password })
                if authzid.is_none()
                    && USERS.iter().any(|(name, secret)| {
                        authcid == *name && password.matches(secret.as_bytes())
                    }) =>
            {
                server.authenticated(pending)
            }
            Step::Malformed => server.reply(pending, &stock::NO_INITIAL_RESPONSE.as_ref()),
            _ => server.reply(pending, &stock::BAD_CREDENTIALS.as_ref()),
        }
    }

    /// Sends the greeting that was held back.
    pub(crate) fn greet(&mut self, server: &mut Server) -> bool {
        let held = self.connect.take();
        held.is_some_and(|pending| server.accept(pending).is_ok())
    }

    fn judge(
        &mut self,
        pending: Pending<kind::Message>,
        server: &mut Server,
        outcome: &mut Outcome,
    ) {
        let letter = core::mem::take(&mut self.letter);
        let first = letter
            .split(|octet| *octet == b'\r')
            .next()
            .and_then(|line| line.strip_prefix(b"Verdict: "));
        match first {
            None => {
                outcome.stored.push(letter);
                server.accept(pending).expect("a message can be accepted");
            }
            Some(b"none") => self.unanswered = Some(pending),
            Some(_) => {
                let status = Condition::DELIVERY_NOT_AUTHORIZED.permanent();
                let refused = Reply::new(Code::TRANSACTION_FAILED, Some(status), "Refused");
                server.reply(pending, &refused).expect("a message can be refused");
            }
        }
    }

    fn record(&mut self, event: &Event<'_>, outcome: &mut Outcome) {
        if let Event::Body(run) = event {
            self.run += run.len();
            self.letter.extend_from_slice(run);
            outcome.bodies.extend_from_slice(run);
            return;
        }
        self.end_run(outcome);
        let log = &mut outcome.events;
        // Tokens hold the number of the session, which differs from replay to replay.
        let written = match event {
            Event::Hello { verb, name, .. } => writeln!(log, "Hello {verb:?} {name:?}"),
            Event::Mail { mail, .. } => writeln!(log, "Mail {mail:?}"),
            Event::Rcpt { rcpt, .. } => writeln!(log, "Rcpt {rcpt:?}"),
            Event::Data { how, .. } => writeln!(log, "Data {how:?}"),
            Event::Message { content, .. } => writeln!(log, "Message {content:?}"),
            Event::Messages { content, .. } => writeln!(log, "Messages {content:?}"),
            Event::Chunk(_) => writeln!(log, "Chunk"),
            Event::StartTls(_) => writeln!(log, "StartTls"),
            Event::Query { verb, text, .. } => writeln!(log, "Query {verb:?} {text:?}"),
            Event::Connect(_) => writeln!(log, "Connect"),
            Event::Auth { mechanism, initial, .. } => {
                writeln!(log, "Auth {mechanism:?} {initial:?}")
            }
            Event::AuthLine { data, .. } => writeln!(log, "AuthLine {data:?}"),
            other => writeln!(log, "{other:?}"),
        };
        written.expect("a string takes what is written");
    }

    /// Body runs are joined: only where they end can be seen.
    pub(crate) fn end_run(&mut self, outcome: &mut Outcome) {
        if self.run > 0 {
            writeln!(outcome.events, "Body of {} octets", self.run)
                .expect("a string takes what is written");
            self.run = 0;
        }
    }
}
