//! The DERP client of tailscale-rs, crate `ts_derp`.
//!
//! It differs from the stock client in ways a relay must bear: it upgrades with POST, names a bare address in
//! `Host`, never uses fast start, calls its mesh key `"none"` in a field that is none, and gives up at any frame
//! but ServerKey, ServerInfo, RecvPacket, KeepAlive, Ping, and a PeerGone whose reason it knows.

use std::net::IpAddr;
use ts_derp::{Client, DefaultClient, IpUsage, ServerConnInfo, TlsValidationConfig};
use ts_keys::{NodeKeyPair, NodePublicKey};
use wherry_tests::subject::Listen;
use wherry_tests::{PATIENCE, Setup, Subject};

/// Its limit is 64 KiB for a frame's payload, so 32 bytes less than the protocol's for a packet.
const LARGEST: usize = 65_504;

struct Foreigner {
    client: DefaultClient,
    key: NodePublicKey,
}

impl Foreigner {
    async fn join(subject: &Subject) -> Self {
        let keys = NodeKeyPair::random();
        let server = entry(subject);
        let connecting = Client::connect([&server], &keys);
        let client = tokio::time::timeout(PATIENCE, connecting).await.expect("in time").expect("connected");
        Self { client, key: keys.public }
    }

    async fn send(&self, to: &Self, packet: &[u8]) {
        self.client.send_one(to.key, packet).await.expect("sent");
    }

    /// The next packet and who sent it.
    async fn receive(&self) -> (NodePublicKey, Vec<u8>) {
        let received = tokio::time::timeout(PATIENCE, self.client.recv_one()).await.expect("in time");
        let (from, packet) = received.expect("the connection holds");
        (from, packet.as_ref().to_vec())
    }

    async fn pass(&self, to: &Self, packet: &[u8]) {
        self.send(to, packet).await;
        let (from, got) = to.receive().await;
        assert!(from == self.key && got == packet, "{} bytes arrive unchanged", packet.len());
    }
}

fn entry(subject: &Subject) -> ServerConnInfo {
    let (ipv4, ipv6) = match subject.main().ip() {
        IpAddr::V4(addr) => (IpUsage::FixedAddr(addr), IpUsage::Disable),
        IpAddr::V6(addr) => (IpUsage::Disable, IpUsage::FixedAddr(addr)),
    };
    ServerConnInfo {
        hostname: subject.hostname().to_owned(),
        ipv4,
        ipv6,
        tls_validation_config: TlsValidationConfig::InsecureForTests,
        https_port: subject.main().port(),
        stun_port: None,
        stun_only: false,
        supports_port_80: false,
    }
}

#[tokio::test]
async fn packets_of_every_size_pass_both_ways() {
    for listen in [Listen::Own, Listen::V6] {
        let Some(subject) = Subject::start(&Setup { listen, ..Setup::default() }) else { return };
        let (a, b) = (Foreigner::join(&subject).await, Foreigner::join(&subject).await);
        for len in [0, 1, 31, 32, 62, 1400, 2048, 16_384, 32_768, LARGEST - 1, LARGEST] {
            let packet: Vec<u8> = (0..=u8::MAX).cycle().take(len).collect();
            a.pass(&b, &packet).await;
            b.pass(&a, &packet).await;
        }
    }
}

#[tokio::test]
async fn a_connection_outlives_the_peers_it_heard() {
    let Some(subject) = Subject::start(&Setup::default()) else { return };
    let (a, b, c) =
        (Foreigner::join(&subject).await, Foreigner::join(&subject).await, Foreigner::join(&subject).await);
    a.pass(&b, b"soon gone").await;
    drop(a);
    c.pass(&b, b"still here").await;
}

#[tokio::test]
async fn a_connection_outlives_a_search_for_a_peer_that_is_not_here() {
    let Some(subject) = Subject::start(&Setup::default()) else { return };
    let a = Foreigner::join(&subject).await;
    let mut disco = b"TS\xf0\x9f\x92\xac".to_vec();
    disco.resize(62, 0);
    a.client.send_one(NodeKeyPair::random().public, &disco).await.expect("sent");
    a.pass(&a, b"the relay's answer did not end it").await;
}
