//! Sessions over TLS and with AUTH, both roles: what is encrypted, who is let in, and what is not read.
#![cfg(feature = "rustls")]

#[path = "support/certificates.rs"]
#[expect(dead_code, reason = "a test of one thing needs no other certificates")]
mod certificates;

use core::time::Duration;
use std::io::{self, BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};

use smtp_proto::client::{self, IntroductionError};
use smtp_proto::delivery::{Content, Envelope, Fate};
use smtp_proto::sasl::{Credentials, Exchange, Secret, Step};
use smtp_proto::server::{Config, Opening, StartTls, Summary, Verdict, Why};
use smtp_proto::{Host, Mechanism, Mechanisms, Rcpt, ReplyBuf, TlsFault, TlsInfo, Verb, stock};
use smtp_proto_blocking::client::{Client, Error, Security, Setup};
use smtp_proto_blocking::tls::{Acceptor, Connector, Handshake};
use smtp_proto_blocking::{Handler, Session, Socket, Stream, Witness, serve};

use certificates::{Certificate, Certificates, NAME};

const ENOUGH: Duration = Duration::from_secs(10);

/// Writes down what it is asked, and lets in `tim` with `tanstaaf`.
#[derive(Clone, Debug, Default)]
struct Diary(Arc<Mutex<Vec<String>>>);

impl Diary {
    fn note(&self, what: impl Into<String>) {
        self.0.lock().expect("no panic").push(what.into());
    }

    fn read(&self) -> Vec<String> {
        self.0.lock().expect("no panic").clone()
    }
}

impl Handler for Diary {
    type Letter = Vec<u8>;

    fn connect(&mut self) -> Verdict {
        self.note("connect");
        Ok(None)
    }

    fn tls(&mut self, info: &TlsInfo) {
        self.note(format!("{} for {:?}", info.version, info.server_name));
    }

    fn hello(&mut self, verb: Verb, _: Host<'_>) -> Verdict {
        self.note(verb.name());
        Ok(None)
    }

    fn exchange(&mut self, mechanism: Mechanism<'_>) -> Option<Box<dyn Exchange>> {
        self.note(mechanism.to_string());
        match mechanism.is("X-COIN") {
            true => Some(Box::new(Coin)),
            false => smtp_proto::sasl::exchange(mechanism),
        }
    }

    fn authenticate(&mut self, credentials: &Credentials) -> Verdict {
        match credentials {
            Credentials::Plain { authcid, password, .. } => {
                self.note(format!("{authcid} with {password:?}"));
                let right = authcid == "tim" && password.matches(b"tanstaaf");
                if right { Ok(None) } else { Err(stock::BAD_CREDENTIALS) }
            }
            _ => Err(stock::BAD_CREDENTIALS),
        }
    }

    fn rcpt(&mut self, _: &Rcpt<'_>) -> Verdict {
        Ok(None)
    }

    fn begin(&mut self, opening: Opening) -> Result<Vec<u8>, ReplyBuf> {
        self.note(opening.protocol);
        Ok(Vec::new())
    }

    fn write(&mut self, letter: &mut Vec<u8>, octets: &[u8]) -> Result<(), ReplyBuf> {
        letter.extend_from_slice(octets);
        Ok(())
    }

    fn commit(&mut self, letter: Vec<u8>, _: Summary) -> Verdict {
        self.note(format!("{} octets", letter.len()));
        Ok(None)
    }

    fn closed(&mut self, why: Why) {
        self.note(format!("{why:?}"));
    }
}

/// A mechanism of one's own: heads is let in.
struct Coin;

impl Exchange for Coin {
    fn step(&mut self, response: Option<&[u8]>) -> Step {
        match response {
            None => Step::Challenge(b"heads or tails?".to_vec()),
            Some(b"heads") => Step::Authenticated,
            Some(_) => Step::Refused,
        }
    }
}

fn acceptor() -> Acceptor {
    let Certificate { chain, key } = &Certificates::get().good;
    Acceptor::from_pem(chain.as_bytes(), key.as_bytes()).expect("a certificate")
}

fn handshake() -> Handshake {
    let ca = Certificates::get().ca.as_bytes();
    Connector::trusting(ca).and_then(|connector| connector.to(NAME)).expect("a CA")
}

