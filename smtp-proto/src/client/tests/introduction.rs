//! What is said in front of the first letter, and what is not said to just anybody.

use super::*;
use crate::Mechanisms;
use crate::sasl::{Credentials, SaslError};

const NAME: Host<'static> = Host::Literal(crate::AddressLiteral::new(core::net::IpAddr::V4(
    core::net::Ipv4Addr::LOCALHOST,
)));

fn introduction<'a>() -> Introduction<'a> {
    Introduction::new(NAME)
}

fn in_the_clear() -> Config {
    Config { auth_in_clear: Mechanisms::of(["PLAIN", "LOGIN", "XOAUTH2"]), ..Config::default() }
}

/// What a driver says of the server behind a handshake.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Certificate {
    Good,
    Unchecked,
}

impl Certificate {
    /// Whether it could be said.
    fn is_said(self, client: &mut Client) -> bool {
        if self == Self::Good { client.tls_verified() } else { client.is_tls() }
    }
}

/// The dialogue as `C:` and `S:` lines: what the server says is taken from `replies`, a handshake is `-- TLS`, and the end stands last.
fn meet(
    mut introduction: Introduction<'_>,
    mut client: Client,
    certificate: Certificate,
    replies: &[&str],
) -> String {
    // Inside TLS from the first octet, or not at all.
    assert_eq!(certificate.is_said(&mut client), client.is_tls());
    let (mut told, mut replies) = (Vec::new(), replies.iter());
    let mut input = String::new();
    loop {
        match introduction.next(&mut client, &mut input.as_bytes()) {
            Ok(true) => told.push("introduced".to_string()),
            Err(error) => told.push(error.to_string()),
            Ok(false) => {
                let said = leaves(&mut client);
                told.extend(said.lines().map(|line| alloc::format!("C: {line}")));
                input.clear();
                if matches!(client.wants(), Wants::Tls(_)) {
                    told.push("-- TLS".to_string());
                    assert!(client.tls_established());
                    assert!(certificate.is_said(&mut client));
                } else if let Some(reply) = replies.next() {
                    told.extend(reply.lines().map(|line| alloc::format!("S: {line}")));
                    input = alloc::format!("{reply}\r\n");
                } else {
                    told.push("...".to_string());
                    return told.join("\n");
                }
                continue;
            }
        }
        assert_eq!(replies.next(), None, "{told:?}");
        return told.join("\n");
    }
}

fn clear(introduction: Introduction<'_>, config: Config, replies: &[&str]) -> String {
    meet(introduction, Client::new(Arc::new(config)), Certificate::Unchecked, replies)
}

#[test]
fn hello_is_enough_where_nothing_else_is_asked_for() {
    assert_eq!(
        clear(introduction(), Config::default(), &["220 mx", "250-mx\r\n250 STARTTLS"]),
        "S: 220 mx\nC: EHLO [127.0.0.1]\nS: 250-mx\nS: 250 STARTTLS\nintroduced"
    );
}

#[test]
fn refusals_of_the_session_and_of_the_hello_are_told_apart() {
    let told = |replies: &[&str]| clear(introduction(), Config::default(), replies);
    assert_eq!(
        told(&["554 5.3.2 no mail"]),
        "S: 554 5.3.2 no mail\nthe server refused the session: 554 5.3.2 no mail"
    );
    assert!(told(&["220 mx", "550 go away"]).ends_with("refused the hello: 550 go away"));
    assert!(told(&["220 mx", "421 busy"]).ends_with("refused the hello: 421 busy"));
    assert!(
        told(&["220 mx", "500 what?", "250 mx"])
            .ends_with("C: HELO [127.0.0.1]\nS: 250 mx\nintroduced")
    );
}

#[test]
fn ehlo_is_said_again_in_tls() {
    assert_eq!(
        clear(
            introduction().with_start_tls(),
            Config::default(),
            &["220 mx", "250-mx\r\n250 STARTTLS", "220 go", "250 mx"]
        ),
        "S: 220 mx\nC: EHLO [127.0.0.1]\nS: 250-mx\nS: 250 STARTTLS\nC: STARTTLS\nS: 220 go\n-- TLS\n\
         C: EHLO [127.0.0.1]\nS: 250 mx\nintroduced"
    );
}

#[test]
fn opportunistic_tls_is_done_without_where_it_is_not_offered_or_refused() {
    let told =
        |replies: &[&str]| clear(introduction().with_start_tls(), Config::default(), replies);
    assert!(told(&["220 mx", "250 mx"]).ends_with("S: 250 mx\nintroduced"));
    let refused = told(&["220 mx", "250-mx\r\n250 STARTTLS", "454 4.7.0 not now"]);
    assert!(refused.ends_with("C: STARTTLS\nS: 454 4.7.0 not now\nintroduced"), "{refused}");
}

#[test]
fn required_tls_is_not_done_without() {
    let config = || Config { tls: Tls::Required, ..Config::default() };
    let told = |replies: &[&str]| clear(introduction(), config(), replies);
    for replies in
        [&["220 mx", "250 mx"][..], &["220 mx", "250-mx\r\n250 STARTTLS", "454 4.7.0 not now"]]
    {
        let told = told(replies);
        assert!(told.ends_with("TLS is required, and cannot be had"), "{told}");
    }
    let unknown = told(&["220 mx", "500 what?"]);
    assert!(
        unknown.ends_with("S: 500 what?\nthe server refused the hello: 500 what?"),
        "{unknown}"
    );
    let met = told(&["220 mx", "250-mx\r\n250 STARTTLS", "220 go", "250 mx"]);
    assert!(met.ends_with("-- TLS\nC: EHLO [127.0.0.1]\nS: 250 mx\nintroduced"), "{met}");
}

