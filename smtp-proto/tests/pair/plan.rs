//! Sessions by seed: letters, recipients, and the configurations of both machines.

use smtp_proto::client::Tls;
use smtp_proto::delivery::Fate;
use smtp_proto::sasl::Credentials;
use smtp_proto::server::StartTls;
use smtp_proto::testing::{Letter, Pair, Story};
use smtp_proto::{Extension, Mechanisms, client, server};
use std::collections::BTreeMap;

/// How a letter goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Flavour {
    Clear,
    StartTls,
    /// STARTTLS and AUTH.
    Submission,
    /// Into a mail store.
    Lmtp,
}

const FLAVOURS: [Flavour; 4] =
    [Flavour::Clear, Flavour::StartTls, Flavour::Submission, Flavour::Lmtp];

/// What is sent in a run, and between what machines.
pub(crate) struct Plan {
    seed: u64,
    flavour: Flavour,
    letters: Vec<Letter>,
    server: server::Config,
    client: client::Config,
    credentials: Option<Credentials>,
}

impl Plan {
    pub(crate) fn of(seed: u64) -> Self {
        let mut plan = Self::of_transfer(seed);
        let mut random = Random(seed ^ 0xf1a7);
        plan.flavour = random.pick(&FLAVOURS);
        match plan.flavour {
            Flavour::Clear => {}
            Flavour::StartTls => plan.offer_tls(&mut random),
            Flavour::Submission => plan.submit(&mut random),
            Flavour::Lmtp => {
                plan.server.flavour = server::Flavour::Lmtp;
                plan.client.flavour = client::Flavour::Lmtp;
            }
        }
        plan
    }

    fn offer_tls(&mut self, random: &mut Random) {
        self.server.starttls = random.pick(&[StartTls::Offered, StartTls::Required]);
        self.client.tls = random.pick(&[Tls::Optional, Tls::Required]);
    }

    fn submit(&mut self, random: &mut Random) {
        self.offer_tls(random);
        self.server.flavour = server::Flavour::Submission;
        self.server.auth.required = true;
        self.server.auth.in_tls = Mechanisms::of([random.pick(&["PLAIN", "LOGIN"])]);
        let password = random.pick(&["tanstaaf", "tanstaaf", "tanstaaf", "guess"]);
        self.credentials = Some(Credentials::plain("tim", password));
    }

    fn of_transfer(seed: u64) -> Self {
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
        let flavour = Flavour::Clear;
        Self { seed, flavour, letters, server, client, credentials: None }
    }

    pub(crate) fn pair(&self) -> Pair {
        let pair = Pair::new(self.seed).server(self.server.clone()).client(self.client.clone());
        let pair = self.letters.iter().cloned().fold(pair, Pair::letter);
        match &self.credentials {
            Some(credentials) => pair.credentials(credentials.clone()),
            None => pair,
        }
    }
}

/// The addresses of all letters are different, so that what is on the wire tells whose it is.
fn letter(n: u64, random: &mut Random) -> Letter {
    let recipient = |(place, random): (u64, &mut Random)| {
        let local_part = random.pick(&["b", "b", "b", "no", "later", "full"]);
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
    let letter = Letter::new(&format!("a{n}@x.test"), to.iter().map(String::as_str), content)
        .expect("addresses");
    // Thousands of chunks of an octet would be a long run.
    let chunks = random.below(4) == 0 && letter.content().len() < 1_000;
    if chunks { letter.in_chunks() } else { letter }
}

/// How often what happened, so that a campaign that tries nothing is noticed.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    fates: BTreeMap<String, usize>,
    client: BTreeMap<String, usize>,
    server: BTreeMap<String, usize>,
    stored: usize,
    unknown_and_stored: usize,
    /// Sessions in which something was stored.
    delivered: BTreeMap<Flavour, usize>,
    authenticated: usize,
    refused: usize,
}

impl Tally {
    pub(crate) fn count(&mut self, plan: &Plan, story: &Story) {
        let heard = |code: &[u8]| story.client.read.windows(4).any(|octets| octets == code);
        self.authenticated += usize::from(heard(b"235 "));
        self.refused += usize::from(heard(b"535 "));
        if !story.stored.is_empty() {
            *self.delivered.entry(plan.flavour).or_default() += 1;
        }
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
            && often(&self.client) == 7
            && often(&self.server) >= 8
            && self.delivered.len() == 4
            && self.delivered.values().all(|&sessions| sessions > 100)
            && self.authenticated > 100
            && self.refused > 10
            && self.unknown_and_stored > 3
    }
}

/// SplitMix64.
struct Random(u64);

impl Random {
    fn pick<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[self.below(choices.len() as u64) as usize]
    }

    fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % end
    }
}
