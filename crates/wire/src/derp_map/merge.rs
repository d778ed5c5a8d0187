//! One map of several.

use super::DerpMap;

/// What merging does to a region that is there already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "a caller that reports merges tells exactly these apart")]
pub enum Change {
    /// The later one is taken, whole, with all its nodes.
    Replaced,
    /// A null takes it away.
    Removed,
}

impl DerpMap {
    /// Lays `later` over this map: of a region in both the later one stays, whole; null takes a region away and stays
    /// as null. Scores are taken one by one. Tells what changed of what was there, by id.
    ///
    /// Source: headscale: hscontrol/derp/derp.go, which takes regions alone; null as its documentation has it.
    pub fn merge(&mut self, later: Self) -> Vec<(i64, Change)> {
        let mut changes = Vec::new();
        for (id, region) in later.regions {
            let change = if region.is_some() { Change::Replaced } else { Change::Removed };
            if self.regions.insert(id, region).flatten().is_some() {
                changes.push((id, change));
            }
        }
        if let Some(home) = later.home_params {
            self.home_params.get_or_insert_default().region_score.extend(home.region_score);
        }
        self.omit_default_regions |= later.omit_default_regions;
        changes
    }

    /// Drops the nulls, which have removed what they can remove here; how many there were.
    pub fn drop_nulls(&mut self) -> usize {
        let before = self.regions.len();
        self.regions.retain(|_, region| region.is_some());
        before.saturating_sub(self.regions.len())
    }

    /// Writes it as Tailscale's policy file has it, for pasting between its outer braces: `"derpMap": {…}`.
    ///
    /// # Errors
    /// [`MapError::Json`](super::MapError::Json), though no map is known that has no JSON form.
    pub fn to_policy(&self) -> Result<String, super::MapError> {
        Ok(format!("\"derpMap\": {}", self.to_json()?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(text: &str) -> DerpMap {
        DerpMap::from_yaml(text).unwrap()
    }

    #[test]
    fn the_later_region_is_taken_whole_and_null_removes() {
        let mut merged =
            map("regions: {1: {regionid: 1, regioncode: a, nodes: [{name: x}]}, 2: {regionid: 2}, 3: null}");
        let changes = merged.merge(map(
            "regions: {1: {regionid: 1, nodes: [{name: y}]}, 2: null, 3: {regionid: 3}, 4: null}",
        ));
        assert_eq!(changes, [(1, Change::Replaced), (2, Change::Removed)]);
        let first = merged.regions[&1].as_ref().unwrap();
        assert_eq!((first.region_code.as_str(), first.nodes[0].name.as_str()), ("", "y"));
        assert_eq!(merged.drop_nulls(), 2);
        assert_eq!(merged.regions.keys().collect::<Vec<_>>(), [&1, &3]);
    }

    #[test]
    fn scores_and_the_wish_for_no_defaults_add_up() {
        let mut merged = map("omitdefaultregions: true\nhomeparams: {regionscore: {1: 2, 2: 2}}");
        assert!(merged.merge(map("homeparams: {regionscore: {2: 3}}")).is_empty());
        assert!(merged.omit_default_regions);
        let scores = merged.home_params.unwrap().region_score;
        assert_eq!(scores, [(1, 2.0), (2, 3.0)].into());
    }

    #[test]
    fn the_policy_form_is_json_between_the_policys_braces() {
        let map = map("regions: {900: {regionid: 900}, 1: null}");
        let policy = map.to_policy().unwrap();
        let whole: serde_json::Value = serde_json::from_str(&format!("{{{policy}}}")).unwrap();
        assert_eq!(serde_json::from_value::<DerpMap>(whole["derpMap"].clone()).unwrap(), map);
    }
}
