//! Which region clients make their home, over several reports.
//!
//! Source: tailscale: net/netcheck/netcheck.go, `addReportHistoryAndSetPreferredDERP`.

use std::collections::VecDeque;
use std::time::Duration;

use wherry_wire::derp_map::DerpMap;

use super::findings::ByRegion;

/// How long a latency counts.
const MEMORY: Duration = Duration::from_mins(5);
/// The least gain for which a client moves.
const LEAST_GAIN: Duration = Duration::from_millis(10);

/// The reports of the last minutes, and the home chosen by the last.
#[derive(Debug, Default)]
pub(super) struct History {
    reports: VecDeque<(Duration, ByRegion)>,
    home: Option<i64>,
}

impl History {
    /// The home chosen last.
    pub(super) fn home(&self) -> Option<i64> {
        self.home
    }

    /// Takes a report's latencies up and chooses: the region that was the fastest lately, of those in this report; the
    /// old home stays unless the gain is 10 ms and a third. `now` never runs backwards.
    ///
    /// A client also keeps a home whose connection is alive; here there is none.
    pub(super) fn choose(&mut self, now: Duration, latest: &ByRegion, map: &DerpMap) -> Option<i64> {
        self.reports.retain(|(at, _)| now.saturating_sub(*at) <= MEMORY);
        self.reports.push_back((now, latest.clone()));
        let best = |region: &i64| {
            let lately = self.reports.iter().filter_map(|(_, latencies)| latencies.get(region)).min();
            scaled(map, *region, lately.copied().unwrap_or(Duration::MAX))
        };
        let fastest = latest.keys().map(|region| (best(region), *region)).min();
        let Some((best, fastest)) = fastest else {
            self.home = None;
            return None;
        };
        let old = self.home.filter(|old| *old != fastest);
        let old = old.and_then(|old| Some((old, scaled(map, old, *latest.get(&old)?))));
        let kept = old.filter(|(_, now)| !now.is_zero() && stays(best, *now)).map(|(old, _)| old);
        self.home = Some(kept.unwrap_or(fastest));
        self.home
    }
}

/// Whether the gain is too small to move.
fn stays(best: Duration, old: Duration) -> bool {
    let two_thirds = u64::try_from(old.as_nanos() / 3 * 2).map_or(Duration::MAX, Duration::from_nanos);
    old.saturating_sub(best) < LEAST_GAIN || best > two_thirds
}

/// With the map's score for the region; scores that are not positive are ignored.
fn scaled(map: &DerpMap, region: i64, latency: Duration) -> Duration {
    let score = map.home_params.as_ref().and_then(|params| params.region_score.get(&region)).copied();
    match score.filter(|score| *score > 0.0) {
        Some(score) => Duration::try_from_secs_f64(latency.as_secs_f64() * score).unwrap_or(Duration::MAX),
        None => latency,
    }
}

#[cfg(test)]
#[path = "home_tests.rs"]
mod tests;
