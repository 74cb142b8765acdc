//! An encrypted `Stream`: who is let in, how long is waited, and that no octet is lost.
#![cfg(feature = "rustls")]

#[path = "support/certificates.rs"]
#[expect(dead_code, reason = "names of certificates are for scripts")]
mod certificates;

use core::error::Error;
use core::time::Duration;
use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::thread::{self, JoinHandle};
use std::time::Instant;

use smtp_proto::TlsFault;
use smtp_proto_blocking::tls::{Acceptor, Connector, Handshake, fault};
use smtp_proto_blocking::{Socket, Stream};

use certificates::{Certificate, Certificates, NAME};

const ENOUGH: Duration = Duration::from_secs(10);
const SHORT: Duration = Duration::from_millis(300);

fn tcp() -> (TcpStream, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("it is bound");
    let client = TcpStream::connect(address).expect("it listens");
    (client, listener.accept().expect("it is connected").0)
}

fn acceptor(certificate: &Certificate) -> Acceptor {
    let Certificate { chain, key } = certificate;
    Acceptor::from_pem(chain.as_bytes(), key.as_bytes()).expect("a certificate")
}

fn trusting(pem: &str) -> Handshake {
    Connector::trusting(pem.as_bytes()).and_then(|connector| connector.to(NAME)).expect("a CA")
}

/// The server's end, as soon as it is encrypted.
fn server<S: Socket + Send + 'static>(
    socket: S,
    certificate: &Certificate,
) -> JoinHandle<io::Result<Stream<S>>> {
    let acceptor = acceptor(certificate);
    thread::spawn(move || {
        let mut stream = Stream::from(socket);
        stream.accept_tls(&acceptor, ENOUGH)?;
        Ok(stream)
    })
}

/// Both ends of a connection that is encrypted.
fn pair<S: Socket + Send + 'static>((client, other): (S, S)) -> (Stream<S>, Stream<S>) {
    let certificates = Certificates::get();
    let served = server(other, &certificates.good);
    let mut client = Stream::from(client);
    client.connect_tls(&trusting(&certificates.ca), ENOUGH).expect("it is the right one");
    (client, served.join().expect("no panic").expect("it is let in"))
}

/// Octets go both ways, and the end is one.
fn octets_arrive<S: Socket + Send + 'static>(ends: (S, S)) {
    let (mut client, mut server) = pair(ends);
    client.write_all(b"NOOP\r\n").expect("it is open");
    let mut heard = [0; 6];
    server.read_exact(&mut heard).expect("it comes");
    assert_eq!(&heard, b"NOOP\r\n");
    server.write_all(b"250 ok\r\n").expect("it is open");
    server.end_writing().expect("it is open");
    let mut replies = String::new();
    client.read_to_string(&mut replies).expect("an end");
    assert_eq!(replies, "250 ok\r\n");
}

#[test]
fn octets_arrive_over_tcp() {
    octets_arrive(tcp());
}

#[cfg(unix)]
#[test]
fn octets_arrive_over_unix_sockets() {
    octets_arrive(std::os::unix::net::UnixStream::pair().expect("two ends"));
}

#[test]
fn both_ends_know_how_they_are_protected() {
    let (client, server) = pair(tcp());
    let (client, server) = (client.tls().expect("it is"), server.tls().expect("it is"));
    for info in [client, server] {
        assert_eq!((info.version, info.cipher.as_str()), ("TLSv1.3", "TLS_AES_256_GCM_SHA384"));
        assert_eq!(info.server_name.as_deref(), Some(NAME));
    }
    assert!(client.verified && !server.verified && server.certificate.is_none());
    assert!(
        client.certificate.as_ref().is_some_and(|certificate| certificate.starts_with(&[0x30]))
    );
}

