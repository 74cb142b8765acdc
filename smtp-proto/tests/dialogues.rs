//! The dialogues of RFC 5321 appendix D and RFC 2920 5, with either machine in its part.
//!
//! The client's lines are those of the RFC always. The server's are where our server has a say in them; it differs from the RFC in
//! what it offers, and in the texts of the replies that it gives by itself (RSET, QUIT).

use std::sync::Arc;

use smtp_proto::server::{Event, Server};
use smtp_proto::testing::Script;
use smtp_proto::{Code, Extension, Extensions, ForwardPath, Reply, client, server};

const D_1: &str = "
    S: 220 foo.com Simple Mail Transfer Service Ready
    C: EHLO bar.com
    S: 250-foo.com greets bar.com
    S: 250-8BITMIME
    S: 250-SIZE
    S: 250-DSN
    S: 250 HELP
    C: MAIL FROM:<Smith@bar.com>
    S: 250 OK
    C: RCPT TO:<Jones@foo.com>
    S: 250 OK
    C: RCPT TO:<Green@foo.com>
    S: 550 No such user here
    C: RCPT TO:<Brown@foo.com>
    S: 250 OK
    C: DATA
    S: 354 Start mail input; end with <CRLF>.<CRLF>
    C: Blah blah blah...
    C: ...etc. etc. etc.
    C: .
    S: 250 OK
    C: QUIT
    S: 221 foo.com Service closing transmission channel
";

const D_2: &str = "
    S: 220 foo.com Simple Mail Transfer Service Ready
    C: EHLO bar.com
    S: 250-foo.com greets bar.com
    S: 250-8BITMIME
    S: 250-SIZE
    S: 250-DSN
    S: 250 HELP
    C: MAIL FROM:<Smith@bar.com>
    S: 250 OK
    C: RCPT TO:<Jones@foo.com>
    S: 250 OK
    C: RCPT TO:<Green@foo.com>
    S: 550 No such user here
    C: RSET
    S: 250 OK
    C: QUIT
    S: 221 foo.com Service closing transmission channel
";

const D_3_SOURCE_TO_RELAY: &str = "
    S: 220 foo.com Simple Mail Transfer Service Ready
    C: EHLO bar.com
    S: 250-foo.com greets bar.com
    S: 250-8BITMIME
    S: 250-SIZE
    S: 250-DSN
    S: 250 HELP
    C: MAIL FROM:<JQP@bar.com>
    S: 250 OK
    C: RCPT TO:<Jones@XYZ.COM>
    S: 250 OK
    C: DATA
    S: 354 Start mail input; end with <CRLF>.<CRLF>
    C: Date: Thu, 21 May 1998 05:33:29 -0700
    C: From: John Q. Public <JQP@bar.com>
    C: Subject: The Next Meeting of the Board
    C: To: Jones@xyz.com
    C:
    C: Bill:
    C: The next meeting of the board of directors will be
    C: on Tuesday.
    C: John.
    C: .
    S: 250 OK
    C: QUIT
    S: 221 foo.com Service closing transmission channel
";

const D_3_RELAY_TO_DESTINATION: &str = "
    S: 220 xyz.com Simple Mail Transfer Service Ready
    C: EHLO foo.com
    S: 250 xyz.com is on the air
    C: MAIL FROM:<JQP@bar.com>
    S: 250 OK
    C: RCPT TO:<Jones@XYZ.COM>
    S: 250 OK
    C: DATA
    S: 354 Start mail input; end with <CRLF>.<CRLF>
    C: Received: from bar.com by foo.com ; Thu, 21 May 1998
    C:     05:33:29 -0700
    C: Date: Thu, 21 May 1998 05:33:22 -0700
    C: From: John Q. Public <JQP@bar.com>
    C: Subject:  The Next Meeting of the Board
    C: To: Jones@xyz.com
    C:
    C: Bill:
    C: The next meeting of the board of directors will be
    C: on Tuesday.
    C:                         John.
    C: .
    S: 250 OK
    C: QUIT
    S: 221 foo.com Service closing transmission channel
";

