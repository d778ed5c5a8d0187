//! Everything the relay says over HTTP besides the upgrade. Source: tailscale: cmd/derper/derper.go, tsweb/tsweb.go

use crate::patience::relay;
use wherry_tests::http::{Response, fetch, fetch_plain, raw_head, request};
use wherry_tests::subject::{Setup, Shared};
use wherry_tests::{Difference, Ended, PATIENCE, Peer, Subject, Wire};

const NO_CACHE: &str = "no-cache, no-store, must-revalidate, no-transform, max-age=0";

#[test]
fn probes_answer_get_and_head() {
    let Some(relay) = relay() else { return };
    for path in ["/derp/probe", "/derp/latency-check", "/derp/probe?x=1"] {
        for method in ["GET", "HEAD"] {
            let response = fetch(&relay, method, path, &[]);
            assert_eq!((response.status(), response.text()), (200, ""), "{method} {path}");
            assert_eq!(response.header("Access-Control-Allow-Origin"), Some("*"), "{method} {path}");
        }
    }
}

#[test]
fn probes_refuse_other_methods() {
    let Some(relay) = relay() else { return };
    for path in ["/derp/probe", "/derp/latency-check"] {
        for method in ["POST", "PUT", "OPTIONS", "BREW"] {
            let response = fetch(&relay, method, path, &[]);
            is_error(&response, 405, "bogus probe method\n");
            assert_eq!(response.header("Access-Control-Allow-Origin"), None, "{method} {path}");
        }
    }
}

#[test]
fn derp_without_upgrade_is_an_error() {
    let Some(relay) = relay() else { return };
    for method in ["GET", "POST", "OPTIONS"] {
        is_error(&fetch(&relay, method, "/derp", &[]), 426, "DERP requires connection upgrade\n");
    }
}

#[test]
fn generate_204_answers_a_well_formed_challenge() {
    let Some(relay) = relay() else { return };
    let longest = "a".repeat(64);
    let longer = "a".repeat(65);
    let cases = [
        ("ts_derp1.example:443", true),
        ("a-Z0.9_x:", true),
        (&longest, true),
        (&longer, false),
        ("with space", false),
        ("slash/", false),
        ("quote\"", false),
        ("", false),
    ];
    for (challenge, answered) in cases {
        let line = format!("X-Tailscale-Challenge: {challenge}");
        let over_tls = fetch(&relay, "GET", "/generate_204", &[&line]);
        let over_plain = fetch_plain(relay.http(), "GET", "/generate_204", relay.hostname(), &[&line]);
        let expected = answered.then(|| format!("response {challenge}"));
        for response in [over_tls, over_plain] {
            is_no_content(&response);
            assert_eq!(response.header("X-Tailscale-Response"), expected.as_deref(), "{challenge:?}");
        }
    }
}

#[test]
fn generate_204_takes_any_method_without_a_challenge() {
    let Some(relay) = relay() else { return };
    for method in ["GET", "HEAD", "POST", "BREW"] {
        for response in [
            fetch(&relay, method, "/generate_204", &[]),
            fetch(&relay, method, "/generate_204?t=1700000000", &[]),
            fetch_plain(relay.http(), method, "/generate_204", relay.hostname(), &[]),
        ] {
            is_no_content(&response);
            assert_eq!(response.header("X-Tailscale-Response"), None, "{method}");
        }
    }
}

#[test]
fn robots_are_sent_away() {
    let Some(relay) = relay() else { return };
    let response = fetch(&relay, "GET", "/robots.txt", &[]);
    assert_eq!((response.status(), response.text()), (200, "User-agent: *\nDisallow: /\n"));
    has_browser_headers(&response);
}

#[test]
fn every_other_path_is_the_home_page() {
    let Some(relay) = relay() else { return };
    for path in
        ["/", "/derp/", "/derp/x", "/derp/probe/", "/nothing?x=1", "/generate_204/", "/debugx", "/%2e"]
    {
        for method in ["GET", "POST"] {
            let response = fetch(&relay, method, path, &[]);
            assert_eq!(response.status(), 200, "{method} {path}");
            assert_eq!(response.header("Content-Type"), Some("text/html; charset=utf-8"), "{method} {path}");
            assert!(response.text().contains("DERP"), "{method} {path}: {}", response.text());
            has_browser_headers(&response);
        }
    }
    let head = fetch(&relay, "HEAD", "/", &[]);
    assert_eq!((head.status(), head.text()), (200, ""));
}

