//! The answer to the upgrade request.

use std::io;
use std::time::Duration;

use thiserror::Error;
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::time::timeout;

/// The longest answer head that is read.
const MAX_HEAD: usize = 16 * 1024;
/// How much of a refusing answer's body is kept: enough for one sentence.
const MAX_BODY: usize = 1024;
/// How long that body is waited for.
const BODY_WAIT: Duration = Duration::from_secs(1);

/// Why an HTTP connection did not become a DERP connection.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum UpgradeError {
    /// The server answers, but not with an upgrade.
    #[error("the server answers with HTTP status {status}{}{}", if body.is_empty() { "" } else { ": " }, body)]
    Status {
        /// HTTP status code.
        status: u16,
        /// Start of the body, printable characters of its first line only.
        body: String,
    },
    /// What comes is no HTTP answer.
    #[error("what answers there does not speak HTTP")]
    NotHttp,
    /// The answer's head does not end.
    #[error("the head of the HTTP answer is longer than {limit} bytes")]
    HeadTooLong {
        /// The longest head that is read, in bytes.
        limit: usize,
    },
    /// The WebSocket could not be opened.
    #[error("the WebSocket could not be opened: {0}")]
    WebSocket(#[source] Box<tokio_tungstenite::tungstenite::Error>),
    /// The connection ended before the answer was complete.
    #[error("the connection ended before the HTTP answer")]
    Ended,
    /// Reading or writing failed.
    #[error("the connection broke during the HTTP upgrade: {0}")]
    Io(#[source] io::Error),
}

/// Whether bytes that should be a frame are an HTTP answer.
pub(crate) fn looks_like_http(bytes: &[u8]) -> bool {
    bytes.starts_with(b"HTTP/")
}

/// Reads an answer's head into `buf` and takes it out; what followed it stays in `buf`.
pub(crate) async fn read_head<S: AsyncRead + Unpin>(
    stream: &mut S,
    buf: &mut Vec<u8>,
) -> Result<(), UpgradeError> {
    loop {
        match parse(buf)? {
            Head::Partial if buf.len() >= MAX_HEAD => {
                return Err(UpgradeError::HeadTooLong { limit: MAX_HEAD });
            }
            Head::Partial => {
                if stream.read_buf(buf).await.map_err(UpgradeError::Io)? == 0 {
                    return Err(UpgradeError::Ended);
                }
            }
            Head::Whole { status: 101, len } => {
                buf.drain(..len);
                return Ok(());
            }
            Head::Whole { status, len } => {
                buf.drain(..len);
                return Err(UpgradeError::Status { status, body: read_body(stream, buf).await });
            }
        }
    }
}

enum Head {
    Partial,
    Whole { status: u16, len: usize },
}

fn parse(bytes: &[u8]) -> Result<Head, UpgradeError> {
    let mut headers = [httparse::EMPTY_HEADER; 64];
    let mut answer = httparse::Response::new(&mut headers);
    match answer.parse(bytes) {
        Ok(httparse::Status::Partial) => Ok(Head::Partial),
        Ok(httparse::Status::Complete(len)) => {
            answer.code.map(|status| Head::Whole { status, len }).ok_or(UpgradeError::NotHttp)
        }
        Err(_) => Err(UpgradeError::NotHttp),
    }
}

/// What of a refusal's body comes in time; best effort, since the status alone is the verdict.
async fn read_body<S: AsyncRead + Unpin>(stream: &mut S, buf: &mut Vec<u8>) -> String {
    let rest = async {
        while buf.len() < MAX_BODY && !buf.contains(&b'\n') {
            if !matches!(stream.read_buf(buf).await, Ok(1..)) {
                break;
            }
        }
    };
    // Late or broken: what came so far is shown.
    drop(timeout(BODY_WAIT, rest).await);
    first_line(buf)
}

pub(super) fn first_line(body: &[u8]) -> String {
    let text = String::from_utf8_lossy(body.get(..MAX_BODY).unwrap_or(body)).into_owned();
    let line = text.trim_start().lines().next().unwrap_or_default();
    line.trim().chars().filter(|c| !c.is_control()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn read(answer: &[u8]) -> (Result<(), UpgradeError>, Vec<u8>) {
        let mut buf = Vec::new();
        let result = read_head(&mut &answer[..], &mut buf).await;
        (result, buf)
    }

    #[tokio::test]
    async fn bytes_after_the_head_stay_in_the_buffer() {
        let (result, rest) = read(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: DERP\r\n\r\n\x01rest").await;
        assert!(result.is_ok());
        assert_eq!(rest, b"\x01rest");
    }

    #[tokio::test]
    async fn a_refusal_gives_status_and_first_line() {
        let (result, _) = read(b"HTTP/1.1 404 Not Found\r\n\r\nderp server disabled\nmore").await;
        let err = result.unwrap_err();
        assert_eq!(err.to_string(), "the server answers with HTTP status 404: derp server disabled");
    }

    #[tokio::test]
    async fn every_cut_of_the_head_is_an_early_end() {
        let whole = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: DERP\r\n\r\n";
        for len in 0..whole.len() {
            let (result, _) = read(&whole[..len]).await;
            assert!(matches!(result, Err(UpgradeError::Ended)), "cut at {len}: {result:?}");
        }
    }

    #[tokio::test]
    async fn what_is_not_http_and_what_never_ends_is_refused() {
        let (result, _) = read(b"SSH-2.0-OpenSSH_9.6\r\n").await;
        assert!(matches!(result, Err(UpgradeError::NotHttp)), "{result:?}");
        let mut endless = b"HTTP/1.1 101 ok\r\nX: ".to_vec();
        endless.resize(MAX_HEAD + 4096, b'a');
        let (result, _) = read(&endless).await;
        assert!(matches!(result, Err(UpgradeError::HeadTooLong { .. })), "{result:?}");
    }
}
