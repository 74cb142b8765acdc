//! Programs that other people wrote deliver to `sink` and `post-office` over TLS, and say who they are; LMTP goes both ways.
//!
//! A program that is not installed is skipped, in one plain line; with `CI=true` it is a failure.
#![cfg(feature = "rustls")]

#[path = "support/certificates.rs"]
#[allow(dead_code, reason = "each test file uses a part of it")]
mod certificates;
mod support;

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use certificates::{Authority, NOW};
use serde_json::{Value, json};
use support::office::{Office, root};
use support::servers::{Folder, program};
use support::{Scratch, Sink, Stored, run};

const SENDER: &str = "alice@client.example";
const RECIPIENT: &str = "bob@localhost";
const LETTER: &str = "Subject: secret\r\n\r\nNobody reads this on the way.\r\n";

/// What a server needs, and what its clients trust.
struct Trust {
    _folder: Scratch,
    ca: PathBuf,
    cert: PathBuf,
    key: PathBuf,
    letter: PathBuf,
}

impl Trust {
    fn new() -> Self {
        let (folder, authority) = (Scratch::new("trust"), Authority::new());
        let certificate = authority.issue(&["localhost", "127.0.0.1"], NOW);
        Self {
            ca: folder.file("ca.pem", authority.pem.as_bytes()),
            cert: folder.file("cert.pem", certificate.chain.as_bytes()),
            key: folder.file("key.pem", certificate.key.as_bytes()),
            letter: folder.file("letter.eml", LETTER.as_bytes()),
            _folder: folder,
        }
    }

    /// The options of a server that wants TLS and a user.
    fn options(&self) -> [&str; 6] {
        let text = |path: &'static str| path;
        [
            text("--tls-cert"),
            self.cert.to_str().unwrap(),
            text("--tls-key"),
            self.key.to_str().unwrap(),
            text("--user"),
            text("tim:tanstaaf"),
        ]
    }

    fn ca(&self) -> &str {
        self.ca.to_str().unwrap()
    }
}

/// How a session is encrypted.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Way {
    StartTls,
    Implicit,
}

/// Lets a program deliver to `sink` in both ways, and to the post-office, where a user has to be known.
fn deliver(name: &str, command: impl Fn(&mut Command, &Trust, Way, u16)) {
    let Some(path) = program(name) else { return };
    let trust = Trust::new();
    let sink = Sink::start(
        &[&trust.options()[..], &["--require-auth", "--listen-tls", "127.0.0.1:0"]].concat(),
    );
    for (way, port) in [(Way::StartTls, sink.address().port()), (Way::Implicit, sink.port("smtps"))]
    {
        let mut program = Command::new(&path);
        command(&mut program, &trust, way, port);
        let said = run(program, LETTER.as_bytes());
        let envelope = sink.newest().envelope;
        let how =
            json!([envelope["tls"], envelope["user"], envelope["protocol"], envelope["from"]]);
        assert_eq!(how, json!([true, "tim", "ESMTPSA", SENDER]), "{said}");
    }
    assert_eq!(sink.stored().len(), 2);

    let folder = root();
    let doors = ["--submission", "127.0.0.1:0", "--listen-tls", "127.0.0.1:0"];
    let office = Office::open(folder.path(), &[&trust.options()[..], &doors[..]].concat());
    for (way, kind) in [(Way::StartTls, "submission"), (Way::Implicit, "smtps")] {
        let mut program = Command::new(&path);
        command(&mut program, &trust, way, office.port(kind));
        run(program, LETTER.as_bytes());
    }
    let letters = office.letters(RECIPIENT);
    assert_eq!(letters.len(), 2);
    for letter in letters {
        let (trace, letter) = letter.split();
        assert!(trace.contains("with ESMTPSA"), "{trace}");
        assert!(letter.contains("Nobody reads this on the way."), "{letter}");
    }
}

#[test]
fn swaks_delivers_in_tls_and_authenticates_by_plain() {
    swaks("PLAIN");
}

#[test]
fn swaks_delivers_in_tls_and_authenticates_by_login() {
    swaks("LOGIN");
}

