//! The MUSTs of RFC 5321 and RFC 2920 that neither a wire case nor a test beside the code holds. Each test names its section.

use std::sync::Arc;

use smtp_proto::server::{Config, Event, Server, Wants};
use smtp_proto::testing::{Script, accept};
use smtp_proto::{Extension, ForwardPathBuf, ReversePathBuf, client};

fn config(change: impl FnOnce(&mut Config)) -> Arc<Config> {
    let mut config = Config::new("mx.test").expect("a domain");
    change(&mut config);
    Arc::new(config)
}

/// The server says this, in one piece and octet by octet.
#[track_caller]
fn server_says(config: &Arc<Config>, script: &str) {
    let script = Script::new(script);
    for script in [script.clone(), script.in_pieces_of(1)] {
        script.assert_server(Arc::clone(config), accept);
    }
}

/// The client says this.
#[track_caller]
fn client_says(script: &str) {
    Script::new(script).assert_client(Arc::new(client::Config::default()));
}

/// A server that has greeted, then reads each part of `input`; every event is given to `application`.
fn serve(input: &[&[u8]], mut application: impl FnMut(Event<'_>, &mut Server)) -> Server {
    let mut server = Server::new(config(|_| {}));
    for part in [&[&b""[..]], input].concat() {
        let mut part = part;
        loop {
            while let Some(event) = server.next(&mut part) {
                application(event, &mut server);
            }
            if !matches!(server.wants(), Wants::Flush(_)) {
                break;
            }
            server.sent(server.outgoing().len());
        }
    }
    server
}

/// The codes of the replies that wait to be sent, behind a hello.
fn codes(mut input: &[u8]) -> Vec<String> {
    let mut server = serve(&[HELLO_LINE], accept);
    while let Some(event) = server.next(&mut input) {
        accept(event, &mut server);
    }
    let said = core::str::from_utf8(server.outgoing()).expect("ASCII");
    said.lines().filter_map(|line| line.get(..3)).map(str::to_owned).collect()
}

const HELLO_LINE: &[u8] = b"EHLO c.test\r\n";

/// RFC 5321 2.2.2: a keyword that does not begin with X is registered.
#[test]
fn s2_2_2_nothing_is_offered_that_is_not_registered() {
    let registered = [
        "8BITMIME",
        "ATRN",
        "AUTH",
        "BINARYMIME",
        "BURL",
        "CHECKPOINT",
        "CHUNKING",
        "CONNEG",
        "CONPERM",
        "DELIVERBY",
        "DSN",
        "ENHANCEDSTATUSCODES",
        "ETRN",
        "EXPN",
        "FUTURERELEASE",
        "HELP",
        "LIMITS",
        "MT-PRIORITY",
        "MTRK",
        "NO-SOLICITING",
        "PIPELINING",
        "REQUIRETLS",
        "RRVS",
        "SIZE",
        "SMTPUTF8",
        "STARTTLS",
        "SUBMITTER",
        "VERP",
        "VRFY",
    ];
    for extension in Extension::all() {
        let keyword = extension.keyword();
        assert!(registered.contains(&keyword) || keyword.starts_with('X'), "{keyword}");
    }
}

/// RFC 5321 3.2: whoever says HELO gets one line, and no extensions; 4.1.1.1, F.3: it is served.
#[test]
fn s3_2_helo_gets_one_line_and_a_transaction() {
    let script = "
        S: 220 mx.test ESMTP
        C: HELO c.test
        S: 250 mx.test
        C: MAIL FROM:<a@x.test>
        S: 250 2.1.0 Sender accepted
        C: RCPT TO:<b@y.test>
        S: 250 2.1.5 Recipient accepted
        C: DATA
        S: 354 Start mail input; end with <CRLF>.<CRLF>
    ";
    server_says(&config(|_| {}), script);
}

/// RFC 5321 4.3.1: the greeting begins with the name of the host, or its address literal.
#[test]
fn s4_3_1_the_greeting_begins_with_the_name() {
    for name in ["mx.test", "[192.0.2.1]", "[IPv6:2001:db8::1]"] {
        let config = config(|config| config.hostname = name.parse().expect("a host"));
        server_says(&config, &format!("S: 220 {name} ESMTP"));
    }
}

/// RFC 5321 4.1.1.1, 4.2.4: what the server takes is listed, and what is listed is neither unknown nor unimplemented; 4.5.1: nor is any
/// of the verbs that every server has. RFC 2920 2: PIPELINING has no parameter.
#[test]
fn s4_2_4_what_is_listed_is_implemented() {
    let offering = |verbs: &[Extension]| {
        let offer = verbs
            .iter()
            .fold(Config::new("mx.test").expect("a domain").offer, |offer, &verb| offer.with(verb));
        config(|config| config.offer = offer)
    };
    let hello = "S: 220 mx.test ESMTP\nC: EHLO c.test\n";
    let listed = "S: 250-mx.test\nS: 250-PIPELINING\nS: 250-SIZE 52428800\nS: 250-8BITMIME\nS: 250-SMTPUTF8\n\
         S: 250-ENHANCEDSTATUSCODES\nS: 250-DSN\nS: 250-CHUNKING\nS: 250-BINARYMIME\n";
    let refused = "S: 503 5.5.1 Say MAIL first\n";
    let all = format!(
        "{hello}{listed}S: 250-VRFY\nS: 250-EXPN\nS: 250 HELP\nC: HELP\nS: 214 2.0.0 See RFC 5321\n\
         C: VRFY a\nS: 252 2.0.0 Cannot verify, but will take a message\nC: EXPN a\nS: 252 2.0.0 Cannot verify, but will take a message\n\
         C: BDAT 2 LAST\nC:\n{refused}C: RSET\nS: 250 2.0.0 OK\nC: NOOP\nS: 250 2.0.0 OK\n\
         C: RCPT TO:<b@y.test>\n{refused}C: QUIT\nS: 221 2.0.0 Closing\n"
    );
    server_says(&offering(&[Extension::Vrfy, Extension::Expn]), &all);
    let few = format!(
        "{hello}{listed}S: 250 HELP\nC: EXPN a\nS: 502 5.5.1 Command not implemented\n\
         C: STARTTLS\nS: 502 5.5.1 Command not implemented\nC: AUTH PLAIN\nS: 502 5.5.1 Command not implemented\n\
         C: VRFY a\nS: 252 2.0.0 Cannot verify, but will take a message\n"
    );
    server_says(&offering(&[]), &few);
}

/// RFC 5321 4.1.1.6 to 4.1.1.9: VRFY, EXPN, HELP and NOOP leave sender and recipients as they are.
#[test]
fn s4_1_1_6_questions_leave_the_transaction_as_it_is() {
    let questions = "
        C: VRFY a
        S: 252 2.0.0 Cannot verify, but will take a message
        C: EXPN a
        S: 502 5.5.1 Command not implemented
        C: HELP MAIL
        S: 214 2.0.0 See RFC 5321
        C: NOOP whatever
        S: 250 2.0.0 OK
    ";
    let script = format!(
        "S: 220 mx.test ESMTP
        C: HELO c.test
        S: 250 mx.test
        C: MAIL FROM:<a@x.test>
        S: 250 2.1.0 Sender accepted
        {questions}
        C: RCPT TO:<b@y.test>
        S: 250 2.1.5 Recipient accepted
        {questions}
        C: DATA
        S: 354 Start mail input; end with <CRLF>.<CRLF>"
    );
    server_says(&config(|_| {}), &script);
}

/// RFC 5321 4.1.1.4: the end of the data ends the transaction, also where the message is accepted; 4.1.4: a second MAIL is refused, and
/// the first stays.
#[test]
fn s4_1_1_4_an_accepted_message_ends_its_transaction() {
    let script = "
        S: 220 mx.test ESMTP
        C: HELO c.test
        S: 250 mx.test
        C: MAIL FROM:<a@x.test>
        S: 250 2.1.0 Sender accepted
        C: MAIL FROM:<b@x.test>
        S: 503 5.5.1 A sender was already given
        C: RCPT TO:<b@y.test>
        S: 250 2.1.5 Recipient accepted
        C: DATA
        S: 354 Start mail input; end with <CRLF>.<CRLF>
        C: Hello
        C: .
        S: 250 2.0.0 Message accepted
        C: RCPT TO:<b@y.test>
        S: 503 5.5.1 Say MAIL first
        C: DATA
        S: 503 5.5.1 Say MAIL first
    ";
    server_says(&config(|_| {}), script);
}

/// RFC 5321 4.5.2: control characters are delivered as they were sent. CR, LF and NUL alone are refused by default.
#[test]
fn s4_5_2_every_octet_is_delivered_as_it_was_sent() {
    let octets: Vec<u8> = (1..=255).filter(|octet| !b"\r\n".contains(octet)).collect();
    let letter = [&octets[..], b"\r\n.\r\n"].concat();
    let mut delivered = Vec::new();
    let envelope = &b"MAIL FROM:<a@x.test>\r\nRCPT TO:<b@y.test>\r\nDATA\r\n"[..];
    serve(&[HELLO_LINE, envelope, &letter], |event, server| match event {
        Event::Body(run) => delivered.extend_from_slice(run),
        other => accept(other, server),
    });
    assert_eq!(delivered, [&octets[..], b"\r\n"].concat());
}

/// RFC 5321 F.4: an address literal of the form `#number` is not used, nor taken.
#[test]
fn f_4_a_number_is_no_domain() {
    for path in ["a@#123", "a@[#123]", "a@[123]"] {
        assert!(path.parse::<ReversePathBuf>().is_err(), "{path}");
        assert!(path.parse::<ForwardPathBuf>().is_err(), "{path}");
    }
}

/// RFC 2920 3.2: whatever fails, no command behind it is lost, and each has its reply in its place.
#[test]
fn p3_2_no_command_behind_a_failure_is_lost() {
    let group =
        "MAIL FROM:a@x.test\r\nXFOO\r\nRCPT TO:<b@y.test>\r\n\r\nRSET\r\nMAIL FROM:<a@x.test>\r\n";
    assert_eq!(codes(group.as_bytes()), ["501", "500", "503", "500", "250", "250"]);
    let long = [&b"NOOP "[..], &[b'a'; 5000], b"\r\nNOOP\r\nRCPT TO:<b@y.test>\r\n"].concat();
    assert_eq!(codes(&long), ["500", "250", "503"]);
}

/// RFC 2920 3.2: once nothing more is to be read, every reply that is decided leaves, though a later one is still owed.
#[test]
fn p3_2_what_is_decided_is_not_held_back() {
    let mut server = serve(&[HELLO_LINE], accept);
    let mut held = None;
    let mut input = &b"MAIL FROM:<a@x.test>\r\nNOOP\r\nRCPT TO:<b@y.test>\r\n"[..];
    while let Some(event) = server.next(&mut input) {
        match event {
            Event::Rcpt { pending, .. } => held = Some(pending),
            other => accept(other, &mut server),
        }
    }
    assert!(matches!(server.wants(), Wants::Flush(_)), "{:?}", server.wants());
    assert_eq!(server.outgoing(), b"250 2.1.0 Sender accepted\r\n250 2.0.0 OK\r\n");
    assert!(held.is_some());
}

const HELLO: &str = "S: 220 mx.test\nC: EHLO c.test\nS: 250-mx.test\nS: 250 PIPELINING\n";

/// RFC 5321 4.2: a code that is not known counts by its first digit.
#[test]
fn s4_2_a_code_that_is_not_known_counts_by_its_first_digit() {
    let script = "
        S: 299 mx.test
        C: EHLO c.test
        S: 299 mx.test
        C: MAIL FROM:<a@x.test>
        S: 299 sender
        C: RCPT TO:<b@y.test>
        S: 299
        C: RCPT TO:<c@y.test>
        S: 499 not now
        C: RCPT TO:<d@y.test>
        S: 599 never
        C: DATA
        S: 354
        C: Hello
        C: .
        S: 299
        C: QUIT
        S: 299
        C: <closes>
    ";
    client_says(script);
}

/// RFC 5321 3.3: nothing of a message is sent that 354 did not ask for. An unknown 3yz is no 354.
#[test]
fn s3_3_only_354_asks_for_the_message() {
    for reply in ["451 not now", "554 never", "599"] {
        let script = format!(
            "{HELLO}C: MAIL FROM:<a@x.test>\nC: RCPT TO:<b@y.test>\nC: DATA\nS: 250 a\nS: 250 b\nS: {reply}\nC: RSET\nS: 250 c\n"
        );
        client_says(&script);
    }
    for reply in ["250 ok", "399 go on", "334 "] {
        let script = format!(
            "{HELLO}C: MAIL FROM:<a@x.test>\nC: RCPT TO:<b@y.test>\nC: DATA\nS: 250 a\nS: 250 b\nS: {reply}\nC: Hello\n"
        );
        let played = Script::new(&script).against_client(Arc::new(client::Config::default()));
        let said = played.to_string();
        assert!(said.contains("C: <fails: ") && !said.contains("C: Hello"), "{said}");
    }
}

/// RFC 5321 3.3, 4.1.1.1, 4.1.4: hello, MAIL, RCPT, DATA come in this order; MAIL not in a transaction, and nothing behind QUIT.
#[test]
fn s4_1_4_commands_are_sent_in_their_order() {
    let order = "C: <refused: this may not come now>";
    let refused = [
        ("C: RCPT TO:<b@y.test>", order),
        ("C: DATA", order),
        ("C: MAIL FROM:<a@x.test>\nS: 250 a\nC: MAIL FROM:<b@x.test>", order),
        (
            "C: MAIL FROM:<a@x.test>\nS: 250 a\nC: RCPT TO:<b@y.test>\nS: 250 b\nC: MAIL FROM:<b@x.test>",
            order,
        ),
        ("C: QUIT\nC: NOOP", "C: <refused: the session is over>"),
    ];
    for (lines, last) in refused {
        let (before, _) = lines.rsplit_once('\n').unwrap_or_default();
        let expected = Script::new(&format!("{HELLO}{before}\n{last}"));
        let played = Script::new(&format!("{HELLO}{lines}"))
            .against_client(Arc::new(client::Config::default()));
        assert_eq!(expected.difference(&played), None, "{lines}\n{played}");
    }
}

/// RFC 5321 4.1.4: a transaction is over, and MAIL may come again, where MAIL was refused and behind RSET and EHLO.
#[test]
fn s4_1_4_another_mail_comes_behind_the_end_of_a_transaction() {
    let mail = "C: MAIL FROM:<a@x.test>\nS: 250 a\n";
    for end in ["C: RSET\nS: 250 b\n", "C: EHLO c.test\nS: 250 mx.test\n"] {
        client_says(&format!("{HELLO}{mail}{end}{mail}"));
    }
    client_says(&format!("{HELLO}C: MAIL FROM:<b@x.test>\nS: 550 no\n{mail}"));
    let letter = "C: RCPT TO:<b@y.test>\nS: 250 b\nC: DATA\nS: 354 c\nC: Hello\nC: .\nS: 451 no\n";
    client_says(&format!("{HELLO}{mail}{letter}{mail}"));
}

/// RFC 2920 3.1: replies are counted, and one of several lines is one; neither codes nor texts say what they answer.
#[test]
fn p3_1_replies_are_counted_and_not_guessed() {
    let group = "C: MAIL FROM:<a@x.test>\nC: RCPT TO:<b@y.test>\nC: RCPT TO:<c@y.test>\nC: DATA\n";
    let script = format!(
        "{HELLO}{group}S: 250-DATA\nS: 250-RCPT\nS: 250 354 go\nS: 550-MAIL\nS: 550 MAIL\nS: 250 no\nS: 354-one\nS: 354 two\nC: Hello\nC: .\nS: 250 ok\n"
    );
    client_says(&script);
    // The only one that is accepted is the MAIL: DATA is answered by the lone dot.
    let nobody = format!(
        "{HELLO}{group}S: 250 a\nS: 550 250 ok\nS: 450-250\nS: 450 250\nS: 354 go\nC: .\nS: 250 ok\n"
    );
    client_says(&nobody);
}
