//! What two clients can do over a relay.

use std::time::Duration;

use wherry_client::{
    Connection, Dialer, Family, Identity, MeshKey, Message, NodePrivate, NodePublic, PeerFlags,
    PeerGoneReason, Pin, RecvError, Sent, Step, Target, Transport, Trust, Verify,
};

use wherry_wire::derp_map::{Node, Region};

use crate::subject::{Kind, MESH_KEY, Relay};

pub(crate) fn dialer() -> Dialer {
    Dialer::new(Trust::system([]).unwrap())
}

pub(crate) async fn connect(target: &Target) -> (Connection, NodePublic) {
    let me = Identity::throw_away().unwrap();
    (dialer().connect(target, &me).await.unwrap(), me.public())
}

pub(crate) async fn sibling(target: &Target) -> Connection {
    let me = Identity::throw_away().unwrap().with_mesh_key(MeshKey::parse(MESH_KEY).unwrap().unwrap());
    dialer().connect(target, &me).await.unwrap()
}

/// The next packet; keep-alives are passed over.
async fn packet(connection: &mut Connection) -> (NodePublic, Vec<u8>) {
    loop {
        match connection.recv().await.unwrap() {
            Message::Packet { src, packet } => return (src, packet),
            Message::KeepAlive => {}
            other => panic!("{other:?}"),
        }
    }
}

/// Packets of several sizes both ways, and a ping.
async fn exchange(dialer: &Dialer, target: &Target) -> Connection {
    let (anna, bert) = (Identity::throw_away().unwrap(), Identity::throw_away().unwrap());
    let mut a = dialer.connect(target, &anna).await.unwrap();
    let mut b = dialer.connect(target, &bert).await.unwrap();
    for len in [0, 1, 1400, 32_768, 65_536] {
        let sent: Vec<u8> = (0..len).map(|i| u8::try_from(i % 251).unwrap()).collect();
        assert_eq!(a.send(&bert.public(), &sent).await.unwrap(), Sent::Written);
        assert!(packet(&mut b).await == (anna.public(), sent.clone()), "{len} bytes to bert");
        assert_eq!(b.send(&anna.public(), &sent).await.unwrap(), Sent::Written);
        assert!(packet(&mut a).await == (bert.public(), sent), "{len} bytes to anna");
    }
    assert!(a.ping(Duration::from_secs(5)).await.unwrap() > Duration::ZERO);
    a
}

#[tokio::test]
async fn packets_pass_over_plain_http() {
    let Some(relay) = Relay::start(Kind::Http, &[]) else { return };
    let connection = exchange(&dialer(), &relay.target("http")).await;
    assert_eq!(connection.server_key(), relay.key().public());
    assert_eq!(connection.addr(), relay.addr());
    assert_eq!(connection.server_info().version, 2);
    let timings = connection.timings();
    assert!(timings.tls.is_none() && timings.dns.is_none() && !timings.is_fast_start, "{timings:?}");
    connection.close().await.unwrap();
}

#[tokio::test]
async fn packets_pass_over_tls_with_fast_start() {
    let Some(relay) = Relay::start(Kind::SelfSigned, &[]) else { return };
    let endpoint = relay.endpoint("https").with_verify(Verify::Pin(relay.pin()));
    let connection = exchange(&dialer(), &Target::one(endpoint)).await;
    assert!(connection.timings().is_fast_start);
    assert!(connection.timings().tls.is_some());
    assert_eq!(connection.server_key(), relay.key().public());
}

#[tokio::test]
async fn packets_pass_over_tls_with_the_usual_start() {
    let Some(relay) = Relay::start(Kind::SelfSigned, &[]) else { return };
    let endpoint = relay.endpoint("https").with_verify(Verify::Pin(relay.pin()));
    let connection = exchange(&dialer().without_fast_start(), &Target::one(endpoint)).await;
    assert!(!connection.timings().is_fast_start);
}

#[tokio::test]
async fn packets_pass_over_a_websocket() {
    let Some(relay) = Relay::start(Kind::SelfSigned, &[]) else { return };
    let endpoint = relay.endpoint("https").with_verify(Verify::Pin(relay.pin()));
    let dialer = dialer().with_transport(Transport::WebSocket).with_preferred(Family::V6);
    let connection = exchange(&dialer, &Target::one(endpoint)).await;
    connection.close().await.unwrap();
}

#[tokio::test]
async fn both_halves_work_from_tasks_of_their_own() {
    let Some(relay) = Relay::start(Kind::Http, &[]) else { return };
    let (connection, me) = connect(&relay.target("http")).await;
    let (sender, mut receiver) = connection.split();
    let mut tasks = tokio::task::JoinSet::new();
    let pinger = sender.clone();
    tasks.spawn(async move { pinger.ping(Duration::from_secs(5)).await.map(drop).unwrap() });
    tasks.spawn(async move { sender.send(&me, b"to myself").await.map(drop).unwrap() });
    let receiving = async {
        loop {
            if let Message::Packet { src, packet } = receiver.recv().await.unwrap() {
                return (src, packet);
            }
        }
    };
    assert_eq!(receiving.await, (me, b"to myself".to_vec()));
    // Pongs need a reader as well.
    tokio::select! {
        _ = tasks.join_all() => {}
        message = receiver.recv() => panic!("{message:?}"),
    }
}