fn swaks(mechanism: &str) {
    deliver("swaks", |command, trust, way, port| {
        command.arg(if way == Way::StartTls { "--tls" } else { "--tls-on-connect" });
        command.args(["--tls-verify", "--tls-ca-path", trust.ca(), "--server", "127.0.0.1"]);
        command.args(["--port", &port.to_string(), "--from", SENDER, "--to", RECIPIENT]);
        command.args(["--auth", mechanism, "--auth-user", "tim", "--auth-password", "tanstaaf"]);
        command.args(["--helo", "client.example", "--data"]);
        command.arg(format!("@{}", trust.letter.display()));
    });
}

#[test]
fn curl_delivers_in_tls_and_authenticates_by_plain() {
    curl("PLAIN");
}

#[test]
fn curl_delivers_in_tls_and_authenticates_by_login() {
    curl("LOGIN");
}

fn curl(mechanism: &str) {
    deliver("curl", |command, trust, way, port| {
        let scheme = if way == Way::StartTls { "smtp" } else { "smtps" };
        command.args(["--silent", "--show-error", "--ssl-reqd", "--cacert", trust.ca(), "--user"]);
        command.args(["tim:tanstaaf", "--login-options", &format!("AUTH={mechanism}")]);
        command.args(["--mail-from", SENDER, "--mail-rcpt", RECIPIENT, "--upload-file"]);
        command.arg(&trust.letter).arg(format!("{scheme}://localhost:{port}/client.example"));
        command.arg("--ipv4");
    });
}

#[test]
fn msmtp_delivers_in_tls_and_authenticates_by_plain() {
    msmtp("plain");
}

#[test]
fn msmtp_delivers_in_tls_and_authenticates_by_login() {
    msmtp("login");
}

fn msmtp(mechanism: &str) {
    deliver("msmtp", |command, trust, way, port| {
        let starttls = if way == Way::StartTls { "on" } else { "off" };
        command.args(["--file=/dev/null", "--host=127.0.0.1", &format!("--port={port}")]);
        command.args(["--tls=on", &format!("--tls-starttls={starttls}")]);
        command.args([&format!("--tls-trust-file={}", trust.ca()), "--user=tim"]);
        command.args([&format!("--auth={mechanism}"), "--passwordeval=echo tanstaaf"]);
        command.args(["--domain=client.example", "--from", SENDER, "--", RECIPIENT]);
    });
}

#[test]
fn smtplib_delivers_in_tls_and_authenticates_by_plain() {
    smtplib("plain");
}

#[test]
fn smtplib_delivers_in_tls_and_authenticates_by_login() {
    smtplib("login");
}

fn smtplib(mechanism: &str) {
    const SCRIPT: &str = r#"
import smtplib, ssl, sys
_, way, mechanism, port, ca, sender, recipient, path = sys.argv
context = ssl.create_default_context(cafile=ca)
if way == "starttls":
    client = smtplib.SMTP("127.0.0.1", int(port), "client.example")
    client.starttls(context=context)
else:
    client = smtplib.SMTP_SSL("127.0.0.1", int(port), "client.example", context=context)
client.ehlo()
client.user, client.password = "tim", "tanstaaf"
client.auth(mechanism, getattr(client, "auth_" + mechanism))
with open(path, "rb") as letter:
    client.sendmail(sender, [recipient], letter.read())
client.quit()
"#;
    deliver("python3", |command, trust, way, port| {
        let way = if way == Way::StartTls { "starttls" } else { "implicit" };
        command.args(["-c", SCRIPT, way, mechanism, &port.to_string(), trust.ca()]);
        command.args([SENDER, RECIPIENT]).arg(&trust.letter);
    });
}

