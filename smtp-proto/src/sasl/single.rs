//! Mechanisms in which the client says one message and the server answers.

use alloc::boxed::Box;
use alloc::vec::Vec;

use super::{Credentials, Exchange, Initiator, SaslError, Secret, Step};
use crate::Mechanism;

/// The server's side: how the message is read.
pub(super) struct Read(pub(super) fn(&[u8]) -> Option<Credentials>);

impl Exchange for Read {
    fn step(&mut self, response: Option<&[u8]>) -> Step {
        match response {
            // RFC 4422 3: the client speaks first, so it is asked to by an empty challenge.
            None => Step::Challenge(Vec::new()),
            Some(message) => (self.0)(message).map_or(Step::Refused, Step::Check),
        }
    }
}

/// The client's side.
pub(super) struct Say {
    name: &'static str,
    message: Secret,
    /// The response to the challenge that tells of a failure, where the mechanism has one.
    dummy: Option<&'static [u8]>,
}

impl Say {
    pub(super) fn boxed(
        name: &'static str,
        message: Secret,
        dummy: Option<&'static [u8]>,
    ) -> Box<dyn Initiator> {
        Box::new(Self { name, message, dummy })
    }
}

impl Initiator for Say {
    fn mechanism(&self) -> Mechanism<'_> {
        Mechanism::known(self.name)
    }

    fn initial(&mut self) -> Option<Secret> {
        Some(core::mem::take(&mut self.message))
    }

    fn respond(&mut self, challenge: &[u8]) -> Result<Secret, SaslError> {
        match self.dummy.take() {
            Some(dummy) if !challenge.is_empty() => Ok(Secret::from(dummy.to_vec())),
            _ => Err(SaslError::Challenge),
        }
    }
}