#[tokio::test]
async fn a_disco_packet_for_nobody_is_answered_with_not_here() {
    let Some(relay) = Relay::start(Kind::Http, &[]) else { return };
    let (mut connection, _) = connect(&relay.target("http")).await;
    let nobody = NodePrivate::generate([9; 32]).public();
    let mut disco = wherry_wire::disco::MAGIC.to_vec();
    disco.resize(wherry_wire::disco::MIN_LEN, 0);
    connection.send(&nobody, &disco).await.unwrap();
    let gone = Message::PeerGone { peer: nobody, reason: PeerGoneReason::NOT_HERE };
    assert_eq!(connection.recv().await.unwrap(), gone);
}

#[tokio::test]
async fn a_sibling_watches_forwards_and_closes() {
    let Some(relay) = Relay::start(Kind::Http, &[]) else { return };
    let target = relay.target("http");
    let (mut peer, peer_key) = connect(&target).await;
    let mut sibling = sibling(&target).await;
    sibling.sender().watch().await.unwrap();
    let mut present = Vec::new();
    while present.len() < 2 {
        match sibling.recv().await.unwrap() {
            Message::PeerPresent { peer, flags, addr } => {
                assert!(addr.is_some());
                present.push((peer, flags));
            }
            other => panic!("{other:?}"),
        }
    }
    assert!(present.contains(&(peer_key, PeerFlags::REGULAR)), "{present:?}");
    let elsewhere = NodePrivate::generate([9; 32]).public();
    sibling.sender().forward(&elsewhere, &peer_key, b"from afar").await.unwrap();
    assert_eq!(packet(&mut peer).await, (elsewhere, b"from afar".to_vec()));
    sibling.sender().close_peer(&peer_key).await.unwrap();
    let err = peer.recv().await.unwrap_err();
    assert!(matches!(err, RecvError::Closed | RecvError::Io(_)), "{err:?}");
    let gone = Message::PeerGone { peer: peer_key, reason: PeerGoneReason::DISCONNECTED };
    assert_eq!(sibling.recv().await.unwrap(), gone);
}

#[tokio::test]
async fn receives_dropped_all_the_time_lose_no_packet_over_tls() {
    let Some(relay) = Relay::start(Kind::SelfSigned, &[]) else { return };
    let target = Target::one(relay.endpoint("https").with_verify(Verify::Pin(relay.pin())));
    let (mut connection, me) = connect(&target).await;
    let mut dropped = 0_u32;
    for number in 0..200_u32 {
        let mut sent = number.to_be_bytes().to_vec();
        sent.resize(20_000, 0);
        connection.send(&me, &sent).await.unwrap();
        let message = loop {
            tokio::select! {
                biased;
                message = connection.recv() => break message.unwrap(),
                () = std::future::ready(()) => dropped += 1,
            }
            tokio::task::yield_now().await;
        };
        assert!(message == Message::Packet { src: me, packet: sent }, "packet {number}");
    }
    assert!(dropped > 0, "nothing was ever dropped");
}

fn node(name: &str, relay: &Relay, port: u16) -> Node {
    Node {
        name: name.into(),
        host_name: relay.addr().ip().to_string(),
        cert_name: relay.pin().to_string(),
        derp_port: port.into(),
        ..Node::default()
    }
}

fn region(nodes: Vec<Node>) -> Target {
    Target::region(&Region { region_id: 900, nodes, ..Region::default() }).unwrap()
}

#[tokio::test]
async fn a_region_is_its_first_node_that_takes_a_connection() {
    let Some(relay) = Relay::start(Kind::SelfSigned, &[]) else { return };
    let port = relay.addr().port();
    let stun_only = Node { stun_only: true, ..node("stun", &relay, port) };
    let closed = node("closed", &relay, 1);
    let target = region(vec![stun_only, closed, node("good", &relay, port)]);
    let (connection, _) = connect(&target).await;
    assert_eq!(connection.server_key(), relay.key().public());
}

/// As stock clients do: a node that answers is used, good or bad.
#[tokio::test]
async fn a_node_whose_certificate_is_wrong_does_not_make_way_for_the_next() {
    let Some(relay) = Relay::start(Kind::SelfSigned, &[]) else { return };
    let port = relay.addr().port();
    let wrong = Node { cert_name: Pin::of(b"another").to_string(), ..node("wrong", &relay, port) };
    let target = region(vec![wrong, node("good", &relay, port)]);
    let err = dialer().connect(&target, &Identity::throw_away().unwrap()).await.unwrap_err();
    assert_eq!(err.step(), Step::Tls);
}

#[tokio::test]
async fn the_family_that_works_is_used_whichever_is_preferred() {
    let Some(relay) = Relay::start(Kind::SelfSigned, &[]) else { return };
    // Nobody listens on this port of ::1.
    let node = Node { ipv6: "::1".into(), ..node("900a", &relay, relay.addr().port()) };
    let me = Identity::throw_away().unwrap();
    for preferred in [Family::V4, Family::V6] {
        let connection =
            dialer().with_preferred(preferred).connect(&region(vec![node.clone()]), &me).await.unwrap();
        assert_eq!(connection.addr(), relay.addr(), "{preferred}");
    }
}
