//! The map, with what lets a reader ask whether it changed.

use http::header::{
    ALLOW, CACHE_CONTROL, CONTENT_TYPE, ETAG, HeaderName, HeaderValue, IF_MODIFIED_SINCE, IF_NONE_MATCH,
    LAST_MODIFIED, RETRY_AFTER, VARY,
};
use http::{Method, Request, Response, StatusCode};
use http_body_util::Full;

use super::page::{self, set};
use crate::map::{ASKED, HEADER, Page, Served, Unfinished};

/// Answers a request for the map: 304 to a reader that has it already.
pub(super) fn answer<B>(request: &Request<B>, served: &Served) -> page::Page {
    if request.method() != Method::GET && request.method() != Method::HEAD {
        let mut page = page::error(StatusCode::METHOD_NOT_ALLOWED, "the map is there to be read: use GET");
        set(page.headers_mut(), ALLOW, HeaderValue::from_static("GET, HEAD"));
        return page;
    }
    let header = HeaderName::from_static(HEADER);
    let Some(map) = served.page() else {
        let asked = request.headers().get(&header).is_some_and(|asked| asked == ASKED);
        if let Some(unfinished) = served.unfinished().filter(|_| asked) {
            return part(&unfinished);
        }
        let text = "there is no map: an included one was not read yet, or none with a relay is included and this relay has no \
                    entry of its own (behind a proxy that speaks TLS for it, map.port makes one); its log says which";
        let mut page = page::error(StatusCode::SERVICE_UNAVAILABLE, text);
        set(page.headers_mut(), RETRY_AFTER, HeaderValue::from_static("10"));
        set(page.headers_mut(), VARY, HeaderValue::from_static(HEADER));
        return page;
    };
    let mut page = if is_known(request, &map) {
        page::empty(StatusCode::NOT_MODIFIED)
    } else {
        let mut page = Response::new(Full::new(map.body.clone()));
        set(page.headers_mut(), CONTENT_TYPE, HeaderValue::from_static("application/json"));
        page
    };
    let headers = page.headers_mut();
    // To be kept, but asked for each time: a change is seen at once, and an unchanged map costs a line.
    set(headers, CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    let date = httpdate::fmt_http_date(map.modified);
    for (name, value) in [(ETAG, map.etag.clone()), (LAST_MODIFIED, date), (header, map.word.clone())] {
        if let Ok(value) = HeaderValue::try_from(value) {
            set(headers, name, value);
        }
    }
    page
}

/// What there is of a map, for a relay that asked for that. The status keeps it from everybody on the way who did not ask.
fn part(unfinished: &Unfinished) -> page::Page {
    let mut page = Response::new(Full::new(unfinished.body.clone()));
    *page.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
    let headers = page.headers_mut();
    set(headers, CONTENT_TYPE, HeaderValue::from_static("application/json"));
    set(headers, CACHE_CONTROL, HeaderValue::from_static("no-store"));
    set(headers, RETRY_AFTER, HeaderValue::from_static("10"));
    set(headers, VARY, HeaderValue::from_static(HEADER));
    if let Ok(word) = HeaderValue::try_from(&unfinished.word) {
        set(headers, HeaderName::from_static(HEADER), word);
    }
    page
}

/// Whether the reader has this map: by its tag if it sends one, else by the very date that came with it.
fn is_known<B>(request: &Request<B>, map: &Page) -> bool {
    let text = |name: HeaderName| request.headers().get(name).and_then(|value| value.to_str().ok());
    if let Some(tags) = text(IF_NONE_MATCH) {
        return tags
            .split(',')
            .map(str::trim)
            .any(|tag| tag == "*" || tag.trim_start_matches("W/") == map.etag);
    }
    let since = text(IF_MODIFIED_SINCE).and_then(|date| httpdate::parse_http_date(date).ok());
    // A date that is not this map's own may be of another clock, or of a map that was served before this one.
    since.is_some_and(|since| map.modified == since)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::clock::Clock;
    use crate::config::{Environment, Include, MapSettings, Sources, load};
    use crate::map::Keeper;
    use http::header::ACCEPT;
    use wherry_wire::derp_map::{DerpMap, Entry};

    fn served() -> Arc<Served> {
        serve(Vec::new())
    }

    /// What is served with these included maps, of which none is read.
    fn serve(include: Vec<Include>) -> Arc<Served> {
        let env = Environment::of([("STATE_DIRECTORY", "/nowhere")]);
        let settings = load(&Sources { dev: true, env, ..Sources::default() }).unwrap().settings;
        let served = Arc::new(Served::default());
        let own = Box::new(|| Some(Entry::at("a.example", 443)));
        let read = Arc::new(|_: &str, _: &str| Ok(DerpMap::default()));
        let (kept, clock) = (&settings.state_dir, Clock::start());
        let settings = MapSettings { include, ..settings.map };
        drop(Keeper::new(&settings, kept, own, false, read, Arc::clone(&served), clock).unwrap());
        served
    }

    fn ask(served: &Served, method: &Method, header: Option<(HeaderName, &str)>) -> page::Page {
        let mut request = Request::builder().method(method).uri("/derpmap.json");
        if let Some((name, value)) = header {
            request = request.header(name, value);
        }
        answer(&request.body(()).unwrap(), served)
    }

    #[test]
    fn who_has_the_map_is_told_so_by_its_tag_or_its_date() {
        let served = served();
        let whole = ask(&served, &Method::GET, None);
        let header = |name: HeaderName| whole.headers()[name].to_str().unwrap().to_owned();
        assert_eq!((whole.status(), &*header(CONTENT_TYPE)), (StatusCode::OK, "application/json"));
        let (tag, date) = (header(ETAG), header(LAST_MODIFIED));
        let same = [
            (IF_NONE_MATCH, tag.clone()),
            (IF_NONE_MATCH, format!("\"x\", W/{tag}")),
            (IF_NONE_MATCH, "*".to_owned()),
            (IF_MODIFIED_SINCE, date),
        ];
        for (name, value) in same {
            let page = ask(&served, &Method::GET, Some((name, &value)));
            assert_eq!(page.status(), StatusCode::NOT_MODIFIED, "{value}");
            assert_eq!(page.headers()[ETAG].to_str().unwrap(), tag);
        }
        let other = [
            (IF_NONE_MATCH, "\"x\""),
            (IF_MODIFIED_SINCE, "Thu, 01 Jan 1970 00:00:00 GMT"),
            (IF_MODIFIED_SINCE, "Fri, 01 Jan 2100 00:00:00 GMT"),
            (IF_MODIFIED_SINCE, "yesterday"),
        ];
        for (name, value) in other {
            assert_eq!(ask(&served, &Method::GET, Some((name, value))).status(), StatusCode::OK, "{value}");
        }
    }

    #[test]
    fn a_map_is_read_only_and_no_part_of_one_is_served() {
        assert_eq!(ask(&served(), &Method::POST, None).status(), StatusCode::METHOD_NOT_ALLOWED);
        let page = ask(&Served::default(), &Method::GET, None);
        assert_eq!(
            (page.status(), &page.headers()[RETRY_AFTER]),
            (StatusCode::SERVICE_UNAVAILABLE, &HeaderValue::from_static("10"))
        );
    }

    /// Headscale takes any answer in JSON for the map, whatever its status.
    #[test]
    fn what_there_is_of_a_map_is_told_to_relays_that_ask_for_it_and_as_no_map() {
        let served = serve(vec![Include::File("/none".into())]);
        let kind = |page: &page::Page| page.headers()[CONTENT_TYPE].to_str().unwrap().to_owned();
        let header = HeaderName::from_static(HEADER);
        for asked in [None, Some((header.clone(), "other")), Some((ACCEPT, ASKED))] {
            let page = ask(&served, &Method::GET, asked);
            assert_eq!(page.status(), StatusCode::SERVICE_UNAVAILABLE);
            assert!(kind(&page).starts_with("text/plain"), "{page:?}");
        }
        let page = ask(&served, &Method::GET, Some((header.clone(), ASKED)));
        assert_eq!((page.status(), &*kind(&page)), (StatusCode::SERVICE_UNAVAILABLE, "application/json"));
        assert_eq!(page.headers()[CACHE_CONTROL], "no-store");
        let id = page.headers()[&header].to_str().unwrap().split_once(' ').unwrap();
        assert_eq!(id.1, format!("{}/0", id.0), "it lacks what it includes");
    }
}
