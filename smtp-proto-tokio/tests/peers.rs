//! Our client hands letters to servers and mail stores that other people wrote: Dovecot and smtp-sink by LMTP, Exim in chunks and as
//! somebody it knows.
//!
//! A program that is not installed is skipped, in one plain line; with `CI=true` it is a failure.
#![cfg(all(unix, feature = "rustls"))]

#[path = "support/certificates.rs"]
#[allow(dead_code, reason = "each test file uses a part of it")]
mod certificates;
#[path = "../../smtp-proto/tests/cram_md5/client.rs"]
#[allow(dead_code, reason = "its digests are for the tests beside it")]
mod cram_md5;
mod support;

use core::net::SocketAddr;
use std::sync::Arc;

use certificates::{Authority, FUTURE, NOW, PAST};
use smtp_proto::client::{self, Config, Flavour};
use smtp_proto::delivery::{Content, Delivery, Envelope, Fate, Outcome};
use smtp_proto::sasl::{Credentials, Initiator};
use smtp_proto::{Extension, Extensions, Host, MailBuf, Mechanism, RcptBuf, TlsFault, Verb};
use smtp_proto_tokio::client::{Client, Error, Security, Session, Setup};
use smtp_proto_tokio::tls::{Connector, Handshake};
use support::servers::{Dovecot, Exim, Folder, free_port, smtp_sink};
use support::{Scratch, Sink};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, UnixStream};

const LETTER: &str = "Subject: hi\r\n\r\n.dots\r\n..\r\n";

/// How a letter goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum By {
    Data,
    Bdat,
}

/// What a server is known by, and how a client knows it.
struct Identity {
    chain: String,
    key: String,
    handshake: Handshake,
}

impl Identity {
    fn new() -> Self {
        Self::of("mx.test", NOW)
    }

    /// Of a server with this name, in these years; the client expects `mx.test`.
    fn of(name: &str, years: [i32; 2]) -> Self {
        let authority = Authority::new();
        let certificate = authority.issue(&[name], years);
        let connector = Connector::trusting(authority.pem.as_bytes()).expect("an authority");
        let handshake = connector.to("mx.test").expect("a name");
        Self { chain: certificate.chain, key: certificate.key, handshake }
    }

    fn shown(&self) -> (&str, &str) {
        (&self.chain, &self.key)
    }

    fn required(&self) -> Security {
        Security::Required(self.handshake.clone())
    }
}

fn setup<'a>(flavour: Flavour) -> Setup<'a> {
    let mut config = Config::default();
    config.flavour = flavour;
    Setup::new(Host::parse(b"client.test").expect("a domain")).with_config(Arc::new(config))
}

async fn tcp(address: SocketAddr) -> TcpStream {
    TcpStream::connect(address).await.expect("it listens")
}

/// A session in the clear.
async fn open<S: AsyncRead + AsyncWrite + Unpin>(stream: S, flavour: Flavour) -> Client<S> {
    setup(flavour).connect(stream).await.expect("it greets")
}

/// What became of a letter, a recipient each, and what the server offered.
async fn hand_over<S: AsyncRead + AsyncWrite + Unpin>(
    mut client: Client<S>,
    by: By,
    envelope: Envelope<'_>,
    letter: &str,
) -> (Vec<(Fate, String)>, Extensions) {
    let offered = client.extensions().expect("it was heard").clone();
    let mut plan = Delivery::plan(&offered, &envelope, Content::of(letter.as_bytes()))
        .expect("the letter can go there");
    if by == By::Bdat {
        plan = plan.in_chunks();
        assert!(plan.uses_chunks(), "the server offers CHUNKING");
    }
    let mut fates = vec![(Fate::Unknown, String::new()); envelope.recipients().count()];
    let each = |index: usize, outcome: Outcome<'_>| {
        let reply = outcome.reply.map(|reply| reply.to_string()).unwrap_or_default();
        fates[index] = (outcome.fate, reply);
    };
    client.deliver_by(plan, envelope, letter, each).await.expect("the session goes on");
    client.quit().await.expect("it closes");
    (fates, offered)
}

fn all_delivered(fates: &[(Fate, String)]) -> bool {
    fates.iter().all(|(fate, _)| *fate == Fate::Delivered)
}

