//! Our client against our server, over a network that a seed makes as bad as networks are.

use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;

use super::End;
use super::faults::Faults;
use super::network::Network;
use super::receiver::Receiver;
use super::rng::Rng;
use super::sender::Sender;
use super::story::Story;
use crate::delivery::{Content, Envelope};
use crate::sasl::Credentials;
use crate::{ParseError, client, server};

/// A run ends after so many steps, finished or not.
const STEPS: usize = 1_000_000;
/// Octets of all commands of a session but RCPT, or of all replies.
const SESSION: usize = 300;
/// Octets of a RCPT, or of a reply.
const LINE: usize = 40;

/// A letter that a [`Pair`] delivers.
///
/// The receiving application takes it, but: recipients of the local part `no` get 550 5.1.1, those of `later` 450 4.2.1, and a content
/// whose first line is `Verdict: 554` or `Verdict: 451` gets that reply. In LMTP those of `full` get 452 4.2.2 behind the content.
///
/// ```
/// use smtp_proto::testing::Letter;
///
/// let letter = Letter::new("", ["postmaster", "later@y.test"], "Verdict: 554\r\n")?;
/// assert_eq!(letter.content(), b"Verdict: 554\r\n");
/// # Ok::<(), smtp_proto::ParseError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Letter {
    from: String,
    to: Vec<String>,
    content: Vec<u8>,
    chunks: bool,
}

impl Letter {
    /// A letter with this envelope, whose addresses are without angle brackets, and this content, dots not doubled.
    ///
    /// # Errors
    ///
    /// The first address that does not parse, and where.
    pub fn new<'a>(
        from: &str,
        to: impl IntoIterator<Item = &'a str>,
        content: impl Into<Vec<u8>>,
    ) -> Result<Self, ParseError> {
        let to: Vec<String> = to.into_iter().map(String::from).collect();
        let _checked = Envelope::new(from, to.iter().map(String::as_str))?;
        Ok(Self { from: String::from(from), to, content: content.into(), chunks: false })
    }

    /// The content, dots not doubled.
    #[must_use]
    pub fn content(&self) -> &[u8] {
        &self.content
    }

    /// The same by BDAT, where the server offers it.
    #[must_use]
    pub fn in_chunks(mut self) -> Self {
        self.chunks = true;
        self
    }

    pub(super) const fn is_in_chunks(&self) -> bool {
        self.chunks
    }

    pub(super) fn envelope(&self) -> Envelope<'_> {
        Envelope::new(&self.from, self.to.iter().map(String::as_str))
            .expect("the addresses were checked")
    }

    pub(super) fn from(&self) -> &str {
        &self.from
    }

    pub(super) fn to(&self) -> &[String] {
        &self.to
    }

    pub(super) const fn recipients(&self) -> usize {
        self.to.len()
    }

    pub(super) fn declared(&self) -> Content {
        let content = match self.content.is_ascii() {
            true => Content::seven_bit(),
            false => Content::eight_bit(),
        };
        content.with_octets(self.content.len() as u64)
    }
}

/// One session of our client with our server, over a network that a seed makes as bad as networks are.
///
/// The client says STARTTLS where it is offered, and in place of a handshake each end says a word; what comes behind goes on in the clear.
///
/// Everything that happens in a run follows from its seed: where writes end, what is late, when the application decides, how the
/// connection ends. A seed that fails fails again. Time is virtual, and only passes where neither end has anything to do.
///
/// ```
/// use smtp_proto::delivery::Fate;
/// use smtp_proto::testing::{Faults, Letter, Pair};
///
/// let letter = Letter::new("a@x.test", ["b@y.test", "no@y.test"], "Subject: hi\r\n\r\n.\r\n")?;
/// let story = Pair::new(42).letter(letter).faults(Faults::none().segments().delays()).run();
/// assert_eq!(story.stored[0].content, b"Subject: hi\r\n\r\n.\r\n");
/// assert_eq!(story.fate(0, 0), Some(Fate::Delivered));
/// assert_eq!(story.fate(0, 1), Some(Fate::Permanent));
/// # Ok::<(), smtp_proto::ParseError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Pair {
    seed: u64,
    letters: Vec<Letter>,
    choices: Vec<u8>,
    faults: Faults,
    server: Arc<server::Config>,
    client: Arc<client::Config>,
    credentials: Option<Credentials>,
}

