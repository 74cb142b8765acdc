//! A greeting that is owed: it is 220, 554 or 421 (RFC 5321 3.1), whatever happens before it.

use super::*;
use crate::server::Flavour;

/// A server whose greeting waits for its application.
fn opened() -> Server {
    let mut server = server();
    assert!(matches!(server.next(&mut &b""[..]), Some(Event::Connect(_))));
    server
}

#[test]
fn a_greeting_that_nobody_gives_is_421() {
    let mut server = opened();
    server.abandon();
    assert_eq!(replies(&mut server), "421 4.3.0 Not now, closing\r\n");
    assert!(matches!(server.next(&mut &b""[..]), Some(Event::Refused(_))));
    assert!(matches!(server.next(&mut &b""[..]), Some(Event::Closed { .. })));
}

#[test]
fn a_shut_down_takes_the_place_of_a_greeting() {
    let mut server = opened();
    server.shut_down(&Reply::new(Code::UNAVAILABLE, None, "bye"), When::AfterMessage);
    assert_eq!(replies(&mut server), "421 4.0.0 bye\r\n");
    assert!(matches!(server.next(&mut &b""[..]), Some(Event::Closed { why: Why::ShutDown, .. })));
}

#[test]
fn a_greeting_names_what_is_spoken() {
    for (flavour, greeting) in [
        (Flavour::Smtp, "220 mx.test ESMTP\r\n"),
        (Flavour::Submission, "220 mx.test ESMTP\r\n"),
        (Flavour::Lmtp, "220 mx.test LMTP\r\n"),
    ] {
        let mut config = Config::new("mx.test").unwrap();
        config.flavour = flavour;
        assert_eq!(say(&mut Server::new(Arc::new(config)), ""), greeting);
    }
}
