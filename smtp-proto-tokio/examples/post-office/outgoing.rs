//! Reports to senders who have no mailbox here. They wait until there is a carrier that takes them along.
//!
//! Each is a pair: `ROOT/outgoing/ID.eml`, the report as it is to be sent, and `ID.json`, its envelope:
//!
//! ```json
//! {"from": "", "to": ["alice@example.org"], "params": {"BODY": "8BITMIME"}, "rcpt_params": [{"NOTIFY": "NEVER"}], "octets": 1234}
//! ```
//!
//! The pair is whole as soon as the `.eml` is there.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use serde_json::{Map, Value, json};
use smtp_proto::report::Report;

use crate::mailbox::{create, make, names, sync};

#[derive(Debug)]
pub(crate) struct Outgoing {
    folder: PathBuf,
}

impl Outgoing {
    /// Opens the folder, and removes what an office left in it that was killed.
    pub(crate) fn open(root: &Path) -> io::Result<Self> {
        let folder = root.join("outgoing");
        make(&folder)?;
        for name in names(&folder)? {
            let (path, aside) = (folder.join(&name), name.starts_with('.'));
            let alone = name.ends_with(".json") && !path.with_extension("eml").exists();
            if aside || alone {
                fs::remove_file(path)?;
            }
        }
        Ok(Self { folder })
    }

    /// Keeps a report: when it returns, it is safe.
    pub(crate) fn keep(&self, id: &str, report: &Report<'_>, content: &[u8]) -> io::Result<()> {
        let mut envelope = envelope(report, content.len()).to_string();
        envelope.push('\n');
        let pair = [("json", envelope.as_bytes()), ("eml", content)];
        let aside = |kind: &str| self.folder.join(format!(".{id}.{kind}"));
        let kept = pair.iter().try_for_each(|(kind, octets)| {
            let mut file = create(&aside(kind))?;
            file.write_all(octets)?;
            file.sync_all()
        });
        let kept = kept.and_then(|()| {
            pair.iter().try_for_each(|(kind, _)| {
                fs::rename(aside(kind), self.folder.join(format!("{id}.{kind}")))
            })
        });
        for (kind, _) in &pair {
            let _ = fs::remove_file(aside(kind));
        }
        kept.and_then(|()| sync(&self.folder))
    }
}

/// RFC 3464 2: a report comes from nobody, so that nobody reports on it, and asks for none itself.
fn envelope(report: &Report<'_>, octets: usize) -> Value {
    let mut params = Map::new();
    if report.needs_8bitmime() {
        params.insert("BODY".to_owned(), json!("8BITMIME"));
    }
    if report.needs_smtputf8() {
        params.insert("SMTPUTF8".to_owned(), json!(true));
    }
    json!({
        "from": "",
        "to": [report.to().as_str()],
        "params": params,
        "rcpt_params": [{"NOTIFY": "NEVER"}],
        "octets": octets,
    })
}
