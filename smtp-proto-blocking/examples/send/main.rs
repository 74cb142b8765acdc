//! Delivers one message, and says what became of it for each recipient. `send --help` tells all.

mod access;
mod dialogue;
mod letter;
mod options;
mod progress;
mod report;

use core::time::Duration;
use std::io;
use std::net::{TcpStream, ToSocketAddrs};
#[cfg(unix)]
use std::os::unix::net::UnixStream;
use std::process::ExitCode;
use std::sync::Arc;

use clap::Parser;
use smtp_proto::client::{self, IntroductionError};
use smtp_proto::data::ContentFault;
use smtp_proto::delivery::{Cause, Content, Delivery, Envelope, Fate, Outcome};
use smtp_proto::sasl::Credentials;
use smtp_proto::{AddressLiteral, Class, Condition, Host, HostBuf, ParseError, Reply};
use smtp_proto_blocking::Socket;
use smtp_proto_blocking::client::{Client, Error, Security, Setup};
use tracing::level_filters::LevelFilter;
use tracing_subscriber::EnvFilter;

use dialogue::{Dialogue, Shared};
use letter::Letter;
use options::Options;
use progress::Progress;
use report::Report;

/// How long a connection may take to open, where nothing else is said.
const CONNECTING: Duration = Duration::from_secs(60);
/// It did not come so far as MAIL.
const NOT_BEGUN: u8 = 1;
/// The command line, or what it names, is wrong.
const WRONG: u8 = 2;

fn main() -> ExitCode {
    let options = Options::parse();
    let filter =
        EnvFilter::builder().with_default_directive(LevelFilter::WARN.into()).from_env_lossy();
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(io::stderr).init();
    match prepare(&options).and_then(|prepared| send(&options, prepared)) {
        Ok((report, code)) => {
            report.print(options.json);
            code.into()
        }
        Err(error) => {
            eprintln!("send: {error}.");
            WRONG.into()
        }
    }
}

/// What the command line names, before anything is sent.
struct Prepared {
    letter: Letter,
    security: Security,
    credentials: Option<Credentials>,
}

fn prepare(options: &Options) -> Result<Prepared, String> {
    // RFC 2033 5.
    if options.lmtp && options.server.ends_with(":25") {
        return Err("LMTP may not be spoken on port 25".to_owned());
    }
    let letter = Letter::open(&options.file, options.line_ends())
        .map_err(|error| format!("cannot read {}: {error}", options.file))?;
    let security = access::security(options)?;
    Ok(Prepared { letter, security, credentials: access::credentials(options)? })
}

/// Delivers it, says on stderr what went wrong, and gives the exit code.
fn send(options: &Options, prepared: Prepared) -> Result<(Report, u8), String> {
    let Prepared { letter, security, credentials } = prepared;
    let cannot = |error: ParseError| format!("these options cannot be sent: {error}");
    let mail = options.mail().map_err(cannot)?;
    let rcpts = options.rcpts().map_err(cannot)?;
    let mut report = Report::new(&options.to);
    let everyone = 0..options.to.len();
    if let Some(ContentFault { at, stray, .. }) = letter.survey.first_fault() {
        let why = format!("octet {at} of the message: {stray}");
        for index in everyone {
            report.cannot_go(index, Condition::OTHER_MEDIA_ERROR.permanent(), &why);
        }
        return Ok(failed(report, &format!("the message cannot be sent: {why}"), None));
    }
    let (socket, name) = match connect(options) {
        Ok(connected) => connected,
        Err(error) => {
            let why = format!("cannot connect to {}: {error}", options.server);
            report.explain(&why);
            return Ok(failed(report, &why, Some(NOT_BEGUN)));
        }
    };
    let dialogue = Shared::new(Dialogue::new(options.transcript, options.lmtp));
    let setup = setup(options, name.as_ref(), credentials.as_ref()).with_security(security);
    let client = match setup.with_witness(Box::new(dialogue.clone())).connect(socket) {
        Ok(client) => client,
        Err(error) => {
            let why = in_step(&error, &dialogue.get());
            if let Error::Introduction(
                IntroductionError::Greeting(reply) | IntroductionError::Hello(reply),
            ) = &error
            {
                let reply = reply.as_ref();
                everyone.for_each(|index| report.decided(index, fate(&reply), &reply));
            }
            report.explain(&why);
            return Ok(failed(report, &why, Some(NOT_BEGUN)));
        }
    };
    Ok(deliver(client, Envelope::of(&mail, &rcpts), options, letter, &dialogue, report))
}

fn setup<'a>(
    options: &'a Options,
    name: Host<'a>,
    credentials: Option<&'a Credentials>,
) -> Setup<'a> {
    let mut setup = Setup::new(name).with_config(Arc::new(options.config()));
    if let Some(credentials) = credentials {
        setup = setup.with_credentials(credentials);
    }
    if let Some(mechanism) = options.mechanism() {
        setup = setup.with_mechanism(mechanism);
    }
    if options.auth_in_clear { setup.with_auth_in_clear() } else { setup }
}

