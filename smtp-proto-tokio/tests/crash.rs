//! An office that is killed or stopped while many senders are at work: whatever got its 250 is there and whole.
//!
//! `CRASHES=200 cargo test --release -p smtp-proto-tokio --test crash -- --nocapture` is the long run.

mod support;

use core::hash::BuildHasher;
use core::net::SocketAddr;
use core::time::Duration;
use std::collections::BTreeSet;
use std::env;
use std::fs;
use std::hash::RandomState;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread;

use support::office::{Office, files_below, root};
use support::sender::{Sender, content, delivered};
use support::servers::program;
use tokio::runtime;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout};

const SENDERS: usize = 40;
const ALICE: &str = "alice@localhost";
const BOB: &str = "bob@localhost";
const POSTMASTER: &str = "postmaster@localhost";
/// What a delivery asks of the system.
const CALLS: [&str; 8] =
    ["openat", "write", "fsync", "linkat", "mkdir", "rename", "unlink", "rmdir"];

fn random(below: u64) -> u64 {
    RandomState::new().hash_one(0) % below
}

/// What the senders know: the ids of letters that got a 250, by the number of mailboxes that they were for.
#[derive(Default)]
struct Receipts {
    to_bob: Mutex<BTreeSet<String>>,
    to_both: Mutex<BTreeSet<String>>,
}

/// Hands in letters wherever the office is, until there is none.
async fn hand_in(
    number: usize,
    mut address: watch::Receiver<Option<SocketAddr>>,
    receipts: Arc<Receipts>,
) {
    let mut count = 0;
    while let Ok(place) = address.wait_for(Option::is_some).await.map(|place| *place) {
        let Some(place) = place else { return };
        let Ok(mut sender) = Sender::connect(place).await else {
            sleep(Duration::from_millis(2)).await;
            continue;
        };
        loop {
            let (id, both) = (format!("{number}-{count}"), count % 3 == 0);
            count += 1;
            // Some go through the disk while they come in.
            let octets = if count % 8 == 0 { 200_000 } else { 1 + random(20_000) as usize };
            let to = if both { &[ALICE, BOB][..] } else { &[BOB] };
            if sender.post(to, &content(&id, octets)).await.is_err() {
                break;
            }
            let ids = if both { &receipts.to_both } else { &receipts.to_bob };
            ids.lock().expect("nobody panics").insert(id);
        }
    }
}

/// Runs `rounds` offices one after the other below `root`, while letters come in; `end` ends each.
async fn run_offices(root: &Path, rounds: u64, end: impl Fn(Office)) -> Arc<Receipts> {
    let receipts = Arc::new(Receipts::default());
    let (place, address) = watch::channel(None);
    let mut senders = JoinSet::new();
    for number in 0..SENDERS {
        senders.spawn(hand_in(number, address.clone(), Arc::clone(&receipts)));
    }
    for _ in 0..rounds {
        let office = Office::open(root, &[]);
        place.send_replace(Some(office.address()));
        sleep(Duration::from_millis(30 + random(400))).await;
        end(office);
    }
    drop((place, address));
    senders.abort_all();
    while senders.join_next().await.is_some() {}
    receipts
}

/// What is on the disk, and what was promised.
fn check(root: &Path, receipts: &Receipts) -> String {
    let (alice, bob) = (delivered(root, ALICE), delivered(root, BOB));
    let to_bob = receipts.to_bob.lock().expect("nobody panics");
    let to_both = receipts.to_both.lock().expect("nobody panics");
    let lost: Vec<_> = to_bob.union(&to_both).filter(|id| !bob.contains(*id)).collect();
    assert!(lost.is_empty(), "{} acknowledged letters are lost: {lost:?}", lost.len());
    // Every third letter is for both, and for nobody if not for both.
    let halves = |id: &&String| {
        id.split_once('-').is_some_and(|(_, count)| count.parse::<u64>().is_ok_and(|n| n % 3 == 0))
    };
    let for_both: BTreeSet<_> = bob.iter().filter(halves).cloned().collect();
    assert_eq!(alice, for_both);
    for folder in ["sorting", "mailboxes/alice@localhost/tmp", "mailboxes/bob@localhost/tmp"] {
        assert_eq!(fs::read_dir(root.join(folder)).expect("it is there").count(), 0, "{folder}");
    }
    let acknowledged = to_bob.len() + to_both.len();
    assert!(acknowledged > 0, "nothing was delivered");
    format!("{acknowledged} letters were acknowledged, {} are there", bob.len())
}

fn runtime() -> runtime::Runtime {
    runtime::Builder::new_multi_thread().enable_all().build().expect("threads")
}

