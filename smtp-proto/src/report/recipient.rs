//! What became of a message for one recipient.
//!
//! ```abnf
//! per-recipient-fields = [ "Original-Recipient:" address-type ";" address CRLF ]         ; RFC 3464 2.3
//!                        "Final-Recipient:" address-type ";" address CRLF
//!                        "Action:" ( "failed" / "delayed" / "delivered" / "relayed" / "expanded" ) CRLF
//!                        "Status:" status-code CRLF
//!                        [ "Remote-MTA:" "dns" ";" mta-name CRLF ]
//!                        [ "Diagnostic-Code:" "smtp" ";" *text CRLF ]
//!                        [ "Last-Attempt-Date:" date-time CRLF ]
//!                        [ "Will-Retry-Until:" date-time CRLF ]
//! address-type         = "rfc822" / "utf-8" / atom                                        ; RFC 3461 9.1, RFC 6533 3
//! ```

use alloc::string::{String, ToString};
use alloc::vec::Vec;

use bytes::BufMut;

use super::fold::{Charset, Line, field, typed_field};
use super::{Date, wire_form};
use crate::{Class, Condition, EnhancedCode, ForwardPath, Host, OriginalRecipient, Rcpt, Reply};

/// Octets of a reply that are quoted: a peer may say 64 KiB, and a report may quote it a thousand times.
const QUOTE_LIMIT: usize = 2048;

/// What was done for a recipient (RFC 3464 2.3.3).
///
/// ```
/// assert_eq!(smtp_proto::report::Action::Failed.name(), "failed");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(clippy::exhaustive_enums, reason = "RFC 3464 2.3.3 has these five")]
pub enum Action {
    /// It could not be delivered, and is no longer tried.
    Failed,
    /// It could not be delivered so far, and will be tried again.
    Delayed,
    /// It lies in the mailbox, or went to a mailing list.
    Delivered,
    /// It was handed to a system that will not say whether it delivers.
    Relayed,
    /// It went to an alias of several addresses.
    Expanded,
}

impl Action {
    /// The value in the report.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Failed => "failed",
            Self::Delayed => "delayed",
            Self::Delivered => "delivered",
            Self::Relayed => "relayed",
            Self::Expanded => "expanded",
        }
    }
}

/// What became of a message for one recipient, to be told in a [`Report`](super::Report).
///
/// There is one constructor for each outcome, and each knows the class of its status: a delivery that failed for good cannot be told
/// with 2.1.5, and only a delayed one has an end of its retries. Address and ORCPT come with the RCPT.
///
/// ```
/// use smtp_proto::report::{Action, Recipient};
/// use smtp_proto::{Command, Condition, Host, Reply};
///
/// let Command::Rcpt(rcpt) = Command::parse(b"RCPT TO:<bob@example.net> ORCPT=rfc822;Bob@example.test")? else { unreachable!() };
/// let reply = Reply::parse(b"550 5.1.1 No such user\r\n")?;
/// let bob = Recipient::failed(&rcpt).answered_by(Host::parse(b"mx.example.net")?, reply);
/// assert_eq!((bob.action(), bob.status()), (Action::Failed, Condition::BAD_DESTINATION_MAILBOX_ADDRESS.permanent()));
/// # Ok::<(), smtp_proto::ParseError>(())
/// ```
#[derive(Clone, Copy, Debug)]
#[must_use = "it is told in a report"]
pub struct Recipient<'a> {
    original: Option<OriginalRecipient<'a>>,
    address: ForwardPath<'a>,
    action: Action,
    status: EnhancedCode,
    remote: Option<Host<'a>>,
    reply: Option<Reply<'a>>,
    last_attempt: Option<Date>,
    until: Option<Date>,
}

impl<'a> Recipient<'a> {
    /// It lies in the mailbox: status 2.0.0. Only to be told where NOTIFY has SUCCESS (RFC 3461 5.2.3).
    pub fn delivered(rcpt: &Rcpt<'a>) -> Self {
        Self::new(rcpt, Action::Delivered, UNKNOWN.success())
    }

    /// It was handed to a system that sends no reports: status 2.0.0. Only to be told where NOTIFY has SUCCESS (RFC 3464 2.3.3).
    pub fn relayed(rcpt: &Rcpt<'a>) -> Self {
        Self::new(rcpt, Action::Relayed, UNKNOWN.success())
    }

