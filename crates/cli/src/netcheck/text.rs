//! The report for people, laid out as `tailscale netcheck` does, with more below.

use std::fmt::{self, Write as _};
use std::net::SocketAddr;

use wherry_client::Family;
use wherry_tools::netcheck::{Figure, Missing, NodeReport, Reason, Report, Why};
use wherry_wire::derp_map::{DerpMap, Region};

use super::go;
use super::words::words;
use crate::output;

/// One report.
pub(super) struct Text<'a> {
    pub(super) report: &'a Report,
    pub(super) map: &'a DerpMap,
    pub(super) verbose: bool,
    /// Whether hairpinning was asked for.
    pub(super) hairpin: bool,
    /// How far this host's clock is ahead of UTC, in seconds.
    pub(super) ahead: i64,
}

impl fmt::Display for Text<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("\nReport:\n")?;
        self.network(f)?;
        self.regions(f)?;
        self.nodes(f)?;
        self.missing(f)?;
        writeln!(f, "\t* In plain words: {}", words(self.report, self.map))
    }
}

impl Text<'_> {
    fn network(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (report, found) = (self.report, &self.report.findings);
        writeln!(f, "\t* Time: {}", go::moment(report.now, self.ahead))?;
        writeln!(f, "\t* UDP: {}", found.udp)?;
        let yes = |addr: SocketAddr| format!("yes, {addr}");
        let no_v6 = match (found.ipv6, found.os_has_ipv6) {
            (true, _) => "(no addr found)",
            (false, true) => "no, but OS has support",
            (false, false) => "no, unavailable in OS",
        };
        writeln!(f, "\t* IPv4: {}", found.global_v4.map_or_else(|| "(no addr found)".to_owned(), yes))?;
        writeln!(f, "\t* IPv6: {}", found.global_v6.map_or_else(|| no_v6.to_owned(), yes))?;
        writeln!(f, "\t* MappingVariesByDestIP: {}", known(found.mapping_varies))?;
        let ports = report.port_mapping;
        let offered = [(ports.upnp, "UPnP"), (ports.pmp, "NAT-PMP"), (ports.pcp, "PCP")];
        let offered: Vec<_> =
            offered.iter().filter(|(is_offered, _)| *is_offered).map(|(_, name)| *name).collect();
        writeln!(f, "\t* PortMapping: {}", offered.join(", "))?;
        if report.captive_portal.is_some() {
            writeln!(f, "\t* CaptivePortal: {}", known(report.captive_portal))?;
        }
        if self.hairpin {
            writeln!(f, "\t* HairPinning: {}", known(report.hairpinning))?;
        }
        Ok(())
    }

    fn regions(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let latencies = &self.report.findings.latencies.any;
        if latencies.is_empty() {
            return writeln!(f, "\t* Nearest DERP: unknown (no response to latency probes)");
        }
        let nearest = match self.report.home.map(|home| (home, self.region(home))) {
            Some((_, Some(region))) => region.region_name.clone(),
            Some((home, None)) => format!("{home} (region not found in map)"),
            None => "[none]".to_owned(),
        };
        writeln!(f, "\t* Nearest DERP: {nearest}\n\t* DERP latency:")?;
        let mut regions: Vec<_> = self.map.live_regions().collect();
        regions.sort_by_key(|(id, _)| latencies.get(id).map_or((1, None), |latency| (0, Some(*latency))));
        for (id, region) in regions {
            let latency = latencies.get(&id).map(|latency| go::duration(*latency)).unwrap_or_default();
            let number = if self.verbose { format!("derp{id}, ") } else { String::new() };
            writeln!(f, "\t\t- {:>3}: {latency:<7} ({number}{})", region.region_code, region.region_name)?;
        }
        Ok(())
    }

    fn region(&self, id: i64) -> Option<&Region> {
        self.map.regions.get(&id)?.as_ref()
    }

    fn nodes(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let heading = ["node", "region", "STUN IPv4", "STUN IPv6", "relay IPv4", "relay IPv6", "open in"];
        let mut rows = vec![heading.map(str::to_owned)];
        rows.extend(self.report.nodes.iter().map(|node| row(node, self.map)));
        f.write_str("\t* DERP nodes:\n")?;
        let table = output::table(&rows, [false, false, true, true, true, true, true]);
        table.lines().try_for_each(|line| writeln!(f, "\t\t{line}"))
    }

    /// What is missing and can be cured, or all of it; the same of several nodes on one line.
    fn missing(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = |missing: &&Missing| self.verbose || !missing.why.remedy.is_empty();
        let mut groups: Vec<(&Missing, Vec<String>)> = Vec::new();
        for missing in self.report.missing.iter().filter(shown) {
            let same = |(first, _): &&mut (&Missing, Vec<String>)| first.why == missing.why;
            match groups.iter_mut().find(same) {
                Some((_, whose)) => whose.push(self.whose_figure(missing)),
                None => groups.push((missing, vec![self.whose_figure(missing)])),
            }
        }
        if groups.is_empty() {
            return Ok(());
        }
        f.write_str("\t* Missing figures:\n")?;
        for (first, whose) in groups {
            let Why { what, remedy, .. } = &first.why;
            write!(f, "\t\t- {}: {what}", whose.join(", "))?;
            if !remedy.is_empty() {
                write!(f, "; {remedy}")?;
            }
            f.write_char('\n')?;
        }
        Ok(())
    }

    /// Which figure of whom.
    fn whose_figure(&self, missing: &Missing) -> String {
        let family = missing.family.map(|family| match family {
            Family::V4 => "IPv4",
            Family::V6 => "IPv6",
        });
        let figure = match missing.figure {
            Figure::Udp => "UDP",
            Figure::Address => "address",
            Figure::MappingVaries => "MappingVariesByDestIP",
            Figure::PortMapping => "PortMapping",
            Figure::CaptivePortal => "CaptivePortal",
            Figure::Hairpinning => "HairPinning",
            Figure::Nearest => "Nearest DERP",
            Figure::RegionLatency => "latency",
            Figure::Stun => "STUN",
            Figure::Relay => "relay",
            _ => "figure",
        };
        let who = match (missing.region, &missing.node) {
            (Some(id), Some(node)) if self.is_shared(node) => {
                Some(format!("{} of {}", output::plain(node), region_word(id, self.map)))
            }
            (_, Some(node)) => Some(output::plain(node)),
            (Some(id), None) => Some(region_word(id, self.map)),
            (None, None) => None,
        };
        let parts = [who.as_deref(), Some(figure), family];
        parts.into_iter().flatten().collect::<Vec<_>>().join(" ")
    }

    /// Whether several nodes are called so, each in its region.
    fn is_shared(&self, label: &str) -> bool {
        self.report.nodes.iter().filter(|node| node.label == label).count() > 1
    }
}

