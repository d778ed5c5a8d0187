//! Each address family by itself: clients that have only one see no other.

use std::io;
use std::net::SocketAddr;

use wherry_client::{
    DialError, Dialer, Family, HandshakeError, Identity, NoEntropy, Step, Target, TlsError, UpgradeError,
};

use super::finding::{Finding, Part};
use super::patient::Patient;
use super::udp;
use crate::hindrance::Hindrance;
use crate::map::{Sight, stun};
use crate::remedy::{self, LARGE_LOST, OWN_NETWORK, RESOLVER};
use crate::segments;

/// How far a client comes that has one family alone.
#[derive(Debug)]
pub(super) struct Walk {
    family: Family,
    /// Where TCP went.
    addr: Option<SocketAddr>,
    end: End,
    /// STUN at the same address, where it was asked, and where that is.
    stun: Option<(SocketAddr, io::Result<Sight>)>,
}

/// Where it ends.
#[derive(Debug)]
enum End {
    /// At the relay. Whom that admits is another matter.
    Arrived,
    /// The relay has no address of the family, and need not.
    NoAddress,
    /// This host has no way there.
    NoWay,
    /// Where large packets are lost.
    Narrow(DialError),
    /// On the way.
    Stopped(DialError),
}

/// What worked a moment ago.
#[derive(Debug, Clone, Copy)]
pub(super) struct Seen {
    /// Where TCP went.
    pub(super) addr: SocketAddr,
    /// The last step that worked.
    pub(super) step: Step,
}

impl Seen {
    fn is_of(self, family: Family) -> bool {
        self.addr.is_ipv4() == (family == Family::V4)
    }
}

/// What keeps a client out that was in a moment ago.
pub(super) const LIMIT: &str = "something lets in only so many connections: a firewall (nft: limit rate; iptables: hashlimit, \
                                connlimit; fail2ban), a proxy (nginx: limit_req, limit_conn), or the relay is overloaded: lift \
                                the limit for this port, since clients come many at a time, then ask again";

/// Walks by each family to the end: TCP, TLS, handshake, and STUN, which needs no TCP where `reached` tells an address.
pub(super) async fn walk_both(
    dialer: &Dialer,
    patient: &Patient,
    reached: SocketAddr,
) -> Result<[Walk; 2], NoEntropy> {
    let me = [Identity::throw_away()?, Identity::throw_away()?];
    let [four, six] = &me;
    // A walk is big, and two are bigger.
    let walk = |family, me| Box::pin(walk(dialer, patient, (family, reached), me));
    let (four, six) = tokio::join!(walk(Family::V4, four), walk(Family::V6, six));
    Ok([four, six])
}

async fn walk(
    dialer: &Dialer,
    patient: &Patient,
    (family, reached): (Family, SocketAddr),
    me: &Identity,
) -> Walk {
    let only = patient.endpoint.clone().with_only(family);
    let target = Target::one(only.clone());
    // STUN elsewhere is not of this address.
    let port = patient.stun_port.filter(|_| patient.stun_ip.is_none());
    let server = |addr: SocketAddr| port.map(|port| SocketAddr::new(addr.ip(), port));
    let plain = match dialer.tcp(&target).await {
        Ok(plain) => plain,
        Err(err) => {
            let addr = Some(reached).filter(|addr| addr.is_ipv4() == (family == Family::V4));
            let asked = match addr.and_then(server) {
                Some(server) => Some((server, stun(server).await)),
                None => None,
            };
            return Walk { family, addr, end: end(err), stun: asked };
        }
    };
    let (addr, server) = (plain.addr(), server(plain.addr()));
    let (relay, stun) = tokio::join!(async { dialer.handshake(dialer.tls(plain).await?, me).await }, async {
        let server = server?;
        Some((server, stun(server).await))
    });
    let end = match relay {
        Ok(_) | Err(DialError::Handshake(HandshakeError::Refused)) => End::Arrived,
        Err(err) if segments::only_small_pass(dialer, &only, &err).await => End::Narrow(err),
        Err(err) => End::Stopped(err),
    };
    Walk { family, addr: Some(addr), end, stun }
}

