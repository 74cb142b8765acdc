//! TLS of a server: how a session becomes encrypted, and what nobody gets through on the way.
#![cfg(feature = "rustls")]

#[path = "support/certificates.rs"]
#[allow(dead_code, reason = "each test file uses a part of it")]
mod certificates;
mod clerk;

use core::pin::Pin;
use core::task::{Context, Poll};
use core::time::Duration;
use std::io;
use std::sync::Arc;

use certificates::{Authority, Certificate, NOW, self_signed};
use clerk::{Clerk, Client, TAKEN, Trip, config, hush};
use smtp_proto::server::{Config, Event, StartTls, Wants};
use smtp_proto::{Inbox, TlsFault};
use smtp_proto_tokio::tls::{Acceptor, Connector, Handshake, fault, rustls};
use smtp_proto_tokio::{Listener, Session, Stream, serve};
use tokio::io::{
    AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufWriter, DuplexStream, ReadBuf, duplex,
};
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout};

const EHLO: &str = "250-mx.test\r\n250-PIPELINING\r\n250-ENHANCEDSTATUSCODES\r\n250 STARTTLS\r\n";
const INSIDE: &str = "250-mx.test\r\n250-PIPELINING\r\n250 ENHANCEDSTATUSCODES\r\n";
const READY: &str = "220 2.0.0 Ready to start TLS\r\n";
const EARLY: &str = "554 5.5.0 Octets came before their time\r\n";

/// A server, and whom its client trusts.
struct Parties {
    acceptor: Acceptor,
    handshake: Handshake,
}

fn parties() -> Parties {
    let authority = Authority::new();
    let acceptor = acceptor(&authority.issue(&["mx.test"], NOW));
    let connector = Connector::trusting(authority.pem.as_bytes()).unwrap();
    Parties { acceptor, handshake: connector.to("mx.test").unwrap() }
}

fn acceptor(Certificate { chain, key }: &Certificate) -> Acceptor {
    Acceptor::from_pem(chain.as_bytes(), key.as_bytes()).unwrap()
}

fn with_starttls() -> Config {
    let mut config = config();
    config.starttls = StartTls::Offered;
    config
}

type Served = JoinHandle<io::Result<()>>;

/// A client, and a server that offers STARTTLS.
fn start(clerk: Clerk, acceptor: Acceptor) -> (Client<Stream<DuplexStream>>, Served) {
    let (client, stream) = duplex(4096);
    let session = Session::new(stream, Arc::new(with_starttls())).with_tls(acceptor);
    (Client(client.into()), tokio::spawn(serve(session, clerk)))
}

/// Up to the 220 to STARTTLS.
async fn ask(client: &mut Client<Stream<DuplexStream>>) {
    assert_eq!(client.reply().await, "220 mx.test ESMTP\r\n");
    assert_eq!(client.say("EHLO c.test").await, EHLO);
    assert_eq!(client.say("STARTTLS").await, READY);
}

#[tokio::test]
async fn session_goes_on_inside_tls_as_if_it_began() {
    let Parties { acceptor, handshake } = parties();
    let clerk = Clerk::default();
    let log = clerk.log.clone();
    let (mut client, served) = start(clerk, acceptor);
    ask(&mut client).await;
    client.0.connect_tls(&handshake).await.unwrap();
    let info = client.0.tls().unwrap();
    assert!(info.verified && info.certificate.is_some(), "{info:?}");
    assert_eq!(client.say("MAIL FROM:<>").await, "503 5.5.1 Say EHLO first\r\n");
    assert_eq!(client.say("EHLO c.test").await, INSIDE);
    assert_eq!(client.say("STARTTLS").await, "503 5.5.1 TLS is there already\r\n");
    for line in ["MAIL FROM:<alice@c.test>", "RCPT TO:<bob@mx.test>", "DATA"] {
        client.say(line).await;
    }
    assert_eq!(client.say("hello\r\n.").await, TAKEN);
    assert_eq!(client.say("QUIT").await, "221 2.0.0 Closing\r\n");
    assert_eq!(client.rest().await, "");
    drop(client);
    served.await.unwrap().unwrap();
    assert_eq!(
        log.lines(),
        [
            "connect",
            "EHLO c.test",
            "TLSv1.3 for mx.test, no certificate",
            "refused: order",
            "EHLO c.test",
            "refused: order",
            "from alice@c.test",
            "to bob@mx.test",
            "begin by ESMTPS to 1",
            "write 7",
            "commit 7",
            "closed: QUIT",
        ]
    );
}

