//! A map: its text, and the nodes in it.

use wherry_client::Dialer;
use wherry_tools::map::{self, Checked, Finding, Origin, Rule, Source};
use wherry_wire::derp_map::{DerpMap, Node, Region};

use crate::failure::Failure;
use crate::map::of_source;
use crate::subject::{self, BadQuestion, SubjectFlags};

/// A map that was asked about.
#[derive(Debug)]
pub(super) struct Asked {
    /// Empty if it cannot be read.
    pub(super) map: DerpMap,
    /// What is wrong with its text and its names.
    pub(super) findings: Vec<Finding>,
    /// Whether regions are meshed, which only the network can tell.
    pub(super) questions: Vec<Finding>,
    /// There is text, but no map in it that clients could use.
    pub(super) is_no_map: bool,
}

impl Asked {
    /// Whether there are relays in the map, none of which can be dialled by its entry.
    pub(super) fn is_useless(&self) -> bool {
        let mut relays = subject::nodes(&self.map).peekable();
        relays.peek().is_some() && relays.all(|node| subject::dialled(node).is_err())
    }
}

/// Reads the map that the words name: a file, a URL, stdin, or the JSON itself. What has words around it, or is a region or
/// a node alone, is taken for its nodes, and its text not judged.
///
/// # Errors
/// Where the words themselves are wrong, rather than what is behind them.
pub(super) async fn read(words: &str, dialer: &Dialer, flags: &SubjectFlags) -> Result<Asked, Failure> {
    let is_inline = words.trim_start().starts_with('{');
    let source = match is_inline {
        true => Source { name: "argument".to_owned(), origin: Origin::Stdin, text: words.to_owned() },
        false => match Source::read(words, dialer, flags.verify()).await {
            Ok(source) => source,
            Err(err) => {
                return match of_source(&err) {
                    wrong @ Failure::Usage(_) => Err(wrong),
                    failure => Ok(nothing(vec![err.finding()], matches!(failure, Failure::Config(_)))),
                };
            }
        },
    };
    let mut checked = map::check(&source, None);
    if !has_nodes(&checked) {
        return match subject::entry(&source.text) {
            Ok(map) if subject::nodes(&map).next().is_some() => {
                Ok(Asked { map, findings: Vec::new(), questions: Vec::new(), is_no_map: false })
            }
            Ok(_) if is_inline => Err(BadQuestion::NoRelay.into()),
            Err(wrong) if is_inline => Err(wrong.into()),
            _ => Ok(nothing(checked.findings, true)),
        };
    }
    if checked.is_refused() {
        // No client has anything of it, so no node is asked either.
        return Ok(nothing(checked.findings, true));
    }
    map::resolve(&mut checked).await;
    // What is a question to the text is asked of the nodes.
    checked.findings.retain(|finding| finding.rule != Rule::BareAddress);
    let (questions, findings) =
        checked.findings.into_iter().partition(|finding| finding.rule == Rule::MustBeMeshed);
    Ok(Asked { map: checked.map.unwrap_or_default(), findings, questions, is_no_map: false })
}

/// All nodes of a map.
pub(super) fn nodes(map: &DerpMap) -> impl Iterator<Item = &Node> {
    map.live_regions().flat_map(|(_, region)| &region.nodes)
}

/// For each of them, the map with its region and no other node.
pub(super) fn each_alone(map: &DerpMap) -> impl Iterator<Item = DerpMap> {
    let alone = |id, region: &Region, node: &Node| {
        let region = Region { nodes: vec![node.clone()], ..region.clone() };
        DerpMap { regions: [(id, Some(region))].into(), ..DerpMap::default() }
    };
    map.live_regions()
        .flat_map(move |(id, region)| region.nodes.iter().map(move |node| alone(id, region, node)))
}

fn nothing(findings: Vec<Finding>, is_no_map: bool) -> Asked {
    Asked { map: DerpMap::default(), findings, questions: Vec::new(), is_no_map }
}

fn has_nodes(checked: &Checked) -> bool {
    checked.map.as_ref().is_some_and(|map| map.live_regions().any(|(_, region)| !region.nodes.is_empty()))
}
