//! How much memory there is for this process.

use std::fs;
use std::path::{Path, PathBuf};

use nix::sys::sysinfo::sysinfo;

/// What everything that waits may take together if nothing is said: one part of this many of the machine's memory. The
/// kernel needs as much again for the sockets' own buffers, and the relay is rarely alone.
const SHARE: u64 = 4;

/// Memory of a machine that does not tell.
const UNKNOWN: u64 = 1 << 30;

/// More memory than any machine has: an exbibyte.
const NO_MACHINE: u64 = 1 << 60;

/// What a setting came to, and why.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Share {
    /// In bytes, whole MiB.
    pub(super) bytes: usize,
    /// What it is a share of.
    pub(super) reason: String,
}

/// The default of `limits.memory`.
pub(super) fn memory_share(least: usize) -> Share {
    // The call and not `/proc/meminfo`, which a service manager may hide.
    let total = sysinfo().ok().map(|machine| machine.ram_total());
    share(usable(total, Path::new("/")), least)
}

fn share(memory: Option<(u64, Source)>, least: usize) -> Share {
    let (memory, whose) = match memory {
        Some((memory, Source::Machine)) => (memory, "that this machine has".to_owned()),
        Some((memory, Source::Group(file))) => {
            (memory, format!("that the control group may use ({})", file.display()))
        }
        None => (UNKNOWN, "that are assumed, since this machine does not tell".to_owned()),
    };
    let bytes = usize::try_from(((memory / SHARE) >> 20) << 20).unwrap_or(usize::MAX);
    let reason = match bytes < least {
        true => format!("the least allowed; a quarter of the {} MiB {whose} is less", memory >> 20),
        false => format!("a quarter of the {} MiB {whose}", memory >> 20),
    };
    Share { bytes: bytes.max(least), reason }
}

/// Who says how much there is.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Source {
    Machine,
    /// A control group, by the file with its limit.
    Group(PathBuf),
}

/// What the machine has, or less if the process is in a control group that may use less.
///
/// Sources: cgroups(7); kernel: Documentation/admin-guide/cgroup-v2.rst, `memory.max`.
fn usable(total: Option<u64>, root: &Path) -> Option<(u64, Source)> {
    let groups = fs::read_to_string(root.join("proc/self/cgroup")).unwrap_or_default();
    let limits = groups.lines().flat_map(|line| limit_files(root, line));
    // Without a limit, version 2 says `max`, which is no number, and version 1 a number that no machine has.
    let limits = limits.filter_map(|file| {
        let limit: u64 = fs::read_to_string(&file).ok()?.trim().parse().ok()?;
        (limit < NO_MACHINE).then_some((limit, Source::Group(file)))
    });
    total.map(|total| (total, Source::Machine)).into_iter().chain(limits).min()
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

    const TOTAL: u64 = 1_024_000_000;

    fn machine(total: Option<u64>, files: &[(&str, &str)]) -> Option<u64> {
        let root = tempfile::tempdir().unwrap();
        for (path, text) in files {
            let path = root.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        usable(total, root.path()).map(|(memory, _)| memory)
    }

    #[test]
    fn without_a_control_group_all_memory_is_usable() {
        assert_eq!(machine(Some(TOTAL), &[]), Some(TOTAL));
        assert_eq!(machine(None, &[]), None);
    }

    #[test]
    fn a_control_group_or_one_above_it_may_have_less() {
        let group = ("proc/self/cgroup", "0::/system.slice/wherry.service\n");
        let (max, none) = ("sys/fs/cgroup/system.slice/memory.max", "max\n");
        let own = "sys/fs/cgroup/system.slice/wherry.service/memory.max";
        let machine = |files: &[(&str, &str)]| machine(Some(TOTAL), files);
        assert_eq!(machine(&[group, (max, none), (own, "500\n")]), Some(500));
        assert_eq!(machine(&[group, (max, "400\n"), (own, "500\n")]), Some(400));
        assert_eq!(machine(&[group, (max, none), (own, none)]), Some(TOTAL));
        assert_eq!(machine(&[group, ("sys/fs/cgroup/memory.max", "300\n")]), Some(300));
    }

    #[test]
    fn a_control_group_of_version_1_counts_too() {
        let group = ("proc/self/cgroup", "5:cpu,cpuacct:/a\n4:memory:/b/c\n");
        let own = "sys/fs/cgroup/memory/b/c/memory.limit_in_bytes";
        assert_eq!(machine(Some(TOTAL), &[group, (own, "500\n")]), Some(500));
        assert_eq!(machine(Some(TOTAL), &[group, (own, "9223372036854771712\n")]), Some(TOTAL));
        assert_eq!(machine(None, &[group, (own, "9223372036854771712\n")]), None);
    }

    #[test]
    fn the_share_is_whole_mebibytes_and_enough_to_work_with() {
        let bytes =
            |memory: Option<u64>| share(memory.map(|memory| (memory, Source::Machine)), 16 << 20).bytes;
        assert_eq!(bytes(Some(1_024_000_000)), 244 << 20);
        assert_eq!(bytes(Some(1_000_000)), 16 << 20);
        assert_eq!(bytes(None), 256 << 20);
    }

    #[test]
    fn the_reason_names_who_sets_the_bound() {
        let reason = |memory| share(memory, 16 << 20).reason;
        assert_eq!(
            reason(Some((1 << 30, Source::Machine))),
            "a quarter of the 1024 MiB that this machine has"
        );
        let file = PathBuf::from("/sys/fs/cgroup/memory.max");
        let group = reason(Some((512 << 20, Source::Group(file))));
        assert_eq!(
            group,
            "a quarter of the 512 MiB that the control group may use (/sys/fs/cgroup/memory.max)"
        );
        let small = reason(Some((32 << 20, Source::Machine)));
        assert_eq!(small, "the least allowed; a quarter of the 32 MiB that this machine has is less");
        assert!(reason(None).contains("1024 MiB that are assumed"));
    }
}