const D_4: &str = "
    S: 220 foo.com Simple Mail Transfer Service Ready
    C: EHLO bar.com
    S: 250-foo.com greets bar.com
    S: 250-8BITMIME
    S: 250-SIZE
    S: 250-DSN
    S: 250-VRFY
    S: 250 HELP
    C: VRFY Crispin
    S: 250 Mark Crispin <Admin.MRC@foo.com>
    C: MAIL FROM:<EAK@bar.com>
    S: 250 OK
    C: RCPT TO:<Admin.MRC@foo.com>
    S: 250 OK
    C: DATA
    S: 354 Start mail input; end with <CRLF>.<CRLF>
    C: Blah blah blah...
    C: ...etc. etc. etc.
    C: .
    S: 250 OK
    C: QUIT
    S: 221 foo.com Service closing transmission channel
";

const WITHOUT_PIPELINING: &str = r#"
    S: <wait for open connection>
    C: <open connection to server>
    S: 220 innosoft.com SMTP service ready
    C: HELO dbc.mtview.ca.us
    S: 250 innosoft.com
    C: MAIL FROM:<mrose@dbc.mtview.ca.us>
    S: 250 sender <mrose@dbc.mtview.ca.us> OK
    C: RCPT TO:<ned@innosoft.com>
    S: 250 recipient <ned@innosoft.com> OK
    C: RCPT TO:<dan@innosoft.com>
    S: 250 recipient <dan@innosoft.com> OK
    C: RCPT TO:<kvc@innosoft.com>
    S: 250 recipient <kvc@innosoft.com> OK
    C: DATA
    S: 354 enter mail, end with line containing only "."
    C: ...
    C: .
    S: 250 message sent
    C: QUIT
    S: 221 goodbye
"#;

const PIPELINED: &str = r#"
    S: <wait for open connection>
    C: <open connection to server>
    S: 220 innosoft.com SMTP service ready
    C: EHLO dbc.mtview.ca.us
    S: 250-innosoft.com
    S: 250 PIPELINING
    C: MAIL FROM:<mrose@dbc.mtview.ca.us>
    C: RCPT TO:<ned@innosoft.com>
    C: RCPT TO:<dan@innosoft.com>
    C: RCPT TO:<kvc@innosoft.com>
    C: DATA
    S: 250 sender <mrose@dbc.mtview.ca.us> OK
    S: 250 recipient <ned@innosoft.com> OK
    S: 250 recipient <dan@innosoft.com> OK
    S: 250 recipient <kvc@innosoft.com> OK
    S: 354 enter mail, end with line containing only "."
    C: ...
    C: .
    C: QUIT
    S: 250 message sent
    S: 221 goodbye
"#;

const NO_RECIPIENT_IS_LEFT: &str = "
    S: <wait for open connection>
    C: <open connection to server>
    S: 220 innosoft.com SMTP service ready
    C: EHLO dbc.mtview.ca.us
    S: 250-innosoft.com
    S: 250 PIPELINING
    C: MAIL FROM:<mrose@dbc.mtview.ca.us>
    C: RCPT TO:<nsb@thumper.bellcore.com>
    C: RCPT TO:<galvin@tis.com>
    C: DATA
    S: 250 sender <mrose@dbc.mtview.ca.us> OK
    S: 550 remote mail to <nsb@thumper.bellcore.com> not allowed
    S: 550 remote mail to <galvin@tis.com> not allowed
    S: 554 no valid recipients given
    C: QUIT
    S: 221 goodbye
";

const A_DOT_FOR_NOBODY: &str = r#"
    S: <wait for open connection>
    C: <open connection to server>
    S: 220 innosoft.com SMTP service ready
    C: EHLO dbc.mtview.ca.us
    S: 250-innosoft.com
    S: 250 PIPELINING
    C: MAIL FROM:<mrose@dbc.mtview.ca.us>
    C: RCPT TO:<nsb@thumper.bellcore.com>
    C: RCPT TO:<galvin@tis.com>
    C: DATA
    S: 250 sender <mrose@dbc.mtview.ca.us> OK
    S: 550 remote mail to <nsb@thumper.bellcore.com> not allowed
    S: 550 remote mail to <galvin@tis.com> not allowed
    S: 354 enter mail, end with line containing only "."
    C: .
    C: QUIT
    S: 554 no valid recipients
    S: 221 goodbye
"#;

/// The part of the client, in pieces of several lengths.
#[track_caller]
fn client_plays(script: &Script) {
    for octets in [usize::MAX, 1, 2, 7, 100] {
        script.clone().in_pieces_of(octets).assert_client(Arc::new(client::Config::default()));
    }
}

/// The part of the server, in pieces of several lengths.
#[track_caller]
fn server_plays(script: &Script, config: &Arc<server::Config>, house: House) {
    for octets in [usize::MAX, 1, 2, 7, 100] {
        let script = script.clone().in_pieces_of(octets);
        script.assert_server(Arc::clone(config), |event, server| house.answer(event, server));
    }
}

