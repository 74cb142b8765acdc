//! Our client against our server, over a network that octets make as bad as networks are.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use super::input::Choices;
use crate::client::Tls;
use crate::sasl::Credentials;
use crate::server::StartTls;
use crate::testing::{Faults, Letter, Pair};
use crate::{Extension, Mechanisms, client, server};

const LOCAL_PARTS: [&str; 5] = ["b", "no", "later", "full", "c"];

const LINES: [&str; 9] = [
    "Verdict: 554\r\n",
    "Verdict: 451\r\n",
    "\r\n",
    ".\r\n",
    "..\r\n",
    ".x\r\n",
    "\u{e9}\r\n",
    "more and more\r\n",
    "no end",
];

/// Our client delivers letters to our server; `data` chooses the letters, how both are set up, and all that goes wrong.
///
/// What [`Pair::check`] says holds: nobody is told what is not so, whatever happens on the way.
///
/// ```
/// smtp_proto::testing::fuzz::pair(b"\x01\x02\xff\x0fb");
/// ```
///
/// # Panics
///
/// When it does not hold.
pub fn pair(data: &[u8]) {
    let mut choices = Choices::new(data);
    let (server, client) = (server_config(&mut choices), client_config(&mut choices));
    let pair = flavoured(&mut choices, server, client);
    let faults = faults(&mut choices);
    let pair = letters(&mut choices).into_iter().fold(pair, Pair::letter);
    let pair = pair.faults(faults).choices(choices.rest());
    let story = pair.run();
    if let Err(broken) = pair.check(&story) {
        panic!("{broken}\n{story}");
    }
}

/// Transfer in the clear or behind STARTTLS, submission, or delivery into a mail store.
fn flavoured(
    choices: &mut Choices<'_>,
    mut server: server::Config,
    mut client: client::Config,
) -> Pair {
    let flavour = choices.below(4);
    if flavour == 1 || flavour == 2 {
        server.starttls = choices.pick(&[StartTls::Offered, StartTls::Required]);
        client.tls = choices.pick(&[Tls::Optional, Tls::Required]);
    }
    if flavour == 3 {
        (server.flavour, client.flavour) = (server::Flavour::Lmtp, client::Flavour::Lmtp);
    }
    if flavour != 2 {
        return Pair::new(0).server(server).client(client);
    }
    server.flavour = server::Flavour::Submission;
    server.auth.required = true;
    server.auth.in_tls = Mechanisms::of([choices.pick(&["PLAIN", "LOGIN"])]);
    let password = choices.pick(&["tanstaaf", "guess"]);
    Pair::new(0).server(server).client(client).credentials(Credentials::plain("tim", password))
}

fn server_config(choices: &mut Choices<'_>) -> server::Config {
    let mut config = server::Config::new("mx.test").expect("a domain");
    let policies = choices.octet();
    let without = [
        (1, Extension::Pipelining),
        (2, Extension::Size),
        (4, Extension::EightBitMime),
        (8, Extension::EnhancedStatusCodes),
    ];
    for (_, extension) in without.iter().filter(|(bit, _)| policies & bit != 0) {
        config.offer = config.offer.without(*extension);
    }
    if policies & 16 != 0 {
        config.limits.recipients = 2;
    }
    if policies & 32 != 0 {
        config.limits.message = 60;
    }
    if policies & 64 != 0 {
        (config.limits.replies, config.limits.answers_owed) = (60, 2);
    }
    config
}

fn client_config(choices: &mut Choices<'_>) -> client::Config {
    let pipelining = match choices.below(4) {
        0 | 1 => client::Pipelining::Offered,
        2 => client::Pipelining::InFlight(60),
        _ => client::Pipelining::Never,
    };
    let mut config = client::Config { pipelining, ..client::Config::default() };
    if choices.once_in(4) {
        (config.queue.commands, config.queue.content) = (100, 7);
    }
    config
}

fn faults(choices: &mut Choices<'_>) -> Faults {
    let wrong = choices.octet();
    let kinds = [
        Faults::segments,
        Faults::delays,
        Faults::answers,
        Faults::producer,
        Faults::endings,
        Faults::shut_downs,
        Faults::timers,
        Faults::injections,
    ];
    let chosen = kinds.iter().enumerate().filter(|(n, _)| wrong >> n & 1 == 1);
    chosen.fold(Faults::none(), |faults, (_, kind)| kind(faults))
}

/// Up to three letters from different senders; only the last line of one may want its CRLF.
fn letters(choices: &mut Choices<'_>) -> Vec<Letter> {
    let letter = |n: usize, choices: &mut Choices<'_>| {
        let recipients = 1 + choices.below(5);
        let to: Vec<String> = (0..recipients)
            .map(|place| format!("{}@y{place}.test", choices.pick(&LOCAL_PARTS)))
            .collect();
        let mut content = String::new();
        for _ in 0..choices.below(10) {
            if content.is_empty() || content.ends_with("\r\n") {
                content.push_str(choices.pick(&LINES));
            }
        }
        let to = to.iter().map(String::as_str);
        let letter = Letter::new(&format!("a{n}@x.test"), to, content);
        let letter = letter.expect("the addresses parse");
        if choices.once_in(4) { letter.in_chunks() } else { letter }
    };
    (0..=choices.below(3)).map(|n| letter(n, choices)).collect()
}
