//! One address family works, the other does not, or not to the end.

use std::io;
use std::net::{Ipv6Addr, TcpListener, TcpStream, UdpSocket};
use std::thread;

use tempfile::TempDir;

use super::{Relay, SocketAddr, fault, faults, json, own_address, serve_on, tls_server};

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
    let node = serde_json::json!({
        "Name": "900a", "RegionID": 900, "HostName": ip, "IPv4": ip, "IPv6": "::1",
        "DERPPort": relay.addr.port(), "CertName": relay.pin(), "STUNPort": stun_port,
    });
    let file = relay.dir.path().join("node.json");
    std::fs::write(&file, node.to_string()).unwrap();
    fault(&[file.to_str().unwrap(), "--open"], "warning", "families", words);
}

/// Carries a connection to the relay and back.
fn pass_on(near: TcpStream, relay: SocketAddr) {
    let far = TcpStream::connect(relay).unwrap();
    let ways = [(near.try_clone(), far.try_clone()), (Ok(far), Ok(near))];
    for (from, to) in ways {
        let (mut from, mut to) = (from.unwrap(), to.unwrap());
        thread::spawn(move || {
            // Either end hangs up when it has seen enough.
            drop(io::copy(&mut from, &mut to));
            drop(to.shutdown(std::net::Shutdown::Write));
        });
    }
}

/// What takes so many connections to the relay, and refuses those after.
fn limited_to(connections: usize, relay: &Relay) -> String {
    let listener = TcpListener::bind((relay.addr.ip(), 0)).unwrap();
    let (addr, behind) = (listener.local_addr().unwrap(), relay.addr);
    thread::spawn(move || {
        let mut listener = Some(listener);
        for left in (0..connections).rev() {
            let (near, _) = listener.as_ref().unwrap().accept().unwrap();
            listener = listener.filter(|_| left > 0);
            pass_on(near, behind);
        }
    });
    addr.to_string()
}

#[test]
fn a_limit_on_connections_is_named_and_keeps_stun_from_nothing() {
    let relay = Relay::start_with(TempDir::new().unwrap(), &[], &["-stun=false"]);
    for (connections, part, words) in [
        (1, "derp", "takes no further connection"),
        (2, "families", "IPv4 is half working: the TCP connection fails"),
        (3, "families", "IPv4 is half working: the TCP connection fails"),
    ] {
        let ask = [&limited_to(connections, &relay), "--pin", &relay.pin(), "--open"];
        let (code, report) = json(&ask);
        let found = faults(&report);
        let parts: Vec<_> = found.iter().map(|one| one[1].as_str()).collect();
        assert_eq!((code, parts), (Some(1), vec![part, "stun"]), "{connections}: {report}");
        assert!(found[0][2].contains(words) && found[0][3].contains("lift the limit"), "{found:?}");
        assert!(found[1][2].contains("STUN is refused"), "{found:?}");
    }
}

#[test]
fn a_port_80_that_is_promised_and_closed_is_told() {
    let relay = Relay::start();
    let ip = relay.addr.ip().to_string();
    let node = serde_json::json!({
        "Name": "900a", "RegionID": 900, "HostName": ip, "IPv4": ip, "DERPPort": relay.addr.port(),
        "CertName": relay.pin(), "CanPort80": true,
    });
    let words = ["CanPort80 is true", "take CanPort80 out of the entry"];
    fault(&[&node.to_string(), "--open"], "warning", "port", words);
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
    serve_on(listener, move |near| pass_on(near, behind));
    let found = format!("IPv6 is half working: no answer to STUN from [::1]:{port}/udp");
    half_working(&relay, port.into(), [&found, &format!("open {port}/udp")]);
}
