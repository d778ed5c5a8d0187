//! STUN: whether it answers, and whom it sees.

use std::io;
use std::net::{IpAddr, SocketAddr};

use super::finding::{Finding, Part};
use crate::hindrance::Hindrance;
use crate::map::{Sight, stun};
use crate::remedy;

/// Asks for STUN at `server`. `is_guess`: nobody named the port, it is the usual one.
pub(super) async fn ask(server: SocketAddr, is_guess: bool) -> Finding {
    match stun(server).await {
        Ok(sight) => answered(server, sight).await,
        Err(err) => silent(server, &err, is_guess),
    }
}

/// There is an answer: whose address does it tell?
pub(super) async fn answered(server: SocketAddr, sight: Sight) -> Finding {
    let found =
        || format!("STUN at {server} answers, but sees {} where this host's address should be", sight.seen);
    let keep = format!(
        "give the container the host's network (docker run --network host), or publish {}/udp so that the source address is kept",
        server.port()
    );
    match Source::of(server.ip(), sight) {
        Source::Kept => Finding::ok(Part::Stun, format!("STUN answers at {server} and sees {}", sight.seen)),
        Source::Private => Finding::error(
            Part::Stun,
            found(),
            format!(
                "something rewrites addresses before the relay, a container network or a UDP proxy: {keep}"
            ),
        ),
        Source::Server { is_sure: true } => Finding::error(
            Part::Stun,
            format!("{}: it is its own", found()),
            format!(
                "something on the relay's host passes packets on in its own name, a UDP proxy or a rule that masquerades: {keep}"
            ),
        ),
        // A host behind a router meets the address of its own relay outside as that router turns it around.
        Source::Server { is_sure: false }
            if stun(SocketAddr::new(sight.own, server.port())).await.is_ok() =>
        {
            Finding::skipped(
                Part::Stun,
                format!(
                    "STUN answers at {server}; whom it sees is not to be told from the relay's own host behind a router"
                ),
            )
        }
        Source::Server { is_sure: false } => Finding::warning(
            Part::Stun,
            format!("{}: it is its own", found()),
            format!(
                "if this host and the relay are behind one router, ask from another network: such a router may do so; else \
                 something on the relay's host passes packets on in its own name, a UDP proxy or a rule that masquerades: {keep}"
            ),
        ),
        Source::Another => Finding::warning(
            Part::Stun,
            format!("{}, {}", found(), sight.own),
            format!(
                "if this host has a NAT or a VPN before it, it is right so; else something rewrites addresses before the relay: {keep}"
            ),
        ),
    }
}

/// There is no answer, unless it is this host that lets no question out.
pub(super) fn silent(server: SocketAddr, err: &io::Error, is_guess: bool) -> Finding {
    if is_stranger(err) {
        return stranger(server, err, is_guess);
    }
    if is_made_up(server.ip()) {
        let found = format!(
            "{server}: a proxy made that address up, so STUN of the relay is not to be judged from here"
        );
        return Finding::skipped(Part::Stun, found);
    }
    match Hindrance::of_connect(err) {
        Hindrance::NoWay => {
            Finding::skipped(Part::Stun, format!("{server}: this host has no way there: {err}"))
        }
        Hindrance::Forbidden => Finding::skipped(
            Part::Stun,
            format!("{server}: this host's own firewall lets nothing out there: {err}"),
        ),
        _ => shut(server, err, is_guess),
    }
}

/// Whether somebody answers, but not as a relay does.
pub(super) fn is_stranger(err: &io::Error) -> bool {
    err.kind() == io::ErrorKind::InvalidData
}

fn stranger(server: SocketAddr, err: &io::Error, is_guess: bool) -> Finding {
    let (found, remedy) = (remedy::no_answer(server, err), remedy::stun(server.port(), err));
    match is_guess {
        true => Finding::warning(
            Part::Stun,
            found,
            format!(
                "{remedy}; if STUN is elsewhere, say --stun-port PORT, if there is none, --stun-port off"
            ),
        ),
        false => Finding::error(Part::Stun, found, remedy),
    }
}

/// The question went out.
fn shut(server: SocketAddr, err: &io::Error, is_guess: bool) -> Finding {
    let (found, open) = (remedy::no_answer(server, err), remedy::stun(server.port(), err));
    match is_guess {
        true => Finding::warning(
            Part::Stun,
            found,
            format!("{open}; if STUN is elsewhere, say --stun-port PORT, if there is none, --stun-port off"),
        ),
        false => Finding::error(Part::Stun, found, format!("{open}, or correct STUNPort (-1 is none)")),
    }
}

/// What the server takes for this host's address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Source {
    /// This host's own, or that of a NAT on the way, as far as can be told.
    Kept,
    /// One that nobody has who came the straight way.
    Private,
    /// The server's own. Routers that turn packets around show it to who is behind them, and to nobody else.
    Server { is_sure: bool },
    /// Another one than this host's, which is public.
    Another,
}

