//! `Listener`: whom it lets in, whom it turns away, and how it stops.

mod clerk;

use core::net::SocketAddr;
use core::time::Duration;
use std::io;
use std::sync::Arc;
use std::time::Instant;

use clerk::{Clerk, Client, Log, TAKEN, Trip, config, hush};
use smtp_proto_tokio::{Address, Handle, Listener, Peer};
use tokio::net::{TcpSocket, TcpStream, UnixStream};
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};

const SHUTTING_DOWN: &str = "421 4.3.2 Shutting down\r\n";
const LONG: Duration = Duration::from_secs(60);

struct Office {
    address: SocketAddr,
    handle: Handle,
    served: JoinHandle<()>,
    log: Log,
}

impl Office {
    async fn open(clerk: Clerk, limits: impl FnOnce(Listener) -> Listener) -> Self {
        let listener = limits(Listener::bind(["127.0.0.1:0"]).await.expect("a free port"));
        let address = listener.local_addrs()[0].socket().expect("it is of IP");
        let (handle, log) = (listener.handle(), clerk.log.clone());
        let served = listener.serve(Arc::new(config()), move |_| clerk.clone());
        Self { address, handle, log, served: tokio::spawn(served) }
    }

    async fn client(&self) -> Client<TcpStream> {
        Client(TcpStream::connect(self.address).await.expect("it listens"))
    }

    /// The calls up to one that begins so.
    async fn calls_until(&self, last: &str) -> Vec<String> {
        let mut calls = Vec::new();
        while !calls.iter().any(|call: &String| call.starts_with(last)) {
            sleep(Duration::from_millis(1)).await;
            calls.extend(self.log.lines());
        }
        calls
    }

    /// Letters that were kept.
    fn letters(&self) -> usize {
        self.log.lines().iter().filter(|line| line.starts_with("commit")).count()
    }

    async fn over(&mut self) {
        timeout(Duration::from_secs(20), &mut self.served).await.expect("it ends").unwrap();
    }
}

#[tokio::test]
async fn each_address_is_served() {
    let path = std::env::temp_dir().join(format!("smtp-proto-{}.socket", std::process::id()));
    // Left by a process that was killed.
    drop(std::os::unix::net::UnixListener::bind(&path).unwrap());
    let one = Listener::bind(["127.0.0.1:0"]).await.unwrap();
    let port = one.local_addrs()[0].socket().unwrap().port();
    drop(one);
    let mut addresses = vec![format!("127.0.0.1:{port}"), path.display().to_string()];
    let mut expected =
        vec![format!("Some(false) at 127.0.0.1:{port}"), format!("None at {}", path.display())];
    // A machine may have no IPv6.
    if std::net::TcpListener::bind("[::1]:0").is_ok() {
        addresses.push(format!("[::1]:{port}"));
        expected.push(format!("Some(true) at [::1]:{port}"));
    }
    let listener = Listener::bind(&addresses).await.unwrap();
    let bound: Vec<String> = listener.local_addrs().iter().map(Address::to_string).collect();
    assert_eq!(bound, addresses);
    let (handle, log) = (listener.handle(), Log::default());
    let met = log.clone();
    let served = tokio::spawn(listener.serve(Arc::new(config()), move |peer: &Peer| {
        met.note(format!("{:?} at {}", peer.ip().map(|ip| ip.is_ipv6()), peer.local));
        Clerk::default()
    }));
    for address in &addresses {
        if address.contains('/') {
            assert_eq!(Client(UnixStream::connect(&path).await.unwrap()).begin().await.len(), 5);
        } else {
            assert_eq!(Client(TcpStream::connect(address).await.unwrap()).begin().await.len(), 5);
        }
    }
    assert_eq!(log.lines(), expected);
    handle.shut_down(Duration::ZERO);
    served.await.unwrap();
    assert!(!path.exists());
}

