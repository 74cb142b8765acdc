//! An address as the office compares and keeps it.

use core::fmt;
use core::net::IpAddr;

use smtp_proto::{AddressLiteral, Host, HostBuf, Mailbox};

/// Local part and domain, both in lower case, the local part without its quotes.
///
/// RFC 5321 2.4 leaves the meaning of a local part to the host that it names: here its case does not count, and what stands behind a `+`
/// is the recipient's own. Only US-ASCII has a case here: what else is the same is a question of languages.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Address {
    local: String,
    domain: String,
}

impl Address {
    pub(crate) fn of(mailbox: Mailbox<'_>) -> Self {
        let local: Vec<u8> = mailbox.local_part().unquoted().collect();
        Self {
            local: String::from_utf8_lossy(&local).to_ascii_lowercase(),
            domain: domain(mailbox.domain()),
        }
    }

    pub(crate) fn postmaster(at: &HostBuf) -> Self {
        Self { local: "postmaster".to_owned(), domain: domain(at.as_ref()) }
    }

    pub(crate) fn domain(&self) -> &str {
        &self.domain
    }

    pub(crate) fn is_postmaster(&self) -> bool {
        self.local == "postmaster"
    }

    /// Whether the domain is the address of this host in brackets.
    pub(crate) fn is_at(&self, host: IpAddr) -> bool {
        self.domain == domain(Host::Literal(AddressLiteral::new(host)))
    }

    /// The address without its tag: `bob` of `bob+lists`. Nothing in front of the `+` is no name.
    pub(crate) fn untagged(&self) -> Self {
        let local = match self.local.split_once('+') {
            Some((name, _)) if !name.is_empty() => name,
            _ => &self.local,
        };
        Self { local: local.to_owned(), domain: self.domain.clone() }
    }

    /// The name of its folder: the address, but for what would make it a path or hide it. `/`, `%`, control characters and a dot at the
    /// front are written as `%` and two hexadecimal digits an octet.
    pub(crate) fn folder(&self) -> String {
        let address = self.to_string();
        let mut folder = String::new();
        for (at, c) in address.char_indices() {
            if matches!(c, '/' | '%') || c.is_control() || (at == 0 && c == '.') {
                let octets = c.to_string().into_bytes();
                folder.extend(octets.iter().map(|octet| format!("%{octet:02X}")));
            } else {
                folder.push(c);
            }
        }
        folder
    }
}

/// The last `@` is that in front of the domain.
impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{}", self.local, self.domain)
    }
}

fn domain(host: Host<'_>) -> String {
    match host {
        Host::Domain(domain) => domain.as_str().to_ascii_lowercase(),
        Host::Literal(literal) => literal.to_string().to_ascii_lowercase(),
    }
}