#[test]
fn the_bootstrap_names_are_empty_unless_given() {
    let Some(relay) = relay() else { return };
    let response = fetch(&relay, "GET", "/bootstrap-dns", &[]);
    assert_eq!((response.status(), response.text()), (200, ""));
    assert_eq!(response.header("Content-Type"), Some("application/json"));
    has_browser_headers(&response);
}

#[test]
fn a_connection_serves_several_requests() {
    let Some(relay) = relay() else { return };
    let mut wire = Wire::tls(&relay);
    let paths = ["/derp/probe", "/robots.txt", "/generate_204", "/", "/derp/latency-check"];
    // One after the other, then all at once.
    for path in paths {
        wire.send(&request("GET", path, relay.hostname(), &[]));
        assert!(wire.response(PATIENCE).expect("a response").status() < 300, "{path}");
    }
    wire.send(&paths.map(|path| request("GET", path, relay.hostname(), &[])).concat());
    for path in paths {
        assert!(wire.response(PATIENCE).expect("a response").status() < 300, "{path}");
    }
    // The upgrade may come after them.
    wire.send(&wherry_tests::http::upgrade(&relay, &[]));
    assert_eq!(wire.head(PATIENCE).expect("a response").status(), 101);
}

#[test]
fn the_body_of_a_request_is_never_taken_for_a_request() {
    let Some(relay) = relay() else { return };
    let host = relay.hostname();
    let counted = format!(
        "POST /robots.txt HTTP/1.1\r\nHost: {host}\r\nContent-Length: 27\r\n\r\nGET /generate_204 HTTP/1.1\r\n"
    );
    let chunked = format!(
        "POST /robots.txt HTTP/1.1\r\nHost: {host}\r\nTransfer-Encoding: chunked\r\n\r\n\
         5\r\nGET /\r\n3;x=y\r\nabc\r\n0\r\nTrailer: x\r\n\r\n"
    );
    for text in [counted, chunked] {
        let mut wire = Wire::tls(&relay);
        wire.send(&[text.as_bytes(), &request("HEAD", "/derp/probe", host, &[])].concat());
        assert!(wire.response(PATIENCE).expect("a response").text().starts_with("User-agent"), "{text}");
        // A server need not go on after a body that it did not want.
        match wire.head(PATIENCE) {
            Ok(next) => assert_eq!(next.header("Access-Control-Allow-Origin"), Some("*"), "{text}"),
            Err(ended) => assert_eq!(ended, Ended::Closed, "{text}"),
        }
    }
}

#[test]
fn a_long_but_sane_head_is_read() {
    let Some(relay) = relay() else { return };
    let cookie = format!("Cookie: {}", "c".repeat(8000));
    let many: Vec<_> = (0..60).map(|at| format!("X-Proxy-{at}: {at}")).collect();
    let lines: Vec<_> = many.iter().map(String::as_str).chain([&*cookie]).collect();
    assert_eq!(fetch(&relay, "GET", "/derp/probe", &lines).status(), 200);
}

#[test]
fn unclean_paths_are_sent_to_the_clean_ones() {
    let Some(relay) = relay() else { return };
    let cases = [
        ("//derp", "/derp"),
        ("/a/../derp/probe", "/derp/probe"),
        ("/derp/./probe?x=y", "/derp/probe?x=y"),
        ("/derp//probe", "/derp/probe"),
        ("/../../etc/passwd", "/etc/passwd"),
    ];
    for (target, clean) in cases {
        let response = fetch(&relay, "GET", target, &[]);
        assert_eq!((response.status(), response.header("Location")), (307, Some(clean)), "{target}");
    }
}

#[test]
fn connect_is_forbidden_unless_enabled() {
    let Some(relay) = relay() else { return };
    let bytes =
        b"CONNECT controlplane.tailscale.com:443 HTTP/1.1\r\nHost: controlplane.tailscale.com:443\r\n\r\n";
    assert_eq!(raw_head(&relay, bytes).expect("a response").status(), 403);
}

