//! HTTP/1.1 requests as text and responses taken apart, nothing hidden.

use crate::PATIENCE;
use crate::pipe::Ended;
use crate::subject::Subject;
use crate::wire::Wire;
use std::net::SocketAddr;

/// A response as it came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Response {
    /// First line without its line end.
    pub status_line: String,
    /// Header names and values in their order and spelling.
    pub headers: Vec<(String, String)>,
    /// Whatever followed the head, if it was read.
    pub body: Vec<u8>,
}

impl Response {
    /// The status code, or 0 if the first line has none.
    #[must_use]
    pub fn status(&self) -> u16 {
        self.status_line.split(' ').nth(1).and_then(|code| code.parse().ok()).unwrap_or_default()
    }

    /// The value of a header, its name compared without case.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(given, _)| given.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
    }

    /// The body as text.
    #[must_use]
    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.body).expect("the body is text")
    }

    /// Length of the body; `None`: it lasts until the stream ends.
    pub(crate) fn body_len(&self) -> Option<usize> {
        if matches!(self.status(), 101 | 204 | 304) {
            return Some(0);
        }
        self.header("content-length").and_then(|len| len.parse().ok())
    }
}

pub(crate) fn parse_head(head: &[u8]) -> Response {
    let head = std::str::from_utf8(head).expect("an HTTP head is text");
    let mut lines = head.trim_end_matches("\r\n").split("\r\n");
    let status_line = lines.next().unwrap_or_default().to_owned();
    let headers = lines
        .map(|line| line.split_once(": ").unwrap_or((line, "")))
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect();
    Response { status_line, headers, body: Vec::new() }
}

/// The text of a request without a body. `extra` is a list of whole header lines without line ends.
#[must_use]
pub fn request(method: &str, target: &str, host: &str, extra: &[&str]) -> Vec<u8> {
    let mut text = format!("{method} {target} HTTP/1.1\r\nHost: {host}\r\n");
    for line in extra {
        text.push_str(line);
        text.push_str("\r\n");
    }
    text.push_str("\r\n");
    text.into_bytes()
}

/// One request over a new TLS connection to the main listener, which is closed after the response.
#[must_use]
pub fn fetch(relay: &Subject, method: &str, target: &str, extra: &[&str]) -> Response {
    let mut wire = Wire::tls(relay);
    let extra = [extra, &["Connection: close"]].concat();
    wire.send(&request(method, target, relay.hostname(), &extra));
    whole(&mut wire, method)
}

/// One request over a new plain connection to `addr`, which is closed after the response.
#[must_use]
pub fn fetch_plain(addr: SocketAddr, method: &str, target: &str, host: &str, extra: &[&str]) -> Response {
    let mut wire = Wire::plain(addr);
    let extra = [extra, &["Connection: close"]].concat();
    wire.send(&request(method, target, host, &extra));
    whole(&mut wire, method)
}

fn whole(wire: &mut Wire, method: &str) -> Response {
    let mut response = wire.head(PATIENCE).expect("a response comes");
    // The stream's end is the only length that needs no trust; HEAD has a length without a body.
    response.body = wire.rest(PATIENCE).expect("the relay closes when asked to");
    if let Some(len) = response.body_len().filter(|_| method != "HEAD") {
        assert_eq!(response.body.len(), len, "the body is as long as announced: {response:?}");
    }
    response
}

/// The request of a stock client for the relay protocol.
#[must_use]
pub fn upgrade(relay: &Subject, extra: &[&str]) -> Vec<u8> {
    request("GET", "/derp", relay.hostname(), &[&["Upgrade: DERP", "Connection: Upgrade"], extra].concat())
}

/// Sends `bytes` over a new connection to the main listener and reads the first response head, if any comes.
///
/// # Errors
/// The relay closes without one, or says nothing.
pub fn raw_head(relay: &Subject, bytes: &[u8]) -> Result<Response, Ended> {
    let mut wire = Wire::tls(relay);
    wire.send(bytes);
    wire.head(PATIENCE)
}
