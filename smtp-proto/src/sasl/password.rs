//! PLAIN and LOGIN: the password itself goes over the wire, so they are for TLS alone.
//!
//! ```abnf
//! message = [authzid] UTF8NUL authcid UTF8NUL passwd                   ; RFC 4616 2
//! authcid = 1*SAFE   authzid = 1*SAFE   passwd = 1*SAFE                ; at least 255 octets of each are accepted
//! ```
//!
//! LOGIN has no RFC: the server asks for the name and for the password, and clients take what it asks with as given.

use alloc::boxed::Box;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use super::credentials::{is_name, is_password, name, optional_name};
use super::single::{Read, Say};
use super::{Credentials, Exchange, Initiator, Row, SaslError, Secret, Step};
use crate::Mechanism;

pub(super) const PLAIN: Row = Row {
    name: "PLAIN",
    exchange: || Box::new(Read(read_plain)),
    initiator: |credentials| plain(credentials).map(|message| Say::boxed("PLAIN", message, None)),
};

pub(super) const LOGIN: Row = Row {
    name: "LOGIN",
    exchange: || Box::new(LoginExchange { authcid: None }),
    initiator: |credentials| login(credentials).map(|login| Box::new(login) as Box<dyn Initiator>),
};

fn read_plain(message: &[u8]) -> Option<Credentials> {
    let mut fields = message.split(|&octet| octet == 0);
    let (authzid, authcid, password) = (fields.next()?, fields.next()?, fields.next()?);
    let sound =
        fields.next().is_none() && core::str::from_utf8(password).is_ok() && is_password(password);
    sound.then_some(Credentials::Plain {
        authzid: optional_name(authzid)?,
        authcid: name(authcid)?,
        password: Secret::from(password.to_vec()),
    })
}

fn plain(credentials: &Credentials) -> Option<Secret> {
    let Credentials::Plain { authzid, authcid, password } = credentials else { return None };
    let sound = authzid.as_deref().is_none_or(is_name)
        && is_name(authcid)
        && is_password(password.as_bytes())
        && core::str::from_utf8(password.as_bytes()).is_ok();
    let authzid = authzid.as_deref().unwrap_or_default();
    let pieces = [authzid.as_bytes(), b"\0", authcid.as_bytes(), b"\0", password.as_bytes()];
    sound.then(|| Secret::concat(&pieces))
}

/// The server's side of LOGIN. Some clients send the name with AUTH.
struct LoginExchange {
    authcid: Option<String>,
}

impl Exchange for LoginExchange {
    fn step(&mut self, response: Option<&[u8]>) -> Step {
        let Some(response) = response else { return Step::Challenge(b"Username:".to_vec()) };
        if let Some(authcid) = self.authcid.take() {
            if !is_password(response) {
                return Step::Refused;
            }
            let password = Secret::from(response.to_vec());
            return Step::Check(Credentials::Plain { authzid: None, authcid, password });
        }
        self.authcid = name(response);
        match self.authcid {
            Some(_) => Step::Challenge(b"Password:".to_vec()),
            None => Step::Refused,
        }
    }
}

/// The client's side of LOGIN: what it has not said yet, the last of it first.
struct LoginInitiator(Vec<Secret>);

fn login(credentials: &Credentials) -> Option<LoginInitiator> {
    let Credentials::Plain { authzid, authcid, password } = credentials else { return None };
    // There is no way to say whom to act as.
    let sound = authzid.as_ref().is_none_or(|authzid| authzid == authcid)
        && is_name(authcid)
        && is_password(password.as_bytes());
    let said = || alloc::vec![password.clone(), Secret::from(authcid.to_string())];
    sound.then(|| LoginInitiator(said()))
}

impl Initiator for LoginInitiator {
    fn mechanism(&self) -> Mechanism<'_> {
        Mechanism::known(LOGIN.name)
    }

    fn initial(&mut self) -> Option<Secret> {
        None
    }

    fn respond(&mut self, _: &[u8]) -> Result<Secret, SaslError> {
        self.0.pop().ok_or(SaslError::Challenge)
    }
}