    /// It went on to the addresses of an alias: status 2.0.0. Only to be told where NOTIFY has SUCCESS (RFC 3461 5.2.7.3).
    pub fn expanded(rcpt: &Rcpt<'a>) -> Self {
        Self::new(rcpt, Action::Expanded, UNKNOWN.success())
    }

    /// It was not delivered so far, and will be tried `until` then: status 4.0.0. Not to be told where NOTIFY is without DELAY
    /// (RFC 3461 5.2.5).
    pub fn delayed(rcpt: &Rcpt<'a>, until: Option<Date>) -> Self {
        Self { until, ..Self::new(rcpt, Action::Delayed, UNKNOWN.transient()) }
    }

    /// It cannot be delivered: status 5.0.0. Not to be told where NOTIFY is without FAILURE (RFC 3461 5.2.6).
    pub fn failed(rcpt: &Rcpt<'a>) -> Self {
        Self::new(rcpt, Action::Failed, UNKNOWN.permanent())
    }

    /// It could not be delivered in time: `failed`, with status 4.4.7. As [`failed`](Self::failed) otherwise.
    pub fn expired(rcpt: &Rcpt<'a>) -> Self {
        // RFC 3464 2.3.3: the status of what failed for being late is that of a delay.
        Self::new(rcpt, Action::Failed, Condition::DELIVERY_TIME_EXPIRED.transient())
    }

    fn new(rcpt: &Rcpt<'a>, action: Action, status: EnhancedCode) -> Self {
        Self {
            original: rcpt.params.orcpt(),
            address: rcpt.to,
            action,
            status,
            remote: None,
            reply: None,
            last_attempt: None,
            until: None,
        }
    }

    /// Gives a better reason; the class of the status stays.
    pub fn because(self, condition: Condition) -> Self {
        let status = EnhancedCode::new(self.status.class(), condition);
        Self { status: status.unwrap_or(self.status), ..self }
    }

    /// The host with which delivery was tried, where it gave no reply (RFC 3464 2.3.5).
    pub const fn tried_with(self, remote: Host<'a>) -> Self {
        Self { remote: Some(remote), ..self }
    }

    /// The host with which delivery was tried, and the reply that decided. Its enhanced code becomes the status; what failed gets the
    /// class of the reply too. At most 2048 octets of it are quoted.
    pub fn answered_by(self, remote: Host<'a>, reply: Reply<'a>) -> Self {
        let class = match (self.action, reply.class()) {
            (Action::Failed, class @ (Class::Transient | Class::Permanent)) => class,
            _ => self.status.class(),
        };
        let condition = reply.enhanced().unwrap_or(self.status).condition();
        let status = EnhancedCode::new(class, condition).unwrap_or(self.status);
        Self { status, remote: Some(remote), reply: Some(reply), ..self }
    }

    /// When delivery was last tried.
    pub const fn last_attempt(self, date: Date) -> Self {
        Self { last_attempt: Some(date), ..self }
    }

    /// What was done.
    #[must_use]
    pub const fn action(&self) -> Action {
        self.action
    }

    /// Why. The class is 2 for what is delivered, relayed or expanded, 4 for what is delayed, 4 or 5 for what failed.
    #[must_use]
    pub const fn status(&self) -> EnhancedCode {
        self.status
    }

    pub(super) const fn until(&self) -> Option<Date> {
        self.until
    }

    pub(super) fn is_ascii(&self) -> bool {
        let original = self.original.is_none_or(|orcpt| orcpt.as_str().is_ascii());
        original && self.address.is_ascii()
    }

    /// The recipient's address and its type, as they stand in a report.
    pub(super) fn address(&self, charset: Charset) -> (&'static str, String) {
        let address = match &self.address {
            ForwardPath::Postmaster => "postmaster",
            ForwardPath::Mailbox(mailbox) => mailbox.as_str(),
        };
        match charset {
            _ if address.is_ascii() => ("rfc822", address.to_string()),
            Charset::Utf8 => ("utf-8", address.to_string()),
            Charset::Ascii => ("utf-8", utf8_addr_xtext(address)),
        }
    }