fn tcp() -> (TcpStream, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("it is bound");
    let client = TcpStream::connect(address).expect("it listens");
    client.set_nodelay(true).expect("a TCP option");
    (client, listener.accept().expect("it is connected").0)
}

fn config() -> Config {
    let mut config = Config::new("mx.test").expect("a domain");
    config.starttls = StartTls::Offered;
    config.auth.in_tls = Mechanisms::of(["PLAIN", "LOGIN", "X-COIN"]);
    config
}

type Served = JoinHandle<io::Result<()>>;

/// The client's end, and what the server notes.
fn start_tls(config: Config) -> (TcpStream, Diary, Served) {
    let ((client, socket), diary) = (tcp(), Diary::default());
    let session = Session::new(socket, Arc::new(config)).with_tls(acceptor());
    let handler = diary.clone();
    (client, diary, thread::spawn(move || serve(session, handler)))
}

fn implicit_tls(config: Config) -> (TcpStream, Diary, Served) {
    let ((client, socket), diary) = (tcp(), Diary::default());
    let session = Session::implicit_tls(socket, acceptor(), Arc::new(config));
    let handler = diary.clone();
    (client, diary, thread::spawn(move || serve(session, handler)))
}

fn name() -> Host<'static> {
    Host::parse(b"client.test").expect("a name")
}

fn deliver<S: Socket>(mut client: Client<S>) {
    let envelope = Envelope::new("a@x.test", ["b@y.test"]).expect("addresses");
    let mut fates = Vec::new();
    let content = Content::seven_bit();
    client
        .deliver(envelope, content, "Hello\r\n", |_, outcome| fates.push(outcome.fate))
        .expect("it goes through");
    assert_eq!(fates, [Fate::Delivered]);
    client.quit().expect("it ends well");
}

fn letter_goes<S: Socket + Send + 'static>((client, socket): (S, S)) {
    let diary = Diary::default();
    let session = Session::new(socket, Arc::new(config())).with_tls(acceptor());
    let handler = diary.clone();
    let served = thread::spawn(move || serve(session, handler));
    let credentials = Credentials::plain("tim", "tanstaaf");
    let setup = Setup::new(name())
        .with_security(Security::Required(handshake()))
        .with_credentials(&credentials);
    let client = setup.connect(client).expect("it is the right one");
    let info = client.tls().expect("it is encrypted");
    assert!(info.verified && info.version == "TLSv1.3");
    deliver(client);
    served.join().expect("no panic").expect("it ends well");
    assert_eq!(
        diary.read(),
        [
            "connect",
            "EHLO",
            "TLSv1.3 for Some(\"mx.test\")",
            "EHLO",
            "PLAIN",
            "tim with Secret(<redacted>)",
            "ESMTPSA",
            "7 octets",
            "Quit"
        ]
    );
}

#[test]
fn letter_is_submitted_over_starttls_and_auth_over_tcp() {
    letter_goes(tcp());
}

#[cfg(unix)]
#[test]
fn letter_is_submitted_over_starttls_and_auth_over_unix_sockets() {
    letter_goes(std::os::unix::net::UnixStream::pair().expect("two ends"));
}

#[test]
fn letter_is_submitted_over_tls_from_the_first_octet() {
    let (client, diary, served) = implicit_tls(config());
    let credentials = Credentials::plain("tim", "tanstaaf");
    let client = Setup::new(name())
        .with_security(Security::Implicit(handshake()))
        .with_credentials(&credentials)
        .with_mechanism(Mechanism::new("LOGIN").expect("a name"))
        .connect(client)
        .expect("it is the right one");
    deliver(client);
    served.join().expect("no panic").expect("it ends well");
    let tls = "TLSv1.3 for Some(\"mx.test\")";
    let tim = "tim with Secret(<redacted>)";
    let expected = [tls, "connect", "EHLO", "LOGIN", tim, "ESMTPSA", "7 octets", "Quit"];
    assert_eq!(diary.read(), expected);
}

