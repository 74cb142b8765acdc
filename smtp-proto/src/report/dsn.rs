//! Delivery reports: the message that tells a sender what became of an earlier one.
//!
//! ```abnf
//! report = header CRLF                                ; multipart/report; report-type=delivery-status (RFC 6522 3)
//!          "--" boundary CRLF text-part               ; for people
//!          CRLF "--" boundary CRLF status-part        ; message/delivery-status (RFC 3464 2.1)
//!          [ CRLF "--" boundary CRLF returned-part ]  ; the message or its header section
//!          CRLF "--" boundary "--" CRLF
//! status = per-message-fields 1*( CRLF per-recipient-fields )
//! per-message-fields = [ "Original-Envelope-Id:" *text CRLF ] "Reporting-MTA:" mta-name-type ";" mta-name CRLF
//!                      [ "Received-From-MTA:" "dns" ";" mta-name CRLF ] [ "Arrival-Date:" date-time CRLF ]
//! ```
//!
//! Where UTF-8 is needed the parts are `message/global-delivery-status`, `message/global` and `message/global-headers` (RFC 6533 4).

use alloc::format;
use alloc::string::{String, ToString};
use core::net::IpAddr;

use bytes::BufMut;

use super::fold::{Charset, Line, field, typed_field};
use super::{Action, Date, Id, Recipient, text, wire_form};
use crate::{AddressLiteral, Body, Host, Mail, Mailbox, Ret};

/// Why there is no report.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum ReportError {
    /// RFC 5321 4.5.5: what came from the null path, as reports do, is never reported on.
    #[error("the message came from the null reverse-path, to which no report is sent")]
    NullSender,
    /// RFC 3464 2.3: there is something to say of one recipient at least.
    #[error("a report needs a recipient to report on")]
    NoRecipient,
}

/// A report on the delivery of one message, to be sent from `<>` to [`to`](Self::to).
///
/// It is written in two pieces: [`write_head`](Self::write_head) says what is returned of the message, the caller appends just that, and
/// [`write_tail`](Self::write_tail) ends it. The content is never held here.
///
/// ```
/// use smtp_proto::report::{Date, Id, Recipient, Report, header_section};
/// use smtp_proto::{Command, Host, Ret};
///
/// let Command::Mail(mail) = Command::parse(b"MAIL FROM:<alice@example.test> ENVID=QQ314159")? else { unreachable!() };
/// let Command::Rcpt(rcpt) = Command::parse(b"RCPT TO:<bob@example.test> NOTIFY=SUCCESS")? else { unreachable!() };
/// let content = b"Subject: hello\r\n\r\nHi!\r\n";
///
/// let recipients = [Recipient::delivered(&rcpt)];
/// let id = Id::new("4711.9f86d081884c7d65").unwrap();
/// let report = Report::new(&mail, Host::parse(b"mx.example.test")?, id, Date::utc(1_751_356_800), &recipients)
///     .expect("the sender is not null")
///     .returning(Ret::Full);
/// let mut letter = Vec::new();
/// match report.write_head(&mut letter) {
///     Some(Ret::Full) => letter.extend_from_slice(content),
///     // RFC 3461 6.2: nothing failed, so the body stays away.
///     Some(Ret::Headers) => letter.extend_from_slice(header_section(content)),
///     None => {}
/// }
/// report.write_tail(&mut letter);
///
/// let letter = String::from_utf8(letter).unwrap();
/// assert!(letter.contains("\r\nTo: <alice@example.test>\r\n"));
/// assert!(letter.contains("\r\nFinal-Recipient: rfc822; bob@example.test\r\nAction: delivered\r\nStatus: 2.0.0\r\n"));
/// assert!(letter.contains("\r\nContent-Type: text/rfc822-headers\r\n"));
/// # Ok::<(), smtp_proto::ParseError>(())
/// ```
#[derive(Clone, Copy, Debug)]
#[must_use = "it is written to where it is sent or kept"]
pub struct Report<'a> {
    mail: Mail<'a>,
    to: Mailbox<'a>,
    from: Option<Mailbox<'a>>,
    by: Host<'a>,
    id: Id<'a>,
    date: Date,
    recipients: &'a [Recipient<'a>],
    arrived: Option<Date>,
    peer: Option<(Host<'a>, Option<IpAddr>)>,
    returning: Option<Ret>,
    eight_bit: bool,
    seven_bit: bool,
}

