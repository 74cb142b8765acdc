//! Servers and mail stores that other people wrote, each for one test: Exim, Dovecot and Postfix's smtp-sink. The tests of both adapters
//! use them.
//!
//! A program that is not installed is skipped, in one plain line; with `CI=true` it is a failure.

use core::net::SocketAddr;
use core::sync::atomic::{AtomicU32, Ordering};
use core::time::Duration;
use std::io::{self, Write as _};
use std::net::{TcpListener, TcpStream};
use std::os::fd::OwnedFd;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::{self, JoinHandle};
use std::time::Instant;
use std::{env, fs, process};

/// None of them takes longer to listen.
const PATIENCE: Duration = Duration::from_secs(60);

/// Where a program is; `None`, and one plain line, where it is not installed. With `CI=true` that is a failure.
pub(crate) fn program(name: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    let found = env::split_paths(&path).map(|folder| folder.join(name)).find(|path| path.is_file());
    if found.is_none() {
        skip(&format!("{name} is not installed"));
    }
    found
}

fn skip(why: &str) {
    assert!(env::var_os("CI").is_none_or(|ci| ci != "true"), "{why}");
    // Not eprintln: the test harness would keep the line of a test that passes.
    let _ = writeln!(io::stderr(), "skipped: {why}");
}

/// A folder that all users can write into, since these servers do not stay root, under a name that is short enough for that of a socket.
/// It is removed with its value.
pub(crate) struct Folder(PathBuf);

impl Folder {
    pub(crate) fn new(name: &str) -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let folder = Self(env::temp_dir().join(format!("{name}-{}-{count}", process::id())));
        fs::create_dir(&folder.0).expect("a folder that can be written");
        open(&folder.0);
        folder
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }

    fn text(&self) -> &str {
        self.0.to_str().expect("text")
    }

    /// Writes a file into it, and gives its path.
    pub(crate) fn file(&self, name: &str, text: &str) -> String {
        let file = self.0.join(name);
        fs::write(&file, text).expect("a folder that can be written");
        file.to_str().expect("text").to_owned()
    }

    fn folder(&self, name: &str) {
        let folder = self.0.join(name);
        fs::create_dir(&folder).expect("a folder that can be written");
        open(&folder);
    }

    /// The configuration of a server, which says FOLDER for this one, with what the server is known by: its certificate and its key.
    fn config(&self, text: &str, (certificate, key): (&str, &str)) -> String {
        self.file("cert.pem", certificate);
        open(Path::new(&self.file("key.pem", key)));
        self.file("config", &text.replace("FOLDER", self.text()))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _removed = fs::remove_dir_all(&self.0);
    }
}

fn open(path: &Path) {
    fs::set_permissions(path, fs::Permissions::from_mode(0o777)).expect("it is ours");
}

/// A port that was free a moment ago.
pub(crate) fn free_port() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    listener.local_addr().expect("it is bound")
}

/// Waits until this succeeds.
fn wait_for<T>(connect: impl Fn() -> io::Result<T>) {
    let start = Instant::now();
    while let Err(error) = connect() {
        assert!(start.elapsed() < PATIENCE, "nobody listens: {error}");
        thread::sleep(Duration::from_millis(20));
    }
}

/// A server that is ended with its value: by SIGTERM, so that it ends its children.
pub(crate) struct Server(pub(crate) Child);

impl Drop for Server {
    fn drop(&mut self) {
        let kill = format!("kill {}", self.0.id());
        let _told = Command::new("sh").args(["-c", &kill]).status();
        let _ended = self.0.wait();
    }
}

/// Postfix's smtp-sink, which counts and forgets, at an address or at a Unix socket: `unix:PATH`.
pub(crate) fn smtp_sink(options: &[&str], address: &str) -> Option<Server> {
    let child = Command::new(program("smtp-sink")?)
        .args(["-u", "nobody"])
        .args(options)
        .args([address, "100"])
        .stdout(Stdio::null())
        .spawn()
        .expect("smtp-sink starts");
    let server = Server(child);
    match address.strip_prefix("unix:") {
        Some(path) => wait_for(|| UnixStream::connect(path)),
        None => wait_for(|| TcpStream::connect(address)),
    }
    Some(server)
}

/// Exim with all that it offers, on the socket of one session at a time; what it takes it keeps in its spool.
pub(crate) struct Exim {
    folder: Folder,
    program: PathBuf,
    config: String,
}

