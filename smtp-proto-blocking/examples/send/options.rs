//! The command line.

use core::str::FromStr;
use core::time::Duration;
#[cfg(unix)]
use std::os::unix::net::SocketAddr;

use clap::{Parser, ValueEnum};
use smtp_proto::client::{Config, Flavour, Pipelining, Waits};
use smtp_proto::data::LineEnds;
use smtp_proto::{
    ForwardPathBuf, HostBuf, MailBuf, MailParamsBuf, Mechanism, Notify, ParseError, RcptBuf,
    RcptParamsBuf, ReversePathBuf, Xtext,
};

use crate::access;

const EXAMPLES: &str = "\
Examples:
  send --server mx.example.org:25 --from me@example.org --to you@example.org letter.eml
      delivers a file
  printf 'Subject: hi\\n\\nHello\\n' | send --server localhost:2525 --from '' --to bob@localhost
      delivers what comes in, from the null sender
  send --server localhost:2525 --from me@here.test --to a@there.test --to b@there.test --notify never --transcript letter.eml
      to two recipients, who are not to be reported on, and shows the dialogue
  PASSWORD=secret send --server mail.example.org:587 --tls required --user me --password-env PASSWORD \
       --from me@example.org --to you@example.org letter.eml
      submits a letter: encrypted, to a server whose certificate is checked
  send --server /run/lmtp.socket --lmtp --tls none --from me@here.test --to bob@here.test letter.eml
      hands a letter to a mail store
  RUST_LOG=trace send ...
      shows the dialogue too

For each recipient a line is printed, in their order:
  delivered ADDR 250 2.0.0 text     the server took responsibility
  deferred ADDR 4xx ..              not now; `deferred ADDR - reason` where no reply decided
  refused ADDR 5xx ..               never; `refused ADDR - 5.x.y reason` where it cannot go there as it is
  unknown ADDR reason               the connection was lost behind the last octet: it may have arrived

Exit codes: 0 all delivered, 3 some not, 4 none; 1 it did not come so far as to say whom it is from: no connection, greeting refused,
TLS or AUTH failed; 2 wrong command line, an address that does not parse, a file that cannot be read.

A password goes only where the server's certificate was checked, by --tls required or implicit, unless --auth-in-clear is given.

What comes from a pipe is read to its end before anything is sent, beyond 64 KiB into a temporary file: so its size is announced
(--no-size prevents that), and it is known whether it holds octets over 127.";

/// Delivers one message, from a file or from standard input.
#[derive(Debug, Parser)]
#[command(name = "send", after_help = EXAMPLES)]
pub(crate) struct Options {
    /// Where to deliver; the path of a Unix socket begins with `/`
    #[arg(long, value_name = "HOST:PORT|PATH", value_parser = server)]
    pub(crate) server: String,
    /// The sender; '' is the null sender
    #[arg(long, value_name = "ADDR")]
    from: ReversePathBuf,
    /// A recipient; may be given several times
    #[arg(long, value_name = "ADDR", required = true)]
    pub(crate) to: Vec<Recipient>,
    /// Whether the session is encrypted
    #[arg(long, value_enum, default_value_t = Tls::Starttls)]
    pub(crate) tls: Tls,
    /// The certificates to trust; those of the system unless given
    #[arg(long, value_name = "PEM")]
    pub(crate) ca: Option<String>,
    /// Who submits the message
    #[arg(long, value_name = "NAME", requires = "password_env")]
    pub(crate) user: Option<String>,
    /// The environment variable that holds the password, or the token
    #[arg(long, value_name = "VAR", requires = "user")]
    pub(crate) password_env: Option<String>,
    /// Sends the password also where others can read it, or to a server that was not checked
    #[arg(long, requires = "user")]
    pub(crate) auth_in_clear: bool,
    /// How the password is sent; the strongest way that the server knows unless given
    #[arg(long, value_name = "NAME", requires = "user", value_parser = access::mechanism)]
    mechanism: Option<String>,
    /// Speaks LMTP: each recipient is judged behind the message
    #[arg(long)]
    pub(crate) lmtp: bool,
    /// Sends the message in chunks, where the server takes them
    #[arg(long, conflicts_with = "data")]
    pub(crate) bdat: bool,
    /// Sends the message by DATA, as without this option
    #[arg(long)]
    data: bool,
    /// What to say to EHLO; the address of this end of the connection unless given
    #[arg(long, value_name = "NAME")]
    pub(crate) hostname: Option<HostBuf>,
    /// Waits for the reply to each command before the next
    #[arg(long)]
    no_pipelining: bool,
    /// Of which outcomes the sender wants to hear
    #[arg(long, value_name = "success,failure,delay|never", value_parser = notify)]
    notify: Option<Notify>,
    /// What a report of a failure returns
    #[arg(long, value_enum)]
    ret: Option<Return>,
    /// The name that reports give to this message
    #[arg(long, value_name = "ID", value_parser = envid)]
    envid: Option<String>,
    /// Refuses every hop that is not encrypted and checked (RFC 8689)
    #[arg(long)]
    require_tls: bool,
    /// Asks for SMTPUTF8, also where neither an address nor the header needs it
    #[arg(long)]
    pub(crate) smtputf8: bool,
    /// Does not announce the size
    #[arg(long)]
    pub(crate) no_size: bool,
    /// What to do with lines that end with LF alone, or CR alone
    #[arg(long, value_name = "POLICY", value_enum, default_value_t = OnNewline::Normalise)]
    newlines: OnNewline,
    /// How long to wait, each time; what RFC 5321 says unless given
    #[arg(long, value_name = "SECONDS", value_parser = seconds)]
    pub(crate) timeout: Option<Duration>,
    /// Shows the dialogue on standard error
    #[arg(long)]
    pub(crate) transcript: bool,
    /// Prints the outcomes as one JSON object
    #[arg(long)]
    pub(crate) json: bool,
    /// The message; `-` is standard input
    #[arg(value_name = "FILE", default_value = "-")]
    pub(crate) file: String,
}

