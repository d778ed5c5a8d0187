//! HTTP/1.1 requests as text, and what comes back.

use crate::PATIENCE;
use crate::pipe::Ended;
pub use crate::response::Response;
use crate::subject::Subject;
use crate::wire::Wire;
use std::net::SocketAddr;

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
