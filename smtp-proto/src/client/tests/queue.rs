//! What waits to be sent: how long a line may be, how much room there is, and what counts as written.

use bytes::BytesMut;

use super::*;
use crate::client::Queue;

#[test]
fn a_command_has_at_most_so_many_octets() {
    let mut client = ready("PIPELINING");
    let line = ["X-", &"a".repeat(2044)].concat();
    client.custom(&line).unwrap();
    assert_eq!(leaves(&mut client), line.clone() + "\r\n");
    hear(&mut client, "250 ok\r\n");
    assert_eq!(client.custom(&(line + "a")), Err(Misuse::Invalid));
    assert!(client.is_idle(), "nothing of it was queued");
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
