//! Commands one by one, and what a session begins and ends with.

use super::*;

#[tokio::test]
async fn replies_are_read_while_a_long_group_is_written() {
    const RECIPIENTS: usize = 2000;
    let (stream, mut server) = scripted(300);
    let to: Vec<String> = (0..RECIPIENTS).map(|number| format!("{number}@y.test")).collect();
    let to: Vec<&str> = to.iter().map(String::as_str).collect();
    let long = format!("250 {}\r\n", "x".repeat(500));
    let (fates, done, _) = with_server(stream, &to, "Hello\r\n", async {
        server.say("220 mx\r\n").await;
        server.hear().await;
        server.say("250-mx\r\n250-8BITMIME\r\n250 PIPELINING\r\n").await;
        // It reads nothing before its reply has left.
        for _ in 0..=RECIPIENTS {
            server.hear().await;
            server.say(&long).await;
        }
        assert_eq!(server.hear().await, "DATA");
        server.say("354 go\r\n").await;
        server.content().await;
        server.say("250 taken\r\n").await;
    })
    .await;
    done.expect("nothing fails");
    let taken = |(index, is, reply): &(usize, Fate, String)| {
        *is == Fate::Delivered && reply == "250 taken" && *index < RECIPIENTS
    };
    assert!(fates.len() == RECIPIENTS && fates.iter().all(taken));
}

#[tokio::test]
async fn refusals_of_the_session_are_told_and_answered_by_quit() {
    let (stream, mut server) = scripted(1000);
    let (_, done, _) = with_server(stream, &["a@y.test"], "", async {
        server.say("554 5.3.2 No mail here\r\n").await;
        assert_eq!(server.hear().await, "QUIT");
        server.say("221 Bye\r\n").await;
        assert_eq!(server.hear().await, "");
    })
    .await;
    assert!(
        matches!(&done, Err(Error::Introduction(IntroductionError::Greeting(reply))) if reply.to_string() == "554 5.3.2 No mail here")
    );

    let (stream, mut server) = scripted(1000);
    let (_, done, _) = with_server(stream, &["a@y.test"], "", async {
        server.say("220 mx\r\n").await;
        server.hear().await;
        server.say("550 5.7.1 Not you\r\n").await;
        assert_eq!(server.hear().await, "QUIT");
        drop(server);
    })
    .await;
    assert!(
        matches!(&done, Err(Error::Introduction(IntroductionError::Hello(reply))) if reply.to_string() == "550 5.7.1 Not you")
    );
}

#[tokio::test]
async fn a_server_that_knows_no_ehlo_is_asked_by_helo_unless_forbidden() {
    for fallback in [Fallback::Helo, Fallback::Never] {
        let (stream, mut server) = scripted(1000);
        let mut config = client::Config::default();
        config.fallback = fallback;
        let server = async {
            server.say("220 mx\r\n").await;
            server.hear().await;
            server.say("502 5.5.1 What?\r\n").await;
            let next = server.hear().await;
            server.say("250 mx\r\n").await;
            next
        };
        let (client, next) = tokio::join!(Client::connect(stream, NAME, Arc::new(config)), server);
        match fallback {
            Fallback::Helo => {
                assert_eq!(next, "HELO [127.0.0.1]");
                let offered = client.expect("it greets").extensions().cloned();
                assert_eq!(offered, Some(smtp_proto::Extensions::none()));
            }
            Fallback::Never => {
                assert_eq!(next, "QUIT");
                assert!(matches!(client, Err(Error::Introduction(IntroductionError::Hello(_)))));
            }
        }
    }
}

#[tokio::test]
async fn a_session_takes_commands_one_by_one() {
    let (stream, mut server) = scripted(1000);
    let mut session = Session::new(stream, Arc::default());
    session.client().hello(NAME).expect("a client says hello");
    let mut said = Vec::new();
    let client = async {
        while session.ready().await.expect("no I/O error") {
            while let Some((event, client)) = session.next().expect("no error") {
                said.push(match event {
                    client::Event::Reply { to, reply } => format!("{}: {reply}", to.verb),
                    client::Event::Greeting(reply) => reply.to_string(),
                    other => format!("{other:?}"),
                });
                let last = said.len() == 4;
                if let client::Event::Reply { to, .. } = event {
                    match to.verb {
                        Verb::Ehlo => client.noop().and_then(|_| client.verify("bob")).map(drop),
                        Verb::Vrfy if last => client.quit().map(drop),
                        _ => Ok(()),
                    }
                    .expect("it may");
                }
            }
        }
    };
    let server = async {
        server.say("220 mx\r\n").await;
        for reply in ["250 mx\r\n", "250 ok\r\n", "252 maybe\r\n", "221 bye\r\n"] {
            server.hear().await;
            server.say(reply).await;
        }
    };
    tokio::join!(client, server);
    assert_eq!(
        said,
        ["220 mx", "EHLO: 250 mx", "NOOP: 250 ok", "VRFY: 252 maybe", "QUIT: 221 bye"]
    );
}
