//! The exchange of AUTH, whatever the mechanism says in it.

use super::*;
use crate::Base64;

/// A session inside TLS that has heard an EHLO reply of these keywords.
fn encrypted(keywords: &str) -> Client {
    let mut client = Client::implicit_tls(Arc::new(Config::default()));
    client.hello(Host::parse(b"c.test").unwrap()).unwrap();
    hear(&mut client, "220 mx\r\n");
    leaves(&mut client);
    hear(&mut client, &alloc::format!("250-mx\r\n250-{keywords}\r\n250 PIPELINING\r\n"));
    client
}

fn auth(client: &mut Client, mechanism: &str, initial: Option<&[u8]>) -> Result<Sent, Misuse> {
    client.auth(Mechanism::new(mechanism).unwrap(), initial)
}

#[test]
fn an_initial_response_goes_with_the_command() {
    for (initial, line) in [
        (Some(&b"\0u\0p"[..]), "AUTH PLAIN AHUAcA==\r\n"),
        (Some(b""), "AUTH PLAIN =\r\n"),
        (None, "AUTH PLAIN\r\n"),
    ] {
        let mut client = encrypted("AUTH PLAIN");
        auth(&mut client, "PLAIN", initial).unwrap();
        assert_eq!(leaves(&mut client), line);
        assert_eq!(hear(&mut client, "235 2.7.0 in\r\n"), ["AUTH 235 2.7.0 in"]);
        assert!(client.is_authenticated() && client.is_reusable());
    }
}

#[test]
fn challenges_are_answered_until_the_reply() {
    let mut client = encrypted("AUTH LOGIN");
    let sent = auth(&mut client, "login", None).unwrap();
    assert_eq!(leaves(&mut client), "AUTH login\r\n");
    assert_eq!(hear(&mut client, "334 VXNlcm5hbWU6\r\n"), ["challenge VXNlcm5hbWU6"]);
    assert_eq!((client.wants(), client.noop()), (Wants::Command, Err(Misuse::NotYet)));
    assert_eq!(client.auth_response(b"user"), Ok(sent));
    assert_eq!(
        (client.auth_response(b"x"), client.auth_cancel()),
        (Err(Misuse::Order), Err(Misuse::Order))
    );
    assert_eq!(leaves(&mut client), "dXNlcg==\r\n");
    assert_eq!(hear(&mut client, "334\r\n"), ["challenge "], "without a space it is empty as well");
    client.auth_response(b"").unwrap();
    assert_eq!(leaves(&mut client), "\r\n");
    assert_eq!(hear(&mut client, "535 5.7.8 no\r\n"), ["AUTH 535 5.7.8 no"]);
    assert!(!client.is_authenticated());
    assert!(auth(&mut client, "LOGIN", None).is_ok(), "it may be tried again");
}

#[test]
fn nothing_stands_behind_auth_before_its_reply() {
    let mut client = encrypted("AUTH PLAIN");
    client.noop().unwrap();
    auth(&mut client, "PLAIN", Some(b"\0u\0p")).unwrap();
    assert_eq!(mail(&mut client, "a@x.test", ""), Err(Misuse::NotYet));
    assert_eq!(leaves(&mut client), "NOOP\r\n");
    hear(&mut client, "250 ok\r\n");
    assert_eq!(leaves(&mut client), "AUTH PLAIN AHUAcA==\r\n");
}

#[test]
fn an_exchange_that_is_given_up_ends_by_a_refusal() {
    let cancelled = || {
        let mut client = encrypted("AUTH LOGIN");
        auth(&mut client, "LOGIN", None).unwrap();
        leaves(&mut client);
        hear(&mut client, "334 \r\n");
        client.auth_cancel().unwrap();
        assert_eq!(leaves(&mut client), "*\r\n");
        client
    };
    let mut client = cancelled();
    assert_eq!(hear(&mut client, "501 5.7.0 as you like\r\n"), ["AUTH 501 5.7.0 as you like"]);
    assert!(!client.is_authenticated() && client.noop().is_ok());
    for reply in ["235 2.7.0 in\r\n", "334 \r\n", "250 ok\r\n"] {
        let error = Err(Error::Unexpected(Verb::Auth));
        assert_eq!(cancelled().next(&mut reply.as_bytes()), error, "{reply}");
    }
}

