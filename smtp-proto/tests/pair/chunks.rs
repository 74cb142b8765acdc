//! Content by BDAT, over the same network.

use super::terse;
use smtp_proto::client::{Config, Pipelining, Waits};
use smtp_proto::delivery::Fate;
use smtp_proto::testing::{Faults, Letter, Pair, Story};
use smtp_proto::{Extension, server};

const SEEDS: u64 = 3000;
/// Two recipients have the letter, the one between them was refused.
const DELIVERED: [Option<Fate>; 3] =
    [Some(Fate::Delivered), Some(Fate::Permanent), Some(Fate::Delivered)];
const CONTENT: &str = "Subject: t\r\n\r\n.\r\n..x\r\nlast\r\n";

/// A client whose chunks are of so many octets.
fn client(octets: usize, pipelining: Pipelining) -> Config {
    let mut config = Config::default();
    config.queue.content = octets;
    config.pipelining = pipelining;
    config
}

fn server() -> server::Config {
    terse(&[Extension::Pipelining, Extension::Chunking])
}

fn letter() -> Letter {
    let letter = Letter::new("a@x.test", ["b@y.test", "no@y.test", "c@y.test"], CONTENT);
    letter.expect("addresses").in_chunks()
}

fn fates(story: &Story) -> [Option<Fate>; 3] {
    [0, 1, 2].map(|recipient| story.fate(0, recipient))
}

#[test]
fn chunks_of_every_size_arrive_whole() {
    for octets in 1..=CONTENT.len() {
        for pipelining in [Pipelining::Offered, Pipelining::InFlight(60), Pipelining::Never] {
            let pair = Pair::new(octets as u64).letter(letter()).server(server());
            let pair = pair.client(client(octets, pipelining));
            for faults in [Faults::none(), Faults::none().segments()] {
                let story = pair.clone().faults(faults).run();
                assert_eq!(fates(&story), DELIVERED, "{octets} {pipelining:?}\n{story}");
                assert_eq!(story.stored.len(), 1);
                assert_eq!(story.stored[0].content, CONTENT.as_bytes(), "{story}");
            }
        }
    }
}

#[test]
fn no_letter_is_lost_or_doubled_over_a_bad_network() {
    for seed in 0..SEEDS {
        let octets = usize::try_from(seed % 9 + 1).expect("a small number");
        let pair = Pair::new(seed).letter(letter()).server(server());
        let pair = pair.client(client(octets, Pipelining::Offered)).faults(Faults::all());
        let story = pair.run();
        assert_eq!(pair.check(&story), Ok(()), "{story}");
    }
}

/// RFC 1047: where the network holds octets back until a wait is over, the last chunk may have been taken and its reply be lost. Nobody
/// can know then, and nobody is told otherwise; while no wait is over, everybody is told the truth.
#[test]
fn unknown_is_only_what_the_network_held_back_longer_than_a_wait() {
    let waits = server().limits.window.min(Waits::default().block);
    let (mut in_time, mut unknown_and_stored) = (0, 0);
    for seed in 0..SEEDS {
        let octets = usize::try_from(seed % 9 + 1).expect("a small number");
        let pair = Pair::new(seed).letter(letter()).server(server());
        let pair = pair.client(client(octets, Pipelining::Offered));
        let pair = pair.faults(Faults::none().segments().delays());
        let story = pair.run();
        assert_eq!(pair.check(&story), Ok(()), "{story}");
        if story.took < waits {
            assert_eq!(fates(&story), DELIVERED, "{story}");
            in_time += 1;
        }
        let unknown = fates(&story).contains(&Some(Fate::Unknown));
        unknown_and_stored += usize::from(unknown && story.stored.len() == 1);
    }
    assert!(in_time > 1_000 && unknown_and_stored > 10, "{in_time}, {unknown_and_stored}");
}
