use alloc::string::{String, ToString};
use alloc::vec::Vec;

use proptest::prelude::*;

use super::*;
use crate::report::header_section;
use crate::{Command, Condition, MailBuf, OriginalRecipient, RcptBuf, Reply, Xtext};

const CONTENT: &str = "Subject: hello\r\n\r\nHi!\r\n";
const DATE: Date = Date::utc(1_751_356_800);

fn mail(line: &str) -> MailBuf {
    match Command::parse(line.as_bytes()) {
        Ok(Command::Mail(mail)) => mail.to_owned(),
        other => panic!("{line}: {other:?}"),
    }
}

fn rcpt(line: &str) -> RcptBuf {
    match Command::parse(line.as_bytes()) {
        Ok(Command::Rcpt(rcpt)) => rcpt.to_owned(),
        other => panic!("{line}: {other:?}"),
    }
}

fn host(text: &str) -> Host<'_> {
    Host::parse(text.as_bytes()).unwrap()
}

fn report<'a>(mail: &Mail<'a>, recipients: &'a [Recipient<'a>]) -> Report<'a> {
    Report::new(mail, host("mx.example.test"), Id::new("4711.ab").unwrap(), DATE, recipients)
        .unwrap()
}

fn written(report: &Report<'_>, content: &str) -> String {
    let mut out = Vec::new();
    match report.write_head(&mut out) {
        Some(Ret::Full) => out.extend_from_slice(content.as_bytes()),
        Some(Ret::Headers) => out.extend_from_slice(header_section(content.as_bytes())),
        None => {}
    }
    report.write_tail(&mut out);
    String::from_utf8(out).unwrap()
}

#[test]
fn a_delivered_report_returns_the_header_section() {
    let mail = mail("MAIL FROM:<Alice@Example.test> RET=FULL ENVID=QQ+2B314159");
    let rcpt = rcpt("RCPT TO:<bob@example.test> NOTIFY=SUCCESS ORCPT=rfc822;Bob@Example.test");
    let recipients = [Recipient::delivered(&rcpt.as_ref())];
    let report = report(&mail.as_ref(), &recipients)
        .arrived(Date::local(1_751_356_799, 120).unwrap())
        .received_from(host("client.test"), Some("192.0.2.1".parse().unwrap()))
        .returning(Ret::Full);
    assert_eq!(report.to(), mail.as_ref().from.mailbox().unwrap());
    assert_eq!(
        written(&report, CONTENT),
        "From: Mail Delivery System <postmaster@mx.example.test>\r\n\
         To: <Alice@Example.test>\r\n\
         Subject: Your message was delivered\r\n\
         Date: Tue, 01 Jul 2025 08:00:00 +0000\r\n\
         Message-ID: <4711.ab@mx.example.test>\r\n\
         Auto-Submitted: auto-replied\r\n\
         MIME-Version: 1.0\r\n\
         Content-Type: multipart/report; report-type=delivery-status;\r\n \
             boundary=\"=_4711.ab\"\r\n\
         Content-Transfer-Encoding: 7bit\r\n\
         \r\n\
         --=_4711.ab\r\n\
         Content-Type: text/plain; charset=us-ascii\r\n\
         Content-Transfer-Encoding: 7bit\r\n\
         \r\n\
         This is the mail system at mx.example.test.\r\n\
         \r\n\
         Your message was delivered to:\r\n\
         \r\n    \
             bob@example.test\r\n\
         \r\n\
         --=_4711.ab\r\n\
         Content-Type: message/delivery-status\r\n\
         Content-Transfer-Encoding: 7bit\r\n\
         \r\n\
         Original-Envelope-Id: QQ+314159\r\n\
         Reporting-MTA: dns; mx.example.test\r\n\
         Received-From-MTA: dns; client.test ([192.0.2.1])\r\n\
         Arrival-Date: Tue, 01 Jul 2025 09:59:59 +0200\r\n\
         \r\n\
         Original-Recipient: rfc822; Bob@Example.test\r\n\
         Final-Recipient: rfc822; bob@example.test\r\n\
         Action: delivered\r\n\
         Status: 2.0.0\r\n\
         \r\n\
         --=_4711.ab\r\n\
         Content-Type: text/rfc822-headers\r\n\
         Content-Transfer-Encoding: 7bit\r\n\
         \r\n\
         Subject: hello\r\n\
         \r\n\
         --=_4711.ab--\r\n"
    );
}

