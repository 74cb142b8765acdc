//! Every extension in every respect, by one row of an array that is as long as the table in the code: an extension without a row does
//! not compile.

mod generated;
mod rows;

use std::sync::Arc;

use proptest::strategy::{BoxedStrategy, Strategy, ValueTree};
use proptest::test_runner::{Config, TestRunner};
use smtp_proto::client;
use smtp_proto::server::{self, Event, Server, StartTls};
use smtp_proto::testing::{Script, accept};
use smtp_proto::{Code, Command, Extension, Extensions, Mechanisms, Reply, Verb};

use rows::ROWS;

/// Generated values a property.
const CASES: u32 = 256;

/// A server that offers these and nothing else.
fn offering(lines: &[&str]) -> server::Config {
    let offer = lines
        .iter()
        .try_fold(Extensions::none(), |offer, line| offer.with_line(line))
        .expect("lines of a reply to EHLO");
    let mut config = server::Config::new("mx.test").expect("a domain");
    config.limits.message = offer.size().filter(|&octets| octets != 0).unwrap_or(u64::MAX);
    config.limits.recipients = offer.limits().recipients.unwrap_or(u32::MAX);
    config.auth.in_clear = offer.mechanisms().clone();
    config.auth.in_tls = offer.mechanisms().clone();
    if offer.contains(Extension::StartTls) {
        config.starttls = StartTls::Offered;
    }
    config.offer = offer;
    config
}

/// Offers everything that is known.
fn everything() -> server::Config {
    let keywords: Vec<&str> = ROWS.iter().map(|row| row.offer).collect();
    offering(&keywords)
}

/// An application that takes every letter, knows Crispin, and lets everyone in who shows anything.
fn application(event: Event<'_>, server: &mut Server) {
    let known = Reply::new(Code::OK, None, "Mark Crispin <Admin.MRC@foo.com>");
    let answered = match event {
        Event::Query { pending, .. } => server.reply(pending, &known),
        Event::Auth { initial: None, pending, .. } => server.challenge(pending, b""),
        Event::Auth { pending, .. } | Event::AuthLine { pending, .. } => {
            server.authenticated(pending)
        }
        other => {
            accept(other, server);
            Ok(())
        }
    };
    answered.expect("each answer suits its event");
}

/// A script behind the hello of a session in which a server offers these lines.
fn behind_hello(lines: &[&str], script: &str) -> String {
    let mut reply: Vec<&str> = vec!["mx.test"];
    reply.extend_from_slice(lines);
    let (last, others) = reply.split_last().expect("a reply has a line");
    let others: String = others.iter().map(|line| format!("S: 250-{line}\n")).collect();
    format!("S: 220 mx.test ESMTP\nC: EHLO c.test\n{others}S: 250 {last}\n{script}")
}

/// A client that shows its password in the clear, too.
fn client() -> Arc<client::Config> {
    let mut config = client::Config::default();
    config.auth_in_clear = Mechanisms::of(["PLAIN"]);
    Arc::new(config)
}

/// What a server that offers everything says to `line`, behind EHLO or HELO and, for RCPT, a sender.
fn answer(hello: &str, line: &str) -> String {
    let mut server = match line.contains("REQUIRETLS") {
        true => Server::implicit_tls(Arc::new(everything())),
        false => Server::new(Arc::new(everything())),
    };
    let begin = match line.split(' ').next() {
        Some("RCPT") => ["MAIL FROM:<a@x.test>\r\n", ""],
        Some("BDAT") => ["MAIL FROM:<a@x.test>\r\n", "RCPT TO:<b@y.test>\r\n"],
        _ => ["", ""],
    };
    let mut said = String::new();
    let chunk = match Command::parse(line.as_bytes()) {
        Ok(Command::Bdat { octets, .. }) => "a".repeat(octets.try_into().expect("a short chunk")),
        _ => String::new(),
    };
    let hello = format!("{hello} c.test\r\n");
    for part in ["", &hello, begin[0], begin[1], &format!("{line}\r\n{chunk}")] {
        let mut input = part.as_bytes();
        while let Some(event) = server.next(&mut input) {
            match event {
                Event::StartTls(pending) => {
                    server.accept_tls(pending, &mut input).expect("nothing stands behind it")
                }
                event => application(event, &mut server),
            }
        }
        said = String::from_utf8(server.outgoing().to_vec()).expect("ASCII");
        server.sent(said.len());
    }
    said
}

