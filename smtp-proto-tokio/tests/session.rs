//! `Session` over streams of every kind: it loses nothing, waits for nobody who does not come, and ends well.

use core::time::Duration;
use std::io;
use std::sync::Arc;

use smtp_proto::server::{Config, Event, Server, Why};
use smtp_proto_tokio::Session;
use tokio::io::{
    AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufStream, DuplexStream, duplex,
};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{Instant, sleep, timeout};

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

impl Outcome {
    /// Accepts all.
    fn take(&mut self, letter: &mut Vec<u8>, event: Event<'_>, server: &mut Server) {
        match event {
            Event::Rcpt { pending, .. } => server.accept(pending).expect("in time"),
            Event::Body(octets) => letter.extend_from_slice(octets),
            Event::Message { pending, .. } => {
                self.letters.push(core::mem::take(letter));
                server.accept(pending).expect("in time");
            }
            Event::Closed { why, mid_message } => self.closed = Some((why, mid_message)),
            other => server.decline(other),
        }
    }
}

/// Nobody has to wait: the pipelining of a whole session is what a hostile network makes of it.
fn config() -> Config {
    let mut config = Config::new("mx.test").expect("a domain");
    config.early = smtp_proto::server::Early::Allow;
    config.offer = smtp_proto::Extensions::none().with(smtp_proto::Extension::EnhancedStatusCodes);
    config
}

async fn serve<S: AsyncRead + AsyncWrite + Unpin>(mut session: Session<S>) -> io::Result<Outcome> {
    let (mut outcome, mut letter) = (Outcome::default(), Vec::new());
    while session.ready().await? {
        while let Some((event, server)) = session.next() {
            outcome.take(&mut letter, event, server);
        }
    }
    Ok(outcome)
}

/// As `serve`, but every wait is cancelled after `patience`, again and again.
async fn serve_impatiently(
    mut session: Session<DuplexStream>,
    patience: Duration,
) -> io::Result<Outcome> {
    let (mut outcome, mut letter) = (Outcome::default(), Vec::new());
    loop {
        tokio::select! {
            more = session.ready() => {
                if !more? {
                    return Ok(outcome);
                }
                while let Some((event, server)) = session.next() {
                    outcome.take(&mut letter, event, server);
                }
            }
            () = sleep(patience) => {}
        }
    }
}

fn delivered() -> Outcome {
    Outcome {
        letters: vec![b"Subject: t\r\n\r\n.dot\r\n".to_vec()],
        closed: Some((Why::Quit, false)),
    }
}

/// Reads until the other end has nothing more to say.
async fn read_all(stream: &mut (impl AsyncRead + Unpin)) -> String {
    let mut octets = Vec::new();
    stream.read_to_end(&mut octets).await.expect("an end, no reset");
    String::from_utf8(octets).expect("replies are text")
}

#[tokio::test]
async fn letter_in_one_piece_is_taken() {
    let (mut client, stream) = duplex(4096);
    let session = tokio::spawn(serve(Session::new(stream, Arc::new(config()))));
    client.write_all(LETTER.as_bytes()).await.unwrap();
    assert_eq!(read_all(&mut client).await, REPLIES);
    drop(client);
    assert_eq!(session.await.unwrap().unwrap(), delivered());
}

#[tokio::test(start_paused = true)]
async fn cancelled_ready_loses_nothing() {
    for room in [1, 3, 64, 4096] {
        let (client, stream) = duplex(room);
        let session = Session::new(stream, Arc::new(config()));
        let session = tokio::spawn(serve_impatiently(session, Duration::from_millis(1)));
        let (mut replies, mut commands) = tokio::io::split(client);
        tokio::spawn(async move {
            for octet in LETTER.as_bytes() {
                commands.write_all(&[*octet]).await.unwrap();
                sleep(Duration::from_micros(700)).await;
            }
        });
        assert_eq!(read_all(&mut replies).await, REPLIES);
        assert_eq!(session.await.unwrap().unwrap(), delivered());
    }
}

