//! The wire cases of the client, replayed over the client machine and over a delivery on top of it: whole, and at every cut.
//!
//! A row that does not hold fails its class, unless `src/testing/waiting.tsv` lists it; a row that is listed and holds is a failure
//! as well.

mod api;
mod body;
mod described;
mod model;
mod replay;
mod session;
mod sessions;
mod state;
mod verdict;
#[path = "../wire_cases/waiting.rs"]
mod waiting;

use smtp_proto::testing::cases::{Case, cases};
use verdict::judge;

/// The rows in which our client is tried, or an application that sends.
fn client_rows() -> impl Iterator<Item = Case<'static>> {
    cases().filter(Case::is_client)
}

/// Judges the rows of some classes that wait for nothing, and fails with every one that does not hold.
fn hold(classes: &[&str]) {
    let waiting = waiting::rows();
    let rows = client_rows()
        .filter(|case| classes.contains(&case.class()) && !waiting.contains_key(case.id));
    let failures: Vec<_> = rows
        .filter_map(|case| {
            judge(&case).err().map(|failure| format!("{} ({}): {failure}", case.id, case.reason))
        })
        .collect();
    assert!(failures.is_empty(), "{} rows do not hold:\n{}", failures.len(), failures.join("\n"));
}

#[test]
fn sender_rows_hold() {
    hold(&["SS"]);
}

#[test]
fn reply_rows_hold() {
    hold(&["RP"]);
}

#[test]
fn injection_rows_hold() {
    hold(&["CI"]);
}

#[test]
fn limit_rows_hold() {
    hold(&["LM"]);
}

#[test]
fn application_rows_hold() {
    hold(&["RL"]);
}

#[test]
fn tls_and_authentication_rows_hold() {
    hold(&["TC", "AU"]);
}

#[test]
fn every_row_of_the_client_is_in_a_class_that_is_replayed() {
    let classes = ["SS", "RP", "CI", "LM", "RL", "TC", "AU"];
    let others: Vec<_> =
        client_rows().filter(|case| !classes.contains(&case.class())).map(|case| case.id).collect();
    assert!(others.is_empty(), "{others:?}");
}

#[test]
fn a_row_that_waits_does_not_hold_yet() {
    let waiting = waiting::rows();
    let rows = client_rows().filter(|case| waiting.contains_key(case.id));
    let held: Vec<_> = rows.filter(|case| judge(case).is_ok()).map(|case| case.id).collect();
    assert!(held.is_empty(), "these rows wait for an issue, and hold: {held:?}");
}
