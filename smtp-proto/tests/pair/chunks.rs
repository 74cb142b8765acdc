//! Content by BDAT, over the same network.

use super::terse;
use smtp_proto::client::{Config, Pipelining};
use smtp_proto::delivery::Fate;
use smtp_proto::testing::{Faults, Letter, Pair, Story};
use smtp_proto::{Extension, server};

const SEEDS: u64 = 3000;
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
    let expected = [Some(Fate::Delivered), Some(Fate::Permanent), Some(Fate::Delivered)];
    for octets in 1..=CONTENT.len() {
        for pipelining in [Pipelining::Offered, Pipelining::InFlight(60), Pipelining::Never] {
            let pair = Pair::new(octets as u64).letter(letter()).server(server());
            let pair = pair.client(client(octets, pipelining));
            for faults in [Faults::none(), Faults::none().segments()] {
                let story = pair.clone().faults(faults).run();
                assert_eq!(fates(&story), expected, "{octets} {pipelining:?}\n{story}");
                assert_eq!(story.stored.len(), 1);
                assert_eq!(story.stored[0].content, CONTENT.as_bytes(), "{story}");
            }
        }
    }
}

/// Whatever goes wrong: who is told that it was delivered has it once, and who is told that it was not has it not.
#[test]
fn no_letter_is_lost_or_doubled_over_a_bad_network() {
    for seed in 0..SEEDS {
        let octets = usize::try_from(seed % 9 + 1).expect("a small number");
        let pair = Pair::new(seed).letter(letter()).server(server());
        let story = pair.client(client(octets, Pipelining::Offered)).faults(Faults::all()).run();
        let settled = &story.settled[0];
        assert!(settled.len() == 3 || settled.is_empty(), "{seed}\n{story}");
        for stored in &story.stored {
            assert_eq!(stored.content, CONTENT.as_bytes(), "{seed}\n{story}");
        }
        for (recipient, fate) in settled {
            let address = ["b@y.test", "no@y.test", "c@y.test"][*recipient];
            let kept =
                story.stored.iter().filter(|stored| stored.to.iter().any(|to| to == address));
            let expected = match fate {
                Fate::Delivered => 1..=1,
                Fate::Unknown => 0..=1,
                Fate::Transient | Fate::Permanent => 0..=0,
            };
            assert!(expected.contains(&kept.count()), "{seed}: {address} is {fate:?}\n{story}");
        }
    }
}
