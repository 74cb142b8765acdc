//! The fields that a server puts on top of a content.
//!
//! ```abnf
//! Return-path-line = "Return-Path:" FWS Reverse-path CRLF                              ; RFC 5321 4.4
//! Time-stamp-line  = "Received:" FWS "from" FWS Extended-Domain CFWS "by" FWS Extended-Domain
//!                    [ CFWS "with" FWS Atom ] [ CFWS "id" FWS Atom ] [ CFWS "for" FWS Path ] ";" FWS date-time CRLF
//! Extended-Domain  = ( Domain / address-literal ) [ FWS "(" [ Domain FWS ] address-literal ")" ]
//! ```

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::net::IpAddr;

use bytes::BufMut;

use super::fold::{Charset, Line, field};
use super::{Date, wire_form};
use crate::wire::chars;
use crate::{AddressLiteral, Domain, ForwardPath, Host, Mailbox, ReversePath};

/// Octets of `with` and `id` that are written.
const ATOM_LIMIT: usize = 255;

/// The trace field that every server puts on top of what it accepts (RFC 5321 4.4).
///
/// UTF-8 stands in it only where the transaction had SMTPUTF8 (RFC 6531 3.7.3), which the `with` keyword tells; elsewhere it becomes
/// `?`, and an address of UTF-8 is left out.
///
/// ```
/// use smtp_proto::report::{Date, Received};
/// use smtp_proto::{ForwardPathBuf, Host};
///
/// let bob: ForwardPathBuf = "bob@example.test".parse()?;
/// let mut top = Vec::new();
/// Received::new(Host::parse(b"client.test")?, Host::parse(b"mx.test")?, "ESMTPS", Date::utc(1_751_356_800))
///     .peer("192.0.2.1".parse().unwrap(), None)
///     .id("4711")
///     .recipients([bob.as_ref()])
///     .encode(&mut top);
/// assert_eq!(
///     String::from_utf8(top).unwrap(),
///     "Received: from client.test ([192.0.2.1]) by mx.test with ESMTPS id 4711\r\n    \
///          for <bob@example.test>; Tue, 01 Jul 2025 08:00:00 +0000\r\n"
/// );
/// # Ok::<(), smtp_proto::ParseError>(())
/// ```
#[derive(Clone, Copy, Debug)]
#[must_use = "it is put on top of the content"]
pub struct Received<'a> {
    from: Host<'a>,
    peer: Option<(IpAddr, Option<Domain<'a>>)>,
    by: Host<'a>,
    with: &'a str,
    id: &'a str,
    recipient: Option<Mailbox<'a>>,
    date: Date,
}

impl<'a> Received<'a> {
    /// The field of a content that came `from` the host that called itself so, and was taken `by` this one at `date`.
    ///
    /// `with` is the keyword that [`Server::protocol`](crate::server::Server::protocol) gives.
    pub const fn new(from: Host<'a>, by: Host<'a>, with: &'a str, date: Date) -> Self {
        Self { from, peer: None, by, with, id: "", recipient: None, date }
    }

    /// The address from which the peer connected, and the name that the DNS has for it, if that was asked. RFC 5321 4.4: it SHOULD stand
    /// here, since a peer may call itself what it likes.
    pub const fn peer(self, address: IpAddr, name: Option<Domain<'a>>) -> Self {
        Self { peer: Some((address, name)), ..self }
    }

    /// The name of the letter in this server's queue or log. Octets that are no `atext` become `?`; at most 255 are written.
    pub const fn id(self, id: &'a str) -> Self {
        Self { id, ..self }
    }

    /// All recipients of the transaction. Only a recipient who is alone is named: the others could be a secret (RFC 5321 4.4 and 7.2).
    pub fn recipients(self, recipients: impl IntoIterator<Item = ForwardPath<'a>>) -> Self {
        let mut recipients = recipients.into_iter();
        let (first, second) = (recipients.next(), recipients.next());
        let only = first.filter(|_| second.is_none());
        // The bare "postmaster" is no Path, so it cannot stand here.
        Self { recipient: only.and_then(|path| path.mailbox()), ..self }
    }

    /// Appends the field, with its CRLF.
    pub fn encode(&self, out: &mut impl BufMut) {
        // RFC 6531 4.3: these keywords say that MAIL had SMTPUTF8.
        let utf8 = self.with.starts_with("UTF8");
        let charset = if utf8 { Charset::Utf8 } else { Charset::Ascii };
        let mut line = Line::field(out, "Received", charset, "    ");
        let (from, by) = (wire_form(self.from), wire_form(self.by));
        line.phrase(&["from", &from]);
        match self.peer {
            Some((address, None)) => line.word(&format!("({})", AddressLiteral::new(address))),
            Some((address, Some(name))) => {
                let address = format!("{})", AddressLiteral::new(address));
                line.phrase(&[&format!("({}", name.as_str()), &address]);
            }
            None => {}
        }
        let recipient = self.recipient.filter(|mailbox| utf8 || mailbox.is_ascii());
        let clauses = [
            ("by", Some(by)),
            ("with", atom(self.with)),
            ("id", atom(self.id)),
            ("for", recipient.map(|mailbox| format!("<{}>", mailbox.as_str()))),
        ];
        let mut clauses =
            clauses.into_iter().filter_map(|(name, value)| Some((name, value?))).peekable();
        while let Some((name, mut value)) = clauses.next() {
            if clauses.peek().is_none() {
                value.push(';');
            }
            line.phrase(&[name, &value]);
        }
        let date = self.date.to_string();
        line.phrase(&date.split(' ').collect::<Vec<_>>());
        line.end();
    }
}

