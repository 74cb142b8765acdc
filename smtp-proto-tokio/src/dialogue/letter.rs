//! A letter, from its opening to its end.

use core::mem;

use smtp_proto::server::{Event, Limits, Pending, Summary, Transfer, Verdict, kind};
use smtp_proto::{ReplyBuf, stock};
use tokio::io::{AsyncRead, AsyncWrite};
use tracing::{Span, debug, warn};

use super::{Dialogue, Shown, note};
use crate::Handler;
use crate::outlet::{Fault, Outlet};

impl<H: Handler> Dialogue<H> {
    /// What is said of it.
    pub(super) async fn content<S: AsyncRead + AsyncWrite + Unpin>(
        &mut self,
        event: Event<'_>,
        outlet: &mut Outlet<'_, S>,
    ) -> Result<(), Fault> {
        match event {
            Event::Data { how, pending } => self.begin(how, pending, outlet).await?,
            Event::Body(run) => self.body(run, outlet).await?,
            Event::Chunk(pending) => {
                let refused = self.incoming.refusal().cloned();
                self.decide(outlet, pending, refused.map_or(Ok(None), Err));
            }
            Event::Message { content, pending } => {
                let verdict = self.end(content, outlet).await?;
                self.decide(outlet, pending, verdict);
            }
            Event::Messages { content, pending } => {
                let verdict = self.end(content, outlet).await?;
                self.judge(verdict, pending, outlet).await?;
            }
            other => outlet.server.decline(other),
        }
        Ok(())
    }

    async fn begin<S: AsyncRead + AsyncWrite + Unpin>(
        &mut self,
        how: Transfer,
        pending: Pending<kind::Data>,
        outlet: &mut Outlet<'_, S>,
    ) -> Result<(), Fault> {
        let opening = outlet.server.opening(how);
        let limit = outlet.server.config().limits.answer_wait;
        let call = async { self.handler.begin(opening).await };
        let verdict = match outlet.ask(limit, &self.span, call).await? {
            Ok(letter) => {
                self.incoming.open(letter);
                Ok(None)
            }
            Err(refusal) => Err(refusal),
        };
        self.decide(outlet, pending, verdict);
        Ok(())
    }

    async fn body<S: AsyncRead + AsyncWrite + Unpin>(
        &mut self,
        run: &[u8],
        outlet: &mut Outlet<'_, S>,
    ) -> Result<(), Fault> {
        let Self { handler, incoming, span, .. } = self;
        let Some((letter, blocks)) = incoming.push(run) else {
            return Ok(());
        };
        let limit = outlet.server.config().limits.answer_wait;
        let mut written = Ok(());
        for block in blocks {
            if written.is_ok() && !block.is_empty() {
                let call = async { handler.write(letter, block).await };
                written = in_time(outlet.ask(limit, span, call).await, span)?;
            }
        }
        match written {
            Ok(()) => Ok(()),
            Err(refusal) => self.fail(refusal, outlet).await,
        }
    }

    /// The content is whole; whether the letter is kept.
    async fn end<S: AsyncRead + AsyncWrite + Unpin>(
        &mut self,
        content: Summary,
        outlet: &mut Outlet<'_, S>,
    ) -> Result<Verdict, Fault> {
        let Self { handler, incoming, span, .. } = self;
        span.record("octets", content.octets);
        let Limits { answer_wait, message_wait, .. } = outlet.server.config().limits;
        if let Some((letter, block)) = incoming.rest().filter(|(_, block)| !block.is_empty()) {
            let call = async { handler.write(letter, block).await };
            if let Err(refusal) = in_time(outlet.ask(answer_wait, span, call).await, span)? {
                self.fail(refusal, outlet).await?;
            }
        }
        let span = mem::replace(&mut self.span, Span::current());
        let verdict = match self.incoming.close() {
            Ok(letter) => {
                let call = async { self.handler.commit(letter, content).await };
                outlet.ask(message_wait, &span, call).await?
            }
            Err(refusal) => Err(refusal),
        };
        span.in_scope(|| debug!(octets = content.octets, verdict = %Shown(&verdict), "letter"));
        Ok(verdict)
    }

    /// A letter that is kept may still come to nothing for a recipient of LMTP; one that is not is refused for all.
    async fn judge<S: AsyncRead + AsyncWrite + Unpin>(
        &mut self,
        verdict: Verdict,
        pending: Pending<kind::Verdicts>,
        outlet: &mut Outlet<'_, S>,
    ) -> Result<(), Fault> {
        let Self { handler, span, .. } = self;
        let said = match verdict {
            Ok(reply) => reply,
            Err(refusal) => {
                note(span, outlet.server.decide(pending, Err(refusal)));
                return Ok(());
            }
        };
        let limit = outlet.server.config().limits.message_wait;
        let (mut left, mut nth) = (Some(pending), 0);
        while let Some(pending) = left.take() {
            let call = async { handler.recipient(nth).await };
            let verdict = outlet.ask(limit, span, call).await?;
            span.in_scope(|| debug!(nth, verdict = %Shown(&verdict), "recipient"));
            let verdict = verdict.map(|reply| reply.or_else(|| said.clone()));
            left = outlet.server.judge(pending, verdict).unwrap_or_else(|error| {
                note(span, Err(error));
                None
            });
            nth += 1;
        }
        Ok(())
    }

    /// The letter is given up; `refusal` is the reply at its end.
    async fn fail<S: AsyncRead + AsyncWrite + Unpin>(
        &mut self,
        refusal: ReplyBuf,
        outlet: &mut Outlet<'_, S>,
    ) -> Result<(), Fault> {
        self.span.in_scope(|| debug!(%refusal, "the letter cannot be kept"));
        let Self { handler, incoming, span, .. } = self;
        let limit = outlet.server.config().limits.answer_wait;
        let call = async {
            incoming.fail(refusal);
            handler.reset().await;
        };
        outlet.ask(limit, span, call).await
    }
}

/// The result of a write: one that took too long fails the letter, and not the answer that is owed.
fn in_time(
    result: Result<Result<(), ReplyBuf>, Fault>,
    span: &Span,
) -> Result<Result<(), ReplyBuf>, Fault> {
    match result {
        Err(Fault::Late) => {
            span.in_scope(|| warn!("the handler took too long to write"));
            Ok(Err(stock::LOCAL_ERROR))
        }
        result => result,
    }
}
