//! Receivers that take less than they are sent, and what that does to others.

use std::io;

use super::bench::Bench;
use super::findings::{Findings, per_second};
use crate::engine::{Flow, Layout, Member, Outcome, Reading, Shape};
use crate::order::Settings;
use crate::report::{Figure, Unit};
use wherry_wire::derp::{HEADER_LEN, KEY_LEN};

/// Bytes of a discovery packet: one ping of a stock client.
const DISCO_LEN: usize = 122;

/// Discovery packets beside a flood at the same slow receiver.
pub(super) fn lanes(bench: &Bench<'_>) -> io::Result<Findings> {
    flooded(bench, "discovery", DISCO_LEN.min(bench.settings.size), true)
}

/// An ordinary sender beside a flood at the same slow receiver.
pub(super) fn fair(bench: &Bench<'_>) -> io::Result<Findings> {
    flooded(bench, "ordinary", bench.settings.size, false)
}

/// A good receiver beside one that does not read, both fed by the same sender.
pub(super) fn slow(bench: &Bench<'_>) -> io::Result<Findings> {
    let settings = bench.settings;
    let mut layout = Layout::default();
    let (good, frozen) = (layout.class("good"), layout.class("frozen"));
    let from = layout.member(Member::default());
    let stride = u64::try_from(settings.clients).unwrap_or(1);
    for offset in 0..stride {
        let is_frozen = offset == 0;
        let reading = if is_frozen { Reading::Frozen } else { Reading::Free };
        let to = vec![layout.member(Member { reading, ..Member::default() })];
        let shape =
            Shape::Open { rate: settings.rate, burst: settings.burst_at(settings.rate), stride, offset };
        let class = if is_frozen { frozen } else { good };
        layout.flows.push(Flow { from, to, class, size: settings.size, is_disco: false, shape });
    }
    let outcome = bench.measure(&layout, "sending beside a frozen receiver")?;
    let mut findings = Findings::of_load(bench, &layout, &outcome);
    findings.loss_and_latency("good", "good receiver", &outcome.tally.class(good));
    Ok(findings)
}

fn flooded(bench: &Bench<'_>, probe: &'static str, size: usize, is_disco: bool) -> io::Result<Findings> {
    let settings = bench.settings;
    let mut layout = Layout::default();
    let (bulk, probes) = (layout.class("bulk"), layout.class(probe));
    let slow = layout.member(Member {
        reading: Reading::Paced { bytes_per_second: settings.takes / 8 },
        receive_buffer: Some(settings.receive_buffer),
        ..Member::default()
    });
    let stride = u64::try_from(settings.clients).unwrap_or(1);
    let burst = settings.burst_at(settings.rate);
    for (group, offset) in (0..settings.clients).zip(0..stride) {
        let from = layout.member(Member { group, ..Member::default() });
        let shape = Shape::Open { rate: settings.rate, burst, stride, offset };
        layout.flows.push(Flow {
            from,
            to: vec![slow],
            class: bulk,
            size: settings.size,
            is_disco: false,
            shape,
        });
    }
    let from = layout.member(Member::default());
    let shape = Shape::Open { rate: settings.probe_rate, burst: 1, stride: 1, offset: 0 };
    layout.flows.push(Flow { from, to: vec![slow], class: probes, size, is_disco, shape });
    let outcome = bench.measure(&layout, "flooding a slow receiver")?;
    let mut findings = Findings::of_load(bench, &layout, &outcome);
    findings.loss_and_latency(probe, &format!("{probe} packets"), &outcome.tally.class(probes));
    findings.figures.extend(bulk_figures(settings, bulk, &outcome));
    Ok(findings)
}

/// What of the flood came through, and how that compares with what the receiver takes.
fn bulk_figures(settings: &Settings, bulk: usize, outcome: &Outcome) -> [Figure; 3] {
    let class = outcome.tally.class(bulk);
    let frame = u64::try_from(settings.size + HEADER_LEN + KEY_LEN).unwrap_or(u64::MAX);
    let takes = per_second(settings.takes, 8.0);
    let bytes = per_second(class.arrived.saturating_mul(frame), outcome.seconds);
    let read = per_second(outcome.tally.paced_bytes, outcome.seconds);
    let delivered = per_second(class.arrived, outcome.seconds);
    [
        Figure::new("bulk_per_second", "bulk packets delivered", Unit::PerSecond, delivered),
        Figure::new("bulk_share", "bulk, of what the receiver takes", Unit::Share, bytes / takes),
        Figure::new("taken_share", "read, of what the receiver takes", Unit::Share, read / takes),
    ]
}
