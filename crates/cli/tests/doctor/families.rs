//! One address family works, the other does not, or not to the end.

use std::io;
use std::net::{Ipv6Addr, TcpListener, TcpStream, UdpSocket};
use std::thread;

use serde_json::json;
use tempfile::TempDir;

use super::{Relay, SocketAddr, fault, own_address, serve_on, tls_server};

/// A relay on a port of which IPv6 has this socket, so that something else than the relay has it there.
fn beside(listener: &TcpListener, flags: &[&str]) -> Relay {
    let port = listener.local_addr().unwrap().port();
    Relay::start_at(SocketAddr::new(own_address().into(), port), TempDir::new().unwrap(), &[], flags)
}

fn on_ipv6() -> TcpListener {
    TcpListener::bind((Ipv6Addr::LOCALHOST, 0)).unwrap()
}

/// Expects one fault of an entry that has the relay by IPv4, and `::1` by IPv6.
fn half_working(relay: &Relay, stun_port: i32, words: [&str; 2]) {
    let ip = relay.addr.ip().to_string();
    let node = json!({
        "Name": "900a", "RegionID": 900, "HostName": ip, "IPv4": ip, "IPv6": "::1",
        "DERPPort": relay.addr.port(), "CertName": relay.pin(), "STUNPort": stun_port,
    });
    let file = relay.dir.path().join("node.json");
    std::fs::write(&file, node.to_string()).unwrap();
    fault(&[file.to_str().unwrap(), "--open"], "warning", "families", words);
}

#[test]
fn an_address_that_does_not_answer_is_named_with_its_family() {
    let relay = Relay::start();
    half_working(&relay, 3478, ["IPv6 is half working: the TCP connection fails", "AAAA"]);
}

#[test]
fn an_address_without_tls_is_named_with_its_family() {
    let listener = on_ipv6();
    let relay = beside(&listener, &["-stun=false"]);
    let addr = serve_on(listener, drop);
    half_working(&relay, -1, [&format!("IPv6 is half working: the TLS handshake fails at {addr}"), "AAAA"]);
}

#[test]
fn an_address_with_the_certificate_but_without_a_relay_is_named_with_its_family() {
    let listener = on_ipv6();
    let relay = beside(&listener, &["-stun=false"]);
    tls_server(listener, &relay.addr.ip().to_string(), relay.dir.path());
    half_working(&relay, -1, ["IPv6 is half working: the HTTP upgrade fails", "another server or proxy"]);
}

#[test]
fn an_address_with_a_relay_but_without_stun_is_named_with_its_family() {
    let listener = on_ipv6();
    // It takes questions and answers none.
    let silent = UdpSocket::bind((Ipv6Addr::LOCALHOST, 0)).unwrap();
    let port = silent.local_addr().unwrap().port();
    let relay = beside(&listener, &["-stun-port", &port.to_string()]);
    let behind = relay.addr;
    serve_on(listener, move |near| {
        let far = TcpStream::connect(behind).unwrap();
        let ways = [(near.try_clone(), far.try_clone()), (Ok(far), Ok(near))];
        for (from, to) in ways {
            let (mut from, mut to) = (from.unwrap(), to.unwrap());
            thread::spawn(move || {
                // Either end hangs up when it has seen enough.
                drop(io::copy(&mut from, &mut to));
                drop(to.shutdown(std::net::Shutdown::Write));
            });
        }
    });
    let found = format!("IPv6 is half working: no answer to STUN from [::1]:{port}/udp");
    half_working(&relay, port.into(), [&found, &format!("open {port}/udp")]);
}