/// What our server says in the place of the RFC's.
fn ours(script: &str, differences: &[(&str, &str)]) -> Script {
    let text = differences.iter().fold(script.to_owned(), |text, (theirs, ours)| {
        assert!(text.contains(theirs), "{theirs}");
        text.replace(theirs, ours)
    });
    Script::new(&text)
}

/// The lines of appendix D that our server has no say in, and its own. It gives its maximum always, and has an order of keywords.
const FOO: [(&str, &str); 2] = [
    ("S: 250-8BITMIME\n    S: 250-SIZE\n", "S: 250-SIZE 52428800\n    S: 250-8BITMIME\n"),
    ("S: 221 foo.com Service closing transmission channel", "S: 221 Closing"),
];

fn foo() -> Extensions {
    Extensions::none()
        .with(Extension::EightBitMime)
        .with(Extension::Size)
        .with(Extension::Dsn)
        .with(Extension::Help)
}

fn config(hostname: &str, offer: Extensions) -> Arc<server::Config> {
    let mut config = server::Config::new(hostname).expect("a domain");
    config.offer = offer;
    Arc::new(config)
}

/// The hosts of the RFCs.
#[derive(Clone, Copy)]
enum House {
    /// foo.com, where Green has no mailbox, and xyz.com.
    Foo,
    /// innosoft.com, which takes no remote mail.
    Innosoft,
}

impl House {
    fn answer(self, event: Event<'_>, server: &mut Server) {
        let say = |code, text| Reply::new(code, None, text);
        let answered = match event {
            Event::Connect(pending) => server.reply(pending, &say(Code::READY, self.greeting())),
            Event::Hello { pending, name, .. } => {
                let greets = format!("greets {name}");
                let text = match (self, server.config().hostname.to_string().as_str()) {
                    (Self::Innosoft, _) => "",
                    (_, "xyz.com") => "is on the air",
                    _ => &greets,
                };
                server.reply(pending, &say(Code::OK, text))
            }
            Event::Mail { mail, pending } => {
                let text = match self {
                    Self::Foo => "OK".to_owned(),
                    Self::Innosoft => format!("sender <{}> OK", mail.from),
                };
                server.reply(pending, &say(Code::OK, &text))
            }
            Event::Rcpt { rcpt, pending } => {
                let (code, text) = self.recipient(rcpt.to);
                server.reply(pending, &say(code, &text))
            }
            Event::Data { pending, .. } => server.reply(pending, &self.start()),
            Event::Message { pending, .. } => server.reply(
                pending,
                &say(Code::OK, if matches!(self, Self::Foo) { "OK" } else { "message sent" }),
            ),
            Event::Query { pending, .. } => {
                server.reply(pending, &say(Code::OK, "Mark Crispin <Admin.MRC@foo.com>"))
            }
            other => {
                server.decline(other);
                Ok(())
            }
        };
        answered.expect("every reply of this application suits its event");
    }

    const fn greeting(self) -> &'static str {
        match self {
            Self::Foo => "Simple Mail Transfer Service Ready",
            Self::Innosoft => "SMTP service ready",
        }
    }

    fn recipient(self, to: ForwardPath<'_>) -> (Code, String) {
        let text = to.to_string();
        match self {
            Self::Foo if text == "Green@foo.com" => {
                (Code::MAILBOX_UNAVAILABLE, "No such user here".to_owned())
            }
            Self::Foo => (Code::OK, "OK".to_owned()),
            Self::Innosoft if text.ends_with("@innosoft.com") => {
                (Code::OK, format!("recipient <{text}> OK"))
            }
            Self::Innosoft => {
                (Code::MAILBOX_UNAVAILABLE, format!("remote mail to <{text}> not allowed"))
            }
        }
    }

    const fn start(self) -> Reply<'static> {
        let text = match self {
            Self::Foo => "Start mail input; end with <CRLF>.<CRLF>",
            Self::Innosoft => "enter mail, end with line containing only \".\"",
        };
        Reply::new(Code::START_MAIL_INPUT, None, text)
    }
}

#[test]
fn a_typical_transaction() {
    client_plays(&Script::new(D_1));
    server_plays(&ours(D_1, &FOO), &config("foo.com", foo()), House::Foo);
}

