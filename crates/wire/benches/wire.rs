//! What reading and writing bytes costs, in time and in allocations: `cargo bench -p wherry-wire`.
//!
//! Of the frames of the hot path, none may allocate.
#![expect(clippy::expect_used, reason = "input made here is good")]

use divan::counter::{BytesCount, ItemsCount};
use divan::{AllocProfiler, Bencher, black_box};
use std::net::SocketAddr;
use wherry_wire::derp::{HEADER_LEN, Header, Intake, ToServer, encode};
use wherry_wire::disco::{self, looks_like_disco};
use wherry_wire::key::NodePublic;
use wherry_wire::stun::{self, MAX_RESPONSE_LEN, TxId};

#[global_allocator]
static ALLOCATOR: AllocProfiler = AllocProfiler::system();

/// Bytes a server reads at a time.
const BATCH: usize = 64 << 10;

/// A tunnelled packet of an ordinary path, and one that carries an acknowledgement.
const PACKET_LENS: [usize; 2] = [1_400, 96];

const DST: NodePublic = NodePublic::from_bytes([7; 32]);

fn main() {
    divan::main();
}

/// All frames of one full read, taken in as a server does.
#[divan::bench(args = PACKET_LENS)]
fn decode_send_packets(bencher: Bencher<'_, '_>, packet_len: usize) {
    let batch = send_packets(packet_len);
    bencher
        .counter(ItemsCount::new(take_in(&batch)))
        .counter(BytesCount::new(batch.len()))
        .bench(|| take_in(black_box(&batch)));
}

/// As many frames as one read brings, into a buffer that is there.
#[divan::bench(args = PACKET_LENS)]
fn encode_recv_packets(bencher: Bencher<'_, '_>, packet_len: usize) {
    let packet = vec![7; packet_len];
    let count = BATCH / (encode::RECV_PACKET_HEADER_LEN + packet_len);
    let mut out = Vec::with_capacity(BATCH);
    bencher.counter(ItemsCount::new(count)).bench_local(|| {
        out.clear();
        for _ in 0..count {
            encode::recv_packet(&mut out, black_box(&DST), black_box(&packet)).expect("the packet is short");
        }
        out.len()
    });
}

/// From a request's datagram to its answer's.
#[divan::bench(args = ["192.0.2.1:41641", "[2001:db8::1]:41641"])]
fn answer_stun(bencher: Bencher<'_, '_>, source: &str) {
    let source: SocketAddr = source.parse().expect("an address");
    let request = stun::request(TxId([7; 12]));
    bencher.counter(ItemsCount::new(1_usize)).bench(|| {
        let mut out = [0; MAX_RESPONSE_LEN];
        let tx = stun::parse_request(black_box(&request)).expect("a request");
        let len = stun::response(tx, black_box(&source), &mut out);
        (len, out)
    });
}

/// A packet that is discovery, one that is not, and one too short to be.
#[divan::bench(args = ["disco", "tunnel", "short"])]
fn recognise_disco(bencher: Bencher<'_, '_>, kind: &str) {
    let mut packet = vec![4; if kind == "short" { 32 } else { 1_400 }];
    if kind == "disco" {
        packet[..6].copy_from_slice(&disco::MAGIC);
    }
    bencher.counter(ItemsCount::new(1_usize)).bench(|| looks_like_disco(black_box(&packet)));
}

/// Whole `SendPacket` frames, as many as fit into one read.
fn send_packets(packet_len: usize) -> Vec<u8> {
    let packet = vec![7; packet_len];
    let mut batch = Vec::with_capacity(BATCH);
    while batch.len() + HEADER_LEN + DST.as_bytes().len() + packet_len <= BATCH {
        encode::send_packet(&mut batch, &DST, &packet).expect("the packet is short");
    }
    batch
}

/// Reads frame after frame; how many there were.
fn take_in(mut bytes: &[u8]) -> usize {
    let mut count = 0;
    while let Some((header, body)) = bytes.split_first_chunk() {
        let header = Header::decode(header);
        let Ok(Intake::Whole(len)) = Intake::of(header, false) else { break };
        let Some((payload, rest)) = body.split_at_checked(len) else { break };
        black_box(ToServer::decode(header.frame_type, payload).expect("a frame that a server takes"));
        bytes = rest;
        count += 1;
    }
    count
}
