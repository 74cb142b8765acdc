use alloc::string::String;
use alloc::vec::Vec;

use proptest::prelude::*;

use super::*;
use crate::Escaped;

fn wire(command: &Command<'_>) -> Vec<u8> {
    let mut out = Vec::new();
    command.encode(&mut out);
    out
}

/// The line that the command is written as, which reads as the same command.
fn written(line: &[u8], syntax: Syntax) -> String {
    let command = Command::parse_with(line, syntax)
        .unwrap_or_else(|error| panic!("{}: {error}", Escaped(line)));
    let wire = wire(&command);
    let again = wire.strip_suffix(b"\r\n").unwrap();
    // HELO with a literal and a hello with an underscore are tolerated by name.
    let tolerant = Syntax::STRICT
        .with(Syntax::LITERAL_IN_HELO)
        .with(Syntax::UNDERSCORE)
        .with(Syntax::LONG_LOCAL_PART);
    assert_eq!(Command::parse_with(again, tolerant), Ok(command));
    String::from_utf8(again.to_vec()).unwrap()
}

#[test]
fn commands_are_written_as_they_were_meant() {
    let table = [
        ("EHLO c.test", "EHLO c.test"),
        ("ehlo [127.0.0.1]", "EHLO [127.0.0.1]"),
        ("EHLO [IPv6:0:0:0:0:0:0:0:1]", "EHLO [IPv6:::1]"),
        ("lhlo c.test", "LHLO c.test"),
        ("mail from:<>", "MAIL FROM:<>"),
        ("MAIL FROM:<@r1.test,@r2.test:a@x.test> SIZE=1", "MAIL FROM:<a@x.test> SIZE=1"),
        ("Rcpt To:<POSTMASTER>", "RCPT TO:<postmaster>"),
        ("RCPT TO:<postmaster@x.test>", "RCPT TO:<postmaster@x.test>"),
        ("RCPT TO:<\"a b\"@x.test> NOTIFY=NEVER", "RCPT TO:<\"a b\"@x.test> NOTIFY=NEVER"),
        ("data", "DATA"),
        ("RSET", "RSET"),
        ("QUIT", "QUIT"),
        ("NOOP", "NOOP"),
        ("NOOP x y", "NOOP x y"),
        ("HELP", "HELP"),
        ("HELP MAIL", "HELP MAIL"),
        ("VRFY Joe Smith", "VRFY Joe Smith"),
        ("EXPN list", "EXPN list"),
        ("EXPN list smtputf8", "EXPN list SMTPUTF8"),
        ("VRFY b\u{fc}cher SMTPUTF8", "VRFY b\u{fc}cher SMTPUTF8"),
        ("VRFY SMTPUTF8", "VRFY SMTPUTF8"),
        ("starttls", "STARTTLS"),
        ("auth plain", "AUTH plain"),
        ("AUTH PLAIN =", "AUTH PLAIN ="),
        ("AUTH SCRAM-SHA-256 AHUAcA==", "AUTH SCRAM-SHA-256 AHUAcA=="),
        ("bdat 0 last", "BDAT 0 LAST"),
        ("BDAT 007", "BDAT 7"),
        ("BDAT 18446744073709551615", "BDAT 18446744073709551615"),
        (
            "MAIL FROM:<a@x.test> AUTH=e+3Dmc2@x.test REQUIRETLS",
            "MAIL FROM:<a@x.test> AUTH=e+3Dmc2@x.test REQUIRETLS",
        ),
        ("MAIL FROM:<a@x.test> AUTH=<>", "MAIL FROM:<a@x.test> AUTH=<>"),
        ("TURN", "TURN"),
    ];
    for (line, expected) in table {
        assert_eq!(written(line.as_bytes(), Syntax::STRICT), expected);
    }
}

