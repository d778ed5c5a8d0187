//! Two relays of one region, one linked to the other. Source: tailscale: cmd/derper/mesh.go, derp/derpserver/derpserver.go

use std::time::Instant;
use wherry_tests::frame::{GONE_DISCONNECTED, GONE_NOT_HERE, disco, kind};
use wherry_tests::node::{hex, random_bytes};
use wherry_tests::subject::Setup;
use wherry_tests::{Frame, Join, PATIENCE, Peer, Subject, generator};

const MESH: u8 = 0x02;

/// `near` holds a link to `far`: it knows who is there and forwards to them. `far` knows nothing of `near`.
struct Pair {
    near: Subject,
    far: Subject,
}

impl Pair {
    /// Starts both and waits until the link stands.
    fn start() -> Option<Self> {
        let mesh_key = Some(hex(&random_bytes::<32>()));
        let far = Setup { hostname: Some("far.example"), mesh_key: mesh_key.clone(), ..Setup::default() };
        let far = Subject::start(&far)?;
        let mut watcher = watching(&far);

        let certificate = far.cert_dir().join("far.example.crt").display().to_string();
        let link = format!("-mesh-with=far.example:{}/{}", far.main().port(), far.main().ip());
        let near = Setup {
            mesh_key,
            flags: vec![link],
            // The far relay's certificate is the only one that is trusted.
            envs: vec![("SSL_CERT_FILE".to_owned(), certificate)],
            ..Setup::default()
        };
        let near = Subject::start(&near)?;
        let own = near.node_key().public();
        hears(&mut watcher, |frame| frame.present() == Some((own, MESH)));
        Some(Self { near, far })
    }

    /// Joins the far relay and waits until the near one knows.
    fn join_far(&self) -> Peer {
        let mut peer = Peer::join(&self.far);
        let mut scout = Peer::join(&self.near);
        let started = Instant::now();
        loop {
            let packet: [u8; 16] = random_bytes();
            scout.send_packet(&peer.key(), &packet);
            drop(scout.settle());
            // What is forwarded at all has arrived when the far relay answers a later ping.
            if peer.settle().iter().any(|frame| frame.payload.starts_with(&scout.key())) {
                break;
            }
            assert!(started.elapsed() < PATIENCE, "the near relay does not learn of a peer at the far one");
        }
        drop(scout);
        peer
    }
}

#[test]
fn a_packet_crosses_the_link_and_keeps_its_source() {
    let Some(pair) = Pair::start() else { return };
    let (mut near, mut far) = (Peer::join(&pair.near), pair.join_far());
    for packet in [b"across".to_vec(), Vec::new(), disco(3), vec![7; 65_536]] {
        near.send_packet(&far.key(), &packet);
        far.expect_packet(&near.key(), &packet);
    }
    near.expect_silence();
    // There is no way back: the far relay has no link.
    far.send_packet(&near.key(), &disco(0));
    far.expect_gone(&near.key(), GONE_NOT_HERE);
}

#[test]
fn a_packet_is_forwarded_once_at_most() {
    let Some(pair) = Pair::start() else { return };
    let (mut other_relay, mut far) = (Peer::mesh(&pair.near), pair.join_far());
    let source = [5; 32];
    other_relay.send(kind::FORWARD_PACKET, &[&source[..], &far.key(), b"a second hop"].concat());
    other_relay.expect_silence();
    other_relay.send(kind::FORWARD_PACKET, &[&source[..], &far.key(), &disco(0)].concat());
    other_relay.expect_gone(&far.key(), GONE_NOT_HERE);
    far.expect_silence();
}

#[test]
fn a_local_connection_wins_over_the_link() {
    let Some(pair) = Pair::start() else { return };
    let (mut sender, mut far) = (Peer::join(&pair.near), pair.join_far());
    let mut local = far.again(&pair.near);
    sender.send_packet(&local.key(), b"to the local one");
    local.expect_packet(&sender.key(), b"to the local one");
    far.expect_silence();
    // When the local one leaves, the link is used again.
    drop(local);
    let started = Instant::now();
    loop {
        let packet: [u8; 16] = random_bytes();
        sender.send_packet(&far.key(), &packet);
        drop(sender.settle());
        if far.settle().iter().any(|frame| frame.carries(&sender.key(), &packet)) {
            break;
        }
        assert!(started.elapsed() < PATIENCE, "nothing takes the link");
    }
}

#[test]
fn who_leaves_the_far_relay_is_forgotten_at_the_near_one() {
    let Some(pair) = Pair::start() else { return };
    let mut near = Peer::join(&pair.near);
    let far = pair.join_far();
    let key = far.key();
    drop(far);
    forgets(&mut near, &key);
}

