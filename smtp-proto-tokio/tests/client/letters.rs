//! Letters to our server: all of them arrive as they were, and each recipient hears its fate.

use super::*;

#[tokio::test]
async fn letters_of_every_size_and_source_arrive_as_they_were() {
    let (mut client, served) = tcp(config()).await;
    let sizes = [0, 1, 2, 3, 63, 64, 65, 511, 4096, 65_535, 65_536, 65_537, 1 << 20, 5_000_001];
    let mut sent = Vec::new();
    for size in sizes {
        let letter = content(size);
        for way in 0..4 {
            let (fates, done) = match way {
                0 => deliver(&mut client, &["you@y.test"], letter.as_slice()).await,
                1 => deliver(&mut client, &["you@y.test"], Bytes::from(letter.clone())).await,
                2 => {
                    let reader = Reader::new(Cursor::new(letter.clone()));
                    deliver(&mut client, &["you@y.test"], reader).await
                }
                _ => deliver(&mut client, &["you@y.test"], Once::new(letter.as_slice())).await,
            };
            done.expect("nothing fails");
            assert_eq!(fates, [fate(0, Fate::Delivered, TAKEN)]);
            sent.push(ended(letter.clone()));
        }
    }
    client.quit().await.expect("a goodbye");
    let received = served.await.expect("no panic").expect("no error");
    assert_eq!(received.closed, Some((Why::Quit, false)));
    let stored: Vec<Vec<u8>> = received.letters.into_iter().map(|letter| letter.content).collect();
    assert!(stored == sent, "what was stored is not what was sent");
}

#[tokio::test]
async fn a_stream_of_a_few_octets_is_enough() {
    for octets in [1, 7, 100] {
        let (mut client, served) = in_memory(octets, config()).await;
        let letter = content(3000);
        let (fates, done) =
            deliver(&mut client, &["a@y.test", "no@y.test"], letter.as_slice()).await;
        done.expect("nothing fails");
        assert_eq!(fates.len(), 2);
        client.quit().await.expect("a goodbye");
        let received = served.await.expect("no panic").expect("no error");
        assert_eq!(received.letters[0].content, ended(letter));
    }
}

#[tokio::test]
async fn each_recipient_hears_its_fate_once() {
    let (mut client, served) = tcp(config()).await;
    let to = ["a@y.test", "no@y.test", "b@y.test", "later@y.test", "c@y.test"];
    let (fates, done) = deliver(&mut client, &to, "Hello\r\n").await;
    done.expect("nothing fails");
    let expected = [
        fate(1, Fate::Permanent, "550 5.1.1 No such mailbox here"),
        fate(3, Fate::Transient, "451 4.7.1 Try again later"),
        fate(0, Fate::Delivered, TAKEN),
        fate(2, Fate::Delivered, TAKEN),
        fate(4, Fate::Delivered, TAKEN),
    ];
    assert_eq!(fates, expected);
    assert!(client.is_reusable());
    client.quit().await.expect("a goodbye");
    let received = served.await.expect("no panic").expect("no error");
    assert_eq!(received.letters[0].to, ["a@y.test", "b@y.test", "c@y.test"]);
}

#[tokio::test]
async fn a_letter_that_nobody_wants_leaves_a_session_for_the_next() {
    let (mut client, served) = in_memory(1000, config()).await;
    for _ in 0..3 {
        let (fates, done) = deliver(&mut client, &["no@y.test"], "Hello\r\n").await;
        done.expect("nothing fails");
        assert_eq!(fates, [fate(0, Fate::Permanent, "550 5.1.1 No such mailbox here")]);
    }
    let (fates, done) = deliver(&mut client, &["a@y.test"], "Hello\r\n").await;
    done.expect("nothing fails");
    assert_eq!(fates, [fate(0, Fate::Delivered, TAKEN)]);
    client.quit().await.expect("a goodbye");
    assert_eq!(served.await.expect("no panic").expect("no error").letters.len(), 1);
}

#[tokio::test]
async fn who_found_no_room_gets_the_letter_from_its_start_in_a_second_transaction() {
    let mut limited = config();
    limited.limits.recipients = 2;
    let to = ["a@y.test", "b@y.test", "c@y.test", "d@y.test", "e@y.test"];
    let letter = content(200_000);

    let (mut client, served) = in_memory(5000, limited.clone()).await;
    let mut reader = Cursor::new([b"an envelope", letter.as_slice()].concat());
    reader.set_position(11);
    let (fates, done) = deliver(&mut client, &to, Reader::new(reader)).await;
    done.expect("nothing fails");
    assert_eq!(fates, [0, 1, 2, 3, 4].map(|index| fate(index, Fate::Delivered, TAKEN)));
    client.quit().await.expect("a goodbye");
    let received = served.await.expect("no panic").expect("no error");
    assert!(received.letters.iter().all(|stored| stored.content == ended(letter.clone())));
    let stored: Vec<usize> = received.letters.iter().map(|letter| letter.to.len()).collect();
    assert_eq!(stored, [2, 2, 1]);

    let (mut client, served) = in_memory(5000, limited).await;
    let (fates, done) = deliver(&mut client, &to, Once::new(letter.as_slice())).await;
    assert!(matches!(done, Err(Error::Source(_))), "{done:?}");
    let mut expected = vec![fate(0, Fate::Delivered, TAKEN), fate(1, Fate::Delivered, TAKEN)];
    expected.extend([2, 3, 4].map(|index| fate(index, Fate::Transient, "")));
    assert_eq!(fates, expected);
    assert!(!client.is_reusable());
    drop(client);
    let received = served.await.expect("no panic").expect("no error");
    assert_eq!((received.letters.len(), received.closed), (1, Some((Why::Eof, true))));
}

