//! The clauses of the extensions' RFCs that neither a wire case nor a row of `extensions` holds. Each test names its section.
//!
//! Of RFC 6531, 6533, 8689, 9422, 3030, 4954, 2033, 3207 and 6409 these are the application's: looking domains up by their A-labels and
//! trying the next MX (6531 3.2, 3.7.2; 8689 4.2.1); converting content (3030 3, 6152 3); what a report says and in which form (6533 4,
//! 6), which `report` writes; keeping REQUIRETLS in the queue and in reports (8689 4.1, 5); the field TLS-Required (8689 3, 4.2.2, 4.3);
//! preparing names by SASLprep (4954 4); whether a client's AUTH= is trusted (4954 5), told by `Envelope::with_trusted_auth`; whether a
//! certificate suffices (3207 4.1), told by `Client::tls_verified`; keeping LMTP inside one's own network (2033 5); and what a
//! submission server demands of senders and completes in letters (6409 3, 4.1, 4.2, 6, 8), for which there is `report::Completion`.

use std::sync::Arc;

use smtp_proto::server::{Config, Event, Flavour, Server, StartTls};
use smtp_proto::testing::{Script, accept};
use smtp_proto::{Code, EnhancedCode, Extension, Mechanisms, Reply, client};

fn config(change: impl FnOnce(&mut Config)) -> Arc<Config> {
    let mut config = Config::new("mx.test").expect("a domain");
    config.offer = config.offer.with(Extension::Vrfy).with(Extension::Expn);
    change(&mut config);
    Arc::new(config)
}

