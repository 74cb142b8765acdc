//! AUTH of a server: who is asked, who is believed, and what a mechanism may do that is plugged in.

mod clerk;

use std::sync::Arc;

use clerk::{Clerk, Client, Trip, config, hush};
use smtp_proto::sasl::{Exchange, Step};
use smtp_proto::server::{Config, Opening, Summary, Verdict};
use smtp_proto::{Mechanism, Mechanisms, ReplyBuf, stock};
use smtp_proto_tokio::{Handler, Session, serve};
use tokio::io::{DuplexStream, duplex};

/// `tim` and `tanstaaf`.
const PLAIN: &str = "AUTH PLAIN AHRpbQB0YW5zdGFhZg==";
const WELCOME: &str = "235 2.7.0 Authentication succeeded\r\n";
const REFUSED: &str = "535 5.7.8 Authentication failed\r\n";

fn with_auth() -> Config {
    let mut config = config();
    config.auth.in_clear = Mechanisms::of(["PLAIN", "LOGIN", "X-ECHO"]);
    config.auth.required = true;
    config
}

/// A client that has said EHLO.
async fn start(handler: impl Handler) -> Client<DuplexStream> {
    let (client, stream) = duplex(4096);
    tokio::spawn(serve(Session::new(stream, Arc::new(with_auth())), handler));
    let mut client = Client(client);
    client.reply().await;
    client.say("EHLO c.test").await;
    client
}

#[tokio::test]
async fn credentials_are_the_handlers_to_check_and_shown_to_nobody() {
    let clerk = Clerk::default();
    let log = clerk.log.clone();
    let mut client = start(clerk).await;
    assert_eq!(client.say("MAIL FROM:<>").await, "530 5.7.0 Authentication required\r\n");
    assert_eq!(client.say(PLAIN).await, WELCOME);
    client.say("MAIL FROM:<>").await;
    client.say("RCPT TO:<bob@mx.test>").await;
    client.say("DATA").await;
    let expected = [
        "connect",
        "EHLO c.test",
        "refused: authentication required",
        r#"Plain { authzid: None, authcid: "tim", password: Secret(<redacted>) }"#,
        "from ",
        "to bob@mx.test",
        "begin by ESMTPA to 1",
    ];
    assert_eq!(log.lines(), expected);
}

#[tokio::test]
async fn exchange_may_be_cancelled_and_begun_anew() {
    let mut client = start(Clerk::default()).await;
    assert_eq!(client.say("AUTH LOGIN").await, "334 VXNlcm5hbWU6\r\n");
    assert_eq!(client.say("*").await, "501 5.7.0 Authentication cancelled\r\n");
    assert_eq!(client.say("AUTH LOGIN dGlt").await, "334 UGFzc3dvcmQ6\r\n");
    assert_eq!(client.say("dGFuc3RhYWY=").await, WELCOME);
}

#[tokio::test]
async fn refusal_leaves_the_client_unknown() {
    for (reply, said) in [
        (stock::BAD_CREDENTIALS, REFUSED),
        (stock::NO_SECURITY_NOW, "454 4.7.0 Not available now\r\n"),
    ] {
        let mut client = start(Clerk::that("authenticate", Trip::Refuse(reply))).await;
        assert_eq!(client.say(PLAIN).await, said);
        assert_eq!(client.say("MAIL FROM:<>").await, "530 5.7.0 Authentication required\r\n");
    }
}

#[tokio::test(start_paused = true)]
async fn directory_that_does_not_answer_lets_nobody_in() {
    hush();
    let mut client = start(Clerk::that("authenticate", Trip::Stall)).await;
    assert_eq!(client.say(PLAIN).await, "451 4.3.0 Local error in processing\r\n");
    assert_eq!(client.say("MAIL FROM:<>").await, "530 5.7.0 Authentication required\r\n");
    let mut client = start(Clerk::that("authenticate", Trip::Panic)).await;
    assert_eq!(client.say(PLAIN).await, "421 4.3.0 Local error, closing\r\n");
}

/// Implements only what it must, and perhaps a mechanism of its own.
struct Nobody {
    trips: bool,
}

/// Asks for a word, and takes it if it comes back.
struct Echo {
    trips: bool,
}

impl Exchange for Echo {
    fn step(&mut self, response: Option<&[u8]>) -> Step {
        assert!(!self.trips, "the mechanism trips");
        match response {
            None => Step::Challenge(b"word".to_vec()),
            Some(b"word") => Step::Authenticated,
            Some(_) => Step::Refused,
        }
    }
}

impl Handler for Nobody {
    type Letter = ();

    fn exchange(&mut self, mechanism: Mechanism<'_>) -> Option<Box<dyn Exchange>> {
        let echo = Echo { trips: self.trips };
        if mechanism.is("X-ECHO") {
            Some(Box::new(echo))
        } else {
            smtp_proto::sasl::exchange(mechanism)
        }
    }

    async fn begin(&mut self, _: Opening) -> Result<(), ReplyBuf> {
        Err(stock::LOCAL_ERROR)
    }

    async fn write(&mut self, (): &mut (), _: &[u8]) -> Result<(), ReplyBuf> {
        Err(stock::LOCAL_ERROR)
    }

    async fn commit(&mut self, (): (), _: Summary) -> Verdict {
        Err(stock::LOCAL_ERROR)
    }
}

#[tokio::test]
async fn by_default_nobody_is_believed() {
    let mut client = start(Nobody { trips: false }).await;
    assert_eq!(client.say(PLAIN).await, REFUSED);
    assert_eq!(client.say("AUTH LOGIN").await, "334 VXNlcm5hbWU6\r\n");
    assert_eq!(client.say("dGlt").await, "334 UGFzc3dvcmQ6\r\n");
    assert_eq!(client.say("dGFuc3RhYWY=").await, REFUSED);
}

#[tokio::test]
async fn mechanism_that_is_plugged_in_proves_it_itself() {
    hush();
    let mut client = start(Nobody { trips: false }).await;
    for (answer, reply) in [("d29y", REFUSED), ("d29yZA==", WELCOME)] {
        assert_eq!(client.say("AUTH X-ECHO").await, "334 d29yZA==\r\n");
        assert_eq!(client.say(answer).await, reply);
    }
    let mut client = start(Nobody { trips: true }).await;
    assert_eq!(client.say("AUTH X-ECHO").await, "421 4.3.0 Local error, closing\r\n");
}