/// Where a walk ends that TCP ends.
fn end(err: DialError) -> End {
    let DialError::Unreachable { attempts } = &err else { return End::Stopped(err) };
    match Hindrance::of(attempts) {
        Some(Hindrance::NoWay | Hindrance::Forbidden) => End::NoWay,
        Some(_) => End::Stopped(err),
        None => End::NoAddress,
    }
}

/// What one family lacks while the other has it; what both lack is told elsewhere.
pub(super) fn judge(walks: &[Walk; 2], seen: Seen) -> Vec<Finding> {
    let [four, six] = walks;
    [(four, six), (six, four)].into_iter().filter_map(|(walk, other)| one(walk, other, seen)).collect()
}

fn one(Walk { family, addr, end, .. }: &Walk, other: &Walk, seen: Seen) -> Option<Finding> {
    let at = addr.map(|addr| format!(" at {addr}")).unwrap_or_default();
    match (end, &other.end) {
        (End::Arrived, _) => Some(Finding::ok(Part::Families, format!("{family} answers{at}"))),
        (End::NoWay, _) => {
            Some(Finding::skipped(Part::Families, format!("{family}: this host has no way there")))
        }
        (End::Stopped(err), _) if seen.is_of(*family) && err.step() <= seen.step && !is_belated(err) => {
            Some(Finding::warning(
                Part::Families,
                format!(
                    "{family} is half working: {} fails{at}, though it worked a moment ago: {err}",
                    err.step()
                ),
                if err.step() == Step::Dns { RESOLVER } else { LIMIT },
            ))
        }
        (End::Stopped(err), End::Arrived) => Some(Finding::warning(
            Part::Families,
            format!(
                "{family} is half working: {} fails{at}, while {} works: {err}",
                err.step(),
                other.family
            ),
            half(*family, err),
        )),
        (End::Narrow(err), End::Arrived) => Some(Finding::warning(
            Part::Families,
            format!("{family} is half working{at}, while {} works: {err}", other.family),
            format!("{LARGE_LOST}; or take the address away: {}", without(*family)),
        )),
        (End::Narrow(_) | End::Stopped(_) | End::NoAddress, _) => None,
    }
}

/// Whether it comes when TLS seemed to work: no step back, and told elsewhere.
const fn is_belated(err: &DialError) -> bool {
    matches!(err, DialError::Tls(TlsError::ClientCertificate))
}

/// What to do about a family that fails while the other one works.
fn half(family: Family, err: &DialError) -> String {
    let without = without(family);
    if err.step() == Step::Dns {
        format!(
            "let the name servers of this name, and those that this host asks (/etc/resolv.conf), answer for {} records too, if only \
             that there are none: who asks for both families waits for both",
            record(family)
        )
    } else if is_rejected(err) {
        format!(
            "check that the address is the relay's; if it is, let its firewall, and those on the way, take the port in by \
             {family}; or take the address away: {without}; {OWN_NETWORK}"
        )
    } else if err.step() == Step::Tcp {
        format!(
            "check that the address is the relay's; if it is, let the relay listen on {family} and open its port there; or \
             take the address away: {without}"
        )
    } else if is_busy(err) {
        "the proxy there limits requests, or does not reach the relay behind it: lift its limit for /derp (nginx: limit_req, \
         limit_conn), and check its target"
            .to_owned()
    } else {
        format!(
            "another server or proxy answers at that address, or one that is set up in another way: correct the \
             address, or let it lead to the same relay, or take it away: {without}"
        )
    }
}

/// Whether a proxy says that it would pass the request on, but not now.
fn is_busy(err: &DialError) -> bool {
    matches!(
        err,
        DialError::Handshake(HandshakeError::Upgrade(UpgradeError::Status { status: 429 | 502..=504, .. }))
    )
}