const EXIM: &str = r#"
primary_hostname = mx.test
spool_directory = FOLDER/spool
log_file_path = FOLDER/spool/%slog
acl_smtp_mail = accept
acl_smtp_rcpt = accept
acl_smtp_data = accept
chunking_advertise_hosts = *
dsn_advertise_hosts = *
smtputf8_advertise_hosts = *
auth_advertise_hosts = *
tls_advertise_hosts = *
tls_certificate = FOLDER/cert.pem
tls_privatekey = FOLDER/key.pem
accept_8bitmime = true
queue_only = true
host_lookup =
rfc1413_hosts =
begin authenticators
plain:
  driver = plaintext
  public_name = PLAIN
  server_prompts = :
  server_condition = ${if and {{eq{$auth2}{tim}}{eq{$auth3}{tanstaaf}}}}
  server_set_id = $auth2
login:
  driver = plaintext
  public_name = LOGIN
  server_prompts = Username:: : Password::
  server_condition = ${if and {{eq{$auth1}{tim}}{eq{$auth2}{tanstaaf}}}}
  server_set_id = $auth1
cram:
  driver = cram_md5
  public_name = CRAM-MD5
  server_secret = ${if eq{$auth1}{tim}{tanstaaf}fail}
  server_set_id = $auth1
"#;

impl Exim {
    pub(crate) fn new(identity: (&str, &str)) -> Option<Self> {
        let program = program("exim4")?;
        let folder = Folder::new("exim");
        let config = folder.config(EXIM, identity);
        folder.folder("spool");
        Some(Self { folder, program, config })
    }

    /// Serves one session: where, and until when.
    pub(crate) fn serve(&self) -> (SocketAddr, JoinHandle<()>) {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("it is bound");
        let mut command = Command::new(&self.program);
        command.args(["-C", &self.config, "-bs"]).stderr(Stdio::null());
        let served = thread::spawn(move || {
            let (stream, _) = listener.accept().expect("a client");
            let ends = [(); 2].map(|()| OwnedFd::from(stream.try_clone().expect("a descriptor")));
            let [input, output] = ends.map(Stdio::from);
            drop(stream);
            command.stdin(input).stdout(output).status().expect("exim4 starts");
        });
        (address, served)
    }

    /// The letters in its spool: what it knows of each, and its content.
    pub(crate) fn spool(&self) -> Vec<(String, String)> {
        // It makes this folder for the first of them.
        let files = fs::read_dir(self.folder.path().join("spool/input"));
        let files = files.into_iter().flatten().map(|file| file.expect("a file").path());
        let heads = files.filter_map(|file| file.to_str()?.strip_suffix("-H").map(str::to_owned));
        let mut letters: Vec<String> = heads.collect();
        letters.sort();
        let text = |file| String::from_utf8_lossy(&fs::read(file).expect("it is there")).into();
        letters
            .iter()
            .map(|letter| (text(format!("{letter}-H")), text(format!("{letter}-D"))))
            .collect()
    }
}

/// Dovecot's LMTP on a port and on a Unix socket, with a Maildir for everyone, or as a proxy to another server of LMTP.
pub(crate) struct Dovecot {
    pub(crate) address: SocketAddr,
    pub(crate) socket: PathBuf,
    _server: Server,
    folder: Folder,
}

const DOVECOT: &str = r#"
base_dir = FOLDER/run
log_path = FOLDER/log
protocols = lmtp
ssl = yes
ssl_cert = <FOLDER/cert.pem
ssl_key = <FOLDER/key.pem
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
    /// `proxy` says where it hands letters on; nothing: it keeps them. None where it cannot run: it changes users, and only root can.
    pub(crate) fn start(identity: (&str, &str), proxy: &str) -> Option<Self> {
        let program = program("dovecot")?;
        let is_root = Command::new("id").arg("-u").output().is_ok_and(|id| id.stdout == b"0\n");
        if !is_root {
            skip("dovecot wants to be started by root");
            return None;
        }
        let (address, folder) = (free_port(), Folder::new("dovecot"));
        folder.folder("mail");
        let config = DOVECOT.replace("PROXY", proxy).replace("PORT", &address.port().to_string());
        let config = folder.config(&config, identity);
        let child = Command::new(program).args(["-F", "-c", &config]).spawn().expect("it starts");
        let (server, socket) = (Server(child), folder.path().join("run/lmtp"));
        wait_for(|| TcpStream::connect(address));
        wait_for(|| UnixStream::connect(&socket));
        Some(Self { address, socket, _server: server, folder })
    }

    /// The letters of a user.
    pub(crate) fn mailbox(&self, user: &str) -> Vec<String> {
        let new = self.folder.path().join("mail").join(user).join("new");
        let files = fs::read_dir(new).expect("a mailbox").map(|file| file.expect("a file").path());
        files.map(|file| fs::read_to_string(file).expect("text")).collect()
    }
}
