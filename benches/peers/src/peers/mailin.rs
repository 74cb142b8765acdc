//! mailin: a session that is given lines and answers them.

use std::io;
use std::net::{IpAddr, Ipv4Addr};

use mailin::{Handler, Session, SessionBuilder};

use super::lines;
use crate::job::{Job, Peer, Task, Work};

pub(crate) struct Mailin;

/// Accepts everything.
#[derive(Clone, Default)]
struct Taker {
    octets: std::rc::Rc<std::cell::Cell<usize>>,
}

impl Handler for Taker {
    fn data(&mut self, run: &[u8]) -> io::Result<()> {
        self.octets.set(self.octets.get() + std::hint::black_box(run).len());
        Ok(())
    }
}

fn session(taker: Taker) -> Session<Taker> {
    let mut session =
        SessionBuilder::new("server.example").build(IpAddr::V4(Ipv4Addr::LOCALHOST), taker);
    session.process(b"EHLO client.example\r\n");
    session
}

impl Peer for Mailin {
    fn name(&self) -> &'static str {
        "mailin"
    }

    fn work(&self, job: &Job) -> Option<Work> {
        match job.task {
            // It knows no parameter but BODY.
            Task::Serve if !job.name.contains("parameters") => {
                let mut session = session(Taker::default());
                Work::new("lines are found for it; any address", move |input, sink| {
                    let mut commands = 0;
                    for line in lines(input) {
                        let reply = session.process(line);
                        reply.write_to(sink).expect("a Vec takes it");
                        commands += 1;
                    }
                    session.process(b".\r\n");
                    commands
                })
            }
            // It is given whole lines, and knows of no pieces.
            Task::BodyIn(piece) if piece >= job.input.octets().len() => {
                let taker = Taker::default();
                let mut session = session(taker.clone());
                for line in [
                    "MAIL FROM:<a@client.example>\r\n",
                    "RCPT TO:<b@server.example>\r\n",
                    "DATA\r\n",
                ] {
                    session.process(line.as_bytes());
                }
                Work::new(
                    "lines are found for it; stray CR and NUL pass; no limits",
                    move |input, _| {
                        taker.octets.set(0);
                        if !input.ends_with(b"\n") {
                            session.process(input);
                        }
                        lines(input).for_each(|line| {
                            session.process(line);
                        });
                        taker.octets.get()
                    },
                )
            }
            _ => None,
        }
    }
}
