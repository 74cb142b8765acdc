//! What is told to `tracing`: a span a session and a transaction, and nothing of the contents.

mod clerk;

use std::io::{self, Write};
use std::sync::{Arc, Mutex};

use clerk::{Clerk, Client, TAKEN, config};
use smtp_proto_tokio::Listener;
use tokio::net::TcpStream;
use tracing::level_filters::LevelFilter;
use tracing_subscriber::util::SubscriberInitExt;

#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl Write for Lines {
    fn write(&mut self, octets: &[u8]) -> io::Result<usize> {
        self.0.lock().expect("no panic").write(octets)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn session_and_transaction_are_spans_without_contents() {
    let lines = Lines::default();
    let writer = lines.clone();
    let _guard = tracing_subscriber::fmt()
        .with_max_level(LevelFilter::TRACE)
        .with_writer(move || writer.clone())
        .with_ansi(false)
        .without_time()
        .set_default();
    let listener = Listener::bind(["127.0.0.1:0"]).await.unwrap();
    let address = listener.local_addrs()[0].socket().unwrap();
    let handle = listener.handle();
    let served = tokio::spawn(listener.serve(Arc::new(config()), |_| Clerk::default()));
    let mut client = Client(TcpStream::connect(address).await.unwrap());
    let peer = client.0.local_addr().unwrap();
    client.begin().await;
    assert_eq!(client.say("Subject: private\r\n.").await, TAKEN);
    client.say("RCPT TO:<carol@mx.test>").await;
    client.say("QUIT").await;
    drop(client);
    handle.shut_down(core::time::Duration::ZERO);
    served.await.unwrap();
    let lines = String::from_utf8(lines.0.lock().unwrap().clone()).unwrap();
    let session = format!("DEBUG session{{peer={peer}}}");
    let transaction = format!("{session}:transaction{{from=alice@c.test");
    let expected = [
        format!("{session}: smtp_proto_tokio::listener: connected local={address}"),
        format!("{session}: smtp_proto_tokio::dialogue: EHLO name=c.test verdict=accepted"),
        format!("{transaction}}}: smtp_proto_tokio::dialogue: MAIL verdict=accepted"),
        format!(
            "{transaction}}}: smtp_proto_tokio::dialogue: RCPT to=bob@mx.test verdict=accepted"
        ),
        format!(
            "{transaction} octets=18}}: smtp_proto_tokio::dialogue::letter: letter octets=18 verdict=accepted"
        ),
        format!(
            "{session}: smtp_proto_tokio::dialogue: refused reply=503 5.5.1 Say MAIL first why=order"
        ),
        format!("{session}: smtp_proto_tokio::dialogue: closed why=QUIT mid_message=false"),
    ];
    assert_eq!(lines.lines().map(str::trim_start).collect::<Vec<_>>(), expected);
}
