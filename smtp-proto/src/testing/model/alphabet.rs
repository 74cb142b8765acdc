//! The inputs of which sequences are made.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

/// One input.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Input {
    /// The peer sends a line, and the application answers so what it is asked about it.
    Line {
        /// The row of the table.
        row: &'static str,
        /// The line without its CRLF.
        text: String,
        answer: Answer,
    },
    /// The application answers one of the questions whose tokens it kept.
    Answer(Which, Answer),
    /// The wait that runs is over.
    TimeOut,
    /// The peer ends its side.
    End,
}

/// What an application does with a question.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum Answer {
    /// The positive reply.
    Yes,
    /// 550; 554 to a connection.
    No,
    /// 521, which is for a connection alone.
    Never,
    /// 450.
    Later,
    /// 421.
    Hangup,
    /// A reply that cannot answer this question.
    Unsuitable,
    /// The token is dropped.
    Drop,
    /// The token is kept.
    Keep,
}

/// Which of the questions whose tokens were kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Which {
    Oldest,
    Newest,
}

/// What an application may do at once with what it is asked.
pub(super) const ANSWERS: [Answer; 7] = [
    Answer::Yes,
    Answer::No,
    Answer::Later,
    Answer::Hangup,
    Answer::Unsuitable,
    Answer::Drop,
    Answer::Keep,
];

/// Octets that make a line longer than any server takes.
const TOO_LONG: usize = 2050;

/// Rows of the table and a line of each; the application is asked about some of them.
const LINES: [(&str, &str); 31] = [
    ("EHLO", "EHLO c.test"),
    ("EHLO-bad", "EHLO a b"),
    ("HELO", "HELO c.test"),
    ("HELO-bad", "HELO"),
    ("LHLO", "LHLO c.test"),
    ("LHLO-bad", "LHLO a b"),
    ("MAIL", "MAIL FROM:<a@x.test>"),
    ("MAIL-bad", "MAIL FROM:a@x.test"),
    ("MAIL-param", "MAIL FROM:<a@x.test> X=1"),
    ("RCPT", "RCPT TO:<b@y.test>"),
    ("RCPT-bad", "RCPT TO:<b y>"),
    ("RCPT-param", "RCPT TO:<b@y.test> X=1"),
    ("DATA", "DATA"),
    ("DATA-bad", "DATA x"),
    ("BDAT", "BDAT 5\r\nabc"),
    ("BDAT-last", "BDAT 5 LAST\r\nabc"),
    ("BDAT-last", "BDAT 0 LAST"),
    ("BDAT-bad", "BDAT x"),
    ("RSET", "RSET"),
    ("RSET-bad", "RSET x"),
    ("NOOP", "NOOP"),
    ("VRFY", "VRFY b"),
    ("EXPN", "EXPN b"),
    ("HELP", "HELP"),
    ("QUIT", "QUIT"),
    ("QUIT-bad", "QUIT x"),
    ("STARTTLS", "STARTTLS"),
    ("AUTH", "AUTH PLAIN AHUAcA=="),
    ("TURN", "TURN"),
    ("unknown", "text"),
    ("foreign", "GET / HTTP/1.1"),
];

/// Rows about which the application may be asked. The dot is a command that nobody knows where no content is due.
const ASKED: [&str; 8] = ["EHLO", "HELO", "LHLO", "MAIL", "RCPT", "DATA", "BDAT", "BDAT-last"];

/// Every input of a server.
pub(super) fn server() -> Vec<Input> {
    let mut inputs = Vec::new();
    for (row, text) in LINES {
        let answers = if ASKED.contains(&row) { &ANSWERS[..] } else { &[Answer::Yes] };
        inputs.extend(answers.iter().map(|&answer| line(row, text, answer)));
    }
    inputs.extend(ANSWERS.map(|answer| line("unknown", ".", answer)));
    inputs.push(line("unknown", "a\nb", Answer::Yes));
    inputs.push(line("too-long", &"x".repeat(TOO_LONG), Answer::Yes));
    for which in [Which::Oldest, Which::Newest] {
        let answers = [Answer::Yes, Answer::No, Answer::Never, Answer::Hangup, Answer::Unsuitable];
        inputs.extend(answers.map(|answer| Input::Answer(which, answer)));
    }
    inputs.extend([Input::TimeOut, Input::End]);
    inputs
}

/// The inputs of which every sequence is tried without merging any: commands good and bad, ends of data, time, and answers of each kind.
pub(super) fn plain() -> Vec<Input> {
    let all = server();
    let kept = |input: &&Input| match input {
        Input::Line { row, text, answer } => match (*row, *answer) {
            ("EHLO" | "DATA", Answer::Yes | Answer::No) => true,
            ("MAIL", Answer::Yes | Answer::No) => true,
            ("RCPT", Answer::Yes | Answer::No | Answer::Keep | Answer::Drop | Answer::Hangup) => {
                true
            }
            ("BDAT" | "BDAT-last", Answer::Yes) => text != "BDAT 0 LAST",
            ("HELO" | "MAIL-bad" | "RCPT-bad" | "RSET" | "VRFY" | "QUIT", Answer::Yes) => true,
            ("unknown", Answer::Yes) => true,
            ("unknown", Answer::No | Answer::Unsuitable) => text == ".",
            _ => false,
        },
        Input::Answer(Which::Oldest, Answer::Yes | Answer::No) => true,
        Input::Answer(..) => false,
        Input::TimeOut | Input::End => true,
    };
    all.iter().filter(kept).cloned().collect()
}

/// The commands alone, all of them good.
pub(super) fn commands() -> Vec<Input> {
    let all = server();
    let good = |input: &&Input| {
        matches!(input, Input::Line { row, text, answer: Answer::Yes }
            if !row.contains('-') && *row != "foreign" && text != "a\nb" && text != "text")
    };
    all.iter().filter(good).cloned().collect()
}

fn line(row: &'static str, text: &str, answer: Answer) -> Input {
    Input::Line { row, text: text.to_string(), answer }
}

/// A short name, for reports.
impl Input {
    pub(super) fn name(&self) -> String {
        match self {
            Self::Line { text, answer: Answer::Yes, .. } => shown(text),
            Self::Line { text, answer, .. } => format!("{} ({answer:?})", shown(text)),
            Self::Answer(which, answer) => format!("{answer:?} to the {which:?}"),
            Self::TimeOut => "a time-out".to_string(),
            Self::End => "the end".to_string(),
        }
    }
}

fn shown(text: &str) -> String {
    match text.get(..40) {
        Some(head) => format!("{head}.."),
        None => text.escape_debug().to_string(),
    }
}
