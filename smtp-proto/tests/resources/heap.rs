//! What sessions take from the heap.

use crate::allocations::{Heap, heap};
use crate::session::{config, greeted, rcpt, say};
use core::mem::size_of;
use smtp_proto::client::{self, Client};
use smtp_proto::line::{Replies, ReplyLimits};
use smtp_proto::server::Server;
use smtp_proto::{Code, Extensions, Host, MailBuf, RcptBuf, Reply};
use std::sync::Arc;

const TRANSACTION: &[u8] = b"MAIL FROM:<a@x.test> SIZE=100 BODY=8BITMIME\r\nRCPT TO:<b@y.test>\r\nRCPT TO:<c@y.test> NOTIFY=SUCCESS\r\nRCPT TO:<b y>\r\nDATA\r\n";
const CONTENT: &[u8] = b"Subject: t\r\n\r\n..a dot\r\nand \xc3\xa9\r\n.\r\n";

#[test]
fn a_server_asks_for_no_heap_per_command_reply_and_run() {
    let mut server = greeted(config());
    let mut transaction = || {
        say(&mut server, TRANSACTION);
        say(&mut server, CONTENT);
        say(&mut server, b"NOOP\r\nVRFY b\r\nHELP\r\nRSET\r\n");
    };
    transaction();
    let ((), used) = heap(|| (0..1_000).for_each(|_| transaction()));
    assert_eq!(used, Heap { asked: 0, held: 0, peak: 0 });
}

#[test]
fn a_body_asks_for_no_heap_however_it_is_cut() {
    let line = b"seventy-eight octets of text, more or less, and then the end of the line\r\n.";
    let body = line.repeat(20_000);
    for piece in [1460, 65_536, 3] {
        let mut server = greeted(config());
        say(&mut server, TRANSACTION);
        let ((), used) = heap(|| {
            for piece in body.chunks(piece).take(200_000) {
                let mut input = piece;
                while server.next(&mut input).is_some() {}
                assert!(input.len() <= 3);
            }
        });
        assert_eq!(used, Heap { asked: 0, held: 0, peak: 0 }, "pieces of {piece}");
    }
}

#[test]
fn a_client_asks_for_no_heap_per_command_reply_and_run() {
    let mut client = hello();
    let mail = MailBuf { from: "a@x.test".parse().unwrap(), params: "SIZE=5".parse().unwrap() };
    let rcpt = RcptBuf { to: "b@y.test".parse().unwrap(), params: "".parse().unwrap() };
    let mut transaction = || {
        client.mail(&mail.as_ref()).unwrap();
        for _ in 0..5 {
            client.rcpt(&rcpt.as_ref()).unwrap();
        }
        client.data().unwrap();
        hear(&mut client, b"250 2.1.0 OK\r\n250 2.1.5 OK\r\n250 OK\r\n550 5.1.1 no\r\n250 OK\r\n250 OK\r\n354 go on\r\n");
        for _ in 0..10 {
            assert_eq!(client.body(b"Subject: t\r\n\r\n.a dot\r\n"), Ok(22));
            client.sent(usize::MAX);
        }
        let mut pieces = [&b""[..]; 16];
        assert_eq!(client.body_pieces(b".two\r\n.dots\r\n", &mut pieces), Ok((13, 4)));
        client.finish().unwrap();
        hear(&mut client, b"250 2.0.0 queued\r\n");
    };
    transaction();
    let ((), used) = heap(|| (0..1_000).for_each(|_| transaction()));
    assert_eq!(used, Heap { asked: 0, held: 0, peak: 0 });
}

#[test]
fn the_reply_to_ehlo_is_read_without_heap() {
    const REPLY: &[u8] = b"250-mx.test greets c.test\r\n250-PIPELINING\r\n250-SIZE 1000\r\n250-AUTH PLAIN SCRAM-SHA-256\r\n250-LIMITS RCPTMAX=9\r\n250-X-NEW a b\r\n250 HELP\r\n";
    let (offered, used) = heap(|| {
        let reply = Replies::new().next(&mut &REPLY[..], &ReplyLimits::default());
        Extensions::from_reply(&reply.unwrap().unwrap())
    });
    assert_eq!(used, Heap { asked: 0, held: 0, peak: 0 });
    assert_eq!(offered.others().collect::<Vec<_>>(), ["X-NEW a b"]);
    assert_eq!(offered.mechanisms().to_string(), "PLAIN SCRAM-SHA-256");
}

/// A client behind EHLO.
fn hello() -> Client {
    let mut client = Client::new(Arc::new(client::Config::default()));
    client.hello(Host::parse(b"c.test").unwrap()).unwrap();
    hear(&mut client, b"220 mx.test\r\n");
    hear(&mut client, b"250-mx.test\r\n250-PIPELINING\r\n250-SIZE 1000\r\n250 8BITMIME\r\n");
    client
}

fn hear(client: &mut Client, octets: &[u8]) {
    let mut input = octets;
    client.sent(usize::MAX);
    while client.next(&mut input).unwrap().is_some() {
        client.sent(usize::MAX);
    }
    client.sent(usize::MAX);
    assert!(input.is_empty(), "all of it is taken");
}

