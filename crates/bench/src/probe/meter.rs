//! Two looks at the clocks, and what happened between them.

use std::io;
use std::time::Duration;

use super::machine::{self, MachineCpu};
use super::process::{self, Process};
use crate::clock::Clock;

/// Reads all clocks of a run.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Meter {
    clock: Clock,
    /// The relay, if it runs here and is known.
    server: Option<Process>,
    /// The second of two relays, likewise.
    far: Option<Process>,
    /// Whether a relay may run here though its process is not known: then nobody can say what others used.
    is_server_hidden: bool,
}

/// What the clocks showed at one time.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Look {
    at: u64,
    server: Option<Duration>,
    far: Option<Duration>,
    own: Duration,
    machine: Option<MachineCpu>,
}

/// Less than this is shown as 0.00 cores: what the relay does besides is as much.
const LEAST_CORES: f64 = 0.005;

/// CPU time used between two looks, in cores: 1.0 is one core all the time.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(crate) struct Usage {
    /// Seconds between the looks.
    pub(crate) wall: f64,
    /// CPU seconds of the relay.
    pub(crate) server_seconds: Option<f64>,
    /// CPU seconds of the second of two relays.
    pub(crate) far_seconds: Option<f64>,
    /// Cores this process used.
    pub(crate) own: f64,
    /// Cores that all other processes used.
    pub(crate) others: Option<f64>,
    /// Cores that the machine below kept for itself.
    pub(crate) stolen: Option<f64>,
}

impl Meter {
    /// For a relay, and perhaps a second one, with that process or without; `is_server_hidden` tells whether one may be on
    /// this machine though its process is not known.
    pub(crate) fn new([server, far]: [Option<Process>; 2], is_server_hidden: bool) -> Self {
        Self { clock: Clock::start(), server, far, is_server_hidden }
    }

    /// The relay's process.
    pub(crate) fn server(&self) -> Option<Process> {
        self.server
    }

    /// The process of the second of two relays.
    pub(crate) fn far(&self) -> Option<Process> {
        self.far
    }

    /// Looks now.
    ///
    /// # Errors
    /// A relay's process is gone.
    pub(crate) fn read(&self) -> io::Result<Look> {
        let cpu = |process: Option<Process>| {
            let cpu = process.map(Process::cpu).transpose();
            cpu.map_err(|_| io::Error::other("the relay's process has ended; its log may say why"))
        };
        let (server, far) = (cpu(self.server)?, cpu(self.far)?);
        Ok(Look { at: self.clock.now(), server, far, own: process::own_cpu()?, machine: self.machine() })
    }

    fn machine(&self) -> Option<MachineCpu> {
        machine::cpu().ok().filter(|_| !self.is_server_hidden)
    }
}

impl Look {
    /// What was used since the earlier look.
    pub(crate) fn since(&self, earlier: &Self) -> Usage {
        let wall = Duration::from_nanos(self.at.saturating_sub(earlier.at)).as_secs_f64().max(1e-9);
        let used = |now: Option<Duration>, then: Option<Duration>| {
            now.zip(then).map(|(now, then)| now.saturating_sub(then).as_secs_f64())
        };
        let (server, far) = (used(self.server, earlier.server), used(self.far, earlier.far));
        let own = self.own.saturating_sub(earlier.own).as_secs_f64();
        let machine = self.machine.zip(earlier.machine);
        let others = machine.map(|(now, then)| {
            let all = now.processes.saturating_sub(then.processes).as_secs_f64();
            ((all - own - server.unwrap_or(0.0) - far.unwrap_or(0.0)) / wall).max(0.0)
        });
        let stolen = machine.map(|(now, then)| now.stolen.saturating_sub(then.stolen).as_secs_f64() / wall);
        Usage { wall, server_seconds: server, far_seconds: far, own: own / wall, others, stolen }
    }
}

impl Usage {
    /// Cores the relay used.
    pub(crate) fn server(&self) -> Option<f64> {
        self.server_seconds.map(|seconds| seconds / self.wall)
    }

    /// So many per CPU second of the relay; none if it took too few of them to divide by.
    #[expect(clippy::cast_precision_loss, reason = "counts stay far below 2^52")]
    pub(crate) fn per_server_second(&self, count: u64) -> Option<f64> {
        let is_enough = |seconds: &f64| *seconds > 0.0 && *seconds >= LEAST_CORES * self.wall;
        self.server_seconds.filter(is_enough).map(|seconds| count as f64 / seconds)
    }
}