#[test]
fn what_is_malformed_is_refused_where_it_stops() {
    use ParseErrorKind as Kind;
    let table: &[(&[u8], usize, Kind)] = &[
        (b"", 0, Kind::Verb),
        (b" MAIL FROM:<a@x.test>", 0, Kind::Verb),
        (b"NOOP\nNOOP", 0, Kind::Verb),
        (b"GET / HTTP/1.1", 0, Kind::ForeignProtocol),
        (b"STARTTLS x", 8, Kind::End),
        (b"AUTH", 4, Kind::Argument),
        (b"AUTH ", 5, Kind::Mechanism),
        (b"AUTH PL\xc3\xa4IN", 5, Kind::Mechanism),
        (b"AUTH ABCDEFGHIJKLMNOPQRSTU", 5, Kind::Mechanism),
        (b"AUTH PLAIN ", 11, Kind::Base64),
        (b"AUTH PLAIN AHU AcA==", 14, Kind::Base64),
        (b"AUTH PLAIN AHUAc_A=", 16, Kind::Base64),
        (b"BDAT", 4, Kind::Argument),
        (b"BDAT ", 5, Kind::ChunkSize),
        (b"BDAT +5", 5, Kind::ChunkSize),
        (b"BDAT 18446744073709551616", 5, Kind::ChunkSize),
        (b"BDAT 0x10", 6, Kind::Last),
        (b"BDAT 5 LASTX", 6, Kind::Last),
        (b"BDAT 5  LAST", 6, Kind::Last),
        (b"VRFY b\xc3\xbccher", 6, Kind::Text),
        (b"VRFY \xff SMTPUTF8", 5, Kind::Text),
        (b"MAIL FROM:<a@x.test> AUTH=x+0ainjected", 20, Kind::AuthParameter),
        (b"MAIL FROM:<a@x.test> AUTH=x+0Ainjected", 20, Kind::AuthParameter),
        (b"MAIL FROM:<a@x.test> AUTH", 20, Kind::AuthParameter),
        (b"MAIL FROM:<a@x.test> REQUIRETLS=1", 20, Kind::NoValue),
        (b"EHLO", 4, Kind::Argument),
        (b"EHLO ", 5, Kind::HelloName),
        (b"EHLO a b", 6, Kind::HelloName),
        (b"EHLO b\xc3\xbccher.test", 5, Kind::HelloName),
        (b"HELO [127.0.0.1]", 5, Kind::HelloName),
        (b"EHLO _x", 5, Kind::HelloName),
        (b"MAIL\tFROM:<a@x.test>", 4, Kind::Argument),
        (b"MAIL  FROM:<a@x.test>", 5, Kind::From),
        (b"MAIL FROM<a@x.test>", 5, Kind::From),
        (b"MAIL FROM: <a@x.test>", 10, Kind::PathStart),
        (b"MAIL FROM:a@x.test", 10, Kind::PathStart),
        (b"MAIL FROM:<a@x.test", 19, Kind::PathEnd),
        (b"MAIL FROM:<a@x.test>SIZE=1", 20, Kind::PathFollow),
        (b"MAIL FROM:<a@x.test> ", 21, Kind::Keyword),
        (b"MAIL FROM:<@r.test a@x.test>", 18, Kind::Domain),
        (b"MAIL FROM:<@:a@x.test>", 12, Kind::Domain),
        (b"MAIL FROM:<@r.test,s.test:a@x.test>", 19, Kind::Domain),
        (b"MAIL FROM:<@r.test,@:a@x.test>", 20, Kind::Domain),
        (b"MAIL FROM:<@\xff:a@x.test> X=\xff", 12, Kind::Utf8),
        (b"MAIL FROM:<a\xff@x.test> X=\xff", 12, Kind::Utf8),
        (b"MAIL FROM:<a@x.test> X=\xff", 23, Kind::Value),
        (b"MAIL FROM:<a@x.test> SIZE=", 26, Kind::Value),
        (b"MAIL FROM:<a@x.test> SIZE=1x", 20, Kind::Size),
        (b"MAIL FROM:<a@x.test> SIZE=12=", 28, Kind::Keyword),
        (b"MAIL FROM:<a@x.test> SMTPUTF8\"", 29, Kind::Keyword),
        (b"MAIL FROM:<a@x.test> RET=FULLX", 20, Kind::Ret),
        (b"MAIL FROM:<a@x.test> X x\"", 22, Kind::Duplicate),
        (b"MAIL FROM:<a@x.test.>", 19, Kind::PathEnd),
        (b"RCPT TO:<>", 8, Kind::NullPath),
        (b"RCPT TO:<user>", 13, Kind::At),
        (b"RCPT TO:<a@x>,<b@y>", 13, Kind::PathFollow),
        (b"RCPT FROM:<a@x>", 5, Kind::To),
        (b"DATA x", 4, Kind::End),
        (b"QUIT ", 4, Kind::End),
        (b"NOOP \xff", 5, Kind::Text),
        (b"NOOP a\tb", 6, Kind::Text),
        (b"VRFY", 4, Kind::Argument),
        (b"VRFY ", 5, Kind::Argument),
        (b"VRFY j\xc3\xb6", 6, Kind::Text),
    ];
    for &(line, at, kind) in table {
        assert_eq!(Command::parse(line), Err(ParseError::new(at, kind)), "{}", Escaped(line));
    }
}

