//! What a server does with a command in each state, as a table that was written from RFC 5321 4.1.4, 4.2.4 and 4.3.2.
//!
//! A column is a state: `G` greeted, `H` hello accepted, `M` MAIL accepted, `T` every RCPT that was tried is refused, `R` a recipient
//! is accepted, `B` a first chunk is taken, `X` a chunk failed (RFC 3030 2), `N` the greeting was 554 or the like, `N5` it was 521. A row is a kind of command line. A cell is the reply; `ask`
//! leaves it to the application, `!` behind the code says that the session ends. In content a line is no command at all.

use alloc::vec::Vec;

/// The states that are columns, in their order.
pub(super) const STATES: [&str; 9] = ["G", "H", "M", "T", "R", "B", "X", "N", "N5"];

/// RFC 5321 and 3030. VRFY is 252 and EXPN 502 where neither is offered (3.5.3, 7.3). LHLO is RFC 2033's, and 500 here.
pub(super) const SMTP: &str = "
    EHLO       ask   ask   ask   ask   ask   ask   ask   503   521
    EHLO-bad   501   501   501   501   501   501   501   503   521
    HELO       ask   ask   ask   ask   ask   ask   ask   503   521
    HELO-bad   501   501   501   501   501   501   501   503   521
    LHLO       500   500   500   500   500   500   500   503   521
    LHLO-bad   500   500   500   500   500   500   500   503   521
    MAIL       503   ask   503   503   503   503   503   503   521
    MAIL-bad   501   501   501   501   501   501   501   503   521
    MAIL-param 503   555   503   503   503   503   503   503   521
    RCPT       503   503   ask   ask   ask   503   503   503   521
    RCPT-bad   501   501   501   501   501   501   501   503   521
    RCPT-param 503   503   555   555   555   503   503   503   521
    DATA       503   503   503   554   ask   503   503   503   521
    DATA-bad   501   501   501   501   501   501   501   503   521
    BDAT       503   503   503   554   ask   ask   503   503   521
    BDAT-last  503   503   503   554   ask   ask   503   503   521
    BDAT-bad   501!  501!  501!  501!  501!  501!  501!  503!  521!
    RSET       250   250   250   250   250   250   250   503   521
    RSET-bad   501   501   501   501   501   501   501   503   521
    NOOP       250   250   250   250   250   250   250   503   521
    VRFY       252   252   252   252   252   252   252   503   521
    EXPN       502   502   502   502   502   502   502   503   521
    HELP       214   214   214   214   214   214   214   503   521
    QUIT       221!  221!  221!  221!  221!  221!  221!  221!  221!
    QUIT-bad   501   501   501   501   501   501   501   501   501
    STARTTLS   502   502   502   502   502   502   502   503   521
    AUTH       502   502   502   502   502   502   502   503   521
    TURN       502   502   502   502   502   502   502   503   521
    unknown    500   500   500   500   500   500   500   503   521
    foreign    500!  500!  500!  500!  500!  500!  500!  503   521
    too-long   500   500   500   500   500   500   500   500   500
";

/// RFC 2033: LHLO is the only hello, and where nobody was accepted DATA is 503.
pub(super) const LMTP: &str = "
    EHLO       500   500   500   500   500   500   500   503   521
    EHLO-bad   500   500   500   500   500   500   500   503   521
    HELO       500   500   500   500   500   500   500   503   521
    HELO-bad   500   500   500   500   500   500   500   503   521
    LHLO       ask   ask   ask   ask   ask   ask   ask   503   521
    LHLO-bad   501   501   501   501   501   501   501   503   521
    MAIL       503   ask   503   503   503   503   503   503   521
    MAIL-bad   501   501   501   501   501   501   501   503   521
    MAIL-param 503   555   503   503   503   503   503   503   521
    RCPT       503   503   ask   ask   ask   503   503   503   521
    RCPT-bad   501   501   501   501   501   501   501   503   521
    RCPT-param 503   503   555   555   555   503   503   503   521
    DATA       503   503   503   503   ask   503   503   503   521
    DATA-bad   501   501   501   501   501   501   501   503   521
    BDAT       503   503   503   503   ask   ask   503   503   521
    BDAT-last  503   503   503   503   ask   ask   503   503   521
    BDAT-bad   501!  501!  501!  501!  501!  501!  501!  503!  521!
    RSET       250   250   250   250   250   250   250   503   521
    RSET-bad   501   501   501   501   501   501   501   503   521
    NOOP       250   250   250   250   250   250   250   503   521
    VRFY       252   252   252   252   252   252   252   503   521
    EXPN       502   502   502   502   502   502   502   503   521
    HELP       214   214   214   214   214   214   214   503   521
    QUIT       221!  221!  221!  221!  221!  221!  221!  221!  221!
    QUIT-bad   501   501   501   501   501   501   501   501   501
    STARTTLS   502   502   502   502   502   502   502   503   521
    AUTH       502   502   502   502   502   502   502   503   521
    TURN       502   502   502   502   502   502   502   503   521
    unknown    500   500   500   500   500   500   500   503   521
    foreign    500!  500!  500!  500!  500!  500!  500!  503   521
    too-long   500   500   500   500   500   500   500   500   500
";

/// What STARTTLS and AUTH have in place of their rows where they are offered (RFC 3207 4, RFC 4954 4).
pub(super) const SECURED: &str = "
    STARTTLS     503   ask   503   503   503   503   503   503   521
    STARTTLS-bad 501   501   501   501   501   501   501   503   521
    AUTH         503   ask   503   503   503   503   503   503   521
    AUTH-first   503   ask   503   503   503   503   503   503   521
    AUTH-odd     503   504   503   503   503   503   503   503   521
    AUTH-bad     501   501   501   501   501   501   501   503   521
";

/// What a cell says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cell {
    /// The application decides.
    Ask,
    /// This reply, and the session goes on.
    Reply(u16),
    /// This reply, and the session is over.
    Last(u16),
}

/// A table that was read: the names of its rows, and their cells.
#[derive(Debug)]
pub(super) struct Table(Vec<(&'static str, Vec<Cell>)>);

impl Table {
    pub(super) fn read(text: &'static str) -> Self {
        let lines = text.lines().filter(|line| !line.trim().is_empty());
        Self(lines.map(row).collect())
    }

    /// The same with other rows in place of those of their names.
    pub(super) fn with(mut self, text: &'static str) -> Self {
        let Self(rows) = Self::read(text);
        self.0.retain(|(name, _)| rows.iter().all(|(other, _)| other != name));
        self.0.extend(rows);
        self
    }

    pub(super) fn cell(&self, row: &str, state: &str) -> Cell {
        let (_, cells) = self.0.iter().find(|(name, _)| *name == row).expect("a row of the table");
        let column = STATES.iter().position(|name| *name == state).expect("a state of the table");
        cells[column]
    }

    pub(super) fn rows(&self) -> impl Iterator<Item = &'static str> {
        self.0.iter().map(|(name, _)| *name)
    }
}

fn row(line: &'static str) -> (&'static str, Vec<Cell>) {
    let mut words = line.split_whitespace();
    let name = words.next().expect("a row has a name");
    let cells: Vec<Cell> = words.map(cell).collect();
    assert_eq!(cells.len(), STATES.len(), "{name}");
    (name, cells)
}

fn cell(word: &str) -> Cell {
    match word.strip_suffix('!') {
        Some(code) => Cell::Last(code.parse().expect("a code")),
        None if word == "ask" => Cell::Ask,
        None => Cell::Reply(word.parse().expect("a code")),
    }
}
