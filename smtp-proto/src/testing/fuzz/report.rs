//! Delivery reports and trace fields, read again by their lines.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use super::input::Choices;
use super::tokens::any_reply;
use crate::report::{Date, Hops, Id, Received, Recipient, Report, count_received, header_section};
use crate::{
    Command, Condition, Host, Mail, MailBuf, OriginalRecipient, Rcpt, RcptBuf, Ret, Xtext,
};

const SENDERS: [&str; 3] = ["a@x.test", "\u{e9}@x.test", "\"a b\"@[192.0.2.1]"];
const RECIPIENTS: [&str; 4] = ["b@y.test", "postmaster", "\u{e9}@y.test", "\"<,;\\\">\"@y.test"];
const HOSTS: [&str; 4] = ["mx.test", "localhost", "[192.0.2.1]", "[IPv6:2001:db8::1]"];

/// A report on a message, and the fields of its way: whatever stands in envelope and replies, the lines are fields, folded and within
/// their length; there are as many parts and blocks as there should be; and US-ASCII stays so where nothing asks for more.
///
/// ```
/// smtp_proto::testing::fuzz::report(b"\0\x01\0\x05envid\0\0");
/// ```
///
/// # Panics
///
/// When this does not hold.
pub fn report(data: &[u8]) {
    let mut choices = Choices::new(data);
    let mail = mail(&mut choices);
    let rcpts: Vec<RcptBuf> = (0..choices.below(4)).map(|_| rcpt(&mut choices)).collect();
    let replies: Vec<String> = rcpts.iter().map(|_| text(&mut choices)).collect();
    let recipients: Vec<Recipient<'_>> = rcpts
        .iter()
        .zip(&replies)
        .map(|(rcpt, text)| recipient(&mut choices, &rcpt.as_ref(), text))
        .collect();
    let by = host(&mut choices);
    let date = date(&mut choices);
    let id = Id::new("4711.x").expect("an id");
    let mail = mail.as_ref();
    if let Ok(report) = Report::new(&mail, by, id, date, &recipients) {
        let report = dressed(report, &mut choices);
        let content = choices.run(80);
        written(&report, recipients.len(), content);
    }
    trace(&mut choices, &mail, date);
}

fn text(choices: &mut Choices<'_>) -> String {
    String::from_utf8_lossy(choices.run(200)).into_owned()
}

fn host(choices: &mut Choices<'_>) -> Host<'static> {
    Host::parse(choices.pick(&HOSTS).as_bytes()).expect("a host")
}

fn date(choices: &mut Choices<'_>) -> Date {
    let minutes = i16::from_be_bytes([choices.octet(), choices.octet()]) % 1440;
    Date::local(choices.number() as u64 * 1_000_003, minutes).expect("less than a day")
}

fn mail(choices: &mut Choices<'_>) -> MailBuf {
    let envid = Xtext::encode(choices.run(40));
    let params =
        ["", " RET=HDRS", " RET=FULL BODY=8BITMIME", " SMTPUTF8", " SMTPUTF8 BODY=BINARYMIME"];
    let line = format!("MAIL FROM:<{}>{}", choices.pick(&SENDERS), choices.pick(&params));
    let with = format!("{line} ENVID={envid}");
    match (Command::parse(with.as_bytes()), Command::parse(line.as_bytes())) {
        (Ok(Command::Mail(mail)), _) | (_, Ok(Command::Mail(mail))) => mail.to_owned(),
        (other, _) => panic!("{with}: {other:?}"),
    }
}

fn rcpt(choices: &mut Choices<'_>) -> RcptBuf {
    let line = format!("RCPT TO:<{}> NOTIFY=SUCCESS,FAILURE", choices.pick(&RECIPIENTS));
    let with = format!("{line} ORCPT={}", OriginalRecipient::encode(&text(choices)));
    match (Command::parse(with.as_bytes()), Command::parse(line.as_bytes())) {
        (Ok(Command::Rcpt(rcpt)), _) | (_, Ok(Command::Rcpt(rcpt))) => rcpt.to_owned(),
        (other, _) => panic!("{with}: {other:?}"),
    }
}

fn recipient<'a>(choices: &mut Choices<'_>, rcpt: &Rcpt<'a>, text: &'a str) -> Recipient<'a> {
    let recipient = match choices.below(6) {
        0 => Recipient::failed(rcpt),
        1 => Recipient::delivered(rcpt),
        2 => Recipient::relayed(rcpt),
        3 => Recipient::expanded(rcpt),
        4 => Recipient::delayed(rcpt, choices.once_in(2).then(|| date(choices))),
        _ => Recipient::expired(rcpt),
    };
    match choices.below(4) {
        0 => recipient,
        1 => recipient.because(Condition::BAD_DESTINATION_MAILBOX_ADDRESS),
        2 => recipient.tried_with(host(choices)).last_attempt(date(choices)),
        _ => {
            let reply = any_reply(choices);
            let reply = crate::Reply::new(reply.code(), reply.enhanced(), text);
            recipient.answered_by(host(choices), reply)
        }
    }
}

