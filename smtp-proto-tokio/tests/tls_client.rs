//! TLS and AUTH of a client: whom it trusts, what it says to whom, and with which error it leaves.
#![cfg(feature = "rustls")]

#[path = "support/certificates.rs"]
#[allow(dead_code, reason = "each test file uses a part of it")]
mod certificates;
mod clerk;

use core::time::Duration;
use std::sync::Arc;

use certificates::{Authority, Certificate, FUTURE, NOW, PAST};
use clerk::{Clerk, Log, Trip, config};
use smtp_proto::client::{self, IntroductionError};
use smtp_proto::delivery::{Content, Envelope, Fate};
use smtp_proto::sasl::Credentials;
use smtp_proto::server::{Config, StartTls};
use smtp_proto::{Host, Mechanisms, TlsFault, stock};
use smtp_proto_tokio::client::{Client, Error, Security, Session as Upstream, Setup};
use smtp_proto_tokio::tls::{Acceptor, Connector, Handshake};
use smtp_proto_tokio::{Session, serve};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, DuplexStream, duplex};
use tokio::time::{Instant, timeout};

fn acceptor(Certificate { chain, key }: &Certificate) -> Acceptor {
    Acceptor::from_pem(chain.as_bytes(), key.as_bytes()).unwrap()
}

fn trusting(authority: &Authority, name: &str) -> Handshake {
    Connector::trusting(authority.pem.as_bytes()).unwrap().to(name).unwrap()
}

fn with_tls() -> Config {
    let mut config = config();
    config.starttls = StartTls::Offered;
    config.auth.in_tls = Mechanisms::of(["PLAIN", "LOGIN"]);
    config
}

/// A server that this certificate is shown by.
fn serving(certificate: &Certificate, clerk: Clerk, config: Config) -> DuplexStream {
    let (client, stream) = duplex(4096);
    let session = Session::new(stream, Arc::new(config)).with_tls(acceptor(certificate));
    tokio::spawn(serve(session, clerk));
    client
}

fn setup<'a>() -> Setup<'a> {
    Setup::new(Host::parse(b"c.test").unwrap())
}

/// The error without what else is in it.
fn session_error(result: Result<Client<DuplexStream>, Error>) -> client::Error {
    match result {
        Err(Error::Session(error)) => error,
        other => panic!("{other:?}"),
    }
}

async fn deliver(client: &mut Client<DuplexStream>) -> Vec<Fate> {
    let mut fates = Vec::new();
    let envelope = Envelope::new("alice@c.test", ["bob@mx.test"]).unwrap();
    let delivered = client.deliver(envelope, Content::seven_bit(), "hello\r\n", |_, outcome| {
        fates.push(outcome.fate);
    });
    delivered.await.unwrap();
    fates
}

fn log_of(clerk: &Clerk) -> Log {
    clerk.log.clone()
}

#[tokio::test]
async fn letter_goes_encrypted_and_the_sender_is_known() {
    let authority = Authority::new();
    let certificate = authority.issue(&["mx.test"], NOW);
    let credentials = Credentials::plain("tim", "tanstaaf");
    let clerk = Clerk::default();
    let log = log_of(&clerk);
    let mut client = setup()
        .with_security(Security::Required(trusting(&authority, "mx.test")))
        .with_credentials(&credentials)
        .connect(serving(&certificate, clerk, with_tls()))
        .await
        .unwrap();
    assert!(client.tls().unwrap().verified);
    assert_eq!(deliver(&mut client).await, [Fate::Delivered]);
    client.quit().await.unwrap();
    assert_eq!(
        log.lines(),
        [
            "connect",
            "EHLO c.test",
            "TLSv1.3 for mx.test, no certificate",
            "EHLO c.test",
            r#"Plain { authzid: None, authcid: "tim", password: Secret(<redacted>) }"#,
            "from alice@c.test",
            "to bob@mx.test",
            "begin by ESMTPSA to 1",
            "write 7",
            "commit 7",
            "closed: QUIT",
        ]
    );
}

