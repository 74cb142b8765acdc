//! The `conformance` example against our own server, and against one that ends a line where none ends.

#[path = "support/program.rs"]
mod program;

use core::net::SocketAddr;
use std::io::{self, BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::process::Command;
use std::sync::Arc;
use std::thread;

use serde_json::Value;
use smtp_proto::sasl::Credentials;
use smtp_proto::server::{Config, Opening, Summary};
use smtp_proto::testing::cases::{MESSAGE_MAX, cases};
use smtp_proto::{ForwardPath, Rcpt, ReplyBuf, stock};
use smtp_proto_blocking::{Handler, Session, Verdict, serve};

/// Takes every letter, and every recipient but `no`; lets in `tim` with `tanstaaf`.
struct Taker;

impl Handler for Taker {
    type Letter = ();

    fn authenticate(&mut self, credentials: &Credentials) -> Verdict {
        match credentials {
            Credentials::Plain { authzid, authcid, password }
                if authzid.is_none() && authcid == "tim" && password.matches(b"tanstaaf") =>
            {
                Ok(None)
            }
            _ => Err(stock::BAD_CREDENTIALS),
        }
    }

    fn rcpt(&mut self, rcpt: &Rcpt<'_>) -> Verdict {
        match rcpt.to {
            ForwardPath::Mailbox(mailbox) if mailbox.local_part().as_str() == "no" => {
                Err(stock::NO_SUCH_MAILBOX)
            }
            _ => Ok(None),
        }
    }

    fn begin(&mut self, _: Opening) -> Result<(), ReplyBuf> {
        Ok(())
    }

    fn write(&mut self, (): &mut (), _: &[u8]) -> Result<(), ReplyBuf> {
        Ok(())
    }

    fn commit(&mut self, (): (), _: Summary) -> Verdict {
        Ok(None)
    }
}

/// Serves every connection by `serve`, each by a thread.
fn listen(serve: impl Fn(TcpStream) -> io::Result<()> + Clone + Send + 'static) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("it is bound");
    thread::spawn(move || {
        for stream in listener.incoming() {
            let (stream, serve) = (stream.expect("a client"), serve.clone());
            thread::spawn(move || serve(stream));
        }
    });
    address
}

fn ours() -> SocketAddr {
    let mut config = Config::new("mx.test").expect("a domain");
    config.limits.message = MESSAGE_MAX;
    let config = Arc::new(config);
    listen(move |stream| serve(Session::new(stream, Arc::clone(&config)), Taker))
}

#[cfg(feature = "rustls")]
fn ours_with_tls() -> SocketAddr {
    let made = rcgen::generate_simple_self_signed(["mx.test".to_owned()]).expect("a certificate");
    let (chain, key) = (made.cert.pem(), made.signing_key.serialize_pem());
    let acceptor = smtp_proto_blocking::tls::Acceptor::from_pem(chain.as_bytes(), key.as_bytes());
    let acceptor = acceptor.expect("it is good");
    let mut config = Config::new("mx.test").expect("a domain");
    config.limits.message = MESSAGE_MAX;
    config.starttls = smtp_proto::server::StartTls::Offered;
    config.auth.in_tls = smtp_proto::Mechanisms::of(["PLAIN", "LOGIN"]);
    let config = Arc::new(config);
    listen(move |stream| {
        let session = Session::new(stream, Arc::clone(&config));
        serve(session.with_tls(acceptor.clone()), Taker)
    })
}

/// What it said on stdout and stderr, and its exit code.
fn conformance(arguments: &[&str]) -> (String, String, Option<i32>) {
    let mut command = Command::new(program::example("conformance"));
    let ended = command.args(arguments).env("PASSWORD", "tanstaaf").env("NO_PASSWORD", "").output();
    let ended = ended.expect("conformance starts");
    let text = |octets| String::from_utf8(octets).expect("text");
    (text(ended.stdout), text(ended.stderr), ended.status.code())
}

#[test]
fn no_row_fails_at_our_own_server() {
    let server = ours().to_string();
    let (report, errors, code) = conformance(&["--server", &server, "--parallel", "8"]);
    assert_eq!((errors.as_str(), code), ("", Some(0)), "{report}");
    let total = report.lines().last().expect("a summary");
    let (counts, seconds) = total.rsplit_once(' ').expect("the seconds at the end");
    let asked = cases().filter(|case| case.pre.opening().is_some()).count();
    let rows = |word: &str| report.lines().filter(|line| line.starts_with(word)).count();
    // The last line begins so, too.
    let (passed, left_out) = (rows("pass") - 1, rows("n/a"));
    assert_eq!(counts, format!("pass={passed} fail=0 skipped=0 n/a={left_out}"));
    assert_eq!(passed + left_out, asked);
    assert!(passed > 200 && seconds.starts_with("seconds="), "{total}");
}

#[test]
#[cfg(feature = "rustls")]
fn no_row_of_starttls_and_auth_fails_at_our_own_server() {
    let server = ours_with_tls().to_string();
    let user = ["--tls", "--user", "tim", "--password-env", "PASSWORD"];
    let rows = ["--server", &server, "--parallel", "8", "--only", "TL", "--only", "AU"];
    let (report, errors, code) = conformance(&[&rows[..], &user].concat());
    assert_eq!((errors.as_str(), code), ("", Some(0)), "{report}");
    assert!(report.lines().any(|line| line.contains(" fail=0 skipped=0 ")), "{report}");
    assert!(report.contains("pass    TL-15") && report.contains("pass    AU-02a"), "{report}");
    assert!(!report.contains("AHRpbQB0YW5zdGFhZg=="), "a password is shown: {report}");
    let (report, errors, code) = conformance(&rows);
    assert_eq!((errors.as_str(), code), ("", Some(0)), "{report}");
    assert!(report.contains("skipped AU-02a    it needs --tls"), "{report}");
}

#[test]
fn the_report_is_told_in_json_too() {
    let server = ours().to_string();
    let (report, _, code) = conformance(&["--server", &server, "--only", "SM-0", "--json"]);
    let report: Value = serde_json::from_str(&report).expect("it is JSON");
    assert_eq!((code, &report["error"]), (Some(0), &Value::Null), "{report}");
    let rows = report["rows"].as_array().expect("rows");
    assert!(rows.iter().all(|row| row["id"].as_str().is_some_and(|id| id.starts_with("SM-0"))));
    let row = rows.iter().find(|row| row["id"] == "SM-04").expect("it was selected");
    let refused = "550 5.5.2 Bare CR, bare LF or NUL in the message";
    for (key, value) in [
        ("verdict", "pass"),
        ("got_then", "open"),
        ("asked_then", "open"),
        ("because", "CRLF.LF: CVE-2023-51766"),
    ] {
        assert_eq!(row[key], value, "{row}");
    }
    assert_eq!((&row["got"][0], &row["asked"][0]), (&refused.into(), &"550/5.5.2".into()));
}

/// Ends a line, and with it the data, at every LF: the error that smuggling lives on.
fn serve_lf(stream: TcpStream) -> io::Result<()> {
    let mut reader = BufReader::new(stream.try_clone()?);
    let (mut writer, mut line, mut in_data) = (stream, Vec::new(), false);
    writer.write_all(b"220 lf.test\r\n")?;
    loop {
        line.clear();
        if reader.read_until(b'\n', &mut line)? == 0 {
            return Ok(());
        }
        let text = line.trim_ascii_end();
        let reply = match text.get(..4).unwrap_or(text) {
            b"." if in_data => "250 ok",
            _ if in_data => continue,
            b"DATA" => "354 go on",
            b"EHLO" => "250-lf.test\r\n250-PIPELINING\r\n250 SIZE 1000",
            b"HELO" | b"MAIL" | b"RCPT" => "250 ok",
            _ => "500 what?",
        };
        in_data = reply.starts_with("354");
        writer.write_all(format!("{reply}\r\n").as_bytes())?;
    }
}

#[test]
fn a_server_that_lets_messages_be_smuggled_is_found_out() {
    let server = listen(serve_lf).to_string();
    let arguments = ["--server", &server, "--only", "SM-0", "--timeout", "1", "--parallel", "8"];
    let (report, errors, code) = conformance(&arguments);
    let failed: Vec<&str> = report
        .lines()
        .filter(|line| line.starts_with("fail"))
        .filter_map(|line| line.split_whitespace().nth(1))
        .collect();
    assert_eq!(failed, ["SM-02", "SM-03", "SM-04"], "{report}");
    assert_eq!((errors.as_str(), code), ("conformance: 3 rows do not hold.\n", Some(1)));
    for told in [
        "fault    reply 1 is 250, not 5yz",
        "state    behind EHLO c.test, MAIL FROM:<a@x.test>, RCPT TO:<r@t.test>, DATA",
        "asked    550/5.5.2",
        "because  no end of data here",
    ] {
        assert!(report.contains(told), "{told} is not in {report}");
    }
}

#[test]
fn a_server_that_takes_no_mail_is_not_called_conformant() {
    let server = listen(|mut stream| stream.write_all(b"554 no\r\n")).to_string();
    let (report, errors, code) = conformance(&["--server", &server]);
    let error = "conformance: the greeting was refused: 554 no.\n";
    assert_eq!((report.as_str(), errors.as_str(), code), ("", error, Some(1)));
    let server = ours().to_string();
    let nobody = ["--server", &server, "--rcpt", "no@x.test", "--only", "SM-0"];
    let (_, errors, code) = conformance(&nobody);
    let error = "conformance: no row of the class SM ran: its state is not reached: 550 5.1.1";
    assert!(errors.starts_with(error) && code == Some(1), "{errors}");
}

#[test]
fn where_tls_is_asked_for_and_not_offered_that_is_told() {
    let server = ours().to_string();
    let (report, errors, code) = conformance(&["--server", &server, "--tls", "--only", "ST-01"]);
    let told = "conformance: the server offers no STARTTLS: no row is asked inside TLS.\n";
    assert_eq!((errors.as_str(), code), (told, Some(0)), "{report}");
}

#[test]
fn a_wrong_command_line_is_told_before_anything_is_sent() {
    let server = "127.0.0.1:1";
    for wrong in [
        &[][..],
        &["--server", "127.0.0.1"],
        &["--server", server, "--lmtp"],
        &["--server", server, "--only", "XX"],
        &["--server", server, "--tls", "--user", "u"],
        &["--server", server, "--user", "u", "--password-env", "PATH"],
        &["--server", server, "--tls", "--user", "u", "--password-env", "NOT_SET"],
        &["--server", server, "--tls", "--user", "u", "--password-env", "NO_PASSWORD"],
        &["--server", server, "--parallel", "0"],
        &["--server", server, "--timeout", "0"],
        &["--server", server, "--rcpt", "a b"],
    ] {
        let (report, errors, code) = conformance(wrong);
        assert!(code == Some(2) && report.is_empty() && !errors.is_empty(), "{wrong:?}: {errors}");
    }
    let (_, errors, code) = conformance(&["--server", server, "--timeout", "1"]);
    assert!(errors.starts_with("conformance: cannot connect to 127.0.0.1:1: ") && code == Some(1));
    let (help, _, code) = conformance(&["--help"]);
    let warned = help.contains("Never against a server that is not yours");
    assert!(warned && help.contains("Examples:") && code == Some(0), "{help}");
}
