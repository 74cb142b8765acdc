use alloc::string::{String, ToString};

use proptest::prelude::*;

use super::*;
use crate::AddressLiteral;

#[test]
fn mailboxes_read_as_the_grammar_says() {
    let accepted = [
        "user@localhost",
        "a@b.c",
        "!#$%&'*+-/=?^_`{|}~@x.test",
        "a.b.c@x.test",
        "\"a@b\"@x.test",
        "\"\"@x.test",
        "\" \"@x.test",
        "\"a\\\"b\"@x.test",
        "\"a\\\\\"@x.test",
        "a@127.0.0.1",
        "a@[127.0.0.1]",
        "a@[IPv6:::1]",
        "a@[ipv6:::1]",
        "a@[IPv6:1:2:3:4:5:6::8]",
        "a@[IPv6:::]",
        "a@[IPv6:::ffff:1.2.3.4]",
        "a@[IPv6:1:2:3:4:5:6:7::]",
        "a%evil.test@x.test",
        "-froot@x.test",
        "a@xn--0049.com.evil.test",
        "ö@bücher.test",
        "a@x\u{3002}test",
    ];
    for text in accepted {
        let mailbox =
            Mailbox::parse(text.as_bytes()).unwrap_or_else(|error| panic!("{text}: {error}"));
        assert_eq!(mailbox.as_str(), text);
        assert_eq!(mailbox.to_owned().as_ref(), mailbox);
        assert_eq!(text.parse::<MailboxBuf>().unwrap().to_string(), text);
    }
}

#[test]
fn what_is_no_mailbox_is_refused_where_it_stops() {
    use ParseErrorKind as Kind;
    let refused: &[(&[u8], usize, Kind)] = &[
        (b"", 0, Kind::LocalPart),
        (b"a", 1, Kind::At),
        (b"a@", 2, Kind::Domain),
        (b"@x.test", 0, Kind::LocalPart),
        (b"a.@x.test", 1, Kind::At),
        (b"a..b@x.test", 1, Kind::At),
        (b".a@x.test", 0, Kind::LocalPart),
        (b"\"a\"b@x.test", 3, Kind::At),
        (b"a.\"b\".c@x.test", 1, Kind::At),
        (b"a\\@b@x.test", 1, Kind::At),
        (b"\"a\0b\"@x.test", 2, Kind::LocalPart),
        (b"\"a\x7fb\"@x.test", 2, Kind::LocalPart),
        (b"\"a\tb\"@x.test", 2, Kind::LocalPart),
        (b"\"a\\\tb\"@x.test", 2, Kind::LocalPart),
        (b"a b@x.test", 1, Kind::At),
        (b"(c)a@x.test", 0, Kind::LocalPart),
        (b"a@x(c).test", 3, Kind::Domain),
        (b"a@.x.test", 2, Kind::Domain),
        (b"a@x.test.", 8, Kind::Domain),
        (b"a@-x.test", 2, Kind::Domain),
        (b"a@x-.test", 2, Kind::Domain),
        (b"a@x_y.test", 3, Kind::Domain),
        (b"a@[256.0.0.1]", 3, Kind::AddressLiteral),
        (b"a@[1.2.3]", 3, Kind::AddressLiteral),
        (b"a@[1.2.3.4.5]", 3, Kind::AddressLiteral),
        (b"a@[01.2.3.4]", 3, Kind::AddressLiteral),
        (b"a@[::1]", 3, Kind::AddressLiteral),
        (b"a@[IPv6:1::2::3]", 3, Kind::AddressLiteral),
        (b"a@[IPv6:1:2:3:4:5:6:7]", 3, Kind::AddressLiteral),
        (b"a@[IPv6:1:2:3:4:5:6:7:8::]", 3, Kind::AddressLiteral),
        (b"a@[IPv6:fe80::1%25eth0]", 3, Kind::AddressLiteral),
        (b"a@[IPv6:12345::1]", 3, Kind::AddressLiteral),
        (b"a@[x:foo]", 3, Kind::UnregisteredLiteral),
        (b"a@[]", 3, Kind::AddressLiteral),
        (b"a@[1.2.3.4", 10, Kind::AddressLiteral),
        (b"a@1.2.3.4]", 9, Kind::Domain),
        (b"a;b@x.test", 1, Kind::At),
        (b"a@b@c", 3, Kind::Domain),
        (b"a\xff@x.test", 1, Kind::Utf8),
        (b"a\xc0\xafb@x.test", 1, Kind::Utf8),
        (b"a\xed\xa0\x80@x.test", 1, Kind::Utf8),
        (b"a@b\r\nRCPT TO:<c@d>", 3, Kind::Domain),
    ];
    for &(octets, at, kind) in refused {
        assert_eq!(
            Mailbox::parse(octets),
            Err(ParseError::new(at, kind)),
            "{}",
            crate::Escaped(octets)
        );
    }
}