#[test]
fn credentials_go_by_the_strongest_mechanism_or_by_the_one_that_was_asked_for() {
    let credentials = Credentials::plain("tim", "tanstaaf");
    let offer = "250-mx\r\n250 AUTH LOGIN PLAIN";
    assert_eq!(
        clear(
            introduction().with_credentials(&credentials).with_auth_in_clear(),
            in_the_clear(),
            &["220 mx", offer, "235 2.7.0 ok"]
        ),
        "S: 220 mx\nC: EHLO [127.0.0.1]\nS: 250-mx\nS: 250 AUTH LOGIN PLAIN\n\
         C: AUTH PLAIN AHRpbQB0YW5zdGFhZg==\nS: 235 2.7.0 ok\nintroduced"
    );
    let login = Mechanism::new("LOGIN").unwrap();
    let told = clear(
        introduction().with_credentials(&credentials).with_mechanism(login).with_auth_in_clear(),
        in_the_clear(),
        &["220 mx", offer, "334 VXNlcm5hbWU6", "334 UGFzc3dvcmQ6", "235 ok"],
    );
    assert!(
        told.ends_with(
            "C: AUTH LOGIN\nS: 334 VXNlcm5hbWU6\nC: dGlt\nS: 334 UGFzc3dvcmQ6\nC: dGFuc3RhYWY=\nS: 235 ok\nintroduced"
        ),
        "{told}"
    );
}

#[test]
fn credentials_are_not_sent_to_just_anybody() {
    let credentials = Credentials::plain("tim", "tanstaaf");
    let asking = || introduction().with_credentials(&credentials).with_start_tls();
    let unknown = "credentials are not sent where the server is not known by its certificate";
    let (offer, in_tls) = ("250-mx\r\n250-STARTTLS\r\n250 AUTH PLAIN", "250-mx\r\n250 AUTH PLAIN");
    // In the clear, and in TLS with nobody knows whom.
    let stripped = clear(asking(), in_the_clear(), &["220 mx", in_tls]);
    assert!(stripped.ends_with(unknown), "{stripped}");
    let unverified = clear(asking(), in_the_clear(), &["220 mx", offer, "220 go", in_tls]);
    assert!(unverified.ends_with(unknown), "{unverified}");
    // The machine has its own list for the clear.
    let insisting = asking().with_auth_in_clear();
    let listed = clear(insisting, Config::default(), &["220 mx", in_tls]);
    assert!(listed.ends_with(unknown), "{listed}");
    // To the right one.
    let replies = ["220 mx", offer, "220 go", in_tls, "235 2.7.0 ok"];
    let told = meet(asking(), Client::new(Arc::default()), Certificate::Good, &replies);
    assert!(told.ends_with("C: AUTH PLAIN AHRpbQB0YW5zdGFhZg==\nS: 235 2.7.0 ok\nintroduced"));
    let implicit = Client::implicit_tls(Arc::default());
    let replies = ["220 mx", in_tls, "235 2.7.0 ok"];
    let told = meet(asking(), implicit, Certificate::Good, &replies);
    assert!(told.ends_with("introduced"), "{told}");
}

#[test]
fn auth_that_cannot_be_done_says_why() {
    let credentials = Credentials::plain("tim", "tanstaaf");
    let told = |mechanism: Option<&'static str>, offer: &str, replies: &[&str]| {
        let mut asking = introduction().with_credentials(&credentials).with_auth_in_clear();
        if let Some(mechanism) = mechanism {
            asking = asking.with_mechanism(Mechanism::new(mechanism).unwrap());
        }
        let offer = alloc::format!("250-mx\r\n250 {offer}");
        let replies: Vec<&str> =
            ["220 mx", &offer].into_iter().chain(replies.iter().copied()).collect();
        clear(asking, in_the_clear(), &replies)
    };
    let table = [
        (None, "SIZE", &[][..], "the server does not offer AUTH"),
        (None, "AUTH CRAM-MD5", &[], "the server offers no mechanism of AUTH that can be used"),
        (
            Some("LOGIN"),
            "AUTH PLAIN",
            &[],
            "the server offers no mechanism of AUTH that can be used",
        ),
        (
            Some("XOAUTH2"),
            "AUTH XOAUTH2",
            &[],
            "AUTH came to nothing: the credentials do not suit the mechanism",
        ),
        (None, "AUTH PLAIN", &["535 5.7.8 no"], "the server refused the credentials: 535 5.7.8 no"),
        (
            None,
            "AUTH PLAIN",
            &["454 4.7.0 later"],
            "the server refused the credentials: 454 4.7.0 later",
        ),
    ];
    for (mechanism, offer, replies, expected) in table {
        let told = told(mechanism, offer, replies);
        assert!(told.ends_with(&alloc::format!("\n{expected}")), "{told}");
    }
    let cancelled = told(None, "AUTH PLAIN", &["334 d2hhdD8=", "501 5.7.0 cancelled"]);
    let error = SaslError::Challenge.to_string();
    let expected = alloc::format!("C: *\nS: 501 5.7.0 cancelled\nAUTH came to nothing: {error}");
    assert!(cancelled.ends_with(&expected), "{cancelled}");
}
