//! Load for an SMTP server: many letters over many sessions. `blast --help` tells all.

use core::error::Error;
use core::sync::atomic::{AtomicU64, Ordering};
use core::time::Duration;
use std::io::{self, IsTerminal, Write};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Instant;

use clap::Parser;
use smtp_proto::Host;
use smtp_proto::client::{Config, Flavour, Pipelining};
use smtp_proto::delivery::{Content, Delivery, Envelope, Fate, Outcome};
use smtp_proto_tokio::client::Client;
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::sleep;

const EXAMPLES: &str = "\
Examples:
  blast --server 127.0.0.1:2525
      1000 letters of 4096 octets over 20 sessions at a time
  blast --server 127.0.0.1:2525 --messages 100000 --sessions 50 --per-connection 100
      100 letters over each connection
  blast --server 127.0.0.1:2525 --octets 10485760 --messages 20 --sessions 2 --recipients 100
      large letters to many
  blast --server 127.0.0.1:2424 --lmtp --bdat
      by LMTP, in chunks where the server offers CHUNKING

Never against a server that is not yours. It ends with one line:
  messages=N seconds=S rate=N/s p50_ms=MS p99_ms=MS failed=N
where p50 and p99 are of the time from MAIL to the reply to the content, and failed counts the letters that were not taken for every
recipient, or never began because no connection could be had.

Exit codes: 0 all were taken, 1 some not, 2 wrong command line.";

/// The command line is wrong.
const WRONG: u8 = 2;

/// Sends many letters to an SMTP server, and says how long that took.
#[derive(Debug, Parser)]
#[command(name = "blast", after_help = EXAMPLES)]
struct Options {
    /// Where to deliver
    #[arg(long, value_name = "ADDR", value_parser = host_port)]
    server: String,
    /// Letters in all
    #[arg(long, value_name = "N", default_value_t = 1000)]
    messages: u64,
    /// Connections at a time
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u64).range(1..))]
    sessions: u64,
    /// Octets of a letter
    #[arg(long, value_name = "N", default_value_t = 4096)]
    octets: usize,
    /// Recipients of a letter
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..))]
    recipients: u32,
    /// Letters over one connection, as many as there are unless given
    #[arg(long, value_name = "N", default_value_t = u64::MAX, hide_default_value = true, value_parser = clap::value_parser!(u64).range(1..))]
    per_connection: u64,
    /// Content goes by BDAT where the server offers CHUNKING
    #[arg(long)]
    bdat: bool,
    /// Speaks LMTP
    #[arg(long)]
    lmtp: bool,
    /// Waits for the reply to each command before the next
    #[arg(long)]
    no_pipelining: bool,
}

/// What the sessions share.
struct Load {
    options: Options,
    config: Arc<Config>,
    content: Vec<u8>,
    recipients: Vec<String>,
    begun: AtomicU64,
    taken: AtomicU64,
}

/// A host and a port.
fn host_port(text: &str) -> Result<String, &'static str> {
    let port = text.rsplit_once(':').and_then(|(_, port)| port.parse::<u16>().ok());
    port.map(|_| text.to_owned()).ok_or("expected HOST:PORT")
}

fn main() -> ExitCode {
    let options = Options::parse();
    // RFC 2033 5.
    if options.lmtp && options.server.ends_with(":25") {
        eprintln!("blast: LMTP may not be spoken on port 25.");
        return WRONG.into();
    }
    match run(options) {
        Ok(0) => ExitCode::SUCCESS,
        Ok(_) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("blast: {error}.");
            ExitCode::FAILURE
        }
    }
}

#[tokio::main]
async fn run(options: Options) -> Result<u64, Box<dyn Error>> {
    let (messages, sessions) = (options.messages, options.sessions);
    let load = Arc::new(Load::new(options));
    let bar = io::stderr().is_terminal().then(|| tokio::spawn(show(Arc::clone(&load))));
    let (start, mut tasks) = (Instant::now(), JoinSet::new());
    (0..sessions).for_each(|_| drop(tasks.spawn(send(Arc::clone(&load)))));
    let (mut times, mut fault) = (Vec::new(), None);
    while let Some(ended) = tasks.join_next().await {
        let (session, error) = ended?;
        times.extend(session);
        fault = fault.or(error);
    }
    let seconds = start.elapsed().as_secs_f64();
    if let Some(bar) = bar {
        bar.abort();
        eprint!("\r\x1b[K");
    }
    if let Some(fault) = fault {
        eprintln!("blast: {fault}.");
    }
    times.sort_unstable();
    let taken = load.taken.load(Ordering::Relaxed);
    let failed = messages - taken;
    writeln!(
        io::stdout(),
        "messages={taken} seconds={seconds:.3} rate={:.0}/s p50_ms={:.3} p99_ms={:.3} failed={failed}",
        taken as f64 / seconds,
        percentile(&times, 50),
        percentile(&times, 99)
    )?;
    Ok(failed)
}

