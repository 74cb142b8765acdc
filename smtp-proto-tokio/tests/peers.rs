//! Our client hands letters to servers and mail stores that other people wrote: Dovecot and smtp-sink by LMTP, Exim in chunks.
//!
//! A program that is not installed is skipped, in one plain line; with `CI=true` it is a failure.
#![cfg(unix)]

mod support;

use core::net::SocketAddr;
use core::time::Duration;
use std::fs;
use std::net::TcpListener;
use std::os::fd::OwnedFd;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::thread;
use std::time::Instant;

use smtp_proto::client::{Config, Flavour};
use smtp_proto::delivery::{Content, Delivery, Envelope, Fate};
use smtp_proto::{Extension, Extensions, Host, MailBuf, RcptBuf};
use smtp_proto_tokio::client::Client;
use support::{Scratch, Sink, program};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, UnixStream};

const PATIENCE: Duration = Duration::from_secs(60);
const LETTER: &str = "Subject: hi\r\n\r\n.dots\r\n..\r\n";

/// How a letter goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum By {
    Data,
    Bdat,
}

/// What became of a letter, a recipient each, and what the server offered.
async fn hand_over<S: AsyncRead + AsyncWrite + Unpin>(
    stream: S,
    flavour: Flavour,
    by: By,
    envelope: Envelope<'_>,
    letter: &str,
) -> (Vec<(Fate, String)>, Extensions) {
    let mut config = Config::default();
    config.flavour = flavour;
    let name = Host::parse(b"client.test").expect("a domain");
    let mut client = Client::connect(stream, name, Arc::new(config)).await.expect("it greets");
    let offered = client.extensions().expect("it was heard").clone();
    let mut plan = Delivery::plan(&offered, &envelope, Content::of(letter.as_bytes()))
        .expect("the letter can go there");
    if by == By::Bdat {
        plan = plan.in_chunks();
        assert!(plan.uses_chunks(), "the server offers CHUNKING");
    }
    let mut fates = vec![(Fate::Unknown, String::new()); envelope.recipients().count()];
    let each = |index: usize, outcome: smtp_proto::delivery::Outcome<'_>| {
        let reply = outcome.reply.map(|reply| reply.to_string()).unwrap_or_default();
        fates[index] = (outcome.fate, reply);
    };
    client.deliver_by(plan, envelope, letter, each).await.expect("the session goes on");
    client.quit().await.expect("it closes");
    (fates, offered)
}

fn all_delivered(fates: &[(Fate, String)]) -> bool {
    fates.iter().all(|(fate, _)| *fate == Fate::Delivered)
}

/// To two recipients.
fn to_two() -> Envelope<'static> {
    Envelope::new("a@x.test", ["bob@y.test", "carol@y.test"]).expect("addresses")
}

/// A port that was free a moment ago.
fn free_port() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    listener.local_addr().expect("it is bound")
}

