//! An SMTP server that accepts everything, for testing clients. `sink --help` tells all.

mod dialogue;
mod door;
mod envelope;
mod moment;
mod options;
mod serve;
mod sink;
mod store;
mod transcript;
mod users;

use core::error::Error;
use core::time::Duration;
use std::io::{self, Write};
use std::process::ExitCode;
use std::sync::Arc;
use std::thread;

use clap::error::ErrorKind;
use clap::{CommandFactory, Parser};
use tokio::runtime::{self, Runtime};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc;
use tokio::time::{sleep, timeout};
use tracing::level_filters::LevelFilter;
use tracing::{debug, warn};
use tracing_subscriber::EnvFilter;

use door::{Door, Kind};
use options::Options;
use sink::{Sink, Stop};

/// After the last letter of `--quit-after` the clients have so long to say QUIT.
const PARTING: Duration = Duration::from_secs(1);
/// A letter that is coming in at the end has so long to finish.
const GRACE: Duration = Duration::from_secs(3);
/// Then so long to hear that it came too late.
const LAST_WORDS: Duration = Duration::from_millis(500);

fn main() -> ExitCode {
    let options = Options::parse();
    if let Err(error) = options.check() {
        Options::command().error(ErrorKind::ArgumentConflict, error).exit();
    }
    let filter =
        EnvFilter::builder().with_default_directive(LevelFilter::WARN.into()).from_env_lossy();
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(io::stderr).init();
    match run(options) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("sink: {error}.");
            ExitCode::FAILURE
        }
    }
}

fn run(options: Options) -> Result<(), Box<dyn Error>> {
    let runtime = runtime(options.workers)?;
    let doors = options.doors();
    let sink = Arc::new(Sink::new(options)?);
    let result = runtime.block_on(receive(&doors, &sink));
    // A session that did not end in time is cut off, and what it wrote aside is removed.
    runtime.shutdown_timeout(LAST_WORDS);
    result?;
    writeln!(io::stdout(), "{}", sink.totals)?;
    Ok(())
}

fn runtime(workers: Option<usize>) -> io::Result<Runtime> {
    let half = || thread::available_parallelism().map_or(1, |all| all.get().div_ceil(2));
    let mut builder = match workers.unwrap_or_else(half) {
        // Without threads to share it, a task is woken for less.
        1 => runtime::Builder::new_current_thread(),
        workers => {
            let mut builder = runtime::Builder::new_multi_thread();
            builder.worker_threads(workers);
            builder
        }
    };
    builder.enable_all().build()
}

async fn receive(listen: &[(Kind, String)], sink: &Arc<Sink>) -> Result<(), Box<dyn Error>> {
    let (mut interrupt, mut terminate) =
        (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    // Each session keeps a sender: when the last is gone, all sessions are over.
    let (alive, mut over) = mpsc::channel::<()>(1);
    let mut doors = Vec::new();
    for (kind, address) in listen {
        let door = Door::open(address)
            .await
            .map_err(|error| format!("cannot listen on {address}: {error}"))?;
        writeln!(io::stdout(), "listening on {} {}", kind.name(), door.address()?)?;
        io::stdout().flush()?;
        doors.push(tokio::spawn(admit(door, *kind, Arc::clone(sink), alive.clone())));
    }
    drop(alive);
    let mut full = sink.full();
    let parting = tokio::select! {
        _ = interrupt.recv() => Duration::ZERO,
        _ = terminate.recv() => Duration::ZERO,
        _ = full.wait_for(|full| *full) => PARTING,
    };
    doors.iter().for_each(|door| door.abort());
    for (patience, stop) in
        [(parting, Stop::AfterLetter), (GRACE, Stop::Now), (LAST_WORDS, Stop::Now)]
    {
        let _ = timeout(patience, over.recv()).await;
        sink.stop(stop);
    }
    Ok(())
}

/// Lets clients in.
async fn admit(door: Door, kind: Kind, sink: Arc<Sink>, alive: mpsc::Sender<()>) {
    loop {
        match door.accept().await {
            Ok(guest) => {
                sink.totals.connection();
                let (sink, alive) = (Arc::clone(&sink), alive.clone());
                tokio::spawn(async move {
                    if let Err(error) = guest.serve(kind, &sink).await {
                        debug!(%error, "connection lost");
                    }
                    sink.totals.session_over();
                    drop(alive);
                });
            }
            // Out of file descriptors, say: that passes when a session ends.
            Err(error) => {
                warn!(%error, "cannot accept");
                sleep(Duration::from_millis(50)).await;
            }
        }
    }
}