/// Each tolerance: a line that it lets pass, what the line means, and that it does not pass without.
#[test]
fn tolerances_are_named_and_tested_both_ways() {
    let long = alloc::format!("MAIL FROM:<{}@x.test>", "a".repeat(65));
    let table = [
        (Syntax::TRAILING_SPACE, "QUIT \t ", "QUIT"),
        (Syntax::TRAILING_SPACE, "MAIL FROM:<a@x.test> ", "MAIL FROM:<a@x.test>"),
        (Syntax::LITERAL_IN_HELO, "HELO [127.0.0.1]", "HELO [127.0.0.1]"),
        (Syntax::UNDERSCORE, "EHLO _a_b_.test_", "EHLO _a_b_.test_"),
        (Syntax::SPACE_AFTER_COLON, "MAIL FROM:  <a@x.test>", "MAIL FROM:<a@x.test>"),
        (Syntax::SPACE_AFTER_COLON, "RCPT TO: <a@x.test>", "RCPT TO:<a@x.test>"),
        (Syntax::NO_BRACKETS, "MAIL FROM:a@x.test SIZE=1", "MAIL FROM:<a@x.test> SIZE=1"),
        (Syntax::NO_BRACKETS, "RCPT TO:postmaster", "RCPT TO:<postmaster>"),
        (Syntax::TRAILING_DOT, "MAIL FROM:<a@x.test.>", "MAIL FROM:<a@x.test>"),
        (Syntax::TWO_SPACES, "MAIL  FROM:<a@x.test>  SIZE=1", "MAIL FROM:<a@x.test> SIZE=1"),
        (Syntax::LONG_LOCAL_PART, &long, &long),
    ];
    for (tolerance, line, meant) in table {
        assert_eq!(written(line.as_bytes(), Syntax::STRICT.with(tolerance)), meant);
        let others = Syntax::ALL
            .iter()
            .fold(Syntax::STRICT, |all, &(_, one)| all.with(one))
            .without(tolerance);
        assert!(
            Command::parse_with(line.as_bytes(), others).is_err(),
            "{line} without {tolerance:?}"
        );
    }
    assert_eq!(
        table.iter().fold(Syntax::STRICT, |all, row| all.with(row.0)),
        Syntax::ALL.iter().fold(Syntax::STRICT, |all, row| all.with(row.1))
    );
}

#[test]
fn the_underscore_is_tolerated_in_hello_only() {
    let error = Command::parse_with(b"MAIL FROM:<a@x_y.test>", Syntax::default()).unwrap_err();
    assert_eq!(error, ParseError::new(14, ParseErrorKind::PathEnd));
}