    /// Host and reply, one line of it an item, in US-ASCII and cut to what is quoted.
    pub(super) fn quote(&self) -> Option<(Host<'a>, Vec<String>)> {
        let mut wire = Vec::new();
        self.reply?.encode(&mut wire);
        let mut room = QUOTE_LIMIT;
        let mut lines = Vec::new();
        for line in wire.split(|&octet| octet == b'\n').filter(|line| !line.is_empty()) {
            if line.len() > room {
                lines.push("[...]".to_string());
                break;
            }
            room = room.saturating_sub(line.len());
            lines.push(String::from_utf8_lossy(line).trim_ascii_end().to_string());
        }
        Some((self.remote?, lines))
    }

    /// Appends the group of fields, without the empty line in front.
    pub(super) fn encode(&self, out: &mut impl BufMut, charset: Charset) {
        if let Some(original) = self.original {
            put_original(out, charset, original);
        }
        let (kind, address) = self.address(charset);
        typed_field(out, "Final-Recipient", charset, kind, &address);
        field(out, "Action", charset, self.action.name());
        field(out, "Status", charset, &self.status.to_string());
        if let Some(remote) = self.remote {
            // RFC 3464 2.3.5: "a printable ASCII representation".
            typed_field(out, "Remote-MTA", Charset::Ascii, "dns", &wire_form(remote));
        }
        if let Some((_, lines)) = self.quote() {
            put_diagnostic(out, &lines);
        }
        if let Some(date) = self.last_attempt {
            field(out, "Last-Attempt-Date", charset, &date.to_string());
        }
        if let Some(date) = self.until {
            field(out, "Will-Retry-Until", charset, &date.to_string());
        }
    }
}

/// X.0.0. RFC 3461 6.3 (g): what a status says when nothing better is known.
const UNKNOWN: Condition = Condition::OTHER_UNDEFINED_STATUS;

/// The 7-bit form of an address (RFC 6533 3).
fn utf8_addr_xtext(address: &str) -> String {
    let value = OriginalRecipient::encode(address);
    value.strip_prefix("utf-8;").unwrap_or(&value).to_string()
}

/// RFC 3464 2.3.1: type and address as the sender gave them, without the encoding of the parameter.
fn put_original(out: &mut impl BufMut, charset: Charset, original: OriginalRecipient<'_>) {
    let kind = original.address_type();
    let encoded = original.as_str().split_once(';').map_or("", |(_, encoded)| encoded);
    let (decoded, utf8) = (original.address(), kind.eq_ignore_ascii_case("utf-8"));
    let address = match charset {
        Charset::Utf8 if utf8 => decoded,
        // RFC 6533 3: in a 7-bit report the escapes stay, or are made.
        Charset::Ascii if utf8 && encoded.is_ascii() => encoded.to_string(),
        Charset::Ascii if utf8 => utf8_addr_xtext(&decoded),
        _ if decoded.is_ascii() => decoded,
        // It decodes to what RFC 3461 4.2 does not let an address be: better left encoded than lost.
        _ => encoded.to_string(),
    };
    typed_field(out, "Original-Recipient", charset, kind, &address);
}

/// RFC 3461 9.2: the reply as it came, each further line of it behind a space.
fn put_diagnostic(out: &mut impl BufMut, lines: &[String]) {
    let mut field = Line::field(out, "Diagnostic-Code", Charset::Ascii, " ");
    field.word("smtp;");
    for (index, line) in lines.iter().enumerate() {
        if index > 0 {
            field.fold();
        }
        field.words(line);
    }
    field.end();
}

#[cfg(test)]
mod tests {
    use alloc::format;

    use super::*;
    use crate::{Code, Command, RcptBuf};

    fn rcpt(line: &str) -> RcptBuf {
        let Ok(Command::Rcpt(rcpt)) = Command::parse(line.as_bytes()) else {
            panic!("{line}");
        };
        rcpt.to_owned()
    }

