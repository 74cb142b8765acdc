//! What an application asks of a client, what a server says to it, and the clock.

/// One input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Input {
    /// The application calls.
    Call(Call),
    /// The server says this line, or these.
    Says(&'static str),
    /// The wait that runs is over.
    TimeOut,
    /// The server ends its side.
    End,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Call {
    Hello,
    Mail,
    Rcpt,
    Data,
    /// A line of four octets.
    Body,
    /// One with a bare LF.
    Stray,
    Finish,
    AbandonBody,
    Reset,
    Noop,
    Quit,
    StartTls,
    TlsEstablished,
    TlsFailed,
    /// By PLAIN, with its response.
    AuthPlain,
    /// By LOGIN, where the server speaks first.
    AuthLogin,
    AuthResponse,
    AuthCancel,
    /// Four octets follow.
    Chunk,
    LastChunk,
    EmptyLastChunk,
}

/// Every call, in the order of the table's rows.
pub(super) const CALLS: [Call; 21] = [
    Call::Hello,
    Call::Mail,
    Call::Rcpt,
    Call::Data,
    Call::Body,
    Call::Stray,
    Call::Finish,
    Call::AbandonBody,
    Call::Reset,
    Call::Noop,
    Call::Quit,
    Call::StartTls,
    Call::TlsEstablished,
    Call::TlsFailed,
    Call::AuthPlain,
    Call::AuthLogin,
    Call::AuthResponse,
    Call::AuthCancel,
    Call::Chunk,
    Call::LastChunk,
    Call::EmptyLastChunk,
];

/// A reply to EHLO that offers all that matters here, and one without PIPELINING.
pub(super) const ALL: &str =
    "250-mx.test\r\n250-PIPELINING\r\n250-CHUNKING\r\n250-STARTTLS\r\n250 AUTH PLAIN LOGIN";
pub(super) const FEW: &str = "250-mx.test\r\n250 CHUNKING";

/// Replies of every class, and those that belong to one command.
pub(super) const REPLIES: [&str; 12] = [
    "220 x", "221 x", "235 x", "250 x", ALL, FEW, "334 eA==", "354 x", "421 x", "450 x", "500 x",
    "550 x",
];

/// What is no reply at all.
pub(super) const MALFORMED: &str = "what?";

/// Every input.
pub(super) fn inputs() -> alloc::vec::Vec<Input> {
    let calls = CALLS.into_iter().map(Input::Call);
    let says = REPLIES.into_iter().chain([MALFORMED]).map(Input::Says);
    calls.chain(says).chain([Input::TimeOut, Input::End]).collect()
}

/// Sequences behind which every sequence is tried, so that all that a session can come to is near.
pub(super) fn starts() -> [alloc::vec::Vec<Input>; 12] {
    use Call::{AuthPlain, Body, Chunk, Data, Hello, Mail, Rcpt, StartTls, TlsEstablished};
    let call = Input::Call;
    let (ok, no) = (Input::Says("250 x"), Input::Says("550 x"));
    let greeted = [call(Hello), Input::Says("220 x"), Input::Says(ALL)];
    let few = [call(Hello), Input::Says("220 x"), Input::Says(FEW)];
    let accepted = [call(Mail), call(Rcpt), ok, ok];
    let slowly = [call(Mail), ok, call(Rcpt), ok];
    let go_on = [call(Data), Input::Says("354 x")];
    [
        [].into(),
        greeted.into(),
        few.into(),
        [call(Hello), Input::Says("220 x"), ok].into(),
        [&greeted[..], &accepted].concat(),
        [&greeted[..], &accepted, &go_on].concat(),
        [&greeted[..], &[call(Mail), call(Rcpt), call(Data), ok]].concat(),
        [&greeted[..], &[call(Mail), call(Rcpt), call(Rcpt), call(Data), ok, no]].concat(),
        [&greeted[..], &accepted, &[call(Chunk), call(Body)]].concat(),
        [&few[..], &slowly, &[call(Chunk), call(Body)]].concat(),
        [&greeted[..], &[call(StartTls), Input::Says("220 x"), call(TlsEstablished)]].concat(),
        [&greeted[..], &[call(AuthPlain), Input::Says("235 x")]].concat(),
    ]
}
