//! A server for tests of programs that send mail.

use core::mem;
use core::net::{Ipv4Addr, SocketAddr};
use core::sync::atomic::{AtomicBool, Ordering::Relaxed};
use core::time::Duration;
use std::io;
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread::{self, JoinHandle};

use smtp_proto::server::{Config, Opening, Summary, Verdict};
use smtp_proto::{ForwardPath, Mail, MailBuf, Rcpt, RcptBuf, ReplyBuf, ReversePath, stock};

use crate::{Handler, Session, serve};

/// How long a connection may take that wakes the thread which accepts them.
const WAKE: Duration = Duration::from_millis(100);

/// An SMTP server on a free port of the loopback, which takes every letter and hands it to a test.
///
/// It ends with its value: connections are closed and threads joined. What the server [machine](smtp_proto::server) refuses by default,
/// a stray LF in a content for one, it refuses as well: a real server would.
///
/// ```
/// use std::time::Duration;
///
/// use smtp_proto_blocking::Letterbox;
/// # use std::io::{self, Read, Write};
/// # use std::net::{SocketAddr, TcpStream};
/// #
/// # fn send_greetings(server: SocketAddr) -> io::Result<()> {
/// #     let mut stream = TcpStream::connect(server)?;
/// #     for part in ["HELO me.test\r\n", "MAIL FROM:<alice@me.test>\r\n", "RCPT TO:<bob@example.org>\r\n", "DATA\r\n", "Hello!\r\n.\r\n"] {
/// #         stream.read(&mut [0; 512])?;
/// #         stream.write_all(part.as_bytes())?;
/// #     }
/// #     Ok(())
/// # }
///
/// let letterbox = Letterbox::open()?;
/// send_greetings(letterbox.address())?; // the program under test
/// let letter = letterbox.wait(Duration::from_secs(5)).expect("a letter");
///
/// assert_eq!(letter.from().to_string(), "alice@me.test");
/// assert_eq!(letter.content, b"Hello!\r\n");
/// # Ok::<(), io::Error>(())
/// ```
#[derive(Debug)]
#[must_use = "it ends with its value"]
pub struct Letterbox {
    address: SocketAddr,
    letters: Receiver<Letter>,
    closing: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

/// A letter that a [`Letterbox`] took.
///
/// ```no_run
/// # fn test(letterbox: &smtp_proto_blocking::Letterbox) {
/// while let Some(letter) = letterbox.wait(core::time::Duration::from_secs(1)) {
///     for recipient in letter.to() {
///         println!("{} octets for {recipient}", letter.content.len());
///     }
/// }
/// # }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Letter {
    /// The sender, with the parameters of MAIL.
    pub mail: MailBuf,
    /// The recipients in their order, with the parameters of RCPT.
    pub recipients: Vec<RcptBuf>,
    /// Header and body, lines ended by CRLF.
    pub content: Vec<u8>,
}

impl Letter {
    /// The sender.
    #[must_use]
    pub fn from(&self) -> ReversePath<'_> {
        self.mail.as_ref().from
    }

    /// The recipients.
    pub fn to(&self) -> impl Iterator<Item = ForwardPath<'_>> {
        self.recipients.iter().map(|rcpt| rcpt.as_ref().to)
    }
}

impl Letterbox {
    /// Opens one; it calls itself `localhost`.
    ///
    /// # Errors
    ///
    /// The loopback has no free port, or there is no thread.
    pub fn open() -> io::Result<Self> {
        let config = Config::new("localhost").map_err(io::Error::other)?;
        Self::open_with(config)
    }

    /// Opens one with another name, other limits or other policies.
    ///
    /// # Errors
    ///
    /// As [`open`](Self::open).
    pub fn open_with(config: Config) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let address = listener.local_addr()?;
        let (drop_in, letters) = mpsc::channel();
        let closing = Arc::new(AtomicBool::new(false));
        let closes = Arc::clone(&closing);
        let thread = thread::Builder::new()
            .name("letterbox".into())
            .spawn(move || accept(&listener, &Arc::new(config), &drop_in, &closes))?;
        Ok(Self { address, letters, closing, thread: Some(thread) })
    }

    /// Where it listens.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// The next letter, which is waited for at most so long.
    #[must_use]
    pub fn wait(&self, patience: Duration) -> Option<Letter> {
        self.letters.recv_timeout(patience).ok()
    }
}

impl Drop for Letterbox {
    fn drop(&mut self) {
        self.closing.store(true, Relaxed);
        let Some(thread) = self.thread.take() else {
            return;
        };
        while !thread.is_finished() {
            let _woken = TcpStream::connect_timeout(&self.address, WAKE);
            thread::sleep(Duration::from_millis(1));
        }
        let _ended = thread.join();
    }
}

fn accept(
    listener: &TcpListener,
    config: &Arc<Config>,
    drop_in: &Sender<Letter>,
    closing: &AtomicBool,
) {
    let mut sessions: Vec<(TcpStream, JoinHandle<io::Result<()>>)> = Vec::new();
    while !closing.load(Relaxed) {
        sessions.retain(|(_, session)| !session.is_finished());
        let accepted = listener.accept().and_then(|(stream, _)| {
            let handler = Clerk { drop_in: drop_in.clone(), mail: None, recipients: Vec::new() };
            let (end, config) = (stream.try_clone()?, Arc::clone(config));
            let session = thread::Builder::new()
                .spawn(move || serve(Session::new(stream, config), handler))?;
            Ok((end, session))
        });
        match accepted {
            Ok(session) => sessions.push(session),
            // Out of descriptors or threads, perhaps.
            Err(_) => thread::sleep(Duration::from_millis(10)),
        }
    }
    for (end, session) in sessions {
        let _closed = end.shutdown(Shutdown::Both);
        let _ended = session.join();
    }
}

struct Clerk {
    drop_in: Sender<Letter>,
    mail: Option<MailBuf>,
    recipients: Vec<RcptBuf>,
}

impl Handler for Clerk {
    type Letter = Vec<u8>;

    fn mail(&mut self, mail: &Mail<'_>) -> Verdict {
        self.mail = Some(mail.to_owned());
        self.recipients.clear();
        Ok(None)
    }

    fn rcpt(&mut self, rcpt: &Rcpt<'_>) -> Verdict {
        self.recipients.push(rcpt.to_owned());
        Ok(None)
    }

    fn begin(&mut self, _: Opening) -> Result<Vec<u8>, ReplyBuf> {
        Ok(Vec::new())
    }

    fn write(&mut self, letter: &mut Vec<u8>, octets: &[u8]) -> Result<(), ReplyBuf> {
        letter.extend_from_slice(octets);
        Ok(())
    }

    fn commit(&mut self, content: Vec<u8>, _: Summary) -> Verdict {
        let mail = self.mail.take().ok_or(stock::LOCAL_ERROR)?;
        let letter = Letter { mail, recipients: mem::take(&mut self.recipients), content };
        self.drop_in.send(letter).map_err(|_| stock::LOCAL_ERROR)?;
        Ok(None)
    }
}
