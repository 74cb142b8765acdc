//! What fuzzers begin with: seeds made of the wire cases and of what they found, and a dictionary made of the tables of the code.

use alloc::borrow::ToOwned;
use alloc::collections::BTreeSet;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use super::Target;
use crate::testing::cases::{Bytes, Case, MESSAGE_MAX, Policy, Pre, Steps, cases};
use crate::testing::rng::Rng;
use crate::wire::parameter_keywords;
use crate::{Body, Escaped, Extension, Verb};

/// A seed is no longer than this, in octets; neither is what a fuzzer tries.
pub const OCTETS: usize = 4096;

impl Target {
    /// Inputs to begin with, each with its name: those of the wire cases, and behind them what fuzzers found.
    ///
    /// ```
    /// use smtp_proto::testing::fuzz::TARGETS;
    ///
    /// for target in TARGETS {
    ///     for (name, octets) in target.seeds().into_iter().take(3) {
    ///         println!("{} {name}: {} octets", target.name, octets.len());
    ///         (target.run)(&octets);
    ///     }
    /// }
    /// ```
    #[must_use]
    pub fn seeds(&self) -> Vec<(String, Vec<u8>)> {
        let made = self.made_of_cases().into_iter().chain(found(self.name));
        made.filter(|(_, octets)| octets.len() <= OCTETS).collect()
    }

    fn made_of_cases(&self) -> Vec<(String, Vec<u8>)> {
        match self.name {
            "pair" | "report" => tapes(),
            "data" => of_servers(|case, octets| {
                (case.pre == Pre::P5).then(|| [&[16, 17, 18, 19], octets].concat())
            }),
            "server_session" => of_servers(server_session),
            "caller" => of_servers(caller),
            "client_session" => client_session(),
            "reply" => of_clients(|octets| [&[0, 3, 17, 40], octets].concat()),
            _ => lines(),
        }
    }
}

/// What a fuzzer found: rows of the target, a name, and the octets in the notation of the wire cases.
fn found(target: &str) -> Vec<(String, Vec<u8>)> {
    let rows = include_str!("found.tsv").lines().filter_map(|row| {
        let (of, rest) = row.split_once('\t')?;
        let (name, octets) = rest.split_once('\t').filter(|_| of == target)?;
        let steps = Steps::parse(octets, MESSAGE_MAX).expect("a row that row() made");
        Some((name.to_owned(), steps.to_vec()))
    });
    rows.collect()
}

/// Octets as a row of `found.tsv` has them.
#[must_use]
pub fn row(target: &str, name: &str, octets: &[u8]) -> String {
    let mut text = format!("{target}\t{name}\t");
    for &octet in octets {
        match octet {
            b'\r' => text.push_str("\\r"),
            b'\n' => text.push_str("\\n"),
            b'\\' => text.push_str("\\\\"),
            b'{' | b'}' => text.push_str(&format!("\\x{octet:02x}")),
            _ => text.push_str(&format!("{}", Escaped(&[octet]))),
        }
    }
    text
}

