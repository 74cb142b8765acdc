//! Events of one session become calls of its handler, and what they return becomes answers.

use core::ops::ControlFlow;
use core::panic::AssertUnwindSafe;
use std::panic::catch_unwind;

use smtp_proto::sasl::Credentials;
use smtp_proto::server::{
    Event, Incoming, Login, Pending, Server, Summary, Verdict, When, Why, kind,
};
use smtp_proto::{ReplyBuf, TlsInfo, stock};

use crate::Handler;

pub(crate) struct Dialogue<H: Handler> {
    handler: H,
    incoming: Incoming<H::Letter>,
    login: Login,
}

/// The handler panicked.
pub(crate) struct Panicked;

/// Calls the handler.
fn ask<T>(call: impl FnOnce() -> T) -> Result<T, Panicked> {
    catch_unwind(AssertUnwindSafe(call)).map_err(|_| Panicked)
}

impl<H: Handler> Dialogue<H> {
    pub(crate) const fn new(handler: H) -> Self {
        Self { handler, incoming: Incoming::new(), login: Login::new() }
    }

    /// Serves one event. `Break`: the handler is not to be called again.
    pub(crate) fn take(&mut self, event: Event<'_>, server: &mut Server) -> ControlFlow<()> {
        let last = matches!(event, Event::Closed { .. });
        if let Err(Panicked) = self.serve(event, server) {
            server.shut_down(&stock::BROKEN.as_ref(), When::Now);
            return ControlFlow::Break(());
        }
        if last { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }

    /// The connection is lost, and the machine knows of nothing.
    pub(crate) fn lost(&mut self, why: Why) {
        let Self { handler, incoming, .. } = self;
        let _over = ask(|| {
            incoming.discard();
            handler.closed(why);
        });
    }

    /// The session is encrypted now.
    pub(crate) fn tls(&mut self, info: &TlsInfo) -> Result<(), Panicked> {
        ask(|| self.handler.tls(info))
    }

    fn serve(&mut self, event: Event<'_>, server: &mut Server) -> Result<(), Panicked> {
        let Self { handler, incoming, login } = self;
        // Of an answer that does not fit its question the client hears as 451, and nobody else would know what to do about it.
        let _answered = match event {
            Event::Connect(pending) => server.decide(pending, ask(|| handler.connect())?),
            Event::Hello { verb, name, pending } => {
                server.decide(pending, ask(|| handler.hello(verb, name))?)
            }
            Event::Mail { mail, pending } => server.decide(pending, ask(|| handler.mail(&mail))?),
            Event::Rcpt { rcpt, pending } => server.decide(pending, ask(|| handler.rcpt(&rcpt))?),
            Event::Auth { mechanism, initial, pending } => {
                let exchange = ask(|| handler.exchange(mechanism))?;
                let asked = ask(|| login.begin(exchange, initial, pending, server))?;
                return self.check(asked, server);
            }
            Event::AuthLine { data, pending } => {
                let asked = ask(|| login.go_on(data, pending, server))?;
                return self.check(asked, server);
            }
            Event::AuthCancelled => {
                login.cancel();
                Ok(())
            }
            Event::Query { verb, text, smtputf8, pending } => {
                match ask(|| handler.verify(verb, text.as_str()))? {
                    Ok(None) => {
                        server.decline(Event::Query { verb, text, smtputf8, pending });
                        Ok(())
                    }
                    Ok(Some(reply)) | Err(reply) => server.reply(pending, &reply.as_ref()),
                }
            }
            Event::Data { how, pending } => {
                let opening = server.opening(how);
                let opened = ask(|| handler.begin(opening))?;
                server.decide(pending, opened.map(|letter| incoming.open(letter)).map(|()| None))
            }
            Event::Body(run) => return self.body(run),
            Event::Chunk(pending) => match incoming.refusal() {
                Some(refusal) => server.decide(pending, Err(refusal.clone())),
                None => server.accept(pending),
            },
            Event::Message { content, pending } => {
                let verdict = self.end(content)?;
                server.decide(pending, verdict)
            }
            Event::Messages { content, pending } => {
                let verdict = self.end(content)?;
                return self.judge(verdict, pending, server);
            }
            // A reset follows, and tells the handler.
            Event::Aborted(Why::Reset) => {
                incoming.discard();
                Ok(())
            }
            Event::Reset | Event::Aborted(_) => {
                return ask(|| {
                    incoming.discard();
                    handler.reset();
                });
            }
            Event::Refused(refusal) => return ask(|| handler.refused(&refusal)),
            Event::Closed { why, .. } => return ask(|| handler.closed(why)),
            other => {
                server.decline(other);
                Ok(())
            }
        };
        Ok(())
    }

    /// Asks the handler about credentials.
    fn check(
        &mut self,
        asked: Option<(Credentials, Pending<kind::Auth>)>,
        server: &mut Server,
    ) -> Result<(), Panicked> {
        let Self { handler, login, .. } = self;
        let Some((credentials, pending)) = asked else { return Ok(()) };
        let verdict = ask(|| handler.authenticate(&credentials))?;
        let _answered = ask(|| login.decide(verdict, pending, server))?;
        Ok(())
    }

    fn body(&mut self, run: &[u8]) -> Result<(), Panicked> {
        let Self { handler, incoming, .. } = self;
        let Some((letter, blocks)) = incoming.push(run) else {
            return Ok(());
        };
        let written = ask(|| {
            let mut blocks = blocks.into_iter().filter(|block| !block.is_empty());
            blocks.try_for_each(|block| handler.write(letter, block))
        })?;
        self.settle(written)
    }

    /// The letter is whole.
    fn end(&mut self, content: Summary) -> Result<Verdict, Panicked> {
        let Self { handler, incoming, .. } = self;
        if let Some((letter, block)) = incoming.rest().filter(|(_, block)| !block.is_empty()) {
            let written = ask(|| handler.write(letter, block))?;
            self.settle(written)?;
        }
        match self.incoming.close() {
            Ok(letter) => ask(|| self.handler.commit(letter, content)),
            Err(refusal) => Ok(Err(refusal)),
        }
    }

    /// Asks what becomes of the letter for each recipient (RFC 2033 4.2).
    fn judge(
        &mut self,
        verdict: Verdict,
        pending: Pending<kind::Verdicts>,
        server: &mut Server,
    ) -> Result<(), Panicked> {
        let Ok(taken) = verdict else {
            let _answered = server.decide(pending, verdict);
            return Ok(());
        };
        let (mut pending, mut nth) = (Some(pending), 0);
        while let Some(token) = pending {
            let verdict = ask(|| self.handler.recipient(nth))?;
            let verdict = verdict.map(|reply| reply.or_else(|| taken.clone()));
            // A token that is of no use any more was answered.
            pending = server.judge(token, verdict).unwrap_or(None);
            nth += 1;
        }
        Ok(())
    }

    /// A letter that cannot be written is given up.
    fn settle(&mut self, written: Result<(), ReplyBuf>) -> Result<(), Panicked> {
        let Self { handler, incoming, .. } = self;
        match written {
            Ok(()) => Ok(()),
            Err(refusal) => ask(|| {
                incoming.fail(refusal);
                handler.reset();
            }),
        }
    }
}