#[tokio::test]
async fn bare_newlines_are_refused_for_good_or_normalised() {
    let (mut client, served) = in_memory(1000, config()).await;
    let (fates, done) = deliver(&mut client, &["a@y.test"], "one\r\ntwo\nthree\r\n").await;
    let error = done.expect_err("it cannot be sent").to_string();
    assert_eq!(error, "the content cannot be sent: octet 8 of the content: bare LF");
    assert_eq!(fates, [fate(0, Fate::Permanent, "")]);
    client.quit().await.expect("it closes");
    let received = served.await.expect("no panic").expect("no error");
    assert_eq!((received.letters.len(), received.closed), (0, Some((Why::Eof, true))));

    let (stream, other) = duplex(1000);
    let served = tokio::spawn(serve(other, config()));
    let mut tolerant = client::Config::default();
    tolerant.line_ends = LineEnds::Normalise;
    let mut client = Client::connect(stream, NAME, Arc::new(tolerant)).await.expect("it greets");
    let (fates, done) = deliver(&mut client, &["a@y.test"], "one\n.two\n").await;
    done.expect("nothing fails");
    assert_eq!(fates, [fate(0, Fate::Delivered, TAKEN)]);
    drop(client);
    let received = served.await.expect("no panic").expect("no error");
    assert_eq!(received.letters[0].content, b"one\r\n.two\r\n");
}

#[tokio::test]
async fn what_cannot_go_there_is_refused_before_anything_is_sent() {
    let mut poor = config();
    poor.offer = poor.offer.without(Extension::EightBitMime).without(Extension::SmtpUtf8);
    poor.limits.message = 100;
    let (mut client, served) = in_memory(1000, poor).await;
    let (fates, done) = deliver(&mut client, &["a@y.test", "b@y.test"], "Hello\r\n").await;
    assert!(matches!(done, Err(Error::Unsendable(Unsendable::EightBit))), "{done:?}");
    assert_eq!(fates, [0, 1].map(|index| fate(index, Fate::Permanent, "")));
    let big = Content::seven_bit().with_octets(101);
    let (_, done) = deliver_as(&mut client, &["a@y.test"], big, content(101)).await;
    assert!(matches!(done, Err(Error::Unsendable(Unsendable::TooBig))), "{done:?}");
    let to = ["ä@y.test", "b@y.test"];
    let (fates, done) = deliver_as(&mut client, &to, Content::seven_bit(), "Hello\r\n").await;
    done.expect("the other gets it");
    assert_eq!(fates, [fate(0, Fate::Permanent, ""), fate(1, Fate::Delivered, TAKEN)]);
    client.quit().await.expect("a goodbye");
    assert_eq!(served.await.expect("no panic").expect("no error").letters.len(), 1);
}

#[tokio::test]
async fn a_producer_that_fails_never_gets_a_dot() {
    struct Failing;
    impl Source for Failing {
        async fn octets(&mut self, at: u64) -> io::Result<&[u8]> {
            if at < 10 { Ok(b"some lines\r\n") } else { Err(io::Error::other("gone")) }
        }
    }
    let (mut client, served) = in_memory(1000, config()).await;
    let (fates, done) = deliver(&mut client, &["a@y.test"], Failing).await;
    assert_eq!(done.expect_err("it fails").to_string(), "the content cannot be read: gone");
    assert_eq!(fates, [fate(0, Fate::Transient, "")]);
    let (fates, done) = deliver(&mut client, &["a@y.test"], "Hello\r\n").await;
    assert!(matches!(done, Err(Error::Misuse(_))), "{done:?}");
    assert_eq!(fates, [fate(0, Fate::Transient, "")]);
    drop(client);
    let received = served.await.expect("no panic").expect("no error");
    assert_eq!((received.letters.len(), received.closed), (0, Some((Why::Eof, true))));
}

#[tokio::test]
async fn a_delivery_that_was_dropped_ends_the_use_of_its_session() {
    let (mut client, served) = in_memory(1000, config()).await;
    let envelope = Envelope::new("me@x.test", ["a@y.test"]).expect("addresses");
    let letter = content(100_000);
    let endless = Once::new(letter.as_slice().chain(tokio::io::repeat(b'x')));
    let delivery = client.deliver(envelope, Content::seven_bit(), endless, |_, _| {});
    assert!(timeout(Duration::from_millis(100), delivery).await.is_err());
    assert!(!client.is_reusable());
    let (_, done) = deliver(&mut client, &["a@y.test"], "Hello\r\n").await;
    assert!(matches!(done, Err(Error::Misuse(_))), "{done:?}");
    client.quit().await.expect("it closes");
    let received = served.await.expect("no panic").expect("no error");
    assert_eq!((received.letters.len(), received.closed), (0, Some((Why::Eof, true))));
}