/// A connection that is refused after others were taken.
pub(super) fn limited(port: u16, err: &DialError) -> Finding {
    Finding::error(
        Part::Derp,
        format!("{port}/tcp, which was open a moment ago, takes no further connection: {err}"),
        LIMIT,
    )
}

/// Whether the network says that nobody is there, as firewalls do that reject.
fn is_rejected(err: &DialError) -> bool {
    matches!(err, DialError::Unreachable { attempts } if Hindrance::of(attempts) == Some(Hindrance::Rejected))
}

/// How a family is taken away.
fn without(family: Family) -> String {
    format!("no {} record, {family}: \"none\" in the map entry", record(family))
}

fn record(family: Family) -> &'static str {
    if family == Family::V4 { "A" } else { "AAAA" }
}

/// What STUN answered by each family; nothing if it was asked by none.
pub(super) async fn stun_findings(walks: &[Walk; 2], is_guess: bool) -> Vec<Finding> {
    let mut asked =
        walks.iter().filter_map(|walk| Some((walk.family, walk.stun.as_ref()?))).collect::<Vec<_>>();
    let answers = asked.iter().any(|(_, (_, answer))| answer.is_ok());
    if !answers {
        // The same fault twice is one.
        asked.truncate(1);
    }
    let mut findings = Vec::new();
    for (family, (server, answer)) in asked {
        findings.push(match answer {
            Ok(sight) => udp::answered(*server, *sight).await,
            Err(err) if answers && !udp::is_stranger(err) => silent_by_one(family, *server, err),
            Err(err) => udp::silent(*server, err, is_guess),
        });
    }
    findings
}

