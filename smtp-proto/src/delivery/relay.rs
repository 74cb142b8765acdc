//! What a relay owes the sender of a letter, by the rules of RFC 3461 5.2: pure, for whoever writes the reports.
//!
//! What is passed on is in the [`Plan`](super::Plan): RET, ENVID, NOTIFY and ORCPT exactly as they came where DSN is offered (5.2.1), an
//! ORCPT in UTF-8 in its 7-bit form where SMTPUTF8 is not (RFC 6533 3), and nothing where it is not (5.2.2). One whose 7-bit form is longer
//! than 500 octets stays behind alone: what the sender wants to hear of goes on, the next server reports, and
//! [`drops_dsn`](super::Plan::drops_dsn) tells the loss.

use crate::report::Action;
use crate::{Notify, ReversePath};

/// What became of a recipient at this hop.
///
/// ```
/// use smtp_proto::delivery::{Hop, Plan};
///
/// fn relayed(plan: &Plan) -> Hop {
///     if plan.keeps_dsn() { Hop::Relayed } else { Hop::RelayedWithoutDsn }
/// }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(clippy::exhaustive_enums, reason = "RFC 3461 5.2 has these")]
pub enum Hop {
    /// Put into its mailbox, or handed to something that does not report.
    Delivered,
    /// Taken by a server that was told what the sender wants to hear.
    Relayed,
    /// Taken by a server that does not offer DSN.
    RelayedWithoutDsn,
    /// Not yet, and for so long that the sender may want to know.
    Delayed,
    /// Given up.
    Failed,
}

/// The report that is due to the sender for one recipient, whose NOTIFY parameter is `notify`; `None` where there is to be none.
///
/// ```
/// use smtp_proto::delivery::{Hop, report_due};
/// use smtp_proto::report::Action;
/// use smtp_proto::{Notify, ReversePathBuf};
///
/// let from: ReversePathBuf = "me@x.test".parse()?;
/// let due = |notify, hop| report_due(from.as_ref(), notify, hop);
/// assert_eq!(due(Some(Notify::SUCCESS), Hop::RelayedWithoutDsn), Some(Action::Relayed));
/// assert_eq!(due(None, Hop::Failed), Some(Action::Failed));
/// assert_eq!(due(Some(Notify::NEVER), Hop::Failed), None);
/// # Ok::<(), smtp_proto::ParseError>(())
/// ```
#[must_use]
pub fn report_due(from: ReversePath<'_>, notify: Option<Notify>, hop: Hop) -> Option<Action> {
    // RFC 5321 4.5.5: a report on a report would go round for ever.
    if matches!(from, ReversePath::Null) {
        return None;
    }
    let (asked_by, unasked, action) = match hop {
        // RFC 3461 5.2.3 (a), (c).
        Hop::Delivered => (Notify::SUCCESS, false, Action::Delivered),
        // RFC 3461 5.2.1: it is the next server's to report.
        Hop::Relayed => return None,
        // RFC 3461 5.2.2 (b), (e).
        Hop::RelayedWithoutDsn => (Notify::SUCCESS, false, Action::Relayed),
        // RFC 3461 5.2.5: without NOTIFY a relay may say so, and ours does.
        Hop::Delayed => (Notify::DELAY, true, Action::Delayed),
        // RFC 3461 5.2.2 (c), (f), 5.2.6.
        Hop::Failed => (Notify::FAILURE, true, Action::Failed),
    };
    let due = notify.map_or(unasked, |notify| notify.contains(asked_by));
    due.then_some(action)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ReversePathBuf;

    #[test]
    fn every_hop_is_reported_as_rfc_3461_5_2_says() {
        let from: ReversePathBuf = "a@x.test".parse().unwrap();
        let all = Notify::SUCCESS.with(Notify::FAILURE).with(Notify::DELAY);
        let table = [
            (Hop::Delivered, Notify::SUCCESS, None, Some(Action::Delivered)),
            (Hop::Relayed, Notify::SUCCESS, None, None),
            (Hop::RelayedWithoutDsn, Notify::SUCCESS, None, Some(Action::Relayed)),
            (Hop::Delayed, Notify::DELAY, Some(Action::Delayed), Some(Action::Delayed)),
            (Hop::Failed, Notify::FAILURE, Some(Action::Failed), Some(Action::Failed)),
        ];
        for (hop, word, unasked, asked) in table {
            let due = |notify| report_due(from.as_ref(), notify, hop);
            assert_eq!(due(None), unasked, "{hop:?}");
            assert_eq!((due(Some(word)), due(Some(all))), (asked, asked), "{hop:?}");
            assert_eq!(due(Some(Notify::NEVER)), None, "{hop:?}");
            for other in [Notify::SUCCESS, Notify::FAILURE, Notify::DELAY] {
                assert_eq!(due(Some(other)), asked.filter(|_| other == word), "{hop:?} {other:?}");
            }
            assert_eq!(report_due(ReversePath::Null, Some(all), hop), None);
        }
    }
}
