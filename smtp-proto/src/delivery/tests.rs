//! The fate of every recipient, exactly once.

use alloc::string::{String, ToString};
use alloc::sync::Arc;

use super::*;
use crate::client::{Config, Flavour, Wants};
use crate::{Host, MailBuf};

mod chunks;
mod limits;
mod lmtp;
mod survey;

/// A client that has heard an EHLO reply of these keywords.
fn client(keywords: &str) -> Client {
    client_with(Config::default(), keywords)
}

fn client_with(config: Config, keywords: &str) -> Client {
    let mut client = Client::new(Arc::new(config));
    client.hello(Host::parse(b"c.test").unwrap()).unwrap();
    hear(&mut client, "220 mx\r\n");
    let length = client.outgoing().len();
    client.sent(length);
    let keywords = keywords.replace(", ", "\r\n250-");
    hear(&mut client, &alloc::format!("250-mx\r\n250-{keywords}\r\n250 X\r\n"));
    client
}

fn hear(client: &mut Client, replies: &str) {
    let mut input = replies.as_bytes();
    while client.next(&mut input).unwrap().is_some() {}
}

fn delivery<'e>(client: &Client, envelope: &Envelope<'e>) -> Delivery<'e> {
    let plan =
        Delivery::plan(client.extensions().unwrap(), envelope, Content::seven_bit()).unwrap();
    Delivery::new(plan, envelope.clone())
}

fn in_chunks<'e>(client: &Client, envelope: &Envelope<'e>) -> Delivery<'e> {
    let plan = Delivery::plan(client.extensions().unwrap(), envelope, Content::seven_bit());
    Delivery::new(plan.unwrap().in_chunks(), envelope.clone())
}