impl Source {
    /// What the server sees is this host's own address, or that of a NAT on the way, which is public if the server is. A
    /// server in a private network may see any address of one; and a router that turns packets around, within the network
    /// that it shares with this host, shows its own address in there.
    fn of(server: IpAddr, Sight { own, seen }: Sight) -> Self {
        if server.is_loopback() {
            return if seen.is_loopback() { Self::Kept } else { Self::Private };
        }
        let [is_own_v4, is_seen_v4] = [own, seen].map(|ip| ip.to_canonical().is_ipv4());
        // A gateway between the families (NAT64) is a NAT on the way.
        if seen == own || is_own_v4 != is_seen_v4 && !is_private(seen) {
            return Self::Kept;
        }
        if server == own || (!is_private(server) && is_private(seen) && !is_near(own, seen)) {
            return Self::Private;
        }
        if seen == server {
            return Self::Server { is_sure: !is_private(own) };
        }
        if is_private(own) || is_private(server) { Self::Kept } else { Self::Another }
    }
}

/// Whether both are in one private network, of the sizes that homes and offices have.
fn is_near(own: IpAddr, seen: IpAddr) -> bool {
    match (own.to_canonical(), seen.to_canonical()) {
        (IpAddr::V4(own), IpAddr::V4(seen)) => {
            is_private(own.into()) && own.octets().get(..2) == seen.octets().get(..2)
        }
        (IpAddr::V6(own), IpAddr::V6(seen)) => {
            is_private(own.into()) && own.segments().get(..4) == seen.segments().get(..4)
        }
        _ => false,
    }
}

pub(super) fn is_private(ip: IpAddr) -> bool {
    match ip.to_canonical() {
        IpAddr::V4(ip) => ip.is_private() || ip.is_loopback() || ip.is_link_local() || is_shared(ip.octets()),
        IpAddr::V6(ip) => ip.is_unique_local() || ip.is_loopback() || ip.is_unicast_link_local(),
    }
}

/// 198.18.0.0/15, out of which proxies give a name an address that leads to themselves (fake-ip).
pub(super) fn is_made_up(ip: IpAddr) -> bool {
    matches!(ip.to_canonical(), IpAddr::V4(ip) if matches!(ip.octets(), [198, 18..=19, ..]))
}

/// 100.64.0.0/10, which carriers and tailnets share out; 192.0.0.0/24, which stands for IPv4 on lines of IPv6 alone;
/// 198.18.0.0/15, which is for measurements and taken by VPNs.
fn is_shared([a, b, c, _]: [u8; 4]) -> bool {
    (a == 100 && b & 0xc0 == 64) || (a, b, c) == (192, 0, 0) || (a == 198 && b & 0xfe == 18)
}

#[cfg(test)]
mod tests {
    use tokio::task::JoinSet;
    use wherry_wire::stun::{MAX_RESPONSE_LEN, parse_request, response};

    use super::super::finding::Mark;
    use super::*;

    /// By the numbers of Linux: EPERM 1, EAFNOSUPPORT 97, ENETUNREACH 101, ECONNREFUSED 111.
    #[cfg(target_os = "linux")]
    #[test]
    fn what_keeps_this_host_from_asking_is_no_fault_of_the_relay() {
        let mark = |number| {
            let server = "[2001:db8::7]:3478".parse().unwrap();
            silent(server, &io::Error::from_raw_os_error(number), false).mark
        };
        assert_eq!([1, 97, 101].map(mark), [Mark::Skipped; 3]);
        let made_up = silent("198.19.0.5:3478".parse().unwrap(), &io::ErrorKind::TimedOut.into(), false);
        assert_eq!(made_up.mark, Mark::Skipped);
        assert_eq!(mark(111), Mark::Error);
    }

    #[test]
    fn a_private_address_is_odd_from_a_public_server_alone() {
        let odd = |server: &str, seen: &str| {
            let sight = Sight { own: "203.0.113.9".parse().unwrap(), seen: seen.parse().unwrap() };
            Source::of(server.parse().unwrap(), sight) == Source::Private
        };
        assert!(odd("198.51.100.7", "172.17.0.1") && odd("127.0.0.1", "172.17.0.1"));
        assert!(odd("2001:db8::7", "fd00::1") && odd("198.51.100.7", "100.64.0.1"));
        assert!(!odd("198.51.100.7", "203.0.113.9") && !odd("127.0.0.1", "127.0.0.9"));
        assert!(!odd("192.168.1.7", "192.168.1.9") && !odd("10.0.0.7", "172.17.0.1"));
    }

