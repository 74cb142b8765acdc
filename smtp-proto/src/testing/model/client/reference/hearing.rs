//! What each thing that a server says moves.

use alloc::string::ToString;
use alloc::vec::Vec;

use super::super::alphabet::{ALL, FEW, REPLIES};
use super::super::table::{ANSWERS, cell};
use super::{Asked, Offered, Reference, Seen, Stage, Transaction};

impl Reference {
    pub(super) fn hear(&mut self, lines: &'static str) {
        if self.state.stage == Stage::Handshake {
            return self.fail("PlaintextAfterStartTls");
        }
        let code: u16 = lines[..3].parse().expect("a code");
        let negative = code >= 400;
        // RFC 5321 4.2.5: a refusal of content that is not at its end is the verdict, and the frame is lost.
        if let Stage::Content(n) = self.state.stage {
            return match negative {
                true => self.tell_last("DATA", n, code),
                false => self.fail("Unsolicited"),
            };
        }
        let place = REPLIES.iter().position(|reply| *reply == lines).expect("a reply");
        let front = self.state.queue.front().filter(|asked| asked.sent).cloned();
        let Some(asked) = front else {
            let word = cell(ANSWERS, "nothing", place);
            self.visits.insert(("nothing".to_string(), code.to_string(), word.to_string()));
            if word == "una" {
                self.seen.push(Seen::Unavailable);
                self.state.stage = Stage::Over;
                return;
            }
            return self.fail("Unsolicited");
        };
        if !asked.whole {
            return match negative {
                true => self.tell_last(asked.verb, asked.n, code),
                false => self.fail("Unsolicited"),
            };
        }
        let word = match cell(ANSWERS, asked.row, place) {
            "body" if self.lmtp && self.state.transaction.accepted.is_empty() => "bad",
            word => word,
        };
        self.visits.insert((asked.row.to_string(), code.to_string(), word.to_string()));
        self.answer(&asked, word, lines, code);
    }

    fn tell_last(&mut self, verb: &'static str, n: u32, code: u16) {
        self.seen.push(Seen::Heard(verb, n, code));
        self.state.stage = Stage::Over;
    }

    fn answer(&mut self, asked: &Asked, word: &str, lines: &'static str, code: u16) {
        if word == "bad" {
            return self.fail("Unexpected");
        }
        self.state.queue.pop_front();
        match word {
            "body" => return self.go_ahead(asked.n),
            "ask" => {
                self.seen.push(Seen::Challenge);
                self.state.stage = Stage::Challenged(asked.n);
                return;
            }
            "helo" => {
                let helo = Asked {
                    row: "HELO",
                    verb: "HELO",
                    line: "HELO c.test",
                    sent: false,
                    ..asked.clone()
                };
                return self.state.queue.push_front(helo);
            }
            _ if asked.row == "greeting" => self.seen.push(Seen::Greeted(code)),
            _ => self.seen.push(Seen::Heard(asked.verb, asked.n, code)),
        }
        match word {
            "end" => self.state.stage = Stage::Over,
            "quit" => {
                self.state.queue.clear();
                let n = self.state.next;
                self.push("QUIT", "QUIT", n, "QUIT");
                self.state.stage = Stage::Quitting;
            }
            "tls" => self.state.stage = Stage::Handshake,
            _ => self.told(asked, lines, code < 300),
        }
    }

    /// RFC 5321 3.3, and for nobody RFC 2920 3.1: the lone dot.
    fn go_ahead(&mut self, n: u32) {
        let Transaction { mail, accepted, .. } = self.state.transaction.clone();
        let kept = if self.lmtp { accepted.clone() } else { Vec::new() };
        self.begin(Transaction { accepted: kept, ..Transaction::default() });
        if accepted.is_empty() || mail == Some(false) {
            self.push("dot", "DATA", n, ".");
            self.state.stage = Stage::Commands;
        } else {
            self.seen.push(Seen::SendBody(accepted.len()));
            self.state.stage = Stage::Content(n);
        }
    }

    /// What a reply that was told moves.
    fn told(&mut self, asked: &Asked, lines: &'static str, yes: bool) {
        match asked.row {
            "EHLO" | "HELO" | "LHLO" => self.hello_answered(asked.row, lines, yes),
            "MAIL" if asked.ours => self.state.transaction.mail = Some(yes),
            "RCPT" if asked.ours => {
                self.state.transaction.asked -= 1;
                if yes {
                    self.state.transaction.accepted.push(asked.n);
                }
            }
            "DATA" | "STARTTLS" | "cancel" => self.state.stage = Stage::Commands,
            "AUTH" => {
                self.state.known = yes;
                self.state.stage = Stage::Commands;
            }
            "BDAT" | "BDAT-last" if !yes => self.chunk_failed(asked.ours),
            _ => {}
        }
    }

    fn hello_answered(&mut self, row: &str, lines: &'static str, yes: bool) {
        if yes {
            let eight = row != "HELO";
            self.state.offered = Some(Offered {
                pipelining: eight && lines == ALL,
                chunking: eight && [ALL, FEW].contains(&lines),
                tls_and_auth: eight && lines == ALL,
            });
            self.begin(Transaction::default());
            self.state.broken = false;
        }
        if self.state.stage == Stage::Hello {
            let known = self.state.offered.is_some();
            self.state.stage = if known { Stage::Commands } else { Stage::New };
        }
    }

    /// RFC 3030 2: no other chunk is sent; octets that are announced already are nobody's.
    fn chunk_failed(&mut self, ours: bool) {
        self.state.broken |= ours;
        self.state.stage = match self.state.stage {
            Stage::Chunks => Stage::Commands,
            Stage::Chunk { .. } => Stage::Over,
            stage => stage,
        };
    }
}
