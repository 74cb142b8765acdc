//! The command line.

use core::str::FromStr;
use std::collections::HashMap;
use std::fs;
use std::path::PathBuf;

use clap::{Parser, ValueEnum};
use smtp_proto::data::Newlines;
use smtp_proto::server::{Config, StartTls};
use smtp_proto::{HostBuf, MailboxBuf, Mechanisms, ParseError};
use smtp_proto_tokio::tls::Acceptor;

use crate::address::Address;
use crate::sorter::Sorter;
use crate::users::{MECHANISMS, User, Users};

const EXAMPLES: &str = "\
Examples:
  post-office --demo
      shows a letter on its way from alice to bob, and leaves nothing behind
  post-office
      keeps the mailboxes of postmaster, alice and bob at localhost in ./post-office
  post-office --hostname mx.example.org --mailbox bob@example.org --alias info@example.org=bob@example.org
      takes letters to bob, info and postmaster at example.org
  post-office --listen 127.0.0.1:0 --root /tmp/office --catch-all alice@localhost
      on a free port, which it prints; alice gets what is for nobody else at localhost
  post-office --listen 127.0.0.1:2525 --submission 127.0.0.1:2587 --tls-cert cert.pem --tls-key key.pem --user alice:secret
      takes the letters of alice at the second address, where she says her password in TLS first
  post-office --lmtp /run/post-office.socket
      delivers for a server that has taken letters in already
  RUST_LOG=debug post-office
      tells of each command and what came of it