impl<'a> Report<'a> {
    /// The report of host `by` on the message that came with `mail`: to its sender, with its ENVID, written at `date`.
    ///
    /// # Errors
    ///
    /// The sender is null, or there are no recipients.
    pub const fn new(
        mail: &Mail<'a>,
        by: Host<'a>,
        id: Id<'a>,
        date: Date,
        recipients: &'a [Recipient<'a>],
    ) -> Result<Self, ReportError> {
        let Some(to) = mail.from.mailbox() else { return Err(ReportError::NullSender) };
        if recipients.is_empty() {
            return Err(ReportError::NoRecipient);
        }
        Ok(Self {
            mail: *mail,
            to,
            from: None,
            by,
            id,
            date,
            recipients,
            arrived: None,
            peer: None,
            returning: None,
            eight_bit: false,
            seven_bit: false,
        })
    }

    /// Who answers to a reply to the report; `postmaster` at the reporting host unless told (RFC 3464 2).
    pub const fn from(self, mailbox: Mailbox<'a>) -> Self {
        Self { from: Some(mailbox), ..self }
    }

    /// When the message came.
    pub const fn arrived(self, date: Date) -> Self {
        Self { arrived: Some(date), ..self }
    }

    /// What the host from which the message came called itself, and its address.
    pub const fn received_from(self, name: Host<'a>, address: Option<IpAddr>) -> Self {
        Self { peer: Some((name, address)), ..self }
    }

    /// The most that the caller can return; nothing unless told. What is returned is in [`returned`](Self::returned).
    pub const fn returning(self, most: Ret) -> Self {
        Self { returning: Some(most), ..self }
    }

    /// Says that the message has octets over 127, though its MAIL may not have said so.
    pub const fn eight_bit(self) -> Self {
        Self { eight_bit: true, ..self }
    }

    /// Keeps to 7 bits, for a way back that takes neither SMTPUTF8 nor 8BITMIME: addresses are escaped, and what is not 7 bits of the
    /// message is not returned (RFC 6522 3). The caller sees to it that a header section that is returned is US-ASCII. Without effect for
    /// a sender whose address is not US-ASCII, since no such way leads there.
    pub const fn seven_bit(self) -> Self {
        Self { seven_bit: true, ..self }
    }

    /// The reverse-path of the message: who is to get the report (RFC 3464 2).
    #[must_use]
    pub const fn to(&self) -> Mailbox<'a> {
        self.to
    }

    /// What is returned of the message.
    ///
    /// The whole of it only with a failure, and where neither RET, REQUIRETLS nor BINARYMIME is against it; the header section otherwise.
    #[must_use]
    pub fn returned(&self) -> Option<Ret> {
        let kept_to_7 = self.seven_bit && self.to.is_ascii();
        if kept_to_7 && self.mail.params.smtputf8() {
            return None;
        }
        let params = &self.mail.params;
        let eight_bit = self.eight_bit || params.body() == Some(Body::EightBitMime);
        let whole = self.recipients.iter().any(|recipient| recipient.action() == Action::Failed)
            && params.ret() != Some(Ret::Headers)
            // RFC 8689 5: RET=FULL is disregarded.
            && params.get("REQUIRETLS").is_none()
            // A report goes in lines, which such a message need not have.
            && params.body() != Some(Body::BinaryMime)
            && !(kept_to_7 && eight_bit);
        // RFC 3461 6.2: without a failure, the header section.
        self.returning.map(|most| if whole { most } else { Ret::Headers })
    }

    /// Whether the report has to be sent with SMTPUTF8.
    #[must_use]
    pub fn needs_smtputf8(&self) -> bool {
        let utf8 = self.mail.params.smtputf8()
            && (self.returned().is_some() || !self.recipients.iter().all(Recipient::is_ascii));
        !self.to.is_ascii() || (utf8 && !self.seven_bit)
    }

    /// Whether the report has to be sent with BODY=8BITMIME.
    #[must_use]
    pub fn needs_8bitmime(&self) -> bool {
        self.needs_smtputf8() || self.returned().is_some_and(|ret| self.returns_8_bit(ret))
    }

    fn returns_8_bit(&self, ret: Ret) -> bool {
        let declared = ret == Ret::Full && self.mail.params.body() == Some(Body::EightBitMime);
        let kept_to_7 = self.seven_bit && self.to.is_ascii();
        !kept_to_7 && (declared || self.eight_bit || self.mail.params.smtputf8())
    }

    /// Appends everything up to what is returned of the message, which the caller appends then: as it is, not stuffed; all of it for
    /// [`Ret::Full`], [`header_section`](super::header_section) of it for [`Ret::Headers`], nothing for `None`.
    #[must_use = "it says what is to be appended"]
    pub fn write_head(&self, out: &mut impl BufMut) -> Option<Ret> {
        let utf8 = self.needs_smtputf8();
        let charset = if utf8 { Charset::Utf8 } else { Charset::Ascii };
        let (text, status) = match charset {
            Charset::Ascii => ("text/plain; charset=us-ascii", "message/delivery-status"),
            Charset::Utf8 => ("text/plain; charset=utf-8", "message/global-delivery-status"),
        };
        self.put_header(out, charset);
        self.put_part(out, text, utf8);
        text::encode(out, charset, self.by, self.recipients);
        out.put_slice(b"\r\n");
        self.put_part(out, status, utf8);
        self.put_status(out, charset);
        let ret = self.returned()?;
        let returned = match (ret, self.mail.params.smtputf8()) {
            (Ret::Full, false) => "message/rfc822",
            (Ret::Full, true) => "message/global",
            (Ret::Headers, false) => "text/rfc822-headers",
            (Ret::Headers, true) => "message/global-headers",
        };
        out.put_slice(b"\r\n");
        self.put_part(out, returned, self.returns_8_bit(ret));
        Some(ret)
    }

    /// Appends what stands behind the returned octets, and ends the report.
    pub fn write_tail(&self, out: &mut impl BufMut) {
        // The CRLF belongs to the delimiter (RFC 2046 5.1.1): what was returned keeps its own.
        out.put_slice(format!("\r\n--=_{}--\r\n", self.id).as_bytes());
    }

    fn put_header(&self, out: &mut impl BufMut, charset: Charset) {
        let from = match self.from {
            Some(mailbox) => mailbox.as_str().to_string(),
            None => format!("postmaster@{}", wire_form(self.by)),
        };
        let mut line = Line::field(out, "From", charset, " ");
        line.words("Mail Delivery System");
        line.word(&format!("<{from}>"));
        line.end();
        field(out, "To", charset, &format!("<{}>", self.to.as_str()));
        field(out, "Subject", charset, text::subject(self.recipients));
        field(out, "Date", charset, &self.date.to_string());
        field(out, "Message-ID", charset, &format!("<{}@{}>", self.id, wire_form(self.by)));
        // RFC 3834 5: an answer, which nobody is to answer by machine.
        field(out, "Auto-Submitted", charset, "auto-replied");
        field(out, "MIME-Version", charset, "1.0");
        let mut line = Line::field(out, "Content-Type", charset, " ");
        // RFC 6533 4: the type stays so for the parts of UTF-8.
        line.words("multipart/report; report-type=delivery-status;");
        line.word(&format!("boundary=\"=_{}\"", self.id));
        line.end();
        field(out, "Content-Transfer-Encoding", charset, encoding(self.needs_8bitmime()));
        out.put_slice(b"\r\n");
    }

    fn put_part(&self, out: &mut impl BufMut, kind: &str, eight_bit: bool) {
        out.put_slice(format!("--=_{}\r\n", self.id).as_bytes());
        field(out, "Content-Type", Charset::Ascii, kind);
        field(out, "Content-Transfer-Encoding", Charset::Ascii, encoding(eight_bit));
        out.put_slice(b"\r\n");
    }

    fn put_status(&self, out: &mut impl BufMut, charset: Charset) {
        if let Some(envid) = self.mail.params.envid() {
            // RFC 3461 6.3 (a): without the encoding of the parameter. It is one word, so that its white space stays.
            let envid: String = envid.decode().map(char::from).collect();
            field(out, "Original-Envelope-Id", charset, &envid);
        }
        let kind = match self.by {
            // RFC 3461 6.3 (b): "dns" is for full names.
            Host::Domain(domain) if !domain.as_str().contains('.') => "x-local-hostname",
            _ => "dns",
        };
        typed_field(out, "Reporting-MTA", Charset::Ascii, kind, &wire_form(self.by));
        if let Some((name, address)) = self.peer {
            let mut line = Line::field(out, "Received-From-MTA", Charset::Ascii, " ");
            line.phrase(&["dns;", &wire_form(name)]);
            if let Some(address) = address {
                line.word(&format!("({})", AddressLiteral::new(address)));
            }
            line.end();
        }
        if let Some(date) = self.arrived {
            field(out, "Arrival-Date", charset, &date.to_string());
        }
        for recipient in self.recipients {
            out.put_slice(b"\r\n");
            recipient.encode(out, charset);
        }
    }
}

const fn encoding(eight_bit: bool) -> &'static str {
    if eight_bit { "8bit" } else { "7bit" }
}

#[cfg(test)]
mod tests;
