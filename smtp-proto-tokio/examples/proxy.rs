//! Both machines in one program: relays SMTP sessions to another server, each decision being that server's.

use core::error::Error;
use core::net::SocketAddr;
use core::pin::pin;
use core::time::Duration;
use std::collections::VecDeque;
use std::io::{self, Write};
use std::process::ExitCode;
use std::sync::Arc;

use clap::Parser;
use smtp_proto::server::{Config, Event, Pending, ReplyError, Server, When, kind};
use smtp_proto::{Code, Extension, Extensions, Reply, ReplyBuf, Verb, client, stock};
use smtp_proto_tokio::Session;
use smtp_proto_tokio::client::Session as Upstream;
use tokio::net::{TcpListener, TcpStream};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::timeout;
use tracing::{debug, info};
use tracing_subscriber::EnvFilter;

/// Letters in progress have so long to finish at the end.
const GRACE: Duration = Duration::from_secs(4);
/// The server behind has so long to hear QUIT.
const GOODBYE: Duration = Duration::from_secs(2);

/// Relays SMTP sessions to another server: what it offers is offered, what it answers is answered.
///
/// Contents stream through as fast as the other server takes them, and are never stored.
#[derive(Parser)]
#[command(after_help = "Examples:
  proxy --listen 127.0.0.1:2526 --upstream 127.0.0.1:2525
  swaks --server 127.0.0.1:2526 --to you@example.org")]
struct Options {
    /// Where to listen.
    #[arg(long, value_name = "ADDR")]
    listen: SocketAddr,
    /// The server to relay to.
    #[arg(long, value_name = "HOST:PORT", value_parser = host_port)]
    upstream: String,
}

/// A host and a port.
fn host_port(text: &str) -> Result<String, &'static str> {
    let port = text.rsplit_once(':').and_then(|(_, port)| port.parse::<u16>().ok());
    port.map(|_| text.to_owned()).ok_or("expected HOST:PORT")
}

fn main() -> ExitCode {
    let options = Options::parse();
    tracing_subscriber::fmt()
        .with_env_filter(EnvFilter::from_default_env())
        .with_writer(io::stderr)
        .init();
    match serve(&options) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("proxy: {error}.");
            ExitCode::FAILURE
        }
    }
}

#[tokio::main]
async fn serve(options: &Options) -> Result<(), Box<dyn Error>> {
    let mut config = Config::new("localhost")?;
    // The other server has the limit.
    config.limits.message = u64::MAX;
    // Letters are relayed by DATA alone.
    config.offer = config.offer.without(Extension::Chunking).without(Extension::BinaryMime);
    let config = Arc::new(config);
    let listener = TcpListener::bind(options.listen).await?;
    println!("listening on smtp {}", listener.local_addr()?);
    io::stdout().flush()?;
    let (mut interrupt, mut terminate) =
        (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    let (stop, stopping) = watch::channel(());
    let mut sessions = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, peer)) => {
                    debug!(%peer, "connected");
                    // A reply is one write, and the client waits for it.
                    let _ = stream.set_nodelay(true);
                    let session = Session::new(stream, Arc::clone(&config));
                    sessions.spawn(connect(session, options.upstream.clone(), stopping.clone()));
                }
                Err(error) => {
                    info!(%error, "cannot accept");
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
            },
            _ = sessions.join_next(), if !sessions.is_empty() => {}
            _ = interrupt.recv() => break,
            _ = terminate.recv() => break,
        }
    }
    drop((listener, stop));
    let mut rest = pin!(async { while sessions.join_next().await.is_some() {} });
    let _ = timeout(GRACE, &mut rest).await;
    Ok(())
}

