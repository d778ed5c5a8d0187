//! One load from its first packet to its last, on as many threads as asked for.

use std::io;
use std::thread;
use std::time::Duration;

use wherry_wire::key::NodePublic;

use super::control::Control;
use super::layout::Layout;
use super::tally::Tally;
use super::worker::work;
use crate::clock::{self, Clock, nanos};
use crate::link::Link;
use crate::probe::{Meter, Usage};

/// Between the last dial and the first packet.
const BREATH: Duration = Duration::from_millis(20);

/// How often the person is told how far it is, and asked whether to stop.
const GLANCE: Duration = Duration::from_millis(50);

/// How long a load is driven.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Course {
    /// Load that does not count yet.
    pub(crate) warm_up: Duration,
    /// Load that counts.
    pub(crate) length: Duration,
    /// How long what is on its way at the end is waited for.
    pub(crate) grace: Duration,
    pub(crate) threads: usize,
}

/// What came of it.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) tally: Tally,
    /// Over the time that counts.
    pub(crate) usage: Usage,
    /// Length of the time that counted, seconds.
    pub(crate) seconds: f64,
}

/// Drives the load; `watch` is told the share of it that is done and says whether to go on.
///
/// # Errors
/// The system refuses what every program needs, or the relay's process is gone.
pub(crate) fn drive(
    layout: &Layout,
    clients: Vec<(NodePublic, Link)>,
    course: &Course,
    meter: &Meter,
    watch: &dyn Fn(f64) -> bool,
) -> io::Result<Outcome> {
    let clock = Clock::start();
    let threads = course.threads.max(1);
    let begin = nanos(BREATH);
    let open = begin + nanos(course.warm_up);
    let close = open + nanos(course.length);
    let mut keys = Vec::new();
    let mut links: Vec<Vec<(usize, Link)>> = (0..threads).map(|_| Vec::new()).collect();
    for (number, (key, link)) in clients.into_iter().enumerate() {
        keys.push(key);
        if let Some(own) = links.get_mut(thread_of(layout, number, threads)) {
            own.push((number, link));
        }
    }
    let control = Control::new(clock, layout.clone(), keys, [begin, open, close, nanos(course.grace)]);
    let flows_of = |thread: usize| -> Vec<usize> {
        let own = layout
            .flows
            .iter()
            .enumerate()
            .filter(|(_, flow)| thread_of(layout, flow.from, threads) == thread);
        own.map(|(number, _)| number).collect()
    };
    thread::scope(|scope| {
        let control = &control;
        let workers: Vec<_> = links
            .into_iter()
            .enumerate()
            .map(|(thread, links)| {
                let flows = flows_of(thread);
                scope.spawn(move || work(control, links, &flows))
            })
            .collect();
        let usage = attend(control, meter, watch);
        if usage.is_err() {
            control.close_early(0);
        }
        let mut tally = Tally::new(layout.classes.len());
        for worker in workers {
            let own = worker.join().unwrap_or_else(|_| Err(io::Error::other("a thread of the load died")))?;
            tally.add(&own);
        }
        let seconds = Duration::from_nanos(control.close().saturating_sub(open)).as_secs_f64();
        Ok(Outcome { tally, usage: usage?, seconds })
    })
}

/// Reads the meter when counting begins and ends, and asks `watch` meanwhile.
fn attend(control: &Control, meter: &Meter, watch: &dyn Fn(f64) -> bool) -> io::Result<Usage> {
    wait_until(control, control.open, watch);
    let before = meter.read()?;
    wait_until(control, u64::MAX, watch);
    Ok(meter.read()?.since(&before))
}

/// Waits for that time or the close, whichever comes first.
fn wait_until(control: &Control, until: u64, watch: &dyn Fn(f64) -> bool) {
    loop {
        let now = control.clock.now();
        let close = control.close();
        let left = until.min(close).saturating_sub(now);
        if left == 0 {
            return;
        }
        if !watch(share(now, close)) {
            control.close_early(now);
        }
        clock::sleep(Duration::from_nanos(left).min(GLANCE));
    }
}

#[expect(clippy::cast_precision_loss, reason = "a share of a length needs no more")]
fn share(now: u64, close: u64) -> f64 {
    (now as f64 / close.max(1) as f64).min(1.0)
}

fn thread_of(layout: &Layout, member: usize, threads: usize) -> usize {
    layout.members.get(member).map_or(0, |member| member.group % threads)
}
