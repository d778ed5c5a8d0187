//! Who is here and who left. Source: tailscale: derp/derpserver/derpserver.go

use crate::duplicates::comes_to;
use crate::patience::relay;
use std::time::{Duration, Instant};
use wherry_tests::frame::{GONE_DISCONNECTED, GONE_NOT_HERE, disco, frame, kind, send_packet};
use wherry_tests::node::NodeKey;
use wherry_tests::peer::{Way, brief};
use wherry_tests::subject::Setup;
use wherry_tests::{Difference, Frame, Join, PATIENCE, Peer, Subject};

const REGULAR: u8 = 0x01;
const MESH: u8 = 0x02;
const PROBER: u8 = 0x04;
const NOT_IDEAL: u8 = 0x08;

#[test]
fn a_receiver_hears_once_that_a_sender_left() {
    let Some(relay) = relay() else { return };
    let (mut receiver, mut unrelated) = (Peer::join(&relay), Peer::join(&relay));
    let key = NodeKey::random();
    let join = || Join { key: Some(key.clone()), ..Join::default() }.to(&relay);

    let mut sender = join();
    sender.send_packet(&receiver.key(), b"one");
    sender.send_packet(&receiver.key(), b"two");
    receiver.expect_packet(&sender.key(), b"one");
    receiver.expect_packet(&sender.key(), b"two");
    drop(sender);
    receiver.expect_gone(&key.public(), GONE_DISCONNECTED);
    receiver.expect_silence();

    // Back and gone again: this receiver was told already, a later one is told.
    let mut sender = join();
    let mut later = Peer::join(&relay);
    sender.send_packet(&receiver.key(), b"three");
    sender.send_packet(&later.key(), b"three");
    receiver.expect_packet(&sender.key(), b"three");
    later.expect_packet(&sender.key(), b"three");
    drop(sender);
    later.expect_gone(&key.public(), GONE_DISCONNECTED);
    receiver.expect_silence();
    unrelated.expect_silence();
}

#[test]
fn only_the_receiver_hears_that_the_other_left() {
    let Some(relay) = relay() else { return };
    let (mut one, mut two, mut witness) = (Peer::join(&relay), Peer::join(&relay), Peer::join(&relay));
    one.send_packet(&two.key(), b"x");
    two.expect_packet(&one.key(), b"x");
    two.send_packet(&witness.key(), b"x");
    witness.expect_packet(&two.key(), b"x");
    let key = two.key();
    drop(two);
    witness.expect_gone(&key, GONE_DISCONNECTED);
    one.expect_silence();
}

#[test]
fn a_sender_with_another_connection_has_not_left() {
    let Some(relay) = relay() else { return };
    let mut receiver = Peer::join(&relay);
    let mut first = Peer::join(&relay);
    let mut second = first.again(&relay);
    for sender in [&mut first, &mut second] {
        sender.send_packet(&receiver.key(), b"x");
        receiver.expect_packet(&sender.key(), b"x");
    }
    drop(second);
    comes_to(&mut receiver, &mut first);
    receiver.expect_silence();
    let key = first.key();
    drop(first);
    receiver.expect_gone(&key, GONE_DISCONNECTED);
}

#[test]
fn discovery_to_an_unknown_key_is_answered_three_times_and_then_once_a_second() {
    let Some(relay) = relay() else { return };
    let mut peer = Peer::join(&relay);
    let unknown = NodeKey::random().public();
    let started = Instant::now();
    peer.wire().send(&send_packet(&unknown, &disco(0)).repeat(30));
    let gone =
        |frames: &[Frame]| frames.iter().filter(|frame| frame.is_gone(&unknown, GONE_NOT_HERE)).count();
    let frames = peer.settle();
    assert_eq!(gone(&frames), frames.len(), "{:?}", frames.iter().map(brief).collect::<Vec<_>>());
    // A slow machine may give the limit time to grow.
    let most = 3 + usize::try_from(started.elapsed().as_secs()).expect("a short time");
    assert!((3..=most).contains(&frames.len()), "{} answers, {most} at most", frames.len());
    // Another peer has a limit of its own; a fourth answer comes when a second has gone by.
    let mut other = Peer::join(&relay);
    other.send_packet(&unknown, &disco(0));
    other.expect_gone(&unknown, GONE_NOT_HERE);
    let mut frames = Vec::new();
    while frames.is_empty() && started.elapsed() < PATIENCE {
        peer.send_packet(&unknown, &disco(0));
        frames = peer.settle();
    }
    assert_eq!(gone(&frames), 1, "the limit fills again");
}

#[test]
fn data_to_an_unknown_key_is_not_answered() {
    let Some(relay) = relay() else { return };
    let mut peer = Peer::join(&relay);
    let unknown = NodeKey::random().public();
    let almost = disco(0);
    for packet in [&b""[..], b"data", &[0; 1200], &almost[..61], &almost[1..]] {
        peer.send_packet(&unknown, packet);
    }
    peer.expect_silence();
}

