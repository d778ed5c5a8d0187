//! Bytes recorded from the reference server and its clients, read and written again; see `tests/vectors`.
use crate::{
    annotated_hex::hex,
    derp::{
        ClientInfo, HEADER_LEN, Header, Intake, PeerFlags, PeerGoneReason, ServerInfo, ToClient, ToServer,
        encode, handshake, meta_cert,
    },
    key::{NodePrivate, NodePublic},
    stun,
};
use serde::Deserialize;
use std::{collections::BTreeMap, fmt::Debug, str::FromStr};

#[derive(Deserialize)]
struct Vector {
    name: String,
    hex: String,
    source: String,
    #[serde(default)]
    fields: BTreeMap<String, String>,
}

impl Vector {
    fn bytes(&self) -> Vec<u8> {
        assert!(!self.source.is_empty(), "{} says where it is from", self.name);
        hex(&self.hex)
    }

    /// Header and payload, of which the header must claim the length.
    fn frame(&self) -> (Header, Vec<u8>) {
        let mut bytes = self.bytes();
        let payload = bytes.split_off(HEADER_LEN);
        let header = Header::decode(bytes.first_chunk().unwrap());
        assert_eq!(usize::try_from(header.len).unwrap(), payload.len(), "{}", self.name);
        (header, payload)
    }

    fn field(&self, name: &str) -> &str {
        self.fields.get(name).unwrap_or_else(|| panic!("{} lacks {name}", self.name))
    }

    fn parsed<T: FromStr<Err: Debug>>(&self, name: &str) -> T {
        self.field(name).parse().unwrap()
    }

    fn public(&self, name: &str) -> NodePublic {
        NodePublic::from_hex(self.field(name)).unwrap()
    }

    fn private(&self, name: &str) -> NodePrivate {
        format!("privkey:{}", self.field(name)).parse().unwrap()
    }

    fn array<const N: usize>(&self, name: &str) -> [u8; N] {
        hex(self.field(name)).try_into().unwrap()
    }
}

fn vectors(json: &str) -> Vec<Vector> {
    let vectors: Vec<Vector> = serde_json::from_str(json).unwrap();
    assert!(!vectors.is_empty());
    vectors
}

#[test]
fn recorded_frames_to_servers_are_read_and_written() {
    for vector in vectors(include_str!("../tests/vectors/to_server.json")) {
        let (header, payload) = vector.frame();
        let packet = vector.fields.get("packet").map(|packet| hex(packet)).unwrap_or_default();
        let packet = packet.as_slice();
        let expected = match vector.name.as_str() {
            "send_packet" | "send_packet_empty" => ToServer::SendPacket { dst: vector.public("dst"), packet },
            "forward_packet" => {
                ToServer::ForwardPacket { src: vector.public("src"), dst: vector.public("dst"), packet }
            }
            "note_preferred_home" | "note_preferred_not_home" => {
                ToServer::NotePreferred(vector.parsed("home"))
            }
            "ping" => ToServer::Ping(vector.array("data")),
            "watch_conns" => ToServer::WatchConns,
            "close_peer" => ToServer::ClosePeer(vector.public("peer")),
            "pong" => {
                assert_eq!(Intake::of(header, false), Ok(Intake::Skip(8)));
                continue;
            }
            other => panic!("no test reads {other}"),
        };
        Intake::of(header, true).unwrap();
        assert_eq!(ToServer::decode(header.frame_type, &payload), Ok(expected), "{}", vector.name);
        assert_eq!(written_to_server(expected), vector.bytes(), "{}", vector.name);
    }
}

fn written_to_server(frame: ToServer<'_>) -> Vec<u8> {
    let mut out = Vec::new();
    match frame {
        ToServer::SendPacket { dst, packet } => encode::send_packet(&mut out, &dst, packet).unwrap(),
        ToServer::ForwardPacket { src, dst, packet } => {
            encode::forward_packet(&mut out, &src, &dst, packet).unwrap();
        }
        ToServer::NotePreferred(home) => encode::note_preferred(&mut out, home),
        ToServer::WatchConns => encode::watch_conns(&mut out),
        ToServer::ClosePeer(peer) => encode::close_peer(&mut out, &peer),
        ToServer::Ping(data) => encode::ping(&mut out, data),
    }
    out
}