fn known(fact: Option<bool>) -> &'static str {
    match fact {
        Some(true) => "true",
        Some(false) => "false",
        None => "",
    }
}

fn row(node: &NodeReport, map: &DerpMap) -> [String; 7] {
    let stun = [&node.stun_v4, &node.stun_v6].map(|stun| match stun {
        Ok(figure) => go::duration(figure.latency),
        Err(why) => word(why.reason).to_owned(),
    });
    let relays = [&node.relay_v4, &node.relay_v6];
    let relay = relays.map(|relay| match relay {
        Ok(figure) => go::duration(figure.latency),
        Err(why) => word(why.reason).to_owned(),
    });
    let opened = relays.iter().filter_map(|relay| relay.as_ref().ok()).map(|figure| figure.connect).min();
    let ([stun_v4, stun_v6], [relay_v4, relay_v6]) = (stun, relay);
    [
        node.label.clone(),
        region_word(node.region, map),
        stun_v4,
        stun_v6,
        relay_v4,
        relay_v6,
        opened.map(go::duration).unwrap_or_default(),
    ]
}

/// What stands in place of a figure.
fn word(reason: Reason) -> &'static str {
    match reason {
        Reason::Timeout => "timeout",
        Reason::Refused => "refused",
        Reason::Unreachable => "unreachable",
        Reason::Blocked => "blocked",
        Reason::NotResolved => "no name",
        Reason::NoAddress => "no address",
        Reason::NoFamily => "not here",
        Reason::SwitchedOff => "off",
        Reason::Pin => "wrong pin",
        Reason::Certificate => "bad cert",
        Reason::Tls => "no TLS",
        Reason::NotRelay => "no relay",
        Reason::NotAdmitted => "not admitted",
        Reason::BadEntry => "bad entry",
        Reason::Broken => "broken",
        _ => "-",
    }
}

/// The region's code, with its number where it has none of its own.
fn region_word(id: i64, map: &DerpMap) -> String {
    let code = |id| map.regions.get(&id)?.as_ref().map(|region| region.region_code.as_str());
    let own = code(id).unwrap_or_default();
    match map.live_regions().filter(|(_, region)| region.region_code == own).count() {
        _ if own.is_empty() => format!("region {id}"),
        0 | 1 => own.to_owned(),
        _ => format!("{own} ({id})"),
    }
}
