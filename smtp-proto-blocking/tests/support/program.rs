//! The example programs, built like the tests themselves.

use std::env;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use serde_json::Value;

/// The example with this name; a test asks for one alone.
pub(crate) fn example(name: &str) -> &'static Path {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    BUILT.get_or_init(|| build(name))
}

fn build(name: &str) -> PathBuf {
    let test = env::current_exe().expect("a test is a file");
    let released = test.components().any(|part| part.as_os_str() == "release");
    // The features of the whole workspace, as in its test command: then nothing is left to compile here.
    let mut cargo = Command::new(env!("CARGO"));
    // What cargo says of this package to its tests makes build scripts run anew that look at it: that of ring does, at every test.
    for (name, _) in env::vars_os() {
        if name.to_str().is_some_and(|name| {
            name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_")
        }) {
            cargo.env_remove(name);
        }
    }
    let built = cargo
        .args(["build", "--quiet", "--workspace", "--all-features", "--example", name])
        .args(["--profile", if released { "release" } else { "test" }])
        .arg("--message-format=json")
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .stderr(Stdio::inherit())
        .output()
        .expect("cargo runs");
    assert!(built.status.success(), "{name} does not compile");
    let messages = String::from_utf8(built.stdout).expect("JSON is UTF-8");
    let messages = messages.lines().map(|line| serde_json::from_str(line).expect("it is JSON"));
    messages
        .filter(|message: &Value| message["target"]["name"] == name)
        .find_map(|message| message["executable"].as_str().map(PathBuf::from))
        .expect("cargo names the program")
}