#[tokio::test]
async fn octets_behind_starttls_end_the_session() {
    let Parties { acceptor, handshake } = parties();
    let (mut client, _served) = start(Clerk::default(), acceptor.clone());
    client.reply().await;
    client.say("EHLO c.test").await;
    client.write("STARTTLS\r\nMAIL FROM:<eve@c.test>\r\n").await;
    assert_eq!(client.rest().await, EARLY);

    // In a write of their own they are taken for the beginning of the handshake.
    let clerk = Clerk::default();
    let log = clerk.log.clone();
    let (mut client, served) = start(clerk, acceptor);
    ask(&mut client).await;
    client.write("MAIL FROM:<eve@c.test>\r\nRCPT TO:<bob@mx.test>\r\n").await;
    let error = client.0.connect_tls(&handshake).await.unwrap_err();
    assert_eq!(fault(&error), TlsFault::Refused);
    drop(client);
    let error = served.await.unwrap().unwrap_err();
    assert_eq!(fault(&error), TlsFault::Protocol);
    assert_eq!(log.lines(), ["connect", "EHLO c.test", "closed: TLS handshake"]);
}

/// Who met a server before resumes that session, at that server alone.
#[tokio::test]
async fn session_of_one_listener_is_not_resumed_at_another() {
    let Parties { acceptor, handshake } = parties();
    let other = acceptor.apart();
    let mut resumed = Vec::new();
    for acceptor in [&acceptor, &acceptor, &other] {
        let (mut client, served) = start(Clerk::default(), acceptor.clone());
        ask(&mut client).await;
        client.0.connect_tls(&handshake).await.unwrap();
        assert_eq!(client.say("QUIT").await, "221 2.0.0 Closing\r\n");
        assert_eq!(client.rest().await, "");
        resumed.push(client.0.tls().unwrap().resumed);
        served.await.unwrap().unwrap();
    }
    assert_eq!(resumed, [false, true, false]);
}

#[tokio::test]
async fn cancelled_handshake_goes_on() {
    let Parties { acceptor, handshake } = parties();
    // A few octets at a time: many polls.
    let (client, stream) = duplex(64);
    let mut session = Session::new(stream, Arc::new(with_starttls())).with_tls(acceptor);
    let server = async {
        loop {
            let Ok(more) = timeout(Duration::ZERO, session.ready()).await else {
                tokio::task::yield_now().await;
                continue;
            };
            if !more? {
                return io::Result::Ok(session.tls().cloned());
            }
            loop {
                let starttls = match session.next() {
                    None => break,
                    Some((Event::StartTls(pending), _)) => pending,
                    Some((event, server)) => {
                        server.decline(event);
                        continue;
                    }
                };
                session.accept_tls(starttls).unwrap();
            }
        }
    };
    let client = async {
        let mut client = Client(Stream::from(client));
        ask(&mut client).await;
        client.0.connect_tls(&handshake).await.unwrap();
        assert_eq!(client.say("EHLO c.test").await, INSIDE);
        client.say("QUIT").await;
    };
    let (info, ()) = tokio::join!(server, client);
    assert_eq!(info.unwrap().unwrap().server_name.as_deref(), Some("mx.test"));
}

#[tokio::test(start_paused = true)]
async fn handshake_has_a_deadline_that_cancelling_does_not_move() {
    let Parties { acceptor, .. } = parties();
    for implicit in [false, true] {
        let (client, stream) = duplex(4096);
        let mut client = Client(Stream::from(client));
        let config = Arc::new(with_starttls());
        let session = if implicit {
            Session::implicit_tls(stream, acceptor.clone(), config)
        } else {
            Session::new(stream, config).with_tls(acceptor.clone())
        };
        let served = tokio::spawn(async move {
            let mut session = session;
            let start = Instant::now();
            loop {
                let Ok(more) = timeout(Duration::from_secs(7), session.ready()).await else {
                    continue;
                };
                if let Err(error) = more {
                    return (fault(&error), start.elapsed().as_secs());
                }
                loop {
                    let starttls = match session.next() {
                        None => break,
                        Some((Event::StartTls(pending), _)) => pending,
                        Some((event, server)) => {
                            server.decline(event);
                            continue;
                        }
                    };
                    session.accept_tls(starttls).unwrap();
                }
            }
        });
        if !implicit {
            ask(&mut client).await;
        }
        assert_eq!(served.await.unwrap(), (TlsFault::TimedOut, 60));
    }
}