#[test]
fn limits_count_octets() {
    let parse =
        |text: &str| Mailbox::parse(text.as_bytes()).map(|_| ()).map_err(|error| error.kind);
    let a = |count: usize| "a".repeat(count);
    assert_eq!(parse(&(a(64) + "@x.test")), Ok(()));
    assert_eq!(parse(&(a(65) + "@x.test")), Err(ParseErrorKind::LocalPartTooLong));
    assert_eq!(parse(&("ö".repeat(33) + "@x.test")), Err(ParseErrorKind::LocalPartTooLong));
    assert_eq!(parse(&("a@".to_string() + &a(63) + ".test")), Ok(()));
    assert_eq!(parse(&("a@".to_string() + &a(64) + ".test")), Err(ParseErrorKind::Domain));
    let domain = [a(61), a(61), a(61), a(61), "test".to_string()].join(".");
    assert_eq!(parse(&["a@", &domain].concat()), Ok(()));
    assert_eq!(parse(&["aa@", &domain].concat()), Err(ParseErrorKind::PathTooLong));
    // A domain of 255 octets is as long as one may be; with a local part the path is too long before that.
    let domain = [a(63), a(63), a(63), a(63)].join(".");
    assert_eq!(Host::parse(domain.as_bytes()).map(|_| ()), Ok(()));
    assert_eq!(parse(&["a@", &domain].concat()), Err(ParseErrorKind::PathTooLong));
    assert_eq!(parse(&["a@", &domain, ".a"].concat()), Err(ParseErrorKind::PathTooLong));
    assert_eq!(
        Host::parse([a(63), a(63), a(63), a(63), a(1)].join(".").as_bytes()),
        Err(ParseError::new(255, ParseErrorKind::DomainTooLong))
    );
}

#[test]
fn mailboxes_are_equal_by_what_they_mean() {
    let equal = |one: &str, other: &str| {
        Mailbox::parse(one.as_bytes()).unwrap() == Mailbox::parse(other.as_bytes()).unwrap()
    };
    assert!(equal("\"Joe\\,Smith\"@x.test", "\"Joe,Smith\"@X.TEST"));
    assert!(equal("\"joe\"@x.test", "joe@x.test"));
    assert!(equal("\"a.b\"@x.test", "a.b@x.test") && equal("\"a\\.b\"@x.test", "a.b@x.test"));
    assert!(equal("PostMaster@x.test", "\"postmaster\"@X.test"));
    assert!(!equal("PostMasters@x.test", "postmasters@x.test"));
    assert!(!equal("postmaster@x.test", "bob@x.test"));
    assert!(!equal("bob@x.test", "postmaster@x.test"));
    assert!(!equal("Joe@x.test", "joe@x.test"));
    assert!(equal("a@[IPv6:::1]", "a@[ipv6:0:0:0:0:0:0:0:1]"));
    assert!(!equal("a@[127.0.0.1]", "a@127.0.0.1"));
    assert!(!equal("ä@x.test", "Ä@x.test"));
}

#[test]
fn equal_mailboxes_have_one_hash() {
    let hash = |text: &str| {
        let mut hasher = std::hash::DefaultHasher::new();
        Mailbox::parse(text.as_bytes()).unwrap().hash(&mut hasher);
        hasher.finish()
    };
    assert_eq!(hash("\"Joe\\,Smith\"@x.test"), hash("\"Joe,Smith\"@X.TEST"));
    assert_eq!(hash("PostMaster@x.test"), hash("postmaster@x.test"));
    assert_ne!(hash("Joe@x.test"), hash("joe@x.test"));
}

#[test]
fn control_characters_of_c1_are_shown_escaped() {
    let mailbox = Mailbox::parse("a\u{9b}2J@x.test".as_bytes()).unwrap();
    assert_eq!(mailbox.to_string(), "a\\u{9b}2J@x.test");
    assert_eq!(mailbox.as_str(), "a\u{9b}2J@x.test");
}

/// Any local part that the grammar allows.
pub(crate) fn local_part() -> impl Strategy<Value = String> {
    let atom = "[a-zA-Z0-9!#$%&'*+/=?^_`{|}~ü-]{1,8}";
    let dot_string = proptest::collection::vec(atom, 1..4).prop_map(|atoms| atoms.join("."));
    let quoted = proptest::collection::vec(prop_oneof!["[ !#-\\[\\]-~é]", "\\\\[ -~]"], 0..12)
        .prop_map(|parts| alloc::format!("\"{}\"", parts.concat()));
    prop_oneof![dot_string, quoted]
}

/// Any domain or address literal.
pub(crate) fn host() -> impl Strategy<Value = String> {
    let domain = proptest::collection::vec("[a-z0-9A-Z]([a-z0-9-]{0,8}[a-z0-9])?", 1..4)
        .prop_map(|labels| labels.join("."));
    prop_oneof![
        4 => domain,
        1 => any::<[u8; 4]>().prop_map(|octets| AddressLiteral::new(octets.into()).to_string()),
        1 => any::<[u16; 8]>().prop_map(|groups| AddressLiteral::new(groups.into()).to_string()),
    ]
}

proptest! {
    #[test]
    fn mailboxes_round_trip(local in local_part(), host in host()) {
        let text = alloc::format!("{local}@{host}");
        let mailbox = Mailbox::parse(text.as_bytes()).unwrap();
        prop_assert_eq!(mailbox.local_part().as_str(), local);
        prop_assert_eq!(mailbox.domain(), Host::parse(host.as_bytes()).unwrap());
        prop_assert_eq!(mailbox.to_string(), text);
    }

    #[test]
    fn hosts_round_trip(text in host()) {
        let host = Host::parse(text.as_bytes()).unwrap();
        let mut wire = alloc::vec::Vec::new();
        host.encode(&mut wire);
        prop_assert_eq!(Host::parse(&wire).unwrap(), host);
        let owned = host.to_owned();
        prop_assert_eq!(owned.as_ref(), host);
    }

    #[test]
    fn whatever_is_read_holds_nothing_that_could_leave_its_line(octets in proptest::collection::vec(any::<u8>(), 0..40)) {
        if let Ok(mailbox) = Mailbox::parse(&octets) {
            prop_assert_eq!(mailbox.as_str().as_bytes(), &octets[..]);
            prop_assert!(octets.iter().all(|&octet| octet >= b' ' && octet != 0x7f));
        }
    }
}
