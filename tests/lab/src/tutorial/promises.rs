//! What the pages promise that their reader will see.

/// `certname` in a map, or in what was found of it.
pub(crate) fn cert_name(map: &str) -> Option<&str> {
    map.lines().find_map(|line| line.trim().strip_prefix("certname: "))
}

/// What `tailscale netcheck` says of the relay's region: a time under `DERP latency`.
pub(crate) fn latency(report: &str) -> Option<&str> {
    let regions = report.lines().skip_while(|line| !line.contains("DERP latency:"));
    let mut named = regions.filter_map(|line| line.trim().strip_prefix("- wherry: "));
    let time = named.next()?.split_whitespace().next()?;
    time.ends_with('s').then_some(time)
}

/// Whether all of what the client's commands are said to show is there, in their words.
///
/// # Errors
/// Something is missing; names it.
pub(crate) fn kept(commands: &str, said: &str) -> Result<(), String> {
    let missing = |what: &str| Err(format!("the page promises {what}:\n{said}"));
    if commands.contains("tailscale netcheck") && latency(said).is_none() {
        return missing("a time for `wherry` under `DERP latency`");
    }
    if commands.contains("tailscale ping") && !said.contains("via DERP(wherry)") {
        return missing("`via DERP(wherry)`");
    }
    if commands.contains("tailscale status\n") && !said.contains("relay \"wherry\"") {
        return missing("`relay \"wherry\"`");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pin_is_found_in_the_map() {
        assert_eq!(cert_name("regions:\n      certname: sha256-raw:0a\n"), Some("sha256-raw:0a"));
        assert_eq!(cert_name("hostname: x"), None);
    }

    #[test]
    fn a_region_without_a_time_has_no_latency() {
        let report = |line: &str| format!("Report:\n\t* UDP: true\n\t* DERP latency:\n\t\t{line}\n");
        assert_eq!(latency(&report("- wherry: 300µs   (Wherry)")), Some("300µs"));
        assert_eq!(latency(&report("- wherry:         (Wherry)")), None);
        assert_eq!(latency(&report("- other: 1ms     (Other)")), None);
        assert_eq!(latency("- wherry: 1ms"), None);
    }

    #[test]
    fn a_broken_promise_is_named() {
        assert_eq!(kept("tailscale ping b\n", "pong from b (100.64.0.2) via DERP(wherry) in 1ms"), Ok(()));
        let complaint = kept("tailscale ping b\n", "timed out").unwrap_err();
        assert!(complaint.starts_with("the page promises `via DERP(wherry)`"), "{complaint}");
        assert!(kept("tailscale status\n", "100.64.0.2 b lab linux -").is_err());
        assert!(kept("tailscale status --json | grep -m 1 PublicKey\n", "nodekey:00").is_ok());
    }
}
