//! The highest rate almost without loss, the relay's peak, and what is left when three times as much is offered.

use std::io;

use super::bench::{Bench, ratio};
use super::findings::{Findings, evidence, per_second};
use super::packets::{Pace, layout};
use crate::engine::Outcome;
use crate::report::{Figure, RatePoint, Reason, ReasonCode, Unit};
use crate::verdict::overload_fault;

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

/// What came of offering too much.
struct Overload {
    point: RatePoint,
    /// Why it says nothing of the relay, if it does not.
    fault: Option<String>,
}

/// Doubles the rate until packets get lost, halves the distance a few times, then overloads.
pub(super) fn run(bench: &Bench<'_>) -> io::Result<Findings> {
    let mut steps: Vec<Step> = Vec::new();
    let (mut good, mut bad) = (0, None);
    let mut rate = bench.settings.rate;
    while bad.is_none() && rate <= TOP && bench.watch.goes_on() {
        let step = climb(bench, rate)?;
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
        let step = climb(bench, good + (top - good) / 2)?;
        if step.holds() {
            good = step.rate
        } else {
            bad = Some(step.rate)
        }
        steps.push(step);
    }
    let peak = bench.drive_peak()?;
    let overload = if good > 0 { Some(overload(bench, good.saturating_mul(OVERLOAD))?) } else { None };
    Ok(sum_up(good, bad, steps, &peak, overload))
}

impl Step {
    /// Whether almost nothing was lost, and the generator kept pace.
    fn holds(&self) -> bool {
        self.point.valid && self.point.loss < TOO_MUCH
    }
}

/// One step on the way to the highest rate.
fn climb(bench: &Bench<'_>, rate: u64) -> io::Result<Step> {
    again_if_late(|| Ok(offer(bench, rate)?.0), || bench.watch.goes_on())
}

/// A step, tried once more where the generator was late: a hiccup of the machine is no limit of the relay.
fn again_if_late(
    mut offer: impl FnMut() -> io::Result<Step>,
    goes_on: impl FnOnce() -> bool,
) -> io::Result<Step> {
    let step = offer()?;
    if step.point.valid || !goes_on() { Ok(step) } else { offer() }
}

/// More than the relay can take; whether that says something of it is judged by what matters there.
fn overload(bench: &Bench<'_>, rate: u64) -> io::Result<Overload> {
    let (mut step, outcome) = offer(bench, rate)?;
    let generator = &step.findings.generator;
    let behind = generator.latest_us / 1e6 / outcome.seconds.max(1e-9);
    let seen = evidence(bench, generator, &outcome.usage, true, outcome.tally.arrived());
    let fault = overload_fault(&seen, behind);
    step.point.valid = fault.is_none();
    Ok(Overload { point: step.point, fault })
}

fn offer(bench: &Bench<'_>, rate: u64) -> io::Result<(Step, Outcome)> {
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
    Ok((Step { rate, point, findings }, outcome))
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
    overload: Option<Overload>,
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
    let (delivered, never) = match &overload {
        None => (None, "no step was without loss"),
        Some(Overload { fault: Some(fault), .. }) => (None, fault.as_str()),
        Some(Overload { point, .. }) => (Some(point.delivered_per_second), ""),
    };
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
    let overload = overload.map(|overload| overload.point);
    findings.rates = steps.into_iter().map(|step| step.point).chain(overload).collect();
    findings.rates.sort_by(|a, b| a.offered_per_second.total_cmp(&b.offered_per_second));
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    fn step(valid: bool, loss: f64) -> Step {
        let point = RatePoint {
            offered_per_second: 1.0,
            delivered_per_second: 1.0,
            loss,
            p50_us: None,
            p99_us: None,
            per_cpu_second: None,
            held_back: 0.0,
            generator_busy: 0.5,
            server_cores: None,
            valid,
        };
        Step { rate: 1, point, findings: Findings::default() }
    }

    /// How often a step is offered when it goes like this, and whether it holds in the end.
    fn tries(outcomes: &[(bool, f64)]) -> (usize, bool) {
        let mut tried = 0;
        let offer = || {
            let (valid, loss) = outcomes[tried];
            tried += 1;
            Ok(step(valid, loss))
        };
        let holds = again_if_late(offer, || true).unwrap().holds();
        (tried, holds)
    }

    #[test]
    fn a_step_is_offered_again_once_and_only_where_the_generator_was_late() {
        assert_eq!(tries(&[(true, 0.0)]), (1, true));
        assert_eq!(tries(&[(true, 0.5)]), (1, false), "a loss of the relay is its own");
        assert_eq!(tries(&[(false, 0.0), (true, 0.0)]), (2, true));
        assert_eq!(tries(&[(false, 0.0), (false, 0.0)]), (2, false), "there is no third time");
    }
}