#[tokio::test]
async fn tls_from_the_first_octet_needs_no_starttls() {
    let authority = Authority::new();
    let (stream, other) = duplex(4096);
    let acceptor = acceptor(&authority.issue(&["192.0.2.1"], NOW));
    tokio::spawn(serve(
        Session::implicit_tls(other, acceptor, Arc::new(with_tls())),
        Clerk::default(),
    ));
    let mut client = setup()
        .with_security(Security::Implicit(trusting(&authority, "192.0.2.1")))
        .connect(stream)
        .await
        .unwrap();
    assert_eq!(deliver(&mut client).await, [Fate::Delivered]);
}

#[tokio::test]
async fn each_fault_of_a_certificate_is_an_error_of_its_own() {
    let (authority, stranger) = (Authority::new(), Authority::new());
    for (certificate, fault) in [
        (stranger.issue(&["mx.test"], NOW), TlsFault::UnknownIssuer),
        (authority.issue(&["other.test"], NOW), TlsFault::WrongName),
        (authority.issue(&["mx.test"], PAST), TlsFault::Expired),
        (authority.issue(&["mx.test"], FUTURE), TlsFault::NotValidYet),
    ] {
        let clerk = Clerk::default();
        let log = log_of(&clerk);
        let stream = serving(&certificate, clerk, with_tls());
        let security = Security::Required(trusting(&authority, "mx.test"));
        let client = setup().with_security(security).connect(stream).await;
        assert_eq!(session_error(client), client::Error::Tls(fault));
        while !log.lines().iter().any(|line| line == "closed: TLS handshake") {
            tokio::task::yield_now().await;
        }
        // The one that checks nothing does not mind.
        let security = Security::Opportunistic(Connector::unverified().to("mx.test").unwrap());
        let stream = serving(&certificate, Clerk::default(), with_tls());
        let client = setup().with_security(security).connect(stream).await.unwrap();
        assert_eq!(client.tls().map(|tls| tls.verified), Some(false));
    }
}

#[tokio::test]
async fn starttls_that_is_cut_out_ends_a_session_that_needs_it() {
    let authority = Authority::new();
    let handshake = trusting(&authority, "mx.test");
    let credentials = Credentials::plain("tim", "tanstaaf");
    for mut config in [config(), with_tls()] {
        // Not offered; offered and refused.
        config.auth.in_clear = Mechanisms::of(["PLAIN"]);
        let start = || {
            let (client, stream) = duplex(4096);
            let (session, clerk) =
                (Session::new(stream, Arc::new(config.clone())), Clerk::default());
            let log = log_of(&clerk);
            tokio::spawn(serve(session, clerk));
            (client, log)
        };
        let (stream, log) = start();
        let security = Security::Required(handshake.clone());
        let client =
            setup().with_security(security).with_credentials(&credentials).connect(stream).await;
        assert_eq!(session_error(client), client::Error::TlsRequired);
        assert_eq!(log.lines()[..2], ["connect", "EHLO c.test"]);

        // Where it is only taken if it is there, the credentials stay here all the same.
        let (stream, log) = start();
        let security = Security::Opportunistic(handshake.clone());
        let client =
            setup().with_security(security).with_credentials(&credentials).connect(stream).await;
        let unprotected = IntroductionError::Unprotected;
        assert!(matches!(client, Err(Error::Introduction(error)) if error == unprotected));
        assert!(!log.lines().iter().any(|line| line.starts_with("Plain")));

        let (stream, _) = start();
        let security = Security::Opportunistic(handshake.clone());
        let mut client = setup().with_security(security).connect(stream).await.unwrap();
        assert!(client.tls().is_none());
        assert_eq!(deliver(&mut client).await, [Fate::Delivered]);
    }
}

