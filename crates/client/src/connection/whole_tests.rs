//! Over an in-memory pipe, whose other end plays no relay: it only reads and writes frames.

use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use futures_util::poll;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};
use tokio::time::advance;
use wherry_wire::derp::handshake::{client_info_frame, open_client_info};
use wherry_wire::derp::{ClientInfo, FrameType, HEADER_LEN, Header, encode};
use wherry_wire::key::NodePrivate;

use super::*;

const SRC: NodePublic = NodePublic::from_bytes([7; 32]);

/// A connection whose pipe holds `capacity` bytes each way, the other end, and its half of the shared key.
fn open(capacity: usize) -> (Connection, DuplexStream, wherry_wire::derp::SharedKey) {
    let (client, server) = (NodePrivate::generate([1; 32]), NodePrivate::generate([2; 32]));
    let (frame, key) = client_info_frame(&client, &server.public(), [3; 24], &ClientInfo::current()).unwrap();
    let (_, _, theirs) = open_client_info(&server, &frame[HEADER_LEN..]).unwrap();
    let (ours, far) = duplex(capacity);
    let agreed = Agreed { server: server.public(), key, info: ServerInfo::current() };
    let addr = SocketAddr::from(([192, 0, 2, 7], 443));
    let connection = Connection::new(Box::new(ours), Vec::new(), agreed, addr, Timings::default());
    (connection, far, theirs)
}

fn recv_packet(packet: &[u8]) -> Vec<u8> {
    let mut frame = Vec::new();
    encode::recv_packet(&mut frame, &SRC, packet).unwrap();
    frame
}

fn send_packet(packet: &[u8]) -> Vec<u8> {
    let mut frame = Vec::new();
    encode::send_packet(&mut frame, &SRC, packet).unwrap();
    frame
}

fn packet(bytes: &[u8]) -> Message {
    Message::Packet { src: SRC, packet: bytes.to_vec() }
}

async fn read(far: &mut DuplexStream, len: usize) -> Vec<u8> {
    let mut bytes = vec![0; len];
    tokio::time::timeout(Duration::from_secs(10), far.read_exact(&mut bytes))
        .await
        .expect("bytes come")
        .unwrap();
    bytes
}

#[tokio::test(start_paused = true)]
async fn a_receive_dropped_after_every_byte_loses_nothing() {
    let (mut connection, mut far, _) = open(1024);
    let frames = [recv_packet(b"one"), recv_packet(b""), recv_packet(b"three")].concat();
    let mut got = Vec::new();
    for byte in frames {
        far.write_all(&[byte]).await.unwrap();
        if let Poll::Ready(message) = poll!(pin!(connection.recv())) {
            got.push(message.unwrap());
        }
    }
    assert_eq!(got, [packet(b"one"), packet(b""), packet(b"three")]);
}

#[tokio::test(start_paused = true)]
async fn a_send_dropped_half_way_is_completed_by_the_next() {
    let (connection, mut far, _) = open(16);
    {
        let sending = pin!(connection.send(&SRC, &[1; 100]));
        assert!(poll!(sending).is_pending());
    }
    let expected = [send_packet(&[1; 100]), send_packet(&[2; 100])].concat();
    let (sent, seen) = tokio::join!(connection.send(&SRC, &[2; 100]), read(&mut far, expected.len()));
    assert_eq!(sent.unwrap(), Sent::Written);
    assert_eq!(seen, expected);
}

#[tokio::test(start_paused = true)]
async fn a_send_dropped_half_way_is_completed_while_somebody_receives() {
    let (connection, mut far, _) = open(16);
    let (sender, mut receiver) = connection.split();
    let expected = send_packet(&[1; 100]);
    let mut receiving = pin!(receiver.recv());
    assert!(poll!(receiving.as_mut()).is_pending());
    {
        let sending = pin!(sender.send(&SRC, &[1; 100]));
        assert!(poll!(sending).is_pending());
    }
    tokio::select! {
        seen = read(&mut far, expected.len()) => assert_eq!(seen, expected),
        message = receiving => panic!("{message:?}"),
    }
}