/// What a server says to these lines behind its EHLO, each of which waits for the replies to those in front of it. `application`
/// answers.
fn replies(
    config: &Arc<Config>,
    lines: &[&str],
    mut application: impl FnMut(Event<'_>, &mut Server),
) -> Vec<String> {
    let mut server = Server::new(Arc::clone(config));
    let hello = if config.flavour == Flavour::Lmtp { "LHLO c.test" } else { "EHLO c.test" };
    let mut said = Vec::new();
    for line in ["", hello].iter().chain(lines) {
        server.sent(usize::MAX);
        let line = if line.is_empty() { String::new() } else { format!("{line}\r\n") };
        let mut input = line.as_bytes();
        while let Some(event) = server.next(&mut input) {
            application(event, &mut server);
        }
        said.push(String::from_utf8(server.outgoing().to_vec()).expect("UTF-8"));
    }
    said.split_off(2)
}

/// Answers every query and RCPT by this code, and a mailbox in UTF-8.
fn names(code: Code) -> impl FnMut(Event<'_>, &mut Server) {
    move |event, server| {
        let enhanced = match code.class() {
            smtp_proto::Class::Completion => EnhancedCode::parse(b"2.1.5"),
            _ => EnhancedCode::parse(b"5.1.6"),
        };
        let reply = Reply::new(code, enhanced, "Jörg <jörg@y.test>");
        let answered = match event {
            Event::Query { pending, .. } => server.reply(pending, &reply),
            Event::Rcpt { pending, .. } => server.reply(pending, &reply),
            other => {
                server.decline(other);
                Ok(())
            }
        };
        answered.expect("it is in time");
    }
}

/// RFC 6531 3.7.4.2: in UTF-8 where the command says that this is understood, and else 252 or 550, and a code that tells why.
#[test]
fn s6531_3_7_4_2_a_reply_to_a_query_is_utf8_only_where_it_is_asked_for() {
    let config = config(|_| {});
    for (code, asked, plain) in [
        (Code::OK, "250 2.1.5 Jörg <jörg@y.test>", "252 2.6.8 J??rg <j??rg@y.test>"),
        (Code::USER_NOT_LOCAL, "551 5.1.6 Jörg <jörg@y.test>", "550 5.6.8 J??rg <j??rg@y.test>"),
    ] {
        for verb in ["VRFY", "EXPN"] {
            let lines = [&format!("{verb} joerg SMTPUTF8")[..], &format!("{verb} joerg")];
            let said = replies(&config, &lines, names(code));
            assert_eq!(said, [format!("{asked}\r\n"), format!("{plain}\r\n")]);
        }
    }
}

/// RFC 6531 3.7.4.1.
#[test]
fn s6531_3_7_4_1_another_mailbox_is_named_in_utf8_only_in_a_transaction_that_has_it() {
    let config = config(|_| {});
    let rcpt = "RCPT TO:<joerg@y.test>";
    for (code, utf8, plain) in [
        (Code::WILL_FORWARD, "251 2.1.5 Jörg <jörg@y.test>", "250 2.1.5 J??rg <j??rg@y.test>"),
        (Code::USER_NOT_LOCAL, "551 5.1.6 Jörg <jörg@y.test>", "550 5.1.6 J??rg <j??rg@y.test>"),
    ] {
        for (mail, expected) in
            [("MAIL FROM:<a@x.test> SMTPUTF8", utf8), ("MAIL FROM:<a@x.test>", plain)]
        {
            let said = replies(&config, &[mail, rcpt, rcpt], names(code));
            assert_eq!(said[1..], [format!("{expected}\r\n"), format!("{expected}\r\n")]);
        }
    }
    // RFC 6531 3.7.4.2: no other reply holds UTF-8.
    let said = replies(&config, &["MAIL FROM:<a@x.test> SMTPUTF8", rcpt], names(Code::OK));
    assert_eq!(said[1], "250 2.1.5 J??rg <j??rg@y.test>\r\n");
}

/// RFC 6531 3.7.4.2: a client takes UTF-8 where it said so, and the mailboxes of 251 and 551.
#[test]
fn s6531_3_7_4_a_client_reads_replies_in_utf8() {
    Script::new(
        "
        S: 220 mx.test
        C: EHLO c.test
        S: 250-mx.test
        S: 250-8BITMIME
        S: 250 SMTPUTF8
        C: VRFY jörg SMTPUTF8
        S: 250 Jörg <jörg@y.test>
        C: MAIL FROM:<a@x.test> SMTPUTF8
        S: 250 ok
        C: RCPT TO:<jörg@z.test>
        S: 551 try <jörg@y.test>
        C: QUIT
        S: 221 bye
        ",
    )
    .assert_client(Arc::default());
}

/// RFC 3030 2: DATA is there beside BDAT, and both may be used in one session; inside DATA a line that begins with BDAT is content.
#[test]
fn s3030_2_data_and_bdat_take_turns() {
    Script::new(
        "
        S: 220 mx.test ESMTP
        C: EHLO c.test
        S: 250-mx.test
        S: 250 CHUNKING
        C: MAIL FROM:<a@x.test>
        S: 250 Sender accepted
        C: RCPT TO:<b@y.test>
        S: 250 Recipient accepted
        C: BDAT 6 LAST
        C: .abc
        S: 250 Message accepted
        C: MAIL FROM:<a@x.test>
        S: 250 Sender accepted
        C: RCPT TO:<b@y.test>
        S: 250 Recipient accepted
        C: DATA
        S: 354 Start mail input; end with <CRLF>.<CRLF>
        C: BDAT 3
        C: .
        S: 250 Message accepted
        ",
    )
    .assert_server(
        config(|config| {
            config.offer = smtp_proto::Extensions::none().with(Extension::Chunking);
        }),
        accept,
    );
}

/// RFC 3030 2: behind a chunk that failed no other is sent, and RSET comes first.
#[test]
fn s3030_2_a_client_stops_at_a_chunk_that_failed() {
    let script = "
        S: 220 mx.test
        C: EHLO c.test
        S: 250-mx.test
        S: 250 CHUNKING
        C: MAIL FROM:<a@x.test>
        S: 250 ok
        C: RCPT TO:<b@y.test>
        S: 250 ok
        C: BDAT 3
        C: a
        S: 452 4.3.1 no room
    ";
    for script in [script.to_owned(), script.replace("BDAT 3", "BDAT 3 LAST")] {
        let behind = "C: RSET\nS: 250 ok\nC: MAIL FROM:<a@x.test>\n";
        let told = format!("{script}\nC: BDAT 0 LAST\nC: NOOP\n{behind}");
        let played = Script::new(&told).against_client(Arc::default()).to_string();
        let rest = played.split("no room\n").nth(1).expect("the chunk is refused");
        let refused = "C: <refused: this may not come now>\n".repeat(2);
        assert_eq!(rest, refused + behind);
    }
}

/// RFC 9422 3.6: what the last EHLO says holds; where it says nothing there are no limits.
#[test]
fn s9422_3_6_the_last_hello_counts() {
    let mut client = client::Client::new(Arc::default());
    client.hello(smtp_proto::Host::parse(b"c.test").expect("a domain")).expect("it is first");
    let hear = |client: &mut client::Client, mut replies: &[u8]| {
        client.sent(usize::MAX);
        while client.next(&mut replies).expect("replies").is_some() {}
    };
    hear(&mut client, b"220 mx.test\r\n");
    hear(&mut client, b"250-mx.test\r\n250 LIMITS RCPTMAX=5\r\n");
    let limit = |client: &client::Client| {
        client.extensions().and_then(|offered| offered.limits().recipients)
    };
    assert_eq!(limit(&client), Some(5));
    client.hello(smtp_proto::Host::parse(b"c.test").expect("a domain")).expect("once more");
    hear(&mut client, b"250 mx.test\r\n");
    assert_eq!(limit(&client), None);
}

/// RFC 4954 4: what has no room in the command line is sent behind the first challenge.
#[test]
fn s4954_4_a_long_initial_response_is_left_out_of_the_command() {
    let mut config = client::Config::default();
    config.auth_in_clear = Mechanisms::of(["XOAUTH2"]);
    let mut client = client::Client::new(Arc::new(config));
    client.hello(smtp_proto::Host::parse(b"c.test").expect("a domain")).expect("it is first");
    let secret = "aaa".repeat(200);
    let mut said = String::new();
    let offer = "250-mx.test\r\n250 AUTH XOAUTH2\r\n";
    for reply in ["220 mx.test\r\n", offer, "334 \r\n", "235 2.7.0 in\r\n"] {
        let mut input = reply.as_bytes();
        while client.next(&mut input).expect("a reply").is_some() {}
        if reply == offer {
            let mechanism = smtp_proto::Mechanism::new("XOAUTH2").expect("a name");
            client.auth(mechanism, Some(secret.as_bytes())).expect("it is offered");
        }
        said.push_str(core::str::from_utf8(client.outgoing()).expect("ASCII"));
        client.sent(usize::MAX);
    }
    let response = "YWFh".repeat(200);
    assert_eq!(said, format!("EHLO c.test\r\nAUTH XOAUTH2\r\n{response}\r\n"));
    assert!(client.is_authenticated());
}

/// RFC 3207 4 and RFC 4954 6: what is served before TLS, and before AUTH, where these are required.
#[test]
fn s3207_4_and_s4954_6_what_is_served_before_security_that_is_required() {
    let tls = config(|config| config.starttls = StartTls::Required);
    let auth = config(|config| {
        config.auth.in_clear = Mechanisms::of(["PLAIN"]);
        config.auth.required = true;
    });
    let commands = ["NOOP", "EHLO c.test", "RSET", "VRFY a", "HELP", "MAIL FROM:<>", "QUIT"];
    let codes = |config: &Arc<Config>| -> Vec<String> {
        let said = replies(config, &commands, accept);
        said.iter().map(|reply| reply.get(..3).unwrap_or_default().to_owned()).collect()
    };
    assert_eq!(codes(&tls), ["250", "250", "530", "530", "530", "530", "221"]);
    assert_eq!(codes(&auth), ["250", "250", "250", "530", "530", "530", "221"]);
}

/// RFC 6409 7: ETRN and ATRN are not for submission; 3.2: the null reverse-path alone is no reason to refuse.
#[test]
fn s6409_7_a_submission_server_serves_neither_etrn_nor_atrn() {
    let mut config = Config::submission("mail.test").expect("a domain");
    config.auth.in_clear = Mechanisms::of(["PLAIN"]);
    let lines = ["AUTH PLAIN AHUAcA==", "ETRN x.test", "ATRN", "MAIL FROM:<>"];
    let said = replies(&Arc::new(config), &lines, |event, server| match event {
        Event::Auth { pending, .. } => server.authenticated(pending).expect("it is in time"),
        other => accept(other, server),
    });
    let codes: Vec<&str> = said.iter().map(|reply| &reply[..3]).collect();
    assert_eq!(codes, ["235", "502", "502", "250"]);
}

/// RFC 2033 4.1, 4.3, 5: LHLO alone; no reply to the last chunk for nobody; what has to be offered is.
#[test]
fn s2033_a_server_of_lmtp() {
    let mut config = Config::lmtp("mx.test").expect("a domain");
    config.offer = config.offer.without(Extension::Pipelining);
    let config = Arc::new(config);
    let said = replies(&config, &["EHLO c.test", "HELO c.test", "LHLO c.test"], accept);
    assert!(said[0].starts_with("500 5.5.1 ") && said[1].starts_with("500 5.5.1 "), "{said:?}");
    for keyword in ["PIPELINING", "ENHANCEDSTATUSCODES", "8BITMIME"] {
        assert!(said[2].contains(keyword), "{said:?}");
    }
    let lines = ["MAIL FROM:<>", "RCPT TO:<b@y.test>", "BDAT 3 LAST\r\na"];
    let said = replies(&config, &lines, |event, server| server.decline(event));
    assert_eq!(said[2], "", "nobody was accepted");
    let smtp = Arc::new(Config::new("mx.test").expect("a domain"));
    assert!(replies(&smtp, &["LHLO c.test"], accept)[0].starts_with("500 5.5.1 "));
}

/// RFC 3207 4.2: what was learned in the clear is forgotten, and STARTTLS is not said again.
#[test]
fn s3207_4_2_a_session_begins_anew_inside_tls() {
    let config = config(|config| {
        config.starttls = StartTls::Offered;
        config.offer = smtp_proto::Extensions::none();
    });
    Script::new(
        "
        S: 220 mx.test ESMTP
        C: EHLO c.test
        S: 250-mx.test
        S: 250 STARTTLS
        C: STARTTLS
        S: 220 Ready to start TLS
        C: <starts TLS negotiation>
        C: MAIL FROM:<a@x.test>
        S: 503 Say EHLO first
        C: EHLO c.test
        S: 250 mx.test
        C: STARTTLS
        S: 503 TLS is there already
        C: MAIL FROM:<a@x.test>
        S: 250 Sender accepted
        ",
    )
    .assert_server(config, accept);
    let mut client = client::Client::implicit_tls(Arc::default());
    client.hello(smtp_proto::Host::parse(b"c.test").expect("a domain")).expect("it is first");
    for mut replies in [&b"220 mx.test\r\n"[..], b"250-mx.test\r\n250 STARTTLS\r\n"] {
        while client.next(&mut replies).expect("replies").is_some() {}
        client.sent(usize::MAX);
    }
    assert_eq!(client.start_tls(), Err(client::Misuse::Order));
}
