//! How far the relay's core is from the generator's: what a cache line takes from the one to the other and back.
//!
//! A virtual machine is moved between cores of its host without being told. Whether two of them share a cache decides what
//! each byte costs that the one writes and the other reads: a relay's figures differ by a third and more.

use nix::sched::{CpuSet, sched_getaffinity, sched_setaffinity};
use nix::unistd::Pid;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};
use std::{hint, io, thread};

/// Trips of which the average is taken.
const TRIPS: u32 = 4000;

/// Averages of which the median counts.
const TRIALS: usize = 11;

/// Nanoseconds that cores which share a cache do not need.
const APART: f64 = 160.0;

/// Cores are apart if they need more than those, and more than so many times what they needed at best.
const FARTHER: f64 = 2.0;

/// Between two looks.
const GLANCE: Duration = Duration::from_millis(500);

/// What was seen of the distance between two cores.
#[derive(Debug)]
pub(crate) struct Distance {
    /// Their numbers.
    pub(crate) cores: [usize; 2],
    /// How long to look at first, and to wait for them to be near before a run.
    pub(crate) patience: Duration,
    /// The least seen, in nanoseconds.
    pub(crate) nearest: f64,
    /// The most seen.
    pub(crate) farthest: f64,
}

impl Distance {
    /// Looks for a while, to find out how near they can be.
    ///
    /// # Errors
    /// This process may not run on one of the cores.
    pub(crate) fn between(cores: [usize; 2], patience: Duration) -> io::Result<Self> {
        let now = round_trip(cores)?;
        let mut distance = Self { cores, patience, nearest: now, farthest: now };
        distance.wait_until(|_, _| false)?;
        Ok(distance)
    }

    /// Waits until they are near, but not for ever; what was seen last, in nanoseconds.
    ///
    /// # Errors
    /// As [`between`](Self::between).
    pub(crate) fn wait(&mut self) -> io::Result<f64> {
        self.wait_until(|distance, now| !distance.is_apart(now))
    }

    /// Looks now; in nanoseconds.
    ///
    /// # Errors
    /// As [`between`](Self::between).
    pub(crate) fn look(&mut self) -> io::Result<f64> {
        let now = round_trip(self.cores)?;
        self.nearest = self.nearest.min(now);
        self.farthest = self.farthest.max(now);
        Ok(now)
    }

    /// Whether they are farther apart than they need be if they were seen at that distance.
    pub(crate) fn is_apart(&self, seen: f64) -> bool {
        seen > APART.max(FARTHER * self.nearest)
    }

    fn wait_until(&mut self, is_over: impl Fn(&Self, f64) -> bool) -> io::Result<f64> {
        let begin = Instant::now();
        loop {
            let now = self.look()?;
            if is_over(self, now) || begin.elapsed() > self.patience {
                return Ok(now);
            }
            thread::sleep(GLANCE);
        }
    }
}

/// Nanoseconds, the median of some averages.
fn round_trip(cores: [usize; 2]) -> io::Result<f64> {
    let ours = sched_getaffinity(Pid::from_raw(0))?;
    for core in cores {
        if !ours.is_set(core)? {
            return Err(io::Error::other(format!("core {core} is not there, or not for this process")));
        }
    }
    let mut trials = (0..TRIALS).map(|_| trial(cores)).collect::<io::Result<Vec<f64>>>()?;
    let (_, median, _) = trials.select_nth_unstable_by(TRIALS / 2, f64::total_cmp);
    Ok(*median)
}

fn trial([here, there]: [usize; 2]) -> io::Result<f64> {
    let line = AtomicU32::new(0);
    let wait = |number| {
        while line.load(Ordering::Acquire) != number {
            hint::spin_loop();
        }
    };
    thread::scope(|scope| {
        let answerer = scope.spawn(|| {
            let pinned = pin(there);
            for trip in 0..=TRIPS {
                wait(2 * trip + 1);
                line.store(2 * trip + 2, Ordering::Release);
            }
            pinned
        });
        let asker = scope.spawn(|| {
            let pinned = pin(here);
            // The answerer is at its core when it has answered.
            line.store(1, Ordering::Release);
            wait(2);
            let begin = Instant::now();
            for trip in 1..=TRIPS {
                line.store(2 * trip + 1, Ordering::Release);
                wait(2 * trip + 2);
            }
            pinned.map(|()| begin.elapsed())
        });
        let ended = |_| io::Error::other("a thread ended early");
        answerer.join().map_err(ended)??;
        let took = asker.join().map_err(ended)??;
        Ok(took.as_secs_f64() * 1e9 / f64::from(TRIPS))
    })
}

/// Keeps this thread on one core.
fn pin(core: usize) -> nix::Result<()> {
    let mut only = CpuSet::new();
    only.set(core)?;
    sched_setaffinity(Pid::from_raw(0), &only)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cores_are_apart_if_they_need_not_be() {
        let seen = |nearest| Distance { cores: [0, 1], patience: Duration::ZERO, nearest, farthest: 400.0 };
        assert!(!seen(30.0).is_apart(159.0) && seen(30.0).is_apart(161.0));
        assert!(!seen(190.0).is_apart(379.0) && seen(190.0).is_apart(381.0));
    }

    #[test]
    fn a_core_that_is_not_there_is_named() {
        let last = CpuSet::count() - 1;
        let error = round_trip([0, last]).unwrap_err().to_string();
        assert!(error.contains("core "), "{error}");
    }

    #[test]
    fn a_line_takes_its_time() {
        let ours = sched_getaffinity(Pid::from_raw(0)).unwrap();
        let cores: Vec<_> = (0..CpuSet::count()).filter(|core| ours.is_set(*core).unwrap()).collect();
        if let [here, there, ..] = cores[..] {
            let nanoseconds = round_trip([here, there]).unwrap();
            assert!((1.0..1e6).contains(&nanoseconds), "{nanoseconds} ns");
        }
    }
}
