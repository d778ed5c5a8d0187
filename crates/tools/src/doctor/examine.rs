//! The examination of one relay.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use futures_util::{StreamExt as _, stream};
use wherry_client::{
    DialError, Dialer, HandshakeError, Identity, NoEntropy, Step, Target, Verify, lookup_both,
};
use wherry_wire::derp_map::{DerpMap, Entry, Node};

use super::families::Seen;
use super::finding::{Finding, Mark, Part};
use super::patient::Patient;
use super::router::Nearness;
use super::visit::Visit;
use super::{certificate, families, proxy, udp};
use crate::hindrance::Hindrance;
use crate::map::{OwnMap, Standing, own_map};
use crate::port80::{self, Heard};

/// For a name that was resolved a moment ago.
const RESOLUTION: Duration = Duration::from_secs(5);

/// Relays that are examined at a time.
const AT_ONCE: usize = 16;

/// What was found out.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Diagnosis {
    /// In the order in which a client meets them.
    pub findings: Vec<Finding>,
    /// The map that is right for it, where it could be made out: that which was asked about with what is wrong in it
    /// corrected; else one of this relay alone.
    pub map: Option<DerpMap>,
}

impl Diagnosis {
    /// Whether nothing is to be mended.
    #[must_use]
    pub fn is_healthy(&self) -> bool {
        !self.findings.iter().any(Finding::is_fault)
    }
}

/// Looks at everything that can be seen of each relay from here, several side by side; `tell` hears of them in their order.
///
/// # Errors
/// As [`examine`].
pub async fn examine_all(
    dialer: &Dialer,
    patients: &[Patient],
    mut tell: impl FnMut(&Patient, Diagnosis),
) -> Result<(), NoEntropy> {
    let visits = patients.iter().map(async |patient| (patient, examine(dialer, patient).await));
    let mut visits = stream::iter(visits).buffered(AT_ONCE);
    while let Some((patient, diagnosis)) = visits.next().await {
        tell(patient, diagnosis?);
    }
    Ok(())
}

/// Looks at everything that can be seen of a relay from here.
///
/// # Errors
/// The system gives no random bytes for a key.
pub async fn examine(dialer: &Dialer, patient: &Patient) -> Result<Diagnosis, NoEntropy> {
    let mut visit = Visit {
        dialer,
        patient: patient.clone(),
        findings: Vec::new(),
        seen: None,
        is_refused: false,
        pin: None,
        kept_stun: None,
    };
    visit.relay().await?;
    let right = match visit.right_verify() {
        Some(verify) if visit.is_relay(&verify).await? => Some(verify),
        _ => None,
    };
    let standing = match &right {
        Some(verify) if patient.map.is_none() || patient.is_without_stun() => visit.standing(verify).await,
        _ => None,
    };
    visit.by_family().await?;
    visit.findings.extend(visit.kept_stun.map(kept_from_clients));
    visit.port_80().await;
    let map = right.and_then(|verify| match &patient.map {
        Some(_) => patient.corrected(visit.pin, visit.kept_stun),
        None => Some(entry(&visit.patient, &verify, standing.as_ref()).map()),
    });
    Ok(Diagnosis { findings: visit.findings, map })
}

/// The entry of a relay that no map was asked about.
fn entry(patient: &Patient, verify: &Verify, standing: Option<&Standing>) -> Entry {
    let cert_name = if let Verify::Pin(pin) = verify { pin.to_string() } else { String::new() };
    // A port that is silent is to be opened, not to be left out of the map.
    let at = Entry::at(patient.endpoint.host(), patient.endpoint.port());
    let seen = Entry { cert_name, stun_port: patient.stun_port, ..at };
    match standing {
        Some(standing) => Entry { can_port_80: standing.node.can_port_80, ..standing.entry(seen) },
        None => seen,
    }
}

