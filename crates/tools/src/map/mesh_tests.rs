//! Against what plays all relays of a region, and forwards as it is told.

use std::io::{self, Read as _, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

use wherry_client::Trust;
use wherry_wire::derp::{FrameType, HEADER_LEN, Header, KEY_LEN, ServerInfo, encode, handshake};
use wherry_wire::key::NodePrivate;

use super::*;

/// From whom a packet says it is that goes from one peer to another, each by its number in the order of coming; none if
/// it does not arrive.
type Forwards = fn(usize, usize) -> Option<usize>;

/// Plays relays until the process ends; the peer that `leaves` is hung up on when it sends something.
fn relays(forwards: Forwards, leaves: Option<usize>) -> Target {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let target = format!("http://{}", listener.local_addr().unwrap()).parse().unwrap();
    let peers = Arc::new(Mutex::new(Vec::new()));
    thread::spawn(move || {
        for socket in listener.incoming().map_while(Result::ok) {
            let peers = Arc::clone(&peers);
            // A client that hangs up ends its thread with an error, as it should.
            thread::spawn(move || serve(socket, &peers, forwards, leaves).unwrap_or_default());
        }
    });
    target
}

fn serve(
    mut socket: TcpStream,
    peers: &Mutex<Vec<(NodePublic, TcpStream)>>,
    forwards: Forwards,
    leaves: Option<usize>,
) -> io::Result<()> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.extend(read::<1>(&mut socket)?);
    }
    let key = NodePrivate::generate([7; 32]);
    socket.write_all(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: DERP\r\nConnection: Upgrade\r\n\r\n")?;
    socket.write_all(&handshake::server_key_frame(&key.public()))?;
    let (_, info) = frame(&mut socket)?;
    let (peer, _, shared) = handshake::open_client_info(&key, &info).unwrap();
    let from = {
        let mut peers = peers.lock().unwrap();
        peers.push((peer, socket.try_clone()?));
        peers.len() - 1
    };
    socket.write_all(&shared.seal_server_info([0; 24], &ServerInfo::current()))?;
    loop {
        let (FrameType::SEND_PACKET, payload) = frame(&mut socket)? else { continue };
        if leaves == Some(from) {
            return socket.shutdown(Shutdown::Both);
        }
        let (dst, packet) = payload.split_first_chunk::<KEY_LEN>().unwrap();
        let mut peers = peers.lock().unwrap();
        let to = peers.iter().position(|(peer, _)| peer.as_bytes() == dst).unwrap();
        if let Some(said) = forwards(from, to) {
            let mut out = Vec::new();
            encode::recv_packet(&mut out, &peers[said].0, packet).unwrap();
            peers[to].1.write_all(&out)?;
        }
    }
}

fn frame(socket: &mut TcpStream) -> io::Result<(FrameType, Vec<u8>)> {
    let header = Header::decode(&read::<HEADER_LEN>(socket)?);
    let mut payload = vec![0; usize::try_from(header.len).unwrap()];
    socket.read_exact(&mut payload)?;
    Ok((header.frame_type, payload))
}

fn read<const N: usize>(socket: &mut TcpStream) -> io::Result<[u8; N]> {
    let mut bytes = [0; N];
    socket.read_exact(&mut bytes)?;
    Ok(bytes)
}

/// How three relays stand to each other.
async fn three(forwards: Forwards, leaves: Option<usize>) -> Vec<(usize, Tie)> {
    let (target, dialer) = (relays(forwards, leaves), Dialer::new(Trust::system([]).unwrap()));
    let mut ends = VecDeque::new();
    for place in 0..3 {
        let me = Identity::throw_away().unwrap();
        ends.push_back(End { place, connection: dialer.connect(&target, &me).await.unwrap(), me });
    }
    between(ends).await
}

/// The pairs of three relays between which a packet did not arrive, behind the later of the two.
async fn lost(forwards: Forwards) -> Vec<String> {
    let ties = three(forwards, None).await;
    assert!(ties.is_sorted_by_key(|(place, _)| *place), "{ties:?}");
    let name = |place: usize| ["a", "b", "c"][place];
    let broken = |(place, tie)| match tie {
        Tie::Broken { from, to } => Some(format!("{}: {}{}", name(place), name(from), name(to))),
        tie => {
            assert_eq!(tie, Tie::Holds { with: 0 });
            None
        }
    };
    ties.into_iter().filter_map(broken).collect()
}

#[tokio::test]
async fn relays_that_all_forward_to_each_other_are_a_mesh() {
    assert_eq!(lost(|from, _| Some(from)).await, [""; 0]);
}

#[tokio::test]
async fn a_star_is_no_mesh() {
    let star: Forwards = |from, to| (from == 0 || to == 0).then_some(from);
    assert_eq!(lost(star).await, ["c: bc"]);
}

#[tokio::test]
async fn one_way_is_no_mesh() {
    let down: Forwards = |from, to| (from < to || to == 1).then_some(from);
    assert_eq!(lost(down).await, ["b: ba", "c: ca"]);
}

#[tokio::test]
async fn a_packet_from_somebody_else_is_no_sign_of_the_one_that_sent_it() {
    let from_the_first: Forwards = |from, to| if to == 2 { Some(0) } else { Some(from) };
    assert_eq!(lost(from_the_first).await, ["c: bc"]);
}

#[tokio::test]
async fn a_connection_that_breaks_is_no_sign_of_a_mesh_nor_of_none() {
    for (leaves, [first, last]) in [(0, [1, 2]), (1, [0, 2]), (2, [0, 1])] {
        let ties = three(|from, _| Some(from), Some(leaves)).await;
        let of =
            |place: usize| ties.iter().filter(|tie| tie.0 == place).map(|tie| &tie.1).collect::<Vec<_>>();
        assert!(matches!(of(leaves)[..], [Tie::Unknown { .. }]), "{ties:?}");
        assert_eq!((of(first), of(last)), (vec![], vec![&Tie::Holds { with: first }]), "{ties:?}");
    }
}