#[tokio::test]
async fn without_an_acceptor_another_library_goes_on() {
    let Parties { acceptor, handshake } = parties();
    let (client, stream) = duplex(4096);
    let mut session = Session::new(stream, Arc::new(with_starttls()));
    let server = async {
        while session.ready().await.unwrap() {
            loop {
                let starttls = match session.next() {
                    None => break,
                    Some((Event::StartTls(pending), _)) => pending,
                    Some((event, server)) => {
                        server.decline(event);
                        continue;
                    }
                };
                session.accept_tls(starttls).unwrap();
            }
        }
        let (mut stream, mut server, inbox) = session.into_parts();
        assert!(matches!(server.wants(), Wants::Tls(_)) && inbox.is_empty());
        stream.accept_tls(&acceptor).await.unwrap();
        assert!(server.tls_established());
        let session = Session::from_parts(stream, server, Inbox::new(16 * 1024));
        serve(session, Clerk::default()).await.unwrap();
    };
    let client = async {
        let mut client = Client(Stream::from(client));
        ask(&mut client).await;
        client.0.connect_tls(&handshake).await.unwrap();
        assert_eq!(client.say("EHLO c.test").await, INSIDE);
        client.say("QUIT").await;
    };
    tokio::join!(server, client);
}

/// Holds back what is written until it is flushed, and puts off the first flushes.
struct Lazy {
    stream: BufWriter<DuplexStream>,
    /// So many flushes are still put off, and whether one is just now.
    lazy: u32,
    put_off: bool,
}

impl AsyncRead for Lazy {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buffer)
    }
}

impl AsyncWrite for Lazy {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        octets: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, octets)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.lazy > 0 && !self.stream.buffer().is_empty() {
            self.put_off = !self.put_off;
            if self.put_off {
                cx.waker().wake_by_ref();
                return Poll::Pending;
            }
            self.lazy -= 1;
        }
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

/// What a stream holds back is what the client waits for.
#[tokio::test]
async fn the_go_ahead_leaves_before_the_handshake_begins() {
    let Parties { acceptor, handshake } = parties();
    let (client, stream) = duplex(4096);
    // The greeting, the reply to EHLO and the 220 to STARTTLS.
    let stream = Lazy { stream: BufWriter::new(stream), lazy: 3, put_off: false };
    let session = Session::new(stream, Arc::new(with_starttls())).with_tls(acceptor);
    let served = tokio::spawn(serve(session, Clerk::default()));
    let mut client = Client(Stream::from(client));
    ask(&mut client).await;
    client.0.connect_tls(&handshake).await.unwrap();
    assert_eq!(client.say("EHLO c.test").await, INSIDE);
    client.say("QUIT").await;
    drop(client);
    served.await.unwrap().unwrap();
}

#[tokio::test]
async fn end_of_tls_is_the_end_of_the_session() {
    let Parties { acceptor, handshake } = parties();
    // With a word of TLS, and without.
    for polite in [true, false] {
        let clerk = Clerk::default();
        let log = clerk.log.clone();
        let (mut client, served) = start(clerk, acceptor.clone());
        ask(&mut client).await;
        client.0.connect_tls(&handshake).await.unwrap();
        client.say("EHLO c.test").await;
        client.say("MAIL FROM:<>").await;
        if polite {
            client.0.shutdown().await.unwrap();
            assert_eq!(client.rest().await, "");
        }
        drop(client);
        served.await.unwrap().unwrap();
        assert_eq!(log.lines().last().unwrap(), "closed: closed by the peer");
    }
}

#[tokio::test]
async fn tls_from_the_first_octet_over_a_socket() {
    let Parties { acceptor, handshake } = parties();
    let clerk = Clerk::default();
    let log = clerk.log.clone();
    let listener = Listener::bind(["127.0.0.1:0"]).await.unwrap().implicit_tls(acceptor);
    let address = listener.local_addrs()[0].socket().unwrap();
    let handle = listener.handle();
    let serving = tokio::spawn(listener.serve(Arc::new(with_starttls()), move |_| clerk.clone()));
    let stream = tokio::net::TcpStream::connect(address).await.unwrap();
    let mut client = Client(Stream::from(stream));
    client.0.connect_tls(&handshake).await.unwrap();
    assert_eq!(client.reply().await, "220 mx.test ESMTP\r\n");
    assert_eq!(client.say("EHLO c.test").await, INSIDE);
    handle.shut_down(Duration::ZERO);
    assert_eq!(client.rest().await, "421 4.3.2 Shutting down\r\n");
    drop(client);
    serving.await.unwrap();
    let calls = ["TLSv1.3 for mx.test, no certificate", "connect", "EHLO c.test"];
    assert_eq!(log.lines(), [&calls[..], &["closed: shut-down"]].concat());
}

