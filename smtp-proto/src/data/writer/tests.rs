use alloc::vec::Vec;

use super::super::{Newlines, Piece, Reader};
use super::*;

/// What is written for `octets` in chunks that end at `cuts`; `None` where it cannot be sent.
fn written(octets: &[u8], line_ends: LineEnds, cuts: &[usize]) -> Result<Vec<u8>, ContentFault> {
    let (mut writer, mut wire, mut from) = (Writer::new(line_ends), Vec::new(), 0);
    for to in cuts.iter().copied().chain([octets.len()]) {
        writer.write(&octets[from..to], &mut wire)?;
        from = to;
    }
    wire.extend_from_slice(writer.finish()?);
    Ok(wire)
}

#[test]
fn content_is_stuffed_as_the_table_says() {
    let table: &[(&[u8], &[u8])] = &[
        (b"", b".\r\n"),
        (b"a", b"a\r\n.\r\n"),
        (b"a\r\n", b"a\r\n.\r\n"),
        (b"a\r\n.\r\nb\r\n", b"a\r\n..\r\nb\r\n.\r\n"),
        (b".\r\nMAIL FROM:<x@y>\r\n", b"..\r\nMAIL FROM:<x@y>\r\n.\r\n"),
        (b"a.b\r\n", b"a.b\r\n.\r\n"),
        (b"..\r\n..", b"...\r\n...\r\n.\r\n"),
    ];
    for (octets, wire) in table {
        for line_ends in [LineEnds::Refuse, LineEnds::Normalise] {
            for cut in 0..=octets.len() {
                assert_eq!(
                    written(octets, line_ends, &[cut, cut]).as_deref(),
                    Ok(*wire),
                    "cut at {cut}"
                );
            }
        }
    }
}

#[test]
fn stray_newlines_are_refused_where_they_stand_or_normalised_before_stuffing() {
    let table: &[(&[u8], u64, Stray, &[u8])] = &[
        (b"a\n.\nb", 1, Stray::Lf, b"a\r\n..\r\nb\r\n.\r\n"),
        (b"a\r.\r\nM\r\n", 1, Stray::Cr, b"a\r\n..\r\nM\r\n.\r\n"),
        (b"a\r\r\n.b", 1, Stray::Cr, b"a\r\n\r\n..b\r\n.\r\n"),
        (b"a\n..\r\nb", 1, Stray::Lf, b"a\r\n...\r\nb\r\n.\r\n"),
        (b"a\r", 1, Stray::Cr, b"a\r\n.\r\n"),
        (b"\n\r", 0, Stray::Lf, b"\r\n\r\n.\r\n"),
    ];
    for &(octets, at, stray, wire) in table {
        for cut in 0..=octets.len() {
            assert_eq!(written(octets, LineEnds::Refuse, &[cut]), Err(ContentFault { at, stray }));
            assert_eq!(
                written(octets, LineEnds::Normalise, &[cut]).as_deref(),
                Ok(wire),
                "cut at {cut}"
            );
        }
    }
    for line_ends in [LineEnds::Refuse, LineEnds::Normalise] {
        assert_eq!(
            written(b"a\0b", line_ends, &[]),
            Err(ContentFault { at: 1, stray: Stray::Nul })
        );
    }
}

/// Every content of up to seven octets, in every chunking: what is written reads back, and no proper prefix of it ends the data.
#[test]
fn every_short_content_reads_back_and_its_end_is_the_only_one() {
    const ALPHABET: [u8; 4] = *b"\r\n.x";
    for length in 0..=7u32 {
        for number in 0..4usize.pow(length) {
            let octets: Vec<u8> =
                (0..length).map(|digit| ALPHABET[number / 4usize.pow(digit) % 4]).collect();
            for line_ends in [LineEnds::Refuse, LineEnds::Normalise] {
                let whole = written(&octets, line_ends, &[]);
                for cuts in 0..1usize << octets.len().saturating_sub(1) {
                    let cuts: Vec<usize> =
                        (1..octets.len()).filter(|cut| cuts >> (cut - 1) & 1 == 1).collect();
                    assert_eq!(
                        written(&octets, line_ends, &cuts),
                        whole,
                        "{} {cuts:?}",
                        crate::Escaped(&octets)
                    );
                }
                let Ok(wire) = whole else { continue };
                let (mut reader, mut input, mut content) =
                    (Reader::new(Newlines::Refuse), &wire[..], Vec::new());
                loop {
                    match reader.next(&mut input) {
                        Some(Piece::Run(run)) => content.extend_from_slice(run),
                        Some(Piece::End) => break,
                        other => panic!("{other:?} in {}", crate::Escaped(&wire)),
                    }
                }
                assert_eq!(input, b"", "the end stands at the end of {}", crate::Escaped(&wire));
                if line_ends == LineEnds::Refuse {
                    let ended = octets.is_empty() || octets.ends_with(b"\r\n");
                    assert_eq!(content, [&octets[..], if ended { b"" } else { b"\r\n" }].concat());
                }
            }
        }
    }
}

#[test]
fn a_long_run_is_borrowed() {
    let body = b"0123456789\r\n".repeat(1000);
    let (mut writer, mut pieces) = (Writer::new(LineEnds::Refuse), [&b""[..]; 4]);
    assert_eq!(writer.pieces(&body, &mut pieces), Ok((body.len(), 1)));
    assert!(core::ptr::eq(pieces[0], &body[..]));
}

#[test]
fn lines_that_need_no_repair_are_one_piece() {
    for line_ends in [LineEnds::Refuse, LineEnds::Normalise] {
        let mut pieces = [&b""[..]; 4];
        let taken = Writer::new(line_ends).pieces(b"one\r\ntwo\r\n", &mut pieces);
        assert_eq!((taken, pieces[0]), (Ok((10, 1)), &b"one\r\ntwo\r\n"[..]), "{line_ends:?}");
    }
}
