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
/// How much of a redirect's aim is kept, in characters: enough to see whose page it is.
const MAX_LOCATION: usize = 200;
/// How long that body is waited for.
const BODY_WAIT: Duration = Duration::from_secs(1);

/// Why an HTTP connection did not become a DERP connection.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum UpgradeError {
    /// The server answers, but not with an upgrade.
    #[error(
        "the server answers with HTTP status {status}{}{}{}",
        location.as_deref().map(|to| format!(" and sends to {to}")).unwrap_or_default(),
        if body.is_empty() { "" } else { ": " },
        body
    )]
    Status {
        /// HTTP status code.
        status: u16,
        /// Where a redirect leads to, printable characters only, and no more than a line of them.
        location: Option<String>,
        /// What the body says, printable characters only: its first line, the title of a web page, or nothing.
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

impl UpgradeError {
    /// TLS that ends without its farewell is an end like others.
    fn broken(err: io::Error) -> Self {
        if err.kind() == io::ErrorKind::UnexpectedEof { Self::Ended } else { Self::Io(err) }
    }
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
                if stream.read_buf(buf).await.map_err(UpgradeError::broken)? == 0 {
                    return Err(UpgradeError::Ended);
                }
            }
            Head::Whole { status: 101, len, .. } => {
                buf.drain(..len);
                return Ok(());
            }
            Head::Whole { status, len, location, is_chunked } => {
                buf.drain(..len);
                let body = read_body(stream, buf, is_chunked).await;
                return Err(UpgradeError::Status { status, location, body });
            }
        }
    }
}

enum Head {
    Partial,
    Whole { status: u16, len: usize, location: Option<String>, is_chunked: bool },
}

fn parse(bytes: &[u8]) -> Result<Head, UpgradeError> {
    let mut headers = [httparse::EMPTY_HEADER; 64];
    let mut answer = httparse::Response::new(&mut headers);
    match answer.parse(bytes) {
        Ok(httparse::Status::Partial) => Ok(Head::Partial),
        Ok(httparse::Status::Complete(len)) => {
            let value = |name: &str| {
                let found = answer.headers.iter().find(|header| header.name.eq_ignore_ascii_case(name))?;
                Some(String::from_utf8_lossy(found.value).into_owned())
            };
            let location = value("Location").map(|to| aim(&to));
            let is_chunked = value("Transfer-Encoding")
                .is_some_and(|coding| coding.to_ascii_lowercase().contains("chunked"));
            let whole = |status| Head::Whole { status, len, location, is_chunked };
            answer.code.map(whole).ok_or(UpgradeError::NotHttp)
        }
        Err(_) => Err(UpgradeError::NotHttp),
    }
}

/// What of a refusal's body comes in time; best effort, since the status alone is the verdict.
async fn read_body<S: AsyncRead + Unpin>(stream: &mut S, buf: &mut Vec<u8>, is_chunked: bool) -> String {
    let body = |buf: &[u8]| if is_chunked { unchunked(buf) } else { buf.to_vec() };
    let rest = async {
        while buf.len() < MAX_BODY && !is_enough(&body(buf)) {
            if !matches!(stream.read_buf(buf).await, Ok(1..)) {
                break;
            }
        }
    };
    // Late or broken: what came so far is shown.
    drop(timeout(BODY_WAIT, rest).await);
    gist(&body(buf))
}

/// The chunks as far as they have come.
fn unchunked(mut bytes: &[u8]) -> Vec<u8> {
    let mut body = Vec::new();
    while let Ok(httparse::Status::Complete((start, len @ 1..))) = httparse::parse_chunk_size(bytes) {
        let chunk = bytes.get(start..).unwrap_or_default();
        let len = usize::try_from(len).unwrap_or(usize::MAX).min(chunk.len());
        body.extend_from_slice(chunk.get(..len).unwrap_or_default());
        let rest = chunk.get(len..).unwrap_or_default();
        bytes = rest.strip_prefix(b"\r\n").unwrap_or_default();
    }
    body
}

/// The titles of web pages, on which nothing else is for people who look for a relay.
const TITLE: [&str; 2] = ["<title>", "</title>"];

fn is_page(text: &str) -> bool {
    text.trim_start().starts_with('<')
}

fn is_enough(body: &[u8]) -> bool {
    let text = String::from_utf8_lossy(body);
    if is_page(&text) { text.contains(TITLE[1]) } else { text.trim_start().contains('\n') }
}

/// What a body says in one line.
pub(super) fn gist(body: &[u8]) -> String {
    let text = String::from_utf8_lossy(body.get(..MAX_BODY).unwrap_or(body)).into_owned();
    let line = match is_page(&text) {
        true => {
            text.split_once(TITLE[0]).and_then(|(_, rest)| rest.split_once(TITLE[1])).map(|(title, _)| title)
        }
        false => text.trim_start().lines().next(),
    };
    printable(line.unwrap_or_default().trim())
}

/// Where a redirect leads to, in one line.
pub(super) fn aim(location: &str) -> String {
    let mut kept = printable(location);
    if let Some((end, _)) = kept.char_indices().nth(MAX_LOCATION) {
        kept.truncate(end);
        kept.push('…');
    }
    kept
}

fn printable(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).collect()
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
    async fn a_refusal_in_chunks_as_a_page_or_with_a_redirect_is_told_in_plain_words() {
        let said = async |answer: &str| read(answer.as_bytes()).await.0.unwrap_err().to_string();
        let head = "HTTP/1.1 400 Bad Request\r\nTransfer-Encoding: chunked\r\n\r\n";
        let prefix = "the server answers with HTTP status";
        let chunked = format!("{head}8\r\nClient s\r\n9;x\r\nent HTTP.\r\n1\r\n\n\r\n0\r\n\r\n");
        assert_eq!(said(&chunked).await, format!("{prefix} 400: Client sent HTTP."));
        let page = "HTTP/1.1 502 Bad Gateway\r\n\r\n<html>\r\n<head><title>502 Bad Gateway</title></head>";
        assert_eq!(said(page).await, format!("{prefix} 502: 502 Bad Gateway"));
        let untitled = "HTTP/1.1 403 Forbidden\r\n\r\n<!doctype html><h1>No";
        assert_eq!(said(untitled).await, format!("{prefix} 403"));
        let redirect = "HTTP/1.1 302 Found\r\nlocation: https://login.example/\r\nContent-Length: 0\r\n\r\n";
        assert_eq!(said(redirect).await, format!("{prefix} 302 and sends to https://login.example/"));
        let long = redirect.replace("login", &"ö".repeat(7_000));
        let told = said(&long).await;
        assert_eq!((told.chars().count() < 300, told.ends_with("öö…")), (true, true), "{told}");
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
