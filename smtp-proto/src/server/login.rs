//! The exchange of AUTH, for drivers that serve a program by calls instead of handing it events.

use alloc::boxed::Box;
use core::fmt;

use super::{Pending, ReplyError, Server, Verdict, kind};
use crate::sasl::{Credentials, Exchange, Secret, Step};
use crate::{Base64, Code, stock};

/// An exchange that is going on, and what it comes to: credentials that somebody has to check.
///
/// ```
/// use smtp_proto::sasl::{self, Credentials};
/// use smtp_proto::server::{Event, Login, Server};
/// use smtp_proto::stock;
///
/// fn hear(event: Event<'_>, login: &mut Login, server: &mut Server) {
///     let asked = match event {
///         Event::Auth { mechanism, initial, pending } => {
///             login.begin(sasl::exchange(mechanism), initial, pending, server)
///         }
///         Event::AuthLine { data, pending } => login.go_on(data, pending, server),
///         Event::AuthCancelled => return login.cancel(),
///         other => return server.decline(other),
///     };
///     if let Some((credentials, pending)) = asked {
///         let verdict = match credentials {
///             Credentials::Plain { authcid, password, .. } if authcid == "tim" && password.matches(b"tanstaaf") => Ok(None),
///             _ => Err(stock::BAD_CREDENTIALS),
///         };
///         login.decide(verdict, pending, server).expect("it is in time");
///     }
/// }
/// ```
#[derive(Default)]
pub struct Login {
    exchange: Option<Box<dyn Exchange>>,
}

/// Credentials to be checked, and the answer that is owed meanwhile: for [`Login::decide`].
type Asked = Option<(Credentials, Pending<kind::Auth>)>;

impl Login {
    /// No exchange.
    #[must_use]
    pub const fn new() -> Self {
        Self { exchange: None }
    }

    /// AUTH: `exchange` is the server's side of the mechanism, 504 where there is none. What it says is said; credentials that come out
    /// of it are to be checked.
    pub fn begin(
        &mut self,
        exchange: Option<Box<dyn Exchange>>,
        initial: Option<Base64<'_>>,
        pending: Pending<kind::Auth>,
        server: &mut Server,
    ) -> Asked {
        self.exchange = exchange;
        self.step(initial.map(Secret::from), pending, server)
    }

    /// The response to a challenge.
    pub fn go_on(
        &mut self,
        data: Base64<'_>,
        pending: Pending<kind::Auth>,
        server: &mut Server,
    ) -> Asked {
        self.step(Some(data.into()), pending, server)
    }

    /// The client gave it up.
    pub fn cancel(&mut self) {
        self.exchange = None;
    }

    /// Takes or refuses the credentials. A refusal of 5yz counts as a failed attempt; 4yz says nothing about them.
    ///
    /// # Errors
    ///
    /// As [`Server::decide`].
    pub fn decide(
        &mut self,
        verdict: Verdict,
        pending: Pending<kind::Auth>,
        server: &mut Server,
    ) -> Result<(), ReplyError> {
        let verdict = match verdict {
            Ok(None) => {
                self.exchange = None;
                return server.authenticated(pending);
            }
            Ok(Some(reply)) => Ok(reply),
            // Some mechanisms say it in a challenge, and the refusal stands behind the response to that (RFC 7628 3.2.3).
            Err(reply) if reply.as_ref().code() == Code::CREDENTIALS_INVALID => {
                if let Some(Step::Challenge(data)) = self.exchange.as_mut().map(|it| it.refuse()) {
                    return server.refuse_by_challenge(pending, &data);
                }
                Err(reply)
            }
            Err(reply) => Err(reply),
        };
        self.exchange = None;
        server.decide_by(pending, verdict)
    }

    fn step(
        &mut self,
        response: Option<Secret>,
        pending: Pending<kind::Auth>,
        server: &mut Server,
    ) -> Asked {
        let Some(exchange) = &mut self.exchange else {
            // It may be late; there is nobody who wants to know.
            let _ = server.reply(pending, &stock::UNKNOWN_MECHANISM.as_ref());
            return None;
        };
        let step = exchange.step(response.as_ref().map(Secret::as_bytes));
        self.answer(step, pending, server)
    }

    fn answer(&mut self, step: Step, pending: Pending<kind::Auth>, server: &mut Server) -> Asked {
        let (end, reply) = match step {
            Step::Check(credentials) => return Some((credentials, pending)),
            Step::Challenge(data) => (false, server.challenge(pending, &data)),
            Step::Authenticated => (true, server.authenticated(pending)),
            Step::Refused => (true, server.reply(pending, &stock::BAD_CREDENTIALS.as_ref())),
            Step::Malformed => (true, server.reply(pending, &stock::NO_INITIAL_RESPONSE.as_ref())),
        };
        // An answer that is not wanted any more ends the exchange too.
        if end || reply.is_err() {
            self.exchange = None;
        }
        None
    }
}

