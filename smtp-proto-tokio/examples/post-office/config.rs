//! The command line.

use core::str::FromStr;
use std::collections::HashMap;
use std::path::PathBuf;

use clap::{Parser, ValueEnum};
use smtp_proto::data::Newlines;
use smtp_proto::server::Config;
use smtp_proto::{HostBuf, MailboxBuf, ParseError};

use crate::address::Address;
use crate::sorter::Sorter;

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
    /// Listens here; may be given several times [default: 127.0.0.1:2525]
    #[arg(long, value_name = "ADDR")]
    pub(crate) listen: Vec<String>,
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
    #[arg(long, conflicts_with_all = ["mailbox", "alias", "catch_all"])]
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

impl Options {
    /// What of the options concerns the core.
    pub(crate) fn server(&self) -> Result<Config, ParseError> {
        let mut config = Config::new(&self.hostname.to_string())?;
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
