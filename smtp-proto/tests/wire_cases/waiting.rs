//! The rows that wait for a later issue.

use std::collections::BTreeMap;

/// The issue that each waiting row waits for, by its id.
pub(crate) fn rows() -> BTreeMap<&'static str, &'static str> {
    let lines = include_str!("../../src/testing/waiting.tsv").lines().skip(1);
    let mut rows = BTreeMap::new();
    for line in lines {
        let (id, issue) = line.split_once('\t').expect("an id and an issue");
        assert_eq!(rows.insert(id, issue), None, "{id} stands twice");
    }
    rows
}
