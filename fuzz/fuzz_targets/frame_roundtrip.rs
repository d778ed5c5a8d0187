//! Decodes one frame in both directions, encodes it, decodes it again and compares.
#![no_main]

use libfuzzer_sys::fuzz_target;
use wherry_wire::derp::{FrameType, HEADER_LEN, Header, ToClient, ToServer, encode};

fuzz_target!(|data: &[u8]| {
    let Some((first, payload)) = data.split_first() else { return };
    let frame_type = FrameType::from_byte(*first);
    let mut out = Vec::new();
    if let Ok(frame) = ToServer::decode(frame_type, payload) {
        write_to_server(&mut out, &frame);
        let (frame_type, payload) = only_frame(&out);
        assert_eq!(ToServer::decode(frame_type, payload), Ok(frame));
        out.clear();
    }
    if let Ok(Some(frame)) = ToClient::decode(frame_type, payload)
        && write_to_client(&mut out, &frame)
    {
        let (frame_type, payload) = only_frame(&out);
        assert_eq!(ToClient::decode(frame_type, payload), Ok(Some(frame)));
    }
});

/// The length a header claims is the length that follows.
fn only_frame(bytes: &[u8]) -> (FrameType, &[u8]) {
    let header = Header::decode(bytes.first_chunk().expect("a whole header"));
    assert_eq!(header.len as usize, bytes.len() - HEADER_LEN);
    (header.frame_type, &bytes[HEADER_LEN..])
}

fn write_to_server(out: &mut Vec<u8>, frame: &ToServer<'_>) {
    match frame {
        ToServer::SendPacket { dst, packet } => {
            encode::send_packet(out, dst, packet).expect("it was decoded")
        }
        ToServer::ForwardPacket { src, dst, packet } => {
            encode::forward_packet(out, src, dst, packet).expect("it was decoded");
        }
        ToServer::NotePreferred(home) => encode::note_preferred(out, *home),
        ToServer::WatchConns => encode::watch_conns(out),
        ToServer::ClosePeer(peer) => encode::close_peer(out, peer),
        ToServer::Ping(data) => encode::ping(out, *data),
    }
}

/// Whether there is a writer for it; clients accept longer packets than servers write, and any bytes as text.
fn write_to_client(out: &mut Vec<u8>, frame: &ToClient<'_>) -> bool {
    match frame {
        ToClient::RecvPacket { src, packet } => return encode::recv_packet(out, src, packet).is_ok(),
        ToClient::KeepAlive => encode::keep_alive(out),
        ToClient::PeerGone { peer, reason } => encode::peer_gone(out, peer, *reason),
        ToClient::PeerPresent { peer, addr, flags } => encode::peer_present(out, peer, *addr, *flags),
        ToClient::Ping(data) => encode::ping(out, *data),
        ToClient::Pong(data) => encode::pong(out, *data),
        ToClient::Health(text) => {
            return std::str::from_utf8(text).is_ok_and(|text| encode::health(out, text).is_ok());
        }
        ToClient::Restarting { reconnect_in_ms, try_for_ms } => {
            encode::restarting(out, *reconnect_in_ms, *try_for_ms);
        }
        ToClient::ServerKey(_) | ToClient::ServerInfo(_) => return false,
    }
    true
}
