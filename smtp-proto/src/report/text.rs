//! The part of a report that is for people.

use alloc::format;
use alloc::string::String;

use bytes::BufMut;

use super::fold::{Charset, Line};
use super::{Action, Recipient, wire_form};
use crate::{Condition, Host};

/// The order in which outcomes are told, the worst first.
const ORDER: [Action; 5] =
    [Action::Failed, Action::Delayed, Action::Delivered, Action::Relayed, Action::Expanded];

/// What the Subject says: the worst of what happened.
pub(super) fn subject(recipients: &[Recipient<'_>]) -> &'static str {
    match ORDER.into_iter().find(|&action| is_told(recipients, action)) {
        Some(Action::Failed) | None => "Your message could not be delivered",
        Some(Action::Delayed) => "Your message is delayed",
        Some(Action::Delivered) => "Your message was delivered",
        Some(Action::Relayed) => "Your message was passed on",
        Some(Action::Expanded) => "Your message was passed on to several addresses",
    }
}

/// Appends the text: each outcome, and below it its recipients.
pub(super) fn encode(
    out: &mut impl BufMut,
    charset: Charset,
    by: Host<'_>,
    recipients: &[Recipient<'_>],
) {
    let reporter = format!("This is the mail system at {}.", wire_form(by));
    paragraph(out, charset, "", &reporter);
    for action in ORDER.into_iter().filter(|&action| is_told(recipients, action)) {
        out.put_slice(b"\r\n");
        paragraph(out, charset, "", heading(action));
        for recipient in recipients.iter().filter(|recipient| recipient.action() == action) {
            out.put_slice(b"\r\n");
            put_recipient(out, charset, recipient);
        }
    }
}

fn is_told(recipients: &[Recipient<'_>], action: Action) -> bool {
    recipients.iter().any(|recipient| recipient.action() == action)
}

const fn heading(action: Action) -> &'static str {
    match action {
        Action::Failed => "Your message could not be delivered to:",
        Action::Delayed => {
            "Your message could not be delivered yet to the following address. It will be tried again; you need not send it again."
        }
        Action::Delivered => "Your message was delivered to:",
        Action::Relayed => {
            "Your message was passed on for the following address to a mail system that does not tell whether it delivers:"
        }
        Action::Expanded => {
            "Your message was delivered to the following address, and passed on to the addresses behind it:"
        }
    }
}

fn put_recipient(out: &mut impl BufMut, charset: Charset, recipient: &Recipient<'_>) {
    let (_, address) = recipient.address(charset);
    // The address is one word, so that its own white space stays.
    let mut line = Line::text(out, charset, "    ");
    line.word(&address);
    line.end();
    if !matches!(recipient.action(), Action::Failed | Action::Delayed) {
        return;
    }
    if let Some(reason) = reason(recipient) {
        paragraph(out, charset, "        ", &reason);
    }
    if let Some((host, lines)) = recipient.quote() {
        let quoted = format!("{} said: {}", wire_form(host), lines.join(" "));
        paragraph(out, charset, "        ", &quoted);
    }
    if let Some(until) = recipient.until() {
        paragraph(out, charset, "        ", &format!("It will be tried until {until}."));
    }
}

/// What the status means, where it means something.
fn reason(recipient: &Recipient<'_>) -> Option<String> {
    let condition = recipient.status().condition();
    let text = condition.text().filter(|_| condition != Condition::OTHER_UNDEFINED_STATUS)?;
    Some(format!("{text} ({})", recipient.status()))
}

fn paragraph(out: &mut impl BufMut, charset: Charset, indent: &'static str, text: &str) {
    let mut line = Line::text(out, charset, indent);
    line.words(text);
    line.end();
}
