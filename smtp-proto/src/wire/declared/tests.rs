use super::*;
use crate::{MailParams, RcptParams, Syntax};

fn foo() -> Declaration {
    let foo = Declaration::new("X-FOO a b").unwrap().with_verb("XFOO").unwrap();
    foo.with_mail("X-FOO").unwrap().with_rcpt("X-BAR").unwrap().with_growth(20)
}

fn fault(at: usize, kind: ParseErrorKind) -> Option<ParseError> {
    Some(ParseError::new(at, kind))
}

#[test]
fn what_has_a_meaning_here_cannot_be_declared() {
    use ParseErrorKind as Kind;
    let new = |line: &str| Declaration::new(line).err();
    assert_eq!(new("size 5"), fault(0, Kind::Known));
    assert_eq!(new("X FOO\r\n"), fault(5, Kind::Text));
    assert_eq!(new("-X"), fault(0, Kind::Keyword));
    let verb = |verb: &str| foo().with_verb(verb).err();
    for known in ["MAIL", "quit", "BDAT", "STARTTLS", "ATRN", "GET", "Post"] {
        assert_eq!(verb(known), fault(0, Kind::Known), "{known}");
    }
    assert_eq!(verb("X FOO"), fault(1, Kind::Keyword));
    assert_eq!(verb(""), fault(0, Kind::Keyword));
    assert_eq!(verb("ETRN"), None, "it is known by name alone");
    assert_eq!(foo().with_mail("Size").err(), fault(0, Kind::Known));
    assert_eq!(foo().with_mail("REQUIRETLS").err(), fault(0, Kind::Known));
    assert_eq!(foo().with_mail("NOTIFY").err(), None, "of RCPT");
    assert_eq!(foo().with_rcpt("notify").err(), fault(0, Kind::Known));
    assert_eq!(foo().with_rcpt("A=B").err(), fault(1, Kind::Keyword));
}

#[test]
fn a_declared_parameter_passes_where_its_keyword_is_offered() {
    let declared = Declared::of([foo(), Declaration::new("Y").unwrap()]);
    let offered = |line: &str| Extensions::none().with_line(line).unwrap();
    let mail = |run: &str, offered: &Extensions| {
        let params = MailParams::parse(run.as_bytes(), Syntax::STRICT).unwrap();
        params.within(offered.set(), || declared.offered_in(offered))
    };
    let rcpt = |run: &str, offered: &Extensions| {
        let params = RcptParams::parse(run.as_bytes(), Syntax::STRICT).unwrap();
        params.within(offered.set(), || declared.offered_in(offered))
    };
    let foo = offered("x-foo other params");
    assert!(mail(" x-foo=1", &foo) && mail(" X-FOO", &foo) && rcpt(" X-BAR=1", &foo));
    assert!(!mail(" X-BAR", &foo) && !rcpt(" X-FOO", &foo) && !mail(" X-FOO X-BAZ", &foo));
    assert!(!mail(" X-FOO SIZE=1", &foo) && mail(" X-FOO SIZE=1", &foo.with_size(0)));
    assert!(!mail(" X-FOO", &offered("Y")) && !mail(" X-FOO", &Extensions::none()));
}

#[test]
fn what_is_offered_is_what_is_declared_and_of_two_the_first() {
    let (foo, other) = (foo(), Declaration::new("x-foo").unwrap());
    let y = Declaration::new("Y").unwrap();
    let declared = Declared::of([foo.clone(), other, y.clone()]);
    assert_eq!(declared.iter().collect::<Vec<_>>(), [&foo, &y]);
    let offered = Extensions::none().with_declared(&declared);
    assert_eq!(offered.others().collect::<Vec<_>>(), ["X-FOO a b", "Y"]);
    assert_eq!(declared.offered_in(&offered), declared);
    assert_eq!(
        declared.offered_in(&Extensions::none().with_line("y z").unwrap()),
        Declared::of([y])
    );
    assert_eq!(declared.offered_in(&Extensions::none()), Declared::NONE);
    assert_eq!((declared.growth(), Declared::NONE.growth()), (20, 0));
}

#[test]
fn a_declared_verb_is_split_from_its_text() {
    let declared = Declared::of([foo()]);
    let split = |line: &'static [u8]| declared.split_verb(line);
    let text = |text: &'static str| FreeText::new(text).unwrap();
    assert_eq!(split(b"XFOO"), Some(Ok(("XFOO", text("")))));
    assert_eq!(split(b"xfoo  a b"), Some(Ok(("xfoo", text(" a b")))));
    assert_eq!(split(b"XFOO a\tb"), Some(Err(ParseError::new(6, ParseErrorKind::Text))));
    assert_eq!(split(b"XFOO \xff"), Some(Err(ParseError::new(5, ParseErrorKind::Text))));
    for line in [&b"XFO"[..], b"XFOOX a", b"\xff", b"", b" XFOO"] {
        assert_eq!(split(line), None, "{line:?}");
    }
}
