//! Sessions by seed: letters, recipients, and the configurations of both machines.

use smtp_proto::delivery::Fate;
use smtp_proto::testing::{Letter, Pair, Story};
use smtp_proto::{Extension, client, server};
use std::collections::BTreeMap;

/// What is sent in a run, and between what machines.
pub(crate) struct Plan {
    seed: u64,
    letters: Vec<Letter>,
    server: server::Config,
    client: client::Config,
}

impl Plan {
    pub(crate) fn of(seed: u64) -> Self {
        let mut random = Random(seed ^ 0x5eed);
        let letters: Vec<Letter> = (0..=random.below(3)).map(|n| letter(n, &mut random)).collect();
        let mut server = server::Config::new("mx.test").expect("a domain");
        if random.below(3) == 0 {
            server.limits.recipients = 1 + random.below(3) as u32;
        }
        if random.below(8) == 0 {
            server.limits.message = 300;
        }
        if random.below(4) == 0 {
            server.offer = server.offer.without(Extension::Pipelining);
        }
        if random.below(4) == 0 {
            server.offer = server.offer.without(Extension::Size);
        }
        if random.below(8) == 0 {
            server.limits.replies = 1 + random.below(100) as usize;
            server.limits.answers_owed = 1 + random.below(4) as usize;
        }
        let mut client = client::Config::default();
        client.pipelining = match random.below(6) {
            0 => client::Pipelining::Never,
            1 => client::Pipelining::InFlight(40 + random.below(200) as usize),
            _ => client::Pipelining::Offered,
        };
        if random.below(4) == 0 {
            client.queue.commands = 100;
            client.queue.content = 1 + random.below(50) as usize;
        }
        Self { seed, letters, server, client }
    }

    pub(crate) fn pair(&self) -> Pair {
        let pair = Pair::new(self.seed).server(self.server.clone()).client(self.client.clone());
        self.letters.iter().cloned().fold(pair, Pair::letter)
    }
}

/// The addresses of all letters are different, so that what is on the wire tells whose it is.
fn letter(n: u64, random: &mut Random) -> Letter {
    let recipient = |(place, random): (u64, &mut Random)| {
        let local_part = ["b", "b", "b", "no", "later"][random.below(5) as usize];
        format!("{local_part}@y{place}.test")
    };
    let recipients = 1 + random.below(6);
    let to: Vec<String> = (0..recipients).map(|place| recipient((place, random))).collect();
    let verdict = ["Verdict: 554\r\n", "Verdict: 451\r\n", "", "", "", "", "", ""];
    let mut content = verdict[random.below(8) as usize].to_owned();
    for _ in 0..random.below(12) {
        content.push_str(
            [
                "\r\n",
                ".\r\n",
                "..\r\n",
                "x",
                ".x\r\n",
                "Subject: t\r\n",
                "é\r\n",
                "more and more\r\n",
            ][random.below(8) as usize],
        );
    }
    if random.below(10) == 0 {
        content.push_str(&"a line of many\r\n".repeat(random.below(500) as usize));
    }
    Letter::new(&format!("a{n}@x.test"), to.iter().map(String::as_str), content).expect("addresses")
}

/// How often what happened, so that a campaign that tries nothing is noticed.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    fates: BTreeMap<String, usize>,
    client: BTreeMap<String, usize>,
    server: BTreeMap<String, usize>,
    stored: usize,
    unknown_and_stored: usize,
}

impl Tally {
    pub(crate) fn count(&mut self, story: &Story) {
        for (_, fate) in story.settled.iter().flatten() {
            *self.fates.entry(format!("{fate:?}")).or_default() += 1;
        }
        for (ends, seen) in [(&mut self.client, &story.client), (&mut self.server, &story.server)] {
            *ends.entry(seen.ended.clone().unwrap_or_default()).or_default() += 1;
        }
        self.stored += story.stored.len();
        let unknown = story.settled.iter().flatten().any(|(_, fate)| *fate == Fate::Unknown);
        self.unknown_and_stored += usize::from(unknown && !story.stored.is_empty());
    }

    /// Every fate came up, and every end that a session can have.
    pub(crate) fn is_varied(&self) -> bool {
        let often =
            |counts: &BTreeMap<String, usize>| counts.values().filter(|&&count| count > 3).count();
        often(&self.fates) == 4
            && often(&self.client) == 3
            && often(&self.server) >= 4
            && self.unknown_and_stored > 3
    }
}

/// SplitMix64.
struct Random(u64);

impl Random {
    fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % end
    }
}