#[tokio::test]
async fn who_speaks_in_clear_where_tls_begins_hears_an_alert() {
    let Parties { acceptor, .. } = parties();
    let (mut client, stream) = duplex(4096);
    let session = Session::implicit_tls(stream, acceptor, Arc::new(config()));
    let served = tokio::spawn(serve(session, Clerk::default()));
    client.write_all(b"EHLO c.test\r\n").await.unwrap();
    let mut heard = Vec::new();
    client.read_to_end(&mut heard).await.unwrap();
    // An alert, fatal (RFC 8446 6): not a word of SMTP.
    assert_eq!((heard[0], heard[5]), (21, 2));
    drop(client);
    assert_eq!(fault(&served.await.unwrap().unwrap_err()), TlsFault::Protocol);
}

#[tokio::test]
async fn certificate_of_a_client_reaches_the_handler() {
    let authority = Authority::new();
    let server = authority.issue(&["mx.test"], NOW);
    let (provider, roots) = (Arc::new(rustls::crypto::ring::default_provider()), roots(&authority));
    let verifier = rustls::server::WebPkiClientVerifier::builder_with_provider(
        Arc::clone(&roots),
        Arc::clone(&provider),
    );
    let config = rustls::ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_client_cert_verifier(verifier.build().unwrap())
        .with_single_cert(chain(&server), key(&server))
        .unwrap();
    let mine = authority.issue_to_client("c.test");
    let connector = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_client_auth_cert(chain(&mine), key(&mine))
        .unwrap();
    let handshake = Connector::from(Arc::new(connector)).to("mx.test").unwrap();

    let clerk = Clerk::default();
    let log = clerk.log.clone();
    let (mut client, _served) = start(clerk, Acceptor::from(Arc::new(config)));
    ask(&mut client).await;
    client.0.connect_tls(&handshake).await.unwrap();
    client.say("EHLO c.test").await;
    assert_eq!(log.lines()[2], "TLSv1.3 for mx.test, a certificate");
}

fn roots(authority: &Authority) -> Arc<rustls::RootCertStore> {
    let mut roots = rustls::RootCertStore::empty();
    roots.add_parsable_certificates(pem(&authority.pem));
    Arc::new(roots)
}

fn chain(certificate: &Certificate) -> Vec<rustls::pki_types::CertificateDer<'static>> {
    pem(&certificate.chain)
}

fn pem(text: &str) -> Vec<rustls::pki_types::CertificateDer<'static>> {
    use rustls::pki_types::pem::PemObject;
    rustls::pki_types::CertificateDer::pem_slice_iter(text.as_bytes()).map(Result::unwrap).collect()
}

fn key(certificate: &Certificate) -> rustls::pki_types::PrivateKeyDer<'static> {
    use rustls::pki_types::pem::PemObject;
    rustls::pki_types::PrivateKeyDer::from_pem_slice(certificate.key.as_bytes()).unwrap()
}

#[tokio::test]
async fn client_that_does_not_trust_the_server_says_so() {
    let Parties { handshake, .. } = parties();
    for (other, told) in [
        (self_signed(&["mx.test"]), TlsFault::Authority),
        (Authority::new().issue(&["mx.test"], NOW), TlsFault::UnknownIssuer),
    ] {
        let (mut client, served) = start(Clerk::default(), acceptor(&other));
        ask(&mut client).await;
        let error = client.0.connect_tls(&handshake).await.unwrap_err();
        assert_eq!(fault(&error), told);
        drop(client);
        assert_eq!(fault(&served.await.unwrap().unwrap_err()), TlsFault::Refused);
    }
}

#[tokio::test]
async fn handler_that_fails_in_tls_costs_the_session_a_421_inside() {
    hush();
    for trip in [Trip::Panic, Trip::Stall] {
        let Parties { acceptor, handshake } = parties();
        let mut config = with_starttls();
        config.limits.answer_wait = Duration::from_millis(100);
        let (client, stream) = duplex(4096);
        let session = Session::new(stream, Arc::new(config)).with_tls(acceptor);
        let panics = matches!(trip, Trip::Panic);
        let served = tokio::spawn(serve(session, Clerk::that("tls", trip)));
        let mut client = Client(Stream::from(client));
        ask(&mut client).await;
        client.0.connect_tls(&handshake).await.unwrap();
        if panics {
            assert_eq!(client.rest().await, "421 4.3.0 Local error, closing\r\n");
        } else {
            assert_eq!(client.say("EHLO c.test").await, INSIDE);
        }
        drop(client);
        served.await.unwrap().unwrap();
    }
}
