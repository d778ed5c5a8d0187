//! What the process itself takes.

use std::{
    fs,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

/// Facts about the process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Process {
    /// Version of the program.
    pub version: &'static str,
    /// When it started.
    pub started: SystemTime,
    /// How long ago that was.
    pub uptime: Duration,
    /// Whether `/readyz` says that it can serve.
    pub ready: bool,
}

impl Process {
    /// Seconds since 1970.
    pub(super) fn started_unix(&self) -> u64 {
        self.started.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
    }

    /// Open file descriptors; 0 where the kernel does not tell.
    pub(super) fn open_files() -> u64 {
        fs::read_dir("/proc/self/fd").map_or(0, |dir| dir.count() as u64)
    }

    /// Resident memory; 0 where the kernel does not tell. `VmRSS` of `/proc/self/status`, given in kB.
    pub(super) fn resident_bytes() -> u64 {
        let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let kib = line.and_then(|line| line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok());
        kib.unwrap_or(0).saturating_mul(1024)
    }
}
