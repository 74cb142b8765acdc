//! The driver of the example `own_runtime`, at work and measured.

use core::net::SocketAddr;
use core::time::Duration;
use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Instant;

use smtp_proto::server::{Config, Event, Server, Why};

#[allow(dead_code, reason = "the test brings a handler of its own")]
#[path = "../examples/own_runtime.rs"]
mod own_runtime;

/// What the server was told.
#[derive(Debug, Default)]
struct Told {
    content: Vec<u8>,
    closed: Vec<Why>,
}

/// A server whose time-outs are short.
fn start() -> (SocketAddr, Arc<Mutex<Told>>) {
    let mut config = Config::new("mx.test").unwrap();
    config.limits.command_wait = Duration::from_millis(300);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let told = Arc::new(Mutex::new(Told::default()));
    let telling = Arc::clone(&told);
    let handle = move |event: Event<'_>, server: &mut Server| match event {
        Event::Rcpt { pending, .. } => server.accept(pending).unwrap(),
        Event::Message { pending, .. } => server.accept(pending).unwrap(),
        Event::Body(octets) => telling.lock().unwrap().content.extend_from_slice(octets),
        Event::Closed { why, .. } => telling.lock().unwrap().closed.push(why),
        other => server.decline(other),
    };
    thread::spawn(move || own_runtime::serve(&listener, &Arc::new(config), handle));
    (address, told)
}

fn read_all(stream: &mut TcpStream) -> String {
    let mut replies = String::new();
    stream.read_to_string(&mut replies).unwrap();
    replies
}

#[test]
fn letters_of_many_clients_come_in_at_the_same_time() {
    const LETTER: &str = "MAIL FROM:<>\r\nRCPT TO:<bob@mx.test>\r\n";
    let (address, told) = start();
    let mut clients: Vec<TcpStream> =
        (0..20).map(|_| TcpStream::connect(address).unwrap()).collect();
    for say in ["EHLO client.test\r\n", LETTER, "DATA\r\n", "..dot\r\n.\r\n", "QUIT\r\n"] {
        for client in &mut clients {
            // What has to wait for a reply is sent behind one.
            let mut reply = [0; 4096];
            assert!(client.read(&mut reply).unwrap() > 0);
            client.write_all(say.as_bytes()).unwrap();
        }
    }
    for client in &mut clients {
        assert_eq!(read_all(client), "221 2.0.0 Closing\r\n");
    }
    let told = told.lock().unwrap();
    assert_eq!(told.content, b".dot\r\n".repeat(20));
    assert_eq!(told.closed, [Why::Quit; 20]);
}

#[test]
fn slow_client_is_told_so_and_a_half_closed_one_is_served() {
    let (address, told) = start();
    let start = Instant::now();
    let mut client = TcpStream::connect(address).unwrap();
    assert_eq!(read_all(&mut client), "220 mx.test ESMTP\r\n421 4.4.2 Too slow, closing\r\n");
    assert!(start.elapsed() >= Duration::from_millis(300));

    let mut client = TcpStream::connect(address).unwrap();
    assert!(client.read(&mut [0; 100]).unwrap() > 0);
    client.write_all(b"HELO client.test\r\n").unwrap();
    client.shutdown(Shutdown::Write).unwrap();
    assert_eq!(read_all(&mut client), "250 mx.test\r\n");
    assert_eq!(told.lock().unwrap().closed, [Why::TimedOut, Why::Eof]);
}

#[test]
fn driver_is_under_60_lines() {
    let source = include_str!("../examples/own_runtime.rs");
    let (_, driver) = source.split_once("    fn turn(").unwrap();
    let (driver, _) = driver.split_once("\n}\n").unwrap();
    let lines = driver.lines().count();
    assert!(lines < 60, "{lines} lines");
}
