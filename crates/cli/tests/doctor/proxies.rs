//! Answers by HTTP in place of the upgrade, as proxies and web servers give them.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::process::Command;
use std::sync::Arc;
use std::thread;

use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig, ServerConnection};
use socket2::SockRef;
use tempfile::TempDir;
use wherry_client::Pin;

use super::{
    Relay, dated_tls_server, fault, faults, json, outcome, own_address, pass, server, server_at,
    write_certificate,
};

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

/// Under TLS 1.2 the server says so within the handshake, under 1.3 when the client takes it for done.
#[test]
fn a_proxy_that_demands_a_certificate_of_the_client_is_named_under_both_versions_of_tls() {
    for version in [&rustls::version::TLS12, &rustls::version::TLS13] {
        let dir = tempfile::tempdir().unwrap();
        let ip = own_address().to_string();
        write_certificate(dir.path(), &ip, "", 1, 90);
        let read = |ending| std::fs::read(dir.path().join(format!("{ip}.{ending}"))).unwrap();
        let certificate = CertificateDer::from_pem_slice(&read("crt")).unwrap();
        let (pin, mut roots) = (Pin::of(&certificate).to_string(), RootCertStore::empty());
        roots.add(certificate.clone()).unwrap();
        let verifier = WebPkiClientVerifier::builder(Arc::new(roots)).build().unwrap();
        let key = PrivateKeyDer::from_pem_slice(&read("key")).unwrap();
        let config = ServerConfig::builder_with_protocol_versions(&[version])
            .with_client_cert_verifier(verifier)
            .with_single_cert(vec![certificate], key)
            .unwrap();
        let config = Arc::new(config);
        let addr = server_at(ip.parse().unwrap(), move |mut stream| {
            let mut session = ServerConnection::new(Arc::clone(&config)).unwrap();
            session.complete_io(&mut stream).unwrap_err();
            // Closed with words unread, the connection would break before the alert is heard.
            stream.shutdown(Shutdown::Write).unwrap();
            drop(std::io::copy(&mut stream, &mut std::io::sink()));
        });
        let ask = [&addr, "--pin", &pin, "--stun-port", "off"];
        let (code, report) = json(&ask);
        let found = faults(&report);
        let [one] = &found[..] else { panic!("{version:?}: {report}") };
        assert_eq!((code, one[1].as_str()), (Some(1), "tls"), "{version:?}: {report}");
        assert!(one[2].contains("demands a certificate of the client"), "{version:?}: {one:?}");
        assert!(one[3].contains("ssl_verify_client off"), "{version:?}: {one:?}");
    }
}

