//! The highest rate almost without loss, the relay's peak, and what is left when three times as much is offered.

use std::io;

use super::bench::{Bench, ratio};
use super::findings::{Findings, per_second};
use super::packets::{Pace, layout};
use crate::report::{Figure, RatePoint, Reason, ReasonCode, Unit};

/// A step with at least this loss is too high.
const TOO_MUCH: f64 = 0.001;

/// Steps between the last good and the first bad rate.
const HALVINGS: usize = 4;

/// The highest step, packets a second.
const TOP: u64 = 100_000_000;

/// How much more than its highest rate the relay is offered in the end.
const OVERLOAD: u64 = 3;

/// One step, with what it says of the generator.
struct Step {
    rate: u64,
    point: RatePoint,
    findings: Findings,
}

/// Doubles the rate until packets get lost, halves the distance a few times, then overloads.
pub(super) fn run(bench: &Bench<'_>) -> io::Result<Findings> {
    let mut steps: Vec<Step> = Vec::new();
    let (mut good, mut bad) = (0, None);
    let mut rate = bench.settings.rate;
    while bad.is_none() && rate <= TOP && bench.watch.goes_on() {
        let step = offer(bench, rate)?;
        if step.holds() {
            good = rate
        } else {
            bad = Some(rate)
        }
        steps.push(step);
        rate = rate.saturating_mul(2);
    }
    for _ in 0..HALVINGS {
        let Some(top) = bad.filter(|_| bench.watch.goes_on()) else { break };
        let step = offer(bench, good + (top - good) / 2)?;
        if step.holds() {
            good = step.rate
        } else {
            bad = Some(step.rate)
        }
        steps.push(step);
    }
    let peak = bench.drive_peak()?;
    let overload = if good > 0 { Some(offer(bench, good.saturating_mul(OVERLOAD))?) } else { None };
    Ok(sum_up(good, bad, steps, &peak, overload))
}

impl Step {
    /// Whether almost nothing was lost, and the generator kept pace.
    fn holds(&self) -> bool {
        self.point.valid && self.point.loss < TOO_MUCH
    }
}

fn offer(bench: &Bench<'_>, rate: u64) -> io::Result<Step> {
    let layout = layout(bench.settings, Pace::Rate(rate));
    let outcome = bench.measure(&layout, &format!("offering {rate} packets/s"))?;
    let findings = Findings::of_load(bench, &layout, &outcome);
    let class = outcome.tally.class(0);
    let point = RatePoint {
        offered_per_second: per_second(class.offered, outcome.seconds),
        delivered_per_second: per_second(class.arrived, outcome.seconds),
        loss: ratio(class.lost(), class.offered),
        p50_us: class.ages.quantile(0.5),
        p99_us: class.ages.quantile(0.99),
        per_cpu_second: outcome.usage.per_server_second(class.arrived),
        held_back: ratio(class.held_back, class.offered),
        generator_busy: findings.generator.busy,
        server_cores: outcome.usage.server(),
        valid: findings.reasons.iter().all(|reason| !is_generator(reason)),
    };
    Ok(Step { rate, point, findings })
}

/// Whether it was the generator that could not do more.
fn is_generator(reason: &Reason) -> bool {
    matches!(reason.code, ReasonCode::GeneratorLate | ReasonCode::GeneratorFull)
}

impl Bench<'_> {
    /// The relay's own peak, and what it says of the generator.
    fn drive_peak(&self) -> io::Result<(f64, Findings)> {
        let layout = layout(self.settings, Pace::InFlight(self.settings.in_flight));
        let outcome = self.measure(&layout, "looking for the peak")?;
        let findings = Findings::of_load(self, &layout, &outcome);
        Ok((per_second(outcome.tally.arrived(), outcome.seconds), findings))
    }
}

fn sum_up(
    good: u64,
    bad: Option<u64>,
    steps: Vec<Step>,
    (peak, at_peak): &(f64, Findings),
    overload: Option<Step>,
) -> Findings {
    // Of all steps the highest good one stands for the ladder: its streams, its generator, its relay.
    let best = steps.iter().filter(|step| step.rate == good).map(|step| step.findings.clone()).next();
    let mut findings = best.or_else(|| steps.first().map(|step| step.findings.clone())).unwrap_or_default();
    if let Some(step) = steps.iter().find(|step| Some(step.rate) == bad && !step.point.valid) {
        let text = format!(
            "the generator could not offer {} packets/s in time; the relay's highest rate is {good} or more",
            step.rate
        );
        findings.reasons.push(Reason { code: ReasonCode::GeneratorLate, text });
    }
    for reason in &at_peak.reasons {
        if findings.reasons.iter().all(|known| known.code != reason.code) {
            findings.reasons.push(reason.clone());
        }
    }
    let delivered = overload.as_ref().map(|step| step.point.delivered_per_second);
    let never = "no step was without loss";
    findings.figures = vec![
        Figure::new("highest_rate", "highest rate with loss < 0.1 %", Unit::PerSecond, ratio(good, 1)),
        Figure::new("peak_per_second", "peak, closed loop", Unit::PerSecond, *peak),
        Figure::maybe(
            "overload_per_second",
            "delivered at 3 times that rate",
            Unit::PerSecond,
            delivered,
            never,
        ),
        Figure::maybe(
            "overload_share",
            "the same, of the peak",
            Unit::Share,
            delivered.filter(|_| *peak > 0.0).map(|delivered| delivered / peak),
            never,
        ),
    ];
    findings.rates = steps.into_iter().chain(overload).map(|step| step.point).collect();
    findings.rates.sort_by(|a, b| a.offered_per_second.total_cmp(&b.offered_per_second));
    findings
}