/// `text` as an atom, `None` where it is empty.
fn atom(text: &str) -> Option<String> {
    let is_atext = |c: &char| c.is_ascii() && chars::is_atext(*c as u8);
    let atom: String =
        text.chars().take(ATOM_LIMIT).map(|c| if is_atext(&c) { c } else { '?' }).collect();
    (!atom.is_empty()).then_some(atom)
}

/// The trace field that final delivery puts on top of all others: the reverse-path of MAIL, to which reports go (RFC 5321 4.4).
///
/// ```
/// use smtp_proto::ReversePathBuf;
/// use smtp_proto::report::ReturnPath;
///
/// let alice: ReversePathBuf = "alice@example.test".parse()?;
/// let mut top = Vec::new();
/// ReturnPath::new(alice.as_ref()).encode(&mut top);
/// assert_eq!(top, b"Return-Path: <alice@example.test>\r\n");
/// # Ok::<(), smtp_proto::ParseError>(())
/// ```
#[derive(Clone, Copy, Debug)]
#[must_use = "it is put on top of the content"]
pub struct ReturnPath<'a>(ReversePath<'a>);

impl<'a> ReturnPath<'a> {
    /// The field of this reverse-path.
    pub const fn new(path: ReversePath<'a>) -> Self {
        Self(path)
    }

    /// Appends the field, with its CRLF. A mailbox of UTF-8 came with SMTPUTF8, so it stands as it is.
    pub fn encode(&self, out: &mut impl BufMut) {
        let mailbox = self.0.mailbox().map_or("", |mailbox| mailbox.as_str());
        field(out, "Return-Path", Charset::Utf8, &format!("<{mailbox}>"));
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::ForwardPathBuf;

    const DATE: Date = Date::utc(1_751_356_800);

    fn host(text: &str) -> Host<'_> {
        Host::parse(text.as_bytes()).unwrap()
    }

    fn path(text: &str) -> ForwardPathBuf {
        text.parse().unwrap()
    }