fn dressed<'a>(mut report: Report<'a>, choices: &mut Choices<'_>) -> Report<'a> {
    let how = choices.octet();
    if how & 1 != 0 {
        report = report.returning(choices.pick(&[Ret::Full, Ret::Headers]));
    }
    if how & 2 != 0 {
        report = report.eight_bit();
    }
    if how & 4 != 0 {
        report = report.seven_bit();
    }
    if how & 8 != 0 {
        let address = [192, 0, 2, choices.octet()];
        report = report.received_from(host(choices), Some(address.into()));
    }
    if how & 16 != 0 {
        report = report.arrived(date(choices));
    }
    report
}

fn written(report: &Report<'_>, recipients: usize, content: &[u8]) {
    let (mut head, mut tail) = (Vec::new(), Vec::new());
    let returned = report.write_head(&mut head);
    report.write_tail(&mut tail);
    assert_eq!(returned, report.returned());
    assert_eq!(tail, b"\r\n--=_4711.x--\r\n");
    lines_are_sound(&head);
    assert!(head.is_ascii() || report.needs_smtputf8(), "{}", head.escape_ascii());
    let text = String::from_utf8(head).expect("text");
    let parts: Vec<&str> = text.split("\r\n--=_4711.x\r\n").collect();
    assert_eq!(parts.len(), 3 + usize::from(returned.is_some()), "{text}");
    fields_are_sound(parts[0]);
    let (_, status) = parts[2].split_once("\r\n\r\n").unwrap_or_else(|| panic!("{text}"));
    let blocks: Vec<&str> = status.split("\r\n\r\n").collect();
    assert_eq!(blocks.len(), 1 + recipients, "{text}");
    blocks.iter().for_each(|block| fields_are_sound(block));
    let section = header_section(content);
    assert!(content.starts_with(section));
}

/// Every line ends in CRLF, holds no other line end and no NUL, and is within RFC 5322 2.1.1.
fn lines_are_sound(text: &[u8]) {
    for line in text.split_inclusive(|octet| *octet == b'\n') {
        let shown = line.escape_ascii();
        let line = line.strip_suffix(b"\r\n").unwrap_or_else(|| panic!("{shown}"));
        assert!(!line.iter().any(|octet| b"\r\0".contains(octet)), "{shown}");
        assert!(line.len() <= 998, "{} octets: {shown}", line.len());
    }
}

/// Each line is a field or goes on with one.
fn fields_are_sound(fields: &str) {
    for (n, line) in fields.split_terminator("\r\n").enumerate() {
        let (name, _) = line.split_once(':').unwrap_or((" ", ""));
        let is_field = name.bytes().all(|octet| octet.is_ascii_alphanumeric() || octet == b'-');
        let goes_on = n > 0 && line.starts_with([' ', '\t']) && !line.trim().is_empty();
        assert!(is_field || goes_on, "{line:?} in {fields:?}");
    }
}

fn trace(choices: &mut Choices<'_>, mail: &Mail<'_>, date: Date) {
    let (with, id) = (choices.pick(&["ESMTP", "UTF8SMTP", ""]), text(choices));
    let mut received = Received::new(host(choices), host(choices), with, date).id(&id);
    if choices.once_in(2) {
        received = received.peer([192, 0, 2, 1].into(), None);
    }
    if let Some(mailbox) = mail.from.mailbox() {
        received = received.recipients([crate::ForwardPath::Mailbox(mailbox)]);
    }
    let mut field = Vec::new();
    received.encode(&mut field);
    lines_are_sound(&field);
    let text = String::from_utf8(field.clone()).expect("text");
    fields_are_sound(&text);
    assert_eq!(text.matches("Received:").count(), 1, "{text}");
    let content = choices.rest();
    let whole = [&field, &field, content].concat();
    let expected = 2 + count_received(content);
    assert_eq!(count_received(&whole), expected, "{}", whole.escape_ascii());
    let mut hops = Hops::new();
    whole.chunks(1).for_each(|octet| hops.push(octet));
    assert_eq!(hops.count(), expected);
}
