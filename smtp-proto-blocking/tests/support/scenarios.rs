//! The ways in which a server can treat a client, and what `send` has to make of each: the table in `scenarios.txt`.

/// One session with `send`, which delivers from `a@x.test` to `b@y.test` and `c@y.test`.
#[derive(Clone, Debug, Default)]
pub(crate) struct Scenario {
    pub(crate) name: &'static str,
    /// What differs from the usual.
    pub(crate) with: &'static str,
    /// What the server does, in the words of [`scripted`](super::scripted).
    pub(crate) script: Vec<&'static str>,
    pub(crate) code: i32,
    /// The lines on standard output; a `*` at the end stands for any text.
    pub(crate) outcome: Vec<String>,
}

impl Scenario {
    pub(crate) fn table() -> Vec<Self> {
        let rows = include_str!("scenarios.txt").split("\n## ").skip(1);
        rows.map(Self::parse).collect()
    }

    fn parse(row: &'static str) -> Self {
        let mut lines = row.lines().filter(|line| !line.is_empty());
        let title = lines.next().expect("a row has a name");
        let (name, with) = title.trim_end_matches(']').split_once(" [").unwrap_or((title, ""));
        let mut scenario = Self { name, with, ..Self::default() };
        for line in lines {
            if let Some(outcome) = line.strip_prefix("> ") {
                scenario.expect(outcome);
            } else if let Some(code) = line.strip_prefix("exit ") {
                scenario.code = code.parse().expect("an exit code");
            } else {
                scenario.script.push(line);
            }
        }
        scenario
    }

    fn expect(&mut self, outcome: &str) {
        match outcome.contains(" EACH ") {
            true => {
                let each = |to| outcome.replacen("EACH", to, 1);
                self.outcome.extend(["b@y.test", "c@y.test"].map(each));
            }
            false => self.outcome.push(outcome.to_owned()),
        }
    }

    /// Whether the table says this of the session.
    pub(crate) fn has(&self, word: &str) -> bool {
        self.with.split(", ").any(|with| with == word)
    }

    /// The options that the table gives; of the files in them the certificates are made for the test.
    pub(crate) fn options(&self) -> impl Iterator<Item = &'static str> {
        let options = self.with.split(", ").filter(|with| with.starts_with("--"));
        options.flat_map(|options| options.split(' '))
    }

    /// Whether this is what was to be printed.
    pub(crate) fn is_told_by(&self, stdout: &str) -> bool {
        let lines: Vec<&str> = stdout.lines().collect();
        let fits = |(line, expected): (&&str, &String)| match expected.strip_suffix('*') {
            Some(start) => line.starts_with(start) && line.len() > start.len(),
            None => line == expected,
        };
        lines.len() == self.outcome.len() && lines.iter().zip(&self.outcome).all(fits)
    }
}