#[test]
fn a_killed_office_loses_no_letter_that_got_its_250() {
    let rounds = env::var("CRASHES").map_or(8, |rounds| rounds.parse().expect("a number"));
    let root = root();
    let receipts = runtime().block_on(run_offices(root.path(), rounds, Office::kill));
    // It puts right what the last one left.
    Office::open(root.path(), &[]).kill();
    println!("{rounds} offices were killed; {}", check(root.path(), &receipts));
}

#[test]
fn a_stopped_office_loses_no_letter_that_got_its_250() {
    let rounds = env::var("CRASHES").map_or(3, |rounds| rounds.parse().expect("a number"));
    let root = root();
    let receipts = runtime().block_on(run_offices(root.path(), rounds, |office| {
        office.terminate();
        let (status, _, took) = office.ended();
        assert!(status.success() && took < Duration::from_secs(5), "{status} after {took:?}");
    }));
    println!("{rounds} offices were stopped; {}", check(root.path(), &receipts));
}

#[test]
fn a_stopped_office_delivers_what_is_half_in() {
    let root = root();
    let office = Office::open(root.path(), &[]);
    let acknowledged = runtime().block_on(async {
        let mut senders = JoinSet::new();
        for number in 0..SENDERS {
            let address = office.address();
            senders.spawn(async move {
                let mut sender = Sender::connect(address).await.expect("it listens");
                sender.begin(&[ALICE, BOB]).await.expect("it takes the letter");
                let content = content(&number.to_string(), 100_000);
                let (first, rest) = content.split_at(50_000);
                sender.write(first.as_bytes()).await.expect("it reads");
                sleep(Duration::from_millis(800)).await;
                sender.write(rest.as_bytes()).await.expect("it reads on");
                sender.say(".").await.expect("a reply")
            });
        }
        sleep(Duration::from_millis(500)).await;
        office.terminate();
        let start = Instant::now();
        let mut replies = Vec::new();
        let all = async {
            while let Some(reply) = senders.join_next().await {
                replies.push(reply.expect("it does not panic"));
            }
        };
        timeout(Duration::from_secs(5), all).await.expect("they are served");
        assert!(start.elapsed() < Duration::from_secs(4));
        replies
    });
    assert_eq!(acknowledged, vec!["250 2.0.0 Message accepted"; SENDERS]);
    assert!(office.ended().0.success());
    let expected: BTreeSet<_> = (0..SENDERS).map(|number| number.to_string()).collect();
    assert_eq!(
        (delivered(root.path(), ALICE), delivered(root.path(), BOB)),
        (expected.clone(), expected)
    );
}

#[test]
fn an_office_killed_at_any_system_call_delivers_to_all_or_to_none() {
    let Some(strace) = program("strace") else {
        return;
    };
    let strace = &strace;
    thread::scope(|scope| {
        for call in CALLS {
            for to in [&[ALICE, BOB, POSTMASTER][..], &[BOB]] {
                scope.spawn(move || (1..).find(|nth| survives(strace, call, *nth, to)));
            }
        }
    });
}

/// Kills an office at its `nth` call of this name behind the start, while it delivers a letter; whether that was later.
fn survives(strace: &Path, call: &str, nth: u32, to: &[&str]) -> bool {
    let root = root();
    let office = Office::open(root.path(), &[]);
    let mut tracer = Command::new(strace)
        .args(["-f", "-o", "/dev/null", "-p", &office.id().to_string()])
        .args(["-e", &format!("inject={call}:signal=KILL:when={nth}")])
        .stderr(Stdio::piped())
        .spawn()
        .expect("strace starts");
    let mut attached = String::new();
    let stderr = tracer.stderr.take().expect("it is piped");
    BufReader::new(stderr).read_line(&mut attached).expect("it says something");
    assert!(attached.contains("attached"), "{attached}");
    let acknowledged = runtime().block_on(async {
        let mut sender = Sender::connect(office.address()).await?;
        sender.post(to, &content("letter", 120_000)).await
    });
    office.kill();
    tracer.wait().expect("it ends with the office");
    Office::open(root.path(), &[]).kill();
    let found = [ALICE, BOB, POSTMASTER].map(|mailbox| delivered(root.path(), mailbox).len());
    let all = [ALICE, BOB, POSTMASTER].map(|mailbox| usize::from(to.contains(&mailbox)));
    assert!(found == all || (acknowledged.is_err() && found == [0; 3]), "{call} {nth}: {found:?}");
    assert_eq!(files_below(root.path()).len(), found.iter().sum::<usize>(), "{call} {nth}");
    acknowledged.is_ok()
}
