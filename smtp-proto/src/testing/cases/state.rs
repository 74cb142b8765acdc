//! Where a session stands before the octets of a row come.

/// The state, under the code that the table uses.
///
/// In a server row the peer is a client, in a client row it is a server. What brings a server there is [`Pre::opening`].
///
/// ```
/// use smtp_proto::testing::cases::Pre;
///
/// let (steps, replies) = Pre::P3.opening().ok_or("a client row")?;
/// assert_eq!(steps, "{wait}EHLO c.test\\r\\n{wait}MAIL FROM:<a@x.test>\\r\\n{wait}");
/// assert_eq!(replies, "220 250 250/2.1.0");
/// # Ok::<(), &str>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Pre {
    /// Connected; the greeting is not yet sent, and part of the replies.
    P0,
    /// The greeting was read.
    P1,
    /// EHLO was accepted.
    P2,
    /// HELO was accepted.
    PH,
    /// MAIL was accepted, from `a@x.test`.
    P3,
    /// RCPT was accepted, to `r@t.test`.
    P4,
    /// The same with BODY=BINARYMIME.
    P4b,
    /// 354 was read.
    P5,
    /// MAIL was accepted, the only RCPT refused.
    PN,
    /// As [`Pre::P4`], and a first chunk of three octets, `abc`, was accepted.
    PB,
    /// As [`Pre::P2`], inside TLS.
    PT,
    /// As [`Pre::P3`], inside TLS.
    PT3,
    /// As [`Pre::P4`], inside TLS.
    PT4,
    /// Authenticated, inside TLS.
    PA,
    /// Authenticated, in the clear.
    PC,
    /// LMTP: the greeting was read.
    L1,
    /// LMTP: LHLO was accepted.
    L2,
    /// LMTP: MAIL was accepted.
    L3,
    /// LMTP: RCPT was accepted.
    L4,
    /// LMTP: MAIL was accepted, the only RCPT refused.
    LN,
    /// LMTP: three RCPT, the second refused; 354 was read.
    L5,
    /// Our client waits for the greeting.
    CGreeting,
    /// Our client waits for the reply to EHLO.
    CHello,
    /// The same inside TLS.
    CTlsHello,
    /// Our client waits for the reply to STARTTLS.
    CStartTls,
    /// TLS is up, our client waits for nothing.
    CTls,
    /// Our client waits for the reply to MAIL.
    CMail,
    /// Our client waits for the reply to RCPT.
    CRcpt,
    /// Our client waits for the reply to DATA.
    CData,
    /// Our client waits for the replies to MAIL, two RCPT and DATA, sent together.
    CGroup,
    /// Our client waits for the reply to the content.
    CDot,
    /// The same, and QUIT was sent with it.
    CDotQuit,
    /// Our client waits for the replies to the content of two recipients.
    CLmtpDot,
    /// Our client waits for a challenge or the result.
    CAuth,
    /// The same, by OAUTHBEARER.
    CAuthOauthbearer,
    /// The same, by XOAUTH2.
    CAuthXoauth2,
    /// 354 was read; the octets are the body to send.
    CBody,
    /// Our client waits for nothing; the octets are `call:argument`.
    CApi,
    /// An application on top.
    App,
}

const CODES: [(&str, Pre); 39] = [
    ("P0", Pre::P0),
    ("P1", Pre::P1),
    ("P2", Pre::P2),
    ("PH", Pre::PH),
    ("P3", Pre::P3),
    ("P4", Pre::P4),
    ("P4b", Pre::P4b),
    ("P5", Pre::P5),
    ("PN", Pre::PN),
    ("PB", Pre::PB),
    ("PT", Pre::PT),
    ("PT3", Pre::PT3),
    ("PT4", Pre::PT4),
    ("PA", Pre::PA),
    ("PC", Pre::PC),
    ("L1", Pre::L1),
    ("L2", Pre::L2),
    ("L3", Pre::L3),
    ("L4", Pre::L4),
    ("LN", Pre::LN),
    ("L5", Pre::L5),
    ("C-greeting", Pre::CGreeting),
    ("C-hello", Pre::CHello),
    ("C-tls-hello", Pre::CTlsHello),
    ("C-starttls", Pre::CStartTls),
    ("C-tls", Pre::CTls),
    ("C-mail", Pre::CMail),
    ("C-rcpt", Pre::CRcpt),
    ("C-data", Pre::CData),
    ("C-group", Pre::CGroup),
    ("C-dot", Pre::CDot),
    ("C-dot-quit", Pre::CDotQuit),
    ("C-lmtp-dot", Pre::CLmtpDot),
    ("C-auth", Pre::CAuth),
    ("C-auth-oauthbearer", Pre::CAuthOauthbearer),
    ("C-auth-xoauth2", Pre::CAuthXoauth2),
    ("C-body", Pre::CBody),
    ("C-api", Pre::CApi),
    ("app", Pre::App),
];

impl Pre {
    /// The state with this code.
    pub fn from_code(code: &str) -> Option<Self> {
        CODES.iter().find(|(name, _)| *name == code).map(|(_, pre)| *pre)
    }