impl fmt::Debug for Login {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Login").field("going_on", &self.exchange.is_some()).finish()
    }
}

#[cfg(test)]
mod tests {
    use alloc::string::String;
    use alloc::sync::Arc;
    use alloc::vec::Vec;

    use super::*;
    use crate::sasl;
    use crate::server::{Config, Event};
    use crate::{Condition, Mechanisms, ReplyBuf};

    /// What is said to these lines; who is `tim` is checked against `verdict`.
    fn replies(lines: &[&str], verdict: &Verdict) -> Vec<String> {
        let mut config = Config::new("mx.test").unwrap();
        config.auth.in_clear = Mechanisms::of(["PLAIN", "LOGIN", "OAUTHBEARER", "X-ODD"]);
        let (mut server, mut login) = (Server::new(Arc::new(config)), Login::new());
        let mut replies = Vec::new();
        for line in ["", "EHLO c.test\r\n"].iter().chain(lines) {
            server.sent(usize::MAX);
            let mut input = line.as_bytes();
            while let Some(event) = server.next(&mut input) {
                let asked = match event {
                    Event::Auth { mechanism, initial, pending } => {
                        login.begin(sasl::exchange(mechanism), initial, pending, &mut server)
                    }
                    Event::AuthLine { data, pending } => login.go_on(data, pending, &mut server),
                    Event::AuthCancelled => {
                        login.cancel();
                        None
                    }
                    other => {
                        server.decline(other);
                        None
                    }
                };
                if let Some((_, pending)) = asked {
                    let _ = login.decide(verdict.clone(), pending, &mut server);
                }
            }
            replies.push(String::from_utf8_lossy(server.outgoing()).trim_end().into());
        }
        replies.split_off(2)
    }

    const PLAIN: &str = "AUTH PLAIN AHRpbQB0YW5zdGFhZg==\r\n";

    #[test]
    fn verdict_on_credentials_is_the_reply() {
        let success = Condition::OTHER_SECURITY_STATUS.success();
        let odd = ReplyBuf::from_static(Code::AUTHENTICATED, success, "Welcome");
        for (verdict, reply) in [
            (Ok(None), "235 2.7.0 Authentication succeeded"),
            (Ok(Some(odd)), "235 2.7.0 Welcome"),
            (Err(stock::BAD_CREDENTIALS), "535 5.7.8 Authentication failed"),
            (Err(stock::NO_SECURITY_NOW), "454 4.7.0 Not available now"),
            (Ok(Some(stock::BAD_CREDENTIALS)), "451 4.3.0 Local error in processing"),
        ] {
            assert_eq!(replies(&[PLAIN], &verdict), [reply]);
        }
    }

    #[test]
    fn exchange_goes_on_over_challenges() {
        let login = ["AUTH LOGIN\r\n", "dGlt\r\n", "dGFuc3RhYWY=\r\n"];
        let expected =
            ["334 VXNlcm5hbWU6", "334 UGFzc3dvcmQ6", "235 2.7.0 Authentication succeeded"];
        assert_eq!(replies(&login, &Ok(None)), expected);
        assert_eq!(
            replies(&["AUTH LOGIN\r\n", "*\r\n", PLAIN], &Ok(None))[1..],
            ["501 5.7.0 Authentication cancelled", "235 2.7.0 Authentication succeeded"]
        );
    }

    #[test]
    fn refused_token_is_told_why_and_then_refused() {
        let said = ["AUTH OAUTHBEARER bixhPXRpbSwBYXV0aD1CZWFyZXIgeAEB\r\n", "AQ==\r\n"];
        let replies = replies(&said, &Err(stock::BAD_CREDENTIALS));
        assert!(replies[0].starts_with("334 ey"), "{replies:?}");
        assert_eq!(replies[1], "535 5.7.8 Authentication failed");
    }

    #[test]
    fn cancelling_behind_the_refusal_is_a_failed_attempt() {
        let guess = ["AUTH OAUTHBEARER bixhPXRpbSwBYXV0aD1CZWFyZXIgeAEB\r\n", "*\r\n"];
        let said = [&guess[..], &guess, &guess, &guess[..1]].concat();
        let replies = replies(&said, &Err(stock::BAD_CREDENTIALS));
        assert_eq!(replies[5], "501 5.7.0 Authentication cancelled");
        assert_eq!(replies[6], "421 4.7.0 Too many failed attempts");
    }

    #[test]
    fn mechanism_that_nobody_has_plugged_in_is_504() {
        assert_eq!(replies(&["AUTH X-ODD\r\n"], &Ok(None)), ["504 5.5.4 Unknown mechanism"]);
    }
}