#[test]
fn a_failure_is_told_first_and_returns_the_message() {
    let mail = mail("MAIL FROM:<alice@example.test> BODY=8BITMIME");
    let [bob, carol, dave] =
        ["bob", "carol", "dave"].map(|name| rcpt(&format!("RCPT TO:<{name}@example.net>")));
    let reply = Reply::parse(b"550-5.1.1 <carol@example.net>: Recipient address rejected:\r\n550 5.1.1 User unknown in local recipient table\r\n").unwrap();
    let recipients = [
        Recipient::relayed(&bob.as_ref()),
        Recipient::failed(&carol.as_ref()).answered_by(host("mx.example.net"), reply),
        Recipient::delayed(&dave.as_ref(), Some(Date::utc(1_751_788_800)))
            .because(Condition::NO_ANSWER_FROM_HOST)
            .tried_with(host("mx2.example.net"))
            .last_attempt(DATE),
    ];
    let report = report(&mail.as_ref(), &recipients).returning(Ret::Full);
    assert_eq!((report.needs_smtputf8(), report.needs_8bitmime()), (false, true));
    assert_eq!(
        written(&report, "Subject: é\r\n\r\né\r\n"),
        "From: Mail Delivery System <postmaster@mx.example.test>\r\n\
         To: <alice@example.test>\r\n\
         Subject: Your message could not be delivered\r\n\
         Date: Tue, 01 Jul 2025 08:00:00 +0000\r\n\
         Message-ID: <4711.ab@mx.example.test>\r\n\
         Auto-Submitted: auto-replied\r\n\
         MIME-Version: 1.0\r\n\
         Content-Type: multipart/report; report-type=delivery-status;\r\n \
             boundary=\"=_4711.ab\"\r\n\
         Content-Transfer-Encoding: 8bit\r\n\
         \r\n\
         --=_4711.ab\r\n\
         Content-Type: text/plain; charset=us-ascii\r\n\
         Content-Transfer-Encoding: 7bit\r\n\
         \r\n\
         This is the mail system at mx.example.test.\r\n\
         \r\n\
         Your message could not be delivered to:\r\n\
         \r\n    \
             carol@example.net\r\n        \
                 Bad destination mailbox address (5.1.1)\r\n        \
                 mx.example.net said: 550-5.1.1 <carol@example.net>: Recipient address\r\n        \
                 rejected: 550 5.1.1 User unknown in local recipient table\r\n\
         \r\n\
         Your message could not be delivered yet to the following address. It will be\r\n\
         tried again; you need not send it again.\r\n\
         \r\n    \
             dave@example.net\r\n        \
                 No answer from host (4.4.1)\r\n        \
                 It will be tried until Sun, 06 Jul 2025 08:00:00 +0000.\r\n\
         \r\n\
         Your message was passed on for the following address to a mail system that\r\n\
         does not tell whether it delivers:\r\n\
         \r\n    \
             bob@example.net\r\n\
         \r\n\
         --=_4711.ab\r\n\
         Content-Type: message/delivery-status\r\n\
         Content-Transfer-Encoding: 7bit\r\n\
         \r\n\
         Reporting-MTA: dns; mx.example.test\r\n\
         \r\n\
         Final-Recipient: rfc822; bob@example.net\r\n\
         Action: relayed\r\n\
         Status: 2.0.0\r\n\
         \r\n\
         Final-Recipient: rfc822; carol@example.net\r\n\
         Action: failed\r\n\
         Status: 5.1.1\r\n\
         Remote-MTA: dns; mx.example.net\r\n\
         Diagnostic-Code: smtp; 550-5.1.1 <carol@example.net>: Recipient address\r\n \
             rejected:\r\n \
             550 5.1.1 User unknown in local recipient table\r\n\
         \r\n\
         Final-Recipient: rfc822; dave@example.net\r\n\
         Action: delayed\r\n\
         Status: 4.4.1\r\n\
         Remote-MTA: dns; mx2.example.net\r\n\
         Last-Attempt-Date: Tue, 01 Jul 2025 08:00:00 +0000\r\n\
         Will-Retry-Until: Sun, 06 Jul 2025 08:00:00 +0000\r\n\
         \r\n\
         --=_4711.ab\r\n\
         Content-Type: message/rfc822\r\n\
         Content-Transfer-Encoding: 8bit\r\n\
         \r\n\
         Subject: é\r\n\
         \r\n\
         é\r\n\
         \r\n\
         --=_4711.ab--\r\n"
    );
}

