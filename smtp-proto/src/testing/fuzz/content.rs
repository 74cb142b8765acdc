//! The content of a message, both ways, beside readings of it that are as plain as can be.

use alloc::vec;
use alloc::vec::Vec;

use super::chunks::chunks;
use super::input::pieces;
use crate::data::{ContentFault, LineEnds, Newlines, Piece, Reader, Repairs, Stray, Writer};

/// The content of a message, read and written.
///
/// Where the octets are cut changes nothing; the end of data is the first CRLF `.` CRLF under every policy; what is read and what is
/// written is what a plain loop over lines makes of it; and what was written is read back; in counted
/// chunks nothing depends on where they end. The first octets of `data` say where it is
/// cut, the rest is the content.
///
/// ```
/// smtp_proto::testing::fuzz::data(b"\x10\x11\x12\x13one\r\n..two\r\n.\r\n");
/// ```
///
/// # Panics
///
/// When one of these does not hold.
pub fn data(data: &[u8]) {
    let Some((cuts, octets)) = data.split_first_chunk::<4>() else { return };
    for newlines in [Newlines::Refuse, Newlines::Normalise] {
        reading(octets, cuts, newlines);
    }
    for line_ends in [LineEnds::Refuse, LineEnds::Normalise] {
        writing(octets, cuts, line_ends);
    }
    chunks(octets, cuts);
}

// Reading.

/// What a reader made of octets.
#[derive(Debug, Default, PartialEq, Eq)]
struct Heard {
    content: Vec<u8>,
    /// Octets of the content in front of the fault.
    stray: Option<usize>,
    /// Octets up to the end of data.
    end: Option<usize>,
    repairs: Repairs,
}

fn heard(reader: &mut Reader, pieces: &[&[u8]]) -> Heard {
    let mut heard = Heard::default();
    let (mut kept, mut presented) = (Vec::new(), 0);
    for piece in pieces {
        kept.extend_from_slice(piece);
        presented += piece.len();
        let mut input = &kept[..];
        while let Some(piece) = reader.next(&mut input) {
            match piece {
                Piece::Run(run) => {
                    assert!(!run.is_empty(), "a run without an octet");
                    heard.content.extend_from_slice(run);
                }
                Piece::Stray => {
                    assert_eq!(heard.stray, None, "a second fault");
                    heard.stray = Some(heard.content.len());
                }
                Piece::End => {
                    heard.end = Some(presented - input.len());
                    heard.repairs = reader.repairs();
                    return heard;
                }
            }
        }
        assert!(input.len() <= 3, "{} octets are left", input.len());
        kept = input.to_vec();
    }
    heard.repairs = reader.repairs();
    heard
}

fn reading(octets: &[u8], cuts: &[u8], newlines: Newlines) {
    let whole = heard(&mut Reader::new(newlines), &[octets]);
    for pieces in [octets.chunks(1).collect(), pieces(octets, cuts)] {
        assert_eq!(heard(&mut Reader::new(newlines), &pieces), whole, "{pieces:?}");
    }
    let mut drained = Reader::new(newlines);
    drained.drain();
    assert_eq!(heard(&mut drained, &[octets]).end, end_of_data(octets));
    assert_eq!(whole.end, end_of_data(octets));
    let Some(end) = whole.end else { return };
    // Behind the dot and CRLF there is nothing of the content.
    let content = &octets[..end - 3];
    let repairs = repairs(content);
    assert_eq!(whole.stray.is_some(), newlines == Newlines::Refuse && repairs.any());
    if whole.stray.is_none() {
        assert_eq!(whole.content, unstuffed(content));
    }
    if newlines == Newlines::Normalise {
        assert_eq!(whole.repairs, repairs);
    }
}

/// RFC 5321 4.1.1.4: a line begins in front of the first octet.
fn end_of_data(octets: &[u8]) -> Option<usize> {
    let octets = [b"\r\n", octets].concat();
    octets.windows(5).position(|five| five == b"\r\n.\r\n").map(|at| at + 3)
}

pub(super) fn repairs(content: &[u8]) -> Repairs {
    let mut repairs = Repairs::default();
    for (at, &octet) in content.iter().enumerate() {
        match octet {
            b'\n' if at == 0 || content[at - 1] != b'\r' => repairs.bare_lf += 1,
            b'\r' if content.get(at + 1) != Some(&b'\n') => repairs.bare_cr += 1,
            0 => repairs.nul += 1,
            _ => {}
        }
    }
    repairs
}

