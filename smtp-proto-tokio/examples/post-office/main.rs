//! A small mail server. A person hands in a letter; the office keeps it, matches the address, delivers it, and tells the sender.
//! `post-office --help` tells all.
//!
//! A letter comes in at the [`counter`], the [`sorter`] says whose mailboxes its addresses mean, a [`letter`] is written and lies in a
//! [`mailbox`] before the client hears 250, and a [`notice`] tells a sender who asked; it is [`outgoing`] where he is elsewhere.

mod address;
mod config;
mod counter;
mod demo;
mod letter;
mod mailbox;
mod notice;
mod office;
mod outgoing;
mod recording;
mod sorter;
#[path = "../sink/users.rs"]
mod users;

use core::error::Error;
use core::time::Duration;
use std::io::{self, Write};
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

use clap::error::ErrorKind;
use clap::{CommandFactory, Parser};
use rustix::process::{Resource, getrlimit};
use smtp_proto_tokio::Listener;
use smtp_proto_tokio::tls::Acceptor;
use tokio::runtime;
use tokio::signal::unix::{SignalKind, signal};
use tokio::task::JoinSet;
use tokio::time::timeout;
use tracing::level_filters::LevelFilter;
use tracing_subscriber::EnvFilter;

use config::{Kind, Options};
use counter::Counter;
use office::Office;
use sorter::Sorter;

/// A letter that is coming in at the end has so long to finish.
const GRACE: Duration = Duration::from_secs(3);
/// Then so long to hear that it came too late.
const LAST_WORDS: Duration = Duration::from_secs(1);
/// Letters that are whole and half on the disk have so long to be delivered, though nobody can be told any more.
const LAST_WRITES: Duration = Duration::from_millis(500);
/// Descriptors that are no session's: threads that wait for the disk hold a file and a folder each.
const DESCRIPTORS: u64 = 1100;

fn main() -> ExitCode {
    let options = Options::parse();
    if let Err(error) = options.check() {
        Options::command().error(ErrorKind::ArgumentConflict, error).exit();
    }
    let filter =
        EnvFilter::builder().with_default_directive(LevelFilter::WARN.into()).from_env_lossy();
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(io::stderr).init();
    let sorter = options
        .sorter()
        .unwrap_or_else(|error| Options::command().error(ErrorKind::ValueValidation, error).exit());
    match run(&options, sorter) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("post-office: {error}.");
            ExitCode::FAILURE
        }
    }
}

fn run(options: &Options, sorter: Sorter) -> Result<(), Box<dyn Error>> {
    let runtime = runtime::Builder::new_multi_thread().enable_all().build()?;
    let result = runtime.block_on(async {
        if options.demo { demo::run(options, sorter).await } else { serve(options, sorter).await }
    });
    runtime.shutdown_timeout(LAST_WRITES);
    result
}

async fn serve(options: &Options, sorter: Sorter) -> Result<(), Box<dyn Error>> {
    let ended = ended()?;
    let root = options.root.as_deref().unwrap_or_else(|| Path::new("post-office"));
    let office = open(root, options, sorter)?;
    let (mut handles, mut serving) = (Vec::new(), JoinSet::new());
    for (kind, listener) in listen(options, "127.0.0.1:2525").await? {
        let (office, config) = (Arc::clone(&office), Arc::new(options.server(kind)?));
        handles.push(listener.handle());
        serving.spawn(listener.serve(config, move |peer| Counter::new(&office, peer)));
    }
    tokio::select! {
        _ = serving.join_next() => {}
        () = ended => {}
    }
    handles.iter().for_each(|handle| handle.shut_down(GRACE));
    let _ =
        timeout(GRACE + LAST_WORDS, async { while serving.join_next().await.is_some() {} }).await;
    Ok(())
}

/// Waits for SIGINT or SIGTERM, from now on.
fn ended() -> io::Result<impl Future<Output = ()>> {
    let (mut interrupt, mut terminate) =
        (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    Ok(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
    })
}

fn open(root: &Path, options: &Options, sorter: Sorter) -> Result<Arc<Office>, String> {
    let users = options.users()?;
    Office::open(root, options.hostname.clone(), sorter, users)
        .map(Arc::new)
        .map_err(|error| format!("cannot keep letters in {}: {error}", root.display()))
}

/// Listens where the options say, and tells where that is.
async fn listen(
    options: &Options,
    unless_told: &str,
) -> Result<Vec<(Kind, Listener)>, Box<dyn Error>> {
    let descriptors = getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX);
    let sessions = descriptors.saturating_sub(DESCRIPTORS).max(descriptors / 2);
    let sessions = usize::try_from(sessions).unwrap_or(usize::MAX);
    let acceptor = options.acceptor()?;
    let doors = options.doors(unless_told);
    let each = sessions / doors.len();
    let mut listeners = Vec::new();
    for (kind, addresses) in doors {
        let listener = Listener::bind(&addresses).await?;
        for address in listener.local_addrs() {
            writeln!(io::stdout(), "listening on {} {address}", kind.name())?;
        }
        // Whoever tries it out comes from one address.
        let listener = listener.limit(each).limit_per_peer(each);
        let listener = match acceptor.as_ref().map(Acceptor::apart) {
            Some(acceptor) if kind == Kind::Smtps => listener.implicit_tls(acceptor),
            Some(acceptor) => listener.with_tls(acceptor),
            None => listener,
        };
        listeners.push((kind, listener));
    }
    io::stdout().flush()?;
    Ok(listeners)
}