#[tokio::test(start_paused = true)]
async fn a_send_dropped_before_its_turn_sends_nothing() {
    let (connection, mut far, _) = open(16);
    let mut first = pin!(connection.send(&SRC, &[1; 100]));
    assert!(poll!(first.as_mut()).is_pending());
    {
        let second = pin!(connection.send(&SRC, &[2; 100]));
        assert!(poll!(second).is_pending());
    }
    let expected = [send_packet(&[1; 100]), send_packet(&[3; 100])].concat();
    let sending = async {
        first.await.unwrap();
        connection.send(&SRC, &[3; 100]).await.unwrap();
    };
    let ((), seen) = tokio::join!(sending, read(&mut far, expected.len()));
    assert_eq!(seen, expected);
}

#[tokio::test(start_paused = true)]
async fn pings_of_the_relay_are_answered_while_receiving() {
    let (mut connection, mut far, _) = open(1024);
    let (mut ping, mut pong) = (Vec::new(), Vec::new());
    encode::ping(&mut ping, *b"12345678");
    encode::pong(&mut pong, *b"12345678");
    far.write_all(&ping).await.unwrap();
    tokio::select! {
        seen = read(&mut far, pong.len()) => assert_eq!(seen, pong),
        message = connection.recv() => panic!("{message:?}"),
    }
}

#[tokio::test(start_paused = true)]
async fn a_ping_keeps_what_else_comes() {
    let (mut connection, mut far, _) = open(1024);
    let answering = async {
        let ping = read(&mut far, 13).await;
        let mut answer = recv_packet(b"first");
        encode::pong(&mut answer, ping[HEADER_LEN..].try_into().unwrap());
        answer.extend(recv_packet(b"second"));
        far.write_all(&answer).await.unwrap();
    };
    let (pong, ()) = tokio::join!(connection.ping(Duration::from_secs(5)), answering);
    pong.unwrap();
    assert_eq!(connection.recv().await.unwrap(), packet(b"first"));
    assert_eq!(connection.recv().await.unwrap(), packet(b"second"));
}

#[tokio::test(start_paused = true)]
async fn a_pong_that_does_not_come_is_a_timeout_and_no_end() {
    let (mut connection, mut far, _) = open(1024);
    let limit = Duration::from_secs(5);
    assert!(matches!(connection.ping(limit).await, Err(PingError::Timeout { .. })));
    far.write_all(&recv_packet(b"still here")).await.unwrap();
    assert_eq!(connection.recv().await.unwrap(), packet(b"still here"));
}

#[tokio::test(start_paused = true)]
async fn a_frame_above_a_mebibyte_ends_the_connection_for_both_halves() {
    let (mut connection, mut far, _) = open(1024);
    let header = Header { frame_type: FrameType::RECV_PACKET, len: (1 << 20) + 1 };
    far.write_all(&header.encode()).await.unwrap();
    assert!(matches!(connection.recv().await, Err(RecvError::FrameTooLong { len }) if len == (1 << 20) + 1));
    assert!(matches!(connection.recv().await, Err(RecvError::Closed)));
    assert!(matches!(connection.send(&SRC, b"x").await, Err(SendError::Closed)));
    assert!(matches!(connection.sender().ping(Duration::from_secs(5)).await, Err(PingError::Send(_))));
}

#[tokio::test(start_paused = true)]
async fn unknown_and_too_short_frames_are_skipped() {
    let (mut connection, mut far, _) = open(1024);
    for (frame_type, len) in [(0x77, 300), (0x05, 31), (0x08, 3), (0x12, 7), (0x15, 7), (0x01, 45)] {
        let header = Header { frame_type: FrameType::from_byte(frame_type), len };
        far.write_all(&header.encode()).await.unwrap();
        far.write_all(&vec![0; len as usize]).await.unwrap();
    }
    far.write_all(&recv_packet(b"after")).await.unwrap();
    assert_eq!(connection.recv().await.unwrap(), packet(b"after"));
}

