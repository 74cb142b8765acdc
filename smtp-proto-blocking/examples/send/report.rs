//! What became of the message, for each recipient.

use std::io::{self, Write};

use serde_json::{Value, json};
use smtp_proto::delivery::Fate;
use smtp_proto::{EnhancedCode, Escaped, Reply};

use crate::options::Recipient;

/// Exit codes.
const SOME: u8 = 3;
const NONE: u8 = 4;

#[derive(Debug)]
pub(crate) struct Report {
    outcomes: Vec<Outcome>,
    /// What went wrong with the session as a whole.
    pub(crate) error: Option<String>,
}

/// What is known of one recipient.
#[derive(Clone, Debug)]
struct Outcome {
    to: String,
    fate: Fate,
    code: Option<u16>,
    enhanced: Option<EnhancedCode>,
    text: String,
}

impl Report {
    /// Nothing is known yet.
    pub(crate) fn new(to: &[Recipient]) -> Self {
        let outcome = |to: &Recipient| Outcome {
            to: to.written.clone(),
            fate: Fate::Transient,
            code: None,
            enhanced: None,
            text: String::new(),
        };
        Self { outcomes: to.iter().map(outcome).collect(), error: None }
    }

    /// A reply decided.
    pub(crate) fn decided(&mut self, index: usize, fate: Fate, reply: &Reply<'_>) {
        let lines: Vec<String> = reply
            .lines()
            .map(|line| Escaped(line).to_string())
            .filter(|line| !line.is_empty())
            .collect();
        self.put(index, |outcome| {
            (outcome.fate, outcome.code) = (fate, Some(reply.code().get()));
            (outcome.enhanced, outcome.text) = (reply.enhanced(), lines.join(" "));
        });
    }

    /// It cannot go there as it is.
    pub(crate) fn cannot_go(&mut self, index: usize, enhanced: EnhancedCode, why: &str) {
        self.put(index, |outcome| {
            (outcome.fate, outcome.enhanced) = (Fate::Permanent, Some(enhanced));
            why.clone_into(&mut outcome.text);
        });
    }

    /// No reply decided.
    pub(crate) fn left_open(&mut self, index: usize, fate: Fate) {
        self.put(index, |outcome| outcome.fate = fate);
    }

    fn put(&mut self, index: usize, change: impl FnOnce(&mut Outcome)) {
        if let Some(outcome) = self.outcomes.get_mut(index) {
            change(outcome);
        }
    }

    /// Of all who have no reason yet this is it.
    pub(crate) fn explain(&mut self, why: &str) {
        for outcome in self.outcomes.iter_mut().filter(|outcome| outcome.is_bare()) {
            why.clone_into(&mut outcome.text);
        }
    }

    /// What kept the message from somebody, each once.
    pub(crate) fn reasons(&self) -> Vec<String> {
        let mut reasons: Vec<String> = Vec::new();
        for outcome in self.outcomes.iter().filter(|outcome| outcome.fate != Fate::Delivered) {
            let reason = outcome.reason();
            if !reasons.contains(&reason) {
                reasons.push(reason);
            }
        }
        reasons
    }

    pub(crate) fn print(&self, json: bool) {
        let text = if json {
            let outcomes: Vec<Value> = self.outcomes.iter().map(Outcome::json).collect();
            format!("{}\n", json!({ "outcomes": outcomes, "error": self.error }))
        } else {
            self.outcomes.iter().map(Outcome::line).collect()
        };
        // Who does not want to know closes the pipe.
        let _ = io::stdout().write_all(text.as_bytes());
    }

    pub(crate) fn code(&self) -> u8 {
        let delivered = |outcome: &&Outcome| outcome.fate == Fate::Delivered;
        match self.outcomes.iter().filter(delivered).count() {
            count if count == self.outcomes.len() => 0,
            0 => NONE,
            _ => SOME,
        }
    }
}

impl Outcome {
    fn is_bare(&self) -> bool {
        self.code.is_none() && self.text.is_empty()
    }

    const fn word(&self) -> &'static str {
        match self.fate {
            Fate::Delivered => "delivered",
            Fate::Transient => "deferred",
            Fate::Permanent => "refused",
            Fate::Unknown => "unknown",
        }
    }

    /// The reply, or the reason with its enhanced code.
    fn reason(&self) -> String {
        let code = self.code.map(|code| code.to_string());
        let enhanced = self.enhanced.map(|enhanced| enhanced.to_string());
        let text = Some(self.text.clone()).filter(|text| !text.is_empty());
        [code, enhanced, text].into_iter().flatten().collect::<Vec<_>>().join(" ")
    }

    fn line(&self) -> String {
        let dash = if self.code.is_none() && self.fate != Fate::Unknown { "- " } else { "" };
        format!("{} {} {dash}{}\n", self.word(), self.to, self.reason())
    }

    fn json(&self) -> Value {
        json!({
            "to": self.to,
            "outcome": self.word(),
            "code": self.code,
            "enhanced": self.enhanced.map(|enhanced| enhanced.to_string()),
            "text": self.text,
        })
    }
}
