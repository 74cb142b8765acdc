//! A hostile caller: any call, with any slice, token and timer, at any time.

use alloc::sync::Arc;
use alloc::vec::Vec;

use super::calling::Calling;
use super::input::Choices;
use super::serving::Serving;
use crate::Mechanisms;
use crate::server::{Config, Flavour, StartTls};

/// A caller that keeps no rule: `data` chooses which call comes next, on two servers and on a client with its delivery, with which
/// octets, which token of which session, and which timer.
///
/// No call panics. After `next` said `None` the machine wants something else; a token is taken by its own session alone, and once; an
/// error of a client stays; every recipient is settled once. Whatever was done, a server comes to its end when its input ends and it is
/// told to abandon what is owed, a client when its input ends; and all that either ever wrote is lines.
///
/// ```
/// smtp_proto::testing::fuzz::caller(b"\0\x05EHLO x.test\r\n\x01\x02\x03\x04");
/// ```
///
/// # Panics
///
/// When one of these does not hold.
pub fn caller(data: &[u8]) {
    let mut choices = Choices::new(data);
    let config = config(&mut choices);
    let mut servers = [Serving::new(&config), Serving::new(&config)];
    let mut client = Calling::new(choices.octet());
    let mut tokens = Vec::new();
    while !choices.is_empty() {
        match choices.below(3) {
            0 => client.call(&mut choices),
            number => servers[number - 1].call(number, &mut choices, &mut tokens),
        }
    }
    for (number, server) in servers.into_iter().enumerate() {
        server.end(number, &mut tokens);
    }
    client.end();
}

fn config(choices: &mut Choices<'_>) -> Arc<Config> {
    let mut config = Config::new("mx.test").expect("a domain");
    if choices.once_in(2) {
        (config.limits.message, config.limits.recipients) = (20, 2);
        (config.limits.replies, config.limits.answers_owed) = (50, 2);
        (config.limits.errors, config.limits.idle_commands) = (3, 3);
    }
    if choices.once_in(3) {
        config.flavour = Flavour::Lmtp;
    }
    config.starttls = StartTls::Offered;
    config.auth.in_clear = Mechanisms::of(["PLAIN"]);
    config.auth.in_tls = Mechanisms::of(["PLAIN", "LOGIN"]);
    Arc::new(config)
}
