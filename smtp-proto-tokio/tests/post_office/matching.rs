//! Which mailbox an address means.

use crate::support::code;
use crate::support::office::{Office, root};

const RELAYING: &str = "550 5.7.1";
const STRANGER: &str = "550 5.1.1";

/// The mailboxes that a letter to this path lands in, or the code and enhanced code of the refusal.
fn matched(office: &Office, path: &str) -> Result<Vec<String>, String> {
    let mut client = office.client();
    assert_eq!(code(&client.say("MAIL FROM:<carol@client.example> SMTPUTF8")), "250");
    let reply = client.say(&format!("RCPT TO:{path}"));
    if code(&reply) != "250" {
        return Err(reply[..9].to_owned());
    }
    assert_eq!(code(&client.say("DATA")), "354");
    let subject = format!("Subject: {path}\r\n\r\n");
    assert_eq!(code(&client.say(&format!("{subject}."))), "250");
    let folders = std::fs::read_dir(office.root().join("mailboxes")).expect("it is there");
    let folders =
        folders.map(|folder| folder.expect("listed").file_name().into_string().expect("text"));
    let mut found: Vec<String> = folders
        .filter(|folder| {
            office.letters(folder).iter().any(|letter| letter.below_trace() == subject)
        })
        .collect();
    found.sort();
    Ok(found)
}

fn check(options: &[&str], table: &[(&str, Result<&[&str], &str>)]) {
    let root = root();
    let office = Office::open(root.path(), options);
    for (path, expected) in table {
        let expected = expected
            .map(|mailboxes| mailboxes.iter().map(|name| (*name).to_owned()).collect())
            .map_err(str::to_owned);
        assert_eq!(matched(&office, path), expected, "{path}");
    }
}

#[test]
fn without_options_alice_bob_and_postmaster_have_mailboxes() {
    check(
        &[],
        &[
            ("<alice@localhost>", Ok(&["alice@localhost"])),
            ("<bob@localhost>", Ok(&["bob@localhost"])),
            ("<BOB@LocalHost>", Ok(&["bob@localhost"])),
            ("<\"Bob\"@localhost>", Ok(&["bob@localhost"])),
            ("<\"b\\ob\"@localhost>", Ok(&["bob@localhost"])),
            ("<bob+lists@localhost>", Ok(&["bob@localhost"])),
            ("<Bob+a+b@localhost>", Ok(&["bob@localhost"])),
            ("<\"bob+two words\"@localhost>", Ok(&["bob@localhost"])),
            ("<@relay.example:bob@localhost>", Ok(&["bob@localhost"])),
            ("<postmaster>", Ok(&["postmaster@localhost"])),
            ("<PostMaster@localhost>", Ok(&["postmaster@localhost"])),
            ("<postmaster+urgent@localhost>", Ok(&["postmaster@localhost"])),
            ("<postmaster@[127.0.0.1]>", Ok(&["postmaster@localhost"])),
            ("<carol@localhost>", Err(STRANGER)),
            ("<+bob@localhost>", Err(STRANGER)),
            ("<bob.@localhost>", Err("501 5.1.3")),
            ("<\"\"@localhost>", Err(STRANGER)),
            ("<\"bob@localhost\"@localhost>", Err(STRANGER)),
            ("<\"../bob@localhost\"@localhost>", Err(STRANGER)),
            ("<bücher@localhost>", Err(STRANGER)),
            ("<bob@localhost.example>", Err(RELAYING)),
            ("<bob@example.org>", Err(RELAYING)),
            ("<postmaster@example.org>", Err(RELAYING)),
            ("<postmaster@[192.0.2.1]>", Err(RELAYING)),
            ("<bob@[127.0.0.1]>", Err(RELAYING)),
            ("<bob%example.org@localhost>", Err(STRANGER)),
            ("<example.org!bob@localhost>", Err(STRANGER)),
        ],
    );
}