#[test]
fn utf8_makes_the_parts_global() {
    let mail = mail("MAIL FROM:<jürgen@example.test> SMTPUTF8");
    let rcpt = rcpt("RCPT TO:<bücher@example.test> ORCPT=utf-8;b\\x{FC}cher@example.test");
    let recipients = [Recipient::expanded(&rcpt.as_ref())];
    let report = report(&mail.as_ref(), &recipients).returning(Ret::Full).seven_bit();
    assert_eq!((report.needs_smtputf8(), report.needs_8bitmime()), (true, true));
    assert_eq!(
        written(&report, "Subject: grüße\r\n\r\nHi!\r\n"),
        "From: Mail Delivery System <postmaster@mx.example.test>\r\n\
         To: <jürgen@example.test>\r\n\
         Subject: Your message was passed on to several addresses\r\n\
         Date: Tue, 01 Jul 2025 08:00:00 +0000\r\n\
         Message-ID: <4711.ab@mx.example.test>\r\n\
         Auto-Submitted: auto-replied\r\n\
         MIME-Version: 1.0\r\n\
         Content-Type: multipart/report; report-type=delivery-status;\r\n \
             boundary=\"=_4711.ab\"\r\n\
         Content-Transfer-Encoding: 8bit\r\n\
         \r\n\
         --=_4711.ab\r\n\
         Content-Type: text/plain; charset=utf-8\r\n\
         Content-Transfer-Encoding: 8bit\r\n\
         \r\n\
         This is the mail system at mx.example.test.\r\n\
         \r\n\
         Your message was delivered to the following address, and passed on to the\r\n\
         addresses behind it:\r\n\
         \r\n    \
             bücher@example.test\r\n\
         \r\n\
         --=_4711.ab\r\n\
         Content-Type: message/global-delivery-status\r\n\
         Content-Transfer-Encoding: 8bit\r\n\
         \r\n\
         Reporting-MTA: dns; mx.example.test\r\n\
         \r\n\
         Original-Recipient: utf-8; bücher@example.test\r\n\
         Final-Recipient: utf-8; bücher@example.test\r\n\
         Action: expanded\r\n\
         Status: 2.0.0\r\n\
         \r\n\
         --=_4711.ab\r\n\
         Content-Type: message/global-headers\r\n\
         Content-Transfer-Encoding: 8bit\r\n\
         \r\n\
         Subject: grüße\r\n\
         \r\n\
         --=_4711.ab--\r\n"
    );
}

#[test]
fn a_7_bit_report_escapes_addresses_and_returns_nothing_of_a_utf8_message() {
    let mail = mail("MAIL FROM:<alice@example.test> SMTPUTF8");
    let rcpt = rcpt("RCPT TO:<bücher@example.test>");
    let recipients = [Recipient::failed(&rcpt.as_ref())];
    let utf8 = report(&mail.as_ref(), &recipients).returning(Ret::Full);
    assert_eq!((utf8.returned(), utf8.needs_smtputf8()), (Some(Ret::Full), true));
    let ascii = utf8.seven_bit();
    assert_eq!((ascii.returned(), ascii.needs_smtputf8()), (None, false));
    let text = written(&ascii, CONTENT);
    assert!(text.is_ascii());
    assert!(text.contains("\r\n    b\\x{FC}cher@example.test\r\n"));
    assert!(text.ends_with(
        "Content-Type: message/delivery-status\r\n\
         Content-Transfer-Encoding: 7bit\r\n\
         \r\n\
         Reporting-MTA: dns; mx.example.test\r\n\
         \r\n\
         Final-Recipient: utf-8; b\\x{FC}cher@example.test\r\n\
         Action: failed\r\n\
         Status: 5.0.0\r\n\
         \r\n\
         --=_4711.ab--\r\n"
    ));
}

#[test]
fn smtputf8_without_need_of_it_leaves_a_7_bit_report() {
    let mail = mail("MAIL FROM:<alice@example.test> SMTPUTF8");
    let rcpt = rcpt("RCPT TO:<bob@example.test>");
    let recipients = [Recipient::failed(&rcpt.as_ref())];
    let report = report(&mail.as_ref(), &recipients);
    assert!(!report.needs_smtputf8() && !report.needs_8bitmime());
    assert!(report.returning(Ret::Headers).needs_smtputf8());
}