/// What is offered as a server writes it and a client reads it.
fn over_the_wire(line: &str) -> (Extensions, Extensions) {
    // Two are offered only beside another (RFC 6531 3.1, RFC 3030 3).
    let beside = match line {
        "SMTPUTF8" => Some("8BITMIME"),
        "BINARYMIME" => Some("CHUNKING"),
        _ => None,
    };
    let lines: Vec<_> = beside.into_iter().chain([line]).collect();
    let with = |offer: Extensions, line| offer.with_line(line).expect("a line of a reply to EHLO");
    let offered = lines.iter().copied().fold(Extensions::none(), with);
    let config = Arc::new(offering(&lines));
    let mut server = Server::implicit_tls(Arc::clone(&config));
    if line == "STARTTLS" {
        server = Server::new(config);
    }
    for part in ["", "EHLO c.test\r\n"] {
        server.sent(server.outgoing().len());
        let mut input = part.as_bytes();
        while let Some(event) = server.next(&mut input) {
            match event {
                Event::Hello { pending, .. } => {
                    server.accept_hello(pending, &offered).expect("a hello is owed")
                }
                event => accept(event, &mut server),
            }
        }
    }
    let reply = Reply::parse(server.outgoing()).expect("a reply");
    (Extensions::from_reply(&reply), offered)
}

/// Runs `check` with what `strategy` generates; the smallest value that fails is shown.
fn for_all(strategy: &BoxedStrategy<String>, check: impl Fn(&str)) {
    let config = Config { cases: CASES, failure_persistence: None, ..Config::default() };
    let held = TestRunner::new(config).run(strategy, |value| {
        check(&value);
        Ok(())
    });
    held.unwrap_or_else(|failure| panic!("{failure}"));
}

#[track_caller]
fn reads_and_writes(line: &str) {
    let command = Command::parse(line.as_bytes()).unwrap_or_else(|error| panic!("{line}: {error}"));
    let mut wire = Vec::new();
    command.encode(&mut wire);
    assert_eq!(wire, [line.as_bytes(), b"\r\n"].concat(), "{line}");
}

#[test]
fn the_rows_stand_in_the_order_of_the_table() {
    assert!(Extension::all().eq(ROWS.iter().map(|row| row.extension)));
}

/// A verb or a parameter is in what is valid, in what is not, and in what is generated.
#[test]
fn every_verb_and_parameter_of_the_table_has_its_lines() {
    for row in &ROWS {
        let generated: Vec<String> = row.lines.map_or_else(Vec::new, |lines| {
            let mut runner = TestRunner::deterministic();
            let lines = lines();
            (0..CASES).map(|_| lines.new_tree(&mut runner).expect("lines").current()).collect()
        });
        let has = |sought: &dyn Fn(&str) -> bool| {
            row.valid.iter().any(|line| sought(line))
                && row.invalid.iter().any(|(line, _)| sought(line))
                && generated.iter().any(|line| sought(line))
        };
        for verb in row.extension.verbs() {
            assert!(has(&|line| line.split(' ').next() == Some(verb.name())), "{verb}");
        }
        for verb in [Verb::Mail, Verb::Rcpt] {
            for parameter in row.extension.parameters(verb) {
                assert!(has(&|line| line.contains(&format!(" {parameter}"))), "{parameter}");
            }
        }
    }
}

#[test]
fn what_is_offered_is_read_as_it_was_written() {
    for row in &ROWS {
        for_all(&(row.offers)(), |line| {
            let (read, offered) = over_the_wire(line);
            assert_eq!(read, offered, "{line}");
            assert!(read.contains(row.extension));
        });
    }
}