async fn connect(address: SocketAddr) -> TcpStream {
    let start = Instant::now();
    loop {
        match TcpStream::connect(address).await {
            Ok(stream) => return stream,
            Err(error) => assert!(start.elapsed() < PATIENCE, "nobody listens: {error}"),
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

async fn connect_unix(path: &Path) -> UnixStream {
    let start = Instant::now();
    loop {
        match UnixStream::connect(path).await {
            Ok(stream) => return stream,
            Err(error) => assert!(start.elapsed() < PATIENCE, "nobody listens: {error}"),
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// A server that is ended with its value: by SIGTERM, so that it ends its children.
struct Server(Child);

impl Drop for Server {
    fn drop(&mut self) {
        let kill = format!("kill {}", self.0.id());
        let _told = Command::new("sh").args(["-c", &kill]).status();
        let _ended = self.0.wait();
    }
}

/// Dovecot's LMTP on a port and on a Unix socket, with a Maildir for everyone, or as a proxy to another server of LMTP.
struct Dovecot {
    address: SocketAddr,
    folder: PathBuf,
    _server: Server,
}

const DOVECOT: &str = r#"
base_dir = FOLDER/run
log_path = FOLDER/log
protocols = lmtp
ssl = no
mail_location = maildir:FOLDER/mail/%u
first_valid_uid = 1
lmtp_proxy = yes
userdb {
  driver = static
  args = uid=mail gid=mail home=FOLDER/mail/%u allow_all_users=yes
}
passdb {
  driver = static
  args = nopassword=y PROXY
}
service lmtp {
  unix_listener lmtp {
    mode = 0600
  }
  inet_listener lmtp {
    address = 127.0.0.1
    port = PORT
  }
}
"#;

impl Dovecot {
    /// None where it cannot run: it changes users, and only root can.
    fn start(scratch: &Scratch, proxy: &str) -> Option<Self> {
        let program = program("dovecot")?;
        let is_root = Command::new("id").arg("-u").output().is_ok_and(|id| id.stdout == b"0\n");
        if !is_root {
            eprintln!("skipped: dovecot wants to be started by root");
            return None;
        }
        let (address, folder) = (free_port(), short_folder());
        fs::create_dir(folder.join("mail")).expect("a folder that can be written");
        fs::set_permissions(folder.join("mail"), fs::Permissions::from_mode(0o777))
            .expect("it is ours");
        let config = DOVECOT
            .replace("FOLDER", folder.to_str().expect("text"))
            .replace("PROXY", proxy)
            .replace("PORT", &address.port().to_string());
        let config = scratch.file("dovecot.conf", config.as_bytes());
        let server =
            Command::new(program).arg("-F").arg("-c").arg(config).spawn().expect("it starts");
        Some(Self { address, folder, _server: Server(server) })
    }

    /// The letters of a user.
    fn mailbox(&self, user: &str) -> Vec<String> {
        let new = fs::read_dir(self.folder.join("mail").join(user).join("new")).expect("a mailbox");
        let files = new.map(|file| file.expect("a file").path());
        files.map(|file| fs::read_to_string(file).expect("text")).collect()
    }
}

impl Drop for Dovecot {
    fn drop(&mut self) {
        let _removed = fs::remove_dir_all(&self.folder);
    }
}

/// A folder that others can look into, and whose name is short enough for that of a socket.
fn short_folder() -> PathBuf {
    let folder = std::env::temp_dir().join(format!("dovecot-{}", free_port().port()));
    fs::create_dir(&folder).expect("a folder that can be written");
    fs::set_permissions(&folder, fs::Permissions::from_mode(0o755)).expect("it is ours");
    folder
}

#[tokio::test]
async fn dovecot_keeps_letters_that_come_by_lmtp() {
    let scratch = Scratch::new("dovecot");
    let Some(dovecot) = Dovecot::start(&scratch, "") else { return };
    let socket = dovecot.folder.join("run/lmtp");
    for (count, by) in [By::Data, By::Bdat].into_iter().enumerate() {
        let tcp = connect(dovecot.address).await;
        let (fates, offered) = hand_over(tcp, Flavour::Lmtp, by, to_two(), LETTER).await;
        assert!(all_delivered(&fates), "{by:?}: {fates:?}");
        // RFC 2033 4.2: each has a reply of its own.
        for ((_, reply), user) in fates.iter().zip(["bob@y.test", "carol@y.test"]) {
            assert!(reply.starts_with("250 2.0.0 ") && reply.contains(user), "{reply}");
        }
        assert!(offered.contains(Extension::Chunking) && offered.contains(Extension::Pipelining));
        let unix = connect_unix(&socket).await;
        let (fates, _) = hand_over(unix, Flavour::Lmtp, by, to_two(), LETTER).await;
        assert!(all_delivered(&fates), "{by:?}: {fates:?}");
        for user in ["bob@y.test", "carol@y.test"] {
            let letters = dovecot.mailbox(user);
            assert_eq!(letters.len(), 2 * (count + 1));
            for letter in letters {
                assert!(letter.replace("\r\n", "\n").ends_with("\n\n.dots\n..\n"), "{letter}");
            }
        }
    }
}

#[tokio::test]
async fn dovecot_hands_letters_to_our_lmtp_server() {
    let sink = Sink::start(&["--lmtp", "127.0.0.1:0"]);
    let port = sink.port("lmtp");
    let scratch = Scratch::new("dovecot-proxy");
    let proxy = format!("proxy=y host=127.0.0.1 port={port} protocol=lmtp");
    let Some(dovecot) = Dovecot::start(&scratch, &proxy) else { return };
    let tcp = connect(dovecot.address).await;
    let (fates, _) = hand_over(tcp, Flavour::Lmtp, By::Data, to_two(), LETTER).await;
    assert!(all_delivered(&fates), "{fates:?}");
    let stored = sink.stored();
    let mut to: Vec<&str> = stored
        .iter()
        .flat_map(|letter| letter.envelope["to"].as_array().expect("a list"))
        .map(|to| to.as_str().expect("text"))
        .collect();
    to.sort_unstable();
    assert_eq!(to, ["bob@y.test", "carol@y.test"]);
    for letter in stored {
        assert_eq!(letter.envelope["protocol"], "LMTP");
        assert!(letter.content.ends_with(b"\r\n\r\n.dots\r\n..\r\n"));
    }
}

/// Postfix's smtp-sink, which counts and forgets.
fn smtp_sink(address: &str) -> Option<Server> {
    let child = Command::new(program("smtp-sink")?)
        .args(["-L", "-u", "nobody", address, "100"])
        .stdout(Stdio::null())
        .spawn()
        .expect("smtp-sink starts");
    Some(Server(child))
}

#[tokio::test]
async fn smtp_sink_takes_letters_by_lmtp_over_tcp_and_unix_sockets() {
    let (address, folder) = (free_port(), Scratch::new("smtp-sink"));
    let path = folder.path().join("lmtp");
    let Some(_tcp) = smtp_sink(&address.to_string()) else { return };
    let _unix = smtp_sink(&format!("unix:{}", path.to_str().expect("text")));
    let expected = [
        (Fate::Delivered, "250 2.2.0 Ok".to_owned()),
        (Fate::Delivered, "250 2.2.0 Ok".to_owned()),
    ];
    let tcp = connect(address).await;
    let (fates, _) = hand_over(tcp, Flavour::Lmtp, By::Data, to_two(), LETTER).await;
    assert_eq!(fates, expected);
    let unix = connect_unix(&path).await;
    let (fates, _) = hand_over(unix, Flavour::Lmtp, By::Data, to_two(), LETTER).await;
    assert_eq!(fates, expected);
}

/// Exim with all that it offers in the clear, on the socket of one session; what it takes it keeps in its spool.
const EXIM: &str = r"
primary_hostname = mx.test
spool_directory = FOLDER/spool
log_file_path = FOLDER/spool/%slog
acl_smtp_mail = accept
acl_smtp_rcpt = accept
acl_smtp_data = accept
chunking_advertise_hosts = *
dsn_advertise_hosts = *
smtputf8_advertise_hosts = *
tls_advertise_hosts =
accept_8bitmime = true
queue_only = true
host_lookup =
rfc1413_hosts =
";

/// What becomes of a letter to Exim, and its envelope and content as they lie in the spool.
async fn to_exim(envelope: Envelope<'_>, letter: &str) -> Option<(String, String)> {
    let program = program("exim4")?;
    let scratch = Scratch::new("exim");
    let folder = scratch.path().to_str().expect("text");
    let config = scratch.file("exim.conf", EXIM.replace("FOLDER", folder).as_bytes());
    fs::create_dir(scratch.path().join("spool")).expect("a folder that can be written");
    for name in ["", "spool"] {
        // Exim gives up being root.
        let open = fs::Permissions::from_mode(0o777);
        fs::set_permissions(scratch.path().join(name), open).expect("it is ours");
    }
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("it is bound");
    let served = thread::spawn(move || {
        let (stream, _) = listener.accept().expect("a client");
        let ends = [(); 2].map(|()| OwnedFd::from(stream.try_clone().expect("a descriptor")));
        let [input, output] = ends.map(Stdio::from);
        drop(stream);
        let mut command = Command::new(program);
        command.arg("-C").arg(config).arg("-bs").stdin(input).stdout(output);
        command.stderr(Stdio::null()).status().expect("exim4 starts")
    });
    let stream = connect(address).await;
    let (fates, _) = hand_over(stream, Flavour::Smtp, By::Bdat, envelope, letter).await;
    assert!(all_delivered(&fates), "{fates:?}");
    served.join().expect("no panic");
    let spool = fs::read_dir(scratch.path().join("spool/input")).expect("a spool");
    let mut files: Vec<PathBuf> = spool.map(|file| file.expect("a file").path()).collect();
    files.sort();
    let of = |end: &str| {
        let file = files.iter().find(|file| file.to_str().is_some_and(|name| name.ends_with(end)));
        let octets = fs::read(file.expect("one letter")).expect("it can be read");
        String::from_utf8_lossy(&octets).into_owned()
    };
    Some((of("-H"), of("-D")))
}

#[tokio::test]
async fn exim_takes_letters_in_chunks_with_dsn() {
    let mail = MailBuf {
        from: "a@x.test".parse().expect("an address"),
        params: "RET=HDRS ENVID=QQ314159".parse().expect("parameters"),
    };
    let rcpts = [RcptBuf {
        to: "b@y.test".parse().expect("an address"),
        params: "NOTIFY=SUCCESS,DELAY ORCPT=rfc822;b@y.test".parse().expect("parameters"),
    }];
    let long = format!("{LETTER}{}", "a line of a letter\r\n".repeat(20_000));
    for letter in [LETTER, &long] {
        let Some((head, data)) = to_exim(Envelope::of(&mail, &rcpts), letter).await else { return };
        for kept in ["-dsn_envid QQ314159", "-dsn_ret 2", "rfc822;b@y.test"] {
            assert!(head.contains(kept), "{kept}: {head}");
        }
        let body = letter.split_once("\r\n\r\n").expect("a header").1.replace("\r\n", "\n");
        assert!(data.ends_with(&body), "{data}");
    }
}

#[tokio::test]
async fn exim_takes_letters_to_addresses_in_utf8() {
    let envelope = Envelope::new("a@x.test", ["j\u{f6}rg@y.test"]).expect("addresses");
    let letter = "Subject: Gr\u{fc}\u{df}e\r\n\r\nHello\r\n";
    let Some((head, _)) = to_exim(envelope, letter).await else { return };
    assert!(head.contains("-smtputf8") && head.contains("j\u{f6}rg@y.test"), "{head}");
}
