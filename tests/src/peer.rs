//! A peer that joined the relay, and what a test expects it to hear.

use crate::PATIENCE;
use crate::frame::{self, Frame, kind};
use crate::http;
use crate::node::{NodeKey, hex, random_bytes};
use crate::pipe::Ended;
use crate::subject::Subject;
use crate::wire::Wire;
use std::time::Duration;

/// The way to the relay.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Way {
    /// TLS and the `Upgrade: DERP` request.
    #[default]
    Tls,
    /// The same request over bare TCP.
    Plain,
    /// TLS and WebSocket.
    WebSocket,
}

/// How a peer joins. The default is a stock client with a new key over TLS.
#[derive(Debug, Clone, Default)]
pub struct Join {
    /// The key, if not a new one.
    pub key: Option<NodeKey>,
    /// The way in.
    pub way: Way,
    /// Sends the mesh key.
    pub mesh: bool,
    /// Says that it is a prober.
    pub prober: bool,
    /// Sends `Ideal-Node`: it would rather be elsewhere.
    pub not_ideal: bool,
    /// Sends request and `ClientInfo` together and expects no HTTP response.
    pub fast_start: bool,
}

impl Join {
    /// Joins `relay`.
    #[must_use]
    pub fn to(self, relay: &Subject) -> Peer {
        let wire = match self.way {
            Way::Plain => Wire::plain(relay.main()),
            Way::Tls | Way::WebSocket => Wire::tls(relay),
        };
        self.over(wire, relay)
    }

    /// Joins `relay` over a connection that is already there.
    #[must_use]
    pub fn over(self, mut wire: Wire, relay: &Subject) -> Peer {
        let key = self.key.clone().unwrap_or_else(NodeKey::random);
        if self.way == Way::WebSocket {
            upgrade_to_websocket(&mut wire, relay);
        } else {
            let mut extra = Vec::new();
            extra.extend(self.fast_start.then_some("Derp-Fast-Start: 1"));
            extra.extend(self.not_ideal.then_some("Ideal-Node: elsewhere"));
            let mut first = http::upgrade(relay, &extra);
            if self.fast_start {
                first.extend(self.client_info(&key, &relay.node_key().public(), relay));
            }
            wire.send(&first);
            if !self.fast_start {
                let head = wire.head(PATIENCE).expect("the upgrade is answered");
                assert_eq!(head.status(), 101, "{head:?}");
            }
        }
        let server = server_key(&mut wire).expect("the relay says its key");
        if !self.fast_start {
            wire.send(&self.client_info(&key, &server, relay));
        }
        let info = server_info(&mut wire, &key, &server).expect("the relay admits the peer");
        assert!(info.starts_with(b"{"), "server info is {:?}", String::from_utf8_lossy(&info));
        Peer { wire, key, server }
    }

    fn client_info(&self, key: &NodeKey, server: &[u8; 32], relay: &Subject) -> Vec<u8> {
        let mut json = String::from("{");
        if self.mesh {
            json.push_str(&format!("\"meshKey\":\"{}\",", relay.mesh_key()));
        }
        json.push_str("\"version\":2,\"CanAckPings\":true");
        if self.prober {
            json.push_str(",\"IsProber\":true");
        }
        json.push('}');
        frame::frame(kind::CLIENT_INFO, &key.client_info(server, json.as_bytes()))
    }
}

/// Asks for a WebSocket and checks that the relay agrees to subprotocol and key.
pub fn upgrade_to_websocket(wire: &mut Wire, relay: &Subject) {
    let lines = [
        "Upgrade: websocket",
        "Connection: Upgrade",
        "Sec-WebSocket-Version: 13",
        // Key and answer of the example in RFC 6455, section 1.3
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
        "Sec-WebSocket-Protocol: derp",
    ];
    wire.send(&http::request("GET", "/derp", relay.hostname(), &lines));
    let head = wire.head(PATIENCE).expect("the upgrade is answered");
    assert_eq!(head.status(), 101, "{head:?}");
    assert_eq!(head.header("Sec-WebSocket-Accept"), Some("s3pPLMBiTxaQ9kYGzzhZRbK+xOo="), "{head:?}");
    assert_eq!(head.header("Sec-WebSocket-Protocol"), Some("derp"), "{head:?}");
    assert_eq!(head.header("Sec-WebSocket-Extensions"), None, "compression is off: {head:?}");
    wire.become_websocket();
}

/// Reads the `ServerKey` frame.
///
/// # Errors
/// The relay closes first, or says nothing.
pub fn server_key(wire: &mut Wire) -> Result<[u8; 32], Ended> {
    let first = wire.frame(PATIENCE)?;
    assert_eq!(first.kind, kind::SERVER_KEY, "the first frame is the server's key: {first:?}");
    let key = first.payload.strip_prefix(frame::MAGIC).expect("the magic comes first");
    Ok(*key.first_chunk().expect("a key follows the magic"))
}

