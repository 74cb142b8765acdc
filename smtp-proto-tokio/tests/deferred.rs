//! Tokens in deferred use: every answer comes from another task, through a channel, into `select!` with `ready`.

use core::time::Duration;
use std::io;
use std::sync::Arc;

use smtp_proto::server::{Config, Event, Pending, Refusal, ReplyError, Server, Why, kind};
use smtp_proto::{Code, Condition, Reply};
use smtp_proto_tokio::Session;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep, timeout};

/// What another task has to decide.
enum Question {
    Connect(Pending<kind::Connect>),
    Hello(Pending<kind::Hello>),
    Mail(Pending<kind::Mail>),
    Rcpt(String, Pending<kind::Rcpt>),
    Data(Pending<kind::Data>),
    Message(Pending<kind::Message>),
}

impl Question {
    fn of(event: Event<'_>, server: &mut Server) -> Option<Self> {
        Some(match event {
            Event::Connect(pending) => Self::Connect(pending),
            Event::Hello { pending, .. } => Self::Hello(pending),
            Event::Mail { pending, .. } => Self::Mail(pending),
            Event::Rcpt { rcpt, pending } => Self::Rcpt(rcpt.to.to_string(), pending),
            Event::Data { pending, .. } => Self::Data(pending),
            Event::Message { pending, .. } => Self::Message(pending),
            other => {
                server.decline(other);
                return None;
            }
        })
    }

    fn answer(self, server: &mut Server) -> Result<(), ReplyError> {
        let enhanced = Some(Condition::BAD_DESTINATION_MAILBOX_ADDRESS.permanent());
        match self {
            Self::Connect(pending) => server.accept(pending),
            Self::Hello(pending) => server.accept(pending),
            Self::Mail(pending) => server.accept(pending),
            Self::Rcpt(to, pending) if to.starts_with("no") => {
                server.reply(pending, &Reply::new(Code::MAILBOX_UNAVAILABLE, enhanced, &to))
            }
            Self::Rcpt(to, pending) => server.reply(pending, &Reply::new(Code::OK, None, &to)),
            Self::Data(pending) => server.accept(pending),
            Self::Message(pending) => server.accept(pending),
        }
    }
}

/// Why something was refused, and at last why the session closed.
async fn serve(
    mut session: Session<DuplexStream>,
    questions: mpsc::UnboundedSender<Question>,
    mut answers: mpsc::UnboundedReceiver<Question>,
) -> io::Result<Vec<Why>> {
    let mut whys = Vec::new();
    loop {
        tokio::select! {
            more = session.ready() => if !more? { return Ok(whys) },
            Some(question) = answers.recv() => question.answer(session.server()).expect("it is owed"),
        }
        while let Some((event, server)) = session.next() {
            if let Event::Refused(Refusal { why, .. }) | Event::Closed { why, .. } = event {
                whys.push(why);
            } else if let Some(question) = Question::of(event, server) {
                questions.send(question).expect("someone decides");
            }
        }
    }
}

/// Decides in an order of its own, after a time of its own.
async fn decide(
    seed: u64,
    mut questions: mpsc::UnboundedReceiver<Question>,
    answers: mpsc::UnboundedSender<Question>,
) {
    let mut random = seed;
    let mut below = |limit: usize| {
        random =
            random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(random >> 33).unwrap_or_default() % limit
    };
    let mut waiting = Vec::new();
    loop {
        match timeout(Duration::from_millis(2), questions.recv()).await {
            Ok(Some(question)) => waiting.push(question),
            Ok(None) => return,
            Err(_) => {
                while !waiting.is_empty() {
                    sleep(Duration::from_millis(below(3) as u64)).await;
                    if answers.send(waiting.swap_remove(below(waiting.len()))).is_err() {
                        return;
                    }
                }
            }
        }
    }
}

/// The client's end of a session whose answers come from another task.
fn deferred(
    seed: u64,
    config: Config,
    room: usize,
) -> (DuplexStream, tokio::task::JoinHandle<io::Result<Vec<Why>>>) {
    let (client, stream) = duplex(room);
    let (ask, questions) = mpsc::unbounded_channel();
    let (decided, answers) = mpsc::unbounded_channel();
    tokio::spawn(decide(seed, questions, decided));
    (client, tokio::spawn(serve(Session::new(stream, Arc::new(config)), ask, answers)))
}

fn config() -> Config {
    let mut config = Config::new("mx.test").expect("a domain");
    config.early = smtp_proto::server::Early::Allow;
    config.offer = config.offer.without(smtp_proto::Extension::Help);
    config
}

/// One letter to `recipients` and its replies, in which the order of the commands can be read.
fn letter(recipients: usize) -> (String, String) {
    let to =
        |number: usize| format!("{}{number}@mx.test", if number % 3 == 1 { "no" } else { "yes" });
    let mut commands = String::from("MAIL FROM:<>\r\n");
    let mut replies = String::from("250 2.1.0 Sender accepted\r\n");
    for recipient in (0..recipients).map(to) {
        commands += &format!("RCPT TO:<{recipient}>\r\n");
        let code = if recipient.starts_with("no") { "550 5.1.1" } else { "250 2.1.5" };
        replies += &format!("{code} {recipient}\r\n");
    }
    commands += "DATA\r\nhello\r\n.\r\n";
    replies += "354 Start mail input; end with <CRLF>.<CRLF>\r\n250 2.0.0 Message accepted\r\n";
    (commands, replies)
}

