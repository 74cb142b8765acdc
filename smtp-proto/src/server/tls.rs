//! STARTTLS (RFC 3207): the way into TLS, with nothing behind it.

use super::{Notice, Pending, ReplyError, Server, Why, kind, stock};
use crate::line::Lines;

impl Server {
    /// Accepts STARTTLS: 220, then [`Wants::Tls`](super::Wants::Tls). `input` is what was read and not taken yet.
    ///
    /// # Errors
    ///
    /// [`ReplyError::Injected`]: octets stand behind the command; whoever put them there wanted them to be read inside TLS. They are
    /// dropped, 554 5.5.0 is sent, and the session is over. [`ReplyError::Foreign`] and [`ReplyError::Late`] as for
    /// [`accept`](Self::accept).
    pub fn accept_tls(
        &mut self,
        pending: Pending<kind::StartTls>,
        input: &mut &[u8],
    ) -> Result<(), ReplyError> {
        self.owed.find(&pending)?;
        let injected = core::mem::take(input).len();
        if injected > 0 {
            self.owed.pop();
            self.notices.push_back(Notice::Refused(*stock::EARLY));
            self.end_with(stock::EARLY);
            return Err(ReplyError::Injected(injected));
        }
        self.state.tls_accepted();
        self.timers.read = self.timers.fresh();
        self.accept_first(&pending);
        Ok(())
    }

    /// Says that the TLS handshake is over: as if the session began anew, without another greeting (RFC 3207 4.2). `false`, and
    /// nothing is done, where no handshake is [wanted](super::Wants::Tls): none was accepted, or its 220 was not sent yet.
    pub fn tls_established(&mut self) -> bool {
        let wanted = self.state.in_handshake() && self.outgoing.is_empty();
        if wanted {
            self.state.tls_established();
            self.command_line = self.config.command_line();
            self.lines = Lines::new();
            self.timers.read = self.timers.fresh();
            self.stirred = true;
        }
        wanted
    }

    /// RFC 3207 4: behind the 220 nothing is read in the clear, and nothing said.
    pub(super) fn in_handshake(&mut self, input: &[u8]) {
        if self.eof || !input.is_empty() {
            self.end(Why::Handshake);
        }
    }
}
