//! Asking a relay what it shows to clients.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4};
use std::time::Duration;

use thiserror::Error;
use tokio::net::UdpSocket;
use tokio::time::timeout;
use wherry_client::{
    CertificateFault, DialError, Dialer, Endpoint, HandshakeError, Identity, NoEntropy, Pin, Target,
    TlsError, Verify,
};
use wherry_wire::derp_map::Node;
use wherry_wire::stun::{TxId, parse_response, request};

use super::served::{OwnMap, own_map};
use crate::clock::entropy;
use crate::pin;
use crate::port80::{self, Heard, Witness};

/// Where to ask a relay for STUN.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "a caller names a port, or none, or does not know")]
pub enum StunAt {
    /// Where the map that it serves says, else on the usual port.
    Known,
    /// On this UDP port.
    Port(u16),
    /// Nowhere.
    Nowhere,
}

/// What a relay shows to clients, as its map entry needs it.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Shown {
    /// Empty if an authority stands for its certificate; else the pin.
    pub cert_name: String,
    /// Whether it takes a node that nobody knows.
    pub admits_strangers: bool,
    /// The UDP port on which it was asked for STUN, if on any.
    pub stun_port: Option<u16>,
    /// Whether it answered there.
    pub has_stun: bool,
    /// Nobody names that port, neither who asks nor the relay's own map: it is the usual one.
    pub stun_is_guess: bool,
    /// Whether it answers on port 80 as clients ask to find captive portals.
    pub can_port_80: bool,
    /// What the map that it serves says of it.
    pub own_map: OwnMap,
}

/// Why a relay cannot be asked, or its certificate not be put into a map.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum AskError {
    /// It does not answer as a relay.
    #[error(transparent)]
    Dial(#[from] DialError),
    /// It does not relay, and its certificate is refused, too.
    #[error("what answers there does not relay: {behind}; its certificate is refused, too: {refused}")]
    NoRelay {
        /// What shows it.
        behind: DialError,
        /// The certificate.
        refused: DialError,
    },
    /// Its certificate is refused, and pinning it does not help.
    #[error("{refused}; pinned, it would be refused too: {pinned}")]
    Certificate {
        /// Without a pin.
        refused: DialError,
        /// With a pin.
        pinned: DialError,
    },
    /// No random bytes.
    #[error(transparent)]
    Entropy(#[from] NoEntropy),
}

/// How long an answer to STUN is waited for, and how often it is asked: one datagram may get lost.
const STUN_PATIENCE: Duration = Duration::from_secs(1);
const STUN_TRIES: usize = 3;

/// Dials the relay, finds out by which name or pin clients accept its certificate, and asks for its map, for STUN
/// and for port 80.
///
/// # Errors
/// [`AskError`].
pub async fn learn(dialer: &Dialer, endpoint: &Endpoint, stun_at: StunAt) -> Result<Shown, AskError> {
    let target = |verify| Target::one(endpoint.clone().with_verify(verify));
    let verify = accepted(dialer, endpoint).await?;
    let own_map = own_map(dialer, endpoint, &verify).await;
    let cert_name = match &verify {
        Verify::Pin(pin) => pin.to_string(),
        _ => String::new(),
    };
    let me = Identity::throw_away()?;
    let (admits_strangers, addr) = match dialer.connect(&target(verify), &me).await {
        Ok(connection) => (true, Some(connection.addr())),
        Err(DialError::Handshake(HandshakeError::Refused)) => (false, None),
        Err(err) => return Err(err.into()),
    };
    let addr = match addr {
        Some(addr) => addr,
        None => dialer.tcp(&target(Verify::Host)).await?.addr(),
    };
    let (stun_port, stun_is_guess) = match (stun_at, own_map.at_its_place()) {
        (StunAt::Nowhere, _) => (None, false),
        (StunAt::Port(port), _) => (Some(port), false),
        (StunAt::Known, Some(node)) => (node.stun_udp_port(), false),
        (StunAt::Known, None) => (Node::default().stun_udp_port(), true),
    };
    let has_stun = match stun_port {
        Some(port) => stun(SocketAddr::new(addr.ip(), port)).await.is_ok(),
        None => false,
    };
    let can_port_80 = match addr.ip() {
        IpAddr::V4(ip) => port80::ask(Witness::Node(SocketAddrV4::new(ip, 80)), None).await == Heard::Witness,
        IpAddr::V6(_) => false,
    };
    Ok(Shown { cert_name, admits_strangers, stun_port, has_stun, stun_is_guess, can_port_80, own_map })
}

/// The rule by which clients everywhere accept the certificate.
async fn accepted(dialer: &Dialer, endpoint: &Endpoint) -> Result<Verify, AskError> {
    let by_host = Target::one(endpoint.clone().with_verify(Verify::Host));
    let refused = match pin::shake(dialer, &by_host).await {
        // A self-signed one is good here because this host trusts it; others need not.
        Ok(shown) => {
            return Ok(shown.and_then(|tls| tls.self_signed()).map_or(Verify::Host, Verify::Pin));
        }
        // Any other is replaced by its authority in the course of time, and its pin with it.
        Err(err @ DialError::Tls(TlsError::Certificate { fault: CertificateFault::SelfSigned, .. })) => err,
        Err(refused @ DialError::Tls(TlsError::Certificate { .. })) => {
            return Err(match pin::no_relay(dialer, endpoint).await {
                Some(behind) => AskError::NoRelay { behind, refused },
                None => refused.into(),
            });
        }
        Err(err) => return Err(err.into()),
    };
    let Some((pin, pinned)) = pin::tried(dialer, endpoint).await? else { return Err(refused.into()) };
    match pinned {
        Ok(()) => Ok(Verify::Pin(pin)),
        Err(pinned) => Err(AskError::Certificate { refused, pinned }),
    }
}

/// The pin of a self-signed certificate that is accepted by its name, which it is where this host trusts it.
pub(super) async fn trusted_pin(dialer: &Dialer, endpoint: &Endpoint) -> Option<Pin> {
    if !matches!(endpoint.verify(), Verify::Host | Verify::Name(_)) {
        return None;
    }
    pin::shake(dialer, &Target::one(endpoint.clone())).await.ok()??.self_signed()
}

/// What an answer to STUN tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Sight {
    /// This host's address on the way to the server, as it has it itself.
    pub(crate) own: IpAddr,
    /// The same as the server sees it.
    pub(crate) seen: IpAddr,
}