With the office running, hand it a letter and look at it:
  swaks --server 127.0.0.1:2525 --from alice@localhost --to bob@localhost
  cat post-office/mailboxes/bob@localhost/new/*

The case of an address does not count, nor what stands behind a + in front of the @. Domains are those of
the host, the mailboxes and the aliases; letters to other domains are refused. Letters to the postmaster
of any of them go to postmaster at the host, unless he has a mailbox or an alias of his own.

Files:
  ROOT/mailboxes/ADDRESS/new   letters that nobody has read, in the form of Maildir; the address is in
                               lower case and without quotes, and / and % in it, control characters and
                               a dot at its front are written as %2F, %25, ..
  ROOT/outgoing                reports for senders who have no mailbox here (ID.eml, and its envelope
                               in ID.json): nothing carries them on so far
  ROOT/sorting                 a letter to several mailboxes, while it is delivered

A sender who asks for it (NOTIFY=SUCCESS) gets a report as soon as his letter is delivered.
Ended by SIGINT or SIGTERM it finishes the letters that are coming in, for 3 seconds at most.";

/// A small mail server: it takes letters in, keeps them safe, matches the address, delivers, and tells the sender.
#[derive(Debug, Parser)]
#[command(name = "post-office", after_help = EXAMPLES)]
pub(crate) struct Options {
    /// Listens here; may be given several times [default: 127.0.0.1:2525, where nothing else is listened on]
    #[arg(long, value_name = "ADDR")]
    listen: Vec<String>,
    /// Listens here for the letters of users, who authenticate in TLS first
    #[arg(long, value_name = "ADDR", requires = "tls_cert")]
    submission: Option<String>,
    /// The same, encrypted from the first octet
    #[arg(long, value_name = "ADDR", requires = "tls_cert")]
    listen_tls: Option<String>,
    /// Listens here for LMTP; a path is that of a Unix socket
    #[arg(long, value_name = "ADDR")]
    lmtp: Option<String>,
    /// The certificate of the office in PEM, those that vouch for it behind it; STARTTLS is offered then
    #[arg(long, value_name = "PEM", requires = "tls_key")]
    tls_cert: Option<PathBuf>,
    /// The private key of the certificate in PEM
    #[arg(long, value_name = "PEM", requires = "tls_cert")]
    tls_key: Option<PathBuf>,
    /// Knows this user; may be given several times
    #[arg(long, value_name = "NAME:PASSWORD")]
    user: Vec<User>,
    /// Knows the users in this file, NAME:PASSWORD on each line
    #[arg(long, value_name = "FILE")]
    users: Option<PathBuf>,
    /// Keeps everything in this folder [default: ./post-office]
    #[arg(long, value_name = "DIR")]
    pub(crate) root: Option<PathBuf>,
    /// What the office calls itself
    #[arg(long, value_name = "NAME", default_value = "localhost")]
    pub(crate) hostname: HostBuf,
    /// Keeps a mailbox for this address; may be given several times [default: alice and bob at the host]
    #[arg(long, value_name = "ADDR")]
    mailbox: Vec<MailboxBuf>,
    /// Delivers letters for the first address to the others; may be given several times
    #[arg(long, value_name = "ADDR=ADDR,..")]
    alias: Vec<Alias>,
    /// Keeps a mailbox for this address, into which goes what is for nobody else at our domains
    #[arg(long, value_name = "ADDR")]
    catch_all: Option<MailboxBuf>,
    /// What to do with bare CR, bare LF and NUL in a letter
    #[arg(long, value_name = "POLICY", value_enum, default_value_t = OnNewline::Refuse)]
    newlines: OnNewline,
    /// The largest letter
    #[arg(long, value_name = "OCTETS", default_value_t = 50 * 1024 * 1024)]
    max_size: u64,
    /// Shows how it works, on a free port and in a temporary folder
    #[arg(long, conflicts_with_all = ["mailbox", "alias", "catch_all", "submission", "listen_tls", "lmtp"])]
    pub(crate) demo: bool,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum OnNewline {
    Refuse,
    Normalise,
}

#[derive(Clone, Debug)]
struct Alias {
    name: Address,
    targets: Vec<Address>,
}

/// What is spoken at an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Smtp,
    Submission,
    /// Submission in TLS from the first octet.
    Smtps,
    Lmtp,
}

impl Kind {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Smtp => "smtp",
            Self::Submission => "submission",
            Self::Smtps => "smtps",
            Self::Lmtp => "lmtp",
        }
    }
}

impl Options {
    /// What clap cannot say: whether the options go together.
    pub(crate) fn check(&self) -> Result<(), &'static str> {
        let known = !self.user.is_empty() || self.users.is_some();
        if known && self.tls_cert.is_none() {
            return Err("users authenticate in TLS only, and there is no certificate");
        }
        if !known && (self.submission.is_some() || self.listen_tls.is_some()) {
            return Err("there is no user who could submit letters");
        }
        // RFC 2033 5.
        if self.lmtp.as_ref().is_some_and(|address| address.ends_with(":25")) {
            return Err("LMTP may not be spoken on port 25");
        }
        Ok(())
    }

    /// What is listened on, and what is spoken there.
    pub(crate) fn doors(&self, unless_told: &str) -> Vec<(Kind, Vec<String>)> {
        let one = |address: &Option<String>| address.iter().cloned().collect::<Vec<_>>();
        let mut doors = vec![
            (Kind::Smtp, self.listen.clone()),
            (Kind::Submission, one(&self.submission)),
            (Kind::Smtps, one(&self.listen_tls)),
            (Kind::Lmtp, one(&self.lmtp)),
        ];
        doors.retain(|(_, addresses)| !addresses.is_empty());
        if doors.is_empty() {
            doors.push((Kind::Smtp, vec![unless_told.to_owned()]));
        }
        doors
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

    pub(crate) fn users(&self) -> Result<Users, String> {
        Users::new(&self.user, self.users.as_deref())
    }

    /// What of the options concerns the core.
    pub(crate) fn server(&self, kind: Kind) -> Result<Config, ParseError> {
        let hostname = self.hostname.to_string();
        let mut config = match kind {
            Kind::Smtp => Config::new(&hostname)?,
            Kind::Submission | Kind::Smtps => Config::submission(&hostname)?,
            Kind::Lmtp => Config::lmtp(&hostname)?,
        };
        match kind {
            // RFC 3207 4: a server that everyone may send to must not insist on it.
            Kind::Smtp if self.tls_cert.is_some() => config.starttls = StartTls::Offered,
            Kind::Submission => config.starttls = StartTls::Required,
            _ => {}
        }
        if matches!(kind, Kind::Submission | Kind::Smtps) {
            config.auth.in_tls = Mechanisms::of(MECHANISMS);
        }
        config.limits.message = self.max_size;
        config.newlines = match self.newlines {
            OnNewline::Refuse => Newlines::Refuse,
            OnNewline::Normalise => Newlines::Normalise,
        };
        Ok(config)
    }

    /// What of the options concerns addresses.
    pub(crate) fn sorter(&self) -> Result<Sorter, String> {
        let mut mailboxes = self.mailbox.clone();
        if mailboxes.is_empty() {
            for name in ["alice", "bob"] {
                let mailbox = format!("{name}@{}", self.hostname).parse();
                mailboxes.push(mailbox.map_err(|_| "the hostname is too long for an address")?);
            }
        }
        let mut aliases: HashMap<Address, Vec<Address>> = HashMap::new();
        for Alias { name, targets } in &self.alias {
            aliases.entry(name.clone()).or_default().extend(targets.iter().cloned());
        }
        let address = |mailbox: &MailboxBuf| Address::of(mailbox.as_ref());
        let catch_all = self.catch_all.as_ref().map(address);
        Sorter::new(&self.hostname, mailboxes.iter().map(address), &aliases, catch_all)
    }
}

impl FromStr for Alias {
    type Err = String;

    /// Neither "=" nor "," is a limit where it stands in quotes or belongs to a local part, so each is tried.
    fn from_str(text: &str) -> Result<Self, String> {
        let mut limits = text.match_indices('=');
        let alias = limits.find_map(|(at, _)| {
            let (name, targets) = (&text[..at], &text[at + 1..]);
            Some(Self { name: address(name)?, targets: addresses(targets)? })
        });
        alias.ok_or_else(|| "expected ADDRESS=ADDRESS,ADDRESS and so on".to_owned())
    }
}

fn address(text: &str) -> Option<Address> {
    text.parse().ok().map(|mailbox: MailboxBuf| Address::of(mailbox.as_ref()))
}

fn addresses(text: &str) -> Option<Vec<Address>> {
    let alone = address(text).map(|address| vec![address]);
    alone.or_else(|| {
        let mut limits = text.match_indices(',');
        limits.find_map(|(at, _)| {
            let first = address(&text[..at])?;
            Some([vec![first], addresses(&text[at + 1..])?].concat())
        })
    })
}
