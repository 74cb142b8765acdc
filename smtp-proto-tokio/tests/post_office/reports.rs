//! What the sender is told, as two parsers that know nothing of this project read it.

use std::fs;
use std::path::Path;
use std::process::Command;

use mail_parser::{MessageParser, MimeHeaders};
use serde_json::{Value, json};

use crate::support::office::{Delivered, Office, files_below, root};
use crate::support::servers::program;
use crate::support::{code, run};

const CONTENT: &str = "From: Alice <alice@localhost>\r\nSubject: =?utf-8?Q?Gr=C3=BC=C3=9Fe?=\r\n\
    X-Folded: one\r\n two\r\n\r\nHello Bob!\r\n";

/// Reads a report by Python's email package: the fields of its delivery-status part, group by group, and what surrounds them.
const PYTHON: &str = r#"
import email, email.policy, json, sys
letter = email.message_from_binary_file(open(sys.argv[1], "rb"), policy=email.policy.default)
parts = list(letter.iter_parts())
defects = [str(defect) for part in letter.walk() for defect in part.defects]
print(json.dumps({
    "type": letter.get_content_type(), "report": letter["content-type"].params.get("report-type"),
    "from": str(letter["from"]), "to": str(letter["to"]), "subject": str(letter["subject"]),
    "return": letter["return-path"], "auto": letter["auto-submitted"],
    "parts": [part.get_content_type() for part in parts], "text": parts[0].get_content(),
    "status": [dict(group.items()) for group in parts[1].get_payload()], "defects": defects,
}))
"#;

fn read_by_python(path: &Path) -> Option<Value> {
    let mut command = Command::new(program("python3")?);
    command.args(["-c", PYTHON]).arg(path);
    Some(serde_json::from_str(&run(command, b"")).expect("it prints JSON"))
}

/// The same facts by a MIME parser for Rust: types of the parts, status part, returned part.
fn read_by_mail_parser(octets: &[u8]) -> (Vec<String>, String, String) {
    let message = MessageParser::new().parse(octets).expect("it is a message");
    let kind = |part: &dyn MimeHeaders<'_>| {
        let kind = part.content_type().expect("each part has a type");
        format!("{}/{}", kind.ctype(), kind.subtype().unwrap_or_default())
    };
    let parts: Vec<_> = message.parts.iter().map(|part| kind(part)).collect();
    let text = |index: usize| {
        String::from_utf8(message.parts[index].contents().to_vec()).expect("the tests send UTF-8")
    };
    (parts, text(2), text(3))
}

fn ask(office: &Office, from: &str, to: &[&str]) -> String {
    office.post_with(from, &to.iter().map(|to| (*to).to_owned()).collect::<Vec<_>>(), CONTENT)
}

fn path(office: &Office, mailbox: &str, letter: &Delivered) -> std::path::PathBuf {
    office.root().join("mailboxes").join(mailbox).join("new").join(&letter.file)
}

#[test]
fn a_sender_who_asks_is_told_of_the_delivery() {
    let root = root();
    let office = Office::open(
        root.path(),
        &[
            "--hostname",
            "mx.example.org",
            "--mailbox",
            "alice@localhost",
            "--mailbox",
            "bob@localhost",
        ],
    );
    let to = [
        "<bob@localhost> NOTIFY=SUCCESS ORCPT=rfc822;Bob+2Btag@example.net",
        "<postmaster> notify=failure,success",
        "<alice@localhost> NOTIFY=FAILURE",
    ];
    assert_eq!(code(&ask(&office, "<Alice+out@localhost> RET=FULL ENVID=QQ+2B1", &to)), "250");
    assert_eq!(office.letter("bob@localhost"), CONTENT);
    let letters = office.letters("alice@localhost");
    let [copy, report] = letters.as_slice() else { panic!("{} letters", letters.len()) };
    assert_eq!(copy.below_trace(), CONTENT);

    let (types, status, returned) = read_by_mail_parser(&report.octets);
    let parts = ["text/plain", "message/delivery-status", "text/rfc822-headers"];
    assert_eq!(types[0], "multipart/report");
    assert_eq!(types[1..], parts);
    // RFC 3461 6.2: nothing failed, so the header section comes back and not the whole letter.
    assert_eq!(returned.trim_end(), CONTENT.split("\r\n\r\n").next().expect("a header section"));
    let (head, groups) = status.split_once("\r\n\r\n").expect("a group of the message");
    let (head, arrived) = head.split_once("\r\nArrival-Date: ").expect("a date");
    assert_eq!(
        head,
        "Original-Envelope-Id: QQ+1\r\nReporting-MTA: dns; mx.example.org\r\n\
         Received-From-MTA: dns; client.example ([127.0.0.1])"
    );
    assert!(arrived.ends_with(" +0000"));
    assert_eq!(
        groups.trim_end(),
        "Original-Recipient: rfc822; Bob+tag@example.net\r\nFinal-Recipient: rfc822; bob@localhost\r\n\
         Action: delivered\r\nStatus: 2.0.0\r\n\r\n\
         Final-Recipient: rfc822; postmaster\r\nAction: delivered\r\nStatus: 2.0.0"
    );

    let Some(read) = read_by_python(&path(&office, "alice@localhost", report)) else {
        return;
    };
    assert_eq!(read["defects"], json!([]));
    assert_eq!(
        (&read["type"], &read["report"]),
        (&json!("multipart/report"), &json!("delivery-status"))
    );
    assert_eq!(read["to"], "Alice+out@localhost");
    assert_eq!((&read["return"], &read["auto"]), (&json!("<>"), &json!("auto-replied")));
    assert_eq!(read["subject"], "Your message was delivered");
    assert_eq!(read["parts"], json!(parts));
    assert_eq!(read["status"][0]["Original-Envelope-Id"], "QQ+1");
    assert_eq!(
        read["status"][1],
        json!({
            "Original-Recipient": "rfc822; Bob+tag@example.net", "Final-Recipient": "rfc822; bob@localhost",
            "Action": "delivered", "Status": "2.0.0",
        })
    );
    assert_eq!(read["status"][2]["Final-Recipient"], "rfc822; postmaster");
    assert!(read["text"].as_str().expect("text").contains("bob@localhost"));
}

