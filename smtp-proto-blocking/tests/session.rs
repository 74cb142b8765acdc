//! `Session` over TCP and Unix sockets: it waits for nobody who does not come, and ends well.

use core::time::Duration;
use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Instant;

use smtp_proto::server::{Config, Early, Event, Pending, Refusal, Why, kind};
use smtp_proto::{Extension, Extensions};
use smtp_proto_blocking::{Session, Socket};

const LETTER: &str = "EHLO client.test\r\n\
    MAIL FROM:<alice@client.test>\r\nRCPT TO:<bob@mx.test>\r\nRCPT TO:<carol@mx.test>\r\nDATA\r\n\
    Subject: t\r\n\r\n..dot\r\n.\r\nQUIT\r\n";
const REPLIES: &str = "220 mx.test ESMTP\r\n250-mx.test\r\n250 ENHANCEDSTATUSCODES\r\n250 2.1.0 Sender accepted\r\n\
    250 2.1.5 Recipient accepted\r\n250 2.1.5 Recipient accepted\r\n\
    354 Start mail input; end with <CRLF>.<CRLF>\r\n250 2.0.0 Message accepted\r\n221 2.0.0 Closing\r\n";

/// What came of a session.
#[derive(Debug, Default, PartialEq, Eq)]
struct Outcome {
    letters: Vec<Vec<u8>>,
    closed: Option<(Why, bool)>,
}

fn delivered() -> Outcome {
    Outcome {
        letters: vec![b"Subject: t\r\n\r\n.dot\r\n".to_vec()],
        closed: Some((Why::Quit, false)),
    }
}

/// Nobody has to wait: the pipelining of a whole session is what a hostile network makes of it.
fn config() -> Config {
    let mut config = Config::new("mx.test").expect("a domain");
    config.early = Early::Allow;
    config.offer = Extensions::none().with(Extension::EnhancedStatusCodes);
    config
}

/// Accepts all.
fn serve(socket: impl Socket, config: Config) -> io::Result<Outcome> {
    let mut session = Session::new(socket, Arc::new(config));
    let (mut outcome, mut letter) = (Outcome::default(), Vec::new());
    while session.ready()? {
        while let Some((event, server)) = session.next() {
            match event {
                Event::Rcpt { pending, .. } => server.accept(pending).expect("in time"),
                Event::Body(octets) => letter.extend_from_slice(octets),
                Event::Message { pending, .. } => {
                    outcome.letters.push(core::mem::take(&mut letter));
                    server.accept(pending).expect("in time");
                }
                Event::Closed { why, mid_message } => outcome.closed = Some((why, mid_message)),
                other => server.decline(other),
            }
        }
    }
    Ok(outcome)
}

fn tcp() -> (TcpStream, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let client =
        TcpStream::connect(listener.local_addr().expect("it is bound")).expect("it listens");
    (client, listener.accept().expect("it is connected").0)
}

/// The client's end of a session that runs in a thread.
fn start(config: Config) -> (TcpStream, JoinHandle<io::Result<Outcome>>) {
    let (client, socket) = tcp();
    (client, thread::spawn(move || serve(socket, config)))
}

/// Reads until the other end has nothing more to say.
fn read_all(stream: &mut impl Read) -> String {
    let mut replies = String::new();
    stream.read_to_string(&mut replies).expect("an end, no reset");
    replies
}

fn outcome(session: JoinHandle<io::Result<Outcome>>) -> Outcome {
    session.join().expect("no panic").expect("no error")
}

#[test]
fn letter_in_one_piece_is_taken() {
    let (mut client, session) = start(config());
    client.write_all(LETTER.as_bytes()).unwrap();
    assert_eq!(read_all(&mut client), REPLIES);
    drop(client);
    assert_eq!(outcome(session), delivered());
}

#[cfg(unix)]
#[test]
fn letter_over_a_unix_socket_is_taken() {
    let (mut client, socket) = std::os::unix::net::UnixStream::pair().unwrap();
    let session = thread::spawn(move || serve(&socket, config()));
    for octet in LETTER.as_bytes() {
        client.write_all(&[*octet]).unwrap();
    }
    assert_eq!(read_all(&mut client), REPLIES);
    drop(client);
    assert_eq!(outcome(session), delivered());
}