/// Line by line, of which a LF is the end: a dot in front of more is dropped, a bare CR is a space.
pub(super) fn unstuffed(content: &[u8]) -> Vec<u8> {
    let mut text = Vec::new();
    for line in content.split_inclusive(|&octet| octet == b'\n') {
        let line = line.strip_suffix(b"\n").unwrap_or(line);
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        let line = if line.len() > 1 { line.strip_prefix(b".").unwrap_or(line) } else { line };
        text.extend(line.iter().map(|&octet| if octet == b'\r' { b' ' } else { octet }));
        text.extend_from_slice(b"\r\n");
    }
    text
}

// Writing.

/// How content is handed to a writer.
#[derive(Clone, Copy, Debug)]
enum By {
    Copy,
    /// As pieces, of which there is room for so many.
    Pieces(usize),
}

/// What a writer made of octets, up to its fault.
fn written(line_ends: LineEnds, by: By, chunks: &[&[u8]]) -> (Vec<u8>, Result<(), ContentFault>) {
    let (mut writer, mut wire) = (Writer::new(line_ends), Vec::new());
    for chunk in chunks {
        let result = match by {
            By::Copy => writer.write(chunk, &mut wire),
            By::Pieces(room) => in_pieces(&mut writer, chunk, room, &mut wire),
        };
        if let Err(fault) = result {
            return (wire, Err(fault));
        }
    }
    let result = writer.finish().map(|end| wire.extend_from_slice(end));
    (wire, result)
}

fn in_pieces(
    writer: &mut Writer,
    mut chunk: &[u8],
    room: usize,
    wire: &mut Vec<u8>,
) -> Result<(), ContentFault> {
    while !chunk.is_empty() {
        let mut places = vec![&b""[..]; room];
        let (taken, filled) = writer.pieces(chunk, &mut places)?;
        assert!(taken + filled > 0, "nothing is done, and there is room for {room} pieces");
        wire.extend(places[..filled].concat());
        chunk = &chunk[taken..];
    }
    Ok(())
}

fn writing(octets: &[u8], cuts: &[u8], line_ends: LineEnds) {
    let (wire, result) = written(line_ends, By::Copy, &[octets]);
    let room = 2 + usize::from(cuts[0] % 5);
    for chunks in [vec![octets], octets.chunks(1).collect(), pieces(octets, cuts)] {
        for by in [By::Copy, By::Pieces(room)] {
            let (other, outcome) = written(line_ends, by, &chunks);
            assert_eq!(outcome, result, "{by:?} of {chunks:?}");
            if result.is_ok() {
                assert_eq!(other, wire, "{by:?} of {chunks:?}");
            } else {
                assert_eq!(end_of_data(&other), None, "a content that failed is ended");
            }
        }
    }
    assert_eq!(result.map_err(|fault| (fault.at, fault.stray)), fault(octets, line_ends));
    if result.is_ok() {
        let content = with_line_ends(octets);
        assert_eq!(wire, stuffed(&content));
        let read = heard(&mut Reader::new(Newlines::Refuse), &[&wire]);
        let end = Some(wire.len());
        assert_eq!(read, Heard { content, end, ..Heard::default() });
    }
}

/// The first octet that cannot be sent.
fn fault(octets: &[u8], line_ends: LineEnds) -> Result<(), (u64, Stray)> {
    for (at, &octet) in octets.iter().enumerate() {
        let stray = match octet {
            0 => Stray::Nul,
            b'\n' if at == 0 || octets[at - 1] != b'\r' => Stray::Lf,
            b'\r' if octets.get(at + 1) != Some(&b'\n') => Stray::Cr,
            _ => continue,
        };
        if stray == Stray::Nul || line_ends == LineEnds::Refuse {
            return Err((at as u64, stray));
        }
    }
    Ok(())
}

/// Each CRLF, CR and LF is a line end, and the last line has one.
pub(super) fn with_line_ends(octets: &[u8]) -> Vec<u8> {
    let mut text = Vec::new();
    for (at, &octet) in octets.iter().enumerate() {
        match octet {
            b'\n' if at > 0 && octets[at - 1] == b'\r' => {}
            b'\r' | b'\n' => text.extend_from_slice(b"\r\n"),
            _ => text.push(octet),
        }
    }
    if !text.is_empty() && !text.ends_with(b"\r\n") {
        text.extend_from_slice(b"\r\n");
    }
    text
}

fn stuffed(content: &[u8]) -> Vec<u8> {
    let mut wire = Vec::new();
    for line in content.split_inclusive(|&octet| octet == b'\n') {
        wire.extend_from_slice(if line.starts_with(b".") { b"." } else { b"" });
        wire.extend_from_slice(line);
    }
    wire.extend_from_slice(b".\r\n");
    wire
}
