//! Whether the relays of each region forward to each other.

use futures_util::{StreamExt as _, stream};
use serde::Serialize;
use wherry_client::{Dialer, NodePrivate};
use wherry_wire::derp_map::{DerpMap, Node, Region};

use super::finding::{Finding, Part};
use crate::map::{ACROSS, MESH_CURE, Tie, ties};

/// Regions that are asked at a time.
const AT_ONCE: usize = 16;

/// What was found out about a region of several relays.
#[derive(Debug, Clone, Serialize)]
#[non_exhaustive]
pub struct RegionDiagnosis {
    /// Its number.
    pub region: i64,
    /// For each relay but the first, how it stands to those before it; and why where that could not be asked.
    pub findings: Vec<Finding>,
}

impl RegionDiagnosis {
    /// Whether nothing is to be mended.
    #[must_use]
    pub fn is_healthy(&self) -> bool {
        !self.findings.iter().any(Finding::is_fault)
    }
}

/// Sends packets between the relays of each region that has several, in the order of the map.
///
/// `keys` are those of nodes that the relays admit, for relays that admit no random key; it takes one for each.
pub async fn mesh(dialer: &Dialer, map: &DerpMap, keys: &[NodePrivate]) -> Vec<RegionDiagnosis> {
    let several = map.live_regions().filter(|(_, region)| relays(region).len() > 1);
    let asked = several.map(async |(id, region)| {
        let nodes = relays(region);
        let ties = ties(dialer, &nodes, keys).await;
        let findings = ties.into_iter().map(|(place, tie)| finding(&nodes, place, tie)).collect();
        RegionDiagnosis { region: id, findings }
    });
    stream::iter(asked).buffered(AT_ONCE).collect().await
}

fn relays(region: &Region) -> Vec<&Node> {
    region.nodes.iter().filter(|node| !node.stun_only).collect()
}

fn finding(nodes: &[&Node], place: usize, tie: Tie) -> Finding {
    let name = |place: usize| nodes.get(place).map_or("", |node| node.name.as_str());
    match tie {
        Tie::Holds { with } if nodes.len() > 2 => Finding::ok(
            Part::Mesh,
            format!(
                "packets pass between {} and each node before it that could be asked, of which {} is the first",
                name(place),
                name(with)
            ),
        ),
        Tie::Holds { with } => {
            Finding::ok(Part::Mesh, format!("packets pass between {} and {}", name(with), name(place)))
        }
        Tie::Broken { from, to } => Finding::error(
            Part::Mesh,
            format!(
                "not meshed: a packet from a client of node {} did not reach one of node {} within {} s",
                name(from),
                name(to),
                ACROSS.as_secs()
            ),
            format!("{MESH_CURE}: else two peers whose connections are on different ones do not meet"),
        ),
        Tie::Unknown { why } => Finding::skipped(
            Part::Mesh,
            format!("whether {} is meshed with the others was not asked: {why}", name(place)),
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::super::finding::Mark;
    use super::*;

    #[test]
    fn packets_between_several_are_told_of_all_of_them() {
        let nodes = ["a", "b", "c"].map(|name| Node { name: name.to_owned(), ..Node::default() });
        let nodes = nodes.each_ref();
        let said = |count: usize, place| finding(&nodes[..count], place, Tie::Holds { with: 0 }).found;
        assert_eq!(said(2, 1), "packets pass between a and b");
        assert!(said(3, 2).starts_with("packets pass between c and each node before it"), "{}", said(3, 2));
    }

    #[test]
    fn relays_that_do_not_forward_are_an_error_and_those_that_were_not_asked_none() {
        let nodes = ["a", "b"].map(|name| Node { name: name.to_owned(), ..Node::default() });
        let tied = |tie| finding(&nodes.each_ref(), 1, tie);
        assert_eq!(tied(Tie::Holds { with: 0 }).mark, Mark::Ok);
        let broken = tied(Tie::Broken { from: 0, to: 1 });
        assert!(broken.mark == Mark::Error && broken.found.contains("of node a did not reach one of node b"));
        let remedy = broken.remedy.unwrap();
        assert!(remedy.starts_with(MESH_CURE) && remedy.ends_with("do not meet"), "{remedy}");
        let unknown = tied(Tie::Unknown { why: "no key".to_owned() });
        assert_eq!((unknown.mark, unknown.found.contains("whether b is meshed")), (Mark::Skipped, true));
        assert!(unknown.found.ends_with("was not asked: no key"), "{unknown:?}");
    }
}