/// What a client says to a server with this certificate.
fn refusal(certificate: &Certificate, handshake: &Handshake) -> Option<String> {
    let (client, other) = tcp();
    let served = server(other, certificate);
    let mut client = Stream::from(client);
    let refused = client.connect_tls(handshake, ENOUGH);
    assert_eq!(client.tls().is_some(), refused.is_ok());
    let told = served.join().expect("no panic");
    let refused = refused.err()?;
    assert_eq!(refused.kind(), io::ErrorKind::InvalidData);
    let told = told.expect_err("the client goes away").to_string();
    assert!(told.contains("received fatal alert"), "{told}");
    Some(refused.source().map_or_else(|| refused.to_string(), ToString::to_string))
}

#[test]
fn only_the_right_server_is_taken() {
    let all = Certificates::get();
    let trusting_ca = trusting(&all.ca);
    let table = [
        (&all.good, None),
        (&all.unknown, Some("UnknownIssuer")),
        (&all.own, Some("CaUsedAsEndEntity")),
        (&all.expired, Some("certificate expired")),
        (&all.other_name, Some("certificate not valid for name \"mx.test\"")),
    ];
    for (certificate, expected) in table {
        let refused = refusal(certificate, &trusting_ca);
        let fits = match (&refused, expected) {
            (Some(refused), Some(expected)) => refused.contains(expected),
            (refused, expected) => refused.as_deref() == expected,
        };
        assert!(fits, "{refused:?}, expected {expected:?}");
    }
    let unverified = Connector::unverified().to("no.such.name.test").expect("a name");
    for (certificate, _) in table {
        assert_eq!(refusal(certificate, &unverified), None);
    }
}

#[test]
fn certificate_that_signed_itself_is_trusted_by_itself_under_its_own_name() {
    let own = &Certificates::get().own;
    assert_eq!(refusal(own, &trusting(&own.chain)), None);
    let other = Connector::trusting(own.chain.as_bytes()).expect("a certificate");
    let refused = refusal(own, &other.to("other.test").expect("a name")).expect("a refusal");
    assert!(refused.contains("not valid for name \"other.test\""), "{refused}");
}

#[test]
fn certificate_of_an_authority_is_a_fault_of_its_own() {
    let all = Certificates::get();
    let (client, other) = tcp();
    let served = server(other, &all.own);
    let refused = Stream::from(client).connect_tls(&trusting(&all.ca), ENOUGH).unwrap_err();
    assert_eq!(fault(&refused), TlsFault::Authority);
    assert!(served.join().expect("no panic").is_err());
}

/// How the handshake of either side ends with a peer that does this.
fn handshakes(peer: fn(TcpStream)) -> [io::Error; 2] {
    let handshake = trusting(&Certificates::get().ca);
    let acceptor = acceptor(&Certificates::get().good);
    let shake = |server: bool| {
        let (end, other) = tcp();
        let played = thread::spawn(move || peer(other));
        let mut stream = Stream::from(end);
        let start = Instant::now();
        let ended = match server {
            true => stream.accept_tls(&acceptor, SHORT),
            false => stream.connect_tls(&handshake, SHORT),
        };
        assert!(start.elapsed() < 10 * SHORT, "{:?}", start.elapsed());
        drop(stream);
        played.join().expect("no panic");
        ended.expect_err("that is no TLS")
    };
    [false, true].map(shake)
}

#[test]
fn handshake_waits_for_nobody_who_says_nothing() {
    for error in handshakes(|mut peer| drop(io::copy(&mut peer, &mut io::sink()))) {
        assert!(matches!(error.kind(), io::ErrorKind::TimedOut | io::ErrorKind::WouldBlock));
    }
}

#[test]
fn handshake_waits_for_nobody_who_says_an_octet_now_and_then() {
    let drip = |mut peer: TcpStream| {
        // The start of a record of 16 KiB, which never comes whole.
        let record = [&[22, 3, 1, 0x40, 0][..], &[0; 1000]].concat();
        for octet in record {
            if peer.write_all(&[octet]).is_err() {
                return;
            }
            thread::sleep(SHORT / 20);
        }
    };
    for error in handshakes(drip) {
        assert!(matches!(error.kind(), io::ErrorKind::TimedOut | io::ErrorKind::WouldBlock));
    }
}