#[test]
fn a_trailing_dot_is_tolerated_behind_a_domain_only() {
    let syntax = Syntax::STRICT.with(Syntax::TRAILING_DOT);
    let error = Command::parse_with(b"MAIL FROM:<a@[127.0.0.1].>", syntax).unwrap_err();
    assert_eq!(error, ParseError::new(24, ParseErrorKind::PathEnd));
}

#[test]
fn a_path_has_at_most_256_octets_with_its_route_and_brackets() {
    let domain =
        [["d"; 61].concat(), ["d"; 61].concat(), ["d"; 61].concat(), ["d"; 61].concat()].join(".");
    let line = |local: &str| alloc::format!("MAIL FROM:<{local}@{domain}.test>");
    assert!(Command::parse(line("a").as_bytes()).is_ok());
    assert_eq!(
        Command::parse(line("aa").as_bytes()),
        Err(ParseError::new(10, ParseErrorKind::PathTooLong))
    );
    let route = alloc::format!("MAIL FROM:<{}@a.test:u@x>", "@a.test,".repeat(40));
    assert_eq!(
        Command::parse(route.as_bytes()),
        Err(ParseError::new(10, ParseErrorKind::PathTooLong))
    );
}

proptest! {
    #[test]
    fn any_line_is_read_without_panic_and_what_is_read_is_written_again(line in proptest::collection::vec(any::<u8>(), 0..60), tolerances in any::<u16>()) {
        let syntax = Syntax::ALL.iter().enumerate().filter(|(bit, _)| tolerances >> bit & 1 == 1).fold(Syntax::STRICT, |all, (_, &(_, one))| all.with(one));
        for start in ["", "MAIL FROM:<", "RCPT TO:<a@b>", "EHLO ", "NOOP ", "VRFY "] {
            let line = [start.as_bytes(), &line].concat();
            if let Ok(command) = Command::parse_with(&line, syntax) {
                if matches!(command, Command::Unsupported(_)) {
                    continue;
                }
                let wire = wire(&command);
                let again = wire.strip_suffix(b"\r\n").unwrap();
                prop_assert!(again.iter().all(|&octet| octet >= b' ' && octet != 0x7f), "{}", Escaped(again));
                prop_assert_eq!(Command::parse_with(again, syntax.without(Syntax::TRAILING_SPACE)), Ok(command));
            }
        }
    }
}

/// What a tolerance reads past is not passed on: the next server need not have it. A local part is its own domain's affair.
#[test]
fn a_line_that_was_tolerated_is_written_as_the_grammar_has_it() {
    let long = "x".repeat(65);
    let long = alloc::format!("RCPT TO:<{long}@y.test>");
    let rows: [(&str, &str, &str); Syntax::ALL.len()] = [
        ("trailing-space", "RCPT TO:<b@y.test> \t", "RCPT TO:<b@y.test>"),
        ("literal-in-helo", "HELO [192.0.2.1]", "HELO [192.0.2.1]"),
        ("underscore-in-hello", "EHLO a_b.test", "EHLO a_b.test"),
        ("space-after-colon", "RCPT TO: <b@y.test>", "RCPT TO:<b@y.test>"),
        ("no-brackets", "RCPT TO:b@y.test", "RCPT TO:<b@y.test>"),
        ("trailing-dot", "RCPT TO:<b@y.test.>", "RCPT TO:<b@y.test>"),
        ("two-spaces", "MAIL  FROM:<>  SIZE=1   RET=HDRS", "MAIL FROM:<> SIZE=1 RET=HDRS"),
        ("long-local-part", &long, &long),
    ];
    for (row, &(name, tolerance)) in rows.iter().zip(Syntax::ALL) {
        let (expected, line, written) = row;
        assert_eq!(*expected, name);
        assert!(Command::parse_with(line.as_bytes(), Syntax::STRICT).is_err(), "{line}");
        let command = Command::parse_with(line.as_bytes(), tolerance).expect(line);
        assert_eq!(String::from_utf8(wire(&command)).unwrap(), alloc::format!("{written}\r\n"));
    }
}
