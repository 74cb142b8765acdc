//! Servers that are slow, and octets that nothing asked for.

use super::*;

#[tokio::test(start_paused = true)]
async fn every_wait_has_its_end() {
    let table: [(&str, u64, Fate); 5] = [
        ("greeting", 300, Fate::Transient),
        ("EHLO", 300, Fate::Transient),
        ("MAIL", 300, Fate::Transient),
        ("content", 600, Fate::Unknown),
        ("block", 180, Fate::Transient),
    ];
    for (at, seconds, expected) in table {
        let (stream, mut server) = scripted(1000);
        let letter = content(if at == "block" { 100_000 } else { 10 });
        let (fates, done, took) = with_server(stream, &["a@y.test"], letter, async {
            match at {
                "greeting" => {}
                "EHLO" => server.say("220 mx\r\n").await,
                "MAIL" => {
                    server.say("220 mx\r\n").await;
                    server.hear().await;
                    server.say("250-mx\r\n250 8BITMIME\r\n").await;
                }
                "content" => {
                    server.greet_and_go(1).await;
                    server.content().await;
                }
                _ => server.greet_and_go(1).await,
            }
            server
        })
        .await;
        assert!(matches!(done, Err(Error::Session(client::Error::TimedOut))), "{at}: {done:?}");
        assert_eq!(took.as_secs(), seconds, "{at}");
        let begun = !matches!(at, "greeting" | "EHLO");
        assert_eq!(fates, if begun { vec![fate(0, expected, "")] } else { vec![] }, "{at}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_server_that_takes_an_octet_now_and_then_gains_no_time() {
    for size in [200_000, 60_000] {
        let (stream, mut server) = scripted(1000);
        let (fates, done, took) = with_server(stream, &["a@y.test"], content(size), async {
            server.greet_and_go(1).await;
            while server.0.read_u8().await.is_ok() {
                sleep(Duration::from_secs(50)).await;
            }
        })
        .await;
        assert!(matches!(done, Err(Error::Session(client::Error::TimedOut))), "{done:?}");
        assert_eq!(fates, [fate(0, Fate::Transient, "")]);
        assert_eq!(took.as_secs(), 180);
    }
}

#[tokio::test(start_paused = true)]
async fn a_slow_server_is_waited_for_and_time_counts_although_a_wait_is_cancelled() {
    let (stream, mut server) = scripted(1000);
    let mut config = client::Config::default();
    config.waits = Waits::all(Duration::from_secs(10));
    let mut session = Session::new(stream, Arc::new(config));
    session.client().hello(NAME).expect("a client says hello");
    let start = Instant::now();
    server.say("220 mx\r\n").await;
    let error = loop {
        tokio::select! {
            ready = session.ready() => assert!(ready.expect("no I/O error")),
            () = sleep(Duration::from_millis(700)) => {}
        }
        match session.next() {
            Ok(_) => {}
            Err(error) => break error,
        }
    };
    assert_eq!((error, start.elapsed().as_secs()), (client::Error::TimedOut, 10));
    assert!(!session.ready().await.expect("no I/O error"));
}

#[tokio::test]
async fn what_nothing_asked_for_is_seen_before_a_session_is_used_again() {
    let rows: [(&str, &str, bool); 3] = [
        ("250 what\r\n", "", false),
        ("421 4.3.2 Idle for too long\r\n", "421 4.3.2 Idle for too long", true),
        ("", "", false),
    ];
    for (said, reply, is_reply) in rows {
        let (stream, mut server) = scripted(1000);
        let mut client = {
            let (client, ()) = tokio::join!(Client::connect(stream, NAME, Arc::default()), async {
                server.say("220 mx\r\n").await;
                server.hear().await;
                server.say("250-mx\r\n250-8BITMIME\r\n250 PIPELINING\r\n").await;
            });
            client.expect("it greets")
        };
        let ((fates, done), ()) =
            tokio::join!(deliver(&mut client, &["a@y.test"], "Hello\r\n"), async {
                server.go(1).await;
                server.content().await;
                server.say("250 taken\r\n").await;
            });
        done.expect("nothing fails");
        assert_eq!(fates, [fate(0, Fate::Delivered, "250 taken")]);
        assert!(client.is_reusable());

        server.say(said).await;
        let rest = if said.is_empty() {
            drop(server);
            None
        } else {
            Some(server)
        };
        let (fates, done) = deliver(&mut client, &["a@y.test"], "Hello\r\n").await;
        assert_eq!(done.is_ok(), is_reply, "{done:?}");
        assert_eq!(fates, [fate(0, Fate::Transient, reply)]);
        assert!(!client.is_reusable());
        drop(client);
        if let Some(mut server) = rest {
            assert_eq!(server.hear().await, "", "nothing is sent any more");
        }
    }
}
