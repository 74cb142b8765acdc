//! `Letterbox`: takes everything, and ends with its value.

#![cfg(feature = "testing")]

use core::time::Duration;
use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::time::Instant;

use smtp_proto::server::Config;
use smtp_proto_blocking::Letterbox;

const SOON: Duration = Duration::from_secs(10);

/// Says the parts one by one, and returns the last reply.
fn say(letterbox: &Letterbox, parts: &[&str]) -> io::Result<String> {
    let mut stream = TcpStream::connect(letterbox.address())?;
    let mut reply = [0; 1024];
    let mut read = stream.read(&mut reply)?;
    for part in parts {
        stream.write_all(part.as_bytes())?;
        read = stream.read(&mut reply)?;
    }
    Ok(String::from_utf8_lossy(&reply[..read]).into_owned())
}

#[test]
fn letters_come_out_as_they_went_in() {
    let letterbox = Letterbox::open().unwrap();
    for number in 0..3 {
        let replies = say(
            &letterbox,
            &[
                "EHLO c.test\r\n",
                "MAIL FROM:<alice@c.test> SIZE=100 RET=HDRS\r\n",
                &format!("RCPT TO:<bob+{number}@x.test>\r\n"),
                "RCPT TO:<postmaster> NOTIFY=NEVER\r\n",
                "DATA\r\n",
                "Subject: t\r\n\r\n..dot\r\n.\r\n",
            ],
        );
        assert_eq!(replies.unwrap(), "250 2.0.0 Message accepted\r\n");
    }
    for number in 0..3 {
        let letter = letterbox.wait(SOON).unwrap();
        assert_eq!(letter.from().to_string(), "alice@c.test");
        assert_eq!(letter.mail.as_ref().params.size(), Some(100));
        let to: Vec<String> = letter.to().map(|to| to.to_string()).collect();
        assert_eq!(to, [format!("bob+{number}@x.test"), "postmaster".into()]);
        assert_eq!(letter.content, b"Subject: t\r\n\r\n.dot\r\n");
    }
    assert_eq!(letterbox.wait(Duration::from_millis(10)), None);
}

#[test]
fn what_is_not_finished_is_no_letter() {
    let letterbox = Letterbox::open().unwrap();
    let parts = ["HELO c.test\r\n", "MAIL FROM:<>\r\n", "RCPT TO:<a@x.test>\r\n", "DATA\r\n"];
    say(&letterbox, &parts).unwrap();
    assert_eq!(letterbox.wait(Duration::from_millis(300)), None);
}

#[test]
fn its_threads_end_with_it() {
    let letterbox = Letterbox::open().unwrap();
    let address = letterbox.address();
    let mut idle = TcpStream::connect(address).unwrap();
    idle.read_exact(&mut [0; 3]).unwrap();
    let start = Instant::now();
    drop(letterbox);
    assert!(start.elapsed() < Duration::from_secs(2), "{:?}", start.elapsed());
    idle.read_to_end(&mut Vec::new()).unwrap();
    assert_eq!(TcpStream::connect(address).unwrap_err().kind(), io::ErrorKind::ConnectionRefused);
}

#[test]
fn its_limits_can_be_set() {
    let mut config = Config::new("small.test").unwrap();
    config.limits.message = 10;
    let letterbox = Letterbox::open_with(config).unwrap();
    let reply = say(&letterbox, &["EHLO c.test\r\n", "MAIL FROM:<> SIZE=11\r\n"]).unwrap();
    assert_eq!(reply, "552 5.3.4 Message too big\r\n");
}
