//! Against what plays all relays of a region, and forwards as it is told.

use std::io::{self, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

use wherry_client::Trust;
use wherry_wire::derp::{FrameType, HEADER_LEN, Header, KEY_LEN, ServerInfo, encode, handshake};
use wherry_wire::key::NodePrivate;

use super::*;
use crate::map::{Origin, Source, check};

/// From whom a packet says it is that goes from one peer to another, each by its number in the order of coming; none if
/// it does not arrive.
type Forwards = fn(usize, usize) -> Option<usize>;

/// Plays relays until the process ends.
fn relays(forwards: Forwards) -> Target {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let target = format!("http://{}", listener.local_addr().unwrap()).parse().unwrap();
    let peers = Arc::new(Mutex::new(Vec::new()));
    thread::spawn(move || {
        for socket in listener.incoming().map_while(Result::ok) {
            let peers = Arc::clone(&peers);
            // A client that hangs up ends its thread with an error, as it should.
            thread::spawn(move || serve(socket, &peers, forwards).unwrap_or_default());
        }
    });
    target
}

fn serve(
    mut socket: TcpStream,
    peers: &Mutex<Vec<(NodePublic, TcpStream)>>,
    forwards: Forwards,
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

/// The pairs of three nodes between which a packet did not arrive, the later one first; and whether all were tried.
async fn lost(forwards: Forwards) -> (Vec<String>, bool) {
    let nodes: Vec<_> =
        ["a", "b", "c"].iter().map(|name| format!("{{name: {name}, hostname: {name}.example}}")).collect();
    let text = format!("regions: {{900: {{nodes: [{}]}}}}", nodes.join(", "));
    let checked = check(&Source { name: "map".to_owned(), origin: Origin::Stdin, text }, None);
    let map = checked.outline.unwrap();
    let (target, dialer) = (relays(forwards), Dialer::new(Trust::system([]).unwrap()));
    let mut answers = BTreeMap::new();
    for number in 0..3 {
        let me = Identity::throw_away().unwrap();
        let dial = Some(dialer.connect(&target, &me).await);
        answers.insert(number, Answer { dial, shown: None, me: Some(me), stun: None });
    }
    let (region, _) = map.live().next().unwrap();
    let relays: Vec<_> = region.nodes.iter().zip(0..).collect();
    let mut pen = Pen::default();
    let is_whole = meshed(&map, region, &relays, &mut answers, &mut pen).await;
    let pair = |finding: &crate::map::Finding| {
        assert_eq!(finding.rule, Rule::NotMeshed);
        let words: Vec<_> = finding.found.split(' ').collect();
        format!("{}: {}{}", finding.place.node.as_ref().unwrap(), words[7], words[14])
    };
    (pen.findings.iter().map(pair).collect(), is_whole)
}

#[tokio::test]
async fn relays_that_all_forward_to_each_other_are_a_mesh() {
    assert_eq!(lost(|from, _| Some(from)).await, (Vec::new(), true));
}

#[tokio::test]
async fn a_star_is_no_mesh() {
    let star: Forwards = |from, to| (from == 0 || to == 0).then_some(from);
    assert_eq!(lost(star).await, (vec!["c: bc".to_owned()], true));
}

#[tokio::test]
async fn one_way_is_no_mesh() {
    let down: Forwards = |from, to| (from < to || to == 1).then_some(from);
    assert_eq!(lost(down).await, (vec!["b: ba".to_owned(), "c: ca".to_owned()], true));
}

#[tokio::test]
async fn a_packet_from_somebody_else_is_no_sign_of_the_one_that_sent_it() {
    let from_the_first: Forwards = |from, to| if to == 2 { Some(0) } else { Some(from) };
    assert_eq!(lost(from_the_first).await, (vec!["c: bc".to_owned()], true));
}
