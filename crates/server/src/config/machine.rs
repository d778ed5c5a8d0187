//! How much memory there is for this process.

use std::fs;
use std::path::{Path, PathBuf};

/// What everything that waits may take together if nothing is said: one part of this many of the machine's memory. The
/// kernel needs as much again for the sockets' own buffers, and the relay is rarely alone.
const SHARE: u64 = 4;

/// Memory of a machine that does not tell.
const UNKNOWN: u64 = 1 << 30;

/// The default of `limits.memory` in bytes, in whole MiB.
pub(super) fn memory_share(least: usize) -> usize {
    share(memory_under(Path::new("/")), least)
}

fn share(memory: Option<u64>, least: usize) -> usize {
    let share = memory.unwrap_or(UNKNOWN) / SHARE;
    usize::try_from(share >> 20 << 20).unwrap_or(usize::MAX).max(least)
}

/// What the kernel has, or less if the process is in a control group that may use less.
///
/// Sources: proc(5), `meminfo`; cgroups(7); kernel: Documentation/admin-guide/cgroup-v2.rst, `memory.max`.
fn memory_under(root: &Path) -> Option<u64> {
    let meminfo = fs::read_to_string(root.join("proc/meminfo")).unwrap_or_default();
    let line = meminfo.lines().find_map(|line| line.strip_prefix("MemTotal:"));
    let total = line.and_then(|line| line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok());
    let total = total.map(|kib| kib.saturating_mul(1024));
    let groups = fs::read_to_string(root.join("proc/self/cgroup")).unwrap_or_default();
    let limits = groups.lines().flat_map(|line| limit_files(root, line));
    // Without a limit, version 2 says `max`, which is no number, and version 1 a number that no machine has.
    let limits = limits.filter_map(|file| fs::read_to_string(file).ok()?.trim().parse().ok());
    total.into_iter().chain(limits).min()
}

/// The files with the limits of one line of `/proc/self/cgroup`, `ID:CONTROLLERS:PATH`: of the group and of all above it.
/// In a container the path may be one of the host, which is not there; its root is.
fn limit_files(root: &Path, line: &str) -> Vec<PathBuf> {
    let mut parts = line.splitn(3, ':').skip(1);
    let (Some(controllers), Some(path)) = (parts.next(), parts.next()) else { return Vec::new() };
    let (mount, name) = if controllers.is_empty() {
        ("sys/fs/cgroup", "memory.max")
    } else if controllers.split(',').any(|controller| controller == "memory") {
        ("sys/fs/cgroup/memory", "memory.limit_in_bytes")
    } else {
        return Vec::new();
    };
    let group = Path::new(path.trim_start_matches('/'));
    group.ancestors().map(|group| root.join(mount).join(group).join(name)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn machine(files: &[(&str, &str)]) -> Option<u64> {
        let root = tempfile::tempdir().unwrap();
        for (path, text) in files {
            let path = root.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        memory_under(root.path())
    }

    const MEMINFO: (&str, &str) =
        ("proc/meminfo", "MemTotal:        1000000 kB\nMemFree:          100000 kB\n");

    #[test]
    fn memory_is_what_the_kernel_has() {
        assert_eq!(machine(&[MEMINFO]), Some(1_024_000_000));
        assert_eq!(machine(&[]), None);
    }

    #[test]
    fn a_control_group_or_one_above_it_may_have_less() {
        let group = ("proc/self/cgroup", "0::/system.slice/wherry.service\n");
        let (max, none) = ("sys/fs/cgroup/system.slice/memory.max", "max\n");
        let own = "sys/fs/cgroup/system.slice/wherry.service/memory.max";
        assert_eq!(machine(&[MEMINFO, group, (max, none), (own, "500\n")]), Some(500));
        assert_eq!(machine(&[MEMINFO, group, (max, "400\n"), (own, "500\n")]), Some(400));
        assert_eq!(machine(&[MEMINFO, group, (max, none), (own, none)]), Some(1_024_000_000));
        assert_eq!(machine(&[MEMINFO, group, ("sys/fs/cgroup/memory.max", "300\n")]), Some(300));
    }

    #[test]
    fn a_control_group_of_version_1_counts_too() {
        let group = ("proc/self/cgroup", "5:cpu,cpuacct:/a\n4:memory:/b/c\n");
        let own = "sys/fs/cgroup/memory/b/c/memory.limit_in_bytes";
        assert_eq!(machine(&[MEMINFO, group, (own, "500\n")]), Some(500));
        assert_eq!(machine(&[MEMINFO, group, (own, "9223372036854771712\n")]), Some(1_024_000_000));
    }

    #[test]
    fn the_share_is_whole_mebibytes_and_enough_to_work_with() {
        assert_eq!(share(Some(1_024_000_000), 16 << 20), 244 << 20);
        assert_eq!(share(Some(1_000_000), 16 << 20), 16 << 20);
        assert_eq!(share(None, 16 << 20), 256 << 20);
    }
}
