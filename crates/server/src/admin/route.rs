//! Paths of the private listener.

use http::{
    HeaderValue, Method, Request, Response, StatusCode,
    header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE, HOST, X_CONTENT_TYPE_OPTIONS},
    uri::Authority,
};
use http_body_util::Full;
use hyper::body::Bytes;

use super::Facts;
use crate::metrics::TEXT_TYPE;

/// Each path with what it answers, for the index page and the documentation.
pub const PATHS: [(&str, &str); 5] = [
    ("/", "this table"),
    ("/healthz", "200 as long as the process lives"),
    ("/readyz", "200 if the relay can serve, else 503; a line for each fault and note"),
    ("/metrics", "Prometheus text"),
    ("/status.json", "who is connected"),
];

const TEXT: &str = "text/plain; charset=utf-8";

/// Answers a request; `loopback` says whether the listener is meant for this host alone.
pub(super) fn route<B>(request: &Request<B>, loopback: bool, facts: &dyn Facts) -> Response<Full<Bytes>> {
    if loopback && !names_loopback(request) {
        return page(StatusCode::FORBIDDEN, TEXT, "use 127.0.0.1 or localhost\n".to_owned());
    }
    let known = PATHS.iter().any(|(path, _)| *path == request.uri().path());
    if !known {
        return page(StatusCode::NOT_FOUND, TEXT, "no such page; / lists them\n".to_owned());
    }
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        let mut refusal = page(StatusCode::METHOD_NOT_ALLOWED, TEXT, "only GET and HEAD\n".to_owned());
        refusal.headers_mut().insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
        return refusal;
    }
    match request.uri().path() {
        "/healthz" => page(StatusCode::OK, TEXT, "ok\n".to_owned()),
        "/readyz" => {
            let health = facts.health();
            let status = if health.is_ready() { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
            page(status, TEXT, health.text())
        }
        "/metrics" => page(StatusCode::OK, TEXT_TYPE, facts.metrics()),
        "/status.json" => match serde_json::to_string(&facts.status()) {
            Ok(json) => page(StatusCode::OK, "application/json", json + "\n"),
            Err(err) => page(StatusCode::INTERNAL_SERVER_ERROR, TEXT, format!("{err}\n")),
        },
        _ => page(StatusCode::OK, TEXT, index()),
    }
}

fn index() -> String {
    PATHS.iter().fold(String::from("wherry, private listener\n\n"), |page, (path, what)| {
        page + &format!("{path:<14}{what}\n")
    })
}

/// Whether the request was meant for this host: a name that an attacker lets resolve to 127.0.0.1 was not.
fn names_loopback<B>(request: &Request<B>) -> bool {
    let Some(host) = request.headers().get(HOST) else { return true };
    let host = host.to_str().ok().and_then(|host| host.parse::<Authority>().ok());
    host.is_some_and(|host| {
        let bare = host.host().trim_start_matches('[').trim_end_matches(']');
        bare.eq_ignore_ascii_case("localhost") || bare.parse::<std::net::IpAddr>().is_ok()
    })
}

fn page(status: StatusCode, content_type: &'static str, body: String) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from(body)));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}
