use std::convert::Infallible;
use std::ops::Range;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use socket2::SockRef;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

use super::*;

/// A page longer than sockets hold.
const PAGE: usize = 4 << 20;

/// A record, with what may be around its bytes.
const RECORD: usize = 17 << 10;

async fn connected() -> (Stream, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (peer, accepted) =
        tokio::join!(TcpStream::connect(listener.local_addr().unwrap()), listener.accept());
    let (socket, _) = accepted.unwrap();
    SockRef::from(&socket).set_send_buffer_size(32 << 10).unwrap();
    (Stream::new(socket, Codec::plain(), Vec::new()), peer.unwrap())
}

/// A stream that notes whether it was given the body itself to write, and how much waits in it at most.
struct Spied<'s> {
    stream: Stream,
    body: Range<*const u8>,
    has_body: &'s std::cell::Cell<bool>,
    unsent: &'s std::cell::Cell<usize>,
}

impl hyper::rt::Read for Spied<'_> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: hyper::rt::ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        hyper::rt::Read::poll_read(Pin::new(&mut self.stream), cx, buf)
    }
}

impl hyper::rt::Write for Spied<'_> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        hyper::rt::Write::poll_write(Pin::new(&mut self.stream), cx, buf)
    }

    fn is_write_vectored(&self) -> bool {
        hyper::rt::Write::is_write_vectored(&self.stream)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        if bufs.iter().any(|buf| self.body.contains(&buf.as_ptr())) {
            self.has_body.set(true);
        }
        let polled = hyper::rt::Write::poll_write_vectored(Pin::new(&mut self.stream), cx, bufs);
        self.unsent.set(self.unsent.get().max(self.stream.unsent.capacity()));
        polled
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        hyper::rt::Write::poll_flush(Pin::new(&mut self.stream), cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        hyper::rt::Write::poll_shutdown(Pin::new(&mut self.stream), cx)
    }
}

#[tokio::test]
async fn a_long_page_that_nobody_takes_is_copied_a_record_at_a_time() {
    let page = Bytes::from(vec![b'x'; PAGE]);
    let (has_body, unsent) = (std::cell::Cell::new(false), std::cell::Cell::new(0));
    let (stream, mut peer) = connected().await;
    let stream = Spied { stream, body: page.as_ptr_range(), has_body: &has_body, unsent: &unsent };
    let answer = service_fn(|_: Request<Incoming>| {
        std::future::ready(Ok::<_, Infallible>(Response::new(Full::new(page.clone()))))
    });
    let serving = http1::Builder::new().serve_connection(stream, answer);
    let reading = async {
        peer.write_all(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").await.unwrap();
        let mut answer = Vec::new();
        peer.read_to_end(&mut answer).await.unwrap();
        answer
    };
    let (served, answer) = tokio::join!(serving, reading);
    served.unwrap();
    assert!(answer.ends_with(&page), "it comes whole: {}", answer.len());
    assert!(has_body.get(), "hyper hands on the page and no copy of it");
    assert!((1..=RECORD).contains(&unsent.get()), "{} bytes wait", unsent.get());
}

#[tokio::test]
async fn what_is_written_in_pieces_leaves_together() {
    let (mut stream, mut peer) = connected().await;
    let pieces = [IoSlice::new(b"head "), IoSlice::new(b""), IoSlice::new(b"body")];
    let write =
        std::future::poll_fn(|cx| hyper::rt::Write::poll_write_vectored(Pin::new(&mut stream), cx, &pieces));
    assert_eq!(write.await.unwrap(), 9);
    let mut came = [0; 9];
    peer.read_exact(&mut came).await.unwrap();
    assert_eq!(&came, b"head body");
}
