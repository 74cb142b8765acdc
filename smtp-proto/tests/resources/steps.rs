//! What hostile input costs, in steps: octets that are looked at, and productions that are tried.

use crate::session::{config, greeted, say};
use smtp_proto::line::{Replies, ReplyLimits};
use smtp_proto::server::Server;
use smtp_proto::testing::steps;
use smtp_proto::{Command, Extensions, Mailbox, Reply};

/// Gives `octets` in pieces of this size, as a driver does: what was not taken is presented again. Whether the session is over.
fn drip(server: &mut Server, octets: &[u8], piece: usize) -> u64 {
    let mut kept = Vec::new();
    let ((), taken) = steps(|| {
        for piece in octets.chunks(piece) {
            kept.extend_from_slice(piece);
            let mut input = &kept[..];
            while let Some(event) = server.next(&mut input) {
                server.decline(event);
                server.sent(usize::MAX);
            }
            server.sent(usize::MAX);
            let left = input.len();
            kept.drain(..kept.len() - left);
        }
    });
    taken
}

/// So many steps an octet, and some for what is done once.
fn linear(what: &str, octets: usize, steps: u64, each: u64) {
    println!("{what}: {octets} octets, {steps} steps");
    assert!(steps <= octets as u64 * each + 1_000, "{what}: {steps} steps for {octets} octets");
}

#[test]
fn a_thousand_parameters_cost_no_more_than_thirty_two() {
    let line = |count: usize| {
        let params: String = (0..count).map(|number| format!(" X{number}=1")).collect();
        format!("MAIL FROM:<>{params}")
    };
    let read = |count| {
        let line = line(count);
        steps(|| Command::parse(line.as_bytes()).is_ok())
    };
    let (thirty_two, thousand) = (read(32), read(1_000));
    println!("32 parameters: {} steps; 1,000: {}", thirty_two.1, thousand.1);
    assert!(thirty_two.0 && !thousand.0);
    assert!(thousand.1 <= thirty_two.1 + 200, "{thousand:?} for {thirty_two:?}");
}

#[test]
fn a_hundred_thousand_parentheses_are_read_in_linear_time() {
    let inner = "(".repeat(100_000);
    let (mailbox, taken) = steps(|| Mailbox::parse(inner.as_bytes()).is_ok());
    assert!(!mailbox);
    linear("parentheses as a mailbox", inner.len(), taken, 0);
    for line in [format!("MAIL FROM:<{inner}@x>\r\n"), format!("EHLO {inner}\r\n")] {
        let mut server = greeted(config());
        let taken = drip(&mut server, line.as_bytes(), 1460);
        linear("parentheses as a command", line.len(), taken, 2);
    }
}

#[test]
fn nested_quotes_and_routes_are_read_in_linear_time() {
    for (what, path) in [
        ("quotes", "\"\\".repeat(100_000)),
        ("a source route", format!("@a{}:u@x", ",@a".repeat(100_000))),
        ("labels", format!("a@{}", "a.".repeat(100_000))),
        ("atoms", "a.".repeat(100_000)),
        ("hyphens", format!("a@{}", "-".repeat(200_000))),
        ("a literal", format!("a@[IPv6:{}]", "1:".repeat(100_000))),
    ] {
        let line = format!("RCPT TO:<{path}>");
        let (_, taken) = steps(|| Command::parse(line.as_bytes()).is_ok());
        linear(what, line.len(), taken, 1);
    }
}

#[test]
fn an_endless_line_is_looked_at_once_whatever_its_pieces() {
    for piece in [1, 7, 1460, 16_384] {
        for octet in [&b"x"[..], b"\n", b"\r", b"\0"] {
            let line = octet.repeat(60_000);
            let mut server = greeted(config());
            let taken = drip(&mut server, &line, piece);
            linear(&format!("{octet:?} in pieces of {piece}"), line.len(), taken, 3);
        }
    }
}

#[test]
fn commands_and_content_octet_by_octet_cost_as_much_as_whole() {
    let session = [
        &b"MAIL FROM:<a@x.test> SIZE=100\r\nRCPT TO:<b@y.test> NOTIFY=NEVER\r\nNOOP\r\n"[..],
        b"VRFY x\r\nHELP\r\nRSET\r\n",
    ]
    .concat();
    let mut costs = Vec::new();
    for piece in [1, 5, 1000] {
        let mut server = greeted(config());
        let taken = drip(&mut server, &session, piece);
        linear(&format!("commands in pieces of {piece}"), session.len(), taken, 4);
        costs.push(taken);
    }
    assert!(costs[0] <= costs[2] * 2, "{costs:?}");
    for (what, line) in [
        ("dots", &b"..\r\n"[..]),
        ("text", b"a line of text\r\n"),
        ("bare LFs", b"a\n"),
        ("bare CRs", b"a\r"),
        ("CRs", b"\r"),
        ("NULs", b"\0"),
    ] {
        let content = line.repeat((1 << 20) / line.len());
        for piece in [1, 3, 1460, 65_536] {
            let mut server = greeted(config());
            say(&mut server, b"MAIL FROM:<a@x.test>\r\nRCPT TO:<b@y.test>\r\nDATA\r\n");
            let taken = drip(&mut server, &content, piece);
            linear(&format!("1 MiB of {what} in pieces of {piece}"), content.len(), taken, 6);
        }
    }
}

#[test]
fn a_reply_of_64_kib_octet_by_octet_is_read_in_linear_time() {
    let limits = ReplyLimits::default();
    let line = format!("250-{}\r\n", "x".repeat(500));
    let reply = format!("{}250 end\r\n", line.repeat(120));
    for piece in [1, 1460] {
        let mut replies = Replies::new();
        let (read, taken) = steps(|| {
            let ends = (piece..reply.len()).step_by(piece).chain([reply.len()]);
            ends.filter_map(|end| replies.next(&mut &reply.as_bytes()[..end], &limits).unwrap())
                .count()
        });
        assert_eq!(read, 1);
        linear(&format!("a reply in pieces of {piece}"), reply.len(), taken, 4);
    }
}

#[test]
fn what_ehlo_says_is_read_in_linear_time() {
    let names: Vec<String> = (0..800).map(|number| format!("M{number}")).collect();
    let lines: String = (0..16)
        .map(|line| {
            format!(
                "250-AUTH {}\r\n",
                names
                    .iter()
                    .map(|name| format!("{name}{line}"))
                    .collect::<Vec<_>>()
                    .join(" ")
                    .get(..4_000)
                    .unwrap()
            )
        })
        .collect();
    let limits: String = (0..5).map(|_| format!("250-LIMITS{}\r\n", " A=1".repeat(900))).collect();
    for lines in [lines, limits] {
        let text = format!("250-mx.test\r\n{lines}250 HELP\r\n");
        let reply = Reply::parse(text.as_bytes()).unwrap();
        let (_, taken) = steps(|| Extensions::from_reply(&reply));
        linear("an EHLO reply", text.len(), taken, 20);
    }
}