/// To two recipients.
fn to_two() -> Envelope<'static> {
    Envelope::new("a@x.test", ["bob@y.test", "carol@y.test"]).expect("addresses")
}

#[tokio::test]
async fn dovecot_keeps_letters_that_come_by_lmtp() {
    let Some(dovecot) = Dovecot::start(Identity::new().shown(), "") else { return };
    for (count, by) in [By::Data, By::Bdat].into_iter().enumerate() {
        let client = open(tcp(dovecot.address).await, Flavour::Lmtp).await;
        let (fates, offered) = hand_over(client, by, to_two(), LETTER).await;
        assert!(all_delivered(&fates), "{by:?}: {fates:?}");
        // RFC 2033 4.2: each has a reply of its own.
        for ((_, reply), user) in fates.iter().zip(["bob@y.test", "carol@y.test"]) {
            assert!(reply.starts_with("250 2.0.0 ") && reply.contains(user), "{reply}");
        }
        assert!(offered.contains(Extension::Chunking) && offered.contains(Extension::Pipelining));
        let unix = UnixStream::connect(&dovecot.socket).await.expect("it listens");
        let (fates, _) = hand_over(open(unix, Flavour::Lmtp).await, by, to_two(), LETTER).await;
        assert!(all_delivered(&fates), "{by:?}: {fates:?}");
        for user in ["bob@y.test", "carol@y.test"] {
            assert_eq!(whole(&dovecot.mailbox(user)), 2 * (count + 1));
        }
    }
}

/// How many letters there are, all of them as they were sent.
fn whole(letters: &[String]) -> usize {
    for letter in letters {
        assert!(letter.replace("\r\n", "\n").ends_with("\n\n.dots\n..\n"), "{letter}");
    }
    letters.len()
}

#[tokio::test]
async fn dovecot_shakes_hands_and_keeps_letters_that_come_in_tls() {
    let identity = Identity::new();
    let Some(dovecot) = Dovecot::start(identity.shown(), "") else { return };
    for (count, by) in [By::Data, By::Bdat].into_iter().enumerate() {
        let security = identity.required();
        let stream = tcp(dovecot.address).await;
        let client = setup(Flavour::Lmtp).with_security(security).connect(stream).await;
        let client = client.expect("it shakes hands");
        assert!(client.tls().expect("it is encrypted").verified);
        let (fates, _) = hand_over(client, by, to_two(), LETTER).await;
        assert!(all_delivered(&fates), "{by:?}: {fates:?}");
        assert_eq!(whole(&dovecot.mailbox("carol@y.test")), count + 1);
    }
    // Another authority is nobody's.
    let security = Identity::new().required();
    let stream = tcp(dovecot.address).await;
    let error = setup(Flavour::Lmtp).with_security(security).connect(stream).await.unwrap_err();
    let fault = client::Error::Tls(TlsFault::UnknownIssuer);
    assert!(matches!(error, Error::Session(error) if error == fault), "{error}");
}

/// Lets Dovecot hand a letter to `sink`, and gives how it came: in clear or not, and what was spoken.
async fn by_dovecot(options: &[&str], more: &str) -> Option<(bool, String)> {
    let sink = Sink::start(&[&["--lmtp", "127.0.0.1:0"], options].concat());
    let port = sink.port("lmtp");
    let proxy = format!("proxy=y host=127.0.0.1 port={port} protocol=lmtp{more}");
    let dovecot = Dovecot::start(Identity::new().shown(), &proxy)?;
    let client = open(tcp(dovecot.address).await, Flavour::Lmtp).await;
    let (fates, _) = hand_over(client, By::Data, to_two(), LETTER).await;
    assert!(all_delivered(&fates), "{fates:?}");
    let stored = sink.stored();
    let mut to: Vec<&str> = stored
        .iter()
        .flat_map(|letter| letter.envelope["to"].as_array().expect("a list"))
        .map(|to| to.as_str().expect("text"))
        .collect();
    to.sort_unstable();
    assert_eq!(to, ["bob@y.test", "carol@y.test"]);
    let ways = stored.iter().map(|letter| {
        assert!(letter.content.ends_with(b"\r\n\r\n.dots\r\n..\r\n"));
        let protocol = letter.envelope["protocol"].as_str().expect("text");
        (letter.envelope["tls"] == true, protocol.to_owned())
    });
    ways.reduce(|one, other| {
        assert_eq!(one, other);
        one
    })
}

