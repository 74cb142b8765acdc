//! What the last EHLO offered holds until the next one, whatever the configuration is by then.

use alloc::format;

use super::*;
use crate::Mechanisms;
use crate::server::{Limits, StartTls};

/// Everything that can be had in the clear.
fn rich() -> Config {
    let mut config = Config::new("mx.test").unwrap();
    config.starttls = StartTls::Offered;
    config.auth.in_clear = Mechanisms::of(["PLAIN"]);
    config.offer = config.offer.with(Extension::Vrfy).with(Extension::Expn);
    config.limits.command_line = 0;
    config
}

/// Nothing but the commands of RFC 5321.
fn poor() -> Config {
    let mut config = Config::new("mx.test").unwrap();
    config.offer = Extensions::none();
    config.limits.command_line = 0;
    config
}

/// A session that said EHLO under one configuration and goes on under another.
fn from_to(before: Config, after: Config) -> Server {
    let mut server = Server::new(Arc::new(before));
    say(&mut server, "");
    say(&mut server, "EHLO c.test\r\n");
    server.reconfigure(Arc::new(after));
    server
}

/// The last line of what is said to these lines, which come one by one.
fn end(server: &mut Server, lines: &str) -> String {
    let replies: String = lines.split_inclusive('\n').map(|line| say(server, line)).collect();
    replies.lines().last().unwrap_or_default().to_string()
}

/// The same for each of these groups in a session of its own.
fn heard(session: impl Fn() -> Server, groups: &[&str]) -> Vec<String> {
    groups.iter().map(|lines| end(&mut session(), lines)).collect()
}

const LINES: [&str; 8] = [
    "STARTTLS\r\n",
    "AUTH PLAIN AHUAcA==\r\n",
    "VRFY bob\r\n",
    "EXPN staff\r\n",
    "EXPN st\u{e4}ff SMTPUTF8\r\n",
    "MAIL FROM:<a@x.test> BODY=8BITMIME SMTPUTF8 SIZE=1 RET=HDRS AUTH=<>\r\n",
    "MAIL FROM:<a@x.test> BODY=BINARYMIME\r\n",
    "MAIL FROM:<a@x.test>\r\nRCPT TO:<b@y.test>\r\nBDAT 1 LAST\r\nx",
];

#[test]
fn what_ehlo_offered_is_served_until_the_next_one() {
    let served = [
        "454 4.7.0 Not available now",
        "454 4.7.0 Not available now",
        "252 2.0.0 Cannot verify, but will take a message",
        "252 2.0.0 Cannot verify, but will take a message",
        "252 2.0.0 Cannot verify, but will take a message",
        "250 2.1.0 Sender accepted",
        "250 2.1.0 Sender accepted",
        "250 2.0.0 Message accepted",
    ];
    assert_eq!(heard(|| from_to(rich(), rich()), &LINES), served);
    assert_eq!(heard(|| from_to(rich(), poor()), &LINES), served);
}

#[test]
fn what_ehlo_did_not_offer_is_not_served_until_the_next_one() {
    let refused = [
        "502 Command not implemented",
        "502 Command not implemented",
        "252 Cannot verify, but will take a message",
        "502 Command not implemented",
        "502 Command not implemented",
        "555 Parameter not recognised",
        "555 Parameter not recognised",
        "502 Command not implemented",
    ];
    assert_eq!(heard(|| from_to(poor(), rich()), &LINES), refused);
    // Nor where the application offers less than is configured.
    let restricted = || {
        let mut server = Server::new(Arc::new(rich()));
        say(&mut server, "");
        let Some(Event::Hello { pending, .. }) = server.next(&mut &b"EHLO c.test\r\n"[..]) else {
            panic!()
        };
        server.accept_hello(pending, &Extensions::none()).unwrap();
        replies(&mut server);
        server
    };
    assert_eq!(heard(restricted, &LINES), refused);
    let again = || {
        let mut server = from_to(poor(), rich());
        say(&mut server, "EHLO c.test\r\n");
        server
    };
    assert!(heard(again, &LINES).iter().all(|reply| !reply.starts_with('5')));
}

#[test]
fn a_line_may_be_as_long_as_what_was_offered_makes_it() {
    let line = |octets: usize| {
        let head = "MAIL FROM:<a@x.test>\r\nRCPT TO:<b@y.test> ORCPT=rfc822;";
        format_args!("{head}{}@y.test\r\n", "x".repeat(octets)).to_string()
    };
    let accepted = "250 2.1.5 Recipient accepted";
    assert_eq!(end(&mut from_to(rich(), poor()), &line(485)), accepted);
    assert_eq!(end(&mut from_to(poor(), rich()), &line(485)), "555 Parameter not recognised");
    let mut next = from_to(rich(), poor());
    say(&mut next, "EHLO c.test\r\n");
    assert_eq!(end(&mut next, &line(485)), "500 Line too long");
}

