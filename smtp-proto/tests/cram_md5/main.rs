//! A mechanism from outside: CRAM-MD5 (RFC 2195) is plugged in on both sides.

mod client;

use client::{Client, hex, hmac_md5, md5};
use smtp_proto::sasl::{self, Credentials, Exchange, Initiator, Secret, Step, Strength};
use smtp_proto::{Mechanism, Mechanisms};

/// The server's side. It looks up what it knows by itself, so it says in the end that the client is authenticated.
struct Server {
    challenge: Option<&'static str>,
    passwords: fn(&str) -> Option<Secret>,
}

impl Exchange for Server {
    fn step(&mut self, response: Option<&[u8]>) -> Step {
        match (self.challenge.take(), response) {
            (Some(_), Some(_)) => Step::Malformed,
            (Some(challenge), None) => Step::Challenge(challenge.into()),
            (None, response) => self.check(response.unwrap_or_default()),
        }
    }
}

impl Server {
    fn check(&self, response: &[u8]) -> Step {
        let text = core::str::from_utf8(response).unwrap_or_default();
        let Some((name, digest)) = text.rsplit_once(' ') else { return Step::Refused };
        let right = (self.passwords)(name).is_some_and(|password| {
            Secret::from(hex(&hmac_md5(password.as_bytes(), CHALLENGE.as_bytes())))
                .matches(digest.as_bytes())
        });
        if right { Step::Authenticated } else { Step::Refused }
    }
}

const CHALLENGE: &str = "<1896.697170952@postoffice.reston.mci.net>";

fn passwords(name: &str) -> Option<Secret> {
    (name == "tim").then(|| Secret::from("tanstaaftanstaaf"))
}

fn server() -> Server {
    Server { challenge: Some(CHALLENGE), passwords }
}

fn client(name: &'static str, password: &str) -> Client {
    Client::new(name, password)
}

#[test]
fn the_example_of_rfc_2195_2_is_authenticated() {
    let (mut server, mut client) = (server(), client("tim", "tanstaaftanstaaf"));
    let Step::Challenge(challenge) = server.step(None) else { panic!("the server speaks first") };
    let response = client.respond(&challenge).expect("the challenge is a msg-id");
    assert_eq!(response.as_bytes(), b"tim b913a602c7eda7a495b4e6e7334d3890");
    assert_eq!(server.step(Some(response.as_bytes())), Step::Authenticated);
}

#[test]
fn another_password_or_name_or_no_digest_is_refused() {
    for (name, password) in [("tim", "tanstaaf"), ("tom", "tanstaaftanstaaf")] {
        let response = client(name, password).respond(CHALLENGE.as_bytes()).expect("a msg-id");
        let mut server = server();
        server.step(None);
        assert_eq!(server.step(Some(response.as_bytes())), Step::Refused, "{name}");
    }
    for response in ["", "tim", "tim ", "tim b913a602"] {
        let mut server = server();
        server.step(None);
        assert_eq!(server.step(Some(response.as_bytes())), Step::Refused, "{response}");
    }
}

#[test]
fn an_initial_response_is_malformed_where_the_server_speaks_first() {
    assert_eq!(server().step(Some(b"")), Step::Malformed);
}

#[test]
fn what_is_plugged_in_takes_part_in_the_choice() {
    let credentials = Credentials::plain("tim", "tanstaaftanstaaf");
    let offered = |names: &str| Mechanisms::of(names.split(' '));
    let choose = |offered: &Mechanisms, floor| {
        let plain =
            Mechanism::new("PLAIN").and_then(|name| sasl::initiator(name, &credentials).ok());
        let cram: Box<dyn Initiator> = Box::new(client("tim", "tanstaaftanstaaf"));
        let chosen = sasl::strongest(offered, plain.into_iter().chain([cram]), floor)?;
        Some(chosen.mechanism().as_str().to_owned())
    };
    assert_eq!(choose(&offered("PLAIN CRAM-MD5"), Strength::Shown).as_deref(), Some("CRAM-MD5"));
    assert_eq!(choose(&offered("PLAIN"), Strength::Shown).as_deref(), Some("PLAIN"));
    assert_eq!(choose(&offered("PLAIN"), Strength::Digest), None);
}

#[test]
fn the_digests_of_rfc_1321_and_rfc_2104_come_out() {
    assert_eq!(hex(&md5(b"")), "d41d8cd98f00b204e9800998ecf8427e");
    assert_eq!(hex(&md5(b"message digest")), "f96b697d7cb7938d525a2f31aaf161d0");
    assert_eq!(
        hex(&hmac_md5(b"Jefe", b"what do ya want for nothing?")),
        "750c783e6ab0b503eaa86e310a5db738"
    );
}
