//! A relay of the barest kind, over plain HTTP, that stops for a while.

use std::collections::HashMap;
use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use socket2::SockRef;
use wherry_wire::derp::{FrameType, HEADER_LEN, Header, KEY_LEN, ServerInfo, encode, handshake};
use wherry_wire::key::{NodePrivate, NodePublic};

/// Small enough that a sender soon notices that nobody reads.
const RECEIVE_BUFFER: usize = 64 * 1024;

/// A relay that ends with the test's process.
pub(crate) struct Relay {
    pub(crate) addr: SocketAddr,
}

struct Shared {
    key: NodePrivate,
    clients: Mutex<HashMap<NodePublic, TcpStream>>,
    relayed: AtomicU64,
    /// After so many packets it stops.
    stop_at: u64,
    pause: Duration,
}

impl Relay {
    /// Relays `stop_at` packets, does nothing at all for `pause`, then goes on.
    pub(crate) fn start(stop_at: u64, pause: Duration) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        SockRef::from(&listener).set_recv_buffer_size(RECEIVE_BUFFER).unwrap();
        let addr = listener.local_addr().unwrap();
        let (clients, relayed) = (Mutex::default(), AtomicU64::new(0));
        let key = NodePrivate::generate([7; 32]);
        let shared = Arc::new(Shared { key, clients, relayed, stop_at, pause });
        thread::spawn(move || {
            for socket in listener.incoming().map_while(Result::ok) {
                let shared = Arc::clone(&shared);
                // A client that hangs up ends its thread with an error, as it should.
                thread::spawn(move || shared.serve(socket).unwrap_or_default());
            }
        });
        Self { addr }
    }
}

impl Shared {
    fn serve(&self, mut socket: TcpStream) -> io::Result<()> {
        socket.set_nodelay(true)?;
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(read::<1>(&mut socket)?[0]);
        }
        socket
            .write_all(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: DERP\r\nConnection: Upgrade\r\n\r\n")?;
        socket.write_all(&handshake::server_key_frame(&self.key.public()))?;
        let (_, payload) = frame(&mut socket)?;
        let (client, _, shared_key) =
            handshake::open_client_info(&self.key, &payload).map_err(io::Error::other)?;
        socket.write_all(&shared_key.seal_server_info([0; 24], &ServerInfo::current()))?;
        self.clients.lock().unwrap().insert(client, socket.try_clone()?);
        loop {
            let (frame_type, payload) = frame(&mut socket)?;
            if frame_type == FrameType::SEND_PACKET {
                self.relay(&client, &payload)?;
            }
        }
    }

    #[expect(clippy::disallowed_methods, reason = "standing still is what this relay is for")]
    fn relay(&self, from: &NodePublic, payload: &[u8]) -> io::Result<()> {
        if self.relayed.fetch_add(1, Ordering::Relaxed) == self.stop_at {
            thread::sleep(self.pause);
        }
        let (to, packet) = payload.split_first_chunk::<KEY_LEN>().unwrap();
        let mut out = Vec::new();
        encode::recv_packet(&mut out, from, packet).map_err(io::Error::other)?;
        let clients = self.clients.lock().unwrap();
        clients.get(&NodePublic::from_bytes(*to)).map_or(Ok(()), |mut socket| socket.write_all(&out))
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
