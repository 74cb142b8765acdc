//! STARTTLS and AUTH, and what has to wait for them.

use super::{Hello, Line, Phase, Question, Reference};
use alloc::string::ToString;

/// AUTH commands that may fail.
pub(in super::super) const FAILURES: usize = 1;

/// RFC 3207 4: in the clear only these, and what is no command.
pub(in super::super) const BEFORE_TLS: [&str; 12] = [
    "EHLO",
    "EHLO-bad",
    "LHLO",
    "LHLO-bad",
    "NOOP",
    "QUIT",
    "QUIT-bad",
    "STARTTLS",
    "STARTTLS-bad",
    "unknown",
    "foreign",
    "too-long",
];

/// RFC 4954 6: these, too.
pub(in super::super) const BEFORE_AUTH: [&str; 8] =
    ["HELO", "HELO-bad", "RSET", "RSET-bad", "AUTH", "AUTH-first", "AUTH-odd", "AUTH-bad"];

/// What has answers of its own behind EHLO.
pub(super) const SECURING: [&str; 4] = ["STARTTLS", "AUTH", "AUTH-first", "AUTH-odd"];

impl Reference<'_> {
    /// Whether STARTTLS and AUTH are offered.
    pub(super) fn secures(&self) -> bool {
        self.table.rows().any(|row| row == "AUTH-odd")
    }

    pub(in super::super) const fn requiring(mut self) -> Self {
        self.required = true;
        self
    }

    /// RFC 3207 4, RFC 4954 6: 530, whatever else is wrong with the command. Nobody knows what stands behind a malformed BDAT.
    pub(super) fn is_gated(&mut self, line: &Line) -> bool {
        let row = line.row;
        let helpful = BEFORE_TLS.contains(&row) || self.state.tls && BEFORE_AUTH.contains(&row);
        let served = !matches!(self.state.phase, Phase::NoService(_));
        if !self.required || self.state.known || helpful || !served {
            return false;
        }
        let column = if self.state.tls { "unknown" } else { "clear" };
        match row {
            "BDAT-bad" => {
                self.visit(column, row, "530");
                self.reply_and_close(530);
            }
            "BDAT" | "BDAT-last" => self.refuse_chunk(530, row == "BDAT-last", (column, row)),
            _ => self.own(530, column, row),
        }
        true
    }

    /// STARTTLS and AUTH, where a table says that they may come.
    pub(super) fn secure(&mut self, line: &Line, column: &'static str, behind: bool) {
        let row = line.row;
        // RFC 3207 4.2, RFC 4954 4: once, behind EHLO, STARTTLS in front of AUTH.
        if self.state.known
            || row == "STARTTLS" && self.state.tls
            || self.state.hello == Some(Hello::Helo)
        {
            return self.own(503, column, row);
        }
        if row == "STARTTLS" {
            return self.ask(Question::StartTls, line.answer, (column, row), behind);
        }
        // RFC 4954 9.
        if self.state.failures >= FAILURES {
            self.visit(column, row, "421");
            return self.reply_and_close(421);
        }
        match row {
            "AUTH-odd" => self.own(504, column, row),
            _ => self.ask(Question::Auth, line.answer, (column, row), behind),
        }
    }

    /// RFC 4954 4: a line of the exchange.
    pub(super) fn response(&mut self, line: &Line) {
        // The octets of what would be a chunk are a line of their own.
        let (text, octets) = line.text.split_once("\r\n").unwrap_or((&line.text, ""));
        if !octets.is_empty() {
            let row = "unknown";
            self.state.lines.push_front(Line { row, text: octets.to_string(), ..line.clone() });
        }
        if is_base64(text) {
            return self.ask(Question::Auth, line.answer, ("A", "response"), false);
        }
        self.state.phase = Phase::Commands;
        self.own(501, "A", if text == "*" { "cancel" } else { "no response" });
    }

    pub(super) fn authenticated(&mut self, code: u16) {
        self.state.phase = if code == 334 { Phase::Exchange } else { Phase::Commands };
        self.state.known = code == 235;
        self.state.failures += usize::from(code >= 500);
    }

    /// RFC 3207 4.2: as if nothing had been said.
    pub(super) fn secured(&mut self) {
        if self.state.phase == Phase::Handshake {
            self.state.phase = Phase::Commands;
            (self.state.tls, self.state.hello, self.state.transaction) = (true, None, None);
            self.visits.insert(("S", "handshake", "done".to_string()));
        }
    }

    /// RFC 3207 4: octets in the clear, or the end.
    pub(super) fn break_handshake(&mut self) {
        self.visits.insert(("S", "handshake", "broken".to_string()));
        self.close();
    }
}

/// RFC 4648 4, in the simplest words.
fn is_base64(text: &str) -> bool {
    let digits = text.trim_end_matches('=');
    let padding = text.len() - digits.len();
    let alphabet = |octet: u8| octet.is_ascii_alphanumeric() || octet == b'+' || octet == b'/';
    text.len().is_multiple_of(4) && padding <= 2 && digits.bytes().all(alphabet)
}
