//! Many clients at once, and clients that nobody wants: the office serves the others all the same, and loses nothing.
//!
//! `CROWD_BUSY=2000 CROWD_IDLE=10000 cargo test --release -p smtp-proto-tokio --test crowd -- --nocapture` is the long run; it wants
//! 13,000 descriptors for each of the two processes.

mod support;

use core::net::SocketAddr;
use core::time::Duration;
use std::collections::BTreeSet;
use std::env;
use std::sync::Arc;

use support::code;
use support::office::{Office, root};
use support::sender::{Sender, content, delivered};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::runtime;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout};

const BOB: &str = "bob@localhost";
const MIB: u64 = 1024 * 1024;
/// Letters of each busy client.
const LETTERS: usize = 5;
/// Clients of each kind that nobody wants.
const NUISANCES: usize = 50;

fn number(variable: &str, otherwise: usize) -> usize {
    env::var(variable).map_or(otherwise, |number| number.parse().expect("a number"))
}

fn runtime() -> runtime::Runtime {
    runtime::Builder::new_multi_thread().enable_all().build().expect("threads")
}

/// So many sessions; no more than 200 connect at a time, since the queue of the system is short.
async fn connect(address: SocketAddr, count: usize) -> Vec<Sender> {
    let doors = Arc::new(Semaphore::new(200));
    let mut sessions = JoinSet::new();
    for _ in 0..count {
        let doors = Arc::clone(&doors);
        sessions.spawn(async move {
            let _door = doors.acquire().await;
            Sender::connect(address).await.expect("it takes one more")
        });
    }
    sessions.join_all().await
}

/// Comes again as long as the office is full: it may not have heard yet that the others are gone.
async fn patient(address: SocketAddr) -> Sender {
    loop {
        match Sender::connect(address).await {
            Ok(sender) => return sender,
            Err(refusal) => assert_eq!(refusal.to_string(), "421 4.3.2 Too many connections"),
        }
        sleep(Duration::from_millis(20)).await;
    }
}

/// Hands in letters one after the other; how long each took.
async fn work(mut sender: Sender, number: usize) -> Vec<Duration> {
    let mut waits = Vec::new();
    for letter in 0..LETTERS {
        let start = Instant::now();
        let content = content(&format!("{number}-{letter}"), 4000);
        sender.post(&[BOB], &content).await.expect("it is delivered");
        waits.push(start.elapsed());
    }
    assert_eq!(code(&sender.say("QUIT").await.expect("a reply")), "221");
    waits
}

/// Sends a letter octet by octet, one a second, for `time`; then the rest of it.
async fn drip(mut sender: Sender, number: usize, time: Duration) {
    let content = content(&format!("slow-{number}"), 100);
    sender.begin(&[BOB]).await.expect("it takes the letter");
    let start = Instant::now();
    let mut sent = 0;
    while start.elapsed() < time {
        sender.write(&content.as_bytes()[sent..=sent]).await.expect("it reads");
        sent += 1;
        sleep(Duration::from_secs(1)).await;
    }
    sender.write(&content.as_bytes()[sent..]).await.expect("it reads");
    assert_eq!(code(&sender.say(".").await.expect("a reply")), "250");
}

/// Asks and asks and never reads an answer, until the office takes no more; the connection, and how many octets it took.
async fn deaf(address: SocketAddr) -> (TcpStream, usize) {
    let mut stream = TcpStream::connect(address).await.expect("it listens");
    let group = "RCPT TO:<carol@localhost>\r\n".repeat(100);
    let hello = "EHLO client.example\r\n";
    stream.write_all(hello.as_bytes()).await.expect("it reads");
    sleep(Duration::from_millis(500)).await;
    stream.write_all(b"MAIL FROM:<>\r\n").await.expect("it reads");
    let mut taken = 0;
    loop {
        match timeout(Duration::from_secs(2), stream.write(group.as_bytes())).await {
            Ok(Ok(octets)) => taken += octets,
            Ok(Err(_)) | Err(_) => return (stream, taken),
        }
    }
}

