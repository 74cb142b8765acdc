use alloc::vec::Vec;

use super::*;

#[test]
fn a_parameter_belongs_to_one_extension() {
    for carrier in [Carrier::Mail, Carrier::Rcpt] {
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
        assert!(Carrier::Mail.knows(keyword), "{keyword}");
    }
    for keyword in
        ["", "S", "SIZ", "SIZE1", "SMTPUTF80", "REQUIRETL5", "REQUIRET", "NOTIFY", "\u{13}ize"]
    {
        assert!(!Carrier::Mail.knows(keyword), "{keyword:?}");
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
