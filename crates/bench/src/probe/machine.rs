//! The machine as a whole.

use std::fs;
use std::io;
use std::time::Duration;

use nix::sched::sched_getaffinity;
use nix::unistd::Pid;

use crate::report::Machine;

/// CPU time of the machine since it started.
#[derive(Debug, Clone, Copy)]
pub(super) struct MachineCpu {
    /// What processes used, user and system.
    pub(super) processes: Duration,
    /// What the machine below this one kept for itself.
    pub(super) stolen: Duration,
}

/// CPU time of all cores together.
///
/// # Errors
/// The kernel does not tell.
pub(super) fn cpu() -> io::Result<MachineCpu> {
    let text = fs::read_to_string("/proc/stat")?;
    let line = text.lines().next().unwrap_or_default();
    let ticks: Vec<u64> = line.split_whitespace().skip(1).filter_map(|field| field.parse().ok()).collect();
    // user nice system idle iowait irq softirq steal; interrupts are mostly those of our own packets.
    let sum = |fields: &[usize]| fields.iter().filter_map(|field| ticks.get(*field)).sum();
    Ok(MachineCpu { processes: of_ticks(sum(&[0, 1, 2])), stolen: of_ticks(sum(&[7])) })
}

/// The kernel shows CPU time in hundredths of a second, whatever its own clock.
const fn of_ticks(ticks: u64) -> Duration {
    Duration::from_millis(ticks.saturating_mul(10))
}

/// How many cores this process may use.
pub(crate) fn cores() -> usize {
    cores_of(Pid::from_raw(0))
}

/// How many cores a process may use; one if the system does not tell.
pub(super) fn cores_of(pid: Pid) -> usize {
    let allowed = sched_getaffinity(pid).map(|set| {
        (0..nix::sched::CpuSet::count()).filter(|core| set.is_set(*core).unwrap_or(false)).count()
    });
    allowed.unwrap_or(1).max(1)
}

/// What a report says of the machine.
pub(crate) fn facts() -> Machine {
    let cpu = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = cpu.lines().find_map(|line| line.strip_prefix("model name")).unwrap_or_default();
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    Machine {
        processor: model.trim_matches([' ', '\t', ':']).to_owned(),
        cores: cpu.lines().filter(|line| line.starts_with("processor")).count(),
        generator_cores: cores(),
        kernel: kernel.trim().to_owned(),
    }
}
