//! What the jobs are fed with.

const PAGE: usize = 4096;

/// Octets that lie half a page away from where blocks begin: a copy whose source and destination have the same place in their pages is
/// slower than any other.
#[derive(Clone)]
pub(crate) struct Input {
    room: Vec<u8>,
    start: usize,
}

impl Input {
    pub(crate) fn new(octets: &[u8]) -> Self {
        let mut room = vec![0; octets.len() + 2 * PAGE];
        let start = PAGE - room.as_ptr() as usize % PAGE + PAGE / 2;
        room[start..start + octets.len()].copy_from_slice(octets);
        room.truncate(start + octets.len());
        Self { room, start }
    }

    pub(crate) fn octets(&self) -> &[u8] {
        &self.room[self.start..]
    }
}

pub(crate) const MAIL: &str =
    "MAIL FROM:<alice@client.example> SIZE=1000 BODY=8BITMIME RET=HDRS ENVID=QQ314159\r\n";

pub(crate) const REPLY: &str = "250 2.1.5 Recipient accepted\r\n";

/// The reply to EHLO, 14 lines.
pub(crate) const EHLO_REPLY: &str = "\
250-mx.server.example greets client.example\r
250-PIPELINING\r
250-SIZE 52428800\r
250-VRFY\r
250-ETRN\r
250-STARTTLS\r
250-AUTH PLAIN LOGIN\r
250-ENHANCEDSTATUSCODES\r
250-8BITMIME\r
250-DSN\r
250-SMTPUTF8\r
250-CHUNKING\r
250-BINARYMIME\r
250 HELP\r
";

/// 1 MAIL, 100 RCPT and DATA.
pub(crate) fn group(mail: &str, rcpt: &str) -> String {
    let rcpt = |number| {
        format!(
            "RCPT TO:<recipient{number}@server.example>{}\r\n",
            rcpt.replace('#', &format!("recipient{number}"))
        )
    };
    format!(
        "MAIL FROM:<alice@client.example>{mail}\r\n{}DATA\r\n",
        (0..100).map(rcpt).collect::<String>()
    )
}

/// The line and its end again and again, up to the last whole one that has room in `octets` octets.
pub(crate) fn lines(line: &[u8], octets: usize) -> Vec<u8> {
    let line = [line, b"\r\n"].concat();
    line.repeat(octets / line.len())
}

/// Lines of 76 columns of words, of base64, or whatever `alphabet` has.
pub(crate) fn text(alphabet: &[u8], octets: usize) -> Vec<u8> {
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
