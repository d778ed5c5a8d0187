//! The receive rate limit. Source: tailscale: derp/derpserver/derpserver.go

use std::path::Path;
use std::time::{Duration, Instant};
use wherry_tests::frame::{MAX_PACKET, send_packet};
use wherry_tests::subject::Setup;
use wherry_tests::{PATIENCE, Peer, Subject};

#[test]
fn a_peer_over_its_rate_is_read_later_and_loses_nothing() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    // A burst below one frame is raised to one frame, so each further frame waits half a second.
    let Some(relay) = limited(dir.path(), &rate(131_136, 1)) else { return };
    let (mut sender, mut receiver) = (Peer::join(&relay), Peer::join(&relay));
    let took = four_packets(&mut sender, &mut receiver);
    assert!(took > Duration::from_millis(1200), "{took:?}");
    // Each connection has a limit of its own, and mesh peers have none.
    let mut mesh = Peer::mesh(&relay);
    let took = four_packets(&mut mesh, &mut receiver);
    assert!(took < Duration::from_millis(1200), "{took:?}");
}

#[test]
fn the_limit_is_read_again_on_a_hangup() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let Some(relay) = limited(dir.path(), "{}") else { return };
    let (mut sender, mut receiver) = (Peer::join(&relay), Peer::join(&relay));
    assert!(four_packets(&mut sender, &mut receiver) < Duration::from_millis(1200));

    reload(&relay, dir.path(), &rate(131_136, 65_568));
    let started = Instant::now();
    while four_packets(&mut sender, &mut receiver) < Duration::from_millis(1200) {
        assert!(started.elapsed() < PATIENCE, "the limit does not come");
    }
    // A broken file changes nothing.
    reload(&relay, dir.path(), "{");
    for _ in 0..2 {
        let took = four_packets(&mut sender, &mut receiver);
        assert!(took > Duration::from_millis(1200), "{took:?}");
    }
    reload(&relay, dir.path(), "{}");
    let started = Instant::now();
    while four_packets(&mut sender, &mut receiver) > Duration::from_millis(1200) {
        assert!(started.elapsed() < PATIENCE, "the limit does not go");
    }
}

#[test]
fn a_broken_rate_file_is_refused_at_start() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    for (text, name) in [("{", "rate.json"), ("{}", "elsewhere.json")] {
        std::fs::write(dir.path().join("rate.json"), text).expect("the file is written");
        let flags = vec![format!("-rate-config={}", dir.path().join(name).display())];
        let Some((code, log)) = Subject::refused(&Setup { flags, ..Setup::default() }) else { return };
        assert_ne!(code, 0);
        assert!(log.contains("rate"), "the log says why: {log}");
    }
}

fn four_packets(sender: &mut Peer, receiver: &mut Peer) -> Duration {
    let started = Instant::now();
    let packet = vec![1; MAX_PACKET];
    sender.wire().send(&send_packet(&receiver.key(), &packet).repeat(4));
    for _ in 0..4 {
        receiver.expect_packet(&sender.key(), &packet);
    }
    started.elapsed()
}

fn rate(bytes_per_second: u32, burst: u32) -> String {
    format!(r#"{{"PerClientRateLimitBytesPerSec":{bytes_per_second},"PerClientRateBurstBytes":{burst}}}"#)
}

fn limited(dir: &Path, text: &str) -> Option<Subject> {
    let file = dir.join("rate.json");
    std::fs::write(&file, text).expect("the file is written");
    let flags = vec![format!("-rate-config={}", file.display())];
    Subject::start(&Setup { flags, ..Setup::default() })
}

fn reload(relay: &Subject, dir: &Path, text: &str) {
    std::fs::write(dir.join("rate.json"), text).expect("the file is written");
    relay.signal("HUP");
}
