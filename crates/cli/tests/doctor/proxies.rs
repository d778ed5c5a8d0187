//! Answers by HTTP in place of the upgrade, as proxies and web servers give them.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;

use tempfile::TempDir;

use super::{Relay, fault, server};

/// A proxy that hides `relay` behind plain HTTP and answers what it does not understand in chunks, as nginx does.
fn chunking_proxy_before(relay: &Relay) -> String {
    let behind = relay.addr;
    server(move |mut stream| {
        let mut head = [0; 4096];
        let len = stream.read(&mut head).unwrap_or(0);
        if len == 0 {
            return;
        }
        let (mut relay, mut answer) = (TcpStream::connect(behind).unwrap(), String::new());
        relay.write_all(&head[..len]).unwrap();
        // It hangs up on plain HTTP, with or without a reset.
        drop(relay.read_to_string(&mut answer));
        let body = answer.split_once("\r\n\r\n").unwrap().1;
        let head = "HTTP/1.1 400 Bad Request\r\nTransfer-Encoding: chunked\r\n\r\n";
        let chunked = format!("{head}{:x}\r\n{body}\r\n0\r\n\r\n", body.len());
        // Whoever has seen enough hangs up.
        drop(stream.write_all(chunked.as_bytes()));
    })
}

#[test]
fn the_words_of_a_relay_behind_a_proxy_are_read_through_its_chunks() {
    let relay = Relay::start_with(TempDir::new().unwrap(), &[], &[]);
    let ask = [&format!("http://{}/derp", chunking_proxy_before(&relay)), "--stun-port", "off"];
    fault(&ask, "error", "derp", ["HTTP request to an HTTPS server", "https:// URL"]);
}

#[test]
fn a_redirect_a_log_in_and_a_web_server_each_have_their_own_remedy() {
    for (answer, words) in [
        (
            "302 Found\r\nLocation: https://login.example/",
            ["302 and sends to https://login.example/", "follow no redirect"],
        ),
        ("401 Unauthorized", ["status 401", "asks for a log-in"]),
        ("200 OK", ["status 200", "a web server answers there"]),
        ("429 Too Many Requests", ["status 429", "limits requests"]),
    ] {
        let text = format!("HTTP/1.1 {answer}\r\nContent-Length: 0\r\n\r\n");
        let addr = server(move |mut stream| {
            drop(stream.read(&mut [0; 4096]));
            drop(stream.write_all(text.as_bytes()));
        });
        fault(&[&format!("http://{addr}/derp"), "--stun-port", "off"], "error", "derp", words);
    }
}
