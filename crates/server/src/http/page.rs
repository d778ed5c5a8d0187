//! Answers as hyper wants them, and the headers they share.

use bytes::Bytes;
use http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderName, HeaderValue};
use http::{HeaderMap, Request, Response, StatusCode};
use http_body_util::Full;

/// An answer with its whole body in memory.
pub(super) type Page = Response<Full<Bytes>>;

const TEXT: HeaderValue = HeaderValue::from_static("text/plain; charset=utf-8");
const HTML: HeaderValue = HeaderValue::from_static("text/html; charset=utf-8");

/// Headers that keep a browser from doing harm with our pages, as the reference sends them.
const BROWSER: [(&str, &str); 4] = [
    ("strict-transport-security", "max-age=63072000; includeSubDomains"),
    (
        "content-security-policy",
        "default-src 'self'; frame-ancestors 'none'; form-action 'self'; base-uri 'self'; block-all-mixed-content; \
         object-src 'none'",
    ),
    ("x-frame-options", "DENY"),
    ("x-content-type-options", "nosniff"),
];

/// The page of people who look with a browser.
const HOME: &str = include_str!("home.html");

/// An answer without a body.
pub(super) fn empty(status: StatusCode) -> Page {
    let mut page = Page::default();
    *page.status_mut() = status;
    page
}

/// An error: one line of text.
pub(super) fn error(status: StatusCode, text: &'static str) -> Page {
    let mut page = Response::new(Full::from(format!("{text}\n")));
    *page.status_mut() = status;
    set(page.headers_mut(), CONTENT_TYPE, TEXT);
    set(page.headers_mut(), http::header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    page
}

/// 302 to `target`, which must be fit for a header.
pub(super) fn redirect(target: &str) -> Page {
    let Ok(target) = HeaderValue::try_from(target) else {
        return error(StatusCode::BAD_REQUEST, "bad redirect target");
    };
    let mut page = empty(StatusCode::FOUND);
    set(page.headers_mut(), http::header::LOCATION, target);
    page
}

/// The home page; it says whether the relay relays.
pub(super) fn home(derp: bool) -> Page {
    let status = if derp { "relaying" } else { "disabled: this host only answers STUN" };
    let mut page = Response::new(Full::from(HOME.replace("{status}", status)));
    set(page.headers_mut(), CONTENT_TYPE, HTML);
    for_browsers(page)
}

/// An empty home page.
pub(super) fn blank() -> Page {
    let mut page = empty(StatusCode::OK);
    set(page.headers_mut(), CONTENT_TYPE, HTML);
    for_browsers(page)
}

/// What search engines are told.
pub(super) fn robots() -> Page {
    for_browsers(Response::new(Full::from("User-agent: *\nDisallow: /\n")))
}

/// The set of names that clients may resolve through the relay: none is configured, so it is empty.
pub(super) fn bootstrap_dns() -> Page {
    let mut page = empty(StatusCode::OK);
    set(page.headers_mut(), CONTENT_TYPE, HeaderValue::from_static("application/json"));
    set(page.headers_mut(), http::header::CONNECTION, HeaderValue::from_static("close"));
    for_browsers(page)
}

/// The answer that shows a client that nothing stands between it and the relay: 204, and its challenge returned.
///
/// Source: `tailscale: derp/derpserver/handler.go`, `ServeNoContent`.
pub(super) fn generate_204<B>(request: &Request<B>) -> Page {
    const NO_CACHE: HeaderValue =
        HeaderValue::from_static("no-cache, no-store, must-revalidate, no-transform, max-age=0");
    const CHALLENGE: HeaderName = HeaderName::from_static("x-tailscale-challenge");
    const RESPONSE: HeaderName = HeaderName::from_static("x-tailscale-response");
    let mut page = empty(StatusCode::NO_CONTENT);
    set(page.headers_mut(), CACHE_CONTROL, NO_CACHE);
    let challenge = request.headers().get(CHALLENGE).map(HeaderValue::as_bytes);
    if let Some(challenge) = challenge.filter(|challenge| is_challenge(challenge))
        && let Ok(response) = HeaderValue::from_bytes(&[b"response ", challenge].concat())
    {
        set(page.headers_mut(), RESPONSE, response);
    }
    page
}

/// Whether a challenge is one that a client could have made: anything else might be somebody's script.
fn is_challenge(challenge: &[u8]) -> bool {
    (1..=64).contains(&challenge.len())
        && challenge.iter().all(|byte| byte.is_ascii_alphanumeric() || b"._:-".contains(byte))
}

pub(super) fn set(headers: &mut HeaderMap, name: HeaderName, value: HeaderValue) {
    // The previous value, if any, has served.
    drop(headers.insert(name, value));
}

fn for_browsers(mut page: Page) -> Page {
    for (name, value) in BROWSER {
        set(page.headers_mut(), HeaderName::from_static(name), HeaderValue::from_static(value));
    }
    page
}
