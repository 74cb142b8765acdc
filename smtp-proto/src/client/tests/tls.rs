//! The way into TLS, and what is not said outside.

use super::*;
use crate::TlsFault;

fn strict() -> Config {
    Config { tls: Tls::Required, ..Config::default() }
}

/// STARTTLS was said and accepted.
fn negotiating(config: Config) -> Client {
    let mut client = ready_with(config, "STARTTLS");
    client.start_tls().unwrap();
    assert_eq!(leaves(&mut client), "STARTTLS\r\n");
    assert_eq!(hear(&mut client, "220 go\r\n"), ["STARTTLS 220 go"]);
    client
}

#[test]
fn a_new_session_begins_inside_tls() {
    let mut client = negotiating(strict());
    assert!(matches!(client.wants(), Wants::Tls(timer) if timer.after == Duration::from_secs(60)));
    assert_eq!((client.noop(), client.quit()), (Err(Misuse::NotYet), Err(Misuse::NotYet)));
    client.tls_established();
    assert!(client.is_tls() && client.extensions().is_none());
    assert_eq!((client.wants(), client.next(&mut &b""[..])), (Wants::Next, Ok(None)));
    assert_eq!((client.wants(), client.noop()), (Wants::Command, Err(Misuse::NotYet)));
    client.hello(Host::parse(b"c.test").unwrap()).unwrap();
    assert_eq!(leaves(&mut client), "EHLO c.test\r\n");
    hear(&mut client, "250-mx\r\n250-STARTTLS\r\n250 8BITMIME\r\n");
    assert_eq!(client.start_tls(), Err(Misuse::Order), "RFC 3207 4.2: not inside TLS");
    assert!(mail(&mut client, "a@x.test", "").is_ok());
}

#[test]
fn a_handshake_that_was_not_wanted_changes_nothing() {
    let mut client = ready_with(strict(), "STARTTLS");
    assert!(!client.tls_established() && !client.tls_verified());
    assert!(!client.is_tls() && client.extensions().is_some());
    assert_eq!(mail(&mut client, "a@x.test", ""), Err(Misuse::NeedsTls));
}

#[test]
fn octets_in_the_clear_behind_the_go_ahead_end_the_session() {
    for early in ["2", "250-evil\r\n250 AUTH PLAIN\r\n"] {
        let mut client = ready("STARTTLS");
        client.start_tls().unwrap();
        leaves(&mut client);
        let said = ["220 go\r\n", early].concat();
        assert_eq!(
            hear(&mut client, &said),
            ["STARTTLS 220 go", "octets in the clear came behind the go-ahead for TLS"]
        );
        let error = Error::PlaintextAfterStartTls(early.len());
        assert_eq!((client.next(&mut &b""[..]), client.wants()), (Err(error), Wants::Close));
        client.tls_established();
        assert!(!client.is_tls());
    }
}

#[test]
fn the_end_and_the_clock_are_seen_in_the_handshake() {
    let mut client = negotiating(Config::default());
    client.eof();
    assert_eq!(client.next(&mut &b""[..]), Err(Error::Eof));
    let mut client = negotiating(Config::default());
    client.timed_out(client.wants().timer().unwrap().id);
    assert_eq!(client.next(&mut &b""[..]), Err(Error::TimedOut));
}

#[test]
fn a_handshake_that_failed_leaves_nothing_of_the_connection() {
    for fault in [TlsFault::WrongName, TlsFault::Incompatible] {
        let error = Error::Tls(fault);
        let mut client = negotiating(Config::default());
        client.tls_failed(fault);
        assert_eq!((client.next(&mut &b""[..]), client.wants()), (Err(error), Wants::Close));
        assert_eq!((client.noop(), client.outgoing()), (Err(Misuse::Over), &b""[..]));
    }
}