#[test]
fn a_watcher_is_told_who_is_here_and_who_comes_and_goes() {
    let Some(relay) = relay() else { return };
    let early = Peer::join(&relay);
    let mut watcher = Peer::mesh(&relay);
    let own = watcher.key();
    watcher.send(kind::WATCH_CONNS, &[]);
    // Who was here before, and the watcher itself.
    await_present(&mut watcher, &[(early.key(), REGULAR), (own, MESH)]);
    let late = Peer::join(&relay);
    await_present(&mut watcher, &[(late.key(), REGULAR)]);
    // Watching twice tells everything twice.
    watcher.send(kind::WATCH_CONNS, &[]);
    await_present(&mut watcher, &[(early.key(), REGULAR), (late.key(), REGULAR), (own, MESH)]);
    for left in [late, early] {
        let key = left.key();
        drop(left);
        await_frame(&mut watcher, |frame| frame.is_gone(&key, GONE_DISCONNECTED));
    }
}

#[test]
fn a_watcher_is_told_of_each_connection_but_of_the_last_leaving_only() {
    let Some(relay) = relay() else { return };
    let mut watcher = Peer::mesh(&relay);
    watcher.send(kind::WATCH_CONNS, &[]);
    let mut sender = Peer::join(&relay);
    let first = Peer::join(&relay);
    let key = first.key();
    await_frame(&mut watcher, |frame| frame.present() == Some((key, REGULAR)));
    let mut second = first.again(&relay);
    await_frame(&mut watcher, |frame| frame.present() == Some((key, REGULAR)));
    drop(first);
    comes_to(&mut sender, &mut second);
    let told = watcher.settle();
    assert!(!told.iter().any(|frame| frame.payload.starts_with(&key)), "one connection is left: {told:?}");
    drop(second);
    await_frame(&mut watcher, |frame| frame.is_gone(&key, GONE_DISCONNECTED));
}

#[test]
fn present_frames_carry_address_and_flags() {
    let Some(relay) = relay() else { return };
    let mut watcher = Peer::mesh(&relay);
    watcher.send(kind::WATCH_CONNS, &[]);
    let base = Join::default();
    let kinds = [
        (base.clone(), REGULAR),
        (Join { mesh: true, ..base.clone() }, MESH),
        (Join { prober: true, ..base.clone() }, PROBER),
        (Join { not_ideal: true, ..base.clone() }, NOT_IDEAL),
        (Join { mesh: true, prober: true, not_ideal: true, ..base.clone() }, MESH | PROBER | NOT_IDEAL),
        (Join { not_ideal: true, fast_start: true, ..base.clone() }, NOT_IDEAL),
        (Join { way: Way::WebSocket, prober: true, ..base }, PROBER),
    ];
    for (join, flags) in kinds {
        let mut peer = join.clone().to(&relay);
        let frame = await_frame(&mut watcher, |frame| frame.payload.starts_with(&peer.key()));
        assert_eq!(frame.present(), Some((peer.key(), flags)), "{join:?}: {}", brief(&frame));
        let addr = peer.wire().pipe().tcp().local_addr().expect("a connected socket has an address");
        let std::net::IpAddr::V4(ip) = addr.ip() else { panic!("the test speaks IPv4") };
        let expected = [&ip.to_ipv6_mapped().octets()[..], &addr.port().to_be_bytes()].concat();
        assert_eq!(frame.payload[32..50], expected, "{join:?}");
    }
}

#[test]
fn every_watcher_is_told_and_nobody_else() {
    let Some(relay) = relay() else { return };
    let mut watchers = [Peer::mesh(&relay), Peer::mesh(&relay)];
    let (mut idle_mesh_peer, mut regular) = (Peer::mesh(&relay), Peer::join(&relay));
    for watcher in &mut watchers {
        watcher.send(kind::WATCH_CONNS, &[]);
        // Answered, so that nothing is missed.
        drop(watcher.settle());
    }
    let peer = Peer::join(&relay);
    let key = peer.key();
    for watcher in &mut watchers {
        await_frame(watcher, |frame| frame.present() == Some((key, REGULAR)));
    }
    drop(peer);
    for watcher in &mut watchers {
        await_frame(watcher, |frame| frame.is_gone(&key, GONE_DISCONNECTED));
    }
    idle_mesh_peer.expect_silence();
    regular.expect_silence();
}