#[cfg(unix)]
#[test]
fn nothing_but_a_socket_that_was_left_gives_way_to_a_listener() {
    use socket2::{Domain, SockAddr, Socket, Type};
    use std::{fs, io};

    let folder = std::env::temp_dir().join(format!("smtp-proto-taken-{}", std::process::id()));
    fs::create_dir_all(&folder).unwrap();
    let (file, link, full) = (folder.join("file"), folder.join("link"), folder.join("full"));
    fs::write(&file, "precious").unwrap();
    std::os::unix::fs::symlink(&file, &link).unwrap();
    // A server whose queue is full: a client would have to wait.
    let stream = || {
        let socket = Socket::new(Domain::UNIX, Type::STREAM, None).unwrap();
        socket.set_nonblocking(true).unwrap();
        socket
    };
    let (server, address) = (stream(), SockAddr::unix(&full).unwrap());
    server.bind(&address).unwrap();
    server.listen(0).unwrap();
    let clients: Vec<_> = core::iter::repeat_with(stream)
        .take_while(|client| client.connect(&address).is_ok())
        .collect();
    assert!(!clients.is_empty());
    for path in [&file, &link, &full, &folder] {
        let error = smtp_proto_tokio::bind_unix(path).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::AddrInUse, "{}", path.display());
    }
    assert_eq!(fs::read_to_string(&file).unwrap(), "precious");
    assert!(link.is_symlink());

    let long = folder.join("a".repeat(200));
    let error = smtp_proto_tokio::bind_unix(&long).unwrap_err();
    let octets = long.as_os_str().len();
    assert_eq!(
        error.to_string(),
        format!("the path has {octets} octets, and a Unix socket can have about a hundred")
    );
    fs::remove_dir_all(folder).unwrap();
}

#[tokio::test]
async fn address_that_is_taken_is_named() {
    let one = Listener::bind(["127.0.0.1:0"]).await.unwrap();
    let taken = one.local_addrs()[0].to_string();
    let error = Listener::bind(["127.0.0.1:0", &taken]).await.unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::AddrInUse);
    assert!(error.to_string().starts_with(&format!("cannot listen on {taken}: ")), "{error}");
}

#[tokio::test]
async fn one_over_the_limit_is_told_421() {
    let office = Office::open(Clerk::default(), |listener| listener.limit(2)).await;
    let (mut one, mut two) = (office.client().await, office.client().await);
    assert_eq!(one.reply().await, "220 mx.test ESMTP\r\n");
    assert_eq!(two.reply().await, "220 mx.test ESMTP\r\n");
    assert_eq!(office.client().await.rest().await, "421 4.3.2 Too many connections\r\n");
    assert_eq!(one.say("QUIT").await, "221 2.0.0 Closing\r\n");
    drop(one);
    assert_eq!(until_greeted(&office).await, "220 mx.test ESMTP\r\n");
}

