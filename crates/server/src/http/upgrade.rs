//! Judging a request for `/derp`.

use http::header::{
    CONNECTION, HeaderValue, SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_PROTOCOL, SEC_WEBSOCKET_VERSION, UPGRADE,
};
use http::{HeaderMap, Method, Request, StatusCode};
use tungstenite::handshake::derive_accept_key;

use super::Site;
use super::page::{self, Page};

/// What follows from a request.
#[derive(Debug)]
pub(super) enum Answer {
    /// Send this; the connection goes on with the next request.
    Page(Page),
    /// The connection is DERP's from here on.
    Upgrade(Upgrade),
}

/// How a connection goes on after HTTP.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Upgrade {
    /// The answer to the request, to be sent before the first frame; empty with fast start.
    pub head: Vec<u8>,
    /// The client named another node as its first choice.
    pub not_ideal: bool,
    /// Frames travel in WebSocket messages.
    pub websocket: Option<WebSocket>,
}

/// What a WebSocket client asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WebSocket {
    /// The subprotocol `derp`: go on.
    Derp,
    /// None that we know: the upgrade is answered and the connection closed with 1008 (policy violation).
    OtherProtocol,
}

/// Judges a request for `/derp` as the reference does: the method and `Connection` do not matter for DERP.
///
/// Source: `tailscale: derp/derpserver/handler.go`, `websocket.go`.
pub(super) fn judge<B>(request: &Request<B>, site: &Site) -> Answer {
    let headers = request.headers();
    let upgrade = text(headers, &UPGRADE).to_ascii_lowercase();
    if upgrade == "websocket" && text(headers, &SEC_WEBSOCKET_PROTOCOL).contains("derp") {
        return judge_websocket(request);
    }
    if upgrade != "derp" && upgrade != "websocket" {
        return Answer::Page(page::error(StatusCode::UPGRADE_REQUIRED, "DERP requires connection upgrade"));
    }
    let fast_start = text(headers, "derp-fast-start") == "1";
    let head = if fast_start { Vec::new() } else { head(site) };
    Answer::Upgrade(Upgrade { head, not_ideal: !text(headers, "ideal-node").is_empty(), websocket: None })
}

fn head(site: &Site) -> Vec<u8> {
    format!(
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: DERP\r\nConnection: Upgrade\r\nDerp-Version: 2\r\n\
         Derp-Public-Key: {}\r\n\r\n",
        site.public_key.hex()
    )
    .into_bytes()
}

/// Judges a WebSocket handshake (RFC 6455, section 4.2.1).
fn judge_websocket<B>(request: &Request<B>) -> Answer {
    let headers = request.headers();
    if !lists_token(headers, "upgrade") {
        return Answer::Page(websocket_error(
            StatusCode::UPGRADE_REQUIRED,
            "WebSocket protocol violation: Connection header does not contain Upgrade",
        ));
    }
    if request.method() != Method::GET {
        return Answer::Page(page::error(
            StatusCode::METHOD_NOT_ALLOWED,
            "WebSocket protocol violation: handshake request method is not GET",
        ));
    }
    if text(headers, &SEC_WEBSOCKET_VERSION) != "13" {
        let mut page = page::error(
            StatusCode::BAD_REQUEST,
            "unsupported WebSocket protocol version (only 13 is supported)",
        );
        page::set(page.headers_mut(), SEC_WEBSOCKET_VERSION, HeaderValue::from_static("13"));
        return Answer::Page(page);
    }
    let key = text(headers, &SEC_WEBSOCKET_KEY);
    if key.len() != 24 || !key.ends_with("==") || headers.get_all(SEC_WEBSOCKET_KEY).iter().count() != 1 {
        return Answer::Page(page::error(
            StatusCode::BAD_REQUEST,
            "WebSocket protocol violation: invalid Sec-WebSocket-Key",
        ));
    }
    let offers_derp = headers
        .get_all(SEC_WEBSOCKET_PROTOCOL)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .any(|protocol| protocol.trim().eq_ignore_ascii_case("derp"));
    let (websocket, protocol) = if offers_derp {
        (WebSocket::Derp, "Sec-WebSocket-Protocol: derp\r\n")
    } else {
        (WebSocket::OtherProtocol, "")
    };
    let head = format!(
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Accept: {}\r\n{protocol}\r\n",
        derive_accept_key(key.as_bytes())
    );
    Answer::Upgrade(Upgrade { head: head.into_bytes(), not_ideal: false, websocket: Some(websocket) })
}

fn websocket_error(status: StatusCode, text: &'static str) -> Page {
    let mut page = page::error(status, text);
    page::set(page.headers_mut(), CONNECTION, HeaderValue::from_static("Upgrade"));
    page::set(page.headers_mut(), UPGRADE, HeaderValue::from_static("websocket"));
    page
}

fn lists_token(headers: &HeaderMap, token: &str) -> bool {
    headers
        .get_all(CONNECTION)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .any(|listed| listed.trim().eq_ignore_ascii_case(token))
}

/// The first value of a header as text; empty if there is none or it is not text.
fn text(headers: &HeaderMap, name: impl http::header::AsHeaderName) -> &str {
    headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
}