#[test]
fn plain_http_on_the_tls_port_is_told_so() {
    let Some(relay) = relay() else { return };
    for path in ["/", "/derp/probe", "/generate_204"] {
        let mut wire = Wire::plain(relay.main());
        wire.send(&request("GET", path, relay.hostname(), &[]));
        let said = wire.rest(PATIENCE).expect("the relay closes");
        let expected = "HTTP/1.0 400 Bad Request\r\n\r\nClient sent an HTTP request to an HTTPS server.\n";
        assert_eq!(String::from_utf8_lossy(&said), expected, "{path}");
    }
}

#[test]
fn the_plain_port_sends_readers_to_https() {
    let Some(relay) = relay() else { return };
    for (host, target) in [
        (relay.hostname(), "/index.html"),
        (relay.hostname(), "/derp"),
        (relay.hostname(), "/derp/probe"),
        ("derp.example", "/x?a=b&c=d%20e"),
        ("derp.example:8080", "/x"),
        ("[2001:db8::1]:80", "/"),
    ] {
        for method in ["GET", "HEAD"] {
            // A caller on loopback may see the debug pages, so "/" alone would lead there; see below.
            if target == "/" {
                continue;
            }
            let response = fetch_plain(relay.http(), method, target, host, &[]);
            assert_eq!(response.status(), 302, "{method} {host}{target}");
            assert_eq!(response.header("Location"), Some(&*format!("https://{host}{target}")), "{method}");
        }
    }
}

#[test]
fn the_root_of_the_plain_port_depends_on_who_asks() {
    let Some(relay) = relay() else { return };
    let host = relay.hostname();
    let local = fetch_plain(relay.http(), "GET", "/", host, &[]);
    let may_debug = if relay.differs(Difference::NoPublicDebugPages) { "" } else { "debug/" };
    assert_eq!(local.status(), 302);
    assert_eq!(local.header("Location"), Some(&*format!("https://{host}/{may_debug}")));
    // Behind a proxy nobody is local.
    let stranger = fetch_plain(relay.http(), "GET", "/", host, &["X-Forwarded-For: 192.0.2.7"]);
    assert_eq!(stranger.header("Location"), Some(&*format!("https://{host}/")));
}

#[test]
fn the_plain_port_takes_no_other_method() {
    let Some(relay) = relay() else { return };
    for method in ["POST", "PUT", "OPTIONS", "BREW"] {
        for path in ["/", "/derp", "/x"] {
            is_error(&fetch_plain(relay.http(), method, path, relay.hostname(), &[]), 400, "Use HTTPS\n");
        }
    }
}

#[test]
fn the_plain_port_serves_what_starts_like_debug_itself() {
    let Some(relay) = relay() else { return };
    let response = fetch_plain(relay.http(), "GET", "/debugxyz", relay.hostname(), &[]);
    assert_eq!(response.status(), 200);
    assert!(response.text().contains("DERP"), "the home page: {}", response.text());
    has_browser_headers(&response);
}

#[test]
fn the_plain_port_does_not_relay() {
    let Some(relay) = relay() else { return };
    let response = fetch_plain(relay.http(), "GET", "/derp", relay.hostname(), &["Upgrade: DERP"]);
    assert_eq!(response.status(), 302);
}

#[test]
fn a_plain_main_listener_serves_the_same_pages() {
    let Some(relay) = Shared::plain() else { return };
    let get = |path| fetch_plain(relay.main(), "GET", path, relay.hostname(), &[]);
    assert_eq!((get("/derp/probe").status(), get("/derp/probe").text()), (200, ""));
    is_error(&get("/derp"), 426, "DERP requires connection upgrade\n");
    is_no_content(&get("/generate_204"));
    has_browser_headers(&get("/"));
    assert!(get("/anything").text().contains("DERP"));
    assert_eq!(get("/robots.txt").text(), "User-agent: *\nDisallow: /\n");
}