#[test]
fn mailboxes_replace_alice_and_bob_but_not_the_postmaster() {
    let mailboxes = [
        "--hostname",
        "mx.example.org",
        "--mailbox",
        "Carol@example.org",
        "--mailbox",
        "dave+x@example.net",
        "--mailbox",
        "postmaster@example.net",
        "--mailbox",
        "jürgen@example.org",
    ];
    check(
        &mailboxes,
        &[
            ("<carol@EXAMPLE.org>", Ok(&["carol@example.org"])),
            ("<dave+x@example.net>", Ok(&["dave+x@example.net"])),
            ("<jürgen+x@example.org>", Ok(&["jürgen@example.org"])),
            ("<postmaster>", Ok(&["postmaster@mx.example.org"])),
            ("<postmaster@mx.example.org>", Ok(&["postmaster@mx.example.org"])),
            ("<postmaster@example.org>", Ok(&["postmaster@mx.example.org"])),
            ("<postmaster@example.net>", Ok(&["postmaster@example.net"])),
            ("<dave@example.net>", Err(STRANGER)),
            ("<carol@example.net>", Err(STRANGER)),
            ("<alice@mx.example.org>", Err(STRANGER)),
            ("<alice@localhost>", Err(RELAYING)),
        ],
    );
}

#[test]
fn aliases_lead_to_mailboxes() {
    let aliases = [
        "--alias",
        "team@localhost=alice@localhost,Bob+team@localhost",
        "--alias",
        "all@localhost=team@localhost,postmaster@localhost",
        "--alias",
        "sales@shop.example=bob@localhost",
        "--alias",
        "bob@localhost=bob@localhost,alice@localhost",
        "--alias",
        "\"a,b\"@localhost=alice@localhost",
        "--alias",
        "a=b@localhost=alice@localhost",
    ];
    check(
        &aliases,
        &[
            ("<team@localhost>", Ok(&["alice@localhost", "bob@localhost"])),
            ("<Team+x@LOCALHOST>", Ok(&["alice@localhost", "bob@localhost"])),
            ("<all@localhost>", Ok(&["alice@localhost", "bob@localhost", "postmaster@localhost"])),
            ("<sales@shop.example>", Ok(&["alice@localhost", "bob@localhost"])),
            ("<bob@localhost>", Ok(&["alice@localhost", "bob@localhost"])),
            ("<alice@localhost>", Ok(&["alice@localhost"])),
            ("<\"a,b\"@localhost>", Ok(&["alice@localhost"])),
            ("<a=b@localhost>", Ok(&["alice@localhost"])),
            ("<postmaster@shop.example>", Ok(&["postmaster@localhost"])),
            ("<bob@shop.example>", Err(STRANGER)),
        ],
    );
}

#[test]
fn catch_all_takes_what_is_for_nobody_else_here() {
    check(
        &["--catch-all", "Lost@localhost", "--alias", "sales@shop.example=bob@localhost"],
        &[
            ("<bob@localhost>", Ok(&["bob@localhost"])),
            ("<carol@localhost>", Ok(&["lost@localhost"])),
            ("<carol@shop.example>", Ok(&["lost@localhost"])),
            ("<\"../../etc/passwd\"@localhost>", Ok(&["lost@localhost"])),
            ("<lost@localhost>", Ok(&["lost@localhost"])),
            ("<postmaster@localhost>", Ok(&["postmaster@localhost"])),
            ("<carol@example.org>", Err(RELAYING)),
        ],
    );
}

#[test]
fn an_address_is_never_a_path() {
    let mailboxes = [
        "--mailbox",
        "\"../up\"@localhost",
        "--mailbox",
        "a/b@localhost",
        "--mailbox",
        "100%@localhost",
        "--mailbox",
        "\".\"@localhost",
        "--mailbox",
        "\"a\\\\b c\"@localhost",
    ];
    check(
        &mailboxes,
        &[
            ("<\"../up\"@localhost>", Ok(&["%2E.%2Fup@localhost"])),
            ("<a/b@localhost>", Ok(&["a%2Fb@localhost"])),
            ("<100%@localhost>", Ok(&["100%25@localhost"])),
            ("<\".\"@localhost>", Ok(&["%2E@localhost"])),
            ("<\"a\\\\b c\"@localhost>", Ok(&["a\\b c@localhost"])),
        ],
    );
}

#[test]
fn a_refused_recipient_costs_the_others_nothing() {
    let root = root();
    let office = Office::open(root.path(), &[]);
    let mut client = office.client();
    client.say("MAIL FROM:<>");
    assert_eq!(code(&client.say("RCPT TO:<carol@localhost>")), "550");
    assert_eq!(client.say("DATA"), "554 5.5.1 No valid recipients");
    assert_eq!(code(&client.say("RCPT TO:<bob@localhost>")), "250");
    assert_eq!(code(&client.say("RCPT TO:<bob@example.org>")), "550");
    client.say("DATA");
    assert_eq!(code(&client.say("hello\r\n.")), "250");
    assert_eq!(office.letters("bob@localhost").len(), 1);
}