impl Visit<'_> {
    /// The rule by which a client accepts the certificate, if there is one.
    fn right_verify(&self) -> Option<Verify> {
        let is_tls_right =
            self.findings.iter().any(|finding| finding.part == Part::Tls && finding.mark == Mark::Ok);
        match (self.pin, self.patient.endpoint.verify()) {
            (Some(pin), _) => Some(Verify::Pin(pin)),
            (None, verify @ (Verify::Host | Verify::Pin(_))) if is_tls_right => Some(verify.clone()),
            _ => None,
        }
    }

    /// Whether it is a relay that clients would meet there, so that it is worth an entry. A certificate that was refused kept that
    /// from being seen.
    async fn is_relay(&self, verify: &Verify) -> Result<bool, NoEntropy> {
        if let Some(derp) = self.findings.iter().find(|finding| finding.part == Part::Derp) {
            return Ok(!derp.is_fault());
        }
        let target = Target::one(self.patient.endpoint.clone().with_verify(verify.clone()));
        Ok(match self.dialer.connect(&target, &Identity::throw_away()?).await {
            Ok(_) | Err(DialError::Handshake(HandshakeError::Refused)) => true,
            Err(_) => false,
        })
    }

    /// Where the relay stands in the map that it serves. That map knows the port of STUN where it was guessed, or said
    /// to be none.
    async fn standing(&mut self, verify: &Verify) -> Option<Standing> {
        let own_map = own_map(self.dialer, &self.patient.endpoint, verify).await;
        if let Some(node) = own_map.at_its_place().filter(|_| self.patient.stun_is_guess) {
            self.patient.stun_port = node.stun_udp_port();
            self.patient.stun_is_guess = false;
        } else if self.patient.is_without_stun() && self.patient.stun_port.is_none() {
            self.kept_stun = own_map.at_its_place().and_then(Node::stun_udp_port);
            self.patient.stun_port = self.kept_stun;
        }
        match own_map {
            OwnMap::With(standing) => Some(*standing),
            _ => None,
        }
    }

    /// Everything by TCP.
    async fn relay(&mut self) -> Result<(), NoEntropy> {
        let endpoint = self.patient.endpoint.clone();
        let target = Target::one(endpoint.clone());
        let plain = match self.dialer.tcp(&target).await {
            Ok(plain) => plain,
            Err(err) => {
                let part = if err.step() == Step::Dns { Part::Name } else { Part::Port };
                self.is_refused = is_refused(&err);
                self.fault(part, &err, None);
                self.before_a_router(&err).await;
                return Ok(());
            }
        };
        self.seen = Some(Seen { addr: plain.addr(), step: Step::Tcp });
        if plain.timings().dns.is_some() {
            self.note(named(endpoint.host(), plain.addr().ip()));
        }
        self.note(Finding::ok(Part::Port, format!("{}/tcp is open", plain.addr().port())));
        match self.dialer.tls(plain).await {
            Ok(secured) => {
                self.has_come_to(Step::Tls);
                self.secured(&secured);
                // Some let in only so many connections, so none is opened in vain.
                let clock = certificate::clock(secured).await;
                self.note(clock);
                self.derp(&target).await
            }
            Err(err) => {
                self.tls_fault(&err).await;
                Ok(())
            }
        }
    }

    /// The port is not reached, for which a router may be the reason.
    async fn before_a_router(&mut self, err: &DialError) {
        if let Some(fault) = self.findings.pop_if(|_| may_be_turned_away(err)) {
            let nearness = self.nearness().await;
            self.note(nearness.judge(fault));
        }
    }

    async fn nearness(&self) -> Nearness {
        self.address().await.map_or(Nearness::Far, |ip| Nearness::of(ip, self.patient.is_here))
    }

    fn has_come_to(&mut self, step: Step) {
        if let Some(seen) = &mut self.seen {
            seen.step = step;
        }
    }

    /// Everything by each address family alone, and STUN.
    async fn by_family(&mut self) -> Result<(), NoEntropy> {
        let Patient { stun_port, stun_ip, stun_is_guess, .. } = self.patient;
        let stun_at = stun_ip.zip(stun_port).map(|(ip, port)| SocketAddr::new(ip, port));
        if let Some(seen) = self.seen {
            let walks = families::walk_both(self.dialer, &self.patient, seen.addr).await?;
            let is_told = |finding: &Finding| finding.remedy.as_deref() == Some(families::LIMIT);
            let was_told = self.findings.iter().any(is_told);
            self.findings.extend(
                families::judge(&walks, seen).into_iter().filter(|finding| !(was_told && is_told(finding))),
            );
            self.findings.extend(families::stun_findings(&walks, stun_is_guess).await);
        }
        let is_told = self.findings.iter().any(|finding| finding.part == Part::Stun);
        match (stun_port, stun_at) {
            _ if is_told => {}
            (None, _) => self.note(Finding::skipped(Part::Stun, "not asked: there is said to be none")),
            (_, Some(server)) => {
                let finding = udp::ask(server, stun_is_guess).await;
                self.note(finding);
            }
            (Some(port), None) => {
                let finding = self.stun_alone(port).await;
                self.note(finding);
            }
        }
        Ok(())
    }

    /// Port 80, of which the map says that it answers.
    async fn port_80(&mut self) {
        let nodes =
            self.patient.map.iter().flat_map(DerpMap::live_regions).flat_map(|(_, region)| &region.nodes);
        let asked = nodes.filter(|node| node.can_port_80).find_map(port80::witness);
        let Some(witness) = asked.filter(|_| self.seen.is_some()) else { return };
        let heard = port80::ask(witness, None).await;
        self.note(match heard {
            Heard::Witness => Finding::ok(Part::Port, "80/tcp answers who looks for captive portals"),
            Heard::Stranger | Heard::Nobody => Finding::warning(Part::Port, port80::WRONG, port80::CURE),
        });
    }

    /// STUN of a relay that TCP does not reach: what keeps one away may keep the other away too.
    async fn stun_alone(&self, port: u16) -> Finding {
        let Some(ip) = self.address().await else {
            return Finding::skipped(Part::Stun, "not asked: the relay's address is not known");
        };
        let found = udp::ask(SocketAddr::new(ip, port), self.patient.stun_is_guess).await;
        match found.is_fault() {
            // One that does not run answers nothing.
            true if self.is_refused => Finding::skipped(
                Part::Stun,
                format!("{}, as long as nothing listens on the TCP port", found.found),
            ),
            true if self.patient.is_here => Nearness::of(ip, true).judge(found),
            _ => found,
        }
    }

    async fn address(&self) -> Option<IpAddr> {
        let host = self.patient.endpoint.host();
        match self.patient.ip.or_else(|| host.parse().ok()) {
            Some(ip) => Some(ip),
            // The dial has asked for it as well: a resolver that fails has been told.
            None if self.findings.iter().any(|finding| finding.part == Part::Name) => None,
            None => lookup_both(host, RESOLUTION).await.ok()?.first().copied(),
        }
    }

    /// The DERP handshake as a stranger, and with the key of a node that is admitted.
    async fn derp(&mut self, target: &Target) -> Result<(), NoEntropy> {
        let stranger = self.dialer.connect(target, &Identity::throw_away()?).await;
        let admission = match &stranger {
            Ok(_) if self.patient.is_open => Finding::ok(Part::Admission, "open to anybody, as meant"),
            Ok(_) => Finding::warning(
                Part::Admission,
                "a random key is admitted: anybody who finds the relay can use it",
                "admit known nodes alone (wherry: admit = \"list:FILE\" with their node keys), or say --open if it is meant",
            ),
            Err(DialError::Handshake(HandshakeError::Refused)) => {
                Finding::ok(Part::Admission, "a random key is refused")
            }
            Err(err) => {
                match err.step() {
                    Step::Dns => self.fault(Part::Name, err, None),
                    Step::Tcp => self.note(families::limited(self.patient.endpoint.port(), err)),
                    Step::Tls => self.fault(Part::Tls, err, None),
                    _ if proxy::keeps_upgrade(self.dialer, &self.patient.endpoint, err).await => {
                        self.note(Finding::error(Part::Derp, err.to_string(), proxy::CURE));
                    }
                    _ => self.fault(Part::Derp, err, None),
                }
                return Ok(());
            }
        };
        self.has_come_to(Step::Handshake);
        let is_in = stranger.is_ok();
        match self.patient.key.clone() {
            Some(key) if !is_in => match self.dialer.connect(target, &Identity::new(key)).await {
                Ok(_) => self.note(Finding::ok(Part::Derp, "the handshake works, and the key is admitted")),
                Err(err) => self.fault(Part::Derp, &err, None),
            },
            _ if is_in => self.note(Finding::ok(Part::Derp, "the HTTP upgrade and the handshake work")),
            _ => self.note(Finding::ok(
                Part::Derp,
                "the HTTP upgrade works; the handshake up to the admission (--key FILE goes beyond it)",
            )),
        }
        self.note(admission);
        Ok(())
    }
}