    fn host(text: &str) -> Host<'_> {
        Host::parse(text.as_bytes()).unwrap()
    }

    fn fields(recipient: &Recipient<'_>, charset: Charset) -> String {
        let mut out = Vec::new();
        recipient.encode(&mut out, charset);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn the_class_of_the_status_fits_the_action() {
        let rcpt = rcpt("RCPT TO:<bob@x.test>");
        let rcpt = &rcpt.as_ref();
        let full = Condition::MAILBOX_FULL;
        let table = [
            (Recipient::delivered(rcpt), "delivered", "2.0.0", "2.2.2"),
            (Recipient::relayed(rcpt), "relayed", "2.0.0", "2.2.2"),
            (Recipient::expanded(rcpt), "expanded", "2.0.0", "2.2.2"),
            (Recipient::delayed(rcpt, None), "delayed", "4.0.0", "4.2.2"),
            (Recipient::failed(rcpt), "failed", "5.0.0", "5.2.2"),
            (Recipient::expired(rcpt), "failed", "4.4.7", "4.2.2"),
        ];
        for (recipient, action, status, because) in table {
            assert_eq!(recipient.action().name(), action);
            assert_eq!(recipient.status().to_string(), status);
            assert_eq!(recipient.because(full).status().to_string(), because);
        }
    }

    #[test]
    fn the_reply_gives_the_status() {
        let rcpt = rcpt("RCPT TO:<bob@x.test>");
        let rcpt = &rcpt.as_ref();
        let table = [
            (Recipient::failed(rcpt), "550 5.1.1 no\r\n", "5.1.1"),
            (Recipient::failed(rcpt), "550 no\r\n", "5.0.0"),
            (Recipient::failed(rcpt), "451 4.3.0 later\r\n", "4.3.0"),
            (Recipient::failed(rcpt), "354 go\r\n", "5.0.0"),
            (Recipient::expired(rcpt), "451 later\r\n", "4.4.7"),
            (Recipient::delayed(rcpt, None), "550 5.7.1 no\r\n", "4.7.1"),
            (Recipient::relayed(rcpt), "250 2.1.5 ok\r\n", "2.1.5"),
            (Recipient::delivered(rcpt), "550 5.7.1 no\r\n", "2.7.1"),
        ];
        for (recipient, reply, status) in table {
            let reply = Reply::parse(reply.as_bytes()).unwrap();
            let recipient = recipient.answered_by(host("mx.test"), reply);
            assert_eq!(recipient.status().to_string(), status, "{recipient:?}");
        }
    }

    #[test]
    fn every_field_stands_in_the_order_of_the_grammar() {
        let rcpt = rcpt("RCPT TO:<bob@x.test> ORCPT=rfc822;Bob+2Btag@Example.test");
        let reply = Reply::parse(b"451-4.3.0 Try\r\n451 4.3.0 later (or not)\r\n").unwrap();
        let recipient = Recipient::delayed(&rcpt.as_ref(), Some(Date::utc(86_400)))
            .answered_by(host("[192.0.2.1]"), reply)
            .last_attempt(Date::utc(0));
        assert_eq!(
            fields(&recipient, Charset::Ascii),
            "Original-Recipient: rfc822; Bob+tag@Example.test\r\n\
             Final-Recipient: rfc822; bob@x.test\r\n\
             Action: delayed\r\n\
             Status: 4.3.0\r\n\
             Remote-MTA: dns; [192.0.2.1]\r\n\
             Diagnostic-Code: smtp; 451-4.3.0 Try\r\n 451 4.3.0 later (or not)\r\n\
             Last-Attempt-Date: Thu, 01 Jan 1970 00:00:00 +0000\r\n\
             Will-Retry-Until: Fri, 02 Jan 1970 00:00:00 +0000\r\n"
        );
    }

    #[test]
    fn without_a_reply_there_is_no_diagnostic() {
        let rcpt = rcpt("RCPT TO:<Postmaster>");
        let recipient = Recipient::expired(&rcpt.as_ref()).tried_with(host("mx.test"));
        assert_eq!(
            fields(&recipient, Charset::Utf8),
            "Final-Recipient: rfc822; postmaster\r\n\
             Action: failed\r\n\
             Status: 4.4.7\r\n\
             Remote-MTA: dns; mx.test\r\n"
        );
    }

    #[test]
    fn addresses_are_written_in_the_form_of_the_report() {
        let table = [
            ("RCPT TO:<bücher@x.test> ORCPT=utf-8;b\\x{FC}cher+x@x.test", None, None),
            (
                "RCPT TO:<bücher@x.test> ORCPT=utf-8;b\\x{FC}cher@x.test",
                Some(
                    "Original-Recipient: utf-8; b\\x{FC}cher@x.test\r\nFinal-Recipient: utf-8; b\\x{FC}cher@x.test\r\n",
                ),
                Some(
                    "Original-Recipient: utf-8; bücher@x.test\r\nFinal-Recipient: utf-8; bücher@x.test\r\n",
                ),
            ),
            (
                "RCPT TO:<b@x.test> ORCPT=UTF-8;bücher@x.test",
                Some(
                    "Original-Recipient: UTF-8; b\\x{FC}cher@x.test\r\nFinal-Recipient: rfc822; b@x.test\r\n",
                ),
                Some(
                    "Original-Recipient: UTF-8; bücher@x.test\r\nFinal-Recipient: rfc822; b@x.test\r\n",
                ),
            ),
            (
                "RCPT TO:<b@x.test> ORCPT=utf-8;a\\x{2B}b@x.test",
                Some(
                    "Original-Recipient: utf-8; a\\x{2B}b@x.test\r\nFinal-Recipient: rfc822; b@x.test\r\n",
                ),
                Some(
                    "Original-Recipient: utf-8; a+b@x.test\r\nFinal-Recipient: rfc822; b@x.test\r\n",
                ),
            ),
            ("RCPT TO:<b@x.test> ORCPT=X400;/S=b+20c/", None, None),
            (
                "RCPT TO:<b@x.test> ORCPT=rfc822;b+C3+BCcher@x.test",
                Some(
                    "Original-Recipient: rfc822; b+C3+BCcher@x.test\r\nFinal-Recipient: rfc822; b@x.test\r\n",
                ),
                Some(
                    "Original-Recipient: rfc822; b+C3+BCcher@x.test\r\nFinal-Recipient: rfc822; b@x.test\r\n",
                ),
            ),
            (
                "RCPT TO:<b@x.test> ORCPT=rfc822;+20+20b+20",
                Some("Original-Recipient: rfc822;   b \r\nFinal-Recipient: rfc822; b@x.test\r\n"),
                Some("Original-Recipient: rfc822;   b \r\nFinal-Recipient: rfc822; b@x.test\r\n"),
            ),
        ];
        for (line, ascii, utf8) in table {
            // RFC 6533 3, RFC 3461 4: these two are no ORCPT, and no RCPT holds them.
            let (Some(ascii), Some(utf8)) = (ascii, utf8) else {
                assert!(Command::parse(line.as_bytes()).is_err(), "{line}");
                continue;
            };
            let rcpt = rcpt(line);
            let recipient = Recipient::delivered(&rcpt.as_ref());
            let rest = "Action: delivered\r\nStatus: 2.0.0\r\n";
            assert_eq!(fields(&recipient, Charset::Ascii), format!("{ascii}{rest}"));
            assert_eq!(fields(&recipient, Charset::Utf8), format!("{utf8}{rest}"));
        }
    }

    #[test]
    fn a_long_reply_is_cut_and_a_hostile_one_harmless() {
        let rcpt = rcpt("RCPT TO:<b@x.test>");
        let text = alloc::vec!["x".repeat(300); 20].join("\n");
        let reply = Reply::new(Code::MAILBOX_UNAVAILABLE, None, &text);
        let recipient = Recipient::failed(&rcpt.as_ref()).answered_by(host("mx.test"), reply);
        let fields = fields(&recipient, Charset::Ascii);
        assert!(fields.len() < QUOTE_LIMIT + 300, "{}", fields.len());
        assert!(fields.ends_with("\r\n [...]\r\n"));

        let wire = b"550-\x1b[2J\xff\0 \t  (\r\n550-\r\n550 \t\r\n";
        let reply = Reply::parse(wire).unwrap();
        let recipient = Recipient::failed(&rcpt.as_ref()).answered_by(host("mx.test"), reply);
        assert!(
            self::fields(&recipient, Charset::Utf8)
                .ends_with("Diagnostic-Code: smtp; 550-?[2J?? (\r\n 550-\r\n 550\r\n"),
            "{}",
            self::fields(&recipient, Charset::Utf8)
        );
    }
}
