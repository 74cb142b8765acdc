//! A process that is out of descriptors: alone in its file, since all tests of a process share them.

#![cfg(target_os = "linux")]

mod clerk;

use core::time::Duration;
use std::fs::File;
use std::io::{Read, Seek};
use std::process;
use std::process::Command;
use std::sync::Arc;

use clerk::{Clerk, Client, TAKEN, config};
use smtp_proto_tokio::Listener;
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout};

/// The processor time of this process; its file is open before there are no descriptors any more.
struct Work(File);

impl Work {
    /// Hundredths of a second beyond `before`.
    fn done(&mut self, before: u64) -> u64 {
        let mut stat = String::new();
        self.0.rewind().expect("it can be read again");
        self.0.read_to_string(&mut stat).expect("it is text");
        let (_, fields) = stat.rsplit_once(") ").expect("the name stands in parentheses");
        let ticks = fields.split(' ').skip(11).take(2);
        ticks.map(|ticks| ticks.parse::<u64>().expect("a number")).sum::<u64>() - before
    }
}

#[tokio::test]
async fn accepts_wait_until_there_are_descriptors_again() {
    let listener = Listener::bind(["127.0.0.1:0"]).await.unwrap();
    let address = listener.local_addrs()[0].socket().unwrap();
    let served = listener.serve(Arc::new(config()), |_| Clerk::default());
    let _served = tokio::spawn(served);
    let mut inside = Client(TcpStream::connect(address).await.unwrap());
    assert_eq!(inside.begin().await.len(), 5);

    let mut work = Work(File::open("/proc/self/stat").unwrap());
    let limit = ["--pid", &process::id().to_string(), "--nofile=200:"].map(str::to_owned);
    assert!(Command::new("prlimit").args(limit).status().unwrap().success());
    let mut hoard: Vec<File> = core::iter::from_fn(|| File::open("/dev/null").ok()).collect();
    hoard.pop();
    let mut outside = Client(TcpStream::connect(address).await.unwrap());
    File::open("/dev/null").unwrap_err();

    let before = work.done(0);
    let waits = timeout(Duration::from_secs(2), outside.reply()).await;
    assert!(waits.is_err(), "{waits:?}");
    let worked = work.done(before);
    assert!(worked < 20, "{worked} hundredths of a second to wait for two seconds");
    assert_eq!(inside.say("hello\r\n.").await, TAKEN, "a session that is there goes on");

    let start = Instant::now();
    drop(hoard);
    assert_eq!(outside.begin().await.len(), 5);
    assert!(start.elapsed() < Duration::from_millis(1500), "{:?}", start.elapsed());
}
