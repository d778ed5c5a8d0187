//! How many files a relay may have open: each client is one.

use wherry_tools::doctor::{Finding, Part};

/// Less than this is low: it is what the kernel gives as the hard limit where nobody says anything, and enough for some
/// thousand clients, who are counted twice while they reconnect.
const FEW: u64 = 4096;

pub(super) const REMEDY: &str = "raise it: LimitNOFILE=1048576 in the systemd unit (packaging/wherry.service has it), docker run --ulimit \
                      nofile=1048576, else ulimit -n; then restart the relay";

/// Looks at the limit of the relay's process; of this one if no relay runs.
pub(super) fn look(relay: Option<u32>, runs: bool) -> Finding {
    if runs && relay.is_none() {
        let found =
            "how many files the relay may have open: this user may not look at its process (root may)";
        return Finding::skipped(Part::Limit, found);
    }
    let process = relay.map_or_else(|| "self".to_owned(), |pid| pid.to_string());
    let file = format!("/proc/{process}/limits");
    let limits = std::fs::read_to_string(&file).ok();
    let Some([soft, hard]) = limits.as_deref().and_then(open_files) else {
        return Finding::skipped(Part::Limit, format!("how many files may be open: {file} cannot be read"));
    };
    // A relay raises the soft one to the hard one when it starts.
    let (limit, who) = match relay {
        Some(pid) => (soft, format!("the relay (process {pid})")),
        None => (hard, "this process, and a relay that is started like it,".to_owned()),
    };
    match limit {
        Some(files) if files < FEW => Finding::warning(
            Part::Limit,
            format!("{who} may have {files} files open, and each client is one"),
            REMEDY,
        ),
        Some(files) => Finding::ok(Part::Limit, format!("{who} may have {files} files open")),
        None => Finding::ok(Part::Limit, format!("{who} may have any number of files open")),
    }
}

/// How many files a process has open, if that is as many as it may: it can take no connection then.
pub(super) fn exhausted(pid: u32) -> Option<u64> {
    let limits = std::fs::read_to_string(format!("/proc/{pid}/limits")).ok()?;
    let [soft, _] = open_files(&limits)?;
    let open = std::fs::read_dir(format!("/proc/{pid}/fd")).ok()?.count() as u64;
    soft.filter(|soft| open >= *soft)
}

/// The soft and the hard limit; none is no limit.
fn open_files(limits: &str) -> Option<[Option<u64>; 2]> {
    let line = limits.lines().find_map(|line| line.strip_prefix("Max open files"))?;
    let mut fields = line.split_whitespace();
    let mut limit = || match fields.next()? {
        "unlimited" => Some(None),
        number => number.parse().ok().map(Some),
    };
    Some([limit()?, limit()?])
}

#[cfg(test)]
mod tests {
    use super::*;
    use wherry_tools::doctor::Mark;

    #[test]
    fn the_limit_of_a_relay_that_is_not_seen_is_not_taken_for_this_process_s() {
        assert_eq!(look(None, true).mark, Mark::Skipped);
        assert!(look(None, false).found.starts_with("this process"));
        assert!(look(Some(std::process::id()), true).found.starts_with("the relay (process "));
    }

    #[test]
    fn limits_are_read_as_the_kernel_writes_them() {
        let text = "Limit                     Soft Limit           Hard Limit           Units     \n\
                    Max processes             unlimited            unlimited            processes \n\
                    Max open files            1024                 unlimited            files     \n";
        assert_eq!(open_files(text), Some([Some(1024), None]));
        assert_eq!(open_files("Max open files\n"), None);
        assert_eq!(open_files(""), None);
    }
}
