//! BDAT that is refused in front of its octets: they are read, and then comes the reply (RFC 3030 2).

use alloc::format;

use super::*;
use crate::Mechanisms;

/// A session whose greeting was this reply.
fn greeted(config: Config, greeting: &Reply<'_>) -> Server {
    let mut server = Server::new(Arc::new(config));
    let Some(Event::Connect(pending)) = server.next(&mut &b""[..]) else { panic!() };
    server.reply(pending, greeting).unwrap();
    replies(&mut server);
    server
}

#[test]
fn behind_a_greeting_that_refuses_a_chunk_is_read_and_only_quit_is_served_on() {
    for (code, said) in [
        (Code::TRANSACTION_FAILED, "503 5.5.1 No SMTP service here\r\n"),
        (Code::NEVER_ACCEPTS_MAIL, "521 5.3.2 This host accepts no mail\r\n"),
    ] {
        let config = Config::new("mx.test").unwrap();
        let mut server = greeted(config, &Reply::new(code, None, "no"));
        assert_eq!(say(&mut server, "BDAT 6 LAST\r\nNO"), "");
        assert_eq!(say(&mut server, "OP\r\n"), said);
        assert_eq!(say(&mut server, "NOOP\r\n"), said);
        assert_eq!(say(&mut server, "QUIT\r\n"), "221 2.0.0 Closing\r\n");
    }
}

#[test]
fn before_auth_that_is_required_a_chunk_is_read() {
    let mut config = Config::submission("mx.test").unwrap();
    config.auth.in_clear = Mechanisms::of(["PLAIN"]);
    config.limits.message = 100;
    let hello = || {
        let mut server = Server::new(Arc::new(config.clone()));
        say(&mut server, "");
        say(&mut server, "EHLO c.test\r\n");
        server
    };
    let first = "530 5.7.0 Authentication required\r\n";
    let mut server = hello();
    let said = say(&mut server, "BDAT 6 LAST\r\nNOOP\r\nNOOP\r\n");
    assert_eq!(said, format!("{first}250 2.0.0 OK\r\n"));
    // Over twice the maximum nothing is drained.
    assert_eq!(say(&mut server, "BDAT 201\r\n"), first);
    assert_eq!(server.wants(), Wants::Close);
    // What comes too slowly ends as any content does.
    let mut server = hello();
    assert_eq!(say(&mut server, "BDAT 100\r\nx"), "");
    let id = server.wants().timer().unwrap().id;
    server.timed_out(id);
    assert_eq!(replies(&mut server), "421 4.4.2 Too slow, closing\r\n");
}

#[test]
fn a_chunk_that_nobody_offered_to_read_closes_in_front_of_its_octets() {
    let mut config = Config::submission("mx.test").unwrap();
    config.offer = config.offer.without(Extension::Chunking);
    let mut server = Server::new(Arc::new(config));
    say(&mut server, "");
    say(&mut server, "EHLO c.test\r\n");
    let said = say(&mut server, "BDAT 6 LAST\r\nNOOP\r\nNOOP\r\n");
    assert_eq!(said, "530 5.7.0 Authentication required\r\n");
    assert_eq!(server.wants(), Wants::Close);
}