async fn connect(mut session: Session<TcpStream>, upstream: String, stopping: watch::Receiver<()>) {
    let result = match open(&upstream).await {
        Ok(stream) => Relay::new(session, stream).run(stopping).await,
        Err(error) => {
            info!(%error, %upstream, "cannot connect");
            session.server().shut_down(&closing(), When::Now);
            while matches!(session.ready().await, Ok(true)) {
                while session.next().is_some() {}
            }
            Ok(())
        }
    };
    if let Err(error) = result {
        debug!(%error, "a connection failed");
    }
}

async fn open(upstream: &str) -> io::Result<TcpStream> {
    let stream = TcpStream::connect(upstream).await?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

fn closing() -> Reply<'static> {
    Reply::new(Code::UNAVAILABLE, None, "The server behind is not available")
}

/// A session, and the one that it is relayed to.
struct Relay {
    session: Session<TcpStream>,
    upstream: Upstream<TcpStream>,
    greeting: Option<Pending<kind::Connect>>,
    /// The decisions that the other server owes, by the numbers of their commands.
    owed: VecDeque<(u32, Owed)>,
    /// Its verdict on a message whose content has not come whole yet.
    verdict: Option<ReplyBuf>,
    /// There is no other server any more.
    lost: bool,
}

/// A decision that the other server owes.
enum Owed {
    Hello(Pending<kind::Hello>),
    Mail(Pending<kind::Mail>),
    Rcpt(Pending<kind::Rcpt>),
    Data(Pending<kind::Data>),
    Message(Pending<kind::Message>),
}

impl Relay {
    fn new(session: Session<TcpStream>, upstream: TcpStream) -> Self {
        let upstream = Upstream::new(upstream, Arc::default());
        let (greeting, owed, verdict) = (None, VecDeque::new(), None);
        Self { session, upstream, greeting, owed, verdict, lost: false }
    }

    async fn run(mut self, mut stopping: watch::Receiver<()>) -> io::Result<()> {
        let mut told = false;
        loop {
            self.hear();
            self.relay().await;
            tokio::select! {
                going = self.session.ready() => if !going? { break },
                going = self.upstream.ready(), if !self.lost => {
                    if !matches!(going, Ok(true)) {
                        self.lose();
                    }
                }
                _ = stopping.changed(), if !told => {
                    told = true;
                    self.session.server().shut_down(&stock::SHUTTING_DOWN.as_ref(), When::AfterMessage);
                }
            }
        }
        if self.upstream.client().quit().is_ok() {
            let _ = timeout(GOODBYE, async {
                while matches!(self.upstream.ready().await, Ok(true))
                    && self.upstream.next().is_ok()
                {}
            })
            .await;
        }
        Ok(())
    }

    /// The other server is gone: what is owed is put off, and the client is sent away behind a letter that it is still sending.
    fn lose(&mut self) {
        self.lost = true;
        self.owed.clear();
        let server = self.session.server();
        server.abandon();
        server.shut_down(&closing(), When::AfterMessage);
    }

    /// Answers come from the other server, in the order of the commands.
    fn hear(&mut self) {
        let Self { session, upstream, greeting, owed, verdict, lost } = self;
        let server = session.server();
        while !*lost {
            let answered = match upstream.next() {
                Ok(Some((client::Event::Greeting(reply), _))) => {
                    *lost = !reply.class().is_positive();
                    match greeting.take() {
                        Some(pending) if *lost => server.reply(pending, &reply.relayed()),
                        // The text is the name of the other server, and this one has its own.
                        Some(pending) => server.accept(pending),
                        None => Ok(()),
                    }
                }
                Ok(Some((client::Event::SendBody { .. }, _))) => match owed.pop_front() {
                    Some((_, Owed::Data(pending))) => server.accept(pending),
                    _ => Ok(()),
                },
                Ok(Some((client::Event::Reply { to, reply }, client))) => {
                    match owed
                        .front()
                        .is_some_and(|(n, _)| *n == to.n)
                        .then(|| owed.pop_front())
                        .flatten()
                    {
                        Some((_, asked)) => answer(server, asked, &reply, client.extensions()),
                        None if to.verb == Verb::Data => {
                            *verdict = Some(reply.relayed().to_owned());
                            Ok(())
                        }
                        // To a RSET, which the machine answered by itself.
                        None => Ok(()),
                    }
                }
                Ok(None) => return,
                Ok(Some(_)) | Err(_) => return self.lose(),
            };
            if let Err(error) = answered {
                debug!(%error, "an answer came to nothing");
            }
        }
    }

