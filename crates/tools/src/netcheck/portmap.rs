//! Whether the router offers to open ports: NAT-PMP, PCP, UPnP are asked, nothing is opened.
//!
//! Source: tailscale: net/portmapper/portmapper.go, `Probe`; RFC 6886, RFC 6887.

use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4};
use std::time::Duration;

use tokio::net::UdpSocket;
use tokio::time::timeout_at;

use super::host::Gateway;
use crate::clock::Clock;

/// How long answers are waited for.
const LIMIT: Duration = Duration::from_millis(250);
/// Port of NAT-PMP and PCP.
const PXP_PORT: u16 = 5351;
const SSDP_PORT: u16 = 1900;
const SSDP_GROUP: Ipv4Addr = Ipv4Addr::new(239, 255, 255, 250);

const PMP_ASK_ADDRESS: [u8; 2] = [0, 0];
const PCP_VERSION: u8 = 2;
const REPLY: u8 = 0x80;

/// What a router answers if it is a gateway.
const GATEWAY_DEVICE: &[u8] = b":InternetGatewayDevice:";

/// Which services a router offers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct PortMapping {
    /// UPnP.
    pub upnp: bool,
    /// NAT-PMP.
    pub pmp: bool,
    /// PCP.
    pub pcp: bool,
    /// It answers NAT-PMP or PCP, and refuses.
    pub is_refused: bool,
}

/// Where the questions go.
#[derive(Debug, Clone, Copy)]
struct Doors {
    pxp: SocketAddr,
    ssdp: SocketAddr,
    group: SocketAddr,
}

/// Asks the gateway.
pub(super) async fn probe(gateway: Gateway) -> PortMapping {
    let at = |ip, port| SocketAddr::V4(SocketAddrV4::new(ip, port));
    let doors = Doors {
        pxp: at(gateway.ip, PXP_PORT),
        ssdp: at(gateway.ip, SSDP_PORT),
        group: at(SSDP_GROUP, SSDP_PORT),
    };
    ask(doors, gateway.own).await
}

async fn ask(doors: Doors, own: Ipv4Addr) -> PortMapping {
    let mut found = PortMapping::default();
    let Ok(socket) = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)).await else { return found };
    let questions = [
        (PMP_ASK_ADDRESS.to_vec(), doors.pxp),
        (announce(own).to_vec(), doors.pxp),
        // First to the router itself, so that a firewall on this host expects its answer.
        (search("ssdp:all"), doors.ssdp),
        (search("ssdp:all"), doors.group),
        (search("urn:schemas-upnp-org:device:InternetGatewayDevice:1"), doors.group),
    ];
    for (question, to) in questions {
        // What cannot be sent is not answered, which says the same.
        drop(socket.send_to(&question, to).await);
    }
    let end = Clock::start().at(LIMIT);
    let mut datagram = [0; 1500];
    while !(found.upnp && found.pmp && found.pcp) {
        let Ok(received) = timeout_at(end, socket.recv_from(&mut datagram)).await else { break };
        // A refusal by ICMP says nothing about the other services.
        let Ok((len, from)) = received else { continue };
        found.take(datagram.get(..len).unwrap_or_default(), from.port() == doors.pxp.port());
    }
    found
}

impl PortMapping {
    /// Whether any of them is offered.
    #[must_use]
    pub fn is_offered(&self) -> bool {
        self.upnp || self.pmp || self.pcp
    }

    fn take(&mut self, answer: &[u8], is_pxp: bool) {
        if !is_pxp {
            self.upnp |= answer.windows(GATEWAY_DEVICE.len()).any(|part| part == GATEWAY_DEVICE);
            return;
        }
        match answer {
            // Version, operation, reserved, result; 24 bytes at least.
            [PCP_VERSION, REPLY, _, 0, ..] if answer.len() >= 24 => self.pcp = true,
            // Version, operation, result, then the epoch and the public address.
            [0, REPLY, 0, 0, ..] if answer.len() == 12 => self.pmp = true,
            // A refusal may be shorter, and one of PCP by a router that knows NAT-PMP alone is of version 0.
            [PCP_VERSION | 0, op, _, result, ..] if *op >= REPLY => self.is_refused |= *result != 0,
            _ => {}
        }
    }
}

