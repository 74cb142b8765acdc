//! Where a session stands, for tests that ask whether two sessions can still differ.

use alloc::format;
use alloc::string::String;

use super::Server;

impl Server {
    /// All that decides what this session will do, as text: sessions of one configuration and one position have the same future.
    ///
    /// Left out are the numbers that only ever grow, of timers, tokens and sessions, and what the last call took. A field that is added
    /// to the machine has to be thought of here before it compiles.
    pub(crate) fn position(&self) -> String {
        let Self {
            config: _,
            command_line: _,
            later_config,
            state,
            lines,
            long_line,
            owed,
            outgoing,
            notices,
            timers: _,
            shut_down,
            taken: _,
            stirred,
            connect_raised,
            eof,
        } = self;
        let later = later_config.is_some();
        format!(
            "{state:?} {lines:?} {long_line:?} {owed:?} {outgoing:?} {notices:?} {shut_down:?} {later} {stirred} {connect_raised} {eof}"
        )
    }
}