    /// Commands and content go to the other server.
    async fn relay(&mut self) {
        let Self { session, upstream, greeting, owed, verdict, lost } = self;
        while let Some((event, server)) = session.next() {
            let (sent, asked) = match event {
                Event::Connect(pending) => {
                    *greeting = Some(pending);
                    continue;
                }
                Event::Message { pending, .. } if verdict.is_some() => {
                    let reply = verdict.take().unwrap_or(stock::LOCAL_ERROR);
                    let _late = server.reply(pending, &reply.as_ref());
                    continue;
                }
                other if *lost => {
                    server.decline(other);
                    continue;
                }
                Event::Hello { name, pending, .. } => {
                    (upstream.client().hello(name), Owed::Hello(pending))
                }
                Event::Mail { mail, pending } => {
                    (upstream.client().mail(&mail), Owed::Mail(pending))
                }
                Event::Rcpt { rcpt, pending } => {
                    (upstream.client().rcpt(&rcpt), Owed::Rcpt(pending))
                }
                Event::Data { pending, .. } => (upstream.client().data(), Owed::Data(pending)),
                Event::Message { pending, .. } => {
                    (upstream.client().finish(), Owed::Message(pending))
                }
                Event::Body(octets) => match feed(upstream, octets, verdict).await {
                    Ok(()) => continue,
                    Err(error) => {
                        debug!(%error, "the content cannot be relayed");
                        return self.lose();
                    }
                },
                Event::Reset => {
                    let _over = upstream.client().reset();
                    continue;
                }
                Event::Aborted(_) => {
                    upstream.client().abandon_body();
                    continue;
                }
                other => {
                    server.decline(other);
                    continue;
                }
            };
            match sent {
                Ok(sent) => owed.push_back((sent.n, asked)),
                Err(misuse) => {
                    debug!(%misuse, "it cannot be relayed");
                    let _late = answer(server, asked, &stock::LOCAL_ERROR.as_ref(), None);
                }
            }
        }
    }
}

/// Hands content to the other server as fast as it takes it; nothing more once it has judged the message.
async fn feed(
    upstream: &mut Upstream<TcpStream>,
    mut octets: &[u8],
    verdict: &mut Option<ReplyBuf>,
) -> Result<(), Box<dyn Error + Send + Sync>> {
    while !octets.is_empty() && verdict.is_none() {
        let taken = upstream.client().body(octets)?;
        octets = octets.get(taken..).unwrap_or_default();
        if taken == 0 && !upstream.ready().await? {
            return Err(client::Error::Eof.into());
        }
        while let Some((event, _)) = upstream.next()? {
            if let client::Event::Reply { reply, .. } = event {
                *verdict = Some(reply.relayed().to_owned());
            }
        }
    }
    Ok(())
}

/// The other server's reply is the decision.
fn answer(
    server: &mut Server,
    asked: Owed,
    reply: &Reply<'_>,
    offered: Option<&Extensions>,
) -> Result<(), ReplyError> {
    let relayed = reply.relayed();
    match (asked, offered) {
        (Owed::Hello(pending), Some(offered)) if reply.class().is_positive() => {
            server.accept_hello(pending, offered)
        }
        (Owed::Hello(pending), _) => server.reply(pending, &relayed),
        (Owed::Mail(pending), _) => server.reply(pending, &relayed),
        (Owed::Rcpt(pending), _) => server.reply(pending, &relayed),
        (Owed::Data(pending), _) => server.reply(pending, &relayed),
        (Owed::Message(pending), _) => server.reply(pending, &relayed),
    }
}
