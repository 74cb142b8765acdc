use alloc::format;
use alloc::string::String;
use alloc::vec;

use proptest::prelude::*;

use super::*;

fn mechanism(name: &'static str) -> Mechanism<'static> {
    Mechanism::new(name).unwrap()
}

/// What a server makes of one response to the mechanism.
fn server(name: &'static str, response: &[u8]) -> Step {
    exchange(mechanism(name)).unwrap().step(Some(response))
}

fn plain(authzid: Option<&str>, authcid: &str, password: &[u8]) -> Credentials {
    let password = Secret::from(password.to_vec());
    Credentials::Plain { authzid: authzid.map(String::from), authcid: authcid.into(), password }
}

#[test]
fn plain_keeps_authzid_and_authcid_apart_and_asks_nobody_about_what_is_malformed() {
    let long = "x".repeat(255);
    let longest = format!("{long}\0{long}\0{long}");
    let check = Step::Check;
    let table = [
        // The examples of RFC 4616 4.
        ("\0tim\0tanstaaftanstaaf", check(plain(None, "tim", b"tanstaaftanstaaf"))),
        ("Ursel\0Kurt\0xipj3plmq", check(plain(Some("Ursel"), "Kurt", b"xipj3plmq"))),
        ("a\0b\0c", check(plain(Some("a"), "b", b"c"))),
        (&longest, check(plain(Some(&long), &long, long.as_bytes()))),
        (
            "\0b\u{fc}cher\0\u{e9} \u{fc}",
            check(plain(None, "b\u{fc}cher", "\u{e9} \u{fc}".as_bytes())),
        ),
        ("", Step::Refused),
        ("\0", Step::Refused),
        ("\0\0", Step::Refused),
        ("\0a", Step::Refused),
        ("\0a\0", Step::Refused),
        ("\0\0p", Step::Refused),
        ("a\0\0p", Step::Refused),
        ("\0a\0p\0", Step::Refused),
        ("\0a\r\nb\0p", Step::Refused),
        ("\x1b\0a\0p", Step::Refused),
        ("\0a\u{85}\0p", Step::Refused),
        ("\0a\0p\x7f", Step::Refused),
    ];
    for (message, step) in table {
        assert_eq!(server("PLAIN", message.as_bytes()), step, "{message:?}");
    }
    for message in [&b"\0\xff\0p"[..], b"\xff\0a\0p", b"\0a\0\xff"] {
        assert_eq!(server("PLAIN", message), Step::Refused, "{message:?}");
    }
}

#[test]
fn a_client_that_speaks_first_is_asked_to() {
    for name in ["PLAIN", "OAUTHBEARER", "XOAUTH2", "EXTERNAL", "ANONYMOUS"] {
        assert_eq!(
            exchange(mechanism(name)).unwrap().step(None),
            Step::Challenge(vec![]),
            "{name}"
        );
    }
}

#[test]
fn login_asks_for_the_name_and_the_password() {
    let steps = |responses: &[Option<&[u8]>]| {
        let mut login = exchange(mechanism("login")).unwrap();
        responses.iter().map(|&response| login.step(response)).last().unwrap()
    };
    let check = Step::Check(plain(None, "tim", b"tanstaaf"));
    assert_eq!(steps(&[None, Some(b"tim"), Some(b"tanstaaf")]), check);
    assert_eq!(steps(&[Some(b"tim"), Some(b"tanstaaf")]), check);
    assert_eq!(
        steps(&[None, Some(b"tim"), Some(b"\xe9")]),
        Step::Check(plain(None, "tim", b"\xe9"))
    );
    for name in [&b""[..], b"t\0m", b"t\nm", b"\xff"] {
        assert_eq!(steps(&[None, Some(name)]), Step::Refused, "{name:?}");
    }
    for password in [&b""[..], b"p\0", b"p\r"] {
        assert_eq!(steps(&[None, Some(b"tim"), Some(password)]), Step::Refused, "{password:?}");
    }
}

fn bearer(authzid: Option<&str>, token: &str, host: Option<&str>, port: Option<u16>) -> Step {
    Step::Check(Credentials::Bearer {
        authzid: authzid.map(String::from),
        token: token.into(),
        host: host.map(String::from),
        port,
    })
}

/// The token of the examples of RFC 7628 4.
const TOKEN: &str = "vF9dft4qmTc2Nvb3RlckBhbHRhdmlzdGEuY29tCg==";

#[test]
fn oauthbearer_reads_its_pairs_and_ignores_those_it_does_not_know() {
    let failure = || Step::Challenge(br#"{"status":"invalid_token"}"#.to_vec());
    let table = [
        (
            format!(
                "n,a=user@example.com,\u{1}host=server.example.com\u{1}port=587\u{1}auth=Bearer {TOKEN}\u{1}\u{1}"
            ),
            bearer(Some("user@example.com"), TOKEN, Some("server.example.com"), Some(587)),
        ),
        ("y,,\u{1}mthd=POST\u{1}auth=bearer  x\u{1}\u{1}".into(), bearer(None, "x", None, None)),
        (
            "n,a=a=2Cb=3Dc,\u{1}auth=Bearer x\u{1}\u{1}".into(),
            bearer(Some("a,b=c"), "x", None, None),
        ),
        ("\u{1}".into(), Step::Refused),
        (String::new(), failure()),
        ("n,,\u{1}\u{1}".into(), failure()),
        ("n,,\u{1}host=x.test\u{1}\u{1}".into(), failure()),
        ("n,,\u{1}auth=\u{1}\u{1}".into(), failure()),
        ("n,,\u{1}auth=Bearer \u{1}\u{1}".into(), failure()),
        ("n,,\u{1}auth=Basic x\u{1}\u{1}".into(), failure()),
        ("n,,\u{1}auth=Bearer x y\u{1}\u{1}".into(), failure()),
        ("n,,\u{1}auth=Bearer x\r\nX: y\u{1}\u{1}".into(), failure()),
        ("n,,\u{1}auth=Bearer x\u{1}auth=Bearer y\u{1}\u{1}".into(), failure()),
        ("n,,\u{1}auth=Bearer x\u{1}".into(), failure()),
        ("n,,\u{1}auth=Bearer x".into(), failure()),
        ("n,,\u{1}auth=Bearer x\u{1}\u{1}\u{1}".into(), failure()),
        ("n,,\u{1}auth=Bearer x\u{1}\u{1}x".into(), failure()),
        ("n,,\u{1}port=0587\u{1}auth=Bearer x\u{1}\u{1}".into(), failure()),
        ("n,,\u{1}port=65536\u{1}auth=Bearer x\u{1}\u{1}".into(), failure()),
        ("n,,\u{1}=x\u{1}auth=Bearer x\u{1}\u{1}".into(), failure()),
        ("p=tls-unique,,\u{1}auth=Bearer x\u{1}\u{1}".into(), failure()),
        ("n,a=,\u{1}auth=Bearer x\u{1}\u{1}".into(), failure()),
        ("n,a=b=2c,\u{1}auth=Bearer x\u{1}\u{1}".into(), failure()),
        ("n,a=b,c,\u{1}auth=Bearer x\u{1}\u{1}".into(), failure()),
        ("n,a=b\nc,\u{1}auth=Bearer x\u{1}\u{1}".into(), failure()),
        ("n\u{1}auth=Bearer x\u{1}\u{1}".into(), failure()),
    ];
    for (message, step) in table {
        assert_eq!(server("OAUTHBEARER", message.as_bytes()), step, "{message:?}");
    }
}

#[test]
fn xoauth2_reads_a_user_and_a_token_and_nothing_else() {
    let failure = || Step::Challenge(br#"{"status":"401","schemes":"bearer"}"#.to_vec());
    let table = [
        ("user=a@x.test\u{1}auth=Bearer x\u{1}\u{1}", bearer(Some("a@x.test"), "x", None, None)),
        ("user=\u{1}auth=Bearer x\u{1}\u{1}", failure()),
        ("user=a\0b\u{1}auth=Bearer x\u{1}\u{1}", failure()),
        ("user=a\u{1}auth=Bearer x\u{1}", failure()),
        ("user=a\u{1}auth=Bearer x\u{1}\u{1}\u{1}", failure()),
        ("user=a\u{1}auth=x\u{1}\u{1}", failure()),
        ("user=a\u{1}\u{1}", failure()),
        ("auth=Bearer x\u{1}user=a\u{1}\u{1}", failure()),
        ("", failure()),
    ];
    for (message, step) in table {
        assert_eq!(server("XOAUTH2", message.as_bytes()), step, "{message:?}");
    }
}

/// RFC 7628 3.2.3: the error stands in a challenge, and the exchange is refused behind the dummy response.
#[test]
fn a_refused_token_is_told_of_in_a_challenge_whose_answer_is_refused() {
    for (name, dummy) in [("OAUTHBEARER", &b"\x01"[..]), ("XOAUTH2", b"")] {
        let credentials = Credentials::bearer("a@x.test", "x");
        let mut client = initiator(mechanism(name), &credentials).unwrap();
        let mut server = exchange(mechanism(name)).unwrap();
        let message = client.initial().unwrap();
        assert_eq!(server.step(Some(message.as_bytes())), Step::Check(credentials));
        let Step::Challenge(failure) = server.refuse() else { panic!("{name} has no challenge") };
        let answer = client.respond(&failure).unwrap();
        assert_eq!(answer.as_bytes(), dummy);
        assert_eq!(server.step(Some(answer.as_bytes())), Step::Refused);
        assert_eq!(client.respond(&failure), Err(SaslError::Challenge), "once only");
    }
}

#[test]
fn external_and_anonymous_are_names_without_control_characters() {
    let external = |authzid: Option<&str>| {
        Step::Check(Credentials::External { authzid: authzid.map(String::from) })
    };
    let anonymous = |trace: &str| Step::Check(Credentials::Anonymous { trace: trace.into() });
    let long = "\u{fc}".repeat(255);
    let longer = "\u{fc}".repeat(256);
    let table = [
        ("EXTERNAL", "", external(None)),
        ("EXTERNAL", "fred@example.com", external(Some("fred@example.com"))),
        ("EXTERNAL", "a\0", Step::Refused),
        ("ANONYMOUS", "", anonymous("")),
        ("ANONYMOUS", "sirhc", anonymous("sirhc")),
        ("ANONYMOUS", "a@x.test", anonymous("a@x.test")),
        ("ANONYMOUS", &long, anonymous(&long)),
        ("ANONYMOUS", &longer, Step::Refused),
        ("ANONYMOUS", "a@", Step::Refused),
        ("ANONYMOUS", "a\r\nb", Step::Refused),
    ];
    for (name, message, step) in table {
        assert_eq!(server(name, message.as_bytes()), step, "{name} {message:?}");
    }
    assert_eq!(server("EXTERNAL", b"\xff"), Step::Refused);
}

#[test]
fn there_is_no_challenge_behind_the_one_message() {
    for challenge in [&b""[..], b"x"] {
        let mut client = initiator(mechanism("PLAIN"), &Credentials::plain("a", "b")).unwrap();
        assert_eq!(client.initial(), Some(Secret::from("\0a\0b")));
        assert_eq!(client.respond(challenge), Err(SaslError::Challenge));
    }
}

#[test]
fn login_answers_two_challenges_whatever_they_say() {
    let mut client = initiator(mechanism("LOGIN"), &Credentials::plain("tim", "tanstaaf")).unwrap();
    assert_eq!(client.initial(), None);
    assert_eq!(client.respond(b"User Name\0"), Ok(Secret::from("tim")));
    assert_eq!(client.respond(b"Password\0"), Ok(Secret::from("tanstaaf")));
    assert_eq!(client.respond(b"Again"), Err(SaslError::Challenge));
}

#[test]
fn credentials_that_would_break_a_message_are_refused_before_it_is_made() {
    let bearer = |authzid: Option<&str>, token: &str| Credentials::Bearer {
        authzid: authzid.map(String::from),
        token: token.into(),
        host: None,
        port: None,
    };
    let table = [
        ("PLAIN", plain(None, "", b"p")),
        ("PLAIN", plain(None, "a", b"")),
        ("PLAIN", plain(None, "a", b"\xff")),
        ("PLAIN", plain(Some(""), "a", b"p")),
        ("PLAIN", plain(Some("a\0b"), "a", b"p")),
        ("PLAIN", plain(None, "a", b"p\0q")),
        ("PLAIN", bearer(Some("a"), "x")),
        ("LOGIN", plain(Some("b"), "a", b"p")),
        ("LOGIN", plain(None, "a\nb", b"p")),
        ("XOAUTH2", bearer(None, "x")),
        ("XOAUTH2", bearer(Some("a\u{1}b"), "x")),
        ("XOAUTH2", bearer(Some("a"), "x y")),
        ("OAUTHBEARER", bearer(None, "x\u{1}host=y")),
        ("OAUTHBEARER", bearer(Some("a\u{1}"), "x")),
        ("EXTERNAL", Credentials::External { authzid: Some("\0".into()) }),
        ("ANONYMOUS", Credentials::Anonymous { trace: "a@b@c".into() }),
    ];
    for (name, credentials) in table {
        let error = initiator(mechanism(name), &credentials).err();
        assert_eq!(error, Some(SaslError::Credentials), "{name} {credentials:?}");
    }
    let scram = initiator(mechanism("SCRAM-SHA-256"), &Credentials::plain("a", "b"));
    assert_eq!(scram.err(), Some(SaslError::Mechanism));
}

#[test]
fn the_strongest_that_is_offered_is_chosen_and_never_a_weaker_one_than_the_floor() {
    let password = Credentials::plain("a", "b");
    let token = Credentials::bearer("a", "b");
    let external = Credentials::External { authzid: None };
    let anonymous = Credentials::Anonymous { trace: String::new() };
    let table = [
        ("LOGIN PLAIN SCRAM-SHA-256", &password, Strength::Shown, Some("PLAIN")),
        ("login", &password, Strength::Shown, Some("LOGIN")),
        ("LOGIN PLAIN", &password, Strength::Digest, None),
        ("CRAM-MD5", &password, Strength::Unproved, None),
        ("", &password, Strength::Unproved, None),
        ("PLAIN XOAUTH2 OAUTHBEARER", &token, Strength::Shown, Some("OAUTHBEARER")),
        ("PLAIN EXTERNAL", &external, Strength::Bound, Some("EXTERNAL")),
        ("ANONYMOUS", &anonymous, Strength::Shown, None),
        ("ANONYMOUS", &anonymous, Strength::Unproved, Some("ANONYMOUS")),
    ];
    for (offered, credentials, floor, expected) in table {
        let chosen = choose(&crate::Mechanisms::of(offered.split(' ')), credentials, floor);
        let name = chosen.as_ref().map(|chosen| chosen.mechanism().as_str());
        assert_eq!(name, expected, "{offered} {credentials:?}");
    }
}

#[test]
fn no_secret_is_shown() {
    let secret = "tanstaaf";
    for credentials in [Credentials::plain("tim", secret), Credentials::bearer("tim", secret)] {
        let step = Step::Check(credentials.clone());
        assert!(!format!("{credentials:?} {step:?} {step:#?}").contains(secret));
    }
}

fn names() -> impl Strategy<Value = String> {
    "[a-z@=,;%\u{fc}\u{1f600} ]{1,20}"
}

fn any_credentials() -> impl Strategy<Value = Credentials> {
    let maybe = || proptest::option::of(names());
    prop_oneof![
        (maybe(), names(), names()).prop_map(|(authzid, authcid, password)| {
            Credentials::Plain { authzid, authcid, password: password.into() }
        }),
        (maybe(), "[!-~]{1,20}", maybe(), proptest::option::of(1..u16::MAX)).prop_map(
            |(authzid, token, host, port)| {
                Credentials::Bearer { authzid, token: token.into(), host, port }
            }
        ),
        maybe().prop_map(|authzid| Credentials::External { authzid }),
        "[a-z ]{0,20}".prop_map(|trace| Credentials::Anonymous { trace }),
    ]
}

proptest! {
    /// Whatever a client's side takes, the server's side gives to its application as it was, but for what LOGIN and XOAUTH2 cannot say.
    #[test]
    fn credentials_reach_the_other_side(credentials in any_credentials()) {
        for row in &BUILT_IN {
            let Some(mut client) = (row.initiator)(&credentials) else { continue };
            let mut server = (row.exchange)();
            let mut response = client.initial();
            let step = loop {
                match server.step(response.as_ref().map(Secret::as_bytes)) {
                    Step::Challenge(challenge) => response = Some(client.respond(&challenge).unwrap()),
                    step => break step,
                }
            };
            let mut expected = credentials.clone();
            match &mut expected {
                Credentials::Plain { authzid, .. } if row.name == "LOGIN" => *authzid = None,
                Credentials::Bearer { host, port, .. } if row.name == "XOAUTH2" => (*host, *port) = (None, None),
                _ => {}
            }
            prop_assert_eq!(step, Step::Check(expected), "{}", row.name);
        }
    }

    #[test]
    fn no_message_makes_an_exchange_panic_or_lets_a_control_character_through(messages in proptest::collection::vec(proptest::collection::vec(prop_oneof![Just(0), Just(1), Just(b'='), Just(b','), any::<u8>()], 0..40), 1..4)) {
        for row in &BUILT_IN {
            let mut server = (row.exchange)();
            for message in &messages {
                if let Step::Check(credentials) = server.step(Some(message)) {
                    prop_assert!((row.initiator)(&credentials).is_some() || row.name == "LOGIN", "{credentials:?}");
                }
            }
        }
    }
}
