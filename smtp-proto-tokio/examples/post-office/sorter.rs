//! Matching: whose mailbox an address means.

use core::net::IpAddr;
use std::collections::{BTreeSet, HashMap, HashSet};

use smtp_proto::{ForwardPath, HostBuf, ReversePath};

use crate::address::Address;

/// Why there is no mailbox for an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Miss {
    /// The domain is ours, and nobody there has this name.
    Stranger,
    /// The domain is not ours.
    Elsewhere,
}

/// What the office knows about addresses; made once, at the start.
#[derive(Debug)]
pub(crate) struct Sorter {
    /// Every address that somebody answers to, and the mailboxes that it means: one, or those of an alias.
    table: HashMap<Address, BTreeSet<Address>>,
    domains: HashSet<String>,
    postmaster: Address,
    catch_all: Option<Address>,
}

impl Sorter {
    /// The postmaster at `hostname` has a mailbox in any case (RFC 5321 4.5.1).
    pub(crate) fn new(
        hostname: &HostBuf,
        mailboxes: impl IntoIterator<Item = Address>,
        aliases: &HashMap<Address, Vec<Address>>,
        catch_all: Option<Address>,
    ) -> Result<Self, String> {
        let postmaster = Address::postmaster(hostname);
        let own = [Some(postmaster.clone()), catch_all.clone()].into_iter().flatten();
        let mailboxes: BTreeSet<Address> = mailboxes.into_iter().chain(own).collect();
        let mut table: HashMap<_, _> =
            mailboxes.iter().map(|own| (own.clone(), BTreeSet::from([own.clone()]))).collect();
        for alias in aliases.keys() {
            table.insert(alias.clone(), expand(alias, &mailboxes, aliases)?);
        }
        let domains = table.keys().map(|address| address.domain().to_owned()).collect();
        Ok(Self { table, domains, postmaster, catch_all })
    }

    /// Every mailbox there is.
    pub(crate) fn mailboxes(&self) -> BTreeSet<&Address> {
        self.table.values().flatten().collect()
    }

    /// The mailboxes that a recipient means. `here` is the address that the client connected to, if there is one.
    pub(crate) fn recipient(
        &self,
        path: ForwardPath<'_>,
        here: Option<IpAddr>,
    ) -> Result<&BTreeSet<Address>, Miss> {
        let Some(mailbox) = path.mailbox() else {
            return self.postmaster().ok_or(Miss::Stranger);
        };
        let address = Address::of(mailbox);
        // RFC 5321 4.5.1: also where the domain is the address of this host.
        if address.is_postmaster() && here.is_some_and(|here| address.is_at(here)) {
            return self.postmaster().ok_or(Miss::Stranger);
        }
        self.find(&address)
    }

    /// The mailboxes that a sender answers to: where his reports go.
    pub(crate) fn sender(&self, path: ReversePath<'_>) -> Option<Result<&BTreeSet<Address>, Miss>> {
        path.mailbox().map(|mailbox| self.find(&Address::of(mailbox)))
    }

    /// The whole address counts first, then the one without its tag, then that of the postmaster.
    fn find(&self, address: &Address) -> Result<&BTreeSet<Address>, Miss> {
        if !self.domains.contains(address.domain()) {
            return Err(Miss::Elsewhere);
        }
        let untagged = address.untagged();
        let known = self.table.get(address).or_else(|| self.table.get(&untagged));
        let postmaster = || self.postmaster().filter(|_| untagged.is_postmaster());
        let anyone = || self.table.get(self.catch_all.as_ref()?);
        known.or_else(postmaster).or_else(anyone).ok_or(Miss::Stranger)
    }

    fn postmaster(&self) -> Option<&BTreeSet<Address>> {
        self.table.get(&self.postmaster)
    }
}

/// The mailboxes that an alias leads to, through other aliases too. One that leads back to itself means the mailbox of this name.
fn expand(
    alias: &Address,
    mailboxes: &BTreeSet<Address>,
    aliases: &HashMap<Address, Vec<Address>>,
) -> Result<BTreeSet<Address>, String> {
    let mut found = BTreeSet::new();
    let mut passed = HashSet::new();
    let mut open = vec![alias.clone()];
    while let Some(address) = open.pop() {
        let known = |name: &&Address| mailboxes.contains(*name) || aliases.contains_key(*name);
        let untagged = address.untagged();
        let Some(name) = [&address, &untagged].into_iter().find(known) else {
            return Err(format!("the alias {alias} leads to {address}, which has no mailbox here"));
        };
        match aliases.get(name) {
            Some(targets) if passed.insert(name.clone()) => open.extend(targets.iter().cloned()),
            _ if mailboxes.contains(name) => drop(found.insert(name.clone())),
            // It leads back to itself, and there is no mailbox of this name.
            _ => {}
        }
    }
    if found.is_empty() { Err(format!("the alias {alias} leads to no mailbox")) } else { Ok(found) }
}
