//! Rule 8 for the client: how the octets of a server are cut changes neither an event nor an octet of what is written.

use crate::session::{Outcome, Session};
use smtp_proto::client::{Config, Error, Flavour};
use smtp_proto::delivery::{Fate, Plan};

/// What a server says, each line of the table after it has read all that the client has to say.
type Turns = &'static [&'static str];

const HELLO: &str = "220-mx.test ESMTP\r\n220 ready\r\n";
const PIPELINED: &str = "250-mx.test\r\n250-PIPELINING\r\n250 SIZE 1000\r\n";
const LOCKSTEP: &str = "250-mx.test\r\n250 8BITMIME\r\n";

const SESSIONS: &[(&str, Turns)] = &[
    (
        "a group",
        &[
            HELLO,
            PIPELINED,
            "250 2.1.0 a\r\n250-2.1.5 b\r\n250 2.1.5 b\r\n550 5.1.1 c\r\n250\r\n354 d\r\n",
            "250 2.0.0 e\r\n",
        ],
    ),
    (
        "one by one",
        &[
            HELLO,
            LOCKSTEP,
            "250 a\r\n",
            "250-\r\n250 b\r\n",
            "550 c\r\n",
            "251 d\r\n",
            "354 e\r\n",
            "250 f\r\n",
        ],
    ),
    (
        "HELO",
        &[
            HELLO,
            "502-what?\r\n502 no\r\n",
            "250 mx.test\r\n",
            "250 a\r\n",
            "250 b\r\n",
            "450 c\r\n",
            "250 d\r\n",
            "354 e\r\n",
            "554 f\r\n",
        ],
    ),
    (
        "nobody, and DATA is refused",
        &[HELLO, PIPELINED, "250 a\r\n550 b\r\n550 c\r\n450 d\r\n554 e\r\n"],
    ),
    (
        "nobody, and the dot",
        &[HELLO, PIPELINED, "250 a\r\n550 b\r\n550 c\r\n450 d\r\n354 e\r\n", "250 f\r\n"],
    ),
    (
        "nobody, and RSET in the place of DATA",
        &[HELLO, LOCKSTEP, "250 a\r\n", "550 b\r\n", "550 c\r\n", "450 d\r\n", "250 e\r\n"],
    ),
    ("no sender", &[HELLO, PIPELINED, "550 a\r\n503 b\r\n503 c\r\n503 d\r\n503 e\r\n"]),
    (
        "a second transaction",
        &[
            HELLO,
            PIPELINED,
            "250 a\r\n250 b\r\n452 4.5.3 c\r\n552 d\r\n354 e\r\n",
            "250 f\r\n",
            "250 g\r\n250 h\r\n250 i\r\n354 j\r\n",
            "451 k\r\n",
        ],
    ),
    ("421", &[HELLO, PIPELINED, "250 a\r\n250 b\r\n421-4.3.2 c\r\n421 4.3.2 c\r\n250 d\r\n"]),
    ("no service", &["554-no\r\n554 never\r\n", "221 bye\r\n"]),
    ("garbage", &[HELLO, PIPELINED, "250 a\r\n250 b\r\ngarbage\r\n250 c\r\n354 d\r\n"]),
    ("mixed codes", &[HELLO, PIPELINED, "250 a\r\n250-b\r\n550 b\r\n"]),
    ("a bare LF", &[HELLO, PIPELINED, "250 a\n250 b\r\n"]),
    ("a class that cannot be", &[HELLO, PIPELINED, "250 a\r\n354 b\r\n250 c\r\n"]),
    (
        "221 to the dot",
        &[HELLO, PIPELINED, "250 a\r\n250 b\r\n250 c\r\n250 d\r\n354 e\r\n", "221 f\r\n"],
    ),
];

const CHUNKING: &str = "250-mx.test\r\n250-PIPELINING\r\n250 CHUNKING\r\n";
const ENVELOPE: &str = "250 a\r\n250 b\r\n550 c\r\n250-\r\n250 d\r\n";

/// The same with content by BDAT.
const CHUNKED: &[(&str, Turns)] = &[
    ("a chunk", &[HELLO, CHUNKING, ENVELOPE, "250-2.0.0 e\r\n250 2.0.0 e\r\n"]),
    ("a refused chunk", &[HELLO, CHUNKING, ENVELOPE, "552 e\r\n"]),
    ("221 to a chunk", &[HELLO, CHUNKING, ENVELOPE, "221 e\r\n"]),
    ("421 to a chunk", &[HELLO, CHUNKING, ENVELOPE, "421 e\r\n"]),
    ("nobody", &[HELLO, CHUNKING, "250 a\r\n550 b\r\n550 c\r\n450 d\r\n"]),
];

