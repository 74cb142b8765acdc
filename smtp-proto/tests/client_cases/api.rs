//! What a caller may ask our client to say.

use crate::session::Session;
use crate::state::opened;
use smtp_proto::client::{Misuse, Sent};
use smtp_proto::sasl::{self, Credentials};
use smtp_proto::testing::cases::{Case, Steps, Word};
use smtp_proto::{
    Command, Extension, ForwardPath, Host, Mail, MailParamsBuf, Mailbox, Mechanism, Rcpt,
    RcptParamsBuf, ReversePath,
};

/// Why a call writes nothing.
#[derive(Debug, PartialEq, Eq)]
enum Refused {
    /// The value cannot be built, or expressed at all.
    Value,
    Call(Misuse),
}

/// A row of the class CI that is a call with its argument.
pub(crate) fn judge(case: &Case<'_>, steps: &Steps) -> Result<(), String> {
    let octets = steps.to_vec();
    let colon = octets.iter().position(|octet| *octet == b':').ok_or("no call")?;
    let (call, argument) = (&octets[..colon], &octets[colon + 1..]);
    let call = core::str::from_utf8(call).map_err(|error| error.to_string())?;
    let mut session = opened(case)?;
    if matches!(call, "rcpt" | "orcpt") {
        transaction(&mut session);
    }
    let called = make(&mut session, call, argument)?;
    session.settle();
    let written = &session.outcome.written;
    for word in &case.expected.words {
        let holds = match word {
            Word::Misuse(name) => {
                is_misuse(name, &called) && written.is_empty() && session.client.is_idle()
            }
            // Of the initial response, before base64.
            Word::Starts(steps) => {
                let line = written.strip_suffix(b"\r\n").unwrap_or_default();
                matches!(Command::parse(line), Ok(Command::Auth(auth))
                    if auth.initial.is_some_and(|initial| initial.decode().starts_with(&steps.to_vec())))
            }
            Word::Written(steps) => called.is_ok() && *written == steps.to_vec(),
            other => return Err(format!("{other:?} is not built")),
        };
        if !holds {
            return Err(format!(
                "{word:?} does not hold: {called:?}, \"{}\"",
                written.escape_ascii()
            ));
        }
    }
    Ok(())
}

/// MAIL was accepted, with SMTPUTF8 where that can be.
fn transaction(session: &mut Session) {
    let offered = session.client.extensions().is_some_and(|all| all.contains(Extension::SmtpUtf8));
    let params: MailParamsBuf = if offered { "SMTPUTF8" } else { "" }.parse().expect("parameters");
    session.mail(params.as_ref());
    session.hear(b"250 2.1.0 OK\r\n");
    session.take_outcome();
}

fn is_misuse(name: &str, called: &Result<Sent, Refused>) -> bool {
    match called {
        Ok(_) => false,
        Err(Refused::Value) => name == "Invalid",
        Err(Refused::Call(Misuse::Invalid)) => name == "Invalid",
        Err(Refused::Call(Misuse::NotOffered)) => name == "NotOffered",
        Err(Refused::Call(_)) => false,
    }
}

