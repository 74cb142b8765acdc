//! What lies between a peer that speaks in the clear over TCP and its server: a Unix socket, or TLS.

use core::net::SocketAddr;
use smtp_proto_tokio::Stream;
use smtp_proto_tokio::tls::Handshake;
use std::io;
use std::path::PathBuf;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, copy, sink, split};
use tokio::net::{TcpListener, TcpStream, UnixStream};
use tokio::runtime::Handle;

/// The way to a server.
#[derive(Debug, Clone)]
pub(crate) enum Far {
    Unix(PathBuf),
    /// By STARTTLS, behind a hello of this verb. The peer hears the greeting, and says hello in TLS.
    Tls(SocketAddr, &'static str, Handshake),
}

/// Where a peer comes in, for as long as the runtime lasts.
pub(crate) fn open(far: Far, runtime: &Handle) -> SocketAddr {
    let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).expect("a free port");
    let address = listener.local_addr().expect("it is bound");
    runtime.spawn(async move {
        while let Ok((near, _)) = listener.accept().await {
            // What fails ends the connection, and the row that is asked over it.
            tokio::spawn(carry(near, far.clone()));
        }
    });
    address
}

async fn carry(mut near: TcpStream, far: Far) -> io::Result<()> {
    near.set_nodelay(true)?;
    match far {
        Far::Unix(path) => both_ways(near, UnixStream::connect(path).await?).await,
        Far::Tls(address, verb, handshake) => {
            let stream = TcpStream::connect(address).await?;
            stream.set_nodelay(true)?;
            let mut stream = Stream::from(stream);
            let greeting = reply(&mut stream).await?;
            for command in [format!("{verb} c.test\r\n"), "STARTTLS\r\n".to_owned()] {
                stream.write_all(command.as_bytes()).await?;
                reply(&mut stream).await?;
            }
            stream.connect_tls(&handshake).await?;
            near.write_all(&greeting).await?;
            both_ways(near, stream).await
        }
    }
}

/// One reply: up to the line without a hyphen behind its code.
async fn reply<S: AsyncRead + Unpin>(stream: &mut S) -> io::Result<Vec<u8>> {
    let (mut reply, mut line) = (Vec::new(), 0);
    loop {
        reply.push(stream.read_u8().await?);
        if reply.ends_with(b"\r\n") {
            if reply[line..].get(3) != Some(&b'-') {
                return Ok(reply);
            }
            line = reply.len();
        }
    }
}

/// Each end of one side becomes that of the other. What a server that is gone does not take is thrown away: what it said last is heard.
async fn both_ways<S: AsyncRead + AsyncWrite>(mut near: TcpStream, far: S) -> io::Result<()> {
    let (mut ear, mut mouth) = near.split();
    let (mut server, mut to_server) = split(far);
    let there = async {
        if copy(&mut ear, &mut to_server).await.is_ok() {
            let _told = to_server.shutdown().await;
        }
        copy(&mut ear, &mut sink()).await
    };
    let back = async {
        let _gone = copy(&mut server, &mut mouth).await;
        mouth.shutdown().await
    };
    tokio::try_join!(there, back).map(drop)
}