#[test]
fn recorded_frames_to_clients_are_read_and_written() {
    for vector in vectors(include_str!("../tests/vectors/to_client.json")) {
        let (header, payload) = vector.frame();
        let mut out = Vec::new();
        let packet = vector.fields.get("packet").map(|packet| hex(packet)).unwrap_or_default();
        let expected = match vector.name.as_str() {
            "recv_packet" | "recv_packet_empty" => {
                let src = vector.public("src");
                encode::recv_packet(&mut out, &src, &packet).unwrap();
                ToClient::RecvPacket { src, packet: &packet }
            }
            "pong" => {
                encode::pong(&mut out, vector.array("data"));
                ToClient::Pong(vector.array("data"))
            }
            "keep_alive" => {
                encode::keep_alive(&mut out);
                ToClient::KeepAlive
            }
            name if name.starts_with("peer_present_") => {
                let (peer, addr) = (vector.public("peer"), Some(vector.parsed("addr")));
                let flags = PeerFlags::from_bits(vector.parsed("flags"));
                encode::peer_present(&mut out, &peer, addr, flags);
                ToClient::PeerPresent { peer, addr, flags }
            }
            name if name.starts_with("peer_gone_") => {
                let (peer, reason) =
                    (vector.public("peer"), PeerGoneReason::from_byte(vector.parsed("reason")));
                encode::peer_gone(&mut out, &peer, reason);
                ToClient::PeerGone { peer, reason }
            }
            other => panic!("no test reads {other}"),
        };
        assert_eq!(ToClient::decode(header.frame_type, &payload), Ok(Some(expected)), "{}", vector.name);
        assert_eq!(out, vector.bytes(), "{}", vector.name);
    }
}

#[test]
fn recorded_handshakes_open_and_seal() {
    for vector in vectors(include_str!("../tests/vectors/handshake.json")) {
        match vector.name.as_str() {
            // The HTTP head belongs to those who speak HTTP.
            "http_101_head" => {}
            "server_key" => {
                let key = vector.public("server_public");
                assert_eq!(handshake::server_key_frame(&key).as_slice(), vector.bytes());
                assert_eq!(handshake::parse_server_key(&vector.frame().1), Ok(key));
            }
            "server_info" => server_info(&vector),
            "meta_certificate" => {
                let key = vector.public("server_public");
                let name = vector.field("common_name");
                assert_eq!(meta_cert::common_name(&key), name);
                assert_eq!(
                    meta_cert::parse(name, &[vector.parsed("serial")]),
                    Some((key, meta_cert::SERIAL))
                );
                let in_certificate = vector.bytes().windows(name.len()).any(|bytes| bytes == name.as_bytes());
                assert!(in_certificate, "common name stands in the certificate");
            }
            name if name.starts_with("client_info") => client_info(&vector),
            other => panic!("no test reads {other}"),
        }
    }
}

fn client_info(vector: &Vector) {
    let (header, payload) = vector.frame();
    assert_eq!(handshake::client_info_intake(header), Ok(payload.len()));
    let (key, info, _) = handshake::open_client_info(&vector.private("server_private"), &payload).unwrap();
    assert_eq!(key, vector.public("client_public"));
    assert_eq!(info, ClientInfo::from_json(vector.field("json").as_bytes()).unwrap());
    assert_eq!(info.to_json().as_slice(), vector.field("json").as_bytes());
    // The nonce stands behind the key; with it, the whole frame comes out the same.
    let nonce = *payload[32..].first_chunk().unwrap();
    let (private, server) = (vector.private("client_private"), vector.public("server_public"));
    let (frame, _) = handshake::client_info_frame(&private, &server, nonce, &info).unwrap();
    assert_eq!(frame, vector.bytes(), "{}", vector.name);
}

fn server_info(vector: &Vector) {
    let (_, payload) = vector.frame();
    let (private, server) = (vector.private("client_private"), vector.public("server_public"));
    let (_, shared) =
        handshake::client_info_frame(&private, &server, [0; 24], &ClientInfo::current()).unwrap();
    let info = shared.open_server_info(&payload).unwrap();
    assert_eq!(info, ServerInfo::current());
    assert_eq!(info.to_json().as_slice(), vector.field("json").as_bytes());
    // Both sides share one key, so the client's seals what the server's did.
    assert_eq!(shared.seal_server_info(*payload.first_chunk().unwrap(), &info), vector.bytes());
}

#[test]
fn recorded_stun_datagrams_are_read_and_written() {
    for vector in vectors(include_str!("../tests/vectors/stun.json")) {
        let tx = stun::TxId(vector.array("transaction_id"));
        if vector.name == "request" {
            assert_eq!(stun::parse_request(&vector.bytes()), Ok(tx));
            assert_eq!(stun::request(tx).as_slice(), vector.bytes());
            continue;
        }
        let addr = vector.parsed("addr");
        assert_eq!(stun::parse_response(&vector.bytes()), Ok((tx, addr)), "{}", vector.name);
        let mut out = [0; stun::MAX_RESPONSE_LEN];
        let len = stun::response(tx, &addr, &mut out);
        // The one difference on purpose: the reference answers a mapped source in mapped form.
        assert_eq!(out[..len] == vector.bytes(), vector.name != "reply_mapped", "{}", vector.name);
    }
}