#[test]
fn nobody_is_told_who_did_not_ask() {
    let root = root();
    let office = Office::open(root.path(), &[]);
    for (from, to) in [
        ("<alice@localhost>", "<bob@localhost>"),
        ("<alice@localhost>", "<bob@localhost> NOTIFY=NEVER"),
        ("<alice@localhost> RET=FULL", "<bob@localhost> NOTIFY=FAILURE,DELAY"),
        // RFC 5321 4.5.5: nothing is ever sent to the null path.
        ("<>", "<bob@localhost> NOTIFY=SUCCESS"),
        ("<carol@localhost>", "<bob@localhost> NOTIFY=SUCCESS"),
    ] {
        assert_eq!(code(&ask(&office, from, &[to])), "250");
    }
    assert_eq!(office.letters("bob@localhost").len(), 5);
    let files = files_below(root.path());
    assert!(files.iter().all(|file| file.starts_with("mailboxes/bob@localhost/new")), "{files:?}");
}

#[test]
fn an_alias_of_the_sender_is_told_too() {
    let root = root();
    let office =
        Office::open(root.path(), &["--alias", "team@localhost=alice@localhost,bob@localhost"]);
    ask(&office, "<team@localhost>", &["<postmaster> NOTIFY=SUCCESS"]);
    assert_eq!(office.letters("alice@localhost"), office.letters("bob@localhost"));
    let text = office.letters("alice@localhost")[0].text().to_owned();
    assert!(text.starts_with("Return-Path: <>\r\nFrom: Mail Delivery System"), "{text}");
}

#[test]
fn reports_to_other_places_are_kept() {
    let root = root();
    let office = Office::open(root.path(), &[]);
    let to = "<bob@localhost> NOTIFY=SUCCESS";
    assert_eq!(code(&ask(&office, "<Dave@Example.org> BODY=8BITMIME", &[to])), "250");
    assert_eq!(code(&ask(&office, "<jürgen@example.org> SMTPUTF8", &[to])), "250");
    let outgoing = root.path().join("outgoing");
    let files = files_below(&outgoing);
    let reports: Vec<_> =
        files.iter().filter(|file| file.extension().is_some_and(|kind| kind == "eml")).collect();
    assert_eq!((files.len(), reports.len()), (4, 2));
    let mut envelopes = Vec::new();
    for report in reports {
        let report = outgoing.join(report);
        let content = fs::read(&report).expect("it can be read");
        let envelope = fs::read(report.with_extension("json")).expect("the pair is whole");
        let mut envelope: Value = serde_json::from_slice(&envelope).expect("it is JSON");
        assert_eq!(envelope["octets"].take(), json!(content.len()));
        // Return-Path belongs to final delivery.
        assert!(content.starts_with(b"From: Mail Delivery System"));
        assert_eq!(read_by_mail_parser(&content).0[0], "multipart/report");
        if let Some(read) = read_by_python(&report) {
            assert_eq!(read["defects"], json!([]));
        }
        envelopes.push(envelope);
    }
    envelopes.sort_by_key(|envelope| envelope["to"].to_string());
    let rcpt_params = json!([{"NOTIFY": "NEVER"}]);
    assert_eq!(
        envelopes,
        [
            json!({"from": "", "to": ["Dave@Example.org"], "params": {}, "rcpt_params": rcpt_params, "octets": null}),
            json!({
                "from": "", "to": ["jürgen@example.org"], "params": {"BODY": "8BITMIME", "SMTPUTF8": true},
                "rcpt_params": rcpt_params, "octets": null
            }),
        ]
    );
}

#[test]
fn a_long_header_section_is_returned_in_part_and_whole_lines() {
    let root = root();
    let office = Office::open(root.path(), &[]);
    let field = format!("X-Long: {}\r\n", "x".repeat(980));
    let content = format!("{}\r\nhello\r\n", field.repeat(200));
    office.post_with("<alice@localhost>", &["<bob@localhost> NOTIFY=SUCCESS".to_owned()], &content);
    assert_eq!(office.letter("bob@localhost"), content);
    let report = &office.letters("alice@localhost")[0];
    let (_, _, returned) = read_by_mail_parser(&report.octets);
    assert_eq!(returned.trim_end(), field.repeat(64 * 1024 / field.len()).trim_end());
}