#[test]
fn the_whole_message_goes_back_only_with_a_failure() {
    let rcpt = rcpt("RCPT TO:<bob@example.test>");
    let (rcpt, until) = (&rcpt.as_ref(), None);
    let (full, headers) = (Some(Ret::Full), Some(Ret::Headers));
    let outcomes = [
        (Recipient::failed(rcpt), full),
        (Recipient::expired(rcpt), full),
        (Recipient::delayed(rcpt, until), headers),
        (Recipient::delivered(rcpt), headers),
        (Recipient::relayed(rcpt), headers),
        (Recipient::expanded(rcpt), headers),
    ];
    let plain = mail("MAIL FROM:<alice@example.test>");
    for (recipient, expected) in outcomes {
        let recipients = [recipient, Recipient::delivered(rcpt)];
        let report = report(&plain.as_ref(), &recipients);
        assert_eq!(report.returned(), None);
        assert_eq!(report.returning(Ret::Full).returned(), expected, "{recipient:?}");
        assert_eq!(report.returning(Ret::Headers).returned(), headers);
    }
    let failed = [Recipient::failed(rcpt)];
    let params = [
        ("", full, full),
        (" RET=FULL", full, full),
        (" RET=HDRS", headers, headers),
        (" BODY=8BITMIME", full, headers),
        (" BODY=BINARYMIME", headers, headers),
        (" REQUIRETLS RET=FULL", headers, headers),
        (" SMTPUTF8", full, None),
    ];
    for (params, eight, seven) in params {
        let mail = mail(&format!("MAIL FROM:<alice@example.test>{params}"));
        let report = report(&mail.as_ref(), &failed).returning(Ret::Full);
        assert_eq!(report.returned(), eight, "{params}");
        assert_eq!(report.seven_bit().returned(), seven, "{params}");
        assert!(!report.seven_bit().needs_8bitmime());
    }
}

#[test]
fn undeclared_8_bit_content_is_labelled() {
    let mail = mail("MAIL FROM:<alice@example.test>");
    let rcpt = rcpt("RCPT TO:<bob@example.test>");
    let recipients = [Recipient::failed(&rcpt.as_ref())];
    let report = report(&mail.as_ref(), &recipients).returning(Ret::Full);
    assert!(!report.needs_8bitmime());
    assert!(report.eight_bit().needs_8bitmime());
    assert_eq!(report.eight_bit().seven_bit().returned(), Some(Ret::Headers));
    assert!(written(&report.eight_bit(), "X: \u{e9}\r\n").contains(
        "Content-Type: message/rfc822\r\nContent-Transfer-Encoding: 8bit\r\n\r\nX: \u{e9}"
    ));
}

#[test]
fn the_null_sender_never_gets_a_report() {
    let (null, alice) = (mail("MAIL FROM:<>"), mail("MAIL FROM:<alice@example.test>"));
    let rcpt = rcpt("RCPT TO:<bob@example.test> NOTIFY=SUCCESS");
    let recipients = [Recipient::delivered(&rcpt.as_ref())];
    let (by, id) = (host("mx.example.test"), Id::new("1").unwrap());
    let error =
        |mail: &MailBuf, recipients| Report::new(&mail.as_ref(), by, id, DATE, recipients).err();
    assert_eq!(error(&null, &recipients), Some(ReportError::NullSender));
    assert_eq!(error(&alice, &[]), Some(ReportError::NoRecipient));
    assert_eq!(error(&alice, &recipients), None);
}

#[test]
fn a_name_that_is_not_full_is_not_of_the_dns() {
    let mail = mail("MAIL FROM:<alice@example.test>");
    let rcpt = rcpt("RCPT TO:<bob@example.test>");
    let recipients = [Recipient::delivered(&rcpt.as_ref())];
    for (by, expected) in [
        ("spool", "\r\nReporting-MTA: x-local-hostname; spool\r\n"),
        ("mx.test", "\r\nReporting-MTA: dns; mx.test\r\n"),
        ("[192.0.2.1]", "\r\nReporting-MTA: dns; [192.0.2.1]\r\n"),
    ] {
        let report =
            Report::new(&mail.as_ref(), host(by), Id::new("1").unwrap(), DATE, &recipients);
        assert!(written(&report.unwrap(), "").contains(expected), "{by}");
    }
}

#[test]
fn the_answer_to_a_report_goes_where_the_host_says() {
    let mail = mail("MAIL FROM:<alice@example.test>");
    let rcpt = rcpt("RCPT TO:<bob@example.test>");
    let recipients = [Recipient::delivered(&rcpt.as_ref())];
    let office: crate::MailboxBuf = "office@example.test".parse().unwrap();
    let report = report(&mail.as_ref(), &recipients).from(office.as_ref());
    assert!(
        written(&report, "").starts_with("From: Mail Delivery System <office@example.test>\r\n")
    );
}

