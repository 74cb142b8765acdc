//! The parsers and the naive ones read the same octets alike: well-formed values, values with a few octets changed, and any octets.

mod grammar;

use core::cell::Cell;

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use smtp_proto::Syntax;
use smtp_proto::testing::naive::Production;

use grammar::{mutated, mutations, syntaxes, well_formed};

/// Cases for each production and each kind of input; `SMTP_NAIVE_CASES` sets another number.
fn cases() -> u32 {
    let given = std::env::var("SMTP_NAIVE_CASES").ok().and_then(|cases| cases.parse().ok());
    given.unwrap_or(2_000)
}

fn check(inputs: impl Fn(Production) -> BoxedStrategy<Vec<u8>>) -> Vec<(Production, u32, u32)> {
    let mut counts = Vec::new();
    for production in Production::ALL {
        let (read, refused) = (Cell::new(0), Cell::new(0));
        let config = Config { cases: cases(), failure_persistence: None, ..Config::default() };
        let result =
            TestRunner::new(config).run(&(inputs(production), syntaxes()), |(octets, syntax)| {
                match production.compare(&octets, syntax) {
                    Ok(true) => read.set(read.get() + 1),
                    Ok(false) => refused.set(refused.get() + 1),
                    Err(difference) => return Err(TestCaseError::fail(difference.to_string())),
                }
                Ok(())
            });
        result.unwrap_or_else(|error| panic!("{error}"));
        println!("{production:?}: {} read, {} refused", read.get(), refused.get());
        counts.push((production, read.get(), refused.get()));
    }
    counts
}

#[test]
fn well_formed_values_are_read_alike() {
    for (production, read, refused) in check(well_formed) {
        assert!(read > 3 * refused, "{production:?}: the grammar of this test is not well-formed");
    }
}

#[test]
fn values_with_a_fault_are_read_alike() {
    let strategy = |production| {
        let mutations = proptest::collection::vec(mutations(), 1..4);
        (well_formed(production), mutations).prop_map(|(octets, all)| mutated(octets, &all)).boxed()
    };
    for (production, read, refused) in check(strategy) {
        assert!(read > 0 && refused > 0, "{production:?}: one of the two never comes about");
    }
}

#[test]
fn any_octets_are_read_alike() {
    check(|_| proptest::collection::vec(any::<u8>(), 0..80).boxed());
}

/// What the comparison found, and its neighbours.
#[test]
fn these_are_read_alike() {
    let rows: [(Production, &[u8], bool); 15] = [
        (Production::Command, b"GET  / HTTP/1.1", false),
        (Production::Command, b"To:  bob", false),
        (Production::Command, b"RCPT TO:<@\xff:a@x.test>", false),
        (
            Production::Command,
            b"MAIL FROM:<@a.test,@b.test:a@x.test> SIZE=18446744073709551616",
            true,
        ),
        (Production::Command, b"MAIL FROM:<a@x.test> X=1 x=2", false),
        (Production::Command, b"NOOP \t", true),
        (Production::Mailbox, b"\"a@b\\\"\"@[IPv6:1:2:3:4:5:6:1.2.3.4]", true),
        (Production::Mailbox, b"a@[IPv6:1.2.3.4::]", false),
        (Production::Reply, b"250-2.1.5 a\r\n250 2.1.5\r\n", true),
        (Production::Command, b"BDAT 18446744073709551616", false),
        (Production::Command, b"BDAT 1 LAST LAST", false),
        (Production::Command, b"AUTH PLAIN =", true),
        (Production::Command, b"VRFY  SMTPUTF8", true),
        (Production::Ehlo, b"250-x\r\n250 LIMITS RCPTMAX=3 A=b=c\r\n", true),
        (Production::Ehlo, b"250-x\r\n250-SIZE 1\r\n250 size  2\r\n", true),
    ];
    for (production, octets, read) in rows {
        let compared = production.compare(octets, Syntax::default());
        assert_eq!(compared, Ok(read), "{}", String::from_utf8_lossy(octets));
    }
}