#[tokio::test]
async fn dovecot_hands_letters_to_our_lmtp_server() {
    let Some(way) = by_dovecot(&[], "").await else { return };
    assert_eq!(way, (false, "LMTP".to_owned()));
}

#[tokio::test]
async fn dovecot_hands_letters_to_our_lmtp_server_in_tls() {
    let (identity, folder) = (Identity::new(), Scratch::new("dovecot"));
    let cert = folder.file("cert.pem", identity.chain.as_bytes());
    let key = folder.file("key.pem", identity.key.as_bytes());
    let [cert, key] = [&cert, &key].map(|path| path.to_str().expect("text"));
    let options = ["--tls-cert", cert, "--tls-key", key, "--require-tls"];
    let Some(way) = by_dovecot(&options, " starttls=any-cert").await else { return };
    assert_eq!(way, (true, "LMTPS".to_owned()));
}

#[tokio::test]
async fn smtp_sink_takes_letters_by_lmtp_over_tcp_and_unix_sockets() {
    let (address, folder) = (free_port(), Folder::new("smtp-sink"));
    let path = folder.path().join("lmtp");
    let Some(_tcp) = smtp_sink(&["-L"], &address.to_string()) else { return };
    let _unix = smtp_sink(&["-L"], &format!("unix:{}", path.display()));
    let expected = [
        (Fate::Delivered, "250 2.2.0 Ok".to_owned()),
        (Fate::Delivered, "250 2.2.0 Ok".to_owned()),
    ];
    let client = open(tcp(address).await, Flavour::Lmtp).await;
    assert_eq!(hand_over(client, By::Data, to_two(), LETTER).await.0, expected);
    let unix = UnixStream::connect(&path).await.expect("it listens");
    let client = open(unix, Flavour::Lmtp).await;
    assert_eq!(hand_over(client, By::Data, to_two(), LETTER).await.0, expected);
}

/// What becomes of a letter in chunks to Exim, and its envelope and content as they lie in the spool.
async fn to_exim(envelope: Envelope<'_>, letter: &str) -> Option<(String, String)> {
    let exim = Exim::new(Identity::new().shown())?;
    let (address, served) = exim.serve();
    let client = open(tcp(address).await, Flavour::Smtp).await;
    let (fates, _) = hand_over(client, By::Bdat, envelope, letter).await;
    assert!(all_delivered(&fates), "{fates:?}");
    served.join().expect("no panic");
    exim.spool().pop()
}

#[tokio::test]
async fn exim_takes_letters_in_chunks_with_dsn() {
    let mail = MailBuf {
        from: "a@x.test".parse().expect("an address"),
        params: "RET=HDRS ENVID=QQ314159".parse().expect("parameters"),
    };
    let rcpts = [RcptBuf {
        to: "b@y.test".parse().expect("an address"),
        params: "NOTIFY=SUCCESS,DELAY ORCPT=rfc822;b@y.test".parse().expect("parameters"),
    }];
    let long = format!("{LETTER}{}", "a line of a letter\r\n".repeat(20_000));
    for letter in [LETTER, &long] {
        let Some((head, data)) = to_exim(Envelope::of(&mail, &rcpts), letter).await else { return };
        for kept in ["-dsn_envid QQ314159", "-dsn_ret 2", "rfc822;b@y.test"] {
            assert!(head.contains(kept), "{kept}: {head}");
        }
        let body = letter.split_once("\r\n\r\n").expect("a header").1.replace("\r\n", "\n");
        assert!(data.ends_with(&body), "{data}");
    }
}

#[tokio::test]
async fn exim_takes_letters_to_addresses_in_utf8() {
    let envelope = Envelope::new("a@x.test", ["j\u{f6}rg@y.test"]).expect("addresses");
    let letter = "Subject: Gr\u{fc}\u{df}e\r\n\r\nHello\r\n";
    let Some((head, _)) = to_exim(envelope, letter).await else { return };
    assert!(head.contains("-smtputf8") && head.contains("j\u{f6}rg@y.test"), "{head}");
}