#[test]
fn a_challenge_that_cannot_be_decoded_is_given_up_by_the_machine() {
    for challenge in ["%%%", "AHU", "AHUAcB==", " AHUA", "AHUA "] {
        let mut client = encrypted("AUTH LOGIN");
        auth(&mut client, "LOGIN", None).unwrap();
        leaves(&mut client);
        assert_eq!(hear(&mut client, &alloc::format!("334 {challenge}\r\n")), [""; 0]);
        assert_eq!(leaves(&mut client), "*\r\n", "{challenge}");
        assert_eq!(hear(&mut client, "501 what\r\n"), ["AUTH 501 what"]);
    }
    let mut client = encrypted("AUTH LOGIN");
    auth(&mut client, "LOGIN", None).unwrap();
    leaves(&mut client);
    assert_eq!(hear(&mut client, "334-AHUA\r\n334 AHUA\r\n"), [""; 0]);
    assert_eq!(leaves(&mut client), "*\r\n");
}

#[test]
fn an_initial_response_without_room_waits_for_the_first_challenge() {
    // "AUTH PLAIN " and CRLF leave 499 octets, which are 124 groups of base64.
    let mut client = encrypted("AUTH PLAIN");
    auth(&mut client, "PLAIN", Some(&[b'x'; 372])).unwrap();
    assert_eq!(leaves(&mut client).len(), 509);
    let long = [b'x'; 373];
    let held = || {
        let mut client = encrypted("AUTH PLAIN");
        auth(&mut client, "PLAIN", Some(&long)).unwrap();
        assert_eq!(leaves(&mut client), "AUTH PLAIN\r\n");
        client
    };
    let mut client = held();
    assert_eq!(hear(&mut client, "334 \r\n"), [""; 0]);
    assert_eq!(leaves(&mut client), [&Base64::encode(&long), "\r\n"].concat());
    assert_eq!(hear(&mut client, "334 AHUA\r\n"), ["challenge AHUA"]);
    let mut client = held();
    assert_eq!(hear(&mut client, "334 AHUA\r\n"), [""; 0]);
    assert_eq!(leaves(&mut client), "*\r\n", "a response to nothing that was asked");
}

#[test]
fn a_line_of_an_exchange_is_bounded() {
    let mut client = encrypted("AUTH X");
    assert_eq!(auth(&mut client, "X", Some(&[0; 9216])), Err(Misuse::Invalid));
    auth(&mut client, "X", Some(&[0; 9213])).unwrap();
    leaves(&mut client);
    hear(&mut client, "334 \r\n");
    assert_eq!(leaves(&mut client).len(), 12_286);
    let long = alloc::format!("334 {}\r\n", "A".repeat(12_280));
    assert_eq!(hear(&mut client, &long).len(), 1);
    assert_eq!(client.auth_response(&[0; 9216]), Err(Misuse::Invalid));
    client.auth_response(&[0; 9213]).unwrap();
    leaves(&mut client);
    let endless = alloc::format!("334 {}", "A".repeat(12_284));
    assert_eq!(client.next(&mut endless.as_bytes()), Err(Error::TooLong));
}

#[test]
fn in_the_clear_only_what_is_allowed_by_name_is_said() {
    let mut client = ready("AUTH PLAIN CRAM-MD5");
    assert_eq!(auth(&mut client, "PLAIN", Some(b"\0u\0p")), Err(Misuse::NeedsTls));
    let config = Config { auth_in_clear: Mechanisms::of(["CRAM-MD5"]), ..Config::default() };
    let mut client = ready_with(config, "AUTH PLAIN CRAM-MD5");
    assert_eq!(auth(&mut client, "PLAIN", Some(b"\0u\0p")), Err(Misuse::NeedsTls));
    assert_eq!((client.outgoing(), client.is_outgoing_secret()), (&b""[..], false));
    assert!(auth(&mut client, "CRAM-MD5", None).is_ok());
}

