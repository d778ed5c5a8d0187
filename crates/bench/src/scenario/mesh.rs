//! Packets from clients of one relay to clients of another, over the link between the two.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use wherry_wire::derp::{FrameType, KEY_LEN, encode};
use wherry_wire::key::NodePublic;

use super::bench::{Bench, share};
use super::findings::{Findings, per_second};
use super::packets::{Pace, layout};
use crate::clock::{self, Clock, nanos};
use crate::engine::{Layout, Side};
use crate::link::{Link, Scratch};
use crate::report::{Figure, Unit};

/// How long the near relay may take to hear of the far one's clients: a link tells of each at once.
const PATIENCE: Duration = Duration::from_secs(5);

/// Between two tries.
const PAUSE: Duration = Duration::from_millis(10);

/// A packet that only shows that packets cross; too short to be taken for one of the load.
const TRIAL: &[u8] = b"wherry?";

/// Most bytes read from a link at once while trying.
const SIP: usize = 64 * 1024;

/// A client and its key.
type Client = (NodePublic, Link);

/// No packet, or not every pair's, comes from one relay to the other.
#[derive(Debug, thiserror::Error)]
#[error(
    "packets of {crossed} of {pairs} pairs cross from {from} to {to} within {} s; a link goes one way: the first must be \
     told of the second (derper: -mesh-with), and both need the same mesh key (derper: -mesh-psk-file); see whether \
     the other order of the two works",
    PATIENCE.as_secs()
)]
struct NoLink {
    from: SocketAddr,
    to: SocketAddr,
    crossed: usize,
    pairs: usize,
}

/// Senders at the first relay, receivers at the second, by the clock.
pub(super) fn run(bench: &Bench<'_>) -> io::Result<Findings> {
    let layout = across(bench);
    let mut clients = bench.gather(&layout.members, "connecting")?;
    wait_for_link(bench, &mut clients)?;
    let outcome = bench.drive_clients(&layout, clients, &bench.course(), "sending across")?;
    let mut findings = Findings::of_load(bench, &layout, &outcome);
    let class = outcome.tally.class(0);
    findings.per_cpu(bench, "packets", &outcome.usage, class.arrived);
    let far = outcome.usage.far_seconds.filter(|seconds| *seconds > 0.0);
    let delivered = per_second(class.arrived, outcome.seconds);
    findings.figures.extend([
        Figure::maybe(
            "far_packets_per_cpu_second",
            "packets per CPU second of the second",
            Unit::PerCpuSecond,
            far.map(|seconds| per_second(class.arrived, seconds)),
            &bench.no_server,
        ),
        Figure::new("packets_per_second", "packets delivered", Unit::PerSecond, delivered),
    ]);
    findings.loss_and_latency("", "", &class);
    Ok(findings)
}

/// Pairs whose receivers are at the far relay.
fn across(bench: &Bench<'_>) -> Layout {
    let mut layout = layout(bench.settings, Pace::Rate(bench.settings.rate));
    let receivers: Vec<usize> = layout.flows.iter().flat_map(|flow| flow.to.clone()).collect();
    for receiver in receivers {
        if let Some(member) = layout.members.get_mut(receiver) {
            member.side = Side::Far;
        }
    }
    layout
}

/// Sends trial packets until one of each pair has crossed.
fn wait_for_link(bench: &Bench<'_>, clients: &mut [Client]) -> io::Result<()> {
    let clock = Clock::start();
    let mut scratch = Scratch::new();
    // Members come in pairs: a sender, then its receiver.
    let mut waiting: Vec<&mut [Client]> = clients.chunks_exact_mut(2).collect();
    let pairs = waiting.len();
    loop {
        let mut first_error = None;
        waiting.retain_mut(|pair| match try_pair(pair, &mut scratch) {
            Ok(has_crossed) => !has_crossed,
            Err(err) => {
                first_error.get_or_insert(err);
                true
            }
        });
        if let Some(err) = first_error {
            return Err(err);
        }
        let crossed = pairs - waiting.len();
        bench.watch.progress("waiting for packets to cross", share(crossed, pairs));
        if waiting.is_empty() {
            return Ok(());
        }
        if clock.now() >= nanos(PATIENCE) || !bench.watch.goes_on() {
            let from = bench.aim.addr;
            let to = bench.far.as_ref().map_or(from, |far| far.addr);
            return Err(io::Error::other(NoLink { from, to, crossed, pairs }));
        }
        clock::sleep(PAUSE);
    }
}

/// Sends one packet from the first to the second; whether one has arrived.
fn try_pair(pair: &mut [Client], scratch: &mut Scratch) -> io::Result<bool> {
    let [(from, sender), (to, receiver)] = pair else { return Ok(false) };
    let mut frame = Vec::new();
    encode::send_packet(&mut frame, to, TRIAL).map_err(io::Error::other)?;
    sender.seal(&frame)?;
    sender.flush()?;
    let mut has_crossed = false;
    receiver.read_frames(scratch, SIP, |frame_type, payload| {
        let is_ours = payload.get(..KEY_LEN) == Some(from.as_bytes().as_slice());
        has_crossed |= frame_type == FrameType::RECV_PACKET && is_ours;
    })?;
    Ok(has_crossed)
}
