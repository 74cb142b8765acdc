//! What a server says in the middle of a letter, and what a lost connection leaves.

use super::*;

#[tokio::test]
async fn a_verdict_in_the_middle_of_a_content_is_heard_while_the_server_reads_nothing() {
    let (stream, mut server) = scripted_tcp().await;
    let (fates, done, took) = with_server(stream, &["a@y.test"], vec![b'x'; 50 << 20], async {
        server.greet_and_go(1).await;
        server.say("552 5.3.4 Too big\r\n").await;
        server
    })
    .await;
    done.expect("it is a reply");
    assert_eq!(fates, [fate(0, Fate::Permanent, "552 5.3.4 Too big")]);
    assert!(took < Duration::from_secs(5), "{took:?}");
}

#[tokio::test]
async fn a_verdict_in_front_of_a_reset_is_not_a_reset() {
    for _ in 0..20 {
        let (stream, mut server) = scripted_tcp().await;
        let (fates, done, _) = with_server(stream, &["a@y.test"], vec![b'x'; 5 << 20], async {
            server.greet_and_go(1).await;
            server.0.read_exact(&mut vec![0; 100_000]).await.expect("content");
            server.say("552 5.3.4 Too big\r\n").await;
            // With octets that are not read, this is a reset.
            drop(server);
        })
        .await;
        done.expect("it is a reply");
        assert_eq!(fates, [fate(0, Fate::Permanent, "552 5.3.4 Too big")]);
    }
}

#[tokio::test]
async fn a_verdict_interrupts_a_source_that_takes_its_time() {
    let (stream, mut server) = scripted(1000);
    let (producer, slow) = duplex(10);
    let (fates, done, _) = with_server(stream, &["a@y.test"], Once::new(slow), async {
        server.greet_and_go(1).await;
        server.say("421 4.3.2 Going down\r\n").await;
        server
    })
    .await;
    done.expect("it is a reply");
    assert_eq!(fates, [fate(0, Fate::Transient, "421 4.3.2 Going down")]);
    drop(producer);
}

#[tokio::test]
async fn a_delivery_can_be_a_task() {
    let (mut client, served) = tcp(config()).await;
    let task = tokio::spawn(async move {
        let envelope = Envelope::new("", ["a@y.test"]).expect("addresses");
        let reader = Reader::new(Cursor::new("Hello\r\n"));
        client.deliver(envelope, Content::seven_bit(), reader, |_, _| {}).await?;
        client.quit().await
    });
    task.await.expect("no panic").expect("nothing fails");
    assert_eq!(served.await.expect("no panic").expect("no error").letters.len(), 1);
}

#[tokio::test]
async fn a_short_letter_is_one_write() {
    let (stream, mut server) = scripted(1000);
    let (_, done, _) = with_server(stream, &["a@y.test"], "Hello\r\n.\r\n", async {
        server.greet_and_go(1).await;
        let mut octets = [0; 100];
        let read = server.0.read(&mut octets).await.expect("a letter");
        assert_eq!(octets[..read].escape_ascii().to_string(), r"Hello\r\n..\r\n.\r\n");
        server.say("250 taken\r\n").await;
    })
    .await;
    done.expect("nothing fails");
}

#[tokio::test]
async fn only_behind_the_final_dot_a_lost_connection_leaves_a_fate_unknown() {
    let to = ["a@y.test", "b@y.test"];
    for (reads_all, expected) in [(false, Fate::Transient), (true, Fate::Unknown)] {
        let (stream, mut server) = scripted_tcp().await;
        let letter = content(if reads_all { 1000 } else { 5 << 20 });
        let (fates, done, _) = with_server(stream, &to, letter, async {
            server.greet_and_go(2).await;
            if reads_all {
                server.content().await;
            } else {
                server.0.read_exact(&mut [0; 1000]).await.expect("content");
            }
            drop(server);
        })
        .await;
        assert!(matches!(done, Err(Error::Session(client::Error::Eof) | Error::Connection(_))));
        assert_eq!(fates, [fate(0, expected, ""), fate(1, expected, "")]);
    }
}
