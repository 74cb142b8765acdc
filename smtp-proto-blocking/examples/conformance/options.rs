//! The command line.

use core::time::Duration;
use std::env;

use clap::Parser;
use smtp_proto::ForwardPathBuf;

const EXAMPLES: &str = "\
Never against a server that is not yours: the rows are attacks. They smuggle messages, flood the server with commands, send lines
without end, and what the server takes is delivered to the recipient.

Examples:
  conformance --server 127.0.0.1:2525
      every row, as a table
  conformance --server mx.example.org:25 --rcpt trash@example.org --parallel 1
      a server that takes mail for one mailbox, one session at a time
  PASSWORD=p conformance --server 127.0.0.1:2525 --tls --user u --password-env PASSWORD
      the rows of STARTTLS and AUTH too
  conformance --server 127.0.0.1:2525 --only SM
      the end of data: the rows whose id begins with SM
  conformance --server 127.0.0.1:2525 --json > report.json
      every row with what was sent and what came back, for a program

Each row brings a session into a state, sends octets, and says what must come of them. A row passes when as many replies come as it says,
each with the same first digit, and the connection stays open or is closed. It also passes as another row with the same octets, where a
server is free to choose, and where an RFC allows what the server does; both are told. Otherwise it is
  fail      something else came
  skipped   it was not asked: why is told
  n/a       it cannot be asked of this server: it needs an extension that is not offered, a setting, a state that is not reached

The recipient stands in the place of every mailbox at t.test, but for no@t.test, which is to be refused: the rows that need that are n/a
where it is taken.

Exit codes: 0 no row failed, and rows of the classes SM and ST ran (where they are selected); 1 otherwise, or where there is no server;
2 wrong command line.";

/// Runs the wire cases against a server of yours, and says which rows hold.
#[derive(Debug, Parser)]
#[command(name = "conformance", after_help = EXAMPLES)]
pub(crate) struct Options {
    /// The server
    #[arg(long, value_name = "HOST:PORT", value_parser = host_port)]
    pub(crate) server: String,
    /// A recipient that the server takes
    #[arg(long, value_name = "ADDR", default_value = "r@t.test")]
    pub(crate) rcpt: ForwardPathBuf,
    /// Only the rows whose id begins so; may be given several times
    #[arg(long, value_name = "PREFIX")]
    only: Vec<String>,
    /// Asks the rows inside TLS too; the certificate is not checked
    #[arg(long)]
    pub(crate) tls: bool,
    /// Asks the rows that authenticate too, as this user
    #[arg(long, value_name = "NAME", requires = "password_env", requires = "tls")]
    pub(crate) user: Option<String>,
    /// The environment variable with the user's password
    #[arg(long, value_name = "VAR", requires = "user")]
    password_env: Option<String>,
    /// How many sessions at a time
    #[arg(long, value_name = "N", default_value_t = 4, value_parser = clap::value_parser!(u16).range(1..=64))]
    pub(crate) parallel: u16,
    /// How long a reply is waited for
    #[arg(long, value_name = "SECONDS", default_value = "10", value_parser = seconds)]
    pub(crate) timeout: Duration,
    /// Prints the report as one JSON object
    #[arg(long)]
    pub(crate) json: bool,
}

impl Options {
    /// The user and the password.
    pub(crate) fn credentials(&self) -> Result<Option<(String, String)>, String> {
        let (Some(user), Some(variable)) = (&self.user, &self.password_env) else {
            return Ok(None);
        };
        match env::var(variable) {
            Ok(password) if password.is_empty() => Err(format!("the variable {variable} is empty")),
            Ok(password) => Ok(Some((user.clone(), password))),
            Err(error) => Err(format!("cannot read the variable {variable}: {error}")),
        }
    }

    pub(crate) fn selects(&self, id: &str) -> bool {
        self.only.is_empty() || self.only.iter().any(|prefix| id.starts_with(prefix.as_str()))
    }
}

fn seconds(text: &str) -> Result<Duration, &'static str> {
    let seconds = text.parse().ok().and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
    seconds.filter(|wait| !wait.is_zero()).ok_or("expected a number of seconds over 0")
}

/// A host and a port.
fn host_port(text: &str) -> Result<String, &'static str> {
    let port = text.rsplit_once(':').and_then(|(_, port)| port.parse::<u16>().ok());
    port.map(|_| text.to_owned()).ok_or("expected HOST:PORT")
}