#[test]
fn handshake_with_another_protocol_or_with_nobody_fails() {
    for error in
        handshakes(|mut peer| drop(peer.write_all(b"EHLO client.test\r\nMAIL FROM:<>\r\n")))
    {
        assert_eq!(error.kind(), io::ErrorKind::InvalidData, "{error}");
    }
    for error in handshakes(|peer| drop(peer.shutdown(Shutdown::Write))) {
        assert_eq!(error.kind(), io::ErrorKind::UnexpectedEof, "{error}");
    }
}

#[test]
fn read_does_not_wait_for_a_record_that_never_comes_whole() {
    let (mut client, server) = pair(tcp());
    let mut raw = server.socket().try_clone().expect("a clone");
    let dripping = thread::spawn(move || {
        for octet in [&[23, 3, 3, 0x40, 0][..], &[0; 1000]].concat() {
            if raw.write_all(&[octet]).is_err() {
                return;
            }
            thread::sleep(SHORT / 20);
        }
    });
    client.limit_reads(SHORT).expect("an option");
    let start = Instant::now();
    let error = client.read(&mut [0; 16]).expect_err("nothing came");
    assert!(matches!(error.kind(), io::ErrorKind::TimedOut | io::ErrorKind::WouldBlock));
    assert!(start.elapsed() < 3 * SHORT, "{:?}", start.elapsed());
    drop((client, server));
    dripping.join().expect("no panic");
}

#[test]
fn write_that_has_to_wait_is_tried_again_and_loses_nothing() {
    let (mut client, mut server) = pair(tcp());
    let sent: Vec<u8> = (0..8 << 20).map(|at: u32| at.to_le_bytes()[2]).collect();
    let expected = sent.clone();
    let reading = thread::spawn(move || {
        thread::sleep(SHORT);
        let mut received = Vec::new();
        server.read_to_end(&mut received).map(|_| received)
    });
    client.limit_writes(SHORT / 10).expect("an option");
    let (mut at, mut waited) = (0, 0);
    while at < sent.len() {
        match client.write(&sent[at..]) {
            Ok(octets) => at += octets,
            Err(error) => {
                let kind = error.kind();
                assert!(matches!(kind, io::ErrorKind::TimedOut | io::ErrorKind::WouldBlock));
                waited += 1;
            }
        }
    }
    client.limit_writes(ENOUGH).expect("an option");
    client.end_writing().expect("it is open");
    let received = reading.join().expect("no panic").expect("an end");
    assert!(received == expected && waited > 0, "{} octets, waited {waited}", received.len());
}

#[test]
fn read_at_once_gives_what_has_come_and_waits_for_nothing() {
    let (mut client, mut server) = pair(tcp());
    let mut buffer = [0; 64];
    let nothing = client.read_at_once(&mut buffer).expect_err("nothing came");
    assert_eq!(nothing.kind(), io::ErrorKind::WouldBlock);
    server.write_all(b"421 bye\r\n").expect("it is open");
    let start = Instant::now();
    let octets = loop {
        match client.read_at_once(&mut buffer) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                assert!(start.elapsed() < ENOUGH);
                thread::sleep(Duration::from_millis(1));
            }
            read => break read.expect("it came"),
        }
    };
    assert_eq!(&buffer[..octets], b"421 bye\r\n");
}

#[test]
fn end_of_the_connection_without_a_word_of_tls_is_an_end() {
    let (mut client, server) = pair(tcp());
    server.socket().shutdown(Shutdown::Both).expect("it is open");
    assert_eq!(client.read(&mut [0; 16]).expect("an end"), 0);
    assert_eq!(client.read_at_once(&mut [0; 16]).expect("an end"), 0);
}

#[test]
fn octets_in_clear_within_an_encrypted_connection_end_it() {
    let (mut client, server) = pair(tcp());
    server.socket().write_all(b"250 I am in the middle\r\n").expect("it is open");
    let error = client.read(&mut [0; 16]).expect_err("that is no record");
    assert_eq!(error.kind(), io::ErrorKind::InvalidData);
}