/// Makes the call, with whatever values it takes built from the argument as a program would build them.
fn make(
    session: &mut Session,
    call: &str,
    argument: &[u8],
) -> Result<Result<Sent, Refused>, String> {
    let client = &mut session.client;
    // Text in the API is UTF-8.
    let text = core::str::from_utf8(argument).ok();
    let called = match call {
        "hello" => {
            value(Host::parse(argument)).and_then(|name| client.hello(name).map_err(Refused::Call))
        }
        "mail" => value(Mailbox::parse(argument)).and_then(|from| {
            let params = MailParamsBuf::new();
            let mail = Mail { from: ReversePath::Mailbox(from), params: params.as_ref() };
            client.mail(&mail).map_err(Refused::Call)
        }),
        "rcpt" => value(Mailbox::parse(argument)).and_then(|to| {
            let params = RcptParamsBuf::new();
            let rcpt = Rcpt { to: ForwardPath::Mailbox(to), params: params.as_ref() };
            client.rcpt(&rcpt).map_err(Refused::Call)
        }),
        "size" | "envid" | "param" => mail_param(call, text).and_then(|params| {
            let mail = Mail { from: ReversePath::Null, params: params.as_ref() };
            client.mail(&mail).map_err(Refused::Call)
        }),
        "orcpt" => text.ok_or(Refused::Value).and_then(|text| {
            let params = value(RcptParamsBuf::new().with("ORCPT", Some(text)))?;
            let to = ForwardPath::Mailbox(Mailbox::parse(b"r@t.test").map_err(|_| Refused::Value)?);
            client.rcpt(&Rcpt { to, params: params.as_ref() }).map_err(Refused::Call)
        }),
        "noop" => match text {
            Some("") => client.noop().map_err(Refused::Call),
            // NOOP takes no text in the API.
            _ => Err(Refused::Value),
        },
        "verify" => with_text(text, |text| client.verify(text)),
        "expand" => with_text(text, |text| client.expand(text)),
        "help" => with_text(text, |text| client.help(text)),
        "plain-user" => {
            credentials(session, "PLAIN", text.map(|user| Credentials::plain(user, "x")))
        }
        "xoauth2-user" => {
            credentials(session, "XOAUTH2", text.map(|user| Credentials::bearer(user, "x")))
        }
        "oauthbearer-authzid" => {
            credentials(session, "OAUTHBEARER", text.map(|user| Credentials::bearer(user, "x")))
        }
        "raw" => with_text(text, |text| client.custom(text)),
        other => return Err(format!("the call {other} is not built")),
    };
    Ok(called)
}

/// AUTH with these credentials, in TLS: in the clear it would be refused before anything is built.
fn credentials(
    session: &mut Session,
    mechanism: &str,
    credentials: Option<Credentials>,
) -> Result<Sent, Refused> {
    let mechanism = Mechanism::new(mechanism).ok_or(Refused::Value)?;
    let credentials = credentials.ok_or(Refused::Value)?;
    let mut initiator = value(sasl::initiator(mechanism, &credentials))?;
    let initial = initiator.initial();
    session.client.start_tls().map_err(Refused::Call)?;
    session.settle();
    session.hear(b"220 go\r\n");
    session.client.tls_established();
    session.hello();
    session.hear(b"250-mx.test\r\n250 AUTH OAUTHBEARER\r\n");
    session.take_outcome();
    let initial = initial.as_ref().map(|secret| secret.as_bytes());
    session.client.auth(mechanism, initial).map_err(Refused::Call)
}

fn value<T, E>(value: Result<T, E>) -> Result<T, Refused> {
    value.map_err(|_| Refused::Value)
}

fn with_text(
    text: Option<&str>,
    call: impl FnOnce(&str) -> Result<Sent, Misuse>,
) -> Result<Sent, Refused> {
    text.ok_or(Refused::Value).and_then(|text| call(text).map_err(Refused::Call))
}

fn mail_param(call: &str, text: Option<&str>) -> Result<MailParamsBuf, Refused> {
    let text = text.ok_or(Refused::Value)?;
    let (keyword, argument) = match call {
        "size" => ("SIZE", Some(text)),
        "envid" => ("ENVID", Some(text)),
        _ => text
            .split_once('=')
            .map_or((text, None), |(keyword, argument)| (keyword, Some(argument))),
    };
    value(MailParamsBuf::new().with(keyword, argument))
}

/// RFC 5321 2.4, RFC 6531 3.7.1: nothing but US-ASCII in EHLO and in queries, whatever the server offers.
#[test]
fn what_is_not_us_ascii_is_not_said_outside_of_addresses() {
    for call in ["hello", "verify", "expand", "help", "raw"] {
        let row = format!("X-1\tC-api\t{call}:\\xc3\\xa9.test\t-\t-\t-\t-\t-\tmisuse:Invalid\t-");
        let case = Case::parse(&row, 1).expect("a row");
        assert_eq!(crate::verdict::judge(&case), Ok(()), "{call}");
    }
}
