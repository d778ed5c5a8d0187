//! Which request gets which answer.

use http::header::{ACCESS_CONTROL_ALLOW_ORIGIN, HOST, HeaderValue};
use http::{Method, Request, StatusCode, Version};

use super::map;
use super::page::{self, Page};
use super::upgrade::{self, Answer};
use super::{Home, Site};

/// Answers a request on a relay listener. Paths and their order are the reference's: any path unknown to it is the home
/// page, so a browser that was given an odd link still learns what this is.
///
/// Source: `tailscale: cmd/derper/derper.go`.
pub(super) fn route<B>(request: &Request<B>, site: &Site) -> Answer {
    if request.method() == Method::CONNECT {
        return Answer::Page(page::error(StatusCode::FORBIDDEN, "CONNECT not enabled"));
    }
    if let Some(page) = refuse_host(request) {
        return Answer::Page(page);
    }
    let path = request.uri().path();
    if let Some(clean) = clean(path) {
        return Answer::Page(moved(&clean, request.uri().query()));
    }
    Answer::Page(match path {
        "/derp" if site.derp => return upgrade::judge(request, site),
        "/derp" => page::error(StatusCode::NOT_FOUND, "derp server disabled"),
        "/derp/probe" | "/derp/latency-check" => probe(request.method()),
        "/generate_204" => page::generate_204(request),
        "/robots.txt" => page::robots(),
        "/bootstrap-dns" => page::bootstrap_dns(),
        "/derpmap.json" if let Some(served) = &site.map => map::answer(request, served),
        path if path.starts_with("/debug/") => page::error(StatusCode::FORBIDDEN, "debug access denied"),
        _ => match &site.home {
            Home::Default => page::home(site.derp),
            Home::Blank => page::blank(),
            Home::Redirect(target) => page::redirect(target),
        },
    })
}

/// HTTP/1.1 wants exactly one `Host`; two readers that pick different ones are how requests are smuggled.
pub(super) fn refuse_host<B>(request: &Request<B>) -> Option<Page> {
    let hosts = request.headers().get_all(HOST).iter().count();
    match hosts {
        0 if request.version() >= Version::HTTP_11 => {
            Some(page::error(StatusCode::BAD_REQUEST, "400 Bad Request: missing required Host header"))
        }
        0 | 1 => None,
        _ => Some(page::error(StatusCode::BAD_REQUEST, "400 Bad Request: too many Host headers")),
    }
}

/// The latency probe, which browsers may use from any page.
fn probe(method: &Method) -> Page {
    if method != Method::GET && method != Method::HEAD {
        return page::error(StatusCode::METHOD_NOT_ALLOWED, "bogus probe method");
    }
    let mut page = page::empty(StatusCode::OK);
    page::set(page.headers_mut(), ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    page
}

/// The path without empty, `.` and `..` elements, if that is another one.
fn clean(path: &str) -> Option<String> {
    if !path.starts_with('/') {
        return None;
    }
    let mut elements = Vec::new();
    for element in path.split('/') {
        match element {
            "" | "." => {}
            ".." => drop(elements.pop()),
            element => elements.push(element),
        }
    }
    let mut clean = format!("/{}", elements.join("/"));
    if path.ends_with('/') && clean.len() > 1 {
        clean.push('/');
    }
    (clean != path).then_some(clean)
}

fn moved(path: &str, query: Option<&str>) -> Page {
    let query = query.map(|query| format!("?{query}")).unwrap_or_default();
    // Browsers read a backslash as a slash, and two of those at the front as another host.
    let mut page = page::redirect(&format!("{}{query}", path.replace('\\', "%5C")));
    if page.status() == StatusCode::FOUND {
        *page.status_mut() = StatusCode::TEMPORARY_REDIRECT;
    }
    page
}