#[test]
fn programs_that_know_the_wrong_password_deliver_nothing() {
    let Some(curl) = program("curl") else { return };
    let trust = Trust::new();
    let sink = Sink::start(&[&trust.options()[..], &["--require-auth"]].concat());
    let mut command = Command::new(curl);
    command.args(["--silent", "--show-error", "--ssl-reqd", "--cacert", trust.ca()]);
    command.args(["--user", "tim:wrong", "--mail-from", SENDER, "--mail-rcpt", RECIPIENT]);
    command.arg("--upload-file").arg(&trust.letter).arg("--ipv4");
    command.arg(format!("smtp://localhost:{}", sink.address().port()));
    let output = command.output().expect("it starts");
    // CURLE_LOGIN_DENIED.
    assert_eq!(output.status.code(), Some(67), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(sink.files(), 0);
}

#[test]
fn programs_do_not_trust_a_certificate_of_somebody_else() {
    let Some(curl) = program("curl") else { return };
    let trust = Trust::new();
    let sink = Sink::start(&trust.options());
    let stranger = Trust::new();
    let mut command = Command::new(curl);
    command.args(["--silent", "--show-error", "--ssl-reqd", "--cacert", stranger.ca()]);
    command.args(["--mail-from", SENDER, "--mail-rcpt", RECIPIENT, "--ipv4", "--upload-file"]);
    command.arg(&trust.letter).arg(format!("smtp://localhost:{}", sink.address().port()));
    let output = command.output().expect("it starts");
    // CURLE_PEER_FAILED_VERIFICATION.
    assert_eq!(output.status.code(), Some(60), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(sink.files(), 0);
}

#[test]
fn smtp_source_delivers_by_lmtp() {
    let Some(smtp_source) = program("smtp-source") else { return };
    let folder = Scratch::new("lmtp");
    let path = folder.path().join("lmtp.socket");
    let unix = format!("unix:{}", path.display());
    let sink = Sink::start(&["--lmtp", path.to_str().unwrap()]);
    let mut command = Command::new(&smtp_source);
    command.args(["-L", "-s", "5", "-m", "50", "-r", "3", "-f", SENDER, "-t", RECIPIENT, &unix]);
    run(command, b"");
    let stored = sink.stored();
    assert_eq!(stored.len(), 50);
    for letter in &stored {
        let envelope = &letter.envelope;
        assert_eq!((&envelope["protocol"], &envelope["client"]), (&json!("LMTP"), &json!(null)));
        assert_eq!(envelope["to"], json!(["3bob@localhost", "2bob@localhost", "bob@localhost"]));
    }
    assert!(sink.stop().starts_with("messages=50 "));

    let root = root();
    let socket = root.path().join("lmtp.socket");
    let office = Office::open(root.path(), &["--lmtp", socket.to_str().unwrap()]);
    let mut command = Command::new(&smtp_source);
    let unix = format!("unix:{}", socket.display());
    command.args(["-L", "-s", "5", "-m", "50", "-f", SENDER, "-t", RECIPIENT, &unix]);
    run(command, b"");
    let letters = office.letters(RECIPIENT);
    assert_eq!(letters.len(), 50);
    assert!(letters.iter().all(|letter| letter.split().0.contains(" with LMTP id ")));
}

/// Exim as a client: it takes a letter on its standard input, and hands it on by this transport before it ends.
const EXIM: &str = r"
exim_path = PROGRAM
primary_hostname = client.test
spool_directory = FOLDER/spool
log_file_path = FOLDER/%slog
keep_environment =
acl_smtp_rcpt = accept
acl_smtp_data = accept
tls_advertise_hosts =
dsn_advertise_hosts = *
smtputf8_advertise_hosts = *
smtp_enforce_sync = false
host_lookup =
begin routers
on:
  driver = manualroute
  route_list = * 127.0.0.1
  self = send
  transport = on
begin transports
on:
TRANSPORT
begin authenticators
one:
  driver = plaintext
AUTH
";
const PLAIN: &str = "public_name = PLAIN\nclient_send = ^tim^tanstaaf";
const LOGIN: &str = "public_name = LOGIN\nclient_send = : tim : tanstaaf";

/// What is said to it.
const GIVEN: &str = "EHLO client.test\r\n\
    MAIL FROM:<alice@client.example> RET=HDRS ENVID=QQ314159 SMTPUTF8\r\n\
    RCPT TO:<j\u{f6}rg@localhost> NOTIFY=SUCCESS,DELAY\r\n\
    RCPT TO:<bob@localhost>\r\n\
    DATA\r\n\
    Subject: Gr\u{fc}\u{df}e\r\n\r\n..dots\r\n...\r\n.\r\n\
    QUIT\r\n";

/// How the letter came to `sink` that Exim handed on so, and the line in which Exim says how.
fn by_exim(exim: &Path, sink: &Sink, transport: &str, auth: &str) -> (Value, String) {
    let folder = Folder::new("exim");
    let text = EXIM.replace("PROGRAM", exim.to_str().unwrap()).replace("TRANSPORT", transport);
    let text = text.replace("AUTH", auth).replace("FOLDER", folder.path().to_str().unwrap());
    let mut command = Command::new(exim);
    command.args(["-C", &folder.file("config", &text), "-odf", "-bs"]);
    let said = run(command, GIVEN.as_bytes());
    let log = fs::read_to_string(folder.path().join("mainlog")).expect("it keeps one");
    let line = log.lines().find(|line| line.contains(" => "));
    let line = line.unwrap_or_else(|| panic!("{said}{log}")).to_owned();
    let Stored { content, envelope } = sink.newest();
    let content = String::from_utf8(content).expect("text");
    assert!(content.contains("\r\nSubject: Gr\u{fc}\u{df}e\r\n"), "{content}");
    assert!(content.ends_with("\r\n\r\n.dots\r\n..\r\n"), "{content}");
    (envelope, line)
}

/// The letter with all that was said of it; sizes are Exim's estimate.
fn as_given(client: Option<&str>, protocol: &str, user: Option<&str>, envelope: &Value) -> Value {
    json!({
        "client": client, "helo": "client.test", "tls": protocol.contains('S'), "user": user,
        "protocol": protocol, "from": "alice@client.example",
        "to": ["j\u{f6}rg@localhost", "bob@localhost"],
        "params": {"ENVID": "QQ314159", "RET": "HDRS", "SMTPUTF8": true, "SIZE": envelope["params"]["SIZE"]},
        "rcpt_params": [{"NOTIFY": "SUCCESS,DELAY"}, {}], "octets": envelope["octets"],
    })
}

#[test]
fn exim_delivers_in_chunks_in_tls_and_authenticates() {
    let Some(exim) = program("exim4") else { return };
    let (trust, folder) = (Trust::new(), Folder::new("exim-trust"));
    let ca = folder.file("ca.pem", &fs::read_to_string(&trust.ca).unwrap());
    let sink = Sink::start(&[&trust.options()[..], &["--require-auth"]].concat());
    let transport = format!(
        "driver = smtp\nport = {}\nhosts_require_tls = *\nhosts_require_auth = *\n\
         tls_verify_certificates = {ca}\ntls_verify_hosts = *",
        sink.address().port(),
    );
    for auth in [PLAIN, LOGIN] {
        let (envelope, line) = by_exim(&exim, &sink, &transport, auth);
        let expected = as_given(Some("127.0.0.1"), "UTF8SMTPSA", Some("tim"), &envelope);
        assert_eq!(envelope, expected, "{line}");
        // The certificate is verified, the user known, and the content went by BDAT.
        assert!(line.contains(" CV=yes A=one K C=\"250 2.0.0 "), "{line}");
    }
    assert_eq!(sink.stored().len(), 2);
}

#[test]
fn exim_delivers_by_lmtp_in_tls_and_over_unix_sockets() {
    let Some(exim) = program("exim4") else { return };
    let (trust, folder) = (Trust::new(), Folder::new("exim-lmtp"));
    let tcp = Sink::start(&[&trust.options()[..], &["--lmtp", "127.0.0.1:0"]].concat());
    let port = tcp.port("lmtp");
    let transport = format!("driver = smtp\nprotocol = lmtp\nport = {port}\nhosts_require_tls = *");
    let (envelope, line) = by_exim(&exim, &tcp, &transport, PLAIN);
    assert_eq!(envelope, as_given(Some("127.0.0.1"), "UTF8LMTPS", None, &envelope), "{line}");

    let socket = folder.path().join("lmtp");
    let unix = Sink::start(&["--lmtp", socket.to_str().unwrap()]);
    fs::set_permissions(&socket, fs::Permissions::from_mode(0o777)).unwrap();
    let transport = format!("driver = lmtp\nsocket = {}\nbatch_max = 9", socket.display());
    // This driver of Exim's knows no extension, so the other address cannot go by it.
    let (envelope, line) = by_exim(&exim, &unix, &transport, PLAIN);
    let how = json!([envelope["client"], envelope["protocol"], envelope["to"]]);
    assert_eq!(how, json!([null, "LMTP", ["bob@localhost"]]), "{line}");
    assert_eq!(unix.stored().len(), 1);
}
