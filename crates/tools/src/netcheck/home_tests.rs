use proptest::prelude::*;
use wherry_wire::derp_map::HomeParams;

use super::*;

const MS: fn(u64) -> Duration = Duration::from_millis;

fn report(latencies: &[(i64, u64)]) -> ByRegion {
    latencies.iter().map(|(region, ms)| (*region, MS(*ms))).collect()
}

/// The home after each report: at which second, and its latencies.
fn homes(map: &DerpMap, reports: &[(u64, &[(i64, u64)])]) -> Vec<Option<i64>> {
    let mut history = History::default();
    let choose = |(at, latencies): &(u64, &[(i64, u64)])| {
        history.choose(Duration::from_secs(*at), &report(latencies), map)
    };
    reports.iter().map(choose).collect()
}

fn scores(scores: &[(i64, f64)]) -> DerpMap {
    let home_params = Some(HomeParams { region_score: scores.iter().copied().collect() });
    DerpMap { home_params, ..DerpMap::default() }
}

#[test]
fn the_fastest_of_the_last_minutes_is_home_among_those_that_answer_now() {
    let plain = DerpMap::default();
    assert_eq!(homes(&plain, &[(0, &[(1, 30), (2, 20)])]), [Some(2)]);
    assert_eq!(homes(&plain, &[(0, &[(1, 20), (2, 30)]), (1, &[(2, 30)])]), [Some(1), Some(2)]);
    // Region 1 was fast once, region 2 is faster now, but not than that.
    assert_eq!(homes(&plain, &[(0, &[(1, 20)]), (1, &[(1, 200), (2, 30)])]), [Some(1), Some(1)]);
    let long_ago: &[(u64, &[(i64, u64)])] = &[(0, &[(1, 20)]), (301, &[(1, 200), (2, 30)])];
    assert_eq!(homes(&plain, long_ago), [Some(1), Some(2)]);
    assert_eq!(homes(&plain, &[(0, &[(1, 20)]), (1, &[]), (2, &[(1, 20)])]), [Some(1), None, Some(1)]);
}

#[test]
fn a_home_is_left_only_for_ten_milliseconds_and_a_third() {
    let moved = |old: u64, new: u64| {
        let first: &[(i64, u64)] = &[(1, old)];
        let then = [(1, old), (2, new)];
        homes(&DerpMap::default(), &[(0, first), (1, &then)])[1] == Some(2)
    };
    assert!(!moved(4, 1), "too little in absolute terms");
    assert!(!moved(34, 23), "too little in proportion");
    assert!(moved(34, 22));
    assert!(!moved(25, 16), "9 ms and more than a third");
    assert!(moved(100, 50));
}

#[test]
fn scores_of_the_map_weigh_and_bad_ones_do_not() {
    let reports: &[(u64, &[(i64, u64)])] = &[(0, &[(1, 10), (2, 14)])];
    assert_eq!(homes(&scores(&[(2, 2.0 / 3.0)]), reports), [Some(2)]);
    assert_eq!(homes(&scores(&[(2, 0.9)]), reports), [Some(1)]);
    assert_eq!(homes(&scores(&[(2, 0.0)]), reports), [Some(1)]);
    assert_eq!(homes(&scores(&[(2, -1.0)]), reports), [Some(1)]);
    assert_eq!(homes(&scores(&[(2, f64::NAN)]), reports), [Some(1)]);
    assert_eq!(homes(&scores(&[(1, f64::INFINITY)]), reports), [Some(2)]);
}

proptest! {
    #[test]
    fn the_home_answers_now_and_nothing_is_much_faster(
        reports in prop::collection::vec(prop::collection::btree_map(1..6i64, 1..300u64, 0..6), 1..20),
    ) {
        let mut history = History::default();
        for (second, latencies) in reports.iter().enumerate() {
            let latest = latencies.iter().map(|(region, ms)| (*region, MS(*ms))).collect();
            let at = Duration::from_secs(u64::try_from(second).unwrap() * 60);
            let Some(home) = history.choose(at, &latest, &DerpMap::default()) else {
                prop_assert!(latest.is_empty());
                continue;
            };
            prop_assert!(latest.contains_key(&home));
            prop_assert_eq!(history.home(), Some(home));
            prop_assert!(history.reports.len() <= 6);
        }
    }
}