#[test]
fn a_line_of_the_reply_to_ehlo_is_understood() {
    for row in &ROWS {
        for (came, understood) in row.understood {
            let reply = format!("250-mx.test\r\n250 {came}\r\n");
            let read = Extensions::from_reply(&Reply::parse(reply.as_bytes()).expect("a reply"));
            let expected = Extensions::none().with_line(understood).expect("a line");
            assert_eq!(read, expected, "{came}");
        }
    }
}

#[test]
fn generated_lines_are_read_and_written_as_they_were() {
    for lines in ROWS.iter().filter_map(|row| row.lines) {
        for_all(&lines(), reads_and_writes);
    }
}

#[test]
fn the_values_of_the_rfcs_are_read_and_written_as_they_were() {
    ROWS.iter().flat_map(|row| row.valid).for_each(|line| reads_and_writes(line));
}

#[test]
fn the_values_of_the_rfcs_are_taken_by_a_server_that_offers_everything() {
    for line in ROWS.iter().flat_map(|row| row.valid) {
        let said = answer("EHLO", line);
        assert!(said.starts_with(['2', '3']), "{line}: {said}");
    }
}

#[test]
fn values_that_are_none_are_refused() {
    for (line, reply) in ROWS.iter().flat_map(|row| row.invalid) {
        let said = answer("EHLO", line);
        assert!(said.starts_with(reply), "{line}: {said}");
    }
}

/// RFC 5321 4.1.1.11: 555; 4.2.4: 502.
#[test]
fn after_helo_there_is_nothing_but_plain_mail_and_rcpt() {
    for row in &ROWS {
        for line in row.valid {
            let said = answer("HELO", line);
            let expected = row.after_helo.iter().find(|(verb, _)| line.starts_with(verb));
            let expected = expected.map_or("555 5.5.4 ", |(_, reply)| reply);
            assert!(said.starts_with(expected), "{line}: {said}");
        }
    }
}

#[test]
fn a_server_and_a_client_that_agree_on_it() {
    for row in &ROWS {
        let lines = [row.beside, &[row.offer]].concat();
        let script = behind_hello(&in_clear(&lines), row.dialogue);
        let config = Arc::new(offering(&lines));
        for octets in [usize::MAX, 1, 2, 7] {
            let script = Script::new(&script).in_pieces_of(octets);
            script.assert_server(Arc::clone(&config), application);
            script.assert_client(client());
        }
    }
}

#[test]
fn a_server_that_does_not_offer_it_refuses_it() {
    for row in &ROWS {
        let script = behind_hello(&in_clear(row.beside), row.server_without);
        Script::new(&script).assert_server(Arc::new(offering(row.beside)), application);
    }
}

/// In these scripts ` -> ` stands between what the client is told to say and what comes of it.
#[test]
fn a_client_to_which_it_was_not_offered_does_not_use_it() {
    for row in &ROWS {
        let script = behind_hello(&in_clear(row.beside), row.client_without);
        let lines = || script.lines().map(str::trim).filter(|line| !line.is_empty());
        let told: Vec<&str> =
            lines().map(|line| line.split(" -> ").next().unwrap_or(line)).collect();
        let expected: String = lines()
            .map(|line| match line.split_once(" -> ") {
                Some((_, refused)) => format!("C: {refused}\n"),
                None => format!("{line}\n"),
            })
            .collect();
        let played = Script::new(&told.join("\n")).against_client(client());
        assert_eq!(played.to_string(), expected);
    }
}

/// In the order of the table, as a server offers them in the clear: without REQUIRETLS (RFC 8689 4).
fn in_clear<'l>(lines: &[&'l str]) -> Vec<&'l str> {
    let place = |line: &str| {
        let keyword = line.split(' ').next().unwrap_or_default();
        Extension::parse(keyword).map(|extension| extension as u8)
    };
    let mut lines = lines.to_vec();
    lines.retain(|&line| line != "REQUIRETLS");
    lines.sort_by_key(|line| place(line));
    lines
}
