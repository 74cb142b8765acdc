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
    /// TLS is negotiated, where it is to be.
    Secured,
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
    /// A challenge, to AUTH and its responses.
    Challenge,
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

/// Rows of AUTH and STARTTLS, and what comes in the exchange of AUTH.
const SECURING: [(&str, &str); 9] = [
    ("STARTTLS", "STARTTLS"),
    ("STARTTLS-bad", "STARTTLS x"),
    ("AUTH", "AUTH PLAIN AHUAcA=="),
    ("AUTH-first", "AUTH LOGIN"),
    ("AUTH-odd", "AUTH X-ODD"),
    ("AUTH-bad", "AUTH PLAIN !"),
    ("unknown", "AHUAcA=="),
    ("unknown", "AHUAcA="),
    ("unknown", "*"),
];

/// What may be said to AUTH, and to a response.
pub(super) const AUTH_ANSWERS: [Answer; 8] = [
    Answer::Yes,
    Answer::No,
    Answer::Later,
    Answer::Hangup,
    Answer::Unsuitable,
    Answer::Challenge,
    Answer::Drop,
    Answer::Keep,
];

/// The inputs of a server that has AUTH and STARTTLS: every line, and every answer to what is asked about these two.
pub(super) fn secured() -> Vec<Input> {
    let others = LINES.iter().filter(|(row, _)| !["STARTTLS", "AUTH"].contains(row));
    let mut inputs: Vec<Input> = others.map(|(row, text)| line(row, text, Answer::Yes)).collect();
    inputs.push(line("too-long", &"x".repeat(TOO_LONG), Answer::Yes));
    for (row, text) in SECURING {
        let answers = match row {
            "STARTTLS" => &ANSWERS[..],
            "AUTH" | "AUTH-first" => &AUTH_ANSWERS,
            _ if text == "AHUAcA==" => &AUTH_ANSWERS,
            _ => &[Answer::Yes],
        };
        inputs.extend(answers.iter().map(|&answer| line(row, text, answer)));
    }
    let late = [Answer::Yes, Answer::No, Answer::Never, Answer::Unsuitable, Answer::Challenge];
    inputs.extend(late.map(|answer| Input::Answer(Which::Oldest, answer)));
    inputs.extend([Input::Secured, Input::TimeOut, Input::End]);
    inputs
}

/// Sequences behind which every sequence is tried, so that all that a session can come to is near: greeted, in TLS, in TLS behind EHLO,
/// authenticated, and with a recipient.
pub(super) fn secured_starts() -> Vec<Vec<Input>> {
    let yes = |row, text| line(row, text, Answer::Yes);
    let greet = [Input::Answer(Which::Oldest, Answer::Yes), yes("EHLO", "EHLO c.test")];
    let tls = [&greet[..], &[yes("STARTTLS", "STARTTLS"), Input::Secured]].concat();
    let hello = [&tls[..], &[yes("EHLO", "EHLO c.test")]].concat();
    let known = [&hello[..], &[yes("AUTH", "AUTH PLAIN AHUAcA==")]].concat();
    let letter = [yes("MAIL", "MAIL FROM:<a@x.test>"), yes("RCPT", "RCPT TO:<b@y.test>")];
    let letter = [&known[..], &letter].concat();
    [[].into(), greet.into(), tls, hello, known, letter].into()
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
        Input::Secured | Input::TimeOut | Input::End => true,
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
            Self::Secured => "the handshake".to_string(),
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
