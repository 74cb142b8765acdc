//! Which mechanism a client takes.

use alloc::boxed::Box;

use super::{BUILT_IN, Credentials, Initiator};
use crate::{Mechanism, Mechanisms};

/// How much a mechanism gives away to a server that is not the right one; a later one is stronger.
///
/// ```
/// use smtp_proto::Mechanism;
/// use smtp_proto::sasl::Strength;
///
/// let strength = |name| Strength::of(Mechanism::new(name).unwrap());
/// assert!(strength("SCRAM-SHA-256-PLUS") > strength("SCRAM-SHA-256"));
/// assert!(strength("SCRAM-SHA-1") > strength("PLAIN"));
/// assert_eq!(strength("PLAIN"), Strength::Shown);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Strength {
    /// Nothing is proved: ANONYMOUS.
    Unproved,
    /// The secret itself goes to the server: PLAIN, LOGIN, OAUTHBEARER, and every mechanism that is not known here.
    Shown,
    /// A digest of the secret, from which a weak one is guessed: CRAM-MD5, DIGEST-MD5.
    Digest,
    /// Both sides prove that they know it: SCRAM.
    Mutual,
    /// And on this very connection: SCRAM with channel binding, EXTERNAL.
    Bound,
}

impl Strength {
    /// The strength of a mechanism.
    #[must_use]
    pub fn of(mechanism: Mechanism<'_>) -> Self {
        let name = mechanism.as_str().as_bytes();
        let scram = name.get(..6).is_some_and(|head| head.eq_ignore_ascii_case(b"SCRAM-"));
        let plus = name.len().checked_sub(5).and_then(|at| name.get(at..));
        match plus.is_some_and(|tail| tail.eq_ignore_ascii_case(b"-PLUS")) {
            plus if scram => {
                if plus {
                    Self::Bound
                } else {
                    Self::Mutual
                }
            }
            _ if mechanism.is("EXTERNAL") => Self::Bound,
            _ if mechanism.is("CRAM-MD5") || mechanism.is("DIGEST-MD5") => Self::Digest,
            _ if mechanism.is("ANONYMOUS") => Self::Unproved,
            _ => Self::Shown,
        }
    }
}

/// The strongest mechanism of those built in that is offered and that carries these credentials; none that is weaker than `floor`.
///
/// That what shows the secret goes over TLS alone is the caller's to see to.
///
/// ```
/// use smtp_proto::Mechanisms;
/// use smtp_proto::sasl::{self, Credentials, Strength};
///
/// let offered = Mechanisms::of(["LOGIN", "PLAIN"]);
/// let credentials = Credentials::plain("tim", "tanstaaf");
/// assert!(sasl::choose(&offered, &credentials, Strength::Shown).unwrap().mechanism().is("PLAIN"));
/// assert!(sasl::choose(&offered, &credentials, Strength::Mutual).is_none());
/// ```
#[must_use]
pub fn choose(
    offered: &Mechanisms,
    credentials: &Credentials,
    floor: Strength,
) -> Option<Box<dyn Initiator>> {
    strongest(offered, BUILT_IN.iter().filter_map(|row| (row.initiator)(credentials)), floor)
}

/// The strongest of these initiators whose mechanism is offered; none that is weaker than `floor`, and of equals the first. So a
/// mechanism that is plugged in takes part in the choice.
///
/// ```
/// use smtp_proto::{Mechanism, Mechanisms};
/// use smtp_proto::sasl::{self, Credentials, Strength};
///
/// let credentials = Credentials::bearer("tim@x.test", "vF9dft4qmTc2Nvb3RlckBhbHRhdmlzdGEuY29tCg==");
/// let names = ["XOAUTH2", "OAUTHBEARER"].into_iter().filter_map(Mechanism::new);
/// let candidates = names.filter_map(|mechanism| sasl::initiator(mechanism, &credentials).ok());
/// let offered = Mechanisms::of(["OAUTHBEARER", "XOAUTH2"]);
/// let chosen = sasl::strongest(&offered, candidates, Strength::Shown).unwrap();
/// assert!(chosen.mechanism().is("XOAUTH2"));
/// ```
pub fn strongest(
    offered: &Mechanisms,
    candidates: impl IntoIterator<Item = Box<dyn Initiator>>,
    floor: Strength,
) -> Option<Box<dyn Initiator>> {
    let strength = |candidate: &dyn Initiator| Strength::of(candidate.mechanism());
    candidates
        .into_iter()
        .filter(|candidate| offered.contains(candidate.mechanism().as_str()))
        .filter(|candidate| strength(candidate.as_ref()) >= floor)
        .reduce(
            |best, other| {
                if strength(other.as_ref()) > strength(best.as_ref()) { other } else { best }
            },
        )
}
