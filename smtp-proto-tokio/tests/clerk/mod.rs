//! A handler that writes down what it is asked, and stumbles where it is told to.

#![allow(dead_code, reason = "each test file uses a part of it")]

use core::future::pending;
use core::time::Duration;
use std::panic;
use std::sync::{Arc, Mutex, Once};

use smtp_proto::sasl::Credentials;
use smtp_proto::server::{Config, Opening, Refusal, Summary, Verdict, Why};
use smtp_proto::{Extension, Host, Mail, Rcpt, ReplyBuf, TlsInfo, Verb};
use smtp_proto_tokio::Handler;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::time::timeout;

/// What the handlers of a test were asked, in order.
#[derive(Clone, Debug, Default)]
pub(crate) struct Log(Arc<Mutex<Vec<String>>>);

impl Log {
    pub(crate) fn note(&self, line: impl Into<String>) {
        self.0.lock().expect("no test panics with it").push(line.into());
    }

    /// All that was written down since it was last asked.
    pub(crate) fn lines(&self) -> Vec<String> {
        core::mem::take(&mut self.0.lock().expect("no test panics with it"))
    }
}

/// What goes wrong.
#[derive(Clone, Debug)]
pub(crate) enum Trip {
    Panic,
    Stall,
    Refuse(ReplyBuf),
    /// Accepts with this reply.
    Say(ReplyBuf),
}

/// Accepts all, but for the call where it trips.
#[derive(Clone, Debug, Default)]
pub(crate) struct Clerk {
    pub(crate) log: Log,
    pub(crate) trip: Option<(&'static str, Trip)>,
}

impl Clerk {
    pub(crate) fn that(at: &'static str, trip: Trip) -> Self {
        Self { trip: Some((at, trip)), ..Self::default() }
    }

    async fn step(&self, at: &str, line: impl Into<String>) -> Verdict {
        self.log.note(line);
        match self.trip.clone().filter(|(trip, _)| *trip == at) {
            None => Ok(None),
            Some((_, Trip::Panic)) => panic!("the clerk trips at {at}"),
            Some((_, Trip::Stall)) => pending().await,
            Some((_, Trip::Refuse(reply))) => Err(reply),
            Some((_, Trip::Say(reply))) => Ok(Some(reply)),
        }
    }
}

/// A letter that tells when it is thrown away.
#[derive(Debug)]
pub(crate) struct Letter {
    log: Log,
    octets: usize,
    kept: bool,
}

impl Drop for Letter {
    fn drop(&mut self) {
        if !self.kept {
            self.log.note("thrown away");
        }
    }
}

impl Handler for Clerk {
    type Letter = Letter;

    async fn connect(&mut self) -> Verdict {
        self.step("connect", "connect").await
    }

    async fn tls(&mut self, info: &TlsInfo) {
        let TlsInfo { version, server_name, certificate, .. } = info;
        let name = server_name.as_deref().unwrap_or("nobody");
        let whose = if certificate.is_some() { "a" } else { "no" };
        let _ = self.step("tls", format!("{version} for {name}, {whose} certificate")).await;
    }

    async fn authenticate(&mut self, credentials: &Credentials) -> Verdict {
        self.step("authenticate", format!("{credentials:?}")).await
    }

    async fn hello(&mut self, verb: Verb, name: Host<'_>) -> Verdict {
        self.step("hello", format!("{} {name}", verb.name())).await
    }

    async fn mail(&mut self, mail: &Mail<'_>) -> Verdict {
        self.step("mail", format!("from {}", mail.from)).await
    }

    async fn rcpt(&mut self, rcpt: &Rcpt<'_>) -> Verdict {
        self.step("rcpt", format!("to {}", rcpt.to)).await
    }

    async fn begin(&mut self, opening: Opening) -> Result<Letter, ReplyBuf> {
        let line = format!("begin by {} to {}", opening.protocol, opening.recipients);
        self.step("begin", line).await?;
        Ok(Letter { log: self.log.clone(), octets: 0, kept: false })
    }

    async fn write(&mut self, letter: &mut Letter, octets: &[u8]) -> Result<(), ReplyBuf> {
        letter.octets += octets.len();
        self.step("write", format!("write {}", octets.len())).await.map(drop)
    }

    async fn commit(&mut self, mut letter: Letter, content: Summary) -> Verdict {
        assert_eq!(u64::try_from(letter.octets), Ok(content.octets));
        let verdict = self.step("commit", format!("commit {}", content.octets)).await;
        letter.kept = verdict.is_ok();
        verdict
    }

    async fn recipient(&mut self, nth: u32) -> Verdict {
        self.step(["first", "second", "third"][nth as usize], format!("recipient {nth}")).await
    }

    async fn verify(&mut self, verb: Verb, text: &str) -> Verdict {
        self.step("verify", format!("{} {text}", verb.name())).await
    }

    async fn reset(&mut self) {
        let _ = self.step("reset", "reset").await;
    }

    async fn refused(&mut self, refusal: &Refusal<'_>) {
        let _ = self.step("refused", format!("refused: {}", refusal.why)).await;
    }

    async fn closed(&mut self, why: Why) {
        let _ = self.step("closed", format!("closed: {why}")).await;
    }
}

/// Keeps panics that are meant out of the output.
pub(crate) fn hush() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let hook = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            if !info.to_string().contains("trips") {
                hook(info);
            }
        }));
    });
}

/// Short replies to EHLO.
pub(crate) fn config() -> Config {
    let mut config = Config::new("mx.test").expect("a domain");
    config.offer = smtp_proto::Extensions::none()
        .with(Extension::EnhancedStatusCodes)
        .with(Extension::Pipelining);
    config
}

/// A client that says its lines one by one.
pub(crate) struct Client<S>(pub(crate) S);

impl<S: AsyncRead + AsyncWrite + Unpin> Client<S> {
    /// A whole reply; what came of it where the connection ends.
    pub(crate) async fn reply(&mut self) -> String {
        let (mut reply, mut line) = (Vec::new(), 0);
        let read = async {
            while let Ok(octet) = self.0.read_u8().await {
                reply.push(octet);
                if octet == b'\n' {
                    if reply.get(line + 3) != Some(&b'-') {
                        break;
                    }
                    line = reply.len();
                }
            }
        };
        timeout(Duration::from_secs(1000), read).await.expect("a reply in time");
        String::from_utf8(reply).expect("replies are text")
    }

    pub(crate) async fn write(&mut self, octets: impl AsRef<[u8]>) {
        self.0.write_all(octets.as_ref()).await.expect("the server reads");
    }

    /// Says a line, and returns the reply.
    pub(crate) async fn say(&mut self, line: &str) -> String {
        self.write(format!("{line}\r\n")).await;
        self.reply().await
    }

    /// From the greeting to the 354; the replies.
    pub(crate) async fn begin(&mut self) -> Vec<String> {
        let mut replies = vec![self.reply().await];
        for line in ["EHLO c.test", "MAIL FROM:<alice@c.test>", "RCPT TO:<bob@mx.test>", "DATA"] {
            replies.push(self.say(line).await);
        }
        replies
    }

    /// All that still comes.
    pub(crate) async fn rest(&mut self) -> String {
        let mut rest = String::new();
        let read = self.0.read_to_string(&mut rest);
        timeout(Duration::from_secs(1000), read).await.expect("an end in time").expect("an end");
        rest
    }
}

/// The reply to a letter that is kept.
pub(crate) const TAKEN: &str = "250 2.0.0 Message accepted\r\n";
