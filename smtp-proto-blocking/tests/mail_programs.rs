//! `send` delivers to programs that other people wrote.
//!
//! A program that is not installed is skipped, in one plain line; with `CI=true` it is a failure.
#![cfg(feature = "rustls")]

#[path = "../../smtp-proto-tokio/tests/support/servers.rs"]
mod servers;
#[path = "support/mod.rs"]
#[expect(dead_code, reason = "nothing is scripted here")]
mod support;

use core::time::Duration;
use std::fs;
use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

use serde_json::Value;
use servers::{Dovecot, Exim, Folder, Server, free_port, program, smtp_sink};
use support::certificates::{Certificate, Certificates};
use support::{Ended, send};

const PATIENCE: Duration = Duration::from_secs(60);
const LETTER: &str = "Subject: hi\r\n\r\n.dots\r\n..\r\n";
const UTF8: &str = "Subject: Gr\u{fc}\u{df}e\r\n\r\nHello\r\n";

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
    let folder = Folder::new("aiosmtpd");
    let Certificates { ca, good, .. } = Certificates::get();
    let ca = folder.file("ca.pem", ca);
    let files = [folder.file("cert.pem", &good.chain), folder.file("key.pem", &good.key)];
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
    let utf8 = "--user tim --password-env PASSWORD --to j\u{f6}rg@y.test";
    let ended = deliver(&server, &format!("--tls required --ca {ca} {utf8}"), UTF8);
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    let letter: Value = serde_json::from_str(&line()).expect("it is JSON");
    let options = letter["options"].as_array().expect("a list");
    assert!(options.contains(&"SMTPUTF8".into()) && options.contains(&"BODY=8BITMIME".into()));
    assert_eq!(letter["to"], serde_json::json!(["b@y.test", "j\u{f6}rg@y.test"]));
    assert_eq!(letter["content"], UTF8);
    let wrong = format!("--tls required --ca {ca} --user tom --password-env PASSWORD");
    let ended = deliver(&server, &wrong, LETTER);
    let refused = "deferred b@y.test - the server refused the credentials: 535 ";
    assert!(ended.code == Some(1) && ended.stdout.starts_with(refused), "{ended:?}");
    let clear = deliver(&server, "--tls none", LETTER);
    assert_eq!(clear.code, Some(4), "{clear:?}");
}

#[test]
fn smtp_sink_takes_a_letter() {
    let address = free_port();
    let Some(_server) = smtp_sink(&[], &address.to_string()) else { return };
    let ended = deliver(&address.to_string(), "--to c@y.test", LETTER);
    assert_eq!(ended.stdout, "delivered b@y.test 250 2.0.0 Ok\ndelivered c@y.test 250 2.0.0 Ok\n");
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
}

#[test]
fn smtp_sink_takes_a_letter_by_lmtp_over_tcp_and_unix_sockets() {
    let (address, folder) = (free_port(), Folder::new("smtp-sink"));
    let path = folder.path().join("lmtp").to_str().expect("text").to_owned();
    let Some(_tcp) = smtp_sink(&["-L"], &address.to_string()) else { return };
    let _unix = smtp_sink(&["-L"], &format!("unix:{path}"));
    for server in [&address.to_string(), &path] {
        let ended = deliver(server, "--lmtp --to c@y.test", LETTER);
        let taken = "delivered b@y.test 250 2.2.0 Ok\ndelivered c@y.test 250 2.2.0 Ok\n";
        assert_eq!((ended.code, ended.stdout.as_str()), (Some(0), taken), "{}", ended.stderr);
    }
}

/// What a server shows.
fn shown() -> (&'static str, &'static str) {
    let Certificate { chain, key } = &Certificates::get().good;
    (chain, key)
}

/// The options that trust it.
fn required(folder: &Folder) -> String {
    format!("--tls required --ca {}", folder.file("ca.pem", &Certificates::get().ca))
}

/// What `send` makes of a session with Exim.
fn to_exim(exim: &Exim, options: &str, letter: &str) -> Ended {
    let (address, served) = exim.serve();
    let ended = deliver(&address.to_string(), options, letter);
    served.join().expect("no panic");
    ended
}

