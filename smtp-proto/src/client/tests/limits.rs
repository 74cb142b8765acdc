//! Every limit of a client one below, at it and one beyond: a field that has no row here does not compile.

use super::*;
use crate::Countdown;
use crate::line::ReplyLimits;

/// What happens at a limit, in octets, lines or seconds.
struct Row {
    name: &'static str,
    limit: u64,
    tried: fn(Client, u64) -> String,
    /// One below, at the limit, one beyond.
    expected: [&'static str; 3],
}

/// Each limit as small as a test wants it; those of waits are told apart by their length.
fn small() -> (Waits, ReplyLimits, Queue) {
    let seconds = Duration::from_secs;
    let waits = Waits {
        greeting: seconds(10),
        command: seconds(20),
        data: seconds(30),
        block: seconds(40),
        content: seconds(50),
        quit: seconds(60),
        handshake: seconds(70),
    };
    (waits, ReplyLimits { line: 40, lines: 8, total: 250 }, Queue { commands: 60, content: 10 })
}

fn rows() -> [Row; 12] {
    let (waits, replies, queue) = small();
    let Waits { greeting, command, data, block, content, quit, handshake } = waits;
    let ReplyLimits { line, lines, total } = replies;
    let Queue { commands, content: octets } = queue;
    let row = |name, limit, tried, expected| Row { name, limit, tried, expected };
    let wait = |name, wait: Duration, until| {
        row(
            name,
            wait.as_secs(),
            until,
            ["", "the server took too long", "the server took too long"],
        )
    };
    let long = "the server sent a reply that is too long";
    [
        wait("waits.greeting", greeting, waits_for),
        wait("waits.command", command, |client, seconds| {
            let mut client = introduced(client);
            client.noop().unwrap();
            leaves(&mut client);
            waits_for(client, seconds)
        }),
        wait("waits.data", data, |client, seconds| waits_for(at_data(client), seconds)),
        wait("waits.block", block, |client, seconds| {
            let mut client = introduced(client);
            client.noop().unwrap();
            waits_for(client, seconds)
        }),
        wait("waits.content", content, |client, seconds| {
            let mut client = at_data(client);
            hear(&mut client, "354 go\r\n");
            client.finish().unwrap();
            leaves(&mut client);
            waits_for(client, seconds)
        }),
        wait("waits.quit", quit, |client, seconds| {
            let mut client = introduced(client);
            client.quit().unwrap();
            leaves(&mut client);
            waits_for(client, seconds)
        }),
        wait("waits.handshake", handshake, |client, seconds| {
            let mut client = introduced(client);
            client.start_tls().unwrap();
            leaves(&mut client);
            hear(&mut client, "220 go\r\n");
            waits_for(client, seconds)
        }),
        row(
            "replies.line",
            line as u64,
            |client, octets| replied(client, octets, 1),
            ["NOOP", "NOOP", long],
        ),
        row(
            "replies.lines",
            lines as u64,
            |client, lines| replied(client, 8 * lines, lines),
            ["NOOP", "NOOP", long],
        ),
        row(
            "replies.total",
            total as u64,
            |client, octets| replied(client, octets, 7),
            ["NOOP", "NOOP", long],
        ),
        row("queue.commands", commands as u64, queued, ["queued", "queued", "too much is queued"]),
        row("queue.content", octets as u64, fed, ["9", "10", "10"]),
    ]
}

#[test]
fn every_limit_holds_one_below_at_it_and_one_beyond() {
    let (waits, replies, queue) = small();
    for Row { name, limit, tried, expected } in rows() {
        for (amount, expected) in [limit - 1, limit, limit + 1].into_iter().zip(expected) {
            let (waits, replies, queue) = (waits.clone(), replies.clone(), queue.clone());
            let client = client_of(Config { waits, replies, queue, ..Config::default() });
            assert_eq!(tried(client, amount), expected, "{name} of {limit}: {amount}");
        }
    }
}

/// Behind EHLO.
fn introduced(mut client: Client) -> Client {
    hear(&mut client, "220 mx\r\n");
    leaves(&mut client);
    hear(&mut client, "250-mx\r\n250-PIPELINING\r\n250 STARTTLS\r\n");
    client
}

/// DATA has left, behind a recipient who was accepted.
fn at_data(client: Client) -> Client {
    let mut client = introduced(client);
    mail(&mut client, "", "").unwrap();
    rcpt(&mut client, "b@y.test").unwrap();
    leaves(&mut client);
    client.data().unwrap();
    leaves(&mut client);
    hear(&mut client, "250 ok\r\n250 ok\r\n");
    client
}

/// What is said once so many seconds of the wait that goes on are over.
fn waits_for(mut client: Client, seconds: u64) -> String {
    hear(&mut client, "");
    let timer = client.wants().timer().unwrap();
    let mut countdown = Countdown::new();
    assert!(!countdown.left(timer).is_zero());
    countdown.waited(Duration::from_secs(seconds));
    if countdown.left(timer).is_zero() {
        client.timed_out(timer.id);
    }
    hear(&mut client, "").concat()
}

/// What becomes of a reply of so many octets in so many lines.
fn replied(client: Client, octets: u64, lines: u64) -> String {
    let mut client = introduced(client);
    client.noop().unwrap();
    leaves(&mut client);
    let text = "x".repeat((octets - 6 * lines) as usize);
    let each = text.len() / lines as usize;
    let mut reply = String::new();
    for line in 1..lines as usize {
        reply.push_str(&alloc::format!("250-{}\r\n", &text[(line - 1) * each..line * each]));
    }
    reply.push_str(&alloc::format!("250 {}\r\n", &text[(lines as usize - 1) * each..]));
    assert_eq!(reply.len() as u64, octets);
    let heard = hear(&mut client, &reply).concat();
    heard.split(" 250").next().unwrap_or_default().to_string()
}

/// Two command lines of so many octets.
fn queued(client: Client, octets: u64) -> String {
    let mut client = introduced(client);
    client.noop().unwrap();
    let text = "x".repeat(octets as usize - "NOOP\r\nHELP \r\n".len());
    client.help(&text).map_or_else(|misuse| misuse.to_string(), |_| "queued".into())
}

/// How many of so many octets of content are taken.
fn fed(client: Client, octets: u64) -> String {
    let mut client = at_data(client);
    hear(&mut client, "354 go\r\n");
    client.body(&b"xxxxxxxxxxxx"[..octets as usize]).unwrap().to_string()
}
