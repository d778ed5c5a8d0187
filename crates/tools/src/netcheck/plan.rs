//! Which node is asked by which family, and when: exactly as stock clients plan it.
//!
//! Source: tailscale: net/netcheck/netcheck.go, `makeProbePlan`.

use std::time::Duration;

use wherry_client::Family;
use wherry_wire::derp_map::{Address, DerpMap, Node, Region};

use super::findings::Latencies;

/// Between the tries of a first report.
const INITIAL_STEP: Duration = Duration::from_millis(100);
/// Tries of each family and region in a first report.
const INITIAL_TRIES: u32 = 3;
/// Between the tries of a later report, where no latency is known.
const STEP: Duration = Duration::from_millis(200);
/// Regions that a later report asks again, the fastest of the report before.
const REGIONS: usize = 3;

/// Which families this host has an address of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Families {
    /// An IPv4 address that is neither loopback nor link-local.
    pub(super) v4: bool,
    /// A global or unique-local IPv6 address.
    pub(super) v6: bool,
}

/// Questions of one family to one region; the first answer ends the set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ProbeSet {
    pub(super) family: Family,
    pub(super) probes: Vec<Probe>,
}

/// One question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Probe {
    /// From the beginning of the report.
    pub(super) delay: Duration,
    pub(super) node: Node,
}

/// What a later report knows of the one before.
#[derive(Debug, Clone, Copy)]
pub(super) struct Before<'a> {
    pub(super) latencies: &'a Latencies,
    /// The home that it chose.
    pub(super) home: Option<i64>,
}

/// The sets of a report: all regions at first, later the fastest and the home.
pub(super) fn plan(map: &DerpMap, have: Families, before: Option<Before<'_>>) -> Vec<ProbeSet> {
    match before {
        Some(before) if !before.latencies.any.is_empty() => incremental(map, have, before),
        _ => initial(map, have),
    }
}

fn initial(map: &DerpMap, have: Families) -> Vec<ProbeSet> {
    let mut sets = Vec::new();
    for (_, region) in map.live_regions().filter(|(_, region)| !region.no_measure_no_home) {
        let tries = || (0..INITIAL_TRIES).zip(region.nodes.iter().cycle());
        let probes = |fits: &dyn Fn(&Node) -> bool| -> Vec<Probe> {
            let fitting = tries().filter(|(_, node)| fits(node));
            fitting.map(|(number, node)| Probe { delay: INITIAL_STEP * number, node: node.clone() }).collect()
        };
        push(
            &mut sets,
            Family::V4,
            probes(&|node| {
                node.ipv4 != "none" && (have.v4 && node.ipv4_address() != Address::Off || is_test(node))
            }),
        );
        push(
            &mut sets,
            Family::V6,
            probes(&|node| {
                node.ipv6 != "none" && (have.v6 && node.ipv6_address() != Address::Off || is_test(node))
            }),
        );
    }
    sets
}

/// How one region is asked in a later report.
struct Effort {
    tries: u32,
    v4: bool,
    v6: bool,
    step: Duration,
    /// The report before had an IPv6 latency.
    had_v6: bool,
}

fn incremental(map: &DerpMap, have: Families, before: Before<'_>) -> Vec<ProbeSet> {
    let latencies = before.latencies;
    let had_v6 = !latencies.v6.is_empty();
    let had_both = have.v6 && had_v6 && !latencies.v4.is_empty();
    let mut home_is_planned = before.home.is_none();
    let mut sets = Vec::new();
    for (place, region) in by_speed(map, before).into_iter().enumerate() {
        let is_home = before.home == Some(region.region_id);
        if place >= REGIONS {
            if home_is_planned {
                break;
            }
            if !is_home {
                continue;
            }
        }
        let is_fastest_two = place < 2;
        let (mut v4, mut v6) = (have.v4, have.v6);
        if !is_home && !is_fastest_two {
            if had_both {
                (v4, v6) = (place.is_multiple_of(2), !place.is_multiple_of(2));
            }
            v6 &= had_v6;
        }
        home_is_planned |= is_home;
        let tries = if is_home {
            4
        } else if is_fastest_two {
            2
        } else {
            1
        };
        let known = latencies.any.get(&region.region_id).map(|latency| *latency * 120 / 100);
        let step = known.filter(|step| !step.is_zero()).unwrap_or(STEP);
        try_again(&mut sets, region, &Effort { tries, v4, v6, step, had_v6 });
    }
    sets
}

fn try_again(sets: &mut Vec<ProbeSet>, region: &Region, effort: &Effort) {
    let (mut v4, mut v6) = (Vec::new(), Vec::new());
    for (number, node) in (0..effort.tries).zip(region.nodes.iter().cycle()) {
        let v6_now = effort.v6 && (number == 0 || effort.had_v6);
        let extra = if number > 1 { Duration::from_millis(50) * number } else { Duration::ZERO };
        let probe = Probe { delay: effort.step * number + extra, node: node.clone() };
        if node.ipv4 != "none" && (effort.v4 || is_test(node)) {
            v4.push(probe.clone());
        }
        if node.ipv6 != "none" && (v6_now || is_test(node)) {
            v6.push(probe);
        }
    }
    push(sets, Family::V4, v4);
    push(sets, Family::V6, v6);
}

/// The regions that may be asked, the fastest of the report before first, those without a latency last.
fn by_speed<'a>(map: &'a DerpMap, before: Before<'_>) -> Vec<&'a Region> {
    let is_home = |region: &Region| before.home == Some(region.region_id);
    let may = |region: &&Region| !region.no_measure_no_home && (!region.avoid || is_home(region));
    let mut regions: Vec<_> = map.live_regions().map(|(_, region)| region).filter(may).collect();
    let latency = |region: &Region| {
        let known = before.latencies.any.get(&region.region_id).copied();
        known.filter(|latency| !latency.is_zero()).unwrap_or(Duration::MAX)
    };
    regions.sort_by_key(|region| latency(region));
    regions
}

fn push(sets: &mut Vec<ProbeSet>, family: Family, probes: Vec<Probe>) {
    if !probes.is_empty() {
        sets.push(ProbeSet { family, probes });
    }
}

/// Whether it is asked by a family even if this host has no address of it.
pub(super) fn is_test(node: &Node) -> bool {
    !node.stun_test_ip.is_empty() || node.ipv4 == "127.0.0.1"
}

#[cfg(test)]
#[path = "plan_tests.rs"]
mod tests;