#[tokio::test(start_paused = true)]
async fn session_that_defers_every_answer_never_hangs() {
    for seed in 0..200 {
        let room = [64, 1024, 65_536][seed as usize % 3];
        let (client, session) = deferred(seed, config(), room);
        let mut commands = String::from("EHLO client.test\r\n");
        let mut replies = String::new();
        for recipients in [1, 2, 7, 150] {
            let (said, heard) = letter(recipients);
            commands += &said;
            replies += &heard;
        }
        commands += "NOOP\r\nRSET\r\nVRFY bob\r\nQUIT\r\n";
        replies += "250 2.0.0 OK\r\n250 2.0.0 OK\r\n252 2.0.0 ";
        let (mut ear, mut mouth) = tokio::io::split(client);
        tokio::spawn(async move {
            mouth.write_all(commands.as_bytes()).await.expect("the session reads");
            mouth.shutdown().await
        });
        let mut heard = String::new();
        let all = timeout(Duration::from_secs(60), ear.read_to_string(&mut heard)).await;
        all.unwrap_or_else(|_| panic!("seed {seed} hangs")).expect("replies");
        let (_, heard) = heard.split_once("250 BINARYMIME\r\n").expect("the reply to EHLO");
        assert!(heard.starts_with(&replies), "seed {seed}:\n{heard}\nfor:\n{replies}");
        assert!(heard.ends_with("\r\n221 2.0.0 Closing\r\n"), "seed {seed}:\n{heard}");
        assert_eq!(session.await.unwrap().unwrap(), [Why::Quit]);
    }
}

#[tokio::test(start_paused = true)]
async fn recipients_decided_out_of_order_are_answered_in_order() {
    let (mut client, stream) = duplex(4096);
    let mut session = Session::new(stream, Arc::new(config()));
    client
        .write_all(b"EHLO c.test\r\nMAIL FROM:<>\r\nRCPT TO:<a@x.test>\r\nRCPT TO:<b@x.test>\r\n")
        .await
        .unwrap();
    let mut recipients = Vec::new();
    while recipients.len() < 2 {
        assert!(session.ready().await.unwrap());
        while let Some((event, server)) = session.next() {
            match event {
                Event::Rcpt { rcpt, pending } => recipients.push((rcpt.to.to_string(), pending)),
                other => server.decline(other),
            }
        }
    }
    let [(first, one), (second, two)] = <[_; 2]>::try_from(recipients).unwrap();
    session.server().reply(two, &Reply::new(Code::OK, None, &second)).unwrap();
    assert_eq!(session.server().owed(), 1);
    session.server().reply(one, &Reply::new(Code::OK, None, &first)).unwrap();
    let replies = String::from_utf8(session.server().outgoing().to_vec()).unwrap();
    assert!(replies.ends_with("250 2.1.5 a@x.test\r\n250 2.1.5 b@x.test\r\n"), "{replies}");
}

#[tokio::test(start_paused = true)]
async fn answers_that_never_come_are_given_at_the_deadline() {
    let (mut client, stream) = duplex(4096);
    let (ask, mut questions) = mpsc::unbounded_channel();
    // Nobody answers, and the tokens are kept.
    let (_decided, answers) = mpsc::unbounded_channel();
    let session = tokio::spawn(serve(Session::new(stream, Arc::new(config())), ask, answers));
    let start = Instant::now();
    let mut heard = String::new();
    client.read_to_string(&mut heard).await.unwrap();
    assert_eq!(heard, "421 4.3.0 Not now, closing\r\n");
    assert_eq!(start.elapsed(), Duration::from_secs(300));
    drop(client);
    assert_eq!(session.await.unwrap().unwrap(), [Why::Unanswered, Why::Unanswered]);
    assert!(matches!(questions.recv().await, Some(Question::Connect(_))));
}

#[tokio::test(start_paused = true)]
async fn recipients_and_the_end_are_read_while_an_answer_is_owed() {
    let (mut client, stream) = duplex(4096);
    let mut session = Session::new(stream, Arc::new(config()));
    let mut owed = Vec::new();
    client.write_all(b"EHLO c.test\r\nMAIL FROM:<>\r\n").await.unwrap();
    for recipient in ["a@x.test", "b@x.test"] {
        client.write_all(format!("RCPT TO:<{recipient}>\r\n").as_bytes()).await.unwrap();
        let before = owed.len();
        while owed.len() == before {
            let more = timeout(Duration::from_secs(1), session.ready()).await;
            assert!(more.expect("it reads").unwrap());
            while let Some((event, server)) = session.next() {
                match event {
                    Event::Rcpt { rcpt, pending } => {
                        assert_eq!(rcpt.to.to_string(), recipient);
                        owed.push(pending);
                    }
                    other => server.decline(other),
                }
            }
        }
    }
    client.shutdown().await.unwrap();
    let end = timeout(Duration::from_secs(1), session.ready()).await;
    assert!(end.expect("the end is noticed").unwrap());
    assert!(session.next().is_none());
    // What is owed is still waited for, and nothing more is read.
    let wait = timeout(Duration::from_secs(200), session.ready()).await;
    assert!(wait.is_err(), "there is nothing to say");
    owed.into_iter().for_each(|pending| session.server().accept(pending).unwrap());
    assert!(session.ready().await.unwrap());
    assert!(matches!(session.next(), Some((Event::Closed { why: Why::Eof, .. }, _))));
}