/// STUN that answers by the other family alone.
fn silent_by_one(family: Family, server: SocketAddr, err: &io::Error) -> Finding {
    Finding::warning(
        Part::Families,
        format!(
            "{family} is half working: {}, while the other family answers",
            remedy::no_answer(server, err)
        ),
        format!(
            "{}, for {family} too; or take the address away: {}",
            remedy::stun(server.port(), err),
            without(family)
        ),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::finding::Mark;
    use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
    use wherry_client::{Attempt, AttemptError};

    fn stopped(err: io::Error) -> DialError {
        let addr = SocketAddr::from((Ipv6Addr::LOCALHOST, 443));
        let error = AttemptError::Connect(err);
        DialError::Unreachable {
            attempts: vec![Attempt { label: String::new(), at: addr.to_string(), error }],
        }
    }

    fn walk_to_nowhere() -> Walk {
        Walk { family: Family::V6, addr: None, end: End::NoAddress, stun: None }
    }

    fn walk_that_ends(kind: io::ErrorKind) -> Walk {
        Walk { end: end(stopped(kind.into())), ..walk_to_nowhere() }
    }

    #[test]
    fn only_a_network_without_a_way_is_a_fault_of_this_host() {
        let other = Walk { family: Family::V4, addr: None, end: End::Arrived, stun: None };
        let seen = Seen { addr: "192.0.2.7:443".parse().unwrap(), step: Step::Handshake };
        let told = |kind| one(&walk_that_ends(kind), &other, seen).unwrap();
        for kind in [io::ErrorKind::NetworkUnreachable, io::ErrorKind::AddrNotAvailable] {
            assert_eq!(told(kind).mark, Mark::Skipped, "{kind}");
        }
        let refused = told(io::ErrorKind::ConnectionRefused);
        let remedy = refused.remedy.unwrap();
        assert!(
            remedy.contains("let the relay listen on IPv6") && remedy.contains("no AAAA record"),
            "{remedy}"
        );
        let rejected = told(io::ErrorKind::HostUnreachable);
        assert_eq!(rejected.mark, Mark::Warning);
        let remedy = rejected.remedy.unwrap();
        assert!(remedy.contains("firewall") && remedy.contains(OWN_NETWORK), "{remedy}");
        // EPERM, as Linux has it for a rule of this host.
        let forbidden = Walk { end: end(stopped(io::Error::from_raw_os_error(1))), ..walk_to_nowhere() };
        assert_eq!(one(&forbidden, &other, seen).unwrap().mark, Mark::Skipped);
    }

    #[test]
    fn a_family_that_nobody_has_is_not_told_and_one_that_works_is() {
        let [four, six] = [Family::V4, Family::V6].map(|family| Walk { family, ..walk_to_nowhere() });
        let addr = Some("192.0.2.7:443".parse().unwrap());
        let seen = Seen { addr: "192.0.2.7:443".parse().unwrap(), step: Step::Tcp };
        let found = judge(&[Walk { addr, end: End::Arrived, ..four }, six], seen);
        let [answers] = found.as_slice() else { panic!("{found:?}") };
        assert_eq!((answers.mark, &*answers.found), (Mark::Ok, "IPv4 answers at 192.0.2.7:443"));
        let attempts =
            vec![Attempt { label: String::new(), at: String::new(), error: AttemptError::NoAddress }];
        assert!(matches!(end(DialError::Unreachable { attempts }), End::NoAddress));
        let tls = || DialError::Tls(TlsError::NotTls);
        let [four, six] = [Family::V4, Family::V6].map(|family| Walk { family, ..walk_to_nowhere() });
        let both = judge(&[Walk { end: End::Stopped(tls()), ..four }, six], seen);
        assert!(both.is_empty(), "both fail, which is told elsewhere: {both:?}");
        let [four, six] = [Family::V4, Family::V6].map(|family| Walk { family, ..walk_to_nowhere() });
        let half =
            judge(&[Walk { end: End::Stopped(tls()), ..four }, Walk { end: End::Arrived, ..six }], seen);
        let remedy = half[0].remedy.as_ref().unwrap();
        assert!(remedy.contains("another server or proxy") && remedy.contains("no A record"), "{remedy}");
    }

    #[tokio::test]
    async fn stun_that_is_silent_by_both_families_is_one_fault_and_by_one_that_familys() {
        let stun = |ip: IpAddr, is_there: bool| {
            let answer =
                if is_there { Ok(Sight { own: ip, seen: ip }) } else { Err(io::ErrorKind::TimedOut.into()) };
            Some((SocketAddr::new(ip, 3478), answer))
        };
        let asked = async |has_v4, has_v6| {
            let four = Walk {
                family: Family::V4,
                stun: stun(Ipv4Addr::LOCALHOST.into(), has_v4),
                ..walk_to_nowhere()
            };
            let six = Walk { stun: stun(Ipv6Addr::LOCALHOST.into(), has_v6), ..walk_to_nowhere() };
            let found = stun_findings(&[four, six], false).await;
            found.into_iter().map(|one| (one.mark, one.part)).collect::<Vec<_>>()
        };
        assert_eq!(asked(false, false).await, [(Mark::Error, Part::Stun)]);
        assert_eq!(asked(true, true).await, [(Mark::Ok, Part::Stun); 2]);
        assert_eq!(asked(true, false).await, [(Mark::Ok, Part::Stun), (Mark::Warning, Part::Families)]);
    }

    #[test]
    fn a_name_server_that_is_silent_about_one_family_is_told_and_no_address_taken_away() {
        let other = Walk { family: Family::V4, addr: None, end: End::Arrived, stun: None };
        let silent = DialError::Timeout { step: Step::Dns, limit: std::time::Duration::from_secs(5) };
        let walk = Walk { family: Family::V6, addr: None, end: end(silent), stun: None };
        let seen = Seen { addr: "192.0.2.7:443".parse().unwrap(), step: Step::Handshake };
        let told = one(&walk, &other, seen).unwrap();
        assert!(told.mark == Mark::Warning && told.found.contains("name resolution fails"), "{told:?}");
        let remedy = told.remedy.unwrap();
        assert!(remedy.contains("answer for AAAA records") && !remedy.contains("take it away"), "{remedy}");
    }
}