#[test]
fn a_far_relay_that_dies_takes_its_peers_along() {
    let Some(pair) = Pair::start() else { return };
    let far = pair.join_far();
    let Pair { near, far: far_relay } = pair;
    let mut peer = Peer::join(&near);
    far_relay.signal("KILL");
    forgets(&mut peer, &far.key());
}

#[test]
fn watchers_are_told_of_local_peers_only() {
    let Some(pair) = Pair::start() else { return };
    let far = pair.join_far();
    let mut watcher = watching(&pair.near);
    let local = Peer::join(&pair.near);
    let mut told_of_far = false;
    hears(&mut watcher, |frame| {
        told_of_far |= frame.payload.starts_with(&far.key());
        frame.payload.starts_with(&local.key())
    });
    told_of_far |= watcher.settle().iter().any(|frame| frame.payload.starts_with(&far.key()));
    assert!(!told_of_far, "a watcher hears of peers from their own relay");
}

#[test]
fn a_link_is_seen_as_a_mesh_peer_and_ends_with_its_relay() {
    let Some(pair) = Pair::start() else { return };
    let mut own = Join { mesh: true, ..Join::default() }.to(&pair.far);
    own.send(kind::WATCH_CONNS, &[]);
    let key = pair.near.node_key().public();
    hears(&mut own, |frame| frame.present() == Some((key, MESH)));
    // The link ends with its relay, and is seen to end.
    pair.near.signal("KILL");
    hears(&mut own, |frame| frame.is_gone(&key, GONE_DISCONNECTED));
}

#[test]
fn a_mesh_needs_a_key() {
    let flags = vec!["-mesh-with=far.example".to_owned()];
    let Some((code, log)) = Subject::refused(&Setup { no_mesh_key: true, flags, ..Setup::default() }) else {
        return;
    };
    assert_ne!(code, 0);
    assert!(log.contains("mesh"), "the log says why: {log}");
}

#[test]
fn the_load_generator_measures_the_link_and_says_where_there_is_none() {
    let Some(pair) = Pair::start() else { return };
    let Some(mut across) = generator() else { return };
    let (near, far) = (pair.near.main().to_string(), pair.far.main());
    let far = format!(r#"{{"HostName":"far.example","IPv4":"{}","DERPPort":{}}}"#, far.ip(), far.port());
    let load = "--insecure --json --pairs 2 --rate 500 --duration 1s --warm-up 100ms".split(' ');
    let output = across.arg("mesh").args([&near, &far]).args(load.clone()).output().unwrap();
    let (said, complaint) =
        (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    // Whether it is a result is the machine's business.
    assert!(matches!(output.status.code(), Some(0 | 75)), "{complaint}");
    let number = |name: &str| -> f64 {
        let (_, rest) = said.split_once(&format!("\"{name}\": ")).unwrap_or_else(|| panic!("{name}: {said}"));
        rest.split([',', '\n']).next().unwrap().parse().unwrap()
    };
    assert_eq!((number("offered"), number("lost")), (500.0, 0.0), "{said}");
    assert!(number("p50_us") > 0.0);
    for relay in [&pair.near, &pair.far] {
        assert!(said.contains(&format!("\"pid\": {}", relay.pid())), "CPU time of both is told: {said}");
    }

    let mut back = generator().unwrap();
    let output = back.arg("mesh").args([&far, &near]).args(load).output().unwrap();
    assert_eq!(output.status.code(), Some(1), "the link goes one way");
    let complaint = String::from_utf8_lossy(&output.stderr);
    assert!(
        complaint.contains("packets of 0 of 2 pairs cross") && complaint.contains("-mesh-with"),
        "{complaint}"
    );
}

fn watching(relay: &Subject) -> Peer {
    let mut watcher = Peer::mesh(relay);
    watcher.send(kind::WATCH_CONNS, &[]);
    watcher
}

#[track_caller]
fn hears(peer: &mut Peer, mut fits: impl FnMut(&Frame) -> bool) {
    let started = Instant::now();
    while !fits(&peer.next_frame()) {
        assert!(started.elapsed() < PATIENCE, "other frames came, but not the one expected");
    }
}

/// Discovery to `key` is answered soon that it is not here.
#[track_caller]
fn forgets(near: &mut Peer, key: &[u8; 32]) {
    let started = Instant::now();
    loop {
        near.send_packet(key, &disco(0));
        if near.settle().iter().any(|frame| frame.is_gone(key, GONE_NOT_HERE)) {
            return;
        }
        assert!(started.elapsed() < PATIENCE, "the near relay still believes in a far peer");
    }
}