#[test]
fn half_closed_peer_gets_its_replies() {
    let (mut client, session) = start(config());
    client.write_all(LETTER.strip_suffix("QUIT\r\n").unwrap().as_bytes()).unwrap();
    client.shutdown(Shutdown::Write).unwrap();
    assert_eq!(read_all(&mut client), REPLIES.strip_suffix("221 2.0.0 Closing\r\n").unwrap());
    assert_eq!(outcome(session), Outcome { closed: Some((Why::Eof, false)), ..delivered() });
}

#[test]
fn command_that_drips_in_has_one_deadline() {
    let mut config = config();
    config.limits.command_wait = Duration::from_millis(300);
    let (mut client, session) = start(config);
    let start = Instant::now();
    let mut mouth = client.try_clone().unwrap();
    let drip = thread::spawn(move || {
        while mouth.write_all(b"x").is_ok() && start.elapsed() < Duration::from_secs(10) {
            thread::sleep(Duration::from_millis(20));
        }
    });
    assert_eq!(read_all(&mut client), "220 mx.test ESMTP\r\n421 4.4.2 Too slow, closing\r\n");
    assert!((300..3000).contains(&start.elapsed().as_millis()), "{:?}", start.elapsed());
    client.shutdown(Shutdown::Both).unwrap();
    drip.join().unwrap();
    assert_eq!(outcome(session).closed, Some((Why::TimedOut, false)));
}

#[test]
fn peer_that_reads_nothing_is_left_after_the_flush_wait() {
    let mut config = config();
    config.limits.flush_wait = Duration::from_millis(300);
    config.limits.idle_commands = u32::MAX;
    let (client, session) = start(config);
    let mut mouth = client.try_clone().unwrap();
    let flood = thread::spawn(move || while mouth.write_all(&b"NOOP\r\n".repeat(1000)).is_ok() {});
    assert_eq!(outcome(session).closed, Some((Why::TimedOut, false)));
    drop(client);
    flood.join().unwrap();
}

#[test]
fn last_reply_survives_octets_behind_quit() {
    for _ in 0..20 {
        let (mut client, session) = start(config());
        let mut flood = LETTER.as_bytes().to_vec();
        flood.resize(60_000, b'x');
        client.write_all(&flood).unwrap();
        assert_eq!(read_all(&mut client), REPLIES);
        drop(client);
        assert_eq!(outcome(session), delivered());
    }
}

#[test]
fn answer_that_was_forgotten_is_given_at_once() {
    let (mut client, socket) = tcp();
    let session = thread::spawn(move || {
        let mut session = Session::new(socket, Arc::new(config()));
        let (mut forgotten, mut whys) = (None::<Pending<kind::Mail>>, Vec::new());
        while session.ready().unwrap() {
            while let Some((event, server)) = session.next() {
                match event {
                    Event::Mail { pending, .. } => forgotten = Some(pending),
                    Event::Refused(Refusal { why, .. }) => whys.push(why),
                    other => server.decline(other),
                }
            }
        }
        assert!(forgotten.is_some());
        whys
    });
    client.write_all(b"EHLO client.test\r\nMAIL FROM:<>\r\nQUIT\r\n").unwrap();
    let replies = read_all(&mut client);
    drop(client);
    assert!(
        replies.contains("\r\n451 4.3.0 ") && replies.ends_with("221 2.0.0 Closing\r\n"),
        "{replies}"
    );
    assert_eq!(session.join().unwrap(), [Why::Unanswered]);
}

#[test]
fn answers_of_other_threads_are_given_before_the_wait() {
    use std::sync::mpsc::channel;
    let (mut client, socket) = tcp();
    let ((ask, questions), (tell, answers)) = (channel(), channel());
    thread::spawn(move || {
        questions.into_iter().try_for_each(|pending: Pending<kind::Rcpt>| tell.send(pending))
    });
    let session = thread::spawn(move || {
        let mut session = Session::new(socket, Arc::new(config()));
        while session.ready().unwrap() {
            while let Some((event, server)) = session.next() {
                match event {
                    Event::Rcpt { pending, .. } => ask.send(pending).unwrap(),
                    other => server.decline(other),
                }
            }
            while session.server().owed() > 0 {
                session.server().accept(answers.recv().unwrap()).unwrap();
            }
        }
    });
    client
        .write_all(LETTER.split_inclusive("carol@mx.test>\r\n").next().unwrap().as_bytes())
        .unwrap();
    client.write_all(b"QUIT\r\n").unwrap();
    let replies = read_all(&mut client);
    drop(client);
    session.join().unwrap();
    assert_eq!(replies.matches("250 2.1.5 Recipient accepted\r\n").count(), 2, "{replies}");
}
