//! Brings a session to where a row begins.

use crate::session::Session;
use smtp_proto::client::{Config, Flavour, Tls};
use smtp_proto::data::LineEnds;
use smtp_proto::testing::cases::{Case, Policy, Pre, Word};
use smtp_proto::{MailParams, Mechanism};

/// Everything that a row may need.
const OFFERED: [&str; 11] = [
    "PIPELINING",
    "SIZE 131072",
    "8BITMIME",
    "SMTPUTF8",
    "ENHANCEDSTATUSCODES",
    "DSN",
    "HELP",
    "VRFY",
    "EXPN",
    "STARTTLS",
    "AUTH LOGIN PLAIN SCRAM-SHA-256 OAUTHBEARER XOAUTH2",
];

/// What the server says on the way to a state, beginning with the reply to MAIL.
const ON_THE_WAY: [&str; 3] = ["250 2.1.0 OK\r\n", "250 2.1.5 OK\r\n", "354 Go on\r\n"];

/// A session in the state of a row, its record empty; an error names what is not built.
pub(crate) fn opened(case: &Case<'_>) -> Result<Session, String> {
    let (config, keywords) = settings(case)?;
    let mut session = Session::open(config);
    let outcome = case.expected.words.iter().any(|word| matches!(word, Word::Outcome(_)));
    let letter = outcome && case.pre != Pre::CBody;
    // In a letter that is pipelined nothing waits for one reply alone.
    let alone = letter && matches!(case.pre, Pre::CMail | Pre::CRcpt | Pre::CData);
    let keywords: Vec<_> =
        keywords.into_iter().filter(|keyword| !alone || *keyword != "PIPELINING").collect();
    match case.pre {
        Pre::CGreeting => {}
        Pre::CHello => session.hear(b"220 mx.test ESMTP\r\n"),
        Pre::CStartTls => to_starttls(&mut session, &keywords),
        Pre::CLmtpDot => {
            session.hear(b"220 store.test LMTP\r\n");
            session.hear(ehlo(&keywords).as_bytes());
            session.deliver(&["r@t.test", "s@t.test"]);
            session.hear(b"250 a\r\n250 b\r\n250 c\r\n354 d\r\n");
        }
        Pre::CTls | Pre::CTlsHello | Pre::CAuth | Pre::CAuthOauthbearer | Pre::CAuthXoauth2 => {
            to_starttls(&mut session, &keywords);
            session.hear(b"220 2.0.0 Go on\r\n");
            session.client.tls_established();
            if case.pre != Pre::CTls {
                session.hello();
            }
            let mechanism = match case.pre {
                Pre::CAuth => "LOGIN",
                Pre::CAuthOauthbearer => "OAUTHBEARER",
                Pre::CAuthXoauth2 => "XOAUTH2",
                _ => "",
            };
            if let Some(mechanism) = Mechanism::new(mechanism) {
                session.hear(ehlo(&keywords).as_bytes());
                session.authenticate(mechanism);
            }
        }
        Pre::CApi
        | Pre::CBody
        | Pre::CMail
        | Pre::CRcpt
        | Pre::CData
        | Pre::CGroup
        | Pre::CDot
        | Pre::CDotQuit => {
            session.hear(b"220 mx.test ESMTP\r\n");
            session.hear(ehlo(&keywords).as_bytes());
            match letter {
                true => to_letter(&mut session, case.pre),
                false => to_command(&mut session, case.pre),
            }
        }
        other => return Err(format!("{} is not built", other.code())),
    }
    session.take_outcome();
    Ok(session)
}

fn to_starttls(session: &mut Session, keywords: &[&str]) {
    session.hear(b"220 mx.test ESMTP\r\n");
    session.hear(ehlo(keywords).as_bytes());
    session.client.start_tls().expect("STARTTLS may come");
    session.settle();
}

fn ehlo(keywords: &[&str]) -> String {
    let (last, others) = keywords.split_last().expect("something is offered");
    let lines: String = others.iter().map(|keyword| format!("250-{keyword}\r\n")).collect();
    format!("250-mx.test\r\n{lines}250 {last}\r\n")
}

fn settings(case: &Case<'_>) -> Result<(Config, Vec<&'static str>), String> {
    let (mut config, mut keywords) = (Config::default(), OFFERED.to_vec());
    if case.class() == "TC" {
        config.tls = Tls::Required;
    }
    if case.pre == Pre::CLmtpDot {
        config.flavour = Flavour::Lmtp;
    }
    for policy in &case.policies {
        match *policy {
            Policy::NormaliseNewlines => config.line_ends = LineEnds::Normalise,
            Policy::Without(name) => {
                keywords.retain(|keyword| keyword.split(' ').next() != Some(name))
            }
            Policy::TlsOpportunistic => config.tls = Tls::Optional,
            other => return Err(format!("{other:?} is not built")),
        }
    }
    Ok((config, keywords))
}

/// A letter on top: how far it is gone follows from what the server said.
fn to_letter(session: &mut Session, pre: Pre) {
    let (to, replies): (&[_], usize) = match pre {
        Pre::CGroup => (&["r@t.test", "s@t.test"], 0),
        Pre::CMail => (&["r@t.test"], 0),
        Pre::CRcpt => (&["r@t.test"], 1),
        Pre::CData => (&["r@t.test"], 2),
        _ => (&["r@t.test"], 3),
    };
    session.deliver(to);
    ON_THE_WAY.iter().take(replies).for_each(|reply| session.hear(reply.as_bytes()));
    quit(session, pre);
}

/// The machine alone.
fn to_command(session: &mut Session, pre: Pre) {
    if pre == Pre::CApi {
        return;
    }
    session.mail(MailParams::default());
    if pre == Pre::CGroup {
        session.rcpt("r@t.test");
        session.rcpt("s@t.test");
        session.client.data().expect("DATA may come");
        return session.settle();
    }
    if pre == Pre::CMail {
        return;
    }
    session.hear(ON_THE_WAY[0].as_bytes());
    session.rcpt("r@t.test");
    if pre == Pre::CRcpt {
        return;
    }
    session.hear(ON_THE_WAY[1].as_bytes());
    session.client.data().expect("DATA may come");
    session.settle();
    match pre {
        Pre::CData => {}
        Pre::CBody => {
            session.produce();
            session.hear(ON_THE_WAY[2].as_bytes());
        }
        _ => {
            session.hear(ON_THE_WAY[2].as_bytes());
            quit(session, pre);
        }
    }
}

fn quit(session: &mut Session, pre: Pre) {
    if pre == Pre::CDotQuit {
        session.client.quit().expect("QUIT may come behind the content");
        session.settle();
    }
}
