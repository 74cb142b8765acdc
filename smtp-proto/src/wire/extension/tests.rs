use alloc::vec::Vec;

use super::*;

#[test]
fn a_parameter_belongs_to_one_extension() {
    for carrier in [Mail, Rcpt] {
        for (index, known) in carrier.parameters().iter().enumerate() {
            let (found, _) = Known::find(carrier.parameters(), known.keyword).unwrap();
            assert_eq!(found, index, "{}", known.keyword);
            assert!(carrier.knows(&known.keyword.to_ascii_lowercase()));
        }
    }
}

#[test]
fn a_keyword_is_found_whole_and_in_any_case() {
    for keyword in ["SIZE", "size", "SmtpUtf8", "requiretls", "REQUIRETLS"] {
        assert!(Mail.knows(keyword), "{keyword}");
    }
    for keyword in
        ["", "S", "SIZ", "SIZE1", "SMTPUTF80", "REQUIRETL5", "REQUIRET", "NOTIFY", "\u{13}ize"]
    {
        assert!(!Mail.knows(keyword), "{keyword:?}");
    }
}

#[test]
fn the_longest_line_grows_by_the_larger_of_both_commands() {
    let growth = |extensions: &[Extension]| {
        let mut set = Set::NONE;
        extensions.iter().for_each(|&extension| set.insert(extension));
        set.growth()
    };
    assert_eq!(growth(&[]), 0);
    assert_eq!(growth(&[Extension::Size, Extension::EightBitMime]), 40);
    assert_eq!(growth(&[Extension::Dsn]), 530);
    assert_eq!(growth(&Extension::all().collect::<Vec<_>>()), 26 + 14 + 10 + 116 + 16 + 500 + 11);
}

/// An extension with values from its RFC: what is read, and what is refused as what.
struct Case {
    extension: Extension,
    mail: &'static [&'static str],
    rcpt: &'static [&'static str],
    refused: &'static [(Carrier, &'static str, Kind)],
}

const fn case(extension: Extension) -> Case {
    Case { extension, mail: &[], rcpt: &[], refused: &[] }
}

use Carrier::{Mail, Rcpt};

/// One for each row: it does not compile without.
static CASES: [Case; TABLE.len()] = [
    case(Extension::Pipelining),
    Case {
        // RFC 1870 7, and 3.
        mail: &["SIZE=500000", "SIZE=1000000", "SIZE=0", "SIZE=99999999999999999999"],
        refused: &[
            (Mail, "SIZE", Kind::Size),
            (Mail, "SIZE=-1", Kind::Size),
            (Mail, "SIZE=1k", Kind::Size),
            (Mail, "SIZE=100000000000000000000", Kind::Size),
            (Mail, "SIZE=1 size=1", Kind::Duplicate),
        ],
        ..case(Extension::Size)
    },
    Case {
        // RFC 6152 3.
        mail: &["BODY=8BITMIME", "BODY=7BIT", "body=8bitmime"],
        refused: &[(Mail, "BODY", Kind::Body), (Mail, "BODY=9BIT", Kind::Body)],
        ..case(Extension::EightBitMime)
    },
    Case {
        mail: &["SMTPUTF8"],
        refused: &[(Mail, "SMTPUTF8=1", Kind::NoValue)],
        ..case(Extension::SmtpUtf8)
    },
    case(Extension::EnhancedStatusCodes),
    Case {
        // RFC 3461 10.1 to 10.6, RFC 6533 3.
        mail: &["RET=HDRS", "RET=FULL", "ENVID=QQ314159", "ENVID=a+20b"],
        rcpt: &[
            "NOTIFY=SUCCESS ORCPT=rfc822;Bob@Example.COM",
            "NOTIFY=NEVER",
            "NOTIFY=SUCCESS,FAILURE,DELAY",
            "ORCPT=rfc822;George+2BTax@Tax-ME.GOV",
            "ORCPT=utf-8;b\\x{FC}cher@x.test",
        ],
        refused: &[
            (Mail, "RET=HDR", Kind::Ret),
            (Mail, "ENVID=a+0D+0Ab", Kind::Envid),
            (Rcpt, "NOTIFY=NEVER,SUCCESS", Kind::Notify),
            (Rcpt, "NOTIFY", Kind::Notify),
            (Rcpt, "ORCPT=rfc822", Kind::Orcpt),
            (Rcpt, "ORCPT=rfc822;a+0Ab", Kind::Orcpt),
        ],
        ..case(Extension::Dsn)
    },
    case(Extension::Chunking),
    // RFC 3030 4.2.
    Case { mail: &["BODY=BINARYMIME"], ..case(Extension::BinaryMime) },
    case(Extension::StartTls),
    Case {
        // RFC 4954 5.
        mail: &["AUTH=e+3Dmc2@example.com", "AUTH=<>"],
        refused: &[
            (Mail, "AUTH", Kind::AuthParameter),
            (Mail, "AUTH=x+0Ainjected", Kind::AuthParameter),
            (Mail, "AUTH=e+3dmc2@example.com", Kind::AuthParameter),
        ],
        ..case(Extension::Auth)
    },
    Case {
        // RFC 8689 3.
        mail: &["REQUIRETLS"],
        refused: &[(Mail, "REQUIRETLS=1", Kind::NoValue)],
        ..case(Extension::RequireTls)
    },
    case(Extension::Limits),
    case(Extension::Vrfy),
    case(Extension::Expn),
    case(Extension::Help),
];

