//! The command line.

use core::str::FromStr;
use core::time::Duration;
use std::fs;
use std::path::PathBuf;

use clap::{Parser, ValueEnum};
use smtp_proto::data::Newlines;
use smtp_proto::server::{AuthPolicy, Config, Early, StartTls};
use smtp_proto::{Extension, ForwardPath, ForwardPathBuf, Mechanisms, Syntax};
use smtp_proto_tokio::tls::Acceptor;

use crate::door::Kind;
use crate::moment::Moment;
use crate::users::{MECHANISMS, User};

const EXAMPLES: &str = "\
Examples:
  sink
      takes letters on 127.0.0.1:2525 and counts them
  sink --listen 127.0.0.1:0 --store letters
      on a free port, which it prints; every letter becomes letters/NNNNNN.eml and NNNNNN.json
  sink --reject nobody@example.org --defer '*' --delay RCPT=500
      550 for nobody, 451 for everyone else, each after half a second
  sink --max-size 1000000 --no PIPELINING --newlines normalise
      with other limits and policies
  sink --tls-cert cert.pem --tls-key key.pem --user alice:secret --require-auth
      offers STARTTLS, and takes letters of alice alone, who has to say her password in TLS
  sink --lmtp /run/sink.socket --listen-tls 127.0.0.1:2465 --tls-cert cert.pem --tls-key key.pem
      LMTP over a Unix socket, and SMTP that is encrypted from the first octet
  RUST_LOG=trace sink
      shows the dialogue

Ended by SIGINT, SIGTERM or --quit-after, it prints one line:
  messages=N octets=N connections=N refused=N seconds=S
where refused counts the replies of 4yz and 5yz, and seconds go from the first connection to the end
of the last session.

VERB is CONNECT, EHLO, HELO, LHLO, STARTTLS, AUTH, MAIL, RCPT, DATA, BDAT (a chunk that is not the last), BODY
(the reply to the content), RSET, QUIT or EXPN.";