#[test]
fn opportunistic_client_takes_what_it_gets() {
    let unverified = || Connector::unverified().to("any.test").expect("a name");
    for (tls, protocol) in [(StartTls::Off, "ESMTP"), (StartTls::Offered, "ESMTPS")] {
        let mut config = config();
        config.starttls = tls;
        let (client, diary, served) = start_tls(config);
        let setup = Setup::new(name()).with_security(Security::Opportunistic(unverified()));
        let client = setup.connect(client).expect("it takes everyone");
        assert_eq!(client.tls().map(|info| info.verified), (protocol == "ESMTPS").then_some(false));
        deliver(client);
        served.join().expect("no panic").expect("it ends well");
        assert!(diary.read().contains(&protocol.to_owned()), "{:?}", diary.read());
    }
}

#[test]
fn wrong_password_is_refused_and_the_session_ends() {
    let (client, diary, served) = implicit_tls(config());
    let credentials = Credentials::plain("tim", "wrong");
    let refused = Setup::new(name())
        .with_security(Security::Implicit(handshake()))
        .with_credentials(&credentials)
        .connect(client)
        .expect_err("the password is wrong");
    assert!(
        matches!(&refused, Error::Introduction(IntroductionError::Auth(reply))
            if reply.to_string() == "535 5.7.8 Authentication failed"),
        "{refused}"
    );
    served.join().expect("no panic").expect("it ends well");
    assert_eq!(diary.read().last().map(String::as_str), Some("Quit"));
}

#[test]
fn required_tls_fails_closed_where_it_is_not_offered() {
    let mut config = config();
    config.starttls = StartTls::Off;
    let (client, diary, served) = start_tls(config);
    let credentials = Credentials::plain("tim", "tanstaaf");
    let refused = Setup::new(name())
        .with_security(Security::Required(handshake()))
        .with_credentials(&credentials)
        .connect(client)
        .expect_err("there is no TLS");
    assert!(matches!(refused, Error::Session(client::Error::TlsRequired)), "{refused}");
    served.join().expect("no panic").expect("it ends well");
    assert_eq!(diary.read(), ["connect", "EHLO", "Eof"]);
}

#[test]
fn handshake_that_fails_is_told_at_both_ends() {
    let wrong = || {
        let ca = Certificates::get().ca.as_bytes();
        Connector::trusting(ca).and_then(|connector| connector.to("other.test")).expect("a CA")
    };
    for implicit in [false, true] {
        let (client, diary, served) =
            if implicit { implicit_tls(config()) } else { start_tls(config()) };
        let security = match implicit {
            true => Security::Implicit(wrong()),
            false => Security::Required(wrong()),
        };
        let refused = Setup::new(name()).with_security(security).connect(client);
        let refused = refused.expect_err("it is another server");
        assert!(
            matches!(refused, Error::Session(client::Error::Tls(TlsFault::WrongName))),
            "{refused}"
        );
        let error = served.join().expect("no panic").expect_err("the client went away");
        assert!(error.to_string().contains("fatal alert"), "{error}");
        let expected: &[&str] =
            if implicit { &["Handshake"] } else { &["connect", "EHLO", "Handshake"] };
        assert_eq!(diary.read(), expected);
    }
}

/// Says each part when the one before was answered by the line that begins so; what came last.
fn say(stream: &mut BufReader<TcpStream>, dialogue: &[(&str, &str)]) {
    for (said, expected) in dialogue {
        stream.get_mut().write_all(said.as_bytes()).expect("it is open");
        let mut reply = String::new();
        while !(reply.starts_with(expected) && reply.as_bytes().get(3) == Some(&b' ')) {
            reply.clear();
            let octets = stream.read_line(&mut reply).expect("a reply");
            assert!(octets > 0, "no {expected} to {said}");
        }
    }
}

#[test]
fn octets_behind_starttls_are_not_read_in_tls() {
    let (client, diary, served) = start_tls(config());
    let mut client = BufReader::new(client);
    say(
        &mut client,
        &[
            ("", "220"),
            ("EHLO c.test\r\n", "250"),
            ("STARTTLS\r\nMAIL FROM:<evil@x.test>\r\n", "554"),
        ],
    );
    drop(client);
    served.join().expect("no panic").expect("it ends well");
    let told = diary.read();
    assert_eq!(told[..2], ["connect", "EHLO"]);
    assert!(!told.iter().any(|line| line.contains("TLS")), "{told:?}");
}

