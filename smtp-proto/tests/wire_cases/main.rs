//! The wire cases, replayed over the server machine: whole, octet by octet, and at every cut between two waits.
//!
//! A row is replayed as a driver drives a session: `next` until it says nothing, then the one thing that `wants` says. Time is
//! virtual. A row that does not hold fails its class, unless `src/testing/waiting.tsv` lists it with the issue that it waits for; a
//! row that is listed and holds is a failure as well.

mod allocations;
mod application;
mod connection;
mod described;
mod outcome;
mod replay;
mod replies;
mod settings;
mod verdict;
mod waiting;

use smtp_proto::testing::cases::{Bytes, Case, Pre, Step, cases, more};
use verdict::judge;

/// The rows in which our server, or a program around it, is tried; those of the client have a replay of their own.
fn server_rows() -> impl Iterator<Item = Case<'static>> {
    cases().chain(more()).filter(|case| !case.is_client())
}

/// Judges the rows of some classes that wait for nothing, and fails with every one that does not hold.
fn hold(classes: &[&str]) {
    let waiting = waiting::rows();
    let rows = server_rows()
        .filter(|case| classes.contains(&case.class()) && !waiting.contains_key(case.id));
    let mut held = 0;
    let mut failures = Vec::new();
    for case in rows {
        match judge(&case) {
            Ok(()) => held += 1,
            Err(failure) => failures.push(format!("{} ({}): {failure}", case.id, case.reason)),
        }
    }
    assert!(
        failures.is_empty(),
        "{} rows do not hold, {held} do:\n{}",
        failures.len(),
        failures.join("\n")
    );
}

#[test]
fn end_of_data_rows_hold() {
    hold(&["SM"]);
}

#[test]
fn order_and_state_rows_hold() {
    hold(&["ST"]);
}

#[test]
fn pipelining_rows_hold() {
    hold(&["PL"]);
}

#[test]
fn limit_rows_hold() {
    hold(&["LM"]);
}

#[test]
fn address_and_parameter_rows_hold() {
    hold(&["AD", "PR"]);
}

#[test]
fn chunk_rows_hold() {
    hold(&["BD"]);
}

#[test]
fn tls_and_authentication_rows_hold() {
    hold(&["TL", "AU"]);
}

#[test]
fn application_rows_hold() {
    hold(&["RL"]);
}

/// The rows whose ids `SMTP_ROWS` gives, commas between them; none where it is not set.
#[test]
fn rows_named_by_hand_hold() {
    let ids = std::env::var("SMTP_ROWS").unwrap_or_default();
    let named = |case: &Case<'_>| ids.split(',').any(|id| id == case.id);
    let failures: Vec<_> = server_rows()
        .filter(named)
        .filter_map(|case| {
            judge(&case).err().map(|failure| format!("{} ({}): {failure}", case.id, case.reason))
        })
        .collect();
    assert!(failures.is_empty(), "\n{}", failures.join("\n"));
}

#[test]
fn every_row_of_the_server_is_in_a_class_that_is_replayed() {
    let classes = ["SM", "ST", "PL", "LM", "AD", "PR", "BD", "TL", "AU", "RL"];
    let others: Vec<_> =
        server_rows().filter(|case| !classes.contains(&case.class())).map(|case| case.id).collect();
    assert!(others.is_empty(), "{others:?}");
}

#[test]
fn a_row_that_waits_does_not_hold_yet() {
    let waiting = waiting::rows();
    let unknown: Vec<_> =
        waiting.keys().filter(|id| !cases().any(|case| case.id == **id)).collect();
    assert!(unknown.is_empty(), "no such rows: {unknown:?}");
    let rows = server_rows().filter(|case| waiting.contains_key(case.id));
    let held: Vec<_> =
        rows.filter(|case| judge(case).is_ok()).map(|case| (case.id, waiting[case.id])).collect();
    assert!(held.is_empty(), "these rows wait for an issue, and hold: {held:?}");
}

#[test]
fn only_rows_of_clients_and_applications_wait_for_them() {
    for (id, issue) in waiting::rows() {
        let pre = cases().find(|case| case.id == id).expect("a known row").pre;
        let expected = match pre {
            Pre::App => issue == "application",
            pre if pre.is_client() => ["client", "application"].contains(&issue),
            _ => issue != "client",
        };
        assert!(expected, "{id} waits for {issue}");
    }
}

/// What each verb comes to in each state in front of a content is somewhere in the tables.
#[test]
fn every_verb_has_a_row_in_every_state() {
    const VERBS: [&str; 16] = [
        "EHLO", "HELO", "LHLO", "MAIL", "RCPT", "DATA", "BDAT", "RSET", "NOOP", "VRFY", "EXPN",
        "HELP", "QUIT", "STARTTLS", "AUTH", "TURN",
    ];
    let states = [Pre::P1, Pre::P2, Pre::PH, Pre::P3, Pre::P4, Pre::PN, Pre::PB];
    let rows: Vec<(Pre, Vec<u8>)> =
        server_rows().filter_map(|case| Some((case.pre, first_octets(&case)?))).collect();
    let has_row = |state: Pre, verb: &str| {
        let begins = |octets: &[u8]| {
            octets
                .strip_prefix(verb.as_bytes())
                .is_some_and(|rest| !rest.first().is_some_and(u8::is_ascii_alphabetic))
        };
        rows.iter().any(|(pre, octets)| *pre == state && begins(octets))
    };
    let missing: Vec<_> = states
        .iter()
        .flat_map(|state| VERBS.iter().map(move |verb| (*state, *verb)))
        .filter(|(state, verb)| !has_row(*state, verb))
        .collect();
    assert!(missing.is_empty(), "no row says what these come to: {missing:?}");
}

/// What a row sends first.
fn first_octets(case: &Case<'_>) -> Option<Vec<u8>> {
    let Bytes::Steps(steps) = &case.bytes else { return None };
    steps.iter().find_map(|step| match step {
        Step::Octets(octets) => Some(octets.to_vec()),
        _ => None,
    })
}
