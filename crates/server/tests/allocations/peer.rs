//! A client that decides which frames share a TLS record.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use rustls_pki_types::ServerName;
use socket2::{Domain, Socket, Type};
use wherry_wire::derp::handshake::{client_info_frame, parse_server_key};
use wherry_wire::derp::{ClientInfo, FrameType, HEADER_LEN, Header, encode};
use wherry_wire::key::{NodePrivate, NodePublic};

use crate::relay::Relay;

/// Far more than anything here takes.
const PATIENCE: Duration = Duration::from_secs(60);

/// So little that the relay's mailbox fills and not the kernel.
const RECEIVE_BUFFER: usize = 32 << 10;

trait Stream: Read + Write {}
impl<T: Read + Write> Stream for T {}

/// The way to the relay.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Way {
    /// Bare TCP.
    Plain,
    /// TLS.
    Tls,
}

/// A peer that joined.
pub(crate) struct Peer {
    stream: Box<dyn Stream>,
    /// Its node key.
    pub(crate) key: NodePublic,
}

impl Peer {
    /// Joins.
    pub(crate) fn join(relay: &Relay, way: Way) -> Self {
        match way {
            Way::Plain => Self::over(Box::new(connect(relay.plain))),
            Way::Tls => {
                let mut roots = RootCertStore::empty();
                roots.add(relay.certificate()).expect("a certificate");
                let config = ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
                let name = ServerName::IpAddress(relay.tls.ip().into());
                let tls = ClientConnection::new(Arc::new(config), name).expect("the config is valid");
                Self::over(Box::new(StreamOwned::new(tls, connect(relay.tls))))
            }
        }
    }

    fn over(mut stream: Box<dyn Stream>) -> Self {
        let request = b"GET /derp HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: DERP\r\n\r\n";
        stream.write_all(request).expect("the relay takes a request");
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            stream.read_exact(&mut byte).expect("the relay answers");
            head.extend(byte);
        }
        let own = NodePrivate::generate(random());
        let mut peer = Self { stream, key: own.public() };
        let server = parse_server_key(&peer.frame().1).expect("the relay says its key");
        let (info, _) =
            client_info_frame(&own, &server, random(), &ClientInfo::current()).expect("it is short");
        peer.send(&info);
        assert_eq!(peer.frame().0, FrameType::SERVER_INFO, "the relay admits the peer");
        peer
    }

    /// Sends frames, in one TLS record if they are not longer than one.
    pub(crate) fn send(&mut self, frames: &[u8]) {
        self.stream.write_all(frames).expect("the relay takes what a client sends");
        self.stream.flush().expect("the relay takes what a client sends");
    }

    /// Reads so many packets.
    pub(crate) fn expect_packets(&mut self, count: u64) {
        for _ in 0..count {
            assert_eq!(self.frame().0, FrameType::RECV_PACKET);
        }
    }

    /// The relay has done what it does with all frames sent up to now: it answers a ping.
    pub(crate) fn expect_all_handled(&mut self) {
        let mut ping = Vec::new();
        encode::ping(&mut ping, [7; 8]);
        self.send(&ping);
        assert_eq!(self.frame().0, FrameType::PONG);
    }

    fn frame(&mut self) -> (FrameType, Vec<u8>) {
        let mut header = [0; HEADER_LEN];
        self.stream.read_exact(&mut header).expect("a frame comes");
        let Header { frame_type, len } = Header::decode(&header);
        let mut payload = vec![0; usize::try_from(len).expect("it fits")];
        self.stream.read_exact(&mut payload).expect("a frame comes whole");
        (frame_type, payload)
    }
}

fn connect(addr: SocketAddr) -> TcpStream {
    let socket = Socket::new(Domain::for_address(addr), Type::STREAM, None).expect("a socket");
    socket.set_recv_buffer_size(RECEIVE_BUFFER).expect("a fresh socket takes an option");
    socket.set_tcp_nodelay(true).expect("a fresh socket takes an option");
    socket.set_read_timeout(Some(PATIENCE)).expect("a fresh socket takes an option");
    socket.set_write_timeout(Some(PATIENCE)).expect("a fresh socket takes an option");
    socket.connect(&addr.into()).expect("the relay accepts");
    socket.into()
}

fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).expect("entropy");
    bytes
}