    #[tokio::test]
    async fn each_address_that_is_seen_has_its_own_verdict() {
        let told = async |server: &str, own: &str, seen: &str| {
            let sight = Sight { own: own.parse().unwrap(), seen: seen.parse().unwrap() };
            let Finding { mark, found, remedy, .. } = answered(server.parse().unwrap(), sight).await;
            (mark, found, remedy.unwrap_or_default())
        };
        let (server, own) = ("198.51.100.7:3478", "203.0.113.9");
        assert_eq!(told(server, own, own).await.0, Mark::Ok);
        for (seen, expected, found, words) in [
            ("172.17.0.1", Mark::Error, "sees 172.17.0.1", "something rewrites addresses"),
            ("198.51.100.7", Mark::Error, "it is its own", "in its own name"),
            ("198.51.100.8", Mark::Warning, "should be, 203.0.113.9", "if this host has a NAT"),
        ] {
            let (mark, said, remedy) = told(server, own, seen).await;
            assert!(mark == expected && said.contains(found), "{seen}: {mark:?} {said}");
            assert!(remedy.contains(words) && remedy.contains("publish 3478/udp"), "{seen}: {remedy}");
        }
        // From behind a router: whether it is the relay's own host shows by what answers there.
        let relay = tokio::net::UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let port = relay.local_addr().unwrap().port();
        let server = format!("198.51.100.7:{port}");
        let asked = || told(&server, "127.0.0.1", "198.51.100.7");
        let (mut datagram, mut out) = ([0; 1500], [0; MAX_RESPONSE_LEN]);
        let mut answering = JoinSet::new();
        answering.spawn(async move {
            loop {
                let (len, from) = relay.recv_from(&mut datagram).await.unwrap();
                let len = response(parse_request(&datagram[..len]).unwrap(), &from, &mut out);
                relay.send_to(&out[..len], from).await.unwrap();
            }
        });
        let (mark, found, _) = asked().await;
        assert!(mark == Mark::Skipped && found.contains("is not to be told"), "{mark:?} {found}");
        answering.shutdown().await;
        let (mark, found, remedy) = asked().await;
        assert!(mark == Mark::Warning && found.contains("it is its own"), "{mark:?} {found}");
        assert!(remedy.contains("behind one router, ask from another network"), "{remedy}");
    }

    #[test]
    fn a_port_that_refuses_is_not_said_to_be_silent() {
        let server = "192.0.2.7:3478".parse().unwrap();
        let told = |kind: io::ErrorKind, is_guess| silent(server, &kind.into(), is_guess);
        let refused = told(io::ErrorKind::ConnectionRefused, false);
        assert!(refused.mark == Mark::Error && refused.found.contains("is refused"), "{refused:?}");
        let remedy = refused.remedy.unwrap();
        assert!(remedy.contains("let the relay answer STUN") && remedy.contains("STUNPort"), "{remedy}");
        let late = told(io::ErrorKind::TimedOut, true);
        assert!(late.mark == Mark::Warning && late.found.contains("no answer"), "{late:?}");
        let remedy = late.remedy.unwrap();
        assert!(remedy.contains("open 3478/udp") && remedy.contains("--stun-port off"), "{remedy}");
    }

    #[test]
    fn within_one_private_network_a_private_address_is_no_fault() {
        let odd = |server: &str, own: &str, seen: &str| {
            let sight = Sight { own: own.parse().unwrap(), seen: seen.parse().unwrap() };
            Source::of(server.parse().unwrap(), sight) == Source::Private
        };
        // By a way inside, and by the router of both.
        assert!(!odd("198.51.100.7", "10.0.0.5", "10.0.0.5"));
        assert!(!odd("198.51.100.7", "192.168.1.5", "192.168.1.1"));
        assert!(!odd("2001:db8::7", "fd00::5", "fd00::1"));
        // Another network than this host's, or this host itself.
        assert!(odd("198.51.100.7", "192.168.1.5", "172.17.0.1"));
        assert!(odd("203.0.113.9", "203.0.113.9", "172.17.0.1"));
        assert!(odd("192.168.1.5", "192.168.1.5", "172.17.0.1"));
    }

    #[test]
    fn the_servers_own_address_and_another_public_one_are_odd_unless_a_router_may_show_them() {
        let source = |server: &str, own: &str, seen: &str| {
            let sight = Sight { own: own.parse().unwrap(), seen: seen.parse().unwrap() };
            Source::of(server.parse().unwrap(), sight)
        };
        let (server, own) = ("198.51.100.7", "203.0.113.2");
        assert_eq!(source(server, own, server), Source::Server { is_sure: true });
        assert_eq!(source("2001:db8::7", "2001:db8:1::2", "2001:db8::7"), Source::Server { is_sure: true });
        assert_eq!(source(server, "192.168.1.5", server), Source::Server { is_sure: false });
        assert_eq!(source(server, own, "198.51.100.8"), Source::Another);
        // A NAT of the line, and one that has an address in between.
        for behind in ["192.168.1.5", "100.64.0.9", "192.0.0.1", "198.18.0.1"] {
            assert_eq!(source(server, behind, "203.0.113.9"), Source::Kept, "{behind}");
        }
        assert_eq!(source("192.168.1.7", "192.168.1.5", "192.168.1.5"), Source::Kept);
        // NAT64, before and after which the families differ.
        assert_eq!(source("64:ff9b::c633:6407", "2001:db8:1::2", "203.0.113.1"), Source::Kept);
        assert_eq!(source("64:ff9b::c633:6407", "2001:db8:1::2", "172.17.0.1"), Source::Private);
        assert_eq!(source(server, server, server), Source::Kept);
    }
}
