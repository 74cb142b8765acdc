//! Cut invariance of the server machine, the property of the whole core.

use alloc::collections::BTreeSet;
use alloc::string::{String, ToString};
use alloc::vec;
use alloc::vec::Vec;

use super::input::pieces;
use super::policies::Policies;
use super::stage::{Outcome, Point, Stage, Waits};
use crate::Escaped;

/// Cut invariance: what the server machine does depends on the octets and the synchronisation points alone.
///
/// A session that waits at each of them is answered alike however its octets come together. One that does not wait at
/// one is told `554 5.5.0` there, in place of the reply, and that is its end. The first octets of `data` say how the
/// server is set up, how the session ends and where it is cut; the rest is what the client sends.
///
/// ```
/// smtp_proto::testing::fuzz::server_session(b"\0\0\0\0\0\0\0\0\0\0\0EHLO x.test\r\nQUIT\r\n");
/// ```
///
/// # Panics
///
/// When anything else is seen, or when the machine panics.
pub fn server_session(data: &[u8]) {
    let Some((&[policies, service, ending, ref cuts @ ..], octets)) =
        data.split_first_chunk::<11>()
    else {
        return;
    };
    let scene = Scene { policies: Policies([policies, service]), ending };
    let waiting = scene.play(octets.chunks(1));
    for pieces in [vec![octets], pieces(octets, cuts)] {
        let seen = scene.play(pieces.iter().copied());
        match scene.breach(&waiting, &pieces) {
            Some(point) => {
                assert!(seen.ends_early(&waiting, point), "{seen:#?}\nat {point:?} of {waiting:#?}")
            }
            None => assert_eq!(seen.shown(), waiting.shown(), "cut as {}", shown(&pieces)),
        }
    }
}

/// The pieces as a person reads them.
fn shown(pieces: &[&[u8]]) -> String {
    let pieces: Vec<String> = pieces.iter().map(|piece| Escaped(piece).to_string()).collect();
    pieces.join(" | ")
}

/// One session but for its cuts.
#[derive(Clone, Copy)]
struct Scene {
    policies: Policies,
    ending: u8,
}

impl Scene {
    fn play<'o>(self, pieces: impl IntoIterator<Item = &'o [u8]>) -> Outcome {
        let mut stage = Stage::new(self.policies);
        for piece in pieces {
            stage.present(piece);
        }
        stage.end(self.ending)
    }

    /// The first synchronisation point at which a session that is cut into these pieces does not wait, where that ends it.
    fn breach(self, waiting: &Outcome, pieces: &[&[u8]]) -> Option<Point> {
        let mut cuts = BTreeSet::new();
        let length = pieces.iter().fold(0, |end, piece| {
            cuts.insert(end + piece.len());
            end + piece.len()
        });
        let mut points = waiting.points.iter().copied().filter(|point| point.offset < length);
        points.find(|point| {
            let ends = match point.waits {
                Waits::Policy => false,
                Waits::Data => !waiting.replies[point.replies..].starts_with("354 "),
                Waits::Tls => true,
            };
            !cuts.contains(&point.offset) && (ends || !self.policies.has(Policies::ALLOW_EARLY))
        })
    }
}