/// Asks for STUN; which address the server sees.
///
/// # Errors
/// [`io::ErrorKind::InvalidData`] if there are answers, and none of them tells an address.
pub(crate) async fn stun(server: SocketAddr) -> io::Result<Sight> {
    let any: IpAddr =
        if server.is_ipv4() { Ipv4Addr::UNSPECIFIED.into() } else { Ipv6Addr::UNSPECIFIED.into() };
    let socket = UdpSocket::bind((any, 0)).await?;
    socket.connect(server).await?;
    let own = socket.local_addr()?.ip();
    let mut last = io::Error::from(io::ErrorKind::TimedOut);
    for _ in 0..STUN_TRIES {
        let asked = TxId(entropy()?);
        socket.send(&request(asked)).await?;
        let mut strange = None;
        match timeout(STUN_PATIENCE, answer(&socket, asked, &mut strange)).await {
            Ok(Ok(seen)) => return Ok(Sight { own, seen: seen.ip() }),
            Ok(Err(err)) => last = err,
            Err(_) => {
                if let Some(words) = strange {
                    last = io::Error::new(io::ErrorKind::InvalidData, words);
                }
            }
        }
    }
    Err(last)
}

/// The first answer to this question; anything else on the socket is passed over, and the last of it noted.
async fn answer(
    socket: &UdpSocket,
    asked: TxId,
    strange: &mut Option<&'static str>,
) -> io::Result<SocketAddr> {
    /// How the refusal of a binding request begins.
    const REFUSAL: [u8; 2] = [0x01, 0x11];
    let mut datagram = [0; 1500];
    loop {
        let len = socket.recv(&mut datagram).await?;
        let message = datagram.get(..len).unwrap_or_default();
        match parse_response(message) {
            Ok((tx, seen)) if tx == asked => return Ok(seen),
            // An answer to an earlier question.
            Ok(_) => {}
            Err(_) if message.starts_with(&REFUSAL) => {
                *strange = Some("a STUN server refuses, as one for TURN does that asks for a log-in");
            }
            Err(_) => *strange = Some("what answers is no STUN"),
        }
    }
}