#[test]
fn handshake_on_the_server_has_its_time() {
    let mut config = config();
    config.limits.handshake_wait = Duration::from_millis(300);
    let (client, diary, served) = start_tls(config.clone());
    let mut client = BufReader::new(client);
    say(&mut client, &[("", "220"), ("EHLO c.test\r\n", "250"), ("STARTTLS\r\n", "220")]);
    served.join().expect("no panic").expect("nothing went wrong");
    assert_eq!(diary.read(), ["connect", "EHLO", "TimedOut"]);
    let (client, diary, served) = implicit_tls(config);
    served.join().expect("no panic").expect_err("nobody shook hands");
    assert_eq!(diary.read(), ["Handshake"]);
    drop(client);
}

#[test]
fn session_ends_where_tls_does() {
    let (client, diary, served) = start_tls(config());
    let mut clear = BufReader::new(client);
    say(&mut clear, &[("", "220"), ("EHLO c.test\r\n", "250"), ("STARTTLS\r\n", "220")]);
    let mut stream = Stream::from(clear.into_inner());
    stream.connect_tls(&handshake(), ENOUGH).expect("it is the right one");
    stream.end_writing().expect("it is open");
    served.join().expect("no panic").expect("it ends well");
    assert_eq!(diary.read().last().map(String::as_str), Some("Eof"));
}

#[test]
fn mechanism_of_ones_own_plugs_in() {
    let mut config = config();
    config.auth.in_clear = Mechanisms::of(["X-COIN"]);
    let (client, diary, served) = start_tls(config);
    let mut client = BufReader::new(client);
    say(
        &mut client,
        &[
            ("", "220"),
            ("EHLO c.test\r\n", "250"),
            ("AUTH PLAIN AHRpbQB0YW5zdGFhZg==\r\n", "5"),
            ("AUTH X-COIN\r\n", "334 aGVhZHMgb3IgdGFpbHM/"),
            ("dGFpbHM=\r\n", "535"),
            ("AUTH X-COIN\r\n", "334"),
            ("aGVhZHM=\r\n", "235 2.7.0"),
            ("QUIT\r\n", "221"),
        ],
    );
    drop(client);
    served.join().expect("no panic").expect("it ends well");
    assert_eq!(diary.read(), ["connect", "EHLO", "X-COIN", "X-COIN", "Quit"]);
}

/// What passed, for all to see.
#[derive(Clone, Debug, Default)]
struct Seen(Arc<Mutex<Vec<u8>>>);

impl Witness for Seen {
    fn wrote(&mut self, octets: &[u8]) {
        self.0.lock().expect("no panic").extend_from_slice(octets);
    }

    fn read(&mut self, octets: &[u8]) {
        self.0.lock().expect("no panic").extend_from_slice(octets);
    }

    fn encrypted(&mut self, info: &TlsInfo) {
        self.0.lock().expect("no panic").extend_from_slice(info.version.as_bytes());
    }
}

#[test]
fn witness_sees_both_sides_of_the_encryption() {
    let (client, _, served) = start_tls(config());
    let seen = Seen::default();
    let setup = Setup::new(name())
        .with_security(Security::Required(handshake()))
        .with_witness(Box::new(seen.clone()));
    setup.connect(client).expect("it is the right one").quit().expect("it ends well");
    served.join().expect("no panic").expect("it ends well");
    let seen = String::from_utf8(seen.0.lock().expect("no panic").clone()).expect("text");
    let lines =
        ["STARTTLS\r\n220 2.0.0 Ready to start TLS\r\nTLSv1.3EHLO client.test\r\n", "QUIT\r\n221"];
    assert!(lines.iter().all(|line| seen.contains(line)), "{seen}");
}

#[test]
fn secrets_do_not_show() {
    let credentials = Credentials::plain("tim", Secret::from("tanstaaf"));
    let setup = Setup::new(name()).with_credentials(&credentials);
    assert!(!format!("{setup:?} {:?}", acceptor()).contains("tanstaaf"));
}
