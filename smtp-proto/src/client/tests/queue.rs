//! What waits to be sent: how long a line may be, how much room there is, and what counts as written.

use bytes::BytesMut;

use super::*;
use crate::client::Queue;
use crate::{Declaration, Declared};

/// RFC 5321 4.5.3.1.4: what the extensions add is in their table, and in what the application declares.
#[test]
fn a_command_line_is_as_long_as_what_is_offered_makes_it() {
    let foo = Declaration::new("X-FOO").unwrap().with_mail("X-FOO").unwrap().with_growth(4000);
    let config = Config { declared: Declared::of([foo]), ..Config::default() };
    let hello = "250-mx\r\n250 X-FOO";
    for (offered, most) in [
        ("250 mx", 512),
        ("250-mx\r\n250 DSN", 512 + 530),
        ("250-mx\r\n250-SIZE\r\n250 DSN", 512 + 530),
        ("250-mx\r\n250 AUTH PLAIN", 512 + 500),
        (hello, 512 + 4000),
        ("250-mx\r\n250-DSN\r\n250 X-FOO", 512 + 530 + 4000),
    ] {
        // What the last hello says holds.
        let mut client = client_of(config.clone());
        hear(&mut client, "220 mx\r\n");
        leaves(&mut client);
        hear(&mut client, &alloc::format!("{hello}\r\n"));
        client.hello(Host::parse(b"c.test").unwrap()).unwrap();
        leaves(&mut client);
        hear(&mut client, &alloc::format!("{offered}\r\n"));
        let line = "a".repeat(most - 2);
        client.custom(&line).unwrap();
        assert_eq!(leaves(&mut client), line.clone() + "\r\n", "{offered}");
        assert_eq!(client.custom(&(line + "a")), Err(Misuse::Invalid), "{offered}");
        hear(&mut client, "250 ok\r\n");
        assert!(client.is_idle(), "nothing of it was queued");
    }
}

#[test]
fn a_parameter_has_the_room_that_it_was_declared_with() {
    let foo = Declaration::new("X-FOO").unwrap().with_mail("X-FOO").unwrap().with_growth(4000);
    let config = Config { declared: Declared::of([foo]), ..Config::default() };
    let mut client = ready_with(config, "X-FOO");
    let around = "MAIL FROM:<> X-FOO=\r\n".len();
    let value = "a".repeat(4512 - around + 1);
    assert_eq!(mail(&mut client, "", &["X-FOO=", &value].concat()), Err(Misuse::Invalid));
    mail(&mut client, "", &["X-FOO=", &value[1..]].concat()).unwrap();
    assert_eq!(leaves(&mut client).len(), 4512);
}

/// It would wait for ever.
#[test]
fn a_line_for_which_there_is_never_room_is_none() {
    let queue = Queue { commands: 27, ..Queue::default() };
    let mut client = ready_with(Config { queue, ..Config::default() }, "PIPELINING");
    client.noop().unwrap();
    assert_eq!(client.custom(&"a".repeat(25)), Err(Misuse::Full));
    assert_eq!(client.custom(&"a".repeat(26)), Err(Misuse::Invalid));
}

#[test]
fn what_finds_no_room_is_not_queued() {
    let queue = Queue { commands: 27, ..Queue::default() };
    let mut client = ready_with(Config { queue, ..Config::default() }, "PIPELINING");
    mail(&mut client, "a@x.test", "").unwrap();
    assert_eq!(client.reset(), Err(Misuse::Full), "28 octets");
    client.custom("XYZ").unwrap();
    assert_eq!(client.outgoing(), b"MAIL FROM:<a@x.test>\r\nXYZ\r\n");
}

#[test]
fn what_is_taken_counts_as_written_like_what_is_sent() {
    let mut taking = ready("PIPELINING");
    let mut sending = ready("PIPELINING");
    for client in [&mut taking, &mut sending] {
        group(client, &["b@y.test"]);
        assert_eq!(client.next(&mut &b""[..]), Ok(None));
    }
    let spare = BytesMut::from(&b"spare"[..]);
    assert_eq!(taking.take_outgoing(spare), leaves(&mut sending).as_bytes());
    assert_eq!(taking.take_outgoing(BytesMut::from(&b"spare"[..])), b""[..]);
    assert_eq!(taking.wants(), sending.wants());
    for client in [&mut taking, &mut sending] {
        assert_eq!(
            hear(client, "250 a\r\n250 b\r\n354 c\r\n"),
            ["MAIL 250 a", "RCPT 250 b", "send to 1"]
        );
    }
}

#[test]
fn a_block_that_is_written_has_its_time_and_an_octet_has_not() {
    let queue = Queue { content: 16, ..Queue::default() };
    let mut client = ready_with(Config { queue, ..Config::default() }, "PIPELINING");
    let before = client.pipeline.written();
    group(&mut client, &["b@y.test"]);
    assert_eq!(client.next(&mut &b""[..]), Ok(None));
    let Wants::Flush(first) = client.wants() else { panic!() };
    let to_the_edge = 16 - usize::try_from(before % 16).unwrap();
    client.sent(to_the_edge - 1);
    assert_eq!(client.wants(), Wants::Flush(first));
    client.sent(1);
    let Wants::Flush(second) = client.wants() else { panic!() };
    assert_ne!(second.id, first.id);
    client.sent(15);
    assert_eq!(client.wants(), Wants::Flush(second));
}
