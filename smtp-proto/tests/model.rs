//! Every short sequence of inputs over the machines, and over their references.

use smtp_proto::testing::model::{Client, Disagreement, Report, Server};

/// How long sequences are: `SMTP_MODEL_DEPTH` adds so many inputs to each search.
fn deeper(length: usize) -> usize {
    let given = std::env::var("SMTP_MODEL_DEPTH").ok().and_then(|more| more.parse().ok());
    length + given.unwrap_or(0)
}

fn done(what: &str, report: Result<Report, Disagreement>) -> Report {
    let report = report.unwrap_or_else(|disagreement| panic!("{what}: {disagreement}"));
    println!("{what}: {report}");
    report
}

fn every_cell(name: &str, server: &Server, length: usize) {
    let what = format!("{name}, up to {length} of {} inputs", server.inputs());
    let report = done(&what, server.merged(length));
    assert_eq!(report.missing, [""; 0]);
}

#[test]
fn a_server_does_what_its_table_says_and_every_cell_is_visited() {
    every_cell("smtp", &Server::smtp(), deeper(6));
}

#[test]
fn so_does_a_server_of_lmtp() {
    every_cell("lmtp", &Server::lmtp(), deeper(6));
}

/// What the merged search takes for one is run by itself here, as far as there is time.
#[test]
fn so_it_does_where_no_two_sequences_are_taken_for_one() {
    let server = Server::smtp();
    let report = done("smtp, one by one", server.plain(deeper(3)));
    assert!(report.sequences > 10_000);
    done("smtp, commands alone", server.commands(deeper(4)));
}

#[test]
fn a_client_does_what_its_tables_say_and_every_cell_is_visited() {
    for (name, client) in [("client", Client::smtp()), ("client of lmtp", Client::lmtp())] {
        let length = deeper(5);
        let what = format!("{name}, up to {length} of {} inputs", client.inputs());
        let report = done(&what, client.merged(length));
        assert_eq!(report.missing, [""; 0], "{name}");
    }
}

#[test]
fn servers_with_tls_and_auth_do_what_their_tables_say_and_every_cell_is_visited() {
    every_cell("smtp with STARTTLS and AUTH", &Server::secured(), deeper(3));
    every_cell("submission", &Server::submission(), deeper(3));
}