#[test]
fn in_the_clear_a_session_that_requires_tls_says_nothing_else() {
    let mut client = ready_with(strict(), "STARTTLS VRFY");
    assert_eq!(mail(&mut client, "a@x.test", ""), Err(Misuse::NeedsTls));
    assert_eq!(
        [client.reset(), client.data(), client.verify("a"), client.help(""), client.custom("X-A")],
        [Err(Misuse::NeedsTls); 5]
    );
    assert!(!client.is_reusable());
    client.noop().unwrap();
    client.start_tls().unwrap();
    assert_eq!(leaves(&mut client), "NOOP\r\n");
}

#[test]
fn where_tls_is_required_and_cannot_be_had_the_session_ends() {
    let required = "TLS is required, and cannot be had";
    for refusal in ["454 4.7.0 no", "502 5.5.1 no"] {
        let mut client = ready_with(strict(), "STARTTLS");
        client.start_tls().unwrap();
        leaves(&mut client);
        let told = alloc::format!("STARTTLS {refusal}");
        assert_eq!(hear(&mut client, &alloc::format!("{refusal}\r\n")), [&told, required]);
        assert_eq!((client.wants(), client.outgoing()), (Wants::Close, &b""[..]));
    }
    for (reply, told) in
        [("250-mx\r\n250 8BITMIME\r\n", "EHLO 250 mx 8BITMIME"), ("500 no\r\n", "EHLO 500 no")]
    {
        let mut client = client_of(strict());
        hear(&mut client, "220 mx\r\n");
        leaves(&mut client);
        assert_eq!(hear(&mut client, reply), [told, required]);
        assert_eq!((client.wants(), client.outgoing()), (Wants::Close, &b""[..]));
    }
}

#[test]
fn a_refusal_is_the_callers_where_tls_is_optional() {
    let mut client = ready("STARTTLS");
    client.start_tls().unwrap();
    leaves(&mut client);
    assert_eq!(hear(&mut client, "454 4.7.0 no\r\n"), ["STARTTLS 454 4.7.0 no"]);
    assert!(mail(&mut client, "a@x.test", "").is_ok());
}

#[test]
fn starttls_is_offered_and_outside_a_transaction() {
    let mut client = ready("8BITMIME");
    assert_eq!(client.start_tls(), Err(Misuse::NotOffered));
    let mut client = ready("STARTTLS");
    mail(&mut client, "a@x.test", "").unwrap();
    assert_eq!(client.start_tls(), Err(Misuse::Order));
    leaves(&mut client);
    hear(&mut client, "550 no\r\n");
    assert!(client.start_tls().is_ok());
}

#[test]
fn only_220_lets_a_handshake_begin() {
    for reply in ["250 x\r\n", "354 x\r\n", "221 x\r\n"] {
        let mut client = ready("STARTTLS");
        client.start_tls().unwrap();
        leaves(&mut client);
        assert_eq!(client.next(&mut reply.as_bytes()), Err(Error::Unexpected(Verb::StartTls)));
    }
}

/// RFC 8689 4.2.1: a certificate that nobody checked is that of anybody.
#[test]
fn a_letter_that_requires_tls_goes_neither_in_the_clear_nor_to_just_anybody() {
    let mut client = ready("REQUIRETLS");
    assert_eq!(mail(&mut client, "a@x.test", "REQUIRETLS"), Err(Misuse::NeedsTls));
    let mut client = Client::implicit_tls(Arc::new(Config::default()));
    client.hello(Host::parse(b"c.test").unwrap()).unwrap();
    hear(&mut client, "220 mx\r\n");
    leaves(&mut client);
    hear(&mut client, "250-mx\r\n250 REQUIRETLS\r\n");
    assert_eq!(mail(&mut client, "a@x.test", "REQUIRETLS"), Err(Misuse::Unverified));
    assert!(client.tls_verified() && client.is_verified());
    mail(&mut client, "a@x.test", "REQUIRETLS").unwrap();
    assert_eq!(leaves(&mut client), "MAIL FROM:<a@x.test> REQUIRETLS\r\n");
}