fn to(recipients: &[&'static str]) -> Envelope<'static> {
    Envelope::new("a@x.test", recipients.iter().copied()).unwrap()
}

/// What happens when the server says `replies`; what is queued leaves first, content is "hi".
fn step(delivery: &mut Delivery<'_>, client: &mut Client, replies: &str) -> Vec<String> {
    let (mut input, mut log) = (replies.as_bytes(), Vec::new());
    for _ in 0..1000 {
        let length = client.outgoing().len();
        client.sent(length);
        match delivery.next(client, &mut input) {
            Ok(Some(Event::Settled { of, outcome })) => {
                let who: Vec<usize> = delivery.recipients(of).collect();
                let why = outcome.reply.map(|reply| reply.to_string()).unwrap_or_default();
                log.push(alloc::format!("{who:?} {:?} {why}", outcome.fate));
            }
            Ok(Some(Event::Content)) => {
                log.push("content".into());
                assert_eq!(delivery.body(client, b"hi\r\n"), Ok(4));
                delivery.finish(client).unwrap();
            }
            Ok(Some(Event::Done { reusable })) => {
                log.push(alloc::format!("done {reusable}"));
                return log;
            }
            Ok(None) if client.outgoing().is_empty() => return log,
            Ok(None) => {}
            Err(error) => {
                log.push(error.to_string());
                return log;
            }
        }
    }
    panic!("no end: {log:?}");
}

#[test]
fn each_recipient_has_its_own_fate() {
    let mut client = client("PIPELINING");
    let envelope = to(&["b@y.test", "c@y.test", "d@y.test"]);
    let mut delivery = delivery(&client, &envelope);
    step(&mut delivery, &mut client, "");
    let log = step(
        &mut delivery,
        &mut client,
        "250 ok\r\n250 ok\r\n550 5.1.1 no\r\n450 4.2.1 later\r\n354 go\r\n",
    );
    assert_eq!(log, ["[1] Permanent 550 5.1.1 no", "[2] Transient 450 4.2.1 later", "content"]);
    assert_eq!(
        step(&mut delivery, &mut client, "250 2.0.0 queued\r\n"),
        ["[0] Delivered 250 2.0.0 queued", "done true"]
    );
}

#[test]
fn a_delivery_is_done_once_that_was_told() {
    let mut client = client("PIPELINING");
    let envelope = to(&["b@y.test"]);
    let mut delivery = delivery(&client, &envelope);
    step(&mut delivery, &mut client, "");
    let mut replies = &b"550 no\r\n503 x\r\n503 x\r\n"[..];
    assert!(matches!(delivery.next(&mut client, &mut replies), Ok(Some(Event::Settled { .. }))));
    assert!(!delivery.is_done());
    assert_eq!(step(&mut delivery, &mut client, "503 x\r\n503 x\r\n"), ["done true"]);
    assert!(delivery.is_done());
    let who = |of| delivery.recipients(of).collect::<Vec<_>>();
    assert_eq!(
        (who(Of::One(0)), who(Of::One(1))),
        ([0].into(), [].into()),
        "nobody is in second place"
    );
}

#[test]
fn a_refused_sender_settles_everyone_once() {
    let mut client = client("PIPELINING");
    let envelope = to(&["b@y.test", "c@y.test"]);
    let mut delivery = delivery(&client, &envelope);
    step(&mut delivery, &mut client, "");
    let log = step(&mut delivery, &mut client, "550 5.7.1 not you\r\n503 x\r\n503 x\r\n503 x\r\n");
    assert_eq!(log, ["[0, 1] Permanent 550 5.7.1 not you", "done true"]);
    assert!(!client.in_transaction());
}

#[test]
fn a_refused_data_or_content_is_the_fate_of_the_accepted() {
    for (reply, fate) in [("554 5.6.0 no", "Permanent"), ("451 4.3.0 later", "Transient")] {
        for content in [false, true] {
            let mut client = client("PIPELINING");
            let envelope = to(&["b@y.test", "c@y.test"]);
            let mut delivery = delivery(&client, &envelope);
            step(&mut delivery, &mut client, "");
            let go = if content { "354 go\r\n" } else { "" };
            step(&mut delivery, &mut client, &alloc::format!("250 ok\r\n250 ok\r\n250 ok\r\n{go}"));
            let log = step(&mut delivery, &mut client, &alloc::format!("{reply}\r\n"));
            assert_eq!(log, [alloc::format!("[0, 1] {fate} {reply}"), "done true".to_string()]);
            assert_eq!(
                client.in_transaction(),
                !content,
                "RSET is due where the content was not read"
            );
        }
    }
}

#[test]
fn recipients_without_room_go_in_a_second_transaction() {
    let mut client = client("PIPELINING");
    let envelope = to(&["b@y.test", "c@y.test", "d@y.test"]);
    let mut delivery = delivery(&client, &envelope);
    step(&mut delivery, &mut client, "");
    let log = step(
        &mut delivery,
        &mut client,
        "250 ok\r\n250 ok\r\n452 4.5.3 full\r\n552 full\r\n354 go\r\n250 2.0.0 one\r\n",
    );
    assert_eq!(log, ["content", "[0] Delivered 250 2.0.0 one"]);
    assert_eq!(
        step(
            &mut delivery,
            &mut client,
            "250 ok\r\n250 ok\r\n452 4.2.2 his box is full\r\n354 go\r\n"
        ),
        ["[2] Transient 452 4.2.2 his box is full", "content"]
    );
    assert_eq!(
        step(&mut delivery, &mut client, "250 2.0.0 two\r\n"),
        ["[1] Delivered 250 2.0.0 two", "done true"]
    );
}

#[test]
fn a_server_that_takes_nobody_is_not_asked_for_ever() {
    let mut client = client("PIPELINING");
    let envelope = to(&["b@y.test"]);
    let mut delivery = delivery(&client, &envelope);
    step(&mut delivery, &mut client, "");
    let log = step(&mut delivery, &mut client, "250 ok\r\n452 4.5.3 full\r\n554 5.5.1 nobody\r\n");
    assert_eq!(log, ["[0] Transient 452 4.5.3 full", "done true"]);
}

#[test]
fn a_421_puts_off_everyone_who_is_open() {
    let mut client = client("PIPELINING");
    let envelope = to(&["b@y.test", "c@y.test"]);
    let mut delivery = delivery(&client, &envelope);
    step(&mut delivery, &mut client, "");
    let log = step(&mut delivery, &mut client, "250 ok\r\n550 5.1.1 no\r\n421 4.3.2 bye\r\n");
    assert_eq!(log, ["[0] Permanent 550 5.1.1 no", "[1] Transient 421 4.3.2 bye", "done false"]);
}

/// What `give_up` says when the connection ends after so many replies.
fn lost_after(replies: &str) -> Vec<(usize, Fate)> {
    let mut client = client("PIPELINING");
    let envelope = to(&["b@y.test", "c@y.test"]);
    let mut delivery = delivery(&client, &envelope);
    step(&mut delivery, &mut client, "");
    step(&mut delivery, &mut client, replies);
    client.eof();
    assert_eq!(delivery.next(&mut client, &mut &b""[..]), Err(Error::Eof));
    delivery.give_up(&client).collect()
}

#[test]
fn only_behind_the_final_dot_is_a_fate_unknown() {
    let transient = [(0, Fate::Transient), (1, Fate::Transient)];
    assert_eq!(lost_after(""), transient);
    assert_eq!(lost_after("250 ok\r\n250 ok\r\n250 ok\r\n"), transient);
    assert_eq!(lost_after("250 ok\r\n250 ok\r\n550 no\r\n354 go\r\n"), [(0, Fate::Unknown)]);
}

#[test]
fn a_dot_that_did_not_leave_makes_nothing_unknown() {
    let mut client = client("PIPELINING");
    let envelope = to(&["b@y.test"]);
    let mut delivery = delivery(&client, &envelope);
    step(&mut delivery, &mut client, "");
    let mut input = &b"250 ok\r\n250 ok\r\n354 go\r\n"[..];
    assert_eq!(delivery.next(&mut client, &mut input), Ok(Some(Event::Content)));
    delivery.body(&mut client, b"hi").unwrap();
    delivery.finish(&mut client).unwrap();
    client.sent(3);
    client.eof();
    assert_eq!(delivery.next(&mut client, &mut &b""[..]), Err(Error::Eof));
    assert_eq!(delivery.give_up(&client).collect::<Vec<_>>(), [(0, Fate::Transient)]);
}

#[test]
fn many_letters_go_over_one_session_and_reset_only_where_it_is_due() {
    let mut client = client("PIPELINING");
    let envelope = to(&["b@y.test"]);
    for _ in 0..3 {
        let mut delivery = delivery(&client, &envelope);
        step(&mut delivery, &mut client, "");
        let log =
            step(&mut delivery, &mut client, "250 ok\r\n250 ok\r\n354 go\r\n250 2.0.0 ok\r\n");
        assert_eq!(log, ["content", "[0] Delivered 250 2.0.0 ok", "done true"]);
    }
    let mut refused = delivery(&client, &envelope);
    step(&mut refused, &mut client, "");
    step(&mut refused, &mut client, "250 ok\r\n550 no\r\n554 nobody\r\n");
    let mut next = delivery(&client, &envelope);
    assert_eq!(next.next(&mut client, &mut &b""[..]), Ok(None));
    assert_eq!(
        client.outgoing(),
        b"RSET\r\nMAIL FROM:<a@x.test>\r\nRCPT TO:<b@y.test>\r\nDATA\r\n"
    );
    assert!(matches!(client.wants(), Wants::Flush(_)));
}

#[test]
fn recipients_who_cannot_go_are_settled_first() {
    let mut client = client("PIPELINING");
    let envelope = to(&["ä@y.test", "b@y.test"]);
    let mut delivery = delivery(&client, &envelope);
    assert_eq!(step(&mut delivery, &mut client, ""), ["[0] Permanent "]);
    let log = step(&mut delivery, &mut client, "250 ok\r\n250 ok\r\n354 go\r\n250 2.0.0 ok\r\n");
    assert_eq!(log, ["content", "[1] Delivered 250 2.0.0 ok", "done true"]);

    let nobody = to(&["ä@y.test"]);
    let mut delivery = self::delivery(&client, &nobody);
    assert_eq!(step(&mut delivery, &mut client, ""), ["[0] Permanent ", "done true"]);
}

#[test]
fn a_plan_sends_what_is_offered_and_says_what_is_not() {
    let plan = |keywords: &str, from: &'static str, content: Content| {
        Delivery::plan(
            client(keywords).extensions().unwrap(),
            &Envelope::new(from, ["b@y.test"]).unwrap(),
            content,
        )
        .map(|plan| plan.mail().to_string())
    };
    let eight = Content::eight_bit().with_octets(1000);
    assert_eq!(plan("SIZE 0", "a@x.test", Content::seven_bit()).as_deref(), Ok(""));
    assert_eq!(plan("8BITMIME", "a@x.test", eight).as_deref(), Ok("BODY=8BITMIME"));
    assert_eq!(
        plan("SIZE 1000", "a@x.test", Content::seven_bit().with_octets(1000)).as_deref(),
        Ok("SIZE=1000")
    );
    assert_eq!(
        plan("SIZE 999", "a@x.test", Content::seven_bit().with_octets(1000)),
        Err(Unsendable::TooBig)
    );
    assert_eq!(
        plan("SIZE 0", "a@x.test", Content::seven_bit().with_octets(1000)).as_deref(),
        Ok("SIZE=1000")
    );
    assert_eq!(plan("PIPELINING", "a@x.test", eight), Err(Unsendable::EightBit));
    assert_eq!(plan("8BITMIME", "ä@x.test", eight), Err(Unsendable::Utf8Address));
    assert_eq!(plan("SMTPUTF8", "ä@x.test", Content::seven_bit()).as_deref(), Ok("SMTPUTF8"));
    assert_eq!(plan("8BITMIME", "a@x.test", Content::utf8()), Err(Unsendable::Utf8Content));
}

#[test]
fn dsn_parameters_go_where_dsn_is_offered() {
    let mail = MailBuf {
        from: "a@x.test".parse().unwrap(),
        params: "SIZE=7 RET=HDRS ENVID=x".parse().unwrap(),
    };
    let rcpts = [crate::RcptBuf {
        to: "b@y.test".parse().unwrap(),
        params: "NOTIFY=SUCCESS".parse().unwrap(),
    }];
    let envelope = Envelope::of(&mail, &rcpts);
    for (keywords, expected, dropped) in [
        ("PIPELINING", "MAIL FROM:<a@x.test>\r\nRCPT TO:<b@y.test>\r\nDATA\r\n", true),
        ("DSN", "MAIL FROM:<a@x.test> RET=HDRS ENVID=x\r\n", false),
    ] {
        let mut client = client(keywords);
        let mut delivery = delivery(&client, &envelope);
        assert_eq!(delivery.plan.drops_dsn(), dropped);
        delivery.next(&mut client, &mut &b""[..]).unwrap();
        assert_eq!(String::from_utf8_lossy(client.outgoing()), expected);
    }
}

/// RFC 3461 4.2: it has at most 500 octets. What cannot go on is told, and what can still goes.
#[test]
fn an_orcpt_without_a_7_bit_form_is_left_out_and_missed() {
    for (local, dropped) in [("aaaaaaaaaa", false), ("aaaaaaaaaaa", true)] {
        let as_utf8 = |one: &str| ["utf-8;", &one.repeat(53), local, "@x.test"].concat();
        let (orcpt, form) = (as_utf8("\u{1F600}"), as_utf8("\\x{1F600}"));
        assert_eq!(form.len() > 500, dropped);
        let (mail, mut rcpts) = (mail(""), bob());
        rcpts[0].params = alloc::format!("NOTIFY=NEVER ORCPT={orcpt}").parse().unwrap();
        let envelope = Envelope::of(&mail, &rcpts);
        let plan =
            |offered: &Extensions, content| Delivery::plan(offered, &envelope, content).unwrap();
        let sent = |plan: &Plan| plan.recipient(rcpts[0].params.as_ref()).to_string();
        let dsn = Extensions::none().with(crate::Extension::Dsn);
        let utf8 = dsn.clone().with(crate::Extension::SmtpUtf8);
        let utf8 = utf8.with(crate::Extension::EightBitMime);
        let seven = plan(&dsn, Content::seven_bit());
        assert_eq!((seven.keeps_dsn(), seven.drops_dsn()), (true, dropped));
        let orcpt_sent = if dropped { String::new() } else { [" ORCPT=", &form].concat() };
        assert_eq!(sent(&seven), ["NOTIFY=NEVER", &orcpt_sent].concat());
        let utf8 = plan(&utf8, Content::utf8());
        assert!(!utf8.drops_dsn());
        assert_eq!(sent(&utf8), ["NOTIFY=NEVER ORCPT=", &orcpt].concat());
    }
}

#[test]
fn nobody_waits_for_ever_where_a_plan_does_not_fit_the_session() {
    let client_without = || client("PIPELINING");
    let mail = MailBuf { from: "a@x.test".parse().unwrap(), params: "".parse().unwrap() };
    let rcpts = [crate::RcptBuf {
        to: "b@y.test".parse().unwrap(),
        params: "X-FOO=1 ORCPT=utf-8;müller@x.test".parse().unwrap(),
    }];
    let envelope = Envelope::of(&mail, &rcpts);
    // Parameters of a queue are made anew: X-FOO is not offered, and the ORCPT goes in its 7-bit form.
    let mut session = client("DSN");
    let mut fitting = delivery(&session, &envelope);
    step(&mut fitting, &mut session, "");
    fitting.next(&mut session, &mut &b"250 ok\r\n"[..]).unwrap();
    assert_eq!(session.outgoing(), b"RCPT TO:<b@y.test> ORCPT=utf-8;m\\x{FC}ller@x.test\r\n");

    let offered = Extensions::none().with_size(0);
    let content = Content::seven_bit().with_octets(7);
    let plan = Delivery::plan(&offered, &to(&["b@y.test"]), content).unwrap();
    let mut session = client_without();
    let mut stale = Delivery::new(plan, to(&["b@y.test"]));
    assert_eq!(step(&mut stale, &mut session, ""), ["[0] Transient ", "done true"]);
}

#[test]
fn a_552_that_speaks_of_no_size_is_too_many_recipients() {
    for (reply, again) in [
        ("552 5.0.0 too many", true),
        ("552 5.3.4 too big", false),
        ("552 5.2.2 his box is full", false),
    ] {
        let mut client = client("PIPELINING");
        let envelope = to(&["b@y.test", "c@y.test"]);
        let mut delivery = delivery(&client, &envelope);
        step(&mut delivery, &mut client, "");
        let log = step(
            &mut delivery,
            &mut client,
            &alloc::format!("250 ok\r\n250 ok\r\n{reply}\r\n354 go\r\n"),
        );
        assert_eq!(log.iter().any(|line| line.starts_with("[1] Permanent")), !again, "{reply}");
    }
}

fn mail(params: &str) -> MailBuf {
    MailBuf { from: "a@x.test".parse().unwrap(), params: params.parse().unwrap() }
}

fn bob() -> [crate::RcptBuf; 1] {
    [crate::RcptBuf { to: "b@y.test".parse().unwrap(), params: Default::default() }]
}

/// RFC 4954 5: what an untrusted client says of the submitter counts as `<>`, and goes on as that.
#[test]
fn who_submitted_a_letter_is_passed_on_where_auth_is_offered() {
    let mail = mail("AUTH=e+3Dmc2@example.com");
    let rcpts = bob();
    let plan = |envelope: &Envelope<'_>, offered: &Extensions| {
        Delivery::plan(offered, envelope, Content::seven_bit()).unwrap().mail().to_string()
    };
    let auth = Extensions::none().with(crate::Extension::Auth);
    let envelope = Envelope::of(&mail, &rcpts);
    assert_eq!(plan(&envelope, &auth), "AUTH=<>");
    assert_eq!(plan(&envelope, &Extensions::none()), "");
    let trusted = envelope.with_trusted_auth();
    assert_eq!(plan(&trusted, &auth), "AUTH=e+3Dmc2@example.com");
    assert_eq!(plan(&to(&["b@y.test"]).with_trusted_auth(), &auth), "");
    // Without SMTPUTF8 a mailbox in UTF-8 cannot be named.
    let mail = self::mail("AUTH=+C3+B6@x.test");
    assert_eq!(plan(&Envelope::of(&mail, &rcpts).with_trusted_auth(), &auth), "AUTH=<>");
}