/// An SMTP server that accepts everything, for testing clients.
#[derive(Debug, Parser)]
#[command(name = "sink", after_help = EXAMPLES)]
pub(crate) struct Options {
    /// Listens here; may be given several times [default: 127.0.0.1:2525, where nothing else is listened on]
    #[arg(long, value_name = "ADDR")]
    listen: Vec<String>,
    /// Listens here, encrypted from the first octet
    #[arg(long, value_name = "ADDR", requires = "tls_cert")]
    listen_tls: Option<String>,
    /// Listens here for LMTP; a path is that of a Unix socket
    #[arg(long, value_name = "ADDR")]
    lmtp: Option<String>,
    /// Stores each letter and its envelope in this folder; without it they are counted and dropped
    #[arg(long, value_name = "DIR")]
    pub(crate) store: Option<PathBuf>,
    /// What the server calls itself
    #[arg(long, value_name = "NAME", default_value = "localhost", value_parser = config)]
    hostname: Box<Config>,
    /// The certificate of the server in PEM, those that vouch for it behind it; STARTTLS is offered then
    #[arg(long, value_name = "PEM", requires = "tls_key")]
    tls_cert: Option<PathBuf>,
    /// The private key of the certificate in PEM
    #[arg(long, value_name = "PEM", requires = "tls_cert")]
    tls_key: Option<PathBuf>,
    /// Knows this user, who may authenticate by PLAIN and LOGIN; may be given several times
    #[arg(long, value_name = "NAME:PASSWORD")]
    pub(crate) user: Vec<User>,
    /// Knows the users in this file, NAME:PASSWORD on each line
    #[arg(long, value_name = "FILE")]
    pub(crate) users: Option<PathBuf>,
    /// Serves nothing before TLS
    #[arg(long, requires = "tls_cert")]
    require_tls: bool,
    /// Serves nothing before a user is authenticated
    #[arg(long)]
    require_auth: bool,
    /// Lets users authenticate in the clear, where anyone on the way can read their passwords
    #[arg(long)]
    auth_in_clear: bool,
    /// The largest letter
    #[arg(long, value_name = "OCTETS", default_value_t = 50 * 1024 * 1024)]
    max_size: u64,
    /// What to do with bare CR, bare LF and NUL in a letter
    #[arg(long, value_name = "POLICY", value_enum, default_value_t = OnNewline::Refuse)]
    newlines: OnNewline,
    /// Reads past every deviation from the grammar that has a name
    #[arg(long)]
    lenient_syntax: bool,
    /// What to do with clients that do not wait where they have to
    #[arg(long, value_name = "POLICY", value_enum, default_value_t = OnEarly::Close)]
    early: OnEarly,
    /// Does not offer this extension; may be given several times
    #[arg(long, value_name = "EXTENSION", value_parser = extension)]
    no: Vec<Extension>,
    /// Threads that serve [default: half of the processors, the other half is for the client]
    #[arg(long, value_name = "N", value_parser = workers)]
    pub(crate) workers: Option<usize>,
    /// Exits after so many letters
    #[arg(long, value_name = "N")]
    pub(crate) quit_after: Option<u64>,
    /// Answers 550 5.1.1 to this recipient, `*` for all; may be given several times
    #[arg(long, value_name = "ADDR")]
    pub(crate) reject: Vec<Whom>,
    /// Answers 451 4.2.1 to this recipient, `*` for all; may be given several times
    #[arg(long, value_name = "ADDR")]
    pub(crate) defer: Vec<Whom>,
    /// Refuses every letter once its content has come
    #[arg(long)]
    pub(crate) reject_after_data: bool,
    /// Holds the reply to a verb; may be given several times
    #[arg(long, value_name = "VERB=MS", value_parser = delay)]
    pub(crate) delay: Vec<(Moment, Duration)>,
    /// Drops the connection after the reply to this verb
    #[arg(long, value_name = "VERB")]
    pub(crate) close_after: Option<Moment>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum OnNewline {
    Refuse,
    Normalise,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum OnEarly {
    Close,
    Allow,
}

/// Recipients that an option speaks of.
#[derive(Clone, Debug)]
pub(crate) enum Whom {
    All,
    One(ForwardPathBuf),
}

impl Options {
    /// What clap cannot say: whether the options go together.
    pub(crate) fn check(&self) -> Result<(), &'static str> {
        let known = !self.user.is_empty() || self.users.is_some();
        if known && self.tls_cert.is_none() && !self.auth_in_clear {
            return Err("a user without a certificate needs --auth-in-clear");
        }
        if !known && (self.require_auth || self.auth_in_clear) {
            return Err("there is no user who could authenticate");
        }
        if self.require_auth && self.no.contains(&Extension::Auth) {
            return Err("--require-auth does not go with --no AUTH");
        }
        if self.require_tls && self.no.contains(&Extension::StartTls) {
            return Err("--require-tls does not go with --no STARTTLS");
        }
        // RFC 2033 5.
        if self.lmtp.as_ref().is_some_and(|address| address.ends_with(":25")) {
            return Err("LMTP may not be spoken on port 25");
        }
        Ok(())
    }

    /// What is listened on, and what is spoken there.
    pub(crate) fn doors(&self) -> Vec<(Kind, String)> {
        let mut doors: Vec<_> = self.listen.iter().map(|address| (Kind::Smtp, address)).collect();
        doors.extend(self.listen_tls.iter().map(|address| (Kind::Smtps, address)));
        doors.extend(self.lmtp.iter().map(|address| (Kind::Lmtp, address)));
        if doors.is_empty() {
            return vec![(Kind::Smtp, "127.0.0.1:2525".to_owned())];
        }
        doors.into_iter().map(|(kind, address)| (kind, address.clone())).collect()
    }

    pub(crate) fn acceptor(&self) -> Result<Option<Acceptor>, String> {
        let (Some(cert), Some(key)) = (&self.tls_cert, &self.tls_key) else { return Ok(None) };
        let read = |file: &PathBuf| {
            fs::read(file).map_err(|error| format!("cannot use {}: {error}", file.display()))
        };
        let (chain, secret) = (read(cert)?, read(key)?);
        Acceptor::from_pem(&chain, &secret).map(Some).map_err(|error| {
            format!("cannot use {} with {}: {error}", cert.display(), key.display())
        })
    }

    /// What of the options concerns the core.
    pub(crate) fn config(&self) -> Config {
        let mut config = (*self.hostname).clone();
        config.limits.message = self.max_size;
        config.newlines = match self.newlines {
            OnNewline::Refuse => Newlines::Refuse,
            OnNewline::Normalise => Newlines::Normalise,
        };
        config.early = match self.early {
            OnEarly::Close => Early::Close,
            OnEarly::Allow => Early::Allow,
        };
        if self.lenient_syntax {
            config.syntax = Syntax::ALL
                .iter()
                .fold(config.syntax, |syntax, (_, tolerance)| syntax.with(*tolerance));
        }
        config.offer = config.offer.with(Extension::RequireTls).with(Extension::Limits);
        if self.tls_cert.is_some() {
            let required = if self.require_tls { StartTls::Required } else { StartTls::Offered };
            config.starttls = required;
        }
        if !self.user.is_empty() || self.users.is_some() {
            config.auth.in_tls = Mechanisms::of(MECHANISMS);
            if self.auth_in_clear {
                config.auth.in_clear = Mechanisms::of(MECHANISMS);
            }
            config.auth.required = self.require_auth;
        }
        for extension in &self.no {
            match extension {
                Extension::StartTls => config.starttls = StartTls::Off,
                Extension::Auth => config.auth = AuthPolicy::default(),
                _ => config.offer = config.offer.without(*extension),
            }
        }
        config
    }
}

impl Whom {
    pub(crate) fn includes(&self, recipient: &ForwardPath<'_>) -> bool {
        match self {
            Self::All => true,
            Self::One(path) => path.as_ref() == *recipient,
        }
    }
}

impl FromStr for Whom {
    type Err = smtp_proto::ParseError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text == "*" { Ok(Self::All) } else { text.parse().map(Self::One) }
    }
}

fn config(hostname: &str) -> Result<Box<Config>, smtp_proto::ParseError> {
    Config::new(hostname).map(Box::new)
}

fn extension(keyword: &str) -> Result<Extension, String> {
    let known = || Extension::all().map(Extension::keyword).collect::<Vec<_>>().join(", ");
    Extension::parse(keyword).ok_or_else(|| format!("the known extensions are {}", known()))
}

fn workers(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(0) | Err(_) => Err("expected a number from 1 on".to_owned()),
        Ok(workers) => Ok(workers),
    }
}

fn delay(text: &str) -> Result<(Moment, Duration), String> {
    let (verb, milliseconds) = text.split_once('=').ok_or("expected VERB=MILLISECONDS")?;
    let milliseconds =
        milliseconds.parse().map_err(|_| "expected a number of milliseconds behind the \"=\"")?;
    Ok((verb.parse()?, Duration::from_millis(milliseconds)))
}
