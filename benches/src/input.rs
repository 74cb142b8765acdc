//! What the benchmarks are fed with.

/// Command lines without their CRLF, by name.
pub const LINES: [(&str, &[u8]); 5] = [
    ("EHLO", b"EHLO mail.client.example"),
    ("MAIL", b"MAIL FROM:<alice@client.example>"),
    (
        "MAIL SIZE BODY RET ENVID",
        b"MAIL FROM:<alice@client.example> SIZE=4096 BODY=8BITMIME RET=HDRS ENVID=QQ314159",
    ),
    ("RCPT", b"RCPT TO:<bob.brown@server.example>"),
    (
        "RCPT NOTIFY ORCPT",
        b"RCPT TO:<bob.brown@server.example> NOTIFY=SUCCESS,FAILURE ORCPT=rfc822;bob.brown@server.example",
    ),
];

/// A reply of one line.
pub const REPLY: &[u8] = b"250 2.1.5 Recipient accepted\r\n";

/// The reply to EHLO, 14 lines.
pub const EHLO_REPLY: &[u8] = b"250-mx.server.example greets client.example\r\n\
    250-PIPELINING\r\n250-SIZE 52428800\r\n250-VRFY\r\n250-ETRN\r\n250-STARTTLS\r\n250-AUTH PLAIN LOGIN\r\n\
    250-ENHANCEDSTATUSCODES\r\n250-8BITMIME\r\n250-DSN\r\n250-SMTPUTF8\r\n250-CHUNKING\r\n250-BINARYMIME\r\n250 HELP\r\n";

/// 1 MAIL, 100 RCPT and DATA in one read, without parameters or with those of SIZE, 8BITMIME and DSN.
#[must_use]
pub fn group(parameters: Parameters) -> Vec<u8> {
    let rcpt = |number: u32| match parameters {
        Parameters::None => format!("RCPT TO:<recipient{number}@server.example>\r\n"),
        Parameters::All => format!(
            "RCPT TO:<recipient{number}@server.example> NOTIFY=SUCCESS,FAILURE ORCPT=rfc822;recipient{number}@server.example\r\n"
        ),
    };
    let mail = match parameters {
        Parameters::None => "",
        Parameters::All => " SIZE=4096 BODY=8BITMIME RET=HDRS ENVID=QQ314159",
    };
    let rcpts: String = (0..100).map(rcpt).collect();
    format!("MAIL FROM:<alice@client.example>{mail}\r\n{rcpts}DATA\r\n").into_bytes()
}

/// Whether the commands of a [`group`] have parameters.
#[derive(Clone, Copy, Debug)]
#[expect(clippy::exhaustive_enums, reason = "they have all or none")]
pub enum Parameters {
    /// Paths alone.
    None,
    /// SIZE BODY RET ENVID, and NOTIFY ORCPT.
    All,
}

/// What content may look like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "the benchmarks have these")]
pub enum Content {
    /// Lines of 76 columns of text.
    Text,
    /// Lines of 76 columns of base64.
    Base64,
    /// Lines of 76 dots, of which each loses one.
    Dots,
    /// Lines of two dots: the shortest that lose one.
    TwoDots,
    /// No line end.
    Endless,
    /// Nothing but line ends.
    Crlf,
}

impl Content {
    /// Every kind, with its name.
    pub const ALL: [(Self, &'static str); 6] = [
        (Self::Text, "76 columns"),
        (Self::Base64, "base64"),
        (Self::Dots, "76 dots"),
        (Self::TwoDots, ".."),
        (Self::Endless, "endless line"),
        (Self::Crlf, "all CRLF"),
    ];

    /// About so many octets of it, in whole lines.
    #[must_use]
    pub fn octets(self, octets: usize) -> Vec<u8> {
        match self {
            Self::Text => text(b"etaoinshrdlu ETAOIN 0123456789", octets),
            Self::Base64 => {
                text(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/", octets)
            }
            Self::Dots => lines(&[b'.'; 76], octets),
            Self::TwoDots => lines(b"..", octets),
            Self::Endless => vec![b'x'; octets],
            Self::Crlf => lines(b"", octets),
        }
    }
}

/// The line and its end again and again, up to the last whole one that has room.
fn lines(line: &[u8], octets: usize) -> Vec<u8> {
    let line = [line, b"\r\n"].concat();
    line.repeat(octets / line.len())
}

/// Lines of 76 columns from this alphabet, in an order that is the same each time.
fn text(alphabet: &[u8], octets: usize) -> Vec<u8> {
    let mut state = 1u32;
    let mut octet = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        alphabet[(state >> 16) as usize % alphabet.len()]
    };
    let mut text = Vec::with_capacity(octets);
    while text.len() + 78 <= octets {
        text.extend((0..76).map(|_| octet()));
        text.extend_from_slice(b"\r\n");
    }
    text
}
