//! SECURITY.md names the tests that hold its promises: a name that no function has is a promise that nobody holds.

use std::fs;
use std::path::Path;

/// Every source file of the workspace, as one text.
fn sources(folder: &Path, text: &mut String) {
    for entry in fs::read_dir(folder).expect("a folder of the workspace") {
        let path = entry.expect("an entry").path();
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        if path.is_dir() && name != "target" && !name.starts_with('.') {
            sources(&path, text);
        } else if name.ends_with(".rs") {
            text.push_str(&fs::read_to_string(&path).expect("source"));
        }
    }
}

/// The names in the last column of a table whose header says `held by`.
fn promised(policy: &str) -> Vec<&str> {
    let table = policy.lines().skip_while(|line| !line.ends_with("| held by |")).skip(2);
    let rows = table.take_while(|line| line.starts_with('|'));
    let cells = rows.filter_map(|row| row.trim_end_matches(" |").rsplit("| ").next());
    cells.flat_map(|cell| cell.split('`').skip(1).step_by(2)).collect()
}

#[test]
fn every_promise_names_tests_that_exist() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("a workspace");
    let policy = fs::read_to_string(root.join("SECURITY.md")).expect("SECURITY.md");
    let mut text = String::new();
    sources(root, &mut text);
    let names = promised(&policy);
    assert!(names.len() > 40, "{} names are read", names.len());
    let missing: Vec<&str> =
        names.into_iter().filter(|name| !text.contains(&format!("fn {name}("))).collect();
    assert!(missing.is_empty(), "no function has these names: {missing:?}");
}