/// A limit that became stricter holds at once, under the code that tells of it.
#[test]
fn stricter_limits_hold_at_once_and_laxer_ones_where_they_were_announced() {
    let limits = |set: fn(&mut Limits)| {
        let mut config = Config::new("mx.test").unwrap();
        set(&mut config.limits);
        config
    };
    let small = || limits(|limits| (limits.message, limits.recipients) = (10, 1));
    let large = || limits(|limits| (limits.message, limits.recipients) = (20, 2));
    let lines = [
        "MAIL FROM:<> SIZE=11\r\n",
        "MAIL FROM:<>\r\nRCPT TO:<a@y.test>\r\nRCPT TO:<b@y.test>\r\n",
    ];
    let too_big = "552 5.3.4 Message too big";
    let stricter = [too_big, "452 4.5.3 Too many recipients"];
    assert_eq!(heard(|| from_to(large(), small()), &lines), stricter);
    // SIZE is a promise; a recipient more than was thought of is not one that was broken.
    let laxer = [too_big, "250 2.1.5 Recipient accepted"];
    assert_eq!(heard(|| from_to(small(), large()), &lines), laxer);
}

/// RFC 5321 4.1.4: VRFY and EXPN may come before any EHLO, where there is no offer to go by.
#[test]
fn before_ehlo_and_behind_helo_a_query_goes_by_the_configuration() {
    for hello in ["", "HELO c.test\r\n"] {
        for (config, served) in [(rich(), true), (poor(), false)] {
            let mut server = Server::new(Arc::new(config));
            say(&mut server, "");
            say(&mut server, hello);
            let asked = matches!(server.next(&mut &b"EXPN a\r\n"[..]), Some(Event::Query { .. }));
            assert_eq!(asked, served, "{hello}");
        }
    }
}

/// A reply that the application gives to what was offered and is no longer configured.
#[test]
fn the_application_is_asked_as_long_as_the_offer_holds() {
    let mut server = from_to(rich(), poor());
    let Some(Event::Auth { pending, .. }) = server.next(&mut &b"AUTH PLAIN AHUAcA==\r\n"[..])
    else {
        panic!()
    };
    server.authenticated(pending).unwrap();
    assert_eq!(replies(&mut server), "235 2.7.0 Authentication succeeded\r\n");
    let mut server = from_to(rich(), poor());
    let Some(Event::StartTls(pending)) = server.next(&mut &b"STARTTLS\r\n"[..]) else { panic!() };
    server.accept_tls(pending, &mut &b""[..]).unwrap();
    replies(&mut server);
    assert!(server.tls_established());
    assert_eq!(say(&mut server, "EHLO c.test\r\n"), "250 mx.test\r\n");
}

/// A session that was offered this and no more, of all that is configured.
fn offered(offer: &Extensions) -> Server {
    let mut server = Server::new(Arc::new(rich()));
    say(&mut server, "");
    let Some(Event::Hello { pending, .. }) = server.next(&mut &b"EHLO c.test\r\n"[..]) else {
        panic!()
    };
    server.accept_hello(pending, offer).unwrap();
    server
}

#[test]
fn a_mechanism_that_is_not_in_the_reply_is_504() {
    let mut config = rich();
    config.auth.in_clear = Mechanisms::of(["PLAIN", "LOGIN"]);
    config.auth.in_tls = config.auth.in_clear.clone();
    let mut server = Server::new(Arc::new(config));
    say(&mut server, "");
    let Some(Event::Hello { pending, .. }) = server.next(&mut &b"EHLO c.test\r\n"[..]) else {
        panic!()
    };
    let offer = Extensions::none().with_mechanisms(Mechanisms::of(["LOGIN"]));
    server.accept_hello(pending, &offer).unwrap();
    assert_eq!(replies(&mut server), "250-mx.test\r\n250 AUTH LOGIN\r\n");
    assert_eq!(end(&mut server, "AUTH PLAIN AHUAcA==\r\n"), "504 Unknown mechanism");
    assert_eq!(end(&mut server, "AUTH LOGIN dQ==\r\n"), "454 Not available now");
}

#[test]
fn what_needs_another_extension_is_not_offered_without_it() {
    let offer = [Extension::BinaryMime, Extension::SmtpUtf8, Extension::Dsn]
        .into_iter()
        .fold(Extensions::none(), Extensions::with);
    let mut server = offered(&offer);
    assert_eq!(replies(&mut server), "250-mx.test\r\n250 DSN\r\n");
    let binary = "MAIL FROM:<a@x.test> BODY=BINARYMIME\r\n";
    assert_eq!(end(&mut server, binary), "555 Parameter not recognised");
}

#[test]
fn a_chunk_that_was_not_offered_closes() {
    let mut server = offered(&Extensions::none());
    replies(&mut server);
    let said = end(&mut server, "BDAT 6\r\nNOOP\r\n");
    assert_eq!((&*said, server.wants()), ("502 Command not implemented", Wants::Close));
}

/// RFC 9422 3: `LIMITS` has one limit at least, of six digits at the most (4).
#[test]
fn a_limit_that_cannot_be_said_is_not_offered() {
    for (recipients, line) in
        [(0, ""), (1, "LIMITS RCPTMAX=1"), (999_999, "LIMITS RCPTMAX=999999"), (1_000_000, "")]
    {
        let mut config = poor();
        config.offer = Extensions::none().with(Extension::Limits);
        config.limits.recipients = recipients;
        let mut server = Server::new(Arc::new(config));
        say(&mut server, "");
        let said = end(&mut server, "EHLO c.test\r\n");
        assert_eq!(said, format!("250 {}", if line.is_empty() { "mx.test" } else { line }));
    }
}