/// PCP's question whether anybody is there.
fn announce(own: Ipv4Addr) -> [u8; 24] {
    let mut packet = [0; 24];
    let (head, address) = packet.split_at_mut(8);
    head.copy_from_slice(&[PCP_VERSION, 0, 0, 0, 0, 0, 0, 0]);
    address.copy_from_slice(&own.to_ipv6_mapped().octets());
    packet
}

/// UPnP's question who is there.
fn search(what: &str) -> Vec<u8> {
    let head = "M-SEARCH * HTTP/1.1\r\nHOST: 239.255.255.250:1900";
    format!("{head}\r\nST: {what}\r\nMAN: \"ssdp:discover\"\r\nMX: 2\r\n\r\n").into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    const OWN: Ipv4Addr = Ipv4Addr::LOCALHOST;

    fn pcp(result: u8) -> Vec<u8> {
        let mut answer = vec![2, 0x80, 0, result];
        answer.resize(24, 0);
        answer
    }

    fn pmp(result: u8) -> Vec<u8> {
        let mut answer = vec![0, 0x80, 0, result];
        answer.resize(12, 0);
        answer
    }

    /// A router: its answers to NAT-PMP, PCP and UPnP.
    async fn asked(pmp: Option<Vec<u8>>, pcp: Option<Vec<u8>>, upnp: Option<Vec<u8>>) -> PortMapping {
        let pxp = UdpSocket::bind((OWN, 0)).await.unwrap();
        let ssdp = UdpSocket::bind((OWN, 0)).await.unwrap();
        let (pxp_addr, ssdp_addr) = (pxp.local_addr().unwrap(), ssdp.local_addr().unwrap());
        let router = async {
            let mut datagram = [0; 1500];
            for answer in [pmp, pcp] {
                let (_, from) = pxp.recv_from(&mut datagram).await.unwrap();
                if let Some(answer) = answer {
                    pxp.send_to(&answer, from).await.unwrap();
                }
            }
            for _ in 0..3 {
                let (_, from) = ssdp.recv_from(&mut datagram).await.unwrap();
                if let Some(answer) = &upnp {
                    ssdp.send_to(answer, from).await.unwrap();
                }
            }
        };
        let doors = Doors { pxp: pxp_addr, ssdp: ssdp_addr, group: ssdp_addr };
        tokio::join!(ask(doors, OWN), router).0
    }

    const IGD: &[u8] = b"HTTP/1.1 200 OK\r\nST: urn:schemas-upnp-org:device:InternetGatewayDevice:1\r\n\r\n";

    #[tokio::test]
    async fn each_service_that_agrees_is_found() {
        let all = asked(Some(pmp(0)), Some(pcp(0)), Some(IGD.to_vec())).await;
        assert_eq!(all, PortMapping { upnp: true, pmp: true, pcp: true, is_refused: false });
        assert_eq!(asked(None, None, None).await, PortMapping::default());
        assert_eq!(asked(Some(pmp(0)), None, None).await, PortMapping { pmp: true, ..Default::default() });
    }

    #[tokio::test]
    async fn a_service_that_refuses_and_another_device_are_none_and_the_refusal_is_known() {
        let printer = b"HTTP/1.1 200 OK\r\nST: urn:schemas-upnp-org:device:Printer:1\r\n\r\n".to_vec();
        let refused = PortMapping { is_refused: true, ..Default::default() };
        assert_eq!(asked(Some(pmp(3)), None, Some(printer.clone())).await, refused);
        assert_eq!(asked(None, Some(pcp(2)), None).await, refused);
        // Unsupported version, as a router says to PCP that knows NAT-PMP alone.
        assert_eq!(asked(None, Some(vec![0, 0x80, 0, 1, 0, 0, 0, 9]), None).await, refused);
        assert_eq!(asked(None, None, Some(printer)).await, PortMapping::default());
        assert_eq!(asked(Some(vec![0; 3]), Some(pcp(0)[..20].to_vec()), None).await, PortMapping::default());
    }

    #[test]
    fn the_announcement_holds_the_own_address_in_its_ipv6_form() {
        let packet = announce(Ipv4Addr::new(192, 168, 1, 7));
        assert_eq!(packet[..8], [2, 0, 0, 0, 0, 0, 0, 0]);
        assert_eq!(packet[8..], [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 192, 168, 1, 7]);
    }
}
