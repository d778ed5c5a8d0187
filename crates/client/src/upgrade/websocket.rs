//! DERP over a WebSocket: binary messages whose borders mean nothing.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use futures_util::{Sink, Stream};
use http::HeaderValue;
use http::header::SEC_WEBSOCKET_PROTOCOL;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{self, Bytes, Message};
use tokio_tungstenite::{WebSocketStream, client_async_with_config};
use wherry_wire::derp::MAX_CLIENT_FRAME;

use super::answer::{UpgradeError, aim, gist};
use super::stream::ByteStream;
use crate::target::Endpoint;

/// The longest message sent: the reference relay refuses more than 32 KiB.
const MAX_MESSAGE: usize = 32 * 1024;

/// Opens a WebSocket with subprotocol `derp` over `stream`.
pub(crate) async fn open<S: ByteStream>(
    stream: S,
    endpoint: &Endpoint,
) -> Result<impl ByteStream + use<S>, UpgradeError> {
    let scheme = if endpoint.is_tls() { "wss" } else { "ws" };
    let mut request = format!("{scheme}://{}{}", endpoint.authority(), endpoint.path)
        .into_client_request()
        .map_err(|err| UpgradeError::WebSocket(Box::new(err)))?;
    request.headers_mut().insert(SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_static("derp"));
    let config = WebSocketConfig::default()
        .max_message_size(Some(2 * MAX_CLIENT_FRAME))
        .max_frame_size(Some(2 * MAX_CLIENT_FRAME));
    let (socket, _) = client_async_with_config(request, stream, Some(config)).await.map_err(refusal)?;
    Ok(WebSocket { socket, unread: Bytes::new() })
}

fn refusal(err: tungstenite::Error) -> UpgradeError {
    match err {
        tungstenite::Error::Http(answer) => UpgradeError::Status {
            status: answer.status().as_u16(),
            location: answer.headers().get("Location").and_then(|to| Some(aim(to.to_str().ok()?))),
            body: answer.body().as_deref().map(gist).unwrap_or_default(),
        },
        tungstenite::Error::Io(err) if err.kind() == io::ErrorKind::UnexpectedEof => UpgradeError::Ended,
        tungstenite::Error::Io(err) => UpgradeError::Io(err),
        other => UpgradeError::WebSocket(Box::new(other)),
    }
}

/// The byte stream inside.
struct WebSocket<S> {
    socket: WebSocketStream<S>,
    /// Rest of the message being read.
    unread: Bytes,
}

impl<S: ByteStream> AsyncRead for WebSocket<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        while self.unread.is_empty() {
            match ready!(Pin::new(&mut self.socket).poll_next(cx)) {
                Some(Ok(Message::Binary(bytes))) => self.unread = bytes,
                Some(Ok(Message::Text(_))) => {
                    let err = io::Error::new(io::ErrorKind::InvalidData, "text message in a derp websocket");
                    return Poll::Ready(Err(err));
                }
                Some(Ok(Message::Ping(_) | Message::Pong(_) | Message::Frame(_))) => {}
                None | Some(Ok(Message::Close(_)) | Err(tungstenite::Error::ConnectionClosed)) => {
                    return Poll::Ready(Ok(()));
                }
                Some(Err(err)) => return Poll::Ready(Err(broken(err))),
            }
        }
        let len = self.unread.len().min(buf.remaining());
        buf.put_slice(&self.unread.split_to(len));
        Poll::Ready(Ok(()))
    }
}

impl<S: ByteStream> AsyncWrite for WebSocket<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let mut socket = Pin::new(&mut self.socket);
        ready!(socket.as_mut().poll_ready(cx)).map_err(broken)?;
        let chunk = buf.get(..MAX_MESSAGE).unwrap_or(buf);
        socket.start_send(Message::Binary(Bytes::copy_from_slice(chunk))).map_err(broken)?;
        Poll::Ready(Ok(chunk.len()))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_flush(cx).map_err(broken)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_close(cx).map_err(broken)
    }
}

fn broken(err: tungstenite::Error) -> io::Error {
    match err {
        tungstenite::Error::Io(err) => err,
        tungstenite::Error::ConnectionClosed | tungstenite::Error::AlreadyClosed => {
            io::Error::new(io::ErrorKind::BrokenPipe, "the websocket is closed")
        }
        other => io::Error::new(io::ErrorKind::InvalidData, other),
    }
}
