//! Replies that are read and written.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use proptest::prelude::*;

use super::*;
use crate::Mechanisms;

fn wire(reply: &Reply<'_>) -> Vec<u8> {
    let mut out = Vec::new();
    reply.encode(&mut out);
    out
}

#[test]
fn replies_read_as_the_table_says() {
    type Row = (&'static [u8], &'static str, &'static [&'static [u8]]);
    let table: &[Row] = &[
        (b"250\r\n", "250", &[b""]),
        (b"250 \r\n", "250", &[b""]),
        (b"250-\r\n250\r\n", "250", &[b"", b""]),
        (b"250-a\r\n250 b\r\n", "250 a b", &[b"a", b"b"]),
        (b"260 x\r\n", "260 x", &[b"x"]),
        (b"250 2.1.0 5.7.1 x\r\n", "250 2.1.0 5.7.1 x", &[b"5.7.1 x"]),
        (b"250-2.1.0 a\r\n250 2.1.5 b\r\n", "250 2.1.0 a 2.1.5 b", &[b"a", b"2.1.5 b"]),
        (b"250 2.1234.0 x\r\n", "250 2.1234.0 x", &[b"2.1234.0 x"]),
        (b"250 5.1.1 x\r\n", "250 5.1.1 x", &[b"5.1.1 x"]),
        (b"250 2.0.0\r\n", "250 2.0.0", &[b""]),
        (b"250 a\0b\r\n", "250 a\\x00b", &[b"a\0b"]),
        (b"250 \x1b[31m\xff\r\n", "250 \\x1b[31m\\xff", &[b"\x1b[31m\xff"]),
    ];
    for (octets, shown, lines) in table {
        let reply = Reply::parse(octets).unwrap();
        assert_eq!(reply.to_string(), *shown);
        assert!(reply.lines().eq(lines.iter().copied()), "{shown}");
        assert_eq!(reply.to_owned().as_ref(), reply);
    }
}

#[test]
fn what_is_no_reply_is_refused_where_it_stops() {
    let table: &[(&[u8], usize, ParseErrorKind)] = &[
        (b"", 0, ParseErrorKind::ReplyCode),
        (b"\r\n", 0, ParseErrorKind::ReplyCode),
        (b"25 ok\r\n", 0, ParseErrorKind::ReplyCode),
        (b"2500 ok\r\n", 3, ParseErrorKind::ReplySeparator),
        (b"250ok\r\n", 3, ParseErrorKind::ReplySeparator),
        (b"\xff50 ok\r\n", 0, ParseErrorKind::ReplyCode),
        ("٢٥٠ ok\r\n".as_bytes(), 0, ParseErrorKind::ReplyCode),
        (b"150 x\r\n", 0, ParseErrorKind::ReplyCode),
        (b"650 x\r\n", 0, ParseErrorKind::ReplyCode),
        (b"250-a\r\nhello\r\n250 b\r\n", 7, ParseErrorKind::ReplyCode),
        (b"250-a\r\n251 b\r\n", 7, ParseErrorKind::MixedCodes),
        (b"250 a\rb\r\n", 5, ParseErrorKind::LineEnd),
        (b"250 a\n", 5, ParseErrorKind::LineEnd),
        (b"250 a", 5, ParseErrorKind::LineEnd),
        (b"250-a\r\n", 7, ParseErrorKind::ReplyCode),
        (b"250 a\r\n250 b\r\n", 7, ParseErrorKind::End),
    ];
    for &(octets, at, kind) in table {
        assert_eq!(Reply::parse(octets), Err(ParseError::new(at, kind)), "{}", Escaped(octets));
    }
}

#[test]
fn whatever_the_text_one_reply_leaves() {
    let enhanced = Some(Condition::SYNTAX_ERROR.permanent());
    let reply = Reply::new(Code::SYNTAX_ERROR, enhanced, "a\r\n250 injected\u{1b}é");
    assert_eq!(wire(&reply), b"500-5.5.2 a?\r\n500 5.5.2 250 injected???\r\n");
    assert_eq!(wire(&Reply::new(Code::OK, None, "")), b"250 \r\n");
    assert_eq!(
        wire(&Reply::new(Code::OK, Some(Condition::OTHER_UNDEFINED_STATUS.success()), "")),
        b"250 2.0.0\r\n"
    );
}

