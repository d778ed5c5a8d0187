use std::collections::BTreeMap;

use proptest::prelude::*;
use wherry_wire::derp_map::{DerpMap, Region};

use super::*;
use crate::netcheck::plan::{Families, plan};

const MS: fn(u64) -> Duration = Duration::from_millis;
const V4: Families = Families { v4: true, v6: false };

fn map(nodes: &[(i64, usize)]) -> DerpMap {
    let node = |id, number| Node { name: format!("{id}-{number}"), region_id: id, ..Node::default() };
    let region = |(id, count): &(i64, usize)| {
        let nodes = (0..*count).map(|number| node(*id, number)).collect();
        (*id, Some(Region { region_id: *id, nodes, ..Region::default() }))
    };
    DerpMap { regions: nodes.iter().map(region).collect(), ..DerpMap::default() }
}

/// What a network does to a question: the answer's delay, if any, and the address seen.
type Network<'a> = &'a dyn Fn(&Question, u64) -> Option<(Duration, SocketAddr)>;

/// Plays a round against a network; when it was over, and how many questions were asked.
fn play(round: &mut Round, network: Network<'_>) -> (Duration, u64) {
    let (mut now, mut asked) = (Duration::ZERO, 0_u64);
    let mut under_way: BTreeMap<(Duration, u64), (TxId, SocketAddr)> = BTreeMap::new();
    loop {
        while let Some(question) = round.next_due(now) {
            asked += 1;
            let mut tx = [0; 12];
            tx[..8].copy_from_slice(&asked.to_be_bytes());
            if let Some((delay, seen)) = network(&question, asked) {
                under_way.insert((now + delay, asked), (TxId(tx), seen));
            }
            round.sent(question, TxId(tx), now);
        }
        if round.is_over(now) {
            return (now, asked);
        }
        let answer = under_way.first_key_value().map(|((at, _), _)| *at);
        match answer.filter(|at| *at <= round.wake_at()) {
            Some(at) => {
                now = at;
                let (_, (tx, seen)) = under_way.pop_first().unwrap();
                assert!(round.answered(tx, seen, now));
            }
            None => now = round.wake_at().max(now),
        }
    }
}

fn round(nodes: &[(i64, usize)]) -> Round {
    Round::new(plan(&map(nodes), V4, None), true, Findings::default())
}

fn seen(text: &str) -> SocketAddr {
    text.parse().unwrap()
}

#[test]
fn one_answer_ends_its_region_and_the_round_when_it_was_the_last() {
    let mut round = round(&[(1, 1)]);
    let (end, asked) = play(&mut round, &|_, _| Some((MS(30), seen("192.0.2.1:7"))));
    assert_eq!((end, asked), (MS(30), 1));
    assert_eq!(round.findings.latencies.any[&1], MS(30));
    assert!(round.is_content(end));
}

#[test]
fn silence_is_asked_three_times_and_waited_for_three_seconds() {
    let mut round = round(&[(1, 1), (2, 1)]);
    let (end, asked) = play(&mut round, &|_, _| None);
    assert_eq!((end, asked), (LIMIT, 6));
    assert!(!round.findings.udp && !round.is_content(end));
}

#[test]
fn a_second_node_answers_for_a_dead_first_one() {
    let mut round = round(&[(1, 2)]);
    let network =
        |question: &Question, _| (question.node.name == "1-1").then(|| (MS(20), seen("192.0.2.1:7")));
    assert_eq!(play(&mut round, &network), (MS(120), 2));
    assert_eq!(round.findings.latencies.any[&1], MS(20));
}

#[test]
fn enough_regions_leave_the_rest_twice_the_time_of_the_slowest() {
    let mut round = round(&[(1, 1), (2, 1), (3, 1), (4, 1)]);
    let network = |question: &Question, _| {
        let delay = match question.node.region_id {
            4 => return None,
            region => MS(u64::try_from(region).unwrap() * 10),
        };
        Some((delay, seen("192.0.2.1:7")))
    };
    assert_eq!(play(&mut round, &network).0, MS(90));
    assert!(round.is_content(MS(90)));
    let mut later =
        Round::new(plan(&map(&[(1, 1), (2, 1), (3, 1), (4, 1)]), V4, None), false, Findings::default());
    assert_eq!(play(&mut later, &network).0, MS(60));
}

#[test]
fn an_answer_nobody_asked_for_counts_for_nothing() {
    let mut round = round(&[(1, 1)]);
    let question = round.next_due(Duration::ZERO).unwrap();
    round.sent(question, TxId([1; 12]), Duration::ZERO);
    assert!(!round.answered(TxId([2; 12]), seen("192.0.2.1:7"), MS(5)));
    assert!(!round.findings.udp);
    assert!(round.answered(TxId([1; 12]), seen("192.0.2.1:7"), MS(5)));
    assert!(!round.answered(TxId([1; 12]), seen("192.0.2.1:7"), MS(6)), "a repeated answer");
}

proptest! {
    #[test]
    fn every_network_ends_the_round_in_time_and_the_verdict_is_what_it_did(
        nodes in prop::collection::btree_map(1..8i64, 1..4usize, 0..7),
        delays in prop::collection::vec(prop::option::of(0..4000u64), 1..40),
        ports in prop::collection::vec(1..3u16, 1..40),
    ) {
        let nodes: Vec<_> = nodes.into_iter().collect();
        let mut round = round(&nodes);
        let network = |_: &Question, number: u64| {
            let number = usize::try_from(number).unwrap();
            let delay = delays[number % delays.len()]?;
            Some((MS(delay), SocketAddr::from(([192, 0, 2, 1], ports[number % ports.len()]))))
        };
        let (end, asked) = play(&mut round, &network);
        prop_assert!(end <= LIMIT);
        prop_assert!(asked <= 3 * u64::try_from(nodes.len()).unwrap());
        let found = &round.findings;
        prop_assert_eq!(found.udp, !found.latencies.any.is_empty());
        prop_assert!(found.latencies.any.values().all(|latency| *latency <= end));
        let answers: u32 = found.seen_v4.values().sum();
        let expected = match (found.seen_v4.len(), answers) {
            (0 | 1, 0 | 1) => None,
            (1, _) => Some(false),
            _ => Some(true),
        };
        prop_assert_eq!(found.mapping_varies, expected);
    }
}
