use alloc::string::ToString;
use alloc::vec::Vec;

use proptest::prelude::*;

use super::*;

fn mail(run: &str) -> Result<MailParamsBuf, ParseErrorKind> {
    MailParams::parse(run.as_bytes(), Syntax::STRICT)
        .map(|params| params.to_owned())
        .map_err(|error| error.kind)
}

#[test]
fn mail_parameters_read_as_the_table_says() {
    use ParseErrorKind as Kind;
    let refused = [
        (" SIZE=", Kind::Value),
        (" SIZE", Kind::Size),
        (" SIZE=-1", Kind::Size),
        (" SIZE=1k", Kind::Size),
        (" SIZE=100000000000000000000", Kind::Size),
        (" SIZE=1 SIZE=2", Kind::Duplicate),
        (" SIZE=1 size=1", Kind::Duplicate),
        (" BODY=9BITMIME", Kind::Body),
        (" BODY", Kind::Body),
        (" BODY=7BIT BODY=8BITMIME", Kind::Duplicate),
        (" SMTPUTF8=1", Kind::NoValue),
        (" SMTPUTF8 SMTPUTF8", Kind::Duplicate),
        (" RET=HDR", Kind::Ret),
        (" RET=FULL RET=HDRS", Kind::Duplicate),
        (" ENVID=a+0D+0Ab", Kind::Envid),
        (" FOO=A=B", Kind::Keyword),
        (" =BAR", Kind::Keyword),
        (" -A=B", Kind::Keyword),
        ("  SIZE=1", Kind::Keyword),
        (" FOO ", Kind::Keyword),
        ("FOO", Kind::Keyword),
        (" \"x", Kind::Keyword),
        (" FOO=A foo=B", Kind::Duplicate),
        (" FOO\r\n", Kind::Keyword),
    ];
    for (run, kind) in refused {
        assert_eq!(mail(run), Err(kind), "{run}");
    }
    let params =
        mail(" size=99999999999999999999 body=8bitmime SMTPUTF8 RET=hdrs ENVID=a+20b X-MINE=;<>")
            .unwrap();
    let params = params.as_ref();
    assert_eq!(
        (params.size(), params.body(), params.smtputf8()),
        (Some(u64::MAX), Some(Body::EightBitMime), true)
    );
    assert_eq!((params.ret(), params.envid().unwrap().as_str()), (Some(Ret::Headers), "a+20b"));
    assert_eq!(params.get("x-mine"), Some(Some(";<>")));
}

#[test]
fn parameters_are_bounded_in_number() {
    let run = |count: usize| {
        (0..count).map(|number| alloc::format!(" X{number}")).collect::<Vec<_>>().concat()
    };
    assert!(mail(&run(32)).is_ok());
    assert_eq!(mail(&run(33)), Err(ParseErrorKind::TooManyParameters));
}

#[test]
fn a_session_carries_only_what_it_offered() {
    let within = |run: &str, offered: &[Extension]| {
        let mut set = Set::default();
        offered.iter().for_each(|&extension| set.insert(extension));
        mail(run).unwrap().as_ref().within(set, || Declared::NONE)
    };
    assert!(within(" SIZE=1", &[Extension::Size]) && !within(" SIZE=1", &[]));
    assert!(within(" BODY=7BIT", &[Extension::EightBitMime]));
    assert!(!within(" BODY=BINARYMIME", &[Extension::EightBitMime]));
    assert!(within(" BODY=BINARYMIME", &[Extension::EightBitMime, Extension::BinaryMime]));
    assert!(!within(" FOO", &[Extension::Size, Extension::Dsn]));
}

#[test]
fn two_spaces_are_a_tolerance_and_are_written_as_one() {
    let run = b"  SIZE=1   FOO";
    let params = MailParams::parse(run, Syntax::STRICT.with(Syntax::TWO_SPACES)).unwrap();
    let mut wire = Vec::new();
    params.encode(&mut wire);
    assert_eq!(wire, b" SIZE=1 FOO");
    assert_eq!(params.to_owned().as_ref(), params);
}

#[test]
fn nothing_that_breaks_the_line_can_be_built() {
    let params = MailParamsBuf::new();
    for (keyword, value) in [
        ("A B", None),
        ("A", Some("x y")),
        ("A", Some("")),
        ("", None),
        ("A", Some("\r\nRCPT")),
        ("A\r\n", None),
        ("A", Some("b=c")),
    ] {
        assert!(params.with(keyword, value).is_err(), "{keyword:?} {value:?}");
    }
    assert_eq!(
        params.with("SIZE", Some("5")).unwrap().with("FOO", None).unwrap().to_string(),
        "SIZE=5 FOO"
    );
}

proptest! {
    #[test]
    fn parameters_round_trip(params in proptest::collection::btree_map("X[A-Z0-9-]{0,8}", proptest::option::of("[!-<>-~é]{1,12}"), 0..6)) {
        let run: String = params.iter().map(|(keyword, value)| match value {
            Some(value) => alloc::format!(" {keyword}={value}"),
            None => alloc::format!(" {keyword}"),
        }).collect();
        let params = mail(&run).unwrap();
        let mut wire = Vec::new();
        params.as_ref().encode(&mut wire);
        prop_assert_eq!(&wire, run.as_bytes());
        prop_assert_eq!(params.to_string().parse::<MailParamsBuf>().unwrap(), params);
    }
}