#[tokio::test(start_paused = true)]
async fn cancelled_ready_does_not_forgive_a_slow_peer() {
    for patience in [Duration::from_millis(3), Duration::from_secs(1), Duration::from_secs(299)] {
        let start = Instant::now();
        let (mut client, stream) = duplex(4096);
        let session = Session::new(stream, Arc::new(config()));
        let session = tokio::spawn(serve_impatiently(session, patience));
        client.write_all(b"NOO").await.unwrap();
        let heard = timeout(Duration::from_secs(1000), read_all(&mut client)).await;
        assert_eq!(heard.expect("an end"), "220 mx.test ESMTP\r\n421 4.4.2 Too slow, closing\r\n");
        let waited = start.elapsed();
        assert!((300..302).contains(&waited.as_secs()), "{waited:?} at a patience of {patience:?}");
        drop(client);
        assert_eq!(session.await.unwrap().unwrap().closed, Some((Why::TimedOut, false)));
    }
}

#[tokio::test(start_paused = true)]
async fn command_that_drips_in_has_one_deadline() {
    let start = Instant::now();
    let (client, stream) = duplex(4096);
    let session = tokio::spawn(serve(Session::new(stream, Arc::new(config()))));
    let (mut replies, mut commands) = tokio::io::split(client);
    let drip = tokio::spawn(async move {
        while commands.write_all(b"x").await.is_ok() {
            sleep(Duration::from_secs(10)).await;
        }
    });
    let heard = timeout(Duration::from_secs(1000), read_all(&mut replies)).await;
    assert_eq!(heard.expect("an end"), "220 mx.test ESMTP\r\n421 4.4.2 Too slow, closing\r\n");
    assert_eq!(start.elapsed().as_secs(), 300);
    assert_eq!(session.await.unwrap().unwrap().closed, Some((Why::TimedOut, false)));
    drip.abort();
}

#[tokio::test(start_paused = true)]
async fn peer_that_reads_nothing_is_left_after_the_flush_wait() {
    let start = Instant::now();
    let (client, stream) = duplex(4);
    let outcome = serve(Session::new(stream, Arc::new(config()))).await.unwrap();
    assert_eq!(outcome.closed, Some((Why::TimedOut, false)));
    // The end of a connection to which nothing can be written lasts no longer than any other.
    assert!((300..=302).contains(&start.elapsed().as_secs()), "{:?}", start.elapsed());
    drop(client);
}

#[tokio::test]
async fn it_reads_while_a_reply_cannot_leave() {
    let (mut client, stream) = duplex(16);
    let session = tokio::spawn(serve(Session::new(stream, Arc::new(config()))));
    // All of it is taken before the client reads anything, or neither end ever goes on.
    let all = timeout(Duration::from_secs(10), client.write_all(LETTER.as_bytes())).await;
    all.expect("the session reads").unwrap();
    assert_eq!(read_all(&mut client).await, REPLIES);
    drop(client);
    assert_eq!(session.await.unwrap().unwrap(), delivered());
}

#[tokio::test]
async fn half_closed_peer_gets_its_replies() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
    client.write_all(LETTER.strip_suffix("QUIT\r\n").unwrap().as_bytes()).await.unwrap();
    client.shutdown().await.unwrap();
    let session =
        tokio::spawn(serve(Session::new(listener.accept().await.unwrap().0, Arc::new(config()))));
    assert_eq!(read_all(&mut client).await, REPLIES.strip_suffix("221 2.0.0 Closing\r\n").unwrap());
    assert_eq!(
        session.await.unwrap().unwrap(),
        Outcome { closed: Some((Why::Eof, false)), ..delivered() }
    );
}

#[tokio::test]
async fn end_in_the_middle_of_a_letter_is_told() {
    let (mut client, stream) = duplex(4096);
    let end = LETTER.find("..dot").unwrap();
    client.write_all(&LETTER.as_bytes()[..end]).await.unwrap();
    client.shutdown().await.unwrap();
    let outcome = serve(Session::new(stream, Arc::new(config()))).await.unwrap();
    assert_eq!(outcome, Outcome { letters: vec![], closed: Some((Why::Eof, true)) });
}