#[test]
fn without_pipelining_nothing_is_sent_behind_a_sender_who_was_refused() {
    let mut client = client("SIZE");
    let envelope = to(&["b@y.test", "c@y.test"]);
    let mut delivery = delivery(&client, &envelope);
    assert_eq!(delivery.next(&mut client, &mut &b""[..]), Ok(None));
    assert_eq!(client.outgoing(), b"MAIL FROM:<a@x.test>\r\n");
    assert_eq!(
        step(&mut delivery, &mut client, "550 5.7.1 no\r\n"),
        ["[0, 1] Permanent 550 5.7.1 no", "done true"]
    );
    assert_eq!(client.outgoing(), b"");
}

#[test]
fn a_letter_with_requiretls_goes_to_no_server_that_is_not_known() {
    let config = Arc::new(Config::default());
    let mut client = Client::implicit_tls(config);
    client.hello(Host::parse(b"c.test").unwrap()).unwrap();
    hear(&mut client, "220 mx\r\n");
    client.sent(usize::MAX);
    hear(&mut client, "250-mx\r\n250 REQUIRETLS\r\n");
    let mail = mail("REQUIRETLS");
    let rcpts = bob();
    let envelope = Envelope::of(&mail, &rcpts);
    let mut delivery = delivery(&client, &envelope);
    let Ok(Some(Event::Settled { of: Of::Rest, outcome })) =
        delivery.next(&mut client, &mut &b""[..])
    else {
        panic!()
    };
    let cause = Cause::Unsendable(Unsendable::Unverified);
    assert_eq!(outcome, Outcome::without_reply(Fate::Permanent, cause));
    assert_eq!(client.outgoing(), b"");
}