#[test]
fn exim_takes_a_letter_with_dsn_over_starttls_and_auth() {
    let folder = Folder::new("exim-dsn");
    let Some(exim) = Exim::new(shown()) else { return };
    let safe = format!("{} --user tim --password-env PASSWORD", required(&folder));
    let dsn = "--data --notify success,delay --ret hdrs --envid QQ314159";
    let ended = to_exim(&exim, &format!("{safe} {dsn}"), LETTER);
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
fn exim_shakes_hands_and_lets_us_in_by_plain_and_login() {
    let folder = Folder::new("exim-auth");
    let Some(exim) = Exim::new(shown()) else { return };
    for (count, mechanism) in [(1, "PLAIN"), (2, "LOGIN")] {
        let auth = format!("--password-env PASSWORD --mechanism {mechanism}");
        let options = format!("{} {auth} --user tim", required(&folder));
        let ended = to_exim(&exim, &options, LETTER);
        let is_in = was_said(&ended, "S: 235 Authentication succeeded");
        assert!(ended.code == Some(0) && is_in, "{}", ended.stderr);
        let spool = exim.spool();
        assert_eq!(spool.len(), count);
        for (head, _) in spool {
            assert!(head.contains("-auth_id tim") && head.contains("-tls_cipher TLS1.3"), "{head}");
        }
        let options = format!("{} {auth} --user tom", required(&folder));
        let ended = to_exim(&exim, &options, LETTER);
        let refused = "deferred b@y.test - the server refused the credentials: 535 Incorrect authentication data\n";
        assert_eq!((ended.code, ended.stdout.as_str()), (Some(1), refused), "{}", ended.stderr);
    }
}

#[test]
fn dovecot_keeps_letters_that_come_by_lmtp_in_clear_and_in_tls() {
    let folder = Folder::new("dovecot-trust");
    let Some(dovecot) = Dovecot::start(shown(), "") else { return };
    let (tcp, unix) = (dovecot.address.to_string(), dovecot.socket.to_str().expect("text"));
    let ways =
        [(tcp.as_str(), "--tls none".to_owned()), (unix, String::new()), (&tcp, required(&folder))];
    for (count, (server, tls)) in (1..).zip(&ways) {
        let ended = deliver(server, &format!("--lmtp --to c@y.test {tls}"), LETTER);
        assert_eq!(ended.code, Some(0), "{}", ended.stderr);
        // RFC 2033 4.2: each has a reply of its own.
        for (line, to) in ended.stdout.lines().zip(["b@y.test", "c@y.test"]) {
            let start = format!("delivered {to} 250 2.0.0 <{to}> ");
            assert!(line.starts_with(&start), "{line}");
        }
        assert_eq!(was_said(&ended, "C: STARTTLS"), tls.contains("required"), "{}", ended.stderr);
        let letters = dovecot.mailbox("c@y.test");
        assert_eq!(letters.len(), count);
        for letter in letters {
            assert!(letter.replace("\r\n", "\n").ends_with("\n\n.dots\n..\n"), "{letter}");
        }
    }
}

#[test]
fn exim_with_another_certificate_is_left_with_the_fault_that_it_has() {
    let (folder, made) = (Folder::new("exim-faults"), Certificates::get());
    for (Certificate { chain, key }, why) in [
        (&made.unknown, "no trusted authority has signed the certificate"),
        (&made.other_name, "the certificate is not for this host"),
        (&made.expired, "the certificate has expired"),
    ] {
        let Some(exim) = Exim::new((chain, key)) else { return };
        let ended = to_exim(&exim, &required(&folder), LETTER);
        let told = format!("deferred b@y.test - {why}\n");
        assert_eq!((ended.code, ended.stdout), (Some(1), told), "{}", ended.stderr);
        assert!(exim.spool().is_empty());
    }
}

#[test]
fn exim_takes_a_letter_in_chunks() {
    let Some(exim) = Exim::new(shown()) else { return };
    let long = "a line of a letter\r\n".repeat(20_000);
    for letter in [LETTER, &format!("{LETTER}{long}")] {
        let ended = to_exim(&exim, "--bdat", letter);
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
    let Some(exim) = Exim::new(shown()) else { return };
    let ended = to_exim(&exim, "--to j\u{f6}rg@y.test", UTF8);
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    let said = |part: &str| {
        ended.stderr.lines().any(|line| line.starts_with("C: MAIL") && line.contains(part))
    };
    assert!(said(" SMTPUTF8") && said(" BODY=8BITMIME"), "{}", ended.stderr);
    let [(head, _)] = &exim.spool()[..] else { panic!("one letter") };
    assert!(head.contains("-smtputf8") && head.contains("j\u{f6}rg@y.test"), "{head}");
}
