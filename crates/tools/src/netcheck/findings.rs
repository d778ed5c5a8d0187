//! What the answers of one report add up to: the verdict, as stock clients reach it.
//!
//! Source: tailscale: net/netcheck/netcheck.go, `addNodeLatency` and `probeWouldHelp`.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use wherry_client::Family;

/// Latencies by region id.
pub type ByRegion = BTreeMap<i64, Duration>;

/// Round-trip times of one report.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Latencies {
    /// The least by any way.
    pub any: ByRegion,
    /// The least by STUN over IPv4.
    pub v4: ByRegion,
    /// The least by STUN over IPv6.
    pub v6: ByRegion,
    /// By ICMP, where nothing else answered: the host is there, which tells nothing of its relay.
    pub echo: ByRegion,
}

/// What is known of this host's network.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Findings {
    /// A STUN answer came.
    pub udp: bool,
    /// IPv4 works.
    pub ipv4: bool,
    /// IPv6 works.
    pub ipv6: bool,
    /// A datagram could be sent by IPv4.
    pub ipv4_can_send: bool,
    /// A datagram could be sent by IPv6.
    pub ipv6_can_send: bool,
    /// This system can do IPv6 at all.
    pub os_has_ipv6: bool,
    /// An echo came back by ICMP; asked only if there is no UDP.
    pub icmp_v4: bool,
    /// Whether the NAT shows another address to another server; needs two answers by IPv4.
    pub mapping_varies: Option<bool>,
    /// Round-trip times.
    pub latencies: Latencies,
    /// This host's first address by IPv4, as STUN sees it.
    pub global_v4: Option<SocketAddr>,
    /// This host's last address by IPv6, as STUN sees it.
    pub global_v6: Option<SocketAddr>,
    /// How often STUN saw each address by IPv4.
    pub seen_v4: BTreeMap<SocketAddr, u32>,
    /// How often STUN saw each address by IPv6.
    pub seen_v6: BTreeMap<SocketAddr, u32>,
}

impl Findings {
    /// Whether asking this region by this family could tell anything new.
    pub(super) fn would_gain(&self, region: i64, family: Family) -> bool {
        !self.latencies.any.contains_key(&region)
            || match family {
                Family::V4 => self.mapping_varies.is_none(),
                Family::V6 => self.latencies.v6.is_empty(),
            }
    }

    /// A STUN answer: the region's server saw this host as `seen`, `took` after it was asked.
    pub(super) fn answered(&mut self, region: i64, seen: SocketAddr, took: Duration) {
        self.udp = true;
        least(&mut self.latencies.any, region, took);
        match seen.ip() {
            IpAddr::V4(_) => {
                least(&mut self.latencies.v4, region, took);
                self.ipv4 = true;
                *self.seen_v4.entry(seen).or_default() += 1;
                match self.global_v4 {
                    None => self.global_v4 = Some(seen),
                    Some(first) if first != seen => self.mapping_varies = Some(true),
                    Some(_) => self.mapping_varies = Some(self.mapping_varies.unwrap_or(false)),
                }
            }
            IpAddr::V6(_) => {
                least(&mut self.latencies.v6, region, took);
                self.ipv6 = true;
                self.global_v6 = Some(seen);
                *self.seen_v6.entry(seen).or_default() += 1;
            }
        }
    }

    /// The region answered by HTTPS, from an address of this family.
    pub(super) fn answered_https(&mut self, region: i64, family: Family, took: Duration) {
        least(&mut self.latencies.any, region, took);
        match family {
            Family::V4 => self.ipv4 = true,
            Family::V6 => self.ipv6 = true,
        }
    }

    /// The region answered by ICMP over IPv4.
    pub(super) fn answered_icmp(&mut self, region: i64, took: Duration) {
        if !self.latencies.any.contains_key(&region) {
            self.latencies.echo.insert(region, took);
        }
        least(&mut self.latencies.any, region, took);
        self.ipv4 = true;
        self.icmp_v4 = true;
    }

    /// A datagram left by this family.
    pub(super) fn sent(&mut self, family: Family) {
        match family {
            Family::V4 => self.ipv4_can_send = true,
            Family::V6 => self.ipv6_can_send = true,
        }
    }
}

fn least(latencies: &mut ByRegion, region: i64, took: Duration) {
    let known = latencies.entry(region).or_insert(took);
    *known = took.min(*known);
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: fn(u64) -> Duration = Duration::from_millis;

    fn findings(answers: &[(i64, &str, u64)]) -> Findings {
        let mut findings = Findings::default();
        for (region, seen, ms) in answers {
            findings.answered(*region, seen.parse().unwrap(), MS(*ms));
        }
        findings
    }

    #[test]
    fn mapping_is_unknown_by_one_answer_and_varies_as_soon_as_one_differs() {
        let (first, same, other) = ((1, "192.0.2.1:7", 5), (2, "192.0.2.1:7", 5), (3, "192.0.2.1:8", 5));
        assert_eq!(findings(&[first]).mapping_varies, None);
        assert_eq!(findings(&[first, same]).mapping_varies, Some(false));
        assert_eq!(findings(&[first, other]).mapping_varies, Some(true));
        assert_eq!(findings(&[first, other, same]).mapping_varies, Some(true));
        let v6 = [(1, "[2001:db8::1]:7", 5), (2, "[2001:db8::1]:8", 5)];
        assert_eq!(findings(&v6).mapping_varies, None);
    }

    #[test]
    fn the_first_address_by_ipv4_and_the_last_by_ipv6_are_kept() {
        let found = findings(&[
            (1, "192.0.2.1:7", 9),
            (2, "192.0.2.1:8", 5),
            (1, "[2001:db8::1]:7", 4),
            (1, "[2001:db8::1]:8", 6),
        ]);
        assert_eq!(found.global_v4, Some("192.0.2.1:7".parse().unwrap()));
        assert_eq!(found.global_v6, Some("[2001:db8::1]:8".parse().unwrap()));
        assert_eq!(
            (found.latencies.any[&1], found.latencies.v4[&1], found.latencies.v6[&1]),
            (MS(4), MS(9), MS(4))
        );
        assert!(found.udp && found.ipv4 && found.ipv6);
    }

    #[test]
    fn a_known_region_is_asked_again_only_for_ipv6_or_for_the_mapping() {
        let found = findings(&[(1, "192.0.2.1:7", 5)]);
        assert!(found.would_gain(1, Family::V4) && found.would_gain(1, Family::V6));
        let found = findings(&[(1, "192.0.2.1:7", 5), (2, "192.0.2.1:7", 5), (2, "[2001:db8::1]:7", 4)]);
        assert!(!found.would_gain(1, Family::V4) && !found.would_gain(1, Family::V6));
        assert!(found.would_gain(3, Family::V4) && found.would_gain(3, Family::V6));
    }

    #[test]
    fn https_and_icmp_give_a_latency_and_no_udp() {
        let mut found = Findings::default();
        found.answered_https(1, Family::V6, MS(20));
        found.answered_icmp(1, MS(10));
        found.answered_icmp(2, MS(30));
        assert_eq!((found.latencies.any[&1], found.latencies.any[&2]), (MS(10), MS(30)));
        assert_eq!(found.latencies.echo, ByRegion::from([(2, MS(30))]), "the relay of 1 answered, too");
        assert!(!found.udp && found.ipv4 && found.ipv6 && found.icmp_v4);
        assert!(found.latencies.v4.is_empty() && found.latencies.v6.is_empty());
    }
}