/// Whether and how the session is encrypted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Tls {
    /// Never
    None,
    /// Where the server offers STARTTLS; its certificate is not checked
    Starttls,
    /// By STARTTLS, or not at all; certificate and name are checked
    Required,
    /// From the first octet; certificate and name are checked
    Implicit,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum OnNewline {
    Normalise,
    Refuse,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Return {
    Full,
    Hdrs,
}

/// A recipient, as it was written and as it was read.
#[derive(Clone, Debug)]
pub(crate) struct Recipient {
    pub(crate) written: String,
    path: ForwardPathBuf,
}

impl FromStr for Recipient {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        Ok(Self { written: text.to_owned(), path: text.parse()? })
    }
}

impl Options {
    /// The name of the server, without the port and the brackets of an address.
    pub(crate) fn host(&self) -> &str {
        let host = self.server.rsplit_once(':').map_or(self.server.as_str(), |(host, _)| host);
        host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host)
    }

    pub(crate) fn mechanism(&self) -> Option<Mechanism<'_>> {
        self.mechanism.as_deref().and_then(Mechanism::new)
    }

    pub(crate) fn mail(&self) -> Result<MailBuf, ParseError> {
        let mut params = MailParamsBuf::new();
        if let Some(ret) = self.ret {
            let value = if matches!(ret, Return::Full) { "FULL" } else { "HDRS" };
            params = params.with("RET", Some(value))?;
        }
        if let Some(id) = &self.envid {
            params = params.with("ENVID", Some(id))?;
        }
        if self.require_tls {
            params = params.with("REQUIRETLS", None)?;
        }
        Ok(MailBuf { from: self.from.clone(), params })
    }

    pub(crate) fn rcpts(&self) -> Result<Vec<RcptBuf>, ParseError> {
        let mut params = RcptParamsBuf::new();
        if let Some(notify) = self.notify {
            params = params.with("NOTIFY", Some(&notify.to_string()))?;
        }
        let rcpt = |to: &Recipient| RcptBuf { to: to.path.clone(), params: params.clone() };
        Ok(self.to.iter().map(rcpt).collect())
    }

    pub(crate) const fn line_ends(&self) -> LineEnds {
        match self.newlines {
            OnNewline::Normalise => LineEnds::Normalise,
            OnNewline::Refuse => LineEnds::Refuse,
        }
    }

    pub(crate) fn config(&self) -> Config {
        let mut config = Config::default();
        config.line_ends = self.line_ends();
        if self.lmtp {
            config.flavour = Flavour::Lmtp;
        }
        if self.no_pipelining {
            config.pipelining = Pipelining::Never;
        }
        if let Some(wait) = self.timeout {
            config.waits = Waits::all(wait);
        }
        config
    }
}

/// A host and a port, or the path of a Unix socket.
fn server(text: &str) -> Result<String, &'static str> {
    #[cfg(unix)]
    if text.starts_with('/') && SocketAddr::from_pathname(text).is_err() {
        return Err("the path of a Unix socket can have about a hundred octets");
    }
    let port = text.rsplit_once(':').and_then(|(_, port)| port.parse::<u16>().ok());
    let good = text.starts_with('/') || port.is_some();
    good.then(|| text.to_owned()).ok_or("expected HOST:PORT, or a path that begins with `/`")
}

fn notify(text: &str) -> Result<Notify, &'static str> {
    Notify::parse(text).ok_or("expected never, or some of success, failure and delay")
}

/// RFC 3461 4.4: printable US-ASCII, 100 octets as it is sent.
fn envid(text: &str) -> Result<String, &'static str> {
    let id = Xtext::encode(text.as_bytes());
    match MailParamsBuf::new().with("ENVID", Some(&id)) {
        Ok(_) => Ok(id),
        Err(_) => Err("expected at most 100 printable characters of US-ASCII"),
    }
}

fn seconds(text: &str) -> Result<Duration, &'static str> {
    let seconds = text.parse().ok().and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
    seconds.filter(|wait| !wait.is_zero()).ok_or("expected a number of seconds over 0")
}