#[test]
fn an_enhanced_code_of_another_class_is_not_sent() {
    assert_eq!(
        wire(&Reply::new(Code::OK, Some(Condition::MAILBOX_FULL.transient()), "x")),
        b"250 x\r\n"
    );
    assert_eq!(
        wire(&Reply::new(Code::START_MAIL_INPUT, Some(Condition::MAILBOX_FULL.success()), "x")),
        b"354 x\r\n"
    );
}

#[test]
fn a_421_is_relayed_as_a_451() {
    let relayed = |wire| Reply::parse(wire).unwrap().relayed().to_string();
    assert_eq!(relayed(b"421 4.3.2 bye\r\n"), "451 4.3.2 bye");
    assert_eq!(relayed(b"550 5.1.1 no\r\n"), "550 5.1.1 no");
}

#[test]
fn no_line_is_sent_longer_than_512_octets() {
    let long = "x".repeat(1200);
    let wire =
        wire(&Reply::new(Code::OK, Some(Condition::OTHER_UNDEFINED_STATUS.success()), &long));
    let lines: Vec<&[u8]> = wire.split_inclusive(|&octet| octet == b'\n').collect();
    assert_eq!(lines.iter().map(|line| line.len()).collect::<Vec<_>>(), [512, 512, 224 - 12]);
    let text: Vec<u8> = Reply::parse(&wire).unwrap().lines().flatten().copied().collect();
    assert_eq!(text, long.as_bytes());
}

#[test]
fn the_longest_line_without_an_enhanced_code_is_sent_in_one() {
    let longest = "x".repeat(512 - "250 \r\n".len());
    let lines = |text: &str| wire(&Reply::new(Code::OK, None, text)).split(|&o| o == b'\n').count();
    assert_eq!((lines(&longest), lines(&[&longest, "x"].concat())), (2, 3));
}

#[test]
fn the_longest_list_of_mechanisms_is_one_line() {
    // 17 octets and 22 times 21 are 479: one octet more, and the last would find no room.
    let names: Vec<String> = (0..60).map(|number| format!("MECHANISM-{number:010}")).collect();
    let names = ["MECHANISM-0123456"].into_iter().chain(names.iter().map(String::as_str));
    let list = Mechanisms::of(names).to_string();
    assert_eq!(list.len(), 500);
    let wire = wire(&Reply::new(Code::OK, None, &format!("mx.test\nAUTH {list}")));
    assert_eq!(wire.iter().filter(|&&octet| octet == b'\n').count(), 2);
}

proptest! {
    #[test]
    fn replies_round_trip(number in 200u16..600, subject in 0u16..1000, detail in 0u16..1000, text in "[ -~\t]{0,60}(\n[ -~\t]{0,60}){0,4}") {
        let code = Code::new(number).unwrap();
        let enhanced = EnhancedCode::new(code.class(), Condition::new(subject, detail).unwrap());
        let reply = Reply::new(code, enhanced, &text);
        let wire = wire(&reply);
        if enhanced.is_some() {
            prop_assert_eq!(Reply::parse(&wire).unwrap(), reply);
        } else {
            prop_assert_eq!(Reply::parse(&wire).unwrap().code(), code);
        }
    }

    #[test]
    fn any_octets_that_parse_encode_to_the_same_code_and_lines(octets in proptest::collection::vec(any::<u8>(), 0..40)) {
        let mut whole = b"250-".to_vec();
        whole.extend(octets.iter().filter(|&&octet| octet != b'\r' && octet != b'\n'));
        whole.extend_from_slice(b"\r\n250 end\r\n");
        let reply = Reply::parse(&whole).unwrap();
        let again = wire(&reply);
        prop_assert_eq!(Reply::parse(&again).unwrap().lines().count(), reply.lines().count());
        let shown: String = reply.to_string();
        prop_assert!(shown.bytes().all(|octet| (32..127).contains(&octet)));
    }
}
