//! New connections: TCP, TLS without resumption, upgrade with fast start, DERP handshake, hang-up.

use crate::link::{self, Link, Scratch, Target};
use crate::scenario::{Plan, Sample, Stopwatch};
use crate::subject::Running;
use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

/// Clients that dial at once.
const DIALLERS: usize = 8;
/// Keys a dialler goes round, so that one is never back before the relay has seen it leave.
const KEYS: usize = 64;

/// Dials and hangs up for the length of the plan.
///
/// # Errors
/// A session failed, or the relay is gone.
pub(crate) fn run(running: &Running, plan: &Plan) -> io::Result<Sample> {
    let target = Target::learn(running.addr)?;
    dial_for(&target, plan.warm_up)?;
    let stopwatch = Stopwatch::start(running)?;
    let sessions = dial_for(&target, plan.run)?;
    stopwatch.stop(running, sessions)
}

fn dial_for(target: &Target, length: Duration) -> io::Result<u64> {
    let until = Instant::now() + length;
    let sessions = AtomicU64::new(0);
    thread::scope(|scope| {
        let diallers: Vec<_> =
            (0..DIALLERS).map(|_| scope.spawn(|| dial_until(target, until, &sessions))).collect();
        diallers.into_iter().try_for_each(|dialler| {
            dialler.join().unwrap_or_else(|_| Err(io::Error::other("a dialler died")))
        })
    })?;
    Ok(sessions.into_inner())
}

fn dial_until(target: &Target, until: Instant, sessions: &AtomicU64) -> io::Result<()> {
    let keys = (0..KEYS).map(|_| link::new_key()).collect::<io::Result<Vec<_>>>()?;
    let mut scratch = Scratch::new();
    for key in keys.iter().cycle() {
        if Instant::now() >= until {
            break;
        }
        Link::dial(target, key, &mut scratch)?;
        sessions.fetch_add(1, Ordering::Relaxed);
    }
    Ok(())
}
