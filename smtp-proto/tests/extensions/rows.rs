//! The array: what is read and refused of each extension, and how either machine speaks it.

use proptest::strategy::BoxedStrategy;
use smtp_proto::Extension;

use super::generated;

/// Generated lines.
type Lines = fn() -> BoxedStrategy<String>;

/// All that is to be shown of an extension.
pub(crate) struct Row {
    pub(crate) extension: Extension,
    /// Its line in the reply to EHLO of the dialogue.
    pub(crate) offer: &'static str,
    /// What is offered beside it there, and also where it is not.
    pub(crate) beside: &'static [&'static str],
    /// Generated lines of the reply to EHLO.
    pub(crate) offers: Lines,
    /// Lines as they came, and as they are understood.
    pub(crate) understood: &'static [(&'static str, &'static str)],
    /// Generated command lines, where it has any.
    pub(crate) lines: Option<Lines>,
    /// Command lines of its RFC.
    pub(crate) valid: &'static [&'static str],
    /// Lines that are none, and how the reply begins.
    pub(crate) invalid: &'static [(&'static str, &'static str)],
    /// What is said to the valid ones after HELO, by how they begin; 555 5.5.4 to the rest.
    pub(crate) after_helo: &'static [(&'static str, &'static str)],
    /// Behind the hello, with our machines in both parts.
    pub(crate) dialogue: &'static str,
    /// A server that does not offer it.
    pub(crate) server_without: &'static str,
    /// A client to which it was not offered.
    pub(crate) client_without: &'static str,
}