/// The fields of a part, unfolded.
fn fields(part: &str) -> Vec<String> {
    let unfolded = part.replace("\r\n ", " ");
    unfolded.split("\r\n").filter(|line| !line.is_empty()).map(ToString::to_string).collect()
}

proptest! {
    #[test]
    fn whatever_is_told_the_report_keeps_its_form(
        sender in "\"[ -!#-\\[\\]-~]{0,50}\"|[a-z]{1,30}|[a-zé\u{85}\u{2028}]{1,20}",
        recipient in "\"[ -!#-\\[\\]-~é]{0,30}\"|[a-z]{1,60}|[é\u{9f}\u{2029}]{1,20}",
        envid in "[ -~\t]{1,33}",
        orcpt in proptest::option::of("[ -~]{1,150}|[a-z\u{a0}-\u{10ffff}]{1,45}"),
        seven_bit: bool,
        utf8: bool,
        said in "((?s:.{0,200})|[a-z]{2000}|[ \t\n(]{90})",
        action in 0usize..6,
        host_name in "[a-zé\u{80}]{1,30}(\\.[a-z]{1,60}){0,3}",
    ) {
        let utf8 = utf8 || !sender.is_ascii();
        let mail = mail(&format!(
            "MAIL FROM:<{sender}@example.test> ENVID={}{}", Xtext::encode(envid.as_bytes()), if utf8 { " SMTPUTF8" } else { "" }
        ));
        let orcpt = orcpt.map_or(String::new(), |orcpt| {
            let value = OriginalRecipient::encode(&orcpt);
            if OriginalRecipient::parse(&value).is_some() { format!(" ORCPT={value}") } else { String::new() }
        });
        let rcpt = rcpt(&format!("RCPT TO:<{recipient}@example.test>{orcpt}"));
        let rcpt = &rcpt.as_ref();
        let recipient = [
            Recipient::failed(rcpt), Recipient::expired(rcpt), Recipient::delayed(rcpt, Some(DATE)),
            Recipient::delivered(rcpt), Recipient::relayed(rcpt), Recipient::expanded(rcpt),
        ][action];
        let reply = Reply::new(crate::Code::MAILBOX_UNAVAILABLE, None, &said);
        let recipients = [recipient.answered_by(host(&host_name), reply), recipient];
        let mail = mail.as_ref();
        let mut report = report(&mail, &recipients).received_from(host(&host_name), None).arrived(DATE).returning(Ret::Full);
        if seven_bit { report = report.seven_bit(); }
        let text = written(&report, CONTENT);

        prop_assert!(text.ends_with("\r\n"));
        for line in text.split("\r\n") {
            prop_assert!(line.len() <= 998 && !line.contains(|c: char| c.is_control() && c != '\t' || matches!(c, '\u{2028}' | '\u{2029}')), "{:?}", line);
            prop_assert!(line.is_empty() || !line.trim_matches([' ', '\t']).is_empty(), "{:?}", line);
        }
        prop_assert!(report.needs_smtputf8() || text.is_ascii());
        prop_assert!(!seven_bit || report.needs_smtputf8() != report.to().is_ascii());

        let parts: Vec<&str> = text.split("--=_4711.ab").collect();
        prop_assert_eq!(parts.len(), 4 + usize::from(report.returned().is_some()));
        let names = |fields: &[String]| fields.iter().map(|field| field.split(':').next().unwrap().to_string()).collect::<Vec<_>>();
        let header = fields(parts[0]);
        prop_assert_eq!(names(&header), ["From", "To", "Subject", "Date", "Message-ID", "Auto-Submitted", "MIME-Version", "Content-Type", "Content-Transfer-Encoding"]);
        let status = fields(parts[2]);
        let mut expected = alloc::vec!["Content-Type", "Content-Transfer-Encoding", "Original-Envelope-Id", "Reporting-MTA", "Received-From-MTA", "Arrival-Date"];
        for remote in [true, false] {
            if !orcpt.is_empty() { expected.push("Original-Recipient") }
            expected.extend(["Final-Recipient", "Action", "Status"]);
            if remote { expected.extend(["Remote-MTA", "Diagnostic-Code"]) }
            if action == 2 { expected.push("Will-Retry-Until") }
        }
        prop_assert_eq!(names(&status), expected);
        prop_assert_eq!(&status[2], &format!("Original-Envelope-Id: {envid}"));
    }
}
