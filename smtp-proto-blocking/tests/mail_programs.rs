//! `send` delivers to programs that other people wrote.
//!
//! A program that is not installed is skipped, in one plain line; with `CI=true` it is a failure.
#![cfg(feature = "rustls")]

#[path = "support/mod.rs"]
#[expect(dead_code, reason = "nothing is scripted here")]
mod support;

use core::net::SocketAddr;
use core::time::Duration;
use std::io::{self, BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::os::fd::OwnedFd;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio, id};
use std::time::Instant;
use std::{env, fs, thread};

use serde_json::Value;
use support::certificates::{Certificate, Certificates};
use support::{Ended, send};

const PATIENCE: Duration = Duration::from_secs(60);
const LETTER: &str = "Subject: hi\r\n\r\n.dots\r\n..\r\n";

/// Where the program is; `None` says that it is skipped.
fn program(name: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    let found = env::split_paths(&path).map(|folder| folder.join(name)).find(|path| path.is_file());
    if found.is_none() {
        assert!(env::var_os("CI").is_none_or(|ci| ci != "true"), "{name} is not installed");
        // Not eprintln: the test harness would keep the line of a test that passes.
        let _ = writeln!(io::stderr(), "skipped: {name} is not installed");
    }
    found
}

/// A folder that is removed.
struct Scratch(PathBuf);

impl Scratch {
    fn new(name: &str) -> Self {
        let folder = env::temp_dir().join(format!("send-interop-{name}-{}", id()));
        fs::create_dir_all(&folder).expect("a folder that can be written");
        Self(folder)
    }

    fn write(&self, name: &str, text: &str) -> String {
        let file = self.0.join(name);
        fs::write(&file, text).expect("a folder that can be written");
        file.to_str().expect("text").to_owned()
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _removed = fs::remove_dir_all(&self.0);
    }
}

/// A server that is ended with its value.
struct Server(Child);

impl Drop for Server {
    fn drop(&mut self) {
        let _ended = self.0.kill().and_then(|()| self.0.wait());
    }
}

/// A port that was free a moment ago.
fn free_port() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    listener.local_addr().expect("it is bound")
}

fn wait_for(address: SocketAddr) {
    let start = Instant::now();
    while TcpStream::connect(address).is_err() {
        assert!(start.elapsed() < PATIENCE, "nobody listens");
        thread::sleep(Duration::from_millis(20));
    }
}

/// Runs `send` with these options, which are words.
fn deliver(server: &str, options: &str, letter: &str) -> Ended {
    let start = ["--server", server, "--from", "a@x.test", "--to", "b@y.test", "--transcript"];
    let arguments: Vec<&str> = start.into_iter().chain(options.split_whitespace()).collect();
    send(&arguments, letter.as_bytes().to_vec(), PATIENCE)
}

fn was_said(ended: &Ended, line: &str) -> bool {
    ended.stderr.lines().any(|said| said == line)
}

/// aiosmtpd with STARTTLS and AUTH, both of which it insists on; it prints its port and then each letter as JSON.
const AIOSMTPD: &str = r#"
import asyncio, json, ssl, sys
from aiosmtpd.smtp import SMTP, AuthResult

class Keep:
    async def handle_DATA(self, server, session, envelope):
        told = {"tls": session.ssl is not None, "user": session.auth_data.login.decode(), "from": envelope.mail_from,
                "options": envelope.mail_options, "to": envelope.rcpt_tos, "content": envelope.original_content.decode()}
        print(json.dumps(told), flush=True)
        return "250 2.0.0 kept"

def check(server, session, envelope, mechanism, data):
    right = (data.login, data.password) == (b"tim", b"tanstaaf")
    return AuthResult(success=right, handled=right, auth_data=data)

