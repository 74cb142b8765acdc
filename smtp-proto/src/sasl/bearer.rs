//! OAUTHBEARER and XOAUTH2: an access token that another service gave out. They are for TLS alone.
//!
//! ```abnf
//! client-resp = ( gs2-header kvsep *kvpair kvsep ) / kvsep             ; RFC 7628 3.1
//! kvpair      = key "=" value kvsep   key = 1*ALPHA   kvsep = %x01
//! gs2-header  = ( "n" / "y" ) "," [ "a=" saslname ] ","                ; RFC 5801 4; no channel is bound here
//! saslname    = 1*( value-safe-char / "=2C" / "=3D" )
//! xoauth2     = "user=" user %x01 "auth=Bearer " token %x01 %x01       ; as Google and Microsoft describe it
//! ```

use alloc::boxed::Box;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt::Write;

use super::credentials::{is_name, name};
use super::single::Say;
use super::{Credentials, Exchange, Row, Secret, Step};

const SEPARATOR: u8 = 1;

pub(super) const OAUTHBEARER: Row = Row {
    name: "OAUTHBEARER",
    exchange: || {
        Box::new(Bearer {
            read: read_oauthbearer,
            failure: br#"{"status":"invalid_token"}"#,
            failed: false,
        })
    },
    initiator: |credentials| {
        // RFC 7628 3.2.3: the dummy response is a lone separator.
        oauthbearer(credentials)
            .map(|message| Say::boxed("OAUTHBEARER", message, Some(&[SEPARATOR])))
    },
};

pub(super) const XOAUTH2: Row = Row {
    name: "XOAUTH2",
    exchange: || {
        Box::new(Bearer {
            read: read_xoauth2,
            failure: br#"{"status":"401","schemes":"bearer"}"#,
            failed: false,
        })
    },
    initiator: |credentials| {
        xoauth2(credentials).map(|message| Say::boxed("XOAUTH2", message, Some(&[])))
    },
};

/// The server's side of both.
struct Bearer {
    read: fn(&[u8]) -> Option<Credentials>,
    /// The challenge that tells of a failure, in JSON.
    failure: &'static [u8],
    failed: bool,
}

impl Exchange for Bearer {
    fn step(&mut self, response: Option<&[u8]>) -> Step {
        match response {
            _ if self.failed => Step::Refused,
            None => Step::Challenge(Vec::new()),
            // RFC 7628 3.1: this is the dummy response; as the first message it may be refused at once.
            Some([SEPARATOR]) => Step::Refused,
            Some(message) => match (self.read)(message) {
                Some(credentials) => Step::Check(credentials),
                None => self.refuse(),
            },
        }
    }

    fn refuse(&mut self) -> Step {
        self.failed = true;
        Step::Challenge(self.failure.to_vec())
    }
}

fn read_oauthbearer(message: &[u8]) -> Option<Credentials> {
    let mut parts = message.split(|&octet| octet == SEPARATOR);
    let authzid = gs2_authzid(parts.next()?)?;
    let (mut token, mut host, mut port) = (None, None, None);
    for pair in parts.by_ref().take_while(|pair| !pair.is_empty()) {
        let (key, value) = split_once(pair, b'=')?;
        // RFC 7628 3.1: other keys are ignored. One of these twice would be read in one way here and in another behind.
        let fresh = match key {
            b"auth" => token.replace(bearer_token(value)?).is_none(),
            b"host" => host.replace(name(value)?).is_none(),
            b"port" => port.replace(port_number(value)?).is_none(),
            _ => !key.is_empty() && key.iter().all(u8::is_ascii_alphabetic),
        };
        if !fresh {
            return None;
        }
    }
    // Behind the last pair stands one separator more, and then nothing.
    let ended = parts.next() == Some(b"") && parts.next().is_none();
    Some(Credentials::Bearer { authzid, token: token.filter(|_| ended)?, host, port })
}