#[test]
fn the_home_page_may_be_blank() {
    let Some(relay) = with_flags(&["-home=blank"]) else { return };
    let response = fetch(&relay, "GET", "/x", &[]);
    assert_eq!((response.status(), response.text()), (200, ""));
    assert_eq!(response.header("Content-Type"), Some("text/html; charset=utf-8"));
    has_browser_headers(&response);
}

#[test]
fn the_home_page_may_be_elsewhere() {
    let Some(relay) = with_flags(&["-home=https://example.com/derp?x=1"]) else { return };
    let response = fetch(&relay, "GET", "/x", &[]);
    assert_eq!(response.status(), 302);
    assert_eq!(response.header("Location"), Some("https://example.com/derp?x=1"));
    assert_eq!(fetch(&relay, "GET", "/derp/probe", &[]).status(), 200);
}

#[test]
fn an_unknown_home_page_is_refused_at_start() {
    let setup = Setup { flags: vec!["-home=elsewhere".to_owned()], ..Setup::default() };
    let Some((code, log)) = Subject::refused(&setup) else { return };
    assert_ne!(code, 0);
    assert!(log.contains("elsewhere"), "the log names the value: {log}");
}

#[test]
fn a_relay_that_only_does_stun_says_so() {
    let Some(relay) = with_flags(&["-derp=false"]) else { return };
    let upgrade = ["Upgrade: DERP", "Connection: Upgrade"];
    is_error(&fetch(&relay, "GET", "/derp", &upgrade), 404, "derp server disabled\n");
    assert!(fetch(&relay, "GET", "/", &[]).text().contains("disabled"));
    assert_eq!(fetch(&relay, "GET", "/derp/probe", &[]).status(), 200);
}

#[test]
fn the_plain_port_can_be_off() {
    let Some(relay) = with_flags(&["-http-port=-1"]) else { return };
    assert_eq!(fetch(&relay, "GET", "/derp/probe", &[]).status(), 200);
    assert!(std::net::TcpStream::connect(relay.http()).is_err(), "nobody listens on the plain port");
}

#[test]
fn the_consistency_check_is_content() {
    let Some(relay) = with_flags(&[]) else { return };
    if relay.differs(Difference::NoPublicDebugPages) {
        is_error(&fetch(&relay, "GET", "/debug/check", &[]), 403, "debug access denied\n");
        return;
    }
    let peers = [Peer::join(&relay), Peer::mesh(&relay)];
    let check = fetch(&relay, "GET", "/debug/check", &[]);
    assert_eq!((check.status(), check.text()), (200, "derp.Server ConsistencyCheck okay"));
    // Only for those who may debug: behind a proxy nobody is local.
    let denied = fetch(&relay, "GET", "/debug/check", &["X-Forwarded-For: 127.0.0.1"]);
    assert_eq!(denied.status(), 403);
    drop(peers);
}

fn with_flags(flags: &[&str]) -> Option<Subject> {
    let flags = flags.iter().map(|flag| (*flag).to_owned()).collect();
    Subject::start(&Setup { flags, ..Setup::default() })
}

#[track_caller]
fn is_error(response: &Response, status: u16, text: &str) {
    assert_eq!((response.status(), response.text()), (status, text), "{response:?}");
    assert_eq!(response.header("Content-Type"), Some("text/plain; charset=utf-8"), "{response:?}");
    assert_eq!(response.header("X-Content-Type-Options"), Some("nosniff"), "{response:?}");
}

#[track_caller]
fn is_no_content(response: &Response) {
    assert_eq!((response.status(), response.text()), (204, ""), "{response:?}");
    assert_eq!(response.header("Cache-Control"), Some(NO_CACHE), "{response:?}");
}

#[track_caller]
fn has_browser_headers(response: &Response) {
    let policy = "default-src 'self'; frame-ancestors 'none'; form-action 'self'; base-uri 'self'; \
                  block-all-mixed-content; object-src 'none'";
    for (name, value) in [
        ("Strict-Transport-Security", "max-age=63072000; includeSubDomains"),
        ("Content-Security-Policy", policy),
        ("X-Frame-Options", "DENY"),
        ("X-Content-Type-Options", "nosniff"),
    ] {
        assert_eq!(response.header(name), Some(value), "{name} in {response:?}");
    }
}