/// An exchange by a mechanism that is plugged in, on the machine itself.
async fn exchange(session: &mut Session<TcpStream>, mechanism: &mut impl Initiator) -> String {
    session.client().auth(mechanism.mechanism(), None).expect("it is offered");
    while session.ready().await.expect("it is open") {
        while let Some((event, client)) = session.next().expect("it goes on") {
            match event {
                client::Event::Challenge(challenge) => {
                    let response = mechanism.respond(&challenge.decode());
                    client.auth_response(response.expect("a challenge").as_bytes()).expect("asked");
                }
                client::Event::Reply { to, reply } if to.verb == Verb::Auth => {
                    return reply.to_string();
                }
                other => panic!("{other:?}"),
            }
        }
    }
    panic!("it is closed");
}

/// A session with Exim, in TLS and as `tim`; else what is told of it.
async fn enter(
    address: SocketAddr,
    identity: &Identity,
    mechanism: &str,
    password: &str,
) -> Result<Client<TcpStream>, String> {
    let credentials = Credentials::plain("tim", password);
    let mut setup = setup(Flavour::Smtp).with_security(identity.required());
    let plugged_in = mechanism == "CRAM-MD5";
    if !plugged_in {
        let mechanism = Mechanism::new(mechanism).expect("a name");
        setup = setup.with_credentials(&credentials).with_mechanism(mechanism);
    }
    let client = setup.connect(tcp(address).await).await.map_err(|error| error.to_string())?;
    if !plugged_in {
        return Ok(client);
    }
    let mut session = client.into_session();
    let reply = exchange(&mut session, &mut cram_md5::Client::new("tim", password)).await;
    let client = Client::over(session);
    if reply == "235 Authentication succeeded" {
        return Ok(client);
    }
    client.quit().await.expect("it closes");
    Err(reply)
}

const MECHANISMS: [&str; 3] = ["PLAIN", "LOGIN", "CRAM-MD5"];

#[tokio::test]
async fn exim_shakes_hands_and_lets_us_in_by_each_mechanism_that_it_has() {
    let identity = Identity::new();
    let Some(exim) = Exim::new(identity.shown()) else { return };
    for (count, mechanism) in (1..).zip(MECHANISMS) {
        let (address, served) = exim.serve();
        let client = enter(address, &identity, mechanism, "tanstaaf").await.expect(mechanism);
        assert!(client.tls().expect("it is encrypted").verified);
        let (fates, _) = hand_over(client, By::Data, to_two(), LETTER).await;
        assert!(all_delivered(&fates), "{fates:?}");
        served.join().expect("no panic");
        let spool = exim.spool();
        assert_eq!(spool.len(), count);
        for (head, data) in spool {
            for kept in ["-auth_id tim", "-tls_cipher TLS1.3", "-received_protocol esmtpsa"] {
                assert!(head.contains(kept), "{mechanism}, {kept}: {head}");
            }
            assert!(data.ends_with("\n.dots\n..\n"), "{data}");
        }
    }
}

#[tokio::test]
async fn exim_does_not_let_in_who_knows_another_password() {
    let identity = Identity::new();
    let Some(exim) = Exim::new(identity.shown()) else { return };
    for mechanism in MECHANISMS {
        let (address, served) = exim.serve();
        let refused = enter(address, &identity, mechanism, "wrong").await.unwrap_err();
        assert!(refused.ends_with("535 Incorrect authentication data"), "{mechanism}: {refused}");
        served.join().expect("no panic");
    }
}

#[tokio::test]
async fn exim_with_another_certificate_is_left_with_the_fault_that_it_has() {
    let stranger = Identity { handshake: Identity::new().handshake, ..Identity::new() };
    for (identity, fault) in [
        (stranger, TlsFault::UnknownIssuer),
        (Identity::of("other.test", NOW), TlsFault::WrongName),
        (Identity::of("mx.test", PAST), TlsFault::Expired),
        (Identity::of("mx.test", FUTURE), TlsFault::NotValidYet),
    ] {
        let Some(exim) = Exim::new(identity.shown()) else { return };
        let (address, served) = exim.serve();
        let stream = tcp(address).await;
        let setup = setup(Flavour::Smtp).with_security(identity.required());
        let error = setup.connect(stream).await.unwrap_err();
        let told = matches!(error, Error::Session(client::Error::Tls(told)) if told == fault);
        assert!(told, "{error}, not {fault}");
        served.join().expect("no panic");
    }
}