#[test]
fn a_sibling_that_does_not_read_its_news_is_cut_and_told_anew_when_it_is_back() {
    // Of its own, since it takes much memory.
    let Some(relay) = Subject::start(&Setup::default()) else { return };
    if !relay.differs(Difference::BoundsNews) {
        return;
    }
    let mut crowd: Vec<_> = (0..100).map(|_| Peer::join(&relay)).collect();
    let mut watcher = Peer::mesh(&relay);
    watcher.send(kind::WATCH_CONNS, &[]);
    let join = Join { key: Some(NodeKey::random()), mesh: true, ..Join::default() };
    let mut sibling = join.clone().to(&relay);
    let key = sibling.key();
    // Each time it asks it is told of everybody, in 56 bytes each: twice as much as may wait, and it reads none of it.
    let asked = 2 * (64 << 20) / (crowd.len() * 56);
    let started = Instant::now();
    sibling.wire().send(&frame(kind::WATCH_CONNS, &[]).repeat(asked));
    await_frame(&mut watcher, |frame| frame.is_gone(&key, GONE_DISCONNECTED));
    // The kernel's limit for bytes that are not acknowledged is 15 s, the relay's for siblings that take nothing 30 s.
    assert!(started.elapsed() < Duration::from_secs(12), "cut for another reason");
    sibling.expect_closed();

    let left = crowd.pop().expect("a hundred").key();
    await_frame(&mut watcher, |frame| frame.is_gone(&left, GONE_DISCONNECTED));
    let mut sibling = join.to(&relay);
    sibling.send(kind::WATCH_CONNS, &[]);
    let told = sibling.settle();
    let is_told_of = |key: &[u8; 32]| told.iter().any(|frame| frame.present() == Some((*key, REGULAR)));
    assert!(crowd.iter().all(|peer| is_told_of(&peer.key())), "of everybody who is here");
    assert!(!is_told_of(&left), "and of nobody else");
}

#[test]
fn the_relay_does_not_watch_itself() {
    let Some(relay) = relay() else { return };
    let mut own = Join { key: Some(relay.node_key()), mesh: true, ..Join::default() }.to(&relay);
    own.send(kind::WATCH_CONNS, &[]);
    let _peer = Peer::join(&relay);
    own.expect_silence();
}

#[test]
fn close_peer_ends_every_connection_of_the_key() {
    let Some(relay) = relay() else { return };
    let mut mesh = Peer::mesh(&relay);
    let mut bystander = Peer::join(&relay);
    let mut first = Peer::join(&relay);
    let mut others = [first.again(&relay), first.again(&relay)];
    // An unknown key is no offence.
    mesh.send(kind::CLOSE_PEER, &NodeKey::random().public());
    mesh.send(kind::CLOSE_PEER, &first.key());
    first.expect_closed();
    for other in &mut others {
        other.expect_closed();
    }
    mesh.expect_silence();
    bystander.expect_silence();
    // The key itself is not banned.
    first.again(&relay).expect_silence();
}

#[test]
fn a_mesh_peer_forwards_with_any_source() {
    let Some(relay) = relay() else { return };
    let (mut mesh, mut receiver) = (Peer::mesh(&relay), Peer::join(&relay));
    let source = NodeKey::random().public();
    for packet in [&b""[..], b"forwarded", &disco(0), &[5; 65_536]] {
        mesh.send(kind::FORWARD_PACKET, &[&source[..], &receiver.key(), packet].concat());
        receiver.expect_packet(&source, packet);
    }
    mesh.expect_silence();
    // A mesh peer may also send packets of its own.
    mesh.send_packet(&receiver.key(), b"own");
    receiver.expect_packet(&mesh.key(), b"own");
}

#[test]
fn a_mesh_peer_is_told_when_discovery_finds_nobody() {
    let Some(relay) = relay() else { return };
    let mut mesh = Peer::mesh(&relay);
    let (source, unknown) = (NodeKey::random().public(), NodeKey::random().public());
    mesh.send(kind::FORWARD_PACKET, &[&source[..], &unknown, b"data"].concat());
    mesh.expect_silence();
    mesh.send(kind::FORWARD_PACKET, &[&source[..], &unknown, &disco(0)].concat());
    mesh.expect_gone(&unknown, GONE_NOT_HERE);
    mesh.expect_silence();
}

/// Reads frames until one fits.
#[track_caller]
fn await_frame(peer: &mut Peer, fits: impl Fn(&Frame) -> bool) -> Frame {
    let deadline = Instant::now() + PATIENCE;
    while Instant::now() < deadline {
        let frame = peer.next_frame();
        if fits(&frame) {
            return frame;
        }
    }
    panic!("other frames came, but not the one expected");
}

/// Reads frames until all of these were told, in whatever order.
#[track_caller]
fn await_present(watcher: &mut Peer, expected: &[([u8; 32], u8)]) {
    let mut missing = expected.to_vec();
    while !missing.is_empty() {
        let frame = await_frame(watcher, |frame| frame.present().is_some_and(|told| missing.contains(&told)));
        missing.retain(|expected| Some(*expected) != frame.present());
    }
}
