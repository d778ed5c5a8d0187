//! The map that the relay serves of itself, which the reference does not.

use crate::patience::relay;
use wherry_tests::http::{Response, fetch};
use wherry_tests::subject::Setup;
use wherry_tests::{Difference, Subject};

const PATH: &str = "/derpmap.json";

#[test]
fn the_map_is_json_that_names_the_relay_and_may_be_kept_but_not_unasked() {
    let Some(relay) = with_map() else { return };
    let map = fetch(&relay, "GET", PATH, &[]);
    assert_eq!((map.status(), map.header("Content-Type")), (200, Some("application/json")), "{map:?}");
    assert_eq!(map.header("Cache-Control"), Some("no-cache"), "{map:?}");
    let host = relay.hostname();
    for part in [
        format!(r#""HostName": "{host}""#),
        format!(r#""IPv4": "{host}""#),
        r#""CertName": "sha256-raw:"#.to_owned(),
        format!(r#""DERPPort": {}"#, relay.main().port()),
    ] {
        assert!(map.text().contains(&part), "{part} in {}", map.text());
    }
    assert_eq!(fetch(&relay, "GET", PATH, &[]).body, map.body, "it is the same each time");
}

#[test]
fn who_has_the_map_is_told_so_by_its_tag_or_its_date() {
    let Some(relay) = with_map() else { return };
    let map = fetch(&relay, "GET", PATH, &[]);
    let header = |name: &str| map.header(name).unwrap_or_else(|| panic!("{name} in {map:?}")).to_owned();
    let (tag, date) = (header("ETag"), header("Last-Modified"));
    assert!(tag.len() > 2 && tag.starts_with('"') && tag.ends_with('"'), "a strong tag: {tag}");
    let same = [
        format!("If-None-Match: {tag}"),
        format!("If-None-Match: \"other\", W/{tag}"),
        "If-None-Match: *".to_owned(),
        format!("If-Modified-Since: {date}"),
    ];
    for line in same {
        for method in ["GET", "HEAD"] {
            let answer = fetch(&relay, method, PATH, &[&line]);
            assert_eq!((answer.status(), answer.text()), (304, ""), "{method} {line}: {answer:?}");
            assert_eq!(answer.header("ETag"), Some(&*tag), "{method} {line}");
        }
    }
    // The tag says more than the date, and a date of the reader's own making nothing.
    let other = [
        vec!["If-None-Match: \"other\"".to_owned()],
        vec!["If-None-Match: \"other\"".to_owned(), format!("If-Modified-Since: {date}")],
        vec!["If-Modified-Since: Thu, 01 Jan 1970 00:00:00 GMT".to_owned()],
        vec!["If-Modified-Since: yesterday".to_owned()],
    ];
    for lines in other {
        let lines: Vec<_> = lines.iter().map(String::as_str).collect();
        let answer = fetch(&relay, "GET", PATH, &lines);
        assert_eq!((answer.status(), answer.text()), (200, map.text()), "{lines:?}");
    }
}

#[test]
fn the_map_is_there_to_be_read_alone() {
    let Some(relay) = with_map() else { return };
    let (get, head) = (fetch(&relay, "GET", PATH, &[]), fetch(&relay, "HEAD", PATH, &[]));
    assert_eq!((head.status(), head.text()), (200, ""), "{head:?}");
    for name in ["Content-Type", "Content-Length", "ETag", "Last-Modified", "Cache-Control"] {
        assert_eq!(head.header(name), get.header(name), "{name}");
    }
    for method in ["POST", "PUT", "DELETE", "BREW"] {
        let answer = fetch(&relay, method, PATH, &[]);
        assert_eq!((answer.status(), answer.header("Allow")), (405, Some("GET, HEAD")), "{method}");
    }
}

#[test]
fn a_relay_that_was_not_told_to_serve_a_map_shows_its_home_page() {
    let Some(relay) = relay() else { return };
    is_home_page(&fetch(&relay, "GET", PATH, &[]));
}

/// A relay that serves its map. None as well where the path is the home page's like any other.
fn with_map() -> Option<Subject> {
    let envs = vec![("WHERRY_MAP_SERVE".to_owned(), "true".to_owned())];
    let relay = Subject::start(&Setup { envs, ..Setup::default() })?;
    if relay.differs(Difference::ServesItsMap) {
        return Some(relay);
    }
    is_home_page(&fetch(&relay, "GET", PATH, &[]));
    None
}

#[track_caller]
fn is_home_page(response: &Response) {
    assert_eq!(response.status(), 200, "{response:?}");
    assert_eq!(response.header("Content-Type"), Some("text/html; charset=utf-8"), "{response:?}");
    assert!(response.text().contains("DERP"), "{}", response.text());
}
