//! What a content is like, before it is sent.

use proptest::prelude::*;

use super::*;
use crate::data::{ContentFault, LineEnds, Stray};

#[test]
fn the_length_counts_crlfs_and_no_doubled_dots() {
    for (octets, refuse, normalise) in [
        (&b""[..], 0, 0),
        (b"a\r\n.b", 7, 7),
        (b".\r\n", 3, 3),
        (b"a\nb\n", 6, 6),
        (b"a\rb", 5, 6),
        (b"a\r", 4, 3),
        (b"\n\n", 2, 4),
    ] {
        assert_eq!(Content::of(octets).octets(), Some(refuse), "{octets:?}");
        let mut survey = Survey::new(LineEnds::Normalise);
        octets.chunks(1).for_each(|octet| survey.take(octet));
        assert_eq!(survey.content().octets(), Some(normalise), "{octets:?}");
    }
}

#[test]
fn what_it_asks_of_a_server_follows_from_its_octets() {
    for (octets, content) in [
        ("Subject: a\r\n\r\nb\r\n".as_bytes(), Content::seven_bit()),
        ("Subject: a\r\n\r\n\u{e4}\r\n".as_bytes(), Content::eight_bit()),
        ("Subject: \u{e4}\r\n\r\nb\r\n".as_bytes(), Content::utf8()),
        (b"Subject: \xe4\r\n\r\nb\r\n", Content::eight_bit()),
        (b"Subject: a\r\n\r\n\0\r\n", Content::binary()),
    ] {
        assert_eq!(Content::of(octets), content.with_octets(octets.len() as u64), "{octets:?}");
    }
}

#[test]
fn the_first_octet_that_cannot_be_sent_is_named() {
    for (octets, at, stray) in [
        (&b"ab\nc\r"[..], 2, Stray::Lf),
        (b"a\rb\n", 1, Stray::Cr),
        (b"ab\r", 2, Stray::Cr),
        (b"\0", 0, Stray::Nul),
    ] {
        let mut survey = Survey::new(LineEnds::Refuse);
        survey.take(octets);
        assert_eq!(survey.first_fault(), Some(ContentFault { at, stray }), "{octets:?}");
        let mut survey = Survey::new(LineEnds::Normalise);
        survey.take(octets);
        assert_eq!(survey.first_fault().is_some(), stray == Stray::Nul, "{octets:?}");
    }
}

const WORDS: [&str; 8] = [
    "\r\n",
    "\r",
    "\n",
    ".",
    "a",
    "\0",
    "\u{e4}",
    "a line that is longer than two blocks of the scan, which are 64 octets each, and sixty-four more of them, to be on the safe side\r\n",
];

proptest! {
    #[test]
    fn a_content_is_the_same_however_it_comes(
        words in prop::collection::vec(prop::sample::select(&WORDS[..]), 0..40),
        normalise: bool,
    ) {
        let octets = words.concat().into_bytes();
        let line_ends = if normalise { LineEnds::Normalise } else { LineEnds::Refuse };
        let seen = |piece: usize| {
            let mut survey = Survey::new(line_ends);
            octets.chunks(piece).for_each(|octets| survey.take(octets));
            (survey.content(), survey.first_fault())
        };
        let one_by_one = seen(1);
        for piece in [2, 7, 64, octets.len().max(1)] {
            prop_assert_eq!(seen(piece), one_by_one, "pieces of {}", piece);
        }
    }
}