/// The connection, and what to call this end of it.
fn connect(options: &Options) -> io::Result<(Box<dyn Socket>, HostBuf)> {
    let localhost = || "localhost".parse().map_err(io::Error::other);
    let named = |unnamed: HostBuf| options.hostname.clone().unwrap_or(unnamed);
    if options.server.starts_with('/') {
        #[cfg(unix)]
        return Ok((Box::new(UnixStream::connect(&options.server)?), named(localhost()?)));
        #[cfg(not(unix))]
        return Err(io::ErrorKind::Unsupported.into());
    }
    let stream = connect_tcp(options)?;
    let name = match stream.local_addr() {
        Ok(local) => Host::Literal(AddressLiteral::new(local.ip())).to_owned(),
        Err(_) => localhost()?,
    };
    Ok((Box::new(stream), named(name)))
}

fn connect_tcp(options: &Options) -> io::Result<TcpStream> {
    let mut last = io::Error::from(io::ErrorKind::NotFound);
    for address in options.server.to_socket_addrs()? {
        match TcpStream::connect_timeout(&address, options.timeout.unwrap_or(CONNECTING)) {
            Ok(stream) => {
                // A group of commands is one write, and its replies are waited for.
                stream.set_nodelay(true)?;
                return Ok(stream);
            }
            Err(error) => last = error,
        }
    }
    Err(last)
}

fn deliver(
    mut client: Client<Box<dyn Socket>>,
    envelope: Envelope<'_>,
    options: &Options,
    letter: Letter,
    dialogue: &Shared,
    mut report: Report,
) -> (Report, u8) {
    let content = content(options, &letter);
    let planned = client.extensions().map(|offered| Delivery::plan(offered, &envelope, content));
    let plan = planned
        .transpose()
        .map(|plan| plan.map(|plan| if options.bdat { plan.in_chunks() } else { plan }));
    if let Ok(Some(plan)) = &plan {
        if plan.drops_dsn() {
            eprintln!("send: the server offers no DSN: --notify, --ret and --envid are left out.");
        }
        if options.bdat && !plan.uses_chunks() {
            eprintln!("send: the server offers no CHUNKING: the message goes by DATA.");
        }
    }
    let octets = letter.survey.content().octets().unwrap_or_default();
    let source = Progress::new(letter, octets, !options.transcript);
    let each = |index, Outcome { fate, reply, cause }: Outcome<'_>| match (reply, cause) {
        (Some(reply), _) => report.decided(index, fate, &reply),
        (None, Cause::Unsendable(why)) => {
            report.cannot_go(index, why.enhanced(), &why.to_string());
        }
        (None, _) => report.left_open(index, fate),
    };
    let done = match plan {
        Ok(Some(plan)) => client.deliver_by(plan, envelope, source, each),
        _ => client.deliver(envelope, content, source, each),
    };
    let outcome = match done {
        Ok(()) => {
            report.explain("the server ended the session");
            for reason in report.reasons() {
                match dialogue.get().refused_by(&reason) {
                    Some(step) => eprintln!("send: {step} was refused: {reason}."),
                    None => eprintln!("send: {reason}."),
                }
            }
            let code = report.code();
            (report, code)
        }
        Err(Error::Unsendable(why)) => failed(report, &why.to_string(), None),
        Err(error) => {
            let why = in_step(&error, &dialogue.get());
            report.explain(&why);
            failed(report, &why, None)
        }
    };
    // The letter is through: what the server says to a goodbye changes nothing.
    let _ = client.quit();
    outcome
}

fn content(options: &Options, letter: &Letter) -> Content {
    let content = letter.survey.content();
    let content = match content.octets().filter(|_| options.smtputf8) {
        Some(octets) => Content::utf8().with_octets(octets),
        None => content,
    };
    if options.no_size { content.without_octets() } else { content }
}

fn fate(reply: &Reply<'_>) -> Fate {
    match reply.class() {
        Class::Permanent => Fate::Permanent,
        _ => Fate::Transient,
    }
}

/// What went wrong, and in which step.
fn in_step(error: &Error, dialogue: &Dialogue) -> String {
    use client::Error::{Malformed, Tls, TlsRequired, Unexpected, Unsolicited};
    let step = match error {
        Error::Session(Tls(_) | TlsRequired) => None,
        Error::Session(Malformed(_) | Unexpected(_) | Unsolicited) => dialogue.heard_of(),
        Error::Session(_) | Error::Connection(_) => dialogue.waits_for(),
        _ => None,
    };
    step.map_or_else(|| error.to_string(), |step| format!("{error} (in {step})"))
}

/// Says what went wrong with the session as a whole.
fn failed(mut report: Report, why: &str, code: Option<u8>) -> (Report, u8) {
    eprintln!("send: {why}.");
    report.error = Some(why.to_owned());
    let code = code.unwrap_or_else(|| report.code());
    (report, code)
}