    /// The code that the table uses.
    pub fn code(self) -> &'static str {
        CODES.iter().find(|(_, pre)| *pre == self).map_or("", |(name, _)| name)
    }

    /// What a client sends to bring a server into this state, and what the server replies to it, each in the notation of its column.
    ///
    /// `None` for the rows of the client and of applications. The states of LMTP ask for a server that speaks it.
    pub fn opening(self) -> Option<(&'static str, &'static str)> {
        let opening = match self {
            Self::P0 => ("", "none"),
            Self::P1 | Self::L1 => ("{wait}", "220"),
            Self::P2 => (r"{wait}EHLO c.test\r\n{wait}", "220 250"),
            Self::PH => (r"{wait}HELO c.test\r\n{wait}", "220 250"),
            Self::P3 => {
                (r"{wait}EHLO c.test\r\n{wait}MAIL FROM:<a@x.test>\r\n{wait}", "220 250 250/2.1.0")
            }
            Self::P4 => (
                r"{wait}EHLO c.test\r\n{wait}MAIL FROM:<a@x.test>\r\n{wait}RCPT TO:<r@t.test>\r\n{wait}",
                "220 250 250/2.1.0 250/2.1.5",
            ),
            Self::P4b => (
                r"{wait}EHLO c.test\r\n{wait}MAIL FROM:<a@x.test> BODY=BINARYMIME\r\n{wait}RCPT TO:<r@t.test>\r\n{wait}",
                "220 250 250/2.1.0 250/2.1.5",
            ),
            Self::P5 => (
                r"{wait}EHLO c.test\r\n{wait}MAIL FROM:<a@x.test>\r\n{wait}RCPT TO:<r@t.test>\r\n{wait}DATA\r\n{wait}",
                "220 250 250/2.1.0 250/2.1.5 354",
            ),
            Self::PN => (
                r"{wait}EHLO c.test\r\n{wait}MAIL FROM:<a@x.test>\r\n{wait}RCPT TO:<no@t.test>\r\n{wait}",
                "220 250 250/2.1.0 550/5.1.1",
            ),
            Self::PB => (
                r"{wait}EHLO c.test\r\n{wait}MAIL FROM:<a@x.test>\r\n{wait}RCPT TO:<r@t.test>\r\n{wait}BDAT 3\r\nabc{wait}",
                "220 250 250/2.1.0 250/2.1.5 250/2.0.0",
            ),
            Self::PT => (
                r"{wait}EHLO c.test\r\n{wait}STARTTLS\r\n{wait}{tls}EHLO c.test\r\n{wait}",
                "220 250 220/2.0.0 250",
            ),
            Self::PT3 => (
                r"{wait}EHLO c.test\r\n{wait}STARTTLS\r\n{wait}{tls}EHLO c.test\r\n{wait}MAIL FROM:<a@x.test>\r\n{wait}",
                "220 250 220/2.0.0 250 250/2.1.0",
            ),
            Self::PT4 => (
                r"{wait}EHLO c.test\r\n{wait}STARTTLS\r\n{wait}{tls}EHLO c.test\r\n{wait}MAIL FROM:<a@x.test>\r\n{wait}RCPT TO:<r@t.test>\r\n{wait}",
                "220 250 220/2.0.0 250 250/2.1.0 250/2.1.5",
            ),
            Self::PA => (
                r"{wait}EHLO c.test\r\n{wait}STARTTLS\r\n{wait}{tls}EHLO c.test\r\n{wait}AUTH PLAIN AHUAcA==\r\n{wait}",
                "220 250 220/2.0.0 250 235/2.7.0",
            ),
            Self::PC => {
                (r"{wait}EHLO c.test\r\n{wait}AUTH PLAIN AHUAcA==\r\n{wait}", "220 250 235/2.7.0")
            }
            Self::L2 => (r"{wait}LHLO c.test\r\n{wait}", "220 250"),
            Self::L3 => {
                (r"{wait}LHLO c.test\r\n{wait}MAIL FROM:<a@x.test>\r\n{wait}", "220 250 250/2.1.0")
            }
            Self::L4 => (
                r"{wait}LHLO c.test\r\n{wait}MAIL FROM:<a@x.test>\r\n{wait}RCPT TO:<r@t.test>\r\n{wait}",
                "220 250 250/2.1.0 250/2.1.5",
            ),
            Self::LN => (
                r"{wait}LHLO c.test\r\n{wait}MAIL FROM:<a@x.test>\r\n{wait}RCPT TO:<no@t.test>\r\n{wait}",
                "220 250 250/2.1.0 550/5.1.1",
            ),
            Self::L5 => (
                r"{wait}LHLO c.test\r\n{wait}MAIL FROM:<a@x.test>\r\n{wait}RCPT TO:<r@t.test>\r\nRCPT TO:<no@t.test>\r\nRCPT TO:<s@t.test>\r\n{wait}DATA\r\n{wait}",
                "220 250 250/2.1.0 250/2.1.5 550/5.1.1 250/2.1.5 354",
            ),
            _ => return None,
        };
        Some(opening)
    }

    /// Whether our client is tried in this row, and the peer is a server.
    pub fn is_client(self) -> bool {
        self.code().starts_with("C-")
    }

    /// Whether the server speaks LMTP in this row.
    pub fn is_lmtp(self) -> bool {
        matches!(self, Self::L1 | Self::L2 | Self::L3 | Self::L4 | Self::L5 | Self::LN)
    }
}

#[cfg(test)]
mod tests {
    use super::super::{MESSAGE_MAX, Steps, replies};
    use super::*;

    #[test]
    fn every_code_reads_back() {
        for (code, pre) in CODES {
            assert_eq!((Pre::from_code(code), pre.code()), (Some(pre), code));
        }
        assert_eq!(Pre::from_code("p0"), None);
    }

    #[test]
    fn every_opening_is_in_the_notation() {
        for (code, pre) in CODES {
            let Some((steps, said)) = pre.opening() else {
                assert!(pre.is_client() || pre == Pre::App, "{code}");
                continue;
            };
            assert!(Steps::parse(steps, MESSAGE_MAX).is_ok() && replies(said).is_ok(), "{code}");
        }
    }
}