impl Pair {
    /// A session that carries no letter yet, over a network without faults, between machines as they come.
    ///
    /// # Panics
    ///
    /// Never.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        let server = server::Config::new("mx.test").expect("a domain");
        Self {
            seed,
            letters: Vec::new(),
            choices: Vec::new(),
            faults: Faults::none(),
            server: Arc::new(server),
            client: Arc::new(client::Config::default()),
            credentials: None,
        }
    }

    /// Delivers this letter too, behind those that were given before.
    #[must_use]
    pub fn letter(mut self, letter: Letter) -> Self {
        self.letters.push(letter);
        self
    }

    /// What may go wrong.
    #[must_use]
    pub fn faults(mut self, faults: Faults) -> Self {
        self.faults = faults;
        self
    }

    /// The server's configuration.
    #[must_use]
    pub fn server(mut self, config: server::Config) -> Self {
        self.server = Arc::new(config);
        self
    }

    /// The client's configuration.
    #[must_use]
    pub fn client(mut self, config: client::Config) -> Self {
        self.client = Arc::new(config);
        self
    }

    /// What the client proves itself with. The receiving application knows `tim` alone, whose password is `tanstaaf`.
    ///
    /// ```
    /// use smtp_proto::Mechanisms;
    /// use smtp_proto::sasl::Credentials;
    /// use smtp_proto::server::{Config, StartTls};
    /// use smtp_proto::testing::{Letter, Pair};
    ///
    /// let mut server = Config::submission("mx.test")?;
    /// (server.starttls, server.auth.in_tls) = (StartTls::Required, Mechanisms::of(["PLAIN"]));
    /// let pair = Pair::new(0).server(server).letter(Letter::new("a@x.test", ["b@y.test"], "hi")?);
    /// assert_eq!(pair.clone().credentials(Credentials::plain("tim", "tanstaaf")).run().stored.len(), 1);
    /// assert_eq!(pair.credentials(Credentials::plain("tim", "guess")).run().stored.len(), 0);
    /// # Ok::<(), smtp_proto::ParseError>(())
    /// ```
    #[must_use]
    pub fn credentials(mut self, credentials: Credentials) -> Self {
        self.credentials = Some(credentials);
        self
    }

    /// What is left to the seed is read from these octets, as long as there are any: a fuzzer then sees what they change.
    #[must_use]
    pub fn choices(mut self, octets: impl Into<Vec<u8>>) -> Self {
        self.choices = octets.into();
        self
    }

    /// Plays the session to its end, and tells what happened.
    ///
    /// # Panics
    ///
    /// Never: where an end does not come to its end, [`Seen::ended`](super::Seen::ended) says so.
    #[must_use]
    pub fn run(&self) -> Story {
        let mut rng = Rng::new(self.seed).reading(self.choices.clone());
        let weather = self.faults.weather(&mut rng, |by| self.octets(by));
        let mut network = Network::new(weather.clone(), rng.split());
        let mut receiver = Receiver::new(Arc::clone(&self.server), &weather, rng.split());
        let config = Arc::clone(&self.client);
        let credentials = self.credentials.as_ref();
        let mut sender = Sender::new(config, &self.letters, credentials, weather, rng.split());
        let mut story = Story::new(self.seed, self.letters.len());
        while story.steps < STEPS && !(sender.is_over() && receiver.is_over()) {
            story.steps += 1;
            let first = rng.pick(&[End::Client, End::Server]);
            let progress = [first, first.other()].into_iter().any(|end| match end {
                End::Client => sender.step(&mut network, &mut story),
                End::Server => receiver.step(&mut network, &mut story),
            });
            if !progress && !pass(&mut sender, &mut receiver, &network, &mut story) {
                break;
            }
        }
        receiver.finish(&mut story);
        story
    }

    pub(super) fn letters(&self) -> &[Letter] {
        &self.letters
    }

    /// Whether the client proves itself, and not in vain.
    pub(super) fn is_known(&self) -> bool {
        self.credentials.as_ref().is_some_and(super::desk::knows)
    }

    pub(super) fn server_config(&self) -> &server::Config {
        &self.server
    }

    pub(super) fn client_config(&self) -> &client::Config {
        &self.client
    }

    /// About how many octets an end writes.
    fn octets(&self, by: End) -> usize {
        let lines = |letter: &Letter| (letter.recipients() + 3) * LINE;
        let letter = |letter: &Letter| match by {
            End::Client => lines(letter) + letter.content.len(),
            End::Server => lines(letter),
        };
        SESSION + self.letters.iter().map(letter).sum::<usize>()
    }
}

/// Lets time pass until something happens. Whether anything ever does.
fn pass(
    sender: &mut Sender<'_>,
    receiver: &mut Receiver,
    network: &Network,
    story: &mut Story,
) -> bool {
    let now = story.took;
    let wakes = [network.next_arrival(now), sender.wake(now), receiver.wake(now)];
    let Some(next) = wakes.into_iter().flatten().filter(|&wake| wake > now).min() else {
        return false;
    };
    sender.pass(next - now);
    receiver.pass(next - now);
    story.took = next;
    true
}