/// The same in LMTP.
const STORED: &[(&str, Turns)] = &[
    ("a verdict each", &[HELLO, PIPELINED, ENVELOPE, "354 e\r\n", "250-f\r\n250 f\r\n452 g\r\n"]),
    ("421 among the verdicts", &[HELLO, PIPELINED, ENVELOPE, "354 e\r\n", "421 f\r\n250 g\r\n"]),
    ("garbage among the verdicts", &[HELLO, PIPELINED, ENVELOPE, "354 e\r\n", "250 f\r\nwhat\r\n"]),
    (
        "one verdict too many",
        &[HELLO, PIPELINED, ENVELOPE, "354 e\r\n", "250 f\r\n250 g\r\n250 h\r\n"],
    ),
    ("nobody", &[HELLO, PIPELINED, "250 a\r\n550 b\r\n550 c\r\n450 d\r\n503 e\r\n"]),
];

fn lmtp() -> Config {
    let mut config = Config::default();
    config.flavour = Flavour::Lmtp;
    config
}

/// Plays a session whose turns are cut at these octets, counted over all of them.
fn play(turns: Turns, cuts: &[usize]) -> Outcome {
    play_by(Config::default(), |plan| plan, turns, cuts)
}

fn play_by(config: Config, by: fn(Plan) -> Plan, turns: Turns, cuts: &[usize]) -> Outcome {
    let (mut session, mut at) = (Session::open(config), 0);
    for turn in turns {
        if session.outcome.fates.is_empty() && session.client.is_reusable() {
            session.deliver_by(&["b@y.test", "c@y.test", "d@y.test"], by);
        }
        let mut from = 0;
        for cut in
            cuts.iter().map(|cut| cut.saturating_sub(at)).filter(|&cut| cut > 0 && cut < turn.len())
        {
            session.hear(&turn.as_bytes()[from..cut]);
            from = cut;
        }
        session.hear(&turn.as_bytes()[from..]);
        at += turn.len();
    }
    Outcome { read: 0, ..session.take_outcome() }
}

#[test]
fn whole_sessions_go_the_same_way_at_every_two_cuts() {
    every_two_cuts(SESSIONS, Config::default, |plan| plan);
}

#[test]
fn sessions_by_bdat_and_in_lmtp_go_the_same_way_at_every_two_cuts() {
    every_two_cuts(CHUNKED, Config::default, Plan::in_chunks);
    every_two_cuts(STORED, lmtp, |plan| plan);
}

#[test]
fn each_of_them_settles_everyone_as_it_should() {
    let fates = |outcome: Outcome| {
        outcome
            .fates
            .iter()
            .map(|fate| format!("{:?}", fate.unwrap()))
            .collect::<Vec<_>>()
            .join(" ")
    };
    let chunked = ["Delivered", "Permanent", "Unknown", "Transient", ""].iter().zip(CHUNKED);
    for (fate, (name, turns)) in chunked.filter(|(fate, _)| !fate.is_empty()) {
        let told = fates(play_by(Config::default(), Plan::in_chunks, turns, &[]));
        assert_eq!(told, format!("{fate} Permanent {fate}"), "{name}");
    }
    let expected = [
        "Delivered Permanent Transient",
        "Transient Permanent Unknown",
        "Delivered Permanent Unknown",
        "Delivered Permanent Delivered",
        "Permanent Permanent Transient",
    ];
    for (expected, (name, turns)) in expected.iter().zip(STORED) {
        assert_eq!(fates(play_by(lmtp(), |plan| plan, turns, &[])), *expected, "{name}");
    }
}

fn every_two_cuts(sessions: &[(&str, Turns)], config: fn() -> Config, by: fn(Plan) -> Plan) {
    let play = |turns, cuts: &[usize]| play_by(config(), by, turns, cuts);
    for (name, turns) in sessions {
        let whole = play(turns, &[]);
        let octets: usize = turns.iter().map(|turn| turn.len()).sum();
        let each: Vec<usize> = (1..octets).collect();
        assert_eq!(play(turns, &each), whole, "{name}, octet by octet");
        for one in 1..octets {
            for other in one + 1..=octets {
                assert_eq!(play(turns, &[one, other]), whole, "{name}, cut at {one} and {other}");
            }
        }
    }
}

