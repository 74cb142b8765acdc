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
    /// How often the message may still be said: with AUTH, and to an empty challenge where the server did not look at that.
    left: u8,
}

impl Say {
    pub(super) fn boxed(
        name: &'static str,
        message: Secret,
        dummy: Option<&'static [u8]>,
    ) -> Box<dyn Initiator> {
        Box::new(Self { name, message, dummy, left: 2 })
    }
}

impl Initiator for Say {
    fn mechanism(&self) -> Mechanism<'_> {
        Mechanism::known(self.name)
    }

    fn initial(&mut self) -> Option<Secret> {
        self.left = 1;
        Some(self.message.clone())
    }

    fn respond(&mut self, challenge: &[u8]) -> Result<Secret, SaslError> {
        match (self.left, self.dummy) {
            (1.., _) if challenge.is_empty() => {
                self.left = 0;
                Ok(self.message.clone())
            }
            (_, Some(dummy)) if !challenge.is_empty() => {
                self.left = 0;
                self.dummy = None;
                Ok(Secret::from(dummy.to_vec()))
            }
            _ => Err(SaslError::Challenge),
        }
    }
}