/// As Caddy has it with `header_up -Connection`: what it did not ask for it answers itself, with nothing.
#[test]
fn a_proxy_that_takes_the_header_connection_out_is_named() {
    let relay = Relay::start_with(TempDir::new().unwrap(), &[], &["-certmode", "letsencrypt"]);
    let behind = relay.addr;
    for unexpected in ["200 OK", "502 Bad Gateway"] {
        let addr = server(move |mut stream| {
            let mut head = [0; 4096];
            let len = stream.read(&mut head).unwrap_or(0);
            let head = String::from_utf8_lossy(&head[..len]).into_owned();
            let kept = head.split_inclusive("\r\n").filter(|line| !line.starts_with("Connection:"));
            let (mut relay, mut answer) = (TcpStream::connect(behind).unwrap(), [0; 4096]);
            // Who asked for nothing hears nothing.
            drop(relay.write_all(kept.collect::<String>().as_bytes()));
            drop(relay.shutdown(Shutdown::Write));
            let len = relay.read(&mut answer).unwrap_or(0);
            let switches = answer.starts_with(b"HTTP/1.1 101");
            let own = format!("HTTP/1.1 {unexpected}\r\nContent-Length: 0\r\n\r\n");
            drop(stream.write_all(if switches { own.as_bytes() } else { &answer[..len] }));
        });
        let words = [&*format!("status {}", &unexpected[..3]), "takes the header Connection out"];
        fault(&[&format!("http://{addr}/derp"), "--stun-port", "off"], "error", "derp", words);
    }
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

/// With a certificate that a pin would cure, or that is pinned already.
#[test]
fn what_is_no_relay_gets_no_entry() {
    let dir = TempDir::new().unwrap();
    let ip = own_address().to_string();
    write_certificate(dir.path(), &ip, "", 1, 90);
    let listener = TcpListener::bind((&*ip, 0)).unwrap();
    let date = "Sun, 06 Nov 1994 08:49:37 GMT";
    let addr = dated_tls_server(listener, &ip, dir.path(), date).to_string();
    let (_, blind) = json(&[&addr, "--stun-port", "off"]);
    let found = faults(&blind);
    let [one] = &found[..] else { panic!("{found:?}") };
    assert!(one[1] == "derp" && one[2].starts_with("what answers there does not relay: "), "{one:?}");
    assert!(
        one[2].contains("HTTP status 404") && one[2].contains("its certificate is refused, too"),
        "{one:?}"
    );
    assert!(blind["relays"][0]["map"].is_null(), "{blind}");
    let mut entry = Command::new(env!("CARGO_BIN_EXE_wherry"));
    let (code, out, err) = outcome(entry.args(["map", "entry", &addr]));
    assert!(code == Some(1) && out.is_empty() && err.contains("HTTP status 404"), "{out}{err}");
    let leaf = CertificateDer::from_pem_file(dir.path().join(format!("{ip}.crt"))).unwrap();
    let pin = Pin::of(&leaf).to_string();
    let (code, pinned) = json(&[&addr, "--stun-port", "off", "--pin", &pin]);
    assert!(pinned.to_string().contains("HTTP status 404"), "{pinned}");
    assert!(code == Some(1) && pinned["relays"][0]["map"].is_null(), "{pinned}");
}

/// By the number of the alert, as servers in use send them.
#[test]
fn each_way_in_which_a_server_ends_tls_has_its_own_remedy() {
    for (alert, mark, words) in [
        (40, "warning", ["HandshakeFailure", "stock clients may work all the same"]),
        (70, "error", ["ProtocolVersion", "ssl_protocols TLSv1.2 TLSv1.3"]),
        (50, "error", ["DecodeError", "PROXY protocol"]),
        (112, "error", ["UnrecognisedName", "no certificate for the bare address"]),
        (49, "error", ["AccessDenied", "no certificate for the bare address"]),
        (80, "error", ["InternalError", "no certificate for the bare address"]),
    ] {
        let addr = server(move |mut stream| {
            drop(stream.read(&mut [0; 4096]));
            drop(stream.write_all(&[21, 3, 3, 0, 2, 2, alert]));
        });
        fault(&[&addr, "--stun-port", "off"], mark, "tls", words);
    }
}

#[test]
fn a_proxy_that_puts_words_of_its_own_before_tls_is_told_to_leave_them_out() {
    let relay = Relay::start();
    let behind = relay.addr;
    let addr = server(move |stream| {
        let mut relay = TcpStream::connect(behind).unwrap();
        relay.write_all(b"PROXY TCP4 192.0.2.1 192.0.2.2 4711 443\r\n").unwrap();
        pass(stream, relay);
    });
    fault(&[&addr, "--stun-port", "off"], "error", "tls", ["DecodeError", "send-proxy"]);
}

#[test]
fn a_proxy_that_passes_tls_on_to_nobody_is_named() {
    let addr = server(|mut stream| {
        drop(stream.read(&mut [0; 4096]));
    });
    let words = ["ended during the TLS handshake", "does not reach the relay behind it"];
    fault(&[&addr, "--stun-port", "off"], "error", "tls", words);
}

/// A way on which nothing comes through but what keeps to small segments, as its client has to.
#[test]
fn a_way_on_which_large_packets_are_lost_is_told_by_small_ones() {
    let relay = Relay::start_with(TempDir::new().unwrap(), &[], &[]);
    let behind = relay.addr;
    let addr = server(move |mut stream| {
        let is_narrow = SockRef::from(&stream).tcp_mss().unwrap() <= 536;
        thread::spawn(move || match is_narrow {
            true => pass(stream, TcpStream::connect(behind).unwrap()),
            false => drop(std::io::copy(&mut stream, &mut std::io::sink())),
        });
    });
    let words = ["the TLS handshake did not end", "large ones are lost on the way"];
    fault(&[&addr, "--stun-port", "off"], "error", "tls", words);
    let mut ping = Command::new(env!("CARGO_BIN_EXE_wherry"));
    let (code, _, stderr) = outcome(ping.args(["ping", &addr, "--stun-port", "off", "--timeout", "5s"]));
    assert!(code == Some(1) && stderr.contains(words[1]), "{stderr}");
}

#[test]
fn a_relay_that_takes_connections_and_does_no_more_is_not_said_to_lose_packets() {
    let addr = server(|mut stream| {
        thread::spawn(move || drop(std::io::copy(&mut stream, &mut std::io::sink())));
    });
    fault(&[&addr, "--stun-port", "off"], "error", "tls", ["did not end", "it may be overloaded"]);
}