/// A session that is over is counted a little longer than its client sees it.
async fn until_greeted(office: &Office) -> String {
    let start = Instant::now();
    loop {
        let reply = office.client().await.reply().await;
        if reply.starts_with("220") || start.elapsed() > LONG {
            return reply;
        }
    }
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn one_over_the_limit_of_a_peer_is_told_421() {
    let office = Office::open(Clerk::default(), |listener| listener.limit_per_peer(1)).await;
    let mut one = office.client().await;
    assert_eq!(one.reply().await, "220 mx.test ESMTP\r\n");
    assert_eq!(
        office.client().await.rest().await,
        "421 4.7.0 Too many connections from your address\r\n"
    );
    let neighbour = TcpSocket::new_v4().unwrap();
    neighbour.bind("127.0.0.2:0".parse().unwrap()).unwrap();
    let mut neighbour = Client(neighbour.connect(office.address).await.unwrap());
    assert_eq!(neighbour.reply().await, "220 mx.test ESMTP\r\n");
}

#[tokio::test]
async fn crowd_at_the_door_is_turned_away_and_nobody_inside_notices() {
    let office = Office::open(Clerk::default(), |listener| listener.limit(1)).await;
    let mut inside = office.client().await;
    assert_eq!(inside.begin().await.len(), 5);
    let mut crowd = Vec::new();
    for _ in 0..300 {
        crowd.push(office.client().await);
    }
    assert_eq!(inside.say("hello\r\n.").await, TAKEN);
    // Those that come while many are being turned away hear nothing.
    for mut client in crowd {
        let mut heard = String::new();
        let _ = tokio::io::AsyncReadExt::read_to_string(&mut client.0, &mut heard).await;
        assert!(matches!(&*heard, "" | "421 4.3.2 Too many connections\r\n"), "{heard}");
    }
}

#[tokio::test]
async fn handler_that_cannot_be_made_costs_its_session_a_421() {
    hush();
    let listener = Listener::bind(["127.0.0.1:0"]).await.unwrap();
    let address = listener.local_addrs()[0].socket().unwrap();
    let mut made = 0;
    let _served = tokio::spawn(listener.serve(Arc::new(config()), move |_: &Peer| {
        made += 1;
        assert!(made > 1, "it trips");
        Clerk::default()
    }));
    for greeting in ["421 4.3.0 Local error, closing\r\n", "220 mx.test ESMTP\r\n"] {
        let mut client = Client(TcpStream::connect(address).await.unwrap());
        assert_eq!(client.reply().await, greeting);
    }
}

#[tokio::test]
async fn connection_that_is_lost_closes_the_handler() {
    let office = Office::open(Clerk::default(), |listener| listener).await;
    let mut client = office.client().await;
    client.begin().await;
    office.log.lines();
    // With a reply that was not read, the end of a connection is a reset.
    client.write(".\r\nMAIL FROM:<>\r\nRCPT TO:<a@b.test>\r\nDATA\r\n").await;
    client.0.peek(&mut [0; 1]).await.unwrap();
    let mut calls = office.calls_until("begin").await;
    drop(client);
    calls.extend(office.calls_until("closed").await);
    assert_eq!(calls[4..], ["thrown away", "closed: closed by the peer"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn shut_down_finishes_letters_and_says_421_to_the_idle() {
    let mut office = Office::open(Clerk::default(), |listener| listener.limit_per_peer(500)).await;
    let (mut idle, mut busy) = (Vec::new(), Vec::new());
    for number in 0..200 {
        let mut client = office.client().await;
        if number % 2 == 0 {
            client.reply().await;
            client.say("EHLO c.test").await;
            idle.push(client);
        } else {
            client.begin().await;
            client.write("hello\r\n").await;
            busy.push(client);
        }
    }
    office.handle.shut_down(LONG);
    for client in &mut idle {
        assert_eq!(client.rest().await, SHUTTING_DOWN);
    }
    drop(idle);
    assert_eq!(
        TcpStream::connect(office.address).await.unwrap_err().kind(),
        io::ErrorKind::ConnectionRefused
    );
    assert!(!office.served.is_finished());
    for client in &mut busy {
        client.write("world\r\n.\r\n").await;
        assert_eq!(client.rest().await, format!("{TAKEN}{SHUTTING_DOWN}"));
    }
    drop(busy);
    office.over().await;
    assert_eq!(office.letters(), 100);
}

#[tokio::test]
async fn shut_down_does_not_wait_behind_its_deadline() {
    let mut office = Office::open(Clerk::default(), |listener| listener).await;
    let mut client = office.client().await;
    client.begin().await;
    client.write("hello\r\n").await;
    let start = Instant::now();
    office.handle.shut_down(LONG);
    // The last word counts.
    office.handle.shut_down(Duration::from_millis(300));
    assert_eq!(client.rest().await, SHUTTING_DOWN);
    assert!((300..2000).contains(&start.elapsed().as_millis()), "{:?}", start.elapsed());
    drop(client);
    office.over().await;
    assert_eq!(office.log.lines()[5..], ["thrown away", "reset", "closed: shut-down"]);
}

#[tokio::test]
async fn handler_at_work_is_not_waited_for_behind_the_deadline() {
    for (place, calls) in
        [("connect", &["closed: shut-down"][..]), ("commit", &["thrown away", "closed: shut-down"])]
    {
        let mut office = Office::open(Clerk::that(place, Trip::Stall), |listener| listener).await;
        let mut client = office.client().await;
        if place == "commit" {
            client.begin().await;
            client.write("hello\r\n.\r\n").await;
        }
        office.calls_until(place).await;
        office.handle.shut_down(Duration::ZERO);
        assert_eq!(client.rest().await, SHUTTING_DOWN, "{place}");
        drop(client);
        office.over().await;
        assert_eq!(office.log.lines(), calls);
    }
}

#[tokio::test]
async fn peer_that_reads_nothing_is_cut_off_behind_the_deadline() {
    let mut office = Office::open(Clerk::that("closed", Trip::Stall), |listener| listener).await;
    let mut client = office.client().await;
    client.begin().await;
    let start = Instant::now();
    office.handle.shut_down(Duration::ZERO);
    office.over().await;
    assert!((900..3000).contains(&start.elapsed().as_millis()), "{:?}", start.elapsed());
    assert_eq!(client.rest().await, SHUTTING_DOWN);
}