    fn written(received: &Received<'_>) -> String {
        let mut out = Vec::new();
        received.encode(&mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn every_clause_stands_in_its_place() {
        let Host::Domain(name) = host("dynamic-192-0-2-1.isp.test") else { unreachable!() };
        let bob = path("\"Bob (at home)\"@example.test");
        let received = Received::new(host("[IPv6:2001:db8::1]"), host("mx.test"), "ESMTPSA", DATE)
            .peer("2001:db8::1".parse().unwrap(), Some(name))
            .id("QQ-1")
            .recipients([bob.as_ref()]);
        assert_eq!(
            written(&received),
            "Received: from [IPv6:2001:db8::1]\r\n\
             \x20   (dynamic-192-0-2-1.isp.test [IPv6:2001:db8::1]) by mx.test with ESMTPSA\r\n\
             \x20   id QQ-1 for <\"Bob (at home)\"@example.test>;\r\n\
             \x20   Tue, 01 Jul 2025 08:00:00 +0000\r\n"
        );
    }

    #[test]
    fn the_smallest_field_has_from_by_and_date() {
        assert_eq!(
            written(&Received::new(host("a"), host("[192.0.2.9]"), "", DATE)),
            "Received: from a by [192.0.2.9]; Tue, 01 Jul 2025 08:00:00 +0000\r\n"
        );
    }

    #[test]
    fn only_a_recipient_who_is_alone_is_named() {
        let (bob, carol, postmaster) =
            (path("bob@x.test"), path("carol@x.test"), path("postmaster"));
        let received = Received::new(host("a"), host("b"), "ESMTP", DATE);
        let field = "Received: from a by b with ESMTP; Tue, 01 Jul 2025 08:00:00 +0000\r\n";
        assert_eq!(written(&received.recipients([])), field);
        assert_eq!(written(&received.recipients([bob.as_ref(), carol.as_ref()])), field);
        assert_eq!(written(&received.recipients([bob.as_ref(), bob.as_ref()])), field);
        assert_eq!(written(&received.recipients([postmaster.as_ref()])), field);
        assert_eq!(
            written(&received.recipients([bob.as_ref()])),
            "Received: from a by b with ESMTP for <bob@x.test>;\r\n\
             \x20   Tue, 01 Jul 2025 08:00:00 +0000\r\n"
        );
    }

    #[test]
    fn utf8_stands_only_where_the_transaction_had_smtputf8() {
        let recipient = path("jürgen@bücher.test");
        let received = |with| {
            let received = Received::new(host("bücher.test"), host("mx.test"), with, DATE);
            written(&received.recipients([recipient.as_ref()]))
        };
        assert_eq!(
            received("UTF8SMTPS"),
            "Received: from bücher.test by mx.test with UTF8SMTPS\r\n\
             \x20   for <jürgen@bücher.test>; Tue, 01 Jul 2025 08:00:00 +0000\r\n"
        );
        assert_eq!(
            received("ESMTPS"),
            "Received: from b?cher.test by mx.test with ESMTPS;\r\n\
             \x20   Tue, 01 Jul 2025 08:00:00 +0000\r\n"
        );
    }

    #[test]
    fn nothing_breaks_out_of_its_clause() {
        let received =
            Received::new(host("a"), host("b"), "ESMTP (x)", DATE).id("1; x\r\nX-Injected: (é");
        assert_eq!(
            written(&received),
            "Received: from a by b with ESMTP??x? id 1??x??X-Injected????;\r\n\
             \x20   Tue, 01 Jul 2025 08:00:00 +0000\r\n"
        );
        // UTF8-non-ascii, hence a legal domain of an SMTPUTF8 transaction, but the end of a line to some readers.
        let received = Received::new(host("a\u{85}b\u{2028}c"), host("b"), "UTF8SMTP", DATE);
        assert_eq!(
            written(&received),
            "Received: from a?b?c by b with UTF8SMTP; Tue, 01 Jul 2025 08:00:00 +0000\r\n"
        );
    }

    #[test]
    fn the_longest_names_get_lines_of_their_own() {
        let long = ["a".repeat(63), "b".repeat(63), "c".repeat(63), "d".repeat(63)].join(".");
        let recipient = path(&format!("{}@{}", "e".repeat(64), &long[..180]));
        let received = Received::new(host(&long), host(&long), "ESMTP", DATE)
            .peer("192.0.2.1".parse().unwrap(), None)
            .id(&long)
            .recipients([recipient.as_ref()]);
        let id = long.replace('.', "?");
        let mailbox = recipient.to_string();
        assert_eq!(
            written(&received),
            format!(
                "Received: from\r\n    {long}\r\n    ([192.0.2.1]) by\r\n    {long}\r\n    with ESMTP id\r\n    {id}\r\n    \
                 for\r\n    <{mailbox}>;\r\n    Tue, 01 Jul 2025 08:00:00 +0000\r\n"
            )
        );
    }

    #[test]
    fn return_path_is_the_reverse_path() {
        let table = [
            ("", "Return-Path: <>\r\n"),
            ("a@x.test", "Return-Path: <a@x.test>\r\n"),
            ("\"a> b\\\"\"@[192.0.2.1]", "Return-Path: <\"a> b\\\"\"@[192.0.2.1]>\r\n"),
            ("jürgen@x.test", "Return-Path: <jürgen@x.test>\r\n"),
            ("a\u{85}b@x.test", "Return-Path: <a?b@x.test>\r\n"),
        ];
        for (path, expected) in table {
            let path: crate::ReversePathBuf = path.parse().unwrap();
            let mut out = Vec::new();
            ReturnPath::new(path.as_ref()).encode(&mut out);
            assert_eq!(String::from_utf8(out).unwrap(), expected);
        }
    }

    proptest! {
        #[test]
        fn whatever_is_named_one_field_leaves(
            from in "[a-zé\u{80}-\u{9f}]{1,30}(\\.[a-z\u{2028}]{1,20}){0,3}",
            by in "[a-z]{1,60}",
            with in "\\PC{0,40}|UTF8SMTP|(?s:.{0,300})",
            id in "(?s:.{0,600})",
            local in "\"[ -!#-\\[\\]-~é]{0,30}\"|[a-zé\u{85}]{1,30}",
            minutes in -1439i16..1440,
        ) {
            let recipient = path(&format!("{local}@example.test"));
            let received = Received::new(host(&from), host(&by), &with, Date::local(0, minutes).unwrap())
                .peer("192.0.2.1".parse().unwrap(), None)
                .id(&id)
                .recipients([recipient.as_ref()]);
            let field = written(&received);
            let lines: Vec<&str> = field.strip_suffix("\r\n").unwrap().split("\r\n").collect();
            prop_assert!(lines[0].starts_with("Received: from"));
            for line in &lines {
                prop_assert!(line.len() <= 998 && !line.contains(char::is_control) && !line.trim().is_empty(), "{:?}", line);
            }
            prop_assert!(lines[1..].iter().all(|line| line.starts_with("    ")));
            prop_assert!(with.starts_with("UTF8") || field.is_ascii());
        }
    }
}
