//! The whole way of a letter, shown in a terminal: alice hands it in, bob gets it, and alice is told.

use core::error::Error;
use core::net::SocketAddr;
use core::time::Duration;
use std::env;
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process;
use std::sync::Arc;

use smtp_proto::delivery::{Content, Envelope, Fate};
use smtp_proto::report::Date;
use smtp_proto::{Host, MailBuf, MailParamsBuf, MailboxBuf, RcptBuf};
use smtp_proto_tokio::Address as Place;
use smtp_proto_tokio::client::Client;
use tokio::net::TcpStream;

use crate::address::Address;
use crate::config::Options;
use crate::counter::Counter;
use crate::mailbox::{make, names};
use crate::office::now;
use crate::recording::Recording;
use crate::sorter::Sorter;
use crate::{ended, listen, open};

const CLIENT: &str = "client.example";
const WIDTH: usize = 80;

/// Opens an office for one letter. Without `--root` nothing is left of it.
pub(crate) async fn run(options: &Options, sorter: Sorter) -> Result<(), Box<dyn Error>> {
    let ended = ended()?;
    let shown = async {
        if let Some(root) = &options.root {
            return tell(options, root, sorter).await;
        }
        let folder = Temporary::new()?;
        tell(options, &folder.0, sorter).await?;
        folder.remove()?;
        Ok(say("The office is closed, and its folder is removed.")?)
    };
    tokio::select! {
        shown = shown => shown,
        () = ended => Ok(()),
    }
}

async fn tell(options: &Options, root: &Path, sorter: Sorter) -> Result<(), Box<dyn Error>> {
    let office = open(root, options, sorter)?;
    let (kind, listener) =
        listen(options, "127.0.0.1:0").await?.pop().ok_or("nothing is listened on")?;
    let address = listener.local_addrs().first().and_then(Place::socket);
    let address = address.ok_or("the demo needs an IP address to listen on")?;
    show("in ", &root.display().to_string())?;
    let (handle, config) = (listener.handle(), Arc::new(options.server(kind)?));
    let serving = tokio::spawn(listener.serve(config, move |peer| Counter::new(&office, peer)));

    let [alice, bob] = ["alice", "bob"].map(|name| format!("{name}@{}", options.hostname));
    let (alice, bob): (MailboxBuf, MailboxBuf) = (alice.parse()?, bob.parse()?);
    say("Alice hands in a letter for Bob, and asks to be told when it is delivered:")?;
    hand_in(address, &alice, &bob).await?;
    handle.shut_down(Duration::ZERO);
    serving.await?;
    say("It lies in Bob's mailbox; the office put the first two fields on top:")?;
    show_mailbox(root, &bob)?;
    say("The office has told Alice:")?;
    show_mailbox(root, &alice)?;
    Ok(())
}

/// What any program does that sends a letter.
async fn hand_in(
    office: SocketAddr,
    alice: &MailboxBuf,
    bob: &MailboxBuf,
) -> Result<(), Box<dyn Error>> {
    let stream = Recording::new(TcpStream::connect(office).await?);
    let name = Host::parse(CLIENT.as_bytes())?;
    let mut client = Client::connect(stream, name, Arc::default()).await?;
    let mail = MailBuf { from: alice.clone().into(), params: MailParamsBuf::new() };
    let rcpt = [RcptBuf { to: bob.clone().into(), params: "NOTIFY=SUCCESS".parse()? }];
    let letter = letter(alice, bob);
    let content = Content::seven_bit().with_octets(letter.len().try_into()?);
    let mut fate = Fate::Unknown;
    let told = |_, outcome: smtp_proto::delivery::Outcome<'_>| fate = outcome.fate;
    client.deliver(Envelope::of(&mail, &rcpt), content, letter, told).await?;
    client.quit().await?;
    if fate == Fate::Delivered { Ok(()) } else { Err("the office does not take the letter".into()) }
}

fn letter(alice: &MailboxBuf, bob: &MailboxBuf) -> String {
    let now = now();
    let lines = [
        &format!("From: Alice <{alice}>"),
        &format!("To: Bob <{bob}>"),
        "Subject: The post office is open",
        &format!("Date: {}", Date::utc(now)),
        &format!("Message-ID: <{now}@{CLIENT}>"),
        "",
        "Dear Bob,",
        "the next line begins with one dot. On the wire it has two.",
        ".",
        "Alice",
    ];
    lines.map(|line| format!("{line}\r\n")).concat()
}

fn show_mailbox(root: &Path, owner: &MailboxBuf) -> io::Result<()> {
    let new = Path::new("mailboxes").join(Address::of(owner.as_ref()).folder()).join("new");
    let mut letters = names(&root.join(&new))?;
    letters.sort();
    let letter = letters.last().ok_or_else(|| io::Error::other("the mailbox is empty"))?;
    let place = new.join(letter);
    show("", &place.to_string_lossy())?;
    let octets = fs::read(root.join(place))?;
    String::from_utf8_lossy(&octets).lines().try_for_each(|line| show("| ", line))
}

fn say(sentence: &str) -> io::Result<()> {
    writeln!(io::stdout(), "\n{sentence}\n")
}

/// Prints a line behind what it is a line of; what does not fit is printed below it.
pub(crate) fn show(of: &str, line: &str) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    let room = WIDTH - of.len();
    let mut rest: Vec<char> = line.chars().map(|c| if c.is_control() { '?' } else { c }).collect();
    let mut indent = of;
    loop {
        let below = rest.split_off(rest.len().min(room));
        let shown = format!("{indent}{}", rest.iter().collect::<String>());
        writeln!(stdout, "{}", shown.trim_end())?;
        if below.is_empty() {
            return Ok(());
        }
        (rest, indent) = (below, if of == "| " { of } else { &"    "[..of.len()] });
    }
}

/// A folder that is removed when it is over.
struct Temporary(PathBuf);

impl Temporary {
    fn new() -> io::Result<Self> {
        let path = env::temp_dir().join(format!("post-office-{}-{}", process::id(), now()));
        make(&path).map(|()| Self(path))
    }

    fn remove(self) -> io::Result<()> {
        fs::remove_dir_all(&self.0)
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}