/// What a client sends in a row, the octets that bring the server into its state included.
fn of_servers(seed: impl Fn(&Case<'_>, &[u8]) -> Option<Vec<u8>>) -> Vec<(String, Vec<u8>)> {
    let made = cases().filter(|case| !case.is_client()).filter_map(|case| {
        let Bytes::Steps(steps) = &case.bytes else { return None };
        let octets = (steps.octets() <= OCTETS as u64).then(|| steps.to_vec())?;
        Some((case.id.to_owned(), seed(&case, &octets)?))
    });
    made.collect()
}

fn opening(case: &Case<'_>) -> Option<Vec<u8>> {
    let (steps, _) = case.pre.opening()?;
    Some(Steps::parse(steps, MESSAGE_MAX).ok()?.to_vec())
}

fn server_session(case: &Case<'_>, octets: &[u8]) -> Option<Vec<u8>> {
    let policies = case.policies.iter().fold(0, |policies, policy| match policy {
        Policy::NormaliseNewlines => policies | 1,
        Policy::AllowEarly => policies | 2,
        Policy::RefuseInChunks => policies | 64,
        Policy::KeepInChunks => policies | 128,
        _ => policies,
    });
    let service = match case.pre {
        pre if pre.is_lmtp() => 2,
        Pre::PA => 4 | 16 | 32,
        Pre::PC => 16,
        _ => 4,
    };
    let head = [policies, service, 0, 0, 1, 20, 16, 40, 2, 17, 255];
    Some([&head, &opening(case)?[..], octets].concat())
}

/// Each line is presented by itself, and the newest question answered.
fn caller(case: &Case<'_>, octets: &[u8]) -> Option<Vec<u8>> {
    let lmtp = if case.pre.is_lmtp() { 2 } else { 0 };
    let mut calls = [&[0, lmtp, 0, 1, 0, 0, 1, 8, 0, 0, 2][..]].concat();
    for line in [opening(case)?, octets.to_vec()].concat().split_inclusive(|octet| *octet == b'\n')
    {
        for run in line.chunks(80) {
            calls.extend_from_slice(&[1, 0, run.len() as u8]);
            calls.extend_from_slice(run);
        }
        calls.extend_from_slice(&[1, 8, 0, 0, 2]);
    }
    Some(calls)
}

fn of_clients(seed: impl Fn(&[u8]) -> Vec<u8>) -> Vec<(String, Vec<u8>)> {
    let made = cases().filter(Case::is_client).filter_map(|case| {
        let Bytes::Steps(steps) = &case.bytes else { return None };
        (steps.octets() <= OCTETS as u64).then(|| (case.id.to_owned(), seed(&steps.to_vec())))
    });
    made.collect()
}

/// A letter, and the octets of a server a line at a time.
fn client_session() -> Vec<(String, Vec<u8>)> {
    of_clients(|octets| {
        let mut seed = Vec::from([7, 0, 0, 1, 12, 1, 0, 2, 0, 1, 0, 4, b'o', b'n', b'e', b'\n', 0]);
        for line in octets.split_inclusive(|octet| *octet == b'\n') {
            let line = &line[..line.len().min(60)];
            seed.extend_from_slice(&[255, line.len() as u8]);
            seed.extend_from_slice(line);
        }
        seed
    })
}

/// Every line of every row of a server, once.
fn lines() -> Vec<(String, Vec<u8>)> {
    let mut known = BTreeSet::new();
    let sessions = of_servers(|case, octets| Some([opening(case)?, octets.to_vec()].concat()));
    let mut made = Vec::new();
    for (id, octets) in sessions {
        for (n, line) in octets.split(|octet| *octet == b'\n').enumerate() {
            let line = line.strip_suffix(b"\r").unwrap_or(line);
            if !line.is_empty() && known.insert(line.to_vec()) {
                made.push((format!("{id}-{n}"), line.to_vec()));
            }
        }
    }
    made
}

/// Octets that are all choices.
fn tapes() -> Vec<(String, Vec<u8>)> {
    let tape = |seed: u64| {
        let mut rng = Rng::new(seed);
        (0..40 * (seed + 1)).map(|_| rng.below(256) as u8).collect()
    };
    (0..12).map(|seed| (format!("seed-{seed}"), tape(seed))).collect()
}

/// Words of the protocol for a fuzzer to put together, in the notation of libFuzzer and AFL++: made of the tables of the code and of
/// what brings a server into the states of the wire cases.
///
/// ```
/// let dictionary = smtp_proto::testing::fuzz::dictionary();
/// assert!(dictionary.contains("\"STARTTLS\\x0d\\x0a\"\n"));
/// assert!(dictionary.contains("\"\\x0d\\x0a.\\x0d\\x0a\"\n"));
/// ```
#[must_use]
pub fn dictionary() -> String {
    let verbs = Verb::all().flat_map(|verb| [format!("{verb} "), format!("{verb}\r\n")]);
    let keywords = Extension::all().map(|extension| format!(" {}", extension.keyword()));
    let parameters = parameter_keywords().map(|keyword| format!(" {keyword}="));
    let bodies = Body::WORDS.map(|(_, body)| body.name().to_owned());
    let words = [
        "\r\n.\r\n",
        "\r\n..\r\n",
        "\n.\n",
        "\r.\r",
        "\r\n",
        "\0",
        "<>",
        "<postmaster>",
        "\"\\\"\"@",
        "[192.0.2.1]",
        "[IPv6:2001:db8::1]",
        "@x.test:",
        "\u{e9}",
        "+3D",
        "rfc822;",
        "utf-8;",
        "\\x{e9}",
        "NEVER",
        "SUCCESS,FAILURE,DELAY",
        "HDRS",
        "FULL",
        "18446744073709551616",
        "250-",
        "250 ",
        "354 ",
        "421 ",
        "4.5.3 ",
        "*\r\n",
        "=",
        "x.test",
    ];
    let words = words.map(ToOwned::to_owned);
    let mut all: BTreeSet<Vec<u8>> = verbs
        .chain(keywords)
        .chain(parameters)
        .chain(bodies)
        .chain(words)
        .map(String::into_bytes)
        .collect();
    all.extend(cases().filter_map(|case| opening(&case)).flat_map(|opening| {
        opening.split_inclusive(|octet| *octet == b'\n').map(<[u8]>::to_vec).collect::<Vec<_>>()
    }));
    all.iter().map(|word| format!("\"{}\"\n", quoted(word))).collect()
}

fn quoted(word: &[u8]) -> String {
    let octets = word.iter().map(|octet| match octet {
        b'"' | b'\\' => format!("\\{}", char::from(*octet)),
        _ => format!("{}", Escaped(&[*octet])),
    });
    octets.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::fuzz::TARGETS;

    #[test]
    fn a_row_is_read_back() {
        let octets: Vec<u8> = (0..=255).collect();
        let row = row("data", "all-octets", &octets);
        let text = row.strip_prefix("data\tall-octets\t").expect("its columns");
        assert_eq!(Steps::parse(text, 1).expect("the notation").to_vec(), octets);
    }

    #[test]
    fn every_target_has_seeds_and_every_row_a_target() {
        for target in TARGETS {
            let seeds = target.seeds();
            let names: BTreeSet<&str> = seeds.iter().map(|(name, _)| name.as_str()).collect();
            assert!(seeds.len() >= 10 && names.len() == seeds.len(), "{}", target.name);
        }
        for row in include_str!("found.tsv").lines() {
            assert!(TARGETS.iter().any(|target| row.starts_with(target.name)), "{row}");
        }
    }
}