/// Octets of an idle connection: the machine itself, and what it holds.
#[test]
fn an_idle_session_holds_next_to_nothing() {
    let shared = Arc::new(config());
    let (mut server, fresh) = heap(|| Server::new(Arc::clone(&shared)));
    assert_eq!(fresh.held, 0);
    let ((), hello) = heap(|| {
        say(&mut server, b"");
        say(&mut server, b"EHLO c.test\r\n");
    });
    let ((), letter) = heap(|| {
        say(&mut server, TRANSACTION);
        say(&mut server, CONTENT);
    });
    let idle = size_of::<Server>().cast_signed() + hello.held + letter.held;
    println!(
        "server: {} octets and {} of heap behind EHLO, {} behind a letter",
        size_of::<Server>(),
        hello.held,
        hello.held + letter.held
    );
    assert!(idle <= 2048, "{idle}");
    let (client, held) = heap(hello_client);
    println!("client: {} octets and {} of heap behind EHLO", size_of::<Client>(), held.held);
    assert!(size_of::<Client>().cast_signed() + held.held <= 2048, "{}", held.held);
    drop(client);
}

fn hello_client() -> Client {
    hello()
}

/// Everything that the limits allow at once: answers that are owed and kept back, replies that are not read, events that were not taken.
#[test]
fn the_worst_session_stays_under_its_bound_and_gives_it_back() {
    const BOUND: isize = 128 * 1024;
    let mut config = config();
    config.limits.idle_commands = u32::MAX;
    let shared = Arc::new(config);
    let mut server = Server::new(Arc::clone(&shared));
    say(&mut server, b"");
    say(&mut server, b"EHLO c.test\r\n");
    let ((), before) = heap(|| say(&mut server, b"MAIL FROM:<a@x.test>\r\n"));
    let owed = shared.limits.answers_owed;
    let long = "x".repeat(480);
    let (mut inbox, used) = heap(|| {
        let mut inbox = shared.inbox();
        // Replies that the peer does not read, up to their limit.
        let noop = b"NOOP\r\n".repeat(2_000);
        while server.next(&mut &noop[..]).is_some() {}
        server.sent(600);
        let mut tokens: Vec<_> =
            (0..owed).map(|_| rcpt(&mut server, b"RCPT TO:<b@y.test>\r\n")).collect();
        // All but the oldest are answered, at length: none of them may leave.
        for pending in tokens.drain(1..).rev() {
            server.reply(pending, &Reply::new(Code::OK, None, &long)).unwrap();
        }
        // And what comes behind fills the inbox.
        while let Some(space) = inbox.space() {
            let octets = space.len();
            space.fill(b'x');
            inbox.filled(octets);
        }
        inbox
    });
    println!("the worst session of a server: {} octets of heap at most", before.held + used.peak);
    assert!(before.held + used.peak <= BOUND, "{used:?}");
    let ((), after) = heap(|| {
        server.abandon();
        while server.next(&mut &b""[..]).is_some() {}
        server.sent(usize::MAX);
        inbox.feed(|input| *input = &[]);
        inbox.release();
    });
    let kept = before.held + used.held + after.held;
    println!("and behind it: {kept} octets");
    assert!(kept <= 4096, "{kept}");
}

/// A server that offers as much as a reply holds, an application that queues as much as it may, and nobody who reads or answers.
#[test]
fn the_worst_session_of_a_client_stays_under_its_bound_and_gives_it_back() {
    const BOUND: isize = 512 * 1024;
    let config = Arc::new(client::Config::default());
    let word = |number: usize| format!("M{number:05}");
    let line = |line: usize| {
        let words: Vec<String> = (0..500).map(|number| word(line * 500 + number)).collect();
        format!("250-AUTH {}\r\n", words.join(" "))
    };
    let offer = (0..15).map(line).collect::<String>();
    let offer = format!("250-mx.test\r\n250-PIPELINING\r\n{offer}250 CHUNKING\r\n");
    let rcpt = RcptBuf { to: "b@y.test".parse().unwrap(), params: "".parse().unwrap() };
    let mail = MailBuf { from: "a@x.test".parse().unwrap(), params: "".parse().unwrap() };
    let ((mut client, mut inbox, queued), used) = heap(|| {
        let mut client = Client::new(Arc::clone(&config));
        client.hello(Host::parse(b"c.test").unwrap()).unwrap();
        hear(&mut client, b"220 mx.test\r\n");
        hear(&mut client, offer.as_bytes());
        client.mail(&mail.as_ref()).unwrap();
        let mut queued = 0;
        while client.rcpt(&rcpt.as_ref()).is_ok() {
            queued += 1;
        }
        // A reply that never ends fills the inbox.
        let mut inbox = config.inbox();
        while let Some(space) = inbox.space() {
            let octets = space.len();
            space.fill(b'x');
            inbox.filled(octets);
        }
        (client, inbox, queued)
    });
    println!("the worst session of a client: {} octets of heap at most", used.peak);
    assert!(queued > 3_000 && used.peak <= BOUND, "{queued} commands, {used:?}");
    let ((), after) = heap(|| {
        client.eof();
        while client.next(&mut &b""[..]).is_ok_and(|event| event.is_some()) {}
        inbox.feed(|input| *input = &[]);
        inbox.release();
        drop(client);
    });
    assert_eq!(used.held + after.held, 0, "{used:?}, {after:?}");
}
