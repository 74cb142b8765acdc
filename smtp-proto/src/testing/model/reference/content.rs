//! Content by DATA, line by line, and by BDAT.

use alloc::string::{String, ToString};

use super::super::table::Cell;
use super::{Chunks, Hello, Line, Phase, Question, Reference, Seen};

impl Reference<'_> {
    /// RFC 3030 2: the octets are read before anything is said. The application decides in front of the first chunk.
    pub(super) fn bdat(&mut self, line: &Line, column: &'static str) {
        let last = line.row == "BDAT-last";
        let chunk = match line.text.split_once("\r\n") {
            Some((_, octets)) => Line { text: octets.into(), ..line.clone() },
            None => Line { text: String::new(), end: "", ..line.clone() },
        };
        // After HELO nothing was offered.
        let helo = self.state.hello == Some(Hello::Helo) && matches!(column, "M" | "T" | "R");
        match self.table.cell(line.row, column) {
            Cell::Ask if !helo => {
                self.state.lines.push_front(chunk);
                if column == "R" {
                    self.ask(Question::Data, line.answer, (column, line.row), false);
                } else {
                    self.state.phase = Phase::Chunk { last };
                }
            }
            cell => {
                let code = match cell {
                    Cell::Reply(code) if !helo => code,
                    _ => 503,
                };
                self.refuse_chunk(code, last, (column, line.row));
            }
        }
    }

    /// The octets of a chunk that is refused were read.
    pub(super) fn refuse_chunk(
        &mut self,
        code: u16,
        last: bool,
        (column, row): (&'static str, &'static str),
    ) {
        self.visit(column, row, &code.to_string());
        if self.state.hello == Some(Hello::Helo) && !self.state.lines.is_empty() {
            return self.reply_and_close(554);
        }
        let times = if last { self.replies() } else { 1 };
        for _ in 0..times {
            if code == 421 {
                return self.reply_and_close(421);
            }
            self.seen.push(Seen::Reply(code));
        }
    }

    /// A chunk of a content that is taken, or whose first chunk is refused by the application.
    pub(super) fn chunk(&mut self, line: &Line, last: bool) {
        self.state.phase = Phase::Commands;
        if let Some(code) = self.state.refused_chunk.take() {
            self.refuse_chunk(code, last, ("R", line.row));
            if last {
                self.state.transaction = None;
            }
            return;
        }
        let question = if last { Question::Message } else { Question::Chunk };
        if let Some(open) = self.state.transaction.as_mut() {
            open.chunks = if last { Chunks::None } else { Chunks::Open };
        }
        self.ask(question, line.answer, ("B", line.row), false);
    }

    pub(super) fn fail_chunks(&mut self) {
        if let Some(open) = self.state.transaction.as_mut() {
            open.chunks = Chunks::Failed;
        }
    }

    /// RFC 5321 4.5.2; stray line ends make it void, and the reply comes at its end.
    pub(super) fn content(&mut self, line: &Line, void: Option<u16>) {
        match (&*line.text, void) {
            (".", None) => {
                self.state.phase = Phase::Commands;
                self.ask(Question::Message, line.answer, ("R", "content"), false);
            }
            (".", Some(code)) => {
                self.state.phase = Phase::Commands;
                let replies = core::iter::repeat_n(Seen::Reply(code), self.replies());
                self.seen.extend(replies);
                self.state.transaction = None;
                self.visit("R", "content", "void");
            }
            ("a\nb", _) => self.state.phase = Phase::Content(Some(550)),
            _ => {}
        }
    }
}