#[test]
fn an_aborted_transaction() {
    client_plays(&Script::new(D_2));
    server_plays(&ours(D_2, &FOO), &config("foo.com", foo()), House::Foo);
}

#[test]
fn relayed_mail_from_its_source_to_the_relay() {
    client_plays(&Script::new(D_3_SOURCE_TO_RELAY));
    server_plays(&ours(D_3_SOURCE_TO_RELAY, &FOO), &config("foo.com", foo()), House::Foo);
}

#[test]
fn relayed_mail_from_the_relay_to_its_destination() {
    client_plays(&Script::new(D_3_RELAY_TO_DESTINATION));
    let script = ours(D_3_RELAY_TO_DESTINATION, &FOO[1..]);
    server_plays(&script, &config("xyz.com", Extensions::none()), House::Foo);
}

#[test]
fn verifying_and_sending() {
    client_plays(&Script::new(D_4));
    server_plays(&ours(D_4, &FOO), &config("foo.com", foo().with(Extension::Vrfy)), House::Foo);
}

const GOODBYE: (&str, &str) = ("S: 221 goodbye", "S: 221 Closing");

#[test]
fn a_session_without_pipelining() {
    // A client of our day says EHLO first.
    let asked = "C: EHLO dbc.mtview.ca.us\n S: 500 what?\n C: HELO dbc.mtview.ca.us";
    client_plays(&ours(WITHOUT_PIPELINING, &[("C: HELO dbc.mtview.ca.us", asked)]));
    let script = ours(WITHOUT_PIPELINING, &[GOODBYE]);
    server_plays(&script, &config("innosoft.com", Extensions::none()), House::Innosoft);
}

fn innosoft() -> Arc<server::Config> {
    config("innosoft.com", Extensions::none().with(Extension::Pipelining))
}

#[test]
fn a_pipelined_session() {
    client_plays(&Script::new(PIPELINED));
    server_plays(&ours(PIPELINED, &[GOODBYE]), &innosoft(), House::Innosoft);
}

#[test]
fn a_pipelined_session_in_which_every_recipient_is_refused() {
    client_plays(&Script::new(NO_RECIPIENT_IS_LEFT));
    let differences = [GOODBYE, ("S: 554 no valid recipients given", "S: 554 No valid recipients")];
    server_plays(&ours(NO_RECIPIENT_IS_LEFT, &differences), &innosoft(), House::Innosoft);
}

/// The server of this example is not ours: ours checks for a recipient before it accepts DATA.
#[test]
fn a_client_that_was_told_to_send_to_nobody_sends_a_dot() {
    client_plays(&Script::new(A_DOT_FOR_NOBODY));
}

/// RFC 2920 3.1: RSET, MAIL and RCPT may stand anywhere in a group, all others only last.
#[test]
fn what_ends_a_group_is_waited_for() {
    let hello =
        "S: 220 innosoft.com\nC: EHLO dbc.mtview.ca.us\nS: 250-innosoft.com\nS: 250 PIPELINING\n";
    let group = "C: RSET\nC: MAIL FROM:<mrose@dbc.mtview.ca.us>\n";
    let replies = "S: 250 reset\nS: 250 sender\nS: 250 answer\n";
    for last in ["NOOP", "VRFY Crispin", "EXPN list", "HELP", "XFOO bar"] {
        let told = format!("{hello}{group}C: {last}\nC: RSET\n{replies}");
        let played = Script::new(&told).against_client(Arc::new(client::Config::default()));
        let said = format!("{hello}{group}C: {last}\n{replies}C: RSET\n");
        assert_eq!(played.to_string(), said);
    }
}

/// RFC 5321 4.5.3.2: a slow server is waited for at each command anew, and one that is too slow once is given up.
#[test]
fn each_reply_has_its_own_wait() {
    let slow = "
        S: <waits 299 s>
        S: 220 innosoft.com
        C: EHLO dbc.mtview.ca.us
        S: <waits 299 s>
        S: 250 innosoft.com
        C: MAIL FROM:<mrose@dbc.mtview.ca.us>
        S: <waits 299 s>
        S: 250 sender
        C: RCPT TO:<ned@innosoft.com>
        S: 250 recipient
        C: DATA
        S: <waits 119 s>
        S: 354 go on
        C: ...
        C: .
        S: <waits 599 s>
        S: 250 message
        C: NOOP
        S: <waits 300 s>
        C: <fails: the server took too long>
        C: <closes>
    ";
    Script::new(slow).assert_client(Arc::new(client::Config::default()));
}