/// Of sorted times, in milliseconds; 0 where there are none.
fn percentile(times: &[Duration], percent: usize) -> f64 {
    let at = times.len().saturating_sub(1) * percent / 100;
    times.get(at).map_or(0.0, |time| time.as_secs_f64() * 1000.0)
}

impl Load {
    fn new(options: Options) -> Self {
        let mut config = Config::default();
        if options.no_pipelining {
            config.pipelining = Pipelining::Never;
        }
        if options.lmtp {
            config.flavour = Flavour::Lmtp;
        }
        let recipients =
            (0..options.recipients).map(|number| format!("recipient{number}@localhost")).collect();
        Self {
            config: Arc::new(config),
            content: letter(options.octets),
            recipients,
            begun: AtomicU64::new(0),
            taken: AtomicU64::new(0),
            options,
        }
    }

    /// Whether there is a letter left to begin; it counts as begun.
    fn begin(&self) -> bool {
        self.begun.fetch_add(1, Ordering::Relaxed) < self.options.messages
    }

    async fn connect(&self) -> Result<Client<TcpStream>, Box<dyn Error + Send + Sync>> {
        let server = &self.options.server;
        let stream = TcpStream::connect(server).await;
        let stream = stream.map_err(|error| format!("cannot connect to {server}: {error}"))?;
        stream.set_nodelay(true)?;
        let name = Host::parse(b"localhost")?;
        Ok(Client::connect(stream, name, Arc::clone(&self.config)).await?)
    }
}

/// A header and lines of 76 columns, so many octets in all.
fn letter(octets: usize) -> Vec<u8> {
    let mut letter = b"From: <blast@localhost>\r\nSubject: load\r\n\r\n".to_vec();
    while letter.len() < octets {
        letter.extend([b'x'; 76]);
        letter.extend(b"\r\n");
    }
    letter.truncate(octets.saturating_sub(2));
    letter.extend(b"\r\n");
    letter
}

type Fault = Box<dyn Error + Send + Sync>;

/// One session after the other, as long as there are letters: how long each took, and why no more could be sent.
async fn send(load: Arc<Load>) -> (Vec<Duration>, Option<Fault>) {
    let mut times = Vec::new();
    let mut more = load.begin();
    while more {
        let mut client = match load.connect().await {
            Ok(client) => client,
            Err(fault) => return (times, Some(fault)),
        };
        let mut left = load.options.per_connection;
        while more && left > 0 && client.is_reusable() {
            if let Err(fault) = deliver(&load, &mut client, &mut times).await {
                return (times, Some(fault));
            }
            more = load.begin();
            left -= 1;
        }
        // What it says to QUIT changes nothing.
        let _ = client.quit().await;
    }
    (times, None)
}

async fn deliver(
    load: &Load,
    client: &mut Client<TcpStream>,
    times: &mut Vec<Duration>,
) -> Result<(), Fault> {
    let envelope = Envelope::new("blast@localhost", load.recipients.iter().map(String::as_str))?;
    let content = Content::seven_bit().with_octets(load.content.len() as u64);
    let offered = client.extensions().ok_or("the server was not heard")?;
    let mut plan = Delivery::plan(offered, &envelope, content)?;
    if load.options.bdat {
        plan = plan.in_chunks();
    }
    let (start, mut all) = (Instant::now(), true);
    let each = |_, outcome: Outcome<'_>| all &= outcome.fate == Fate::Delivered;
    client.deliver_by(plan, envelope, &load.content[..], each).await?;
    times.push(start.elapsed());
    load.taken.fetch_add(u64::from(all), Ordering::Relaxed);
    Ok(())
}

/// A bar, for who watches.
async fn show(load: Arc<Load>) {
    const WIDTH: u64 = 40;
    let start = Instant::now();
    loop {
        sleep(Duration::from_millis(200)).await;
        let (taken, messages) = (load.taken.load(Ordering::Relaxed), load.options.messages.max(1));
        let filled = (taken * WIDTH / messages) as usize;
        let rate = taken as f64 / start.elapsed().as_secs_f64();
        let (done, left) = ("#".repeat(filled), ".".repeat(WIDTH as usize - filled));
        let _ = write!(io::stderr(), "\r[{done}{left}] {taken} of {messages}, {rate:.0}/s");
    }
}
