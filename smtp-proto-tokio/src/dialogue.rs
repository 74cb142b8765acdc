//! Events of one session become calls of its handler, and what they return becomes answers.

mod letter;

use core::fmt;
use core::ops::ControlFlow;
use core::panic::AssertUnwindSafe;
use std::panic::catch_unwind;

#[cfg(feature = "rustls")]
use smtp_proto::TlsInfo;
use smtp_proto::sasl::Credentials;
use smtp_proto::server::{
    Acceptable, Event, Incoming, Login, Pending, ReplyError, Verdict, When, Why, kind,
};
use smtp_proto::stock;
use tokio::io::{AsyncRead, AsyncWrite};
use tracing::field::Empty;
use tracing::{Span, debug, error, info_span, warn};

use crate::Handler;
use crate::outlet::{Fault, Outlet};

pub(crate) struct Dialogue<H: Handler> {
    handler: H,
    incoming: Incoming<H::Letter>,
    login: Login,
    /// The span of the transaction; none outside of one.
    span: Span,
}

impl<H: Handler> Dialogue<H> {
    pub(crate) fn new(handler: H) -> Self {
        Self { handler, incoming: Incoming::new(), login: Login::new(), span: Span::none() }
    }

    /// Serves one event. `Break`: the handler is not to be called again.
    pub(crate) async fn take<S: AsyncRead + AsyncWrite + Unpin>(
        &mut self,
        event: Event<'_>,
        mut outlet: Outlet<'_, S>,
    ) -> ControlFlow<()> {
        let last = matches!(event, Event::Closed { .. });
        let served = self.serve(event, &mut outlet).await;
        self.outcome(served, outlet)?;
        if last { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }

    /// What a call of the handler that came to nothing means for the session.
    fn outcome<S>(&self, call: Result<(), Fault>, outlet: Outlet<'_, S>) -> ControlFlow<()> {
        match call {
            Ok(()) => {}
            Err(Fault::Late) => {
                self.span.in_scope(|| warn!("the handler took too long"));
                outlet.server.abandon();
            }
            Err(Fault::Panicked) => {
                self.span.in_scope(|| error!("the handler panicked"));
                outlet.server.shut_down(&stock::BROKEN.as_ref(), When::Now);
                return ControlFlow::Break(());
            }
        }
        ControlFlow::Continue(())
    }

    /// The session is encrypted now.
    #[cfg(feature = "rustls")]
    pub(crate) async fn tls<S: AsyncRead + AsyncWrite + Unpin>(
        &mut self,
        info: &TlsInfo,
        mut outlet: Outlet<'_, S>,
    ) -> ControlFlow<()> {
        let Self { handler, span, .. } = self;
        let TlsInfo { version, cipher, server_name, .. } = info;
        span.in_scope(|| debug!(version, cipher, server_name, "TLS"));
        let limit = outlet.server.config().limits.answer_wait;
        let told = outlet.ask(limit, span, async { handler.tls(info).await }).await;
        self.outcome(told, outlet)
    }

    /// The connection is lost, and the machine knows of nothing.
    pub(crate) async fn lost<S: AsyncRead + AsyncWrite + Unpin>(
        &mut self,
        why: Why,
        mut outlet: Outlet<'_, S>,
    ) {
        let Self { handler, incoming, span, .. } = self;
        let limit = outlet.server.config().limits.answer_wait;
        let call = async {
            incoming.discard();
            handler.closed(why).await;
        };
        let _over = outlet.ask(limit, span, call).await;
    }

    async fn serve<S: AsyncRead + AsyncWrite + Unpin>(
        &mut self,
        event: Event<'_>,
        outlet: &mut Outlet<'_, S>,
    ) -> Result<(), Fault> {
        match event {
            Event::Connect(_)
            | Event::Hello { .. }
            | Event::Mail { .. }
            | Event::Rcpt { .. }
            | Event::Query { .. } => self.command(event, outlet).await,
            Event::Auth { .. } | Event::AuthLine { .. } | Event::AuthCancelled => {
                self.exchange(event, outlet).await
            }
            Event::Data { .. }
            | Event::Body(_)
            | Event::Chunk(_)
            | Event::Message { .. }
            | Event::Messages { .. } => self.content(event, outlet).await,
            other => self.notice(other, outlet).await,
        }
    }

    /// What the handler decides.
    async fn command<S: AsyncRead + AsyncWrite + Unpin>(
        &mut self,
        event: Event<'_>,
        outlet: &mut Outlet<'_, S>,
    ) -> Result<(), Fault> {
        let Self { handler, span, .. } = self;
        let limit = outlet.server.config().limits.answer_wait;
        match event {
            Event::Connect(pending) => {
                let verdict = outlet.ask(limit, span, async { handler.connect().await }).await?;
                self.decide(outlet, pending, verdict);
            }
            Event::Hello { verb, name, pending } => {
                let call = async { handler.hello(verb, name).await };
                let verdict = outlet.ask(limit, span, call).await?;
                span.in_scope(|| debug!(%name, verdict = %Shown(&verdict), "{}", verb.name()));
                self.decide(outlet, pending, verdict);
            }
            Event::Mail { mail, pending } => {
                *span = info_span!("transaction", from = %mail.from, octets = Empty);
                let verdict = outlet.ask(limit, span, async { handler.mail(&mail).await }).await?;
                span.in_scope(|| debug!(verdict = %Shown(&verdict), "MAIL"));
                self.decide(outlet, pending, verdict);
                if !outlet.server.in_transaction() {
                    self.span = Span::none();
                }
            }
            Event::Rcpt { rcpt, pending } => {
                let verdict = outlet.ask(limit, span, async { handler.rcpt(&rcpt).await }).await?;
                span.in_scope(|| debug!(to = %rcpt.to, verdict = %Shown(&verdict), "RCPT"));
                self.decide(outlet, pending, verdict);
            }
            Event::Query { verb, text, smtputf8, pending } => {
                let call = async { handler.verify(verb, text.as_str()).await };
                match outlet.ask(limit, span, call).await? {
                    Ok(None) => {
                        outlet.server.decline(Event::Query { verb, text, smtputf8, pending })
                    }
                    Ok(Some(reply)) | Err(reply) => {
                        note(span, outlet.server.reply(pending, &reply.as_ref()));
                    }
                }
            }
            other => outlet.server.decline(other),
        }
        Ok(())
    }

    /// AUTH.
    async fn exchange<S: AsyncRead + AsyncWrite + Unpin>(
        &mut self,
        event: Event<'_>,
        outlet: &mut Outlet<'_, S>,
    ) -> Result<(), Fault> {
        let Self { handler, login, span, .. } = self;
        let asked = match event {
            Event::Auth { mechanism, initial, pending } => {
                span.in_scope(|| debug!(mechanism = mechanism.as_str(), "AUTH"));
                let exchange = async { handler.exchange(mechanism) };
                let limit = outlet.server.config().limits.answer_wait;
                let exchange = outlet.ask(limit, span, exchange).await?;
                caught(|| login.begin(exchange, initial, pending, outlet.server))?
            }
            Event::AuthLine { data, pending } => {
                caught(|| login.go_on(data, pending, outlet.server))?
            }
            other => {
                login.cancel();
                outlet.server.decline(other);
                None
            }
        };
        self.check(asked, outlet).await
    }

    /// What the handler is told.
    async fn notice<S: AsyncRead + AsyncWrite + Unpin>(
        &mut self,
        event: Event<'_>,
        outlet: &mut Outlet<'_, S>,
    ) -> Result<(), Fault> {
        let Self { handler, span, .. } = self;
        let limit = outlet.server.config().limits.answer_wait;
        match event {
            Event::Refused(refusal) => {
                // Not the line: it may be one of a content.
                span.in_scope(|| debug!(reply = %refusal.reply, why = %refusal.why, "refused"));
                outlet.ask(limit, span, async { handler.refused(&refusal).await }).await
            }
            Event::Closed { why, mid_message } => {
                span.in_scope(|| debug!(%why, mid_message, "closed"));
                outlet.ask(limit, span, async { handler.closed(why).await }).await
            }
            Event::Reset => self.reset(outlet).await,
            // A reset follows, and tells the handler.
            Event::Aborted(Why::Reset) => {
                self.incoming.discard();
                Ok(())
            }
            Event::Aborted(why) => {
                span.in_scope(|| debug!(%why, "the letter is void"));
                self.reset(outlet).await
            }
            other => {
                outlet.server.decline(other);
                Ok(())
            }
        }
    }

    /// Asks the handler about credentials.
    async fn check<S: AsyncRead + AsyncWrite + Unpin>(
        &mut self,
        asked: Option<(Credentials, Pending<kind::Auth>)>,
        outlet: &mut Outlet<'_, S>,
    ) -> Result<(), Fault> {
        let Self { handler, login, span, .. } = self;
        let Some((credentials, pending)) = asked else { return Ok(()) };
        let limit = outlet.server.config().limits.answer_wait;
        let call = async { handler.authenticate(&credentials).await };
        let verdict = outlet.ask(limit, span, call).await?;
        span.in_scope(|| debug!(?credentials, verdict = %Shown(&verdict), "AUTH"));
        note(span, login.decide(verdict, pending, outlet.server));
        Ok(())
    }

    /// The transaction is void, with what came of its letter.
    async fn reset<S: AsyncRead + AsyncWrite + Unpin>(
        &mut self,
        outlet: &mut Outlet<'_, S>,
    ) -> Result<(), Fault> {
        let Self { handler, incoming, span, .. } = self;
        let limit = outlet.server.config().limits.answer_wait;
        let call = async {
            incoming.discard();
            handler.reset().await;
        };
        outlet.ask(limit, span, call).await?;
        self.span = Span::none();
        Ok(())
    }

    fn decide<S, K: Acceptable>(
        &self,
        outlet: &mut Outlet<'_, S>,
        pending: Pending<K>,
        verdict: Verdict,
    ) {
        note(&self.span, outlet.server.decide(pending, verdict));
    }
}

/// What a mechanism says that is plugged in.
fn caught<T>(step: impl FnOnce() -> T) -> Result<T, Fault> {
    catch_unwind(AssertUnwindSafe(step)).map_err(|_| Fault::Panicked)
}

/// What the handler made wrong.
fn note(span: &Span, answered: Result<(), ReplyError>) {
    if let Err(error) = answered {
        span.in_scope(|| warn!(%error, "the handler's answer"));
    }
}

struct Shown<'a>(&'a Verdict);

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Ok(None) => f.write_str("accepted"),
            Ok(Some(reply)) | Err(reply) => reply.fmt(f),
        }
    }
}
