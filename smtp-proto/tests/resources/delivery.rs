//! What a letter to many costs, in steps: recipients that are looked at.

use smtp_proto::Host;
use smtp_proto::client::{Client, Config, Flavour};
use smtp_proto::delivery::{Content, Delivery, Envelope, Event};
use smtp_proto::testing::steps;
use std::sync::Arc;

/// A client behind its hello.
fn greeted(flavour: Flavour, keywords: &str) -> Client {
    let mut config = Config::default();
    config.flavour = flavour;
    config.queue.commands = usize::MAX;
    let mut client = Client::new(Arc::new(config));
    client.hello(Host::parse(b"c.test").unwrap()).unwrap();
    for said in ["220 mx.test\r\n".into(), format!("250-mx.test\r\n{keywords}250 PIPELINING\r\n")] {
        let mut input = said.as_bytes();
        client.sent(usize::MAX);
        while client.next(&mut input).unwrap().is_some() {}
    }
    client
}

/// Steps of a delivery to `count` recipients of a server that answers each line by what `reply` says, and the recipients it settled.
fn delivered(client: &mut Client, count: usize, reply: Said) -> (u64, usize) {
    let lmtp = client.config().flavour == Flavour::Lmtp;
    let addresses: Vec<String> = (0..count).map(|number| format!("u{number}@y.test")).collect();
    let envelope = Envelope::new("a@x.test", addresses.iter().map(String::as_str)).unwrap();
    let offered = client.extensions().unwrap();
    let plan = Delivery::plan(offered, &envelope, Content::seven_bit()).unwrap();
    let mut delivery = Delivery::new(plan, envelope);
    let (mut replies, mut settled, mut accepted) = (Vec::new(), 0, 0);
    let ((), taken) = steps(|| {
        loop {
            let mut input = &replies[..];
            while let Some(event) = delivery.next(client, &mut input).unwrap() {
                match event {
                    Event::Settled { of, .. } => settled += delivery.recipients(of).count(),
                    Event::Content => delivery.finish(client).unwrap(),
                    _ => return,
                }
            }
            replies.clear();
            for line in core::str::from_utf8(client.outgoing()).unwrap().lines() {
                let said = reply(line);
                accepted += usize::from(line.starts_with("RCPT") && said.starts_with("250"));
                let verdicts = if line == "." && lmtp { core::mem::take(&mut accepted) } else { 1 };
                replies.extend_from_slice(said.repeat(verdicts).as_bytes());
            }
            client.sent(usize::MAX);
        }
    });
    (taken, settled)
}

/// What is said to a line.
type Said = fn(&str) -> &str;

fn yes(line: &str) -> &str {
    if line == "DATA" { "354 go\r\n" } else { "250 ok\r\n" }
}

fn no(line: &str) -> &str {
    match line {
        "DATA" => "554 nobody\r\n",
        line if line.starts_with("RCPT") => "550 no\r\n",
        _ => "250 ok\r\n",
    }
}

#[test]
fn a_letter_to_many_costs_the_same_for_each() {
    let cases: [(&str, Flavour, &str, Said); 4] = [
        ("one verdict", Flavour::Smtp, "", yes),
        ("one verdict for each", Flavour::Lmtp, "", yes),
        ("a refusal for each", Flavour::Smtp, "", no),
        ("a transaction for each", Flavour::Smtp, "250-LIMITS RCPTMAX=1\r\n", yes),
    ];
    for (what, flavour, keywords, reply) in cases {
        let each: Vec<u64> = [500, 2_000]
            .iter()
            .map(|&count| {
                let (taken, settled) = delivered(&mut greeted(flavour, keywords), count, reply);
                println!("{what}: {count} recipients, {taken} steps");
                assert_eq!(settled, count, "{what}");
                taken.div_ceil(count as u64)
            })
            .collect();
        assert!(each[1] <= each[0] + 1, "{what}: {each:?} steps for a recipient");
    }
}
