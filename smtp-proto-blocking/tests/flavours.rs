//! LMTP and BDAT between our client and our server, over TCP and Unix sockets.

use std::io;
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};

use smtp_proto::client;
use smtp_proto::delivery::{Content, Delivery, Envelope, Fate, Outcome};
use smtp_proto::server::{Config, Flavour, Opening, Summary, Transfer, Verdict};
use smtp_proto::{Host, Rcpt, ReplyBuf, stock};
use smtp_proto_blocking::client::Client;
use smtp_proto_blocking::{Handler, Session, Socket, serve};

/// Keeps letters; in LMTP the second recipient has no room, and a letter with `full` in it has none at all.
#[derive(Clone, Default)]
struct Store(Arc<Mutex<Vec<Kept>>>);

/// A letter, and how it came.
type Kept = (Transfer, Vec<u8>);

impl Handler for Store {
    type Letter = Kept;

    fn rcpt(&mut self, _: &Rcpt<'_>) -> Verdict {
        Ok(None)
    }

    fn begin(&mut self, opening: Opening) -> Result<Self::Letter, ReplyBuf> {
        Ok((opening.how, Vec::new()))
    }

    fn write(&mut self, letter: &mut Self::Letter, octets: &[u8]) -> Result<(), ReplyBuf> {
        if octets.windows(4).any(|word| word == b"full") {
            return Err(stock::NO_SPACE);
        }
        letter.1.extend_from_slice(octets);
        Ok(())
    }

    fn commit(&mut self, letter: Self::Letter, _: Summary) -> Verdict {
        self.0.lock().expect("no panic").push(letter);
        Ok(None)
    }

    fn recipient(&mut self, nth: u32) -> Verdict {
        if nth == 1 { Err(stock::MAILBOX_FULL) } else { Ok(None) }
    }
}

type Served = JoinHandle<io::Result<()>>;

/// A client of a server that speaks so, with what the server keeps.
fn connect<S: Socket + Send + 'static>(
    (end, other): (S, S),
    flavour: Flavour,
) -> (Client<S>, Store, Served) {
    let mut config = Config::new("mx.test").expect("a domain");
    config.flavour = flavour;
    let (store, session) = (Store::default(), Session::new(other, Arc::new(config)));
    let handler = store.clone();
    let served = thread::spawn(move || serve(session, handler));
    let mut config = client::Config::default();
    if flavour == Flavour::Lmtp {
        config.flavour = client::Flavour::Lmtp;
    }
    let name = Host::parse(b"c.test").expect("a name");
    (Client::connect(end, name, Arc::new(config)).expect("it greets"), store, served)
}

fn tcp() -> (TcpStream, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let client = TcpStream::connect(listener.local_addr().expect("it is bound"));
    (client.expect("it listens"), listener.accept().expect("it is connected").0)
}

/// Delivers to three, in chunks or not; what became of each.
fn deliver<S: Socket>(client: &mut Client<S>, how: Transfer, letter: &[u8]) -> Vec<String> {
    let to = ["a@y.test", "b@y.test", "c@y.test"];
    let envelope = Envelope::new("a@x.test", to).expect("addresses");
    let offered = client.extensions().expect("it is greeted");
    let plan = Delivery::plan(offered, &envelope, Content::of(letter)).expect("it can go");
    let plan = if how == Transfer::Bdat { plan.in_chunks() } else { plan };
    assert_eq!(plan.uses_chunks(), how == Transfer::Bdat);
    let mut told = vec![String::new(); 3];
    let each = |index: usize, outcome: Outcome<'_>| {
        let reply = outcome.reply.map(|reply| reply.to_string()).unwrap_or_default();
        told[index] = format!("{:?} {reply}", outcome.fate);
    };
    client.deliver_by(plan, envelope, letter, each).expect("it goes through");
    told
}

const TAKEN: &str = "Delivered 250 2.0.0 Message accepted";

/// Letters of many lengths arrive as they were, by DATA and by BDAT.
fn letters_arrive<S: Socket + Send + 'static>(ends: (S, S), flavour: Flavour) {
    let (mut client, store, served) = connect(ends, flavour);
    let second = if flavour == Flavour::Lmtp { stock::MAILBOX_FULL.to_string() } else { "".into() };
    let second = if second.is_empty() { TAKEN.into() } else { format!("Transient {second}") };
    let mut sent = Vec::new();
    for how in [Transfer::Data, Transfer::Bdat] {
        for lines in [0, 1, 100, 100_000] {
            let letter = b".a line of a letter\r\n".repeat(lines);
            let told = deliver(&mut client, how, &letter);
            assert_eq!(told, [TAKEN, second.as_str(), TAKEN]);
            sent.push((how, letter));
        }
    }
    client.quit().expect("it ends well");
    served.join().expect("no panic").expect("it ends well");
    assert!(*store.0.lock().expect("no panic") == sent);
}

#[test]
fn letters_arrive_by_data_and_bdat() {
    letters_arrive(tcp(), Flavour::Smtp);
}

#[test]
fn lmtp_has_a_verdict_for_each_recipient() {
    letters_arrive(tcp(), Flavour::Lmtp);
}

#[cfg(unix)]
#[test]
fn lmtp_has_a_verdict_for_each_recipient_over_unix_sockets() {
    letters_arrive(std::os::unix::net::UnixStream::pair().expect("two ends"), Flavour::Lmtp);
}

#[test]
fn letter_that_cannot_be_kept_is_refused_for_all_and_the_session_goes_on() {
    for flavour in [Flavour::Smtp, Flavour::Lmtp] {
        for how in [Transfer::Data, Transfer::Bdat] {
            let (mut client, store, served) = connect(tcp(), flavour);
            let letter = [b"full\r\n".as_slice(), &b"a line\r\n".repeat(20_000)].concat();
            let refused = format!("{:?} {}", Fate::Transient, stock::NO_SPACE);
            let told = deliver(&mut client, how, &letter);
            assert_eq!(told, [refused.as_str(); 3], "{flavour:?} {how:?}");
            assert!(client.is_reusable());
            assert_eq!(deliver(&mut client, how, b"short\r\n")[0], TAKEN);
            client.quit().expect("it ends well");
            served.join().expect("no panic").expect("it ends well");
            assert_eq!(store.0.lock().expect("no panic").len(), 1);
        }
    }
}

#[test]
fn lmtp_knows_no_ehlo_and_smtp_no_lhlo() {
    let name = Host::parse(b"c.test").expect("a name");
    for (served_as, said_as) in
        [(Flavour::Lmtp, client::Flavour::Smtp), (Flavour::Smtp, client::Flavour::Lmtp)]
    {
        let (end, other) = tcp();
        let mut config = Config::new("mx.test").expect("a domain");
        config.flavour = served_as;
        let session = Session::new(other, Arc::new(config));
        let served = thread::spawn(move || serve(session, Store::default()));
        let mut config = client::Config::default();
        config.flavour = said_as;
        let refused = Client::connect(end, name, Arc::new(config)).expect_err("another protocol");
        assert!(refused.to_string().contains("refused the hello: 500 5.5.1"), "{refused}");
        served.join().expect("no panic").expect("it ends well");
    }
}
