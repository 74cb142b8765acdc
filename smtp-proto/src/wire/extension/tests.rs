use alloc::vec::Vec;

use super::Carrier::{Mail, Rcpt};
use super::*;

#[test]
fn a_parameter_belongs_to_one_extension() {
    for carrier in [Mail, Rcpt] {
        let keywords = TABLE.iter().flat_map(|row| row.parameters(carrier));
        for (index, Parameter(keyword, ..)) in keywords.enumerate() {
            let (found, _) = Known::find(carrier.parameters(), keyword.as_bytes()).unwrap();
            assert_eq!((found.word.text(), found.bit), (*keyword, 1 << index));
            assert!(carrier.knows(&keyword.to_ascii_lowercase()));
        }
    }
}

#[test]
fn a_keyword_is_found_whole_and_in_any_case() {
    for keyword in ["SIZE", "size", "SmtpUtf8", "requiretls", "REQUIRETLS"] {
        assert!(Mail.knows(keyword), "{keyword}");
    }
    for keyword in [
        "",
        "S",
        "SIZ",
        "SIZE1",
        "SMTPUTF80",
        "REQUIRETL5",
        "REQUIRET",
        "NOTIFY",
        "\u{13}ize",
        "SIZE=",
    ] {
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