impl Carrier {
    fn line(self, run: &str) -> alloc::string::String {
        match self {
            Self::Mail => alloc::format!("MAIL FROM:<a@x.test> {run}"),
            Self::Rcpt => alloc::format!("RCPT TO:<b@y.test> {run}"),
        }
    }
}

impl Case {
    fn valid(&self) -> impl Iterator<Item = (Carrier, &'static str)> {
        let mail = self.mail.iter().map(|&run| (Mail, run));
        mail.chain(self.rcpt.iter().map(|&run| (Rcpt, run)))
    }
}

#[test]
fn every_row_with_parameters_has_values() {
    for (row, case) in TABLE.iter().zip(&CASES) {
        assert_eq!(row.extension, case.extension);
        let has = |parameters: &[Parameter], runs: &[&str]| {
            parameters
                .iter()
                .all(|Parameter(keyword, _)| runs.iter().any(|run| run.contains(keyword)))
        };
        assert!(has(row.mail, case.mail) && has(row.rcpt, case.rcpt), "{}", row.keyword);
    }
}

#[test]
fn values_of_the_rfcs_are_read_and_written_as_they_were() {
    for (carrier, run) in CASES.iter().flat_map(Case::valid) {
        let line = carrier.line(run);
        let mut wire = Vec::new();
        crate::Command::parse(line.as_bytes()).unwrap().encode(&mut wire);
        assert_eq!(wire, [line.as_bytes(), b"\r\n"].concat());
    }
}

#[test]
fn values_that_are_none_are_refused() {
    for &(carrier, run, kind) in CASES.iter().flat_map(|case| case.refused) {
        let error = crate::Command::parse(carrier.line(run).as_bytes()).unwrap_err();
        assert_eq!(error.kind, kind, "{run}");
        let verb = if matches!(carrier, Mail) { Verb::Mail } else { Verb::Rcpt };
        assert_eq!(error.reply(Some(verb)).code(), crate::Code::BAD_ARGUMENTS, "{run}");
    }
}

/// What a server that offers all, or all but one, answers to a line.
fn answer(without: Option<Extension>, line: &str) -> alloc::string::String {
    use crate::server::{Config, Event, Server};
    let mut config = Config::new("mx.test").unwrap();
    config.limits.message = u64::MAX;
    config.auth.in_tls = crate::Mechanisms::of(["PLAIN"]);
    config.offer = Extension::all()
        .filter(|&extension| Some(extension) != without)
        .fold(Extensions::none(), Extensions::with);
    if without == Some(Extension::Auth) {
        config.auth.in_tls = crate::Mechanisms::NONE;
    }
    let mut server = Server::implicit_tls(config.into());
    let begin = if line.starts_with("RCPT") { "MAIL FROM:<a@x.test>\r\n" } else { "RSET\r\n" };
    let mut last = alloc::string::String::new();
    for part in ["", "EHLO c.test\r\n", begin, &alloc::format!("{line}\r\n")] {
        let mut input = part.as_bytes();
        while let Some(event) = server.next(&mut input) {
            match event {
                Event::Mail { pending, .. } => server.accept(pending).unwrap(),
                Event::Rcpt { pending, .. } => server.accept(pending).unwrap(),
                other => server.decline(other),
            }
        }
        last = alloc::string::String::from_utf8(server.outgoing().to_vec()).unwrap();
        server.sent(last.len());
    }
    last
}

/// RFC 5321 4.1.1.11: 555.
#[test]
fn a_parameter_of_an_extension_that_is_not_offered_is_refused() {
    for case in &CASES {
        for (carrier, run) in case.valid() {
            let line = carrier.line(run);
            assert!(answer(None, &line).starts_with("25"), "{line}: {}", answer(None, &line));
            let refused = answer(Some(case.extension), &line);
            assert!(refused.starts_with("555 5.5.4 "), "{line}: {refused}");
        }
    }
}

/// The README's table, between its two marks. `UPDATE_README=1 cargo test -p smtp-proto --lib readme` writes it.
#[test]
fn the_readme_lists_the_table() {
    const MARKS: [&str; 2] =
        ["<!-- extensions: made from the table in the code -->\n", "<!-- end of extensions -->"];
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../README.md");
    let readme = std::fs::read_to_string(path).unwrap();
    let (before, rest) = readme.split_once(MARKS[0]).unwrap();
    let (listed, after) = rest.split_once(MARKS[1]).unwrap();
    let table = readme_table();
    if std::env::var_os("UPDATE_README").is_some() {
        std::fs::write(path, [before, MARKS[0], &table, MARKS[1], after].concat()).unwrap();
    } else {
        assert_eq!(listed, table, "UPDATE_README=1 writes it");
    }
}

fn readme_table() -> alloc::string::String {
    let mut text =
        alloc::string::String::from("| extension | RFC | server | client |\n|---|---|---|---|\n");
    for row in &TABLE {
        let served = match row.served {
            Served::ByDefault => "by default",
            Served::OnDemand => "where `offer` has it",
            Served::BySetting => "by a setting of its own",
        };
        writeln!(text, "| {} | {} | {served} | yes |", row.keyword, row.rfc).unwrap();
    }
    text
}
