//! Packets between clients: at a fixed rate, and as many as the relay takes.

use std::io;

use super::bench::Bench;
use super::findings::{Findings, per_second};
use crate::engine::{Flow, Layout, Member, Shape};
use crate::order::{Pattern, Settings};
use crate::report::{Figure, Unit};

/// How packets leave.
#[derive(Debug, Clone, Copy)]
pub(super) enum Pace {
    /// So many a second, all senders together.
    Rate(u64),
    /// So many of each sender on their way at once.
    InFlight(u64),
}

/// Packets leave by the clock, whatever arrives.
pub(super) fn rate(bench: &Bench<'_>) -> io::Result<Findings> {
    relayed(bench, Pace::Rate(bench.settings.rate))
}

/// Every sender keeps its window full.
pub(super) fn peak(bench: &Bench<'_>) -> io::Result<Findings> {
    relayed(bench, Pace::InFlight(bench.settings.in_flight))
}

fn relayed(bench: &Bench<'_>, pace: Pace) -> io::Result<Findings> {
    let layout = layout(bench.settings, pace);
    let _beside = bench.gather(&idle(bench.settings), "connecting idle clients")?;
    let outcome = bench.measure(&layout, "sending")?;
    let mut findings = Findings::of_load(bench, &layout, &outcome);
    let class = outcome.tally.class(0);
    findings.per_cpu(bench, "packets", &outcome.usage, class.arrived);
    let delivered = per_second(class.arrived, outcome.seconds);
    findings.figures.push(Figure::new("packets_per_second", "packets delivered", Unit::PerSecond, delivered));
    findings.loss_and_latency("", "", &class);
    Ok(findings)
}

fn idle(settings: &Settings) -> Vec<Member> {
    vec![Member::default(); settings.idle_beside]
}

/// Clients and flows of the pattern asked for.
pub(super) fn layout(settings: &Settings, pace: Pace) -> Layout {
    let mut layout = Layout::default();
    let class = layout.class("packets");
    let ends = match settings.pattern {
        Pattern::Pairs => pairs(&mut layout, settings.pairs),
        Pattern::AllToAll => all_to_all(&mut layout, settings.clients, settings.seed),
        Pattern::OneHot => one_hot(&mut layout, settings.clients),
    };
    let stride = u64::try_from(ends.len()).unwrap_or(1);
    for (offset, (from, to)) in (0..).zip(ends) {
        let shape = match pace {
            Pace::Rate(rate) => Shape::Open { rate, burst: settings.burst_at(rate), stride, offset },
            Pace::InFlight(in_flight) => Shape::Closed { in_flight },
        };
        layout.flows.push(Flow { from, to, class, size: settings.size, is_disco: false, shape });
    }
    layout
}

/// A sender and those it sends to.
type Ends = Vec<(usize, Vec<usize>)>;

fn pairs(layout: &mut Layout, pairs: usize) -> Ends {
    let pair = |group| {
        let member = Member { group, ..Member::default() };
        (layout.member(member), vec![layout.member(member)])
    };
    (0..pairs).map(pair).collect()
}

fn all_to_all(layout: &mut Layout, clients: usize, seed: u64) -> Ends {
    for group in 0..clients {
        layout.member(Member { group, ..Member::default() });
    }
    // Each begins somewhere else, so that they do not all send to the same one at once.
    let shift = usize::try_from(seed).unwrap_or(0);
    let others = |from: usize| {
        let first = from.wrapping_mul(shift.wrapping_mul(2) | 1);
        let turns = (0..clients).map(move |turn| (first.wrapping_add(turn)) % clients);
        turns.filter(|to| *to != from).collect()
    };
    (0..clients).map(|from| (from, others(from))).collect()
}

fn one_hot(layout: &mut Layout, clients: usize) -> Ends {
    let hot = layout.member(Member::default());
    (1..clients).map(|group| (layout.member(Member { group, ..Member::default() }), vec![hot])).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::order::Scenario;
    use std::collections::BTreeSet;

    #[test]
    fn all_to_all_leaves_out_nobody_but_oneself() {
        let settings = Settings { pattern: Pattern::AllToAll, clients: 7, ..Settings::of(Scenario::Peak) };
        let layout = layout(&settings, Pace::InFlight(1));
        assert_eq!(layout.flows.len(), 7);
        for flow in &layout.flows {
            let to: BTreeSet<usize> = flow.to.iter().copied().collect();
            assert_eq!((to.len(), flow.to.len(), to.contains(&flow.from)), (6, 6, false));
        }
    }

    #[test]
    fn one_hot_receiver_has_all_the_others_for_senders() {
        let settings = Settings { pattern: Pattern::OneHot, clients: 100, ..Settings::of(Scenario::Rate) };
        let layout = layout(&settings, Pace::Rate(1000));
        assert_eq!((layout.members.len(), layout.flows.len()), (100, 99));
        assert!(layout.flows.iter().all(|flow| flow.to == [0] && flow.from != 0));
    }
}
