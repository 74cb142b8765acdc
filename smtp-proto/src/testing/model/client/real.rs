//! The machine under test, with its application and its server, and what is seen of them.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::sync::Arc;
use alloc::vec::Vec;

use super::alphabet::{Call, Input};
use super::reference::Seen;
use crate::client::{Client, Config, Error, Event, Misuse, Sent, Wants};
use crate::{
    ForwardPath, Host, Last, Mail, MailParams, Mailbox, Mechanism, Rcpt, RcptParams, ReversePath,
    TlsFault,
};

/// A session whose octets leave at once.
#[derive(Debug)]
pub(super) struct Real {
    client: Client,
    input: Vec<u8>,
    seen: Vec<Seen>,
    failed: bool,
}

impl Real {
    pub(super) fn open(config: &Arc<Config>) -> Self {
        let client = Client::new(Arc::clone(config));
        let mut real = Self { client, input: Vec::new(), seen: Vec::new(), failed: false };
        real.pump();
        real.seen.clear();
        real
    }

    /// What is seen of one input.
    pub(super) fn take(&mut self, input: Input) -> Vec<Seen> {
        match input {
            Input::Call(call) => {
                if let Some(result) = self.call(call) {
                    self.seen.push(Seen::Called(result));
                }
            }
            Input::Says(lines) => {
                self.input.extend_from_slice(lines.as_bytes());
                self.input.extend_from_slice(b"\r\n");
            }
            Input::TimeOut => {
                if let Some(timer) = self.client.wants().timer() {
                    self.client.timed_out(timer.id);
                }
            }
            Input::End => self.client.eof(),
        }
        self.pump();
        self.seen.push(Seen::Wants(match self.client.wants() {
            Wants::Next => "next",
            Wants::Flush(_) => "flush",
            Wants::Read(_) => "read",
            Wants::Body => "body",
            Wants::Command => "command",
            Wants::Tls(_) => "tls",
            Wants::Close => "close",
        }));
        core::mem::take(&mut self.seen)
    }

    /// Drives the machine until only its application, its server or the clock can go on.
    fn pump(&mut self) {
        loop {
            let input = core::mem::take(&mut self.input);
            let mut rest = &input[..];
            let event = self.client.next(&mut rest);
            match event {
                Ok(Some(event)) => self.seen.push(heard(event)),
                Err(error) if !core::mem::replace(&mut self.failed, true) => {
                    self.seen.push(Seen::Failed(name(error)));
                }
                Ok(None) | Err(_) => {}
            }
            let more = matches!(event, Ok(Some(_)));
            self.input = rest.to_vec();
            self.flush();
            if !more && self.client.wants() != Wants::Next {
                return;
            }
        }
    }

    fn flush(&mut self) {
        let text = String::from_utf8_lossy(self.client.outgoing()).into_owned();
        self.seen.extend(text.lines().map(|line| Seen::Wrote(line.to_string())));
        self.client.sent(usize::MAX);
    }

    /// What comes of a call that can be refused.
    fn call(&mut self, call: Call) -> Option<String> {
        let client = &mut self.client;
        let mechanism = |name| Mechanism::new(name).expect("a mechanism");
        let result: Result<(), Misuse> = match call {
            Call::Hello => done(client.hello(Host::parse(b"c.test").expect("a domain"))),
            Call::Mail => {
                let from = ReversePath::Mailbox(mailbox(b"a@x.test"));
                done(client.mail(&Mail { from, params: MailParams::default() }))
            }
            Call::Rcpt => {
                let to = ForwardPath::Mailbox(mailbox(b"b@y.test"));
                done(client.rcpt(&Rcpt { to, params: RcptParams::default() }))
            }
            Call::Data => done(client.data()),
            Call::Body => client.body(b"hi\r\n").map(|taken| assert_eq!(taken, 4)),
            Call::Stray => client.body(b"a\nb\r").map(drop),
            Call::Finish => done(client.finish()),
            Call::Reset => done(client.reset()),
            Call::Noop => done(client.noop()),
            Call::Quit => done(client.quit()),
            Call::StartTls => done(client.start_tls()),
            Call::AuthPlain => done(client.auth(mechanism("PLAIN"), Some(b"\0u\0p"))),
            Call::AuthLogin => done(client.auth(mechanism("LOGIN"), None)),
            Call::AuthResponse => done(client.auth_response(b"u")),
            Call::AuthCancel => done(client.auth_cancel()),
            Call::Chunk => done(client.chunk(4, Last::No)),
            Call::LastChunk => done(client.chunk(4, Last::Yes)),
            Call::EmptyLastChunk => done(client.chunk(0, Last::Yes)),
            Call::AbandonBody => {
                client.abandon_body();
                return None;
            }
            Call::TlsEstablished => {
                client.tls_established();
                return None;
            }
            Call::TlsFailed => {
                client.tls_failed(TlsFault::Protocol);
                return None;
            }
        };
        Some(match result {
            Ok(()) => "ok".to_string(),
            Err(Misuse::Stray(_)) => "Stray".to_string(),
            Err(misuse) => format!("{misuse:?}"),
        })
    }

    pub(super) const fn is_over(&self) -> bool {
        self.client.is_over()
    }

    pub(super) fn position(&self) -> String {
        self.client.position()
    }
}

fn mailbox(octets: &'static [u8]) -> Mailbox<'static> {
    Mailbox::parse(octets).expect("a mailbox")
}

fn done(sent: Result<Sent, Misuse>) -> Result<(), Misuse> {
    sent.map(drop)
}

fn heard(event: Event<'_>) -> Seen {
    match event {
        Event::Greeting(reply) => Seen::Greeted(reply.code().get()),
        Event::Reply { to, reply } => Seen::Heard(to.verb.name(), to.n, reply.code().get()),
        Event::SendBody { accepted } => Seen::SendBody(accepted as usize),
        Event::Challenge(_) => Seen::Challenge,
        Event::Unavailable(_) => Seen::Unavailable,
    }
}

const fn name(error: Error) -> &'static str {
    match error {
        Error::Malformed(_) => "Malformed",
        Error::TooLong => "TooLong",
        Error::Unexpected(_) => "Unexpected",
        Error::Unsolicited => "Unsolicited",
        Error::Eof => "Eof",
        Error::TimedOut => "TimedOut",
        Error::PlaintextAfterStartTls(_) => "PlaintextAfterStartTls",
        Error::TlsRequired => "TlsRequired",
        Error::Tls(_) => "Tls",
    }
}
