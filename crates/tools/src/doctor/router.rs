//! A router between this host and the relay, which need not lead a host back to an address outside.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, UdpSocket};

use super::finding::Finding;
use super::udp::is_private;

/// How a host stands to the address of a relay that does not answer there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Nearness {
    /// The relay's own host, which has that address itself.
    HasIt,
    /// The relay's own host, which has another one: a router passes packets on to it, or should.
    Behind,
    /// A host in a private network, before a public address: the relay may be in that network as well.
    Near,
    /// Any other.
    Far,
}

impl Nearness {
    /// `is_here`: it is the relay's own host.
    pub(super) fn of(ip: IpAddr, is_here: bool) -> Self {
        match is_here {
            true if is_own(ip) => Self::HasIt,
            true => Self::Behind,
            false if !is_private(ip) && toward(ip).is_some_and(is_private) => Self::Near,
            false => Self::Far,
        }
    }

    /// A port that is not reached, in the light of it.
    pub(super) fn judge(self, fault: Finding) -> Finding {
        let Finding { part, found, remedy: Some(remedy), .. } = fault.clone() else { return fault };
        match self {
            Self::HasIt => Finding::error(
                part,
                found,
                format!(
                    "the address is this host's own, so no router is in between: let the relay listen on it, or on every address, and \
                     on that port, or correct hostname, map.ipv4, map.ipv6 or map.port; if it does listen: {remedy}"
                ),
            ),
            Self::Behind => Finding::warning(
                part,
                format!("{found}; that is not to be judged from the relay's own host"),
                format!(
                    "ask from another network: behind a router that does not turn packets around, a host does not reach its own \
                     address outside; if it is not reached from there either: {remedy}"
                ),
            ),
            Self::Near => Finding {
                remedy: Some(format!(
                    "{remedy}; if this host and the relay are behind one router, ask from another network first: such a router need \
                     not lead back inside"
                )),
                ..fault
            },
            Self::Far => fault,
        }
    }
}

/// Whether this host has the address itself.
fn is_own(ip: IpAddr) -> bool {
    UdpSocket::bind((ip, 0)).is_ok()
}

/// This host's own address on the way there. Nothing is sent.
fn toward(ip: IpAddr) -> Option<IpAddr> {
    let any: IpAddr = if ip.is_ipv4() { Ipv4Addr::UNSPECIFIED.into() } else { Ipv6Addr::UNSPECIFIED.into() };
    let socket = UdpSocket::bind((any, 0)).ok()?;
    socket.connect((ip, 443)).ok()?;
    Some(socket.local_addr().ok()?.ip())
}

#[cfg(test)]
mod tests {
    use super::super::finding::{Mark, Part};
    use super::*;

    #[test]
    fn what_a_router_may_keep_from_its_own_hosts_is_not_called_a_fault_of_the_relay() {
        let fault = || Finding::error(Part::Port, "8443/tcp is not reached: refused", "check that it runs");
        let behind = Nearness::Behind.judge(fault());
        assert_eq!(behind.mark, Mark::Warning);
        assert!(behind.found.contains("not to be judged from the relay's own host"), "{behind:?}");
        let remedy = behind.remedy.unwrap();
        assert!(remedy.starts_with("ask from another network: ") && remedy.ends_with("check that it runs"));
        assert!(Nearness::Near.judge(fault()).remedy.unwrap().contains("behind one router"));
        let own = Nearness::HasIt.judge(fault()).remedy.unwrap();
        assert!(own.contains("this host's own") && !own.contains("another network"), "{own}");
        assert_eq!(Nearness::Far.judge(fault()), fault());
    }

    #[test]
    fn an_address_of_this_host_is_known_from_one_outside() {
        let (own, outside) = ("127.0.0.7".parse().unwrap(), "192.0.2.7".parse().unwrap());
        assert_eq!(Nearness::of(own, true), Nearness::HasIt);
        assert_eq!(Nearness::of(outside, true), Nearness::Behind);
        assert_eq!(Nearness::of(own, false), Nearness::Far);
    }
}