#[tokio::test]
async fn stream_that_holds_octets_back_is_flushed() {
    let (mut client, stream) = duplex(4096);
    let session = tokio::spawn(serve(Session::new(BufStream::new(stream), Arc::new(config()))));
    for (command, reply) in [
        ("", "220 mx.test ESMTP\r\n"),
        ("HELO client.test\r\n", "250 mx.test\r\n"),
        ("NOOP\r\n", "250 2.0.0 OK\r\n"),
        ("QUIT\r\n", "221 2.0.0 Closing\r\n"),
    ] {
        client.write_all(command.as_bytes()).await.unwrap();
        let mut heard = vec![0; reply.len()];
        let all = timeout(Duration::from_secs(10), client.read_exact(&mut heard)).await;
        all.expect("a reply in time").unwrap();
        assert_eq!(String::from_utf8(heard).unwrap(), reply);
    }
    drop(client);
    assert_eq!(session.await.unwrap().unwrap().closed, Some((Why::Quit, false)));
}

#[tokio::test]
async fn last_reply_survives_octets_behind_quit() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    for _ in 0..20 {
        let mut client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let (stream, _) = listener.accept().await.unwrap();
        let session = tokio::spawn(serve(Session::new(stream, Arc::new(config()))));
        let mut flood = LETTER.as_bytes().to_vec();
        flood.resize(60_000, b'x');
        client.write_all(&flood).await.unwrap();
        assert_eq!(read_all(&mut client).await, REPLIES);
        drop(client);
        assert_eq!(session.await.unwrap().unwrap(), delivered());
    }
}

#[tokio::test(start_paused = true)]
async fn peer_that_does_not_close_is_read_for_two_seconds() {
    let (mut client, stream) = duplex(4096);
    client.write_all(b"QUIT\r\n").await.unwrap();
    let start = Instant::now();
    let session = Session::new(stream, Arc::new(config()));
    // Cancelled all the time: the two seconds are those of the whole end.
    let outcome = serve_impatiently(session, Duration::from_millis(300));
    let outcome = timeout(Duration::from_secs(60), outcome).await.expect("an end");
    assert_eq!(outcome.unwrap().closed, Some((Why::Quit, false)));
    assert!((1900..2400).contains(&start.elapsed().as_millis()), "{:?}", start.elapsed());
}

#[tokio::test(start_paused = true)]
async fn peer_that_does_not_stop_is_read_for_64_kib() {
    let (client, stream) = duplex(1 << 20);
    let (mut replies, mut commands) = tokio::io::split(client);
    commands.write_all(b"QUIT\r\n").await.unwrap();
    commands.write_all(&vec![b'x'; 200_000]).await.unwrap();
    let start = Instant::now();
    let outcome = serve(Session::new(stream, Arc::new(config()))).await.unwrap();
    assert_eq!(outcome.closed, Some((Why::Quit, false)));
    assert_eq!(start.elapsed(), Duration::ZERO);
    assert_eq!(read_all(&mut replies).await, "220 mx.test ESMTP\r\n221 2.0.0 Closing\r\n");
}

#[tokio::test]
async fn parts_go_on_in_another_session() {
    let (mut client, stream) = duplex(4096);
    client.write_all(LETTER.as_bytes()).await.unwrap();
    let mut session = Session::new(stream, Arc::new(config()));
    let (mut outcome, mut letter) = (Outcome::default(), Vec::new());
    while session.ready().await.unwrap() {
        // One event a session.
        if let Some((event, server)) = session.next() {
            outcome.take(&mut letter, event, server);
        }
        let (stream, server, inbox) = session.into_parts();
        session = Session::from_parts(stream, server, inbox);
        if outcome.closed.is_some() {
            client.shutdown().await.unwrap();
        }
    }
    assert_eq!(read_all(&mut client).await, REPLIES);
    assert_eq!(outcome, delivered());
}
