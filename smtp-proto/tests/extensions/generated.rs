//! Generated command lines and lines of the reply to EHLO, as the grammar of each extension has them.

use proptest::collection::vec;
use proptest::option::of;
use proptest::prelude::*;
use proptest::sample::{select, subsequence};
use smtp_proto::Notify;

/// A keyword that stands alone.
pub(crate) fn alone(keyword: &'static str) -> BoxedStrategy<String> {
    Just(keyword.to_owned()).boxed()
}

fn mail(params: impl Strategy<Value = String> + 'static) -> BoxedStrategy<String> {
    params.prop_map(|params| format!("MAIL FROM:<a@x.test> {params}")).boxed()
}

fn rcpt(params: impl Strategy<Value = String> + 'static) -> BoxedStrategy<String> {
    params.prop_map(|params| format!("RCPT TO:<b@y.test> {params}")).boxed()
}

/// RFC 3461 4: printable US-ASCII, each octet as itself or in hexadecimal.
fn xtext(most: usize) -> BoxedStrategy<String> {
    let octet = prop_oneof![
        8 => "[!-*,-<>-~]",
        1 => (0x20_u8..0x7f).prop_map(|octet| format!("+{octet:02X}")),
    ];
    vec(octet, 1..=most / 3).prop_map(|octets| octets.concat()).boxed()
}

/// RFC 1870 3: a number that 64 bits hold.
pub(crate) fn size_offer() -> BoxedStrategy<String> {
    any::<u64>().prop_map(|octets| format!("SIZE {octets}")).boxed()
}

pub(crate) fn size() -> BoxedStrategy<String> {
    mail("SIZE=[0-9]{1,20}")
}

/// RFC 6152 3.
pub(crate) fn body() -> BoxedStrategy<String> {
    mail("BODY=(7BIT|8BITMIME)")
}

/// RFC 6531 3.3, 3.7.4.2.
pub(crate) fn utf8() -> BoxedStrategy<String> {
    let word = || "[a-zà-öα-ω一-十😀-😎]{1,12}";
    prop_oneof![
        (word(), word())
            .prop_map(|(local, domain)| format!("MAIL FROM:<{local}@{domain}.test> SMTPUTF8")),
        word().prop_map(|local| format!("VRFY {local} SMTPUTF8")),
        word().prop_map(|list| format!("EXPN {list} SMTPUTF8")),
    ]
    .boxed()
}

/// RFC 3461 4.1 to 4.4, RFC 6533 3.
pub(crate) fn dsn() -> BoxedStrategy<String> {
    let of_mail = (of("RET=(FULL|HDRS)"), xtext(100)).prop_map(|(ret, envid)| {
        ret.map_or_else(|| format!("ENVID={envid}"), |ret| format!("{ret} ENVID={envid}"))
    });
    let outcomes = subsequence(vec![Notify::SUCCESS, Notify::FAILURE, Notify::DELAY], 0..=3)
        .prop_map(|all| all.into_iter().fold(Notify::NEVER, Notify::with));
    let recipient = prop_oneof![
        ("(rfc822|x400|X-[a-z]{1,8})", xtext(400))
            .prop_map(|(kind, text)| format!("{kind};{text}")),
        "utf-8;([!-*,-<>-\\[\\]-~]|\\\\x\\{(E9|3B1|4E00|1F600)\\}){1,30}",
    ];
    let of_rcpt = (outcomes, of(recipient)).prop_map(|(notify, recipient)| {
        let recipient = recipient.map_or_else(String::new, |text| format!(" ORCPT={text}"));
        format!("NOTIFY={notify}{recipient}")
    });
    prop_oneof![mail(of_mail), rcpt(of_rcpt)].boxed()
}

/// RFC 3030 2.
pub(crate) fn chunk() -> BoxedStrategy<String> {
    (any::<u64>(), select(vec!["", " LAST"]))
        .prop_map(|(octets, last)| format!("BDAT {octets}{last}"))
        .boxed()
}

pub(crate) fn binary() -> BoxedStrategy<String> {
    mail("BODY=BINARYMIME")
}

pub(crate) fn start_tls() -> BoxedStrategy<String> {
    alone("STARTTLS")
}

/// RFC 4422 3.1.
fn mechanism() -> &'static str {
    "[A-Z0-9_-]{1,20}"
}

pub(crate) fn auth_offer() -> BoxedStrategy<String> {
    proptest::collection::btree_set(mechanism(), 1..6)
        .prop_map(|names| names.iter().fold("AUTH".to_owned(), |line, name| line + " " + name))
        .boxed()
}

/// RFC 4954 4, 5.
pub(crate) fn auth() -> BoxedStrategy<String> {
    let base64 = "([A-Za-z0-9+/]{4}){0,20}([A-Za-z0-9+/][AQgw]==|[A-Za-z0-9+/]{2}[AEIMQUYcgkosw048]=|[A-Za-z0-9+/]{4})";
    let initial = prop_oneof![3 => base64, 1 => "="];
    let user = prop_oneof!["<>", "[a-z]{1,9}(\\+2B|\\+3D|\\+26)[a-z]{1,9}@[a-z]{1,9}\\.test"];
    prop_oneof![
        (mechanism(), of(initial)).prop_map(|(mechanism, initial)| {
            let initial = initial.map_or_else(String::new, |initial| format!(" {initial}"));
            format!("AUTH {mechanism}{initial}")
        }),
        mail(user.prop_map(|user| format!("AUTH={user}"))),
    ]
    .boxed()
}

/// RFC 8689 3.
pub(crate) fn require_tls() -> BoxedStrategy<String> {
    mail("REQUIRETLS")
}

/// RFC 9422 3, 4: one limit at least.
pub(crate) fn limits_offer() -> BoxedStrategy<String> {
    let names = ["MAILMAX", "RCPTMAX", "RCPTDOMAINMAX"];
    [of(1..=999_999_u32), of(1..=999_999_u32), of(1..=999_999_u32)]
        .prop_map(move |values| {
            let named = names.iter().zip(values);
            named.fold("LIMITS".to_owned(), |line, (name, value)| match value {
                Some(value) => format!("{line} {name}={value}"),
                None => line,
            })
        })
        .prop_filter("no limit", |line| line != "LIMITS")
        .boxed()
}

/// RFC 5321 4.1.1.6 to 4.1.1.8.
pub(crate) fn vrfy() -> BoxedStrategy<String> {
    "VRFY [!-~]([ -~]{0,40}[!-RT-~])?".boxed()
}

pub(crate) fn expn() -> BoxedStrategy<String> {
    "EXPN [!-~]([ -~]{0,40}[!-RT-~])?".boxed()
}

pub(crate) fn help() -> BoxedStrategy<String> {
    "HELP( [!-~]([ -~]{0,40}[!-~])?)?".boxed()
}
