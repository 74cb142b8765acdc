//! How often a stream is written to.

use core::pin::Pin;
use core::sync::atomic::{AtomicUsize, Ordering};
use core::task::{Context, Poll};

use tokio::io::ReadBuf;

use super::*;

/// A stream that counts how often it is written to.
struct Counting(DuplexStream, Arc<AtomicUsize>);

impl AsyncRead for Counting {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(cx, buffer)
    }
}

impl AsyncWrite for Counting {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        octets: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.1.fetch_add(1, Ordering::Relaxed);
        Pin::new(&mut self.0).poll_write(cx, octets)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        pieces: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.1.fetch_add(1, Ordering::Relaxed);
        Pin::new(&mut self.0).poll_write_vectored(cx, pieces)
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(cx)
    }
}

#[tokio::test]
async fn a_mebibyte_of_dots_is_at_most_seventy_writes() {
    let (stream, other) = duplex(4 << 20);
    let served = tokio::spawn(serve(other, config()));
    let writes = Arc::new(AtomicUsize::new(0));
    let stream = Counting(stream, Arc::clone(&writes));
    let mut client = Client::connect(stream, NAME, Arc::default()).await.expect("it greets");
    let content = b"..\r\n".repeat((1 << 20) / 4);
    let (_, done) = deliver(&mut client, &["b@y.test"], &content[..]).await;
    done.expect("nothing fails");
    let writes = writes.load(Ordering::Relaxed);
    println!("{writes} writes");
    assert!(writes <= 70, "{writes}");
    drop(client);
    let received = served.await.expect("no panic").expect("no error");
    assert_eq!(received.letters[0].content, content);
}