#[tokio::test(start_paused = true)]
async fn silence_ends_the_connection_after_two_minutes_however_often_receives_are_dropped() {
    let (mut connection, far, _) = open(1024);
    for _ in 0..119 {
        assert!(poll!(pin!(connection.recv())).is_pending());
        advance(Duration::from_secs(1)).await;
    }
    let last = tokio::time::timeout(Duration::from_secs(2), connection.recv()).await;
    assert!(matches!(last, Ok(Err(RecvError::Silent { .. }))), "{last:?}");
    drop(far);
}

#[tokio::test(start_paused = true)]
async fn a_reader_that_only_ever_looks_in_is_told_of_the_silence_too() {
    let (mut connection, _far, _) = open(1024);
    let mut seconds = 0;
    let error = loop {
        if let Poll::Ready(result) = poll!(pin!(connection.recv())) {
            break result.unwrap_err();
        }
        assert!(seconds < 200, "never told");
        advance(Duration::from_secs(1)).await;
        seconds += 1;
    };
    assert!(
        matches!(error, RecvError::Silent { .. }) && (120..=126).contains(&seconds),
        "{error:?} at {seconds}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_reader_that_was_away_finds_what_came_meanwhile() {
    let (mut connection, mut far, _) = open(1024);
    far.write_all(&recv_packet(b"long ago")).await.unwrap();
    advance(Duration::from_secs(600)).await;
    assert_eq!(connection.recv().await.unwrap(), packet(b"long ago"));
}

#[tokio::test(start_paused = true)]
async fn packets_above_the_limit_of_a_later_server_info_are_dropped_here() {
    let (mut connection, mut far, theirs) = open(1024);
    let info = ServerInfo {
        token_bucket_bytes_per_second: 1,
        token_bucket_bytes_burst: 2 * 47,
        ..ServerInfo::current()
    };
    far.write_all(&theirs.seal_server_info([4; 24], &info)).await.unwrap();
    far.write_all(&recv_packet(b"")).await.unwrap();
    assert_eq!(connection.recv().await.unwrap(), packet(b""));
    assert_eq!(connection.server_info(), &info);
    let mut sent = Vec::new();
    for _ in 0..3 {
        sent.push(connection.send(&SRC, &[0; 10]).await.unwrap());
    }
    assert_eq!(sent, [Sent::Written, Sent::Written, Sent::OverLimit]);
}

#[tokio::test(start_paused = true)]
async fn a_server_info_that_does_not_open_is_fatal() {
    let (mut connection, mut far, theirs) = open(1024);
    let mut frame = theirs.seal_server_info([4; 24], &ServerInfo::current());
    *frame.last_mut().unwrap() ^= 1;
    far.write_all(&frame).await.unwrap();
    assert!(matches!(connection.recv().await, Err(RecvError::ServerInfo(_))));
}

#[tokio::test(start_paused = true)]
async fn a_packet_above_64_kib_is_refused_and_nothing_is_sent() {
    let (connection, mut far, _) = open(1024);
    let result = connection.send(&SRC, &vec![0; 65_537]).await;
    assert!(matches!(result, Err(SendError::TooLong { len: 65_537 })));
    connection.send(&SRC, b"next").await.unwrap();
    let expected = send_packet(b"next");
    assert_eq!(read(&mut far, expected.len()).await, expected);
}

#[tokio::test(start_paused = true)]
async fn a_forward_nobody_takes_closes_the_connection_after_five_seconds() {
    let (mut connection, _far, _) = open(16);
    let result = connection.sender().forward(&SRC, &SRC, &[0; 100]).await;
    assert!(matches!(result, Err(SendError::Stalled { .. })), "{result:?}");
    assert!(matches!(connection.recv().await, Err(RecvError::Closed)));
}

#[tokio::test(start_paused = true)]
async fn closing_wakes_the_receiver() {
    let (connection, _far, _) = open(1024);
    let (sender, mut receiver) = connection.split();
    let (closed, received) = tokio::join!(sender.close(), receiver.recv());
    closed.unwrap();
    assert!(matches!(received, Err(RecvError::Closed)));
}
