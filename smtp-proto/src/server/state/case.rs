//! What is the case; no transition is here.

use super::{Chunk, Chunked, Chunks, Content, Due, Hello, Phase, State};
use crate::server::Channel;
use crate::wire::extension::Set;
use crate::{Declared, Extension, Verb};

impl State {
    /// What is read now.
    #[inline]
    pub(in crate::server) const fn due(&self) -> Due {
        match self.phase {
            Phase::Commands | Phase::NoService(_) => Due::Commands,
            Phase::Auth => Due::Response,
            Phase::Content(_) => Due::Content,
            Phase::Chunk(_) => Due::Chunk,
            Phase::Greeting(_) => Due::Greeting,
            Phase::Handshake => Due::Handshake,
            Phase::Over { .. } | Phase::Closed => Due::End,
        }
    }

    pub(in crate::server) const fn greeting_owed(&self) -> bool {
        matches!(self.phase, Phase::Greeting(_))
    }

    pub(in crate::server) const fn is_over(&self) -> bool {
        matches!(self.phase, Phase::Over { .. } | Phase::Closed)
    }

    pub(in crate::server) const fn is_closed(&self) -> bool {
        matches!(self.phase, Phase::Closed)
    }

    pub(in crate::server) const fn in_transaction(&self) -> bool {
        self.transaction.open
    }

    pub(in crate::server) const fn accepted(&self) -> u32 {
        self.transaction.accepted
    }

    pub(in crate::server) const fn smtputf8(&self) -> bool {
        self.transaction.smtputf8
    }

    pub(in crate::server) fn hello_verb(&self) -> Option<Verb> {
        self.hello.map(|hello| hello.verb)
    }

    pub(in crate::server) const fn hello_verb_asked(&self) -> Verb {
        self.hello_asked
    }

    pub(in crate::server) const fn channel(&self) -> Channel {
        self.channel
    }

    pub(in crate::server) const fn is_authenticated(&self) -> bool {
        self.authenticated
    }

    pub(in crate::server) const fn in_handshake(&self) -> bool {
        matches!(self.phase, Phase::Handshake)
    }

    pub(in crate::server) const fn in_content(&self) -> bool {
        matches!(self.phase, Phase::Content(_) | Phase::Chunk(_))
    }

    /// Whether a letter comes in chunks, and is not void.
    pub(in crate::server) const fn has_chunks(&self) -> bool {
        matches!(self.transaction.chunks, Chunks::Open(_))
    }

    /// Octets of the content that came in chunks.
    pub(in crate::server) const fn chunked_octets(&self) -> u64 {
        match &self.transaction.chunks {
            Chunks::Open(Chunked { summary, .. }) => summary.octets,
            Chunks::None | Chunks::Failed => 0,
        }
    }

    /// Octets of content that came in this window.
    pub(in crate::server) const fn window(&mut self) -> Option<&mut u64> {
        match &mut self.phase {
            Phase::Content(content) => Some(&mut content.window),
            Phase::Chunk(chunk) => Some(&mut chunk.window),
            _ => None,
        }
    }

    /// The chunk that is being read, and the content that it belongs to; none where it is only skipped.
    pub(in crate::server) const fn chunk(&mut self) -> Option<(&mut Chunk, Option<&mut Chunked>)> {
        let Phase::Chunk(chunk) = &mut self.phase else { return None };
        match &mut self.transaction.chunks {
            Chunks::Open(content) if chunk.refusal.is_none() => Some((chunk, Some(content))),
            _ => Some((chunk, None)),
        }
    }

    /// The extensions that may be used: none before EHLO and after HELO.
    pub(in crate::server) fn offered(&self) -> Set {
        self.hello.map(|hello| hello.offered).unwrap_or_default()
    }

    /// Whether the last EHLO offered this; `None` before one and behind HELO.
    pub(in crate::server) fn ehlo_offered(&self, extension: Extension) -> Option<bool> {
        match self.hello {
            Some(Hello { verb: Verb::Ehlo | Verb::Lhlo, offered, .. }) => {
                Some(offered.contains(extension))
            }
            _ => None,
        }
    }

    /// The extensions that go by the last EHLO; before one and behind HELO by what is `configured`.
    #[inline]
    pub(in crate::server) fn in_force(&self, configured: Set) -> Set {
        match self.hello {
            Some(Hello { verb: Verb::Ehlo | Verb::Lhlo, offered, .. }) => offered,
            _ => configured,
        }
    }

    /// What is declared of the extensions that may be used.
    pub(in crate::server) fn declared(&self) -> Declared {
        self.declared.clone()
    }

    /// The maximum of a message that was offered; the largest number where none was.
    pub(in crate::server) fn offered_size(&self) -> u64 {
        self.hello.map_or(u64::MAX, |hello| hello.size)
    }

    /// Whether a client has to wait for the reply to every command (RFC 2920: it was not told that it need not).
    pub(in crate::server) fn in_lockstep(&self) -> bool {
        self.hello.is_some_and(|hello| !hello.offered.contains(Extension::Pipelining))
    }

    pub(in crate::server) const fn content(&mut self) -> Option<&mut Content> {
        match &mut self.phase {
            Phase::Content(content) => Some(content),
            _ => None,
        }
    }
}
