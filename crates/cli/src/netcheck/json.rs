//! The report for scripts: the fields of `tailscale netcheck --format json` in their order, then more.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use serde::Serialize;
use wherry_client::Family;
use wherry_tools::netcheck::{ByRegion, Figure, Missing, NodeReport, RelayFigure, Report, StunFigure, Why};

use super::go;

/// Latencies are nanoseconds, addresses are empty if there is none, what is not known is null.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Json<'a> {
    now: String,
    #[serde(rename = "UDP")]
    udp: bool,
    #[serde(rename = "IPv6")]
    ipv6: bool,
    #[serde(rename = "IPv4")]
    ipv4: bool,
    #[serde(rename = "IPv6CanSend")]
    ipv6_can_send: bool,
    #[serde(rename = "IPv4CanSend")]
    ipv4_can_send: bool,
    #[serde(rename = "OSHasIPv6")]
    os_has_ipv6: bool,
    #[serde(rename = "ICMPv4")]
    icmp_v4: bool,
    #[serde(rename = "MappingVariesByDestIP")]
    mapping_varies: Option<bool>,
    #[serde(rename = "UPnP")]
    upnp: bool,
    #[serde(rename = "PMP")]
    pmp: bool,
    #[serde(rename = "PCP")]
    pcp: bool,
    #[serde(rename = "PreferredDERP")]
    preferred: i64,
    region_latency: Nanos,
    #[serde(rename = "RegionV4Latency")]
    v4_latency: Nanos,
    #[serde(rename = "RegionV6Latency")]
    v6_latency: Nanos,
    #[serde(rename = "GlobalV4Counters")]
    seen_v4: Option<&'a BTreeMap<SocketAddr, u32>>,
    #[serde(rename = "GlobalV6Counters")]
    seen_v6: Option<&'a BTreeMap<SocketAddr, u32>>,
    #[serde(rename = "GlobalV4")]
    global_v4: String,
    #[serde(rename = "GlobalV6")]
    global_v6: String,
    captive_portal: Option<bool>,
    hair_pinning: Option<bool>,
    nodes: Vec<Node<'a>>,
    missing: Vec<Gap<'a>>,
}

type Nanos = BTreeMap<i64, u64>;

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Node<'a> {
    #[serde(rename = "RegionID")]
    region: i64,
    #[serde(rename = "RegionCode")]
    code: &'a str,
    name: &'a str,
    /// What it is called under `Missing`, where another node of its region has the same name.
    #[serde(skip_serializing_if = "Option::is_none")]
    label: Option<&'a str>,
    #[serde(rename = "HostName")]
    host: &'a str,
    #[serde(rename = "STUNv4")]
    stun_v4: Option<Stun>,
    #[serde(rename = "STUNv6")]
    stun_v6: Option<Stun>,
    #[serde(rename = "RelayV4")]
    relay_v4: Option<Relay>,
    #[serde(rename = "RelayV6")]
    relay_v6: Option<Relay>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Stun {
    server: SocketAddr,
    latency: u64,
    seen: SocketAddr,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Relay {
    server: SocketAddr,
    /// Of a ping.
    latency: u64,
    /// From nothing to an open connection.
    connect: u64,
    #[serde(rename = "TLS")]
    tls: &'static str,
    pin: Option<String>,
    server_key: String,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Gap<'a> {
    figure: Figure,
    family: Option<&'static str>,
    #[serde(rename = "RegionID")]
    region: Option<i64>,
    node: Option<&'a str>,
    #[serde(flatten)]
    why: &'a Why,
}

impl<'a> Json<'a> {
    pub(super) fn of(report: &'a Report, ahead: i64) -> Self {
        let found = &report.findings;
        let shown = |addr: Option<SocketAddr>| addr.map(|addr| addr.to_string()).unwrap_or_default();
        Self {
            now: go::moment(report.now, ahead),
            udp: found.udp,
            ipv6: found.ipv6,
            ipv4: found.ipv4,
            ipv6_can_send: found.ipv6_can_send,
            ipv4_can_send: found.ipv4_can_send,
            os_has_ipv6: found.os_has_ipv6,
            icmp_v4: found.icmp_v4,
            mapping_varies: found.mapping_varies,
            upnp: report.port_mapping.upnp,
            pmp: report.port_mapping.pmp,
            pcp: report.port_mapping.pcp,
            preferred: report.home.unwrap_or_default(),
            region_latency: nanos(&found.latencies.any),
            v4_latency: nanos(&found.latencies.v4),
            v6_latency: nanos(&found.latencies.v6),
            seen_v4: Some(&found.seen_v4).filter(|seen| !seen.is_empty()),
            seen_v6: Some(&found.seen_v6).filter(|seen| !seen.is_empty()),
            global_v4: shown(found.global_v4),
            global_v6: shown(found.global_v6),
            captive_portal: report.captive_portal,
            hair_pinning: report.hairpinning,
            nodes: report.nodes.iter().map(node).collect(),
            missing: report.missing.iter().map(gap).collect(),
        }
    }
}

fn nanos(latencies: &ByRegion) -> Nanos {
    latencies.iter().map(|(region, latency)| (*region, nanoseconds(*latency))).collect()
}

fn nanoseconds(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

fn node(report: &NodeReport) -> Node<'_> {
    let stun = |found: &Result<StunFigure, Why>| {
        let figure = found.as_ref().ok()?;
        Some(Stun { server: figure.server, latency: nanoseconds(figure.latency), seen: figure.seen })
    };
    let relay = |found: &Result<RelayFigure, Why>| {
        let figure = found.as_ref().ok()?;
        Some(Relay {
            server: figure.server,
            latency: nanoseconds(figure.latency),
            connect: nanoseconds(figure.connect),
            tls: if figure.is_tls13 { "1.3" } else { "1.2" },
            pin: figure.pin.map(|pin| pin.to_string()),
            server_key: figure.key.to_string(),
        })
    };
    Node {
        region: report.region,
        code: &report.code,
        name: &report.name,
        label: Some(report.label.as_str()).filter(|label| *label != report.name),
        host: &report.host,
        stun_v4: stun(&report.stun_v4),
        stun_v6: stun(&report.stun_v6),
        relay_v4: relay(&report.relay_v4),
        relay_v6: relay(&report.relay_v6),
    }
}

fn gap(missing: &Missing) -> Gap<'_> {
    let family = missing.family.map(|family| match family {
        Family::V4 => "IPv4",
        Family::V6 => "IPv6",
    });
    Gap {
        figure: missing.figure,
        family,
        region: missing.region,
        node: missing.node.as_deref(),
        why: &missing.why,
    }
}
