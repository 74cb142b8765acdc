use alloc::vec::Vec;

use super::*;

/// What a content reads as: its octets, whether a stray octet was met, and what stands behind its end.
#[derive(Debug, PartialEq, Eq)]
struct Read {
    content: Vec<u8>,
    stray: bool,
    behind: Option<Vec<u8>>,
}

/// Reads `octets` cut at `cuts`, as a driver presents them. Under `Refuse` what comes behind a stray octet is no content.
fn read(octets: &[u8], newlines: Newlines, cuts: &[usize]) -> Read {
    let mut reader = Reader::new(newlines);
    let (mut content, mut stray, mut kept, mut from) = (Vec::new(), false, Vec::new(), 0);
    for to in cuts.iter().copied().chain([octets.len()]) {
        kept.extend_from_slice(&octets[from..to]);
        from = to;
        let mut input = &kept[..];
        while let Some(piece) = reader.next(&mut input) {
            match piece {
                Piece::Run(run) => {
                    assert!(!run.is_empty());
                    if !stray {
                        content.extend_from_slice(run);
                    }
                }
                Piece::Stray => stray = true,
                Piece::End => {
                    return Read { content, stray, behind: Some([input, &octets[to..]].concat()) };
                }
            }
        }
        assert!(input.len() <= 3, "at most three octets wait");
        kept = input.to_vec();
    }
    Read { content, stray, behind: None }
}

/// The same by the definition, one octet at a time: what RFC 5321 4.1.1.4 and 4.5.2 say, and the repairs.
fn naive(octets: &[u8], newlines: Newlines) -> Read {
    let (mut content, mut stray, mut i) = (Vec::new(), false, 0);
    // The line so far began behind CRLF (hard) or a bare LF (soft); None inside a line.
    let mut start = Some(true);
    let push = |content: &mut Vec<u8>, stray: bool, octets: &[u8]| {
        if !(stray && newlines == Newlines::Refuse) {
            content.extend_from_slice(octets);
        }
    };
    while i < octets.len() {
        let rest = &octets[i..];
        if start.is_some() && rest[0] == b'.' {
            if start == Some(true) && rest.starts_with(b".\r\n") {
                return Read {
                    content,
                    stray: stray && newlines == Newlines::Refuse,
                    behind: Some(rest[3..].to_vec()),
                };
            }
            if rest.len() < 2 || rest == b".\r" {
                break;
            }
            let alone = rest[1] == b'\n' || rest.starts_with(b".\r\n");
            stray |= rest[1] == b'\n';
            if alone {
                push(&mut content, stray, b".");
            }
            start = None;
            i += 1;
            continue;
        }
        match rest {
            [b'\r', b'\n', ..] => {
                push(&mut content, stray, b"\r\n");
                start = Some(true);
                i += 2;
            }
            [b'\r'] => break,
            [b'\r', ..] => {
                stray = true;
                push(&mut content, stray, b" ");
                start = None;
                i += 1;
            }
            [b'\n', ..] => {
                stray = true;
                push(&mut content, stray, b"\r\n");
                start = Some(false);
                i += 1;
            }
            [octet, ..] => {
                stray |= *octet == 0;
                push(&mut content, stray, &[*octet]);
                start = None;
                i += 1;
            }
            [] => break,
        }
    }
    Read { content, stray: stray && newlines == Newlines::Refuse, behind: None }
}

/// Every content of up to eight octets of an alphabet that holds all that matters, at every cut.
#[test]
fn every_short_content_reads_alike_at_every_cut() {
    const ALPHABET: [u8; 5] = *b"\r\n.x\0";
    let mut octets = Vec::new();
    for length in 0..=7u32 {
        for number in 0..5usize.pow(length) {
            octets.clear();
            octets.extend((0..length).map(|digit| ALPHABET[number / 5usize.pow(digit) % 5]));
            for newlines in [Newlines::Refuse, Newlines::Normalise] {
                let expected = naive(&octets, newlines);
                assert_eq!(
                    read(&octets, newlines, &[]),
                    expected,
                    "{} {newlines:?}",
                    crate::Escaped(&octets)
                );
                for cut in 1..octets.len() {
                    assert_eq!(
                        read(&octets, newlines, &[cut]),
                        expected,
                        "{} {newlines:?} cut at {cut}",
                        crate::Escaped(&octets)
                    );
                }
                let each: Vec<usize> = (1..octets.len()).collect();
                assert_eq!(
                    read(&octets, newlines, &each),
                    expected,
                    "{} {newlines:?} octet by octet",
                    crate::Escaped(&octets)
                );
            }
        }
    }
}

#[test]
fn a_stray_octet_is_found_wherever_it_stands_in_a_long_run() {
    let clean = b"0123456789012345678901234567890123456789\r\n".repeat(10);
    for at in 0..clean.len() {
        for stray in *b"\r\n\0" {
            let mut octets = clean.clone();
            octets.insert(at, stray);
            let expected = naive(&octets, Newlines::Refuse);
            assert_eq!(read(&octets, Newlines::Refuse, &[]), expected, "{stray} at {at}");
        }
    }
}

#[test]
fn repairs_are_counted() {
    let mut reader = Reader::new(Newlines::Normalise);
    let mut input = &b"a\nb\rc\0\0\r\n.\n.\r\n"[..];
    while reader.next(&mut input).is_some() {}
    assert_eq!(reader.repairs(), Repairs { bare_lf: 2, bare_cr: 1, nul: 2 });
}

#[test]
fn octets_over_127_are_told_of() {
    for (octets, eight_bit) in [
        ("a\r\n..\r\n.\r\n", false),
        ("a\r\n..\u{e9}\r\n.\r\n", true),
        ("\u{e9}\r\n..b\r\n.\r\n", true),
    ] {
        for newlines in [Newlines::Refuse, Newlines::Normalise] {
            let (mut reader, mut input) = (Reader::new(newlines), octets.as_bytes());
            while reader.next(&mut input).is_some() {}
            assert_eq!(
                (reader.eight_bit(), input.len()),
                (eight_bit, 0),
                "{octets:?} {newlines:?}"
            );
        }
    }
}