/// Says these replies, each in a write of its own: the first as the greeting, the others behind a line of the client.
fn scripted(replies: &'static [&'static [&'static str]]) -> DuplexStream {
    let (client, stream) = duplex(4096);
    tokio::spawn(async move {
        let (mut stream, mut line) = (BufReader::new(stream), Vec::new());
        for writes in replies {
            for reply in *writes {
                stream.write_all(reply.as_bytes()).await.unwrap();
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
            if stream.read_until(b'\n', &mut line).await.is_err() {
                return;
            }
        }
        // It stays, and says nothing more.
        let mut rest = Vec::new();
        let _ = tokio::io::AsyncReadExt::read_to_end(&mut stream, &mut rest).await;
    });
    client
}

const GREETING: &[&str] = &["220 mx.test ESMTP\r\n"];
const OFFER: &[&str] = &["250-mx.test\r\n250 STARTTLS\r\n"];

#[tokio::test]
async fn octets_in_front_of_the_handshake_are_refused() {
    let authority = Authority::new();
    let security = || Security::Required(trusting(&authority, "mx.test"));
    let stream =
        scripted(&[GREETING, OFFER, &["220 2.0.0 Go ahead\r\n250-mx.test\r\n250 AUTH PLAIN\r\n"]]);
    let client = setup().with_security(security()).connect(stream).await;
    assert_eq!(session_error(client), client::Error::PlaintextAfterStartTls(29));
    // In a write of their own they are read by TLS.
    let stream = scripted(&[
        GREETING,
        OFFER,
        &["220 2.0.0 Go ahead\r\n", "250-mx.test\r\n250 AUTH PLAIN\r\n"],
    ]);
    let client = setup().with_security(security()).connect(stream).await;
    assert_eq!(session_error(client), client::Error::Tls(TlsFault::Protocol));
}

#[tokio::test(start_paused = true)]
async fn server_that_does_not_shake_hands_is_left_in_time() {
    let authority = Authority::new();
    let stream = scripted(&[GREETING, OFFER, &["220 2.0.0 Go ahead\r\n"]]);
    let mut config = client::Config::default();
    config.waits.handshake = Duration::from_secs(30);
    config.tls = client::Tls::Required;
    let config = Arc::new(config);
    let start = Instant::now();
    let upstream = Upstream::new(stream, Arc::clone(&config));
    let (silent, _kept) = duplex(4096);
    let handshake = trusting(&authority, "mx.test");
    for mut session in
        [upstream.with_tls(handshake.clone()), Upstream::implicit_tls(silent, handshake, config)]
    {
        let mut introduction = client::Introduction::new(Host::parse(b"c.test").unwrap());
        let error = loop {
            // Cancelled all the time: the wait is that of the whole handshake.
            let introduced = session.introduce(&mut introduction);
            if let Ok(result) = timeout(Duration::from_secs(7), introduced).await {
                break result.unwrap_err();
            }
        };
        assert!(
            matches!(error, Error::Session(client::Error::Tls(TlsFault::TimedOut))),
            "{error:?}"
        );
    }
    assert_eq!(start.elapsed().as_secs(), 60);
}

#[tokio::test]
async fn server_that_leaves_in_the_handshake_is_told_of() {
    let (stream, other) = duplex(4096);
    drop(other);
    let authority = Authority::new();
    let security = Security::Implicit(trusting(&authority, "mx.test"));
    let error = session_error(setup().with_security(security).connect(stream).await);
    assert_eq!(error, client::Error::Tls(TlsFault::Eof));
}

#[tokio::test]
async fn wrong_password_is_the_servers_reply() {
    let authority = Authority::new();
    let clerk = Clerk::that("authenticate", Trip::Refuse(stock::BAD_CREDENTIALS));
    let stream = serving(&authority.issue(&["mx.test"], NOW), clerk, with_tls());
    let client = setup()
        .with_security(Security::Required(trusting(&authority, "mx.test")))
        .with_credentials(&Credentials::plain("tim", "wrong"))
        .connect(stream)
        .await;
    match client {
        Err(Error::Introduction(IntroductionError::Auth(reply))) => {
            assert_eq!(reply.to_string(), "535 5.7.8 Authentication failed");
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn credentials_go_in_clear_only_where_that_was_said() {
    let credentials = Credentials::plain("tim", "tanstaaf");
    for in_clear in [false, true] {
        let mut config = config();
        config.auth.in_clear = Mechanisms::of(["PLAIN"]);
        let (stream, other) = duplex(4096);
        let clerk = Clerk::default();
        let log = log_of(&clerk);
        tokio::spawn(serve(Session::new(other, Arc::new(config)), clerk));
        let mut setup = setup().with_credentials(&credentials);
        if in_clear {
            setup = setup.with_auth_in_clear();
        }
        let client = setup.connect(stream).await;
        assert_eq!(client.is_ok(), in_clear);
        let asked = log.lines().iter().any(|line| line.starts_with("Plain"));
        assert_eq!(asked, in_clear);
    }
}