/// Reads the `ServerInfo` frame and opens it.
///
/// # Errors
/// The relay closes first, or says nothing.
pub fn server_info(wire: &mut Wire, key: &NodeKey, server: &[u8; 32]) -> Result<Vec<u8>, Ended> {
    let second = wire.frame(PATIENCE)?;
    assert_eq!(second.kind, kind::SERVER_INFO, "the second frame is the server's info: {second:?}");
    Ok(key.open(server, &second.payload).expect("the server's box opens"))
}

/// A joined peer.
#[derive(Debug)]
pub struct Peer {
    wire: Wire,
    key: NodeKey,
    server: [u8; 32],
}

impl Peer {
    /// A stock client with a new key.
    #[must_use]
    pub fn join(relay: &Subject) -> Self {
        Join::default().to(relay)
    }

    /// A mesh peer with a new key.
    #[must_use]
    pub fn mesh(relay: &Subject) -> Self {
        Join { mesh: true, ..Join::default() }.to(relay)
    }

    /// Another connection with the key of `self`.
    #[must_use]
    pub fn again(&self, relay: &Subject) -> Self {
        Join { key: Some(self.key.clone()), ..Join::default() }.to(relay)
    }

    /// Its node key.
    #[must_use]
    pub const fn key(&self) -> [u8; 32] {
        self.key.public()
    }

    /// The relay's key, as it was told.
    #[must_use]
    pub const fn server(&self) -> [u8; 32] {
        self.server
    }

    /// The connection.
    #[must_use]
    pub const fn wire(&mut self) -> &mut Wire {
        &mut self.wire
    }

    /// Sends any frame.
    pub fn send(&mut self, kind: u8, payload: &[u8]) {
        self.wire.send(&frame::frame(kind, payload));
    }

    /// Sends a packet.
    pub fn send_packet(&mut self, dst: &[u8; 32], packet: &[u8]) {
        self.wire.send(&frame::send_packet(dst, packet));
    }

    /// The next frame, whatever it is.
    #[must_use]
    pub fn next_frame(&mut self) -> Frame {
        match self.wire.frame(PATIENCE) {
            Ok(frame) => frame,
            Err(ended) => panic!("peer {}: a frame was expected: {ended:?}", hex(&self.key()[..4])),
        }
    }

    /// The next frame is this packet.
    #[track_caller]
    pub fn expect_packet(&mut self, src: &[u8; 32], packet: &[u8]) {
        let frame = self.next_frame();
        assert!(
            frame.carries(src, packet),
            "a packet of {} bytes was expected, not {}",
            packet.len(),
            brief(&frame)
        );
    }

    /// The next frame is this `PeerGone`.
    #[track_caller]
    pub fn expect_gone(&mut self, peer: &[u8; 32], reason: u8) {
        let frame = self.next_frame();
        assert!(frame.is_gone(peer, reason), "gone with reason {reason} was expected, not {}", brief(&frame));
    }

    /// Everything the relay had to say up to now.
    ///
    /// A pong proves that the relay handled all frames sent before its ping. It may overtake queued frames on the
    /// way back, but not those of a later round: after the second pong, what was queued before the first has come.
    #[must_use]
    pub fn settle(&mut self) -> Vec<Frame> {
        let mut frames = Vec::new();
        for _ in 0..3 {
            let data: [u8; 8] = random_bytes();
            self.wire.send(&frame::ping(data));
            loop {
                let frame = self.next_frame();
                match frame.kind {
                    kind::PONG if frame.payload == data => break,
                    kind::KEEP_ALIVE => {}
                    _ => frames.push(frame),
                }
            }
        }
        frames
    }

    /// The relay handled all that was sent, still serves this connection, and has nothing to say.
    #[track_caller]
    pub fn expect_silence(&mut self) {
        let frames = self.settle();
        assert!(
            frames.is_empty(),
            "nothing was expected, not {:?}",
            frames.iter().map(brief).collect::<Vec<_>>()
        );
    }

    /// The relay closes this connection; what it said before is dropped.
    #[track_caller]
    pub fn expect_closed(&mut self) {
        self.expect_closed_within(PATIENCE);
    }

    /// The relay closes this connection in time; what it said before is dropped.
    #[track_caller]
    pub fn expect_closed_within(&mut self, limit: Duration) {
        assert!(self.wire.rest(limit).is_ok(), "the relay was expected to close");
    }
}

/// A frame in a few words, for a failed test.
#[must_use]
pub fn brief(frame: &Frame) -> String {
    let shown = &frame.payload[..frame.payload.len().min(40)];
    format!("frame {:#04x} of {} bytes: {}", frame.kind, frame.payload.len(), hex(shown))
}