pub(crate) static ROWS: [Row; Extension::COUNT] = [
    Row {
        extension: Extension::Pipelining,
        offer: "PIPELINING",
        beside: &[],
        offers: || generated::alone("PIPELINING"),
        understood: &[("pipelining", "PIPELINING"), ("PIPELINING now", "PIPELINING")],
        lines: None,
        valid: &[],
        invalid: &[],
        after_helo: &[],
        // RFC 2920 5.
        dialogue: "
            C: MAIL FROM:<mrose@dbc.mtview.ca.us>
            C: RCPT TO:<ned@innosoft.com>
            C: RCPT TO:<dan@innosoft.com>
            C: DATA
            S: 250 Sender accepted
            S: 250 Recipient accepted
            S: 250 Recipient accepted
            S: 354 Start mail input; end with <CRLF>.<CRLF>
            C: ...
            C: .
            C: QUIT
            S: 250 Message accepted
            S: 221 Closing
        ",
        server_without: "
            C: MAIL FROM:<mrose@dbc.mtview.ca.us>
            C: RCPT TO:<ned@innosoft.com>
            S: 554 Octets came before their time
            S: <closes>
        ",
        client_without: "
            C: MAIL FROM:<mrose@dbc.mtview.ca.us>
            S: 250 sender <mrose@dbc.mtview.ca.us> OK
            C: RCPT TO:<ned@innosoft.com>
            S: 250 recipient <ned@innosoft.com> OK
            C: RCPT TO:<dan@innosoft.com>
            S: 250 recipient <dan@innosoft.com> OK
        ",
    },
    Row {
        extension: Extension::Size,
        offer: "SIZE 1000000",
        beside: &[],
        offers: generated::size_offer,
        // RFC 1870 3: the number may be left out; one that is none says nothing.
        understood: &[
            ("SIZE", "SIZE"),
            ("size 1000000", "SIZE 1000000"),
            ("SIZE 00000000000000001000", "SIZE 1000"),
            ("SIZE -1", "SIZE"),
            ("SIZE 1 2", "SIZE"),
        ],
        lines: Some(generated::size),
        // RFC 1870 7, and 3: up to 20 digits, whatever their number.
        valid: &["MAIL FROM:<ned@thor.innosoft.com> SIZE=500000", "MAIL FROM:<> SIZE=0"],
        invalid: &[
            ("MAIL FROM:<a@x.test> SIZE", "501 5.5.4 "),
            ("MAIL FROM:<a@x.test> SIZE=-1", "501 5.5.4 "),
            ("MAIL FROM:<a@x.test> SIZE=1k", "501 5.5.4 "),
            ("MAIL FROM:<a@x.test> SIZE=100000000000000000000", "501 5.5.4 "),
            ("MAIL FROM:<a@x.test> SIZE=1 size=1", "501 5.5.4 "),
            // RFC 1870 6.1.
            ("MAIL FROM:<a@x.test> SIZE=1000001", "552 5.3.4 "),
        ],
        after_helo: &[],
        // RFC 1870 7, by a server that knows its maximum alone.
        dialogue: "
            C: MAIL FROM:<ned@thor.innosoft.com> SIZE=1000001
            S: 552 Message too big
            C: MAIL FROM:<ned@thor.innosoft.com> SIZE=500000
            S: 250 Sender accepted
            C: RCPT TO:<ned@innosoft.com>
            S: 250 Recipient accepted
            C: QUIT
            S: 221 Closing
        ",
        server_without: "
            C: MAIL FROM:<ned@thor.innosoft.com> SIZE=500000
            S: 555 Parameter not recognised
        ",
        client_without: "
            C: MAIL FROM:<ned@thor.innosoft.com> SIZE=500000 -> <refused: the server did not offer what this needs>
        ",
    },
    Row {
        extension: Extension::EightBitMime,
        offer: "8BITMIME",
        beside: &[],
        offers: || generated::alone("8BITMIME"),
        understood: &[("8bitmime", "8BITMIME")],
        lines: Some(generated::body),
        // RFC 6152 3.
        valid: &["MAIL FROM:<ned@ymir.claremont.edu> BODY=8BITMIME", "MAIL FROM:<> BODY=7BIT"],
        invalid: &[
            ("MAIL FROM:<a@x.test> BODY", "501 5.5.4 "),
            ("MAIL FROM:<a@x.test> BODY=9BIT", "501 5.5.4 "),
            ("MAIL FROM:<a@x.test> BODY=7BIT BODY=7BIT", "501 5.5.4 "),
        ],
        after_helo: &[],
        // RFC 6152 4.
        dialogue: "
            C: MAIL FROM:<ned@ymir.claremont.edu> BODY=8BITMIME
            S: 250 Sender accepted
            C: RCPT TO:<mrose@dbc.mtview.ca.us>
            S: 250 Recipient accepted
            C: DATA
            S: 354 Start mail input; end with <CRLF>.<CRLF>
            C: Blah blah blah...\\xe6\\xff
            C: ...etc. etc. etc.
            C: .
            S: 250 Message accepted
        ",
        server_without: "
            C: MAIL FROM:<ned@ymir.claremont.edu> BODY=8BITMIME
            S: 555 Parameter not recognised
            C: MAIL FROM:<ned@ymir.claremont.edu> BODY=7BIT
            S: 555 Parameter not recognised
        ",
        client_without: "
            C: MAIL FROM:<ned@ymir.claremont.edu> BODY=8BITMIME -> <refused: the server did not offer what this needs>
        ",
    },
    Row {
        extension: Extension::SmtpUtf8,
        offer: "SMTPUTF8",
        // RFC 6531 3.1, 8.
        beside: &["8BITMIME", "VRFY"],
        offers: || generated::alone("SMTPUTF8"),
        understood: &[("smtputf8", "SMTPUTF8"), ("SMTPUTF8 x", "SMTPUTF8")],
        lines: Some(generated::utf8),
        // RFC 6531 3.3, 3.7.4.2; it has no examples of commands.
        valid: &[
            "MAIL FROM:<φίλος@παράδειγμα.test> SMTPUTF8",
            "VRFY φίλος SMTPUTF8",
            "EXPN φίλοι SMTPUTF8",
        ],
        invalid: &[
            ("MAIL FROM:<a@x.test> SMTPUTF8=1", "501 5.5.4 "),
            ("MAIL FROM:<φίλος@x.test>", "550 5.6.7 "),
            ("RCPT TO:<φίλος@x.test>", "553 5.6.7 "),
        ],
        after_helo: &[],
        dialogue: "
            C: VRFY φίλος SMTPUTF8
            S: 250 Mark Crispin <Admin.MRC@foo.com>
            C: MAIL FROM:<φίλος@παράδειγμα.test> BODY=8BITMIME SMTPUTF8
            S: 250 Sender accepted
            C: RCPT TO:<δοκιμή@παράδειγμα.test>
            S: 250 Recipient accepted
        ",
        // RFC 6531 3.5.
        server_without: "
            C: VRFY φίλος SMTPUTF8
            S: 555 Parameter not recognised
            C: MAIL FROM:<a@x.test> SMTPUTF8
            S: 555 Parameter not recognised
            C: MAIL FROM:<φίλος@παράδειγμα.test>
            S: 550 This address needs SMTPUTF8
            C: MAIL FROM:<a@x.test>
            S: 250 Sender accepted
            C: RCPT TO:<δοκιμή@παράδειγμα.test>
            S: 553 This address needs SMTPUTF8
        ",
        client_without: "
            C: VRFY φίλος SMTPUTF8 -> <refused: the server did not offer what this needs>
            C: MAIL FROM:<φίλος@παράδειγμα.test> SMTPUTF8 -> <refused: the server did not offer what this needs>
        ",
    },
    Row {
        extension: Extension::EnhancedStatusCodes,
        offer: "ENHANCEDSTATUSCODES",
        beside: &[],
        offers: || generated::alone("ENHANCEDSTATUSCODES"),
        understood: &[("EnhancedStatusCodes", "ENHANCEDSTATUSCODES")],
        lines: None,
        valid: &[],
        invalid: &[],
        after_helo: &[],
        // RFC 2034 5.
        dialogue: "
            C: MAIL FROM:<ned@ymir.claremont.edu>
            S: 250 2.1.0 Sender accepted
            C: RCPT TO:<mrose@dbc.mtview.ca.us>
            S: 250 2.1.5 Recipient accepted
            C: DATA
            S: 354 Start mail input; end with <CRLF>.<CRLF>
            C: ...
            C: .
            S: 250 2.0.0 Message accepted
            C: QUIT
            S: 221 2.0.0 Closing
        ",
        server_without: "
            C: MAIL FROM:<ned@ymir.claremont.edu>
            S: 250 Sender accepted
            C: MAIL FROM:<ned@ymir.claremont.edu>
            S: 503 A sender was already given
        ",
        // A code that comes all the same is text.
        client_without: "
            C: MAIL FROM:<ned@ymir.claremont.edu>
            S: 250 2.1.0 Originator <ned@ymir.claremont.edu> ok
        ",
    },
    Row {
        extension: Extension::Dsn,
        offer: "DSN",
        beside: &["PIPELINING"],
        offers: || generated::alone("DSN"),
        understood: &[("dsn", "DSN"), ("DSN x", "DSN")],
        lines: Some(generated::dsn),
        // RFC 3461 10.1, 4.2, 4.4; RFC 6533 3.
        valid: &[
            "MAIL FROM:<Alice@Example.ORG> RET=HDRS ENVID=QQ314159",
            "MAIL FROM:<> RET=FULL ENVID=a+20b",
            "RCPT TO:<Bob@Example.COM> NOTIFY=SUCCESS ORCPT=rfc822;Bob@Example.COM",
            "RCPT TO:<Dana@Ivory.EDU> NOTIFY=SUCCESS,FAILURE ORCPT=rfc822;Dana@Ivory.EDU",
            "RCPT TO:<Fred@Bombs.AF.MIL> NOTIFY=NEVER",
            "RCPT TO:<George@Tax-ME.GOV> NOTIFY=FAILURE ORCPT=rfc822;George+2BTax@Tax-ME.GOV",
            "RCPT TO:<b@y.test> ORCPT=utf-8;b\\x{FC}cher@x.test",
        ],
        invalid: &[
            ("MAIL FROM:<a@x.test> RET=HDR", "501 5.5.4 "),
            ("MAIL FROM:<a@x.test> RET=HDRS RET=HDRS", "501 5.5.4 "),
            ("MAIL FROM:<a@x.test> ENVID", "501 5.5.4 "),
            ("MAIL FROM:<a@x.test> ENVID=a+0D+0Ab", "501 5.5.4 "),
            ("RCPT TO:<b@y.test> NOTIFY", "501 5.5.4 "),
            ("RCPT TO:<b@y.test> NOTIFY=NEVER,SUCCESS", "501 5.5.4 "),
            ("RCPT TO:<b@y.test> NOTIFY=SUCCESS,SUCCESS", "501 5.5.4 "),
            ("RCPT TO:<b@y.test> ORCPT=rfc822", "501 5.5.4 "),
            ("RCPT TO:<b@y.test> ORCPT=rfc822;a+0Ab", "501 5.5.4 "),
            ("RCPT TO:<b@y.test> ORCPT=utf-8;\\x{D800}", "501 5.5.4 "),
        ],
        after_helo: &[],
        // RFC 3461 10.1.
        dialogue: "
            C: MAIL FROM:<Alice@Example.ORG> RET=HDRS ENVID=QQ314159
            C: RCPT TO:<Bob@Example.COM> NOTIFY=SUCCESS ORCPT=rfc822;Bob@Example.COM
            C: RCPT TO:<Fred@Bombs.AF.MIL> NOTIFY=NEVER
            S: 250 Sender accepted
            S: 250 Recipient accepted
            S: 250 Recipient accepted
        ",
        server_without: "
            C: MAIL FROM:<Alice@Example.ORG> ENVID=QQ314159
            C: MAIL FROM:<Alice@Example.ORG>
            C: RCPT TO:<Bob@Example.COM> NOTIFY=SUCCESS
            C: RCPT TO:<Bob@Example.COM> ORCPT=rfc822;Bob@Example.COM
            S: 555 Parameter not recognised
            S: 250 Sender accepted
            S: 555 Parameter not recognised
            S: 555 Parameter not recognised
        ",
        client_without: "
            C: MAIL FROM:<Alice@Example.ORG> RET=HDRS -> <refused: the server did not offer what this needs>
        ",
    },
    Row {
        extension: Extension::Chunking,
        offer: "CHUNKING",
        beside: &["PIPELINING"],
        offers: || generated::alone("CHUNKING"),
        understood: &[("chunking", "CHUNKING")],
        lines: Some(generated::chunk),
        // RFC 3030 4.1, 4.2; the octets of the first two would follow.
        valid: &["BDAT 86 LAST", "BDAT 100000", "BDAT 0 LAST"],
        invalid: &[
            ("BDAT", "501 5.5.4 "),
            ("BDAT -1", "501 5.5.4 "),
            ("BDAT 18446744073709551616", "501 5.5.4 "),
            ("BDAT 324 FIRST", "501 5.5.4 "),
        ],
        after_helo: &[("BDAT", "503 5.5.1 ")],
        // RFC 3030 4.2, with a content of other lengths.
        dialogue: "
            C: MAIL FROM:<ned@ymir.claremont.edu>
            C: RCPT TO:<gvaudre@cnri.reston.va.us>
            S: 250 Sender accepted
            S: 250 Recipient accepted
            C: BDAT 9
            C: .first.
            C: BDAT 4
            C: 2.
            C: BDAT 0 LAST
            S: 250 Chunk accepted
            S: 250 Chunk accepted
            S: 250 Message accepted
            C: QUIT
            S: 221 Closing
        ",
        // Nobody knows whether octets follow that belong to the chunk.
        server_without: "
            C: MAIL FROM:<ned@ymir.claremont.edu>
            C: RCPT TO:<gvaudre@cnri.reston.va.us>
            S: 250 Sender accepted
            S: 250 Recipient accepted
            C: BDAT 4 LAST
            S: 502 Command not implemented
        ",
        client_without: "
            C: MAIL FROM:<ned@ymir.claremont.edu>
            C: RCPT TO:<gvaudre@cnri.reston.va.us>
            S: 250 Sender accepted
            S: 250 Recipient accepted
            C: BDAT 4 LAST -> <refused: the server did not offer what this needs>
        ",
    },
    Row {
        extension: Extension::BinaryMime,
        offer: "BINARYMIME",
        // RFC 3030 3.
        beside: &["CHUNKING", "8BITMIME"],
        offers: || generated::alone("BINARYMIME"),
        understood: &[("BinaryMime", "BINARYMIME")],
        lines: Some(generated::binary),
        // RFC 3030 4.2.
        valid: &["MAIL FROM:<ned@ymir.claremont.edu> BODY=BINARYMIME"],
        invalid: &[("MAIL FROM:<a@x.test> BODY=BINARY", "501 5.5.4 ")],
        after_helo: &[],
        dialogue: "
            C: MAIL FROM:<ned@ymir.claremont.edu> BODY=BINARYMIME
            S: 250 Sender accepted
            C: RCPT TO:<gvaudre@cnri.reston.va.us>
            S: 250 Recipient accepted
            C: BDAT 6 LAST
            C: \\x00\\x0a\\x0d\\xff
            S: 250 Message accepted
        ",
        server_without: "
            C: MAIL FROM:<ned@ymir.claremont.edu> BODY=BINARYMIME
            S: 555 Parameter not recognised
        ",
        client_without: "
            C: MAIL FROM:<ned@ymir.claremont.edu> BODY=BINARYMIME -> <refused: the server did not offer what this needs>
        ",
    },
    Row {
        extension: Extension::StartTls,
        offer: "STARTTLS",
        beside: &[],
        offers: || generated::alone("STARTTLS"),
        understood: &[("starttls", "STARTTLS")],
        lines: Some(generated::start_tls),
        valid: &["STARTTLS"],
        // RFC 3207 4.
        invalid: &[("STARTTLS now", "501 5.5.4 ")],
        after_helo: &[("STARTTLS", "503 5.5.1 ")],
        // RFC 3207 5.
        dialogue: "
            C: STARTTLS
            S: 220 Ready to start TLS
            C: <starts TLS negotiation>
            C: EHLO c.test
            S: 250 mx.test
            C: MAIL FROM:<a@x.test>
            S: 250 Sender accepted
        ",
        server_without: "
            C: STARTTLS
            S: 502 Command not implemented
        ",
        client_without: "
            C: STARTTLS -> <refused: the server did not offer what this needs>
        ",
    },
    Row {
        extension: Extension::Auth,
        offer: "AUTH PLAIN",
        beside: &[],
        offers: generated::auth_offer,
        // RFC 4954 3: no mechanism, no AUTH; a name that is none is skipped.
        understood: &[
            ("auth PLAIN", "AUTH PLAIN"),
            ("AUTH PLAIN  LOGIN", "AUTH PLAIN LOGIN"),
            ("AUTH A-NAME-OF-MORE-THAN-TWENTY PLAIN", "AUTH PLAIN"),
        ],
        lines: Some(generated::auth),
        // RFC 4954 4.1, 5.
        valid: &[
            "AUTH PLAIN dGVzdAB0ZXN0ADEyMzQ=",
            "AUTH PLAIN",
            "MAIL FROM:<e=mc2@example.com> AUTH=e+3Dmc2@example.com",
            "MAIL FROM:<> AUTH=<>",
        ],
        invalid: &[
            ("AUTH", "501 5.5.4 "),
            ("AUTH PLAIN dGVzdAB0ZXN0ADEyMzQ", "501 5.5.2 "),
            ("AUTH FOOBAR", "504 5.5.4 "),
            ("MAIL FROM:<a@x.test> AUTH", "501 5.5.4 "),
            ("MAIL FROM:<a@x.test> AUTH=x+0Ainjected", "501 5.5.4 "),
            ("MAIL FROM:<a@x.test> AUTH=e+3dmc2@example.com", "501 5.5.4 "),
        ],
        after_helo: &[("AUTH", "503 5.5.1 ")],
        // RFC 4954 4.1, 5.
        dialogue: "
            C: AUTH PLAIN
            S: 334\x20
            C: dGVzdAB0ZXN0ADEyMzQ=
            S: 235 Authentication succeeded
            C: MAIL FROM:<e=mc2@example.com> AUTH=e+3Dmc2@example.com
            S: 250 Sender accepted
        ",
        server_without: "
            C: AUTH PLAIN dGVzdAB0ZXN0ADEyMzQ=
            S: 502 Command not implemented
            C: MAIL FROM:<a@x.test> AUTH=<>
            S: 555 Parameter not recognised
        ",
        client_without: "
            C: AUTH PLAIN dGVzdAB0ZXN0ADEyMzQ= -> <refused: the server did not offer what this needs>
            C: MAIL FROM:<a@x.test> AUTH=<> -> <refused: the server did not offer what this needs>
        ",
    },
    Row {
        extension: Extension::RequireTls,
        offer: "REQUIRETLS",
        beside: &["STARTTLS"],
        offers: || generated::alone("REQUIRETLS"),
        understood: &[("requiretls", "REQUIRETLS")],
        lines: Some(generated::require_tls),
        // RFC 8689 2.
        valid: &["MAIL FROM:<roger@example.org> REQUIRETLS"],
        invalid: &[("MAIL FROM:<a@x.test> REQUIRETLS=1", "501 5.5.4 ")],
        after_helo: &[],
        // RFC 8689 4.2.1: only an offer inside TLS counts.
        dialogue: "
            C: STARTTLS
            S: 220 Ready to start TLS
            C: <starts TLS negotiation>
            C: EHLO c.test
            S: 250-mx.test
            S: 250 REQUIRETLS
            C: MAIL FROM:<roger@example.org> REQUIRETLS
            S: 250 Sender accepted
        ",
        server_without: "
            C: STARTTLS
            S: 220 Ready to start TLS
            C: <starts TLS negotiation>
            C: EHLO c.test
            S: 250 mx.test
            C: MAIL FROM:<roger@example.org> REQUIRETLS
            S: 555 Parameter not recognised
        ",
        client_without: "
            C: STARTTLS
            S: 220 Ready to start TLS
            C: <starts TLS negotiation>
            C: EHLO c.test
            S: 250 mx.test
            C: MAIL FROM:<roger@example.org> REQUIRETLS -> <refused: the server did not offer what this needs>
        ",
    },
    Row {
        extension: Extension::Limits,
        offer: "LIMITS RCPTMAX=1",
        beside: &["PIPELINING"],
        offers: generated::limits_offer,
        // RFC 9422 3, 4: what is not known is skipped, as is a value that is none.
        understood: &[
            ("LIMITS RCPTMAX=20 MAILMAX=5", "LIMITS MAILMAX=5 RCPTMAX=20"),
            ("limits rcptmax=20 NEW=1 FLAG", "LIMITS RCPTMAX=20"),
            ("LIMITS RCPTMAX=0 MAILMAX=07 RCPTDOMAINMAX=1000000", "LIMITS"),
        ],
        lines: None,
        valid: &[],
        invalid: &[],
        after_helo: &[],
        // RFC 9422 3: 452 to what is too much.
        dialogue: "
            C: MAIL FROM:<a@x.test>
            C: RCPT TO:<b@y.test>
            C: RCPT TO:<c@y.test>
            S: 250 Sender accepted
            S: 250 Recipient accepted
            S: 452 Too many recipients
        ",
        server_without: "
            C: MAIL FROM:<a@x.test>
            C: RCPT TO:<b@y.test>
            C: RCPT TO:<c@y.test>
            S: 250 Sender accepted
            S: 250 Recipient accepted
            S: 250 Recipient accepted
        ",
        client_without: "
            C: MAIL FROM:<a@x.test>
            C: RCPT TO:<b@y.test>
            C: RCPT TO:<c@y.test>
            S: 250 Sender accepted
            S: 250 Recipient accepted
            S: 250 Recipient accepted
        ",
    },
    Row {
        extension: Extension::Vrfy,
        offer: "VRFY",
        beside: &[],
        offers: || generated::alone("VRFY"),
        understood: &[("vrfy", "VRFY")],
        lines: Some(generated::vrfy),
        // RFC 5321 D.4.
        valid: &["VRFY Crispin"],
        invalid: &[("VRFY", "501 5.5.4 "), ("VRFY \u{7}", "500 5.5.2 ")],
        after_helo: &[("VRFY", "250 ")],
        dialogue: "
            C: VRFY Crispin
            S: 250 Mark Crispin <Admin.MRC@foo.com>
        ",
        // RFC 5321 3.5.3: never 250 for what was not looked up.
        server_without: "
            C: VRFY Crispin
            S: 252 Cannot verify, but will take a message
        ",
        // RFC 5321 3.5.2: it need not be listed.
        client_without: "
            C: VRFY Crispin
            S: 252 Cannot VRFY user
        ",
    },
    Row {
        extension: Extension::Expn,
        offer: "EXPN",
        beside: &[],
        offers: || generated::alone("EXPN"),
        understood: &[("expn", "EXPN")],
        lines: Some(generated::expn),
        // RFC 5321 3.5.1.
        valid: &["EXPN Example-People"],
        invalid: &[("EXPN", "501 5.5.4 ")],
        after_helo: &[("EXPN", "250 ")],
        dialogue: "
            C: EXPN Example-People
            S: 250 Mark Crispin <Admin.MRC@foo.com>
        ",
        server_without: "
            C: EXPN Example-People
            S: 502 Command not implemented
        ",
        client_without: "
            C: EXPN Executive-Washroom-List
            S: 550 Access Denied to You.
        ",
    },
    Row {
        extension: Extension::Help,
        offer: "HELP",
        beside: &[],
        offers: || generated::alone("HELP"),
        understood: &[("help", "HELP")],
        lines: Some(generated::help),
        valid: &["HELP", "HELP MAIL"],
        invalid: &[("HELP \u{7}", "500 5.5.2 ")],
        after_helo: &[("HELP", "214 2.0.0 ")],
        dialogue: "
            C: HELP
            S: 214 See RFC 5321
        ",
        // RFC 5321 4.5.1: it may be asked for everywhere.
        server_without: "
            C: HELP
            S: 214 See RFC 5321
        ",
        client_without: "
            C: HELP
            S: 502 Command not implemented
        ",
    },
];