#[test]
fn a_crowd_of_busy_idle_slow_and_deaf_clients_is_served() {
    let (busy, idle) = (number("CROWD_BUSY", 500), number("CROWD_IDLE", 2000));
    let root = root();
    let office = Office::open(root.path(), &[]);
    let address = office.address();
    runtime().block_on(async {
        let (empty, _) = office.memory();
        let start = Instant::now();
        let idlers = connect(address, idle).await;
        let connected = start.elapsed();
        let (crowded, _) = office.memory();
        println!("{idle} idle sessions: {connected:.1?}, {} octets each", (crowded - empty) / idle.max(1) as u64);

        let mut nuisances = JoinSet::new();
        for (number, sender) in connect(address, NUISANCES).await.into_iter().enumerate() {
            nuisances.spawn(async move {
                drip(sender, number, Duration::from_secs(5)).await;
                0
            });
            nuisances.spawn(async move { deaf(address).await.1 });
        }
        let senders = connect(address, busy).await;
        let start = Instant::now();
        let mut work_done = JoinSet::new();
        for (number, sender) in senders.into_iter().enumerate() {
            work_done.spawn(work(sender, number));
        }
        let mut waits = work_done.join_all().await.concat();
        let took = start.elapsed();
        waits.sort();
        let at = |share: f64| waits[((waits.len() - 1) as f64 * share) as usize];
        println!(
            "{busy} busy sessions: {} letters in {took:.1?}, {:.0} a second, p50 {:.0?}, p99 {:.0?}",
            waits.len(), waits.len() as f64 / took.as_secs_f64(), at(0.5), at(0.99)
        );

        let taken = nuisances.join_all().await.into_iter().max().unwrap_or_default();
        println!("a client that never reads was heard for {taken} octets");
        // What the buffers of two sockets hold, and no more.
        assert!(taken < 64 * MIB as usize);

        let start = Instant::now();
        let mut farewells = JoinSet::new();
        for mut idler in idlers {
            farewells.spawn(async move {
                assert_eq!(idler.say("NOOP").await.expect("a reply"), "250 2.0.0 OK");
            });
        }
        farewells.join_all().await;
        println!("all idle sessions answered in {:.1?}", start.elapsed());
    });
    let (_, most) = office.memory();
    println!("at most {} MiB of memory", most / MIB);
    assert!(most < (64 + (busy + idle) as u64 / 16) * MIB);
    office.terminate();
    let (status, _, took) = office.ended();
    println!("it ended after {took:.1?}");
    assert!(status.success() && took < Duration::from_secs(5), "{status} after {took:?}");
    let expected = (0..busy).flat_map(|number| (0..LETTERS).map(move |n| format!("{number}-{n}")));
    let slow = (0..NUISANCES).map(|number| format!("slow-{number}"));
    assert_eq!(delivered(root.path(), BOB), expected.chain(slow).collect::<BTreeSet<_>>());
}

#[test]
fn a_stopped_office_waits_for_nobody_who_never_reads_or_never_ends() {
    let root = root();
    let office = Office::open(root.path(), &[]);
    let address = office.address();
    runtime().block_on(async {
        let mut slow = connect(address, NUISANCES).await;
        for sender in &mut slow {
            sender.begin(&[BOB]).await.expect("it takes the letter");
        }
        let mut clients = JoinSet::new();
        for _ in 0..NUISANCES {
            clients.spawn(deaf(address));
        }
        let clients = clients.join_all().await;
        office.terminate();
        let (status, _, took) = office.ended();
        assert!(status.success() && took < Duration::from_secs(5), "{status} after {took:?}");
        for sender in &mut slow {
            let reply = sender.reply().await.expect("a last reply");
            assert_eq!(reply, "421 4.3.2 Shutting down");
        }
        drop(clients);
    });
    assert_eq!(delivered(root.path(), BOB), BTreeSet::new());
}

#[test]
fn an_office_out_of_descriptors_goes_on_when_some_are_free() {
    let root = root();
    // Below what the office wants for itself, so that nothing but the system stops it.
    let office = Office::open_with_descriptors(root.path(), 60);
    let address = office.address();
    runtime().block_on(async {
        let mut streams = Vec::new();
        for _ in 0..100 {
            streams.push(TcpStream::connect(address).await.expect("the system accepts it"));
        }
        sleep(Duration::from_millis(200)).await;
        drop(streams);
        let mut sender =
            timeout(Duration::from_secs(10), patient(address)).await.expect("it accepts again");
        sender.post(&[BOB], &content("after", 1000)).await.expect("it is delivered");
    });
    assert_eq!(delivered(root.path(), BOB), BTreeSet::from(["after".to_owned()]));
}
