//! Recipients decided concurrently: each look-up is a task of its own, and the replies leave in the order of the commands nevertheless.
//!
//!     cargo run -p smtp-proto-tokio --example concurrent
//!
//! A `Handler` is asked one thing at a time. Where a look-up takes long and clients send many recipients in one go (RFC 2920), drive the
//! `Session` instead: while answers are owed it raises the next recipients, up to `Limits::answers_owed` of them.

use core::error::Error;
use core::time::Duration;
use std::io;
use std::sync::Arc;

use smtp_proto::server::{Config, Event, Pending, Verdict, kind};
use smtp_proto::{ForwardPathBuf, stock};
use smtp_proto_tokio::Session;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader, DuplexStream, duplex};
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep};

/// A decision of another task.
type Answer = (Pending<kind::Rcpt>, Verdict);

async fn serve(stream: DuplexStream, config: Arc<Config>) -> io::Result<()> {
    let (tell, mut answers) = mpsc::unbounded_channel::<Answer>();
    let mut session = Session::new(stream, config);
    loop {
        tokio::select! {
            more = session.ready() => if !more? {
                return Ok(());
            },
            Some((pending, verdict)) = answers.recv() => {
                // One that comes when the session is over is late, and of no use to anyone.
                let _late = session.server().decide(pending, verdict);
            }
        }
        while let Some((event, server)) = session.next() {
            match event {
                Event::Rcpt { rcpt, pending } => {
                    let (recipient, tell) = (rcpt.to.to_owned(), tell.clone());
                    tokio::spawn(async move {
                        // The token crosses tasks; were it lost on the way, the machine would answer 451 at the deadline.
                        let _over = tell.send((pending, look_up(recipient).await));
                    });
                }
                other => server.decline(other),
            }
        }
    }
}

/// What a data base far away says.
async fn look_up(recipient: ForwardPathBuf) -> Verdict {
    sleep(Duration::from_millis(200)).await;
    if recipient.to_string().starts_with("bob") { Ok(None) } else { Err(stock::NO_SUCH_MAILBOX) }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let (client, stream) = duplex(4096);
    tokio::spawn(serve(stream, Arc::new(Config::new("mx.example.org")?)));
    let mut client = BufReader::new(client);
    client.write_all(b"EHLO client.example.org\r\n").await?;
    // The greeting and the last line of the reply to EHLO: a client has to wait for both.
    let mut line = String::new();
    while !line.starts_with("250 ") {
        line.clear();
        client.read_line(&mut line).await?;
    }
    let start = Instant::now();
    let mut commands = String::from("MAIL FROM:<alice@example.org>\r\n");
    for number in 0..50 {
        let name = if number % 10 == 7 { "eve" } else { "bob" };
        commands += &format!("RCPT TO:<{name}+{number}@example.org>\r\n");
    }
    client.write_all((commands + "QUIT\r\n").as_bytes()).await?;
    let mut replies = String::new();
    client.read_to_string(&mut replies).await?;
    print!("{replies}");
    println!("50 look-ups of 200 ms each took {} ms", start.elapsed().as_millis());
    Ok(())
}