fn oauthbearer(credentials: &Credentials) -> Option<Secret> {
    let Credentials::Bearer { authzid, token, host, port } = credentials else { return None };
    let sound = authzid.as_deref().is_none_or(is_name)
        && host.as_deref().is_none_or(is_name)
        && is_token(token.as_bytes());
    let mut head = String::from("n,");
    if let Some(authzid) = authzid {
        // RFC 5801 4: the comma and the equals sign are escaped.
        let _ = write!(head, "a={}", authzid.replace('=', "=3D").replace(',', "=2C"));
    }
    head.push_str(",\u{1}");
    if let Some(host) = host {
        let _ = write!(head, "host={host}\u{1}");
    }
    if let Some(port) = port {
        let _ = write!(head, "port={port}\u{1}");
    }
    sound.then(|| {
        Secret::concat(&[head.as_bytes(), b"auth=Bearer ", token.as_bytes(), &[SEPARATOR; 2]])
    })
}

fn read_xoauth2(message: &[u8]) -> Option<Credentials> {
    let mut parts = message.strip_suffix(&[SEPARATOR; 2])?.split(|&octet| octet == SEPARATOR);
    let user = name(parts.next()?.strip_prefix(b"user=")?)?;
    let token = bearer_token(parts.next()?.strip_prefix(b"auth=")?)?;
    let whole = parts.next().is_none();
    whole.then_some(Credentials::Bearer { authzid: Some(user), token, host: None, port: None })
}

fn xoauth2(credentials: &Credentials) -> Option<Secret> {
    let Credentials::Bearer { authzid: Some(user), token, .. } = credentials else { return None };
    let pieces =
        [b"user=", user.as_bytes(), b"\x01auth=Bearer ", token.as_bytes(), &[SEPARATOR; 2]];
    (is_name(user) && is_token(token.as_bytes())).then(|| Secret::concat(&pieces))
}

/// The header, and the identity in it. A client that could have bound the channel ("y") is right: it is not bound here.
fn gs2_authzid(header: &[u8]) -> Option<Option<String>> {
    let header = core::str::from_utf8(header).ok()?;
    let body =
        header.strip_prefix("n,").or_else(|| header.strip_prefix("y,"))?.strip_suffix(',')?;
    if body.is_empty() {
        return Some(None);
    }
    let mut escaped = body.strip_prefix("a=")?;
    let mut name = String::with_capacity(escaped.len());
    while let Some(stop) = escaped.find(['=', ',']) {
        let (plain, escape) = escaped.split_at(stop);
        name.push_str(plain);
        let (letter, rest) = match escape.split_at_checked(3) {
            Some(("=2C", rest)) => (',', rest),
            Some(("=3D", rest)) => ('=', rest),
            _ => return None,
        };
        name.push(letter);
        escaped = rest;
    }
    name.push_str(escaped);
    is_name(&name).then_some(Some(name))
}

/// `credentials = "Bearer" 1*SP b64token` (RFC 6750 2.1), the scheme in any case.
fn bearer_token(value: &[u8]) -> Option<Secret> {
    let (scheme, token) = split_once(value, b' ')?;
    let spaces = token.iter().take_while(|&&octet| octet == b' ').count();
    let token = token.get(spaces..).filter(|token| is_token(token))?;
    scheme.eq_ignore_ascii_case(b"Bearer").then(|| Secret::from(token.to_vec()))
}

/// More than `b64token`: nothing that would break out of a header, since tokens of other letters are about.
fn is_token(token: &[u8]) -> bool {
    !token.is_empty() && token.iter().all(u8::is_ascii_graphic)
}

/// A positive number without leading zeros (RFC 7628 3.1).
fn port_number(value: &[u8]) -> Option<u16> {
    let text = core::str::from_utf8(value).ok()?;
    let port = text.parse().ok().filter(|&port: &u16| port != 0)?;
    (port.to_string() == text).then_some(port)
}

fn split_once(octets: &[u8], at: u8) -> Option<(&[u8], &[u8])> {
    let place = octets.iter().position(|&octet| octet == at)?;
    let (before, rest) = octets.split_at_checked(place)?;
    Some((before, rest.split_first()?.1))
}
