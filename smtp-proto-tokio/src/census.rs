//! How many sessions there are, in all and of each peer.

use core::fmt;
use core::net::{IpAddr, Ipv4Addr};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use smtp_proto::{ReplyBuf, stock};

use crate::Peer;

/// Counts sessions against two limits.
#[derive(Debug)]
pub(crate) struct Census {
    limit: usize,
    limit_per_peer: usize,
    counts: Mutex<Counts>,
}

#[derive(Debug, Default)]
struct Counts {
    all: usize,
    per_place: HashMap<Place, usize>,
}

/// Peers that count as one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Place {
    V4(Ipv4Addr),
    /// A /64, of which one host may use every address (RFC 6177 2, RFC 8981).
    V6([u8; 8]),
}

impl Place {
    fn of(peer: &Peer) -> Option<Self> {
        peer.ip().map(|ip| match ip.to_canonical() {
            IpAddr::V4(ip) => Self::V4(ip),
            IpAddr::V6(ip) => {
                let [a, b, c, d, e, f, g, h, ..] = ip.octets();
                Self::V6([a, b, c, d, e, f, g, h])
            }
        })
    }
}

/// Why a connection is turned away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Full {
    All,
    Peer,
}

impl Full {
    /// What the peer is told.
    pub(crate) const fn reply(self) -> ReplyBuf {
        match self {
            Self::All => stock::TOO_MANY_CONNECTIONS,
            Self::Peer => stock::TOO_MANY_FROM_PEER,
        }
    }
}

impl fmt::Display for Full {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::All => "too many connections",
            Self::Peer => "too many connections from this peer",
        })
    }
}

impl Census {
    pub(crate) fn new(limit: usize, limit_per_peer: usize) -> Arc<Self> {
        Arc::new(Self { limit, limit_per_peer, counts: Mutex::default() })
    }

    /// Counts one more.
    pub(crate) fn admit(self: &Arc<Self>, peer: &Peer) -> Result<Admission, Full> {
        let place = Place::of(peer);
        let mut counts = self.counts();
        if counts.all >= self.limit {
            return Err(Full::All);
        }
        if let Some(place) = place {
            let here = counts.per_place.entry(place).or_insert(0);
            if *here >= self.limit_per_peer {
                return Err(Full::Peer);
            }
            *here += 1;
        }
        counts.all += 1;
        drop(counts);
        Ok(Admission { census: Arc::clone(self), place })
    }

    fn counts(&self) -> MutexGuard<'_, Counts> {
        // Nothing panics while it is held.
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One session that counts, for as long as this lives.
#[derive(Debug)]
pub(crate) struct Admission {
    census: Arc<Census>,
    place: Option<Place>,
}

impl Drop for Admission {
    fn drop(&mut self) {
        let mut counts = self.census.counts();
        counts.all -= 1;
        if let Some(place) = self.place
            && let Some(here) = counts.per_place.get_mut(&place)
        {
            *here -= 1;
            if *here == 0 {
                counts.per_place.remove(&place);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Address;

    fn peer(address: &str) -> Peer {
        Peer::new(Address::Ip(address.parse().unwrap()), Address::Unix(None))
    }

    #[test]
    fn a_place_is_an_ipv4_address_or_an_ipv6_network_of_64_bits() {
        let census = Census::new(100, 1);
        let _four = census.admit(&peer("192.0.2.1:1")).unwrap();
        assert_eq!(census.admit(&peer("192.0.2.1:2")).unwrap_err(), Full::Peer);
        assert_eq!(census.admit(&peer("[::ffff:192.0.2.1]:3")).unwrap_err(), Full::Peer);
        let _next = census.admit(&peer("192.0.2.2:1")).unwrap();
        let _six = census.admit(&peer("[2001:db8::1]:1")).unwrap();
        assert_eq!(census.admit(&peer("[2001:db8::f00d:1]:1")).unwrap_err(), Full::Peer);
        let _other = census.admit(&peer("[2001:db8:0:1::1]:1")).unwrap();
    }

    #[test]
    fn what_is_dropped_counts_no_more() {
        let census = Census::new(2, 2);
        let local = Peer::new(Address::Unix(None), Address::Unix(None));
        let one = census.admit(&local).unwrap();
        let _two = census.admit(&peer("192.0.2.1:1")).unwrap();
        assert_eq!(census.admit(&local).unwrap_err(), Full::All);
        drop(one);
        let three = census.admit(&peer("192.0.2.1:2")).unwrap();
        drop(three);
        assert_eq!(census.counts().per_place.len(), 1);
        assert!(census.admit(&local).is_ok());
    }
}