/// A map that says there is no STUN, of a relay whose own map names the port.
fn kept_from_clients(port: u16) -> Finding {
    Finding::warning(
        Part::Stun,
        format!("the map says that there is no STUN (STUNPort -1), but the relay's own map names {port}/udp"),
        format!(
            "write STUNPort {port}, once {port}/udp is open: clients behind NAT learn their own address by STUN alone, and find no \
             direct way without"
        ),
    )
}

/// A name and its address.
fn named(host: &str, ip: IpAddr) -> Finding {
    match udp::is_made_up(ip) {
        true => Finding::warning(
            Part::Name,
            format!(
                "{host} is {ip}, which a proxy makes up (fake-ip, 198.18.0.0/15): what follows is the way through that proxy, and \
                 UDP may go another"
            ),
            "let the proxy leave this name out (Clash: add it to dns.fake-ip-filter; sing-box: a dns rule for it with a real server), \
             since Tailscale on this host asks the same resolver; or ask from another host",
        ),
        false => Finding::ok(Part::Name, format!("{host} is {ip}")),
    }
}

/// Whether somebody answers that nothing listens there.
fn is_refused(err: &DialError) -> bool {
    matches!(err, DialError::Unreachable { attempts } if Hindrance::of(attempts) == Some(Hindrance::Refused))
}

/// Whether packets came to an end on the way, rather than on this host.
fn may_be_turned_away(err: &DialError) -> bool {
    match err {
        DialError::Unreachable { attempts } => {
            Hindrance::of(attempts).is_some_and(|hindrance| hindrance <= Hindrance::Silent)
        }
        DialError::Timeout { step, .. } => *step == Step::Tcp,
        _ => false,
    }
}

#[cfg(test)]
#[path = "examine_tests.rs"]
mod tests;
