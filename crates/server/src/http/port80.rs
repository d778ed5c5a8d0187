//! Plain HTTP beside a TLS listener: the captive-portal check, and redirects for people.

use std::convert::Infallible;
use std::future::Ready;

use http::header::HOST;
use http::{Method, Request, StatusCode};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;

use super::Site;
use super::page::{self, Page};
use super::route::{refuse_host, route};
use super::serve::MAX_HEAD;
use super::upgrade::Answer;
use crate::metrics::Counters;
use crate::transport::Stream;

/// Serves one connection of the plain HTTP listener, for at most as long as a request may take.
pub async fn serve_port80(stream: Stream, site: &Site, counters: &Counters) {
    let router = service_fn(|request: Request<Incoming>| -> Ready<Result<Page, Infallible>> {
        let page = answer(&request, site);
        counters.answered(page.status());
        std::future::ready(Ok(page))
    });
    let serving = http1::Builder::new().max_buf_size(MAX_HEAD).serve_connection(stream, router);
    // Whether it ended well or ran out of time: there is nobody to tell.
    drop(tokio::time::timeout(site.patience, serving).await);
}

/// Source: `tailscale: tsweb/tsweb.go`, `Port80Handler`; `tailscale: cmd/derper/derper.go`.
fn answer<B>(request: &Request<B>, site: &Site) -> Page {
    if let Some(page) = refuse_host(request) {
        return page;
    }
    if request.uri().path() == "/generate_204" {
        return page::generate_204(request);
    }
    // The reference looks at the beginning alone, so `/debugger` is the home page here, too.
    if request.uri().path().starts_with("/debug")
        && let Answer::Page(page) = route(request, site)
    {
        return page;
    }
    if request.method() != Method::GET && request.method() != Method::HEAD {
        return page::error(StatusCode::BAD_REQUEST, "Use HTTPS");
    }
    let host = request.headers().get(HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    let target = request.uri().path_and_query().map_or("/", http::uri::PathAndQuery::as_str);
    page::redirect(&format!("https://{host}{target}"))
}