async def main():
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(sys.argv[1], sys.argv[2])
    def session():
        return SMTP(Keep(), hostname="mx.test", tls_context=context, require_starttls=True, auth_required=True,
                    authenticator=check, enable_SMTPUTF8=True, decode_data=False)
    server = await asyncio.get_running_loop().create_server(session, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()

asyncio.run(main())
"#;

#[test]
fn aiosmtpd_takes_a_letter_over_starttls_and_auth() {
    let Some(aiosmtpd) = program("aiosmtpd") else { return };
    let python = fs::canonicalize(aiosmtpd).expect("it is there").with_file_name("python3");
    let scratch = Scratch::new("aiosmtpd");
    let Certificates { ca, good, .. } = Certificates::get();
    let ca = scratch.write("ca.pem", ca);
    let files = [scratch.write("cert.pem", &good.chain), scratch.write("key.pem", &good.key)];
    let mut child = Command::new(python)
        .args(["-c", AIOSMTPD])
        .args(files)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("python3 starts");
    let mut told = BufReader::new(child.stdout.take().expect("it is piped")).lines();
    let _server = Server(child);
    let mut line = || told.next().expect("a line").expect("text");
    let server = format!("127.0.0.1:{}", line());
    for mechanism in ["PLAIN", "LOGIN"] {
        let options = format!(
            "--tls required --ca {ca} --user tim --password-env PASSWORD --mechanism {mechanism}"
        );
        let ended = deliver(&server, &options, LETTER);
        assert_eq!(ended.stdout, "delivered b@y.test 250 2.0.0 kept\n", "{}", ended.stderr);
        assert_eq!(ended.code, Some(0), "{}", ended.stderr);
        assert!(was_said(&ended, "C: STARTTLS") && !ended.stderr.contains("dGFuc3RhYWY"));
        let letter: Value = serde_json::from_str(&line()).expect("it is JSON");
        assert_eq!((&letter["tls"], &letter["user"]), (&Value::from(true), &Value::from("tim")));
        assert_eq!(letter["content"], LETTER);
    }
    let wrong = format!("--tls required --ca {ca} --user tom --password-env PASSWORD");
    let ended = deliver(&server, &wrong, LETTER);
    let refused = "deferred b@y.test - the server refused the credentials: 535 ";
    assert!(ended.code == Some(1) && ended.stdout.starts_with(refused), "{ended:?}");
    let clear = deliver(&server, "--tls none", LETTER);
    assert_eq!(clear.code, Some(4), "{clear:?}");
}

/// Postfix's smtp-sink, which counts and forgets.
fn smtp_sink(options: &[&str], address: &str) -> Option<Server> {
    let sink = program("smtp-sink")?;
    let child = Command::new(sink)
        .args(["-u", "nobody"])
        .args(options)
        .args([address, "100"])
        .stdout(Stdio::null())
        .spawn()
        .expect("smtp-sink starts");
    Some(Server(child))
}

#[test]
fn smtp_sink_takes_a_letter() {
    let address = free_port();
    let Some(_server) = smtp_sink(&[], &address.to_string()) else { return };
    wait_for(address);
    let ended = deliver(&address.to_string(), "--to c@y.test", LETTER);
    assert_eq!(ended.stdout, "delivered b@y.test 250 2.0.0 Ok\ndelivered c@y.test 250 2.0.0 Ok\n");
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
}

#[test]
fn smtp_sink_takes_a_letter_by_lmtp_over_tcp_and_unix_sockets() {
    let (address, scratch) = (free_port(), Scratch::new("smtp-sink"));
    let path = scratch.0.join("lmtp").to_str().expect("text").to_owned();
    let Some(_tcp) = smtp_sink(&["-L"], &address.to_string()) else { return };
    let _unix = smtp_sink(&["-L"], &format!("unix:{path}"));
    wait_for(address);
    let start = Instant::now();
    while !Path::new(&path).exists() {
        assert!(start.elapsed() < PATIENCE, "nobody listens");
        thread::sleep(Duration::from_millis(20));
    }
    for server in [&address.to_string(), &path] {
        let ended = deliver(server, "--lmtp --to c@y.test", LETTER);
        let taken = "delivered b@y.test 250 2.2.0 Ok\ndelivered c@y.test 250 2.2.0 Ok\n";
        assert_eq!((ended.code, ended.stdout.as_str()), (Some(0), taken), "{}", ended.stderr);
    }
}

/// Exim with all that it offers, on the socket of one session; what it takes it keeps in its spool.
struct Exim {
    scratch: Scratch,
    program: PathBuf,
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
"#;

impl Exim {
    fn new(name: &str) -> Option<Self> {
        let program = program("exim4")?;
        let scratch = Scratch::new(name);
        let Certificate { chain, key } = &Certificates::get().good;
        scratch.write("cert.pem", chain);
        scratch.write("key.pem", key);
        let folder = scratch.0.to_str().expect("text");
        scratch.write("exim.conf", &EXIM.replace("FOLDER", folder));
        fs::create_dir(scratch.0.join("spool")).expect("a folder that can be written");
        for name in ["", "spool", "key.pem"] {
            // Exim gives up being root.
            let open = fs::Permissions::from_mode(0o777);
            fs::set_permissions(scratch.0.join(name), open).expect("it is ours");
        }
        Some(Self { scratch, program })
    }

    /// What `send` makes of a session with it.
    fn deliver(&self, options: &str, letter: &str) -> Ended {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("it is bound").to_string();
        let config = self.scratch.0.join("exim.conf");
        let program = self.program.clone();
        let served = thread::spawn(move || {
            let (stream, _) = listener.accept().expect("a client");
            let ends = [(); 2].map(|()| OwnedFd::from(stream.try_clone().expect("a descriptor")));
            let [input, output] = ends.map(Stdio::from);
            drop(stream);
            let mut command = Command::new(program);
            command.arg("-C").arg(config).arg("-bs").stdin(input).stdout(output);
            command.stderr(Stdio::null()).status().expect("exim4 starts")
        });
        let ca = self.scratch.write("ca.pem", &Certificates::get().ca);
        let ended = deliver(&address, &options.replace("CA", &ca), letter);
        served.join().expect("no panic");
        ended
    }

    /// The letters in its spool: the files that hold their envelopes and their contents.
    fn spool(&self) -> Vec<(String, String)> {
        let folder = self.scratch.0.join("spool/input");
        let files = fs::read_dir(folder).expect("a spool").map(|file| file.expect("a file").path());
        let mut letters: Vec<PathBuf> = files.filter(|file| ends_with(file, "-H")).collect();
        letters.sort();
        let text =
            |file: &Path| String::from_utf8_lossy(&fs::read(file).expect("text")).into_owned();
        letters
            .iter()
            .map(|head| {
                let data = head.to_str().expect("text").replace("-H", "-D");
                (text(head), text(Path::new(&data)))
            })
            .collect()
    }
}

fn ends_with(file: &Path, end: &str) -> bool {
    file.to_str().is_some_and(|name| name.ends_with(end))
}

#[test]
fn exim_takes_a_letter_with_dsn_over_starttls_and_auth() {
    let Some(exim) = Exim::new("exim-dsn") else { return };
    let ended = exim.deliver(
        "--tls required --ca CA --user tim --password-env PASSWORD --data --notify success,delay --ret hdrs --envid QQ314159",
        LETTER,
    );
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    let ready = "S: 220 TLS go ahead";
    assert!(was_said(&ended, ready) && was_said(&ended, "C: DATA"), "{}", ended.stderr);
    assert!(was_said(&ended, "C: RCPT TO:<b@y.test> NOTIFY=SUCCESS,DELAY"), "{}", ended.stderr);
    let [(head, data)] = &exim.spool()[..] else { panic!("one letter") };
    for kept in ["-dsn_envid QQ314159", "-dsn_ret 2", "-auth_id tim", "-tls_cipher"] {
        assert!(head.contains(kept), "{kept}: {head}");
    }
    assert!(data.ends_with("\n.dots\n..\n"), "{data}");
}

#[test]
fn exim_takes_a_letter_in_chunks() {
    let Some(exim) = Exim::new("exim-bdat") else { return };
    let long = "a line of a letter\r\n".repeat(20_000);
    for letter in [LETTER, &format!("{LETTER}{long}")] {
        let ended = exim.deliver("--bdat", letter);
        assert_eq!(ended.code, Some(0), "{}", ended.stderr);
        let chunks = ended.stderr.lines().filter(|line| line.starts_with("C: BDAT ")).count();
        assert!(chunks > 0 && !was_said(&ended, "C: DATA"), "{}", ended.stderr);
        let contents = exim.spool();
        let body = letter.replace("\r\n", "\n");
        let body = body.split_once("\n\n").expect("a header").1;
        assert!(contents.iter().any(|(_, data)| data.ends_with(body)));
    }
}

#[test]
fn exim_takes_a_letter_to_an_address_in_utf8() {
    let Some(exim) = Exim::new("exim-utf8") else { return };
    let ended = exim.deliver("--to j\u{f6}rg@y.test", "Subject: Gr\u{fc}\u{df}e\r\n\r\nHello\r\n");
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    let said = |part: &str| {
        ended.stderr.lines().any(|line| line.starts_with("C: MAIL") && line.contains(part))
    };
    assert!(said(" SMTPUTF8") && said(" BODY=8BITMIME"), "{}", ended.stderr);
    let [(head, _)] = &exim.spool()[..] else { panic!("one letter") };
    assert!(head.contains("-smtputf8") && head.contains("j\u{f6}rg@y.test"), "{head}");
}