#[test]
fn every_session_of_the_table_says_what_it_is_there_for() {
    let of = |name: &str| {
        let (_, turns) =
            SESSIONS.iter().find(|(other, _)| *other == name).expect("a session of the table");
        play(turns, &[])
    };
    let fates = |name: &str| {
        of(name).fates.iter().map(|fate| format!("{fate:?}")).collect::<Vec<_>>().join(" ")
    };
    assert_eq!(fates("a group"), "Some(Delivered) Some(Permanent) Some(Delivered)");
    assert_eq!(fates("one by one"), "Some(Delivered) Some(Permanent) Some(Delivered)");
    assert_eq!(fates("HELO"), "Some(Permanent) Some(Transient) Some(Permanent)");
    assert_eq!(fates("nobody, and the dot"), "Some(Permanent) Some(Permanent) Some(Transient)");
    assert_eq!(fates("a second transaction"), "Some(Delivered) Some(Transient) Some(Transient)");
    assert!(
        of("nobody, and RSET in the place of DATA")
            .written
            .ends_with(b"RCPT TO:<d@y.test>\r\nRSET\r\n")
    );
    assert!(of("nobody, and the dot").written.ends_with(b"DATA\r\n.\r\n"));
    assert!(of("no service").written.ends_with(b"QUIT\r\n") && of("no service").closed);
    assert!(of("421").closed && of("421").error.is_none());
    for name in ["garbage", "mixed codes", "a bare LF"] {
        assert!(matches!(of(name).error, Some(Error::Malformed(_))), "{name}");
    }
}

/// RFC 1047: the dot has left, and what came is no verdict on it.
#[test]
fn a_reply_that_cannot_be_a_verdict_leaves_the_fate_unknown() {
    for reply in ["221 bye\r\n", "354 go on\r\n", "334 x\r\n", "garbage\r\n"] {
        let mut session = Session::open(Config::default());
        session.hear(HELLO.as_bytes());
        session.hear(PIPELINED.as_bytes());
        session.deliver(&["b@y.test"]);
        session.hear(b"250 a\r\n250 b\r\n354 c\r\n");
        session.hear(reply.as_bytes());
        let outcome = session.take_outcome();
        assert!(outcome.error.is_some(), "{reply}");
        assert_eq!(outcome.fates, [Some(Fate::Unknown)], "{reply}");
    }
}

/// A session that does not wait has two outcomes, and no third.
#[test]
fn a_reply_that_comes_before_its_command_is_unsolicited_or_was_waited_for() {
    let (first, second) = ("250 a\r\n", "550 b\r\n");
    let turn = [first, second].concat();
    let play = |cut: usize| {
        let mut session = Session::open(Config::default());
        session.hear(HELLO.as_bytes());
        session.hear(LOCKSTEP.as_bytes());
        session.deliver(&["b@y.test", "c@y.test", "d@y.test"]);
        session.hear(&turn.as_bytes()[..cut]);
        session.hear(&turn.as_bytes()[cut..]);
        session.take_outcome().error
    };
    for cut in 0..turn.len() {
        let expected = if cut < first.len() { Some(Error::Unsolicited) } else { None };
        assert_eq!(play(cut), expected, "cut at {cut}");
    }
}

/// A verdict in the middle of a content is its verdict wherever it is cut.
#[test]
fn a_verdict_during_the_content_is_the_same_at_every_cut() {
    let verdict = b"552-5.3.4 too\r\n552 5.3.4 big\r\n";
    let play = |cuts: &[usize]| {
        let mut session = Session::open(Config::default());
        session.hear(HELLO.as_bytes());
        session.hear(PIPELINED.as_bytes());
        session.mail(Default::default());
        session.rcpt("b@y.test");
        session.client.data().expect("DATA may come");
        session.settle();
        session.produce();
        session.hear(b"250 a\r\n250 b\r\n354 c\r\n");
        session.client.body(b"some of it").expect("content is due");
        session.settle();
        let mut from = 0;
        for cut in cuts.iter().copied().chain([verdict.len()]) {
            session.hear(&verdict[from..cut]);
            from = cut;
        }
        Outcome { read: 0, ..session.take_outcome() }
    };
    let whole = play(&[]);
    assert!(
        whole.closed && whole.error.is_none() && whole.written.ends_with(b"some of it"),
        "{whole:?}"
    );
    for one in 1..verdict.len() {
        (one + 1..verdict.len()).for_each(|other| assert_eq!(play(&[one, other]), whole));
    }
}

/// A refusal that comes before the end of the content has left is the verdict, and nothing of the rest is sent.
#[test]
fn a_verdict_in_front_of_the_dot_keeps_the_dot_back() {
    for sent in 0..11 {
        let mut session = Session::open(Config::default());
        session.hear(HELLO.as_bytes());
        session.hear(PIPELINED.as_bytes());
        session.mail(Default::default());
        session.rcpt("b@y.test");
        session.client.data().expect("DATA may come");
        session.settle();
        session.produce();
        session.hear(b"250 a\r\n250 b\r\n354 c\r\n");
        session.client.body(b"content\r\n").expect("content is due");
        session.client.finish().expect("it is whole");
        session.client.sent(sent);
        session.take_outcome();
        session.hear(b"552 5.3.4 too big\r\n");
        let outcome = session.take_outcome();
        assert_eq!(
            (outcome.error, outcome.closed, outcome.written),
            (None, true, Vec::new()),
            "{sent}"
        );
    }
}
