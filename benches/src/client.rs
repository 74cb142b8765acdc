//! A client that sends one letter and says QUIT.

use std::sync::Arc;

use smtp_proto::client::{Client, Config, Event};
use smtp_proto::{Host, Mail, MailBuf, Rcpt, RcptBuf};

use crate::server::Session;

/// The replies of a server, as far as each may come in one read.
pub const REPLIES: [&[u8]; 5] = [
    b"220 server.example ESMTP\r\n",
    b"250-server.example\r\n250-PIPELINING\r\n250-SIZE 52428800\r\n250-8BITMIME\r\n250 ENHANCEDSTATUSCODES\r\n",
    b"250 2.1.0 Sender accepted\r\n250 2.1.5 Recipient accepted\r\n354 Go on\r\n",
    b"250 2.0.0 Message accepted\r\n221 2.0.0 Closing\r\n",
    b"",
];

/// What is sent.
#[derive(Debug)]
pub struct Letter {
    config: Arc<Config>,
    mail: MailBuf,
    rcpt: RcptBuf,
    content: Vec<u8>,
}

impl Letter {
    /// A letter to one recipient.
    ///
    /// # Panics
    ///
    /// Never.
    #[must_use]
    pub fn new(content: Vec<u8>) -> Self {
        let mail = MailBuf {
            from: "alice@client.example".parse().expect("it is a mailbox"),
            params: "SIZE=4096 BODY=8BITMIME".parse().expect("they are parameters"),
        };
        let rcpt = RcptBuf {
            to: "bob@server.example".parse().expect("it is a mailbox"),
            params: "".parse().expect("there are none"),
        };
        Self { config: Arc::new(Config::default()), mail, rcpt, content }
    }

    /// Sends it to a server that says [`REPLIES`], and returns how many octets were written.
    #[must_use]
    pub fn send(&self) -> usize {
        let mut client = self.begin();
        let mut written = 0;
        for mut replies in REPLIES {
            self.turn(&mut client, &mut replies);
            let octets = client.outgoing().len();
            written += octets;
            client.sent(octets);
        }
        assert!(client.is_over());
        written
    }

    /// Sends it to this session, each machine in its turn, and returns how many octets of content came out there.
    pub fn deliver(&self, session: &mut Session) -> usize {
        let mut client = self.begin();
        let mut content = 0;
        while !client.is_over() {
            session.take(&mut client.outgoing(), |run| content += run.len());
            client.sent(client.outgoing().len());
            let server = session.machine();
            self.turn(&mut client, &mut server.outgoing());
            server.sent(server.outgoing().len());
        }
        content
    }

    /// A session with EHLO queued.
    fn begin(&self) -> Client {
        let mut client = Client::new(Arc::clone(&self.config));
        let name = Host::parse(b"client.example").expect("it is a domain");
        client.hello(name).expect("it may be said");
        client
    }

    /// Takes what the server said, and says what may follow.
    fn turn(&self, client: &mut Client, replies: &mut &[u8]) {
        let (mail, rcpt): (Mail<'_>, Rcpt<'_>) = (self.mail.as_ref(), self.rcpt.as_ref());
        while let Some(event) = client.next(replies).expect("the replies are sound") {
            let said = match event {
                Event::Reply { to, .. } if to.verb == smtp_proto::Verb::Ehlo => client
                    .mail(&mail)
                    .and_then(|_| client.rcpt(&rcpt))
                    .and_then(|_| client.data())
                    .map(drop),
                Event::SendBody { .. } => {
                    let taken = client.body(&self.content).expect("it can be sent");
                    assert_eq!(taken, self.content.len(), "it is short");
                    client.finish().and_then(|_| client.quit()).map(drop)
                }
                _ => Ok(()),
            };
            said.expect("it may be said now");
        }
    }
}
