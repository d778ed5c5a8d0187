//! Latencies without STUN: by HTTPS and by ICMP, when no UDP comes through.
//!
//! Source: tailscale: net/netcheck/netcheck.go, `measureHTTPSLatency` and `measureICMPLatency`.

use std::net::IpAddr;
use std::time::Duration;

use futures_util::future::join_all;
use tokio::time::timeout_at;
use wherry_client::{Dialer, Endpoint, Family, Target};
use wherry_wire::derp_map::{DerpMap, Region};

use super::findings::Findings;
use super::{address, icmp};
use crate::clock::Clock;
use crate::http;

/// The longest that echoes are waited for.
const ICMP_LIMIT: Duration = Duration::from_secs(1);

/// Asks every region that has no latency yet, until `end` at the latest.
pub(super) async fn measure(
    map: &DerpMap,
    findings: &mut Findings,
    dialer: &Dialer,
    clock: Clock,
    end: Duration,
) {
    let unknown = |region: &&Region| {
        let relays = region.nodes.iter().any(|node| !node.stun_only);
        relays && !region.avoid && !region.no_measure_no_home
    };
    let regions = map.live_regions().filter(|(id, _)| !findings.latencies.any.contains_key(id));
    let regions: Vec<&Region> = regions.map(|(_, region)| region).filter(unknown).collect();
    let echo_end = clock.at((clock.now() + ICMP_LIMIT).min(end));
    let by_https =
        join_all(regions.iter().map(|region| timeout_at(clock.at(end), https(dialer, region, clock))));
    let by_icmp = join_all(regions.iter().map(|region| timeout_at(echo_end, echo(region))));
    let (by_https, by_icmp) = tokio::join!(by_https, by_icmp);
    for (region, answer) in regions.iter().zip(by_https) {
        if let Ok(Some((ip, took))) = answer {
            let family = if ip.is_ipv4() { Family::V4 } else { Family::V6 };
            findings.answered_https(region.region_id, family, took);
        }
    }
    for (region, answer) in regions.iter().zip(by_icmp) {
        if let Ok(Some(took)) = answer {
            findings.answered_icmp(region.region_id, took);
        }
    }
}

/// One request to the region, without the time that the connection took. Why there is none, the relays' own test tells.
async fn https(dialer: &Dialer, region: &Region, clock: Clock) -> Option<(IpAddr, Duration)> {
    // A client passes over an entry that it cannot use.
    let nodes = region.nodes.iter().filter(|node| Endpoint::node(node).is_ok()).cloned().collect();
    let target = Target::region(&Region { nodes, ..region.clone() }).ok()?;
    let secured = dialer.tls(dialer.tcp(&target).await.ok()?).await.ok()?;
    let (ip, authority) = (secured.addr().ip().to_canonical(), secured.endpoint().authority());
    let mut stream = secured.into_stream();
    let start = clock.now();
    let answer = http::head(&mut stream, &authority, "/derp/latency-check", &[]).await.ok()?;
    let took = clock.now().saturating_sub(start);
    (answer.status <= 299).then_some((ip, took))
}

/// An echo of the region's first node, unless it says that it is not to be measured.
async fn echo(region: &Region) -> Option<Duration> {
    let node = region.nodes.first().filter(|node| node.stun_port >= 0)?;
    match address::ip(node, Family::V4).await.ok()? {
        IpAddr::V4(ip) => icmp::echo(ip, node.name.as_bytes()).await.ok(),
        IpAddr::V6(_) => None,
    }
}