#[test]
fn auth_comes_once_and_outside_a_transaction() {
    let mut client = encrypted("AUTH PLAIN");
    assert_eq!(auth(&mut client, "LOGIN", None), Err(Misuse::NotOffered));
    assert_eq!(
        (client.auth_response(b""), client.auth_cancel()),
        (Err(Misuse::Order), Err(Misuse::Order))
    );
    mail(&mut client, "a@x.test", "").unwrap();
    assert_eq!(auth(&mut client, "PLAIN", None), Err(Misuse::Order));
    leaves(&mut client);
    hear(&mut client, "250 ok\r\n");
    client.reset().unwrap();
    assert!(auth(&mut client, "PLAIN", Some(b"")).is_ok());
    leaves(&mut client);
    hear(&mut client, "250 ok\r\n");
    leaves(&mut client);
    hear(&mut client, "235 in\r\n");
    assert_eq!(auth(&mut client, "PLAIN", None), Err(Misuse::Order));
    // RFC 3207 4.2, and nothing but the name is forgotten by EHLO.
    client.hello(Host::parse(b"c.test").unwrap()).unwrap();
    leaves(&mut client);
    hear(&mut client, "250-mx\r\n250 STARTTLS\r\n");
    assert_eq!((client.is_authenticated(), client.start_tls()), (true, Err(Misuse::Order)));
}

#[test]
fn a_reply_of_another_kind_cannot_answer_auth() {
    for reply in ["354 x\r\n", "221 x\r\n"] {
        let mut client = encrypted("AUTH PLAIN");
        auth(&mut client, "PLAIN", None).unwrap();
        leaves(&mut client);
        assert_eq!(client.next(&mut reply.as_bytes()), Err(Error::Unexpected(Verb::Auth)));
    }
}

#[test]
fn secrets_are_shown_nowhere_and_wiped_once_they_are_sent() {
    let mut client = encrypted("AUTH LOGIN");
    auth(&mut client, "LOGIN", Some(b"hush")).unwrap();
    assert!(client.is_outgoing_secret());
    client.sent(3);
    assert!(client.is_outgoing_secret());
    let shown = alloc::format!("{client:?}");
    assert!(!shown.contains("hush") && !shown.contains("aHVzaA"), "{shown}");
    leaves(&mut client);
    assert!(!client.is_outgoing_secret());
    let mut input = &b"334 c2VjcmV0\r\n"[..];
    let event = client.next(&mut input).unwrap().unwrap();
    assert_eq!(alloc::format!("{event:?}"), "Challenge(Base64(<redacted>))");
}

#[test]
fn a_421_ends_an_exchange_and_the_session() {
    let mut client = encrypted("AUTH LOGIN");
    auth(&mut client, "LOGIN", None).unwrap();
    leaves(&mut client);
    hear(&mut client, "334 \r\n");
    assert_eq!(hear(&mut client, "421 4.4.2 slow\r\n"), ["unavailable 421 4.4.2 slow"]);
    assert_eq!((client.auth_response(b""), client.wants()), (Err(Misuse::Over), Wants::Close));
}

/// RFC 4954 4: success is 235; of a code that nobody named the first digit counts (RFC 5321 4.2.1).
#[test]
fn only_235_lets_a_client_in() {
    for (reply, taken) in [("235 in", true), ("299 in", true), ("250 ok", false), ("221 x", false)]
    {
        let mut client = encrypted("AUTH PLAIN");
        auth(&mut client, "PLAIN", Some(b"\0u\0p")).unwrap();
        leaves(&mut client);
        let said = hear(&mut client, &alloc::format!("{reply}\r\n"));
        assert_eq!(client.is_authenticated(), taken, "{said:?}");
        assert_eq!(client.is_over(), !taken, "{said:?}");
    }
}
